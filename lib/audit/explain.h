/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Explain one entry: the rules tried in order, the facts each looked at with value
 * and origin, the rule that decided, the commit behind it, quirks and defects.
 */
#ifndef EMT_AUDIT_EXPLAIN_H
#define EMT_AUDIT_EXPLAIN_H

#include "audit/audit.h"

/* One fact as a rule saw it. */
struct emt_seen {
	const char *atom;     /* "p2m type", "guest MTRR type", ... */
	char value[96];       /* "mmio_direct", "WB or UC" */
	enum emt_held held;   /* weakest of the facts behind it */
	const char *fact;     /* name of the fact file's key behind it; may be NULL */
	char origin[96];      /* who says so; may be empty */
	char detail[160];     /* "variable range 1: 0xe0000000-0xefffffff WC"; may be empty */
};

enum emt_step_result { EMT_STEP_NO, EMT_STEP_MAYBE, EMT_STEP_DECIDES };

struct emt_step {
	const struct emt_rule *rule;
	enum emt_step_result result;
	emt_outcomes gives;       /* what it gives where it fires */
	struct emt_seen seen[EMT_RULE_CONDS + 2];
	unsigned int nr_seen;
};

#define EMT_EXPLAIN_STEPS 16
#define EMT_EXPLAIN_QUIRKS 6

/* One of the known quirks: Q1..Q5 of the MTRR and pin look-up, "h.6" of the save record. */
struct emt_quirk {
	const char *id;
	const char *text;
};
/* The i-th of them; NULL past the end. */
const struct emt_quirk *emt_quirk_at(size_t i);

struct emt_explanation {
	struct emt_piece piece;       /* the entry (count 1) and its verdict */
	struct emt_step steps[EMT_EXPLAIN_STEPS];
	unsigned int nr_steps;
	const struct emt_quirk *quirks[EMT_EXPLAIN_QUIRKS];
	unsigned int nr_quirks;
	char verdict_text[320];       /* one sentence */
	char effective[8][4];         /* effective type under PAT UC WC WT WP WB UC-: see below */
	unsigned int nr_assumed;      /* assumed facts that the verdict rests on */
	enum emt_fact_id assumed[EMT_FACT_NR];
	unsigned int nr_missing;      /* unknown facts that would decide */
	enum emt_fact_id missing[EMT_FACT_NR];
};

/* PAT types in the order of emt_explanation.effective: UC, UC-, WC, WT, WB, WP. */
extern const uint8_t emt_explain_pats[6];

/* Explain the entry of 'run' that holds 'gfn'. */
int emt_engine_explain(struct emt_engine *e, const struct emt_run *run, uint64_t gfn,
		       struct emt_explanation *out);

#endif
