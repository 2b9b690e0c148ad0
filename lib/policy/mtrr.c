/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/mtrr.h"

#include <string.h>

#include "policy/box.h"

#define PAGE_SHIFT 12
#define ADDR_BITS 0x000ffffffffff000ull
#define VALID_BIT 0x800ull
#define ANY_TYPE ((uint16_t)0x1f)
/* Frames below 1 MiB, where fixed ranges may apply. */
#define FIXED_END 0x100ull

static uint16_t fixed_type(const struct emt_mtrr *m, uint64_t frame)
{
	unsigned int reg, slot;

	if (frame < 0x80) {        /* 8 slots of 64 KiB */
		reg = 0;
		slot = (unsigned int)(frame >> 4);
	} else if (frame < 0xc0) { /* 16 slots of 16 KiB */
		slot = (unsigned int)(frame - 0x80) >> 2;
		reg = 1 + slot / 8;
	} else {                   /* 64 slots of 4 KiB */
		slot = (unsigned int)(frame - 0xc0);
		reg = 3 + slot / 8;
	}
	return EMT_SET(emt_mv_of_mt((m->fixed[reg] >> (slot % 8 * 8)) & 7));
}

static bool var_touches(const struct emt_mtrr *m, unsigned int i, uint64_t frame, unsigned int order)
{
	uint64_t mask = m->var[i][1] & ADDR_BITS & (~0ull << (PAGE_SHIFT + order));

	return (m->var[i][1] & VALID_BIT) && !(((frame << PAGE_SHIFT) ^ m->var[i][0]) & mask);
}

/* Result for one set of matched types, 'last' being the one matched last. */
static uint16_t resolve(unsigned int matched, unsigned int last, unsigned int order, uint16_t def)
{
	if (!matched)
		return def;
	if (!(matched & (matched - 1)))
		return (uint16_t)matched;
	if (order)
		return EMT_SET(EMT_MV_SPLIT);
	if (matched & EMT_SET(EMT_MV_UC))
		return EMT_SET(EMT_MV_UC);
	if (matched == (EMT_SET(EMT_MV_WT) | EMT_SET(EMT_MV_WB)))
		return EMT_SET(EMT_MV_WT);
	return EMT_SET(last);
}

/* Variable ranges: all (set of matched types, last match) pairs that the free
 * registers can lead to, register by register. */
static uint16_t var_lookup(const struct emt_mtrr *m, uint64_t frame, unsigned int order, uint16_t def,
			   enum emt_held fix_held)
{
	uint8_t reach[32] = { 0 }; /* [matched] -> bits of 'last' */
	bool none = true;          /* nothing matched so far is reachable */
	uint16_t out = 0;

	for (unsigned int i = 0; i < m->vcnt && i < EMT_MTRR_VAR_MAX; i++) {
		uint16_t types;
		bool may_miss = true;
		uint8_t next[32];
		bool next_none;

		if (m->var_held[i] >= fix_held) {
			if (!var_touches(m, i, frame, order))
				continue;
			types = EMT_SET(emt_mv_of_mt(m->var[i][0] & 7));
			may_miss = false;
		} else {
			types = ANY_TYPE;
		}
		memset(next, 0, sizeof(next));
		if (may_miss)
			memcpy(next, reach, sizeof(next));
		next_none = none && may_miss;
		for (unsigned int t = 0; t < EMT_MV_SPLIT; t++) {
			if (!(types & 1u << t))
				continue;
			if (none)
				next[1u << t] |= (uint8_t)(1u << t);
			for (unsigned int s = 1; s < 32; s++)
				if (reach[s])
					next[s | 1u << t] |= (uint8_t)(1u << t);
		}
		memcpy(reach, next, sizeof(reach));
		none = next_none;
	}
	if (none)
		out |= def;
	for (unsigned int s = 1; s < 32; s++)
		for (unsigned int l = 0; l < EMT_MV_SPLIT; l++)
			if (reach[s] & 1u << l)
				out |= resolve(s, l, order, def);
	return out;
}

