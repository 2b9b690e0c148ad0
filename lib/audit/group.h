/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of findings: a group while it grows, and its explanation. */
#ifndef EMT_AUDIT_GROUP_H
#define EMT_AUDIT_GROUP_H

/* short of memory: the element is not added, its hh.tbl stays NULL */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "audit/findings.h"

/* What entries of one finding have in common. */
struct emt_group_key {
	uint8_t verdict, why, emt, ipat;
	int16_t defect;          /* -1 = first axis */
	uint16_t expected;       /* 0 where several are put together */
	uint64_t facts;          /* undetermined: what would decide; else 0 */
};

struct emt_group {
	struct emt_group_key key;
	struct emt_finding f;
	/* ranges joined over holes and over entries that a pin leaves alone */
	struct emt_gfn_range span[EMT_FINDING_RANGES];
	uint64_t nr_spans;
	uint64_t last_solid;     /* count of solid entries when last extended */
	uint64_t facts_any;      /* union, for when nothing explains all alone */
	UT_hash_handle hh;
};

/* Write explanation and next step. 'judged' is how many present entries there are. Of
 * 'facts' only how they are held is looked at: from when on lists are complete. */
void emt_group_explain(struct emt_group *g, const struct emt_release *rel, const struct emt_facts *facts,
		       uint64_t judged);

#endif
