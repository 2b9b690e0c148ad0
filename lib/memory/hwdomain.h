/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domain ids of the hardware: which id an IOMMU tags a table's translations with. They
 * stand beside the table's address in VT-d's context entries and AMD-Vi's device table
 * entries, which are found by that address.
 *
 * Layouts: VT-d specification 9.3 (legacy context entries); AMD IOMMU specification 2.2.2.1.
 */
#ifndef EMT_MEMORY_HWDOMAIN_H
#define EMT_MEMORY_HWDOMAIN_H

#include "memory/memory.h"

/* An entry that names a table. */
struct emt_hw_entry {
	size_t which;   /* index in 'roots' */
	bool amd;
	uint16_t did;
	uint64_t maddr; /* of the entry */
};

/* Look for entries that name one of these tables, frames of roots; needs the E820 where
 * only RAM may be read. cb returns non-zero to stop, which is passed on. */
int emt_mem_hw_entries(struct emt_mem *m, const uint64_t *roots, size_t nr,
		       int (*cb)(const struct emt_hw_entry *e, void *arg), void *arg, struct emt_err *err);

#endif
