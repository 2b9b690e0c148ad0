/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest page tables and PV lists from any bytes: no crash, bounded work, runs in order of
 * linear addresses, each page found again when it is asked for alone, and every pfn of a
 * list told once at most.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "table/pvlist.h"

#define FRAMES 16
#define TABLES 4000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t ram[FRAMES][512];

static const void *frame(void *arg, uint64_t gfn)
{
	(void)arg;
	return gfn < FRAMES ? ram[gfn] : NULL;
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
			raw = (raw & ~0xffffffffff000ull) | (raw >> 12) % (FRAMES + 1) << 12;
		if (p[3] & 8)
			raw |= 1;
		for (; count && i < 512; count--, i++, raw += step)
			ram[f][i] = raw;
	}
}

static void again(const struct emt_guest_opts *all, const struct emt_guest_run *run)
{
	struct emt_guest_opts o = *all;
	struct emt_guest_walker *w;
	struct emt_guest_run one;

	o.first = o.last = run->va + (emt_guest_frames(run) << 12) - 1;
	if (emt_guest_walker_new(&w, &o, NULL))
		abort();
	if (!emt_guest_walker_next(w, &one) || one.order != run->order || one.pat != run->pat ||
	    one.flags != run->flags ||
	    one.gfn + emt_guest_frames(&one) != run->gfn + emt_guest_frames(run))
		abort();
	emt_guest_walker_free(w);
}

/* Each table once: so few that no bound is needed, and nothing that the full walk lacks. */
static void walk_once(const struct emt_guest_opts *all, bool complete, uint64_t pages)
{
	struct emt_frameset seen = { NULL, 0, 0 };
	struct emt_guest_opts o = *all;
	struct emt_guest_walker *w;
	struct emt_guest_run run;

	o.seen = &seen;
	o.max_tables = 0;
	if (emt_guest_walker_new(&w, &o, NULL))
		abort();
	for (unsigned int runs = 0; emt_guest_walker_next(w, &run); runs++)
		if (runs < 10 && complete)
			again(all, &run);
	if (emt_guest_walker_result(w)->tables > FRAMES * 5 || emt_guest_walker_result(w)->too_many ||
	    (complete && emt_guest_walker_result(w)->pages > pages))
		abort();
	emt_guest_walker_free(w);
	emt_frameset_free(&seen);
}

static void walk(unsigned int mode, uint64_t cr3, uint64_t first, uint64_t last)
{
	static const struct emt_guest_regs regs[] = {
		{ 0x80000001, 0, 0x10, 0 }, { 0x80000001, 0, 0x20, 0x800 }, { 0x80000001, 0, 0x20, 0xd00 },
		{ 0x80000001, 0, 0x1020, 0x500 },
	};
	struct emt_guest_opts o = { .mem = { frame, NULL }, .regs = regs[mode % 4], .first = first, .last = last,
				    .max_tables = TABLES };
	struct emt_guest_walker *w;
	struct emt_guest_run run;
	uint64_t next = 0, runs = 0, pages = 0;

	o.regs.cr3 = cr3;
	if (emt_guest_walker_new(&w, &o, NULL))
		abort();
	while (emt_guest_walker_next(w, &run)) {
		if (!run.count || (runs && run.va < next) || run.pat > 7)
			abort();
		next = run.va + (emt_guest_frames(&run) << 12);
		pages += run.count;
		if (!next && emt_guest_walker_next(w, &run))
			abort(); /* nothing comes behind the last address */
		if (runs++ < 50 && next)
			again(&o, &run);
	}
	if (emt_guest_walker_result(w)->tables > TABLES || pages != emt_guest_walker_result(w)->pages)
		abort();
	walk_once(&o, !emt_guest_walker_result(w)->too_many, pages);
	emt_guest_walker_free(w);
}

struct told {
	uint64_t next, n;
};

static int entry(uint64_t pfn, struct emt_pv_entry e, void *arg)
{
	struct told *t = arg;

	if (pfn < t->next || (e.kind == EMT_PV_MISSING) != (e.mfn == EMT_NO_FRAME))
		abort();
	t->next = pfn + 1;
	return ++t->n > 100000;
}

static int many(uint64_t pfn, uint64_t count, enum emt_pv_kind kind, void *arg)
{
	struct told *t = arg;

	if (pfn < t->next || !count || kind > EMT_PV_IDENTITY || kind == EMT_PV_FRAME)
		abort();
	t->next = pfn + count;
	t->n += count;
	return t->n > 100000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct told told = { 0, 0 };
	struct emt_pv_reader r = { .mem = { frame, NULL }, .entry = entry, .fill = many, .arg = &told };
	struct emt_pv_read read;
	struct emt_range part = { size ? data[0] & 0x7f : 0, 0x80 + (size & 0xfff), 1, 0, { 0 } };
	struct emt_ranges e820 = { &part, 1, 1 };
	uint64_t range[2];

	if (size < 20)
		return 0;
	memcpy(range, data + 4, sizeof(range));
	if (data[1] & 1)
		range[0] = 0, range[1] = UINT64_MAX;
	fill(data + 20, size - 20);
	walk(data[0], (uint64_t)(data[2] % (FRAMES + 1)) << 12 | (data[3] & 0xfe0), range[0], range[1]);
	emt_pv_shared_of(ram[data[2] % FRAMES], &r.shared);
	r.shared.max_pfn &= 0xfffff;
	r.list = emt_pv_list_of(&r.shared);
	if (data[1] & 2) {
		r.e820 = &e820;
		r.end = part.last + 1;
	}
	if (data[1] & 4) {
		r.missing = data[2] % FRAMES;
		r.identity = data[3] % FRAMES;
	}
	if (!emt_pv_list_read(&r, &read, NULL) && read.entries + read.unreadable + read.untold != r.shared.max_pfn)
		abort();
	return 0;
}
