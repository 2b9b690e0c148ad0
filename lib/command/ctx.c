/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/ctx.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void emt_ctx_note(struct emt_ctx *ctx, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	if (!ctx->env->note)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ctx->env->note(ctx->env->arg, text);
}

int emt_ctx_cancelled(struct emt_ctx *ctx)
{
	if (!ctx->env->cancel || !*ctx->env->cancel)
		return 0;
	if (*ctx->env->cancel == EMT_CANCEL_TIMEOUT)
		return emt_err_set(ctx->err, EMT_E_CANCELLED, ctx->args->cmd->name,
				   "what it had found so far is all there is; give it a longer --timeout",
				   "stopped: its time was up");
	return emt_err_set(ctx->err, EMT_E_CANCELLED, ctx->args->cmd->name, NULL, "stopped");
}

int emt_ctx_step(struct emt_ctx *ctx, uint64_t done, uint64_t total)
{
	if (ctx->env->progress)
		ctx->env->progress(ctx->env->arg, ctx->args->cmd->name, done, total);
	return emt_ctx_cancelled(ctx);
}

#define STEP_RUNS 4096

struct ctx_runs {
	struct emt_ctx *ctx;
	int (*cb)(const struct emt_run *run, void *arg);
	void *arg;
	uint64_t done, total;
};

static int one_run(const struct emt_run *run, void *arg)
{
	struct ctx_runs *r = arg;
	int rc = r->cb(run, r->arg);

	return rc || ++r->done % STEP_RUNS ? rc : emt_ctx_step(r->ctx, r->done, r->total);
}

int emt_ctx_runs(struct emt_ctx *ctx, struct emt_source *s, size_t walk,
		 int (*cb)(const struct emt_run *run, void *arg), void *arg, struct emt_loss *loss)
{
	struct ctx_runs r = { .ctx = ctx, .cb = cb, .arg = arg };
	struct emt_stream_sink sink = { one_run, NULL, &r };
	struct emt_source_walk info;
	struct emt_stream *st;
	int rc = emt_source_walk(s, walk, &info, ctx->err);

	if (!rc)
		rc = emt_source_stream(s, walk, &st, ctx->err);
	if (rc)
		return rc;
	r.total = info.runs;
	rc = emt_ctx_cancelled(ctx);
	if (!rc)
		rc = emt_stream_each(st, &sink, ctx->err);
	emt_stream_loss(st, loss);
	emt_stream_free(st);
	return rc;
}

const char *emt_ctx_source_text(const struct emt_ctx *ctx)
{
	return emt_parse_text(ctx->args, "source");
}

const char *emt_ctx_advice(const struct emt_ctx *ctx, const char *text, char *out, size_t room)
{
	return emt_findings_advice(text, emt_ctx_source_text(ctx), out, room);
}

int emt_ctx_open(struct emt_ctx *ctx, struct emt_source **out)
{
	struct emt_source_spec spec = *emt_parse_get(ctx->args, "source")->source;
	const struct emt_value *v;
	int rc;

	*out = NULL;
	v = emt_parse_get(ctx->args, "domain");
	if (v)
		spec.domid = (int64_t)v->number;
	v = emt_parse_get(ctx->args, "generation");
	if (v)
		spec.generation = (int64_t)v->number;
	spec.salvage |= emt_parse_flag(ctx->args, "salvage");
	rc = emt_source_open(out, &spec, ctx->err);
	if (rc)
		return rc;
	emt_out_source(ctx->out, emt_source_name(*out));
	if (!emt_source_walks(*out)) {
		rc = emt_err_set(ctx->err, EMT_E_NOSOURCE, emt_source_name(*out),
				 "emtctl capture show lists what is there",
				 "holds no walk of this domain and generation");
		emt_source_close(*out);
		*out = NULL;
	}
	return rc;
}

int emt_ctx_release_of(const struct emt_ctx *ctx, const struct emt_facts *facts, struct emt_release *rel,
		       struct emt_err *err)
{
	const char *text = emt_parse_text(ctx->args, "release");

	if (!text && facts->prov[EMT_FACT_RELEASE].held != EMT_UNKNOWN)
		text = facts->release;
	if (!text)
		return emt_err_set(err, EMT_E_MISSING, "release", "give --release",
				   "the hypervisor's release is not known");
	return emt_release_parse(rel, text, facts->is_kvm, err);
}

int emt_ctx_release(struct emt_ctx *ctx, const struct emt_facts *facts, struct emt_release *rel)
{
	return emt_ctx_release_of(ctx, facts, rel, ctx->err);
}

int emt_ctx_each_walk(struct emt_ctx *ctx, const struct emt_each_walk *w)
{
	struct emt_source *s;
	bool any = false;
	int rc = emt_ctx_open(ctx, &s);

	if (rc)
		return rc;
	if (w->page && emt_source_walks(s) > 1)
		rc = emt_err_set(ctx->err, EMT_E_USAGE, w->page, "choose one: --domain N",
				 "a page shows one domain, and the source has %zu", emt_source_walks(s));
	for (size_t i = 0; i < emt_source_walks(s) && !rc; i++)
		rc = w->one(w->arg, s, i, &any);
	if (!rc && !any)
		rc = emt_err_set(ctx->err, EMT_E_MISSING, emt_source_name(s), w->next, "%s", w->none);
	emt_source_close(s);
	return rc;
}

int emt_ctx_facts(struct emt_ctx *ctx, struct emt_source *s, size_t walk, struct emt_facts *facts)
{
	int rc = emt_source_facts(s, walk, facts, ctx->err);

	if (rc) {
		emt_facts_init(facts);
		return rc;
	}
	if (facts->paging == EMT_PAGING_PV && ctx->args->cmd->types)
		return emt_err_set(ctx->err, EMT_E_UNSUPPORTED, emt_source_name(s),
				   "emtctl audit, show, explain, map and diff judge its p2m; emtctl pv shows it whole",
				   "domain %u is a PV domain: its p2m has no memory types, %s has nothing to say of it",
				   facts->domid, ctx->args->cmd->name);
	return emt_ctx_ask_types(ctx, s, walk, facts);
}

int emt_ctx_engine(struct emt_ctx *ctx, struct emt_source *s, size_t walk, struct emt_facts *facts,
		   struct emt_engine **e)
{
	int rc = emt_ctx_facts(ctx, s, walk, facts);

	*e = NULL;
	return rc ? rc : emt_engine_new(e, facts, emt_parse_text(ctx->args, "release"), ctx->err);
}

bool emt_ctx_skip(struct emt_ctx *ctx, const struct emt_source_walk *walk, size_t walks)
{
	if (walks < 2 || (ctx->err->code != EMT_E_MISSING && ctx->err->code != EMT_E_UNSUPPORTED))
		return false;
	emt_ctx_note(ctx, "domain %u is left out: %s%s%s", walk->domid, ctx->err->text,
		     *ctx->err->next ? "; " : "", ctx->err->next);
	memset(ctx->err, 0, sizeof(*ctx->err));
	ctx->incomplete = true;
	return true;
}
