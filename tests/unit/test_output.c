/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records through every sink: shapes, choice of columns, order, failures. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/format.h"
#include "output/output.h"
#include "output/text.h"

enum { P_X, P_NOTE, P_NR };
static const struct emt_column part_columns[P_NR] = {
	[P_X] = EMT_COLUMN("x", EMT_COL_NUMBER, EMT_COLF_SHOWN, "x"),
	[P_NOTE] = EMT_COLUMN("note", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_NULL, "note"),
};
static const struct emt_record_kind part = { .name = "part", .schema = "emt.part", .help = "part",
					     .columns = part_columns, .nr_columns = P_NR };

enum { T_GFN, T_NAME, T_FLAG, T_RAW, T_TAGS, T_PARTS, T_ONE, T_WHEN, T_BYTES, T_NR };
static const struct emt_column thing_columns[T_NR] = {
	[T_GFN] = EMT_COLUMN("gfn", EMT_COL_FRAME, EMT_COLF_SHOWN, "frame", .unit = "gfn"),
	[T_NAME] = EMT_COLUMN("name", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_NULL, "name"),
	[T_FLAG] = EMT_COLUMN("flag", EMT_COL_BOOL, EMT_COLF_NULL, "flag"),
	[T_RAW] = EMT_COLUMN("raw", EMT_COL_HEX, EMT_COLF_NULL, "raw"),
	[T_TAGS] = EMT_COLUMN("tags", EMT_COL_STRINGS, 0, "tags"),
	[T_PARTS] = EMT_COLUMN("parts", EMT_COL_LIST, 0, "parts", .sub = &part),
	[T_ONE] = EMT_COLUMN("one", EMT_COL_OBJECT, EMT_COLF_NULL, "one", .sub = &part),
	[T_WHEN] = EMT_COLUMN("when", EMT_COL_TIME, EMT_COLF_NULL, "time"),
	[T_BYTES] = EMT_COLUMN("bytes", EMT_COL_BYTES, EMT_COLF_NULL, "bytes", .unit = "bytes"),
};
static const struct emt_record_kind thing = { .name = "thing", .schema = "emt.thing", .help = "thing",
					      .columns = thing_columns, .nr_columns = T_NR };

enum { S_TOTAL, S_NR };
static const struct emt_column sum_columns[S_NR] = { EMT_COLUMN("total", EMT_COL_NUMBER, EMT_COLF_SHOWN,
								"total") };
static const struct emt_record_kind sum = { .name = "sum", .schema = "emt.sum", .help = "sum",
					    .columns = sum_columns, .nr_columns = S_NR };

static const struct emt_section sections[] = {
	{ "things", &thing, EMT_SECTION_MAIN, NULL },
	{ "parts", &part, 0, "Parts" },
	{ "sum", &sum, EMT_SECTION_ONE, NULL },
};
static const struct emt_reply reply = { "emt.test", 1, 2, sections, 3 };

struct taken {
	char *text;
	size_t len, calls;
	size_t room;      /* fail with ENOSPC beyond this, 0 = never */
};

static int take(void *arg, const char *data, size_t len)
{
	struct taken *t = arg;

	t->calls++;
	if (t->room && t->len + len > t->room)
		return ENOSPC;
	t->text = realloc(t->text, t->len + len + 1);
	assert_non_null(t->text);
	memcpy(t->text + t->len, data, len);
	t->len += len;
	t->text[t->len] = '\0';
	return 0;
}

static const char *const argv[] = { "emtctl", "test", "a/b" };

static struct emt_out_opts options(struct taken *t, enum emt_out_format format)
{
	return (struct emt_out_opts){ .format = format,
				      .write = take,
				      .arg = t,
				      .tool = "emtctl",
				      .version = "0",
				      .argv = argv,
				      .argc = 3,
				      .time = 1767434400 };
}

static void put_thing(struct emt_out *out, uint64_t gfn, const char *name)
{
	struct emt_err err = { 0 };
	struct emt_rec *r = emt_out_rec(out, &thing), *p;

	emt_rec_u64(r, T_GFN, gfn);
	emt_rec_str(r, T_NAME, name);
	emt_rec_u64(r, T_RAW, UINT64_MAX);
	emt_rec_list(r, T_TAGS);
	if (gfn & 1)
		emt_rec_add_str(r, T_TAGS, "odd");
	emt_rec_list(r, T_PARTS);
	for (uint64_t i = 0; i < gfn % 3; i++) {
		p = emt_rec_add(r, T_PARTS);
		emt_rec_u64(p, P_X, i);
	}
	assert_int_equal(emt_out_put(out, r, &err), 0);
}

