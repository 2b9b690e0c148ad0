/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct words {
	const char *const *v;
	size_t n;
};

/* ---- the table, seen from words ---- */

static const struct emt_arg_group *const shared_groups[] = {
	&emt_args_output, &emt_args_source, &emt_args_level,
};

/* An option of any group: what may stand before the command's name. */
static const struct emt_arg *shared_option(const char *name, size_t len, char letter)
{
	for (size_t g = 0; g < EMT_ARRAY_SIZE(shared_groups); g++)
		for (unsigned int i = 0; i < shared_groups[g]->nr; i++) {
			const struct emt_arg *a = &shared_groups[g]->args[i];

			if (name ? strlen(a->name) == len && !strncmp(a->name, name, len)
				 : a->letter == letter)
				return a;
		}
	return NULL;
}

static const struct emt_arg *option(const struct emt_command *cmd, const char *name, size_t len, char letter)
{
	const struct emt_arg *a;

	if (!cmd)
		return shared_option(name, len, letter);
	for (unsigned int i = 0; (a = emt_command_arg(cmd, i)); i++) {
		if (a->flags & EMT_ARGF_POSITIONAL)
			continue;
		if (name ? strlen(a->name) == len && !strncmp(a->name, name, len)
			 : letter && a->letter == letter)
			return a;
	}
	return NULL;
}

static const struct emt_arg *positional(const struct emt_command *cmd, unsigned int i)
{
	for (unsigned int k = 0; k < cmd->nr_args; k++)
		if ((cmd->args[k].flags & EMT_ARGF_POSITIONAL) && !i--)
			return &cmd->args[k];
	return NULL;
}

/* ---- messages ---- */

/* Edit distance, for "did you mean". */
static unsigned int distance(const char *a, const char *b)
{
	size_t n = strlen(b);
	unsigned int row[64];

	if (n >= EMT_ARRAY_SIZE(row) || strlen(a) >= EMT_ARRAY_SIZE(row))
		return 99;
	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 1; a[i - 1]; i++) {
		unsigned int diag = row[0];

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= n; j++) {
			unsigned int best = diag + (a[i - 1] != b[j - 1]);

			diag = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[n];
}

/* A growing list of words with what fits. */
struct wordlist {
	char text[200];
	size_t at;
	bool full;
};

static void list_add(struct wordlist *l, const char *word)
{
	if (l->full)
		return;
	if (l->at + strlen(word) + 6 > sizeof(l->text)) {
		snprintf(l->text + l->at, sizeof(l->text) - l->at, " ...");
		l->full = true;
		return;
	}
	l->at += (size_t)snprintf(l->text + l->at, sizeof(l->text) - l->at, "%s%s", l->at ? " " : "", word);
}

/* First word of a two-word command? Then 'after' lists the second words. */
static bool is_prefix(const char *word, struct wordlist *after)
{
	size_t len = strlen(word);
	bool yes = false;

	for (unsigned int i = 0; i < emt_nr_commands; i++)
		if (!strncmp(emt_commands[i]->name, word, len) && emt_commands[i]->name[len] == ' ') {
			list_add(after, emt_commands[i]->name + len + 1);
			yes = true;
		}
	return yes;
}

static int no_command(const char *word, struct emt_err *err)
{
	struct wordlist l = { .text = "" };
	unsigned int best = 3, d;
	const char *near = NULL;

	for (unsigned int i = 0; i < emt_nr_commands; i++) {
		const char *name = emt_commands[i]->name;

		d = distance(word, name);
		if (d < best && d < strlen(word)) {
			best = d;
			near = name;
		}
	}
	if (near)
		return emt_err_set(err, EMT_E_USAGE, word, "emtctl help lists all",
				   "no such command; is %s meant?", near);
	/* Two-word commands by their first word, once. */
	list_add(&l, "commands:");
	for (unsigned int i = 0; i < emt_nr_commands; i++) {
		const char *name = emt_commands[i]->name, *last = i ? emt_commands[i - 1]->name : "";
		size_t len = strcspn(name, " ");
		char first[32];

		if (!strncmp(last, name, len) && (last[len] == ' ' || !last[len]))
			continue;
		snprintf(first, sizeof(first), "%.*s", (int)len, name);
		list_add(&l, first);
	}
	return emt_err_set(err, EMT_E_USAGE, word, l.text, "no such command");
}

