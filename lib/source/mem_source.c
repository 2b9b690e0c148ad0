/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machine memory as a source: images, cores, and table pages of captures. Post mortem:
 * no Xen needs to run.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/format.h"
#include "policy/release.h"
#include "source/mem_open.h"
#include "source/table_stream.h"

static bool is_capture(const char *path)
{
	char head[8] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool yes = fd >= 0 && read(fd, head, sizeof(head)) == (ssize_t)sizeof(head) &&
		!memcmp(head, EMT_CAP_MAGIC, sizeof(head));

	if (fd >= 0)
		close(fd);
	return yes;
}

static void mem_close(struct emt_source *s)
{
	struct mem_source *ms = s->priv;

	for (size_t i = 0; ms->c && i < ms->nr; i++) {
		emt_mem_close(ms->walks[i].mem);
		emt_mem_close(ms->walks[i].guest);
	}
	for (size_t i = 0; i < ms->nr; i++)
		emt_pv_walk_free(ms->walks[i].pv);
	emt_pv_close(ms->pv);
	emt_discovery_free(&ms->d);
	emt_symbols_free(ms->syms);
	emt_facts_free(&ms->host);
	emt_mem_close(ms->mem);
	emt_capture_free(ms->c);
	free(ms->walks);
	free(ms);
}

/* Walks of a capture that have table pages. */
static int open_capture(struct emt_source *s, struct mem_source *ms, const struct emt_source_spec *spec,
			struct emt_err *err)
{
	int rc = emt_capture_open(&ms->c, spec->target, spec->salvage, err), last = 0;

	for (size_t i = 0; !rc && i < emt_capture_walks(ms->c); i++) {
		const struct emt_walk_info *info = emt_capture_walk(ms->c, i);
		struct emt_pages_root root;
		struct emt_release rel;
		struct emt_mem *mem;
		struct mem_walk *w;
		struct emt_facts f;

		if (spec->domid >= 0 && info->domid != (uint64_t)spec->domid)
			continue;
		last = emt_pages_open(&mem, ms->c, i, &root, NULL);
		if (last)
			continue;
		w = mem_add_walk(ms);
		if (!w) {
			emt_mem_close(mem);
			return emt_err_set(err, EMT_E_NOMEM, s->name, NULL,
					   "not enough memory for its walks");
		}
		w->domid = info->domid;
		w->mem = mem;
		w->format = &emt_format_ept;
		w->root = spec->root == EMT_NO_FRAME ? root.root : spec->root >> 12;
		w->levels = root.levels;
		w->capture_walk = i;
		snprintf(w->label, sizeof(w->label), "ept at %#llx, %zu table pages",
			 (unsigned long long)w->root << 12, root.pages);
		rc = emt_capture_facts(ms->c, i, &f, err);
		if (rc)
			break;
		if (f.paging == EMT_PAGING_NPT)
			w->format = &emt_format_npt;
		if (emt_release_parse(&rel, f.release, false, err))
			rc = EMT_E_MISSING;
		else
			w->layout = emt_epte_layout_of(rel.version);
		emt_facts_free(&f);
	}
	if (!rc && !ms->nr)
		rc = emt_err_set(err, last ? last : EMT_E_NOSOURCE, s->name, "open it as capture:FILE",
				 "holds no table pages%s", spec->domid >= 0 ? " of that domain" : "");
	return rc;
}

static int mem_open(struct emt_source *s, const struct emt_source_spec *spec, struct emt_err *err)
{
	struct mem_source *ms = calloc(1, sizeof(*ms));
	int rc;

	if (!ms)
		return emt_err_set(err, EMT_E_NOMEM, s->name, NULL, "not enough memory to open it");
	emt_facts_init(&ms->host);
	s->priv = ms;
	rc = is_capture(spec->target) ? open_capture(s, ms, spec, err) : mem_open_image(s, ms, spec, err);
	if (rc)
		mem_close(s);
	return rc;
}

static size_t mem_walks(const struct emt_source *s)
{
	return ((const struct mem_source *)s->priv)->nr;
}

static int mem_walk_info(const struct emt_source *s, size_t i, struct emt_source_walk *info,
			 struct emt_err *err)
{
	const struct mem_source *ms = s->priv;
	const struct mem_walk *w = &ms->walks[i];

	(void)err;
	info->domid = w->domid;
	memcpy(info->label, w->label, sizeof(info->label));
	if (ms->c)
		info->time = emt_capture_walk(ms->c, w->capture_walk)->time;
	return 0;
}

