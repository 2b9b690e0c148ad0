/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of an open memory: shared by the files of lib/memory only. */
#ifndef EMT_MEMORY_INTERNAL_H
#define EMT_MEMORY_INTERNAL_H

#include "memory/memory.h"

#define MEM_CACHE 8

/* Frames first..last stand in the file from 'offset' on. */
struct mem_segment {
	uint64_t first, last;
	uint64_t offset;
};

struct emt_mem {
	char *path;
	int fd;                     /* -1: pages */
	enum emt_mem_kind kind;
	uint64_t size;              /* of the file */
	struct mem_segment *seg;    /* owned, sorted, without overlaps */
	size_t nr_seg, room_seg;
	struct emt_ranges ram;      /* what can be read */
	struct emt_mem_notes notes;
	emt_mem_log *log;
	void *log_arg;
	uint64_t reads;
	unsigned int turn;          /* next slot of the cache */
	uint8_t *cache;             /* owned: MEM_CACHE frames, page aligned */
	/* pages: open addressing by frame; key is frame + 1 */
	uint64_t *keys;
	uint8_t **pages;
	size_t nr_pages, room_pages;
};

int mem_add_segment(struct emt_mem *m, uint64_t first, uint64_t last, uint64_t offset);
/* Sort segments, cut overlaps, fill 'ram'. */
int mem_settle(struct emt_mem *m, struct emt_err *err);
/* Segments and notes of an ELF core. */
int mem_open_elf(struct emt_mem *m, struct emt_err *err);

#endif
