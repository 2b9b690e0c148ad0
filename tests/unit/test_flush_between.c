/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes between two walks against the flush rules: every changed page is judged once,
 * doubts show as doubts, and memory types are nobody's business.
 */
#include "common.h"

#include <string.h>

#include "audit/flush_between.h"
#include "audit/typed.h"

struct walk {
	struct emt_run run[64];
	size_t n, at;
};

static int next(void *arg, struct emt_run *run)
{
	struct walk *w = arg;

	if (w->at == w->n)
		return 0;
	*run = w->run[w->at++];
	return 1;
}

/* 'count' entries of 'order' at 'gfn'. */
static void put(struct walk *w, uint64_t gfn, uint64_t mfn, uint64_t count, unsigned int order, unsigned int perm,
		unsigned int p2mt)
{
	w->run[w->n++] = (struct emt_run){ .gfn = gfn, .mfn = mfn, .count = count, .order = (uint8_t)order,
					   .perm = (uint8_t)perm, .emt = EMT_MT_WB, .p2mt = (uint8_t)p2mt,
					   .access = 0xff };
}

static struct emt_facts facts_of(enum emt_paging paging, int iommu, int shared)
{
	struct emt_facts f;

	emt_facts_init(&f);
	f.paging = (uint8_t)paging;
	if (iommu >= 0)
		emt_facts_set(&f, EMT_FACT_DOMAIN_IOMMU, EMT_KNOWN, "test");
	if (shared >= 0)
		emt_facts_set(&f, EMT_FACT_IOMMU_SHARED, EMT_KNOWN, "test");
	f.domain_iommu = iommu == 1;
	f.iommu_shared = shared == 1;
	return f;
}

static struct emt_flush_group out[EMT_FLUSH_GROUPS];
static const struct emt_facts *types_before; /* facts of the older walk, where a test has any */

static enum emt_flush_not judge(const char *release, const struct emt_facts *f, struct walk *a, struct walk *b, size_t *n)
{
	struct emt_diff_input x = { next, a, NULL }, y = { next, b, NULL };
	struct emt_release rel;
	struct emt_diff *d;
	enum emt_flush_not rc;

	a->at = b->at = 0;
	assert_int_equal(emt_release_parse(&rel, release, false, NULL), 0);
	assert_int_equal(emt_diff_new(&d), 0);
	assert_int_equal(emt_diff_merge(d, &x, &y), 0);
	rc = emt_flush_between(types_before, f, &rel, d, out, n);
	emt_diff_free(d);
	return rc;
}

#define RWX (EMT_R | EMT_W | EMT_X)

