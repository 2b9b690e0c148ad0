/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machine memory: what is read and what never is, finding Xen and its domains without
 * symbols, and each check that refuses.
 */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory/discover.h"
#include "memory/symbols.h"
#include "source/source.h"
#include "xen_image.h"

static struct xen_image image;
static char path[64];

static void write_image(bool elf)
{
	snprintf(path, sizeof(path), "/tmp/emt-memory-XXXXXX");
	assert_int_equal(xen_image_write(&image, path, elf), 0);
}

/* Open 'path' with options behind it; the file may go afterwards. */
static int open_source(struct emt_source **s, const char *options, struct emt_err *err)
{
	struct emt_source_spec spec;
	char text[128];
	int rc;

	*s = NULL;
	memset(err, 0, sizeof(*err));
	snprintf(text, sizeof(text), "mem:%s%s", path, options);
	rc = emt_source_parse(&spec, text, err);
	if (!rc)
		rc = emt_source_open(s, &spec, err);
	unlink(path);
	return rc;
}

static uint64_t count_leaves(struct emt_source *s, size_t walk, struct emt_loss *loss)
{
	struct emt_stream *st;
	struct emt_run runs[16];
	uint64_t n = 0;
	long got;

	assert_int_equal(emt_source_stream(s, walk, &st, NULL), 0);
	while ((got = emt_stream_read(st, runs, EMT_ARRAY_SIZE(runs), NULL)) > 0)
		for (long i = 0; i < got; i++)
			n += runs[i].flags & EMT_RUN_INTERMEDIATE ? 0 : runs[i].count;
	assert_int_equal(got, 0);
	emt_stream_loss(st, loss);
	emt_stream_free(st);
	return n;
}

static void found(bool ept, bool elf)
{
	struct emt_source_walk w;
	struct emt_source *s = NULL;
	struct emt_facts f;
	struct emt_loss loss;
	struct emt_err err;

	xen_image_build(&image, ept);
	/* one special frame of the guest */
	xen_image_info(&image, IMG_GUEST + 7)[1] |= EMT_PGC_XEN_HEAP;
	write_image(elf);
	open_source(&s, "", &err);
	assert_string_equal(err.text, "");
	assert_non_null(s);
	assert_int_equal(emt_source_walks(s), 1); /* dom0 is PV: it has no p2m */
	assert_int_equal(emt_source_walk(s, 0, &w, &err), 0);
	assert_int_equal(w.domid, 1);
	assert_non_null(strstr(w.label, ept ? "ept at 0x150000" : "npt at 0x150000"));
	assert_int_equal(count_leaves(s, 0, &loss), 257);
	assert_true(emt_loss_none(&loss));
	assert_int_equal(emt_source_facts(s, 0, &f, &err), 0);
	assert_int_equal(f.paging, ept ? EMT_PAGING_EPT : EMT_PAGING_NPT);
	assert_non_null(strstr(f.release, "4.17.7"));
	assert_int_equal(f.nr_pages, 256 + 512);
	assert_int_equal(f.special.n, 1);
	assert_int_equal(f.special.v[0].first, IMG_GUEST + 7);
	assert_int_equal(f.special.v[0].tag, EMT_SPECIAL_XENHEAP);
	assert_int_equal(f.host_e820.n, 3);
	emt_facts_free(&f);
	emt_source_close(s);
}

static void ept_is_found(void **state)
{
	(void)state;
	found(true, false);
}

static void npt_is_found(void **state)
{
	(void)state;
	found(false, false);
}

static void cores_are_read(void **state)
{
	(void)state;
	found(true, true);
}

/* The guest's own tables, each page of them through the p2m: 4 KiB entries, a
 * superpage, and a gfn that nothing maps. */
