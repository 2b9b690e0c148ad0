/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hypervisor of our own: it answers the calls of the table as Xen does, for two
 * domains, records each, and counts those that no row describes.
 */
#ifndef EMT_TESTS_FAKE_XEN_H
#define EMT_TESTS_FAKE_XEN_H

#include "xen/backend.h"
#include "xen/xen.h"

/* What this Xen is, and what it was asked. */
struct fake_xen {
	unsigned int minor, domctl, sysctl;
	int refuse;             /* errno of every versioned call, 0 = none */
	bool gone;              /* domain 5 vanished */
	bool unlisted;          /* and is not listed any more */
	unsigned int asked, buffers;
	uint64_t seen[EMT_XC_NR]; /* by row of the table */
	unsigned int foreign;   /* calls that no row describes */
	const char *cmdline;    /* of the hypervisor */
	const char *build_id;   /* in hex */
	uint8_t mem_type[16];   /* HVMOP_get_mem_type of the first gfns; others are 0 */
	const char *keys[128];  /* what a debug key prints, NULL = nothing */
	char *ring;             /* the console: 'ring_size' bytes, of which text ends at 'head' */
	size_t ring_size;
	uint32_t head;          /* counts bytes printed, and wraps as Xen's does */
	/* livepatch, and emt's payload */
	int livepatch_refuse;   /* errno of every livepatch call, 0 = none */
	int upload_refuse;      /* of an upload */
	int apply_error;        /* what applying comes to */
	uint32_t patch;         /* 0 absent, 1 uploaded, 2 applied */
	uint32_t others;        /* payloads of others, applied */
	int action_waits, action_error; /* of the last action */
	bool checked;           /* the payload is satisfied */
	int wrong_field;        /* number that its check fails at, 0 = none */
	bool other_version;     /* the payload that is applied is not of this emt */
	int query_refuse;       /* errno of every query */
	int moves;              /* so often the tables move under a query */
	uint32_t batch;         /* what one query gives at most, 0 = all */
	uint64_t answer_differs;/* gfn of which Xen's own function says another type */
	/* the guest's memory, NULL = none; each gfn asked for is told */
	const void *(*guest)(uint32_t domid, uint64_t gfn);
};
extern struct fake_xen fake;
extern const struct emt_xen_backend fake_xen;

/* As new: an empty console of 16 KiB, nothing asked. */
void fake_xen_reset(void);
/* Something is printed to the console. */
void fake_xen_print(const char *text);
/* fake_query.c */
long fake_livepatch(int row, void *arg);
long fake_query(void *arg);
#define FAKE_BUILD_ID "151b373fd64b321593bf987fd923cd10dabadac4"
/* Numbers in arguments. */
void put(void *p, size_t at, uint64_t v, size_t n);
uint64_t get(const void *p, size_t at, size_t n);

#endif
