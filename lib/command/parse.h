/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Words -> a command with typed values. The same for argv, the REPL and scripts.
 */
#ifndef EMT_COMMAND_PARSE_H
#define EMT_COMMAND_PARSE_H

#include "command/session.h"
#include "source/source.h"

struct emt_gfn_span {
	uint64_t first, last;
};

/* One value given to an argument. */
struct emt_value {
	const struct emt_arg *arg;
	const char *text;     /* as given; borrowed from the words, or 'copy' */
	char *copy;           /* owned: a value that came from the session; NULL */
	union {
		uint64_t number;  /* NUMBER, DOMAIN, GFN, ADDRESS, ENUM (index), LEVEL, DURATION (ms) */
		int64_t time;
		struct emt_gfn_span span;
		struct emt_source_spec *source; /* owned */
	};
};

struct emt_parse {
	const struct emt_command *cmd; /* NULL: none was named */
	struct emt_value *values;      /* in the order given */
	size_t nr, room;
	bool help;                     /* --help */
	bool version;                  /* --version */
	size_t at;                     /* index of the word where parsing stopped; their number at the end */
	bool from_session;             /* the source is the session's */
};

/* Parse 'words' (without the program's name). Errors are EMT_E_USAGE that name the
 * word and what is valid there; 'p' is then as far as parsing came. 'session' may
 * be NULL. Free with emt_parse_free() in any case. */
int emt_parse_words(struct emt_parse *p, const char *const *words, size_t n,
		    const struct emt_session *session, struct emt_err *err);
void emt_parse_free(struct emt_parse *p);

/* The option that a word names ("--sort", "-o"), of 'cmd' or, for NULL, of those that
 * may stand before a command; its value may be glued to it. NULL: none. */
const struct emt_arg *emt_parse_option(const struct emt_command *cmd, const char *word);

/* The format that 'words' ask for, even where they cannot be parsed. */
enum emt_out_format emt_parse_format(const char *const *words, size_t n);

/* Value(s) of an argument by name; NULL when not given. */
const struct emt_value *emt_parse_get(const struct emt_parse *p, const char *name);
const struct emt_value *emt_parse_next(const struct emt_parse *p,
				       const struct emt_value *v); /* of the same */
bool emt_parse_flag(const struct emt_parse *p, const char *name);
const char *emt_parse_text(const struct emt_parse *p, const char *name); /* NULL when not given */
uint64_t emt_parse_number(const struct emt_parse *p, const char *name, uint64_t otherwise);

/* One value of a type; used by the parser, and alone by tests. */
int emt_value_parse(struct emt_value *v, const struct emt_arg *arg, const char *text, struct emt_err *err);
void emt_value_free(struct emt_value *v);

#endif
