/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a kind of source provides. source.c checks arguments and does what all
 * kinds share: selection text, names, derived facts, one stream at a time.
 */
#ifndef EMT_SOURCE_OPS_H
#define EMT_SOURCE_OPS_H

#include "base/dfn.h"
#include "source/source.h"

struct emt_source_ops {
	const char *scheme; /* "capture" */
	/* Fill s->priv. On an error nothing is left to close. */
	int (*open)(struct emt_source *s, const struct emt_source_spec *spec, struct emt_err *err);
	void (*close)(struct emt_source *s);
	size_t (*walks)(const struct emt_source *s);
	int (*walk)(const struct emt_source *s, size_t i, struct emt_source_walk *info, struct emt_err *err);
	/* Stated facts only; 'f' is initialised by the call. */
	int (*facts)(struct emt_source *s, size_t i, struct emt_facts *f, struct emt_err *err);
	/* Fill st->priv. */
	int (*stream)(struct emt_stream *st, size_t i, struct emt_err *err);
	int (*seek)(struct emt_stream *st, uint64_t gfn, struct emt_err *err);
	long (*read)(struct emt_stream *st, struct emt_run *runs, size_t room, struct emt_err *err);
	/* emt_stream_each() with pages; NULL = the kind has no raw tables. */
	int (*each)(struct emt_stream *st, const struct emt_stream_sink *sink, struct emt_err *err);
	void (*loss)(const struct emt_stream *st, struct emt_loss *loss);
	/* Table pages of walk 'i'; NULL = this kind has none. EMT_E_MISSING: this walk has none. */
	int (*tables)(struct emt_source *s, size_t i, emt_table_cb cb, void *arg, struct emt_err *err);
	/* emt_source_types(); NULL = nobody can be asked. */
	int (*types)(struct emt_source *s, size_t i, uint64_t gfn, uint16_t *types, struct emt_err *err);
	/* emt_source_answers(); NULL = nobody can be asked. */
	int (*answers)(struct emt_source *s, size_t i, emt_answer_cb cb, void *arg, struct emt_err *err);
	/* Guest memory of walk 'i'; NULL = this kind has none. */
	int (*guest)(struct emt_source *s, size_t i, struct emt_guest_memory *out, struct emt_err *err);
	/* Whose a frame is, seen from 'domid'; NULL = the kind has no frame table. */
	enum emt_frame_owner (*owner)(struct emt_source *s, uint32_t domid, uint64_t mfn, uint32_t *whose);
	void (*end)(struct emt_stream *st); /* free what st->priv holds */
};

struct emt_source {
	const struct emt_source_ops *ops;
	char name[600];      /* "capture:guest.emt" */
	bool streaming;      /* a stream is open */
	void *priv;          /* the kind's own */
};

struct emt_stream {
	struct emt_source *source;
	size_t walk;         /* index among the source's walks */
	void *priv;          /* the kind's own */
};

extern const struct emt_source_ops emt_source_capture_ops;
extern const struct emt_source_ops emt_source_mem_ops;
extern const struct emt_source_ops emt_source_xen_ops;
extern const struct emt_source_ops emt_source_kvm_ops;
extern const struct emt_source_ops emt_source_p2m_ops;

#endif
