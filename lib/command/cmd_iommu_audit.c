/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iommu audit, iommu show: what devices of a domain reach.
 */
#include <string.h>

#include "command/ctx.h"
#include "command/kind_iommu_audit.h"

#define MAX_DOMAINS 4096

/* ---- audit ---- */

struct domain {
	struct emt_ctx *ctx;
	struct emt_source *source;
	struct emt_source *all;      /* every domain, for whose frames are */
	struct emt_source_walk walk;
	struct emt_facts facts;
	struct emt_release rel;
	struct emt_iommu_table table;
	struct emt_frame_owners *owners;
	struct emt_iommu_audit *audit;
	struct emt_loss loss;
};

static int put_domain(struct domain *d)
{
	static const struct emt_iommu_summary none;
	const struct emt_iommu_summary *s = d->audit ? emt_iommu_audit_summary(d->audit) : &none;
	struct emt_rec *rec = emt_out_rec(d->ctx->out, &emt_kind_iommu_domain);
	bool complete = emt_loss_none(&d->loss) && !d->table.bad && !s->overflow;

	d->ctx->incomplete |= !complete;
	if (!rec)
		return emt_out_put(d->ctx->out, rec, d->ctx->err);
	emt_rec_u64(rec, IDOM_DOMAIN, d->walk.domid);
	emt_rec_text(rec, IDOM_NAME, d->walk.name);
	emt_rec_str(rec, IDOM_RELEASE, d->rel.text);
	emt_rec_str(rec, IDOM_IOMMU, d->table.amd ? "amd-vi" : "vt-d");
	emt_rec_str(rec, IDOM_TABLE, d->table.label);
	emt_rec_bool(rec, IDOM_SHARED, d->table.shared);
	emt_rec_str(rec, IDOM_OWNERS, d->owners && emt_frame_owners_exact(d->owners) ? "frame-table" : "mappings");
	emt_rec_u64(rec, IDOM_BYTES_P2M, s->p2m_frames * 4096);
	emt_rec_u64(rec, IDOM_BYTES_IOMMU, s->iommu_frames * 4096);
	emt_rec_u64(rec, IDOM_BYTES_OK, s->ok * 4096);
	emt_rec_u64(rec, IDOM_BYTES_UNDETERMINED, s->undetermined * 4096);
	emt_rec_u64(rec, IDOM_BYTES_STALE, s->bad[EMT_IOMMU_STALE] * 4096);
	emt_rec_u64(rec, IDOM_BYTES_MISSING, s->bad[EMT_IOMMU_MISSING] * 4096);
	emt_rec_u64(rec, IDOM_BYTES_PERMISSION, s->bad[EMT_IOMMU_PERMISSION] * 4096);
	emt_rec_u64(rec, IDOM_BYTES_NOT_LISTED, s->overflow * 4096);
	emt_rec_u64(rec, IDOM_UNREAD, d->table.bad);
	emt_rec_bool(rec, IDOM_COMPLETE, complete);
	return emt_out_put(d->ctx->out, rec, d->ctx->err);
}

static int put_findings(struct domain *d)
{
	uint64_t level = emt_parse_number(d->ctx->args, "fail-on", EMT_SEV_WARNING);
	int rc = 0;

	for (size_t i = 0; d->audit && i < emt_iommu_audit_count(d->audit) && !rc; i++) {
		const struct emt_iommu_finding *f = emt_iommu_audit_get(d->audit, i);
		struct emt_rec *rec = emt_out_rec(d->ctx->out, &emt_kind_iommu_finding);

		d->ctx->findings |= f->severity >= level;
		if (rec)
			emt_fill_iommu_finding(rec, f, d->walk.domid);
		rc = emt_out_put(d->ctx->out, rec, d->ctx->err);
	}
	return rc;
}

static int one_run(const struct emt_run *run, void *arg)
{
	return emt_iommu_audit_run(arg, run);
}

static int compare(struct domain *d, size_t walk)
{
	struct emt_iommu_audit_opts opts = { .facts = &d->facts, .rel = &d->rel, .table = d->table.v,
					     .nr_table = d->table.n, .owner = emt_frame_owner_of };
	int rc = emt_frame_owners_new(&d->owners, d->all, d->walk.domid, d->ctx->err);

	if (rc)
		return rc;
	opts.owner_arg = d->owners;
	if (emt_iommu_audit_new(&d->audit, &opts))
		return emt_err_set(d->ctx->err, EMT_E_NOMEM, "iommu audit", NULL, "not enough memory");
	rc = emt_ctx_runs(d->ctx, d->source, walk, one_run, d->audit, &d->loss);
	return rc ? rc : emt_iommu_audit_finish(d->audit);
}

