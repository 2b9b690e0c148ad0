/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture take: any source into a capture file.
 */
#include <string.h>

#include "command/ctx.h"

enum { TAKE_OUTPUT, TAKE_WALKS, TAKE_RUNS, TAKE_ENTRIES, TAKE_TABLES, TAKE_COMPLETE, TAKE_NR };
static const struct emt_column columns[TAKE_NR] = {
	[TAKE_OUTPUT] = EMT_COLUMN("output", EMT_COL_STRING, EMT_COLF_SHOWN, "file that was written"),
	[TAKE_WALKS] = EMT_COLUMN("walks", EMT_COL_NUMBER, EMT_COLF_SHOWN, "walks in it, one a domain"),
	[TAKE_RUNS] = EMT_COLUMN("runs", EMT_COL_NUMBER, EMT_COLF_SHOWN, "runs of entries read"),
	[TAKE_ENTRIES] = EMT_COLUMN("entries", EMT_COL_NUMBER, EMT_COLF_SHOWN, "entries in them"),
	[TAKE_TABLES] = EMT_COLUMN("tables", EMT_COL_NUMBER, EMT_COLF_SHOWN, "table pages in it (--raw)"),
	[TAKE_COMPLETE] = EMT_COLUMN("complete", EMT_COL_BOOL, EMT_COLF_SHOWN, "nothing was lost on the way"),
};
static const struct emt_record_kind kind_take = {
	.name = "take", .schema = "emt.take", .help = "a capture that was taken", .columns = columns,
	.nr_columns = TAKE_NR,
};

struct take {
	struct emt_ctx *ctx;
	struct emt_capture_writer *w;
	uint64_t walks, runs, entries, tables;
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
	rc = emt_capture_walk_begin(t->w, &f, walk.time, walk.label, t->ctx->err);
	emt_facts_free(&f);
	if (!rc)
		rc = emt_ctx_runs(t->ctx, s, i, put_run, t, &loss);
	if (!rc && emt_parse_flag(t->ctx->args, "raw"))
		rc = emt_source_tables(s, i, put_table, t, t->ctx->err);
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
	return rc ? rc : put_result(&t);
}

static const struct emt_arg args[] = {
	{ .name = "source", .type = EMT_ARG_SOURCE, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "SOURCE", .help = "what to keep: a domain, a machine's memory, or another capture" },
	{ .name = "output", .type = EMT_ARG_OUTFILE, .flags = EMT_ARGF_REQUIRED, .letter = 'o',
	  .metavar = "OUT.emt", .help = "capture file to write" },
	{ .name = "raw", .type = EMT_ARG_FLAG, .help = "keep the table pages too, where the source shows them" },
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
		"Exit status: 0 taken; 2 error, and no file; 3 taken, but something was lost on the way, "
		"which the capture says too.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_source, &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_take,
};
