/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/kind_audit.h"

#include <stdio.h>
#include <string.h>

#include "audit/flush_between.h"
#include "command/kind_change.h"
#include "command/kind_flush.h"
#include "command/layout.h"
#include "policy/defect.h"

#define SHOWN EMT_COLF_SHOWN
#define NUL EMT_COLF_NULL
#define RIGHT EMT_COLF_RIGHT

enum emt_style emt_style_verdict(const char *text)
{
	static const enum emt_style styles[EMT_V_NR] = {
		[EMT_V_NOT_PRESENT] = EMT_STYLE_FAINT, [EMT_V_OK] = EMT_STYLE_GOOD,
		[EMT_V_PENDING] = EMT_STYLE_INFO, [EMT_V_UNDETERMINED] = EMT_STYLE_INFO,
		[EMT_V_INHERITED] = EMT_STYLE_INFO, [EMT_V_STALE] = EMT_STYLE_WARN,
		[EMT_V_SUSPECT] = EMT_STYLE_WARN, [EMT_V_UNSPLIT] = EMT_STYLE_BAD,
		[EMT_V_MISCONFIGURED] = EMT_STYLE_BAD, [EMT_V_MISMATCH] = EMT_STYLE_BAD,
	};
	int v = emt_verdict_parse(text);

	return v < 0 ? EMT_STYLE_NONE : styles[v];
}

enum emt_style emt_style_severity(const char *text)
{
	static const enum emt_style styles[EMT_SEV_NR] = {
		[EMT_SEV_INFO] = EMT_STYLE_FAINT, [EMT_SEV_NOTICE] = EMT_STYLE_INFO,
		[EMT_SEV_WARNING] = EMT_STYLE_WARN, [EMT_SEV_ERROR] = EMT_STYLE_BAD,
		[EMT_SEV_CRITICAL] = EMT_STYLE_BAD,
	};
	int s = emt_severity_parse(text);

	return s < 0 ? EMT_STYLE_NONE : styles[s];
}

/* ---- small kinds ---- */

static const struct emt_column loss_columns[LOSS_NR] = {
	[LOSS_LINES_UNPARSED] = EMT_COLUMN("lines_unparsed", EMT_COL_NUMBER, SHOWN,
					   "console lines of the dump that made no sense"),
	[LOSS_ENTRIES_CUT] = EMT_COLUMN("entries_cut", EMT_COL_NUMBER, SHOWN, "entries known to be missing"),
	[LOSS_CHUNKS_BAD] = EMT_COLUMN("chunks_bad", EMT_COL_NUMBER, SHOWN, "damaged chunks of the capture"),
	[LOSS_CHANGED] = EMT_COLUMN("changed", EMT_COL_NUMBER, SHOWN, "entries that changed during the walk"),
	[LOSS_CUT_HEAD] = EMT_COLUMN("cut_head", EMT_COL_BOOL, SHOWN, "the walk's beginning is missing"),
	[LOSS_CUT_TAIL] = EMT_COLUMN("cut_tail", EMT_COL_BOOL, SHOWN, "the walk's end is missing"),
	[LOSS_NOTE] = EMT_COLUMN("note", EMT_COL_STRING, SHOWN | NUL, "remark"),
};

static void loss_cell(const struct emt_rec *rec, char *out, size_t room)
{
	emt_loss_text(rec, out, room);
}

const struct emt_record_kind emt_kind_loss = {
	.name = "loss",
	.schema = "emt.loss",
	.help = "what was lost on the way into a walk; all 0 when nothing was",
	.columns = loss_columns,
	.nr_columns = LOSS_NR,
	.cell = loss_cell,
};

void emt_fill_loss(struct emt_rec *rec, const struct emt_loss *loss)
{
	emt_rec_u64(rec, LOSS_LINES_UNPARSED, loss->lines_unparsed);
	emt_rec_u64(rec, LOSS_ENTRIES_CUT, loss->entries_cut);
	emt_rec_u64(rec, LOSS_CHUNKS_BAD, loss->chunks_bad);
	emt_rec_u64(rec, LOSS_CHANGED, loss->changed);
	emt_rec_bool(rec, LOSS_CUT_HEAD, loss->cut_head);
	emt_rec_bool(rec, LOSS_CUT_TAIL, loss->cut_tail);
	emt_rec_text(rec, LOSS_NOTE, loss->note);
}

