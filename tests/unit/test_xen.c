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
#include "fake_xen.h"
#include "xen/dump.h"

static struct emt_xen *opened(unsigned int minor, unsigned int domctl, unsigned int sysctl, bool consent)
{
	struct emt_err err = { 0 };
	struct emt_xen *x;

	fake_xen_reset();
	fake.minor = minor;
	fake.domctl = domctl;
	fake.sysctl = sysctl;
	assert_int_equal(emt_xen_open(&x, &fake_xen, consent, "xen:5", &err), 0);
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
		struct emt_xen_regs regs;
		uint64_t v;
		struct emt_mtrr m;
		char text[1024];
		size_t n;

		assert_int_equal(emt_xen_domains(x, &d, &n, &err), 0);
		assert_int_equal(n, 2);
		assert_int_equal(d[0].iommu, EMT_XEN_IOMMU_UNKNOWN);
		assert_int_equal(d[1].iommu, EMT_XEN_IOMMU_YES); /* a device, says the tool stack */
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
		assert_int_equal(emt_xen_vcpu(x, 5, 1, &m, &regs, &err), 0);
		assert_int_equal(regs.cr0, 0x80000012);
		assert_int_equal(regs.cr3, 0x2000);
		assert_int_equal(regs.cr4, 0x20);
		assert_int_equal(regs.efer, 0xd01);
		assert_int_equal(regs.pat, 0x0007040600070406);
		assert_int_equal(m.vcnt, 8);
		assert_true(m.e && m.fe && m.def_type == EMT_MT_WB);
		assert_int_equal(m.fixed[0], 0x0606060606060606);
		assert_int_equal(emt_xen_vcpu(x, 5, 2, &m, &regs, &err), EMT_E_MISSING);
		assert_int_equal(emt_xen_cmdline(x, text, sizeof(text), &err), 0);
		assert_string_equal(text, "conring_size=4m");
		close_and_check(x);
	}
}

static int collect(const char *data, size_t len, void *arg)
{
	strncat(arg, data, len);
	return 0;
}

static void test_console(void **state)
{
	static const enum emt_xen_call keys[] = { EMT_XC_KEY_Q, EMT_XC_KEY_D };
	struct emt_xen *x = opened(17, 0x15, 0x15, true);
	struct emt_err err = { 0 };
	uint32_t index = 0;
	uint64_t lost;
	char text[64] = "";

	(void)state;
	fake_xen_print("text\n");
	assert_int_equal(emt_xen_console(x, &index, text, sizeof(text), &lost, &err), 5);
	assert_int_equal(index, 5);
	assert_int_equal(lost, 0);
	/* of the keys only what they printed */
	memset(text, 0, sizeof(text));
	fake.keys['q'] = "queue\n";
	fake.keys['D'] = "dump\n";
	assert_int_equal(emt_xen_keys(x, keys, 2, collect, text, &lost, &err), 0);
	assert_string_equal(text, "queue\ndump\n");
	assert_int_equal(lost, 0);
	/* what the ring could not hold is counted */
	fake.ring_size = 8;
	memset(text, 0, sizeof(text));
	fake.keys['D'] = "a dump of more\n";
	assert_int_equal(emt_xen_keys(x, keys, 2, collect, text, &lost, &err), 0);
	assert_string_equal(text, "queue\nof more\n" + 0);
	assert_int_equal(lost, strlen("a dump of more\n") - 8);
	close_and_check(x);
}

static void test_ring(void **state)
{
	static const struct {
		const char *line;
		uint64_t bytes;
		bool stated;
		uint32_t baud;
	} cases[] = {
		{ "", 16384, false, 0 },
		{ "conring_size=4M loglvl=all", 4 << 20, true, 0 },
		{ "xconring_size=4M", 16384, false, 0 },
		{ "conring_size=64k conring_size=128k", 128 << 10, true, 0 },
		{ "console=com1,vga com1=115200,8n1", 16384, false, 115200 },
		{ "com1=57600", 16384, false, 57600 }, /* com1 is there by default */
		{ "console=vga com1=57600", 16384, false, 0 },
		{ "console=com2 com1=57600", 16384, false, 0 },
		{ "console=com1,com2 com1=115200 com2=auto", 16384, false, 9600 },
	};

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(cases); i++) {
		struct emt_xen_ring r;

		emt_xen_ring_of(cases[i].line, &r);
		if (r.bytes != cases[i].bytes || r.stated != cases[i].stated || r.baud != cases[i].baud)
			fail_msg("%s: %llu %d %u", cases[i].line, (unsigned long long)r.bytes, r.stated, r.baud);
	}
}

