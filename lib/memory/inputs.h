/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy's true inputs out of Xen's own structures, for a build whose layout is
 * known exactly. Each structure is checked as it is read (names, lists that close,
 * values that fit); what fails stays unknown.
 */
#ifndef EMT_MEMORY_INPUTS_H
#define EMT_MEMORY_INPUTS_H

#include "memory/discover.h"
#include "memory/symbols.h"
#include "policy/facts.h"

/* Domains by domain_list must be those found, and their roots those that struct
 * p2m_domain and dom_iommu hold; what the search did not find is filled in.
 * EMT_E_FORMAT when they contradict. */
int emt_inputs_roots(struct emt_discovery *d, const struct emt_symbols *s, const struct emt_xen_layout *l,
		     const struct emt_epte_layout *epte, struct emt_err *err);

/* Facts of a domain and of the host into 'f', each known; origins are constants. */
int emt_inputs_facts(struct emt_discovery *d, const struct emt_symbols *s, const struct emt_xen_layout *l,
		     const struct emt_found_domain *dom, struct emt_facts *f, struct emt_err *err);

#endif