static void guest_memory(bool ept)
{
	struct emt_guest_opts o = { .regs = { 0x80000011, 0x10000, 0x20, 0xd01 }, .last = UINT64_MAX };
	struct emt_guest_walker *w;
	struct emt_guest_run run;
	struct emt_source *s;
	struct emt_err err;

	xen_image_build(&image, ept);
	image.frame[IMG_GUEST + 0x10][1] = 0x11007;
	image.frame[IMG_GUEST + 0x11][2] = 0x205007;
	image.frame[IMG_GUEST_2M + 5][3] = 0x12007;
	image.frame[IMG_GUEST_2M + 5][4] = 0x7000000 | 0x83;
	image.frame[IMG_GUEST_2M + 5][5] = 0x1234567007;
	image.frame[IMG_GUEST + 0x12][6] = 0x4000 | 0x9b;
	write_image(false);
	open_source(&s, "", &err);
	assert_non_null(s);
	assert_int_equal(emt_source_guest(s, 0, &o.mem, &err), 0);
	assert_int_equal(emt_guest_walker_new(&w, &o, NULL), 0);
	assert_int_equal(emt_guest_walker_next(w, &run), 1);
	assert_int_equal(run.va, 1ull << 39 | 2ull << 30 | 3ull << 21 | 6ull << 12);
	assert_int_equal(run.gfn, 4);
	assert_int_equal(run.pat, 7);
	assert_int_equal(emt_guest_walker_next(w, &run), 1);
	assert_int_equal(run.gfn, 0x7000);
	assert_int_equal(run.order, 9);
	assert_int_equal(emt_guest_walker_next(w, &run), 0);
	assert_int_equal(emt_guest_walker_result(w)->tables, 4);
	assert_int_equal(emt_guest_walker_result(w)->unreadable, 1);
	emt_guest_walker_free(w);
	emt_source_close(s);
}

static void guests_are_read(void **state)
{
	(void)state;
	guest_memory(true);
	guest_memory(false);
}

static void iommu_tables_are_found(void **state)
{
	struct emt_source *s = NULL;
	struct emt_source_walk w;
	struct emt_loss loss;
	struct emt_err err;

	(void)state;
	xen_image_build(&image, true);
	write_image(false);
	assert_int_equal(open_source(&s, ",domid=1,table=iommu", &err), 0);
	assert_int_equal(emt_source_walk(s, 0, &w, &err), 0);
	assert_non_null(strstr(w.label, "vtd at 0x158000, 52 of 52 frames agree"));
	assert_int_equal(count_leaves(s, 0, &loss), 256);
	emt_source_close(s);
}

/* ---- each check refuses ---- */

static void refused(int code, const char *says)
{
	struct emt_source *s = NULL;
	struct emt_err err;
	int rc;

	write_image(false);
	rc = open_source(&s, "", &err);
	if (rc != code || !strstr(err.text, says))
		print_error("wanted %d \"%s\", got %d \"%s\"\n", code, says, rc, err.text);
	assert_int_equal(rc, code);
	assert_non_null(strstr(err.text, says));
	assert_true(err.next[0]);
}

