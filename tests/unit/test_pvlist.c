/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a PV domain's p2m out of memory: the list behind page tables, the tree, pages
 * shared by large holes, and what a domain may have put in the way.
 */
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "table/pvlist.h"

#define FRAMES 64
#define VADDR 0xffffc90000000000ull
#define IDENTITY (1ull << 62)

static uint64_t memory[FRAMES][512];

static const void *frame(void *arg, uint64_t mfn)
{
	(void)arg;
	return mfn < FRAMES ? memory[mfn] : NULL;
}

/* What was read: by pfn, kind and frame, 'x' = nothing. */
struct got {
	char kind[4608];
	uint64_t mfn[4608];
	uint64_t next;
};

static int entry(uint64_t pfn, struct emt_pv_entry e, void *arg)
{
	struct got *g = arg;

	assert_true(pfn >= g->next && pfn < 4608);
	g->kind[pfn] = "fmio"[e.kind];
	g->mfn[pfn] = e.mfn;
	g->next = pfn + 1;
	return 0;
}

static int fill(uint64_t pfn, uint64_t count, enum emt_pv_kind kind, void *arg)
{
	for (uint64_t i = 0; i < count; i++)
		entry(pfn + i, (struct emt_pv_entry){ kind, kind == EMT_PV_IDENTITY ? pfn + i : EMT_NO_FRAME }, arg);
	return 0;
}

/* shared info in frame 1; tables in 2 to 5; list pages 8 and on */
static void build(uint64_t entries)
{
	uint64_t v[] = { entries, ~0ull, 0, 2 << 12, VADDR, 2 };

	memset(memory, 0, sizeof(memory));
	memcpy((uint8_t *)memory[1] + 3088, v, sizeof(v));
	memory[2][VADDR >> 39 & 511] = 3 << 12 | 3;
	memory[3][VADDR >> 30 & 511] = 4 << 12 | 3;
	memory[4][VADDR >> 21 & 511] = 5 << 12 | 3;
	for (unsigned int i = 0; i < 8; i++)
		memory[5][i] = (8 + (uint64_t)i) << 12 | 3;
	for (unsigned int p = 0; p < 8; p++)
		for (unsigned int i = 0; i < 512; i++)
			memory[8 + p][i] = 0x1000 + p * 512 + i;
}

static int look(struct got *g, struct emt_pv_read *r)
{
	struct emt_pv_reader reader = { .mem = { frame, NULL }, .entry = entry, .fill = fill, .arg = g };

	memset(g, 0, sizeof(*g));
	memset(g->kind, 'x', sizeof(g->kind));
	emt_pv_shared_of(memory[1], &reader.shared);
	reader.list = emt_pv_list_of(&reader.shared);
	return emt_pv_list_read(&reader, r, NULL);
}

static void linear(void **state)
{
	struct emt_pv_read r;
	struct got *g = malloc(sizeof(*g));

	(void)state;
	assert_non_null(g);
	build(3000);
	/* pages 1 and 3: the kernel's shared ones; page 2 identity of its own pfns, but for one */
	memset(memory[9], 0xff, sizeof(memory[9]));
	for (unsigned int i = 0; i < 512; i++) {
		memory[40][i] = IDENTITY | i;
		memory[10][i] = IDENTITY | (1024 + i);
	}
	memory[10][7] = ~0ull;
	memory[5][3] = 40 << 12 | 3;
	assert_int_equal(look(g, &r), 0);
	assert_int_equal(r.entries, 3000);
	assert_int_equal(r.unreadable + r.untold, 0);
	for (unsigned int i = 0; i < 4096; i++) {
		char want = i >= 3000 ? 'x' : i / 512 == 1 ? 'm' : i / 512 == 3 ? 'i' :
			    i / 512 == 2 ? (i == 1024 + 7 ? 'm' : 'i') : 'f';

		assert_int_equal(g->kind[i], want);
		if (want == 'f')
			assert_int_equal(g->mfn[i], 0x1000 + i);
		if (want == 'i')
			assert_int_equal(g->mfn[i], i);
	}
	/* a page that nothing maps, one out of reach, and tables cut off */
	memory[5][0] = 0;
	memory[5][4] = (uint64_t)FRAMES << 12 | 3;
	assert_int_equal(look(g, &r), 0);
	assert_int_equal(r.unreadable, 1024);
	assert_int_equal(r.entries, 3000 - 1024);
	assert_int_equal(g->kind[0], 'x');
	assert_int_equal(g->kind[512], 'm');
	assert_int_equal(g->kind[4 * 512], 'x');
	assert_int_equal(g->kind[5 * 512], 'f');
	memory[3][VADDR >> 30 & 511] = 0;
	assert_int_equal(look(g, &r), 0);
	assert_int_equal(r.unreadable, 3000);
	free(g);
}

