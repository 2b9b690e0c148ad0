/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages of a guest. A foreign mapping looks its frame up as a guest's own access does:
 * where nothing is populated it populates, pages in, unshares. So only frames that the
 * p2m was seen to map to RAM are ever asked for.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "xen/backend.h"
#include "xen/internal.h"

int emt_xen_guest_page(struct emt_xen *x, uint32_t domid, uint64_t gfn, void *page, struct emt_err *err)
{
	const struct emt_xen_call_desc *d = &emt_xen_calls[EMT_XC_GUEST_PAGE];
	char about[24];
	int rc = emt_xen_may(x, EMT_XC_GUEST_PAGE, err);

	if (rc)
		return rc;
	snprintf(about, sizeof(about), "domain %u", domid);
	if (!x->be->guest_page)
		return emt_err_set(err, EMT_E_UNSUPPORTED, about, NULL, "%s: not offered here", d->name);
	x->issued[EMT_XC_GUEST_PAGE]++;
	rc = x->be->guest_page(x->handle, domid, gfn, page);
	x->last_errno = rc ? errno : 0;
	if (!rc)
		return 0;
	if (errno == ENOSYS)
		return emt_err_set(err, EMT_E_UNSUPPORTED, "libxenforeignmemory.so.1",
				   "install the distribution's Xen libraries (libxenforeignmemory1)",
				   "is not there, or lacks what its version promises");
	return emt_err_errno(err, errno == EPERM ? EMT_E_PERM : EMT_E_IO, about, NULL, "gfn 0x%llx: %s",
			     (unsigned long long)gfn, d->name);
}

/* ---- PV domains ---- */

#define DOMID_SELF 0x7ff0u /* a domain may not name itself by its number */
#define DOMID_XEN 0x7ff2u
#define M2P_EXTENT_BITS 18 /* entries of 8 bytes in 2 MiB */
#define M2P_MARKS 0xfffffffffffffff0ull
#define M2P_DEBUG 0x5555555555555555ull

int emt_xen_pv_page(struct emt_xen *x, uint32_t domid, uint64_t mfn, void *page, struct emt_err *err)
{
	return emt_xen_guest_page(x, domid ? domid : DOMID_SELF, mfn, page, err);
}

/* Where each 2 MiB of the table begin. */
static int m2p_list(struct emt_xen *x)
{
	uint64_t max_page = 0, *list;
	uint8_t *arg;
	uint32_t n;
	int rc;

	if (x->m2p)
		return 0;
	rc = emt_xen_max_page(x, &max_page, NULL);
	n = (uint32_t)(max_page >> M2P_EXTENT_BITS) + 1;
	arg = emt_xen_buffer(x, EMT_XEN_ARG);
	list = rc ? NULL : emt_xen_buffer(x, (size_t)n * 8);
	if (!arg || !list)
		rc = EMT_E_NOMEM;
	if (!rc) {
		xen_put32(arg, 0, n);
		xen_put64(arg, 8, (uint64_t)(uintptr_t)list);
		rc = emt_xen_issue(x, EMT_XC_M2P_LIST, arg, NULL, NULL, NULL);
	}
	if (!rc) {
		x->nr_m2p = xen_get32(arg, 16) < n ? xen_get32(arg, 16) : n;
		x->m2p = calloc(x->nr_m2p ? x->nr_m2p : 1, 8);
		x->m2p_mfn = EMT_NO_FRAME;
		if (x->m2p)
			memcpy(x->m2p, list, (size_t)x->nr_m2p * 8);
		else
			rc = EMT_E_NOMEM;
	}
	emt_xen_buffer_free(x, list);
	emt_xen_buffer_free(x, arg);
	return rc;
}

int emt_xen_m2p(struct emt_xen *x, uint64_t mfn, uint64_t *pfn)
{
	uint64_t at;
	int rc = m2p_list(x);

	if (rc || mfn >> M2P_EXTENT_BITS >= x->nr_m2p)
		return rc ? rc : EMT_E_MISSING;
	at = x->m2p[mfn >> M2P_EXTENT_BITS] + ((mfn & ((1u << M2P_EXTENT_BITS) - 1)) >> 9);
	if (at != x->m2p_mfn) {
		x->m2p_mfn = EMT_NO_FRAME;
		rc = emt_xen_guest_page(x, DOMID_XEN, at, x->m2p_page, NULL);
		if (rc)
			return rc;
		x->m2p_mfn = at;
	}
	*pfn = x->m2p_page[mfn & 511];
	return *pfn >= M2P_MARKS || *pfn == M2P_DEBUG ? EMT_E_MISSING : 0;
}
