/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pv: the p2m of PV domains, judged by the rules of their kernel.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/pv.h"
#include "command/ctx.h"
#include "command/layout.h"
#include "source/pv.h"

#define SHOWN EMT_COLF_SHOWN
#define NUL EMT_COLF_NULL
#define BARS_MAX 4096

/* ---- kinds ---- */

enum {
	PV_DOMAIN,
	PV_PFN,
	PV_LAST_PFN,
	PV_BYTES,
	PV_KIND,
	PV_MFN,
	PV_PLACE,
	PV_REGION,
	PV_DEVICE,
	PV_EXPECTED,
	PV_FINDING,
	PV_BY_RULE,
	PV_SEVERITY,
	PV_TEXT,
	PV_NR
};

static enum emt_style style_finding(const char *text)
{
	return strcmp(text, "ok") ? EMT_STYLE_BAD : EMT_STYLE_NONE;
}

static const struct emt_column columns[PV_NR] = {
	[PV_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, 0, "domain id"),
	[PV_PFN] = EMT_COLUMN("pfn", EMT_COL_FRAME, SHOWN, "first frame of the domain", .unit = "pfn", .width = 9),
	[PV_LAST_PFN] = EMT_COLUMN("last_pfn", EMT_COL_FRAME, SHOWN, "last frame", .unit = "pfn", .width = 9),
	[PV_BYTES] = EMT_COLUMN("bytes", EMT_COL_BYTES, SHOWN | EMT_COLF_RIGHT, "size", .unit = "bytes"),
	[PV_KIND] = EMT_COLUMN("kind", EMT_COL_STRING, SHOWN,
			       "frame: the domain's memory; missing: none; identity: the machine frame of the same "
			       "number; foreign: another domain's", .word = emt_pv_kind_name, .nr_words = EMT_PV_NR),
	[PV_MFN] = EMT_COLUMN("mfn", EMT_COL_FRAME, SHOWN | NUL, "first machine frame; null when missing",
			      .unit = "mfn", .width = 9),
	[PV_PLACE] = EMT_COLUMN("place", EMT_COL_STRING, SHOWN,
				"in the memory map that the domain has: ram, reserved (any other region), gap, above",
				.word = emt_pv_place_name, .nr_words = EMT_PV_PLACES),
	[PV_REGION] = EMT_COLUMN("region", EMT_COL_NUMBER, NUL, "type of the map's region; null where there is none"),
	[PV_DEVICE] = EMT_COLUMN("device", EMT_COL_STRING, SHOWN | NUL, "device memory that lies there; null: none known"),
	[PV_EXPECTED] = EMT_COLUMN("expected", EMT_COL_STRINGS, 0, "what the kernel's rules put there",
				   .join = " or "),
	[PV_FINDING] = EMT_COLUMN("finding", EMT_COL_STRING, SHOWN, "what is wrong",
				  .word = emt_pv_finding_name, .nr_words = EMT_PVF_NR, .style = style_finding),
	[PV_BY_RULE] = EMT_COLUMN("by_rule", EMT_COL_BOOL, 0, "this kernel leaves it so everywhere: no accident"),
	[PV_SEVERITY] = EMT_COLUMN("severity", EMT_COL_STRING, NUL, "of the finding", .word = emt_severity_name,
				   .nr_words = EMT_SEV_NR),
	[PV_TEXT] = EMT_COLUMN("text", EMT_COL_STRING, NUL, "the finding in a sentence"),
};
static const struct emt_record_kind kind_run = {
	.name = "pv_run", .schema = "emt.pv_run", .columns = columns, .nr_columns = PV_NR,
	.help = "frames of a PV domain that follow each other, with one verdict",
};

enum {
	PD_DOMAIN,
	PD_NAME,
	PD_KERNEL,
	PD_RULES,
	PD_LIST,
	PD_FRAMES,
	PD_POPULATED,
	PD_MISSING,
	PD_IDENTITY,
	PD_FOREIGN,
	PD_FINDINGS,
	PD_DEVICES,
	PD_DEVICES_BAD,
	PD_E820,
	PD_UNREADABLE,
	PD_ASSUMED,
	PD_UNTOLD,
	PD_CHANGED,
	PD_COMPLETE,
	PD_NR
};

