/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/kind_report.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/kind_audit.h"
#include "command/layout.h"

#define SHOWN EMT_COLF_SHOWN
#define NUL EMT_COLF_NULL
#define LABEL 10 /* columns of "source    " */
#define TAIL 5   /* lines kept for what stands last */

static const struct emt_column sevc_columns[SEVC_NR] = {
	[SEVC_SEVERITY] = EMT_COLUMN("severity", EMT_COL_STRING, SHOWN, "level", .word = emt_severity_name,
				     .nr_words = EMT_SEV_NR),
	[SEVC_FINDINGS] = EMT_COLUMN("findings", EMT_COL_NUMBER, SHOWN, "findings of that level"),
};
static const struct emt_record_kind kind_severity = {
	.name = "severity_count", .schema = "emt.severity_count", .help = "findings of one level",
	.columns = sevc_columns, .nr_columns = SEVC_NR,
};

static const struct emt_column past_columns[PAST_NR] = {
	[PAST_FIRST_SEEN] = EMT_COLUMN("first_seen", EMT_COL_TIME, SHOWN, "first audit that had it"),
	[PAST_LAST_SEEN] = EMT_COLUMN("last_seen", EMT_COL_TIME, SHOWN, "last audit that had it"),
	[PAST_STATE] = EMT_COLUMN("state", EMT_COL_STRING, SHOWN, "open, or cleared"),
	[PAST_SEVERITY] = EMT_COLUMN("severity", EMT_COL_STRING, SHOWN, "level", .word = emt_severity_name,
				     .nr_words = EMT_SEV_NR),
	[PAST_WHAT] = EMT_COLUMN("what", EMT_COL_STRING, SHOWN, "kind, place and title"),
};
static const struct emt_record_kind kind_past = {
	.name = "report_history", .schema = "emt.report_history", .help = "a finding in emtd's history",
	.columns = past_columns, .nr_columns = PAST_NR,
};

static const struct emt_column columns[REP_NR] = {
	[REP_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, SHOWN, "domain id"),
	[REP_NAME] = EMT_COLUMN("name", EMT_COL_STRING, SHOWN | NUL, "name; null when not known"),
	[REP_UUID] = EMT_COLUMN("uuid", EMT_COL_STRING, NUL, "UUID; null when not known"),
	[REP_RELEASE] = EMT_COLUMN("release", EMT_COL_STRING, SHOWN, "release whose rules were used"),
	[REP_RELEASE_EXACT] = EMT_COLUMN("release_exact", EMT_COL_BOOL, 0,
					 "false: newer than any release known, judged by the newest rules"),
	[REP_PAGING] = EMT_COLUMN("paging", EMT_COL_STRING, 0, "how memory is translated", .word = emt_paging_name,
				  .nr_words = 5),
	[REP_SOURCE] = EMT_COLUMN("source", EMT_COL_STRING, 0, "the source, as it was named"),
	[REP_TIME] = EMT_COLUMN("time", EMT_COL_TIME, NUL, "when the entries were read; null when not stated"),
	[REP_ENTRIES] = EMT_COLUMN("entries", EMT_COL_NUMBER, SHOWN, "leaf entries"),
	[REP_BYTES] = EMT_COLUMN("bytes", EMT_COL_BYTES, 0, "guest memory they map", .unit = "bytes"),
	[REP_VERDICTS] = EMT_COLUMN("verdicts", EMT_COL_LIST, 0, "entries by verdict", .sub = &emt_kind_verdict_count,
				    .join = ", "),
	[REP_TYPES] = EMT_COLUMN("types", EMT_COL_LIST, 0, "memory by type", .sub = &emt_kind_type_bytes, .join = ", "),
	[REP_SEVERITIES] = EMT_COLUMN("severities", EMT_COL_LIST, 0, "findings by level, the gravest first",
				      .sub = &kind_severity, .join = ", "),
	[REP_FINDINGS] = EMT_COLUMN("findings", EMT_COL_LIST, 0, "the gravest findings", .sub = &emt_kind_finding,
				    .join = "; "),
	[REP_FINDINGS_TOTAL] = EMT_COLUMN("findings_total", EMT_COL_NUMBER, SHOWN, "how many findings there are"),
	[REP_ASSUMED] = EMT_COLUMN("assumed", EMT_COL_STRINGS, 0, "facts that are assumed"),
	[REP_UNKNOWN] = EMT_COLUMN("unknown", EMT_COL_STRINGS, 0, "facts that are not known"),
	[REP_COMPLETE] = EMT_COLUMN("complete", EMT_COL_BOOL, SHOWN, "everything was read"),
	[REP_LOSS] = EMT_COLUMN("loss", EMT_COL_OBJECT, 0, "what was lost on the way", .sub = &emt_kind_loss),
	[REP_HISTORY] = EMT_COLUMN("history", EMT_COL_LIST, 0, "what emtd remembers of its findings, the latest first",
				   .sub = &kind_past, .join = "; "),
	[REP_HISTORY_NOTE] = EMT_COLUMN("history_note", EMT_COL_STRING, NUL, "why there is no history; null: there is"),
	[REP_FILE] = EMT_COLUMN("file", EMT_COL_STRING, SHOWN | NUL, "page that was written; null for none"),
};

