/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The query payload's interface: a request rides in the unused end of the argument of
 * XEN_DOMCTL_get_device_group and is known by its first word. All is little endian, of
 * 64-bit callers. Shared by the payload and by emt.
 */
#ifndef EMT_XEN_QUERY_ABI_H
#define EMT_XEN_QUERY_ABI_H

#include <stdint.h>

#define EMT_QUERY_NAME "emt-query"  /* of the payload, in Xen's list */
#define EMT_QUERY_AT 32             /* of the request, in the argument's union */
/* They carry the version of what follows: the payload of another version is as none. */
#define EMT_QUERY_MAGIC 0x3230595251544d45ull /* "EMTQRY02": asks */
#define EMT_QUERY_REPLY 0x3230594c50544d45ull /* "EMTPLY02": was answered by the payload */

enum emt_query_cmd {
	EMT_QUERY_CHECK = 1, /* the payload checks its numbers against the facts of the request */
	EMT_QUERY_WALK,      /* buf: struct emt_query_run[] */
	EMT_QUERY_POLICY,    /* buf: struct emt_query_rec[] */
	EMT_QUERY_SPECIAL,   /* the same: special ones of frames 'at' to 'last' */
};
/* WALK: what is told beside the entries themselves, each at its price. */
#define EMT_QUERY_F_XEN 1u    /* what Xen's own function would write now: emt, ipat */
#define EMT_QUERY_F_PINS 2u   /* Xen's own lookup: pin */
#define EMT_QUERY_F_FRAMES 4u /* the frames behind: special, E_VALID */

/* Why a request was refused; with each, the errno that it comes with. */
enum emt_query_why {
	EMT_QUERY_OK,
	EMT_QUERY_CALLER,    /* EPERM: not the hardware domain */
	EMT_QUERY_NOT_IT,    /* EOPNOTSUPP: own domain, PV, or shadow paging */
	EMT_QUERY_DYING,     /* ESRCH */
	EMT_QUERY_UNCHECKED, /* EACCES: no check has passed since it was loaded */
	EMT_QUERY_FACT,      /* EINVAL: a fact of the request is not so; 'field' counts them */
	EMT_QUERY_FIELD,     /* EINVAL: number 'field' (enum emt_query_field) is not this build's */
	EMT_QUERY_MOVED,     /* EAGAIN: the tables changed under the walk, again and again */
	EMT_QUERY_COMMAND,   /* ENOSYS: no such command */
	EMT_QUERY_BUFFER,    /* EFAULT */
	EMT_QUERY_MEMORY,    /* ENOMEM */
	EMT_QUERY_WHY_NR
};

struct emt_query {
	uint64_t magic;     /* reply: EMT_QUERY_REPLY */
	uint32_t cmd, flags;
	uint32_t max;       /* in: room in 'buf'; out: how many were written */
	uint32_t more;      /* out: ask again from 'at' on */
	uint64_t at;        /* in: first gfn or frame, or index of the first record; out: the next */
	uint64_t last;      /* in: WALK: the last gfn wanted; SPECIAL: the last frame */
	uint64_t buf;       /* of the caller */
	uint32_t why, field; /* out: see above */
	/* CHECK: what public calls say */
	uint32_t domid, nr_vcpus;
	uint64_t tot_pages, max_gfn;
	char version[16];   /* "4.17.7", cut to fit */
};

/* Entries that are not zero: 'count' of one order, side by side in one table, of which each maps the
 * frames behind those of the one before; all else is the same for each. */
struct emt_query_run {
	uint64_t gfn, raw;  /* of the first */
	uint32_t count;     /* at least 1 */
	uint32_t special;   /* F_FRAMES: special frames behind it; then count is 1 */
	uint8_t order;
	uint8_t flags;      /* EMT_QUERY_E_* */
	int8_t emt;         /* F_XEN, EPT: Xen's own answer; -1 it would split, -2 not asked */
	uint8_t ipat;       /* with it */
	int8_t pin;         /* F_PINS: Xen's own lookup; -1 none, -2 not asked, -3 partly pinned */
	uint8_t pad[3];
};
#define EMT_QUERY_E_PENDING 1u /* a table above it carries EMT 7 */
#define EMT_QUERY_E_NPT 2u     /* AMD's format */
#define EMT_QUERY_E_VALID 4u   /* F_FRAMES: Xen has a struct page_info for its first frame */

/* The policy's inputs. */
struct emt_query_rec {
	uint32_t type, idx;
	uint64_t a, b, c;
};
enum emt_query_rec_type {
	EMT_QUERY_R_DOMAIN = 1,  /* a: EMT_QUERY_D_*; b: highest gfn; c: root of the tables (machine address) */
	EMT_QUERY_R_PIN,         /* a..b: gfns; c: type; newest first */
	EMT_QUERY_R_MMIO_RO,     /* a..b: frames */
	EMT_QUERY_R_IOMEM,       /* a..b: frames */
	EMT_QUERY_R_IOPORT,      /* a..b: ports */
	EMT_QUERY_R_HOST,        /* a: default type, b: EMT_QUERY_M_*, c: capabilities */
	EMT_QUERY_R_HOST_VAR,    /* idx; a: base, b: mask */
	EMT_QUERY_R_HOST_FIXED,  /* idx: of the first; a, b, c: three, as far as there are */
	EMT_QUERY_R_VCPU,        /* idx: vCPU; as R_HOST */
	EMT_QUERY_R_VCPU_CR0,    /* idx: vCPU; a: CR0 */
	EMT_QUERY_R_VCPU_VAR,    /* idx: vCPU << 8 | register */
	EMT_QUERY_R_VCPU_FIXED,  /* idx: vCPU << 8 | first */
	EMT_QUERY_R_SPECIAL,     /* a..b: frames; c: 0 of Xen's heap, 1 extra pages of the domain */
};
#define EMT_QUERY_D_IOMMU 1u  /* the domain has IOMMU tables */
#define EMT_QUERY_D_EPT 2u    /* else NPT */
#define EMT_QUERY_D_SNOOP 4u  /* iommu_snoop */
#define EMT_QUERY_M_ENABLED 1u
#define EMT_QUERY_M_FIXED 2u
#define EMT_QUERY_M_HAVE_FIXED 4u

/* What one call does at most; it then says "more". A leaf of 1 GiB is looked at as a whole. */
#define EMT_QUERY_MAX_RUNS 2048u
#define EMT_QUERY_MAX_SLOTS 16384u    /* of tables */
#define EMT_QUERY_MAX_FRAMES (1u << 16) /* looked at for what is special */
#define EMT_QUERY_MAX_ASKED 2048u     /* entries that Xen's functions are asked about */

#endif
