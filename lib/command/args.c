/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Options that many commands share, and words about arguments.
 */
#include <stdio.h>
#include <string.h>

#include "command/complete.h"

static const char *const colour_words[] = { "auto", "always", "never", NULL };

static const struct emt_arg output_args[] = {
	{ .name = "json", .type = EMT_ARG_FLAG, .help = "one JSON document, also on failure" },
	{ .name = "ndjson", .type = EMT_ARG_FLAG, .help = "a JSON object a line: header, records, end" },
	{ .name = "columns", .type = EMT_ARG_COLUMNS, .letter = 'o', .metavar = "LIST",
	  .help = "columns to show: a,b,c; +a,b adds to the usual ones; all" },
	{ .name = "where", .type = EMT_ARG_FILTER, .metavar = "EXPR",
	  .help = "only records for which EXPR holds: 'order > 0 && type =~ \"^UC\"'" },
	{ .name = "sort", .type = EMT_ARG_COLUMNS, .metavar = "LIST",
	  .help = "sort by these columns; -a for descending" },
	{ .name = "limit", .type = EMT_ARG_NUMBER, .metavar = "N", .help = "at most N records" },
	{ .name = "color", .type = EMT_ARG_ENUM, .metavar = "WHEN", .words = colour_words, .fallback = "auto",
	  .help = "colour: auto, always or never; NO_COLOR counts under auto" },
	{ .name = "timeout", .type = EMT_ARG_DURATION, .metavar = "TIME",
	  .help = "stop after this time, incomplete, with exit status 3: 500ms, 10s, 5m" },
	{ .name = "no-pager", .type = EMT_ARG_FLAG, .help = "write straight to the terminal" },
	{ .name = "help", .type = EMT_ARG_FLAG, .letter = 'h', .help = "this help" },
	{ .name = "version", .type = EMT_ARG_FLAG, .letter = 'V', .help = "version and features" },
};
const struct emt_arg_group emt_args_output = { "Output options", output_args, EMT_ARRAY_SIZE(output_args) };

static const struct emt_arg source_args[] = {
	{ .name = "domain", .type = EMT_ARG_DOMAIN, .letter = 'd', .metavar = "N",
	  .help = "only this domain of the source", .fallback = "all" },
	{ .name = "generation", .type = EMT_ARG_NUMBER, .letter = 'g', .metavar = "N",
	  .help = "this walk of each domain, counted from 0", .fallback = "the newest",
	  .complete = emt_complete_generations },
	{ .name = "release", .type = EMT_ARG_RELEASE, .letter = 'r', .metavar = "RELEASE",
	  .help = "judge by this release's rules, whatever the source says" },
	{ .name = "salvage", .type = EMT_ARG_FLAG, .help = "read what is whole of a damaged capture" },
};
const struct emt_arg_group emt_args_source = { "Source options", source_args, EMT_ARRAY_SIZE(source_args) };

static const struct emt_arg level_args[] = {
	{ .name = "fail-on", .type = EMT_ARG_LEVEL, .metavar = "LEVEL", .fallback = "warning",
	  .help = "exit with 1 on findings of this level or worse" },
};
const struct emt_arg_group emt_args_level = { "Exit status", level_args, EMT_ARRAY_SIZE(level_args) };

static const struct emt_arg program_args[] = {
	{ .name = "command", .type = EMT_ARG_TEXT, .flags = EMT_ARGF_REPEAT, .letter = 'c', .metavar = "LINE",
	  .help = "run this line; may be given more than once" },
	{ .name = "file", .type = EMT_ARG_FILE, .letter = 'f', .metavar = "FILE",
	  .help = "run the lines of a file, - for standard input; words behind it are its $1, $2 ..." },
	{ .name = "keep-going", .type = EMT_ARG_FLAG, .letter = 'k',
	  .help = "go on after a line that failed" },
	{ .name = "echo", .type = EMT_ARG_FLAG, .letter = 'E',
	  .help = "write each line to standard error before it runs" },
};
const struct emt_arg_group emt_args_program = { "Lines to run", program_args,
						EMT_ARRAY_SIZE(program_args) };

