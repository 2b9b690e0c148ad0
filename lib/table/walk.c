/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table/walk.h"

#include <stdlib.h>
#include <string.h>

#include "table/frameset.h"

#define MAX_LEVELS 6
#define MAX_TABLES (1ull << 22)
#define READINGS 4 /* of a live table, before it counts as torn */

/* A table being walked. */
struct step {
	uint64_t table[512]; /* a copy: the reader may reuse its buffer while we are below */
	uint64_t mfn;
	uint64_t gfn;        /* first it covers */
	unsigned int level, next; /* next: index of the entry to look at */
	bool pending;
};

struct emt_walker {
	struct emt_walk_opts o;
	struct emt_walk_result res;
	struct emt_frameset seen;
	uint64_t from;       /* entries that end below are skipped */
	unsigned int depth;  /* steps in use; 0 = done */
	bool begun;
	emt_page_fn page;
	void *page_arg;
	int page_rc;
	struct step step[MAX_LEVELS];
};

static void odd(struct emt_walker *w, enum emt_odd what, unsigned int level, uint64_t gfn, uint64_t frame,
		uint64_t raw)
{
	uint64_t *const counts[EMT_ODD_NR] = {
		[EMT_ODD_OUTSIDE] = &w->res.outside, [EMT_ODD_UNREADABLE] = &w->res.unreadable,
		[EMT_ODD_LEVEL] = &w->res.bad_level, [EMT_ODD_RESERVED] = &w->res.reserved,
		[EMT_ODD_LOOP] = &w->res.loops,      [EMT_ODD_TWICE] = &w->res.twice,
		[EMT_ODD_TORN] = &w->res.torn,
	};
	struct emt_walk_odd o = { what, level, gfn, frame, raw };

	if (counts[what])
		(*counts[what])++;
	if (w->o.odd)
		w->o.odd(&o, w->o.odd_arg);
}

/* Read a table into 'to'; live memory until two readings agree. */
static bool read_table(struct emt_walker *w, uint64_t mfn, struct step *to, uint64_t raw)
{
	const uint64_t *src = w->o.mem.frame(w->o.mem.arg, mfn);

	if (!src)
		return false;
	memcpy(to->table, src, sizeof(to->table));
	for (int i = 1; w->o.mem.live; i++) {
		src = w->o.mem.frame(w->o.mem.arg, mfn);
		if (!src)
			return false;
		if (!memcmp(to->table, src, sizeof(to->table)))
			break;
		for (unsigned int k = 0; k < 512; k++)
			w->res.changed += to->table[k] != src[k];
		memcpy(to->table, src, sizeof(to->table));
		if (i == READINGS) {
			odd(w, EMT_ODD_TORN, to->level + 1, to->gfn, mfn, raw);
			break;
		}
	}
	return true;
}

/* Go into the table at 'mfn', if it may and can be read. */
static void enter(struct emt_walker *w, uint64_t mfn, unsigned int level, uint64_t gfn, bool pending,
		  uint64_t raw)
{
	struct step *s = &w->step[w->depth];

	for (unsigned int i = 0; i < w->depth; i++)
		if (w->step[i].mfn == mfn) {
			odd(w, EMT_ODD_LOOP, level + 1, gfn, mfn, raw);
			return;
		}
	if (w->o.mem.ram && !w->o.mem.ram(w->o.mem.arg, mfn)) {
		odd(w, EMT_ODD_OUTSIDE, level + 1, gfn, mfn, raw);
		return;
	}
	if (w->res.too_many || w->res.no_memory)
		return;
	if (w->res.tables >= w->o.max_tables) {
		w->res.too_many = true;
		odd(w, EMT_ODD_TOO_MANY, level + 1, gfn, mfn, raw);
		return;
	}
	switch (emt_frameset_add(&w->seen, mfn)) {
	case 0:
		odd(w, EMT_ODD_TWICE, level + 1, gfn, mfn, raw);
		return;
	case 1:
		break;
	default:
		w->res.no_memory = true;
		return;
	}
	s->mfn = mfn;
	s->level = level;
	s->gfn = gfn;
	s->pending = pending;
	s->next = 0;
	if (!read_table(w, mfn, s, raw)) {
		odd(w, EMT_ODD_UNREADABLE, level + 1, gfn, mfn, raw);
		return;
	}
	w->res.tables++;
	w->depth++;
	if (w->o.table)
		w->o.table(mfn, level, s->table, w->o.table_arg);
}