uint16_t emt_mtrr_lookup(const struct emt_mtrr *m, uint64_t frame, unsigned int order, enum emt_held fix_held)
{
	bool def_fixed = m->def_held >= fix_held;
	uint16_t def = def_fixed ? EMT_SET(emt_mv_of_mt(m->def_type)) : ANY_TYPE, out = 0;
	bool e_may_0 = !def_fixed || !m->e, e_may_1 = !def_fixed || m->e;
	bool fe_may_0 = !def_fixed || !m->fe, fe_may_1 = !def_fixed || m->fe;

	frame &= ~0ull << order;
	if (e_may_0)
		out |= EMT_SET(EMT_MV_UC);
	if (!e_may_1)
		return out;
	if (frame < FIXED_END) {
		if (fe_may_1)
			out |= order ? EMT_SET(EMT_MV_SPLIT) :
				m->fixed_held >= fix_held ? fixed_type(m, frame) : ANY_TYPE;
		if (!fe_may_0)
			return out;
	}
	return out | var_lookup(m, frame, order, def, fix_held);
}

bool emt_mtrr_var_range(const struct emt_mtrr *m, unsigned int i, uint64_t *first, uint64_t *last)
{
	uint64_t mask = (m->var[i][1] & ADDR_BITS) >> PAGE_SHIFT, low = mask & -mask;

	if (!(m->var[i][1] & VALID_BIT) || !mask)
		return false;
	/* contiguous down from its highest bit */
	if ((mask + low) & mask)
		return false;
	*first = (m->var[i][0] & ADDR_BITS) >> PAGE_SHIFT & mask;
	*last = *first | (low - 1);
	return true;
}

/* Bits of frame numbers that a mask leaves free above its lowest bit: each doubles
 * the runs of frames that the range covers. */
static bool odd_mask(const struct emt_mtrr *m, unsigned int i, uint64_t limit, void (*add)(uint64_t, void *),
		     void *arg)
{
	uint64_t mask = (m->var[i][1] & ADDR_BITS) >> PAGE_SHIFT, low = mask & -mask, free_bits, base, sub = 0;
	uint64_t top = limit;

	if (!mask)
		return true; /* covers everything: no boundary */
	/* every bit above 'low', up to the limit, that the mask does not look at */
	for (unsigned int s = 1; s < 64; s <<= 1)
		top |= top >> s;
	free_bits = top & ~mask & ~(low - 1);
	if (__builtin_popcountll(free_bits) > 10)
		return false;
	base = (m->var[i][0] & ADDR_BITS) >> PAGE_SHIFT & mask;
	do {
		add(base | sub, arg);
		add((base | sub) + low, arg);
		sub = (sub - free_bits) & free_bits;
	} while (sub);
	return true;
}

bool emt_mtrr_boundaries(const struct emt_mtrr *m, uint64_t limit, void (*add)(uint64_t frame, void *arg),
			 void *arg)
{
	for (uint64_t f = 0; f < 0x80; f += 0x10)
		add(f, arg);
	for (uint64_t f = 0x80; f < 0xc0; f += 4)
		add(f, arg);
	for (uint64_t f = 0xc0; f <= 0x100; f++)
		add(f, arg);
	for (unsigned int i = 0; i < m->vcnt && i < EMT_MTRR_VAR_MAX; i++)
		if ((m->var[i][1] & VALID_BIT) && !odd_mask(m, i, limit, add, arg))
			return false;
	return true;
}

bool emt_mtrr_repeats(const struct emt_mtrr *m)
{
	if (m->vcnt < 2 || !(m->var[0][1] & VALID_BIT))
		return false;
	for (unsigned int i = 1; i < m->vcnt && i < EMT_MTRR_VAR_MAX; i++)
		if (memcmp(m->var[i], m->var[0], sizeof(m->var[0])))
			return false;
	return true;
}
