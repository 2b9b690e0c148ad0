/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system's clocks in nanoseconds.
 */
#ifndef EMT_BASE_CLOCK_H
#define EMT_BASE_CLOCK_H

#include <stdint.h>

/* Since the system started, sleep left out: the clock by which the kernel dates events. */
int64_t emt_clock_monotonic(void);
/* What must be added to that for the time of day, as it is set now. */
int64_t emt_clock_to_realtime(void);

#endif
