/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table/pvlist.h"

#include <string.h>

#include "table/frameset.h"

#define PER_PAGE 512u
#define MAX_PFN (1ull << 36) /* 256 TiB: more is nonsense */
#define KERNEL_HALF 0xffff800000000000ull

/* struct shared_info of a 64-bit domain */
#define SHARED_MAX_PFN 3088
#define SHARED_TREE 3096
#define SHARED_CR3 3112
#define SHARED_VADDR 3120
#define SHARED_GENERATION 3128

static uint64_t word(const void *page, size_t at)
{
	uint64_t v;

	memcpy(&v, (const uint8_t *)page + at, sizeof(v));
	return v;
}

void emt_pv_shared_of(const void *page, struct emt_pv_shared *out)
{
	*out = (struct emt_pv_shared){ word(page, SHARED_MAX_PFN), word(page, SHARED_TREE), word(page, SHARED_CR3),
				       word(page, SHARED_VADDR), word(page, SHARED_GENERATION) };
}

enum emt_pv_list emt_pv_list_of(const struct emt_pv_shared *s)
{
	if (!s->max_pfn || s->max_pfn > MAX_PFN)
		return EMT_PV_LIST_NONE;
	if (s->cr3 && !(s->cr3 & 0xfff) && s->vaddr >= KERNEL_HALF && !(s->vaddr & 0xfff))
		return EMT_PV_LIST_LINEAR;
	return s->tree && s->tree < 1ull << 40 ? EMT_PV_LIST_TREE : EMT_PV_LIST_NONE;
}

const char *emt_pv_list_name(unsigned int list)
{
	static const char *const words[] = { "none", "linear", "tree" };

	return list < EMT_ARRAY_SIZE(words) ? words[list] : "?";
}

/* Kernels share two pages; a domain that maps more read-only gains nothing by it. */
#define SHARED_MAX 8

struct reading {
	const struct emt_pv_reader *r;
	struct emt_pv_read *out;
	uint64_t next;    /* pfn that comes now */
	/* the last page, if all its entries are of one kind: shared by large holes */
	uint64_t mfn;
	enum emt_pv_kind kind;
	/* pages that are shared, and whether one stands for nothing but RAM somewhere */
	struct { uint64_t mfn; bool ram; } shared[SHARED_MAX];
	unsigned int nr_shared;
	struct emt_frameset seen; /* tree: leaves with nothing in them */
};

static uint64_t left(const struct reading *x)
{
	uint64_t n = x->r->shared.max_pfn - x->next;

	return n < PER_PAGE ? n : PER_PAGE;
}

static int give_fill(struct reading *x, enum emt_pv_kind kind)
{
	uint64_t pfn = x->next, count = left(x);

	x->next += count;
	x->out->entries += count;
	return x->r->fill(pfn, count, kind, x->r->arg);
}

/* Are all entries missing, or identity of 0 to 511: the kernel's pages for large holes,
 * one for all of them? What it says of each pfn then is identity of that pfn. */
static bool uniform(const uint64_t *page, enum emt_pv_kind *kind)
{
	*kind = emt_pv_decode(page[0], 64).kind;
	if (*kind != EMT_PV_MISSING && *kind != EMT_PV_IDENTITY)
		return false;
	for (unsigned int i = 0; i < PER_PAGE; i++) {
		struct emt_pv_entry e = emt_pv_decode(page[i], 64);

		if (e.kind != *kind || (*kind == EMT_PV_IDENTITY && e.mfn != i))
			return false;
	}
	return true;
}

/* One of the two pages that all large holes share, by what the kernel says, or by where it
 * is used. */
static bool is_shared(const struct reading *x, uint64_t mfn, enum emt_pv_kind *kind, bool *assumed)
{
	*assumed = false;
	if (x->r->identity || x->r->missing) {
		*kind = mfn == x->r->identity ? EMT_PV_IDENTITY : EMT_PV_MISSING;
		return mfn == x->r->identity || mfn == x->r->missing;
	}
	for (unsigned int i = 0; i < x->nr_shared; i++) {
		if (x->shared[i].mfn != mfn)
			continue;
		*kind = x->shared[i].ram ? EMT_PV_MISSING : EMT_PV_IDENTITY;
		*assumed = true;
		return true;
	}
	return false;
}

