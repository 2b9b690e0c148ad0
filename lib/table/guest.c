/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table/guest.h"

#include <stdlib.h>
#include <string.h>

#define CR0_PG (1ull << 31)
#define CR4_PSE (1ull << 4)
#define CR4_PAE (1ull << 5)
#define CR4_LA57 (1ull << 12)
#define EFER_LME (1ull << 8)
#define EFER_NXE (1ull << 11)

#define PTE_P (1ull << 0)
#define PTE_RW (1ull << 1)
#define PTE_US (1ull << 2)
#define PTE_PWT (1ull << 3)
#define PTE_PCD (1ull << 4)
#define PTE_PS (1ull << 7)
#define PTE_PAT (1ull << 7)       /* of a 4 KiB page */
#define PTE_G (1ull << 8)
#define PTE_PAT_LARGE (1ull << 12)
#define PTE_NX (1ull << 63)
#define PTE_ADDR 0x000ffffffffff000ull

#define TABLES_MAX (1ull << 20)
#define LEVELS 5

/* Shape of the tables of each mode. */
static const struct mode {
	const char *name;
	unsigned int levels;
	unsigned int width;     /* bytes of an entry */
	unsigned int bits;      /* of an index */
	unsigned int sign;      /* highest bit of a linear address that is translated */
} modes[EMT_GUEST_NR] = {
	[EMT_GUEST_OFF] = { "off", 0, 0, 0, 31 },
	[EMT_GUEST_32BIT] = { "32bit", 2, 4, 10, 31 },
	[EMT_GUEST_PAE] = { "pae", 3, 8, 9, 31 },
	[EMT_GUEST_4LEVEL] = { "4level", 4, 8, 9, 47 },
	[EMT_GUEST_5LEVEL] = { "5level", 5, 8, 9, 56 },
};

/* A table on the way down: a copy, since the next one may take its place. */
struct level {
	uint8_t page[4096];
	uint64_t va;            /* that its first entry maps */
	unsigned int at, end;   /* entries still to be looked at */
	uint8_t flags;          /* what the entries above allow */
};

struct emt_guest_walker {
	struct emt_guest_opts o;
	const struct mode *m;
	enum emt_guest_mode mode;
	struct level l[LEVELS + 1]; /* by level, 1 is the lowest */
	unsigned int cur;       /* level in work; above the top = end */
	struct emt_guest_run held; /* count 0 = none */
	struct emt_guest_result result;
};

enum emt_guest_mode emt_guest_mode(const struct emt_guest_regs *r)
{
	if (!(r->cr0 & CR0_PG))
		return EMT_GUEST_OFF;
	if (!(r->cr4 & CR4_PAE))
		return EMT_GUEST_32BIT;
	if (!(r->efer & EFER_LME))
		return EMT_GUEST_PAE;
	return r->cr4 & CR4_LA57 ? EMT_GUEST_5LEVEL : EMT_GUEST_4LEVEL;
}

const char *emt_guest_mode_name(unsigned int mode)
{
	return mode < EMT_GUEST_NR ? modes[mode].name : "?";
}

static unsigned int shift_of(const struct emt_guest_walker *w, unsigned int level)
{
	return 12 + w->m->bits * (level - 1);
}

static uint64_t canonical(const struct emt_guest_walker *w, uint64_t va)
{
	uint64_t high = w->m->sign == 31 ? 0 : ~0ull << w->m->sign;

	return va >> w->m->sign & 1 ? va | high : va;
}

static uint64_t entry_of(const struct emt_guest_walker *w, const struct level *l, unsigned int i)
{
	uint32_t narrow;
	uint64_t e;

	if (w->m->width == 4) {
		memcpy(&narrow, l->page + i * sizeof(narrow), sizeof(narrow));
		return narrow;
	}
	memcpy(&e, l->page + i * sizeof(e), sizeof(e));
	return e;
}

