/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory of a live guest: read where the dump says that RAM is populated, and nowhere
 * else, whatever the guest's own tables point to.
 */
#include <string.h>

#include "common.h"
#include "fake_xen.h"
#include "source/pv.h"

static uint64_t memory[0x20][512];
static uint64_t asked[64];
static unsigned int nr_asked;

static const void *guest(uint32_t domid, uint64_t gfn)
{
	assert_int_equal(domid, 5);
	assert_true(nr_asked < 64);
	asked[nr_asked++] = gfn;
	return gfn < 0x20 ? memory[gfn] : NULL;
}

static struct emt_source *opened(const char *text, struct emt_err *err)
{
	struct emt_source_spec spec;
	struct emt_source *s = NULL;

	fake_xen_reset();
	nr_asked = 0;
	fake.minor = 17;
	fake.domctl = fake.sysctl = 0x15;
	fake.guest = guest;
	/* RAM at gfn 0..3; a frame outside of the host's RAM; PoD; device memory of a domain */
	fake.keys['D'] = "(XEN) \n(XEN) domain5 EPT p2m table:\n"
			 "(XEN) gfn:             0 order:  0 mfn:            10 rwx WB!\n"
			 "(XEN) gfn:             1 order:  0 mfn:            11 rwx WB!\n"
			 "(XEN) gfn:             2 order:  0 mfn:            12 r x WB!\n"
			 "(XEN) gfn:             3 order:  0 mfn:            13 rwx WB!\n"
			 "(XEN) gfn:             5 order:  0 mfn:         f0000 rwx UC \n"
			 "(XEN) gfn:             6 order:  0 PoD\n";
	emt_xen_override(&fake_xen);
	assert_int_equal(emt_source_parse(&spec, text, err), 0);
	assert_int_equal(emt_source_open(&s, &spec, err), 0);
	return s;
}

static void tables_of(struct emt_source *s, struct emt_guest_result *r, unsigned int *runs)
{
	struct emt_guest_opts o = { .regs = { 0x80000011, 0x1000, 0x20, 0xd01 }, .last = UINT64_MAX };
	struct emt_guest_walker *w;
	struct emt_guest_run run;
	struct emt_err err = { 0 };

	assert_int_equal(emt_source_guest(s, 0, &o.mem, &err), 0);
	assert_int_equal(emt_guest_walker_new(&w, &o, &err), 0);
	while (emt_guest_walker_next(w, &run))
		++*runs;
	*r = *emt_guest_walker_result(w);
	emt_guest_walker_free(w);
}

static void only_what_is_populated(void **state)
{
	struct emt_err err = { 0 };
	struct emt_guest_result r;
	struct emt_source *s = opened("xen:5,costs=yes", &err);
	unsigned int runs = 0;

	(void)state;
	memset(memory, 0, sizeof(memory));
	memory[1][0] = 0x2007;
	memory[2][0] = 0x3007;
	/* a table of RAM, one that nothing maps, a device, PoD, and far away */
	memory[3][0] = 0x0007;
	memory[3][1] = 0x4007;
	memory[3][2] = 0x5007;
	memory[3][3] = 0x6007;
	memory[3][4] = 0xfffff007;
	memory[0][7] = 0x1000000000007;
	tables_of(s, &r, &runs);
	assert_int_equal(runs, 1);
	assert_int_equal(r.tables, 4);
	assert_int_equal(r.unreadable, 4);
	assert_int_equal(nr_asked, 4);
	for (unsigned int i = 0; i < nr_asked; i++)
		assert_true(asked[i] <= 3);
	/* a page that vanished meanwhile is one more that cannot be read */
	fake.guest = NULL;
	runs = 0;
	tables_of(s, &r, &runs);
	assert_int_equal(r.unreadable, 1);
	assert_int_equal(runs, 0);
	assert_int_equal(fake.seen[EMT_XC_KEY_D], 1);
	emt_source_close(s);
	assert_int_equal(fake.foreign + fake.buffers, 0);
}

static void not_without_consent(void **state)
{
	struct emt_err err = { 0 };
	struct emt_source *s = opened("xen:5", &err);
	struct emt_guest_memory mem;

	(void)state;
	assert_int_equal(emt_source_guest(s, 0, &mem, &err), EMT_E_USAGE);
	assert_non_null(strstr(err.next, "costs=yes"));
	assert_int_equal(nr_asked, 0);
	emt_source_close(s);
}

/* ---- dom0's own p2m ---- */

static uint64_t pv[8][512];

