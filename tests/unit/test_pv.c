/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The p2m of PV domains: the rules of five kernels against a model that does what those
 * kernels do at boot, region by region, over every memory map of seven frames; then
 * every entry that can stand in each of them against what should be said of it.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/pv.h"
#include "common.h"

#define FRAMES 7  /* of the map */
#define LOOKED 10 /* and some behind it */

/* tags of a map: nothing, RAM, reserved, ACPI */
#define KINDS 4

static const struct { const char *release; unsigned int number; } kernels[] = {
	{ "2.6.38", 20638 }, { "2.6.39-1-686", 20639 }, { "Linux version 3.16.0-4-amd64 (x)", 31600 },
	{ "3.19.0", 31900 }, { "4.3.0", 40300 }, { "6.1.0-42-amd64", 60100 },
};

/* A map of frames as regions, in order. */
static void map_of(unsigned int code, struct emt_ranges *e820, unsigned int *tags)
{
	memset(e820, 0, sizeof(*e820));
	for (unsigned int i = 0; i < FRAMES; i++, code /= KINDS) {
		tags[i] = code % KINDS;
		if (!tags[i])
			continue;
		if (e820->n && e820->v[e820->n - 1].tag == tags[i] && e820->v[e820->n - 1].last + 1 == i)
			e820->v[e820->n - 1].last = i;
		else
			assert_int_equal(emt_ranges_add(e820, i, i, tags[i], EMT_KNOWN), 0);
	}
}

/* What a kernel of this number makes of it: 'i' identity, 'm' missing, 'r' RAM. It goes
 * from RAM to RAM and marks what was in between, then what is left of the list. */
static void boot(unsigned int kernel, const struct emt_ranges *e820, unsigned int size, char *p2m)
{
	uint64_t start = 0;

	memset(p2m, 'm', LOOKED);
	for (size_t i = 0; i < e820->n; i++)
		for (uint64_t f = e820->v[i].first; f <= e820->v[i].last; f++)
			p2m[f] = e820->v[i].tag == 1 ? 'r' : 'm';
	for (size_t i = 0; kernel >= 20639 && i < e820->n; i++) {
		bool ram = e820->v[i].tag == 1;

		if (!ram && i + 1 < e820->n)
			continue;
		for (uint64_t f = start; f < (ram ? e820->v[i].first : e820->v[i].last + 1); f++)
			p2m[f] = 'i';
		start = e820->v[i].last + 1;
	}
	for (uint64_t f = e820->n ? e820->v[e820->n - 1].last + 1 : 0; kernel >= 31600 && f < LOOKED; f++)
		p2m[f] = 'i';
	for (unsigned int f = size; kernel >= 31900 && size && f < LOOKED; f++)
		p2m[f] = 'i';
}

static void every_small_map(void **state)
{
	unsigned int maps = 1;

	(void)state;
	for (unsigned int i = 0; i < FRAMES; i++)
		maps *= KINDS;
	for (unsigned int code = 1; code < maps; code++) {
		struct emt_ranges e820;
		unsigned int tags[FRAMES];
		char p2m[LOOKED];

		map_of(code, &e820, tags);
		for (size_t k = 0; k < EMT_ARRAY_SIZE(kernels); k++) {
			const struct emt_pv_era *era = emt_pv_era_of(kernels[k].release);
			unsigned int size = code % 3 ? 0 : 4;

			boot(kernels[k].number, &e820, size, p2m);
			for (uint64_t pfn = 0; pfn < LOOKED; pfn++) {
				/* RAM that the domain was not given at boot may be added later */
				bool later = kernels[k].number >= 31900 && size && pfn >= size && pfn < FRAMES &&
					tags[pfn] == 1;
				unsigned int want = later ? 1u << EMT_PV_IDENTITY | 1u << EMT_PV_MISSING | 1u << EMT_PV_FRAME :
						    p2m[pfn] == 'i' ? 1u << EMT_PV_IDENTITY :
						    p2m[pfn] == 'm' ? 1u << EMT_PV_MISSING :
						    1u << EMT_PV_MISSING | 1u << EMT_PV_FRAME;
				enum emt_pv_place place;
				uint64_t last;
				uint32_t tag;

				place = emt_pv_place(&e820, pfn, &last, &tag);
				assert_int_equal(tag, pfn < FRAMES ? tags[pfn] : 0);
				assert_true(last >= pfn);
				assert_int_equal(emt_pv_expect(era, place, pfn, size), want | 1u << EMT_PV_FOREIGN);
			}
		}
		emt_ranges_free(&e820);
	}
}