/* What the dump of all domains takes, and when it is refused. */
static void test_plan(void **state)
{
	struct emt_xen *x = opened(17, 0x15, 0x15, false);
	struct emt_xen_dump_plan p;
	struct emt_err err = { 0 };

	(void)state;
	assert_int_equal(emt_xen_dump_plan(x, &p, &err), 0);
	assert_int_equal(p.domains, 1); /* dom0 is PV */
	assert_int_equal(p.bytes, (1005 / 512 + 1005 % 512 + 64) * 64);
	assert_int_equal(p.bytes_most, (1005 + 64) * 64);
	assert_int_equal(emt_xen_dump_allowed(&p, "xen:5", &err), 0);
	fake.cmdline = "conring_size=16k";
	assert_int_equal(emt_xen_dump_plan(x, &p, &err), 0);
	assert_int_equal(emt_xen_dump_allowed(&p, "xen:5", &err), EMT_E_UNSUPPORTED);
	assert_non_null(strstr(err.next, "conring_size=1M"));
	fake.cmdline = "conring_size=4m com1=9600,8n1";
	memset(&err, 0, sizeof(err));
	assert_int_equal(emt_xen_dump_plan(x, &p, &err), 0);
	assert_int_equal(p.seconds, p.bytes * 10 / 9600);
	assert_int_equal(emt_xen_dump_allowed(&p, "xen:5", &err), EMT_E_UNSUPPORTED);
	assert_non_null(strstr(err.next, "console=vga"));
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
			if (i == EMT_XC_GUEST_PAGE) { /* no hypercall: it has a way of its own */
				assert_int_equal(emt_xen_guest_page(x, 5, 1, arg, &err), consent ? EMT_E_IO : EMT_E_USAGE);
				assert_int_equal(fake.asked - before, consent);
				emt_xen_buffer_free(x, arg);
				continue;
			}
			if (i == EMT_XC_HVM_RECORD)
				put(arg, 32, (uintptr_t)arg + 1024, 8);
			rc = emt_xen_issue(x, (enum emt_xen_call)i, arg, NULL, NULL, &err);
			/* consent to a cost is none to a change (test_query) */
			assert_int_equal(rc, cost == EMT_XEN_NEVER ? EMT_E_INTERNAL :
					     consent && cost != EMT_XEN_CHANGES ? 0 : EMT_E_USAGE);
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

		fake_xen_reset();
		fake.minor = 17;
		fake.domctl = fake.sysctl = 0x15;
		emt_xen_override(&fake_xen);
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
			assert_int_equal(f.vcpu_cr3[1], 0x2000);
			assert_int_equal(f.vcpu_efer[0], 0xd01);
		}
		emt_facts_free(&f);
		/* without consent its entries are refused, with their cost; then there is no dump */
		assert_int_equal(emt_source_stream(s, 0, &st, &err), i ? EMT_E_UNSUPPORTED : EMT_E_USAGE);
		assert_true(i || strstr(err.next, "costs=yes"));
		/* it vanishes between two questions */
		fake.gone = true;
		memset(&err, 0, sizeof(err));
		assert_int_equal(emt_source_facts(s, 0, &f, &err), EMT_E_GONE);
		assert_true(err.text[0] && err.next[0]);
		emt_source_close(s);
		assert_int_equal(fake.foreign + fake.buffers, 0);
		for (int id = EMT_XC_KEY_D; id < EMT_XC_NR; id++)
			assert_true(!fake.seen[id] || emt_xen_calls[id].cost == EMT_XEN_FREE ||
				    (i && emt_xen_calls[id].cost == EMT_XEN_COSTS && id != EMT_XC_KEY_O));
		memset(&err, 0, sizeof(err));
		assert_int_equal(emt_source_parse(&spec, "xen:other", &err), 0);
		assert_int_equal(emt_source_open(&s, &spec, &err), EMT_E_NOSOURCE);
		emt_xen_override(NULL);
	}
}

