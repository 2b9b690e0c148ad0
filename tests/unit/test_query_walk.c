/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The payload's walk, as it is built for the hypervisor, over tables of our own. */
#include "common.h"

#include <stdlib.h>
#include <string.h>

#include "tools/query_host.h"

#define ROOM EMT_QUERY_MAX_RUNS
#define SUPPRESS_VE (1ull << 63)
#define SUPER (1ull << 7)

static const struct host_size machine = { 4096, 1u << 20 };

/* One entry, as the tables have it. */
struct one {
	uint64_t gfn, raw;
	unsigned int order;
	bool pending;
};
static struct one *want;
static size_t nr_want;

static void add(uint64_t gfn, uint64_t raw, unsigned int order, bool pending)
{
	want = realloc(want, (nr_want + 1) * sizeof(*want));
	assert_non_null(want);
	want[nr_want++] = (struct one){ gfn, raw, order, pending };
}

/* Every slot of every table, without skipping any. */
static void collect(uint64_t mfn, int level, uint64_t gfn, bool ept, bool pending)
{
	const uint64_t *t = host_table(mfn);

	for (unsigned int i = 0; i < 512; i++, gfn += 1ull << level * 9) {
		uint64_t e = t[i];

		if (!(ept ? e & ~SUPPRESS_VE : e))
			continue;
		if (level && e & (ept ? 7 : 1) && !(e & SUPER))
			collect(e >> 12 & 0xffffffffff, level - 1, gfn, ept, pending || (ept && (e >> 3 & 7) == 7));
		else
			add(gfn, e, (unsigned int)level * 9, pending);
	}
}

static void expect_all(bool ept)
{
	free(want);
	want = NULL;
	nr_want = 0;
	collect(HOST_ROOT, 3, 0, ept, false);
}

static bool shown(const struct one *o, bool ept)
{
	return o->raw & (ept ? 7 : 1);
}

static unsigned int count_special(const struct one *o)
{
	uint64_t mfn = (o->raw >> 12 & 0xffffffffff) >> o->order << o->order;
	unsigned int n = 0;

	for (uint64_t i = 0; i < 1ull << o->order; i++)
		if (mfn + i < machine.frames &&
		    (!host_mood.hole_last || mfn + i < host_mood.hole_first || mfn + i > host_mood.hole_last))
			n += (*host_frame(mfn + i) & (HOST_XEN_HEAP | HOST_EXTRA)) != 0;
	return n;
}

/* One of a run is what the tables say, and what Xen's functions and frames say of it. */
static void assert_entry(const struct emt_query_run *r, uint64_t k, const struct one *o, uint32_t what, bool ept)
{
	uint64_t mfn = (o->raw >> 12 & 0xffffffffff) >> o->order << o->order;
	bool ipat = false, there = shown(o, ept), frames = what & EMT_QUERY_F_FRAMES && there;
	int pin = host_pin(o->gfn), emt = host_emt(o->gfn, o->order, &ipat);

	assert_int_equal(r->gfn + (k << r->order), o->gfn);
	assert_int_equal(r->raw + (k << r->order << 12), o->raw);
	assert_int_equal(r->order, o->order);
	assert_int_equal(!(r->flags & EMT_QUERY_E_PENDING), !o->pending);
	assert_int_equal(!(r->flags & EMT_QUERY_E_NPT), ept);
	assert_int_equal(r->special, frames ? count_special(o) : 0);
	assert_true(!r->special || r->count == 1);
	assert_int_equal(!(r->flags & EMT_QUERY_E_VALID),
			 !(frames && mfn < machine.frames &&
			   (!host_mood.hole_last || mfn < host_mood.hole_first || mfn > host_mood.hole_last)));
	assert_int_equal(r->pin, !(what & EMT_QUERY_F_PINS && there) ? -2 : pin >= 0 ? pin : pin == -6 ? -1 : -3);
	assert_int_equal(r->emt, !(what & EMT_QUERY_F_XEN && there && ept) ? -2 : emt);
	assert_int_equal(r->ipat, what & EMT_QUERY_F_XEN && there && ept && ipat);
}

