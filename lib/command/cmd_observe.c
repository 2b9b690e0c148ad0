/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * observe: an audit with the facts it rests on and its metrics, in one pass over the
 * source. It is what emtd runs to watch a domain.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "capture/facts_json.h"
#include "command/kind_audit.h"
#include "command/use.h"
#include "command/kind_metrics.h"
#include "command/metrics.h"
#include "command/since.h"

#define VALUE 400 /* bytes of a fact's value; its digest covers the whole */

enum { OBS_DOMAIN, OBS_FACT, OBS_HELD, OBS_VALUE, OBS_DIGEST, OBS_NR };
static const struct emt_column columns[OBS_NR] = {
	[OBS_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, EMT_COLF_SHOWN, "domain id"),
	[OBS_FACT] = EMT_COLUMN("fact", EMT_COL_STRING, EMT_COLF_SHOWN, "name, as in a facts file"),
	[OBS_HELD] = EMT_COLUMN("held", EMT_COL_STRING, EMT_COLF_SHOWN, "how firmly", .word = emt_held_name,
				.nr_words = 3),
	[OBS_VALUE] = EMT_COLUMN("value", EMT_COL_STRING, EMT_COLF_SHOWN, "its value as JSON, cut where it is long"),
	[OBS_DIGEST] = EMT_COLUMN("digest", EMT_COL_HEX, 0, "hash of the whole value"),
};
static const struct emt_record_kind kind_observed = {
	.name = "observed_fact", .schema = "emt.observed_fact", .help = "a fact, to be compared with later ones",
	.columns = columns, .nr_columns = OBS_NR,
};

enum { TOT_DOMAINS, TOT_FINDINGS, TOT_MILLISECONDS, TOT_COMPLETE, TOT_NR };
static const struct emt_column total_columns[TOT_NR] = {
	[TOT_DOMAINS] = EMT_COLUMN("domains", EMT_COL_NUMBER, EMT_COLF_SHOWN, "domains audited"),
	[TOT_FINDINGS] = EMT_COLUMN("findings", EMT_COL_NUMBER, EMT_COLF_SHOWN, "findings of all levels"),
	[TOT_MILLISECONDS] = EMT_COLUMN("milliseconds", EMT_COL_NUMBER, EMT_COLF_SHOWN, "time it took",
				   .unit = "milliseconds"),
	[TOT_COMPLETE] = EMT_COLUMN("complete", EMT_COL_BOOL, EMT_COLF_SHOWN, "everything was read"),
};
static const struct emt_record_kind kind_total = {
	.name = "observation", .schema = "emt.observation", .help = "the pass as a whole",
	.columns = total_columns, .nr_columns = TOT_NR,
};

struct observe {
	struct emt_ctx *ctx;
	struct emt_metrics m;
	struct emt_since since;
	uint64_t domains, findings;
};

static const char *text_of(struct json_object *o, const char *name)
{
	struct json_object *v;

	return json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, name, &v) && v ?
	       json_object_get_string(v) : "";
}

static int put_fact(struct observe *o, const char *name, struct json_object *fact, uint32_t domid)
{
	struct emt_rec *rec = emt_out_rec(o->ctx->out, &kind_observed);
	bool full = json_object_is_type(fact, json_type_object);
	struct json_object *v = fact;
	const char *held = full ? text_of(fact, "held") : "", *text;

	if (full && !json_object_object_get_ex(fact, "value", &v))
		v = NULL;
	text = json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (rec && text) {
		emt_rec_u64(rec, OBS_DOMAIN, domid);
		emt_rec_str(rec, OBS_FACT, name);
		emt_rec_str(rec, OBS_HELD, *held ? held : emt_held_name(EMT_KNOWN));
		emt_rec_fmt(rec, OBS_VALUE, "%.*s%s", VALUE, text, strlen(text) > VALUE ? "..." : "");
		emt_rec_u64(rec, OBS_DIGEST, XXH64(text, strlen(text), 0));
	}
	return emt_out_put(o->ctx->out, rec, o->ctx->err);
}

static int put_facts(struct observe *o, const struct emt_facts *f, uint32_t domid)
{
	struct json_object *all = emt_facts_to_json(f);
	int rc = 0;

	if (!all)
		return emt_err_set(o->ctx->err, EMT_E_NOMEM, "observe", NULL, "not enough memory");
	json_object_object_foreach(all, name, fact) {
		int id = emt_fact_by_name(name);

		if (!rc && id >= 0 && emt_fact_concerns(f, (enum emt_fact_id)id))
			rc = put_fact(o, name, fact, domid);
	}
	json_object_put(all);
	return rc;
}