static int serves(struct domain *d)
{
	if (d->rel.era->hv != EMT_HV_XEN)
		return emt_err_set(d->ctx->err, EMT_E_UNSUPPORTED, d->rel.text, NULL,
				   "KVM's IOMMU tables are the host kernel's own; there is no p2m to compare");
	if (d->facts.prov[EMT_FACT_PAGING].held != EMT_UNKNOWN && d->facts.paging == EMT_PAGING_PV)
		return emt_err_set(d->ctx->err, EMT_E_UNSUPPORTED, "pv", NULL,
				   "a PV domain's devices reach its frames by page type, not by a p2m");
	return 0;
}

/* 1: this domain has no table, which is noted. */
static int one_domain(struct domain *d, size_t walk, const struct emt_source_spec *spec)
{
	struct emt_ctx *ctx = d->ctx;
	int rc = emt_source_walk(d->source, walk, &d->walk, ctx->err);

	if (!rc)
		rc = emt_iommu_table_read(&d->table, spec, d->walk.domid, d->walk.generation, ctx->err);
	if (rc == EMT_E_MISSING) {
		emt_ctx_note(ctx, "domain %u is not compared: %s", d->walk.domid, ctx->err->text);
		return 1;
	}
	if (!rc)
		rc = emt_ctx_facts(ctx, d->source, walk, &d->facts);
	if (rc)
		return rc;
	rc = emt_ctx_release(ctx, &d->facts, &d->rel);
	if (!rc)
		rc = serves(d);
	if (!rc && !d->table.shared)
		rc = compare(d, walk);
	if (!rc)
		rc = put_domain(d);
	return rc ? rc : put_findings(d);
}

/* Another domain's mappings tell whose a frame is, also when one domain alone is asked
 * about. Memory has a frame table, and a live domain is asked about itself only. */
static int open_all(struct emt_ctx *ctx, struct emt_source **all)
{
	struct emt_source_spec spec = *emt_parse_get(ctx->args, "source")->source;

	if (spec.kind != EMT_SOURCE_CAPTURE)
		return 0;
	spec.domid = -1;
	spec.generation = -1;
	spec.salvage |= emt_parse_flag(ctx->args, "salvage");
	return emt_source_open(all, &spec, ctx->err);
}

static int run_audit(struct emt_ctx *ctx)
{
	const struct emt_value *other = emt_parse_get(ctx->args, "table");
	struct emt_source_spec spec = *(other ? other : emt_parse_get(ctx->args, "source"))->source;
	struct emt_err why = { 0 };
	struct emt_source *s, *all = NULL;
	size_t compared = 0;
	int rc = emt_ctx_open(ctx, &s);

	if (rc)
		return rc;
	spec.salvage |= emt_parse_flag(ctx->args, "salvage");
	rc = open_all(ctx, &all);
	for (size_t i = 0; i < emt_source_walks(s) && rc >= 0; i++) {
		struct domain d = { .ctx = ctx, .source = s, .all = all ? all : s };

		emt_facts_init(&d.facts);
		rc = one_domain(&d, i, &spec);
		if (rc == 1) {
			why = *ctx->err;
			memset(ctx->err, 0, sizeof(*ctx->err));
		}
		compared += !rc;
		emt_iommu_audit_free(d.audit);
		emt_frame_owners_free(d.owners);
		emt_iommu_table_free(&d.table);
		emt_facts_free(&d.facts);
	}
	emt_source_close(all);
	emt_source_close(s);
	if (rc < 0)
		return rc;
	if (!compared) {
		*ctx->err = why;
		return why.code ? why.code : EMT_E_MISSING;
	}
	return 0;
}

/* ---- show ---- */

static int show_domain(struct emt_ctx *ctx, const struct emt_source_spec *spec, uint32_t domid)
{
	uint32_t generation = (uint32_t)emt_parse_number(ctx->args, "generation", UINT32_MAX);
	struct emt_iommu_table t;
	int rc = emt_iommu_table_read(&t, spec, domid, generation, ctx->err);

	if (!rc && t.shared)
		emt_ctx_note(ctx, "domain %u: the IOMMU uses the p2m itself; `show` lists that", domid);
	if (!rc && t.bad) {
		emt_ctx_note(ctx, "domain %u: %llu entries could not be read", domid, (unsigned long long)t.bad);
		ctx->incomplete = true;
	}
	for (size_t i = 0; i < t.n && !rc && !emt_out_enough(ctx->out); i++) {
		struct emt_rec *rec = emt_out_rec(ctx->out, &emt_kind_iommu_run);

		if (rec)
			emt_fill_iommu_run(rec, &t.v[i], domid);
		rc = emt_out_put(ctx->out, rec, ctx->err);
		if (!rc && !(i % 4096))
			rc = emt_ctx_step(ctx, i, t.n);
	}
	emt_iommu_table_free(&t);
	return rc;
}

