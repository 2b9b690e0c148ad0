/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Filter expressions: what they mean, and where errors point. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "output/filter.h"

enum { C_GFN, C_ORDER, C_TYPE, C_IPAT, C_TAGS, C_WHEN, C_RAW, C_SUB, C_VERDICT, C_NR };

static const char *verdict_word(unsigned int i)
{
	static const char *const words[] = { "ok", "mismatch", "known-defect" };

	return i < 3 ? words[i] : "?";
}

static const struct emt_column sub_columns[] = { EMT_COLUMN("x", EMT_COL_NUMBER, EMT_COLF_SHOWN, "x") };
static const struct emt_record_kind sub_kind = { .name = "sub", .schema = "emt.sub", .help = "sub",
						 .columns = sub_columns, .nr_columns = 1 };
static const struct emt_column columns[C_NR] = {
	[C_GFN] = EMT_COLUMN("gfn", EMT_COL_FRAME, EMT_COLF_SHOWN, "frame", .unit = "gfn"),
	[C_ORDER] = EMT_COLUMN("order", EMT_COL_NUMBER, EMT_COLF_SHOWN | EMT_COLF_NULL, "order"),
	[C_TYPE] = EMT_COLUMN("type", EMT_COL_STRING, EMT_COLF_SHOWN, "type"),
	[C_IPAT] = EMT_COLUMN("ipat", EMT_COL_BOOL, EMT_COLF_NULL, "ipat"),
	[C_TAGS] = EMT_COLUMN("tags", EMT_COL_STRINGS, 0, "tags"),
	[C_WHEN] = EMT_COLUMN("when", EMT_COL_TIME, EMT_COLF_NULL, "time"),
	[C_RAW] = EMT_COLUMN("raw", EMT_COL_HEX, EMT_COLF_NULL, "raw"),
	[C_SUB] = EMT_COLUMN("sub", EMT_COL_LIST, 0, "sub", .sub = &sub_kind),
	[C_VERDICT] =
		EMT_COLUMN("verdict", EMT_COL_STRING, 0, "verdict", .word = verdict_word, .nr_words = 3),
};
static const struct emt_record_kind kind = { .name = "thing", .schema = "emt.thing", .help = "thing",
					     .columns = columns, .nr_columns = C_NR };

static struct emt_rec *sample(void)
{
	struct emt_rec *r = emt_rec_new(&kind);

	assert_non_null(r);
	emt_rec_u64(r, C_GFN, 0xf0000);
	emt_rec_u64(r, C_ORDER, 9);
	emt_rec_str(r, C_TYPE, "UC!");
	emt_rec_bool(r, C_IPAT, true);
	emt_rec_list(r, C_TAGS);
	emt_rec_add_str(r, C_TAGS, "KD7");
	emt_rec_add_str(r, C_TAGS, "KD15");
	emt_rec_time(r, C_WHEN, 1767434400); /* 2026-01-03T10:00:00Z */
	emt_rec_u64(r, C_RAW, 0x8000000000000007ull);
	emt_rec_list(r, C_SUB);
	emt_rec_u64(emt_rec_add(r, C_SUB), 0, 1);
	emt_rec_str(r, C_VERDICT, "mismatch");
	return r;
}

static bool holds(const struct emt_rec *r, const char *text)
{
	struct emt_err err = { 0 };
	struct emt_filter *f;
	bool yes;

	if (emt_filter_new(&f, &kind, text, "--where", &err))
		fail_msg("%s: column %u: %s", text, err.column, err.text);
	yes = emt_filter_match(f, r);
	emt_filter_free(f);
	return yes;
}

