/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The condensed map: exact while there is room, right sums when there is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "output/map_html.h"

static void put(struct emt_map *m, uint64_t gfn, uint64_t frames, unsigned int emt, enum emt_verdict v)
{
	struct emt_piece p = {
		.run = { .gfn = gfn, .mfn = gfn, .count = frames, .perm = EMT_R, .emt = (uint8_t)emt },
		.verdict = v,
	};

	assert_int_equal(emt_map_add(&p, m), 0);
}

static void exact_while_there_is_room(void **state)
{
	struct emt_map_cell c;
	struct emt_map *m;

	(void)state;
	assert_int_equal(emt_map_new(&m, 0, EMT_NO_FRAME, 64), 0);
	put(m, 0, 16, EMT_MT_WB, EMT_V_OK);
	put(m, 16, 16, EMT_MT_WB, EMT_V_OK);
	put(m, 32, 1, EMT_MT_UC, EMT_V_MISMATCH);
	put(m, 33, 7, EMT_MT_WB, EMT_V_OK);
	assert_int_equal(emt_map_count(m), 3);
	assert_int_equal(emt_map_grain(m), 1);
	emt_map_sum(m, 0, 39, &c);
	assert_int_equal(c.frames[EMT_MAP_WB], 39);
	assert_int_equal(c.frames[EMT_MAP_UC], 1);
	assert_int_equal(c.severity, EMT_SEV_ERROR);
	assert_true(emt_map_mixed(&c));
	assert_int_equal(emt_map_main_class(&c), EMT_MAP_WB);
	emt_map_sum(m, 8, 31, &c);
	assert_int_equal(c.total, 24);
	assert_int_equal(c.verdicts, 1u << EMT_V_OK);
	emt_map_sum(m, 40, 100, &c);
	assert_int_equal(c.total, 0);
	assert_int_equal(emt_map_main_class(&c), EMT_MAP_NR);
	emt_map_free(m);
}

static void bounded_and_nothing_lost(void **state)
{
	uint64_t frames = 1u << 20, wb = 0, uc = 0, grave = 0;
	struct emt_map_cell c;
	struct emt_map *m;

	(void)state;
	assert_int_equal(emt_map_new(&m, 0, EMT_NO_FRAME, 256), 0);
	for (uint64_t i = 0; i < frames; i++) {
		bool odd = i % 3 == 0;

		put(m, i, 1, odd ? EMT_MT_UC : EMT_MT_WB, i == 777777 ? EMT_V_MISMATCH : EMT_V_OK);
		wb += !odd;
		uc += odd;
	}
	assert_true(emt_map_count(m) <= 256);
	assert_true(emt_map_grain(m) > 1);
	emt_map_sum(m, 0, frames - 1, &c);
	assert_int_equal(c.frames[EMT_MAP_WB], wb);
	assert_int_equal(c.frames[EMT_MAP_UC], uc);
	for (size_t i = 0; i < emt_map_count(m); i++) {
		const struct emt_map_cell *one = emt_map_get(m, i);

		grave += one->severity == EMT_SEV_ERROR;
		if (one->severity == EMT_SEV_ERROR)
			assert_true(one->first <= 777777 && one->last >= 777777);
		if (i)
			assert_true(one->first > emt_map_get(m, i - 1)->last);
	}
	assert_int_equal(grave, 1);
	emt_map_free(m);
}

static void only_the_range_asked_for(void **state)
{
	struct emt_map *m;

	(void)state;
	assert_int_equal(emt_map_new(&m, 100, 199, 64), 0);
	put(m, 0, 100, EMT_MT_WB, EMT_V_OK);
	put(m, 100, 50, EMT_MT_WC, EMT_V_OK);
	put(m, 150, 500, EMT_MT_WB, EMT_V_OK);
	assert_int_equal(emt_map_count(m), 2);
	assert_int_equal(emt_map_get(m, 0)->first, 100);
	assert_int_equal(emt_map_get(m, 1)->last, 199);
	assert_int_equal(emt_map_get(m, 1)->total, 50);
	emt_map_free(m);
}

static void holes_make_areas(void **state)
{
	struct emt_map_area v[4];
	struct emt_map *m;
	size_t n;

	(void)state;
	assert_int_equal(emt_map_new(&m, 0, EMT_NO_FRAME, 64), 0);
	put(m, 0, 0x4000, EMT_MT_WB, EMT_V_OK);
	put(m, 0x4010, 0x10, EMT_MT_WB, EMT_V_OK); /* a small hole before it */
	put(m, 0xf0000, 8, EMT_MT_UC, EMT_V_OK);
	put(m, 0x1000000000, 1, EMT_MT_UC, EMT_V_OK);
	n = emt_map_areas(m, v, 4);
	assert_int_equal(n, 3);
	assert_int_equal(v[0].last, 0x401f);
	assert_int_equal(v[1].first, 0xf0000);
	assert_int_equal(v[2].first, 0x1000000000);
	emt_map_scale(v, n, 64);
	assert_int_equal(v[0].cell, 512);
	assert_int_equal(v[1].cell, 1);
	/* fewer areas than there are holes: the smaller holes are drawn */
	assert_int_equal(emt_map_areas(m, v, 2), 2);
	assert_int_equal(v[0].last, 0xf0007);
	emt_map_free(m);
}

/* 1 TiB of 4 KiB pages in stretches of all types: what cannot be condensed well. */
static void page_of_a_large_guest_is_small(void **state)
{
	static const uint8_t types[] = { EMT_MT_WB, EMT_MT_UC, EMT_MT_WC, EMT_MT_WT, EMT_MT_WP };
	struct emt_map_page page = { .title = "t", .source = "</script><b>\xff\"&", .complete = true };
	struct emt_findings *fs;
	struct emt_release rel;
	struct emt_facts f;
	struct emt_buffer b;
	struct emt_map *m;
	uint32_t seed = 7;

	(void)state;
	assert_int_equal(emt_map_new(&m, 0, EMT_NO_FRAME, 16384), 0);
	for (uint64_t gfn = 0; gfn < 1ull << 28;) {
		uint64_t n = 1 + ((seed = seed * 1664525 + 1013904223) >> 16) % 128;

		put(m, gfn, n, types[(seed >> 8) % 5], seed & 64 ? EMT_V_OK : EMT_V_SUSPECT);
		gfn += n;
	}
	emt_facts_init(&f);
	assert_int_equal(emt_release_parse(&rel, "4.17.7", false, NULL), 0);
	assert_int_equal(emt_findings_new(&fs, &f, &rel), 0);
	assert_int_equal(emt_findings_finish(fs), 0);
	page.map = m;
	page.findings = fs;
	page.facts = &f;
	page.release = &rel;
	emt_buffer_init(&b, NULL, NULL);
	assert_int_equal(emt_map_html(&b, &page, NULL), 0);
	assert_true(emt_map_count(m) > 4096);
	assert_true(b.used > 100000 && b.used < 2000000);
	emt_buffer_put(&b, "", 1);
	assert_null(strstr(b.data, "</script><b>"));
	assert_non_null(strstr(b.data, "\\u003c/script\\u003e\\u003cb\\u003e?\\u0022\\u0026"));
	emt_buffer_free(&b);
	emt_findings_free(fs);
	emt_facts_free(&f);
	emt_map_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_while_there_is_room),
		cmocka_unit_test(bounded_and_nothing_lost),
		cmocka_unit_test(only_the_range_asked_for),
		cmocka_unit_test(holes_make_areas),
		cmocka_unit_test(page_of_a_large_guest_is_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
