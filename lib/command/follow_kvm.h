/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `events --follow` on a host with KVM.
 */
#ifndef EMT_COMMAND_FOLLOW_KVM_H
#define EMT_COMMAND_FOLLOW_KVM_H

#include "command/ctx.h"

/* Watch until stopped. With --entries each run of entries is given as it was; else those of
 * a second that are alike (machine, kind, size, types) as one, from the lowest to the highest
 * frame. */
int emt_follow_kvm(struct emt_ctx *ctx);

#endif
