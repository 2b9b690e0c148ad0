/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * expect: assertions of scripts. Each runs another command, looks at its records and
 * says whether what was expected is so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/complete.h"
#include "command/ctx.h"
#include "command/kind_audit.h"
#include "command/kind_run.h"
#include "command/layout.h"

enum outcome { MET, NOT_MET, UNDECIDED, OUTCOME_NR };

static const char *outcome_name(unsigned int i)
{
	static const char *const names[] = { "met", "not_met", "undecided" };

	return i < EMT_ARRAY_SIZE(names) ? names[i] : "?";
}

enum { EXP_OUTCOME, EXP_WHAT, EXP_EXPECTED, EXP_GOT, EXP_NR };
static const struct emt_column expect_columns[EXP_NR] = {
	[EXP_OUTCOME] = EMT_COLUMN("outcome", EMT_COL_STRING, EMT_COLF_SHOWN,
				   "met; not_met; undecided: the source is incomplete, or entries are "
				   "undetermined", .word = outcome_name, .nr_words = OUTCOME_NR),
	[EXP_WHAT] = EMT_COLUMN("what", EMT_COL_STRING, EMT_COLF_SHOWN, "what was looked at"),
	[EXP_EXPECTED] = EMT_COLUMN("expected", EMT_COL_STRING, EMT_COLF_SHOWN, "what was expected"),
	[EXP_GOT] = EMT_COLUMN("got", EMT_COL_STRING, EMT_COLF_SHOWN, "what is so"),
};

static int layout_expect(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	const char *outcome = emt_rec_get_str(rec, EXP_OUTCOME);
	bool met = !strcmp(outcome, outcome_name(MET)), not_met = !strcmp(outcome, outcome_name(NOT_MET));

	(void)variant;
	emt_text_puts(t, met ? EMT_STYLE_GOOD : not_met ? EMT_STYLE_BAD : EMT_STYLE_WARN,
		      met ? "met" : not_met ? "not met" : "undecided");
	emt_text_printf(t, ": %s: expected %s, got %s\n", emt_rec_get_str(rec, EXP_WHAT),
			emt_rec_get_str(rec, EXP_EXPECTED), emt_rec_get_str(rec, EXP_GOT));
	return 0;
}

static const struct emt_record_kind kind_expect = {
	.name = "expectation", .schema = "emt.expectation", .help = "what was expected, and what is so",
	.columns = expect_columns, .nr_columns = EXP_NR, .layout = layout_expect,
};

static int put(struct emt_ctx *ctx, enum outcome outcome, const char *what, const char *expected,
	       const char *got)
{
	struct emt_rec *rec = emt_out_rec(ctx->out, &kind_expect);

	ctx->findings = outcome == NOT_MET;
	ctx->incomplete = outcome == UNDECIDED;
	ctx->unmet = outcome != MET;
	if (rec) {
		emt_rec_str(rec, EXP_OUTCOME, outcome_name(outcome));
		emt_rec_str(rec, EXP_WHAT, what);
		emt_rec_str(rec, EXP_EXPECTED, expected);
		emt_rec_str(rec, EXP_GOT, got);
	}
	return emt_out_put(ctx->out, rec, ctx->err);
}

/* ---- counts ---- */

struct count {
	uint64_t low, high;
};

/* "3", "1+", "2-5". */
static int parse_count(struct emt_ctx *ctx, struct count *c)
{
	const char *text = emt_parse_text(ctx->args, "count");
	size_t n = strspn(text, "0123456789");
	char low[24];

	snprintf(low, sizeof(low), "%.*s", (int)(n < 22 ? n : 22), text);
	if (!emt_parse_u64(low, &c->low)) {
		c->high = c->low;
		if (!text[n])
			return 0;
		if (!strcmp(text + n, "+")) {
			c->high = UINT64_MAX;
			return 0;
		}
		if (text[n] == '-' && !emt_parse_u64(text + n + 1, &c->high) && c->high >= c->low)
			return 0;
	}
	return emt_err_set(ctx->err, EMT_E_USAGE, text, "counts: 0, 3, 1+ (one or more), 0-5",
			   "is no count");
}

/* Of what is missing more may come: a lower bound that is reached stays reached, an
 * upper bound that is exceeded stays exceeded, all else is open. */
static enum outcome judge(const struct count *c, uint64_t n, bool complete)
{
	if (n > c->high)
		return NOT_MET;
	if (n >= c->low && (complete || c->high == UINT64_MAX))
		return MET;
	return complete ? NOT_MET : UNDECIDED;
}

