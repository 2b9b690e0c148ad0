/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/effective.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/atoms.h"
#include "policy/effective.h"
#include "policy/infer.h"
#include "policy/mtrr.h"

#define BIT(mt) (1u << (mt))
#define MTRR_TYPES (BIT(EMT_MT_UC) | BIT(EMT_MT_WC) | BIT(EMT_MT_WT) | BIT(EMT_MT_WP) | BIT(EMT_MT_WB))
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
	static const char *const words[EMT_BY_NR] = { "ept", "guest-pat", "cr0-cd", "npt", "host-mtrr" };

	return word(words, EMT_BY_NR, cause);
}

/* ---- guest-physical memory ---- */

/* KVM has no p2m types. */
static enum emt_gpa_kind kind_of_kvm(uint64_t mfn, const struct emt_facts *f)
{
	uint16_t mmio = emt_atom_kvm_mmio(f, mfn, EMT_ASSUMED);

	return mmio == EMT_NO ? EMT_GPA_RAM : mmio == EMT_YES ? EMT_GPA_MMIO : EMT_GPA_OPEN;
}

static enum emt_gpa_kind kind_of(const struct emt_piece *p, const struct emt_facts *f)
{
	if (f->is_kvm)
		return kind_of_kvm(p->run.mfn, f);
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
		a->now == b->now && a->verdict == b->verdict && a->flags == b->flags && a->emt == b->emt &&
		a->ipat == b->ipat && a->nested == b->nested && a->mtrr == b->mtrr && a->mtrr_assumed == b->mtrr_assumed;
}

static int put(struct emt_gpas *m, const struct emt_gpa *g)
{
	if (m->n && continues(&m->v[m->n - 1], g)) {
		m->v[m->n - 1].last = g->last;
		return 0;
	}
	if (m->n == m->room) {
		size_t room = m->room ? m->room * 2 : 256;
		struct emt_gpa *v = realloc(m->v, room * sizeof(*v));
		uint64_t *key;

		if (!v)
			return EMT_E_NOMEM;
		m->v = v;
		key = realloc(m->key, (room / EMT_GPAS_BLOCK + 1) * sizeof(*key));
		if (!key)
			return EMT_E_NOMEM;
		m->key = key;
		m->room = room;
	}
	if (m->n % EMT_GPAS_BLOCK == 0)
		m->key[m->n / EMT_GPAS_BLOCK] = g->gfn;
	m->v[m->n++] = *g;
	return 0;
}

static struct emt_gpa gpa_of(const struct emt_run *run)
{
	return (struct emt_gpa){ .gfn = run->gfn, .last = emt_run_last(run), .mfn = run->mfn,
				 .flags = (uint16_t)run->flags, .emt = run->emt, .ipat = run->ipat,
				 .nested = EMT_PAT_UNKNOWN };
}

int emt_gpas_add(struct emt_gpas *m, const struct emt_piece *p, const struct emt_facts *f)
{
	struct emt_gpa g = gpa_of(&p->run);

	if (p->run.flags & (EMT_RUN_INTERMEDIATE | EMT_RUN_POD) || p->verdict == EMT_V_NOT_PRESENT)
		return 0;
	g.verdict = (uint8_t)p->verdict;
	g.kind = (uint8_t)kind_of(p, f);
	g.now = now_of(p);
	return put(m, &g);
}

void emt_gpas_free(struct emt_gpas *m)
{
	free(m->v);
	free(m->key);
	free(m->cut);
	*m = (struct emt_gpas){ .n = 0 };
}

/* ---- nested tables ---- */

#define FRAME_4G (1ull << 20)

struct cuts {
	struct emt_gpas *m;
	int rc;
};

static void add_cut(uint64_t frame, void *arg)
{
	struct cuts *c = arg;
	struct emt_gpas *m = c->m;

	if (m->nr_cuts == m->room_cuts) {
		size_t room = m->room_cuts ? m->room_cuts * 2 : 128;
		uint64_t *v = realloc(m->cut, room * sizeof(*v));

		if (!v) {
			c->rc = EMT_E_NOMEM;
			return;
		}
		m->cut = v;
		m->room_cuts = room;
	}
	m->cut[m->nr_cuts++] = frame;
}

