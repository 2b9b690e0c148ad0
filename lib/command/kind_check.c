/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/kind_check.h"

#include <stdio.h>

#include "command/kind_audit.h"
#include "policy/box.h"

#define SHOWN EMT_COLF_SHOWN
#define RIGHT EMT_COLF_RIGHT

enum { DIFF_EMT_XEN, DIFF_ENTRY_XEN, DIFF_XEN, DIFF_NR };

static const char *differs_word(unsigned int i)
{
	static const char *const words[DIFF_NR] = { "emt-xen", "entry-xen", "xen" };

	return i < DIFF_NR ? words[i] : NULL;
}

static const struct emt_column difference_columns[CHK_NR] = {
	[CHK_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, 0, "domain id"),
	[CHK_GFN] = EMT_COLUMN("gfn", EMT_COL_FRAME, SHOWN | RIGHT, "first guest frame", .unit = "gfn"),
	[CHK_ORDER] = EMT_COLUMN("order", EMT_COL_NUMBER, SHOWN | RIGHT, "each entry is 2^order frames"),
	[CHK_COUNT] = EMT_COLUMN("count", EMT_COL_NUMBER, SHOWN | RIGHT, "entries"),
	[CHK_DIFFERS] = EMT_COLUMN("differs", EMT_COL_STRING, SHOWN,
				   "emt-xen: emt's rules from the entry and Xen's function; entry-xen: the entry from "
				   "both; xen: Xen's function from the entry and emt's rules", .word = differs_word, .nr_words = DIFF_NR),
	[CHK_TYPE] = EMT_COLUMN("type", EMT_COL_STRING, SHOWN, "of the entry, as key D prints it"),
	[CHK_PENDING] = EMT_COLUMN("pending", EMT_COL_BOOL, 0, "Xen will compute it anew when it is touched"),
	[CHK_EXPECTED] = EMT_COLUMN("expected", EMT_COL_STRINGS, SHOWN, "by emt's rules"),
	[CHK_XEN] = EMT_COLUMN("xen", EMT_COL_STRING, SHOWN, "by Xen's own function, now"),
	[CHK_TEXT] = EMT_COLUMN("text", EMT_COL_STRING, SHOWN | EMT_COLF_WRAP, "what it means"),
};
const struct emt_record_kind emt_kind_check_difference = {
	.name = "check_difference", .schema = "emt.check_difference", .columns = difference_columns, .nr_columns = CHK_NR,
	.help = "entries of which emt, Xen's function and the table do not say the same",
};

static const struct emt_column checked_columns[CHT_NR] = {
	[CHT_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, SHOWN, "domain id"),
	[CHT_ASKED] = EMT_COLUMN("asked", EMT_COL_NUMBER, SHOWN | RIGHT, "entries that Xen's own function was asked about"),
	[CHT_AGREE] = EMT_COLUMN("agree", EMT_COL_NUMBER, SHOWN | RIGHT, "of which all three say the same"),
	[CHT_PENDING] = EMT_COLUMN("pending", EMT_COL_NUMBER, SHOWN | RIGHT,
				   "of which emt and Xen say the same, and the entry is to be recomputed"),
	[CHT_EMT_XEN] = EMT_COLUMN("emt_xen", EMT_COL_NUMBER, SHOWN | RIGHT,
				   "of which emt's rules and Xen's function differ: one of the two is wrong"),
	[CHT_ENTRY_XEN] = EMT_COLUMN("entry_xen", EMT_COL_NUMBER, SHOWN | RIGHT,
				     "of which emt and Xen agree and the entry is another: stale, or changed meanwhile"),
	[CHT_MORE] = EMT_COLUMN("unlisted", EMT_COL_NUMBER, RIGHT, "differences that are counted and not listed"),
};
const struct emt_record_kind emt_kind_checked = {
	.name = "checked", .schema = "emt.checked", .columns = checked_columns, .nr_columns = CHT_NR,
	.help = "a domain's entries: the table, emt's rules, and Xen's own function",
};

void emt_fill_check_difference(struct emt_rec *rec, const struct emt_check_difference *d)
{
	char type[8];

	emt_run_type_text(&d->run, type);
	emt_rec_u64(rec, CHK_DOMAIN, d->domid);
	emt_rec_u64(rec, CHK_GFN, d->run.gfn);
	emt_rec_u64(rec, CHK_ORDER, d->run.order);
	emt_rec_u64(rec, CHK_COUNT, d->run.count);
	emt_rec_str(rec, CHK_DIFFERS, differs_word(!d->emt_xen ? DIFF_ENTRY_XEN : d->entry_xen ? DIFF_XEN : DIFF_EMT_XEN));
	emt_rec_str(rec, CHK_TYPE, type);
	emt_rec_bool(rec, CHK_PENDING, d->run.emt == EMT_MT_7 || d->run.flags & EMT_RUN_PENDING_ABOVE);
	emt_fill_outcomes(rec, CHK_EXPECTED, d->expected);
	emt_rec_str(rec, CHK_XEN, emt_outcome_name(d->xen));
	emt_rec_str(rec, CHK_TEXT, d->emt_xen ? "emt's rules and this Xen's own function differ: emt or Xen is wrong; report it"
					      : "the entry is not what Xen would write now");
}

void emt_fill_checked(struct emt_rec *rec, const struct emt_checked *c)
{
	emt_rec_u64(rec, CHT_DOMAIN, c->domid);
	emt_rec_u64(rec, CHT_ASKED, c->asked);
	emt_rec_u64(rec, CHT_AGREE, c->agree);
	emt_rec_u64(rec, CHT_PENDING, c->pending);
	emt_rec_u64(rec, CHT_EMT_XEN, c->emt_xen);
	emt_rec_u64(rec, CHT_ENTRY_XEN, c->entry_xen);
	emt_rec_u64(rec, CHT_MORE, c->unlisted);
}
