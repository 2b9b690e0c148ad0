/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries of every format bit by bit, walks over small tables typed here, and tables
 * that no hypervisor writes: torn, looping, pointing into holes.
 */
#include "common.h"

#include <stdlib.h>
#include <string.h>

#include "table/walk.h"

/* Eight frames of RAM, 0x100..0x107, with a log of what is read. */
#define BASE 0x100ull
#define FRAMES 8

struct ram {
	uint64_t frame[FRAMES][512];
	uint64_t reads[FRAMES];
	uint64_t elsewhere;  /* frames asked for that are no RAM */
	uint64_t bad;        /* frame that cannot be read, 0 = none */
	uint64_t flip;       /* live: this entry of frame 1 changes at each of so many readings */
	unsigned int flips;
};

static const uint64_t *ram_frame(void *arg, uint64_t mfn)
{
	struct ram *r = arg;

	if (mfn < BASE || mfn >= BASE + FRAMES) {
		r->elsewhere++;
		return NULL;
	}
	if (mfn == r->bad)
		return NULL;
	r->reads[mfn - BASE]++;
	if (r->flips && mfn == BASE + 1) {
		r->flips--;
		r->frame[1][r->flip] ^= 1ull << 9;
	}
	return r->frame[mfn - BASE];
}

static bool ram_has(void *arg, uint64_t mfn)
{
	(void)arg;
	return mfn >= BASE && mfn < BASE + FRAMES;
}

static struct emt_walk_opts opts(struct ram *r, const struct emt_format *f)
{
	return (struct emt_walk_opts){
		.mem = { .frame = ram_frame, .arg = r, .ram = ram_has }, .format = f,
		.layout = emt_epte_layout_by_name("4.16"), .root = BASE,
	};
}

struct seen {
	struct emt_run v[64];
	size_t n;
	struct emt_walk_odd odd[16];
	size_t odds;
	struct emt_walk_result res;
};

static void note_odd(const struct emt_walk_odd *o, void *arg)
{
	struct seen *s = arg;

	if (s->odds < EMT_ARRAY_SIZE(s->odd))
		s->odd[s->odds] = *o;
	s->odds++;
}

static void walk(struct emt_walk_opts o, struct seen *s)
{
	struct emt_walker *w;
	struct emt_run run;

	memset(s, 0, sizeof(*s));
	o.odd = note_odd;
	o.odd_arg = s;
	assert_int_equal(emt_walker_new(&w, &o, NULL), 0);
	while (emt_walker_next(w, &run)) {
		if (s->n < EMT_ARRAY_SIZE(s->v))
			s->v[s->n] = run;
		s->n++;
	}
	s->res = *emt_walker_result(w);
	emt_walker_free(w);
}

#define TO(i) ((BASE + (i)) << 12)
#define EPT_TABLE 0x7ull

/* root[0] -> 1, 1[0] -> 2, 2[0] -> 3 */
static void chain(struct ram *r, uint64_t flags)
{
	memset(r, 0, sizeof(*r));
	for (unsigned int i = 0; i < 3; i++)
		r->frame[i][0] = TO(i + 1) | flags;
}

static void ept_leaves(void **state)
{
	struct ram r;
	struct seen s;

	(void)state;
	chain(&r, EPT_TABLE);
	r.frame[3][0] = 0x5000ull << 12 | 0x37;               /* rwx WB */
	r.frame[3][1] = 0x5001ull << 12 | 0x37;
	r.frame[3][2] = 0x6000ull << 12 | 0x77;               /* WB! */
	r.frame[3][5] = 1ull << 63;                           /* never used: suppress_ve alone */
	r.frame[3][6] = (uint64_t)EMT_P2M_POD << 52;
	r.frame[3][7] = (uint64_t)EMT_P2M_PAGED << 52 | 0xffffffffffull << 12;
	r.frame[2][1] = 0x7000ull << 12 | 0x80 | 0x37;        /* 2M */
	r.frame[2][2] = TO(4) | EPT_TABLE | 7 << 3;           /* pending, empty */
	r.frame[1][1] = 0x40000ull << 12 | 0x80 | 0x03;       /* 1G, rw, UC */
	walk(opts(&r, &emt_format_ept), &s);
	assert_int_equal(s.n, 8);
	assert_int_equal(s.v[0].mfn, 0x5000);
	assert_int_equal(s.v[0].emt, EMT_MT_WB);
	assert_int_equal(s.v[2].ipat, 1);
	assert_true(s.v[3].flags & EMT_RUN_POD);
	assert_true(s.v[3].mfn == EMT_NO_FRAME && s.v[4].mfn == EMT_NO_FRAME);
	assert_int_equal(s.v[4].p2mt, EMT_P2M_PAGED);
	assert_int_equal(s.v[5].order, 9);
	assert_int_equal(s.v[5].gfn, 0x200);
	assert_true(s.v[6].flags & EMT_RUN_INTERMEDIATE);
	assert_int_equal(s.v[6].emt, EMT_MT_7);
	assert_int_equal(s.v[7].order, 18);
	assert_int_equal(s.v[7].gfn, 0x40000);
	assert_int_equal(s.odds, 0);
	assert_int_equal(s.res.tables, 5);
	assert_int_equal(s.res.leaves, 7);
	assert_int_equal(s.res.intermediate, 1);
	/* joined: the two WB frames become one run */
	{
		struct emt_walk_opts o = opts(&r, &emt_format_ept);

		o.join = true;
		walk(o, &s);
		assert_int_equal(s.n, 7);
		assert_int_equal(s.v[0].count, 2);
		assert_int_equal(s.res.leaves, 7);
	}
}

