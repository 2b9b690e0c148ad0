/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine on entries of KVM guests, against a model of vmx_get_mt_mask() typed here
 * from the description of each kernel (not from lib/policy): random facts and runs,
 * planted faults, and the cases that were argued about on the lists.
 */
#include "common.h"

#include <stdio.h>
#include <string.h>

#include "audit/engine.h"
#include "audit/findings.h"
#include "audit/whatif.h"
#include "policy/effective.h"

#define FRAMES 0x80000ull /* 2 GiB: 1 GiB pages too */
#define WIDTH 40

/* ---- the model ---- */
enum kernel { LINUX_6_1, LINUX_6_7, LINUX_6_12, LINUX_SLOT, LINUX_6_16, NR_KERNELS };
static const char *const kernels[NR_KERNELS] = { "kvm 6.1.0", "kvm 6.7.0", "kvm 6.12.0", "kvm-memslot", "kvm 6.16.0" };

enum { SPLITS = 100 }; /* a page of this size is not mapped */

/* A type and ipat as one number: 60 = WB, 61 = WB!, 0 = UC. */
static int pair(int type, int ipat)
{
	return type * 10 + ipat;
}

static bool var_covers(const struct emt_mtrr *m, int i, uint64_t addr, uint64_t *base, uint64_t *end)
{
	uint64_t mask = m->var[i][1];

	*base = *end = 0;
	if (!(mask & 0x800))
		return false;
	*base = m->var[i][0] / 4096 * 4096;
	/* the bits above the guest's width count as set */
	*end = *base | ~(mask / 4096 * 4096 | ~((1ull << WIDTH) - 1));
	return *base <= addr && addr <= *end;
}

static int fixed_type(const struct emt_mtrr *m, uint64_t addr)
{
	const uint8_t *bytes = (const uint8_t *)m->fixed;

	if (addr < 512 << 10)
		return bytes[addr / (64 << 10)];
	if (addr < 768 << 10)
		return bytes[8 + (addr - (512 << 10)) / (16 << 10)];
	return bytes[24 + (addr - (768 << 10)) / (4 << 10)];
}

/* Ranges that cover a page, by falling base; of equal bases the higher register first. */
static int page_type(const struct emt_mtrr *m, uint64_t addr, bool guest_has_mtrr)
{
	int order[EMT_MTRR_VAR_MAX], n = 0, type = -1;
	uint64_t b, e;

	if (!m->e)
		return guest_has_mtrr ? 0 : 6;
	if (m->fe && addr < 1 << 20)
		return fixed_type(m, addr);
	for (int i = m->vcnt - 1; i >= 0; i--)
		if (var_covers(m, i, addr, &b, &e))
			order[n++] = i;
	for (int i = 0; i < n; i++) /* bubble, stable */
		for (int k = 0; k + 1 < n; k++) {
			if (m->var[order[k + 1]][0] >> 12 > m->var[order[k]][0] >> 12) {
				int t = order[k];

				order[k] = order[k + 1];
				order[k + 1] = t;
			}
		}
	for (int i = 0; i < n; i++) {
		int t = m->var[order[i]][0] & 7;

		if (type < 0 || type == t)
			type = t;
		else if (t == 0)
			return 0;
		else if ((type == 4 && t == 6) || (type == 6 && t == 4))
			type = 4;
		else
			return 6;
	}
	return type < 0 ? m->def_type : type;
}

/* One type over the range, gaps between ranges counting as the default; gaps are looked
 * for while walking down by base, so that all but the topmost range leaves one. */
