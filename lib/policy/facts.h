/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of a host and a domain: the inputs of the memory-type rules.
 *
 * Every fact has a value, how firmly it is held, an origin (who said so), a time
 * and, for lists, a scope. Three degrees:
 *   known    read from the hypervisor or stated by the user;
 *   assumed  inferred, rebuilt, or a default that is nearly always right; a
 *            verdict that needs it to be false is "suspect", never "mismatch";
 *   unknown  any value is possible.
 * Lists (pins, read-only frames, special frames ...) say both how firmly the
 * listed ranges are held and how firmly the absence of all others is ("rest").
 */
#ifndef EMT_POLICY_FACTS_H
#define EMT_POLICY_FACTS_H

#include "base/err.h"
#include "base/range.h"

enum emt_held { EMT_UNKNOWN = 0, EMT_ASSUMED = 1, EMT_KNOWN = 2 };

/* Every fact that a rule can look at. The order is the order of 'facts'. */
enum emt_fact_id {
	EMT_FACT_RELEASE,          /* version string of the hypervisor */
	EMT_FACT_PAGING,           /* enum emt_paging */
	EMT_FACT_IOMMU_ENABLED,    /* global iommu_enabled */
	EMT_FACT_IOMMU_SNOOP,      /* global iommu_snoop */
	EMT_FACT_DOMAIN_IOMMU,     /* need_iommu / has_iommu_pt / is_iommu_enabled */
	EMT_FACT_IOMMU_SHARED,     /* IOMMU uses the EPT itself */
	EMT_FACT_PCI_DEVICES,      /* number of devices assigned, 0 = none */
	EMT_FACT_IOMEM_CAPS,       /* list: frames */
	EMT_FACT_IOPORT_CAPS,      /* list: ports */
	EMT_FACT_CAPS_EVER_HELD,   /* any I/O memory or port right ever held */
	EMT_FACT_HOST_MTRR_CHANGED,/* dom0 changed host MTRRs since entries were written */
	EMT_FACT_MMIO_RO_CHANGED,  /* mmio_ro_ranges changed since entries were written */
	EMT_FACT_RESTORED,         /* the guest was restored or migrated */
	EMT_FACT_IDENT_PT,         /* HVM_PARAM_IDENT_PT set (before 4.5) */
	EMT_FACT_UC_MODE,          /* "UC mode" of guest CR0.CD (before 4.2.4) */
	EMT_FACT_CURRENT,          /* index of the vCPU whose MTRRs decided; -1 dom0 */
	EMT_FACT_VCPU_MTRR,        /* each vCPU's MTRRs; parts have their own degrees */
	EMT_FACT_HOST_MTRR,
	EMT_FACT_HOST_MTRR_EARLIER,/* host MTRRs that were in force earlier */
	EMT_FACT_VALID,            /* list: frames for which mfn_valid() holds */
	EMT_FACT_SPECIAL,          /* list: frames, tag = enum emt_special_kind */
	EMT_FACT_APIC_MFN,         /* the APIC access page */
	EMT_FACT_MMIO_RO,          /* list: frames in mmio_ro_ranges */
	EMT_FACT_PINS,             /* list: gfns, tag = PAT type; in order of creation */
	EMT_FACT_P2M_TYPES,        /* list: gfns, tag = enum emt_p2mt */
	EMT_FACT_MAX_PAGE,         /* first frame number above all memory */
	EMT_FACT_HOST_E820,        /* list: frames, tag = E820 type (1 = RAM) */
	EMT_FACT_GUEST_E820,       /* the same of the guest */
	EMT_FACT_VCPU_PAT,         /* each vCPU's IA32_PAT */
	EMT_FACT_VCPU_CR0,         /* each vCPU's CR0 */
	EMT_FACT_VCPU_CR3,         /* ... and what else its page tables hang on */
	EMT_FACT_VCPU_CR4,
	EMT_FACT_VCPU_EFER,
	EMT_FACT_KVM_NONCOHERENT,  /* KVM: non-coherent DMA registered */
	EMT_FACT_KVM_QUIRK_CD,     /* KVM_X86_QUIRK_CD_NW_CLEARED on */
	EMT_FACT_KVM_QUIRK_PAT,    /* KVM_X86_QUIRK_IGNORE_GUEST_PAT on */
	EMT_FACT_KVM_SELF_SNOOP,
	EMT_FACT_KVM_CPUID_MTRR,   /* the guest's CPUID shows MTRRs */
	EMT_FACT_KVM_MAXPHYADDR,
	EMT_FACT_KVM_MMIO,         /* list: frames for which kvm_is_mmio_pfn() holds */
	EMT_FACT_KVM_SLOT_NC,      /* list: gfns in KVM_MEM_NON_COHERENT_DMA memslots */
	EMT_FACT_KVM_NC_EVER,      /* non-coherent DMA was registered at some time */
	EMT_FACT_KVM_MEMSLOTS,     /* list: gfns, tag = the memslot's flags */
	EMT_FACT_PV_KERNEL,        /* PV: release of the domain's Linux */
	EMT_FACT_PV_M2P,           /* PV, list: gfns whose frame the M2P gives to another, tag = its low 32 bits */
	EMT_FACT_PCI_BARS,         /* list: frames of device memory, tag = EMT_BAR() */
	EMT_FACT_NR,
};

