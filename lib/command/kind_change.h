/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Record kinds of `whatif` and `upgrade-check`, and what both do with a source.
 */
#ifndef EMT_COMMAND_KIND_CHANGE_H
#define EMT_COMMAND_KIND_CHANGE_H

#include "audit/whatif.h"
#include "command/ctx.h"
#include "command/layout.h"

/* A domain compared with itself under other facts or rules. */
enum {
	CDOM_DOMAIN, CDOM_NAME, CDOM_TIME, CDOM_RELEASE_BEFORE, CDOM_RELEASE_AFTER, CDOM_ENTRIES, CDOM_BYTES,
	CDOM_CHANGED_ENTRIES, CDOM_CHANGED_BYTES, CDOM_SPLIT_ENTRIES, CDOM_OPEN_ENTRIES, CDOM_GROUPS,
	CDOM_NOT_LISTED_ENTRIES, CDOM_COMPLETE, CDOM_LOSS, CDOM_NR
};
extern const struct emt_record_kind emt_kind_change_domain;

/* Entries that change alike. */
enum {
	CGRP_DOMAIN, CGRP_WHAT, CGRP_CERTAIN, CGRP_BEFORE, CGRP_AFTER, CGRP_PARTS, CGRP_SPLITS, CGRP_ENTRIES,
	CGRP_BYTES, CGRP_ORDER, CGRP_P2M_TYPES, CGRP_FIRST_GFN, CGRP_RANGES, CGRP_RANGES_TOTAL, CGRP_RULE_BEFORE,
	CGRP_RULE_AFTER, CGRP_RULE_AFTER_TEXT, CGRP_COMMIT, CGRP_FIXED, CGRP_INTRODUCED, CGRP_NR
};
extern const struct emt_record_kind emt_kind_change_group;

/* Ranges as a list of the kind gfn_range, how many there are, and the first gfn. */
void emt_fill_spans(struct emt_rec *rec, const struct emt_spans *s, unsigned int ranges, unsigned int total,
		    unsigned int first);
/* "1,024 entries at 0xf0000-0xf03ff and 2 more ranges"; returns 'out'. */
char *emt_spans_text(const struct emt_rec *rec, unsigned int ranges, unsigned int total, uint64_t n,
		     const char *one, const char *many, char *out, size_t room);

/* Compare walk 'i' of 's' under both engines, put its domain and groups. Returns 0 or
 * a negative error; adds changed entries to '*changed'. */
int emt_change_walk(struct emt_ctx *ctx, struct emt_source *s, size_t i, const struct emt_source_walk *walk,
		    struct emt_engine *before, struct emt_engine *after, uint64_t *changed);

/* Rules, what they look at, and defects that differ, as records of the kinds
 * rule_change and defect_change. In cmd_policy.c. */
int emt_put_rule_changes(struct emt_ctx *ctx, const struct emt_release *a, const struct emt_release *b);
int emt_put_defect_changes(struct emt_ctx *ctx, const struct emt_release *a, const struct emt_release *b);

#endif
