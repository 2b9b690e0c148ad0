/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/filter.h"
#include "output/sink.h"

#define MAX_SORT 8

struct emt_out {
	struct emt_out_opts opts;
	const struct emt_reply *reply;
	struct emt_view *views;
	uint64_t *counts;
	unsigned int nr;            /* sections */
	unsigned int main;          /* index of the main section */
	struct emt_filter *filter;
	struct { unsigned int col; bool down; } sort[MAX_SORT];
	unsigned int nr_sort;
	uint64_t seen;              /* records of the main section that passed the filter */
	struct emt_rec *rec;        /* lent to the handler */
	struct emt_rec **held;      /* to be sorted */
	size_t nr_held, room_held;
	char *source;
	struct emt_buffer buf;
	struct emt_sink_ctx ctx;
	const struct emt_sink_ops *ops;
	struct emt_sink *sink;
};

static int nomem(struct emt_err *err)
{
	return emt_err_set(err, EMT_E_NOMEM, "output", NULL, "not enough memory");
}

int emt_sink_io(const struct emt_buffer *buf, struct emt_err *err)
{
	errno = buf->error;
	return emt_err_errno(err, EMT_E_IO, "standard output", NULL, "cannot write");
}

/* ---- options ---- */

static int no_such(const struct emt_record_kind *kind, const char *option, const char *name,
		   struct emt_err *err)
{
	char next[200];
	size_t at = (size_t)snprintf(next, sizeof(next), "columns:");

	for (unsigned int i = 0; i < kind->nr_columns; i++) {
		const char *n = kind->columns[i].name;

		if (at + strlen(n) + 6 > sizeof(next)) {
			snprintf(next + at, sizeof(next) - at, " ...");
			break;
		}
		at += (size_t)snprintf(next + at, sizeof(next) - at, " %s", n);
	}
	return emt_err_set(err, EMT_E_USAGE, option, next, "\"%s\" is no column", name);
}

static void view_add(struct emt_view *v, unsigned int col)
{
	for (unsigned int i = 0; i < v->nr; i++)
		if (v->cols[i] == col)
			return;
	v->cols[v->nr++] = col;
}

static void view_all(struct emt_view *v, const struct emt_record_kind *kind)
{
	for (unsigned int i = 0; i < kind->nr_columns; i++)
		view_add(v, i);
}

static void view_default(struct emt_view *v, const struct emt_record_kind *kind, enum emt_out_format format)
{
	for (unsigned int i = 0; i < kind->nr_columns; i++)
		if (format != EMT_FORMAT_TEXT || (kind->columns[i].flags & EMT_COLF_SHOWN))
			view_add(v, i);
}

/* Calls 'each' with every word of a comma list. */
static int comma_list(const char *text, struct emt_out *out,
		      int (*each)(struct emt_out *, const char *, struct emt_err *), struct emt_err *err)
{
	char *copy = strdup(text), *save = NULL;
	int rc = copy ? 0 : nomem(err);

	for (char *w = copy ? strtok_r(copy, ", ", &save) : NULL; w && !rc; w = strtok_r(NULL, ", ", &save))
		rc = each(out, w, err);
	free(copy);
	return rc;
}

static int choose_column(struct emt_out *out, const char *name, struct emt_err *err)
{
	const struct emt_record_kind *kind = out->reply->sections[out->main].kind;
	struct emt_view *v = &out->views[out->main];
	int col = emt_kind_column(kind, name);

	if (!strcmp(name, "all")) {
		view_all(v, kind);
		return 0;
	}
	if (col < 0)
		return no_such(kind, "--columns", name, err);
	view_add(v, (unsigned int)col);
	return 0;
}

static int choose_sort(struct emt_out *out, const char *name, struct emt_err *err)
{
	const struct emt_record_kind *kind = out->reply->sections[out->main].kind;
	bool down = *name == '-';
	int col = emt_kind_column(kind, name + down);

	if (col < 0)
		return no_such(kind, "--sort", name + down, err);
	if (out->nr_sort == MAX_SORT)
		return emt_err_set(err, EMT_E_USAGE, "--sort", NULL, "at most %d columns", MAX_SORT);
	out->sort[out->nr_sort].col = (unsigned int)col;
	out->sort[out->nr_sort++].down = down;
	return 0;
}

