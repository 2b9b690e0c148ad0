/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages of a guest. A foreign mapping looks its frame up as a guest's own access does:
 * where nothing is populated it populates, pages in, unshares. So only frames that the
 * p2m was seen to map to RAM are ever asked for.
 */
#include <errno.h>
#include <stdio.h>

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