static int no_option(const struct emt_command *cmd, const char *word, struct emt_err *err)
{
	struct wordlist l = { .text = "" };
	const struct emt_arg *a;
	unsigned int best = 3;
	const char *near = NULL;
	char name[64];
	size_t len = strcspn(word, "=");

	snprintf(name, sizeof(name), "%.*s", (int)(len < 63 ? len : 63), word);
	list_add(&l, "valid here:");
	for (unsigned int i = 0; cmd && (a = emt_command_arg(cmd, i)); i++) {
		char opt[64];
		unsigned int d;

		if (a->flags & EMT_ARGF_POSITIONAL)
			continue;
		snprintf(opt, sizeof(opt), "--%s", a->name);
		d = distance(name, opt);
		if (d < best && strlen(name) > 3) {
			best = d;
			near = a->name;
		}
		list_add(&l, opt);
	}
	if (near)
		return emt_err_set(err, EMT_E_USAGE, name, NULL, "no such option%s%s; is --%s meant?",
				   cmd ? " of " : "", cmd ? cmd->name : "", near);
	if (!cmd)
		return emt_err_set(err, EMT_E_USAGE, name, "name the command first: emtctl COMMAND OPTIONS",
				   "no option that may stand before a command");
	return emt_err_set(err, EMT_E_USAGE, name, l.text, "no such option of %s", cmd->name);
}

static int missing(const struct emt_command *cmd, const struct emt_arg *arg, struct emt_err *err)
{
	char synopsis[240], next[200], what[64];

	emt_command_synopsis(cmd, synopsis, sizeof(synopsis));
	snprintf(next, sizeof(next), "usage: emtctl %.170s", synopsis);
	snprintf(what, sizeof(what), "%s%s", arg->flags & EMT_ARGF_POSITIONAL ? "" : "--",
		 arg->flags & EMT_ARGF_POSITIONAL ? arg->metavar : arg->name);
	return emt_err_set(err, EMT_E_USAGE, cmd->name, next, "%s is missing: %s", what, arg->help);
}

/* ---- parsing ---- */

static struct emt_value *new_value(struct emt_parse *p, struct emt_err *err)
{
	if (p->nr == p->room) {
		size_t room = p->room ? p->room * 2 : 16;
		struct emt_value *v = realloc(p->values, room * sizeof(*v));

		if (!v) {
			emt_err_set(err, EMT_E_NOMEM, "command line", NULL, "not enough memory");
			return NULL;
		}
		p->values = v;
		p->room = room;
	}
	memset(&p->values[p->nr], 0, sizeof(p->values[0]));
	return &p->values[p->nr++];
}

static int add_value(struct emt_parse *p, const struct emt_arg *arg, const char *text, struct emt_err *err)
{
	const struct emt_value *before = emt_parse_get(p, arg->name);
	struct emt_value *v;
	char name[64];

	if (before && before->arg == arg && !(arg->flags & EMT_ARGF_REPEAT) && arg->type != EMT_ARG_FLAG) {
		snprintf(name, sizeof(name), "--%s", arg->name);
		return emt_err_set(err, EMT_E_USAGE, name, NULL, "is given twice: %.60s and %.60s",
				   before->text, text);
	}
	v = new_value(p, err);
	return v ? emt_value_parse(v, arg, text, err) : EMT_E_NOMEM;
}

