/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "memory/discover.h"

#include <stdlib.h>
#include <string.h>

#define MAX_OWNERS 65536
/* Samples of each run of a table: its first frames and some spread over it. */
#define RUN_SAMPLES 64

/* Whether a root stands where a pointer or a number of the domain says is not known
 * beforehand: the walk stops as soon as more than this contradicts. */
#define ENOUGH_WRONG 8

struct owner {
	uint32_t pdx;
	uint64_t frames;
};

struct owners {
	struct owner *v; /* open addressing by pdx; pdx 0 = free */
	size_t n, room;
	uint64_t max_page;
};

/* ---- does a table belong to a domain ---- */

static void check_run(struct emt_xenmap *x, const struct emt_run *run, uint32_t pdx, bool iommu,
		      struct emt_root_check *c)
{
	uint64_t n = emt_run_frames(run), step = n / RUN_SAMPLES + 1;

	for (uint64_t i = 0; i < n; i += step) {
		uint64_t mfn = run->mfn + i, gfn = run->gfn + i;
		struct emt_xen_page page;

		if (!emt_mem_is_ram(x->mem, mfn) || emt_xen_page(x, mfn, &page))
			continue;
		c->frames++;
		if (page.owner != pdx)
			c->other++;
		else if (page.m2p == gfn || (iommu && mfn == gfn))
			c->match++; /* PV guests' IOMMU tables are by machine frame */
		else if (page.m2p >= EMT_M2P_MARKS || page.m2p == EMT_M2P_DEBUG)
			c->no_m2p++;
		else
			c->other++;
	}
}

static uint64_t odd_entries(const struct emt_walk_result *r)
{
	return r->outside + r->unreadable + r->bad_level + r->reserved + r->loops + r->twice + r->too_many +
		r->no_memory;
}

void emt_root_check(struct emt_xenmap *x, const struct emt_format *format,
		    const struct emt_epte_layout *layout, uint64_t root, unsigned int levels, uint32_t pdx,
		    struct emt_root_check *out)
{
	struct emt_walk_opts o = {
		.mem = emt_mem_memory(x->mem),
		.format = format,
		.layout = layout,
		.root = root,
		.levels = levels,
		.join = true,
	};
	bool iommu = format == &emt_format_vtd || format == &emt_format_amdvi;
	const struct emt_walk_result *r;
	struct emt_walker *w;
	struct emt_run run;

	*out = (struct emt_root_check){ 0 };
	if (emt_walker_new(&w, &o, NULL)) {
		out->odd = 1;
		return;
	}
	r = emt_walker_result(w);
	do {
		out->odd = odd_entries(r);
		if (out->odd > ENOUGH_WRONG || out->other > ENOUGH_WRONG || !emt_walker_next(w, &run))
			break;
		/* ordinary RAM: other types may be of other owners, or have no M2P */
		if (!(run.flags & EMT_RUN_INTERMEDIATE) && run.perm && run.mfn != EMT_NO_FRAME &&
		    (iommu || run.p2mt == EMT_P2M_RAM_RW))
			check_run(x, &run, pdx, iommu, out);
	} while (true);
	out->odd = odd_entries(r);
	out->tables = r->tables;
	emt_walker_free(w);
}

bool emt_root_sound(const struct emt_root_check *c)
{
	return c->match && !c->other && !c->odd && c->match >= c->no_m2p;
}

/* ---- owners of frames ---- */

static struct owner *owner_of(struct owners *o, uint32_t pdx)
{
	size_t i;

	if (o->n * 2 >= o->room) {
		struct owners to = { .room = o->room ? o->room * 2 : 256, .max_page = o->max_page };

		to.v = o->n < MAX_OWNERS ? calloc(to.room, sizeof(*to.v)) : NULL;
		if (!to.v)
			return NULL;
		for (size_t k = 0; k < o->room; k++)
			if (o->v[k].pdx)
				owner_of(&to, o->v[k].pdx)->frames = o->v[k].frames;
		free(o->v);
		*o = to;
	}
	i = pdx * 0x9e3779b1u & (o->room - 1);
	while (o->v[i].pdx && o->v[i].pdx != pdx)
		i = (i + 1) & (o->room - 1);
	if (!o->v[i].pdx) {
		o->v[i].pdx = pdx;
		o->n++;
	}
	return &o->v[i];
}

static int count_owners(struct emt_xenmap *x, struct owners *o, struct emt_err *err)
{
	const struct emt_ranges *ram = emt_mem_ram(x->mem);

	for (size_t i = 0; i < ram->n; i++)
		for (uint64_t mfn = ram->v[i].first; mfn <= ram->v[i].last; mfn++) {
			struct emt_xen_page page;
			struct owner *ow;

			if (emt_xen_page(x, mfn, &page))
				continue;
			o->max_page = mfn + 1;
			/* bit 63 of a free page means something else: only pages in use */
			if (!(page.count_info & EMT_PGC_ALLOCATED) || page.count_info & EMT_PGC_STATE ||
			    !page.owner)
				continue;
			ow = owner_of(o, page.owner);
			if (!ow)
				return emt_err_set(err, EMT_E_NOMEM, emt_mem_path(x->mem), NULL,
						   "too many owners of frames for the memory there is");
			ow->frames++;
		}
	return 0;
}

