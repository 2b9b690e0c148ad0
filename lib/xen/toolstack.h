/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the toolstack did: calls to Xen, decoded by interface version. Pure.
 */
#ifndef EMT_XEN_TOOLSTACK_H
#define EMT_XEN_TOOLSTACK_H

#include "base/types.h"

/* Things that change what emt judges by. */
enum emt_event_what {
	EMT_EV_CREATE,        /* a domain begins; from 4.13 on 'type' is its flags, 'on': it has IOMMU tables */
	EMT_EV_DESTROY,
	EMT_EV_LOGDIRTY,      /* shadow_op: 'type' is its operation */
	EMT_EV_IOMEM,         /* right to I/O memory: given or taken ('on') */
	EMT_EV_IOPORT,
	EMT_EV_MAPPING,       /* device memory mapped or unmapped ('on') */
	EMT_EV_ASSIGN,        /* a device, 'sbdf' */
	EMT_EV_DEASSIGN,
	EMT_EV_PIN,           /* cache attribute of 'type' pinned */
	EMT_EV_UNPIN,
	EMT_EV_MEM_TYPE,      /* set_mem_type: 'type' is HVMMEM_* */
	EMT_EV_IOREQ_TYPE,    /* map_mem_type_to_ioreq_server: 'type', 'on' */
	EMT_EV_RELOCATE,      /* relocate_memory: 'gfn' to 'to' */
	EMT_EV_INCREASE,
	EMT_EV_DECREASE,      /* pages taken from a domain */
	EMT_EV_POPULATE,
	EMT_EV_EXCHANGE,
	EMT_EV_ADD_PHYSMAP,   /* 'type' is XENMAPSPACE_* */
	EMT_EV_ADD_BATCH,
	EMT_EV_REMOVE_PHYSMAP,
	EMT_EV_POD_TARGET,
	EMT_EV_MEM_ACCESS,    /* mem_access: 'type' is its operation */
	EMT_EV_MSIX_PREPARE,  /* read-only MMIO ranges of a device change */
	EMT_EV_MSIX_RELEASE,
	EMT_EV_PCI_ADD,       /* a device is named to Xen */
	EMT_EV_PCI_REMOVE,
	EMT_EV_HOST_MTRR,     /* a host MTRR was added: 'mfn', 'count', 'type' */
	EMT_EV_HOST_MTRR_DEL,
	EMT_EV_FOREIGN,       /* no call of its own: a process mapped frames, which lay at 'mfn' */
	EMT_EV_NR,
};
const char *emt_event_name(unsigned int what); /* "iomem-permission" ... */
int emt_event_by_name(const char *name);       /* or -1 */

#define EMT_EVENT_NO_DOMAIN UINT32_MAX

struct emt_toolstack_event {
	int64_t time;          /* seconds since 1970 */
	uint32_t usec;         /* and microseconds */
	enum emt_event_what what;
	uint32_t domid;        /* EMT_EVENT_NO_DOMAIN: the host's */
	uint32_t pid;
	char command[16];      /* of that process */
	bool on;
	uint64_t gfn, mfn, to; /* EMT_NO_FRAME = does not apply */
	uint64_t count;        /* frames or ports; 0 = does not apply */
	int64_t type;          /* -1 = does not apply */
	int64_t sbdf;          /* -1 = does not apply */
	uint64_t port;         /* ioport: the first; EMT_NO_FRAME */
};

/* A call as bpf/privcmd.h has it, without its header's types. */
struct emt_toolstack_call {
	uint32_t pid, op, cmd, iface, domid;
	int32_t ret;
	char command[16];
	const uint8_t *data;   /* 64 bytes: the operation's own structure */
	uint64_t first_extent;
};

/* False for calls that change nothing of interest. 'time' is left to the caller. */
bool emt_toolstack_decode(const struct emt_toolstack_call *call, struct emt_toolstack_event *out);

/* Frames of a domain that a process mapped, as an event; who and when is left to the caller. */
void emt_toolstack_mapping(struct emt_toolstack_event *e, uint32_t domid, uint64_t gfn, uint64_t mfn, uint64_t count);

/* In words: "pins 0xf0000-0xf07ff as WC"; returns 'out'. */
char *emt_event_text(const struct emt_toolstack_event *e, char *out, size_t room);

#endif
