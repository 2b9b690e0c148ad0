/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Known defects: each shows on an entry that its release itself would write, and
 * is gone in the first fixed release. No buggy release audits as clean.
 */
#include "common.h"

#include <stdio.h>
#include <string.h>

#include "audit/findings.h"

#define RAM_END 0x100000ull /* 4 GiB of RAM; max_page */

/* A guest with I/O rights, guest MTRRs: UC BAR at gfn 0xf0000-0xf0fff, else WB. */
static void usual(struct emt_facts *f)
{
	emt_facts_init(f);
	for (int i = 0; i < EMT_FACT_NR; i++)
		emt_facts_set(f, (enum emt_fact_id)i, EMT_KNOWN, "test");
	emt_facts_set(f, EMT_FACT_CURRENT, EMT_UNKNOWN, NULL);
	f->paging = EMT_PAGING_EPT;
	f->ident_pt = 1;
	f->iommu_enabled = f->domain_iommu = 1;
	f->caps_ever_held = 1;
	f->pci_devices = 1;
	emt_ranges_add(&f->iomem_caps, 0x200000, 0x20ffff, 0, EMT_KNOWN);
	emt_ranges_add(&f->valid, 0, RAM_END - 1, 0, EMT_KNOWN);
	emt_ranges_add(&f->host_e820, 0, RAM_END - 1, 1, EMT_KNOWN);
	f->max_page = RAM_END;
	emt_facts_vcpus(f, 1);
	f->host_mtrr.e = f->vcpu_mtrr[0].e = 1;
	f->host_mtrr.def_type = f->vcpu_mtrr[0].def_type = EMT_MT_WB;
	f->vcpu_mtrr[0].var[0][0] = 0xf0000000ull | EMT_MT_UC;
	f->vcpu_mtrr[0].var[0][1] = 0xfffff000000ull | 0x800;
	emt_mtrr_hold(&f->host_mtrr, EMT_KNOWN);
	emt_mtrr_hold(&f->vcpu_mtrr[0], EMT_KNOWN);
}

/* The entry as 'release' writes it; which defects are found. */
static emt_defect_mask defects(const struct emt_facts *f, const char *release, uint64_t gfn, uint64_t mfn,
			       unsigned int order, unsigned int p2mt, size_t *warnings)
{
	struct emt_run run = {
		.gfn = gfn, .mfn = mfn, .count = 1, .order = (uint8_t)order, .perm = EMT_R | EMT_W | EMT_X,
		.p2mt = (uint8_t)p2mt, .access = 7,
	};
	emt_outcomes expected, possible;
	struct emt_findings *found;
	struct emt_engine *e;
	emt_defect_mask mask = 0;
	unsigned int out;

	assert_int_equal(emt_engine_new(&e, f, release, NULL), 0);
	emt_engine_expect(e, gfn, mfn, order, run.perm, p2mt, &expected, &possible);
	assert_int_equal(expected & (expected - 1), 0); /* one answer */
	out = (unsigned int)__builtin_ctz(expected);
	if (out == EMT_OUT_T7 || out == EMT_OUT_SPLIT) {
		run.emt = EMT_MT_7; /* UC- pin before 4.5; or waiting to be split */
	} else {
		run.emt = (uint8_t)(out / 2);
		run.ipat = out & 1;
	}
	assert_int_equal(emt_findings_new(&found, emt_engine_facts(e), emt_engine_release(e)), 0);
	assert_int_equal(emt_engine_run(e, &run, emt_findings_add, found), 0);
	assert_int_equal(emt_findings_finish(found), 0);
	for (size_t i = 0; i < emt_findings_count(found); i++) {
		const struct emt_finding *d = emt_findings_get(found, i);

		if (!strcmp(d->kind, "known-defect"))
			mask |= 1u << d->defect;
		else
			assert_true(d->verdict == EMT_V_PENDING || d->verdict == EMT_V_MISCONFIGURED);
	}
	if (warnings)
		*warnings = emt_findings_at(found, EMT_SEV_WARNING);
	emt_findings_free(found);
	emt_engine_free(e);
	return mask;
}

static bool has(emt_defect_mask mask, const char *id)
{
	assert_true(emt_defect_by_id(id) >= 0);
	return mask & 1u << emt_defect_by_id(id);
}

