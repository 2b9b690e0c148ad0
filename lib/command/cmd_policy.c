/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy list, show, compare: the rules themselves.
 */
#include <stdio.h>
#include <string.h>

#include "command/ctx.h"
#include "command/kind_change.h"
#include "command/kind_policy.h"

#define MAX_RULES 32

/* ---- list ---- */

/* Defects of the newest listed release that follows 'era'. */
static emt_defect_mask era_defects(const struct emt_era *era)
{
	emt_defect_mask mask = 0;
	struct emt_release rel;
	const char *text;

	for (size_t i = 0; (text = emt_release_list(i, era->hv)); i++)
		if (!emt_release_parse(&rel, text, era->hv == EMT_HV_KVM, NULL) && rel.era == era)
			mask = emt_defects_of(&rel);
	return mask;
}

static int run_list(struct emt_ctx *ctx)
{
	const struct emt_era *era;
	int rc = 0;

	for (int hv = EMT_HV_XEN; hv <= EMT_HV_KVM; hv++)
		for (size_t i = 0; (era = emt_era_at((enum emt_hypervisor)hv, i)) && !rc; i++) {
			struct emt_rec *rec = emt_out_rec(ctx->out, &emt_kind_ruleset);

			if (rec)
				emt_fill_ruleset(rec, era, era_defects(era));
			rc = emt_out_put(ctx->out, rec, ctx->err);
		}
	return rc;
}

/* ---- show ---- */

static int release_arg(struct emt_ctx *ctx, const char *name, struct emt_release *rel)
{
	return emt_release_parse(rel, emt_parse_text(ctx->args, name), false, ctx->err);
}

static int run_show(struct emt_ctx *ctx)
{
	struct emt_release rel;
	struct emt_rec *rec;
	emt_defect_mask mask;
	int rc = release_arg(ctx, "release_wanted", &rel);

	if (rc)
		return rc;
	rec = emt_out_rec(ctx->out, &emt_kind_release);
	if (rec)
		emt_fill_release(rec, &rel);
	rc = emt_out_put(ctx->out, rec, ctx->err);
	for (size_t i = 0; i < rel.era->nr_rules && !rc; i++) {
		rec = emt_out_rec(ctx->out, &emt_kind_rule);
		if (rec)
			emt_fill_rule(rec, rel.era->rules[i], (unsigned int)i + 1);
		rc = emt_out_put(ctx->out, rec, ctx->err);
	}
	mask = emt_defects_of(&rel);
	for (size_t i = 0; i < emt_nr_defects && !rc; i++) {
		if (!(mask & (1u << i)))
			continue;
		rec = emt_out_rec(ctx->out, &emt_kind_defect);
		if (rec)
			emt_fill_defect(rec, &emt_defects[i]);
		rc = emt_out_put(ctx->out, rec, ctx->err);
	}
	return rc;
}

/* ---- compare ---- */

static int rule_by_id(const struct emt_era *era, const char *id)
{
	for (size_t i = 0; i < era->nr_rules; i++)
		if (!strcmp(era->rules[i]->id, id))
			return (int)i;
	return -1;
}

static bool same_rule(const struct emt_rule *a, const struct emt_rule *b)
{
	if (a == b)
		return true;
	for (int i = 0; i < EMT_RULE_CONDS; i++)
		if (a->cond[i].atom != b->cond[i].atom || a->cond[i].set != b->cond[i].set)
			return false;
	return a->action == b->action && a->out == b->out && !strcmp(a->text, b->text);
}

