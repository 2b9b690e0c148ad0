/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of the benchmark "kvm". */
#ifndef EMT_TESTS_BENCH_KVM_H
#define EMT_TESTS_BENCH_KVM_H

#include "source/kernel.h"

/* What copying the pages at EMT_KERNEL_BULK addresses costs a guest that runs. */
void bench_kvm_guest(struct emt_kernel *k, const uint64_t *address);

#endif
