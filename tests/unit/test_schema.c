/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Schemas of declarations of every type, and what has no schema. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "command/mdoc.h"
#include "command/schema.h"

static const char *word(unsigned int i)
{
	return (const char *const[]){ "red", "green", "red" }[i];
}

static const struct emt_column inner_columns[] = {
	EMT_COLUMN("record", EMT_COL_STRING, 0, "a name that only the outer kind must not have"),
};
static const struct emt_record_kind inner = {
	.name = "inner", .schema = "emt.inner", .help = "inside", .columns = inner_columns, .nr_columns = 1,
};
static const struct emt_column columns[] = {
	EMT_COLUMN("flag", EMT_COL_BOOL, 0, "flag"),
	EMT_COLUMN("number", EMT_COL_NUMBER, EMT_COLF_NULL, "number", .since = "0.1"),
	EMT_COLUMN("gfn", EMT_COL_FRAME, 0, "frame", .unit = "gfn"),
	EMT_COLUMN("raw", EMT_COL_HEX, 0, "bits"),
	EMT_COLUMN("time", EMT_COL_TIME, EMT_COLF_NULL, "time"),
	EMT_COLUMN("colour", EMT_COL_STRING, EMT_COLF_NULL, "word", .word = word, .nr_words = 2),
	EMT_COLUMN("colours", EMT_COL_STRINGS, 0, "words", .word = word, .nr_words = 2),
	EMT_COLUMN("one", EMT_COL_OBJECT, EMT_COLF_NULL, "one", .sub = &inner),
	EMT_COLUMN("many", EMT_COL_LIST, 0, "many", .sub = &inner),
};
static const struct emt_record_kind outer = {
	.name = "outer", .schema = "emt.outer", .help = "outside", .columns = columns,
	.nr_columns = EMT_ARRAY_SIZE(columns),
};
static const struct emt_section sections[] = { { "outers", &outer, EMT_SECTION_MAIN, NULL } };
static const struct emt_reply reply = { "emt.test", 3, 14, sections, 1 };

/* The value at a path like "a/b/c" as JSON text. */
static void is(struct json_object *root, const char *path, const char *want)
{
	struct json_object *at = root;
	char *copy = strdup(path), *save = NULL;

	for (char *k = strtok_r(copy, "/", &save); k; k = strtok_r(NULL, "/", &save))
		if (!json_object_object_get_ex(at, k, &at))
			fail_msg("%s: no %s", path, k);
	assert_string_equal(json_object_to_json_string_ext(at, JSON_C_TO_STRING_NOSLASHESCAPE), want);
	free(copy);
}

static void test_types(void **state)
{
	char *text = emt_schema_text(&reply);
	struct json_object *s = json_tokener_parse(text);

	(void)state;
	assert_non_null(s);
	is(s, "properties/schema/const", "\"emt.test\"");
	is(s, "properties/schema_version/const", "[3,14]");
	is(s, "additionalProperties", "false");
	is(s, "definitions/outer/additionalProperties", "false");
	is(s, "definitions/outer/required",
	   "[\"flag\",\"number\",\"gfn\",\"raw\",\"time\",\"colour\",\"colours\",\"one\",\"many\"]");
	is(s, "definitions/outer/properties/flag/type", "\"boolean\"");
	is(s, "definitions/outer/properties/number/type", "[\"integer\",\"null\"]");
	is(s, "definitions/outer/properties/number/minimum", "0");
	is(s, "definitions/outer/properties/number/maximum", "9007199254740991");
	is(s, "definitions/outer/properties/number/x-since", "\"0.1\"");
	is(s, "definitions/outer/properties/gfn/type", "\"integer\"");
	is(s, "definitions/outer/properties/gfn/x-unit", "\"gfn\"");
	is(s, "definitions/outer/properties/raw/pattern", "\"^0x[0-9a-f]+$\"");
	is(s, "definitions/outer/properties/time/type", "[\"string\",\"null\"]");
	is(s, "definitions/outer/properties/colour/enum", "[\"red\",\"green\",null]");
	is(s, "definitions/outer/properties/colours/type", "\"array\"");
	is(s, "definitions/outer/properties/colours/items/enum", "[\"red\",\"green\"]");
	is(s, "definitions/outer/properties/one/anyOf", "[{\"$ref\":\"#/definitions/inner\"},{\"type\":\"null\"}]");
	is(s, "definitions/outer/properties/many/items/$ref", "\"#/definitions/inner\"");
	is(s, "definitions/line.outer/properties/record/const", "\"outer\"");
	is(s, "definitions/end/properties/counts/required", "[\"outer\"]");
	json_object_put(s);
	free(text);
}

