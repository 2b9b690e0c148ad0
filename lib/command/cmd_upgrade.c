/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * upgrade-check: what another release of the hypervisor means for types.
 */
#include <stdio.h>
#include <string.h>

#include "command/kind_change.h"
#include "command/kind_policy.h"
#include "policy/effective.h"

/* ---- remarks ---- */

enum { REM_ABOUT, REM_TEXT, REM_NR };
static const struct emt_column remark_columns[REM_NR] = {
	[REM_ABOUT] = EMT_COLUMN("about", EMT_COL_STRING, EMT_COLF_SHOWN, "what it is about"),
	[REM_TEXT] = EMT_COLUMN("text", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_WRAP, "what to know"),
};

static int layout_remark(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	char first[64];

	(void)variant;
	snprintf(first, sizeof(first), "  %s: ", emt_rec_get_str(rec, REM_ABOUT));
	emt_text_para(t, first, 4, emt_rec_get_str(rec, REM_TEXT));
	return 0;
}

static const struct emt_record_kind kind_remark = {
	.name = "remark", .schema = "emt.remark", .help = "what to know beyond single entries",
	.columns = remark_columns, .nr_columns = REM_NR, .layout = layout_remark,
};

static int put_remark(struct emt_ctx *ctx, const char *about, const char *text)
{
	struct emt_rec *rec = emt_out_rec(ctx->out, &kind_remark);

	if (rec) {
		emt_rec_str(rec, REM_ABOUT, about);
		emt_rec_str(rec, REM_TEXT, text);
	}
	return emt_out_put(ctx->out, rec, ctx->err);
}

static bool uses_guest_mtrrs(const struct emt_era *era)
{
	for (size_t i = 0; i < era->nr_rules; i++)
		if (era->rules[i]->action == EMT_ACT_GUEST)
			return true;
	return false;
}

static bool looks_at(const struct emt_era *era, unsigned int atom)
{
	for (size_t i = 0; i < era->nr_rules; i++)
		for (unsigned int k = 0; k < EMT_RULE_CONDS && era->rules[i]->cond[k].set; k++)
			if (era->rules[i]->cond[k].atom == atom)
				return true;
	return false;
}

/* Guest MTRRs honoured, or the guest's PAT alone: what a guest loses that relied on
 * the one or the other. The types named come from the table of effective types. */
static int pat_alone(struct emt_ctx *ctx, const struct emt_release *with, const struct emt_release *alone,
		     bool gains)
{
	const char *mtrr = emt_mt_name(emt_effective(EMT_MT_WC, false, EMT_MT_7, false));
	const char *pat = emt_mt_name(emt_effective(EMT_MT_WB, false, EMT_MT_7, false));
	char text[600];

	snprintf(text, sizeof(text),
		 "%s takes guest MTRRs into account, %s honours the guest's PAT alone (with non-coherent "
		 "DMA). A "
		 "frame buffer that the guest covers with a WC MTRR and maps with PAT UC- is %s with the one "
		 "and %s "
		 "with the other: %s. A guest that asks for WC through its PAT gets it with both.",
		 with->text, alone->text, mtrr, pat,
		 gains ? "it gains write-combining" : "it loses write-combining");
	return put_remark(ctx, "guest MTRRs and PAT", text);
}

static int kvm_remarks(struct emt_ctx *ctx, const struct emt_release *a, const struct emt_release *b)
{
	int rc = 0;

	if (uses_guest_mtrrs(a->era) && !uses_guest_mtrrs(b->era))
		rc = pat_alone(ctx, a, b, false);
	else if (!uses_guest_mtrrs(a->era) && uses_guest_mtrrs(b->era))
		rc = pat_alone(ctx, b, a, true);
	if (!rc && looks_at(b->era, EMT_ATOM_QUIRK_PAT) && !looks_at(a->era, EMT_ATOM_QUIRK_PAT))
		rc = put_remark(ctx, "quirk IGNORE_GUEST_PAT",
				"The VMM may switch the quirk off; then the guest's PAT counts without "
				"non-coherent DMA "
				"too, and pages that were WB whatever the guest asked for follow it.");
	if (!rc && looks_at(a->era, EMT_ATOM_CD) && !looks_at(b->era, EMT_ATOM_CD))
		rc = put_remark(
			ctx, "guest CR0.CD",
			"With non-coherent DMA a guest that sets CR0.CD had all its memory UC (or WB by the "
			"quirk); it no longer plays a part.");
	return rc;
}

/* ---- the command ---- */

struct upgrade {
	struct emt_ctx *ctx;
	bool kvm;
	uint64_t changed; /* entries */
};