static const struct emt_column vcount_columns[VCOUNT_NR] = {
	[VCOUNT_VERDICT] = EMT_COLUMN("verdict", EMT_COL_STRING, SHOWN, "verdict", .word = emt_verdict_name,
				      .nr_words = EMT_V_NR),
	[VCOUNT_ENTRIES] = EMT_COLUMN("entries", EMT_COL_NUMBER, SHOWN, "leaf entries with it"),
	[VCOUNT_BYTES] = EMT_COLUMN("bytes", EMT_COL_BYTES, 0, "guest memory they map", .unit = "bytes"),
};
const struct emt_record_kind emt_kind_verdict_count = {
	.name = "verdict_count", .schema = "emt.verdict_count", .help = "entries with one verdict",
	.columns = vcount_columns, .nr_columns = VCOUNT_NR,
};

static const struct emt_column tbytes_columns[TBYTES_NR] = {
	[TBYTES_TYPE] = EMT_COLUMN("type", EMT_COL_STRING, SHOWN, "EPT memory type", .word = emt_mt_name,
				   .nr_words = 8),
	[TBYTES_BYTES] =
		EMT_COLUMN("bytes", EMT_COL_BYTES, SHOWN, "guest memory mapped with it", .unit = "bytes"),
};
const struct emt_record_kind emt_kind_type_bytes = {
	.name = "type_bytes",
	.schema = "emt.type_bytes",
	.help = "guest memory by EPT memory type; ?? is EMT 7",
	.columns = tbytes_columns,
	.nr_columns = TBYTES_NR,
};

static const struct emt_column grange_columns[GRANGE_NR] = {
	[GRANGE_FIRST_GFN] = EMT_COLUMN("first_gfn", EMT_COL_FRAME, SHOWN, "first frame", .unit = "gfn"),
	[GRANGE_LAST_GFN] = EMT_COLUMN("last_gfn", EMT_COL_FRAME, SHOWN, "last frame", .unit = "gfn"),
	[GRANGE_ENTRIES] = EMT_COLUMN("entries", EMT_COL_NUMBER, 0, "entries in it that are concerned"),
};

static void grange_cell(const struct emt_rec *rec, char *out, size_t room)
{
	emt_fmt_range(emt_rec_get_u64(rec, GRANGE_FIRST_GFN), emt_rec_get_u64(rec, GRANGE_LAST_GFN), out,
		      room);
}

const struct emt_record_kind emt_kind_gfn_range = {
	.name = "gfn_range", .schema = "emt.gfn_range", .help = "a range of guest frames, both ends included",
	.columns = grange_columns, .nr_columns = GRANGE_NR, .cell = grange_cell,
};

/* ---- domain ---- */

