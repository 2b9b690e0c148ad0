/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Record kinds and records: the one declaration of everything a command can say.
 *
 * A kind lists its columns with type, unit and help. From it come the text table,
 * -o and --sort, the names and types of --where, JSON, NDJSON, help, and later the
 * schema. A handler fills a record column by column and knows no format.
 *
 * In JSON a column of a kind is always there (unless -o chose others); one that
 * may have no value is declared EMT_COLF_NULL and is then null. Types never
 * change: a list is a list with one element too.
 */
#ifndef EMT_OUTPUT_RECORD_H
#define EMT_OUTPUT_RECORD_H

#include "base/err.h"
#include "base/types.h"

enum emt_coltype {
	EMT_COL_BOOL,    /* JSON true, false; text yes, no */
	EMT_COL_NUMBER,  /* unsigned; JSON number, text decimal */
	EMT_COL_BYTES,   /* unsigned; JSON number, text with a binary unit */
	EMT_COL_FRAME,   /* gfn or mfn; JSON number, text 0x hex */
	EMT_COL_HEX,     /* raw bits; JSON string "0x...", text the same */
	EMT_COL_STRING,
	EMT_COL_TIME,    /* seconds since 1970; RFC 3339 string in UTC */
	EMT_COL_STRINGS, /* array of strings */
	EMT_COL_OBJECT,  /* one record of 'sub' */
	EMT_COL_LIST,    /* array of records of 'sub' */
};

enum emt_colflags {
	EMT_COLF_SHOWN = 1 << 0, /* in the text table unless -o says otherwise */
	EMT_COLF_NULL = 1 << 1,  /* may have no value */
	EMT_COLF_RIGHT = 1 << 2, /* aligned to the right */
	EMT_COLF_WRAP = 1 << 3,  /* prose: wrapped on a narrow terminal */
};

/* Colours by meaning; never the only carrier of it. */
enum emt_style {
	EMT_STYLE_NONE, EMT_STYLE_GOOD, EMT_STYLE_INFO, EMT_STYLE_WARN, EMT_STYLE_BAD, EMT_STYLE_STRONG,
	EMT_STYLE_FAINT,
};

struct emt_rec;
struct emt_text;
struct emt_record_kind;

struct emt_column {
	const char *name;      /* snake_case; unit in the name where it has one */
	enum emt_coltype type;
	unsigned int flags;    /* enum emt_colflags */
	const char *help;      /* one line, no full stop */
	const char *since;     /* version that brought it; NULL = the kind's first */
	const char *unit;      /* "gfn", "mfn", "bytes", "frames", ...; NULL = none */
	unsigned int width;    /* usual width in a text table, 0 = as wide as its values */
	/* For strings of a closed set: the i-th word for i < nr_words. */
	const char *(*word)(unsigned int i);
	unsigned int nr_words;
	enum emt_style (*style)(const char *text); /* colour of a cell; may be NULL */
	const struct emt_record_kind *sub; /* OBJECT and LIST */
	const char *join;      /* STRINGS and LIST in a cell; NULL = "," */
};

/* A column with what all have; the rest by name: .unit = "gfn". */
#define EMT_COLUMN(the_name, the_type, the_flags, the_help, ...) \
	{ .name = (the_name), .type = (the_type), .flags = (the_flags), .help = (the_help), __VA_ARGS__ }

struct emt_record_kind {
	const char *name;      /* "finding"; "record" of an NDJSON line */
	const char *schema;    /* "emt.finding" */
	const char *help;      /* one line */
	const struct emt_column *columns;
	unsigned int nr_columns;
	/* Text for people instead of a table row; NULL = table. 'variant' is the
	 * command's choice (0 = plain). */
	int (*layout)(const struct emt_rec *rec, struct emt_text *text, unsigned int variant);
	/* As an element of a list in one cell: writes into 'out'; NULL = its shown
	 * columns with blanks between. */
	void (*cell)(const struct emt_rec *rec, char *out, size_t room);
};

/* Index of a column by name, or -1. */
int emt_kind_column(const struct emt_record_kind *kind, const char *name);

/* What is wrong with the declaration of a kind (and of its sub-kinds), or NULL. */
const char *emt_kind_check(const struct emt_record_kind *kind, char *why, size_t room);

/* ---- records ---- */

/* A record with all columns unset. NULL when memory is short. */
struct emt_rec *emt_rec_new(const struct emt_record_kind *kind);
void emt_rec_free(struct emt_rec *rec);
/* Unset all columns, keeping memory for the next use. */
void emt_rec_reset(struct emt_rec *rec);
const struct emt_record_kind *emt_rec_kind(const struct emt_rec *rec);

/* Setters. A column of another type or running out of memory is remembered and
 * reported by emt_rec_check(); setters need no checking of their own. */
void emt_rec_bool(struct emt_rec *rec, unsigned int col, bool v);
void emt_rec_u64(struct emt_rec *rec, unsigned int col, uint64_t v); /* NUMBER BYTES FRAME HEX */
void emt_rec_time(struct emt_rec *rec, unsigned int col, int64_t seconds); /* 0 = null */
void emt_rec_str(struct emt_rec *rec, unsigned int col, const char *s);    /* copied; NULL = null */
void emt_rec_fmt(struct emt_rec *rec, unsigned int col, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same, but null when 's' is empty. */
void emt_rec_text(struct emt_rec *rec, unsigned int col, const char *s);
void emt_rec_null(struct emt_rec *rec, unsigned int col);
/* An empty list, to be filled by the next two. */
void emt_rec_list(struct emt_rec *rec, unsigned int col);
void emt_rec_add_str(struct emt_rec *rec, unsigned int col, const char *s); /* copied */
/* Append a record to a LIST, or set an OBJECT; owned by 'rec'. Never NULL: when
 * memory is short a spare that is thrown away. */
struct emt_rec *emt_rec_add(struct emt_rec *rec, unsigned int col);

/* Getters; for a column that is unset or null: false, 0, NULL. */
bool emt_rec_has(const struct emt_rec *rec, unsigned int col);
uint64_t emt_rec_get_u64(const struct emt_rec *rec, unsigned int col);
bool emt_rec_get_bool(const struct emt_rec *rec, unsigned int col);
int64_t emt_rec_get_time(const struct emt_rec *rec, unsigned int col);
const char *emt_rec_get_str(const struct emt_rec *rec, unsigned int col); /* "" when null */
size_t emt_rec_count(const struct emt_rec *rec, unsigned int col);
const char *emt_rec_str_at(const struct emt_rec *rec, unsigned int col, size_t i);
const struct emt_rec *emt_rec_at(const struct emt_rec *rec, unsigned int col, size_t i);
const struct emt_rec *emt_rec_obj(const struct emt_rec *rec, unsigned int col);

/* 0 if every column that may not be null is set and every word is declared;
 * EMT_E_INTERNAL or EMT_E_NOMEM otherwise. */
int emt_rec_check(const struct emt_rec *rec, struct emt_err *err);

/* Order of two records by one column: <0, 0, >0; null comes first. */
int emt_rec_compare(const struct emt_rec *a, const struct emt_rec *b, unsigned int col);

/* One column as text for a cell, never more than 'room'; returns 'out'. Null is
 * "-" when 'dash', else empty. */
char *emt_rec_cell(const struct emt_rec *rec, unsigned int col, bool dash, char *out, size_t room);

#endif
