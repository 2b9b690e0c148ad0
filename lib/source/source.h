/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A source yields, for a domain, facts and a stream of runs in gfn order.
 *
 *   capture:FILE[,domid=N][,generation=N]   (FILE alone too)
 *   mem:FILE[,domid=N|root=MADDR][,table=KIND][,levels=N][,syms=FILE]
 *   xen:DOMID|NAME|UUID[,costs=yes]   kvm:PID|NAME
 *   p2m:self   (the PV domain that this runs in, by its own kernel)
 */
#ifndef EMT_SOURCE_SOURCE_H
#define EMT_SOURCE_SOURCE_H

#include "base/run.h"
#include "capture/capture.h"
#include "policy/facts.h"
#include "table/epte.h"
#include "table/guest.h"

enum emt_source_kind { EMT_SOURCE_CAPTURE, EMT_SOURCE_MEM, EMT_SOURCE_XEN, EMT_SOURCE_KVM, EMT_SOURCE_P2M };

/* A source as named by the user; fill with emt_source_parse(). */
struct emt_source_spec {
	enum emt_source_kind kind;
	char target[512];    /* file, domain id or name, process */
	int64_t domid;       /* -1 = not given */
	int64_t generation;  /* -1 = not given: the newest */
	bool all;            /* every walk, oldest first (diff, history) */
	bool costs;          /* xen: calls that cost are allowed (lib/xen/calls.h) */
	bool salvage;        /* read what is whole of a damaged capture */
	uint64_t root;       /* mem: machine address of the root, EMT_NO_FRAME = search */
	unsigned int levels; /* mem: of the tables at 'root', 0 = the format's usual */
	char table[8];       /* mem: p2m (also when empty), iommu, or a format's name */
	char syms[512];      /* mem: xen-syms of the hypervisor; may be empty */
};

/* Parse text. Without a scheme: digits = xen domain, something that exists as a
 * file or ends in ".emt" or holds '/' = capture, else a xen domain by name. */
int emt_source_parse(struct emt_source_spec *spec, const char *text, struct emt_err *err);

const char *emt_source_scheme(enum emt_source_kind kind); /* "capture", "mem" ... */

struct emt_source;

/* One domain at one instant, as a source offers it. */
struct emt_source_walk {
	uint32_t domid;
	uint32_t generation;
	char name[64];     /* domain name; may be empty */
	char label[64];
	int64_t time;
	uint64_t runs, entries, frames; /* 0 where not known beforehand (live) */
	struct emt_loss loss;
};

int emt_source_open(struct emt_source **out, const struct emt_source_spec *spec, struct emt_err *err);
void emt_source_close(struct emt_source *s);
const char *emt_source_name(const struct emt_source *s); /* "capture:guest.emt" */
/* A running hypervisor, not a file. */
bool emt_source_is_live(const struct emt_source *s);

/* The walks that the specification selects: by default the newest of every domain. */
size_t emt_source_walks(const struct emt_source *s);
int emt_source_walk(const struct emt_source *s, size_t i, struct emt_source_walk *info, struct emt_err *err);

/* Facts of walk 'i', derived facts included; 'f' is initialised by the call. */
int emt_source_facts(struct emt_source *s, size_t i, struct emt_facts *f, struct emt_err *err);

/* The same without what follows from others: what a capture keeps. */
int emt_source_stated(struct emt_source *s, size_t i, struct emt_facts *f, struct emt_err *err);

/* Runs of walk 'i'. One stream at a time per source. */
struct emt_stream;
int emt_source_stream(struct emt_source *s, size_t i, struct emt_stream **out, struct emt_err *err);
int emt_stream_seek(struct emt_stream *st, uint64_t gfn, struct emt_err *err);
long emt_stream_read(struct emt_stream *st, struct emt_run *runs, size_t room, struct emt_err *err);
/* All that is left of the stream, in gfn order: runs and, where the source reads raw
 * tables and 'page' is not NULL, whole tables of 4 KiB leaves instead of their runs.
 * A callback that returns non-zero ends it; that is passed on. */
struct emt_stream_sink {
	int (*run)(const struct emt_run *run, void *arg);
	emt_page_fn page;
	void *arg;
};
int emt_stream_each(struct emt_stream *st, const struct emt_stream_sink *sink, struct emt_err *err);
/* What was lost so far; final once _read() returned 0. */
void emt_stream_loss(const struct emt_stream *st, struct emt_loss *loss);
void emt_stream_free(struct emt_stream *st);

/* The table pages that walk 'i' was, or can be, read from: 4 KiB each, root first. cb
 * returns non-zero to stop, which is passed on. EMT_E_MISSING when there are none. */
typedef int (*emt_table_cb)(uint64_t mfn, unsigned int level, const void *page, void *arg);
int emt_source_tables(struct emt_source *s, size_t i, emt_table_cb cb, void *arg, struct emt_err *err);

/* The p2m types that 'gfn' may have, a set of enum emt_p2mt, asked of a live hypervisor:
 * 40 us each, so only where it decides something. EMT_E_MISSING when this source has
 * nobody to ask, or no entries that it could be about. */
int emt_source_types(struct emt_source *s, size_t i, uint64_t gfn, uint16_t *types, struct emt_err *err);
bool emt_source_can_ask(const struct emt_source *s);

/* The guest's memory as walk 'i' shows it, for its own page tables: the whole of it, or
 * what a capture kept. Valid until the next call for this source, or until it is
 * closed. EMT_E_MISSING when there is none. */
int emt_source_guest(struct emt_source *s, size_t i, struct emt_guest_memory *out, struct emt_err *err);

/* What the hypervisor's own function would write now for each present leaf entry of walk 'i', in gfn
 * order: 'split' or type and ipat. 'run' is one entry. The callback returns non-zero to stop, which is
 * passed on. 'cb' NULL: only tells whether it can be asked. EMT_E_UNSUPPORTED where it cannot: only a live
 * Xen with the query payload can. */
typedef int (*emt_answer_cb)(const struct emt_run *run, bool split, unsigned int emt, bool ipat, void *arg);
int emt_source_answers(struct emt_source *s, size_t i, emt_answer_cb cb, void *arg, struct emt_err *err);

#endif
