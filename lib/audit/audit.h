/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries x policy -> verdicts. The engine cuts gfn space and frame space into
 * segments on which every fact is constant, so that a run costs a look-up, not a
 * walk over lists.
 */
#ifndef EMT_AUDIT_AUDIT_H
#define EMT_AUDIT_AUDIT_H

#include "base/run.h"
#include "policy/defect.h"
#include "policy/facts.h"
#include "policy/release.h"

/* First axis: is the entry what this release writes? Ordered by weight. */
enum emt_verdict {
	EMT_V_NOT_PRESENT,   /* no permissions: its EMT means nothing */
	EMT_V_OK,
	EMT_V_PENDING,       /* EMT 7 here or above: recomputed when next touched */
	EMT_V_UNDETERMINED,  /* several answers possible, the entry is one of them */
	EMT_V_INHERITED,     /* a type inherited by a split from a superpage */
	EMT_V_STALE,         /* stale by design: a named gap explains it */
	EMT_V_SUSPECT,       /* explained only if a named assumed fact is false */
	EMT_V_UNSPLIT,       /* a superpage whose range the policy splits */
	EMT_V_MISCONFIGURED, /* a combination that hardware refuses or Xen never writes */
	EMT_V_MISMATCH,      /* nothing that is unknown or assumed explains it */
	EMT_V_NR,
};

enum emt_severity { EMT_SEV_INFO, EMT_SEV_NOTICE, EMT_SEV_WARNING, EMT_SEV_ERROR, EMT_SEV_CRITICAL, EMT_SEV_NR };

/* Why an entry is stale, inherited or misconfigured, and other remarks. */
enum emt_reason {
	EMT_WHY_NONE,
	EMT_WHY_VCPUS,        /* ok: follows one vCPU's MTRRs, others would give another type */
	EMT_WHY_REVOKED,      /* stale: last I/O right revoked (KD15), inputs as now */
	EMT_WHY_REVOKED_MTRR, /* stale: the same, and guest MTRRs changed since */
	EMT_WHY_HOST_MTRR,    /* stale: an earlier host MTRR explains it (KD16) */
	EMT_WHY_MMIO_RO,      /* stale: read-only ranges changed later (Q5) */
	EMT_WHY_GUARD,        /* stale: this release's guard skips recomputation (KD14, KD18) */
	EMT_WHY_ONCE,         /* stale: computed once when written (before 4.5, KD2) */
	EMT_WHY_SPLIT_2M,     /* inherited from the 2 MiB superpage around */
	EMT_WHY_SPLIT_1G,
	EMT_WHY_EMT_RESERVED, /* misconfigured: EMT 2 or 3 */
	EMT_WHY_WRITE_ONLY,   /* misconfigured: writable without being readable */
	EMT_WHY_INTERMEDIATE, /* misconfigured: intermediate EMT neither 0 nor 7 */
	EMT_WHY_EMT7_OLD,     /* misconfigured: EMT 7 before 4.5 */
	EMT_WHY_RECALC,       /* remark: recalc set with a valid EMT */
	EMT_WHY_NONCOHERENT,  /* stale: KVM, non-coherent DMA came or went (before 6.7) */
	EMT_WHY_CR0_CD,       /* stale: KVM, guest CR0.CD changed, and its quirk is on */
	EMT_WHY_NO_TYPE,      /* undetermined: the source shows no type */
	/* what the CPU really uses, of audit/usage.h */
	EMT_WHY_RAM_FORCED,   /* RAM ends uncached whatever the guest asks for */
	EMT_WHY_RAM_RULED,    /* ... by an entry as its release writes it, or leaves it by a named gap */
	EMT_WHY_RAM_ASKED,    /* ... because its page tables ask for it */
	EMT_WHY_CACHES_OFF,   /* ... because its caches are off */
	EMT_WHY_MMIO_CACHED,  /* device memory ends cached */
	EMT_WHY_ALIAS_FORCED, /* a frame cached here and uncached there, not by the guest's tables alone */
	EMT_WHY_ALIAS_ASKED,  /* ... by the guest's tables */
	EMT_WHY_ALIAS_DEVICE, /* a device's frame with two uncached types */
	EMT_WHY_TABLES_UNREAD,/* guest page tables that could not be read */
	/* mismatch, or suspect where the memory map is assumed: findings on a PV domain's p2m,
	 * in the order of enum emt_pv_finding */
	EMT_WHY_PV_IDENTITY_MISSING,
	EMT_WHY_PV_IDENTITY_ON_RAM,
	EMT_WHY_PV_MISSING_IN_HOLE,
	EMT_WHY_PV_FRAME_IN_HOLE,
	EMT_WHY_PV_M2P,
	EMT_WHY_PV_WRONG_IDENTITY,
	EMT_WHY_PV_IOMAP,     /* identity-missing of a kernel whose PTEs need _PAGE_IOMAP */
	EMT_WHY_NR,
};

/* A piece of a run on which everything is constant. */
struct emt_piece {
	struct emt_run run;      /* the part of the run */
	enum emt_verdict verdict;
	enum emt_reason why;
	emt_outcomes expected;   /* possible with assumed facts held */
	emt_outcomes possible;   /* possible with assumed facts free too */
	uint64_t facts;          /* bit = enum emt_fact_id: facts that would decide
	                          * (undetermined) or that must be false (suspect) */
	emt_defect_mask defects; /* second axis */
	uint16_t types;          /* p2m types taken for possible (assumed held) */
	bool pv;                 /* of a PV domain's p2m: no type, nothing expected */
	bool neutral;            /* a pin would not change what is expected here */
};

struct emt_engine;

/* 'release' overrides the facts' (NULL = as they say). Facts are copied and
 * completed by emt_facts_derive(). EMT_E_MISSING when no release is known,
 * EMT_E_UNSUPPORTED for paging modes without EMT. A PV domain's p2m is judged by its
 * kernel's rules (pv.h): its entries have no type, nothing is expected of them. */
int emt_engine_new(struct emt_engine **out, const struct emt_facts *facts, const char *release,
		   struct emt_err *err);
void emt_engine_free(struct emt_engine *e);
/* It judges a PV domain's p2m. */
bool emt_engine_pv(const struct emt_engine *e);
const struct emt_release *emt_engine_release(const struct emt_engine *e);
const struct emt_facts *emt_engine_facts(const struct emt_engine *e);

/* Cut 'run' into pieces and judge each; 'cb' returning non-zero stops and is passed
 * on. Runs may come in any order; in gfn order it is fastest. */
typedef int (*emt_piece_cb)(const struct emt_piece *piece, void *arg);
int emt_engine_run(struct emt_engine *e, const struct emt_run *run, emt_piece_cb cb, void *arg);

/* What the release would write: the sets for one entry, without judging. */
void emt_engine_expect(struct emt_engine *e, uint64_t gfn, uint64_t mfn, unsigned int order, unsigned int perm,
		       unsigned int p2mt, emt_outcomes *expected, emt_outcomes *possible);

const char *emt_verdict_name(unsigned int verdict);  /* "stale-by-design" ... */
int emt_verdict_parse(const char *text);
const char *emt_severity_name(unsigned int severity); /* "warning" ... */
int emt_severity_parse(const char *text);
const char *emt_reason_name(unsigned int why);        /* stable word: "revoked" ... */
const char *emt_reason_text(unsigned int why);        /* a sentence for people */
enum emt_severity emt_verdict_severity(enum emt_verdict verdict);
enum emt_severity emt_defect_level(const struct emt_defect *d);

#endif
