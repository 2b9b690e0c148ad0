/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"

#include <time.h>

static int64_t ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t emt_clock_monotonic(void)
{
	return ns(CLOCK_MONOTONIC);
}

int64_t emt_clock_to_realtime(void)
{
	return ns(CLOCK_REALTIME) - ns(CLOCK_MONOTONIC);
}
