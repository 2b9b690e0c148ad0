/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What changed between two walks: a merge of two streams of runs in gfn order, cut to
 * common frames, each side judged by its own engine. Pages that changed alike are
 * grouped. Memory is bounded whatever the size of the guests.
 */
#ifndef EMT_AUDIT_DIFF_H
#define EMT_AUDIT_DIFF_H

#include "audit/spans.h"

/* What changed about a page; a set. */
enum emt_diff_change {
	EMT_DIFF_ADDED = 1 << 0,       /* mapped in the newer walk only */
	EMT_DIFF_REMOVED = 1 << 1,     /* in the older only */
	EMT_DIFF_FRAME = 1 << 2,       /* another machine frame */
	EMT_DIFF_PERM = 1 << 3,
	EMT_DIFF_TYPE = 1 << 4,        /* EMT, ipat, or marked for recomputation */
	EMT_DIFF_SIZE = 1 << 5,        /* split, or joined to a superpage */
	EMT_DIFF_P2MT = 1 << 6,
	EMT_DIFF_VERDICT = 1 << 7,
};
#define EMT_DIFF_NR 8
/* "added" ... for bit i. */
const char *emt_diff_change_name(unsigned int bit);

/* One side of a group, as far as it is the same for all of it. */
struct emt_diff_side {
	uint8_t emt, ipat, perm, order, p2mt;
	uint8_t verdict;     /* enum emt_verdict, EMT_V_NR = not judged */
	uint32_t flags;      /* of enum emt_run_flags: those that show in the type's text */
};

struct emt_diff_group {
	uint32_t change;     /* set of enum emt_diff_change */
	struct emt_diff_side before, after; /* the one that is not there is all 0 */
	struct emt_spans at; /* entries: 4 KiB frames */
};

struct emt_diff_sum {
	uint64_t frames_before, frames_after; /* mapped */
	uint64_t same;                        /* frames mapped in both, nothing changed */
	uint64_t changed[EMT_DIFF_NR];        /* frames by kind of change */
	uint64_t changed_any;
	uint64_t overflow;                    /* frames of groups there was no room for */
};

/* The next run of a side in gfn order: 1, 0 at the end, <0 error. */
struct emt_diff_input {
	int (*next)(void *arg, struct emt_run *run);
	void *arg;
	struct emt_engine *engine; /* borrowed; NULL = its entries are not judged */
};

struct emt_diff;

int emt_diff_new(struct emt_diff **out);
void emt_diff_free(struct emt_diff *d);
/* Read both sides to the end. 0, an error of a 'next', or EMT_E_NOMEM. */
int emt_diff_merge(struct emt_diff *d, const struct emt_diff_input *before,
		   const struct emt_diff_input *after);
/* Groups by weight: verdicts and types first, then more frames. After _merge(). */
size_t emt_diff_count(const struct emt_diff *d);
const struct emt_diff_group *emt_diff_get(const struct emt_diff *d, size_t i);
const struct emt_diff_sum *emt_diff_summary(const struct emt_diff *d);

/* What became of a finding. */
enum emt_finding_change { EMT_FINDING_NEW, EMT_FINDING_CLEARED, EMT_FINDING_KEPT };
const char *emt_finding_change_name(unsigned int change);
/* The finding of 'in' that says the same as 'f' (kind, defect, reason, type); NULL. */
const struct emt_finding *emt_finding_like(const struct emt_findings *in, const struct emt_finding *f);

#endif
