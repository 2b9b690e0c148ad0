/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables from any bytes, walked in every format: no crash, no frame read that is no
 * RAM or read twice, runs in gfn order, the joined walk equal to the plain one, and
 * bounded work. Words may be frames of the image (low bits of the input choose), so
 * that trees of any shape come about.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "table/iommu_cmd.h"
#include "table/walk.h"

#define FRAMES 16
#define BASE 0x200ull

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t ram[FRAMES][512];
static unsigned int reads[FRAMES];
static uint64_t bad_frame;

static const uint64_t *frame(void *arg, uint64_t mfn)
{
	(void)arg;
	if (mfn < BASE || mfn >= BASE + FRAMES)
		abort(); /* the walker asked for what is no RAM */
	reads[mfn - BASE]++;
	return mfn == bad_frame ? NULL : ram[mfn - BASE];
}

static bool is_ram(void *arg, uint64_t mfn)
{
	(void)arg;
	return mfn >= BASE && mfn < BASE + FRAMES;
}

/* A record is frame, index, kind and eight bytes of an entry; entries repeat onwards. */
static void fill(const uint8_t *p, size_t n)
{
	memset(ram, 0, sizeof(ram));
	for (; n >= 12; p += 12, n -= 12) {
		unsigned int f = p[0] % FRAMES, i = p[1] | (p[2] & 1) << 8, count = 1 + (p[2] >> 1 & 31);
		uint64_t raw, step = p[3] & 1 ? 0x1000 : p[3] & 2 ? 0x200000 : 0;

		memcpy(&raw, p + 4, 8);
		if (p[3] & 4) /* points into the image, or just behind it */
			raw = (raw & ~EMT_EPTE_MFN_BITS) | (BASE + (raw >> 12) % (FRAMES + 1)) << 12;
		for (; count && i < 512; count--, i++, raw += step)
			ram[f][i] = raw;
	}
}

struct sum {
	uint64_t leaves, intermediate, hash;
};

static void add(struct sum *s, struct emt_run *run)
{
	for (; run->count; run->count--) {
		s->hash = (s->hash ^ run->gfn ^ run->mfn << 7 ^ run->raw ^ run->flags) * 0x100000001b3ull;
		run->gfn += 1ull << run->order;
		run->mfn += run->mfn == EMT_NO_FRAME ? 0 : 1ull << run->order;
	}
}

static struct sum walk(const struct emt_walk_opts *o, uint64_t from)
{
	struct sum s = { 0 };
	struct emt_walker *w;
	struct emt_run run;
	uint64_t next = 0;

	memset(reads, 0, sizeof(reads));
	if (emt_walker_new(&w, o, NULL))
		return s;
	emt_walker_seek(w, from);
	while (emt_walker_next(w, &run)) {
		if (run.gfn + ((1ull << run.order) - 1) < from || run.gfn < next || !run.count)
			abort();
		if (!(run.flags & EMT_RUN_INTERMEDIATE))
			next = emt_run_last(&run) + 1;
		add(&s, &run);
	}
	s.leaves = emt_walker_result(w)->leaves;
	s.intermediate = emt_walker_result(w)->intermediate;
	if (emt_walker_result(w)->tables > FRAMES)
		abort();
	for (unsigned int i = 0; i < FRAMES; i++)
		if (reads[i] > (o->mem.live ? 2u : 1u))
			abort();
	emt_walker_free(w);
	return s;
}

static int never(const struct emt_iommu_cmd *c, void *arg)
{
	(void)arg;
	if (c->what >= EMT_CMD_NR || !emt_iommu_cmd_name(c->what))
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct emt_format *const formats[] = { &emt_format_ept, &emt_format_npt, &emt_format_vtd,
							    &emt_format_amdvi };
	struct emt_walk_opts o = { .mem = { .frame = frame, .ram = is_ram }, .root = BASE };
	struct sum plain, joined;
	struct emt_run run;
	uint64_t from;

	if (size < 12)
		return 0;
	o.format = formats[data[0] & 3];
	o.layout = emt_epte_layout_at(data[0] >> 2 & 3);
	o.levels = data[1] & 7;
	o.mem.live = data[1] & 8;
	o.max_tables = data[2] & 31;
	bad_frame = data[3] & 1 ? BASE + (data[3] >> 1) % FRAMES : 0;
	memcpy(&from, data + 4, 8);
	fill(data + 12, size - 12);
	plain = walk(&o, 0);
	o.join = true;
	joined = walk(&o, 0);
	if (memcmp(&plain, &joined, sizeof(plain)))
		abort();
	walk(&o, from);
	emt_walk_one(&o, from, &run);
	emt_iommu_cmds_vtd(ram, sizeof(ram[0]), data[0] & 1, never, NULL);
	emt_iommu_cmds_amd(ram, sizeof(ram[0]), never, NULL);
	return 0;
}
