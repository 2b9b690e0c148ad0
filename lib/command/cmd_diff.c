/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * diff: two captures, or two walks of one.
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "capture/facts_json.h"
#include "command/ctx.h"
#include "command/diff_past.h"
#include "command/kind_diff.h"
#include "command/kind_audit.h"
#include "command/side.h"

/* One side: the walk chosen, its facts and engine. */
struct side {
	struct emt_side read;
	struct emt_source_walk walk;
	struct emt_facts facts;
	struct emt_engine *engine;   /* NULL: cannot be judged */
	struct emt_findings *findings;
	struct emt_queue_between *queues; /* of the newer: what IOMMUs were told since the older; NULL */
};

/* Facts and engine; a side that cannot be judged is compared all the same. */
static int prepare(struct side *s)
{
	struct emt_err *err = s->read.ctx->err;
	int rc = emt_source_walk(s->read.source, s->read.index, &s->walk, err);

	if (rc) {
		emt_facts_init(&s->facts);
		return rc;
	}
	rc = emt_ctx_facts(s->read.ctx, s->read.source, s->read.index, &s->facts);
	if (rc)
		return rc;
	rc = emt_engine_new(&s->engine, &s->facts, emt_parse_text(s->read.ctx->args, "release"), err);
	if (rc != EMT_E_MISSING && rc != EMT_E_UNSUPPORTED)
		return rc;
	memset(err, 0, sizeof(*err));
	s->engine = NULL;
	return 0;
}

static void forget(struct side *s)
{
	emt_side_end(&s->read);
	emt_findings_free(s->findings);
	emt_engine_free(s->engine);
	emt_facts_free(&s->facts);
	s->findings = NULL;
	s->engine = NULL;
	emt_facts_init(&s->facts);
}

static int audit(struct side *s)
{
	struct emt_run run;
	int rc = emt_findings_new(&s->findings, emt_engine_facts(s->engine), emt_engine_release(s->engine)),
	    got = 0;

	if (rc)
		return emt_err_set(s->read.ctx->err, EMT_E_NOMEM, "diff", NULL, "not enough memory");
	rc = emt_side_begin(&s->read);
	while (!rc && (got = emt_side_next(&s->read, &run)) > 0)
		rc = emt_engine_run(s->engine, &run, emt_findings_add, s->findings);
	emt_side_end(&s->read);
	if (!rc)
		rc = got;
	return rc ? rc : emt_findings_finish(s->findings);
}

/* Changes that devices can notice, judged. */
struct flushes {
	enum emt_flush_not not_judged;
	struct emt_flush_group *v; /* room for EMT_FLUSH_GROUPS; owned */
	size_t n;
	const struct emt_queue_between *queues; /* of two images; NULL */
};

/* ---- records ---- */

/* The newer side's release made the changes; without one nothing is judged. */
static bool release_of(struct emt_ctx *ctx, const struct side *b, struct emt_release *rel)
{
	int rc = emt_ctx_release(ctx, &b->facts, rel);

	if (rc)
		memset(ctx->err, 0, sizeof(*ctx->err));
	return !rc;
}

static int put_flushes(struct emt_ctx *ctx, const struct flushes *f, uint32_t domid)
{
	int rc = 0;

	for (size_t i = 0; i < f->n && !rc; i++) {
		struct emt_rec *rec = emt_out_rec(ctx->out, &emt_kind_diff_flush);

		if (rec)
			emt_fill_diff_flush(rec, &f->v[i], domid, f->queues ? emt_queue_between_window(f->queues) : NULL);
		rc = emt_out_put(ctx->out, rec, ctx->err);
	}
	return rc;
}

