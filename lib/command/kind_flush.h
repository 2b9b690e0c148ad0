/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Record kinds of `flush`: a change judged, and what a release misses whatever changes.
 */
#ifndef EMT_COMMAND_KIND_FLUSH_H
#define EMT_COMMAND_KIND_FLUSH_H

#include "output/record.h"
#include "policy/flush.h"

enum {
	FLUSH_PAGING,
	FLUSH_TABLES,
	FLUSH_RELEASES,
	FLUSH_CHANGE,
	FLUSH_CHANGE_TEXT,
	FLUSH_NEEDS_TEXT,
	FLUSH_BEFORE,
	FLUSH_AFTER,
	FLUSH_NEED_TABLE,
	FLUSH_NEED_TLB,
	FLUSH_DOES_TABLE,
	FLUSH_DOES_TLB,
	FLUSH_VERDICT,
	FLUSH_WHY,
	FLUSH_FIXED_BY,
	FLUSH_FIXED_IN,
	FLUSH_NR
};
extern const struct emt_record_kind emt_kind_flush;
/* 'releases' in words. */
void emt_fill_flush(struct emt_rec *rec, const struct emt_fl_where *where, const char *releases,
		    const struct emt_fl_result *r);

enum { FLD_ID, FLD_TEXT, FLD_RELEASES, FLD_FIXED_BY, FLD_FIXED_IN, FLD_NR };
extern const struct emt_record_kind emt_kind_flush_defect;
void emt_fill_flush_defect(struct emt_rec *rec, const struct emt_fl_defect *d);

/* Words of columns, for other kinds too. */
const char *emt_flush_tables_word(unsigned int i); /* "separate", "shared" */
const char *emt_flush_change_word(unsigned int i); /* "removed" ... */
const char *emt_flush_perm_word(unsigned int i);   /* "--", "r-", "-w", "rw" */
enum emt_style emt_style_flush(const char *text);

#endif
