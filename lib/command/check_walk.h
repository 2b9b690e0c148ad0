/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit --check: see check_walk.c. */
#ifndef EMT_COMMAND_CHECK_WALK_H
#define EMT_COMMAND_CHECK_WALK_H

#include "command/ctx.h"
#include "command/kind_check.h"

/* Compare every entry of a walk three ways and put what differs, then the counts, which '*c'
 * gets too; its domid is given. EMT_E_UNSUPPORTED where the source cannot ask Xen. */
int emt_check_walk(struct emt_ctx *ctx, struct emt_source *s, size_t walk, struct emt_engine *e,
		   struct emt_checked *c);

#endif