static void each_change(void **state)
{
	struct emt_facts f = facts_of(EMT_PAGING_EPT, 1, 1);
	struct walk a = { .n = 0 }, b = { .n = 0 };
	uint64_t pages = 0;
	size_t n;

	(void)state;
	put(&a, 0, 0x10000, 16, 0, RWX, EMT_P2M_RAM_RW); /* stays */
	put(&b, 0, 0x10000, 16, 0, RWX, EMT_P2M_RAM_RW);
	put(&a, 0x20, 0x10020, 4, 0, RWX, EMT_P2M_RAM_RW); /* read-only */
	put(&b, 0x20, 0x10020, 4, 0, EMT_R | EMT_X, EMT_P2M_RAM_RO);
	put(&a, 0x40, 0x10040, 8, 0, RWX, EMT_P2M_RAM_RW); /* goes */
	put(&a, 0x60, 0x10060, 2, 0, RWX, EMT_P2M_RAM_RW); /* another frame */
	put(&b, 0x60, 0x20060, 2, 0, RWX, EMT_P2M_RAM_RW);
	put(&b, 0x80, 0x10080, 1, 0, RWX, EMT_P2M_RAM_RW); /* comes */
	put(&a, 0x200, 0x10200, 512, 0, RWX, EMT_P2M_RAM_RW); /* joined */
	put(&b, 0x200, 0x10200, 1, 9, RWX, EMT_P2M_RAM_RW);
	put(&a, 0x400, 0x10400, 1, 9, RWX, EMT_P2M_RAM_RW); /* split */
	put(&b, 0x400, 0x10400, 512, 0, RWX, EMT_P2M_RAM_RW);
	assert_int_equal(judge("4.5.1", &f, &a, &b, &n), EMT_FLUSH_JUDGED);
	assert_true(n > 0);
	assert_int_equal(out[0].worst.verdict, EMT_FL_MISSED);
	assert_int_equal(out[0].worst.change, EMT_FLC_PERM);
	assert_true(out[0].certain && out[0].shared);
	assert_int_equal(out[0].at.frames, 4);
	assert_int_equal(out[0].at.v[0].first, 0x20);
	for (size_t i = 0; i < n; i++) {
		pages += out[i].at.frames;
		if (i)
			assert_int_not_equal(out[i].worst.verdict, EMT_FL_MISSED);
	}
	/* all but what stays and what is only split */
	assert_int_equal(pages, 4 + 8 + 2 + 1 + 512);
	/* mended */
	assert_int_equal(judge("4.5.2", &f, &a, &b, &n), EMT_FLUSH_JUDGED);
	for (size_t i = 0; i < n; i++)
		assert_true(out[i].worst.verdict < EMT_FL_BY_DESIGN);
	/* NPT before 4.5, shared: what goes stays reachable */
	f = facts_of(EMT_PAGING_NPT, 1, 1);
	assert_int_equal(judge("4.4.0", &f, &a, &b, &n), EMT_FLUSH_JUDGED);
	pages = 0;
	for (size_t i = 0; i < n; i++)
		pages += out[i].worst.verdict == EMT_FL_MISSED ? out[i].at.frames : 0;
	assert_int_equal(pages, 4 + 8);
}

/* Pages of one kind in several groups of the diff become one. */
static void groups_join(void **state)
{
	struct emt_facts f = facts_of(EMT_PAGING_NPT, 1, 0);
	struct walk a = { .n = 0 }, b = { .n = 0 };
	size_t n;

	(void)state;
	put(&a, 0x10, 0x10010, 1, 0, RWX, EMT_P2M_RAM_RW);
	put(&a, 0x20, 0x10020, 1, 0, EMT_R | EMT_X, EMT_P2M_RAM_RO);
	put(&a, 0x30, 0x10030, 1, 0, RWX, EMT_P2M_RAM_RW);
	put(&a, 0x31, 0x10331, 1, 0, EMT_R | EMT_X, EMT_P2M_RAM_RO);
	assert_int_equal(judge("4.17.7", &f, &a, &b, &n), EMT_FLUSH_JUDGED);
	assert_int_equal(n, 1);
	assert_int_equal(out[0].worst.change, EMT_FLC_REMOVED);
	assert_int_equal(out[0].at.frames, 4);
	assert_int_equal(out[0].at.nr, 3);
	assert_int_equal(out[0].at.v[2].first, 0x30);
	assert_int_equal(out[0].at.v[2].last, 0x31);
}

static void types_of_memory(void **state)
{
	struct emt_facts f = facts_of(EMT_PAGING_EPT, 1, -1);
	struct walk a = { .n = 0 }, b = { .n = 0 };
	size_t n;

	(void)state;
	put(&a, 0, 0x10000, 4, 0, RWX, EMT_P2M_UNKNOWN);
	put(&b, 0, 0x10000, 4, 0, RWX, EMT_P2M_UNKNOWN);
	b.run[0].emt = EMT_MT_UC;
	assert_int_equal(judge("4.1.0", &f, &a, &b, &n), EMT_FLUSH_JUDGED);
	assert_int_equal(n, 0);
}