static int with_walk(void *arg, struct emt_source *s, size_t i, bool *any)
{
	struct upgrade *u = arg;
	struct emt_ctx *ctx = u->ctx;
	struct emt_engine *before = NULL, *after = NULL;
	struct emt_source_walk walk;
	struct emt_facts facts;
	int rc = emt_source_walk(s, i, &walk, ctx->err);

	if (rc)
		return rc;
	rc = emt_ctx_facts(ctx, s, i, &facts);
	if (rc) {
		emt_facts_free(&facts);
		return rc;
	}
	if (facts.prov[EMT_FACT_RELEASE].held != EMT_UNKNOWN && u->kvm != (facts.is_kvm != 0))
		rc = emt_err_set(ctx->err, EMT_E_USAGE, "upgrade-check",
				 facts.is_kvm ? "give kernels: 'kvm 6.1' 'kvm 6.12'" : "give releases of Xen",
				 "the source is a %s", facts.is_kvm ? "KVM guest" : "Xen domain");
	if (!rc)
		rc = emt_engine_new(&before, &facts, emt_parse_text(ctx->args, "from"), ctx->err);
	if (!rc)
		rc = emt_engine_new(&after, &facts, emt_parse_text(ctx->args, "to"), ctx->err);
	if (!rc) {
		rc = emt_change_walk(ctx, s, i, &walk, before, after, &u->changed);
		*any |= !rc;
	} else if (emt_ctx_skip(ctx, &walk, emt_source_walks(s))) {
		rc = 0;
	}
	emt_engine_free(before);
	emt_engine_free(after);
	emt_facts_free(&facts);
	return rc;
}

static int run_upgrade(struct emt_ctx *ctx)
{
	bool source = emt_parse_get(ctx->args, "source");
	struct emt_release a, b;
	struct upgrade u = { .ctx = ctx };
	int rc = emt_release_parse(&a, emt_parse_text(ctx->args, "from"), false, ctx->err);

	if (!rc)
		rc = emt_release_parse(&b, emt_parse_text(ctx->args, "to"), false, ctx->err);
	if (!rc && a.era->hv != b.era->hv)
		rc = emt_err_set(ctx->err, EMT_E_USAGE, "upgrade-check",
				 "compare two releases of Xen, or two kernels of KVM",
				 "%s and %s are different hypervisors", a.text, b.text);
	u.kvm = !rc && a.era->hv == EMT_HV_KVM;
	if (!rc && source)
		rc = emt_ctx_each_walk(ctx, &(struct emt_each_walk){ .one = with_walk, .arg = &u, EMT_NO_COMPARISON });
	else if (!rc)
		rc = emt_put_rule_changes(ctx, &a, &b);
	if (!rc)
		rc = emt_put_defect_changes(ctx, &a, &b);
	if (!rc && a.era->hv == EMT_HV_KVM)
		rc = kvm_remarks(ctx, &a, &b);
	if (!rc && a.era == b.era)
		emt_ctx_note(ctx, "%s and %s follow the same list of rules", a.text, b.text);
	ctx->findings = u.changed > 0;
	return rc;
}

static const struct emt_arg args[] = {
	{ .name = "from",
	  .type = EMT_ARG_RELEASE,
	  .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "FROM",
	  .help = "release that runs now: 4.14.0, \"kvm 6.1\"" },
	{ .name = "to",
	  .type = EMT_ARG_RELEASE,
	  .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "TO",
	  .help = "release to go to" },
	{ .name = "source",
	  .type = EMT_ARG_SOURCE,
	  .flags = EMT_ARGF_POSITIONAL,
	  .metavar = "SOURCE",
	  .help = "whose entries: a capture file, or a domain" },
	{ .name = "domain",
	  .type = EMT_ARG_DOMAIN,
	  .letter = 'd',
	  .metavar = "N",
	  .help = "only this domain of the source",
	  .fallback = "all" },
	{ .name = "generation",
	  .type = EMT_ARG_NUMBER,
	  .letter = 'g',
	  .metavar = "N",
	  .help = "this walk of each domain, counted from 0",
	  .fallback = "the newest" },
	{ .name = "salvage", .type = EMT_ARG_FLAG, .help = "read what is whole of a damaged capture" },
};
static const struct emt_section sections[] = {
	{ "domains", &emt_kind_change_domain, 0, NULL },
	{ "changes", &emt_kind_change_group, EMT_SECTION_MAIN, NULL },
	{ "rules", &emt_kind_rule_change, 0, "Rules that differ" },
	{ "defects", &emt_kind_defect_change, 0, "Known defects fixed and introduced" },
	{ "remarks", &kind_remark, 0, "To know" },
};
static const struct emt_reply reply = { "emt.upgrade_check", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "upgrade-check 4.14.0 4.17.7 guest.emt", "which of this guest's entries get another type" },
	{ "upgrade-check 4.14.0 4.17.7", "what changes in the rules, which defects go and come" },
	{ "upgrade-check 'kvm 6.6' 'kvm 6.12'", "the same for two kernels of a KVM host" },
	{ "upgrade-check 'kvm 6.12' kvm-memslot vm.emt", "guest PAT honoured by memslot: who would notice" },
};

const struct emt_command emt_cmd_upgrade = {
	.name = "upgrade-check",
	.group = "Compare",
	.summary = "show what an upgrade of the hypervisor changes",
	.description =
		"With a source: every entry whose expected type differs between the two releases, one group "
		"for entries that change alike, with where they are, the rule that decides after the upgrade "
		"and "
		"the commit behind it, superpages that get split, and known defects that the upgrade fixes "
		"or "
		"brings for them. Facts are those of the source; what the source is missing makes several "
		"types "
		"possible, and is said.\n\n"
		"Without a source: the rules that differ, and the known defects fixed and introduced.\n\n"
		"Exit status: 0 no entry changes, or no source was given; 1 some do; 2 error; 3 none of "
		"those "
		"read do, but the source is incomplete.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.types = true,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_upgrade,
};
