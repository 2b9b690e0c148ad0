/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Grouping under the smallest explanation, verdicts that rest on assumptions, and
 * memory that does not grow with the guest. */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/explain.h"
#include "audit/findings.h"

#define RAM_END 0x100000ull

static void usual(struct emt_facts *f)
{
	emt_facts_init(f);
	for (int i = 0; i < EMT_FACT_NR; i++)
		emt_facts_set(f, (enum emt_fact_id)i, EMT_KNOWN, "test");
	emt_facts_set(f, EMT_FACT_CURRENT, EMT_UNKNOWN, NULL);
	snprintf(f->release, sizeof(f->release), "4.17.7");
	f->paging = EMT_PAGING_EPT;
	f->domain_iommu = f->iommu_enabled = 1;
	emt_ranges_add(&f->iomem_caps, 0xfeb00, 0xfeb0f, 0, EMT_KNOWN);
	emt_ranges_add(&f->valid, 0, RAM_END - 1, 0, EMT_KNOWN);
	emt_ranges_add(&f->host_e820, 0, RAM_END - 1, 1, EMT_KNOWN);
	emt_facts_vcpus(f, 2);
	f->host_mtrr.e = f->vcpu_mtrr[0].e = 1;
	f->host_mtrr.def_type = f->vcpu_mtrr[0].def_type = EMT_MT_WB;
	emt_mtrr_hold(&f->host_mtrr, EMT_KNOWN);
	emt_mtrr_hold(&f->vcpu_mtrr[0], EMT_KNOWN);
	f->vcpu_mtrr[1] = f->vcpu_mtrr[0];
}

struct audit {
	struct emt_engine *e;
	struct emt_findings *f;
};

static void start(struct audit *a, const struct emt_facts *facts, const char *release)
{
	assert_int_equal(emt_engine_new(&a->e, facts, release, NULL), 0);
	assert_int_equal(emt_findings_new(&a->f, emt_engine_facts(a->e), emt_engine_release(a->e)), 0);
}

static void feed(struct audit *a, uint64_t gfn, uint64_t mfn, uint64_t count, unsigned int order, unsigned int emt,
		 unsigned int ipat)
{
	struct emt_run run = {
		.gfn = gfn, .mfn = mfn, .count = count, .order = (uint8_t)order, .emt = (uint8_t)emt, .ipat = (uint8_t)ipat,
		.perm = EMT_R | EMT_W | EMT_X, .p2mt = EMT_P2M_UNKNOWN, .access = 0xff,
	};

	assert_int_equal(emt_engine_run(a->e, &run, emt_findings_add, a->f), 0);
}

static const struct emt_finding *first(struct audit *a)
{
	assert_int_equal(emt_findings_finish(a->f), 0);
	assert_true(emt_findings_count(a->f) > 0);
	return emt_findings_get(a->f, 0);
}

static void stop(struct audit *a, struct emt_facts *facts)
{
	emt_findings_free(a->f);
	emt_engine_free(a->e);
	emt_facts_free(facts);
}

/* A pin that nothing lists: the explanation names exactly its range, over
 * superpages and 4 KiB pages, over a special page and a hole inside. */
static void names_the_pin(void **state)
{
	const struct emt_finding *d;
	struct emt_facts f;
	struct audit a;

	(void)state;
	usual(&f);
	emt_facts_set_list(&f, EMT_FACT_PINS, EMT_ASSUMED, EMT_ASSUMED, "none assumed");
	emt_ranges_add(&f.special, 0x7180, 0x7180, EMT_SPECIAL_XENHEAP, EMT_KNOWN);
	start(&a, &f, NULL);
	feed(&a, 0x0, 0x6000, 4, 9, EMT_MT_WB, 0);        /* 0x0-0x7ff */
	feed(&a, 0x800, 0x6800, 0x100, 0, EMT_MT_WB, 0);  /* 0x800-0x8ff */
	feed(&a, 0x900, 0x7100, 0x80, 0, EMT_MT_WC, 1);   /* pinned from 0x900 ... */
	feed(&a, 0x980, 0x7180, 1, 0, EMT_MT_WB, 1);      /* special: a pin leaves it alone */
	feed(&a, 0x981, 0x7181, 0x7f, 0, EMT_MT_WC, 1);
	feed(&a, 0xc00, 0x8000, 3, 9, EMT_MT_WC, 1);      /* after a hole, superpages ... 0x11ff */
	feed(&a, 0x1200, 0x9000, 8, 9, EMT_MT_WB, 0);
	d = first(&a);
	assert_string_equal(d->kind, "suspect");
	assert_true(strstr(d->explanation, "one WC pin on 0x900-0x11ff would explain 258 entries"));
	assert_int_equal(emt_findings_at(a.f, EMT_SEV_WARNING), 1);
	stop(&a, &f);
}

