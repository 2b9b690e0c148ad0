/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the CPU uses, as findings: who is to blame and how grave it is, where it is, and
 * aliases that are mapped a million times.
 */
#include <string.h>

#include "audit/alias.h"
#include "audit/usage.h"
#include "common.h"
#include "policy/effective.h"

#define BIT(mt) (1u << (mt))

static const struct emt_view views[] = { { .vcpu = 0, .vcpus = "0-3" }, { .vcpu = 4, .vcpus = "4" } };

static struct emt_gpa ram = { .gfn = 0, .last = 0xfffff, .mfn = 0x100000, .kind = EMT_GPA_RAM };
static struct emt_gpa device = { .gfn = 0xf0000, .last = 0xfffff, .mfn = 0xe0000, .kind = EMT_GPA_MMIO };

static struct emt_eff piece(const struct emt_gpa *at, uint64_t va, uint64_t gfn, uint64_t frames, unsigned int type)
{
	return (struct emt_eff){ .va = va, .gfn = gfn, .frames = frames, .at = at, .types = (uint8_t)BIT(type) };
}

static struct emt_eff found(struct emt_eff e, enum emt_eff_finding finding, enum emt_eff_cause cause)
{
	e.finding = finding;
	e.cause = cause;
	e.severity = finding == EMT_EFF_MMIO_CACHED ? EMT_SEV_ERROR :
		     cause == EMT_BY_PAT || cause == EMT_BY_CD ? EMT_SEV_INFO : EMT_SEV_WARNING;
	return e;
}

static struct emt_findings *put(struct emt_usage *u, uint64_t unread)
{
	struct emt_findings *f;
	struct emt_release rel;
	struct emt_facts facts;

	emt_facts_init(&facts);
	assert_int_equal(emt_release_parse(&rel, "4.17.7", false, NULL), 0);
	assert_int_equal(emt_findings_new(&f, &facts, &rel), 0);
	assert_int_equal(emt_usage_put(u, views, unread, f), 0);
	assert_int_equal(emt_findings_finish(f), 0);
	emt_usage_free(u);
	emt_facts_free(&facts);
	return f;
}

static void who_is_to_blame(void **state)
{
	static const struct {
		enum emt_eff_finding finding;
		enum emt_eff_cause cause;
		unsigned int type;
		enum emt_severity severity;
		const char *reason, *text;
		enum emt_verdict verdict;
	} rows[] = {
		{ EMT_EFF_RAM_UC, EMT_BY_EPT, EMT_MT_UC, EMT_SEV_WARNING, "ram-forced", "RAM ends UC whatever",
		  EMT_V_MISMATCH },
		{ EMT_EFF_RAM_WC, EMT_BY_EPT, EMT_MT_WC, EMT_SEV_WARNING, "ram-forced", "RAM ends WC whatever", EMT_V_SUSPECT },
		{ EMT_EFF_RAM_UC, EMT_BY_EPT, EMT_MT_UC, EMT_SEV_NOTICE, "ram-ruled", "RAM ends UC by MTRRs", EMT_V_STALE },
		{ EMT_EFF_RAM_UC, EMT_BY_EPT, EMT_MT_UC, EMT_SEV_NOTICE, "ram-ruled", "RAM ends UC by MTRRs", EMT_V_OK },
		{ EMT_EFF_RAM_UC, EMT_BY_EPT, EMT_MT_UC, EMT_SEV_NOTICE, "ram-ruled", "RAM ends UC by MTRRs", EMT_V_PENDING },
		{ EMT_EFF_RAM_WC, EMT_BY_PAT, EMT_MT_WC, EMT_SEV_INFO, "ram-asked", "RAM ends WC, as the guest",
		  EMT_V_OK },
		{ EMT_EFF_RAM_UC, EMT_BY_CD, EMT_MT_CD, EMT_SEV_NOTICE, "caches-off", "RAM ends CD while", EMT_V_OK },
		{ EMT_EFF_MMIO_CACHED, EMT_BY_EPT, EMT_MT_WB, EMT_SEV_ERROR, "device-cached", "device memory ends WB",
		  EMT_V_OK },
	};

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(rows); i++) {
		struct emt_usage *u = emt_usage_new();
		const struct emt_finding *one;
		struct emt_findings *f;
		struct emt_eff e;

		ram.verdict = (uint8_t)rows[i].verdict;
		for (unsigned int k = 0; k < 3; k++) { /* two that touch, and one apart; on vCPU 4 first */
			e = found(piece(rows[i].finding == EMT_EFF_MMIO_CACHED ? &device : &ram, 0x7000 + k * 0x10000,
					0xf0010 + k * 0x10 + (k == 2) * 0x100, 0x10, rows[i].type), rows[i].finding,
				  rows[i].cause);
			assert_int_equal(emt_usage_add(u, &views[k != 0 ? 0 : 1], k != 0 ? 0 : 1, &e), 0);
		}
		e = piece(&ram, 0x9000, 0x100, 1, EMT_MT_WB); /* nothing about it */
		assert_int_equal(emt_usage_add(u, &views[0], 0, &e), 0);
		f = put(u, 0);
		assert_int_equal(emt_findings_count(f), 1);
		one = emt_findings_get(f, 0);
		assert_string_equal(one->kind, "effective");
		assert_int_equal(one->severity, rows[i].severity);
		assert_string_equal(emt_reason_name(one->why), rows[i].reason);
		assert_int_equal(strncmp(one->explanation, rows[i].text, strlen(rows[i].text)), 0);
		assert_non_null(strstr(one->explanation, "first at linear 0x7000 of vCPU 4"));
		assert_int_equal(one->id, 1);
		assert_int_equal(one->entries, 3);
		assert_int_equal(one->frames, 0x30);
		assert_int_equal(one->nr_ranges, 2);
		assert_int_equal(one->ranges[0].first, 0xf0010);
		assert_int_equal(one->ranges[0].last, 0xf002f);
		assert_int_equal(one->ranges[1].first, 0xf0130);
		emt_findings_free(f);
	}
}

