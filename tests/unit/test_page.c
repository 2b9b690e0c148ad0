/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole pages, plain and vector code, against the engine entry by entry, on random
 * tables and facts. */
#include "common.h"

#include <string.h>

#include "audit/findings.h"
#include "audit/page.h"

#define FRAMES 0x8000ull

struct tally {
	uint64_t entries[EMT_V_NR], defects;
	uint64_t hash; /* of every entry that is not plainly ok: gfn, mfn, verdict */
};

static int add(const struct emt_piece *p, void *arg)
{
	struct tally *t = arg;

	t->entries[p->verdict] += p->run.count;
	if (p->defects)
		t->defects += p->run.count;
	if (p->verdict == EMT_V_OK && !p->defects && p->why == EMT_WHY_NONE)
		return 0;
	for (uint64_t i = 0; i < p->run.count; i++) {
		uint64_t gfn = p->run.gfn + (i << p->run.order), mfn = p->run.mfn + (i << p->run.order);

		/* order of pieces does not matter */
		t->hash += (gfn * 0x9e3779b97f4a7c15ull ^ mfn * 0xbf58476d1ce4e5b9ull) * (p->verdict * 64u + p->why + 1) +
			p->facts + p->expected;
	}
	return 0;
}

static uint64_t random_entry(uint64_t *rnd, uint64_t like, unsigned int order)
{
	uint64_t mfn = emt_rand_below(rnd, emt_rand_below(rnd, 16) ? FRAMES : 1ull << 40) & (~0ull << order);
	static const uint8_t mts[8] = { 0, 1, 4, 5, 6, 6, 7, 2 };

	switch (emt_rand_below(rnd, 12)) {
	case 0: return emt_rand(rnd); /* anything at all */
	case 1: return 0;
	case 2: return 1ull << 63;
	case 3:
		return (emt_rand_below(rnd, 8)) | (uint64_t)mts[emt_rand_below(rnd, 8)] << 3 | emt_rand_below(rnd, 2) << 6 |
			mfn << 12 | emt_rand_below(rnd, 16) << 52 | (order ? 1 << 7 : 0);
	default: return (like & ~EMT_EPTE_MFN_BITS) | mfn << 12;
	}
}

/* The same groups, ranges and explanations, whichever way the entries came. */
static void same_findings(struct emt_findings *got, const struct emt_findings *want)
{
	assert_int_equal(emt_findings_finish(got), 0);
	assert_int_equal(emt_findings_count(got), emt_findings_count(want));
	for (size_t i = 0; i < emt_findings_count(want); i++) {
		const struct emt_finding *a = emt_findings_get(got, i), *b = emt_findings_get(want, i);

		assert_string_equal(a->kind, b->kind);
		assert_int_equal(a->entries, b->entries);
		assert_int_equal(a->nr_ranges, b->nr_ranges);
		assert_memory_equal(a->ranges, b->ranges, sizeof(a->ranges));
		assert_string_equal(a->explanation, b->explanation);
	}
	assert_memory_equal(emt_findings_summary(got)->entries, emt_findings_summary(want)->entries,
			    sizeof(emt_findings_summary(want)->entries));
	assert_memory_equal(emt_findings_summary(got)->bytes_by_type, emt_findings_summary(want)->bytes_by_type,
			    sizeof(emt_findings_summary(want)->bytes_by_type));
}

static void pages_agree(void **state)
{
	static const char *const releases[] = { "4.4.1", "4.5.0", "4.14.0", "4.15.0", "4.17.7", "4.21.0" };
	const struct emt_epte_layout *layout = emt_epte_layout_by_name("4.16");
	uint64_t rnd = emt_test_seed() + 50, plainly = 0, all = 0;
	bool vector = false;

	(void)state;
	for (int i = 0; i < 400; i++) {
		struct emt_page_judge *j[2] = { NULL, NULL };
		struct emt_engine *e;
		struct emt_facts f;

		emt_rand_facts(&rnd, &f, FRAMES);
		assert_int_equal(emt_engine_new(&e, &f, releases[emt_rand_below(&rnd, 6)], NULL), 0);
		assert_int_equal(emt_page_judge_new(&j[0], e, EMT_PAGE_PLAIN, NULL), 0);
		if (!emt_page_judge_new(&j[1], e, EMT_PAGE_VECTOR, NULL))
			vector = true;
		for (int k = 0; k < 8; k++) {
			unsigned int order = emt_rand_below(&rnd, 4) ? 0 : 9;
			unsigned int n = emt_rand_below(&rnd, 3) ? 512 : 1 + (unsigned int)emt_rand_below(&rnd, 512);
			uint64_t gfn = emt_rand_below(&rnd, FRAMES) & (~0ull << (order + 9)), entries[512], like, mfn;
			bool pending = emt_rand_below(&rnd, 8) == 0, tidy = emt_rand_below(&rnd, 2);
			struct tally want = { .hash = 0 };
			struct emt_findings *found[3] = { NULL };

			like = 7 | (uint64_t)EMT_MT_WB << 3 | emt_rand_below(&rnd, 2) << 6 | (order ? 1 << 7 : 0);
			mfn = emt_rand_below(&rnd, FRAMES) & (~0ull << order);
			for (unsigned int x = 0; x < n; x++)
				entries[x] = tidy && emt_rand_below(&rnd, 64) ? like | (mfn + ((uint64_t)x << order)) << 12 :
					random_entry(&rnd, like, order);
			for (int c = 0; c < 3; c++)
				assert_int_equal(emt_findings_new(&found[c], emt_engine_facts(e), emt_engine_release(e)), 0);
			for (unsigned int x = 0; x < n; x++) {
				struct emt_run run;

				if (!emt_epte_valid(entries[x], layout))
					continue;
				emt_epte_to_run(entries[x], layout, gfn + ((uint64_t)x << order), order, true, pending, &run);
				assert_int_equal(emt_engine_run(e, &run, add, &want), 0);
				assert_int_equal(emt_engine_run(e, &run, emt_findings_add, found[2]), 0);
			}
			assert_int_equal(emt_findings_finish(found[2]), 0);
			for (int c = 0; c < 2; c++) {
				struct tally got = { .hash = 0 };

				if (!j[c])
					continue;
				assert_int_equal(emt_page_judge(j[c], entries, n, gfn, order, layout, pending, add, &got), 0);
				if (memcmp(&got, &want, sizeof(got)))
					print_error("round %d.%d, %s code, order %u, n %u\n", i, k, emt_page_judge_code(j[c]), order, n);
				assert_memory_equal(&got, &want, sizeof(got));
				assert_int_equal(emt_page_judge(j[c], entries, n, gfn, order, layout, pending, emt_findings_add,
								found[c]), 0);
				same_findings(found[c], found[2]);
			}
			for (int c = 0; c < 3; c++)
				emt_findings_free(found[c]);
			plainly += want.entries[EMT_V_OK];
			all += n;
		}
		emt_page_judge_free(j[0]);
		emt_page_judge_free(j[1]);
		emt_engine_free(e);
		emt_facts_free(&f);
	}
	print_message("%llu entries, %llu of them ok; vector code: %s\n", (unsigned long long)all,
		      (unsigned long long)plainly, vector ? "compared" : "not on this CPU");
	assert_true(plainly > all / 50 && plainly < all);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(pages_agree) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
