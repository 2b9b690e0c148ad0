/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/flush_between.h"

#include <stdlib.h>
#include <string.h>

#include "audit/typed.h"
#include "policy/infer.h"

/* Two frames that differ: which ones they are does not matter. */
#define FRAME 0x1000u
#define OTHER_FRAME 0x2000u
#define RW (EMT_R | EMT_W)

/* Types that a side can have: as it states, or from its permissions. */
struct types {
	uint16_t likely, possible;
};

static struct types types_of(const struct emt_release *rel, const struct emt_diff_side *s, unsigned int stated)
{
	unsigned int type = s->p2mt < EMT_P2M_NR ? s->p2mt : stated;
	struct emt_type_evidence ev = { .perm = s->perm, .order = s->order, .ram = EMT_EITHER };
	struct types t = { EMT_SET(type & 15), EMT_SET(type & 15) };

	if (type < EMT_P2M_NR)
		return t;
	if (s->flags & EMT_RUN_POD)
		t.likely = t.possible = EMT_SET(EMT_P2M_POD);
	else if (!s->perm)
		t.likely = t.possible = EMT_SET(EMT_P2M_MMIO_DM);
	else
		emt_infer_types(rel, &ev, &t.likely, &t.possible);
	return t;
}

/* The access right that leaves a leaf of this type with what it shows: its number is
 * r, w and x as bits. A superpage without x is none (XSA-304). */
static uint8_t access_of(const struct emt_release *rel, unsigned int p2mt, unsigned int perm)
{
	unsigned int lost = emt_fl_ept_perm(rel, p2mt, EMT_ACCESS_RWX, false) & RW & ~perm;

	return (uint8_t)(EMT_ACCESS_RWX & ~lost);
}

static struct emt_fl_entry entry(const struct emt_release *rel, const struct emt_diff_side *s, unsigned int p2mt,
				 uint64_t frame)
{
	struct emt_fl_entry e = { .kind = EMT_FL_LEAF, .p2mt = (uint8_t)p2mt, .access = EMT_ACCESS_RWX,
				  .mfn = s->perm ? frame : EMT_NO_FRAME };

	if (p2mt == EMT_P2M_MMIO_DIRECT)
		e.ro = !(s->perm & EMT_W);
	else if (s->perm)
		e.access = access_of(rel, p2mt, s->perm);
	return e;
}

/* The worst of what is likely, and whether all that is possible is alike. */
struct worst {
	struct emt_fl_result result;
	bool shared, any, certain;
	uint32_t verdicts;       /* bit = enum emt_fl_verdict: of all that is possible */
};

/* The type that a side's facts state of all of a group. */
struct stated {
	unsigned int before, after; /* EMT_P2M_UNKNOWN: not stated */
};

static void judge_types(struct worst *w, const struct emt_fl_where *where, const struct emt_diff_group *g,
			const struct stated *known)
{
	bool added = g->change & EMT_DIFF_ADDED, removed = g->change & EMT_DIFF_REMOVED, both = !added && !removed;
	struct types none = { 1, 1 }, ta = added ? none : types_of(where->rel, &g->before, known->before),
		     tb = removed ? none : types_of(where->rel, &g->after, known->after);
	/* What shows no change of type is taken for none. */
	bool same = both && !(g->change & (EMT_DIFF_PERM | EMT_DIFF_P2MT)) && known->before == known->after;
	uint64_t frame = g->change & EMT_DIFF_FRAME ? OTHER_FRAME : FRAME;

	for (unsigned int i = 0; i < EMT_P2M_NR * EMT_P2M_NR; i++) {
		unsigned int a = i / EMT_P2M_NR, b = i % EMT_P2M_NR;
		struct emt_fl_entry before = { .kind = EMT_FL_NONE }, after = { .kind = EMT_FL_NONE };
		struct emt_fl_result r;

		if (!(ta.possible >> a & 1) || !(tb.possible >> b & 1) || (same && a != b))
			continue;
		if (!added)
			before = entry(where->rel, &g->before, a, FRAME);
		if (!removed)
			after = entry(where->rel, &g->after, b, frame);
		if (both && g->before.order < g->after.order)
			before = (struct emt_fl_entry){ .kind = EMT_FL_TABLE };
		before.split = both && g->before.order > g->after.order;
		emt_fl_judge(&r, where, &before, &after);
		w->verdicts |= 1u << r.verdict;
		if (!(ta.likely >> a & 1) || !(tb.likely >> b & 1) || (w->any && r.verdict <= w->result.verdict))
			continue;
		w->result = r;
		w->shared = where->shared;
		w->any = true;
	}
}

