/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Auditing raw tables at memory speed: synthetic guests of 1 TiB in 4 KiB pages
 * (268 million leaves, 2 GiB of tables), uniform and hostile, in one run.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "audit/engine.h"
#include "audit/page.h"
#include "bench.h"
#include "policy/atoms.h"

#define LEAVES (1ull << 28)         /* 1 TiB of 4 KiB pages */
#define FRAMES (1ull << 29)         /* 2 TiB of machine memory */
#define HOLE_FIRST 0xc0000ull       /* device memory below 4 GiB */
#define HOLE_LAST 0xfffffull

void bench_raw(void);

static uint64_t seed = 0xabcdef;

static uint64_t rnd(uint64_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 24) % below;
}

static void base_facts(struct emt_facts *f)
{
	emt_facts_init(f);
	for (int i = 0; i < EMT_FACT_NR; i++)
		emt_facts_set(f, (enum emt_fact_id)i, EMT_KNOWN, "benchmark");
	emt_facts_set(f, EMT_FACT_CURRENT, EMT_UNKNOWN, NULL);
	strcpy(f->release, "4.17.7");
	f->paging = EMT_PAGING_EPT;
	f->domain_iommu = 1;
	emt_facts_vcpus(f, 2);
	for (uint32_t v = 0; v < 2; v++) {
		struct emt_mtrr *m = &f->vcpu_mtrr[v];

		m->e = m->fe = 1;
		m->def_type = EMT_MT_WB;
		memset(m->fixed, 6, sizeof(m->fixed));
		m->var[0][0] = 0xc0000000ull | EMT_MT_UC;
		m->var[0][1] = 0x3fffc0000800ull;
		emt_mtrr_hold(m, EMT_KNOWN);
	}
	f->host_mtrr = f->vcpu_mtrr[0];
	emt_ranges_add(&f->valid, 0, FRAMES - 1, 0, EMT_KNOWN);
	emt_ranges_add(&f->host_e820, 0, HOLE_FIRST - 1, 1, EMT_KNOWN);
	emt_ranges_add(&f->host_e820, HOLE_LAST + 1, FRAMES - 1, 1, EMT_KNOWN);
}

static void hostile_facts(struct emt_facts *f)
{
	base_facts(f);
	for (uint64_t g = 0x200000; g < LEAVES; g += 100)
		emt_ranges_add(&f->pins, g, g, EMT_MT_WC, EMT_KNOWN);
	for (uint64_t i = 0; i < 1000; i++)
		emt_ranges_add(&f->mmio_ro, HOLE_FIRST + i * 64, HOLE_FIRST + i * 64 + 3, 0, EMT_KNOWN);
	for (unsigned int i = 0; i < 100000; i++) {
		uint64_t m = HOLE_LAST + 1 + rnd(FRAMES - HOLE_LAST - 1);

		emt_ranges_add(&f->special, m, m, EMT_SPECIAL_XENHEAP, EMT_KNOWN);
	}
}

static uint64_t entry(uint64_t mfn, unsigned int outcome)
{
	return 7 | (uint64_t)(outcome / 2) << 3 | (uint64_t)(outcome & 1) << 6 | mfn << 12 | 7ull << 58 | 1ull << 63;
}

/* As Xen would have written it. */
static uint64_t written(struct emt_engine *e, uint64_t gfn, uint64_t mfn)
{
	emt_outcomes expected, possible;

	emt_engine_expect(e, gfn, mfn, 0, 7, EMT_P2M_RAM_RW, &expected, &possible);
	return entry(mfn, (unsigned int)__builtin_ctz(expected));
}

static void fill(struct emt_engine *e, uint64_t *t, bool scattered)
{
	uint64_t frame = HOLE_LAST + 1;

	for (uint64_t g = 0; g < LEAVES; g++) {
		uint64_t mfn = scattered ? HOLE_LAST + 1 + rnd(FRAMES - HOLE_LAST - 1) : frame++;

		t[g] = written(e, g, mfn);
	}
}

struct sum {
	uint64_t entries, odd;
};

