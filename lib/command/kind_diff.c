/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/kind_diff.h"

#include <stdio.h>
#include <string.h>

#include "command/kind_audit.h"
#include "command/kind_change.h"

#define SHOWN EMT_COLF_SHOWN
#define NUL EMT_COLF_NULL

/* ---- domain ---- */

static const struct emt_column count_columns[DCNT_NR] = {
	[DCNT_CHANGE] = EMT_COLUMN("change", EMT_COL_STRING, SHOWN, "what changed",
				   .word = emt_diff_change_name, .nr_words = EMT_DIFF_NR),
	[DCNT_BYTES] = EMT_COLUMN("bytes", EMT_COL_BYTES, SHOWN, "guest memory concerned", .unit = "bytes"),
};
const struct emt_record_kind emt_kind_diff_count = {
	.name = "diff_count", .schema = "emt.diff_count", .help = "guest memory by what changed about it",
	.columns = count_columns, .nr_columns = DCNT_NR,
};

static const struct emt_column domain_columns[DDOM_NR] = {
	[DDOM_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, SHOWN, "domain id in the older walk"),
	[DDOM_DOMAIN_AFTER] = EMT_COLUMN("domain_after", EMT_COL_NUMBER, 0, "domain id in the newer walk"),
	[DDOM_NAME] = EMT_COLUMN("name", EMT_COL_STRING, SHOWN | NUL, "name; null when not known"),
	[DDOM_GENERATION_BEFORE] =
		EMT_COLUMN("generation_before", EMT_COL_NUMBER, 0, "which walk is the older"),
	[DDOM_GENERATION_AFTER] =
		EMT_COLUMN("generation_after", EMT_COL_NUMBER, 0, "which walk is the newer"),
	[DDOM_LABEL_BEFORE] = EMT_COLUMN("label_before", EMT_COL_STRING, NUL, "label of the older walk"),
	[DDOM_LABEL_AFTER] = EMT_COLUMN("label_after", EMT_COL_STRING, NUL, "label of the newer walk"),
	[DDOM_TIME_BEFORE] =
		EMT_COLUMN("time_before", EMT_COL_TIME, SHOWN | NUL, "when the older walk was taken"),
	[DDOM_TIME_AFTER] =
		EMT_COLUMN("time_after", EMT_COL_TIME, SHOWN | NUL, "when the newer walk was taken"),
	[DDOM_BYTES_BEFORE] = EMT_COLUMN("bytes_before", EMT_COL_BYTES, SHOWN, "guest memory mapped before",
					 .unit = "bytes"),
	[DDOM_BYTES_AFTER] =
		EMT_COLUMN("bytes_after", EMT_COL_BYTES, SHOWN, "guest memory mapped after", .unit = "bytes"),
	[DDOM_SAME_BYTES] =
		EMT_COLUMN("same_bytes", EMT_COL_BYTES, 0, "of it nothing changed", .unit = "bytes"),
	[DDOM_CHANGED_BYTES] =
		EMT_COLUMN("changed_bytes", EMT_COL_BYTES, SHOWN, "something changed", .unit = "bytes"),
	[DDOM_CHANGES] =
		EMT_COLUMN("changes", EMT_COL_LIST, 0, "by what changed; a page may count more than once",
			   .sub = &emt_kind_diff_count, .join = ", "),
	[DDOM_NOT_LISTED_BYTES] =
		EMT_COLUMN("not_listed_bytes", EMT_COL_BYTES, 0,
			   "changed memory of groups there was no room for", .unit = "bytes"),
	[DDOM_JUDGED] = EMT_COLUMN("judged", EMT_COL_BOOL, 0, "verdicts and findings were compared too"),
	[DDOM_FLUSHES] = EMT_COLUMN("flushes", EMT_COL_STRING, 0,
				    "were changes judged by the flush rules: judged, or why not",
				    .word = emt_flush_not_name, .nr_words = EMT_FLUSH_NOT_NR),
	[DDOM_COMPLETE] = EMT_COLUMN("complete", EMT_COL_BOOL, 0, "everything was read"),
};