/* RAM cached and uncached: by the guest's wish, or not by it alone; a device twice. */
static void aliases(void **state)
{
	struct emt_usage *u = emt_usage_new();
	const struct emt_eff all[] = {
		piece(&ram, 0x10000, 0x10, 8, EMT_MT_WB),
		found(piece(&ram, 0x20000, 0x11, 1, EMT_MT_UC), EMT_EFF_RAM_UC, EMT_BY_PAT),
		found(piece(&ram, 0x30000, 0x13, 2, EMT_MT_UC), EMT_EFF_RAM_UC, EMT_BY_EPT),
		/* two cached types, and two uncached ones of RAM: no harm */
		piece(&ram, 0x40000, 0x16, 1, EMT_MT_WT),
		found(piece(&ram, 0x50000, 0x30, 1, EMT_MT_UC), EMT_EFF_RAM_UC, EMT_BY_PAT),
		found(piece(&ram, 0x60000, 0x30, 1, EMT_MT_WC), EMT_EFF_RAM_WC, EMT_BY_PAT),
		piece(&device, 0x70000, 0xf0000, 4, EMT_MT_UC),
		piece(&device, 0x80000, 0xf0001, 1, EMT_MT_WC),
	};
	static const struct {
		const char *reason;
		enum emt_severity severity;
		uint64_t first, frames;
		const char *text;
	} want[] = {
		{ "alias-forced", EMT_SEV_WARNING, 0x13, 2, "RAM is reached as UC and WB, and not only" },
		{ "alias-asked", EMT_SEV_NOTICE, 0x11, 1, "RAM is reached as UC and WB, by the guest's own" },
		{ "alias-device", EMT_SEV_INFO, 0xf0001, 1, "device memory is reached as UC and WC; first" },
	};
	struct emt_findings *f;
	unsigned int seen = 0;

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(all); i++)
		assert_int_equal(emt_usage_add(u, &views[0], 0, &all[i]), 0);
	f = put(u, 3);
	for (size_t i = 0; i < emt_findings_count(f); i++) {
		const struct emt_finding *one = emt_findings_get(f, i);

		if (one->why == EMT_WHY_TABLES_UNREAD) {
			assert_int_equal(one->severity, EMT_SEV_NOTICE);
			assert_non_null(strstr(one->explanation, "3 page tables"));
			seen |= 8;
		}
		for (unsigned int k = 0; k < 3; k++) {
			if (strcmp(emt_reason_name(one->why), want[k].reason))
				continue;
			assert_string_equal(one->kind, "alias");
			assert_int_equal(one->severity, want[k].severity);
			assert_int_equal(one->ranges[0].first, want[k].first);
			assert_int_equal(one->frames, want[k].frames);
			assert_int_equal(strncmp(one->explanation, want[k].text, strlen(want[k].text)), 0);
			seen |= 1u << k;
		}
	}
	assert_int_equal(seen, 15);
	emt_findings_free(f);
}

struct sum {
	uint64_t frames, stretches;
};

static int count(const struct emt_alias *a, void *arg)
{
	struct sum *s = arg;

	assert_int_equal(a->nr, 2);
	assert_int_equal((a->mfn - 0x100000) % 0x10, 3);
	s->frames += a->frames;
	s->stretches++;
	return 0;
}

/* A direct map, seen by each of many vCPUs, over and over: what is noted once is enough. */
static void mapped_again_and_again(void **state)
{
	struct emt_aliases *a = emt_aliases_new();
	struct sum s = { 0, 0 };

	(void)state;
	for (unsigned int round = 0; round < 200; round++)
		for (uint64_t k = 0; k < 0x800; k++) {
			struct emt_eff e = piece(&ram, k << 16, k * 0x10, 0x10, EMT_MT_WB);

			assert_int_equal(emt_aliases_add(a, &e, round), 0);
			e = piece(&ram, (k << 16) + 0x3000, k * 0x10 + 3, 1, EMT_MT_WC);
			assert_int_equal(emt_aliases_add(a, &e, round), 0);
		}
	assert_true(emt_aliases_room(a) <= 1u << 17); /* of 800,000 pieces */
	assert_int_equal(emt_aliases_each(a, count, &s), 0);
	assert_int_equal(s.stretches, 0x800);
	assert_int_equal(s.frames, 0x800);
	emt_aliases_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_to_blame),
		cmocka_unit_test(aliases),
		cmocka_unit_test(mapped_again_and_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
