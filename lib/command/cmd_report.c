/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report: a domain's audit for others to read: a page of text for a ticket, and a page
 * with the map, findings and facts.
 */
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/ctx.h"
#include "command/kind_audit.h"
#include "command/use.h"
#include "command/kind_report.h"
#include "command/layout.h"
#include "output/format.h"
#include "output/map_html.h"

#define PAST 100     /* findings of the history, the latest first */
#define FINDINGS 20 /* of a ticket, at most; a page of text has room for fewer */

struct report {
	struct emt_ctx *ctx;
	const char *path; /* NULL: no page */
	struct emt_source_walk walk;
	struct emt_map *map;
	struct emt_findings *findings;
	struct emt_loss loss;
	struct json_object *past; /* owned: findings of the history, as the page has them; NULL = none is known */
};

/* ---- the history ---- */

static const char *text_of(struct json_object *o, const char *name)
{
	struct json_object *v;

	return json_object_object_get_ex(o, name, &v) && v ? json_object_get_string(v) : "";
}

static int later_first(const void *a, const void *b)
{
	struct json_object *const *x = a, *const *y = b;

	return strcmp(text_of(*y, "last_seen"), text_of(*x, "last_seen"));
}

static struct json_object *past_one(struct json_object *f)
{
	struct json_object *o = json_object_new_object();
	char what[400], where[40] = "";
	struct json_object *gfn;

	if (json_object_object_get_ex(f, "first_gfn", &gfn) && gfn)
		snprintf(where, sizeof(where), " from 0x%llx", (unsigned long long)json_object_get_int64(gfn));
	snprintf(what, sizeof(what), "%.40s%s%.60s%s, %.20s entries: %.200s", text_of(f, "kind"),
		 *text_of(f, "defect") ? " " : "", text_of(f, "defect"), where, text_of(f, "entries"),
		 *text_of(f, "explanation") ? text_of(f, "explanation") : text_of(f, "title"));
	json_object_object_add(o, "first_seen", json_object_new_string(text_of(f, "first_seen")));
	json_object_object_add(o, "last_seen", json_object_new_string(text_of(f, "last_seen")));
	json_object_object_add(o, "state", json_object_new_string(*text_of(f, "cleared") ? "cleared" : "open"));
	json_object_object_add(o, "severity", json_object_new_string(text_of(f, "severity")));
	json_object_object_add(o, "what", json_object_new_string(what));
	return o;
}

/* The findings that an emtd remembers under this name; NULL when none answers. */
static struct json_object *ask(const struct report *r, const char *name)
{
	const char *const words[] = { "history", name, "--json" };
	const struct emt_env *env = r->ctx->env;
	char *reply = env->ask && *name && *name != '-' ? env->ask(env->arg, words, 3) : NULL;
	struct json_object *all = reply ? json_tokener_parse(reply) : NULL, *data, *list, *past = NULL;

	free(reply);
	if (json_object_object_get_ex(all, "data", &data) && json_object_object_get_ex(data, "findings", &list)) {
		json_object_array_sort(list, later_first);
		past = json_object_new_array();
		for (size_t i = 0; i < json_object_array_length(list) && i < PAST; i++)
			json_object_array_add(past, past_one(json_object_array_get_idx(list, i)));
	}
	json_object_put(all);
	return past;
}

/* By UUID, or by what emtd's configuration may call the source. */
static void ask_past(struct report *r, const char *uuid)
{
	const char *source = emt_ctx_source_text(r->ctx);
	char *path = *uuid ? NULL : realpath(strncmp(source, "capture:", 8) ? source : source + 8, NULL);
	const char *const names[] = { uuid, source, path ? path : "" };

	for (size_t i = *uuid ? 0 : 1; i < EMT_ARRAY_SIZE(names); i++) {
		struct json_object *past = ask(r, names[i]);

		if (!past && !r->past)
			break; /* nobody answers */
		json_object_put(r->past);
		r->past = past;
		if (*uuid || (past && json_object_array_length(past)))
			break;
	}
	free(path);
}