static void put_sum(struct emt_out *out, uint64_t total)
{
	struct emt_rec *r = emt_out_rec(out, &sum);

	emt_rec_u64(r, S_TOTAL, total);
	assert_int_equal(emt_out_put(out, r, NULL), 0);
}

static void put_part(struct emt_out *out, uint64_t x)
{
	struct emt_rec *r = emt_out_rec(out, &part);

	emt_rec_u64(r, P_X, x);
	assert_int_equal(emt_out_put(out, r, NULL), 0);
}

static struct emt_out *begin(const struct emt_out_opts *o)
{
	struct emt_err err = { 0 };
	struct emt_out *out;

	if (emt_out_new(&out, o, &reply, &err))
		fail_msg("%s: %s", err.subject, err.text);
	return out;
}

static void finish(struct emt_out *out, int status, bool complete, const struct emt_err *why)
{
	struct emt_out_end end = { status, complete, why };
	struct emt_err err = { 0 };

	if (emt_out_finish(out, &end, &err))
		fail_msg("%s: %s", err.subject, err.text);
	emt_out_free(out);
}

static struct json_object *at(struct json_object *obj, const char *path)
{
	char copy[100], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *w = strtok_r(copy, ".", &save); w; w = strtok_r(NULL, ".", &save)) {
		if (json_object_is_type(obj, json_type_array))
			obj = json_object_array_get_idx(obj, (size_t)atoi(w));
		else if (!json_object_object_get_ex(obj, w, &obj))
			fail_msg("no %s in %s", w, path);
	}
	return obj;
}

static const char *text_at(struct json_object *obj, const char *path)
{
	return json_object_get_string(at(obj, path));
}

static struct json_object *parsed(const char *text)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *obj;

	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	obj = json_tokener_parse_ex(tok, text, (int)strlen(text) + 1);
	if (!obj)
		fail_msg("no JSON: %s in %s", json_tokener_error_desc(json_tokener_get_error(tok)), text);
	json_tokener_free(tok);
	return obj;
}

static void test_kinds_are_sound(void **state)
{
	char why[200];

	(void)state;
	assert_null(emt_kind_check(&thing, why, sizeof(why)));
	assert_null(emt_kind_check(&part, why, sizeof(why)));
}

static void test_json(void **state)
{
	struct taken t = { 0 };
	struct emt_out_opts o = options(&t, EMT_FORMAT_JSON);
	struct emt_out *out = begin(&o);
	struct json_object *j;

	(void)state;
	emt_out_source(out, "capture:a/b.emt");
	put_thing(out, 5, "five");
	put_sum(out, 7);           /* out of order: kept until the end */
	put_thing(out, 0x1234, NULL);
	put_part(out, 1);
	finish(out, 1, true, NULL);
	j = parsed(t.text);
	assert_string_equal(text_at(j, "schema"), "emt.test");
	assert_int_equal(json_object_get_int(at(j, "schema_version.1")), 2);
	assert_string_equal(text_at(j, "tool.argv.2"), "a/b");
	assert_non_null(strstr(t.text, "\"a/b\"")); /* slashes as they are */
	assert_string_equal(text_at(j, "source"), "capture:a/b.emt");
	assert_string_equal(text_at(j, "time"), "2026-01-03T10:00:00Z");
	assert_int_equal(json_object_array_length(at(j, "data.things")), 2);
	assert_int_equal(json_object_get_int(at(j, "data.things.1.gfn")), 0x1234);
	assert_null(at(j, "data.things.1.name"));
	assert_string_equal(text_at(j, "data.things.0.raw"), "0xffffffffffffffff");
	assert_true(json_object_is_type(at(j, "data.things.0.tags"), json_type_array));
	assert_int_equal(json_object_array_length(at(j, "data.things.0.parts")), 2);
	assert_null(at(j, "data.things.0.parts.1.note"));
	assert_null(at(j, "data.things.0.one"));
	assert_int_equal(json_object_array_length(at(j, "data.parts")), 1);
	assert_int_equal(json_object_get_int(at(j, "data.sum.total")), 7);
	assert_int_equal(json_object_get_int(at(j, "exit_status")), 1);
	assert_true(json_object_get_boolean(at(j, "complete")));
	assert_null(at(j, "error"));
	json_object_put(j);
	free(t.text);
}

