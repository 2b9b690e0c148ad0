/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metrics: an audit in numbers, as OpenMetrics text.
 */

#include "capture/outfile.h"
#include "command/ctx.h"
#include "command/kind_metrics.h"
#include "command/use.h"
#include "command/metrics.h"

struct exposition {
	struct emt_metrics m;
	struct emt_buffer file;   /* the text for --textfile */
	struct emt_text text;
};

static int audit_walk(struct exposition *x, struct emt_source *s, size_t i)
{
	struct emt_findings *f = NULL;
	struct emt_engine *e = NULL;
	struct emt_source_walk walk;
	struct emt_facts facts;
	struct emt_loss loss;
	double start = emt_metrics_now();
	int rc = emt_source_walk(s, i, &walk, x->m.ctx->err);

	if (rc)
		return rc;
	rc = emt_ctx_engine(x->m.ctx, s, i, &facts, &e);
	if (rc) {
		emt_facts_free(&facts);
		return emt_ctx_skip(x->m.ctx, &walk, emt_source_walks(s)) ? 0 : rc;
	}
	rc = emt_ctx_findings(x->m.ctx, s, i, e, &f, &loss);
	if (!rc)
		rc = emt_metrics_add(&x->m, &walk, e, f, &loss, emt_metrics_now() - start);
	emt_findings_free(f);
	emt_engine_free(e);
	emt_facts_free(&facts);
	return rc;
}

static int put_result(struct exposition *x)
{
	struct emt_rec *rec = emt_out_rec(x->m.ctx->out, &emt_kind_metrics_result);

	if (rec) {
		emt_rec_u64(rec, MRES_DOMAINS, x->m.nr);
		emt_rec_u64(rec, MRES_SAMPLES, x->m.samples);
		emt_rec_str(rec, MRES_FILE, emt_parse_text(x->m.ctx->args, "textfile"));
		emt_rec_bool(rec, MRES_COMPLETE, !x->m.ctx->incomplete);
		emt_layout_metrics_result(rec, &x->text, 0);
	}
	return emt_out_put(x->m.ctx->out, rec, x->m.ctx->err);
}

static int write_file(struct exposition *x, const char *path)
{
	struct emt_outfile o;
	int rc;

	if (x->file.error)
		return emt_err_set(x->m.ctx->err, EMT_E_NOMEM, "metrics", NULL, "not enough memory");
	rc = emt_outfile_open(&o, path, x->m.ctx->err);
	if (rc)
		return rc;
	rc = emt_outfile_write(&o, x->file.data, x->file.used, x->m.ctx->err);
	if (rc) {
		emt_outfile_abort(&o);
		return rc;
	}
	return emt_outfile_commit(&o, x->m.ctx->err);
}

static int run_metrics(struct emt_ctx *ctx)
{
	struct exposition x = { .m = { .ctx = ctx, .text = &x.text } };
	const char *path = emt_parse_text(ctx->args, "textfile");
	struct emt_source *s;
	int rc = emt_ctx_open(ctx, &s);

	if (rc)
		return rc;
	emt_buffer_init(&x.file, NULL, NULL);
	x.text.buf = &x.file;
	for (size_t i = 0; i < emt_source_walks(s) && !rc; i++)
		rc = audit_walk(&x, s, i);
	if (!rc && !x.m.nr)
		rc = emt_err_set(ctx->err, EMT_E_MISSING, emt_source_name(s),
				 "emtctl facts shows what is known; --release", "no domain could be audited");
	emt_source_close(s);
	if (!rc)
		rc = emt_metrics_put(&x.m);
	if (!rc)
		rc = put_result(&x);
	if (!rc && path)
		rc = write_file(&x, path);
	emt_buffer_free(&x.file);
	emt_metrics_free(&x.m);
	return rc;
}

static const struct emt_arg args[] = {
	{ .name = "source", .type = EMT_ARG_SOURCE, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "SOURCE", .help = "what to audit: a capture file, or a domain" },
	{ .name = "textfile", .type = EMT_ARG_OUTFILE, .metavar = "FILE",
	  .help = "write the text there too, for node_exporter's textfile collector; it is replaced in one step" },
};
static const struct emt_section sections[] = {
	{ "families", &emt_kind_metric_family, EMT_SECTION_MAIN, NULL },
	{ "result", &emt_kind_metrics_result, EMT_SECTION_ONE | EMT_SECTION_TIGHT, NULL },
};
static const struct emt_reply reply = { "emt.metrics", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "metrics guest.emt", "the audit in numbers" },
	{ "metrics guest.emt --textfile emt.prom", "for node_exporter" },
};

const struct emt_command emt_cmd_metrics = {
	.name = "metrics",
	.group = "Look at a guest",
	.summary = "print an audit in numbers, as OpenMetrics",
	.description =
		"Audits all domains of a source and prints OpenMetrics text: findings by kind and severity, "
		"entries by verdict, memory by type, what was lost, and how long it took. Every metric is a "
		"gauge about the state that was read; readers of Prometheus' older text format take it as "
		"well.\n\n"
		"A domain without findings has no emt_findings; emt_audit_complete says that it was "
		"looked at.\n\n"
		"Exit status: 0 printed, whatever was found; 2 error; 3 the source is incomplete.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_use, &emt_args_source, &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_metrics,
};