static int put_domain(struct emt_ctx *ctx, const struct side *a, const struct side *b,
		      const struct emt_diff *d, enum emt_flush_not flushes)
{
	const struct emt_diff_sum *s = emt_diff_summary(d);
	struct emt_rec *rec = emt_out_rec(ctx->out, &emt_kind_diff_domain);
	bool complete = emt_loss_none(&a->read.loss) && emt_loss_none(&b->read.loss);

	ctx->incomplete |= !complete || s->overflow;
	if (!rec)
		return emt_out_put(ctx->out, rec, ctx->err);
	emt_rec_u64(rec, DDOM_DOMAIN, a->walk.domid);
	emt_rec_u64(rec, DDOM_DOMAIN_AFTER, b->walk.domid);
	emt_rec_text(rec, DDOM_NAME, b->walk.name);
	emt_rec_u64(rec, DDOM_GENERATION_BEFORE, a->walk.generation);
	emt_rec_u64(rec, DDOM_GENERATION_AFTER, b->walk.generation);
	emt_rec_text(rec, DDOM_LABEL_BEFORE, a->walk.label);
	emt_rec_text(rec, DDOM_LABEL_AFTER, b->walk.label);
	emt_rec_time(rec, DDOM_TIME_BEFORE, a->walk.time);
	emt_rec_time(rec, DDOM_TIME_AFTER, b->walk.time);
	emt_rec_u64(rec, DDOM_BYTES_BEFORE, s->frames_before * 4096);
	emt_rec_u64(rec, DDOM_BYTES_AFTER, s->frames_after * 4096);
	emt_rec_u64(rec, DDOM_SAME_BYTES, s->same * 4096);
	emt_rec_u64(rec, DDOM_CHANGED_BYTES, s->changed_any * 4096);
	emt_rec_list(rec, DDOM_CHANGES);
	for (unsigned int i = 0; i < EMT_DIFF_NR; i++) {
		struct emt_rec *c = s->changed[i] ? emt_rec_add(rec, DDOM_CHANGES) : NULL;

		if (c) {
			emt_rec_str(c, DCNT_CHANGE, emt_diff_change_name(i));
			emt_rec_u64(c, DCNT_BYTES, s->changed[i] * 4096);
		}
	}
	emt_rec_u64(rec, DDOM_NOT_LISTED_BYTES, s->overflow * 4096);
	emt_rec_bool(rec, DDOM_JUDGED, a->engine && b->engine);
	emt_rec_str(rec, DDOM_FLUSHES, emt_flush_not_name(flushes));
	emt_rec_bool(rec, DDOM_COMPLETE, complete);
	return emt_out_put(ctx->out, rec, ctx->err);
}

static int put_groups(struct emt_ctx *ctx, const struct emt_diff *d, uint32_t domid)
{
	int rc = 0;

	for (size_t i = 0; i < emt_diff_count(d) && !rc; i++) {
		struct emt_rec *rec = emt_out_rec(ctx->out, &emt_kind_diff_group);

		if (rec)
			emt_fill_diff_group(rec, emt_diff_get(d, i), domid);
		rc = emt_out_put(ctx->out, rec, ctx->err);
	}
	return rc;
}

/* The value alone: when and by whom it was observed is no difference of the host. */
static struct json_object *value_of(struct json_object *fact)
{
	struct json_object *v;

	return json_object_is_type(fact, json_type_object) && json_object_object_get_ex(fact, "value", &v)
		       ? v
		       : fact;
}

static int put_fact(struct emt_ctx *ctx, uint32_t domid, const char *name, struct json_object *a,
		    struct json_object *b, bool *any)
{
	struct emt_rec *rec;

	a = value_of(a);
	b = value_of(b);
	if (json_object_equal(a, b))
		return 0;
	*any = true;
	rec = emt_out_rec(ctx->out, &emt_kind_diff_fact);
	if (rec) {
		emt_rec_u64(rec, DFCT_DOMAIN, domid);
		emt_rec_str(rec, DFCT_FACT, name);
		emt_rec_str(rec, DFCT_CHANGE,
			    emt_diff_fact_word(!a   ? DFACT_ADDED
					       : !b ? DFACT_REMOVED
						    : DFACT_CHANGED));
		if (a)
			emt_rec_str(rec, DFCT_BEFORE,
				    json_object_to_json_string_ext(a, JSON_C_TO_STRING_PLAIN));
		if (b)
			emt_rec_str(rec, DFCT_AFTER,
				    json_object_to_json_string_ext(b, JSON_C_TO_STRING_PLAIN));
	}
	return emt_out_put(ctx->out, rec, ctx->err);
}

