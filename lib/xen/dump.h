/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debug keys, and the console ring that keeps what they print. A dump cannot be
 * drained while it is printed (one lock is held around every sysctl), so what does not
 * fit the ring is lost, and a serial console keeps the lock for as long as the line
 * takes: both are foretold here from the hypervisor's command line (policy h.1).
 */
#ifndef EMT_XEN_DUMP_H
#define EMT_XEN_DUMP_H

#include "xen/xen.h"

#define EMT_XEN_RING_LEAST 16384  /* bytes, where conring_size= is not given: it may be more */
#define EMT_XEN_DUMP_LINE 64      /* bytes an entry takes in key D's text */
#define EMT_XEN_STALL_MAX 30      /* seconds of a serial line that are too many */

/* What the command line says of the console. */
struct emt_xen_ring {
	uint64_t bytes;      /* of the ring, at least */
	bool stated;         /* conring_size= says so */
	uint32_t baud;       /* of the serial line that Xen prints to; 0 = none */
};
void emt_xen_ring_of(const char *cmdline, struct emt_xen_ring *r);

/* What key D will print: the EPT of every HAP domain, whichever one is asked about. */
struct emt_xen_dump_plan {
	struct emt_xen_ring ring;
	uint32_t domains;    /* that are dumped */
	uint64_t bytes;      /* with 2 MiB pages wherever they are possible */
	uint64_t bytes_most; /* with 4 KiB pages throughout; MMIO comes on top */
	uint64_t seconds;    /* that the serial line needs for 'bytes' */
};
int emt_xen_dump_plan(struct emt_xen *x, struct emt_xen_dump_plan *p, struct emt_err *err);
/* EMT_E_UNSUPPORTED, with the way out, for a dump that cannot fit the ring or whose
 * serial line would hold the host for long: no consent helps there. */
int emt_xen_dump_allowed(const struct emt_xen_dump_plan *p, const char *subject, struct emt_err *err);

/* Issue debug keys in this order (rows EMT_XC_KEY_*; they cost) and give 'text' what
 * they printed, and what others printed between. '*lost' bytes at its beginning were
 * overwritten: the ring was too small. 'text' returns 0 or a negative emt_errcode. */
int emt_xen_keys(struct emt_xen *x, const enum emt_xen_call *keys, size_t n,
		 int (*text)(const char *data, size_t len, void *arg), void *arg, uint64_t *lost,
		 struct emt_err *err);

#endif
