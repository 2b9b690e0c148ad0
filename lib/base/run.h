/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The run: adjacent leaf entries with equal attributes and consecutive frames.
 * What every source yields, every capture holds and every audit reads.
 */
#ifndef EMT_BASE_RUN_H
#define EMT_BASE_RUN_H

#include "base/types.h"

enum emt_run_flags {
	EMT_RUN_PENDING_ABOVE = 1 << 0, /* an entry above carries EMT 7 */
	EMT_RUN_IPAT_HIDDEN = 1 << 1,   /* the source hides ipat (key D behind '?') */
	EMT_RUN_RAW = 1 << 2,           /* 'raw' holds the entry's bits */
	EMT_RUN_POD = 1 << 3,           /* populate on demand: no frame, no type */
	EMT_RUN_INTERMEDIATE = 1 << 4,  /* not a leaf: 'order' is what it covers (9, 18, 27) */
	EMT_RUN_RECALC = 1 << 5,        /* bit 10 */
	EMT_RUN_ACCESSED = 1 << 6,
	EMT_RUN_DIRTY = 1 << 7,
	EMT_RUN_SNP = 1 << 8,
	EMT_RUN_SUPPRESS_VE = 1 << 9,
	EMT_RUN_NO_TYPE = 1 << 10,      /* the source shows no EMT at all (key D before 4.5) */
};

struct emt_run {
	uint64_t gfn;    /* of the first entry, aligned to 2^order */
	uint64_t mfn;    /* of the first entry; EMT_NO_FRAME where there is none */
	uint64_t count;  /* entries; each is 2^order frames, gfn and mfn advance alike */
	uint64_t raw;    /* bits of the first entry without its mfn; if EMT_RUN_RAW */
	uint32_t flags;  /* enum emt_run_flags */
	uint8_t order;   /* 0, 9, 18 */
	uint8_t perm;    /* enum emt_perm */
	uint8_t emt;     /* enum emt_mt; 7 = recompute */
	uint8_t ipat;    /* 0 or 1; see EMT_RUN_IPAT_HIDDEN */
	uint8_t p2mt;    /* enum emt_p2mt or EMT_P2M_UNKNOWN */
	uint8_t access;  /* p2m_access_t, 0xff unknown */
	uint8_t pad[6];
};

/* Frames (4 KiB) that the run covers. */
static inline uint64_t emt_run_frames(const struct emt_run *r)
{
	return r->count << r->order;
}

/* Last gfn of the run. */
static inline uint64_t emt_run_last(const struct emt_run *r)
{
	return r->gfn + emt_run_frames(r) - 1;
}

/* True if 'b' continues 'a': same attributes, next gfn, next frame. */
bool emt_run_joins(const struct emt_run *a, const struct emt_run *b);

/* EMT and ipat as key D prints them: "WB!", "UC ", "WB?" without trailing
 * blanks ("UC"); "PoD" and "-" where there is no type. out: 8 bytes. */
void emt_run_type_text(const struct emt_run *r, char out[8]);

#endif
