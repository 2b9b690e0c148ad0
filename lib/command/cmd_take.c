/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture take: any source into a capture file.
 */
#include <string.h>

#include "command/guest_view.h"
#include "table/frameset.h"

enum {
	TAKE_OUTPUT,
	TAKE_WALKS,
	TAKE_RUNS,
	TAKE_ENTRIES,
	TAKE_TABLES,
	TAKE_GUEST_TABLES,
	TAKE_COMPLETE,
	TAKE_NR
};
static const struct emt_column columns[TAKE_NR] = {
	[TAKE_OUTPUT] = EMT_COLUMN("output", EMT_COL_STRING, EMT_COLF_SHOWN, "file that was written"),
	[TAKE_WALKS] = EMT_COLUMN("walks", EMT_COL_NUMBER, EMT_COLF_SHOWN, "walks in it, one a domain"),
	[TAKE_RUNS] = EMT_COLUMN("runs", EMT_COL_NUMBER, EMT_COLF_SHOWN, "runs of entries read"),
	[TAKE_ENTRIES] = EMT_COLUMN("entries", EMT_COL_NUMBER, EMT_COLF_SHOWN, "entries in them"),
	[TAKE_TABLES] = EMT_COLUMN("tables", EMT_COL_NUMBER, EMT_COLF_SHOWN, "table pages in it (--raw)"),
	[TAKE_GUEST_TABLES] = EMT_COLUMN("guest_tables", EMT_COL_NUMBER, EMT_COLF_SHOWN,
					 "pages of guests' own page tables in it (--guest-tables)"),
	[TAKE_COMPLETE] = EMT_COLUMN("complete", EMT_COL_BOOL, EMT_COLF_SHOWN, "nothing was lost on the way"),
};
static const struct emt_record_kind kind_take = {
	.name = "take", .schema = "emt.take", .help = "a capture that was taken", .columns = columns,
	.nr_columns = TAKE_NR,
};

struct take {
	struct emt_ctx *ctx;
	struct emt_capture_writer *w;
	uint64_t walks, runs, entries, tables, guest_tables;
	struct emt_frameset seen; /* guest tables that are in it already */
	int rc;                   /* of the guest table put last */
};

static int put_run(const struct emt_run *run, void *arg)
{
	struct take *t = arg;

	t->runs++;
	t->entries += run->count;
	return emt_capture_put(t->w, run, t->ctx->err);
}

static int put_table(uint64_t mfn, unsigned int level, const void *page, void *arg)
{
	struct take *t = arg;
	int rc = emt_ctx_cancelled(t->ctx);

	t->tables++;
	return rc ? rc : emt_capture_put_table(t->w, mfn, level, page, t->ctx->err);
}

/* A table of the guest; many entries may lead to it. */
static void put_guest_table(uint64_t gfn, unsigned int level, const void *page, void *arg)
{
	struct take *t = arg;
	int rc = t->rc ? t->rc : emt_frameset_add(&t->seen, gfn);

	if (rc == 1) {
		t->guest_tables++;
		rc = emt_capture_put_guest_table(t->w, gfn, level, page, t->ctx->err);
	}
	t->rc = rc;
}

static int no_run(const struct emt_guest_run *run, void *arg)
{
	struct take *t = arg;

	(void)run;
	return t->rc ? t->rc : emt_ctx_cancelled(t->ctx);
}

/* Of a source with many domains those that show no tables are named, and left out. */
static int take_guest_tables(struct take *t, struct emt_source *s, size_t i, const struct emt_facts *f)
{
	struct emt_ctx_guest g = { .nr = 0 };
	struct emt_guest_result r;
	struct emt_err why = { 0 };
	int rc = emt_ctx_guest_views(t->ctx, s, i, f, &g, &why);

	if (rc == EMT_E_MISSING && emt_source_walks(s) > 1) {
		emt_ctx_note(t->ctx, "domain %u: no guest tables: %s: %s", f->domid, why.subject, why.text);
		t->ctx->incomplete = true;
		rc = 0;
		g.nr = 0;
	} else if (rc) {
		emt_err_set(t->ctx->err, rc, why.subject, why.next, "%s", why.text);
	}
	emt_frameset_clear(&t->seen);
	t->rc = 0;
	for (size_t k = 0; k < g.nr && !rc; k++) {
		struct emt_view_walk w = { .view = &g.views[k], .gpas = &g.gpas, .mem = g.mem, .last = UINT64_MAX,
					   .table = put_guest_table, .run = no_run, .arg = t };

		rc = emt_view_walk(&w, &r, t->ctx->err);
		if (!rc)
			rc = t->rc;
		t->ctx->incomplete |= r.unreadable || r.too_many;
	}
	if (rc == EMT_E_NOMEM)
		emt_err_set(t->ctx->err, rc, "guest page tables", NULL, "not enough memory");
	emt_ctx_guest_close(&g);
	return rc;
}

