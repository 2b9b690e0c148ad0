/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values that are looked up: files, and what a source holds. A source is asked for
 * a short time only; what is known by then is offered.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "audit/findings.h"
#include "command/complete.h"
#include "xen/xen.h"

#define PATIENCE_MS 25
#define MAX_GFNS 64
#define BATCH 1024

/* ---- files ---- */

static bool is_dir(const char *dir, const struct dirent *e, size_t len)
{
	char path[4096];
	struct stat st;

	if (e->d_type == DT_DIR)
		return true;
	if (e->d_type != DT_LNK && e->d_type != DT_UNKNOWN)
		return false;
	snprintf(path, sizeof(path), "%.*s%s", (int)len, dir, e->d_name);
	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static bool ends_in(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n >= m && !strcmp(name + n - m, suffix);
}

/* Names in the folder of the prefix; returns how many files (not folders) fitted. */
static size_t files(struct emt_completion *c, const char *suffix)
{
	const char *slash = strrchr(c->prefix, '/');
	size_t len = slash ? (size_t)(slash + 1 - c->prefix) : 0, found = 0;
	const char *base = c->prefix + len;
	char dir[4096], value[4600];
	const struct dirent *e;
	DIR *d;

	snprintf(dir, sizeof(dir), "%.*s", (int)len, c->prefix);
	d = opendir(len ? dir : ".");
	while (d && (e = readdir(d))) {
		bool folder;

		if (e->d_name[0] == '.' && *base != '.')
			continue;
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
		    strncmp(e->d_name, base, strlen(base)))
			continue;
		folder = is_dir(c->prefix, e, len);
		if (!folder && suffix && !ends_in(e->d_name, suffix))
			continue;
		found += !folder;
		snprintf(value, sizeof(value), "%s%s%s", dir, e->d_name, folder ? "/" : "");
		c->add(c, value, NULL);
	}
	if (d)
		closedir(d);
	return found;
}

void emt_complete_files(struct emt_completion *c, const char *suffix)
{
	/* A capture may have any name, once one was begun. */
	if (!files(c, suffix) && suffix && *c->prefix && c->prefix[strlen(c->prefix) - 1] != '/')
		files(c, NULL);
}

/* ---- sources ---- */

/* The source that the words name or the session holds, with the options given. */
static struct emt_source *open_source(const struct emt_completion *c, bool all)
{
	const struct emt_value *domain = emt_parse_get(c->given, "domain");
	const struct emt_value *generation = emt_parse_get(c->given, "generation");
	struct emt_source_spec spec;
	struct emt_err err = { 0 };
	struct emt_source *s = NULL;

	if (!c->source || emt_source_parse(&spec, c->source, &err))
		return NULL;
	/* A live host is not disturbed for a completion. */
	if (spec.kind != EMT_SOURCE_CAPTURE)
		return NULL;
	if (domain && domain->arg->type == EMT_ARG_DOMAIN)
		spec.domid = (int64_t)domain->number;
	if (generation && !all)
		spec.generation = (int64_t)generation->number;
	spec.all = all;
	spec.salvage |= emt_parse_flag(c->given, "salvage");
	return emt_source_open(&s, &spec, &err) ? NULL : s;
}

void emt_complete_domains(struct emt_completion *c)
{
	bool by_number = c->arg->type == EMT_ARG_DOMAIN;
	struct emt_source *s = open_source(c, false);
	struct emt_source_walk w;
	struct emt_err err = { 0 };
	char id[24];

	for (size_t i = 0; s && i < emt_source_walks(s); i++) {
		if (emt_source_walk(s, i, &w, &err))
			break;
		snprintf(id, sizeof(id), "%u", w.domid);
		emt_complete_word(c, id, *w.name ? w.name : NULL);
		if (!*w.name)
			continue;
		/* Where a number is needed, a name that was begun becomes its number. */
		if (by_number && *c->prefix && !strncmp(w.name, c->prefix, strlen(c->prefix)))
			c->add(c, id, w.name);
		else if (!by_number)
			emt_complete_word(c, w.name, id);
	}
	emt_source_close(s);
}

