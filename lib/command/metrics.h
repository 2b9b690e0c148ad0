/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Audits as families of metrics. Internal to lib/command.
 */
#ifndef EMT_COMMAND_METRICS_H
#define EMT_COMMAND_METRICS_H

#include "command/ctx.h"
#include "output/text.h"

struct domain_numbers;

struct emt_metrics {
	struct emt_ctx *ctx;
	struct domain_numbers *v; /* owned; 'nr' of them, one a domain */
	size_t nr, room;
	uint64_t samples;         /* put so far */
	struct emt_text *text;    /* gets the text of what is put too; may be NULL */
};

/* Add an audit that took 'seconds'; it is copied, and what was lost makes the command
 * incomplete. EMT_E_NOMEM. */
int emt_metrics_add(struct emt_metrics *m, const struct emt_source_walk *walk, const struct emt_engine *e,
		    const struct emt_findings *f, const struct emt_loss *loss, double seconds);
/* Put all families, each once. */
int emt_metrics_put(struct emt_metrics *m);
void emt_metrics_free(struct emt_metrics *m);

/* Seconds of a clock that only goes on. */
double emt_metrics_now(void);

#endif
