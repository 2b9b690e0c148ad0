/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Partial knowledge is exact: the set of outcomes over facts not known equals the
 * union over all their values, neither larger nor smaller.
 */
#include "common.h"

#include <stdio.h>
#include <string.h>

#include "policy/atoms.h"
#include "policy/mtrr.h"

static const uint8_t mts[5] = { EMT_MT_UC, EMT_MT_WC, EMT_MT_WT, EMT_MT_WP, EMT_MT_WB };

/* ---- MTRRs ---- */

/* All values of variable register i that matter for 'frame': off, or one of five
 * types over it. */
static uint16_t brute_var(struct emt_mtrr *m, unsigned int i, uint64_t frame, unsigned int order)
{
	uint16_t set = 0;

	while (i < m->vcnt && m->var_held[i] == EMT_KNOWN)
		i++;
	if (i >= m->vcnt)
		return emt_mtrr_lookup(m, frame, order, EMT_KNOWN);
	m->var_held[i] = EMT_KNOWN;
	m->var[i][0] = m->var[i][1] = 0;
	set |= brute_var(m, i + 1, frame, order);
	for (int t = 0; t < 5; t++) {
		m->var[i][0] = frame << 12 | mts[t];
		m->var[i][1] = 0xfffffff000ull | 0x800;
		set |= brute_var(m, i + 1, frame, order);
	}
	m->var_held[i] = EMT_UNKNOWN;
	return set;
}

static uint16_t brute_fixed(struct emt_mtrr *m, uint64_t frame, unsigned int order)
{
	uint16_t set = 0;

	if (m->fixed_held == EMT_KNOWN)
		return brute_var(m, 0, frame, order);
	m->fixed_held = EMT_KNOWN;
	for (int t = 0; t < 5; t++) {
		for (int r = 0; r < EMT_MTRR_FIXED_NR; r++)
			m->fixed[r] = mts[t] * 0x0101010101010101ull;
		set |= brute_var(m, 0, frame, order);
	}
	m->fixed_held = EMT_UNKNOWN;
	return set;
}

static uint16_t brute_mtrr(struct emt_mtrr m, uint64_t frame, unsigned int order)
{
	uint16_t set = 0;

	if (m.def_held == EMT_KNOWN)
		return brute_fixed(&m, frame, order);
	m.def_held = EMT_KNOWN;
	for (unsigned int b = 0; b < 4; b++)
		for (int t = 0; t < 5; t++) {
			m.e = b & 1;
			m.fe = b >> 1;
			m.def_type = mts[t];
			set |= brute_fixed(&m, frame, order);
		}
	return set;
}

static void free_some(uint64_t *rnd, struct emt_mtrr *m, unsigned int var_free)
{
	if (emt_rand_below(rnd, 4) == 0)
		m->def_held = EMT_UNKNOWN;
	if (emt_rand_below(rnd, 4) == 0)
		m->fixed_held = EMT_UNKNOWN;
	for (unsigned int k = 0; k < var_free; k++)
		m->var_held[emt_rand_below(rnd, m->vcnt)] = EMT_UNKNOWN;
}

static void mtrr_sets_are_exact(void **state)
{
	uint64_t rnd = emt_test_seed(), several = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		unsigned int order = emt_rand_below(&rnd, 3) ? 0 : 9;
		uint64_t frame = emt_rand_below(&rnd, 3) ? emt_rand_below(&rnd, 0x4000) : emt_rand_below(&rnd, 0x200);
		struct emt_mtrr m;
		uint16_t got, want;

		emt_rand_mtrr(&rnd, &m, 0x4000);
		free_some(&rnd, &m, (unsigned int)emt_rand_below(&rnd, 4));
		got = emt_mtrr_lookup(&m, frame, order, EMT_KNOWN);
		want = brute_mtrr(m, frame, order);
		if (got != want)
			print_error("round %d: frame %#llx order %u\n", i, (unsigned long long)frame, order);
		assert_int_equal(got, want);
		several += (got & (got - 1)) != 0;
	}
	/* the test must have met real choices */
	assert_true(several > 5000);
}