static const struct emt_column domain_columns[DOM_NR] = {
	[DOM_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, SHOWN, "domain id"),
	[DOM_NAME] = EMT_COLUMN("name", EMT_COL_STRING, SHOWN | NUL, "name; null when not known"),
	[DOM_UUID] = EMT_COLUMN("uuid", EMT_COL_STRING, NUL, "UUID; null when not known"),
	[DOM_GENERATION] = EMT_COLUMN("generation", EMT_COL_NUMBER, 0, "which walk of this domain, from 0"),
	[DOM_LABEL] = EMT_COLUMN("label", EMT_COL_STRING, NUL, "label of the walk"),
	[DOM_TIME] = EMT_COLUMN("time", EMT_COL_TIME, SHOWN | NUL,
				"when the walk was taken; null when not stated"),
	[DOM_RELEASE] = EMT_COLUMN("release", EMT_COL_STRING, SHOWN, "release whose rules were used"),
	[DOM_RELEASE_EXACT] = EMT_COLUMN("release_exact", EMT_COL_BOOL, 0,
					 "false: newer than any release known, judged by the newest rules"),
	[DOM_RELEASE_FORCED] = EMT_COLUMN("release_forced", EMT_COL_BOOL, 0, "--release was given"),
	[DOM_PAGING] = EMT_COLUMN("paging", EMT_COL_STRING, SHOWN, "how memory is translated",
				  .word = emt_paging_name, .nr_words = 5),
	[DOM_RUNS] = EMT_COLUMN("runs", EMT_COL_NUMBER, 0, "runs read"),
	[DOM_ENTRIES] = EMT_COLUMN("entries", EMT_COL_NUMBER, SHOWN, "leaf entries read"),
	[DOM_BYTES] = EMT_COLUMN("bytes", EMT_COL_BYTES, SHOWN, "guest memory they map", .unit = "bytes"),
	[DOM_INTERMEDIATE] =
		EMT_COLUMN("intermediate_entries", EMT_COL_NUMBER, 0, "intermediate entries looked at"),
	[DOM_POD_ENTRIES] =
		EMT_COLUMN("pod_entries", EMT_COL_NUMBER, 0, "populate-on-demand entries; they have no type"),
	[DOM_VERDICTS] = EMT_COLUMN("verdicts", EMT_COL_LIST, SHOWN, "entries by verdict, those that occur",
				    .sub = &emt_kind_verdict_count, .join = ", "),
	[DOM_TYPES] = EMT_COLUMN("types", EMT_COL_LIST, 0, "guest memory by EPT type, those that occur",
				 .sub = &emt_kind_type_bytes, .join = ", "),
	[DOM_RELEASE_DEFECTS] =
		EMT_COLUMN("release_defects", EMT_COL_STRINGS, 0, "known defects of the release, met or not"),
	[DOM_FINDINGS] = EMT_COLUMN("findings", EMT_COL_NUMBER, SHOWN, "findings of any level"),
	[DOM_FINDINGS_MERGED] =
		EMT_COLUMN("findings_merged", EMT_COL_NUMBER, 0,
			   "kinds of finding counted under another because there were too many"),
	[DOM_COMPLETE] = EMT_COLUMN("complete", EMT_COL_BOOL, SHOWN, "the whole walk was read"),
	[DOM_DECIDED] = EMT_COLUMN("decided", EMT_COL_BOOL, 0, "no entry is undetermined"),
	[DOM_LOSS] = EMT_COLUMN("loss", EMT_COL_OBJECT, 0, "what was lost on the way", .sub = &emt_kind_loss),
};
const struct emt_record_kind emt_kind_domain = {
	.name = "domain", .schema = "emt.domain", .help = "one domain audited", .columns = domain_columns,
	.nr_columns = DOM_NR, .layout = emt_layout_domain,
};

/* ---- finding ---- */