static bool uniform(const struct emt_mtrr *m, uint64_t start, uint64_t bytes)
{
	uint64_t end = start + bytes, top = start, b, e, last_base = UINT64_MAX;
	int type = -1, last_reg = EMT_MTRR_VAR_MAX;
	bool gap = false;

	if (!m->e)
		return true;
	if (m->fe && start < 1 << 20) {
		for (uint64_t a = start; a < end && a < 1 << 20; a += 4096) {
			if (type >= 0 && type != fixed_type(m, a))
				return false;
			type = fixed_type(m, a);
		}
		if (end <= 1 << 20)
			return true;
	}
	for (;;) {
		int pick = -1;
		uint64_t pick_base = 0, pick_end = 0;

		/* the next lower base, registers in falling order among equals */
		for (int i = 0; i < m->vcnt; i++) {
			if (!(m->var[i][1] & 0x800))
				continue;
			var_covers(m, i, 0, &b, &e);
			if (b > last_base || (b == last_base && i >= last_reg))
				continue;
			if (pick < 0 || b > pick_base || (b == pick_base && i > pick)) {
				pick = i;
				pick_base = b;
				pick_end = e;
			}
		}
		if (pick < 0)
			break;
		last_base = pick_base;
		last_reg = pick;
		if (pick_base >= end || pick_end < start)
			continue;
		if (top < pick_base)
			gap = true;
		if (pick_end + 1 > top)
			top = pick_end + 1;
		if (type >= 0 && type != (int)(m->var[pick][0] & 7))
			return false;
		type = m->var[pick][0] & 7;
	}
	if (top < end)
		gap = true;
	return type < 0 || !gap || type == m->def_type;
}

static bool in(const struct emt_ranges *list, uint64_t frame)
{
	for (size_t i = 0; i < list->n; i++)
		if (frame >= list->v[i].first && frame <= list->v[i].last)
			return true;
	return false;
}

/* What one vCPU's fault writes. */
static int model(enum kernel k, const struct emt_facts *f, uint32_t vcpu, uint64_t gfn, uint64_t mfn,
		 unsigned int order)
{
	const struct emt_mtrr *m = &f->vcpu_mtrr[vcpu];
	bool mtrrs = k == LINUX_6_1 || k == LINUX_6_7, dma = f->kvm_noncoherent;

	if (k == LINUX_SLOT && in(&f->kvm_slot_nc, gfn))
		dma = true;
	if (mtrrs && dma && order && !uniform(m, gfn << 12, 4096ull << order))
		return SPLITS;
	if (in(&f->kvm_mmio, mfn))
		return pair(0, 0);
	if (!dma && (k != LINUX_6_16 || f->kvm_quirk_pat))
		return pair(6, 1);
	if (!mtrrs)
		return pair(6, 0);
	if (f->vcpu_cr0[vcpu] >> 30 & 1) {
		if (!f->kvm_quirk_cd)
			return pair(0, 1);
		return pair(6, k == LINUX_6_1);
	}
	return pair(page_type(m, gfn << 12, f->kvm_cpuid_mtrr), 0);
}

static emt_outcomes outcomes_of(int p)
{
	return p == SPLITS ? EMT_SPLIT_BIT : EMT_OUT_BIT(p / 10, p % 10);
}

/* ---- random guests ---- */

static void rand_list(uint64_t *rnd, struct emt_ranges *r, unsigned int n, uint64_t longest)
{
	for (unsigned int i = 0; i < n; i++) {
		uint64_t first = emt_rand_below(rnd, FRAMES);

		emt_ranges_add(r, first, first + emt_rand_below(rnd, longest), 0, EMT_KNOWN);
	}
}

static void rand_guest(uint64_t *rnd, struct emt_facts *f)
{
	uint32_t vcpus = 1 + (uint32_t)emt_rand_below(rnd, 3);

	emt_facts_init(f);
	for (int i = 0; i < EMT_FACT_NR; i++)
		emt_facts_set(f, (enum emt_fact_id)i, EMT_KNOWN, "random");
	emt_facts_set(f, EMT_FACT_CURRENT, EMT_UNKNOWN, NULL);
	strcpy(f->release, "kvm 6.1.0");
	f->is_kvm = 1;
	f->paging = EMT_PAGING_EPT;
	f->kvm_maxphyaddr = WIDTH;
	f->kvm_noncoherent = emt_rand_below(rnd, 3) != 0;
	f->kvm_nc_ever = f->kvm_noncoherent;
	f->kvm_quirk_cd = emt_rand_below(rnd, 3) != 0;
	f->kvm_quirk_pat = emt_rand_below(rnd, 2) != 0;
	f->kvm_self_snoop = emt_rand_below(rnd, 2) != 0;
	f->kvm_cpuid_mtrr = emt_rand_below(rnd, 5) != 0;
	rand_list(rnd, &f->kvm_mmio, 5, emt_rand_below(rnd, 2) ? 8 : 5000);
	rand_list(rnd, &f->kvm_slot_nc, 4, 9000);
	assert_int_equal(emt_facts_vcpus(f, vcpus), 0);
	for (uint32_t v = 0; v < vcpus; v++) {
		f->vcpu_cr0[v] = 0x80000011ull | (emt_rand_below(rnd, 5) ? 0 : EMT_CR0_CD);
		if (v && emt_rand_below(rnd, 2)) {
			f->vcpu_mtrr[v] = f->vcpu_mtrr[0];
			continue;
		}
		emt_rand_mtrr(rnd, &f->vcpu_mtrr[v], FRAMES);
		for (int i = 0; i < 8; i++) /* within the guest's width */
			f->vcpu_mtrr[v].var[i][1] &= (1ull << WIDTH) - 1;
	}
	emt_facts_normalise(f);
}

