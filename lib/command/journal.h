/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal: what `events --follow --ndjson` wrote, one watch behind the other. A watch
 * without its end was cut off: what happened after its last event is not known.
 */
#ifndef EMT_COMMAND_JOURNAL_H
#define EMT_COMMAND_JOURNAL_H

#include "base/err.h"
#include "output/record.h"

struct emt_journal_ops {
	/* An event or a watch to be filled; NULL = memory is short. 'kind' is one of
	 * kind_events.h. */
	struct emt_rec *(*begin)(const struct emt_record_kind *kind, void *arg);
	/* Filled: return non-zero to stop, which is passed on. */
	int (*put)(struct emt_rec *rec, void *arg);
	void *arg;
};

/* Read all of a journal. EMT_E_NOSOURCE if there is none; EMT_E_FORMAT if it is none. A
 * line that was cut off by the end of its writer is passed over. */
int emt_journal_read(const char *path, const struct emt_journal_ops *ops, struct emt_err *err);

#endif
