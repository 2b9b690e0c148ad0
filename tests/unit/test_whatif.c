/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes against asking both engines page by page; facts as they would be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "audit/whatif.h"

#define PAGES 0x4000ull

static void facts_of(struct emt_facts *f)
{
	static const enum emt_fact_id lists[] = { EMT_FACT_IOMEM_CAPS, EMT_FACT_IOPORT_CAPS, EMT_FACT_VALID,
						  EMT_FACT_SPECIAL, EMT_FACT_MMIO_RO, EMT_FACT_PINS };
	struct emt_mtrr *m;

	emt_facts_init(f);
	assert_int_equal(emt_facts_vcpus(f, 1), 0);
	emt_facts_set(f, EMT_FACT_VCPU_MTRR, EMT_KNOWN, "test");
	m = f->vcpu_mtrr;
	m->e = 1;
	m->def_type = EMT_MT_WB;
	m->vcnt = 8;
	emt_mtrr_hold(m, EMT_KNOWN);
	f->host_mtrr = *m;
	emt_facts_set(f, EMT_FACT_HOST_MTRR, EMT_KNOWN, "test");
	f->domain_iommu = 1;
	emt_facts_set(f, EMT_FACT_DOMAIN_IOMMU, EMT_KNOWN, "test");
	for (size_t i = 0; i < EMT_ARRAY_SIZE(lists); i++)
		emt_facts_set_list(f, lists[i], EMT_KNOWN, EMT_KNOWN, "test");
	emt_ranges_add(&f->valid, 0, 0xfffff, 0, EMT_KNOWN);
}

static const struct emt_run ram[] = {
	{ .gfn = 0, .mfn = 0x20000, .count = 0x800, .perm = 7, .emt = EMT_MT_WB, .p2mt = EMT_P2M_RAM_RW },
	{ .gfn = 0x800,
	  .mfn = 0x20800,
	  .count = 12,
	  .order = 9,
	  .perm = 7,
	  .emt = EMT_MT_WB,
	  .p2mt = EMT_P2M_RAM_RW },
	{ .gfn = 0x2000,
	  .mfn = 0x22000,
	  .count = 0x2000,
	  .perm = 7,
	  .emt = EMT_MT_WB,
	  .p2mt = EMT_P2M_RAM_RW },
};

static void sum_is_page_by_page(struct emt_engine *a, struct emt_engine *b, struct emt_whatif_sum *got)
{
	uint64_t changed = 0, split = 0, grouped = 0;
	struct emt_whatif *w;

	assert_int_equal(emt_whatif_new(&w, a, b), 0);
	for (size_t i = 0; i < EMT_ARRAY_SIZE(ram); i++)
		assert_int_equal(emt_whatif_run(w, &ram[i]), 0);
	emt_whatif_finish(w);
	for (size_t i = 0; i < EMT_ARRAY_SIZE(ram); i++)
		for (uint64_t k = 0; k < ram[i].count; k++) {
			uint64_t gfn = ram[i].gfn + (k << ram[i].order),
				 mfn = ram[i].mfn + (k << ram[i].order);
			emt_outcomes x, y, free;

			emt_engine_expect(a, gfn, mfn, ram[i].order, 7, EMT_P2M_RAM_RW, &x, &free);
			emt_engine_expect(b, gfn, mfn, ram[i].order, 7, EMT_P2M_RAM_RW, &y, &free);
			changed += x != y;
			split += ram[i].order && y == EMT_SPLIT_BIT && x != y;
		}
	*got = *emt_whatif_summary(w);
	assert_int_equal(got->changed_entries, changed);
	assert_int_equal(got->split_entries, split);
	for (size_t i = 0; i < emt_whatif_count(w); i++)
		grouped += emt_whatif_get(w, i)->at.entries;
	assert_true(grouped >= changed);
	emt_whatif_free(w);
}

static void changes_are_page_by_page(void **state)
{
	struct emt_whatif_mtrr mtrr = {
		.vcpu = 0, .index = 2, .first = 0x1000, .last = 0x11ff, .type = EMT_MT_UC
	};
	struct emt_engine *a, *b;
	struct emt_whatif_sum s;
	struct emt_facts f;

	(void)state;
	facts_of(&f);
	assert_int_equal(emt_engine_new(&a, &f, "4.17.7", NULL), 0);
	sum_is_page_by_page(a, a, &s);
	assert_int_equal(s.changed_entries, 0);
	assert_int_equal(emt_whatif_pin(&f, 0x700, 0xbff, EMT_MT_WC, false, NULL), 0);
	assert_int_equal(emt_whatif_mtrr(&f, &mtrr, NULL), 0);
	assert_int_equal(emt_whatif_special(&f, 0x22010, 0x22013, NULL), 0);
	assert_int_equal(emt_engine_new(&b, &f, "4.17.7", NULL), 0);
	sum_is_page_by_page(a, b, &s);
	/* the pin: 256 pages and two superpages; the MTRR: one superpage; four special pages */
	assert_int_equal(s.changed_entries, 256 + 2 + 1 + 4);
	assert_int_equal(s.split_entries, 0);
	emt_engine_free(b);
	assert_int_equal(emt_whatif_unpin(&f, 0xb00, 0xbff, NULL), 0);
	assert_int_equal(emt_engine_new(&b, &f, "4.17.7", NULL), 0);
	sum_is_page_by_page(a, b, &s);
	assert_int_equal(s.split_entries, 1);
	emt_engine_free(b);
	assert_int_equal(emt_whatif_caps(&f, false, NULL), 0);
	emt_whatif_iommu(&f, false);
	assert_int_equal(emt_engine_new(&b, &f, "4.17.7", NULL), 0);
	sum_is_page_by_page(a, b, &s);
	assert_int_equal(s.changed_entries, s.entries);
	emt_engine_free(b);
	emt_engine_free(a);
	emt_facts_free(&f);
}

static void what_cannot_be_is_refused(void **state)
{
	struct emt_whatif_mtrr odd = { .vcpu = 0, .index = 1, .first = 0x1000, .last = 0x1234 };
	struct emt_whatif_mtrr beyond = { .vcpu = 0, .index = 9, .off = true },
			       none = { .vcpu = 3, .off = true };
	struct emt_facts f;

	(void)state;
	facts_of(&f);
	assert_int_equal(emt_whatif_pin(&f, 0x100, 0x1ff, EMT_MT_WC, false, NULL), 0);
	assert_int_equal(emt_whatif_pin(&f, 0x180, 0x2ff, EMT_MT_UC, false, NULL), EMT_E_USAGE);
	assert_int_equal(emt_whatif_pin(&f, 0x180, 0x2ff, EMT_MT_UC, true, NULL), 0);
	assert_int_equal(emt_whatif_pin(&f, 0x100, 0x1ff, EMT_MT_UC, false, NULL), 0);
	assert_int_equal(f.pins.n, 2);
	assert_int_equal(emt_whatif_unpin(&f, 0x4000, 0x4fff, NULL), EMT_E_USAGE);
	assert_int_equal(emt_whatif_mtrr(&f, &odd, NULL), EMT_E_USAGE);
	assert_int_equal(emt_whatif_mtrr(&f, &beyond, NULL), EMT_E_USAGE);
	assert_int_equal(emt_whatif_mtrr(&f, &none, NULL), EMT_E_USAGE);
	emt_facts_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_are_page_by_page),
		cmocka_unit_test(what_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
