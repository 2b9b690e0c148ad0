/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "policy/infer.h"
#include "policy/mtrr.h"

/* Segments are listed up to here unless a mask is odd; above, the last one holds. */
#define SPACE_LIMIT (1ull << 40)
#define BUCKETS_MIN 8192u
#define BUCKETS_MAX (1u << 20)

static const enum emt_held level[2] = { EMT_ASSUMED, EMT_KNOWN };

static void kvm_gfn_profile(const struct emt_facts *f, const struct emt_release *rel, const struct emt_timelines *ts,
			    uint64_t gfn, unsigned int order, struct emt_profile *p)
{
	for (unsigned int k = 0; k < 2; k++) {
		p->nc[k] = emt_atom_kvm_noncoherent(f, rel, gfn, level[k]);
		for (uint32_t c = 0; c < ts->nr_classes; c++) {
			uint16_t g = emt_atom_kvm_guest(f, ts->class_vcpu[c], gfn, order, level[k]);

			p->guest[k] |= g;
			(k ? p->guest_class_free : p->guest_class)[c] = (uint8_t)g;
		}
	}
}

static void gfn_profile(const struct emt_facts *f, const struct emt_release *rel, const struct emt_timelines *ts,
			uint64_t gfn, unsigned int order, unsigned int eff, struct emt_profile *p)
{
	for (unsigned int k = 0; k < 2; k++) {
		p->pin[k] = emt_atom_pin(f, gfn, eff, level[k]);
		p->guest[k] = 0;
		for (uint32_t c = 0; c < ts->nr_classes; c++) {
			uint16_t g = emt_atom_guest(f, rel, ts->class_vcpu[c], gfn, eff, level[k]);

			p->guest[k] |= g;
			if (!k)
				p->guest_class[c] = (uint8_t)g;
		}
	}
	if (f->p2m_types.n) {
		const struct emt_range *r = emt_ranges_find(&f->p2m_types, gfn);

		/* an entry has one type: what its first gfn is said to have */
		if (r && r->held >= EMT_ASSUMED)
			p->type[0] = EMT_SET(r->tag & 15);
		if (r && r->held >= EMT_KNOWN)
			p->type[1] = EMT_SET(r->tag & 15);
	}
	p->apic_gfn = !order && gfn == EMT_APIC_GFN;
}

static void mfn_profile(const struct emt_facts *f, const struct emt_release *rel, uint64_t mfn, unsigned int order,
			unsigned int eff, struct emt_profile *p)
{
	uint64_t last = mfn | ((1ull << order) - 1);
	uint16_t caps;

	for (unsigned int k = 0; k < 2; k++) {
		p->ro[k] = emt_atom_ro(f, mfn, eff, level[k]);
		p->valid[k] = emt_atom_valid(f, mfn, level[k]);
		p->special[k] = emt_atom_special(f, rel, mfn, eff, level[k]);
		p->apic[k] = emt_atom_apic(f, mfn, eff, level[k]);
		p->host[k] = emt_atom_host(f, mfn, eff, level[k]);
	}
	for (uint32_t i = 0; i < f->nr_host_earlier; i++)
		p->host_earlier |= emt_mtrr_lookup(&f->host_earlier[i], mfn, eff, EMT_ASSUMED);
	p->ram = emt_host_ram(f, mfn, last);
	caps = emt_cover(&f->iomem_caps, &f->prov[EMT_FACT_IOMEM_CAPS], mfn, last, EMT_ASSUMED);
	p->in_caps = caps == EMT_SET(EMT_COVER_ALL);
	p->special_stated = f->prov[EMT_FACT_SPECIAL].rest >= EMT_KNOWN || emt_ranges_find(&f->special, mfn);
	p->some_invalid = order && emt_cover(&f->valid, &f->prov[EMT_FACT_VALID], mfn, last, EMT_ASSUMED) ==
		EMT_SET(EMT_COVER_SOME);
}

void emt_profile_at(const struct emt_facts *f, const struct emt_release *rel, const struct emt_timelines *ts,
		    enum emt_space space, uint64_t frame, unsigned int order, struct emt_profile *p)
{
	unsigned int eff = rel->era->order_aware ? order : 0;

