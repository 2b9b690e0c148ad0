/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * alias: machine frames that a guest reaches with different types.
 */
#include <stdio.h>
#include <string.h>

#include "audit/alias.h"
#include "command/guest_view.h"
#include "command/layout.h"
#include "policy/effective.h"

#define SHOWN EMT_COLF_SHOWN

enum { WAY_TYPE, WAY_VA, WAY_GFN, WAY_VCPUS, WAY_NR };
static const struct emt_column way_columns[WAY_NR] = {
	[WAY_TYPE] = EMT_COLUMN("type", EMT_COL_STRING, SHOWN, "type that the CPU uses on this way",
				.word = emt_effective_name, .nr_words = 8),
	[WAY_VA] = EMT_COLUMN("va", EMT_COL_HEX, SHOWN, "linear address of the first frame"),
	[WAY_GFN] = EMT_COLUMN("gfn", EMT_COL_FRAME, 0, "guest frame of the first frame", .unit = "gfn"),
	[WAY_VCPUS] = EMT_COLUMN("vcpus", EMT_COL_STRING, 0, "vCPUs that see it so"),
};
static const struct emt_record_kind kind_way = {
	.name = "alias_way", .schema = "emt.alias_way", .columns = way_columns, .nr_columns = WAY_NR,
	.help = "one way to frames: the first one found of its type",
};

enum { AL_DOMAIN, AL_MFN, AL_LAST_MFN, AL_BYTES, AL_MEMORY, AL_TYPES, AL_WAYS, AL_SEVERITY, AL_NR };
static const struct emt_column columns[AL_NR] = {
	[AL_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, SHOWN, "domain id"),
	[AL_MFN] = EMT_COLUMN("mfn", EMT_COL_FRAME, SHOWN, "first machine frame", .unit = "mfn"),
	[AL_LAST_MFN] = EMT_COLUMN("last_mfn", EMT_COL_FRAME, SHOWN, "last machine frame", .unit = "mfn"),
	[AL_BYTES] = EMT_COLUMN("bytes", EMT_COL_BYTES, SHOWN | EMT_COLF_RIGHT, "size", .unit = "bytes"),
	[AL_MEMORY] = EMT_COLUMN("memory", EMT_COL_STRING, SHOWN, "ram, mmio, apic or unknown",
				 .word = emt_gpa_kind_name, .nr_words = EMT_GPA_NR),
	[AL_TYPES] = EMT_COLUMN("types", EMT_COL_STRINGS, SHOWN, "types that it is reached with", .join = " and "),
	[AL_WAYS] = EMT_COLUMN("ways", EMT_COL_LIST, SHOWN, "an address for each", .sub = &kind_way, .join = ", "),
	[AL_SEVERITY] = EMT_COLUMN("severity", EMT_COL_STRING, SHOWN,
				   "warning: cached and not; notice: the same on AMD where the uncached ones, CD and WC+, "
				   "look at the caches; info: uncached types only",
				   .word = emt_severity_name, .nr_words = EMT_SEV_NR),
};
static const struct emt_record_kind kind_alias = {
	.name = "alias", .schema = "emt.alias", .columns = columns, .nr_columns = AL_NR,
	.help = "frames with different effective types",
};

struct alias {
	struct emt_ctx *ctx;
	struct emt_ctx_guest g;
	struct emt_aliases *found;
	uint32_t domid;
	enum emt_severity fail_on;
};

static int add(const struct emt_view *v, const struct emt_eff *e, void *arg)
{
	struct alias *a = arg;

	return emt_aliases_add(a->found, e, (uint32_t)(v - a->g.views));
}

/* AMD's CD and WC+ look at the caches: beside a cached type nothing old is read. */
static enum emt_severity level_of(const struct emt_alias *x)
{
	unsigned int types = 0, uncached;

	for (unsigned int k = 0; k < x->nr; k++)
		types |= 1u << x->way[k].type;
	uncached = types & EMT_EFFECTIVE_UNCACHED;
	if (!(types & EMT_EFFECTIVE_CACHED))
		return EMT_SEV_INFO;
	return uncached && !(uncached & ~(1u << EMT_MT_CD | 1u << EMT_MT_WC_PLUS)) ? EMT_SEV_NOTICE : EMT_SEV_WARNING;
}