static const char *list_word(unsigned int i)
{
	return emt_pv_list_name(i);
}

static const struct emt_column dom_columns[PD_NR] = {
	[PD_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, SHOWN, "domain id"),
	[PD_NAME] = EMT_COLUMN("name", EMT_COL_STRING, SHOWN | NUL, "name; null when not known"),
	[PD_KERNEL] = EMT_COLUMN("kernel", EMT_COL_STRING, SHOWN | NUL, "release of its Linux; null when not known"),
	[PD_RULES] = EMT_COLUMN("rules", EMT_COL_STRING, SHOWN, "kernels whose rules were used"),
	[PD_LIST] = EMT_COLUMN("list", EMT_COL_STRING, SHOWN, "how its p2m was read; none: out of a capture", .word = list_word, .nr_words = 3),
	[PD_FRAMES] = EMT_COLUMN("frames", EMT_COL_NUMBER, SHOWN, "entries of its p2m", .unit = "frames"),
	[PD_POPULATED] = EMT_COLUMN("populated", EMT_COL_NUMBER, SHOWN, "of them memory of the domain", .unit = "frames"),
	[PD_MISSING] = EMT_COLUMN("missing", EMT_COL_NUMBER, SHOWN, "missing: ballooned out, or never there",
				  .unit = "frames"),
	[PD_IDENTITY] = EMT_COLUMN("identity", EMT_COL_NUMBER, SHOWN, "identity", .unit = "frames"),
	[PD_FOREIGN] = EMT_COLUMN("foreign", EMT_COL_NUMBER, SHOWN, "mapped from other domains", .unit = "frames"),
	[PD_FINDINGS] = EMT_COLUMN("findings", EMT_COL_NUMBER, SHOWN, "runs with a finding"),
	[PD_DEVICES] = EMT_COLUMN("devices", EMT_COL_NUMBER, SHOWN, "regions of device memory looked at"),
	[PD_DEVICES_BAD] = EMT_COLUMN("devices_bad", EMT_COL_NUMBER, SHOWN, "findings in them"),
	[PD_E820] = EMT_COLUMN("memory_map", EMT_COL_STRING, 0, "where the memory map comes from"),
	[PD_UNREADABLE] = EMT_COLUMN("unreadable", EMT_COL_NUMBER, 0, "entries that could not be read",
				     .unit = "frames"),
	[PD_ASSUMED] = EMT_COLUMN("assumed", EMT_COL_NUMBER, 0,
				  "entries of pages that stand for missing or for identity, taken for one by where they "
				  "lie; p2m:self knows", .unit = "frames"),
	[PD_UNTOLD] = EMT_COLUMN("untold", EMT_COL_NUMBER, 0,
				 "entries of which the tree does not tell whether they are missing or identity",
				 .unit = "frames"),
	[PD_CHANGED] = EMT_COLUMN("changed", EMT_COL_BOOL, 0, "the domain altered it meanwhile"),
	[PD_COMPLETE] = EMT_COLUMN("complete", EMT_COL_BOOL, 0, "everything was read, and nothing changed"),
};

