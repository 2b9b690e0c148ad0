/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * history: what emtd remembers.
 */
#include <json-c/json.h>
#include <string.h>

#include "command/feed.h"
#include "command/kind_event.h"
#include "output/text.h"

enum { HRES_COMPLETE, HRES_NR };
static const struct emt_column result_columns[HRES_NR] = {
	[HRES_COMPLETE] = EMT_COLUMN("complete", EMT_COL_BOOL, EMT_COLF_SHOWN, "all rows came"),
};
static int layout_result(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	(void)variant;
	if (!emt_rec_get_bool(rec, HRES_COMPLETE))
		emt_text_printf(t, "The list is incomplete.\n");
	return 0;
}
static const struct emt_record_kind kind_result = {
	.name = "history_result", .schema = "emt.history_result", .help = "the list as a whole",
	.columns = result_columns, .nr_columns = HRES_NR, .layout = layout_result,
};

static const struct {
	const char *name;
	const struct emt_record_kind *kind;
} rows[] = {
	{ "finding", &emt_kind_past_finding }, { "audit", &emt_kind_past_audit }, { "fact", &emt_kind_past_fact },
	{ "event", &emt_kind_event },
};

static int put(struct emt_ctx *ctx, const char *name, struct json_object *o)
{
	for (size_t i = 0; i < EMT_ARRAY_SIZE(rows); i++) {
		struct emt_rec *rec;

		if (strcmp(rows[i].name, name))
			continue;
		rec = emt_out_rec(ctx->out, rows[i].kind);
		if (rec)
			emt_rec_from_json(rec, o);
		return emt_out_put(ctx->out, rec, ctx->err);
	}
	return 0;
}

static int run_history(struct emt_ctx *ctx)
{
	struct emt_feed *f;
	struct emt_rec *rec;
	bool end = false;
	int rc = emt_feed_open(&f, ctx);

	while (!rc && !end) {
		struct json_object *o;
		const char *name;

		rc = emt_feed_next(f, &name, &o);
		if (rc <= 0)
			break;
		end = !strcmp(name, "end");
		rc = put(ctx, name, o);
		json_object_put(o);
	}
	emt_feed_close(f);
	if (!rc && !end)
		rc = emt_ctx_cancelled(ctx);
	if (rc)
		return rc;
	ctx->incomplete = !end;
	rec = emt_out_rec(ctx->out, &kind_result);
	if (rec)
		emt_rec_bool(rec, HRES_COMPLETE, end);
	return emt_out_put(ctx->out, rec, ctx->err);
}

static const struct emt_arg args[] = {
	{ .name = "domain", .type = EMT_ARG_TEXT, .flags = EMT_ARGF_POSITIONAL, .metavar = "DOM",
	  .help = "only this one: id, name, UUID, or a source as emtd's configuration has it" },
	{ .name = "since", .type = EMT_ARG_TIME, .metavar = "TIME", .help = "what was so at this time or later" },
	{ .name = "until", .type = EMT_ARG_TIME, .metavar = "TIME", .help = "what was so at this time or before" },
	{ .name = "audits", .type = EMT_ARG_FLAG, .help = "list audits too" },
	{ .name = "facts", .type = EMT_ARG_FLAG, .help = "list values of facts too" },
	{ .name = "events", .type = EMT_ARG_FLAG, .help = "list events too" },
};
static const struct emt_section sections[] = {
	{ "findings", &emt_kind_past_finding, EMT_SECTION_MAIN, NULL },
	{ "audits", &emt_kind_past_audit, 0, "Audits" },
	{ "facts", &emt_kind_past_fact, 0, "Facts" },
	{ "events", &emt_kind_event, 0, "Events" },
	{ "result", &kind_result, EMT_SECTION_ONE | EMT_SECTION_TIGHT, NULL },
};
static const struct emt_reply reply = { "emt.history", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "history", "all findings, when they were first and last seen, and when they were cleared" },
	{ "history web1 --audits --facts --events --since 2026-01-03", "all that is known of a domain since a day" },
};

const struct emt_command emt_cmd_history = {
	.name = "history",
	.group = "Watch domains",
	.summary = "list what emtd remembers: findings, audits, facts over time",
	.description =
		"Lists the findings that emtd's history holds: when each was first and last seen, and when a complete "
		"audit had it no more. One that came back stands there again. --audits, --facts and --events list "
		"these too. emtd's configuration says whether and how long a history is kept; see emtd(8).\n\n"
		"Exit status: 0 listed; 2 no emtd, or it keeps no history; 3 the list is incomplete.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.feed = true,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_history,
};
