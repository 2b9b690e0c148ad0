/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text: tables by libsmartcols in batches, so that a long output streams; kinds
 * with a layout of their own are written by that.
 */
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/sink.h"

#define BATCH 2000       /* rows a table is printed at a time */
#define CELL 4096
#define PROSE 28         /* narrowest column that prose is wrapped into */

struct emt_sink {
	struct emt_sink_ctx *ctx;
	struct emt_text text;
	int section;                 /* of the table being filled or of the last record, -1 none */
	struct libscols_table *tb;   /* NULL between tables */
	unsigned int rows;
	size_t *widest;              /* columns of the widest cell, one a column; owned */
	unsigned int prose;          /* column that may be wrapped, its number + 1; 0 = none */
	char cell[CELL];
};

static struct emt_sink *open_text(struct emt_sink_ctx *ctx)
{
	struct emt_sink *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->ctx = ctx;
	s->section = -1;
	s->text.buf = ctx->buf;
	s->text.colour = ctx->opts->colour;
	s->text.width = ctx->opts->width;
	s->text.blank = true;
	return s;
}

static int nomem(struct emt_err *err)
{
	return emt_err_set(err, EMT_E_NOMEM, "output", NULL, "not enough memory");
}

/* GFN for gfn: headings are the names of the columns as -o takes them. */
static int new_table(struct emt_sink *s, unsigned int section, struct emt_err *err)
{
	const struct emt_record_kind *kind = s->ctx->reply->sections[section].kind;
	const struct emt_view *v = &s->ctx->views[section];

	s->tb = scols_new_table();
	if (!s->tb)
		return nomem(err);
	scols_table_enable_colors(s->tb, s->ctx->opts->colour);
	/* Nothing is cut: a terminal that is too narrow wraps lines itself. */
	scols_table_set_termforce(s->tb, SCOLS_TERMFORCE_NEVER);
	free(s->widest);
	s->widest = calloc(v->nr ? v->nr : 1, sizeof(*s->widest));
	if (!s->widest)
		return nomem(err);
	s->prose = 0;
	for (unsigned int i = 0; i < v->nr; i++) {
		const struct emt_column *c = &kind->columns[v->cols[i]];
		bool last = i + 1 == v->nr;
		int flags = 0;
		char *name = strdup(c->name);

		if (!name)
			return nomem(err);
		for (char *p = name; *p; p++)
			*p = *p == '_' ? '-' : *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
		if ((c->flags & EMT_COLF_RIGHT) || c->type == EMT_COL_NUMBER || c->type == EMT_COL_BYTES ||
		    c->type == EMT_COL_FRAME)
			flags |= SCOLS_FL_RIGHT;
		if ((c->flags & EMT_COLF_WRAP) && last)
			s->prose = i + 1;
		s->widest[i] = strlen(name) > c->width ? strlen(name) : c->width;
		if (!scols_table_new_column(s->tb, name, c->width, flags)) {
			free(name);
			return nomem(err);
		}
		free(name);
	}
	s->rows = 0;
	return 0;
}

/* Blanks become line ends so that lines fit; words stay whole. */
static void break_lines(char *text, size_t width)
{
	char *blank = NULL;
	char *start = text;

	for (char *p = text; *p; p++) {
		if (*p == ' ' && emt_text_columns(start, (size_t)(p - start)) > width && blank) {
			*blank = '\n';
			start = blank + 1;
		}
		if (*p == ' ')
			blank = p;
	}
	if (blank && emt_text_columns(start, strlen(start)) > width)
		*blank = '\n';
}

/* On a terminal prose in the last column is wrapped, if the others leave room. */
static void wrap_prose(struct emt_sink *s, unsigned int nr)
{
	unsigned int width = s->ctx->opts->width;
	struct libscols_column *cl = s->prose ? scols_table_get_column(s->tb, s->prose - 1) : NULL;
	size_t others = 0;

	if (!cl || !width)
		return;
	for (unsigned int i = 0; i + 1 < nr; i++)
		others += s->widest[i] + 1;
	if (others + PROSE > width)
		return;
	for (size_t i = 0; i < scols_table_get_nlines(s->tb); i++) {
		struct libscols_cell *cell = scols_line_get_cell(scols_table_get_line(s->tb, i), s->prose - 1);

		snprintf(s->cell, sizeof(s->cell), "%s", scols_cell_get_data(cell));
		break_lines(s->cell, width - others);
		scols_cell_set_data(cell, s->cell);
	}
	scols_column_set_flags(cl, scols_column_get_flags(cl) | SCOLS_FL_WRAP);
	scols_column_set_safechars(cl, "\n");
	scols_column_set_wrapfunc(cl, scols_wrapnl_chunksize, scols_wrapnl_nextchunk, NULL);
}

