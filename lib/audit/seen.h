/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a rule saw of one atom: inside lib/audit only. */
#ifndef EMT_AUDIT_SEEN_H
#define EMT_AUDIT_SEEN_H

#include "audit/engine.h"
#include "audit/explain.h"

/* Value, degree, origin and detail of 'atom' for the entry of 'piece'. */
void emt_seen_fill(const struct emt_engine *e, const struct emt_cell *cell, const struct emt_piece *piece,
		   unsigned int atom, struct emt_seen *out);

/* From when on the list that 'prov' is of is complete, in words; false: it is not so from some time on. */
bool emt_complete_from(const struct emt_prov *prov, char at[32]);

#endif
