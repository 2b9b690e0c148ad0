/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening a memory image as a source: the order matters. Xen's console text holds the
 * E820, without which no frame counts as RAM; then Xen's page tables, domains, roots.
 */
#include "source/mem_open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/release.h"
#include "source/mem_host.h"

#define DOMID_INVALID 0x7ff4u /* a root given by the user, of no domain known */
#define TEXTS_TRIED 64

struct mem_walk *mem_add_walk(struct mem_source *ms)
{
	struct mem_walk *v = realloc(ms->walks, (ms->nr + 1) * sizeof(*v));

	if (!v)
		return NULL;
	ms->walks = v;
	v[ms->nr] = (struct mem_walk){ .capture_walk = SIZE_MAX };
	return &v[ms->nr++];
}

static int layout_of(const struct mem_source *ms, const struct emt_source *s,
		     const struct emt_epte_layout **out, struct emt_err *err)
{
	struct emt_release rel;

	*out = NULL;
	if (emt_release_parse(&rel, ms->host.release, false, NULL))
		return emt_err_set(err, EMT_E_MISSING, s->name,
				   "take the image before the boot log leaves the ring",
				   "shows no version of Xen");
	*out = emt_epte_layout_of(rel.version);
	return 0;
}

/* A guest may hold any text: the boot log counts if its frame belongs to no domain. */
static bool text_is_xens(struct mem_source *ms, uint64_t maddr)
{
	struct emt_xen_page page;

	if (emt_xen_page(&ms->d.xen, maddr >> 12, &page))
		return true; /* in Xen's image: no page_info to speak of */
	for (size_t i = 0; i < ms->d.nr_domains; i++)
		if (page.owner == ms->d.domains[i].struct_mfn)
			return page.count_info & EMT_PGC_XEN_HEAP;
	return true;
}

/* One console text: its E820 and release, and with them the search. */
static int try_text(struct emt_source *s, struct mem_source *ms, const struct emt_mem_look *look,
		    uint64_t maddr, struct emt_err *err)
{
	const struct emt_epte_layout *layout;
	char *text;
	size_t len;
	int rc = emt_mem_text(ms->mem, maddr, &text, &len, err);

	if (rc)
		return rc;
	emt_facts_free(&ms->host);
	emt_facts_init(&ms->host);
	rc = emt_mem_host(&ms->host, text, len, err);
	free(text);
	if (!rc && (!ms->host.host_e820.n || ms->host.prov[EMT_FACT_HOST_E820].rest != EMT_KNOWN))
		rc = emt_err_set(err, EMT_E_MISSING, s->name,
				 "give a larger conring_size= to Xen, or root=MADDR,table=KIND",
				 "its boot log holds no complete E820 any more");
	if (!rc)
		rc = layout_of(ms, s, &layout, err);
	if (!rc)
		rc = emt_mem_set_e820(ms->mem, &ms->host.host_e820, err);
	if (!rc)
		rc = emt_discover(&ms->d, ms->mem, look, layout, err);
	if (rc)
		return rc;
	ms->found = true;
	if (text_is_xens(ms, maddr))
		return 0;
	emt_discovery_free(&ms->d);
	ms->found = false;
	return emt_err_set(err, EMT_E_FORMAT, s->name, "give root=MADDR,table=KIND",
			   "the boot log at %#llx belongs to a domain", (unsigned long long)maddr);
}

int mem_discover(struct emt_source *s, struct mem_source *ms, struct emt_err *err)
{
	struct emt_mem_look look;
	int rc = emt_mem_look(ms->mem, &look, err);

	if (rc)
		return rc;
	rc = EMT_E_MISSING;
	for (size_t i = 0; i < look.nr_texts && i < TEXTS_TRIED && rc && rc != EMT_E_NOMEM; i++) {
		if (err)
			*err = (struct emt_err){ 0 };
		rc = try_text(s, ms, &look, look.texts[i], err);
	}
	if (!look.nr_texts)
		emt_err_set(err, rc, s->name, "give the whole memory of a machine that runs Xen",
			    "holds no console text of a Xen");
	emt_mem_look_free(&look);
	return rc;
}

