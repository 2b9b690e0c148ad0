/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crosscheck: what KVM itself answered for a page, what stands in its entry, and what the
 * rule says, side by side.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "audit/audit.h"
#include "command/ctx.h"
#include "command/kind_audit.h"
#include "output/text.h"
#include "source/kvm.h"
#include "source/kvm_log.h"

enum {
	SUM_DOMAIN, SUM_RELEASE, SUM_CALLS, SUM_LOST, SUM_LEAVES, SUM_ASKED, SUM_AGREE, SUM_ENTRY, SUM_RULE, SUM_COMPLETE,
	SUM_NR
};
static const struct emt_column sum_columns[SUM_NR] = {
	[SUM_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, EMT_COLF_SHOWN, "process, or number in the capture"),
	[SUM_RELEASE] = EMT_COLUMN("release", EMT_COL_STRING, EMT_COLF_SHOWN, "kernel whose rule is asked"),
	[SUM_CALLS] = EMT_COLUMN("calls", EMT_COL_NUMBER, EMT_COLF_SHOWN, "times KVM computed a type, logged"),
	[SUM_LOST] = EMT_COLUMN("calls_lost", EMT_COL_NUMBER, EMT_COLF_SHOWN, "calls too fast to be logged"),
	[SUM_LEAVES] = EMT_COLUMN("leaves", EMT_COL_NUMBER, EMT_COLF_SHOWN, "entries that map something"),
	[SUM_ASKED] = EMT_COLUMN("asked", EMT_COL_NUMBER, EMT_COLF_SHOWN, "of them those that KVM was asked for meanwhile"),
	[SUM_AGREE] = EMT_COLUMN("agree", EMT_COL_NUMBER, EMT_COLF_SHOWN, "entry, KVM's answer and the rule are the same"),
	[SUM_ENTRY] = EMT_COLUMN("entry_differs", EMT_COL_NUMBER, EMT_COLF_SHOWN, "the entry is not what KVM answered"),
	[SUM_RULE] = EMT_COLUMN("rule_differs", EMT_COL_NUMBER, EMT_COLF_SHOWN, "the rule gives another type than KVM"),
	[SUM_COMPLETE] = EMT_COLUMN("complete", EMT_COL_BOOL, 0, "no call and no entry was lost"),
};

static int layout_sum(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	(void)variant;
	emt_text_printf(t, "%llu of %llu leaves agree three ways under %s: the entry, KVM's answer, the rule.\n",
			(unsigned long long)emt_rec_get_u64(rec, SUM_AGREE),
			(unsigned long long)emt_rec_get_u64(rec, SUM_ASKED), emt_rec_get_str(rec, SUM_RELEASE));
	emt_text_printf(t, "%llu calls logged, %llu lost; %llu leaves were not asked for meanwhile.\n",
			(unsigned long long)emt_rec_get_u64(rec, SUM_CALLS),
			(unsigned long long)emt_rec_get_u64(rec, SUM_LOST),
			(unsigned long long)(emt_rec_get_u64(rec, SUM_LEAVES) - emt_rec_get_u64(rec, SUM_ASKED)));
	return 0;
}

static const struct emt_record_kind kind_sum = {
	.name = "crosscheck_sum", .schema = "emt.crosscheck_sum", .help = "entries, KVM's answers and the rule compared",
	.columns = sum_columns, .nr_columns = SUM_NR, .layout = layout_sum,
};

enum { DIF_GFN, DIF_ORDER, DIF_ENTRY, DIF_KVM, DIF_MMIO, DIF_RULE, DIF_NR };
static const struct emt_column dif_columns[DIF_NR] = {
	[DIF_GFN] = EMT_COLUMN("gfn", EMT_COL_HEX, EMT_COLF_SHOWN, "first frame"),
	[DIF_ORDER] = EMT_COLUMN("order", EMT_COL_NUMBER, EMT_COLF_SHOWN | EMT_COLF_RIGHT, "0, 9 or 18"),
	[DIF_ENTRY] = EMT_COLUMN("entry", EMT_COL_STRING, EMT_COLF_SHOWN, "type in the entry, ! with ipat"),
	[DIF_KVM] = EMT_COLUMN("kvm", EMT_COL_STRING, EMT_COLF_SHOWN, "what KVM answered last"),
	[DIF_MMIO] = EMT_COLUMN("mmio", EMT_COL_BOOL, EMT_COLF_SHOWN, "KVM took the frame for MMIO"),
	[DIF_RULE] = EMT_COLUMN("rule", EMT_COL_STRINGS, EMT_COLF_SHOWN, "what the rule gives", .word = emt_outcome_name,
				.nr_words = 16, .join = " or "),
};
static const struct emt_record_kind kind_dif = {
	.name = "crosscheck_difference", .schema = "emt.crosscheck_difference", .help = "an entry that does not agree",
	.columns = dif_columns, .nr_columns = DIF_NR,
};

struct check {
	struct emt_ctx *ctx;
	struct emt_kvm_log *log;
	uint64_t leaves, asked, agree, entry, rule;
};

