/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/kind_change.h"

#include <stdio.h>
#include <string.h>

#include "command/kind_audit.h"

#define SHOWN EMT_COLF_SHOWN
#define NUL EMT_COLF_NULL

void emt_fill_spans(struct emt_rec *rec, const struct emt_spans *s, unsigned int ranges, unsigned int total,
		    unsigned int first)
{
	emt_rec_list(rec, ranges);
	for (size_t i = 0; i < emt_spans_kept(s); i++) {
		struct emt_rec *r = emt_rec_add(rec, ranges);

		emt_rec_u64(r, GRANGE_FIRST_GFN, s->v[i].first);
		emt_rec_u64(r, GRANGE_LAST_GFN, s->v[i].last);
		emt_rec_u64(r, GRANGE_ENTRIES, s->v[i].entries);
	}
	emt_rec_u64(rec, total, s->nr);
	emt_rec_u64(rec, first, s->v[0].first);
}

char *emt_spans_text(const struct emt_rec *rec, unsigned int ranges, unsigned int total, uint64_t n,
		     const char *one, const char *many, char *out, size_t room)
{
	uint64_t nr = emt_rec_get_u64(rec, total);
	const struct emt_rec *r = emt_rec_at(rec, ranges, 0);
	char num[32], more[64] = "", range[64] = "";

	if (r)
		emt_fmt_range(emt_rec_get_u64(r, GRANGE_FIRST_GFN), emt_rec_get_u64(r, GRANGE_LAST_GFN),
			      range, sizeof(range));
	if (nr > 1)
		snprintf(more, sizeof(more), " and %s more range%s", emt_fmt_count(nr - 1, num, sizeof(num)),
			 nr > 2 ? "s" : "");
	snprintf(out, room, "%s %s at %s%s", emt_fmt_count(n, num, sizeof(num)), n == 1 ? one : many, range,
		 more);
	return out;
}

/* ---- domain ---- */

static const struct emt_column domain_columns[CDOM_NR] = {
	[CDOM_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, SHOWN, "domain id"),
	[CDOM_NAME] = EMT_COLUMN("name", EMT_COL_STRING, SHOWN | NUL, "name; null when not known"),
	[CDOM_TIME] = EMT_COLUMN("time", EMT_COL_TIME, NUL, "when the walk was taken; null when not stated"),
	[CDOM_RELEASE_BEFORE] =
		EMT_COLUMN("release_before", EMT_COL_STRING, SHOWN, "release whose rules count before"),
	[CDOM_RELEASE_AFTER] =
		EMT_COLUMN("release_after", EMT_COL_STRING, SHOWN, "release whose rules count after"),
	[CDOM_ENTRIES] = EMT_COLUMN("entries", EMT_COL_NUMBER, SHOWN, "leaf entries compared"),
	[CDOM_BYTES] = EMT_COLUMN("bytes", EMT_COL_BYTES, SHOWN, "guest memory they map", .unit = "bytes"),
	[CDOM_CHANGED_ENTRIES] =
		EMT_COLUMN("changed_entries", EMT_COL_NUMBER, SHOWN, "entries whose expected type changes"),
	[CDOM_CHANGED_BYTES] =
		EMT_COLUMN("changed_bytes", EMT_COL_BYTES, SHOWN, "guest memory they map", .unit = "bytes"),
	[CDOM_SPLIT_ENTRIES] =
		EMT_COLUMN("split_entries", EMT_COL_NUMBER, SHOWN, "superpages that would be split"),
	[CDOM_OPEN_ENTRIES] = EMT_COLUMN("open_entries", EMT_COL_NUMBER, 0,
					 "entries with several possible types, before or after"),
	[CDOM_GROUPS] = EMT_COLUMN("groups", EMT_COL_NUMBER, 0, "groups of entries that change alike"),
	[CDOM_NOT_LISTED_ENTRIES] = EMT_COLUMN("not_listed_entries", EMT_COL_NUMBER, 0,
					       "changed entries of groups there was no room for"),
	[CDOM_COMPLETE] = EMT_COLUMN("complete", EMT_COL_BOOL, 0, "everything was read"),
	[CDOM_LOSS] = EMT_COLUMN("loss", EMT_COL_OBJECT, 0, "what was lost on the way into the walk",
				 .sub = &emt_kind_loss),
};

