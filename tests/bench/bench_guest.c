/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the CPU uses of a guest of 16 GiB in 4 KiB pages: 4 million PTEs of its own, over a p2m
 * of 2 MiB pages, and over one of 4 million single frames; by address as `effective` does, and
 * as findings of an audit for 64 vCPUs that share a kernel. Tables are built in memory: reading
 * them from a guest comes on top.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/usage.h"
#include "bench.h"

#define FRAMES (4ull << 20)
#define LEAF_TABLES (FRAMES / 512)
#define MID_TABLES (LEAF_TABLES / 512)
#define TABLES (LEAF_TABLES + MID_TABLES + 2)
#define FIRST_TABLE (1ull << 23) /* gfn */
#define VCPUS 64
#define ODD 2654435761ull

void bench_guest(void);

static uint64_t (*tables)[512]; /* leaf tables, those above, the root */

static const void *frame(void *arg, uint64_t gfn)
{
	(void)arg;
	return gfn - FIRST_TABLE < TABLES ? tables[gfn - FIRST_TABLE] : NULL;
}

/* 'scattered': no page follows the one before, as of processes. One page in 64 is WC. */
static void build(int scattered)
{
	const uint64_t top = LEAF_TABLES + MID_TABLES;

	for (uint64_t i = 0; i < FRAMES; i++)
		tables[i / 512][i % 512] = (scattered ? i * ODD % FRAMES : i) << 12 | 7 | (i % 64 == 5 ? 8 : 0);
	for (uint64_t i = 0; i < LEAF_TABLES; i++)
		tables[LEAF_TABLES + i / 512][i % 512] = (FIRST_TABLE + i) << 12 | 7;
	for (uint64_t i = 0; i < MID_TABLES; i++)
		tables[top][i] = (FIRST_TABLE + LEAF_TABLES + i) << 12 | 7;
	tables[top + 1][0] = (FIRST_TABLE + top) << 12 | 7;
}

/* Entries of 2^order frames, none of which continues the one before. */
static void p2m(struct emt_gpas *m, unsigned int order)
{
	struct emt_facts f;

	emt_facts_init(&f);
	for (uint64_t gfn = 0; gfn < FRAMES; gfn += 1ull << order) {
		uint64_t mfn = ((gfn >> order) * ODD % (FRAMES >> order)) << order;
		struct emt_piece p = { .run = { .gfn = gfn, .mfn = mfn + FRAMES, .count = 1, .order = (uint8_t)order, .perm = 7,
						.emt = EMT_MT_WB, .p2mt = EMT_P2M_RAM_RW },
				       .types = 1u << EMT_P2M_RAM_RW, .verdict = EMT_V_OK };

		if (emt_gpas_add(m, &p, &f))
			bench_fail("guest: no memory");
	}
	emt_facts_free(&f);
}

struct work {
	const struct emt_view *view;
	const struct emt_gpas *gpas;
	struct emt_usage *usage; /* NULL: only combined */
	uint64_t pieces;
};

static int piece(const struct emt_eff *e, void *arg)
{
	struct work *w = arg;

	w->pieces++;
	return w->usage ? emt_usage_add(w->usage, w->view, w->view->vcpu, e) : 0;
}

static int run(const struct emt_guest_run *r, void *arg)
{
	struct work *w = arg;

	return emt_eff_run(w->view, w->gpas, r, piece, w);
}

static uint64_t look(struct work *w, struct emt_frameset *seen)
{
	struct emt_view_walk walk = { .view = w->view, .gpas = w->gpas, .mem = { frame, NULL }, .last = UINT64_MAX,
				      .seen = seen, .run = run, .arg = w };
	struct emt_guest_result r;

	if (emt_view_walk(&walk, &r, NULL) || r.too_many || r.unreadable)
		bench_fail("guest: the walk failed");
	return r.pages;
}

static void one(const char *what, int scattered, unsigned int order, struct emt_view *views)
{
	struct emt_gpas m = { .n = 0 };
	struct work w = { .view = &views[0], .gpas = &m };
	struct emt_frameset seen = { NULL, 0, 0 };
	uint64_t begin, pages;
	char name[64];
	double before;

	build(scattered);
	bench_peak_reset();
	before = bench_peak_mib();
	p2m(&m, order);
	begin = bench_now_ns();
	pages = look(&w, NULL);
	snprintf(name, sizeof(name), "guest-%s-ptes", what);
	bench_report(name, (double)pages * 1e9 / (double)(bench_now_ns() - begin), "PTEs/s");
	w.usage = emt_usage_new();
	begin = bench_now_ns();
	for (unsigned int v = 0; v < VCPUS; v++) {
		w.view = &views[v];
		look(&w, &seen);
	}
	snprintf(name, sizeof(name), "guest-%s-findings-64-vcpus", what);
	bench_report(name, (double)(bench_now_ns() - begin) / 1e9, "s");
	snprintf(name, sizeof(name), "guest-%s-memory", what);
	bench_report(name, bench_peak_mib() - before, "MiB");
	emt_usage_free(w.usage);
	emt_frameset_free(&seen);
	emt_gpas_free(&m);
}

void bench_guest(void)
{
	struct emt_view *views = calloc(VCPUS, sizeof(*views));

	tables = calloc(TABLES, sizeof(*tables));
	if (!tables || !views)
		bench_fail("guest: no memory");
	for (unsigned int v = 0; v < VCPUS; v++)
		views[v] = (struct emt_view){ .mode = EMT_GUEST_4LEVEL, .pat = 0x0407050600070106, .pat_known = true, .vcpu = v,
					      .regs = { .cr0 = 0x80000011, .cr3 = (FIRST_TABLE + TABLES - 1) << 12, .cr4 = 0x20,
							.efer = 0xd00 } };
	one("linear", 0, EMT_ORDER_2M, views);
	one("scattered", 1, EMT_ORDER_4K, views);
	free(tables);
	free(views);
}