	memset(p, 0, sizeof(*p));
	if (rel->era->hv == EMT_HV_KVM) {
		if (space == EMT_SPACE_GFN)
			kvm_gfn_profile(f, rel, ts, frame, order, p);
		else
			for (unsigned int k = 0; k < 2; k++)
				p->mmio[k] = emt_atom_kvm_mmio(f, frame, level[k]);
		return;
	}
	if (space == EMT_SPACE_GFN)
		gfn_profile(f, rel, ts, frame, order, eff, p);
	else
		mfn_profile(f, rel, frame, order, eff, p);
}

/* ---- boundaries ---- */

struct adder {
	struct emt_timeline *t;
	unsigned int order;
	uint64_t limit;
};

static void push(struct emt_timeline *t, uint64_t frame)
{
	if (t->nr_bounds == t->room_bounds) {
		size_t room = t->room_bounds ? t->room_bounds * 2 : 1024;
		uint64_t *v = realloc(t->bounds, room * sizeof(*v));

		if (!v) {
			t->failed = true;
			return;
		}
		t->bounds = v;
		t->room_bounds = room;
	}
	t->bounds[t->nr_bounds++] = frame;
}

/* Something changes at 'frame': the unit that holds it stands alone. */
static void add_bound(uint64_t frame, void *arg)
{
	struct adder *a = arg;
	uint64_t unit = 1ull << a->order, down = frame & ~(unit - 1);

	if (down >= a->limit)
		return;
	push(a->t, down);
	if (down != frame || unit == 1)
		push(a->t, down + unit);
}

static void add_range(struct adder *a, uint64_t first, uint64_t last)
{
	add_bound(first, a);
	if (last != EMT_NO_FRAME)
		add_bound(last + 1, a);
}

static void add_list(struct adder *a, const struct emt_facts *f, enum emt_fact_id id)
{
	const struct emt_ranges *r = emt_facts_clist(f, id);

	for (size_t i = 0; i < r->n; i++)
		add_range(a, r->v[i].first, r->v[i].last);
	add_range(a, f->prov[id].first, f->prov[id].last);
}

