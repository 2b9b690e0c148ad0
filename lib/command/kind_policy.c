/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/kind_policy.h"

#include <stdio.h>

#include "command/layout.h"

#define SHOWN EMT_COLF_SHOWN
#define NUL EMT_COLF_NULL
#define WRAP EMT_COLF_WRAP

static enum emt_style style_defect(const char *text)
{
	switch (*text) {
	case 's': case 'c': return EMT_STYLE_BAD;   /* security, corruption */
	case 'p': return EMT_STYLE_WARN;            /* performance */
	default: return EMT_STYLE_NONE;
	}
}

static const char *hv_name(unsigned int hv)
{
	return hv == EMT_HV_KVM ? "kvm" : "xen";
}

/* ---- defects ---- */

static const struct emt_column defect_columns[DEF_NR] = {
	[DEF_ID] = EMT_COLUMN("id", EMT_COL_STRING, SHOWN, "id of the defect"),
	[DEF_TITLE] = EMT_COLUMN("title", EMT_COL_STRING, SHOWN, "what it is"),
	[DEF_SEVERITY] = EMT_COLUMN("severity", EMT_COL_STRING, SHOWN, "what it can do",
				    .word = emt_defect_severity_name, .nr_words = 4, .style = style_defect),
	[DEF_ENTRIES] = EMT_COLUMN("entries", EMT_COL_STRING, 0, "entries it concerns"),
	[DEF_HARM] = EMT_COLUMN("harm", EMT_COL_STRING, 0, "harm done"),
	[DEF_RELEASES] = EMT_COLUMN("releases", EMT_COL_STRING, 0, "releases that have it"),
	[DEF_FIXED_BY] = EMT_COLUMN("fixed_by", EMT_COL_STRING, SHOWN | NUL,
				    "commit or advisory; open if there is none yet"),
	[DEF_FIXED_IN] = EMT_COLUMN("fixed_in", EMT_COL_STRING, SHOWN | NUL | WRAP,
				    "first releases with the fix; null while open"),
};
const struct emt_record_kind emt_kind_defect = {
	.name = "defect", .schema = "emt.defect", .help = "a rule that a later release fixed",
	.columns = defect_columns, .nr_columns = DEF_NR, .layout = emt_layout_defect,
};

void emt_fill_defect(struct emt_rec *rec, const struct emt_defect *d)
{
	emt_rec_str(rec, DEF_ID, d->id);
	emt_rec_str(rec, DEF_TITLE, d->title);
	emt_rec_str(rec, DEF_SEVERITY, emt_defect_severity_name(d->severity));
	emt_rec_str(rec, DEF_ENTRIES, d->entries);
	emt_rec_str(rec, DEF_HARM, d->harm);
	emt_rec_str(rec, DEF_RELEASES, d->releases);
	emt_rec_text(rec, DEF_FIXED_BY, d->fixed_by);
	emt_rec_text(rec, DEF_FIXED_IN, d->fixed_in);
}

/* ---- rule sets and releases ---- */

static const struct emt_column ruleset_columns[SET_NR] = {
	[SET_RELEASES] = EMT_COLUMN("releases", EMT_COL_STRING, SHOWN, "releases that share these rules"),
	[SET_HYPERVISOR] =
		EMT_COLUMN("hypervisor", EMT_COL_STRING, SHOWN, "xen or kvm", .word = hv_name, .nr_words = 2),
	[SET_NAME] = EMT_COLUMN("name", EMT_COL_STRING, SHOWN, "what is particular about them"),
	[SET_RULES] = EMT_COLUMN("rules", EMT_COL_NUMBER, SHOWN, "rules in the list"),
	[SET_SUPERPAGES] = EMT_COLUMN("superpages", EMT_COL_BOOL, 0,
				      "a superpage is judged as a whole, not by its first frame"),
	[SET_PENDING] = EMT_COLUMN("pending", EMT_COL_BOOL, 0, "EMT 7 means: recompute when next touched"),
	[SET_DEFECTS] = EMT_COLUMN("defects", EMT_COL_STRINGS, SHOWN | WRAP,
				   "known defects of the newest release among them", .join = " "),
};
const struct emt_record_kind emt_kind_ruleset = {
	.name = "ruleset", .schema = "emt.ruleset", .help = "releases that share one list of rules",
	.columns = ruleset_columns, .nr_columns = SET_NR,
};

