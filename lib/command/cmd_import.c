/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * import: console text and facts into a capture.
 */
#include <stdlib.h>
#include <string.h>

#include "command/ctx.h"
#include "command/layout.h"
#include "console/import.h"

enum { IMP_OUTPUT, IMP_WALKS, IMP_DOMAINS, IMP_ENTRIES, IMP_RUNS, IMP_LINES, IMP_LINES_USED, IMP_LINES_BAD,
       IMP_IOMMU_TABLES, IMP_WARNINGS, IMP_COMPLETE, IMP_NR };
static const struct emt_column columns[IMP_NR] = {
	[IMP_OUTPUT] = EMT_COLUMN("output", EMT_COL_STRING, EMT_COLF_SHOWN, "capture file written"),
	[IMP_WALKS] = EMT_COLUMN("walks", EMT_COL_NUMBER, EMT_COLF_SHOWN, "dumps found"),
	[IMP_DOMAINS] = EMT_COLUMN("domains", EMT_COL_NUMBER, EMT_COLF_SHOWN, "domains among them"),
	[IMP_ENTRIES] = EMT_COLUMN("entries", EMT_COL_NUMBER, EMT_COLF_SHOWN, "entries read"),
	[IMP_RUNS] = EMT_COLUMN("runs", EMT_COL_NUMBER, EMT_COLF_SHOWN, "runs written"),
	[IMP_LINES] = EMT_COLUMN("lines", EMT_COL_NUMBER, EMT_COLF_SHOWN, "lines read"),
	[IMP_LINES_USED] =
		EMT_COLUMN("lines_used", EMT_COL_NUMBER, EMT_COLF_SHOWN, "lines that told something"),
	[IMP_LINES_BAD] = EMT_COLUMN("lines_bad", EMT_COL_NUMBER, EMT_COLF_SHOWN,
				     "lines inside a dump that made no sense"),
	[IMP_IOMMU_TABLES] = EMT_COLUMN("iommu_tables", EMT_COL_NUMBER, EMT_COLF_SHOWN, "IOMMU tables found"),
	[IMP_WARNINGS] = EMT_COLUMN("warnings", EMT_COL_NUMBER, EMT_COLF_SHOWN, "warnings on standard error"),
	[IMP_COMPLETE] = EMT_COLUMN("complete", EMT_COL_BOOL, EMT_COLF_SHOWN, "every dump was read whole"),
};
static const struct emt_record_kind kind_import = {
	.name = "import_result", .schema = "emt.import_result", .help = "what an import read and wrote",
	.columns = columns, .nr_columns = IMP_NR, .layout = emt_layout_import,
};

int emt_layout_import(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	char n[32], w[32];

	(void)variant;
	emt_text_printf(t, "%s: %s entries in %s walk%s", emt_rec_get_str(rec, IMP_OUTPUT),
			emt_fmt_count(emt_rec_get_u64(rec, IMP_ENTRIES), n, sizeof(n)),
			emt_fmt_count(emt_rec_get_u64(rec, IMP_WALKS), w, sizeof(w)),
			emt_rec_get_u64(rec, IMP_WALKS) == 1 ? "" : "s");
	emt_text_printf(t, " of %llu domain%s, from %s lines\n",
			(unsigned long long)emt_rec_get_u64(rec, IMP_DOMAINS),
			emt_rec_get_u64(rec, IMP_DOMAINS) == 1 ? "" : "s",
			emt_fmt_count(emt_rec_get_u64(rec, IMP_LINES), n, sizeof(n)));
	if (!emt_rec_get_bool(rec, IMP_COMPLETE)) {
		emt_text_puts(t, EMT_STYLE_WARN, "incomplete");
		emt_text_printf(t, ": emtctl capture show %s says what is missing\n",
				emt_rec_get_str(rec, IMP_OUTPUT));
	}
	return 0;
}

struct notes {
	struct emt_ctx *ctx;
	uint64_t warnings;
};

static void take_note(const struct emt_import_note *n, void *arg)
{
	const char *level = n->level == EMT_NOTE_WARNING ? "warning: " : "";
	struct notes *notes = arg;

	notes->warnings += n->level == EMT_NOTE_WARNING;
	if (n->file && n->line)
		emt_ctx_note(notes->ctx, "%s:%lu: %s%s", n->file, n->line, level, n->text);
	else
		emt_ctx_note(notes->ctx, "%s%s%s%s", n->file ? n->file : "", n->file ? ": " : "", level,
			     n->text);
}

/* All values of a repeated argument; owned by the caller, NULL when there are none. */
static const char **values(const struct emt_ctx *ctx, const char *name, size_t *n)
{
	const struct emt_value *v = emt_parse_get(ctx->args, name);
	const char **list;

	*n = 0;
	list = v ? malloc(ctx->args->nr * sizeof(*list)) : NULL;
	for (; v && list; v = emt_parse_next(ctx->args, v))
		list[(*n)++] = v->text;
	return list;
}

/* Were all walks that were written read whole? The file itself says. */
static bool whole(const char *path)
{
	struct emt_capture *c;
	bool all = true;

	if (emt_capture_open(&c, path, false, NULL))
		return true; /* a pipe or a device cannot be read back */
	for (size_t i = 0; i < emt_capture_walks(c); i++)
		all &= emt_loss_none(&emt_capture_walk(c, i)->loss);
	emt_capture_free(c);
	return all;
}

