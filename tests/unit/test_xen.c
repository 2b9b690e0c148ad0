/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of hypercalls, against a hypervisor of our own that records what it is asked. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "source/source.h"
#include "xen/backend.h"
#include "xen/xen.h"

/* What this Xen is, and what it was asked. */
static struct {
	unsigned int minor, domctl, sysctl;
	int refuse;             /* errno of every versioned call, 0 = none */
	bool gone;              /* domain 5 vanished */
	unsigned int asked, buffers;
	uint64_t seen[EMT_XC_NR]; /* by row of the table */
	unsigned int foreign;   /* calls that no row describes */
} fake;

static void put(void *p, size_t at, uint64_t v, size_t n)
{
	memcpy((char *)p + at, &v, n);
}

static uint64_t get(const void *p, size_t at, size_t n)
{
	uint64_t v = 0;

	memcpy(&v, (const char *)p + at, n);
	return v;
}

static int fake_open(void **handle, struct emt_err *err)
{
	(void)err;
	*handle = &fake;
	return 0;
}

static void fake_close(void *handle)
{
	(void)handle;
}

static void *fake_alloc(void *handle, size_t n)
{
	(void)handle;
	fake.buffers++;
	return calloc(1, n);
}

static void fake_free(void *handle, void *p)
{
	(void)handle;
	fake.buffers -= p != NULL;
	free(p);
}

static char *fake_store(void *handle, const char *path)
{
	(void)handle;
	return strcmp(path, "/local/domain/5/name") ? NULL : strdup("guest");
}

/* Row of the table that a call is; the numbers are typed here again. */
static int row_of(unsigned int nr, uint64_t a0, uint64_t a1)
{
	static const struct { unsigned int nr, cmd; int row; } rows[] = {
		{ 17, 0, EMT_XC_VERSION }, { 17, 1, EMT_XC_EXTRAVERSION }, { 17, 9, EMT_XC_COMMANDLINE },
		{ 35, 3, EMT_XC_PHYSINFO }, { 35, 6, EMT_XC_DOMAIN_LIST }, { 36, 5, EMT_XC_DOMAIN },
		{ 35, 1, EMT_XC_CONSOLE }, { 12, 10, EMT_XC_HOST_E820 }, { 12, 2, EMT_XC_MAX_PAGE },
		{ 12, 14, EMT_XC_MAX_GFN }, { 7, 33, EMT_XC_HOST_MTRR }, { 36, 55, EMT_XC_HVM_RECORD },
	};
	bool plain = nr == 17 || nr == 12;
	const void *arg = (const void *)(uintptr_t)(plain ? a1 : a0);
	unsigned int cmd = plain ? (unsigned int)a0 : (unsigned int)get(arg, 0, 4);

	for (size_t i = 0; i < EMT_ARRAY_SIZE(rows); i++)
		if (rows[i].nr == nr && rows[i].cmd == cmd)
			return rows[i].row;
	if (nr == 35 && cmd == 7 && get(arg, 16, 4) == 1)
		switch (*(const char *)(uintptr_t)get(arg, 8, 8)) {
		case 'D':
			return EMT_XC_KEY_D;
		case 'q':
			return EMT_XC_KEY_Q;
		case 'Q':
			return EMT_XC_KEY_PCI;
		case 'o':
			return EMT_XC_KEY_O;
		}
	return -1;
}

static void describe(char *info, unsigned int domid)
{
	put(info, 0, domid, 2);
	put(info, 4, domid == 5 ? 1u << 1 | 1u << 8 | 1u << 3 : 0, 4);
	put(info, 8, 1000 + domid, 8);
	put(info, 64, 2, 4);
	put(info, 68, 1, 4);
	put(info, 76, domid == 5 ? 0xab : 0, 1);
	if (fake.minor >= 16)
		put(info, 104, 1, 4); /* local APIC only: PVH */
}

static long fails(int why)
{
	errno = why;
	return -1;
}

