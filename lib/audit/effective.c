/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/effective.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/effective.h"
#include "policy/infer.h"

#define BIT(mt) (1u << (mt))
#define UNCACHED (BIT(EMT_MT_UC) | BIT(EMT_MT_WC))
#define CACHED (BIT(EMT_MT_WB) | BIT(EMT_MT_WT) | BIT(EMT_MT_WP))
#define PAT_TYPES (BIT(EMT_MT_UC) | BIT(EMT_MT_WC) | BIT(EMT_MT_WT) | BIT(EMT_MT_WP) | BIT(EMT_MT_WB) | BIT(EMT_MT_7))
#define P2M_RAM \
	(BIT(EMT_P2M_RAM_RW) | BIT(EMT_P2M_RAM_LOGDIRTY) | BIT(EMT_P2M_RAM_RO) | BIT(EMT_P2M_GRANT_RW) | \
	 BIT(EMT_P2M_GRANT_RO) | BIT(EMT_P2M_SHARED) | BIT(EMT_P2M_FOREIGN) | BIT(EMT_P2M_IOREQ_SERVER))

static const char *word(const char *const *words, size_t n, unsigned int i)
{
	return i < n ? words[i] : "?";
}

const char *emt_gpa_kind_name(unsigned int kind)
{
	static const char *const words[EMT_GPA_NR] = { "ram", "mmio", "apic", "unknown", "none" };

	return word(words, EMT_GPA_NR, kind);
}

const char *emt_eff_finding_name(unsigned int finding)
{
	static const char *const words[EMT_EFF_NR] = { "fine", "ram-uc", "ram-wc", "mmio-cached" };

	return word(words, EMT_EFF_NR, finding);
}

const char *emt_eff_cause_name(unsigned int cause)
{
	static const char *const words[EMT_BY_NR] = { "ept", "guest-pat", "cr0-cd" };

	return word(words, EMT_BY_NR, cause);
}

/* ---- guest-physical memory ---- */

static enum emt_gpa_kind kind_of(const struct emt_piece *p, const struct emt_facts *f)
{
	if (p->types == BIT(EMT_P2M_MMIO_DIRECT))
		return p->run.gfn == EMT_APIC_GFN && !emt_ranges_find(&f->iomem_caps, p->run.mfn) ? EMT_GPA_APIC :
												    EMT_GPA_MMIO;
	return p->types && !(p->types & ~P2M_RAM) ? EMT_GPA_RAM : EMT_GPA_OPEN;
}

/* A pending entry is recomputed before it is used, so what the rules say counts; where
 * they split it, each page has its own answer. */
static emt_outcomes now_of(const struct emt_piece *p)
{
	const struct emt_run *r = &p->run;

	if (r->flags & (EMT_RUN_NO_TYPE | EMT_RUN_PENDING_ABOVE) || r->emt == EMT_MT_7)
		return p->expected & (EMT_SPLIT_BIT | EMT_T7_BIT) ? 0 : p->expected;
	if (r->flags & EMT_RUN_IPAT_HIDDEN)
		return EMT_OUT_BIT(r->emt, 0) | EMT_OUT_BIT(r->emt, 1);
	return EMT_OUT_BIT(r->emt, r->ipat);
}

static bool continues(const struct emt_gpa *a, const struct emt_gpa *b)
{
	return a->last + 1 == b->gfn && a->mfn + (b->gfn - a->gfn) == b->mfn && a->kind == b->kind &&
		a->now == b->now && a->verdict == b->verdict && a->run.flags == b->run.flags &&
		a->run.emt == b->run.emt && a->run.ipat == b->run.ipat && a->run.perm == b->run.perm;
}

int emt_gpas_add(struct emt_gpas *m, const struct emt_piece *p, const struct emt_facts *f)
{
	struct emt_gpa g = { .gfn = p->run.gfn, .last = emt_run_last(&p->run), .mfn = p->run.mfn,
			     .run = p->run, .verdict = p->verdict };

	if (p->run.flags & (EMT_RUN_INTERMEDIATE | EMT_RUN_POD) || p->verdict == EMT_V_NOT_PRESENT)
		return 0;
	g.kind = kind_of(p, f);
	g.now = now_of(p);
	if (m->n && continues(&m->v[m->n - 1], &g)) {
		m->v[m->n - 1].last = g.last;
		return 0;
	}
	if (m->n == m->room) {
		size_t room = m->room ? m->room * 2 : 256;
		struct emt_gpa *v = realloc(m->v, room * sizeof(*v));

		if (!v)
			return EMT_E_NOMEM;
		m->v = v;
		m->room = room;
	}
	m->v[m->n++] = g;
	return 0;
}

