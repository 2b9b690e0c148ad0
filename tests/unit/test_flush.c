/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IOMMU flush rules: the table of changes, typed from Xen's functions by hand and not
 * from the code under test, on every release and kind of paging; permissions by type.
 */
#include "common.h"

#include <stdio.h>
#include <string.h>

#include "policy/flush.h"

#define M 0x1000
#define M2 0x2000

enum { NO = EMT_FL_NO_FLUSH, ADD = EMT_FL_ADDED, FL = EMT_FL_FLUSH };
enum { KEEP = EMT_FL_KEEP, MAP = EMT_FL_MAP, UNMAP = EMT_FL_UNMAP };
enum { OK = EMT_FL_OK, SPURIOUS = EMT_FL_SPURIOUS, NA = EMT_FL_NOT_USED, DESIGN = EMT_FL_BY_DESIGN,
       MISSED = EMT_FL_MISSED };

/* Columns: the functions that ever were. */
enum col { EPT_OLD, EPT_NEW, PT_OLD, PT_444, PT_NEW, COLS };

static const struct emt_fl_entry none = { .kind = EMT_FL_NONE };
static const struct emt_fl_entry table = { .kind = EMT_FL_TABLE };
#define LEAF(type, frame) { .kind = EMT_FL_LEAF, .p2mt = EMT_P2M_##type, .access = 7, .mfn = (frame) }
static const struct emt_fl_entry ram = LEAF(RAM_RW, M), ram2 = LEAF(RAM_RW, M2), ro = LEAF(RAM_RO, M),
	paging = LEAF(PAGING_OUT, M), dm = LEAF(MMIO_DM, EMT_NO_FRAME), logdirty = LEAF(RAM_LOGDIRTY, M);
static const struct emt_fl_entry ram_r = { .kind = EMT_FL_LEAF, .p2mt = EMT_P2M_RAM_RW, .access = 1, .mfn = M };
static const struct emt_fl_entry part = { .kind = EMT_FL_LEAF, .p2mt = EMT_P2M_RAM_RW, .access = 7, .mfn = M,
					  .split = true };

/* One row of the table. Per column: verdict with separate tables, with shared ones. */
static const struct row {
	const char *text;
	const struct emt_fl_entry *a, *b;
	int table, tlb;          /* what is right: separate tables; IOTLB */
	int sep[COLS], shr[COLS]; /* shr: EPT, and NPT before 4.5 */
} rows[] = {
	{ "none to none", &none, &none, KEEP, NO,
	  { SPURIOUS, SPURIOUS, SPURIOUS, OK, OK }, { OK, OK, OK, OK, NA } },
	{ "none to a leaf without access", &none, &paging, KEEP, NO,
	  { SPURIOUS, SPURIOUS, SPURIOUS, SPURIOUS, SPURIOUS }, { OK, OK, OK, OK, NA } },
	{ "none to RAM", &none, &ram, MAP, ADD, { OK, OK, OK, OK, OK }, { OK, OK, OK, OK, NA } },
	{ "the same", &ram, &ram, KEEP, NO, { OK, OK, SPURIOUS, OK, OK }, { OK, OK, OK, OK, NA } },
	{ "same frame, fewer permissions", &ram, &ro, MAP, FL,
	  { MISSED, OK, OK, MISSED, OK }, { MISSED, OK, MISSED, MISSED, NA } },
	{ "another frame", &ram, &ram2, MAP, FL, { OK, OK, OK, OK, OK }, { OK, OK, OK, OK, NA } },
	{ "another frame, no access", &ram, &dm, UNMAP, FL, { OK, OK, OK, OK, OK }, { OK, OK, MISSED, OK, NA } },
	{ "removed", &ram, &none, UNMAP, FL, { OK, OK, OK, OK, OK }, { OK, OK, MISSED, OK, NA } },
	{ "table to leaf", &table, &ram, MAP, FL, { OK, OK, OK, OK, OK }, { OK, OK, OK, MISSED, NA } },
	{ "table to none", &table, &none, UNMAP, FL,
	  { OK, OK, OK, MISSED, OK }, { OK, OK, MISSED, MISSED, NA } },
	{ "table to a leaf without access", &table, &dm, UNMAP, FL,
	  { OK, OK, OK, MISSED, OK }, { OK, OK, MISSED, MISSED, NA } },
	{ "part of a superpage", &part, &ram2, MAP, FL, { OK, OK, OK, OK, OK }, { OK, OK, OK, OK, NA } },
	{ "mem_access", &ram, &ram_r, KEEP, NO, { OK, OK, NA, NA, NA }, { MISSED, MISSED, NA, NA, NA } },
	{ "log-dirty", &ram, &logdirty, KEEP, NO, { OK, OK, NA, NA, NA }, { DESIGN, DESIGN, NA, NA, NA } },
};

