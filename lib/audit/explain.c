/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/explain.h"

#include <stdio.h>
#include <string.h>

#include "audit/engine.h"
#include "audit/seen.h"
#include "policy/effective.h"
#include "policy/mtrr.h"

const uint8_t emt_explain_pats[6] = { EMT_MT_UC, EMT_MT_7, EMT_MT_WC, EMT_MT_WT, EMT_MT_WB, EMT_MT_WP };

static const struct emt_quirk quirks[] = {
	{ "Q1", "a single variable MTRR that covers part of a superpage gives its type to the whole superpage" },
	{ "Q2", "UC over another type over a whole superpage splits it, although all its pages are UC" },
	{ "Q3", "with fixed MTRRs enabled the superpage at 0 is always split" },
	{ "Q4", "adjacent pins of one type that cover a superpage only together split it" },
	{ "Q5", "a change of the read-only MMIO ranges recomputes no entry" },
	{ "h.6", "the MTRR save record of Xen 4.12 and later repeats variable range 0 in every slot" },
};

const struct emt_quirk *emt_quirk_at(size_t i)
{
	return i < EMT_ARRAY_SIZE(quirks) ? &quirks[i] : NULL;
}

static void add_quirk(struct emt_explanation *x, const char *id)
{
	for (size_t i = 0; i < EMT_ARRAY_SIZE(quirks); i++)
		if (!strcmp(quirks[i].id, id) && x->nr_quirks < EMT_EXPLAIN_QUIRKS)
			x->quirks[x->nr_quirks++] = &quirks[i];
}

static bool pins_cover(const struct emt_facts *f, uint64_t first, uint64_t last)
{
	uint64_t at = first;
	int type = -1;

	for (bool more = true; more && at <= last;) {
		more = false;
		for (size_t i = 0; i < f->pins.n; i++) {
			const struct emt_range *p = &f->pins.v[i];

			if (p->first > at || p->last < at || (type >= 0 && (uint32_t)type != p->tag))
				continue;
			type = (int)p->tag;
			at = p->last + 1;
			more = true;
			break;
		}
	}
	return at > last;
}

static bool uc_overlays(const struct emt_facts *f, uint64_t first, uint64_t last)
{
	uint64_t a, b;

	for (uint32_t v = 0; v < f->nr_vcpus; v++)
		for (unsigned int i = 0; i < f->vcpu_mtrr[v].vcnt; i++)
			if (emt_mtrr_var_range(&f->vcpu_mtrr[v], i, &a, &b) && a <= first && b >= last &&
			    (f->vcpu_mtrr[v].var[i][0] & 7) == EMT_MT_UC)
				return true;
	return false;
}

static void find_quirks(struct emt_engine *e, const struct emt_cell *c, struct emt_explanation *x, uint32_t atoms)
{
	const struct emt_facts *f = &e->facts;
	const struct emt_run *r = &x->piece.run;
	const char *origin = f->prov[EMT_FACT_VCPU_MTRR].origin;
	uint64_t last = r->gfn + (1ull << r->order) - 1;

	if (x->piece.defects & 1u << emt_defect_by_id("KD19") || x->piece.verdict == EMT_V_INHERITED)
		add_quirk(x, "Q1");
	if (r->order && c->held.a[EMT_ATOM_GUEST] & EMT_SET(EMT_MV_SPLIT) && atoms & 1u << EMT_ATOM_GUEST) {
		if (r->gfn < 0x100)
			add_quirk(x, "Q3");
		else if (uc_overlays(f, r->gfn, last))
			add_quirk(x, "Q2");
	}
	if (r->order && c->held.a[EMT_ATOM_PIN] == EMT_SET(EMT_PIN_PART) && pins_cover(f, r->gfn, last))
		add_quirk(x, "Q4");
	if (x->piece.why == EMT_WHY_MMIO_RO)
		add_quirk(x, "Q5");
	if (origin && strstr(origin, "rebuilt") && atoms & 1u << EMT_ATOM_GUEST)
		add_quirk(x, "h.6");
}

static void rule_steps(struct emt_engine *e, const struct emt_cell *c, struct emt_explanation *x, uint32_t fires)
{
	const struct emt_era *era = e->rel.era;
	bool only_one = !(fires & (fires - 1));

	for (size_t i = 0; i < era->nr_rules && x->nr_steps < EMT_EXPLAIN_STEPS; i++) {
		const struct emt_rule *rule = era->rules[i];
		struct emt_step *s = &x->steps[x->nr_steps++];
		bool fire = fires & 1u << i;

		s->rule = rule;
		s->result = !fire ? EMT_STEP_NO : only_one ? EMT_STEP_DECIDES : EMT_STEP_MAYBE;
		if (fire)
			s->gives = emt_box_rule_gives(rule, &c->held);
		for (unsigned int k = 0; k < EMT_RULE_CONDS && rule->cond[k].set; k++)
			emt_seen_fill(e, c, &x->piece, rule->cond[k].atom, &s->seen[s->nr_seen++]);
		if (rule->action == EMT_ACT_MERGE || rule->action == EMT_ACT_MIN) {
			emt_seen_fill(e, c, &x->piece, EMT_ATOM_GUEST, &s->seen[s->nr_seen++]);
			emt_seen_fill(e, c, &x->piece, EMT_ATOM_HOST, &s->seen[s->nr_seen++]);
		}
		if (fire && !(fires >> (i + 1)))
			break; /* nothing after it can be reached */
	}
}