static int by_frame(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The last frame that the processor can address: masks are as wide as that. */
static uint64_t last_frame(const struct emt_mtrr *host)
{
	uint64_t top = FRAME_4G;

	for (unsigned int i = 0; i < host->vcnt && i < EMT_MTRR_VAR_MAX; i++)
		top |= host->var[i][1] >> 12;
	for (unsigned int s = 1; s < 64; s <<= 1)
		top |= top >> s;
	return top;
}

/* Where the host's types change; a list that ends at 0 says that it cannot be told. */
static int find_cuts(struct emt_gpas *m, const struct emt_facts *f)
{
	struct cuts c = { m, 0 };

	if (m->nr_cuts)
		return 0;
	add_cut(FRAME_4G, &c);
	add_cut(last_frame(&f->host_mtrr) + 1, &c);
	if (f->prov[EMT_FACT_HOST_MTRR].held == EMT_UNKNOWN ||
	    !emt_mtrr_boundaries(&f->host_mtrr, last_frame(&f->host_mtrr), add_cut, &c)) {
		m->nr_cuts = 0;
		add_cut(0, &c);
	}
	qsort(m->cut, m->nr_cuts, sizeof(*m->cut), by_frame);
	return c.rc;
}

/* Not told, RAM is taken for WB and devices for UC, as any firmware sets it up. */
static uint8_t host_types(const struct emt_gpas *m, struct emt_gpa *g, const struct emt_facts *f)
{
	static const uint8_t mt[] = { [EMT_MV_UC] = EMT_MT_UC, [EMT_MV_WC] = EMT_MT_WC, [EMT_MV_WT] = EMT_MT_WT,
				      [EMT_MV_WP] = EMT_MT_WP, [EMT_MV_WB] = EMT_MT_WB };
	struct emt_mtrr host;
	unsigned int types = 0;
	uint16_t set;

	g->mtrr_assumed = !m->cut[m->nr_cuts - 1] || f->prov[EMT_FACT_HOST_MTRR].held == EMT_UNKNOWN;
	if (g->mtrr_assumed)
		return g->kind == EMT_GPA_RAM ? BIT(EMT_MT_WB) : g->kind == EMT_GPA_MMIO ? BIT(EMT_MT_UC) : MTRR_TYPES;
	host = f->host_mtrr;
	if (g->kind == EMT_GPA_RAM && g->mfn >= FRAME_4G)
		host.def_type = EMT_MT_WB;
	set = emt_mtrr_lookup(&host, g->mfn, 0, EMT_ASSUMED);
	for (size_t i = 0; i < EMT_ARRAY_SIZE(mt); i++)
		if (set & EMT_SET(i))
			types |= BIT(mt[i]);
	return (uint8_t)types;
}

/* First frame behind 'mfn' at which the host's type may change. */
static uint64_t next_cut(const struct emt_gpas *m, uint64_t mfn)
{
	size_t lo = 0, hi = m->nr_cuts;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->cut[mid] <= mfn)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < m->nr_cuts ? m->cut[lo] : EMT_NO_FRAME;
}

int emt_gpas_add_npt(struct emt_gpas *m, const struct emt_run *run, const struct emt_facts *f)
{
	struct emt_gpa g = gpa_of(run);
	uint64_t end = g.last;
	int rc = find_cuts(m, f);

	if (run->flags & (EMT_RUN_INTERMEDIATE | EMT_RUN_POD) || !run->perm || run->mfn == EMT_NO_FRAME)
		return rc;
	if (f->is_kvm)
		g.kind = (uint8_t)kind_of_kvm(run->mfn, f);
	else if (run->p2mt == EMT_P2M_MMIO_DIRECT)
		g.kind = EMT_GPA_MMIO;
	else
		g.kind = run->p2mt < EMT_P2M_NR && BIT(run->p2mt) & P2M_RAM ? EMT_GPA_RAM : EMT_GPA_OPEN;
	g.nested = run->flags & EMT_RUN_RAW ? (uint8_t)emt_npt_pat(run->raw, run->order, f->is_kvm) : EMT_PAT_OPEN;
	while (!rc && g.gfn <= end) {
		uint64_t frames = next_cut(m, g.mfn) - g.mfn;

		g.last = frames > end - g.gfn ? end : g.gfn + frames - 1;
		g.mtrr = host_types(m, &g, f);
		rc = put(m, &g);
		g.mfn += g.last + 1 - g.gfn;
		g.gfn = g.last + 1;
	}
	return rc;
}

char *emt_gpa_type_text(const struct emt_gpa *g, char out[8])
{
	struct emt_run run = { .flags = g->flags, .emt = g->emt, .ipat = g->ipat };

	if (g->nested != EMT_PAT_UNKNOWN)
		snprintf(out, 8, "%s", g->nested == EMT_MT_7 ? "UC-" : g->nested < EMT_MT_7 ? emt_mt_name(g->nested) : "?");
	else
		emt_run_type_text(&run, out);
	return out;
}

/* The block by its first gfn, then the entry from where it should lie on: entries of one
 * block are mostly of one size. */
