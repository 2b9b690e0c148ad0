/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/engine.h"

#include <stdlib.h>
#include <string.h>

#include "policy/infer.h"

#define FRAME_BITS ((1ull << 40) - 1)
#define SPECIAL_ALL EMT_SET(EMT_COVER_ALL)

emt_outcomes emt_engine_eval(const struct emt_engine *e, const struct emt_box *box)
{
	return emt_box_eval(e->rel.era->rules, e->rel.era->nr_rules, box);
}

int emt_engine_new(struct emt_engine **out, const struct emt_facts *facts, const char *release, struct emt_err *err)
{
	static const char *const how = "give --release, or a facts file with \"release\"";
	struct emt_engine *e = calloc(1, sizeof(*e));
	int rc;

	if (!e)
		return emt_err_set(err, EMT_E_NOMEM, "audit", NULL, "out of memory");
	if (emt_facts_copy(&e->facts, facts)) {
		free(e);
		return emt_err_set(err, EMT_E_NOMEM, "audit", NULL, "out of memory");
	}
	if (!release && e->facts.prov[EMT_FACT_RELEASE].held == EMT_UNKNOWN) {
		rc = emt_err_set(err, EMT_E_MISSING, "release", how, "the hypervisor's release is not known");
		goto fail;
	}
	rc = emt_release_parse(&e->rel, release ? release : e->facts.release, e->facts.is_kvm, err);
	if (rc)
		goto fail;
	/* who gives a release where none is known says which hypervisor it is too */
	if (e->facts.prov[EMT_FACT_RELEASE].held == EMT_UNKNOWN)
		e->facts.is_kvm = e->rel.era->hv == EMT_HV_KVM;
	if (e->facts.is_kvm != (e->rel.era->hv == EMT_HV_KVM)) {
		rc = emt_err_set(err, EMT_E_USAGE, e->rel.full,
				 e->facts.is_kvm ? "give a kernel: --release \"kvm 6.12\"" : "give a release of Xen",
				 "these entries are of %s", e->facts.is_kvm ? "a KVM guest" : "a Xen domain");
		goto fail;
	}
	if (e->facts.prov[EMT_FACT_PAGING].held != EMT_UNKNOWN && e->facts.paging == EMT_PAGING_PV) {
		rc = emt_facts_derive(&e->facts) ? emt_err_set(err, EMT_E_NOMEM, "audit", NULL, "out of memory") :
						   emt_pv_engine_new(&e->pv, &e->facts, err);
		if (rc)
			goto fail;
		*out = e;
		return 0;
	}
	if (e->facts.prov[EMT_FACT_PAGING].held != EMT_UNKNOWN && e->facts.paging == EMT_PAGING_NPT && e->facts.is_kvm)
		e->rel.era = emt_era_by_id("KA"); /* whatever the kernel */
	else if (e->facts.prov[EMT_FACT_PAGING].held != EMT_UNKNOWN && e->facts.paging != EMT_PAGING_EPT) {
		rc = emt_err_set(err, EMT_E_UNSUPPORTED, emt_paging_name(e->facts.paging),
				 e->facts.paging == EMT_PAGING_NPT && !e->facts.is_kvm ?
					 "emtctl effective shows what the CPU uses, by the guest's own page tables" : NULL,
				 "only EPT entries carry a memory type; this domain uses %s",
				 emt_paging_name(e->facts.paging));
		goto fail;
	}
	if (emt_facts_derive(&e->facts) || emt_timelines_build(&e->ts, &e->facts, &e->rel)) {
		rc = emt_err_set(err, EMT_E_NOMEM, "audit", NULL, "out of memory");
		goto fail;
	}
	emt_atoms_domain(&e->facts, &e->rel, EMT_ASSUMED, &e->domain[0]);
	emt_atoms_domain(&e->facts, &e->rel, EMT_KNOWN, &e->domain[1]);
	*out = e;
	return 0;
fail:
	emt_engine_free(e);
	return rc;
}

void emt_engine_free(struct emt_engine *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->room_cells; i++)
		free(e->cells[i]);
	free(e->cells);
	emt_timelines_free(&e->ts);
	emt_pv_engine_free(e->pv);
	emt_facts_free(&e->facts);
	free(e);
}

bool emt_engine_pv(const struct emt_engine *e)
{
	return e->pv;
}

const struct emt_release *emt_engine_release(const struct emt_engine *e)
{
	return &e->rel;
}

const struct emt_facts *emt_engine_facts(const struct emt_engine *e)
{
	return &e->facts;
}

/* ---- cells ---- */