/* Rules of A that keep their order in B: the longest such set, as bits. */
static uint32_t in_order(const struct emt_era *a, const struct emt_era *b)
{
	unsigned int best[MAX_RULES], before[MAX_RULES], n = (unsigned int)a->nr_rules, end = MAX_RULES;
	uint32_t keep = 0;

	for (unsigned int i = 0; i < n && i < MAX_RULES; i++) {
		int at = rule_by_id(b, a->rules[i]->id);

		best[i] = at >= 0;
		before[i] = MAX_RULES;
		for (unsigned int k = 0; k < i && at >= 0; k++) {
			int prev = rule_by_id(b, a->rules[k]->id);

			if (prev >= 0 && prev < at && best[k] + 1 > best[i]) {
				best[i] = best[k] + 1;
				before[i] = k;
			}
		}
		if (best[i] && (end == MAX_RULES || best[i] > best[end]))
			end = i;
	}
	for (; end != MAX_RULES; end = before[end])
		keep |= 1u << end;
	return keep;
}

static int put_change(struct emt_ctx *ctx, unsigned int change, const struct emt_era *a, int ia,
		      const struct emt_era *b, int ib)
{
	const struct emt_rule *ra = ia >= 0 ? a->rules[ia] : NULL, *rb = ib >= 0 ? b->rules[ib] : NULL;
	struct emt_rec *rec = emt_out_rec(ctx->out, &emt_kind_rule_change);

	if (rec) {
		emt_rec_str(rec, CHG_CHANGE, emt_change_name(change));
		emt_rec_str(rec, CHG_ID, ra ? ra->id : rb->id);
		if (ra) {
			emt_rec_u64(rec, CHG_NUMBER_A, (uint64_t)ia + 1);
			emt_rec_str(rec, CHG_TEXT_A, ra->text);
			emt_rec_str(rec, CHG_GIVES_A, emt_rule_gives(ra));
		}
		if (rb) {
			emt_rec_u64(rec, CHG_NUMBER_B, (uint64_t)ib + 1);
			emt_rec_str(rec, CHG_TEXT_B, rb->text);
			emt_rec_str(rec, CHG_GIVES_B, emt_rule_gives(rb));
		}
		emt_rec_str(rec, CHG_COMMIT, rb && rb->cite ? rb->cite : ra ? ra->cite : NULL);
	}
	return emt_out_put(ctx->out, rec, ctx->err);
}

static int compare_rules(struct emt_ctx *ctx, const struct emt_era *a, const struct emt_era *b)
{
	uint32_t keep = in_order(a, b);
	int rc = 0;

	for (unsigned int i = 0; i < a->nr_rules && !rc; i++) {
		int at = rule_by_id(b, a->rules[i]->id);

		if (at < 0)
			rc = put_change(ctx, CHANGE_REMOVED, a, (int)i, b, -1);
		else if (!same_rule(a->rules[i], b->rules[at]))
			rc = put_change(ctx, CHANGE_CHANGED, a, (int)i, b, at);
		else if (!(keep & (1u << i)))
			rc = put_change(ctx, CHANGE_MOVED, a, (int)i, b, at);
	}
	for (unsigned int i = 0; i < b->nr_rules && !rc; i++)
		if (rule_by_id(a, b->rules[i]->id) < 0)
			rc = put_change(ctx, CHANGE_ADDED, a, -1, b, (int)i);
	return rc;
}

/* What the same words of a rule mean in a release. */
static int compare_input(struct emt_ctx *ctx, const char *id, const char *a, const char *b)
{
	struct emt_rec *rec;

	if (!strcmp(a, b))
		return 0;
	rec = emt_out_rec(ctx->out, &emt_kind_rule_change);
	if (rec) {
		emt_rec_str(rec, CHG_CHANGE, emt_change_name(CHANGE_CHANGED));
		emt_rec_str(rec, CHG_ID, id);
		emt_rec_str(rec, CHG_TEXT_A, a);
		emt_rec_str(rec, CHG_TEXT_B, b);
	}
	return emt_out_put(ctx->out, rec, ctx->err);
}

static const char *iommu_text(const struct emt_era *e)
{
	return e->iommu == EMT_IOMMU_DOMAIN ? "IOMMU in use: the domain has IOMMU tables" :
	       "IOMMU in use: the host has one";
}