struct check {
	const struct emt_facts *f;
	enum kernel k;
	unsigned int order;
	uint64_t gfn, mfn, pieces, splits, other;
};

static int compare(const struct emt_piece *p, void *arg)
{
	struct check *c = arg;

	assert_int_equal(p->run.gfn, c->gfn);
	assert_int_equal(p->run.mfn, c->mfn);
	for (uint64_t i = 0; i < p->run.count; i++, c->gfn += 1ull << c->order, c->mfn += 1ull << c->order) {
		emt_outcomes want = 0;

		for (uint32_t v = 0; v < c->f->nr_vcpus; v++)
			want |= outcomes_of(model(c->k, c->f, v, c->gfn, c->mfn, c->order));
		if (want != p->expected)
			print_error("%s gfn %#llx mfn %#llx order %u: %#x, the model %#x\n", kernels[c->k],
				    (unsigned long long)c->gfn, (unsigned long long)c->mfn, c->order, p->expected, want);
		assert_int_equal(p->expected, want);
		c->splits += (want & EMT_SPLIT_BIT) != 0;
		c->other += want != EMT_OUT_BIT(EMT_MT_WB, 1);
	}
	c->pieces++;
	return 0;
}

static void engine_agrees_with_the_model(void **state)
{
	uint64_t rnd = emt_test_seed() + 800, entries = 0, pieces = 0, splits = 0, other = 0;

	(void)state;
	for (int i = 0; i < 250; i++) {
		enum kernel k = (enum kernel)emt_rand_below(&rnd, NR_KERNELS);
		struct emt_engine *e;
		struct emt_facts f;

		rand_guest(&rnd, &f);
		assert_int_equal(emt_engine_new(&e, &f, kernels[k], NULL), 0);
		for (int n = 0; n < 12; n++) {
			static const unsigned int orders[] = { 0, 0, 9, 9, 18 };
			unsigned int order = orders[emt_rand_below(&rnd, 5)];
			uint64_t mask = ~0ull << order;
			struct emt_run run = {
				.gfn = (emt_rand_below(&rnd, 6) ? emt_rand_below(&rnd, FRAMES) : 0) & mask,
				.mfn = emt_rand_below(&rnd, FRAMES) & mask,
				.count = 1 + emt_rand_below(&rnd, order == 18 ? 2 : order ? 80 : 3000),
				.order = (uint8_t)order, .perm = EMT_R | EMT_W | EMT_X, .emt = EMT_MT_WB, .ipat = 1,
				.p2mt = EMT_P2M_UNKNOWN,
			};
			struct check c = { .f = &f, .k = k, .order = order, .gfn = run.gfn, .mfn = run.mfn };

			assert_int_equal(emt_engine_run(e, &run, compare, &c), 0);
			assert_int_equal(c.gfn, emt_run_last(&run) + 1);
			entries += run.count;
			pieces += c.pieces;
			splits += c.splits;
			other += c.other;
		}
		emt_engine_free(e);
		emt_facts_free(&f);
	}
	print_message("kvm model: %llu entries in %llu pieces agree; %llu would be split, %llu are not plain WB!\n",
		      (unsigned long long)entries, (unsigned long long)pieces, (unsigned long long)splits,
		      (unsigned long long)other);
	assert_true(splits > 500 && other > 100000 && pieces > 4000);
}

/* ---- planted faults ---- */

struct one {
	struct emt_piece piece;
	unsigned int n;
};

static int keep_one(const struct emt_piece *p, void *arg)
{
	struct one *o = arg;

	o->piece = *p;
	o->n++;
	return 0;
}

static struct emt_piece judge(struct emt_engine *e, const struct emt_run *run)
{
	struct one o = { .n = 0 };