/* Ask from 'first' on, 'max' at a time, until there is no more; all must come, in order, once. */
static unsigned int assert_walk(uint64_t first, uint64_t last, uint32_t max, uint32_t what, bool ept)
{
	static struct emt_query_run runs[ROOM + 1];
	struct emt_query q = { .at = first, .more = 1 };
	unsigned int calls = 0;
	size_t at = 0;

	while (at < nr_want && want[at].gfn + (1ull << want[at].order) <= first)
		at++;
	while (q.more) {
		memset(runs, 0xa5, sizeof(runs));
		q = (struct emt_query){ .cmd = EMT_QUERY_WALK, .flags = what, .max = max, .at = q.at, .last = last,
					.buf = (uint64_t)(uintptr_t)runs };
		host_mood.asked = 0;
		assert_int_equal(host_walk(&q), EMT_QUERY_OK);
		assert_true(q.max <= max && q.max <= ROOM);
		assert_true(host_mood.asked <= EMT_QUERY_MAX_ASKED + 1);
		calls++;
		for (uint32_t i = 0; i < q.max; i++) {
			assert_true(runs[i].count > 0 && runs[i].count <= 512);
			for (uint64_t k = 0; k < runs[i].count; k++, at++) {
				assert_true(at < nr_want);
				assert_entry(&runs[i], k, &want[at], what, ept);
			}
		}
		/* nothing behind what it says that it wrote */
		assert_int_equal(((uint8_t *)&runs[q.max])[0], 0xa5);
		assert_true(calls < 100000);
	}
	while (at < nr_want && want[at].gfn <= last)
		fail_msg("0x%lx is missing", (unsigned long)want[at++].gfn);
	return calls;
}

/* A guest of everything: runs of pages, large ones, holes, entries without a page, oddities. */
static void furnish(uint64_t *seed, bool ept)
{
	uint64_t mfn = machine.tables;

	for (int part = 0; part < 40; part++) {
		unsigned int order = (unsigned int[]){ 0, 0, 0, 9, 9, 18 }[emt_rand_below(seed, 6)];
		uint64_t gfn = emt_rand_below(seed, order == 18 ? 64 : 8) << (order == 18 ? 18 : 20) |
			(order < 18 ? emt_rand_below(seed, 1u << 12) << (order ? 9 : 3) & 0xfffff : 0);
		uint64_t n = 1 + emt_rand_below(seed, order == 18 ? 2 : order ? 20 : 900), scatter = emt_rand_below(seed, 3);
		bool pending = !emt_rand_below(seed, 3);

		if (order == 18)
			gfn += 64ull << 20; /* apart, that no table stands where a leaf should be */
		else if (order)
			gfn += 32ull << 20;
		for (uint64_t i = 0; i < n; i++, gfn += 1ull << order) {
			uint64_t raw;

			mfn = scatter == 1 ? emt_rand_below(seed, machine.frames - (1u << 18)) : mfn + (1ull << order);
			if (mfn > machine.frames - (1u << 18))
				mfn = machine.tables;
			raw = host_leaf(mfn >> order << order, order);
			if (scatter == 2 && !emt_rand_below(seed, 50))
				raw = emt_rand_below(seed, 2) ? 0 : (uint64_t)5 << 52 | SUPPRESS_VE; /* none, or no page */
			else if (scatter == 2 && !emt_rand_below(seed, 50))
				raw ^= 1ull << (ept ? 6 : 9);
			host_map(gfn, order, ept ? raw | SUPPRESS_VE : raw & ~SUPPRESS_VE, pending);
		}
	}
	for (int i = 0; i < 3000; i++)
		*host_frame(emt_rand_below(seed, machine.frames)) = emt_rand_below(seed, 2) ? HOST_XEN_HEAP : HOST_EXTRA | 1;
	for (int i = 0; i < 3000; i++)
		*host_frame(emt_rand_below(seed, machine.frames)) |= 1ull << 63 | 3;
	host_mood.max_gfn = 1ull << 36;
}

