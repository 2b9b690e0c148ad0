/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Effective types: the manual's table, typed from its rows; whole guests, where each
 * page's answer is worked out by another way; aliases against a map of every frame.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/alias.h"
#include "common.h"
#include "policy/effective.h"

#define UC EMT_MT_UC
#define WC EMT_MT_WC
#define WT EMT_MT_WT
#define WP EMT_MT_WP
#define WB EMT_MT_WB
#define UCM EMT_MT_7

/* SDM vol. 3, table "Effective Page-Level Memory Types": MTRR type, PAT entry, effective
 * type, row by row as printed; the EPT's type stands in the MTRR's place (29.3.7.2). */
static const uint8_t sdm[][3] = {
	{ UC, UC, UC }, { UC, UCM, UC }, { UC, WC, WC }, { UC, WT, UC }, { UC, WB, UC }, { UC, WP, UC },
	{ WC, UC, UC }, { WC, UCM, WC }, { WC, WC, WC }, { WC, WT, UC }, { WC, WB, WC }, { WC, WP, UC },
	{ WT, UC, UC }, { WT, UCM, UC }, { WT, WC, WC }, { WT, WT, WT }, { WT, WB, WT }, { WT, WP, WP },
	{ WB, UC, UC }, { WB, UCM, UC }, { WB, WC, WC }, { WB, WT, WT }, { WB, WB, WB }, { WB, WP, WP },
	{ WP, UC, UC }, { WP, UCM, WC }, { WP, WC, WC }, { WP, WT, WT }, { WP, WB, WP }, { WP, WP, WP },
};

static unsigned int by_sdm(unsigned int emt, unsigned int pat)
{
	for (size_t i = 0; i < EMT_ARRAY_SIZE(sdm); i++)
		if (sdm[i][0] == emt && sdm[i][1] == pat)
			return sdm[i][2];
	return 99;
}

static void the_manuals_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(sdm); i++) {
		assert_int_equal(emt_effective(sdm[i][0], false, sdm[i][1], false), sdm[i][2]);
		assert_int_equal(emt_effective(sdm[i][0], true, sdm[i][1], false), sdm[i][0]);
		/* caches off by a PAT of all UC: ipat still wins */
		assert_int_equal(emt_effective(sdm[i][0], false, sdm[i][1], true), UC);
		assert_int_equal(emt_effective(sdm[i][0], true, sdm[i][1], true), sdm[i][0]);
	}
	assert_int_equal(emt_effective(2, false, WB, false), EMT_MT_7);
	assert_int_equal(emt_effective(7, false, WB, false), EMT_MT_7);
}

/* ---- a guest of 64 frames whose tables map what a row of text says ---- */

static uint8_t memory[64][4096];

static const void *frame(void *arg, uint64_t gfn)
{
	(void)arg;
	return gfn < 64 ? memory[gfn] : NULL;
}

static void entry(unsigned int f, unsigned int i, uint64_t e)
{
	memcpy(&memory[f][i * 8], &e, 8);
}

/* Tables in frames 1..4; linear 0x400000 + n pages is 'n'. */
static void tables(void)
{
	memset(memory, 0, sizeof(memory));
	entry(1, 0, 0x2007);
	entry(2, 0, 0x3007);
	entry(3, 2, 0x4007);
}

static void gpas_add(struct emt_gpas *m, uint64_t gfn, uint64_t mfn, uint64_t n, unsigned int emt, unsigned int ipat,
		     uint16_t types, enum emt_verdict verdict, emt_outcomes expected)
{
	struct emt_facts f;
	struct emt_piece p = { .run = { .gfn = gfn, .mfn = mfn, .count = n, .perm = 7, .emt = (uint8_t)emt,
					.ipat = (uint8_t)ipat, .p2mt = EMT_P2M_UNKNOWN },
			       .types = types, .verdict = verdict, .expected = expected };

	emt_facts_init(&f);
	assert_int_equal(emt_gpas_add(m, &p, &f), 0);
}

#define RAM 1u
#define MMIO (1u << EMT_P2M_MMIO_DIRECT)
#define PAT 0x0407050600070106ull /* WB WC UC- UC WB WP UC- WT, as Linux has it */

static const uint8_t pat_types[8] = { WB, WC, UCM, UC, WB, WP, UCM, WT };

