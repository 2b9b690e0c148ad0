/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walker of guest page tables against a model that translates one address at a
 * time, written from the SDM's figures (vol. 3, chapter 4) and in another way: by
 * recursion, entry formats spelled out per mode.
 */
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "table/guest.h"

#define FRAMES 48
#define PG 0x80000001ull

static uint8_t memory[FRAMES][4096];
static uint64_t seed;

static const void *frame(void *arg, uint64_t gfn)
{
	(void)arg;
	return gfn < FRAMES - 1 ? memory[gfn] : NULL; /* the last one is not populated */
}

static const struct emt_guest_regs regs_of[EMT_GUEST_NR] = {
	[EMT_GUEST_OFF] = { 0x11, 0, 0, 0 },
	[EMT_GUEST_32BIT] = { PG, 0x2018, 0x10, 0 },
	[EMT_GUEST_PAE] = { PG, 0x20e0, 0x20, 0x800 },
	[EMT_GUEST_4LEVEL] = { PG, 0x2018, 0x20, 0xd00 },
	[EMT_GUEST_5LEVEL] = { PG, 0x2018, 0x1020, 0xd00 },
};

/* ---- the model ---- */

struct answer {
	bool ok;
	uint64_t pa, size;
	unsigned int pat, flags;
};

static bool load(uint64_t pa, unsigned int bytes, uint64_t *e)
{
	if (pa >> 12 >= FRAMES - 1)
		return false;
	*e = 0;
	memcpy(e, &memory[pa >> 12][pa & 0xfff], bytes);
	return *e & 1;
}

static unsigned int slot(uint64_t e, unsigned int pat_bit)
{
	return (unsigned int)((e >> pat_bit & 1) * 4 + (e >> 4 & 1) * 2 + (e >> 3 & 1));
}

static void rights(struct answer *a, uint64_t e, bool leaf)
{
	if (!(e & 2))
		a->flags &= ~1u;
	if (!(e & 4))
		a->flags &= ~2u;
	if (e >> 63)
		a->flags |= 4;
	if (leaf && e & 0x100)
		a->flags |= 8;
}

static struct answer leaf(struct answer a, uint64_t e, uint64_t va, uint64_t size, uint64_t base)
{
	rights(&a, e, true);
	a.ok = true;
	a.size = size;
	a.pa = base + va % size;
	a.pat = slot(e, size == 4096 ? 7 : 12);
	return a;
}

static struct answer model32(const struct emt_guest_regs *r, uint64_t va)
{
	struct answer a = { .flags = 3 }, none = { 0 };
	uint64_t e;

	if (va >> 32 || !load((r->cr3 & 0xfffff000) + (va >> 22) * 4, 4, &e))
		return none;
	if (r->cr4 & 0x10 && e & 0x80)
		return e & 1u << 21 ? none :
			leaf(a, e, va, 1 << 22, (e & 0xffc00000) | (e & 0x1fe000) >> 13 << 32);
	rights(&a, e, false);
	if (!load((e & 0xfffff000) + (va >> 12) % 1024 * 4, 4, &e))
		return none;
	return leaf(a, e, va, 4096, e & 0xfffff000);
}

static struct answer model64(const struct emt_guest_regs *r, uint64_t table, uint64_t va, unsigned int level,
			     struct answer a, bool pae)
{
	static const uint64_t sizes[] = { 0, 1ull << 12, 1ull << 21, 1ull << 30, 1ull << 39, 1ull << 48 };
	struct answer none = { 0 };
	uint64_t e, addr, size = sizes[level];

	if (!load(table + va / size % 512 * 8, 8, &e) || (e >> 63 && !(r->efer & 0x800)))
		return none;
	if (pae && e >> 52 & 0x7ff)
		return none;
	addr = e & 0xffffffffff000;
	if (level == 1)
		return leaf(a, e, va, size, addr);
	if (e & 0x80) {
		if (level > (pae ? 2 : 3) || (addr & ~0x1000ull) % size)
			return none;
		return leaf(a, e, va, size, addr & ~0x1000ull);
	}
	rights(&a, e, false);
	return model64(r, addr, va, level - 1, a, pae);
}

static struct answer model(enum emt_guest_mode mode, uint64_t va)
{
	const struct emt_guest_regs *r = &regs_of[mode];
	struct answer a = { .flags = 3 }, none = { 0 };
	int64_t s = (int64_t)va;
	uint64_t e;

