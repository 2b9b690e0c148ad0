/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/kind_event.h"

#include <stdio.h>
#include <string.h>

#include "audit/audit.h"
#include "command/kind_audit.h"
#include "command/layout.h"

#define SHOWN EMT_COLF_SHOWN
#define NUL EMT_COLF_NULL

static const char *event_word(unsigned int i)
{
	static const char *const words[] = { "open", "new", "changed", "cleared", "fact", "failed", "recovered", "gone",
					     "lost" };

	return i < EMT_ARRAY_SIZE(words) ? words[i] : NULL;
}

static enum emt_style event_style(const char *text)
{
	return !strcmp(text, "new") || !strcmp(text, "failed") || !strcmp(text, "lost") ? EMT_STYLE_BAD :
	       !strcmp(text, "cleared") || !strcmp(text, "recovered") ? EMT_STYLE_GOOD :
	       EMT_STYLE_WARN;
}

#define SEVERITY .word = emt_severity_name, .nr_words = EMT_SEV_NR, .style = emt_style_severity

static const struct emt_column event_columns[EV_NR] = {
	[EV_TIME] = EMT_COLUMN("time", EMT_COL_TIME, SHOWN, "when emtd saw it"),
	[EV_EVENT] = EMT_COLUMN("event", EMT_COL_STRING, SHOWN,
				"open: a finding that is there when watching begins; new, changed, cleared: a finding; "
				"fact: one changed; failed, recovered: audits; gone: the domain; lost: events were",
				.word = event_word, .nr_words = 9, .style = event_style),
	[EV_SOURCE] = EMT_COLUMN("source", EMT_COL_STRING, NUL, "what is watched, as configured"),
	[EV_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, SHOWN | NUL, "domain id"),
	[EV_NAME] = EMT_COLUMN("name", EMT_COL_STRING, SHOWN | NUL, "name; null when not known"),
	[EV_UUID] = EMT_COLUMN("uuid", EMT_COL_STRING, NUL, "UUID; null when not known"),
	[EV_KEY] = EMT_COLUMN("key", EMT_COL_STRING, NUL,
			      "names the finding: the same in every audit of the domain, whatever its place and size"),
	[EV_SEVERITY] = EMT_COLUMN("severity", EMT_COL_STRING, SHOWN | NUL, "level of the finding", SEVERITY),
	[EV_KIND] = EMT_COLUMN("kind", EMT_COL_STRING, SHOWN | NUL, "a verdict, or known-defect"),
	[EV_DEFECT] = EMT_COLUMN("defect", EMT_COL_STRING, NUL, "id of the known defect"),
	[EV_TITLE] = EMT_COLUMN("title", EMT_COL_STRING, NUL, "what it is, in a few words"),
	[EV_FIRST_GFN] = EMT_COLUMN("first_gfn", EMT_COL_FRAME, SHOWN | NUL, "first frame", .unit = "gfn"),
	[EV_ENTRIES] = EMT_COLUMN("entries", EMT_COL_NUMBER, SHOWN | NUL, "entries concerned; of lost: events"),
	[EV_WAS_ENTRIES] = EMT_COLUMN("was_entries", EMT_COL_NUMBER, NUL, "changed: entries before"),
	[EV_BYTES] = EMT_COLUMN("bytes", EMT_COL_BYTES, NUL, "guest memory they map", .unit = "bytes"),
	[EV_TYPE] = EMT_COLUMN("type", EMT_COL_STRING, NUL, "what the entries carry, as key D prints it"),
	[EV_EXPLANATION] = EMT_COLUMN("explanation", EMT_COL_STRING, NUL, "smallest explanation"),
	[EV_FIRST_SEEN] = EMT_COLUMN("first_seen", EMT_COL_TIME, NUL, "first audit that had the finding"),
	[EV_FACT] = EMT_COLUMN("fact", EMT_COL_STRING, NUL, "fact: its name"),
	[EV_VALUE] = EMT_COLUMN("value", EMT_COL_STRING, NUL, "fact: its value now, as JSON, cut where it is long"),
	[EV_WAS_VALUE] = EMT_COLUMN("was_value", EMT_COL_STRING, NUL, "fact: its value before"),
	[EV_TEXT] = EMT_COLUMN("text", EMT_COL_STRING, NUL, "what else there is to say"),
};

