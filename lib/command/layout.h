/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Texts for people of the record kinds that are more than a table row. Internal to
 * lib/command.
 */
#ifndef EMT_COMMAND_LAYOUT_H
#define EMT_COMMAND_LAYOUT_H

#include "output/format.h"
#include "output/text.h"

enum emt_variant {
	EMT_VARIANT_PLAIN,
	EMT_VARIANT_MAIL,  /* explain --mail: 72 columns, for a mailing list */
	EMT_VARIANT_BRIEF, /* help: the list of commands */
};

int emt_layout_domain(const struct emt_rec *rec, struct emt_text *t, unsigned int variant);
int emt_layout_finding(const struct emt_rec *rec, struct emt_text *t, unsigned int variant);
int emt_layout_audit_result(const struct emt_rec *rec, struct emt_text *t, unsigned int variant);
int emt_layout_explanation(const struct emt_rec *rec, struct emt_text *t, unsigned int variant);
int emt_layout_command(const struct emt_rec *rec, struct emt_text *t, unsigned int variant);
int emt_layout_version(const struct emt_rec *rec, struct emt_text *t, unsigned int variant);
int emt_layout_import(const struct emt_rec *rec, struct emt_text *t, unsigned int variant);
int emt_layout_rule(const struct emt_rec *rec, struct emt_text *t, unsigned int variant);
int emt_layout_ruleset(const struct emt_rec *rec, struct emt_text *t, unsigned int variant);
int emt_layout_defect(const struct emt_rec *rec, struct emt_text *t, unsigned int variant);
int emt_layout_rule_change(const struct emt_rec *rec, struct emt_text *t, unsigned int variant);
int emt_layout_check_total(const struct emt_rec *rec, struct emt_text *t, unsigned int variant);
int emt_layout_verify(const struct emt_rec *rec, struct emt_text *t, unsigned int variant);

/* Column of strings joined: "WB! or UC"; returns 'out'. */
char *emt_join_strings(const struct emt_rec *rec, unsigned int col, const char *join, char *out, size_t room);

#endif
