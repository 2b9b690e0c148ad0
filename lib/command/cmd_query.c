/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * query: emt's livepatch payload, by which a stock Xen answers for its entries.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/ctx.h"
#include "xen/query.h"

enum { STATE_RELEASE, STATE_BUILD, STATE_KNOWN, STATE_PAYLOAD, STATE_OTHERS, STATE_APPLIED, STATE_LOADS, STATE_WHY, STATE_NR };

static const char *state_word(unsigned int i)
{
	return emt_livepatch_state_name(i);
}

static const struct emt_column state_columns[STATE_NR] = {
	[STATE_RELEASE] = EMT_COLUMN("release", EMT_COL_STRING, EMT_COLF_SHOWN, "release of Xen"),
	[STATE_BUILD] = EMT_COLUMN("build_id", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_NULL, "id of this very build"),
	[STATE_KNOWN] = EMT_COLUMN("known_as", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_NULL,
				   "the build whose offsets are known exactly; null: none"),
	[STATE_PAYLOAD] = EMT_COLUMN("payload", EMT_COL_STRING, EMT_COLF_SHOWN, "state of the payload",
				     .word = state_word, .nr_words = EMT_LIVEPATCH_APPLIED + 1),
	[STATE_OTHERS] = EMT_COLUMN("other_payloads", EMT_COL_NUMBER, EMT_COLF_SHOWN | EMT_COLF_RIGHT,
				    "livepatches of others in Xen"),
	[STATE_APPLIED] = EMT_COLUMN("others_applied", EMT_COL_NUMBER, EMT_COLF_RIGHT, "those of them that are in use"),
	[STATE_LOADS] = EMT_COLUMN("loadable", EMT_COL_BOOL, EMT_COLF_SHOWN, "query load would try it"),
	[STATE_WHY] = EMT_COLUMN("why", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_WRAP | EMT_COLF_NULL,
				 "why it would not; null: it would"),
};
static const struct emt_record_kind kind_state = {
	.name = "query_state", .schema = "emt.query_state", .help = "the query payload and the Xen that it is for",
	.columns = state_columns, .nr_columns = STATE_NR,
};

static int open_xen(struct emt_ctx *ctx, struct emt_xen **x, struct emt_query_status *s)
{
	int rc = emt_xen_open(x, NULL, false, "xen", ctx->err);

	if (rc)
		return rc;
	emt_out_source(ctx->out, "xen");
	rc = emt_query_status(*x, s, ctx->err);
	if (rc)
		emt_xen_close(*x);
	return rc;
}

static int put_state(struct emt_ctx *ctx, struct emt_xen *x, const struct emt_query_status *s)
{
	struct emt_rec *rec = emt_out_rec(ctx->out, &kind_state);
	const struct emt_query_build *build;
	struct emt_err why = { 0 };
	bool loads = !emt_query_may_load(x, s, NULL, &build, &why);

	if (rec) {
		emt_rec_str(rec, STATE_RELEASE, emt_xen_release(x));
		emt_rec_text(rec, STATE_BUILD, s->build_id);
		emt_rec_str(rec, STATE_KNOWN, s->build ? s->build->release : NULL);
		emt_rec_str(rec, STATE_PAYLOAD, state_word(s->patch.state));
		emt_rec_u64(rec, STATE_OTHERS, s->patch.others);
		emt_rec_u64(rec, STATE_APPLIED, s->patch.applied);
		emt_rec_bool(rec, STATE_LOADS, loads);
		if (!loads)
			emt_rec_fmt(rec, STATE_WHY, "%s; %s", why.text, why.next);
	}
	return emt_out_put(ctx->out, rec, ctx->err);
}

static int run_status(struct emt_ctx *ctx)
{
	struct emt_query_status s;
	struct emt_xen *x;
	int rc = open_xen(ctx, &x, &s);

	if (rc)
		return rc;
	rc = put_state(ctx, x, &s);
	emt_xen_close(x);
	return rc;
}

/* ---- load and unload ---- */

