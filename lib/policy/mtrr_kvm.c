/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest MTRRs as KVM read them up to Linux 6.10: variable ranges in descending
 * order of base, conflicts resolved as it met them.
 */
#include <string.h>

#include "policy/box.h"
#include "policy/mtrr.h"

#define PAGE_MASK_ (~0xfffull)
#define VALID_BIT 0x800ull
#define MB1 0x100000ull

struct span {
	uint64_t start, end; /* bytes, end exclusive; 0 = wraps to the top */
	unsigned int mv;     /* enum emt_mtrr_value */
	unsigned int index;
};

static unsigned int fixed_mv(const struct emt_mtrr *m, uint64_t addr)
{
	unsigned int slot = addr < 0x80000 ? (unsigned int)(addr >> 16) :
		addr < 0xc0000 ? 8 + (unsigned int)((addr - 0x80000) >> 14) :
		24 + (unsigned int)((addr - 0xc0000) >> 12);

	return emt_mv_of_mt((m->fixed[slot / 8] >> (slot % 8 * 8)) & 7);
}

/* Valid ranges, by descending base; of equal bases the later register first. */
static unsigned int spans(const struct emt_mtrr *m, unsigned int maxphyaddr, struct span *s)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < m->vcnt && i < EMT_MTRR_VAR_MAX; i++) {
		uint64_t mask = m->var[i][1] & PAGE_MASK_, start = m->var[i][0] & PAGE_MASK_;
		unsigned int at = n;

		if (!(m->var[i][1] & VALID_BIT))
			continue;
		mask |= maxphyaddr < 64 ? ~0ull << maxphyaddr : 0;
		while (at && s[at - 1].start <= start) {
			s[at] = s[at - 1];
			at--;
		}
		s[at] = (struct span){ start, (start | ~mask) + 1, emt_mv_of_mt(m->var[i][0] & 7), i };
		n++;
	}
	return n;
}

static bool overlaps(const struct span *s, uint64_t start, uint64_t end)
{
	return s->start < end && s->end > start;
}

static unsigned int page_type(const struct emt_mtrr *m, uint64_t addr, unsigned int maxphyaddr)
{
	struct span s[EMT_MTRR_VAR_MAX];
	unsigned int n, mv = EMT_MV_NR;

	if (m->fe && addr < MB1)
		return fixed_mv(m, addr);
	n = spans(m, maxphyaddr, s);
	for (unsigned int i = 0; i < n; i++) {
		if (!overlaps(&s[i], addr, addr + 0x1000))
			continue;
		if (mv == EMT_MV_NR || mv == s[i].mv)
			mv = s[i].mv;
		else if (s[i].mv == EMT_MV_UC)
			return EMT_MV_UC;
		else if ((mv == EMT_MV_WT && s[i].mv == EMT_MV_WB) || (mv == EMT_MV_WB && s[i].mv == EMT_MV_WT))
			mv = EMT_MV_WT;
		else
			return EMT_MV_WB;
	}
	return mv == EMT_MV_NR ? emt_mv_of_mt(m->def_type) : mv;
}

uint16_t emt_mtrr_lookup_kvm(const struct emt_mtrr *m, uint64_t frame, bool cpuid_mtrr, unsigned int maxphyaddr,
			     enum emt_held fix_held)
{
	/* parts that are not known: any of the five types */
	if (m->def_held < fix_held)
		return 0x1f;
	if (!m->e)
		return EMT_SET(cpuid_mtrr ? EMT_MV_UC : EMT_MV_WB);
	if (m->fe && frame < MB1 >> 12)
		return m->fixed_held < fix_held ? 0x1f : EMT_SET(page_type(m, frame << 12, maxphyaddr));
	for (unsigned int i = 0; i < m->vcnt && i < EMT_MTRR_VAR_MAX; i++)
		if (m->var_held[i] < fix_held)
			return 0x1f;
	return EMT_SET(page_type(m, frame << 12, maxphyaddr));
}

/* One type over [start, end), holes in the variable ranges counting as default. */
static bool consistent(const struct emt_mtrr *m, uint64_t start, uint64_t end, unsigned int maxphyaddr)
{
	struct span s[EMT_MTRR_VAR_MAX];
	unsigned int n, mv = EMT_MV_NR;
	uint64_t covered = start;
	bool holes = false;

	if (!m->e)
		return true;
	if (m->fe && start < MB1) {
		for (uint64_t a = start; a < end && a < MB1; a += 0x1000) {
			if (mv != EMT_MV_NR && mv != fixed_mv(m, a))
				return false;
			mv = fixed_mv(m, a);
		}
		if (end <= MB1)
			return true;
	}
	n = spans(m, maxphyaddr, s);
	for (unsigned int i = 0; i < n; i++) {
		if (!overlaps(&s[i], start, end))
			continue;
		holes |= covered < s[i].start;
		if (s[i].end > covered)
			covered = s[i].end;
		if (mv != EMT_MV_NR && mv != s[i].mv)
			return false;
		mv = s[i].mv;
	}
	holes |= covered < end;
	if (mv == EMT_MV_NR || !holes)
		return true;
	return mv == emt_mv_of_mt(m->def_type);
}

unsigned int emt_mtrr_kvm_max_level(const struct emt_mtrr *m, uint64_t frame, unsigned int maxphyaddr)
{
	for (unsigned int level = 3; level > 1; level--) {
		uint64_t size = 1ull << (12 + 9 * (level - 1)), start = frame << 12 & ~(size - 1);

		if (consistent(m, start, start + size, maxphyaddr))
			return level;
	}
	return 1;
}

void emt_mtrr_kvm_boundaries(const struct emt_mtrr *m, unsigned int maxphyaddr,
			     void (*add)(uint64_t frame, void *arg), void *arg)
{
	struct span s[EMT_MTRR_VAR_MAX];
	unsigned int n = spans(m, maxphyaddr, s);

	if (m->fe)
		for (uint64_t frame = 0; frame <= MB1 >> 12; frame++)
			add(frame, arg);
	for (unsigned int i = 0; i < n; i++) {
		add(s[i].start >> 12, arg);
		if (s[i].end)
			add(s[i].end >> 12, arg);
	}
}
