/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * p2m types from what an entry shows: permissions, order and the kind of frame.
 */
#ifndef EMT_POLICY_INFER_H
#define EMT_POLICY_INFER_H

#include "policy/release.h"

/* gfn at which Xen maps the APIC access page. */
#define EMT_APIC_GFN 0xfee00ull

struct emt_type_evidence {
	uint8_t perm;      /* enum emt_perm */
	uint8_t order;
	uint16_t ram;      /* emt_host_ram() of its frames: EMT_YES, EMT_NO, EMT_EITHER, 0 = a mix */
	bool in_caps;      /* its frames are in the domain's I/O memory rights */
	bool apic_gfn;     /* it is the entry of EMT_APIC_GFN */
};

/* 'likely': what to assume; several when nothing tells them apart. 'possible':
 * all that Xen can have written with these permissions (policy c, h.8). */
void emt_infer_types(const struct emt_release *rel, const struct emt_type_evidence *ev, uint16_t *likely,
		     uint16_t *possible);

#endif
