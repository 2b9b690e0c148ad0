/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unmaps of a Linux host's IOMMU domains, each paired with the flush that followed it:
 * devices may reach what was unmapped until then. Pure: events in, unmaps out.
 */
#ifndef EMT_AUDIT_IOMMU_PAIR_H
#define EMT_AUDIT_IOMMU_PAIR_H

#include "audit/audit.h"
#include "source/iommu_live.h"

enum emt_unmap_status {
	EMT_UNMAP_FLUSHED,  /* within the window */
	EMT_UNMAP_DEFERRED, /* later, or not yet: a domain that defers flushes (lazy mode) */
	EMT_UNMAP_LATE,     /* later, where flushes are not deferred */
	EMT_UNMAP_MISSED,   /* not at all, as long as it was waited for */
	EMT_UNMAP_REUSED,   /* mapped again before the flush: devices may reach the old frames there */
	EMT_UNMAP_OPEN,     /* the watch ended within the window: not judged */
	EMT_UNMAP_UNKNOWN,  /* its domain was not seen, or its flush may be among events that were lost: not judged */
	EMT_UNMAP_NR,
};
const char *emt_unmap_status_name(unsigned int status); /* "flushed" ... */
/* Critical for reused, error for missed, warning for late; info for the others. */
enum emt_severity emt_unmap_severity(enum emt_unmap_status status);

struct emt_unmap {
	struct emt_iommu_event event;
	enum emt_unmap_status status;
	uint64_t after_ns;  /* until its flush, or until it was mapped again; 0 with no_flush */
	bool no_flush;      /* none was seen */
};

#define EMT_PAIR_BUCKETS 64
struct emt_pair_sum {
	uint64_t unmaps[EMT_UNMAP_NR];
	uint64_t bytes[EMT_UNMAP_NR];
	uint64_t by_time[EMT_PAIR_BUCKETS]; /* flushed, deferred, late: bucket i = below 2^i ns */
	uint64_t longest_ns;
	uint64_t forgotten;                 /* no room to wait for their flush: in none of the above */
};
/* The time until the flush that 'percent' of them did not exceed, to a factor of two; ns. */
uint64_t emt_pair_quantile(const struct emt_pair_sum *s, unsigned int percent);

struct emt_iommu_pair;

struct emt_pair_opts {
	uint64_t window_ns;
	uint64_t give_up_ns; /* so long a flush is waited for; at least the window */
	int (*cb)(const struct emt_unmap *u, void *arg); /* each unmap, when it is judged; non-zero is passed on */
	void *arg;
};

int emt_iommu_pair_new(struct emt_iommu_pair **out, const struct emt_pair_opts *opts);
void emt_iommu_pair_free(struct emt_iommu_pair *p);
/* Events nearly in order of time: those of one CPU in order, flushes of others may come
 * before the unmap that they follow. EMT_E_NOMEM, or what the callback returned. */
int emt_iommu_pair_event(struct emt_iommu_pair *p, const struct emt_iommu_event *e);
/* It is 'now': give up on what waits too long. */
int emt_iommu_pair_clock(struct emt_iommu_pair *p, uint64_t now);
/* Events were lost lately, or no longer: a flush may be among them of what waits now, and
 * of what is unmapped until it is said that none are. */
void emt_iommu_pair_lossy(struct emt_iommu_pair *p, bool lossy);
/* The watch ended at 'now': what is left is judged by what is known. */
int emt_iommu_pair_finish(struct emt_iommu_pair *p, uint64_t now);
const struct emt_pair_sum *emt_iommu_pair_sum(const struct emt_iommu_pair *p);

#endif