/* ---- the command that is looked at ---- */

struct look {
	struct emt_ctx *ctx;
	void (*record)(struct look *l, const struct emt_rec *rec);
	const struct emt_record_kind *kind; /* of records to count */
	uint64_t n;
	/* findings */
	const char *only_kind, *only_defect;
	unsigned int level;
	bool whole;             /* nothing was lost */
	uint64_t undetermined;
	/* verdicts */
	const char *verdict;
	char other[96];         /* first verdict that is another, and where */
};

static int drop(void *arg, const char *data, size_t len)
{
	(void)arg;
	(void)data;
	(void)len;
	return 0;
}

static void pass_note(void *arg, const char *text)
{
	const struct look *l = arg;

	if (l->ctx->env->note)
		l->ctx->env->note(l->ctx->env->arg, text);
}

static void pass_progress(void *arg, const char *what, uint64_t done, uint64_t total)
{
	const struct look *l = arg;

	if (l->ctx->env->progress)
		l->ctx->env->progress(l->ctx->env->arg, what, done, total);
}

static void pass_record(void *arg, const struct emt_rec *rec)
{
	struct look *l = arg;

	l->record(l, rec);
}

/* Run a line with its output thrown away; its records go to l->record. */
static void look(struct look *l, const char *const *words, size_t n, struct emt_session *session,
		 struct emt_result *res)
{
	struct emt_env env = *l->ctx->env;

	env.write = drop;
	env.note = pass_note;
	env.progress = pass_progress;
	env.record = pass_record;
	env.arg = l;
	env.start = NULL;
	env.width = 0;
	env.session = session;
	emt_execute(&env, words, n, res);
}

#define LOOK_WORDS 16

/* "audit SOURCE OPTIONS", with the source options of the expectation itself. */
static int look_at_source(struct look *l, const char *name, const char *range, const char *option,
			  struct emt_result *res)
{
	static const char *const pass[][2] = { { "domain", "--domain" }, { "generation", "--generation" },
					       { "release", "--release" } };
	const char *words[LOOK_WORDS];
	size_t n = 0;

	words[n++] = name;
	words[n++] = "--ndjson";
	if (option)
		words[n++] = option;
	if (emt_parse_flag(l->ctx->args, "salvage"))
		words[n++] = "--salvage";
	for (size_t i = 0; i < EMT_ARRAY_SIZE(pass); i++) {
		const char *text = emt_parse_text(l->ctx->args, pass[i][0]);

		if (text) {
			words[n++] = pass[i][1];
			words[n++] = text;
		}
	}
	words[n++] = "--";
	words[n++] = emt_ctx_source_text(l->ctx);
	if (range)
		words[n++] = range;
	look(l, words, n, NULL, res);
	if (res->err.code)
		*l->ctx->err = res->err;
	return res->err.code;
}

/* ---- expect findings ---- */

static void take_finding(struct look *l, const struct emt_rec *rec)
{
	if (emt_rec_kind(rec) == &emt_kind_audit_result) {
		l->whole = emt_rec_get_bool(rec, RES_COMPLETE);
		l->undetermined = emt_rec_get_u64(rec, RES_UNDETERMINED_ENTRIES);
	}
	if (emt_rec_kind(rec) != &emt_kind_finding)
		return;
	if (l->only_kind && strcmp(emt_rec_get_str(rec, FIND_KIND), l->only_kind))
		return;
	if (l->only_defect && strcmp(emt_rec_get_str(rec, FIND_DEFECT), l->only_defect))
		return;
	if (emt_severity_parse(emt_rec_get_str(rec, FIND_SEVERITY)) >= (int)l->level)
		l->n++;
}

