/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * EPT of a real Xen at 13 points, from its table pages through reader and walker:
 * the leaves equal the recorded ones, every verdict with the true inputs is exact or
 * named; and with each input withheld in turn no false mismatch appears.
 */
#include "common.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "source/pages.h"
#include "table/epte.h"

#define POINTS "tests/data/captures/raw/*.emt"

struct point {
	char name[64];
	struct emt_facts facts;
	struct emt_run *runs;  /* leaves and intermediate entries, from the table pages */
	size_t n;
	struct emt_walk_result res;
};

static struct point points[16];
static size_t nr_points;

static void add_run(struct point *p, const struct emt_run *run)
{
	p->runs = realloc(p->runs, (p->n + 1) * sizeof(*p->runs));
	assert_non_null(p->runs);
	p->runs[p->n++] = *run;
}

/* What the capture recorded must come out of the table pages, entry by entry. */
static void equals_recording(struct emt_capture *c, const struct point *p)
{
	struct emt_capture_cursor *cur;
	struct emt_run want, got = { 0 };
	struct emt_err err = { 0 };
	size_t i = 0;
	int rc;

	assert_int_equal(emt_capture_cursor(c, 0, &cur, &err), 0);
	while ((rc = emt_capture_next(cur, &want, &err)) == 1)
		for (; want.count; want.count--) {
			if (!got.count) {
				assert_true(i < p->n);
				got = p->runs[i++];
			}
			assert_int_equal(got.gfn, want.gfn);
			assert_int_equal(got.mfn, want.mfn);
			assert_int_equal(got.raw, want.raw);
			assert_int_equal(got.flags, want.flags);
			assert_int_equal(got.order, want.order);
			want.gfn += 1ull << want.order;
			got.gfn += 1ull << got.order;
			want.mfn += want.mfn == EMT_NO_FRAME ? 0 : 1ull << want.order;
			got.mfn += got.mfn == EMT_NO_FRAME ? 0 : 1ull << got.order;
			got.count--;
		}
	assert_int_equal(rc, 0);
	assert_int_equal(i, p->n);
	emt_capture_cursor_free(cur);
}

static void load(const char *path)
{
	struct point *p = &points[nr_points++];
	struct emt_pages_root root;
	struct emt_walk_opts o = { .format = &emt_format_ept, .join = true };
	struct emt_release rel;
	struct emt_capture *c;
	struct emt_walker *w;
	struct emt_mem *mem;
	struct emt_run run;
	struct emt_err err = { 0 };

	snprintf(p->name, sizeof(p->name), "%s", strrchr(path, '/') + 1);
	assert_int_equal(emt_capture_open(&c, path, false, &err), 0);
	assert_int_equal(emt_capture_facts(c, 0, &p->facts, &err), 0);
	assert_int_equal(emt_release_parse(&rel, p->facts.release, false, &err), 0);
	assert_int_equal(emt_pages_open(&mem, c, 0, &root, &err), 0);
	assert_int_equal(root.levels, 4);
	o.mem = emt_mem_memory(mem);
	o.root = root.root;
	o.layout = emt_epte_layout_of(rel.version);
	assert_int_equal(emt_walker_new(&w, &o, &err), 0);
	while (emt_walker_next(w, &run))
		add_run(p, &run);
	p->res = *emt_walker_result(w);
	emt_walker_free(w);
	/* every page was used, and nothing was odd */
	assert_int_equal(p->res.tables, root.pages);
	assert_int_equal(p->res.outside + p->res.unreadable + p->res.bad_level + p->res.reserved +
				 p->res.loops + p->res.twice,
			 0);
	equals_recording(c, p);
	/* and each leaf alone */
	for (size_t i = 0; i < p->n; i++) {
		struct emt_run one;

		if (p->runs[i].flags & EMT_RUN_INTERMEDIATE)
			continue;
		assert_int_equal(emt_walk_one(&o, emt_run_last(&p->runs[i]), &one), 1);
		assert_int_equal(one.raw, p->runs[i].raw);
		assert_int_equal(one.gfn, emt_run_last(&p->runs[i]) >> one.order << one.order);
	}
	emt_mem_close(mem);
	emt_capture_free(c);
}

