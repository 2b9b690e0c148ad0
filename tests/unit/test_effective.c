/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Effective types: the manual's table, typed from its rows; whole guests, where each
 * page's answer is worked out by another way; aliases against a map of every frame.
 */
#include <stdio.h>
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

/* ---- AMD ---- */

/* APM vol. 2, table 15-19, the columns of the types that Xen's nested entries hold, as
 * lines "guest type: WB UC- UC"; "A/B" is a cell that this project does not rest on. */
static const char *const apm_pats[] = {
	"UC: UC UC UC", "UC-: UC UC- UC", "WC: WC+ WC WC/WC+", "WP: WP UC UC", "WT: WT UC UC", "WB: WB UC/UC- UC",
};
/* Table 7-11 with the row of WC+ (table 15-20): "combined type: UC WC WP WT WB" of the MTRRs. */
static const char *const apm_mtrrs[] = {
	"UC: UC CD CD CD CD", "UC-: UC WC CD CD CD", "WC: WC WC WC WC WC", "WC+: WC WC WC+ WC+ WC+",
	"WP: UC CD WP CD WP", "WT: UC CD CD WT WT", "WB: UC WC WP WT WB",
};

/* Word 'i' behind the head "NAME:" of the line that begins so. */
static void cell(const char *const *lines, size_t n, const char *head, unsigned int i, char out[16])
{
	size_t len = strlen(head);

	out[0] = '\0';
	for (size_t k = 0; k < n; k++) {
		const char *p = lines[k];

		if (strncmp(p, head, len) || p[len] != ':')
			continue;
		for (p += len + 2; i; i--)
			p = strchr(p, ' ') + 1;
		snprintf(out, 16, "%.*s", (int)strcspn(p, " "), p);
	}
}