static void test_true(void **state)
{
	static const char *const yes[] = {
		"gfn == 0xf0000",
		"gfn == 983040",
		"gfn eq 983040",
		"gfn != 1",
		"gfn ne 1",
		"gfn >= 960K",
		"gfn < 1M",
		"gfn le 0.9375MiB",
		"gfn > 980KB",
		"order == 9 && gfn > 0",
		"order == 1 || gfn > 0",
		"order == 1 or gfn gt 0",
		"not order == 1",
		"!(order == 1)",
		"! order == 1",
		"type == \"UC!\"",
		"type == 'UC!'",
		"type =~ \"^UC\"",
		"type !~ 'WB'",
		"type > 'UC'",
		"type < 'WB'",
		"ipat",
		"ipat == true",
		"ipat == 1",
		"ipat != false",
		"order",
		"type",
		"tags",
		"sub",
		"when",
		"tags == 'KD7'",
		"'KD15' == tags",
		"tags =~ '^KD1'",
		"tags != 'KD8'",
		"tags !~ 'X'",
		"when > '2026-01-03'",
		"when == '2026-01-03T10:00:00Z'",
		"when == '2026-01-03T12:00:00+02:00'",
		"when == 1767434400",
		"raw == 0x8000000000000007",
		"raw == '0x8000000000000007'",
		"0xf0000 == gfn",
		"true",
		"order == 1 || order == 2 && false || ipat",
		"(order == 9)and(ipat)",
		"order == 9 AND NOT type == 'WB'",
		"verdict == 'mismatch'",
		"gfn > order",
		"1 < 2",
		"'a' < 'b'",
		"verdict =~ 'mis|ok'",
		"type == 'UC\\!' || true",
		"gfn == 0xF0000",
		"order > 8.5",
	};
	struct emt_rec *r = sample();

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(yes); i++)
		if (!holds(r, yes[i]))
			fail_msg("should hold: %s", yes[i]);
	emt_rec_free(r);
}

static void test_false(void **state)
{
	static const char *const no[] = {
		"gfn == 1",
		"gfn < 0xf0000",
		"type == 'UC'",
		"type =~ 'UC$'",
		"!ipat",
		"ipat == false",
		"tags == 'KD'",
		"tags != 'KD7'",
		"tags !~ 'KD'",
		"when < '2026-01-03'",
		"raw == 7",
		"false",
		"order == 9 && false",
		"order == 1 || false",
		"verdict == 'ok'",
		"order gt 9",
		"not true",
		"order == 9 && order == 8 || false",
	};
	struct emt_rec *r = sample();

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(no); i++)
		if (holds(r, no[i]))
			fail_msg("should not hold: %s", no[i]);
	emt_rec_free(r);
}

/* && binds closer than ||, and neither looks at more than it must. */
static void test_precedence(void **state)
{
	struct emt_rec *r = sample();

	(void)state;
	assert_true(holds(r, "true || true && false"));
	assert_false(holds(r, "(true || true) && false"));
	assert_true(holds(r, "!false && true"));
	assert_false(holds(r, "!(false || true)"));
	emt_rec_free(r);
}

/* No comparison with what is not there is true; "not" of it is. */
static void test_null(void **state)
{
	static const char *const no[] = { "order == 9",	   "order != 9",   "order < 99", "ipat == true",
					  "ipat == false", "ipat != true", "when > 0",	 "order",
					  "ipat",	   "when",	   "raw != 1" };
	struct emt_rec *r = sample();

	(void)state;
	emt_rec_null(r, C_ORDER);
	emt_rec_null(r, C_IPAT);
	emt_rec_null(r, C_WHEN);
	emt_rec_null(r, C_RAW);
	for (size_t i = 0; i < EMT_ARRAY_SIZE(no); i++)
		if (holds(r, no[i]))
			fail_msg("null should not hold: %s", no[i]);
	assert_true(holds(r, "!order"));
	assert_true(holds(r, "not (order == 9)"));
	emt_rec_free(r);
}

