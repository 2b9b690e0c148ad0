/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * events: what the toolstack does to domains, as it does it, or out of a journal.
 */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command/ctx.h"
#include "command/follow_kvm.h"
#include "command/journal.h"
#include "command/kind_events.h"
#include "command/kind_kvm_event.h"
#include "source/journal.h"

#define POLL_MS 100
#define STOP 1 /* enough was shown: not an error */

struct follow {
	struct emt_ctx *ctx;
	uint64_t events;
};

static int put_event(const struct emt_toolstack_event *e, void *arg)
{
	struct follow *f = arg;
	struct emt_rec *rec = emt_out_rec(f->ctx->out, &emt_kind_toolstack_event);
	int rc;

	if (rec)
		emt_fill_toolstack_event(rec, e);
	rc = emt_out_put(f->ctx->out, rec, f->ctx->err);
	f->events++;
	return !rc && emt_out_enough(f->ctx->out) ? STOP : rc;
}

static bool stopped(const struct emt_ctx *ctx)
{
	return ctx->env->cancel && *ctx->env->cancel;
}

static int put_watch(struct follow *f, struct emt_observer *o, int64_t from)
{
	struct emt_watching w = { .way = emt_observer_way_name(emt_observer_way(o)),
			       .fallback = emt_observer_fallback(o), .from = from, .to = (int64_t)time(NULL),
			       .on = o, .mappings = emt_parse_flag(f->ctx->args, "mappings") };
	struct emt_rec *rec = emt_out_rec(f->ctx->out, &emt_kind_watching);

	emt_observer_counts(o, &w.counts);
	f->ctx->incomplete |= w.counts.lost || w.counts.unpaired || w.counts.unreadable || w.counts.frames_lost;
	if (rec)
		emt_fill_watching(rec, &w, f->events);
	return emt_out_put(f->ctx->out, rec, f->ctx->err);
}

static int put_begun(struct follow *f, const struct emt_observer *o, int64_t from)
{
	struct emt_rec *rec = emt_out_rec(f->ctx->out, &emt_kind_watch_begun);

	if (rec)
		emt_fill_watch_begun(rec, from, emt_observer_way_name(emt_observer_way(o)), emt_observer_fallback(o));
	return emt_out_put(f->ctx->out, rec, f->ctx->err);
}

static int follow(struct emt_ctx *ctx)
{
	const struct emt_value *by = emt_parse_get(ctx->args, "by");
	struct emt_observer_opts opts = {
		.way = by ? (enum emt_observer_way)by->number : EMT_OBSERVE_AUTO,
		.library = emt_parse_text(ctx->args, "library"),
		.domid = (int64_t)emt_parse_number(ctx->args, "domain", UINT64_MAX),
		.mappings = emt_parse_flag(ctx->args, "mappings"),
	};
	struct follow f = { .ctx = ctx };
	struct emt_observer *o;
	int64_t from;
	int rc;

	if (opts.library && opts.way == EMT_OBSERVE_AUTO)
		opts.way = EMT_OBSERVE_UPROBE;
	if (opts.library && opts.way != EMT_OBSERVE_UPROBE)
		return emt_err_set(ctx->err, EMT_E_USAGE, "library", "leave --by out, or write --by uprobe",
				   "only uprobes look into a library");
	rc = emt_observer_open(&o, &opts, ctx->err);
	if (rc)
		return rc;
	from = (int64_t)time(NULL);
	rc = emt_out_begin(ctx->out, ctx->err);
	if (!rc)
		rc = put_begun(&f, o, from + 1); /* the first whole second of which all is seen */
	emt_out_flush(ctx->out); /* a reader of the file learns when it began */
	emt_ctx_note(ctx, "watching by %s%s%s", emt_observer_way_name(emt_observer_way(o)),
		     *emt_observer_fallback(o) ? "; " : "", emt_observer_fallback(o));
	while (!rc && !stopped(ctx)) {
		uint64_t before = f.events;

		rc = emt_observer_poll(o, POLL_MS, put_event, &f, ctx->err);
		if (f.events != before)
			emt_out_flush(ctx->out);
	}
	if (!rc) /* what came in while it was stopped */
		rc = emt_observer_poll(o, 0, put_event, &f, ctx->err);
	if (rc >= 0)
		rc = put_watch(&f, o, from);
	emt_observer_close(o);
	return rc;
}

