/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Saving and loading a large guest. The runs are made up as a long-lived guest
 * has them: memory scattered over the host in 4 KiB and 2 MiB pieces, stretches
 * of other types, MMIO, pending entries, holes.
 */
#include "bench.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/findings.h"
#include "source/source.h"

void bench_capture(void);
void bench_capture_100m(void);

#define BATCH 4096

/* xorshift64*: the same runs on every machine */
static uint64_t rnd(uint64_t *s)
{
	*s ^= *s >> 12;
	*s ^= *s << 25;
	*s ^= *s >> 27;
	return *s * 0x2545f4914f6cdd1dull;
}

struct guest {
	uint64_t seed;
	uint64_t gfn; /* of the next run */
	uint64_t mfn; /* that would continue the run before */
};

/* The next run: never joins the one before. */
static void next_run(struct guest *g, struct emt_run *r)
{
	uint64_t x = rnd(&g->seed);
	unsigned int kind = x & 0xff;

	*r = (struct emt_run){ .count = 1, .perm = EMT_R | EMT_W | EMT_X, .emt = EMT_MT_WB,
			       .p2mt = EMT_P2M_UNKNOWN, .access = 0xff };
	if (kind < 3)
		g->gfn += 1 + (x >> 8 & 0xfff); /* a hole */
	if (kind < 26 && !(g->gfn & 511)) {
		r->order = EMT_ORDER_2M;
		r->count = 1 + (x >> 40 & 3);
	} else if (kind < 90) {
		r->count = 2 + (x >> 40 & 15); /* some frames in a row */
	}
	r->gfn = g->gfn;
	r->mfn = (0x100000 + (x >> 12 & 0xfffffff)) & ~((1ull << r->order) - 1); /* over 1 TiB of host */
	if (kind < 5) {
		r->emt = EMT_MT_UC; /* a BAR */
		r->perm = EMT_R | EMT_W;
		r->mfn += 1ull << 30;
	} else if (kind < 9) {
		r->ipat = 1;
	} else if (kind < 20) {
		r->emt = EMT_MT_7;
	} else if (kind < 24) {
		r->flags = EMT_RUN_PENDING_ABOVE | EMT_RUN_IPAT_HIDDEN;
	}
	/* by chance once in some 10^8: it would be joined, and the comparison fail */
	if (r->mfn == g->mfn)
		r->mfn += 1ull << r->order;
	g->gfn += emt_run_frames(r);
	g->mfn = r->mfn + emt_run_frames(r);
}

static void must(int rc, const struct emt_err *err)
{
	if (rc)
		bench_fail("%s: %s", err->subject, err->text);
}

/* Makes and puts 'n' runs. The time that making them takes does not count. */
static void save(const char *path, uint64_t n, double *seconds)
{
	const struct emt_capture_opts opts = { .tool = "bench", .source = "made up" };
	struct emt_capture_writer *w;
	struct guest g = { .seed = 0x9e3779b97f4a7c15ull };
	struct emt_facts f;
	struct emt_err err = { 0 };
	struct emt_run runs[BATCH];
	uint64_t making = 0, start = bench_now_ns();

	emt_facts_init(&f);
	must(emt_capture_create(&w, path, &opts, &err), &err);
	must(emt_capture_walk_begin(w, &f, 0, "bench", &err), &err);
	for (uint64_t i = 0; i < n; i += BATCH) {
		uint64_t t = bench_now_ns(), k = n - i < BATCH ? n - i : BATCH;

		for (uint64_t j = 0; j < k; j++)
			next_run(&g, &runs[j]);
		making += bench_now_ns() - t;
		for (uint64_t j = 0; j < k; j++)
			must(emt_capture_put(w, &runs[j], &err), &err);
	}
	must(emt_capture_walk_end(w, NULL, &err), &err);
	must(emt_capture_close(w, &err), &err);
	emt_facts_free(&f);
	*seconds = (double)(bench_now_ns() - start - making) / 1e9;
}

/* Reads all and compares each with what was put. That time does not count either. */
static void load(const char *path, uint64_t n, double *seconds)
{
	struct emt_capture *c;
	struct emt_capture_cursor *cur;
	struct emt_err err = { 0 };
	struct emt_run runs[BATCH], want;
	struct guest g = { .seed = 0x9e3779b97f4a7c15ull };
	uint64_t start = bench_now_ns(), got = 0, checking = 0;
	long k;

	must(emt_capture_open(&c, path, false, &err), &err);
	must(emt_capture_cursor(c, 0, &cur, &err), &err);
	while ((k = emt_capture_read(cur, runs, BATCH, &err)) > 0) {
		uint64_t t = bench_now_ns();

		for (long j = 0; j < k; j++) {
			next_run(&g, &want);
			if (want.gfn != runs[j].gfn || want.mfn != runs[j].mfn ||
			    want.count != runs[j].count || want.emt != runs[j].emt ||
			    want.order != runs[j].order)
				bench_fail("run %llu came back other than it was saved",
					   (unsigned long long)(got + (uint64_t)j));
		}
		got += (uint64_t)k;
		checking += bench_now_ns() - t;
	}
	must((int)k, &err);
	if (got != n)
		bench_fail("%llu runs saved, %llu loaded", (unsigned long long)n, (unsigned long long)got);
	emt_capture_cursor_free(cur);
	emt_capture_free(c);
	*seconds = (double)(bench_now_ns() - start - checking) / 1e9;
}

