/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * explain: why one entry is what it is.
 */
#include <stdio.h>
#include <string.h>

#include "command/guest_view.h"
#include "command/kind_audit.h"
#include "command/kind_effective.h"
#include "command/kind_explain.h"
#include "command/kind_run.h"
#include "command/layout.h"

#define MAX_ABOVE 4

/* What stands at and around a gfn. */
struct place {
	bool mapped;
	struct emt_run run;             /* the leaf that maps it */
	struct emt_run above[MAX_ABOVE];
	unsigned int nr_above;
	bool before, after;             /* nearest leaves, when nothing maps it */
	struct emt_run run_before, run_after;
};

static bool covers(const struct emt_run *r, uint64_t gfn)
{
	return r->gfn <= gfn && gfn <= emt_run_last(r);
}

/* First leaf that covers or follows 'gfn'. 1, 0 at the end, <0 error. */
static int first_leaf(struct emt_stream *st, uint64_t gfn, struct emt_run *run, struct emt_err *err)
{
	int rc = emt_stream_seek(st, gfn, err);
	long n;

	if (rc)
		return rc;
	while ((n = emt_stream_read(st, run, 1, err)) > 0) {
		if (!(run->flags & EMT_RUN_INTERMEDIATE) && emt_run_last(run) >= gfn)
			return 1;
	}
	return (int)n;
}

/* Intermediate entries stand before the leaves below them: at the beginning of the
 * 512 GiB, 1 GiB and 2 MiB around. */
static int entries_above(struct emt_stream *st, uint64_t gfn, struct place *p, struct emt_err *err)
{
	for (unsigned int order = 27; order >= 9; order -= 9) {
		int rc = emt_stream_seek(st, gfn & ~((1ull << order) - 1), err);
		struct emt_run run;
		long n = 0;

		if (rc)
			return rc;
		while ((n = emt_stream_read(st, &run, 1, err)) > 0 && (run.flags & EMT_RUN_INTERMEDIATE))
			if (run.order == order && covers(&run, gfn) && p->nr_above < MAX_ABOVE)
				p->above[p->nr_above++] = run;
		if (n < 0)
			return (int)n;
	}
	return 0;
}

/* The last leaf that ends before 'gfn', by halving: seeking goes forward only. */
static int leaf_before(struct emt_stream *st, uint64_t gfn, struct place *p, struct emt_err *err)
{
	uint64_t lo = 0, hi = gfn;
	struct emt_run run;

	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2;
		int rc = first_leaf(st, mid, &run, err);

		if (rc < 0)
			return rc;
		if (rc && run.gfn < gfn) {
			p->before = true;
			p->run_before = run;
			lo = emt_run_last(&run) + 1;
		} else {
			hi = mid;
		}
	}
	return 0;
}

static int find_place(struct emt_ctx *ctx, struct emt_source *s, size_t walk, uint64_t gfn, struct place *p)
{
	struct emt_loss loss;
	struct emt_run run = { 0 };
	struct emt_stream *st;
	int rc;

	memset(p, 0, sizeof(*p));
	rc = emt_source_stream(s, walk, &st, ctx->err);
	if (rc)
		return rc;
	rc = entries_above(st, gfn, p, ctx->err);
	if (!rc)
		rc = first_leaf(st, gfn, &run, ctx->err);
	if (rc > 0 && covers(&run, gfn)) {
		p->mapped = true;
		p->run = run;
	} else if (rc >= 0) {
		p->after = rc > 0;
		p->run_after = run;
		rc = leaf_before(st, gfn, p, ctx->err);
	}
	emt_stream_loss(st, &loss);
	ctx->incomplete |= !p->mapped && !emt_loss_none(&loss);
	emt_stream_free(st);
	return rc < 0 ? rc : 0;
}

static void fill_range(struct emt_rec *rec, const struct emt_run *r)
{
	emt_rec_u64(rec, GRANGE_FIRST_GFN, r->gfn);
	emt_rec_u64(rec, GRANGE_LAST_GFN, emt_run_last(r));
	emt_rec_u64(rec, GRANGE_ENTRIES, r->count);
}

static const unsigned int lists[] = {
	EXPL_ABOVE, EXPL_RULES, EXPL_EFFECTIVE, EXPL_DEFECTS, EXPL_QUIRKS, EXPL_ASSUMED, EXPL_MISSING,
};

static void fill_unmapped(struct emt_rec *rec, const struct place *p, bool lossy)
{
	emt_rec_str(rec, EXPL_TEXT, lossy ?
		    "Nothing maps this frame in what was read, but the source is incomplete: "
		    "it may be missing." :
		    "Nothing maps this frame: a guest that touches it exits to the hypervisor, "
		    "and there is no memory type.");
	if (p->before)
		fill_range(emt_rec_add(rec, EXPL_NEAREST_BEFORE), &p->run_before);
	if (p->after)
		fill_range(emt_rec_add(rec, EXPL_NEAREST_AFTER), &p->run_after);
}