static int count(const struct emt_piece *p, void *arg)
{
	struct sum *s = arg;

	s->entries += p->run.count;
	if (p->verdict != EMT_V_OK)
		s->odd += p->run.count;
	return 0;
}

struct job {
	struct emt_page_judge *j;
	const uint64_t *t;
	uint64_t first, last; /* pages of 512 entries */
	struct sum sum;
};

static void *audit(void *arg)
{
	struct job *job = arg;
	const struct emt_epte_layout *layout = emt_epte_layout_by_name("4.16");

	for (uint64_t p = job->first; p < job->last; p++)
		emt_page_judge(job->j, &job->t[p * 512], 512, p * 512, 0, layout, false, count, &job->sum);
	return NULL;
}

static void check(const struct sum *s, uint64_t leaves)
{
	if (s->entries != leaves || s->odd)
		bench_fail("%llu entries judged, %llu of them not ok", (unsigned long long)s->entries,
			   (unsigned long long)s->odd);
}

static void audit_all(struct emt_engine *e, const uint64_t *t, uint64_t leaves, const char *name,
		      enum emt_page_code code)
{
	struct job job = { .t = t, .last = leaves / 512 };
	uint64_t start;

	if (emt_page_judge_new(&job.j, e, code, NULL))
		bench_fail("page judge");
	audit(&job); /* warm */
	job.sum = (struct sum){ 0, 0 };
	start = bench_now_ns();
	audit(&job);
	bench_report(name, (double)(bench_now_ns() - start) / (double)leaves, "ns");
	check(&job.sum, leaves);
	emt_page_judge_free(job.j);
}

/* A guest of 2 MiB and 1 GiB leaves: few tables, so they are audited many times. */
static void audit_mixed(struct emt_engine *e, const char *name)
{
	enum { PAGES = 1024, ROUNDS = 200 };
	static uint64_t t[PAGES * 512];
	const struct emt_epte_layout *layout = emt_epte_layout_by_name("4.16");
	struct emt_page_judge *j;
	struct sum sum = { 0, 0 };
	uint64_t start, frame = 1ull << 20;

	if (emt_page_judge_new(&j, e, EMT_PAGE_BEST, NULL))
		bench_fail("page judge");
	for (uint64_t i = 0; i < PAGES * 512; i++) {
		unsigned int order = i / 512 % 8 == 7 ? 18 : 9;
		emt_outcomes expected, possible;

		frame = (frame + (1ull << order) - 1) & ~((1ull << order) - 1) & (FRAMES - 1);
		if (frame < 1ull << 20)
			frame = 1ull << 20;
		emt_engine_expect(e, 1ull << 20, frame, order, 7, EMT_P2M_RAM_RW, &expected, &possible);
		t[i] = entry(frame, (unsigned int)__builtin_ctz(expected)) | 1 << 7;
		frame += 1ull << order;
	}
	start = bench_now_ns();
	for (unsigned int r = 0; r < ROUNDS; r++)
		for (uint64_t p = 0; p < PAGES; p++) {
			unsigned int order = p % 8 == 7 ? 18 : 9;
			uint64_t gfn = (1ull << 20) + ((p & 7) << (order + 9) & (LEAVES - 1));

			emt_page_judge(j, &t[p * 512], 512, gfn, order, layout, false, count, &sum);
		}
	bench_report(name, (double)(bench_now_ns() - start) / ((double)ROUNDS * PAGES * 512), "ns");
	if (sum.entries != (uint64_t)ROUNDS * PAGES * 512 || sum.odd)
		bench_fail("%llu entries judged, %llu of them not ok", (unsigned long long)sum.entries,
			   (unsigned long long)sum.odd);
	emt_page_judge_free(j);
}