static void where(const struct emt_rec *rec, char *out, size_t room)
{
	if (!emt_rec_has(rec, EV_DOMAIN))
		snprintf(out, room, "%s", emt_rec_get_str(rec, EV_SOURCE));
	else if (emt_rec_has(rec, EV_NAME))
		snprintf(out, room, "domain %llu (%s)", (unsigned long long)emt_rec_get_u64(rec, EV_DOMAIN),
			 emt_rec_get_str(rec, EV_NAME));
	else
		snprintf(out, room, "domain %llu of %s", (unsigned long long)emt_rec_get_u64(rec, EV_DOMAIN),
			 emt_rec_get_str(rec, EV_SOURCE));
}

static void finding_text(const struct emt_rec *rec, struct emt_text *t)
{
	const char *severity = emt_rec_get_str(rec, EV_SEVERITY);
	char n[32], m[32];

	emt_text_puts(t, emt_style_severity(severity), severity);
	emt_text_printf(t, " %s", emt_rec_get_str(rec, EV_KIND));
	if (emt_rec_has(rec, EV_DEFECT))
		emt_text_printf(t, " %s", emt_rec_get_str(rec, EV_DEFECT));
	if (emt_rec_has(rec, EV_FIRST_GFN))
		emt_text_printf(t, " from 0x%llx", (unsigned long long)emt_rec_get_u64(rec, EV_FIRST_GFN));
	if (emt_rec_has(rec, EV_TYPE))
		emt_text_printf(t, ", %s", emt_rec_get_str(rec, EV_TYPE));
	if (emt_rec_has(rec, EV_WAS_ENTRIES))
		emt_text_printf(t, ", %s entries, before %s",
				emt_fmt_count(emt_rec_get_u64(rec, EV_ENTRIES), n, sizeof(n)),
				emt_fmt_count(emt_rec_get_u64(rec, EV_WAS_ENTRIES), m, sizeof(m)));
	else if (emt_rec_has(rec, EV_ENTRIES))
		emt_text_printf(t, ", %s entries", emt_fmt_count(emt_rec_get_u64(rec, EV_ENTRIES), n, sizeof(n)));
	if (strcmp(emt_rec_get_str(rec, EV_EVENT), "cleared") && emt_rec_has(rec, EV_EXPLANATION))
		emt_text_printf(t, ": %s", emt_rec_get_str(rec, EV_EXPLANATION));
}

/* One line, however long: what follows a stream reads lines. */
static int layout_event(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	const char *what = emt_rec_get_str(rec, EV_EVENT);
	char text[400];

	(void)variant;
	emt_text_printf(t, "%s  ", emt_fmt_time(emt_rec_get_time(rec, EV_TIME), text, sizeof(text)));
	emt_text_puts(t, event_style(what), what);
	emt_text_printf(t, "%*s", (int)(strlen(what) < 10 ? 10 - strlen(what) : 1), "");
	if (!strcmp(what, "lost")) {
		emt_text_printf(t, "%s\n", emt_rec_get_str(rec, EV_TEXT));
		return 0;
	}
	where(rec, text, sizeof(text));
	emt_text_printf(t, "%s: ", text);
	if (emt_rec_has(rec, EV_KEY))
		finding_text(rec, t);
	else if (emt_rec_has(rec, EV_FACT))
		emt_text_printf(t, "%s is %s%s%s%s%s", emt_rec_get_str(rec, EV_FACT), emt_rec_get_str(rec, EV_VALUE),
				emt_rec_has(rec, EV_TEXT) ? ", " : "", emt_rec_get_str(rec, EV_TEXT),
				emt_rec_has(rec, EV_WAS_VALUE) ? "; it was " : "", emt_rec_get_str(rec, EV_WAS_VALUE));
	else
		emt_text_printf(t, "%s", emt_rec_get_str(rec, EV_TEXT));
	emt_text_printf(t, "\n");
	return 0;
}

