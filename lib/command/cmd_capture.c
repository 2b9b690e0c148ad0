/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture show, capture verify: the file itself.
 */
#include <stdio.h>

#include "command/ctx.h"
#include "command/kind_audit.h"
#include "command/layout.h"

/* ---- kinds ---- */

enum { FILE_FILE, FILE_TOOL, FILE_SOURCE, FILE_TIME, FILE_WALKS, FILE_SALVAGED, FILE_NR };
static const struct emt_column file_columns[FILE_NR] = {
	[FILE_FILE] = EMT_COLUMN("file", EMT_COL_STRING, EMT_COLF_SHOWN, "capture file"),
	[FILE_TOOL] = EMT_COLUMN("tool", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_NULL, "what wrote it"),
	[FILE_SOURCE] = EMT_COLUMN("source", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_NULL,
				   "where its content came from"),
	[FILE_TIME] = EMT_COLUMN("time", EMT_COL_TIME, EMT_COLF_SHOWN | EMT_COLF_NULL, "when it was taken"),
	[FILE_WALKS] = EMT_COLUMN("walks", EMT_COL_NUMBER, EMT_COLF_SHOWN, "walks in it"),
	[FILE_SALVAGED] =
		EMT_COLUMN("salvaged", EMT_COL_BOOL, 0, "--salvage was given: what is whole was read"),
};
static const struct emt_record_kind kind_file = {
	.name = "capture_file", .schema = "emt.capture_file", .help = "a capture file",
	.columns = file_columns, .nr_columns = FILE_NR,
};

enum { WALK_DOMAIN, WALK_GENERATION, WALK_LABEL, WALK_TIME, WALK_RUNS, WALK_ENTRIES, WALK_BYTES, WALK_CHUNKS,
       WALK_FIRST_GFN, WALK_LAST_GFN, WALK_COMPLETE, WALK_LOSS, WALK_NR };
static const struct emt_column walk_columns[WALK_NR] = {
	[WALK_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, EMT_COLF_SHOWN, "domain id"),
	[WALK_GENERATION] =
		EMT_COLUMN("generation", EMT_COL_NUMBER, EMT_COLF_SHOWN, "which walk of this domain, from 0"),
	[WALK_LABEL] = EMT_COLUMN("label", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_NULL, "label"),
	[WALK_TIME] = EMT_COLUMN("time", EMT_COL_TIME, EMT_COLF_SHOWN | EMT_COLF_NULL, "when it was taken"),
	[WALK_RUNS] = EMT_COLUMN("runs", EMT_COL_NUMBER, EMT_COLF_SHOWN, "runs"),
	[WALK_ENTRIES] = EMT_COLUMN("entries", EMT_COL_NUMBER, EMT_COLF_SHOWN, "leaf entries"),
	[WALK_BYTES] =
		EMT_COLUMN("bytes", EMT_COL_BYTES, EMT_COLF_SHOWN, "guest memory they map", .unit = "bytes"),
	[WALK_CHUNKS] = EMT_COLUMN("chunks", EMT_COL_NUMBER, EMT_COLF_SHOWN, "chunks of runs in the file"),
	[WALK_FIRST_GFN] = EMT_COLUMN("first_gfn", EMT_COL_FRAME, EMT_COLF_SHOWN | EMT_COLF_NULL,
				      "first guest frame mapped", .unit = "gfn"),
	[WALK_LAST_GFN] = EMT_COLUMN("last_gfn", EMT_COL_FRAME, EMT_COLF_SHOWN | EMT_COLF_NULL,
				     "last guest frame mapped", .unit = "gfn"),
	[WALK_COMPLETE] = EMT_COLUMN("complete", EMT_COL_BOOL, EMT_COLF_SHOWN, "nothing was lost"),
	[WALK_LOSS] = EMT_COLUMN("loss", EMT_COL_OBJECT, EMT_COLF_SHOWN | EMT_COLF_WRAP, "what was lost",
				 .sub = &emt_kind_loss),
};
static const struct emt_record_kind kind_walk = {
	.name = "walk", .schema = "emt.walk", .help = "one domain at one instant",
	.columns = walk_columns, .nr_columns = WALK_NR,
};

enum { PROB_OFFSET, PROB_CHUNK, PROB_TEXT, PROB_NR };
static const struct emt_column problem_columns[PROB_NR] = {
	[PROB_OFFSET] = EMT_COLUMN("offset", EMT_COL_NUMBER, EMT_COLF_SHOWN,
				   "byte of the file where the chunk begins"),
	[PROB_CHUNK] = EMT_COLUMN("chunk", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_NULL, "kind of chunk"),
	[PROB_TEXT] =
		EMT_COLUMN("text", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_WRAP, "what is wrong with it"),
};
static const struct emt_record_kind kind_problem = {
	.name = "problem", .schema = "emt.problem", .help = "a part of a capture that is damaged",
	.columns = problem_columns, .nr_columns = PROB_NR,
};