static const struct emt_column finding_columns[FIND_NR] = {
	[FIND_ID] = EMT_COLUMN("id", EMT_COL_NUMBER, SHOWN, "number within this domain, the gravest first"),
	[FIND_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, 0, "domain id"),
	[FIND_SEVERITY] = EMT_COLUMN("severity", EMT_COL_STRING, SHOWN, "level", .word = emt_severity_name,
				     .nr_words = EMT_SEV_NR, .style = emt_style_severity),
	[FIND_KIND] = EMT_COLUMN("kind", EMT_COL_STRING, SHOWN, "a verdict, known-defect, or flush-missed"),
	[FIND_DEFECT] =
		EMT_COLUMN("defect", EMT_COL_STRING, SHOWN | NUL, "id of the known defect; null for others"),
	[FIND_TITLE] = EMT_COLUMN("title", EMT_COL_STRING, 0, "what it is, in a few words"),
	[FIND_VERDICT] =
		EMT_COLUMN("verdict", EMT_COL_STRING, NUL, "verdict of its entries; null for flushes, and for what the CPU uses",
			   .word = emt_verdict_name, .nr_words = EMT_V_NR, .style = emt_style_verdict),
	[FIND_REASON] = EMT_COLUMN("reason", EMT_COL_STRING, NUL, "why; null when there is no more to say",
				   .word = emt_reason_name, .nr_words = EMT_WHY_NR),
	[FIND_FIRST_GFN] = EMT_COLUMN("first_gfn", EMT_COL_FRAME, SHOWN | NUL,
				      "first frame; null: the whole domain", .unit = "gfn"),
	[FIND_ENTRIES] = EMT_COLUMN("entries", EMT_COL_NUMBER, SHOWN,
				    "entries concerned; of effective and alias: stretches of addresses"),
	[FIND_BYTES] = EMT_COLUMN("bytes", EMT_COL_BYTES, SHOWN, "guest memory they map", .unit = "bytes"),
	[FIND_TYPE] =
		EMT_COLUMN("type", EMT_COL_STRING, SHOWN | NUL, "what the entries carry, as key D prints it"),
	[FIND_EMT] = EMT_COLUMN("emt", EMT_COL_STRING, NUL, "their memory type; ?? is 7", .word = emt_mt_name,
				.nr_words = 8),
	[FIND_IPAT] = EMT_COLUMN("ipat", EMT_COL_BOOL, NUL, "ignore-PAT bit; null when the source hides it"),
	[FIND_PERM] = EMT_COLUMN("perm", EMT_COL_STRING, NUL, "permissions"),
	[FIND_ORDER] = EMT_COLUMN("order", EMT_COL_NUMBER, NUL, "0, 9 or 18; null when mixed"),
	[FIND_P2M_TYPES] = EMT_COLUMN("p2m_types", EMT_COL_STRINGS, 0, "p2m types they may have",
				      .word = emt_p2mt_name, .nr_words = EMT_P2M_NR),
	[FIND_EXPECTED] = EMT_COLUMN("expected", EMT_COL_STRINGS, SHOWN,
				     "what the release writes, assumptions held", .join = " or "),
	[FIND_POSSIBLE] = EMT_COLUMN("possible", EMT_COL_STRINGS, 0,
				     "what it writes if assumptions are false too", .join = " or "),
	[FIND_FACTS] = EMT_COLUMN("facts", EMT_COL_STRINGS, 0, "facts that would decide, or must be false"),
	[FIND_RANGES] = EMT_COLUMN("ranges", EMT_COL_LIST, 0, "where, the first ones",
				   .sub = &emt_kind_gfn_range, .join = " "),
	[FIND_RANGES_TOTAL] = EMT_COLUMN("ranges_total", EMT_COL_NUMBER, 0, "how many ranges there are"),
	[FIND_EXPLANATION] = EMT_COLUMN("explanation", EMT_COL_STRING, SHOWN | NUL | EMT_COLF_WRAP,
					"smallest explanation"),
	[FIND_NEXT] = EMT_COLUMN("next", EMT_COL_STRING, NUL, "what to do next"),
	[FIND_FIXED_BY] =
		EMT_COLUMN("fixed_by", EMT_COL_STRING, NUL, "commit or advisory that fixed the defect"),
	[FIND_FIXED_IN] = EMT_COLUMN("fixed_in", EMT_COL_STRING, NUL, "first releases with the fix"),
	[FIND_CHANGE] = EMT_COLUMN("change", EMT_COL_STRING, NUL,
				   "missed flushes: what the change was to devices, see `flush`; null for others",
				   .word = emt_flush_change_word, .nr_words = EMT_FLC_NR),
};
const struct emt_record_kind emt_kind_finding = {
	.name = "finding", .schema = "emt.finding", .help = "entries grouped under one explanation",
	.columns = finding_columns, .nr_columns = FIND_NR, .layout = emt_layout_finding,
};

void emt_fill_outcomes(struct emt_rec *rec, unsigned int col, emt_outcomes set)
{
	emt_rec_list(rec, col);
	for (unsigned int i = 0; i < 16; i++)
		if (set & (1u << i))
			emt_rec_add_str(rec, col, emt_outcome_name(i));
}

void emt_fill_facts(struct emt_rec *rec, unsigned int col, uint64_t facts)
{
	emt_rec_list(rec, col);
	for (unsigned int i = 0; i < EMT_FACT_NR; i++)
		if (facts & (1ull << i))
			emt_rec_add_str(rec, col, emt_fact_descs[i].name);
}