static int set_up(struct emt_out *out, struct emt_err *err)
{
	const struct emt_out_opts *o = &out->opts;
	const char *columns = o->columns;
	const struct emt_record_kind *main;
	int rc = 0;

	out->views = calloc(out->nr, sizeof(*out->views));
	out->counts = calloc(out->nr, sizeof(*out->counts));
	if (!out->views || !out->counts)
		return nomem(err);
	for (unsigned int i = 0; i < out->nr; i++) {
		const struct emt_section *s = &out->reply->sections[i];

		out->views[i].cols = calloc(s->kind->nr_columns, sizeof(unsigned int));
		if (!out->views[i].cols)
			return nomem(err);
		if (s->flags & EMT_SECTION_MAIN)
			out->main = i;
		view_default(&out->views[i], s->kind, o->format);
	}
	main = out->reply->sections[out->main].kind;
	if (columns) {
		out->views[out->main].chosen = true;
		if (*columns == '+')
			columns++;
		else
			out->views[out->main].nr = 0;
		rc = comma_list(columns, out, choose_column, err);
		if (!rc && !out->views[out->main].nr)
			return emt_err_set(err, EMT_E_USAGE, "--columns", NULL,
					   "the list of columns is empty");
	}
	if (!rc && o->sort)
		rc = comma_list(o->sort, out, choose_sort, err);
	if (!rc && o->where)
		rc = emt_filter_new(&out->filter, main, o->where, "--where", err);
	return rc;
}

int emt_out_new(struct emt_out **res, const struct emt_out_opts *opts, const struct emt_reply *reply,
		struct emt_err *err)
{
	static const struct emt_sink_ops *const formats[] = {
		[EMT_FORMAT_TEXT] = &emt_sink_text, [EMT_FORMAT_JSON] = &emt_sink_json,
		[EMT_FORMAT_NDJSON] = &emt_sink_ndjson,
	};
	struct emt_out *out = calloc(1, sizeof(*out));

	*res = out;
	if (!out)
		return nomem(err);
	out->opts = *opts;
	out->reply = reply;
	out->nr = reply ? reply->nr_sections : 0;
	emt_buffer_init(&out->buf, opts->write, opts->arg);
	out->ops = formats[opts->format];
	out->ctx.opts = &out->opts;
	out->ctx.reply = reply;
	out->ctx.buf = &out->buf;
	return out->nr ? set_up(out, err) : 0;
}

void emt_out_free(struct emt_out *out)
{
	if (!out)
		return;
	if (out->sink)
		out->ops->close(out->sink);
	for (size_t i = 0; i < out->nr_held; i++)
		emt_rec_free(out->held[i]);
	for (unsigned int i = 0; out->views && i < out->nr; i++)
		free(out->views[i].cols);
	free(out->held);
	free(out->views);
	free(out->counts);
	free(out->source);
	emt_rec_free(out->rec);
	emt_filter_free(out->filter);
	emt_buffer_free(&out->buf);
	free(out);
}

void emt_out_source(struct emt_out *out, const char *source)
{
	free(out->source);
	out->source = source ? strdup(source) : NULL;
}

void emt_out_variant(struct emt_out *out, unsigned int variant)
{
	out->ctx.variant = variant;
}

void emt_out_show(struct emt_out *out, const struct emt_record_kind *kind, unsigned int col)
{
	for (unsigned int i = 0; i < out->nr; i++) {
		struct emt_view *v = &out->views[i];

		if (out->reply->sections[i].kind != kind || v->chosen)
			continue;
		/* Columns are shown in the order of their declaration. */
		view_add(v, col);
		for (unsigned int k = v->nr; k > 1 && v->cols[k - 1] < v->cols[k - 2]; k--) {
			unsigned int t = v->cols[k - 1];

			v->cols[k - 1] = v->cols[k - 2];
			v->cols[k - 2] = t;
		}
	}
}

bool emt_out_columns_chosen(const struct emt_out *out)
{
	return out->nr && out->views[out->main].chosen;
}

/* ---- records ---- */

static int open_sink(struct emt_out *out, struct emt_err *err)
{
	if (out->sink)
		return 0;
	out->ctx.views = out->views;
	out->ctx.counts = out->counts;
	out->ctx.source = out->source;
	out->sink = out->ops->open(&out->ctx);
	return out->sink ? 0 : nomem(err);
}

struct emt_rec *emt_out_rec(struct emt_out *out, const struct emt_record_kind *kind)
{
	if (out->rec && emt_rec_kind(out->rec) == kind) {
		emt_rec_reset(out->rec);
		return out->rec;
	}
	emt_rec_free(out->rec);
	out->rec = emt_rec_new(kind);
	return out->rec;
}

static int order(const void *a, const void *b, void *arg)
{
	const struct emt_out *out = arg;

	for (unsigned int i = 0; i < out->nr_sort; i++) {
		int d = emt_rec_compare(*(struct emt_rec *const *)a, *(struct emt_rec *const *)b,
					out->sort[i].col);

		if (d)
			return out->sort[i].down ? -d : d;
	}
	return 0;
}

