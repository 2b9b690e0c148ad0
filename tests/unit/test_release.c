/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Version strings to rules; the effective type; EPT layouts by release. */
#include "common.h"

#include <string.h>

#include "policy/effective.h"
#include "policy/release.h"
#include "table/epte.h"

static void check(const char *text, bool kvm, const char *era)
{
	struct emt_release r;
	struct emt_err err = { 0 };

	if (emt_release_parse(&r, text, kvm, &err))
		print_error("%s: %s\n", text, err.text);
	assert_int_equal(err.code, 0);
	if (strcmp(r.era->id, era))
		print_error("%s: %s, not %s\n", text, r.era->id, era);
	assert_string_equal(r.era->id, era);
}

static void releases(void **state)
{
	static const struct {
		const char *text, *era;
	} xen[] = {
		{ "4.1.6", "P1" }, { "4.2.3", "P1" }, { "4.2.4", "P2" }, { "4.2.5", "P3" }, { "4.3.1", "P1" }, { "4.3.2", "P2" },
		{ "4.3.4", "P3" }, { "4.4.0", "P2" }, { "4.4.4", "P3" }, { "staging-4.3", "P3x" }, { "4.5.2", "P4" },
		{ "4.5.5", "P5" }, { "4.6.1", "P4" }, { "4.6.3", "P5" }, { "4.6.6", "P6" }, { "4.7.1", "P7" },
		{ "4.7.6", "P8" }, { "4.8.0", "P7" }, { "4.8.5", "P8" }, { "4.11.4", "P8" }, { "4.12.3", "P8" },
		{ "4.12.4", "P9" }, { "4.13.1", "P8" }, { "4.13.5", "P9" }, { "4.14.0", "P8" }, { "4.14.6", "P9" },
		{ "4.15.5", "P10" }, { "4.16.2", "P11" }, { "4.17.4", "P12" }, { "4.17.5", "P13" }, { "4.18.2", "P12" },
		{ "4.18.3", "P13" }, { "4.19.1", "P13" }, { "4.20", "P13" }, { "4.21.0", "P14" }, { "4.22.0", "P14" },
		{ "master", "P14" }, { "4.23-unstable", "P14" },
		{ "4.17.7 (Debian 4.17.7+13-g2445b30a44-0+deb12u1)", "P13" }, { "Xen version 4.14.6 (Debian 4.14.6-1)", "P9" },
		{ "4.14.0-rc3", "P8" }, { "xen-4.11.4+24-gddaaccbbab", "P8" }, { "4.13.0-8.9.1.xcpng8.2", "P8" },
		{ "RELEASE-4.16.1", "P11" }, { "P10", "P10" }, { "  4.9.4", "P8" },
	};
	static const char *const bad[] = { "", "xen", "4", "4.0.4", "3.4.1", "x4.17", "-4.17", "latest", "...", "4." };

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(xen); i++)
		check(xen[i].text, false, xen[i].era);
	check("kvm 4.1", false, "K1");
	check("5.10.0-28-amd64", true, "K2");
	check("6.1.0-9-amd64", true, "K2");
	check("linux-6.6.30", false, "K2");
	check("Linux version 6.7.2", false, "K3");
	check("kvm 6.11-rc5", false, "K4");
	check("kvm 6.12", false, "K5");
	check("kvm-memslot", false, "K5m");
	check("kvm 6.18.1", false, "K6");
	for (size_t i = 0; i < EMT_ARRAY_SIZE(bad); i++) {
		struct emt_release r;
		struct emt_err err = { 0 };

		assert_int_equal(emt_release_parse(&r, bad[i], false, &err), EMT_E_USAGE);
		assert_true(err.text[0] && err.next[0]);
	}
}

static void parameters(void **state)
{
	struct emt_release r;

	(void)state;
	assert_int_equal(emt_release_parse(&r, "4.13.2", false, NULL), 0);
	assert_true(r.special_xenheap_only);
	assert_int_equal(emt_release_parse(&r, "4.14.1", false, NULL), 0);
	assert_false(r.special_xenheap_only);
	assert_true(r.exact);
	assert_int_equal(emt_release_parse(&r, "4.14.0-rc1", false, NULL), 0);
	assert_false(r.exact);
	assert_int_equal(emt_release_parse(&r, "4.30.0", false, NULL), 0);
	assert_false(r.exact); /* newer than what was read: the newest rules, said so */
}

/* SDM vol. 3, table of effective memory types, typed here a second time, row by row:
 * MTRR (EMT) type, PAT type -> effective. */