static const struct {
	const char *release;
	enum col ept, pt;
} releases[] = {
	{ "4.1.0", EPT_OLD, PT_OLD }, { "4.2.5", EPT_OLD, PT_OLD }, { "4.3.4", EPT_OLD, PT_OLD },
	{ "4.4.3", EPT_OLD, PT_OLD }, { "4.4.4", EPT_OLD, PT_444 }, { "4.5.0", EPT_OLD, PT_OLD },
	{ "4.5.1", EPT_OLD, PT_OLD }, { "4.5.2", EPT_NEW, PT_NEW }, { "4.6.0", EPT_NEW, PT_NEW },
	{ "4.7.0", EPT_NEW, PT_NEW }, { "4.11.4", EPT_NEW, PT_NEW }, { "4.12.0", EPT_NEW, PT_NEW },
	{ "4.15.0", EPT_NEW, PT_NEW }, { "4.17.7", EPT_NEW, PT_NEW }, { "4.22.0", EPT_NEW, PT_NEW },
	{ "master", EPT_NEW, PT_NEW },
};

static struct emt_fl_result judge(const char *release, enum emt_paging paging, bool shared, const struct emt_fl_entry *a,
				  const struct emt_fl_entry *b)
{
	struct emt_release rel;
	struct emt_fl_result r;

	assert_int_equal(emt_release_parse(&rel, release, false, NULL), 0);
	emt_fl_judge(&r, &(struct emt_fl_where){ &rel, paging, shared }, a, b);
	assert_non_null(r.why);
	return r;
}

static void is(const char *release, const char *how, const struct row *row, const struct emt_fl_result *r, int verdict)
{
	if ((int)r->verdict != verdict)
		fail_msg("Xen %s, %s, %s: %s, not %s (%s)", release, how, row->text, emt_fl_verdict_name(r->verdict),
			 emt_fl_verdict_name((unsigned int)verdict), r->why);
}

static void every_row(void **state)
{
	unsigned int cells = 0, missed = 0;

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(releases); i++)
		for (size_t k = 0; k < EMT_ARRAY_SIZE(rows); k++) {
			const struct row *row = &rows[k];
			const char *rel = releases[i].release;
			bool old = i < 5; /* before 4.5: NPT could be shared */
			struct emt_fl_result r = judge(rel, EMT_PAGING_EPT, false, row->a, row->b);

			is(rel, "EPT, separate", row, &r, row->sep[releases[i].ept]);
			/* before 4.5 every type but ram_rw is unmapped */
			if (!(old && row->b == &ro)) {
				assert_int_equal(r.need_table, row->table);
				assert_int_equal(r.need_tlb, row->tlb);
			} else {
				assert_int_equal(r.need_table, UNMAP);
			}
			missed += r.verdict == EMT_FL_MISSED;
			r = judge(rel, EMT_PAGING_EPT, true, row->a, row->b);
			is(rel, "EPT, shared", row, &r, row->shr[releases[i].ept]);
			assert_int_equal(r.does_table, KEEP);
			r = judge(rel, EMT_PAGING_NPT, false, row->a, row->b);
			is(rel, "NPT, separate", row, &r, row->sep[releases[i].pt]);
			r = judge(rel, EMT_PAGING_NPT, true, row->a, row->b);
			is(rel, "NPT, shared", row, &r, old ? row->shr[releases[i].pt] : NA);
			r = judge(rel, EMT_PAGING_SHADOW, false, row->a, row->b);
			is(rel, "shadow", row, &r, row->sep[releases[i].pt]);
			cells += 5;
		}
	assert_int_equal(cells, EMT_ARRAY_SIZE(releases) * EMT_ARRAY_SIZE(rows) * 5);
	assert_true(missed > 0);
}

