/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The type that the CPU uses: on Intel the EPT memory type combined with the guest's
 * PAT; on AMD the guest's PAT with the nested entry's, and the host's MTRRs.
 */
#ifndef EMT_POLICY_EFFECTIVE_H
#define EMT_POLICY_EFFECTIVE_H

#include "policy/facts.h"
#include "policy/release.h"

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

/* ---- AMD ---- */

/* Two types that nested paging alone has, under the numbers that enum emt_mt leaves
 * free: CD, not cached but what is cached is looked at (APM vol. 2, 7.4 and table 7-11),
 * and WC+, write-combining that looks at the caches (15.25.8). */
#define EMT_MT_CD 2u
#define EMT_MT_WC_PLUS 3u
/* Name of an effective type: "CD", "WC+", else as emt_mt_name(). */
const char *emt_effective_name(unsigned int type);

/* Sets of effective types, a bit each. */
#define EMT_EFFECTIVE_CACHED (1u << EMT_MT_WB | 1u << EMT_MT_WT | 1u << EMT_MT_WP)
#define EMT_EFFECTIVE_WC (1u << EMT_MT_WC | 1u << EMT_MT_WC_PLUS)
#define EMT_EFFECTIVE_UNCACHED (1u << EMT_MT_UC | 1u << EMT_MT_CD | EMT_EFFECTIVE_WC)

/* The PAT type of a nested entry: 'raw' with the bits PWT, PCD and PAT (12 of a
 * superpage, else 7), under Xen's own PAT, which has been 0x050100070406 in all releases
 * (XEN_MSR_PAT, earlier host_pat). Xen's p2m writes WB for RAM, UC- for mmio_direct and,
 * since c61a6f74f8 (4.7.0), UC for what is read-only of it (p2m_type_to_flags()). */
unsigned int emt_npt_pat(uint64_t raw, unsigned int order, bool kvm);

/* Guest PAT type x PAT type of the nested entry x host MTRR type: the set of types that
 * the CPU may use. AMD APM vol. 2, 15.25.8: first both PATs are combined, then the result
 * with the MTRRs. Stated for the three nested types that Xen writes; of any other, of
 * types that do not exist, and where this leaves a doubt, all that is possible. */
unsigned int emt_effective_npt(unsigned int pat, unsigned int nested, unsigned int mtrr);

/* ---- CR0.CD ---- */

/* Does Xen on VMX heed a guest's CR0.CD, by a PAT of all UC: a set of EMT_NO, EMT_YES.
 * XSA-60 (62652c00ef, in 4.2.4, 4.3.2 and 4.4.0): of domains with a device assigned,
 * while the IOMMUs do not snoop. Since 4.5.0 of those with any device or I/O right, and
 * an IOMMU; since 4.13.0 (f89f555827) the domain itself must have one. It acts when the
 * guest writes CR0: rights given later change nothing until then. 'rel' NULL: not known. */
uint16_t emt_xen_heeds_cd(const struct emt_facts *f, const struct emt_release *rel);

#endif