/* Lowest frame number at which a mask's own width ends: beyond it the range repeats. */
static uint64_t mask_limit(const struct emt_mtrr *m, uint64_t limit)
{
	for (unsigned int i = 0; i < m->vcnt && i < EMT_MTRR_VAR_MAX; i++) {
		uint64_t mask = (m->var[i][1] & 0x000ffffffffff000ull) >> 12;

		if (!(m->var[i][1] & 0x800) || !mask)
			continue;
		for (unsigned int s = 1; s < 64; s <<= 1)
			mask |= mask >> s;
		if (mask + 1 < limit)
			limit = mask + 1;
	}
	return limit;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* ---- building ---- */

static uint32_t intern_profile(struct emt_timeline *t, const struct emt_profile *p)
{
	for (uint32_t i = t->nr_prof; i-- > 0;)
		if (!memcmp(&t->prof[i], p, sizeof(*p)))
			return i;
	if (t->nr_prof == t->room_prof) {
		uint32_t room = t->room_prof ? t->room_prof * 2 : 32;
		struct emt_profile *v = realloc(t->prof, room * sizeof(*v));

		if (!v) {
			t->failed = true;
			return 0;
		}
		t->prof = v;
		t->room_prof = room;
	}
	t->prof[t->nr_prof] = *p;
	return t->nr_prof++;
}

static void add_segment(struct emt_timeline *t, uint64_t first, uint32_t profile)
{
	if (t->nr_seg && t->seg[t->nr_seg - 1].profile == profile)
		return;
	if (t->nr_seg == t->room_seg) {
		size_t room = t->room_seg ? t->room_seg * 2 : 256;
		struct emt_segment *v = realloc(t->seg, room * sizeof(*v));

		if (!v) {
			t->failed = true;
			return;
		}
		t->seg = v;
		t->room_seg = room;
	}
	t->seg[t->nr_seg++] = (struct emt_segment){ first, profile };
}

static void make_buckets(struct emt_timeline *t)
{
	uint64_t top = t->seg[t->nr_seg - 1].first, want = BUCKETS_MIN;
	size_t s = 0;

	/* a few for each segment, so that a bucket seldom holds more than one */
	while (want < 4 * t->nr_seg && want < BUCKETS_MAX)
		want *= 2;
	t->shift = 0;
	while (top >> t->shift >= want)
		t->shift++;
	t->nr_buckets = (uint32_t)(top >> t->shift) + 1;
	t->bucket = malloc((t->nr_buckets + 1) * sizeof(*t->bucket));
	if (!t->bucket) {
		t->failed = true;
		return;
	}
	for (uint32_t b = 0; b < t->nr_buckets; b++) {
		while (s + 1 < t->nr_seg && t->seg[s + 1].first <= (uint64_t)b << t->shift)
			s++;
		t->bucket[b] = (uint32_t)s;
	}
	t->bucket[t->nr_buckets] = (uint32_t)(t->nr_seg - 1);
}

/* What the 4 KiB pages of the unit at 'first' have. */
static void sub_types(const struct emt_timeline *small, enum emt_space space, uint64_t first, unsigned int order,
		      struct emt_profile *p)
{
	uint64_t end = first + (1ull << order);
	size_t i = emt_timeline_find((struct emt_timeline *)small, first);

	for (; i < small->nr_seg && small->seg[i].first < end; i++) {
		const struct emt_profile *s = &small->prof[small->seg[i].profile];

		if (space == EMT_SPACE_GFN) {
			p->sub_guest |= s->guest[0];
			p->sub_pin |= s->pin[0];
		} else {
			p->sub_host |= s->host[0];
		}
	}
}

static void finish(struct emt_timelines *ts, const struct emt_facts *f, const struct emt_release *rel,
		   enum emt_space space, unsigned int oi)
{
	struct emt_timeline *t = &ts->t[space][oi];
	unsigned int order = oi * 9;
	uint64_t last = EMT_NO_FRAME;

	push(t, 0);
	if (t->failed)
		return;
	qsort(t->bounds, t->nr_bounds, sizeof(*t->bounds), by_value);
	for (size_t i = 0; i < t->nr_bounds && !t->failed; i++) {
		struct emt_profile p;

		if (t->bounds[i] == last)
			continue;
		last = t->bounds[i];
		emt_profile_at(f, rel, ts, space, last, order, &p);
		if (oi)
			sub_types(&ts->t[space][0], space, last, order, &p);
		add_segment(t, last, intern_profile(t, &p));
	}
	free(t->bounds);
	t->bounds = NULL;
	t->nr_bounds = t->room_bounds = 0;
	if (!t->failed)
		make_buckets(t);
}

/* vCPUs with equal MTRRs, and on KVM equal CR0.CD, answer alike. */
static bool alike(const struct emt_facts *f, uint32_t a, uint32_t b)
{
	bool cd = f->is_kvm && f->prov[EMT_FACT_VCPU_CR0].held != EMT_UNKNOWN;

	return !memcmp(&f->vcpu_mtrr[a], &f->vcpu_mtrr[b], sizeof(f->vcpu_mtrr[a])) &&
		(!cd || !((f->vcpu_cr0[a] ^ f->vcpu_cr0[b]) & EMT_CR0_CD));
}

static void classes(struct emt_timelines *ts, const struct emt_facts *f)
{
	ts->nr_classes = 0;
	if (f->prov[EMT_FACT_CURRENT].held != EMT_UNKNOWN || !f->nr_vcpus) {
		ts->class_vcpu[ts->nr_classes++] = f->current > 0 ? (uint32_t)f->current : 0;
		return;
	}
	for (uint32_t v = 0; v < f->nr_vcpus; v++) {
		uint32_t c = 0;

		while (c < ts->nr_classes && !alike(f, ts->class_vcpu[c], v))
			c++;
		if (c == ts->nr_classes && c < EMT_GUEST_CLASSES)
			ts->class_vcpu[ts->nr_classes++] = v;
	}
}

static void bounds_of(struct emt_timelines *ts, const struct emt_facts *f, enum emt_space space, unsigned int oi)
{
	struct adder a = { &ts->t[space][oi], oi * 9, ts->limit[space] };
	bool listed = true;

	if (f->is_kvm) {
		if (space == EMT_SPACE_MFN) {
			add_list(&a, f, EMT_FACT_KVM_MMIO);
			return;
		}
		add_list(&a, f, EMT_FACT_KVM_SLOT_NC);
		for (uint32_t c = 0; c < ts->nr_classes; c++)
			if (ts->class_vcpu[c] < f->nr_vcpus)
				emt_mtrr_kvm_boundaries(&f->vcpu_mtrr[ts->class_vcpu[c]],
							f->kvm_maxphyaddr ? f->kvm_maxphyaddr : 52, add_bound, &a);
		return;
	}
	if (space == EMT_SPACE_GFN) {
		add_list(&a, f, EMT_FACT_PINS);
		add_list(&a, f, EMT_FACT_P2M_TYPES);
		add_range(&a, EMT_APIC_GFN, EMT_APIC_GFN);
		for (uint32_t c = 0; c < ts->nr_classes; c++)
			if (ts->class_vcpu[c] < f->nr_vcpus)
				listed &= emt_mtrr_boundaries(&f->vcpu_mtrr[ts->class_vcpu[c]], a.limit, add_bound, &a);
	} else {
		static const enum emt_fact_id lists[] = {
			EMT_FACT_MMIO_RO, EMT_FACT_VALID, EMT_FACT_SPECIAL, EMT_FACT_HOST_E820, EMT_FACT_IOMEM_CAPS,
		};

		for (size_t i = 0; i < EMT_ARRAY_SIZE(lists); i++)
			add_list(&a, f, lists[i]);
		if (f->apic_mfn != EMT_NO_FRAME)
			add_range(&a, f->apic_mfn, f->apic_mfn);
		listed = emt_mtrr_boundaries(&f->host_mtrr, a.limit, add_bound, &a);
		for (uint32_t i = 0; i < f->nr_host_earlier; i++)
			listed &= emt_mtrr_boundaries(&f->host_earlier[i], a.limit, add_bound, &a);
	}
	if (!listed)
		ts->limit[space] = 0; /* no segments: each entry on its own */
}

int emt_timelines_build(struct emt_timelines *ts, const struct emt_facts *f, const struct emt_release *rel)
{
	bool failed = false;

	memset(ts, 0, sizeof(*ts));
	classes(ts, f);
	ts->limit[EMT_SPACE_GFN] = ts->limit[EMT_SPACE_MFN] = SPACE_LIMIT;
	for (uint32_t v = 0; !f->is_kvm && v < f->nr_vcpus; v++)
		ts->limit[EMT_SPACE_GFN] = mask_limit(&f->vcpu_mtrr[v], ts->limit[EMT_SPACE_GFN]);
	ts->limit[EMT_SPACE_MFN] = mask_limit(&f->host_mtrr, ts->limit[EMT_SPACE_MFN]);
	for (uint32_t i = 0; i < f->nr_host_earlier; i++)
		ts->limit[EMT_SPACE_MFN] = mask_limit(&f->host_earlier[i], ts->limit[EMT_SPACE_MFN]);
	for (int space = EMT_SPACE_GFN; space <= EMT_SPACE_MFN; space++)
		for (unsigned int oi = 0; oi < EMT_NR_ORDERS; oi++) {
			bounds_of(ts, f, (enum emt_space)space, oi);
			finish(ts, f, rel, (enum emt_space)space, oi);
			failed |= ts->t[space][oi].failed;
		}
	if (failed)
		emt_timelines_free(ts);
	return failed ? EMT_E_NOMEM : 0;
}

void emt_timelines_free(struct emt_timelines *ts)
{
	for (int space = 0; space < 2; space++)
		for (unsigned int oi = 0; oi < EMT_NR_ORDERS; oi++) {
			struct emt_timeline *t = &ts->t[space][oi];

			free(t->seg);
			free(t->prof);
			free(t->bounds);
			free(t->bucket);
		}
	memset(ts, 0, sizeof(*ts));
}

size_t emt_timeline_at(const struct emt_timeline *t, uint64_t frame)
{
	uint64_t b = frame >> t->shift;
	size_t lo, hi;

	if (b >= t->nr_buckets) {
		lo = t->bucket[t->nr_buckets - 1];
		hi = t->nr_seg - 1;
	} else {
		lo = t->bucket[b];
		hi = t->bucket[b + 1];
	}
	while (lo < hi) {
		size_t mid = lo + (hi - lo + 1) / 2;

		if (t->seg[mid].first <= frame)
			lo = mid;
		else
			hi = mid - 1;
	}
	return lo;
}

size_t emt_timeline_find(struct emt_timeline *t, uint64_t frame)
{
	size_t at = t->cursor;

	/* the same segment again, or the next one */
	if (t->seg[at].first <= frame) {
		if (frame < emt_segment_end(t, at))
			return at;
		if (frame < emt_segment_end(t, at + 1))
			return t->cursor = at + 1;
	}
	return t->cursor = emt_timeline_at(t, frame);
}