/* Lengthen a run by the entries behind it that continue it bit by bit. */
static void lengthen(struct step *s, struct emt_run *run)
{
	uint64_t add = run->mfn == EMT_NO_FRAME ? 0 : 1ull << (12 + run->order);

	while (s->next < 512) {
		uint64_t before = s->table[s->next - 1], raw = s->table[s->next];

		/* no carry out of the frame number, nor into "no frame" */
		if (raw != before + add || (raw ^ before) >> 52 || (add && !(~raw & EMT_EPTE_MFN_BITS)))
			break;
		run->count++;
		s->next++;
	}
}

/* Types beyond those that any release has: such an entry is looked at by itself. */
#define RESERVED_TYPE (3ull << 56)

/* The table as a whole, where nothing in it wants a closer look. */
static bool give_page(struct emt_walker *w, struct step *s)
{
	uint64_t all = 0, leaves = 0;

	if (!w->page || s->level != 1 || s->next || s->gfn < w->from || w->o.format != &emt_format_ept)
		return false;
	for (unsigned int i = 0; i < 512; i++) {
		all |= s->table[i];
		leaves += emt_epte_valid(s->table[i], w->o.layout);
	}
	if (all & RESERVED_TYPE)
		return false;
	w->res.leaves += leaves;
	s->next = 512;
	if (leaves)
		w->page_rc = w->page(&(struct emt_table_page){ s->table, s->gfn, s->pending, w->o.layout }, w->page_arg);
	if (w->page_rc)
		w->depth = 0;
	return true;
}

void emt_walker_pages(struct emt_walker *w, emt_page_fn fn, void *arg)
{
	w->page = fn;
	w->page_arg = arg;
}

int emt_walker_page_rc(const struct emt_walker *w)
{
	return w->page_rc;
}

int emt_walker_next(struct emt_walker *w, struct emt_run *run)
{
	if (!w->begun) {
		w->begun = true;
		enter(w, w->o.root, w->o.levels, 0, false, 0);
	}
	while (w->depth) {
		struct step *s = &w->step[w->depth - 1];
		unsigned int shift = 9 * (s->level - 1), i = s->next;
		struct emt_entry_at at = { s->gfn + ((uint64_t)i << shift), s->level, s->pending,
					   w->o.layout };
		struct emt_entry e;
		uint64_t raw;

		if (give_page(w, s))
			continue;
		if (i >= 512) {
			w->depth--;
			continue;
		}
		raw = s->table[i];
		s->next++;
		if (at.gfn + ((1ull << shift) - 1) < w->from)
			continue;
		w->o.format->decode(raw, &at, &e);
		if (e.is == EMT_ENTRY_NONE)
			continue;
		if (e.reserved)
			odd(w, EMT_ODD_RESERVED, s->level, at.gfn, e.run.mfn, raw);
		if (e.is == EMT_ENTRY_BAD) {
			odd(w, EMT_ODD_LEVEL, s->level, at.gfn, e.run.mfn, raw);
			continue;
		}
		if (e.is == EMT_ENTRY_LEAF) {
			if (w->o.join && !e.reserved && !e.alone)
				lengthen(s, &e.run);
			w->res.leaves += e.run.count;
			*run = e.run;
			return 1;
		}
		enter(w, e.run.mfn, e.next, at.gfn, s->pending || e.pending, raw);
		if (e.give) {
			w->res.intermediate++;
			*run = e.run;
			return 1;
		}
	}
	return 0;
}

