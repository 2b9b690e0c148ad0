/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Record kinds of `explain`.
 */
#ifndef EMT_COMMAND_KIND_EXPLAIN_H
#define EMT_COMMAND_KIND_EXPLAIN_H

#include "audit/explain.h"
#include "output/record.h"

enum { SEEN_WHAT, SEEN_VALUE, SEEN_HELD, SEEN_FACT, SEEN_ORIGIN, SEEN_DETAIL, SEEN_NR };
enum { STEP_NUMBER, STEP_ID, STEP_TEXT, STEP_RESULT, STEP_GIVES, STEP_COMMIT, STEP_SEEN, STEP_NR };
enum { EFF_PAT, EFF_TYPE, EFF_NR };
enum { QUIRK_ID, QUIRK_TEXT, QUIRK_NR };
enum { NEED_FACT, NEED_HELP, NEED_ORIGIN, NEED_HOW, NEED_NR };

enum {
	EXPL_DOMAIN,
	EXPL_NAME,
	EXPL_RELEASE,
	EXPL_TIME,
	EXPL_SOURCE,
	EXPL_GFN,
	EXPL_MAPPED,
	EXPL_VERDICT,
	EXPL_SEVERITY,
	EXPL_TEXT,
	EXPL_ENTRY,
	EXPL_ABOVE,
	EXPL_RULES,
	EXPL_EFFECTIVE,
	EXPL_DEFECTS,
	EXPL_QUIRKS,
	EXPL_ASSUMED,
	EXPL_MISSING,
	EXPL_NEAREST_BEFORE,
	EXPL_NEAREST_AFTER,
	EXPL_NR
};
extern const struct emt_record_kind emt_kind_explanation;

void emt_fill_explanation(struct emt_rec *rec, const struct emt_explanation *x, const struct emt_facts *f,
			  uint32_t domid);

#endif