static int as_root(struct emt_ctx *ctx, const char *what)
{
	return geteuid() ? emt_err_set(ctx->err, EMT_E_PERM, what, "run it as root", "only root changes the hypervisor")
			 : 0;
}

/* What it does to the host, to a person who has not agreed yet. */
static int say_changes(struct emt_ctx *ctx, const struct emt_query_build *build, size_t bytes)
{
	char release[80] = "";

	if (build->release)
		snprintf(release, sizeof(release), " (%s)", build->release);
	emt_ctx_note(ctx, "query load changes this Xen until query unload or the next boot:");
	emt_ctx_note(ctx, "  - it uploads the livepatch '%s', %zu bytes, for build %s%s", EMT_QUERY_NAME, bytes,
		     build->build_id, release);
	emt_ctx_note(ctx, "  - every processor stops for an instant while Xen puts it in use, and again on unload");
	emt_ctx_note(ctx, "  - five bytes at the beginning of Xen's function iommu_do_domctl become a jump into it: requests of emt are "
			  "answered there, every other one is done as before");
	emt_ctx_note(ctx, "  - then it is checked against the guests that run, and taken out again if anything is not as "
			  "expected; it only reads");
	return emt_err_set(ctx->err, EMT_E_USAGE, "query load", "agree to it: query load -y",
			   "not without being asked: it changes the hypervisor");
}

static int load(struct emt_ctx *ctx, struct emt_xen *x, const struct emt_query_status *s,
		const struct emt_query_build *own)
{
	const struct emt_query_build *build;
	uint32_t checked;
	uint8_t *file;
	size_t bytes;
	int rc = emt_query_may_load(x, s, own, &build, ctx->err);

	if (!rc)
		rc = as_root(ctx, "query load");
	if (rc)
		return rc;
	if (!emt_parse_flag(ctx->args, "yes")) {
		rc = emt_query_payload(build, &file, &bytes, ctx->err);
		if (rc)
			return rc;
		free(file);
		return say_changes(ctx, build, bytes);
	}
	emt_xen_allow_changes(x);
	rc = emt_query_load(x, build, &checked, ctx->err);
	if (!rc && !checked)
		emt_ctx_note(ctx, "no guest runs that it could be checked against: the first query does that");
	else if (!rc)
		emt_ctx_note(ctx, "checked against %u guest%s", checked, checked == 1 ? "" : "s");
	return rc;
}

static int run_load(struct emt_ctx *ctx)
{
	const char *path = emt_parse_text(ctx->args, "offsets");
	struct emt_query_build own = { .release = NULL };
	struct emt_query_status s;
	struct emt_xen *x;
	int rc = path ? emt_query_build_read(&own, path, ctx->err) : 0;

	if (!rc)
		rc = open_xen(ctx, &x, &s);
	if (rc)
		return rc;
	rc = load(ctx, x, &s, path ? &own : NULL);
	if (!rc)
		rc = emt_query_status(x, &s, ctx->err);
	if (!rc)
		rc = put_state(ctx, x, &s);
	emt_xen_close(x);
	return rc;
}

static int run_unload(struct emt_ctx *ctx)
{
	struct emt_query_status s;
	struct emt_xen *x;
	int rc = open_xen(ctx, &x, &s);

	if (rc)
		return rc;
	rc = as_root(ctx, "query unload");
	emt_xen_allow_changes(x);
	if (!rc)
		rc = emt_query_unload(x, &s, ctx->err);
	if (!rc)
		rc = emt_query_status(x, &s, ctx->err);
	if (!rc)
		rc = put_state(ctx, x, &s);
	emt_xen_close(x);
	return rc;
}

/* ---- offsets ---- */

