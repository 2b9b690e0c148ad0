/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON: one document; NDJSON: a header line, a line a record, an end line. Both
 * build one small object at a time, so that memory does not grow with the guest.
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "output/format.h"
#include "output/sink.h"

#define STYLE (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

struct emt_sink {
	struct emt_sink_ctx *ctx;
	bool begun;               /* head (or header line) written */
	int open;                 /* JSON: section whose list is being written, -1 none */
	struct emt_buffer *later; /* JSON: the other sections, one each */
};

/* ---- values ---- */

/* Length of the UTF-8 sequence at 's', 0 if it is none. */
static size_t utf8_len(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 :
		   s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/* json-c passes bytes through; names from guests and files may be no UTF-8. */
static struct json_object *text_value(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	struct json_object *obj;
	char *copy, *to;
	size_t n;

	while (*p && (n = utf8_len(p)))
		p += n;
	if (!*p)
		return json_object_new_string(s);
	copy = to = malloc(strlen(s) * 3 + 1);
	if (!copy)
		return NULL;
	for (p = (const unsigned char *)s; *p; p += n ? n : 1) {
		n = utf8_len(p);
		memcpy(to, n ? (const char *)p : "\xef\xbf\xbd", n ? n : 3);
		to += n ? n : 3;
	}
	*to = '\0';
	obj = json_object_new_string(copy);
	free(copy);
	return obj;
}

static struct json_object *record(const struct emt_rec *rec, const struct emt_view *view);

static struct json_object *value(const struct emt_rec *rec, unsigned int col)
{
	const struct emt_column *c = &emt_rec_kind(rec)->columns[col];
	struct json_object *list;
	char text[40];

	if (!emt_rec_has(rec, col))
		return NULL;
	switch (c->type) {
	case EMT_COL_BOOL:
		return json_object_new_boolean(emt_rec_get_bool(rec, col));
	case EMT_COL_NUMBER:
	case EMT_COL_BYTES:
	case EMT_COL_FRAME:
		return json_object_new_uint64(emt_rec_get_u64(rec, col));
	case EMT_COL_HEX:
	case EMT_COL_TIME:
		return json_object_new_string(emt_rec_cell(rec, col, false, text, sizeof(text)));
	case EMT_COL_STRING:
		return text_value(emt_rec_get_str(rec, col));
	case EMT_COL_OBJECT:
		return record(emt_rec_obj(rec, col), NULL);
	case EMT_COL_STRINGS:
	case EMT_COL_LIST:
		break;
	}
	list = json_object_new_array();
	for (size_t i = 0; list && i < emt_rec_count(rec, col); i++)
		json_object_array_add(list, c->type == EMT_COL_STRINGS
						    ? text_value(emt_rec_str_at(rec, col, i))
						    : record(emt_rec_at(rec, col, i), NULL));
	return list;
}

static void add_columns(struct json_object *obj, const struct emt_rec *rec, const struct emt_view *view)
{
	const struct emt_record_kind *kind = emt_rec_kind(rec);
	unsigned int n = view ? view->nr : kind->nr_columns;

	for (unsigned int i = 0; i < n; i++) {
		unsigned int col = view ? view->cols[i] : i;

		json_object_object_add_ex(obj, kind->columns[col].name, value(rec, col),
					  JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY);
	}
}

static struct json_object *record(const struct emt_rec *rec, const struct emt_view *view)
{
	struct json_object *obj = json_object_new_object();

	if (obj)
		add_columns(obj, rec, view);
	return obj;
}

/* ---- envelope ---- */

static struct json_object *optional_text(const char *s)
{
	return s && *s ? text_value(s) : NULL;
}

static void add_head(struct json_object *obj, const struct emt_sink_ctx *ctx)
{
	struct json_object *tool = json_object_new_object(), *argv = json_object_new_array();
	struct json_object *version = json_object_new_array();
	char time[40];

	json_object_object_add(obj, "schema",
			       json_object_new_string(ctx->reply ? ctx->reply->schema : "emt.error"));
	json_object_array_add(version, json_object_new_int(ctx->reply ? ctx->reply->major : 1));
	json_object_array_add(version, json_object_new_int(ctx->reply ? ctx->reply->minor : 0));
	json_object_object_add(obj, "schema_version", version);
	json_object_object_add(tool, "name", text_value(ctx->opts->tool));
	json_object_object_add(tool, "version", text_value(ctx->opts->version));
	for (size_t i = 0; i < ctx->opts->argc; i++)
		json_object_array_add(argv, text_value(ctx->opts->argv[i]));
	json_object_object_add(tool, "argv", argv);
	json_object_object_add(obj, "tool", tool);
	json_object_object_add(obj, "source", optional_text(ctx->source));
	json_object_object_add(
		obj, "time",
		ctx->opts->time ? json_object_new_string(emt_fmt_time(ctx->opts->time, time, sizeof(time)))
				: NULL);
}

static void add_tail(struct json_object *obj, const struct emt_out_end *end)
{
	const struct emt_err *e = end->err && end->err->code ? end->err : NULL;
	struct json_object *err = NULL;

	json_object_object_add(obj, "exit_status", json_object_new_int(end->exit_status));
	json_object_object_add(obj, "complete", json_object_new_boolean(end->complete));
	if (e) {
		err = json_object_new_object();
		json_object_object_add(err, "code", json_object_new_string(emt_errcode_name(e->code)));
		json_object_object_add(err, "subject", optional_text(e->subject));
		json_object_object_add(err, "text", text_value(e->text));
		json_object_object_add(err, "next", optional_text(e->next));
		json_object_object_add(err, "line", e->line ? json_object_new_uint64(e->line) : NULL);
		json_object_object_add(err, "column", e->column ? json_object_new_uint64(e->column) : NULL);
	}
	json_object_object_add(obj, "error", err);
}

/* Print 'obj' into 'buf' from byte 'skip' to 'drop' bytes before its end; frees it. */
static int print(struct emt_buffer *buf, struct json_object *obj, size_t skip, size_t drop)
{
	const char *text;
	size_t len;
	int rc = -1;

	text = obj ? json_object_to_json_string_length(obj, STYLE, &len) : NULL;
	if (text && len >= skip + drop)
		rc = emt_buffer_put(buf, text + skip, len - skip - drop);
	json_object_put(obj);
	return rc;
}

static int failed(struct emt_sink *s, struct emt_err *err)
{
	if (s->ctx->buf->error)
		return emt_sink_io(s->ctx->buf, err);
	return emt_err_set(err, EMT_E_NOMEM, "output", NULL, "not enough memory");
}

static void close_sink(struct emt_sink *s)
{
	for (unsigned int i = 0; s->later && i < s->ctx->reply->nr_sections; i++)
		emt_buffer_free(&s->later[i]);
	free(s->later);
	free(s);
}

/* ---- JSON ---- */

static struct emt_sink *json_open(struct emt_sink_ctx *ctx)
{
	struct emt_sink *s = calloc(1, sizeof(*s));
	unsigned int n = ctx->reply ? ctx->reply->nr_sections : 0;

	if (!s)
		return NULL;
	s->ctx = ctx;
	s->open = -1;
	if (n) {
		s->later = calloc(n, sizeof(*s->later));
		if (!s->later) {
			free(s);
			return NULL;
		}
		for (unsigned int i = 0; i < n; i++)
			emt_buffer_init(&s->later[i], NULL, NULL);
	}
	return s;
}

/* Everything up to "data": without the closing brace. */
static int json_head(struct emt_sink *s)
{
	struct json_object *head = json_object_new_object();

	add_head(head, s->ctx);
	s->begun = true;
	if (print(s->ctx->buf, head, 0, 1))
		return -1;
	return emt_buffer_puts(s->ctx->buf, ",\n\"data\":");
}

/* The section that comes first is streamed; what comes for others meanwhile is
 * kept as text until the end. */
static int json_put(struct emt_sink *s, unsigned int section, const struct emt_rec *rec, struct emt_err *err)
{
	const struct emt_section *sec = &s->ctx->reply->sections[section];
	struct emt_buffer *buf = s->ctx->buf;

	if (!s->begun) {
		if (json_head(s))
			return failed(s, err);
		s->open = (int)section;
		emt_buffer_printf(buf, "{\"%s\":%s", sec->key, sec->flags & EMT_SECTION_ONE ? "" : "[");
	}
	if (s->open != (int)section)
		buf = &s->later[section];
	if (!(sec->flags & EMT_SECTION_ONE))
		emt_buffer_puts(buf, s->ctx->counts[section] > 1 ? ",\n" : "\n");
	if (print(buf, record(rec, &s->ctx->views[section]), 0, 0))
		return failed(s, err);
	return 0;
}

static int json_finish(struct emt_sink *s, const struct emt_out_end *end, struct emt_err *err)
{
	unsigned int n = s->ctx->reply ? s->ctx->reply->nr_sections : 0;
	bool error = end->err && end->err->code;
	struct emt_buffer *buf = s->ctx->buf;
	struct json_object *tail;

	if (!s->begun) {
		if (json_head(s))
			return failed(s, err);
		if (error || !n)
			emt_buffer_puts(buf, "null");
		else
			emt_buffer_puts(buf, "{");
	} else if (n && !(s->ctx->reply->sections[s->open].flags & EMT_SECTION_ONE)) {
		emt_buffer_puts(buf, "\n]");
	}
	if (s->open >= 0 || (!error && n)) {
		bool comma = s->open >= 0;

		for (unsigned int i = 0; i < n; i++) {
			const struct emt_section *sec = &s->ctx->reply->sections[i];
			bool one = sec->flags & EMT_SECTION_ONE;

			if ((int)i == s->open)
				continue;
			emt_buffer_printf(buf, "%s\n\"%s\":%s", comma ? "," : "", sec->key, one ? "" : "[");
			if (s->later[i].used)
				emt_buffer_put(buf, s->later[i].data, s->later[i].used);
			else if (one)
				emt_buffer_puts(buf, "null");
			emt_buffer_puts(buf, one ? "" : s->later[i].used ? "\n]" : "]");
			comma = true;
		}
		emt_buffer_puts(buf, "}");
	}
	emt_buffer_puts(buf, ",\n");
	tail = json_object_new_object();
	add_tail(tail, end);
	if (print(buf, tail, 1, 0) || emt_buffer_puts(buf, "\n"))
		return failed(s, err);
	return 0;
}

const struct emt_sink_ops emt_sink_json = { json_open, json_put, json_finish, close_sink, NULL };

/* ---- NDJSON ---- */

static struct emt_sink *ndjson_open(struct emt_sink_ctx *ctx)
{
	struct emt_sink *s = calloc(1, sizeof(*s));

	if (s)
		s->ctx = ctx;
	return s;
}

static int line(struct emt_sink *s, struct json_object *obj, struct emt_err *err)
{
	if (print(s->ctx->buf, obj, 0, 0) || emt_buffer_puts(s->ctx->buf, "\n"))
		return failed(s, err);
	return 0;
}

static struct json_object *tagged(const char *word)
{
	struct json_object *obj = json_object_new_object();

	json_object_object_add(obj, "record", json_object_new_string(word));
	return obj;
}

static int ndjson_head(struct emt_sink *s, struct emt_err *err)
{
	struct json_object *head;

	if (s->begun)
		return 0;
	s->begun = true;
	head = tagged("header");
	add_head(head, s->ctx);
	return line(s, head, err);
}

static int ndjson_put(struct emt_sink *s, unsigned int section, const struct emt_rec *rec,
		      struct emt_err *err)
{
	struct json_object *obj;
	int rc = ndjson_head(s, err);

	if (rc)
		return rc;
	obj = tagged(emt_rec_kind(rec)->name);
	add_columns(obj, rec, &s->ctx->views[section]);
	return line(s, obj, err);
}

static int ndjson_finish(struct emt_sink *s, const struct emt_out_end *end, struct emt_err *err)
{
	struct json_object *tail, *counts;
	int rc = ndjson_head(s, err);

	if (rc)
		return rc;
	tail = tagged("end");
	counts = json_object_new_object();
	for (unsigned int i = 0; s->ctx->reply && i < s->ctx->reply->nr_sections; i++)
		json_object_object_add(counts, s->ctx->reply->sections[i].kind->name,
				       json_object_new_uint64(s->ctx->counts ? s->ctx->counts[i] : 0));
	json_object_object_add(tail, "counts", counts);
	add_tail(tail, end);
	return line(s, tail, err);
}

static void ndjson_close(struct emt_sink *s)
{
	free(s);
}

const struct emt_sink_ops emt_sink_ndjson = { ndjson_open, ndjson_put, ndjson_finish, ndjson_close, ndjson_head };