static void tree(void **state)
{
	struct emt_pv_read r;
	struct got *g = malloc(sizeof(*g));
	uint64_t v[] = { 2000, 20, 0, 0, 0, 0 };

	(void)state;
	assert_non_null(g);
	build(2000);
	memcpy((uint8_t *)memory[1] + 3088, v, sizeof(v));
	memory[20][0] = 21;
	for (unsigned int i = 1; i < 512; i++)
		memory[20][i] = memory[21][i] = ~0ull;
	memory[21][0] = 8;
	memory[21][2] = 10;
	memory[21][3] = FRAMES + 5;
	assert_int_equal(look(g, &r), 0);
	assert_int_equal(r.untold, 512);
	assert_int_equal(r.unreadable, 2000 - 3 * 512);
	assert_int_equal(g->kind[511], 'f');
	assert_int_equal(g->kind[512], 'x');
	assert_int_equal(g->mfn[1024], 0x1000 + 1024);
	free(g);
}

/* Two read-only pages with nothing in them stand for missing and identity: told apart by
 * the kernel, or by whether RAM is among what they stand for. */
static void shared_pages(void **state)
{
	struct emt_ranges e820 = { NULL, 0, 0 };
	struct emt_pv_reader r = { .mem = { frame, NULL }, .entry = entry, .fill = fill };
	struct got *g = calloc(1, sizeof(*g));
	struct emt_pv_read read;

	(void)state;
	assert_non_null(g);
	build(4096);
	memset(memory[50], 0xff, sizeof(memory[50]));
	memset(memory[51], 0xff, sizeof(memory[51]));
	/* list pages 2 and 5: 50; 3, 6 and 7: 51. RAM but for 1536 to 2047, the rest is not given */
	memory[5][2] = memory[5][5] = 50 << 12 | 1;
	memory[5][3] = memory[5][6] = memory[5][7] = 51 << 12 | 1;
	assert_int_equal(emt_ranges_add(&e820, 0, 1535, 1, EMT_KNOWN), 0);
	assert_int_equal(emt_ranges_add(&e820, 2048, 4095, 1, EMT_KNOWN), 0);
	emt_pv_shared_of(memory[1], &r.shared);
	r.list = emt_pv_list_of(&r.shared);
	r.arg = g;
	r.e820 = &e820;
	r.end = 3072;
	assert_int_equal(emt_pv_list_read(&r, &read, NULL), 0);
	assert_int_equal(read.assumed, 5 * 512);
	for (unsigned int i = 0; i < 4096; i++) {
		unsigned int page = i / 512;

		assert_int_equal(g->kind[i], page == 2 || page == 5 ? 'm' : page == 3 || page >= 6 ? 'i' : 'f');
		if (g->kind[i] == 'i')
			assert_int_equal(g->mfn[i], i);
	}
	/* what is not given ends later: the other page stands for RAM too, and is "missing" */
	r.end = 4096;
	g->next = 0;
	assert_int_equal(emt_pv_list_read(&r, &read, NULL), 0);
	assert_int_equal(g->kind[3 * 512], 'm');
	/* the kernel says which is which: nothing is assumed */
	r.missing = 51;
	r.identity = 50;
	g->next = 0;
	assert_int_equal(emt_pv_list_read(&r, &read, NULL), 0);
	assert_int_equal(read.assumed, 0);
	assert_int_equal(g->kind[2 * 512], 'i');
	assert_int_equal(g->kind[7 * 512], 'm');
	/* a page of its own, with nothing in it, and a read-only one with frames are no such pages */
	r.missing = r.identity = 0;
	memory[5][2] = 50 << 12 | 3;
	memory[50][7] = 9;
	memory[5][5] = memory[5][2];
	g->next = 0;
	assert_int_equal(emt_pv_list_read(&r, &read, NULL), 0);
	assert_int_equal(read.assumed, 3 * 512);
	assert_int_equal(g->kind[2 * 512], 'm');
	assert_int_equal(g->kind[2 * 512 + 7], 'f');
	emt_ranges_free(&e820);
	free(g);
}