enum { NUM_STRUCT, NUM_MEMBER, NUM_BYTES, NUM_NR };
static const struct emt_column number_columns[NUM_NR] = {
	[NUM_STRUCT] = EMT_COLUMN("struct", EMT_COL_STRING, EMT_COLF_SHOWN, "struct of Xen"),
	[NUM_MEMBER] = EMT_COLUMN("member", EMT_COL_STRING, EMT_COLF_SHOWN, "member of it; empty: the struct itself"),
	[NUM_BYTES] = EMT_COLUMN("bytes", EMT_COL_NUMBER, EMT_COLF_SHOWN | EMT_COLF_RIGHT,
				 "where the member begins, or the size of the struct", .unit = "bytes"),
};
static const struct emt_record_kind kind_number = {
	.name = "query_number", .schema = "emt.query_number", .help = "what the query payload must know of a build",
	.columns = number_columns, .nr_columns = NUM_NR,
};
enum { BLD_ID, BLD_KNOWN, BLD_SAME, BLD_NR };
static const struct emt_column build_columns[BLD_NR] = {
	[BLD_ID] = EMT_COLUMN("build_id", EMT_COL_STRING, EMT_COLF_SHOWN, "id of the build"),
	[BLD_KNOWN] = EMT_COLUMN("known_as", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_NULL,
				 "the release it is, when emt knows this build; null: it does not"),
	[BLD_SAME] = EMT_COLUMN("same_numbers", EMT_COL_BOOL, EMT_COLF_SHOWN | EMT_COLF_NULL,
				"emt's own numbers are the same; null: it has none"),
};
static const struct emt_record_kind kind_build = {
	.name = "query_build", .schema = "emt.query_build", .help = "the build of Xen that numbers are of",
	.columns = build_columns, .nr_columns = BLD_NR,
};

/* emt's own numbers of the build that runs here. */
static int of_this_xen(struct emt_ctx *ctx, struct emt_query_build *b)
{
	struct emt_query_status s;
	struct emt_xen *x;
	int rc = open_xen(ctx, &x, &s);

	if (rc)
		return rc;
	emt_xen_close(x);
	if (!s.build)
		return emt_err_set(ctx->err, EMT_E_UNSUPPORTED, "query offsets", "name its xen-syms: query offsets XEN-SYMS",
				   "build %s is not known exactly", s.build_id);
	*b = *s.build;
	return 0;
}

static int run_offsets(struct emt_ctx *ctx)
{
	const char *path = emt_parse_text(ctx->args, "file");
	const struct emt_query_build *known;
	struct emt_query_build b = { .release = NULL };
	struct emt_rec *rec;
	int rc = path ? emt_query_build_syms(&b, path, ctx->err) : of_this_xen(ctx, &b);

	if (rc)
		return rc;
	if (path)
		emt_out_source(ctx->out, path);
	for (unsigned int i = 0; i < EMT_QF_NR && !rc; i++) {
		rec = emt_out_rec(ctx->out, &kind_number);
		if (rec) {
			emt_rec_str(rec, NUM_STRUCT, emt_query_fields[i].type);
			emt_rec_str(rec, NUM_MEMBER, emt_query_fields[i].member);
			emt_rec_u64(rec, NUM_BYTES, b.numbers[i]);
		}
		rc = emt_out_put(ctx->out, rec, ctx->err);
	}
	if (rc)
		return rc;
	known = emt_query_build_find(b.build_id);
	rec = emt_out_rec(ctx->out, &kind_build);
	if (rec) {
		emt_rec_str(rec, BLD_ID, b.build_id);
		if (known) {
			emt_rec_str(rec, BLD_KNOWN, known->release);
			emt_rec_bool(rec, BLD_SAME, !memcmp(known->numbers, b.numbers, sizeof(b.numbers)));
		}
	}
	return emt_out_put(ctx->out, rec, ctx->err);
}

/* ---- measure ---- */

