/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A walk of a source to findings: what audit, metrics and report have in common.
 */
#include "audit/findings.h"
#include "audit/page.h"
#include "command/use.h"

#define BATCH 1024

/* What judges the entries of one walk: runs by the engine, whole tables by the page. */
struct judging {
	struct emt_ctx *ctx;
	struct emt_engine *engine;
	struct emt_ctx_use *use;
	struct emt_page_judge *pages; /* made at the first table */
	uint64_t done, runs;          /* given so far, and how many there are (0 = not known) */
	uint64_t step_at;             /* progress and cancelling are looked at from here on */
};

static int step(struct judging *j, uint64_t n)
{
	j->done += n;
	if (j->done < j->step_at)
		return 0;
	j->step_at = j->done + BATCH;
	return emt_ctx_step(j->ctx, j->done, j->runs);
}

static int judge_run(const struct emt_run *run, void *arg)
{
	struct judging *j = arg;
	int rc = emt_engine_run(j->engine, run, emt_ctx_use_piece, j->use);

	return rc ? rc : step(j, 1);
}

static int judge_page(const struct emt_table_page *page, void *arg)
{
	struct judging *j = arg;
	int rc = j->pages ? 0 : emt_page_judge_new(&j->pages, j->engine, EMT_PAGE_BEST, j->ctx->err);

	if (!rc)
		rc = emt_page_judge(j->pages, page->entries, 512, page->gfn, EMT_ORDER_4K, page->layout,
				    page->pending_above, emt_ctx_use_piece, j->use);
	return rc ? rc : step(j, 16);
}

static int read_all(struct emt_ctx *ctx, struct emt_source *s, size_t walk, struct emt_engine *e,
		    struct emt_ctx_use *use, struct emt_loss *loss)
{
	struct judging j = { .ctx = ctx, .engine = e, .use = use };
	struct emt_stream_sink sink = { judge_run, judge_page, &j };
	struct emt_source_walk info;
	struct emt_stream *st = NULL;
	int rc;

	rc = emt_source_walk(s, walk, &info, ctx->err);
	if (!rc)
		rc = emt_source_stream(s, walk, &st, ctx->err);
	if (rc)
		return rc;
	j.runs = info.runs;
	rc = emt_stream_each(st, &sink, ctx->err);
	emt_page_judge_free(j.pages);
	emt_stream_loss(st, loss);
	emt_stream_free(st);
	return rc;
}

/* ---- with a map ---- */

struct both {
	struct emt_engine *engine;
	struct emt_map *map;
	struct emt_ctx_use use;
};

static int add(const struct emt_piece *p, void *arg)
{
	struct both *b = arg;
	int rc = emt_ctx_use_piece(p, &b->use);

	return rc ? rc : emt_map_add(p, b->map);
}

static int add_run(const struct emt_run *run, void *arg)
{
	struct both *b = arg;

	return emt_engine_run(b->engine, run, add, b);
}

static int close_findings(struct emt_ctx *ctx, struct emt_findings **f, int rc)
{
	if (!rc)
		rc = emt_findings_finish(*f);
	if (rc == EMT_E_NOMEM)
		emt_err_set(ctx->err, rc, ctx->args->cmd->name, NULL, "out of memory");
	if (rc) {
		emt_findings_free(*f);
		*f = NULL;
	}
	return rc;
}

int emt_ctx_map(struct emt_ctx *ctx, struct emt_source *s, size_t walk, struct emt_engine *e, struct emt_map *m,
		struct emt_findings **f, struct emt_loss *loss)
{
	struct both b = { .engine = e, .map = m };
	int rc;

	*f = NULL;
	rc = emt_findings_new(f, emt_engine_facts(e), emt_engine_release(e));
	if (!rc)
		rc = emt_ctx_use_begin(&b.use, ctx, s, walk, e, *f);
	if (!rc)
		rc = emt_ctx_runs(ctx, s, walk, add_run, &b, loss);
	rc = emt_ctx_use_end(&b.use, s, walk, rc);
	return close_findings(ctx, f, rc);
}

/* ---- without ---- */

int emt_ctx_findings(struct emt_ctx *ctx, struct emt_source *s, size_t walk, struct emt_engine *e,
		     struct emt_findings **f, struct emt_loss *loss)
{
	struct emt_ctx_use use = { .on = false };
	int rc = emt_findings_new(f, emt_engine_facts(e), emt_engine_release(e));

	if (!rc)
		rc = emt_ctx_use_begin(&use, ctx, s, walk, e, *f);
	if (!rc)
		rc = read_all(ctx, s, walk, e, &use, loss);
	rc = emt_ctx_use_end(&use, s, walk, rc);
	return close_findings(ctx, f, rc);
}
