/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * whatif: the same entries under other facts.
 */
#include <stdio.h>
#include <string.h>

#include "command/kind_change.h"

/* ---- what is asked ---- */

static int usage(struct emt_ctx *ctx, const char *option, const char *text, const char *next)
{
	return emt_err_set(ctx->err, EMT_E_USAGE, option, next, "\"%.100s\" cannot be read", text);
}

/* FIRST-LAST by the parser of ranges, so that both mean the same. */
static int range_of(struct emt_ctx *ctx, const struct emt_arg *arg, const char *text, uint64_t *first,
		    uint64_t *last)
{
	struct emt_arg as = *arg;
	struct emt_value v = { .arg = arg };
	int rc;

	as.type = EMT_ARG_GFN_RANGE;
	rc = emt_value_parse(&v, &as, text, ctx->err);
	*first = v.span.first;
	*last = v.span.last;
	return rc;
}

/* RANGE=TYPE */
static int pin(struct emt_ctx *ctx, struct emt_facts *f, const struct emt_value *v, bool overlap_ok)
{
	static const char next[] = "write RANGE=TYPE: 0xf0000-0xf07ff=WC; types are UC UC- WC WT WP WB";
	const char *eq = strchr(v->text, '=');
	char range[80];
	uint64_t first, last;
	int type = eq ? emt_mt_parse(eq + 1) : -1, rc;

	if (!eq || (size_t)(eq - v->text) >= sizeof(range) || type < 0 || type == EMT_MT_RSVD2 ||
	    type == EMT_MT_RSVD3)
		return usage(ctx, "--pin", v->text, next);
	snprintf(range, sizeof(range), "%.*s", (int)(eq - v->text), v->text);
	rc = range_of(ctx, v->arg, range, &first, &last);
	return rc ? rc : emt_whatif_pin(f, first, last, (unsigned int)type, overlap_ok, ctx->err);
}

/* VCPU:INDEX=FIRST-LAST:TYPE, VCPU:INDEX=off, VCPU:def=TYPE; VCPU may be "all". */
static int mtrr(struct emt_ctx *ctx, struct emt_facts *f, const struct emt_value *v)
{
	static const char next[] =
		"write VCPU:INDEX=FIRST-LAST:TYPE, VCPU:INDEX=off or VCPU:def=TYPE; VCPU may be all";
	struct emt_whatif_mtrr m = { .vcpu = -1, .index = -1 };
	char text[120], *reg, *value, *type;
	uint64_t n;
	int mt, rc;

	snprintf(text, sizeof(text), "%s", v->text);
	reg = strchr(text, ':');
	value = reg ? strchr(reg, '=') : NULL;
	if (!value || strlen(v->text) >= sizeof(text))
		return usage(ctx, "--mtrr", v->text, next);
	*reg++ = '\0';
	*value++ = '\0';
	if (strcmp(text, "all")) {
		if (emt_parse_u64(text, &n) || n > INT32_MAX)
			return usage(ctx, "--mtrr", v->text, next);
		m.vcpu = (int64_t)n;
	}
	if (strcmp(reg, "def")) {
		if (emt_parse_u64(reg, &n) || n >= EMT_MTRR_VAR_MAX)
			return usage(ctx, "--mtrr", v->text, next);
		m.index = (int)n;
	}
	m.off = m.index >= 0 && !strcmp(value, "off");
	type = m.index < 0 ? value : strchr(value, ':');
	if (!m.off) {
		if (!type)
			return usage(ctx, "--mtrr", v->text, next);
		if (m.index >= 0)
			*type++ = '\0';
		mt = emt_mt_parse(type);
		if (mt < 0 || mt == EMT_MT_RSVD2 || mt == EMT_MT_RSVD3 || mt == EMT_MT_7)
			return usage(ctx, "--mtrr", v->text, "types of MTRRs are UC WC WT WP WB");
		m.type = (unsigned int)mt;
		rc = m.index < 0 ? 0 : range_of(ctx, v->arg, value, &m.first, &m.last);
		if (rc)
			return rc;
	}
	return emt_whatif_mtrr(f, &m, ctx->err);
}

static const struct emt_value *next_of(struct emt_ctx *ctx, const char *name, const struct emt_value *v)
{
	return v ? emt_parse_next(ctx->args, v) : emt_parse_get(ctx->args, name);
}