enum { VER_FILE, VER_CHUNKS, VER_PROBLEMS, VER_SOUND, VER_NR };
static const struct emt_column verify_columns[VER_NR] = {
	[VER_FILE] = EMT_COLUMN("file", EMT_COL_STRING, EMT_COLF_SHOWN, "capture file"),
	[VER_CHUNKS] = EMT_COLUMN("chunks", EMT_COL_NUMBER, EMT_COLF_SHOWN, "chunks checked"),
	[VER_PROBLEMS] = EMT_COLUMN("problems", EMT_COL_NUMBER, EMT_COLF_SHOWN, "problems found"),
	[VER_SOUND] = EMT_COLUMN("sound", EMT_COL_BOOL, EMT_COLF_SHOWN,
				 "the file is whole and every hash is right"),
};
static const struct emt_record_kind kind_verify = {
	.name = "verify", .schema = "emt.verify", .help = "outcome of a verification",
	.columns = verify_columns, .nr_columns = VER_NR, .layout = emt_layout_verify,
};

int emt_layout_verify(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	bool sound = emt_rec_get_bool(rec, VER_SOUND);
	char n[32];

	(void)variant;
	emt_text_printf(t, "%s: %s chunks, ", emt_rec_get_str(rec, VER_FILE),
			emt_fmt_count(emt_rec_get_u64(rec, VER_CHUNKS), n, sizeof(n)));
	if (sound)
		emt_text_puts(t, EMT_STYLE_GOOD, "all sound");
	else
		emt_text_printf(t, "%s problem%s",
				emt_fmt_count(emt_rec_get_u64(rec, VER_PROBLEMS), n, sizeof(n)),
				emt_rec_get_u64(rec, VER_PROBLEMS) == 1 ? "" : "s");
	emt_text_printf(t, "\n");
	return 0;
}

/* ---- show ---- */

static void fill_walk(struct emt_rec *rec, const struct emt_walk_info *w)
{
	emt_rec_u64(rec, WALK_DOMAIN, w->domid);
	emt_rec_u64(rec, WALK_GENERATION, w->generation);
	emt_rec_text(rec, WALK_LABEL, w->label);
	emt_rec_time(rec, WALK_TIME, w->time);
	emt_rec_u64(rec, WALK_RUNS, w->runs);
	emt_rec_u64(rec, WALK_ENTRIES, w->entries);
	emt_rec_u64(rec, WALK_BYTES, w->frames * 4096);
	emt_rec_u64(rec, WALK_CHUNKS, w->chunks);
	if (w->runs) {
		emt_rec_u64(rec, WALK_FIRST_GFN, w->first_gfn);
		emt_rec_u64(rec, WALK_LAST_GFN, w->last_gfn);
	}
	emt_rec_bool(rec, WALK_COMPLETE, emt_loss_none(&w->loss));
	emt_fill_loss(emt_rec_add(rec, WALK_LOSS), &w->loss);
}

static int run_show(struct emt_ctx *ctx)
{
	const char *path = emt_parse_text(ctx->args, "file");
	bool salvage = emt_parse_flag(ctx->args, "salvage");
	struct emt_capture *c;
	struct emt_rec *rec;
	int rc = emt_capture_open(&c, path, salvage, ctx->err);

	if (rc)
		return rc;
	emt_out_source(ctx->out, path);
	rec = emt_out_rec(ctx->out, &kind_file);
	if (rec) {
		emt_rec_str(rec, FILE_FILE, path);
		emt_rec_text(rec, FILE_TOOL, emt_capture_tool(c));
		emt_rec_text(rec, FILE_SOURCE, emt_capture_origin(c));
		emt_rec_time(rec, FILE_TIME, emt_capture_time(c));
		emt_rec_u64(rec, FILE_WALKS, emt_capture_walks(c));
		emt_rec_bool(rec, FILE_SALVAGED, salvage);
	}
	rc = emt_out_put(ctx->out, rec, ctx->err);
	for (size_t i = 0; i < emt_capture_walks(c) && !rc; i++) {
		const struct emt_walk_info *w = emt_capture_walk(c, i);

		rec = emt_out_rec(ctx->out, &kind_walk);
		if (rec)
			fill_walk(rec, w);
		rc = emt_out_put(ctx->out, rec, ctx->err);
		ctx->incomplete |= !emt_loss_none(&w->loss);
	}
	emt_capture_free(c);
	return rc;
}

/* ---- verify ---- */

struct verify {
	struct emt_ctx *ctx;
	uint64_t problems;
	int rc;
};

