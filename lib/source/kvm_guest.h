/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory of a live KVM guest by gfn: where its memslots lie in the process that holds it.
 * Only pages that are in memory now are read, so that nothing is brought in from swap or
 * from another host, and no device: the kernel copies none of these between processes.
 */
#ifndef EMT_SOURCE_KVM_GUEST_H
#define EMT_SOURCE_KVM_GUEST_H

#include "source/kvm_vm.h"
#include "table/guest.h"

struct emt_kvm_memory;

/* The memory of 'vm', which process 'pid' holds; 'vm' must outlive it. EMT_E_PERM: reading
 * another user's process takes CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH; EMT_E_GONE, EMT_E_NOMEM. */
int emt_kvm_memory_open(struct emt_kvm_memory **out, uint32_t pid, const struct emt_kvm_vm *vm, const char *subject,
			struct emt_err *err);
void emt_kvm_memory_close(struct emt_kvm_memory *m);
/* A reader of it, by frame; good while 'm' is open. */
struct emt_guest_memory emt_kvm_memory_reader(struct emt_kvm_memory *m);

#endif
