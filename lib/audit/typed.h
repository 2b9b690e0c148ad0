/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * p2m types that a source's entries do not show and facts state: what was asked of the
 * hypervisor, or given in a facts file. Those that are known, not those assumed.
 */
#ifndef EMT_AUDIT_TYPED_H
#define EMT_AUDIT_TYPED_H

#include "audit/spans.h"
#include "base/run.h"
#include "policy/facts.h"

/* Give the run to 'cb', cut where the stated type changes, with that type. A superpage has
 * the type of its first gfn. What 'cb' returns ends it and is passed on. */
int emt_typed_run(const struct emt_facts *f, const struct emt_run *run, int (*cb)(const struct emt_run *run, void *arg),
		  void *arg);
/* The type of all frames of these ranges, an enum emt_p2mt; EMT_P2M_UNKNOWN where it is not
 * stated, or not the same for all, or ranges are not kept. */
unsigned int emt_typed_spans(const struct emt_facts *f, const struct emt_spans *s);

#endif
