/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/guest_view.h"

#include <stdlib.h>
#include <string.h>

static const char *const mode_words[] = { "4level", "5level", "pae", "32bit", NULL };
static const enum emt_guest_mode modes[] = { EMT_GUEST_4LEVEL, EMT_GUEST_5LEVEL, EMT_GUEST_PAE,
					     EMT_GUEST_32BIT };

static const struct emt_arg guest_args[] = {
	{ .name = "cr3", .type = EMT_ARG_ADDRESS, .metavar = "ADDR", .fallback = "those of the vCPUs",
	  .help = "page tables to walk: the guest-physical address that CR3 would hold" },
	{ .name = "paging-mode", .type = EMT_ARG_ENUM, .metavar = "MODE", .words = mode_words,
	  .fallback = "4level", .help = "with --cr3: kind of these tables" },
	{ .name = "pat", .type = EMT_ARG_NUMBER, .metavar = "VALUE", .fallback = "that of each vCPU",
	  .help = "IA32_PAT, where the source does not tell it, or to see what another would do" },
};
const struct emt_arg_group emt_args_guest = { "Guest options", guest_args, EMT_ARRAY_SIZE(guest_args) };

const char *emt_guest_page_text(unsigned int order)
{
	switch (order) {
	case 0: return "4 KiB";
	case 9: return "2 MiB";
	case 10: return "4 MiB";
	case 18: return "1 GiB";
	default: return "?";
	}
}

void emt_guest_rights_text(unsigned int flags, char out[8])
{
	char *p = out;

	*p++ = flags & EMT_GUEST_USER ? 'u' : 'k';
	*p++ = 'r';
	*p++ = flags & EMT_GUEST_WRITE ? 'w' : '-';
	*p++ = flags & EMT_GUEST_NX ? '-' : 'x';
	*p = '\0';
}

const char *emt_pat_text(unsigned int pat)
{
	return pat == EMT_MT_7 ? "UC-" : pat < EMT_MT_7 ? emt_mt_name(pat) : "?";
}

/* ---- the p2m ---- */

static int add_piece(const struct emt_piece *p, void *arg)
{
	struct emt_ctx_guest *g = arg;

	return emt_gpas_add(&g->gpas, p, emt_engine_facts(g->engine));
}

static int add_run(const struct emt_run *run, void *arg)
{
	struct emt_ctx_guest *g = arg;

	return g->engine ? emt_engine_run(g->engine, run, add_piece, g) : emt_gpas_add_npt(&g->gpas, run, &g->facts);
}

/* ---- views ---- */

static int stated(struct emt_ctx *ctx, const struct emt_facts *f, struct emt_ctx_guest *g, struct emt_err *err)
{
	uint64_t pat = emt_parse_number(ctx->args, "pat", 0);

	g->views = calloc(1, sizeof(*g->views));
	if (!g->views)
		return emt_err_set(err, EMT_E_NOMEM, "guest page tables", NULL, "not enough memory");
	emt_view_stated(g->views, f, modes[emt_parse_number(ctx->args, "paging-mode", 0)],
			emt_parse_number(ctx->args, "cr3", 0), emt_parse_get(ctx->args, "pat") ? &pat : NULL);
	g->nr = 1;
	return 0;
}

int emt_ctx_guest_views(struct emt_ctx *ctx, struct emt_source *s, size_t i, const struct emt_facts *f,
			struct emt_ctx_guest *g, struct emt_err *err)
{
	struct emt_release rel;
	bool tables = false, known = !emt_ctx_release_of(ctx, f, &rel, NULL);
	int rc;

	if (emt_parse_get(ctx->args, "cr3"))
		rc = stated(ctx, f, g, err);
	else if (emt_parse_get(ctx->args, "paging-mode"))
		return emt_err_set(err, EMT_E_USAGE, "--cr3", NULL, "--paging-mode goes with tables that --cr3 names");
	else
		rc = emt_views_of(f, known ? &rel : NULL, &g->views, &g->nr, err);
	for (size_t k = 0; !rc && k < g->nr; k++) {
		tables |= g->views[k].mode != EMT_GUEST_OFF;
		if (emt_parse_get(ctx->args, "pat")) {
			g->views[k].pat = emt_parse_number(ctx->args, "pat", 0);
			g->views[k].pat_known = true;
		}
	}
	return !rc && tables ? emt_source_guest(s, i, &g->mem, err) : rc;
}

int emt_ctx_guest(struct emt_ctx *ctx, struct emt_source *s, size_t i, struct emt_ctx_guest *g)
{
	int rc;

	memset(g, 0, sizeof(*g));
	rc = emt_ctx_facts(ctx, s, i, &g->facts);
	if (!rc && g->facts.paging != EMT_PAGING_NPT)
		rc = emt_engine_new(&g->engine, &g->facts, emt_parse_text(ctx->args, "release"), ctx->err);
	if (!rc)
		rc = emt_ctx_guest_views(ctx, s, i, g->engine ? emt_engine_facts(g->engine) : &g->facts, g, ctx->err);
	if (!rc)
		rc = emt_ctx_runs(ctx, s, i, add_run, g, &g->loss);
	if (rc == EMT_E_NOMEM)
		emt_err_set(ctx->err, rc, ctx->args->cmd->name, NULL, "not enough memory for the p2m");
	return rc;
}

void emt_ctx_guest_close(struct emt_ctx_guest *g)
{
	emt_gpas_free(&g->gpas);
	free(g->views);
	g->views = NULL;
	g->nr = 0;
	emt_engine_free(g->engine);
	g->engine = NULL;
	emt_facts_free(&g->facts);
}

/* ---- pieces ---- */

struct each {
	struct emt_ctx *ctx;
	struct emt_ctx_guest *g;
	const struct emt_view *view;
	emt_eff_cb cb;
	void *arg;
	uint64_t runs;
};

static int each_piece(const struct emt_eff *e, void *arg)
{
	struct each *x = arg;

	return x->cb(x->view, e, x->arg);
}

static int each_run(const struct emt_guest_run *run, void *arg)
{
	struct each *x = arg;
	int rc = emt_eff_run(x->view, &x->g->gpas, run, each_piece, x);

	return rc || ++x->runs % 4096 ? rc : emt_ctx_step(x->ctx, x->runs, 0);
}

int emt_ctx_guest_each(struct emt_ctx *ctx, struct emt_ctx_guest *g, uint64_t first, uint64_t last,
		       emt_eff_cb cb, void *arg)
{
	struct each x = { .ctx = ctx, .g = g, .cb = cb, .arg = arg };
	struct emt_frameset seen = { NULL, 0, 0 };
	int rc = 0;

	for (size_t k = 0; k < g->nr && !rc; k++) {
		struct emt_view_walk w = { .view = &g->views[k], .gpas = &g->gpas, .mem = g->mem, .first = first,
					   .last = last, .run = each_run, .arg = &x,
					   .seen = g->once ? &seen : NULL };
		struct emt_guest_result r;

		if (k && !emt_views_agree(&g->views[k - 1], &g->views[k]))
			emt_frameset_clear(&seen);

		x.view = &g->views[k];
		rc = emt_view_walk(&w, &r, ctx->err);
		g->total.tables += r.tables;
		g->total.pages += r.pages;
		g->total.unreadable += r.unreadable;
		g->total.reserved += r.reserved;
		g->total.too_many |= r.too_many;
	}
	emt_frameset_free(&seen);
	return rc;
}