	switch (mode) {
	case EMT_GUEST_32BIT:
		return model32(r, va);
	case EMT_GUEST_PAE:
		if (va >> 32 || !load((r->cr3 & ~0x1full) + (va >> 30) * 8, 8, &e) ||
		    e & 0xfff00000000001c6)
			return none;
		return model64(r, e & 0xffffffffff000, va, 2, a, true);
	case EMT_GUEST_4LEVEL:
		return (int64_t)(va << 16) >> 16 == s ? model64(r, r->cr3 & ~0xfffull, va, 4, a, false) : none;
	default:
		return (int64_t)(va << 7) >> 7 == s ? model64(r, r->cr3 & ~0xfffull, va, 5, a, false) : none;
	}
}

/* ---- random tables ---- */

static uint64_t any_entry(bool wide)
{
	uint64_t e = (emt_rand(&seed) & 0x1fe) | 1;
	bool large = emt_rand_below(&seed, 3) == 0;

	e = large ? e | 0x80 : e & ~0x80ull;
	if (emt_rand_below(&seed, 8) == 0)
		return e | (emt_rand(&seed) & (wide ? 0xffffffffff000 : 0xfffff000));
	if (large) /* aligned as often as not */
		return e | emt_rand_below(&seed, 2) << 12 | emt_rand_below(&seed, 64) << (wide ? 30 : 22) |
			(wide && emt_rand_below(&seed, 3) == 0 ? 1ull << 63 : 0);
	e |= emt_rand_below(&seed, FRAMES) << 12;
	return wide && emt_rand_below(&seed, 3) == 0 ? e | 1ull << 63 : e;
}

static void build(enum emt_guest_mode mode)
{
	bool wide = mode != EMT_GUEST_32BIT;
	unsigned int width = wide ? 8 : 4, slots = 4096 / width;

	memset(memory, 0, sizeof(memory));
	for (unsigned int f = 0; f < FRAMES; f++) {
		unsigned int at = (unsigned int)emt_rand_below(&seed, slots);

		for (unsigned int i = 0; i < 5; i++) {
			uint64_t e = any_entry(wide);

			/* sometimes entries that go on where the one before ends */
			for (unsigned int k = 0; k < 1 + emt_rand_below(&seed, 3); k++, at++)
				memcpy(&memory[f][at % slots * width], &(uint64_t){ e + (k << 12) }, width);
			at += (unsigned int)emt_rand_below(&seed, slots);
		}
	}
	if (mode == EMT_GUEST_PAE)
		for (unsigned int i = 0; i < 4; i++) {
			uint64_t e = emt_rand_below(&seed, FRAMES) << 12 | (i != 2) | emt_rand_below(&seed, 2) << 3 |
				     (emt_rand_below(&seed, 5) == 0 ? 0x20ull << emt_rand_below(&seed, 4) : 0);

			memcpy(&memory[2][0xe0 + i * 8], &e, 8);
		}
}

static void check_address(enum emt_guest_mode mode, const struct emt_guest_run *r, uint64_t offset)
{
	struct answer a = model(mode, r->va + offset);

	assert_true(a.ok);
	assert_int_equal(a.pa, (r->gfn << 12) + offset);
	assert_int_equal(a.size, 4096ull << r->order);
	assert_int_equal(a.pat, r->pat);
	assert_int_equal(a.flags, r->flags);
}

/* Pages that the model finds, by trying each index that any table uses. */
static uint64_t model_pages(enum emt_guest_mode mode, uint64_t table, unsigned int level, uint64_t va)
{
	bool wide = mode != EMT_GUEST_32BIT, top = mode == EMT_GUEST_PAE && level == 3;
	unsigned int bits = wide ? 9 : 10, width = wide ? 8 : 4, shift = 12 + bits * (level - 1);
	unsigned int sign = mode == EMT_GUEST_4LEVEL ? 47 : 56;
	uint64_t n = 0, e;

	for (uint64_t i = 0; i < (top ? 4 : 1u << bits); i++) {
		uint64_t at = va | i << shift;
		struct answer a;

		if (mode >= EMT_GUEST_4LEVEL && at >> sign & 1)
			at |= ~0ull << sign;
		if (!load(table + i * width, width, &e))
			continue;
		a = model(mode, at);
		if (a.ok && a.size == 1ull << shift)
			n++;
		else if (level > 1 && !(e & 0x80 && (mode != EMT_GUEST_PAE || level < 3)) &&
			 !(top && e & 0xfff00000000001c6) && !(mode == EMT_GUEST_PAE && e >> 52 & 0x7ff))
			n += model_pages(mode, wide ? e & 0xffffffffff000 : e & 0xfffff000, level - 1, at);
	}
	return n;
}

