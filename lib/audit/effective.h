/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The type that the CPU really uses: what the guest's page tables request, combined
 * with what the EPT, or the nested table and the host's MTRRs, allow
 * (policy/effective.h), for each run of linear addresses. A vCPU that sees memory
 * differently from others has a view of its own.
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

#define EMT_PAT_UNKNOWN 0xff /* no PAT type: it is not known, or there is none */
#define EMT_PAT_OPEN 8       /* of a nested entry whose bits the source does not show */

struct emt_gpa {
	uint64_t gfn, last; /* inclusive */
	uint64_t mfn;       /* of 'gfn' */
	uint8_t kind;       /* enum emt_gpa_kind */
	emt_outcomes now;   /* EMT and ipat that hold, or will when next touched; 0 = any */
	uint16_t flags;     /* enum emt_run_flags of the entry, or of the first of several alike */
	uint8_t emt, ipat;
	uint8_t verdict;    /* enum emt_verdict; nested entries have none */
	uint8_t nested;     /* PAT type of an entry of a nested table (AMD); EMT_PAT_UNKNOWN = of EPT */
	uint8_t mtrr;       /* nested: host MTRR types that the frames may have, a bit per enum emt_mt */
	bool mtrr_assumed;  /* the host's MTRRs are not known: as firmware sets them up */
};

#define EMT_GPAS_BLOCK 64

/* Entries in gfn order, those alike joined. */
struct emt_gpas {
	struct emt_gpa *v; /* owned */
	size_t n, room;
	uint64_t *key;     /* owned: gfn of each EMT_GPAS_BLOCK-th, few enough to stay in a cache */
	uint64_t *cut;     /* owned: frames at which host MTRR types may change, for nested tables */
	size_t nr_cuts, room_cuts;
};
/* 0 or EMT_E_NOMEM. Pieces come in gfn order; what is not present is left out. */
int emt_gpas_add(struct emt_gpas *m, const struct emt_piece *p, const struct emt_facts *f);
/* The same for a run of a nested table, cut where host MTRRs end. RAM above 4 GiB that no
 * variable range covers is WB: firmware sets Tom2ForceMemTypeWB (APM vol. 2, 7.9.1).
 * EMT_E_NOMEM. */
int emt_gpas_add_npt(struct emt_gpas *m, const struct emt_run *run, const struct emt_facts *f);
void emt_gpas_free(struct emt_gpas *m);
/* What the hypervisor's entry says as a word: "WB!" as key D prints it; of a nested one the
 * PAT type, "UC-". out: 8 bytes; returns 'out'. */
char *emt_gpa_type_text(const struct emt_gpa *g, char out[8]);
/* The first that covers or follows 'gfn'; NULL past the end. */
const struct emt_gpa *emt_gpas_from(const struct emt_gpas *m, uint64_t gfn);

/* ---- views ---- */

/* Caches off: on Intel a PAT of all UC, where Xen heeds CR0.CD (policy/effective.h); on AMD
 * the processor itself heeds it. */
enum emt_cd { EMT_CD_OFF, EMT_CD_ON, EMT_CD_MAYBE };

/* vCPUs that translate alike. */
struct emt_view {
	struct emt_guest_regs regs;
	enum emt_guest_mode mode;
	uint64_t pat;
	bool pat_known;
	enum emt_cd cd;
	uint32_t vcpu;      /* the first of them; EMT_VIEW_STATED = none, the user named the tables */
	char vcpus[48];     /* "0-3,7"; "-" when the user named the tables */
};
#define EMT_VIEW_STATED UINT32_MAX

/* One view for each way in which vCPUs differ, by vCPU; '*out' is the caller's to free.
 * 'rel' NULL: the release is not known. EMT_E_MISSING when registers are not known, with
 * how to get them. */
int emt_views_of(const struct emt_facts *f, const struct emt_release *rel, struct emt_view **out, size_t *n,
		 struct emt_err *err);
/* The view of tables that the user names. 'pat' may be NULL. */
void emt_view_stated(struct emt_view *v, const struct emt_facts *f, enum emt_guest_mode mode, uint64_t cr3,
		     const uint64_t *pat);

/* Does one table mean the same to both, from whichever root it is reached? */
bool emt_views_agree(const struct emt_view *a, const struct emt_view *b);

/* Runs of a view in order of linear addresses: of its tables, or with paging off of
 * what the p2m maps below 4 GiB, one to one. Returns 0, an error, or what 'cb' said to
 * stop. '*r' counts what could not be read. */
struct emt_view_walk {
	const struct emt_view *view;
	const struct emt_gpas *gpas;
	struct emt_guest_memory mem;
	uint64_t first, last; /* linear addresses */
	struct emt_frameset *seen; /* as in struct emt_guest_opts */
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

enum emt_eff_cause { EMT_BY_EPT, EMT_BY_PAT, EMT_BY_CD, EMT_BY_NPT, EMT_BY_HOST_MTRR, EMT_BY_NR };
/* "ept", "guest-pat", "cr0-cd", "npt", "host-mtrr" */
const char *emt_eff_cause_name(unsigned int cause);

/* Part of a run on which the EPT says one thing. */
struct emt_eff {
	uint64_t va, gfn, frames;
	const struct emt_gpa *at; /* NULL: nothing is mapped */
	uint8_t order, slot, flags; /* of the guest's entry */
	uint8_t pat;            /* type requested (7 = UC-); EMT_PAT_UNKNOWN */
	uint8_t types;          /* bit per enum emt_mt, EMT_MT_CD or EMT_MT_WC_PLUS: what the CPU may use;
				 * one bit = it does */
	enum emt_eff_finding finding;
	enum emt_eff_cause cause; /* what makes it so */
	enum emt_severity severity; /* of the finding */
};
/* Cut a run at the borders of 'gpas' and combine. 'cb' non-zero stops and is passed on. */
int emt_eff_run(const struct emt_view *v, const struct emt_gpas *gpas, const struct emt_guest_run *run,
		int (*cb)(const struct emt_eff *e, void *arg), void *arg);

/* "WB" or "UC or WB"; returns 'out'. */
char *emt_eff_types_text(unsigned int types, char *out, size_t room);

#endif
