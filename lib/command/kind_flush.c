/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/kind_flush.h"

#include <stdio.h>
#include <string.h>

#include "output/text.h"

#define SHOWN EMT_COLF_SHOWN
#define NUL EMT_COLF_NULL

const char *emt_flush_tables_word(unsigned int i)
{
	return i ? "shared" : "separate";
}

const char *emt_flush_change_word(unsigned int i)
{
	return i < EMT_FLC_NR ? emt_fl_rows[i].id : "?";
}

const char *emt_flush_perm_word(unsigned int i)
{
	static const char *const words[] = { "--", "r-", "-w", "rw" };

	return words[i & 3];
}

static const char *paging_word(unsigned int i)
{
	static const uint8_t modes[] = { EMT_PAGING_EPT, EMT_PAGING_NPT, EMT_PAGING_SHADOW };

	return emt_paging_name(i < EMT_ARRAY_SIZE(modes) ? modes[i] : EMT_PAGING_EPT);
}

enum emt_style emt_style_flush(const char *text)
{
	if (!strcmp(text, "missed"))
		return EMT_STYLE_BAD;
	if (!strcmp(text, "not-added") || !strcmp(text, "by-design"))
		return EMT_STYLE_WARN;
	return !strcmp(text, "ok") ? EMT_STYLE_GOOD : EMT_STYLE_NONE;
}

static const struct emt_column flush_columns[FLUSH_NR] = {
	[FLUSH_PAGING] = EMT_COLUMN("paging", EMT_COL_STRING, SHOWN, "how the guest's memory is translated",
				    .word = paging_word, .nr_words = 3),
	[FLUSH_TABLES] = EMT_COLUMN("tables", EMT_COL_STRING, SHOWN,
				    "separate: the IOMMU has tables of its own; shared: it uses the p2m's",
				    .word = emt_flush_tables_word, .nr_words = 2),
	[FLUSH_RELEASES] = EMT_COLUMN("releases", EMT_COL_STRING, SHOWN, "releases that do so"),
	[FLUSH_CHANGE] = EMT_COLUMN("change", EMT_COL_STRING, SHOWN, "what the change is to devices",
				    .word = emt_flush_change_word, .nr_words = EMT_FLC_NR),
	[FLUSH_CHANGE_TEXT] = EMT_COLUMN("change_text", EMT_COL_STRING, 0, "the same in words"),
	[FLUSH_NEEDS_TEXT] = EMT_COLUMN("needs_text", EMT_COL_STRING, 0, "what such a change asks for, in words"),
	[FLUSH_BEFORE] = EMT_COLUMN("before", EMT_COL_STRING, SHOWN, "what devices could do; of a table: taken for rw",
				    .word = emt_flush_perm_word, .nr_words = 4),
	[FLUSH_AFTER] = EMT_COLUMN("after", EMT_COL_STRING, SHOWN, "what devices may do then",
				   .word = emt_flush_perm_word, .nr_words = 4),
	[FLUSH_NEED_TABLE] = EMT_COLUMN("needs_tables", EMT_COL_STRING, SHOWN,
					"what is right for the IOMMU's tables; nothing if shared",
					.word = emt_fl_table_name, .nr_words = EMT_FL_TABLE_NR),
	[FLUSH_NEED_TLB] = EMT_COLUMN("needs_flush", EMT_COL_STRING, SHOWN,
				      "what is right for the IOTLB; added: only where what is not present is cached",
				      .word = emt_fl_tlb_name, .nr_words = EMT_FL_TLB_NR),
	[FLUSH_DOES_TABLE] = EMT_COLUMN("does_tables", EMT_COL_STRING, SHOWN, "what these releases do",
					.word = emt_fl_table_name, .nr_words = EMT_FL_TABLE_NR),
	[FLUSH_DOES_TLB] = EMT_COLUMN("does_flush", EMT_COL_STRING, SHOWN, "what these releases flush",
				      .word = emt_fl_tlb_name, .nr_words = EMT_FL_TLB_NR),
	[FLUSH_VERDICT] = EMT_COLUMN("verdict", EMT_COL_STRING, SHOWN,
				     "missed: devices keep what they had; not-added: devices lack what they should have",
				     .word = emt_fl_verdict_name, .nr_words = EMT_FL_VERDICT_NR,
				     .style = emt_style_flush),
	[FLUSH_WHY] = EMT_COLUMN("why", EMT_COL_STRING, 0, "how they come to it"),
	[FLUSH_FIXED_BY] = EMT_COLUMN("fixed_by", EMT_COL_STRING, SHOWN | NUL,
				      "commit or advisory; null while open, or where nothing is missed"),
	[FLUSH_FIXED_IN] = EMT_COLUMN("fixed_in", EMT_COL_STRING, NUL, "first releases with the fix"),
};

/* "unmap, flush" */
static const char *both(const struct emt_rec *rec, unsigned int table, unsigned int tlb, char *out, size_t room)
{
	const char *t = emt_rec_get_str(rec, table), *f = emt_rec_get_str(rec, tlb);
	bool none = !strcmp(t, "nothing"), yes = !strcmp(f, "yes"), added = !strcmp(f, "added");

	snprintf(out, room, "%s%s%s", none ? "" : t, !none && (yes || added) ? ", " : "",
		 yes ? "flush" : added ? "flush as added" : none ? "nothing" : "");
	return out;
}

