/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading and auditing a KVM guest's tables through BPF, as on a live host: the tables are
 * this process's own pages, found by their frames in the kernel's direct map, and filled
 * as KVM fills them. 8 GiB of guest memory in 4 KiB pages: 2 million leaves.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "audit/audit.h"
#include "audit/findings.h"
#include "bench.h"
#include "bench_kvm.h"
#include "source/kvm.h"
#include "source/kvm_host.h"
#include "source/kvm_pages.h"

#define LEAF_TABLES 4096u
#define MID_TABLES (LEAF_TABLES / 512)
#define TABLES (LEAF_TABLES + MID_TABLES + 2)
#define PRESENT (1ull << 11)
#define ROUNDS 5

void bench_kvm(void);

static uint64_t (*tables)[512]; /* leaf tables, then those above */
static uint64_t *frames;

static bool find_frames(void)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0;

	for (unsigned int i = 0; ok && i < TABLES; i++) {
		uint64_t e = 0;

		ok = pread(fd, &e, sizeof(e), (off_t)((uintptr_t)tables[i] / 4096 * 8)) == sizeof(e) && e >> 63 &&
			(frames[i] = e & ((1ull << 55) - 1));
	}
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool build(void)
{
	void *p = mmap(NULL, TABLES * 4096ul, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE,
		       -1, 0);
	unsigned int top = LEAF_TABLES + MID_TABLES;

	frames = calloc(TABLES, sizeof(*frames));
	if (p == MAP_FAILED || !frames)
		return false;
	tables = p;
	for (uint64_t i = 0; i < LEAF_TABLES; i++)
		for (uint64_t k = 0; k < 512; k++) /* frames in stretches of 64 pages */
			tables[i][k] = ((i * 512 + k) * 2 - (k & 63)) << 12 | PRESENT | EMT_MT_WB << 3 | 1 << 6 | 7;
	if (!find_frames())
		return false;
	for (unsigned int i = 0; i < LEAF_TABLES; i++)
		tables[LEAF_TABLES + i / 512][i % 512] = frames[i] << 12 | PRESENT | 7;
	for (unsigned int i = 0; i < MID_TABLES; i++)
		tables[top][i] = frames[LEAF_TABLES + i] << 12 | PRESENT | 7;
	tables[top + 1][0] = frames[top] << 12 | PRESENT | 7;
	return true;
}

static struct emt_engine *engine(const struct emt_ranges *ram)
{
	struct emt_engine *e = NULL;
	struct emt_facts f;

	emt_facts_init(&f);
	strcpy(f.release, "kvm 6.1.0");
	f.is_kvm = 1;
	f.paging = EMT_PAGING_EPT;
	emt_facts_set(&f, EMT_FACT_RELEASE, EMT_KNOWN, "benchmark");
	emt_facts_set(&f, EMT_FACT_PAGING, EMT_KNOWN, "benchmark");
	emt_facts_set(&f, EMT_FACT_KVM_NONCOHERENT, EMT_KNOWN, "benchmark");
	emt_facts_set_list(&f, EMT_FACT_KVM_MMIO, EMT_KNOWN, EMT_KNOWN, "benchmark");
	(void)ram;
	if (emt_engine_new(&e, &f, NULL, NULL))
		bench_fail("kvm: no engine");
	emt_facts_free(&f);
	return e;
}

static void walk_once(struct emt_kvm *k, const struct emt_ranges *ram, struct emt_engine *e, struct emt_findings *out,
		      uint64_t *leaves, uint64_t *copied)
{
	struct emt_walk_opts o = { .format = &emt_format_kvm, .join = true, .root = frames[TABLES - 1] };
	struct emt_kvm_pages *p = emt_kvm_pages_new(emt_kvm_kernel(k), emt_kernel_direct_map(emt_kvm_kernel(k)), ram);
	struct emt_walker *w;
	struct emt_run run;

	if (!p)
		bench_fail("kvm: no memory");
	emt_kvm_pages_walk(p, &o);
	if (emt_walker_new(&w, &o, NULL))
		bench_fail("kvm: no walker");
	while (emt_walker_next(w, &run)) {
		if (!(run.flags & EMT_RUN_INTERMEDIATE))
			*leaves += run.count;
		if (e && emt_engine_run(e, &run, emt_findings_add, out))
			bench_fail("kvm: judging failed");
	}
	*copied += emt_kvm_pages_copied(p);
	emt_walker_free(w);
	emt_kvm_pages_free(p);
}

static void copy_alone(struct emt_kvm *k)
{
	uint64_t address[EMT_KERNEL_BULK], base = emt_kernel_direct_map(emt_kvm_kernel(k)), begin, pages = 0;
	bool ok[EMT_KERNEL_BULK];

	for (unsigned int i = 0; i < EMT_KERNEL_BULK; i++)
		address[i] = base + (frames[i] << 12);
	begin = bench_now_ns();
	for (int i = 0; i < 50; i++, pages += EMT_KERNEL_BULK)
		if (!emt_kernel_pages(emt_kvm_kernel(k), address, EMT_KERNEL_BULK, ok) || !ok[EMT_KERNEL_BULK - 1])
			bench_fail("kvm: pages cannot be copied");
	bench_report("kvm-copy-pages", (double)pages * 1e9 / (double)(bench_now_ns() - begin), "pages/s");
	bench_kvm_guest(emt_kvm_kernel(k), address);
}

static void walks(struct emt_kvm *k, const struct emt_ranges *ram)
{
	struct emt_engine *e = engine(ram);

	for (int audit = 0; audit < 2; audit++) {
		uint64_t leaves = 0, copied = 0, begin = bench_now_ns(), ns;
		struct emt_findings *f = NULL;

		if (emt_findings_new(&f, emt_engine_facts(e), emt_engine_release(e)))
			bench_fail("kvm: no findings");
		for (int i = 0; i < ROUNDS; i++)
			walk_once(k, ram, audit ? e : NULL, f, &leaves, &copied);
		ns = bench_now_ns() - begin;
		if (leaves != (uint64_t)ROUNDS * LEAF_TABLES * 512)
			bench_fail("kvm: %llu leaves were read", (unsigned long long)leaves);
		if (audit && emt_findings_summary(f)->entries[EMT_V_OK] != leaves)
			bench_fail("kvm: not all leaves were found right");
		bench_report(audit ? "kvm-audit-leaves" : "kvm-walk-leaves", (double)leaves * 1e9 / (double)ns, "leaves/s");
		if (!audit)
			bench_report("kvm-walk-pages", (double)copied * 1e9 / (double)ns, "pages/s");
		emt_findings_free(f);
	}
	emt_engine_free(e);
}

void bench_kvm(void)
{
	struct emt_ranges ram = { 0 };
	struct emt_err err = { 0 };
	struct emt_kvm *k;

	if (emt_kvm_open(&k, "kvm", &err) || !emt_kernel_direct_map(emt_kvm_kernel(k)) || emt_kvm_host_ram(&ram, "kvm", &err) || !ram.n) {
		fprintf(stderr, "bench: kvm: no figures here: %s\n", err.text[0] ? err.text : "kernel addresses are hidden");
		return;
	}
	if (build()) {
		copy_alone(k);
		walks(k, &ram);
	} else {
		fprintf(stderr, "bench: kvm: no figures here: frames of own pages are not shown\n");
	}
	if (tables)
		munmap(tables, TABLES * 4096ul);
	free(frames);
	emt_ranges_free(&ram);
	emt_kvm_close(k);
}