	assert_int_equal(emt_engine_run(e, run, keep_one, &o), 0);
	assert_int_equal(o.n, 1);
	return o.piece;
}

static struct emt_run entry(uint64_t gfn, uint64_t mfn, unsigned int order, int p)
{
	return (struct emt_run){ .gfn = gfn, .mfn = mfn, .count = 1, .order = (uint8_t)order,
				 .perm = EMT_R | EMT_W | EMT_X, .emt = (uint8_t)(p / 10), .ipat = (uint8_t)(p % 10),
				 .p2mt = EMT_P2M_UNKNOWN, .access = 0xff };
}

static void what_kvm_writes_is_ok_and_faults_are_found(void **state)
{
	uint64_t rnd = emt_test_seed() + 801, clean = 0, planted = 0, stale = 0, unsplit = 0, cd = 0;
	static const int types[] = { 0, 1, 4, 5, 6 };

	(void)state;
	while (planted < 24000) {
		enum kernel k = (enum kernel)emt_rand_below(&rnd, NR_KERNELS);
		struct emt_engine *e;
		struct emt_facts f;

		rand_guest(&rnd, &f);
		assert_int_equal(emt_engine_new(&e, &f, kernels[k], NULL), 0);
		for (int i = 0; i < 60; i++) {
			unsigned int order = emt_rand_below(&rnd, 3) ? 0 : 9;
			uint64_t gfn = emt_rand_below(&rnd, FRAMES) & (~0ull << order);
			uint64_t mfn = emt_rand_below(&rnd, FRAMES) & (~0ull << order);
			int p = model(k, &f, (uint32_t)emt_rand_below(&rnd, f.nr_vcpus), gfn, mfn, order), bad;
			struct emt_run run = entry(gfn, mfn, order, p);
			struct emt_piece got;
			bool right = false, before = false, by_cd = false;
			struct emt_facts other = f;

			if (p != SPLITS) {
				got = judge(e, &run);
				assert_int_equal(got.verdict, EMT_V_OK);
				clean++;
			}
			bad = pair(types[emt_rand_below(&rnd, 5)], (int)emt_rand_below(&rnd, 2));
			other.kvm_noncoherent ^= 1;
			for (uint32_t v = 0; v < f.nr_vcpus; v++) {
				right |= model(k, &f, v, gfn, mfn, order) == bad;
				before |= model(k, &other, v, gfn, mfn, order) == bad;
				/* with the quirk on nothing is zapped when CR0.CD changes */
				f.vcpu_cr0[v] ^= EMT_CR0_CD;
				by_cd |= f.kvm_quirk_cd && model(k, &f, v, gfn, mfn, order) == bad;
				f.vcpu_cr0[v] ^= EMT_CR0_CD;
			}
			if (right)
				continue;
			run = entry(gfn, mfn, order, bad);
			got = judge(e, &run);
			planted++;
			/* only 6.1 leaves what was right before non-coherent DMA came; that it never
			 * was registered is known here */
			if (k == LINUX_6_1 && before && f.kvm_noncoherent) {
				assert_int_equal(got.verdict, EMT_V_STALE);
				assert_int_equal(got.why, EMT_WHY_NONCOHERENT);
				stale++;
			} else if (by_cd) {
				assert_int_equal(got.verdict, EMT_V_STALE);
				assert_int_equal(got.why, EMT_WHY_CR0_CD);
				cd++;
			} else if (got.verdict == EMT_V_UNSPLIT) {
				assert_true(got.expected & EMT_SPLIT_BIT);
				unsplit++;
			} else if (got.verdict == EMT_V_INHERITED) {
				/* right for a superpage that it may have been split from */
				assert_true(!((gfn ^ mfn) & 511) || order);
			} else {
				assert_int_equal(got.verdict, EMT_V_MISMATCH);
			}
		}
		emt_engine_free(e);
		emt_facts_free(&f);
	}
	print_message("kvm: %llu entries as written, none reported; %llu planted, all found (%llu stale, %llu by CR0.CD, %llu unsplit)\n",
		      (unsigned long long)clean, (unsigned long long)planted, (unsigned long long)stale,
		      (unsigned long long)cd,
		      (unsigned long long)unsplit);
	assert_true(stale > 100 && unsplit > 10 && cd > 50);
}

/* ---- cases ---- */

