/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/parse.h"
#include "output/filter.h"

static const char *const format_words[] = { "text", "json", "ndjson", NULL };
static const char *const yes_no[] = { "no", "yes", NULL };

static const struct emt_arg own[] = {
	{ .name = "format", .type = EMT_ARG_ENUM, .metavar = "FORMAT", .words = format_words,
	  .fallback = "text", .help = "format of replies" },
	{ .name = "pager", .type = EMT_ARG_ENUM, .metavar = "YES", .words = yes_no, .fallback = "yes",
	  .help = "long replies through a pager on a terminal" },
};

static const struct emt_arg_group *const groups[] = { &emt_args_output, &emt_args_source, &emt_args_level };

/* Flags are given anew each time; the domain belongs to the source. */
static bool settable(const struct emt_arg *a)
{
	return a->type != EMT_ARG_FLAG && a->type != EMT_ARG_DOMAIN;
}

const struct emt_arg *emt_session_arg(unsigned int i)
{
	if (i < EMT_ARRAY_SIZE(own))
		return &own[i];
	i -= EMT_ARRAY_SIZE(own);
	for (size_t g = 0; g < EMT_ARRAY_SIZE(groups); g++)
		for (unsigned int k = 0; k < groups[g]->nr; k++)
			if (settable(&groups[g]->args[k]) && !i--)
				return &groups[g]->args[k];
	return NULL;
}

static struct emt_session_var *find(const struct emt_session *s, const char *name)
{
	for (unsigned int i = 0; s && i < s->nr_vars; i++)
		if (!strcmp(s->vars[i].arg->name, name))
			return (struct emt_session_var *)&s->vars[i];
	return NULL;
}

static int no_name(const char *name, struct emt_err *err)
{
	const struct emt_arg *a;
	char next[200];
	size_t at = (size_t)snprintf(next, sizeof(next), "valid here:");

	for (unsigned int i = 0; (a = emt_session_arg(i)) && at < sizeof(next); i++)
		at += (size_t)snprintf(next + at, sizeof(next) - at, " %s", a->name);
	return emt_err_set(err, EMT_E_USAGE, name, next, "no such default");
}

/* Check a value of its type; its meaning is checked where it is used. */
static int check(const struct emt_arg *arg, const char *text, struct emt_err *err)
{
	struct emt_value v;
	int rc = emt_value_parse(&v, arg, text, err);

	emt_value_free(&v);
	return rc;
}

int emt_session_set(struct emt_session *s, const char *name, const char *text, struct emt_err *err)
{
	struct emt_session_var *var = find(s, name);
	const struct emt_arg *a = NULL;
	char *copy;
	int rc;

	for (unsigned int i = 0; (a = emt_session_arg(i)) && strcmp(a->name, name); i++)
		;
	if (!a)
		return no_name(name, err);
	if (!text) {
		if (!var)
			return 0;
		free(var->text);
		*var = s->vars[--s->nr_vars];
		return 0;
	}
	rc = check(a, text, err);
	if (rc)
		return rc;
	copy = strdup(text);
	if (!copy || (!var && s->nr_vars == EMT_SESSION_VARS)) {
		free(copy);
		return emt_err_set(err, EMT_E_NOMEM, name, NULL, "not enough memory");
	}
	if (!var)
		var = &s->vars[s->nr_vars++];
	else
		free(var->text);
	*var = (struct emt_session_var){ a, copy };
	return 0;
}

const char *emt_session_get(const struct emt_session *s, const char *name)
{
	const struct emt_session_var *var = find(s, name);

	return var ? var->text : NULL;
}

static void drop_source(struct emt_session *s)
{
	if (s->owned) {
		free((char *)s->source);
		free((char *)s->domain);
		free((char *)s->name);
	}
	s->source = s->domain = s->name = NULL;
	s->owned = true;
}

int emt_session_use(struct emt_session *s, const char *source, const char *domain, const char *name)
{
	char *copy[3] = { source ? strdup(source) : NULL, domain ? strdup(domain) : NULL,
			  name && *name ? strdup(name) : NULL };

	if ((source && !copy[0]) || (domain && !copy[1]) || (name && *name && !copy[2])) {
		for (int i = 0; i < 3; i++)
			free(copy[i]);
		return EMT_E_NOMEM;
	}
	drop_source(s);
	s->source = copy[0];
	s->domain = copy[1];
	s->name = copy[2];
	return 0;
}

void emt_session_free(struct emt_session *s)
{
	drop_source(s);
	for (unsigned int i = 0; i < s->nr_vars; i++)
		free(s->vars[i].text);
	s->nr_vars = 0;
}

static bool columns_fit(const char *list, const struct emt_record_kind *kind)
{
	list += *list == '+';
	while (*list) {
		size_t len = strcspn(list, ", "), minus = *list == '-';
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)(len - minus < 63 ? len - minus : 63), list + minus);
		if (*name && strcmp(name, "all") && emt_kind_column(kind, name) < 0)
			return false;
		list += len;
		list += strspn(list, ", ");
	}
	return true;
}

static bool condition_fits(const char *text, const struct emt_record_kind *kind)
{
	struct emt_filter *f = NULL;
	struct emt_err err = { 0 };
	bool fits = !emt_filter_new(&f, kind, text, "where", &err);

	emt_filter_free(f);
	return fits;
}

const char *emt_session_default(const struct emt_session *s, const struct emt_arg *arg,
				const struct emt_command *cmd)
{
	const struct emt_session_var *var = find(s, arg->name);
	const struct emt_record_kind *kind;

	if (!var || var->arg != arg)
		return NULL;
	kind = emt_reply_main(cmd->reply)->kind;
	if (arg->type == EMT_ARG_COLUMNS)
		return columns_fit(var->text, kind) ? var->text : NULL;
	if (arg->type == EMT_ARG_FILTER)
		return condition_fits(var->text, kind) ? var->text : NULL;
	return var->text;
}

enum emt_out_format emt_session_format(const struct emt_session *s)
{
	const char *text = emt_session_get(s, "format");

	return !text ? EMT_FORMAT_TEXT : !strcmp(text, "json") ? EMT_FORMAT_JSON :
	       !strcmp(text, "ndjson") ? EMT_FORMAT_NDJSON : EMT_FORMAT_TEXT;
}