static int add_above(const struct emt_piece *piece, void *arg)
{
	struct emt_rec *rec = arg;

	emt_fill_run(emt_rec_add(rec, EXPL_ABOVE), piece, (uint32_t)emt_rec_get_u64(rec, EXPL_DOMAIN), true);
	return 0;
}

static int put(struct emt_ctx *ctx, struct emt_source *s, const struct emt_source_walk *walk,
	       struct emt_engine *e, uint64_t gfn, const struct place *p)
{
	struct emt_rec *rec = emt_out_rec(ctx->out, &emt_kind_explanation);
	const struct emt_release *rel = emt_engine_release(e);
	struct emt_explanation x;
	int rc = 0;

	if (!rec)
		return emt_err_set(ctx->err, EMT_E_NOMEM, "explain", NULL, "not enough memory");
	emt_rec_u64(rec, EXPL_DOMAIN, walk->domid);
	emt_rec_text(rec, EXPL_NAME, walk->name);
	emt_rec_text(rec, EXPL_RELEASE, rel->full);
	emt_rec_time(rec, EXPL_TIME, walk->time);
	emt_rec_str(rec, EXPL_SOURCE, emt_source_name(s));
	emt_rec_u64(rec, EXPL_GFN, gfn);
	emt_rec_bool(rec, EXPL_MAPPED, p->mapped);
	for (size_t i = 0; i < EMT_ARRAY_SIZE(lists); i++)
		emt_rec_list(rec, lists[i]);
	for (unsigned int i = 0; i < p->nr_above && !rc; i++)
		rc = emt_engine_run(e, &p->above[i], add_above, rec);
	if (p->mapped && !rc)
		rc = emt_engine_explain(e, &p->run, gfn, &x);
	if (rc)
		return emt_err_set(ctx->err, rc, "explain", NULL, "cannot judge the entry at gfn 0x%llx",
				   (unsigned long long)gfn);
	if (p->mapped)
		emt_fill_explanation(rec, &x, emt_engine_facts(e), walk->domid);
	else
		fill_unmapped(rec, p, ctx->incomplete);
	return emt_out_put(ctx->out, rec, ctx->err);
}

static int explain_walk(struct emt_ctx *ctx, struct emt_source *s, size_t i, uint64_t gfn, bool quiet,
			bool *shown)
{
	struct emt_source_walk walk;
	struct emt_engine *e = NULL;
	struct emt_facts facts;
	struct place p;
	int rc = emt_source_walk(s, i, &walk, ctx->err);

	if (!rc)
		rc = find_place(ctx, s, i, gfn, &p);
	/* Of many domains only those that map the frame are of interest. */
	if (rc || (quiet && !p.mapped))
		return rc;
	rc = emt_ctx_engine(ctx, s, i, &facts, &e);
	if (rc)
		rc = emt_ctx_skip(ctx, &walk, emt_source_walks(s)) ? 0 : rc;
	else
		rc = put(ctx, s, &walk, e, gfn, &p);
	*shown |= !rc;
	emt_engine_free(e);
	emt_facts_free(&facts);
	return rc;
}

/* ---- by linear address ---- */

#define VA_GFNS 8 /* as many as vCPUs can mean by one address, here */

struct by_va {
	struct emt_ctx *ctx;
	uint64_t va;
	uint32_t domid;
	unsigned int seen;      /* vCPUs' views that map it */
	uint64_t gfn[VA_GFNS];  /* where they lead, each once */
	unsigned int nr;
	bool nested;            /* AMD's tables: there is no more to explain */
};

static int put_va(const struct emt_view *v, const struct emt_eff *piece, void *arg)
{
	struct by_va *b = arg;
	struct emt_eff e = *piece;
	struct emt_rec *rec;
	unsigned int k = 0;

	if (b->va < e.va || b->va - e.va >= e.frames << 12)
		return 0; /* another part of a large page */
	e.gfn += (b->va - e.va) >> 12;
	e.va = b->va & ~0xfffull;
	e.frames = 1;
	b->seen++;
	while (k < b->nr && b->gfn[k] != e.gfn)
		k++;
	if (k == b->nr && b->nr < VA_GFNS)
		b->gfn[b->nr++] = e.gfn;
	rec = emt_out_rec(b->ctx->out, &emt_kind_effective);
	if (rec)
		emt_fill_effective(rec, v, &e, b->domid);
	return emt_out_put(b->ctx->out, rec, b->ctx->err);
}

static int translate(struct emt_ctx *ctx, struct emt_source *s, size_t i, struct by_va *b)
{
	struct emt_ctx_guest g;
	int rc = emt_ctx_guest(ctx, s, i, &g);

	if (!rc)
		rc = emt_ctx_guest_each(ctx, &g, b->va, b->va, put_va, b);
	if (!rc && !b->seen)
		rc = emt_err_set(ctx->err, EMT_E_MISSING, "--va", "emtctl effective shows what is mapped; --cr3 names "
				 "other tables", "no page table of domain %u maps 0x%llx%s", b->domid,
				 (unsigned long long)b->va, g.total.unreadable ? ", as far as they can be read" : "");
	b->nested = !rc && !g.engine;
	emt_ctx_guest_close(&g);
	return rc;
}