void emt_fill_ruleset(struct emt_rec *rec, const struct emt_era *era, emt_defect_mask defects)
{
	emt_rec_str(rec, SET_RELEASES, era->releases);
	emt_rec_str(rec, SET_HYPERVISOR, hv_name(era->hv));
	emt_rec_str(rec, SET_NAME, era->name);
	emt_rec_u64(rec, SET_RULES, era->nr_rules);
	emt_rec_bool(rec, SET_SUPERPAGES, era->order_aware);
	emt_rec_bool(rec, SET_PENDING, era->lazy);
	emt_rec_list(rec, SET_DEFECTS);
	for (size_t i = 0; i < emt_nr_defects; i++)
		if (defects & (1u << i))
			emt_rec_add_str(rec, SET_DEFECTS, emt_defects[i].id);
}

static const char *iommu_word(unsigned int i)
{
	static const char *const words[] = { "global", "global_and_caps", "domain" };

	return i < EMT_ARRAY_SIZE(words) ? words[i] : "domain";
}

static const struct emt_column release_columns[REL_NR] = {
	[REL_RELEASE] = EMT_COLUMN("release", EMT_COL_STRING, SHOWN, "release asked for"),
	[REL_HYPERVISOR] =
		EMT_COLUMN("hypervisor", EMT_COL_STRING, SHOWN, "xen or kvm", .word = hv_name, .nr_words = 2),
	[REL_RELEASES] = EMT_COLUMN("releases", EMT_COL_STRING, SHOWN, "releases that share its rules"),
	[REL_NAME] = EMT_COLUMN("name", EMT_COL_STRING, SHOWN, "what is particular about them"),
	[REL_EXACT] = EMT_COLUMN("exact", EMT_COL_BOOL, 0, "false: newer than any release known"),
	[REL_RULES] = EMT_COLUMN("rules", EMT_COL_NUMBER, 0, "rules in the list"),
	[REL_SUPERPAGES] = EMT_COLUMN("superpages", EMT_COL_BOOL, 0,
				      "a superpage is judged as a whole, not by its first frame"),
	[REL_PENDING] = EMT_COLUMN("pending", EMT_COL_BOOL, 0, "EMT 7 means: recompute when next touched"),
	[REL_IOMMU_TEST] = EMT_COLUMN("iommu_test", EMT_COL_STRING, NUL,
				      "how it tests that a domain uses the IOMMU; null for KVM",
				      .word = iommu_word, .nr_words = 3),
};
const struct emt_record_kind emt_kind_release = {
	.name = "release", .schema = "emt.release", .help = "a hypervisor release and the rules it follows",
	.columns = release_columns, .nr_columns = REL_NR, .layout = emt_layout_ruleset,
};

void emt_fill_release(struct emt_rec *rec, const struct emt_release *rel)
{
	emt_rec_str(rec, REL_RELEASE, rel->text);
	emt_rec_str(rec, REL_HYPERVISOR, hv_name(rel->era->hv));
	emt_rec_str(rec, REL_RELEASES, rel->era->releases);
	emt_rec_str(rec, REL_NAME, rel->era->name);
	emt_rec_bool(rec, REL_EXACT, rel->exact);
	emt_rec_u64(rec, REL_RULES, rel->era->nr_rules);
	emt_rec_bool(rec, REL_SUPERPAGES, rel->era->order_aware);
	emt_rec_bool(rec, REL_PENDING, rel->era->lazy);
	if (rel->era->hv == EMT_HV_XEN)
		emt_rec_str(rec, REL_IOMMU_TEST, iommu_word(rel->era->iommu));
}

/* ---- rules ---- */

static const struct emt_column rule_columns[RULE_NR] = {
	[RULE_NUMBER] = EMT_COLUMN("number", EMT_COL_NUMBER, SHOWN,
				   "place in the list: the first that fires decides"),
	[RULE_ID] = EMT_COLUMN("id", EMT_COL_STRING, SHOWN, "short name"),
	[RULE_TEXT] = EMT_COLUMN("text", EMT_COL_STRING, SHOWN | WRAP, "what it says"),
	[RULE_CONDITIONS] =
		EMT_COLUMN("conditions", EMT_COL_STRINGS, 0, "when it fires; none: always", .join = " and "),
	[RULE_GIVES] = EMT_COLUMN("gives", EMT_COL_STRING, SHOWN, "what it gives"),
	[RULE_COMMIT] =
		EMT_COLUMN("commit", EMT_COL_STRING, SHOWN | NUL, "commit that brought or last changed it"),
};
const struct emt_record_kind emt_kind_rule = {
	.name = "rule", .schema = "emt.rule", .help = "one rule of a release's list",
	.columns = rule_columns, .nr_columns = RULE_NR, .layout = emt_layout_rule,
};

