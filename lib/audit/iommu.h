/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IOMMU tables against the p2m: what devices reach, and what they should. Compared by
 * translation (dfn -> mfn, permissions), never by the size of leaves: releases split and
 * join IOMMU leaves on their own.
 */
#ifndef EMT_AUDIT_IOMMU_H
#define EMT_AUDIT_IOMMU_H

#include "audit/spans.h"
#include "base/dfn.h"
#include "policy/flush.h"

enum emt_iommu_finding_kind {
	EMT_IOMMU_STALE,      /* devices reach a frame that the p2m does not give them */
	EMT_IOMMU_MISSING,    /* devices do not reach what the p2m gives them */
	EMT_IOMMU_PERMISSION, /* the right frame with other permissions */
	EMT_IOMMU_KIND_NR,
};
const char *emt_iommu_kind_name(unsigned int kind); /* "iommu-stale" ... */

struct emt_iommu_finding {
	enum emt_iommu_finding_kind kind;
	enum emt_severity severity;
	bool certain;             /* no type that the entries can have explains it */
	bool other_frame;         /* stale: the p2m has another frame there */
	uint8_t actual;           /* what devices can do; 0xff = anything, not told */
	uint8_t expected;         /* set of permissions they should have: bit = EMT_R | EMT_W */
	uint16_t types;           /* p2m types that the entries can have; 0 = nothing is mapped */
	enum emt_frame_owner owner; /* stale: of the frames reached */
	uint32_t owner_domid;     /* EMT_FRAME_OTHER */
	bool owner_known;         /* 'owner_domid' is */
	uint64_t first_mfn;       /* stale, permission: first frame reached; else the one missing */
	struct emt_spans at;      /* dfns; entries: 4 KiB frames */
};

struct emt_iommu_summary {
	uint64_t p2m_frames;      /* that the p2m gives devices, or may */
	uint64_t iommu_frames;    /* that devices reach */
	uint64_t ok;              /* frames that agree */
	uint64_t undetermined;    /* of them: by a type that is possible, not likely */
	uint64_t bad[EMT_IOMMU_KIND_NR];
	uint64_t overflow;        /* frames of findings there was no room for */
};

struct emt_iommu_audit;

struct emt_iommu_audit_opts {
	const struct emt_facts *facts;   /* borrowed: of the domain */
	const struct emt_release *rel;   /* borrowed */
	const struct emt_dfn_run *table; /* borrowed: ascending, without overlap */
	size_t nr_table;
	emt_frame_owner_fn owner;        /* NULL = nobody knows */
	void *owner_arg;
};

int emt_iommu_audit_new(struct emt_iommu_audit **out, const struct emt_iommu_audit_opts *opts);
void emt_iommu_audit_free(struct emt_iommu_audit *a);
/* Runs of the p2m in gfn order; intermediate ones are passed over. */
int emt_iommu_audit_run(struct emt_iommu_audit *a, const struct emt_run *run);
/* What is left of the table; sorts the findings by weight. */
int emt_iommu_audit_finish(struct emt_iommu_audit *a);

size_t emt_iommu_audit_count(const struct emt_iommu_audit *a);
const struct emt_iommu_finding *emt_iommu_audit_get(const struct emt_iommu_audit *a, size_t i);
const struct emt_iommu_summary *emt_iommu_audit_summary(const struct emt_iommu_audit *a);

#endif