static void effective_types(void **state)
{
	static const struct {
		const char *emt, *pat, *eff;
	} sdm[] = {
		{ "UC", "UC", "UC" }, { "UC", "UC-", "UC" }, { "UC", "WC", "WC" }, { "UC", "WT", "UC" }, { "UC", "WB", "UC" },
		{ "UC", "WP", "UC" },
		{ "WC", "UC", "UC" }, { "WC", "UC-", "WC" }, { "WC", "WC", "WC" }, { "WC", "WB", "WC" },
		{ "WT", "UC", "UC" }, { "WT", "UC-", "UC" }, { "WT", "WC", "WC" }, { "WT", "WT", "WT" }, { "WT", "WB", "WT" },
		{ "WB", "UC", "UC" }, { "WB", "UC-", "UC" }, { "WB", "WC", "WC" }, { "WB", "WT", "WT" }, { "WB", "WB", "WB" },
		{ "WB", "WP", "WP" },
		{ "WP", "UC", "UC" }, { "WP", "WC", "WC" }, { "WP", "WB", "WP" }, { "WP", "WP", "WP" },
		/* where editions leave it open, as Xen's table has it */
		{ "WC", "WT", "UC" }, { "WC", "WP", "UC" }, { "WT", "WP", "WP" }, { "WP", "UC-", "WC" }, { "WP", "WT", "WT" },
	};

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(sdm); i++) {
		unsigned int emt = (unsigned int)emt_mt_parse(sdm[i].emt), pat = (unsigned int)emt_mt_parse(sdm[i].pat);

		if (strcmp(emt_mt_name(emt_effective(emt, false, pat, false)), sdm[i].eff))
			print_error("%s x %s\n", sdm[i].emt, sdm[i].pat);
		assert_string_equal(emt_mt_name(emt_effective(emt, false, pat, false)), sdm[i].eff);
		/* ipat: the PAT plays no part, not even Xen's all-UC one */
		assert_int_equal(emt_effective(emt, true, pat, false), emt);
		assert_int_equal(emt_effective(emt, true, pat, true), emt);
		assert_int_equal(emt_effective(emt, false, pat, true), EMT_MT_UC);
		assert_int_equal(emt_effective_undefined(emt, false, pat), i >= 25);
	}
	assert_int_equal(emt_effective(EMT_MT_7, false, EMT_MT_WB, false), EMT_MT_7);
	assert_int_equal(emt_effective(EMT_MT_RSVD2, true, EMT_MT_WB, false), EMT_MT_7);
	assert_int_equal(emt_pat_entry(0x0007040600070406ull, 0), EMT_MT_WB);
	assert_int_equal(emt_pat_entry(0x0007040600070406ull, 2), EMT_MT_7);
	assert_int_equal(emt_pat_entry(0x0407050600070106ull, 5), EMT_MT_WP);
}

static void layouts(void **state)
{
	struct emt_epte e;
	uint64_t raw = 7ull << 58 | 5ull << 52 | 0x1234ull << 12 | 6 << 3 | 7 | 1 << 10;

	(void)state;
	assert_string_equal(emt_epte_layout_of(EMT_VER(4, 4, 4))->name, "4.4");
	assert_string_equal(emt_epte_layout_of(EMT_VER(4, 15, 1))->name, "4.6");
	assert_string_equal(emt_epte_layout_of(EMT_VER(4, 19, 9))->name, "4.16");
	assert_string_equal(emt_epte_layout_of(EMT_VER(4, 20, 0))->name, "4.20");
	emt_epte_decode(raw, emt_epte_layout_by_name("4.16"), &e);
	assert_int_equal(e.access, 7);
	assert_int_equal(e.p2mt, EMT_P2M_MMIO_DIRECT);
	assert_int_equal(e.recalc, 1);
	assert_int_equal(e.mfn, 0x1234);
	/* the same bits under 4.20: access moved up, bit 58 is pw */
	emt_epte_decode(raw, emt_epte_layout_by_name("4.20"), &e);
	assert_int_equal(e.access, 3);
	assert_int_equal(e.pw, 1);
	emt_epte_decode(raw, emt_epte_layout_by_name("4.4"), &e);
	assert_int_equal(e.recalc, 0);
	assert_null(emt_epte_layout_by_name("4.7"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(releases), cmocka_unit_test(parameters), cmocka_unit_test(effective_types),
		cmocka_unit_test(layouts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
