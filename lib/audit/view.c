/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How vCPUs see memory: registers into views, and the runs of one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/effective.h"
#include "policy/effective.h"

#define CR0_CD (1ull << 30)
#define CR0_PG (1ull << 31)
#define CR0_PG_PE 0x80000001ull
#define CR4_PSE (1ull << 4)
#define CR4_PAE (1ull << 5)
#define CR4_LA57 (1ull << 12)
#define EFER_LONG (1ull << 8 | 1ull << 10 | 1ull << 11)
#define EFER_NXE (1ull << 11)

/* KVM says it in the EPT itself. */
static enum emt_cd cd_of(const struct emt_facts *f, const struct emt_release *rel, uint64_t cr0)
{
	uint16_t heeds;

	if (!(cr0 & CR0_CD))
		return EMT_CD_OFF;
	if (f->paging == EMT_PAGING_NPT)
		return EMT_CD_ON;
	if (f->is_kvm)
		return EMT_CD_OFF;
	heeds = emt_xen_heeds_cd(f, rel);
	if (heeds != EMT_YES)
		return heeds == EMT_NO ? EMT_CD_OFF : EMT_CD_MAYBE;
	/* with paging off the PAT counts only where Xen runs the guest on its own tables */
	return cr0 & CR0_PG ? EMT_CD_ON : EMT_CD_MAYBE;
}

static bool alike(const struct emt_view *a, const struct emt_view *b)
{
	return a->mode == b->mode && a->cd == b->cd && a->pat == b->pat &&
		(a->mode == EMT_GUEST_OFF ||
		 (a->regs.cr3 == b->regs.cr3 && !((a->regs.efer ^ b->regs.efer) & EFER_NXE) &&
		  !((a->regs.cr4 ^ b->regs.cr4) & CR4_PSE)));
}

bool emt_views_agree(const struct emt_view *a, const struct emt_view *b)
{
	struct emt_view as_b = *a;

	as_b.regs.cr3 = b->regs.cr3;
	return alike(&as_b, b) && a->pat_known == b->pat_known;
}

/* "0-3,7", cut when there is no room. */
static void vcpus_text(const uint32_t *view_of, uint32_t nr, uint32_t view, char *out, size_t room)
{
	size_t at = 0;

	for (uint32_t i = 0; i < nr && at < room; i++) {
		uint32_t last = i;

		if (view_of[i] != view)
			continue;
		while (last + 1 < nr && view_of[last + 1] == view)
			last++;
		at += (size_t)snprintf(out + at, room - at, last > i ? "%s%u-%u" : "%s%u", at ? "," : "", i, last);
		i = last;
	}
}

static int missing(const struct emt_facts *f, struct emt_err *err)
{
	static const enum emt_fact_id ids[] = { EMT_FACT_VCPU_CR3, EMT_FACT_VCPU_CR0, EMT_FACT_VCPU_CR4,
						EMT_FACT_VCPU_EFER };

	for (size_t i = 0; i < EMT_ARRAY_SIZE(ids); i++)
		if (f->prov[ids[i]].held == EMT_UNKNOWN)
			return emt_err_set(err, EMT_E_MISSING, emt_fact_descs[ids[i]].name,
					   "give --cr3, or facts with the registers (xen-hvmctx DOMID); of a live domain: xen:DOMAIN,costs=yes",
					   "not known: where the guest's page tables begin");
	return f->nr_vcpus ? 0 : emt_err_set(err, EMT_E_MISSING, "vcpu_cr3", "give --cr3", "there is no vCPU");
}

int emt_views_of(const struct emt_facts *f, const struct emt_release *rel, struct emt_view **out, size_t *n,
		 struct emt_err *err)
{
	int rc = missing(f, err);
	struct emt_view *v;
	uint32_t *view_of;

