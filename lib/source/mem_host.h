/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What Xen's console text in a memory image says of the host. */
#ifndef EMT_SOURCE_MEM_HOST_H
#define EMT_SOURCE_MEM_HOST_H

#include "policy/facts.h"

/* Release, host E820, IOMMU and host MTRRs of the boot log in 'text', into 'f' (which
 * must be initialised). What guests' dumps in the same text say is left out. */
int emt_mem_host(struct emt_facts *f, const char *text, size_t len, struct emt_err *err);

#endif