/* dom0 asks as itself, and the M2P of Xen's domain; no number of its own. */
static const void *pv_frame(uint32_t domid, uint64_t mfn)
{
	assert_true(domid == 0x7ff0 || domid == 0x7ff2);
	nr_asked++;
	if (domid == 0x7ff2)
		return mfn == 0x300 ? pv[7] : NULL;
	return mfn < 7 ? pv[mfn] : NULL;
}

struct seen {
	char kind[1024];
	unsigned int n;
};

static int pv_entry(uint64_t pfn, struct emt_pv_entry e, void *arg)
{
	struct seen *s = arg;

	s->kind[pfn] = "fmio"[e.kind];
	s->n++;
	return 0;
}

static int pv_fill(uint64_t pfn, uint64_t count, enum emt_pv_kind kind, void *arg)
{
	for (uint64_t i = 0; i < count; i++)
		pv_entry(pfn + i, (struct emt_pv_entry){ kind, 0 }, arg);
	return 0;
}

static void dom0s_list(void **state)
{
	const uint64_t shared[] = { 700, UINT64_MAX, 0, 2 << 12, 0xffffc90000000000ull, 4 };
	struct seen seen = { .n = 0 };
	struct emt_pv_reader r = { .entry = pv_entry, .fill = pv_fill, .arg = &seen };
	struct emt_source_spec spec;
	struct emt_err err = { 0 };
	struct emt_pv_source *s;
	struct emt_pv_read read;
	bool changed;
	uint64_t pfn;

	(void)state;
	memset(pv, 0, sizeof(pv));
	memcpy((char *)pv[1] + 3088, shared, sizeof(shared));
	pv[2][0xffffc90000000000ull >> 39 & 511] = 3 << 12 | 3;
	pv[3][0] = 4 << 12 | 3;
	pv[4][0] = 5 << 12 | 3;
	pv[5][0] = 6 << 12 | 3;
	pv[5][1] = 6 << 12 | 3;
	for (unsigned int i = 0; i < 512; i++)
		pv[6][i] = i == 5 ? ~0ull : i == 6 ? 1ull << 62 | 6 : 0x40 + i;
	pv[7][0x43] = 3;
	pv[7][0x44] = ~0ull;
	fake_xen_reset();
	nr_asked = 0;
	fake.minor = 17;
	fake.domctl = fake.sysctl = 0x15;
	fake.guest = pv_frame;
	emt_xen_override(&fake_xen);
	/* not unasked, and not for a domain that Xen translates for */
	assert_int_equal(emt_source_parse(&spec, "xen:0", &err), 0);
	assert_int_equal(emt_pv_open(&s, &spec, &err), EMT_E_USAGE);
	assert_int_equal(nr_asked, 0);
	memset(&err, 0, sizeof(err));
	assert_int_equal(emt_source_parse(&spec, "xen:5,costs=yes", &err), 0);
	assert_int_equal(emt_pv_open(&s, &spec, &err), EMT_E_UNSUPPORTED);
	memset(&err, 0, sizeof(err));
	assert_int_equal(emt_source_parse(&spec, "xen:0,costs=yes", &err), 0);
	assert_int_equal(emt_pv_open(&s, &spec, &err), 0);
	assert_int_equal(emt_pv_domains(s), 1);
	assert_int_equal(emt_pv_domain(s, 0)->list, EMT_PV_LIST_LINEAR);
	assert_int_equal(emt_pv_domain(s, 0)->e820.n, 2);
	assert_int_equal(emt_pv_read(s, 0, &r, &read, &changed, &err), 0);
	assert_int_equal(seen.n, 700);
	assert_false(changed);
	assert_int_equal(seen.kind[4], 'f');
	assert_int_equal(seen.kind[5], 'm');
	assert_int_equal(seen.kind[6], 'i');
	assert_int_equal(emt_pv_m2p(s, 0x43, &pfn), 0);
	assert_int_equal(pfn, 3);
	assert_int_not_equal(emt_pv_m2p(s, 0x44, &pfn), 0);
	assert_int_not_equal(emt_pv_m2p(s, 1ull << 30, &pfn), 0);
	/* a generation that is odd, or another, says that it moved */
	((uint64_t *)((char *)pv[1] + 3088))[5] = 5;
	assert_int_equal(emt_pv_read(s, 0, &r, &read, &changed, &err), 0);
	assert_true(changed);
	emt_pv_close(s);
	assert_int_equal(fake.foreign + fake.buffers, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_populated), cmocka_unit_test(not_without_consent),
		cmocka_unit_test(dom0s_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
