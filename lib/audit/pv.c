/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/pv.h"

#include <stdio.h>
#include <stdlib.h>

#define BIT(kind) (1u << (kind))

struct emt_pv_audit {
	const struct emt_pv_opts *o;
	emt_pv_cb cb;
	void *arg;
	struct emt_pv_run held; /* count 0 = none */
	/* where the last frame lay: asked once for many */
	enum emt_pv_place place;
	uint32_t tag;
	uint64_t first, last;   /* on which it holds */
	const struct emt_pv_bar *bar; /* on the same */
};

const char *emt_pv_finding_name(unsigned int finding)
{
	static const char *const words[EMT_PVF_NR] = {
		"ok", "identity-missing", "identity-on-ram", "missing-in-hole", "frame-in-hole", "m2p-mismatch",
		"wrong-identity",
	};

	return finding < EMT_PVF_NR ? words[finding] : "?";
}

struct emt_pv_audit *emt_pv_audit_new(const struct emt_pv_opts *o, emt_pv_cb cb, void *arg)
{
	struct emt_pv_audit *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->o = o;
	a->cb = cb;
	a->arg = arg;
	a->first = 1; /* holds nowhere: the first question is asked */
	return a;
}

/* Place, region and BAR of a frame, and how far the answer holds. */
static void locate(struct emt_pv_audit *a, uint64_t pfn)
{
	const struct emt_pv_bar *b = a->o->bars;

	if (pfn >= a->first && pfn <= a->last)
		return;
	a->first = pfn;
	a->place = emt_pv_place(a->o->e820, pfn, &a->last, &a->tag);
	a->bar = NULL;
	for (size_t i = 0; i < a->o->nr_bars; i++) {
		if (b[i].first > pfn) {
			a->last = b[i].first - 1 < a->last ? b[i].first - 1 : a->last;
			break;
		}
		if (b[i].last >= pfn) {
			a->bar = &b[i];
			a->last = b[i].last < a->last ? b[i].last : a->last;
			break;
		}
	}
	/* the end of the list is a border too */
	if (a->o->size && pfn < a->o->size && a->last >= a->o->size)
		a->last = a->o->size - 1;
}

/* Where no RAM is: identity, or device memory cannot be mapped. */
static void judge_hole(struct emt_pv_run *r)
{
	bool device = r->bar || r->place == EMT_PV_LISTED;

	if (r->entry.kind == EMT_PV_IDENTITY || r->entry.kind == EMT_PV_FOREIGN)
		return;
	if (r->entry.kind == EMT_PV_FRAME) {
		r->finding = EMT_PVF_FRAME_IN_HOLE;
		r->severity = r->bar ? EMT_SEV_ERROR : EMT_SEV_WARNING;
		return;
	}
	r->by_rule = r->expected & BIT(EMT_PV_MISSING);
	if (r->by_rule && !r->bar)
		return; /* nothing is known to lie there */
	r->finding = device ? EMT_PVF_IDENTITY_MISSING : EMT_PVF_MISSING_IN_HOLE;
	r->severity = r->bar ? EMT_SEV_ERROR : EMT_SEV_WARNING;
}

static void judge(const struct emt_pv_audit *a, struct emt_pv_run *r)
{
	uint64_t pfn;

	if (r->entry.kind == EMT_PV_IDENTITY && r->entry.mfn != r->pfn) {
		r->finding = EMT_PVF_WRONG_IDENTITY;
		r->severity = EMT_SEV_ERROR;
	} else if (r->place != EMT_PV_RAM) {
		judge_hole(r);
	} else if (r->entry.kind == EMT_PV_IDENTITY && !(r->expected & BIT(EMT_PV_IDENTITY))) {
		r->finding = EMT_PVF_IDENTITY_ON_RAM;
		r->severity = EMT_SEV_ERROR;
	}
	if (r->entry.kind != EMT_PV_FRAME || r->finding != EMT_PVF_OK || !a->o->m2p ||
	    a->o->m2p(a->o->arg, r->entry.mfn, &pfn) || pfn == r->pfn)
		return;
	r->finding = EMT_PVF_M2P_MISMATCH;
	r->severity = EMT_SEV_ERROR;
	r->m2p = pfn;
}