enum { MSR_WHAT, MSR_ENTRIES, MSR_RUNS, MSR_CALLS, MSR_US, MSR_WORST, MSR_EACH, MSR_NR };
static const struct emt_column measure_columns[MSR_NR] = {
	[MSR_WHAT] = EMT_COLUMN("what", EMT_COL_STRING, EMT_COLF_SHOWN,
				"what was asked for: nothing (one call that gives no entry); the entries alone; entries with "
				"frames: the special ones behind; with pins: what Xen's own lookup finds; with xen: what Xen's "
				"own function would write now"),
	[MSR_ENTRIES] = EMT_COLUMN("entries", EMT_COL_NUMBER, EMT_COLF_SHOWN | EMT_COLF_RIGHT, "entries that it has"),
	[MSR_RUNS] = EMT_COLUMN("runs", EMT_COL_NUMBER, EMT_COLF_SHOWN | EMT_COLF_RIGHT,
				"records that gave them: neighbours that go on alike are one"),
	[MSR_CALLS] = EMT_COLUMN("calls", EMT_COL_NUMBER, EMT_COLF_SHOWN | EMT_COLF_RIGHT, "hypercalls that gave those"),
	[MSR_US] = EMT_COLUMN("total_us", EMT_COL_NUMBER, EMT_COLF_SHOWN | EMT_COLF_RIGHT,
			      "time in those calls, as dom0 sees it", .unit = "microseconds"),
	[MSR_WORST] = EMT_COLUMN("worst_us", EMT_COL_NUMBER, EMT_COLF_SHOWN | EMT_COLF_RIGHT, "the longest of them",
				 .unit = "microseconds"),
	[MSR_EACH] = EMT_COLUMN("entry_ns", EMT_COL_NUMBER, EMT_COLF_SHOWN | EMT_COLF_RIGHT | EMT_COLF_NULL,
				"time an entry; null: there are none", .unit = "nanoseconds"),
};
static const struct emt_record_kind kind_measure = {
	.name = "query_measure", .schema = "emt.query_measure", .help = "what reading a domain's entries costs",
	.columns = measure_columns, .nr_columns = MSR_NR,
};

#define ROUNDS 5 /* the quickest counts: what else ran on the host is not the question */

static const struct { const char *what; uint32_t flags; uint64_t from; } measures[] = {
	{ "nothing", 0, UINT64_MAX },
	{ "entries", 0, 0 },
	{ "frames", EMT_QUERY_F_FRAMES, 0 },
	{ "pins", EMT_QUERY_F_PINS, 0 },
	{ "xen", EMT_QUERY_F_XEN, 0 },
};

static int walk_once(struct emt_ctx *ctx, struct emt_query_client *c, uint32_t flags, uint64_t gfn,
		     struct emt_query_cost *cost)
{
	const struct emt_query_run *runs;
	bool more = true;
	size_t n;
	int rc = 0;

	emt_query_cost_reset(c);
	while (!rc && more) {
		rc = emt_query_walk(c, &gfn, UINT64_MAX, flags, &runs, &n, &more, ctx->err);
		if (!rc)
			rc = emt_ctx_cancelled(ctx);
	}
	emt_query_cost(c, cost);
	return rc;
}

static int measure(struct emt_ctx *ctx, struct emt_query_client *c, size_t i)
{
	struct emt_query_cost best = { 0 }, one;
	struct emt_rec *rec;
	int rc = 0;

	for (int k = 0; k < ROUNDS && !rc; k++) {
		rc = walk_once(ctx, c, measures[i].flags, measures[i].from, &one);
		if (!k || one.ns < best.ns)
			best = one;
	}
	if (rc)
		return rc;
	rec = emt_out_rec(ctx->out, &kind_measure);
	if (rec) {
		emt_rec_str(rec, MSR_WHAT, measures[i].what);
		emt_rec_u64(rec, MSR_ENTRIES, best.entries);
		emt_rec_u64(rec, MSR_RUNS, best.runs);
		emt_rec_u64(rec, MSR_CALLS, best.calls);
		emt_rec_u64(rec, MSR_US, best.ns / 1000);
		emt_rec_u64(rec, MSR_WORST, best.worst_ns / 1000);
		if (best.entries)
			emt_rec_u64(rec, MSR_EACH, best.ns / best.entries);
	}
	return emt_out_put(ctx->out, rec, ctx->err);
}

static int run_measure(struct emt_ctx *ctx)
{
	uint32_t domid = (uint32_t)emt_parse_number(ctx->args, "domain", 0);
	struct emt_query_client *c;
	struct emt_xen *x;
	int rc = emt_xen_open(&x, NULL, false, "xen", ctx->err);

	if (rc)
		return rc;
	emt_out_source(ctx->out, "xen");
	rc = emt_query_open(&c, x, domid, ctx->err);
	for (size_t i = 0; i < EMT_ARRAY_SIZE(measures) && !rc; i++)
		rc = measure(ctx, c, i);
	emt_query_close(c);
	emt_xen_close(x);
	return rc;
}

