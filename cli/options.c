/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Options of the program, before any command: -c, -f, -k, -E. Options that commands
 * share may stand among them: they are defaults of the lines that are run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

struct scan {
	struct cli_options *o;
	struct cli *c;
	const char *const *words;
	size_t n, i;
	bool lines;             /* one of the program's own was there */
	struct emt_err *err;
};

static const struct emt_arg *own(const char *word)
{
	size_t len = word[1] == '-' ? strcspn(word + 2, "=") : 0;

	for (unsigned int i = 0; i < emt_args_program.nr; i++) {
		const struct emt_arg *a = &emt_args_program.args[i];

		if (len ? strlen(a->name) == len && !strncmp(a->name, word + 2, len) : a->letter == word[1])
			return a;
	}
	return NULL;
}

/* The value of the option at hand: glued to it, or the word that follows. */
static const char *value(struct scan *s, const struct emt_arg *a)
{
	const char *word = s->words[s->i], *equals = strchr(word, '=');
	char name[48];

	if (word[1] == '-' && equals)
		return equals + 1;
	if (word[1] != '-' && word[2])
		return word + 2;
	if (s->i + 1 < s->n)
		return s->words[++s->i];
	snprintf(name, sizeof(name), "--%s", a->name);
	emt_err_set(s->err, EMT_E_USAGE, name, emt_argtype_help(a->type), "needs a value: %s", a->metavar);
	return NULL;
}

static int take_own(struct scan *s, const struct emt_arg *a)
{
	const char *text = NULL;

	s->lines = true;
	if (a->type != EMT_ARG_FLAG) {
		text = value(s, a);
		if (!text)
			return s->err->code;
	}
	if (a->letter == 'c') {
		s->o->commands[s->o->nr_commands++] = text;
	} else if (a->letter == 'f') {
		s->o->file = text;
	} else if (a->letter == 'k') {
		s->c->keep_going = true;
	} else {
		s->c->echo = true;
	}
	return 0;
}

/* A shared option: kept as a default, in case lines are run. */
static int take_shared(struct scan *s, const struct emt_arg *a)
{
	const char *text;
	struct emt_value v;
	int rc;

	if (a->type == EMT_ARG_FLAG) {
		if (!strcmp(a->name, "no-pager"))
			s->c->no_pager = true;
		if (!strcmp(a->name, "json") || !strcmp(a->name, "ndjson"))
			return emt_session_set(&s->c->session, "format", a->name, s->err);
		return 0;
	}
	text = value(s, a);
	if (!text)
		return s->err->code;
	/* Of everything that is run, not of each line. */
	if (a->type == EMT_ARG_DURATION) {
		rc = emt_value_parse(&v, a, text, s->err);
		s->c->deadline = rc ? 0 : cli_now_ms() + v.number;
		return rc;
	}
	return a->type == EMT_ARG_DOMAIN ? 0 : emt_session_set(&s->c->session, a->name, text, s->err);
}

int cli_options(struct cli_options *o, struct cli *c, const char *const *words, size_t n, struct emt_err *err)
{
	struct scan s = { .o = o, .c = c, .words = words, .n = n, .err = err };
	struct emt_err ignored = { 0 };
	int rc = 0;

	o->commands = calloc(n + 1, sizeof(*o->commands));
	if (!o->commands)
		return emt_err_set(err, EMT_E_NOMEM, "command line", NULL, "not enough memory");
	for (; s.i < n && !rc && words[s.i][0] == '-' && words[s.i][1] && strcmp(words[s.i], "--"); s.i++) {
		const struct emt_arg *a = own(words[s.i]);

		s.err = err;
		if (a) {
			rc = take_own(&s, a);
			/* Words behind -f FILE are the script's. */
			if (!rc && o->file) {
				s.i++;
				break;
			}
			continue;
		}
		a = emt_parse_option(NULL, words[s.i]);
		if (!a)
			break;
		/* Without lines to run the command itself complains. */
		s.err = &ignored;
		take_shared(&s, a);
	}
	o->used = s.lines ? s.i : 0;
	if (!rc && s.lines && ignored.code) {
		*err = ignored;
		rc = ignored.code;
	}
	if (rc || s.lines)
		return rc;
	/* No lines: the options belong to the one command. */
	emt_session_free(&c->session);
	c->deadline = 0;
	c->no_pager = false;
	return 0;
}
