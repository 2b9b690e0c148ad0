/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What bpf/kvm_events.bpf.c and its user say to each other. */
#ifndef EMT_BPF_KVM_EVENTS_H
#define EMT_BPF_KVM_EVENTS_H

#include <linux/types.h>

enum emt_kvm_event_kind {
	EMT_KE_NONE,
	EMT_KE_MAP,      /* entries that mapped nothing map memory now */
	EMT_KE_UNMAP,    /* and the other way round */
	EMT_KE_CHANGE,   /* a leaf has another frame, type or ipat */
	EMT_KE_SPLIT,    /* a superpage became a table */
	EMT_KE_MERGE,    /* a table became a superpage */
	EMT_KE_SLOT,     /* a memslot was added, deleted, moved, or has other flags */
	EMT_KE_NC_ON,    /* non-coherent DMA registered */
	EMT_KE_NC_OFF,
};

/* Entries that follow each other and became alike; or a memslot; or a registration. */
struct emt_kvm_event_rec {
	__u64 time;      /* CLOCK_MONOTONIC, ns, of the last of them */
	__u64 kvm;       /* address of struct kvm; 0: not told */
	__u64 gfn;       /* first */
	__u64 count;     /* entries, or pages of a memslot */
	__u64 was, is;   /* the first entry before and after (memslot: flags, its pages before in 'pages') */
	__u64 pages;
	__u32 pid;       /* process in whose name it happened; 0: a thread of the kernel */
	__u8 kind;       /* enum emt_kvm_event_kind */
	__u8 level;      /* of the entries: 1 = 4 KiB */
	__u8 as_id;      /* address space: 1 = system management mode */
	__u8 change;     /* of a memslot: enum kvm_mr_change: create, delete, move, flags only */
	char comm[16];
};

/* Counters, per CPU. */
enum {
	EMT_KE_SEEN,     /* changes that are looked at */
	EMT_KE_QUIET,    /* of them those that say nothing: marks of use, rights, tables, emulated MMIO */
	EMT_KE_LOST,     /* no room in the ring: entries */
	EMT_KE_OTHERS,   /* of virtual machines that were not asked for */
	EMT_KE_NR,
};

#endif