/* Lists that stay empty are there; a failure leaves null and says why. */
static void test_json_empty_and_error(void **state)
{
	struct emt_err why = {
		.code = EMT_E_TRUNCATED, .line = 3, .subject = "f", .text = "ends", .next = ""
	};
	struct taken t = { 0 };
	struct emt_out_opts o = options(&t, EMT_FORMAT_JSON);
	struct json_object *j;

	(void)state;
	finish(begin(&o), 0, true, NULL);
	j = parsed(t.text);
	assert_int_equal(json_object_array_length(at(j, "data.things")), 0);
	assert_null(at(j, "data.sum"));
	json_object_put(j);
	t.len = 0;
	finish(begin(&o), 2, false, &why);
	j = parsed(t.text);
	assert_null(at(j, "data"));
	assert_string_equal(text_at(j, "error.code"), "truncated");
	assert_string_equal(text_at(j, "error.text"), "ends");
	assert_null(at(j, "error.next"));
	assert_int_equal(json_object_get_int(at(j, "error.line")), 3);
	assert_null(at(j, "error.column"));
	json_object_put(j);
	free(t.text);
}

/* A failure in the middle: what was put stays, the document is whole. */
static void test_json_late_error(void **state)
{
	struct emt_err why = { .code = EMT_E_DAMAGED, .subject = "f", .text = "bad" };
	struct taken t = { 0 };
	struct emt_out_opts o = options(&t, EMT_FORMAT_JSON);
	struct emt_out *out = begin(&o);
	struct json_object *j;

	(void)state;
	put_thing(out, 1, "a");
	finish(out, 2, false, &why);
	j = parsed(t.text);
	assert_int_equal(json_object_array_length(at(j, "data.things")), 1);
	assert_string_equal(text_at(j, "error.code"), "damaged");
	json_object_put(j);
	free(t.text);
}

static void test_ndjson(void **state)
{
	struct taken t = { 0 };
	struct emt_out_opts o = options(&t, EMT_FORMAT_NDJSON);
	struct emt_out *out = begin(&o);
	struct json_object *j;
	char *line, *save = NULL;
	int n = 0;

	(void)state;
	put_thing(out, 1, "a\nb");
	put_part(out, 2);
	put_thing(out, 3, "c");
	finish(out, 3, false, NULL);
	for (line = strtok_r(t.text, "\n", &save); line; line = strtok_r(NULL, "\n", &save), n++) {
		j = parsed(line);
		if (n == 0)
			assert_string_equal(text_at(j, "schema"), "emt.test");
		if (n == 2)
			assert_string_equal(text_at(j, "record"), "part");
		if (n == 4) {
			assert_string_equal(text_at(j, "record"), "end");
			assert_int_equal(json_object_get_int(at(j, "counts.thing")), 2);
			assert_int_equal(json_object_get_int(at(j, "exit_status")), 3);
			assert_false(json_object_get_boolean(at(j, "complete")));
		}
		json_object_put(j);
	}
	assert_int_equal(n, 5);
	free(t.text);
}

/* Bytes that are no UTF-8 become U+FFFD; the rest stays. */
static void test_json_utf8(void **state)
{
	struct taken t = { 0 };
	struct emt_out_opts o = options(&t, EMT_FORMAT_NDJSON);
	struct emt_out *out = begin(&o);

	(void)state;
	put_thing(out, 1, "a\xff\xc3\xbc\xe2\x82\xc0\xaf\xed\xa0\x80z");
	finish(out, 0, true, NULL);
	assert_non_null(
		strstr(t.text, "a\xef\xbf\xbd\xc3\xbc\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"));
	assert_null(strchr(t.text, '\xff'));
	free(t.text);
}

static void test_columns_where_sort_limit(void **state)
{
	struct taken t = { 0 };
	struct emt_out_opts o = options(&t, EMT_FORMAT_TEXT);
	struct emt_out *out;

	(void)state;
	o.columns = "name,gfn,tags";
	o.where = "gfn > 2";
	o.sort = "-name,gfn";
	o.limit = 4;
	out = begin(&o);
	for (uint64_t i = 9; i--;)
		put_thing(out, i, i % 2 ? "b" : "a");
	put_sum(out, 1); /* with columns chosen only the main section is shown */
	finish(out, 0, true, NULL);
	assert_string_equal(t.text, "NAME GFN TAGS\n"
				    "b    0x3 odd\n"
				    "b    0x5 odd\n"
				    "b    0x7 odd\n"
				    "a    0x4 -\n");
	free(t.text);
}