static int put_findings(struct observe *o, const struct emt_findings *f, uint32_t domid)
{
	int rc = 0;

	for (size_t i = 0; i < emt_findings_count(f) && !rc; i++) {
		const struct emt_finding *one = emt_findings_get(f, i);
		struct emt_rec *rec = emt_out_rec(o->ctx->out, &emt_kind_finding);
		char next[400];

		if (rec) {
			emt_fill_finding(rec, one, domid);
			emt_rec_text(rec, FIND_NEXT, emt_ctx_advice(o->ctx, one->next, next, sizeof(next)));
		}
		o->findings++;
		rc = emt_out_put(o->ctx->out, rec, o->ctx->err);
	}
	return rc;
}

static int put_flush(void *arg, const struct emt_flush_group *g, uint32_t domid, int64_t before, int64_t after)
{
	struct observe *o = arg;
	struct emt_rec *rec = emt_out_rec(o->ctx->out, &emt_kind_finding);

	o->findings++;
	if (rec)
		emt_fill_flush_finding(rec, g, domid, (unsigned int)o->findings, before, after);
	return emt_out_put(o->ctx->out, rec, o->ctx->err);
}

static int put_domain(struct observe *o, const struct emt_source_walk *walk, const struct emt_engine *e,
		      const struct emt_findings *f, const struct emt_loss *loss)
{
	struct emt_rec *rec = emt_out_rec(o->ctx->out, &emt_kind_domain);

	if (rec)
		emt_fill_domain(rec, walk, e, f, loss, emt_parse_flag(o->ctx->args, "release"));
	return emt_out_put(o->ctx->out, rec, o->ctx->err);
}

/* Entries without memory types: devices can be wronged by their changes all the same. */
static bool only_changes(struct observe *o, const struct emt_facts *f, struct emt_release *rel)
{
	struct emt_err why = { 0 };

	return o->since.path && o->ctx->err->code == EMT_E_UNSUPPORTED && f->prov[EMT_FACT_PAGING].held != EMT_UNKNOWN &&
		(f->paging == EMT_PAGING_NPT || f->paging == EMT_PAGING_SHADOW) &&
		!emt_ctx_release_of(o->ctx, f, rel, &why) && emt_flush_not_judged(f, rel) == EMT_FLUSH_JUDGED;
}

static int observe_changes(struct observe *o, struct emt_source *s, size_t i, const struct emt_source_walk *walk,
			   const struct emt_facts *f, const struct emt_release *rel)
{
	struct emt_read read = { 0 };
	struct emt_loss loss = { 0 };
	struct emt_rec *rec;
	int rc;

	emt_ctx_note(o->ctx, "domain %u: %s: only what changes is judged", walk->domid, o->ctx->err->text);
	memset(o->ctx->err, 0, sizeof(*o->ctx->err));
	rc = emt_since_changes(&o->since, s, i, f, &read, &loss);
	if (rc)
		return rc;
	o->ctx->incomplete |= !emt_loss_none(&loss);
	rec = emt_out_rec(o->ctx->out, &emt_kind_domain);
	if (rec)
		emt_fill_domain_unjudged(rec, walk, f, rel, &read, &loss, emt_parse_flag(o->ctx->args, "release"));
	rc = emt_out_put(o->ctx->out, rec, o->ctx->err);
	if (!rc)
		rc = put_facts(o, f, walk->domid);
	o->domains += !rc;
	return rc;
}

