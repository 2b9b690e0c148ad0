/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/whatif.h"

#include <stdlib.h>
#include <string.h>

#include "audit/engine.h"

#define MAX_GROUPS 512

struct emt_whatif {
	struct emt_engine *before, *after;
	const struct emt_piece *piece;    /* of 'before', while 'after' looks at it */
	struct emt_whatif_group *groups;  /* room for MAX_GROUPS */
	size_t nr, last;                  /* last: group that took the last piece */
	struct emt_whatif_sum sum;
};

int emt_whatif_new(struct emt_whatif **out, struct emt_engine *before, struct emt_engine *after)
{
	struct emt_whatif *w = calloc(1, sizeof(*w));

	*out = NULL;
	if (w)
		w->groups = calloc(MAX_GROUPS, sizeof(*w->groups));
	if (!w || !w->groups) {
		free(w);
		return EMT_E_NOMEM;
	}
	w->before = before;
	w->after = after;
	*out = w;
	return 0;
}

void emt_whatif_free(struct emt_whatif *w)
{
	if (w)
		free(w->groups);
	free(w);
}

static bool several(emt_outcomes set)
{
	return set & (set - 1);
}

/* The rule that decides for an entry, if only one can. */
static const struct emt_rule *rule_of(struct emt_engine *e, const struct emt_run *r)
{
	struct emt_where at = { r->gfn, r->mfn, r->order, r->perm, r->p2mt };
	const struct emt_era *era = emt_engine_release(e)->era;
	const struct emt_cell *c;
	uint64_t gend, mend;
	uint32_t fires;

	c = emt_engine_cell(e, &at, &gend, &mend);
	if (!c)
		return NULL;
	emt_box_trace(era->rules, era->nr_rules, &c->held, &fires, NULL);
	return fires && !(fires & (fires - 1)) ? era->rules[__builtin_ctz(fires)] : NULL;
}

struct parts {
	struct emt_engine *e;
	emt_outcomes set;
};

static int add_parts(const struct emt_piece *p, void *arg)
{
	struct parts *parts = arg;
	struct emt_run r = p->run;

	parts->set |= p->expected & (emt_outcomes)~EMT_SPLIT_BIT;
	if (!(p->expected & EMT_SPLIT_BIT) || !r.order)
		return 0;
	r.order -= 9;
	r.count <<= 9;
	return emt_engine_run(parts->e, &r, add_parts, parts);
}

/* Where two groups agree they are one. */
static bool same(const struct emt_whatif_group *a, const struct emt_whatif_group *b)
{
	return a->before == b->before && a->after == b->after && a->inside == b->inside &&
	       a->rule_before == b->rule_before && a->rule_after == b->rule_after && a->fixed == b->fixed &&
	       a->introduced == b->introduced && a->types == b->types && a->order == b->order;
}

static int add_group(struct emt_whatif *w, const struct emt_whatif_group *g, const struct emt_run *r)
{
	size_t i = w->last;

	if (i >= w->nr || !same(&w->groups[i], g))
		for (i = 0; i < w->nr && !same(&w->groups[i], g);)
			i++;
	if (i == MAX_GROUPS) {
		w->sum.overflow += r->count;
		return 0;
	}
	if (i == w->nr)
		w->groups[w->nr++] = *g;
	w->last = i;
	emt_spans_add(&w->groups[i].at, r->gfn, emt_run_last(r), r->count);
	return 0;
}

static int compare(const struct emt_piece *after, void *arg)
{
	struct emt_whatif *w = arg;
	const struct emt_piece *before = w->piece;
	const struct emt_run *r = &after->run;
	struct emt_whatif_group g = {
		.before = before->expected,
		.after = after->expected,
		.types = before->types,
		.order = r->order,
		.fixed = before->defects & ~after->defects,
		.introduced = after->defects & ~before->defects,
	};
	bool type = g.before != g.after;
	int rc = 0;

	w->sum.entries += r->count;
	w->sum.frames += emt_run_frames(r);
	if (several(g.before) || several(g.after))
		w->sum.open_entries += r->count;
	if (!type && !g.fixed && !g.introduced)
		return 0;
	if (type) {
		w->sum.changed_entries += r->count;
		w->sum.changed_frames += emt_run_frames(r);
	}
	g.splits = r->order && (g.after & EMT_SPLIT_BIT) && !(g.before & EMT_SPLIT_BIT);
	if (g.splits)
		w->sum.split_entries += r->count;
	if (r->order && g.after & EMT_SPLIT_BIT) {
		struct parts parts = { .e = w->after };

		rc = add_parts(after, &parts);
		g.inside = parts.set;
	}
	g.rule_before = rule_of(w->before, r);
	g.rule_after = rule_of(w->after, r);
	return rc ? rc : add_group(w, &g, r);
}

/* A piece of the one engine, cut further by the other. */
static int cut(const struct emt_piece *before, void *arg)
{
	struct emt_whatif *w = arg;

	if (before->verdict == EMT_V_NOT_PRESENT)
		return 0;
	w->piece = before;
	return emt_engine_run(w->after, &before->run, compare, w);
}

int emt_whatif_run(struct emt_whatif *w, const struct emt_run *run)
{
	if (run->flags & (EMT_RUN_INTERMEDIATE | EMT_RUN_POD) || run->order > EMT_ORDER_1G)
		return 0;
	return emt_engine_run(w->before, run, cut, w);
}

static int by_weight(const void *x, const void *y)
{
	const struct emt_whatif_group *a = x, *b = y;
	bool at = a->before != a->after, bt = b->before != b->after;

	if (at != bt)
		return at ? -1 : 1;
	if (a->at.frames != b->at.frames)
		return a->at.frames > b->at.frames ? -1 : 1;
	return a->at.v[0].first < b->at.v[0].first ? -1 : a->at.v[0].first > b->at.v[0].first;
}

void emt_whatif_finish(struct emt_whatif *w)
{
	qsort(w->groups, w->nr, sizeof(*w->groups), by_weight);
	w->last = MAX_GROUPS;
}

size_t emt_whatif_count(const struct emt_whatif *w)
{
	return w->nr;
}

const struct emt_whatif_group *emt_whatif_get(const struct emt_whatif *w, size_t i)
{
	return i < w->nr ? &w->groups[i] : NULL;
}

const struct emt_whatif_sum *emt_whatif_summary(const struct emt_whatif *w)
{
	return &w->sum;
}