static int put_difference(struct check *c, const struct emt_piece *p, uint64_t gfn, const struct emt_kvm_call *call)
{
	struct emt_rec *rec = emt_out_rec(c->ctx->out, &kind_dif);
	char type[8];

	if (rec) {
		emt_run_type_text(&p->run, type);
		emt_rec_u64(rec, DIF_GFN, gfn);
		emt_rec_u64(rec, DIF_ORDER, p->run.order);
		emt_rec_text(rec, DIF_ENTRY, type);
		emt_rec_text(rec, DIF_KVM, emt_outcome_name(EMT_OUT(call->emt, call->ipat)));
		emt_rec_bool(rec, DIF_MMIO, call->mmio);
		emt_fill_outcomes(rec, DIF_RULE, p->expected);
	}
	return emt_out_put(c->ctx->out, rec, c->ctx->err);
}

static int compare(const struct emt_piece *p, void *arg)
{
	struct check *c = arg;
	int rc = 0;

	if (p->verdict == EMT_V_NOT_PRESENT || p->run.flags & EMT_RUN_INTERMEDIATE)
		return 0;
	for (uint64_t i = 0; i < p->run.count && !rc; i++) {
		uint64_t gfn = p->run.gfn + (i << p->run.order);
		const struct emt_kvm_call *call = emt_kvm_log_find(c->log, gfn, 1ull << p->run.order);
		bool entry, rule;

		c->leaves++;
		if (!call)
			continue;
		c->asked++;
		entry = call->emt == p->run.emt && call->ipat == p->run.ipat;
		rule = p->expected & EMT_OUT_BIT(call->emt, call->ipat);
		c->entry += !entry;
		c->rule += !rule;
		if (entry && rule)
			c->agree++;
		else
			rc = put_difference(c, p, gfn, call);
	}
	return rc;
}

struct walk {
	struct check *c;
	struct emt_engine *e;
};

static int take_run(const struct emt_run *run, void *arg)
{
	struct walk *w = arg;

	return emt_engine_run(w->e, run, compare, w->c);
}

/* ---- calls ---- */

/* The addresses of a process's vCPUs. */
static int vcpus_of(uint32_t pid, uint64_t **vcpus, uint32_t *nr, const char *name, struct emt_err *err)
{
	struct emt_kvm_guest *v = NULL;
	struct emt_kvm *k;
	size_t n = 0;
	int rc = emt_kvm_open(&k, name, err);

	if (rc)
		return rc;
	rc = emt_kvm_guests(k, &v, &n, err);
	for (size_t i = 0; i < n; i++)
		if (v[i].pid == pid) {
			*vcpus = v[i].vcpus;
			*nr = v[i].nr_vcpus;
			v[i].vcpus = NULL;
		}
	emt_kvm_guests_free(v, n);
	emt_kvm_close(k);
	return rc;
}

static int wait_for(struct emt_ctx *ctx, struct emt_kvm_log *log, uint64_t ms)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	struct timespec begin, now;
	uint64_t passed = 0;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	while (!rc && passed < ms) {
		nanosleep(&pause, NULL);
		rc = emt_kvm_log_take(log);
		if (!rc)
			rc = emt_ctx_step(ctx, passed, ms);
		clock_gettime(CLOCK_MONOTONIC, &now);
		passed = (uint64_t)(now.tv_sec - begin.tv_sec) * 1000 + (uint64_t)(now.tv_nsec / 1000000) -
			(uint64_t)(begin.tv_nsec / 1000000);
	}
	return rc;
}

static int log_live(struct emt_ctx *ctx, struct emt_source *s, struct emt_kvm_log **log)
{
	const struct emt_value *v = emt_parse_get(ctx->args, "for");
	struct emt_source_walk walk;
	uint64_t *vcpus = NULL;
	uint32_t nr = 0;
	int rc = emt_source_walk(s, 0, &walk, ctx->err);

	if (!rc)
		rc = vcpus_of(walk.domid, &vcpus, &nr, emt_source_name(s), ctx->err);
	if (!rc)
		rc = emt_kvm_log_open(log, vcpus, nr, emt_source_name(s), ctx->err);
	free(vcpus);
	if (!rc)
		rc = wait_for(ctx, *log, v ? v->number : 10000);
	return rc;
}

/* ---- the command ---- */

static int put_sum(struct check *c, const struct emt_engine *e, uint32_t domid, bool complete)
{
	struct emt_rec *rec = emt_out_rec(c->ctx->out, &kind_sum);

	if (rec) {
		emt_rec_u64(rec, SUM_DOMAIN, domid);
		emt_rec_text(rec, SUM_RELEASE, emt_engine_release(e)->full);
		emt_rec_u64(rec, SUM_CALLS, emt_kvm_log_calls(c->log));
		emt_rec_u64(rec, SUM_LOST, emt_kvm_log_dropped(c->log));
		emt_rec_u64(rec, SUM_LEAVES, c->leaves);
		emt_rec_u64(rec, SUM_ASKED, c->asked);
		emt_rec_u64(rec, SUM_AGREE, c->agree);
		emt_rec_u64(rec, SUM_ENTRY, c->entry);
		emt_rec_u64(rec, SUM_RULE, c->rule);
		emt_rec_bool(rec, SUM_COMPLETE, complete);
	}
	return emt_out_put(c->ctx->out, rec, c->ctx->err);
}

