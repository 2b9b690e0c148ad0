/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/schema.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STYLE (JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE)
#define TIME_PATTERN "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"

/* Definitions that are no record kinds. */
static const char *const reserved[] = { "header", "end", "line", "tool", "error" };

/* ---- small parts ---- */

static struct json_object *text(const char *s)
{
	return json_object_new_string(s);
}

static void set(struct json_object *obj, const char *key, struct json_object *value)
{
	json_object_object_add(obj, key, value);
}

static struct json_object *typed(const char *type)
{
	struct json_object *obj = json_object_new_object();

	set(obj, "type", text(type));
	return obj;
}

/* "type": ["string", "null"] */
static void or_null(struct json_object *obj, const char *type)
{
	struct json_object *types = json_object_new_array();

	json_object_array_add(types, text(type));
	json_object_array_add(types, text("null"));
	set(obj, "type", types);
}

static struct json_object *text_or_null(void)
{
	struct json_object *obj = json_object_new_object();

	or_null(obj, "string");
	return obj;
}

static struct json_object *just(struct json_object *value)
{
	struct json_object *obj = json_object_new_object();

	set(obj, "const", value);
	return obj;
}

static struct json_object *ref(const char *name)
{
	struct json_object *obj = json_object_new_object();
	char path[160];

	snprintf(path, sizeof(path), "#/definitions/%s", name);
	set(obj, "$ref", text(path));
	return obj;
}

static struct json_object *ref_or_null(struct json_object *what)
{
	struct json_object *obj = json_object_new_object(), *any = json_object_new_array();

	json_object_array_add(any, what);
	json_object_array_add(any, typed("null"));
	set(obj, "anyOf", any);
	return obj;
}

static struct json_object *list_of(struct json_object *what)
{
	struct json_object *obj = typed("array");

	set(obj, "items", what);
	return obj;
}

static struct json_object *count(void)
{
	struct json_object *obj = typed("integer");

	set(obj, "minimum", json_object_new_int(0));
	set(obj, "maximum", json_object_new_uint64(EMT_SCHEMA_MAX_NUMBER));
	return obj;
}

/* An object with exactly the properties that member() adds. */
static struct json_object *closed(void)
{
	struct json_object *obj = typed("object");

	set(obj, "additionalProperties", json_object_new_boolean(false));
	set(obj, "required", json_object_new_array());
	set(obj, "properties", json_object_new_object());
	return obj;
}

static void member(struct json_object *obj, const char *name, struct json_object *what)
{
	struct json_object *part;

	json_object_object_get_ex(obj, "required", &part);
	json_object_array_add(part, text(name));
	json_object_object_get_ex(obj, "properties", &part);
	set(part, name, what);
}

/* ---- record kinds ---- */

static struct json_object *words_of(const struct emt_column *c, bool null)
{
	struct json_object *list = json_object_new_array();

	for (unsigned int i = 0; i < c->nr_words; i++)
		json_object_array_add(list, text(c->word(i)));
	if (null)
		json_object_array_add(list, NULL);
	return list;
}

static struct json_object *scalar(const struct emt_column *c, bool null)
{
	static const char *const types[] = {
		[EMT_COL_BOOL] = "boolean", [EMT_COL_NUMBER] = "integer", [EMT_COL_BYTES] = "integer",
		[EMT_COL_FRAME] = "integer", [EMT_COL_HEX] = "string", [EMT_COL_STRING] = "string",
		[EMT_COL_TIME] = "string",
	};
	bool number = !strcmp(types[c->type], "integer");
	struct json_object *obj = number ? count() : json_object_new_object();

	if (null)
		or_null(obj, types[c->type]);
	else if (!number)
		set(obj, "type", text(types[c->type]));
	if (c->type == EMT_COL_HEX)
		set(obj, "pattern", text("^0x[0-9a-f]+$"));
	if (c->type == EMT_COL_TIME) {
		set(obj, "format", text("date-time"));
		set(obj, "pattern", text(TIME_PATTERN));
	}
	if (c->word)
		set(obj, "enum", words_of(c, null));
	return obj;
}

static struct json_object *strings(const struct emt_column *c)
{
	struct json_object *item = typed("string");

	if (c->word)
		set(item, "enum", words_of(c, false));
	return list_of(item);
}

static struct json_object *column(const struct emt_column *c)
{
	bool null = c->flags & EMT_COLF_NULL;
	struct json_object *obj, *what;

