/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * use, set, echo: what a session remembers, and text between its replies.
 */
#include <stdio.h>
#include <string.h>

#include "command/complete.h"
#include "command/ctx.h"
#include "command/layout.h"

/* ---- use ---- */

enum { USE_SOURCE, USE_DOMAIN, USE_NAME, USE_WALKS, USE_NR };
static const struct emt_column use_columns[USE_NR] = {
	[USE_SOURCE] = EMT_COLUMN("source", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_NULL,
				  "source that commands take when none is named; null: none"),
	[USE_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, EMT_COLF_SHOWN | EMT_COLF_NULL,
				  "domain of it; null: all"),
	[USE_NAME] = EMT_COLUMN("name", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_NULL, "name of the domain"),
	[USE_WALKS] = EMT_COLUMN("walks", EMT_COL_NUMBER, EMT_COLF_NULL, "walks that this selects"),
};

static int layout_use(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	(void)variant;
	if (!emt_rec_has(rec, USE_SOURCE)) {
		emt_text_printf(t, "no source is in use\n");
		return 0;
	}
	emt_text_printf(t, "%s", emt_rec_get_str(rec, USE_SOURCE));
	if (emt_rec_has(rec, USE_DOMAIN))
		emt_text_printf(t, ", domain %llu", (unsigned long long)emt_rec_get_u64(rec, USE_DOMAIN));
	if (emt_rec_has(rec, USE_NAME))
		emt_text_printf(t, " (%s)", emt_rec_get_str(rec, USE_NAME));
	emt_text_printf(t, "\n");
	return 0;
}

static const struct emt_record_kind kind_use = {
	.name = "session_source", .schema = "emt.session_source", .help = "the source that is in use",
	.columns = use_columns, .nr_columns = USE_NR, .layout = layout_use,
};

static int no_session(const struct emt_ctx *ctx)
{
	return emt_err_set(ctx->err, EMT_E_UNSUPPORTED, ctx->args->cmd->name, NULL,
			   "there is no session that could remember it");
}

static int put_use(struct emt_ctx *ctx, size_t walks)
{
	const struct emt_session *s = ctx->env->session;
	struct emt_rec *rec = emt_out_rec(ctx->out, &kind_use);
	uint64_t domid;

	if (rec && s && s->source) {
		emt_rec_str(rec, USE_SOURCE, s->source);
		if (s->domain && !emt_parse_u64(s->domain, &domid))
			emt_rec_u64(rec, USE_DOMAIN, domid);
		emt_rec_str(rec, USE_NAME, s->name);
	}
	if (rec && walks)
		emt_rec_u64(rec, USE_WALKS, walks);
	return emt_out_put(ctx->out, rec, ctx->err);
}

/* The walk of a domain given by number or name, among those of 's'. */
static int find_domain(struct emt_ctx *ctx, struct emt_source *s, const char *text,
		       struct emt_source_walk *walk)
{
	uint64_t id;
	bool number = !emt_parse_u64(text, &id);
	int rc = 0;

	for (size_t i = 0; i < emt_source_walks(s) && !rc; i++) {
		rc = emt_source_walk(s, i, walk, ctx->err);
		if (!rc && (number ? walk->domid == id : !strcmp(walk->name, text)))
			return 0;
	}
	return rc ? rc : emt_err_set(ctx->err, EMT_E_NOSOURCE, text, "emtctl facts shows the domains of a source",
				     "%s holds no such domain", emt_source_name(s));
}

static int choose(struct emt_ctx *ctx, const char *text, const char *domain)
{
	struct emt_source_walk walk = { .domid = 0 };
	char id[24] = "";
	struct emt_source *s = NULL;
	size_t walks;
	int rc = emt_source_open(&s, emt_parse_get(ctx->args, "source")->source, ctx->err);

	if (rc)
		return rc;
	walks = emt_source_walks(s);
	if (domain)
		rc = find_domain(ctx, s, domain, &walk);
	else if (walks == 1)
		rc = emt_source_walk(s, 0, &walk, ctx->err);
	if (!rc && domain)
		snprintf(id, sizeof(id), "%u", walk.domid);
	if (!rc && emt_session_use(ctx->env->session, text, *id ? id : NULL, walk.name))
		rc = emt_err_set(ctx->err, EMT_E_NOMEM, text, NULL, "not enough memory");
	emt_source_close(s);
	return rc ? rc : put_use(ctx, domain ? 1 : walks);
}