/* Below an entry with EMT 7 everything is pending, at any depth. */
static void pending_is_inherited(void **state)
{
	struct ram r;
	struct seen s;

	(void)state;
	chain(&r, EPT_TABLE);
	r.frame[0][0] |= 7 << 3;
	r.frame[3][9] = 0x5000ull << 12 | 0x37;
	walk(opts(&r, &emt_format_ept), &s);
	assert_int_equal(s.n, 2);
	assert_true(s.v[0].flags & EMT_RUN_INTERMEDIATE);
	assert_int_equal(s.v[0].order, 27);
	assert_true(s.v[1].flags & EMT_RUN_PENDING_ABOVE);
}

/* The layout moved 'access' in 4.20. */
static void layouts_differ(void **state)
{
	uint64_t raw = 0x5000ull << 12 | 0x37 | 7ull << 58;
	struct emt_entry_at at = { .level = 1, .layout = emt_epte_layout_by_name("4.16") };
	struct emt_entry e;

	(void)state;
	emt_format_ept.decode(raw, &at, &e);
	assert_int_equal(e.run.access, 7);
	at.layout = emt_epte_layout_by_name("4.20");
	emt_format_ept.decode(raw, &at, &e);
	assert_int_equal(e.run.access, 3);
}

static void npt_entries(void **state)
{
	struct ram r;
	struct seen s;

	(void)state;
	chain(&r, 0x27); /* P W U A */
	r.frame[3][0] = 0x5000ull << 12 | 0x67;                                   /* ram_rw */
	r.frame[3][1] = 0x5001ull << 12 | 0x63;                                   /* U clear: recalc */
	r.frame[3][2] = 0xfeb00ull << 12 | 0x77 | (uint64_t)EMT_P2M_MMIO_DIRECT << 52; /* PCD */
	r.frame[3][3] = 0x5003ull << 12 | 0x65 | (uint64_t)EMT_P2M_RAM_RO << 52 | 1ull << 63;
	r.frame[3][4] = (uint64_t)EMT_P2M_POD << 52 | 0xffffffffffull << 12;
	r.frame[2][1] = 0x7000ull << 12 | 1ull << 12 | 0xe7;                      /* 2M, PAT bit */
	r.frame[2][2] = TO(4) | 0x23;                                             /* intermediate, recalc */
	walk(opts(&r, &emt_format_npt), &s);
	assert_int_equal(s.n, 7);
	assert_int_equal(s.v[0].p2mt, EMT_P2M_RAM_RW);
	assert_int_equal(s.v[0].perm, EMT_R | EMT_W | EMT_X);
	assert_true(s.v[0].flags & EMT_RUN_NO_TYPE);
	assert_false(s.v[0].flags & EMT_RUN_RECALC);
	assert_true(s.v[1].flags & EMT_RUN_RECALC);
	assert_int_equal(s.v[2].p2mt, EMT_P2M_MMIO_DIRECT);
	assert_int_equal(s.v[3].perm, EMT_R);
	assert_true(s.v[4].flags & EMT_RUN_POD && s.v[4].mfn == EMT_NO_FRAME && !s.v[4].perm);
	assert_int_equal(s.v[5].mfn, 0x7000);
	assert_int_equal(s.v[5].raw, 0x10e7);
	assert_true(s.v[6].flags & EMT_RUN_INTERMEDIATE && s.v[6].flags & EMT_RUN_RECALC);
	assert_int_equal(s.odds, 0);
}

