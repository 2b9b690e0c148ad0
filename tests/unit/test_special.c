/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Special, grant and foreign pages where the guest expects devices, release by release:
 * which are cached, and which defect is to blame.
 */
#include <string.h>

#include "audit/special.h"
#include "common.h"
#include "policy/defect.h"

#define HOLE 0xf0000ull

struct seen {
	struct emt_special_page s[8];
	unsigned int n;
};

static int take(const struct emt_special_page *s, void *arg)
{
	struct seen *x = arg;

	assert_true(x->n < 8);
	x->s[x->n++] = *s;
	return 0;
}

struct look {
	struct emt_engine *e;
	struct seen *seen;
};

static int piece(const struct emt_piece *p, void *arg)
{
	struct look *l = arg;

	return emt_special_of(l->e, p, take, l->seen);
}

/* A domain with an IOMMU whose guest has UC over gfn 0xf0000 and on. */
static void facts_of(struct emt_facts *f)
{
	emt_facts_init(f);
	f->paging = EMT_PAGING_EPT;
	emt_facts_set(f, EMT_FACT_PAGING, EMT_KNOWN, "test");
	f->domain_iommu = f->iommu_enabled = 1;
	emt_facts_set(f, EMT_FACT_DOMAIN_IOMMU, EMT_KNOWN, "test");
	emt_facts_set(f, EMT_FACT_IOMMU_ENABLED, EMT_KNOWN, "test");
	assert_int_equal(emt_ranges_add(&f->special, 0x5000, 0x5002, EMT_SPECIAL_XENHEAP, EMT_KNOWN), 0);
	assert_int_equal(emt_ranges_add(&f->special, 0x5003, 0x5003, EMT_SPECIAL_EXTRA, EMT_KNOWN), 0);
	assert_int_equal(emt_ranges_add(&f->valid, 0, 0x7ffff, 0, EMT_KNOWN), 0);
	assert_int_equal(emt_ranges_add(&f->host_e820, 0x100, 0x7ffff, 1, EMT_KNOWN), 0);
	assert_int_equal(emt_ranges_add(&f->iomem_caps, 0xfd000, 0xfd00f, 0, EMT_KNOWN), 0);
	for (int i = 0; i < EMT_FACT_NR; i++)
		if (i == EMT_FACT_IOMEM_CAPS || i == EMT_FACT_IOPORT_CAPS || i == EMT_FACT_VALID ||
		    i == EMT_FACT_SPECIAL || i == EMT_FACT_MMIO_RO || i == EMT_FACT_PINS || i == EMT_FACT_HOST_E820)
			emt_facts_set_list(f, (enum emt_fact_id)i, EMT_KNOWN, EMT_KNOWN, "test");
	assert_int_equal(emt_facts_vcpus(f, 1), 0);
	emt_mtrr_hold(&f->vcpu_mtrr[0], EMT_KNOWN);
	f->vcpu_mtrr[0].def_type = EMT_MT_WB;
	f->vcpu_mtrr[0].e = 1;
	f->vcpu_mtrr[0].vcnt = 8;
	f->vcpu_mtrr[0].var[0][0] = 0xf0000000;
	f->vcpu_mtrr[0].var[0][1] = 0xfff0000800;
	emt_facts_set(f, EMT_FACT_VCPU_MTRR, EMT_KNOWN, "test");
	emt_mtrr_hold(&f->host_mtrr, EMT_KNOWN);
	f->host_mtrr.def_type = EMT_MT_WB;
	f->host_mtrr.e = 1;
	emt_facts_set(f, EMT_FACT_HOST_MTRR, EMT_KNOWN, "test");
}

static void look(const char *release, uint64_t gfn, uint64_t mfn, uint64_t count, unsigned int emt, unsigned int ipat,
		 unsigned int p2mt, struct seen *seen)
{
	struct emt_run run = { .gfn = gfn, .mfn = mfn, .count = count, .perm = p2mt == EMT_P2M_GRANT_RW ? 3 : 7,
			       .emt = (uint8_t)emt, .ipat = (uint8_t)ipat, .p2mt = (uint8_t)p2mt, .access = 0xff };
	struct emt_facts f;
	struct look l = { NULL, seen };

	memset(seen, 0, sizeof(*seen));
	facts_of(&f);
	assert_int_equal(emt_engine_new(&l.e, &f, release, NULL), 0);
	assert_int_equal(emt_engine_run(l.e, &run, piece, &l), 0);
	emt_engine_free(l.e);
	emt_facts_free(&f);
}