static int by_domid(const void *a, const void *b)
{
	const struct emt_found_domain *x = a, *y = b;

	return x->domid < y->domid ? -1 : x->domid > y->domid;
}

/* Owners that are domains: their page holds the id; the three that always exist must
 * be among them, and no id twice. */
static int find_domains(struct emt_discovery *d, const struct owners *o, struct emt_err *err)
{
	bool io = false, xen = false;

	d->domains = calloc(o->n ? o->n : 1, sizeof(*d->domains));
	if (!d->domains)
		return emt_err_set(err, EMT_E_NOMEM, emt_mem_path(d->xen.mem), NULL,
				   "not enough memory for its domains");
	for (size_t i = 0; i < o->room; i++) {
		uint16_t id;

		if (!o->v[i].pdx || emt_mem_read(d->xen.mem, (uint64_t)o->v[i].pdx << 12, &id, sizeof(id)))
			continue;
		io |= id == EMT_DOMID_IO;
		xen |= id == EMT_DOMID_XEN;
		if (id < EMT_DOMID_FIRST_RESERVED)
			d->domains[d->nr_domains++] = (struct emt_found_domain){
				.domid = id, .struct_mfn = o->v[i].pdx, .owned = o->v[i].frames };
	}
	qsort(d->domains, d->nr_domains, sizeof(*d->domains), by_domid);
	for (size_t i = 1; i < d->nr_domains; i++)
		if (d->domains[i].domid == d->domains[i - 1].domid)
			return emt_err_set(
				err, EMT_E_FORMAT, emt_mem_path(d->xen.mem), "give root=MADDR, or symbols",
				"two owners of frames call themselves domain %u", d->domains[i].domid);
	if (!io || !xen || !d->nr_domains)
		return emt_err_set(
			err, EMT_E_FORMAT, emt_mem_path(d->xen.mem), "give root=MADDR, or symbols",
			"the frame table names %zu owners, but not DOMID_IO, DOMID_XEN and a domain", o->n);
	return 0;
}

/* ---- roots ---- */

/* An IOMMU table with a few frames of others is what an audit is to find: it is taken if
 * nearly all of it fits the domain and nothing fits wholly. */
#define MOST_FIT 16u
static bool nearly_sound(const struct emt_root_check *c)
{
	return !c->odd && c->match >= MOST_FIT && c->match >= MOST_FIT * c->other && c->match >= c->no_m2p;
}

static void take_root(struct emt_xenmap *x, struct emt_found_root *to, const struct emt_format *format,
		      const struct emt_epte_layout *layout, uint64_t root, unsigned int levels, uint32_t pdx,
		      bool nearly, unsigned int *sound)
{
	struct emt_root_check c;

	to->candidates++;
	emt_root_check(x, format, layout, root, levels, pdx, &c);
	if (!(emt_root_sound(&c) || (nearly && nearly_sound(&c))) || (*sound && to->root == root))
		return;
	(*sound)++;
	to->format = format;
	to->root = root;
	to->levels = levels;
	to->check = c;
}

/* The p2m: a pointer of struct domain into the direct map, to something that points
 * back to the domain and holds the frame of a table that belongs to it; on EPT also
 * the EPTP with that frame. */
static unsigned int find_p2m(struct emt_discovery *d, struct emt_found_domain *dom,
			     const struct emt_epte_layout *layout, const uint64_t *page)
{
	uint64_t self = EMT_XEN_DIRECTMAP + (dom->struct_mfn << 12), tried[64];
	unsigned int sound = 0, nr_tried = 0;

	for (unsigned int i = 0; i < 512; i++) {
		uint64_t win[128], p = page[i], end = EMT_XEN_DIRECTMAP + (d->max_page << 12);
		bool back = false;

		if (p < EMT_XEN_DIRECTMAP || p >= end || p & 7 || emt_xen_read(&d->xen, p, win, sizeof(win)))
			continue;
		for (unsigned int k = 0; k < 128 && !back; k++)
			back = win[k] == self;
		for (unsigned int k = 0; k < 128 && back; k++) {
			const struct emt_format *format = &emt_format_npt;
			struct emt_xen_page info;
			bool seen = false;

			if (!win[k] || !emt_mem_is_ram(d->xen.mem, win[k]) ||
			    emt_xen_page(&d->xen, win[k], &info) || info.type_info != EMT_PGT_P2M_ROOT ||
			    info.count_info & EMT_PGC_ALLOCATED)
				continue;
			for (unsigned int t = 0; t < nr_tried && !seen; t++)
				seen = tried[t] == win[k];
			if (seen || nr_tried == EMT_ARRAY_SIZE(tried))
				continue;
			tried[nr_tried++] = win[k];
			for (unsigned int e = 0; e < 128; e++)
				if ((win[e] & 0xfbf) == 0x1e && win[e] >> 12 == win[k])
					format = &emt_format_ept;
			take_root(&d->xen, &dom->p2m, format, layout, win[k], 4, (uint32_t)dom->struct_mfn,
				  false, &sound);
		}
	}
	return sound;
}

