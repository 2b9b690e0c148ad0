/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metrics: an audit in numbers, as OpenMetrics text.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture/outfile.h"
#include "command/ctx.h"
#include "command/kind_metrics.h"

#define KINDS 64 /* pairs of finding kind and severity; there are fewer in all */

struct kind_count {
	const char *kind;
	enum emt_severity severity;
	uint64_t n;
};

/* One domain audited. */
struct domain_numbers {
	char domid[16], name[64], uuid[40], release[64];
	const char *paging;
	int64_t time;
	double seconds;           /* how long the audit took */
	struct emt_summary sum;
	struct emt_loss loss;
	uint64_t merged;          /* findings beyond the table */
	struct kind_count kinds[KINDS];
	size_t nr_kinds;
};

struct metrics {
	struct emt_ctx *ctx;
	struct domain_numbers *v;
	size_t nr, room;
	uint64_t samples;
	struct emt_buffer file;   /* the text for --textfile */
	struct emt_text text;
};

/* ---- numbers of one domain ---- */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void count_kinds(struct domain_numbers *d, const struct emt_findings *f)
{
	for (size_t i = 0; i < emt_findings_count(f); i++) {
		const struct emt_finding *one = emt_findings_get(f, i);
		size_t k = 0;

		while (k < d->nr_kinds && (strcmp(d->kinds[k].kind, one->kind) ||
					   d->kinds[k].severity != one->severity))
			k++;
		if (k == KINDS) {
			d->merged++;
			continue;
		}
		if (k == d->nr_kinds)
			d->kinds[d->nr_kinds++] = (struct kind_count){ one->kind, one->severity, 0 };
		d->kinds[k].n++;
	}
	d->merged += emt_findings_overflow(f);
}

static struct domain_numbers *new_domain(struct metrics *m)
{
	if (m->nr == m->room) {
		size_t room = m->room ? m->room * 2 : 4;
		struct domain_numbers *v = reallocarray(m->v, room, sizeof(*v));

		if (!v)
			return NULL;
		m->v = v;
		m->room = room;
	}
	memset(&m->v[m->nr], 0, sizeof(m->v[0]));
	return &m->v[m->nr++];
}

static int add_domain(struct metrics *m, const struct emt_source_walk *walk, const struct emt_engine *e,
		      const struct emt_findings *f, const struct emt_loss *loss, double seconds)
{
	const struct emt_facts *facts = emt_engine_facts(e);
	struct domain_numbers *d = new_domain(m);

	if (!d)
		return emt_err_set(m->ctx->err, EMT_E_NOMEM, "metrics", NULL, "not enough memory");
	snprintf(d->domid, sizeof(d->domid), "%u", walk->domid);
	snprintf(d->name, sizeof(d->name), "%s", walk->name);
	snprintf(d->uuid, sizeof(d->uuid), "%s", facts->domain_uuid);
	snprintf(d->release, sizeof(d->release), "%s", emt_engine_release(e)->text);
	d->paging = emt_paging_name(facts->paging);
	d->time = walk->time;
	d->seconds = seconds;
	d->sum = *emt_findings_summary(f);
	d->loss = *loss;
	count_kinds(d, f);
	return 0;
}

static int audit_walk(struct metrics *m, struct emt_source *s, size_t i)
{
	struct emt_findings *f = NULL;
	struct emt_engine *e = NULL;
	struct emt_source_walk walk;
	struct emt_facts facts;
	struct emt_loss loss;
	double start = now();
	int rc = emt_source_walk(s, i, &walk, m->ctx->err);

	if (rc)
		return rc;
	rc = emt_ctx_engine(m->ctx, s, i, &facts, &e);
	if (rc) {
		emt_facts_free(&facts);
		return emt_ctx_skip(m->ctx, &walk, emt_source_walks(s)) ? 0 : rc;
	}
	rc = emt_ctx_findings(m->ctx, s, i, e, &f, &loss);
	if (!rc)
		rc = add_domain(m, &walk, e, f, &loss, now() - start);
	emt_findings_free(f);
	emt_engine_free(e);
	emt_facts_free(&facts);
	return rc;
}

/* ---- families ---- */

static struct emt_rec *family(struct metrics *m, const char *name, const char *unit, const char *help)
{
	struct emt_rec *rec = emt_out_rec(m->ctx->out, &emt_kind_metric_family);

