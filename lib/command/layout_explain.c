/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text of an explanation: for the terminal, and for a mailing list (72
 * columns, no colour, with what a reader elsewhere needs to know).
 */
#include <stdio.h>
#include <string.h>

#include "command/kind_audit.h"
#include "command/kind_explain.h"
#include "command/kind_policy.h"
#include "command/kind_run.h"
#include "command/layout.h"

#define MAIL_WIDTH 72

static void para(struct emt_text *t, bool mail, const char *first, unsigned int indent, const char *prose)
{
	if (mail)
		emt_text_wrap(t, MAIL_WIDTH, first, indent, prose);
	else
		emt_text_para(t, first, indent, prose);
}

static void heading(struct emt_text *t, const char *text)
{
	emt_text_gap(t);
	emt_text_puts(t, EMT_STYLE_STRONG, text);
	emt_text_printf(t, "\n");
}

static void head(const struct emt_rec *rec, struct emt_text *t, bool mail)
{
	char text[200], when[40];

	emt_text_gap(t);
	snprintf(text, sizeof(text), "gfn 0x%llx of domain %llu",
		 (unsigned long long)emt_rec_get_u64(rec, EXPL_GFN),
		 (unsigned long long)emt_rec_get_u64(rec, EXPL_DOMAIN));
	emt_text_puts(t, EMT_STYLE_STRONG, text);
	if (emt_rec_has(rec, EXPL_NAME))
		emt_text_printf(t, " (%s)", emt_rec_get_str(rec, EXPL_NAME));
	emt_text_printf(t, ", %s\n", emt_rec_get_str(rec, EXPL_RELEASE));
	if (!mail)
		return;
	emt_text_printf(t, "  source    %s\n", emt_rec_get_str(rec, EXPL_SOURCE));
	if (emt_rec_has(rec, EXPL_TIME))
		emt_text_printf(t, "  taken     %s\n",
				emt_fmt_time(emt_rec_get_time(rec, EXPL_TIME), when, sizeof(when)));
	emt_text_printf(t, "  judged by emt %s\n", EMT_VERSION);
}

static void entry(const struct emt_rec *rec, struct emt_text *t, bool mail)
{
	const struct emt_rec *e = emt_rec_obj(rec, EXPL_ENTRY);
	char text[400], types[200];
	size_t at;

	if (!e)
		return;
	at = (size_t)snprintf(text, sizeof(text), "order %llu",
			      (unsigned long long)emt_rec_get_u64(e, RUN_ORDER));
	if (emt_rec_get_u64(e, RUN_ORDER))
		at += (size_t)snprintf(text + at, sizeof(text) - at, " (0x%llx-0x%llx)",
				       (unsigned long long)emt_rec_get_u64(e, RUN_GFN),
				       (unsigned long long)emt_rec_get_u64(e, RUN_LAST_GFN));
	if (emt_rec_has(e, RUN_MFN))
		at += (size_t)snprintf(text + at, sizeof(text) - at, ", mfn 0x%llx",
				       (unsigned long long)emt_rec_get_u64(e, RUN_MFN));
	at += (size_t)snprintf(text + at, sizeof(text) - at, ", %s, %s", emt_rec_get_str(e, RUN_PERM),
			       emt_rec_get_str(e, RUN_TYPE));
	if (emt_rec_has(e, RUN_P2M_TYPE))
		at += (size_t)snprintf(text + at, sizeof(text) - at, ", p2m type %s",
				       emt_rec_get_str(e, RUN_P2M_TYPE));
	else if (emt_rec_count(e, RUN_P2M_TYPES))
		at += (size_t)snprintf(text + at, sizeof(text) - at, ", p2m type not shown: taken for %s",
				       emt_join_strings(e, RUN_P2M_TYPES, " or ", types, sizeof(types)));
	if (emt_rec_has(e, RUN_RAW))
		snprintf(text + at, sizeof(text) - at, ", raw 0x%llx",
			 (unsigned long long)emt_rec_get_u64(e, RUN_RAW));
	para(t, mail, "  entry     ", 12, text);
}