/* ca24b2ffdb: 4.12.4, 4.13.2 (the Xen heap only), 4.14.1, 4.15.0. */
static void releases(void **state)
{
	static const struct { const char *release; bool heap, extra; } v[] = {
		{ "4.6.0", false, false },  { "4.11.4", false, false }, { "4.12.3", false, false },
		{ "4.12.4", true, false },  { "4.13.1", false, false }, { "4.13.2", true, false },
		{ "4.14.0", false, false }, { "4.14.1", true, true },   { "4.15.0", true, true },
		{ "4.17.7", true, true },   { "4.22.0", true, true },
	};

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(v); i++) {
		for (unsigned int extra = 0; extra < 2; extra++) {
			bool cached = extra ? v[i].extra : v[i].heap;
			uint64_t mfn = extra ? 0x5003 : 0x5000;
			struct seen s;

			look(v[i].release, HOLE, mfn, 1, cached ? EMT_MT_WB : EMT_MT_UC, cached, EMT_P2M_RAM_RW, &s);
			assert_int_equal(s.n, 1);
			assert_int_equal(s.s[0].what, extra ? EMT_SP_EXTRA : EMT_SP_XENHEAP);
			assert_true(s.s[0].hole);
			assert_int_equal(s.s[0].verdict, EMT_V_OK);
			assert_int_equal(s.s[0].cached, cached ? EMT_SPC_YES : EMT_SPC_NO);
			assert_int_equal(s.s[0].by_rule, cached ? EMT_SPC_YES : EMT_SPC_NO);
			if (!cached && !extra)
				assert_true(s.s[0].defects & 1u << emt_defect_by_id("KD8"));
			if (cached)
				assert_false(s.s[0].defects & 1u << emt_defect_by_id("KD8"));
			/* where the guest has memory, all is well with each */
			look(v[i].release, 0x1000, mfn, 1, EMT_MT_WB, cached, EMT_P2M_RAM_RW, &s);
			assert_int_equal(s.n, 1);
			assert_false(s.s[0].hole);
			assert_int_equal(s.s[0].cached, EMT_SPC_YES);
			assert_int_equal(s.s[0].by_rule, EMT_SPC_YES);
		}
	}
}

/* 8af4b47f06, 4.16.0: grant and foreign mappings. */
static void mappings(void **state)
{
	struct seen s;

	(void)state;
	for (unsigned int t = EMT_P2M_GRANT_RW; t <= EMT_P2M_FOREIGN; t += EMT_P2M_FOREIGN - EMT_P2M_GRANT_RW) {
		look("4.15.7", HOLE, 0x6000, 4, EMT_MT_UC, 0, t, &s);
		assert_int_equal(s.n, 1);
		assert_int_equal(s.s[0].what, t == EMT_P2M_FOREIGN ? EMT_SP_FOREIGN : EMT_SP_GRANT);
		assert_int_equal(s.s[0].frames, 4);
		assert_int_equal(s.s[0].cached, EMT_SPC_NO);
		assert_true(s.s[0].defects & 1u << emt_defect_by_id("KD9"));
		look("4.16.0", HOLE, 0x6000, 4, EMT_MT_WB, 1, t, &s);
		assert_int_equal(s.s[0].cached, EMT_SPC_YES);
		assert_int_equal(s.s[0].by_rule, EMT_SPC_YES);
	}
}

/* Only the special frames of a run, those alike joined; others and holes not at all. */
static void inside_a_run(void **state)
{
	struct seen s;

	(void)state;
	look("4.17.7", 0x1000, 0x4ffe, 8, EMT_MT_WB, 0, EMT_P2M_RAM_RW, &s);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.s[0].gfn, 0x1002);
	assert_int_equal(s.s[0].frames, 3);
	assert_int_equal(s.s[1].what, EMT_SP_EXTRA);
	assert_int_equal(s.s[1].gfn, 0x1005);
	look("4.17.7", 0x1000, 0x6000, 8, EMT_MT_WB, 0, EMT_P2M_RAM_RW, &s);
	assert_int_equal(s.n, 0);
	/* across the border of the hole */
	look("4.17.7", HOLE - 1, 0x5000, 2, EMT_MT_WB, 1, EMT_P2M_RAM_RW, &s);
	assert_int_equal(s.n, 2);
	assert_false(s.s[0].hole);
	assert_true(s.s[1].hole);
	/* the APIC access page is told from a passed-through one */
	look("4.14.6", 0xfee00, 0x6000, 1, EMT_MT_WB, 1, EMT_P2M_MMIO_DIRECT, &s);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.s[0].what, EMT_SP_APIC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(releases), cmocka_unit_test(mappings), cmocka_unit_test(inside_a_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