/* ---- coverage of lists ---- */

static void covers_are_exact(void **state)
{
	uint64_t rnd = emt_test_seed() + 1;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		unsigned int n = (unsigned int)(1 + emt_rand_below(&rnd, 5));
		struct emt_ranges list = { 0 };
		struct emt_prov prov = { .last = EMT_NO_FRAME };
		unsigned int how[5], want = 0;
		uint64_t combos = 1;

		prov.rest = emt_rand_below(&rnd, 2) ? EMT_KNOWN : EMT_UNKNOWN;
		for (unsigned int k = 0; k < n; k++) {
			how[k] = (unsigned int)emt_rand_below(&rnd, 3); /* 0 not listed, 1 known, 2 assumed */
			if (how[k])
				emt_ranges_add(&list, 100 + k, 100 + k, 0, how[k] == 1 ? EMT_KNOWN : EMT_ASSUMED);
			if (how[k] == 2 || (!how[k] && prov.rest == EMT_UNKNOWN))
				combos *= 2;
		}
		for (uint64_t c = 0; c < combos; c++) {
			uint64_t bits = c;
			unsigned int in = 0;

			for (unsigned int k = 0; k < n; k++) {
				bool is_free = how[k] == 2 || (!how[k] && prov.rest == EMT_UNKNOWN);

				if (is_free) {
					in += bits & 1;
					bits >>= 1;
				} else {
					in += how[k] == 1;
				}
			}
			want |= in == n ? EMT_SET(EMT_COVER_ALL) : in ? EMT_SET(EMT_COVER_SOME) :
				EMT_SET(EMT_COVER_NONE);
		}
		emt_ranges_normalise(&list);
		assert_int_equal(emt_cover(&list, &prov, 100, 100 + n - 1, EMT_KNOWN), want);
		emt_ranges_free(&list);
	}
}

/* ---- whole policy ---- */

enum { GFN = 0x1200, MFN = 0x2400, FRAMES = 0x4000 };

/* Facts that the test frees, and how each is given every value it can have. */
enum { F_IOMMU, F_CAPS, F_PCI, F_SPECIAL, F_RO, F_VALID, F_PINS, F_TYPE, F_VAR, F_DEF, F_APIC, F_SNOOP, F_NR };

struct brute {
	struct emt_facts f;
	const struct emt_release *rel;
	unsigned int order;
	uint16_t types;
	uint32_t free;
	emt_outcomes out;
};

static void leave_out(struct emt_ranges *r, uint64_t first, uint64_t last)
{
	struct emt_ranges kept = { 0 };

	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].last < first || r->v[i].first > last)
			emt_ranges_add(&kept, r->v[i].first, r->v[i].last, r->v[i].tag, r->v[i].held);
	emt_ranges_free(r);
	*r = kept;
}

static void brute_from(struct brute *b, unsigned int what);

/* Coverage none, some (superpages), all of the entry's frames. */
static void brute_cover(struct brute *b, unsigned int what, struct emt_ranges *list, uint32_t tag)
{
	uint64_t last = MFN + (1u << b->order) - 1;
	struct emt_ranges orig;

	emt_ranges_copy(&orig, list);
	for (int v = 0; v < (b->order ? 3 : 2); v++) {
		leave_out(list, MFN, last);
		if (v)
			emt_ranges_add(list, v == 2 ? MFN + 3 : MFN, last, tag, EMT_KNOWN);
		emt_ranges_normalise(list);
		brute_from(b, what + 1);
		emt_ranges_free(list);
		emt_ranges_copy(list, &orig);
	}
	emt_ranges_free(list);
	*list = orig;
}

