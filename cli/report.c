/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What goes to standard error: notes, errors, and the line an error is in with a
 * caret below the place.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"

/* Notes may quote files and guests: no control characters on a terminal. */
static void say(const char *text, size_t len)
{
	for (size_t i = 0; i < len && text[i]; i++) {
		unsigned char ch = (unsigned char)text[i];

		fputc(ch < 0x20 || ch == 0x7f ? (ch == '\t' ? ' ' : '?') : ch, stderr);
	}
}

static void say_line(const char *text)
{
	fputs(CLI_TOOL ": ", stderr);
	say(text, strlen(text));
	fputc('\n', stderr);
}

void report_note(const char *text)
{
	say_line(text);
}

/* 'text' and below it a caret under byte 'at'. */
static void excerpt(const char *text, size_t len, size_t at)
{
	fputs("  ", stderr);
	say(text, len);
	fputs("\n  ", stderr);
	for (size_t i = 0; i < at && i < len; i++)
		/* One column a character; continuation bytes of UTF-8 have none. */
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			fputc(' ', stderr);
	fputs("^\n", stderr);
}

/* The physical line that holds byte 'at' of a place. */
struct spot {
	unsigned long line;
	const char *text;
	size_t len, at;
};

static struct spot find_spot(const struct place *p, size_t at)
{
	struct spot s = { .line = p->first, .text = p->text };

	if (at > p->len)
		at = p->len;
	for (const char *t = p->text; t < p->text + at; t++)
		if (*t == '\n' && t + 1 < p->text + p->len) {
			s.line++;
			s.text = t + 1;
		}
	s.len = strcspn(s.text, "\n");
	if (s.text + s.len > p->text + p->len)
		s.len = (size_t)(p->text + p->len - s.text);
	s.at = (size_t)(p->text + at - s.text);
	return s;
}

static void head(const struct place *at, unsigned long line, const struct emt_err *err)
{
	fputs(CLI_TOOL ": ", stderr);
	if (at && at->name) {
		say(at->name, strlen(at->name));
		fprintf(stderr, ":%lu: ", line);
	}
	if (*err->subject) {
		say(err->subject, strlen(err->subject));
		fputs(": ", stderr);
	}
	say(err->text, strlen(err->text));
	fputc('\n', stderr);
}

/* The byte of the line that an error is about. */
static size_t offset(const struct emt_result *res, const struct place *at)
{
	const struct emt_line *l = at->line;
	const struct emt_line_word *w;

	if (res->word < l->nr) {
		w = &l->words[res->word];
		return res->byte < strlen(w->text) ? w->from[res->byte] : res->byte ? w->end : w->start;
	}
	/* Something is missing at the end, or the command itself failed. */
	return res->err.code == EMT_E_USAGE ? l->words[l->nr - 1].end : l->words[0].start;
}

void report_result(const struct emt_result *res, const struct place *at)
{
	struct spot s = { .line = 0 };
	bool known = at && at->line && at->line->nr;

	if (known)
		s = find_spot(at, offset(res, at));
	head(at, s.line, &res->err);
	if (known && (at->name || res->err.code == EMT_E_USAGE))
		excerpt(s.text, s.len, s.at);
	else if (!known && res->excerpt) {
		size_t byte = 0;

		for (unsigned int col = 1; col < res->err.column && res->excerpt[byte]; byte++)
			col += ((unsigned char)res->excerpt[byte + 1] & 0xc0) != 0x80;
		excerpt(res->excerpt, strlen(res->excerpt), byte);
	}
	if (*res->err.next)
		say_line(res->err.next);
}

void report_line_error(const struct emt_err *err, const struct place *at)
{
	struct spot s = find_spot(at, err->column ? err->column - 1 : at->len);

	head(at, s.line, err);
	excerpt(s.text, s.len, s.at);
	if (*err->next)
		say_line(err->next);
}

void report_unmet(const struct place *at)
{
	static const struct emt_err err = { .text = "not as expected" };
	struct spot s = find_spot(at, at->line->words[0].start);

	head(at, s.line, &err);
	excerpt(s.text, s.len, s.at);
}