/* What is not shown or not known makes doubts, and names what would end them. */
static void doubts(void **state)
{
	struct emt_facts f = facts_of(EMT_PAGING_EPT, 1, -1);
	struct walk a = { .n = 0 }, b = { .n = 0 };
	size_t n;

	(void)state;
	put(&a, 0, 0x10000, 4, 0, RWX, EMT_P2M_UNKNOWN);
	put(&b, 0, 0x10000, 4, 0, EMT_R | EMT_X, EMT_P2M_UNKNOWN);
	assert_int_equal(judge("4.17.7", &f, &a, &b, &n), EMT_FLUSH_JUDGED);
	assert_int_equal(n, 1);
	/* as a rule, log-dirty mode; mem_access or a type of its own are possible */
	assert_int_equal(out[0].worst.verdict, EMT_FL_BY_DESIGN);
	assert_false(out[0].certain);
	assert_true(out[0].shared);
	assert_true(out[0].facts & 1ull << EMT_FACT_IOMMU_SHARED);
	assert_true(out[0].facts & 1ull << EMT_FACT_P2M_TYPES);
	/* the same with types: mem_access */
	a.run[0].p2mt = b.run[0].p2mt = EMT_P2M_RAM_RW;
	f = facts_of(EMT_PAGING_EPT, 1, 1);
	assert_int_equal(judge("4.17.7", &f, &a, &b, &n), EMT_FLUSH_JUDGED);
	assert_int_equal(n, 1);
	assert_int_equal(out[0].worst.change, EMT_FLC_ACCESS);
	assert_int_equal(out[0].worst.verdict, EMT_FL_MISSED);
	assert_true(out[0].certain);
	f = facts_of(EMT_PAGING_EPT, 1, 0);
	assert_int_equal(judge("4.17.7", &f, &a, &b, &n), EMT_FLUSH_JUDGED);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(out[i].worst.verdict, EMT_FL_OK);
}

static void not_judged(void **state)
{
	struct emt_facts f = facts_of(EMT_PAGING_EPT, 0, 0);
	struct walk a = { .n = 0 }, b = { .n = 0 };
	size_t n;

	(void)state;
	put(&a, 0, 0x10000, 4, 0, RWX, EMT_P2M_RAM_RW);
	assert_int_equal(judge("4.1.0", &f, &a, &b, &n), EMT_FLUSH_NO_IOMMU);
	assert_int_equal(n, 0);
	f = facts_of(EMT_PAGING_EPT, -1, -1);
	assert_int_equal(judge("4.1.0", &f, &a, &b, &n), EMT_FLUSH_UNKNOWN);
	f = facts_of(EMT_PAGING_PV, 1, 0);
	assert_int_equal(judge("4.1.0", &f, &a, &b, &n), EMT_FLUSH_NO_RULES);
	f = facts_of(EMT_PAGING_EPT, 1, 0);
	assert_int_equal(judge("kvm 6.1", &f, &a, &b, &n), EMT_FLUSH_NO_RULES);
}

/* Types that only facts state count like those that entries show. */
static void stated_types(void **state)
{
	struct emt_facts before = facts_of(EMT_PAGING_EPT, 1, 0), f = facts_of(EMT_PAGING_EPT, 1, 0);
	struct walk a = { .n = 0 }, b = { .n = 0 };
	size_t n;

	(void)state;
	put(&a, 0x10, 0x10010, 4, 0, RWX, EMT_P2M_UNKNOWN);
	put(&b, 0x10, 0x10010, 4, 0, EMT_R | EMT_X, EMT_P2M_UNKNOWN);
	types_before = &before;
	assert_int_equal(judge("4.5.1", &f, &a, &b, &n), EMT_FLUSH_JUDGED);
	assert_int_equal(n, 1);
	assert_false(out[0].certain);
	assert_true(out[0].facts >> EMT_FACT_P2M_TYPES & 1);
	assert_int_equal(emt_ranges_add(&before.p2m_types, 0, 0x100, EMT_P2M_RAM_RW, EMT_KNOWN), 0);
	assert_int_equal(emt_ranges_add(&f.p2m_types, 0x10, 0x12, EMT_P2M_RAM_RO, EMT_KNOWN), 0);
	judge("4.5.1", &f, &a, &b, &n);
	assert_false(out[0].certain); /* a page of them is not told */
	assert_int_equal(emt_ranges_add(&f.p2m_types, 0x13, 0x13, EMT_P2M_RAM_RO, EMT_ASSUMED), 0);
	judge("4.5.1", &f, &a, &b, &n);
	assert_false(out[0].certain); /* or is only assumed */
	f.p2m_types.v[1].held = EMT_KNOWN;
	judge("4.5.1", &f, &a, &b, &n);
	assert_true(out[0].certain);
	assert_int_equal(out[0].worst.verdict, EMT_FL_MISSED);
	assert_int_equal(out[0].worst.change, EMT_FLC_PERM);
	assert_int_equal(emt_flush_severity(&out[0]), EMT_SEV_ERROR);
	judge("4.17.7", &f, &a, &b, &n);
	assert_true(out[0].certain);
	assert_int_equal(out[0].worst.verdict, EMT_FL_OK);
	types_before = NULL;
	emt_facts_free(&before);
	emt_facts_free(&f);
}

