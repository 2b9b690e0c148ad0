/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/infer.h"

#define T(name) EMT_SET(EMT_P2M_##name)

/* Types whose mapping can have these permissions. Access rights and the missing x
 * of superpages (XSA-304) only remove bits. */
static uint16_t by_perm(const struct emt_release *rel, unsigned int perm, unsigned int order)
{
	uint16_t t = T(RAM_RW) | T(MMIO_DIRECT);

	if (rel->version >= EMT_VER(4, 6, 0) || !(perm & EMT_W))
		t |= T(RAM_LOGDIRTY); /* PML keeps w for 4 KiB pages */
	if (!(perm & EMT_W))
		t |= T(RAM_RO) | T(SHARED);
	if (!(perm & EMT_X) && !order) {
		t |= T(GRANT_RW);
		if (!(perm & EMT_W))
			t |= T(GRANT_RO);
		if (rel->version >= EMT_VER(4, 5, 0))
			t |= T(FOREIGN);
		if (rel->version >= EMT_VER(4, 9, 0) || (rel->version >= EMT_VER(4, 6, 0) && !(perm & EMT_W)))
			t |= T(IOREQ_SERVER);
	}
	return t;
}

void emt_infer_types(const struct emt_release *rel, const struct emt_type_evidence *ev, uint16_t *likely,
		     uint16_t *possible)
{
	uint16_t all = by_perm(rel, ev->perm, ev->order), want;

	if (ev->apic_gfn) {
		*possible = all;
		*likely = T(MMIO_DIRECT);
		return;
	}
	if (ev->ram == EMT_NO) {
		/* grants and foreign frames are RAM of another domain */
		*possible = *likely = T(MMIO_DIRECT);
		return;
	}
	if (ev->ram == EMT_YES)
		all &= (uint16_t)~T(MMIO_DIRECT);
	*possible = all;
	if (ev->ram != EMT_YES && ev->in_caps) {
		*likely = T(MMIO_DIRECT);
		return;
	}
	if (ev->perm & EMT_W)
		want = ev->perm & EMT_X || ev->order ? T(RAM_RW) : T(RAM_RW) | T(GRANT_RW) | T(FOREIGN);
	else
		want = ev->perm & EMT_X || ev->order ? T(RAM_LOGDIRTY) : T(RAM_LOGDIRTY) | T(GRANT_RO);
	*likely = want & all ? want & all : all;
}