struct got {
	struct emt_eff e[64];
	size_t n;
	const struct emt_view *view;
	const struct emt_gpas *gpas;
};

static int take(const struct emt_eff *e, void *arg)
{
	struct got *g = arg;

	assert_true(g->n < 64);
	g->e[g->n++] = *e;
	return 0;
}

static int take_run(const struct emt_guest_run *run, void *arg)
{
	struct got *g = arg;

	return emt_eff_run(g->view, g->gpas, run, take, g);
}

static void walk(struct got *g, const struct emt_view *v, const struct emt_gpas *m)
{
	struct emt_view_walk w = { .view = v, .gpas = m, .mem = { frame, NULL }, .last = UINT64_MAX, .run = take_run,
				   .arg = g };
	struct emt_guest_result r;

	*g = (struct got){ .view = v, .gpas = m };
	assert_int_equal(emt_view_walk(&w, &r, NULL), 0);
}

static void facts_of(struct emt_facts *f, uint64_t cr0, int iommu)
{
	emt_facts_init(f);
	assert_int_equal(emt_facts_vcpus(f, 1), 0);
	f->vcpu_cr0[0] = cr0;
	f->vcpu_cr3[0] = 0x1000;
	f->vcpu_cr4[0] = 0x20;
	f->vcpu_efer[0] = 0xd00;
	f->vcpu_pat[0] = PAT;
	for (int id = EMT_FACT_VCPU_PAT; id <= EMT_FACT_VCPU_EFER; id++)
		emt_facts_set(f, (enum emt_fact_id)id, EMT_KNOWN, "test");
	if (iommu >= 0) {
		f->domain_iommu = (uint8_t)iommu;
		emt_facts_set(f, EMT_FACT_DOMAIN_IOMMU, EMT_KNOWN, "test");
	}
}

/* All eight slots over RAM, MMIO, a special page and a hole, each EPT type. */
static void every_slot(void **state)
{
	static const uint8_t emts[] = { UC, WC, WT, WP, WB };

	(void)state;
	for (unsigned int k = 0; k < 20; k++) {
		unsigned int emt = emts[k % 5], ipat = k / 5 & 1, mmio = k / 10;
		struct emt_gpas m = { NULL, 0, 0 };
		struct emt_view *v;
		struct emt_facts f;
		struct got g;
		size_t n;

		tables();
		for (unsigned int i = 0; i < 8; i++)
			entry(4, i, (0x20ull + i) << 12 | 7 | (i & 1) << 3 | (i >> 1 & 1) << 4 | (i >> 2) << 7);
		facts_of(&f, 0x80000011, 0);
		assert_int_equal(emt_views_of(&f, &v, &n, NULL), 0);
		assert_int_equal(n, 1);
		gpas_add(&m, 0, 0x100, 64, emt, ipat, mmio ? MMIO : RAM, EMT_V_OK, 0);
		walk(&g, v, &m);
		assert_int_equal(g.n, 8);
		for (unsigned int i = 0; i < 8; i++) {
			unsigned int want = ipat ? emt : by_sdm(emt, pat_types[i]);
			bool cached = want == WB || want == WT || want == WP;

			assert_int_equal(g.e[i].va, 0x400000 + i * 4096);
			assert_int_equal(g.e[i].gfn, 0x20 + i);
			assert_int_equal(g.e[i].pat, pat_types[i]);
			assert_int_equal(g.e[i].types, 1u << want);
			assert_int_equal(g.e[i].finding, mmio ? cached ? EMT_EFF_MMIO_CACHED : EMT_EFF_FINE :
					 cached ? EMT_EFF_FINE : want == WC ? EMT_EFF_RAM_WC : EMT_EFF_RAM_UC);
			if (!mmio && !cached) {
				assert_int_equal(g.e[i].cause, emt == WB || ((emt == WT || emt == WP) && !ipat) ?
						 EMT_BY_PAT : EMT_BY_EPT);
				assert_int_equal(g.e[i].severity, g.e[i].cause == EMT_BY_EPT ? EMT_SEV_WARNING :
						 EMT_SEV_INFO);
			}
		}
		emt_gpas_free(&m);
		free(v);
		emt_facts_free(&f);
	}
}