static void vtd_entries(void **state)
{
	struct ram r;
	struct seen s;
	struct emt_walk_opts o;

	(void)state;
	chain(&r, 0x3);
	r.frame[3][0] = 0x5000ull << 12 | 3 | 1 << 11;
	r.frame[3][1] = 0x5001ull << 12 | 1;
	r.frame[3][2] = 0x5002ull << 12;               /* neither R nor W: not there */
	r.frame[2][1] = 0x7000ull << 12 | 0x80 | 3;
	walk(opts(&r, &emt_format_vtd), &s);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.v[0].perm, EMT_R | EMT_W);
	assert_true(s.v[0].flags & EMT_RUN_SNP);
	assert_int_equal(s.v[1].perm, EMT_R);
	assert_int_equal(s.v[2].order, 9);
	assert_int_equal(s.odds, 0);
	/* three levels: the same root is a level lower, its leaves nine bits lower */
	o = opts(&r, &emt_format_vtd);
	o.levels = 3;
	o.root = BASE + 1;
	walk(o, &s);
	assert_int_equal(s.n, 3);
	o.levels = 7;
	assert_int_equal(emt_walker_new(&(struct emt_walker *){ NULL }, &o, NULL), EMT_E_USAGE);
}

#define AMD(next) (1ull | (uint64_t)(next) << 9 | 3ull << 61)

static void amdvi_entries(void **state)
{
	struct ram r;
	struct seen s;

	(void)state;
	memset(&r, 0, sizeof(r));
	r.frame[0][0] = TO(1) | AMD(3);
	r.frame[1][0] = TO(2) | AMD(2);
	r.frame[2][0] = TO(3) | AMD(1);
	r.frame[3][0] = 0x5000ull << 12 | AMD(0);
	r.frame[3][1] = 0x5001ull << 12 | 1 | 1ull << 61;             /* read only */
	r.frame[3][2] = 0x5002ull << 12 | 3ull << 61;                 /* not present */
	/* four frames from 0x6000 on as one 16 KiB page: size by the ones below bit 1 */
	for (unsigned int i = 4; i < 8; i++)
		r.frame[3][i] = 0x6001ull << 12 | AMD(7);
	r.frame[2][1] = 0x7000ull << 12 | AMD(0);                     /* 2M */
	r.frame[2][2] = TO(5) | AMD(3);                               /* up the tree */
	r.frame[1][1] = TO(4) | AMD(1);                               /* skips a level */
	r.frame[4][1] = 0x9000ull << 12 | AMD(0);
	r.frame[1][2] = 0x80000ull << 12 | AMD(0);                    /* 1G */
	walk(opts(&r, &emt_format_amdvi), &s);
	assert_int_equal(s.n, 9);
	assert_int_equal(s.v[1].perm, EMT_R);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(s.v[2 + i].mfn, 0x6000 + i);
	assert_int_equal(s.v[6].order, 9);
	assert_int_equal(s.v[7].gfn, 0x40001);
	assert_int_equal(s.v[7].mfn, 0x9000);
	assert_int_equal(s.v[8].order, 18);
	assert_int_equal(s.res.bad_level, 1);
	assert_int_equal(s.odds, 1);
	assert_int_equal(s.odd[0].gfn, 0x400);
}

/* ---- tables that no hypervisor writes ---- */

static void holes_are_not_read(void **state)
{
	static const struct emt_format *const formats[] = { &emt_format_ept, &emt_format_npt,
							    &emt_format_vtd };
	struct ram r;
	struct seen s;

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(formats); i++) {
		chain(&r, i == 1 ? 0x27 : EPT_TABLE & (i ? 3 : 7));
		r.frame[2][1] = 0xa0ull << 12 | (i == 1 ? 0x27 : 3);        /* the VGA hole */
		r.frame[1][1] = 0xfee00ull << 12 | (i == 1 ? 0x27 : 3);     /* the local APIC */
		walk(opts(&r, formats[i]), &s);
		assert_int_equal(r.elsewhere, 0);
		assert_int_equal(s.res.outside, 2);
		assert_int_equal(s.odd[0].what, EMT_ODD_OUTSIDE);
		assert_int_equal(s.odd[0].frame, 0xa0);
		assert_int_equal(s.odd[0].gfn, 0x200);
		assert_int_equal(s.odd[0].level, 2);
		assert_int_equal(s.odd[1].frame, 0xfee00);
	}
	/* a leaf may point anywhere: it is given, and its frame is not read */
	chain(&r, EPT_TABLE);
	r.frame[3][0] = 0xfeb00ull << 12 | 0x07 | (uint64_t)EMT_P2M_MMIO_DIRECT << 52;
	walk(opts(&r, &emt_format_ept), &s);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.odds + r.elsewhere, 0);
	/* the root itself */
	{
		struct emt_walk_opts o = opts(&r, &emt_format_ept);

		o.root = 0xf0;
		walk(o, &s);
		assert_int_equal(s.res.outside, 1);
		assert_int_equal(s.n + r.elsewhere, 0);
		assert_int_equal(emt_walk_one(&o, 0, &s.v[0]), EMT_E_IO);
		assert_int_equal(r.elsewhere, 0);
	}
}

