/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the CPU really uses, as findings of an audit: RAM that ends uncached, devices that
 * end cached, frames with several types. What a guest asks for itself is its own business:
 * of level info, or notice where it is doubtful; what it cannot help is a warning.
 */
#ifndef EMT_AUDIT_USAGE_H
#define EMT_AUDIT_USAGE_H

#include "audit/effective.h"
#include "audit/findings.h"

struct emt_usage;
struct emt_usage *emt_usage_new(void); /* NULL: EMT_E_NOMEM */
void emt_usage_free(struct emt_usage *u);
/* A piece of a view; 'view' is its number. 0 or EMT_E_NOMEM. */
int emt_usage_add(struct emt_usage *u, const struct emt_view *v, uint32_t view, const struct emt_eff *e);
/* Put what was found into 'f'. 'views': those that were numbered. 'unread': page tables of
 * the guest that could not be read. 0 or EMT_E_NOMEM. */
int emt_usage_put(struct emt_usage *u, const struct emt_view *views, uint64_t unread, struct emt_findings *f);

#endif
