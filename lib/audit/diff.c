/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/diff.h"

#include <stdlib.h>
#include <string.h>

#define MAX_GROUPS 1024
#define TEXT_FLAGS (EMT_RUN_PENDING_ABOVE | EMT_RUN_IPAT_HIDDEN | EMT_RUN_POD | EMT_RUN_NO_TYPE)

struct emt_diff {
	struct emt_diff_group *groups; /* room for MAX_GROUPS */
	size_t nr, last;
	struct emt_diff_sum sum;
};

/* A side while it is merged. */
struct side {
	const struct emt_diff_input *in;
	struct emt_run run;
	bool there;
};

/* A stretch of frames mapped on both sides. */
struct stretch {
	struct emt_diff *d;
	struct emt_engine *after;
	uint64_t first, last;
	const struct emt_run *run_after;
	const struct emt_piece *before;
};

const char *emt_diff_change_name(unsigned int bit)
{
	static const char *const names[EMT_DIFF_NR] = { "added", "removed", "frame", "permissions", "type",
							"size", "p2m_type", "verdict" };

	return bit < EMT_DIFF_NR ? names[bit] : "?";
}

int emt_diff_new(struct emt_diff **out)
{
	struct emt_diff *d = calloc(1, sizeof(*d));

	*out = NULL;
	if (d)
		d->groups = calloc(MAX_GROUPS, sizeof(*d->groups));
	if (!d || !d->groups) {
		free(d);
		return EMT_E_NOMEM;
	}
	*out = d;
	return 0;
}

void emt_diff_free(struct emt_diff *d)
{
	if (d)
		free(d->groups);
	free(d);
}

static struct emt_diff_side side_of(const struct emt_piece *p, bool judged)
{
	return (struct emt_diff_side){
		.emt = p->run.emt, .ipat = p->run.ipat, .perm = p->run.perm, .order = p->run.order,
		.p2mt = p->run.p2mt, .verdict = judged ? (uint8_t)p->verdict : EMT_V_NR,
		.flags = p->run.flags & TEXT_FLAGS,
	};
}

/* ipat means nothing where the source hides it. */
static bool type_differs(const struct emt_diff_side *a, const struct emt_diff_side *b)
{
	const uint32_t flags = TEXT_FLAGS & ~(uint32_t)EMT_RUN_IPAT_HIDDEN;
	bool hidden = (a->flags | b->flags) & EMT_RUN_IPAT_HIDDEN;

	return a->emt != b->emt || (!hidden && a->ipat != b->ipat) ||
	       (a->flags & flags) != (b->flags & flags);
}

static uint64_t frame_at(const struct emt_run *r, uint64_t gfn)
{
	return r->mfn == EMT_NO_FRAME ? EMT_NO_FRAME : r->mfn + (gfn - r->gfn);
}

static bool same_side(const struct emt_diff_side *a, const struct emt_diff_side *b)
{
	return a->emt == b->emt && a->ipat == b->ipat && a->perm == b->perm && a->order == b->order &&
	       a->p2mt == b->p2mt && a->verdict == b->verdict && a->flags == b->flags;
}

static bool same_group(const struct emt_diff_group *a, const struct emt_diff_group *b)
{
	return a->change == b->change && same_side(&a->before, &b->before) && same_side(&a->after, &b->after);
}

static void count(struct emt_diff *d, const struct emt_diff_group *g, uint64_t first, uint64_t last)
{
	uint64_t frames = last - first + 1;
	size_t i = d->last;

	for (unsigned int bit = 0; bit < EMT_DIFF_NR; bit++)
		if (g->change & 1u << bit)
			d->sum.changed[bit] += frames;
	d->sum.changed_any += frames;
	if (i >= d->nr || !same_group(&d->groups[i], g))
		for (i = 0; i < d->nr && !same_group(&d->groups[i], g);)
			i++;
	if (i == MAX_GROUPS) {
		d->sum.overflow += frames;
		return;
	}
	if (i == d->nr)
		d->groups[d->nr++] = *g;
	d->last = i;
	emt_spans_add(&d->groups[i].at, first, last, frames);
}

/* ---- one side only ---- */

struct alone {
	struct emt_diff *d;
	uint64_t first, last;
	bool added, judged;
};

static int only_piece(const struct emt_piece *p, void *arg)
{
	struct alone *a = arg;
	uint64_t first = p->run.gfn > a->first ? p->run.gfn : a->first;
	uint64_t last = emt_run_last(&p->run) < a->last ? emt_run_last(&p->run) : a->last;
	struct emt_diff_group g = { .change = a->added ? EMT_DIFF_ADDED : EMT_DIFF_REMOVED };

	*(a->added ? &g.after : &g.before) = side_of(p, a->judged);
	count(a->d, &g, first, last);
	return 0;
}

/* The whole entries of 'r' that touch first-last. */
static struct emt_run entries_at(const struct emt_run *r, uint64_t first, uint64_t last)
{
	uint64_t from = (first - r->gfn) >> r->order, to = (last - r->gfn) >> r->order;
	struct emt_run out = *r;

	out.gfn += from << r->order;
	if (out.mfn != EMT_NO_FRAME)
		out.mfn += from << r->order;
	out.count = to - from + 1;
	return out;
}

static int judge(struct emt_engine *e, const struct emt_run *r, uint64_t first, uint64_t last,
		 emt_piece_cb cb, void *arg)
{
	struct emt_piece p = { .run = entries_at(r, first, last) };

	return e ? emt_engine_run(e, &p.run, cb, arg) : cb(&p, arg);
}

