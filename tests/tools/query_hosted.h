/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Comes before lib/xen/query/walk.c where that is built for this machine, with the compiler's
 * options of the payload: Xen's memory lies where the tests put it.
 */
#ifndef EMT_TESTS_QUERY_HOSTED_H
#define EMT_TESTS_QUERY_HOSTED_H

#include <stdint.h>

#define EMT_QUERY_HOSTED
extern uint64_t hosted_direct_map __attribute__((visibility("hidden")));
extern uint64_t hosted_frame_table __attribute__((visibility("hidden")));
#define DIRECTMAP hosted_direct_map
#define FRAMETABLE hosted_frame_table

#endif
