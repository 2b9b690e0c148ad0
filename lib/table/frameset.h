/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A set of frame numbers: tables seen by a walk. */
#ifndef EMT_TABLE_FRAMESET_H
#define EMT_TABLE_FRAMESET_H

#include "base/types.h"

struct emt_frameset {
	uint64_t *v;     /* owned; frame + 1, 0 = free */
	size_t n, room;  /* room: a power of two */
};

/* 1 = added, 0 = was there already, EMT_E_NOMEM. 'frame' is below 2^63. */
int emt_frameset_add(struct emt_frameset *s, uint64_t frame);
/* Forget all, keep the memory. */
void emt_frameset_clear(struct emt_frameset *s);
void emt_frameset_free(struct emt_frameset *s);

#endif