static long record(void *arg)
{
	char *body = (char *)(uintptr_t)get(arg, 32, 8);
	unsigned int vcpu = (unsigned int)get(arg, 20, 4);

	if (vcpu > 1)
		return fails(ENOENT);
	if (get(arg, 16, 4) == 2) {
		put(body, 656, 0x80000011 + vcpu, 8);
		put(arg, 24, 1024, 8);
		return 0;
	}
	put(body, 0, 0x0007040600070406, 8);
	for (unsigned int i = 0; i < 8; i++) {
		put(body, 8 + i * 16, 0xf0000000, 8);
		put(body, 16 + i * 16, 0xff8000800, 8);
	}
	put(body, 136, 0x0606060606060606, 8);
	put(body, 224, 0x508, 8);
	put(body, 232, 0xc06, 8);
	put(arg, 24, 240, 8);
	return 0;
}

static long fake_call(void *handle, unsigned int nr, uint64_t a0, uint64_t a1)
{
	int row = row_of(nr, a0, a1);
	void *arg = (void *)(uintptr_t)(nr == 17 || nr == 12 ? a1 : a0);
	char *infos;

	(void)handle;
	fake.asked++;
	if (row < 0) {
		fake.foreign++;
		return fails(ENOSYS);
	}
	fake.seen[row]++;
	if (nr == 35 || nr == 36) {
		if (fake.refuse)
			return fails(fake.refuse);
		if (get(arg, 4, 4) != (nr == 35 ? fake.sysctl : fake.domctl))
			return fails(EACCES);
	}
	switch (row) {
	case EMT_XC_VERSION:
		return 4 << 16 | (long)fake.minor;
	case EMT_XC_EXTRAVERSION:
		strcpy(arg, ".7");
		return 0;
	case EMT_XC_COMMANDLINE:
		strcpy(arg, "conring_size=4m");
		return 0;
	case EMT_XC_PHYSINFO:
		put(arg, 8 + 8, 4, 4);
		put(arg, 8 + 28, 1u << 2 | 1u << 5, 4);
		put(arg, 8 + (fake.minor >= 17 ? 80 : 72) + 4, 1u << 5, 4); /* VMX */
		return 0;
	case EMT_XC_DOMAIN_LIST:
		infos = (char *)(uintptr_t)get(arg, 16, 8);
		if (get(arg, 8, 2) == 0) {
			describe(infos, 0);
			describe(infos + (fake.minor >= 16 ? 112 : 104), 5);
			put(arg, 24, 2, 4);
		}
		return 0;
	case EMT_XC_DOMAIN:
		describe((char *)arg + 16, fake.gone ? 6 : (unsigned int)get(arg, 8, 2));
		return 0;
	case EMT_XC_CONSOLE:
		assert_int_equal(get(arg, 8, 1), 0); /* never cleared */
		strcpy((char *)(uintptr_t)get(arg, 16, 8), "text\n");
		put(arg, 24, 5, 4);
		put(arg, 12, 105, 4);
		return 0;
	case EMT_XC_HOST_E820:
		infos = (char *)(uintptr_t)get(arg, 8, 8);
		put(infos, 0, 0, 8), put(infos, 8, 0x9fc00, 8), put(infos, 16, 1, 4);
		put(infos, 20, 0xf0000, 8), put(infos, 28, 0x10000, 8), put(infos, 36, 2, 4);
		put(arg, 0, 2, 4);
		return 0;
	case EMT_XC_MAX_PAGE:
		return 0x40000;
	case EMT_XC_MAX_GFN:
		return fake.gone ? fails(ESRCH) : 0xfffff;
	case EMT_XC_HOST_MTRR:
		assert_int_equal(get(arg, 4, 4), 0x03000001);
		if (get(arg, 8, 4) >= 2)
			return fails(EINVAL);
		put(arg, 16, get(arg, 8, 4) ? 0 : 0xe0000, 8);
		put(arg, 24, get(arg, 8, 4) ? 0 : 0x20000, 8);
		put(arg, 32, 0, 4);
		return 0;
	case EMT_XC_HVM_RECORD:
		return record(arg);
	}
	return 0;
}

static const struct emt_xen_backend backend = {
	.open = fake_open, .close = fake_close, .alloc = fake_alloc, .free = fake_free,
	.call = fake_call, .store = fake_store,
};

static struct emt_xen *opened(unsigned int minor, unsigned int domctl, unsigned int sysctl, bool consent)
{
	struct emt_err err = { 0 };
	struct emt_xen *x;