/* Part of a superpage that only loses permissions, or goes: as any leaf. */
static void parts(void **state)
{
	(void)state;
	assert_int_equal(judge("4.5.1", EMT_PAGING_EPT, true, &part, &ro).verdict, MISSED);
	assert_int_equal(judge("4.5.2", EMT_PAGING_EPT, true, &part, &ro).verdict, OK);
	assert_int_equal(judge("4.4.0", EMT_PAGING_NPT, true, &part, &none).verdict, MISSED);
	assert_int_equal(judge("4.17.7", EMT_PAGING_EPT, true, &part, &none).does_tlb, FL);
	/* the split itself */
	assert_int_equal(judge("4.17.7", EMT_PAGING_EPT, true, &ram, &table).verdict, OK);
	assert_int_equal(judge("4.17.7", EMT_PAGING_EPT, true, &ram, &table).does_tlb, NO);
}

static void shadow_on_sharing_hosts(void **state)
{
	static const char *const bad[] = { "4.2.0", "4.4.3", "4.5.0", "4.5.1" };
	static const char *const good[] = { "4.4.4", "4.5.2", "4.6.0", "4.17.7" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct emt_fl_result r = judge(bad[i], EMT_PAGING_SHADOW, true, &ram, &none);

		assert_int_equal(r.verdict, MISSED);
		assert_int_equal(r.does_table, KEEP);
		assert_string_equal(r.fixed_by, "c0a85795d8");
		/* what is not mapped makes devices fault */
		assert_int_equal(judge(bad[i], EMT_PAGING_SHADOW, true, &none, &ram).verdict, EMT_FL_NOT_ADDED);
		assert_int_equal(judge(good[i], EMT_PAGING_SHADOW, true, &ram, &none).verdict, OK);
		assert_int_equal(judge(good[i], EMT_PAGING_SHADOW, true, &none, &ram).verdict, OK);
	}
}

/* What a miss is fixed by. */
static void fixes(void **state)
{
	struct emt_fl_result r = judge("4.5.1", EMT_PAGING_EPT, false, &ram, &ro);

	(void)state;
	assert_string_equal(r.fixed_by, "6c0e4ad608");
	assert_string_equal(r.fixed_in, "4.5.2, 4.6.0");
	r = judge("4.4.0", EMT_PAGING_NPT, true, &table, &none);
	assert_string_equal(r.fixed_by, "660fd65d55");
	assert_null(judge("4.17.7", EMT_PAGING_EPT, true, &ram, &ram_r).fixed_by);
	assert_null(judge("4.17.7", EMT_PAGING_EPT, true, &ram, &none).fixed_by);
}

/* Permissions of devices by type: typed row by row. */
static void permissions(void **state)
{
	enum { R = EMT_R, RW = EMT_R | EMT_W };
	static const struct {
		const char *release;
		uint8_t perm[EMT_P2M_NR]; /* access rwx, frame not read-only */
	} want[] = {
		{ "4.4.4", { [EMT_P2M_RAM_RW] = RW } },
		{ "4.5.0", { [EMT_P2M_RAM_RW] = RW, [EMT_P2M_RAM_LOGDIRTY] = RW, [EMT_P2M_RAM_RO] = R,
			     [EMT_P2M_GRANT_RW] = RW, [EMT_P2M_GRANT_RO] = R, [EMT_P2M_FOREIGN] = RW } },
		{ "4.8.5", { [EMT_P2M_RAM_RW] = RW, [EMT_P2M_RAM_LOGDIRTY] = RW, [EMT_P2M_RAM_RO] = R,
			     [EMT_P2M_GRANT_RW] = RW, [EMT_P2M_GRANT_RO] = R, [EMT_P2M_FOREIGN] = RW } },
		{ "4.9.0", { [EMT_P2M_RAM_RW] = RW, [EMT_P2M_RAM_LOGDIRTY] = RW, [EMT_P2M_RAM_RO] = R,
			     [EMT_P2M_MMIO_DIRECT] = RW, [EMT_P2M_GRANT_RW] = RW, [EMT_P2M_GRANT_RO] = R,
			     [EMT_P2M_FOREIGN] = RW } },
		{ "4.22.0", { [EMT_P2M_RAM_RW] = RW, [EMT_P2M_RAM_LOGDIRTY] = RW, [EMT_P2M_RAM_RO] = R,
			      [EMT_P2M_MMIO_DIRECT] = RW, [EMT_P2M_GRANT_RW] = RW, [EMT_P2M_GRANT_RO] = R,
			      [EMT_P2M_FOREIGN] = RW } },
	};
	static const struct {
		const char *release;
		bool by_access;
	} xsa378[] = { { "4.11.4", false }, { "4.12.4", false }, { "4.13.3", false }, { "4.13.4", true },
		       { "4.14.2", false }, { "4.14.3", true },  { "4.15.0", false }, { "4.15.1", true },
		       { "4.16.0", true },  { "4.22.0", true } };
	/* n r w rw x rx wx rwx rx2rw n2rwx r_pw */
	static const uint8_t by_access[] = { 0, 1, 2, 3, 0, 1, 2, 3, 1, 0, 1 };
	struct emt_release rel;

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(want); i++) {
		assert_int_equal(emt_release_parse(&rel, want[i].release, false, NULL), 0);
		for (unsigned int t = 0; t < EMT_P2M_NR; t++)
			assert_int_equal(emt_fl_iommu_perm(&rel, t, 7, false), want[i].perm[t]);
	}
	for (size_t i = 0; i < EMT_ARRAY_SIZE(xsa378); i++) {
		assert_int_equal(emt_release_parse(&rel, xsa378[i].release, false, NULL), 0);
		assert_int_equal(emt_fl_mmio_by_access(&rel), xsa378[i].by_access);
		for (unsigned int a = 0; a < 11; a++) {
			unsigned int rw = xsa378[i].by_access ? by_access[a] : 3;

			assert_int_equal(emt_fl_iommu_perm(&rel, EMT_P2M_MMIO_DIRECT, a, false), rw);
			assert_int_equal(emt_fl_iommu_perm(&rel, EMT_P2M_MMIO_DIRECT, a, true), rw & 1);
			assert_int_equal(emt_fl_iommu_perm(&rel, EMT_P2M_RAM_RW, a, false), 3);
		}
	}
}

