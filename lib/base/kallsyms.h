/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the running Linux kernel keeps its variables.
 */
#ifndef EMT_BASE_KALLSYMS_H
#define EMT_BASE_KALLSYMS_H

#include <stdint.h>

/* Address of a symbol by /proc/kallsyms; 0 where it is not listed, or addresses are hidden. */
uint64_t emt_kallsyms_address(const char *name);

#endif