#define EMT_CR0_CD (1ull << 30)

/* Flags of a memslot (KVM's API); the last is of the unmerged patches of 2024. */
#define EMT_SLOT_LOG_DIRTY 1u
#define EMT_SLOT_READONLY 2u
#define EMT_SLOT_NONCOHERENT 8u

/* Which BAR of which PCI device device memory belongs to; 6 is the ROM. */
#define EMT_BAR(segment, bus, dev, fn, bar) \
	((uint32_t)((segment) & 0x1fffu) << 19 | (uint32_t)((bus) & 0xffu) << 11 | (uint32_t)((dev) & 31u) << 6 | \
	 (uint32_t)((fn) & 7u) << 3 | ((bar) & 7u))
#define EMT_BAR_NONE UINT32_MAX /* whose it is is not known */
/* "0000:03:00.0 BAR 2", "0000:03:00.0 ROM", "device memory"; 'out' has EMT_BAR_ROOM bytes. */
#define EMT_BAR_ROOM 32
char *emt_bar_name(uint32_t tag, char out[EMT_BAR_ROOM]);

enum emt_special_kind { EMT_SPECIAL_XENHEAP = 0, EMT_SPECIAL_EXTRA = 1 };

enum emt_fact_kind { EMT_FK_BOOL, EMT_FK_INT, EMT_FK_TEXT, EMT_FK_LIST, EMT_FK_MTRR };

/* What does not change about a fact: one table, used by 'facts', by explanations
 * ("how to get it"), by the JSON reader and by the manual. */
struct emt_fact_desc {
	const char *name;   /* JSON key, as in the facts file */
	enum emt_fact_kind kind;
	const char *unit;   /* "gfn", "mfn", "port", "" */
	const char *help;   /* one line */
	const char *how;    /* how an operator gets it */
};
extern const struct emt_fact_desc emt_fact_descs[EMT_FACT_NR];

/* Id by JSON name, or -1. */
int emt_fact_by_name(const char *name);
struct emt_facts;
/* Does a list's tag mean something? */
bool emt_fact_tagged(enum emt_fact_id id);
/* False for facts of the other hypervisor, or of other paging: they say nothing about 'f'. */
bool emt_fact_concerns(const struct emt_facts *f, enum emt_fact_id id);

/* How a fact is held. 'origin' is borrowed: a string constant or one kept by
 * emt_facts_intern(). */
struct emt_prov {
	uint8_t held;       /* enum emt_held: of the value, or of what a list lists */
	uint8_t rest;       /* lists: how firmly everything not listed is absent */
	const char *origin; /* "key q", "facts file", "rebuilt by hvmloader's rule"; may be NULL */
	int64_t time;       /* seconds since 1970 of the observation; 0 = not stated */
	int64_t since;      /* lists: complete for changes from here on; 0 = always */
	uint64_t first, last; /* scope of 'rest' (gfns or frames); outside it is unknown */
};

#define EMT_MTRR_VAR_MAX 48 /* hwdom on large hosts has up to 40 (0x28) */
#define EMT_MTRR_FIXED_NR 11

/* One set of MTRRs (a vCPU's or the host's), raw MSR values. */
struct emt_mtrr {
	uint8_t def_type;   /* enum emt_mt */
	uint8_t e, fe;      /* enable bits of IA32_MTRR_DEF_TYPE */
	uint8_t vcnt;       /* variable ranges in use in 'var' */
	uint8_t def_held;   /* enum emt_held of def_type, e and fe together */
	uint8_t fixed_held; /* of all fixed ranges */
	uint8_t var_held[EMT_MTRR_VAR_MAX];
	uint64_t fixed[EMT_MTRR_FIXED_NR]; /* MSRs 250, 258, 259, 268..26f */
	uint64_t var[EMT_MTRR_VAR_MAX][2]; /* PHYSBASEn, PHYSMASKn */
};

struct emt_facts {
	struct emt_prov prov[EMT_FACT_NR];

	char release[160];      /* as reported, e.g. "4.17.7 (Debian ...)" or "kvm 6.1.0" */
	uint8_t is_kvm;         /* 'release' is a Linux kernel's */
	uint8_t paging;         /* enum emt_paging */
	uint32_t domid;
	char domain_name[64];   /* may be empty */
	char domain_uuid[40];   /* may be empty */
	uint64_t nr_pages;      /* tot_pages of the domain, 0 = not stated */
	uint64_t max_gfn;       /* 0 = not stated */

