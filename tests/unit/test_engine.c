/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine's segments against the policy asked entry by entry, on random facts
 * and runs; and planted faults on entries that the policy itself wrote.
 */
#include "common.h"

#include <stdio.h>
#include <string.h>

#include "audit/audit.h"
#include "policy/atoms.h"

#define FRAMES 0x4000ull

static const char *const releases[] = { "4.2.5", "4.4.1", "4.5.0", "4.6.5", "4.8.0", "4.14.0", "4.14.1", "4.15.0",
	"4.16.0", "4.17.0", "4.17.7", "4.21.0" };

struct check {
	const struct emt_facts *f;
	const struct emt_release *rel;
	uint64_t next_gfn, next_mfn, pieces;
	unsigned int order;
};

/* Every entry of a piece has the answer that it has on its own. */
static int compare(const struct emt_piece *p, void *arg)
{
	struct check *c = arg;
	struct emt_box box;

	assert_int_equal(p->run.gfn, c->next_gfn);
	assert_int_equal(p->run.mfn, c->next_mfn);
	for (uint64_t i = 0; i < p->run.count; i++) {
		uint64_t gfn = p->run.gfn + (i << c->order), mfn = p->run.mfn + (i << c->order);
		emt_outcomes want;

		emt_atoms_xen(c->f, c->rel, gfn, mfn, c->order, EMT_SET(p->run.p2mt), EMT_KNOWN, &box);
		want = emt_box_eval(c->rel->era->rules, c->rel->era->nr_rules, &box);
		if (want != p->expected)
			print_error("%s gfn %#llx mfn %#llx order %u type %u: %#x, on its own %#x\n", c->rel->text,
				    (unsigned long long)gfn, (unsigned long long)mfn, c->order, p->run.p2mt, p->expected, want);
		assert_int_equal(want, p->expected);
	}
	c->next_gfn += p->run.count << c->order;
	c->next_mfn += p->run.count << c->order;
	c->pieces++;
	return 0;
}

static void segments_agree_with_entries(void **state)
{
	uint64_t rnd = emt_test_seed() + 10, pieces = 0, entries = 0;

	(void)state;
	for (int i = 0; i < 300; i++) {
		const char *text = releases[emt_rand_below(&rnd, EMT_ARRAY_SIZE(releases))];
		struct emt_release rel;
		struct emt_engine *e;
		struct emt_facts f;

		assert_int_equal(emt_release_parse(&rel, text, false, NULL), 0);
		emt_rand_facts(&rnd, &f, FRAMES);
		assert_int_equal(emt_engine_new(&e, &f, text, NULL), 0);
		for (int k = 0; k < 12; k++) {
			unsigned int order = rel.era->order_aware && emt_rand_below(&rnd, 2) ? 9 : 0;
			struct emt_run run = {
				.gfn = emt_rand_below(&rnd, FRAMES) & (~0ull << order),
				.mfn = emt_rand_below(&rnd, emt_rand_below(&rnd, 8) ? FRAMES : 1ull << 38) & (~0ull << order),
				.count = 1 + emt_rand_below(&rnd, order ? 20 : 3000), .order = (uint8_t)order,
				.perm = EMT_R | EMT_W | EMT_X, .emt = EMT_MT_WB,
				.p2mt = (uint8_t)emt_rand_below(&rnd, EMT_P2M_NR),
			};
			struct check c = { &f, &rel, run.gfn, run.mfn, 0, order };

			/* gfns around 0xfee00 have a rule of their own where facts are assumed: keep below */
			assert_int_equal(emt_engine_run(e, &run, compare, &c), 0);
			assert_int_equal(c.next_gfn, emt_run_last(&run) + 1);
			pieces += c.pieces;
			entries += run.count;
		}
		emt_engine_free(e);
		emt_facts_free(&f);
	}
	print_message("%llu entries in %llu pieces\n", (unsigned long long)entries, (unsigned long long)pieces);
	assert_true(pieces > 5000 && pieces * 10 < entries);
}

/* ---- planted faults ---- */

enum plant { P_EMT, P_IPAT, P_UNSPLIT, P_RESERVED, P_INTERMEDIATE, P_PENDING_LOST, P_NR };

struct one {
	struct emt_piece piece;
	unsigned int n;
};

static int keep_one(const struct emt_piece *p, void *arg)
{
	struct one *o = arg;

	o->piece = *p;
	o->n++;
	return 0;
}

static struct emt_piece judge(struct emt_engine *e, const struct emt_run *run)
{
	struct one o = { .n = 0 };

	assert_int_equal(emt_engine_run(e, run, keep_one, &o), 0);
	assert_int_equal(o.n, 1);
	return o.piece;
}

