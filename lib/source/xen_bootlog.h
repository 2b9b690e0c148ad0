/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts of the boot log that Xen's console ring may still hold. Internal to lib/source. */
#ifndef EMT_SOURCE_XEN_BOOTLOG_H
#define EMT_SOURCE_XEN_BOOTLOG_H

#include "xen/xen.h"

/* Adds to 'f', which has what the calls tell: the IOMMU's features where they are not
 * known, the host MTRRs' default and fixed ranges, and those of boot where dom0 changed
 * them since. A ring that no longer holds the log, or cannot be read, adds nothing: an
 * error is of that, and no reason to give up. */
int emt_xen_boot_log(struct emt_xen *x, struct emt_facts *f, struct emt_err *err);

#endif
