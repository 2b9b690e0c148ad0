/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose a frame is: a memory image has Xen's frame table; elsewhere the p2m of each
 * domain tells of the frames that it maps.
 */
#include <stdlib.h>

#include "source/iommu_table.h"
#include "source/ops.h"

#define BATCH 512

struct emt_frame_owners {
	struct emt_source *s;    /* borrowed: asked where it has a frame table */
	bool exact;
	uint32_t domid;
	struct emt_ranges mapped; /* tag = domain id, in order of frames */
};

/* A mapping of another domain's frame says nothing of whose it is. */
static bool own_memory(const struct emt_run *r)
{
	if (r->flags & EMT_RUN_INTERMEDIATE || r->mfn == EMT_NO_FRAME || !r->perm)
		return false;
	if (r->p2mt < EMT_P2M_NR)
		return r->p2mt == EMT_P2M_RAM_RW || r->p2mt == EMT_P2M_RAM_LOGDIRTY || r->p2mt == EMT_P2M_RAM_RO ||
		       r->p2mt == EMT_P2M_IOREQ_SERVER;
	/* single pages without x may be grants or foreign */
	return r->order || r->perm & EMT_X;
}

static int add_walk(struct emt_frame_owners *o, size_t walk, uint32_t domid, struct emt_err *err)
{
	struct emt_run runs[BATCH];
	struct emt_stream *st;
	long n = 0;
	int rc = emt_source_stream(o->s, walk, &st, err);

	if (rc)
		return rc;
	while (!rc && (n = emt_stream_read(st, runs, BATCH, err)) > 0)
		for (long i = 0; i < n && !rc; i++)
			if (own_memory(&runs[i]))
				rc = emt_ranges_add(&o->mapped, runs[i].mfn, runs[i].mfn + emt_run_frames(&runs[i]) - 1,
						    domid, EMT_KNOWN);
	emt_stream_free(st);
	if (rc)
		return emt_err_set(err, rc, "frames", NULL, "not enough memory to list them");
	return (int)n;
}

int emt_frame_owners_new(struct emt_frame_owners **out, struct emt_source *s, uint32_t domid, struct emt_err *err)
{
	struct emt_frame_owners *o = calloc(1, sizeof(*o));
	struct emt_source_walk info;
	int rc = 0;

	*out = NULL;
	if (!o)
		return emt_err_set(err, EMT_E_NOMEM, "frames", NULL, "not enough memory to list them");
	o->s = s;
	o->domid = domid;
	o->exact = s->ops->owner;
	for (size_t i = 0; !o->exact && !rc && i < emt_source_walks(s); i++) {
		rc = emt_source_walk(s, i, &info, err);
		if (!rc)
			rc = add_walk(o, i, info.domid, err);
	}
	if (rc) {
		emt_frame_owners_free(o);
		return rc;
	}
	emt_ranges_normalise(&o->mapped);
	*out = o;
	return 0;
}

void emt_frame_owners_free(struct emt_frame_owners *o)
{
	if (o)
		emt_ranges_free(&o->mapped);
	free(o);
}

enum emt_frame_owner emt_frame_owner_of(void *owners, uint64_t mfn, uint32_t *domid)
{
	struct emt_frame_owners *o = owners;
	const struct emt_range *r;

	*domid = UINT32_MAX;
	if (o->exact)
		return o->s->ops->owner(o->s, o->domid, mfn, domid);
	r = emt_ranges_find(&o->mapped, mfn);
	if (!r)
		return EMT_FRAME_UNKNOWN;
	*domid = r->tag;
	return r->tag == o->domid ? EMT_FRAME_THIS : EMT_FRAME_OTHER;
}

bool emt_frame_owners_exact(const struct emt_frame_owners *o)
{
	return o->exact;
}
