/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The handle, and numbers at offsets of argument structures. Internal to lib/xen.
 */
#ifndef EMT_XEN_INTERNAL_H
#define EMT_XEN_INTERNAL_H

#include <string.h>

#include "xen/xen.h"

struct emt_xen {
	const struct emt_xen_backend *be;
	void *handle;         /* the backend's */
	const char *subject;  /* of errors; borrowed */
	bool consent;         /* calls that cost are allowed */
	bool changes;         /* so are calls that change the hypervisor */
	char release[48];
	const struct emt_xen_iface *iface; /* NULL = release not known */
	int last_errno;       /* of the last call that failed */
	uint64_t issued[EMT_XC_NR];
	/* the M2P, once it was asked for */
	uint64_t *m2p;        /* owned: first frame of each 2 MiB of it */
	uint32_t nr_m2p;
	uint64_t m2p_page[512]; /* the page read last, of frame 'm2p_mfn' */
	uint64_t m2p_mfn;
};

/* Where the arguments begin. */
#define SYSCTL_U 8
#define DOMCTL_U 16
#define PLATFORM_U 8

static inline void xen_put16(void *p, size_t at, uint16_t v)
{
	memcpy((uint8_t *)p + at, &v, sizeof(v));
}

static inline void xen_put32(void *p, size_t at, uint32_t v)
{
	memcpy((uint8_t *)p + at, &v, sizeof(v));
}

static inline void xen_put64(void *p, size_t at, uint64_t v)
{
	memcpy((uint8_t *)p + at, &v, sizeof(v));
}

static inline uint16_t xen_get16(const void *p, size_t at)
{
	uint16_t v;

	memcpy(&v, (const uint8_t *)p + at, sizeof(v));
	return v;
}

static inline uint32_t xen_get32(const void *p, size_t at)
{
	uint32_t v;

	memcpy(&v, (const uint8_t *)p + at, sizeof(v));
	return v;
}

static inline uint64_t xen_get64(const void *p, size_t at)
{
	uint64_t v;

	memcpy(&v, (const uint8_t *)p + at, sizeof(v));
	return v;
}

static inline int xen_nomem(const struct emt_xen *x, struct emt_err *err)
{
	emt_err_set(err, EMT_E_NOMEM, x->subject, NULL, "not enough memory for a hypercall");
	return EMT_E_NOMEM;
}

#endif