	if (!rec)
		return NULL;
	emt_rec_str(rec, MFAM_NAME, name);
	emt_rec_str(rec, MFAM_TYPE, "gauge");
	emt_rec_str(rec, MFAM_UNIT, unit);
	emt_rec_str(rec, MFAM_HELP, help);
	emt_rec_list(rec, MFAM_SAMPLES);
	return rec;
}

static void label(struct emt_rec *sample, const char *name, const char *value)
{
	struct emt_rec *l = emt_rec_add(sample, MSAM_LABELS);

	emt_rec_str(l, MLAB_NAME, name);
	emt_rec_str(l, MLAB_VALUE, value);
}

/* A sample about domain 'd' (NULL: about none). */
static struct emt_rec *sample(struct metrics *m, struct emt_rec *rec, const struct domain_numbers *d)
{
	struct emt_rec *s = emt_rec_add(rec, MFAM_SAMPLES);

	emt_rec_list(s, MSAM_LABELS);
	if (d) {
		label(s, "domain", d->domid);
		label(s, "name", d->name);
	}
	m->samples++;
	return s;
}

static void set_count(struct emt_rec *s, uint64_t v)
{
	emt_rec_fmt(s, MSAM_VALUE, "%llu", (unsigned long long)v);
}

/* Put a family, and write its text for the file. */
static int put(struct metrics *m, struct emt_rec *rec)
{
	if (rec)
		emt_layout_metric_family(rec, &m->text, 0);
	return emt_out_put(m->ctx->out, rec, m->ctx->err);
}

static void fill_build(struct metrics *m, struct emt_rec *rec)
{
	struct emt_rec *s = sample(m, rec, NULL);

	label(s, "version", EMT_VERSION);
	set_count(s, 1);
}

static void fill_info(struct metrics *m, struct emt_rec *rec)
{
	for (size_t i = 0; i < m->nr; i++) {
		struct emt_rec *s = sample(m, rec, &m->v[i]);

		label(s, "uuid", m->v[i].uuid);
		label(s, "release", m->v[i].release);
		label(s, "paging", m->v[i].paging);
		set_count(s, 1);
	}
}

static void fill_findings(struct metrics *m, struct emt_rec *rec)
{
	for (size_t i = 0; i < m->nr; i++)
		for (size_t k = 0; k < m->v[i].nr_kinds; k++) {
			struct emt_rec *s = sample(m, rec, &m->v[i]);

			label(s, "kind", m->v[i].kinds[k].kind);
			label(s, "severity", emt_severity_name(m->v[i].kinds[k].severity));
			set_count(s, m->v[i].kinds[k].n);
		}
}

static void fill_entries(struct metrics *m, struct emt_rec *rec)
{
	for (size_t i = 0; i < m->nr; i++)
		for (unsigned int v = 0; v < EMT_V_NR; v++) {
			struct emt_rec *s = sample(m, rec, &m->v[i]);

			label(s, "verdict", emt_verdict_name(v));
			set_count(s, m->v[i].sum.entries[v]);
		}
}

static void fill_memory(struct metrics *m, struct emt_rec *rec)
{
	for (size_t i = 0; i < m->nr; i++)
		for (unsigned int mt = 0; mt < 8; mt++) {
			struct emt_rec *s;

			/* 2 and 3 are reserved: of interest only where they are */
			if ((mt == 2 || mt == 3) && !m->v[i].sum.bytes_by_type[mt])
				continue;
			s = sample(m, rec, &m->v[i]);
			label(s, "type", mt == 7 ? "pending" : emt_mt_name(mt));
			set_count(s, m->v[i].sum.bytes_by_type[mt]);
		}
}

static void fill_complete(struct metrics *m, struct emt_rec *rec)
{
	for (size_t i = 0; i < m->nr; i++)
		set_count(sample(m, rec, &m->v[i]), emt_loss_none(&m->v[i].loss) && !m->v[i].merged);
}

static void fill_lost(struct metrics *m, struct emt_rec *rec)
{
	for (size_t i = 0; i < m->nr; i++) {
		const struct domain_numbers *d = &m->v[i];
		const struct {
			const char *what;
			uint64_t n;
		} lost[] = { { "console_lines", d->loss.lines_unparsed }, { "entries", d->loss.entries_cut },
			     { "capture_chunks", d->loss.chunks_bad }, { "changed_entries", d->loss.changed },
			     { "finding_kinds", d->merged } };

		for (size_t k = 0; k < EMT_ARRAY_SIZE(lost); k++) {
			struct emt_rec *s = sample(m, rec, d);

			label(s, "what", lost[k].what);
			set_count(s, lost[k].n);
		}
	}
}

