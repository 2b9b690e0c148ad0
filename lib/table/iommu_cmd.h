/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recent commands of IOMMUs: VT-d's invalidation queue and AMD-Vi's command buffer
 * keep what software asked for, until they wrap: evidence that a range was flushed, or
 * that no flush for it can be seen.
 *
 * Layouts: VT-d specification 6.5.2 (128-bit descriptors; 256-bit ones begin alike);
 * AMD IOMMU specification 2.4.
 */
#ifndef EMT_TABLE_IOMMU_CMD_H
#define EMT_TABLE_IOMMU_CMD_H

#include "base/types.h"

enum emt_cmd {
	EMT_CMD_CONTEXT,      /* VT-d: context cache. AMD-Vi: a device's table entry */
	EMT_CMD_IOTLB,        /* pages of a domain, or all of it: the flush that matters */
	EMT_CMD_DEV_IOTLB,    /* a device's own TLB (ATS) */
	EMT_CMD_INTERRUPTS,   /* interrupt entries */
	EMT_CMD_ALL,          /* AMD-Vi: everything */
	EMT_CMD_WAIT,         /* waits for those before, and says so in memory */
	EMT_CMD_OTHER,        /* page requests, PASID caches: no evidence about second level tables */
	EMT_CMD_UNKNOWN,      /* no command of the specification: stale or damaged */
	EMT_CMD_NR,
};

enum emt_cmd_scope { EMT_CMD_GLOBAL, EMT_CMD_DOMAIN, EMT_CMD_PAGES, EMT_CMD_DEVICE };

struct emt_iommu_cmd {
	size_t index;         /* in the queue */
	enum emt_cmd what;
	enum emt_cmd_scope scope;
	int32_t did;          /* domain id of the hardware, -1 = none in the command */
	int32_t device;       /* bus << 8 | devfn, or -1 */
	uint64_t dfn;         /* EMT_CMD_PAGES: first frame ... */
	uint64_t frames;      /* ... and how many; 0 = does not apply */
	bool leaf_only;       /* caches of higher levels stay (VT-d IH = 1, AMD PDE = 0) */
	bool reserved;        /* reserved bits are set: do not trust it */
	uint64_t raw[2];
};

/* Decode a queue of 'len' bytes, slot by slot; slots of all zeroes are left out. 'wide':
 * descriptors of 256 bits (scalable mode). 'cb' returning non-zero stops and is passed on. */
int emt_iommu_cmds_vtd(const void *queue, size_t len, bool wide,
		       int (*cb)(const struct emt_iommu_cmd *c, void *arg), void *arg);
int emt_iommu_cmds_amd(const void *queue, size_t len, int (*cb)(const struct emt_iommu_cmd *c, void *arg),
		       void *arg);

/* Would the command make the hardware forget this frame of that domain? */
bool emt_iommu_cmd_flushes(const struct emt_iommu_cmd *c, uint32_t did, uint64_t dfn);

const char *emt_iommu_cmd_name(unsigned int what);   /* "iotlb" ... */
/* "iotlb domain 3, 0x200 frames from dfn 0x1000". Returns its length. */
int emt_iommu_cmd_text(const struct emt_iommu_cmd *c, char *out, size_t room);

#endif
