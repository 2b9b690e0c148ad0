/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recordings of real machines: Xen's own entries give no mismatch under the rules
 * of the release that wrote them, what differs differs for a named reason, and
 * other releases' rules differ where they should.
 */
#include "common.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/findings.h"
#include "audit/page.h"
#include "source/source.h"
#include "table/epte.h"

#define DATA "tests/data/captures/"

typedef int (*walk_cb)(const char *path, struct emt_engine *e, struct emt_stream *st, void *arg);

/* Open the one walk of each capture that matches and hand it over; returns how many. */
static size_t each_capture(const char *pattern, const char *release, walk_cb cb, void *arg)
{
	glob_t g;
	size_t n;

	assert_int_equal(glob(pattern, 0, NULL, &g), 0);
	n = g.gl_pathc;
	for (size_t i = 0; i < n; i++) {
		struct emt_source_spec spec;
		struct emt_source *s = NULL;
		struct emt_stream *st;
		struct emt_engine *e;
		struct emt_facts f;
		struct emt_err err = { 0 };

		if (emt_source_parse(&spec, g.gl_pathv[i], &err) || emt_source_open(&s, &spec, &err))
			print_error("%s: %s\n", g.gl_pathv[i], err.text);
		assert_int_equal(err.code, 0);
		assert_int_equal(emt_source_walks(s), 1);
		assert_int_equal(emt_source_facts(s, 0, &f, &err), 0);
		assert_int_equal(emt_engine_new(&e, &f, release, &err), 0);
		assert_int_equal(emt_source_stream(s, 0, &st, &err), 0);
		assert_int_equal(cb(g.gl_pathv[i], e, st, arg), 0);
		emt_stream_free(st);
		emt_engine_free(e);
		emt_facts_free(&f);
		emt_source_close(s);
	}
	globfree(&g);
	return n;
}

struct tally {
	uint64_t verdict[EMT_V_NR];
	uint64_t why[EMT_WHY_NR];
	uint64_t defects[32];
	const char *path;
};

static int tally_piece(const struct emt_piece *p, void *arg)
{
	struct tally *t = arg;
	char type[8];

	if (p->run.flags & (EMT_RUN_INTERMEDIATE | EMT_RUN_POD))
		return 0;
	t->verdict[p->verdict] += p->run.count;
	t->why[p->why] += p->run.count;
	for (int i = 0; i < 32; i++)
		if (p->defects & 1u << i && p->verdict == EMT_V_OK)
			t->defects[i] += p->run.count;
	if (t->path && p->verdict >= EMT_V_SUSPECT) {
		emt_run_type_text(&p->run, type);
		print_error("%s: gfn %#llx order %u %s: %s, expected %#x\n", t->path, (unsigned long long)p->run.gfn,
			    p->run.order, type, emt_verdict_name(p->verdict), p->expected);
	}
	return 0;
}

static int tally_walk(const char *path, struct emt_engine *e, struct emt_stream *st, void *arg)
{
	static struct emt_run runs[512];
	struct tally *t = arg;
	struct emt_err err = { 0 };
	long n;

	if (t->path)
		t->path = path;
	while ((n = emt_stream_read(st, runs, EMT_ARRAY_SIZE(runs), &err)) > 0)
		for (long i = 0; i < n; i++)
			assert_int_equal(emt_engine_run(e, &runs[i], tally_piece, t), 0);
	return (int)n;
}

static void print_tally(const char *what, size_t captures, const struct tally *t)
{
	print_message("captures: %s: %zu dumps:", what, captures);
	for (int v = 0; v < EMT_V_NR; v++)
		if (t->verdict[v])
			print_message(" %s %llu", emt_verdict_name(v), (unsigned long long)t->verdict[v]);
	print_message("\n");
}

static void nothing_wrong(const struct tally *t)
{
	for (int v = EMT_V_SUSPECT; v < EMT_V_NR; v++)
		assert_int_equal(t->verdict[v], 0);
}

static void situations_have_no_mismatch(void **state)
{
	struct tally t = { .path = "" };
	size_t n = each_capture(DATA "situations/*/*.emt", NULL, tally_walk, &t);

	(void)state;
	print_tally("situations, Xen 4.17.7", n, &t);
	assert_int_equal(n, 50);
	nothing_wrong(&t);
	assert_int_equal(t.verdict[EMT_V_UNDETERMINED], 0);
	/* every entry that key D printed is accounted for; the counts are those that an
	 * independent prediction made on the day of the recording found */
	assert_int_equal(t.verdict[EMT_V_OK], 2227 + 1671 + 10390 + 1609 + 576 + 5681 + 15941);
	assert_int_equal(t.verdict[EMT_V_PENDING], 570 + 145 + 8139 + 587 + 18 + 723 + 14173);
	assert_int_equal(t.verdict[EMT_V_STALE], 527);
	assert_int_equal(t.why[EMT_WHY_REVOKED], 527);
	assert_int_equal(t.verdict[EMT_V_INHERITED], 0);
}

