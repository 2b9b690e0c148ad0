/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * EPT entries as each Xen release lays them out (policy: lib/policy/release.h
 * names releases; b94305d984 of 4.20 moved 'access' and made bit 58 'pw').
 */
#ifndef EMT_TABLE_EPTE_H
#define EMT_TABLE_EPTE_H

#include "base/run.h"

struct emt_epte_field {
	const char *name;    /* Xen's own: "sa_p2mt", "suppress_ve" ... */
	uint8_t shift, width;/* in bits */
};

struct emt_epte_layout {
	const char *name;    /* "4.6": first release that has it */
	const char *releases;/* "4.6-4.15" */
	uint32_t from;       /* EMT_VER-style number of that release */
	const struct emt_epte_field *fields;
	size_t nr_fields;
};

/* Layouts, oldest first; NULL past the end. */
const struct emt_epte_layout *emt_epte_layout_at(size_t i);
/* By name ("4.4", "4.5", "4.6", "4.16", "4.20", "master"), NULL if there is none. */
const struct emt_epte_layout *emt_epte_layout_by_name(const char *name);
/* The layout of a release, given as major << 24 | minor << 16 | sub. */
const struct emt_epte_layout *emt_epte_layout_of(uint32_t version);

uint64_t emt_epte_get(uint64_t raw, const struct emt_epte_field *field);
/* Field by name, NULL if the layout has none of that name. */
const struct emt_epte_field *emt_epte_field(const struct emt_epte_layout *layout, const char *name);

/* What all layouts have in common; fields that a layout lacks are 0. */
struct emt_epte {
	uint64_t mfn;        /* 40 bits */
	uint8_t perm;        /* enum emt_perm */
	uint8_t emt, ipat, sp;
	uint8_t a, d, recalc, snp, suppress_ve, pw;
	uint8_t p2mt;        /* enum emt_p2mt number as stored (6 bits) */
	uint8_t access;      /* p2m_access_t */
};
void emt_epte_decode(uint64_t raw, const struct emt_epte_layout *layout, struct emt_epte *out);

/* Any of r, w, x: hardware may use it. */
bool emt_epte_present(uint64_t raw);
/* Xen takes the entry for one that says something: from 4.6 on non-zero but for
 * bit 63 and not of type invalid; before, not of type invalid. */
bool emt_epte_valid(uint64_t raw, const struct emt_epte_layout *layout);

/* Bits of 'raw' that hold the frame number. */
#define EMT_EPTE_MFN_BITS 0x000ffffffffff000ull

/* As a run of one entry. 'order' 0, 9, 18 for a leaf; for an intermediate entry
 * what it covers, with 'leaf' false. 'pending_above': an entry above has EMT 7. */
void emt_epte_to_run(uint64_t raw, const struct emt_epte_layout *layout, uint64_t gfn, unsigned int order,
		     bool leaf, bool pending_above, struct emt_run *run);

/* The line that key D of 4.5 and later prints for a leaf, without prefix and
 * newline, trailing blanks included. Returns its length. */
int emt_epte_d_line(const struct emt_run *run, char *out, size_t room);

/* A whole table of 4 KiB leaves, for who judges pages rather than entries. */
struct emt_table_page {
	const uint64_t *entries; /* 512, valid during the call */
	uint64_t gfn;            /* of the first */
	bool pending_above;
	const struct emt_epte_layout *layout;
};
typedef int (*emt_page_fn)(const struct emt_table_page *page, void *arg);

#endif