struct emt_walk_opts mem_walk_opts(const struct mem_walk *w)
{
	return (struct emt_walk_opts){
		.mem = emt_mem_memory(w->mem), .format = w->format, .layout = w->layout, .root = w->root,
		.levels = w->levels, .join = true,
	};
}

/* Special frames among the leaves: what count_info says of each. */
static int special_frames(struct mem_source *ms, const struct mem_walk *w, struct emt_facts *f,
			  struct emt_err *err)
{
	struct emt_walk_opts o = mem_walk_opts(w);
	struct emt_walker *walker;
	struct emt_run run;
	int rc = emt_walker_new(&walker, &o, err);

	while (!rc && emt_walker_next(walker, &run)) {
		if (run.flags & EMT_RUN_INTERMEDIATE || run.mfn == EMT_NO_FRAME)
			continue;
		for (uint64_t mfn = run.mfn, end = run.mfn + emt_run_frames(&run); mfn < end && !rc; mfn++) {
			uint64_t bits = EMT_PGC_XEN_HEAP | EMT_PGC_EXTRA;
			struct emt_xen_page page;

			if (!emt_mem_is_ram(ms->mem, mfn) || emt_xen_page(&ms->d.xen, mfn, &page) ||
			    page.count_info & EMT_PGC_STATE || !(page.count_info & bits))
				continue;
			rc = emt_ranges_add(&f->special, mfn, mfn, page.count_info & EMT_PGC_XEN_HEAP ?
					    EMT_SPECIAL_XENHEAP : EMT_SPECIAL_EXTRA, EMT_KNOWN);
		}
	}
	emt_walker_free(walker);
	if (!rc)
		emt_facts_set_list(f, EMT_FACT_SPECIAL, EMT_KNOWN, EMT_KNOWN,
				   "count_info of each mapped frame");
	return rc ? emt_err_set(err, rc, "special frames", NULL, "not enough memory to list them") : 0;
}

static int mem_facts(struct emt_source *s, size_t i, struct emt_facts *f, struct emt_err *err)
{
	struct mem_source *ms = s->priv;
	const struct mem_walk *w = &ms->walks[i];
	const char *origin;
	int rc;

	if (ms->c)
		return emt_capture_facts(ms->c, w->capture_walk, f, err);
	emt_facts_free(f);
	if (emt_facts_copy(f, &ms->host))
		return emt_err_set(err, EMT_E_NOMEM, s->name, NULL, "not enough memory for its facts");
	if (w->pv) {
		rc = emt_pv_walk_facts(w->pv, f, err);
		if (rc)
			emt_facts_free(f);
		return rc;
	}
	f->domid = w->domid;
	f->nr_pages = w->dom ? w->dom->owned : 0;
	if (w->format == &emt_format_ept || w->format == &emt_format_npt) {
		f->paging = w->format == &emt_format_ept ? EMT_PAGING_EPT : EMT_PAGING_NPT;
		origin = emt_facts_intern(f, w->label);
		emt_facts_set(f, EMT_FACT_PAGING, EMT_KNOWN, origin ? origin : "memory");
	} else if (w->dom && w->dom->p2m.format == &emt_format_npt) {
		f->paging = EMT_PAGING_NPT;
		emt_facts_set(f, EMT_FACT_PAGING, EMT_KNOWN, "p2m found beside the IOMMU tables");
	}
	if (w->dom && w->dom->iommu.format) {
		f->domain_iommu = true;
		f->iommu_shared = false;
		emt_facts_set(f, EMT_FACT_DOMAIN_IOMMU, EMT_KNOWN, "IOMMU tables of its own are found");
		emt_facts_set(f, EMT_FACT_IOMMU_SHARED, EMT_KNOWN, "IOMMU tables of its own are found");
	}
	rc = ms->found && w->dom ? special_frames(ms, w, f, err) : 0;
	if (!rc && ms->xen && w->dom)
		rc = emt_inputs_facts(&ms->d, ms->syms, ms->xen, w->dom, f, err);
	if (rc)
		emt_facts_free(f);
	return rc;
}

static int mem_stream(struct emt_stream *st, size_t i, struct emt_err *err)
{
	const struct mem_source *ms = st->source->priv;
	struct emt_walk_opts o = mem_walk_opts(&ms->walks[i]);

	if (ms->walks[i].pv) {
		st->priv = ms->walks[i].pv;
		return emt_pv_walk_stream(st->priv, err);
	}
	return emt_table_stream(st, &o, err);
}