/* ---- declarations ---- */

#define GROUP "Live Xen"

static const struct emt_section state_sections[] = {
	{ "state", &kind_state, EMT_SECTION_ONE | EMT_SECTION_MAIN, NULL },
};
#define STATE_REPLY(name) { name, 1, 0, state_sections, EMT_ARRAY_SIZE(state_sections) }
static const struct emt_reply status_reply = STATE_REPLY("emt.query_status");
static const struct emt_reply load_reply = STATE_REPLY("emt.query_load");
static const struct emt_reply unload_reply = STATE_REPLY("emt.query_unload");

static const struct emt_example status_examples[] = {
	{ "query status", "is the payload there, and could it be" },
};
const struct emt_command emt_cmd_query_status = {
	.name = "query status",
	.group = GROUP,
	.summary = "show whether this Xen can be asked for its entries",
	.description =
		"Shows the build of the Xen that runs here, whether emt knows its structures exactly, and the "
		"state of the query payload: a small livepatch that only reads, by which a stock Xen answers for "
		"its entries and for what decides them (pins, read-only ranges, MTRRs). Nothing is changed.\n\n"
		"Exit status: 0 shown; 2 no Xen here, no livepatch in it, or it cannot be asked.",
	.groups = { &emt_args_output },
	.reply = &status_reply,
	.right = EMT_RIGHT_HOST,
	.cost = EMT_COST_FREE,
	.examples = status_examples,
	.nr_examples = EMT_ARRAY_SIZE(status_examples),
	.since = "0.1",
	.run = run_status,
};

static const struct emt_arg load_args[] = {
	{ .name = "yes", .type = EMT_ARG_FLAG, .letter = 'y', .help = "agree to what it changes" },
	{ .name = "offsets", .type = EMT_ARG_FILE, .metavar = "FILE",
	  .help = "numbers of a build that emt does not know: what query offsets --json printed" },
};
static const struct emt_example load_examples[] = {
	{ "query load -y", "put the payload in use, and check it against the guests that run" },
};
const struct emt_command emt_cmd_query_load = {
	.name = "query load",
	.group = GROUP,
	.summary = "put the query payload into this Xen",
	.description =
		"Uploads the payload as a livepatch and puts it in use. This is the one thing by which emt changes "
		"a host: it says exactly what changes and does nothing without -y. Only root may; a program never "
		"does it by itself, nor does emtd for a client. query unload undoes it, and so does a boot.\n\n"
		"The payload takes the place of one function of Xen, iommu_do_domctl, and does what that did for "
		"every request that is not emt's. It takes no lock, writes nothing, answers only the hardware "
		"domain, and never about dom0, PV guests or dying domains. One call looks at a bounded part of a "
		"table.\n\n"
		"Where members of Xen's structures stand is known exactly for the builds that emt was tested on, or "
		"comes from a xen-syms with debug information (query offsets). For any other build it is refused: "
		"these places move inside a series. Before it answers anything the payload checks each of them "
		"against facts of public calls and against Xen's own functions, with reads that cannot fault; if "
		"one fails it is taken out again.\n\n"
		"It is refused while another livepatch is in use, and on a Xen that is not 4.17.\n\n"
		"Exit status: 0 it is in use; 2 refused, or it failed and nothing is left behind.",
	.args = load_args,
	.nr_args = EMT_ARRAY_SIZE(load_args),
	.groups = { &emt_args_output },
	.reply = &load_reply,
	.right = EMT_RIGHT_CHANGE,
	.cost = EMT_COST_COSTS,
	.examples = load_examples,
	.nr_examples = EMT_ARRAY_SIZE(load_examples),
	.since = "0.1",
	.run = run_load,
};