static int layout_flush(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	const char *verdict = emt_rec_get_str(rec, FLUSH_VERDICT), *paging = emt_rec_get_str(rec, FLUSH_PAGING);
	char need[64], does[64];

	(void)variant;
	emt_text_puts(t, EMT_STYLE_STRONG, paging);
	emt_text_printf(t, ", %s tables, Xen %s: ", emt_rec_get_str(rec, FLUSH_TABLES),
			emt_rec_get_str(rec, FLUSH_RELEASES));
	emt_text_puts(t, emt_style_flush(verdict), verdict);
	emt_text_printf(t, "\n");
	if (strcmp(verdict, "not-used") != 0)
		emt_text_printf(t, "  devices %s -> %s; right: %s; done: %s\n", emt_rec_get_str(rec, FLUSH_BEFORE),
				emt_rec_get_str(rec, FLUSH_AFTER),
				both(rec, FLUSH_NEED_TABLE, FLUSH_NEED_TLB, need, sizeof(need)),
				both(rec, FLUSH_DOES_TABLE, FLUSH_DOES_TLB, does, sizeof(does)));
	emt_text_para(t, "  ", 2, emt_rec_get_str(rec, FLUSH_WHY));
	if (emt_rec_has(rec, FLUSH_FIXED_BY))
		emt_text_printf(t, "  fixed by %s, in %s\n", emt_rec_get_str(rec, FLUSH_FIXED_BY),
				emt_rec_get_str(rec, FLUSH_FIXED_IN));
	return 0;
}

const struct emt_record_kind emt_kind_flush = {
	.name = "flush_rule", .schema = "emt.flush_rule", .help = "what a change of an entry asks of the IOMMU, and gets",
	.columns = flush_columns, .nr_columns = FLUSH_NR, .layout = layout_flush,
};

void emt_fill_flush(struct emt_rec *rec, const struct emt_fl_where *where, const char *releases,
		    const struct emt_fl_result *r)
{
	emt_rec_str(rec, FLUSH_PAGING, emt_paging_name(where->paging));
	emt_rec_str(rec, FLUSH_TABLES, emt_flush_tables_word(where->shared));
	emt_rec_str(rec, FLUSH_RELEASES, releases);
	emt_rec_str(rec, FLUSH_CHANGE, emt_flush_change_word(r->change));
	emt_rec_str(rec, FLUSH_CHANGE_TEXT, emt_fl_rows[r->change].text);
	emt_rec_str(rec, FLUSH_NEEDS_TEXT, emt_fl_rows[r->change].needs);
	emt_rec_str(rec, FLUSH_BEFORE, emt_flush_perm_word(r->before));
	emt_rec_str(rec, FLUSH_AFTER, emt_flush_perm_word(r->after));
	emt_rec_str(rec, FLUSH_NEED_TABLE, emt_fl_table_name(r->need_table));
	emt_rec_str(rec, FLUSH_NEED_TLB, emt_fl_tlb_name(r->need_tlb));
	emt_rec_str(rec, FLUSH_DOES_TABLE, emt_fl_table_name(r->does_table));
	emt_rec_str(rec, FLUSH_DOES_TLB, emt_fl_tlb_name(r->does_tlb));
	emt_rec_str(rec, FLUSH_VERDICT, emt_fl_verdict_name(r->verdict));
	emt_rec_str(rec, FLUSH_WHY, r->why);
	emt_rec_str(rec, FLUSH_FIXED_BY, r->fixed_by);
	emt_rec_str(rec, FLUSH_FIXED_IN, r->fixed_in);
}

static const struct emt_column defect_columns[FLD_NR] = {
	[FLD_ID] = EMT_COLUMN("id", EMT_COL_STRING, SHOWN, "id of the defect"),
	[FLD_TEXT] = EMT_COLUMN("text", EMT_COL_STRING, SHOWN | EMT_COLF_WRAP, "what is wrong"),
	[FLD_RELEASES] = EMT_COLUMN("releases", EMT_COL_STRING, SHOWN, "releases that have it"),
	[FLD_FIXED_BY] = EMT_COLUMN("fixed_by", EMT_COL_STRING, SHOWN, "commit or advisory"),
	[FLD_FIXED_IN] = EMT_COLUMN("fixed_in", EMT_COL_STRING, 0, "first releases with the fix"),
};
const struct emt_record_kind emt_kind_flush_defect = {
	.name = "flush_defect", .schema = "emt.flush_defect",
	.help = "a miss of the IOMMU's caches that concerns every change of a release",
	.columns = defect_columns, .nr_columns = FLD_NR,
};

void emt_fill_flush_defect(struct emt_rec *rec, const struct emt_fl_defect *d)
{
	emt_rec_str(rec, FLD_ID, d->id);
	emt_rec_str(rec, FLD_TEXT, d->text);
	emt_rec_str(rec, FLD_RELEASES, d->releases);
	emt_rec_str(rec, FLD_FIXED_BY, d->fixed_by);
	emt_rec_str(rec, FLD_FIXED_IN, d->fixed_in);
}