static void old_dumps_are_at_most_undetermined(void **state)
{
	struct tally t = { .path = "" };
	size_t n = each_capture(DATA "ept*/*.emt", NULL, tally_walk, &t);

	(void)state;
	print_tally("without host facts, Xen 4.17.7", n, &t);
	assert_int_equal(n, 18);
	nothing_wrong(&t);
	assert_true(t.verdict[EMT_V_OK] > 10000);
}

static void raw_points_agree(void **state)
{
	struct tally t = { .path = "" };
	size_t n = each_capture(DATA "raw/*.emt", NULL, tally_walk, &t);

	(void)state;
	print_tally("raw tables, Xen 4.17.5", n, &t);
	assert_int_equal(n, 13);
	nothing_wrong(&t);
	assert_int_equal(t.verdict[EMT_V_UNDETERMINED], 0);
	assert_int_equal(t.verdict[EMT_V_INHERITED], 256);
	assert_int_equal(t.why[EMT_WHY_SPLIT_2M], 256);
}

/* Entries that another release's rules do not explain. */
static uint64_t differing(const char *pattern, const char *release)
{
	struct tally t = { .path = NULL };
	uint64_t n = 0;

	each_capture(pattern, release, tally_walk, &t);
	for (int v = EMT_V_UNDETERMINED; v < EMT_V_NR; v++)
		n += t.verdict[v];
	return n;
}

static void other_releases_differ_where_they_should(void **state)
{
	static const struct {
		const char *situation;
		const char *release;
		uint64_t entries;
	} cases[] = {
		/* special pages in a UC area: not WB! before 4.14.1 */
		{ "A-special", "4.14.0", 20 }, { "A-special", "4.15.0", 0 }, { "A-special", "4.16.0", 0 },
		/* MMIO above RAM and in holes: UC! in 4.15 to 4.17.4; 527 are stale in any release */
		{ "B-mmio", "4.14.0", 527 }, { "B-mmio", "4.15.0", 583 }, { "B-mmio", "4.16.0", 583 },
		{ "B-mmio", "4.17.0", 583 }, { "B-mmio", "4.17.7", 527 },
		{ "C-superpages", "4.14.0", 0 }, { "C-superpages", "4.16.0", 1087 }, { "C-superpages", "4.17.0", 1087 },
		/* grant mappings: WB! from 4.16 on */
		{ "D-foreign-grant", "4.14.0", 4 }, { "D-foreign-grant", "4.15.0", 4 }, { "D-foreign-grant", "4.16.0", 0 },
		{ "E-pod", "4.16.0", 0 }, { "G-vcpus", "4.16.0", 0 }, { "H-logdirty", "4.16.0", 0 },
	};

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(cases); i++) {
		char pattern[128];
		uint64_t n;

		snprintf(pattern, sizeof(pattern), DATA "situations/%s/*.emt", cases[i].situation);
		n = differing(pattern, cases[i].release);
		if (n != cases[i].entries)
			print_error("%s under %s: %llu entries differ, not %llu\n", cases[i].situation, cases[i].release,
				    (unsigned long long)n, (unsigned long long)cases[i].entries);
		assert_int_equal(n, cases[i].entries);
	}
}

/* ---- key D's lines, rebuilt from raw entries ---- */

struct lines {
	FILE *f;
	uint64_t equal;
};

static int next_line(FILE *f, char *line, size_t room)
{
	while (fgets(line, (int)room, f)) {
		line[strcspn(line, "\r\n")] = '\0';
		if (!strncmp(line, "(XEN) gfn:", 10))
			return 1;
	}
	return 0;
}

static int rebuild(const char *path, struct emt_engine *e, struct emt_stream *st, void *arg)
{
	static struct emt_run runs[512];
	struct lines *l = arg;
	struct emt_err err = { 0 };
	char text[256], line[256], want[256], heading[64];
	long n;

	snprintf(text, sizeof(text), "%.*s.D.txt", (int)(strlen(path) - 4), path);
	l->f = fopen(text, "r");
	assert_non_null(l->f);
	snprintf(heading, sizeof(heading), "(XEN) domain%u EPT", emt_engine_facts(e)->domid);
	do
		assert_non_null(fgets(line, sizeof(line), l->f));
	while (strncmp(line, heading, strlen(heading)));
	while ((n = emt_stream_read(st, runs, EMT_ARRAY_SIZE(runs), &err)) > 0)
		for (long i = 0; i < n; i++) {
			struct emt_run one = runs[i];

			if (one.flags & EMT_RUN_INTERMEDIATE)
				continue;
			for (uint64_t k = 0; k < runs[i].count; k++) {
				assert_true(next_line(l->f, line, sizeof(line)));
				emt_epte_d_line(&one, want, sizeof(want));
				assert_string_equal(line + 6, want);
				l->equal++;
				one.gfn += 1ull << one.order;
				one.mfn += one.mfn == EMT_NO_FRAME ? 0 : 1ull << one.order;
			}
		}
	fclose(l->f);
	return (int)n;
}