static int layout_domain(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	static const struct {
		unsigned int label, time, bytes;
		const char *word;
	} sides[] = { { DDOM_LABEL_BEFORE, DDOM_TIME_BEFORE, DDOM_BYTES_BEFORE, "before" },
		      { DDOM_LABEL_AFTER, DDOM_TIME_AFTER, DDOM_BYTES_AFTER, "after" } };
	uint64_t domid = emt_rec_get_u64(rec, DDOM_DOMAIN), after = emt_rec_get_u64(rec, DDOM_DOMAIN_AFTER);
	char text[80], n[32];

	(void)variant;
	emt_text_gap(t);
	snprintf(text, sizeof(text), "domain %llu", (unsigned long long)domid);
	emt_text_puts(t, EMT_STYLE_STRONG, text);
	if (after != domid)
		emt_text_printf(t, " and %llu", (unsigned long long)after);
	if (emt_rec_has(rec, DDOM_NAME))
		emt_text_printf(t, " (%s)", emt_rec_get_str(rec, DDOM_NAME));
	if (emt_rec_get_u64(rec, DDOM_CHANGED_BYTES))
		emt_text_printf(t, ": %s changed\n",
				emt_fmt_bytes(emt_rec_get_u64(rec, DDOM_CHANGED_BYTES), n, sizeof(n)));
	else
		emt_text_printf(t, ": no page changed\n");
	for (size_t i = 0; i < EMT_ARRAY_SIZE(sides); i++) {
		emt_text_printf(t, "  %-7s %s", sides[i].word,
				emt_fmt_bytes(emt_rec_get_u64(rec, sides[i].bytes), n, sizeof(n)));
		if (emt_rec_has(rec, sides[i].label))
			emt_text_printf(t, ", \"%s\"", emt_rec_get_str(rec, sides[i].label));
		if (emt_rec_has(rec, sides[i].time))
			emt_text_printf(
				t, ", taken %s",
				emt_fmt_time(emt_rec_get_time(rec, sides[i].time), text, sizeof(text)));
		emt_text_printf(t, "\n");
	}
	for (size_t i = 0; i < emt_rec_count(rec, DDOM_CHANGES); i++) {
		const struct emt_rec *c = emt_rec_at(rec, DDOM_CHANGES, i);

		emt_text_printf(t, "%s%s %s", i ? ", " : "  ", emt_rec_get_str(c, DCNT_CHANGE),
				emt_fmt_bytes(emt_rec_get_u64(c, DCNT_BYTES), n, sizeof(n)));
	}
	if (emt_rec_count(rec, DDOM_CHANGES))
		emt_text_printf(t, "\n");
	if (emt_rec_get_u64(rec, DDOM_NOT_LISTED_BYTES))
		emt_text_printf(t, "  %s more changed in too many ways to list\n",
				emt_fmt_bytes(emt_rec_get_u64(rec, DDOM_NOT_LISTED_BYTES), n, sizeof(n)));
	if (!emt_rec_get_bool(rec, DDOM_JUDGED))
		emt_text_para(t, "  ", 2,
			      "No verdicts: the release is not known on both sides; --release names one.");
	if (!emt_rec_get_bool(rec, DDOM_COMPLETE))
		emt_text_para(t, "  ", 2,
			      "One of the walks is incomplete: what is missing shows as added or removed.");
	return 0;
}

const struct emt_record_kind emt_kind_diff_domain = {
	.name = "diff_domain", .schema = "emt.diff_domain", .help = "a domain at two instants",
	.columns = domain_columns, .nr_columns = DDOM_NR, .layout = layout_domain,
};

/* ---- groups ---- */

