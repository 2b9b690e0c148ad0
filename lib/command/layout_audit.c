/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text of an audit: a headline for each domain, counts, findings, the outcome.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "command/kind_audit.h"
#include "command/layout.h"

#define INDENT "  "

char *emt_join_strings(const struct emt_rec *rec, unsigned int col, const char *join, char *out, size_t room)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < emt_rec_count(rec, col) && at < room; i++)
		at += (size_t)snprintf(out + at, room - at, "%s%s", i ? join : "",
				       emt_rec_str_at(rec, col, i));
	return out;
}

static void add(char *out, size_t room, const char *fmt, ...) __attribute__((format(printf, 3, 4)));


/* Append a part of a sentence with "; " before it. */
static void add(char *out, size_t room, const char *fmt, ...)
{
	size_t at = strlen(out);
	va_list ap;

	if (at && at + 3 < room)
		at += (size_t)snprintf(out + at, room - at, "; ");
	va_start(ap, fmt);
	vsnprintf(out + at, room - at, fmt, ap);
	va_end(ap);
}

char *emt_loss_text(const struct emt_rec *loss, char *out, size_t room)
{
	static const struct {
		unsigned int col;
		const char *what;
	} counts[] = {
		{ LOSS_ENTRIES_CUT, "entries missing" }, { LOSS_LINES_UNPARSED, "lines made no sense" },
		{ LOSS_CHUNKS_BAD, "chunks damaged" }, { LOSS_CHANGED, "entries changed during the walk" },
	};
	char n[32];

	out[0] = '\0';
	if (emt_rec_get_bool(loss, LOSS_CUT_HEAD))
		add(out, room, "its beginning is missing");
	if (emt_rec_get_bool(loss, LOSS_CUT_TAIL))
		add(out, room, "its end is missing");
	for (size_t i = 0; i < EMT_ARRAY_SIZE(counts); i++)
		if (emt_rec_get_u64(loss, counts[i].col))
			add(out, room, "%s %s",
			    emt_fmt_count(emt_rec_get_u64(loss, counts[i].col), n, sizeof(n)),
			    counts[i].what);
	if (emt_rec_has(loss, LOSS_NOTE))
		add(out, room, "%s", emt_rec_get_str(loss, LOSS_NOTE));
	return out;
}

static void headline(const struct emt_rec *rec, struct emt_text *t)
{
	const char *paging = emt_rec_get_str(rec, DOM_PAGING);
	char text[400], count[32], b[32], when[40], upper[16];
	size_t n;

	snprintf(text, sizeof(text), "domain %llu", (unsigned long long)emt_rec_get_u64(rec, DOM_DOMAIN));
	emt_text_puts(t, EMT_STYLE_STRONG, text);
	if (emt_rec_has(rec, DOM_NAME))
		emt_text_printf(t, " (%s)", emt_rec_get_str(rec, DOM_NAME));
	for (n = 0; paging[n] && n + 1 < sizeof(upper); n++)
		upper[n] = (char)toupper((unsigned char)paging[n]);
	upper[n] = '\0';
	emt_text_printf(t, ", %s%s, %s: %s entries, %s", emt_rec_get_str(rec, DOM_RELEASE),
			emt_rec_get_bool(rec, DOM_RELEASE_FORCED) ? " (as told)" : "", upper,
			emt_fmt_count(emt_rec_get_u64(rec, DOM_ENTRIES), count, sizeof(count)),
			emt_fmt_bytes(emt_rec_get_u64(rec, DOM_BYTES), b, sizeof(b)));
	if (emt_rec_has(rec, DOM_LABEL))
		emt_text_printf(t, ", \"%s\"", emt_rec_get_str(rec, DOM_LABEL));
	if (emt_rec_has(rec, DOM_TIME))
		emt_text_printf(t, ", taken %s",
				emt_fmt_time(emt_rec_get_time(rec, DOM_TIME), when, sizeof(when)));
	emt_text_printf(t, "\n");
}

int emt_layout_domain(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	const struct emt_rec *loss = emt_rec_obj(rec, DOM_LOSS);
	char text[400], n[32];

	(void)variant;
	emt_text_gap(t);
	headline(rec, t);
	emt_text_printf(t, INDENT);
	for (size_t i = 0; i < emt_rec_count(rec, DOM_VERDICTS); i++) {
		const struct emt_rec *v = emt_rec_at(rec, DOM_VERDICTS, i);
		const char *word = emt_rec_get_str(v, VCOUNT_VERDICT);

		emt_text_printf(t, "%s%s ", i ? ", " : "",
				emt_fmt_count(emt_rec_get_u64(v, VCOUNT_ENTRIES), n, sizeof(n)));
		emt_text_puts(t, emt_style_verdict(word), word);
	}
	if (!emt_rec_count(rec, DOM_VERDICTS))
		emt_text_printf(t, "no entries");
	if (emt_rec_get_u64(rec, DOM_POD_ENTRIES))
		emt_text_printf(t, ", %s populate on demand",
				emt_fmt_count(emt_rec_get_u64(rec, DOM_POD_ENTRIES), n, sizeof(n)));
	emt_text_printf(t, "\n");
	for (size_t i = 0; i < emt_rec_count(rec, DOM_TYPES); i++) {
		const struct emt_rec *b = emt_rec_at(rec, DOM_TYPES, i);
		const char *type = emt_rec_get_str(b, TBYTES_TYPE);

		emt_text_printf(t, "%s%s %s", i ? ", " : INDENT, type[0] == '?' ? "to be recomputed" : type,
				emt_fmt_bytes(emt_rec_get_u64(b, TBYTES_BYTES), text, sizeof(text)));
	}
	if (emt_rec_count(rec, DOM_TYPES))
		emt_text_printf(t, "\n");
	if (!emt_rec_get_bool(rec, DOM_RELEASE_EXACT)) {
		snprintf(text, sizeof(text),
			 "%s is newer than any release this emt knows; its newest rules are used",
			 emt_rec_get_str(rec, DOM_RELEASE));
		emt_text_para(t, INDENT, 2, text);
	}
	if (!emt_rec_get_bool(rec, DOM_COMPLETE)) {
		emt_text_printf(t, INDENT);
		emt_text_puts(t, EMT_STYLE_WARN, "incomplete");
		emt_text_printf(t, ": %s\n", emt_loss_text(loss, text, sizeof(text)));
	}
	if (emt_rec_get_u64(rec, DOM_FINDINGS_MERGED)) {
		snprintf(text, sizeof(text),
			 "%s more kinds of finding are counted under others: there were too many",
			 emt_fmt_count(emt_rec_get_u64(rec, DOM_FINDINGS_MERGED), n, sizeof(n)));
		emt_text_para(t, INDENT, 2, text);
	}
	return 0;
}