static void every_entry_comes_once(void **state)
{
	static const uint32_t sizes[] = { 1, 7, 128, 129, ROOM, 1u << 30 };
	uint64_t seed = emt_test_seed();

	(void)state;
	for (int round = 0; round < 12; round++) {
		bool ept = round & 1;

		assert_int_equal(host_begin(machine, ept), 0);
		furnish(&seed, ept);
		if (round % 3 == 2) {
			host_mood.hole_first = emt_rand_below(&seed, machine.frames / 2);
			host_mood.hole_last = host_mood.hole_first + emt_rand_below(&seed, machine.frames / 2);
		}
		expect_all(ept);
		assert_true(nr_want > 1000);
		for (uint32_t what = 0; what < 8; what++) {
			uint64_t a = emt_rand_below(&seed, 1u << 26), b = a + emt_rand_below(&seed, 1u << 26);

			assert_walk(0, UINT64_MAX, sizes[(size_t)(what + (uint32_t)round) % EMT_ARRAY_SIZE(sizes)], what, ept);
			assert_walk(a, b, ROOM, what, ept);
		}
		host_end();
	}
}

/* A call does a bounded part, whatever the tables are: nothing at all, or gigabytes. */
static void work_is_bounded(void **state)
{
	static struct emt_query_run runs[ROOM];
	const struct { unsigned int order, n; uint32_t what; uint64_t most; } cases[] = {
		{ 0, 100000, 0, EMT_QUERY_MAX_SLOTS },
		{ 0, 100000, EMT_QUERY_F_FRAMES, EMT_QUERY_MAX_SLOTS },
		{ 0, 100000, EMT_QUERY_F_XEN, EMT_QUERY_MAX_ASKED },
		{ 9, 1500, EMT_QUERY_F_FRAMES, EMT_QUERY_MAX_FRAMES >> 9 },
		{ 18, 4, EMT_QUERY_F_FRAMES, 1 },
	};

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(cases); i++) {
		struct emt_query q = { .max = ROOM, .flags = cases[i].what, .last = UINT64_MAX,
				       .buf = (uint64_t)(uintptr_t)runs };
		uint64_t entries = 0;

		assert_int_equal(host_begin(machine, true), 0);
		for (uint64_t k = 0; k < cases[i].n; k++)
			host_map(k << cases[i].order, cases[i].order,
				 host_leaf((k << cases[i].order) % (machine.frames - machine.tables), cases[i].order), false);
		host_mood.max_gfn = (uint64_t)cases[i].n << cases[i].order;
		assert_int_equal(host_walk(&q), EMT_QUERY_OK);
		for (uint32_t k = 0; k < q.max; k++)
			entries += runs[k].count;
		assert_true(q.more && entries > 0 && entries <= cases[i].most);
		host_end();
	}
	/* an address space with nothing in it */
	assert_int_equal(host_begin(machine, true), 0);
	host_mood.max_gfn = 1ull << 36;
	for (uint64_t k = 0; k < 1000; k++)
		host_map(k << 9, 0, 0, false);
	struct emt_query q = { .max = ROOM, .last = UINT64_MAX, .buf = (uint64_t)(uintptr_t)runs };

	assert_int_equal(host_walk(&q), EMT_QUERY_OK);
	assert_true(q.more && !q.max && q.at > 0 && q.at <= EMT_QUERY_MAX_SLOTS);
	host_end();
}

/* ---- tables that change under the walk ---- */

static uint64_t *moving;
static uint64_t old_way, new_way;
static unsigned int moves_at, moves_every;