/* Stable: equal records keep the order in which they came. */
static int sort_held(struct emt_out *out)
{
	size_t n = out->nr_held;
	struct emt_rec **from = out->held, **to = malloc((n ? n : 1) * sizeof(*to)), **spare = to;

	if (!to)
		return -1;
	for (size_t w = 1; w < n; w *= 2) {
		struct emt_rec **t;

		for (size_t i = 0; i < n; i += 2 * w) {
			size_t a = i, mid = i + w < n ? i + w : n, b = mid,
			       end = i + 2 * w < n ? i + 2 * w : n;

			for (size_t k = i; k < end; k++)
				to[k] = b >= end || (a < mid && order(&from[a], &from[b], out) <= 0) ?
					from[a++] : from[b++];
		}
		t = from;
		from = to;
		to = t;
	}
	if (from != out->held)
		memcpy(out->held, from, n * sizeof(*from));
	free(spare);
	return 0;
}

/* Hold for sorting. With a limit no more than twice as many are kept. */
static int hold(struct emt_out *out, struct emt_rec *rec, struct emt_err *err)
{
	uint64_t limit = out->opts.limit;

	if (out->nr_held == out->room_held) {
		size_t room = out->room_held ? out->room_held * 2 : 256;
		struct emt_rec **v = realloc(out->held, room * sizeof(*v));

		if (!v)
			return nomem(err);
		out->held = v;
		out->room_held = room;
	}
	out->held[out->nr_held++] = rec;
	out->rec = NULL;
	if (limit && limit < SIZE_MAX / 4 && out->nr_held >= 2 * limit + 256) {
		if (sort_held(out))
			return nomem(err);
		while (out->nr_held > limit)
			emt_rec_free(out->held[--out->nr_held]);
	}
	return 0;
}

static int deliver(struct emt_out *out, unsigned int section, const struct emt_rec *rec, struct emt_err *err)
{
	int rc = open_sink(out, err);

	if (rc)
		return rc;
	out->counts[section]++;
	if (out->opts.record)
		out->opts.record(out->opts.arg, rec);
	return out->ops->put(out->sink, section, rec, err);
}

int emt_out_put(struct emt_out *out, struct emt_rec *rec, struct emt_err *err)
{
	unsigned int section = 0;
	int rc;

	if (!rec)
		return nomem(err);
	while (section < out->nr && out->reply->sections[section].kind != emt_rec_kind(rec))
		section++;
	if (section == out->nr)
		return emt_err_set(err, EMT_E_INTERNAL, emt_rec_kind(rec)->name, "please report this",
				   "the command does not declare this kind of record");
	rc = emt_rec_check(rec, err);
	if (rc)
		return rc;
	if (section != out->main)
		return deliver(out, section, rec, err);
	if (out->filter && !emt_filter_match(out->filter, rec))
		return 0;
	out->seen++;
	if (out->nr_sort)
		return hold(out, rec, err);
	if (out->opts.limit && out->seen > out->opts.limit)
		return 0;
	return deliver(out, section, rec, err);
}

int emt_out_begin(struct emt_out *out, struct emt_err *err)
{
	int rc = open_sink(out, err);

	if (!rc && out->ops->begin)
		rc = out->ops->begin(out->sink, err);
	emt_out_flush(out);
	return rc;
}

void emt_out_flush(struct emt_out *out)
{
	if (out->opts.format != EMT_FORMAT_JSON)
		emt_buffer_flush(&out->buf);
}

bool emt_out_enough(const struct emt_out *out)
{
	return !out->nr_sort && out->opts.limit && out->seen >= out->opts.limit;
}

static int deliver_held(struct emt_out *out, struct emt_err *err)
{
	int rc = 0;

	if (!out->nr_held)
		return 0;
	if (sort_held(out))
		return nomem(err);
	for (size_t i = 0; i < out->nr_held && !rc; i++)
		if (!out->opts.limit || i < out->opts.limit)
			rc = deliver(out, out->main, out->held[i], err);
	return rc;
}

int emt_out_finish(struct emt_out *out, const struct emt_out_end *end, struct emt_err *err)
{
	int rc = deliver_held(out, err);

	if (!rc)
		rc = open_sink(out, err);
	if (!rc)
		rc = out->ops->finish(out->sink, end, err);
	if (!rc && emt_buffer_flush(&out->buf))
		rc = emt_sink_io(&out->buf, err);
	return rc;
}

int emt_out_errno(const struct emt_out *out)
{
	return out->buf.error;
}
