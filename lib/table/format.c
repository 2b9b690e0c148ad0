/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table/format.h"

#include <string.h>

#define FRAME_BITS EMT_EPTE_MFN_BITS

static unsigned int order_of(unsigned int level)
{
	return level > 1 ? 9 * (level - 1) : 0;
}

/* What the formats without EMT share. */
static void plain(uint64_t raw, const struct emt_entry_at *at, unsigned int perm, bool leaf,
		  struct emt_entry *out)
{
	unsigned int order = order_of(at->level);
	uint64_t low = (1ull << order) - 1, mfn = (raw & FRAME_BITS) >> 12;
	struct emt_run *r = &out->run;

	if (leaf)
		mfn &= ~low;
	memset(r, 0, sizeof(*r));
	r->gfn = at->gfn;
	r->count = 1;
	r->order = (uint8_t)order;
	r->mfn = mfn;
	r->raw = raw & ~(mfn << 12);
	r->perm = (uint8_t)perm;
	r->p2mt = EMT_P2M_UNKNOWN;
	r->access = 0xff;
	r->flags = EMT_RUN_RAW | EMT_RUN_NO_TYPE | (leaf ? 0 : EMT_RUN_INTERMEDIATE);
	out->is = leaf ? EMT_ENTRY_LEAF : EMT_ENTRY_TABLE;
	out->next = (uint8_t)(at->level - 1);
}

static void decode_ept(uint64_t raw, const struct emt_entry_at *at, struct emt_entry *out)
{
	unsigned int order = order_of(at->level);
	bool sp = raw >> 7 & 1, present = emt_epte_present(raw), leaf = at->level == 1 || sp || !present;

	*out = (struct emt_entry){ .is = EMT_ENTRY_NONE };
	if (!emt_epte_valid(raw, at->layout))
		return;
	if (leaf && order > EMT_ORDER_1G) {
		/* without permissions it maps nothing, whatever else it holds */
		out->is = sp ? EMT_ENTRY_BAD : EMT_ENTRY_NONE;
		out->run.mfn = (raw & FRAME_BITS) >> 12;
		return;
	}
	emt_epte_to_run(raw, at->layout, at->gfn, order, leaf, at->pending, &out->run);
	/* a type that no release has, or a superpage whose frame is not aligned */
	out->reserved = out->run.p2mt == EMT_P2M_UNKNOWN ||
		(leaf && present && out->run.mfn & ((1ull << order) - 1));
	if (leaf) {
		out->is = EMT_ENTRY_LEAF;
		return;
	}
	out->is = EMT_ENTRY_TABLE;
	out->next = (uint8_t)(at->level - 1);
	out->give = out->run.emt != 0;
	out->pending = out->run.emt == EMT_MT_7;
}

static void decode_npt(uint64_t raw, const struct emt_entry_at *at, struct emt_entry *out)
{
	bool present = raw & 1, sp = at->level > 1 && raw >> 7 & 1, leaf = at->level == 1 || sp || !present;
	unsigned int type = raw >> 52 & 0x7f, order = order_of(at->level);
	unsigned int perm = EMT_R | (raw & 2 ? EMT_W : 0) | (raw >> 63 ? 0 : EMT_X);

	*out = (struct emt_entry){ .is = EMT_ENTRY_NONE };
	/* not present and of a type that says nothing: never filled */
	if (!present && (!raw || type == EMT_P2M_RAM_RW || type == EMT_P2M_INVALID))
		return;
	if (leaf && order > EMT_ORDER_1G) {
		out->is = present ? EMT_ENTRY_BAD : EMT_ENTRY_NONE;
		out->run.mfn = (raw & FRAME_BITS) >> 12;
		return;
	}
	plain(raw, at, present ? perm : 0, leaf, out);
	out->run.flags |= (present && !(raw & 4) ? EMT_RUN_RECALC : 0) | (raw & 0x20 ? EMT_RUN_ACCESSED : 0) |
		(leaf && raw & 0x40 ? EMT_RUN_DIRTY : 0);
	if (!leaf) {
		out->give = out->run.flags & EMT_RUN_RECALC;
		return;
	}
	out->run.p2mt = type < EMT_P2M_NR ? (uint8_t)type : EMT_P2M_UNKNOWN;
	/* bit 12 of a superpage is its PAT bit; the rest below the frame must be 0 */
	out->reserved = type >= EMT_P2M_NR ||
		(present && order && raw & ((1ull << (order + 12)) - 1) & ~0x1fffull);
	if (type == EMT_P2M_POD)
		out->run.flags |= EMT_RUN_POD;
	/* INVALID_MFN is cut to 40 bits, and to the entry's size */
	if (!present && (type == EMT_P2M_POD || out->run.mfn == (FRAME_BITS >> 12 & ~((1ull << order) - 1))))
		out->run.mfn = EMT_NO_FRAME;
}