/* Pending entries count as what they become; unknown parts widen the answer. */
static void what_is_not_sure(void **state)
{
	struct emt_gpas m = { NULL, 0, 0 };
	struct emt_view *v;
	struct emt_facts f;
	struct got g;
	size_t n;

	(void)state;
	tables();
	for (unsigned int i = 0; i < 8; i++)
		entry(4, i, (0x20ull + i) << 12 | 7);
	facts_of(&f, 0x80000011, 0);
	assert_int_equal(emt_views_of(&f, &v, &n, NULL), 0);
	gpas_add(&m, 0x20, 0x100, 2, 7, 0, RAM, EMT_V_PENDING, EMT_OUT_BIT(WB, 0));
	gpas_add(&m, 0x22, 0x102, 2, 7, 0, RAM, EMT_V_PENDING, EMT_OUT_BIT(WB, 0) | EMT_OUT_BIT(UC, 0));
	gpas_add(&m, 0x26, 0x106, 1, WB, 0, RAM | MMIO, EMT_V_OK, 0);
	gpas_add(&m, 0x27, 0x107, 1, 2, 0, RAM, EMT_V_MISCONFIGURED, 0);
	walk(&g, v, &m);
	assert_int_equal(g.n, 5);
	assert_int_equal(g.e[0].frames, 2);
	assert_int_equal(g.e[0].types, 1u << WB);
	assert_int_equal(g.e[1].types, 1u << WB | 1u << UC);
	assert_int_equal(g.e[1].finding, EMT_EFF_FINE);
	assert_null(g.e[2].at); /* nothing is mapped at 0x24, 0x25 */
	assert_int_equal(g.e[2].frames, 2);
	assert_int_equal(g.e[3].types, 1u << WB);
	assert_int_equal(g.e[3].at->kind, EMT_GPA_OPEN);
	assert_int_equal(g.e[4].types, 0); /* a reserved EMT: the access faults */
	/* PAT not known: what holds for each of its types */
	v->pat_known = false;
	walk(&g, v, &m);
	assert_int_equal(g.e[0].types, 1u << UC | 1u << WC | 1u << WT | 1u << WP | 1u << WB);
	free(v);
	emt_facts_free(&f);
	emt_gpas_free(&m);
}

/* CR0.CD: of a domain with IOMMU all is UC but for ipat; of others nothing changes. */
static void caches_off(void **state)
{
	(void)state;
	for (int iommu = -1; iommu < 2; iommu++) {
		struct emt_gpas m = { NULL, 0, 0 };
		struct emt_view *v;
		struct emt_facts f;
		struct got g;
		size_t n;

		tables();
		entry(4, 0, 0x20007);
		entry(4, 1, 0x21007);
		facts_of(&f, 0xc0000011, iommu);
		assert_int_equal(emt_views_of(&f, &v, &n, NULL), 0);
		gpas_add(&m, 0x20, 0x100, 1, WB, 0, RAM, EMT_V_OK, 0);
		gpas_add(&m, 0x21, 0x101, 1, WB, 1, RAM, EMT_V_OK, 0);
		walk(&g, v, &m);
		assert_int_equal(g.n, 2);
		assert_int_equal(g.e[0].types, iommu < 0 ? 1u << UC | 1u << WB : iommu ? 1u << UC : 1u << WB);
		assert_int_equal(g.e[0].finding, iommu == 1 ? EMT_EFF_RAM_UC : EMT_EFF_FINE);
		if (iommu == 1)
			assert_int_equal(g.e[0].cause, EMT_BY_CD);
		assert_int_equal(g.e[1].types, 1u << WB);
		free(v);
		emt_facts_free(&f);
		emt_gpas_free(&m);
	}
}

