/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Known defects: rules that a release follows and a later one fixed.
 */
#ifndef EMT_POLICY_DEFECT_H
#define EMT_POLICY_DEFECT_H

#include "policy/release.h"

enum emt_defect_severity { EMT_DEF_INFO, EMT_DEF_PERFORMANCE, EMT_DEF_CORRUPTION, EMT_DEF_SECURITY };

/* How it is found. */
enum emt_defect_scope {
	EMT_DEFECT_ENTRY,   /* an entry's inputs decide */
	EMT_DEFECT_VERDICT, /* an entry that is stale, inherited or misconfigured shows it */
	EMT_DEFECT_DOMAIN,  /* a fact about the whole domain */
};

struct emt_defect {
	const char *id;       /* "KD7" */
	const char *title;    /* "write-combining lost on MMIO above RAM" */
	const char *entries;  /* which entries it concerns */
	const char *harm;
	const char *releases; /* for people */
	const char *fixed_by; /* commit or advisory; "open" */
	const char *fixed_in; /* first fixed releases; "" while open */
	enum emt_defect_severity severity;
	enum emt_defect_scope scope;
};
extern const struct emt_defect emt_defects[];
extern const size_t emt_nr_defects;
/* Bit i of a defect mask stands for emt_defects[i]. */
typedef uint32_t emt_defect_mask;

int emt_defect_by_id(const char *id);
/* "info", "performance", "corruption", "security". */
const char *emt_defect_severity_name(unsigned int severity);

/* Defects present in a release, whatever the entries. */
emt_defect_mask emt_defects_of(const struct emt_release *rel);

/* Entry-scope defects that certainly concern entries with these inputs: 'box' as
 * 'rel' sees them, 'out' what its rules allow, 'first_invalid_some' whether some
 * but not all frames of the range are invalid, 'sub_guest' the guest types of the
 * single pages (0 = not computed). */
struct emt_defect_query {
	const struct emt_release *rel;
	const struct emt_box *box;
	emt_outcomes out;
	unsigned int order;
	bool some_invalid;     /* a frame of the range is not valid */
	bool around_all_special; /* order 0, and the 2 MiB around could be one special superpage */
	uint16_t sub_guest;    /* order > 0: guest MTRR values of the pages inside, as a set */
	uint16_t sub_host;
	emt_outcomes sub_out;  /* order > 0, before 4.5: outcomes of the pages inside */
};
emt_defect_mask emt_defects_entry(const struct emt_defect_query *q);

#endif