	switch (c->type) {
	case EMT_COL_STRINGS: obj = strings(c); break;
	case EMT_COL_LIST: obj = list_of(ref(c->sub->name)); break;
	case EMT_COL_OBJECT:
		/* Draft 7 ignores what stands beside a $ref. */
		what = json_object_new_array();
		json_object_array_add(what, ref(c->sub->name));
		if (null)
			json_object_array_add(what, typed("null"));
		obj = json_object_new_object();
		set(obj, null ? "anyOf" : "allOf", what);
		break;
	default: obj = scalar(c, null); break;
	}
	set(obj, "description", text(c->help));
	if (c->unit)
		set(obj, "x-unit", text(c->unit));
	if (c->since)
		set(obj, "x-since", text(c->since));
	return obj;
}

static struct json_object *kind_object(const struct emt_record_kind *kind, bool line)
{
	struct json_object *obj = closed();

	set(obj, "description", text(kind->help));
	if (line)
		member(obj, "record", just(text(kind->name)));
	for (unsigned int i = 0; i < kind->nr_columns; i++)
		member(obj, kind->columns[i].name, column(&kind->columns[i]));
	return obj;
}

/* A kind and all kinds inside it. */
static void define(struct json_object *defs, const struct emt_record_kind *kind)
{
	if (json_object_object_get_ex(defs, kind->name, NULL))
		return;
	set(defs, kind->name, kind_object(kind, false));
	for (unsigned int i = 0; i < kind->nr_columns; i++)
		if (kind->columns[i].sub)
			define(defs, kind->columns[i].sub);
}

/* ---- envelope ---- */

static struct json_object *version_of(const struct emt_reply *reply)
{
	struct json_object *list = json_object_new_array();

	json_object_array_add(list, json_object_new_int(reply ? reply->major : 1));
	json_object_array_add(list, json_object_new_int(reply ? reply->minor : 0));
	return list;
}

static const char *schema_of(const struct emt_reply *reply)
{
	return reply ? reply->schema : EMT_SCHEMA_ERROR;
}

static struct json_object *tool_object(void)
{
	struct json_object *obj = closed();

	set(obj, "description", text("the program that wrote the reply"));
	member(obj, "name", typed("string"));
	member(obj, "version", typed("string"));
	member(obj, "argv", list_of(typed("string")));
	return obj;
}

static struct json_object *error_object(void)
{
	struct json_object *obj = closed(), *codes = json_object_new_array(), *code = typed("string");
	struct json_object *line, *col;

	for (int c = EMT_E_USAGE; c >= EMT_E_INTERNAL; c--)
		json_object_array_add(codes, text(emt_errcode_name(c)));
	set(code, "enum", codes);
	set(obj, "description", text("why the command failed"));
	member(obj, "code", code);
	member(obj, "subject", text_or_null());
	member(obj, "text", typed("string"));
	member(obj, "next", text_or_null());
	line = count();
	or_null(line, "integer");
	set(line, "description", text("line in the subject, from 1"));
	member(obj, "line", line);
	col = count();
	or_null(col, "integer");
	set(col, "description", text("character in that line, from 1"));
	member(obj, "column", col);
	return obj;
}

static void add_head(struct json_object *obj, const struct emt_reply *reply)
{
	struct json_object *time = json_object_new_object(), *source = text_or_null();

	set(source, "description", text("what the reply is about; null when it is about no source"));
	or_null(time, "string");
	set(time, "pattern", text(TIME_PATTERN));
	set(time, "description", text("when the reply was made, UTC"));
	member(obj, "schema", just(text(schema_of(reply))));
	member(obj, "schema_version", just(version_of(reply)));
	member(obj, "tool", ref("tool"));
	member(obj, "source", source);
	member(obj, "time", time);
}

static void add_tail(struct json_object *obj, const struct emt_reply *reply)
{
	struct json_object *status = typed("integer"), *complete = typed("boolean");

	set(status, "minimum", json_object_new_int(reply ? 0 : 2));
	set(status, "maximum", json_object_new_int(reply ? 3 : 2));
	set(status, "description", text("exit status of the command"));
	set(complete, "description", text("the command saw everything there is"));
	member(obj, "exit_status", status);
	member(obj, "complete", complete);
	member(obj, "error", reply ? ref_or_null(ref("error")) : ref("error"));
}

static struct json_object *data_object(const struct emt_reply *reply)
{
	struct json_object *obj;

	if (!reply)
		return typed("null");
	obj = closed();
	for (unsigned int i = 0; i < reply->nr_sections; i++) {
		const struct emt_section *s = &reply->sections[i];

		member(obj, s->key, s->flags & EMT_SECTION_ONE ? ref_or_null(ref(s->kind->name)) :
		       list_of(ref(s->kind->name)));
	}
	obj = ref_or_null(obj);
	set(obj, "description", text("null when the command failed before it had anything to say"));
	return obj;
}

