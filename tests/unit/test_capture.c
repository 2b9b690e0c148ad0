/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Captures that are whole: what is put comes back, wherever one starts to read.
 */
#include "test_capture_util.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void put_all(struct emt_capture_writer *w, const struct emt_run *runs, size_t n)
{
	struct emt_err err = { 0 };

	for (size_t i = 0; i < n; i++)
		must(emt_capture_put(w, &runs[i], &err));
}

/* A file with one walk of these runs. */
static void save(const char *path, const struct emt_run *runs, size_t n)
{
	struct emt_capture_writer *w;
	struct emt_facts f;
	struct emt_err err = { 0 };

	emt_facts_init(&f);
	f.domid = 5;
	must(emt_capture_create(&w, path, NULL, &err));
	must(emt_capture_walk_begin(w, &f, 42, "label", &err));
	put_all(w, runs, n);
	must(emt_capture_walk_end(w, NULL, &err));
	must(emt_capture_close(w, &err));
}

static void compare(struct emt_capture *c, size_t walk, const struct emt_run *want, size_t n, size_t room)
{
	struct emt_capture_cursor *cur;
	struct emt_err err = { 0 };
	struct emt_run *got = malloc(room * sizeof(*got));
	size_t at = 0;
	long k;

	assert_non_null(got);
	must(emt_capture_cursor(c, walk, &cur, &err));
	while ((k = emt_capture_read(cur, got, room, &err)) > 0) {
		assert_true(at + (size_t)k <= n);
		for (long i = 0; i < k; i++)
			same_run(&got[i], &want[at++]);
	}
	must((int)k);
	assert_int_equal(at, n);
	emt_capture_cursor_free(cur);
	free(got);
}

static void check_info(const struct emt_walk_info *i, const struct emt_run *runs, size_t n)
{
	struct emt_walk_info want = { 0 };

	for (size_t k = 0; k < n; k++) {
		bool leaf = !(runs[k].flags & EMT_RUN_INTERMEDIATE);

		want.entries += leaf ? runs[k].count : 0;
		want.frames += leaf ? runs[k].count << runs[k].order : 0;
		if (leaf || runs[k].gfn > want.last_gfn)
			want.last_gfn = leaf ? emt_run_last(&runs[k]) : runs[k].gfn;
	}
	assert_int_equal(i->runs, n);
	assert_int_equal(i->entries, want.entries);
	assert_int_equal(i->frames, want.frames);
	assert_int_equal(i->first_gfn, n ? runs[0].gfn : 0);
	assert_int_equal(i->last_gfn, want.last_gfn);
	assert_true(emt_loss_none(&i->loss));
}

/* Random runs of every kind, sizes around the limits of a chunk. */
static void test_round_trip(void **state)
{
	static const struct {
		size_t n;
		unsigned int raws;
		bool nest;
	} cases[] = {
		{ 0, 0, false }, { 1, 0, false }, { 2, 1, true }, { 100, 10, true }, { 65535, 0, false },
		{ 65536, 3, false }, { 65537, 0, true }, { 150000, 300, true }, { 30000, 100000, true },
	};

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(cases); i++) {
		struct maker m = { .seed = 1234567 + i, .nest = cases[i].nest, .raws = cases[i].raws };
		struct emt_run *runs = malloc((cases[i].n + 1) * sizeof(*runs));
		size_t n = make_runs(&m, runs, cases[i].n);
		struct emt_capture *c;
		struct emt_err err = { 0 };
		uint64_t chunks;

		save(scratch("a.emt"), runs, n);
		for (int salvage = 0; salvage < 2; salvage++) {
			must(emt_capture_open(&c, scratch("a.emt"), salvage, &err));
			assert_int_equal(emt_capture_walks(c), 1);
			assert_null(emt_capture_walk(c, 1));
			check_info(emt_capture_walk(c, 0), runs, n);
			assert_int_equal(emt_capture_walk(c, 0)->domid, 5);
			assert_int_equal(emt_capture_walk(c, 0)->time, 42);
			assert_string_equal(emt_capture_walk(c, 0)->label, "label");
			compare(c, 0, runs, n, 1000000);
			compare(c, 0, runs, n, 7);
			emt_capture_free(c);
		}
		must(emt_capture_verify(scratch("a.emt"), NULL, &chunks, &err));
		assert_true(chunks >= 5 + (n > 0));
		free(runs);
	}
}

