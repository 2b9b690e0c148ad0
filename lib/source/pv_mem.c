/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PV domains of a machine's memory. Shared info is a page of Xen's heap that the domain
 * owns; which of them it is, its own content says, if the p2m that it leads to agrees
 * with the M2P.
 */
#include <stdio.h>
#include <stdlib.h>

#include "source/mem_open.h"
#include "source/pv.h"

#define SAMPLES 256

static void pv_close(void *priv)
{
	struct mem_source *ms = priv;

	emt_discovery_free(&ms->d);
	emt_facts_free(&ms->host);
	emt_mem_close(ms->mem);
	free(ms);
}

static const void *pv_frame(void *priv, uint32_t domid, uint64_t mfn)
{
	struct mem_source *ms = priv;

	(void)domid;
	return emt_mem_frame(ms->mem, mfn);
}

static int pv_m2p(void *priv, uint64_t mfn, uint64_t *pfn)
{
	struct mem_source *ms = priv;
	struct emt_xen_page page;

	if (!emt_mem_is_ram(ms->mem, mfn) || emt_xen_page(&ms->d.xen, mfn, &page) || page.m2p >= EMT_M2P_MARKS ||
	    page.m2p == EMT_M2P_DEBUG)
		return -1;
	*pfn = page.m2p;
	return 0;
}

static const struct emt_pv_ops ops = { .close = pv_close, .frame = pv_frame, .m2p = pv_m2p };

/* Does the list that a page names look like this domain's: most frames lead back? */
struct probe {
	struct mem_source *ms;
	uint64_t owner;
	unsigned int seen, good;
};

static int probe_entry(uint64_t pfn, struct emt_pv_entry e, void *arg)
{
	struct probe *p = arg;
	struct emt_xen_page page;

	if (e.kind != EMT_PV_FRAME)
		return 0;
	p->seen++;
	p->good += emt_mem_is_ram(p->ms->mem, e.mfn) && !emt_xen_page(&p->ms->d.xen, e.mfn, &page) &&
		page.owner == p->owner && page.m2p == pfn;
	return p->seen >= SAMPLES;
}

static int probe_fill(uint64_t pfn, uint64_t count, enum emt_pv_kind kind, void *arg)
{
	(void)pfn, (void)count, (void)kind, (void)arg;
	return 0;
}

static const void *probe_frame(void *arg, uint64_t mfn)
{
	return emt_mem_frame(arg, mfn);
}

static bool is_shared(struct mem_source *ms, const struct emt_found_domain *dom, uint64_t mfn)
{
	struct probe p = { .ms = ms, .owner = dom->struct_mfn };
	struct emt_pv_reader r = { .mem = { probe_frame, ms->mem }, .entry = probe_entry, .fill = probe_fill, .arg = &p };
	const void *page = emt_mem_frame(ms->mem, mfn);
	struct emt_pv_read read;

	if (!page)
		return false;
	emt_pv_shared_of(page, &r.shared);
	r.list = emt_pv_list_of(&r.shared);
	if (r.list == EMT_PV_LIST_NONE || emt_pv_list_read(&r, &read, NULL) < 0)
		return false;
	return p.seen >= 16 && p.good * 10 >= p.seen * 9;
}

static int note_frame(uint64_t pfn, struct emt_pv_entry e, void *arg)
{
	if (e.kind == EMT_PV_FRAME)
		*(uint64_t *)arg = pfn + 1;
	return 0;
}

/* The kernel tells Xen of more than its memory once it puts foreign pages behind it. */
static uint64_t last_frame(struct mem_source *ms, const struct emt_pv_shared *shared)
{
	uint64_t end = 0;
	struct emt_pv_reader r = { .mem = { probe_frame, ms->mem }, .shared = *shared, .list = emt_pv_list_of(shared),
				   .entry = note_frame, .fill = probe_fill, .arg = &end };
	struct emt_pv_read read;

	return emt_pv_list_read(&r, &read, NULL) || !end ? shared->max_pfn : end;
}