/* A list of pins that is complete from a time on: an unlisted one must be older. */
static void pinned_before(void **state)
{
	const struct emt_finding *d;
	struct emt_facts f;
	struct audit a;

	(void)state;
	usual(&f);
	emt_facts_set_list(&f, EMT_FACT_PINS, EMT_ASSUMED, EMT_ASSUMED, "journal");
	f.prov[EMT_FACT_PINS].since = 1767268920;
	start(&a, &f, NULL);
	feed(&a, 0x0, 0x6000, 4, 9, EMT_MT_WB, 0);
	feed(&a, 0x900, 0x7100, 0x80, 0, EMT_MT_WC, 1);
	d = first(&a);
	assert_string_equal(d->kind, "suspect");
	assert_string_equal(d->explanation,
			    "one WC pin on 0x900-0x97f, set before 2026-01-01T12:02:00Z, would explain 128 entries");
	stop(&a, &f);
}

/* The same with pins known: nothing explains it. */
static void mismatch_when_known(void **state)
{
	const struct emt_finding *d;
	struct emt_facts f;
	struct audit a;

	(void)state;
	usual(&f);
	start(&a, &f, NULL);
	feed(&a, 0x900, 0x7100, 0x80, 0, EMT_MT_WC, 1);
	d = first(&a);
	assert_string_equal(d->kind, "mismatch");
	assert_int_equal(d->severity, EMT_SEV_ERROR);
	assert_int_equal(d->expected, EMT_OUT_BIT(EMT_MT_WB, 0));
	stop(&a, &f);
}

/* A guest MTRR that was only rebuilt: suspect, and the range it would have to cover. */
static void names_the_mtrr(void **state)
{
	const struct emt_finding *d;
	struct emt_facts f;
	struct audit a;

	(void)state;
	usual(&f);
	for (int v = 0; v < 2; v++)
		for (int i = 1; i < 8; i++)
			f.vcpu_mtrr[v].var_held[i] = EMT_ASSUMED;
	start(&a, &f, NULL);
	feed(&a, 0x1000, 0x7000, 0x1000, 0, EMT_MT_UC, 0);
	feed(&a, 0x2000, 0x8000, 8, 9, EMT_MT_WB, 0);
	d = first(&a);
	assert_string_equal(d->kind, "suspect");
	assert_true(strstr(d->explanation, "one UC guest MTRR range over 0x1000-0x1fff"));
	assert_true(d->facts & 1ull << EMT_FACT_VCPU_MTRR);
	stop(&a, &f);
}

/* What dom0 did to the host's MTRRs may explain it as well: named beside the guest's. */
static void names_the_host_too(void **state)
{
	const struct emt_finding *d;
	struct emt_facts f;
	struct audit a;

	(void)state;
	for (int known = 0; known < 2; known++) {
		usual(&f);
		for (int v = 0; v < 2; v++)
			f.vcpu_mtrr[v].var_held[1] = EMT_ASSUMED;
		emt_facts_set(&f, EMT_FACT_HOST_MTRR_CHANGED, known ? EMT_KNOWN : EMT_ASSUMED, "test");
		start(&a, &f, NULL);
		feed(&a, 0x1003, 0x7003, 0x77, 0, EMT_MT_WC, 0);
		feed(&a, 0x2000, 0x8000, 8, 9, EMT_MT_WB, 0);
		d = first(&a);
		assert_string_equal(d->kind, "suspect");
		assert_true(strstr(d->explanation, "a few WC guest MTRR ranges over 0x1003-0x1079"));
		assert_int_equal(!(d->facts & 1ull << EMT_FACT_HOST_MTRR_CHANGED), known);
		assert_int_equal(!strstr(d->next, "; or host_mtrr_changed: compare"), known);
		stop(&a, &f);
	}
}