static int layout_domain(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	const char *before = emt_rec_get_str(rec, CDOM_RELEASE_BEFORE),
		   *after = emt_rec_get_str(rec, CDOM_RELEASE_AFTER);
	uint64_t changed = emt_rec_get_u64(rec, CDOM_CHANGED_ENTRIES),
		 split = emt_rec_get_u64(rec, CDOM_SPLIT_ENTRIES);
	uint64_t open = emt_rec_get_u64(rec, CDOM_OPEN_ENTRIES),
		 lost = emt_rec_get_u64(rec, CDOM_NOT_LISTED_ENTRIES);
	char text[400], n[32], m[32], b[32];

	(void)variant;
	emt_text_gap(t);
	snprintf(text, sizeof(text), "domain %llu", (unsigned long long)emt_rec_get_u64(rec, CDOM_DOMAIN));
	emt_text_puts(t, EMT_STYLE_STRONG, text);
	if (emt_rec_has(rec, CDOM_NAME))
		emt_text_printf(t, " (%s)", emt_rec_get_str(rec, CDOM_NAME));
	emt_text_printf(t, ", %s%s%s: %s of %s entries change, %s\n", before,
			strcmp(before, after) ? " to " : "", strcmp(before, after) ? after : "",
			emt_fmt_count(changed, n, sizeof(n)),
			emt_fmt_count(emt_rec_get_u64(rec, CDOM_ENTRIES), m, sizeof(m)),
			emt_fmt_bytes(emt_rec_get_u64(rec, CDOM_CHANGED_BYTES), b, sizeof(b)));
	if (split)
		emt_text_printf(t, "  %s superpage%s would be split\n", emt_fmt_count(split, n, sizeof(n)),
				split == 1 ? "" : "s");
	if (open)
		emt_text_printf(t, "  %s entries have several possible types: facts are missing\n",
				emt_fmt_count(open, n, sizeof(n)));
	if (lost)
		emt_text_printf(t, "  %s more entries change in too many ways to list\n",
				emt_fmt_count(lost, n, sizeof(n)));
	if (!emt_rec_get_bool(rec, CDOM_COMPLETE)) {
		emt_text_printf(t, "  ");
		emt_text_puts(t, EMT_STYLE_WARN, "incomplete");
		emt_text_printf(t, ": %s\n", emt_loss_text(emt_rec_obj(rec, CDOM_LOSS), text, sizeof(text)));
	}
	return 0;
}

const struct emt_record_kind emt_kind_change_domain = {
	.name = "change_domain",
	.schema = "emt.change_domain",
	.help = "a domain compared with itself under other facts",
	.columns = domain_columns,
	.nr_columns = CDOM_NR,
	.layout = layout_domain,
};

/* ---- groups ---- */

static const char *what_word(unsigned int i)
{
	return i ? "defects" : "type";
}

static const struct emt_column group_columns[CGRP_NR] = {
	[CGRP_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, 0, "domain id"),
	[CGRP_WHAT] = EMT_COLUMN("what", EMT_COL_STRING, SHOWN,
				 "type: the type changes; defects: only known defects do", .word = what_word,
				 .nr_words = 2),
	[CGRP_CERTAIN] =
		EMT_COLUMN("certain", EMT_COL_BOOL, 0, "one type before and one after; else it may change"),
	[CGRP_BEFORE] = EMT_COLUMN("before", EMT_COL_STRINGS, SHOWN, "type expected before", .join = " or "),
	[CGRP_AFTER] = EMT_COLUMN("after", EMT_COL_STRINGS, SHOWN, "type expected after", .join = " or "),
	[CGRP_PARTS] = EMT_COLUMN("parts", EMT_COL_STRINGS, SHOWN,
				  "types of the parts where it is split after", .join = " and "),
	[CGRP_SPLITS] = EMT_COLUMN("splits", EMT_COL_BOOL, 0, "superpages, whole before and split after"),
	[CGRP_ENTRIES] = EMT_COLUMN("entries", EMT_COL_NUMBER, SHOWN, "entries"),
	[CGRP_BYTES] = EMT_COLUMN("bytes", EMT_COL_BYTES, SHOWN, "guest memory they map", .unit = "bytes"),
	[CGRP_ORDER] = EMT_COLUMN("order", EMT_COL_NUMBER, 0, "0, 9 or 18: 4 KiB, 2 MiB, 1 GiB"),
	[CGRP_P2M_TYPES] = EMT_COLUMN("p2m_types", EMT_COL_STRINGS, 0, "p2m types taken for possible",
				      .word = emt_p2mt_name, .nr_words = EMT_P2M_NR),
	[CGRP_FIRST_GFN] = EMT_COLUMN("first_gfn", EMT_COL_FRAME, SHOWN, "first frame", .unit = "gfn"),
	[CGRP_RANGES] =
		EMT_COLUMN("ranges", EMT_COL_LIST, 0, "where; at most 16", .sub = &emt_kind_gfn_range),
	[CGRP_RANGES_TOTAL] = EMT_COLUMN("ranges_total", EMT_COL_NUMBER, 0, "how many ranges there are"),
	[CGRP_RULE_BEFORE] = EMT_COLUMN("rule_before", EMT_COL_STRING, NUL,
					"rule that decides before; null if several can"),
	[CGRP_RULE_AFTER] = EMT_COLUMN("rule_after", EMT_COL_STRING, SHOWN | NUL,
				       "rule that decides after; null if several can"),
	[CGRP_RULE_AFTER_TEXT] = EMT_COLUMN("rule_after_text", EMT_COL_STRING, NUL, "what it says"),
	[CGRP_COMMIT] = EMT_COLUMN("commit", EMT_COL_STRING, NUL, "commit behind the rule after"),
	[CGRP_FIXED] = EMT_COLUMN("defects_fixed", EMT_COL_STRINGS, SHOWN,
				  "known defects that no longer concern them"),
	[CGRP_INTRODUCED] =
		EMT_COLUMN("defects_introduced", EMT_COL_STRINGS, SHOWN, "known defects that newly do"),
};