/* Runs put one by one join to the same file as when they come joined. */
static void test_joining(void **state)
{
	struct emt_run one = { .gfn = 0x1000, .mfn = 0x5000, .count = 1, .perm = 7, .emt = 6 };
	struct emt_run want[3] = { one, one, one };
	struct emt_run parts[300];
	struct emt_capture *c;
	struct emt_err err = { 0 };

	(void)state;
	for (int i = 0; i < 300; i++) {
		parts[i] = one;
		parts[i].gfn += (uint64_t)i;
		parts[i].mfn += (uint64_t)i + (i >= 100); /* the frames jump */
		parts[i].emt = i >= 200 ? 0 : 6;          /* the type changes */
	}
	for (int i = 0; i < 3; i++) {
		want[i] = parts[i * 100];
		want[i].count = 100;
	}
	save(scratch("j.emt"), parts, 300);
	must(emt_capture_open(&c, scratch("j.emt"), false, &err));
	compare(c, 0, want, 3, 10);
	emt_capture_free(c);
	/* tables never join, not even without frames */
	for (int i = 0; i < 2; i++)
		parts[i] = (struct emt_run){.gfn = (uint64_t)i << 9,
					    .mfn = EMT_NO_FRAME,
					    .count = 1,
					    .order = 9,
					    .flags = EMT_RUN_INTERMEDIATE};
	save(scratch("j.emt"), parts, 2);
	must(emt_capture_open(&c, scratch("j.emt"), false, &err));
	compare(c, 0, parts, 2, 10);
	emt_capture_free(c);
}

/* What a seek must find: the first leaf that ends at or behind gfn. */
static size_t reference(const struct emt_run *runs, size_t n, uint64_t gfn)
{
	size_t lo = 0, hi = n;

	/* leaves are sorted, intermediate entries stand before them: look at leaves only */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2, leaf = mid;

		while (leaf < hi && emt_run_intermediate(&runs[leaf]))
			leaf++;
		if (leaf < hi && emt_run_last(&runs[leaf]) < gfn)
			lo = leaf + 1;
		else
			hi = mid;
	}
	while (lo < n && emt_run_intermediate(&runs[lo]))
		lo++;
	return lo;
}

static void check_seek(struct emt_capture_cursor *cur, const struct emt_run *runs, size_t n, uint64_t gfn,
		       bool whole)
{
	size_t want = reference(runs, n, gfn), first = want;
	struct emt_err err = { 0 };
	struct emt_run r;
	int rc;

	for (size_t i = want; i && emt_run_intermediate(&runs[i - 1]); i--)
		if (emt_run_last(&runs[i - 1]) >= gfn)
			first = i - 1;
	must(emt_capture_seek(cur, gfn, &err));
	rc = emt_capture_next(cur, &r, &err);
	must(rc);
	if (want == n) {
		/* behind the last leaf: at most tables that hold nothing */
		while (rc == 1) {
			assert_true(emt_run_intermediate(&r));
			rc = emt_capture_next(cur, &r, &err);
		}
		assert_int_equal(rc, 0);
		return;
	}
	assert_int_equal(rc, 1);
	if (whole)
		same_run(&r, &runs[first]);
	while (emt_run_intermediate(&r)) {
		assert_true(emt_run_last(&r) >= gfn || first < want);
		assert_int_equal(emt_capture_next(cur, &r, &err), 1);
	}
	same_run(&r, &runs[want]);
	if (want + 1 < n) {
		assert_int_equal(emt_capture_next(cur, &r, &err), 1);
		same_run(&r, &runs[want + 1]);
	}
}

static void seek_around(struct emt_capture_cursor *cur, const struct emt_run *runs, size_t n, size_t i,
			bool whole)
{
	check_seek(cur, runs, n, runs[i].gfn, whole);
	check_seek(cur, runs, n, emt_run_last(&runs[i]), whole);
	check_seek(cur, runs, n, emt_run_last(&runs[i]) + 1, whole);
	if (runs[i].gfn)
		check_seek(cur, runs, n, runs[i].gfn - 1, whole);
	check_seek(cur, runs, n, runs[i].gfn + emt_run_frames(&runs[i]) / 2, whole);
}

