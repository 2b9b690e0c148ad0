/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A capture of a guest that runs its own page tables, for tests: guest2emt FACTS.JSON
 * OUT.EMT [TYPE]. Four GiB of linear addresses over RAM at gfn 0..0xfff, a BAR at gfn 0xf1000 that
 * is mapped by slots 0 to 7 of the PAT, the same BAR again UC-, and a hole. With "paging":
 * "npt" the entries are those of a nested table of AMD. TYPE: of RAM's entries, WB.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/capture.h"
#include "capture/facts_json.h"

#define ROOT 0x10
#define BAR 0xf1000ull

static uint64_t table[8][512]; /* frames ROOT and on */

static void die(const char *what, const struct emt_err *err)
{
	fprintf(stderr, "guest2emt: %s: %s\n", what, err ? err->text : "failed");
	exit(2);
}

static uint64_t slot(unsigned int i)
{
	return (i & 1) << 3 | (i >> 1 & 1) << 4 | (i >> 2) << 7;
}

static void build(void)
{
	table[0][0] = (ROOT + 1) << 12 | 7;
	table[1][0] = (ROOT + 2) << 12 | 7;
	/* linear 0: RAM by 2 MiB pages, the second one write-combining */
	table[2][0] = 0x0 | 0xe7;
	table[2][1] = 0x200000 | 0xe7 | 8;
	/* linear 0x400000: the BAR by each slot, then UC- once more, then a hole */
	table[2][2] = (ROOT + 3) << 12 | 7;
	for (unsigned int i = 0; i < 8; i++)
		table[3][i] = (BAR + i) << 12 | 7 | slot(i);
	for (unsigned int i = 0; i < 8; i++)
		table[3][16 + i] = (BAR + i) << 12 | 3 | slot(2) | 1ull << 63;
	table[3][32] = 0x90000ull << 12 | 3;
	/* a page of RAM a second time, uncached */
	table[3][40] = 0x5ull << 12 | 3 | slot(3);
}

int main(int argc, char **argv)
{
	struct emt_run runs[] = {
		{ .gfn = 0, .mfn = 0x20000, .count = 0x1000, .perm = 7, .emt = EMT_MT_WB, .p2mt = EMT_P2M_RAM_RW,
		  .access = 0xff },
		{ .gfn = BAR, .mfn = 0x3800000, .count = 16, .perm = 7, .emt = EMT_MT_UC, .p2mt = EMT_P2M_MMIO_DIRECT,
		  .access = 0xff },
	};
	struct emt_capture_opts opts = { .tool = "guest2emt", .source = "made for tests" };
	struct emt_capture_writer *w;
	struct emt_err err = { 0 };
	struct emt_facts f;
	static char json[65536];
	FILE *in;
	size_t len;

	if (argc != 3 && argc != 4)
		die("usage: guest2emt FACTS.JSON OUT.EMT [TYPE]", NULL);
	if (argc == 4)
		runs[0].emt = (uint8_t)emt_mt_parse(argv[3]);
	in = fopen(argv[1], "r");
	len = in ? fread(json, 1, sizeof(json) - 1, in) : 0;
	if (in)
		fclose(in);
	emt_facts_init(&f);
	if (emt_facts_from_text(&f, json, len, "facts file", argv[1], &err) ||
	    emt_capture_create(&w, argv[2], &opts, &err) || emt_capture_walk_begin(w, &f, 0, "made", &err))
		die(argv[1], &err);
	for (size_t i = 0; i < EMT_ARRAY_SIZE(runs) && f.paging == EMT_PAGING_NPT; i++) {
		runs[i].flags = EMT_RUN_RAW | EMT_RUN_NO_TYPE;
		runs[i].emt = 0;
		/* present, writable, user, accessed, dirty; PCD of a device's */
		runs[i].raw = 0x67 | (uint64_t)runs[i].p2mt << 52 | (i ? 0x10 : 0);
	}
	for (size_t i = 0; i < EMT_ARRAY_SIZE(runs); i++)
		if (emt_capture_put(w, &runs[i], &err))
			die("run", &err);
	build();
	for (unsigned int i = 0; i < 4; i++)
		if (emt_capture_put_guest_table(w, ROOT + i, 4 - i, table[i], &err))
			die("table", &err);
	if (emt_capture_walk_end(w, NULL, &err) || emt_capture_close(w, &err))
		die(argv[2], &err);
	emt_facts_free(&f);
	return 0;
}