void emt_fill_defects(struct emt_rec *rec, unsigned int col, emt_defect_mask defects)
{
	emt_rec_list(rec, col);
	for (size_t i = 0; i < emt_nr_defects; i++)
		if (defects & (1u << i))
			emt_rec_add_str(rec, col, emt_defects[i].id);
}

void emt_fill_p2m_types(struct emt_rec *rec, unsigned int col, uint16_t types)
{
	emt_rec_list(rec, col);
	for (unsigned int i = 0; i < EMT_P2M_NR; i++)
		if (types & (1u << i))
			emt_rec_add_str(rec, col, emt_p2mt_name(i));
}

static void fill_entry(struct emt_rec *rec, const struct emt_finding *f)
{
	struct emt_run like = { .emt = f->emt,
				.ipat = f->ipat,
				.flags = f->ipat_hidden ? EMT_RUN_PENDING_ABOVE : 0 };
	char text[8], perm[4];

	if (f->emt != 0xff) { /* entries of one type */
		emt_run_type_text(&like, text);
		emt_rec_str(rec, FIND_TYPE, text);
		emt_rec_str(rec, FIND_EMT, emt_mt_name(f->emt));
		if (!f->ipat_hidden)
			emt_rec_bool(rec, FIND_IPAT, f->ipat);
	}
	if (f->perm != 0xff) {
		emt_perm_text(f->perm, perm);
		emt_rec_str(rec, FIND_PERM, perm);
	}
	if (f->order != 0xff)
		emt_rec_u64(rec, FIND_ORDER, f->order);
}

void emt_fill_finding(struct emt_rec *rec, const struct emt_finding *f, uint32_t domid)
{
	const struct emt_defect *d = f->defect >= 0 ? &emt_defects[f->defect] : NULL;
	size_t n = f->nr_ranges < EMT_FINDING_RANGES ? (size_t)f->nr_ranges : EMT_FINDING_RANGES;

	emt_rec_u64(rec, FIND_ID, f->id);
	emt_rec_u64(rec, FIND_DOMAIN, domid);
	emt_rec_str(rec, FIND_SEVERITY, emt_severity_name(f->severity));
	emt_rec_str(rec, FIND_KIND, f->kind);
	emt_rec_str(rec, FIND_DEFECT, d ? d->id : NULL);
	emt_rec_str(rec, FIND_TITLE,
		    d			     ? d->title
		    : f->why != EMT_WHY_NONE ? emt_reason_text(f->why)
					     : f->kind);
	emt_rec_str(rec, FIND_VERDICT, f->verdict < EMT_V_NR ? emt_verdict_name(f->verdict) : NULL);
	if (f->why != EMT_WHY_NONE)
		emt_rec_str(rec, FIND_REASON, emt_reason_name(f->why));
	if (n)
		emt_rec_u64(rec, FIND_FIRST_GFN, f->ranges[0].first);
	emt_rec_u64(rec, FIND_ENTRIES, f->entries);
	emt_rec_u64(rec, FIND_BYTES, f->frames * 4096);
	if (f->entries)
		fill_entry(rec, f);
	emt_fill_p2m_types(rec, FIND_P2M_TYPES, f->types);
	emt_fill_outcomes(rec, FIND_EXPECTED, f->expected);
	emt_fill_outcomes(rec, FIND_POSSIBLE, f->possible);
	emt_fill_facts(rec, FIND_FACTS, f->facts);
	emt_rec_list(rec, FIND_RANGES);
	for (size_t i = 0; i < n; i++) {
		struct emt_rec *r = emt_rec_add(rec, FIND_RANGES);

		emt_rec_u64(r, GRANGE_FIRST_GFN, f->ranges[i].first);
		emt_rec_u64(r, GRANGE_LAST_GFN, f->ranges[i].last);
		emt_rec_u64(r, GRANGE_ENTRIES, f->ranges[i].entries);
	}
	emt_rec_u64(rec, FIND_RANGES_TOTAL, f->nr_ranges);
	emt_rec_text(rec, FIND_EXPLANATION, f->explanation);
	emt_rec_text(rec, FIND_NEXT, f->next);
	if (d) {
		emt_rec_text(rec, FIND_FIXED_BY, d->fixed_by);
		emt_rec_text(rec, FIND_FIXED_IN, d->fixed_in);
	}
}