static void eras(void **state)
{
	static const struct { const char *release; unsigned int era; } v[] = {
		{ "2.6.32-5-xen-amd64", 0 }, { "2.6.39", 1 }, { "3.0.0", 1 }, { "3.2.0-4-amd64", 1 }, { "3.15.10", 1 },
		{ "3.16", 2 }, { "3.17.8", 2 }, { "3.18.0", 3 }, { "3.19-rc1", 4 }, { "4.2.8", 4 }, { "4.3", 5 },
		{ "4.9.337", 5 }, { "6.12.9+deb13-amd64", 5 },
	};

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(v); i++)
		assert_ptr_equal(emt_pv_era_of(v[i].release), &emt_pv_eras[v[i].era]);
	assert_null(emt_pv_era_of("none"));
	assert_null(emt_pv_era_of("3"));
	assert_true(emt_pv_eras[2].iomap);
	assert_false(emt_pv_eras[3].iomap);
	/* 512 GiB and above: the tree ends */
	assert_int_equal(emt_pv_expect(&emt_pv_eras[1], EMT_PV_GAP, 1 << 27, 0), 1u << EMT_PV_MISSING | 8);
	assert_int_equal(emt_pv_expect(&emt_pv_eras[2], EMT_PV_RAM, 1 << 27, 0), 1u << EMT_PV_IDENTITY | 8);
	/* a kernel that is not known: what any since 2.6.39 allows */
	assert_int_equal(emt_pv_expect(NULL, EMT_PV_BEHIND, 9, 0), 1u << EMT_PV_IDENTITY | 1u << EMT_PV_MISSING | 8);
	assert_int_equal(emt_pv_expect(NULL, EMT_PV_GAP, 9, 0), 1u << EMT_PV_IDENTITY | 8);
}

static void entries(void **state)
{
	struct emt_pv_entry e;

	(void)state;
	e = emt_pv_decode(~0ull, 64);
	assert_int_equal(e.kind, EMT_PV_MISSING);
	e = emt_pv_decode(0xffffffff, 32);
	assert_int_equal(e.kind, EMT_PV_MISSING);
	e = emt_pv_decode(0xffffffff, 64);
	assert_int_equal(e.kind, EMT_PV_FRAME);
	e = emt_pv_decode(1ull << 62 | 0x12345, 64);
	assert_int_equal(e.kind, EMT_PV_IDENTITY);
	assert_int_equal(e.mfn, 0x12345);
	e = emt_pv_decode(1ull << 63 | 0x777, 64);
	assert_int_equal(e.kind, EMT_PV_FOREIGN);
	assert_int_equal(e.mfn, 0x777);
	e = emt_pv_decode(1u << 30 | 5, 32);
	assert_int_equal(e.kind, EMT_PV_IDENTITY);
	assert_int_equal(e.mfn, 5);
	e = emt_pv_decode(1u << 31 | 5, 32);
	assert_int_equal(e.kind, EMT_PV_FOREIGN);
}

/* ---- findings ---- */

/* The M2P of this test: frame 0x100 + n belongs to pfn n; 0x200 and on are not known. */
static int m2p(void *arg, uint64_t mfn, uint64_t *pfn)
{
	(void)arg;
	*pfn = mfn - 0x100;
	return mfn >= 0x200;
}

struct said {
	enum emt_pv_finding finding[LOOKED];
	unsigned int runs, levels;
	uint64_t next;
};

static int hear(const struct emt_pv_run *r, void *arg)
{
	struct said *s = arg;
	char text[200];

	assert_true(r->pfn >= s->next && r->count);
	for (uint64_t i = 0; i < r->count; i++)
		s->finding[r->pfn + i] = r->finding;
	s->next = r->pfn + r->count;
	s->runs++;
	s->levels |= 1u << r->severity;
	emt_pv_run_text(r, NULL, text, sizeof(text));
	assert_int_equal(*text != '\0', r->finding != EMT_PVF_OK);
	return 0;
}

/* What should be said, from what stands there and what a kernel would have put there. */
static enum emt_pv_finding should(const struct emt_pv_entry *e, uint64_t pfn, char boot, bool ram, bool bar, bool listed)
{
	if (e->kind == EMT_PV_FOREIGN)
		return EMT_PVF_OK;
	if (e->kind == EMT_PV_IDENTITY && e->mfn != pfn)
		return EMT_PVF_WRONG_IDENTITY;
	if (ram) {
		if (e->kind == EMT_PV_IDENTITY)
			return boot == 'i' ? EMT_PVF_OK : EMT_PVF_IDENTITY_ON_RAM;
		return e->kind == EMT_PV_FRAME && e->mfn < 0x200 && e->mfn - 0x100 != pfn ? EMT_PVF_M2P_MISMATCH :
											    EMT_PVF_OK;
	}
	if (e->kind == EMT_PV_FRAME)
		return EMT_PVF_FRAME_IN_HOLE;
	if (e->kind == EMT_PV_IDENTITY)
		return EMT_PVF_OK;
	if (boot == 'm' && !bar)
		return EMT_PVF_OK;
	return bar || listed ? EMT_PVF_IDENTITY_MISSING : EMT_PVF_MISSING_IN_HOLE;
}

