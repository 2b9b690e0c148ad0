/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libxencall and libxenstore, found at run time. Declared here in our own words: their
 * versioned names (.so.1, .so.4) promise these calls.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "xen/backend.h"

struct xencall_handle;
struct xs_handle;
struct xenforeignmemory_handle;

struct libraries {
	void *call_lib, *store_lib;
	struct xencall_handle *xcall;
	struct xs_handle *xs;   /* NULL = no xenstore; names are then not known */
	struct xencall_handle *(*xencall_open)(void *logger, unsigned int flags);
	int (*xencall_close)(struct xencall_handle *h);
	int (*xencall2)(struct xencall_handle *h, unsigned int op, uint64_t a, uint64_t b);
	long (*xencall2l)(struct xencall_handle *h, unsigned int op, uint64_t a, uint64_t b);
	void *(*alloc)(struct xencall_handle *h, size_t size);
	void (*free)(struct xencall_handle *h, void *p);
	struct xs_handle *(*xs_open)(unsigned long flags);
	void *(*xs_read)(struct xs_handle *h, uint32_t t, const char *path, unsigned int *len);
	void (*xs_close)(struct xs_handle *h);
	void *map_lib;          /* loaded when the first page is asked for */
	struct xenforeignmemory_handle *fmem;
	int (*fmem_close)(struct xenforeignmemory_handle *h);
	void *(*fmem_map)(struct xenforeignmemory_handle *h, uint32_t dom, int prot, size_t pages,
			  const unsigned long *gfns, int *errs);
	int (*fmem_unmap)(struct xenforeignmemory_handle *h, void *addr, size_t pages);
};

static void libraries_close(void *handle)
{
	struct libraries *l = handle;

	if (l->fmem)
		l->fmem_close(l->fmem);
	if (l->map_lib)
		dlclose(l->map_lib);
	if (l->xs)
		l->xs_close(l->xs);
	if (l->xcall)
		l->xencall_close(l->xcall);
	if (l->store_lib)
		dlclose(l->store_lib);
	if (l->call_lib)
		dlclose(l->call_lib);
	free(l);
}

/* Why the library would not open it; asked first because the library prints. */
static int check_device(struct emt_err *err)
{
	static const char *const paths[] = { "/dev/xen/privcmd", "/proc/xen/privcmd" };
	static const char next[] = "run it as root in dom0; elsewhere open a capture (FILE.emt)";

	for (size_t i = 0; i < EMT_ARRAY_SIZE(paths); i++) {
		if (!access(paths[i], R_OK | W_OK))
			return 0;
		if (errno == EACCES || errno == EPERM)
			return emt_err_set(err, EMT_E_PERM, paths[i], "run it as root",
					   "no permission to talk to the hypervisor");
	}
	if (!access("/sys/hypervisor/uuid", F_OK) || !access("/proc/xen", F_OK))
		return emt_err_set(err, EMT_E_UNSUPPORTED, NULL, "load the module xen-privcmd, or run it in dom0",
				   "Xen runs here, but there is no /dev/xen/privcmd to ask it");
	return emt_err_set(err, EMT_E_UNSUPPORTED, NULL, next, "no Xen runs on this machine");
}

static int find(void *lib, const char *name, void *function)
{
	void *p = dlsym(lib, name);

	memcpy(function, &p, sizeof(p));
	return p ? 0 : -1;
}

