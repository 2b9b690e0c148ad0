/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * watch: what emtd sees, as it happens.
 */
#include <json-c/json.h>
#include <string.h>
#include <time.h>

#include "command/feed.h"
#include "command/kind_event.h"

enum { WRES_EVENTS, WRES_LOST, WRES_NR };
static const struct emt_column result_columns[WRES_NR] = {
	[WRES_EVENTS] = EMT_COLUMN("events", EMT_COL_NUMBER, EMT_COLF_SHOWN, "events that came"),
	[WRES_LOST] = EMT_COLUMN("lost", EMT_COL_NUMBER, EMT_COLF_SHOWN, "events that did not, for they were read too slowly"),
};

static int layout_result(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	/* the stream itself is what people read */
	(void)rec, (void)t, (void)variant;
	return 0;
}

static const struct emt_record_kind kind_result = {
	.name = "watch_result", .schema = "emt.watch_result", .help = "the stream as a whole",
	.columns = result_columns, .nr_columns = WRES_NR, .layout = layout_result,
};

struct watch {
	struct emt_ctx *ctx;
	bool changes; /* what is open already is left out */
	uint64_t events, lost;
};

static int put_event(struct watch *w, struct json_object *o)
{
	struct json_object *event = NULL;
	struct emt_rec *rec;

	json_object_object_get_ex(o, "event", &event);
	if (w->changes && event && !strcmp(json_object_get_string(event), "open"))
		return 0;
	w->events++;
	rec = emt_out_rec(w->ctx->out, &emt_kind_event);
	if (rec)
		emt_rec_from_json(rec, o);
	return emt_out_put(w->ctx->out, rec, w->ctx->err);
}

static int put_lost(struct watch *w, uint64_t n)
{
	struct emt_rec *rec = emt_out_rec(w->ctx->out, &emt_kind_event);

	w->lost += n;
	if (rec) {
		emt_rec_time(rec, EV_TIME, (int64_t)time(NULL));
		emt_rec_str(rec, EV_EVENT, "lost");
		emt_rec_u64(rec, EV_ENTRIES, n);
		emt_rec_fmt(rec, EV_TEXT, "%llu events were lost: they were read too slowly", (unsigned long long)n);
	}
	return emt_out_put(w->ctx->out, rec, w->ctx->err);
}

static int run_watch(struct emt_ctx *ctx)
{
	struct watch w = { .ctx = ctx, .changes = emt_parse_flag(ctx->args, "changes") };
	struct emt_feed *f;
	struct emt_rec *rec;
	int rc = emt_feed_open(&f, ctx);

	while (!rc && !emt_out_enough(ctx->out)) {
		struct json_object *o;
		const char *name;

		rc = emt_feed_next(f, &name, &o);
		if (rc <= 0)
			break;
		rc = 0;
		if (!strcmp(name, "event"))
			rc = put_event(&w, o);
		else if (!strcmp(name, "lost"))
			rc = put_lost(&w, (uint64_t)json_object_get_int64(o));
		json_object_put(o);
		if (!rc)
			emt_out_flush(ctx->out);
	}
	emt_feed_close(f);
	if (rc)
		return rc;
	ctx->incomplete = w.lost > 0;
	rec = emt_out_rec(ctx->out, &kind_result);
	if (rec) {
		emt_rec_u64(rec, WRES_EVENTS, w.events);
		emt_rec_u64(rec, WRES_LOST, w.lost);
	}
	return emt_out_put(ctx->out, rec, ctx->err);
}

static const struct emt_arg args[] = {
	{ .name = "domain", .type = EMT_ARG_TEXT, .flags = EMT_ARGF_POSITIONAL, .metavar = "DOM",
	  .help = "only this one: id, name, UUID, or a source as emtd's configuration has it" },
	{ .name = "changes", .type = EMT_ARG_FLAG, .help = "leave out the findings that are open already" },
};
static const struct emt_section sections[] = {
	{ "events", &emt_kind_event, EMT_SECTION_MAIN, NULL },
	{ "result", &kind_result, EMT_SECTION_ONE | EMT_SECTION_TIGHT, NULL },
};
static const struct emt_reply reply = { "emt.watch", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "watch --timeout 2s", "what is open, and what happens in two seconds" },
	{ "watch web1 --ndjson --where 'severity == \"error\"' --limit 1 --timeout 2s", "wait for an error, for a script" },
};

const struct emt_command emt_cmd_watch = {
	.name = "watch",
	.group = "Watch domains",
	.summary = "say what emtd sees: new, changed and cleared findings",
	.description =
		"Prints the findings that emtd knows of the domains it watches, and from then on each that is new, "
		"changed or cleared, facts that changed, and audits that failed: one line each, until it is "
		"stopped, --timeout is over, or --limit is reached. emtd's configuration says what is watched; "
		"see emtd(8). A reader that is too slow loses events, and is told how many.\n\n"
		"Exit status: 0 ended, whatever came; 2 no emtd, or it watches nothing; 3 events were lost.",
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
	.run = run_watch,
};
