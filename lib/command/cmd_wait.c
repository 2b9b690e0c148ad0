/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wait: until something is so about a watched domain.
 */
#include <json-c/json.h>
#include <string.h>

#include "command/feed.h"
#include "command/kind_event.h"
#include "output/filter.h"

enum { WAIT_MET, WAIT_LOOKS, WAIT_NR };
static const struct emt_column result_columns[WAIT_NR] = {
	[WAIT_MET] = EMT_COLUMN("met", EMT_COL_BOOL, EMT_COLF_SHOWN, "it is so"),
	[WAIT_LOOKS] = EMT_COLUMN("looks", EMT_COL_NUMBER, EMT_COLF_SHOWN, "states of domains looked at"),
};
static const struct emt_record_kind kind_result = {
	.name = "wait_result", .schema = "emt.wait_result", .help = "how it ended", .columns = result_columns,
	.nr_columns = WAIT_NR,
};

static int look(struct emt_ctx *ctx, const struct emt_filter *filter, struct json_object *o, bool *met)
{
	struct emt_rec *rec = emt_out_rec(ctx->out, &emt_kind_watched_state);

	if (!rec)
		return emt_out_put(ctx->out, rec, ctx->err);
	emt_rec_from_json(rec, o);
	*met = emt_filter_match(filter, rec);
	if (*met)
		return emt_out_put(ctx->out, rec, ctx->err);
	emt_rec_reset(rec);
	return 0;
}

static int run_wait(struct emt_ctx *ctx)
{
	struct emt_filter *filter = NULL;
	struct emt_feed *f = NULL;
	struct emt_rec *rec;
	uint64_t looks = 0;
	bool met = false;
	int rc = emt_filter_new(&filter, &emt_kind_watched_state, emt_parse_text(ctx->args, "expr"), "EXPR", ctx->err);

	if (!rc)
		rc = emt_feed_open(&f, ctx);
	while (!rc && !met) {
		struct json_object *o;
		const char *name;

		rc = emt_feed_next(f, &name, &o);
		if (rc <= 0)
			break;
		rc = 0;
		if (!strcmp(name, "state")) {
			looks++;
			rc = look(ctx, filter, o, &met);
		}
		json_object_put(o);
	}
	emt_feed_close(f);
	emt_filter_free(filter);
	if (rc)
		return rc;
	ctx->incomplete = !met;
	rec = emt_out_rec(ctx->out, &kind_result);
	if (rec) {
		emt_rec_bool(rec, WAIT_MET, met);
		emt_rec_u64(rec, WAIT_LOOKS, looks);
	}
	return emt_out_put(ctx->out, rec, ctx->err);
}

static const struct emt_arg args[] = {
	{ .name = "expr", .type = EMT_ARG_TEXT, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED, .metavar = "EXPR",
	  .help = "what is to be so, in the syntax of --where: 'error == 0 && complete'" },
	{ .name = "domain", .type = EMT_ARG_TEXT, .flags = EMT_ARGF_POSITIONAL, .metavar = "DOM",
	  .help = "of this one: id, name, UUID, or a source as emtd's configuration has it" },
	{ .name = "fresh", .type = EMT_ARG_FLAG, .help = "look only at audits that end from now on" },
};
static const struct emt_section sections[] = {
	{ "state", &emt_kind_watched_state, EMT_SECTION_MAIN, NULL },
	{ "result", &kind_result, EMT_SECTION_ONE, NULL },
};
static const struct emt_reply reply = { "emt.wait", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "wait 'error == 0 && complete' --timeout 2s", "is there a watched domain without errors, or soon?" },
	{ "wait 'error > 0' web1 --fresh --timeout 2s", "will the next audits of a domain find an error?" },
};

const struct emt_command emt_cmd_wait = {
	.name = "wait",
	.group = "Watch domains",
	.summary = "wait until something is so about a watched domain",
	.description =
		"Looks at the numbers of each domain that emtd watches, now and after each audit, and ends as soon "
		"as EXPR is true of one. Its words are the columns of the record watched_state: findings, error, "
		"warning, complete, mismatch_entries and others; emt-json(5) lists them.\n\n"
		"Exit status: 0 it is so; 2 error, or no emtd; 3 stopped before, or --timeout is over.",
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
	.run = run_wait,
};
