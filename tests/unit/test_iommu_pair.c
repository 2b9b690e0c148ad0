/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unmaps and their flushes: each unmap is told once, with what became of it.
 */
#include "common.h"

#include <string.h>

#include "audit/iommu_pair.h"

#define MS 1000000ull
#define DMA EMT_IOMMU_DOMAIN_DMA
#define LAZY EMT_IOMMU_DOMAIN_DMA_FQ

static struct emt_unmap told[64];
static size_t nr_told;
static int answer;

static int tell(const struct emt_unmap *u, void *arg)
{
	(void)arg;
	assert_true(nr_told < EMT_ARRAY_SIZE(told));
	told[nr_told++] = *u;
	return answer;
}

static struct emt_iommu_pair *begin(void)
{
	struct emt_pair_opts o = { .window_ns = MS, .give_up_ns = 100 * MS, .cb = tell };
	struct emt_iommu_pair *p;

	nr_told = 0;
	answer = 0;
	assert_int_equal(emt_iommu_pair_new(&p, &o), 0);
	return p;
}

static int event(struct emt_iommu_pair *p, enum emt_iommu_event_kind kind, uint64_t time, uint64_t domain,
		 enum emt_iommu_domain_type type, uint64_t iova, uint64_t last)
{
	struct emt_iommu_event e = { .kind = kind, .type = type, .time = time, .domain = domain, .iova = iova, .last = last };

	return emt_iommu_pair_event(p, &e);
}

static void in_time_late_deferred(void **state)
{
	struct emt_iommu_pair *p = begin();
	const struct emt_pair_sum *s = emt_iommu_pair_sum(p);

	(void)state;
	event(p, EMT_IOMMU_UNMAP, 10 * MS, 1, DMA, 0x1000, 0x1fff);
	event(p, EMT_IOMMU_FLUSH, 10 * MS, 2, DMA, 0x1000, 0x1fff); /* another domain's */
	event(p, EMT_IOMMU_FLUSH, 10 * MS, 1, DMA, 0x2000, 0x2fff); /* another range */
	event(p, EMT_IOMMU_FLUSH, 9 * MS, 1, DMA, 0x0, 0xffff);     /* before it */
	assert_int_equal(nr_told, 0);
	event(p, EMT_IOMMU_FLUSH, 10 * MS + 500, 1, DMA, 0x1000, 0x1fff);
	assert_int_equal(nr_told, 1);
	assert_int_equal(told[0].status, EMT_UNMAP_FLUSHED);
	assert_int_equal(told[0].after_ns, 500);
	assert_false(told[0].no_flush);
	/* exactly the window is in time, one more is not */
	event(p, EMT_IOMMU_UNMAP, 20 * MS, 1, DMA, 0x1000, 0x1fff);
	event(p, EMT_IOMMU_FLUSH_ALL, 21 * MS, 1, DMA, 0, UINT64_MAX);
	assert_int_equal(told[1].status, EMT_UNMAP_FLUSHED);
	event(p, EMT_IOMMU_UNMAP, 30 * MS, 1, DMA, 0x1000, 0x1fff);
	event(p, EMT_IOMMU_FLUSH_ALL, 31 * MS + 1, 1, DMA, 0, UINT64_MAX);
	assert_int_equal(told[2].status, EMT_UNMAP_LATE);
	event(p, EMT_IOMMU_UNMAP, 40 * MS, 3, LAZY, 0x1000, 0x1fff);
	event(p, EMT_IOMMU_UNMAP, 41 * MS, 3, LAZY, 0x3000, 0x3fff);
	event(p, EMT_IOMMU_FLUSH_ALL, 50 * MS, 3, LAZY, 0, UINT64_MAX);
	assert_int_equal(nr_told, 5);
	assert_int_equal(told[3].status, EMT_UNMAP_DEFERRED);
	assert_int_equal(told[3].after_ns, 10 * MS);
	assert_int_equal(told[4].after_ns, 9 * MS);
	assert_int_equal(emt_iommu_pair_finish(p, 60 * MS), 0);
	assert_int_equal(nr_told, 5);
	assert_int_equal(s->unmaps[EMT_UNMAP_DEFERRED], 2);
	assert_int_equal(s->bytes[EMT_UNMAP_FLUSHED], 0x2000);
	assert_int_equal(s->longest_ns, 10 * MS);
	/* five: 500 ns, 1 ms, 1 ms, 9 ms, 10 ms */
	assert_in_range(emt_pair_quantile(s, 20), 500, 1000);
	assert_in_range(emt_pair_quantile(s, 50), MS, 2 * MS + 100000);
	assert_int_equal(emt_pair_quantile(s, 100), 10 * MS);
	emt_iommu_pair_free(p);
}

