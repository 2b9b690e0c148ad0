/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IOMMU audit: the merge against a page-by-page comparison on random tables, and
 * the severity of each finding.
 */
#include "common.h"

#include <stdlib.h>
#include <string.h>

#include "audit/iommu.h"

#define PAGES 2048
#define RUNS 2048
#define RWX (EMT_R | EMT_W | EMT_X)
#define RW (EMT_R | EMT_W)

static struct emt_run p2m[RUNS];
static struct emt_dfn_run table[RUNS];

/* Types of this test and what devices may do by them in 4.17. */
static const struct {
	uint8_t type, perm, dev;
} kinds[] = {
	{ EMT_P2M_RAM_RW, RWX, RW },      { EMT_P2M_RAM_RO, EMT_R | EMT_X, EMT_R }, { EMT_P2M_SHARED, EMT_R | EMT_X, 0 },
	{ EMT_P2M_MMIO_DIRECT, RWX, RW }, { EMT_P2M_GRANT_RO, EMT_R, EMT_R },       { EMT_P2M_PAGING_OUT, 0, 0 },
};

static enum emt_frame_owner owner(void *arg, uint64_t mfn, uint32_t *domid)
{
	(void)arg;
	*domid = 7;
	return (enum emt_frame_owner)(mfn / 3 % EMT_FRAME_OWNER_NR);
}