static int add(struct emt_pv_source *s, struct mem_source *ms, const struct emt_found_domain *dom, uint64_t mfn)
{
	struct emt_pv_domain *d = emt_pv_add(s);
	const void *page = emt_mem_frame(ms->mem, mfn);

	if (!d || !page)
		return EMT_E_NOMEM;
	d->domid = dom->domid;
	d->shared_mfn = mfn;
	emt_pv_shared_of(page, &d->shared);
	d->list = emt_pv_list_of(&d->shared);
	d->end = last_frame(ms, &d->shared);
	if (!dom->domid) {
		d->e820_held = EMT_KNOWN;
		d->e820_origin = "dom0 has the host's memory map";
		return emt_ranges_copy(&d->e820, &ms->host.host_e820);
	}
	return emt_pv_map_of_guest(d, d->shared.max_pfn);
}

/* Pages of Xen's heap that a domain without p2m owns. */
static int search(struct emt_pv_source *s, struct mem_source *ms, const struct emt_found_domain *dom)
{
	const struct emt_ranges *ram = emt_mem_ram(ms->mem);
	struct emt_xen_page page;

	for (size_t i = 0; i < ram->n; i++)
		for (uint64_t mfn = ram->v[i].first; mfn <= ram->v[i].last; mfn++) {
			if (emt_xen_page(&ms->d.xen, mfn, &page) || page.owner != dom->struct_mfn ||
			    !(page.count_info & EMT_PGC_XEN_HEAP) || page.count_info & EMT_PGC_STATE ||
			    !is_shared(ms, dom, mfn))
				continue;
			return add(s, ms, dom, mfn);
		}
	return 0;
}

static int find_all(struct emt_pv_source *s, struct mem_source *ms, int64_t domid, struct emt_err *err)
{
	int rc = 0;

	emt_ranges_normalise(&ms->host.host_e820);
	for (size_t i = 0; !rc && i < ms->d.nr_domains; i++) {
		const struct emt_found_domain *dom = &ms->d.domains[i];

		if (dom->p2m.format || (domid >= 0 && dom->domid != (uint64_t)domid))
			continue;
		rc = search(s, ms, dom);
		if (rc)
			emt_err_set(err, rc, s->name, NULL, "not enough memory for its PV domains");
	}
	if (!rc && !s->n)
		rc = emt_err_set(err, EMT_E_NOSOURCE, s->name, "a 64-bit Linux that has booted leaves such a page",
				 "no shared info page of a PV domain%s leads to a p2m that the M2P agrees with",
				 domid >= 0 ? " of this number" : "");
	return rc;
}

int emt_pv_open_mem(struct emt_pv_source *s, const struct emt_source_spec *spec, struct emt_err *err)
{
	struct mem_source *ms = calloc(1, sizeof(*ms));
	struct emt_source named = { .ops = &emt_source_mem_ops };
	int rc;

	if (!ms)
		return emt_err_set(err, EMT_E_NOMEM, s->name, NULL, "not enough memory to open it");
	snprintf(named.name, sizeof(named.name), "%s", s->name);
	emt_facts_init(&ms->host);
	s->priv = ms;
	s->ops = &ops;
	rc = emt_mem_open(&ms->mem, spec->target, err);
	if (!rc)
		rc = mem_discover(&named, ms, err);
	return rc ? rc : find_all(s, ms, spec->domid, err);
}

static void leave(void *priv)
{
	(void)priv; /* the source that holds us closes it */
}

int mem_open_pv(struct emt_pv_source **out, struct mem_source *ms, const char *name, int64_t domid, struct emt_err *err)
{
	static const struct emt_pv_ops borrowed = { .close = leave, .frame = pv_frame, .m2p = pv_m2p };
	struct emt_pv_source *s = calloc(1, sizeof(*s));
	int rc;

	*out = NULL;
	if (!s)
		return emt_err_set(err, EMT_E_NOMEM, name, NULL, "not enough memory for its PV domains");
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->priv = ms;
	s->ops = &borrowed;
	rc = find_all(s, ms, domid, err);
	if (rc)
		emt_pv_close(s);
	else
		*out = s;
	return rc;
}
