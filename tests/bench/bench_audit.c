/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cost of judging runs and of explaining an entry, with 8 guest and 8 host MTRRs,
 * 64 pins, 100 read-only ranges and 10,000 special frames.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/explain.h"
#include "audit/findings.h"
#include "bench.h"

#define RUNS 4000000u
#define FRAMES (1ull << 26) /* 256 GiB */

void bench_audit(void);

static uint64_t seed = 0x1234567;

static uint64_t rnd(uint64_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 20) % below;
}

static void set_var(struct emt_mtrr *m, unsigned int i, uint64_t base, uint64_t size, unsigned int type)
{
	m->var[i][0] = base | type;
	m->var[i][1] = (~(size - 1) & 0x3fffffffffffull) | 0x800;
}

static void make_facts(struct emt_facts *f)
{
	emt_facts_init(f);
	for (int i = 0; i < EMT_FACT_NR; i++)
		emt_facts_set(f, (enum emt_fact_id)i, EMT_KNOWN, "benchmark");
	emt_facts_set(f, EMT_FACT_CURRENT, EMT_UNKNOWN, NULL);
	strcpy(f->release, "4.17.7");
	f->paging = EMT_PAGING_EPT;
	f->domain_iommu = 1;
	emt_facts_vcpus(f, 4);
	for (uint32_t v = 0; v < 4; v++) {
		struct emt_mtrr *m = &f->vcpu_mtrr[v];

		m->e = m->fe = 1;
		m->def_type = EMT_MT_WB;
		memset(m->fixed, 6, sizeof(m->fixed));
		for (unsigned int i = 0; i < 8; i++)
			set_var(m, i, 0xc0000000ull + i * 0x8000000ull, 0x8000000ull, i & 1 ? EMT_MT_WC : EMT_MT_UC);
		emt_mtrr_hold(m, EMT_KNOWN);
	}
	f->host_mtrr = f->vcpu_mtrr[0];
	for (unsigned int i = 0; i < 64; i++)
		emt_ranges_add(&f->pins, 0x100000 + i * 0x4000, 0x1000ff + i * 0x4000, EMT_MT_WC, EMT_KNOWN);
	for (unsigned int i = 0; i < 100; i++)
		emt_ranges_add(&f->mmio_ro, 0xe0000 + i * 0x40, 0xe0001 + i * 0x40, 0, EMT_KNOWN);
	for (unsigned int i = 0; i < 10000; i++) {
		uint64_t m = 0x200000 + rnd(FRAMES - 0x200000);

		emt_ranges_add(&f->special, m, m, EMT_SPECIAL_XENHEAP, EMT_KNOWN);
	}
	emt_ranges_add(&f->valid, 0, FRAMES, 0, EMT_KNOWN);
	emt_ranges_add(&f->host_e820, 0, 0xdffff, 1, EMT_KNOWN);
	emt_ranges_add(&f->host_e820, 0x100000, FRAMES, 1, EMT_KNOWN);
}

static int count(const struct emt_piece *p, void *arg)
{
	*(uint64_t *)arg += p->verdict + 1;
	return 0;
}

void bench_audit(void)
{
	struct emt_run *runs = malloc(RUNS * sizeof(*runs));
	struct emt_explanation *x = malloc(sizeof(*x));
	struct emt_findings *found;
	struct emt_engine *e;
	struct emt_facts f;
	uint64_t t, sum = 0, gfn = 0x100;

	if (!runs || !x)
		bench_fail("out of memory");
	make_facts(&f);
	t = bench_now_ns();
	if (emt_engine_new(&e, &f, NULL, NULL))
		bench_fail("engine");
	bench_report("audit_engine_setup", (double)(bench_now_ns() - t) / 1e6, "ms");
	/* runs of a guest whose frames are scattered: 1 to 16 pages each, some superpages */
	for (uint32_t i = 0; i < RUNS; i++) {
		struct emt_run *r = &runs[i];

		memset(r, 0, sizeof(*r));
		if (rnd(16) == 0) {
			gfn = (gfn + 511) & ~511ull;
			r->order = EMT_ORDER_2M;
			r->mfn = rnd(FRAMES - 0x200000) & ~511ull;
			r->count = 1;
		} else {
			r->mfn = 0x100000 + rnd(FRAMES - 0x200000);
			r->count = 1 + rnd(16);
		}
		r->gfn = gfn;
		r->perm = EMT_R | EMT_W | (r->order ? 0 : EMT_X);
		r->emt = EMT_MT_WB;
		r->p2mt = r->access = EMT_P2M_UNKNOWN;
		gfn += emt_run_frames(r) + (rnd(8) ? 0 : rnd(64));
	}
	for (uint32_t i = 0; i < RUNS / 8; i++) /* warm */
		emt_engine_run(e, &runs[i], count, &sum);
	t = bench_now_ns();
	for (uint32_t i = 0; i < RUNS; i++)
		emt_engine_run(e, &runs[i], count, &sum);
	bench_report("audit_ns_per_run", (double)(bench_now_ns() - t) / RUNS, "ns");
	if (emt_findings_new(&found, emt_engine_facts(e), emt_engine_release(e)))
		bench_fail("findings");
	t = bench_now_ns();
	for (uint32_t i = 0; i < RUNS; i++)
		emt_engine_run(e, &runs[i], emt_findings_add, found);
	bench_report("audit_with_findings_ns_per_run", (double)(bench_now_ns() - t) / RUNS, "ns");
	emt_findings_finish(found);
	bench_report("audit_findings", (double)emt_findings_count(found), "groups");
	t = bench_now_ns();
	for (uint32_t i = 0; i < 20000; i++)
		emt_engine_explain(e, &runs[i * 100], runs[i * 100].gfn, x);
	bench_report("explain_ns", (double)(bench_now_ns() - t) / 20000, "ns");
	if (!sum)
		bench_fail("nothing judged");
	emt_findings_free(found);
	emt_engine_free(e);
	emt_facts_free(&f);
	free(runs);
	free(x);
}
