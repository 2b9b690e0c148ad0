/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table pages of a capture (emtctl capture --raw) as memory. */
#ifndef EMT_SOURCE_PAGES_H
#define EMT_SOURCE_PAGES_H

#include "capture/capture.h"
#include "memory/memory.h"

/* What the pages of one walk hold. */
struct emt_pages_root {
	uint64_t root;       /* frame of the highest table */
	unsigned int levels; /* its level */
	size_t pages;
};

/* EMT_E_MISSING when the walk has no table pages; EMT_E_DAMAGED when it has several
 * tables of the highest level, which no tree has. */
int emt_pages_open(struct emt_mem **out, struct emt_capture *c, size_t walk, struct emt_pages_root *root,
		   struct emt_err *err);

/* The guest's own page tables that a capture kept, by gfn. EMT_E_MISSING: none. */
int emt_pages_guest(struct emt_mem **out, struct emt_capture *c, size_t walk, struct emt_err *err);

#endif