	*out = NULL;
	*n = 0;
	if (rc)
		return rc;
	v = calloc(f->nr_vcpus, sizeof(*v));
	view_of = calloc(f->nr_vcpus, sizeof(*view_of));
	if (!v || !view_of) {
		free(v);
		free(view_of);
		return emt_err_set(err, EMT_E_NOMEM, "vCPUs", NULL, "not enough memory");
	}
	for (uint32_t i = 0; i < f->nr_vcpus; i++) {
		struct emt_view one = { .regs = { f->vcpu_cr0[i], f->vcpu_cr3[i], f->vcpu_cr4[i], f->vcpu_efer[i] },
					.pat_known = f->prov[EMT_FACT_VCPU_PAT].held != EMT_UNKNOWN,
					.cd = cd_of(f, rel, f->vcpu_cr0[i]), .vcpu = i };
		size_t k = 0;

		one.mode = emt_guest_mode(&one.regs);
		one.pat = one.pat_known ? f->vcpu_pat[i] : 0;
		while (k < *n && !alike(&v[k], &one))
			k++;
		if (k == *n)
			v[(*n)++] = one;
		view_of[i] = (uint32_t)k;
	}
	for (size_t k = 0; k < *n; k++)
		vcpus_text(view_of, f->nr_vcpus, (uint32_t)k, v[k].vcpus, sizeof(v[k].vcpus));
	free(view_of);
	*out = v;
	return 0;
}

void emt_view_stated(struct emt_view *v, const struct emt_facts *f, enum emt_guest_mode mode, uint64_t cr3,
		     const uint64_t *pat)
{
	static const struct emt_guest_regs of[EMT_GUEST_NR] = {
		[EMT_GUEST_OFF] = { 0, 0, 0, 0 },
		[EMT_GUEST_32BIT] = { CR0_PG_PE, 0, CR4_PSE, 0 },
		[EMT_GUEST_PAE] = { CR0_PG_PE, 0, CR4_PAE, EFER_NXE },
		[EMT_GUEST_4LEVEL] = { CR0_PG_PE, 0, CR4_PAE, EFER_LONG },
		[EMT_GUEST_5LEVEL] = { CR0_PG_PE, 0, CR4_PAE | CR4_LA57, EFER_LONG },
	};

	*v = (struct emt_view){ .regs = of[mode], .mode = mode, .vcpu = EMT_VIEW_STATED, .vcpus = "-" };
	v->regs.cr3 = cr3;
	if (pat) {
		v->pat = *pat;
		v->pat_known = true;
		return;
	}
	/* tables of one guest are loaded by vCPUs with one PAT, unless they differ */
	v->pat_known = f->prov[EMT_FACT_VCPU_PAT].held != EMT_UNKNOWN && f->nr_vcpus;
	for (uint32_t i = 0; v->pat_known && i < f->nr_vcpus; i++)
		v->pat_known = f->vcpu_pat[i] == f->vcpu_pat[0];
	v->pat = v->pat_known ? f->vcpu_pat[0] : 0;
}

static int one_to_one(const struct emt_view_walk *w)
{
	const uint64_t limit = 1ull << 20; /* 4 GiB of frames */
	uint64_t first = w->first >> 12, last = w->last >> 12;
	int rc = 0;

	if (last >= limit)
		last = limit - 1;
	for (const struct emt_gpa *g = emt_gpas_from(w->gpas, first); !rc && g && g < w->gpas->v + w->gpas->n &&
	     g->gfn <= last; g++) {
		uint64_t a = g->gfn > first ? g->gfn : first, b = g->last < last ? g->last : last;
		struct emt_guest_run run = { .va = a << 12, .gfn = a, .count = b - a + 1,
					     .flags = EMT_GUEST_WRITE | EMT_GUEST_USER };

		rc = w->run(&run, w->arg);
	}
	return rc;
}

int emt_view_walk(const struct emt_view_walk *w, struct emt_guest_result *r, struct emt_err *err)
{
	struct emt_guest_opts o = { .mem = w->mem, .regs = w->view->regs, .first = w->first, .last = w->last,
				    .seen = w->seen, .table = w->table, .table_arg = w->arg };
	struct emt_guest_walker *walker;
	struct emt_guest_run run;
	int rc;

	*r = (struct emt_guest_result){ 0 };
	if (w->view->mode == EMT_GUEST_OFF)
		return one_to_one(w);
	rc = emt_guest_walker_new(&walker, &o, err);
	while (!rc && emt_guest_walker_next(walker, &run))
		rc = w->run(&run, w->arg);
	if (walker)
		*r = *emt_guest_walker_result(walker);
	emt_guest_walker_free(walker);
	return rc;
}
