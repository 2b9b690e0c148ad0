/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * show: the entries, as merged runs.
 */
#include <string.h>

#include "command/ctx.h"
#include "command/kind_run.h"

#define BATCH 512

struct show {
	struct emt_ctx *ctx;
	uint32_t domid;
	struct emt_gfn_span span;
	bool split, intermediate, judged;
	bool held;             /* 'last' waits for what may continue it */
	struct emt_piece last;
};

static int put(struct show *s, const struct emt_piece *p)
{
	struct emt_rec *rec = emt_out_rec(s->ctx->out, &emt_kind_run);

	if (rec)
		emt_fill_run(rec, p, s->domid, s->judged && !(p->run.flags & EMT_RUN_POD));
	return emt_out_put(s->ctx->out, rec, s->ctx->err);
}

static int put_split(struct show *s, const struct emt_piece *p)
{
	struct emt_piece one = *p;
	uint64_t step = 1ull << p->run.order;
	int rc = 0;

	one.run.count = 1;
	for (uint64_t i = 0; i < p->run.count && !rc && !emt_out_enough(s->ctx->out); i++) {
		rc = put(s, &one);
		if (!rc && !(i & 1023))
			rc = emt_ctx_cancelled(s->ctx);
		one.run.gfn += step;
		if (one.run.mfn != EMT_NO_FRAME)
			one.run.mfn += step;
	}
	return rc;
}

static int flush(struct show *s)
{
	int rc = s->held ? put(s, &s->last) : 0;

	s->held = false;
	return rc;
}

static bool joins(const struct emt_piece *a, const struct emt_piece *b)
{
	return emt_run_joins(&a->run, &b->run) && a->verdict == b->verdict && a->why == b->why &&
	       a->expected == b->expected && a->possible == b->possible && a->facts == b->facts &&
	       a->defects == b->defects && a->types == b->types;
}

/* Pieces are cut where some fact changes; what says the same is shown as one. */
static int take_piece(const struct emt_piece *p, void *arg)
{
	struct show *s = arg;
	int rc;

	if ((p->run.flags & EMT_RUN_INTERMEDIATE) && !s->intermediate && p->verdict != EMT_V_MISCONFIGURED)
		return 0;
	if (s->split)
		return put_split(s, p);
	if (s->held && joins(&s->last, p)) {
		s->last.run.count += p->run.count;
		return 0;
	}
	rc = flush(s);
	s->last = *p;
	s->held = true;
	return rc;
}

/* The entries of 'r' that touch the span; false if there are none. */
static bool clip(struct emt_run *r, const struct emt_gfn_span *span)
{
	uint64_t skip;

	if (emt_run_last(r) < span->first || r->gfn > span->last)
		return false;
	if (r->gfn < span->first) {
		skip = (span->first - r->gfn) >> r->order;
		r->gfn += skip << r->order;
		r->count -= skip;
		if (r->mfn != EMT_NO_FRAME)
			r->mfn += skip << r->order;
	}
	if (emt_run_last(r) > span->last)
		r->count = ((span->last - r->gfn) >> r->order) + 1;
	return true;
}

static int take_run(struct show *s, struct emt_engine *e, struct emt_run *r)
{
	struct emt_piece p = { .types = 0 };

	if (!clip(r, &s->span))
		return 0;
	if (s->judged)
		return emt_engine_run(e, r, take_piece, s);
	p.run = *r;
	return take_piece(&p, s);
}

static int show_runs(struct show *s, struct emt_source *src, size_t walk, struct emt_engine *e)
{
	struct emt_run runs[BATCH];
	struct emt_source_walk info;
	struct emt_loss loss;
	struct emt_stream *st = NULL;
	uint64_t done = 0;
	bool stop = false;
	long n = 0;
	int rc = emt_source_walk(src, walk, &info, s->ctx->err);

	if (!rc)
		rc = emt_source_stream(src, walk, &st, s->ctx->err);
	if (rc)
		return rc;
	if (s->span.first)
		rc = emt_stream_seek(st, s->span.first, s->ctx->err);
	while (!rc && !stop && (n = emt_stream_read(st, runs, BATCH, s->ctx->err)) > 0) {
		for (long i = 0; i < n && !rc && !stop; i++) {
			rc = take_run(s, e, &runs[i]);
			stop = runs[i].gfn > s->span.last || emt_out_enough(s->ctx->out);
		}
		if (!rc)
			rc = emt_ctx_step(s->ctx, done += (uint64_t)n, info.runs);
	}
	if (!rc && n < 0)
		rc = (int)n;
	if (!rc)
		rc = flush(s);
	emt_stream_loss(st, &loss);
	s->ctx->incomplete |= !emt_loss_none(&loss);
	emt_stream_free(st);
	return rc;
}

