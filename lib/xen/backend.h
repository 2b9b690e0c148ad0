/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What lies between lib/xen and a hypervisor: buffers that a hypercall may use, the
 * hypercall itself, and reading xenstore. One implementation calls libxencall and
 * libxenstore, loaded when the first domain is asked for (so emt builds and runs
 * without Xen; their interfaces are stable across releases, libxenctrl's is not);
 * tests have another. Internal to lib/xen and its tests.
 */
#ifndef EMT_XEN_BACKEND_H
#define EMT_XEN_BACKEND_H

#include "base/err.h"
#include "base/types.h"

struct emt_xen_backend {
	int (*open)(void **handle, struct emt_err *err);
	void (*close)(void *handle);
	/* Zeroed memory that the hypervisor may read and write; NULL when short. */
	void *(*alloc)(void *handle, size_t bytes);
	void (*free)(void *handle, void *p);
	/* Returns what the hypercall returns, or -1 with errno set. */
	long (*call)(void *handle, unsigned int nr, uint64_t a0, uint64_t a1);
	/* Copy a page of guest memory through a read-only mapping. 0, or -1 with errno set;
	 * ENOSYS: no library for it. NULL = cannot. */
	int (*guest_page)(void *handle, uint32_t domid, uint64_t gfn, void *page);
	/* A value of xenstore, owned by the caller; NULL when there is none. */
	char *(*store)(void *handle, const char *path);
};

extern const struct emt_xen_backend emt_xen_libraries;

#endif