static int layout_domain(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	unsigned long long bad = emt_rec_get_u64(rec, PD_FINDINGS), devices = emt_rec_get_u64(rec, PD_DEVICES);
	char text[64];

	(void)variant;
	emt_text_gap(t);
	snprintf(text, sizeof(text), "domain %llu", (unsigned long long)emt_rec_get_u64(rec, PD_DOMAIN));
	emt_text_puts(t, EMT_STYLE_STRONG, text);
	if (emt_rec_has(rec, PD_NAME))
		emt_text_printf(t, " (%s)", emt_rec_get_str(rec, PD_NAME));
	emt_text_printf(t, ", PV, Linux %s: %llu frames, %llu populated, %llu missing, %llu identity, %llu foreign; ",
			emt_rec_has(rec, PD_KERNEL) ? emt_rec_get_str(rec, PD_KERNEL) : "of a release not known",
			(unsigned long long)emt_rec_get_u64(rec, PD_FRAMES),
			(unsigned long long)emt_rec_get_u64(rec, PD_POPULATED),
			(unsigned long long)emt_rec_get_u64(rec, PD_MISSING),
			(unsigned long long)emt_rec_get_u64(rec, PD_IDENTITY),
			(unsigned long long)emt_rec_get_u64(rec, PD_FOREIGN));
	emt_text_printf(t, "%llu finding%s", bad, bad == 1 ? "" : "s");
	if (devices)
		emt_text_printf(t, "; %llu of %llu regions of device memory are not identity",
				(unsigned long long)emt_rec_get_u64(rec, PD_DEVICES_BAD), devices);
	emt_text_printf(t, "\n");
	if (!emt_rec_get_bool(rec, PD_COMPLETE))
		emt_text_para(t, "  ", 2, "Not everything could be read, or it changed meanwhile.");
	return 0;
}

static const struct emt_record_kind kind_domain = {
	.name = "pv_domain", .schema = "emt.pv_domain", .columns = dom_columns, .nr_columns = PD_NR,
	.help = "a PV domain and its p2m, in sums", .layout = layout_domain,
};

/* ---- device memory ---- */

struct bars {
	struct emt_pv_bar *v; /* owned */
	size_t n;
};

static int bar_add(struct bars *b, uint64_t first, uint64_t last, const char *name)
{
	struct emt_pv_bar *v = b->n < BARS_MAX ? realloc(b->v, (b->n + 1) * sizeof(*v)) : NULL;

	if (!v)
		return EMT_E_NOMEM;
	b->v = v;
	v[b->n] = (struct emt_pv_bar){ .first = first, .last = last };
	snprintf(v[b->n++].name, sizeof(v->name), "%s", name);
	return 0;
}

static int by_first(const void *pa, const void *pb)
{
	const struct emt_pv_bar *a = pa, *b = pb;

	return a->first < b->first ? -1 : a->first > b->first;
}

/* --bar, and for the domain that has this machine's devices what sysfs says of them. */
static int bars_of(struct emt_ctx *ctx, const struct emt_pv_domain *d, struct bars *b)
{
	struct emt_pv_device *dev = NULL;
	size_t n = 0;
	char name[64], one[EMT_BAR_ROOM];
	int rc = 0;

	for (const struct emt_value *v = emt_parse_get(ctx->args, "bar"); v && !rc; v = emt_parse_next(ctx->args, v)) {
		snprintf(name, sizeof(name), "device memory 0x%llx", (unsigned long long)v->span.first);
		rc = bar_add(b, v->span.first, v->span.last, name);
	}
	if (!rc && d->host_devices)
		rc = emt_pv_devices(&dev, &n);
	for (size_t i = 0; i < d->bars.n && !rc; i++)
		rc = bar_add(b, d->bars.v[i].first, d->bars.v[i].last, emt_bar_name(d->bars.v[i].tag, one));
	for (size_t i = 0; i < n && !rc; i++)
		rc = bar_add(b, dev[i].first, dev[i].last, emt_bar_name(dev[i].bar, one));
	free(dev);
	if (rc)
		return emt_err_set(ctx->err, rc, "device memory", NULL, "not enough memory for its regions");
	if (b->n)
		qsort(b->v, b->n, sizeof(*b->v), by_first);
	return 0;
}

/* ---- the command ---- */

struct pv {
	struct emt_ctx *ctx;
	const struct emt_pv_domain *d;
	const struct emt_pv_era *era;
	struct emt_pv_audit *audit;
	enum emt_severity fail_on;
	uint64_t frames[EMT_PV_NR], findings, devices_bad;
};