static int put(const struct emt_alias *x, void *arg)
{
	struct alias *a = arg;
	struct emt_rec *rec = emt_out_rec(a->ctx->out, &kind_alias);
	enum emt_severity level = level_of(x);

	a->ctx->findings |= level >= a->fail_on;
	if (rec) {
		emt_rec_u64(rec, AL_DOMAIN, a->domid);
		emt_rec_u64(rec, AL_MFN, x->mfn);
		emt_rec_u64(rec, AL_LAST_MFN, x->mfn + x->frames - 1);
		emt_rec_u64(rec, AL_BYTES, x->frames << 12);
		emt_rec_str(rec, AL_MEMORY, emt_gpa_kind_name(x->kind));
		emt_rec_str(rec, AL_SEVERITY, emt_severity_name(level));
		emt_rec_list(rec, AL_TYPES);
		emt_rec_list(rec, AL_WAYS);
		for (unsigned int k = 0; k < x->nr; k++) {
			struct emt_rec *way = emt_rec_add(rec, AL_WAYS);

			emt_rec_add_str(rec, AL_TYPES, emt_effective_name(x->way[k].type));
			emt_rec_str(way, WAY_TYPE, emt_effective_name(x->way[k].type));
			emt_rec_u64(way, WAY_VA, x->way[k].va);
			emt_rec_u64(way, WAY_GFN, x->way[k].gfn);
			emt_rec_str(way, WAY_VCPUS, a->g.views[x->way[k].view].vcpus);
		}
	}
	return emt_out_put(a->ctx->out, rec, a->ctx->err);
}

static int look(struct alias *a)
{
	int rc;

	a->found = emt_aliases_new();
	a->g.once = true;
	rc = a->found ? emt_ctx_guest_each(a->ctx, &a->g, 0, UINT64_MAX, add, a) : EMT_E_NOMEM;
	if (!rc)
		rc = emt_aliases_each(a->found, put, a);
	emt_aliases_free(a->found);
	if (rc == EMT_E_NOMEM)
		emt_err_set(a->ctx->err, rc, "alias", NULL, "not enough memory");
	a->ctx->incomplete |= !emt_loss_none(&a->g.loss) || a->g.total.unreadable || a->g.total.too_many;
	return rc;
}

static int alias_walk(void *arg, struct emt_source *s, size_t i, bool *any)
{
	struct alias *a = arg;
	struct emt_source_walk walk;
	int rc = emt_source_walk(s, i, &walk, a->ctx->err);

	if (rc)
		return rc;
	a->domid = walk.domid;
	rc = emt_ctx_guest(a->ctx, s, i, &a->g);
	if (rc && emt_ctx_skip(a->ctx, &walk, emt_source_walks(s))) {
		rc = 0;
	} else if (!rc) {
		*any = true;
		rc = look(a);
	}
	emt_ctx_guest_close(&a->g);
	return rc;
}

static int run_alias(struct emt_ctx *ctx)
{
	struct alias a = { .ctx = ctx,
			   .fail_on = (enum emt_severity)emt_parse_number(ctx->args, "fail-on", EMT_SEV_WARNING) };

	return emt_ctx_each_walk(ctx, &(struct emt_each_walk){ .one = alias_walk, .arg = &a, EMT_NO_GUEST_TABLES });
}

static const struct emt_arg args[] = {
	{ .name = "source", .type = EMT_ARG_SOURCE, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "SOURCE", .help = "whose memory: a capture with guest tables, a machine's memory, or a domain" },
};
static const struct emt_section sections[] = { { "aliases", &kind_alias, EMT_SECTION_MAIN, NULL } };
static const struct emt_reply reply = { "emt.alias", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "alias tables.emt", "is any frame reached with two types?" },
	{ "alias tables.emt --where 'memory == \"ram\"' --json", "memory only, for a script" },
};

const struct emt_command emt_cmd_alias = {
	.name = "alias",
	.group = "Look at a guest",
	.summary = "show frames that are reached with different types",
	.description =
		"Lists machine frames to which different linear addresses of a domain, on the same vCPU or on "
		"others, lead with different effective types, with one address for each type. Processors without "
		"self-snoop lose data when one of the types is cached; with it such frames are coherent, and "
		"slow. A driver that maps its buffer write-combining while the kernel's direct map of it stays "
		"cached is the usual case.\n\n"
		"Only pieces whose type is known for sure count. Frames shared between domains are looked at "
		"for each domain by itself.\n\n"
		"Exit status: 0 no alias at or above --fail-on; 1 some; 2 error, or no page tables to read; 3 not "
		"everything could be read, and no alias.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_guest, &emt_args_level, &emt_args_source, &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.types = true,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_alias,
};
