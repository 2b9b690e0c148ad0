/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `effective`, `alias`, `bars` and `explain --va` share: the guest's memory, its
 * views and what the EPT says of it. Internal to lib/command.
 */
#ifndef EMT_COMMAND_GUEST_VIEW_H
#define EMT_COMMAND_GUEST_VIEW_H

#include "audit/effective.h"
#include "command/ctx.h"

/* Options that name the tables by hand: --cr3, --paging-mode, --pat. */
extern const struct emt_arg_group emt_args_guest;

struct emt_ctx_guest {
	struct emt_facts facts;    /* owned; of emt_ctx_guest() */
	struct emt_engine *engine; /* owned; NULL where nested tables are AMD's: nothing judges them */
	struct emt_gpas gpas;      /* owned */
	struct emt_view *views;    /* owned */
	size_t nr;
	bool once;
	struct emt_guest_memory mem;
	struct emt_loss loss;      /* of the p2m walk */
	struct emt_guest_result total; /* of all walks of guest tables so far */
};

/* All that is needed to look at walk 'i' as its vCPUs do: reads the p2m once. Close it
 * in any case. EMT_E_MISSING when the source shows no registers or no tables. */
int emt_ctx_guest(struct emt_ctx *ctx, struct emt_source *s, size_t i, struct emt_ctx_guest *g);
/* The guest's side alone, for those who have read the p2m themselves into g->gpas; 'g' is
 * zeroed by them. */
int emt_ctx_guest_views(struct emt_ctx *ctx, struct emt_source *s, size_t i, const struct emt_facts *f,
			struct emt_ctx_guest *g, struct emt_err *err);
void emt_ctx_guest_close(struct emt_ctx_guest *g);

/* Every piece of each view between two linear addresses. With g->once each table is
 * walked once only, whichever entries, vCPUs and processes lead to it: for those who ask
 * what there is, not where. */
typedef int (*emt_eff_cb)(const struct emt_view *view, const struct emt_eff *e, void *arg);
int emt_ctx_guest_each(struct emt_ctx *ctx, struct emt_ctx_guest *g, uint64_t first, uint64_t last,
		       emt_eff_cb cb, void *arg);

/* "4 KiB" ...; "rwx" of the guest's own rights with 'u' in front for user pages. */
const char *emt_guest_page_text(unsigned int order);
void emt_guest_rights_text(unsigned int flags, char out[8]);
const char *emt_pat_text(unsigned int pat); /* "UC-", "WB", "?" */

#endif