/* One option word at w[*i]; may take the word that follows as its value. */
static int take_option(struct emt_parse *p, struct words w, size_t *i, struct emt_err *err)
{
	const char *word = w.v[*i], *value = NULL;
	const struct emt_arg *arg = NULL;
	char name[64];

	if (word[1] == '-') {
		size_t len = strcspn(word + 2, "=");

		arg = option(p->cmd, word + 2, len, 0);
		if (!arg)
			return no_option(p->cmd, word, err);
		if (word[2 + len] == '=')
			value = word + 2 + len + 1;
		snprintf(name, sizeof(name), "--%s", arg->name);
		if (arg->type == EMT_ARG_FLAG && value)
			return emt_err_set(err, EMT_E_USAGE, name, NULL, "takes no value");
		if (arg->type == EMT_ARG_FLAG)
			return add_value(p, arg, "", err);
	} else {
		for (word++; *word; word++) {
			arg = option(p->cmd, NULL, 0, *word);
			if (!arg) {
				snprintf(name, sizeof(name), "-%c", *word);
				return no_option(p->cmd, name, err);
			}
			if (arg->type != EMT_ARG_FLAG)
				break;
			if (add_value(p, arg, "", err))
				return err->code;
		}
		if (!*word || !arg)
			return 0;
		value = word[1] ? word + 1 : NULL;
		snprintf(name, sizeof(name), "-%c", *word);
	}
	if (!value) {
		if (*i + 1 >= w.n)
			return emt_err_set(err, EMT_E_USAGE, name, emt_argtype_help(arg->type),
					   "needs a value: %s", arg->metavar);
		value = w.v[++*i];
	}
	return add_value(p, arg, value, err);
}

static bool is_option(const char *word)
{
	return word[0] == '-' && word[1];
}

/* The option's value is part of the word: --sort=gfn, -ogfn. */
static bool glued(const char *word)
{
	return word[1] == '-' ? strchr(word, '=') != NULL : word[2] != '\0';
}

const struct emt_arg *emt_parse_option(const struct emt_command *cmd, const char *word)
{
	if (!is_option(word))
		return NULL;
	return word[1] == '-' ? option(cmd, word + 2, strcspn(word + 2, "="), 0)
			      : option(cmd, NULL, 0, word[1]);
}

/* Find the command's name among 'w': skips options before it. *at is the index of
 * its first word, *used how many words it has; both 0 when there is none. */
static int find_command(struct emt_parse *p, struct words w, size_t *at, size_t *used, struct emt_err *err)
{
	struct wordlist after = { .text = "" };
	char two[80];
	size_t i = 0;

	*at = w.n;
	*used = 0;
	while (i < w.n && is_option(w.v[i])) {
		const struct emt_arg *a = emt_parse_option(NULL, w.v[i]);

		if (a && a->type != EMT_ARG_FLAG && !glued(w.v[i]))
			i++;
		i++;
	}
	if (i >= w.n)
		return 0;
	*at = i;
	if (i + 1 < w.n) {
		snprintf(two, sizeof(two), "%.38s %.38s", w.v[i], w.v[i + 1]);
		p->cmd = emt_command_find(two);
		*used = 2;
	}
	if (!p->cmd) {
		p->cmd = emt_command_find(w.v[i]);
		*used = 1;
	}
	if (p->cmd)
		return 0;
	*used = 0;
	list_add(&after, "valid here:");
	if (!is_prefix(w.v[i], &after))
		return no_command(w.v[i], err);
	/* "capture --help": the list of what follows is the answer. */
	if (i + 1 < w.n && !is_option(w.v[i + 1]))
		return emt_err_set(err, EMT_E_USAGE, w.v[i], after.text, "\"%.60s\" does not go with %.40s",
				   w.v[i + 1], w.v[i]);
	return emt_err_set(err, EMT_E_USAGE, w.v[i], after.text, "needs one more word");
}

static int take_positional(struct emt_parse *p, unsigned int *pos, const struct emt_arg *skip,
			   const char *word, struct emt_err *err)
{
	const struct emt_arg *arg = positional(p->cmd, *pos);
	char synopsis[240], next[200];

	if (arg && arg == skip)
		arg = positional(p->cmd, ++*pos);

	if (!arg) {
		emt_command_synopsis(p->cmd, synopsis, sizeof(synopsis));
		snprintf(next, sizeof(next), "usage: emtctl %.170s", synopsis);
		return emt_err_set(err, EMT_E_USAGE, word, next, "one word too many for %s", p->cmd->name);
	}
	if (!(arg->flags & EMT_ARGF_REPEAT))
		++*pos;
	return add_value(p, arg, word, err);
}