/* The tree as kernels of 2.6.39 to 4.2 build it: shared pages have frames too. */
static void shared_leaves(void **state)
{
	/* leaves by pfn / 512: RAM 0, 1 missing twice, 3 empty of its own; hole 4 to 6; 7 RAM, 8 a hole */
	static const struct { uint64_t mfn; char kind; } leaf[] = {
		{ 8, 'f' }, { 50, 'm' }, { 50, 'm' }, { 52, 'm' }, { 51, 'i' }, { 51, 'i' }, { 53, 'x' }, { 9, 'f' },
		{ 51, 'i' },
	};
	const unsigned int n = EMT_ARRAY_SIZE(leaf);
	struct emt_ranges e820 = { NULL, 0, 0 };
	uint64_t v[] = { n * 512, 20, 0, 0, 0, 0 };
	struct emt_pv_reader r = { .mem = { frame, NULL }, .entry = entry, .fill = fill, .end = n * 512, .e820 = &e820 };
	struct got *g = malloc(sizeof(*g));
	struct emt_pv_read read;

	(void)state;
	assert_non_null(g);
	_Static_assert(EMT_ARRAY_SIZE(leaf) * 512 <= 4608, "fits");
	memset(g, 0, sizeof(*g));
	memset(g->kind, 'x', sizeof(g->kind));
	build(8 * 512);
	memcpy((uint8_t *)memory[1] + 3088, v, sizeof(v));
	for (unsigned int p = 50; p < 54; p++)
		memset(memory[p], 0xff, sizeof(memory[p]));
	memory[20][0] = 21;
	for (unsigned int i = 0; i < n; i++)
		memory[21][i] = leaf[i].mfn;
	assert_int_equal(emt_ranges_add(&e820, 0, 4 * 512 - 1, 1, EMT_KNOWN), 0);
	assert_int_equal(emt_ranges_add(&e820, 7 * 512, 8 * 512 - 1, 1, EMT_KNOWN), 0);
	emt_pv_shared_of(memory[1], &r.shared);
	r.list = emt_pv_list_of(&r.shared);
	assert_int_equal(r.list, EMT_PV_LIST_TREE);
	r.arg = g;
	assert_int_equal(emt_pv_list_read(&r, &read, NULL), 0);
	for (unsigned int i = 0; i < n * 512; i++)
		assert_int_equal(g->kind[i], leaf[i / 512].kind);
	assert_int_equal(read.assumed, 5 * 512);
	assert_int_equal(read.untold, 512); /* 53: empty, used once, in a hole */
	assert_int_equal(read.entries, 8 * 512);
	assert_int_equal(read.unreadable, 0);
	emt_ranges_free(&e820);
	free(g);
}

static void nothing(void **state)
{
	struct emt_pv_shared s = { 1000, 5, 0x5000, VADDR, 0 };

	(void)state;
	assert_int_equal(emt_pv_list_of(&s), EMT_PV_LIST_LINEAR);
	s.vaddr = 0x1000; /* not the kernel's half */
	assert_int_equal(emt_pv_list_of(&s), EMT_PV_LIST_TREE);
	s.tree = ~0ull;
	assert_int_equal(emt_pv_list_of(&s), EMT_PV_LIST_NONE);
	s = (struct emt_pv_shared){ 1ull << 50, 5, 0x5000, VADDR, 0 };
	assert_int_equal(emt_pv_list_of(&s), EMT_PV_LIST_NONE);
	memset(memory, 0, sizeof(memory));
	assert_int_equal(look(&(struct got){ .next = 0 }, &(struct emt_pv_read){ 0 }), EMT_E_UNSUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(linear), cmocka_unit_test(tree), cmocka_unit_test(shared_pages), cmocka_unit_test(shared_leaves),
		cmocka_unit_test(nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