/* Begin a table. PAE's top has four entries at any 32 bytes of its page. */
static int enter(struct emt_guest_walker *w, unsigned int level, uint64_t maddr, uint64_t va, uint8_t flags)
{
	struct level *l = &w->l[level];
	const void *page;
	uint64_t max = w->o.max_tables ? w->o.max_tables : TABLES_MAX;

	/* a page may hold many roots of PAE */
	if (w->o.seen && (w->mode != EMT_GUEST_PAE || level < 3)) {
		int rc = emt_frameset_add(w->o.seen, maddr >> 12 << 3 | level);

		if (!rc)
			return 0;
		w->result.too_many |= rc < 0;
		if (rc < 0)
			return -1;
	}
	if (w->result.tables >= max) {
		w->result.too_many = true;
		return -1;
	}
	page = w->o.mem.frame(w->o.mem.arg, maddr >> 12);
	if (!page) {
		w->result.unreadable++;
		return 0;
	}
	memcpy(l->page, page, sizeof(l->page));
	w->result.tables++;
	if (w->o.table)
		w->o.table(maddr >> 12, level, l->page, w->o.table_arg);
	l->va = va;
	l->at = 0;
	l->end = 1u << w->m->bits;
	l->flags = flags;
	if (w->mode == EMT_GUEST_PAE && level == 3) {
		memmove(l->page, l->page + (maddr & 0xfe0), 32);
		l->end = 4;
	}
	w->cur = level;
	return 1;
}

int emt_guest_walker_new(struct emt_guest_walker **out, const struct emt_guest_opts *opts, struct emt_err *err)
{
	enum emt_guest_mode mode = emt_guest_mode(&opts->regs);
	struct emt_guest_walker *w;
	uint64_t root = opts->regs.cr3;

	*out = NULL;
	if (mode == EMT_GUEST_OFF)
		return emt_err_set(err, EMT_E_USAGE, "guest page tables", NULL,
				   "the vCPU has paging off: it uses none");
	w = calloc(1, sizeof(*w));
	if (!w)
		return emt_err_set(err, EMT_E_NOMEM, "guest page tables", NULL, "not enough memory");
	w->o = *opts;
	w->mode = mode;
	w->m = &modes[mode];
	root &= mode == EMT_GUEST_PAE ? 0xffffffe0ull : mode == EMT_GUEST_32BIT ? 0xfffff000ull : PTE_ADDR;
	if (enter(w, w->m->levels, root, 0, EMT_GUEST_WRITE | EMT_GUEST_USER) <= 0)
		w->cur = w->m->levels + 1;
	*out = w;
	return 0;
}

/* Does this entry map a page itself? */
static bool is_page(const struct emt_guest_walker *w, unsigned int level, uint64_t e)
{
	if (level == 1)
		return true;
	if (!(e & PTE_PS))
		return false;
	switch (w->mode) {
	case EMT_GUEST_32BIT:
		return level == 2 && w->o.regs.cr4 & CR4_PSE;
	case EMT_GUEST_PAE:
		return level == 2;
	default:
		return level == 2 || level == 3;
	}
}

/* Bits that must be clear, as far as no CPUID is needed to know. */
static bool reserved(const struct emt_guest_walker *w, unsigned int level, uint64_t e, bool page)
{
	if (w->mode == EMT_GUEST_32BIT)
		return page && level == 2 && e >> 21 & 1;
	if (w->mode == EMT_GUEST_PAE && level == 3) /* but for A, which emulated processors set */
		return e & (7ull << 6 | PTE_RW | PTE_US) || e >> 52;
	if (e & PTE_NX && !(w->o.regs.efer & EFER_NXE))
		return true;
	if (w->mode == EMT_GUEST_PAE && e >> 52 & 0x7ff)
		return true;
	if (!page)
		return e & PTE_PS; /* where there can be no page */
	return level > 1 && e & ((1ull << shift_of(w, level)) - (1ull << 13));
}