static void fill_box(const struct emt_engine *e, struct emt_box *box, const struct emt_profile *g,
		     const struct emt_profile *m, unsigned int order, unsigned int k)
{
	*box = e->domain[k];
	box->a[EMT_ATOM_ORDER] = EMT_SET(order ? EMT_ORDER_ABOVE_0 : EMT_ORDER_IS_0);
	if (e->rel.era->hv == EMT_HV_KVM) {
		box->a[EMT_ATOM_GUEST] = g->guest[k];
		box->a[EMT_ATOM_NONCOHERENT] = g->nc[k];
		box->a[EMT_ATOM_MMIO] = m->mmio[k];
		return;
	}
	box->a[EMT_ATOM_PIN] = g->pin[k];
	box->a[EMT_ATOM_GUEST] = g->guest[k];
	box->a[EMT_ATOM_RO] = m->ro[k];
	box->a[EMT_ATOM_VALID] = m->valid[k];
	box->a[EMT_ATOM_SPECIAL] = m->special[k];
	box->a[EMT_ATOM_APIC] = m->apic[k];
	box->a[EMT_ATOM_HOST] = m->host[k];
}

static bool several(uint16_t set)
{
	return set & (set - 1);
}

/* Assumptions that only the entry itself supports: Xen takes w away where a device
 * frame is read-only; RAM has a page_info; 0xfee00 maps the APIC access page. */
static void assume_by_entry(const struct emt_engine *e, struct emt_cell *c, const struct emt_profile *g,
			    const struct emt_profile *m, unsigned int perm)
{
	const uint16_t mmio = EMT_SET(EMT_P2M_MMIO_DIRECT);
	struct emt_box *b = &c->held;

	if (several(b->a[EMT_ATOM_RO]) && c->types == mmio) {
		uint16_t want = EMT_SET(perm & EMT_W ? EMT_COVER_NONE : EMT_COVER_ALL);

		if (b->a[EMT_ATOM_RO] & want)
			b->a[EMT_ATOM_RO] = want;
	}
	if (several(b->a[EMT_ATOM_RO]) && !(c->types & mmio))
		b->a[EMT_ATOM_RO] = EMT_SET(EMT_COVER_NONE);
	if (several(b->a[EMT_ATOM_VALID]) && !(c->types & mmio))
		b->a[EMT_ATOM_VALID] = EMT_YES;
	if (several(b->a[EMT_ATOM_APIC]))
		b->a[EMT_ATOM_APIC] = EMT_SET(g->apic_gfn ? EMT_APIC_IS : EMT_APIC_NO);
	if (g->apic_gfn && !m->special_stated && e->rel.version >= EMT_VER(4, 15, 0))
		b->a[EMT_ATOM_SPECIAL] = SPECIAL_ALL;
}

static void find_defects(const struct emt_engine *e, struct emt_cell *c, const struct emt_profile *g,
			 const struct emt_profile *m, unsigned int order)
{
	struct emt_defect_query q = {
		.rel = &e->rel, .box = &c->held, .out = c->expected, .order = order,
		.some_invalid = m->some_invalid, .sub_guest = g->sub_guest, .sub_host = m->sub_host,
	};

	if (order && !e->rel.era->order_aware) {
		struct emt_box sub = c->held;

		sub.a[EMT_ATOM_GUEST] = g->sub_guest;
		sub.a[EMT_ATOM_HOST] = m->sub_host;
		sub.a[EMT_ATOM_PIN] = g->sub_pin;
		q.sub_out = emt_engine_eval(e, &sub);
	}
	c->defects = emt_defects_entry(&q);
}

/* What a class of vCPUs writes: its own MTRRs go with its own CR0.CD. */
static emt_outcomes kvm_class(const struct emt_engine *e, const struct emt_box *box, uint32_t class, uint16_t guest,
			      enum emt_held fix_held)
{
	struct emt_box one = *box;
	uint32_t vcpu = e->ts.class_vcpu[class];

	one.a[EMT_ATOM_GUEST] = guest;
	if (e->facts.prov[EMT_FACT_VCPU_CR0].held >= fix_held && vcpu < e->facts.nr_vcpus)
		one.a[EMT_ATOM_CD] = e->facts.vcpu_cr0[vcpu] & EMT_CR0_CD ? EMT_YES : EMT_NO;
	return emt_engine_eval(e, &one);
}

