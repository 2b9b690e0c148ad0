/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of commands, and words parsed by it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "command/execute.h"

#define WORDS 24

/* Split at blanks; "_" in a word stands for a blank. */
static size_t split(char *text, const char **words)
{
	size_t n = 0;
	char *save = NULL;

	for (char *w = strtok_r(text, " ", &save); w && n < WORDS; w = strtok_r(NULL, " ", &save)) {
		for (char *p = w; *p; p++)
			*p = *p == '_' ? ' ' : *p;
		words[n++] = w;
	}
	return n;
}

static int parse(struct emt_parse *p, const char *line, const struct emt_session *session,
		 struct emt_err *err)
{
	static char text[400];
	const char *words[WORDS];

	memset(err, 0, sizeof(*err));
	snprintf(text, sizeof(text), "%s", line);
	return emt_parse_words(p, words, split(text, words), session, err);
}

static void test_table_is_whole(void **state)
{
	const char *bad;
	char why[200];

	(void)state;
	bad = emt_command_check(why, sizeof(why));
	if (bad)
		fail_msg("%s", bad);
}

/* Each example in the table parses, and is of the command it stands under. */
static void test_examples_parse(void **state)
{
	unsigned int seen = 0;

	(void)state;
	for (unsigned int i = 0; i < emt_nr_commands; i++) {
		const struct emt_command *c = emt_commands[i];

		for (unsigned int k = 0; k < c->nr_examples; k++, seen++) {
			char line[300], *end;
			const char *words[32];
			size_t n = 0;
			struct emt_err err = { 0 };
			struct emt_parse p;

			/* Up to a pipe; words in quotes are one word. */
			snprintf(line, sizeof(line), "%s", c->examples[k].line);
			end = strstr(line, " | ");
			if (end)
				*end = '\0';
			for (char *s = line; *s;) {
				bool quoted = *s == '\'';

				s += quoted;
				words[n++] = s;
				s += strcspn(s, quoted ? "'" : " ");
				if (*s)
					*s++ = '\0';
				s += strspn(s, " ");
			}
			if (emt_parse_words(&p, words, n, NULL, &err))
				fail_msg("%s: %s: %s", c->examples[k].line, err.subject, err.text);
			assert_ptr_equal(p.cmd, c);
			emt_parse_free(&p);
		}
	}
	assert_true(seen >= emt_nr_commands);
}

static void test_values(void **state)
{
	struct emt_err err;
	struct emt_parse p;

	(void)state;
	assert_int_equal(parse(&p, "--json show x.emt 0xf0000-0xf07ff -o gfn,mfn --where gfn>1 --limit=5 -s",
			       NULL, &err),
			 0);
	assert_string_equal(p.cmd->name, "show");
	assert_true(emt_parse_flag(&p, "json"));
	assert_true(emt_parse_flag(&p, "split"));
	assert_int_equal(emt_parse_get(&p, "range")->span.first, 0xf0000);
	assert_int_equal(emt_parse_get(&p, "range")->span.last, 0xf07ff);
	assert_string_equal(emt_parse_text(&p, "columns"), "gfn,mfn");
	assert_string_equal(emt_parse_text(&p, "where"), "gfn>1");
	assert_int_equal(emt_parse_number(&p, "limit", 0), 5);
	assert_int_equal(emt_parse_get(&p, "source")->source->kind, EMT_SOURCE_CAPTURE);
	emt_parse_free(&p);

	assert_int_equal(parse(&p, "-ogfn show x.emt 983040+2048 -sd3", NULL, &err), 0);
	assert_string_equal(emt_parse_text(&p, "columns"), "gfn");
	assert_int_equal(emt_parse_get(&p, "range")->span.last, 0xf07ff);
	assert_int_equal(emt_parse_number(&p, "domain", 99), 3);
	emt_parse_free(&p);

	assert_int_equal(parse(&p, "explain capture:g.emt 0xf0000 --release 4.14.0 --mail", NULL, &err), 0);
	assert_int_equal(emt_parse_number(&p, "gfn", 0), 0xf0000);
	assert_string_equal(emt_parse_text(&p, "release"), "4.14.0");
	emt_parse_free(&p);

	assert_int_equal(parse(&p, "audit 5 --fail-on error", NULL, &err), 0);
	assert_int_equal(emt_parse_get(&p, "source")->source->kind, EMT_SOURCE_XEN);
	assert_int_equal(emt_parse_number(&p, "fail-on", 0), EMT_SEV_ERROR);
	emt_parse_free(&p);

	/* A command's own -o hides the one for columns. */
	assert_int_equal(
		parse(&p, "import a b -f c -f d -o out.emt --time 2026-01-03 --columns all", NULL, &err), 0);
	assert_string_equal(emt_parse_text(&p, "output"), "out.emt");
	assert_string_equal(emt_parse_text(&p, "columns"), "all");
	assert_string_equal(emt_parse_get(&p, "file")->text, "a");
	assert_string_equal(emt_parse_next(&p, emt_parse_get(&p, "file"))->text, "b");
	assert_string_equal(emt_parse_next(&p, emt_parse_get(&p, "facts"))->text, "d");
	assert_int_equal(emt_parse_get(&p, "time")->time, 1767398400);
	emt_parse_free(&p);

	/* Behind -- nothing is an option. */
	assert_int_equal(parse(&p, "capture show -- -odd.emt", NULL, &err), 0);
	assert_string_equal(emt_parse_text(&p, "file"), "-odd.emt");
	emt_parse_free(&p);
}

