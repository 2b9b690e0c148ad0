/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One machine frame, several types: what Intel's manual asks software never to do, and
 * what corrupts data on processors without self-snoop.
 */
#ifndef EMT_AUDIT_ALIAS_H
#define EMT_AUDIT_ALIAS_H

#include "audit/effective.h"

/* One way to the frames of an alias. */
struct emt_alias_way {
	uint8_t type;   /* enum emt_mt, EMT_MT_CD or EMT_MT_WC_PLUS */
	uint64_t va;    /* linear address of the first frame */
	uint64_t gfn;
	uint32_t view;  /* the caller's number of the view */
	bool forced;    /* uncached, and not because the guest's tables ask for it */
};

#define EMT_ALIAS_WAYS 7 /* one for each type, AMD's too */

struct emt_alias {
	uint64_t mfn, frames;
	enum emt_gpa_kind kind;
	unsigned int nr;
	struct emt_alias_way way[EMT_ALIAS_WAYS]; /* by type, the first that was seen */
};

struct emt_aliases;
struct emt_aliases *emt_aliases_new(void);
void emt_aliases_free(struct emt_aliases *a);
/* Note a piece whose type is known for sure; others say nothing. What is mapped again and
 * again takes room once. 0 or EMT_E_NOMEM. */
int emt_aliases_add(struct emt_aliases *a, const struct emt_eff *e, uint32_t view);
/* Pieces that there is room for: what it takes of memory. */
size_t emt_aliases_room(const struct emt_aliases *a);
/* Stretches of frames with more than one type, in order of frames. */
int emt_aliases_each(struct emt_aliases *a, int (*cb)(const struct emt_alias *alias, void *arg), void *arg);

#endif