static int run_findings(struct emt_ctx *ctx)
{
	struct look l = {
		.ctx = ctx, .record = take_finding, .only_kind = emt_parse_text(ctx->args, "kind"),
		.only_defect = emt_parse_text(ctx->args, "defect"),
	};
	bool named = l.only_kind || l.only_defect;
	char got[64], what[160];
	struct emt_result res;
	struct count c;
	int rc = parse_count(ctx, &c);

	if (rc)
		return rc;
	l.level = (unsigned int)emt_parse_number(ctx->args, "level", named ? EMT_SEV_INFO : EMT_SEV_WARNING);
	rc = look_at_source(&l, "audit", NULL, "--all", &res);
	emt_result_free(&res);
	if (rc)
		return rc;
	snprintf(got, sizeof(got), "%llu%s", (unsigned long long)l.n,
		 l.whole ? "" : ", but the source is incomplete");
	/* An undetermined entry may be anything, unless it is asked for by name. */
	if (l.undetermined && !named)
		snprintf(got, sizeof(got), "%llu, and %llu undetermined entries", (unsigned long long)l.n,
			 (unsigned long long)l.undetermined);
	snprintf(what, sizeof(what), "findings%s%s%s%s of level %s or worse", named ? " of " : "",
		 l.only_kind ? l.only_kind : "", l.only_kind && l.only_defect ? " " : "",
		 l.only_defect ? l.only_defect : "", emt_severity_name(l.level));
	return put(ctx, judge(&c, l.n, l.whole && (named || !l.undetermined)), what,
		   emt_parse_text(ctx->args, "count"), got);
}

/* ---- expect verdict ---- */

static void take_run(struct look *l, const struct emt_rec *rec)
{
	const char *verdict = emt_rec_has(rec, RUN_VERDICT) ? emt_rec_get_str(rec, RUN_VERDICT) : "none";

	if (emt_rec_kind(rec) != &emt_kind_run)
		return;
	l->n++;
	if (strcmp(verdict, l->verdict) && !*l->other)
		snprintf(l->other, sizeof(l->other), "%s at 0x%llx", verdict,
			 (unsigned long long)emt_rec_get_u64(rec, RUN_GFN));
}

static int run_verdict(struct emt_ctx *ctx)
{
	struct look l = { .ctx = ctx, .record = take_run, .verdict = emt_parse_text(ctx->args, "verdict") };
	const char *range = emt_parse_text(ctx->args, "range");
	struct emt_result res;
	char what[96], next[200];
	bool whole;
	int rc;

	if (emt_verdict_parse(l.verdict) < 0) {
		size_t at = (size_t)snprintf(next, sizeof(next), "valid here:");

		for (unsigned int i = 0; i < EMT_V_NR && at < sizeof(next); i++)
			at += (size_t)snprintf(next + at, sizeof(next) - at, " %s", emt_verdict_name(i));
		return emt_err_set(ctx->err, EMT_E_USAGE, l.verdict, next, "is no verdict");
	}
	rc = look_at_source(&l, "show", range, NULL, &res);
	whole = res.exit_status == EMT_EXIT_CLEAN;
	emt_result_free(&res);
	if (rc)
		return rc;
	snprintf(what, sizeof(what), "verdict of %.60s", range);
	if (*l.other)
		return put(ctx, NOT_MET, what, l.verdict, l.other);
	if (!l.n)
		return put(ctx, whole ? NOT_MET : UNDECIDED, what, l.verdict, "no entry there");
	return put(ctx, whole ? MET : UNDECIDED, what, l.verdict,
		   whole ? l.verdict : "the same of what is there, but the source is incomplete");
}

/* ---- expect count, expect status ---- */

static void take_any(struct look *l, const struct emt_rec *rec)
{
	if (emt_rec_kind(rec) == l->kind)
		l->n++;
}

/* Run the words of 'line'; they may name what the session holds. */
static int look_at_line(struct look *l, struct emt_result *res, char *what, size_t room)
{
	const struct emt_value *v = emt_parse_get(l->ctx->args, "line");
	const char **all = calloc(l->ctx->args->nr + 2, sizeof(*all)), **words = all;
	struct emt_err lost = { 0 };
	struct emt_parse p;
	size_t n = 1, at = 0;

	memset(res, 0, sizeof(*res));
	if (!all)
		return emt_err_set(l->ctx->err, EMT_E_NOMEM, "expect", NULL, "not enough memory");
	/* Records one by one, not a table held in memory. */
	all[0] = "--ndjson";
	for (; v; v = emt_parse_next(l->ctx->args, v)) {
		all[n++] = v->text;
		if (at < room)
			at += (size_t)snprintf(what + at, room - at, "%s%s", at ? " " : "", v->text);
	}
	if (emt_parse_format(all + 1, n - 1) != EMT_FORMAT_TEXT) {
		words++;
		n--;
	}
	emt_parse_words(&p, words, n, l->ctx->env->session, &lost);
	l->kind = p.cmd ? emt_reply_main(p.cmd->reply)->kind : NULL;
	emt_parse_free(&p);
	look(l, words, n, l->ctx->env->session, res);
	free(all);
	return 0;
}

