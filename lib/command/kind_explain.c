/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/kind_explain.h"

#include <stdio.h>

#include "command/kind_audit.h"
#include "command/kind_policy.h"
#include "command/kind_run.h"
#include "command/layout.h"

#define SHOWN EMT_COLF_SHOWN
#define NUL EMT_COLF_NULL

static const struct emt_column seen_columns[SEEN_NR] = {
	[SEEN_WHAT] = EMT_COLUMN("what", EMT_COL_STRING, SHOWN, "what the rule looks at"),
	[SEEN_VALUE] = EMT_COLUMN("value", EMT_COL_STRING, SHOWN, "what it saw"),
	[SEEN_HELD] =
		EMT_COLUMN("held", EMT_COL_STRING, SHOWN, "how firmly", .word = emt_held_name, .nr_words = 3),
	[SEEN_FACT] =
		EMT_COLUMN("fact", EMT_COL_STRING, NUL, "fact behind it; null when it is the entry itself"),
	[SEEN_ORIGIN] = EMT_COLUMN("origin", EMT_COL_STRING, NUL, "who says so"),
	[SEEN_DETAIL] = EMT_COLUMN("detail", EMT_COL_STRING, NUL, "where exactly it comes from"),
};
static const struct emt_record_kind kind_seen = {
	.name = "seen", .schema = "emt.seen", .help = "something a rule looked at",
	.columns = seen_columns, .nr_columns = SEEN_NR,
};

static const char *result_word(unsigned int i)
{
	static const char *const words[] = { "no", "maybe", "decides" };

	return i < EMT_ARRAY_SIZE(words) ? words[i] : "no";
}

static const struct emt_column step_columns[STEP_NR] = {
	[STEP_NUMBER] = EMT_COLUMN("number", EMT_COL_NUMBER, SHOWN, "place in the release's list"),
	[STEP_ID] = EMT_COLUMN("id", EMT_COL_STRING, SHOWN, "short name of the rule"),
	[STEP_TEXT] = EMT_COLUMN("text", EMT_COL_STRING, 0, "what it says"),
	[STEP_RESULT] = EMT_COLUMN("result", EMT_COL_STRING, SHOWN, "whether it fires", .word = result_word,
				   .nr_words = 3),
	[STEP_GIVES] =
		EMT_COLUMN("gives", EMT_COL_STRINGS, SHOWN, "what it gives where it fires", .join = " or "),
	[STEP_COMMIT] = EMT_COLUMN("commit", EMT_COL_STRING, NUL, "commit that brought or last changed it"),
	[STEP_SEEN] =
		EMT_COLUMN("seen", EMT_COL_LIST, 0, "what it looked at", .sub = &kind_seen, .join = "; "),
};
static const struct emt_record_kind kind_step = {
	.name = "step", .schema = "emt.step", .help = "a rule tried on an entry",
	.columns = step_columns, .nr_columns = STEP_NR,
};

static const struct emt_column eff_columns[EFF_NR] = {
	[EFF_PAT] = EMT_COLUMN("pat", EMT_COL_STRING, SHOWN, "type that the guest's page tables choose"),
	[EFF_TYPE] = EMT_COLUMN("type", EMT_COL_STRING, SHOWN | NUL,
				"type that the CPU uses; null while the entry is pending"),
};

static void eff_cell(const struct emt_rec *rec, char *out, size_t room);

static const struct emt_record_kind kind_effective = {
	.name = "effective",
	.schema = "emt.effective",
	.help = "effective type under one type of the guest's PAT",
	.columns = eff_columns,
	.nr_columns = EFF_NR,
	.cell = eff_cell,
};

static void eff_cell(const struct emt_rec *rec, char *out, size_t room)
{
	char type[8];

	emt_rec_cell(rec, EFF_TYPE, true, type, sizeof(type));
	snprintf(out, room, "%s->%s", emt_rec_get_str(rec, EFF_PAT), type);
}

static const struct emt_column quirk_columns[QUIRK_NR] = {
	[QUIRK_ID] = EMT_COLUMN("id", EMT_COL_STRING, SHOWN, "id"),
	[QUIRK_TEXT] = EMT_COLUMN("text", EMT_COL_STRING, SHOWN, "what is peculiar"),
};
static const struct emt_record_kind kind_quirk = {
	.name = "quirk", .schema = "emt.quirk", .help = "a peculiarity of the release that had a part in it",
	.columns = quirk_columns, .nr_columns = QUIRK_NR,
};

