/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes between two walks that devices can notice.
 */
#include <stdio.h>
#include <string.h>

#include "command/kind_audit.h"
#include "command/kind_change.h"
#include "command/kind_diff.h"
#include "command/kind_flush.h"
#include "command/layout.h"

#define SHOWN EMT_COLF_SHOWN
#define NUL EMT_COLF_NULL

static const struct emt_column columns[DFLS_NR] = {
	[DFLS_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, 0, "domain id in the older walk"),
	[DFLS_FINDING] = EMT_COLUMN("finding", EMT_COL_STRING, SHOWN | NUL, "what is wrong; null if nothing is",
				    .word = emt_flush_finding_word, .nr_words = 3),
	[DFLS_SEVERITY] = EMT_COLUMN("severity", EMT_COL_STRING, NUL, "how grave a finding is; null if nothing is wrong",
				     .word = emt_severity_name, .nr_words = EMT_SEV_NR, .style = emt_style_severity),
	[DFLS_VERDICT] = EMT_COLUMN("verdict", EMT_COL_STRING, SHOWN, "as `flush` gives it; the worst that is likely",
				    .word = emt_fl_verdict_name, .nr_words = EMT_FL_VERDICT_NR,
				    .style = emt_style_flush),
	[DFLS_CERTAIN] = EMT_COLUMN("certain", EMT_COL_BOOL, SHOWN, "all that the facts allow has this verdict"),
	[DFLS_CHANGE] = EMT_COLUMN("change", EMT_COL_STRING, SHOWN, "what the change was to devices",
				   .word = emt_flush_change_word, .nr_words = EMT_FLC_NR),
	[DFLS_CHANGE_TEXT] = EMT_COLUMN("change_text", EMT_COL_STRING, 0, "the same in words"),
	[DFLS_TABLES] = EMT_COLUMN("tables", EMT_COL_STRING, SHOWN, "of the IOMMU", .word = emt_flush_tables_word,
				   .nr_words = 2),
	[DFLS_PAGES] = EMT_COLUMN("pages", EMT_COL_NUMBER, SHOWN, "4 KiB pages"),
	[DFLS_BYTES] = EMT_COLUMN("bytes", EMT_COL_BYTES, 0, "guest memory", .unit = "bytes"),
	[DFLS_FIRST_GFN] = EMT_COLUMN("first_gfn", EMT_COL_FRAME, SHOWN, "first frame", .unit = "gfn"),
	[DFLS_RANGES] = EMT_COLUMN("ranges", EMT_COL_LIST, 0, "where; at most 16", .sub = &emt_kind_gfn_range),
	[DFLS_RANGES_TOTAL] = EMT_COLUMN("ranges_total", EMT_COL_NUMBER, 0, "how many ranges there are"),
	[DFLS_NEED_TABLE] = EMT_COLUMN("needs_tables", EMT_COL_STRING, 0, "what is right for the IOMMU's tables",
				       .word = emt_fl_table_name, .nr_words = EMT_FL_TABLE_NR),
	[DFLS_NEED_TLB] = EMT_COLUMN("needs_flush", EMT_COL_STRING, 0, "what is right for the IOTLB",
				     .word = emt_fl_tlb_name, .nr_words = EMT_FL_TLB_NR),
	[DFLS_DOES_TABLE] = EMT_COLUMN("does_tables", EMT_COL_STRING, 0, "what the release does to the tables",
				       .word = emt_fl_table_name, .nr_words = EMT_FL_TABLE_NR),
	[DFLS_DOES_TLB] = EMT_COLUMN("does_flush", EMT_COL_STRING, 0, "what the release flushes",
				     .word = emt_fl_tlb_name, .nr_words = EMT_FL_TLB_NR),
	[DFLS_WHY] = EMT_COLUMN("why", EMT_COL_STRING, 0, "how the release comes to it"),
	[DFLS_FIXED_BY] = EMT_COLUMN("fixed_by", EMT_COL_STRING, NUL, "commit or advisory; null if there is none"),
	[DFLS_FIXED_IN] = EMT_COLUMN("fixed_in", EMT_COL_STRING, NUL, "first releases with the fix"),
	[DFLS_FACTS] = EMT_COLUMN("facts", EMT_COL_STRINGS, 0, "facts that would make it certain"),
	[DFLS_EVIDENCE] = EMT_COLUMN("evidence", EMT_COL_STRING, 0,
				     "rule: the release's rules alone say. Of two images: what IOMMUs' queues show of the flush that it needs",
				     .word = emt_evidence_name, .nr_words = EMT_EVIDENCE_NR),
	[DFLS_EVIDENCE_TEXT] = EMT_COLUMN("evidence_text", EMT_COL_STRING, 0, "the same in words, with the window that it covers"),
};