static void fill(struct emt_rec *rec, const struct pv *x, const struct emt_pv_run *r)
{
	char text[256];

	emt_rec_u64(rec, PV_DOMAIN, x->d->domid);
	emt_rec_u64(rec, PV_PFN, r->pfn);
	emt_rec_u64(rec, PV_LAST_PFN, r->pfn + r->count - 1);
	emt_rec_u64(rec, PV_BYTES, r->count << 12);
	emt_rec_str(rec, PV_KIND, emt_pv_kind_name(r->entry.kind));
	if (r->entry.mfn != EMT_NO_FRAME)
		emt_rec_u64(rec, PV_MFN, r->entry.mfn);
	emt_rec_str(rec, PV_PLACE, emt_pv_place_name(r->place));
	if (r->tag)
		emt_rec_u64(rec, PV_REGION, r->tag);
	if (r->bar)
		emt_rec_str(rec, PV_DEVICE, r->bar->name);
	emt_rec_list(rec, PV_EXPECTED);
	for (unsigned int k = 0; k < EMT_PV_NR; k++)
		if (r->expected & 1u << k)
			emt_rec_add_str(rec, PV_EXPECTED, emt_pv_kind_name(k));
	emt_rec_str(rec, PV_FINDING, emt_pv_finding_name(r->finding));
	emt_rec_bool(rec, PV_BY_RULE, r->by_rule);
	if (r->finding == EMT_PVF_OK)
		return;
	emt_rec_str(rec, PV_SEVERITY, emt_severity_name(r->severity));
	emt_rec_text(rec, PV_TEXT, emt_pv_run_text(r, x->era, text, sizeof(text)));
}

static int put_run(const struct emt_pv_run *r, void *arg)
{
	struct pv *x = arg;
	struct emt_rec *rec = emt_out_rec(x->ctx->out, &kind_run);
	bool bad = r->finding != EMT_PVF_OK;

	x->frames[r->entry.kind] += r->count;
	x->findings += bad;
	x->devices_bad += bad && r->bar;
	x->ctx->findings |= bad && r->severity >= x->fail_on;
	if (rec)
		fill(rec, x, r);
	return emt_out_put(x->ctx->out, rec, x->ctx->err);
}

static int entry(uint64_t pfn, struct emt_pv_entry e, void *arg)
{
	struct pv *x = arg;

	return emt_pv_audit_add(x->audit, pfn, e);
}

static int fill_run(uint64_t pfn, uint64_t count, enum emt_pv_kind kind, void *arg)
{
	struct pv *x = arg;
	int rc = emt_ctx_cancelled(x->ctx);

	return rc ? rc : emt_pv_audit_fill(x->audit, pfn, count, kind);
}

static int put_domain(struct pv *x, const struct emt_pv_read *r, bool changed, size_t devices)
{
	struct emt_rec *rec = emt_out_rec(x->ctx->out, &kind_domain);
	bool complete = !r->unreadable && !r->untold && !changed;
	const char *kernel = emt_parse_text(x->ctx->args, "kernel");

	x->ctx->incomplete |= !complete;
	if (rec) {
		emt_rec_u64(rec, PD_DOMAIN, x->d->domid);
		emt_rec_text(rec, PD_NAME, x->d->name);
		emt_rec_text(rec, PD_KERNEL, kernel ? kernel : x->d->kernel);
		emt_rec_str(rec, PD_RULES, x->era ? x->era->kernels : "any since 2.6.39");
		emt_rec_str(rec, PD_LIST, emt_pv_list_name(x->d->list));
		emt_rec_u64(rec, PD_FRAMES, x->d->shared.max_pfn);
		emt_rec_u64(rec, PD_POPULATED, x->frames[EMT_PV_FRAME]);
		emt_rec_u64(rec, PD_MISSING, x->frames[EMT_PV_MISSING]);
		emt_rec_u64(rec, PD_IDENTITY, x->frames[EMT_PV_IDENTITY]);
		emt_rec_u64(rec, PD_FOREIGN, x->frames[EMT_PV_FOREIGN]);
		emt_rec_u64(rec, PD_FINDINGS, x->findings);
		emt_rec_u64(rec, PD_DEVICES, devices);
		emt_rec_u64(rec, PD_DEVICES_BAD, x->devices_bad);
		emt_rec_str(rec, PD_E820, x->d->e820_origin);
		emt_rec_u64(rec, PD_UNREADABLE, r->unreadable);
		emt_rec_u64(rec, PD_ASSUMED, r->assumed);
		emt_rec_u64(rec, PD_UNTOLD, r->untold);
		emt_rec_bool(rec, PD_CHANGED, changed);
		emt_rec_bool(rec, PD_COMPLETE, complete);
	}
	return emt_out_put(x->ctx->out, rec, x->ctx->err);
}

