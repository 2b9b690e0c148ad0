/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where frames of a domain lay when processes of a PV dom0 mapped them, out of the
 * journal: what the hypervisor itself answered, whoever asked.
 */
#ifndef EMT_SOURCE_JOURNAL_MAPPINGS_H
#define EMT_SOURCE_JOURNAL_MAPPINGS_H

#include "base/err.h"
#include "base/types.h"

/* Who mapped, and when. */
struct emt_mapper {
	int64_t time;      /* seconds since 1970 */
	uint32_t pid;
	char command[16];
};

struct emt_mapped {
	uint64_t gfn, mfn;
	uint32_t by;       /* index of its mapper */
};

struct emt_mappings {
	struct emt_mapped *v;  /* ascending by gfn; of several mappings of one the last */
	size_t n, room;
	struct emt_mapper *by;
	size_t nr_by, room_by;
	uint64_t mapped;       /* frames, each as often as it was mapped */
	bool lost;             /* mappings were lost, or a watch was cut off */
};

/* Read those of 'domid' as it is now: a domain of the same number before it does not
 * count, and neither does a frame that the toolstack changed after it was mapped. Errors
 * as emt_journal_each(). Free in any case. */
int emt_journal_mappings(const char *path, uint32_t domid, struct emt_mappings *m, struct emt_err *err);
void emt_mappings_free(struct emt_mappings *m);

#endif
