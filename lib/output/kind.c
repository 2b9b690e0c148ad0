/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Questions about declarations of record kinds.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "output/record.h"

int emt_kind_column(const struct emt_record_kind *kind, const char *name)
{
	for (unsigned int i = 0; i < kind->nr_columns; i++)
		if (!strcmp(kind->columns[i].name, name))
			return (int)i;
	return -1;
}

static bool snake(const char *s)
{
	if (!islower((unsigned char)*s))
		return false;
	for (; *s; s++)
		if (!islower((unsigned char)*s) && !isdigit((unsigned char)*s) && *s != '_')
			return false;
	return true;
}

static const char *column_check(const struct emt_record_kind *kind, unsigned int i)
{
	const struct emt_column *c = &kind->columns[i];

	if (!c->name || !snake(c->name))
		return "name is not snake_case";
	if (!c->help || !*c->help || c->help[strlen(c->help) - 1] == '.')
		return "help is missing or ends in a full stop";
	if (emt_kind_column(kind, c->name) != (int)i)
		return "name is declared twice";
	if ((c->type == EMT_COL_OBJECT || c->type == EMT_COL_LIST) != (c->sub != NULL))
		return "sub-kind and type disagree";
	if ((c->word != NULL) != (c->nr_words != 0))
		return "words without a count, or a count without words";
	if (c->word && c->type != EMT_COL_STRING && c->type != EMT_COL_STRINGS)
		return "words on something that is no string";
	if (c->type == EMT_COL_FRAME && !c->unit)
		return "a frame without saying which kind";
	if ((c->type == EMT_COL_LIST || c->type == EMT_COL_STRINGS) && (c->flags & EMT_COLF_NULL))
		return "a list is never null, only empty";
	return NULL;
}

const char *emt_kind_check(const struct emt_record_kind *kind, char *why, size_t room)
{
	if (!kind->name || !snake(kind->name) || !kind->schema || strncmp(kind->schema, "emt.", 4) ||
	    !kind->help || !kind->nr_columns) {
		snprintf(why, room, "%s: name, schema, help or columns missing",
			 kind->name ? kind->name : "?");
		return why;
	}
	for (unsigned int i = 0; i < kind->nr_columns; i++) {
		const char *bad = column_check(kind, i);

		if (bad) {
			snprintf(why, room, "%s.%s: %s", kind->name, kind->columns[i].name, bad);
			return why;
		}
		if (kind->columns[i].sub && emt_kind_check(kind->columns[i].sub, why, room))
			return why;
	}
	return NULL;
}