static const struct emt_column group_columns[DGRP_NR] = {
	[DGRP_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, 0, "domain id in the older walk"),
	[DGRP_CHANGES] = EMT_COLUMN("changes", EMT_COL_STRINGS, SHOWN, "what changed",
				    .word = emt_diff_change_name, .nr_words = EMT_DIFF_NR),
	[DGRP_TYPE_BEFORE] =
		EMT_COLUMN("type_before", EMT_COL_STRING, SHOWN | NUL, "type as key D prints it"),
	[DGRP_TYPE_AFTER] = EMT_COLUMN("type_after", EMT_COL_STRING, SHOWN | NUL, "type as key D prints it"),
	[DGRP_VERDICT_BEFORE] =
		EMT_COLUMN("verdict_before", EMT_COL_STRING, SHOWN | NUL, "verdict; null if not judged",
			   .word = emt_verdict_name, .nr_words = EMT_V_NR, .style = emt_style_verdict),
	[DGRP_VERDICT_AFTER] =
		EMT_COLUMN("verdict_after", EMT_COL_STRING, SHOWN | NUL, "verdict; null if not judged",
			   .word = emt_verdict_name, .nr_words = EMT_V_NR, .style = emt_style_verdict),
	[DGRP_PERM_BEFORE] = EMT_COLUMN("permissions_before", EMT_COL_STRING, NUL, "permissions"),
	[DGRP_PERM_AFTER] = EMT_COLUMN("permissions_after", EMT_COL_STRING, NUL, "permissions"),
	[DGRP_ORDER_BEFORE] =
		EMT_COLUMN("order_before", EMT_COL_NUMBER, NUL, "0, 9 or 18: 4 KiB, 2 MiB, 1 GiB"),
	[DGRP_ORDER_AFTER] =
		EMT_COLUMN("order_after", EMT_COL_NUMBER, NUL, "0, 9 or 18: 4 KiB, 2 MiB, 1 GiB"),
	[DGRP_P2MT_BEFORE] =
		EMT_COLUMN("p2m_type_before", EMT_COL_STRING, NUL, "p2m type as the source shows it",
			   .word = emt_p2mt_name, .nr_words = EMT_P2M_NR),
	[DGRP_P2MT_AFTER] =
		EMT_COLUMN("p2m_type_after", EMT_COL_STRING, NUL, "p2m type as the source shows it",
			   .word = emt_p2mt_name, .nr_words = EMT_P2M_NR),
	[DGRP_PAGES] = EMT_COLUMN("pages", EMT_COL_NUMBER, SHOWN, "4 KiB pages"),
	[DGRP_BYTES] = EMT_COLUMN("bytes", EMT_COL_BYTES, SHOWN, "guest memory", .unit = "bytes"),
	[DGRP_FIRST_GFN] = EMT_COLUMN("first_gfn", EMT_COL_FRAME, SHOWN, "first frame", .unit = "gfn"),
	[DGRP_RANGES] =
		EMT_COLUMN("ranges", EMT_COL_LIST, 0, "where; at most 16", .sub = &emt_kind_gfn_range),
	[DGRP_RANGES_TOTAL] = EMT_COLUMN("ranges_total", EMT_COL_NUMBER, 0, "how many ranges there are"),
};

static const char *order_text(uint64_t order)
{
	return order == EMT_ORDER_1G ? "1 GiB" : order == EMT_ORDER_2M ? "2 MiB" : "4 KiB";
}

/* " type UC -> WB," and the like, for columns that differ. */
static void pair(const struct emt_rec *rec, struct emt_text *t, const char *word, unsigned int a,
		 unsigned int b, bool *more)
{
	const char *before = emt_rec_get_str(rec, a), *after = emt_rec_get_str(rec, b);

	if (!strcmp(before, after))
		return;
	emt_text_printf(t, "%s%s %s%s%s", *more ? ", " : "", word, before, *before && *after ? " -> " : "",
			after);
	*more = true;
}

static int layout_group(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	char text[300], at[300];
	bool more = false;

	(void)variant;
	emt_spans_text(rec, DGRP_RANGES, DGRP_RANGES_TOTAL, emt_rec_get_u64(rec, DGRP_PAGES), "page", "pages",
		       at, sizeof(at));
	emt_text_printf(t, "  ");
	emt_text_puts(t, EMT_STYLE_STRONG, emt_join_strings(rec, DGRP_CHANGES, ", ", text, sizeof(text)));
	emt_text_printf(t, ": %s\n      ", at);
	pair(rec, t, "type", DGRP_TYPE_BEFORE, DGRP_TYPE_AFTER, &more);
	pair(rec, t, "verdict", DGRP_VERDICT_BEFORE, DGRP_VERDICT_AFTER, &more);
	pair(rec, t, "permissions", DGRP_PERM_BEFORE, DGRP_PERM_AFTER, &more);
	pair(rec, t, "p2m type", DGRP_P2MT_BEFORE, DGRP_P2MT_AFTER, &more);
	if (emt_rec_has(rec, DGRP_ORDER_BEFORE) && emt_rec_has(rec, DGRP_ORDER_AFTER) &&
	    emt_rec_get_u64(rec, DGRP_ORDER_BEFORE) != emt_rec_get_u64(rec, DGRP_ORDER_AFTER)) {
		emt_text_printf(t, "%spages of %s -> %s", more ? ", " : "",
				order_text(emt_rec_get_u64(rec, DGRP_ORDER_BEFORE)),
				order_text(emt_rec_get_u64(rec, DGRP_ORDER_AFTER)));
		more = true;
	}
	if (!more)
		emt_text_printf(t, "type %s, another machine frame", emt_rec_get_str(rec, DGRP_TYPE_AFTER));
	emt_text_printf(t, "\n");
	return 0;
}