/* Grant frames in a UC BAR (xen-devel, 2020). */
static void special_pages_in_a_bar(void **state)
{
	struct emt_facts f;
	size_t warnings;

	(void)state;
	usual(&f);
	emt_ranges_add(&f.special, 0x5000, 0x5003, EMT_SPECIAL_XENHEAP, EMT_KNOWN);
	assert_true(has(defects(&f, "4.14.0", 0xf0010, 0x5000, 0, EMT_P2M_RAM_RW, &warnings), "KD8"));
	assert_int_equal(warnings, 1); /* not clean */
	assert_true(has(defects(&f, "4.12.3", 0xf0010, 0x5000, 0, EMT_P2M_RAM_RW, NULL), "KD8"));
	assert_int_equal(defects(&f, "4.14.1", 0xf0010, 0x5000, 0, EMT_P2M_RAM_RW, &warnings), 0);
	assert_int_equal(warnings, 0);
	assert_int_equal(defects(&f, "4.12.4", 0xf0010, 0x5000, 0, EMT_P2M_RAM_RW, NULL), 0);
	assert_int_equal(defects(&f, "4.17.7", 0xf0010, 0x5000, 0, EMT_P2M_RAM_RW, NULL), 0);
	/* outside the BAR the guest's type is WB: not forced, but no IOMMU tricks either */
	emt_facts_free(&f);
}

/* MMIO above RAM (Xen, 2017): WC lost, fixed, lost, fixed. */
static void mmio_above_ram(void **state)
{
	static const char *const bad[] = { "4.5.3", "4.6.3", "4.7.0", "4.8.0", "4.15.0", "4.16.2", "4.17.4", "4.18.2" };
	static const char *const good[] = { "4.5.0", "4.6.5", "4.7.2", "4.8.1", "4.11.0", "4.14.6", "4.17.5", "4.18.3", "4.20.0" };
	struct emt_facts f;
	size_t warnings;

	(void)state;
	usual(&f);
	for (size_t i = 0; i < EMT_ARRAY_SIZE(bad); i++) {
		assert_true(has(defects(&f, bad[i], 0xf0000, 0x200000, 0, EMT_P2M_MMIO_DIRECT, &warnings), "KD7"));
		assert_int_equal(warnings, 1);
	}
	for (size_t i = 0; i < EMT_ARRAY_SIZE(good); i++)
		assert_false(has(defects(&f, good[i], 0xf0000, 0x200000, 0, EMT_P2M_MMIO_DIRECT, NULL), "KD7"));
	emt_facts_free(&f);
}

static void grants_over_uc(void **state)
{
	struct emt_facts f;

	(void)state;
	usual(&f);
	assert_true(has(defects(&f, "4.15.0", 0xf0010, 0x6000, 0, EMT_P2M_GRANT_RW, NULL), "KD9"));
	assert_true(has(defects(&f, "4.5.0", 0xf0010, 0x6000, 0, EMT_P2M_FOREIGN, NULL), "KD9"));
	assert_int_equal(defects(&f, "4.16.0", 0xf0010, 0x6000, 0, EMT_P2M_GRANT_RW, NULL), 0);
	emt_facts_free(&f);
}

static void special_superpages(void **state)
{
	struct emt_facts f;

	(void)state;
	usual(&f);
	emt_ranges_add(&f.special, 0x8000, 0x81ff, EMT_SPECIAL_EXTRA, EMT_KNOWN);
	assert_true(has(defects(&f, "4.15.0", 0x2000, 0x8000, 9, EMT_P2M_RAM_RW, NULL), "KD10"));
	assert_true(has(defects(&f, "4.16.0", 0x2003, 0x8003, 0, EMT_P2M_RAM_RW, NULL), "KD10"));
	assert_int_equal(defects(&f, "4.17.0", 0x2000, 0x8000, 9, EMT_P2M_RAM_RW, NULL), 0);
	emt_facts_free(&f);
}

static void before_4_5(void **state)
{
	struct emt_facts f;

	(void)state;
	usual(&f);
	/* half of the superpage in a UC range: the first frame decides */
	f.vcpu_mtrr[0].var[1][0] = 0x2100000ull | EMT_MT_UC;
	f.vcpu_mtrr[0].var[1][1] = 0xfffff00000ull | 0x800;
	assert_true(has(defects(&f, "4.4.1", 0x2000, 0x8000, 9, EMT_P2M_RAM_RW, NULL), "KD1"));
	assert_false(has(defects(&f, "4.4.1", 0x2400, 0x8000, 9, EMT_P2M_RAM_RW, NULL), "KD1"));
	/* guest WT, host WP: 4 by the minimum, WP by the merge */
	f.vcpu_mtrr[0].def_type = EMT_MT_WT;
	f.host_mtrr.def_type = EMT_MT_WP;
	assert_true(has(defects(&f, "4.4.0", 0x5000, 0x8000, 0, EMT_P2M_RAM_RW, NULL), "KD3"));
	assert_false(has(defects(&f, "4.4.1", 0x5000, 0x8000, 0, EMT_P2M_RAM_RW, NULL), "KD3"));
	emt_ranges_add(&f.pins, 0x7000, 0x70ff, EMT_MT_7, EMT_KNOWN);
	assert_true(has(defects(&f, "4.4.1", 0x7000, 0x9000, 0, EMT_P2M_RAM_RW, NULL), "KD4"));
	assert_true(has(defects(&f, "4.4.1", 0x7000, 0x9000, 0, EMT_P2M_RAM_RW, NULL), "KD5"));
	assert_false(has(defects(&f, "4.5.0", 0x7000, 0x9000, 0, EMT_P2M_RAM_RW, NULL), "KD4"));
	/* a WB pin over device memory */
	emt_ranges_add(&f.pins, 0xf0000, 0xf0000, EMT_MT_WB, EMT_KNOWN);
	assert_true(has(defects(&f, "4.6.1", 0xf0000, 0x9000, 0, EMT_P2M_MMIO_DIRECT, NULL), "KD12"));
	assert_true(has(defects(&f, "4.6.1", 0xf0000, 0x9000, 0, EMT_P2M_MMIO_DIRECT, NULL), "KD6"));
	assert_false(has(defects(&f, "4.7.0", 0xf0000, 0x9000, 0, EMT_P2M_MMIO_DIRECT, NULL), "KD12"));
	/* snooping hosts ignored the guest's types */
	f.iommu_snoop = 1;
	assert_true(has(defects(&f, "4.4.1", 0x5000, 0x8000, 0, EMT_P2M_RAM_RW, NULL), "KD13"));
	assert_false(has(defects(&f, "4.5.0", 0x5000, 0x8000, 0, EMT_P2M_RAM_RW, NULL), "KD13"));
	emt_facts_free(&f);
}

