/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inputs of import, read twice: a pipe is copied to a temporary file without a name.
 */
#ifndef EMT_CONSOLE_IMPORT_INPUT_H
#define EMT_CONSOLE_IMPORT_INPUT_H

#include "console/console.h"

#include <sys/types.h>

struct emt_input {
	const char *name;  /* for people: "-" is "standard input"; borrowed */
	int fd;            /* -1 = closed */
	bool own;          /* close 'fd' */
	off_t start;       /* where its text begins */
};

/* Open 'path' ("-" = fd 0). */
int emt_input_open(struct emt_input *in, const char *path, struct emt_err *err);
/* Feed all of it to 'c' and finish; from the beginning, however often. */
/* 'step' (may be NULL) is called with the size of each piece; non-zero ends it. */
int emt_input_parse(const struct emt_input *in, struct emt_console *c, int (*step)(uint64_t bytes, void *arg),
		    void *arg, struct emt_err *err);
void emt_input_close(struct emt_input *in);

/* All of a small file; caller frees. EMT_E_FORMAT when longer than 'most'. */
int emt_input_slurp(const char *path, size_t most, char **text, size_t *len, struct emt_err *err);

#endif