static void random_tables(void **state)
{
	uint64_t seed = emt_test_seed();
	struct emt_facts f;
	struct emt_release rel;

	(void)state;
	emt_facts_init(&f);
	assert_int_equal(emt_release_parse(&rel, "4.17.7", false, NULL), 0);
	for (unsigned int round = 0; round < 300; round++) {
		static uint64_t pf[PAGES], tf[PAGES]; /* frame at a dfn, 0 = none */
		static uint8_t pp[PAGES], tp[PAGES];
		uint64_t want[EMT_IOMMU_KIND_NR] = { 0 }, ok = 0, listed[EMT_IOMMU_KIND_NR] = { 0 };
		struct emt_iommu_audit *a;
		size_t n = 0, t = 0;

		memset(pf, 0, sizeof(pf));
		memset(tf, 0, sizeof(tf));
		for (uint64_t g = emt_rand_below(&seed, 9); g < PAGES && n < RUNS;) {
			unsigned int k = (unsigned int)emt_rand_below(&seed, EMT_ARRAY_SIZE(kinds));
			bool big = !(g % 512) && emt_rand_below(&seed, 2);
			uint64_t count = big ? 1 : 1 + emt_rand_below(&seed, 30), frames = big ? 512 : count;

			if (g + frames > PAGES)
				break;
			p2m[n++] = (struct emt_run){ .gfn = g, .mfn = 0x10000 + g, .count = count,
						     .order = big ? 9 : 0, .perm = kinds[k].perm,
						     .p2mt = kinds[k].type, .access = 7 };
			for (uint64_t i = 0; i < frames; i++) {
				pf[g + i] = 0x10000 + g + i;
				pp[g + i] = kinds[k].dev;
			}
			g += frames + (emt_rand_below(&seed, 3) ? 0 : emt_rand_below(&seed, 40));
		}
		for (uint64_t d = emt_rand_below(&seed, 9); d < PAGES && t < RUNS;) {
			uint64_t frames = 1 + emt_rand_below(&seed, 100), mfn = 0x10000 + d;
			uint8_t perm = (uint8_t)(1 + 2 * emt_rand_below(&seed, 2));

			if (d + frames > PAGES)
				break;
			if (!emt_rand_below(&seed, 6))
				mfn += 0x100;
			table[t++] = (struct emt_dfn_run){ d, mfn, frames, perm };
			for (uint64_t i = 0; i < frames; i++) {
				tf[d + i] = mfn + i;
				tp[d + i] = perm;
			}
			d += frames + (emt_rand_below(&seed, 3) ? 0 : emt_rand_below(&seed, 40));
		}
		for (unsigned int i = 0; i < PAGES; i++) {
			uint8_t exp = pf[i] ? pp[i] : 0, act = tf[i] ? tp[i] : 0;

			if (act && (!exp || pf[i] != tf[i]))
				want[EMT_IOMMU_STALE]++;
			else if (!act && exp)
				want[EMT_IOMMU_MISSING]++;
			else if (act && act != exp)
				want[EMT_IOMMU_PERMISSION]++;
			else
				ok += act != 0;
		}
		assert_int_equal(emt_iommu_audit_new(&a, &(struct emt_iommu_audit_opts){
			.facts = &f, .rel = &rel, .table = table, .nr_table = t, .owner = owner }), 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(emt_iommu_audit_run(a, &p2m[i]), 0);
		assert_int_equal(emt_iommu_audit_finish(a), 0);
		for (size_t i = 0; i < emt_iommu_audit_count(a); i++) {
			const struct emt_iommu_finding *x = emt_iommu_audit_get(a, i);

			listed[x->kind] += x->at.frames;
			assert_true(x->certain);
			if (i)
				assert_true(x->severity <= emt_iommu_audit_get(a, i - 1)->severity);
			if (x->kind == EMT_IOMMU_STALE && x->actual & EMT_W)
				assert_int_equal(x->severity == EMT_SEV_CRITICAL,
						 x->owner == EMT_FRAME_OTHER || x->owner == EMT_FRAME_XEN ||
							 x->owner == EMT_FRAME_FREE);
			if (x->kind == EMT_IOMMU_STALE)
				assert_int_equal(x->owner, x->first_mfn / 3 % EMT_FRAME_OWNER_NR);
		}
		assert_int_equal(emt_iommu_audit_summary(a)->ok, ok);
		for (unsigned int k = 0; k < EMT_IOMMU_KIND_NR; k++) {
			assert_int_equal(emt_iommu_audit_summary(a)->bad[k], want[k]);
			assert_int_equal(listed[k], want[k]);
		}
		emt_iommu_audit_free(a);
	}
}

/* One page: expected by 'p2mt', reached with 'actual'. */
static struct emt_iommu_finding one(const char *release, unsigned int p2mt, unsigned int perm, unsigned int actual,
				    size_t *n)
{
	struct emt_run run = { .gfn = 5, .mfn = 0x105, .count = 1, .perm = (uint8_t)perm, .p2mt = (uint8_t)p2mt,
			       .access = 0xff };
	struct emt_dfn_run t = { 5, 0x105, 1, (uint8_t)actual };
	struct emt_iommu_finding f = { .severity = EMT_SEV_NR };
	struct emt_iommu_audit *a;
	struct emt_facts facts;
	struct emt_release rel;

	emt_facts_init(&facts);
	emt_facts_set_list(&facts, EMT_FACT_HOST_E820, EMT_KNOWN, EMT_KNOWN, "test");
	emt_ranges_add(&facts.host_e820, 0, 0xfff, 1, EMT_KNOWN);
	assert_int_equal(emt_release_parse(&rel, release, false, NULL), 0);
	assert_int_equal(emt_iommu_audit_new(&a, &(struct emt_iommu_audit_opts){
		.facts = &facts, .rel = &rel, .table = &t, .nr_table = actual ? 1 : 0 }), 0);
	assert_int_equal(emt_iommu_audit_run(a, &run), 0);
	assert_int_equal(emt_iommu_audit_finish(a), 0);
	*n = emt_iommu_audit_count(a);
	if (*n)
		f = *emt_iommu_audit_get(a, 0);
	emt_iommu_audit_free(a);
	emt_facts_free(&facts);
	return f;
}

static void types_and_releases(void **state)
{
	struct emt_iommu_finding f;
	size_t n;

	(void)state;
	/* more than the type gives; less */
	f = one("4.17.7", EMT_P2M_RAM_RO, EMT_R | EMT_X, RW, &n);
	assert_int_equal(f.kind, EMT_IOMMU_PERMISSION);
	assert_int_equal(f.severity, EMT_SEV_ERROR);
	f = one("4.17.7", EMT_P2M_RAM_RW, RWX, EMT_R, &n);
	assert_int_equal(f.kind, EMT_IOMMU_PERMISSION);
	assert_int_equal(f.severity, EMT_SEV_WARNING);
	/* device memory: for devices since 4.9 */
	f = one("4.8.5", EMT_P2M_MMIO_DIRECT, RWX, RW, &n);
	assert_int_equal(f.kind, EMT_IOMMU_STALE);
	(void)one("4.9.0", EMT_P2M_MMIO_DIRECT, RWX, RW, &n);
	assert_int_equal(n, 0);
	f = one("4.9.0", EMT_P2M_MMIO_DIRECT, RWX, 0, &n);
	assert_int_equal(f.kind, EMT_IOMMU_MISSING);
	assert_int_equal(f.severity, EMT_SEV_NOTICE);
	(void)one("4.17.7", EMT_P2M_MMIO_DIRECT, EMT_R | EMT_X, EMT_R, &n); /* read-only */
	assert_int_equal(n, 0);
	/* before 4.5 devices have ram_rw alone */
	f = one("4.4.0", EMT_P2M_GRANT_RW, RW, RW, &n);
	assert_int_equal(f.kind, EMT_IOMMU_STALE);
	(void)one("4.5.0", EMT_P2M_GRANT_RW, RW, RW, &n);
	assert_int_equal(n, 0);
	/* no permissions printed: frames alone count */
	(void)one("4.14.0", EMT_P2M_RAM_RO, EMT_R | EMT_X, 0xff, &n);
	assert_int_equal(n, 0);
	f = one("4.14.0", EMT_P2M_SHARED, EMT_R | EMT_X, 0xff, &n);
	assert_int_equal(f.kind, EMT_IOMMU_STALE);
	assert_int_equal(f.severity, EMT_SEV_ERROR);
	/* types not shown: what is likely, and what is possible */
	(void)one("4.17.7", EMT_P2M_UNKNOWN, RWX, RW, &n);
	assert_int_equal(n, 0);
	(void)one("4.17.7", EMT_P2M_UNKNOWN, EMT_R | EMT_X, EMT_R, &n);
	assert_int_equal(n, 0);
	f = one("4.17.7", EMT_P2M_UNKNOWN, EMT_R | EMT_X, 0, &n);
	assert_int_equal(f.kind, EMT_IOMMU_MISSING);
	assert_false(f.certain);
	assert_int_equal(f.severity, EMT_SEV_NOTICE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_tables),
		cmocka_unit_test(types_and_releases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
