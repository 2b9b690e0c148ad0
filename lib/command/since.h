/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * observe --since: what changed since the walk that an earlier run kept, against the flush
 * rules; this run's walk is kept in its place. Internal to lib/command.
 */
#ifndef EMT_COMMAND_SINCE_H
#define EMT_COMMAND_SINCE_H

#include "audit/flush_between.h"
#include "command/ctx.h"
#include "command/kind_audit.h"

struct emt_since {
	struct emt_ctx *ctx;
	const char *path;              /* of the kept walks; NULL = none are asked for */
	struct emt_capture_writer *w;  /* of this run's */
	unsigned int walks;            /* in it */
	bool lost;                     /* one of them is not whole: nothing is compared or kept */
	int (*put)(void *arg, const struct emt_flush_group *g, uint32_t domid, int64_t before, int64_t after);
	void *arg;                     /* of 'put', which gets what is a finding, gravest first */
};

/* Fill ctx, path, put and arg before. _abort() after an error. */
int emt_since_begin(struct emt_since *s);
/* As emt_ctx_findings(), and the walk is kept while it is read, if changes of its domain
 * can be judged. */
int emt_since_walk(struct emt_since *s, struct emt_source *source, size_t i, struct emt_engine *e,
		   struct emt_findings **f, struct emt_loss *loss);
/* The same of a domain whose entries carry no memory types (NPT, shadow): it is kept, and
 * what was read is counted. */
int emt_since_changes(struct emt_since *s, struct emt_source *source, size_t i, const struct emt_facts *facts,
		      struct emt_read *read, struct emt_loss *loss);
/* Compare with what was kept, put findings, and keep this run's instead. */
int emt_since_end(struct emt_since *s);
void emt_since_abort(struct emt_since *s);

#endif
