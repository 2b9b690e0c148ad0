/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Record kind of `show`: a run of entries with its verdict.
 */
#ifndef EMT_COMMAND_KIND_RUN_H
#define EMT_COMMAND_KIND_RUN_H

#include "audit/audit.h"
#include "output/record.h"

enum {
	RUN_DOMAIN,
	RUN_GFN,
	RUN_LAST_GFN,
	RUN_ENTRY,
	RUN_ORDER,
	RUN_COUNT,
	RUN_BYTES,
	RUN_MFN,
	RUN_PERM,
	RUN_TYPE,
	RUN_EMT,
	RUN_IPAT,
	RUN_PENDING,
	RUN_P2M_TYPE,
	RUN_P2M_TYPES,
	RUN_VERDICT,
	RUN_REASON,
	RUN_EXPECTED,
	RUN_POSSIBLE,
	RUN_FACTS,
	RUN_DEFECTS,
	RUN_RECALC,
	RUN_ACCESSED,
	RUN_DIRTY,
	RUN_SNP,
	RUN_SUPPRESS_VE,
	RUN_ACCESS,
	RUN_RAW,
	RUN_NR
};
extern const struct emt_record_kind emt_kind_run;

/* 'judged' false: the verdict columns stay null. */
void emt_fill_run(struct emt_rec *rec, const struct emt_piece *piece, uint32_t domid, bool judged);

#endif