/* Positionals among the words from 'from' on; *first is the first of them. */
static size_t count_positionals(struct words w, const struct emt_command *cmd, size_t from, const char **first)
{
	size_t n = 0;

	*first = NULL;
	for (size_t i = from; i < w.n; i++) {
		const char *word = w.v[i];
		const struct emt_arg *a;

		if (!strcmp(word, "--")) {
			if (!n && i + 1 < w.n)
				*first = w.v[i + 1];
			return n + w.n - i - 1;
		}
		if (!is_option(word)) {
			if (!n++)
				*first = word;
			continue;
		}
		a = emt_parse_option(cmd, word);
		if (a && a->type != EMT_ARG_FLAG && !glued(word))
			i++;
	}
	return n;
}

/* "0xf0000", "5-9": a word that is frames and can be no source. */
static bool only_frames(const char *word)
{
	static const struct emt_arg range = { .name = "range", .type = EMT_ARG_GFN_RANGE,
					      .flags = EMT_ARGF_POSITIONAL, .metavar = "RANGE" };
	struct emt_err err = { 0 };
	struct emt_value v;
	uint64_t n;

	if (!word || emt_value_parse(&v, &range, word, &err))
		return false;
	/* A small decimal number may be a domain. */
	return word[strspn(word, "0123456789")] || emt_parse_u64(word, &n) || n >= 0x7ff4;
}

/* A value of the session, which the command may change while it runs. */
static int add_copy(struct emt_parse *p, const struct emt_arg *arg, const char *text, struct emt_err *err)
{
	char *copy = strdup(text);
	struct emt_value *v = copy ? new_value(p, err) : NULL;
	int rc;

	if (!v) {
		free(copy);
		return emt_err_set(err, EMT_E_NOMEM, "command line", NULL, "not enough memory");
	}
	rc = emt_value_parse(v, arg, copy, err);
	v->copy = copy;
	return rc;
}

/* A session's source stands in for a source that the words leave out. *skip is then
 * the positional that no word is for. */
static int session_source(struct emt_parse *p, struct words w, size_t from, const struct emt_session *session,
			  const struct emt_arg **skip, struct emt_err *err)
{
	const struct emt_arg *source = NULL, *next, *a;
	size_t required = 0, before = 0, given;
	const char *first;
	bool use;

	if (!session || !session->source)
		return 0;
	for (unsigned int i = 0; (a = positional(p->cmd, i)); i++) {
		if (!source && a->type == EMT_ARG_SOURCE) {
			source = a;
			before = i;
		}
		required += (a->flags & EMT_ARGF_REQUIRED) != 0;
	}
	if (!source || (!(source->flags & EMT_ARGF_REQUIRED) && !emt_command_has(p->cmd, &emt_args_source)))
		return 0;
	given = count_positionals(w, p->cmd, from, &first);
	next = positional(p->cmd, (unsigned int)before + 1);
	use = source->flags & EMT_ARGF_REQUIRED ? given < required : given <= before;
	/* "show 0xf0000": the word is for the optional range behind the source. */
	if (!use && !before && given && next && !(next->flags & EMT_ARGF_REQUIRED) &&
	    (next->type == EMT_ARG_GFN_RANGE || next->type == EMT_ARG_GFN))
		use = only_frames(first);
	if (!use)
		return 0;
	*skip = source;
	p->from_session = true;
	return add_copy(p, source, session->source, err);
}

/* Defaults that `set` chose, for options that the words do not give. */
static int session_defaults(struct emt_parse *p, const struct emt_session *session, struct emt_err *err)
{
	const struct emt_arg *a;
	const char *text;
	int rc = 0;

	for (unsigned int i = p->cmd->nr_args; (a = emt_command_arg(p->cmd, i)) && !rc; i++) {
		if (emt_parse_get(p, a->name))
			continue;
		text = emt_session_default(session, a, p->cmd);
		if (!text && p->from_session && a->type == EMT_ARG_DOMAIN)
			text = session->domain;
		if (text)
			rc = add_copy(p, a, text, err);
	}
	return rc;
}

