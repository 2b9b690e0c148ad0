/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest-physical memory out of machine memory: each gfn through the p2m that the
 * source walks. Only RAM that the guest itself may read is read.
 */
#include "source/mem_open.h"

static bool ram(const struct emt_run *r)
{
	if (!(r->perm & EMT_R) || r->mfn == EMT_NO_FRAME)
		return false;
	switch (r->p2mt) {
	case EMT_P2M_RAM_RW:
	case EMT_P2M_RAM_LOGDIRTY:
	case EMT_P2M_RAM_RO:
	case EMT_P2M_SHARED:
	case EMT_P2M_GRANT_RW:
	case EMT_P2M_GRANT_RO:
	case EMT_P2M_UNKNOWN: /* frames that are no RAM are refused by the memory */
		return true;
	default:
		return false;
	}
}

static const void *frame(void *arg, uint64_t gfn)
{
	struct mem_guest *g = arg;
	struct emt_run run;

	if (emt_walk_one(&g->walk, gfn, &run) != 1 || !ram(&run) || gfn < run.gfn || gfn > emt_run_last(&run))
		return NULL;
	return emt_mem_frame(g->mem, run.mfn + (gfn - run.gfn));
}

static const void *page(void *arg, uint64_t gfn)
{
	return emt_mem_frame(arg, gfn);
}

int mem_guest(struct emt_source *s, size_t i, struct emt_guest_memory *out, struct emt_err *err)
{
	struct mem_source *ms = s->priv;
	struct mem_walk *w = &ms->walks[i];
	int rc;

	if (w->pv)
		return emt_err_set(err, EMT_E_MISSING, s->name, NULL, "a PV domain's page tables name machine frames: "
				   "nothing stands between them and the CPU");
	if (!ms->c) {
		ms->guest = (struct mem_guest){ .walk = mem_walk_opts(w), .mem = w->mem };
		*out = (struct emt_guest_memory){ frame, &ms->guest };
		return 0;
	}
	rc = w->guest ? 0 : emt_pages_guest(&w->guest, ms->c, w->capture_walk, err);
	if (!rc)
		*out = (struct emt_guest_memory){ page, w->guest };
	return rc;
}
