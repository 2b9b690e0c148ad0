/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/typed.h"

static unsigned int stated(const struct emt_range *r)
{
	return r && r->held >= EMT_KNOWN && r->tag < EMT_P2M_NR ? (unsigned int)r->tag : EMT_P2M_UNKNOWN;
}

int emt_typed_run(const struct emt_facts *f, const struct emt_run *run, int (*cb)(const struct emt_run *run, void *arg),
		  void *arg)
{
	const struct emt_ranges *t = &f->p2m_types;
	struct emt_run part = *run;
	uint64_t left = run->count;
	int rc = 0;

	if (!t->n || run->p2mt < EMT_P2M_NR || run->flags & (EMT_RUN_INTERMEDIATE | EMT_RUN_POD))
		return cb(run, arg);
	while (left && !rc) {
		size_t i = emt_ranges_from(t, part.gfn);
		bool in = i < t->n && t->v[i].first <= part.gfn;
		/* frames up to where it ends, or another begins */
		uint64_t frames = in ? t->v[i].last - part.gfn + 1 : i < t->n ? t->v[i].first - part.gfn : UINT64_MAX;
		uint64_t entries = (frames >> part.order) + !!(frames & ((1ull << part.order) - 1));

		part.count = entries < left ? entries : left;
		part.p2mt = (uint8_t)stated(in ? &t->v[i] : NULL);
		rc = cb(&part, arg);
		left -= part.count;
		part.gfn += part.count << part.order;
		if (part.mfn != EMT_NO_FRAME)
			part.mfn += part.count << part.order;
	}
	return rc;
}

unsigned int emt_typed_spans(const struct emt_facts *f, const struct emt_spans *s)
{
	unsigned int type = EMT_P2M_UNKNOWN;

	if (!f || s->nr > EMT_FINDING_RANGES)
		return EMT_P2M_UNKNOWN;
	for (size_t i = 0; i < emt_spans_kept(s); i++)
		for (uint64_t at = s->v[i].first; at <= s->v[i].last;) {
			const struct emt_range *r = emt_ranges_find(&f->p2m_types, at);
			unsigned int here = stated(r);

			if (here == EMT_P2M_UNKNOWN || (type != EMT_P2M_UNKNOWN && type != here))
				return EMT_P2M_UNKNOWN;
			type = here;
			at = r->last + 1;
		}
	return type;
}