int emt_walker_new(struct emt_walker **out, const struct emt_walk_opts *opts, struct emt_err *err)
{
	unsigned int levels = opts->levels ? opts->levels : opts->format->levels;
	struct emt_walker *w;

	*out = NULL;
	if (levels < opts->format->min_levels || levels > opts->format->max_levels)
		return emt_err_set(err, EMT_E_USAGE, opts->format->name, NULL, "has no tables of %u levels",
				   levels);
	w = malloc(sizeof(*w));
	if (!w)
		return emt_err_set(err, EMT_E_NOMEM, opts->format->name, NULL,
				   "not enough memory to walk tables");
	w->o = *opts;
	w->o.levels = levels;
	if (!w->o.max_tables)
		w->o.max_tables = MAX_TABLES;
	w->seen = (struct emt_frameset){ 0 };
	w->page = NULL;
	w->page_rc = 0;
	emt_walker_seek(w, 0);
	*out = w;
	return 0;
}

void emt_walker_seek(struct emt_walker *w, uint64_t gfn)
{
	w->res = (struct emt_walk_result){ 0 };
	emt_frameset_clear(&w->seen);
	w->from = gfn;
	w->depth = 0;
	w->begun = false;
}

const struct emt_walk_result *emt_walker_result(const struct emt_walker *w)
{
	return &w->res;
}

void emt_walker_free(struct emt_walker *w)
{
	if (!w)
		return;
	emt_frameset_free(&w->seen);
	free(w);
}

int emt_walk_one(const struct emt_walk_opts *opts, uint64_t gfn, struct emt_run *run)
{
	unsigned int levels = opts->levels ? opts->levels : opts->format->levels, level = levels;
	uint64_t mfn = opts->root, base = 0;
	bool pending = false;

	while (level) {
		unsigned int shift = 9 * (level - 1);
		const uint64_t *table;
		struct emt_entry_at at;
		struct emt_entry e;

		if ((gfn - base) >> shift > 511)
			return 0; /* beyond the root, or a skipped level's gfn bits are not 0 */
		if ((opts->mem.ram && !opts->mem.ram(opts->mem.arg, mfn)) ||
		    !(table = opts->mem.frame(opts->mem.arg, mfn)))
			return EMT_E_IO;
		at = (struct emt_entry_at){ base + ((gfn - base) >> shift << shift), level, pending,
					    opts->layout };
		opts->format->decode(table[(gfn - base) >> shift], &at, &e);
		if (e.is == EMT_ENTRY_LEAF) {
			*run = e.run;
			return 1;
		}
		if (e.is != EMT_ENTRY_TABLE)
			return 0;
		pending |= e.pending;
		base = at.gfn;
		mfn = e.run.mfn;
		level = e.next; /* always lower: this ends */
	}
	return 0;
}

int emt_walk_ept(const struct emt_memory *mem, uint64_t root, const struct emt_epte_layout *layout,
		 uint64_t max_tables, int (*cb)(const struct emt_run *run, void *arg), void *arg,
		 struct emt_walk_result *result)
{
	struct emt_walk_opts o = {
		.mem = *mem,
		.format = &emt_format_ept,
		.layout = layout,
		.root = root,
		.max_tables = max_tables,
	};
	struct emt_walker *w;
	struct emt_run run;
	int rc = emt_walker_new(&w, &o, NULL);

	*result = (struct emt_walk_result){ 0 };
	if (!w)
		return rc;
	while (!rc && emt_walker_next(w, &run))
		rc = cb(&run, arg);
	*result = w->res;
	emt_walker_free(w);
	return rc;
}

const char *emt_odd_text(unsigned int what)
{
	static const char *const text[EMT_ODD_NR] = {
		[EMT_ODD_OUTSIDE] = "points to a table outside RAM; it was not read",
		[EMT_ODD_UNREADABLE] = "points to a table that could not be read",
		[EMT_ODD_LEVEL] = "cannot stand at this level",
		[EMT_ODD_RESERVED] = "has reserved bits set, or a frame that is not aligned",
		[EMT_ODD_LOOP] = "points to a table that it is part of",
		[EMT_ODD_TWICE] = "points to a table that another entry points to as well",
		[EMT_ODD_TORN] = "points to a table that changed at each reading",
		[EMT_ODD_TOO_MANY] = "would be one table too many",
	};

	return what < EMT_ODD_NR ? text[what] : "?";
}