static void test_error_schema(void **state)
{
	char *text = emt_schema_text(NULL);
	struct json_object *s = json_tokener_parse(text);

	(void)state;
	is(s, "properties/schema/const", "\"emt.error\"");
	is(s, "properties/data/type", "\"null\"");
	is(s, "properties/exit_status/minimum", "2");
	is(s, "properties/error/$ref", "\"#/definitions/error\"");
	json_object_put(s);
	free(text);
}

static void refused(const struct emt_column *column, const char *kind_name, const char *why)
{
	struct emt_record_kind kind = { .name = kind_name, .schema = "emt.k", .help = "k", .columns = column,
					.nr_columns = 1 };
	const struct emt_section part = { "ks", &kind, EMT_SECTION_MAIN, NULL };
	const struct emt_reply r = { "emt.k", 1, 0, &part, 1 };
	char text[200] = "";
	const char *bad = emt_schema_check(&r, text, sizeof(text));

	if (!bad || !strstr(bad, why))
		fail_msg("%s instead of %s", bad ? bad : "nothing", why);
}

static void test_what_is_refused(void **state)
{
	static const struct emt_column good = EMT_COLUMN("c", EMT_COL_STRING, 0, "c"),
		twice = EMT_COLUMN("c", EMT_COL_STRING, 0, "c", .word = word, .nr_words = 3),
		record = EMT_COLUMN("record", EMT_COL_STRING, 0, "c");
	char text[200];

	(void)state;
	assert_null(emt_schema_check(&reply, text, sizeof(text)));
	refused(&twice, "k", "k.c: a word of its closed set stands there twice");
	refused(&record, "k", "means the kind of record");
	refused(&good, "end", "means something else in a schema");
	refused(&good, "tool", "means something else in a schema");
}

/* ---- mdoc ---- */

static void prose_is(const char *text, const char *want)
{
	struct emt_buffer b;

	emt_buffer_init(&b, NULL, NULL);
	emt_mdoc_prose(&b, text);
	emt_buffer_put(&b, "", 1);
	assert_string_equal(b.data, want);
	emt_buffer_free(&b);
}

static void test_prose(void **state)
{
	(void)state;
	prose_is("One. Two, e.g. this.  Three?", "One.\nTwo, e.g. this.\nThree?\n");
	prose_is(".Nm is a macro", "\\&.Nm is a macro\n");
	prose_is("a\\b --all `x -y` no-one", "a\\eb \\-\\-all \\(oqx \\-y\\(cq no-one\n");
	/* No line is wider than 80, none is broken before its time. */
	prose_is("aaaaaaaaa bbbbbbbbb aaaaaaaaa bbbbbbbbb aaaaaaaaa bbbbbbbbb aaaaaaaaa bbbbbbb ccccc",
		 "aaaaaaaaa bbbbbbbbb aaaaaaaaa bbbbbbbbb aaaaaaaaa bbbbbbbbb aaaaaaaaa bbbbbbb\nccccc\n");
	prose_is("", "");
}

static void test_parts(void **state)
{
	static const char *const names[] = { "synopsis", "commands", "options", "values", "program", "replies",
					     "records", "errors", "releases", "defects", "quirks", "reasons" };
	struct emt_buffer b;

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(names); i++) {
		emt_buffer_init(&b, NULL, NULL);
		assert_int_equal(emt_mdoc_part(&b, names[i]), 0);
		assert_true(b.used > 50);
		assert_int_equal(b.data[b.used - 1], '\n');
		emt_buffer_free(&b);
	}
	emt_buffer_init(&b, NULL, NULL);
	assert_int_equal(emt_mdoc_part(&b, "frob"), -1);
	emt_buffer_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types), cmocka_unit_test(test_error_schema),
		cmocka_unit_test(test_what_is_refused), cmocka_unit_test(test_prose), cmocka_unit_test(test_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
