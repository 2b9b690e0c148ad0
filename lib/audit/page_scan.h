/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inner loops over a table page, in plain C and in vector code: inside lib/audit
 * only. Masks have a bit per entry, entry i in word i >> 6. */
#ifndef EMT_AUDIT_PAGE_SCAN_H
#define EMT_AUDIT_PAGE_SCAN_H

#include "base/range.h"

#define EMT_PAGE_ENTRIES 512
#define EMT_PAGE_WORDS (EMT_PAGE_ENTRIES / 64)

/* Frames of the commonest kind: a filter with a bit for each 2^shift frames, set where
 * a frame of the group is of another kind. */
struct emt_frame_filter {
	uint64_t *bits;      /* 32-bit words to vector code; padded */
	uint64_t frames;     /* frames covered; those beyond are never common */
	unsigned int shift;
	uint32_t profile;    /* the commonest */
	uint64_t lo, hi;     /* a stretch [lo, hi) that is all common: the last one met */
	/* What the filter marks is looked at closer: uncommon frames of short segments by
	 * a hash of bits, long segments by a short list. Both can only say "perhaps". */
	uint64_t *exact;     /* EMT_EXACT_BITS bits */
	struct emt_range *longer;
	size_t nr_longer;
};

#define EMT_EXACT_BITS (1u << 23)

static inline uint32_t emt_exact_bit(uint64_t mfn)
{
	return (uint32_t)((mfn * 0x9e3779b97f4a7c15ull) >> 41);
}

struct emt_page_scans {
	const char *name;
	/* Are all frames of entries [0, n) in [lo, hi). */
	bool (*within)(const uint64_t *entries, unsigned int n, uint64_t lo, uint64_t hi);
	/* Entries [0, n) whose group the filter marks, or beyond it: sets 'odd' anew;
	 * returns how many. */
	unsigned int (*frames)(const uint64_t *entries, unsigned int n, const struct emt_frame_filter *f, uint64_t *odd);
	/* Does any of entries [from, to) differ from 'first' in 'attr' bits. */
	bool (*differ)(const uint64_t *entries, unsigned int from, unsigned int to, uint64_t first, uint64_t attr);
};

extern const struct emt_page_scans emt_page_plain;
/* The best that this CPU has; NULL if it has no vector code we know. */
const struct emt_page_scans *emt_page_vector(void);

#endif