static int put_facts(struct emt_ctx *ctx, const struct side *a, const struct side *b, bool *any)
{
	struct json_object *x = emt_facts_to_json(&a->facts), *y = emt_facts_to_json(&b->facts), *other;
	int rc = x && y ? 0 : emt_err_set(ctx->err, EMT_E_NOMEM, "diff", NULL, "not enough memory");

	if (!rc) {
		json_object_object_foreach(x, name, value) {
			other = NULL;
			json_object_object_get_ex(y, name, &other);
			if (!rc)
				rc = put_fact(ctx, a->walk.domid, name, value, other, any);
		}
	}
	if (!rc) {
		json_object_object_foreach(y, name, value)
			if (!rc && !json_object_object_get_ex(x, name, &other))
				rc = put_fact(ctx, a->walk.domid, name, NULL, value, any);
	}
	json_object_put(x);
	json_object_put(y);
	return rc;
}

static int put_finding(struct emt_ctx *ctx, enum emt_finding_change change, const struct emt_finding *before,
		       const struct emt_finding *after, uint32_t domid)
{
	struct emt_rec *rec = emt_out_rec(ctx->out, &emt_kind_diff_finding);

	if (rec)
		emt_fill_diff_finding(rec, change, before, after, domid);
	return emt_out_put(ctx->out, rec, ctx->err);
}

static int put_findings(struct emt_ctx *ctx, const struct side *a, const struct side *b, bool *any)
{
	int rc = 0;

	for (size_t i = 0; i < emt_findings_count(b->findings) && !rc; i++) {
		const struct emt_finding *f = emt_findings_get(b->findings, i),
					 *was = emt_finding_like(a->findings, f);

		*any |= !was;
		rc = put_finding(ctx, was ? EMT_FINDING_KEPT : EMT_FINDING_NEW, was, f, a->walk.domid);
	}
	for (size_t i = 0; i < emt_findings_count(a->findings) && !rc; i++) {
		const struct emt_finding *f = emt_findings_get(a->findings, i);

		if (emt_finding_like(b->findings, f))
			continue;
		*any = true;
		rc = put_finding(ctx, EMT_FINDING_CLEARED, f, NULL, a->walk.domid);
	}
	return rc;
}

/* ---- the command ---- */

static int compare(struct emt_ctx *ctx, struct side *a, struct side *b)
{
	struct flushes f = { EMT_FLUSH_NO_RULES, calloc(EMT_FLUSH_GROUPS, sizeof(*f.v)), 0, b->queues };
	struct emt_diff *d = NULL;
	struct emt_release rel;
	bool any = false, judged;
	int rc = prepare(a);

	if (!rc)
		rc = prepare(b);
	judged = a->engine && b->engine;
	if (!rc && judged)
		rc = audit(a);
	if (!rc && judged)
		rc = audit(b);
	if (!rc && (!f.v || emt_diff_new(&d)))
		rc = emt_err_set(ctx->err, EMT_E_NOMEM, "diff", NULL, "not enough memory");
	if (!rc)
		rc = emt_side_compare(d, &a->read, a->engine, &b->read, b->engine);
	if (!rc && release_of(ctx, b, &rel))
		f.not_judged = emt_flush_between(a->engine ? emt_engine_facts(a->engine) : &a->facts, b->engine ? emt_engine_facts(b->engine) : &b->facts, &rel, d, f.v, &f.n);
	for (size_t i = 0; i < f.n && f.queues; i++)
		emt_flush_look(&f.v[i], f.queues, b->walk.domid);
	if (!rc)
		rc = put_domain(ctx, a, b, d, f.not_judged);
	if (!rc)
		rc = put_groups(ctx, d, a->walk.domid);
	if (!rc)
		rc = put_flushes(ctx, &f, a->walk.domid);
	if (!rc)
		rc = put_facts(ctx, a, b, &any);
	if (!rc && judged)
		rc = put_findings(ctx, a, b, &any);
	if (!rc)
		ctx->findings |= any || emt_diff_summary(d)->changed_any;
	free(f.v);
	emt_diff_free(d);
	forget(a);
	forget(b);
	return rc;
}

/* The walk of 'domid' in 's', of 'generation' if that is not -1. */
static bool find(struct emt_source *s, uint32_t domid, int64_t generation, size_t *index)
{
	struct emt_source_walk w;

	for (size_t i = 0; i < emt_source_walks(s); i++) {
		if (emt_source_walk(s, i, &w, NULL) || w.domid != domid ||
		    (generation >= 0 && w.generation != (uint32_t)generation))
			continue;
		*index = i;
		return true;
	}
	return false;
}

