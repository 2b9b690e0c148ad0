/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The type that the CPU uses: EPT memory type combined with the guest's PAT.
 */
#ifndef EMT_POLICY_EFFECTIVE_H
#define EMT_POLICY_EFFECTIVE_H

#include "base/types.h"

/* 'emt' of the entry, its ipat, and the PAT type (enum emt_mt, 7 = UC-) that the
 * guest's page tables select; WB while paging is off. 'all_uc' is Xen's no-fill
 * mode (guest CR0.CD set on a domain with IOMMU: the loaded PAT is all UC).
 * Returns enum emt_mt; for a reserved or pending EMT EMT_MT_7.
 * SDM vol. 3, 12.11.2.1 table (MTRR x PAT) with EMT in the MTRR's role and
 * 29.3.7.2; the combinations left open there as Xen's mm_type_tbl has them. */
unsigned int emt_effective(unsigned int emt, bool ipat, unsigned int pat, bool all_uc);

/* True when the combination is marked undefined in older SDM editions. */
bool emt_effective_undefined(unsigned int emt, bool ipat, unsigned int pat);

/* Type in slot 'i' (0..7) of an IA32_PAT value. */
unsigned int emt_pat_entry(uint64_t pat, unsigned int i);

#endif
