/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Record kinds of `diff`.
 */
#ifndef EMT_COMMAND_KIND_DIFF_H
#define EMT_COMMAND_KIND_DIFF_H

#include "audit/flush_between.h"
#include "output/record.h"

/* Two walks of a domain. */
enum {
	DDOM_DOMAIN, DDOM_DOMAIN_AFTER, DDOM_NAME, DDOM_GENERATION_BEFORE, DDOM_GENERATION_AFTER, DDOM_LABEL_BEFORE,
	DDOM_LABEL_AFTER, DDOM_TIME_BEFORE, DDOM_TIME_AFTER, DDOM_BYTES_BEFORE, DDOM_BYTES_AFTER, DDOM_SAME_BYTES,
	DDOM_CHANGED_BYTES, DDOM_CHANGES, DDOM_NOT_LISTED_BYTES, DDOM_JUDGED, DDOM_FLUSHES, DDOM_COMPLETE,
	DDOM_NR
};
extern const struct emt_record_kind emt_kind_diff_domain;

enum { DCNT_CHANGE, DCNT_BYTES, DCNT_NR };
extern const struct emt_record_kind emt_kind_diff_count;

/* Pages that changed alike. */
enum {
	DGRP_DOMAIN, DGRP_CHANGES, DGRP_TYPE_BEFORE, DGRP_TYPE_AFTER, DGRP_VERDICT_BEFORE, DGRP_VERDICT_AFTER,
	DGRP_PERM_BEFORE, DGRP_PERM_AFTER, DGRP_ORDER_BEFORE, DGRP_ORDER_AFTER, DGRP_P2MT_BEFORE, DGRP_P2MT_AFTER,
	DGRP_PAGES, DGRP_BYTES, DGRP_FIRST_GFN, DGRP_RANGES, DGRP_RANGES_TOTAL, DGRP_NR
};
extern const struct emt_record_kind emt_kind_diff_group;
void emt_fill_diff_group(struct emt_rec *rec, const struct emt_diff_group *g, uint32_t domid);

enum { DFCT_DOMAIN, DFCT_FACT, DFCT_CHANGE, DFCT_BEFORE, DFCT_AFTER, DFCT_NR };
extern const struct emt_record_kind emt_kind_diff_fact;
enum { DFACT_ADDED, DFACT_REMOVED, DFACT_CHANGED };
const char *emt_diff_fact_word(unsigned int change);

enum {
	DFND_DOMAIN, DFND_CHANGE, DFND_SEVERITY, DFND_KIND, DFND_DEFECT, DFND_TYPE, DFND_ENTRIES_BEFORE,
	DFND_ENTRIES_AFTER, DFND_FIRST_GFN, DFND_EXPLANATION, DFND_NR
};
extern const struct emt_record_kind emt_kind_diff_finding;
void emt_fill_diff_finding(struct emt_rec *rec, enum emt_finding_change change, const struct emt_finding *before,
			   const struct emt_finding *after, uint32_t domid);

/* What the IOMMU was owed, and whether the release's rules forget it. */
enum {
	DFLS_DOMAIN, DFLS_FINDING, DFLS_SEVERITY, DFLS_VERDICT, DFLS_CERTAIN, DFLS_CHANGE, DFLS_CHANGE_TEXT, DFLS_TABLES, DFLS_PAGES,
	DFLS_BYTES, DFLS_FIRST_GFN, DFLS_RANGES, DFLS_RANGES_TOTAL, DFLS_NEED_TABLE, DFLS_NEED_TLB, DFLS_DOES_TABLE,
	DFLS_DOES_TLB, DFLS_WHY, DFLS_FIXED_BY, DFLS_FIXED_IN, DFLS_FACTS, DFLS_EVIDENCE, DFLS_EVIDENCE_TEXT, DFLS_NR
};
extern const struct emt_record_kind emt_kind_diff_flush;
/* 'w': the window that queues show, or NULL. */
void emt_fill_diff_flush(struct emt_rec *rec, const struct emt_flush_group *g, uint32_t domid,
			 const struct emt_queue_window *w);

#endif
