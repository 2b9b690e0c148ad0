/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/kind_run.h"

#include "command/kind_audit.h"

#define SHOWN EMT_COLF_SHOWN
#define NUL EMT_COLF_NULL

enum { ENTRY_LEAF, ENTRY_INTERMEDIATE, ENTRY_POD, ENTRY_NR };

static const char *entry_word(unsigned int i)
{
	static const char *const words[ENTRY_NR] = { "leaf", "intermediate", "pod" };

	return i < ENTRY_NR ? words[i] : "leaf";
}

static const struct emt_column columns[RUN_NR] = {
	[RUN_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, 0, "domain id"),
	[RUN_GFN] = EMT_COLUMN("gfn", EMT_COL_FRAME, SHOWN, "first guest frame", .unit = "gfn", .width = 9),
	[RUN_LAST_GFN] =
		EMT_COLUMN("last_gfn", EMT_COL_FRAME, SHOWN, "last guest frame", .unit = "gfn", .width = 9),
	[RUN_ENTRY] =
		EMT_COLUMN("entry", EMT_COL_STRING, 0, "leaf, intermediate, or pod (populate on demand)",
			   .word = entry_word, .nr_words = ENTRY_NR),
	[RUN_ORDER] = EMT_COLUMN("order", EMT_COL_NUMBER, SHOWN, "0, 9 or 18: each entry is 2^order frames"),
	[RUN_COUNT] = EMT_COLUMN("count", EMT_COL_NUMBER, SHOWN, "entries", .width = 6),
	[RUN_BYTES] = EMT_COLUMN("bytes", EMT_COL_BYTES, 0, "guest memory mapped", .unit = "bytes"),
	[RUN_MFN] = EMT_COLUMN("mfn", EMT_COL_FRAME, SHOWN | NUL,
			       "first machine frame; null where there is none", .unit = "mfn", .width = 9),
	[RUN_PERM] = EMT_COLUMN("perm", EMT_COL_STRING, SHOWN, "permissions"),
	[RUN_TYPE] = EMT_COLUMN("type", EMT_COL_STRING, SHOWN,
				"as key D prints it: ! ipat, ? to be recomputed", .width = 4),
	[RUN_EMT] = EMT_COLUMN("emt", EMT_COL_STRING, NUL,
			       "memory type of the entry; ?? is 7; null where none is shown",
			       .word = emt_mt_name, .nr_words = 8),
	[RUN_IPAT] = EMT_COLUMN("ipat", EMT_COL_BOOL, NUL, "ignore-PAT bit; null when the source hides it"),
	[RUN_PENDING] = EMT_COLUMN("pending", EMT_COL_BOOL, 0,
				   "EMT 7 here or above; from 4.5 on Xen recomputes it when next touched"),
	[RUN_P2M_TYPE] = EMT_COLUMN("p2m_type", EMT_COL_STRING, NUL, "p2m type as the source shows it",
				    .word = emt_p2mt_name, .nr_words = EMT_P2M_NR),
	[RUN_P2M_TYPES] = EMT_COLUMN("p2m_types", EMT_COL_STRINGS, 0, "p2m types taken for possible",
				     .word = emt_p2mt_name, .nr_words = EMT_P2M_NR),
	[RUN_VERDICT] = EMT_COLUMN(
		"verdict", EMT_COL_STRING, SHOWN | NUL, "is it what the release writes; null if not judged",
		.word = emt_verdict_name, .nr_words = EMT_V_NR, .width = 12, .style = emt_style_verdict),
	[RUN_REASON] = EMT_COLUMN("reason", EMT_COL_STRING, NUL, "why; null when there is no more to say",
				  .word = emt_reason_name, .nr_words = EMT_WHY_NR),
	[RUN_EXPECTED] = EMT_COLUMN("expected", EMT_COL_STRINGS, SHOWN,
				    "what the release writes, assumptions held", .join = " or ", .width = 8),
	[RUN_POSSIBLE] = EMT_COLUMN("possible", EMT_COL_STRINGS, 0,
				    "what it writes if assumptions are false too", .join = " or "),
	[RUN_FACTS] = EMT_COLUMN("facts", EMT_COL_STRINGS, 0, "facts that would decide, or must be false"),
	[RUN_DEFECTS] =
		EMT_COLUMN("defects", EMT_COL_STRINGS, SHOWN, "known defects of the release that concern it"),
	[RUN_RECALC] = EMT_COLUMN("recalc", EMT_COL_BOOL, 0, "recalc bit"),
	[RUN_ACCESSED] = EMT_COLUMN("accessed", EMT_COL_BOOL, 0, "accessed bit"),
	[RUN_DIRTY] = EMT_COLUMN("dirty", EMT_COL_BOOL, 0, "dirty bit"),
	[RUN_SNP] = EMT_COLUMN("snp", EMT_COL_BOOL, 0, "snoop bit for VT-d"),
	[RUN_SUPPRESS_VE] = EMT_COLUMN("suppress_ve", EMT_COL_BOOL, 0, "#VE is suppressed"),
	[RUN_ACCESS] =
		EMT_COLUMN("access", EMT_COL_NUMBER, NUL, "p2m access type number; null when not shown"),
	[RUN_RAW] = EMT_COLUMN("raw", EMT_COL_HEX, NUL, "bits of the first entry; null when not known"),
};
const struct emt_record_kind emt_kind_run = {
	.name = "run", .schema = "emt.run", .columns = columns, .nr_columns = RUN_NR,
	.help = "adjacent entries with equal attributes, consecutive frames and one verdict",
};