/* A pin of which nobody tells, and no right any more that would let it count: the pin
 * decided while there was one. Known never to have been one, nothing explains it. */
static void pinned_then_revoked(void **state)
{
	const struct emt_finding *d;
	struct emt_facts f;
	struct audit a;

	(void)state;
	for (int never = 0; never < 2; never++) {
		usual(&f);
		emt_facts_set_list(&f, EMT_FACT_PINS, EMT_ASSUMED, EMT_ASSUMED, "none assumed");
		f.domain_iommu = 0;
		f.iomem_caps.n = 0;
		if (!never)
			emt_facts_set(&f, EMT_FACT_CAPS_EVER_HELD, EMT_UNKNOWN, NULL);
		start(&a, &f, NULL);
		feed(&a, 0x1000, 0x7000, 0x100, 0, EMT_MT_WB, 1);
		feed(&a, 0x1100, 0x7100, 0x80, 0, EMT_MT_WC, 1);
		d = first(&a);
		assert_string_equal(d->kind, never ? "mismatch" : "suspect");
		if (!never) {
			assert_int_equal(d->why, EMT_WHY_REVOKED);
			assert_string_equal(d->explanation,
					    "one WC pin on 0x1100-0x117f, and an I/O right revoked since, would explain 128 entries");
		}
		stop(&a, &f);
	}
}

/* vCPUs with different MTRRs: each one's answer is right, a third one's is not. */
static void any_vcpu_may_decide(void **state)
{
	struct emt_facts f;
	struct audit a;

	(void)state;
	usual(&f);
	f.vcpu_mtrr[1].var[0][0] = 0x1000000ull | EMT_MT_UC;
	f.vcpu_mtrr[1].var[0][1] = 0xffff800000ull | 0x800;
	start(&a, &f, NULL);
	feed(&a, 0x1000, 0x7000, 0x10, 0, EMT_MT_UC, 0);
	feed(&a, 0x1010, 0x7010, 0x10, 0, EMT_MT_WB, 0);
	feed(&a, 0x1020, 0x7020, 0x10, 0, EMT_MT_WT, 0);
	assert_int_equal(emt_findings_finish(a.f), 0);
	assert_int_equal(emt_findings_summary(a.f)->entries[EMT_V_OK], 0x20);
	assert_int_equal(emt_findings_summary(a.f)->entries[EMT_V_MISMATCH], 0x10);
	stop(&a, &f);
}

/* An unknown fact: undetermined, named, with how to get it. */
static void names_what_would_decide(void **state)
{
	const struct emt_finding *d;
	struct emt_facts f;
	struct audit a;

	(void)state;
	usual(&f);
	emt_facts_set(&f, EMT_FACT_VCPU_MTRR, EMT_UNKNOWN, NULL);
	f.nr_vcpus = 0;
	start(&a, &f, NULL);
	feed(&a, 0x1000, 0x7000, 0x10, 0, EMT_MT_WB, 0);
	d = first(&a);
	assert_string_equal(d->kind, "undetermined");
	assert_true(strstr(d->explanation, "vcpu_mtrr"));
	assert_true(strstr(d->next, "xen-hvmctx"));
	stop(&a, &f);
}

