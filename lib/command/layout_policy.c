/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text of rules, defects and their changes.
 */
#include <stdio.h>

#include "command/kind_policy.h"
#include "command/layout.h"

int emt_layout_ruleset(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	bool kvm = emt_rec_get_str(rec, REL_HYPERVISOR)[0] == 'k';
	char text[200];

	(void)variant;
	snprintf(text, sizeof(text), "%s%s", kvm ? "" : "Xen ", emt_rec_get_str(rec, REL_RELEASE));
	emt_text_puts(t, EMT_STYLE_STRONG, text);
	emt_text_printf(t, " follows the rules of %s (%s)\n", emt_rec_get_str(rec, REL_RELEASES),
			emt_rec_get_str(rec, REL_NAME));
	if (!emt_rec_get_bool(rec, REL_EXACT))
		emt_text_para(t, "  ", 2,
			      "It is newer than any release this emt knows; the newest rules are shown.");
	emt_text_para(t, "  ", 2, emt_rec_get_bool(rec, REL_SUPERPAGES) ?
		      "A superpage is judged as a whole, and split where its pages differ." :
		      "The first frame of a superpage decides for all of it.");
	if (!kvm)
		emt_text_para(t, "  ", 2, emt_rec_get_bool(rec, REL_PENDING) ?
			      "EMT 7 marks entries to be recomputed when next touched." :
			      "Types are computed when an entry is written; EMT 7 is a misconfiguration.");
	return 0;
}

int emt_layout_rule(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	char first[40], text[800], when[600];
	int indent;

	(void)variant;
	indent = snprintf(first, sizeof(first), "%3llu. ",
			  (unsigned long long)emt_rec_get_u64(rec, RULE_NUMBER));
	emt_text_para(t, first, (unsigned int)indent, emt_rec_get_str(rec, RULE_TEXT));
	if (emt_rec_count(rec, RULE_CONDITIONS)) {
		snprintf(text, sizeof(text), "when %s",
			 emt_join_strings(rec, RULE_CONDITIONS, "; ", when, sizeof(when)));
		emt_text_para(t, "     ", (unsigned int)indent, text);
	}
	emt_text_printf(t, "     [%s", emt_rec_get_str(rec, RULE_ID));
	if (emt_rec_has(rec, RULE_COMMIT))
		emt_text_printf(t, ", commit %s", emt_rec_get_str(rec, RULE_COMMIT));
	emt_text_printf(t, "]\n");
	return 0;
}

int emt_layout_defect(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	static const struct {
		unsigned int col;
		const char *head;
	} parts[] = { { DEF_ENTRIES, "  entries: " }, { DEF_HARM, "  harm:    " } };

	(void)variant;
	emt_text_puts(t, EMT_STYLE_STRONG, emt_rec_get_str(rec, DEF_ID));
	emt_text_printf(t, " (%s) %s\n", emt_rec_get_str(rec, DEF_SEVERITY), emt_rec_get_str(rec, DEF_TITLE));
	for (size_t i = 0; i < EMT_ARRAY_SIZE(parts); i++)
		emt_text_para(t, parts[i].head, 11, emt_rec_get_str(rec, parts[i].col));
	emt_text_printf(t, "  fixed:   %s%s%s\n",
			emt_rec_has(rec, DEF_FIXED_BY) ? emt_rec_get_str(rec, DEF_FIXED_BY) : "open",
			emt_rec_has(rec, DEF_FIXED_IN) ? ", first in " : "",
			emt_rec_get_str(rec, DEF_FIXED_IN));
	return 0;
}

int emt_layout_rule_change(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	static const struct {
		unsigned int number, text;
		char name;
	} sides[] = { { CHG_NUMBER_A, CHG_TEXT_A, 'A' }, { CHG_NUMBER_B, CHG_TEXT_B, 'B' } };
	const char *change = emt_rec_get_str(rec, CHG_CHANGE);

	(void)variant;
	emt_text_puts(t,
		      *change == 'a'   ? EMT_STYLE_GOOD
		      : *change == 'r' ? EMT_STYLE_BAD
				       : EMT_STYLE_WARN,
		      change);
	emt_text_printf(t, " %s", emt_rec_get_str(rec, CHG_ID));
	if (emt_rec_has(rec, CHG_COMMIT))
		emt_text_printf(t, ", commit %s", emt_rec_get_str(rec, CHG_COMMIT));
	emt_text_printf(t, "\n");
	for (size_t i = 0; i < EMT_ARRAY_SIZE(sides); i++) {
		char first[40];

		if (!emt_rec_has(rec, sides[i].text))
			continue;
		if (emt_rec_has(rec, sides[i].number))
			snprintf(first, sizeof(first), "  %c %2llu. ", sides[i].name,
				 (unsigned long long)emt_rec_get_u64(rec, sides[i].number));
		else
			snprintf(first, sizeof(first), "  %c     ", sides[i].name);
		emt_text_para(t, first, 8, emt_rec_get_str(rec, sides[i].text));
	}
	return 0;
}

int emt_layout_check_total(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	uint64_t differ = emt_rec_get_u64(rec, CTOTAL_DIFFER), listed = emt_rec_get_u64(rec, CTOTAL_LISTED);

	(void)variant;
	if (listed < differ)
		emt_text_printf(t, "(%llu of %llu differences listed; --all lists each)\n",
				(unsigned long long)listed, (unsigned long long)differ);
	emt_text_printf(t, "%llu results, %llu differ\n",
			(unsigned long long)emt_rec_get_u64(rec, CTOTAL_RESULTS), (unsigned long long)differ);
	return 0;
}