static void raw_entries_give_key_d(void **state)
{
	struct lines l = { 0 };

	(void)state;
	each_capture(DATA "raw/*.emt", NULL, rebuild, &l);
	print_message("raw points: %llu lines of key D rebuilt, all equal\n", (unsigned long long)l.equal);
	assert_true(l.equal > 12000);
}

/* ---- whole tables ---- */

struct judging {
	struct emt_engine *e;
	struct emt_page_judge *pages;
	struct emt_findings *f;
	uint64_t nr_pages;
};

static int by_run(const struct emt_run *run, void *arg)
{
	struct judging *j = arg;

	return emt_engine_run(j->e, run, emt_findings_add, j->f);
}

static int by_page(const struct emt_table_page *page, void *arg)
{
	struct judging *j = arg;

	j->nr_pages++;
	return emt_page_judge(j->pages, page->entries, 512, page->gfn, EMT_ORDER_4K, page->layout, page->pending_above,
			      emt_findings_add, j->f);
}

/* The audit of one raw point: from its tables, entry by entry or table by table. */
static struct emt_findings *audit_tables(const char *path, const char *release, bool pages, uint64_t *nr_pages)
{
	struct emt_source_spec spec;
	struct emt_source *s = NULL;
	struct emt_stream *st;
	struct emt_facts f;
	struct judging j = { .nr_pages = 0 };
	struct emt_stream_sink sink = { by_run, pages ? by_page : NULL, &j };
	char name[300];

	snprintf(name, sizeof(name), "mem:%s", path);
	assert_int_equal(emt_source_parse(&spec, name, NULL), 0);
	assert_int_equal(emt_source_open(&s, &spec, NULL), 0);
	assert_int_equal(emt_source_facts(s, 0, &f, NULL), 0);
	assert_int_equal(emt_engine_new(&j.e, &f, release, NULL), 0);
	assert_int_equal(emt_page_judge_new(&j.pages, j.e, EMT_PAGE_BEST, NULL), 0);
	assert_int_equal(emt_findings_new(&j.f, emt_engine_facts(j.e), emt_engine_release(j.e)), 0);
	assert_int_equal(emt_source_stream(s, 0, &st, NULL), 0);
	assert_int_equal(emt_stream_each(st, &sink, NULL), 0);
	assert_int_equal(emt_findings_finish(j.f), 0);
	emt_stream_free(st);
	emt_page_judge_free(j.pages);
	emt_engine_free(j.e);
	emt_facts_free(&f);
	emt_source_close(s);
	*nr_pages += j.nr_pages;
	return j.f;
}

static void tables_as_pages_agree(void **state)
{
	static const char *const releases[] = { NULL, "4.14.0", "4.16.0" };
	uint64_t pages = 0, none = 0;
	glob_t g;

	(void)state;
	assert_int_equal(glob(DATA "raw/*.emt", 0, NULL, &g), 0);
	for (size_t i = 0; i < g.gl_pathc; i++)
		for (size_t r = 0; r < EMT_ARRAY_SIZE(releases); r++) {
			struct emt_findings *a = audit_tables(g.gl_pathv[i], releases[r], true, &pages);
			struct emt_findings *b = audit_tables(g.gl_pathv[i], releases[r], false, &none);

			assert_int_equal(emt_findings_count(a), emt_findings_count(b));
			for (size_t k = 0; k < emt_findings_count(a); k++) {
				assert_string_equal(emt_findings_get(a, k)->kind, emt_findings_get(b, k)->kind);
				assert_int_equal(emt_findings_get(a, k)->entries, emt_findings_get(b, k)->entries);
				assert_int_equal(emt_findings_get(a, k)->nr_ranges, emt_findings_get(b, k)->nr_ranges);
			}
			assert_memory_equal(emt_findings_summary(a)->entries, emt_findings_summary(b)->entries,
					    sizeof(emt_findings_summary(b)->entries));
			emt_findings_free(a);
			emt_findings_free(b);
		}
	globfree(&g);
	assert_true(pages > 100);
	assert_int_equal(none, 0);
}

/* Known defects show on what older releases would write. */
static void buggy_releases_are_not_clean(void **state)
{
	struct tally t = { .path = NULL };

	(void)state;
	each_capture(DATA "situations/C-superpages/D01-mmio-mapped.emt", "4.17.0", tally_walk, &t);
	/* MMIO above RAM: Xen 4.17.7 wrote UC; 4.17.0 would force UC! and lose WC */
	assert_true(t.verdict[EMT_V_MISMATCH] + t.verdict[EMT_V_SUSPECT] > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(situations_have_no_mismatch), cmocka_unit_test(old_dumps_are_at_most_undetermined),
		cmocka_unit_test(raw_points_agree), cmocka_unit_test(raw_entries_give_key_d),
		cmocka_unit_test(other_releases_differ_where_they_should), cmocka_unit_test(tables_as_pages_agree),
		cmocka_unit_test(buggy_releases_are_not_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
