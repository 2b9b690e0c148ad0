/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/mdoc.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "audit/audit.h"

#define WIDTH 80

/* ---- text ---- */

/* One word of running text, with what mdoc would take for its own protected. */
static void word(struct emt_buffer *b, const char *s, size_t len, bool first, bool *quote)
{
	if (first && (*s == '.' || *s == '\''))
		emt_buffer_puts(b, "\\&");
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\\')
			emt_buffer_puts(b, "\\e");
		else if (s[i] == '`')
			emt_buffer_puts(b, (*quote = !*quote) ? "\\(oq" : "\\(cq");
		else if (s[i] == '-' && (!i || s[i - 1] == '-' || s[i - 1] == '`'))
			emt_buffer_puts(b, "\\-");
		else
			emt_buffer_put(b, s + i, 1);
	}
}

/* Bytes that word() writes, at most. */
static size_t written(const char *s, size_t len)
{
	size_t n = len + (*s == '.' || *s == '\'' ? 2 : 0);

	for (size_t i = 0; i < len; i++)
		n += s[i] == '`' ? 3 : s[i] == '\\' || s[i] == '-';
	return n;
}

void emt_mdoc_prose(struct emt_buffer *b, const char *text)
{
	bool quote = false, sentence = true;
	size_t at = 0;

	while (*text) {
		size_t len = strcspn(text, " \n");
		const char *next = text + len + strspn(text + len, " \n");
		bool first;

		if (!len) {
			text = next;
			continue;
		}
		first = sentence || at + 1 + written(text, len) > WIDTH;
		if (at)
			emt_buffer_puts(b, first ? "\n" : " ");
		if (first)
			at = 0;
		word(b, text, len, first, &quote);
		at += (at != 0) + written(text, len);
		/* An end of a sentence; not "1." or "e.g." before a small letter. */
		sentence = *next && strchr(".?!", text[len - 1]) && (isupper((unsigned char)*next) || *next == '`');
		text = next;
	}
	if (at)
		emt_buffer_puts(b, "\n");
}

void emt_mdoc_line(struct emt_buffer *b, const char *macro, const char *text)
{
	emt_buffer_printf(b, "%s \"", macro);
	/* A short word alone may be the name of a macro. */
	if (strlen(text) <= 3)
		emt_buffer_puts(b, "\\&");
	for (; *text; text++) {
		if (*text == '\\')
			emt_buffer_puts(b, "\\e");
		else if (*text == '"')
			emt_buffer_puts(b, "\\(dq");
		else if (*text == '-')
			emt_buffer_puts(b, "\\-");
		else
			emt_buffer_put(b, text, 1);
	}
	emt_buffer_puts(b, "\"\n");
}

static void paragraphs(struct emt_buffer *b, const char *text)
{
	while (*text) {
		const char *end = strstr(text, "\n\n");
		size_t len = end ? (size_t)(end - text) : strlen(text);
		char one[4000];

		snprintf(one, sizeof(one), "%.*s", (int)len, text);
		emt_mdoc_prose(b, one);
		text += len + (end ? 2 : 0);
		if (*text)
			emt_buffer_puts(b, ".Pp\n");
	}
}

/* ---- arguments ---- */

/* "Fl f Ar FACTS.json", "Fl \-fail\-on Ar LEVEL", "Ar SOURCE" */
static void synopsis_words(const struct emt_arg *a, bool both, char *out, size_t room)
{
	char letter[24] = "";

	if (a->letter && both)
		snprintf(letter, sizeof(letter), "Fl %c , ", a->letter);
	if (a->flags & EMT_ARGF_POSITIONAL)
		snprintf(out, room, "Ar %s", a->metavar);
	else if (a->letter && !both)
		snprintf(out, room, "Fl %c%s%s", a->letter, a->metavar ? " Ar " : "", a->metavar ? a->metavar : "");
	else
		snprintf(out, room, "%sFl -%s%s%s", letter, a->name, a->metavar ? " Ar " : "",
			 a->metavar ? a->metavar : "");
}

static void usage(struct emt_buffer *b, const struct emt_command *cmd)
{
	char text[160];

	emt_buffer_printf(b, ".Cm %s\n", cmd->name);
	for (unsigned int i = 0; i < cmd->nr_args; i++) {
		const struct emt_arg *a = &cmd->args[i];

		synopsis_words(a, false, text, sizeof(text));
		emt_buffer_printf(b, ".%s%s%s\n", a->flags & EMT_ARGF_REQUIRED ? "" : "Op ", text,
				  a->flags & EMT_ARGF_REPEAT ? " ..." : "");
	}
}

static void argument(struct emt_buffer *b, const struct emt_arg *a)
{
	char text[1200], words[160];
	size_t at;

	synopsis_words(a, true, words, sizeof(words));
	emt_buffer_printf(b, ".It %s\n", words);
	at = (size_t)snprintf(text, sizeof(text), "%s", a->help);
	if (a->words) {
		for (unsigned int i = 0; a->words[i] && at < sizeof(text); i++)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i ? ", " : ": ", a->words[i]);
	} else if (a->type == EMT_ARG_LEVEL) {
		for (unsigned int i = 0; i < EMT_SEV_NR && at < sizeof(text); i++)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i ? ", " : ": ",
					       emt_severity_name(i));
	}
	if (a->fallback && at < sizeof(text))
		at += (size_t)snprintf(text + at, sizeof(text) - at, "; default: %s", a->fallback);
	if (at < sizeof(text))
		snprintf(text + at, sizeof(text) - at, ".");
	emt_mdoc_prose(b, text);
}