static const struct emt_example unload_examples[] = {
	{ "query unload", "leave Xen as it was" },
};
const struct emt_command emt_cmd_query_unload = {
	.name = "query unload",
	.group = GROUP,
	.summary = "take the query payload out of this Xen",
	.description =
		"Takes the payload out of use and out of Xen's memory: Xen is then as it was before query load. "
		"Queries that are under way elsewhere end with an error. Only root may.\n\n"
		"Exit status: 0 it is gone; 2 it was not there, or Xen refused.",
	.groups = { &emt_args_output },
	.reply = &unload_reply,
	.right = EMT_RIGHT_CHANGE,
	.cost = EMT_COST_COSTS,
	.examples = unload_examples,
	.nr_examples = EMT_ARRAY_SIZE(unload_examples),
	.since = "0.1",
	.run = run_unload,
};

static const struct emt_arg offsets_args[] = {
	{ .name = "file", .type = EMT_ARG_FILE, .flags = EMT_ARGF_POSITIONAL, .metavar = "XEN-SYMS",
	  .help = "xen-syms of the build, with debug information; without it, what emt knows of the Xen that runs here" },
};
static const struct emt_section offsets_sections[] = {
	{ "numbers", &kind_number, EMT_SECTION_MAIN, NULL },
	{ "build", &kind_build, EMT_SECTION_ONE, NULL },
};
static const struct emt_reply offsets_reply = { "emt.query_offsets", 1, 0, offsets_sections,
						EMT_ARRAY_SIZE(offsets_sections) };
static const struct emt_example offsets_examples[] = {
	{ "query offsets xen-syms --json", "numbers of a build, for query load --offsets" },
};
const struct emt_command emt_cmd_query_offsets = {
	.name = "query offsets",
	.group = GROUP,
	.summary = "read what the query payload must know out of a xen-syms",
	.description =
		"Prints where the members of Xen's structures stand that the payload reads, by the debug "
		"information of the very build: a xen-syms with DWARF, as a build of Xen leaves it behind. (Debian's "
		"package of symbols has none.) Nothing is guessed: what is missing, has another size or is placed "
		"differently in two files ends it. With --json the output is what query load --offsets "
		"reads.\n\n"
		"Exit status: 0 every number was found; 2 one is missing, or the file cannot serve.",
	.args = offsets_args,
	.nr_args = EMT_ARRAY_SIZE(offsets_args),
	.groups = { &emt_args_output },
	.reply = &offsets_reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = offsets_examples,
	.nr_examples = EMT_ARRAY_SIZE(offsets_examples),
	.since = "0.1",
	.run = run_offsets,
};

static const struct emt_arg measure_args[] = {
	{ .name = "domain", .type = EMT_ARG_DOMAIN, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED, .metavar = "DOMAIN",
	  .help = "domain id of a guest" },
};
static const struct emt_section measure_sections[] = {
	{ "measures", &kind_measure, EMT_SECTION_MAIN, NULL },
};
static const struct emt_reply measure_reply = { "emt.query_measure", 2, 0, measure_sections,
						EMT_ARRAY_SIZE(measure_sections) };
static const struct emt_example measure_examples[] = {
	{ "query measure 5", "entries, calls, and how long they took" },
};
const struct emt_command emt_cmd_query_measure = {
	.name = "query measure",
	.group = GROUP,
	.summary = "measure what reading a guest's entries costs",
	.description =
		"Reads all entries of a domain through the query payload, alone and with each thing that can be asked "
		"beside them, five times each, and tells how long the hypercalls of the quickest round took. Xen serves "
		"no other domctl while one of them runs: the longest is what the toolstack may have to wait.\n\n"
		"Exit status: 0 measured; 2 the payload is not loaded, or the domain cannot be asked.",
	.args = measure_args,
	.nr_args = EMT_ARRAY_SIZE(measure_args),
	.groups = { &emt_args_output },
	.reply = &measure_reply,
	.right = EMT_RIGHT_HOST,
	.cost = EMT_COST_FREE,
	.examples = measure_examples,
	.nr_examples = EMT_ARRAY_SIZE(measure_examples),
	.since = "0.1",
	.run = run_measure,
};