static void brute_pins(struct brute *b, unsigned int what)
{
	static const uint8_t pats[6] = { EMT_MT_UC, EMT_MT_WC, EMT_MT_WT, EMT_MT_WP, EMT_MT_WB, EMT_MT_7 };
	uint64_t last = GFN + (1u << b->order) - 1;
	struct emt_ranges none = { 0 }, orig = b->f.pins;

	b->f.pins = none;
	brute_from(b, what + 1);
	for (int t = 0; t < 6; t++) {
		emt_ranges_add(&b->f.pins, GFN, last, pats[t], EMT_KNOWN);
		brute_from(b, what + 1);
		b->f.pins.n = 0;
	}
	if (b->order) {
		emt_ranges_add(&b->f.pins, GFN + 1, last, EMT_MT_WC, EMT_KNOWN);
		brute_from(b, what + 1);
	}
	emt_ranges_free(&b->f.pins);
	b->f.pins = orig;
}

static void brute_flag(struct brute *b, unsigned int what, uint8_t *flag)
{
	for (int v = 0; v < 2; v++) {
		*flag = (uint8_t)v;
		brute_from(b, what + 1);
	}
}

static void brute_caps(struct brute *b, unsigned int what)
{
	brute_from(b, what + 1); /* none */
	emt_ranges_add(&b->f.iomem_caps, 1, 2, 0, EMT_KNOWN);
	brute_from(b, what + 1);
	b->f.iomem_caps.n = 0;
}

static void brute_def(struct brute *b, unsigned int what)
{
	struct emt_mtrr *m = &b->f.vcpu_mtrr[0], orig = *m;

	for (unsigned int e = 0; e < 2; e++)
		for (int t = 0; t < 5; t++) {
			m->e = (uint8_t)e;
			m->def_type = mts[t];
			brute_from(b, what + 1);
		}
	*m = orig;
}

static void brute_var_reg(struct brute *b, unsigned int what)
{
	struct emt_mtrr *m = &b->f.vcpu_mtrr[0], orig = *m;

	m->var[3][0] = m->var[3][1] = 0;
	brute_from(b, what + 1);
	for (int t = 0; t < 5; t++) {
		m->var[3][0] = (uint64_t)GFN << 12 | mts[t];
		m->var[3][1] = 0xfffffff000ull | 0x800;
		brute_from(b, what + 1);
	}
	*m = orig;
}

static void brute_from(struct brute *b, unsigned int what)
{
	struct emt_box box;

	while (what < F_NR && !(b->free & 1u << what))
		what++;
	switch (what) {
	case F_IOMMU:
		brute_flag(b, what, b->rel->era->iommu == EMT_IOMMU_DOMAIN ? &b->f.domain_iommu : &b->f.iommu_enabled);
		return;
	case F_SNOOP: brute_flag(b, what, &b->f.iommu_snoop); return;
	case F_CAPS: brute_caps(b, what); return;
	case F_PCI:
		for (uint32_t v = 0; v < 2; v++) {
			b->f.pci_devices = v;
			brute_from(b, what + 1);
		}
		return;
	case F_SPECIAL: brute_cover(b, what, &b->f.special, EMT_SPECIAL_XENHEAP); return;
	case F_RO: brute_cover(b, what, &b->f.mmio_ro, 0); return;
	case F_VALID:
		for (int v = 0; v < 2; v++) {
			leave_out(&b->f.valid, 0, EMT_NO_FRAME);
			if (v)
				emt_ranges_add(&b->f.valid, 0, FRAMES, 0, EMT_KNOWN);
			brute_from(b, what + 1);
		}
		return;
	case F_PINS: brute_pins(b, what); return;
	case F_TYPE:
		for (int t = 0; t < EMT_P2M_NR; t++) {
			b->types = EMT_SET(t);
			brute_from(b, what + 1);
		}
		return;
	case F_DEF: brute_def(b, what); return;
	case F_VAR: brute_var_reg(b, what); return;
	case F_APIC:
		b->f.apic_mfn = EMT_NO_FRAME;
		brute_from(b, what + 1);
		b->f.apic_mfn = MFN;
		brute_from(b, what + 1);
		return;
	default:
		emt_atoms_xen(&b->f, b->rel, GFN, MFN, b->order, b->types, EMT_KNOWN, &box);
		b->out |= emt_box_eval(b->rel->era->rules, b->rel->era->nr_rules, &box);
	}
}

