/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page table formats, one descriptor each: what one 64-bit entry at one level says.
 *
 *   ept    Intel EPT as Xen's p2m writes it, by release layout (table/epte.h)
 *   kvm    the same as KVM's MMU writes it (format_kvm.c)
 *   kvm-npt  AMD NPT as KVM's MMU writes it
 *   npt    AMD NPT (and p2m-pt): type in bits 52..58, "recompute" = U clear
 *   vtd    VT-d second level: R, W, superpage bit 7, snoop bit 11
 *   amdvi  AMD-Vi: PR, next level in bits 9..11, IR bit 61, IW bit 62
 */
#ifndef EMT_TABLE_FORMAT_H
#define EMT_TABLE_FORMAT_H

#include "base/run.h"
#include "table/epte.h"

enum emt_entry_is {
	EMT_ENTRY_NONE,  /* says nothing */
	EMT_ENTRY_LEAF,  /* maps, or says why it does not: 'run' */
	EMT_ENTRY_TABLE, /* points to a table of level 'next' at run.mfn */
	EMT_ENTRY_BAD,   /* cannot be what it says: not followed */
};

struct emt_entry {
	enum emt_entry_is is;
	uint8_t next;    /* EMT_ENTRY_TABLE: level of the table below */
	bool give;       /* EMT_ENTRY_TABLE: carries something that readers need (EMT, recalc) */
	bool pending;    /* EMT_ENTRY_TABLE: all below waits for recomputation (EMT 7) */
	bool alone;      /* the next entry cannot continue it bit by bit */
	bool reserved;   /* bits set that must be 0, or a frame not aligned to the leaf's size */
	struct emt_run run; /* one entry; EMT_RUN_INTERMEDIATE for a table */
};

/* Where an entry stands. */
struct emt_entry_at {
	uint64_t gfn;        /* first gfn (dfn) it covers */
	unsigned int level;  /* 1 = 4 KiB entries */
	bool pending;        /* an entry above carries EMT 7 */
	const struct emt_epte_layout *layout; /* EPT only */
};

struct emt_format {
	const char *name;
	uint8_t levels;      /* usual levels of a table */
	uint8_t min_levels, max_levels;
	void (*decode)(uint64_t raw, const struct emt_entry_at *at, struct emt_entry *out);
};

extern const struct emt_format emt_format_ept, emt_format_npt, emt_format_vtd, emt_format_amdvi, emt_format_kvm,
	emt_format_kvm_npt;

/* By name, or NULL. */
const struct emt_format *emt_format_by_name(const char *name);

#endif
