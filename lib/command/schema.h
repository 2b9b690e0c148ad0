/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON Schemas (draft 7) of replies, from the declarations of commands and record
 * kinds. The root describes the JSON document; #/definitions/line describes each
 * line of NDJSON. Nothing that is not declared is allowed.
 */
#ifndef EMT_COMMAND_SCHEMA_H
#define EMT_COMMAND_SCHEMA_H

#include "command/command.h"

/* Name of the schema of an error before any command was known. */
#define EMT_SCHEMA_ERROR "emt.error"

/* The schema of 'reply' as text with an end of line; NULL: that of EMT_SCHEMA_ERROR.
 * Owned by the caller; NULL when memory is short. */
char *emt_schema_text(const struct emt_reply *reply);

/* What a whole number may be: exact in every reader of JSON. */
#define EMT_SCHEMA_MAX_NUMBER 9007199254740991ull

/* What keeps a reply from having a schema, or NULL: names that the schema itself
 * uses, a closed set with a word missing or twice. */
const char *emt_schema_check(const struct emt_reply *reply, char *why, size_t room);

#endif