/* A cell of KVM, where neither p2m types nor pins exist. */
static void make_kvm_cell(const struct emt_engine *e, struct emt_cell *c, const struct emt_profile *g,
			  const struct emt_profile *m, unsigned int order)
{
	fill_box(e, &c->held, g, m, order, 0);
	fill_box(e, &c->free, g, m, order, 1);
	for (unsigned int i = 0; i < EMT_ATOM_NR; i++)
		c->free.a[i] |= c->held.a[i];
	for (uint32_t i = 0; i < e->ts.nr_classes; i++) {
		c->by_class[i] = kvm_class(e, &c->held, i, g->guest_class[i], EMT_ASSUMED);
		c->expected |= c->by_class[i];
		c->possible |= kvm_class(e, &c->free, i, g->guest_class[i] | g->guest_class_free[i], EMT_KNOWN);
	}
}

static void make_cell(const struct emt_engine *e, struct emt_cell *c, const struct emt_profile *g,
		      const struct emt_profile *m, unsigned int order, unsigned int perm, unsigned int p2mt)
{
	struct emt_type_evidence ev = {
		.perm = (uint8_t)perm, .order = (uint8_t)order, .ram = m->ram, .in_caps = m->in_caps,
		.apic_gfn = g->apic_gfn,
	};
	uint16_t likely, could;
	struct emt_box pinned;

	memset(c, 0, sizeof(*c));
	if (e->rel.era->hv == EMT_HV_KVM) {
		make_kvm_cell(e, c, g, m, order);
		return;
	}
	emt_infer_types(&e->rel, &ev, &likely, &could);
	if (p2mt < EMT_P2M_NR)
		likely = could = EMT_SET(p2mt);
	else if (g->type[1])
		likely = could = g->type[1];
	else if (g->type[0] & could) /* what the entry shows goes before what is assumed */
		likely = g->type[0] & could;
	c->types = likely;
	c->host_earlier = m->host_earlier;
	fill_box(e, &c->held, g, m, order, 0);
	fill_box(e, &c->free, g, m, order, 1);
	c->held.a[EMT_ATOM_TYPE] = likely;
	c->free.a[EMT_ATOM_TYPE] = could | likely;
	assume_by_entry(e, c, g, m, perm);
	for (unsigned int i = 0; i < EMT_ATOM_NR; i++)
		c->free.a[i] |= c->held.a[i];
	for (uint32_t i = 0; i < e->ts.nr_classes; i++) {
		struct emt_box one = c->held;

		one.a[EMT_ATOM_GUEST] = g->guest_class[i];
		c->by_class[i] = emt_engine_eval(e, &one);
		c->expected |= c->by_class[i];
	}
	c->possible = emt_engine_eval(e, &c->free);
	pinned = c->held;
	pinned.a[EMT_ATOM_PIN] = (1u << EMT_PIN_NR) - 1;
	c->neutral = emt_engine_eval(e, &pinned) == c->expected;
	find_defects(e, c, g, m, order);
}

static size_t slot_of(const struct emt_engine *e, uint64_t key)
{
	uint64_t h = key * 0x9e3779b97f4a7c15ull;

	return (size_t)(h >> 20) & (e->room_cells - 1);
}

static bool grow(struct emt_engine *e)
{
	size_t old_room = e->room_cells, room = old_room ? old_room * 2 : 256;
	struct emt_cell **old = e->cells, **v = calloc(room, sizeof(*v));

	if (!v)
		return false;
	e->cells = v;
	e->room_cells = room;
	for (size_t i = 0; i < old_room; i++) {
		size_t s;

		if (!old[i])
			continue;
		for (s = slot_of(e, old[i]->key); v[s]; s = (s + 1) & (room - 1))
			;
		v[s] = old[i];
	}
	free(old);
	return true;
}

struct emt_cell *emt_engine_cell(struct emt_engine *e, const struct emt_where *w, uint64_t *gend, uint64_t *mend)
{
	unsigned int oi = emt_order_index(w->order);
	struct emt_timeline *gt = &e->ts.t[EMT_SPACE_GFN][oi], *mt = &e->ts.t[EMT_SPACE_MFN][oi];
	uint64_t mfn = w->mfn & FRAME_BITS, key;
	size_t gs, ms, s;
	struct emt_cell *c;

