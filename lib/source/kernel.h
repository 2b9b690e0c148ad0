/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory of the kernel that runs, through BPF: read only, at addresses that the caller
 * knows. Two users: guests of KVM (kvm.h), and a PV domain's own p2m (pv.h).
 */
#ifndef EMT_SOURCE_KERNEL_H
#define EMT_SOURCE_KERNEL_H

#include "base/err.h"
#include "base/types.h"

struct emt_kernel;

/* Load the program. EMT_E_UNSUPPORTED: not in this build, or the kernel does not take it;
 * EMT_E_PERM: root, or CAP_BPF and CAP_PERFMON, are needed. 'subject' is what errors name. */
int emt_kernel_open(struct emt_kernel **out, const char *subject, struct emt_err *err);
void emt_kernel_close(struct emt_kernel *k);

/* What libbpf returned when it loaded programs, as such an error; 0 passes. */
int emt_kernel_load_error(int rc, const char *subject, struct emt_err *err);

/* Copy 'bytes' (any number) of kernel memory; EMT_E_IO when it cannot be read. Shaped as
 * emt_kvm_read_fn with 'k' as its argument. */
int emt_kernel_read(void *k, uint64_t address, void *to, size_t bytes);

/* Copy up to EMT_KERNEL_BULK pages at once; ok[i] tells which could be read. The copies stand
 * in memory of 'k' until its next call: page i at returned + i * 512. NULL: failed. */
#define EMT_KERNEL_BULK 2048
const uint64_t *emt_kernel_pages(struct emt_kernel *k, const uint64_t *address, unsigned int n, bool *ok);

/* Address at which frame 0 appears in the kernel's direct map, 0 where nothing tells (then
 * a root's page table, whose frame is known too, may). */
uint64_t emt_kernel_direct_map(struct emt_kernel *k);

#endif
