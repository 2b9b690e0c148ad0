/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A Linux host's IOMMU at work: maps, unmaps and flushes of its drivers, by BPF. Reads
 * only. Functions of Intel's and AMD's drivers are known by name in Linux 6.1 to 6.12;
 * which of them the running kernel has is asked of its BTF.
 */
#ifndef EMT_SOURCE_IOMMU_LIVE_H
#define EMT_SOURCE_IOMMU_LIVE_H

#include "base/err.h"
#include "base/types.h"

enum emt_iommu_event_kind { EMT_IOMMU_MAP, EMT_IOMMU_UNMAP, EMT_IOMMU_FLUSH, EMT_IOMMU_FLUSH_ALL };

/* What the kernel made a domain for. */
enum emt_iommu_domain_type {
	EMT_IOMMU_DOMAIN_UNKNOWN,   /* the domain was not seen */
	EMT_IOMMU_DOMAIN_DMA,       /* DMA of this host's drivers: flushed at once */
	EMT_IOMMU_DOMAIN_DMA_FQ,    /* the same, flushed later and together (lazy mode) */
	EMT_IOMMU_DOMAIN_UNMANAGED, /* of a user, VFIO for one: a guest's memory */
	EMT_IOMMU_DOMAIN_OTHER,
	EMT_IOMMU_DOMAIN_TYPES,
};
const char *emt_iommu_domain_type_name(unsigned int type); /* "dma-fq" ... */
/* From struct iommu_domain's type, which is a set of bits (include/linux/iommu.h). */
enum emt_iommu_domain_type emt_iommu_domain_type(uint32_t bits);

struct emt_iommu_event {
	enum emt_iommu_event_kind kind;
	enum emt_iommu_domain_type type;
	uint64_t time, began;  /* ns of a clock that never goes back; began: of the call, 0 = not seen */
	uint64_t domain;       /* which; 0 = not seen. No address: it says nothing of the kernel */
	uint64_t iova, last;   /* bytes; last is included */
	uint32_t pid, cpu;
	char command[16];
};

/* Since the watch began. */
struct emt_iommu_counts {
	uint64_t maps, unmaps, flushes, flushes_all;
	uint64_t kvm;          /* KVM's flushes of all vCPUs' TLBs */
	uint64_t lost;         /* events without room in the ring: of all CPUs */
};

enum emt_iommu_way { EMT_IOMMU_AUTO, EMT_IOMMU_FENTRY, EMT_IOMMU_KPROBE, EMT_IOMMU_WAYS };
const char *emt_iommu_way_name(unsigned int way); /* "auto", "fentry", "kprobe" */

struct emt_iommu_watch;

/* Attach. EMT_E_UNSUPPORTED where the kernel has no driver whose flushes are known, or
 * this build no BPF; EMT_E_PERM where it refuses, with each way's reason. */
int emt_iommu_watch_open(struct emt_iommu_watch **out, enum emt_iommu_way way, struct emt_err *err);
void emt_iommu_watch_close(struct emt_iommu_watch *w);
enum emt_iommu_way emt_iommu_watch_way(const struct emt_iommu_watch *w);
/* Why ways before were not taken; "" if it is the first. */
const char *emt_iommu_watch_fallback(const struct emt_iommu_watch *w);
/* Functions that were attached to, by name: the i-th, NULL past the end. */
const char *emt_iommu_watch_function(const struct emt_iommu_watch *w, size_t i);
bool emt_iommu_watch_has_kvm(const struct emt_iommu_watch *w); /* KVM's flushes are counted */

/* Wait up to 'timeout_ms' and give each event to 'cb'. Non-zero ends it and is passed on. */
typedef int (*emt_iommu_event_cb)(const struct emt_iommu_event *e, void *arg);
int emt_iommu_watch_poll(struct emt_iommu_watch *w, int timeout_ms, emt_iommu_event_cb cb, void *arg,
			 struct emt_err *err);
void emt_iommu_watch_counts(const struct emt_iommu_watch *w, struct emt_iommu_counts *c);
/* Events lost on one CPU. False past the last. */
bool emt_iommu_watch_lost(const struct emt_iommu_watch *w, unsigned int cpu, uint64_t *lost);
/* The clock of events, and what to add for the time of day in ns. */
uint64_t emt_iommu_watch_now(const struct emt_iommu_watch *w, int64_t *to_realtime);

#endif
