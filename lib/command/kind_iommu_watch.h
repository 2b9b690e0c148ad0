/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Record kinds of `iommu watch`.
 */
#ifndef EMT_COMMAND_KIND_IOMMU_WATCH_H
#define EMT_COMMAND_KIND_IOMMU_WATCH_H

#include "audit/iommu_pair.h"
#include "output/record.h"

/* An unmap, and what became of it. */
enum {
	IUNM_TIME, IUNM_USEC, IUNM_STATUS, IUNM_SEVERITY, IUNM_DOMAIN, IUNM_TYPE, IUNM_DFN, IUNM_FRAMES, IUNM_BYTES,
	IUNM_AFTER_NS, IUNM_FLUSHED, IUNM_PID, IUNM_COMMAND, IUNM_CPU, IUNM_NR
};
extern const struct emt_record_kind emt_kind_iommu_unmap;
/* 'to_realtime': what to add to the event's clock for the time of day, ns. */
void emt_fill_iommu_unmap(struct emt_rec *rec, const struct emt_unmap *u, int64_t to_realtime);

/* The watch as a whole. */
enum {
	IWAT_WAY, IWAT_FALLBACK, IWAT_FUNCTIONS, IWAT_FROM, IWAT_TO, IWAT_WINDOW_NS, IWAT_MAPS, IWAT_UNMAPS, IWAT_FLUSHES,
	IWAT_FLUSHES_ALL, IWAT_FLUSHED, IWAT_DEFERRED, IWAT_LATE, IWAT_MISSED, IWAT_REUSED, IWAT_OPEN, IWAT_UNKNOWN,
	IWAT_FORGOTTEN, IWAT_MEDIAN_NS, IWAT_P99_NS, IWAT_LONGEST_NS, IWAT_KVM, IWAT_LOST, IWAT_LOST_BY_CPU, IWAT_NR
};
extern const struct emt_record_kind emt_kind_iommu_watch;
void emt_fill_iommu_watch(struct emt_rec *rec, const struct emt_iommu_watch *w, const struct emt_pair_sum *s,
			  int64_t from, int64_t to, uint64_t window_ns);

#endif