/* What only one of the hypervisors knows. */
static int check_options(struct emt_ctx *ctx, bool kvm)
{
	static const char *const xen[] = { "pin", "unpin", "iommu", "caps", "mmio-ro", "special", NULL };
	static const char *const of_kvm[] = { "noncoherent", "slot-noncoherent", NULL };
	char option[24];

	for (const char *const *name = kvm ? xen : of_kvm; *name; name++)
		if (emt_parse_get(ctx->args, *name)) {
			snprintf(option, sizeof(option), "--%s", *name);
			return emt_err_set(ctx->err, EMT_E_USAGE, option,
					   kvm ? "--release, --mtrr, --noncoherent, --slot-noncoherent" :
						 "--release, --pin, --iommu, --caps, --mtrr ...",
					   "says nothing about a %s", kvm ? "KVM guest" : "Xen domain");
		}
	return 0;
}

/* Pins are taken off before others are set, whatever the order of words. */
static int change_facts(struct emt_ctx *ctx, struct emt_facts *f, const struct emt_release *rel)
{
	const struct emt_value *v = NULL;
	const char *word;
	int rc = 0;

	while (!rc && (v = next_of(ctx, "unpin", v)))
		rc = emt_whatif_unpin(f, v->span.first, v->span.last, ctx->err);
	for (v = NULL; !rc && (v = next_of(ctx, "pin", v));)
		rc = pin(ctx, f, v, rel->pins_overlap);
	for (v = NULL; !rc && (v = next_of(ctx, "mmio-ro", v));)
		rc = emt_whatif_mmio_ro(f, v->span.first, v->span.last, ctx->err);
	for (v = NULL; !rc && (v = next_of(ctx, "special", v));)
		rc = emt_whatif_special(f, v->span.first, v->span.last, ctx->err);
	for (v = NULL; !rc && (v = next_of(ctx, "mtrr", v));)
		rc = mtrr(ctx, f, v);
	for (v = NULL; !rc && (v = next_of(ctx, "slot-noncoherent", v));)
		rc = emt_whatif_slot_noncoherent(f, v->span.first, v->span.last, ctx->err);
	word = emt_parse_text(ctx->args, "noncoherent");
	if (!rc && word)
		emt_whatif_noncoherent(f, !strcmp(word, "on"));
	word = emt_parse_text(ctx->args, "iommu");
	if (!rc && word)
		emt_whatif_iommu(f, !strcmp(word, "on"));
	word = emt_parse_text(ctx->args, "caps");
	if (!rc && word)
		rc = emt_whatif_caps(f, !strcmp(word, "on"), ctx->err);
	return rc;
}

/* ---- the command ---- */

struct whatif {
	struct emt_ctx *ctx;
	uint64_t changed; /* entries */
};

static int whatif_walk(void *arg, struct emt_source *s, size_t i, bool *any)
{
	struct whatif *w = arg;
	struct emt_ctx *ctx = w->ctx;
	struct emt_engine *before = NULL, *after = NULL;
	struct emt_facts facts, other;
	struct emt_source_walk walk;
	struct emt_release rel;
	int rc = emt_source_walk(s, i, &walk, ctx->err);

	if (rc)
		return rc;
	emt_facts_init(&other);
	rc = emt_ctx_facts(ctx, s, i, &facts);
	if (rc) {
		emt_facts_free(&facts);
		return rc;
	}
	rc = emt_engine_new(&before, &facts, NULL, ctx->err);
	if (rc) {
		emt_facts_free(&facts);
		return emt_ctx_skip(ctx, &walk, emt_source_walks(s)) ? 0 : rc;
	}
	rel = *emt_engine_release(before);
	if (emt_parse_text(ctx->args, "release"))
		rc = emt_release_parse(&rel, emt_parse_text(ctx->args, "release"), facts.is_kvm, ctx->err);
	if (!rc)
		rc = check_options(ctx, facts.is_kvm);
	if (!rc && emt_facts_copy(&other, &facts))
		rc = emt_err_set(ctx->err, EMT_E_NOMEM, "whatif", NULL, "not enough memory");
	if (!rc)
		rc = change_facts(ctx, &other, &rel);
	if (!rc)
		rc = emt_engine_new(&after, &other, emt_parse_text(ctx->args, "release"), ctx->err);
	if (!rc)
		rc = emt_change_walk(ctx, s, i, &walk, before, after, &w->changed);
	*any |= !rc;
	emt_engine_free(before);
	emt_engine_free(after);
	emt_facts_free(&facts);
	emt_facts_free(&other);
	return rc;
}

