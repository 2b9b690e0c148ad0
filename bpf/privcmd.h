/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What bpf/privcmd.bpf.c and its user say to each other. */
#ifndef EMT_BPF_PRIVCMD_H
#define EMT_BPF_PRIVCMD_H

#include <linux/types.h>

/* ioctls of /dev/xen/privcmd: _IOC(_IOC_NONE, 'P', number, size of the argument) */
#define EMT_PRIVCMD_HYPERCALL 0x00305000u
#define EMT_PRIVCMD_DM_OP 0x00105005u
#define EMT_PRIVCMD_MMAPBATCH_V2 0x00205004u

/* hypercall numbers */
#define EMT_HC_PLATFORM 7
#define EMT_HC_MEMORY 12
#define EMT_HC_MULTICALL 13
#define EMT_HC_PHYSDEV 33
#define EMT_HC_HVM 34
#define EMT_HC_DOMCTL 36
#define EMT_HC_DM_OP 41

#define EMT_CALL_DATA 64
#define EMT_CALL_EXTENTS 4

/* One call that succeeded. */
struct emt_call {
	__u64 time;      /* CLOCK_MONOTONIC, ns, at its end */
	__u32 pid;
	__s32 ret;
	__u32 op;        /* EMT_HC_* */
	__u32 cmd;       /* sub-operation */
	__u32 iface;     /* domctl and platform_op: interface version; dm_op: buffers */
	__u32 domid;     /* 0xffff: none */
	char comm[16];
	__u8 data[EMT_CALL_DATA]; /* the operation's own structure */
	__u64 extent[EMT_CALL_EXTENTS]; /* memory reservations: the first frames */
};

/* Frames of a domain that a process of a PV dom0 mapped: consecutive guest frames that
 * lie in consecutive machine frames. Told from a call by its size. */
struct emt_foreign {
	__u64 time;
	__u32 pid;
	__u32 domid;
	char comm[16];
	__u64 gfn, mfn, count;
};

/* Frames of one mapping that are looked at. */
#define EMT_FOREIGN_MAX 65536u

/* Counters, per CPU. */
enum {
	EMT_CALLS_SEEN,       /* that are looked at */
	EMT_CALLS_FAILED,     /* refused by the hypervisor: not given */
	EMT_CALLS_LOST,       /* no room in the ring */
	EMT_CALLS_UNPAIRED,   /* no room to remember their beginning */
	EMT_CALLS_UNREADABLE, /* arguments that could not be read */
	EMT_CALLS_FRAMES,     /* mapped frames whose machine frame was read */
	EMT_CALLS_FRAMES_LOST, /* mapped frames that were not: no room, or not to be read */
	EMT_CALLS_NR,
};

#endif