/* The same facts, those of 'free' not known. */
static void set_free(struct emt_facts *f, uint32_t free, const struct emt_release *rel)
{
	static const uint8_t ids[F_NR] = {
		[F_IOMMU] = EMT_FACT_DOMAIN_IOMMU, [F_CAPS] = EMT_FACT_IOMEM_CAPS, [F_PCI] = EMT_FACT_PCI_DEVICES,
		[F_SPECIAL] = EMT_FACT_SPECIAL, [F_RO] = EMT_FACT_MMIO_RO, [F_VALID] = EMT_FACT_VALID,
		[F_PINS] = EMT_FACT_PINS, [F_TYPE] = EMT_FACT_P2M_TYPES, [F_APIC] = EMT_FACT_APIC_MFN,
		[F_SNOOP] = EMT_FACT_IOMMU_SNOOP,
	};

	for (unsigned int w = 0; w < F_NR; w++) {
		if (!(free & 1u << w))
			continue;
		if (w == F_VAR) {
			f->vcpu_mtrr[0].var_held[3] = EMT_UNKNOWN;
		} else if (w == F_DEF) {
			f->vcpu_mtrr[0].def_held = EMT_UNKNOWN;
		} else {
			enum emt_fact_id id = (enum emt_fact_id)ids[w];

			if (w == F_IOMMU && rel->era->iommu != EMT_IOMMU_DOMAIN)
				id = EMT_FACT_IOMMU_ENABLED;
			if (emt_facts_list(f, id))
				emt_facts_list(f, id)->n = 0;
			emt_facts_set(f, id, EMT_UNKNOWN, NULL);
		}
	}
}

static void policy_sets_are_exact(void **state)
{
	uint64_t rnd = emt_test_seed() + 2, several = 0;

	(void)state;
	for (int i = 0; i < 1500; i++) {
		const char *text = emt_release_list(emt_rand_below(&rnd, 39), EMT_HV_XEN);
		struct emt_release rel;
		struct brute b = { .rel = &rel };
		struct emt_facts partly;
		struct emt_box box;
		emt_outcomes got;

		assert_int_equal(emt_release_parse(&rel, text, false, NULL), 0);
		emt_rand_facts(&rnd, &b.f, FRAMES);
		b.order = rel.era->order_aware && emt_rand_below(&rnd, 2) ? 9 : 0;
		b.types = EMT_SET(emt_rand_below(&rnd, EMT_P2M_NR));
		for (int k = 0; k < 4; k++)
			b.free |= 1u << emt_rand_below(&rnd, F_NR);
		/* one vCPU without fixed ranges, so that its registers are the only choice */
		b.f.nr_vcpus = 1;
		b.f.vcpu_mtrr[0].fe = 0;
		if (b.free & 1u << F_RO)
			b.f.host_e820.n = 0; /* or the frame would be known RAM */
		if (b.free & 1u << F_CAPS)
			b.f.iomem_caps.n = 0;
		if (b.free & 1u << F_VALID) /* a special frame is a valid one: no contradictions */
			leave_out(&b.f.special, MFN, MFN + 511);
		assert_int_equal(emt_facts_copy(&partly, &b.f), 0);
		set_free(&partly, b.free, &rel);
		/* valid frames are what special() is asked of: keep the two apart */
		if (b.free & 1u << F_SPECIAL) {
			emt_ranges_add(&b.f.valid, 0, FRAMES, 0, EMT_KNOWN);
			emt_ranges_normalise(&b.f.valid);
			emt_ranges_free(&partly.valid);
			emt_ranges_copy(&partly.valid, &b.f.valid);
			emt_facts_set(&partly, EMT_FACT_VALID, EMT_KNOWN, NULL);
			b.free &= ~(1u << F_VALID);
		}
		emt_atoms_xen(&partly, &rel, GFN, MFN, b.order, b.free & 1u << F_TYPE ? 0xffff : b.types, EMT_KNOWN, &box);
		got = emt_box_eval(rel.era->rules, rel.era->nr_rules, &box);
		brute_from(&b, 0);
		if (got != b.out) {
			char x[128], y[128];

			print_error("round %d, %s, order %u, free %#x: set %s, brute force %s\n", i, text, b.order, b.free,
				    emt_outcomes_text(got, x, sizeof(x)), emt_outcomes_text(b.out, y, sizeof(y)));
		}
		assert_int_equal(got, b.out);
		several += (got & (got - 1)) != 0;
		emt_facts_free(&partly);
		emt_facts_free(&b.f);
	}
	assert_true(several > 500);
}

