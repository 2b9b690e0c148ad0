/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command queues of a memory image, with whose they are by Xen's frame table.
 */
#include <stdio.h>
#include <stdlib.h>

#include "memory/hwdomain.h"
#include "memory/queue.h"
#include "source/iommu_history.h"
#include "source/mem_open.h"

struct queues {
	struct mem_source *ms;
	struct emt_iommu_queue *v; /* owned */
	size_t n, room;
};

struct give {
	const struct emt_iommu_queue *q;
	emt_iommu_history_cb cb;
	void *arg;
	size_t first;     /* index of the page's first slot */
	uint64_t *commands;
};

const char *emt_queue_owner_name(unsigned int owner)
{
	static const char *const names[EMT_QUEUE_OWNER_NR] = { "unknown", "xen", "free", "domain" };

	return owner < EMT_QUEUE_OWNER_NR ? names[owner] : NULL;
}

static void whose(struct mem_source *ms, struct emt_iommu_queue *q)
{
	struct emt_xen_page page;

	if (!ms->found || emt_xen_page(&ms->d.xen, q->maddr >> 12, &page))
		return;
	if (page.count_info & EMT_PGC_STATE) {
		q->owner = EMT_QUEUE_OWNER_FREE;
		return;
	}
	if (!page.owner || page.count_info & EMT_PGC_XEN_HEAP) {
		q->owner = EMT_QUEUE_OWNER_XEN;
		return;
	}
	q->owner = EMT_QUEUE_OWNER_DOMAIN;
	for (size_t i = 0; i < ms->d.nr_domains && !q->domid_known; i++)
		if (ms->d.domains[i].struct_mfn == page.owner) {
			q->domid = ms->d.domains[i].domid;
			q->domid_known = true;
		}
}

static bool continues(const struct emt_iommu_queue *a, const struct emt_iommu_queue *b)
{
	return a->maddr + a->bytes == b->maddr && a->amd == b->amd && a->owner == b->owner &&
	       a->domid == b->domid && a->domid_known == b->domid_known;
}

static int take_page(const struct emt_queue_page *p, void *arg)
{
	struct queues *qs = arg;
	struct emt_iommu_queue q = { .maddr = p->mfn << 12, .bytes = EMT_FRAME_SIZE, .amd = p->amd };

	whose(qs->ms, &q);
	if (qs->n && continues(&qs->v[qs->n - 1], &q)) {
		qs->v[qs->n - 1].bytes += q.bytes;
		return 0;
	}
	if (qs->n == qs->room) {
		size_t room = qs->room ? 2 * qs->room : 16;
		struct emt_iommu_queue *v = realloc(qs->v, room * sizeof(*v));

		if (!v)
			return EMT_E_NOMEM;
		qs->v = v;
		qs->room = room;
	}
	qs->v[qs->n++] = q;
	return 0;
}

static int give_command(const struct emt_iommu_cmd *c, void *arg)
{
	struct give *g = arg;
	struct emt_iommu_cmd whole = *c;

	whole.index += g->first;
	(*g->commands)++;
	return g->cb(g->q, &whole, g->arg);
}

static int give_queue(struct give *g, struct emt_mem *mem, struct emt_err *err)
{
	int rc = 0;

	for (uint64_t at = 0; at < g->q->bytes && !rc; at += EMT_FRAME_SIZE) {
		const void *page = emt_mem_frame(mem, (g->q->maddr + at) >> 12);

		if (!page)
			return emt_err_set(err, EMT_E_IO, emt_mem_path(mem), NULL,
					   "the page at %#llx cannot be read again",
					   (unsigned long long)(g->q->maddr + at));
		g->first = at / 16;
		rc = g->q->amd ? emt_iommu_cmds_amd(page, EMT_FRAME_SIZE, give_command, g)
			       : emt_iommu_cmds_vtd(page, EMT_FRAME_SIZE, false, give_command, g);
	}
	return rc;
}

static int history(struct mem_source *ms, emt_iommu_history_cb cb, void *arg, struct emt_iommu_history *h,
		   struct emt_err *err)
{
	struct queues qs = { .ms = ms };
	int rc = emt_mem_queues(ms->mem, take_page, &qs, err);

	if (rc == EMT_E_NOMEM)
		emt_err_set(err, rc, emt_mem_path(ms->mem), NULL, "not enough memory for its queues");
	for (size_t i = 0; i < qs.n && !rc; i++) {
		struct give g = { .q = &qs.v[i], .cb = cb, .arg = arg, .commands = &h->commands };

		h->queues++;
		rc = give_queue(&g, ms->mem, err);
	}
	free(qs.v);
	return rc;
}