/* The whole audit, as the command does it; most of these made-up runs get a finding. */
static void audit(const char *path, double *seconds)
{
	static struct emt_run runs[BATCH];
	struct emt_source_spec spec;
	struct emt_findings *found;
	struct emt_source *s;
	struct emt_stream *st;
	struct emt_engine *e;
	struct emt_facts f;
	struct emt_err err = { 0 };
	uint64_t start = bench_now_ns();
	long n;

	must(emt_source_parse(&spec, path, &err), &err);
	must(emt_source_open(&s, &spec, &err), &err);
	must(emt_source_facts(s, 0, &f, &err), &err);
	must(emt_engine_new(&e, &f, "4.17.7", &err), &err);
	must(emt_findings_new(&found, emt_engine_facts(e), emt_engine_release(e)), &err);
	must(emt_source_stream(s, 0, &st, &err), &err);
	while ((n = emt_stream_read(st, runs, BATCH, &err)) > 0)
		for (long i = 0; i < n; i++)
			must(emt_engine_run(e, &runs[i], emt_findings_add, found), &err);
	must((int)n, &err);
	must(emt_findings_finish(found), &err);
	*seconds = (double)(bench_now_ns() - start) / 1e9;
	emt_stream_free(st);
	emt_findings_free(found);
	emt_engine_free(e);
	emt_facts_free(&f);
	emt_source_close(s);
}

static void run(uint64_t n, const char *tail)
{
	const char *path = bench_path("capture.emt");
	double t_save, t_load, t_audit;
	char name[64];
	struct stat st;
	int own_peak = bench_peak_reset();

	save(path, n, &t_save);
	load(path, n, &t_load);
	audit(path, &t_audit);
	if (stat(path, &st))
		bench_fail("%s vanished", path);
	unlink(path);
	snprintf(name, sizeof(name), "capture%s_save_runs_per_s", tail);
	bench_report(name, (double)n / t_save, "runs/s");
	snprintf(name, sizeof(name), "capture%s_load_runs_per_s", tail);
	bench_report(name, (double)n / t_load, "runs/s");
	snprintf(name, sizeof(name), "capture%s_audit_runs_per_s", tail);
	bench_report(name, (double)n / t_audit, "runs/s");
	snprintf(name, sizeof(name), "capture%s_bytes_per_run", tail);
	bench_report(name, (double)st.st_size / (double)n, "bytes");
	/* without a reset it holds what ran before too: an upper bound all the same */
	snprintf(name, sizeof(name), "capture%s_peak_memory%s", tail, own_peak ? "" : "_at_most");
	bench_report(name, bench_peak_mib(), "MiB");
}

/* The time to answer for one gfn: open the file, one chunk, one run. */
static void explain_one(void)
{
	const char *path = bench_path("explain.emt");
	struct emt_err err = { 0 };
	uint64_t seed = 7, last, start;
	double t;
	const int rounds = 200;

	save(path, 1000000, &t);
	start = bench_now_ns();
	for (int i = 0; i < rounds; i++) {
		struct emt_capture *c;
		struct emt_capture_cursor *cur;
		struct emt_run r;
		uint64_t gfn;

		must(emt_capture_open(&c, path, false, &err), &err);
		last = emt_capture_walk(c, 0)->last_gfn;
		gfn = rnd(&seed) % last;
		must(emt_capture_cursor(c, 0, &cur, &err), &err);
		must(emt_capture_seek(cur, gfn, &err), &err);
		if (emt_capture_next(cur, &r, &err) != 1 || emt_run_last(&r) < gfn)
			bench_fail("the seek to gfn 0x%llx failed", (unsigned long long)gfn);
		emt_capture_cursor_free(cur);
		emt_capture_free(c);
	}
	bench_report("capture_open_seek_us", (double)(bench_now_ns() - start) / rounds / 1e3, "us");
	unlink(path);
}

void bench_capture(void)
{
	run(10000000, "");
	explain_one();
}

void bench_capture_100m(void)
{
	run(100000000, "_100m");
}
