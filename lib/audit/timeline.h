/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An address space (gfns or frames) cut into segments on which all facts that
 * depend on the address are constant, for entries of one order. A segment points
 * to a profile: the sets of atom values, with assumed facts held and free.
 */
#ifndef EMT_AUDIT_TIMELINE_H
#define EMT_AUDIT_TIMELINE_H

#include "base/err.h"
#include "policy/atoms.h"

#define EMT_NR_ORDERS 3 /* 0, 9, 18 */

enum emt_space { EMT_SPACE_GFN, EMT_SPACE_MFN };

#define EMT_GUEST_CLASSES 16 /* vCPUs with different MTRRs told apart; the rest share the last */

/* Atom sets: [0] assumed facts held, [1] assumed facts free. */
struct emt_profile {
	/* gfn side */
	uint16_t pin[2];
	uint16_t guest[2];                  /* union over vCPUs */
	uint8_t guest_class[EMT_GUEST_CLASSES]; /* assumed held, per class of vCPUs */
	uint8_t guest_class_free[EMT_GUEST_CLASSES]; /* KVM: the same with assumed facts free */
	uint16_t type[2];                   /* stated p2m types, 0 = not stated */
	uint16_t nc[2];                     /* KVM: non-coherent DMA */
	uint8_t apic_gfn;                   /* the segment is EMT_APIC_GFN */
	/* frame side */
	uint16_t ro[2], valid[2], special[2], apic[2], host[2];
	uint16_t mmio[2];                   /* KVM: taken for MMIO */
	uint16_t host_earlier;              /* under each record of earlier host MTRRs */
	uint16_t ram;                       /* emt_host_ram() */
	uint8_t in_caps;                    /* in the domain's I/O memory rights */
	uint8_t special_stated;             /* the special list says something for certain here */
	uint8_t some_invalid;               /* order > 0: some frames, not all, are invalid */
	/* order > 0: what the 4 KiB pages inside have, for known defects */
	uint16_t sub_guest, sub_pin, sub_host;
};

struct emt_segment {
	uint64_t first;  /* up to the next segment's first */
	uint32_t profile;
};

struct emt_timeline {
	struct emt_segment *seg; /* seg[0].first is 0 */
	size_t nr_seg, room_seg;
	struct emt_profile *prof;
	uint32_t nr_prof, room_prof;
	uint64_t *bounds;        /* while building */
	size_t nr_bounds, room_bounds;
	uint32_t *bucket;        /* index of the segment at bucket << shift */
	uint32_t nr_buckets;
	unsigned int shift;
	size_t cursor;           /* segment of the last look-up */
	bool failed;             /* memory was short */
};

struct emt_timelines {
	struct emt_timeline t[2][EMT_NR_ORDERS]; /* [space][order index] */
	uint32_t nr_classes;     /* of vCPUs by MTRRs; at least 1 */
	uint32_t class_vcpu[EMT_GUEST_CLASSES]; /* a vCPU of each class */
	/* Odd MTRR masks can cut a space into too many runs: then segments hold below
	 * this frame only, and each entry above is computed on its own. */
	uint64_t limit[2];
};

/* 0 = order 0, 1 = 9, 2 = 18. */
static inline unsigned int emt_order_index(unsigned int order)
{
	return order / 9;
}

/* Build all six. 'f' must be normalised and stay unchanged while they live. */
int emt_timelines_build(struct emt_timelines *ts, const struct emt_facts *f, const struct emt_release *rel);
void emt_timelines_free(struct emt_timelines *ts);

/* Segment index that holds 'frame'. Fast when frames come in ascending order. */
size_t emt_timeline_find(struct emt_timeline *t, uint64_t frame);

/* The same without regard to where the last look-up was. */
size_t emt_timeline_at(const struct emt_timeline *t, uint64_t frame);

/* One past the last frame of segment i. */
static inline uint64_t emt_segment_end(const struct emt_timeline *t, size_t i)
{
	return i + 1 < t->nr_seg ? t->seg[i + 1].first : EMT_NO_FRAME;
}

/* A profile computed on its own, without segments. */
void emt_profile_at(const struct emt_facts *f, const struct emt_release *rel, const struct emt_timelines *ts,
		    enum emt_space space, uint64_t frame, unsigned int order, struct emt_profile *p);

#endif