static void loops_end(void **state)
{
	struct ram r;
	struct seen s;

	(void)state;
	chain(&r, EPT_TABLE);
	r.frame[2][1] = TO(0) | EPT_TABLE; /* back to the root */
	r.frame[2][2] = TO(2) | EPT_TABLE; /* itself */
	r.frame[2][3] = TO(3) | EPT_TABLE; /* a table that is part of the tree already */
	r.frame[3][0] = 0x5000ull << 12 | 0x37;
	walk(opts(&r, &emt_format_ept), &s);
	assert_int_equal(s.res.loops, 2);
	assert_int_equal(s.res.twice, 1);
	assert_int_equal(s.n, 1);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(r.reads[i], 1);
	/* every entry of every table points to the root */
	for (unsigned int i = 0; i < FRAMES; i++)
		for (unsigned int k = 0; k < 512; k++)
			r.frame[i][k] = TO(0) | EPT_TABLE;
	walk(opts(&r, &emt_format_ept), &s);
	assert_int_equal(s.res.loops, 512);
	assert_int_equal(s.res.tables, 1);
}

static void wrong_levels_and_bits(void **state)
{
	struct ram r;
	struct seen s;

	(void)state;
	chain(&r, EPT_TABLE);
	r.frame[0][1] = 0x40000ull << 12 | 0x80 | 7;                /* a leaf of 512 GiB */
	r.frame[2][1] = 0x7001ull << 12 | 0x80 | 7;                 /* 2M, not aligned */
	r.frame[3][0] = 0x5000ull << 12 | 0x37 | 40ull << 52;       /* no such p2m type */
	r.bad = BASE + 4;
	r.frame[2][2] = TO(4) | EPT_TABLE;
	walk(opts(&r, &emt_format_ept), &s);
	assert_int_equal(s.res.bad_level, 1);
	assert_int_equal(s.res.reserved, 2);
	assert_int_equal(s.res.unreadable, 1);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.v[0].p2mt, EMT_P2M_UNKNOWN);
}

static void work_is_bounded(void **state)
{
	struct ram r;
	struct seen s;
	struct emt_walk_opts o;

	(void)state;
	chain(&r, EPT_TABLE);
	o = opts(&r, &emt_format_ept);
	o.max_tables = 2;
	walk(o, &s);
	assert_true(s.res.too_many);
	assert_int_equal(s.res.tables, 2);
	assert_int_equal(s.odd[0].what, EMT_ODD_TOO_MANY);
}

/* Live memory: a change between two readings is counted and the later one taken. */
static void changes_are_read_again(void **state)
{
	struct ram r;
	struct seen s;
	struct emt_walk_opts o;

	(void)state;
	chain(&r, EPT_TABLE);
	r.frame[1][3] = 0x80000ull << 12 | 0x80 | 7;
	r.flip = 3;
	r.flips = 2;
	o = opts(&r, &emt_format_ept);
	o.mem.live = true;
	walk(o, &s);
	assert_int_equal(s.res.changed, 1);
	assert_int_equal(s.res.torn, 0);
	assert_int_equal(r.reads[1], 3);
	assert_int_equal(r.reads[2], 2);
	/* never the same twice: said, and bounded */
	r.flips = 1000;
	walk(o, &s);
	assert_int_equal(s.res.torn, 1);
	assert_true(r.reads[1] < 12);
	/* one entry again */
	r.flips = 0;
	assert_int_equal(emt_walk_one(&o, 3ull << 18 | 77, &s.v[0]), 1);
	assert_int_equal(s.v[0].mfn, 0x80000);
	assert_int_equal(emt_walk_one(&o, 9ull << 18, &s.v[0]), 0);
}

