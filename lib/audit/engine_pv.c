/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine for PV domains: their runs are judged by pv.c, findings become verdicts.
 * What a run says of an entry (lib/source/pv_walk.h): p2m type ram_rw = frame, invalid =
 * missing, mmio_direct = identity, map_foreign = foreign.
 */
#include <stdio.h>
#include <stdlib.h>

#include "audit/engine.h"
#include "audit/pv.h"

#define FACT(id) (1ull << (id))

struct emt_pv_engine {
	struct emt_pv_opts o;
	const struct emt_facts *facts; /* borrowed */
	struct emt_pv_bar *bars;       /* owned */
	struct emt_pv_audit *audit;
	const struct emt_run *run;     /* in work */
	emt_piece_cb cb;
	void *arg;
};

/* The M2P was read with the p2m: where it agrees nothing is noted. */
static int m2p(void *arg, uint64_t mfn, uint64_t *pfn)
{
	const struct emt_pv_engine *p = arg;
	const struct emt_ranges *list = &p->facts->pv_m2p;
	uint64_t gfn = p->run->gfn + (mfn - p->run->mfn);
	size_t i = emt_ranges_from(list, gfn);

	*pfn = gfn;
	if (p->facts->prov[EMT_FACT_PV_M2P].held == EMT_UNKNOWN)
		return EMT_E_MISSING;
	if (i < list->n && list->v[i].first <= gfn)
		*pfn = list->v[i].tag;
	return 0;
}

static enum emt_pv_kind kind_of(const struct emt_run *run)
{
	switch (run->p2mt) {
	case EMT_P2M_RAM_RW: return EMT_PV_FRAME;
	case EMT_P2M_MMIO_DIRECT: return EMT_PV_IDENTITY;
	case EMT_P2M_FOREIGN: return EMT_PV_FOREIGN;
	default: return EMT_PV_MISSING;
	}
}

/* The memory map decides all but what the entry and the M2P show by themselves. */
static bool hangs_on_map(enum emt_pv_finding finding)
{
	return finding != EMT_PVF_M2P_MISMATCH && finding != EMT_PVF_WRONG_IDENTITY;
}

static int give(const struct emt_pv_run *r, void *arg)
{
	struct emt_pv_engine *p = arg;
	struct emt_piece piece = { .run = *p->run, .verdict = EMT_V_OK, .pv = true };

	piece.run.gfn = r->pfn;
	piece.run.count = r->count;
	piece.run.mfn = r->entry.mfn;
	piece.types = r->entry.kind == EMT_PV_MISSING ? 0 : (uint16_t)(1u << p->run->p2mt);
	if (r->entry.kind == EMT_PV_MISSING)
		piece.verdict = EMT_V_NOT_PRESENT;
	if (r->finding != EMT_PVF_OK) {
		piece.why = (enum emt_reason)(EMT_WHY_PV_IDENTITY_MISSING + (r->finding - EMT_PVF_IDENTITY_MISSING));
		if (r->finding == EMT_PVF_IDENTITY_MISSING && p->o.era && p->o.era->iomap)
			piece.why = EMT_WHY_PV_IOMAP;
		piece.verdict = EMT_V_MISMATCH;
		if (hangs_on_map(r->finding) && p->facts->prov[EMT_FACT_GUEST_E820].held != EMT_KNOWN) {
			piece.verdict = EMT_V_SUSPECT;
			piece.facts = FACT(EMT_FACT_GUEST_E820);
		}
	}
	return p->cb(&piece, p->arg);
}

static int copy_bars(struct emt_pv_engine *p)
{
	const struct emt_ranges *list = &p->facts->pci_bars;

	p->bars = calloc(list->n + 1, sizeof(*p->bars));
	for (size_t i = 0; p->bars && i < list->n; i++) {
		p->bars[i].first = list->v[i].first;
		p->bars[i].last = list->v[i].last;
		emt_bar_name(list->v[i].tag, p->bars[i].name);
	}
	p->o.bars = p->bars;
	p->o.nr_bars = list->n;
	return p->bars ? 0 : EMT_E_NOMEM;
}

_Static_assert(sizeof(((struct emt_pv_bar *)0)->name) >= EMT_BAR_ROOM, "names fit");