	memset(&fake, 0, sizeof(fake));
	fake.minor = minor;
	fake.domctl = domctl;
	fake.sysctl = sysctl;
	assert_int_equal(emt_xen_open(&x, &backend, consent, "xen:5", &err), 0);
	return x;
}

/* All that was asked is in the table, counted, and gave its buffers back. */
static void close_and_check(struct emt_xen *x)
{
	assert_int_equal(fake.foreign, 0);
	assert_true(fake.asked);
	for (int i = 0; i < EMT_XC_NR; i++)
		assert_int_equal(emt_xen_issued(x, (enum emt_xen_call)i), fake.seen[i]);
	emt_xen_close(x);
	assert_int_equal(fake.buffers, 0);
}

static void test_table(void **state)
{
	(void)state;
	for (int i = 0; i < EMT_XC_NR; i++) {
		const struct emt_xen_call_desc *d = &emt_xen_calls[i];

		assert_true(d->name && *d->name && d->effect && *d->effect);
		assert_int_equal(d->cost == EMT_XEN_NEVER, i >= EMT_XC_NR_ISSUED);
		assert_int_equal(d->via == EMT_XEN_VIA_NONE, i >= EMT_XC_NR_ISSUED);
		if (d->key)
			assert_int_equal(d->cost, EMT_XEN_COSTS);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(d->name, emt_xen_calls[k].name);
	}
}

static void test_reads(void **state)
{
	static const struct { unsigned int minor, domctl, sysctl; } xens[] = {
		{ 13, 0x12, 0x12 }, { 16, 0x14, 0x14 }, { 17, 0x15, 0x15 }, { 22, 0x18, 0x16 },
	};

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(xens); i++) {
		struct emt_xen *x = opened(xens[i].minor, xens[i].domctl, xens[i].sysctl, true);
		struct emt_ranges e820 = { 0 };
		struct emt_err err = { 0 };
		struct emt_xen_domain *d, one;
		uint64_t v, pat, cr0;
		struct emt_mtrr m;
		char text[1024];
		size_t n;

		assert_int_equal(emt_xen_domains(x, &d, &n, &err), 0);
		assert_int_equal(n, 2);
		assert_int_equal(d[0].paging, EMT_PAGING_PV);
		assert_int_equal(d[1].domid, 5);
		assert_string_equal(d[1].name, "guest");
		assert_string_equal(d[1].uuid, "ab000000-0000-0000-0000-000000000000");
		assert_int_equal(d[1].paging, EMT_PAGING_EPT);
		assert_int_equal(d[1].type, EMT_XEN_PVH);
		assert_int_equal(d[1].tot_pages, 1005);
		assert_int_equal(d[1].nr_vcpus, 2);
		assert_true(d[1].paused && !d[1].dying);
		free(d);
		assert_int_equal(emt_xen_domain(x, 5, &one, &err), 0);
		assert_int_equal(one.tot_pages, 1005);
		assert_int_equal(emt_xen_host_e820(x, &e820, &err), 0);
		assert_int_equal(e820.n, 2);
		assert_int_equal(e820.v[0].last, 0x9e); /* the page in part is no RAM */
		assert_int_equal(e820.v[1].last, 0xff);
		emt_ranges_free(&e820);
		assert_int_equal(emt_xen_max_page(x, &v, &err), 0);
		assert_int_equal(v, 0x40000);
		assert_int_equal(emt_xen_max_gfn(x, 5, &v, &err), 0);
		assert_int_equal(v, 0xfffff);
		assert_int_equal(emt_xen_host_mtrr(x, &m, &err), 0);
		assert_int_equal(m.vcnt, 2);
		assert_int_equal(m.var[0][0], 0xe0000000);
		assert_int_equal(m.var[0][1], 0x000fffffe0000800ull);
		assert_int_equal(m.var[1][1], 0);
		assert_int_equal(m.def_held, EMT_UNKNOWN);
		assert_int_equal(emt_xen_vcpu(x, 5, 1, &m, &pat, &cr0, &err), 0);
		assert_int_equal(cr0, 0x80000012);
		assert_int_equal(pat, 0x0007040600070406);
		assert_int_equal(m.vcnt, 8);
		assert_true(m.e && m.fe && m.def_type == EMT_MT_WB);
		assert_int_equal(m.fixed[0], 0x0606060606060606);
		assert_int_equal(emt_xen_vcpu(x, 5, 2, &m, &pat, &cr0, &err), EMT_E_MISSING);
		assert_int_equal(emt_xen_cmdline(x, text, sizeof(text), &err), 0);
		assert_string_equal(text, "conring_size=4m");
		close_and_check(x);
	}
}