static struct emt_run parts[16];
static size_t nr_parts;

static int keep_part(const struct emt_run *run, void *arg)
{
	(void)arg;
	assert_true(nr_parts < EMT_ARRAY_SIZE(parts));
	parts[nr_parts++] = *run;
	return 0;
}

/* A run is cut where the stated type changes, and nothing of it is lost. */
static void typed_runs(void **state)
{
	struct emt_run run = { .gfn = 0x10, .mfn = 0x1010, .count = 0x30, .perm = RWX, .p2mt = EMT_P2M_UNKNOWN };
	static const struct {
		uint64_t gfn, count;
		uint8_t type;
	} want[] = { { 0x10, 0x8, EMT_P2M_UNKNOWN }, { 0x18, 0x8, EMT_P2M_RAM_RO }, { 0x20, 0x4, EMT_P2M_SHARED },
		     { 0x24, 0x1c, EMT_P2M_UNKNOWN } };
	struct emt_facts f;

	(void)state;
	emt_facts_init(&f);
	nr_parts = 0;
	assert_int_equal(emt_typed_run(&f, &run, keep_part, NULL), 0);
	assert_int_equal(nr_parts, 1);
	emt_ranges_add(&f.p2m_types, 0x18, 0x1f, EMT_P2M_RAM_RO, EMT_KNOWN);
	emt_ranges_add(&f.p2m_types, 0x20, 0x23, EMT_P2M_SHARED, EMT_KNOWN);
	emt_ranges_add(&f.p2m_types, 0x24, 0x27, EMT_P2M_RAM_RO, EMT_ASSUMED);
	emt_ranges_add(&f.p2m_types, 0x200, 0x5ff, EMT_P2M_RAM_RO, EMT_KNOWN);
	nr_parts = 0;
	assert_int_equal(emt_typed_run(&f, &run, keep_part, NULL), 0);
	/* two parts in a row may have the same type: the last is the assumed one and the rest */
	assert_int_equal(nr_parts, 5);
	parts[3].count += parts[4].count;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(want); i++) {
		assert_int_equal(parts[i].gfn, want[i].gfn);
		assert_int_equal(parts[i].mfn, 0x1000 + want[i].gfn);
		assert_int_equal(parts[i].count, want[i].count);
		assert_int_equal(parts[i].p2mt, want[i].type);
	}
	/* superpages: the type of their first gfn; one that shows its own keeps it */
	run = (struct emt_run){ .gfn = 0, .mfn = 0, .count = 4, .order = 9, .p2mt = EMT_P2M_UNKNOWN };
	nr_parts = 0;
	emt_typed_run(&f, &run, keep_part, NULL);
	assert_int_equal(nr_parts, 3);
	assert_int_equal(parts[0].count, 1);
	assert_int_equal(parts[1].p2mt, EMT_P2M_RAM_RO);
	assert_int_equal(parts[1].count, 2);
	assert_int_equal(parts[2].gfn, 0x600);
	run.p2mt = EMT_P2M_RAM_RW;
	nr_parts = 0;
	emt_typed_run(&f, &run, keep_part, NULL);
	assert_int_equal(nr_parts, 1);
	emt_facts_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_change), cmocka_unit_test(groups_join), cmocka_unit_test(types_of_memory),
		cmocka_unit_test(doubts),      cmocka_unit_test(not_judged),
		cmocka_unit_test(stated_types), cmocka_unit_test(typed_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