static void quirk_q1(void **state)
{
	struct emt_facts f;

	(void)state;
	usual(&f);
	f.vcpu_mtrr[0].var[1][0] = 0x2000000ull | EMT_MT_WC;
	f.vcpu_mtrr[0].var[1][1] = 0xfffff00000ull | 0x800;
	assert_true(has(defects(&f, "4.17.7", 0x2000, 0x8000, 9, EMT_P2M_RAM_RW, NULL), "KD19"));
	assert_false(has(defects(&f, "4.17.7", 0x2200, 0x8000, 9, EMT_P2M_RAM_RW, NULL), "KD19"));
	assert_false(has(defects(&f, "4.17.7", 0x2000, 0x8000, 0, EMT_P2M_RAM_RW, NULL), "KD19"));
	emt_facts_free(&f);
}

static void invalid_frames(void **state)
{
	struct emt_facts f;

	(void)state;
	usual(&f);
	emt_ranges_free(&f.valid);
	emt_ranges_add(&f.valid, 0, 0x80ff, 0, EMT_KNOWN);
	assert_true(has(defects(&f, "4.17.0", 0x2000, 0x8000, 9, EMT_P2M_RAM_RW, NULL), "KD11"));
	assert_false(has(defects(&f, "4.17.5", 0x2000, 0x8000, 9, EMT_P2M_RAM_RW, NULL), "KD11"));
	emt_facts_free(&f);
}

/* Every table row names a release that has it and, unless open, one that has not. */
static void table_is_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < emt_nr_defects; i++) {
		const struct emt_defect *d = &emt_defects[i];
		size_t with = 0, without = 0;
		enum emt_hypervisor hv = !strncmp(d->id, "KV", 2) ? EMT_HV_KVM : EMT_HV_XEN;
		const char *text;

		assert_non_null(d->id);
		assert_true(d->title[0] && d->harm[0] && d->releases[0] && d->fixed_by[0]);
		assert_int_equal(emt_defect_by_id(d->id), (int)i);
		for (size_t k = 0; (text = emt_release_list(k, hv)); k++) {
			struct emt_release rel;

			assert_int_equal(emt_release_parse(&rel, text, hv == EMT_HV_KVM, NULL), 0);
			*(emt_defects_of(&rel) & 1u << i ? &with : &without) += 1;
		}
		if (strcmp(d->id, "KD14")) /* only in releases that the list of representatives skips or has */
			assert_true(with > 0);
		if (d->fixed_in[0])
			assert_true(without > 0);
	}
}

static void verdict_defects(void **state)
{
	struct emt_release rel;

	(void)state;
	assert_int_equal(emt_release_parse(&rel, "4.10.3", false, NULL), 0);
	assert_true(has(emt_defects_of(&rel), "KD14"));
	assert_int_equal(emt_release_parse(&rel, "4.10.4", false, NULL), 0);
	assert_false(has(emt_defects_of(&rel), "KD14"));
	assert_int_equal(emt_release_parse(&rel, "4.12.0", false, NULL), 0);
	assert_true(has(emt_defects_of(&rel), "KD14") && has(emt_defects_of(&rel), "KD17"));
	assert_int_equal(emt_release_parse(&rel, "4.21.0", false, NULL), 0);
	assert_true(has(emt_defects_of(&rel), "KD18"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(special_pages_in_a_bar), cmocka_unit_test(mmio_above_ram),
		cmocka_unit_test(grants_over_uc), cmocka_unit_test(special_superpages), cmocka_unit_test(before_4_5),
		cmocka_unit_test(quirk_q1), cmocka_unit_test(invalid_frames), cmocka_unit_test(table_is_sound),
		cmocka_unit_test(verdict_defects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