static void every_entry(void **state)
{
	static const struct emt_pv_bar bars[] = { { 2, 2, "device A" }, { 8, 8, "device B" } };
	uint64_t seed = emt_test_seed();
	unsigned int maps = 1;

	(void)state;
	for (unsigned int i = 0; i < FRAMES; i++)
		maps *= KINDS;
	for (unsigned int round = 0; round < 40000; round++) {
		size_t k = emt_rand_below(&seed, EMT_ARRAY_SIZE(kernels));
		unsigned int size = emt_rand_below(&seed, 2) ? 0 : 4 + (unsigned int)emt_rand_below(&seed, 6);
		unsigned int tags[FRAMES];
		struct emt_ranges e820;
		struct emt_pv_entry e[LOOKED];
		struct said one = { .runs = 0 };
		struct emt_pv_audit *a;
		char p2m[LOOKED];
		struct emt_pv_opts o = { .era = emt_pv_era_of(kernels[k].release), .e820 = &e820, .size = size,
					 .bars = bars, .nr_bars = 2, .m2p = m2p };

		map_of(1 + (unsigned int)emt_rand_below(&seed, maps - 1), &e820, tags);
		boot(kernels[k].number, &e820, size, p2m);
		a = emt_pv_audit_new(&o, hear, &one);
		assert_non_null(a);
		for (uint64_t pfn = 0; pfn < LOOKED; pfn++) {
			e[pfn].kind = (enum emt_pv_kind)emt_rand_below(&seed, EMT_PV_NR);
			e[pfn].mfn = e[pfn].kind == EMT_PV_MISSING ? EMT_NO_FRAME :
				     e[pfn].kind == EMT_PV_IDENTITY ? pfn : 0x100 + pfn;
			if (emt_rand_below(&seed, 6) == 0 && e[pfn].kind != EMT_PV_MISSING)
				e[pfn].mfn += e[pfn].kind == EMT_PV_FRAME && emt_rand_below(&seed, 2) ? 0x100 : 1;
			/* many at once or one by one must not matter */
			if (e[pfn].mfn == EMT_NO_FRAME || (e[pfn].kind == EMT_PV_IDENTITY && e[pfn].mfn == pfn))
				assert_int_equal(emt_pv_audit_fill(a, pfn, 1, e[pfn].kind), 0);
			else
				assert_int_equal(emt_pv_audit_add(a, pfn, e[pfn]), 0);
		}
		assert_int_equal(emt_pv_audit_end(a), 0);
		assert_int_equal(one.next, LOOKED);
		for (uint64_t pfn = 0; pfn < LOOKED; pfn++)
			assert_int_equal(one.finding[pfn], should(&e[pfn], pfn, p2m[pfn], pfn < FRAMES && tags[pfn] == 1,
								  pfn == 2 || pfn == 8, pfn < FRAMES && tags[pfn] > 1));
		emt_ranges_free(&e820);
	}
}

/* A stretch of one kind is cut where map, BARs or the list's end cut it, and nowhere else. */
static void stretches(void **state)
{
	static const struct emt_pv_bar bars[] = { { 2, 2, "device A" }, { 8, 8, "device B" } };
	struct emt_ranges e820 = { NULL, 0, 0 };
	struct emt_pv_opts o = { .era = &emt_pv_eras[5], .e820 = &e820, .bars = bars, .nr_bars = 2 };
	struct emt_pv_audit *a;
	struct said s = { .runs = 0 };

	(void)state;
	assert_int_equal(emt_ranges_add(&e820, 0, 1, 1, EMT_KNOWN), 0);
	assert_int_equal(emt_ranges_add(&e820, 4, 5, 1, EMT_KNOWN), 0);
	a = emt_pv_audit_new(&o, hear, &s);
	assert_int_equal(emt_pv_audit_fill(a, 0, LOOKED, EMT_PV_IDENTITY), 0);
	assert_int_equal(emt_pv_audit_end(a), 0);
	assert_int_equal(s.runs, 7); /* 0-1, 2, 3, 4-5, 6-7, 8, 9 */
	assert_int_equal(s.finding[0], EMT_PVF_IDENTITY_ON_RAM);
	assert_int_equal(s.finding[5], EMT_PVF_IDENTITY_ON_RAM);
	assert_int_equal(s.finding[9], EMT_PVF_OK);
	s = (struct said){ .runs = 0 };
	a = emt_pv_audit_new(&o, hear, &s);
	assert_int_equal(emt_pv_audit_fill(a, 0, LOOKED, EMT_PV_MISSING), 0);
	assert_int_equal(emt_pv_audit_end(a), 0);
	assert_int_equal(s.finding[1], EMT_PVF_OK);
	assert_int_equal(s.finding[2], EMT_PVF_IDENTITY_MISSING);
	assert_int_equal(s.finding[3], EMT_PVF_MISSING_IN_HOLE);
	assert_int_equal(s.finding[8], EMT_PVF_IDENTITY_MISSING);
	assert_int_equal(s.finding[9], EMT_PVF_MISSING_IN_HOLE);
	emt_ranges_free(&e820);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_small_map), cmocka_unit_test(eras), cmocka_unit_test(entries),
		cmocka_unit_test(every_entry), cmocka_unit_test(stretches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