static void views(void **state)
{
	struct emt_facts f;
	struct emt_view *v;
	struct emt_gpas m = { NULL, 0, 0 };
	struct emt_err err = { 0 };
	struct got g;
	size_t n;

	(void)state;
	facts_of(&f, 0x80000011, 0);
	assert_int_equal(emt_facts_vcpus(&f, 6), 0);
	for (unsigned int i = 1; i < 6; i++) {
		f.vcpu_cr0[i] = i == 4 ? 0x11 : f.vcpu_cr0[0];
		f.vcpu_cr3[i] = i == 2 ? 0x2000 : 0x1000;
		f.vcpu_cr4[i] = 0x20;
		f.vcpu_efer[i] = 0xd00;
		f.vcpu_pat[i] = PAT;
	}
	assert_int_equal(emt_views_of(&f, &v, &n, NULL), 0);
	assert_int_equal(n, 3);
	assert_string_equal(v[0].vcpus, "0-1,3,5");
	assert_string_equal(v[1].vcpus, "2");
	assert_string_equal(v[2].vcpus, "4");
	/* paging off: one to one below 4 GiB, and WB is what is requested */
	assert_int_equal(v[2].mode, EMT_GUEST_OFF);
	gpas_add(&m, 0x10, 0x100, 16, WB, 0, RAM, EMT_V_OK, 0);
	gpas_add(&m, 0xffff0, 0x2000, 32, UC, 0, MMIO, EMT_V_OK, 0);
	walk(&g, &v[2], &m);
	assert_int_equal(g.n, 2);
	assert_int_equal(g.e[0].va, 0x10000);
	assert_int_equal(g.e[0].types, 1u << WB);
	assert_int_equal(g.e[1].frames, 16);
	assert_int_equal(g.e[1].types, 1u << UC);
	free(v);
	emt_facts_set(&f, EMT_FACT_VCPU_CR3, EMT_UNKNOWN, NULL);
	assert_int_equal(emt_views_of(&f, &v, &n, &err), EMT_E_MISSING);
	assert_non_null(strstr(err.next, "--cr3"));
	emt_facts_free(&f);
	emt_gpas_free(&m);
}

/* ---- aliases ---- */

#define FRAMES 64

struct sum {
	uint8_t types[FRAMES];
	uint64_t next;
};

static int take_alias(const struct emt_alias *a, void *arg)
{
	struct sum *s = arg;

	assert_true(a->nr >= 2 && a->frames);
	assert_true(a->mfn >= s->next);
	s->next = a->mfn + a->frames;
	for (unsigned int k = 0; k < a->nr; k++) {
		/* each way really leads there: in this test linear and physical tell the frame */
		assert_int_equal(a->way[k].va & 0xfffff000, a->mfn << 12);
		assert_int_equal(a->way[k].gfn & 0xff, a->mfn);
		for (uint64_t i = 0; i < a->frames; i++)
			s->types[a->mfn + i] |= (uint8_t)(1u << a->way[k].type);
	}
	return 0;
}

static void aliases(void **state)
{
	static const uint8_t types[] = { UC, WC, WT, WP, WB };
	uint64_t seed = emt_test_seed();

	(void)state;
	for (unsigned int round = 0; round < 500; round++) {
		struct emt_aliases *a = emt_aliases_new();
		uint8_t want[FRAMES] = { 0 };
		struct sum s = { .next = 0 };

		assert_non_null(a);
		for (unsigned int i = 0, n = (unsigned int)emt_rand_below(&seed, 12); i < n; i++) {
			uint64_t first = emt_rand_below(&seed, FRAMES), len = 1 + emt_rand_below(&seed, FRAMES - first);
			uint8_t type = types[emt_rand_below(&seed, 5)];
			bool sure = emt_rand_below(&seed, 5) != 0;
			struct emt_gpa g = { .gfn = 0x100 * i, .last = 0x100 * i + FRAMES - 1, .mfn = 0 };
			struct emt_eff e = { .va = (uint64_t)i << 32 | first << 12, .gfn = g.gfn + first, .frames = len,
					     .at = &g, .types = (uint8_t)(sure ? 1u << type : 0x41) };

			assert_int_equal(emt_aliases_add(a, &e, i), 0);
			for (uint64_t k = first; sure && k < first + len; k++)
				want[k] |= (uint8_t)(1u << type);
		}
		assert_int_equal(emt_aliases_each(a, take_alias, &s), 0);
		for (unsigned int k = 0; k < FRAMES; k++)
			assert_int_equal(s.types[k], want[k] & (want[k] - 1) ? want[k] : 0);
		emt_aliases_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_manuals_table), cmocka_unit_test(every_slot),
		cmocka_unit_test(what_is_not_sure), cmocka_unit_test(caches_off),
		cmocka_unit_test(views), cmocka_unit_test(aliases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