static void test_seek(void **state)
{
	static const struct {
		size_t n;
		unsigned int raws;
		bool nest;
	} cases[] = { { 50, 5, true }, { 140000, 0, false }, { 140000, 20, true }, { 20000, 100000, true } };

	(void)state;
	for (size_t k = 0; k < EMT_ARRAY_SIZE(cases); k++) {
		struct maker m = {.seed = 99 + k, .nest = cases[k].nest, .raws = cases[k].raws, .gfn = 3000};
		struct emt_run *runs = malloc(cases[k].n * sizeof(*runs));
		size_t n = make_runs(&m, runs, cases[k].n);
		bool whole = cases[k].raws < 4096; /* a full dictionary may part tables from leaves */
		struct emt_capture_cursor *cur;
		struct emt_capture *c;
		struct emt_err err = { 0 };

		save(scratch("s.emt"), runs, n);
		must(emt_capture_open(&c, scratch("s.emt"), false, &err));
		if (n > EMT_RUNS_MAX || !whole)
			assert_true(emt_capture_walk(c, 0)->chunks > 1);
		must(emt_capture_cursor(c, 0, &cur, &err));
		check_seek(cur, runs, n, 0, whole);
		check_seek(cur, runs, n, EMT_NO_FRAME, whole);
		check_seek(cur, runs, n, runs[n - 1].gfn, whole);
		for (size_t i = 0; i < n; i++)
			if (n < 100 || (i > EMT_RUNS_SOFT - 4 && i < EMT_RUNS_MAX + 4) ||
			    (i > 2 * EMT_RUNS_SOFT - 4 && i < 2 * EMT_RUNS_SOFT + 4) || i + 3 > n)
				seek_around(cur, runs, n, i, whole);
		for (int i = 0; i < 300; i++)
			seek_around(cur, runs, n, rnd(&m.seed) % n, whole);
		emt_capture_cursor_free(cur);
		emt_capture_free(c);
		free(runs);
	}
}

static int count_guest_page(uint64_t gfn, unsigned int level, const void *page, void *arg)
{
	unsigned int *n = arg;
	const uint64_t *e = page;

	assert_int_equal(gfn, 3 + *n * 10);
	assert_int_equal(level, 5);
	assert_int_equal(e[(0x7000 + gfn) % 512], (0x7000 + gfn) * 3);
	++*n;
	return 0;
}

static int count_page(uint64_t mfn, unsigned int level, const void *page, void *arg)
{
	unsigned int *n = arg;
	uint64_t word;

	memcpy(&word, (const char *)page + 8 * (mfn % 512), 8);
	assert_int_equal(mfn, 0x7000 + *n);
	assert_int_equal(level, 4 - *n % 4);
	assert_int_equal(word, mfn * 3);
	return ++*n == 90 ? 17 : 0;
}