static int layout(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	const char *verdict = emt_rec_get_str(rec, DFLS_VERDICT);
	char at[300], text[300];

	(void)variant;
	emt_spans_text(rec, DFLS_RANGES, DFLS_RANGES_TOTAL, emt_rec_get_u64(rec, DFLS_PAGES), "page", "pages", at,
		       sizeof(at));
	emt_text_printf(t, "  ");
	emt_text_puts(t, emt_style_flush(verdict),
		      emt_rec_has(rec, DFLS_FINDING) ? emt_rec_get_str(rec, DFLS_FINDING) : verdict);
	emt_text_printf(t, "%s: %s\n", emt_rec_get_bool(rec, DFLS_CERTAIN) ? "" : " (possible)", at);
	emt_text_para(t, "      ", 6, emt_rec_get_str(rec, DFLS_CHANGE_TEXT));
	if (emt_rec_has(rec, DFLS_FINDING)) {
		emt_text_para(t, "      ", 6, emt_rec_get_str(rec, DFLS_WHY));
		if (emt_rec_has(rec, DFLS_FIXED_BY))
			emt_text_printf(t, "      fixed by %s, in %s\n", emt_rec_get_str(rec, DFLS_FIXED_BY),
					emt_rec_get_str(rec, DFLS_FIXED_IN));
	}
	if (strcmp(emt_rec_get_str(rec, DFLS_EVIDENCE), emt_evidence_name(EMT_EVIDENCE_RULE)))
		emt_text_para(t, "      ", 6, emt_rec_get_str(rec, DFLS_EVIDENCE_TEXT));
	if (emt_rec_count(rec, DFLS_FACTS))
		emt_text_printf(t, "      would be certain with: %s\n",
				emt_join_strings(rec, DFLS_FACTS, ", ", text, sizeof(text)));
	return 0;
}

const struct emt_record_kind emt_kind_diff_flush = {
	.name = "diff_flush", .schema = "emt.diff_flush", .help = "what a change owed to the IOMMU, by the release's rules",
	.columns = columns, .nr_columns = DFLS_NR, .layout = layout,
};

static void fill_evidence(struct emt_rec *rec, const struct emt_flush_group *g, const struct emt_queue_window *w)
{
	static const char *const words[EMT_EVIDENCE_NR] = {
		[EMT_EVIDENCE_RULE] = "from the release's rules: what hardware was told is not seen",
		[EMT_EVIDENCE_SEEN] = "commands newer than the older image flush all of it",
		[EMT_EVIDENCE_PARTLY] = "commands newer than the older image flush a part of it only",
		[EMT_EVIDENCE_NOT_SEEN] = "no command newer than the older image flushes it",
		[EMT_EVIDENCE_MAY_BE] = "no command that is left flushes it; a queue went round, and one may have been written over",
		[EMT_EVIDENCE_NO_DEVICE] = "no IOMMU has an entry that names this domain's tables: nothing is to be flushed",
	};
	bool looked = w && g->evidence != EMT_EVIDENCE_RULE && g->evidence != EMT_EVIDENCE_NO_DEVICE;

	emt_rec_str(rec, DFLS_EVIDENCE, emt_evidence_name(g->evidence));
	if (looked)
		emt_rec_fmt(rec, DFLS_EVIDENCE_TEXT, "%s (%llu of %llu slots changed since, %llu were never used%s)", words[g->evidence],
			    (unsigned long long)w->changed, (unsigned long long)w->slots, (unsigned long long)w->empty,
			    g->at.nr > EMT_FINDING_RANGES ? "; the first 16 ranges were looked at" : "");
	else
		emt_rec_str(rec, DFLS_EVIDENCE_TEXT, words[g->evidence]);
}

void emt_fill_diff_flush(struct emt_rec *rec, const struct emt_flush_group *g, uint32_t domid,
			 const struct emt_queue_window *w)
{
	const struct emt_fl_result *r = &g->worst;

	emt_rec_u64(rec, DFLS_DOMAIN, domid);
	emt_rec_str(rec, DFLS_FINDING, emt_flush_finding_name(g));
	if (emt_flush_finding_name(g))
		emt_rec_str(rec, DFLS_SEVERITY, emt_severity_name(emt_flush_severity(g)));
	emt_rec_str(rec, DFLS_VERDICT, emt_fl_verdict_name(r->verdict));
	emt_rec_bool(rec, DFLS_CERTAIN, g->certain);
	emt_rec_str(rec, DFLS_CHANGE, emt_flush_change_word(r->change));
	emt_rec_str(rec, DFLS_CHANGE_TEXT, emt_fl_rows[r->change].text);
	emt_rec_str(rec, DFLS_TABLES, emt_flush_tables_word(g->shared));
	emt_rec_u64(rec, DFLS_PAGES, g->at.frames);
	emt_rec_u64(rec, DFLS_BYTES, g->at.frames * 4096);
	emt_fill_spans(rec, &g->at, DFLS_RANGES, DFLS_RANGES_TOTAL, DFLS_FIRST_GFN);
	emt_rec_str(rec, DFLS_NEED_TABLE, emt_fl_table_name(r->need_table));
	emt_rec_str(rec, DFLS_NEED_TLB, emt_fl_tlb_name(r->need_tlb));
	emt_rec_str(rec, DFLS_DOES_TABLE, emt_fl_table_name(r->does_table));
	emt_rec_str(rec, DFLS_DOES_TLB, emt_fl_tlb_name(r->does_tlb));
	emt_rec_str(rec, DFLS_WHY, r->why);
	emt_rec_str(rec, DFLS_FIXED_BY, r->fixed_by);
	emt_rec_str(rec, DFLS_FIXED_IN, r->fixed_in);
	emt_fill_facts(rec, DFLS_FACTS, g->facts);
	fill_evidence(rec, g, w);
}
