/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the payload's walk finds in a hypervisor, made by the tests: memory with tables of a guest,
 * a frame table, and Xen's functions. One machine at a time.
 */
#ifndef EMT_TESTS_QUERY_HOST_H
#define EMT_TESTS_QUERY_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xen/query/abi.h"

/* Frames that tables may take, and in all; a guest's frames are behind the tables' and have no memory. */
struct host_size {
	uint64_t tables, frames;
};
int host_begin(struct host_size size, bool ept);
void host_end(void);

/* Write an entry of 'order' for 'gfn', making the tables above; those that are made are marked (EPT: type
 * 7) when 'pending'. Returns where it stands. */
uint64_t *host_map(uint64_t gfn, unsigned int order, uint64_t raw, bool pending);
/* A present leaf that maps 'mfn', with nothing else said. */
uint64_t host_leaf(uint64_t mfn, unsigned int order);

#define HOST_ROOT 1 /* frame of the topmost table */
uint64_t *host_table(uint64_t mfn);

/* The word of a frame that tells special ones: PGC_*. */
uint64_t *host_frame(uint64_t mfn);
#define HOST_XEN_HEAP (1ull << 62)
#define HOST_EXTRA (1ull << 57)

/* Ask as a caller would: emt_query_why. */
unsigned int host_walk(struct emt_query *q);

/* Forget what the processor's caches hold of tables and frame table. */
void host_flush(void);

/* How Xen behaves; all zero at the beginning. */
struct host_mood {
	uint64_t max_gfn;
	uint64_t hole_first, hole_last; /* frames without a struct page_info, when last != 0 */
	bool bad_buffer;
	unsigned int asked;             /* counts: calls of Xen's functions for entries */
	unsigned int maps;              /* counts: tables that were mapped */
	void (*on_map)(void);           /* called at each */
};
extern struct host_mood host_mood;

/* What Xen's functions say here, of whatever is there. */
int host_pin(uint64_t gfn); /* type, or an error as Xen has it */
int host_emt(uint64_t gfn, unsigned int order, bool *ipat);

#endif