static uint8_t flags_of(const struct emt_guest_walker *w, unsigned int level, uint64_t e, uint8_t above)
{
	uint8_t flags = above;

	if (w->mode == EMT_GUEST_PAE && level == 3)
		return flags; /* its entries say nothing of rights */
	if (!(e & PTE_RW))
		flags &= (uint8_t)~EMT_GUEST_WRITE;
	if (!(e & PTE_US))
		flags &= (uint8_t)~EMT_GUEST_USER;
	if (w->mode != EMT_GUEST_32BIT && e & PTE_NX)
		flags |= EMT_GUEST_NX;
	return flags;
}

static struct emt_guest_run page_of(const struct emt_guest_walker *w, unsigned int level, uint64_t e,
				    uint64_t va, uint8_t flags)
{
	unsigned int shift = shift_of(w, level);
	uint64_t addr = e & PTE_ADDR & ~((1ull << shift) - 1);
	bool pat = e & (level == 1 ? PTE_PAT : PTE_PAT_LARGE);

	if (w->mode == EMT_GUEST_32BIT && level == 2) /* PSE-36: bits 39:32 stand in 20:13 */
		addr |= (e >> 13 & 0xff) << 32;
	return (struct emt_guest_run){
		.va = va, .gfn = addr >> 12, .count = 1, .order = (uint8_t)(shift - 12),
		.pat = (uint8_t)((pat ? 4 : 0) | (e & PTE_PCD ? 2 : 0) | (e & PTE_PWT ? 1 : 0)),
		.flags = (uint8_t)(flags | (e & PTE_G ? EMT_GUEST_GLOBAL : 0)),
	};
}

static bool joins(const struct emt_guest_run *a, const struct emt_guest_run *b)
{
	return a->count && a->order == b->order && a->pat == b->pat && a->flags == b->flags &&
		a->gfn + emt_guest_frames(a) == b->gfn && a->va + (emt_guest_frames(a) << 12) == b->va;
}

/* One entry of the table in work. 1 = it maps *run, 0 = nothing to give, -1 = end. */
static int step(struct emt_guest_walker *w, struct emt_guest_run *run)
{
	struct level *l = &w->l[w->cur];
	unsigned int level = w->cur, shift = shift_of(w, level);
	uint64_t va, e;
	uint8_t flags;
	bool page;

	if (l->at >= l->end) {
		w->cur++;
		return w->cur > w->m->levels ? -1 : 0;
	}
	va = canonical(w, l->va | (uint64_t)l->at << shift);
	e = entry_of(w, l, l->at++);
	if (va + ((1ull << shift) - 1) < w->o.first || !(e & PTE_P))
		return 0;
	if (va > w->o.last)
		return -1;
	page = is_page(w, level, e);
	if (reserved(w, level, e, page)) {
		w->result.reserved++;
		return 0;
	}
	flags = flags_of(w, level, e, l->flags);
	if (page) {
		*run = page_of(w, level, e, va, flags);
		w->result.pages++;
		return 1;
	}
	return enter(w, level - 1, w->mode == EMT_GUEST_32BIT ? e & 0xfffff000ull : e & PTE_ADDR, va, flags) < 0 ?
		-1 : 0;
}

int emt_guest_walker_next(struct emt_guest_walker *w, struct emt_guest_run *out)
{
	struct emt_guest_run run;

	while (w->cur <= w->m->levels) {
		int rc = step(w, &run);

		if (rc < 0) {
			w->cur = w->m->levels + 1;
		} else if (rc && joins(&w->held, &run)) {
			w->held.count++;
		} else if (rc) {
			*out = w->held;
			w->held = run;
			if (out->count)
				return 1;
		}
	}
	*out = w->held;
	w->held.count = 0;
	return out->count != 0;
}

const struct emt_guest_result *emt_guest_walker_result(const struct emt_guest_walker *w)
{
	return &w->result;
}

void emt_guest_walker_free(struct emt_guest_walker *w)
{
	free(w);
}
