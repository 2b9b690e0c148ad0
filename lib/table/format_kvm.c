/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * EPT entries as KVM's MMU writes them (Linux 5.13 and later): bit 11 says that an entry
 * is one of its own; low bits 110 without it mark emulated MMIO, which hardware takes for
 * a misconfiguration on purpose; all other entries without it map nothing (an entry being
 * removed has such a pattern). Bits 5:3 and 6 are type and ipat of a leaf, 0 in others.
 * On AMD the entries are those of ordinary page tables, with the same bit 11; emulated MMIO
 * lacks it.
 */
#include "table/format.h"

#define SHADOW_PRESENT (1ull << 11)
#define SUPERPAGE (1ull << 7)
#define MMIO_MASK 7u
#define MMIO_VALUE 6u
#define FRAME_BITS EMT_EPTE_MFN_BITS

/* What entries of both kinds share. */
static bool begin(uint64_t raw, const struct emt_entry_at *at, bool mmio, struct emt_entry *out)
{
	struct emt_run *r = &out->run;

	*out = (struct emt_entry){ .is = EMT_ENTRY_NONE };
	*r = (struct emt_run){ .gfn = at->gfn, .count = 1, .order = (uint8_t)(at->level > 1 ? 9 * (at->level - 1) : 0),
			       .mfn = (raw & FRAME_BITS) >> 12, .raw = raw & ~FRAME_BITS, .flags = EMT_RUN_RAW,
			       .p2mt = EMT_P2M_UNKNOWN, .access = 0xff };
	if (raw & SHADOW_PRESENT)
		return true;
	if (!mmio || at->level != 1)
		return false;
	/* gfn and generation fill the other bits: each is unlike the next */
	r->perm = EMT_W | EMT_X;
	r->mfn = EMT_NO_FRAME;
	r->flags |= EMT_RUN_NO_TYPE;
	r->raw = raw;
	out->is = EMT_ENTRY_LEAF;
	out->alone = true;
	return false;
}

/* A leaf's frame, or the way to the next table. */
static void finish(const struct emt_entry_at *at, bool leaf, struct emt_entry *out)
{
	struct emt_run *r = &out->run;

	if (leaf) {
		out->is = r->order > EMT_ORDER_1G ? EMT_ENTRY_BAD : EMT_ENTRY_LEAF;
		out->reserved = r->order && r->mfn & ((1ull << r->order) - 1);
		r->mfn &= ~((1ull << r->order) - 1);
		return;
	}
	r->flags |= EMT_RUN_INTERMEDIATE;
	out->is = EMT_ENTRY_TABLE;
	out->next = (uint8_t)(at->level - 1);
	out->give = r->emt != 0 || r->ipat;
}

static void decode_kvm(uint64_t raw, const struct emt_entry_at *at, struct emt_entry *out)
{
	struct emt_run *r = &out->run;

	if (!begin(raw, at, (raw & MMIO_MASK) == MMIO_VALUE, out))
		return;
	r->perm = raw & 7;
	r->emt = raw >> 3 & 7;
	r->ipat = raw >> 6 & 1;
	r->flags |= (raw >> 8 & 1 ? EMT_RUN_ACCESSED : 0) | (raw >> 9 & 1 ? EMT_RUN_DIRTY : 0) |
		(raw >> 63 ? EMT_RUN_SUPPRESS_VE : 0);
	finish(at, at->level == 1 || raw & SUPERPAGE, out);
}

/* PWT, PCD and PAT choose out of the host's PAT, as Linux sets it: WB WC UC- UC, WB WP UC- WT. */
static unsigned int npt_type(uint64_t raw, bool large)
{
	static const uint8_t host_pat[8] = { EMT_MT_WB, EMT_MT_WC, EMT_MT_UC, EMT_MT_UC,
					     EMT_MT_WB, EMT_MT_WP, EMT_MT_UC, EMT_MT_WT };

	return host_pat[(raw >> 3 & 3) | (raw >> (large ? 12 : 7) & 1) << 2];
}

static void decode_kvm_npt(uint64_t raw, const struct emt_entry_at *at, struct emt_entry *out)
{
	bool leaf = at->level == 1 || raw & SUPERPAGE, large = at->level > 1;
	struct emt_run *r = &out->run;

	/* emulated MMIO: present, with a bit that no processor has */
	if (!begin(raw, at, raw & 1, out))
		return;
	r->perm = (uint8_t)(EMT_R | (raw & 2 ? EMT_W : 0) | (raw >> 63 ? 0 : EMT_X));
	r->emt = (uint8_t)(leaf ? npt_type(raw, large) : 0);
	r->flags |= (raw >> 5 & 1 ? EMT_RUN_ACCESSED : 0) | (leaf && raw >> 6 & 1 ? EMT_RUN_DIRTY : 0);
	if (leaf && large) { /* the PAT bit lies among the frame's */
		r->mfn &= ~1ull;
		r->raw |= raw & 1 << 12;
	}
	finish(at, leaf, out);
}

const struct emt_format emt_format_kvm = { "kvm", 4, 4, 5, decode_kvm };
const struct emt_format emt_format_kvm_npt = { "kvm-npt", 4, 4, 5, decode_kvm_npt };