/* ---- the journal ---- */

static struct emt_rec *begin(const struct emt_record_kind *kind, void *arg)
{
	struct follow *f = arg;

	return emt_out_rec(f->ctx->out, kind);
}

/* Is it about this domain (virtual machine), or about no one's. */
static bool concerns(const struct emt_rec *rec, uint64_t only)
{
	unsigned int col = emt_rec_kind(rec) == &emt_kind_kvm_event ? KVEV_VM : TSEV_DOMAIN;

	return !emt_rec_has(rec, col) || emt_rec_get_u64(rec, col) == only;
}

static int put(struct emt_rec *rec, void *arg)
{
	struct follow *f = arg;
	uint64_t only = emt_parse_number(f->ctx->args, "domain", UINT64_MAX);
	int rc;

	if (rec && emt_rec_kind(rec) == &emt_kind_watching)
		f->ctx->incomplete |= !emt_rec_has(rec, WATCHING_TO) || emt_rec_get_u64(rec, WATCHING_LOST);
	else if (rec && emt_rec_kind(rec) == &emt_kind_kvm_watching)
		f->ctx->incomplete |= emt_rec_get_u64(rec, KVW_LOST) > 0;
	else if (rec && only != UINT64_MAX && !concerns(rec, only))
		return emt_ctx_cancelled(f->ctx); /* the record is used again */
	rc = emt_out_put(f->ctx->out, rec, f->ctx->err);
	if (!rc)
		rc = emt_ctx_cancelled(f->ctx);
	return !rc && emt_out_enough(f->ctx->out) ? STOP : rc;
}

/* Whose host is watched: said, else Xen where it runs (or a library stands for it), else KVM. */
static bool on_kvm(const struct emt_ctx *ctx)
{
	const struct emt_value *on = emt_parse_get(ctx->args, "on");

	if (on && on->number)
		return on->number == 2;
	return !emt_parse_text(ctx->args, "library") && access("/dev/xen/privcmd", F_OK) && !access("/dev/kvm", F_OK);
}

static int run_events(struct emt_ctx *ctx)
{
	struct follow f = { .ctx = ctx };
	struct emt_journal_ops ops = { begin, put, &f };
	const char *path = emt_parse_text(ctx->args, "journal");
	int rc;

	if (emt_parse_flag(ctx->args, "follow"))
		return on_kvm(ctx) ? emt_follow_kvm(ctx) : follow(ctx);
	if (emt_parse_get(ctx->args, "by") || emt_parse_get(ctx->args, "library") || emt_parse_flag(ctx->args, "mappings"))
		return emt_err_set(ctx->err, EMT_E_USAGE, "events", "add --follow",
				   "--by, --library and --mappings say how to watch; without --follow the journal is read");
	rc = emt_journal_read(path ? path : emt_journal_file(), &ops, ctx->err);
	return rc == STOP ? 0 : rc;
}

/* ---- declaration ---- */