/* An atom decides only if giving it a value changes the answer. */
static void deciding_atoms(void **state)
{
	struct emt_release rel;
	struct emt_facts f;
	struct emt_box box;
	uint32_t atoms;

	(void)state;
	assert_int_equal(emt_release_parse(&rel, "4.17.7", false, NULL), 0);
	emt_facts_init(&f);
	for (int i = 0; i < EMT_FACT_NR; i++)
		emt_facts_set(&f, (enum emt_fact_id)i, EMT_KNOWN, NULL);
	emt_facts_vcpus(&f, 1);
	emt_mtrr_hold(&f.vcpu_mtrr[0], EMT_KNOWN);
	emt_mtrr_hold(&f.host_mtrr, EMT_KNOWN);
	f.host_mtrr.e = f.vcpu_mtrr[0].e = 1;
	f.host_mtrr.def_type = EMT_MT_WB;
	f.vcpu_mtrr[0].def_type = EMT_MT_UC;
	emt_facts_set(&f, EMT_FACT_DOMAIN_IOMMU, EMT_UNKNOWN, NULL);
	emt_facts_set(&f, EMT_FACT_PINS, EMT_UNKNOWN, NULL);
	emt_atoms_xen(&f, &rel, 0x1000, 0x1000, 0, EMT_SET(EMT_P2M_RAM_RW), EMT_KNOWN, &box);
	atoms = emt_box_deciding(rel.era->rules, rel.era->nr_rules, &box);
	assert_int_equal(atoms, 1u << EMT_ATOM_IOMMU | 1u << EMT_ATOM_PIN);
	/* MMIO: neither plays a part */
	emt_atoms_xen(&f, &rel, 0x1000, 0x1000, 0, EMT_SET(EMT_P2M_MMIO_DIRECT), EMT_KNOWN, &box);
	assert_int_equal(emt_box_deciding(rel.era->rules, rel.era->nr_rules, &box), 0);
	emt_facts_free(&f);
}

/* Cutting frames out of a list of ranges, against a list of frames. */
static void cuts_are_exact(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (unsigned int n = 0; n < 2000; n++) {
		struct emt_ranges r = { 0 };
		uint8_t want[64] = { 0 };

		for (unsigned int i = 0; i < 6; i++) {
			uint64_t first = emt_rand_below(&seed, 64), last = first + emt_rand_below(&seed, 64 - first);
			bool add = emt_rand_below(&seed, 2);

			assert_int_equal(emt_ranges_cut(&r, first, last), 0);
			memset(want + first, add ? i + 1 : 0, last - first + 1);
			if (add)
				assert_int_equal(emt_ranges_add(&r, first, last, i + 1, EMT_KNOWN), 0);
		}
		emt_ranges_normalise(&r);
		for (uint64_t f = 0; f < 64; f++) {
			const struct emt_range *x = emt_ranges_find(&r, f);

			assert_int_equal(x ? x->tag : 0, want[f]);
		}
		emt_ranges_free(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mtrr_sets_are_exact), cmocka_unit_test(covers_are_exact),
		cmocka_unit_test(policy_sets_are_exact), cmocka_unit_test(deciding_atoms),
		cmocka_unit_test(cuts_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