static void checks_refuse(void **state)
{
	(void)state;
	xen_image_build(&image, true);
	memset(image.frame[IMG_TEXT], 0, 4096);
	refused(EMT_E_MISSING, "no console text");

	xen_image_build(&image, true); /* the ring wrapped within the E820 */
	memset((char *)image.frame[IMG_TEXT] + 300, 0, 4096 - 300);
	refused(EMT_E_MISSING, "no complete E820");

	xen_image_build(&image, true);
	image.frame[IMG_DIRECT_L2][2] += 1 << 21; /* part of the direct map is elsewhere */
	refused(EMT_E_FORMAT, "no page tables of a Xen");

	xen_image_build(&image, true); /* the views of the M2P differ */
	memcpy(image.frame[IMG_SPARE], image.frame[0x105], 4096);
	memcpy(image.frame[IMG_SPARE + 1], image.frame[0x106], 4096);
	image.frame[IMG_SPARE][0] = (IMG_SPARE + 1) << 12 | 0x63;
	image.frame[IMG_SPARE + 1][0] = image.frame[IMG_SPARE + 1][1];
	image.frame[0x103][0] = (uint64_t)IMG_SPARE << 12 | 0x63;
	refused(EMT_E_FORMAT, "no page tables of a Xen");

	xen_image_build(&image, true); /* an L4 of another Xen, sound in itself */
	memcpy(image.frame[IMG_SPARE], image.frame[IMG_L4], 4096);
	memcpy(image.frame[IMG_SPARE + 1], image.frame[0x102], 4096);
	image.frame[IMG_SPARE][258] = (uint64_t)IMG_SPARE << 12 | 0x63;
	image.frame[IMG_SPARE][262] = (uint64_t)(IMG_SPARE + 1) << 12 | 0x63;
	refused(EMT_E_FORMAT, "two Xens");

	xen_image_build(&image, true);
	image.frame[IMG_DOMXEN][0] = 0x1234567;
	refused(EMT_E_FORMAT, "DOMID_XEN");

	xen_image_build(&image, true);
	image.frame[IMG_DOM0][0] = 1;
	refused(EMT_E_FORMAT, "call themselves domain 1");

	xen_image_build(&image, true); /* one frame's M2P names another gfn */
	*xen_image_m2p(&image, IMG_GUEST + 100) = 99;
	refused(EMT_E_NOSOURCE, "passed the checks");

	xen_image_build(&image, true); /* one frame is dom0's */
	xen_image_info(&image, IMG_GUEST + 100)[3] = IMG_DOM0;
	refused(EMT_E_NOSOURCE, "passed the checks");

	xen_image_build(&image, true); /* nothing points back to the domain */
	image.frame[IMG_P2M][38] += 8;
	refused(EMT_E_NOSOURCE, "passed the checks");

	xen_image_build(&image, true); /* an old root with the same leaves */
	memcpy(image.frame[IMG_SPARE], image.frame[IMG_ROOT], 4096);
	image.frame[IMG_P2M][32 + 11] = IMG_SPARE;
	xen_image_info(&image, IMG_SPARE)[2] = 0x8400000000000001ull;
	refused(EMT_E_FORMAT, "more than one tree");
}

/* A guest may hold a boot log of its own making. */
static void a_guests_text_does_not_count(void **state)
{
	(void)state;
	xen_image_build(&image, true);
	memcpy(image.frame[IMG_GUEST + 3], image.frame[IMG_TEXT], 4096);
	memset(image.frame[IMG_TEXT], 0, 4096);
	refused(EMT_E_FORMAT, "belongs to a domain");
}

/* ---- what is read ---- */

struct log {
	uint64_t reads, outside;
	const struct emt_mem *m;
};

static void hear(uint64_t mfn, void *arg)
{
	struct log *l = arg;

	l->reads++;
	/* not by the memory's own list: by the machine's */
	l->outside += !(mfn < 0x9f || (mfn >= 0x100 && mfn < 0x800));
}