/* Domains and generations, tables and blobs between the runs of their walks. */
static void test_walks(void **state)
{
	const struct emt_capture_opts opts = { .tool = "emtctl 0.1", .source = "xen:7", .time = 1700000000 };
	struct emt_capture_writer *w;
	struct emt_capture *c;
	struct emt_facts f;
	struct emt_err err = { 0 };
	struct emt_run *runs[6];
	size_t n[6], len;
	uint64_t page[512] = { 0 };
	void *data;

	(void)state;
	must(emt_capture_create(&w, scratch("w.emt"), &opts, &err));
	must(emt_capture_put_blob(w, "note", "of the file", 11, &err));
	for (int i = 0; i < 6; i++) {
		struct maker m = { .seed = 7 + (uint64_t)i, .raws = 4 };
		struct emt_loss loss = { .lines_unparsed = (uint64_t)i, .cut_tail = 1, .note = "a note" };

		runs[i] = malloc(1000 * sizeof(**runs));
		n[i] = make_runs(&m, runs[i], i == 3 ? 0 : 1000);
		emt_facts_init(&f);
		f.domid = i % 2 ? 9 : 4;
		f.max_gfn = (uint64_t)i;
		must(emt_capture_walk_begin(w, &f, 100 + i, NULL, &err));
		put_all(w, runs[i], n[i] / 2);
		for (unsigned int p = 0; i == 2 && p < 100; p++) {
			page[(0x7000 + p) % 512] = (0x7000 + p) * 3;
			must(emt_capture_put_table(w, 0x7000 + p, 4 - p % 4, page, &err));
			/* the guest's own, in between */
			if (p % 10 == 3)
				must(emt_capture_put_guest_table(w, p, 5, page, &err));
		}
		put_all(w, runs[i] + n[i] / 2, n[i] - n[i] / 2);
		if (i == 4)
			must(emt_capture_put_blob(w, "text", NULL, 0, &err));
		must(emt_capture_walk_end(w, i == 5 ? &loss : NULL, &err));
	}
	must(emt_capture_close(w, &err));
	for (int salvage = 0; salvage < 2; salvage++) {
		unsigned int pages = 0;

		must(emt_capture_open(&c, scratch("w.emt"), salvage, &err));
		assert_int_equal(emt_capture_walks(c), 6);
		assert_string_equal(emt_capture_tool(c), "emtctl 0.1");
		assert_string_equal(emt_capture_origin(c), "xen:7");
		assert_int_equal(emt_capture_time(c), 1700000000);
		for (int i = 0; i < 6; i++) {
			const struct emt_walk_info *info = emt_capture_walk(c, (size_t)i);

			assert_int_equal(info->domid, i % 2 ? 9 : 4);
			assert_int_equal(info->generation, i / 2);
			assert_int_equal(info->time, 100 + i);
			assert_string_equal(info->label, "");
			must(emt_capture_facts(c, (size_t)i, &f, &err));
			assert_int_equal(f.max_gfn, i);
			emt_facts_free(&f);
			compare(c, (size_t)i, runs[i], n[i], 100);
			if (i < 5)
				check_info(info, runs[i], n[i]);
		}
		assert_int_equal(emt_capture_walk(c, 5)->loss.lines_unparsed, 5);
		assert_int_equal(emt_capture_walk(c, 5)->loss.cut_tail, 1);
		assert_string_equal(emt_capture_walk(c, 5)->loss.note, "a note");
		assert_false(emt_loss_none(&emt_capture_walk(c, 5)->loss));
		assert_int_equal(emt_capture_tables(c, 1, count_page, &pages, &err), 0);
		assert_int_equal(pages, 0);
		assert_int_equal(emt_capture_tables(c, 2, count_page, &pages, &err), 17);
		assert_int_equal(pages, 90);
		pages = 0;
		must(emt_capture_guest_tables(c, 2, count_guest_page, &pages, &err));
		assert_int_equal(pages, 10);
		must(emt_capture_guest_tables(c, 1, count_guest_page, &pages, &err));
		assert_int_equal(pages, 10);
		must(emt_capture_blob(c, SIZE_MAX, "note", &data, &len, &err));
		assert_int_equal(len, 11);
		assert_memory_equal(data, "of the file", 11);
		free(data);
		must(emt_capture_blob(c, 4, "text", &data, &len, &err));
		assert_int_equal(len, 0);
		free(data);
		assert_int_equal(emt_capture_blob(c, 5, "text", &data, &len, &err), EMT_E_MISSING);
		memset(&err, 0, sizeof(err));
		emt_capture_free(c);
	}
	must(emt_capture_verify(scratch("w.emt"), NULL, NULL, &err));
	for (int i = 0; i < 6; i++)
		free(runs[i]);
}

