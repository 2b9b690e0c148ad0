/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schema: the JSON Schemas of replies.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/ctx.h"
#include "command/layout.h"
#include "command/schema.h"

enum { SCH_SCHEMA, SCH_COMMAND, SCH_MAJOR, SCH_MINOR, SCH_RECORDS, SCH_DOCUMENT, SCH_NR };
static const struct emt_column schema_columns[SCH_NR] = {
	[SCH_SCHEMA] = EMT_COLUMN("schema", EMT_COL_STRING, EMT_COLF_SHOWN,
				  "name of the schema, as in each reply"),
	[SCH_COMMAND] = EMT_COLUMN("command", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_NULL,
				   "command whose reply it describes; null: an error before any command was known"),
	[SCH_MAJOR] = EMT_COLUMN("major", EMT_COL_NUMBER, EMT_COLF_SHOWN, "version of it: changes break readers"),
	[SCH_MINOR] = EMT_COLUMN("minor", EMT_COL_NUMBER, EMT_COLF_SHOWN, "version of it: something was added"),
	[SCH_RECORDS] = EMT_COLUMN("records", EMT_COL_STRINGS, EMT_COLF_SHOWN, "kinds of records in the reply",
				   .join = " "),
	[SCH_DOCUMENT] = EMT_COLUMN("document", EMT_COL_STRING, EMT_COLF_NULL,
				    "the schema itself, as JSON text; null in the list of all"),
};

static int layout(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	(void)variant;
	emt_text_printf(t, "%s", emt_rec_get_str(rec, SCH_DOCUMENT));
	return 0;
}

/* One is printed as it is, the list is a table. */
static const struct emt_record_kind kind_schema = {
	.name = "schema", .schema = "emt.schema", .help = "the shape of one command's reply",
	.columns = schema_columns, .nr_columns = SCH_NR,
};
static const struct emt_record_kind kind_document = {
	.name = "document", .schema = "emt.document", .help = "one schema whole",
	.columns = schema_columns, .nr_columns = SCH_NR, .layout = layout,
};

static int put(struct emt_ctx *ctx, const struct emt_record_kind *kind, const struct emt_command *cmd)
{
	const struct emt_reply *reply = cmd ? cmd->reply : NULL;
	struct emt_rec *rec = emt_out_rec(ctx->out, kind);

	if (rec) {
		emt_rec_str(rec, SCH_SCHEMA, reply ? reply->schema : EMT_SCHEMA_ERROR);
		emt_rec_str(rec, SCH_COMMAND, cmd ? cmd->name : NULL);
		emt_rec_u64(rec, SCH_MAJOR, reply ? reply->major : 1);
		emt_rec_u64(rec, SCH_MINOR, reply ? reply->minor : 0);
		emt_rec_list(rec, SCH_RECORDS);
		for (unsigned int i = 0; reply && i < reply->nr_sections; i++)
			emt_rec_add_str(rec, SCH_RECORDS, reply->sections[i].kind->name);
		if (kind == &kind_document) {
			char *text = emt_schema_text(reply);

			if (!text)
				return emt_err_set(ctx->err, EMT_E_NOMEM, "schema", NULL, "not enough memory");
			emt_rec_str(rec, SCH_DOCUMENT, text);
			free(text);
		}
	}
	return emt_out_put(ctx->out, rec, ctx->err);
}

static const struct emt_command *by_schema(const char *name)
{
	for (unsigned int i = 0; i < emt_nr_commands; i++)
		if (!strcmp(emt_commands[i]->reply->schema, name))
			return emt_commands[i];
	return NULL;
}

static int run_schema(struct emt_ctx *ctx)
{
	const struct emt_value *v = emt_parse_get(ctx->args, "topic");
	const struct emt_command *cmd;
	char name[128] = "";
	size_t at = 0;
	int rc = 0;

	if (!v) {
		for (unsigned int i = 0; i < emt_nr_commands && !rc; i++)
			rc = put(ctx, &kind_schema, emt_commands[i]);
		return rc ? rc : put(ctx, &kind_schema, NULL);
	}
	for (; v && at < sizeof(name); v = emt_parse_next(ctx->args, v))
		at += (size_t)snprintf(name + at, sizeof(name) - at, "%s%s", at ? " " : "", v->text);
	cmd = emt_command_find(name);
	if (!cmd)
		cmd = by_schema(name);
	if (!cmd && strcmp(name, EMT_SCHEMA_ERROR))
		return emt_err_set(ctx->err, EMT_E_USAGE, name, "emtctl schema lists all", "no such command or schema");
	return put(ctx, &kind_document, cmd);
}

static const struct emt_arg args[] = {
	{ .name = "topic",
	  .type = EMT_ARG_COMMAND,
	  .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REPEAT,
	  .metavar = "COMMAND",
	  .help = "command, or name of a schema" },
};
static const struct emt_section sections[] = {
	{ "schemas", &kind_schema, EMT_SECTION_MAIN, NULL },
	{ "document", &kind_document, EMT_SECTION_ONE, NULL },
};
static const struct emt_reply reply = { "emt.schema", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "schema", "the schemas of all replies" },
	{ "schema audit", "JSON Schema of what audit --json prints" },
	{ "schema emt.error", "that of an error before any command was known" },
};

const struct emt_command emt_cmd_schema = {
	.name = "schema",
	.group = "emt itself",
	.summary = "print the JSON Schema of a command's reply",
	.description =
		"Without an argument lists the schemas. With the name of a command, or of a schema, prints "
		"the JSON Schema (draft 7) of its reply: the root describes the document that --json writes, "
		"#/definitions/line each line of --ndjson. It is made from the declaration that the command "
		"itself uses. emt-json(5) says how schemas may change.\n\n"
		"Exit status: 0 done; 2 there is no such command or schema.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_schema,
};
