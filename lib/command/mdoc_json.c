/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parts of emt-json(5): replies, record kinds with their columns, error codes.
 */
#include <stdio.h>
#include <string.h>

#include "command/mdoc.h"

#define MAX_KINDS 200

struct kinds {
	const struct emt_record_kind *v[MAX_KINDS];
	unsigned int n;
};

static void collect(struct kinds *all, const struct emt_record_kind *kind)
{
	unsigned int at;

	for (unsigned int i = 0; i < all->n; i++)
		if (all->v[i] == kind)
			return;
	if (all->n == MAX_KINDS)
		return;
	/* By name. */
	for (at = all->n++; at && strcmp(all->v[at - 1]->name, kind->name) > 0; at--)
		all->v[at] = all->v[at - 1];
	all->v[at] = kind;
	for (unsigned int i = 0; i < kind->nr_columns; i++)
		if (kind->columns[i].sub)
			collect(all, kind->columns[i].sub);
}

static const char *type_of(enum emt_coltype type)
{
	static const char *const names[] = {
		[EMT_COL_BOOL] = "true or false", [EMT_COL_NUMBER] = "number", [EMT_COL_BYTES] = "number of bytes",
		[EMT_COL_FRAME] = "number of a frame", [EMT_COL_HEX] = "hex string", [EMT_COL_STRING] = "string",
		[EMT_COL_TIME] = "time", [EMT_COL_STRINGS] = "list of strings", [EMT_COL_OBJECT] = "object",
		[EMT_COL_LIST] = "list",
	};

	return names[type];
}

static void column(struct emt_buffer *b, const struct emt_record_kind *kind, const struct emt_column *c)
{
	char text[2400];
	size_t at;

	(void)kind;
	emt_mdoc_line(b, ".It Va", c->name);
	at = (size_t)snprintf(text, sizeof(text), "%s: %s", type_of(c->type), c->help);
	if (c->sub)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "; of kind `%s`", c->sub->name);
	/* A FRAME says what it counts, a number in bytes has said so. */
	if (c->unit && c->type != EMT_COL_BYTES)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "; unit: %s", c->unit);
	if (c->flags & EMT_COLF_NULL)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "; may be null");
	if (c->since)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "; since %s", c->since);
	for (unsigned int i = 0; i < c->nr_words && at < sizeof(text) - 80; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i ? ", " : "; one of: ", c->word(i));
	emt_mdoc_prose(b, text);
}

void emt_mdoc_records(struct emt_buffer *b)
{
	struct kinds all = { .n = 0 };

	for (unsigned int i = 0; i < emt_nr_commands; i++)
		for (unsigned int s = 0; s < emt_commands[i]->reply->nr_sections; s++)
			collect(&all, emt_commands[i]->reply->sections[s].kind);
	for (unsigned int i = 0; i < all.n; i++) {
		char text[400];

		emt_mdoc_line(b, ".Ss", all.v[i]->name);
		snprintf(text, sizeof(text), "%s.", all.v[i]->help);
		emt_mdoc_prose(b, text);
		emt_buffer_puts(b, ".Bl -tag -width Ds\n");
		for (unsigned int c = 0; c < all.v[i]->nr_columns; c++)
			column(b, all.v[i], &all.v[i]->columns[c]);
		emt_buffer_puts(b, ".El\n");
	}
}

void emt_mdoc_replies(struct emt_buffer *b)
{
	emt_buffer_puts(b, ".Bl -tag -width Ds\n");
	for (unsigned int i = 0; i < emt_nr_commands; i++) {
		const struct emt_reply *r = emt_commands[i]->reply;
		char text[600];
		size_t at;

		emt_mdoc_line(b, ".It Li", r->schema);
		at = (size_t)snprintf(text, sizeof(text), "version %u.%u, of `%s`; in data:", r->major, r->minor,
				      emt_commands[i]->name);
		for (unsigned int s = 0; s < r->nr_sections && at < sizeof(text); s++)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s %s (%s of %s)", s ? "," : "",
					       r->sections[s].key,
					       r->sections[s].flags & EMT_SECTION_ONE ? "one" : "list",
					       r->sections[s].kind->name);
		emt_mdoc_prose(b, text);
	}
	emt_buffer_puts(b, ".El\n");
}

void emt_mdoc_errors(struct emt_buffer *b)
{
	char text[800];
	size_t at = 0;

	for (int c = EMT_E_USAGE; c >= EMT_E_INTERNAL; c--)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", at ? ", " : "", emt_errcode_name(c));
	snprintf(text + at, sizeof(text) - at, ".");
	emt_mdoc_prose(b, text);
}