static void holes_are_never_read(void **state)
{
	struct emt_walk_opts o = { .format = &emt_format_ept,
				   .layout = emt_epte_layout_by_name("4.16"),
				   .root = IMG_ROOT };
	struct emt_ranges e820 = { 0 };
	struct emt_walker *w;
	struct emt_run run;
	struct emt_mem *m;
	struct log log = { 0 };
	struct emt_err err = { 0 };
	uint8_t buf[16];

	(void)state;
	xen_image_build(&image, true);
	image.frame[IMG_ROOT + 2][5] = 0xa0ull << 12 | 7;    /* the VGA hole: the file has bytes there */
	image.frame[IMG_ROOT + 1][5] = 0xfee00ull << 12 | 7; /* beyond the file */
	write_image(false);
	assert_int_equal(emt_mem_open(&m, path, &err), 0);
	assert_true(emt_mem_is_ram(m, 0xa0)); /* nothing is known yet */
	emt_ranges_add(&e820, 0, 0x9e, 1, EMT_KNOWN);
	emt_ranges_add(&e820, 0x9f, 0xff, 2, EMT_KNOWN);
	emt_ranges_add(&e820, 0x100, 0x7ff, 1, EMT_KNOWN);
	assert_int_equal(emt_mem_set_e820(m, &e820, &err), 0);
	assert_false(emt_mem_is_ram(m, 0xa0));
	emt_mem_set_log(m, hear, &log);
	o.mem = emt_mem_memory(m);
	assert_int_equal(emt_walker_new(&w, &o, &err), 0);
	while (emt_walker_next(w, &run))
		;
	assert_int_equal(emt_walker_result(w)->outside, 2);
	assert_int_equal(emt_walker_result(w)->leaves, 257);
	assert_int_equal(emt_walker_result(w)->tables, 4);
	assert_int_equal(log.reads, 4);
	assert_int_equal(log.outside, 0);
	emt_walker_free(w);
	/* asked for directly, across the border too */
	assert_null(emt_mem_frame(m, 0xa0));
	assert_int_equal(emt_mem_read(m, 0x9eff8, buf, 16), EMT_E_IO);
	assert_int_equal(emt_mem_read(m, 0xffff8, buf, 16), EMT_E_IO);
	assert_int_equal(log.outside, 0);
	emt_ranges_free(&e820);
	emt_mem_close(m);
	/* through the source: said, and the walk is not called whole */
	{
		struct emt_source *s = NULL;
		struct emt_loss loss;

		write_image(false);
		assert_int_equal(open_source(&s, ",root=0x150000,table=ept", &err), 0);
		assert_int_equal(count_leaves(s, 0, &loss), 257);
		assert_int_equal(loss.entries_cut, 2);
		assert_non_null(strstr(loss.note, "2 point outside RAM"));
		emt_source_close(s);
	}
	/* and the search believes no tree with such entries */
	write_image(false);
	{
		struct emt_source *s = NULL;

		assert_int_equal(open_source(&s, "", &err), EMT_E_NOSOURCE);
	}
}

/* 3 GiB: 2 below the hole, 1 above 4 GiB, as the E820 says. */
static void memory_above_the_hole(void **state)
{
	struct emt_ranges e820 = { 0 };
	struct emt_mem *m;
	struct emt_err err = { 0 };
	uint64_t mark = 0x1122334455667788ull, got;
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/emt-memory-XXXXXX");
	fd = mkstemp(path);
	assert_int_equal(ftruncate(fd, 3ll << 30), 0);
	assert_int_equal(pwrite(fd, &mark, 8, (2ll << 30) + 0x5008), 8);
	close(fd);
	assert_int_equal(emt_mem_open(&m, path, &err), 0);
	unlink(path);
	emt_ranges_add(&e820, 0, 0x7ffff, 1, EMT_KNOWN);
	emt_ranges_add(&e820, 0x100000, 0x13ffff, 1, EMT_KNOWN);
	assert_int_equal(emt_mem_set_e820(m, &e820, &err), 0);
	assert_int_equal(emt_mem_read(m, 0x100005008ull, &got, 8), 0);
	assert_int_equal(got, mark);
	assert_null(emt_mem_frame(m, 0x80000));
	/* an E820 that does not fit the file */
	emt_ranges_add(&e820, 0x140000, 0x9fffff, 1, EMT_KNOWN);
	assert_int_equal(emt_mem_set_e820(m, &e820, &err), EMT_E_FORMAT);
	emt_ranges_free(&e820);
	emt_mem_close(m);
}