static int only(struct emt_diff *d, const struct side *s, uint64_t first, uint64_t last, bool added)
{
	struct alone a = { d, first, last, added, s->in->engine };

	if (added)
		d->sum.frames_after += last - first + 1;
	else
		d->sum.frames_before += last - first + 1;
	return judge(s->in->engine, &s->run, first, last, only_piece, &a);
}

/* ---- both sides ---- */

static int compare(const struct emt_piece *after, void *arg)
{
	struct stretch *s = arg;
	const struct emt_piece *before = s->before;
	uint64_t first = s->first, last = s->last;
	struct emt_diff_group g = { .before = side_of(before, s->after), .after = side_of(after, s->after) };

	if (first < after->run.gfn)
		first = after->run.gfn;
	if (last > emt_run_last(&after->run))
		last = emt_run_last(&after->run);
	if (frame_at(&before->run, first) != frame_at(&after->run, first))
		g.change |= EMT_DIFF_FRAME;
	if (g.before.perm != g.after.perm)
		g.change |= EMT_DIFF_PERM;
	if (type_differs(&g.before, &g.after))
		g.change |= EMT_DIFF_TYPE;
	if (g.before.order != g.after.order)
		g.change |= EMT_DIFF_SIZE;
	if (g.before.p2mt != g.after.p2mt)
		g.change |= EMT_DIFF_P2MT;
	if (g.before.verdict != g.after.verdict)
		g.change |= EMT_DIFF_VERDICT;
	if (!g.change)
		s->d->sum.same += last - first + 1;
	else
		count(s->d, &g, first, last);
	return 0;
}

static int with_after(const struct emt_piece *before, void *arg)
{
	struct stretch *s = arg, part = *s;

	if (part.first < before->run.gfn)
		part.first = before->run.gfn;
	if (part.last > emt_run_last(&before->run))
		part.last = emt_run_last(&before->run);
	part.before = before;
	return judge(s->after, s->run_after, part.first, part.last, compare, &part);
}

static int both(struct emt_diff *d, const struct side *a, const struct side *b, uint64_t first, uint64_t last)
{
	/* Verdicts are compared only where both sides have them. */
	bool judged = a->in->engine && b->in->engine;
	struct stretch s = { d, judged ? b->in->engine : NULL, first, last, &b->run, NULL };

	d->sum.frames_before += last - first + 1;
	d->sum.frames_after += last - first + 1;
	return judge(judged ? a->in->engine : NULL, &a->run, first, last, with_after, &s);
}

/* ---- the merge ---- */

/* Intermediate entries say nothing that their leaves do not. */
static int advance(struct side *s)
{
	int rc;

	do
		rc = s->in->next(s->in->arg, &s->run);
	while (rc > 0 && (s->run.flags & EMT_RUN_INTERMEDIATE || !s->run.count));
	s->there = rc > 0;
	return rc < 0 ? rc : 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int by_weight(const void *x, const void *y)
{
	const struct emt_diff_group *a = x, *b = y;
	const uint32_t grave = EMT_DIFF_VERDICT | EMT_DIFF_TYPE;
	int ga = (a->change & grave) != 0, gb = (b->change & grave) != 0;

	if (ga != gb)
		return gb - ga;
	if (a->at.frames != b->at.frames)
		return a->at.frames > b->at.frames ? -1 : 1;
	return a->at.v[0].first < b->at.v[0].first ? -1 : a->at.v[0].first > b->at.v[0].first;
}

int emt_diff_merge(struct emt_diff *d, const struct emt_diff_input *before,
		   const struct emt_diff_input *after)
{
	struct side a = { .in = before }, b = { .in = after };
	uint64_t at = 0, end;
	int rc = advance(&a);

	if (!rc)
		rc = advance(&b);
	while (!rc && (a.there || b.there)) {
		uint64_t ga = a.there ? a.run.gfn : EMT_NO_FRAME, gb = b.there ? b.run.gfn : EMT_NO_FRAME;

		ga = ga < at ? at : ga;
		gb = gb < at ? at : gb;
		if (ga < gb) {
			end = least(emt_run_last(&a.run), gb - 1);
			rc = only(d, &a, ga, end, false);
		} else if (gb < ga) {
			end = least(emt_run_last(&b.run), ga - 1);
			rc = only(d, &b, gb, end, true);
		} else {
			end = least(emt_run_last(&a.run), emt_run_last(&b.run));
			rc = both(d, &a, &b, ga, end);
		}
		at = end + 1;
		if (!rc && a.there && emt_run_last(&a.run) < at)
			rc = advance(&a);
		if (!rc && b.there && emt_run_last(&b.run) < at)
			rc = advance(&b);
	}
	qsort(d->groups, d->nr, sizeof(*d->groups), by_weight);
	return rc;
}

size_t emt_diff_count(const struct emt_diff *d)
{
	return d->nr;
}

const struct emt_diff_group *emt_diff_get(const struct emt_diff *d, size_t i)
{
	return i < d->nr ? &d->groups[i] : NULL;
}

const struct emt_diff_sum *emt_diff_summary(const struct emt_diff *d)
{
	return &d->sum;
}

/* ---- findings ---- */

const char *emt_finding_change_name(unsigned int change)
{
	static const char *const names[] = { "new", "cleared", "kept" };

	return change < EMT_ARRAY_SIZE(names) ? names[change] : "?";
}

const struct emt_finding *emt_finding_like(const struct emt_findings *in, const struct emt_finding *f)
{
	for (size_t i = 0; i < emt_findings_count(in); i++) {
		const struct emt_finding *o = emt_findings_get(in, i);

		if (!strcmp(o->kind, f->kind) && o->defect == f->defect && o->why == f->why &&
		    o->emt == f->emt && o->ipat == f->ipat && o->verdict == f->verdict)
			return o;
	}
	return NULL;
}