static void test_sort_is_stable_and_bounded(void **state)
{
	struct taken t = { 0 };
	struct emt_out_opts o = options(&t, EMT_FORMAT_TEXT);
	struct emt_out *out;

	(void)state;
	o.columns = "gfn";
	o.sort = "name";
	o.limit = 3;
	out = begin(&o);
	for (uint64_t i = 0; i < 5000; i++)
		put_thing(out, i, i < 4000 ? "z" : "a");
	finish(out, 0, true, NULL);
	assert_string_equal(t.text, "  GFN\n0xfa0\n0xfa1\n0xfa2\n");
	free(t.text);
}

static void test_limit_tells_when_enough(void **state)
{
	struct taken t = { 0 };
	struct emt_out_opts o = options(&t, EMT_FORMAT_NDJSON);
	struct emt_out *out;

	(void)state;
	o.limit = 2;
	out = begin(&o);
	put_thing(out, 1, "a");
	assert_false(emt_out_enough(out));
	put_thing(out, 2, "a");
	assert_true(emt_out_enough(out));
	put_thing(out, 3, "a");
	finish(out, 0, true, NULL);
	assert_null(strstr(t.text, "\"gfn\":3"));
	free(t.text);
}

static void test_bad_options(void **state)
{
	static const struct {
		const char *columns, *where, *sort, *subject, *says;
	} cases[] = {
		{ "gfn,nmae", NULL, NULL, "--columns", "nmae" }, { "", NULL, NULL, "--columns", "empty" },
		{ ",", NULL, NULL, "--columns", "empty" },
		{ NULL, NULL, "-wrong", "--sort", "wrong" }, { NULL, "gfn ==", NULL, "--where", "early" },
	};

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(cases); i++) {
		struct taken t = { 0 };
		struct emt_out_opts o = options(&t, EMT_FORMAT_JSON);
		struct emt_out_end end = { 2, false, NULL };
		struct emt_err err = { 0 };
		struct json_object *j;
		struct emt_out *out;

		o.columns = cases[i].columns;
		o.where = cases[i].where;
		o.sort = cases[i].sort;
		assert_int_equal(emt_out_new(&out, &o, &reply, &err), EMT_E_USAGE);
		assert_string_equal(err.subject, cases[i].subject);
		assert_non_null(strstr(err.text, cases[i].says));
		end.err = &err;
		assert_int_equal(emt_out_finish(out, &end, NULL), 0);
		emt_out_free(out);
		j = parsed(t.text);
		assert_null(at(j, "data"));
		assert_string_equal(text_at(j, "error.subject"), cases[i].subject);
		json_object_put(j);
		free(t.text);
	}
}

/* A long table streams, its header comes once, its columns stay where they were. */
static void test_text_streams(void **state)
{
	struct taken t = { 0 };
	struct emt_out_opts o = options(&t, EMT_FORMAT_TEXT);
	struct emt_out *out = begin(&o);
	size_t lines = 0, name_at = 0;

	(void)state;
	for (uint64_t i = 0; i < 30000; i++)
		put_thing(out, i == 3 ? 0x123456789ull : i, "n");
	assert_true(t.calls > 1);
	finish(out, 0, true, NULL);
	for (char *line = t.text, *end; *line; line = end + 1, lines++) {
		end = strchr(line, '\n');
		assert_non_null(end);
		*end = '\0';
		if (!lines)
			name_at = (size_t)(strstr(line, "NAME") - line);
		else
			assert_int_equal(line[name_at], 'n');
	}
	assert_int_equal(lines, 30001);
	free(t.text);
}

static void test_write_fails(void **state)
{
	static const enum emt_out_format formats[] = { EMT_FORMAT_TEXT, EMT_FORMAT_JSON, EMT_FORMAT_NDJSON };

	(void)state;
	for (size_t f = 0; f < 3; f++) {
		struct taken t = { .room = 100000 };
		struct emt_out_opts o = options(&t, formats[f]);
		struct emt_out *out = begin(&o);
		struct emt_out_end end = { 0, true, NULL };
		struct emt_err err = { 0 };
		int rc = 0;

		for (uint64_t i = 0; i < 100000 && !rc; i++) {
			struct emt_rec *r = emt_out_rec(out, &thing);

			emt_rec_u64(r, T_GFN, i);
			emt_rec_list(r, T_TAGS);
			emt_rec_list(r, T_PARTS);
			rc = emt_out_put(out, r, &err);
		}
		assert_int_equal(rc, EMT_E_IO);
		assert_non_null(strstr(err.text, "No space left"));
		assert_int_equal(emt_out_errno(out), ENOSPC);
		assert_int_equal(emt_out_finish(out, &end, NULL), EMT_E_IO);
		emt_out_free(out);
		free(t.text);
	}
}