static int explain_va(struct emt_ctx *ctx, struct emt_source *s, uint64_t va)
{
	struct by_va b = { .ctx = ctx, .va = va };
	struct emt_source_walk walk;
	bool shown = false;
	int rc;

	if (emt_source_walks(s) > 1)
		return emt_err_set(ctx->err, EMT_E_USAGE, "--va", "--domain names it",
				   "an address means something in one domain; the source holds %zu walks",
				   emt_source_walks(s));
	rc = emt_source_walk(s, 0, &walk, ctx->err);
	b.domid = walk.domid;
	if (!rc)
		rc = translate(ctx, s, 0, &b);
	for (unsigned int k = 0; k < b.nr && !rc && !b.nested; k++)
		rc = explain_walk(ctx, s, 0, b.gfn[k], false, &shown);
	return rc;
}

static int explain_gfn(struct emt_ctx *ctx, struct emt_source *s, uint64_t gfn)
{
	size_t walks = emt_source_walks(s);
	bool shown = false;
	int rc = 0;

	for (size_t i = 0; i < walks && !rc; i++)
		rc = explain_walk(ctx, s, i, gfn, walks > 1, &shown);
	/* No domain maps it: say so for each. */
	for (size_t i = 0; i < walks && !rc && !shown && walks > 1; i++) {
		bool one = false;

		rc = explain_walk(ctx, s, i, gfn, false, &one);
	}
	return rc;
}

static int run_explain(struct emt_ctx *ctx)
{
	const struct emt_value *gfn = emt_parse_get(ctx->args, "gfn"), *va = emt_parse_get(ctx->args, "va");
	struct emt_source *s;
	int rc;

	if (!gfn == !va)
		return emt_err_set(ctx->err, EMT_E_USAGE, "explain",
				   "usage: emtctl explain SOURCE GFN, or explain SOURCE --va ADDR",
				   gfn ? "GFN and --va are two ways to say where: only one of them" :
					 "GFN is missing: guest frame: decimal, or hex with 0x in front");
	rc = emt_ctx_open(ctx, &s);
	if (rc)
		return rc;
	if (emt_parse_flag(ctx->args, "mail"))
		emt_out_variant(ctx->out, EMT_VARIANT_MAIL);
	rc = va ? explain_va(ctx, s, va->number) : explain_gfn(ctx, s, gfn->number);
	emt_source_close(s);
	return rc;
}

static const struct emt_arg args[] = {
	{ .name = "source",
	  .type = EMT_ARG_SOURCE,
	  .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "SOURCE",
	  .help = "where to look: a capture file, or a domain" },
	{ .name = "gfn",
	  .type = EMT_ARG_GFN,
	  .flags = EMT_ARGF_POSITIONAL,
	  .metavar = "GFN",
	  .help = "guest frame: decimal, or hex with 0x in front" },
	{ .name = "va",
	  .type = EMT_ARG_ADDRESS,
	  .metavar = "ADDR",
	  .help = "instead of GFN: what the vCPUs' page tables map at this linear address" },
	{ .name = "mail",
	  .type = EMT_ARG_FLAG,
	  .letter = 'm',
	  .help = "plain text of 72 columns for a mailing list" },
};
static const struct emt_section sections[] = {
	{ "translations", &emt_kind_effective, 0, NULL },
	{ "explanations", &emt_kind_explanation, EMT_SECTION_MAIN, NULL },
};
static const struct emt_reply reply = { "emt.explain", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "explain guest.emt 0xf0000", "why has this page the type it has?" },
	{ "explain guest.emt 0xf0000 --release 4.14.0", "and under another release?" },
	{ "explain guest.emt 0xf0000 --mail", "text to be mailed" },
	{ "explain tables.emt --va 0x401000", "what the CPU does at a linear address, and why" },
};

const struct emt_command emt_cmd_explain = {
	.name = "explain",
	.group = "Look at a guest",
	.summary = "explain the type of one entry, rule by rule",
	.description =
		"Shows the entry that maps a guest frame, the verdict on it, the release's rules in the "
		"order in which they are tried with what each looked at and who says so, the rule that "
		"decided and the commit behind it, known defects, what the CPU makes of the type, and "
		"which facts are assumed or missing. Of a source with many domains those are explained "
		"that map the frame.\n\n"
		"A frame that nothing maps is an answer too: the nearest entries are named.\n\n"
		"With --va the guest's own page tables are walked first: what they request, and the type that "
		"results, stands before the explanation of the entry that they lead to.\n\n"
		"Exit status: 0 explained, whatever the verdict; 2 error; 3 nothing maps the frame, but "
		"the source is incomplete.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_guest, &emt_args_source, &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_explain,
};