const struct emt_record_kind emt_kind_event = {
	.name = "event", .schema = "emt.event", .help = "something that emtd saw", .columns = event_columns,
	.nr_columns = EV_NR, .layout = layout_event,
};

static const struct emt_column state_columns[WST_NR] = {
	[WST_TIME] = EMT_COLUMN("time", EMT_COL_TIME, SHOWN, "when it was audited"),
	[WST_SOURCE] = EMT_COLUMN("source", EMT_COL_STRING, SHOWN, "what is watched, as configured"),
	[WST_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, SHOWN, "domain id"),
	[WST_NAME] = EMT_COLUMN("name", EMT_COL_STRING, SHOWN | NUL, "name; null when not known"),
	[WST_UUID] = EMT_COLUMN("uuid", EMT_COL_STRING, NUL, "UUID; null when not known"),
	[WST_AUDITS] = EMT_COLUMN("audits", EMT_COL_NUMBER, 0, "audits since emtd began"),
	[WST_COMPLETE] = EMT_COLUMN("complete", EMT_COL_BOOL, SHOWN, "the last audit saw everything"),
	[WST_FINDINGS] = EMT_COLUMN("findings", EMT_COL_NUMBER, SHOWN, "findings of all levels"),
	[WST_INFO] = EMT_COLUMN("info", EMT_COL_NUMBER, 0, "of level info"),
	[WST_NOTICE] = EMT_COLUMN("notice", EMT_COL_NUMBER, 0, "of level notice"),
	[WST_WARNING] = EMT_COLUMN("warning", EMT_COL_NUMBER, SHOWN, "of level warning"),
	[WST_ERROR] = EMT_COLUMN("error", EMT_COL_NUMBER, SHOWN, "of level error"),
	[WST_CRITICAL] = EMT_COLUMN("critical", EMT_COL_NUMBER, SHOWN, "of level critical"),
	[WST_WORST] = EMT_COLUMN("worst", EMT_COL_STRING, NUL, "gravest level; null: no finding", SEVERITY),
	[WST_ENTRIES] = EMT_COLUMN("entries", EMT_COL_NUMBER, 0, "leaf entries"),
	[WST_OK] = EMT_COLUMN("ok_entries", EMT_COL_NUMBER, 0, "entries that are ok"),
	[WST_PENDING] = EMT_COLUMN("pending_entries", EMT_COL_NUMBER, 0, "entries to be recomputed"),
	[WST_MISMATCH] = EMT_COLUMN("mismatch_entries", EMT_COL_NUMBER, 0, "entries that nothing explains"),
	[WST_UNDETERMINED] = EMT_COLUMN("undetermined_entries", EMT_COL_NUMBER, 0, "entries that could not be decided"),
};
const struct emt_record_kind emt_kind_watched_state = {
	.name = "watched_state", .schema = "emt.watched_state", .help = "a watched domain in numbers",
	.columns = state_columns, .nr_columns = WST_NR,
};

