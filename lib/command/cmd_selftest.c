/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * self-test: walks the tables that everything else is made from.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/ctx.h"
#include "command/schema.h"
#include "output/filter.h"

enum { CHK_CHECK, CHK_ITEMS, CHK_OK, CHK_HELP, CHK_NR };
static const struct emt_column check_columns[CHK_NR] = {
	[CHK_CHECK] = EMT_COLUMN("check", EMT_COL_STRING, EMT_COLF_SHOWN, "what was checked"),
	[CHK_ITEMS] = EMT_COLUMN("items", EMT_COL_NUMBER, EMT_COLF_SHOWN, "how many were looked at"),
	[CHK_OK] = EMT_COLUMN("ok", EMT_COL_BOOL, EMT_COLF_SHOWN, "all of them are sound"),
	[CHK_HELP] = EMT_COLUMN("help", EMT_COL_STRING, EMT_COLF_SHOWN, "what sound means here"),
};
static const struct emt_record_kind kind_check = {
	.name = "check", .schema = "emt.check", .help = "one check of the tables",
	.columns = check_columns, .nr_columns = CHK_NR,
};

enum { FLT_CHECK, FLT_SUBJECT, FLT_TEXT, FLT_NR };
static const struct emt_column fault_columns[FLT_NR] = {
	[FLT_CHECK] = EMT_COLUMN("check", EMT_COL_STRING, EMT_COLF_SHOWN, "check that failed"),
	[FLT_SUBJECT] = EMT_COLUMN("subject", EMT_COL_STRING, EMT_COLF_SHOWN, "command, kind or release"),
	[FLT_TEXT] = EMT_COLUMN("text", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_WRAP, "what is wrong"),
};
static const struct emt_record_kind kind_fault = {
	.name = "fault", .schema = "emt.fault", .help = "something malformed",
	.columns = fault_columns, .nr_columns = FLT_NR,
};

struct test {
	struct emt_ctx *ctx;
	const char *check;  /* name of the check under way */
	uint64_t items;
	uint64_t faults;    /* of the check under way */
	int rc;             /* of the output */
};

static void fault(struct test *t, const char *subject, const char *text)
{
	struct emt_rec *rec = emt_out_rec(t->ctx->out, &kind_fault);

	t->faults++;
	t->ctx->findings = true;
	if (rec) {
		emt_rec_str(rec, FLT_CHECK, t->check);
		emt_rec_str(rec, FLT_SUBJECT, subject);
		emt_rec_str(rec, FLT_TEXT, text);
	}
	if (!t->rc)
		t->rc = emt_out_put(t->ctx->out, rec, t->ctx->err);
}

/* ---- commands ---- */

static void check_commands(struct test *t)
{
	char why[300];

	t->items = emt_nr_commands;
	if (emt_command_check(why, sizeof(why)))
		fault(t, "commands", why);
}

/* The words of an example: blanks separate, quotes join, a pipe ends. */
static size_t split(char *line, const char **words, size_t room)
{
	size_t n = 0;

	while (*line && n < room) {
		bool quoted = *line == '\'';

		if (*line == '|')
			break;
		line += quoted;
		words[n++] = line;
		line += strcspn(line, quoted ? "'" : " ");
		if (*line)
			*line++ = '\0';
		line += strspn(line, " ");
	}
	return n;
}

static void check_example(struct test *t, const struct emt_command *cmd, const char *text)
{
	const char *words[48];
	struct emt_err err = { 0 };
	struct emt_parse p;
	char line[400];

	t->items++;
	if (strlen(text) >= sizeof(line)) {
		fault(t, cmd->name, "an example is too long");
		return;
	}
	snprintf(line, sizeof(line), "%s", text);
	if (emt_parse_words(&p, words, split(line, words, EMT_ARRAY_SIZE(words)), NULL, &err)) {
		snprintf(line, sizeof(line), "%.150s: %.200s", text, err.text);
		fault(t, cmd->name, line);
	} else if (p.cmd != cmd) {
		fault(t, cmd->name, "an example is of another command");
	}
	emt_parse_free(&p);
}

static void check_examples(struct test *t)
{
	for (unsigned int i = 0; i < emt_nr_commands; i++)
		for (unsigned int k = 0; k < emt_commands[i]->nr_examples; k++)
			check_example(t, emt_commands[i], emt_commands[i]->examples[k].line);
}

