/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A walk three ways: what stands in the table, what emt's rules say, what Xen's own function
 * says. The last two must agree whatever the entry is.
 */
#include "command/check_walk.h"

#include "policy/box.h"

#define LISTED_MAX 1000 /* of a domain */

struct check {
	struct emt_ctx *ctx;
	struct emt_engine *e;
	struct emt_checked *c;
	struct emt_check_difference held; /* run.count 0 = none */
	uint64_t listed;
};

static int give(struct check *k)
{
	struct emt_rec *rec;

	if (!k->held.run.count)
		return 0;
	if (k->listed >= LISTED_MAX) {
		k->c->unlisted += k->held.run.count;
		k->held.run.count = 0;
		return 0;
	}
	k->listed++;
	rec = emt_out_rec(k->ctx->out, &emt_kind_check_difference);
	if (rec)
		emt_fill_check_difference(rec, &k->held);
	k->held.run.count = 0;
	return emt_out_put(k->ctx->out, rec, k->ctx->err);
}

static bool alike(const struct emt_check_difference *a, const struct emt_check_difference *b)
{
	return a->run.count && a->emt_xen == b->emt_xen && a->entry_xen == b->entry_xen && a->expected == b->expected &&
		a->xen == b->xen && emt_run_joins(&a->run, &b->run);
}

static int one(const struct emt_run *run, bool split, unsigned int emt, bool ipat, void *arg)
{
	struct check *k = arg;
	bool pending = run->emt == EMT_MT_7 || run->flags & EMT_RUN_PENDING_ABOVE;
	struct emt_check_difference d = { .domid = k->c->domid, .run = *run };
	emt_outcomes possible;
	int rc = 0;

	d.xen = split ? EMT_OUT_SPLIT : EMT_OUT(emt, ipat);
	emt_engine_expect(k->e, run->gfn, run->mfn, run->order, run->perm, run->p2mt, &d.expected, &possible);
	d.emt_xen = !(d.expected >> d.xen & 1);
	d.entry_xen = !pending && (split || run->emt != emt || run->ipat != ipat);
	k->c->asked++;
	if (d.emt_xen)
		k->c->emt_xen++;
	else if (d.entry_xen)
		k->c->entry_xen++;
	else if (pending)
		k->c->pending++;
	else
		k->c->agree++;
	if (!d.emt_xen && !d.entry_xen)
		return give(k);
	if (alike(&k->held, &d)) {
		k->held.run.count++;
	} else {
		rc = give(k);
		k->held = d;
	}
	return rc ? rc : k->c->asked % 4096 ? 0 : emt_ctx_step(k->ctx, k->c->asked, 0);
}

int emt_check_walk(struct emt_ctx *ctx, struct emt_source *s, size_t walk, struct emt_engine *e, struct emt_checked *c)
{
	struct check k = { .ctx = ctx, .e = e, .c = c };
	struct emt_rec *rec;
	int rc = emt_source_answers(s, walk, one, &k, ctx->err);

	if (!rc)
		rc = give(&k);
	if (rc)
		return rc;
	rec = emt_out_rec(ctx->out, &emt_kind_checked);
	if (rec)
		emt_fill_checked(rec, c);
	return emt_out_put(ctx->out, rec, ctx->err);
}
