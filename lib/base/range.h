/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sorted lists of frame ranges with a tag, inclusive on both ends.
 */
#ifndef EMT_BASE_RANGE_H
#define EMT_BASE_RANGE_H

#include "base/types.h"

struct emt_range {
	uint64_t first, last; /* inclusive */
	uint32_t tag;         /* type, kind, ... by use */
	uint8_t held;         /* enum emt_held (policy/facts.h) of this one */
	uint8_t pad[3];
};

struct emt_ranges {
	struct emt_range *v; /* owned; see emt_ranges_free() */
	size_t n, room;
};

/* Append; order is kept as given. Returns 0 or EMT_E_NOMEM. */
int emt_ranges_add(struct emt_ranges *r, uint64_t first, uint64_t last, uint32_t tag, uint8_t held);

/* Take a range of frames out, whatever their tags: what reaches beyond it stays. 0 or EMT_E_NOMEM. */
int emt_ranges_cut(struct emt_ranges *r, uint64_t first, uint64_t last);

/* Sort by first frame and join neighbours and overlaps of equal tag and held.
 * Overlaps of unequal tags stay as they are. */
void emt_ranges_normalise(struct emt_ranges *r);

int emt_ranges_copy(struct emt_ranges *to, const struct emt_ranges *from);
void emt_ranges_free(struct emt_ranges *r);

/* In a sorted list without overlaps: the range that holds 'frame', or NULL. */
const struct emt_range *emt_ranges_find(const struct emt_ranges *r, uint64_t frame);

/* In a sorted list: index of the first range whose last >= frame (n if none). */
size_t emt_ranges_from(const struct emt_ranges *r, uint64_t frame);

#endif