static int take_walk(struct take *t, struct emt_source *s, size_t i)
{
	struct emt_source_walk walk;
	struct emt_loss loss = { 0 };
	struct emt_facts f;
	int rc = emt_source_walk(s, i, &walk, t->ctx->err);

	if (!rc)
		rc = emt_source_stated(s, i, &f, t->ctx->err);
	if (rc)
		return rc;
	rc = emt_ctx_ask_types(t->ctx, s, i, &f);
	if (!rc)
		rc = emt_capture_walk_begin(t->w, &f, walk.time, walk.label, t->ctx->err);
	if (!rc)
		rc = emt_ctx_runs(t->ctx, s, i, put_run, t, &loss);
	if (!rc && emt_parse_flag(t->ctx->args, "raw"))
		rc = emt_source_tables(s, i, put_table, t, t->ctx->err);
	if (!rc && emt_parse_flag(t->ctx->args, "guest-tables"))
		rc = take_guest_tables(t, s, i, &f);
	emt_facts_free(&f);
	if (!rc)
		rc = emt_capture_walk_end(t->w, &loss, t->ctx->err);
	t->walks++;
	t->ctx->incomplete |= !emt_loss_none(&loss);
	return rc;
}

static int put_result(const struct take *t)
{
	struct emt_rec *rec = emt_out_rec(t->ctx->out, &kind_take);

	if (rec) {
		emt_rec_str(rec, TAKE_OUTPUT, emt_parse_text(t->ctx->args, "output"));
		emt_rec_u64(rec, TAKE_WALKS, t->walks);
		emt_rec_u64(rec, TAKE_RUNS, t->runs);
		emt_rec_u64(rec, TAKE_ENTRIES, t->entries);
		emt_rec_u64(rec, TAKE_TABLES, t->tables);
		emt_rec_u64(rec, TAKE_GUEST_TABLES, t->guest_tables);
		emt_rec_bool(rec, TAKE_COMPLETE, !t->ctx->incomplete);
	}
	return emt_out_put(t->ctx->out, rec, t->ctx->err);
}

static int run_take(struct emt_ctx *ctx)
{
	struct take t = { .ctx = ctx };
	struct emt_capture_opts o = {
		.redact = emt_parse_flag(ctx->args, "redact"),
		.tool = "emtctl " EMT_VERSION,
		.time = ctx->env->now,
	};
	struct emt_source *s;
	int rc = emt_ctx_open(ctx, &s);

	if (rc)
		return rc;
	o.source = emt_source_name(s);
	rc = emt_capture_create(&t.w, emt_parse_text(ctx->args, "output"), &o, ctx->err);
	for (size_t i = 0; i < emt_source_walks(s) && !rc; i++)
		rc = take_walk(&t, s, i);
	if (rc)
		emt_capture_abort(t.w);
	else
		rc = emt_capture_close(t.w, ctx->err);
	emt_source_close(s);
	emt_frameset_free(&t.seen);
	return rc ? rc : put_result(&t);
}

static const struct emt_arg args[] = {
	{ .name = "source", .type = EMT_ARG_SOURCE, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "SOURCE", .help = "what to keep: a domain, a machine's memory, or another capture" },
	{ .name = "output", .type = EMT_ARG_OUTFILE, .flags = EMT_ARGF_REQUIRED, .letter = 'o',
	  .metavar = "OUT.emt", .help = "capture file to write" },
	{ .name = "raw", .type = EMT_ARG_FLAG, .help = "keep the table pages too, where the source shows them" },
	{ .name = "guest-tables", .type = EMT_ARG_FLAG,
	  .help = "keep the guest's own page tables too, for effective, alias and bars" },
	{ .name = "redact", .type = EMT_ARG_FLAG,
	  .help = "leave out names, UUIDs and where frames come from" },
};
static const struct emt_section sections[] = {
	{ "capture", &kind_take, EMT_SECTION_ONE | EMT_SECTION_MAIN, NULL },
};
static const struct emt_reply reply = { "emt.capture_take", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "capture take 5,costs=yes -o guest5.emt", "a live domain, to be looked at elsewhere" },
	{ "capture take guest.emt --domain 1 --redact -o one.emt", "one domain of a capture, without names" },
};

const struct emt_command emt_cmd_capture_take = {
	.name = "capture take",
	.group = "Captures",
	.summary = "keep a source's facts and entries in a file",
	.description =
		"Reads all that a source tells of its domains, facts and entries, into a capture. It gives "
		"the same verdicts wherever it is opened. A file that could not be written whole does not "
		"appear.\n\n"
		"With --guest-tables it keeps the guest's own page tables as the vCPUs have them loaded; nothing "
		"else of the guest's memory.\n\n"
		"Exit status: 0 taken; 2 error, and no file; 3 taken, but something was lost on the way, "
		"which the capture says too.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_guest, &emt_args_source, &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_take,
};