/* A guest with its frame buffer at 0xc0000: a WC MTRR over it. */
static void frame_buffer_guest(struct emt_facts *f, const char *release)
{
	struct emt_mtrr *m;

	emt_facts_init(f);
	strcpy(f->release, release);
	f->is_kvm = 1;
	f->paging = EMT_PAGING_EPT;
	emt_facts_set(f, EMT_FACT_RELEASE, EMT_KNOWN, "test");
	emt_facts_set(f, EMT_FACT_PAGING, EMT_KNOWN, "test");
	emt_facts_set(f, EMT_FACT_KVM_NONCOHERENT, EMT_KNOWN, "test");
	emt_facts_set(f, EMT_FACT_VCPU_CR0, EMT_KNOWN, "test");
	emt_facts_set(f, EMT_FACT_VCPU_MTRR, EMT_KNOWN, "test");
	emt_facts_set_list(f, EMT_FACT_KVM_MMIO, EMT_KNOWN, EMT_KNOWN, "test");
	f->kvm_noncoherent = 1;
	assert_int_equal(emt_facts_vcpus(f, 1), 0);
	f->vcpu_cr0[0] = 0x80000011;
	m = &f->vcpu_mtrr[0];
	m->e = 1;
	m->def_type = EMT_MT_WB;
	m->var[0][0] = 0xc0000000ull | EMT_MT_WC;
	m->var[0][1] = 0xffff000000ull | 0x800; /* 16 MiB, 40 bits */
	emt_mtrr_hold(m, EMT_KNOWN);
	emt_ranges_add(&f->kvm_mmio, 0xf0000, 0xf00ff, 0, EMT_KNOWN);
}

static emt_outcomes expects(struct emt_engine *e, uint64_t gfn, uint64_t mfn, unsigned int order)
{
	emt_outcomes expected, possible;

	emt_engine_expect(e, gfn, mfn, order, 7, EMT_P2M_UNKNOWN, &expected, &possible);
	assert_int_equal(expected, possible);
	return expected;
}

/* WC by MTRR with PAT UC-: WC until 6.10, UC from 6.11 on, where PAT alone counts. */
static void pat_alone_loses_mtrr_wc(void **state)
{
	static const struct {
		const char *release;
		emt_outcomes buffer, ram, device;
		unsigned int with_ucm; /* what the CPU uses with PAT UC- in the buffer */
	} want[] = {
		{ "kvm 6.1.0", EMT_OUT_BIT(EMT_MT_WC, 0), EMT_OUT_BIT(EMT_MT_WB, 0), EMT_OUT_BIT(EMT_MT_UC, 0), EMT_MT_WC },
		{ "kvm 6.10.0", EMT_OUT_BIT(EMT_MT_WC, 0), EMT_OUT_BIT(EMT_MT_WB, 0), EMT_OUT_BIT(EMT_MT_UC, 0), EMT_MT_WC },
		{ "kvm 6.12.0", EMT_OUT_BIT(EMT_MT_WB, 0), EMT_OUT_BIT(EMT_MT_WB, 0), EMT_OUT_BIT(EMT_MT_UC, 0), EMT_MT_UC },
		{ "kvm 6.18.0", EMT_OUT_BIT(EMT_MT_WB, 0), EMT_OUT_BIT(EMT_MT_WB, 0), EMT_OUT_BIT(EMT_MT_UC, 0), EMT_MT_UC },
	};

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(want); i++) {
		struct emt_engine *e;
		struct emt_facts f;
		unsigned int out;

		frame_buffer_guest(&f, want[i].release);
		assert_int_equal(emt_engine_new(&e, &f, NULL, NULL), 0);
		assert_int_equal(expects(e, 0xc0010, 0x8010, 0), want[i].buffer);
		assert_int_equal(expects(e, 0x10, 0x8010, 0), want[i].ram);
		assert_int_equal(expects(e, 0x10, 0xf0000, 0), want[i].device);
		out = (unsigned int)__builtin_ctz(want[i].buffer);
		assert_int_equal(emt_effective(out / 2, out & 1, EMT_MT_7, false), want[i].with_ucm);
		emt_engine_free(e);
		emt_facts_free(&f);
	}
}

