/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest frame ranges of one group, joined where they touch: the first few are kept,
 * all are counted. */
#ifndef EMT_AUDIT_SPANS_H
#define EMT_AUDIT_SPANS_H

#include "audit/findings.h"

struct emt_spans {
	uint64_t nr;      /* ranges */
	uint64_t entries;
	uint64_t frames;  /* 4 KiB frames */
	uint64_t end;     /* one past the last frame of the last range */
	struct emt_gfn_range v[EMT_FINDING_RANGES];
};

/* Ranges come in ascending order. */
static inline void emt_spans_add(struct emt_spans *s, uint64_t first, uint64_t last, uint64_t entries)
{
	if (!s->nr || first != s->end) {
		if (s->nr < EMT_FINDING_RANGES)
			s->v[s->nr] = (struct emt_gfn_range){ .first = first };
		s->nr++;
	}
	if (s->nr <= EMT_FINDING_RANGES) {
		s->v[s->nr - 1].last = last;
		s->v[s->nr - 1].entries += entries;
	}
	s->end = last + 1;
	s->entries += entries;
	s->frames += last - first + 1;
}

/* How many of 'v' are filled. */
static inline size_t emt_spans_kept(const struct emt_spans *s)
{
	return s->nr < EMT_FINDING_RANGES ? (size_t)s->nr : EMT_FINDING_RANGES;
}

#endif
