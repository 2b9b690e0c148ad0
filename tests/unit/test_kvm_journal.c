/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether non-coherent DMA was ever registered, by a journal. */
#include "common.h"
#include "journal_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audit/audit.h"
#include "source/kvm_journal.h"

#define HEAD(t) "{\"record\":\"header\",\"time\":\"2026-01-01T" t "Z\"}\n"
#define BEGIN(way, more) "{\"record\":\"kvm_watching\",\"way\":\"" way "\",\"to\":null" more "}\n"
#define DMA(vm, on, t) \
	"{\"record\":\"kvm_event\",\"vm\":" vm ",\"event\":\"noncoherent-" on "\",\"time\":\"2026-01-01T" t "Z\"}\n"
#define END(t, lost) "{\"record\":\"kvm_watching\",\"way\":\"fentry\",\"to\":\"2026-01-01T" t "Z\",\"lost\":" lost "}\n"
#define NOON 1767268800 /* 2026-01-01T12:00:00Z: process 77 begins */

static struct emt_facts f;
static bool watched = true; /* somebody holds the lock */

static void replay(const char *journal, int64_t begun)
{
	struct journal_file j;

	journal_file_make(&j, journal, watched);
	emt_facts_free(&f);
	emt_facts_init(&f);
	assert_int_equal(emt_kvm_journal_facts(j.path, 77, begun, &f), 0);
	journal_file_remove(&j);
}

/* 1 yes, 0 no, -1 nothing is said. */
static int ever(void)
{
	return f.prov[EMT_FACT_KVM_NC_EVER].held == EMT_UNKNOWN ? -1 : f.kvm_nc_ever;
}

static void what_was_seen_is_known(void **state)
{
	(void)state;
	replay(HEAD("11:00:00") BEGIN("fentry", "") DMA("77", "on", "12:30:00") DMA("77", "off", "12:31:00"), NOON);
	assert_int_equal(ever(), 1);
	assert_int_equal(f.prov[EMT_FACT_KVM_NC_EVER].held, EMT_KNOWN);
	/* by whatever watch, also one that came later or was cut off */
	replay(HEAD("12:20:00") BEGIN("kprobe", "") DMA("77", "on", "12:30:00") HEAD("13:00:00") BEGIN("uprobe", ""), NOON);
	assert_int_equal(ever(), 1);
	/* of another virtual machine, or of a process that had the number before */
	replay(HEAD("11:00:00") BEGIN("fentry", "") DMA("78", "on", "12:30:00"), NOON);
	assert_int_equal(ever(), 0);
	replay(HEAD("11:00:00") BEGIN("fentry", "") DMA("77", "on", "11:30:00"), NOON);
	assert_int_equal(ever(), 0);
	replay(HEAD("11:00:00") BEGIN("fentry", ""), 0); /* when it began is not known */
	assert_int_equal(ever(), -1);
}

static void never_takes_a_whole_watch(void **state)
{
	(void)state;
	replay(HEAD("11:00:00") BEGIN("fentry", ""), NOON);
	assert_int_equal(ever(), 0);
	assert_int_equal(f.prov[EMT_FACT_KVM_NC_EVER].held, EMT_KNOWN);
	replay(HEAD("12:01:00") BEGIN("fentry", ""), NOON); /* it began too late */
	assert_int_equal(ever(), -1);
	replay(HEAD("11:00:00") BEGIN("uprobe", ""), NOON); /* sees no DMA */
	assert_int_equal(ever(), -1);
	replay(HEAD("11:00:00"), NOON); /* a watch of Xen's toolstack */
	assert_int_equal(ever(), -1);
	replay(HEAD("11:00:00") BEGIN("fentry", ",\"only\":78"), NOON); /* of another virtual machine only */
	assert_int_equal(ever(), -1);
	replay(HEAD("11:00:00") BEGIN("fentry", "") END("12:10:00", "0"), NOON); /* it ended */
	assert_int_equal(ever(), -1);
	replay(HEAD("11:00:00") BEGIN("fentry", "") HEAD("12:10:00") BEGIN("fentry", ""), NOON); /* was cut off */
	assert_int_equal(ever(), -1);
	replay(HEAD("11:00:00") BEGIN("fentry", "") END("12:10:00", "3") BEGIN("fentry", ""), NOON); /* lost some */
	assert_int_equal(ever(), -1);
	replay(HEAD("11:00:00") BEGIN("fentry", "") END("11:10:00", "3") BEGIN("fentry", ""), NOON); /* before that */
	assert_int_equal(ever(), 0);
	watched = false;
	replay(HEAD("11:00:00") BEGIN("fentry", ""), NOON);
	assert_int_equal(ever(), -1);
	watched = true;
	emt_facts_free(&f);
	emt_facts_init(&f);
	assert_int_equal(emt_kvm_journal_facts("/nonexistent", 77, NOON, &f), 0);
	assert_int_equal(ever(), -1);
}

