/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "capture/outfile.h"
#include "feed.h"
#include "hook.h"
#include "http.h"
#include "watch.h"

#define FAMILIES 64

struct out {
	struct evbuffer *to;
	bool openmetrics;
};

/* ---- text ---- */

static struct json_object *member(struct json_object *o, const char *name)
{
	struct json_object *v = NULL;

	json_object_object_get_ex(o, name, &v);
	return v;
}

static const char *text_of(struct json_object *o, const char *name)
{
	struct json_object *v = member(o, name);

	return v ? json_object_get_string(v) : "";
}

/* A label's value, between its quotes. */
static void put_value(struct evbuffer *to, const char *s)
{
	for (; *s; s++) {
		if (*s == '\n')
			evbuffer_add_printf(to, "\\n");
		else
			evbuffer_add_printf(to, "%s%c", *s == '\\' || *s == '"' ? "\\" : "", *s);
	}
}

static void head(struct out *o, const char *name, const char *type, const char *unit, const char *help)
{
	const char *total = !strcmp(type, "counter") && !o->openmetrics ? "_total" : "";

	evbuffer_add_printf(o->to, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, total, help, name, total, type);
	if (unit && *unit)
		evbuffer_add_printf(o->to, "# UNIT %s%s %s\n", name, total, unit);
}

/* ---- of the audits ---- */

static void put_sample(struct out *o, const char *name, struct json_object *sample, const char *source)
{
	struct json_object *labels = member(sample, "labels");
	size_t n = labels ? json_object_array_length(labels) : 0;
	bool first = true;

	evbuffer_add_printf(o->to, "%s", name);
	/* two sources may have a domain of the same id */
	if (source) {
		evbuffer_add_printf(o->to, "{source=\"");
		put_value(o->to, source);
		evbuffer_add_printf(o->to, "\"");
		first = false;
	}
	for (size_t i = 0; i < n; i++) {
		struct json_object *l = json_object_array_get_idx(labels, i);

		evbuffer_add_printf(o->to, "%s%s=\"", first ? "{" : ",", text_of(l, "name"));
		put_value(o->to, text_of(l, "value"));
		evbuffer_add_printf(o->to, "\"");
		first = false;
	}
	evbuffer_add_printf(o->to, "%s %s\n", first ? "" : "}", text_of(sample, "value"));
}

static bool about_a_domain(struct json_object *sample)
{
	struct json_object *labels = member(sample, "labels");

	return labels && json_object_array_length(labels) &&
	       !strcmp(text_of(json_object_array_get_idx(labels, 0), "name"), "domain");
}

/* One family of all sources. */
static void put_family(struct out *o, const struct watch *w, const char *name)
{
	bool begun = false, alone = false;
	struct watched *src;

	DL_FOREACH(w->sources, src)
		for (size_t i = 0; src->families && i < json_object_array_length(src->families); i++) {
			struct json_object *f = json_object_array_get_idx(src->families, i), *list = member(f, "samples");

			if (strcmp(text_of(f, "name"), name))
				continue;
			if (!begun)
				head(o, name, text_of(f, "type"), text_of(f, "unit"), text_of(f, "help"));
			begun = true;
			for (size_t k = 0; list && k < json_object_array_length(list); k++) {
				struct json_object *sample = json_object_array_get_idx(list, k);
				bool domain = about_a_domain(sample);

				if (!domain && alone) /* emt itself: once */
					continue;
				alone |= !domain;
				put_sample(o, name, sample, domain ? src->text : NULL);
			}
		}
}

static void put_audits(struct out *o, const struct watch *w)
{
	const char *names[FAMILIES];
	size_t n = 0;
	struct watched *src;

	DL_FOREACH(w->sources, src)
		for (size_t i = 0; src->families && i < json_object_array_length(src->families); i++) {
			const char *name = text_of(json_object_array_get_idx(src->families, i), "name");
			size_t k = 0;

			while (k < n && strcmp(names[k], name))
				k++;
			if (k == n && n < FAMILIES)
				names[n++] = name;
		}
	for (size_t i = 0; i < n; i++)
		put_family(o, w, names[i]);
}

