/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where in the text a value stands. json-c keeps no positions, so that the text
 * is scanned again, only when there is an error to report. It was parsed before:
 * the scan trusts its structure, but never reads past its end.
 */
#include "capture/facts_reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct scan {
	const char *p, *end;
};

static void blanks(struct scan *s)
{
	while (s->p < s->end && strchr(" \t\r\n", *s->p) && *s->p)
		s->p++;
}

/* Over a string, from its opening quote to behind the closing one. */
static void string(struct scan *s)
{
	for (s->p++; s->p < s->end && *s->p != '"'; s->p++)
		if (*s->p == '\\')
			s->p++;
	if (s->p < s->end)
		s->p++;
	else
		s->p = s->end;
}

/* Over any value; strings may hold brackets. */
static void value(struct scan *s)
{
	int depth = 0;

	blanks(s);
	while (s->p < s->end) {
		char c = *s->p;

		if (c == '"') {
			string(s);
			if (!depth)
				return;
			continue;
		}
		if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']') {
			if (!depth)
				return; /* the container of a number ends */
			if (!--depth) {
				s->p++;
				return;
			}
		} else if (!depth && (c == ',' || strchr(" \t\r\n", c))) {
			return;
		}
		s->p++;
	}
}

/* At a member's key: keep where it starts and ends, go to the value. */
static bool member(struct scan *s, const char **key, size_t *len)
{
	blanks(s);
	if (s->p < s->end && *s->p == ',') {
		s->p++;
		blanks(s);
	}
	if (s->p >= s->end || *s->p != '"')
		return false;
	*key = s->p + 1;
	string(s);
	*len = s->p - *key > 0 ? (size_t)(s->p - *key) - 1 : 0;
	blanks(s);
	if (s->p < s->end && *s->p == ':')
		s->p++;
	return true;
}

long emt_facts_locate(const char *text, size_t len, const struct emt_facts_step *path, unsigned int depth)
{
	struct scan s = { text, text + len };
	const char *at = text;

	for (unsigned int i = 0; i < depth; i++) {
		const char *key;
		size_t n, index = 0;
		bool found = false;

		blanks(&s);
		if (s.p >= s.end || *s.p != (path[i].key ? '{' : '['))
			return -1;
		s.p++;
		if (path[i].key) {
			while (!found && member(&s, &key, &n)) {
				found = n == strlen(path[i].key) && !memcmp(key, path[i].key, n);
				at = key - 1;
				if (!found)
					value(&s);
			}
		} else {
			for (blanks(&s); s.p < s.end && *s.p != ']'; blanks(&s)) {
				found = index++ == path[i].index;
				at = s.p;
				if (found)
					break;
				value(&s);
				blanks(&s);
				if (s.p < s.end && *s.p == ',')
					s.p++;
			}
		}
		if (!found)
			return -1;
	}
	return at - text;
}

bool emt_facts_twice(const char *text, size_t len, char *key, size_t room, size_t *where)
{
	struct scan s = { text, text + len };
	const char *seen[128], *k;
	size_t lens[128], n = 0, l;

	blanks(&s);
	if (s.p >= s.end || *s.p != '{')
		return false;
	/* there are fewer names than 'seen' holds: more keys than that are unknown ones */
	for (s.p++; n < EMT_ARRAY_SIZE(seen) && member(&s, &k, &l); value(&s)) {
		for (size_t i = 0; i < n; i++)
			if (lens[i] == l && !memcmp(seen[i], k, l)) {
				snprintf(key, room, "%.*s", (int)(l < room ? l : room - 1), k);
				*where = (size_t)(k - 1 - text);
				return true;
			}
		seen[n] = k;
		lens[n++] = l;
	}
	return false;
}

long emt_facts_odd_quote(const char *text, size_t len)
{
	struct scan s = { text, text + len };

	while (s.p < s.end) {
		if (*s.p == '\'')
			return s.p - text;
		if (*s.p == '"')
			string(&s);
		else
			s.p++;
	}
	return -1;
}

void emt_facts_line(const char *text, size_t offset, unsigned long *line, unsigned int *column)
{
	size_t start = 0;

	*line = 1;
	for (size_t i = 0; i < offset; i++)
		if (text[i] == '\n') {
			(*line)++;
			start = i + 1;
		}
	*column = (unsigned int)(offset - start + 1);
}

/* "vcpu_mtrr[0].var[3]" */
static void path_text(const struct emt_facts_reader *r, char *out, size_t room)
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned int i = 0; i < r->depth && i < EMT_FACTS_DEPTH && n + 1 < room; i++) {
		const struct emt_facts_step *s = &r->path[i];

		if (s->key)
			snprintf(out + n, room - n, "%s%.60s", i ? "." : "", s->key);
		else
			snprintf(out + n, room - n, "[%zu]", s->index);
		n += strlen(out + n);
	}
}

int emt_facts_fail(struct emt_facts_reader *r, const char *fmt, ...)
{
	char what[200], path[160];
	va_list ap;
	long at = -1;

	if (!r->err || r->err->code)
		return EMT_E_FORMAT;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	path_text(r, path, sizeof(path));
	emt_err_set(r->err, EMT_E_FORMAT, r->subject,
		    "emt-capture(5), section FACTS, lists the names and their forms", "%s%s%s", path,
		    path[0] ? ": " : "", what);
	for (unsigned int n = r->depth < EMT_FACTS_DEPTH ? r->depth : EMT_FACTS_DEPTH; r->text && n && at < 0;
	     n--)
		at = emt_facts_locate(r->text, r->len, r->path, n);
	if (at >= 0)
		emt_facts_line(r->text, (size_t)at, &r->err->line, &r->err->column);
	return EMT_E_FORMAT;
}

int emt_facts_nomem(struct emt_facts_reader *r)
{
	return emt_err_set(r->err, EMT_E_NOMEM, r->subject, NULL, "not enough memory for its facts");
}