static void seeking(void **state)
{
	struct ram r;
	struct emt_walk_opts o;
	struct emt_walker *w;
	struct emt_run run;

	(void)state;
	chain(&r, EPT_TABLE);
	for (unsigned int i = 0; i < 512; i += 2)
		r.frame[3][i] = (0x5000ull + i) << 12 | 0x37;
	r.frame[2][1] = 0x7000ull << 12 | 0x80 | 0x37;
	o = opts(&r, &emt_format_ept);
	assert_int_equal(emt_walker_new(&w, &o, NULL), 0);
	emt_walker_seek(w, 0x101);
	assert_int_equal(emt_walker_next(w, &run), 1);
	assert_int_equal(run.gfn, 0x102);
	emt_walker_seek(w, 0x333);
	assert_int_equal(emt_walker_next(w, &run), 1);
	assert_int_equal(run.gfn, 0x200);
	assert_int_equal(emt_walker_next(w, &run), 0);
	emt_walker_seek(w, 0);
	assert_int_equal(emt_walker_next(w, &run), 1);
	assert_int_equal(run.gfn, 0);
	emt_walker_seek(w, 0x400);
	assert_int_equal(emt_walker_next(w, &run), 0);
	emt_walker_free(w);
}

/* Any bits: the joined walk gives what the plain one gives; each leaf is found alone. */
static void joined_equals_plain(void **state)
{
	static const struct emt_format *const formats[] = { &emt_format_ept, &emt_format_npt, &emt_format_vtd,
							    &emt_format_amdvi };
	static struct ram r;
	uint64_t seed = emt_test_seed();

	(void)state;
	for (unsigned int round = 0; round < 200; round++) {
		struct emt_walk_opts plain = opts(&r, formats[round & 3]), joined = plain;
		struct emt_walker *a, *b;
		struct emt_run one, many = { 0 };
		uint64_t raw = 0;

		memset(&r, 0, sizeof(r));
		for (unsigned int i = 0; i < FRAMES; i++)
			for (unsigned int k = 0; k < 512; k++) {
				uint64_t kind = emt_rand_below(&seed, 16);

				if (kind == 0)
					raw = emt_rand(&seed);
				else if (kind == 1)
					raw = TO(emt_rand_below(&seed, FRAMES + 1)) | EPT_TABLE |
						AMD(emt_rand_below(&seed, 8));
				else if (kind == 2)
					raw |= 0xffffffffffull << 12;
				else
					raw += 0x1000ull << (kind == 3 ? 9 : 0);
				r.frame[i][k] = raw;
			}
		joined.join = true;
		assert_int_equal(emt_walker_new(&a, &plain, NULL), 0);
		assert_int_equal(emt_walker_new(&b, &joined, NULL), 0);
		while (emt_walker_next(a, &one)) {
			struct emt_run again;

			if (!many.count)
				assert_int_equal(emt_walker_next(b, &many), 1);
			assert_int_equal(one.gfn, many.gfn);
			assert_int_equal(one.mfn, many.mfn);
			assert_int_equal(one.raw, many.raw);
			assert_int_equal(one.flags, many.flags);
			if (!(one.flags & EMT_RUN_INTERMEDIATE)) {
				assert_int_equal(emt_walk_one(&plain, one.gfn, &again), 1);
				assert_int_equal(again.mfn, one.mfn);
				assert_int_equal(again.flags, one.flags);
			}
			many.gfn += 1ull << many.order;
			many.mfn += many.mfn == EMT_NO_FRAME ? 0 : 1ull << many.order;
			many.count--;
		}
		assert_int_equal(many.count, 0);
		assert_int_equal(emt_walker_next(b, &many), 0);
		assert_int_equal(emt_walker_result(a)->leaves, emt_walker_result(b)->leaves);
		assert_int_equal(r.elsewhere, 0);
		emt_walker_free(a);
		emt_walker_free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ept_leaves),
		cmocka_unit_test(pending_is_inherited),
		cmocka_unit_test(layouts_differ),
		cmocka_unit_test(npt_entries),
		cmocka_unit_test(vtd_entries),
		cmocka_unit_test(amdvi_entries),
		cmocka_unit_test(holes_are_not_read),
		cmocka_unit_test(loops_end),
		cmocka_unit_test(wrong_levels_and_bits),
		cmocka_unit_test(work_is_bounded),
		cmocka_unit_test(changes_are_read_again),
		cmocka_unit_test(seeking),
		cmocka_unit_test(joined_equals_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