/* Two threads, an engine each. */
static void audit_two(const struct emt_facts *f, const uint64_t *t, const char *name)
{
	struct emt_engine *e[2];
	struct job job[2];
	pthread_t id[2];
	struct sum sum;
	uint64_t start;

	for (int i = 0; i < 2; i++) {
		job[i] = (struct job){ .t = t, .first = i * (LEAVES / 1024), .last = (i + 1) * (LEAVES / 1024) };
		if (emt_engine_new(&e[i], f, NULL, NULL) || emt_page_judge_new(&job[i].j, e[i], EMT_PAGE_BEST, NULL))
			bench_fail("engine");
	}
	start = bench_now_ns();
	for (int i = 0; i < 2; i++)
		if (pthread_create(&id[i], NULL, audit, &job[i]))
			bench_fail("thread");
	for (int i = 0; i < 2; i++)
		pthread_join(id[i], NULL);
	bench_report(name, (double)(bench_now_ns() - start) / LEAVES, "ns");
	sum = (struct sum){ job[0].sum.entries + job[1].sum.entries, job[0].sum.odd + job[1].sum.odd };
	check(&sum, LEAVES);
	for (int i = 0; i < 2; i++) {
		emt_page_judge_free(job[i].j);
		emt_engine_free(e[i]);
	}
}

static void read_all(const uint64_t *t)
{
	uint64_t start, a = 0, b = 0, c = 0, d = 0;

	for (int round = 0; round < 2; round++) {
		start = bench_now_ns();
		for (uint64_t i = 0; i < LEAVES; i += 4) {
			a += t[i];
			b += t[i + 1];
			c += t[i + 2];
			d += t[i + 3];
		}
		if (round)
			bench_report("raw_read_ns_per_entry", (double)(bench_now_ns() - start) / LEAVES, "ns");
	}
	if (a + b + c + d == 1)
		bench_fail("impossible sum");
}

static void plain_policy(const struct emt_engine *e, const uint64_t *t)
{
	uint64_t start = bench_now_ns(), n = 2000000, odd = 0;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t g = i * (LEAVES / n), mfn = (t[g] & EMT_EPTE_MFN_BITS) >> 12;
		struct emt_box box;

		emt_atoms_xen(&e->facts, &e->rel, g, mfn, 0, EMT_SET(EMT_P2M_RAM_RW), EMT_KNOWN, &box);
		odd += !(emt_engine_eval(e, &box) & EMT_OUT_BIT(t[g] >> 3 & 7, t[g] >> 6 & 1));
	}
	bench_report("plain_policy_ns_per_entry", (double)(bench_now_ns() - start) / (double)n, "ns");
	if (odd)
		bench_fail("%llu entries differ", (unsigned long long)odd);
}

void bench_raw(void)
{
	uint64_t *t = mmap(NULL, LEAVES * 8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct emt_engine *e;
	struct emt_facts f;

	if (t == MAP_FAILED)
		bench_fail("2 GiB of memory for the tables are needed");
	madvise(t, LEAVES * 8, MADV_HUGEPAGE);
	base_facts(&f);
	if (emt_engine_new(&e, &f, NULL, NULL))
		bench_fail("engine");
	fill(e, t, false);
	read_all(t);
	audit_all(e, t, LEAVES, "raw_audit_uniform_ns_per_entry", EMT_PAGE_BEST);
	audit_all(e, t, LEAVES, "raw_audit_uniform_plain_c_ns_per_entry", EMT_PAGE_PLAIN);
	audit_all(e, t, LEAVES / 16, "raw_audit_uniform_64_gib_ns_per_entry", EMT_PAGE_BEST);
	audit_mixed(e, "raw_audit_mixed_2m_1g_ns_per_entry");
	audit_two(&f, t, "raw_audit_uniform_2_threads_ns_per_entry");
	emt_engine_free(e);
	emt_facts_free(&f);
	hostile_facts(&f);
	if (emt_engine_new(&e, &f, NULL, NULL))
		bench_fail("engine");
	fill(e, t, true);
	audit_all(e, t, LEAVES, "raw_audit_hostile_ns_per_entry", EMT_PAGE_BEST);
	audit_all(e, t, LEAVES, "raw_audit_hostile_plain_c_ns_per_entry", EMT_PAGE_PLAIN);
	plain_policy(e, t);
	audit_two(&f, t, "raw_audit_hostile_2_threads_ns_per_entry");
	emt_engine_free(e);
	emt_facts_free(&f);
	munmap(t, LEAVES * 8);
	bench_report("raw_peak_memory", bench_peak_mib(), "MiB");
}