static void one(enum emt_guest_mode mode)
{
	struct emt_guest_opts o = { .mem = { frame, NULL }, .regs = regs_of[mode], .last = UINT64_MAX };
	static const unsigned int levels[] = { 0, 2, 3, 4, 5 };
	struct emt_guest_walker *w;
	struct emt_guest_run run;
	uint64_t pages = 0, root = o.regs.cr3 & ~(mode == EMT_GUEST_PAE ? 0x1full : 0xfffull), next = 0;

	assert_int_equal(emt_guest_walker_new(&w, &o, NULL), 0);
	while (emt_guest_walker_next(w, &run)) {
		uint64_t bytes = emt_guest_frames(&run) << 12;

		assert_true(run.va >= next);
		next = run.va + bytes;
		pages += run.count;
		check_address(mode, &run, 0);
		check_address(mode, &run, bytes - 1);
		check_address(mode, &run, emt_rand_below(&seed, bytes));
	}
	assert_int_equal(pages, emt_guest_walker_result(w)->pages);
	assert_false(emt_guest_walker_result(w)->too_many);
	assert_int_equal(pages, model_pages(mode, root, levels[mode], 0));
	emt_guest_walker_free(w);
	/* one address at a time, mapped or not */
	for (unsigned int i = 0; i < 200; i++) {
		uint64_t va = emt_rand(&seed) >> emt_rand_below(&seed, 40);
		struct answer a = model(mode, va);
		bool got;

		o.first = o.last = va;
		assert_int_equal(emt_guest_walker_new(&w, &o, NULL), 0);
		got = emt_guest_walker_next(w, &run);
		assert_int_equal(got, a.ok);
		if (got)
			check_address(mode, &run, va - run.va);
		emt_guest_walker_free(w);
	}
}

static void agrees_with_the_model(void **state)
{
	(void)state;
	seed = emt_test_seed();
	for (unsigned int mode = EMT_GUEST_32BIT; mode < EMT_GUEST_NR; mode++)
		for (unsigned int i = 0; i < 40; i++) {
			assert_int_equal(emt_guest_mode(&regs_of[mode]), mode);
			build((enum emt_guest_mode)mode);
			one((enum emt_guest_mode)mode);
		}
}

/* Which pages a walk gives, by gfn, size and slot: a set. */
static size_t walk_set(const struct emt_guest_opts *o, struct emt_frameset *pages, uint64_t *tables)
{
	struct emt_guest_walker *w;
	struct emt_guest_run run;

	assert_int_equal(emt_guest_walker_new(&w, o, NULL), 0);
	while (emt_guest_walker_next(w, &run))
		for (uint64_t i = 0; i < run.count; i++)
			assert_true(emt_frameset_add(pages, (run.gfn + (i << run.order)) << 8 | run.order << 3 | run.pat) >= 0);
	*tables = emt_guest_walker_result(w)->tables;
	assert_false(emt_guest_walker_result(w)->too_many);
	emt_guest_walker_free(w);
	return pages->n;
}

/* With a set of tables seen each is walked once a level, and no kind of page is missed. */
static void each_table_once(void **state)
{
	(void)state;
	seed = emt_test_seed();
	for (unsigned int mode = EMT_GUEST_32BIT; mode < EMT_GUEST_NR; mode++)
		for (unsigned int i = 0; i < 20; i++) {
			struct emt_guest_opts o = { .mem = { frame, NULL }, .regs = regs_of[mode], .last = UINT64_MAX };
			struct emt_frameset all = { NULL, 0, 0 }, once = { NULL, 0, 0 }, seen = { NULL, 0, 0 };
			uint64_t full, tables;
			size_t n;

			build((enum emt_guest_mode)mode);
			n = walk_set(&o, &all, &full);
			o.seen = &seen;
			assert_int_equal(walk_set(&o, &once, &tables), n);
			assert_true(tables <= full && tables <= FRAMES * 5);
			for (size_t k = 0; k < all.room; k++)
				assert_true(!all.v[k] || emt_frameset_add(&once, all.v[k] - 1) == 0);
			/* another root: what it shares is known already */
			walk_set(&o, &once, &tables);
			assert_true(tables <= 1);
			emt_frameset_free(&all);
			emt_frameset_free(&once);
			emt_frameset_free(&seen);
		}
}

