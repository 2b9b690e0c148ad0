/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * help: the table of commands, as records.
 */
#include <stdio.h>
#include <string.h>

#include "command/ctx.h"
#include "command/layout.h"

/* ---- kinds ---- */

enum {
	ARG_NAME,
	ARG_SYNOPSIS,
	ARG_TYPE,
	ARG_VALUES,
	ARG_GROUP,
	ARG_POSITIONAL,
	ARG_REQUIRED,
	ARG_REPEAT,
	ARG_LETTER,
	ARG_HELP,
	ARG_DEFAULT,
	ARG_NR
};
static const struct emt_column arg_columns[ARG_NR] = {
	[ARG_NAME] = EMT_COLUMN("name", EMT_COL_STRING, EMT_COLF_SHOWN, "name"),
	[ARG_SYNOPSIS] = EMT_COLUMN("synopsis", EMT_COL_STRING, 0, "how it is written"),
	[ARG_TYPE] = EMT_COLUMN("type", EMT_COL_STRING, EMT_COLF_SHOWN, "type of its value",
				.word = emt_argtype_name, .nr_words = EMT_ARG_NR),
	[ARG_VALUES] = EMT_COLUMN("values", EMT_COL_STRINGS, 0, "words it takes; none: see the type"),
	[ARG_GROUP] =
		EMT_COLUMN("group", EMT_COL_STRING, EMT_COLF_NULL, "heading of options shared by commands"),
	[ARG_POSITIONAL] = EMT_COLUMN("positional", EMT_COL_BOOL, 0, "it stands without a name"),
	[ARG_REQUIRED] = EMT_COLUMN("required", EMT_COL_BOOL, 0, "it must be given"),
	[ARG_REPEAT] = EMT_COLUMN("repeat", EMT_COL_BOOL, 0, "it may be given more than once"),
	[ARG_LETTER] = EMT_COLUMN("letter", EMT_COL_STRING, EMT_COLF_NULL, "short option"),
	[ARG_HELP] = EMT_COLUMN("help", EMT_COL_STRING, 0, "what it is for"),
	[ARG_DEFAULT] =
		EMT_COLUMN("default", EMT_COL_STRING, EMT_COLF_NULL, "what holds when it is not given"),
};
static const struct emt_record_kind kind_arg = {
	.name = "argument", .schema = "emt.argument", .help = "an argument or option of a command",
	.columns = arg_columns, .nr_columns = ARG_NR,
};

enum {
	COL_SECTION,
	COL_RECORD,
	COL_NAME,
	COL_TYPE,
	COL_UNIT,
	COL_SHOWN,
	COL_NULL,
	COL_HELP,
	COL_SINCE,
	COL_NR
};

static const char *coltype_name(unsigned int i)
{
	static const char *const names[] = { "bool",   "number", "bytes",   "frame",  "hex",
					     "string", "time",	 "strings", "object", "list" };

	return i < EMT_ARRAY_SIZE(names) ? names[i] : "?";
}

static const struct emt_column col_columns[COL_NR] = {
	[COL_SECTION] = EMT_COLUMN("section", EMT_COL_STRING, 0, "key under data"),
	[COL_RECORD] = EMT_COLUMN("record", EMT_COL_STRING, EMT_COLF_SHOWN, "kind of record"),
	[COL_NAME] = EMT_COLUMN("name", EMT_COL_STRING, EMT_COLF_SHOWN, "name of the column"),
	[COL_TYPE] = EMT_COLUMN("type", EMT_COL_STRING, EMT_COLF_SHOWN, "type of its values",
				.word = coltype_name, .nr_words = 10),
	[COL_UNIT] = EMT_COLUMN("unit", EMT_COL_STRING, EMT_COLF_NULL, "unit"),
	[COL_SHOWN] = EMT_COLUMN("shown", EMT_COL_BOOL, 0, "in text without -o"),
	[COL_NULL] = EMT_COLUMN("nullable", EMT_COL_BOOL, 0, "it may have no value"),
	[COL_HELP] = EMT_COLUMN("help", EMT_COL_STRING, 0, "what it is"),
	[COL_SINCE] = EMT_COLUMN("since", EMT_COL_STRING, 0, "version that brought it"),
};
static const struct emt_record_kind kind_col = {
	.name = "column", .schema = "emt.column", .help = "a column of a record that a command yields",
	.columns = col_columns, .nr_columns = COL_NR,
};

