/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PV domain's p2m as a walk: its runs and facts, and a list that changes while it is
 * read. The domain's memory is an array here, which a hook alters.
 */
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "source/pv_walk.h"

#define VADDR 0xffffc90000000000ull
#define SHARED 1
#define TABLES 2
#define LIST 8
#define FRAMES 32
#define OWN 0x1000 /* frame of pfn 0 */

static uint64_t memory[FRAMES][512];
static unsigned int asked;        /* for pages of the list */
static unsigned int moves;        /* how often the list changes while it is read */

static uint64_t *generation(void)
{
	return &memory[SHARED][3128 / 8];
}

/* The domain changes its list under the reader's eyes. */
static const void *frame(void *priv, uint32_t domid, uint64_t mfn)
{
	(void)priv, (void)domid;
	if (mfn == LIST && ++asked && moves) {
		moves--;
		*generation() += 2;
		memory[LIST][7]++;
	}
	return mfn < FRAMES ? memory[mfn] : NULL;
}

static int m2p(void *priv, uint64_t mfn, uint64_t *pfn)
{
	(void)priv;
	*pfn = mfn == OWN + 9 ? 0x123456789 : mfn - OWN;
	return mfn < OWN || mfn >= OWN + 4096;
}

static void nothing(void *priv)
{
	(void)priv;
}

static struct emt_pv_source *build(void)
{
	static const struct emt_pv_ops ops = { .close = nothing, .frame = frame, .m2p = m2p };
	uint64_t v[] = { 1024, ~0ull, 0, TABLES << 12, VADDR, 4 };
	struct emt_pv_source *s = calloc(1, sizeof(*s));
	struct emt_pv_domain *d;

	assert_non_null(s);
	memset(memory, 0, sizeof(memory));
	memcpy((uint8_t *)memory[SHARED] + 3088, v, sizeof(v));
	for (unsigned int i = 0; i < 3; i++)
		memory[TABLES + i][VADDR >> (39 - 9 * i) & 511] = (TABLES + i + 1) << 12 | 3;
	memory[TABLES + 3][0] = LIST << 12 | 3;
	memory[TABLES + 3][1] = (LIST + 1) << 12 | 3;
	for (unsigned int i = 0; i < 1024; i++)
		memory[LIST + i / 512][i % 512] = i < 100 ? OWN + i : i < 200 ? 1ull << 62 | i : i < 210 ? 1ull << 63 | 0x777 :
						  ~0ull;
	asked = moves = 0;
	s->ops = &ops;
	s->priv = s;
	d = emt_pv_add(s);
	assert_non_null(d);
	d->domid = 7;
	strcpy(d->name, "web");
	strcpy(d->kernel, "6.1.0");
	d->shared_mfn = SHARED;
	emt_pv_shared_of(memory[SHARED], &d->shared);
	d->list = emt_pv_list_of(&d->shared);
	d->end = 1024;
	d->e820_held = EMT_KNOWN;
	d->e820_origin = "test";
	assert_int_equal(emt_ranges_add(&d->e820, 0, 99, 1, EMT_KNOWN), 0);
	assert_int_equal(emt_ranges_add(&d->e820, 200, 1023, 1, EMT_KNOWN), 0);
	return s;
}