static bool notices(const struct emt_fl_result *r)
{
	return r->verdict >= EMT_FL_BY_DESIGN ||
	       (r->change != EMT_FLC_NOTHING && r->change != EMT_FLC_UNUSED && r->change != EMT_FLC_SAME);
}

/* Join the ranges of 'more' to those of 's': both ascend. */
static void join(struct emt_spans *s, const struct emt_spans *more)
{
	struct emt_spans both = { 0 };
	size_t i = 0, k = 0, ni = emt_spans_kept(s), nk = emt_spans_kept(more);
	uint64_t left = s->nr - ni + (more->nr - nk), frames = s->frames + more->frames,
		 entries = s->entries + more->entries;

	while (i < ni || k < nk) {
		const struct emt_gfn_range *r =
			k == nk || (i < ni && s->v[i].first < more->v[k].first) ? &s->v[i++] : &more->v[k++];

		emt_spans_add(&both, r->first, r->last, r->entries);
	}
	both.nr += left;
	both.frames = frames;
	both.entries = entries;
	*s = both;
}

static int by_weight(const void *x, const void *y)
{
	const struct emt_flush_group *a = x, *b = y;

	if (a->worst.verdict != b->worst.verdict)
		return (int)b->worst.verdict - (int)a->worst.verdict;
	if (a->certain != b->certain)
		return (int)b->certain - (int)a->certain;
	return a->at.frames > b->at.frames ? -1 : a->at.frames < b->at.frames;
}

static void add(struct emt_flush_group *out, size_t *n, const struct worst *w, const struct emt_spans *at, uint64_t facts)
{
	size_t i = 0;

	while (i < *n && (out[i].worst.change != w->result.change || out[i].worst.verdict != w->result.verdict ||
			  out[i].shared != w->shared || out[i].certain != w->certain))
		i++;
	if (i == EMT_FLUSH_GROUPS)
		return; /* there are no more combinations */
	if (i == *n) {
		out[(*n)++] = (struct emt_flush_group){ .worst = w->result, .shared = w->shared,
							.certain = w->certain, .facts = facts, .at = *at };
		return;
	}
	join(&out[i].at, at);
	out[i].facts |= facts;
}

static bool is_off(const struct emt_facts *f, enum emt_fact_id id, bool value)
{
	return f->prov[id].held != EMT_UNKNOWN && !value;
}

const char *emt_flush_not_name(unsigned int not_judged)
{
	static const char *const names[EMT_FLUSH_NOT_NR] = { "judged", "no-iommu", "unknown", "no-rules" };

	return not_judged < EMT_FLUSH_NOT_NR ? names[not_judged] : "?";
}

static uint64_t not_known(const struct emt_facts *f, enum emt_fact_id id)
{
	return f->prov[id].held == EMT_KNOWN ? 0 : 1ull << id;
}

enum emt_flush_not emt_flush_not_judged(const struct emt_facts *f, const struct emt_release *rel)
{
	if (rel->era->hv != EMT_HV_XEN || (f->paging != EMT_PAGING_EPT && f->paging != EMT_PAGING_NPT &&
					   f->paging != EMT_PAGING_SHADOW))
		return EMT_FLUSH_NO_RULES;
	if (is_off(f, EMT_FACT_DOMAIN_IOMMU, f->domain_iommu) || is_off(f, EMT_FACT_IOMMU_ENABLED, f->iommu_enabled))
		return EMT_FLUSH_NO_IOMMU;
	return f->prov[EMT_FACT_DOMAIN_IOMMU].held == EMT_UNKNOWN ? EMT_FLUSH_UNKNOWN : EMT_FLUSH_JUDGED;
}

enum emt_severity emt_flush_severity(const struct emt_flush_group *g)
{
	static const bool gone[EMT_FLC_NR] = { [EMT_FLC_FRAME] = true, [EMT_FLC_REMOVED] = true,
					       [EMT_FLC_TABLE_LEAF] = true, [EMT_FLC_TABLE_REMOVED] = true };

