/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Words of a filter expression. Internal to lib/output.
 */
#ifndef EMT_OUTPUT_LEXER_H
#define EMT_OUTPUT_LEXER_H

#include <regex.h>

#include "base/err.h"
#include "base/types.h"

enum emt_tok {
	EMT_TOK_END, EMT_TOK_NUMBER, EMT_TOK_FLOAT, EMT_TOK_STRING, EMT_TOK_NAME, EMT_TOK_TRUE, EMT_TOK_FALSE,
	EMT_TOK_EQ, EMT_TOK_NE, EMT_TOK_LT, EMT_TOK_LE, EMT_TOK_GT, EMT_TOK_GE, EMT_TOK_RE, EMT_TOK_NRE,
	EMT_TOK_AND, EMT_TOK_OR, EMT_TOK_NOT, EMT_TOK_OPEN, EMT_TOK_CLOSE,
};

#define EMT_TOK_IS_COMPARISON(t) ((t) >= EMT_TOK_EQ && (t) <= EMT_TOK_NRE)

struct emt_lexer {
	const char *text;    /* the whole expression */
	const char *subject; /* of errors */
	struct emt_err *err;
	size_t pos;          /* behind the present token */
	size_t start;        /* of the present token */
	enum emt_tok tok;
	uint64_t number;     /* EMT_TOK_NUMBER */
	long double real;    /* EMT_TOK_FLOAT */
	char *word;          /* NAME, STRING: room for the whole text, owned by the caller */
};

/* Read the next token. 0 or EMT_E_USAGE. */
int emt_lexer_next(struct emt_lexer *l);

/* Report an error at byte 'at' of the text. Returns EMT_E_USAGE. */
int emt_lexer_fail(struct emt_lexer *l, size_t at, const char *next, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
