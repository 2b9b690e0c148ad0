/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/message.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUBJECT "message"
#define DEPTH 8

/* ---- reading ---- */

static int bad(struct emt_err *err, const char *text)
{
	return emt_err_set(err, EMT_E_FORMAT, SUBJECT, "emtd(8) lists what can be said", "%s", text);
}

/* One whole object and nothing behind it. */
static struct json_object *object_of(const char *line, size_t len)
{
	struct json_tokener *tok = json_tokener_new_ex(DEPTH);
	struct json_object *obj = NULL;

	while (len && (line[len - 1] == '\n' || line[len - 1] == '\r'))
		len--;
	if (tok && len && len <= INT32_MAX) {
		json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
		obj = json_tokener_parse_ex(tok, line, (int)len);
		if (json_tokener_get_error(tok) != json_tokener_success ||
		    json_tokener_get_parse_end(tok) != len || !json_object_is_type(obj, json_type_object)) {
			json_object_put(obj);
			obj = NULL;
		}
	}
	if (tok)
		json_tokener_free(tok);
	return obj;
}

static bool number(struct json_object *obj, const char *name, uint64_t most, uint64_t *v)
{
	struct json_object *o;
	int64_t n;

	if (!json_object_object_get_ex(obj, name, &o) || !json_object_is_type(o, json_type_int))
		return false;
	n = json_object_get_int64(o);
	if (n < 0 || (uint64_t)n > most)
		return false;
	*v = (uint64_t)n;
	return true;
}

static const char *text_of(struct json_object *obj, const char *name)
{
	struct json_object *o;

	return json_object_object_get_ex(obj, name, &o) && json_object_is_type(o, json_type_string) ?
	       json_object_get_string(o) : NULL;
}

static int take_words(struct emt_wire_request *r, struct json_object *obj, struct emt_err *err)
{
	struct json_object *list, *one;
	size_t n;

	if (!json_object_object_get_ex(obj, "words", &list) || !json_object_is_type(list, json_type_array))
		return bad(err, "\"words\" is no list");
	n = json_object_array_length(list);
	if (!n || n > EMT_WIRE_WORDS)
		return bad(err, "\"words\" is empty or too long");
	r->words = calloc(n + 1, sizeof(*r->words));
	for (size_t i = 0; r->words && i < n; i++) {
		one = json_object_array_get_idx(list, i);
		if (!json_object_is_type(one, json_type_string) ||
		    strlen(json_object_get_string(one)) != (size_t)json_object_get_string_len(one))
			return bad(err, "a word is no text, or holds a zero byte");
		r->words[i] = strdup(json_object_get_string(one));
		if (!r->words[i])
			break;
		r->nr = i + 1;
	}
	return r->words && r->nr == n ? 0 : emt_err_set(err, EMT_E_NOMEM, SUBJECT, NULL, "not enough memory");
}

int emt_wire_request_parse(struct emt_wire_request *r, const char *line, size_t len, struct emt_err *err)
{
	struct json_object *obj, *colour;
	const char *verb;
	uint64_t width = 0;
	int rc = 0;

	memset(r, 0, sizeof(*r));
	if (len > EMT_WIRE_LINE)
		return bad(err, "the line is too long");
	obj = object_of(line, len);
	if (!obj)
		return bad(err, "not one JSON object on one line");
	verb = text_of(obj, "verb");
	if (!number(obj, "id", INT64_MAX, &r->id))
		rc = bad(err, "\"id\" is no number from 0 on");
	else if (!verb)
		rc = bad(err, "\"verb\" is missing");
	else if (!strcmp(verb, "run"))
		rc = take_words(r, obj, err);
	else if (!strcmp(verb, "cancel"))
		r->verb = EMT_WIRE_CANCEL;
	else if (!strcmp(verb, "ping"))
		r->verb = EMT_WIRE_PING;
	else
		rc = bad(err, "\"verb\" is none of run, cancel, ping");
	if (json_object_object_get_ex(obj, "colour", &colour))
		r->colour = json_object_is_type(colour, json_type_boolean) && json_object_get_boolean(colour);
	if (number(obj, "width", 100000, &width))
		r->width = (unsigned int)width;
	json_object_put(obj);
	return rc;
}

void emt_wire_request_free(struct emt_wire_request *r)
{
	for (size_t i = 0; i < r->nr; i++)
		free(r->words[i]);
	free(r->words);
	memset(r, 0, sizeof(*r));
}

static int take_text(struct emt_wire_reply *r, struct json_object *obj, const char *name, struct emt_err *err)
{
	struct json_object *o;

	json_object_object_get_ex(obj, name, &o);
	if (!json_object_is_type(o, json_type_string))
		return bad(err, "a piece is no text");
	r->len = (size_t)json_object_get_string_len(o);
	r->text = malloc(r->len + 1);
	if (!r->text)
		return emt_err_set(err, EMT_E_NOMEM, SUBJECT, NULL, "not enough memory");
	memcpy(r->text, json_object_get_string(o), r->len + 1);
	return 0;
}