/* The memory, and what is found in it; close it in any case. */
static int open_memory(struct mem_source *ms, const struct emt_source_spec *spec, struct emt_err *why_not,
		       struct emt_err *err)
{
	struct emt_source s = { .ops = &emt_source_mem_ops };
	int rc;

	*ms = (struct mem_source){ .mem = NULL };
	emt_facts_init(&ms->host);
	if (spec->kind != EMT_SOURCE_MEM)
		return emt_err_set(err, EMT_E_UNSUPPORTED, spec->target,
				   "give an image or core of the whole machine: mem:FILE",
				   "is no machine memory: IOMMU commands stand nowhere else");
	snprintf(s.name, sizeof(s.name), "%s:%s", s.ops->scheme, spec->target);
	rc = emt_mem_open(&ms->mem, spec->target, err);
	/* without a Xen every frame of the file is looked at, and no owner is known */
	if (!rc && mem_discover(&s, ms, why_not) == EMT_E_NOMEM)
		rc = emt_err_set(err, EMT_E_NOMEM, s.name, NULL, "not enough memory to search it");
	return rc;
}

static void close_memory(struct mem_source *ms)
{
	emt_discovery_free(&ms->d);
	emt_facts_free(&ms->host);
	emt_mem_close(ms->mem);
}

int emt_iommu_history(const struct emt_source_spec *spec, emt_iommu_history_cb cb, void *arg,
		      struct emt_iommu_history *h, struct emt_err *err)
{
	struct mem_source ms;
	int rc;

	*h = (struct emt_iommu_history){ 0 };
	rc = open_memory(&ms, spec, &h->why_not, err);
	h->xen = ms.found;
	if (!rc)
		rc = history(&ms, cb, arg, h, err);
	close_memory(&ms);
	return rc;
}

/* ---- ids of the hardware ---- */

struct hw_search {
	const uint32_t *domid;   /* by index of a root */
	struct emt_hw_domain *v;
	size_t n, room;
};

static int one_entry(const struct emt_hw_entry *e, void *arg)
{
	struct hw_search *s = arg;
	struct emt_hw_domain d = { .domid = s->domid[e->which], .did = e->did, .amd = e->amd };

	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].domid == d.domid && s->v[i].did == d.did && s->v[i].amd == d.amd)
			return 0;
	if (!s->v || s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 16;
		struct emt_hw_domain *v = realloc(s->v, room * sizeof(*v));

		if (!v)
			return EMT_E_NOMEM;
		s->v = v;
		s->room = room;
	}
	s->v[s->n++] = d;
	return 0;
}

/* Tables of its own, or the p2m where they are shared. */
static int search_entries(struct mem_source *ms, struct hw_search *s, struct emt_err *err)
{
	size_t nr = 2 * ms->d.nr_domains, n = 0;
	uint64_t *roots = calloc(nr + 1, sizeof(*roots));
	uint32_t *domid = calloc(nr + 1, sizeof(*domid));
	int rc = roots && domid ? 0 : EMT_E_NOMEM;

	for (size_t i = 0; i < ms->d.nr_domains && !rc; i++) {
		const struct emt_found_domain *d = &ms->d.domains[i];

		if (d->iommu.format) {
			roots[n] = d->iommu.root;
			domid[n++] = d->domid;
		}
		if (d->p2m.format) {
			roots[n] = d->p2m.root;
			domid[n++] = d->domid;
		}
	}
	s->domid = domid;
	if (!rc)
		rc = emt_mem_hw_entries(ms->mem, roots, n, one_entry, s, err);
	free(roots);
	free(domid);
	return rc;
}

int emt_iommu_hw_domains(const struct emt_source_spec *spec, struct emt_hw_domain **v, size_t *n, struct emt_err *err)
{
	struct hw_search s = { .v = NULL };
	struct emt_err why_not = { 0 };
	struct mem_source ms;
	int rc = open_memory(&ms, spec, &why_not, err);

	if (!rc && !ms.found)
		rc = emt_err_set(err, EMT_E_MISSING, spec->target, NULL, "no Xen is found in it: %.200s", why_not.text);
	if (!rc)
		rc = search_entries(&ms, &s, err);
	if (rc == EMT_E_NOMEM)
		emt_err_set(err, rc, spec->target, NULL, "not enough memory");
	close_memory(&ms);
	if (rc) {
		free(s.v);
		s = (struct hw_search){ .v = NULL };
	}
	*v = s.v;
	*n = s.n;
	return rc;
}