/* The first release without a defect, and the last one with it, of each series. */
static void defects(void **state)
{
	static const struct {
		const char *id, *with, *without;
		enum emt_paging paging;
	} cases[] = {
		{ "FD1", "4.6.6", "4.7.0", EMT_PAGING_EPT },   { "FD2", "4.11.0", "4.11.1", EMT_PAGING_NPT },
		{ "FD2", "4.8.4", "4.8.5", EMT_PAGING_NPT },   { "FD2", "4.9.3", "4.12.0", EMT_PAGING_NPT },
		{ "FD3", "4.12.3", "4.12.4", EMT_PAGING_EPT }, { "FD3", "4.13.1", "4.14.0", EMT_PAGING_EPT },
		{ "FD3", "4.11.4", "4.13.2", EMT_PAGING_EPT }, { "FD4", "4.13.1", "4.13.2", EMT_PAGING_EPT },
		{ "FD5", "4.14.0", "4.14.1", EMT_PAGING_NPT }, { "FD6", "4.14.0", "4.15.0", EMT_PAGING_NPT },
		{ "FD7", "4.15.7", "4.16.0", EMT_PAGING_NPT }, { "FD8", "4.15.7", "4.16.0", EMT_PAGING_EPT },
		{ "FD9", "4.17.2", "4.17.3", EMT_PAGING_NPT }, { "FD9", "4.14.6", "4.15.6", EMT_PAGING_NPT },
		{ "FD9", "4.16.5", "4.18.0", EMT_PAGING_NPT }, { "FD10", "4.15.1", "4.15.2", EMT_PAGING_EPT },
	};

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(cases); i++)
		for (int side = 0; side < 2; side++) {
			struct emt_release rel;
			uint32_t mask;
			bool found = false;

			assert_int_equal(emt_release_parse(&rel, side ? cases[i].without : cases[i].with, false, NULL), 0);
			mask = emt_fl_defects_of(&(struct emt_fl_where){ &rel, cases[i].paging, true });
			for (size_t k = 0; k < emt_nr_fl_defects; k++)
				found |= mask >> k & 1 && !strcmp(emt_fl_defects[k].id, cases[i].id);
			if (found == side)
				fail_msg("%s in %s", cases[i].id, rel.text);
			/* the other vendor's never */
			for (size_t k = 0; k < emt_nr_fl_defects; k++)
				if (mask >> k & 1)
					assert_null(strstr(emt_fl_defects[k].text,
							   cases[i].paging == EMT_PAGING_EPT ? "AMD" : "VT-d"));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row),   cmocka_unit_test(parts), cmocka_unit_test(shadow_on_sharing_hosts),
		cmocka_unit_test(fixes),       cmocka_unit_test(permissions), cmocka_unit_test(defects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
