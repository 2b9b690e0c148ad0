/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/follow_kvm.h"

#include <string.h>
#include <time.h>

#include "command/kind_kvm_event.h"

#define POLL_MS 100
#define SUM_MS 1000
#define SUMS 128 /* kinds of changes at once; more are given sooner */
#define STOP 1   /* enough was shown: not an error */

struct follow {
	struct emt_ctx *ctx;
	uint64_t events;
	uint32_t only; /* virtual machine; 0 = all */
	bool entries;
	struct emt_kvm_event sum[SUMS];
	unsigned int nr_sums;
	int64_t begun; /* the sums, ms */
	int64_t looked; /* for losses, ms */
	uint64_t lost;  /* that were told */
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int put(struct follow *f, const struct emt_kvm_event *e)
{
	struct emt_rec *rec = emt_out_rec(f->ctx->out, &emt_kind_kvm_event);
	int rc;

	if (rec)
		emt_fill_kvm_event(rec, e);
	rc = emt_out_put(f->ctx->out, rec, f->ctx->err);
	f->events++;
	return !rc && emt_out_enough(f->ctx->out) ? STOP : rc;
}

static int put_sums(struct follow *f)
{
	int rc = 0;

	for (unsigned int i = 0; i < f->nr_sums && !rc; i++)
		rc = put(f, &f->sum[i]);
	f->nr_sums = 0;
	return rc;
}

static bool alike(const struct emt_kvm_event *a, const struct emt_kvm_event *b)
{
	return a->what == b->what && a->vm == b->vm && a->pid == b->pid && a->order == b->order && a->was == b->was &&
		a->is == b->is && a->as_id == b->as_id;
}

static int add(struct follow *f, const struct emt_kvm_event *e)
{
	int rc = 0;

	for (unsigned int i = 0; i < f->nr_sums; i++) {
		struct emt_kvm_event *s = &f->sum[i];

		if (!alike(s, e))
			continue;
		s->count += e->count;
		s->gfn = e->gfn < s->gfn ? e->gfn : s->gfn;
		s->last = e->last > s->last ? e->last : s->last;
		s->time = e->time;
		s->usec = e->usec;
		return 0;
	}
	if (f->nr_sums == SUMS)
		rc = put_sums(f);
	if (!f->nr_sums)
		f->begun = now_ms();
	f->sum[f->nr_sums++] = *e;
	return rc;
}

static int on_event(const struct emt_kvm_event *e, void *arg)
{
	struct follow *f = arg;
	int rc;

	if (!f->entries && e->what < EMT_KVM_EV_SLOT_ADD)
		return add(f, e);
	rc = put_sums(f); /* what came before it */
	return rc ? rc : put(f, e);
}

static int put_watch(struct follow *f, struct emt_kvm_observer *o, int64_t from, int64_t to)
{
	struct emt_rec *rec = emt_out_rec(f->ctx->out, &emt_kind_kvm_watching);

	if (rec) {
		emt_fill_kvm_watching(rec, o, f->only, from, to, f->events);
		f->ctx->incomplete |= emt_rec_get_u64(rec, KVW_LOST) > 0;
	}
	return emt_out_put(f->ctx->out, rec, f->ctx->err);
}

/* A loss is told when it is seen: until then readers of the journal take it for whole. */
static int tell_loss(struct follow *f, struct emt_kvm_observer *o, int64_t from)
{
	struct emt_kvm_observer_counts c;
	int rc;

	if (now_ms() - f->looked < SUM_MS)
		return 0;
	f->looked = now_ms();
	emt_kvm_observer_counts(o, &c);
	if (c.lost == f->lost)
		return 0;
	f->lost = c.lost;
	rc = put_watch(f, o, from, (int64_t)time(NULL));
	return rc ? rc : put_watch(f, o, from, 0);
}

int emt_follow_kvm(struct emt_ctx *ctx)
{
	const struct emt_value *by = emt_parse_get(ctx->args, "by");
	struct emt_kvm_observer_opts opts = {
		.way = by ? (enum emt_observer_way)by->number : EMT_OBSERVE_AUTO,
		.library = emt_parse_text(ctx->args, "library"),
		.pid = (uint32_t)emt_parse_number(ctx->args, "domain", 0),
	};
	struct follow f = { .ctx = ctx, .only = opts.pid,
			    .entries = emt_parse_flag(ctx->args, "entries") };
	int64_t from = (int64_t)time(NULL);
	struct emt_kvm_observer *o;
	int rc = emt_kvm_observer_open(&o, &opts, ctx->err);

	if (rc)
		return rc;
	emt_ctx_note(ctx, "watching KVM%s%s%s%s", emt_kvm_observer_way(o) == EMT_OBSERVE_AUTO ? "" : " by ",
		     emt_kvm_observer_way(o) == EMT_OBSERVE_AUTO ? "" : emt_observer_way_name(emt_kvm_observer_way(o)),
		     *emt_kvm_observer_fallback(o) ? "; " : "", emt_kvm_observer_fallback(o));
	rc = put_watch(&f, o, from, 0); /* how it watches: the journal's readers ask */
	emt_out_flush(ctx->out); /* a reader of the file learns when it began */
	while (!rc && !(ctx->env->cancel && *ctx->env->cancel)) {
		uint64_t before = f.events;

		rc = emt_kvm_observer_poll(o, POLL_MS, on_event, &f, ctx->err);
		if (!rc && f.nr_sums && now_ms() - f.begun >= SUM_MS)
			rc = put_sums(&f);
		if (!rc)
			rc = tell_loss(&f, o, from);
		if (f.events != before)
			emt_out_flush(ctx->out);
	}
	if (!rc) /* what came in while it was stopped */
		rc = emt_kvm_observer_poll(o, 0, on_event, &f, ctx->err);
	if (!rc)
		rc = put_sums(&f);
	if (rc >= 0)
		rc = put_watch(&f, o, from, (int64_t)time(NULL));
	emt_kvm_observer_close(o);
	return rc;
}
