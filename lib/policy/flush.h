/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IOMMU flush rules: what a change of a p2m entry asks of the IOMMU, what a release's
 * set_entry does about it, and whether that misses something. Pure.
 *
 * Facts from Xen's history (ept_set_entry, p2m_pt_set_entry and the permissions that
 * p2m_get_iommu_flags gives), release by release.
 */
#ifndef EMT_POLICY_FLUSH_H
#define EMT_POLICY_FLUSH_H

#include "policy/release.h"

/* p2m_access_t of ordinary memory: rwx. */
#define EMT_ACCESS_RWX 7

enum emt_fl_kind {
	EMT_FL_NONE,  /* nothing there */
	EMT_FL_LEAF,
	EMT_FL_TABLE, /* an intermediate entry: smaller entries below */
};

/* A p2m entry on one side of a change. The change covers a range aligned at the
 * order at which it is made. */
struct emt_fl_entry {
	uint8_t kind;    /* enum emt_fl_kind */
	uint8_t p2mt;    /* leaf: enum emt_p2mt */
	uint8_t access;  /* leaf: p2m_access_t */
	bool ro;         /* leaf, mmio_direct: the frame is in mmio_ro_ranges */
	bool split;      /* before the change: part of a superpage, which is split first */
	uint64_t mfn;    /* leaf: EMT_NO_FRAME for types that have none */
};

/* Who makes the change. */
struct emt_fl_where {
	const struct emt_release *rel;
	enum emt_paging paging; /* EPT, NPT or SHADOW */
	bool shared;            /* the IOMMU uses the p2m's own tables (iommu_hap_pt_share) */
};

enum emt_fl_table { EMT_FL_KEEP, EMT_FL_MAP, EMT_FL_UNMAP, EMT_FL_TABLE_NR };
enum emt_fl_tlb {
	EMT_FL_NO_FLUSH,
	EMT_FL_ADDED, /* only hardware that caches what is not present needs it */
	EMT_FL_FLUSH, /* the range, with the caches of higher levels */
	EMT_FL_TLB_NR,
};
const char *emt_fl_table_name(unsigned int action); /* "nothing", "map", "unmap" */
const char *emt_fl_tlb_name(unsigned int action);   /* "no", "added", "yes" */

enum emt_fl_verdict {
	EMT_FL_OK,
	EMT_FL_SPURIOUS,  /* does more than it must: costs time, hurts nothing */
	EMT_FL_NOT_USED,  /* this cannot happen there */
	EMT_FL_BY_DESIGN, /* left undone on purpose; Xen refuses the combination elsewhere */
	EMT_FL_NOT_ADDED, /* a device sees too little: it faults */
	EMT_FL_MISSED,    /* a device keeps access, or keeps reaching the old frame */
	EMT_FL_VERDICT_NR,
};
const char *emt_fl_verdict_name(unsigned int verdict); /* "ok", "spurious" ... */

/* The kinds of change: the rows of the table. */
enum emt_fl_change {
	EMT_FLC_NOTHING,   /* nothing before, nothing after */
	EMT_FLC_UNUSED,    /* no device access before, none after */
	EMT_FLC_NEW,       /* a device gets access */
	EMT_FLC_SAME,
	EMT_FLC_PERM,      /* same frame, other permissions */
	EMT_FLC_FRAME,     /* another frame */
	EMT_FLC_REMOVED,
	EMT_FLC_TABLE_LEAF,    /* a table gives way to a leaf with access */
	EMT_FLC_TABLE_REMOVED, /* a table gives way to nothing, or to a leaf without access */
	EMT_FLC_ACCESS,    /* p2m_access_t of memory changes (mem_access) */
	EMT_FLC_LOGDIRTY,  /* ram_rw becomes ram_logdirty */
	EMT_FLC_NR,
};
struct emt_fl_row {
	const char *id;    /* "removed" */
	const char *text;  /* the change in words */
	const char *needs; /* what is right, in words */
};
extern const struct emt_fl_row emt_fl_rows[EMT_FLC_NR];

struct emt_fl_result {
	enum emt_fl_change change;
	uint8_t before, after;  /* what a device may do: EMT_R | EMT_W; of a table: both */
	enum emt_fl_table need_table, does_table; /* separate tables; shared: KEEP */
	enum emt_fl_tlb need_tlb, does_tlb;
	enum emt_fl_verdict verdict;
	const char *why;        /* how the release comes to it, a sentence; never NULL */
	const char *fixed_by;   /* commit or advisory of what is missed; NULL: open, or nothing is */
	const char *fixed_in;   /* first fixed releases; NULL likewise */
};

/* Judge one change. 'where->rel' is a Xen release; paging PV is not served (PV p2m is
 * the guest's). */
void emt_fl_judge(struct emt_fl_result *out, const struct emt_fl_where *where, const struct emt_fl_entry *before,
		  const struct emt_fl_entry *after);

/* Releases at which something of the above changes, oldest first: from each one up to
 * the next, numerically, all is the same. NULL past the end. */
const char *emt_fl_release_list(size_t i);

/* EMT_R | EMT_W that p2m_get_iommu_flags gives in a release. 'access' counts for
 * mmio_direct in releases that look at it. */
unsigned int emt_fl_iommu_perm(const struct emt_release *rel, unsigned int p2mt, unsigned int access, bool ro);
/* Permissions of an EPT leaf, which are what a device has where tables are shared. */
unsigned int emt_fl_ept_perm(const struct emt_release *rel, unsigned int p2mt, unsigned int access, bool ro);
/* mmio_direct follows p2m_access_t for devices (XSA-378). */
bool emt_fl_mmio_by_access(const struct emt_release *rel);

/* Known misses of flushes and caches that concern every change of a release. */
struct emt_fl_defect {
	const char *id;       /* "FD1" */
	const char *text;     /* what is wrong */
	const char *releases; /* for people */
	const char *fixed_by;
	const char *fixed_in;
};
extern const struct emt_fl_defect emt_fl_defects[];
extern const size_t emt_nr_fl_defects;
/* Bit i: emt_fl_defects[i] is in this release and concerns these tables. For shadow
 * paging, whose host may have either IOMMU, those of both. */
uint32_t emt_fl_defects_of(const struct emt_fl_where *where);

#endif