static int take_rest(struct emt_wire_reply *r, struct json_object *obj, struct emt_err *err)
{
	struct json_object *o;
	uint64_t a = 0, b = 0;
	const char *s;

	if (json_object_object_get_ex(obj, "hello", &o) && json_object_is_type(o, json_type_object)) {
		r->kind = EMT_WIRE_HELLO;
		if (!number(o, "protocol", UINT32_MAX, &a) || !number(o, "oldest", UINT32_MAX, &b))
			return bad(err, "a hello without numbers");
		r->protocol = (unsigned int)a;
		r->oldest = (unsigned int)b;
		return 0;
	}
	if (json_object_object_get_ex(obj, "end", &o) && json_object_is_type(o, json_type_object)) {
		r->kind = EMT_WIRE_END;
		if (!number(o, "exit_status", 255, &a) || !number(o, "out_bytes", INT64_MAX, &r->out_bytes) ||
		    !number(o, "err_bytes", INT64_MAX, &r->err_bytes))
			return bad(err, "an end without its numbers");
		r->exit_status = (int)a;
		return 0;
	}
	if (json_object_object_get_ex(obj, "error", &o) && json_object_is_type(o, json_type_object)) {
		r->kind = EMT_WIRE_ERROR;
		s = text_of(o, "code");
		snprintf(r->code, sizeof(r->code), "%s", s ? s : "error");
		s = text_of(o, "text");
		snprintf(r->why, sizeof(r->why), "%s", s ? s : "");
		s = text_of(o, "next");
		snprintf(r->next, sizeof(r->next), "%s", s ? s : "");
		return 0;
	}
	return bad(err, "a reply of no known kind");
}

int emt_wire_reply_parse(struct emt_wire_reply *r, const char *line, size_t len, struct emt_err *err)
{
	struct json_object *obj, *o;
	int rc;

	memset(r, 0, sizeof(*r));
	obj = object_of(line, len);
	if (!obj)
		return bad(err, "not one JSON object on one line");
	number(obj, "id", INT64_MAX, &r->id);
	if (json_object_object_get_ex(obj, "out", &o)) {
		r->kind = EMT_WIRE_OUT;
		rc = take_text(r, obj, "out", err);
	} else if (json_object_object_get_ex(obj, "err", &o)) {
		r->kind = EMT_WIRE_ERR;
		rc = take_text(r, obj, "err", err);
	} else {
		rc = take_rest(r, obj, err);
	}
	json_object_put(obj);
	return rc;
}

void emt_wire_reply_free(struct emt_wire_reply *r)
{
	free(r->text);
	memset(r, 0, sizeof(*r));
}

/* ---- writing ---- */

/* The line of 'obj', which is put. */
static char *line_of(struct json_object *obj, size_t *len)
{
	const char *text = obj ? json_object_to_json_string_ext(
					 obj, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE) : NULL;
	size_t n = text ? strlen(text) : 0;
	char *line = text ? malloc(n + 2) : NULL;

	if (line) {
		memcpy(line, text, n);
		line[n] = '\n';
		line[n + 1] = '\0';
		if (len)
			*len = n + 1;
	}
	json_object_put(obj);
	return line;
}

static struct json_object *about(uint64_t id)
{
	struct json_object *obj = json_object_new_object();

	json_object_object_add(obj, "id", json_object_new_int64((int64_t)id));
	return obj;
}

char *emt_wire_hello(const char *server, const char *right, size_t *len)
{
	struct json_object *obj = json_object_new_object(), *h = json_object_new_object();

	json_object_object_add(h, "protocol", json_object_new_int64(EMT_WIRE_PROTOCOL));
	json_object_object_add(h, "oldest", json_object_new_int64(EMT_WIRE_OLDEST));
	json_object_object_add(h, "server", json_object_new_string(server));
	json_object_object_add(h, "right", json_object_new_string(right));
	json_object_object_add(obj, "hello", h);
	return line_of(obj, len);
}

char *emt_wire_run(uint64_t id, const char *const *words, size_t n, bool colour, unsigned int width, size_t *len)
{
	struct json_object *obj = about(id), *list = json_object_new_array();

	json_object_object_add(obj, "verb", json_object_new_string("run"));
	for (size_t i = 0; i < n; i++)
		json_object_array_add(list, json_object_new_string(words[i]));
	json_object_object_add(obj, "words", list);
	json_object_object_add(obj, "colour", json_object_new_boolean(colour));
	json_object_object_add(obj, "width", json_object_new_int64(width));
	return line_of(obj, len);
}

char *emt_wire_simple(uint64_t id, const char *verb, size_t *len)
{
	struct json_object *obj = about(id);

	json_object_object_add(obj, "verb", json_object_new_string(verb));
	return line_of(obj, len);
}

char *emt_wire_piece(uint64_t id, const char *stream, const char *text, size_t n, size_t *len)
{
	struct json_object *obj = about(id);

	json_object_object_add(obj, stream, json_object_new_string_len(text, (int)n));
	return line_of(obj, len);
}

char *emt_wire_end(uint64_t id, int exit_status, uint64_t out_bytes, uint64_t err_bytes, size_t *len)
{
	struct json_object *obj = about(id), *e = json_object_new_object();

	json_object_object_add(e, "exit_status", json_object_new_int64(exit_status));
	json_object_object_add(e, "out_bytes", json_object_new_int64((int64_t)out_bytes));
	json_object_object_add(e, "err_bytes", json_object_new_int64((int64_t)err_bytes));
	json_object_object_add(obj, "end", e);
	return line_of(obj, len);
}

char *emt_wire_error(uint64_t id, const char *code, const char *text, const char *next, size_t *len)
{
	struct json_object *obj = about(id), *e = json_object_new_object();

	json_object_object_add(e, "code", json_object_new_string(code));
	json_object_object_add(e, "text", json_object_new_string(text));
	json_object_object_add(e, "next", json_object_new_string(next ? next : ""));
	json_object_object_add(obj, "error", e);
	return line_of(obj, len);
}
