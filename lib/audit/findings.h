/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Findings: pieces grouped under the smallest explanation. Memory is bounded
 * whatever the size of the guest.
 */
#ifndef EMT_AUDIT_FINDINGS_H
#define EMT_AUDIT_FINDINGS_H

#include "audit/audit.h"

#define EMT_FINDING_RANGES 16 /* ranges kept per finding; the rest are counted */

struct emt_gfn_range {
	uint64_t first, last; /* gfns, inclusive */
	uint64_t entries;
};

struct emt_finding {
	unsigned int id;          /* 1.. within this audit, in order of weight */
	const char *kind;         /* "mismatch", "unsplit", ... or "known-defect", "effective", "alias" */
	enum emt_severity severity;
	enum emt_verdict verdict; /* of its entries; EMT_V_NR: none, it is not of what they hold */
	enum emt_reason why;
	int defect;               /* index in emt_defects, -1 = first axis */
	uint8_t emt, ipat, perm, order; /* of its entries; 0xff = several (emt goes with ipat) */
	bool ipat_hidden;
	uint16_t types;
	emt_outcomes expected, possible;
	uint64_t facts;           /* as in struct emt_piece */
	uint64_t entries, frames; /* entries, and 4 KiB frames covered */
	uint64_t nr_ranges;       /* runs of gfns */
	struct emt_gfn_range ranges[EMT_FINDING_RANGES];
	char explanation[320];    /* smallest explanation: "one WC pin on 0xf0000-0xf07ff
	                           * would explain 2,048 entries" */
	char next[200];           /* how to decide or what to do; may be empty */
};

struct emt_summary {
	uint64_t entries[EMT_V_NR];  /* leaves, by verdict */
	uint64_t frames[EMT_V_NR];
	uint64_t pod_entries;        /* populate on demand: not judged */
	uint64_t intermediate;       /* intermediate entries looked at */
	uint64_t bytes_by_type[8];   /* guest bytes of present leaves by EMT; 7: all that is pending */
	uint64_t runs;
};

struct emt_findings;

int emt_findings_new(struct emt_findings **out, const struct emt_facts *facts, const struct emt_release *rel);
void emt_findings_free(struct emt_findings *f);
/* Add one piece; pieces come in gfn order. Shaped as an emt_piece_cb. */
int emt_findings_add(const struct emt_piece *piece, void *findings);
/* A finding of another pass, whole but for its id; before _finish(). 0 or EMT_E_NOMEM. */
int emt_findings_put(struct emt_findings *f, const struct emt_finding *one);
/* Close open groups, add domain-wide defects, write explanations, sort by weight. */
int emt_findings_finish(struct emt_findings *f);

size_t emt_findings_count(const struct emt_findings *f);
const struct emt_finding *emt_findings_get(const struct emt_findings *f, size_t i);
/* Its advice with the name of the source where it says SOURCE: the text itself, or 'out'. */
const char *emt_findings_advice(const char *next, const char *source, char *out, size_t room);
const struct emt_summary *emt_findings_summary(const struct emt_findings *f);
/* Findings at or above 'level'. */
size_t emt_findings_at(const struct emt_findings *f, enum emt_severity level);
/* Finding kinds that were merged away because the table was full (never silent). */
uint64_t emt_findings_overflow(const struct emt_findings *f);

#endif
