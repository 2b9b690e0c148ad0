/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A journal in a file, as its writer leaves it, for tests of what is read out of it.
 */
#ifndef EMT_TESTS_JOURNAL_FILE_H
#define EMT_TESTS_JOURNAL_FILE_H

#include <stdbool.h>

struct journal_file {
	char path[32], lock[40];
	int held; /* descriptor of the lock */
};

/* Write it; 'watched': its writer is still at work, and holds the lock. */
void journal_file_make(struct journal_file *j, const char *text, bool watched);
void journal_file_remove(struct journal_file *j);

#endif