static void parts(void **state)
{
	struct emt_iommu_pair *p = begin();
	struct emt_iommu_event e = { .kind = EMT_IOMMU_UNMAP, .type = DMA, .time = 20 * MS, .began = 19 * MS, .domain = 1,
				     .iova = 0x0, .last = 0x5fff };

	(void)state;
	/* two flushes cover it together; one in its middle does not */
	event(p, EMT_IOMMU_UNMAP, 10 * MS, 1, DMA, 0x1000, 0x4fff);
	event(p, EMT_IOMMU_FLUSH, 10 * MS + 1, 1, DMA, 0x2000, 0x2fff);
	event(p, EMT_IOMMU_FLUSH, 10 * MS + 2, 1, DMA, 0x0, 0x2fff);
	assert_int_equal(nr_told, 0);
	event(p, EMT_IOMMU_FLUSH, 10 * MS + 3, 1, DMA, 0x3000, 0x8fff);
	assert_int_equal(nr_told, 1);
	assert_int_equal(told[0].after_ns, 3);
	/* one that came while it was unmapped counts, one before it began does not */
	event(p, EMT_IOMMU_FLUSH, 18 * MS, 1, DMA, 0x3000, 0x5fff);
	event(p, EMT_IOMMU_FLUSH, 19 * MS + 5, 1, DMA, 0x0, 0x2fff);
	assert_int_equal(emt_iommu_pair_event(p, &e), 0);
	assert_int_equal(nr_told, 1);
	event(p, EMT_IOMMU_FLUSH, 20 * MS + 7, 1, DMA, 0x3000, 0x5fff);
	assert_int_equal(nr_told, 2);
	assert_int_equal(told[1].status, EMT_UNMAP_FLUSHED);
	assert_int_equal(told[1].after_ns, 7);
	/* a flush of another CPU that stands before it in the ring */
	event(p, EMT_IOMMU_FLUSH_ALL, 30 * MS + 9, 1, DMA, 0, UINT64_MAX);
	event(p, EMT_IOMMU_UNMAP, 30 * MS, 1, DMA, 0x1000, 0x1fff);
	assert_int_equal(nr_told, 3);
	assert_int_equal(told[2].after_ns, 9);
	/* the top of the address space */
	event(p, EMT_IOMMU_UNMAP, 40 * MS, 1, DMA, UINT64_MAX - 0xfff, UINT64_MAX);
	event(p, EMT_IOMMU_FLUSH, 40 * MS, 1, DMA, UINT64_MAX - 0xfff, UINT64_MAX);
	assert_int_equal(nr_told, 4);
	emt_iommu_pair_free(p);
}

static void never(void **state)
{
	struct emt_iommu_pair *p = begin();
	const struct emt_pair_sum *s = emt_iommu_pair_sum(p);

	(void)state;
	event(p, EMT_IOMMU_UNMAP, 10 * MS, 1, DMA, 0x1000, 0x1fff);
	event(p, EMT_IOMMU_UNMAP, 10 * MS, 2, LAZY, 0x1000, 0x1fff);
	assert_int_equal(emt_iommu_pair_clock(p, 109 * MS), 0);
	assert_int_equal(nr_told, 0);
	assert_int_equal(emt_iommu_pair_clock(p, 110 * MS), 0);
	assert_int_equal(nr_told, 2);
	assert_int_equal(told[0].status, EMT_UNMAP_MISSED);
	assert_int_equal(told[1].status, EMT_UNMAP_MISSED); /* lazy does not mean never */
	assert_true(told[0].no_flush);
	/* mapped again: it, what overlaps, and nothing else */
	event(p, EMT_IOMMU_UNMAP, 200 * MS, 1, DMA, 0x1000, 0x4fff);
	event(p, EMT_IOMMU_UNMAP, 200 * MS, 1, DMA, 0x8000, 0x8fff);
	event(p, EMT_IOMMU_MAP, 199 * MS, 1, DMA, 0x1000, 0x4fff); /* before */
	event(p, EMT_IOMMU_MAP, 201 * MS, 2, DMA, 0x1000, 0x4fff); /* another domain */
	event(p, EMT_IOMMU_MAP, 201 * MS, 1, DMA, 0x5000, 0x7fff);
	assert_int_equal(nr_told, 2);
	event(p, EMT_IOMMU_MAP, 202 * MS, 1, DMA, 0x4000, 0x5fff);
	assert_int_equal(nr_told, 3);
	assert_int_equal(told[2].status, EMT_UNMAP_REUSED);
	assert_int_equal(told[2].after_ns, 2 * MS);
	/* a domain that was not seen is not judged; the end, within and after the window */
	event(p, EMT_IOMMU_UNMAP, 210 * MS, 0, EMT_IOMMU_DOMAIN_UNKNOWN, 0x1000, 0x1fff);
	assert_int_equal(told[3].status, EMT_UNMAP_UNKNOWN);
	event(p, EMT_IOMMU_UNMAP, 220 * MS, 1, DMA, 0x1000, 0x1fff);
	event(p, EMT_IOMMU_UNMAP, 210 * MS, 2, LAZY, 0x1000, 0x1fff);
	assert_int_equal(emt_iommu_pair_finish(p, 220 * MS + 10), 0);
	assert_int_equal(nr_told, 7);
	assert_int_equal(s->unmaps[EMT_UNMAP_OPEN], 1);
	assert_int_equal(s->unmaps[EMT_UNMAP_DEFERRED], 1);
	assert_int_equal(s->unmaps[EMT_UNMAP_MISSED], 3);
	assert_int_equal(s->unmaps[EMT_UNMAP_REUSED], 1);
	assert_int_equal(emt_iommu_pair_finish(p, 300 * MS), 0);
	assert_int_equal(nr_told, 7);
	/* what the callback says is passed on */
	event(p, EMT_IOMMU_UNMAP, 300 * MS, 1, DMA, 0x1000, 0x1fff);
	answer = 7;
	assert_int_equal(event(p, EMT_IOMMU_FLUSH_ALL, 300 * MS, 1, DMA, 0, UINT64_MAX), 7);
	emt_iommu_pair_free(p);
}

