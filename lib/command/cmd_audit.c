/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit: every entry of a source against its release's rules.
 */
#include <stdio.h>
#include <string.h>

#include "audit/findings.h"
#include "command/check_walk.h"
#include "command/kind_audit.h"
#include "command/use.h"

struct audit {
	struct emt_ctx *ctx;
	enum emt_severity fail_on;
	bool all, check;
	uint64_t emt_xen; /* --check: entries of which emt and Xen differ */
	uint64_t domains, found, listed, hidden, undetermined;
	bool complete;
	/* gravest finding with a place, for the hint */
	bool hint;
	enum emt_severity hint_severity;
	uint64_t hint_gfn;
	uint32_t hint_domain;
};

static int put_domain(struct audit *a, const struct emt_source_walk *walk, const struct emt_engine *e,
		      const struct emt_findings *f, const struct emt_loss *loss)
{
	struct emt_rec *rec = emt_out_rec(a->ctx->out, &emt_kind_domain);

	if (!rec)
		return emt_err_set(a->ctx->err, EMT_E_NOMEM, "audit", NULL, "not enough memory");
	emt_fill_domain(rec, walk, e, f, loss, emt_parse_flag(a->ctx->args, "release"));
	a->undetermined += emt_findings_summary(f)->entries[EMT_V_UNDETERMINED];
	a->complete &= emt_loss_none(loss) && !emt_findings_overflow(f);
	return emt_out_put(a->ctx->out, rec, a->ctx->err);
}

static int put_findings(struct audit *a, const struct emt_findings *f, uint32_t domid)
{
	int rc = 0;

	for (size_t i = 0; i < emt_findings_count(f) && !rc; i++) {
		const struct emt_finding *one = emt_findings_get(f, i);
		char next[400];
		struct emt_rec *rec;

		if (one->severity == EMT_SEV_INFO && !a->all) {
			a->hidden++;
			continue;
		}
		if (one->nr_ranges && (!a->hint || one->severity > a->hint_severity)) {
			a->hint = true;
			a->hint_severity = one->severity;
			a->hint_gfn = one->ranges[0].first;
			a->hint_domain = domid;
		}
		a->listed++;
		rec = emt_out_rec(a->ctx->out, &emt_kind_finding);
		if (rec) {
			emt_fill_finding(rec, one, domid);
			emt_rec_text(rec, FIND_NEXT, emt_ctx_advice(a->ctx, one->next, next, sizeof(next)));
		}
		rc = emt_out_put(a->ctx->out, rec, a->ctx->err);
	}
	a->found += emt_findings_at(f, a->fail_on);
	return rc;
}

static int audit_walk(struct audit *a, struct emt_source *s, size_t i, const struct emt_source_walk *walk)
{
	struct emt_findings *f = NULL;
	struct emt_engine *e = NULL;
	struct emt_facts facts;
	struct emt_loss loss;
	int rc;

	rc = emt_ctx_engine(a->ctx, s, i, &facts, &e);
	if (rc) {
		emt_facts_free(&facts);
		return emt_ctx_skip(a->ctx, walk, emt_source_walks(s)) ? 0 : rc;
	}
	rc = emt_ctx_findings(a->ctx, s, i, e, &f, &loss);
	if (!rc)
		rc = put_domain(a, walk, e, f, &loss);
	if (!rc)
		rc = put_findings(a, f, walk->domid);
	if (!rc && a->check) {
		struct emt_checked c = { .domid = walk->domid };

		rc = emt_check_walk(a->ctx, s, i, e, &c);
		a->emt_xen += c.emt_xen;
	}
	if (!rc)
		a->domains++;
	emt_findings_free(f);
	emt_engine_free(e);
	emt_facts_free(&facts);
	return rc;
}

static int put_result(struct audit *a)
{
	struct emt_rec *rec = emt_out_rec(a->ctx->out, &emt_kind_audit_result);
	char domain[32] = "";

	if (!rec)
		return emt_err_set(a->ctx->err, EMT_E_NOMEM, "audit", NULL, "not enough memory");
	emt_rec_u64(rec, RES_DOMAINS, a->domains);
	emt_rec_u64(rec, RES_FINDINGS, a->found);
	emt_rec_str(rec, RES_FAIL_ON, emt_severity_name(a->fail_on));
	emt_rec_u64(rec, RES_LISTED, a->listed);
	emt_rec_u64(rec, RES_HIDDEN, a->hidden);
	emt_rec_u64(rec, RES_UNDETERMINED_ENTRIES, a->undetermined);
	emt_rec_bool(rec, RES_COMPLETE, a->complete);
	if (a->domains > 1)
		snprintf(domain, sizeof(domain), " --domain %u", a->hint_domain);
	if (a->hint)
		emt_rec_fmt(rec, RES_HINT, "%s explain %s 0x%llx%s", a->ctx->env->tool,
			    emt_ctx_source_text(a->ctx), (unsigned long long)a->hint_gfn, domain);
	return emt_out_put(a->ctx->out, rec, a->ctx->err);
}