static int check_walk(struct emt_ctx *ctx, struct emt_source *s, struct emt_kvm_log *log)
{
	struct check c = { .ctx = ctx, .log = log };
	struct emt_engine *e = NULL;
	struct walk w = { .c = &c };
	struct emt_source_walk walk;
	struct emt_loss loss = { 0 };
	struct emt_facts facts;
	int rc = emt_source_walk(s, 0, &walk, ctx->err);

	if (rc)
		return rc;
	emt_facts_init(&facts);
	rc = emt_ctx_engine(ctx, s, 0, &facts, &e);
	w.e = e;
	if (!rc && !emt_engine_facts(e)->is_kvm)
		rc = emt_err_set(ctx->err, EMT_E_USAGE, emt_source_name(s), NULL, "is no guest of KVM");
	if (!rc)
		rc = emt_ctx_runs(ctx, s, 0, take_run, &w, &loss);
	if (!rc) {
		ctx->incomplete = !emt_loss_none(&loss) || emt_kvm_log_dropped(log);
		ctx->findings = c.entry || c.rule;
		rc = put_sum(&c, e, walk.domid, !ctx->incomplete);
	}
	emt_engine_free(e);
	emt_facts_free(&facts);
	return rc;
}

/* A live guest is opened anew after the calls were logged: its roots may be others then. */
static int run_crosscheck(struct emt_ctx *ctx)
{
	const char *file = emt_parse_text(ctx->args, "calls"), *save = emt_parse_text(ctx->args, "save");
	struct emt_kvm_log *log = NULL;
	struct emt_source *s = NULL;
	int rc = 0;

	if (file) {
		rc = emt_kvm_log_load(&log, file, ctx->err);
	} else {
		rc = emt_ctx_open(ctx, &s);
		if (!rc)
			rc = log_live(ctx, s, &log);
		emt_source_close(s);
		s = NULL;
	}
	if (!rc && !emt_kvm_log_calls(log))
		rc = emt_err_set(ctx->err, EMT_E_MISSING, "crosscheck", "let the guest touch memory meanwhile; --for gives it longer",
				 "KVM was not asked for a single type: nothing can be compared");
	if (!rc && save)
		rc = emt_kvm_log_save(log, save, ctx->err);
	if (!rc)
		rc = emt_ctx_open(ctx, &s);
	if (!rc)
		rc = check_walk(ctx, s, log);
	emt_source_close(s);
	emt_kvm_log_free(log);
	return rc;
}

static const struct emt_arg args[] = {
	{ .name = "source", .type = EMT_ARG_SOURCE, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "SOURCE", .help = "a live guest, kvm:PID; with --calls a capture of one" },
	{ .name = "for", .type = EMT_ARG_DURATION, .metavar = "TIME", .help = "how long KVM's answers are logged",
	  .fallback = "10s" },
	{ .name = "calls", .type = EMT_ARG_FILE, .metavar = "FILE", .help = "answers logged earlier: --save wrote it" },
	{ .name = "save", .type = EMT_ARG_OUTFILE, .metavar = "FILE", .help = "keep the answers" },
	{ .name = "release", .type = EMT_ARG_RELEASE, .metavar = "RELEASE", .help = "follow the rule of this kernel" },
};
static const struct emt_section sections[] = {
	{ "crosscheck", &kind_sum, EMT_SECTION_ONE, NULL },
	{ "differences", &kind_dif, EMT_SECTION_MAIN, "Entries that do not agree" },
};
static const struct emt_reply reply = { "emt.crosscheck", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "crosscheck vm.emt --calls calls.txt", "entries, logged answers and the rule, afterwards" },
};

const struct emt_command emt_cmd_crosscheck = {
	.name = "crosscheck",
	.group = "Look at a guest",
	.summary = "compare a KVM guest's entries with what KVM itself answered",
	.description =
		"Logs what the running kernel answers when it computes an entry's type (its function vmx_get_mt_mask) while the guest touches memory, then "
		"walks the guest's EPT: each leaf that KVM was asked for meanwhile is compared with that answer and "
		"with the rule of the release. It shows that the rule is the kernel's, whatever a distribution "
		"changed in it. Every call of the function costs the guest a little while it is logged; nothing "
		"else does.\n\n"
		"Not every kernel lets its functions be logged (BPF trampolines); then that is said.\n\n"
		"Exit status: 0 all that was asked for agrees; 1 something does not; 2 error, or not a single call "
		"was logged; 3 calls or entries were lost, and the rest agrees.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_HOST,
	.cost = EMT_COST_FREE,
	.types = true,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_crosscheck,
};