static int show_walk(struct show *s, struct emt_source *src, size_t i)
{
	struct emt_source_walk walk;
	struct emt_engine *e = NULL;
	struct emt_facts facts;
	int rc = emt_source_walk(src, i, &walk, s->ctx->err);

	if (rc)
		return rc;
	rc = emt_ctx_engine(s->ctx, src, i, &facts, &e);
	s->judged = !rc;
	/* Entries can be shown without rules to judge them by. */
	if (rc == EMT_E_MISSING || rc == EMT_E_UNSUPPORTED) {
		emt_ctx_note(s->ctx, "domain %u is shown without verdicts: %s%s%s", walk.domid,
			     s->ctx->err->text, *s->ctx->err->next ? "; " : "", s->ctx->err->next);
		memset(s->ctx->err, 0, sizeof(*s->ctx->err));
		rc = 0;
	}
	s->domid = walk.domid;
	s->held = false;
	if (!rc)
		rc = show_runs(s, src, i, e);
	emt_engine_free(e);
	emt_facts_free(&facts);
	return rc;
}

static int run_show(struct emt_ctx *ctx)
{
	struct show s = {
		.ctx = ctx, .span = { 0, EMT_NO_FRAME }, .split = emt_parse_flag(ctx->args, "split"),
		.intermediate = emt_parse_flag(ctx->args, "intermediate"),
	};
	const struct emt_value *v = emt_parse_get(ctx->args, "range");
	struct emt_source *src;
	int rc = emt_ctx_open(ctx, &src);

	if (rc)
		return rc;
	if (v)
		s.span = v->span;
	if (emt_source_walks(src) > 1)
		emt_out_show(ctx->out, &emt_kind_run, RUN_DOMAIN);
	for (size_t i = 0; i < emt_source_walks(src) && !rc && !emt_out_enough(ctx->out); i++)
		rc = show_walk(&s, src, i);
	emt_source_close(src);
	return rc;
}

static const struct emt_arg args[] = {
	{ .name = "source", .type = EMT_ARG_SOURCE, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "SOURCE", .help = "what to show: a capture file, or a domain" },
	{ .name = "range", .type = EMT_ARG_GFN_RANGE, .flags = EMT_ARGF_POSITIONAL, .metavar = "RANGE",
	  .help = "only these guest frames: 0xf0000, 0xf0000-0xf07ff, 0xf0000+2048" },
	{ .name = "split", .type = EMT_ARG_FLAG, .letter = 's', .help = "one line an entry, nothing merged" },
	{ .name = "intermediate", .type = EMT_ARG_FLAG,
	  .help = "show intermediate entries too, where the source has them" },
};
static const struct emt_section sections[] = { { "runs", &emt_kind_run, EMT_SECTION_MAIN, NULL } };
static const struct emt_reply reply = { "emt.show", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "show guest.emt", "all entries, merged" },
	{ "show guest.emt 0xf0000-0xf07ff --split", "a range, entry by entry" },
	{ "show guest.emt --where 'emt == \"UC\" && order > 0'", "superpages that are uncached" },
	{ "show guest.emt --where 'verdict !~ \"ok|pending\"' -o +reason",
	  "what is not as it should be, and why" },
};

const struct emt_command emt_cmd_show = {
	.name = "show",
	.group = "Look at a guest",
	.summary = "show the entries of a guest with their verdicts",
	.description =
		"Shows entries in the order of guest frames. Adjacent entries with equal attributes, "
		"consecutive machine frames and the same verdict are shown as one run; --split shows "
		"each. The columns TYPE, MFN and PERM are what key D prints; VERDICT and EXPECTED are "
		"what the release's rules say of them.\n\n"
		"Exit status: 0 everything was shown; 2 error; 3 the source is incomplete.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_source, &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_show,
};
