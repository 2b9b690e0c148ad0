/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flushes that the changes between two walks asked for: each group of pages that
 * changed alike is judged by the flush rules of its release. The verdict comes from the
 * rule: what hardware was told is not in a walk.
 */
#ifndef EMT_AUDIT_FLUSH_BETWEEN_H
#define EMT_AUDIT_FLUSH_BETWEEN_H

#include "audit/diff.h"
#include "policy/flush.h"
#include "source/queue_between.h"

struct emt_flush_group {
	struct emt_fl_result worst; /* of all that the facts allow */
	bool shared;                /* tables in the worst case */
	bool certain;               /* all that the facts allow has this verdict */
	uint64_t facts;             /* bit = enum emt_fact_id: facts that are not known and count */
	enum emt_flush_evidence evidence; /* what IOMMUs' queues show of it; set by _look() */
	struct emt_spans at;        /* entries: 4 KiB frames */
};

/* Room for a list of _between(): one for each change, verdict, kind of table and certainty. */
#define EMT_FLUSH_GROUPS (EMT_FLC_NR * EMT_FL_VERDICT_NR * 4)

/* Why nothing is judged. */
enum emt_flush_not {
	EMT_FLUSH_JUDGED,
	EMT_FLUSH_NO_IOMMU, /* no device sees the domain's memory through an IOMMU */
	EMT_FLUSH_UNKNOWN,  /* whether one does is not known */
	EMT_FLUSH_NO_RULES, /* no rules: not Xen, PV, or the mode of paging is not known */
	EMT_FLUSH_NOT_NR,
};

/* Judge the groups of a finished diff. 'facts' are those of the newer walk, 'before' those
 * of the older, of which only stated p2m types count; it may be NULL. 'rel' is the
 * release that made the changes. 'out' has room for EMT_FLUSH_GROUPS; '*n' are filled:
 * gravest first, and only changes that a device can notice. Pure. */
enum emt_flush_not emt_flush_between(const struct emt_facts *before, const struct emt_facts *facts,
				     const struct emt_release *rel, const struct emt_diff *d, struct emt_flush_group *out, size_t *n);
/* Whether changes of such a domain are judged at all. */
enum emt_flush_not emt_flush_not_judged(const struct emt_facts *facts, const struct emt_release *rel);
/* Look for the flushes that the group needs, in queues of a domain's IOMMUs: those of the
 * ranges that are kept. */
void emt_flush_look(struct emt_flush_group *g, const struct emt_queue_between *q, uint32_t domid);
/* How grave: critical where a device may still write to frames that the domain lost,
 * never above warning where it is not certain, or where a flush was seen or nothing is
 * there to be flushed; info for what is no finding. */
enum emt_severity emt_flush_severity(const struct emt_flush_group *g);
/* "flush-missed", "flush-not-added" (a device sees too little), "flush-not-seen" (the rule
 * says that it is done, and no queue shows it); NULL: no finding. */
const char *emt_flush_finding_word(unsigned int i); /* the names, from 0; NULL past the end */
const char *emt_flush_finding_name(const struct emt_flush_group *g);
const char *emt_flush_not_name(unsigned int not_judged); /* "judged", "no-iommu", "unknown", "no-rules" */

#endif
