/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list of commands, and the check that each is declared whole.
 */
#include <stdio.h>
#include <string.h>

#include "command/commands.h"

const struct emt_command *const emt_commands[] = {
	&emt_cmd_audit, &emt_cmd_show, &emt_cmd_explain, &emt_cmd_facts,
	&emt_cmd_import, &emt_cmd_capture_show, &emt_cmd_capture_verify, &emt_cmd_capture_take,
	&emt_cmd_policy_list, &emt_cmd_policy_show, &emt_cmd_policy_compare, &emt_cmd_policy_check,
	&emt_cmd_schema, &emt_cmd_selftest,
	&emt_cmd_use, &emt_cmd_set, &emt_cmd_echo,
	&emt_cmd_expect_findings, &emt_cmd_expect_verdict, &emt_cmd_expect_count, &emt_cmd_expect_status,
	&emt_cmd_diff, &emt_cmd_whatif, &emt_cmd_upgrade, &emt_cmd_bars, &emt_cmd_map, &emt_cmd_doctor,
	&emt_cmd_metrics, &emt_cmd_report, &emt_cmd_observe, &emt_cmd_domains,
	&emt_cmd_effective, &emt_cmd_alias, &emt_cmd_special, &emt_cmd_pv, &emt_cmd_crosscheck, &emt_cmd_mappings,
	&emt_cmd_iommu_commands,
	&emt_cmd_query_status, &emt_cmd_query_load, &emt_cmd_query_unload, &emt_cmd_query_offsets,
	&emt_cmd_query_measure,
	&emt_cmd_flush, &emt_cmd_iommu_audit, &emt_cmd_iommu_show, &emt_cmd_iommu_watch, &emt_cmd_events,
	&emt_cmd_watch, &emt_cmd_wait, &emt_cmd_history,
	&emt_cmd_help, &emt_cmd_version,
};
const unsigned int emt_nr_commands = EMT_ARRAY_SIZE(emt_commands);

const struct emt_command *emt_command_find(const char *name)
{
	for (unsigned int i = 0; i < emt_nr_commands; i++)
		if (!strcmp(emt_commands[i]->name, name))
			return emt_commands[i];
	return NULL;
}

const struct emt_arg *emt_command_arg(const struct emt_command *cmd, unsigned int i)
{
	if (i < cmd->nr_args)
		return &cmd->args[i];
	i -= cmd->nr_args;
	for (unsigned int g = 0; g < EMT_COMMAND_GROUPS && cmd->groups[g]; g++) {
		if (i < cmd->groups[g]->nr)
			return &cmd->groups[g]->args[i];
		i -= cmd->groups[g]->nr;
	}
	return NULL;
}

bool emt_command_has(const struct emt_command *cmd, const struct emt_arg_group *group)
{
	for (unsigned int i = 0; i < EMT_COMMAND_GROUPS && cmd->groups[i]; i++)
		if (cmd->groups[i] == group)
			return true;
	return false;
}

const struct emt_section *emt_reply_main(const struct emt_reply *reply)
{
	for (unsigned int i = 0; i < reply->nr_sections; i++)
		if (reply->sections[i].flags & EMT_SECTION_MAIN)
			return &reply->sections[i];
	return &reply->sections[0];
}

/* ---- the check ---- */

static const char *fault(char *why, size_t room, const char *cmd, const char *arg, const char *what)
{
	snprintf(why, room, "%s%s%s: %s", cmd, arg ? " " : "", arg ? arg : "", what);
	return why;
}

static bool sentence_free(const char *s)
{
	return s && *s && s[strlen(s) - 1] != '.';
}

