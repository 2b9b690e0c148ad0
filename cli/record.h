/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A seam for the test suite, not for users: with EMTCTL_RECORD_REPLIES=DIR in the
 * environment a copy of each JSON and NDJSON reply goes into a file of its own in
 * DIR, after a line with the words of the command. tests/schema/check reads them.
 */
#ifndef EMT_CLI_RECORD_H
#define EMT_CLI_RECORD_H

#include "command/execute.h"

/* Before emt_execute() with these words. */
void record_begin(const struct emt_env *env, const char *const *words, size_t n);
/* From the write function of 'env'. */
void record_data(const char *data, size_t len);
/* After it. What could not be written whole is not kept. */
void record_end(const struct emt_result *res);

#endif