/* "0.1" and "0.1.2", not newer than this build. */
static bool known_version(const char *since)
{
	unsigned int a = 0, b = 0, c = 0, x = 0, y = 0, z = 0;

	return sscanf(since, "%u.%u.%u", &a, &b, &c) >= 2 && sscanf(EMT_VERSION, "%u.%u.%u", &x, &y, &z) >= 2 &&
	       (a < x || (a == x && (b < y || (b == y && c <= z))));
}

/* ---- record kinds ---- */

#define MAX_KINDS 200

struct kinds {
	const struct emt_record_kind *v[MAX_KINDS];
	unsigned int n;
};

static void collect(struct test *t, struct kinds *all, const struct emt_record_kind *kind)
{
	for (unsigned int i = 0; i < all->n; i++) {
		if (all->v[i] == kind)
			return;
		/* One name has one meaning, whatever command says it. */
		if (!strcmp(all->v[i]->name, kind->name) || !strcmp(all->v[i]->schema, kind->schema)) {
			fault(t, kind->name, "two kinds of records have this name");
			return;
		}
	}
	if (all->n == MAX_KINDS) {
		fault(t, kind->name, "more kinds of records than the check has room for");
		return;
	}
	all->v[all->n++] = kind;
	for (unsigned int i = 0; i < kind->nr_columns; i++)
		if (kind->columns[i].sub)
			collect(t, all, kind->columns[i].sub);
}

static void check_kinds(struct test *t, struct kinds *all)
{
	char why[300];

	for (unsigned int i = 0; i < emt_nr_commands; i++)
		for (unsigned int s = 0; s < emt_commands[i]->reply->nr_sections; s++)
			collect(t, all, emt_commands[i]->reply->sections[s].kind);
	for (unsigned int i = 0; i < all->n; i++) {
		const struct emt_record_kind *k = all->v[i];

		t->items++;
		if (emt_kind_check(k, why, sizeof(why)))
			fault(t, k->name, why);
		if (strcmp(k->schema + strlen("emt."), k->name))
			fault(t, k->name, "its schema has another name");
		for (unsigned int c = 0; c < k->nr_columns; c++)
			if (k->columns[c].since && !known_version(k->columns[c].since))
				fault(t, k->columns[c].name, "is since a version that this is not");
	}
}

static void check_filters(struct test *t, const struct kinds *all)
{
	for (unsigned int i = 0; i < all->n; i++)
		for (unsigned int c = 0; c < all->v[i]->nr_columns; c++) {
			struct emt_filter *f = NULL;
			struct emt_err err = { 0 };

			t->items++;
			if (emt_filter_new(&f, all->v[i], all->v[i]->columns[c].name, "column", &err))
				fault(t, all->v[i]->columns[c].name, err.text);
			emt_filter_free(f);
		}
}

/* ---- schemas ---- */

static void check_schemas(struct test *t)
{
	char why[300];

	for (unsigned int i = 0; i < emt_nr_commands; i++) {
		const struct emt_reply *r = emt_commands[i]->reply;
		char *text;

		t->items++;
		for (unsigned int k = 0; k < i; k++)
			if (!strcmp(emt_commands[k]->reply->schema, r->schema))
				fault(t, r->schema, "is the schema of two commands");
		if (!strcmp(r->schema, EMT_SCHEMA_ERROR))
			fault(t, r->schema, "the name is taken");
		if (emt_schema_check(r, why, sizeof(why)))
			fault(t, r->schema, why);
		if (!known_version(emt_commands[i]->since))
			fault(t, emt_commands[i]->name, "is since a version that this is not");
		text = emt_schema_text(r);
		if (!text || !strstr(text, r->schema))
			fault(t, r->schema, "cannot be written");
		free(text);
	}
}

/* ---- rules ---- */

static bool era_named(enum emt_hypervisor hv, const struct emt_release *rel)
{
	const struct emt_era *era;

	for (size_t i = 0; (era = emt_era_at(hv, i)); i++)
		if (rel->era == era)
			return era->nr_rules > 0;
	return false;
}