static void report(const struct emt_capture_problem *p, void *arg)
{
	struct verify *v = arg;
	struct emt_rec *rec = emt_out_rec(v->ctx->out, &kind_problem);

	v->problems++;
	if (rec) {
		emt_rec_u64(rec, PROB_OFFSET, p->offset);
		emt_rec_text(rec, PROB_CHUNK, p->kind);
		emt_rec_str(rec, PROB_TEXT, p->text);
	}
	if (!v->rc)
		v->rc = emt_out_put(v->ctx->out, rec, v->ctx->err);
}

static int step(uint64_t done, uint64_t total, void *arg)
{
	const struct verify *v = arg;

	return emt_ctx_step(v->ctx, done, total);
}

static int run_verify(struct emt_ctx *ctx)
{
	const char *path = emt_parse_text(ctx->args, "file");
	struct verify v = { .ctx = ctx };
	const struct emt_verify_calls calls = { report, step, &v };
	struct emt_err why = { 0 };
	uint64_t chunks = 0;
	struct emt_rec *rec;
	int rc;

	emt_out_source(ctx->out, path);
	rc = emt_capture_verify(path, &calls, &chunks, &why);
	if (v.rc || rc == EMT_E_CANCELLED)
		return v.rc ? v.rc : rc;
	/* Damage is what was looked for; all else means that nobody could look. */
	if (rc && rc != EMT_E_DAMAGED && rc != EMT_E_TRUNCATED) {
		*ctx->err = why;
		return rc;
	}
	if (rc && !v.problems) {
		struct emt_capture_problem p = { .offset = 0 };

		snprintf(p.text, sizeof(p.text), "%.150s", why.text);
		report(&p, &v);
		if (v.rc)
			return v.rc;
	}
	if (rc)
		emt_ctx_note(ctx, "%s: %s%s%s", path, why.text, *why.next ? "; " : "", why.next);
	ctx->findings = v.problems > 0;
	rec = emt_out_rec(ctx->out, &kind_verify);
	if (rec) {
		emt_rec_str(rec, VER_FILE, path);
		emt_rec_u64(rec, VER_CHUNKS, chunks);
		emt_rec_u64(rec, VER_PROBLEMS, v.problems);
		emt_rec_bool(rec, VER_SOUND, !v.problems);
	}
	return emt_out_put(ctx->out, rec, ctx->err);
}

/* ---- declarations ---- */

static const struct emt_arg show_args[] = {
	{ .name = "file",
	  .type = EMT_ARG_FILE,
	  .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "FILE",
	  .help = "capture file" },
	{ .name = "salvage", .type = EMT_ARG_FLAG, .help = "read what is whole of a damaged capture" },
};
static const struct emt_section show_sections[] = {
	{ "file", &kind_file, EMT_SECTION_ONE, NULL },
	{ "walks", &kind_walk, EMT_SECTION_MAIN, NULL },
};
static const struct emt_reply show_reply = { "emt.capture.show", 1, 0, show_sections,
					     EMT_ARRAY_SIZE(show_sections) };
static const struct emt_example show_examples[] = {
	{ "capture show guest.emt", "which domains, when, how much" },
	{ "capture show damaged.emt --salvage", "what can still be read" },
};

const struct emt_command emt_cmd_capture_show = {
	.name = "capture show",
	.group = "Captures",
	.summary = "show what a capture file holds",
	.description =
		"Lists the walks in the file: each is one domain at one instant. Walks of the same domain "
		"are counted as generations, from 0.\n\n"
		"Exit status: 0 the walks are complete; 2 error; 3 a walk is incomplete.",
	.args = show_args,
	.nr_args = EMT_ARRAY_SIZE(show_args),
	.groups = { &emt_args_output },
	.reply = &show_reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = show_examples,
	.nr_examples = EMT_ARRAY_SIZE(show_examples),
	.since = "0.1",
	.run = run_show,
};

static const struct emt_section verify_sections[] = {
	{ "problems", &kind_problem, EMT_SECTION_MAIN, NULL },
	{ "outcome", &kind_verify, EMT_SECTION_ONE, NULL },
};
static const struct emt_reply verify_reply = { "emt.capture.verify", 1, 0, verify_sections,
					       EMT_ARRAY_SIZE(verify_sections) };
static const struct emt_example verify_examples[] = { { "capture verify guest.emt",
							"is the file as it was written?" } };

const struct emt_command emt_cmd_capture_verify = {
	.name = "capture verify",
	.group = "Captures",
	.summary = "check every part of a capture file",
	.description =
		"Reads the whole file and checks the hash and the counts of every chunk.\n\n"
		"Exit status: 0 all is sound; 1 problems were found; 2 the file is no capture or cannot "
		"be read.",
	.args = show_args,
	.nr_args = 1,
	.groups = { &emt_args_output },
	.reply = &verify_reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = verify_examples,
	.nr_examples = EMT_ARRAY_SIZE(verify_examples),
	.since = "0.1",
	.run = run_verify,
};