static int run_use(struct emt_ctx *ctx)
{
	const char *text = emt_parse_text(ctx->args, "source");

	if (!ctx->env->session)
		return no_session(ctx);
	if (text)
		return choose(ctx, text, emt_parse_text(ctx->args, "domain"));
	if (emt_parse_flag(ctx->args, "forget"))
		emt_session_use(ctx->env->session, NULL, NULL, NULL);
	return put_use(ctx, 0);
}

static const struct emt_arg use_args[] = {
	{ .name = "source", .type = EMT_ARG_SOURCE, .flags = EMT_ARGF_POSITIONAL, .metavar = "SOURCE",
	  .help = "what the commands that follow look at when they name no source" },
	{ .name = "domain", .type = EMT_ARG_TEXT, .flags = EMT_ARGF_POSITIONAL, .metavar = "DOMAIN",
	  .help = "only this domain of it, by number or name", .complete = emt_complete_domains },
	{ .name = "forget", .type = EMT_ARG_FLAG, .help = "use no source any more" },
};
static const struct emt_section use_sections[] = {
	{ "session_source", &kind_use, EMT_SECTION_ONE | EMT_SECTION_MAIN, NULL },
};
static const struct emt_reply use_reply = { "emt.use", 1, 0, use_sections, EMT_ARRAY_SIZE(use_sections) };
static const struct emt_example use_examples[] = {
	{ "use guest.emt", "then: audit, show 0xf0000, explain 0xf0000" },
	{ "use guest.emt web1", "one domain of several" },
	{ "use", "what is in use" },
};

const struct emt_command emt_cmd_use = {
	.name = "use",
	.group = "Sessions and scripts",
	.summary = "choose the source that the commands that follow look at",
	.description =
		"In the REPL, in scripts and with -c: commands that name no source look at this one. A "
		"command that names its own looks at that. Without an argument shows what is in use.",
	.args = use_args,
	.nr_args = EMT_ARRAY_SIZE(use_args),
	.groups = { &emt_args_output },
	.reply = &use_reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = use_examples,
	.nr_examples = EMT_ARRAY_SIZE(use_examples),
	.since = "0.1",
	.run = run_use,
};

/* ---- set ---- */

enum { SET_NAME, SET_VALUE, SET_TYPE, SET_HELP, SET_NR };
static const struct emt_column set_columns[SET_NR] = {
	[SET_NAME] = EMT_COLUMN("name", EMT_COL_STRING, EMT_COLF_SHOWN, "option that it is a default of"),
	[SET_VALUE] = EMT_COLUMN("value", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_NULL,
				 "value that was set; null: none"),
	[SET_TYPE] = EMT_COLUMN("type", EMT_COL_STRING, EMT_COLF_SHOWN, "type of its value",
				.word = emt_argtype_name, .nr_words = EMT_ARG_NR),
	[SET_HELP] = EMT_COLUMN("help", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_WRAP, "what it is for"),
};
static const struct emt_record_kind kind_set = {
	.name = "default", .schema = "emt.default", .help = "a default of the session",
	.columns = set_columns, .nr_columns = SET_NR,
};

static int run_set(struct emt_ctx *ctx)
{
	const char *name = emt_parse_text(ctx->args, "name"), *value = emt_parse_text(ctx->args, "value");
	const struct emt_arg *a;
	int rc = 0;

	if (!ctx->env->session)
		return no_session(ctx);
	if (name && (value || emt_parse_flag(ctx->args, "forget")))
		return emt_session_set(ctx->env->session, name, value, ctx->err);
	for (unsigned int i = 0; (a = emt_session_arg(i)) && !rc; i++) {
		struct emt_rec *rec;

		if (name && strcmp(name, a->name))
			continue;
		rec = emt_out_rec(ctx->out, &kind_set);
		if (rec) {
			emt_rec_str(rec, SET_NAME, a->name);
			emt_rec_str(rec, SET_VALUE, emt_session_get(ctx->env->session, a->name));
			emt_rec_str(rec, SET_TYPE, emt_argtype_name(a->type));
			emt_rec_str(rec, SET_HELP, a->help);
		}
		rc = emt_out_put(ctx->out, rec, ctx->err);
		if (name)
			return rc;
	}
	/* A name that is none: the error that setting it would give. */
	return rc || !name ? rc : emt_session_set(ctx->env->session, name, NULL, ctx->err);
}

static void complete_name(struct emt_completion *c)
{
	const struct emt_arg *a;

	for (unsigned int i = 0; (a = emt_session_arg(i)); i++)
		emt_complete_word(c, a->name, a->help);
}