/* The set that both tables give, each name of "A/B" followed. */
static unsigned int by_apm(const char *pat, unsigned int nested, unsigned int mtrr)
{
	char both[16], one[16], *save, *name;
	unsigned int set = 0;

	cell(apm_pats, EMT_ARRAY_SIZE(apm_pats), pat, nested, both);
	for (name = strtok_r(both, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
		cell(apm_mtrrs, EMT_ARRAY_SIZE(apm_mtrrs), name, mtrr, one);
		for (unsigned int t = 0; t < 8; t++)
			if (!strcmp(one, emt_effective_name(t)))
				set |= 1u << t;
	}
	return set;
}

static void amds_tables(void **state)
{
	static const uint8_t pats[] = { UC, UCM, WC, WP, WT, WB }, nested[] = { WB, UCM, UC };
	static const uint8_t mtrrs[] = { UC, WC, WP, WT, WB };
	static const char *const names[] = { "UC", "UC-", "WC", "WP", "WT", "WB" };

	(void)state;
	for (unsigned int p = 0; p < 6; p++)
		for (unsigned int n = 0; n < 3; n++)
			for (unsigned int m = 0; m < 5; m++) {
				unsigned int want = by_apm(names[p], n, m);

				assert_int_not_equal(want, 0);
				assert_int_equal(emt_effective_npt(pats[p], nested[n], mtrrs[m]), want);
			}
	/* what Xen never writes, and types that do not exist: anything */
	assert_int_equal(emt_effective_npt(WB, WT, WB), EMT_EFFECTIVE_CACHED | EMT_EFFECTIVE_UNCACHED);
	assert_int_equal(emt_effective_npt(2, WB, WB), EMT_EFFECTIVE_CACHED | EMT_EFFECTIVE_UNCACHED);
	assert_int_equal(emt_effective_npt(WB, WB, 7), EMT_EFFECTIVE_CACHED | EMT_EFFECTIVE_UNCACHED);
	/* the bits of entries: none, PCD, PCD and PWT, and PAT where each size has it */
	assert_int_equal(emt_npt_pat(0x67, 0, false), WB);
	assert_int_equal(emt_npt_pat(0x77, 0, false), UCM);
	assert_int_equal(emt_npt_pat(0x7f, 0, false), UC);
	assert_int_equal(emt_npt_pat(0xe7, 9, false), WB);
	assert_int_equal(emt_npt_pat(0xf7, 9, false), UCM);
	assert_int_equal(emt_npt_pat(0x10e7, 18, false), WC);
	assert_int_equal(emt_npt_pat(0xe7, 0, false), WC);
	/* Linux sets its PAT in another order */
	assert_int_equal(emt_npt_pat(0x67, 0, true), WB);
	assert_int_equal(emt_npt_pat(0xe7, 0, true), WB);
	assert_int_equal(emt_npt_pat(0xef, 0, true), EMT_MT_WP);
	assert_int_equal(emt_npt_pat(0x6f, 0, true), WC);
	assert_int_equal(emt_npt_pat(0xff, 0, true), EMT_MT_WT);
	assert_string_equal(emt_effective_name(EMT_MT_CD), "CD");
	assert_string_equal(emt_effective_name(EMT_MT_WC_PLUS), "WC+");
}

/* Who heeds a guest's CR0.CD, by release: read from the condition in hvm_set_cr0(). */
static void xen_and_cd(void **state)
{
	static const struct {
		const char *release;
		bool global, own, caps, devices, snoop;
		uint16_t want;
	} rows[] = {
		{ "4.17.7", true, true, true, false, false, EMT_YES }, { "4.17.7", true, true, false, true, false, EMT_YES },
		{ "4.17.7", true, true, false, false, false, EMT_NO }, { "4.17.7", true, false, true, true, false, EMT_NO },
		{ "4.13.0", true, false, true, true, false, EMT_NO },  { "4.12.4", true, false, true, false, false, EMT_YES },
		{ "4.5.0", true, false, true, false, true, EMT_YES },  { "4.5.0", false, false, true, true, false, EMT_NO },
		{ "4.4.4", true, true, true, false, false, EMT_NO },   { "4.4.4", true, false, false, true, false, EMT_YES },
		{ "4.4.4", true, false, false, true, true, EMT_NO },   { "4.2.4", true, false, false, true, false, EMT_YES },
		{ "4.2.3", true, false, false, true, false, EMT_NO },  { "4.3.1", true, true, true, true, false, EMT_NO },
		{ "4.3.2", true, true, true, true, false, EMT_YES },
	};

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(rows); i++) {
		struct emt_release rel;
		struct emt_facts f;

		emt_facts_init(&f);
		f.iommu_enabled = rows[i].global;
		f.domain_iommu = rows[i].own;
		f.iommu_snoop = rows[i].snoop;
		f.pci_devices = rows[i].devices;
		assert_int_equal(emt_release_parse(&rel, rows[i].release, false, NULL), 0);
		assert_int_equal(emt_xen_heeds_cd(&f, &rel), strcmp(rows[i].release, "4.2.3") &&
				 strcmp(rows[i].release, "4.3.1") ? EMT_EITHER : EMT_NO);
		assert_int_equal(emt_xen_heeds_cd(&f, NULL), EMT_EITHER);
		emt_facts_set(&f, EMT_FACT_IOMMU_ENABLED, EMT_KNOWN, "test");
		emt_facts_set(&f, EMT_FACT_DOMAIN_IOMMU, EMT_KNOWN, "test");
		emt_facts_set(&f, EMT_FACT_IOMMU_SNOOP, EMT_KNOWN, "test");
		emt_facts_set(&f, EMT_FACT_PCI_DEVICES, EMT_KNOWN, "test");
		emt_facts_set_list(&f, EMT_FACT_IOMEM_CAPS, EMT_KNOWN, EMT_KNOWN, "test");
		emt_facts_set_list(&f, EMT_FACT_IOPORT_CAPS, EMT_KNOWN, EMT_KNOWN, "test");
		if (rows[i].caps)
			assert_int_equal(emt_ranges_add(i & 1 ? &f.iomem_caps : &f.ioport_caps, 0x3f8, 0x3ff, 0, EMT_KNOWN), 0);
		assert_int_equal(emt_xen_heeds_cd(&f, &rel), rows[i].want);
		emt_facts_free(&f);
	}
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
	f->pci_devices = 1;
	emt_facts_set(f, EMT_FACT_PCI_DEVICES, EMT_KNOWN, "test");
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
		struct emt_gpas m = { .n = 0 };
		struct emt_view *v;
		struct emt_facts f;
		struct got g;
		size_t n;

		tables();
		for (unsigned int i = 0; i < 8; i++)
			entry(4, i, (0x20ull + i) << 12 | 7 | (i & 1) << 3 | (i >> 1 & 1) << 4 | (i >> 2) << 7);
		facts_of(&f, 0x80000011, 0);
		assert_int_equal(emt_views_of(&f, NULL, &v, &n, NULL), 0);
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
	struct emt_gpas m = { .n = 0 };
	struct emt_view *v;
	struct emt_facts f;
	struct got g;
	size_t n;

	(void)state;
	tables();
	for (unsigned int i = 0; i < 8; i++)
		entry(4, i, (0x20ull + i) << 12 | 7);
	facts_of(&f, 0x80000011, 0);
	assert_int_equal(emt_views_of(&f, NULL, &v, &n, NULL), 0);
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
		struct emt_gpas m = { .n = 0 };
		struct emt_release rel;
		struct emt_view *v;
		struct emt_facts f;
		struct got g;
		size_t n;

		tables();
		entry(4, 0, 0x20007);
		entry(4, 1, 0x21007);
		facts_of(&f, 0xc0000011, iommu);
		assert_int_equal(emt_release_parse(&rel, "4.17.7", false, NULL), 0);
		assert_int_equal(emt_views_of(&f, &rel, &v, &n, NULL), 0);
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
	struct emt_gpas m = { .n = 0 };
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
	assert_int_equal(emt_views_of(&f, NULL, &v, &n, NULL), 0);
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
	assert_int_equal(emt_views_of(&f, NULL, &v, &n, &err), EMT_E_MISSING);
	assert_non_null(strstr(err.next, "--cr3"));
	emt_facts_free(&f);
	emt_gpas_free(&m);
}

