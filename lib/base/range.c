/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/range.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

int emt_ranges_add(struct emt_ranges *r, uint64_t first, uint64_t last, uint32_t tag, uint8_t held)
{
	if (r->n == r->room) {
		size_t room = r->room ? r->room * 2 : 16;
		struct emt_range *v = realloc(r->v, room * sizeof(*v));

		if (!v)
			return EMT_E_NOMEM;
		r->v = v;
		r->room = room;
	}
	r->v[r->n++] = (struct emt_range){ .first = first, .last = last, .tag = tag, .held = held };
	return 0;
}

int emt_ranges_cut(struct emt_ranges *r, uint64_t first, uint64_t last)
{
	size_t n = r->n, to = 0;

	for (size_t i = 0; i < n; i++) {
		struct emt_range x = r->v[i];

		if (x.last < first || x.first > last) {
			r->v[to++] = x;
			continue;
		}
		/* one that holds the whole of it falls into two; the second goes to the end */
		if (x.first < first && x.last > last) {
			if (emt_ranges_add(r, last + 1, x.last, x.tag, x.held))
				return EMT_E_NOMEM;
			x.last = first - 1;
			r->v[to++] = x;
		} else if (x.first < first) {
			x.last = first - 1;
			r->v[to++] = x;
		} else if (x.last > last) {
			x.first = last + 1;
			r->v[to++] = x;
		}
	}
	if (r->n > n)
		memmove(r->v + to, r->v + n, (r->n - n) * sizeof(*r->v));
	r->n = to + (r->n - n);
	return 0;
}

static int by_first(const void *a, const void *b)
{
	const struct emt_range *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x->last < y->last ? -1 : x->last > y->last;
}

void emt_ranges_normalise(struct emt_ranges *r)
{
	size_t to = 0;

	if (r->n < 2)
		return;
	qsort(r->v, r->n, sizeof(*r->v), by_first);
	for (size_t i = 1; i < r->n; i++) {
		struct emt_range *last = &r->v[to], *cur = &r->v[i];

		if (cur->tag == last->tag && cur->held == last->held &&
		    (cur->first <= last->last || cur->first - 1 == last->last)) {
			if (cur->last > last->last)
				last->last = cur->last;
		} else {
			r->v[++to] = *cur;
		}
	}
	r->n = to + 1;
}

int emt_ranges_copy(struct emt_ranges *to, const struct emt_ranges *from)
{
	to->v = NULL;
	to->n = to->room = 0;
	if (!from->n)
		return 0;
	to->v = malloc(from->n * sizeof(*to->v));
	if (!to->v)
		return EMT_E_NOMEM;
	memcpy(to->v, from->v, from->n * sizeof(*to->v));
	to->n = to->room = from->n;
	return 0;
}

void emt_ranges_free(struct emt_ranges *r)
{
	free(r->v);
	r->v = NULL;
	r->n = r->room = 0;
}

size_t emt_ranges_from(const struct emt_ranges *r, uint64_t frame)
{
	size_t lo = 0, hi = r->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r->v[mid].last < frame)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct emt_range *emt_ranges_find(const struct emt_ranges *r, uint64_t frame)
{
	size_t i = emt_ranges_from(r, frame);

	return i < r->n && r->v[i].first <= frame ? &r->v[i] : NULL;
}
