/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries and facts of a live domain by the query payload, where it is loaded: exact, and at
 * no cost worth asking for.
 */
#ifndef EMT_SOURCE_XEN_QUERY_H
#define EMT_SOURCE_XEN_QUERY_H

#include "base/run.h"
#include "policy/facts.h"
#include "source/source.h"
#include "xen/query.h"

/* The payload is in use in this Xen; false also when that cannot be asked. */
bool emt_xen_query_loaded(struct emt_xen *x);

struct emt_xen_query;

/* EMT_E_UNSUPPORTED: this domain cannot be asked; see emt_query_open(). */
int emt_xen_query_open(struct emt_xen_query **out, struct emt_xen *x, const struct emt_xen_domain *d,
		       struct emt_err *err);
void emt_xen_query_close(struct emt_xen_query *q);

/* Put what the payload tells into facts that hold what calls tell: pins, read-only ranges, I/O rights,
 * IOMMU flags, MTRRs of host and vCPUs, CR0 and special frames become known. The PAT does not: Xen's
 * copy does not follow the guest. EMT_E_FORMAT when what it lists and what Xen's own lookup of pins says
 * differ. */
int emt_xen_query_facts(struct emt_xen_query *q, struct emt_facts *f, struct emt_err *err);

/* Entries from 'gfn' on, joined to runs; 0 at the end. */
void emt_xen_query_seek(struct emt_xen_query *q, uint64_t gfn);
long emt_xen_query_read(struct emt_xen_query *q, struct emt_run *runs, size_t room, struct emt_err *err);

/* The entry that maps 'gfn', if there is one: 1, 0 none. Leaves the stream as it is. */
int emt_xen_query_at(struct emt_xen_query *q, uint64_t gfn, struct emt_run *run, struct emt_err *err);

/* As emt_source_answers(). Leaves the stream as it is. */
int emt_xen_query_answers(struct emt_xen_query *q, emt_answer_cb cb, void *arg, struct emt_err *err);

#endif