/* Domains that only one of the two has. */
static void note_alone(struct emt_ctx *ctx, struct emt_source *s, struct emt_source *other, const char *where)
{
	struct emt_source_walk w;
	size_t at;

	for (size_t i = 0; i < emt_source_walks(s); i++)
		if (!emt_source_walk(s, i, &w, NULL) && !find(other, w.domid, -1, &at)) {
			emt_ctx_note(ctx, "domain %u is in the %s only", w.domid, where);
			ctx->findings = true;
		}
}

static int two_sources(struct emt_ctx *ctx, struct side *a, struct side *b)
{
	struct emt_source_walk w;
	size_t pairs = 0;
	int rc = 0;

	/* A guest that was started anew has another id. */
	if (emt_source_walks(a->read.source) == 1 && emt_source_walks(b->read.source) == 1)
		return compare(ctx, a, b);
	for (size_t i = 0; i < emt_source_walks(a->read.source) && !rc; i++) {
		rc = emt_source_walk(a->read.source, i, &w, ctx->err);
		if (rc || !find(b->read.source, w.domid, -1, &b->read.index))
			continue;
		a->read.index = i;
		pairs++;
		rc = compare(ctx, a, b);
	}
	if (!rc && !pairs)
		return emt_err_set(ctx->err, EMT_E_NOSOURCE, "diff",
				   "emtctl capture show lists what is there",
				   "the two have no domain in common");
	note_alone(ctx, a->read.source, b->read.source, "older");
	note_alone(ctx, b->read.source, a->read.source, "newer");
	return rc;
}

/* Each domain's walk before the newest (or --generation), against that. */
static int one_source(struct emt_ctx *ctx, struct side *a, struct side *b)
{
	int64_t wanted = (int64_t)emt_parse_number(ctx->args, "generation", UINT64_MAX);
	struct emt_source_walk w, newest;
	size_t pairs = 0;
	int rc = 0;

	for (size_t i = 0; i < emt_source_walks(b->read.source) && !rc; i++) {
		rc = emt_source_walk(b->read.source, i, &newest, ctx->err);
		for (size_t k = i + 1; k < emt_source_walks(b->read.source) && !rc && wanted < 0; k++)
			if (!emt_source_walk(b->read.source, k, &w, NULL) && w.domid == newest.domid)
				newest.generation = UINT32_MAX; /* a newer one follows */
		if (rc || newest.generation == UINT32_MAX ||
		    (wanted >= 0 && newest.generation != (uint32_t)wanted) || !newest.generation ||
		    !find(a->read.source, newest.domid, newest.generation - 1, &a->read.index))
			continue;
		b->read.index = i;
		pairs++;
		rc = compare(ctx, a, b);
	}
	if (!rc && !pairs)
		return emt_err_set(ctx->err, EMT_E_USAGE, emt_source_name(b->read.source),
				   "name a second source: diff A B", "holds no two walks of one domain");
	return rc;
}

static int open_spec(struct emt_ctx *ctx, const char *arg, bool all, struct emt_source **out)
{
	struct emt_source_spec spec = *emt_parse_get(ctx->args, arg)->source;

	spec.domid = (int64_t)emt_parse_number(ctx->args, "domain", (uint64_t)spec.domid);
	if (!all)
		spec.generation =
			(int64_t)emt_parse_number(ctx->args, "generation", (uint64_t)spec.generation);
	spec.all = all;
	spec.salvage |= emt_parse_flag(ctx->args, "salvage");
	return emt_source_open(out, &spec, ctx->err);
}

/* Of two images of one machine the queues tell what IOMMUs were told meanwhile. */
static int open_queues(struct emt_ctx *ctx, struct emt_queue_between **out)
{
	const struct emt_source_spec *a = emt_parse_get(ctx->args, "source")->source,
				     *b = emt_parse_get(ctx->args, "other")->source;
	struct emt_err why = { 0 };
	int rc;

	if (a->kind != EMT_SOURCE_MEM || b->kind != EMT_SOURCE_MEM)
		return 0;
	rc = emt_queue_between_new(out, a, b, &why);
	if (rc == EMT_E_NOMEM)
		return emt_err_set(ctx->err, rc, why.subject, NULL, "%s", why.text);
	if (rc)
		emt_ctx_note(ctx, "flushes are judged by the rules alone: %s: %s", why.subject, why.text);
	return 0;
}

