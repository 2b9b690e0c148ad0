/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all who run programs in the kernel have in common: whether this build can, what
 * the programs count, a number on each CPU, and the rings they send events by.
 */
#ifndef EMT_BASE_BPF_H
#define EMT_BASE_BPF_H

#include <stdint.h>

#include "base/err.h"

#define EMT_ALL_CPUS (-1)

/* NULL when this build has such programs, else what was missing when it was built. */
const char *emt_bpf_missing(void);

/* ---- only in builds that have them ---- */

/* libbpf prints nothing from now on: errors are values here. */
void emt_bpf_silence(void);
/* Counter 'which' of a per-CPU array of 64-bit numbers ('map': its descriptor; 'cpus': those
 * that are possible), on one CPU or summed up. 0 where it cannot be read. */
uint64_t emt_percpu_count(int map, int cpus, uint32_t which, int cpu);
/* What a poll of a ring comes to: what its callback refused ('rc') goes first, an
 * interrupt is no error. 'n': as ring_buffer__poll() gave it. */
int emt_ring_result(int n, int rc, const char *subject, struct emt_err *err);

#endif
