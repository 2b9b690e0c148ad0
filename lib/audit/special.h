/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages that a guest shares with Xen or with other domains: shared info, grant and
 * status frames, grant mappings. Xen's toolstacks place them where the guest thinks a
 * device is, in the hole that its MTRRs make UC; whether they are cached all the same
 * depends on the release (xen-devel, 2020).
 */
#ifndef EMT_AUDIT_SPECIAL_H
#define EMT_AUDIT_SPECIAL_H

#include "audit/audit.h"

enum emt_special_what {
	EMT_SP_XENHEAP, /* shared info, grant table and status frames (Xen heap) */
	EMT_SP_EXTRA,   /* counted extra: ioreq pages, vmtrace buffers, from 4.15 the APIC page */
	EMT_SP_APIC,    /* the APIC access page */
	EMT_SP_GRANT,   /* another domain's page, mapped by a grant */
	EMT_SP_FOREIGN, /* ... or as foreign memory */
	EMT_SP_NR,
};
const char *emt_special_what_name(unsigned int what); /* "xen-heap", "extra", "apic-access", "grant", "foreign" */
const char *emt_special_what_text(unsigned int what);

enum emt_special_cached { EMT_SPC_YES, EMT_SPC_NO, EMT_SPC_PENDING, EMT_SPC_OPEN };
const char *emt_special_cached_name(unsigned int cached); /* "yes", "no", "pending", "undetermined" */

struct emt_special_page {
	enum emt_special_what what;
	bool certain;              /* its kind is not in doubt */
	struct emt_run run;        /* the first frame's entry */
	uint64_t gfn, mfn, frames;
	uint16_t guest;            /* set of enum emt_mtrr_value: the guest's MTRRs there */
	bool hole;                 /* they say UC for sure: where the guest expects devices */
	enum emt_verdict verdict;
	emt_outcomes expected;
	emt_defect_mask defects;   /* of this release, that concern it */
	enum emt_special_cached cached;  /* asked for WB, does the CPU cache it, as the entry is */
	enum emt_special_cached by_rule; /* ... and as the release writes it */
};

/* Every special page of a piece, those alike joined; 'cb' non-zero stops and is passed
 * on. EMT_E_NOMEM. */
int emt_special_of(struct emt_engine *e, const struct emt_piece *p,
		   int (*cb)(const struct emt_special_page *s, void *arg), void *arg);
/* 'next' continues 's': joined, true. */
bool emt_special_join(struct emt_special_page *s, const struct emt_special_page *next);

#endif