static void where(const struct emt_rec *rec, char *out, size_t room)
{
	uint64_t ranges = emt_rec_get_u64(rec, FIND_RANGES_TOTAL);
	const struct emt_rec *r = emt_rec_at(rec, FIND_RANGES, 0);
	char n[32], first[64], more[32] = "";

	if (!r) {
		snprintf(out, room, "the domain as a whole");
		return;
	}
	emt_fmt_range(emt_rec_get_u64(r, GRANGE_FIRST_GFN), emt_rec_get_u64(r, GRANGE_LAST_GFN), first,
		      sizeof(first));
	if (ranges > 1)
		snprintf(more, sizeof(more), " and %s more range%s", emt_fmt_count(ranges - 1, n, sizeof(n)),
			 ranges > 2 ? "s" : "");
	snprintf(out, room, "%s entr%s at %s%s",
		 emt_fmt_count(emt_rec_get_u64(rec, FIND_ENTRIES), n, sizeof(n)),
		 emt_rec_get_u64(rec, FIND_ENTRIES) == 1 ? "y" : "ies", first, more);
}

int emt_layout_finding(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	const char *severity = emt_rec_get_str(rec, FIND_SEVERITY);
	/* What a defect or an undetermined entry could be is in its explanation. */
	bool defect = emt_rec_has(rec, FIND_DEFECT);
	bool open = !strcmp(emt_rec_get_str(rec, FIND_VERDICT), emt_verdict_name(EMT_V_UNDETERMINED));
	char text[600], expected[200];

	(void)variant;
	emt_text_printf(t, INDENT);
	emt_text_puts(t, emt_style_severity(severity), severity);
	emt_text_printf(t, "%*s", (int)(9 - strlen(severity)), "");
	where(rec, text, sizeof(text));
	emt_text_puts(t, EMT_STYLE_STRONG, emt_rec_get_str(rec, FIND_KIND));
	if (defect)
		emt_text_printf(t, " %s", emt_rec_get_str(rec, FIND_DEFECT));
	emt_text_printf(t, ": %s", text);
	if (emt_rec_has(rec, FIND_TYPE))
		emt_text_printf(t, ": %s", emt_rec_get_str(rec, FIND_TYPE));
	if (emt_rec_has(rec, FIND_TYPE) && emt_rec_count(rec, FIND_EXPECTED) && !defect && !open)
		emt_text_printf(t, ", expected %s",
				emt_join_strings(rec, FIND_EXPECTED, " or ", expected, sizeof(expected)));
	emt_text_printf(t, "\n");
	if (defect)
		emt_text_para(t, "           ", 11, emt_rec_get_str(rec, FIND_TITLE));
	if (emt_rec_has(rec, FIND_EXPLANATION))
		emt_text_para(t, "           ", 11, emt_rec_get_str(rec, FIND_EXPLANATION));
	if (emt_rec_has(rec, FIND_NEXT))
		emt_text_para(t, "           next: ", 17, emt_rec_get_str(rec, FIND_NEXT));
	return 0;
}

int emt_layout_audit_result(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	uint64_t found = emt_rec_get_u64(rec, RES_FINDINGS), hidden = emt_rec_get_u64(rec, RES_HIDDEN);
	uint64_t open = emt_rec_get_u64(rec, RES_UNDETERMINED_ENTRIES);
	const char *level = emt_rec_get_str(rec, RES_FAIL_ON);
	char n[32];

	(void)variant;
	emt_text_gap(t);
	if (found)
		emt_text_printf(t, "%s finding%s at level %s or above.", emt_fmt_count(found, n, sizeof(n)),
				found == 1 ? "" : "s", level);
	else
		emt_text_printf(t, "No findings at level %s or above.", level);
	if (open)
		emt_text_printf(t, " %s entr%s could not be decided.", emt_fmt_count(open, n, sizeof(n)),
				open == 1 ? "y" : "ies");
	if (!emt_rec_get_bool(rec, RES_COMPLETE))
		emt_text_printf(t, " The audit is incomplete.");
	if (hidden)
		emt_text_printf(t, " %s of level info: --all.", emt_fmt_count(hidden, n, sizeof(n)));
	emt_text_printf(t, "\n");
	if (emt_rec_has(rec, RES_HINT))
		emt_text_printf(t, "%s says why.\n", emt_rec_get_str(rec, RES_HINT));
	return 0;
}
