/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal of what toolstacks did, line by line: JSON objects as `events --follow
 * --ndjson` writes them, one watch behind the other.
 */
#ifndef EMT_SOURCE_JOURNAL_H
#define EMT_SOURCE_JOURNAL_H

#include "base/err.h"
#include "base/types.h"

struct json_object;

/* Where the service keeps it. */
#define EMT_JOURNAL_FILE "/var/lib/emt/journal.ndjson"
/* Where the journal is: EMTCTL_JOURNAL, else the service's. */
const char *emt_journal_file(void);

/* Does somebody write it? Whoever does holds PATH.lock: a writer that was killed holds nothing. */
bool emt_journal_is_watched(const char *path);

/* Give each line to 'cb'; one that returns non-zero ends it, and is passed on. A line cut
 * off by the end of its writer is passed over. EMT_E_NOSOURCE if there is no journal;
 * EMT_E_FORMAT if its first line says that it is none. */
typedef int (*emt_journal_line_cb)(struct json_object *line, void *arg);
int emt_journal_each(const char *path, emt_journal_line_cb cb, void *arg, struct emt_err *err);
/* The same without events of other domains than 'domid', which are not even parsed: a
 * journal grows for months, and each audit reads it. */
int emt_journal_of(const char *path, uint32_t domid, emt_journal_line_cb cb, void *arg, struct emt_err *err);

/* Members of a line: NULL or false where there is none. */
const char *emt_journal_text(struct json_object *line, const char *key);
bool emt_journal_number(struct json_object *line, const char *key, uint64_t *n);
bool emt_journal_flag(struct json_object *line, const char *key);
int64_t emt_journal_time(struct json_object *line, const char *key); /* seconds since 1970; 0 = none */

#endif