static bool is_pv(const struct emt_stream *st)
{
	return ((const struct mem_source *)st->source->priv)->walks[st->walk].pv;
}

static int mem_seek(struct emt_stream *st, uint64_t gfn, struct emt_err *err)
{
	return is_pv(st) ? emt_pv_walk_seek(st, gfn, err) : emt_table_seek(st, gfn, err);
}

static long mem_read(struct emt_stream *st, struct emt_run *runs, size_t room, struct emt_err *err)
{
	return is_pv(st) ? emt_pv_walk_read(st, runs, room, err) : emt_table_read(st, runs, room, err);
}

static void mem_loss(const struct emt_stream *st, struct emt_loss *loss)
{
	if (is_pv(st))
		emt_pv_walk_loss(st, loss);
	else
		emt_table_loss(st, loss);
}

static void mem_end(struct emt_stream *st)
{
	if (!is_pv(st))
		emt_table_end(st);
}

/* Runs and whole tables in gfn order: what is held is given before a table is. */
struct each {
	struct emt_table_stream *m;
	const struct emt_stream_sink *sink;
};

static int give_held(struct each *e)
{
	int rc = e->m->held.count ? e->sink->run(&e->m->held, e->sink->arg) : 0;

	e->m->held.count = 0;
	return rc;
}

static int each_page(const struct emt_table_page *page, void *arg)
{
	struct each *e = arg;
	int rc = give_held(e);

	return rc ? rc : e->sink->page(page, e->sink->arg);
}

static int mem_each(struct emt_stream *st, const struct emt_stream_sink *sink, struct emt_err *err)
{
	struct emt_table_stream *m = st->priv;
	struct each e = { m, sink };
	struct emt_run run;
	int rc = 0;

	if (is_pv(st)) {
		while (!rc && emt_pv_walk_read(st, &run, 1, err) > 0)
			rc = sink->run(&run, sink->arg);
		return rc;
	}

	emt_walker_pages(m->walker, each_page, &e);
	while (!rc && emt_walker_next(m->walker, &run)) {
		rc = give_held(&e);
		m->held = run;
	}
	emt_walker_pages(m->walker, NULL, NULL);
	m->end = true;
	if (!rc)
		rc = emt_walker_page_rc(m->walker);
	if (!rc)
		rc = give_held(&e);
	if (!rc && emt_walker_result(m->walker)->no_memory)
		rc = emt_err_set(err, EMT_E_NOMEM, st->source->name, NULL,
				 "not enough memory to walk it to its end");
	return rc;
}

struct give {
	emt_table_cb cb;
	void *arg;
	int rc;
};

static void give_table(uint64_t mfn, unsigned int level, const uint64_t *entries, void *arg)
{
	struct give *g = arg;

	if (!g->rc)
		g->rc = g->cb(mfn, level, entries, g->arg);
}

static int mem_tables(struct emt_source *s, size_t i, emt_table_cb cb, void *arg, struct emt_err *err)
{
	const struct mem_source *ms = s->priv;
	struct emt_walk_opts o = mem_walk_opts(&ms->walks[i]);
	struct give g = { cb, arg, 0 };
	struct emt_walker *w;
	struct emt_run run;
	int rc;

	if (ms->walks[i].pv)
		return emt_err_set(err, EMT_E_MISSING, s->name, NULL, "a PV domain's p2m has no table pages");
	o.table = give_table;
	o.table_arg = &g;
	rc = emt_walker_new(&w, &o, err);
	while (!rc && !g.rc && emt_walker_next(w, &run))
		;
	if (!rc && emt_walker_result(w)->no_memory)
		rc = emt_err_set(err, EMT_E_NOMEM, s->name, NULL, "not enough memory to walk it to its end");
	emt_walker_free(w);
	return rc ? rc : g.rc;
}

const struct emt_source_ops emt_source_mem_ops = {
	.scheme = "mem",
	.open = mem_open,
	.close = mem_close,
	.walks = mem_walks,
	.walk = mem_walk_info,
	.facts = mem_facts,
	.stream = mem_stream,
	.seek = mem_seek,
	.read = mem_read,
	.each = mem_each,
	.loss = mem_loss,
	.tables = mem_tables,
	.guest = mem_guest,
	.owner = mem_owner,
	.end = mem_end,
};
