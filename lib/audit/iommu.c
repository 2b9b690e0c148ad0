/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/iommu.h"

#include <stdlib.h>
#include <string.h>

#include "audit/typed.h"
#include "policy/atoms.h"
#include "policy/infer.h"

#define MAX_FINDINGS 512
#define RW (EMT_R | EMT_W)
#define NOT_TOLD 0xff
#define NONE_BIT 1u /* the set of permissions that holds "none" alone */

struct emt_iommu_audit {
	struct emt_iommu_audit_opts o;
	struct emt_iommu_finding *v; /* room for MAX_FINDINGS */
	size_t n, last;
	size_t at;                   /* in the table */
	uint64_t next;               /* first dfn not yet looked at */
	struct emt_iommu_summary sum;
};

/* One stretch of frames on which both sides are one run. */
struct stretch {
	uint64_t first, last;
	const struct emt_run *run;       /* NULL: the p2m has nothing */
	const struct emt_dfn_run *table; /* NULL: devices reach nothing */
};

const char *emt_iommu_kind_name(unsigned int kind)
{
	static const char *const names[EMT_IOMMU_KIND_NR] = { "iommu-stale", "iommu-missing", "iommu-permission" };

	return kind < EMT_IOMMU_KIND_NR ? names[kind] : "?";
}

int emt_iommu_audit_new(struct emt_iommu_audit **out, const struct emt_iommu_audit_opts *opts)
{
	struct emt_iommu_audit *a = calloc(1, sizeof(*a));

	*out = NULL;
	if (a)
		a->v = calloc(MAX_FINDINGS, sizeof(*a->v));
	if (!a || !a->v) {
		free(a);
		return EMT_E_NOMEM;
	}
	a->o = *opts;
	*out = a;
	return 0;
}

void emt_iommu_audit_free(struct emt_iommu_audit *a)
{
	if (a)
		free(a->v);
	free(a);
}

/* ---- what is right ---- */

struct expected {
	uint16_t types;         /* possible */
	uint8_t likely, possible; /* sets of permissions */
};

static uint8_t perms_of(const struct emt_iommu_audit *a, const struct emt_run *run, uint16_t types)
{
	uint8_t set = 0;

	for (unsigned int t = 0; t < EMT_P2M_NR; t++) {
		bool ro = t == EMT_P2M_MMIO_DIRECT && !(run->perm & EMT_W);
		unsigned int access = run->access == 0xff ? EMT_ACCESS_RWX : run->access;

		if (types >> t & 1)
			set |= (uint8_t)(1u << emt_fl_iommu_perm(a->o.rel, t, access, ro));
	}
	return set;
}

static struct expected expect(const struct emt_iommu_audit *a, const struct stretch *s)
{
	const struct emt_run *run = s->run;
	struct expected e = { 0, NONE_BIT, NONE_BIT };
	struct emt_type_evidence ev;
	uint64_t first, last;
	uint16_t likely;

	if (!run || run->mfn == EMT_NO_FRAME || (run->flags & EMT_RUN_POD))
		return e;
	if (run->p2mt < EMT_P2M_NR) {
		e.types = EMT_SET(run->p2mt);
		e.likely = e.possible = perms_of(a, run, e.types);
		return e;
	}
	if (!run->perm)
		return e; /* ballooned, paged or device model's: none is a device's */
	first = run->mfn + (s->first - run->gfn);
	last = first + (s->last - s->first);
	ev = (struct emt_type_evidence){
		.perm = run->perm, .order = run->order, .ram = emt_host_ram(a->o.facts, first, last),
		.in_caps = emt_cover(&a->o.facts->iomem_caps, &a->o.facts->prov[EMT_FACT_IOMEM_CAPS], first, last,
				     EMT_ASSUMED) == EMT_SET(EMT_COVER_ALL),
		.apic_gfn = s->first <= EMT_APIC_GFN && s->last >= EMT_APIC_GFN,
	};
	emt_infer_types(a->o.rel, &ev, &likely, &e.types);
	e.likely = perms_of(a, run, likely);
	e.possible = perms_of(a, run, e.types);
	return e;
}

/* ---- findings ---- */