static void test_console(void **state)
{
	struct emt_xen *x = opened(17, 0x15, 0x15, false);
	struct emt_err err = { 0 };
	uint32_t index = 90;
	uint64_t lost;
	char text[16];

	(void)state;
	assert_int_equal(emt_xen_console(x, &index, text, sizeof(text), &lost, &err), 5);
	assert_int_equal(index, 105);
	assert_int_equal(lost, 10);
	close_and_check(x);
}

/* Without consent nothing that costs reaches the hypervisor, with it nothing "never". */
static void test_costs(void **state)
{
	(void)state;
	for (int consent = 0; consent < 2; consent++) {
		struct emt_xen *x = opened(17, 0x15, 0x15, consent);

		for (int i = 0; i < EMT_XC_NR; i++) {
			char *arg = emt_xen_buffer(x, 4096);
			unsigned int before = fake.asked;
			struct emt_err err = { 0 };
			int cost = emt_xen_calls[i].cost, rc;

			if (cost == EMT_XEN_FREE) {
				emt_xen_buffer_free(x, arg);
				continue;
			}
			if (i == EMT_XC_HVM_RECORD)
				put(arg, 32, (uintptr_t)arg + 1024, 8);
			rc = emt_xen_issue(x, (enum emt_xen_call)i, arg, NULL, NULL, &err);
			assert_int_equal(rc, cost == EMT_XEN_NEVER ? EMT_E_INTERNAL : consent ? 0 : EMT_E_USAGE);
			assert_int_equal(fake.asked - before, rc == 0);
			assert_true(!rc || err.text[0]);
			emt_xen_buffer_free(x, arg);
		}
		close_and_check(x);
	}
}

static void test_refused(void **state)
{
	static const struct { int errnum, code; } refusals[] = {
		{ EPERM, EMT_E_PERM }, { EACCES, EMT_E_UNSUPPORTED }, { ENOSYS, EMT_E_UNSUPPORTED },
		{ ESRCH, EMT_E_GONE }, { EFAULT, EMT_E_IO },
	};
	struct emt_xen_domain *d, one;
	struct emt_err err = { 0 };
	struct emt_xen *x;
	uint64_t v;
	size_t n;

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(refusals); i++) {
		x = opened(17, 0x15, 0x15, true);
		fake.refuse = refusals[i].errnum;
		memset(&err, 0, sizeof(err));
		assert_int_equal(emt_xen_domains(x, &d, &n, &err), refusals[i].code);
		assert_null(d);
		assert_true(err.text[0]);
		close_and_check(x);
	}
	/* a domain that vanished; the call answers with another one */
	x = opened(17, 0x15, 0x15, true);
	fake.gone = true;
	memset(&err, 0, sizeof(err));
	assert_int_equal(emt_xen_domain(x, 5, &one, &err), EMT_E_GONE);
	assert_string_equal(err.subject, "domain 5");
	memset(&err, 0, sizeof(err));
	assert_int_equal(emt_xen_max_gfn(x, 5, &v, &err), EMT_E_GONE);
	close_and_check(x);
}

/* A release that is not known: what needs no version works, the rest says why and is
 * not tried; one whose versions differ from its release's is refused by Xen. */
static void test_other_release(void **state)
{
	struct emt_xen *x = opened(99, 0x99, 0x99, true);
	struct emt_xen_domain *d, one;
	struct emt_err err = { 0 };
	struct emt_mtrr m;
	uint64_t v;
	size_t n;

	(void)state;
	assert_string_equal(emt_xen_release(x), "4.99.7");
	assert_int_equal(emt_xen_max_page(x, &v, &err), 0);
	assert_int_equal(emt_xen_host_mtrr(x, &m, &err), 0);
	assert_int_equal(emt_xen_domains(x, &d, &n, &err), EMT_E_UNSUPPORTED);
	assert_non_null(strstr(err.text, "4.99.7"));
	memset(&err, 0, sizeof(err));
	assert_int_equal(emt_xen_domain(x, 5, &one, &err), EMT_E_UNSUPPORTED);
	assert_int_equal(fake.seen[EMT_XC_PHYSINFO] + fake.seen[EMT_XC_DOMAIN_LIST] + fake.seen[EMT_XC_DOMAIN], 0);
	close_and_check(x);

	x = opened(17, 0x16, 0x16, true);
	memset(&err, 0, sizeof(err));
	assert_int_equal(emt_xen_domains(x, &d, &n, &err), EMT_E_UNSUPPORTED);
	assert_non_null(strstr(err.text, "interface version"));
	close_and_check(x);
}