static void fill_past(const struct report *r, struct emt_rec *rec)
{
	emt_rec_list(rec, REP_HISTORY);
	for (size_t i = 0; r->past && i < json_object_array_length(r->past); i++) {
		struct json_object *o = json_object_array_get_idx(r->past, i);
		struct emt_rec *p = emt_rec_add(rec, REP_HISTORY);
		int64_t t = 0;

		if (!emt_parse_time(text_of(o, "first_seen"), &t))
			emt_rec_time(p, PAST_FIRST_SEEN, t);
		if (!emt_parse_time(text_of(o, "last_seen"), &t))
			emt_rec_time(p, PAST_LAST_SEEN, t);
		emt_rec_str(p, PAST_STATE, text_of(o, "state"));
		emt_rec_str(p, PAST_SEVERITY, text_of(o, "severity"));
		emt_rec_str(p, PAST_WHAT, text_of(o, "what"));
	}
	if (!r->past)
		emt_rec_str(rec, REP_HISTORY_NOTE, "no emtd that keeps a history answers");
}

/* ---- the report ---- */

static void fill_findings(const struct report *r, struct emt_rec *rec)
{
	const struct emt_findings *f = r->findings;
	size_t n = emt_findings_count(f);
	uint64_t counts[EMT_SEV_NR] = { 0 };

	for (size_t i = 0; i < n; i++)
		counts[emt_findings_get(f, i)->severity]++;
	emt_rec_list(rec, REP_SEVERITIES);
	for (unsigned int s = EMT_SEV_NR; s-- > 0;) {
		struct emt_rec *c = counts[s] ? emt_rec_add(rec, REP_SEVERITIES) : NULL;

		if (c) {
			emt_rec_str(c, SEVC_SEVERITY, emt_severity_name(s));
			emt_rec_u64(c, SEVC_FINDINGS, counts[s]);
		}
	}
	emt_rec_list(rec, REP_FINDINGS);
	for (size_t i = 0; i < n && i < FINDINGS; i++) {
		const struct emt_finding *one = emt_findings_get(f, i);
		struct emt_rec *to = emt_rec_add(rec, REP_FINDINGS);
		char next[400];

		emt_fill_finding(to, one, r->walk.domid);
		emt_rec_text(to, FIND_NEXT, emt_ctx_advice(r->ctx, one->next, next, sizeof(next)));
	}
	emt_rec_u64(rec, REP_FINDINGS_TOTAL, n);
}

static void fill_held(struct emt_rec *rec, unsigned int col, const struct emt_facts *f, unsigned int held)
{
	emt_rec_list(rec, col);
	for (int id = 0; id < EMT_FACT_NR; id++)
		if (f->prov[id].held == held && emt_fact_concerns(f, (enum emt_fact_id)id))
			emt_rec_add_str(rec, col, emt_fact_descs[id].name);
}

static void fill(struct report *r, struct emt_rec *rec, const struct emt_engine *e)
{
	const struct emt_release *rel = emt_engine_release(e);
	const struct emt_facts *facts = emt_engine_facts(e);
	uint64_t entries, frames;

	emt_rec_u64(rec, REP_DOMAIN, r->walk.domid);
	emt_rec_text(rec, REP_NAME, r->walk.name);
	emt_rec_text(rec, REP_UUID, facts->domain_uuid);
	emt_rec_text(rec, REP_RELEASE, rel->full);
	emt_rec_bool(rec, REP_RELEASE_EXACT, rel->exact);
	emt_rec_str(rec, REP_PAGING, emt_paging_name(facts->paging));
	emt_rec_str(rec, REP_SOURCE, emt_ctx_source_text(r->ctx));
	emt_rec_time(rec, REP_TIME, r->walk.time);
	emt_fill_verdicts(rec, REP_VERDICTS, emt_findings_summary(r->findings), &entries, &frames);
	emt_rec_u64(rec, REP_ENTRIES, entries);
	emt_rec_u64(rec, REP_BYTES, frames * 4096);
	emt_fill_types(rec, REP_TYPES, emt_findings_summary(r->findings));
	fill_findings(r, rec);
	fill_held(rec, REP_ASSUMED, facts, EMT_ASSUMED);
	fill_held(rec, REP_UNKNOWN, facts, EMT_UNKNOWN);
	emt_rec_bool(rec, REP_COMPLETE, emt_loss_none(&r->loss));
	emt_fill_loss(emt_rec_add(rec, REP_LOSS), &r->loss);
	fill_past(r, rec);
	emt_rec_str(rec, REP_FILE, r->path);
}

