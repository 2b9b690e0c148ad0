/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Benchmarks: each group is a function in the table of main.c and reports its
 * figures, one line each: "bench: NAME VALUE UNIT".
 */
#ifndef EMT_TESTS_BENCH_H
#define EMT_TESTS_BENCH_H

#include <stdint.h>

void bench_report(const char *name, double value, const char *unit);
/* Stop the program with a message: a benchmark that cannot run has no figure. */
void bench_fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Monotonic, nanoseconds. */
uint64_t bench_now_ns(void);

/* Highest resident memory since the start or the last reset, MiB. */
double bench_peak_mib(void);
/* Count anew from what is resident now; false where the kernel does not let us. */
int bench_peak_reset(void);

/* A path for a scratch file of this process in $TMPDIR or /tmp. */
const char *bench_path(const char *name);

#endif
