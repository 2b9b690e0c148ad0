/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding the IOMMUs' command queues in an image: their addresses stand in device
 * registers only, but their pages look like nothing else: every slot is a command of
 * the specification, and each batch ends with a wait.
 */
#ifndef EMT_MEMORY_QUEUE_H
#define EMT_MEMORY_QUEUE_H

#include "memory/memory.h"
#include "table/iommu_cmd.h"

struct emt_queue_page {
	uint64_t mfn;
	bool amd;            /* AMD-Vi's command buffer, else VT-d's queue */
	unsigned int commands, waits;
};

/* Pages of command queues, in order of frames. cb returns non-zero to stop. */
int emt_mem_queues(struct emt_mem *m, int (*cb)(const struct emt_queue_page *q, void *arg), void *arg,
		   struct emt_err *err);

#endif
