/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A line of text -> words and a redirection. The grammar of the REPL, of -c and of
 * scripts, close to that of sh(1):
 *
 *   command: WORD... [> FILE | >> FILE | "|" SHELL COMMAND] [# comment]
 *   WORD:    plain text; 'as it stands'; "with \" and \\"; \x; ~/ at its beginning
 *   $1 .. $9 the arguments of a script, $# how many there are; not in '...'
 *   A backslash at the end of a line, or an open quote, continues it on the next.
 */
#ifndef EMT_COMMAND_LINE_H
#define EMT_COMMAND_LINE_H

#include "base/err.h"
#include "base/types.h"

enum emt_redirect { EMT_REDIRECT_NONE, EMT_REDIRECT_FILE, EMT_REDIRECT_APPEND, EMT_REDIRECT_PIPE };

struct emt_line_opts {
	const char *home;          /* for ~; NULL = leave it */
	const char *const *params; /* $1 is params[0]; NULL = $ is an ordinary character */
	size_t nr_params;
};

struct emt_line_word {
	const char *text;
	size_t start, end;         /* bytes of the input that it came from */
	const size_t *from;        /* where each byte of 'text' came from */
	size_t at;                 /* of 'text' in the pool */
};

struct emt_line {
	struct emt_line_word *words;
	const char **text;         /* the same words, as emt_execute() takes them */
	size_t nr;
	enum emt_redirect redirect;
	char *target;              /* file, or text for the shell; NULL */
	size_t target_at;          /* where it began in the input */
	/* The end of an unfinished line, for completion. */
	char quote;                /* quote that is open, or 0 */
	bool in_word;              /* the last word touches the end: it may go on */
	bool in_target;            /* the end is inside a file name of a redirection */
	size_t used;               /* bytes of the input that belong to the line */
	char *pool;                /* owned: texts */
	size_t *map;               /* owned: places */
};

/* Parse the command at the beginning of text[0..len). 0; EMT_E_TRUNCATED when an
 * open quote or a backslash at the end asks for another line; EMT_E_USAGE with
 * err->column the byte (1 = first) where it went wrong. An empty line or a comment
 * has no words. Free with emt_line_free() in any case. */
int emt_line_parse(struct emt_line *line, const char *text, size_t len, const struct emt_line_opts *opts,
		   struct emt_err *err);
void emt_line_free(struct emt_line *line);

/* A word as it must be written to be read back as 'word', inside the quote that is
 * open (0 = none); returns 'out'. */
char *emt_line_quote(const char *word, char quote, char *out, size_t room);

#endif
