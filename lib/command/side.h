/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One of two walks that are read side by side. Internal to lib/command.
 */
#ifndef EMT_COMMAND_SIDE_H
#define EMT_COMMAND_SIDE_H

#include "audit/diff.h"
#include "command/ctx.h"

struct emt_side {
	struct emt_ctx *ctx;
	struct emt_source *source;   /* owned by the caller, with all below */
	size_t index;                /* of the walk in it */
	struct emt_loss loss;        /* filled by _end() */
	struct emt_stream *stream;
	struct emt_run runs[512];
	long have, at;               /* of 'runs': filled, given */
	uint64_t done;               /* runs read, for progress */
};

/* Begin to read, from the first run; _end() in any case. */
int emt_side_begin(struct emt_side *s);
/* The next run, as struct emt_diff_input asks for it. */
int emt_side_next(void *side, struct emt_run *run);
void emt_side_end(struct emt_side *s);
/* Both from beginning to end into 'd'. An engine may be NULL: that side is not judged. */
int emt_side_compare(struct emt_diff *d, struct emt_side *before, struct emt_engine *before_engine,
		     struct emt_side *after, struct emt_engine *after_engine);

#endif