/* The patches of January 2024: PAT honoured in memslots with the flag only. */
static void memslot_flag(void **state)
{
	struct emt_whatif *w;
	struct emt_engine *now, *with;
	struct emt_run run = entry(0xbff00, 0x10000, 0, pair(6, 1));
	struct emt_facts f;

	(void)state;
	frame_buffer_guest(&f, "kvm 6.12.0");
	f.kvm_noncoherent = 0;
	emt_facts_set_list(&f, EMT_FACT_KVM_MEMSLOTS, EMT_KNOWN, EMT_KNOWN, "test");
	emt_ranges_add(&f.kvm_memslots, 0, 0xbffff, 0, EMT_KNOWN);
	emt_ranges_add(&f.kvm_memslots, 0xc0000, 0xc0fff, EMT_SLOT_NONCOHERENT, EMT_KNOWN);
	assert_int_equal(emt_engine_new(&now, &f, NULL, NULL), 0);
	assert_int_equal(emt_engine_new(&with, &f, "kvm-memslot", NULL), 0);
	assert_int_equal(expects(now, 0xc0010, 0x8010, 0), EMT_OUT_BIT(EMT_MT_WB, 1));
	assert_int_equal(expects(with, 0xc0010, 0x8010, 0), EMT_OUT_BIT(EMT_MT_WB, 0));
	assert_int_equal(expects(with, 0xc0000, 0x8000, 9), EMT_OUT_BIT(EMT_MT_WB, 0));
	assert_int_equal(expects(with, 0xbffff, 0x8010, 0), EMT_OUT_BIT(EMT_MT_WB, 1));
	assert_int_equal(expects(with, 0xc1000, 0x8010, 0), EMT_OUT_BIT(EMT_MT_WB, 1));
	/* device memory stays UC with or without the flag */
	assert_int_equal(expects(with, 0xc0010, 0xf0000, 0), EMT_OUT_BIT(EMT_MT_UC, 0));
	run.count = 0x2000;
	assert_int_equal(emt_whatif_new(&w, now, with), 0);
	assert_int_equal(emt_whatif_run(w, &run), 0);
	emt_whatif_finish(w);
	assert_int_equal(emt_whatif_summary(w)->changed_entries, 0x1000);
	assert_int_equal(emt_whatif_count(w), 1);
	assert_int_equal(emt_whatif_get(w, 0)->at.v[0].first, 0xc0000);
	assert_int_equal(emt_whatif_get(w, 0)->at.v[0].last, 0xc0fff);
	emt_whatif_free(w);
	emt_engine_free(now);
	emt_engine_free(with);
	emt_facts_free(&f);
}

/* Huge pages over ranges whose MTRRs differ: split until 6.10, one type from 6.11 on. */
static void huge_pages_over_mtrr_borders(void **state)
{
	struct emt_run run = entry(0xc0e00, 0x8e00, 9, pair(1, 0));
	struct emt_engine *e;
	struct emt_facts f;

	(void)state;
	frame_buffer_guest(&f, "kvm 6.1.0");
	f.vcpu_mtrr[0].var[0][0] = 0xc0000000ull | EMT_MT_WC;
	f.vcpu_mtrr[0].var[0][1] = 0xfffff00000ull | 0x800; /* 1 MiB: half of a 2 MiB page */
	assert_int_equal(emt_engine_new(&e, &f, NULL, NULL), 0);
	assert_int_equal(expects(e, 0xc0000, 0x8000, 9), EMT_SPLIT_BIT);
	assert_int_equal(expects(e, 0xc0200, 0x8200, 9), EMT_OUT_BIT(EMT_MT_WB, 0));
	run = entry(0xc0000, 0x8000, 9, pair(1, 0));
	assert_int_equal(judge(e, &run).verdict, EMT_V_UNSPLIT);
	/* even where the frames are a device's: the level is lowered first */
	assert_int_equal(expects(e, 0xc0000, 0xf0000, 9), EMT_SPLIT_BIT);
	emt_engine_free(e);
	assert_int_equal(emt_engine_new(&e, &f, "kvm 6.12.0", NULL), 0);
	assert_int_equal(expects(e, 0xc0000, 0x8000, 9), EMT_OUT_BIT(EMT_MT_WB, 0));
	emt_engine_free(e);
	/* without non-coherent DMA no MTRR counts */
	f.kvm_noncoherent = 0;
	assert_int_equal(emt_engine_new(&e, &f, NULL, NULL), 0);
	assert_int_equal(expects(e, 0xc0000, 0x8000, 9), EMT_OUT_BIT(EMT_MT_WB, 1));
	emt_engine_free(e);
	emt_facts_free(&f);
}

