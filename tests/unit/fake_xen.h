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
	unsigned int asked, buffers;
	uint64_t seen[EMT_XC_NR]; /* by row of the table */
	unsigned int foreign;   /* calls that no row describes */
	const char *cmdline;    /* of the hypervisor */
	const char *keys[128];  /* what a debug key prints, NULL = nothing */
	char *ring;             /* the console: 'ring_size' bytes, of which text ends at 'head' */
	size_t ring_size;
	uint32_t head;          /* counts bytes printed, and wraps as Xen's does */
};
extern struct fake_xen fake;
extern const struct emt_xen_backend fake_xen;

/* As new: an empty console of 16 KiB, nothing asked. */
void fake_xen_reset(void);
/* Something is printed to the console. */
void fake_xen_print(const char *text);
/* Numbers in arguments. */
void put(void *p, size_t at, uint64_t v, size_t n);
uint64_t get(const void *p, size_t at, size_t n);

#endif
