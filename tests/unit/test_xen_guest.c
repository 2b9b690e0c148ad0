/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory of a live guest: read where the dump says that RAM is populated, and nowhere
 * else, whatever the guest's own tables point to.
 */
#include <string.h>

#include "common.h"
#include "fake_xen.h"
#include "source/source.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_populated), cmocka_unit_test(not_without_consent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