static void complete_value(struct emt_completion *c)
{
	const char *name = emt_parse_text(c->given, "name");
	const struct emt_arg *a;

	for (unsigned int i = 0; name && (a = emt_session_arg(i)); i++)
		if (!strcmp(a->name, name))
			emt_complete_value(c, a);
}

static const struct emt_arg set_args[] = {
	{ .name = "name", .type = EMT_ARG_TEXT, .flags = EMT_ARGF_POSITIONAL, .metavar = "NAME",
	  .help = "name of the option", .complete = complete_name },
	{ .name = "value", .type = EMT_ARG_TEXT, .flags = EMT_ARGF_POSITIONAL, .metavar = "VALUE",
	  .help = "its value for the commands that follow", .complete = complete_value },
	{ .name = "forget", .type = EMT_ARG_FLAG, .help = "forget the value" },
};
static const struct emt_section set_sections[] = { { "defaults", &kind_set, EMT_SECTION_MAIN, NULL } };
static const struct emt_reply set_reply = { "emt.set", 1, 0, set_sections, EMT_ARRAY_SIZE(set_sections) };
static const struct emt_example set_examples[] = {
	{ "set", "what can be set, and what is" },
	{ "set format json", "replies as JSON from here on" },
	{ "set release 4.14.0", "judge by this release's rules from here on" },
};

const struct emt_command emt_cmd_set = {
	.name = "set",
	.group = "Sessions and scripts",
	.summary = "show or set defaults of options for the commands that follow",
	.description =
		"In the REPL, in scripts and with -c: gives an option that many commands share a value "
		"for those that do not give it themselves. Without arguments lists what can be set. "
		"Columns, sorting and conditions hold for the commands whose records have these columns.",
	.args = set_args,
	.nr_args = EMT_ARRAY_SIZE(set_args),
	.groups = { &emt_args_output },
	.reply = &set_reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = set_examples,
	.nr_examples = EMT_ARRAY_SIZE(set_examples),
	.since = "0.1",
	.run = run_set,
};

/* ---- echo ---- */

enum { ECHO_TEXT, ECHO_NR };
static const struct emt_column echo_columns[ECHO_NR] = {
	[ECHO_TEXT] = EMT_COLUMN("text", EMT_COL_STRING, EMT_COLF_SHOWN, "the words"),
};

static int layout_echo(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	(void)variant;
	emt_text_printf(t, "%s\n", emt_rec_get_str(rec, ECHO_TEXT));
	return 0;
}

static const struct emt_record_kind kind_echo = {
	.name = "echo", .schema = "emt.echo", .help = "text of a script",
	.columns = echo_columns, .nr_columns = ECHO_NR, .layout = layout_echo,
};

static int run_echo(struct emt_ctx *ctx)
{
	const struct emt_value *v = emt_parse_get(ctx->args, "text");
	struct emt_rec *rec = emt_out_rec(ctx->out, &kind_echo);
	struct emt_buffer b;

	emt_buffer_init(&b, NULL, NULL);
	for (bool first = true; v; v = emt_parse_next(ctx->args, v), first = false) {
		emt_buffer_puts(&b, first ? "" : " ");
		emt_buffer_puts(&b, v->text);
	}
	if (rec)
		emt_rec_fmt(rec, ECHO_TEXT, "%.*s", (int)b.used, b.data ? b.data : "");
	emt_buffer_free(&b);
	return emt_out_put(ctx->out, rec, ctx->err);
}

static const struct emt_arg echo_args[] = {
	{ .name = "text", .type = EMT_ARG_TEXT, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REPEAT,
	  .metavar = "TEXT", .help = "words to write" },
};
static const struct emt_section echo_sections[] = {
	{ "echo", &kind_echo, EMT_SECTION_ONE | EMT_SECTION_MAIN, NULL },
};
static const struct emt_reply echo_reply = { "emt.echo", 1, 0, echo_sections, EMT_ARRAY_SIZE(echo_sections) };
static const struct emt_example echo_examples[] = { { "echo 'is its RAM cached?'", "a heading in a script" } };

const struct emt_command emt_cmd_echo = {
	.name = "echo",
	.group = "Sessions and scripts",
	.summary = "write a line of text",
	.description = "Writes its words, with a blank between them: for headings in the output of scripts.",
	.args = echo_args,
	.nr_args = EMT_ARRAY_SIZE(echo_args),
	.groups = { &emt_args_output },
	.reply = &echo_reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = echo_examples,
	.nr_examples = EMT_ARRAY_SIZE(echo_examples),
	.since = "0.1",
	.run = run_echo,
};
