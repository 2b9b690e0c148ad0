/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/special.h"

#include "audit/engine.h"
#include "policy/atoms.h"
#include "policy/effective.h"
#include "policy/infer.h"

static const struct {
	const char *name, *text;
} kinds[EMT_SP_NR] = {
	[EMT_SP_XENHEAP] = { "xen-heap", "shared info, grant table or status frames" },
	[EMT_SP_EXTRA] = { "extra", "a page that Xen keeps for the domain" },
	[EMT_SP_APIC] = { "apic-access", "the APIC access page" },
	[EMT_SP_GRANT] = { "grant", "another domain's page, by a grant" },
	[EMT_SP_FOREIGN] = { "foreign", "another domain's page, as foreign memory" },
};

const char *emt_special_what_name(unsigned int what)
{
	return what < EMT_SP_NR ? kinds[what].name : "?";
}

const char *emt_special_what_text(unsigned int what)
{
	return what < EMT_SP_NR ? kinds[what].text : "?";
}

const char *emt_special_cached_name(unsigned int cached)
{
	static const char *const names[] = { "yes", "no", "pending", "undetermined" };

	return cached < EMT_ARRAY_SIZE(names) ? names[cached] : "?";
}

/* Asked for WB, what does the CPU use? */
static bool caches(unsigned int outcome)
{
	unsigned int mt = emt_effective(outcome >> 1, outcome & 1, EMT_MT_WB, false);

	return mt == EMT_MT_WB || mt == EMT_MT_WT || mt == EMT_MT_WP;
}

static enum emt_special_cached by_set(emt_outcomes set)
{
	unsigned int yes = 0, no = 0;

	for (unsigned int o = 0; o < EMT_OUT_SPLIT; o++) {
		if (!(set & 1u << o))
			continue;
		yes += caches(o);
		no += !caches(o);
	}
	if (set & (EMT_SPLIT_BIT | EMT_T7_BIT) || !yes == !no)
		return EMT_SPC_OPEN;
	return yes ? EMT_SPC_YES : EMT_SPC_NO;
}

static enum emt_special_cached as_it_is(const struct emt_piece *p)
{
	if (p->run.flags & EMT_RUN_NO_TYPE)
		return EMT_SPC_OPEN;
	if (p->verdict == EMT_V_PENDING)
		return EMT_SPC_PENDING;
	return caches(EMT_OUT(p->run.emt, p->run.ipat)) ? EMT_SPC_YES : EMT_SPC_NO;
}

static uint16_t guest_types(const struct emt_engine *e, uint64_t gfn)
{
	uint16_t set = 0;

	for (uint32_t v = 0; v < e->facts.nr_vcpus; v++)
		set |= emt_atom_guest(&e->facts, &e->rel, v, gfn, 0, EMT_ASSUMED);
	return e->facts.nr_vcpus ? set : emt_atom_guest(&e->facts, &e->rel, 0, gfn, 0, EMT_ASSUMED);
}

struct found {
	struct emt_engine *e;
	const struct emt_piece *p;
	struct emt_special_page held;
	int (*cb)(const struct emt_special_page *s, void *arg);
	void *arg;
};

static int give(struct found *x, const struct emt_special_page *s)
{
	int rc = 0;

	if (x->held.frames && emt_special_join(&x->held, s))
		return 0;
	if (x->held.frames)
		rc = x->cb(&x->held, x->arg);
	x->held = *s;
	return rc;
}

/* One frame: the guest's MTRRs are its own. */
static int give_frame(struct found *x, enum emt_special_what what, uint64_t at)
{
	const struct emt_piece *p = x->p;
	struct emt_special_page s = {
		.what = what, .run = p->run, .gfn = p->run.gfn + at, .mfn = p->run.mfn + at, .frames = 1,
		.certain = what <= EMT_SP_EXTRA || !(p->types & (p->types - 1)), .verdict = p->verdict,
		.expected = p->expected, .defects = p->defects, .cached = as_it_is(p), .by_rule = by_set(p->expected),
	};

	s.guest = guest_types(x->e, s.gfn);
	s.hole = s.guest == EMT_SET(EMT_MV_UC);
	return give(x, &s);
}

int emt_special_of(struct emt_engine *e, const struct emt_piece *p,
		   int (*cb)(const struct emt_special_page *s, void *arg), void *arg)
{
	const uint16_t grants = EMT_SET(EMT_P2M_GRANT_RW) | EMT_SET(EMT_P2M_GRANT_RO);
	const uint16_t foreign = EMT_SET(EMT_P2M_FOREIGN);
	const struct emt_ranges *sp = &e->facts.special;
	struct found x = { .e = e, .p = p, .cb = cb, .arg = arg };
	uint64_t frames = emt_run_frames(&p->run), last = p->run.mfn + frames - 1;
	int rc = 0;

	if (p->verdict == EMT_V_NOT_PRESENT || p->run.flags & (EMT_RUN_INTERMEDIATE | EMT_RUN_POD) ||
	    p->run.mfn == EMT_NO_FRAME)
		return 0;
	if (p->types && !(p->types & ~(grants | foreign))) {
		for (uint64_t at = 0; at < frames && !rc; at++)
			rc = give_frame(&x, p->types & grants ? EMT_SP_GRANT : EMT_SP_FOREIGN, at);
	} else if (p->run.gfn == EMT_APIC_GFN && p->types & EMT_SET(EMT_P2M_MMIO_DIRECT) &&
		   !emt_ranges_find(&e->facts.iomem_caps, p->run.mfn)) {
		rc = give_frame(&x, EMT_SP_APIC, 0);
	} else {
		for (size_t i = emt_ranges_from(sp, p->run.mfn); i < sp->n && sp->v[i].first <= last && !rc; i++) {
			uint64_t a = sp->v[i].first > p->run.mfn ? sp->v[i].first : p->run.mfn;
			uint64_t b = sp->v[i].last < last ? sp->v[i].last : last;

			for (; a <= b && !rc; a++)
				rc = give_frame(&x, sp->v[i].tag == EMT_SPECIAL_EXTRA ? EMT_SP_EXTRA :
						EMT_SP_XENHEAP, a - p->run.mfn);
		}
	}
	return rc || !x.held.frames ? rc : cb(&x.held, arg);
}

bool emt_special_join(struct emt_special_page *s, const struct emt_special_page *next)
{
	const struct emt_run *a = &s->run, *b = &next->run;

	/* frames of the Xen heap seldom follow each other: what follows is the gfn */
	if (s->gfn + s->frames != next->gfn || s->what != next->what || s->guest != next->guest ||
	    s->verdict != next->verdict || s->expected != next->expected || s->defects != next->defects ||
	    s->cached != next->cached || s->certain != next->certain || a->order != b->order || a->emt != b->emt ||
	    a->ipat != b->ipat || a->flags != b->flags)
		return false;
	s->frames += next->frames;
	return true;
}