static enum emt_severity stale_severity(const struct emt_iommu_finding *f)
{
	bool write = f->actual & EMT_W; /* what is not told may be writable */

	switch (f->owner) {
	case EMT_FRAME_OTHER:
	case EMT_FRAME_XEN:
	case EMT_FRAME_FREE: return write ? EMT_SEV_CRITICAL : EMT_SEV_ERROR;
	case EMT_FRAME_THIS: return write ? EMT_SEV_WARNING : EMT_SEV_NOTICE;
	case EMT_FRAME_DEVICE: return EMT_SEV_WARNING;
	default: return write ? EMT_SEV_ERROR : EMT_SEV_WARNING;
	}
}

static enum emt_severity severity(const struct emt_iommu_finding *f)
{
	uint8_t allowed = 0;

	if (!f->certain)
		return EMT_SEV_NOTICE;
	if (f->kind == EMT_IOMMU_STALE)
		return stale_severity(f);
	if (f->kind == EMT_IOMMU_MISSING) /* device memory: for devices talking to each other */
		return f->types == EMT_SET(EMT_P2M_MMIO_DIRECT) ? EMT_SEV_NOTICE : EMT_SEV_WARNING;
	for (unsigned int p = 0; p < 4; p++)
		if (f->expected >> p & 1)
			allowed |= (uint8_t)p;
	return f->actual & ~allowed & EMT_W ? EMT_SEV_ERROR : EMT_SEV_WARNING;
}

static bool same(const struct emt_iommu_finding *x, const struct emt_iommu_finding *y)
{
	return x->kind == y->kind && x->certain == y->certain && x->other_frame == y->other_frame &&
	       x->actual == y->actual && x->expected == y->expected && x->types == y->types &&
	       x->owner == y->owner && x->owner_domid == y->owner_domid && x->owner_known == y->owner_known;
}

static void add(struct emt_iommu_audit *a, const struct emt_iommu_finding *f, uint64_t first, uint64_t last)
{
	uint64_t frames = last - first + 1;
	size_t i = a->last;

	a->sum.bad[f->kind] += frames;
	if (i >= a->n || !same(&a->v[i], f))
		for (i = 0; i < a->n && !same(&a->v[i], f);)
			i++;
	if (i == MAX_FINDINGS) {
		a->sum.overflow += frames;
		return;
	}
	if (i == a->n)
		a->v[a->n++] = *f;
	a->last = i;
	emt_spans_add(&a->v[i].at, first, last, frames);
}

/* Frames that devices reach without right: cut by whose they are. */
static void stale(struct emt_iommu_audit *a, const struct stretch *s, struct emt_iommu_finding *f)
{
	uint64_t mfn = s->table->mfn + (s->first - s->table->dfn), from = s->first;
	struct emt_iommu_finding part = *f;

	for (uint64_t dfn = s->first; dfn <= s->last; dfn++, mfn++) {
		struct emt_iommu_finding one = *f;
		uint32_t domid = UINT32_MAX;

		one.first_mfn = mfn;
		one.owner = a->o.owner ? a->o.owner(a->o.owner_arg, mfn, &domid) : EMT_FRAME_UNKNOWN;
		if (one.owner == EMT_FRAME_UNKNOWN && emt_host_ram(a->o.facts, mfn, mfn) == EMT_NO)
			one.owner = EMT_FRAME_DEVICE;
		one.owner_domid = one.owner == EMT_FRAME_OTHER ? domid : 0;
		one.owner_known = one.owner == EMT_FRAME_OTHER && domid != UINT32_MAX;
		if (dfn == s->first) {
			part = one;
		} else if (!same(&part, &one)) {
			add(a, &part, from, dfn - 1);
			part = one;
			from = dfn;
		}
	}
	add(a, &part, from, s->last);
}

