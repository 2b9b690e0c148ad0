/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The merge against a page-by-page comparison, on random walks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "audit/diff.h"

#define PAGES 4096
#define RUNS 2048

struct walk {
	struct emt_run run[RUNS];
	size_t n, at;
};

static int next(void *arg, struct emt_run *run)
{
	struct walk *w = arg;

	if (w->at == w->n)
		return 0;
	*run = w->run[w->at++];
	return 1;
}

static uint32_t seed = 1;
static uint32_t rnd(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static void make(struct walk *w)
{
	uint64_t gfn = 0;

	w->n = w->at = 0;
	while (gfn < PAGES && w->n < RUNS) {
		struct emt_run *r = &w->run[w->n];
		bool big = !(gfn & 511) && gfn + 512 <= PAGES && !rnd(3);

		*r = (struct emt_run){ .gfn = gfn,
				       .order = big ? 9 : 0,
				       .perm = EMT_R | (rnd(4) ? EMT_W : 0),
				       .emt = rnd(3) ? EMT_MT_WB : EMT_MT_UC,
				       .p2mt = EMT_P2M_UNKNOWN,
				       .access = 0xff };
		r->count = big ? 1 : 1 + rnd(40);
		if (gfn + emt_run_frames(r) > PAGES)
			r->count = PAGES - gfn;
		r->mfn = (big ? 0x10000 : 0x10000 + (rnd(8) ? 0 : 512)) + gfn;
		gfn += emt_run_frames(r);
		if (rnd(5))
			w->n++;
		else
			gfn += rnd(30); /* a hole */
		gfn = rnd(4) ? gfn : (gfn + 511) & ~511ull;
	}
}

static const struct emt_run *at(const struct walk *w, uint64_t gfn)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->run[i].gfn <= gfn && gfn <= emt_run_last(&w->run[i]))
			return &w->run[i];
	return NULL;
}

static uint32_t change_of(const struct emt_run *a, const struct emt_run *b, uint64_t gfn)
{
	if (!a || !b)
		return a ? EMT_DIFF_REMOVED : EMT_DIFF_ADDED;
	return (a->mfn + gfn - a->gfn != b->mfn + gfn - b->gfn ? (uint32_t)EMT_DIFF_FRAME : 0) |
	       (a->perm != b->perm ? (uint32_t)EMT_DIFF_PERM : 0) |
	       (a->emt != b->emt ? (uint32_t)EMT_DIFF_TYPE : 0) |
	       (a->order != b->order ? (uint32_t)EMT_DIFF_SIZE : 0);
}

static void merge_is_page_by_page(void **state)
{
	struct walk *w = calloc(2, sizeof(*w));

	(void)state;
	assert_non_null(w);
	for (int round = 0; round < 200; round++) {
		uint64_t changed[EMT_DIFF_NR] = { 0 }, same = 0, grouped = 0;
		struct emt_diff_input a = { next, &w[0], NULL }, b = { next, &w[1], NULL };
		const struct emt_diff_sum *s;
		struct emt_diff *d;

		make(&w[0]);
		make(&w[1]);
		if (round % 10 == 0)
			w[1] = w[0];
		assert_int_equal(emt_diff_new(&d), 0);
		assert_int_equal(emt_diff_merge(d, &a, &b), 0);
		for (uint64_t gfn = 0; gfn < PAGES; gfn++) {
			const struct emt_run *x = at(&w[0], gfn), *y = at(&w[1], gfn);
			uint32_t c = x || y ? change_of(x, y, gfn) : 0;

			same += x && y && !c;
			for (unsigned int i = 0; i < EMT_DIFF_NR; i++)
				changed[i] += c >> i & 1;
		}
		s = emt_diff_summary(d);
		assert_int_equal(s->same, same);
		for (unsigned int i = 0; i < EMT_DIFF_NR; i++)
			assert_int_equal(s->changed[i], changed[i]);
		for (size_t i = 0; i < emt_diff_count(d); i++) {
			const struct emt_diff_group *g = emt_diff_get(d, i);

			grouped += g->at.frames;
			assert_int_equal(change_of(at(&w[0], g->at.v[0].first), at(&w[1], g->at.v[0].first),
						   g->at.v[0].first), g->change);
		}
		assert_int_equal(grouped + s->overflow, s->changed_any);
		if (round % 10 == 0)
			assert_int_equal(emt_diff_count(d), 0);
		emt_diff_free(d);
	}
	free(w);
}

static int broken(void *arg, struct emt_run *run)
{
	(void)arg;
	(void)run;
	return EMT_E_DAMAGED;
}

static void errors_are_passed_on(void **state)
{
	struct emt_diff_input a = { broken, NULL, NULL };
	struct emt_diff *d;

	(void)state;
	assert_int_equal(emt_diff_new(&d), 0);
	assert_int_equal(emt_diff_merge(d, &a, &a), EMT_E_DAMAGED);
	emt_diff_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merge_is_page_by_page),
		cmocka_unit_test(errors_are_passed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