	if (w->gfn >= e->ts.limit[EMT_SPACE_GFN] || mfn >= e->ts.limit[EMT_SPACE_MFN]) {
		struct emt_profile g, m;

		emt_profile_at(&e->facts, &e->rel, &e->ts, EMT_SPACE_GFN, w->gfn, w->order, &g);
		emt_profile_at(&e->facts, &e->rel, &e->ts, EMT_SPACE_MFN, mfn, w->order, &m);
		make_cell(e, &e->scratch, &g, &m, w->order, w->perm, w->p2mt);
		*gend = w->gfn + (1ull << w->order);
		*mend = w->mfn + (1ull << w->order);
		return &e->scratch;
	}
	gs = emt_timeline_find(gt, w->gfn);
	ms = emt_timeline_find(mt, mfn);
	*gend = emt_segment_end(gt, gs);
	*mend = emt_segment_end(mt, ms);
	if (*gend > e->ts.limit[EMT_SPACE_GFN])
		*gend = e->ts.limit[EMT_SPACE_GFN];
	if (*mend > e->ts.limit[EMT_SPACE_MFN])
		*mend = e->ts.limit[EMT_SPACE_MFN];
	key = (uint64_t)gt->seg[gs].profile << 38 | (uint64_t)mt->seg[ms].profile << 12 | oi << 10 |
		w->perm << 7 | (w->p2mt < EMT_P2M_NR ? w->p2mt : 31) << 1 | 1;
	if (e->last && e->last->key == key)
		return e->last;
	if (e->nr_cells * 2 >= e->room_cells && !grow(e))
		return NULL;
	for (s = slot_of(e, key); e->cells[s]; s = (s + 1) & (e->room_cells - 1))
		if (e->cells[s]->key == key)
			return e->last = e->cells[s];
	c = malloc(sizeof(*c));
	if (!c)
		return NULL;
	make_cell(e, c, &gt->prof[gt->seg[gs].profile], &mt->prof[mt->seg[ms].profile], w->order, w->perm, w->p2mt);
	c->key = key;
	e->cells[s] = c;
	e->nr_cells++;
	return e->last = c;
}

void emt_engine_expect(struct emt_engine *e, uint64_t gfn, uint64_t mfn, unsigned int order, unsigned int perm,
		       unsigned int p2mt, emt_outcomes *expected, emt_outcomes *possible)
{
	struct emt_where w = { gfn, mfn, order, perm, p2mt };
	uint64_t gend, mend;
	const struct emt_cell *c = emt_engine_cell(e, &w, &gend, &mend);

	*expected = c ? c->expected : 0xffff;
	*possible = c ? c->possible : 0xffff;
}

unsigned int emt_inherited_from(struct emt_engine *e, const struct emt_where *w, unsigned int obs)
{
	for (unsigned int order = w->order + 9; order <= EMT_ORDER_1G; order += 9) {
		uint64_t mask = (1ull << order) - 1, gend, mend;
		struct emt_where up = *w;
		const struct emt_cell *c;

		if ((w->gfn ^ w->mfn) & mask)
			continue; /* frames are not laid out as in one superpage */
		up.gfn &= ~mask;
		up.mfn &= ~mask;
		up.order = order;
		c = emt_engine_cell(e, &up, &gend, &mend);
		if (c && c->expected & 1u << obs)
			return order;
	}
	return 0;
}

/* ---- runs ---- */

/* What an entry shows by itself; false when the policy has to be asked. */
static bool by_itself(const struct emt_engine *e, const struct emt_run *run, struct emt_piece *p)
{
	p->verdict = EMT_V_OK;
	if (run->flags & EMT_RUN_INTERMEDIATE) {
		if (!run->perm)
			p->verdict = EMT_V_NOT_PRESENT;
		else if (run->emt == EMT_MT_7 && e->rel.era->lazy)
			p->verdict = EMT_V_PENDING;
		else if (run->emt) {
			p->verdict = EMT_V_MISCONFIGURED;
			p->why = EMT_WHY_INTERMEDIATE;
		}
		return true;
	}
	if (run->flags & EMT_RUN_POD || !run->perm) {
		p->verdict = EMT_V_NOT_PRESENT;
		return true;
	}
	/* 110: KVM's mark for emulated MMIO, a misconfiguration on purpose */
	if (e->rel.era->hv == EMT_HV_KVM && run->perm == (EMT_W | EMT_X)) {
		p->verdict = EMT_V_NOT_PRESENT;
		return true;
	}
	if ((run->perm & (EMT_R | EMT_W)) == EMT_W) {
		p->verdict = EMT_V_MISCONFIGURED;
		p->why = EMT_WHY_WRITE_ONLY;
		return true;
	}
	if (run->flags & EMT_RUN_NO_TYPE) {
		p->verdict = EMT_V_UNDETERMINED;
		p->why = EMT_WHY_NO_TYPE;
		return true;
	}
	if (run->flags & EMT_RUN_PENDING_ABOVE || (run->emt == EMT_MT_7 && e->rel.era->lazy)) {
		p->verdict = EMT_V_PENDING;
		return true;
	}
	if (run->emt == EMT_MT_RSVD2 || run->emt == EMT_MT_RSVD3 ||
	    (run->emt == EMT_MT_7 && e->rel.era->hv == EMT_HV_KVM)) {
		p->verdict = EMT_V_MISCONFIGURED;
		p->why = EMT_WHY_EMT_RESERVED;
		return true;
	}
	if (run->emt == EMT_MT_7) {
		p->verdict = EMT_V_MISCONFIGURED;
		p->why = EMT_WHY_EMT7_OLD;
		return true;
	}
	return false;
}