static int run_count(struct emt_ctx *ctx)
{
	struct look l = { .ctx = ctx, .record = take_any };
	struct emt_result res;
	char got[64], what[300] = "";
	struct count c;
	bool whole;
	int rc = parse_count(ctx, &c);

	if (!rc)
		rc = look_at_line(&l, &res, what, sizeof(what));
	if (rc)
		return rc;
	whole = res.exit_status != EMT_EXIT_INCOMPLETE;
	if (res.err.code)
		*ctx->err = res.err;
	emt_result_free(&res);
	if (ctx->err->code)
		return ctx->err->code;
	snprintf(got, sizeof(got), "%llu%s", (unsigned long long)l.n,
		 whole ? "" : ", but the reply is incomplete");
	return put(ctx, judge(&c, l.n, whole), what, emt_parse_text(ctx->args, "count"), got);
}

static int run_status(struct emt_ctx *ctx)
{
	struct look l = { .ctx = ctx, .record = take_any };
	uint64_t expected = emt_parse_number(ctx->args, "status", 0);
	char want[24], got[400], what[300] = "";
	struct emt_result res;
	int rc = look_at_line(&l, &res, what, sizeof(what));

	if (rc)
		return rc;
	snprintf(want, sizeof(want), "exit status %llu", (unsigned long long)expected);
	snprintf(got, sizeof(got), "%d%s%s", (int)res.exit_status, res.err.code ? ": " : "", res.err.text);
	rc = res.err.code == EMT_E_CANCELLED ? EMT_E_CANCELLED : 0;
	if (rc)
		*ctx->err = res.err;
	emt_result_free(&res);
	return rc ? rc : put(ctx, (uint64_t)res.exit_status == expected ? MET : NOT_MET, what, want, got);
}

/* ---- completion ---- */

static void complete_verdict(struct emt_completion *c)
{
	for (unsigned int i = 0; i < EMT_V_NR; i++)
		emt_complete_word(c, emt_verdict_name(i), NULL);
}

static void complete_kind(struct emt_completion *c)
{
	complete_verdict(c);
	emt_complete_word(c, "known-defect", "the release's rule is known to be wrong");
}

static void complete_defect(struct emt_completion *c)
{
	for (size_t i = 0; i < emt_nr_defects; i++)
		emt_complete_word(c, emt_defects[i].id, emt_defects[i].title);
}

/* ---- declarations ---- */

#define COUNT_ARG { .name = "count", .type = EMT_ARG_TEXT, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED, \
		    .metavar = "COUNT", .help = "how many: 0, 3, 1+ (one or more), 0-5" }
#define SOURCE_ARG { .name = "source", .type = EMT_ARG_SOURCE, .metavar = "SOURCE", \
		     .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED, \
		     .help = "a capture file, or a domain; left out after `use`" }
#define LINE_ARG { .name = "line", .type = EMT_ARG_LINE, .metavar = "COMMAND", \
		   .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED | EMT_ARGF_REPEAT, \
		   .help = "command to run, with its arguments and options" }
#define EXPECT_STATUS \
	"\n\nExit status: 0 it is so; 1 it is not: a script ends there; 2 it could not be looked at; 3 the " \
	"source is incomplete, so that nobody can say."

static const struct emt_section sections[] = {
	{ "expectation", &kind_expect, EMT_SECTION_ONE | EMT_SECTION_MAIN, NULL },
};

static const struct emt_arg findings_args[] = {
	COUNT_ARG, SOURCE_ARG,
	{ .name = "kind", .type = EMT_ARG_TEXT, .metavar = "KIND", .complete = complete_kind,
	  .help = "only findings of this kind: mismatch, unsplit, known-defect" },
	{ .name = "defect", .type = EMT_ARG_TEXT, .metavar = "ID", .complete = complete_defect,
	  .help = "only findings of this known defect: KD7" },
	{ .name = "level", .type = EMT_ARG_LEVEL, .metavar = "LEVEL",
	  .fallback = "warning; info with --kind or --defect", .help = "only findings of this level or worse" },
};
static const struct emt_reply findings_reply = { "emt.expect.findings", 1, 0, sections, 1 };
static const struct emt_example findings_examples[] = {
	{ "expect findings 0 guest.emt", "the guest is clean" },
	{ "expect findings 0 guest.emt --kind mismatch", "no entry differs from what its release writes" },
	{ "expect findings 1+ guest.emt --defect KD7 --release 4.14.0", "a known defect is there" },
};
const struct emt_command emt_cmd_expect_findings = {
	.name = "expect findings",
	.group = "Sessions and scripts",
	.summary = "assert how many findings an audit has",
	.description = "Audits the source and counts findings. Undetermined entries may be anything: without "
		       "--kind and --defect they leave an upper bound undecided." EXPECT_STATUS,
	.args = findings_args, .nr_args = EMT_ARRAY_SIZE(findings_args),
	.groups = { &emt_args_source, &emt_args_output },
	.reply = &findings_reply, .right = EMT_RIGHT_READ, .cost = EMT_COST_FREE,
	.examples = findings_examples, .nr_examples = EMT_ARRAY_SIZE(findings_examples),
	.since = "0.1", .run = run_findings,
};