static int run_whatif(struct emt_ctx *ctx)
{
	static const char *const asks[] = { "release", "pin",	  "unpin", "iommu",
					    "caps",    "mmio-ro", "mtrr",  "special",
					    "noncoherent", "slot-noncoherent" };
	struct whatif w = { .ctx = ctx };
	size_t n = 0;
	int rc;

	for (size_t i = 0; i < EMT_ARRAY_SIZE(asks); i++)
		n += emt_parse_get(ctx->args, asks[i]) != NULL;
	if (!n)
		return emt_err_set(ctx->err, EMT_E_USAGE, "whatif",
				   "--release, --pin, --unpin, --iommu, --caps, --mmio-ro, --mtrr, --special, "
				   "--noncoherent, --slot-noncoherent",
				   "nothing is said to be different");
	rc = emt_ctx_each_walk(ctx, &(struct emt_each_walk){ .one = whatif_walk, .arg = &w, EMT_NO_COMPARISON });
	ctx->findings = w.changed > 0;
	return rc;
}

static const char *const on_off[] = { "on", "off", NULL };
static const struct emt_arg args[] = {
	{ .name = "source", .type = EMT_ARG_SOURCE, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "SOURCE", .help = "whose entries: a capture file, or a domain" },
	{ .name = "pin", .type = EMT_ARG_TEXT, .flags = EMT_ARGF_REPEAT, .metavar = "RANGE=TYPE",
	  .help = "pin the type of these gfns" },
	{ .name = "unpin", .type = EMT_ARG_GFN_RANGE, .flags = EMT_ARGF_REPEAT, .metavar = "RANGE",
	  .help = "take pins off these gfns" },
	{ .name = "iommu", .type = EMT_ARG_ENUM, .metavar = "STATE", .words = on_off,
	  .help = "the domain uses the IOMMU, or does not" },
	{ .name = "caps", .type = EMT_ARG_ENUM, .metavar = "STATE", .words = on_off,
	  .help = "the domain holds I/O rights, or none and no PCI device" },
	{ .name = "mmio-ro", .type = EMT_ARG_GFN_RANGE, .flags = EMT_ARGF_REPEAT, .metavar = "RANGE",
	  .help = "machine frames that are read-only MMIO" },
	{ .name = "mtrr", .type = EMT_ARG_TEXT, .flags = EMT_ARGF_REPEAT, .metavar = "VCPU:INDEX=RANGE:TYPE",
	  .help = "a guest MTRR: 0:3=0xe0000-0xeffff:WC, 0:3=off, all:def=UC" },
	{ .name = "special", .type = EMT_ARG_GFN_RANGE, .flags = EMT_ARGF_REPEAT, .metavar = "RANGE",
	  .help = "machine frames that are special pages" },
	{ .name = "noncoherent", .type = EMT_ARG_ENUM, .metavar = "STATE", .words = on_off,
	  .help = "KVM: non-coherent DMA is registered, or is not" },
	{ .name = "slot-noncoherent", .type = EMT_ARG_GFN_RANGE, .flags = EMT_ARGF_REPEAT, .metavar = "RANGE",
	  .help = "KVM: gfns in memslots with the flag of release kvm-memslot" },
};
static const struct emt_section sections[] = {
	{ "domains", &emt_kind_change_domain, 0, NULL },
	{ "changes", &emt_kind_change_group, EMT_SECTION_MAIN, NULL },
};
static const struct emt_reply reply = { "emt.whatif", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "whatif guest.emt --release 4.14.0", "what would another release write?" },
	{ "whatif guest.emt --pin 0xf0000-0xf07ff=WC", "and with this pin?" },
	{ "whatif guest.emt --iommu on --caps on", "and with a device assigned?" },
	{ "whatif guest.emt --mtrr all:0=0x1000-0x1fff:UC --json", "other guest MTRRs" },
	{ "whatif vm.emt --noncoherent on", "a KVM guest given a device without snooping" },
};

const struct emt_command emt_cmd_whatif = {
	.name = "whatif",
	.group = "Compare",
	.summary = "show what types would change under other facts",
	.description =
		"Takes the entries of a domain and computes the type that its release writes for each, once "
		"with the facts as they are and once with those given as options, and lists what differs: "
		"groups of entries with where they are, the type before and after, the rule behind it, "
		"superpages that would be split and what their parts become, and known defects that would no "
		"longer or newly concern them. Nothing is changed anywhere.\n\n"
		"--release names another hypervisor release; without it the source's counts on both sides. "
		"Frames of --mmio-ro and --special are machine frames; those of --pin and --unpin the "
		"guest's.\n\n"
		"Exit status: 0 no type would change; 1 some would; 2 error; 3 none of those read would, but "
		"the "
		"source is incomplete.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_source, &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.types = true,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_whatif,
};