static const struct {
	const char *name, *help;
} types[EMT_ARG_NR] = {
	[EMT_ARG_FLAG] = { "flag", "no value" },
	[EMT_ARG_SOURCE] = { "source", "guest.emt, capture:FILE, 5, xen:DOMAIN, kvm:PID, mem:FILE, p2m:self" },
	[EMT_ARG_DOMAIN] = { "domain", "a domain id, as xl list prints it" },
	[EMT_ARG_GFN] = { "gfn", "a frame: 983040 or 0xf0000" },
	[EMT_ARG_GFN_RANGE] = { "gfn_range", "frames: 0xf0000-0xf07ff, 0xf0000+2048, or one" },
	[EMT_ARG_ADDRESS] = { "address", "an address: decimal, or hex with 0x in front" },
	[EMT_ARG_ADDRESS_RANGE] = { "address_range", "addresses: 0x400000-0x4fffff, 0x400000+4096, or one" },
	[EMT_ARG_RELEASE] = { "release", "4.17.7, 4.14.0, staging-4.4, \"kvm 6.1\"; emtctl policy list" },
	[EMT_ARG_FILE] = { "file", "a file; - for standard input where text is read" },
	[EMT_ARG_OUTFILE] = { "outfile", "a file to be written" },
	[EMT_ARG_COLUMNS] = { "columns", "names of columns, with commas between" },
	[EMT_ARG_FILTER] = { "filter", "a condition on columns, as in scols-filter(5)" },
	[EMT_ARG_DURATION] = { "duration", "250ms, 10s, 5m, 1h" },
	[EMT_ARG_TIME] = { "time", "2026-01-03T10:11:12Z, 2026-01-03, or seconds since 1970" },
	[EMT_ARG_ENUM] = { "enum", "one of the words listed" },
	[EMT_ARG_LEVEL] = { "level", "info, notice, warning, error, critical" },
	[EMT_ARG_NUMBER] = { "number", "decimal, or hex with 0x in front" },
	[EMT_ARG_TEXT] = { "text", "any text" },
	[EMT_ARG_COMMAND] = { "command", "the name of a command" },
	[EMT_ARG_LINE] = { "line", "a command with its arguments and options" },
};

const char *emt_argtype_name(unsigned int type)
{
	return type < EMT_ARG_NR ? types[type].name : "?";
}

const char *emt_argtype_help(unsigned int type)
{
	return type < EMT_ARG_NR ? types[type].help : "";
}

const char *emt_right_name(unsigned int right)
{
	static const char *const names[] = { "read", "host", "change" };

	return right < EMT_ARRAY_SIZE(names) ? names[right] : "?";
}

const char *emt_cost_name(unsigned int cost)
{
	static const char *const names[] = { "free", "costs" };

	return cost < EMT_ARRAY_SIZE(names) ? names[cost] : "?";
}

char *emt_arg_synopsis(const struct emt_arg *arg, char *out, size_t room)
{
	char letter[8] = "";

	if (arg->letter)
		snprintf(letter, sizeof(letter), "-%c, ", arg->letter);
	if (arg->flags & EMT_ARGF_POSITIONAL)
		snprintf(out, room, "%s", arg->metavar);
	else
		snprintf(out, room, "%s--%s%s%s", letter, arg->name, arg->metavar ? " " : "",
			 arg->metavar ? arg->metavar : "");
	return out;
}

char *emt_command_synopsis(const struct emt_command *cmd, char *out, size_t room)
{
	size_t at = (size_t)snprintf(out, room, "%s", cmd->name);

	/* Options that must be given, positionals, then a word for the rest. */
	for (unsigned int i = 0; i < cmd->nr_args && at < room; i++) {
		const struct emt_arg *a = &cmd->args[i];
		bool pos = a->flags & EMT_ARGF_POSITIONAL, need = a->flags & EMT_ARGF_REQUIRED;
		char opt[80];

		if (pos)
			snprintf(opt, sizeof(opt), "%s", a->metavar);
		else if (a->letter)
			snprintf(opt, sizeof(opt), "-%c%s%s", a->letter, a->metavar ? " " : "",
				 a->metavar ? a->metavar : "");
		else
			snprintf(opt, sizeof(opt), "--%s%s%s", a->name, a->metavar ? " " : "",
				 a->metavar ? a->metavar : "");
		at += (size_t)snprintf(out + at, room - at, " %s%s%s%s", need ? "" : "[", opt,
				       need ? "" : "]", a->flags & EMT_ARGF_REPEAT ? "..." : "");
	}
	return out;
}