static bool joins(const struct emt_pv_run *a, const struct emt_pv_run *b)
{
	uint64_t next = a->entry.kind == EMT_PV_MISSING ? EMT_NO_FRAME : a->entry.mfn + a->count;

	return a->count && a->pfn + a->count == b->pfn && a->entry.kind == b->entry.kind && next == b->entry.mfn &&
		a->place == b->place && a->tag == b->tag && a->bar == b->bar && a->expected == b->expected &&
		a->finding == b->finding && a->by_rule == b->by_rule && a->finding != EMT_PVF_M2P_MISMATCH;
}

static int put(struct emt_pv_audit *a, const struct emt_pv_run *r)
{
	int rc = 0;

	if (joins(&a->held, r)) {
		a->held.count += r->count;
		return 0;
	}
	if (a->held.count)
		rc = a->cb(&a->held, a->arg);
	a->held = *r;
	return rc;
}

static struct emt_pv_run run_of(struct emt_pv_audit *a, uint64_t pfn, uint64_t count, struct emt_pv_entry e)
{
	struct emt_pv_run r = { .pfn = pfn, .count = count, .entry = e };

	locate(a, pfn);
	r.place = a->place;
	r.tag = a->tag;
	r.bar = a->bar;
	r.expected = emt_pv_expect(a->o->era, r.place, pfn, a->o->size);
	judge(a, &r);
	return r;
}

int emt_pv_audit_add(struct emt_pv_audit *a, uint64_t pfn, struct emt_pv_entry e)
{
	struct emt_pv_run r = run_of(a, pfn, 1, e);

	return put(a, &r);
}

int emt_pv_audit_fill(struct emt_pv_audit *a, uint64_t pfn, uint64_t count, enum emt_pv_kind kind)
{
	int rc = 0;

	while (count && !rc) {
		struct emt_pv_entry e = { kind, kind == EMT_PV_IDENTITY ? pfn : EMT_NO_FRAME };
		struct emt_pv_run r = run_of(a, pfn, 1, e);
		uint64_t n = a->last - pfn < count - 1 ? a->last - pfn + 1 : count;

		r.count = n;
		rc = put(a, &r);
		pfn += n;
		count -= n;
	}
	return rc;
}

int emt_pv_audit_flush(struct emt_pv_audit *a)
{
	int rc = a->held.count ? a->cb(&a->held, a->arg) : 0;

	a->held.count = 0;
	return rc;
}

int emt_pv_audit_end(struct emt_pv_audit *a)
{
	int rc = emt_pv_audit_flush(a);

	free(a);
	return rc;
}

char *emt_pv_run_text(const struct emt_pv_run *r, const struct emt_pv_era *era, char *out, size_t room)
{
	const char *what = r->bar ? r->bar->name : r->place == EMT_PV_LISTED ? "a reserved region" :
			   r->place == EMT_PV_BEHIND ? "what lies above all RAM" : "a gap in the memory map";

	out[0] = '\0';
	switch (r->finding) {
	case EMT_PVF_IDENTITY_MISSING:
	case EMT_PVF_MISSING_IN_HOLE:
		snprintf(out, room, "%s is missing in the p2m%s: %s", what,
			 r->by_rule ? ", as this kernel leaves it" : "",
			 era && era->iomap ? "a mapping without _PAGE_IOMAP is not present and will fault" :
					     "a mapping of it is not present and will fault");
		break;
	case EMT_PVF_FRAME_IN_HOLE:
		snprintf(out, room, "%s has frame 0x%llx in the p2m: a mapping of it reaches that memory", what,
			 (unsigned long long)r->entry.mfn);
		break;
	case EMT_PVF_IDENTITY_ON_RAM:
		snprintf(out, room, "RAM is identity in the p2m: its use reaches machine frame 0x%llx, whoever has it",
			 (unsigned long long)r->entry.mfn);
		break;
	case EMT_PVF_M2P_MISMATCH:
		snprintf(out, room, "the p2m has frame 0x%llx, Xen's M2P gives that frame pfn 0x%llx",
			 (unsigned long long)r->entry.mfn, (unsigned long long)r->m2p);
		break;
	case EMT_PVF_WRONG_IDENTITY:
		snprintf(out, room, "the p2m says identity, of frame 0x%llx", (unsigned long long)r->entry.mfn);
		break;
	default:
		break;
	}
	return out;
}