static void fill_duration(struct metrics *m, struct emt_rec *rec)
{
	for (size_t i = 0; i < m->nr; i++)
		emt_rec_fmt(sample(m, rec, &m->v[i]), MSAM_VALUE, "%.6f", m->v[i].seconds);
}

static void fill_time(struct metrics *m, struct emt_rec *rec)
{
	for (size_t i = 0; i < m->nr; i++)
		if (m->v[i].time)
			set_count(sample(m, rec, &m->v[i]), (uint64_t)m->v[i].time);
}

static int put_families(struct metrics *m)
{
	static const struct {
		const char *name, *unit, *help;
		void (*fill)(struct metrics *m, struct emt_rec *rec);
	} families[] = {
		{ "emt_build_info", NULL, "Version of emt.", fill_build },
		{ "emt_domain_info", NULL, "A domain that was audited.", fill_info },
		{ "emt_findings", NULL, "Findings of the audit, by kind and severity.", fill_findings },
		{ "emt_entries", NULL, "Leaf entries of the p2m, by verdict.", fill_entries },
		{ "emt_memory_bytes", "bytes", "Guest memory by EPT memory type; pending is recomputed when next touched.",
		  fill_memory },
		{ "emt_audit_complete", NULL, "1 when the audit saw everything and nothing was lost.",
		  fill_complete },
		{ "emt_audit_lost", NULL, "What the audit could not see or keep.", fill_lost },
		{ "emt_audit_duration_seconds", "seconds", "How long the audit took.", fill_duration },
		{ "emt_walk_timestamp_seconds", "seconds", "When the entries were read.", fill_time },
	};
	int rc = 0;

	for (size_t i = 0; i < EMT_ARRAY_SIZE(families) && !rc; i++) {
		struct emt_rec *rec = family(m, families[i].name, families[i].unit, families[i].help);

		if (rec)
			families[i].fill(m, rec);
		rc = put(m, rec);
	}
	return rc;
}

static int put_result(struct metrics *m)
{
	struct emt_rec *rec = emt_out_rec(m->ctx->out, &emt_kind_metrics_result);

	if (rec) {
		emt_rec_u64(rec, MRES_DOMAINS, m->nr);
		emt_rec_u64(rec, MRES_SAMPLES, m->samples);
		emt_rec_str(rec, MRES_FILE, emt_parse_text(m->ctx->args, "textfile"));
		emt_rec_bool(rec, MRES_COMPLETE, !m->ctx->incomplete);
		emt_layout_metrics_result(rec, &m->text, 0);
	}
	return emt_out_put(m->ctx->out, rec, m->ctx->err);
}

static int write_file(struct metrics *m, const char *path)
{
	struct emt_outfile o;
	int rc;

	if (m->file.error)
		return emt_err_set(m->ctx->err, EMT_E_NOMEM, "metrics", NULL, "not enough memory");
	rc = emt_outfile_open(&o, path, m->ctx->err);
	if (rc)
		return rc;
	rc = emt_outfile_write(&o, m->file.data, m->file.used, m->ctx->err);
	if (rc) {
		emt_outfile_abort(&o);
		return rc;
	}
	return emt_outfile_commit(&o, m->ctx->err);
}

static int run_metrics(struct emt_ctx *ctx)
{
	struct metrics m = { .ctx = ctx };
	const char *path = emt_parse_text(ctx->args, "textfile");
	struct emt_source *s;
	int rc = emt_ctx_open(ctx, &s);

	if (rc)
		return rc;
	emt_buffer_init(&m.file, NULL, NULL);
	m.text.buf = &m.file;
	for (size_t i = 0; i < emt_source_walks(s) && !rc; i++)
		rc = audit_walk(&m, s, i);
	if (!rc && !m.nr)
		rc = emt_err_set(ctx->err, EMT_E_MISSING, emt_source_name(s),
				 "emtctl facts shows what is known; --release", "no domain could be audited");
	emt_source_close(s);
	for (size_t i = 0; i < m.nr; i++)
		ctx->incomplete |= !emt_loss_none(&m.v[i].loss) || m.v[i].merged;
	if (!rc)
		rc = put_families(&m);
	if (!rc)
		rc = put_result(&m);
	if (!rc && path)
		rc = write_file(&m, path);
	emt_buffer_free(&m.file);
	free(m.v);
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
	.groups = { &emt_args_source, &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_metrics,
};
