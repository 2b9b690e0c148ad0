/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record of a virtual machine of KVM, and the list of them. */
#ifndef EMT_COMMAND_KIND_VM_H
#define EMT_COMMAND_KIND_VM_H

#include "command/ctx.h"
#include "source/kvm.h"

extern const struct emt_record_kind emt_kind_vm;

/* Every virtual machine of this host as a record. */
int emt_put_guests(struct emt_ctx *ctx);

#endif