void emt_gpas_free(struct emt_gpas *m)
{
	free(m->v);
	*m = (struct emt_gpas){ NULL, 0, 0 };
}

const struct emt_gpa *emt_gpas_from(const struct emt_gpas *m, uint64_t gfn)
{
	size_t lo = 0, hi = m->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->v[mid].last < gfn)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < m->n ? &m->v[lo] : NULL;
}

/* ---- types ---- */

char *emt_eff_types_text(unsigned int types, char *out, size_t room)
{
	size_t at = 0;

	out[0] = '\0';
	for (unsigned int mt = 0; mt < EMT_MT_7; mt++)
		if (types & BIT(mt) && at < room)
			at += (size_t)snprintf(out + at, room - at, "%s%s", at ? " or " : "", emt_mt_name(mt));
	return out;
}

/* All that the CPU may use: 'now' x the types requested x caches off or not. */
static uint8_t combine(emt_outcomes now, unsigned int pats, enum emt_cd cd)
{
	unsigned int types = 0;

	for (unsigned int o = 0; o < EMT_OUT_SPLIT; o++) {
		if (!(now & 1u << o))
			continue;
		for (unsigned int pat = 0; pat < 8; pat++) {
			if (!(pats & BIT(pat)))
				continue;
			if (cd != EMT_CD_ON)
				types |= BIT(emt_effective(o >> 1, o & 1, pat, false));
			if (cd != EMT_CD_OFF)
				types |= BIT(emt_effective(o >> 1, o & 1, pat, true));
		}
	}
	/* a reserved EMT faults: no type is used */
	return (uint8_t)(types & ~BIT(EMT_MT_7));
}

static void judge(struct emt_eff *e, const struct emt_view *v, emt_outcomes now)
{
	if (!e->types)
		return;
	if (e->at->kind == EMT_GPA_MMIO && !(e->types & ~CACHED)) {
		e->finding = EMT_EFF_MMIO_CACHED;
		e->severity = EMT_SEV_ERROR;
		return;
	}
	if (e->at->kind != EMT_GPA_RAM || e->types & ~UNCACHED)
		return;
	e->finding = e->types == BIT(EMT_MT_WC) ? EMT_EFF_RAM_WC : EMT_EFF_RAM_UC;
	/* asked for WB it would be cached: then it is the guest's own wish */
	if (!(combine(now, BIT(EMT_MT_WB), EMT_CD_OFF) & ~UNCACHED)) {
		e->cause = EMT_BY_EPT;
		e->severity = EMT_SEV_WARNING;
		return;
	}
	e->cause = e->pat != EMT_PAT_UNKNOWN && combine(now, BIT(e->pat), EMT_CD_OFF) & ~UNCACHED &&
		v->cd != EMT_CD_OFF ? EMT_BY_CD : EMT_BY_PAT;
}

static void fill(struct emt_eff *e, const struct emt_view *v)
{
	const emt_outcomes any = (emt_outcomes)(EMT_SPLIT_BIT - 1);
	emt_outcomes now = e->at && e->at->now ? e->at->now : any;
	unsigned int pats;

	if (v->mode == EMT_GUEST_OFF)
		e->pat = EMT_MT_WB; /* SDM vol. 3, 29.3.7.2 */
	else
		e->pat = v->pat_known ? (uint8_t)emt_pat_entry(v->pat, e->slot) : EMT_PAT_UNKNOWN;
	if (!e->at)
		return;
	pats = e->pat == EMT_PAT_UNKNOWN ? PAT_TYPES : BIT(e->pat);
	e->types = combine(now, pats, v->cd);
	judge(e, v, now);
}

int emt_eff_run(const struct emt_view *v, const struct emt_gpas *gpas, const struct emt_guest_run *run,
		int (*cb)(const struct emt_eff *e, void *arg), void *arg)
{
	uint64_t gfn = run->gfn, end = gfn + emt_guest_frames(run);
	int rc = 0;

	while (gfn < end && !rc) {
		const struct emt_gpa *g = emt_gpas_from(gpas, gfn);
		struct emt_eff e = { .va = run->va + ((gfn - run->gfn) << 12), .gfn = gfn, .order = run->order,
				     .slot = run->pat, .flags = run->flags };
		uint64_t stop = end;

		if (g && g->gfn <= gfn) {
			e.at = g;
			stop = g->last + 1 < end ? g->last + 1 : end;
		} else if (g && g->gfn < end) {
			stop = g->gfn;
		}
		e.frames = stop - gfn;
		fill(&e, v);
		rc = cb(&e, arg);
		gfn = stop;
	}
	return rc;
}