static int run_audit(struct emt_ctx *ctx)
{
	struct audit a = {
		.ctx = ctx, .complete = true, .all = emt_parse_flag(ctx->args, "all"),
		.check = emt_parse_flag(ctx->args, "check"),
		.fail_on = (enum emt_severity)emt_parse_number(ctx->args, "fail-on", EMT_SEV_WARNING),
	};
	struct emt_source *s;
	int rc = emt_ctx_open(ctx, &s);

	if (rc)
		return rc;
	if (a.check)
		rc = emt_source_answers(s, 0, NULL, NULL, ctx->err);
	for (size_t i = 0; i < emt_source_walks(s) && !rc; i++) {
		struct emt_source_walk walk;

		rc = emt_source_walk(s, i, &walk, ctx->err);
		if (!rc)
			rc = audit_walk(&a, s, i, &walk);
	}
	if (!rc && !a.domains)
		rc = emt_err_set(ctx->err, EMT_E_MISSING, emt_source_name(s),
				 "emtctl facts shows what is known; --release", "no domain could be audited");
	emt_source_close(s);
	a.complete &= !ctx->incomplete;
	if (!rc)
		rc = put_result(&a);
	if (rc)
		return rc;
	ctx->findings = a.found > 0 || a.emt_xen;
	if (a.emt_xen)
		emt_ctx_note(ctx, "emt's rules and this Xen's own function differ on %llu entries: emt or Xen is wrong",
			     (unsigned long long)a.emt_xen);
	ctx->incomplete |= !a.complete || a.undetermined;
	if (a.undetermined && !a.found)
		emt_ctx_note(ctx,
			     "%llu entries are undetermined: this audit cannot say that the guest is clean; "
			     "emtctl facts %s shows what is missing",
			     (unsigned long long)a.undetermined, emt_ctx_source_text(ctx));
	return 0;
}

static const struct emt_arg args[] = {
	{ .name = "source", .type = EMT_ARG_SOURCE, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "SOURCE", .help = "what to audit: a capture file, or a domain" },
	{ .name = "all", .type = EMT_ARG_FLAG, .letter = 'a', .help = "list findings of level info too" },
	{ .name = "check", .type = EMT_ARG_FLAG,
	  .help = "compare with what Xen's own function says of each entry: a live Xen with the query payload" },
};
static const struct emt_section sections[] = {
	{ "domains", &emt_kind_domain, 0, NULL },
	{ "findings", &emt_kind_finding, EMT_SECTION_MAIN, NULL },
	{ "checked", &emt_kind_checked, 0, NULL },
	{ "differences", &emt_kind_check_difference, 0, NULL },
	{ "result", &emt_kind_audit_result, EMT_SECTION_ONE, NULL },
};
static const struct emt_reply reply = { "emt.audit", 1, 1, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "audit guest.emt", "is the guest in this capture as its release writes it?" },
	{ "audit guest.emt --release 4.14.0", "the same entries under another release's rules" },
	{ "audit guest.emt --json | jq '.data.findings[].kind'", "for scripts" },
	{ "audit 5,costs=yes --effective yes", "with what the CPU makes of it, of a live domain" },
	{ "audit guest.emt --fail-on error -o +ranges", "findings as a table, with their places" },
};

const struct emt_command emt_cmd_audit = {
	.name = "audit",
	.group = "Look at a guest",
	.summary = "compare every entry with what its release writes",
	.description =
		"Reads every entry of a domain's EPT (all domains of the source, the newest walk of "
		"each), computes the memory type that the hypervisor release writes there, and lists what "
		"differs, grouped under the smallest explanation. Entries that follow their release's "
		"rule where that rule has a known defect are listed too.\n\n"
		"With --check a live Xen that has the query payload is asked as well what its own function would "
		"write for each entry now: three ways, of which emt's rules and Xen's function must always agree. Where "
		"they do not, one of the two is wrong: that is a finding. An entry that is not what both say is stale "
		"or changed meanwhile, and the audit itself says why.\n\n"
		"Where the guest's own page tables are at hand, what the CPU really uses is looked at too, each table "
		"once: RAM that ends UC or WC though the guest does not ask for it is a warning (effective), or a notice "
		"where the release's rules, or a named gap of them, have it so by MTRRs or a pin; a device that ends cached is an error, RAM that is reached cached and uncached a notice, or a warning when it is "
		"not the guest's own doing (alias); what the guest asks for is information. A capture taken with "
		"--guest-tables and a machine's memory have them; of a live domain --effective yes reads them: its pages "
		"of tables are mapped one by one, read and unmapped, and the vCPUs' registers are read, which pauses "
		"each for a moment; both need costs=yes.\n\n"
		"Exit status: 0 the audit is complete and nothing was found; 1 there are findings at or "
		"above --fail-on; 2 the audit could not be done; 3 there is no such finding, but the "
		"source is incomplete or entries could not be decided, so that nobody can say the guest "
		"is clean.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_level, &emt_args_use, &emt_args_source, &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_audit,
};