/* ---- NDJSON ---- */

static void line_name(char *out, size_t room, const struct emt_record_kind *kind)
{
	snprintf(out, room, "line.%s", kind->name);
}

static void define_lines(struct json_object *defs, const struct emt_reply *reply)
{
	struct json_object *header = closed(), *end = closed(), *counts = closed();
	struct json_object *line = json_object_new_object(), *one = json_object_new_array();
	char name[120];

	set(header, "description", text("the first line"));
	member(header, "record", just(text("header")));
	add_head(header, reply);
	set(end, "description", text("the last line; a reply without it was cut off"));
	member(end, "record", just(text("end")));
	json_object_array_add(one, ref("header"));
	for (unsigned int i = 0; reply && i < reply->nr_sections; i++) {
		const struct emt_record_kind *kind = reply->sections[i].kind;

		line_name(name, sizeof(name), kind);
		member(counts, kind->name, count());
		set(defs, name, kind_object(kind, true));
		json_object_array_add(one, ref(name));
	}
	set(counts, "description", text("records of each kind between the first line and this one"));
	member(end, "counts", counts);
	add_tail(end, reply);
	json_object_array_add(one, ref("end"));
	set(line, "description", text("any line of NDJSON"));
	set(line, "oneOf", one);
	set(defs, "header", header);
	set(defs, "end", end);
	set(defs, "line", line);
}

char *emt_schema_text(const struct emt_reply *reply)
{
	struct json_object *root = json_object_new_object(), *body = closed(), *defs = json_object_new_object();
	char id[160], *out = NULL;
	const char *json;
	size_t len;

	snprintf(id, sizeof(id), "urn:emt:schema:%s:%u.%u", schema_of(reply), reply ? reply->major : 1u,
		 reply ? reply->minor : 0u);
	set(root, "$schema", text("http://json-schema.org/draft-07/schema#"));
	set(root, "$id", text(id));
	set(root, "title", text(schema_of(reply)));
	add_head(body, reply);
	member(body, "data", data_object(reply));
	add_tail(body, reply);
	json_object_object_foreach(body, key, value)
		set(root, key, json_object_get(value));
	json_object_put(body);
	set(defs, "tool", tool_object());
	set(defs, "error", error_object());
	for (unsigned int i = 0; reply && i < reply->nr_sections; i++)
		define(defs, reply->sections[i].kind);
	define_lines(defs, reply);
	set(root, "definitions", defs);
	json = json_object_to_json_string_length(root, STYLE, &len);
	out = json ? malloc(len + 2) : NULL;
	if (out) {
		memcpy(out, json, len);
		memcpy(out + len, "\n", 2);
	}
	json_object_put(root);
	return out;
}

/* ---- the check ---- */

static const char *check_words(const struct emt_column *c)
{
	for (unsigned int i = 0; i < c->nr_words; i++) {
		if (!c->word(i) || !*c->word(i))
			return "a word of its closed set is missing";
		for (unsigned int k = 0; k < i; k++)
			if (!strcmp(c->word(i), c->word(k)))
				return "a word of its closed set stands there twice";
	}
	return NULL;
}

static const char *check_kind(const struct emt_record_kind *kind, char *why, size_t room)
{
	const char *bad;

	for (size_t i = 0; i < EMT_ARRAY_SIZE(reserved); i++)
		if (!strcmp(kind->name, reserved[i])) {
			snprintf(why, room, "%s: the name means something else in a schema", kind->name);
			return why;
		}
	for (unsigned int i = 0; i < kind->nr_columns; i++) {
		const struct emt_column *c = &kind->columns[i];

		bad = check_words(c);
		if (bad) {
			snprintf(why, room, "%s.%s: %s", kind->name, c->name, bad);
			return why;
		}
		if (c->sub && check_kind(c->sub, why, room))
			return why;
	}
	return NULL;
}

const char *emt_schema_check(const struct emt_reply *reply, char *why, size_t room)
{
	for (unsigned int i = 0; i < reply->nr_sections; i++) {
		const struct emt_record_kind *kind = reply->sections[i].kind;

		if (emt_kind_column(kind, "record") >= 0) {
			snprintf(why, room, "%s.record: the name means the kind of record in NDJSON", kind->name);
			return why;
		}
		if (check_kind(kind, why, room))
			return why;
	}
	return NULL;
}