int emt_pv_engine_new(struct emt_pv_engine **out, const struct emt_facts *facts, struct emt_err *err)
{
	struct emt_pv_engine *p;

	if (facts->prov[EMT_FACT_GUEST_E820].held == EMT_UNKNOWN)
		return emt_err_set(err, EMT_E_MISSING, "guest_e820", "state guest_e820 in a facts file",
				   "the memory map of the PV domain is not known, and its p2m is judged by it");
	p = calloc(1, sizeof(*p));
	if (!p || (p->facts = facts, copy_bars(p))) {
		emt_pv_engine_free(p);
		return emt_err_set(err, EMT_E_NOMEM, "audit", NULL, "out of memory");
	}
	p->o.era = facts->prov[EMT_FACT_PV_KERNEL].held != EMT_UNKNOWN ? emt_pv_era_of(facts->pv_kernel) : NULL;
	p->o.e820 = &facts->guest_e820;
	p->o.size = facts->max_gfn ? facts->max_gfn + 1 : 0;
	p->o.m2p = m2p;
	p->o.arg = p;
	p->audit = emt_pv_audit_new(&p->o, give, p);
	if (!p->audit) {
		emt_pv_engine_free(p);
		return emt_err_set(err, EMT_E_NOMEM, "audit", NULL, "out of memory");
	}
	*out = p;
	return 0;
}

void emt_pv_engine_free(struct emt_pv_engine *p)
{
	if (!p)
		return;
	if (p->audit) /* nothing is held back between runs */
		emt_pv_audit_end(p->audit);
	free(p->bars);
	free(p);
}

int emt_pv_engine_run(struct emt_pv_engine *p, const struct emt_run *run, emt_piece_cb cb, void *arg)
{
	enum emt_pv_kind kind = kind_of(run);
	int rc = 0;

	p->run = run;
	p->cb = cb;
	p->arg = arg;
	if (kind == EMT_PV_MISSING || (kind == EMT_PV_IDENTITY && run->mfn == run->gfn))
		rc = emt_pv_audit_fill(p->audit, run->gfn, emt_run_frames(run), kind);
	else
		for (uint64_t i = 0; i < emt_run_frames(run) && !rc; i++)
			rc = emt_pv_audit_add(p->audit, run->gfn + i, (struct emt_pv_entry){ kind, run->mfn + i });
	return rc ? rc : emt_pv_audit_flush(p->audit);
}

static const char *device(const struct emt_pv_engine *p, uint64_t gfn)
{
	for (size_t i = 0; i < p->o.nr_bars; i++)
		if (p->bars[i].first <= gfn && gfn <= p->bars[i].last)
			return p->bars[i].name;
	return NULL;
}

void emt_pv_engine_explain(const struct emt_pv_engine *p, const struct emt_piece *piece, char *out, size_t room)
{
	static const char *const where[EMT_PV_PLACES] = {
		[EMT_PV_RAM] = "in RAM", [EMT_PV_LISTED] = "in a region that is no RAM", [EMT_PV_GAP] = "in a gap",
		[EMT_PV_BEHIND] = "behind the end",
	};
	const char *dev = device(p, piece->run.gfn);
	enum emt_pv_place place;
	unsigned int set;
	char kinds[80] = "";
	uint64_t last;
	uint32_t tag;
	size_t at = 0;

	place = emt_pv_place(p->o.e820, piece->run.gfn, &last, &tag);
	set = emt_pv_expect(p->o.era, place, piece->run.gfn, p->o.size) & ~(1u << EMT_PV_FOREIGN);
	for (unsigned int k = 0; k < EMT_PV_NR; k++)
		if (set & 1u << k)
			at += (size_t)snprintf(kinds + at, sizeof(kinds) - at, "%s%s", at ? " or " : "", emt_pv_kind_name(k));
	snprintf(out, room, "%s, %s of its memory map%s%s: Linux %s has %s there%s%s.", emt_pv_kind_name(kind_of(&piece->run)),
		 where[place], dev ? ", " : "", dev ? dev : "", p->o.era ? p->o.era->kernels : "since 2.6.39", kinds,
		 piece->why ? "; " : "", emt_reason_text(piece->why));
}
