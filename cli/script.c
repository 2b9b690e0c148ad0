/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines of a file, of standard input or of -c, one command after the other.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define MAX_COMMAND (1u << 20)

struct script {
	struct cli *c;
	const char *name;
	struct emt_line_opts opts;
	char *text;             /* the command as far as it was read; owned */
	size_t len;
	unsigned long line;     /* of the last line read */
	unsigned long first;    /* of the command */
};

static void fail(struct script *s, struct emt_err *err, const struct place *at)
{
	report_line_error(err, at);
	cli_status(s->c, EMT_EXIT_ERROR);
	s->c->stop = true;
}

static void echo(const struct place *at)
{
	fprintf(stderr, "+ %.*s%s", (int)at->len, at->text,
		at->len && at->text[at->len - 1] == '\n' ? "" : "\n");
}

/* Run what was read if it is whole; false if it goes on in the next line. */
static bool run(struct script *s, bool end)
{
	struct place at = { s->name, s->first, s->text, s->len, NULL };
	struct emt_err err = { 0 };
	struct emt_line line;
	int rc = emt_line_parse(&line, s->text, s->len, &s->opts, &err);
	bool whole = rc != EMT_E_TRUNCATED || end;

	s->c->stop = false;
	at.line = &line;
	if (!whole) {
		emt_line_free(&line);
		return false;
	}
	if (s->c->echo && (line.nr || rc))
		echo(&at);
	if (rc)
		fail(s, &err, &at);
	else
		cli_run_line(s->c, &at);
	emt_line_free(&line);
	return true;
}

static bool over(const struct script *s)
{
	return s->c->quit || cli_terminated || (s->c->stop && !s->c->keep_going) ||
	       (cli_cancel == EMT_CANCEL_USER);
}

/* UTF-8 without control characters. */
static bool is_text(const char *line, size_t len)
{
	unsigned int more = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char ch = (unsigned char)line[i];

		if ((ch & 0xc0) == 0x80 ? !more : more || ch >= 0xf8)
			return false;
		if (ch < 0x20 && ch != '\t' && ch != '\n' && ch != '\r')
			return false;
		more = (ch & 0xc0) == 0x80 ? more - 1 : ch >= 0xf0 ? 3 : ch >= 0xe0 ? 2 : ch >= 0xc0;
	}
	return !more;
}

/* One line with its end; false when memory is short or it makes no sense. */
static bool take(struct script *s, const char *line, size_t len)
{
	struct emt_err err = { 0 };
	char *text = realloc(s->text, s->len + len + 1);
	struct place at;

	if (!s->len)
		s->first = s->line + 1;
	s->line++;
	if (text) {
		memcpy(text + s->len, line, len);
		s->text = text;
		s->len += len;
		s->text[s->len] = '\0';
	}
	if (!text)
		emt_err_set(&err, EMT_E_NOMEM, "script", NULL, "not enough memory");
	else if (!is_text(line, len))
		emt_err_set(&err, EMT_E_FORMAT, "script", "a script is text, one command a line",
			    "this is not text");
	else if (s->len > MAX_COMMAND)
		emt_err_set(&err, EMT_E_FORMAT, "script", "is a quote left open?", "this command has no end");
	if (!err.code)
		return true;
	at = (struct place){ s->name, s->line, "", 0, NULL };
	fail(s, &err, &at);
	return false;
}

static void run_lines(struct script *s, FILE *f)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	while (!over(s) && (n = getline(&line, &room, f)) > 0) {
		if (!take(s, line, (size_t)n))
			break;
		if (run(s, false))
			s->len = 0;
	}
	if (s->len && !over(s))
		run(s, true);
	free(line);
	free(s->text);
}

void script_file(struct cli *c, const char *path, const char *const *params, size_t n)
{
	static const char *const none[] = { NULL };
	bool in = !strcmp(path, "-");
	struct script s = {
		.c = c, .name = in ? "stdin" : path,
		.opts = { .home = getenv("HOME"), .params = n ? params : none, .nr_params = n },
	};
	struct emt_result res = { .exit_status = EMT_EXIT_ERROR };
	FILE *f = in ? stdin : fopen(path, "re");
	char c0;

	/* A folder opens, and fails at the first byte. */
	if (f && !in && fread(&c0, 1, 1, f) == 1)
		ungetc((unsigned char)c0, f);
	if (!f || ferror(f)) {
		emt_err_errno(&res.err, EMT_E_IO, path, NULL, "cannot be read");
		report_result(&res, NULL);
		cli_status(c, EMT_EXIT_ERROR);
		if (f)
			fclose(f);
		return;
	}
	run_lines(&s, f);
	if (!in)
		fclose(f);
}

void script_text(struct cli *c, const char *name, const char *text)
{
	struct script s = { .c = c, .name = name, .opts = { .home = NULL } };
	FILE *f = *text ? fmemopen((char *)text, strlen(text), "r") : NULL;

	/* The shell has put in homes and parameters already. */
	if (f) {
		run_lines(&s, f);
		fclose(f);
	}
}