static void other_files_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		const char *says;
	} files[] = {
		{ "KDUMP   ......................", "compressed dump" },
		{ "makedumpfile..................", "compressed dump" },
		{ "QEVM..........................", "saved machine" },
		{ "\x1f\x8b............................", "compressed" },
		{ "short", "no whole frame" },
	};

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(files); i++) {
		struct emt_err err = { 0 };
		struct emt_mem *m;
		int fd;

		snprintf(path, sizeof(path), "/tmp/emt-memory-XXXXXX");
		fd = mkstemp(path);
		assert_int_equal(write(fd, files[i].bytes, strlen(files[i].bytes)), strlen(files[i].bytes));
		close(fd);
		assert_int_equal(emt_mem_open(&m, path, &err), EMT_E_FORMAT);
		unlink(path);
		assert_non_null(strstr(err.text, files[i].says));
		assert_true(err.next[0]);
	}
}

/* A sum that does not depend on the order of pages. */
static int sum_table(uint64_t mfn, unsigned int level, const void *page, void *arg)
{
	const uint64_t *e = page;
	uint64_t h = mfn * 31 + level;

	for (unsigned int i = 0; i < 512; i++)
		h = (h ^ e[i]) * 0x100000001b3ull;
	*(uint64_t *)arg += h;
	return 0;
}

/* The table pages of a capture are memory too: the same leaves, the capture's facts. */
static void pages_of_captures(void **state)
{
	static const char *const file = "tests/data/captures/raw/11-types.emt";
	struct emt_source_spec spec;
	struct emt_source *s[2];
	struct emt_loss loss;
	struct emt_facts f;
	struct emt_err err = { 0 };
	uint64_t n[2], sum[2] = { 0 };
	char text[128];

	(void)state;
	for (int i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "%s:%s", i ? "mem" : "capture", file);
		assert_int_equal(emt_source_parse(&spec, text, &err), 0);
		assert_int_equal(emt_source_open(&s[i], &spec, &err), 0);
		assert_int_equal(emt_source_walks(s[i]), 1);
		n[i] = count_leaves(s[i], 0, &loss);
		assert_true(emt_loss_none(&loss));
		assert_int_equal(emt_source_tables(s[i], 0, sum_table, &sum[i], &err), 0);
	}
	assert_true(sum[0] && sum[0] == sum[1]);
	assert_int_equal(n[0], 2645 - 6); /* six intermediate entries carry an EMT */
	assert_int_equal(n[1], n[0]);
	assert_int_equal(emt_source_facts(s[1], 0, &f, &err), 0);
	assert_int_equal(f.domid, 1);
	assert_true(f.pins.n > 0);
	emt_facts_free(&f);
	emt_source_close(s[0]);
	emt_source_close(s[1]);
	/* one without table pages says so */
	assert_int_equal(emt_source_parse(&spec, "mem:tests/data/captures/ept/d-decr.emt", &err), 0);
	assert_int_equal(emt_source_open(&s[0], &spec, &err), EMT_E_MISSING);
	assert_true(err.next[0]);
}

/* Symbols of another build, or of none, are never used. */
static void foreign_symbols_are_refused(void **state)
{
	struct emt_source *s = NULL;
	struct emt_err err;

	(void)state;
	xen_image_build(&image, true);
	write_image(false);
	assert_int_equal(open_source(&s, ",syms=/proc/self/exe", &err), EMT_E_FORMAT);
	assert_true(strstr(err.text, "another build") || strstr(err.text, "no build id"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ept_is_found),
		cmocka_unit_test(npt_is_found),
		cmocka_unit_test(cores_are_read), cmocka_unit_test(guests_are_read),
		cmocka_unit_test(iommu_tables_are_found),
		cmocka_unit_test(checks_refuse),
		cmocka_unit_test(a_guests_text_does_not_count),
		cmocka_unit_test(holes_are_never_read),
		cmocka_unit_test(memory_above_the_hole),
		cmocka_unit_test(other_files_are_refused),
		cmocka_unit_test(pages_of_captures),
		cmocka_unit_test(foreign_symbols_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
