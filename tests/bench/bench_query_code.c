/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the query payload's walk costs on a real processor: its code, built as for the hypervisor,
 * runs on this machine over tables of 4 GiB guests, after clflush of tables and frame table. Xen's
 * functions that it calls are as short here as they are there (a direct map, a bit test). What a
 * hypercall itself costs is not in it and is added: ASSUMED_CALL_NS.
 */
#include <stdio.h>
#include <time.h>

#include "bench.h"
#include "tools/query_host.h"

#define ROUNDS 5
#define GUEST (1u << 20) /* frames: 4 GiB */

/* Into Xen and back with a domctl, its copy in and out, its lock, the staging page and the payload's
 * look at the domain: 5,100 instructions ("make bench BENCH=query"), and what mitigations take on the way in
 * and out. */
#define ASSUMED_CALL_NS 2000.0

void bench_query_code(void);

static const struct host_size machine = { 4096, GUEST * 2 + 4096 };

/* In an order that no prefetcher foresees; each frame once. */
static uint64_t scattered(uint64_t i)
{
	return (i * 0x9e3779b1u + 12345) & (GUEST - 1);
}

static void furnish(unsigned int order, bool scatter)
{
	if (host_begin(machine, true))
		bench_fail("not enough memory");
	for (uint64_t i = 0; i < GUEST >> order; i++) {
		uint64_t at = scatter ? scattered(i) : i << order;

		host_map(i << order, order, host_leaf(machine.tables + 4096 + at, order), false);
	}
	for (uint64_t i = 0; i < machine.frames; i++)
		*host_frame(i) = 1ull << 63 | 1; /* memory that is there, not the zero page */
	host_mood.max_gfn = GUEST - 1;
}

/* Of this thread: what else runs here is not the walk's. */
static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The whole guest once; entries in '*n', calls in '*calls'. Nanoseconds. */
static uint64_t once(uint32_t what, uint64_t *n, uint64_t *calls, uint64_t *worst)
{
	static struct emt_query_run runs[EMT_QUERY_MAX_RUNS];
	struct emt_query q = { .more = 1 };
	uint64_t total = 0;

	*n = *calls = *worst = 0;
	while (q.more) {
		uint64_t took, began;

		q = (struct emt_query){ .cmd = EMT_QUERY_WALK, .flags = what, .max = EMT_QUERY_MAX_RUNS, .at = q.at,
					.last = UINT64_MAX, .buf = (uint64_t)(uintptr_t)runs };
		began = cpu_ns();
		if (host_walk(&q) != EMT_QUERY_OK)
			bench_fail("the walk failed");
		took = cpu_ns() - began;
		total += took;
		*worst = took > *worst ? took : *worst;
		++*calls;
		for (uint32_t i = 0; i < q.max; i++)
			*n += runs[i].count;
	}
	return total;
}

static void measure(const char *guest, const char *with, uint32_t what, unsigned int order)
{
	uint64_t n = 0, calls = 0, worst = 0, w, best = UINT64_MAX;
	char name[96];

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t took;

		host_flush();
		took = once(what, &n, &calls, &w);
		if (took < best) {
			best = took;
			worst = w;
		}
	}
	if (n != GUEST >> order)
		bench_fail("%llu entries instead of %u", (unsigned long long)n, GUEST >> order);
	bench_report((snprintf(name, sizeof(name), "query_code_%s%s", guest, with), name), (double)best / (double)n, "ns/entry");
	bench_report((snprintf(name, sizeof(name), "query_code_%s%s_estimate", guest, with), name),
		     ((double)best + ASSUMED_CALL_NS * (double)calls) / (double)n, "ns/entry, with the hypercalls");
	bench_report((snprintf(name, sizeof(name), "query_code_%s%s_worst_call", guest, with), name), (double)worst / 1e3, "us");
}

void bench_query_code(void)
{
	static const struct { const char *name; unsigned int order; bool scatter; } guests[] = {
		{ "4k_in_order", 0, false }, { "4k_scattered", 0, true }, { "2m", 9, false },
	};

	bench_report("query_code_assumed_call", ASSUMED_CALL_NS, "ns/hypercall");
	for (size_t i = 0; i < sizeof(guests) / sizeof(guests[0]); i++) {
		furnish(guests[i].order, guests[i].scatter);
		measure(guests[i].name, "", 0, guests[i].order);
		measure(guests[i].name, "_with_frames", EMT_QUERY_F_FRAMES, guests[i].order);
		host_end();
	}
}
