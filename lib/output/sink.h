/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Formats. Internal to lib/output.
 */
#ifndef EMT_OUTPUT_SINK_H
#define EMT_OUTPUT_SINK_H

#include "output/output.h"
#include "output/text.h"

struct emt_sink;

/* Columns to show of one section. */
struct emt_view {
	unsigned int *cols; /* owned by struct emt_out */
	unsigned int nr;
	bool chosen;        /* by the user */
};

/* What sinks see of an output. */
struct emt_sink_ctx {
	const struct emt_out_opts *opts;
	const struct emt_reply *reply; /* may be NULL */
	const struct emt_view *views;  /* one a section */
	const uint64_t *counts;        /* records put, one a section */
	const char *source;            /* may be NULL */
	unsigned int variant;
	struct emt_buffer *buf;
};

struct emt_sink_ops {
	struct emt_sink *(*open)(struct emt_sink_ctx *ctx);
	int (*put)(struct emt_sink *s, unsigned int section, const struct emt_rec *rec, struct emt_err *err);
	int (*finish)(struct emt_sink *s, const struct emt_out_end *end, struct emt_err *err);
	void (*close)(struct emt_sink *s);
	int (*begin)(struct emt_sink *s, struct emt_err *err); /* may be NULL */
};

extern const struct emt_sink_ops emt_sink_text, emt_sink_json, emt_sink_ndjson;

/* The error for a failed write. */
int emt_sink_io(const struct emt_buffer *buf, struct emt_err *err);

#endif