/* The 512 entries, or fewer at the end, that stand in machine frame 'mfn'. */
static int give_page(struct reading *x, uint64_t mfn)
{
	uint64_t copy[PER_PAGE], n = left(x);
	enum emt_pv_kind kind;
	const void *page;
	bool assumed;
	int rc = 0;

	if (is_shared(x, mfn, &kind, &assumed)) {
		x->out->assumed += assumed ? n : 0;
		return give_fill(x, kind);
	}
	if (mfn == x->mfn)
		return give_fill(x, x->kind);
	page = x->r->mem.frame(x->r->mem.arg, mfn);
	if (!page) {
		x->out->unreadable += n;
		x->next += n;
		return 0;
	}
	memcpy(copy, page, sizeof(copy));
	x->out->pages++;
	if (uniform(copy, &x->kind)) {
		x->mfn = mfn;
		return give_fill(x, x->kind);
	}
	for (uint64_t i = 0; i < n && !rc; i++)
		rc = x->r->entry(x->next + i, emt_pv_decode(copy[i], 64), x->r->arg);
	x->next += n;
	x->out->entries += n;
	return rc;
}

/* Entries before pfn 'to' that nothing maps. */
static void lose(struct reading *x, uint64_t to)
{
	to = to < x->r->shared.max_pfn ? to : x->r->shared.max_pfn;
	if (to > x->next) {
		x->out->unreadable += to - x->next;
		x->next = to;
	}
}

/* The list lies in the domain's own address space; its tables name machine frames. */
static int walk_list(const struct reading *x, struct emt_guest_walker **w, struct emt_err *err)
{
	const struct emt_pv_shared *s = &x->r->shared;
	struct emt_guest_opts o = {
		.mem = x->r->mem, .regs = { .cr0 = 0x80000001, .cr3 = s->cr3, .cr4 = 0x20, .efer = 0xd00 },
		.first = s->vaddr, .last = s->vaddr + s->max_pfn * 8 - 1,
	};

	return emt_guest_walker_new(w, &o, err);
}

static bool nothing_but_ram(const struct emt_pv_reader *r, uint64_t pfn)
{
	uint64_t last;
	uint32_t tag;

	return r->e820 && pfn + PER_PAGE <= r->end && emt_pv_place(r->e820, pfn, &last, &tag) == EMT_PV_RAM &&
		last >= pfn + PER_PAGE - 1;
}

/* All entries of a page of the list are invalid. */
static bool nothing_in(const struct reading *x, uint64_t mfn)
{
	const uint64_t *page = x->r->mem.frame(x->r->mem.arg, mfn);

	for (unsigned int k = 0; page && k < PER_PAGE; k++)
		if (page[k] != ~0ull)
			return false;
	return page;
}

/* A page of the list that may be shared, and whether it stands for nothing but RAM here. */
static void note_shared(struct reading *x, uint64_t mfn, bool ram)
{
	unsigned int i = 0;

	while (i < x->nr_shared && x->shared[i].mfn != mfn)
		i++;
	if (i == SHARED_MAX || (i == x->nr_shared && !nothing_in(x, mfn)))
		return;
	if (i == x->nr_shared)
		x->shared[x->nr_shared++].mfn = mfn;
	x->shared[i].ram |= ram;
}

static int find_shared(struct reading *x, struct emt_err *err)
{
	uint64_t vaddr = x->r->shared.vaddr;
	struct emt_guest_walker *w;
	struct emt_guest_run run;
	int rc = walk_list(x, &w, err);

	if (rc)
		return rc;
	while (emt_guest_walker_next(w, &run))
		for (uint64_t i = 0; i < run.count && !run.order && !(run.flags & EMT_GUEST_WRITE); i++)
			note_shared(x, run.gfn + i, nothing_but_ram(x->r, (run.va - vaddr) / 8 + i * PER_PAGE));
	emt_guest_walker_free(w);
	return 0;
}