enum { EX_LINE, EX_SAYS, EX_NR };
static const struct emt_column ex_columns[EX_NR] = {
	[EX_LINE] = EMT_COLUMN("line", EMT_COL_STRING, EMT_COLF_SHOWN, "command line"),
	[EX_SAYS] = EMT_COLUMN("says", EMT_COL_STRING, EMT_COLF_SHOWN, "what it does"),
};
static const struct emt_record_kind kind_ex = {
	.name = "example",
	.schema = "emt.example",
	.help = "an example",
	.columns = ex_columns,
	.nr_columns = EX_NR,
};

enum {
	CMD_NAME,
	CMD_GROUP,
	CMD_SUMMARY,
	CMD_SYNOPSIS,
	CMD_DESCRIPTION,
	CMD_SCHEMA,
	CMD_SCHEMA_MAJOR,
	CMD_SCHEMA_MINOR,
	CMD_RIGHT,
	CMD_COST,
	CMD_SINCE,
	CMD_ARGS,
	CMD_COLUMNS,
	CMD_EXAMPLES,
	CMD_NR
};
static const struct emt_column cmd_columns[CMD_NR] = {
	[CMD_NAME] = EMT_COLUMN("name", EMT_COL_STRING, EMT_COLF_SHOWN, "name"),
	[CMD_GROUP] = EMT_COLUMN("group", EMT_COL_STRING, EMT_COLF_SHOWN, "what it is about"),
	[CMD_SUMMARY] = EMT_COLUMN("summary", EMT_COL_STRING, EMT_COLF_SHOWN, "what it does"),
	[CMD_SYNOPSIS] = EMT_COLUMN("synopsis", EMT_COL_STRING, 0, "how it is written"),
	[CMD_DESCRIPTION] =
		EMT_COLUMN("description", EMT_COL_STRING, 0, "paragraphs, with empty lines between"),
	[CMD_SCHEMA] = EMT_COLUMN("schema", EMT_COL_STRING, 0, "name of its reply's schema"),
	[CMD_SCHEMA_MAJOR] =
		EMT_COLUMN("schema_major", EMT_COL_NUMBER, 0, "version of it: changes break readers"),
	[CMD_SCHEMA_MINOR] =
		EMT_COLUMN("schema_minor", EMT_COL_NUMBER, 0, "version of it: something was added"),
	[CMD_RIGHT] = EMT_COLUMN("right", EMT_COL_STRING, EMT_COLF_SHOWN, "right it needs",
				 .word = emt_right_name, .nr_words = 3),
	[CMD_COST] = EMT_COLUMN("cost", EMT_COL_STRING, 0, "whether a host pays for it",
				.word = emt_cost_name, .nr_words = 2),
	[CMD_SINCE] = EMT_COLUMN("since", EMT_COL_STRING, 0, "version that brought it"),
	[CMD_ARGS] = EMT_COLUMN("args", EMT_COL_LIST, 0, "arguments and options", .sub = &kind_arg),
	[CMD_COLUMNS] = EMT_COLUMN("columns", EMT_COL_LIST, 0, "columns of what it yields", .sub = &kind_col),
	[CMD_EXAMPLES] = EMT_COLUMN("examples", EMT_COL_LIST, 0, "examples", .sub = &kind_ex),
};
static const struct emt_record_kind kind_command = {
	.name = "command", .schema = "emt.command", .help = "a command of emtctl",
	.columns = cmd_columns, .nr_columns = CMD_NR, .layout = emt_layout_command,
};