/* An entry as the release writes it: from one vCPU's point of view. */
static bool written(struct emt_engine *e, uint64_t *rnd, struct emt_run *run)
{
	emt_outcomes expected, possible;
	unsigned int order = emt_rand_below(rnd, 3) ? 0 : 9, pick;

	memset(run, 0, sizeof(*run));
	run->order = (uint8_t)order;
	run->gfn = emt_rand_below(rnd, FRAMES) & (~0ull << order);
	run->mfn = emt_rand_below(rnd, FRAMES) & (~0ull << order);
	run->count = 1;
	run->p2mt = emt_rand_below(rnd, 5) ? EMT_P2M_RAM_RW : EMT_P2M_MMIO_DIRECT;
	run->perm = EMT_R | EMT_W | (order ? 0 : EMT_X);
	run->access = 7;
	emt_engine_expect(e, run->gfn, run->mfn, order, run->perm, run->p2mt, &expected, &possible);
	expected &= (emt_outcomes)~(EMT_SPLIT_BIT | EMT_T7_BIT);
	if (!expected)
		return false; /* it would be split */
	do
		pick = (unsigned int)emt_rand_below(rnd, 14);
	while (!(expected & 1u << pick));
	run->emt = (uint8_t)(pick / 2);
	run->ipat = pick & 1;
	return true;
}

static bool plant(struct emt_engine *e, uint64_t *rnd, enum plant what, struct emt_run *run)
{
	static const uint8_t mts[5] = { EMT_MT_UC, EMT_MT_WC, EMT_MT_WT, EMT_MT_WP, EMT_MT_WB };
	emt_outcomes expected, possible;

	switch (what) {
	case P_EMT:
		run->emt = mts[(emt_mv_of_mt(run->emt) + 1 + emt_rand_below(rnd, 4)) % 5];
		return true;
	case P_IPAT:
		run->ipat ^= 1;
		return true;
	case P_UNSPLIT: /* a superpage that should have been split */
		for (int i = 0; i < 200; i++) {
			run->order = EMT_ORDER_2M;
			run->gfn = emt_rand_below(rnd, FRAMES) & ~511ull;
			run->mfn = emt_rand_below(rnd, FRAMES) & ~511ull;
			emt_engine_expect(e, run->gfn, run->mfn, 9, run->perm, run->p2mt, &expected, &possible);
			if (expected == EMT_SPLIT_BIT)
				return true;
		}
		return false;
	case P_RESERVED:
		run->emt = 2 + emt_rand_below(rnd, 2);
		return true;
	case P_INTERMEDIATE:
		run->flags |= EMT_RUN_INTERMEDIATE;
		run->order = EMT_ORDER_2M;
		run->gfn &= ~511ull;
		run->perm = EMT_R | EMT_W | EMT_X;
		run->emt = (uint8_t)(1 + emt_rand_below(rnd, 6));
		return true;
	default: /* the entry was pending with an old type; the mark got lost */
		run->emt = mts[(emt_mv_of_mt(run->emt) + 1 + emt_rand_below(rnd, 4)) % 5];
		return true;
	}
}

static bool found(enum emt_verdict v)
{
	return v != EMT_V_OK && v != EMT_V_UNDETERMINED && v != EMT_V_PENDING && v != EMT_V_NOT_PRESENT;
}

/* Full facts: history too. */
static void full_facts(uint64_t *rnd, struct emt_facts *f)
{
	emt_rand_facts(rnd, f, FRAMES);
	f->domain_iommu &= f->iommu_enabled; /* no domain uses an IOMMU that the host does not */
	f->caps_ever_held = f->iomem_caps.n || f->ioport_caps.n;
	/* a special frame has a page_info: it is valid */
	for (size_t i = 0; i < f->special.n; i++)
		emt_ranges_add(&f->valid, f->special.v[i].first, f->special.v[i].last, 0, EMT_KNOWN);
	emt_facts_normalise(f);
}

static void planted_faults_are_found(void **state)
{
	uint64_t rnd = emt_test_seed() + 20, planted = 0, seen = 0, by_verdict[EMT_V_NR] = { 0 }, clean = 0;

	(void)state;
	while (planted < 20000) {
		const char *text = releases[2 + emt_rand_below(&rnd, EMT_ARRAY_SIZE(releases) - 2)];
		struct emt_engine *e;
		struct emt_facts f;

		full_facts(&rnd, &f);
		assert_int_equal(emt_engine_new(&e, &f, text, NULL), 0);
		for (int i = 0; i < 100 && planted < 20000; i++) {
			struct emt_run run, bad;
			struct emt_piece p;
			emt_outcomes expected, possible;
			bool differs;

			if (!written(e, &rnd, &run))
				continue;
			/* what the release writes is never reported */
			p = judge(e, &run);
			assert_false(found(p.verdict));
			clean++;
			bad = run;
			if (!plant(e, &rnd, (enum plant)emt_rand_below(&rnd, P_NR), &bad))
				continue;
			p = judge(e, &bad);
			planted++;
			by_verdict[p.verdict]++;
			emt_engine_expect(e, bad.gfn, bad.mfn, bad.order, bad.perm, bad.p2mt, &expected, &possible);
			/* with different vCPUs the planted type can be another vCPU's right answer */
			differs = bad.flags & EMT_RUN_INTERMEDIATE || !(expected & EMT_OUT_BIT(bad.emt, bad.ipat));
			seen += differs;
			if (found(p.verdict) != differs)
				print_error("%s gfn %#llx order %u emt %u ipat %u: %s, expected %#x\n", text,
					    (unsigned long long)bad.gfn, bad.order, bad.emt, bad.ipat,
					    emt_verdict_name(p.verdict), expected);
			assert_int_equal(found(p.verdict), differs);
			/* full facts: nothing is left to suspect */
			assert_int_not_equal(p.verdict, EMT_V_SUSPECT);
			assert_int_not_equal(p.verdict, EMT_V_UNDETERMINED);
		}
		emt_engine_free(e);
		emt_facts_free(&f);
	}
	print_message("full facts: %llu planted, %llu change the verdict, all found; %llu entries as written, none reported\n",
		      (unsigned long long)planted, (unsigned long long)seen, (unsigned long long)clean);
	for (int v = 0; v < EMT_V_NR; v++)
		if (by_verdict[v])
			print_message("  %-16s %llu\n", emt_verdict_name(v), (unsigned long long)by_verdict[v]);
	assert_true(seen > 15000);
}

