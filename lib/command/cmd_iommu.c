/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iommu commands: what was asked of IOMMUs lately, out of a machine's memory.
 */
#include <string.h>

#include "command/ctx.h"
#include "command/kind_iommu.h"

/* Enough was shown: not an error. */
#define STOP 1

static int put(const struct emt_iommu_queue *q, const struct emt_iommu_cmd *c, void *arg)
{
	struct emt_ctx *ctx = arg;
	struct emt_rec *rec = emt_out_rec(ctx->out, &emt_kind_iommu_command);
	int rc;

	if (rec)
		emt_fill_iommu_command(rec, q, c);
	rc = emt_out_put(ctx->out, rec, ctx->err);
	if (!rc)
		rc = emt_ctx_cancelled(ctx);
	return !rc && emt_out_enough(ctx->out) ? STOP : rc;
}

static int run_commands(struct emt_ctx *ctx)
{
	const struct emt_source_spec *spec = emt_parse_get(ctx->args, "source")->source;
	struct emt_iommu_history h;
	int rc;

	emt_out_source(ctx->out, emt_ctx_source_text(ctx));
	rc = emt_iommu_history(spec, put, ctx, &h, ctx->err);
	if (rc < 0)
		return rc;
	if (!h.xen)
		emt_ctx_note(ctx, "whose queues they are is not known: %s", h.why_not.text);
	if (!h.queues)
		emt_ctx_note(ctx, "no page of it looks like a command queue: 8 commands or more, and waits "
				  "among them");
	return 0;
}

static const struct emt_arg args[] = {
	{ .name = "source", .type = EMT_ARG_SOURCE, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "SOURCE", .help = "a machine's memory, mem:FILE: a raw image or an ELF core" },
};
static const struct emt_section sections[] = {
	{ "commands", &emt_kind_iommu_command, EMT_SECTION_MAIN, NULL },
};
static const struct emt_reply reply = { "emt.iommu_commands", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "iommu commands mem:machine.img", "every command that the queues still hold" },
	{ "iommu commands mem:machine.img --where 'command == \"iotlb\" && owner == \"xen\"' -o +invalidates",
	  "flushes of second level tables only, in words" },
};

const struct emt_command emt_cmd_iommu_commands = {
	.name = "iommu commands",
	.group = "Look at a guest",
	.summary = "show recent commands to IOMMUs, found in a machine's memory",
	.description =
		"VT-d's invalidation queues and AMD-Vi's command buffers are rings in memory: they keep "
		"what software asked for until it is written over. Their addresses stand in device "
		"registers only, so every page is looked at: a page of a queue holds commands of the "
		"specification and nothing else, eight or more, with waits among them. Pages that follow "
		"each other count as one queue.\n\n"
		"Commands come in the order of their slots. That is the order of time except at one "
		"place, which memory does not tell: where the newest stands before the oldest. A flush "
		"that is there was asked for; one that is not there may have been written over.\n\n"
		"Where Xen is found in the memory too, only its RAM is read, and the owner of each queue is "
		"told: a queue in a domain's page belongs to an IOMMU that the domain was shown, one in "
		"a free page to an earlier time.\n\n"
		"Exit status: 0 the memory was searched; 2 error, also for sources that are no machine's "
		"memory.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_commands,
};