static int run_diff(struct emt_ctx *ctx)
{
	static const char other[] = "other";
	bool two = emt_parse_get(ctx->args, other);
	struct side *s;
	int rc = 0;

	if (emt_diff_is_past(ctx->args))
		return emt_diff_past(ctx);
	s = calloc(2, sizeof(*s));
	if (!s)
		return emt_err_set(ctx->err, EMT_E_NOMEM, "diff", NULL, "not enough memory");
	for (int i = 0; i < 2; i++) {
		s[i].read.ctx = ctx;
		emt_facts_init(&s[i].facts);
	}
	rc = open_spec(ctx, "source", !two, &s[0].read.source);
	if (!rc)
		rc = open_spec(ctx, two ? other : "source", !two, &s[1].read.source);
	if (!rc && two)
		rc = open_queues(ctx, &s[1].queues);
	if (!rc) {
		emt_out_source(ctx->out, emt_source_name(s[1].read.source));
		rc = two ? two_sources(ctx, &s[0], &s[1]) : one_source(ctx, &s[0], &s[1]);
	}
	for (int i = 0; i < 2; i++)
		emt_source_close(s[i].read.source);
	emt_queue_between_free(s[1].queues);
	free(s);
	return rc;
}

static const struct emt_arg args[] = {
	{ .name = "source",
	  .type = EMT_ARG_SOURCE,
	  .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "A",
	  .help = "the older source; alone: its newest walk against the one before" },
	{ .name = "other",
	  .type = EMT_ARG_SOURCE,
	  .flags = EMT_ARGF_POSITIONAL,
	  .metavar = "B",
	  .help = "the newer source" },
};
static const struct emt_section sections[] = {
	{ "domains", &emt_kind_diff_domain, 0, NULL },
	{ "changes", &emt_kind_diff_group, EMT_SECTION_MAIN, NULL },
	{ "flushes", &emt_kind_diff_flush, 0, "What devices could notice, by the flush rules of the newer release" },
	{ "facts", &emt_kind_diff_fact, 0, "Facts that changed" },
	{ "findings", &emt_kind_diff_finding, 0, "Findings" },
};
static const struct emt_reply reply = { "emt.diff", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "diff monday.emt tuesday.emt", "what changed between two captures" },
	{ "diff guest.emt", "what changed between the two newest walks in one" },
	{ "diff guest.emt,generation=0 guest.emt,generation=3", "between two walks of your choice" },
	{ "diff web1@-1h web1@now", "what emtd's history says became of findings and facts in an hour" },
	{ "diff a.emt b.emt --where 'verdict_after == \"mismatch\"'", "only what became wrong" },
};

const struct emt_command emt_cmd_diff = {
	.name = "diff",
	.group = "Compare",
	.summary = "show what changed between two captures or walks",
	.description =
		"Reads two walks of a domain side by side and lists what differs: pages mapped in one only, "
		"and "
		"pages whose machine frame, permissions, type, size of mapping, p2m type or verdict changed, "
		"grouped by what changed from what to what; then facts that changed; then findings that are "
		"new, were cleared, or are kept. With one source its newest walk is compared with the one "
		"before it (--generation: that one with the one before).\n\n"
		"Each side is judged by the rules of its own release, or both by --release.\n\n"
		"Where the domain has an IOMMU, each change is judged by the newer side's flush rules too (see `flush`): "
		"flush-missed says that the release forgets to flush or unmap, so that devices may still reach what "
		"was there. These verdicts come from the rules; what hardware was told is in no capture. Two images of a "
		"machine's memory hold the IOMMUs' queues: there each change tells whether commands newer than the older "
		"image flush it, and flush-not-seen says that the release should have flushed and no command shows it. A "
		"queue is a ring: where one may have gone round, that is said. Whether a flush came before or after the change "
		"is not known.\n\n"
		"DOM@TIME stands for what a running emtd's history knows of a domain at a time: now, -1h, or a "
		"date; then findings and facts are compared, not pages, and entries are counted as when a finding "
		"was last seen.\n\n"
		"Exit status: 0 nothing differs; 1 something does; 2 error; 3 nothing that was read differs, "
		"but a "
		"walk is incomplete.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_source, &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_diff,
};