static void fill_type(struct emt_rec *rec, const struct emt_run *r)
{
	bool none = r->flags & (EMT_RUN_POD | EMT_RUN_NO_TYPE);
	char type[8], perm[4];

	emt_run_type_text(r, type);
	emt_rec_str(rec, RUN_TYPE, type);
	emt_perm_text(r->perm, perm);
	emt_rec_str(rec, RUN_PERM, perm);
	if (!none)
		emt_rec_str(rec, RUN_EMT, emt_mt_name(r->emt));
	if (!none && !(r->flags & EMT_RUN_IPAT_HIDDEN))
		emt_rec_bool(rec, RUN_IPAT, r->ipat);
	emt_rec_bool(rec, RUN_PENDING, (r->flags & EMT_RUN_PENDING_ABOVE) || (!none && r->emt == EMT_MT_7));
}

void emt_fill_run(struct emt_rec *rec, const struct emt_piece *p, uint32_t domid, bool judged)
{
	const struct emt_run *r = &p->run;

	emt_rec_u64(rec, RUN_DOMAIN, domid);
	emt_rec_u64(rec, RUN_GFN, r->gfn);
	emt_rec_u64(rec, RUN_LAST_GFN, emt_run_last(r));
	emt_rec_str(rec, RUN_ENTRY,
		    entry_word(r->flags & EMT_RUN_POD		 ? ENTRY_POD
			       : r->flags & EMT_RUN_INTERMEDIATE ? ENTRY_INTERMEDIATE
								 : ENTRY_LEAF));
	emt_rec_u64(rec, RUN_ORDER, r->order);
	emt_rec_u64(rec, RUN_COUNT, r->count);
	emt_rec_u64(rec, RUN_BYTES, emt_run_frames(r) * 4096);
	if (r->mfn != EMT_NO_FRAME)
		emt_rec_u64(rec, RUN_MFN, r->mfn);
	fill_type(rec, r);
	if (r->p2mt < EMT_P2M_NR)
		emt_rec_str(rec, RUN_P2M_TYPE, emt_p2mt_name(r->p2mt));
	emt_fill_p2m_types(rec, RUN_P2M_TYPES, judged ? p->types : 0);
	if (judged) {
		emt_rec_str(rec, RUN_VERDICT, emt_verdict_name(p->verdict));
		if (p->why != EMT_WHY_NONE)
			emt_rec_str(rec, RUN_REASON, emt_reason_name(p->why));
	}
	emt_fill_outcomes(rec, RUN_EXPECTED, judged ? p->expected : 0);
	emt_fill_outcomes(rec, RUN_POSSIBLE, judged ? p->possible : 0);
	emt_fill_facts(rec, RUN_FACTS, judged ? p->facts : 0);
	emt_fill_defects(rec, RUN_DEFECTS, judged ? p->defects : 0);
	emt_rec_bool(rec, RUN_RECALC, r->flags & EMT_RUN_RECALC);
	emt_rec_bool(rec, RUN_ACCESSED, r->flags & EMT_RUN_ACCESSED);
	emt_rec_bool(rec, RUN_DIRTY, r->flags & EMT_RUN_DIRTY);
	emt_rec_bool(rec, RUN_SNP, r->flags & EMT_RUN_SNP);
	emt_rec_bool(rec, RUN_SUPPRESS_VE, r->flags & EMT_RUN_SUPPRESS_VE);
	if (r->access != 0xff)
		emt_rec_u64(rec, RUN_ACCESS, r->access);
	if (r->flags & EMT_RUN_RAW)
		emt_rec_u64(rec, RUN_RAW, r->raw | (r->mfn != EMT_NO_FRAME ? r->mfn << 12 : 0));
}