static void test_wrong_words(void **state)
{
	static const struct {
		const char *line, *subject, *says, *next;
	} cases[] = {
		{ "adit x.emt", "adit", "is audit meant", "help" },
		{ "frobnicate", "frobnicate", "no such command", "audit" },
		{ "capture", "capture", "one more word", "show verify" },
		{ "capture frob", "capture", "does not go with", "show verify" },
		{ "policy sho 4.14", "policy", "does not go with", "list show compare check" },
		{ "audit", "audit", "SOURCE is missing", "usage: emtctl audit SOURCE" },
		{ "policy compare 4.2.0", "policy compare", "B is missing", "usage" },
		{ "import a", "import", "--output is missing", "-o OUT.emt" },
		{ "audit x.emt y.emt", "y.emt", "too many", "usage" },
		{ "audit x.emt --frob", "--frob", "no such option of audit", "--fail-on" },
		{ "audit x.emt --jsn", "--jsn", "is --json meant", "" },
		{ "audit x.emt -q", "-q", "no such option", "--all" },
		{ "audit x.emt --fail-on", "--fail-on", "needs a value", "warning" },
		{ "audit x.emt --fail-on bad", "--fail-on", "\"bad\" is no level",
		  "info notice warning error critical" },
		{ "audit x.emt --json=1", "--json", "takes no value", "" },
		{ "audit x.emt --json --ndjson", "--json", "--ndjson", "" },
		{ "audit x.emt --limit 1 --limit 2", "--limit", "given twice", "" },
		{ "audit x.emt --color blue", "--color", "\"blue\"", "auto always never" },
		{ "audit x.emt --domain vm1", "--domain", "no domain id", "xl list" },
		{ "audit x.emt --release 9.x", NULL, "", "" },
		{ "explain x.emt f0000", "GFN", "bare hex", "0xf0000" },
		{ "explain x.emt 12zz", "GFN", "no frame number", "0x" },
		{ "explain x.emt 0xffffffffffffffff", "GFN", "too large", "" },
		{ "show x.emt f0000-f1000", "RANGE", "bare hex", "0xf0000" },
		{ "show x.emt 5-3", "RANGE", "ends before", "" },
		{ "show x.emt 5+0", "RANGE", "empty range", "" },
		{ "show x.emt 0x", "RANGE", "no frame number", "" },
		{ "show x.emt --limit ten", "--limit", "no number", "decimal" },
		{ "import a -o b --time noon", "--time", "no time", "2026" },
		{ "--frob audit x.emt", "--frob", "no such option", "" },
		{ "policy list --domain 3", "--domain", "no such option of policy list", "--json" },
	};

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(cases); i++) {
		struct emt_err err;
		struct emt_parse p;

		if (parse(&p, cases[i].line, NULL, &err) != EMT_E_USAGE)
			fail_msg("not refused: %s", cases[i].line);
		if ((cases[i].subject && strcmp(err.subject, cases[i].subject)) ||
		    !strstr(err.text, cases[i].says) || !strstr(err.next, cases[i].next))
			fail_msg("%s: %s: %s (%s)", cases[i].line, err.subject, err.text, err.next);
		emt_parse_free(&p);
	}
}

static void test_session_source(void **state)
{
	struct emt_session session = { .source = "guest.emt" };
	struct emt_err err;
	struct emt_parse p;

	(void)state;
	assert_int_equal(parse(&p, "audit --json", &session, &err), 0);
	assert_string_equal(emt_parse_text(&p, "source"), "guest.emt");
	emt_parse_free(&p);
	assert_int_equal(parse(&p, "explain 0xf0000", &session, &err), 0);
	assert_int_equal(emt_parse_number(&p, "gfn", 0), 0xf0000);
	assert_string_equal(emt_parse_text(&p, "source"), "guest.emt");
	emt_parse_free(&p);
	assert_int_equal(parse(&p, "explain other.emt 0xf0000", &session, &err), 0);
	assert_string_equal(emt_parse_text(&p, "source"), "other.emt");
	emt_parse_free(&p);
	assert_int_equal(parse(&p, "policy list", &session, &err), 0);
	emt_parse_free(&p);
}