/* What a handler does wrong is found where it happens. */
static void test_record_checks(void **state)
{
	struct emt_err err = { 0 };
	struct emt_rec *r = emt_rec_new(&thing);

	(void)state;
	emt_rec_list(r, T_TAGS);
	emt_rec_list(r, T_PARTS);
	assert_int_equal(emt_rec_check(r, &err), EMT_E_INTERNAL);
	assert_non_null(strstr(err.text, "gfn"));
	emt_rec_u64(r, T_GFN, 1);
	assert_int_equal(emt_rec_check(r, NULL), 0);
	emt_rec_u64(r, T_NAME, 1);
	assert_int_equal(emt_rec_check(r, NULL), EMT_E_INTERNAL);
	emt_rec_reset(r);
	emt_rec_u64(r, T_GFN, 1);
	emt_rec_list(r, T_TAGS);
	emt_rec_add(r, T_PARTS); /* a part without its x */
	assert_int_equal(emt_rec_check(r, NULL), EMT_E_INTERNAL);
	emt_rec_free(r);
}

static void test_formats(void **state)
{
	static const struct {
		const char *text;
		int64_t t;
	} times[] = {
		{ "2026-01-03T10:00:00Z", 1767434400 },
		{ "2026-01-03 10:00:00", 1767434400 },
		{ "2026-01-03", 1767398400 },
		{ "2026-01-03T12:00:00+02:00", 1767434400 },
		{ "2026-01-03T10:00:00.5Z", 1767434400 },
		{ "5", 5 },
	};
	static const char *const bad[] = { "",
					   "x",
					   "2026-13-01",
					   "2026-01-03T",
					   "2026-01-03T25:00:00Z",
					   "2026-01-03T10:00:00+2",
					   "2026-01-03x",
					   "-5",
					   "99999999999999999" };
	char s[64];
	int64_t v;

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(times); i++) {
		if (emt_parse_time(times[i].text, &v) || v != times[i].t)
			fail_msg("%s gave %lld", times[i].text, (long long)v);
	}
	for (size_t i = 0; i < EMT_ARRAY_SIZE(bad); i++)
		if (!emt_parse_time(bad[i], &v))
			fail_msg("%s is taken for a time", bad[i]);
	assert_string_equal(emt_fmt_count(0, s, sizeof(s)), "0");
	assert_string_equal(emt_fmt_count(999, s, sizeof(s)), "999");
	assert_string_equal(emt_fmt_count(16401, s, sizeof(s)), "16,401");
	assert_string_equal(emt_fmt_count(UINT64_MAX, s, sizeof(s)), "18,446,744,073,709,551,615");
	assert_string_equal(emt_fmt_bytes(512, s, sizeof(s)), "512 B");
	assert_string_equal(emt_fmt_bytes(64 << 20, s, sizeof(s)), "64 MiB");
	assert_string_equal(emt_fmt_bytes(67 * 1024 * 1024 / 2, s, sizeof(s)), "33.5 MiB");
	assert_string_equal(emt_fmt_bytes(UINT64_MAX, s, sizeof(s)), "15.9 EiB");
	assert_string_equal(emt_fmt_range(1, 0x10, s, sizeof(s)), "0x1-0x10");
}

/* Names come from guests: no control character reaches the terminal. */
static void test_text_is_tame(void **state)
{
	struct taken t = { 0 };
	struct emt_buffer b;
	struct emt_text text = { .buf = &b, .colour = true, .blank = true };

	(void)state;
	emt_buffer_init(&b, take, &t);
	emt_text_printf(&text, "a\033[2Jb\rc\x7f\n");
	emt_text_puts(&text, EMT_STYLE_BAD, "bad");
	emt_text_gap(&text);
	emt_text_gap(&text);
	emt_text_wrap(&text, 20, "x ", 4, "one two three four five");
	assert_int_equal(emt_buffer_flush(&b), 0);
	assert_string_equal(t.text, "a?[2Jb?c?\n\033[1;31mbad\033[0m\n\nx one two three four\n    five\n");
	emt_buffer_free(&b);
	free(t.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds_are_sound),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_empty_and_error),
		cmocka_unit_test(test_json_late_error),
		cmocka_unit_test(test_ndjson),
		cmocka_unit_test(test_json_utf8),
		cmocka_unit_test(test_columns_where_sort_limit),
		cmocka_unit_test(test_sort_is_stable_and_bounded),
		cmocka_unit_test(test_limit_tells_when_enough),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_text_streams),
		cmocka_unit_test(test_write_fails),
		cmocka_unit_test(test_record_checks),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_text_is_tame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
