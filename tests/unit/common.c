/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common.h"

#include <stdlib.h>

static const uint8_t mts[5] = { EMT_MT_UC, EMT_MT_WC, EMT_MT_WT, EMT_MT_WP, EMT_MT_WB };
static const uint8_t pats[6] = { EMT_MT_UC, EMT_MT_WC, EMT_MT_WT, EMT_MT_WP, EMT_MT_WB, EMT_MT_7 };

uint64_t emt_test_seed(void)
{
	const char *s = getenv("EMT_TEST_SEED");

	return s ? strtoull(s, NULL, 0) : 0x5eed2026;
}

uint64_t emt_rand(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

uint64_t emt_rand_below(uint64_t *state, uint64_t n)
{
	return emt_rand(state) % n;
}

void emt_rand_mtrr(uint64_t *state, struct emt_mtrr *m, uint64_t frames)
{
	emt_mtrr_init(m);
	m->e = emt_rand_below(state, 8) != 0;
	m->fe = emt_rand_below(state, 2);
	m->def_type = mts[emt_rand_below(state, 5)];
	for (int i = 0; i < EMT_MTRR_FIXED_NR; i++)
		for (int s = 0; s < 8; s++)
			m->fixed[i] |= (uint64_t)mts[emt_rand_below(state, 5)] << (8 * s);
	for (unsigned int i = 0; i < m->vcnt; i++) {
		uint64_t size = 1ull << emt_rand_below(state, 12), base = emt_rand_below(state, frames) & ~(size - 1);
		uint64_t mask = ~(size - 1) & 0xffffffffffull;

		if (emt_rand_below(state, 3) == 0)
			continue;
		if (emt_rand_below(state, 12) == 0)
			mask &= ~(1ull << emt_rand_below(state, 16)); /* a hole in the mask */
		if (emt_rand_below(state, 12) == 0)
			mask &= 0xffffffull; /* a CPU with few address bits */
		m->var[i][0] = base << 12 | mts[emt_rand_below(state, 5)];
		m->var[i][1] = mask << 12 | 0x800;
	}
	emt_mtrr_hold(m, EMT_KNOWN);
}

static void rand_list(uint64_t *state, struct emt_ranges *r, unsigned int n, uint64_t frames, uint64_t longest,
		      unsigned int tags)
{
	for (unsigned int i = 0; i < n; i++) {
		uint64_t first = emt_rand_below(state, frames), len = 1 + emt_rand_below(state, longest);

		emt_ranges_add(r, first, first + len - 1, (uint32_t)emt_rand_below(state, tags), EMT_KNOWN);
	}
}

static void rand_pins(uint64_t *state, struct emt_facts *f, uint64_t frames)
{
	unsigned int n = (unsigned int)emt_rand_below(state, 6);
	uint64_t at = emt_rand_below(state, frames / 2);

	/* apart or adjacent, never overlapping (EBUSY from 4.5 on) */
	for (unsigned int i = 0; i < n; i++) {
		uint64_t len = 1 + emt_rand_below(state, 1500);

		emt_ranges_add(&f->pins, at, at + len - 1, pats[emt_rand_below(state, 6)], EMT_KNOWN);
		at += len + (emt_rand_below(state, 2) ? 0 : emt_rand_below(state, 3000));
	}
}

void emt_rand_facts(uint64_t *state, struct emt_facts *f, uint64_t frames)
{
	uint32_t vcpus = (uint32_t)(1 + emt_rand_below(state, 3));

	emt_facts_init(f);
	for (int i = 0; i < EMT_FACT_NR; i++)
		emt_facts_set(f, (enum emt_fact_id)i, EMT_KNOWN, "random");
	emt_facts_set(f, EMT_FACT_CURRENT, EMT_UNKNOWN, NULL);
	f->paging = EMT_PAGING_EPT;
	f->domain_iommu = (uint8_t)emt_rand_below(state, 2);
	f->iommu_enabled = (uint8_t)emt_rand_below(state, 2);
	f->iommu_snoop = (uint8_t)emt_rand_below(state, 2);
	f->ident_pt = emt_rand_below(state, 6) != 0;
	f->pci_devices = (uint32_t)emt_rand_below(state, 2);
	if (emt_rand_below(state, 2))
		rand_list(state, &f->iomem_caps, 2, frames, 600, 1);
	if (emt_rand_below(state, 4) == 0)
		rand_list(state, &f->ioport_caps, 1, 0xffff, 8, 1);
	rand_list(state, &f->valid, 4, frames, frames / 2, 1);
	rand_list(state, &f->special, 6, frames, emt_rand_below(state, 3) ? 3 : 1200, 2);
	rand_list(state, &f->mmio_ro, 4, frames, emt_rand_below(state, 3) ? 3 : 1200, 1);
	f->apic_mfn = emt_rand_below(state, 2) ? emt_rand_below(state, frames) : EMT_NO_FRAME;
	emt_ranges_add(&f->host_e820, 0, frames / 2, 1, EMT_KNOWN);
	/* RAM is never read-only MMIO */
	for (size_t i = 0; i < f->mmio_ro.n; i++)
		if (f->mmio_ro.v[i].first <= frames / 2) {
			f->mmio_ro.v[i].first += frames / 2 + 1;
			f->mmio_ro.v[i].last += frames / 2 + 1;
		}
	rand_pins(state, f, frames);
	emt_rand_mtrr(state, &f->host_mtrr, frames);
	emt_facts_vcpus(f, vcpus);
	for (uint32_t v = 0; v < vcpus; v++) {
		if (v && emt_rand_below(state, 2))
			f->vcpu_mtrr[v] = f->vcpu_mtrr[0];
		else
			emt_rand_mtrr(state, &f->vcpu_mtrr[v], frames);
	}
	emt_facts_normalise(f);
}
