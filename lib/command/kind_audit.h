/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Record kinds of `audit`, and small ones that others share.
 */
#ifndef EMT_COMMAND_KIND_AUDIT_H
#define EMT_COMMAND_KIND_AUDIT_H

#include "audit/findings.h"
#include "capture/capture.h"
#include "output/record.h"

/* What was lost on the way into a walk. */
enum {
	LOSS_LINES_UNPARSED,
	LOSS_ENTRIES_CUT,
	LOSS_CHUNKS_BAD,
	LOSS_CHANGED,
	LOSS_CUT_HEAD,
	LOSS_CUT_TAIL,
	LOSS_NOTE,
	LOSS_NR
};
extern const struct emt_record_kind emt_kind_loss;
void emt_fill_loss(struct emt_rec *rec, const struct emt_loss *loss);
/* One sentence, e.g. "its beginning is missing; 3 lines made no sense"; returns 'out'. */
char *emt_loss_text(const struct emt_rec *loss, char *out, size_t room);

enum { VCOUNT_VERDICT, VCOUNT_ENTRIES, VCOUNT_BYTES, VCOUNT_NR };
extern const struct emt_record_kind emt_kind_verdict_count;

enum { TBYTES_TYPE, TBYTES_BYTES, TBYTES_NR };
extern const struct emt_record_kind emt_kind_type_bytes;

enum { GRANGE_FIRST_GFN, GRANGE_LAST_GFN, GRANGE_ENTRIES, GRANGE_NR };
extern const struct emt_record_kind emt_kind_gfn_range;

/* One domain audited. */
enum {
	DOM_DOMAIN,
	DOM_NAME,
	DOM_UUID,
	DOM_GENERATION,
	DOM_LABEL,
	DOM_TIME,
	DOM_RELEASE,
	DOM_RELEASE_EXACT,
	DOM_RELEASE_FORCED,
	DOM_PAGING,
	DOM_RUNS,
	DOM_ENTRIES,
	DOM_BYTES,
	DOM_INTERMEDIATE,
	DOM_POD_ENTRIES,
	DOM_VERDICTS,
	DOM_TYPES,
	DOM_RELEASE_DEFECTS,
	DOM_FINDINGS,
	DOM_FINDINGS_MERGED,
	DOM_COMPLETE,
	DOM_DECIDED,
	DOM_LOSS,
	DOM_NR
};
extern const struct emt_record_kind emt_kind_domain;
struct emt_source_walk;
/* What was read of a domain whose entries carry no memory types. */
struct emt_read {
	uint64_t runs, entries, frames; /* leaves, and 4 KiB frames that they map */
};
void emt_fill_domain_unjudged(struct emt_rec *rec, const struct emt_source_walk *walk, const struct emt_facts *facts,
			      const struct emt_release *rel, const struct emt_read *read, const struct emt_loss *loss,
			      bool forced);
/* 'forced': the user named the release. */
void emt_fill_domain(struct emt_rec *rec, const struct emt_source_walk *walk, const struct emt_engine *e,
		     const struct emt_findings *f, const struct emt_loss *loss, bool forced);
/* Lists of verdict counts and of bytes by type; sums of all verdicts in '*entries', '*frames'. */
void emt_fill_verdicts(struct emt_rec *rec, unsigned int col, const struct emt_summary *s, uint64_t *entries,
		       uint64_t *frames);
void emt_fill_types(struct emt_rec *rec, unsigned int col, const struct emt_summary *s);

enum {
	FIND_ID,
	FIND_DOMAIN,
	FIND_SEVERITY,
	FIND_KIND,
	FIND_DEFECT,
	FIND_TITLE,
	FIND_VERDICT,
	FIND_REASON,
	FIND_FIRST_GFN,
	FIND_ENTRIES,
	FIND_BYTES,
	FIND_TYPE,
	FIND_EMT,
	FIND_IPAT,
	FIND_PERM,
	FIND_ORDER,
	FIND_P2M_TYPES,
	FIND_EXPECTED,
	FIND_POSSIBLE,
	FIND_FACTS,
	FIND_RANGES,
	FIND_RANGES_TOTAL,
	FIND_EXPLANATION,
	FIND_NEXT,
	FIND_FIXED_BY,
	FIND_FIXED_IN,
	FIND_CHANGE,
	FIND_NR
};
extern const struct emt_record_kind emt_kind_finding;
void emt_fill_finding(struct emt_rec *rec, const struct emt_finding *f, uint32_t domid);
/* A change between two walks whose flush the release forgets, as number 'id' of the domain's
 * findings; times of the walks in seconds since 1970, 0 = not stated. */
struct emt_flush_group;
void emt_fill_flush_finding(struct emt_rec *rec, const struct emt_flush_group *g, uint32_t domid, unsigned int id,
			    int64_t before, int64_t after);

/* The audit as a whole. */
enum { RES_DOMAINS, RES_FINDINGS, RES_FAIL_ON, RES_LISTED, RES_HIDDEN, RES_UNDETERMINED_ENTRIES, RES_COMPLETE,
       RES_HINT, RES_NR };
extern const struct emt_record_kind emt_kind_audit_result;

/* Lists of words from sets. */
void emt_fill_outcomes(struct emt_rec *rec, unsigned int col, emt_outcomes set);
void emt_fill_facts(struct emt_rec *rec, unsigned int col, uint64_t facts);
void emt_fill_defects(struct emt_rec *rec, unsigned int col, emt_defect_mask defects);
void emt_fill_p2m_types(struct emt_rec *rec, unsigned int col, uint16_t types);

/* Colours of the words. */
enum emt_style emt_style_verdict(const char *text);
enum emt_style emt_style_severity(const char *text);

#endif