/* A run that makes no sense is refused, and the writer goes on without it. */
static void test_bad_runs(void **state)
{
	static const struct emt_run good = {
		.gfn = 1024, .mfn = 5, .count = 2, .order = 9, .perm = 7, .emt = 6};
	struct emt_run bad[16];
	struct emt_capture_writer *w;
	struct emt_capture *c;
	struct emt_facts f;
	struct emt_err err = { 0 };
	struct emt_run want[2] = { good, good };

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(bad); i++) {
		bad[i] = good;
		bad[i].gfn = 4096;
	}
	bad[0].count = 0;
	bad[1].order = 8;
	bad[2].gfn = 4097;
	bad[3].gfn = 1024;          /* overlaps the run before */
	bad[4].gfn = 1536;
	bad[5].gfn = 0;
	bad[6].count = 1ull << 60;  /* runs over */
	bad[7].gfn = 1ull << 52;
	bad[8].mfn = 1ull << 52;
	bad[9].perm = 8;
	bad[10].emt = 8;
	bad[11].ipat = 2;
	bad[12].flags = 1u << 31;
	bad[13].count = UINT64_MAX;
	bad[14].gfn = UINT64_MAX & ~511ull;
	bad[15].mfn = EMT_NO_FRAME - 1;
	want[1].gfn = 4096;
	emt_facts_init(&f);
	must(emt_capture_create(&w, scratch("b.emt"), NULL, &err));
	assert_int_equal(emt_capture_put(w, &good, &err), EMT_E_INTERNAL); /* no walk yet */
	memset(&err, 0, sizeof(err));
	must(emt_capture_walk_begin(w, &f, 0, NULL, &err));
	must(emt_capture_put(w, &good, &err));
	for (size_t i = 0; i < EMT_ARRAY_SIZE(bad); i++) {
		assert_int_equal(emt_capture_put(w, &bad[i], &err), EMT_E_FORMAT);
		assert_non_null(strstr(err.text, "gfn 0x"));
		memset(&err, 0, sizeof(err));
	}
	must(emt_capture_put(w, &want[1], &err));
	must(emt_capture_walk_end(w, NULL, &err));
	assert_int_equal(emt_capture_put_blob(w, "RUNS", "x", 1, &err), EMT_E_INTERNAL);
	memset(&err, 0, sizeof(err));
	assert_int_equal(emt_capture_put_blob(w, "a b ", "x", 1, &err), EMT_E_INTERNAL);
	memset(&err, 0, sizeof(err));
	must(emt_capture_close(w, &err));
	must(emt_capture_open(&c, scratch("b.emt"), false, &err));
	compare(c, 0, want, 2, 5);
	emt_capture_free(c);
}

/* Tables stand before what they hold; the other way round is refused. */
static void test_nesting(void **state)
{
	struct emt_run r[4] = {
		{ .gfn = 0, .mfn = 1, .count = 1, .order = 27, .flags = EMT_RUN_INTERMEDIATE },
		{ .gfn = 0, .mfn = 2, .count = 1, .order = 18, .flags = EMT_RUN_INTERMEDIATE },
		{ .gfn = 0, .mfn = 3, .count = 1, .order = 9, .flags = EMT_RUN_INTERMEDIATE },
		{ .gfn = 0, .mfn = 9, .count = 512, .order = 0, .emt = 6 },
	};
	struct emt_capture_writer *w;
	struct emt_capture_cursor *cur;
	struct emt_capture *c;
	struct emt_facts f;
	struct emt_err err = { 0 };

	(void)state;
	emt_facts_init(&f);
	must(emt_capture_create(&w, scratch("n.emt"), NULL, &err));
	must(emt_capture_walk_begin(w, &f, 0, NULL, &err));
	for (int i = 0; i < 4; i++) {
		must(emt_capture_put(w, &r[i], &err));
		if (i < 3) {
			assert_int_equal(emt_capture_put(w, &r[i], &err), EMT_E_FORMAT); /* below itself */
			memset(&err, 0, sizeof(err));
		}
	}
	assert_int_equal(emt_capture_put(w, &r[2], &err), EMT_E_FORMAT); /* behind its leaves */
	memset(&err, 0, sizeof(err));
	must(emt_capture_walk_end(w, NULL, &err));
	must(emt_capture_close(w, &err));
	must(emt_capture_open(&c, scratch("n.emt"), false, &err));
	check_info(emt_capture_walk(c, 0), r, 4);
	compare(c, 0, r, 4, 10);
	must(emt_capture_cursor(c, 0, &cur, &err));
	check_seek(cur, r, 4, 511, true);
	check_seek(cur, r, 4, 512, true);
	emt_capture_cursor_free(cur);
	emt_capture_free(c);
}

