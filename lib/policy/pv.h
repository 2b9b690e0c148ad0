/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The p2m of a Linux PV domain: what each guest frame's entry should be, by kernel and
 * by the memory map that the domain was given. Device memory must be identity, or a
 * mapping of it points nowhere.
 *
 * Rules (arch/x86/xen/setup.c and p2m.c of the kernels named):
 *   before 2.6.39   no identity entries
 *   2.6.39 - 3.15   what lies before a RAM region and after the one before it, and what
 *                   is listed behind the last one, is identity; all behind the map is missing
 *   3.16 -          all behind the map is identity too (BARs above RAM)
 *   3.19 -          a linear list; frames behind the end of the memory that the domain was
 *                   given are identity whatever they are, until memory is added there
 *   4.3 -           the tree for the toolstack may be absent
 * Whole pages only: a page of which a part is no RAM belongs to what is around.
 */
#ifndef EMT_POLICY_PV_H
#define EMT_POLICY_PV_H

#include "base/err.h"
#include "base/range.h"

enum emt_pv_kind {
	EMT_PV_FRAME,    /* a machine frame of the domain */
	EMT_PV_MISSING,  /* ballooned out, or never there */
	EMT_PV_IDENTITY, /* the machine frame of the same number */
	EMT_PV_FOREIGN,  /* another domain's frame: grant or foreign mapping */
	EMT_PV_NR,
};
const char *emt_pv_kind_name(unsigned int kind); /* "frame", "missing", "identity", "foreign" */

struct emt_pv_entry {
	enum emt_pv_kind kind;
	uint64_t mfn;   /* without the marks; EMT_NO_FRAME when missing */
};
/* One entry as it stands in the list; 'bits' of an unsigned long, 32 or 64. */
struct emt_pv_entry emt_pv_decode(uint64_t raw, unsigned int bits);

/* What a kernel does. */
struct emt_pv_era {
	const char *kernels;  /* "3.16 - 3.18" */
	uint32_t first;       /* version << 16 | patch level << 8 | sublevel */
	bool holes;           /* what the map leaves out below its end is identity */
	bool above;           /* ... and all behind it */
	bool linear;          /* the list is linear: what is behind its end is identity */
	bool tree_optional;   /* the tree that the toolstack reads may be absent */
	bool iomap;           /* a PTE for device memory needs _PAGE_IOMAP */
};
extern const struct emt_pv_era emt_pv_eras[];
extern const size_t emt_nr_pv_eras;
/* By a kernel's release, "4.19.0-27-amd64" or "Linux version 3.16.0 ..."; NULL = makes no sense. */
const struct emt_pv_era *emt_pv_era_of(const char *release);

/* Where a frame lies in the map; tag 1 = RAM, in frames, sorted. */
enum emt_pv_place {
	EMT_PV_RAM,
	EMT_PV_LISTED,  /* a region that is no RAM: reserved, ACPI ... */
	EMT_PV_GAP,     /* between regions, or before the first */
	EMT_PV_BEHIND,  /* behind the last one */
	EMT_PV_PLACES,
};
const char *emt_pv_place_name(unsigned int place); /* "ram", "reserved", "gap", "above" */
/* '*last' is the last frame of which the same is true; '*tag' the region's type, 0 = none. */
enum emt_pv_place emt_pv_place(const struct emt_ranges *e820, uint64_t pfn, uint64_t *last, uint32_t *tag);

/* Kinds that the rules allow there, as a set of 1 << enum emt_pv_kind. 'era' NULL: not
 * known, what any kernel since 2.6.39 allows. 'size': end of the memory that the domain was
 * given, in frames, 0 = not known.
 * Foreign mappings may stand anywhere: drivers put them where nothing else is. */
unsigned int emt_pv_expect(const struct emt_pv_era *era, enum emt_pv_place place, uint64_t pfn, uint64_t size);

#endif
