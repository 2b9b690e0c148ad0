/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Judge whole table pages: entries that agree in attributes, gfn segment and kind
 * of frame are judged together, at about the speed of reading them. The answers
 * are those of emt_engine_run() on each entry.
 */
#ifndef EMT_AUDIT_PAGE_H
#define EMT_AUDIT_PAGE_H

#include "audit/audit.h"
#include "table/epte.h"

/* Which code runs; chosen for this CPU by emt_page_judge_new(). */
enum emt_page_code { EMT_PAGE_BEST, EMT_PAGE_PLAIN, EMT_PAGE_VECTOR };

struct emt_page_judge;

/* 'e' must outlive it and is used by it: one thread at a time. Builds a filter of
 * frames that are not of the commonest kind. EMT_E_UNSUPPORTED if this CPU lacks
 * what 'code' asks for. */
int emt_page_judge_new(struct emt_page_judge **out, struct emt_engine *e, enum emt_page_code code,
		       struct emt_err *err);
void emt_page_judge_free(struct emt_page_judge *j);
const char *emt_page_judge_code(const struct emt_page_judge *j); /* "plain", "avx2", "avx512" */

/* Judge 'n' leaf entries (at most 512) of 2^order frames each; the first maps 'gfn'.
 * A piece that is "ok" without defects or remarks may stand for entries apart from each
 * other (its count is right, its frames need not be consecutive) and comes before the
 * next piece of another kind; all others are exact and in gfn order. Entries that are
 * not valid are skipped. */
int emt_page_judge(struct emt_page_judge *j, const uint64_t *entries, unsigned int n, uint64_t gfn,
		   unsigned int order, const struct emt_epte_layout *layout, bool pending_above, emt_piece_cb cb,
		   void *arg);

#endif