const char *emt_rule_gives(const struct emt_rule *rule)
{
	switch (rule->action) {
	case EMT_ACT_FIXED: return emt_outcome_name(rule->out);
	case EMT_ACT_PIN: return "the pinned type, ipat set";
	case EMT_ACT_PIN_RAW: return "the pinned type as it is";
	case EMT_ACT_MERGE: return "guest and host MTRR types merged";
	case EMT_ACT_MIN: return "the smaller of guest and host MTRR types";
	default: return "the guest MTRR type";
	}
}

void emt_fill_rule(struct emt_rec *rec, const struct emt_rule *rule, unsigned int number)
{
	char set[160], text[240];
	bool most;

	emt_rec_u64(rec, RULE_NUMBER, number);
	emt_rec_str(rec, RULE_ID, rule->id);
	emt_rec_str(rec, RULE_TEXT, rule->text);
	emt_rec_list(rec, RULE_CONDITIONS);
	for (unsigned int i = 0; i < EMT_RULE_CONDS && rule->cond[i].set; i++) {
		uint16_t values = rule->cond[i].set;

		/* All p2m types but a few are said by naming the few. */
		most = rule->cond[i].atom == EMT_ATOM_TYPE && __builtin_popcount(values) > EMT_P2M_NR / 2;
		if (most)
			values = (uint16_t)~values;
		snprintf(text, sizeof(text), "%s: %s%s", emt_atom_name(rule->cond[i].atom),
			 most ? "not " : "", emt_atom_set_text(rule->cond[i].atom, values, set, sizeof(set)));
		emt_rec_add_str(rec, RULE_CONDITIONS, text);
	}
	emt_rec_str(rec, RULE_GIVES, emt_rule_gives(rule));
	emt_rec_str(rec, RULE_COMMIT, rule->cite);
}

/* ---- comparison ---- */

const char *emt_change_name(unsigned int change)
{
	static const char *const names[CHANGE_NR] = { "added", "removed", "moved", "changed" };

	return change < CHANGE_NR ? names[change] : "changed";
}

static const struct emt_column rule_change_columns[CHG_NR] = {
	[CHG_CHANGE] = EMT_COLUMN("change", EMT_COL_STRING, SHOWN, "from A to B", .word = emt_change_name,
				  .nr_words = CHANGE_NR),
	[CHG_ID] =
		EMT_COLUMN("id", EMT_COL_STRING, SHOWN, "short name of the rule, or of what rules look at"),
	[CHG_NUMBER_A] = EMT_COLUMN("number_a", EMT_COL_NUMBER, SHOWN | NUL,
				    "its place in A; null if A lacks it, or for what rules look at"),
	[CHG_NUMBER_B] = EMT_COLUMN("number_b", EMT_COL_NUMBER, SHOWN | NUL,
				    "its place in B; null if B lacks it, or for what rules look at"),
	[CHG_TEXT_A] = EMT_COLUMN("text_a", EMT_COL_STRING, NUL, "what it says in A"),
	[CHG_TEXT_B] = EMT_COLUMN("text_b", EMT_COL_STRING, NUL, "what it says in B"),
	[CHG_GIVES_A] = EMT_COLUMN("gives_a", EMT_COL_STRING, SHOWN | NUL, "what it gives in A"),
	[CHG_GIVES_B] = EMT_COLUMN("gives_b", EMT_COL_STRING, SHOWN | NUL, "what it gives in B"),
	[CHG_COMMIT] = EMT_COLUMN("commit", EMT_COL_STRING, SHOWN | NUL, "commit behind the newer form"),
};
const struct emt_record_kind emt_kind_rule_change = {
	.name = "rule_change",
	.schema = "emt.rule_change",
	.help = "a rule that differs between two releases",
	.columns = rule_change_columns,
	.nr_columns = CHG_NR,
	.layout = emt_layout_rule_change,
};

const char *emt_defect_change_name(unsigned int change)
{
	return change ? "introduced" : "fixed";
}