/* ---- a guest on nested tables ---- */

#define NPT_RAM 0x67ull
#define NPT_MMIO (0x77ull | 5ull << 52)
#define NPT_MMIO_RO (0x7dull | 5ull << 52)

static void nested_add(struct emt_gpas *m, const struct emt_facts *f, uint64_t gfn, uint64_t mfn, uint64_t n, uint64_t raw)
{
	struct emt_run r = { .gfn = gfn, .mfn = mfn, .count = n, .perm = 7, .raw = raw, .access = 0xff,
			     .flags = EMT_RUN_RAW | EMT_RUN_NO_TYPE, .p2mt = (uint8_t)(raw >> 52 & 0x7f) };

	assert_int_equal(emt_gpas_add_npt(m, &r, f), 0);
}

/* Host MTRRs: UC by default, WB over the first 2 GiB, UC over 0x7f000 and on. */
static void host_of(struct emt_facts *f)
{
	emt_mtrr_init(&f->host_mtrr);
	f->host_mtrr.e = 1;
	f->host_mtrr.vcnt = 2;
	f->host_mtrr.var[0][0] = 6;
	f->host_mtrr.var[0][1] = 0xffff80000800ull;
	f->host_mtrr.var[1][0] = 0x7f000000;
	f->host_mtrr.var[1][1] = 0xffffff000800ull;
	emt_mtrr_hold(&f->host_mtrr, EMT_KNOWN);
	emt_facts_set(f, EMT_FACT_HOST_MTRR, EMT_KNOWN, "test");
}

