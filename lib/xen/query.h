/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The query payload from dom0's side: load and unload it, and ask it for a domain's entries
 * and the policy's inputs. It only reads; loading it changes Xen until it is unloaded.
 */
#ifndef EMT_XEN_QUERY_H
#define EMT_XEN_QUERY_H

#include "xen/livepatch.h"
#include "xen/query/abi.h"
#include "xen/query_build.h"

/* ---- the payload ---- */

struct emt_query_status {
	char build_id[EMT_XEN_BUILD_ID_ROOM];
	const struct emt_query_build *build; /* NULL = not known exactly */
	struct emt_livepatch patch;
};
int emt_query_status(struct emt_xen *x, struct emt_query_status *out, struct emt_err *err);

/* Could it be loaded now? 'own' (may be NULL) stands for the table. Gives the build whose
 * numbers it gets. Says what is missing: EMT_E_UNSUPPORTED, EMT_E_USAGE when it is there. */
int emt_query_may_load(struct emt_xen *x, const struct emt_query_status *s, const struct emt_query_build *own,
		       const struct emt_query_build **build, struct emt_err *err);

/* Upload, apply and check it against every domain that can be asked; whatever fails leaves
 * nothing behind. '*checked' counts them; 0: none runs, the first query checks. Needs
 * emt_xen_allow_changes(). EMT_E_FORMAT: the numbers are not this Xen's. */
int emt_query_load(struct emt_xen *x, const struct emt_query_build *build, uint32_t *checked, struct emt_err *err);
int emt_query_unload(struct emt_xen *x, const struct emt_query_status *s, struct emt_err *err);

/* ---- questions ---- */

struct emt_query_client;

/* Ask about a domain; checks the payload against it first. EMT_E_UNSUPPORTED: not loaded, or this
 * domain cannot be asked; EMT_E_FORMAT: a check failed; EMT_E_GONE; EMT_E_PERM. */
int emt_query_open(struct emt_query_client **out, struct emt_xen *x, uint32_t domid, struct emt_err *err);
void emt_query_close(struct emt_query_client *c);

/* Entries from '*gfn' on, up to 'last'; '*gfn' moves on. 'what': EMT_QUERY_F_*, 0 the entries alone. '*n'
 * may be 0 while there is more. The runs stay until the next call. */
int emt_query_walk(struct emt_query_client *c, uint64_t *gfn, uint64_t last, uint32_t what,
		   const struct emt_query_run **runs, size_t *n, bool *more, struct emt_err *err);

/* All inputs, of one instant; '*recs' is the caller's to free. */
int emt_query_policy(struct emt_query_client *c, struct emt_query_rec **recs, size_t *n, struct emt_err *err);

/* Special ones among frames 'first' to 'last', to 'cb' (0 to go on). */
int emt_query_special(struct emt_query_client *c, uint64_t first, uint64_t last,
		      int (*cb)(uint64_t first, uint64_t last, bool extra, void *arg), void *arg, struct emt_err *err);

/* What it has cost so far. */
struct emt_query_cost {
	uint64_t calls, runs, entries; /* entries in those runs */
	uint64_t ns, worst_ns;   /* in the calls, as dom0 sees it */
};
void emt_query_cost(const struct emt_query_client *c, struct emt_query_cost *out);
void emt_query_cost_reset(struct emt_query_client *c);

#endif
