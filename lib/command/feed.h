/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What emtd tells the commands about its knowledge: JSON objects, one a line, on standard
 * input. Each has one name: what it is. Internal to lib/command.
 */
#ifndef EMT_COMMAND_FEED_H
#define EMT_COMMAND_FEED_H

#include <json-c/json_types.h>

#include "command/ctx.h"

struct emt_feed;

/* EMT_E_NOSOURCE where no emtd runs the command. */
int emt_feed_open(struct emt_feed **out, struct emt_ctx *ctx);
void emt_feed_close(struct emt_feed *f);

/* The next line: 1 and its name and value ('*value' is the caller's to put), 0 at the end
 * or when the command is to stop, negative: an error, emtd's own among them. */
int emt_feed_next(struct emt_feed *f, const char **name, struct json_object **value);

/* Fill a record's columns from members of the same names; those that 'obj' lacks or has as
 * null stay null, unless they must have a value: then they are 0 or empty. */
void emt_rec_from_json(struct emt_rec *rec, struct json_object *obj);

#endif