/* ---- of watching ---- */

static void sample_of(struct out *o, const char *name, const char *source)
{
	evbuffer_add_printf(o->to, "%s{source=\"", name);
	put_value(o->to, source);
	evbuffer_add_printf(o->to, "\"");
}

static void put_sources(struct out *o, const struct watch *w)
{
	struct watched *src;
	struct seen_domain *d;

	head(o, "emt_watch_audits", "counter", NULL, "Audits of a source since emtd began, by how they ended.");
	DL_FOREACH(w->sources, src) {
		sample_of(o, "emt_watch_audits_total", src->text);
		evbuffer_add_printf(o->to, ",result=\"done\"} %llu\n", (unsigned long long)src->audits);
		sample_of(o, "emt_watch_audits_total", src->text);
		evbuffer_add_printf(o->to, ",result=\"failed\"} %llu\n", (unsigned long long)src->failures);
	}
	head(o, "emt_watch_latency_seconds", "gauge", "seconds", "From when the last audit was due to its end.");
	DL_FOREACH(w->sources, src) {
		if (!src->audits && !src->failures)
			continue;
		sample_of(o, "emt_watch_latency_seconds", src->text);
		evbuffer_add_printf(o->to, "} %.3f\n", src->latency);
	}
	head(o, "emt_last_complete_audit_timestamp_seconds", "gauge", "seconds", "When the last complete audit ended.");
	DL_FOREACH(w->sources, src)
		DL_FOREACH(src->domains, d) {
			if (!d->complete)
				continue;
			sample_of(o, "emt_last_complete_audit_timestamp_seconds", src->text);
			evbuffer_add_printf(o->to, ",domain=\"%u\",name=\"", d->domid);
			put_value(o->to, d->name);
			evbuffer_add_printf(o->to, "\"} %lld\n", (long long)d->complete);
		}
}

static unsigned int descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	unsigned int n = 0;

	while (d && (e = readdir(d)))
		n += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return n ? n - 1 : 0;
}