/* All eight slots over RAM, device memory and read-only device memory. */
static void nested(void **state)
{
	static const char *const names[8] = { "WB", "WC", "UC-", "UC", "WB", "WP", "UC-", "WT" };
	static const struct {
		uint64_t mfn, raw;
		unsigned int column, mtrr; /* of apm_pats and apm_mtrrs */
		bool ram;
	} places[] = {
		{ 0x1000, NPT_RAM, 0, 4, true },    { 0x7f000, NPT_RAM, 0, 0, true }, { 0x1000000, NPT_RAM, 0, 4, true },
		{ 0xf0000, NPT_MMIO, 1, 0, false }, { 0x1000, NPT_MMIO, 1, 4, false }, { 0xfec00, NPT_MMIO_RO, 2, 0, false },
		{ 0xf0000, NPT_RAM | 5ull << 52, 0, 0, false }, { 0x2000, NPT_RAM | 5ull << 52, 0, 4, false },
	};

	(void)state;
	for (size_t k = 0; k < EMT_ARRAY_SIZE(places); k++) {
		struct emt_gpas m = { .n = 0 };
		struct emt_view *v;
		struct emt_facts f;
		struct got g;
		char text[8];
		size_t n;

		tables();
		for (unsigned int i = 0; i < 8; i++)
			entry(4, i, (0x20ull + i) << 12 | 7 | (i & 1) << 3 | (i >> 1 & 1) << 4 | (i >> 2) << 7);
		facts_of(&f, 0x80000011, 0);
		f.paging = EMT_PAGING_NPT;
		host_of(&f);
		assert_int_equal(emt_views_of(&f, NULL, &v, &n, NULL), 0);
		nested_add(&m, &f, 0, places[k].mfn, 64, places[k].raw);
		assert_int_equal(m.n, 1);
		assert_string_equal(emt_gpa_type_text(&m.v[0], text), places[k].column == 0 ? "WB" :
				    places[k].column == 1 ? "UC-" : "UC");
		walk(&g, v, &m);
		assert_int_equal(g.n, 8);
		for (unsigned int i = 0; i < 8; i++) {
			unsigned int want = by_apm(names[i], places[k].column, places[k].mtrr);
			bool cached = want == 1u << WB || want == 1u << WT || want == 1u << WP;

			assert_int_equal(g.e[i].types, want);
			assert_int_equal(g.e[i].finding, !places[k].ram ? cached ? EMT_EFF_MMIO_CACHED : EMT_EFF_FINE :
					 cached ? EMT_EFF_FINE : i == 1 ? EMT_EFF_RAM_WC : EMT_EFF_RAM_UC);
			if (places[k].ram && !cached)
				assert_int_equal(g.e[i].cause, places[k].mtrr ? EMT_BY_PAT : EMT_BY_HOST_MTRR);
			if (!places[k].ram && cached)
				assert_int_equal(g.e[i].cause, EMT_BY_NPT);
		}
		/* the processor heeds CR0.CD by itself, IOMMU or not */
		free(v);
		f.vcpu_cr0[0] |= EMT_CR0_CD;
		assert_int_equal(emt_views_of(&f, NULL, &v, &n, NULL), 0);
		assert_int_equal(v->cd, EMT_CD_ON);
		walk(&g, v, &m);
		assert_int_equal(g.e[0].types, 1u << EMT_MT_CD);
		free(v);
		emt_gpas_free(&m);
		/* MTRRs that are not known */
		emt_facts_set(&f, EMT_FACT_HOST_MTRR, EMT_UNKNOWN, NULL);
		nested_add(&m, &f, 0, places[k].mfn, 64, places[k].raw);
		assert_true(m.v[0].mtrr_assumed);
		assert_int_equal(m.v[0].mtrr, 1u << (places[k].ram ? WB : UC));
		emt_gpas_free(&m);
		emt_facts_free(&f);
	}
}

/* A run is cut where host MTRRs end, frame by frame as another way has it. */
static void nested_cuts(void **state)
{
	struct emt_gpas m = { .n = 0 };
	struct emt_facts f;
	uint64_t next = 0x100;

	(void)state;
	facts_of(&f, 0x80000011, 0);
	f.paging = EMT_PAGING_NPT;
	host_of(&f);
	nested_add(&m, &f, 0x100, 0x7e000, 0x4000, NPT_RAM);
	nested_add(&m, &f, 0x8000, 0xff000, 0x2000, NPT_RAM);
	nested_add(&m, &f, 0x10000, 0xff000, 0x2000, NPT_MMIO);
	assert_int_equal(m.n, 5);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(m.v[i].gfn, next);
		next = m.v[i].last + 1;
		assert_int_equal(m.v[i].mtrr, m.v[i].mfn < 0x7f000 ? 1u << WB : 1u << UC);
	}
	assert_int_equal(m.v[1].last, 0x40ff);
	/* above 4 GiB RAM is WB whatever the default type; devices are not */
	assert_int_equal(m.v[2].mtrr, 1u << UC);
	assert_int_equal(m.v[2].last, 0x8fff);
	assert_int_equal(m.v[3].mtrr, 1u << WB);
	assert_int_equal(m.v[4].mtrr, 1u << UC);
	emt_gpas_free(&m);
	emt_facts_free(&f);
}