/* Symbols make roots exact: they must agree with what was found without them. */
static int use_symbols(struct emt_source *s, struct mem_source *ms, const char *path, struct emt_err *err)
{
	const struct emt_epte_layout *epte;
	int rc = layout_of(ms, s, &epte, err);

	if (!rc)
		rc = emt_symbols_open(&ms->syms, path, err);
	if (!rc)
		rc = emt_symbols_match(ms->syms, &ms->d.xen, &ms->xen, err);
	return rc ? rc : emt_inputs_roots(&ms->d, ms->syms, ms->xen, epte, err);
}

/* ---- walks ---- */

static bool is_iommu(const char *table)
{
	return !strcmp(table, "iommu") || !strcmp(table, "vtd") || !strcmp(table, "amdvi");
}

static int add_found(struct mem_source *ms, const struct emt_found_domain *dom,
		     const struct emt_found_root *r, const struct emt_epte_layout *layout)
{
	struct mem_walk *w = mem_add_walk(ms);

	if (!w)
		return EMT_E_NOMEM;
	w->domid = dom->domid;
	w->mem = ms->mem;
	w->format = r->format;
	w->layout = layout;
	w->root = r->root;
	w->levels = r->levels;
	w->dom = dom;
	snprintf(w->label, sizeof(w->label), "%s at %#llx, %llu of %llu frames agree", r->format->name,
		 (unsigned long long)r->root << 12, (unsigned long long)r->check.match,
		 (unsigned long long)r->check.frames);
	return 0;
}

static int not_found(const struct emt_source *s, const struct mem_source *ms,
		     const struct emt_source_spec *spec, const char *what, struct emt_err *err)
{
	const struct emt_found_domain *dom = NULL;
	char next[200] = "it holds: domain";
	size_t at = strlen(next);

	for (size_t i = 0; i < ms->d.nr_domains; i++) {
		if (ms->d.domains[i].domid == (uint64_t)spec->domid)
			dom = &ms->d.domains[i];
		if (at < sizeof(next) - 12)
			at += (size_t)snprintf(next + at, sizeof(next) - at, " %u", ms->d.domains[i].domid);
	}
	if (spec->domid >= 0 && !dom)
		return emt_err_set(err, EMT_E_NOSOURCE, s->name, next, "holds no domain %lld",
				   (long long)spec->domid);
	if (dom)
		return emt_err_set(err, EMT_E_NOSOURCE, s->name,
				   "a PV domain has no p2m; else give root=MADDR",
				   "no %s of domain %u passed the checks (%u places tried)", what, dom->domid,
				   is_iommu(spec->table) ? dom->iommu.candidates : dom->p2m.candidates);
	return emt_err_set(err, EMT_E_NOSOURCE, s->name, next, "no %s of any domain passed the checks", what);
}

/* PV domains: where they are asked for, or nothing else is there. */
static int add_pv(struct emt_source *s, struct mem_source *ms, const struct emt_source_spec *spec, struct emt_err *err)
{
	int rc = mem_open_pv(&ms->pv, ms, s->name, spec->domid, err);

	for (size_t i = 0; !rc && i < emt_pv_domains(ms->pv); i++) {
		const struct emt_pv_domain *d = emt_pv_domain(ms->pv, i);
		struct mem_walk *w = mem_add_walk(ms);

		if (w)
			w->pv = emt_pv_walk_new(ms->pv, i);
		if (!w || !w->pv)
			return emt_err_set(err, EMT_E_NOMEM, s->name, NULL, "not enough memory for its walks");
		w->domid = d->domid;
		w->mem = ms->mem;
		snprintf(w->label, sizeof(w->label), "p2m (%s) named by shared info at %#llx", emt_pv_list_name(d->list),
			 (unsigned long long)d->shared_mfn << 12);
	}
	return rc;
}

static int select_found(struct emt_source *s, struct mem_source *ms, const struct emt_source_spec *spec,
			struct emt_err *err)
{
	const struct emt_format *only = emt_format_by_name(spec->table);
	const struct emt_epte_layout *layout;
	int rc = layout_of(ms, s, &layout, err);