static void test_help_needs_nothing(void **state)
{
	struct emt_err err;
	struct emt_parse p;

	(void)state;
	assert_int_equal(parse(&p, "explain --help", NULL, &err), 0);
	assert_true(p.help);
	assert_string_equal(p.cmd->name, "explain");
	emt_parse_free(&p);
	assert_int_equal(parse(&p, "--version", NULL, &err), 0);
	assert_true(p.version);
	assert_null(p.cmd);
	emt_parse_free(&p);
	assert_int_equal(parse(&p, "", NULL, &err), 0);
	assert_null(p.cmd);
	emt_parse_free(&p);
}

static void test_format_is_known_early(void **state)
{
	static const char *const a[] = { "frob", "--json" }, *const b[] = { "--", "--json" },
				 *const c[] = { "--ndjson" };

	(void)state;
	assert_int_equal(emt_parse_format(a, 2), EMT_FORMAT_JSON);
	assert_int_equal(emt_parse_format(b, 2), EMT_FORMAT_TEXT);
	assert_int_equal(emt_parse_format(c, 1), EMT_FORMAT_NDJSON);
}

static void test_durations(void **state)
{
	static const struct emt_arg arg = {
		.name = "timeout", .type = EMT_ARG_DURATION, .metavar = "T", .help = "t"
	};
	static const struct {
		const char *text;
		uint64_t ms;
	} good[] = {
		{ "250ms", 250 }, { "10s", 10000 }, { "10", 10000 }, { "5m", 300000 }, { "1h", 3600000 }
	};
	static const char *const bad[] = {
		"", "s", "5x", "-1s", "1.5h", "99999999999999999999s", "18446744073709551615h"
	};
	struct emt_value v;

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(good); i++) {
		assert_int_equal(emt_value_parse(&v, &arg, good[i].text, NULL), 0);
		assert_int_equal(v.number, good[i].ms);
	}
	for (size_t i = 0; i < EMT_ARRAY_SIZE(bad); i++)
		if (!emt_value_parse(&v, &arg, bad[i], NULL))
			fail_msg("%s is taken for a duration", bad[i]);
}

/* ---- whole commands, in process ---- */

static int take(void *arg, const char *data, size_t len)
{
	char **text = arg;
	size_t n = *text ? strlen(*text) : 0;

	*text = realloc(*text, n + len + 1);
	assert_non_null(*text);
	memcpy(*text + n, data, len);
	(*text)[n + len] = '\0';
	return 0;
}

static enum emt_exit run(const char *line, char **text, struct emt_result *res)
{
	static char copy[400];
	const char *words[WORDS];
	struct emt_env env = { .write = take, .arg = text, .tool = "emtctl", .argv = words, .now = 1 };

	snprintf(copy, sizeof(copy), "%s", line);
	*text = NULL;
	env.argc = split(copy, words);
	emt_execute(&env, words, env.argc, res);
	return res->exit_status;
}

static void test_execute(void **state)
{
	struct emt_result res;
	char *text;

	(void)state;
	assert_int_equal(run("version", &text, &res), EMT_EXIT_CLEAN);
	assert_non_null(strstr(text, "emtctl " EMT_VERSION));
	emt_result_free(&res);
	free(text);

	assert_int_equal(run("audit /nonexistent/x.emt --json", &text, &res), EMT_EXIT_ERROR);
	assert_int_equal(res.err.code, EMT_E_NOSOURCE);
	assert_non_null(strstr(text, "\"data\":null"));
	assert_non_null(strstr(text, "\"code\":\"no_source\""));
	assert_non_null(strstr(text, "\"schema\":\"emt.audit\""));
	emt_result_free(&res);
	free(text);

	assert_int_equal(run("frob --json", &text, &res), EMT_EXIT_ERROR);
	assert_non_null(strstr(text, "\"schema\":\"emt.error\""));
	emt_result_free(&res);
	free(text);

	assert_int_equal(run("policy list --where hypervisor==_'kvn'", &text, &res), EMT_EXIT_ERROR);
	assert_string_equal(res.excerpt, "hypervisor== 'kvn'");
	assert_int_equal(res.err.column, 14);
	emt_result_free(&res);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_is_whole), cmocka_unit_test(test_examples_parse),
		cmocka_unit_test(test_values), cmocka_unit_test(test_wrong_words),
		cmocka_unit_test(test_session_source), cmocka_unit_test(test_help_needs_nothing),
		cmocka_unit_test(test_format_is_known_early), cmocka_unit_test(test_durations),
		cmocka_unit_test(test_execute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
