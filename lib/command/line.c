/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scan {
	struct emt_line *line;
	const struct emt_line_opts *opts;
	struct emt_err *err;
	const char *text;
	size_t len, pos;
	size_t used, room;      /* of line->pool and line->map */
	size_t room_words;
	size_t joined;          /* behind the last backslash at a line's end; 0 = none */
};

static int nomem(struct emt_err *err)
{
	return emt_err_set(err, EMT_E_NOMEM, "line", NULL, "not enough memory");
}

static int fail(struct scan *s, size_t at, const char *next, const char *what)
{
	if (s->err && !s->err->code)
		s->err->column = (unsigned int)at + 1;
	return emt_err_set(s->err, EMT_E_USAGE, "line", next, "%s", what);
}

/* Words are kept as offsets while the pool may still move. */
static int put(struct scan *s, char c, size_t from)
{
	if (s->used == s->room) {
		size_t room = s->room ? s->room * 2 : 256;
		char *pool = realloc(s->line->pool, room);
		size_t *map;

		if (!pool)
			return nomem(s->err);
		s->line->pool = pool;
		map = realloc(s->line->map, room * sizeof(*map));
		if (!map)
			return nomem(s->err);
		s->line->map = map;
		s->room = room;
	}
	s->line->pool[s->used] = c;
	s->line->map[s->used++] = from;
	return 0;
}

static int put_text(struct scan *s, const char *text, size_t from)
{
	int rc = 0;

	for (; *text && !rc; text++)
		rc = put(s, *text, from);
	return rc;
}

static bool peek(const struct scan *s, char c)
{
	return s->pos < s->len && s->text[s->pos] == c;
}

static bool ends_word(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '>' || c == '|';
}

/* $N or $# at s->pos; *taken when it was one. */
static int parameter(struct scan *s, bool *taken)
{
	size_t at = s->pos, n;
	char number[24];
	char c = at + 1 < s->len ? s->text[at + 1] : '\0';

	*taken = false;
	if (!s->opts->params || !((c >= '1' && c <= '9') || c == '#'))
		return 0;
	*taken = true;
	s->pos += 2;
	if (c == '#') {
		snprintf(number, sizeof(number), "%zu", s->opts->nr_params);
		return put_text(s, number, at);
	}
	n = (size_t)(c - '1');
	if (n >= s->opts->nr_params)
		return fail(s, at, "arguments follow the name of the script",
			    "the script was not given this argument");
	return put_text(s, s->opts->params[n], at);
}

/* One character outside of quotes, or inside of "...": escapes and parameters. */
static int character(struct scan *s, char quote)
{
	size_t at = s->pos;
	char c = s->text[at];
	bool taken;
	int rc;

	if (c == '$') {
		rc = parameter(s, &taken);
		if (rc || taken)
			return rc;
	}
	if (c == '\\') {
		if (at + 1 >= s->len)
			return EMT_E_TRUNCATED;
		c = s->text[at + 1];
		if (c == '\n') {
			s->pos += 2;
			s->joined = s->pos;
			return 0;
		}
		if (!quote || c == '"' || c == '\\' || c == '$') {
			s->pos += 2;
			return put(s, c, at);
		}
		c = '\\';
	}
	s->pos++;
	return put(s, c, at);
}

/* 'with any' characters up to the quote's end. */
static int quoted(struct scan *s, char quote)
{
	int rc = 0;

	s->pos++;
	while (!rc && s->pos < s->len && s->text[s->pos] != quote) {
		if (quote == '"') {
			rc = character(s, quote);
		} else {
			rc = put(s, s->text[s->pos], s->pos);
			s->pos++;
		}
	}
	if (rc && rc != EMT_E_TRUNCATED)
		return rc;
	if (rc || s->pos >= s->len) {
		s->line->quote = quote;
		return EMT_E_TRUNCATED;
	}
	s->pos++;
	return 0;
}

/* One word into the pool, NUL-terminated; *start is its offset there. */
static int take_word(struct scan *s, size_t *start)
{
	int rc = 0;

	*start = s->used;
	if (peek(s, '~') && s->opts->home && (s->pos + 1 == s->len || ends_word(s->text[s->pos + 1]) ||
					      s->text[s->pos + 1] == '/')) {
		rc = put_text(s, s->opts->home, s->pos);
		s->pos++;
	}
	while (!rc && s->pos < s->len && !ends_word(s->text[s->pos])) {
		char c = s->text[s->pos];

		rc = c == '\'' || c == '"' ? quoted(s, c) : character(s, 0);
	}
	s->line->in_word = s->pos >= s->len;
	if (rc && rc != EMT_E_TRUNCATED)
		return rc;
	/* An unfinished word is kept: completion asks for it. */
	return put(s, '\0', s->pos) ? EMT_E_NOMEM : rc;
}

