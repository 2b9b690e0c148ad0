/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What bpf/iommu_watch.bpf.c and its user say to each other. */
#ifndef EMT_BPF_IOMMU_WATCH_H
#define EMT_BPF_IOMMU_WATCH_H

#include <linux/types.h>

enum {
	EMT_IOW_MAP,
	EMT_IOW_UNMAP,
	EMT_IOW_FLUSH,     /* of a range */
	EMT_IOW_FLUSH_ALL, /* of a domain */
};

struct emt_iow_event {
	__u64 time;     /* CLOCK_MONOTONIC, ns */
	__u64 began;    /* unmap: when the call began; 0 = not seen */
	__u64 domain;   /* the kernel's structure; 0 = not seen */
	__u64 iova;
	__u64 last;     /* last byte */
	__u32 type;     /* of the domain: the kernel's bits */
	__u32 pid;
	__u16 what;     /* EMT_IOW_* */
	__u16 cpu;
	__u32 pad;
	char comm[16];
};

/* Counters, per CPU. */
enum {
	EMT_IOW_MAPS,
	EMT_IOW_UNMAPS,
	EMT_IOW_FLUSHES,
	EMT_IOW_FLUSHES_ALL,
	EMT_IOW_KVM,    /* KVM's flushes of all vCPUs' TLBs */
	EMT_IOW_LOST,   /* events without room in the ring */
	EMT_IOW_COUNTS,
};

#endif