static int observe_walk(struct observe *o, struct emt_source *s, size_t i)
{
	struct emt_findings *f = NULL;
	struct emt_engine *e = NULL;
	struct emt_source_walk walk;
	struct emt_release rel;
	struct emt_facts facts;
	struct emt_loss loss;
	double start = emt_metrics_now();
	int rc = emt_source_walk(s, i, &walk, o->ctx->err);

	if (rc)
		return rc;
	rc = emt_ctx_engine(o->ctx, s, i, &facts, &e);
	if (rc && only_changes(o, &facts, &rel)) {
		rc = observe_changes(o, s, i, &walk, &facts, &rel);
		emt_facts_free(&facts);
		return rc;
	}
	if (rc) {
		emt_facts_free(&facts);
		return emt_ctx_skip(o->ctx, &walk, emt_source_walks(s)) ? 0 : rc;
	}
	rc = emt_since_walk(&o->since, s, i, e, &f, &loss);
	if (!rc)
		rc = emt_metrics_add(&o->m, &walk, e, f, &loss, emt_metrics_now() - start);
	if (!rc)
		rc = put_domain(o, &walk, e, f, &loss);
	if (!rc)
		rc = put_findings(o, f, walk.domid);
	if (!rc)
		rc = put_facts(o, emt_engine_facts(e), walk.domid);
	o->domains += !rc;
	emt_findings_free(f);
	emt_engine_free(e);
	emt_facts_free(&facts);
	return rc;
}

static int run_observe(struct emt_ctx *ctx)
{
	struct observe o = { .ctx = ctx, .m = { .ctx = ctx } };
	double start = emt_metrics_now();
	struct emt_rec *rec;
	struct emt_source *s;
	int rc = emt_ctx_open(ctx, &s);

	if (rc)
		return rc;
	o.since = (struct emt_since){ .ctx = ctx, .path = emt_parse_text(ctx->args, "since"), .put = put_flush, .arg = &o };
	rc = emt_since_begin(&o.since);
	for (size_t i = 0; i < emt_source_walks(s) && !rc; i++)
		rc = observe_walk(&o, s, i);
	if (!rc && !o.domains)
		rc = emt_err_set(ctx->err, EMT_E_MISSING, emt_source_name(s),
				 "emtctl facts shows what is known; --release", "no domain could be audited");
	emt_source_close(s);
	if (!rc)
		rc = emt_since_end(&o.since);
	emt_since_abort(&o.since);
	if (!rc)
		rc = emt_metrics_put(&o.m);
	emt_metrics_free(&o.m);
	if (rc)
		return rc;
	rec = emt_out_rec(ctx->out, &kind_total);
	if (rec) {
		emt_rec_u64(rec, TOT_DOMAINS, o.domains);
		emt_rec_u64(rec, TOT_FINDINGS, o.findings);
		emt_rec_u64(rec, TOT_MILLISECONDS, (uint64_t)((emt_metrics_now() - start) * 1000));
		emt_rec_bool(rec, TOT_COMPLETE, !ctx->incomplete);
	}
	return emt_out_put(ctx->out, rec, ctx->err);
}

static const struct emt_arg args[] = {
	{ .name = "source", .type = EMT_ARG_SOURCE, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "SOURCE", .help = "what to audit: a capture file, or a domain" },
	{ .name = "since", .type = EMT_ARG_OUTFILE, .metavar = "FILE",
	  .help = "judge what changed since the walk in this capture, and keep this one there" },
};
static const struct emt_section sections[] = {
	{ "domains", &emt_kind_domain, 0, NULL },
	{ "findings", &emt_kind_finding, EMT_SECTION_MAIN, NULL },
	{ "facts", &kind_observed, 0, NULL },
	{ "families", &emt_kind_metric_family, 0, NULL },
	{ "observation", &kind_total, EMT_SECTION_ONE, NULL },
};
static const struct emt_reply reply = { "emt.observe", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "observe guest.emt --ndjson", "all that emtd remembers of an audit" },
	{ "observe 5,costs=yes --since last5.emt", "and the flushes missed since the last such call" },
};

const struct emt_command emt_cmd_observe = {
	.name = "observe",
	.group = "Look at a guest",
	.summary = "audit, facts and metrics in one pass, for programs",
	.description =
		"Reads a source once and says all that a watcher compares with what it saw before: the audit with "
		"findings of every level, each fact with a hash of its value, and the audit's metrics. emtd runs "
		"it for each domain it watches.\n\n"
		"With --since, pages that changed since the walk in that file are judged by the flush rules of the "
		"release, where the domain has an IOMMU: each flush-missed is a finding (see `flush`, `diff`); of NPT and "
		"shadow domains, whose entries carry no memory types, that is all that is judged. Then this "
		"walk is kept in its place; one that is not whole is neither compared nor kept.\n\n"
		"Exit status: 0 read, whatever was found; 2 error; 3 the source is incomplete.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_use, &emt_args_source, &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_observe,
};
