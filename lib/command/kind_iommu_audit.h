/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Record kinds of `iommu audit` and `iommu show`.
 */
#ifndef EMT_COMMAND_KIND_IOMMU_AUDIT_H
#define EMT_COMMAND_KIND_IOMMU_AUDIT_H

#include "audit/iommu.h"
#include "output/record.h"
#include "source/iommu_table.h"

/* A domain and its table. */
enum {
	IDOM_DOMAIN, IDOM_NAME, IDOM_RELEASE, IDOM_IOMMU, IDOM_TABLE, IDOM_SHARED, IDOM_OWNERS, IDOM_BYTES_P2M,
	IDOM_BYTES_IOMMU, IDOM_BYTES_OK, IDOM_BYTES_UNDETERMINED, IDOM_BYTES_STALE, IDOM_BYTES_MISSING,
	IDOM_BYTES_PERMISSION, IDOM_BYTES_NOT_LISTED, IDOM_UNREAD, IDOM_COMPLETE, IDOM_NR
};
extern const struct emt_record_kind emt_kind_iommu_domain;

enum {
	IFND_DOMAIN, IFND_SEVERITY, IFND_KIND, IFND_CERTAIN, IFND_ACTUAL, IFND_EXPECTED, IFND_OTHER_FRAME,
	IFND_P2M_TYPES, IFND_OWNER, IFND_OWNER_DOMAIN, IFND_PAGES, IFND_BYTES, IFND_FIRST_DFN, IFND_FIRST_MFN,
	IFND_RANGES, IFND_RANGES_TOTAL, IFND_TEXT, IFND_NR
};
extern const struct emt_record_kind emt_kind_iommu_finding;
void emt_fill_iommu_finding(struct emt_rec *rec, const struct emt_iommu_finding *f, uint32_t domid);

enum { IRUN_DOMAIN, IRUN_DFN, IRUN_LAST_DFN, IRUN_MFN, IRUN_FRAMES, IRUN_BYTES, IRUN_PERM, IRUN_NR };
extern const struct emt_record_kind emt_kind_iommu_run;
void emt_fill_iommu_run(struct emt_rec *rec, const struct emt_dfn_run *r, uint32_t domid);

#endif