static bool asks_position(enum emt_verdict v)
{
	return v == EMT_V_STALE || v == EMT_V_SUSPECT || v == EMT_V_UNSPLIT || v == EMT_V_MISMATCH;
}

/* KD10 leaves only 4 KiB pages behind: could they have been one special superpage? */
static bool was_special_superpage(struct emt_engine *e, const struct emt_where *w, const struct emt_cell *cell)
{
	struct emt_where up = *w;
	uint64_t gend, mend;
	const struct emt_cell *c;

	if (w->order || cell->held.a[EMT_ATOM_SPECIAL] != SPECIAL_ALL || ((w->gfn ^ w->mfn) & 511) ||
	    !(emt_defects_of(&e->rel) & 1u << emt_defect_by_id("KD10")))
		return false;
	up.gfn &= ~511ull;
	up.mfn &= ~511ull;
	up.order = EMT_ORDER_2M;
	c = emt_engine_cell(e, &up, &gend, &mend);
	return c && c->held.a[EMT_ATOM_SPECIAL] == SPECIAL_ALL;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Entries from 'at' to the end of its 2 MiB (1 GiB for a 2 MiB entry) unit. */
static uint64_t to_unit_end(uint64_t gfn, unsigned int order)
{
	unsigned int up = order + 9;

	return ((1ull << up) - (gfn & ((1ull << up) - 1))) >> order;
}

int emt_engine_run(struct emt_engine *e, const struct emt_run *run, emt_piece_cb cb, void *arg)
{
	struct emt_piece p = { .run = *run };
	unsigned int obs = EMT_OUT(run->emt, run->ipat);
	bool decided = by_itself(e, run, &p);
	uint64_t left = run->count;
	struct emt_where w = { run->gfn, run->mfn, run->order, run->perm, run->p2mt };

	if (e->pv)
		return emt_pv_engine_run(e->pv, run, cb, arg);
	if (run->order > EMT_ORDER_1G || p.verdict == EMT_V_NOT_PRESENT || run->flags & EMT_RUN_INTERMEDIATE)
		return cb(&p, arg);
	while (left) {
		uint64_t gend, mend, n;
		struct emt_cell *c = emt_engine_cell(e, &w, &gend, &mend);
		struct emt_judged *j;
		int rc;

		if (!c)
			return EMT_E_NOMEM;
		n = least((gend - w.gfn) >> w.order, (mend - (w.mfn & FRAME_BITS)) >> w.order);
		n = least(left, n ? n : 1);
		if (!decided) {
			j = &c->judged[obs];
			if (!j->done)
				emt_judge(e, c, obs, w.perm, w.order, j);
			p.verdict = (enum emt_verdict)j->verdict;
			p.why = (enum emt_reason)j->why;
			p.facts = j->facts;
			if (p.verdict == EMT_V_OK && run->flags & EMT_RUN_RECALC) {
				p.verdict = EMT_V_MISCONFIGURED;
				p.why = EMT_WHY_RECALC;
			}
		}
		p.expected = c->expected;
		p.possible = c->possible;
		p.defects = c->defects;
		p.types = c->types;
		p.neutral = c->neutral;
		if (was_special_superpage(e, &w, c)) {
			n = least(n, to_unit_end(w.gfn, w.order));
			p.defects |= 1u << emt_defect_by_id("KD10");
		}
		if (asks_position(p.verdict) && w.order < EMT_ORDER_1G && p.why != EMT_WHY_HOST_MTRR) {
			unsigned int from = emt_inherited_from(e, &w, obs);

			n = least(n, to_unit_end(w.gfn, w.order));
			if (from) {
				p.verdict = EMT_V_INHERITED;
				p.why = from == EMT_ORDER_2M ? EMT_WHY_SPLIT_2M : EMT_WHY_SPLIT_1G;
				p.facts = 0;
			}
		}
		p.run.gfn = w.gfn;
		p.run.mfn = w.mfn;
		p.run.count = n;
		rc = cb(&p, arg);
		if (rc)
			return rc;
		left -= n;
		w.gfn += n << w.order;
		w.mfn += w.mfn == EMT_NO_FRAME ? 0 : n << w.order;
	}
	return 0;
}
