/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/run.h"

#include <stdio.h>

bool emt_run_joins(const struct emt_run *a, const struct emt_run *b)
{
	if (a->order != b->order || a->flags != b->flags || a->perm != b->perm || a->emt != b->emt ||
	    a->ipat != b->ipat || a->p2mt != b->p2mt || a->access != b->access || a->raw != b->raw)
		return false;
	if (b->gfn != a->gfn + emt_run_frames(a))
		return false;
	if (a->mfn == EMT_NO_FRAME || b->mfn == EMT_NO_FRAME)
		return a->mfn == b->mfn;
	return b->mfn == a->mfn + emt_run_frames(a);
}

void emt_run_type_text(const struct emt_run *r, char out[8])
{
	if (r->flags & EMT_RUN_POD)
		snprintf(out, 8, "PoD");
	else if (r->flags & EMT_RUN_NO_TYPE)
		snprintf(out, 8, "-");
	else
		snprintf(out, 8, "%s%s", emt_mt_name(r->emt),
			 r->flags & EMT_RUN_PENDING_ABOVE ? "?" : r->ipat ? "!" : "");
}
