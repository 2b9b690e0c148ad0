/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What IOMMUs were told between two images of a machine: the commands in Xen's queues that
 * the newer image has and the older has not. Evidence for flushes, as far as it goes:
 * queues are rings, a command that stood in the same slot before looks like the old one,
 * and whether a flush came before or after a change is not told.
 */
#ifndef EMT_SOURCE_QUEUE_BETWEEN_H
#define EMT_SOURCE_QUEUE_BETWEEN_H

#include "source/iommu_history.h"

enum emt_flush_evidence {
	EMT_EVIDENCE_RULE,      /* none: the rules alone say */
	EMT_EVIDENCE_SEEN,      /* new commands flush all of it */
	EMT_EVIDENCE_PARTLY,    /* a part */
	EMT_EVIDENCE_NOT_SEEN,  /* none of it, and no queue went round */
	EMT_EVIDENCE_MAY_BE,    /* none of it is seen, but a queue went round: it may have been there */
	EMT_EVIDENCE_NO_DEVICE, /* no IOMMU has an entry that names the domain's tables: there is nothing to flush */
	EMT_EVIDENCE_NR,
};
const char *emt_evidence_name(unsigned int evidence); /* "rule", "seen" ... */

struct emt_queue_window {
	uint64_t queues;  /* Xen's, in the newer image */
	uint64_t slots;   /* in them */
	uint64_t changed; /* hold another command than in the older image */
	uint64_t empty;   /* never used */
	bool round;       /* a queue may have gone round: all of its slots changed */
};

struct emt_queue_between;

/* Read both, images or cores of one machine. EMT_E_UNSUPPORTED for other sources,
 * EMT_E_MISSING where no queue of Xen is found in the newer. */
int emt_queue_between_new(struct emt_queue_between **out, const struct emt_source_spec *before,
			  const struct emt_source_spec *after, struct emt_err *err);
void emt_queue_between_free(struct emt_queue_between *b);
const struct emt_queue_window *emt_queue_between_window(const struct emt_queue_between *b);
/* Of device frames 'first' to 'last' of a domain. 'tables': caches of higher table levels
 * must be flushed too. */
enum emt_flush_evidence emt_queue_between_look(const struct emt_queue_between *b, uint32_t domid, uint64_t first,
					       uint64_t last, bool tables);

#endif
