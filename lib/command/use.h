/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the CPU uses, within an audit: the pieces of the walk go to the findings and, where
 * guest page tables are at hand, are kept for them too. Internal to lib/command.
 */
#ifndef EMT_COMMAND_USE_H
#define EMT_COMMAND_USE_H

#include "command/guest_view.h"

/* Option --effective of the commands that audit. */
extern const struct emt_arg_group emt_args_use;

struct emt_ctx_use {
	struct emt_ctx *ctx;
	struct emt_engine *engine;
	struct emt_findings *findings;
	bool on;
	struct emt_ctx_guest g;
};

/* Before the walk: decides whether guest tables are looked at. An error where the user
 * asks for them and there are none. End it in any case. */
int emt_ctx_use_begin(struct emt_ctx_use *u, struct emt_ctx *ctx, struct emt_source *s, size_t walk,
		      struct emt_engine *e, struct emt_findings *f);
/* Takes the place of emt_findings_add(). */
int emt_ctx_use_piece(const struct emt_piece *p, void *use);
/* After the walk, before emt_findings_finish(); 'rc' of the walk: not 0 only frees. Returns
 * it, or an error of its own. */
int emt_ctx_use_end(struct emt_ctx_use *u, struct emt_source *s, size_t walk, int rc);

#endif