static const char *caps_text(const struct emt_era *e)
{
	return e->cfp_pci ? "I/O rights: I/O memory, ports, or an assigned PCI device" :
	       "I/O rights: I/O memory or ports";
}

static const char *special_text(const struct emt_release *r)
{
	return r->special_xenheap_only ? "special pages: Xen heap only"
				       : "special pages: Xen heap and extra pages";
}

static const char *superpage_text(const struct emt_era *e)
{
	return e->order_aware ? "superpages: judged as a whole" : "superpages: the first frame decides";
}

static const char *pending_text(const struct emt_era *e)
{
	return e->lazy ? "EMT 7: recomputed when next touched" : "EMT 7: a misconfiguration";
}

static int compare_inputs(struct emt_ctx *ctx, const struct emt_release *a, const struct emt_release *b)
{
	int rc = 0;

	if (a->era->hv != EMT_HV_XEN || b->era->hv != EMT_HV_XEN)
		return 0;
	rc = compare_input(ctx, "iommu", iommu_text(a->era), iommu_text(b->era));
	if (!rc)
		rc = compare_input(ctx, "io-rights", caps_text(a->era), caps_text(b->era));
	if (!rc && rule_by_id(a->era, "special") >= 0 && rule_by_id(b->era, "special") >= 0)
		rc = compare_input(ctx, "special-pages", special_text(a), special_text(b));
	if (!rc)
		rc = compare_input(ctx, "superpages", superpage_text(a->era), superpage_text(b->era));
	if (!rc)
		rc = compare_input(ctx, "pending", pending_text(a->era), pending_text(b->era));
	return rc;
}

int emt_put_rule_changes(struct emt_ctx *ctx, const struct emt_release *a, const struct emt_release *b)
{
	int rc = compare_rules(ctx, a->era, b->era);

	return rc ? rc : compare_inputs(ctx, a, b);
}

int emt_put_defect_changes(struct emt_ctx *ctx, const struct emt_release *rel_a, const struct emt_release *rel_b)
{
	emt_defect_mask a = emt_defects_of(rel_a), b = emt_defects_of(rel_b);
	int rc = 0;

	for (size_t i = 0; i < emt_nr_defects && !rc; i++) {
		const struct emt_defect *d = &emt_defects[i];
		struct emt_rec *rec;

		if (!((a ^ b) & (1u << i)))
			continue;
		rec = emt_out_rec(ctx->out, &emt_kind_defect_change);
		if (rec) {
			emt_rec_str(rec, DCHG_CHANGE, emt_defect_change_name((b >> i) & 1));
			emt_rec_str(rec, DCHG_ID, d->id);
			emt_rec_str(rec, DCHG_TITLE, d->title);
			emt_rec_str(rec, DCHG_SEVERITY, emt_defect_severity_name(d->severity));
			emt_rec_str(rec, DCHG_HARM, d->harm);
			emt_rec_text(rec, DCHG_FIXED_BY, d->fixed_by);
			emt_rec_text(rec, DCHG_FIXED_IN, d->fixed_in);
		}
		rc = emt_out_put(ctx->out, rec, ctx->err);
	}
	return rc;
}

static int run_compare(struct emt_ctx *ctx)
{
	struct emt_release a, b;
	int rc = release_arg(ctx, "release_a", &a);

	if (!rc)
		rc = release_arg(ctx, "release_b", &b);
	if (!rc)
		rc = emt_put_rule_changes(ctx, &a, &b);
	if (!rc)
		rc = emt_put_defect_changes(ctx, &a, &b);
	if (!rc && a.era == b.era)
		emt_ctx_note(ctx, "%s and %s follow the same list of rules", a.text, b.text);
	return rc;
}

/* ---- declarations ---- */

#define GROUP "Rules"
#define POSITIONAL (EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED)

static const struct emt_section list_sections[] = { { "rulesets", &emt_kind_ruleset, EMT_SECTION_MAIN,
						      NULL } };
