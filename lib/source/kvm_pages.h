/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Table pages of a live guest for the walker, copied in bulk: as soon as a table that
 * points to others is read, all of those are copied at once, twice, so that the walker's
 * second reading (a live table counts once two agree) costs nothing more.
 */
#ifndef EMT_SOURCE_KVM_PAGES_H
#define EMT_SOURCE_KVM_PAGES_H

#include "base/range.h"
#include "source/kernel.h"
#include "table/walk.h"

struct emt_kvm_pages;

/* 'base': where frame 0 is mapped; 'ram': frames that may be read, borrowed. NULL: no memory. */
struct emt_kvm_pages *emt_kvm_pages_new(struct emt_kernel *k, uint64_t base, const struct emt_ranges *ram);
void emt_kvm_pages_free(struct emt_kvm_pages *p);

/* Let a walk read through it. */
void emt_kvm_pages_walk(struct emt_kvm_pages *p, struct emt_walk_opts *o);

/* After a walk: entries of tables above the last level that point elsewhere than when they
 * were followed. What lies below them may be of another time. */
uint64_t emt_kvm_pages_changed(struct emt_kvm_pages *p);

/* Pages copied so far. */
uint64_t emt_kvm_pages_copied(const struct emt_kvm_pages *p);

#endif