/* Take facts away: each becomes unknown, or assumed at its true value. */
static void thin(uint64_t *rnd, struct emt_facts *f)
{
	for (int id = 0; id < EMT_FACT_NR; id++) {
		enum emt_held held = (enum emt_held)emt_rand_below(rnd, 3);
		struct emt_ranges *list = emt_facts_list(f, (enum emt_fact_id)id);

		if (id == EMT_FACT_CURRENT || emt_rand_below(rnd, 2)) /* which vCPU decided is never known */
			continue;
		if (list && held == EMT_UNKNOWN)
			list->n = 0;
		for (size_t i = 0; list && i < list->n; i++)
			list->v[i].held = (uint8_t)held;
		if (id == EMT_FACT_VCPU_MTRR)
			for (uint32_t v = 0; v < f->nr_vcpus; v++) {
				f->vcpu_mtrr[v].var_held[emt_rand_below(rnd, 8)] = (uint8_t)held;
				if (emt_rand_below(rnd, 4) == 0)
					f->vcpu_mtrr[v].def_held = (uint8_t)held;
			}
		if (id == EMT_FACT_HOST_MTRR)
			emt_mtrr_hold(&f->host_mtrr, held);
		emt_facts_set(f, (enum emt_fact_id)id, held, "thinned");
	}
}

static void thin_facts_never_cry_wolf(void **state)
{
	uint64_t rnd = emt_test_seed() + 30, right = 0, by_verdict[EMT_V_NR] = { 0 }, planted = 0;

	(void)state;
	for (int round = 0; round < 400; round++) {
		const char *text = releases[2 + emt_rand_below(&rnd, EMT_ARRAY_SIZE(releases) - 2)];
		struct emt_engine *truth, *e;
		struct emt_facts f, less;

		full_facts(&rnd, &f);
		assert_int_equal(emt_facts_copy(&less, &f), 0);
		thin(&rnd, &less);
		assert_int_equal(emt_engine_new(&truth, &f, text, NULL), 0);
		assert_int_equal(emt_engine_new(&e, &less, text, NULL), 0);
		for (int i = 0; i < 60; i++) {
			struct emt_run run, bad;
			struct emt_piece p;

			if (!written(truth, &rnd, &run))
				continue;
			p = judge(e, &run);
			if (p.verdict == EMT_V_MISMATCH || p.verdict == EMT_V_UNSPLIT || p.verdict == EMT_V_MISCONFIGURED)
				print_error("%s gfn %#llx mfn %#llx order %u emt %u ipat %u: false %s, held %#x free %#x\n", text,
					    (unsigned long long)run.gfn, (unsigned long long)run.mfn, run.order, run.emt, run.ipat,
					    emt_verdict_name(p.verdict), p.expected, p.possible);
			assert_int_not_equal(p.verdict, EMT_V_MISMATCH);
			assert_int_not_equal(p.verdict, EMT_V_UNSPLIT);
			assert_int_not_equal(p.verdict, EMT_V_MISCONFIGURED);
			right++;
			bad = run;
			if (!plant(truth, &rnd, (enum plant)emt_rand_below(&rnd, P_NR), &bad) ||
			    !found(judge(truth, &bad).verdict))
				continue;
			by_verdict[judge(e, &bad).verdict]++;
			planted++;
		}
		emt_engine_free(truth);
		emt_engine_free(e);
		emt_facts_free(&f);
		emt_facts_free(&less);
	}
	print_message("facts removed: %llu right entries, no false mismatch; of %llu planted faults:\n",
		      (unsigned long long)right, (unsigned long long)planted);
	for (int v = 0; v < EMT_V_NR; v++)
		if (by_verdict[v])
			print_message("  %-16s %llu\n", emt_verdict_name(v), (unsigned long long)by_verdict[v]);
	assert_true(right > 5000 && planted > 3000 && by_verdict[EMT_V_MISMATCH] > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_agree_with_entries), cmocka_unit_test(planted_faults_are_found),
		cmocka_unit_test(thin_facts_never_cry_wolf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
