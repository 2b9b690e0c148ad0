/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's own page tables: 32-bit, PAE, 4- and 5-level. They belong to the guest:
 * anything may stand in them, they may change while they are read, and they may lead
 * back to themselves (Windows' do, on purpose). The work is bounded, memory is asked
 * for by gfn, and what cannot be read is counted, never guessed.
 */
#ifndef EMT_TABLE_GUEST_H
#define EMT_TABLE_GUEST_H

#include "base/err.h"
#include "base/types.h"
#include "table/frameset.h"

/* What of a vCPU decides how linear addresses are translated. */
struct emt_guest_regs {
	uint64_t cr0, cr3, cr4, efer;
};

enum emt_guest_mode {
	EMT_GUEST_OFF,     /* CR0.PG clear: linear is physical */
	EMT_GUEST_32BIT,
	EMT_GUEST_PAE,
	EMT_GUEST_4LEVEL,
	EMT_GUEST_5LEVEL,
	EMT_GUEST_NR,
};
/* SDM vol. 3, 4.1.1: by CR0.PG, CR4.PAE, EFER.LMA (as LME with paging on), CR4.LA57. */
enum emt_guest_mode emt_guest_mode(const struct emt_guest_regs *regs);
const char *emt_guest_mode_name(unsigned int mode); /* "off", "32bit", "pae", "4level", "5level" */

/* Guest-physical memory: 4 KiB of frame 'gfn', valid until the next call; NULL when it
 * is not populated, is no RAM or cannot be read. */
struct emt_guest_memory {
	const void *(*frame)(void *arg, uint64_t gfn);
	void *arg;
};

enum emt_guest_flags {
	EMT_GUEST_WRITE = 1 << 0, /* allowed at every level */
	EMT_GUEST_USER = 1 << 1,
	EMT_GUEST_NX = 1 << 2,    /* denied at some level */
	EMT_GUEST_GLOBAL = 1 << 3,
};

/* Pages that follow each other in linear and in physical addresses, of one size and
 * with equal attributes. */
struct emt_guest_run {
	uint64_t va;     /* of the first page, canonical */
	uint64_t gfn;    /* of the first page */
	uint64_t count;  /* pages of 2^order frames */
	uint8_t order;   /* 0, 9, 10 (4 MiB of 32-bit tables), 18 */
	uint8_t pat;     /* slot of IA32_PAT: bits PAT, PCD, PWT of the entry */
	uint8_t flags;   /* enum emt_guest_flags */
};

static inline uint64_t emt_guest_frames(const struct emt_guest_run *r)
{
	return r->count << r->order;
}

struct emt_guest_result {
	uint64_t tables;     /* tables read, each as often as entries lead to it */
	uint64_t pages;      /* pages given */
	uint64_t unreadable; /* tables that memory did not give: what they map is missing */
	uint64_t reserved;   /* entries with reserved bits set: a guest that uses them faults */
	bool too_many;       /* stopped: more tables than the bound */
};

struct emt_guest_opts {
	struct emt_guest_memory mem;
	struct emt_guest_regs regs;
	uint64_t first, last;   /* linear addresses, both inside; pages that reach in come whole */
	uint64_t max_tables;    /* 0 = 2^20 */
	/* NULL, or tables that were walked already, by level: each is then walked once, at the
	 * first address that leads to it. Rights are then those of that address. */
	struct emt_frameset *seen;
	/* Hears of each table that is read, root first; may be NULL. */
	void (*table)(uint64_t gfn, unsigned int level, const void *page, void *arg);
	void *table_arg;
};

struct emt_guest_walker;

/* EMT_E_USAGE while paging is off (there are no tables), EMT_E_NOMEM. */
int emt_guest_walker_new(struct emt_guest_walker **out, const struct emt_guest_opts *opts, struct emt_err *err);
/* 1 = the next run in order of linear addresses, 0 = end. */
int emt_guest_walker_next(struct emt_guest_walker *w, struct emt_guest_run *run);
const struct emt_guest_result *emt_guest_walker_result(const struct emt_guest_walker *w);
void emt_guest_walker_free(struct emt_guest_walker *w);

#endif
