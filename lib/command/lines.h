/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A text file line by line, plain or compressed with zstd. Internal to lib/command.
 */
#ifndef EMT_COMMAND_LINES_H
#define EMT_COMMAND_LINES_H

#include "base/err.h"
#include "base/types.h"

struct emt_lines;

int emt_lines_open(struct emt_lines **out, const char *path, struct emt_err *err);
/* 1 = a line in *line, without its end, valid until the next call; 0 = end; <0 error. */
int emt_lines_next(struct emt_lines *l, char **line, size_t *len, struct emt_err *err);
unsigned long emt_lines_number(const struct emt_lines *l); /* of the line last returned, 1.. */
void emt_lines_close(struct emt_lines *l);

#endif