static void move(void)
{
	if (host_mood.maps != moves_at && !(moves_every && host_mood.maps % moves_every == 0))
		return;
	*moving = *moving == old_way ? new_way : old_way;
	/* the table that is gone is somebody's page at once */
	for (unsigned int i = 0; moves_at && i < 512; i++)
		host_table(old_way >> 12 & 0xffffff)[i] = host_leaf(0x30000 + i, 0);
}

/* Two tables of 512 pages, from these frames on; the first one's place is what moves. */
static void two_tables(uint64_t first, uint64_t second)
{
	assert_int_equal(host_begin(machine, true), 0);
	for (uint64_t g = 0; g < 1024; g++)
		host_map(g, 0, host_leaf((g < 512 ? first : second) + g, 0), false);
	moving = &host_table(host_table(host_table(HOST_ROOT)[0] >> 12)[0] >> 12 & 0xffffff)[0];
	old_way = moving[0];
	new_way = moving[1];
	host_mood.max_gfn = 1023;
	host_mood.on_map = move;
}

/* Entries of a table count only if the way to it was the same before and after. */
static void what_moves_is_read_again(void **state)
{
	static struct emt_query_run runs[ROOM];

	(void)state;
	for (unsigned int at = 1; at < 40; at++) {
		struct emt_query q = { .max = ROOM, .last = UINT64_MAX, .buf = (uint64_t)(uintptr_t)runs };
		uint64_t first = 0;

		/* the second table comes to the first one's place too, whose page is used for something else */
		two_tables(0x10000, 0x20000);
		moves_at = at;
		moves_every = 0;
		assert_int_equal(host_walk(&q), EMT_QUERY_OK);
		assert_int_equal(q.max, 2);
		first = runs[0].raw >> 12 & 0xffffffff;
		assert_true(first == 0x10000 || first == 0x20000 + 512);
		assert_int_equal(runs[0].count, 512);
		assert_int_equal(runs[1].raw >> 12 & 0xffffffff, 0x20000 + 512);
		assert_int_equal(runs[1].gfn, 512);
		host_end();
	}
}

static void what_never_rests_is_said(void **state)
{
	static struct emt_query_run runs[ROOM];
	struct emt_query q = { .max = ROOM, .last = UINT64_MAX, .buf = (uint64_t)(uintptr_t)runs };

	(void)state;
	two_tables(0x10000, 0x10000);
	moves_at = 0;
	moves_every = 5; /* a way down maps four tables, the table itself is the fifth */
	assert_int_equal(host_walk(&q), EMT_QUERY_MOVED);
	host_end();
}

static void what_cannot_be_read_or_written(void **state)
{
	static struct emt_query_run runs[ROOM];
	struct emt_query q = { .max = ROOM, .last = UINT64_MAX, .buf = (uint64_t)(uintptr_t)runs };

	(void)state;
	assert_int_equal(host_begin(machine, true), 0);
	for (uint64_t g = 0; g < 1000; g++)
		host_map(g, 0, host_leaf(0x10000 + g * 2, 0), false);
	host_mood.max_gfn = 1000;
	host_mood.bad_buffer = true;
	assert_int_equal(host_walk(&q), EMT_QUERY_BUFFER);
	host_mood.bad_buffer = false;
	assert_int_equal(host_walk(&q), EMT_QUERY_OK);
	assert_int_equal(q.max, 1000);
	/* a table where no frame is */
	host_map(0x200, 9, (machine.frames + 5) << 12 | 7, false);
	q = (struct emt_query){ .max = ROOM, .last = UINT64_MAX, .buf = (uint64_t)(uintptr_t)runs };
	assert_int_equal(host_walk(&q), EMT_QUERY_MOVED);
	host_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_entry_comes_once),
		cmocka_unit_test(work_is_bounded),
		cmocka_unit_test(what_moves_is_read_again),
		cmocka_unit_test(what_never_rests_is_said),
		cmocka_unit_test(what_cannot_be_read_or_written),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	free(want);
	return rc;
}