/* A device arrives: 6.1 keeps the old leaves, 6.12 zaps them. */
static void stale_after_a_device(void **state)
{
	struct emt_run old = entry(0xc0010, 0x8010, 0, pair(6, 1)), gone = entry(0xc0010, 0x8010, 0, pair(1, 0));
	struct emt_engine *e;
	struct emt_facts f;

	(void)state;
	frame_buffer_guest(&f, "kvm 6.1.0");
	assert_int_equal(emt_engine_new(&e, &f, NULL, NULL), 0);
	assert_int_equal(judge(e, &old).verdict, EMT_V_STALE);
	assert_int_equal(judge(e, &old).why, EMT_WHY_NONCOHERENT);
	assert_int_equal(judge(e, &gone).verdict, EMT_V_OK);
	emt_engine_free(e);
	assert_int_equal(emt_engine_new(&e, &f, "kvm 6.12.0", NULL), 0);
	assert_int_equal(judge(e, &old).verdict, EMT_V_MISMATCH);
	emt_engine_free(e);
	/* the device is gone again */
	f.kvm_noncoherent = 0;
	assert_int_equal(emt_engine_new(&e, &f, NULL, NULL), 0);
	assert_int_equal(judge(e, &gone).verdict, EMT_V_STALE);
	emt_engine_free(e);
	emt_facts_set(&f, EMT_FACT_KVM_NC_EVER, EMT_KNOWN, "test");
	f.kvm_nc_ever = 0;
	assert_int_equal(emt_engine_new(&e, &f, NULL, NULL), 0);
	assert_int_equal(judge(e, &gone).verdict, EMT_V_MISMATCH);
	emt_engine_free(e);
	emt_facts_free(&f);
}

/* KVM's own kinds of entries. */
static void entries_special_to_kvm(void **state)
{
	struct emt_run run = entry(0xfee00, EMT_NO_FRAME, 0, pair(0, 0));
	struct emt_engine *e;
	struct emt_facts f;

	(void)state;
	frame_buffer_guest(&f, "kvm 6.1.0");
	assert_int_equal(emt_engine_new(&e, &f, NULL, NULL), 0);
	run.perm = EMT_W | EMT_X; /* emulated MMIO */
	assert_int_equal(judge(e, &run).verdict, EMT_V_NOT_PRESENT);
	run = entry(0x10, 0x8010, 0, pair(6, 0));
	run.perm = EMT_W;
	assert_int_equal(judge(e, &run).verdict, EMT_V_MISCONFIGURED);
	run.perm = EMT_R | EMT_W | EMT_X;
	run.emt = EMT_MT_7; /* no mark on KVM */
	assert_int_equal(judge(e, &run).verdict, EMT_V_MISCONFIGURED);
	run.emt = EMT_MT_WC;
	run.flags = EMT_RUN_INTERMEDIATE;
	run.order = 9;
	run.gfn = 0x200;
	assert_int_equal(judge(e, &run).verdict, EMT_V_MISCONFIGURED);
	emt_engine_free(e);
	emt_facts_free(&f);
}

