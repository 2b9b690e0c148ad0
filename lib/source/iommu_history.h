/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recent commands to IOMMUs, found in a machine's memory: evidence for flushes.
 */
#ifndef EMT_SOURCE_IOMMU_HISTORY_H
#define EMT_SOURCE_IOMMU_HISTORY_H

#include "base/err.h"
#include "source/source.h"
#include "table/iommu_cmd.h"

enum emt_queue_owner {
	EMT_QUEUE_OWNER_UNKNOWN, /* no Xen was found in the memory: any software's */
	EMT_QUEUE_OWNER_XEN,     /* a page of no domain: the hypervisor's */
	EMT_QUEUE_OWNER_FREE,    /* a free page: of an earlier time */
	EMT_QUEUE_OWNER_DOMAIN,  /* a domain's page: its own, of an IOMMU that it was shown */
	EMT_QUEUE_OWNER_NR,
};
const char *emt_queue_owner_name(unsigned int owner); /* "unknown", "xen", "free", "domain" */

/* Pages of one kind and owner that follow each other. */
struct emt_iommu_queue {
	uint64_t maddr;      /* of its first page */
	uint64_t bytes;
	bool amd;            /* AMD-Vi's command buffer, else VT-d's queue */
	enum emt_queue_owner owner;
	uint32_t domid;      /* EMT_QUEUE_OWNER_DOMAIN, if it is one that was found */
	bool domid_known;
};

/* Returns non-zero to stop, which is passed on. */
typedef int (*emt_iommu_history_cb)(const struct emt_iommu_queue *q, const struct emt_iommu_cmd *c,
				    void *arg);

struct emt_iommu_history {
	uint64_t queues, commands; /* given to the callback */
	bool xen;                  /* Xen was found: owners are known, and only RAM was read */
	struct emt_err why_not;    /* !xen: what was missing */
};

/* Every command in every queue, by address and index: the order of slots, which is that
 * of time but for one place, where the newest stands before the oldest. 'spec' must be
 * a memory image or core: EMT_E_UNSUPPORTED for what holds no machine memory. */
int emt_iommu_history(const struct emt_source_spec *spec, emt_iommu_history_cb cb, void *arg,
		      struct emt_iommu_history *h, struct emt_err *err);

/* A domain of Xen and the id that an IOMMU's entry gives to its tables. */
struct emt_hw_domain {
	uint32_t domid;
	uint16_t did;
	bool amd;
};

/* What IOMMUs' context and device table entries name, each pair once. '*v' is the caller's
 * to free. EMT_E_MISSING where no Xen is found. */
int emt_iommu_hw_domains(const struct emt_source_spec *spec, struct emt_hw_domain **v, size_t *n, struct emt_err *err);

#endif