static const struct emt_arg verdict_args[] = {
	{ .name = "verdict", .type = EMT_ARG_TEXT, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "VERDICT", .complete = complete_verdict, .help = "ok, pending, mismatch and others" },
	{ .name = "range", .type = EMT_ARG_GFN_RANGE, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "RANGE", .help = "guest frame or frames: 0x200, 0x200-0x3ff" },
	SOURCE_ARG,
};
static const struct emt_reply verdict_reply = { "emt.expect.verdict", 1, 0, sections, 1 };
static const struct emt_example verdict_examples[] = {
	{ "expect verdict ok 0x200 guest.emt", "this frame is as it should be" },
	{ "expect verdict ok 0-0x9f guest.emt", "all entries of the range are" },
};
const struct emt_command emt_cmd_expect_verdict = {
	.name = "expect verdict",
	.group = "Sessions and scripts",
	.summary = "assert the verdict of entries",
	.description = "Judges the entries of a range; all must have this verdict, and there must be "
		       "one." EXPECT_STATUS,
	.args = verdict_args, .nr_args = EMT_ARRAY_SIZE(verdict_args),
	.groups = { &emt_args_source, &emt_args_output },
	.reply = &verdict_reply, .right = EMT_RIGHT_READ, .cost = EMT_COST_FREE,
	.examples = verdict_examples, .nr_examples = EMT_ARRAY_SIZE(verdict_examples),
	.since = "0.1", .run = run_verdict,
};

static const struct emt_arg count_args[] = { COUNT_ARG, LINE_ARG };
static const struct emt_reply count_reply = { "emt.expect.count", 1, 0, sections, 1 };
static const struct emt_example count_examples[] = {
	{ "expect count 0 show guest.emt --where 'emt == \"UC\" && order > 0'", "no superpage is uncached" },
	{ "expect count 1+ capture show guest.emt", "the capture holds a walk" },
};
const struct emt_command emt_cmd_expect_count = {
	.name = "expect count",
	.group = "Sessions and scripts",
	.summary = "assert how many records a command yields",
	.description = "Runs a command and counts its main records: those that --where and --limit are about. "
		       "Options behind COMMAND are that command's." EXPECT_STATUS,
	.args = count_args, .nr_args = EMT_ARRAY_SIZE(count_args),
	.groups = { &emt_args_output },
	.reply = &count_reply, .right = EMT_RIGHT_READ, .cost = EMT_COST_FREE,
	.examples = count_examples, .nr_examples = EMT_ARRAY_SIZE(count_examples),
	.since = "0.1", .run = run_count,
};

static const struct emt_arg status_args[] = {
	{ .name = "status", .type = EMT_ARG_NUMBER, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "STATUS", .help = "exit status: 0, 1, 2 or 3" },
	LINE_ARG,
};
static const struct emt_reply status_reply = { "emt.expect.status", 1, 0, sections, 1 };
static const struct emt_example status_examples[] = {
	{ "expect status 0 capture verify guest.emt", "the file is sound" },
};
const struct emt_command emt_cmd_expect_status = {
	.name = "expect status",
	.group = "Sessions and scripts",
	.summary = "assert the exit status of a command",
	.description = "Runs a command and looks at its exit status; what it writes is thrown "
		       "away." EXPECT_STATUS,
	.args = status_args, .nr_args = EMT_ARRAY_SIZE(status_args),
	.groups = { &emt_args_output },
	.reply = &status_reply, .right = EMT_RIGHT_READ, .cost = EMT_COST_FREE,
	.examples = status_examples, .nr_examples = EMT_ARRAY_SIZE(status_examples),
	.since = "0.1", .run = run_status,
};