static int keep(const struct emt_piece *p, void *arg)
{
	*(enum emt_verdict *)arg = p->verdict;
	return 0;
}

/* WB without ipat, and no DMA now: a device that came and went explains it, if there was one. */
static void it_decides_verdicts(void **state)
{
	const struct emt_run run = { .gfn = 0x100, .mfn = 0x200, .count = 1, .perm = 7, .emt = EMT_MT_WB,
				     .p2mt = EMT_P2M_UNKNOWN, .access = 0xff };
	static const struct {
		int ever;
		enum emt_verdict verdict;
	} cases[] = { { 1, EMT_V_STALE }, { -1, EMT_V_STALE }, { 0, EMT_V_MISMATCH } };

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(cases); i++) {
		enum emt_verdict verdict = EMT_V_OK;
		struct emt_engine *e;

		emt_facts_free(&f);
		emt_facts_init(&f);
		f.is_kvm = 1;
		f.paging = EMT_PAGING_EPT;
		strcpy(f.release, "kvm 6.1.0");
		emt_facts_set(&f, EMT_FACT_RELEASE, EMT_KNOWN, "test");
		emt_facts_set(&f, EMT_FACT_PAGING, EMT_KNOWN, "test");
		emt_facts_set(&f, EMT_FACT_KVM_NONCOHERENT, EMT_KNOWN, "test");
		emt_facts_set_list(&f, EMT_FACT_KVM_MMIO, EMT_KNOWN, EMT_KNOWN, "test");
		assert_int_equal(emt_facts_vcpus(&f, 1), 0);
		emt_mtrr_init(&f.vcpu_mtrr[0]);
		f.vcpu_mtrr[0].e = 1;
		f.vcpu_mtrr[0].def_type = EMT_MT_WB;
		emt_mtrr_hold(&f.vcpu_mtrr[0], EMT_KNOWN);
		f.vcpu_cr0[0] = 0x11;
		emt_facts_set(&f, EMT_FACT_VCPU_MTRR, EMT_KNOWN, "test");
		emt_facts_set(&f, EMT_FACT_VCPU_CR0, EMT_KNOWN, "test");
		if (cases[i].ever >= 0) {
			f.kvm_nc_ever = (uint8_t)cases[i].ever;
			emt_facts_set(&f, EMT_FACT_KVM_NC_EVER, EMT_KNOWN, "journal");
		}
		assert_int_equal(emt_engine_new(&e, &f, NULL, NULL), 0);
		assert_int_equal(emt_engine_run(e, &run, keep, &verdict), 0);
		assert_int_equal(verdict, cases[i].verdict);
		emt_engine_free(e);
	}
	emt_facts_free(&f);
}

static void a_process_of_ours(void **state)
{
	int64_t begun = emt_process_begun((uint32_t)getpid()), now = time(NULL);

	(void)state;
	assert_in_range(now - begun, 0, 600);
	assert_int_equal(emt_process_begun(0xfffffff), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_seen_is_known), cmocka_unit_test(never_takes_a_whole_watch),
		cmocka_unit_test(it_decides_verdicts), cmocka_unit_test(a_process_of_ours),
	};

	emt_facts_init(&f);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