/* Print the rows gathered. Widths found stay for the batches that follow. */
static int flush_table(struct emt_sink *s, bool last, struct emt_err *err)
{
	struct libscols_iter *it;
	struct libscols_column *cl;
	char *data = NULL;
	int rc = 0;

	if (!s->tb)
		return 0;
	if (s->rows) {
		wrap_prose(s, s->ctx->views[s->section].nr);
		if (scols_print_table_to_string(s->tb, &data))
			return nomem(err);
		if (emt_buffer_puts(s->ctx->buf, data) || emt_buffer_puts(s->ctx->buf, "\n"))
			rc = emt_sink_io(s->ctx->buf, err);
		free(data);
		s->text.blank = false;
		}
	if (last || rc) {
		scols_unref_table(s->tb);
		s->tb = NULL;
		return rc;
	}
	it = scols_new_iter(SCOLS_ITER_FORWARD);
	if (!it)
		return nomem(err);
	while (!scols_table_next_column(s->tb, it, &cl))
		scols_column_set_whint(cl, (double)scols_column_get_width(cl));
	scols_free_iter(it);
	scols_table_remove_lines(s->tb);
	scols_table_enable_noheadings(s->tb, 1);
	s->rows = 0;
	return 0;
}

static int table_row(struct emt_sink *s, unsigned int section, const struct emt_rec *rec, struct emt_err *err)
{
	const struct emt_record_kind *kind = emt_rec_kind(rec);
	const struct emt_view *v = &s->ctx->views[section];
	struct libscols_line *ln = scols_table_new_line(s->tb, NULL);

	if (!ln)
		return nomem(err);
	for (unsigned int i = 0; i < v->nr; i++) {
		const struct emt_column *c = &kind->columns[v->cols[i]];
		size_t cols;

		emt_rec_cell(rec, v->cols[i], true, s->cell, sizeof(s->cell));
		if (scols_line_set_data(ln, i, s->cell))
			return nomem(err);
		cols = emt_text_columns(s->cell, strlen(s->cell));
		if (cols > s->widest[i])
			s->widest[i] = cols;
		if (c->style && s->text.colour) {
			const char *escape = emt_style_escape(c->style(s->cell));

			if (*escape)
				scols_cell_set_color(scols_line_get_cell(ln, i), escape);
		}
	}
	return ++s->rows >= BATCH ? flush_table(s, false, err) : 0;
}

/* A single record without a layout: a line for each column. */
static void name_value(struct emt_sink *s, unsigned int section, const struct emt_rec *rec)
{
	const struct emt_record_kind *kind = emt_rec_kind(rec);
	const struct emt_view *v = &s->ctx->views[section];

	for (unsigned int i = 0; i < v->nr; i++) {
		if (!emt_rec_has(rec, v->cols[i]) && !v->chosen)
			continue;
		emt_rec_cell(rec, v->cols[i], true, s->cell, sizeof(s->cell));
		emt_text_printf(&s->text, "%-16s %s\n", kind->columns[v->cols[i]].name, s->cell);
	}
}

static int put_text(struct emt_sink *s, unsigned int section, const struct emt_rec *rec, struct emt_err *err)
{
	const struct emt_section *sec = &s->ctx->reply->sections[section];
	bool chosen = s->ctx->views[section].chosen;
	int rc;

	/* With columns of one's own the table is all there is. */
	for (unsigned int i = 0; i < s->ctx->reply->nr_sections; i++)
		if (s->ctx->views[i].chosen && i != section)
			return 0;
	if (s->section != (int)section) {
		rc = flush_table(s, true, err);
		if (rc)
			return rc;
		if ((s->section >= 0 || sec->title) && !(sec->flags & EMT_SECTION_TIGHT))
			emt_text_gap(&s->text);
		if (sec->title && !chosen) {
			emt_text_puts(&s->text, EMT_STYLE_STRONG, sec->title);
			emt_text_printf(&s->text, "\n");
		}
		s->section = (int)section;
	}
	if (!chosen && sec->kind->layout) {
		rc = sec->kind->layout(rec, &s->text, s->ctx->variant);
		if (rc)
			return emt_err_set(err, rc, sec->kind->name, NULL, "cannot lay out a record");
	} else if (!chosen && (sec->flags & EMT_SECTION_ONE)) {
		name_value(s, section, rec);
	} else {
		rc = s->tb ? 0 : new_table(s, section, err);
		if (!rc)
			rc = table_row(s, section, rec, err);
		if (rc)
			return rc;
	}
	return s->ctx->buf->error ? emt_sink_io(s->ctx->buf, err) : 0;
}

static int finish_text(struct emt_sink *s, const struct emt_out_end *end, struct emt_err *err)
{
	(void)end;
	return flush_table(s, true, err);
}

static void close_text(struct emt_sink *s)
{
	if (s->tb)
		scols_unref_table(s->tb);
	free(s->widest);
	free(s);
}

const struct emt_sink_ops emt_sink_text = { open_text, put_text, finish_text, close_text, NULL };