	if (!emt_flush_finding_name(g))
		return EMT_SEV_INFO;
	if (g->worst.verdict <= EMT_FL_NOT_ADDED || !g->certain || g->evidence == EMT_EVIDENCE_SEEN ||
	    g->evidence == EMT_EVIDENCE_NO_DEVICE)
		return EMT_SEV_WARNING;
	return gone[g->worst.change] && g->worst.before & EMT_W ? EMT_SEV_CRITICAL : EMT_SEV_ERROR;
}

const char *emt_flush_finding_word(unsigned int i)
{
	static const char *const words[] = { "flush-missed", "flush-not-added", "flush-not-seen" };

	return i < EMT_ARRAY_SIZE(words) ? words[i] : NULL;
}

const char *emt_flush_finding_name(const struct emt_flush_group *g)
{
	if (g->worst.verdict >= EMT_FL_NOT_ADDED)
		return emt_flush_finding_word(g->worst.verdict == EMT_FL_NOT_ADDED);
	return g->worst.need_tlb == EMT_FL_FLUSH &&
			       (g->evidence == EMT_EVIDENCE_NOT_SEEN || g->evidence == EMT_EVIDENCE_PARTLY) ?
		       emt_flush_finding_word(2) :
		       NULL;
}

void emt_flush_look(struct emt_flush_group *g, const struct emt_queue_between *q, uint32_t domid)
{
	bool tables = g->worst.change == EMT_FLC_TABLE_LEAF || g->worst.change == EMT_FLC_TABLE_REMOVED;
	size_t n = emt_spans_kept(&g->at), seen = 0, partly = 0;
	enum emt_flush_evidence e = EMT_EVIDENCE_RULE;

	if (g->worst.need_tlb != EMT_FL_FLUSH || !n)
		return;
	for (size_t i = 0; i < n; i++) {
		e = emt_queue_between_look(q, domid, g->at.v[i].first, g->at.v[i].last, tables);
		seen += e == EMT_EVIDENCE_SEEN;
		partly += e == EMT_EVIDENCE_PARTLY;
	}
	/* else it is the same for all */
	g->evidence = seen == n ? EMT_EVIDENCE_SEEN : seen || partly ? EMT_EVIDENCE_PARTLY : e;
}

enum emt_flush_not emt_flush_between(const struct emt_facts *before, const struct emt_facts *f,
				     const struct emt_release *rel, const struct emt_diff *d,
				     struct emt_flush_group *out, size_t *n)
{
	bool both = f->prov[EMT_FACT_IOMMU_SHARED].held == EMT_UNKNOWN;
	uint64_t facts = not_known(f, EMT_FACT_DOMAIN_IOMMU) | not_known(f, EMT_FACT_IOMMU_SHARED);
	enum emt_flush_not not_judged = emt_flush_not_judged(f, rel);

	*n = 0;
	if (not_judged)
		return not_judged;
	for (size_t i = 0; i < emt_diff_count(d); i++) {
		const struct emt_diff_group *g = emt_diff_get(d, i);
		struct worst w = { .any = false };
		struct stated known = { emt_typed_spans(before, &g->at), emt_typed_spans(f, &g->at) };
		bool typed = (g->change & EMT_DIFF_ADDED || g->before.p2mt < EMT_P2M_NR || known.before < EMT_P2M_NR) &&
			     (g->change & EMT_DIFF_REMOVED || g->after.p2mt < EMT_P2M_NR || known.after < EMT_P2M_NR);

		if (!(g->change & ~(uint32_t)(EMT_DIFF_TYPE | EMT_DIFF_VERDICT)))
			continue; /* memory types are none of a device's business */
		for (unsigned int s = 0; s < 2; s++)
			if (both || f->iommu_shared == s)
				judge_types(&w, &(struct emt_fl_where){ rel, (enum emt_paging)f->paging, s }, g, &known);
		w.certain = !not_known(f, EMT_FACT_DOMAIN_IOMMU) && !(w.verdicts & (w.verdicts - 1));
		if (w.any && notices(&w.result))
			add(out, n, &w, &g->at, w.certain ? 0 : facts | (typed ? 0 : 1ull << EMT_FACT_P2M_TYPES));
	}
	qsort(out, *n, sizeof(*out), by_weight);
	return EMT_FLUSH_JUDGED;
}
