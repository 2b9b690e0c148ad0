/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes between two walks against the flush rules: every changed page is judged once,
 * doubts show as doubts, and memory types are nobody's business.
 */
#include "common.h"

#include <string.h>

#include "audit/flush_between.h"

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
	rc = emt_flush_between(f, &rel, d, out, n);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_change), cmocka_unit_test(groups_join), cmocka_unit_test(types_of_memory),
		cmocka_unit_test(doubts),      cmocka_unit_test(not_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