const struct emt_record_kind emt_kind_diff_group = {
	.name = "diff_group", .schema = "emt.diff_group", .help = "pages that changed alike",
	.columns = group_columns, .nr_columns = DGRP_NR, .layout = layout_group,
};

static void fill_side(struct emt_rec *rec, const struct emt_diff_side *s, bool after)
{
	struct emt_run like = {
		.order = s->order, .perm = s->perm, .emt = s->emt, .ipat = s->ipat, .flags = s->flags
	};
	char type[8], perm[4];

	emt_run_type_text(&like, type);
	emt_perm_text(s->perm, perm);
	emt_rec_str(rec, after ? DGRP_TYPE_AFTER : DGRP_TYPE_BEFORE, type);
	emt_rec_str(rec, after ? DGRP_PERM_AFTER : DGRP_PERM_BEFORE, perm);
	emt_rec_u64(rec, after ? DGRP_ORDER_AFTER : DGRP_ORDER_BEFORE, s->order);
	if (s->verdict < EMT_V_NR)
		emt_rec_str(rec, after ? DGRP_VERDICT_AFTER : DGRP_VERDICT_BEFORE,
			    emt_verdict_name(s->verdict));
	if (s->p2mt < EMT_P2M_NR)
		emt_rec_str(rec, after ? DGRP_P2MT_AFTER : DGRP_P2MT_BEFORE, emt_p2mt_name(s->p2mt));
}

void emt_fill_diff_group(struct emt_rec *rec, const struct emt_diff_group *g, uint32_t domid)
{
	emt_rec_u64(rec, DGRP_DOMAIN, domid);
	emt_rec_list(rec, DGRP_CHANGES);
	for (unsigned int bit = 0; bit < EMT_DIFF_NR; bit++)
		if (g->change & 1u << bit)
			emt_rec_add_str(rec, DGRP_CHANGES, emt_diff_change_name(bit));
	if (!(g->change & EMT_DIFF_ADDED))
		fill_side(rec, &g->before, false);
	if (!(g->change & EMT_DIFF_REMOVED))
		fill_side(rec, &g->after, true);
	emt_rec_u64(rec, DGRP_PAGES, g->at.frames);
	emt_rec_u64(rec, DGRP_BYTES, g->at.frames * 4096);
	emt_fill_spans(rec, &g->at, DGRP_RANGES, DGRP_RANGES_TOTAL, DGRP_FIRST_GFN);
}

/* ---- facts ---- */

const char *emt_diff_fact_word(unsigned int change)
{
	static const char *const words[] = { "added", "removed", "changed" };

	return change < EMT_ARRAY_SIZE(words) ? words[change] : "changed";
}

static const struct emt_column fact_columns[DFCT_NR] = {
	[DFCT_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, 0, "domain id in the older walk"),
	[DFCT_FACT] = EMT_COLUMN("fact", EMT_COL_STRING, SHOWN, "name, as in a facts file"),
	[DFCT_CHANGE] = EMT_COLUMN("change", EMT_COL_STRING, SHOWN,
				   "added: not known before; removed: no longer known",
				   .word = emt_diff_fact_word, .nr_words = 3),
	[DFCT_BEFORE] = EMT_COLUMN("before", EMT_COL_STRING, SHOWN | NUL, "value before, as in a facts file"),
	[DFCT_AFTER] = EMT_COLUMN("after", EMT_COL_STRING, SHOWN | NUL, "value after, as in a facts file"),
};

