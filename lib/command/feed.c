/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/feed.h"

#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output/format.h"

#define LINE_MAX_BYTES (4u << 20)
#define TURN 200 /* milliseconds: how soon a cancel is noticed */

struct emt_feed {
	struct emt_ctx *ctx;
	int fd;
	char *buf;
	size_t used, room, taken;
	char name[32]; /* of the line given out last */
};

int emt_feed_open(struct emt_feed **out, struct emt_ctx *ctx)
{
	struct emt_feed *f;

	*out = NULL;
	if (!ctx->env->feed)
		return emt_err_set(ctx->err, EMT_E_NOSOURCE, "emtd", "systemctl start emtd; EMTD_SOCKET names its socket",
				   "only a running emtd knows this, and none answers");
	f = calloc(1, sizeof(*f));
	if (!f)
		return emt_err_set(ctx->err, EMT_E_NOMEM, ctx->args->cmd->name, NULL, "not enough memory");
	f->ctx = ctx;
	f->fd = *ctx->env->feed;
	*out = f;
	return 0;
}

void emt_feed_close(struct emt_feed *f)
{
	if (!f)
		return;
	free(f->buf);
	free(f);
}

/* 1 = a line, ended by a zero byte; 0 = the end, or a cancel. */
static int read_line(struct emt_feed *f, char **line)
{
	f->used -= f->taken;
	if (f->taken)
		memmove(f->buf, f->buf + f->taken, f->used);
	f->taken = 0;
	for (;;) {
		char *end = f->used ? memchr(f->buf, '\n', f->used) : NULL;
		struct pollfd p = { .fd = f->fd, .events = POLLIN };
		ssize_t n;

		if (end) {
			*end = '\0';
			*line = f->buf;
			f->taken = (size_t)(end - f->buf) + 1;
			return 1;
		}
		if (f->ctx->env->cancel && *f->ctx->env->cancel)
			return 0;
		if (f->used == f->room) {
			size_t room = f->room ? f->room * 2 : 65536;
			char *more = room > LINE_MAX_BYTES ? NULL : realloc(f->buf, room);

			if (!more)
				return emt_err_set(f->ctx->err, EMT_E_FORMAT, "emtd", NULL, "says too much on one line");
			f->buf = more;
			f->room = room;
		}
		n = poll(&p, 1, TURN);
		if (!n || (n < 0 && errno == EINTR))
			continue;
		n = n < 0 ? n : read(f->fd, f->buf + f->used, f->room - f->used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		f->used += (size_t)n;
	}
}

static const char *text_of(struct json_object *o, const char *name)
{
	struct json_object *v;

	return json_object_object_get_ex(o, name, &v) && v ? json_object_get_string(v) : "";
}

int emt_feed_next(struct emt_feed *f, const char **name, struct json_object **value)
{
	struct json_object *obj;
	char *line = NULL;
	int rc = read_line(f, &line);

	*value = NULL;
	if (rc <= 0)
		return rc;
	obj = json_tokener_parse(line);
	if (!json_object_is_type(obj, json_type_object) || json_object_object_length(obj) != 1) {
		json_object_put(obj);
		return emt_err_set(f->ctx->err, EMT_E_FORMAT, "emtd", "install emtctl and emtd of one version",
				   "says what this program does not understand");
	}
	json_object_object_foreach(obj, key, v) {
		strncpy(f->name, key, sizeof(f->name) - 1);
		*value = json_object_get(v);
	}
	json_object_put(obj);
	*name = f->name;
	if (strcmp(f->name, "error"))
		return 1;
	rc = emt_err_set(f->ctx->err, EMT_E_UNSUPPORTED, "emtd", text_of(*value, "next"), "%s", text_of(*value, "text"));
	json_object_put(*value);
	*value = NULL;
	return rc;
}

static void set(struct emt_rec *rec, unsigned int col, const struct emt_column *c, struct json_object *v)
{
	int64_t t = 0;

	switch (c->type) {
	case EMT_COL_BOOL: emt_rec_bool(rec, col, json_object_get_boolean(v)); break;
	case EMT_COL_NUMBER:
	case EMT_COL_BYTES:
	case EMT_COL_FRAME: emt_rec_u64(rec, col, (uint64_t)json_object_get_int64(v)); break;
	case EMT_COL_STRING: emt_rec_str(rec, col, v ? json_object_get_string(v) : ""); break;
	case EMT_COL_TIME:
		if (v && !emt_parse_time(json_object_get_string(v), &t))
			emt_rec_time(rec, col, t);
		break;
	default: break;
	}
}

void emt_rec_from_json(struct emt_rec *rec, struct json_object *obj)
{
	const struct emt_record_kind *kind = emt_rec_kind(rec);

	for (unsigned int i = 0; i < kind->nr_columns; i++) {
		struct json_object *v = NULL;

		json_object_object_get_ex(obj, kind->columns[i].name, &v);
		if (v || !(kind->columns[i].flags & EMT_COLF_NULL))
			set(rec, i, &kind->columns[i], v);
	}
}
