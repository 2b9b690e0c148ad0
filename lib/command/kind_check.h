/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Record kinds of `audit --check`: emt's answers beside those of Xen's own function.
 */
#ifndef EMT_COMMAND_KIND_CHECK_H
#define EMT_COMMAND_KIND_CHECK_H

#include "audit/audit.h"
#include "output/record.h"
#include "source/source.h"

enum { CHK_DOMAIN, CHK_GFN, CHK_ORDER, CHK_COUNT, CHK_DIFFERS, CHK_TYPE, CHK_PENDING, CHK_EXPECTED, CHK_XEN, CHK_TEXT, CHK_NR };
extern const struct emt_record_kind emt_kind_check_difference;

enum { CHT_DOMAIN, CHT_ASKED, CHT_AGREE, CHT_PENDING, CHT_EMT_XEN, CHT_ENTRY_XEN, CHT_MORE, CHT_NR };
extern const struct emt_record_kind emt_kind_checked;

/* What three say of one entry: differences are joined while they go on alike. */
struct emt_check_difference {
	uint32_t domid;
	struct emt_run run;      /* the entry, or several */
	bool emt_xen, entry_xen; /* who differs */
	emt_outcomes expected;   /* by emt */
	unsigned int xen;        /* outcome number */
};
void emt_fill_check_difference(struct emt_rec *rec, const struct emt_check_difference *d);

struct emt_checked {
	uint32_t domid;
	uint64_t asked, agree, pending, emt_xen, entry_xen;
	uint64_t unlisted;       /* differences that are not listed: too many */
};
void emt_fill_checked(struct emt_rec *rec, const struct emt_checked *c);

#endif
