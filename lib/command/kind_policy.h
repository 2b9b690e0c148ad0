/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Record kinds about rules and known defects.
 */
#ifndef EMT_COMMAND_KIND_POLICY_H
#define EMT_COMMAND_KIND_POLICY_H

#include "output/record.h"
#include "policy/defect.h"
#include "policy/release.h"

enum {
	DEF_ID,
	DEF_TITLE,
	DEF_SEVERITY,
	DEF_ENTRIES,
	DEF_HARM,
	DEF_RELEASES,
	DEF_FIXED_BY,
	DEF_FIXED_IN,
	DEF_NR
};
extern const struct emt_record_kind emt_kind_defect;
void emt_fill_defect(struct emt_rec *rec, const struct emt_defect *d);

enum { SET_RELEASES, SET_HYPERVISOR, SET_NAME, SET_RULES, SET_SUPERPAGES, SET_PENDING, SET_DEFECTS, SET_NR };
extern const struct emt_record_kind emt_kind_ruleset;
/* 'rel' NULL: no defects listed. */
void emt_fill_ruleset(struct emt_rec *rec, const struct emt_era *era, emt_defect_mask defects);

/* The release asked for and its rules; one record. */
enum { REL_RELEASE, REL_HYPERVISOR, REL_RELEASES, REL_NAME, REL_EXACT, REL_RULES, REL_SUPERPAGES, REL_PENDING,
       REL_IOMMU_TEST, REL_NR };
extern const struct emt_record_kind emt_kind_release;
void emt_fill_release(struct emt_rec *rec, const struct emt_release *rel);

enum { RULE_NUMBER, RULE_ID, RULE_TEXT, RULE_CONDITIONS, RULE_GIVES, RULE_COMMIT, RULE_NR };
extern const struct emt_record_kind emt_kind_rule;
void emt_fill_rule(struct emt_rec *rec, const struct emt_rule *rule, unsigned int number);
/* What a rule gives, in words: "UC", "the pinned type"; never NULL. */
const char *emt_rule_gives(const struct emt_rule *rule);

enum {
	CHG_CHANGE,
	CHG_ID,
	CHG_NUMBER_A,
	CHG_NUMBER_B,
	CHG_TEXT_A,
	CHG_TEXT_B,
	CHG_GIVES_A,
	CHG_GIVES_B,
	CHG_COMMIT,
	CHG_NR
};
extern const struct emt_record_kind emt_kind_rule_change;
enum { CHANGE_ADDED, CHANGE_REMOVED, CHANGE_MOVED, CHANGE_CHANGED, CHANGE_NR };
const char *emt_change_name(unsigned int change);

enum { DCHG_CHANGE, DCHG_ID, DCHG_TITLE, DCHG_SEVERITY, DCHG_HARM, DCHG_FIXED_BY, DCHG_FIXED_IN, DCHG_NR };
extern const struct emt_record_kind emt_kind_defect_change;
const char *emt_defect_change_name(unsigned int change); /* fixed, introduced */

enum { DIFF_FILE, DIFF_LINE, DIFF_ID, DIFF_QUERY, DIFF_RELEASE, DIFF_EXPECTED, DIFF_GOT, DIFF_NR };
extern const struct emt_record_kind emt_kind_difference;
enum { CFILE_FILE, CFILE_FORMAT, CFILE_LINES, CFILE_RESULTS, CFILE_DIFFER, CFILE_NR };
extern const struct emt_record_kind emt_kind_check_file;
enum { CTOTAL_RESULTS, CTOTAL_DIFFER, CTOTAL_LISTED, CTOTAL_NR };
extern const struct emt_record_kind emt_kind_check_total;

#endif
