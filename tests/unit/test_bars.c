/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device memory above RAM, release by release: where write-combining is lost (the model
 * case: 30921dc2df fixed it, 81fd0d3ca4 lost it, 4fdd8d7556 fixed it again). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "audit/bars.h"

#define BAR_MFN 0x3800000ull

static void facts_of(struct emt_facts *f)
{
	emt_facts_init(f);
	emt_facts_set(f, EMT_FACT_PAGING, EMT_KNOWN, "test");
	f->paging = EMT_PAGING_EPT;
	f->domain_iommu = f->iommu_enabled = 1;
	emt_facts_set(f, EMT_FACT_DOMAIN_IOMMU, EMT_KNOWN, "test");
	emt_facts_set(f, EMT_FACT_IOMMU_ENABLED, EMT_KNOWN, "test");
	emt_ranges_add(&f->iomem_caps, BAR_MFN, BAR_MFN + 15, 0, EMT_KNOWN);
	emt_ranges_add(&f->valid, 0, 0x7ffff, 0, EMT_KNOWN);
	emt_ranges_add(&f->host_e820, 0x100, 0x7ffff, 1, EMT_KNOWN);
	for (int i = 0; i < EMT_FACT_NR; i++)
		if (i == EMT_FACT_IOMEM_CAPS || i == EMT_FACT_IOPORT_CAPS || i == EMT_FACT_VALID ||
		    i == EMT_FACT_SPECIAL || i == EMT_FACT_MMIO_RO || i == EMT_FACT_PINS ||
		    i == EMT_FACT_HOST_E820)
			emt_facts_set_list(f, (enum emt_fact_id)i, EMT_KNOWN, EMT_KNOWN, "test");
}

struct seen {
	struct emt_engine *e;
	struct emt_bar bar;
	int n;
};

static int take(const struct emt_piece *p, void *arg)
{
	struct seen *s = arg;
	struct emt_bar bar;
	int rc = emt_bar_of(s->e, p, &bar);

	if (rc <= 0)
		return rc;
	if (!s->n++)
		s->bar = bar;
	else if (emt_bar_join(&s->bar, &bar))
		s->n--;
	return 0;
}

static void look(const char *release, unsigned int ipat, struct seen *s)
{
	struct emt_run run = { .gfn = 0xf1000,
			       .mfn = BAR_MFN,
			       .count = 16,
			       .perm = EMT_R | EMT_W | EMT_X,
			       .emt = EMT_MT_UC,
			       .ipat = (uint8_t)ipat,
			       .p2mt = EMT_P2M_MMIO_DIRECT,
			       .access = 0xff };
	struct emt_facts f;

	facts_of(&f);
	memset(s, 0, sizeof(*s));
	assert_int_equal(emt_engine_new(&s->e, &f, release, NULL), 0);
	assert_int_equal(emt_engine_run(s->e, &run, take, s), 0);
	assert_int_equal(s->n, 1);
	emt_facts_free(&f);
}

static void write_combining_by_release(void **state)
{
	static const struct {
		const char *release;
		bool wc;
	} table[] = { { "4.8.0", false }, { "4.9.0", true }, { "4.14.0", true }, { "4.15.0", false },
		      { "4.17.4", false }, { "4.17.5", true }, { "4.18.2", false }, { "4.19.0", true } };

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(table); i++) {
		struct seen s;

		look(table[i].release, !table[i].wc, &s);
		assert_int_equal(s.bar.kind, EMT_BAR_ABOVE_RAM);
		assert_int_equal(s.bar.verdict, EMT_V_OK);
		assert_int_equal(s.bar.frames, 16);
		assert_int_equal(s.bar.wc, table[i].wc ? EMT_BAR_WC_YES : EMT_BAR_WC_NO);
		assert_int_equal(s.bar.wc_by_rule, s.bar.wc);
		assert_int_equal(!!(s.bar.defects & 1u << emt_defect_by_id("KD7")), !table[i].wc);
		assert_non_null(s.bar.rule);
		emt_engine_free(s.e);
	}
}

static void the_entry_may_differ_from_the_rule(void **state)
{
	struct seen s;

	(void)state;
	look("4.19.0", 1, &s);
	assert_int_equal(s.bar.wc, EMT_BAR_WC_NO);
	assert_int_equal(s.bar.wc_by_rule, EMT_BAR_WC_YES);
	assert_int_equal(s.bar.verdict, EMT_V_MISMATCH);
	emt_engine_free(s.e);
}

static void pat_slots(void **state)
{
	struct emt_facts f;

	(void)state;
	emt_facts_init(&f);
	assert_int_equal(emt_bar_pat_has_wc(&f), -1);
	assert_int_equal(emt_facts_vcpus(&f, 1), 0);
	emt_facts_set(&f, EMT_FACT_VCPU_PAT, EMT_KNOWN, "test");
	f.vcpu_pat[0] = 0x0007040600070406ull; /* as after reset */
	assert_int_equal(emt_bar_pat_has_wc(&f), 0);
	f.vcpu_pat[0] = 0x0407050600070106ull; /* as Linux sets it */
	assert_int_equal(emt_bar_pat_has_wc(&f), 1);
	emt_facts_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(write_combining_by_release),
		cmocka_unit_test(the_entry_may_differ_from_the_rule),
		cmocka_unit_test(pat_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
