/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What would change: the same entries under two engines (other facts, another
 * release). Runs are cut where either engine's facts change; pieces whose expected
 * types or known defects differ are grouped. Memory is bounded.
 */
#ifndef EMT_AUDIT_WHATIF_H
#define EMT_AUDIT_WHATIF_H

#include "audit/spans.h"

/* Entries that change alike. */
struct emt_whatif_group {
	emt_outcomes before, after;     /* expected; equal when only defects change */
	emt_outcomes inside;            /* of the parts, where 'after' splits a superpage */
	const struct emt_rule *rule_before, *rule_after; /* that decide; NULL = several could */
	emt_defect_mask fixed, introduced;
	uint16_t types;                 /* p2m types, as a set */
	uint8_t order;
	bool splits;                    /* superpages that are whole before and split after */
	struct emt_spans at;
};

struct emt_whatif_sum {
	uint64_t entries, frames;                 /* compared */
	uint64_t changed_entries, changed_frames; /* expected type differs */
	uint64_t split_entries;                   /* superpages that would split */
	uint64_t open_entries;                    /* several answers possible, before or after */
	uint64_t overflow;                        /* entries of groups there was no room for */
};

struct emt_whatif;

/* Engines are borrowed. */
int emt_whatif_new(struct emt_whatif **out, struct emt_engine *before, struct emt_engine *after);
void emt_whatif_free(struct emt_whatif *w);
/* Runs in gfn order. 0 or EMT_E_NOMEM. */
int emt_whatif_run(struct emt_whatif *w, const struct emt_run *run);
/* Sort by what weighs most: more frames first, those with a type change before others. */
void emt_whatif_finish(struct emt_whatif *w);
size_t emt_whatif_count(const struct emt_whatif *w);
const struct emt_whatif_group *emt_whatif_get(const struct emt_whatif *w, size_t i);
const struct emt_whatif_sum *emt_whatif_summary(const struct emt_whatif *w);

/* ---- changed facts; each becomes known with origin "what if" ---- */

/* A pin on gfns, 'type' as in the PAT (7 = UC-). An equal range is replaced. EMT_E_USAGE
 * where Xen refuses it: it overlaps another pin ('overlap_ok' false: 4.5 and later). */
int emt_whatif_pin(struct emt_facts *f, uint64_t first, uint64_t last, unsigned int type, bool overlap_ok,
		   struct emt_err *err);
/* Take all pins off these gfns; one that reaches beyond is cut. EMT_E_USAGE if none is there. */
int emt_whatif_unpin(struct emt_facts *f, uint64_t first, uint64_t last, struct emt_err *err);
/* The domain uses the IOMMU, or the host has none in use. */
void emt_whatif_iommu(struct emt_facts *f, bool on);
/* It holds an I/O right (a port: no frame is concerned), or none and no PCI device. */
int emt_whatif_caps(struct emt_facts *f, bool on, struct emt_err *err);
/* Frames in the host's read-only MMIO ranges; special frames. */
int emt_whatif_mmio_ro(struct emt_facts *f, uint64_t first, uint64_t last, struct emt_err *err);
int emt_whatif_special(struct emt_facts *f, uint64_t first, uint64_t last, struct emt_err *err);

/* KVM: non-coherent DMA; gfns in memslots that carry KVM_MEM_NON_COHERENT_DMA. */
void emt_whatif_noncoherent(struct emt_facts *f, bool on);
int emt_whatif_slot_noncoherent(struct emt_facts *f, uint64_t first, uint64_t last, struct emt_err *err);

/* One MTRR of a vCPU. EMT_E_USAGE for a range that no register can hold: not a power
 * of two of frames, not aligned to its size; EMT_E_MISSING where registers are not known. */
struct emt_whatif_mtrr {
	int64_t vcpu;        /* -1 = all */
	int index;           /* variable range; -1 = default type */
	bool off;
	uint64_t first, last;
	unsigned int type;
};
int emt_whatif_mtrr(struct emt_facts *f, const struct emt_whatif_mtrr *m, struct emt_err *err);

#endif