static unsigned long long resident(void)
{
	unsigned long long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f && fscanf(f, "%*u %llu", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return pages * (unsigned long long)sysconf(_SC_PAGESIZE);
}

static void put_self(struct out *o, const struct watch *w)
{
	struct history_stats stats;
	struct hook_stats hooks;
	struct journal_stats journal;

	history_stats(w->history, &stats);
	hooks_stats(w->s->hooks, &hooks);
	journal_stats(w->journal, &journal);
	head(o, "emt_watch_sources", "gauge", NULL, "Sources that are watched.");
	evbuffer_add_printf(o->to, "emt_watch_sources %u\n", w->nr_sources);
	head(o, "emt_watch_cpu_seconds", "counter", "seconds", "Processor time that watching used.");
	evbuffer_add_printf(o->to, "emt_watch_cpu_seconds_total %.6f\n", (double)w->cpu_us / 1e6);
	head(o, "emt_watch_spent_seconds", "counter", "seconds",
	     "What counts against the budget: processor time, and all the time of audits that cost the host.");
	evbuffer_add_printf(o->to, "emt_watch_spent_seconds_total %.6f\n", (double)w->spent_us / 1e6);
	head(o, "emt_watch_budget_ratio", "gauge", "ratio", "Share of one processor that watching may use.");
	evbuffer_add_printf(o->to, "emt_watch_budget_ratio %.2f\n", (double)w->s->config.watch_budget / 100);
	head(o, "emt_watch_delays", "counter", NULL, "Audits that had to wait for the budget.");
	evbuffer_add_printf(o->to, "emt_watch_delays_total %llu\n", (unsigned long long)w->waits);
	head(o, "emt_watch_triggers", "counter", NULL, "Audits that an event asked for, by what told of it.");
	evbuffer_add_printf(o->to, "emt_watch_triggers_total{by=\"file\"} %llu\n"
			    "emt_watch_triggers_total{by=\"domains\"} %llu\n"
			    "emt_watch_triggers_total{by=\"journal\"} %llu\n",
			    (unsigned long long)w->asked[WATCH_BY_FILE], (unsigned long long)w->asked[WATCH_BY_LIST],
			    (unsigned long long)w->asked[WATCH_BY_JOURNAL]);
	head(o, "emt_watch_journal_open", "gauge", NULL, "The journal of toolstack calls is followed.");
	evbuffer_add_printf(o->to, "emt_watch_journal_open %d\n", journal.followed);
	head(o, "emt_watch_journal_calls", "counter", NULL, "Calls of toolstacks that the journal told of.");
	evbuffer_add_printf(o->to, "emt_watch_journal_calls_total %llu\n", (unsigned long long)journal.calls);
	head(o, "emt_watch_journal_skipped_bytes", "counter", "bytes",
	     "What came too fast to be read: all domains were audited instead.");
	evbuffer_add_printf(o->to, "emt_watch_journal_skipped_bytes_total %llu\n", (unsigned long long)journal.skipped);
	head(o, "emt_watch_events", "counter", NULL, "Events: findings that were new, changed or cleared, and others.");
	evbuffer_add_printf(o->to, "emt_watch_events_total %llu\n", (unsigned long long)w->events);
	head(o, "emt_watch_lost_events", "counter", NULL, "Events that a reader was too slow for.");
	evbuffer_add_printf(o->to, "emt_watch_lost_events_total{reader=\"log\"} %llu\n"
			    "emt_watch_lost_events_total{reader=\"watch\"} %llu\n"
			    "emt_watch_lost_events_total{reader=\"hook\"} %llu\n",
			    (unsigned long long)w->lost_log_all, (unsigned long long)feeds_lost(),
			    (unsigned long long)hooks.lost);
	head(o, "emt_hook_runs", "counter", NULL, "Runs of the hook, by how they ended.");
	evbuffer_add_printf(o->to, "emt_hook_runs_total{result=\"begun\"} %llu\nemt_hook_runs_total{result=\"failed\"} %llu\n",
			    (unsigned long long)hooks.runs, (unsigned long long)hooks.failures);
	head(o, "emt_history_audits", "counter", NULL, "Audits for the history, by what became of them.");
	evbuffer_add_printf(o->to, "emt_history_audits_total{result=\"written\"} %llu\n"
			    "emt_history_audits_total{result=\"lost\"} %llu\n",
			    (unsigned long long)stats.written, (unsigned long long)stats.lost);
	head(o, "emt_history_size_bytes", "gauge", "bytes", "Size of the history's file with its log.");
	evbuffer_add_printf(o->to, "emt_history_size_bytes %llu\n", (unsigned long long)stats.bytes);
	head(o, "process_resident_memory_bytes", "gauge", "bytes", "Resident memory of emtd.");
	evbuffer_add_printf(o->to, "process_resident_memory_bytes %llu\n", resident());
	head(o, "process_open_fds", "gauge", NULL, "Descriptors that emtd has open.");
	evbuffer_add_printf(o->to, "process_open_fds %u\n", descriptors());
}

void exposition(const struct watch *w, struct evbuffer *to, bool openmetrics)
{
	struct out o = { .to = to, .openmetrics = openmetrics };

	put_audits(&o, w);
	put_sources(&o, w);
	put_self(&o, w);
	if (openmetrics)
		evbuffer_add_printf(to, "# EOF\n");
}

void exposition_file(struct watch *w)
{
	const char *path = w->s->config.textfile;
	struct evbuffer *text;
	struct emt_err err = { 0 };
	struct emt_outfile out;
	size_t len;
	int rc;

	if (!*path || !(text = evbuffer_new()))
		return;
	exposition(w, text, false);
	len = evbuffer_get_length(text);
	rc = emt_outfile_open(&out, path, &err);
	if (!rc) {
		rc = emt_outfile_write(&out, evbuffer_pullup(text, -1), len, &err);
		if (rc)
			emt_outfile_abort(&out);
		else
			rc = emt_outfile_commit(&out, &err);
	}
	evbuffer_free(text);
	if (rc && !w->textfile_failed)
		log_err(&err);
	w->textfile_failed = rc != 0;
}
