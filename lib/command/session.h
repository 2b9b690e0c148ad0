/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a REPL or a script remembers between lines: the source that `use` chose and
 * the defaults that `set` gave to options. A variable is an option that commands
 * share, by its name; and format and pager, which stand for flags.
 */
#ifndef EMT_COMMAND_SESSION_H
#define EMT_COMMAND_SESSION_H

#include "command/command.h"

#define EMT_SESSION_VARS 32

struct emt_session_var {
	const struct emt_arg *arg;
	char *text;           /* owned */
};

struct emt_session {
	const char *source;   /* for commands whose source is not given; NULL = none */
	const char *domain;   /* its --domain, as text; NULL = all */
	const char *name;     /* of that domain; NULL */
	struct emt_session_var vars[EMT_SESSION_VARS];
	unsigned int nr_vars;
	bool owned;           /* the texts above were set by emt_session_use() */
};

/* Choose a source; NULL = none any more. Texts are copied. 0 or EMT_E_NOMEM. */
int emt_session_use(struct emt_session *s, const char *source, const char *domain, const char *name);
/* Set a default; 'text' NULL forgets it. EMT_E_USAGE when there is no such name or
 * the value is not of its type. */
int emt_session_set(struct emt_session *s, const char *name, const char *text, struct emt_err *err);
const char *emt_session_get(const struct emt_session *s, const char *name); /* NULL: not set */
void emt_session_free(struct emt_session *s);

/* The i-th name that may be set; NULL past the end. */
const struct emt_arg *emt_session_arg(unsigned int i);

/* The default of an option of 'cmd', or NULL: lists of columns and conditions hold
 * only for commands whose records have these columns. */
const char *emt_session_default(const struct emt_session *s, const struct emt_arg *arg,
				const struct emt_command *cmd);
/* What `set format` chose. */
enum emt_out_format emt_session_format(const struct emt_session *s);

#endif
