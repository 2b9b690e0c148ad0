/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PV domains of a capture: the entries are its runs (pv_walk.h), all else its facts.
 */
#include <stdio.h>
#include <stdlib.h>

#include "source/pv.h"

struct pv_capture {
	struct emt_source *s;
	size_t *walk;            /* owned: of each domain, in the capture */
	struct emt_ranges *m2p;  /* owned: of each domain, gfns where it differs */
	size_t n;
	size_t reading;
	struct emt_run run;      /* in work */
};

static void capture_close(void *priv)
{
	struct pv_capture *p = priv;

	for (size_t i = 0; i < p->n; i++)
		emt_ranges_free(&p->m2p[i]);
	free(p->m2p);
	free(p->walk);
	emt_source_close(p->s);
	free(p);
}

static const void *capture_frame(void *priv, uint32_t domid, uint64_t mfn)
{
	(void)priv, (void)domid, (void)mfn;
	return NULL;
}

/* Of the run in work: what was noted when it was captured, else that it agreed. */
static int capture_m2p(void *priv, uint64_t mfn, uint64_t *pfn)
{
	const struct pv_capture *p = priv;
	const struct emt_ranges *list = &p->m2p[p->reading];
	uint64_t gfn = p->run.gfn + (mfn - p->run.mfn);
	size_t i = emt_ranges_from(list, gfn);

	*pfn = i < list->n && list->v[i].first <= gfn ? list->v[i].tag : gfn;
	return 0;
}

static int give_run(const struct pv_capture *p, const struct emt_pv_reader *r, struct emt_pv_read *out)
{
	const struct emt_run *run = &p->run;
	uint64_t n = emt_run_frames(run);
	enum emt_pv_kind kind = run->p2mt == EMT_P2M_RAM_RW	 ? EMT_PV_FRAME :
				run->p2mt == EMT_P2M_MMIO_DIRECT ? EMT_PV_IDENTITY :
				run->p2mt == EMT_P2M_FOREIGN	 ? EMT_PV_FOREIGN : EMT_PV_MISSING;
	int rc = 0;

	out->entries += n;
	if (kind == EMT_PV_MISSING || (kind == EMT_PV_IDENTITY && run->mfn == run->gfn))
		return r->fill(run->gfn, n, kind, r->arg);
	for (uint64_t i = 0; i < n && !rc; i++)
		rc = r->entry(run->gfn + i, (struct emt_pv_entry){ kind, run->mfn + i }, r->arg);
	return rc;
}

static int capture_read(void *priv, size_t i, const struct emt_pv_reader *r, struct emt_pv_read *out, bool *changed,
			struct emt_err *err)
{
	struct pv_capture *p = priv;
	struct emt_loss loss;
	struct emt_stream *st;
	long n = 0;
	int rc;

	*out = (struct emt_pv_read){ 0 };
	p->reading = i;
	rc = emt_source_stream(p->s, p->walk[i], &st, err);
	if (rc)
		return rc;
	while (!rc && (n = emt_stream_read(st, &p->run, 1, err)) > 0)
		rc = give_run(p, r, out);
	emt_stream_loss(st, &loss);
	emt_stream_free(st);
	out->unreadable = loss.entries_cut + loss.chunks_bad;
	*changed = loss.changed;
	return n < 0 ? (int)n : rc;
}

static const struct emt_pv_ops ops = { capture_close, capture_frame, capture_m2p, capture_read };

static int add(struct emt_pv_source *s, struct pv_capture *p, size_t walk, const struct emt_facts *f)
{
	size_t *walks = realloc(p->walk, (p->n + 1) * sizeof(*walks));
	struct emt_ranges *m2p;
	struct emt_pv_domain *d;

	if (!walks)
		return EMT_E_NOMEM;
	p->walk = walks;
	m2p = realloc(p->m2p, (p->n + 1) * sizeof(*m2p));
	if (!m2p)
		return EMT_E_NOMEM;
	p->m2p = m2p;
	d = emt_pv_add(s);
	if (!d)
		return EMT_E_NOMEM;
	p->walk[p->n] = walk;
	p->m2p[p->n++] = (struct emt_ranges){ NULL, 0, 0 };
	d->domid = f->domid;
	snprintf(d->name, sizeof(d->name), "%s", f->domain_name);
	snprintf(d->kernel, sizeof(d->kernel), "%s", f->pv_kernel);
	d->end = f->max_gfn ? f->max_gfn + 1 : 0;
	d->shared.max_pfn = d->end;
	d->e820_held = (enum emt_held)f->prov[EMT_FACT_GUEST_E820].held;
	d->e820_origin = "as the capture has it";
	return emt_ranges_copy(&d->e820, &f->guest_e820) || emt_ranges_copy(&d->bars, &f->pci_bars) ||
		emt_ranges_copy(&p->m2p[p->n - 1], &f->pv_m2p) ? EMT_E_NOMEM : 0;
}

int emt_pv_open_capture(struct emt_pv_source *s, const struct emt_source_spec *spec, struct emt_err *err)
{
	struct pv_capture *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return emt_err_set(err, EMT_E_NOMEM, s->name, NULL, "not enough memory to open it");
	rc = emt_source_open(&p->s, spec, err);
	if (rc) {
		free(p);
		return rc;
	}
	s->priv = p;
	s->ops = &ops;
	for (size_t i = 0; !rc && i < emt_source_walks(p->s); i++) {
		struct emt_facts f;

		rc = emt_source_stated(p->s, i, &f, err);
		if (!rc && f.paging == EMT_PAGING_PV && f.prov[EMT_FACT_GUEST_E820].held != EMT_UNKNOWN && add(s, p, i, &f))
			rc = emt_err_set(err, EMT_E_NOMEM, s->name, NULL, "not enough memory for its PV domains");
		emt_facts_free(&f);
	}
	if (!rc && !s->n)
		rc = emt_err_set(err, EMT_E_UNSUPPORTED, s->name,
				 "give a machine's memory (mem:FILE), a domain (xen:DOMID,costs=yes) or p2m:self",
				 "shows no PV domain's p2m");
	return rc;
}
