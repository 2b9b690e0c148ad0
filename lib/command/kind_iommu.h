/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Record kind of `iommu commands`: one command in a queue.
 */
#ifndef EMT_COMMAND_KIND_IOMMU_H
#define EMT_COMMAND_KIND_IOMMU_H

#include "output/record.h"
#include "source/iommu_history.h"

enum {
	ICMD_QUEUE,
	ICMD_IOMMU,
	ICMD_OWNER,
	ICMD_OWNER_DOMAIN,
	ICMD_INDEX,
	ICMD_COMMAND,
	ICMD_SCOPE,
	ICMD_DOMAIN,
	ICMD_DEVICE,
	ICMD_DFN,
	ICMD_FRAMES,
	ICMD_LEAF_ONLY,
	ICMD_RESERVED,
	ICMD_INVALIDATES,
	ICMD_LOW,
	ICMD_HIGH,
	ICMD_NR
};
extern const struct emt_record_kind emt_kind_iommu_command;

void emt_fill_iommu_command(struct emt_rec *rec, const struct emt_iommu_queue *q,
			    const struct emt_iommu_cmd *c);

#endif