static void check_releases(struct test *t)
{
	const char *text;

	for (int hv = EMT_HV_XEN; hv <= EMT_HV_KVM; hv++)
		for (size_t i = 0; (text = emt_release_list(i, (enum emt_hypervisor)hv)); i++) {
			struct emt_err err = { 0 };
			struct emt_release rel;

			t->items++;
			if (emt_release_parse(&rel, text, hv == EMT_HV_KVM, &err))
				fault(t, text, err.text);
			else if (!era_named((enum emt_hypervisor)hv, &rel))
				fault(t, text, "follows no list of rules");
		}
}

static void check_era(struct test *t, const struct emt_era *era)
{
	const struct emt_rule *r;

	for (size_t i = 0; i < era->nr_rules; i++) {
		bool last = i + 1 == era->nr_rules;

		r = era->rules[i];
		t->items++;
		if (!r->id || !r->text || !*r->text)
			fault(t, era->releases, "a rule without a name or text");
		else if (last != !r->cond[0].set)
			fault(t, r->id, last ? "the last rule does not always fire" : "hides the rules behind it");
		for (size_t k = 0; k < i; k++)
			if (!strcmp(era->rules[k]->id, r->id))
				fault(t, r->id, "stands twice in one list");
	}
}

static void check_rules(struct test *t)
{
	const struct emt_era *era;

	for (int hv = EMT_HV_XEN; hv <= EMT_HV_KVM; hv++)
		for (size_t i = 0; (era = emt_era_at((enum emt_hypervisor)hv, i)); i++)
			check_era(t, era);
}

static void check_defects(struct test *t)
{
	for (size_t i = 0; i < emt_nr_defects; i++) {
		const struct emt_defect *d = &emt_defects[i];

		t->items++;
		if (!d->id || !d->title || !d->entries || !d->harm || !d->releases)
			fault(t, d->id ? d->id : "?", "title, entries, harm or releases missing");
		else if (emt_defect_by_id(d->id) != (int)i)
			fault(t, d->id, "the id stands twice");
	}
}

/* ---- the command ---- */

static int finish_check(struct test *t, const char *help)
{
	struct emt_rec *rec = emt_out_rec(t->ctx->out, &kind_check);

	if (rec) {
		emt_rec_str(rec, CHK_CHECK, t->check);
		emt_rec_u64(rec, CHK_ITEMS, t->items);
		emt_rec_bool(rec, CHK_OK, !t->faults);
		emt_rec_str(rec, CHK_HELP, help);
	}
	if (!t->rc)
		t->rc = emt_out_put(t->ctx->out, rec, t->ctx->err);
	t->items = t->faults = 0;
	return t->rc;
}

static int run_selftest(struct emt_ctx *ctx)
{
	static struct kinds all;
	struct test t = { .ctx = ctx };

	all.n = 0;
	t.check = "commands";
	check_commands(&t);
	finish_check(&t, "each declares arguments, help, right, cost and reply");
	t.check = "examples";
	check_examples(&t);
	finish_check(&t, "each is a line of the command it stands under");
	t.check = "records";
	check_kinds(&t, &all);
	finish_check(&t, "each kind has one name and columns with type and help");
	t.check = "columns";
	check_filters(&t, &all);
	finish_check(&t, "each can stand in --where");
	t.check = "schemas";
	check_schemas(&t);
	finish_check(&t, "each reply has one of its own");
	t.check = "releases";
	check_releases(&t);
	finish_check(&t, "each is understood and follows a list of rules");
	t.check = "rules";
	check_rules(&t);
	finish_check(&t, "each list ends in a rule that always fires");
	t.check = "defects";
	check_defects(&t);
	return finish_check(&t, "each says what it is, where, and what harm it does");
}

static const struct emt_section sections[] = {
	{ "checks", &kind_check, EMT_SECTION_MAIN, NULL },
	{ "faults", &kind_fault, 0, "Malformed" },
};
static const struct emt_reply reply = { "emt.self_test", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = { { "self-test", "are the tables of this build whole?" } };

const struct emt_command emt_cmd_selftest = {
	.name = "self-test",
	.group = "emt itself",
	.summary = "check the tables that commands and verdicts are made from",
	.description =
		"Walks the table of commands with their arguments, examples, records and schemas, and the "
		"tables of releases, rules and defects, and reports what is malformed.\n\n"
		"Exit status: 0 all is sound; 1 something is malformed; 2 error.",
	.groups = { &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_selftest,
};
