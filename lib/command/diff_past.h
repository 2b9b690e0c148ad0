/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * diff DOM@TIME DOM@TIME. Internal to lib/command.
 */
#ifndef EMT_COMMAND_DIFF_PAST_H
#define EMT_COMMAND_DIFF_PAST_H

#include "command/ctx.h"

/* Both sides name a time: "web1@-1h" and "web1@now". */
bool emt_diff_is_past(const struct emt_parse *p);
/* Findings and facts that emtd's history has at both times, as records of `diff`. */
int emt_diff_past(struct emt_ctx *ctx);

#endif