static int put_result(struct emt_ctx *ctx, const struct emt_import_opts *o, const struct emt_import_result *r,
		      const struct notes *notes)
{
	struct emt_rec *rec = emt_out_rec(ctx->out, &kind_import);
	bool complete = !r->lines_bad && whole(o->output);

	if (rec) {
		emt_rec_str(rec, IMP_OUTPUT, o->output);
		emt_rec_u64(rec, IMP_WALKS, r->walks);
		emt_rec_u64(rec, IMP_DOMAINS, r->domains);
		emt_rec_u64(rec, IMP_ENTRIES, r->entries);
		emt_rec_u64(rec, IMP_RUNS, r->runs);
		emt_rec_u64(rec, IMP_LINES, r->lines);
		emt_rec_u64(rec, IMP_LINES_USED, r->lines_used);
		emt_rec_u64(rec, IMP_LINES_BAD, r->lines_bad);
		emt_rec_u64(rec, IMP_IOMMU_TABLES, r->iommu_tables);
		emt_rec_u64(rec, IMP_WARNINGS, notes->warnings);
		emt_rec_bool(rec, IMP_COMPLETE, complete);
	}
	ctx->incomplete |= !complete;
	return emt_out_put(ctx->out, rec, ctx->err);
}

static int step(uint64_t bytes, void *arg)
{
	struct notes *n = arg;

	return emt_ctx_step(n->ctx, bytes, 0);
}

static int run_import(struct emt_ctx *ctx)
{
	const struct emt_value *time = emt_parse_get(ctx->args, "time"),
			       *domain = emt_parse_get(ctx->args, "domain");
	struct notes notes = { .ctx = ctx };
	struct emt_import_result result = { 0 };
	struct emt_import_opts o = {
		.release = emt_parse_text(ctx->args, "release"),
		.domid = domain ? (int64_t)domain->number : -1,
		.output = emt_parse_text(ctx->args, "output"),
		.label = emt_parse_text(ctx->args, "label"),
		.time = time ? time->time : 0,
		.note = take_note,
		.step = step,
		.arg = &notes,
	};
	const char **files, **facts;
	int rc;

	files = values(ctx, "file", &o.nr_files);
	facts = values(ctx, "facts", &o.nr_facts_files);
	o.files = files;
	o.facts_files = facts;
	o.capture = (struct emt_capture_opts){
		.redact = emt_parse_flag(ctx->args, "redact"), .tool = "emtctl " EMT_VERSION,
		.source = o.nr_files ? o.files[0] : NULL, .time = o.time,
	};
	if (o.nr_files)
		emt_out_source(ctx->out, o.files[0]);
	rc = emt_import(&o, &result, ctx->err);
	free(files);
	free(facts);
	return rc ? rc : put_result(ctx, &o, &result, &notes);
}

static const struct emt_arg args[] = {
	{ .name = "file",
	  .type = EMT_ARG_FILE,
	  .metavar = "FILE",
	  .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED | EMT_ARGF_REPEAT,
	  .help = "console text, as xl dmesg gives it; - for standard input" },
	{ .name = "output",
	  .type = EMT_ARG_OUTFILE,
	  .flags = EMT_ARGF_REQUIRED,
	  .letter = 'o',
	  .metavar = "OUT.emt",
	  .help = "capture file to write" },
	{ .name = "facts",
	  .type = EMT_ARG_FILE,
	  .flags = EMT_ARGF_REPEAT,
	  .letter = 'f',
	  .metavar = "FILE",
	  .help = "JSON file of facts; overrides what the text says" },
	{ .name = "release",
	  .type = EMT_ARG_RELEASE,
	  .letter = 'r',
	  .metavar = "RELEASE",
	  .help = "hypervisor release, where the text does not say" },
	{ .name = "domain",
	  .type = EMT_ARG_DOMAIN,
	  .letter = 'd',
	  .metavar = "N",
	  .help = "only this domain",
	  .fallback = "all" },
	{ .name = "label", .type = EMT_ARG_TEXT, .metavar = "TEXT", .help = "label of the walks" },
	{ .name = "time", .type = EMT_ARG_TIME, .metavar = "TIME", .help = "when the text was taken" },
	{ .name = "redact",
	  .type = EMT_ARG_FLAG,
	  .help = "leave out names, UUIDs and where frames come from" },
};
static const struct emt_section sections[] = {
	{ "result", &kind_import, EMT_SECTION_ONE | EMT_SECTION_MAIN, NULL },
};
static const struct emt_reply reply = { "emt.import", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "import dmesg.txt -o guest.emt", "from the output of xl debug-keys D and xl dmesg" },
	{ "import D.txt q.txt boot.txt --facts facts.json --release 4.17.7 -o guest.emt",
	  "several texts and a facts file" },
};

const struct emt_command emt_cmd_import = {
	.name = "import",
	.group = "Captures",
	.summary = "make a capture from console text and facts",
	.description =
		"Reads the output of Xen's debug keys D, q, Q, o and v and its boot log, in any mix, and "
		"facts that a user can give in JSON files, and writes a capture. What could not be used "
		"is reported with file and line on standard error; nothing is silently skipped.\n\n"
		"Exit status: 0 every dump was read whole; 2 there was none, or an error; 3 a capture was "
		"written, but dumps are cut or lines in them made no sense.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_import,
};