static void verdict(const struct emt_rec *rec, struct emt_text *t, bool mail)
{
	const char *word = emt_rec_get_str(rec, EXPL_VERDICT);
	char first[40];

	if (!*word) {
		para(t, mail, "  ", 2, emt_rec_get_str(rec, EXPL_TEXT));
		return;
	}
	emt_text_printf(t, "  verdict   ");
	emt_text_puts(t, emt_style_verdict(word), word);
	emt_text_printf(t, "\n");
	snprintf(first, sizeof(first), "%12s", "");
	para(t, mail, first, 12, emt_rec_get_str(rec, EXPL_TEXT));
}

static void seen(const struct emt_rec *s, struct emt_text *t, bool mail)
{
	char text[700], who[200] = "";

	if (emt_rec_has(s, SEEN_ORIGIN))
		snprintf(who, sizeof(who), ", %s", emt_rec_get_str(s, SEEN_ORIGIN));
	snprintf(text, sizeof(text), "%s: %s (%s%s)%s%s", emt_rec_get_str(s, SEEN_WHAT),
		 emt_rec_get_str(s, SEEN_VALUE), emt_rec_get_str(s, SEEN_HELD), who,
		 emt_rec_has(s, SEEN_DETAIL) ? "; " : "", emt_rec_get_str(s, SEEN_DETAIL));
	para(t, mail, "              ", 16, text);
}

static void rules(const struct emt_rec *rec, struct emt_text *t, bool mail)
{
	if (!emt_rec_count(rec, EXPL_RULES))
		return;
	heading(t, "Rules tried, in order");
	for (size_t i = 0; i < emt_rec_count(rec, EXPL_RULES); i++) {
		const struct emt_rec *s = emt_rec_at(rec, EXPL_RULES, i);
		const char *result = emt_rec_get_str(s, STEP_RESULT);
		char gives[120], line[200];

		emt_text_printf(t, " %3llu. ", (unsigned long long)emt_rec_get_u64(s, STEP_NUMBER));
		emt_text_puts(t,
			      *result == 'd'   ? EMT_STYLE_GOOD
			      : *result == 'm' ? EMT_STYLE_WARN
					       : EMT_STYLE_FAINT,
			      result);
		emt_text_printf(t, "%*s", (int)(8 - strlen(result)), "");
		para(t, mail, "", 14, emt_rec_get_str(s, STEP_TEXT));
		for (size_t k = 0; k < emt_rec_count(s, STEP_SEEN); k++)
			seen(emt_rec_at(s, STEP_SEEN, k), t, mail);
		if (*result == 'n')
			continue;
		snprintf(line, sizeof(line), "gives %s",
			 emt_join_strings(s, STEP_GIVES, " or ", gives, sizeof(gives)));
		if (emt_rec_has(s, STEP_COMMIT))
			snprintf(line + strlen(line), sizeof(line) - strlen(line), " (commit %s)",
				 emt_rec_get_str(s, STEP_COMMIT));
		para(t, mail, "              ", 16, line);
	}
}

static void effective(const struct emt_rec *rec, struct emt_text *t, bool mail)
{
	char text[200], cell[40];
	size_t at = 0;

	for (size_t i = 0; i < emt_rec_count(rec, EXPL_EFFECTIVE); i++) {
		const struct emt_rec *e = emt_rec_at(rec, EXPL_EFFECTIVE, i);

		if (!emt_rec_has(e, EFF_TYPE))
			continue;
		snprintf(cell, sizeof(cell), "%s%s gives %s", at ? ", " : "", emt_rec_get_str(e, EFF_PAT),
			 emt_rec_get_str(e, EFF_TYPE));
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s", cell);
	}
	if (!at)
		return;
	heading(t, "What the CPU uses, by the type that the guest's page tables choose");
	para(t, mail, "  ", 2, text);
}

