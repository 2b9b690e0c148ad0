/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/complete.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"

/* ---- the list ---- */

static void keep(struct emt_candidates *l, const char *value, const char *help)
{
	struct emt_candidate one = { strdup(value), help ? strdup(help) : NULL };

	if (l->n == l->room) {
		size_t room = l->room ? l->room * 2 : 32;
		struct emt_candidate *v = realloc(l->v, room * sizeof(*v));

		if (v) {
			l->v = v;
			l->room = room;
		}
	}
	if (!one.value || l->n == l->room) {
		free(one.value);
		free(one.help);
		return;
	}
	l->v[l->n++] = one;
}

static int by_value(const void *a, const void *b)
{
	const struct emt_candidate *x = a, *y = b;

	return strcmp(x->value, y->value);
}

static void finish(struct emt_candidates *l)
{
	size_t n = 0;

	if (!l->n)
		return;
	qsort(l->v, l->n, sizeof(*l->v), by_value);
	for (size_t i = 0; i < l->n; i++) {
		if (n && !strcmp(l->v[n - 1].value, l->v[i].value)) {
			free(l->v[i].value);
			free(l->v[i].help);
			continue;
		}
		l->v[n++] = l->v[i];
	}
	l->n = n;
	l->common = strlen(l->v[0].value);
	for (size_t i = 1; i < n; i++)
		while (strncmp(l->v[0].value, l->v[i].value, l->common))
			l->common--;
}

void emt_candidates_add(struct emt_candidates *l, const char *value, const char *help)
{
	keep(l, value, help);
	finish(l);
}

void emt_candidates_free(struct emt_candidates *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].value);
		free(l->v[i].help);
	}
	free(l->v);
	memset(l, 0, sizeof(*l));
}

/* ---- one place of a line ---- */

struct place {
	struct emt_candidates *list;
	const char *before;     /* of the word, in front of what is completed: "--sort=" */
	size_t before_len;
};

static void add(struct emt_completion *c, const char *value, const char *help)
{
	struct place *p = c->user;
	char word[1200];

	snprintf(word, sizeof(word), "%.*s%s", (int)p->before_len, p->before, value);
	keep(p->list, word, help);
}

void emt_complete_word(struct emt_completion *c, const char *value, const char *help)
{
	if (!strncmp(value, c->prefix, strlen(c->prefix)))
		c->add(c, value, help);
}

static void releases(struct emt_completion *c)
{
	const char *text;
	char kvm[80];

	for (size_t i = 0; (text = emt_release_list(i, EMT_HV_XEN)); i++)
		emt_complete_word(c, text, "Xen");
	for (size_t i = 0; (text = emt_release_list(i, EMT_HV_KVM)); i++) {
		snprintf(kvm, sizeof(kvm), "%s%s", strncmp(text, "kvm", 3) ? "kvm " : "", text);
		emt_complete_word(c, kvm, NULL);
	}
}

/* The next word of a command's name, behind the words in 'name'. */
static void command_words(struct emt_completion *c, const char *name)
{
	size_t len = strlen(name);

	for (unsigned int i = 0; i < emt_nr_commands; i++) {
		const char *full = emt_commands[i]->name, *rest = full, *blank;
		char word[64];

		if (len) {
			if (strncmp(full, name, len) || full[len] != ' ')
				continue;
			rest = full + len + 1;
		}
		blank = strchr(rest, ' ');
		snprintf(word, sizeof(word), "%.*s", (int)(blank ? blank - rest : (long)strlen(rest)), rest);
		emt_complete_word(c, word, blank ? NULL : emt_commands[i]->summary);
	}
}

static void topics(struct emt_completion *c)
{
	const struct emt_value *v = emt_parse_get(c->given, c->arg->name);
	char name[80] = "";
	size_t at = 0;

	for (; v && at < sizeof(name); v = emt_parse_next(c->given, v))
		at += (size_t)snprintf(name + at, sizeof(name) - at, "%s%s", at ? " " : "", v->text);
	command_words(c, name);
}

