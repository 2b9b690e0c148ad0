/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of text to words; defaults of a session. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "command/line.h"
#include "command/parse.h"

static int parse(struct emt_line *l, const char *text, struct emt_err *err)
{
	static const char *const params[] = { "one", "a b" };
	static const struct emt_line_opts opts = { .home = "/home/u", .params = params, .nr_params = 2 };

	memset(err, 0, sizeof(*err));
	return emt_line_parse(l, text, strlen(text), &opts, err);
}

static void words(const char *text, const char *const *want, size_t n)
{
	struct emt_err err;
	struct emt_line l;

	assert_int_equal(parse(&l, text, &err), 0);
	assert_int_equal(l.nr, n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(l.text[i], want[i]);
	emt_line_free(&l);
}

static void test_words(void **state)
{
	(void)state;
	words("", NULL, 0);
	words("  # all of it", NULL, 0);
	words("a  b#c # d", (const char *const[]){ "a", "b#c" }, 2);
	words("'a b' \"c \\\"d\\\\\" e\\ f ''", (const char *const[]){ "a b", "c \"d\\", "e f", "" }, 4);
	words("~/x ~u a~", (const char *const[]){ "/home/u/x", "~u", "a~" }, 3);
	words("$1 \"$2\" '$1' $# $x", (const char *const[]){ "one", "a b", "$1", "2", "$x" }, 5);
	words("a \\\n  b", (const char *const[]){ "a", "b" }, 2);
	words("a\\\nb", (const char *const[]){ "ab" }, 1);
	words("a\nb", (const char *const[]){ "a" }, 1);
}

static void test_redirections(void **state)
{
	struct emt_err err;
	struct emt_line l;

	(void)state;
	assert_int_equal(parse(&l, "show x >out file", &err), 0);
	assert_int_equal(l.redirect, EMT_REDIRECT_FILE);
	assert_string_equal(l.target, "out");
	assert_int_equal(l.nr, 3);
	emt_line_free(&l);
	assert_int_equal(parse(&l, "show >> 'a b'", &err), 0);
	assert_int_equal(l.redirect, EMT_REDIRECT_APPEND);
	assert_string_equal(l.target, "a b");
	emt_line_free(&l);
	assert_int_equal(parse(&l, "show | grep '>' | wc # x", &err), 0);
	assert_int_equal(l.redirect, EMT_REDIRECT_PIPE);
	assert_string_equal(l.target, "grep '>' | wc # x");
	emt_line_free(&l);
}

static void test_errors_and_more(void **state)
{
	static const struct { const char *text; int code; unsigned int column; } t[] = {
		{ "a >", EMT_E_USAGE, 3 }, { "a > b > c", EMT_E_USAGE, 7 }, { "a || b", EMT_E_USAGE, 3 },
		{ "a |", EMT_E_USAGE, 3 }, { "a $3", EMT_E_USAGE, 3 }, { "a 'b", EMT_E_TRUNCATED, 0 },
		{ "a \"b\nc", EMT_E_TRUNCATED, 0 }, { "a \\", EMT_E_TRUNCATED, 0 }, { "a \\\n", EMT_E_TRUNCATED, 0 },
		{ "a\\\n", EMT_E_TRUNCATED, 0 }, { "a > ''", EMT_E_USAGE, 3 },
	};
	struct emt_err err;
	struct emt_line l;

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(t); i++) {
		assert_int_equal(parse(&l, t[i].text, &err), t[i].code);
		assert_int_equal(err.column, t[i].column);
		emt_line_free(&l);
	}
}

/* What is quoted reads back the same. */
static void test_quote(void **state)
{
	static const char *const t[] = { "a b", "a'b", "a\"b", "a\\b", "a>b|c#d$1", "\t" };
	struct emt_err err;
	struct emt_line l;
	char out[64];

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(t); i++) {
		assert_int_equal(parse(&l, emt_line_quote(t[i], 0, out, sizeof(out)), &err), 0);
		assert_int_equal(l.nr, 1);
		assert_string_equal(l.text[0], t[i]);
		emt_line_free(&l);
	}
}

static void test_places(void **state)
{
	struct emt_err err;
	struct emt_line l;

	(void)state;
	assert_int_equal(parse(&l, "ab 'c d' e\\ f", &err), 0);
	assert_int_equal(l.words[1].start, 3);
	assert_int_equal(l.words[1].from[2], 6);
	assert_int_equal(l.words[2].from[1], 10);
	emt_line_free(&l);
}

static void test_defaults(void **state)
{
	const char *show[] = { "show", "0xf0000" }, *other[] = { "show", "other.emt" };
	const char *list[] = { "policy", "list" };
	struct emt_session s = { .source = NULL };
	struct emt_err err = { 0 };
	struct emt_parse p;

	(void)state;
	assert_int_equal(emt_session_use(&s, "guest.emt", "5", NULL), 0);
	assert_int_equal(emt_session_set(&s, "columns", "gfn,order", &err), 0);
	assert_int_equal(emt_session_set(&s, "limit", "7", &err), 0);
	/* A range is no source; the session's comes with its domain. */
	assert_int_equal(emt_parse_words(&p, show, 2, &s, &err), 0);
	assert_string_equal(emt_parse_text(&p, "source"), "guest.emt");
	assert_int_equal(emt_parse_get(&p, "range")->span.first, 0xf0000);
	assert_int_equal(emt_parse_number(&p, "domain", 99), 5);
	assert_int_equal(emt_parse_number(&p, "limit", 0), 7);
	assert_string_equal(emt_parse_text(&p, "columns"), "gfn,order");
	emt_parse_free(&p);
	/* A source of its own has its own domains. */
	assert_int_equal(emt_parse_words(&p, other, 2, &s, &err), 0);
	assert_null(emt_parse_get(&p, "domain"));
	emt_parse_free(&p);
	/* Columns that the records do not have are left out. */
	assert_int_equal(emt_parse_words(&p, list, 2, &s, &err), 0);
	assert_null(emt_parse_get(&p, "columns"));
	emt_parse_free(&p);
	assert_int_equal(emt_session_set(&s, "limit", NULL, &err), 0);
	assert_null(emt_session_get(&s, "limit"));
	assert_int_equal(emt_session_set(&s, "limit", "x", &err), EMT_E_USAGE);
	memset(&err, 0, sizeof(err));
	assert_int_equal(emt_session_set(&s, "frob", "1", &err), EMT_E_USAGE);
	emt_session_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words), cmocka_unit_test(test_redirections),
		cmocka_unit_test(test_errors_and_more), cmocka_unit_test(test_quote),
		cmocka_unit_test(test_places), cmocka_unit_test(test_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
