/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table walker, over anything that can give 4 KiB frames. Tables may be torn or
 * hostile: each frame is walked once at most, only RAM is ever read, and what is odd
 * is counted and reported, never followed.
 */
#ifndef EMT_TABLE_WALK_H
#define EMT_TABLE_WALK_H

#include "base/err.h"
#include "base/run.h"
#include "table/format.h"

/* Gives machine frame 'mfn': 512 entries that stay valid until the next call but
 * three, or NULL when it cannot or may not be read. */
struct emt_memory {
	const uint64_t *(*frame)(void *arg, uint64_t mfn);
	void *arg;
	/* May this frame be read at all (RAM of the host E820)? NULL = 'frame' decides.
	 * The walker never asks for a frame that this refuses. */
	bool (*ram)(void *arg, uint64_t mfn);
	/* Memory may change while it is read: tables are read until two readings agree. */
	bool live;
};

struct emt_walk_result {
	uint64_t tables;       /* table pages read */
	uint64_t leaves;       /* leaf entries given, present or not */
	uint64_t intermediate; /* intermediate entries given */
	uint64_t outside;      /* entries that point to a table outside RAM: not read */
	uint64_t unreadable;   /* tables in RAM that could not be read */
	uint64_t bad_level;    /* superpage where none can be, next level not below */
	uint64_t reserved;     /* entries with reserved bits set, or misaligned */
	uint64_t loops;        /* tables that point to one of their own ancestors */
	uint64_t twice;        /* tables that a second entry points to: walked once */
	uint64_t changed;      /* entries that differed when a live table was read again */
	uint64_t torn;         /* live tables that never read the same twice */
	bool too_many;         /* stopped: more tables than a sane tree has */
	bool no_memory;        /* stopped: not enough memory to remember the tables seen */
};

enum emt_odd {
	EMT_ODD_OUTSIDE, EMT_ODD_UNREADABLE, EMT_ODD_LEVEL, EMT_ODD_RESERVED, EMT_ODD_LOOP, EMT_ODD_TWICE,
	EMT_ODD_TORN, EMT_ODD_TOO_MANY, EMT_ODD_NR,
};
/* "points outside RAM" ... */
const char *emt_odd_text(unsigned int what);

/* One odd entry. For the root itself 'level' is one more than the table's. */
struct emt_walk_odd {
	enum emt_odd what;
	unsigned int level;  /* of the table that the entry stands in */
	uint64_t gfn;        /* first gfn the entry covers */
	uint64_t frame;      /* that it points to */
	uint64_t raw;        /* its bits */
};

struct emt_walk_opts {
	struct emt_memory mem;
	const struct emt_format *format;
	const struct emt_epte_layout *layout; /* EPT: by release */
	uint64_t root;         /* frame of the root table */
	unsigned int levels;   /* 0 = the format's usual */
	uint64_t max_tables;   /* bounds the work; 0 = 2^22 */
	bool join;             /* give runs of many entries, not runs of one */
	void (*odd)(const struct emt_walk_odd *odd, void *arg); /* may be NULL */
	void *odd_arg;
	/* Hears of each table as it is read, root first; may be NULL. */
	void (*table)(uint64_t mfn, unsigned int level, const uint64_t *entries, void *arg);
	void *table_arg;
};

/* A walk in progress; pulls one run at a time. */
struct emt_walker;

/* EMT_E_USAGE for levels that the format has not, EMT_E_NOMEM. */
int emt_walker_new(struct emt_walker **out, const struct emt_walk_opts *opts, struct emt_err *err);
/* The next run in gfn order: leaves, and intermediate entries that say something (EMT
 * not 0, recalc) before what is below. 1 = a run, 0 = end. */
int emt_walker_next(struct emt_walker *w, struct emt_run *run);
/* From now on give whole tables of EPT leaves to 'fn' (NULL: no more) instead of their
 * entries, but for tables with reserved bits set. Returning non-zero ends the walk;
 * emt_walker_page_rc() tells what it returned. */
void emt_walker_pages(struct emt_walker *w, emt_page_fn fn, void *arg);
int emt_walker_page_rc(const struct emt_walker *w);
/* Start again at the first entry that covers or follows 'gfn'; counts begin anew. */
void emt_walker_seek(struct emt_walker *w, uint64_t gfn);
const struct emt_walk_result *emt_walker_result(const struct emt_walker *w);
void emt_walker_free(struct emt_walker *w);

/* Read again what maps 'gfn' (a live source, before a difference is a finding).
 * 1 = a leaf, 0 = nothing is mapped there; <0 = it cannot be read (EMT_E_IO). */
int emt_walk_one(const struct emt_walk_opts *opts, uint64_t gfn, struct emt_run *run);

/* Walk the EPT whose root (level 4) is 'root': every entry by itself, through 'cb';
 * returning non-zero stops and is passed on. */
int emt_walk_ept(const struct emt_memory *mem, uint64_t root, const struct emt_epte_layout *layout,
		 uint64_t max_tables, int (*cb)(const struct emt_run *run, void *arg), void *arg,
		 struct emt_walk_result *result);

#endif