static int add_word(struct scan *s)
{
	struct emt_line *l = s->line;
	size_t start, at = s->pos;
	int rc;

	if (l->nr == s->room_words) {
		size_t room = s->room_words ? s->room_words * 2 : 16;
		struct emt_line_word *w = realloc(l->words, room * sizeof(*w));

		if (!w)
			return nomem(s->err);
		l->words = w;
		s->room_words = room;
	}
	rc = take_word(s, &start);
	if (rc && rc != EMT_E_TRUNCATED)
		return rc;
	l->words[l->nr++] = (struct emt_line_word){ NULL, at, s->pos, NULL, start };
	return rc;
}

static void skip_blanks(struct scan *s)
{
	for (; s->pos < s->len; s->pos++) {
		if (s->text[s->pos] == '\\' && s->pos + 1 < s->len && s->text[s->pos + 1] == '\n')
			s->joined = ++s->pos + 1;
		else if (!strchr(" \t\r", s->text[s->pos]))
			return;
	}
}

static int redirect_pipe(struct scan *s)
{
	size_t at = s->pos++, end;

	if (peek(s, '|'))
		return fail(s, at, "quote a condition: --where 'a || b'", "|| has no meaning here");
	skip_blanks(s);
	for (end = s->pos; end < s->len && s->text[end] != '\n'; end++)
		if (s->text[end] == '\\' && end + 1 < s->len && s->text[end + 1] == '\n')
			s->joined = ++end + 1;
	if (end == s->pos)
		return fail(s, at, "name a shell command: | grep UC", "nothing follows the |");
	s->line->redirect = EMT_REDIRECT_PIPE;
	s->line->target_at = s->pos;
	s->line->target = strndup(s->text + s->pos, end - s->pos);
	s->pos = end;
	return s->line->target ? 0 : nomem(s->err);
}

static int redirect_file(struct scan *s)
{
	size_t at = s->pos++, start;
	enum emt_redirect kind = EMT_REDIRECT_FILE;
	int rc;

	if (peek(s, '>')) {
		s->pos++;
		kind = EMT_REDIRECT_APPEND;
	}
	if (s->line->redirect)
		return fail(s, at, NULL, "the output goes to one place only");
	skip_blanks(s);
	s->line->redirect = kind;
	s->line->target_at = s->pos;
	s->line->in_target = s->pos >= s->len;
	if (s->pos >= s->len || ends_word(s->text[s->pos]))
		return fail(s, at, "quote a condition: --where 'order > 0'", "no file name follows the >");
	rc = take_word(s, &start);
	if (rc && rc != EMT_E_TRUNCATED)
		return rc;
	s->line->in_target = s->line->in_word;
	s->line->target = strdup(s->line->pool + start);
	if (!s->line->target)
		return nomem(s->err);
	return rc || *s->line->target ? rc : fail(s, at, NULL, "the file's name is empty");
}

static int scan(struct scan *s)
{
	int rc = 0;

	while (!rc) {
		size_t before = s->pos;

		skip_blanks(s);
		if (s->pos < s->len || s->pos > before)
			s->line->in_word = s->line->in_target = false;
		if (s->pos >= s->len)
			return s->joined == s->len && s->len ? EMT_E_TRUNCATED : 0;
		if (s->text[s->pos] == '#')
			while (s->pos < s->len && s->text[s->pos] != '\n')
				s->pos++;
		if (s->pos >= s->len)
			return 0;
		if (s->text[s->pos] == '\n') {
			s->pos++;
			return 0;
		}
		if (s->text[s->pos] == '\\' && s->pos + 1 == s->len)
			return EMT_E_TRUNCATED;
		rc = s->text[s->pos] == '|' ? redirect_pipe(s) :
		     s->text[s->pos] == '>' ? redirect_file(s) : add_word(s);
	}
	return rc;
}

int emt_line_parse(struct emt_line *line, const char *text, size_t len, const struct emt_line_opts *opts,
		   struct emt_err *err)
{
	static const struct emt_line_opts none;
	struct scan s = { .line = line, .opts = opts ? opts : &none, .err = err, .text = text, .len = len };
	int rc;

	memset(line, 0, sizeof(*line));
	rc = scan(&s);
	line->used = s.pos;
	line->text = calloc(line->nr + 1, sizeof(*line->text));
	if (!line->text)
		return nomem(err);
	for (size_t i = 0; i < line->nr; i++) {
		size_t start = line->words[i].at;

		line->words[i].text = line->text[i] = line->pool + start;
		line->words[i].from = line->map + start;
	}
	if (rc == EMT_E_TRUNCATED)
		emt_err_set(err, rc, "line", NULL, line->quote ? "a quote is left open" : "ends in the middle");
	return rc;
}

void emt_line_free(struct emt_line *line)
{
	free(line->words);
	free(line->text);
	free(line->target);
	free(line->pool);
	free(line->map);
	memset(line, 0, sizeof(*line));
}

char *emt_line_quote(const char *word, char quote, char *out, size_t room)
{
	size_t at = 0;

	for (; *word && at + 3 < room; word++) {
		bool escape = quote == '\'' ? false : quote ? strchr("\"\\$", *word) != NULL :
			      strchr(" \t\n\r'\"\\><|#$", *word) != NULL;

		if (escape)
			out[at++] = '\\';
		out[at++] = *word;
	}
	out[at] = '\0';
	return out;
}
