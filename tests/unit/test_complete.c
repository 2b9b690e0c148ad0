/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Completion: each kind of place in a line, and that no place is without an answer
 * where the table of commands gives one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "command/complete.h"

#define FILE_1 "tests/data/captures/lab-ept/live.emt"
#define MAX_WORDS 12

static const struct emt_session shell_like; /* a REPL without a source */

/* The values offered behind 'text' (words by blanks, the last one is completed; "_" is
 * an empty word), joined by blanks. */
static const char *at(const char *text, const struct emt_session *s)
{
	static char joined[20000];
	const char *words[MAX_WORDS];
	struct emt_candidates l;
	char copy[300], *save = NULL;
	size_t n = 0, len = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		assert_true(n < MAX_WORDS);
		words[n++] = strcmp(w, "_") ? w : "";
	}
	emt_complete(&l, words, n, s);
	joined[0] = '\0';
	for (size_t i = 0; i < l.n; i++) {
		if (i)
			assert_true(strcmp(l.v[i - 1].value, l.v[i].value) < 0);
		assert_memory_equal(l.v[0].value, l.v[i].value, l.common);
		len += (size_t)snprintf(joined + len, sizeof(joined) - len, "%s%s", i ? " " : "", l.v[i].value);
		assert_true(len < sizeof(joined));
	}
	emt_candidates_free(&l);
	return joined;
}

/* 'word' is one of those offered. */
static bool offers(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; (p = strstr(p, word)); p++)
		if ((p == list || p[-1] == ' ') && (p[len] == ' ' || !p[len]))
			return true;
	return false;
}

static void test_commands(void **state)
{
	(void)state;
	assert_string_equal(at("upg", &shell_like), "upgrade-check");
	assert_string_equal(at("capture _", &shell_like), "show take verify");
	assert_string_equal(at("capture v", &shell_like), "verify");
	assert_string_equal(at("frob _", &shell_like), "");
	assert_string_equal(at("help capture s", &shell_like), "show");
	/* A second word of its own is offered once, whatever hangs on it. */
	assert_true(offers(at("_", &shell_like), "expect"));
	for (unsigned int i = 0; i < emt_nr_commands; i++) {
		char line[100], first[100];

		snprintf(line, sizeof(line), "%s", emt_commands[i]->name);
		snprintf(first, sizeof(first), "%s", strrchr(line, ' ') ? strrchr(line, ' ') + 1 : line);
		assert_true(offers(at(line, &shell_like), first));
	}
	/* The program's own options stand before a command in a shell only. */
	assert_true(offers(at("--", NULL), "--keep-going"));
	assert_false(offers(at("--", &shell_like), "--keep-going"));
}

/* Each option of each command, and each word of an enum behind it. */
static void test_options(void **state)
{
	char line[200], name[80];
	const struct emt_arg *a;

	(void)state;
	for (unsigned int i = 0; i < emt_nr_commands; i++)
		for (unsigned int k = 0; (a = emt_command_arg(emt_commands[i], k)); k++) {
			if (a->flags & EMT_ARGF_POSITIONAL)
				continue;
			snprintf(name, sizeof(name), "--%s", a->name);
			snprintf(line, sizeof(line), "%s %s", emt_commands[i]->name, name);
			if (!offers(at(line, &shell_like), name))
				fail_msg("%s: not offered", line);
			for (unsigned int w = 0; a->type == EMT_ARG_ENUM && a->words[w]; w++) {
				snprintf(line, sizeof(line), "%s %s %s", emt_commands[i]->name, name, a->words[w]);
				assert_true(offers(at(line, &shell_like), a->words[w]));
				snprintf(line, sizeof(line), "%s %s=%s", emt_commands[i]->name, name, a->words[w]);
				assert_true(offers(at(line, &shell_like), strrchr(line, ' ') + 1));
			}
		}
	/* What was given is not offered again, and nothing behind "--". */
	assert_true(offers(at("audit " FILE_1 " --j", &shell_like), "--json"));
	assert_string_equal(at("audit " FILE_1 " --json --j", &shell_like), "");
	assert_string_equal(at("audit -- --j", &shell_like), "");
}

static void test_values(void **state)
{
	(void)state;
	assert_string_equal(at("audit " FILE_1 " --domain _", &shell_like), "1");
	assert_string_equal(at("audit " FILE_1 " --release 4.17", &shell_like), "4.17.0 4.17.5");
	assert_true(offers(at("audit " FILE_1 " --sort ent", &shell_like), "entries"));
	assert_true(offers(at("audit " FILE_1 " -o verdict,en", &shell_like), "verdict,entries"));
	assert_true(offers(at("audit " FILE_1 " -o +de", &shell_like), "+defect"));
	assert_true(offers(at("audit " FILE_1 " --where verd", &shell_like), "verdict"));
	assert_true(offers(at("audit " FILE_1 " --where verdict=", &shell_like), "verdict=\"mismatch\""));
	assert_true(offers(at("explain " FILE_1 " 0x", &shell_like), "0x8000000"));
	assert_true(offers(at("expect count 0 sh", &shell_like), "show"));
	assert_string_equal(at("audit tests/data/captures/lab-ept/li", &shell_like), FILE_1);
	assert_string_equal(at("audit capture:tests/data/captures/lab-ept/li", &shell_like), "capture:" FILE_1);
	assert_string_equal(at("audit tests/data/captures/lab-e", &shell_like), "tests/data/captures/lab-ept/");
	assert_string_equal(at("audit /nowhere/at/all/x", &shell_like), "");
	assert_string_equal(at("audit " FILE_1 ".not --domain _", &shell_like), "");
}

/* A session's source gives domains and frames without being named. */
static void test_session(void **state)
{
	struct emt_session s = { 0 };

	(void)state;
	assert_int_equal(emt_session_use(&s, FILE_1, NULL, NULL), 0);
	assert_string_equal(at("audit --domain _", &s), "1");
	assert_true(offers(at("explain 0x8", &s), "0x8000000"));
	emt_session_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands), cmocka_unit_test(test_options), cmocka_unit_test(test_values),
		cmocka_unit_test(test_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