static void decode_vtd(uint64_t raw, const struct emt_entry_at *at, struct emt_entry *out)
{
	bool sp = at->level > 1 && raw >> 7 & 1, leaf = at->level == 1 || sp;
	unsigned int order = order_of(at->level);

	*out = (struct emt_entry){ .is = EMT_ENTRY_NONE };
	if (!(raw & 3))
		return;
	if (leaf && order > EMT_ORDER_1G) {
		out->is = EMT_ENTRY_BAD;
		out->run.mfn = (raw & FRAME_BITS) >> 12;
		return;
	}
	plain(raw, at, raw & 3, leaf, out);
	if (leaf && raw >> 11 & 1)
		out->run.flags |= EMT_RUN_SNP;
	out->reserved = leaf ? order && raw & FRAME_BITS & ((1ull << (order + 12)) - 1) : raw >> 11 & 1;
}

/* Next level 7: a page of any power of two; its size is 2^(1 + lowest run of ones in
 * the frame number) frames, and each entry that covers it holds the same bits. */
static void amd_any_size(uint64_t raw, const struct emt_entry_at *at, struct emt_entry *out)
{
	uint64_t pfn = (raw & FRAME_BITS) >> 12, base = out->run.gfn;
	unsigned int size = pfn == FRAME_BITS >> 12 ? 64 : 1 + (unsigned int)__builtin_ctzll(~pfn);
	unsigned int order = order_of(at->level);

	if (size <= order || size >= order + 9) {
		out->is = EMT_ENTRY_BAD; /* a size of another level */
		return;
	}
	pfn &= ~((1ull << size) - 1);
	out->run.mfn = pfn + (base & ((1ull << size) - 1));
	out->run.raw = raw & ~FRAME_BITS;
	out->alone = true;
}

static void decode_amdvi(uint64_t raw, const struct emt_entry_at *at, struct emt_entry *out)
{
	unsigned int next = raw >> 9 & 7, order = order_of(at->level);
	unsigned int perm = (raw >> 61 & 1 ? EMT_R : 0) | (raw >> 62 & 1 ? EMT_W : 0);
	bool leaf = next == 0 || next == 7;

	*out = (struct emt_entry){ .is = EMT_ENTRY_NONE };
	if (!(raw & 1))
		return;
	if (leaf ? order > EMT_ORDER_1G : next >= at->level) {
		out->is = EMT_ENTRY_BAD;
		out->run.mfn = (raw & FRAME_BITS) >> 12;
		return;
	}
	plain(raw, at, perm, leaf, out);
	out->reserved = raw >> 52 & 0x7f;
	if (leaf) {
		out->run.flags |= (raw & 0x20 ? EMT_RUN_ACCESSED : 0) | (raw & 0x40 ? EMT_RUN_DIRTY : 0) |
			(raw >> 60 & 1 ? EMT_RUN_SNP : 0);
		if (next == 7)
			amd_any_size(raw, at, out);
		else
			out->reserved |= order && raw & FRAME_BITS & ((1ull << (order + 12)) - 1);
	} else {
		out->next = (uint8_t)next;
	}
}

const struct emt_format emt_format_ept = { "ept", 4, 4, 4, decode_ept };
const struct emt_format emt_format_npt = { "npt", 4, 4, 4, decode_npt };
const struct emt_format emt_format_vtd = { "vtd", 4, 2, 5, decode_vtd };
const struct emt_format emt_format_amdvi = { "amdvi", 4, 1, 6, decode_amdvi };

const struct emt_format *emt_format_by_name(const char *name)
{
	static const struct emt_format *const all[] = {
		&emt_format_ept, &emt_format_npt, &emt_format_vtd, &emt_format_amdvi, &emt_format_kvm,
		&emt_format_kvm_npt,
	};

	for (size_t i = 0; i < EMT_ARRAY_SIZE(all); i++)
		if (!strcmp(all[i]->name, name))
			return all[i];
	return NULL;
}