static int write_page(struct report *r, const struct emt_rec *rec, const struct emt_engine *e)
{
	char title[200], findings[200], entries[400], memory[300], lost[600];
	const struct emt_map_page_row rows[] = {
		{ "Findings", emt_report_severities(rec, findings, sizeof(findings)) },
		{ "Entries", emt_report_entries(rec, entries, sizeof(entries)) },
		{ "Memory", emt_report_memory(rec, memory, sizeof(memory)) },
		{ "Lost", emt_report_lost(rec, lost, sizeof(lost)) },
	};
	struct emt_map_page page = {
		.title = title, .map = r->map, .findings = r->findings, .facts = emt_engine_facts(e),
		.release = emt_engine_release(e), .source = emt_ctx_source_text(r->ctx), .time = r->walk.time,
		.complete = emt_loss_none(&r->loss), .rows = rows, .nr_rows = EMT_ARRAY_SIZE(rows),
		.history = r->past,
	};

	snprintf(title, sizeof(title), "domain %u%s%s%s", r->walk.domid, *r->walk.name ? " (" : "", r->walk.name,
		 *r->walk.name ? ")" : "");
	return emt_map_html_file(r->path, &page, r->ctx->err);
}

static int put(struct report *r, const struct emt_engine *e)
{
	struct emt_rec *rec = emt_out_rec(r->ctx->out, &emt_kind_report);
	int rc = 0;

	if (rec) {
		ask_past(r, emt_engine_facts(e)->domain_uuid);
		fill(r, rec, e);
		if (r->path)
			rc = write_page(r, rec, e);
	}
	r->ctx->incomplete |= !emt_loss_none(&r->loss);
	return rc ? rc : emt_out_put(r->ctx->out, rec, r->ctx->err);
}

static int report_walk(void *arg, struct emt_source *s, size_t i, bool *any)
{
	struct report *r = arg;
	struct emt_engine *e = NULL;
	struct emt_facts facts;
	int rc = emt_source_walk(s, i, &r->walk, r->ctx->err);

	if (rc)
		return rc;
	rc = emt_ctx_engine(r->ctx, s, i, &facts, &e);
	if (rc) {
		emt_facts_free(&facts);
		return emt_ctx_skip(r->ctx, &r->walk, emt_source_walks(s)) ? 0 : rc;
	}
	*any = true;
	r->map = NULL;
	r->findings = NULL;
	if (emt_map_new(&r->map, 0, EMT_NO_FRAME, EMT_MAP_PAGE_STRETCHES))
		rc = emt_err_set(r->ctx->err, EMT_E_NOMEM, "report", NULL, "not enough memory");
	if (!rc)
		rc = emt_ctx_map(r->ctx, s, i, e, r->map, &r->findings, &r->loss);
	if (!rc)
		rc = put(r, e);
	json_object_put(r->past);
	r->past = NULL;
	emt_map_free(r->map);
	emt_findings_free(r->findings);
	emt_engine_free(e);
	emt_facts_free(&facts);
	return rc;
}

static int run_report(struct emt_ctx *ctx)
{
	struct report r = { .ctx = ctx, .path = emt_parse_text(ctx->args, "output") };

	if (r.path && !emt_parse_flag(ctx->args, "ticket"))
		emt_out_variant(ctx->out, EMT_VARIANT_BRIEF);
	return emt_ctx_each_walk(ctx, &(struct emt_each_walk){ .one = report_walk, .arg = &r, EMT_NO_RELEASE,
		.page = r.path ? "--output" : NULL });
}

static const struct emt_arg args[] = {
	{ .name = "source", .type = EMT_ARG_SOURCE, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "SOURCE", .help = "what to report on: a capture file, or a domain" },
	{ .name = "output", .type = EMT_ARG_OUTFILE, .letter = 'o', .metavar = "FILE.html",
	  .help = "write a page with the map, findings and facts" },
	{ .name = "ticket", .type = EMT_ARG_FLAG,
	  .help = "print the page of text although a page is written with -o" },
};
static const struct emt_section sections[] = { { "reports", &emt_kind_report, EMT_SECTION_MAIN, NULL } };
static const struct emt_reply reply = { "emt.report", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "report guest.emt --ticket", "one page of text for a ticket" },
	{ "report guest.emt -o report.html", "the map with findings and facts, in one file" },
};

const struct emt_command emt_cmd_report = {
	.name = "report",
	.group = "Look at a guest",
	.summary = "sum up an audit for others: a page of text, or of HTML",
	.description =
		"Audits a source and prints, for each domain, one page of text (at most 60 lines of 76 columns) "
		"that says what was found, where, and on what knowledge it rests. With -o it writes a page that "
		"needs no network: the same in numbers, the map with zoom, findings with their explanation, "
		"facts. Where an emtd answers that keeps a history, what it remembers of the domain's findings is in both.\n\n"
		"Exit status: 0 written, whatever was found; 2 error; 3 the source is incomplete.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_use, &emt_args_source, &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_report,
};