static void test_errors(void **state)
{
	static const struct {
		const char *text;
		unsigned int column;
		const char *says, *next; /* parts of the message; NULL = any */
	} cases[] = {
		{ "", 1, "too early", NULL },
		{ "   ", 4, "too early", NULL },
		{ "gfm == 1", 1, "\"gfm\" is no column", "gfn" },
		{ "gfn == 1 && foo > 2", 13, "\"foo\" is no column", NULL },
		{ "gfn = 1", 5, "no comparison", "==" },
		{ "gfn == ", 8, "too early", NULL },
		{ "gfn == 1 type", 10, "expected here", "&&" },
		{ "(gfn == 1", 1, "no closing )", NULL },
		{ "((gfn == 1)", 1, "no closing )", NULL },
		{ "gfn == 1)", 9, "expected here", NULL },
		{ "type == \"UC", 9, "no closing", NULL },
		{ "gfn == f0000", 8, "no column", "0xf0000" },
		{ "gfn == 1f000", 8, "0x1f000", "0x" },
		{ "gfn == 10x", 10, "junk", NULL },
		{ "gfn == 0x", 8, "without digits", NULL },
		{ "gfn == 99999999999999999999", 8, "too large", NULL },
		{ "gfn == 99999999999999999P", 8, "too large", NULL },
		{ "gfn == 'abc'", 8, "cannot be compared", "number" },
		{ "type == 5", 9, "cannot be compared", "text" },
		{ "ipat == 2", 9, "cannot be compared", "true" },
		{ "when > 'tomorrow'", 8, "cannot be compared", "2026" },
		{ "ipat < true", 6, "no order", NULL },
		{ "tags < 'a'", 6, "no order", NULL },
		{ "gfn =~ '1'", 1, "only text", NULL },
		{ "type =~ '('", 9, "bad pattern", NULL },
		{ "type =~ 'a{100}{100}'", 9, "too large", NULL },
		{ "type =~ '((^ =))?++++ x'", 9, "too large", NULL },
		{ "type =~ 'abc++++++++++++++++++++++++'", 9, "too large", NULL },
		{ "type =~ '((((((a{9})+)+x)+|b)*{40})+)+'", 9, "too large", NULL },
		{ "type =~ '(k[[.).])](+])*++++++++++++++++'", 9, "too large", NULL },
		{ "type =~ type", 9, "pattern in quotes", NULL },
		{ "sub == 1", 1, "list of records", NULL },
		{ "verdict == 'mismatched'", 12, "never", "mismatch" },
		{ "verdict == mismatch", 12, "no column", "quotes" },
		{ "verdict == known-defect", 12, "no column", "quotes" },
		{ "gfn == 1 && && order", 13, "value is expected", NULL },
		{ "gfn == $", 8, "unexpected", NULL },
		{ "type == 'ü' && foo", 16, "no column", NULL }, /* columns are characters, not bytes */
	};

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(cases); i++) {
		struct emt_err err = { 0 };
		struct emt_filter *f;

		if (emt_filter_new(&f, &kind, cases[i].text, "--where", &err) != EMT_E_USAGE)
			fail_msg("not refused: %s", cases[i].text);
		assert_null(f);
		assert_string_equal(err.subject, "--where");
		assert_int_equal(err.line, 1);
		if (err.column != cases[i].column || !strstr(err.text, cases[i].says) ||
		    (cases[i].next && !strstr(err.next, cases[i].next)))
			fail_msg("%s: column %u: %s (%s)", cases[i].text, err.column, err.text, err.next);
	}
}

static void test_depth(void **state)
{
	struct emt_err err = { 0 };
	struct emt_filter *f;
	char text[20000];
	size_t n = 0;

	(void)state;
	memset(text, '(', 5000);
	strcpy(text + 5000, "true");
	assert_int_equal(emt_filter_new(&f, &kind, text, "--where", &err), EMT_E_USAGE);
	memset(text, '!', 5000);
	strcpy(text + 5000, "true");
	memset(&err, 0, sizeof(err));
	assert_int_equal(emt_filter_new(&f, &kind, text, "--where", &err), EMT_E_USAGE);
	/* A long chain is no depth, but it ends somewhere too. */
	for (int i = 0; i < 1500; i++, n += 8)
		memcpy(text + n, "true && ", 8);
	strcpy(text + n, "true");
	assert_int_equal(emt_filter_new(&f, &kind, text, "--where", NULL), 0);
	emt_filter_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_true), cmocka_unit_test(test_false), cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_null), cmocka_unit_test(test_errors), cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