static const struct emt_column need_columns[NEED_NR] = {
	[NEED_FACT] = EMT_COLUMN("fact", EMT_COL_STRING, SHOWN, "name of the fact"),
	[NEED_HELP] = EMT_COLUMN("help", EMT_COL_STRING, 0, "what it is"),
	[NEED_ORIGIN] = EMT_COLUMN("origin", EMT_COL_STRING, NUL, "who says so, if anybody does"),
	[NEED_HOW] = EMT_COLUMN("how", EMT_COL_STRING, 0, "how to get it"),
};
static const struct emt_record_kind kind_need = {
	.name = "need", .schema = "emt.need", .help = "a fact that a verdict rests on or lacks",
	.columns = need_columns, .nr_columns = NEED_NR,
};

static const struct emt_column columns[EXPL_NR] = {
	[EXPL_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, SHOWN, "domain id"),
	[EXPL_NAME] = EMT_COLUMN("name", EMT_COL_STRING, NUL, "name of the domain"),
	[EXPL_RELEASE] = EMT_COLUMN("release", EMT_COL_STRING, 0, "release whose rules were used"),
	[EXPL_TIME] = EMT_COLUMN("time", EMT_COL_TIME, NUL, "when the entry was read"),
	[EXPL_SOURCE] = EMT_COLUMN("source", EMT_COL_STRING, 0, "source it was read from"),
	[EXPL_GFN] = EMT_COLUMN("gfn", EMT_COL_FRAME, SHOWN, "frame asked about", .unit = "gfn"),
	[EXPL_MAPPED] = EMT_COLUMN("mapped", EMT_COL_BOOL, SHOWN, "an entry maps it"),
	[EXPL_VERDICT] =
		EMT_COLUMN("verdict", EMT_COL_STRING, SHOWN | NUL, "verdict; null when nothing maps it",
			   .word = emt_verdict_name, .nr_words = EMT_V_NR, .style = emt_style_verdict),
	[EXPL_SEVERITY] = EMT_COLUMN("severity", EMT_COL_STRING, NUL, "level of the verdict",
				     .word = emt_severity_name, .nr_words = EMT_SEV_NR),
	[EXPL_TEXT] = EMT_COLUMN("text", EMT_COL_STRING, SHOWN | EMT_COLF_WRAP, "the verdict in a sentence"),
	[EXPL_ENTRY] = EMT_COLUMN("entry", EMT_COL_OBJECT, NUL, "the entry; null when nothing maps it",
				  .sub = &emt_kind_run),
	[EXPL_ABOVE] =
		EMT_COLUMN("above", EMT_COL_LIST, 0,
			   "intermediate entries above it, where the source has them", .sub = &emt_kind_run),
	[EXPL_RULES] = EMT_COLUMN("rules", EMT_COL_LIST, 0, "rules tried, in order", .sub = &kind_step),
	[EXPL_EFFECTIVE] = EMT_COLUMN("effective", EMT_COL_LIST, 0,
				      "what the CPU uses under each type of the guest's PAT",
				      .sub = &kind_effective, .join = ", "),
	[EXPL_DEFECTS] = EMT_COLUMN("defects", EMT_COL_LIST, 0, "known defects that concern it",
				    .sub = &emt_kind_defect),
	[EXPL_QUIRKS] = EMT_COLUMN("quirks", EMT_COL_LIST, 0, "peculiarities that had a part in it",
				   .sub = &kind_quirk),
	[EXPL_ASSUMED] = EMT_COLUMN("assumed", EMT_COL_LIST, 0, "assumed facts that the verdict rests on",
				    .sub = &kind_need),
	[EXPL_MISSING] =
		EMT_COLUMN("missing", EMT_COL_LIST, 0, "unknown facts that would decide", .sub = &kind_need),
	[EXPL_NEAREST_BEFORE] =
		EMT_COLUMN("nearest_before", EMT_COL_OBJECT, NUL, "run before a frame that nothing maps",
			   .sub = &emt_kind_gfn_range),
	[EXPL_NEAREST_AFTER] = EMT_COLUMN("nearest_after", EMT_COL_OBJECT, NUL,
					  "run after a frame that nothing maps", .sub = &emt_kind_gfn_range),
};
const struct emt_record_kind emt_kind_explanation = {
	.name = "explanation", .schema = "emt.explanation", .help = "why an entry is what it is",
	.columns = columns, .nr_columns = EXPL_NR, .layout = emt_layout_explanation,
};