/* What lies behind the list is what the kernel answers without looking: identity since
 * 3.16, nothing before. Shown where device memory lies there. */
static int behind(struct pv *x, const struct bars *b)
{
	uint64_t at = (x->d->shared.max_pfn + 511) & ~511ull;
	int rc = 0;

	for (size_t i = 0; i < b->n && !rc && x->era; i++) {
		uint64_t first = b->v[i].first > at ? b->v[i].first : at;

		if (b->v[i].last < first)
			continue;
		rc = emt_pv_audit_fill(x->audit, first, b->v[i].last - first + 1,
				       x->era->above ? EMT_PV_IDENTITY : EMT_PV_MISSING);
		at = b->v[i].last + 1;
	}
	return rc;
}

static int one(struct emt_ctx *ctx, struct emt_pv_source *s, size_t i)
{
	const char *kernel = emt_parse_text(ctx->args, "kernel");
	struct pv x = { .ctx = ctx, .d = emt_pv_domain(s, i),
			.fail_on = (enum emt_severity)emt_parse_number(ctx->args, "fail-on", EMT_SEV_WARNING) };
	struct bars b = { NULL, 0 };
	struct emt_pv_opts o = { .e820 = &x.d->e820, .m2p = emt_pv_m2p, .arg = s };
	struct emt_pv_reader r = { .entry = entry, .fill = fill_run, .arg = &x };
	struct emt_pv_read read = { 0 };
	bool changed = false;
	int rc = bars_of(ctx, x.d, &b), end;

	kernel = kernel ? kernel : *x.d->kernel ? x.d->kernel : NULL;
	x.era = kernel ? emt_pv_era_of(kernel) : NULL;
	if (!rc && kernel && !x.era)
		rc = emt_err_set(ctx->err, EMT_E_USAGE, "--kernel", "as uname -r prints it: 4.19.0-27-amd64",
				 "\"%.60s\" is no release of Linux", kernel);
	o.era = x.era;
	o.size = x.d->end;
	o.bars = b.v;
	o.nr_bars = b.n;
	x.audit = rc ? NULL : emt_pv_audit_new(&o, put_run, &x);
	if (!rc && !x.audit)
		rc = emt_err_set(ctx->err, EMT_E_NOMEM, "pv", NULL, "not enough memory");
	if (!rc)
		rc = emt_pv_read(s, i, &r, &read, &changed, ctx->err);
	if (!rc)
		rc = behind(&x, &b);
	end = x.audit ? emt_pv_audit_end(x.audit) : 0;
	rc = rc ? rc : end;
	if (!rc)
		rc = put_domain(&x, &read, changed, b.n);
	free(b.v);
	return rc;
}

/* --ram: of all that are shown, so that it is one. */
static int state_ram(struct emt_ctx *ctx, struct emt_pv_source *s)
{
	struct emt_ranges ram = { NULL, 0, 0 };
	int rc = 0;

	for (const struct emt_value *v = emt_parse_get(ctx->args, "ram"); v && !rc; v = emt_parse_next(ctx->args, v))
		rc = emt_ranges_add(&ram, v->span.first, v->span.last, 1, EMT_KNOWN);
	if (!rc && ram.n && emt_pv_domains(s) > 1)
		rc = emt_err_set(ctx->err, EMT_E_USAGE, "--ram", "choose one: --domain N",
				 "is about one domain, and the source shows %zu", emt_pv_domains(s));
	emt_ranges_normalise(&ram);
	if (!rc && ram.n)
		rc = emt_pv_state_ram(s, 0, &ram);
	if (rc == EMT_E_NOMEM)
		emt_err_set(ctx->err, rc, "--ram", NULL, "not enough memory");
	emt_ranges_free(&ram);
	return rc;
}

