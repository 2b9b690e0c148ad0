/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * EPT entries as KVM's MMU writes them (Linux 5.13 and later): bit 11 says that an entry
 * is one of its own; low bits 110 without it mark emulated MMIO, which hardware takes for
 * a misconfiguration on purpose; all other entries without it map nothing (an entry being
 * removed has such a pattern). Bits 5:3 and 6 are type and ipat of a leaf, 0 in others.
 */
#include <string.h>

#include "table/format.h"

#define SHADOW_PRESENT (1ull << 11)
#define MMIO_MASK 7u
#define MMIO_VALUE 6u
#define FRAME_BITS EMT_EPTE_MFN_BITS

static void decode_kvm(uint64_t raw, const struct emt_entry_at *at, struct emt_entry *out)
{
	unsigned int order = at->level > 1 ? 9 * (at->level - 1) : 0;
	bool leaf = at->level == 1 || raw >> 7 & 1;
	struct emt_run *r = &out->run;

	*out = (struct emt_entry){ .is = EMT_ENTRY_NONE };
	*r = (struct emt_run){ .gfn = at->gfn, .count = 1, .order = (uint8_t)order, .perm = raw & 7,
			       .mfn = (raw & FRAME_BITS) >> 12, .raw = raw & ~FRAME_BITS, .flags = EMT_RUN_RAW,
			       .p2mt = EMT_P2M_UNKNOWN, .access = 0xff };
	if (!(raw & SHADOW_PRESENT)) {
		if ((raw & MMIO_MASK) != MMIO_VALUE || at->level != 1)
			return;
		/* gfn and generation fill the other bits: each is unlike the next */
		r->mfn = EMT_NO_FRAME;
		r->flags |= EMT_RUN_NO_TYPE;
		r->raw = raw;
		out->is = EMT_ENTRY_LEAF;
		out->alone = true;
		return;
	}
	if (leaf && order > EMT_ORDER_1G) {
		out->is = EMT_ENTRY_BAD;
		return;
	}
	r->emt = raw >> 3 & 7;
	r->ipat = raw >> 6 & 1;
	r->flags |= (raw >> 8 & 1 ? EMT_RUN_ACCESSED : 0) | (raw >> 9 & 1 ? EMT_RUN_DIRTY : 0) |
		(raw >> 63 ? EMT_RUN_SUPPRESS_VE : 0);
	if (leaf) {
		out->is = EMT_ENTRY_LEAF;
		out->reserved = order && r->mfn & ((1ull << order) - 1);
		r->mfn &= ~((1ull << order) - 1);
		return;
	}
	r->flags |= EMT_RUN_INTERMEDIATE;
	out->is = EMT_ENTRY_TABLE;
	out->next = (uint8_t)(at->level - 1);
	out->give = r->emt != 0 || r->ipat;
}

const struct emt_format emt_format_kvm = { "kvm", 4, 4, 5, decode_kvm };