/* What is not known: an answer with a name, never a mismatch. */
static void unknown_facts(void **state)
{
	struct emt_run wbi = entry(0xc0010, 0x8010, 0, pair(6, 1)), wc = entry(0xc0010, 0x8010, 0, pair(1, 0));
	struct emt_engine *e;
	struct emt_piece p;
	struct emt_facts f;

	(void)state;
	frame_buffer_guest(&f, "kvm 6.12.0");
	emt_facts_set(&f, EMT_FACT_KVM_NONCOHERENT, EMT_UNKNOWN, NULL);
	assert_int_equal(emt_engine_new(&e, &f, NULL, NULL), 0);
	p = judge(e, &wbi);
	assert_int_equal(p.verdict, EMT_V_UNDETERMINED);
	assert_true(p.facts & 1ull << EMT_FACT_KVM_NONCOHERENT);
	assert_int_equal(judge(e, &wc).verdict, EMT_V_MISMATCH); /* no value of it gives WC */
	emt_engine_free(e);
	/* no device: assumed coherent, so the other answer is a suspicion */
	emt_facts_set(&f, EMT_FACT_PCI_DEVICES, EMT_KNOWN, "test");
	assert_int_equal(emt_engine_new(&e, &f, NULL, NULL), 0);
	assert_int_equal(judge(e, &wbi).verdict, EMT_V_OK);
	wbi.ipat = 0;
	p = judge(e, &wbi);
	assert_int_equal(p.verdict, EMT_V_SUSPECT);
	assert_true(p.facts & 1ull << EMT_FACT_KVM_NONCOHERENT);
	emt_engine_free(e);
	/* frames not listed: what is no RAM is taken for MMIO, by assumption */
	f.kvm_noncoherent = 0;
	emt_facts_set(&f, EMT_FACT_KVM_NONCOHERENT, EMT_KNOWN, "test");
	emt_facts_set_list(&f, EMT_FACT_KVM_MMIO, EMT_UNKNOWN, EMT_UNKNOWN, NULL);
	emt_ranges_free(&f.kvm_mmio);
	emt_facts_set_list(&f, EMT_FACT_HOST_E820, EMT_KNOWN, EMT_KNOWN, "test");
	emt_ranges_add(&f.host_e820, 0x100, 0xffff, 1, EMT_KNOWN);
	assert_int_equal(emt_engine_new(&e, &f, NULL, NULL), 0);
	wc = entry(0x20000, 0xf0000, 0, pair(0, 0));
	assert_int_equal(judge(e, &wc).verdict, EMT_V_OK);
	wc = entry(0x20000, 0x2000, 0, pair(0, 0));
	p = judge(e, &wc);
	assert_int_equal(p.verdict, EMT_V_SUSPECT);
	assert_int_equal(p.facts, 1ull << EMT_FACT_KVM_MMIO);
	emt_engine_free(e);
	emt_facts_free(&f);
}

/* AMD: whatever the kernel, the guest's MTRRs and devices, entries are WB. */
static void nested_paging_of_amd(void **state)
{
	static const char *const names[] = { "kvm 6.1.0", "kvm 6.6", "kvm 6.16.0" };
	struct emt_engine *e;
	struct emt_facts f;
	struct emt_run run;

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(names); i++) {
		frame_buffer_guest(&f, names[i]);
		f.paging = EMT_PAGING_NPT;
		assert_int_equal(emt_engine_new(&e, &f, NULL, NULL), 0);
		assert_string_equal(emt_engine_release(e)->era->id, "KA");
		run = entry(0xc0000, 0x4000, 9, 60);
		assert_int_equal(judge(e, &run).verdict, EMT_V_OK);
		run = entry(0x10, 0x5000, 0, 0);
		assert_int_equal(judge(e, &run).verdict, EMT_V_MISMATCH);
		emt_engine_free(e);
		emt_facts_free(&f);
	}
}

static void refusals(void **state)
{
	struct emt_err err = { 0 };
	struct emt_engine *e;
	struct emt_facts f;

	(void)state;
	frame_buffer_guest(&f, "kvm 6.1.0");
	assert_int_equal(emt_engine_new(&e, &f, "4.17.7", &err), 0); /* a bare number is a kernel's here */
	assert_string_equal(emt_engine_release(e)->full, "kvm 4.17.7");
	emt_engine_free(e);
	assert_int_equal(emt_engine_new(&e, &f, "master", &err), EMT_E_USAGE);
	f.paging = EMT_PAGING_SHADOW;
	assert_int_equal(emt_engine_new(&e, &f, NULL, &err), EMT_E_UNSUPPORTED);
	f.is_kvm = 0;
	strcpy(f.release, "4.17.7");
	f.paging = EMT_PAGING_EPT;
	assert_int_equal(emt_engine_new(&e, &f, "kvm 6.1", &err), EMT_E_USAGE);
	emt_facts_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(engine_agrees_with_the_model),
		cmocka_unit_test(what_kvm_writes_is_ok_and_faults_are_found),
		cmocka_unit_test(pat_alone_loses_mtrr_wc), cmocka_unit_test(memslot_flag),
		cmocka_unit_test(huge_pages_over_mtrr_borders), cmocka_unit_test(stale_after_a_device),
		cmocka_unit_test(entries_special_to_kvm), cmocka_unit_test(unknown_facts),
		cmocka_unit_test(nested_paging_of_amd), cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