static int read_linear(struct reading *x, struct emt_err *err)
{
	const struct emt_pv_shared *s = &x->r->shared;
	struct emt_guest_walker *w;
	struct emt_guest_run run;
	int rc = x->r->identity || x->r->missing ? 0 : find_shared(x, err);

	if (!rc)
		rc = walk_list(x, &w, err);
	if (rc)
		return rc;
	while (!rc && emt_guest_walker_next(w, &run))
		for (uint64_t i = 0; i < emt_guest_frames(&run) && !rc; i++) {
			uint64_t va = run.va + (i << 12);

			/* a large page may begin before the list and end behind it */
			if (va < s->vaddr || x->next >= s->max_pfn)
				continue;
			lose(x, (va - s->vaddr) / 8);
			if (x->next < s->max_pfn)
				rc = give_page(x, run.gfn + i);
		}
	emt_guest_walker_free(w);
	return rc;
}

/* ---- the tree: frames of frames of the list ---- */

/* 'mfn' EMT_NO_FRAME: nothing is named there. */
typedef int (*leaf_cb)(struct reading *x, uint64_t mfn, uint64_t pfn);

static int each_leaf(struct reading *x, leaf_cb leaf)
{
	uint64_t top[PER_PAGE], mid[PER_PAGE], max = x->r->shared.max_pfn;
	const void *page = x->r->mem.frame(x->r->mem.arg, x->r->shared.tree);
	int rc = 0;

	if (!page)
		return 0; /* the rest of the list is lost, which is all of it */
	memcpy(top, page, sizeof(top));
	for (uint64_t i = 0; i < PER_PAGE && i * PER_PAGE * PER_PAGE < max && !rc; i++) {
		page = x->r->mem.frame(x->r->mem.arg, top[i]);
		if (!page)
			continue;
		memcpy(mid, page, sizeof(mid));
		for (uint64_t k = 0; k < PER_PAGE && (i * PER_PAGE + k) * PER_PAGE < max && !rc; k++)
			rc = leaf(x, mid[k], (i * PER_PAGE + k) * PER_PAGE);
	}
	return rc;
}

/* A leaf that stands in two places, with nothing in it, is one of those that are shared. */
static int find_leaf(struct reading *x, uint64_t mfn, uint64_t pfn)
{
	int rc = mfn == EMT_NO_FRAME || !nothing_in(x, mfn) ? 1 : emt_frameset_add(&x->seen, mfn);

	(void)pfn;
	if (!rc)
		note_shared(x, mfn, false);
	return rc < 0 ? rc : 0;
}

static int place_leaf(struct reading *x, uint64_t mfn, uint64_t pfn)
{
	for (unsigned int i = 0; i < x->nr_shared; i++)
		x->shared[i].ram |= x->shared[i].mfn == mfn && nothing_but_ram(x->r, pfn);
	return 0;
}

static int give_leaf(struct reading *x, uint64_t mfn, uint64_t pfn)
{
	enum emt_pv_kind kind;
	bool assumed;

	lose(x, pfn);
	/* Used once: a shared page, or one of its own that is empty. Where RAM is both say "missing". */
	if (mfn != EMT_NO_FRAME && (is_shared(x, mfn, &kind, &assumed) || nothing_but_ram(x->r, pfn) || !nothing_in(x, mfn)))
		return give_page(x, mfn);
	x->out->untold += left(x);
	x->next += left(x);
	return 0;
}

static int read_tree(struct reading *x)
{
	int rc = each_leaf(x, find_leaf);

	if (!rc)
		rc = each_leaf(x, place_leaf);
	return rc ? rc : each_leaf(x, give_leaf);
}

int emt_pv_list_read(const struct emt_pv_reader *r, struct emt_pv_read *out, struct emt_err *err)
{
	struct reading x = { .r = r, .out = out, .mfn = EMT_NO_FRAME };
	int rc;

	*out = (struct emt_pv_read){ 0 };
	switch (r->list) {
	case EMT_PV_LIST_LINEAR:
		rc = read_linear(&x, err);
		break;
	case EMT_PV_LIST_TREE:
		rc = read_tree(&x);
		break;
	default:
		return emt_err_set(err, EMT_E_UNSUPPORTED, "p2m of the PV domain", NULL,
				   "the domain names neither a list nor a tree: it has not booted that far, or is "
				   "no 64-bit Linux");
	}
	emt_frameset_free(&x.seen);
	if (rc == EMT_E_NOMEM)
		emt_err_set(err, rc, "p2m of the PV domain", NULL, "not enough memory to read it");
	if (!rc)
		lose(&x, r->shared.max_pfn);
	return rc;
}