static void put_defects(const struct emt_rec *rec, struct emt_text *t, unsigned int col, const char *word)
{
	for (size_t i = 0; i < emt_rec_count(rec, col); i++) {
		int d = emt_defect_by_id(emt_rec_str_at(rec, col, i));
		char first[80];

		snprintf(first, sizeof(first), "      %s %s: ", word, emt_rec_str_at(rec, col, i));
		emt_text_para(t, first, 8, d < 0 ? "" : emt_defects[d].title);
	}
}

static int layout_group(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	bool type = !strcmp(emt_rec_get_str(rec, CGRP_WHAT), what_word(0));
	const char *commit = emt_rec_get_str(rec, CGRP_COMMIT);
	char at[300], text[700], first[32];

	(void)variant;
	emt_spans_text(rec, CGRP_RANGES, CGRP_RANGES_TOTAL, emt_rec_get_u64(rec, CGRP_ENTRIES), "entry",
		       "entries", at, sizeof(at));
	emt_text_printf(t, "  ");
	emt_join_strings(rec, CGRP_BEFORE, " or ", text, sizeof(text));
	if (type) {
		emt_text_puts(t, EMT_STYLE_STRONG, text);
		emt_text_printf(t, " -> ");
		emt_join_strings(rec, CGRP_AFTER, " or ", text, sizeof(text));
	}
	emt_text_puts(t, EMT_STYLE_STRONG, text);
	emt_text_printf(t, "%s: %s",
			type ? emt_rec_get_bool(rec, CGRP_CERTAIN) ? "" : " (may change)" : " (same type)",
			at);
	emt_fmt_bytes(emt_rec_get_u64(rec, CGRP_BYTES), first, sizeof(first));
	emt_text_printf(t, ", %s\n", first);
	if (emt_rec_count(rec, CGRP_PARTS)) {
		emt_join_strings(rec, CGRP_PARTS, " and ", text, sizeof(text));
		emt_text_printf(t, "      %s; its parts become %s\n",
				emt_rec_get_bool(rec, CGRP_SPLITS)
					? "these superpages would be split"
					: "superpages that are split before and after",
				text);
	}
	if (type && emt_rec_has(rec, CGRP_RULE_AFTER_TEXT)) {
		snprintf(text, sizeof(text), "%s [%s%s%s]", emt_rec_get_str(rec, CGRP_RULE_AFTER_TEXT),
			 emt_rec_get_str(rec, CGRP_RULE_AFTER), *commit ? ", commit " : "", commit);
		emt_text_para(t, "      by the rule: ", 8, text);
	}
	put_defects(rec, t, CGRP_FIXED, "fixes");
	put_defects(rec, t, CGRP_INTRODUCED, "brings");
	return 0;
}

const struct emt_record_kind emt_kind_change_group = {
	.name = "change",
	.schema = "emt.change",
	.help = "entries whose expected type or known defects change alike",
	.columns = group_columns,
	.nr_columns = CGRP_NR,
	.layout = layout_group,
};

/* ---- a source under two engines ---- */