/* Every unmap is told once, or counted as forgotten, however many wait. */
static void room(void **state)
{
	struct emt_pair_opts o = { .window_ns = MS, .give_up_ns = MS, .cb = tell };
	struct emt_iommu_pair *p;
	const struct emt_pair_sum *s;
	uint64_t n = 70000, all = 0;

	(void)state;
	nr_told = 0;
	answer = 0;
	assert_int_equal(emt_iommu_pair_new(&p, &o), 0);
	s = emt_iommu_pair_sum(p);
	for (uint64_t i = 0; i < n; i++)
		event(p, EMT_IOMMU_UNMAP, i, 1, DMA, i << 12, (i << 12) + 0xfff);
	assert_int_equal(s->forgotten, n - 65536);
	answer = 1; /* one at a time */
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(event(p, EMT_IOMMU_FLUSH, n + i, 1, DMA, (uint64_t)i << 12, ((uint64_t)i << 12) + 0xfff), 1);
	for (unsigned int i = 0; i < EMT_UNMAP_NR; i++)
		all += s->unmaps[i];
	assert_int_equal(all, 3);
	emt_iommu_pair_free(p);
}

/* What may be among lost events is not held against anybody. */
static void lossy(void **state)
{
	struct emt_iommu_pair *p = begin();

	(void)state;
	event(p, EMT_IOMMU_UNMAP, 10 * MS, 1, DMA, 0x1000, 0x1fff); /* waits when some are lost */
	event(p, EMT_IOMMU_UNMAP, 10 * MS, 1, DMA, 0x2000, 0x2fff);
	emt_iommu_pair_lossy(p, true);
	event(p, EMT_IOMMU_UNMAP, 11 * MS, 1, DMA, 0x3000, 0x3fff); /* comes meanwhile */
	event(p, EMT_IOMMU_UNMAP, 11 * MS, 1, DMA, 0x4000, 0x4fff);
	event(p, EMT_IOMMU_MAP, 11 * MS + 5, 1, DMA, 0x1000, 0x1fff);
	assert_int_equal(told[0].status, EMT_UNMAP_UNKNOWN);
	event(p, EMT_IOMMU_FLUSH, 11 * MS + 5, 1, DMA, 0x4000, 0x4fff); /* this one was there, in time */
	assert_int_equal(told[1].status, EMT_UNMAP_FLUSHED);
	emt_iommu_pair_lossy(p, false);
	event(p, EMT_IOMMU_UNMAP, 12 * MS, 1, DMA, 0x5000, 0x5fff);
	event(p, EMT_IOMMU_FLUSH, 20 * MS, 1, DMA, 0x2000, 0x2fff);
	assert_int_equal(told[2].status, EMT_UNMAP_UNKNOWN); /* late, or its second */
	assert_int_equal(emt_iommu_pair_clock(p, 500 * MS), 0);
	assert_int_equal(nr_told, 5);
	assert_int_equal(told[3].status, EMT_UNMAP_UNKNOWN);
	assert_int_equal(told[4].status, EMT_UNMAP_MISSED);
	emt_iommu_pair_free(p);
}

static void types(void **state)
{
	(void)state;
	assert_int_equal(emt_iommu_domain_type(1), EMT_IOMMU_DOMAIN_UNMANAGED);
	assert_int_equal(emt_iommu_domain_type(3), DMA);
	assert_int_equal(emt_iommu_domain_type(11), LAZY);
	assert_int_equal(emt_iommu_domain_type(4), EMT_IOMMU_DOMAIN_OTHER);
	for (unsigned int i = 0; i < EMT_IOMMU_DOMAIN_TYPES; i++)
		assert_non_null(emt_iommu_domain_type_name(i));
	for (unsigned int i = 0; i < EMT_UNMAP_NR; i++)
		assert_non_null(emt_unmap_status_name(i));
	assert_int_equal(emt_unmap_severity(EMT_UNMAP_REUSED), EMT_SEV_CRITICAL);
	assert_int_equal(emt_unmap_severity(EMT_UNMAP_DEFERRED), EMT_SEV_INFO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_time_late_deferred), cmocka_unit_test(parts), cmocka_unit_test(never),
		cmocka_unit_test(room), cmocka_unit_test(lossy), cmocka_unit_test(types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