static void fill_seen(struct emt_rec *rec, const struct emt_seen *s)
{
	emt_rec_str(rec, SEEN_WHAT, s->atom);
	emt_rec_str(rec, SEEN_VALUE, s->value);
	emt_rec_str(rec, SEEN_HELD, emt_held_name(s->held));
	emt_rec_str(rec, SEEN_FACT, s->fact);
	emt_rec_text(rec, SEEN_ORIGIN, s->origin);
	emt_rec_text(rec, SEEN_DETAIL, s->detail);
}

static void fill_step(struct emt_rec *rec, const struct emt_step *s, unsigned int number)
{
	emt_rec_u64(rec, STEP_NUMBER, number);
	emt_rec_str(rec, STEP_ID, s->rule->id);
	emt_rec_str(rec, STEP_TEXT, s->rule->text);
	emt_rec_str(rec, STEP_RESULT, result_word(s->result));
	emt_fill_outcomes(rec, STEP_GIVES, s->gives);
	emt_rec_str(rec, STEP_COMMIT, s->rule->cite);
	emt_rec_list(rec, STEP_SEEN);
	for (unsigned int i = 0; i < s->nr_seen; i++)
		fill_seen(emt_rec_add(rec, STEP_SEEN), &s->seen[i]);
}

static void fill_needs(struct emt_rec *rec, unsigned int col, const enum emt_fact_id *ids, unsigned int n,
		       const struct emt_facts *f)
{
	emt_rec_list(rec, col);
	for (unsigned int i = 0; i < n; i++) {
		struct emt_rec *r = emt_rec_add(rec, col);

		emt_rec_str(r, NEED_FACT, emt_fact_descs[ids[i]].name);
		emt_rec_str(r, NEED_HELP, emt_fact_descs[ids[i]].help);
		emt_rec_str(r, NEED_ORIGIN, f->prov[ids[i]].origin);
		emt_rec_str(r, NEED_HOW, emt_fact_descs[ids[i]].how);
	}
}

void emt_fill_explanation(struct emt_rec *rec, const struct emt_explanation *x, const struct emt_facts *f,
			  uint32_t domid)
{
	emt_rec_str(rec, EXPL_VERDICT, emt_verdict_name(x->piece.verdict));
	emt_rec_str(rec, EXPL_SEVERITY, emt_severity_name(emt_verdict_severity(x->piece.verdict)));
	emt_rec_str(rec, EXPL_TEXT, x->verdict_text);
	emt_fill_run(emt_rec_add(rec, EXPL_ENTRY), &x->piece, domid, !(x->piece.run.flags & EMT_RUN_POD));
	for (unsigned int i = 0; i < x->nr_steps; i++)
		fill_step(emt_rec_add(rec, EXPL_RULES), &x->steps[i], i + 1);
	for (unsigned int i = 0; i < EMT_ARRAY_SIZE(emt_explain_pats); i++) {
		unsigned int pat = emt_explain_pats[i];
		struct emt_rec *r;

		if (!x->effective[i][0])
			continue;
		r = emt_rec_add(rec, EXPL_EFFECTIVE);
		emt_rec_str(r, EFF_PAT, pat == EMT_MT_7 ? "UC-" : emt_mt_name(pat));
		emt_rec_str(r, EFF_TYPE, x->effective[i][0] == '?' ? NULL : x->effective[i]);
	}
	for (size_t i = 0; i < emt_nr_defects; i++)
		if (x->piece.defects & (1u << i))
			emt_fill_defect(emt_rec_add(rec, EXPL_DEFECTS), &emt_defects[i]);
	for (unsigned int i = 0; i < x->nr_quirks; i++) {
		struct emt_rec *r = emt_rec_add(rec, EXPL_QUIRKS);

		emt_rec_str(r, QUIRK_ID, x->quirks[i]->id);
		emt_rec_str(r, QUIRK_TEXT, x->quirks[i]->text);
	}
	fill_needs(rec, EXPL_ASSUMED, x->assumed, x->nr_assumed, f);
	fill_needs(rec, EXPL_MISSING, x->missing, x->nr_missing, f);
}