static void sources(struct emt_completion *c)
{
	static const char *const schemes[] = { "capture:", "mem:" };

	for (size_t i = 0; i < EMT_ARRAY_SIZE(schemes); i++) {
		size_t len = strlen(schemes[i]);
		struct place *p = c->user, inner = *p;
		const char *prefix = c->prefix;

		if (*prefix)
			emt_complete_word(c, schemes[i], NULL);
		if (strncmp(prefix, schemes[i], len))
			continue;
		inner.before_len += len;
		c->user = &inner;
		c->prefix += len;
		emt_complete_files(c, i ? NULL : ".emt");
		c->prefix = prefix;
		c->user = p;
		return;
	}
	emt_complete_files(c, ".emt");
}

void emt_complete_value(struct emt_completion *c, const struct emt_arg *arg)
{
	const struct emt_arg *outer = c->arg;

	c->arg = arg;
	if (arg->complete) {
		arg->complete(c);
	} else if (arg->type == EMT_ARG_SOURCE) {
		sources(c);
		emt_complete_live(c);
	} else if (arg->type == EMT_ARG_DOMAIN) {
		emt_complete_domains(c);
	} else if (arg->type == EMT_ARG_GFN || arg->type == EMT_ARG_GFN_RANGE) {
		emt_complete_gfns(c, arg->type == EMT_ARG_GFN_RANGE);
	} else if (arg->type == EMT_ARG_RELEASE) {
		releases(c);
	} else if (arg->type == EMT_ARG_FILE || arg->type == EMT_ARG_OUTFILE) {
		emt_complete_files(c, NULL);
	} else if (arg->type == EMT_ARG_COLUMNS) {
		emt_complete_columns(c);
	} else if (arg->type == EMT_ARG_FILTER) {
		emt_complete_filter(c);
	} else if (arg->type == EMT_ARG_COMMAND) {
		topics(c);
	} else if (arg->type == EMT_ARG_ENUM) {
		for (unsigned int i = 0; arg->words[i]; i++)
			emt_complete_word(c, arg->words[i], NULL);
	} else if (arg->type == EMT_ARG_LEVEL) {
		for (unsigned int i = 0; i < EMT_SEV_NR; i++)
			emt_complete_word(c, emt_severity_name(i), NULL);
	}
	c->arg = outer;
}

/* ---- options ---- */

static void offer_option(struct emt_completion *c, const struct emt_arg *a)
{
	char word[80];

	if (a->flags & EMT_ARGF_POSITIONAL)
		return;
	if (emt_parse_get(c->given, a->name) && !(a->flags & EMT_ARGF_REPEAT) &&
	    !emt_parse_get(c->given, a->name)->copy)
		return;
	snprintf(word, sizeof(word), "--%s", a->name);
	emt_complete_word(c, word, a->help);
}

static void offer_group(struct emt_completion *c, const struct emt_arg_group *g)
{
	for (unsigned int i = 0; i < g->nr; i++)
		offer_option(c, &g->args[i]);
}

static void options(struct emt_completion *c)
{
	const struct emt_arg *a;

	if (!c->cmd) {
		offer_group(c, &emt_args_output);
		if (!c->session)
			offer_group(c, &emt_args_program);
		return;
	}
	for (unsigned int i = 0; (a = emt_command_arg(c->cmd, i)); i++)
		offer_option(c, a);
}

/* "--sort=gf": the value behind the '='. */
static void glued_value(struct emt_completion *c)
{
	const struct emt_arg *a = emt_parse_option(c->cmd, c->prefix);
	const char *equals = strchr(c->prefix, '=');
	struct place *p = c->user;

	if (!a || a->type == EMT_ARG_FLAG)
		return;
	p->before = c->prefix;
	p->before_len = (size_t)(equals + 1 - c->prefix);
	c->prefix = equals + 1;
	emt_complete_value(c, a);
}

/* ---- positionals ---- */

static void positionals(struct emt_completion *c)
{
	const struct emt_parse *p = c->given;
	size_t given = 0;

	for (size_t i = 0; i < p->nr; i++)
		given += p->values[i].arg && (p->values[i].arg->flags & EMT_ARGF_POSITIONAL) &&
			 !p->values[i].copy;
	for (unsigned int i = 0; i < c->cmd->nr_args; i++) {
		const struct emt_arg *a = &c->cmd->args[i];
		const struct emt_value *v = emt_parse_get(p, a->name);

		if (!(a->flags & EMT_ARGF_POSITIONAL))
			continue;
		if (v && v->copy) {
			/* The session's source may still be named here instead. */
			if (!given)
				emt_complete_value(c, a);
			continue;
		}
		if (given && !(a->flags & EMT_ARGF_REPEAT)) {
			given--;
			continue;
		}
		emt_complete_value(c, a);
		return;
	}
}