	if (!rc && !strcmp(spec->table, "pv"))
		return add_pv(s, ms, spec, err);
	for (size_t i = 0; i < ms->d.nr_domains && !rc; i++) {
		const struct emt_found_domain *dom = &ms->d.domains[i];
		const struct emt_found_root *r = is_iommu(spec->table) ? &dom->iommu : &dom->p2m;

		if ((spec->domid >= 0 && dom->domid != (uint64_t)spec->domid) || !r->format ||
		    (only && r->format != only))
			continue;
		if (add_found(ms, dom, r, layout))
			rc = emt_err_set(err, EMT_E_NOMEM, s->name, NULL, "not enough memory for its walks");
	}
	if (rc || ms->nr || (!*spec->table && !add_pv(s, ms, spec, NULL)))
		return rc;
	return not_found(s, ms, spec, is_iommu(spec->table) ? "IOMMU table" : "p2m", err);
}

/* root=: the user knows; what the search finds at the same place helps. */
static int select_root(struct emt_source *s, struct mem_source *ms, const struct emt_source_spec *spec,
		       struct emt_err *err)
{
	const struct emt_format *format = emt_format_by_name(spec->table);
	struct mem_walk *w = mem_add_walk(ms);

	if (!w)
		return emt_err_set(err, EMT_E_NOMEM, s->name, NULL, "not enough memory for its walks");
	w->domid = DOMID_INVALID;
	w->mem = ms->mem;
	w->root = spec->root >> 12;
	w->levels = spec->levels;
	for (size_t i = 0; i < ms->d.nr_domains; i++) {
		const struct emt_found_domain *dom = &ms->d.domains[i];
		const struct emt_found_root *r = dom->p2m.format && dom->p2m.root == w->root ? &dom->p2m :
			dom->iommu.format && dom->iommu.root == w->root ? &dom->iommu : NULL;

		if (!r)
			continue;
		w->domid = dom->domid;
		w->dom = dom;
		format = format ? format : r->format;
		w->levels = w->levels ? w->levels : r->levels;
	}
	if (!format)
		return emt_err_set(err, EMT_E_USAGE, s->name, "add table=ept, npt, vtd or amdvi",
				   "what kind of table stands at %#llx is not known",
				   (unsigned long long)spec->root);
	w->format = format;
	if (w->levels && (w->levels < format->min_levels || w->levels > format->max_levels))
		return emt_err_set(err, EMT_E_USAGE, s->name, NULL, "%s tables have no %u levels",
				   format->name, w->levels);
	if (!emt_mem_is_ram(ms->mem, w->root))
		return emt_err_set(err, EMT_E_NOSOURCE, s->name, "give the machine address of the root table",
				   "%#llx is not in the machine's RAM", (unsigned long long)spec->root);
	snprintf(w->label, sizeof(w->label), "%s at %#llx, given", format->name,
		 (unsigned long long)spec->root);
	if (format == &emt_format_ept && layout_of(ms, s, &w->layout, err))
		return EMT_E_MISSING;
	return 0;
}

int mem_open_image(struct emt_source *s, struct mem_source *ms, const struct emt_source_spec *spec,
		   struct emt_err *err)
{
	int rc = emt_mem_open(&ms->mem, spec->target, err);

	if (rc)
		return rc;
	if (spec->root == EMT_NO_FRAME) {
		rc = mem_discover(s, ms, err);
		if (!rc && *spec->syms)
			rc = use_symbols(s, ms, spec->syms, err);
		return rc ? rc : select_found(s, ms, spec, err);
	}
	if (*spec->syms)
		return emt_err_set(err, EMT_E_USAGE, s->name,
				   "give domid=N with syms=", "syms= finds roots itself");
	/* a given root needs no search to succeed: then RAM is what the file holds */
	if (mem_discover(s, ms, NULL) == EMT_E_NOMEM)
		return emt_err_set(err, EMT_E_NOMEM, s->name, NULL, "not enough memory to search it");
	return select_root(s, ms, spec, err);
}
