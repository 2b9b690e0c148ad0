/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/alias.h"

#include <stdlib.h>

#define TIDY_FROM (1u << 16) /* pieces */

struct seen {
	uint64_t first, last; /* frames */
	struct emt_alias_way way;
	uint8_t kind;
};

struct emt_aliases {
	struct seen *v; /* owned */
	size_t n, room;
};

struct emt_aliases *emt_aliases_new(void)
{
	return calloc(1, sizeof(struct emt_aliases));
}

void emt_aliases_free(struct emt_aliases *a)
{
	if (a)
		free(a->v);
	free(a);
}

/* By type, then frame; among equals the wider first. */
static int order(const void *pa, const void *pb)
{
	const struct seen *a = pa, *b = pb;

	if (a->way.type != b->way.type)
		return a->way.type < b->way.type ? -1 : 1;
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	return a->last > b->last ? -1 : a->last < b->last;
}

/* Of each type keep every frame once. Returns how many are left. */
static size_t disjoint(struct seen *v, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct seen s = v[i];

		if (kept && v[kept - 1].way.type == s.way.type && s.first <= v[kept - 1].last) {
			uint64_t skip = v[kept - 1].last + 1 - s.first;

			if (s.last <= v[kept - 1].last)
				continue;
			s.first += skip;
			s.way.va += skip << 12;
			s.way.gfn += skip;
		}
		v[kept++] = s;
	}
	return kept;
}

size_t emt_aliases_room(const struct emt_aliases *a)
{
	return a->room;
}

/* Before it grows, what is there twice is taken out. */
static int make_room(struct emt_aliases *a)
{
	struct seen *v;
	size_t room;

	if (a->n >= TIDY_FROM) {
		qsort(a->v, a->n, sizeof(*a->v), order);
		a->n = disjoint(a->v, a->n);
		if (a->n <= a->room / 2)
			return 0;
	}
	room = a->room ? a->room * 2 : 256;
	v = realloc(a->v, room * sizeof(*v));
	if (!v)
		return EMT_E_NOMEM;
	a->v = v;
	a->room = room;
	return 0;
}

int emt_aliases_add(struct emt_aliases *a, const struct emt_eff *e, uint32_t view)
{
	uint64_t mfn;

	if (!e->at || !e->types || e->types & (e->types - 1))
		return 0;
	mfn = e->at->mfn + (e->gfn - e->at->gfn);
	if (a->n == a->room && make_room(a))
		return EMT_E_NOMEM;
	a->v[a->n++] = (struct seen){ mfn, mfn + e->frames - 1,
				      { (uint8_t)__builtin_ctz(e->types), e->va, e->gfn, view,
					e->finding != EMT_EFF_FINE && e->severity >= EMT_SEV_WARNING },
				      (uint8_t)e->at->kind };
	return 0;
}

/* Lists of disjoint stretches, one a type, read side by side. */
struct sweep {
	const struct seen *at[EMT_ALIAS_WAYS], *end[EMT_ALIAS_WAYS];
	unsigned int nr;
};

static void start(struct sweep *s, const struct seen *v, size_t n)
{
	s->nr = 0;
	for (size_t i = 0; i < n; i++) {
		if (!i || v[i].way.type != v[i - 1].way.type)
			s->at[s->nr++] = &v[i];
		s->end[s->nr - 1] = &v[i] + 1;
	}
}

/* The stretch from 'frame' on over which no list begins or ends: into 'out', with the
 * types that hold it. False when all lists are read. */
static bool next(struct sweep *s, uint64_t *frame, struct emt_alias *out)
{
	uint64_t from = UINT64_MAX, to = UINT64_MAX;

	for (unsigned int k = 0; k < s->nr; k++) {
		while (s->at[k] < s->end[k] && s->at[k]->last < *frame)
			s->at[k]++;
		if (s->at[k] < s->end[k]) {
			uint64_t first = s->at[k]->first > *frame ? s->at[k]->first : *frame;

			from = first < from ? first : from;
		}
	}
	if (from == UINT64_MAX)
		return false;
	*out = (struct emt_alias){ .mfn = from };
	for (unsigned int k = 0; k < s->nr; k++) {
		const struct seen *x = s->at[k];

		if (x == s->end[k])
			continue;
		if (x->first > from) {
			to = x->first - 1 < to ? x->first - 1 : to;
			continue;
		}
		to = x->last < to ? x->last : to;
		out->kind = (enum emt_gpa_kind)x->kind;
		out->way[out->nr] = x->way;
		out->way[out->nr].va += (from - x->first) << 12;
		out->way[out->nr++].gfn += from - x->first;
	}
	out->frames = to - from + 1;
	*frame = to + 1;
	return true;
}

static bool joins(const struct emt_alias *a, const struct emt_alias *b)
{
	if (a->mfn + a->frames != b->mfn || a->nr != b->nr || a->kind != b->kind)
		return false;
	for (unsigned int i = 0; i < a->nr; i++)
		if (a->way[i].type != b->way[i].type || a->way[i].view != b->way[i].view ||
		    a->way[i].va + (a->frames << 12) != b->way[i].va)
			return false;
	return true;
}

int emt_aliases_each(struct emt_aliases *a, int (*cb)(const struct emt_alias *alias, void *arg), void *arg)
{
	struct emt_alias held = { .frames = 0 }, one;
	struct sweep s;
	uint64_t frame = 0;
	int rc = 0;

	if (!a->n)
		return 0;
	qsort(a->v, a->n, sizeof(*a->v), order);
	a->n = disjoint(a->v, a->n);
	start(&s, a->v, a->n);
	while (!rc && next(&s, &frame, &one)) {
		if (one.nr < 2)
			continue;
		if (held.frames && joins(&held, &one)) {
			held.frames += one.frames;
			continue;
		}
		rc = held.frames ? cb(&held, arg) : 0;
		held = one;
	}
	return rc || !held.frames ? rc : cb(&held, arg);
}