static void assumed_facts(const struct emt_engine *e, const struct emt_cell *c, struct emt_explanation *x,
			  uint32_t atoms)
{
	uint64_t mask = 0;

	for (unsigned int a = 0; a < EMT_ATOM_NR; a++)
		if (atoms & 1u << a && c->held.a[a] != c->free.a[a])
			mask |= emt_atom_facts(e, a);
	for (int i = 0; i < EMT_FACT_NR; i++) {
		if (mask & 1ull << i)
			x->assumed[x->nr_assumed++] = (enum emt_fact_id)i;
		if (x->piece.verdict == EMT_V_UNDETERMINED && x->piece.facts & 1ull << i)
			x->missing[x->nr_missing++] = (enum emt_fact_id)i;
	}
}

static void verdict_sentence(const struct emt_engine *e, struct emt_explanation *x)
{
	const struct emt_piece *p = &x->piece;
	char found[8], want[96];

	emt_run_type_text(&p->run, found);
	emt_outcomes_text(p->expected, want, sizeof(want));
	switch (p->verdict) {
	case EMT_V_NOT_PRESENT:
		snprintf(x->verdict_text, sizeof(x->verdict_text), p->run.flags & EMT_RUN_POD ?
			 "Populated on demand: there is no frame and no type yet." :
			 e->facts.is_kvm && p->run.perm ?
			 "Emulated MMIO: KVM refuses the access on purpose, there is no frame and no type." :
			 "Not present: without permissions the type means nothing.");
		break;
	case EMT_V_OK:
		snprintf(x->verdict_text, sizeof(x->verdict_text), "%s is what %s writes here%s%s.", found, e->rel.full,
			 p->why ? ": " : "", emt_reason_text(p->why));
		break;
	case EMT_V_PENDING:
		snprintf(x->verdict_text, sizeof(x->verdict_text),
			 "Pending: %s recomputes the type when this gfn is next touched, and will write %s.",
			 e->rel.full, want);
		break;
	case EMT_V_UNDETERMINED:
		snprintf(x->verdict_text, sizeof(x->verdict_text),
			 "%s is one of several possible answers (%s); a fact that is not known decides.", found, want);
		break;
	case EMT_V_SUSPECT:
		snprintf(x->verdict_text, sizeof(x->verdict_text),
			 "%s, where %s would write %s: explained only if an assumed fact is false.", found, e->rel.full, want);
		break;
	case EMT_V_MISMATCH:
		snprintf(x->verdict_text, sizeof(x->verdict_text),
			 "%s, where %s would write %s: nothing unknown or assumed explains it.", found, e->rel.full, want);
		break;
	case EMT_V_UNSPLIT:
		snprintf(x->verdict_text, sizeof(x->verdict_text),
			 "%s on a superpage that %s splits: its pages need different types.", found, e->rel.full);
		break;
	default:
		snprintf(x->verdict_text, sizeof(x->verdict_text), "%s, where %s would write %s now: %s.", found,
			 e->rel.full, want, emt_reason_text(p->why));
	}
}

static int keep(const struct emt_piece *piece, void *arg)
{
	*(struct emt_piece *)arg = *piece;
	return 0;
}

int emt_engine_explain(struct emt_engine *e, const struct emt_run *run, uint64_t gfn, struct emt_explanation *x)
{
	uint64_t at = (gfn - run->gfn) >> run->order, gend, mend;
	struct emt_run one = *run;
	struct emt_where w;
	const struct emt_cell *c;
	uint32_t fires, atoms;

	memset(x, 0, sizeof(*x));
	one.gfn += at << run->order;
	one.mfn += one.mfn == EMT_NO_FRAME ? 0 : at << run->order;
	one.count = 1;
	if (emt_engine_run(e, &one, keep, &x->piece))
		return EMT_E_NOMEM;
	if (e->pv) {
		emt_pv_engine_explain(e->pv, &x->piece, x->verdict_text, sizeof(x->verdict_text));
		for (int i = 0; i < EMT_FACT_NR; i++)
			if (x->piece.facts & 1ull << i)
				x->assumed[x->nr_assumed++] = (enum emt_fact_id)i;
		return 0;
	}
	verdict_sentence(e, x);
	if (x->piece.verdict == EMT_V_NOT_PRESENT || one.flags & EMT_RUN_INTERMEDIATE)
		return 0;
	for (unsigned int i = 0; i < EMT_ARRAY_SIZE(emt_explain_pats); i++)
		snprintf(x->effective[i], sizeof(x->effective[i]), "%s",
			 emt_mt_name(emt_effective(one.emt, one.ipat, emt_explain_pats[i], false)));
	w = (struct emt_where){ one.gfn, one.mfn, one.order, one.perm, one.p2mt };
	c = emt_engine_cell(e, &w, &gend, &mend);
	if (!c)
		return EMT_E_NOMEM;
	emt_box_trace(e->rel.era->rules, e->rel.era->nr_rules, &c->held, &fires, &atoms);
	rule_steps(e, c, x, fires);
	assumed_facts(e, c, x, atoms);
	find_quirks(e, c, x, atoms);
	return 0;
}