void emt_complete_live(struct emt_completion *c)
{
	const char *prefix = !strncmp(c->prefix, "xen:", 4) ? "xen:" : "";
	struct emt_xen_domain *v = NULL;
	struct emt_err err = { 0 };
	struct emt_xen *x;
	char value[80], id[24];
	size_t n = 0;

	/* all of these calls are free */
	if (emt_xen_open(&x, NULL, false, "xen", &err))
		return;
	if (!emt_xen_domains(x, &v, &n, &err))
		for (size_t i = 0; i < n; i++) {
			snprintf(id, sizeof(id), "%u", v[i].domid);
			snprintf(value, sizeof(value), "%s%s", prefix, id);
			emt_complete_word(c, value, *v[i].name ? v[i].name : NULL);
			snprintf(value, sizeof(value), "%s%s", prefix, v[i].name);
			if (*v[i].name)
				emt_complete_word(c, value, id);
			if (!v[i].domid && v[i].type == EMT_XEN_PV)
				emt_complete_word(c, "p2m:self", "dom0's p2m as its kernel has it");
		}
	free(v);
	emt_xen_close(x);
}

void emt_complete_generations(struct emt_completion *c)
{
	struct emt_source *s = open_source(c, true);
	struct emt_source_walk w;
	struct emt_err err = { 0 };
	char number[24];

	for (size_t i = 0; s && i < emt_source_walks(s); i++) {
		if (emt_source_walk(s, i, &w, &err))
			break;
		snprintf(number, sizeof(number), "%u", w.generation);
		emt_complete_word(c, number, *w.label ? w.label : NULL);
	}
	emt_source_close(s);
}

/* ---- frames of findings ---- */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void offer(struct emt_completion *c, const struct emt_finding *f, bool ranges)
{
	char value[64], help[160];

	for (size_t i = 0; i < EMT_FINDING_RANGES && i < f->nr_ranges; i++) {
		const struct emt_gfn_range *r = &f->ranges[i];

		snprintf(value, sizeof(value), "0x%llx", (unsigned long long)r->first);
		if (ranges && r->last > r->first)
			snprintf(value, sizeof(value), "0x%llx-0x%llx", (unsigned long long)r->first,
				 (unsigned long long)r->last);
		snprintf(help, sizeof(help), "%s, %s%s%s", emt_severity_name(f->severity), f->kind,
			 f->defect >= 0 ? " " : "", f->defect >= 0 ? emt_defects[f->defect].id : "");
		emt_complete_word(c, value, help);
	}
}

/* Audit until the time is up. */
static void audit(struct emt_source *s, struct emt_engine *e, struct emt_findings *f, int64_t until)
{
	struct emt_run *runs = calloc(BATCH, sizeof(*runs));
	struct emt_stream *st = NULL;
	struct emt_err err = { 0 };
	long n;

	if (runs && !emt_source_stream(s, 0, &st, &err))
		while (now_ms() < until && (n = emt_stream_read(st, runs, BATCH, &err)) > 0)
			for (long i = 0; i < n; i++)
				if (emt_engine_run(e, &runs[i], emt_findings_add, f))
					break;
	emt_stream_free(st);
	free(runs);
}

void emt_complete_gfns(struct emt_completion *c, bool ranges)
{
	int64_t until = now_ms() + PATIENCE_MS;
	struct emt_source *s = open_source(c, false);
	struct emt_findings *f = NULL;
	struct emt_engine *e = NULL;
	struct emt_err err = { 0 };
	const char *release = emt_parse_text(c->given, "release");
	struct emt_facts facts;
	size_t n;

	if (!release)
		release = emt_session_get(c->session, "release");

	/* The first walk: with several domains the frames of one would mislead. */
	if (!s || emt_source_walks(s) != 1 || emt_source_facts(s, 0, &facts, &err)) {
		emt_source_close(s);
		return;
	}
	if (!emt_engine_new(&e, &facts, release, &err) &&
	    !emt_findings_new(&f, emt_engine_facts(e), emt_engine_release(e))) {
		audit(s, e, f, until);
		n = emt_findings_finish(f) ? 0 : emt_findings_count(f);
		for (size_t i = 0; i < n && i < MAX_GFNS; i++)
			offer(c, emt_findings_get(f, i), ranges);
	}
	emt_findings_free(f);
	emt_engine_free(e);
	emt_facts_free(&facts);
	emt_source_close(s);
}

