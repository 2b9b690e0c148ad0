/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The type that the CPU really uses: what the guest's page tables request, combined
 * with what the EPT allows (policy/effective.h), for each run of linear addresses. A
 * vCPU that sees memory differently from others has a view of its own.
 */
#ifndef EMT_AUDIT_EFFECTIVE_H
#define EMT_AUDIT_EFFECTIVE_H

#include "audit/audit.h"
#include "table/guest.h"

/* ---- guest-physical memory, for look-ups ---- */

enum emt_gpa_kind {
	EMT_GPA_RAM,   /* every p2m type taken for possible is one of memory */
	EMT_GPA_MMIO,  /* device memory without doubt */
	EMT_GPA_APIC,  /* the APIC access page: cached on purpose */
	EMT_GPA_OPEN,  /* one or the other */
	EMT_GPA_NONE,  /* nothing is mapped */
	EMT_GPA_NR,
};
const char *emt_gpa_kind_name(unsigned int kind); /* "ram", "mmio", "apic", "unknown", "none" */

struct emt_gpa {
	uint64_t gfn, last; /* inclusive */
	uint64_t mfn;       /* of 'gfn' */
	enum emt_gpa_kind kind;
	emt_outcomes now;   /* EMT and ipat that hold, or will when next touched; 0 = any */
	struct emt_run run; /* the entry, or the first of several alike */
	enum emt_verdict verdict;
};

/* Entries in gfn order, those alike joined. */
struct emt_gpas {
	struct emt_gpa *v; /* owned */
	size_t n, room;
};
/* 0 or EMT_E_NOMEM. Pieces come in gfn order; what is not present is left out. */
int emt_gpas_add(struct emt_gpas *m, const struct emt_piece *p, const struct emt_facts *f);
void emt_gpas_free(struct emt_gpas *m);
/* The first that covers or follows 'gfn'; NULL past the end. */
const struct emt_gpa *emt_gpas_from(const struct emt_gpas *m, uint64_t gfn);

/* ---- views ---- */

enum emt_cd { EMT_CD_OFF, EMT_CD_ON, EMT_CD_MAYBE };

/* vCPUs that translate alike. */
struct emt_view {
	struct emt_guest_regs regs;
	enum emt_guest_mode mode;
	uint64_t pat;
	bool pat_known;
	enum emt_cd cd;     /* caches off: Xen loads a PAT of all UC, for a domain with IOMMU only */
	uint32_t vcpu;      /* the first of them; EMT_VIEW_STATED = none, the user named the tables */
	char vcpus[48];     /* "0-3,7"; "-" when the user named the tables */
};
#define EMT_VIEW_STATED UINT32_MAX

/* One view for each way in which vCPUs differ, by vCPU; '*out' is the caller's to free.
 * EMT_E_MISSING when registers are not known, with how to get them. */
int emt_views_of(const struct emt_facts *f, struct emt_view **out, size_t *n, struct emt_err *err);
/* The view of tables that the user names. 'pat' may be NULL. */
void emt_view_stated(struct emt_view *v, const struct emt_facts *f, enum emt_guest_mode mode, uint64_t cr3,
		     const uint64_t *pat);

/* Runs of a view in order of linear addresses: of its tables, or with paging off of
 * what the p2m maps below 4 GiB, one to one. Returns 0, an error, or what 'cb' said to
 * stop. '*r' counts what could not be read. */
struct emt_view_walk {
	const struct emt_view *view;
	const struct emt_gpas *gpas;
	struct emt_guest_memory mem;
	uint64_t first, last; /* linear addresses */
	void (*table)(uint64_t gfn, unsigned int level, const void *page, void *arg);
	int (*run)(const struct emt_guest_run *run, void *arg);
	void *arg;
};
int emt_view_walk(const struct emt_view_walk *w, struct emt_guest_result *r, struct emt_err *err);

/* ---- types ---- */

enum emt_eff_finding {
	EMT_EFF_FINE,
	EMT_EFF_RAM_UC,       /* RAM that ends up UC ... */
	EMT_EFF_RAM_WC,       /* ... or WC */
	EMT_EFF_MMIO_CACHED,  /* device memory that ends up WB, WT or WP */
	EMT_EFF_NR,
};
const char *emt_eff_finding_name(unsigned int finding); /* "fine", "ram-uc", "ram-wc", "mmio-cached" */

enum emt_eff_cause { EMT_BY_EPT, EMT_BY_PAT, EMT_BY_CD, EMT_BY_NR };
const char *emt_eff_cause_name(unsigned int cause); /* "ept", "guest-pat", "cr0-cd" */

/* Part of a run on which the EPT says one thing. */
struct emt_eff {
	uint64_t va, gfn, frames;
	const struct emt_gpa *at; /* NULL: nothing is mapped */
	uint8_t order, slot, flags; /* of the guest's entry */
	uint8_t pat;            /* type requested (7 = UC-); EMT_PAT_UNKNOWN */
	uint8_t types;          /* bit per enum emt_mt: what the CPU may use; one bit = it does */
	enum emt_eff_finding finding;
	enum emt_eff_cause cause; /* what makes it so */
	enum emt_severity severity; /* of the finding */
};
#define EMT_PAT_UNKNOWN 0xff

/* Cut a run at the borders of 'gpas' and combine. 'cb' non-zero stops and is passed on. */
int emt_eff_run(const struct emt_view *v, const struct emt_gpas *gpas, const struct emt_guest_run *run,
		int (*cb)(const struct emt_eff *e, void *arg), void *arg);

/* "WB" or "UC or WB"; returns 'out'. */
char *emt_eff_types_text(unsigned int types, char *out, size_t room);

#endif