/* Stale by design: the named gaps, and only while the history allows them. */
static void stale_reasons(void **state)
{
	struct emt_facts f;
	struct audit a;

	(void)state;
	/* the last I/O right was revoked; guest MTRRs changed later */
	usual(&f);
	f.domain_iommu = 0;
	f.iomem_caps.n = 0;
	f.caps_ever_held = 1;
	start(&a, &f, NULL);
	feed(&a, 0x1000, 0x7000, 0x10, 0, EMT_MT_WB, 0);
	feed(&a, 0x1010, 0x7010, 0x10, 0, EMT_MT_UC, 0);
	feed(&a, 0x1020, 0x7020, 0x10, 0, EMT_MT_UC, 1);
	assert_int_equal(emt_findings_finish(a.f), 0);
	assert_int_equal(emt_findings_summary(a.f)->entries[EMT_V_STALE], 0x20);
	assert_int_equal(emt_findings_summary(a.f)->entries[EMT_V_MISMATCH], 0x10);
	stop(&a, &f);
	/* known never to have held one: a mismatch */
	usual(&f);
	f.domain_iommu = 0;
	f.iomem_caps.n = 0;
	start(&a, &f, NULL);
	feed(&a, 0x1000, 0x7000, 0x10, 0, EMT_MT_WB, 0);
	assert_string_equal(first(&a)->kind, "mismatch");
	stop(&a, &f);
	/* an earlier host MTRR made it UC */
	usual(&f);
	f.host_mtrr_changed = 1;
	f.host_earlier = calloc(1, sizeof(*f.host_earlier));
	f.nr_host_earlier = 1;
	*f.host_earlier = f.host_mtrr;
	f.host_earlier->var[0][0] = 0x7000000ull | EMT_MT_UC;
	f.host_earlier->var[0][1] = 0xfffff00000ull | 0x800;
	start(&a, &f, NULL);
	feed(&a, 0x1000, 0x7000, 0x10, 0, EMT_MT_UC, 0);
	feed(&a, 0x1200, 0x8000, 0x10, 0, EMT_MT_UC, 0); /* not where the old range was */
	assert_int_equal(emt_findings_finish(a.f), 0);
	assert_int_equal(emt_findings_summary(a.f)->entries[EMT_V_STALE], 0x10);
	assert_int_equal(emt_findings_summary(a.f)->entries[EMT_V_MISMATCH], 0x10);
	stop(&a, &f);
	/* 4.21: IOMMU without a device, the firmware's MTRRs recomputed nothing */
	usual(&f);
	f.iomem_caps.n = 0;
	start(&a, &f, "4.21.0");
	feed(&a, 0x1000, 0x7000, 0x10, 0, EMT_MT_UC, 0);
	assert_string_equal(first(&a)->kind, "stale-by-design");
	assert_int_equal(first(&a)->defect, emt_defect_by_id("KD18"));
	stop(&a, &f);
}

static void misconfigured(void **state)
{
	struct emt_facts f;
	struct audit a;
	struct emt_run inter = { .gfn = 0x4000, .mfn = 0x5000, .count = 1, .order = 9, .perm = 7, .emt = EMT_MT_WB,
		.flags = EMT_RUN_INTERMEDIATE };
	struct emt_run wonly = { .gfn = 0x5000, .mfn = 0x5000, .count = 1, .perm = EMT_W, .emt = EMT_MT_WB };

	(void)state;
	usual(&f);
	start(&a, &f, NULL);
	feed(&a, 0x1000, 0x7000, 1, 0, EMT_MT_RSVD2, 0);
	feed(&a, 0x1001, 0x7001, 1, 0, EMT_MT_7, 0); /* pending from 4.5 on */
	assert_int_equal(emt_engine_run(a.e, &inter, emt_findings_add, a.f), 0);
	assert_int_equal(emt_engine_run(a.e, &wonly, emt_findings_add, a.f), 0);
	inter.gfn = 0x4200;
	inter.emt = EMT_MT_7;
	assert_int_equal(emt_engine_run(a.e, &inter, emt_findings_add, a.f), 0);
	assert_int_equal(emt_findings_finish(a.f), 0);
	assert_int_equal(emt_findings_at(a.f, EMT_SEV_ERROR), 3);
	assert_int_equal(emt_findings_summary(a.f)->entries[EMT_V_PENDING], 1);
	stop(&a, &f);
	usual(&f);
	start(&a, &f, "4.4.1");
	feed(&a, 0x1001, 0x7001, 1, 0, EMT_MT_7, 0);
	assert_string_equal(first(&a)->kind, "misconfigured");
	assert_int_equal(first(&a)->defect, emt_defect_by_id("KD4"));
	stop(&a, &f);
}

