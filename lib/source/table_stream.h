/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stream of runs from raw tables: what the kinds of sources that walk tables share.
 * Shaped as members of struct emt_source_ops.
 */
#ifndef EMT_SOURCE_TABLE_STREAM_H
#define EMT_SOURCE_TABLE_STREAM_H

#include "source/ops.h"
#include "table/walk.h"

struct emt_table_stream {
	struct emt_walker *walker;
	struct emt_run held;  /* being joined; count 0 = none */
	bool end;
};

/* Begin: fills st->priv with a walker over 'o'. */
int emt_table_stream(struct emt_stream *st, const struct emt_walk_opts *o, struct emt_err *err);
int emt_table_seek(struct emt_stream *st, uint64_t gfn, struct emt_err *err);
long emt_table_read(struct emt_stream *st, struct emt_run *runs, size_t room, struct emt_err *err);
/* What the walker met that it could not follow. */
void emt_table_loss(const struct emt_stream *st, struct emt_loss *loss);
void emt_table_end(struct emt_stream *st);

#endif