static void judge(struct emt_iommu_audit *a, const struct stretch *s)
{
	struct expected e = expect(a, s);
	uint64_t frames = s->last - s->first + 1;
	uint64_t there = s->table ? s->table->mfn + (s->first - s->table->dfn) : EMT_NO_FRAME;
	uint64_t want = s->run && s->run->mfn != EMT_NO_FRAME ? s->run->mfn + (s->first - s->run->gfn) : EMT_NO_FRAME;
	uint8_t actual = s->table ? s->table->perm : 0;
	struct emt_iommu_finding f = { .actual = actual, .expected = e.possible, .types = e.types, .certain = true };
	bool given = e.possible & ~NONE_BIT;

	if (given)
		a->sum.p2m_frames += frames;
	if (actual)
		a->sum.iommu_frames += frames;
	if (!actual) {
		if (!given || e.likely & NONE_BIT) {
			a->sum.ok += given ? frames : 0;
			return;
		}
		f.kind = EMT_IOMMU_MISSING;
		f.certain = !(e.possible & NONE_BIT);
		f.first_mfn = want;
		add(a, &f, s->first, s->last);
		return;
	}
	if (!given || there != want) {
		f.kind = EMT_IOMMU_STALE;
		f.other_frame = given;
		stale(a, s, &f);
		return;
	}
	if (actual == NOT_TOLD || e.likely >> actual & 1) {
		a->sum.ok += frames;
	} else if (e.possible >> actual & 1) {
		a->sum.ok += frames;
		a->sum.undetermined += frames;
	} else {
		f.kind = EMT_IOMMU_PERMISSION;
		f.first_mfn = there;
		add(a, &f, s->first, s->last);
	}
}

/* ---- the merge ---- */

/* Up to 'last', with 'run' or without: stretch by stretch of the table. */
static void advance(struct emt_iommu_audit *a, const struct emt_run *run, uint64_t last)
{
	while (a->next <= last) {
		struct stretch s = { .first = a->next, .last = last, .run = run };
		const struct emt_dfn_run *t;

		while (a->at < a->o.nr_table && a->o.table[a->at].dfn + a->o.table[a->at].frames <= a->next)
			a->at++;
		t = a->at < a->o.nr_table ? &a->o.table[a->at] : NULL;
		if (t && t->dfn <= s.first) {
			s.table = t;
			if (t->dfn + t->frames - 1 < s.last)
				s.last = t->dfn + t->frames - 1;
		} else if (t && t->dfn <= s.last) {
			s.last = t->dfn - 1;
		}
		if (s.run || s.table)
			judge(a, &s);
		if (s.last == EMT_NO_FRAME)
			return;
		a->next = s.last + 1;
	}
}

static int one_run(const struct emt_run *run, void *arg)
{
	struct emt_iommu_audit *a = arg;

	if (run->flags & EMT_RUN_INTERMEDIATE || !run->count || emt_run_last(run) < a->next)
		return 0;
	if (run->gfn > a->next)
		advance(a, NULL, run->gfn - 1);
	advance(a, run, emt_run_last(run));
	return 0;
}

int emt_iommu_audit_run(struct emt_iommu_audit *a, const struct emt_run *run)
{
	return emt_typed_run(a->o.facts, run, one_run, a);
}

static int by_weight(const void *x, const void *y)
{
	const struct emt_iommu_finding *a = x, *b = y;

	if (a->severity != b->severity)
		return (int)b->severity - (int)a->severity;
	if (a->at.frames != b->at.frames)
		return a->at.frames > b->at.frames ? -1 : 1;
	return a->at.v[0].first < b->at.v[0].first ? -1 : a->at.v[0].first > b->at.v[0].first;
}

int emt_iommu_audit_finish(struct emt_iommu_audit *a)
{
	if (a->o.nr_table) {
		const struct emt_dfn_run *t = &a->o.table[a->o.nr_table - 1];

		advance(a, NULL, t->dfn + t->frames - 1);
	}
	for (size_t i = 0; i < a->n; i++)
		a->v[i].severity = severity(&a->v[i]);
	qsort(a->v, a->n, sizeof(*a->v), by_weight);
	return 0;
}

size_t emt_iommu_audit_count(const struct emt_iommu_audit *a)
{
	return a->n;
}

const struct emt_iommu_finding *emt_iommu_audit_get(const struct emt_iommu_audit *a, size_t i)
{
	return i < a->n ? &a->v[i] : NULL;
}

const struct emt_iommu_summary *emt_iommu_audit_summary(const struct emt_iommu_audit *a)
{
	return &a->sum;
}