	uint8_t iommu_enabled, iommu_snoop, domain_iommu, iommu_shared;
	uint8_t caps_ever_held, host_mtrr_changed, mmio_ro_changed, restored;
	uint8_t ident_pt, uc_mode;
	uint8_t kvm_noncoherent, kvm_quirk_cd, kvm_quirk_pat, kvm_self_snoop, kvm_cpuid_mtrr;
	uint8_t kvm_maxphyaddr, kvm_nc_ever;
	uint32_t pci_devices;
	int32_t current;
	uint64_t apic_mfn;      /* EMT_NO_FRAME = none */
	uint64_t max_page;      /* 0 = not stated */
	char pv_kernel[128];    /* "6.1.0-42-amd64" */

	struct emt_ranges iomem_caps, ioport_caps, valid, special, mmio_ro, pins;
	uint8_t pins_sorted;    /* pins ascend and do not overlap; by emt_facts_normalise() */
	struct emt_ranges p2m_types, host_e820, guest_e820, kvm_mmio, kvm_slot_nc, kvm_memslots;
	struct emt_ranges pv_m2p, pci_bars;

	uint32_t nr_vcpus;          /* entries in the arrays below */
	struct emt_mtrr *vcpu_mtrr; /* owned; NULL when nr_vcpus is 0 */
	uint64_t *vcpu_pat;         /* owned */
	uint64_t *vcpu_cr0;         /* owned; as the guest sees it */
	uint64_t *vcpu_cr3, *vcpu_cr4, *vcpu_efer; /* owned */
	struct emt_mtrr host_mtrr;
	struct emt_mtrr *host_earlier; /* owned; nr_host_earlier entries */
	uint32_t nr_host_earlier;

	char **interned;            /* owned strings that origins point to */
	size_t nr_interned;
};

/* All unknown, nothing listed. */
void emt_facts_init(struct emt_facts *f);
void emt_facts_free(struct emt_facts *f);
int emt_facts_copy(struct emt_facts *to, const struct emt_facts *from);

/* Keep a copy of 's' as long as 'f' lives. Returns NULL when memory is short. */
const char *emt_facts_intern(struct emt_facts *f, const char *s);

/* State how scalar fact 'id' is held; 'origin' must be a constant or interned. */
void emt_facts_set(struct emt_facts *f, enum emt_fact_id id, enum emt_held held, const char *origin);

/* The same for a list: 'rest' is how firmly all that is not listed is absent. */
void emt_facts_set_list(struct emt_facts *f, enum emt_fact_id id, enum emt_held held, enum emt_held rest,
			const char *origin);

/* Make room for 'n' vCPUs; new ones are unknown. Returns 0 or EMT_E_NOMEM. */
int emt_facts_vcpus(struct emt_facts *f, uint32_t n);

/* The list of a list fact, or NULL if 'id' is none. */
struct emt_ranges *emt_facts_list(struct emt_facts *f, enum emt_fact_id id);
const struct emt_ranges *emt_facts_clist(const struct emt_facts *f, enum emt_fact_id id);

/* The values, one a vCPU, of a fact about registers (EMT_FACT_VCPU_PAT to _EFER): where
 * the pointer stands, or NULL if 'id' is none. */
uint64_t **emt_facts_registers(struct emt_facts *f, enum emt_fact_id id);
const uint64_t *emt_facts_cregisters(const struct emt_facts *f, enum emt_fact_id id);

/* The byte of an EMT_FK_BOOL fact, or NULL. */
uint8_t *emt_facts_flag(struct emt_facts *f, enum emt_fact_id id);

/* Mark 'm' wholly unknown / wholly held. */
void emt_mtrr_init(struct emt_mtrr *m);
void emt_mtrr_hold(struct emt_mtrr *m, enum emt_held held);

/* Sort and join the lists of frames (pins keep their order: it matters). Needed
 * before any rule is asked; emt_facts_derive() does it too. */
void emt_facts_normalise(struct emt_facts *f);

/* Fill in what follows from other facts, each marked assumed with its origin,
 * never replacing a stated one: mfn_valid from the host E820, no pins where
 * nothing lists pins, no read-only RAM, MTRRs rebuilt where the save record of
 * Xen 4.12+ repeats range 0 (policy: hvmloader's rule), IOMMU off where the boot
 * log says so. Idempotent. Pure but for memory. Returns 0 or EMT_E_NOMEM. */
int emt_facts_derive(struct emt_facts *f);

const char *emt_held_name(unsigned int held); /* "unknown", "assumed", "known" */

#endif