/* A domain as a source: what is told is known, what is rebuilt assumed, the rest unknown. */
static void test_source(void **state)
{
	static const char *const texts[] = { "xen:5", "xen:guest,costs=yes",
					     "xen:AB000000-0000-0000-0000-000000000000,costs=yes" };

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(texts); i++) {
		struct emt_source_spec spec;
		struct emt_err err = { 0 };
		struct emt_stream *st;
		struct emt_source *s;
		struct emt_facts f;

		memset(&fake, 0, sizeof(fake));
		fake.minor = 17;
		fake.domctl = fake.sysctl = 0x15;
		emt_xen_override(&backend);
		assert_int_equal(emt_source_parse(&spec, texts[i], &err), 0);
		assert_int_equal(emt_source_open(&s, &spec, &err), 0);
		assert_int_equal(emt_source_facts(s, 0, &f, &err), 0);
		assert_string_equal(f.release, "4.17.7");
		assert_string_equal(f.domain_name, "guest");
		assert_int_equal(f.paging, EMT_PAGING_EPT);
		assert_true(f.iommu_enabled && f.prov[EMT_FACT_IOMMU_ENABLED].held == EMT_KNOWN);
		assert_int_equal(f.prov[EMT_FACT_DOMAIN_IOMMU].held, EMT_UNKNOWN);
		assert_int_equal(f.prov[EMT_FACT_IOMEM_CAPS].held, EMT_UNKNOWN);
		assert_int_equal(f.host_mtrr.def_type, EMT_MT_WB);
		assert_int_equal(f.host_mtrr.def_held, EMT_ASSUMED);
		assert_int_equal(f.max_page, 0x40000);
		assert_int_equal(f.max_gfn, 0xfffff);
		/* registers of vCPUs only where it was allowed; the save defect is seen */
		assert_int_equal(fake.seen[EMT_XC_HVM_RECORD] != 0, i != 0);
		assert_int_equal(f.prov[EMT_FACT_VCPU_MTRR].held, i ? EMT_KNOWN : EMT_UNKNOWN);
		if (i) {
			assert_int_equal(f.nr_vcpus, 2);
			assert_int_equal(f.vcpu_mtrr[1].var_held[0], EMT_KNOWN);
			assert_int_equal(f.vcpu_mtrr[1].var_held[1], EMT_ASSUMED);
			assert_true(f.vcpu_mtrr[1].var[1][0] != f.vcpu_mtrr[1].var[0][0]);
			assert_non_null(strstr(f.prov[EMT_FACT_VCPU_MTRR].origin, "rebuilt"));
			assert_int_equal(f.vcpu_cr0[1], 0x80000012);
		}
		emt_facts_free(&f);
		assert_int_equal(emt_source_stream(s, 0, &st, &err), EMT_E_UNSUPPORTED);
		/* it vanishes between two questions */
		fake.gone = true;
		memset(&err, 0, sizeof(err));
		assert_int_equal(emt_source_facts(s, 0, &f, &err), EMT_E_GONE);
		assert_true(err.text[0] && err.next[0]);
		emt_source_close(s);
		assert_int_equal(fake.foreign + fake.buffers, 0);
		for (int id = EMT_XC_KEY_D; id < EMT_XC_NR; id++)
			assert_int_equal(fake.seen[id], 0);
		memset(&err, 0, sizeof(err));
		assert_int_equal(emt_source_parse(&spec, "xen:other", &err), 0);
		assert_int_equal(emt_source_open(&s, &spec, &err), EMT_E_NOSOURCE);
		emt_xen_override(NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),	cmocka_unit_test(test_reads),
		cmocka_unit_test(test_console), cmocka_unit_test(test_costs),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_other_release),
		cmocka_unit_test(test_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