/* ---- filling ---- */

static const char *group_title(const struct emt_command *cmd, unsigned int i)
{
	if (i < cmd->nr_args)
		return NULL;
	i -= cmd->nr_args;
	for (unsigned int g = 0; g < EMT_COMMAND_GROUPS && cmd->groups[g]; g++) {
		if (i < cmd->groups[g]->nr)
			return cmd->groups[g]->title;
		i -= cmd->groups[g]->nr;
	}
	return NULL;
}

static void fill_arg(struct emt_rec *rec, const struct emt_arg *a, const char *group)
{
	char text[120], letter[2] = { a->letter, '\0' };

	emt_rec_str(rec, ARG_NAME, a->name);
	emt_rec_str(rec, ARG_SYNOPSIS, emt_arg_synopsis(a, text, sizeof(text)));
	emt_rec_str(rec, ARG_TYPE, emt_argtype_name(a->type));
	emt_rec_list(rec, ARG_VALUES);
	for (unsigned int i = 0; a->words && a->words[i]; i++)
		emt_rec_add_str(rec, ARG_VALUES, a->words[i]);
	for (unsigned int i = 0; a->type == EMT_ARG_LEVEL && i < EMT_SEV_NR; i++)
		emt_rec_add_str(rec, ARG_VALUES, emt_severity_name(i));
	emt_rec_str(rec, ARG_GROUP, group);
	emt_rec_bool(rec, ARG_POSITIONAL, a->flags & EMT_ARGF_POSITIONAL);
	emt_rec_bool(rec, ARG_REQUIRED, a->flags & EMT_ARGF_REQUIRED);
	emt_rec_bool(rec, ARG_REPEAT, a->flags & EMT_ARGF_REPEAT);
	emt_rec_text(rec, ARG_LETTER, letter);
	emt_rec_str(rec, ARG_HELP, a->help);
	emt_rec_str(rec, ARG_DEFAULT, a->fallback);
}

static void fill_columns(struct emt_rec *rec, const struct emt_command *cmd)
{
	for (unsigned int s = 0; s < cmd->reply->nr_sections; s++) {
		const struct emt_section *sec = &cmd->reply->sections[s];

		for (unsigned int i = 0; i < sec->kind->nr_columns; i++) {
			const struct emt_column *c = &sec->kind->columns[i];
			struct emt_rec *r = emt_rec_add(rec, CMD_COLUMNS);

			emt_rec_str(r, COL_SECTION, sec->key);
			emt_rec_str(r, COL_RECORD, sec->kind->name);
			emt_rec_str(r, COL_NAME, c->name);
			emt_rec_str(r, COL_TYPE, coltype_name(c->type));
			emt_rec_str(r, COL_UNIT, c->unit);
			emt_rec_bool(r, COL_SHOWN, c->flags & EMT_COLF_SHOWN);
			emt_rec_bool(r, COL_NULL, c->flags & EMT_COLF_NULL);
			emt_rec_str(r, COL_HELP, c->help);
			emt_rec_str(r, COL_SINCE, c->since ? c->since : cmd->since);
		}
	}
}