static int run_pv(struct emt_ctx *ctx)
{
	struct emt_source_spec spec = *emt_parse_get(ctx->args, "source")->source;
	const struct emt_value *v = emt_parse_get(ctx->args, "domain");
	struct emt_pv_source *s;
	int rc;

	if (v)
		spec.domid = (int64_t)v->number;
	rc = emt_pv_open(&s, &spec, ctx->err);
	if (rc)
		return rc;
	emt_out_source(ctx->out, emt_pv_name(s));
	rc = state_ram(ctx, s);
	for (size_t i = 0; i < emt_pv_domains(s) && !rc; i++)
		rc = one(ctx, s, i);
	emt_pv_close(s);
	return rc;
}

static const struct emt_arg args[] = {
	{ .name = "source", .type = EMT_ARG_SOURCE, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "SOURCE", .help = "a machine's memory (mem:FILE), a live domain (xen:0,costs=yes), p2m:self, or a capture of one" },
	{ .name = "domain", .type = EMT_ARG_DOMAIN, .letter = 'd', .metavar = "N", .fallback = "all",
	  .help = "only this PV domain of a machine's memory" },
	{ .name = "kernel", .type = EMT_ARG_TEXT, .metavar = "RELEASE", .fallback = "dom0's own when live",
	  .help = "release of its Linux, as uname -r prints it" },
	{ .name = "ram", .type = EMT_ARG_GFN_RANGE, .flags = EMT_ARGF_REPEAT, .metavar = "RANGE",
	  .fallback = "dom0: the host's map; others: all of it",
	  .help = "RAM of the memory map that the domain has, in frames; needed of a guest with e820_host=1" },
	{ .name = "bar", .type = EMT_ARG_GFN_RANGE, .flags = EMT_ARGF_REPEAT, .metavar = "RANGE",
	  .help = "frames of device memory that must be identity; dom0's own devices are known when live" },
};
static const struct emt_section sections[] = {
	{ "runs", &kind_run, EMT_SECTION_MAIN, NULL },
	{ "domains", &kind_domain, 0, NULL },
};
static const struct emt_reply reply = { "emt.pv", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "pv mem:pv.img", "is it what the kernels should have?" },
	{ "pv mem:pv.img --kernel 4.19.0 --bar 0x100000000-0x1000001ff", "and is this BAR identity?" },
};

const struct emt_command emt_cmd_pv = {
	.name = "pv",
	.group = "Look at a guest",
	.summary = "judge the p2m of PV domains by the rules of their kernel",
	.description =
		"Reads the p2m of 64-bit Linux PV domains, dom0 among them: the linear list behind the page tables "
		"that shared info names (Linux 4.3 and later), else the tree of frames; and compares each entry "
		"with the memory map that the domain has, the rules of its kernel, and Xen's M2P. RAM is populated "
		"and the M2P agrees, or it is missing (ballooned out); all else is identity, as far as the kernel "
		"goes: before 2.6.39 nothing is, before 3.16 nothing above the memory map. Device memory whose "
		"entry is missing cannot be mapped: that is an error where a BAR is known to lie there, whatever "
		"the rules say.\n\n"
		"p2m:self is the domain that emtctl runs in, dom0 as a rule, as its own kernel has it: through BPF, "
		"at no cost to the host. Elsewhere the two pages that stand for all large stretches of missing and "
		"of identity look alike; each is taken for what it is by where it is used, and such entries are "
		"counted as assumed.\n\n"
		"The memory map of a guest is known to itself only: it is assumed to be RAM without holes. Of a "
		"guest with e820_host=1 state its RAM with --ram, from the memory map in its boot log. A 32-bit "
		"Linux, whose entries have 32 bits, is not read.\n\n"
		"The tree does not tell missing from identity where a whole page is one of them, and that page stands in one "
		"place only; such entries are counted as untold.\n\n"
		"Exit status: 0 no finding at or above --fail-on; 1 some; 2 error, or no PV domain; 3 not everything "
		"could be read, or it changed meanwhile, and no finding.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_level, &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_pv,
};