static void runs_and_facts(void **state)
{
	struct emt_pv_source *s = build();
	struct emt_pv_walk *w = emt_pv_walk_new(s, 0);
	struct emt_stream st = { .priv = w };
	struct emt_loss loss = { 0 };
	struct emt_run r[16];
	struct emt_facts f;
	long n;

	(void)state;
	emt_facts_init(&f);
	assert_int_equal(emt_pv_walk_facts(w, &f, NULL), 0);
	assert_int_equal(f.domid, 7);
	assert_int_equal(f.paging, EMT_PAGING_PV);
	assert_int_equal(f.max_gfn, 1023);
	assert_string_equal(f.pv_kernel, "6.1.0");
	assert_int_equal(f.guest_e820.n, 2);
	assert_int_equal(f.pv_m2p.n, 1);
	assert_int_equal(f.pv_m2p.v[0].first, 9);
	assert_int_equal(f.pv_m2p.v[0].tag, 0x23456789);
	assert_int_equal(f.prov[EMT_FACT_PV_M2P].rest, EMT_KNOWN);
	assert_int_equal(emt_pv_walk_stream(w, NULL), 0);
	assert_int_equal(asked, 1); /* read once, for both */
	n = emt_pv_walk_read(&st, r, 16, NULL);
	/* frames, identity, ten foreign ones of one frame, missing */
	assert_int_equal(n, 13);
	assert_int_equal(r[0].p2mt, EMT_P2M_RAM_RW);
	assert_int_equal(r[0].count, 100);
	assert_int_equal(r[0].mfn, OWN);
	assert_int_equal(r[0].perm, EMT_R | EMT_W | EMT_X);
	assert_true(r[0].flags & EMT_RUN_NO_TYPE);
	assert_int_equal(r[1].p2mt, EMT_P2M_MMIO_DIRECT);
	assert_int_equal(r[1].gfn, 100);
	assert_int_equal(r[1].mfn, 100);
	assert_int_equal(r[2].p2mt, EMT_P2M_FOREIGN);
	assert_int_equal(r[2].mfn, 0x777);
	assert_int_equal(r[12].p2mt, EMT_P2M_INVALID);
	assert_int_equal(r[12].perm, 0);
	assert_int_equal(r[12].gfn, 210);
	assert_int_equal(emt_run_last(&r[12]), 1023);
	assert_int_equal(emt_pv_walk_read(&st, r, 16, NULL), 0);
	assert_int_equal(emt_pv_walk_seek(&st, 150, NULL), 0);
	assert_int_equal(emt_pv_walk_read(&st, r, 1, NULL), 1);
	assert_int_equal(r[0].gfn, 100);
	assert_int_equal(emt_pv_walk_seek(&st, 5000, NULL), 0);
	assert_int_equal(emt_pv_walk_read(&st, r, 1, NULL), 0);
	emt_pv_walk_loss(&st, &loss);
	assert_true(emt_loss_none(&loss));
	emt_facts_free(&f);
	emt_pv_walk_free(w);
	emt_pv_close(s);
}

/* Changed once: read again, and that is whole. Changed each time: said. Odd: under way. */
static void changes(void **state)
{
	(void)state;
	for (unsigned int way = 0; way < 3; way++) {
		struct emt_pv_source *s = build();
		struct emt_pv_walk *w = emt_pv_walk_new(s, 0);
		struct emt_stream st = { .priv = w };
		struct emt_loss loss = { 0 };
		struct emt_run r;

		moves = way == 0 ? 1 : way == 1 ? 1000 : 0;
		*generation() += way == 2;
		assert_int_equal(emt_pv_walk_stream(w, NULL), 0);
		assert_int_equal(asked, way == 0 ? 2 : 3);
		emt_pv_walk_loss(&st, &loss);
		assert_int_equal(loss.changed, way != 0);
		assert_int_equal(emt_pv_walk_seek(&st, 7, NULL), 0);
		assert_int_equal(emt_pv_walk_read(&st, &r, 1, NULL), 1);
		if (way == 0) /* as it is now, not as it was */
			assert_int_equal(r.mfn + (7 - r.gfn), OWN + 8);
		emt_pv_walk_free(w);
		emt_pv_close(s);
	}
}

/* Part of the list cannot be read: that is counted, never guessed. */
static void unreadable(void **state)
{
	struct emt_pv_source *s = build();
	struct emt_pv_walk *w = emt_pv_walk_new(s, 0);
	struct emt_stream st = { .priv = w };
	struct emt_loss loss = { 0 };
	struct emt_run r[16];

	(void)state;
	memory[TABLES + 3][1] = FRAMES << 12 | 3;
	assert_int_equal(emt_pv_walk_stream(w, NULL), 0);
	assert_int_equal(emt_pv_walk_read(&st, r, 16, NULL), 13);
	assert_int_equal(emt_run_last(&r[12]), 511);
	emt_pv_walk_loss(&st, &loss);
	assert_int_equal(loss.entries_cut, 512);
	emt_pv_walk_free(w);
	emt_pv_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_and_facts), cmocka_unit_test(changes), cmocka_unit_test(unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