/* IOMMU tables: VT-d keeps the root's machine address in struct domain, AMD-Vi a
 * pointer to the root's page_info. Neither page has an owner. */
static unsigned int find_iommu(struct emt_discovery *d, struct emt_found_domain *dom, const uint64_t *page,
			       bool nearly)
{
	uint64_t ft_end = EMT_XEN_FRAMETABLE + d->max_page * EMT_XEN_PAGE_INFO;
	unsigned int sound = 0;

	for (unsigned int i = 0; i < 512; i++) {
		bool amd = page[i] >= EMT_XEN_FRAMETABLE && page[i] < ft_end &&
			(page[i] - EMT_XEN_FRAMETABLE) % EMT_XEN_PAGE_INFO == 0;
		const struct emt_format *format = amd ? &emt_format_amdvi : &emt_format_vtd;
		uint64_t mfn = amd ? (page[i] - EMT_XEN_FRAMETABLE) / EMT_XEN_PAGE_INFO : page[i] >> 12;
		struct emt_xen_page info;

		if (!mfn || (!amd && page[i] & 0xfff) || !emt_mem_is_ram(d->xen.mem, mfn) ||
		    emt_xen_page(&d->xen, mfn, &info) || info.owner || info.count_info & EMT_PGC_ALLOCATED)
			continue;
		for (unsigned int levels = 3; levels <= (amd ? 6u : 5u) && !sound; levels++)
			take_root(&d->xen, &dom->iommu, format, NULL, mfn, levels, (uint32_t)dom->struct_mfn,
				  nearly, &sound);
	}
	return sound;
}

static int find_roots(struct emt_discovery *d, struct emt_found_domain *dom,
		      const struct emt_epte_layout *layout, struct emt_err *err)
{
	uint64_t page[512];

	if (emt_mem_read(d->xen.mem, dom->struct_mfn << 12, page, sizeof(page)))
		return 0;
	if (find_p2m(d, dom, layout, page) > 1)
		return emt_err_set(err, EMT_E_FORMAT, emt_mem_path(d->xen.mem), "give root=MADDR, or symbols",
				   "domain %u has more than one tree that could be its p2m", dom->domid);
	if (!find_iommu(d, dom, page, false))
		find_iommu(d, dom, page, true);
	return 0;
}

/* ---- Xen's page tables ---- */

static int find_xen(struct emt_discovery *d, struct emt_mem *m, const struct emt_mem_look *look,
		    struct emt_err *err)
{
	uint64_t slots[2] = { 0 }, got[2];
	struct emt_xenmap_check c;
	struct emt_xenmap x;

	d->l4_candidates = look->nr_l4;
	for (size_t i = 0; i < look->nr_l4; i++) {
		emt_xenmap_init(&x, m, look->l4[i]);
		if (emt_mem_read(m, look->l4[i] + 261 * 8, got, sizeof(got)) || !emt_xenmap_check(&x, &c))
			continue;
		if (d->l4_agree && memcmp(slots, got, sizeof(got)))
			return emt_err_set(err, EMT_E_FORMAT, emt_mem_path(m),
					   "give the memory after a cold boot, or symbols",
					   "holds page tables of two Xens: at %#llx and at %#llx",
					   (unsigned long long)d->xen.l4, (unsigned long long)look->l4[i]);
		/* one that has both views of the M2P says more */
		if (!d->l4_agree || c.m2p_n > d->check.m2p_n) {
			emt_xenmap_init(&d->xen, m, look->l4[i]);
			d->check = c;
		}
		memcpy(slots, got, sizeof(slots));
		d->l4_agree++;
	}
	if (!d->l4_agree)
		return emt_err_set(
			err, EMT_E_FORMAT, emt_mem_path(m),
			"give root=MADDR; Xen older than 4.14 and builds with "
			"CONFIG_BIGMEM are not found this way",
			"holds no page tables of a Xen that pass the checks (%zu looked like some)",
			look->nr_l4);
	return 0;
}

int emt_discover(struct emt_discovery *d, struct emt_mem *m, const struct emt_mem_look *look,
		 const struct emt_epte_layout *layout, struct emt_err *err)
{
	struct owners o = { 0 };
	int rc;

	*d = (struct emt_discovery){ 0 };
	rc = find_xen(d, m, look, err);
	if (!rc)
		rc = count_owners(&d->xen, &o, err);
	d->max_page = o.max_page;
	if (!rc)
		rc = find_domains(d, &o, err);
	for (size_t i = 0; i < d->nr_domains && !rc; i++)
		rc = find_roots(d, &d->domains[i], layout, err);
	free(o.v);
	if (rc)
		emt_discovery_free(d);
	return rc;
}

void emt_discovery_free(struct emt_discovery *d)
{
	free(d->domains);
	d->domains = NULL;
	d->nr_domains = 0;
}
