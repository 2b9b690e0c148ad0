/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PV domain's p2m as a walk: what a source of struct emt_source_ops gives for it. The
 * list is read once, whole, when runs or facts are asked for first, so that both are of
 * one instant; it takes 64 bytes a run. Entries have no memory type (EMT_RUN_NO_TYPE):
 *   frame     p2m type ram_rw, rwx         identity  mmio_direct, rw-
 *   missing   invalid, no permissions      foreign   map_foreign, rw-
 */
#ifndef EMT_SOURCE_PV_WALK_H
#define EMT_SOURCE_PV_WALK_H

#include "source/ops.h"
#include "source/pv.h"

struct emt_pv_walk;

/* Of domain 'i' of 's', which is borrowed. NULL when memory is short. */
struct emt_pv_walk *emt_pv_walk_new(struct emt_pv_source *s, size_t i);
void emt_pv_walk_free(struct emt_pv_walk *w);

/* What it tells: paging, size, memory map, kernel, device memory, where the M2P differs.
 * Added to what 'f' has. */
int emt_pv_walk_facts(struct emt_pv_walk *w, struct emt_facts *f, struct emt_err *err);

/* Members of struct emt_source_ops, of a stream whose 'priv' is a struct emt_pv_walk. */
int emt_pv_walk_stream(struct emt_pv_walk *w, struct emt_err *err);
int emt_pv_walk_seek(struct emt_stream *st, uint64_t gfn, struct emt_err *err);
long emt_pv_walk_read(struct emt_stream *st, struct emt_run *runs, size_t room, struct emt_err *err);
void emt_pv_walk_loss(const struct emt_stream *st, struct emt_loss *loss);

#endif
