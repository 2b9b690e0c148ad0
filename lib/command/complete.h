/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Completion: what may stand at the end of a line, for the REPL and for shells.
 * Nothing here prints, and nothing fails: where nothing is known nothing is offered.
 */
#ifndef EMT_COMMAND_COMPLETE_H
#define EMT_COMMAND_COMPLETE_H

#include "command/command.h"
#include "command/parse.h"

struct emt_candidate {
	char *value;        /* the whole word; ends in '/', ',', '=' or ':' when it goes on */
	char *help;         /* may be NULL */
};

struct emt_candidates {
	struct emt_candidate *v; /* sorted, each once */
	size_t n, room;
	size_t common;      /* bytes that all values begin with */
	const struct emt_command *cmd; /* command of the line, NULL = none yet */
};

/* Complete the last of 'words' (n > 0; it may be empty). 'session' NULL: words of a
 * shell, where options of the program itself may stand before the command. Free with
 * emt_candidates_free(). */
void emt_complete(struct emt_candidates *out, const char *const *words, size_t n,
		  const struct emt_session *session);
/* One more, sorted in. */
void emt_candidates_add(struct emt_candidates *c, const char *value, const char *help);
void emt_candidates_free(struct emt_candidates *c);

/* ---- for completers of arguments (struct emt_arg) ---- */

/* Offer a word if it fits the prefix. */
void emt_complete_word(struct emt_completion *c, const char *value, const char *help);
/* Offer what the type of an argument allows. */
void emt_complete_value(struct emt_completion *c, const struct emt_arg *arg);
/* Domains of the source, by number and by name; its generations; frames of findings. */
void emt_complete_domains(struct emt_completion *c);
/* Domains of the Xen that runs here, by number and name; nothing where none does. */
void emt_complete_live(struct emt_completion *c);
void emt_complete_generations(struct emt_completion *c);
void emt_complete_gfns(struct emt_completion *c, bool ranges);
/* Names of files; with 'suffix' those that end so, or any where none does. */
void emt_complete_files(struct emt_completion *c, const char *suffix);
/* The columns of a command's records, and a condition on them. */
void emt_complete_columns(struct emt_completion *c);
void emt_complete_filter(struct emt_completion *c);

#endif