static void fill_group(struct emt_rec *rec, const struct emt_whatif_group *g, uint32_t domid)
{
	bool one = !(g->before & (g->before - 1)) && !(g->after & (g->after - 1));

	emt_rec_u64(rec, CGRP_DOMAIN, domid);
	emt_rec_str(rec, CGRP_WHAT, what_word(g->before == g->after));
	emt_rec_bool(rec, CGRP_CERTAIN, one);
	emt_fill_outcomes(rec, CGRP_BEFORE, g->before);
	emt_fill_outcomes(rec, CGRP_AFTER, g->after);
	emt_fill_outcomes(rec, CGRP_PARTS, g->inside);
	emt_rec_bool(rec, CGRP_SPLITS, g->splits);
	emt_rec_u64(rec, CGRP_ENTRIES, g->at.entries);
	emt_rec_u64(rec, CGRP_BYTES, g->at.frames * 4096);
	emt_rec_u64(rec, CGRP_ORDER, g->order);
	emt_fill_p2m_types(rec, CGRP_P2M_TYPES, g->types);
	emt_fill_spans(rec, &g->at, CGRP_RANGES, CGRP_RANGES_TOTAL, CGRP_FIRST_GFN);
	emt_rec_str(rec, CGRP_RULE_BEFORE, g->rule_before ? g->rule_before->id : NULL);
	if (g->rule_after) {
		emt_rec_str(rec, CGRP_RULE_AFTER, g->rule_after->id);
		emt_rec_str(rec, CGRP_RULE_AFTER_TEXT, g->rule_after->text);
		emt_rec_str(rec, CGRP_COMMIT, g->rule_after->cite);
	}
	emt_fill_defects(rec, CGRP_FIXED, g->fixed);
	emt_fill_defects(rec, CGRP_INTRODUCED, g->introduced);
}

static void fill_domain(struct emt_rec *rec, const struct emt_source_walk *walk, const struct emt_whatif *w,
			const struct emt_engine *before, const struct emt_engine *after,
			const struct emt_loss *loss)
{
	const struct emt_whatif_sum *s = emt_whatif_summary(w);

	emt_rec_u64(rec, CDOM_DOMAIN, walk->domid);
	emt_rec_text(rec, CDOM_NAME, walk->name);
	emt_rec_time(rec, CDOM_TIME, walk->time);
	emt_rec_text(rec, CDOM_RELEASE_BEFORE, emt_engine_release(before)->full);
	emt_rec_text(rec, CDOM_RELEASE_AFTER, emt_engine_release(after)->full);
	emt_rec_u64(rec, CDOM_ENTRIES, s->entries);
	emt_rec_u64(rec, CDOM_BYTES, s->frames * 4096);
	emt_rec_u64(rec, CDOM_CHANGED_ENTRIES, s->changed_entries);
	emt_rec_u64(rec, CDOM_CHANGED_BYTES, s->changed_frames * 4096);
	emt_rec_u64(rec, CDOM_SPLIT_ENTRIES, s->split_entries);
	emt_rec_u64(rec, CDOM_OPEN_ENTRIES, s->open_entries);
	emt_rec_u64(rec, CDOM_GROUPS, emt_whatif_count(w));
	emt_rec_u64(rec, CDOM_NOT_LISTED_ENTRIES, s->overflow);
	emt_rec_bool(rec, CDOM_COMPLETE, emt_loss_none(loss));
	emt_fill_loss(emt_rec_add(rec, CDOM_LOSS), loss);
}

static int add_run(const struct emt_run *run, void *whatif)
{
	return emt_whatif_run(whatif, run);
}

int emt_change_walk(struct emt_ctx *ctx, struct emt_source *s, size_t i, const struct emt_source_walk *walk,
		    struct emt_engine *before, struct emt_engine *after, uint64_t *changed)
{
	struct emt_whatif *w;
	struct emt_loss loss;
	struct emt_rec *rec;
	int rc = emt_whatif_new(&w, before, after);

	if (rc)
		return emt_err_set(ctx->err, EMT_E_NOMEM, "whatif", NULL, "not enough memory");
	rc = emt_ctx_runs(ctx, s, i, add_run, w, &loss);
	emt_whatif_finish(w);
	if (!rc) {
		rec = emt_out_rec(ctx->out, &emt_kind_change_domain);
		if (rec)
			fill_domain(rec, walk, w, before, after, &loss);
		rc = emt_out_put(ctx->out, rec, ctx->err);
	}
	for (size_t k = 0; k < emt_whatif_count(w) && !rc; k++) {
		rec = emt_out_rec(ctx->out, &emt_kind_change_group);
		if (rec)
			fill_group(rec, emt_whatif_get(w, k), walk->domid);
		rc = emt_out_put(ctx->out, rec, ctx->err);
	}
	*changed += emt_whatif_summary(w)->changed_entries;
	ctx->incomplete |= !emt_loss_none(&loss) || emt_whatif_summary(w)->overflow;
	emt_whatif_free(w);
	return rc;
}