static void fill_command(struct emt_rec *rec, const struct emt_command *cmd)
{
	const struct emt_arg *a;
	char text[400];

	emt_rec_str(rec, CMD_NAME, cmd->name);
	emt_rec_str(rec, CMD_GROUP, cmd->group);
	emt_rec_str(rec, CMD_SUMMARY, cmd->summary);
	emt_rec_str(rec, CMD_SYNOPSIS, emt_command_synopsis(cmd, text, sizeof(text)));
	emt_rec_str(rec, CMD_DESCRIPTION, cmd->description);
	emt_rec_str(rec, CMD_SCHEMA, cmd->reply->schema);
	emt_rec_u64(rec, CMD_SCHEMA_MAJOR, cmd->reply->major);
	emt_rec_u64(rec, CMD_SCHEMA_MINOR, cmd->reply->minor);
	emt_rec_str(rec, CMD_RIGHT, emt_right_name(cmd->right));
	emt_rec_str(rec, CMD_COST, emt_cost_name(cmd->cost));
	emt_rec_str(rec, CMD_SINCE, cmd->since);
	emt_rec_list(rec, CMD_ARGS);
	for (unsigned int i = 0; (a = emt_command_arg(cmd, i)); i++)
		fill_arg(emt_rec_add(rec, CMD_ARGS), a, group_title(cmd, i));
	emt_rec_list(rec, CMD_COLUMNS);
	fill_columns(rec, cmd);
	emt_rec_list(rec, CMD_EXAMPLES);
	for (unsigned int i = 0; i < cmd->nr_examples; i++) {
		struct emt_rec *r = emt_rec_add(rec, CMD_EXAMPLES);

		emt_rec_fmt(r, EX_LINE, "emtctl %s", cmd->examples[i].line);
		emt_rec_str(r, EX_SAYS, cmd->examples[i].says);
	}
}

/* ---- layout ---- */

static void paragraphs(struct emt_text *t, const char *text)
{
	while (*text) {
		const char *end = strstr(text, "\n\n");
		char one[2000];

		snprintf(one, sizeof(one), "%.*s", (int)(end ? (size_t)(end - text) : strlen(text)), text);
		emt_text_para(t, "    ", 4, one);
		text = end ? end + 2 : text + strlen(text);
		if (*text)
			emt_text_printf(t, "\n");
	}
}

static void section(struct emt_text *t, const char *title)
{
	emt_text_gap(t);
	emt_text_puts(t, EMT_STYLE_STRONG, title);
	emt_text_printf(t, "\n");
}

static void arguments(const struct emt_rec *rec, struct emt_text *t)
{
	const char *last = "";

	for (size_t i = 0; i < emt_rec_count(rec, CMD_ARGS); i++) {
		const struct emt_rec *a = emt_rec_at(rec, CMD_ARGS, i);
		const char *group = emt_rec_has(a, ARG_GROUP) ? emt_rec_get_str(a, ARG_GROUP) : "Arguments";
		char help[600], words[200], first[120];

		if (strcmp(group, last))
			section(t, group);
		last = group;
		snprintf(help, sizeof(help), "%s", emt_rec_get_str(a, ARG_HELP));
		if (emt_rec_count(a, ARG_VALUES))
			snprintf(help + strlen(help), sizeof(help) - strlen(help), " (%s)",
				 emt_join_strings(a, ARG_VALUES, ", ", words, sizeof(words)));
		if (emt_rec_has(a, ARG_DEFAULT))
			snprintf(help + strlen(help), sizeof(help) - strlen(help), "; default: %s",
				 emt_rec_get_str(a, ARG_DEFAULT));
		snprintf(first, sizeof(first), "    %-24s ", emt_rec_get_str(a, ARG_SYNOPSIS));
		emt_text_para(t, first, 29, help);
	}
}

static void columns(const struct emt_rec *rec, struct emt_text *t)
{
	const char *last = "";

	for (size_t i = 0; i < emt_rec_count(rec, CMD_COLUMNS); i++) {
		const struct emt_rec *c = emt_rec_at(rec, CMD_COLUMNS, i);
		const char *record = emt_rec_get_str(c, COL_RECORD);
		char text[200];

		if (strcmp(record, last)) {
			snprintf(text, sizeof(text), "Columns of %s (data.%s)", record,
				 emt_rec_get_str(c, COL_SECTION));
			section(t, text);
		}
		last = record;
		snprintf(text, sizeof(text), "    %-20s %-8s ", emt_rec_get_str(c, COL_NAME),
			 emt_rec_get_str(c, COL_TYPE));
		emt_text_para(t, text, 34, emt_rec_get_str(c, COL_HELP));
	}
}