static const char *check_args(const struct emt_command *cmd, char *why, size_t room)
{
	bool optional = false, repeat = false;
	const struct emt_arg *a, *b;

	for (unsigned int i = 0; (a = emt_command_arg(cmd, i)); i++) {
		bool own = i < cmd->nr_args;

		if (!a->name || !*a->name)
			return fault(why, room, cmd->name, NULL, "an argument without a name");
		if (!sentence_free(a->help))
			return fault(why, room, cmd->name, a->name, "help is missing or ends in a full stop");
		if ((a->type == EMT_ARG_FLAG) == (a->metavar != NULL))
			return fault(why, room, cmd->name, a->name, "a metavar belongs to all but flags");
		if ((a->type == EMT_ARG_ENUM) != (a->words != NULL))
			return fault(why, room, cmd->name, a->name, "words belong to enums");
		if (a->flags & EMT_ARGF_POSITIONAL) {
			if (repeat)
				return fault(why, room, cmd->name, a->name, "stands behind one that repeats");
			if (optional && (a->flags & EMT_ARGF_REQUIRED))
				return fault(why, room, cmd->name, a->name,
					     "required behind an optional one");
			optional |= !(a->flags & EMT_ARGF_REQUIRED);
			repeat |= (a->flags & EMT_ARGF_REPEAT) != 0;
			if (a->letter || !own)
				return fault(why, room, cmd->name, a->name,
					     "a positional with a letter or in a group");
		}
		for (unsigned int k = 0; k < i && (b = emt_command_arg(cmd, k)); k++) {
			/* A command's own letter hides that of a group. */
			bool hides = k < cmd->nr_args && !own;

			if (!strcmp(a->name, b->name) || (a->letter && a->letter == b->letter && !hides))
				return fault(why, room, cmd->name, a->name, "name or letter is taken");
		}
	}
	return NULL;
}

static const char *check_reply(const struct emt_command *cmd, char *why, size_t room)
{
	const struct emt_reply *r = cmd->reply;
	unsigned int mains = 0;

	if (!r || !r->schema || strncmp(r->schema, "emt.", 4) || !r->major || !r->nr_sections)
		return fault(why, room, cmd->name, NULL, "reply without schema, version or sections");
	for (unsigned int i = 0; i < r->nr_sections; i++) {
		mains += (r->sections[i].flags & EMT_SECTION_MAIN) != 0;
		if (!r->sections[i].key)
			return fault(why, room, cmd->name, NULL, "a section without a key");
		if (emt_kind_check(r->sections[i].kind, why, room))
			return why;
		for (unsigned int k = 0; k < i; k++)
			if (!strcmp(r->sections[i].key, r->sections[k].key) ||
			    r->sections[i].kind == r->sections[k].kind)
				return fault(why, room, cmd->name, r->sections[i].key,
					     "section is declared twice");
	}
	return mains == 1 ? NULL : fault(why, room, cmd->name, NULL, "exactly one section is the main one");
}

const char *emt_command_check(char *why, size_t room)
{
	for (unsigned int i = 0; i < emt_nr_commands; i++) {
		const struct emt_command *c = emt_commands[i];
		bool output = false;

		if (!c->name || emt_command_find(c->name) != c)
			return fault(why, room, c->name ? c->name : "?", NULL, "no name, or taken twice");
		if (!c->group || !sentence_free(c->summary) || !c->description || !c->since || !c->run)
			return fault(why, room, c->name, NULL,
				     "group, summary, description, since or handler missing");
		if (!c->nr_examples)
			return fault(why, room, c->name, NULL, "no example");
		for (unsigned int g = 0; g < EMT_COMMAND_GROUPS && c->groups[g]; g++)
			output |= c->groups[g] == &emt_args_output;
		if (!output)
			return fault(why, room, c->name, NULL, "lacks the output options");
		if (check_args(c, why, room) || check_reply(c, why, room))
			return why;
		/* A first word is no command of its own: "capture" alone has no meaning. */
		for (unsigned int k = 0; k < emt_nr_commands; k++) {
			size_t len = strlen(c->name);

			if (!strncmp(emt_commands[k]->name, c->name, len) &&
			    emt_commands[k]->name[len] == ' ')
				return fault(why, room, c->name, NULL,
					     "is also the first word of another command");
		}
	}
	return NULL;
}