static void test_redact(void **state)
{
	const struct emt_capture_opts opts = { .redact = true, .source = "xen:secret-name" };
	struct emt_capture_writer *w;
	struct emt_capture *c;
	struct emt_facts f, g;
	struct emt_err err = { 0 };
	void *data;
	size_t len;

	(void)state;
	emt_facts_init(&f);
	strcpy(f.domain_name, "secret-name");
	strcpy(f.domain_uuid, "9af00000-secret");
	emt_facts_set_list(&f, EMT_FACT_SPECIAL, EMT_KNOWN, EMT_KNOWN, "key q of secret-name");
	emt_facts_set_list(&f, EMT_FACT_VALID, EMT_KNOWN, EMT_KNOWN, "secret-name");
	emt_facts_set_list(&f, EMT_FACT_PINS, EMT_KNOWN, EMT_KNOWN, "stated");
	assert_int_equal(emt_ranges_add(&f.special, 5, 6, EMT_SPECIAL_EXTRA, EMT_KNOWN), 0);
	must(emt_capture_create(&w, scratch("r.emt"), &opts, &err));
	must(emt_capture_walk_begin(w, &f, 0, NULL, &err));
	must(emt_capture_put_blob(w, "text", "secret-name", 11, &err));
	must(emt_capture_walk_end(w, NULL, &err));
	must(emt_capture_close(w, &err));
	assert_string_equal(f.domain_name, "secret-name"); /* the caller's stay */
	must(emt_capture_open(&c, scratch("r.emt"), false, &err));
	assert_string_equal(emt_capture_origin(c), "");
	must(emt_capture_facts(c, 0, &g, &err));
	assert_string_equal(g.domain_name, "");
	assert_string_equal(g.domain_uuid, "");
	assert_null(g.prov[EMT_FACT_SPECIAL].origin);
	assert_null(g.prov[EMT_FACT_VALID].origin);
	assert_string_equal(g.prov[EMT_FACT_PINS].origin, "stated");
	assert_int_equal(g.special.n, 1); /* the verdicts need the frames */
	assert_int_equal(emt_capture_blob(c, 0, "text", &data, &len, &err), EMT_E_MISSING);
	emt_facts_free(&g);
	emt_facts_free(&f);
	emt_capture_free(c);
}

/* ---- files and errors of the system ---- */

static void test_nothing_left(void **state)
{
	struct emt_capture_writer *w;
	struct emt_capture *c;
	struct emt_facts f;
	struct emt_err err = { 0 };
	struct emt_run r = { .gfn = 1, .mfn = 2, .count = 1 };
	int before = scratch_files();

	(void)state;
	emt_facts_init(&f);
	must(emt_capture_create(&w, scratch("gone.emt"), NULL, &err));
	must(emt_capture_walk_begin(w, &f, 0, NULL, &err));
	must(emt_capture_put(w, &r, &err));
	assert_int_equal(access(scratch("gone.emt"), F_OK), -1); /* not there before it is whole */
	emt_capture_abort(w);
	emt_capture_abort(NULL);
	assert_int_equal(scratch_files(), before);
	/* closed within a walk: an error, and nothing either */
	must(emt_capture_create(&w, scratch("gone.emt"), NULL, &err));
	must(emt_capture_walk_begin(w, &f, 0, NULL, &err));
	assert_int_equal(emt_capture_close(w, &err), EMT_E_INTERNAL);
	assert_int_equal(scratch_files(), before);
	/* what was there stays until the new one is whole */
	memset(&err, 0, sizeof(err));
	save(scratch("kept.emt"), &r, 1);
	must(emt_capture_create(&w, scratch("kept.emt"), NULL, &err));
	emt_capture_abort(w);
	must(emt_capture_open(&c, scratch("kept.emt"), false, &err));
	assert_int_equal(emt_capture_walks(c), 1);
	emt_capture_free(c);
	/* a link is kept, its target replaced */
	assert_int_equal(symlink("kept.emt", scratch("link.emt")), 0);
	must(emt_capture_create(&w, scratch("link.emt"), NULL, &err));
	must(emt_capture_close(w, &err));
	must(emt_capture_open(&c, scratch("kept.emt"), false, &err));
	assert_int_equal(emt_capture_walks(c), 0);
	emt_capture_free(c);
	emt_facts_free(&f);
}