static int load(struct libraries *l, struct emt_err *err)
{
	l->call_lib = dlopen("libxencall.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!l->call_lib)
		return emt_err_set(err, EMT_E_UNSUPPORTED, "libxencall.so.1",
				   "install the distribution's Xen libraries (libxencall1)", "%s", dlerror());
	if (find(l->call_lib, "xencall_open", &l->xencall_open) ||
	    find(l->call_lib, "xencall_close", &l->xencall_close) ||
	    find(l->call_lib, "xencall2", &l->xencall2) ||
	    find(l->call_lib, "xencall_alloc_buffer", &l->alloc) ||
	    find(l->call_lib, "xencall_free_buffer", &l->free))
		return emt_err_set(err, EMT_E_UNSUPPORTED, "libxencall.so.1", NULL,
				   "lacks what its version promises");
	find(l->call_lib, "xencall2L", &l->xencall2l); /* since Xen 4.16 */
	l->store_lib = dlopen("libxenstore.so.4", RTLD_NOW | RTLD_LOCAL);
	if (!l->store_lib)
		l->store_lib = dlopen("libxenstore.so.3.0", RTLD_NOW | RTLD_LOCAL);
	if (l->store_lib && (find(l->store_lib, "xs_open", &l->xs_open) ||
			     find(l->store_lib, "xs_read", &l->xs_read) ||
			     find(l->store_lib, "xs_close", &l->xs_close))) {
		dlclose(l->store_lib);
		l->store_lib = NULL;
	}
	return 0;
}

static int libraries_open(void **handle, struct emt_err *err)
{
	struct libraries *l;
	int rc = check_device(err);

	if (rc)
		return rc;
	l = calloc(1, sizeof(*l));
	if (!l)
		return emt_err_set(err, EMT_E_NOMEM, NULL, NULL, "not enough memory");
	rc = load(l, err);
	if (!rc && l->xencall_open) {
		l->xcall = l->xencall_open(NULL, 0);
		if (!l->xcall)
			rc = emt_err_errno(err, EMT_E_IO, "/dev/xen/privcmd", NULL, "cannot be opened");
	}
	if (rc) {
		libraries_close(l);
		return rc;
	}
	if (l->store_lib && l->xs_open)
		l->xs = l->xs_open(1UL << 0); /* read only */
	*handle = l;
	return 0;
}

static void *libraries_alloc(void *handle, size_t bytes)
{
	struct libraries *l = handle;
	void *p = l->alloc(l->xcall, bytes);

	if (p)
		memset(p, 0, bytes);
	return p;
}

static void libraries_free(void *handle, void *p)
{
	struct libraries *l = handle;

	if (p)
		l->free(l->xcall, p);
}

static long libraries_call(void *handle, unsigned int nr, uint64_t a0, uint64_t a1)
{
	struct libraries *l = handle;

	return l->xencall2l ? l->xencall2l(l->xcall, nr, a0, a1) : l->xencall2(l->xcall, nr, a0, a1);
}

/* Once, with the first page; what fails stays failed. */
static int load_map(struct libraries *l)
{
	struct xenforeignmemory_handle *(*open)(void *logger, unsigned int flags);

	if (l->map_lib)
		return l->fmem ? 0 : -1;
	l->map_lib = dlopen("libxenforeignmemory.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!l->map_lib || find(l->map_lib, "xenforeignmemory_open", &open) ||
	    find(l->map_lib, "xenforeignmemory_close", &l->fmem_close) ||
	    find(l->map_lib, "xenforeignmemory_map", &l->fmem_map) ||
	    find(l->map_lib, "xenforeignmemory_unmap", &l->fmem_unmap))
		return -1;
	l->fmem = open(NULL, 0);
	return l->fmem ? 0 : -1;
}

static int libraries_guest_page(void *handle, uint32_t domid, uint64_t gfn, void *page)
{
	struct libraries *l = handle;
	unsigned long frame = gfn;
	int bad = 0;
	void *p;

	if (load_map(l)) {
		errno = ENOSYS;
		return -1;
	}
	p = l->fmem_map(l->fmem, domid, PROT_READ, 1, &frame, &bad);
	if (!p || bad) {
		if (p)
			l->fmem_unmap(l->fmem, p, 1);
		errno = bad < 0 ? -bad : bad ? bad : errno;
		return -1;
	}
	memcpy(page, p, 4096);
	l->fmem_unmap(l->fmem, p, 1);
	return 0;
}

static char *libraries_store(void *handle, const char *path)
{
	struct libraries *l = handle;
	unsigned int len;

	return l->xs ? l->xs_read(l->xs, 0, path, &len) : NULL;
}

const struct emt_xen_backend emt_xen_libraries = {
	.open = libraries_open,
	.close = libraries_close,
	.alloc = libraries_alloc,
	.free = libraries_free,
	.call = libraries_call,
	.store = libraries_store,
	.guest_page = libraries_guest_page,
};