const struct emt_gpa *emt_gpas_from(const struct emt_gpas *m, uint64_t gfn)
{
	size_t lo = 0, hi = (m->n + EMT_GPAS_BLOCK - 1) / EMT_GPAS_BLOCK, end, i;
	uint64_t first, span;

	while (lo < hi) { /* the first block that begins behind 'gfn' */
		size_t mid = lo + (hi - lo) / 2;

		if (m->key[mid] <= gfn)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return m->n ? &m->v[0] : NULL;
	first = m->key[lo - 1];
	i = (lo - 1) * EMT_GPAS_BLOCK;
	end = lo * EMT_GPAS_BLOCK < m->n ? lo * EMT_GPAS_BLOCK : m->n;
	span = m->v[end - 1].last + 1 - first;
	if (gfn - first < span)
		i += (size_t)((double)(gfn - first) / (double)span * (double)(end - i));
	while (i > (lo - 1) * EMT_GPAS_BLOCK && m->v[i - 1].last >= gfn)
		i--;
	while (i < end && m->v[i].last < gfn)
		i++;
	return i < m->n ? &m->v[i] : NULL;
}

/* ---- types ---- */

char *emt_eff_types_text(unsigned int types, char *out, size_t room)
{
	size_t at = 0;

	out[0] = '\0';
	for (unsigned int mt = 0; mt < EMT_MT_7; mt++)
		if (types & BIT(mt) && at < room)
			at += (size_t)snprintf(out + at, room - at, "%s%s", at ? " or " : "", emt_effective_name(mt));
	return out;
}

/* EPT: 'now' x the types requested x caches off or not. */
static uint8_t combine_ept(emt_outcomes now, unsigned int pats, enum emt_cd cd)
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

static uint8_t combine_npt(const struct emt_gpa *g, unsigned int mtrr, unsigned int pats, enum emt_cd cd)
{
	unsigned int types = cd != EMT_CD_OFF ? BIT(EMT_MT_CD) : 0;

	for (unsigned int i = 0; i < 64 && cd != EMT_CD_ON; i++)
		if (pats & BIT(i / 8) && mtrr & BIT(i % 8))
			types |= emt_effective_npt(i / 8, g->nested, i % 8);
	return (uint8_t)types;
}

/* All that the CPU may use. */
static uint8_t combine(const struct emt_gpa *g, unsigned int pats, enum emt_cd cd)
{
	const emt_outcomes any = (emt_outcomes)(EMT_SPLIT_BIT - 1);

	return g->nested == EMT_PAT_UNKNOWN ? combine_ept(g->now ? g->now : any, pats, cd) :
					      combine_npt(g, g->mtrr, pats, cd);
}

static bool uncached(unsigned int types)
{
	return !(types & ~EMT_EFFECTIVE_UNCACHED);
}

static void judge(struct emt_eff *e, const struct emt_view *v)
{
	const struct emt_gpa *g = e->at;

	if (!e->types)
		return;
	if (g->kind == EMT_GPA_MMIO && !(e->types & ~EMT_EFFECTIVE_CACHED)) {
		e->finding = EMT_EFF_MMIO_CACHED;
		e->severity = EMT_SEV_ERROR;
		e->cause = g->nested == EMT_PAT_UNKNOWN ? EMT_BY_EPT : EMT_BY_NPT;
		return;
	}
	if (g->kind != EMT_GPA_RAM || !uncached(e->types))
		return;
	e->finding = e->types & ~EMT_EFFECTIVE_WC ? EMT_EFF_RAM_UC : EMT_EFF_RAM_WC;
	/* asked for WB it would be cached: then it is the guest's own wish */
	if (uncached(combine(g, BIT(EMT_MT_WB), EMT_CD_OFF))) {
		e->cause = EMT_BY_EPT;
		if (g->nested != EMT_PAT_UNKNOWN)
			e->cause = uncached(combine_npt(g, BIT(EMT_MT_WB), BIT(EMT_MT_WB), EMT_CD_OFF)) ? EMT_BY_NPT :
												       EMT_BY_HOST_MTRR;
		e->severity = EMT_SEV_WARNING;
		return;
	}
	e->cause = e->pat != EMT_PAT_UNKNOWN && !uncached(combine(g, BIT(e->pat), EMT_CD_OFF)) && v->cd != EMT_CD_OFF ?
			   EMT_BY_CD :
			   EMT_BY_PAT;
}

static void fill(struct emt_eff *e, const struct emt_view *v)
{
	if (v->mode == EMT_GUEST_OFF)
		e->pat = EMT_MT_WB; /* SDM vol. 3, 29.3.7.2 */
	else
		e->pat = v->pat_known ? (uint8_t)emt_pat_entry(v->pat, e->slot) : EMT_PAT_UNKNOWN;
	if (!e->at)
		return;
	e->types = combine(e->at, e->pat == EMT_PAT_UNKNOWN ? PAT_TYPES : BIT(e->pat), v->cd);
	judge(e, v);
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
