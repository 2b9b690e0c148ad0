/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What devices of a domain reach: its IOMMU table out of a capture (as key o printed it)
 * or a machine's memory; and whose a frame is.
 */
#ifndef EMT_SOURCE_IOMMU_TABLE_H
#define EMT_SOURCE_IOMMU_TABLE_H

#include "base/dfn.h"
#include "source/source.h"

struct emt_iommu_table {
	struct emt_dfn_run *v;  /* owned: ascending, without overlap */
	size_t n, room;
	uint32_t domid;
	bool shared;            /* the IOMMU uses the p2m itself: no runs */
	bool amd;               /* AMD-Vi, else VT-d */
	uint64_t bad;           /* entries that could not be read */
	char label[64];         /* where it comes from */
};

/* The table of domain 'domid' in 'spec': a capture's newest one, or, for walk number
 * 'generation' where there are as many tables as that; a memory image's. EMT_E_MISSING
 * when there is none, with how to get one. Free in any case. */
int emt_iommu_table_read(struct emt_iommu_table *t, const struct emt_source_spec *spec, uint32_t domid,
			 uint32_t generation, struct emt_err *err);
void emt_iommu_table_free(struct emt_iommu_table *t);

/* Domains that have an IOMMU table in 'spec', each once, ascending; returns how many
 * were written (at most 'room'), or an error. */
long emt_iommu_table_domains(const struct emt_source_spec *spec, uint32_t *domids, size_t room, struct emt_err *err);

/* Whose frames are: by the frame table of a memory image, else by what the p2m of each
 * domain in the source maps (which says nothing of frames that none maps). */
struct emt_frame_owners;
int emt_frame_owners_new(struct emt_frame_owners **out, struct emt_source *s, uint32_t domid, struct emt_err *err);
void emt_frame_owners_free(struct emt_frame_owners *o);
/* Shaped as an emt_frame_owner_fn. */
enum emt_frame_owner emt_frame_owner_of(void *owners, uint64_t mfn, uint32_t *domid);
/* The frame table answers: an owner is certain, and so is that there is none. */
bool emt_frame_owners_exact(const struct emt_frame_owners *o);

#endif