static int layout_fact(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	static const struct {
		unsigned int col;
		const char *head;
	} sides[] = { { DFCT_BEFORE, "      before: " }, { DFCT_AFTER, "      after:  " } };

	(void)variant;
	emt_text_printf(t, "  %s ", emt_rec_get_str(rec, DFCT_CHANGE));
	emt_text_puts(t, EMT_STYLE_STRONG, emt_rec_get_str(rec, DFCT_FACT));
	emt_text_printf(t, "\n");
	for (size_t i = 0; i < EMT_ARRAY_SIZE(sides); i++) {
		const char *v = emt_rec_get_str(rec, sides[i].col);
		char cut[240];

		if (!emt_rec_has(rec, sides[i].col))
			continue;
		snprintf(cut, sizeof(cut), "%.200s%s", v, strlen(v) > 200 ? " ..." : "");
		emt_text_para(t, sides[i].head, 14, cut);
	}
	return 0;
}

const struct emt_record_kind emt_kind_diff_fact = {
	.name = "diff_fact", .schema = "emt.diff_fact", .help = "a fact that changed",
	.columns = fact_columns, .nr_columns = DFCT_NR, .layout = layout_fact,
};

/* ---- findings ---- */

static const struct emt_column finding_columns[DFND_NR] = {
	[DFND_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, 0, "domain id in the older walk"),
	[DFND_CHANGE] = EMT_COLUMN("change", EMT_COL_STRING, SHOWN, "what became of it",
				   .word = emt_finding_change_name, .nr_words = 3),
	[DFND_SEVERITY] =
		EMT_COLUMN("severity", EMT_COL_STRING, SHOWN, "how grave", .word = emt_severity_name,
			   .nr_words = EMT_SEV_NR, .style = emt_style_severity),
	[DFND_KIND] = EMT_COLUMN("kind", EMT_COL_STRING, SHOWN, "verdict, note, or known-defect"),
	[DFND_DEFECT] = EMT_COLUMN("defect", EMT_COL_STRING, SHOWN | NUL, "id of the known defect"),
	[DFND_TYPE] = EMT_COLUMN("type", EMT_COL_STRING, SHOWN | NUL, "memory type of its entries"),
	[DFND_ENTRIES_BEFORE] =
		EMT_COLUMN("entries_before", EMT_COL_NUMBER, SHOWN, "entries before; 0 for new ones"),
	[DFND_ENTRIES_AFTER] =
		EMT_COLUMN("entries_after", EMT_COL_NUMBER, SHOWN, "entries after; 0 for cleared ones"),
	[DFND_FIRST_GFN] = EMT_COLUMN("first_gfn", EMT_COL_FRAME, SHOWN | NUL, "first frame", .unit = "gfn"),
	[DFND_EXPLANATION] = EMT_COLUMN("explanation", EMT_COL_STRING, NUL, "smallest explanation"),
};
const struct emt_record_kind emt_kind_diff_finding = {
	.name = "diff_finding", .schema = "emt.diff_finding", .help = "what became of a finding",
	.columns = finding_columns, .nr_columns = DFND_NR,
};

void emt_fill_diff_finding(struct emt_rec *rec, enum emt_finding_change change,
			   const struct emt_finding *before, const struct emt_finding *after, uint32_t domid)
{
	const struct emt_finding *f = after ? after : before;
	struct emt_run like = { .emt = f->emt,
				.ipat = f->ipat,
				.flags = f->ipat_hidden ? EMT_RUN_IPAT_HIDDEN : 0 };
	char type[8];

	emt_rec_u64(rec, DFND_DOMAIN, domid);
	emt_rec_str(rec, DFND_CHANGE, emt_finding_change_name(change));
	emt_rec_str(rec, DFND_SEVERITY, emt_severity_name(f->severity));
	emt_rec_str(rec, DFND_KIND, f->kind);
	if (f->defect >= 0)
		emt_rec_str(rec, DFND_DEFECT, emt_defects[f->defect].id);
	emt_run_type_text(&like, type);
	if (f->entries && f->verdict != EMT_V_PENDING)
		emt_rec_str(rec, DFND_TYPE, type);
	emt_rec_u64(rec, DFND_ENTRIES_BEFORE, before ? before->entries : 0);
	emt_rec_u64(rec, DFND_ENTRIES_AFTER, after ? after->entries : 0);
	if (f->nr_ranges)
		emt_rec_u64(rec, DFND_FIRST_GFN, f->ranges[0].first);
	emt_rec_text(rec, DFND_EXPLANATION, f->explanation);
}