void emt_fill_flush_finding(struct emt_rec *rec, const struct emt_flush_group *g, uint32_t domid, unsigned int id,
			    int64_t before, int64_t after)
{
	const struct emt_fl_result *r = &g->worst;
	char from[40], to[40], text[700];
	size_t n;

	emt_rec_u64(rec, FIND_ID, id);
	emt_rec_u64(rec, FIND_DOMAIN, domid);
	emt_rec_str(rec, FIND_SEVERITY, emt_severity_name(emt_flush_severity(g)));
	emt_rec_str(rec, FIND_KIND, emt_flush_finding_name(g));
	emt_rec_str(rec, FIND_TITLE, emt_fl_rows[r->change].text);
	emt_rec_u64(rec, FIND_ENTRIES, g->at.frames);
	emt_rec_u64(rec, FIND_BYTES, g->at.frames * 4096);
	emt_rec_list(rec, FIND_P2M_TYPES);
	emt_rec_list(rec, FIND_EXPECTED);
	emt_rec_list(rec, FIND_POSSIBLE);
	emt_fill_facts(rec, FIND_FACTS, g->facts);
	emt_fill_spans(rec, &g->at, FIND_RANGES, FIND_RANGES_TOTAL, FIND_FIRST_GFN);
	n = (size_t)snprintf(text, sizeof(text), "changed between two audits");
	if (before && after)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " (%s, %s)", emt_fmt_time(before, from, sizeof(from)),
				      emt_fmt_time(after, to, sizeof(to)));
	snprintf(text + n, sizeof(text) - n, "; %s tables: %s. By the release's rules%s: whether hardware was told is not seen",
		 emt_flush_tables_word(g->shared), r->why, g->certain ? "" : ", and possible only");
	emt_rec_text(rec, FIND_EXPLANATION, text);
	emt_rec_str(rec, FIND_NEXT, r->verdict == EMT_FL_NOT_ADDED ?
		    "devices fault there: assign them anew" :
		    "devices may reach what was there until their IOMMU's caches are emptied: detach and assign them anew");
	emt_rec_str(rec, FIND_FIXED_BY, r->fixed_by);
	emt_rec_str(rec, FIND_FIXED_IN, r->fixed_in);
	emt_rec_str(rec, FIND_CHANGE, emt_flush_change_word(r->change));
}

/* ---- result ---- */

static const struct emt_column result_columns[RES_NR] = {
	[RES_DOMAINS] = EMT_COLUMN("domains", EMT_COL_NUMBER, SHOWN, "domains audited"),
	[RES_FINDINGS] = EMT_COLUMN("findings", EMT_COL_NUMBER, SHOWN, "findings at or above fail_on"),
	[RES_FAIL_ON] = EMT_COLUMN("fail_on", EMT_COL_STRING, SHOWN, "level that decides the exit status",
				   .word = emt_severity_name, .nr_words = EMT_SEV_NR),
	[RES_LISTED] = EMT_COLUMN("listed", EMT_COL_NUMBER, SHOWN, "findings listed"),
	[RES_HIDDEN] = EMT_COLUMN("hidden", EMT_COL_NUMBER, SHOWN,
				  "findings of level info left out; --all lists them"),
	[RES_UNDETERMINED_ENTRIES] = EMT_COLUMN("undetermined_entries", EMT_COL_NUMBER, SHOWN,
						"entries that could not be decided"),
	[RES_COMPLETE] = EMT_COLUMN("complete", EMT_COL_BOOL, SHOWN, "everything was read"),
	[RES_HINT] = EMT_COLUMN("hint", EMT_COL_STRING, SHOWN | NUL,
				"command that says more about the gravest finding"),
};
const struct emt_record_kind emt_kind_audit_result = {
	.name = "audit_result", .schema = "emt.audit_result", .help = "the audit as a whole",
	.columns = result_columns, .nr_columns = RES_NR, .layout = emt_layout_audit_result,
};