/* KVM has no p2m types: what it takes for a device's frame is told by a list. */
static void kinds_of_kvm(void **state)
{
	static const enum emt_gpa_kind want[3][2] = { { EMT_GPA_OPEN, EMT_GPA_OPEN }, { EMT_GPA_RAM, EMT_GPA_MMIO },
						       { EMT_GPA_RAM, EMT_GPA_MMIO } };

	(void)state;
	for (unsigned int held = EMT_UNKNOWN; held <= EMT_KNOWN; held++) {
		struct emt_gpas m = { .n = 0 };
		struct emt_facts f;
		struct emt_piece p = { .run = { .gfn = 0, .mfn = 0x100, .count = 1, .perm = 7, .emt = WB, .p2mt = EMT_P2M_UNKNOWN },
				       .verdict = EMT_V_OK };

		emt_facts_init(&f);
		f.is_kvm = 1;
		if (held)
			assert_int_equal(emt_ranges_add(&f.kvm_mmio, 0xf0000, 0xfffff, 0, (uint8_t)held), 0);
		emt_facts_set_list(&f, EMT_FACT_KVM_MMIO, (enum emt_held)held, (enum emt_held)held, "test");
		assert_int_equal(emt_gpas_add(&m, &p, &f), 0);
		p.run.gfn = 0x10;
		p.run.mfn = 0xf0010;
		p.run.emt = UC;
		assert_int_equal(emt_gpas_add(&m, &p, &f), 0);
		assert_int_equal(m.v[0].kind, want[held][0]);
		assert_int_equal(m.v[1].kind, want[held][1]);
		emt_gpas_free(&m);
		emt_facts_free(&f);
	}
}

/* Look-ups among many entries of all sizes, holes between them, against a plain search. */
static void lookups(void **state)
{
	struct emt_gpas m = { .n = 0 };
	uint64_t seed = emt_test_seed(), gfn = 5;

	(void)state;
	assert_null(emt_gpas_from(&m, 0));
	for (unsigned int i = 0; i < 3000; i++) {
		uint64_t n = emt_rand_below(&seed, 4) ? 1 : 1 + emt_rand_below(&seed, i < 1500 ? 8 : 100000);

		gpas_add(&m, gfn, emt_rand(&seed) >> 30, n, WB, 0, RAM, EMT_V_OK, 0);
		gfn += n + (emt_rand_below(&seed, 3) ? 0 : emt_rand_below(&seed, 50));
	}
	for (unsigned int i = 0; i < 20000; i++) {
		uint64_t at = i < 3000 && i < m.n ? (i & 1 ? m.v[i].gfn : m.v[i].last) + emt_rand_below(&seed, 2) :
						    emt_rand_below(&seed, gfn + 10);
		size_t k = 0;

		while (k < m.n && m.v[k].last < at)
			k++;
		assert_ptr_equal(emt_gpas_from(&m, at), k < m.n ? &m.v[k] : NULL);
	}
	assert_ptr_equal(emt_gpas_from(&m, 0), &m.v[0]);
	assert_null(emt_gpas_from(&m, UINT64_MAX));
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
		cmocka_unit_test(the_manuals_table), cmocka_unit_test(amds_tables), cmocka_unit_test(xen_and_cd),
		cmocka_unit_test(every_slot), cmocka_unit_test(nested), cmocka_unit_test(nested_cuts),
		cmocka_unit_test(lookups), cmocka_unit_test(kinds_of_kvm),
		cmocka_unit_test(what_is_not_sure), cmocka_unit_test(caches_off),
		cmocka_unit_test(views), cmocka_unit_test(aliases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