static const char *const ways[] = { "auto", "fentry", "kprobe", "uprobe", NULL };
static const char *const hosts[] = { "auto", "xen", "kvm", NULL };
static const struct emt_arg args[] = {
	{ .name = "follow", .type = EMT_ARG_FLAG, .letter = 'f', .help = "watch, until it is stopped, --timeout or --limit" },
	{ .name = "journal", .type = EMT_ARG_FILE, .metavar = "FILE", .help = "read this journal",
	  .fallback = "that of EMTCTL_JOURNAL, else /var/lib/emt/journal.ndjson" },
	{ .name = "domain", .type = EMT_ARG_DOMAIN, .letter = 'd', .metavar = "N",
	  .help = "only what concerns this domain (KVM: process), and the host", .fallback = "all" },
	{ .name = "on", .type = EMT_ARG_ENUM, .metavar = "WHAT", .words = hosts,
	  .help = "the hypervisor that is watched", .fallback = "auto: Xen where it runs, else KVM" },
	{ .name = "entries", .type = EMT_ARG_FLAG,
	  .help = "KVM: entries one run after the other, not summed up by the second" },
	{ .name = "by", .type = EMT_ARG_ENUM, .metavar = "WAY", .words = ways,
	  .help = "how calls are seen", .fallback = "auto: the first of the others that the kernel allows" },
	{ .name = "library", .type = EMT_ARG_FILE, .metavar = "FILE",
	  .help = "uprobe: the file whose ioctl is probed", .fallback = "the C library" },
	{ .name = "mappings", .type = EMT_ARG_FLAG,
	  .help = "frames that processes map too, and where they lie: in a PV dom0; mappings compares them" },
};
static const struct emt_section sections[] = {
	{ "events", &emt_kind_toolstack_event, EMT_SECTION_MAIN, NULL },
	{ "watches", &emt_kind_watching, 0, NULL },
	{ "begun", &emt_kind_watch_begun, 0, NULL },
	{ "kvm_events", &emt_kind_kvm_event, 0, NULL },
	{ "kvm_watches", &emt_kind_kvm_watching, 0, NULL },
};
static const struct emt_reply reply = { "emt.events", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "events --journal journal.ndjson", "what a journal has" },
	{ "events --journal journal.ndjson --domain 5 --where 'event == \"pin\"'", "pins of domain 5" },
};

const struct emt_command emt_cmd_events = {
	.name = "events",
	.group = "Live domains",
	.summary = "show what was done to domains and virtual machines, or watch it",
	.description =
		"Prints each call to Xen that changes what memory types or devices depend on, with the process that "
		"made it: domains created and destroyed, rights to I/O memory and ports, device memory mapped, "
		"devices assigned, pinned cache attributes, p2m types, log-dirty mode, pages added and taken, "
		"host MTRRs. Only calls that succeeded are given. With --follow they are watched as they are made; else a "
		"journal is read, which is what an earlier --follow --ndjson wrote; emt-events.service keeps one.\n\n"
		"Calls are seen where they pass /dev/xen/privcmd, by BPF: fentry and fexit, else kprobes, else uprobes "
		"on the C library's ioctl, which programs that are linked statically do not use. Calls of a "
		"stub domain, of dom0's kernel and of the guest itself never pass there.\n\n"
		"With --mappings each frame of a domain that a process of a PV dom0 maps is given too, with the machine frame "
		"that Xen put into the process's page table for it: `emtctl mappings` compares a walk with them. "
		"It needs Linux 5.17.\n\n"
		"On a host with KVM: memslots that are added, deleted, moved or get other flags; non-coherent DMA that is "
		"registered or taken back; entries of EPT or NPT that begin to map memory, cease to, get another "
		"frame or type, superpages that are split or joined. Entries are seen at KVM's own tracepoint "
		"(kvm_tdp_mmu_spte_changed), which does not say whose they are: they count for the virtual machine "
		"in whose process it happens; what threads of the kernel do (reclaim, compaction) has none. Their "
		"rate is high: runs of entries are joined in the kernel, and what is alike within a second is "
		"given as one; --entries gives each run. Memslots and DMA are seen by fentry, else by kprobes; else "
		"memslots by uprobes on the C library's ioctl, and DMA not.\n\n"
		"A call or a change that could not be kept is counted, by CPU, and the reply is then incomplete; so it is when a watch of the "
		"journal was cut off: what happened until the next one began is not known.\n\n"
		"Exit status: 0 nothing was lost; 2 error; 3 events were lost, or a watch was cut off.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_HOST,
	.cost = EMT_COST_FREE,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_events,
};