static const struct emt_column defect_change_columns[DCHG_NR] = {
	[DCHG_CHANGE] = EMT_COLUMN("change", EMT_COL_STRING, SHOWN, "from A to B",
				   .word = emt_defect_change_name, .nr_words = 2),
	[DCHG_ID] = EMT_COLUMN("id", EMT_COL_STRING, SHOWN, "id of the defect"),
	[DCHG_TITLE] = EMT_COLUMN("title", EMT_COL_STRING, SHOWN, "what it is"),
	[DCHG_SEVERITY] = EMT_COLUMN("severity", EMT_COL_STRING, SHOWN, "what it can do",
				     .word = emt_defect_severity_name, .nr_words = 4, .style = style_defect),
	[DCHG_HARM] = EMT_COLUMN("harm", EMT_COL_STRING, 0, "harm done"),
	[DCHG_FIXED_BY] = EMT_COLUMN("fixed_by", EMT_COL_STRING, SHOWN | NUL, "commit or advisory"),
	[DCHG_FIXED_IN] = EMT_COLUMN("fixed_in", EMT_COL_STRING, NUL, "first releases with the fix"),
};
const struct emt_record_kind emt_kind_defect_change = {
	.name = "defect_change",
	.schema = "emt.defect_change",
	.help = "a defect fixed or introduced between two releases",
	.columns = defect_change_columns,
	.nr_columns = DCHG_NR,
};

/* ---- check ---- */

static const struct emt_column difference_columns[DIFF_NR] = {
	[DIFF_FILE] = EMT_COLUMN("file", EMT_COL_STRING, SHOWN, "vector file"),
	[DIFF_LINE] = EMT_COLUMN("line", EMT_COL_NUMBER, SHOWN, "line in it"),
	[DIFF_ID] = EMT_COLUMN("id", EMT_COL_STRING, SHOWN, "scenario"),
	[DIFF_QUERY] = EMT_COLUMN("query", EMT_COL_STRING, SHOWN, "what was asked"),
	[DIFF_RELEASE] = EMT_COLUMN("release", EMT_COL_STRING, SHOWN, "release, variant or layout"),
	[DIFF_EXPECTED] = EMT_COLUMN("expected", EMT_COL_STRING, SHOWN, "what the file says"),
	[DIFF_GOT] = EMT_COLUMN("got", EMT_COL_STRING, SHOWN, "what the rules say"),
};
const struct emt_record_kind emt_kind_difference = {
	.name = "difference", .schema = "emt.difference", .help = "a result that differs from its vector",
	.columns = difference_columns, .nr_columns = DIFF_NR,
};

static const char *format_word(unsigned int i)
{
	static const char *const words[] = { "emt-xen", "emt-kvm", "epte-decode", "empty" };

	return i < EMT_ARRAY_SIZE(words) ? words[i] : "empty";
}

static const struct emt_column check_file_columns[CFILE_NR] = {
	[CFILE_FILE] = EMT_COLUMN("file", EMT_COL_STRING, SHOWN, "vector file"),
	[CFILE_FORMAT] = EMT_COLUMN("format", EMT_COL_STRING, SHOWN, "what it holds", .word = format_word,
				    .nr_words = 4),
	[CFILE_LINES] = EMT_COLUMN("lines", EMT_COL_NUMBER, SHOWN, "lines read"),
	[CFILE_RESULTS] = EMT_COLUMN("results", EMT_COL_NUMBER, SHOWN, "results compared"),
	[CFILE_DIFFER] = EMT_COLUMN("differ", EMT_COL_NUMBER, SHOWN, "results that differ"),
};
const struct emt_record_kind emt_kind_check_file = {
	.name = "check_file", .schema = "emt.check_file", .help = "one vector file compared",
	.columns = check_file_columns, .nr_columns = CFILE_NR,
};

static const struct emt_column check_total_columns[CTOTAL_NR] = {
	[CTOTAL_RESULTS] = EMT_COLUMN("results", EMT_COL_NUMBER, SHOWN, "results compared"),
	[CTOTAL_DIFFER] = EMT_COLUMN("differ", EMT_COL_NUMBER, SHOWN, "results that differ"),
	[CTOTAL_LISTED] = EMT_COLUMN("listed", EMT_COL_NUMBER, 0, "of these, how many were listed"),
};
const struct emt_record_kind emt_kind_check_total = {
	.name = "check_total", .schema = "emt.check_total", .help = "all vector files together",
	.columns = check_total_columns, .nr_columns = CTOTAL_NR, .layout = emt_layout_check_total,
};
