/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output/record.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/format.h"

/* Memory of one record and all below it: given out piecewise, taken back at once. */
#define ARENA_BLOCK 2048

struct block {
	struct block *next;
	size_t used, room;
	max_align_t data[];
};

struct arena {
	struct block *blocks; /* newest first */
	int error;            /* sticky emt_errcode of the record */
	const char *culprit;  /* column that was misused; static */
};

struct val {
	bool set;
	union {
		uint64_t u;
		const char *s;
		struct emt_rec *obj;
		struct {
			void **item; /* const char * or struct emt_rec * */
			uint32_t n, room;
		} list;
	};
};

struct emt_rec {
	const struct emt_record_kind *kind;
	struct arena *arena;   /* shared with the records below */
	bool root;             /* owns the arena */
	struct val *v;
};

static void *take(struct arena *a, size_t size)
{
	struct block *b = a->blocks;
	void *p;

	size = (size + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
	if (!b || b->room - b->used < size) {
		size_t room = size > ARENA_BLOCK ? size : ARENA_BLOCK;

		b = malloc(sizeof(*b) + room);
		if (!b) {
			a->error = EMT_E_NOMEM;
			return NULL;
		}
		b->used = 0;
		b->room = room;
		b->next = a->blocks;
		a->blocks = b;
	}
	p = (char *)b->data + b->used;
	b->used += size;
	return p;
}

static const char *keep(struct arena *a, const char *s)
{
	size_t n = strlen(s) + 1;
	char *p = take(a, n);

	return p ? memcpy(p, s, n) : NULL;
}

struct emt_rec *emt_rec_new(const struct emt_record_kind *kind)
{
	struct emt_rec *rec = calloc(1, sizeof(*rec));

	if (!rec)
		return NULL;
	rec->kind = kind;
	rec->root = true;
	rec->arena = calloc(1, sizeof(*rec->arena));
	rec->v = calloc(kind->nr_columns ? kind->nr_columns : 1, sizeof(*rec->v));
	if (!rec->arena || !rec->v) {
		free(rec->arena);
		free(rec->v);
		free(rec);
		return NULL;
	}
	return rec;
}

static void drop_blocks(struct arena *a, bool all)
{
	/* The oldest block is kept for reuse: most records fit into it. */
	while (a->blocks && (all || a->blocks->next)) {
		struct block *next = a->blocks->next;

		free(a->blocks);
		a->blocks = next;
	}
	if (a->blocks)
		a->blocks->used = 0;
}

void emt_rec_free(struct emt_rec *rec)
{
	if (!rec)
		return;
	drop_blocks(rec->arena, true);
	free(rec->arena);
	free(rec->v);
	free(rec);
}

void emt_rec_reset(struct emt_rec *rec)
{
	drop_blocks(rec->arena, false);
	rec->arena->error = 0;
	rec->arena->culprit = NULL;
	memset(rec->v, 0, rec->kind->nr_columns * sizeof(*rec->v));
}

const struct emt_record_kind *emt_rec_kind(const struct emt_rec *rec)
{
	return rec->kind;
}

/* ---- setters ---- */

/* The value of 'col' if its type is in 'types', else NULL with the misuse noted. */
static struct val *slot(struct emt_rec *rec, unsigned int col, unsigned int types)
{
	if (col < rec->kind->nr_columns && ((1u << rec->kind->columns[col].type) & types))
		return &rec->v[col];
	if (!rec->arena->error) {
		rec->arena->error = EMT_E_INTERNAL;
		rec->arena->culprit = col < rec->kind->nr_columns ? rec->kind->columns[col].name : "(none)";
	}
	return NULL;
}

#define T(x) (1u << EMT_COL_##x)

void emt_rec_bool(struct emt_rec *rec, unsigned int col, bool v)
{
	struct val *val = slot(rec, col, T(BOOL));

	if (val) {
		val->set = true;
		val->u = v;
	}
}

void emt_rec_u64(struct emt_rec *rec, unsigned int col, uint64_t v)
{
	struct val *val = slot(rec, col, T(NUMBER) | T(BYTES) | T(FRAME) | T(HEX));

	if (val) {
		val->set = true;
		val->u = v;
	}
}

void emt_rec_time(struct emt_rec *rec, unsigned int col, int64_t seconds)
{
	struct val *val = slot(rec, col, T(TIME));

	if (val) {
		val->set = seconds != 0;
		val->u = (uint64_t)seconds;
	}
}

void emt_rec_str(struct emt_rec *rec, unsigned int col, const char *s)
{
	struct val *val = slot(rec, col, T(STRING));

	if (!val)
		return;
	val->s = s ? keep(rec->arena, s) : NULL;
	val->set = val->s != NULL;
}

void emt_rec_text(struct emt_rec *rec, unsigned int col, const char *s)
{
	emt_rec_str(rec, col, s && *s ? s : NULL);
}

void emt_rec_fmt(struct emt_rec *rec, unsigned int col, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	emt_rec_str(rec, col, text);
}

void emt_rec_null(struct emt_rec *rec, unsigned int col)
{
	if (col < rec->kind->nr_columns)
		rec->v[col].set = false;
}

void emt_rec_list(struct emt_rec *rec, unsigned int col)
{
	struct val *val = slot(rec, col, T(STRINGS) | T(LIST));

	if (val && !val->set) {
		val->set = true;
		val->list.item = NULL;
		val->list.n = val->list.room = 0;
	}
}

static bool append(struct emt_rec *rec, struct val *val, void *item)
{
	if (val->list.n == val->list.room) {
		uint32_t room = val->list.room ? val->list.room * 2 : 8;
		void **v = take(rec->arena, room * sizeof(*v));

		if (!v)
			return false;
		if (val->list.n)
			memcpy(v, val->list.item, val->list.n * sizeof(*v));
		val->list.item = v;
		val->list.room = room;
	}
	val->list.item[val->list.n++] = item;
	return true;
}

void emt_rec_add_str(struct emt_rec *rec, unsigned int col, const char *s)
{
	struct val *val = slot(rec, col, T(STRINGS));
	const char *copy;

	if (!val)
		return;
	emt_rec_list(rec, col);
	copy = keep(rec->arena, s);
	if (copy)
		append(rec, val, (void *)(uintptr_t)copy);
}

/* Setters on the spare find no columns and do nothing. */
static const struct emt_record_kind spare_kind = { .name = "spare" };
static struct arena spare_arena = { .error = EMT_E_NOMEM };
static struct emt_rec spare = { .kind = &spare_kind, .arena = &spare_arena };

struct emt_rec *emt_rec_add(struct emt_rec *rec, unsigned int col)
{
	struct val *val = slot(rec, col, T(LIST) | T(OBJECT));
	const struct emt_record_kind *kind;
	struct emt_rec *sub;

	if (!val)
		return &spare;
	kind = rec->kind->columns[col].sub;
	sub = take(rec->arena, sizeof(*sub));
	if (!sub)
		return &spare;
	sub->kind = kind;
	sub->arena = rec->arena;
	sub->root = false;
	sub->v = take(rec->arena, kind->nr_columns * sizeof(*sub->v));
	if (!sub->v)
		return &spare;
	memset(sub->v, 0, kind->nr_columns * sizeof(*sub->v));
	if (rec->kind->columns[col].type == EMT_COL_OBJECT) {
		val->set = true;
		val->obj = sub;
		return sub;
	}
	emt_rec_list(rec, col);
	return append(rec, val, sub) ? sub : &spare;
}

/* ---- getters ---- */

static const struct val *get(const struct emt_rec *rec, unsigned int col, unsigned int types)
{
	if (col >= rec->kind->nr_columns || !((1u << rec->kind->columns[col].type) & types))
		return NULL;
	return rec->v[col].set ? &rec->v[col] : NULL;
}

bool emt_rec_has(const struct emt_rec *rec, unsigned int col)
{
	return col < rec->kind->nr_columns && rec->v[col].set;
}

uint64_t emt_rec_get_u64(const struct emt_rec *rec, unsigned int col)
{
	const struct val *v = get(rec, col, T(BOOL) | T(NUMBER) | T(BYTES) | T(FRAME) | T(HEX) | T(TIME));

	return v ? v->u : 0;
}

bool emt_rec_get_bool(const struct emt_rec *rec, unsigned int col)
{
	return emt_rec_get_u64(rec, col) != 0;
}

int64_t emt_rec_get_time(const struct emt_rec *rec, unsigned int col)
{
	return (int64_t)emt_rec_get_u64(rec, col);
}

const char *emt_rec_get_str(const struct emt_rec *rec, unsigned int col)
{
	const struct val *v = get(rec, col, T(STRING));

	return v ? v->s : "";
}

size_t emt_rec_count(const struct emt_rec *rec, unsigned int col)
{
	const struct val *v = get(rec, col, T(STRINGS) | T(LIST));

	return v ? v->list.n : 0;
}

const char *emt_rec_str_at(const struct emt_rec *rec, unsigned int col, size_t i)
{
	const struct val *v = get(rec, col, T(STRINGS));

	return v && i < v->list.n ? v->list.item[i] : NULL;
}

const struct emt_rec *emt_rec_at(const struct emt_rec *rec, unsigned int col, size_t i)
{
	const struct val *v = get(rec, col, T(LIST));

	return v && i < v->list.n ? v->list.item[i] : NULL;
}

const struct emt_rec *emt_rec_obj(const struct emt_rec *rec, unsigned int col)
{
	const struct val *v = get(rec, col, T(OBJECT));

	return v ? v->obj : NULL;
}

/* ---- whole records ---- */

static bool is_word(const struct emt_column *c, const char *s)
{
	for (unsigned int i = 0; i < c->nr_words; i++)
		if (!strcmp(c->word(i), s))
			return true;
	return false;
}

static int bad(struct emt_err *err, const struct emt_rec *rec, const char *column, const char *what)
{
	return emt_err_set(err, EMT_E_INTERNAL, rec->kind->name, "please report this", "column %s %s", column,
			   what);
}

int emt_rec_check(const struct emt_rec *rec, struct emt_err *err)
{
	if (rec->root && rec->arena->error == EMT_E_NOMEM)
		return emt_err_set(err, EMT_E_NOMEM, rec->kind->name, NULL, "not enough memory for a record");
	if (rec->root && rec->arena->error)
		return bad(err, rec, rec->arena->culprit, "was filled with a value of another type");
	for (unsigned int i = 0; i < rec->kind->nr_columns; i++) {
		const struct emt_column *c = &rec->kind->columns[i];
		const struct val *v = &rec->v[i];
		int rc = 0;

		if (!v->set) {
			if (!(c->flags & EMT_COLF_NULL))
				return bad(err, rec, c->name, "has no value");
			continue;
		}
		if (c->word && c->type == EMT_COL_STRING && !is_word(c, v->s))
			return bad(err, rec, c->name, "holds a word that is not declared");
		if (c->word && c->type == EMT_COL_STRINGS)
			for (uint32_t k = 0; k < v->list.n; k++)
				if (!is_word(c, v->list.item[k]))
					return bad(err, rec, c->name, "holds a word that is not declared");
		if (c->type == EMT_COL_OBJECT)
			rc = emt_rec_check(v->obj, err);
		if (c->type == EMT_COL_LIST)
			for (uint32_t k = 0; k < v->list.n && !rc; k++)
				rc = emt_rec_check(v->list.item[k], err);
		if (rc)
			return rc;
	}
	return 0;
}

int emt_rec_compare(const struct emt_rec *a, const struct emt_rec *b, unsigned int col)
{
	const struct val *x = &a->v[col], *y = &b->v[col];
	int64_t s, t;

	if (!x->set || !y->set)
		return (int)x->set - (int)y->set;
	switch (a->kind->columns[col].type) {
	case EMT_COL_STRING:
		return strcmp(x->s, y->s);
	case EMT_COL_TIME:
		s = (int64_t)x->u;
		t = (int64_t)y->u;
		return s < t ? -1 : s > t;
	case EMT_COL_STRINGS:
		for (uint32_t i = 0; i < x->list.n && i < y->list.n; i++) {
			int d = strcmp(x->list.item[i], y->list.item[i]);

			if (d)
				return d;
		}
		/* fall through */
	case EMT_COL_LIST:
		return x->list.n < y->list.n ? -1 : x->list.n > y->list.n;
	case EMT_COL_OBJECT:
		return 0;
	default:
		return x->u < y->u ? -1 : x->u > y->u;
	}
}

/* ---- cells ---- */

static void put(char *out, size_t room, size_t *at, const char *s)
{
	if (*at < room)
		*at += (size_t)snprintf(out + *at, room - *at, "%s", s);
}

static void sub_cell(const struct emt_rec *rec, char *out, size_t room)
{
	char cell[512];
	size_t at = 0;

	out[0] = '\0';
	if (rec->kind->cell) {
		rec->kind->cell(rec, out, room);
		return;
	}
	for (unsigned int i = 0; i < rec->kind->nr_columns; i++) {
		if (!(rec->kind->columns[i].flags & EMT_COLF_SHOWN) || !rec->v[i].set)
			continue;
		if (at)
			put(out, room, &at, " ");
		put(out, room, &at, emt_rec_cell(rec, i, false, cell, sizeof(cell)));
	}
}

char *emt_rec_cell(const struct emt_rec *rec, unsigned int col, bool dash, char *out, size_t room)
{
	const struct emt_column *c = &rec->kind->columns[col];
	const struct val *v = &rec->v[col];
	const char *join = c->join ? c->join : ",";
	char sub[512];
	size_t at = 0;

	out[0] = '\0';
	if (!v->set || ((c->type == EMT_COL_STRINGS || c->type == EMT_COL_LIST) && !v->list.n)) {
		snprintf(out, room, "%s", dash ? "-" : "");
		return out;
	}
	switch (c->type) {
	case EMT_COL_BOOL:
		snprintf(out, room, "%s", v->u ? "yes" : "no");
		break;
	case EMT_COL_NUMBER:
		snprintf(out, room, "%llu", (unsigned long long)v->u);
		break;
	case EMT_COL_BYTES:
		emt_fmt_bytes(v->u, out, room);
		break;
	case EMT_COL_FRAME:
	case EMT_COL_HEX:
		snprintf(out, room, "0x%llx", (unsigned long long)v->u);
		break;
	case EMT_COL_STRING:
		snprintf(out, room, "%s", v->s);
		break;
	case EMT_COL_TIME:
		emt_fmt_time((int64_t)v->u, out, room);
		break;
	case EMT_COL_STRINGS:
		for (uint32_t i = 0; i < v->list.n; i++) {
			if (i)
				put(out, room, &at, join);
			put(out, room, &at, v->list.item[i]);
		}
		break;
	case EMT_COL_OBJECT:
		sub_cell(v->obj, out, room);
		if (!*out && dash)
			snprintf(out, room, "-");
		break;
	case EMT_COL_LIST:
		for (uint32_t i = 0; i < v->list.n; i++) {
			if (i)
				put(out, room, &at, join);
			sub_cell(v->list.item[i], sub, sizeof(sub));
			put(out, room, &at, sub);
		}
		break;
	}
	return out;
}