static int setup(void **state)
{
	glob_t g;

	(void)state;
	if (glob(POINTS, 0, NULL, &g))
		return -1;
	for (size_t i = 0; i < g.gl_pathc; i++)
		load(g.gl_pathv[i]);
	globfree(&g);
	return nr_points == 13 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < nr_points; i++) {
		emt_facts_free(&points[i].facts);
		free(points[i].runs);
	}
	return 0;
}

struct tally {
	uint64_t verdict[EMT_V_NR];
	uint64_t why[EMT_WHY_NR];
};

static int count(const struct emt_piece *p, void *arg)
{
	struct tally *t = arg;

	if (p->run.flags & (EMT_RUN_INTERMEDIATE | EMT_RUN_POD))
		return 0;
	t->verdict[p->verdict] += p->run.count;
	t->why[p->why] += p->run.count;
	return 0;
}

static void judge(const struct point *p, const struct emt_facts *f, bool no_types, struct tally *t)
{
	struct emt_engine *e;
	struct emt_err err = { 0 };

	assert_int_equal(emt_engine_new(&e, f, NULL, &err), 0);
	for (size_t i = 0; i < p->n; i++) {
		struct emt_run run = p->runs[i];

		if (no_types)
			run.p2mt = EMT_P2M_UNKNOWN;
		assert_int_equal(emt_engine_run(e, &run, count, t), 0);
	}
	emt_engine_free(e);
}

static uint64_t wrong(const struct tally *t)
{
	return t->verdict[EMT_V_MISMATCH] + t->verdict[EMT_V_UNSPLIT] + t->verdict[EMT_V_MISCONFIGURED];
}

static void true_inputs_explain_every_leaf(void **state)
{
	struct tally all = { 0 };
	uint64_t settled;

	(void)state;
	for (size_t i = 0; i < nr_points; i++) {
		struct tally t = { 0 };

		judge(&points[i], &points[i].facts, false, &t);
		print_message("%-28s %3llu tables: ok %llu inherited %llu stale %llu pending %llu "
			      "not-present %llu\n",
			      points[i].name, (unsigned long long)points[i].res.tables,
			      (unsigned long long)t.verdict[EMT_V_OK],
			      (unsigned long long)t.verdict[EMT_V_INHERITED],
			      (unsigned long long)t.verdict[EMT_V_STALE],
			      (unsigned long long)t.verdict[EMT_V_PENDING],
			      (unsigned long long)t.verdict[EMT_V_NOT_PRESENT]);
		for (int v = 0; v < EMT_V_NR; v++)
			all.verdict[v] += t.verdict[v];
		for (int w = 0; w < EMT_WHY_NR; w++)
			all.why[w] += t.why[w];
	}
	settled = all.verdict[EMT_V_OK] + all.verdict[EMT_V_INHERITED] + all.verdict[EMT_V_STALE];
	print_message("13 points: %llu leaves that are present and not pending: %llu exact, %llu named "
		      "(%llu inherited by a split)\n", (unsigned long long)settled,
		      (unsigned long long)all.verdict[EMT_V_OK],
		      (unsigned long long)(all.verdict[EMT_V_INHERITED] + all.verdict[EMT_V_STALE]),
		      (unsigned long long)all.why[EMT_WHY_SPLIT_2M]);
	assert_int_equal(all.verdict[EMT_V_OK], 11880);
	assert_int_equal(all.verdict[EMT_V_INHERITED], 256);
	assert_int_equal(all.verdict[EMT_V_UNDETERMINED] + all.verdict[EMT_V_SUSPECT], 0);
	assert_int_equal(wrong(&all), 0);
}

