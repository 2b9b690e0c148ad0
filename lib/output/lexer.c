/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output/lexer.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int emt_lexer_fail(struct emt_lexer *l, size_t at, const char *next, const char *fmt, ...)
{
	unsigned int column = 1;
	char text[240];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* Continuation bytes of UTF-8 are no characters of their own. */
	for (size_t i = 0; i < at && l->text[i]; i++)
		if (((unsigned char)l->text[i] & 0xc0) != 0x80)
			column++;
	if (l->err && !l->err->code) {
		emt_err_set(l->err, EMT_E_USAGE, l->subject, next, "%s", text);
		l->err->line = 1;
		l->err->column = column;
	}
	return EMT_E_USAGE;
}

/* Size suffix at 's': its multiplier, and its length in *len. 0 = no such suffix. */
static uint64_t suffix(const char *s, size_t *len)
{
	static const char letters[] = "KMGTPE";
	const char *p = *s ? strchr(letters, toupper((unsigned char)*s)) : NULL;
	uint64_t base = 1024, m = 1;

	*len = 0;
	if (!p)
		return isalnum((unsigned char)*s) || *s == '_' ? 0 : 1;
	*len = 1;
	if ((s[1] == 'i' || s[1] == 'I') && (s[2] == 'B' || s[2] == 'b')) {
		*len = 3;
	} else if (s[1] == 'B' || s[1] == 'b') {
		*len = 2;
		base = 1000;
	}
	if (isalnum((unsigned char)s[*len]) || s[*len] == '_')
		return 0;
	for (const char *q = letters; q <= p; q++)
		m *= base;
	return m;
}

static int number(struct emt_lexer *l)
{
	const char *s = l->text + l->start;
	bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
	size_t n = hex ? 2 : 0, len;
	bool real = false;
	uint64_t v = 0, m;

	for (;; n++) {
		unsigned int c = (unsigned char)s[n], digit;

		if (isdigit((int)c))
			digit = c - '0';
		else if (hex && isxdigit((int)c))
			digit = (unsigned int)tolower((int)c) - 'a' + 10;
		else
			break;
		if (__builtin_mul_overflow(v, hex ? 16 : 10, &v) || __builtin_add_overflow(v, digit, &v))
			return emt_lexer_fail(l, l->start, NULL, "number is too large");
	}
	if (hex && n == 2)
		return emt_lexer_fail(l, l->start, NULL, "0x without digits");
	if (!hex && s[n] == '.' && isdigit((unsigned char)s[n + 1])) {
		long double scale = 0.1L, r = (long double)v;

		for (n++; isdigit((unsigned char)s[n]); n++, scale /= 10)
			r += (long double)(s[n] - '0') * scale;
		l->real = r;
		real = true;
	}
	m = suffix(s + n, &len);
	if (!m || (hex && len)) {
		for (len = 0; isxdigit((unsigned char)s[len]); len++)
			;
		if (!hex && !isalnum((unsigned char)s[len]))
			return emt_lexer_fail(l, l->start, "frames are decimal, or hex with 0x in front",
					      "\"%.*s\" is no number; is 0x%.*s meant?", (int)len, s,
					      (int)len, s);
		return emt_lexer_fail(l, l->start + n, "suffixes: K M G T P E, KiB, KB ...",
				      "junk after the number");
	}
	l->pos = l->start + n + len;
	if (real) {
		l->real *= (long double)m;
		l->tok = EMT_TOK_FLOAT;
		return 0;
	}
	if (__builtin_mul_overflow(v, m, &v))
		return emt_lexer_fail(l, l->start, NULL, "number is too large");
	l->number = v;
	l->tok = EMT_TOK_NUMBER;
	return 0;
}

static int string(struct emt_lexer *l)
{
	char quote = l->text[l->start], *to = l->word;
	size_t i = l->start + 1;

	for (; l->text[i] && l->text[i] != quote; i++) {
		/* Only the quote and the backslash itself can be escaped: the rest
		 * belongs to regular expressions. */
		if (l->text[i] == '\\' && (l->text[i + 1] == quote || l->text[i + 1] == '\\')) {
			if (l->text[i + 1] == '\\')
				*to++ = '\\';
			i++;
		}
		*to++ = l->text[i];
	}
	if (!l->text[i])
		return emt_lexer_fail(l, l->start, NULL, "no closing %c for this", quote);
	*to = '\0';
	l->pos = i + 1;
	l->tok = EMT_TOK_STRING;
	return 0;
}

static int word(struct emt_lexer *l)
{
	static const struct {
		const char *word;
		enum emt_tok tok;
	} words[] = {
		{ "eq", EMT_TOK_EQ }, { "ne", EMT_TOK_NE }, { "lt", EMT_TOK_LT }, { "le", EMT_TOK_LE },
		{ "gt", EMT_TOK_GT }, { "ge", EMT_TOK_GE }, { "and", EMT_TOK_AND }, { "or", EMT_TOK_OR },
		{ "not", EMT_TOK_NOT }, { "true", EMT_TOK_TRUE }, { "false", EMT_TOK_FALSE },
	};
	const char *s = l->text + l->start;
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || s[n] == '_' || s[n] == '.' ||
	       (s[n] == '-' && isalnum((unsigned char)s[n + 1])))
		n++;
	memcpy(l->word, s, n);
	l->word[n] = '\0';
	l->pos = l->start + n;
	l->tok = EMT_TOK_NAME;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(words); i++)
		if (!strcasecmp(l->word, words[i].word))
			l->tok = words[i].tok;
	return 0;
}

int emt_lexer_next(struct emt_lexer *l)
{
	static const struct {
		const char *sign;
		enum emt_tok tok;
	} signs[] = { /* longer ones first */
		{ "==", EMT_TOK_EQ }, { "!=", EMT_TOK_NE }, { "<=", EMT_TOK_LE }, { ">=", EMT_TOK_GE },
		{ "=~", EMT_TOK_RE }, { "!~", EMT_TOK_NRE }, { "&&", EMT_TOK_AND }, { "||", EMT_TOK_OR },
		{ "<", EMT_TOK_LT }, { ">", EMT_TOK_GT }, { "!", EMT_TOK_NOT }, { "(", EMT_TOK_OPEN },
		{ ")", EMT_TOK_CLOSE },
	};
	unsigned char c;

	while (isspace((unsigned char)l->text[l->pos]))
		l->pos++;
	l->start = l->pos;
	c = (unsigned char)l->text[l->pos];
	if (!c) {
		l->tok = EMT_TOK_END;
		return 0;
	}
	if (isdigit(c))
		return number(l);
	if (c == '"' || c == '\'')
		return string(l);
	if (isalpha(c) || c == '_')
		return word(l);
	for (size_t i = 0; i < EMT_ARRAY_SIZE(signs); i++)
		if (!strncmp(l->text + l->pos, signs[i].sign, strlen(signs[i].sign))) {
			l->pos += strlen(signs[i].sign);
			l->tok = signs[i].tok;
			return 0;
		}
	if (c == '=')
		return emt_lexer_fail(l, l->start, "== compares, =~ matches a pattern",
				      "\"=\" is no comparison");
	return emt_lexer_fail(l, l->start, NULL, "unexpected character \"%.*s\"", c < 0x80 ? 1 : 0,
			      l->text + l->pos);
}
