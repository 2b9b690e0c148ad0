/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Record kind of `effective` and `explain --va`: linear addresses with one type.
 */
#ifndef EMT_COMMAND_KIND_EFFECTIVE_H
#define EMT_COMMAND_KIND_EFFECTIVE_H

#include "audit/effective.h"
#include "output/record.h"

enum {
	EFFECT_DOMAIN,
	EFFECT_VCPUS,
	EFFECT_VA,
	EFFECT_LAST_VA,
	EFFECT_GFN,
	EFFECT_LAST_GFN,
	EFFECT_MFN,
	EFFECT_BYTES,
	EFFECT_PAGE,
	EFFECT_RIGHTS,
	EFFECT_MEMORY,
	EFFECT_SLOT,
	EFFECT_PAT,
	EFFECT_TYPE,
	EFFECT_HOST_MTRR,
	EFFECT_VERDICT,
	EFFECT_EFFECTIVE,
	EFFECT_FINDING,
	EFFECT_CAUSE,
	EFFECT_SEVERITY,
	EFFECT_NR
};
extern const struct emt_record_kind emt_kind_effective;

void emt_fill_effective(struct emt_rec *rec, const struct emt_view *v, const struct emt_eff *e, uint32_t domid);

#endif
