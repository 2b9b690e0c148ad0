/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Run one command line: parse, open the output, call the handler, end the output.
 * What cli/ does with argv, the REPL and scripts do with each line.
 */
#ifndef EMT_COMMAND_EXECUTE_H
#define EMT_COMMAND_EXECUTE_H

#include <signal.h>

#include "command/parse.h"

enum emt_exit {
	EMT_EXIT_CLEAN = 0,      /* done, nothing found, nothing missing */
	EMT_EXIT_FINDINGS = 1,   /* findings at or above --fail-on */
	EMT_EXIT_ERROR = 2,      /* usage, no such source, or an error */
	EMT_EXIT_INCOMPLETE = 3, /* incomplete or undecided, and no finding */
};

/* What surrounds a command. */
struct emt_env {
	emt_write_fn write;     /* data */
	void (*note)(void *arg, const char *text); /* a line for people; NULL = drop */
	void *arg;
	bool colour;            /* what --color=auto means here */
	unsigned int width;     /* of the terminal, 0 = not a terminal */
	const char *tool;       /* "emtctl" */
	const char *const *argv;/* as called, for the envelope */
	size_t argc;
	int64_t now;            /* seconds since 1970 */
	const volatile sig_atomic_t *cancel; /* enum emt_cancel; may be NULL */
	struct emt_session *session;         /* may be NULL; `use` and `set` change it */
	/* Called once the words are parsed, before the command runs: the pager, and
	 * --timeout, which sets 'cancel' when the time is up. May be NULL. */
	void (*start)(void *arg, const struct emt_parse *p);
	/* Somebody else may run it (a daemon), data and notes included: 1 = done, with its
	 * exit status; 0 = nobody, it is run here; negative: an error, in 'err'. Or NULL. */
	int (*delegate)(void *arg, const struct emt_parse *p, const char *const *words, size_t n,
			int *exit_status, struct emt_err *err);
	/* How far a long command is; total 0 = not known. May be NULL. */
	void (*progress)(void *arg, const char *what, uint64_t done, uint64_t total);
	/* What a running emtd answers to a command: its standard output, the caller's to free;
	 * NULL when none answers, or it refuses. May be NULL. */
	char *(*ask)(void *arg, const char *const *words, size_t n);
	/* Descriptor that an emtd's lines are read from, for commands that tell what it
	 * knows; NULL: no emtd runs this. */
	const int *feed;
	/* Each record that passes --where, before it is written. May be NULL. */
	void (*record)(void *arg, const struct emt_rec *rec);
};

/* Why a command is to stop. */
enum emt_cancel { EMT_CANCEL_NONE, EMT_CANCEL_USER, EMT_CANCEL_TIMEOUT };

struct emt_result {
	enum emt_exit exit_status;
	struct emt_err err;     /* code 0: none */
	char *excerpt;          /* text that err.line and err.column point into; owned; NULL */
	int write_errno;        /* errno of a failed write, 0 = none */
	bool unmet;             /* `expect`: what was expected is not so; a script ends here */
	/* The word that the error is about; the number of words when it is none of them. */
	size_t word;
	size_t byte;            /* place in that word */
};

/* Never fails itself: everything is in 'res'. Free with emt_result_free(). */
void emt_execute(const struct emt_env *env, const char *const *words, size_t n, struct emt_result *res);
void emt_result_free(struct emt_result *res);

#endif
