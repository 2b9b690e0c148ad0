/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Releases and the rules that are in force in them.
 */
#ifndef EMT_POLICY_RELEASE_H
#define EMT_POLICY_RELEASE_H

#include "base/err.h"
#include "policy/box.h"

/* A version as a comparable number: 4.17.7 -> 0x04110007. Xen: major, minor,
 * sub; Linux: the same. */
#define EMT_VER(maj, min, sub) (((uint32_t)(maj) << 24) | ((uint32_t)(min) << 16) | (uint32_t)(sub))

enum emt_hypervisor { EMT_HV_XEN, EMT_HV_KVM };

/* How a release tests that the domain uses the IOMMU. */
enum emt_iommu_test {
	EMT_IOMMU_GLOBAL,     /* iommu_enabled of the host */
	EMT_IOMMU_GLOBAL_CFP, /* iommu_enabled, and cfp folded in (P3) */
	EMT_IOMMU_DOMAIN,     /* need_iommu(), has_iommu_pt(), is_iommu_enabled() */
};

/* An era: releases that share one decision list. */
struct emt_era {
	const char *id;        /* "P13", "K2": stays inside; users see releases */
	const char *name;      /* "no-mfn-valid" */
	const char *releases;  /* for people: "4.17.5-4.17.7, 4.18.3-4.20" */
	enum emt_hypervisor hv;
	bool order_aware;      /* false: the first frame decides for a superpage (before 4.5) */
	bool lazy;             /* EMT 7 means "recompute me" (Xen 4.5+) */
	bool cfp_pci;          /* cache_flush_permitted() counts PCI devices */
	bool special_valid;    /* special() is asked of valid frames only */
	bool guest_ident_pt;   /* guest type is WB while IDENT_PT is unset */
	enum emt_iommu_test iommu;
	const struct emt_rule *const *rules;
	size_t nr_rules;
};

/* Eras of one hypervisor, oldest first; NULL past the end. */
const struct emt_era *emt_era_at(enum emt_hypervisor hv, size_t i);
const struct emt_era *emt_era_by_id(const char *id);

/* Parameters of one release: its era and what differs inside an era. */
struct emt_release {
	char text[64];         /* "4.17.7" */
	char full[72];         /* for sentences: "Xen 4.17.7", "kvm 6.1.0" */
	uint32_t version;      /* EMT_VER() */
	const struct emt_era *era;
	bool special_xenheap_only; /* 4.12.4+, 4.13.2+: the special test sees Xen heap only */
	bool pins_overlap;     /* before 4.5: pins may overlap, the newest wins */
	bool exact;            /* false: beyond the releases known; the newest rules are used */
};

/* Find the release in 'text': "4.17.7", "4.17.7 (Debian 4.17.7+13-...)", "Xen
 * version 4.14.0-rc3", "staging-4.4", "master"; "kvm 6.1.0-9-amd64", "linux-6.12",
 * "kvm-memslot" (the unmerged KVM_MEM_NON_COHERENT_DMA variant), or an era id.
 * 'kvm' says how to read a bare number. EMT_E_USAGE names what is accepted. */
int emt_release_parse(struct emt_release *r, const char *text, bool kvm, struct emt_err *err);

/* KVM: entries keep their types when non-coherent DMA is registered or unregistered
 * (until 362ff6dca541 of 6.7 nothing was zapped then). */
bool emt_kvm_keeps_types(const struct emt_release *r);

/* Release by number: representative releases, oldest first, for lists and
 * comparisons; NULL past the end. */
const char *emt_release_list(size_t i, enum emt_hypervisor hv);

#endif
