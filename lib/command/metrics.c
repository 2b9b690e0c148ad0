/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Audits as families of metrics.
 */
#include "command/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

double emt_metrics_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- numbers of one domain ---- */

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

static struct domain_numbers *new_domain(struct emt_metrics *m)
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

int emt_metrics_add(struct emt_metrics *m, const struct emt_source_walk *walk, const struct emt_engine *e,
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
	m->ctx->incomplete |= !emt_loss_none(loss) || d->merged;
	return 0;
}

/* ---- families ---- */

static struct emt_rec *family(struct emt_metrics *m, const char *name, const char *unit, const char *help)
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
static struct emt_rec *sample(struct emt_metrics *m, struct emt_rec *rec, const struct domain_numbers *d)
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
static int put(struct emt_metrics *m, struct emt_rec *rec)
{
	if (rec && m->text)
		emt_layout_metric_family(rec, m->text, 0);
	return emt_out_put(m->ctx->out, rec, m->ctx->err);
}

static void fill_build(struct emt_metrics *m, struct emt_rec *rec)
{
	struct emt_rec *s = sample(m, rec, NULL);

	label(s, "version", EMT_VERSION);
	set_count(s, 1);
}

static void fill_info(struct emt_metrics *m, struct emt_rec *rec)
{
	for (size_t i = 0; i < m->nr; i++) {
		struct emt_rec *s = sample(m, rec, &m->v[i]);

		label(s, "uuid", m->v[i].uuid);
		label(s, "release", m->v[i].release);
		label(s, "paging", m->v[i].paging);
		set_count(s, 1);
	}
}

static void fill_findings(struct emt_metrics *m, struct emt_rec *rec)
{
	for (size_t i = 0; i < m->nr; i++)
		for (size_t k = 0; k < m->v[i].nr_kinds; k++) {
			struct emt_rec *s = sample(m, rec, &m->v[i]);

			label(s, "kind", m->v[i].kinds[k].kind);
			label(s, "severity", emt_severity_name(m->v[i].kinds[k].severity));
			set_count(s, m->v[i].kinds[k].n);
		}
}

static void fill_entries(struct emt_metrics *m, struct emt_rec *rec)
{
	for (size_t i = 0; i < m->nr; i++)
		for (unsigned int v = 0; v < EMT_V_NR; v++) {
			struct emt_rec *s = sample(m, rec, &m->v[i]);

			label(s, "verdict", emt_verdict_name(v));
			set_count(s, m->v[i].sum.entries[v]);
		}
}

static void fill_memory(struct emt_metrics *m, struct emt_rec *rec)
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

static void fill_complete(struct emt_metrics *m, struct emt_rec *rec)
{
	for (size_t i = 0; i < m->nr; i++)
		set_count(sample(m, rec, &m->v[i]), emt_loss_none(&m->v[i].loss) && !m->v[i].merged);
}

static void fill_lost(struct emt_metrics *m, struct emt_rec *rec)
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

static void fill_duration(struct emt_metrics *m, struct emt_rec *rec)
{
	for (size_t i = 0; i < m->nr; i++)
		emt_rec_fmt(sample(m, rec, &m->v[i]), MSAM_VALUE, "%.6f", m->v[i].seconds);
}

static void fill_time(struct emt_metrics *m, struct emt_rec *rec)
{
	for (size_t i = 0; i < m->nr; i++)
		if (m->v[i].time)
			set_count(sample(m, rec, &m->v[i]), (uint64_t)m->v[i].time);
}

int emt_metrics_put(struct emt_metrics *m)
{
	static const struct {
		const char *name, *unit, *help;
		void (*fill)(struct emt_metrics *m, struct emt_rec *rec);
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

void emt_metrics_free(struct emt_metrics *m)
{
	free(m->v);
	m->v = NULL;
	m->nr = m->room = 0;
}