static const struct emt_reply list_reply = { "emt.policy.list", 1, 0, list_sections, 1 };
static const struct emt_example list_examples[] = {
	{ "policy list", "which releases share which rules" },
	{ "policy list --where 'defects == \"KD7\"'", "which have a certain defect" },
};

const struct emt_command emt_cmd_policy_list = {
	.name = "policy list",
	.group = GROUP,
	.summary = "list releases that share rules",
	.description =
		"Each line stands for the releases whose memory-type function follows the same list of "
		"rules. `policy show RELEASE` prints the list.",
	.groups = { &emt_args_output },
	.reply = &list_reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = list_examples,
	.nr_examples = EMT_ARRAY_SIZE(list_examples),
	.since = "0.1",
	.run = run_list,
};

static const struct emt_arg show_args[] = {
	{ .name = "release_wanted", .type = EMT_ARG_RELEASE, .flags = POSITIONAL, .metavar = "RELEASE",
	  .help = "hypervisor release: 4.17.7, staging-4.4, master, \"kvm 6.1\"" },
};
static const struct emt_section show_sections[] = {
	{ "release", &emt_kind_release, EMT_SECTION_ONE, NULL },
	{ "rules", &emt_kind_rule, EMT_SECTION_MAIN, "Rules, in order: the first that fires decides" },
	{ "defects", &emt_kind_defect, 0, "Known defects" },
};
static const struct emt_reply show_reply = { "emt.policy.show", 1, 0, show_sections,
					     EMT_ARRAY_SIZE(show_sections) };
static const struct emt_example show_examples[] = {
	{ "policy show 4.17.7", "the rules of Debian 12's Xen, and what is wrong with them" },
};

const struct emt_command emt_cmd_policy_show = {
	.name = "policy show",
	.group = GROUP,
	.summary = "show the rules of one release, in order",
	.description =
		"Prints the ordered rules by which a release chooses the memory type of an entry, with "
		"the commit behind each, and the known defects of that release.",
	.args = show_args,
	.nr_args = EMT_ARRAY_SIZE(show_args),
	.groups = { &emt_args_output },
	.reply = &show_reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = show_examples,
	.nr_examples = EMT_ARRAY_SIZE(show_examples),
	.since = "0.1",
	.run = run_show,
};

static const struct emt_arg compare_args[] = {
	{ .name = "release_a",
	  .type = EMT_ARG_RELEASE,
	  .flags = POSITIONAL,
	  .metavar = "A",
	  .help = "release to start from" },
	{ .name = "release_b",
	  .type = EMT_ARG_RELEASE,
	  .flags = POSITIONAL,
	  .metavar = "B",
	  .help = "release to go to" },
};
static const struct emt_section compare_sections[] = {
	{ "rules", &emt_kind_rule_change, EMT_SECTION_MAIN, "Rules that differ" },
	{ "defects", &emt_kind_defect_change, 0, "Known defects fixed and introduced" },
};
static const struct emt_reply compare_reply = { "emt.policy.compare", 1, 0, compare_sections,
						EMT_ARRAY_SIZE(compare_sections) };
static const struct emt_example compare_examples[] = {
	{ "policy compare 4.14.0 4.17.7", "what an upgrade changes in the rules" },
};

const struct emt_command emt_cmd_policy_compare = {
	.name = "policy compare",
	.group = GROUP,
	.summary = "show how the rules of two releases differ",
	.description =
		"Rules that were added, removed, moved or changed from A to B, what the rules look at "
		"that means something else, and known defects fixed or introduced on the way.",
	.args = compare_args,
	.nr_args = EMT_ARRAY_SIZE(compare_args),
	.groups = { &emt_args_output },
	.reply = &compare_reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = compare_examples,
	.nr_examples = EMT_ARRAY_SIZE(compare_examples),
	.since = "0.1",
	.run = run_compare,
};
