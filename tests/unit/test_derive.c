/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What follows from stated facts: the MTRR save defect, valid frames, the IOMMU. */
#include "common.h"

#include <string.h>

#include "policy/atoms.h"
#include "policy/mtrr.h"

/* A record as Xen 4.12 and later give it: range 0 in every slot. */
static void record(struct emt_facts *f, const char *release, uint64_t base, uint64_t size)
{
	emt_facts_init(f);
	strcpy(f->release, release);
	emt_facts_set(f, EMT_FACT_RELEASE, EMT_KNOWN, "test");
	emt_facts_vcpus(f, 1);
	emt_facts_set(f, EMT_FACT_VCPU_MTRR, EMT_KNOWN, "HVM save record");
	f->vcpu_mtrr[0].e = f->vcpu_mtrr[0].fe = 1;
	f->vcpu_mtrr[0].def_type = EMT_MT_WB;
	emt_mtrr_hold(&f->vcpu_mtrr[0], EMT_KNOWN);
	for (int i = 0; i < 8; i++) {
		f->vcpu_mtrr[0].var[i][0] = base | EMT_MT_UC;
		f->vcpu_mtrr[0].var[i][1] = (~(size - 1) & 0xfffffff000ull) | 0x800;
	}
}

static bool is_range(const struct emt_mtrr *m, int i, uint64_t first, uint64_t last)
{
	uint64_t a, b;

	return emt_mtrr_var_range(m, (unsigned int)i, &a, &b) && a == first >> 12 && b == last >> 12 &&
		(m->var[i][0] & 7) == EMT_MT_UC;
}

/* hvmloader tiles the PCI hole: 0xc0000000 up to 0xfc000000 from 4.17 on, up to 4 GiB
 * in 4.5 to 4.16. */
static void rebuilt_by_hvmloaders_rule(void **state)
{
	const struct emt_mtrr *m;
	struct emt_facts f;

	(void)state;
	record(&f, "4.17.7", 0xc0000000, 0x20000000);
	assert_int_equal(emt_facts_derive(&f), 0);
	m = &f.vcpu_mtrr[0];
	assert_true(is_range(m, 0, 0xc0000000, 0xdfffffff));
	assert_true(is_range(m, 1, 0xe0000000, 0xefffffff));
	assert_true(is_range(m, 2, 0xf0000000, 0xf7ffffff));
	assert_true(is_range(m, 3, 0xf8000000, 0xfbffffff));
	assert_false(m->var[4][1] & 0x800);
	assert_int_equal(m->var_held[0], EMT_KNOWN);
	assert_int_equal(m->var_held[1], EMT_ASSUMED);
	assert_int_equal(m->var_held[7], EMT_ASSUMED);
	/* assumed held: UC in the hole; free: anything may be */
	assert_int_equal(emt_mtrr_lookup(m, 0xf0000, 0, EMT_ASSUMED), EMT_SET(EMT_MV_UC));
	assert_true(emt_mtrr_lookup(m, 0xf0000, 0, EMT_KNOWN) & EMT_SET(EMT_MV_WB));
	/* a second time changes nothing */
	assert_int_equal(emt_facts_derive(&f), 0);
	assert_true(is_range(m, 3, 0xf8000000, 0xfbffffff));
	emt_facts_free(&f);

	record(&f, "4.14.6", 0xf0000000, 0x8000000);
	assert_int_equal(emt_facts_derive(&f), 0);
	m = &f.vcpu_mtrr[0];
	assert_true(is_range(m, 1, 0xf8000000, 0xffffffff));
	assert_false(m->var[2][1] & 0x800);
	emt_facts_free(&f);

	/* up to 4.11 the record is right, even if all slots are equal */
	record(&f, "4.11.4", 0xc0000000, 0x20000000);
	assert_int_equal(emt_facts_derive(&f), 0);
	assert_true(is_range(&f.vcpu_mtrr[0], 7, 0xc0000000, 0xdfffffff));
	assert_int_equal(f.vcpu_mtrr[0].var_held[7], EMT_KNOWN);
	emt_facts_free(&f);

	/* a range that is no PCI hole: the others are assumed to be off */
	record(&f, "4.17.7", 0x3000000, 0x100000);
	assert_int_equal(emt_facts_derive(&f), 0);
	assert_false(f.vcpu_mtrr[0].var[1][1] & 0x800);
	assert_int_equal(f.vcpu_mtrr[0].var_held[1], EMT_ASSUMED);
	emt_facts_free(&f);

	/* read by other means: nothing is rebuilt */
	record(&f, "4.17.7", 0xc0000000, 0x20000000);
	f.prov[EMT_FACT_VCPU_MTRR].origin = "rdmsr in the guest";
	assert_int_equal(emt_facts_derive(&f), 0);
	assert_true(is_range(&f.vcpu_mtrr[0], 7, 0xc0000000, 0xdfffffff));
	emt_facts_free(&f);
}