static void put64(unsigned int f, unsigned int i, uint64_t e)
{
	memcpy(&memory[f][i * 8], &e, 8);
}

/* The three places of the PAT bit, and addresses that must not take it for theirs. */
static void pat_bits(void **state)
{
	struct emt_guest_opts o = { .mem = { frame, NULL }, .regs = regs_of[EMT_GUEST_4LEVEL], .last = UINT64_MAX };
	static const struct { uint64_t e; unsigned int level, pat, order; uint64_t gfn; } v[] = {
		{ 0x5083, 1, 4, 0, 5 }, { 0x509b, 1, 7, 0, 5 }, { 0x5013, 1, 2, 0, 5 }, { 0x500b, 1, 1, 0, 5 },
		{ 0x401083, 2, 4, 9, 0x400 }, { 0x400083, 2, 0, 9, 0x400 }, { 0x40109b, 2, 7, 9, 0x400 },
		{ 0x80001093, 3, 6, 18, 0x80000 }, { 0x80000083, 3, 0, 18, 0x80000 },
	};

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(v); i++) {
		struct emt_guest_walker *w;
		struct emt_guest_run run;

		memset(memory, 0, sizeof(memory));
		put64(2, 0, 0x3003);
		put64(3, 0, 0x4003);
		put64(4, 0, 0x6003);
		put64(v[i].level == 1 ? 6 : v[i].level == 2 ? 4 : 3, 1, v[i].e);
		assert_int_equal(emt_guest_walker_new(&w, &o, NULL), 0);
		assert_int_equal(emt_guest_walker_next(w, &run), 1);
		assert_int_equal(run.pat, v[i].pat);
		assert_int_equal(run.order, v[i].order);
		assert_int_equal(run.gfn, v[i].gfn);
		assert_int_equal(emt_guest_walker_next(w, &run), 0);
		emt_guest_walker_free(w);
	}
}

/* A root all of whose entries lead to itself would take 512^4 steps. */
static void bounded(void **state)
{
	struct emt_guest_opts o = { .mem = { frame, NULL }, .regs = regs_of[EMT_GUEST_4LEVEL], .last = UINT64_MAX,
				    .max_tables = 1000 };
	struct emt_frameset seen = { NULL, 0, 0 };
	struct emt_guest_walker *w;
	struct emt_guest_run run;

	(void)state;
	memset(memory, 0, sizeof(memory));
	for (unsigned int i = 0; i < 512; i++)
		put64(2, i, 0x2003);
	assert_int_equal(emt_guest_walker_new(&w, &o, NULL), 0);
	while (emt_guest_walker_next(w, &run))
		;
	assert_true(emt_guest_walker_result(w)->too_many);
	assert_int_equal(emt_guest_walker_result(w)->tables, 1000);
	emt_guest_walker_free(w);
	/* each table once: a guest cannot make this long */
	o.seen = &seen;
	assert_int_equal(emt_guest_walker_new(&w, &o, NULL), 0);
	while (emt_guest_walker_next(w, &run))
		;
	assert_false(emt_guest_walker_result(w)->too_many);
	assert_int_equal(emt_guest_walker_result(w)->tables, 4);
	emt_guest_walker_free(w);
	o.seen = NULL;
	emt_frameset_free(&seen);
	/* a root that cannot be read */
	o.regs.cr3 = (uint64_t)(FRAMES - 1) << 12;
	assert_int_equal(emt_guest_walker_new(&w, &o, NULL), 0);
	assert_int_equal(emt_guest_walker_next(w, &run), 0);
	assert_int_equal(emt_guest_walker_result(w)->unreadable, 1);
	emt_guest_walker_free(w);
	/* NX while EFER.NXE is clear is reserved; paging off has no tables */
	o.regs = regs_of[EMT_GUEST_4LEVEL];
	o.regs.efer = 0x500;
	memset(memory, 0, sizeof(memory));
	put64(2, 0, 0x8000000000003003);
	assert_int_equal(emt_guest_walker_new(&w, &o, NULL), 0);
	assert_int_equal(emt_guest_walker_next(w, &run), 0);
	assert_int_equal(emt_guest_walker_result(w)->reserved, 1);
	emt_guest_walker_free(w);
	o.regs = regs_of[EMT_GUEST_OFF];
	assert_int_equal(emt_guest_walker_new(&w, &o, NULL), EMT_E_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_model), cmocka_unit_test(each_table_once), cmocka_unit_test(pat_bits), cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