static void defects(const struct emt_rec *rec, struct emt_text *t, bool mail)
{
	if (!emt_rec_count(rec, EXPL_DEFECTS))
		return;
	heading(t, "Known defects of this release that concern the entry");
	for (size_t i = 0; i < emt_rec_count(rec, EXPL_DEFECTS); i++) {
		const struct emt_rec *d = emt_rec_at(rec, EXPL_DEFECTS, i);
		char text[600];

		snprintf(text, sizeof(text), "%s (%s): %s", emt_rec_get_str(d, DEF_ID),
			 emt_rec_get_str(d, DEF_SEVERITY), emt_rec_get_str(d, DEF_TITLE));
		para(t, mail, "  ", 4, text);
		para(t, mail, "    harm: ", 10, emt_rec_get_str(d, DEF_HARM));
		snprintf(text, sizeof(text), "%s%s%s",
			 emt_rec_has(d, DEF_FIXED_BY) ? emt_rec_get_str(d, DEF_FIXED_BY) : "open",
			 emt_rec_has(d, DEF_FIXED_IN) ? ", first in " : "", emt_rec_get_str(d, DEF_FIXED_IN));
		para(t, mail, "    fixed by: ", 14, text);
	}
}

static void needs(const struct emt_rec *rec, struct emt_text *t, bool mail, unsigned int col,
		  const char *title, bool how)
{
	if (!emt_rec_count(rec, col))
		return;
	heading(t, title);
	for (size_t i = 0; i < emt_rec_count(rec, col); i++) {
		const struct emt_rec *n = emt_rec_at(rec, col, i);
		char text[500];

		snprintf(text, sizeof(text), "%s: %s%s%s%s", emt_rec_get_str(n, NEED_FACT),
			 emt_rec_get_str(n, NEED_HELP), emt_rec_has(n, NEED_ORIGIN) ? " (" : "",
			 emt_rec_get_str(n, NEED_ORIGIN), emt_rec_has(n, NEED_ORIGIN) ? ")" : "");
		para(t, mail, "  ", 4, text);
		if (how)
			para(t, mail, "    how to get it: ", 19, emt_rec_get_str(n, NEED_HOW));
	}
}

static void nearest(const struct emt_rec *rec, struct emt_text *t, unsigned int col, const char *word)
{
	char cell[80];

	if (emt_rec_has(rec, col))
		emt_text_printf(t, "  %-9s %s\n", word, emt_rec_cell(rec, col, false, cell, sizeof(cell)));
}

int emt_layout_explanation(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	bool mail = variant == EMT_VARIANT_MAIL;
	bool colour = t->colour;

	if (mail)
		t->colour = false;
	head(rec, t, mail);
	entry(rec, t, mail);
	verdict(rec, t, mail);
	for (size_t i = 0; i < emt_rec_count(rec, EXPL_ABOVE); i++) {
		const struct emt_rec *a = emt_rec_at(rec, EXPL_ABOVE, i);

		emt_text_printf(t, "  above     order %llu entry at 0x%llx: %s, %s\n",
				(unsigned long long)emt_rec_get_u64(a, RUN_ORDER),
				(unsigned long long)emt_rec_get_u64(a, RUN_GFN), emt_rec_get_str(a, RUN_TYPE),
				emt_rec_get_str(a, RUN_VERDICT));
	}
	nearest(rec, t, EXPL_NEAREST_BEFORE, "before");
	nearest(rec, t, EXPL_NEAREST_AFTER, "after");
	rules(rec, t, mail);
	effective(rec, t, mail);
	defects(rec, t, mail);
	if (emt_rec_count(rec, EXPL_QUIRKS))
		heading(t, "Peculiarities that had a part in it");
	for (size_t i = 0; i < emt_rec_count(rec, EXPL_QUIRKS); i++) {
		const struct emt_rec *q = emt_rec_at(rec, EXPL_QUIRKS, i);
		char text[500];

		snprintf(text, sizeof(text), "%s: %s", emt_rec_get_str(q, QUIRK_ID),
			 emt_rec_get_str(q, QUIRK_TEXT));
		para(t, mail, "  ", 4, text);
	}
	needs(rec, t, mail, EXPL_ASSUMED, "Assumed, and the verdict rests on it", false);
	needs(rec, t, mail, EXPL_MISSING, "Not known, and would decide", true);
	t->colour = colour;
	return 0;
}