/* ---- columns and conditions ---- */

static bool is_of(const struct emt_command *cmd, const struct emt_arg *arg)
{
	const struct emt_arg *a;

	for (unsigned int i = 0; cmd && (a = emt_command_arg(cmd, i)); i++)
		if (a == arg)
			return true;
	return false;
}

/* Calls 'each' for the columns that 'c' is about: of its command, or of all where
 * the value is kept for later (set). */
static void columns(struct emt_completion *c,
		    void (*each)(struct emt_completion *c, const struct emt_column *col, const void *arg),
		    const void *arg)
{
	for (unsigned int i = 0; i < emt_nr_commands; i++) {
		const struct emt_command *cmd = is_of(c->cmd, c->arg) ? c->cmd : emt_commands[i];
		const struct emt_record_kind *kind = emt_reply_main(cmd->reply)->kind;

		for (unsigned int k = 0; k < kind->nr_columns; k++)
			each(c, &kind->columns[k], arg);
		if (cmd == c->cmd)
			return;
	}
}

struct part {
	const char *base;   /* of the prefix: what stands before the word */
	size_t len;
};

static void offer_column(struct emt_completion *c, const struct emt_column *col, const void *arg)
{
	const struct part *p = arg;
	char value[1000];

	snprintf(value, sizeof(value), "%.*s%s", (int)p->len, p->base, col->name);
	emt_complete_word(c, value, col->help);
}

void emt_complete_columns(struct emt_completion *c)
{
	const char *comma = strrchr(c->prefix, ',');
	struct part p = { c->prefix, comma ? (size_t)(comma + 1 - c->prefix) : 0 };

	if (!comma && (*c->prefix == '+' || *c->prefix == '-'))
		p.len = 1;
	else if (comma && comma[1] == '-')
		p.len++;
	columns(c, offer_column, &p);
	if (!p.len && !strcmp(c->arg->name, "columns"))
		emt_complete_word(c, "all", "every column");
}

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

struct words_of {
	char column[64];
	struct part part;
	char quote;         /* that is open, or 0 */
};

/* The words of a closed set, in quotes. */
static void offer_words(struct emt_completion *c, const struct emt_column *col, const void *arg)
{
	const struct words_of *w = arg;
	char value[1000];

	if (strcmp(col->name, w->column) || !col->word)
		return;
	for (unsigned int i = 0; i < col->nr_words; i++) {
		char q[2] = { w->quote ? w->quote : '"', '\0' };

		snprintf(value, sizeof(value), "%.*s%s%s%s", (int)w->part.len, w->part.base,
			 w->quote ? "" : q, col->word(i), q);
		emt_complete_word(c, value, NULL);
	}
}

/* The name before a comparison that ends at 'end'; false if there is no comparison. */
static bool compared(const char *text, size_t end, char name[64])
{
	size_t stop;

	while (end && text[end - 1] == ' ')
		end--;
	stop = end;
	while (end && strchr("=!<>~", text[end - 1]))
		end--;
	if (end == stop)
		return false;
	while (end && text[end - 1] == ' ')
		end--;
	stop = end;
	while (end && name_char(text[end - 1]))
		end--;
	snprintf(name, 64, "%.*s", (int)(stop - end < 63 ? stop - end : 63), text + end);
	return stop > end;
}

void emt_complete_filter(struct emt_completion *c)
{
	const char *text = c->prefix;
	size_t len = strlen(text), start = len, open = 0;
	struct words_of w = { .quote = 0 };

	for (size_t i = 0; i < len; i++) {
		if (!w.quote && (text[i] == '"' || text[i] == '\'')) {
			w.quote = text[i];
			open = i;
		} else if (text[i] == w.quote) {
			w.quote = 0;
		}
	}
	while (start && name_char(text[start - 1]))
		start--;
	w.part = (struct part){ text, w.quote ? open + 1 : start };
	if (compared(text, w.quote ? open : start, w.column))
		columns(c, offer_words, &w);
	else if (!w.quote)
		columns(c, offer_column, &w.part);
}