/* Policy inputs; EMT_FACT_P2M_TYPES means the type that each raw entry carries. */
static const enum emt_fact_id inputs[] = {
	EMT_FACT_DOMAIN_IOMMU,      EMT_FACT_IOMMU_ENABLED, EMT_FACT_IOMMU_SNOOP,
	EMT_FACT_PCI_DEVICES,       EMT_FACT_IOMEM_CAPS,    EMT_FACT_IOPORT_CAPS,
	EMT_FACT_CAPS_EVER_HELD,    EMT_FACT_HOST_MTRR,     EMT_FACT_HOST_MTRR_CHANGED,
	EMT_FACT_HOST_MTRR_EARLIER, EMT_FACT_VCPU_MTRR,     EMT_FACT_VALID,
	EMT_FACT_SPECIAL,           EMT_FACT_APIC_MFN,      EMT_FACT_MMIO_RO,
	EMT_FACT_MMIO_RO_CHANGED,   EMT_FACT_PINS,          EMT_FACT_P2M_TYPES,
	EMT_FACT_MAX_PAGE,          EMT_FACT_HOST_E820,     EMT_FACT_RESTORED,
	EMT_FACT_CURRENT,
};

static void withhold(struct emt_facts *f, enum emt_fact_id id)
{
	struct emt_ranges *list = emt_facts_list(f, id);

	if (list)
		list->n = 0;
	if (id == EMT_FACT_HOST_MTRR)
		emt_mtrr_init(&f->host_mtrr);
	if (id == EMT_FACT_HOST_MTRR_EARLIER)
		f->nr_host_earlier = 0;
	for (uint32_t v = 0; id == EMT_FACT_VCPU_MTRR && v < f->nr_vcpus; v++)
		emt_mtrr_init(&f->vcpu_mtrr[v]);
	if (id == EMT_FACT_APIC_MFN)
		f->apic_mfn = EMT_NO_FRAME;
	if (id == EMT_FACT_MAX_PAGE)
		f->max_page = 0;
	f->prov[id] = (struct emt_prov){ .held = EMT_UNKNOWN, .rest = EMT_UNKNOWN, .last = UINT64_MAX };
}

static void no_input_withheld_gives_a_false_alarm(void **state)
{
	uint64_t undetermined = 0;

	(void)state;
	print_message("%-20s %7s %7s %7s %7s %7s %7s %7s\n", "withheld", "ok", "named", "pending", "undet.",
		      "suspect", "unsplit", "mismat.");
	for (size_t k = 0; k < EMT_ARRAY_SIZE(inputs); k++) {
		struct tally t = { 0 };

		for (size_t i = 0; i < nr_points; i++) {
			struct emt_facts f;

			assert_int_equal(emt_facts_copy(&f, &points[i].facts), 0);
			withhold(&f, inputs[k]);
			judge(&points[i], &f, inputs[k] == EMT_FACT_P2M_TYPES, &t);
			emt_facts_free(&f);
		}
		print_message("%-20s %7llu %7llu %7llu %7llu %7llu %7llu %7llu\n",
			      emt_fact_descs[inputs[k]].name, (unsigned long long)t.verdict[EMT_V_OK],
			      (unsigned long long)(t.verdict[EMT_V_INHERITED] + t.verdict[EMT_V_STALE]),
			      (unsigned long long)t.verdict[EMT_V_PENDING],
			      (unsigned long long)t.verdict[EMT_V_UNDETERMINED],
			      (unsigned long long)t.verdict[EMT_V_SUSPECT],
			      (unsigned long long)t.verdict[EMT_V_UNSPLIT],
			      (unsigned long long)t.verdict[EMT_V_MISMATCH]);
		assert_int_equal(wrong(&t), 0);
		undetermined += t.verdict[EMT_V_UNDETERMINED];
	}
	/* the inputs do matter: without them not everything is decided */
	assert_true(undetermined > 10000);
}

/* The same tables under facts that are plainly false must be found out. */
static void false_inputs_show(void **state)
{
	struct tally t = { 0 };

	(void)state;
	for (size_t i = 0; i < nr_points; i++) {
		struct emt_facts f;

		assert_int_equal(emt_facts_copy(&f, &points[i].facts), 0);
		for (uint32_t v = 0; v < f.nr_vcpus; v++) {
			f.vcpu_mtrr[v].def_type = EMT_MT_WT;
			f.vcpu_mtrr[v].e = 1;
		}
		judge(&points[i], &f, false, &t);
		emt_facts_free(&f);
	}
	assert_true(wrong(&t) > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(true_inputs_explain_every_leaf),
		cmocka_unit_test(no_input_withheld_gives_a_false_alarm), cmocka_unit_test(false_inputs_show),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
