/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * THE table of hypercalls: every one that emt can issue, with its effect and what it
 * costs a production host, and those that it never issues, with the reason. Nothing
 * else reaches the hypervisor: emt_xen_issue() is the only way, it writes number,
 * command and interface version itself, and takes them from this table.
 */
#ifndef EMT_XEN_CALLS_H
#define EMT_XEN_CALLS_H

#include "base/types.h"

enum emt_xen_call {
	EMT_XC_VERSION,        /* numbers of the release */
	EMT_XC_EXTRAVERSION,   /* the rest of them */
	EMT_XC_COMMANDLINE,    /* the hypervisor's own */
	EMT_XC_PHYSINFO,       /* processors, capabilities */
	EMT_XC_DOMAIN_LIST,    /* all domains */
	EMT_XC_DOMAIN,         /* one of them */
	EMT_XC_CONSOLE,        /* text of the console ring, not cleared */
	EMT_XC_HOST_E820,      /* memory map of the host */
	EMT_XC_MAX_PAGE,       /* first frame above all memory */
	EMT_XC_MAX_GFN,        /* of a domain */
	EMT_XC_HOST_MTRR,      /* one variable range of the host */
	EMT_XC_HVM_RECORD,     /* one record of a vCPU's state */
	EMT_XC_MEM_TYPE,       /* class of the p2m type of one gfn */
	EMT_XC_KEY_D,          /* debug keys */
	EMT_XC_KEY_Q,
	EMT_XC_KEY_PCI,
	EMT_XC_KEY_O,
	EMT_XC_BUILD_ID,       /* of the hypervisor */
	EMT_XC_LIVEPATCH_LIST, /* payloads that were uploaded */
	EMT_XC_LIVEPATCH_GET,  /* state of one */
	EMT_XC_LIVEPATCH_UPLOAD,
	EMT_XC_LIVEPATCH_ACTION, /* apply, revert, unload */
	EMT_XC_QUERY,          /* answered by emt's payload (query/abi.h) */
	EMT_XC_M2P_LIST,       /* where the M2P lies */
	EMT_XC_GUEST_PAGE,     /* a page of guest RAM, of a gfn known to be populated */
	EMT_XC_NR_ISSUED,
	/* never issued; they stand here so that nobody adds them unawares */
	EMT_XC_PAGEFRAMEINFO = EMT_XC_NR_ISSUED,
	EMT_XC_FOREIGN_MAP,
	EMT_XC_GUESTMEMIO_WRITE,
	EMT_XC_READ_MSR,
	EMT_XC_CONSOLE_CLEAR,
	EMT_XC_KEY_OTHER,
	EMT_XC_NR,
};

/* What a call costs; see also enum emt_cost of the commands. */
enum emt_xen_cost {
	EMT_XEN_FREE,  /* nobody notices */
	EMT_XEN_COSTS, /* pauses a vCPU, holds a lock for long, prints: asked for first */
	EMT_XEN_CHANGES, /* changes the hypervisor, until it is undone: only when a person asks */
	EMT_XEN_NEVER, /* writes, populates, unshares, or may hang a host */
};

/* How the arguments are passed, and where command and version stand. */
enum emt_xen_via {
	EMT_XEN_VIA_VERSION,  /* hypercall 17: command, pointer */
	EMT_XEN_VIA_MEMORY,   /* hypercall 12: command, pointer */
	EMT_XEN_VIA_SYSCTL,   /* hypercall 35: structure with command and version */
	EMT_XEN_VIA_DOMCTL,   /* hypercall 36: the same, and a domain */
	EMT_XEN_VIA_PLATFORM, /* hypercall 7: structure with command and version */
	EMT_XEN_VIA_HVM,      /* hypercall 34: command, pointer */
	EMT_XEN_VIA_FOREIGN,  /* no hypercall of ours: libxenforeignmemory, see guest.c */
	EMT_XEN_VIA_NONE,     /* not issued */
};

struct emt_xen_call_desc {
	const char *name;       /* Xen's: "XEN_DOMCTL_getdomaininfo" */
	enum emt_xen_via via;
	uint32_t cmd;
	char key;               /* debug keys: which; else 0 */
	uint8_t op;             /* of calls with a second command behind the head: that and one; else 0 */
	bool versioned;         /* has an interface version that a release fixes */
	enum emt_xen_cost cost;
	const char *effect;     /* what it does to the host, one line */
};
extern const struct emt_xen_call_desc emt_xen_calls[EMT_XC_NR];

/* "free", "costs", "changes", "never" */
const char *emt_xen_cost_name(unsigned int cost);

/* What a release of Xen fixes about its interfaces. Sources: the public headers of
 * the releases. Offsets in bytes. */
struct emt_xen_iface {
	uint8_t minor;            /* 4.x */
	uint8_t domctl, sysctl;   /* interface versions */
	uint8_t info_size;        /* of a domain's description in a list */
	uint8_t emulation;        /* offset of its emulation flags, 0 = not told */
	uint8_t caps, max_mfn, hw_cap; /* in physinfo; max_mfn 0 = not told */
	bool hap_flag;            /* the description says whether paging is hardware's */
};

/* Of 4.'minor' (major must be 4); NULL when emt does not know it. */
const struct emt_xen_iface *emt_xen_iface(unsigned int major, unsigned int minor);
/* "4.5 to 4.22" */
const char *emt_xen_iface_range(void);

#define EMT_XEN_PLATFORM_VERSION 0x03000001u

#endif