int emt_layout_command(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	if (variant == EMT_VARIANT_BRIEF) {
		char first[80];

		snprintf(first, sizeof(first), "  %-16s ", emt_rec_get_str(rec, CMD_NAME));
		emt_text_para(t, first, 19, emt_rec_get_str(rec, CMD_SUMMARY));
		return 0;
	}
	emt_text_gap(t);
	emt_text_puts(t, EMT_STYLE_STRONG, emt_rec_get_str(rec, CMD_NAME));
	emt_text_printf(t, " - %s\n", emt_rec_get_str(rec, CMD_SUMMARY));
	section(t, "Usage");
	emt_text_printf(t, "    emtctl %s [OPTIONS]\n", emt_rec_get_str(rec, CMD_SYNOPSIS));
	section(t, "Description");
	paragraphs(t, emt_rec_get_str(rec, CMD_DESCRIPTION));
	arguments(rec, t);
	columns(rec, t);
	section(t, "Examples");
	for (size_t i = 0; i < emt_rec_count(rec, CMD_EXAMPLES); i++) {
		const struct emt_rec *e = emt_rec_at(rec, CMD_EXAMPLES, i);

		emt_text_printf(t, "    %s\n", emt_rec_get_str(e, EX_LINE));
		emt_text_para(t, "        ", 8, emt_rec_get_str(e, EX_SAYS));
	}
	return 0;
}

/* ---- handler ---- */

static int put(struct emt_ctx *ctx, const struct emt_command *cmd)
{
	struct emt_rec *rec = emt_out_rec(ctx->out, &kind_command);

	if (rec)
		fill_command(rec, cmd);
	return emt_out_put(ctx->out, rec, ctx->err);
}

static int run_help(struct emt_ctx *ctx)
{
	const struct emt_value *v = emt_parse_get(ctx->args, "topic");
	char name[128] = "";
	size_t at = 0;
	bool any = false;
	int rc = 0;

	if (ctx->topic)
		return put(ctx, ctx->topic);
	for (; v && at < sizeof(name); v = emt_parse_next(ctx->args, v))
		at += (size_t)snprintf(name + at, sizeof(name) - at, "%s%s", at ? " " : "", v->text);
	if (emt_command_find(name))
		return put(ctx, emt_command_find(name));
	/* Without a topic all, and for "capture" all that begin so. */
	emt_out_variant(ctx->out, EMT_VARIANT_BRIEF);
	for (unsigned int i = 0; i < emt_nr_commands && !rc; i++) {
		size_t len = strlen(name);

		if (len && (strncmp(emt_commands[i]->name, name, len) || emt_commands[i]->name[len] != ' '))
			continue;
		any = true;
		rc = put(ctx, emt_commands[i]);
	}
	if (!rc && !any)
		rc = emt_err_set(ctx->err, EMT_E_USAGE, name, "emtctl help lists all", "no such command");
	if (!rc)
		emt_ctx_note(ctx, "emtctl help COMMAND says more; emtctl(1) is the manual");
	return rc;
}

static const struct emt_arg args[] = {
	{ .name = "topic",
	  .type = EMT_ARG_COMMAND,
	  .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REPEAT,
	  .metavar = "COMMAND",
	  .help = "command to describe" },
};
static const struct emt_section sections[] = { { "commands", &kind_command, EMT_SECTION_MAIN, NULL } };
static const struct emt_reply reply = { "emt.help", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "help", "all commands" },
	{ "help audit", "one command, with its options and columns" },
	{ "help --json", "the whole table, for programs" },
};

const struct emt_command emt_cmd_help = {
	.name = "help",
	.group = "emt itself",
	.summary = "list commands, or describe one",
	.description =
		"Without an argument lists all commands. With the name of a command describes it: "
		"arguments, options, and the columns of what it yields. `emtctl COMMAND --help` does the "
		"same.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_help,
};