static int check_required(struct emt_parse *p, struct emt_err *err)
{
	const struct emt_arg *a;

	for (unsigned int i = 0; (a = emt_command_arg(p->cmd, i)); i++)
		if ((a->flags & EMT_ARGF_REQUIRED) && !emt_parse_get(p, a->name))
			return missing(p->cmd, a, err);
	if (emt_parse_flag(p, "json") && emt_parse_flag(p, "ndjson"))
		return emt_err_set(err, EMT_E_USAGE, "--json", "choose one of them",
				   "does not go with --ndjson");
	return 0;
}

int emt_parse_words(struct emt_parse *p, const char *const *words, size_t n,
		    const struct emt_session *session, struct emt_err *err)
{
	struct emt_err own = { 0 };
	struct words w = { words, n };
	const struct emt_arg *skip = NULL;
	size_t at, used;
	unsigned int pos = 0;
	bool plain = false;
	int rc;

	if (!err)
		err = &own;
	memset(p, 0, sizeof(*p));
	rc = find_command(p, w, &at, &used, err);
	p->at = rc ? at : 0;
	for (size_t i = 0; i < n && !rc; i++) {
		p->at = i;
		if (i == at && used) {
			i += used - 1;
			rc = session_source(p, w, at + used, session, &skip, err);
			continue;
		}
		if (!plain && !strcmp(words[i], "--"))
			plain = true;
		else if (!plain && is_option(words[i]))
			rc = take_option(p, w, &i, err);
		else if (p->cmd)
			rc = take_positional(p, &pos, skip, words[i], err);
		/* What follows the first word of a line belongs to that line. */
		plain |= p->nr && p->values[p->nr - 1].arg && p->values[p->nr - 1].arg->type == EMT_ARG_LINE;
		p->at = rc && i < n ? i : p->at;
	}
	if (!rc)
		p->at = n;
	p->help = emt_parse_flag(p, "help");
	p->version = emt_parse_flag(p, "version");
	if (!rc && p->cmd && !p->help && !p->version)
		rc = check_required(p, err);
	if (!rc && p->cmd && session)
		rc = session_defaults(p, session, err);
	return rc;
}

void emt_parse_free(struct emt_parse *p)
{
	for (size_t i = 0; i < p->nr; i++)
		emt_value_free(&p->values[i]);
	free(p->values);
	memset(p, 0, sizeof(*p));
}

enum emt_out_format emt_parse_format(const char *const *words, size_t n)
{
	enum emt_out_format format = EMT_FORMAT_TEXT;

	for (size_t i = 0; i < n && strcmp(words[i], "--"); i++) {
		if (!strcmp(words[i], "--json"))
			format = EMT_FORMAT_JSON;
		else if (!strcmp(words[i], "--ndjson"))
			format = EMT_FORMAT_NDJSON;
	}
	return format;
}

/* ---- values ---- */

const struct emt_value *emt_parse_get(const struct emt_parse *p, const char *name)
{
	for (size_t i = 0; i < p->nr; i++)
		if (p->values[i].arg && !strcmp(p->values[i].arg->name, name))
			return &p->values[i];
	return NULL;
}

const struct emt_value *emt_parse_next(const struct emt_parse *p, const struct emt_value *v)
{
	for (const struct emt_value *n = v + 1; n < p->values + p->nr; n++)
		if (n->arg == v->arg)
			return n;
	return NULL;
}

bool emt_parse_flag(const struct emt_parse *p, const char *name)
{
	return emt_parse_get(p, name) != NULL;
}

const char *emt_parse_text(const struct emt_parse *p, const char *name)
{
	const struct emt_value *v = emt_parse_get(p, name);

	return v ? v->text : NULL;
}

uint64_t emt_parse_number(const struct emt_parse *p, const char *name, uint64_t otherwise)
{
	const struct emt_value *v = emt_parse_get(p, name);

	return v ? v->number : otherwise;
}
