/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iommu watch: the unmaps of a Linux host's IOMMU, each with the flush that followed.
 */
#include <time.h>

#include "command/ctx.h"
#include "command/kind_iommu_watch.h"

#define POLL_MS 100
#define WINDOW_MS 1
#define GIVE_UP_NS 1000000000ull
#define STOP 1 /* enough was shown: not an error */

struct watching {
	struct emt_ctx *ctx;
	struct emt_iommu_pair *pair;
	int64_t to_realtime;
	uint64_t lost;      /* events, as last counted */
	bool all;
};

static int put_unmap(const struct emt_unmap *u, void *arg)
{
	struct watching *w = arg;
	struct emt_rec *rec;
	int rc;

	w->ctx->findings |= emt_unmap_severity(u->status) >= EMT_SEV_WARNING;
	if (!w->all && (u->status == EMT_UNMAP_FLUSHED || u->status == EMT_UNMAP_OPEN))
		return 0;
	rec = emt_out_rec(w->ctx->out, &emt_kind_iommu_unmap);
	if (rec)
		emt_fill_iommu_unmap(rec, u, w->to_realtime);
	rc = emt_out_put(w->ctx->out, rec, w->ctx->err);
	return !rc && emt_out_enough(w->ctx->out) ? STOP : rc;
}

static int take(const struct emt_iommu_event *e, void *arg)
{
	struct watching *w = arg;

	return emt_iommu_pair_event(w->pair, e);
}

static bool stopped(const struct emt_ctx *ctx)
{
	return ctx->env->cancel && *ctx->env->cancel;
}

/* Whether events were lost since it was last asked: while the ring was full. */
static void lossy(struct watching *w, struct emt_iommu_watch *live)
{
	struct emt_iommu_counts c;

	emt_iommu_watch_counts(live, &c);
	emt_iommu_pair_lossy(w->pair, c.lost != w->lost);
	w->lost = c.lost;
}

static int watch(struct watching *w, struct emt_iommu_watch *live, uint64_t window_ns)
{
	struct emt_ctx *ctx = w->ctx;
	int64_t from = (int64_t)time(NULL);
	const struct emt_pair_sum *sum = emt_iommu_pair_sum(w->pair);
	struct emt_iommu_counts c;
	struct emt_rec *rec;
	uint64_t now = emt_iommu_watch_now(live, &w->to_realtime);
	int rc = 0;

	while (!rc && !stopped(ctx)) {
		lossy(w, live);
		/* what is in the ring when it is read happened before: it is judged by this time */
		now = emt_iommu_watch_now(live, NULL);
		rc = emt_iommu_watch_poll(live, POLL_MS, take, w, ctx->err);
		if (!rc)
			rc = emt_iommu_pair_clock(w->pair, now);
		emt_out_flush(ctx->out);
	}
	if (!rc) {
		lossy(w, live);
		now = emt_iommu_watch_now(live, NULL);
		rc = emt_iommu_watch_poll(live, 0, take, w, ctx->err);
	}
	if (!rc)
		rc = emt_iommu_pair_finish(w->pair, now);
	if (rc == EMT_E_NOMEM)
		emt_err_set(ctx->err, rc, "iommu", NULL, "not enough memory to pair unmaps with flushes");
	if (rc < 0)
		return rc;
	emt_iommu_watch_counts(live, &c);
	ctx->incomplete |= c.lost || sum->forgotten || sum->unmaps[EMT_UNMAP_UNKNOWN];
	rec = emt_out_rec(ctx->out, &emt_kind_iommu_watch);
	if (rec)
		emt_fill_iommu_watch(rec, live, sum, from, (int64_t)time(NULL), window_ns);
	return emt_out_put(ctx->out, rec, ctx->err);
}

static int run_watch(struct emt_ctx *ctx)
{
	const struct emt_value *by = emt_parse_get(ctx->args, "by");
	struct watching w = { .ctx = ctx, .all = emt_parse_flag(ctx->args, "all") };
	struct emt_pair_opts opts = { .window_ns = emt_parse_number(ctx->args, "window", WINDOW_MS) * 1000000,
				      .give_up_ns = GIVE_UP_NS, .cb = put_unmap, .arg = &w };
	struct emt_iommu_watch *live;
	int rc = emt_iommu_watch_open(&live, by ? (enum emt_iommu_way)by->number : EMT_IOMMU_AUTO, ctx->err);

	if (rc)
		return rc;
	emt_ctx_note(ctx, "watching by %s%s%s", emt_iommu_way_name(emt_iommu_watch_way(live)),
		     *emt_iommu_watch_fallback(live) ? "; " : "", emt_iommu_watch_fallback(live));
	rc = emt_iommu_pair_new(&w.pair, &opts);
	if (rc)
		emt_err_set(ctx->err, rc, "iommu", NULL, "not enough memory to pair unmaps with flushes");
	else
		rc = watch(&w, live, opts.window_ns);
	emt_iommu_pair_free(w.pair);
	emt_iommu_watch_close(live);
	return rc;
}

static const char *const ways[] = { "auto", "fentry", "kprobe", NULL };
static const struct emt_arg args[] = {
	{ .name = "window", .type = EMT_ARG_DURATION, .metavar = "TIME", .help = "a flush is expected within this time of the unmap",
	  .fallback = "1ms" },
	{ .name = "all", .type = EMT_ARG_FLAG, .letter = 'a', .help = "list unmaps that were flushed in time too" },
	{ .name = "by", .type = EMT_ARG_ENUM, .metavar = "WAY", .words = ways, .help = "how flushes are seen",
	  .fallback = "auto: fentry, else kprobe" },
};
static const struct emt_section sections[] = {
	{ "unmaps", &emt_kind_iommu_unmap, EMT_SECTION_MAIN, NULL },
	{ "watch", &emt_kind_iommu_watch, EMT_SECTION_ONE, NULL },
};
static const struct emt_reply reply = { "emt.iommu_watch", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "iommu watch --timeout 10s", "ten seconds: unmaps whose flush did not come within a millisecond" },
	{ "iommu watch --timeout 10s --window 20ms --where 'domain_type == \"unmanaged\"'", "of guests' devices only" },
};

const struct emt_command emt_cmd_iommu_watch = {
	.name = "iommu watch",
	.group = "Look at a guest",
	.summary = "watch unmaps of a Linux host's IOMMU, and whether a flush follows",
	.description =
		"Until its IOMMU is told to forget a translation, devices may go on using it. Each unmap "
		"of a Linux or KVM host is paired with the flush of its domain that covers it; those without one in the "
		"window are listed. Domains that defer flushes by design (lazy mode, dma-fq) are told apart from "
		"those where a late or missing flush is wrong; addresses that are mapped again before their flush are the gravest: "
		"devices then reach the old frames by new addresses.\n\n"
		"Unmaps and maps come from the tracepoints iommu:map and iommu:unmap, flushes from the functions of Intel's and AMD's "
		"drivers, by BPF: fentry, else kprobes. KVM's flushes of all vCPUs' TLBs are counted where KVM is "
		"loaded. Events for which the ring had no room are counted for each CPU, and the reply is then "
		"incomplete: a flush may be among them, and unmaps that it may have been for are unknown, not late or missed.\n\n"
		"It runs until it is stopped, --timeout or --limit.\n\n"
		"Exit status: 0 no unmap was late, missed or reused; 1 some were; 2 error; 3 events were lost, and nothing "
		"was found in the others.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_HOST,
	.cost = EMT_COST_FREE,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_watch,
};