static void arguments(struct emt_buffer *b, const struct emt_arg *args, unsigned int nr, bool compact)
{
	emt_buffer_printf(b, ".Bl -tag -width Ds%s\n", compact ? " -compact" : "");
	for (unsigned int i = 0; i < nr; i++)
		argument(b, &args[i]);
	emt_buffer_puts(b, ".El\n");
}

static void option_group(struct emt_buffer *b, const struct emt_arg_group *g)
{
	emt_mdoc_line(b, ".Ss", g->title);
	arguments(b, g->args, g->nr, false);
}

/* ---- parts of emtctl(1) ---- */

static void synopsis(struct emt_buffer *b)
{
	for (unsigned int i = 0; i < emt_nr_commands; i++) {
		emt_buffer_puts(b, ".Nm\n");
		usage(b, emt_commands[i]);
		emt_buffer_puts(b, ".Op Ar options\n");
	}
}

static void examples(struct emt_buffer *b, const struct emt_command *cmd)
{
	emt_buffer_puts(b, ".Bd -literal -offset indent\n");
	for (unsigned int i = 0; i < cmd->nr_examples; i++) {
		emt_buffer_puts(b, "emtctl ");
		for (const char *p = cmd->examples[i].line; *p; p++)
			emt_buffer_puts(b, *p == '\\' ? "\\e" : *p == '-' ? "\\-" : (char[2]){ *p, 0 });
		emt_buffer_puts(b, "\n");
	}
	emt_buffer_puts(b, ".Ed\n");
}

static void groups_named(struct emt_buffer *b, const struct emt_command *cmd)
{
	char text[300] = "";
	size_t at = 0;

	for (unsigned int g = 0; g < EMT_COMMAND_GROUPS && cmd->groups[g]; g++)
		if (cmd->groups[g] != &emt_args_output && at < sizeof(text))
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", at ? ", " : "It also takes: ",
					       cmd->groups[g]->title);
	if (!at)
		return;
	emt_buffer_puts(b, ".Pp\n");
	snprintf(text + at, sizeof(text) - at, ".");
	emt_mdoc_prose(b, text);
}

static void command(struct emt_buffer *b, const struct emt_command *cmd)
{
	emt_buffer_puts(b, ".It Xo\n");
	usage(b, cmd);
	emt_buffer_puts(b, ".Xc\n");
	paragraphs(b, cmd->description);
	if (cmd->right != EMT_RIGHT_READ || cmd->cost != EMT_COST_FREE) {
		emt_buffer_puts(b, ".Pp\n");
		emt_buffer_printf(b, "It needs the right\n.Em %s ;\nits cost is\n.Em %s .\n",
				  emt_right_name(cmd->right), emt_cost_name(cmd->cost));
	}
	if (cmd->nr_args) {
		emt_buffer_puts(b, ".Pp\n");
		arguments(b, cmd->args, cmd->nr_args, true);
	}
	groups_named(b, cmd);
	examples(b, cmd);
}

static void commands(struct emt_buffer *b)
{
	for (unsigned int i = 0; i < emt_nr_commands; i++) {
		const char *group = emt_commands[i]->group;
		bool seen = false;

		for (unsigned int k = 0; k < i; k++)
			seen |= !strcmp(emt_commands[k]->group, group);
		if (seen)
			continue;
		emt_mdoc_line(b, ".Ss", group);
		emt_buffer_puts(b, ".Bl -tag -width Ds\n");
		for (unsigned int k = i; k < emt_nr_commands; k++)
			if (!strcmp(emt_commands[k]->group, group))
				command(b, emt_commands[k]);
		emt_buffer_puts(b, ".El\n");
	}
}

/* Every group of options that some command has, once, in the order of commands. */
static void options(struct emt_buffer *b)
{
	const struct emt_arg_group *done[16];
	unsigned int n = 0;

	for (unsigned int i = 0; i < emt_nr_commands; i++)
		for (unsigned int g = 0; g < EMT_COMMAND_GROUPS && emt_commands[i]->groups[g]; g++) {
			bool seen = false;

			for (unsigned int k = 0; k < n; k++)
				seen |= done[k] == emt_commands[i]->groups[g];
			if (seen || n == EMT_ARRAY_SIZE(done))
				continue;
			done[n++] = emt_commands[i]->groups[g];
			option_group(b, done[n - 1]);
		}
}

static void program(struct emt_buffer *b)
{
	arguments(b, emt_args_program.args, emt_args_program.nr, false);
}

static void values(struct emt_buffer *b)
{
	emt_buffer_puts(b, ".Bl -tag -width \"gfn_range\"\n");
	for (unsigned int i = EMT_ARG_FLAG + 1; i < EMT_ARG_NR; i++) {
		emt_mdoc_line(b, ".It Em", emt_argtype_name(i));
		emt_mdoc_prose(b, emt_argtype_help(i));
	}
	emt_buffer_puts(b, ".El\n");
}

int emt_mdoc_part(struct emt_buffer *b, const char *name)
{
	static const struct {
		const char *name;
		void (*write)(struct emt_buffer *);
	} parts[] = {
		{ "synopsis", synopsis }, { "commands", commands }, { "options", options }, { "values", values },
		{ "program", program },
		{ "replies", emt_mdoc_replies }, { "records", emt_mdoc_records }, { "errors", emt_mdoc_errors },
		{ "releases", emt_mdoc_releases }, { "defects", emt_mdoc_defects },
		{ "quirks", emt_mdoc_quirks }, { "reasons", emt_mdoc_reasons },
	};

	for (size_t i = 0; i < EMT_ARRAY_SIZE(parts); i++)
		if (!strcmp(parts[i].name, name)) {
			parts[i].write(b);
			return 0;
		}
	return -1;
}