static void test_no_place(void **state)
{
	struct emt_capture_writer *w = NULL;
	struct emt_err err = { 0 };
	char longer[5000];

	(void)state;
	assert_int_equal(emt_capture_create(&w, scratch("no/such/dir.emt"), NULL, &err), EMT_E_IO);
	assert_non_null(strstr(err.text, "No such file"));
	assert_true(err.next[0]);
	assert_null(w);
	memset(&err, 0, sizeof(err));
	assert_int_equal(emt_capture_create(&w, scratch_dir, NULL, &err), EMT_E_USAGE);
	memset(&err, 0, sizeof(err));
	assert_int_equal(emt_capture_create(&w, "", NULL, &err), EMT_E_USAGE);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	memset(&err, 0, sizeof(err));
	assert_int_equal(emt_capture_create(&w, longer, NULL, &err), EMT_E_USAGE);
}

/* Every write fails for want of space: said so, and no later call does harm. */
static void test_disk_full(void **state)
{
	struct emt_capture_writer *w;
	struct emt_facts f;
	struct emt_err err = { 0 };
	int rc;

	(void)state;
	if (access("/dev/full", W_OK))
		skip();
	rc = emt_capture_create(&w, "/dev/full", NULL, &err);
	assert_int_equal(rc, EMT_E_IO);
	assert_non_null(strstr(err.text, "No space left"));
	assert_non_null(strstr(err.next, "space"));
	/* the device is still one */
	struct stat st;
	assert_int_equal(stat("/dev/full", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
	emt_facts_init(&f);
}

/* A limit on the file's size strikes in the middle: in a child, for its sake. */
static void test_runs_out(void **state)
{
	int before = scratch_files(), status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (!pid) {
		struct rlimit limit = { 100000, 100000 };
		struct maker m = { .seed = 3 };
		struct emt_capture_writer *w;
		struct emt_facts f;
		struct emt_err err = { 0 }, later = { 0 };
		struct emt_run r;
		int rc = 0;

		signal(SIGXFSZ, SIG_IGN);
		if (setrlimit(RLIMIT_FSIZE, &limit))
			_exit(9);
		emt_facts_init(&f);
		if (emt_capture_create(&w, scratch("full.emt"), NULL, &err) ||
		    emt_capture_walk_begin(w, &f, 0, NULL, &err))
			_exit(8);
		for (int i = 0; i < 1000000 && !rc; i++) {
			make_run(&m, &r);
			rc = emt_capture_put(w, &r, &err);
		}
		if (rc != EMT_E_IO || !strstr(err.text, "File too large") || !err.next[0])
			_exit(7);
		if (emt_capture_put(w, &r, &later) != EMT_E_IO ||
		    emt_capture_walk_end(w, NULL, NULL) != EMT_E_IO)
			_exit(6);
		if (emt_capture_close(w, NULL) != EMT_E_IO)
			_exit(5);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(scratch_files(), before);
}

/* A killed writer leaves nothing where the file system knows nameless files. */
static void test_killed(void **state)
{
	int before = scratch_files(), status, probe;
	pid_t pid;

	(void)state;
	probe = open(scratch_dir, O_TMPFILE | O_WRONLY, 0600);
	if (probe < 0)
		skip();
	close(probe);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct emt_capture_writer *w;
		struct emt_facts f;

		emt_facts_init(&f);
		if (emt_capture_create(&w, scratch("k.emt"), NULL, NULL) ||
		    emt_capture_walk_begin(w, &f, 0, NULL, NULL))
			_exit(1);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(scratch_files(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_joining),
		cmocka_unit_test(test_seek),	   cmocka_unit_test(test_walks),
		cmocka_unit_test(test_bad_runs),   cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_redact),	   cmocka_unit_test(test_nothing_left),
		cmocka_unit_test(test_no_place),   cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_runs_out),   cmocka_unit_test(test_killed),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