static int run_show(struct emt_ctx *ctx)
{
	struct emt_source_spec spec = *emt_parse_get(ctx->args, "source")->source;
	uint64_t only = emt_parse_number(ctx->args, "domain", (uint64_t)spec.domid);
	uint32_t domids[MAX_DOMAINS];
	size_t shown = 0;
	long n;
	int rc = 0;

	spec.salvage |= emt_parse_flag(ctx->args, "salvage");
	emt_out_source(ctx->out, emt_ctx_source_text(ctx));
	n = emt_iommu_table_domains(&spec, domids, MAX_DOMAINS, ctx->err);
	if (n < 0)
		return (int)n;
	for (long i = 0; i < n && !rc; i++) {
		if (only != UINT64_MAX && only != domids[i])
			continue;
		shown++;
		rc = show_domain(ctx, &spec, domids[i]);
	}
	if (!rc && !shown)
		return emt_err_set(ctx->err, EMT_E_MISSING, emt_ctx_source_text(ctx),
				   "import the text of xl debug-keys o, or name a machine's memory",
				   "holds no IOMMU table%s", only != UINT64_MAX ? " of this domain" : "");
	return rc;
}

/* ---- declarations ---- */

#define GROUP "Look at a guest"

static const struct emt_arg audit_args[] = {
	{ .name = "source", .type = EMT_ARG_SOURCE, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "SOURCE", .help = "the p2m: a capture, a live domain, or a machine's memory" },
	{ .name = "table", .type = EMT_ARG_SOURCE, .flags = EMT_ARGF_POSITIONAL, .metavar = "TABLE",
	  .help = "the IOMMU tables, when they are not in SOURCE: a capture with the text of key o, or memory" },
};
static const struct emt_section audit_sections[] = {
	{ "domains", &emt_kind_iommu_domain, 0, NULL },
	{ "findings", &emt_kind_iommu_finding, EMT_SECTION_MAIN, NULL },
};
static const struct emt_reply audit_reply = { "emt.iommu_audit", 1, 0, audit_sections,
					      EMT_ARRAY_SIZE(audit_sections) };
static const struct emt_example audit_examples[] = {
	{ "iommu audit devices.emt", "each domain that has an IOMMU table in the capture" },
	{ "iommu audit devices.emt --where 'owner == \"other-domain\"'", "only frames that are another domain's now" },
};

const struct emt_command emt_cmd_iommu_audit = {
	.name = "iommu audit",
	.group = GROUP,
	.summary = "compare what devices reach with what the p2m gives them",
	.description =
		"Where the IOMMU has tables of its own, each device frame (dfn) is compared with the guest frame of "
		"the same number: the machine frame, and the permissions that the release gives devices for the p2m "
		"type. Sizes of leaves do not matter.\n\n"
		"iommu-stale: devices reach a frame that the p2m does not give them; critical where they can write "
		"one that is another domain's, Xen's or free now, which Xen's frame table tells in a machine's "
		"memory; elsewhere the mappings of the other domains in SOURCE do. iommu-missing: devices do not "
		"reach what they should. iommu-permission: the right frame, other permissions.\n\n"
		"The tables come from the text of key o, imported beside that of key D, or from memory. Releases "
		"before 4.16 (VT-d) and 4.17 (AMD) print no permissions: then only frames are compared.\n\n"
		"Exit status: 0 all agrees; 1 there are findings at or above --fail-on; 2 error, or no domain has a "
		"table; 3 no such finding, but something could not be read.",
	.args = audit_args,
	.nr_args = EMT_ARRAY_SIZE(audit_args),
	.groups = { &emt_args_level, &emt_args_source, &emt_args_output },
	.reply = &audit_reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = audit_examples,
	.nr_examples = EMT_ARRAY_SIZE(audit_examples),
	.since = "0.1",
	.run = run_audit,
};

static const struct emt_arg show_args[] = {
	{ .name = "source", .type = EMT_ARG_SOURCE, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "SOURCE", .help = "a capture with the text of key o, or a machine's memory" },
};
static const struct emt_section show_sections[] = {
	{ "runs", &emt_kind_iommu_run, EMT_SECTION_MAIN, NULL },
};
static const struct emt_reply show_reply = { "emt.iommu_show", 1, 0, show_sections, EMT_ARRAY_SIZE(show_sections) };
static const struct emt_example show_examples[] = {
	{ "iommu show devices.emt", "what devices reach, as key o printed it" },
	{ "iommu show devices.emt --domain 1 --where 'permissions == \"r-\"'", "what they may only read" },
};

const struct emt_command emt_cmd_iommu_show = {
	.name = "iommu show",
	.group = GROUP,
	.summary = "list what devices of a domain reach",
	.description =
		"Prints the IOMMU tables of each domain as runs of device frames (dfn) that lead to consecutive "
		"machine frames with equal permissions, whatever the size of the leaves.\n\n"
		"Exit status: 0 all was read; 2 error, or there are no tables; 3 some entries could not be read.",
	.args = show_args,
	.nr_args = EMT_ARRAY_SIZE(show_args),
	.groups = { &emt_args_source, &emt_args_output },
	.reply = &show_reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = show_examples,
	.nr_examples = EMT_ARRAY_SIZE(show_examples),
	.since = "0.1",
	.run = run_show,
};