#define WHO(prefix) \
	[prefix##_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, SHOWN, "domain id when last seen"), \
	[prefix##_NAME] = EMT_COLUMN("name", EMT_COL_STRING, SHOWN | NUL, "name; null when not known"), \
	[prefix##_UUID] = EMT_COLUMN("uuid", EMT_COL_STRING, NUL, "UUID; null when not known"), \
	[prefix##_SOURCE] = EMT_COLUMN("source", EMT_COL_STRING, 0, "what is watched, as configured")

static const struct emt_column finding_columns[PF_NR] = {
	WHO(PF),
	[PF_KEY] = EMT_COLUMN("key", EMT_COL_STRING, 0, "names the finding, as in events"),
	[PF_SEVERITY] = EMT_COLUMN("severity", EMT_COL_STRING, SHOWN, "level", SEVERITY),
	[PF_KIND] = EMT_COLUMN("kind", EMT_COL_STRING, SHOWN, "a verdict, or known-defect"),
	[PF_DEFECT] = EMT_COLUMN("defect", EMT_COL_STRING, NUL, "id of the known defect"),
	[PF_TITLE] = EMT_COLUMN("title", EMT_COL_STRING, 0, "what it is, in a few words"),
	[PF_FIRST_SEEN] = EMT_COLUMN("first_seen", EMT_COL_TIME, SHOWN, "first audit that had it"),
	[PF_LAST_SEEN] = EMT_COLUMN("last_seen", EMT_COL_TIME, SHOWN, "last audit that had it"),
	[PF_CLEARED] = EMT_COLUMN("cleared", EMT_COL_TIME, SHOWN | NUL,
				  "complete audit that had it no more; null: it is open"),
	[PF_AUDITS] = EMT_COLUMN("audits", EMT_COL_NUMBER, 0, "audits that had it"),
	[PF_FIRST_GFN] = EMT_COLUMN("first_gfn", EMT_COL_FRAME, SHOWN | NUL, "first frame, when last seen",
				    .unit = "gfn"),
	[PF_ENTRIES] = EMT_COLUMN("entries", EMT_COL_NUMBER, SHOWN, "entries concerned, when last seen"),
	[PF_BYTES] = EMT_COLUMN("bytes", EMT_COL_BYTES, 0, "guest memory they map", .unit = "bytes"),
	[PF_TYPE] = EMT_COLUMN("type", EMT_COL_STRING, NUL, "what the entries carry, as key D prints it"),
	[PF_EXPLANATION] = EMT_COLUMN("explanation", EMT_COL_STRING, NUL, "smallest explanation"),
};
const struct emt_record_kind emt_kind_past_finding = {
	.name = "past_finding", .schema = "emt.past_finding", .help = "a finding over time",
	.columns = finding_columns, .nr_columns = PF_NR,
};

static const struct emt_column audit_columns[PA_NR] = {
	WHO(PA),
	[PA_TIME] = EMT_COLUMN("time", EMT_COL_TIME, SHOWN, "when it was done"),
	[PA_MILLISECONDS] = EMT_COLUMN("milliseconds", EMT_COL_NUMBER, 0, "time it took", .unit = "milliseconds"),
	[PA_COMPLETE] = EMT_COLUMN("complete", EMT_COL_BOOL, SHOWN, "it saw everything"),
	[PA_RELEASE] = EMT_COLUMN("release", EMT_COL_STRING, SHOWN, "release whose rules were used"),
	[PA_ENTRIES] = EMT_COLUMN("entries", EMT_COL_NUMBER, SHOWN, "leaf entries"),
	[PA_FINDINGS] = EMT_COLUMN("findings", EMT_COL_NUMBER, SHOWN, "findings of all levels"),
	[PA_WORST] = EMT_COLUMN("worst", EMT_COL_STRING, SHOWN | NUL, "gravest level; null: no finding", SEVERITY),
};
const struct emt_record_kind emt_kind_past_audit = {
	.name = "past_audit", .schema = "emt.past_audit", .help = "an audit that was done", .columns = audit_columns,
	.nr_columns = PA_NR,
};

static const struct emt_column fact_columns[PT_NR] = {
	WHO(PT),
	[PT_FACT] = EMT_COLUMN("fact", EMT_COL_STRING, SHOWN, "name, as in a facts file"),
	[PT_HELD] = EMT_COLUMN("held", EMT_COL_STRING, SHOWN, "how firmly", .word = emt_held_name, .nr_words = 3),
	[PT_VALUE] = EMT_COLUMN("value", EMT_COL_STRING, SHOWN, "its value as JSON, cut where it is long"),
	[PT_FIRST_SEEN] = EMT_COLUMN("first_seen", EMT_COL_TIME, SHOWN, "first audit with this value"),
	[PT_LAST_SEEN] = EMT_COLUMN("last_seen", EMT_COL_TIME, SHOWN, "last audit with it"),
	[PT_ENDED] = EMT_COLUMN("ended", EMT_COL_TIME, SHOWN | NUL, "audit with another; null: it holds"),
};
const struct emt_record_kind emt_kind_past_fact = {
	.name = "past_fact", .schema = "emt.past_fact", .help = "a fact's value over time", .columns = fact_columns,
	.nr_columns = PT_NR,
};