/* Entries by key D: read once, with what key q says of the same instant. */
static void test_entries(void **state)
{
	struct emt_source_spec spec;
	struct emt_err err = { 0 };
	struct emt_run runs[8];
	struct emt_source *s;
	struct emt_stream *st;
	struct emt_facts f;
	struct emt_loss loss;

	(void)state;
	fake_xen_reset();
	fake.minor = 17;
	fake.domctl = fake.sysctl = 0x15;
	fake.keys['q'] = "(XEN) 'q' pressed -> dumping domain info (now = 1)\n"
			 "(XEN) General information for domain 5:\n"
			 "(XEN)     refcnt=3 dying=0 pause_count=1\n"
			 "(XEN) Rangesets belonging to domain 5:\n"
			 "(XEN)     Interrupts { }\n"
			 "(XEN)     I/O Memory { e0000-e00ff }\n"
			 "(XEN)     I/O Ports  { }\n";
	fake.keys['D'] = "(XEN) \n(XEN) domain5 EPT p2m table:\n"
			 "(XEN) gfn:             0 order:  9 mfn:         80000 rwx WB!\n"
			 "(XEN) gfn:           200 order:  0 mfn:         80200 rwx UC \n"
			 "(XEN) gfn:           201 order:  0 mfn:         80201 rwx UC \n";
	emt_xen_override(&fake_xen);
	assert_int_equal(emt_source_parse(&spec, "xen:5,costs=yes", &err), 0);
	assert_int_equal(emt_source_open(&s, &spec, &err), 0);
	assert_int_equal(emt_source_facts(s, 0, &f, &err), 0);
	assert_int_equal(f.prov[EMT_FACT_IOMEM_CAPS].held, EMT_KNOWN);
	assert_int_equal(f.iomem_caps.n, 1);
	assert_int_equal(f.iomem_caps.v[0].last, 0xe00ff);
	assert_string_equal(f.release, "4.17.7"); /* the calls' facts are there as well */
	assert_int_equal(f.nr_vcpus, 2);
	assert_int_equal(f.vcpu_mtrr[0].var_held[1], EMT_ASSUMED);
	emt_facts_free(&f);
	assert_int_equal(emt_source_stream(s, 0, &st, &err), 0);
	assert_int_equal(emt_stream_read(st, runs, 8, &err), 2);
	assert_int_equal(runs[0].order, 9);
	assert_int_equal(runs[0].emt, EMT_MT_WB);
	assert_int_equal(runs[1].count, 2);
	assert_int_equal(runs[1].emt, EMT_MT_UC);
	assert_int_equal(emt_stream_read(st, runs, 8, &err), 0);
	emt_stream_loss(st, &loss);
	assert_true(emt_loss_none(&loss));
	emt_stream_free(st);
	assert_int_equal(fake.seen[EMT_XC_KEY_D], 1);
	assert_int_equal(fake.seen[EMT_XC_KEY_Q], 1);
	emt_source_close(s);
	assert_int_equal(fake.foreign + fake.buffers, 0);

	/* a ring that cannot hold it: nothing is passed off as whole */
	fake.ring_size = 100;
	assert_int_equal(emt_source_open(&s, &spec, &err), 0);
	if (!emt_source_stream(s, 0, &st, &err)) {
		while (emt_stream_read(st, runs, 8, &err) > 0)
			;
		emt_stream_loss(st, &loss);
		assert_true(loss.cut_head);
		emt_stream_free(st);
	} else {
		assert_int_equal(err.code, EMT_E_TRUNCATED);
	}
	emt_source_close(s);
	emt_xen_override(NULL);
}