/* Ever new groups must end in an overflow that is counted, not in ever more memory. */
static void bounded(void **state)
{
	struct emt_facts f;
	struct audit a;

	(void)state;
	usual(&f);
	start(&a, &f, NULL);
	for (uint64_t i = 0; i < 200000; i++)
		feed(&a, 0x1000 + i * 2, 0x1000 + i * 3 % 0x80000, 1, 0, i % 5 == 2 ? 4 : i % 7, i & 1);
	assert_int_equal(emt_findings_finish(a.f), 0);
	assert_true(emt_findings_count(a.f) < 100);
	assert_int_equal(emt_findings_overflow(a.f), 0);
	stop(&a, &f);
}

static void refuses_what_has_no_types(void **state)
{
	struct emt_facts f;
	struct emt_engine *e;
	struct emt_err err = { 0 };

	(void)state;
	usual(&f);
	f.paging = EMT_PAGING_NPT;
	assert_int_equal(emt_engine_new(&e, &f, NULL, &err), EMT_E_UNSUPPORTED);
	f.paging = EMT_PAGING_EPT;
	emt_facts_set(&f, EMT_FACT_RELEASE, EMT_UNKNOWN, NULL);
	memset(&err, 0, sizeof(err));
	assert_int_equal(emt_engine_new(&e, &f, NULL, &err), EMT_E_MISSING);
	assert_true(strstr(err.next, "--release"));
	emt_facts_free(&f);
}

static void explanations(void **state)
{
	struct emt_run run = { .gfn = 0x1000, .mfn = 0x7000, .count = 16, .perm = 7, .emt = EMT_MT_WC, .ipat = 1,
		.p2mt = EMT_P2M_RAM_RW, .access = 7 };
	static struct emt_explanation x;
	struct emt_facts f;
	struct audit a;

	(void)state;
	usual(&f);
	emt_ranges_add(&f.pins, 0x1000, 0x10ff, EMT_MT_WC, EMT_KNOWN);
	start(&a, &f, NULL);
	assert_int_equal(emt_engine_explain(a.e, &run, 0x1004, &x), 0);
	assert_int_equal(x.piece.run.gfn, 0x1004);
	assert_int_equal(x.piece.verdict, EMT_V_OK);
	assert_int_equal(x.steps[x.nr_steps - 1].result, EMT_STEP_DECIDES);
	assert_string_equal(x.steps[x.nr_steps - 1].rule->id, "pin");
	assert_string_equal(x.steps[x.nr_steps - 1].rule->cite, "4d66f069d6");
	assert_true(strstr(x.steps[x.nr_steps - 1].seen[0].detail, "0x1000-0x10ff WC"));
	for (unsigned int i = 0; i + 1 < x.nr_steps; i++)
		assert_int_equal(x.steps[i].result, EMT_STEP_NO);
	for (int i = 0; i < 6; i++)
		assert_string_equal(x.effective[i], "WC"); /* ipat: whatever the guest's PAT */
	stop(&a, &f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_pin), cmocka_unit_test(pinned_before), cmocka_unit_test(mismatch_when_known), cmocka_unit_test(names_the_mtrr),
		cmocka_unit_test(names_the_host_too), cmocka_unit_test(pinned_then_revoked),
		cmocka_unit_test(any_vcpu_may_decide), cmocka_unit_test(names_what_would_decide),
		cmocka_unit_test(stale_reasons), cmocka_unit_test(misconfigured), cmocka_unit_test(bounded),
		cmocka_unit_test(refuses_what_has_no_types), cmocka_unit_test(explanations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