/* ---- lines ---- */

static void append(char *out, size_t room, const char *join, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void append(char *out, size_t room, const char *join, const char *fmt, ...)
{
	size_t at = strlen(out);
	va_list ap;

	if (at && at + 1 < room)
		at += (size_t)snprintf(out + at, room - at, "%s", join);
	if (at + 1 >= room)
		return;
	va_start(ap, fmt);
	vsnprintf(out + at, room - at, fmt, ap);
	va_end(ap);
}

char *emt_report_severities(const struct emt_rec *rec, char *out, size_t room)
{
	char n[32];

	out[0] = '\0';
	for (size_t i = 0; i < emt_rec_count(rec, REP_SEVERITIES); i++) {
		const struct emt_rec *s = emt_rec_at(rec, REP_SEVERITIES, i);

		append(out, room, ", ", "%s %s", emt_fmt_count(emt_rec_get_u64(s, SEVC_FINDINGS), n, sizeof(n)),
		       emt_rec_get_str(s, SEVC_SEVERITY));
	}
	if (!*out)
		snprintf(out, room, "none");
	return out;
}

char *emt_report_entries(const struct emt_rec *rec, char *out, size_t room)
{
	char n[32];

	out[0] = '\0';
	for (size_t i = 0; i < emt_rec_count(rec, REP_VERDICTS); i++) {
		const struct emt_rec *v = emt_rec_at(rec, REP_VERDICTS, i);

		append(out, room, ", ", "%s %s", emt_fmt_count(emt_rec_get_u64(v, VCOUNT_ENTRIES), n, sizeof(n)),
		       emt_rec_get_str(v, VCOUNT_VERDICT));
	}
	if (!*out)
		snprintf(out, room, "none");
	return out;
}

char *emt_report_memory(const struct emt_rec *rec, char *out, size_t room)
{
	char b[32];

	out[0] = '\0';
	for (size_t i = 0; i < emt_rec_count(rec, REP_TYPES); i++) {
		const struct emt_rec *v = emt_rec_at(rec, REP_TYPES, i);
		const char *type = emt_rec_get_str(v, TBYTES_TYPE);

		append(out, room, ", ", "%s %s", *type == '?' ? "to be recomputed" : type,
		       emt_fmt_bytes(emt_rec_get_u64(v, TBYTES_BYTES), b, sizeof(b)));
	}
	if (!*out)
		snprintf(out, room, "no types");
	return out;
}

char *emt_report_lost(const struct emt_rec *rec, char *out, size_t room)
{
	const struct emt_rec *loss = emt_rec_obj(rec, REP_LOSS);

	out[0] = '\0';
	if (emt_rec_get_bool(rec, REP_COMPLETE))
		snprintf(out, room, "nothing: all entries were read");
	else if (loss)
		emt_loss_text(loss, out, room);
	return out;
}

/* ---- the ticket ---- */

static unsigned int lines_of(const struct emt_buffer *b)
{
	unsigned int n = 0;

	for (size_t i = 0; i < b->used; i++)
		n += b->data[i] == '\n';
	return n;
}

static void field(struct emt_text *t, const char *name, const char *text)
{
	char first[LABEL + 1];

	snprintf(first, sizeof(first), "%-*s", LABEL, name);
	emt_text_wrap(t, EMT_TICKET_WIDTH, first, LABEL, text);
}

static void head(const struct emt_rec *rec, struct emt_text *t)
{
	const char *paging = emt_rec_get_str(rec, REP_PAGING);
	char text[1000], when[40], upper[16];
	size_t n = 0;

	for (; paging[n] && n + 1 < sizeof(upper); n++)
		upper[n] = (char)toupper((unsigned char)paging[n]);
	upper[n] = '\0';
	snprintf(text, sizeof(text), "domain %llu", (unsigned long long)emt_rec_get_u64(rec, REP_DOMAIN));
	if (emt_rec_has(rec, REP_NAME))
		append(text, sizeof(text), " ", "(%s)", emt_rec_get_str(rec, REP_NAME));
	append(text, sizeof(text), ", ", "%s", emt_rec_get_str(rec, REP_RELEASE));
	append(text, sizeof(text), ", ", "%s", upper);
	emt_text_wrap(t, EMT_TICKET_WIDTH, "emt report: ", 2, text);
	snprintf(text, sizeof(text), "%s", emt_rec_get_str(rec, REP_SOURCE));
	if (emt_rec_has(rec, REP_TIME))
		append(text, sizeof(text), ", ", "read %s",
		       emt_fmt_time(emt_rec_get_time(rec, REP_TIME), when, sizeof(when)));
	field(t, "source", text);
	if (emt_rec_has(rec, REP_UUID))
		field(t, "uuid", emt_rec_get_str(rec, REP_UUID));
	field(t, "findings", emt_report_severities(rec, text, sizeof(text)));
	field(t, "entries", emt_report_entries(rec, text, sizeof(text)));
	field(t, "memory", emt_report_memory(rec, text, sizeof(text)));
	field(t, "lost", emt_report_lost(rec, text, sizeof(text)));
	if (emt_rec_count(rec, REP_ASSUMED))
		field(t, "assumed", emt_join_strings(rec, REP_ASSUMED, ", ", text, sizeof(text)));
	if (emt_rec_count(rec, REP_UNKNOWN))
		field(t, "unknown", emt_join_strings(rec, REP_UNKNOWN, ", ", text, sizeof(text)));
	if (!emt_rec_get_bool(rec, REP_RELEASE_EXACT))
		field(t, "note", "newer than any release this emt knows; its newest rules were used");
}

static void past(const struct emt_rec *rec, struct emt_text *t)
{
	char when[2][40];

	for (size_t i = 0; i < emt_rec_count(rec, REP_HISTORY) && i < 3; i++) {
		const struct emt_rec *p = emt_rec_at(rec, REP_HISTORY, i);
		char text[400];

		snprintf(text, sizeof(text), "%s, %s to %s: %s", emt_rec_get_str(p, PAST_STATE),
			 emt_fmt_time(emt_rec_get_time(p, PAST_FIRST_SEEN), when[0], sizeof(when[0])),
			 emt_fmt_time(emt_rec_get_time(p, PAST_LAST_SEEN), when[1], sizeof(when[1])),
			 emt_rec_get_str(p, PAST_WHAT));
		field(t, i ? "" : "history", text);
	}
}

static void finding(const struct emt_rec *f, size_t number, struct emt_text *t)
{
	const struct emt_rec *range = emt_rec_at(f, FIND_RANGES, 0);
	char text[500], first[64], n[32];

	snprintf(text, sizeof(text), "%s %s", emt_rec_get_str(f, FIND_SEVERITY), emt_rec_get_str(f, FIND_KIND));
	if (emt_rec_has(f, FIND_DEFECT))
		append(text, sizeof(text), " ", "%s", emt_rec_get_str(f, FIND_DEFECT));
	if (range) {
		append(text, sizeof(text), ": ", "%s entries, from %s,",
		       emt_fmt_count(emt_rec_get_u64(f, FIND_ENTRIES), n, sizeof(n)),
		       emt_fmt_range(emt_rec_get_u64(range, GRANGE_FIRST_GFN), emt_rec_get_u64(range, GRANGE_LAST_GFN),
				     first, sizeof(first)));
		if (emt_rec_has(f, FIND_TYPE))
			append(text, sizeof(text), " ", "%s", emt_rec_get_str(f, FIND_TYPE));
		if (!emt_rec_has(f, FIND_DEFECT) && emt_rec_count(f, FIND_EXPECTED))
			append(text, sizeof(text), ", expected ", "%s", emt_rec_str_at(f, FIND_EXPECTED, 0));
		if (emt_rec_count(f, FIND_EXPECTED) > 1 && !emt_rec_has(f, FIND_DEFECT))
			append(text, sizeof(text), " ", "or other");
	} else {
		append(text, sizeof(text), ": ", "the domain as a whole");
	}
	snprintf(first, sizeof(first), "%2zu. ", number);
	emt_text_wrap(t, EMT_TICKET_WIDTH, first, 4, text);
	if (strcmp(emt_rec_get_str(f, FIND_TITLE), emt_rec_get_str(f, FIND_KIND)))
		emt_text_wrap(t, EMT_TICKET_WIDTH, "    ", 4, emt_rec_get_str(f, FIND_TITLE));
	if (emt_rec_has(f, FIND_EXPLANATION))
		emt_text_wrap(t, EMT_TICKET_WIDTH, "    ", 4, emt_rec_get_str(f, FIND_EXPLANATION));
	if (emt_rec_has(f, FIND_NEXT))
		emt_text_wrap(t, EMT_TICKET_WIDTH, "    next: ", 10, emt_rec_get_str(f, FIND_NEXT));
}

/* Findings as long as the page has room. Returns how many. */
static size_t findings(const struct emt_rec *rec, struct emt_text *t)
{
	size_t i = 0, n = emt_rec_count(rec, REP_FINDINGS);

	for (; i < n; i++) {
		size_t before = t->buf->used;

		finding(emt_rec_at(rec, REP_FINDINGS, i), i + 1, t);
		if (lines_of(t->buf) + TAIL > EMT_TICKET_LINES) {
			t->buf->used = before;
			break;
		}
	}
	return i;
}

static void tail(const struct emt_rec *rec, size_t shown, struct emt_text *t)
{
	const char *source = emt_rec_get_str(rec, REP_SOURCE);
	uint64_t total = emt_rec_get_u64(rec, REP_FINDINGS_TOTAL);
	char n[32];

	if (shown < total)
		emt_text_printf(t, " and %s more\n", emt_fmt_count(total - shown, n, sizeof(n)));
	/* to be copied: not wrapped */
	emt_text_printf(t, "%-*semtctl audit %s --all\n", LABEL, "more", source);
	if (emt_rec_has(rec, REP_FILE))
		field(t, "page", emt_rec_get_str(rec, REP_FILE));
	emt_text_printf(t, "emt %s\n", EMT_VERSION);
}

/* Without -o or with --ticket the page of text; else a line. */
static int layout(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	struct emt_buffer b;
	struct emt_text page = { .buf = &b, .blank = true };
	size_t shown, at = 0;

	emt_text_gap(t);
	if (variant == EMT_VARIANT_BRIEF) {
		emt_text_printf(t, "page written: %s\n", emt_rec_get_str(rec, REP_FILE));
		return 0;
	}
	emt_buffer_init(&b, NULL, NULL);
	head(rec, &page);
	past(rec, &page);
	emt_text_printf(&page, "\n");
	shown = findings(rec, &page);
	tail(rec, shown, &page);
	emt_buffer_put(&b, "", 1);
	if (b.error) {
		emt_buffer_free(&b);
		return EMT_E_NOMEM;
	}
	while (at + 1 < b.used) {
		size_t len = strcspn(b.data + at, "\n");

		emt_text_printf(t, "%.*s\n", (int)len, b.data + at);
		at += len + 1;
	}
	emt_buffer_free(&b);
	return 0;
}

const struct emt_record_kind emt_kind_report = {
	.name = "ticket", .schema = "emt.ticket", .help = "a domain's audit, as it goes on a ticket",
	.columns = columns, .nr_columns = REP_NR, .layout = layout,
};