/* The boot log in the ring: the IOMMU's features, and the MTRRs that no call tells. */
static void test_boot_log(void **state)
{
	static const char log[] =
		"(XEN) Xen version 4.17.7 (Debian 4.17.7) (x@y) (gcc 12) debug=n Mon\n"
		"(XEN) Intel VT-d Snoop Control enabled.\n"
		"(XEN) Intel VT-d Shared EPT tables enabled.\n"
		"(XEN) I/O virtualisation enabled\n"
		"(XEN) MTRR default type: write-back\n"
		"(XEN) MTRR fixed ranges enabled:\n"
		"(XEN)   00000-9ffff write-back\n"
		"(XEN)   a0000-bffff uncachable\n"
		"(XEN)   c0000-fffff write-protect\n"
		"(XEN) MTRR variable ranges enabled:\n"
		"(XEN)   0 base %s mask ffe0000000 uncachable\n"
		"(XEN)   1 disabled\n";
	static const char *const bases[] = { "00e0000000", "0080000000" };

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(bases); i++) {
		struct emt_source_spec spec;
		struct emt_err err = { 0 };
		struct emt_source *s;
		struct emt_facts f;
		char text[1000];

		fake_xen_reset();
		fake.minor = 17;
		fake.domctl = fake.sysctl = 0x15;
		emt_xen_override(&fake_xen);
		snprintf(text, sizeof(text), log, bases[i]);
		fake_xen_print(text);
		assert_int_equal(emt_source_parse(&spec, "xen:5", &err), 0);
		assert_int_equal(emt_source_open(&s, &spec, &err), 0);
		assert_int_equal(emt_source_stated(s, 0, &f, &err), 0);
		assert_true(f.iommu_snoop && f.prov[EMT_FACT_IOMMU_SNOOP].held == EMT_KNOWN);
		/* this host may share tables: whether the domain does is another matter */
		assert_true(f.iommu_shared && f.prov[EMT_FACT_IOMMU_SHARED].held == EMT_ASSUMED);
		assert_int_equal(f.host_mtrr.def_type, EMT_MT_WB);
		assert_int_equal(f.host_mtrr.def_held, EMT_KNOWN);
		assert_int_equal(f.host_mtrr.fixed_held, EMT_KNOWN);
		assert_int_equal(f.host_mtrr.fixed[0], 0x0606060606060606);
		/* the ranges are those of now, and that they were others is remembered */
		assert_int_equal(f.host_mtrr.var[0][0], 0xe0000000);
		assert_int_equal(f.nr_host_earlier, i);
		assert_int_equal(f.prov[EMT_FACT_HOST_MTRR_CHANGED].held, i ? EMT_KNOWN : EMT_UNKNOWN);
		if (i)
			assert_int_equal(f.host_earlier[0].var[0][0], 0x80000000);
		emt_facts_free(&f);
		emt_source_close(s);
		assert_int_equal(fake.foreign + fake.buffers, 0);
		emt_xen_override(NULL);
	}
}

/* The class of a gfn's type is a set; what cannot be asked is an error. */
static void test_mem_type(void **state)
{
	struct emt_xen *x = opened(17, 0x15, 0x15, false);
	struct emt_err err = { 0 };
	uint16_t types;

	(void)state;
	memcpy(fake.mem_type, "\0\1\2\3\4\5", 6);
	assert_int_equal(emt_xen_mem_type(x, 5, 0, &types, &err), 0);
	assert_true(types & 1u << EMT_P2M_RAM_RW && types & 1u << EMT_P2M_GRANT_RW);
	assert_false(types & 1u << EMT_P2M_MMIO_DIRECT);
	assert_int_equal(emt_xen_mem_type(x, 5, 1, &types, &err), 0);
	assert_true(types & 1u << EMT_P2M_RAM_LOGDIRTY && types & 1u << EMT_P2M_GRANT_RO);
	assert_int_equal(emt_xen_mem_type(x, 5, 2, &types, &err), 0);
	assert_true(types & 1u << EMT_P2M_MMIO_DIRECT && types & 1u << EMT_P2M_FOREIGN);
	assert_int_equal(emt_xen_mem_type(x, 5, 4, &types, &err), 0);
	assert_int_equal(types, 1u << EMT_P2M_IOREQ_SERVER);
	assert_int_equal(emt_xen_mem_type(x, 5, 5, &types, &err), EMT_E_UNSUPPORTED);
	assert_int_equal(emt_xen_mem_type(x, 6, 0, &types, &err), EMT_E_GONE);
	close_and_check(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),	cmocka_unit_test(test_reads),
		cmocka_unit_test(test_console), cmocka_unit_test(test_costs),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_other_release),
		cmocka_unit_test(test_source),	cmocka_unit_test(test_ring),
		cmocka_unit_test(test_plan),	cmocka_unit_test(test_entries),
		cmocka_unit_test(test_boot_log), cmocka_unit_test(test_mem_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