/* Index of the first word of a line inside the line (`expect count 0 show ...`). */
static size_t inner_line(const struct emt_parse *p, const char *const *words, size_t n)
{
	for (size_t i = 0; i < p->nr; i++)
		for (size_t k = 0; p->values[i].arg && p->values[i].arg->type == EMT_ARG_LINE && k < n; k++)
			if (p->values[i].text == words[k])
				return k;
	return n;
}

static bool next_is_line(const struct emt_parse *p)
{
	size_t given = 0;

	for (size_t i = 0; i < p->nr; i++)
		given += p->values[i].arg && (p->values[i].arg->flags & EMT_ARGF_POSITIONAL);
	for (unsigned int i = 0; i < p->cmd->nr_args; i++)
		if ((p->cmd->args[i].flags & EMT_ARGF_POSITIONAL) && !given--)
			return p->cmd->args[i].type == EMT_ARG_LINE;
	return false;
}

/* ---- a line ---- */

/* A program's option that takes a value stands right before; or -f FILE somewhere:
 * then what follows are words for the script. */
static bool program_value(struct emt_completion *c, const char *const *words, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++)
		for (unsigned int k = 0; k < emt_args_program.nr; k++) {
			const struct emt_arg *a = &emt_args_program.args[k];
			char letter[3] = { '-', a->letter, '\0' }, name[40];

			snprintf(name, sizeof(name), "--%s", a->name);
			if (a->type == EMT_ARG_FLAG || (strcmp(words[i], letter) && strcmp(words[i], name)))
				continue;
			/* Another command's own -f is behind its name. */
			if (i && words[i - 1][0] != '-')
				return false;
			if (i + 2 == n)
				emt_complete_value(c, a);
			else if (a->type == EMT_ARG_FILE)
				emt_complete_files(c, NULL);
			else
				continue;
			return true;
		}
	return false;
}

static void line(struct emt_completion *c, struct emt_parse *p, const char *const *words, size_t n, int rc)
{
	const char *last = words[n - 1];
	const struct emt_arg *pending;
	const struct emt_value *source;
	bool only_words = false;

	c->cmd = p->cmd;
	source = emt_parse_get(p, "source");
	c->source = source && source->text ? source->text : c->session ? c->session->source : NULL;
	/* An option that waits for its value is where parsing stopped. */
	if (rc && n > 1 && p->at == n - 2) {
		pending = emt_parse_option(p->cmd, words[n - 2]);
		if (pending && pending->type != EMT_ARG_FLAG && !strchr(words[n - 2], '=')) {
			emt_complete_value(c, pending);
			return;
		}
	}
	for (size_t i = 0; i + 1 < n; i++)
		only_words |= !strcmp(words[i], "--");
	if (*last == '-' && !only_words) {
		if (!strncmp(last, "--", 2) && strchr(last, '='))
			glued_value(c);
		else
			options(c);
	} else if (p->cmd) {
		positionals(c);
	} else if (n > 1 && p->at == n - 2 && rc && words[n - 2][0] != '-') {
		command_words(c, words[n - 2]);
	} else if (!rc) {
		command_words(c, "");
	}
}

void emt_complete(struct emt_candidates *out, const char *const *words, size_t n,
		  const struct emt_session *session)
{
	struct place place = { .list = out, .before = words[n - 1] };
	struct emt_err err = { 0 };
	struct emt_parse p;
	struct emt_completion c = { .prefix = words[n - 1], .given = &p, .session = session, .add = add,
				    .user = &place };
	size_t inner;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = emt_parse_words(&p, words, n - 1, session, &err);
	inner = inner_line(&p, words, n - 1);
	if (inner == n - 1 && p.cmd && next_is_line(&p) && words[n - 1][0] != '-')
		inner = n - 1;
	else if (inner == n - 1)
		inner = n;
	if (inner < n) {
		emt_parse_free(&p);
		emt_complete(out, words + inner, n - inner, session);
		return;
	}
	if (session || p.cmd || !program_value(&c, words, n))
		line(&c, &p, words, n, rc);
	out->cmd = p.cmd;
	emt_parse_free(&p);
	finish(out);
}
