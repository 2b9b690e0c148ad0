/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where records go: a handler asks for a record, fills it and puts it; filter,
 * sorting, limit, choice of columns and format are done here.
 */
#ifndef EMT_OUTPUT_OUTPUT_H
#define EMT_OUTPUT_OUTPUT_H

#include "output/buffer.h"
#include "output/record.h"

enum emt_out_format { EMT_FORMAT_TEXT, EMT_FORMAT_JSON, EMT_FORMAT_NDJSON };

enum emt_section_flags {
	EMT_SECTION_ONE = 1 << 0,  /* exactly one record: an object, not a list */
	EMT_SECTION_MAIN = 1 << 1, /* what -o, --where, --sort, --limit are about */
	EMT_SECTION_TIGHT = 1 << 2, /* text: no empty line before it */
};

/* A part of a command's reply. */
struct emt_section {
	const char *key;     /* key in "data"; plural for lists */
	const struct emt_record_kind *kind;
	unsigned int flags;  /* enum emt_section_flags */
	const char *title;   /* heading above a table; NULL = none */
};

/* The shape of a command's reply. */
struct emt_reply {
	const char *schema;        /* "emt.audit" */
	unsigned short major, minor;
	const struct emt_section *sections;
	unsigned int nr_sections;
};

struct emt_out_opts {
	enum emt_out_format format;
	emt_write_fn write;
	void *arg;
	bool colour;
	unsigned int width;        /* of the terminal, 0 = not a terminal */
	const char *columns;       /* -o; NULL = default. "a,b", "+a,b", "all" */
	const char *where;         /* filter expression or NULL */
	const char *sort;          /* "col,-col" or NULL */
	uint64_t limit;            /* 0 = none */
	const char *tool;          /* "emtctl" */
	const char *version;
	const char *const *argv;   /* as called */
	size_t argc;
	int64_t time;              /* of the reply; 0 = not stated */
	/* Each record that is delivered, with 'arg'; NULL = nobody looks. */
	void (*record)(void *arg, const struct emt_rec *rec);
};

struct emt_out;

/* 'reply' is borrowed; NULL for an error before any command was known. Errors of
 * -o, --where, --sort are EMT_E_USAGE about that option; 'out' is then usable for
 * emt_out_end() only, so that the error too comes out in the format asked for. */
int emt_out_new(struct emt_out **out, const struct emt_out_opts *opts, const struct emt_reply *reply,
		struct emt_err *err);
void emt_out_free(struct emt_out *out);

/* What the reply is about ("capture:guest.emt"); before the first record. */
void emt_out_source(struct emt_out *out, const char *source);
/* Choose a layout of the text form; see struct emt_record_kind. */
void emt_out_variant(struct emt_out *out, unsigned int variant);
/* Show a column by default that is hidden otherwise; before the first record. */
void emt_out_show(struct emt_out *out, const struct emt_record_kind *kind, unsigned int col);
/* True if the user asked for columns: then text is a table. */
bool emt_out_columns_chosen(const struct emt_out *out);

/* An empty record of a kind of this reply, valid until put. NULL: no memory. */
struct emt_rec *emt_out_rec(struct emt_out *out, const struct emt_record_kind *kind);
/* Put it (and take it back). 0, or a negative emt_errcode to return at once. */
int emt_out_put(struct emt_out *out, struct emt_rec *rec, struct emt_err *err);
/* Begin now, not with the first record: NDJSON writes its header. */
int emt_out_begin(struct emt_out *out, struct emt_err *err);
/* Write what was put so far, where the format can; a failure is told with the end. */
void emt_out_flush(struct emt_out *out);
/* True once --limit is reached and more of that kind would not be shown. */
bool emt_out_enough(const struct emt_out *out);

struct emt_out_end {
	int exit_status;
	bool complete;
	const struct emt_err *err; /* NULL or code 0: none */
};
/* Write what is held and the end. 0 or EMT_E_IO when not all could be written. */
int emt_out_finish(struct emt_out *out, const struct emt_out_end *end, struct emt_err *err);
/* errno of a failed write, 0 = none. */
int emt_out_errno(const struct emt_out *out);

#endif