static void valid_frames(void **state)
{
	struct emt_facts f;

	(void)state;
	emt_facts_init(&f);
	emt_facts_set(&f, EMT_FACT_HOST_E820, EMT_KNOWN, "test");
	emt_ranges_add(&f.host_e820, 0, 0x9e, 1, EMT_KNOWN);
	emt_ranges_add(&f.host_e820, 0x100, 0x5fffd, 1, EMT_KNOWN);
	emt_ranges_add(&f.host_e820, 0x5fffe, 0x5ffff, 2, EMT_KNOWN);
	emt_ranges_add(&f.host_e820, 0x100000, 0x11ffff, 1, EMT_KNOWN);
	f.max_page = 0x120000;
	emt_facts_set(&f, EMT_FACT_MAX_PAGE, EMT_KNOWN, "test");
	assert_int_equal(emt_facts_derive(&f), 0);
	assert_int_equal(emt_atom_valid(&f, 0xb8, EMT_ASSUMED), EMT_YES);      /* a hole in a populated group */
	assert_int_equal(emt_atom_valid(&f, 0x5ffff, EMT_ASSUMED), EMT_YES);
	assert_int_equal(emt_atom_valid(&f, 0xe0000, EMT_ASSUMED), EMT_NO);    /* no RAM in the group */
	assert_int_equal(emt_atom_valid(&f, 0x120000, EMT_ASSUMED), EMT_NO);   /* max_page */
	assert_int_equal(emt_atom_valid(&f, 0xe0000, EMT_KNOWN), EMT_EITHER);  /* derived, not known */
	emt_facts_free(&f);
}

static void stated_facts_stay(void **state)
{
	struct emt_facts f;

	(void)state;
	emt_facts_init(&f);
	emt_facts_set(&f, EMT_FACT_IOMMU_ENABLED, EMT_KNOWN, "test");
	f.iommu_enabled = 0;
	assert_int_equal(emt_facts_derive(&f), 0);
	assert_int_equal(f.prov[EMT_FACT_DOMAIN_IOMMU].held, EMT_KNOWN); /* no host IOMMU, no domain's */
	assert_int_equal(f.prov[EMT_FACT_PINS].rest, EMT_ASSUMED);
	assert_int_equal(f.prov[EMT_FACT_CAPS_EVER_HELD].held, EMT_UNKNOWN);
	emt_facts_free(&f);

	emt_facts_init(&f);
	emt_facts_set_list(&f, EMT_FACT_PINS, EMT_KNOWN, EMT_UNKNOWN, "stated");
	emt_ranges_add(&f.pins, 5, 9, EMT_MT_WC, EMT_KNOWN);
	emt_facts_set_list(&f, EMT_FACT_IOMEM_CAPS, EMT_KNOWN, EMT_KNOWN, "stated");
	emt_ranges_add(&f.iomem_caps, 1, 1, 0, EMT_KNOWN);
	assert_int_equal(emt_facts_derive(&f), 0);
	assert_int_equal(f.prov[EMT_FACT_PINS].rest, EMT_UNKNOWN);
	assert_int_equal(emt_atom_pin(&f, 7, 0, EMT_KNOWN), EMT_SET(EMT_PIN_WC));
	assert_true(f.caps_ever_held && f.prov[EMT_FACT_CAPS_EVER_HELD].held == EMT_KNOWN);
	emt_facts_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rebuilt_by_hvmloaders_rule), cmocka_unit_test(valid_frames),
		cmocka_unit_test(stated_facts_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
