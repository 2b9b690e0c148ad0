/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys q, Q, o and v: real texts, and every release's format. */
#include "console_recorder.h"

static void q_special_frames(void **state)
{
	struct recorder r;

	(void)state;
	rec_file(&r, "xen-4.17.7-key-q-special-frames.txt");
	assert_log(&r, "nr_pages d1 2013 -");
	assert_log(&r, "uuid d1 0 ae6f802e-cb73-4e41-a11c-fb61ae17c312");
	assert_log(&r, "iomem_caps d0 0-fedff 0");
	assert_log(&r, "iomem_caps d0 fef00-fffffff 0");
	assert_log(&r, "iomem_caps d1 febf0-febf0 0");
	assert_log(&r, "ioport_caps d1 whole");
	/* grep -c XenPage, ExtraPage: 2 of domain 0, 7 and 1 of domain 1 */
	assert_int_equal(rec_count(&r, "special d0 5"), 2);
	assert_int_equal(rec_count(&r, "special d1 "), 8 + 2);
	assert_log(&r, "special d1 5fbd6-5fbd6 1");
	assert_log(&r, "special d1 46be3-46be3 0");
	assert_log(&r, "special d1 whole");
	assert_log(&r, "paging d0 4 0"); /* PV */
	assert_log(&r, "vcpus d1 1 -");
	assert_int_equal(r.notes, 0);
	/* EPT or NPT is not said by key q itself */
	assert_null(strstr(r.log, "paging d1"));
	rec_free(&r);
}

static void q_others(void **state)
{
	struct recorder r;

	(void)state;
	rec_file(&r, "xen-4.17.7-key-q-iomem-many.txt");
	assert_int_equal(rec_count(&r, "\niomem_caps d2 "), 8 + 2);
	assert_log(&r, "iomem_caps d2 3800000-3800003 0");
	assert_log(&r, "iomem_caps d2 fec00-fec00 0");
	rec_free(&r);
	rec_file(&r, "xen-4.17.7-key-q-three-vcpus.txt");
	assert_non_null(strstr(r.log, "vcpus d2 3 -"));
	rec_free(&r);
	rec_file(&r, "xen-4.17.7-key-q-pod.txt");
	assert_log(&r, "special d4 5fbd5-5fbd5 1");
	assert_log(&r, "iomem_caps d4 whole");
	rec_free(&r);
	/* behind a dump of the same text: this is EPT hardware */
	rec_file(&r, "xen-4.17.7-key-D-then-q-pvh-built.txt");
	assert_log(&r, "paging d1 1 0");
	rec_free(&r);
}

#define Q_HEAD "(XEN) General information for domain 3:\n(XEN)     refcnt=3 dying=0 pause_count=0\n" \
	"(XEN)     nr_pages=16 xenheap_pages=1 dirty_cpus={} max_pages=16\n" \
	"(XEN)     handle=ae6f802e-cb73-4e41-a11c-fb61ae17c312 vm_assist=00000000\n" \
	"(XEN)     paging assistance: hap refcounts translate external \n"
#define Q_RANGES "(XEN) Rangesets belonging to domain 3:\n(XEN)     Interrupts { 1-5 }\n" \
	"(XEN)     I/O Memory { e0000-e000f, febf0 }\n(XEN)     I/O Ports  { 3f8-3ff }\n"
#define Q_PAGES "(XEN) Memory pages belonging to domain 3:\n" \
	"(XEN)     XenPage 0000000000046be3: caf=c000000000000001, taf=e400000000000001\n"
#define Q_END "(XEN) NODE affinity for domain 3: [0]\n(XEN) VCPU information and callbacks for domain 3:\n"

static void q_damaged(void **state)
{
	static const struct {
		const char *text;
		bool iomem, ioport, special;
		unsigned int notes;
	} cases[] = {
		{ Q_HEAD Q_RANGES Q_PAGES Q_END, true, true, true, 0 },
		{ Q_HEAD Q_RANGES Q_PAGES, false, false, false, 1 },            /* no end */
		{ Q_HEAD Q_RANGES Q_PAGES Q_HEAD, false, false, false, 2 },
		{ Q_RANGES Q_PAGES Q_END, false, false, false, 1 },             /* no heading */
		{ Q_HEAD Q_RANGES "(XEN) Memory pages belonging to domain 3:\n" Q_END, true, true, false, 1 },
		{ Q_HEAD "(XEN) Rangesets belonging to domain 3:\n(XEN)     I/O Memory { e0000-e0(XEN) other\n"
		  "(XEN) 00f, febf0 }\n(XEN)     I/O Ports  { }\n" Q_PAGES Q_END, false, true, true, 1 },
		{ Q_HEAD "(XEN) Rangesets belonging to domain 3:\n(XEN)     I/O Memory { e0000-x }\n"
		  "(XEN)     I/O Ports  { 5-3 }\n" Q_PAGES Q_END, false, false, true, 2 },
		{ Q_HEAD "(XEN) Rangesets belonging to domain 3:\n(XEN)     None\n" Q_PAGES Q_END, true, true, true, 0 },
		{ Q_HEAD Q_RANGES Q_PAGES "(XEN)     XenPage 00zz: caf=1\n" Q_END, true, true, false, 1 },
	};
	struct recorder r;

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(cases); i++) {
		rec_text(&r, cases[i].text);
		print_message("case %zu\n", i);
		assert_int_equal(rec_has(&r, "iomem_caps d3 whole"), cases[i].iomem);
		assert_int_equal(rec_has(&r, "ioport_caps d3 whole"), cases[i].ioport);
		assert_int_equal(rec_has(&r, "special d3 whole"), cases[i].special);
		assert_int_equal(r.notes, cases[i].notes);
		rec_free(&r);
	}
	/* a cut number is no element */
	rec_text(&r, cases[5].text);
	assert_null(strstr(r.log, "e0000-e0 "));
	rec_free(&r);
	rec_text(&r, "(XEN)     I/O Memory { e0000 }\n");
	assert_int_equal(r.notes, 1);
	assert_null(strstr(r.log, "iomem_caps d"));
	rec_free(&r);
}

static void q_paging(void **state)
{
	static const struct {
		const char *boot, *line, *want;
	} cases[] = {
		{ "(XEN) HVM: VMX enabled\n", "hap refcounts translate external ", "paging d3 1 0" },
		{ "(XEN) HVM: SVM enabled\n", "hap refcounts log_dirty translate external ", "paging d3 2 0" },
		{ "", "shadow refcounts translate external ", "paging d3 3 0" },
		{ "", "shadow forced ", "paging d3 4 0" },
	};
	struct recorder r;

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(cases); i++) {
		char text[1024];

		snprintf(text, sizeof(text), "%s(XEN) General information for domain 3:\n"
			 "(XEN)     paging assistance: %s\n" Q_RANGES Q_PAGES Q_END, cases[i].boot, cases[i].line);
		rec_text(&r, text);
		assert_log(&r, cases[i].want);
		assert_int_equal(rec_count(&r, "paging d3"), 1);
		rec_free(&r);
	}
}

/* 4.2: other header, shared pages, no NODE line, vCPU lines of another form. */
static void q_old(void **state)
{
	struct recorder r;

	(void)state;
	rec_text(&r, "(XEN) 'q' pressed -> dumping domain info (now=0x2C:DEADBEEF)\n"
		 "(XEN) General information for domain 1:\n(XEN)     refcnt=3 dying=0 pause_count=0\n"
		 "(XEN)     nr_pages=2048 xenheap_pages=1 shared_pages=0 paged_pages=0 dirty_cpus={0-3} max_pages=2304\n"
		 "(XEN)     handle=ae6f802e-cb73-4e41-a11c-fb61ae17c312 vm_assist=00000000\n"
		 "(XEN)     paging assistance: hap refcounts translate external \n"
		 "(XEN) Rangesets belonging to domain 1:\n(XEN)     I/O Ports  { }\n(XEN)     Interrupts { }\n"
		 "(XEN)     I/O Memory { f7c00-f7c0f }\n"
		 "(XEN) Memory pages belonging to domain 1:\n(XEN)     DomPage list too long to display\n"
		 "(XEN)     PoD entries=0 cachesize=0\n"
		 "(XEN)     XenPage 000000000020d6f8: caf=c000000000000001, taf=7400000000000001\n"
		 "(XEN) VCPU information and callbacks for domain 1:\n"
		 "(XEN)     VCPU0: CPU1 [has=F] poll=0 upcall_pend = 00, upcall_mask = 00 dirty_cpus={} "
		 "cpu_affinity={0-63}\n(XEN)     pause_count=0 pause_flags=1\n(XEN)     paging assistance: hap, 4 levels\n");
	assert_log(&r, "nr_pages d1 800 -");
	assert_log(&r, "iomem_caps d1 f7c00-f7c0f 0");
	assert_log(&r, "iomem_caps d1 whole");
	assert_log(&r, "special d1 whole");
	assert_int_equal(r.notes, 0);
	rec_free(&r);
}

static void pci(void **state)
{
	struct recorder r;

	(void)state;
	rec_file(&r, "xen-4.17.7-key-Q-one-assigned.txt");
	assert_log(&r, "pci_devices d0 6 0");
	assert_log(&r, "pci_devices d2 1 0");
	assert_log(&r, "pci_devices d-1 whole");
	assert_int_equal(emt_console_used(r.c), 9);
	rec_free(&r);
	/* 4.2 to 4.5, 4.6 to 4.12, 4.13 and 4.17+ with a quarantined device */
	rec_text(&r, "(XEN) ==== PCI devices ====\n(XEN) ==== segment 0000 ====\n"
		 "(XEN) 0000:03:00.0 - dom 5   - MSIs < >\n(XEN) 0000:00:1f.2 - dom 0   - MSIs < 28 >\n"
		 "(XEN) 0000:03:00.1 - dom 5   - node 0   - MSIs < >\n(XEN) 0000:04:00.0 - d7 - node 0   - MSIs < 31 >\n"
		 "(XEN) 0000:05:00.0 - d[IO] - node -1 \n(XEN) 0000:06:00.0 - DomIO:7f01 - node -1 \n");
	assert_log(&r, "pci_devices d5 2 0");
	assert_log(&r, "pci_devices d0 1 0");
	assert_log(&r, "pci_devices d7 1 0");
	assert_log(&r, "pci_devices d-1 whole");
	assert_int_equal(r.notes, 0);
	rec_free(&r);
	/* no heading, or a line cut: not whole */
	rec_text(&r, "(XEN) 0000:03:00.0 - d5 - node 0 \n");
	assert_log(&r, "pci_devices d5 1 0");
	assert_false(rec_has(&r, "pci_devices d-1 whole"));
	assert_int_equal(r.notes, 1);
	rec_free(&r);
	rec_text(&r, "(XEN) ==== PCI devices ====\n(XEN) 0000:03:00.0 - d\n(XEN) 0000:03:00.1 - d5 - node 0 \n");
	assert_false(rec_has(&r, "pci_devices d-1 whole"));
	assert_int_equal(r.notes, 2);
	rec_free(&r);
}

static void iommu_real(void **state)
{
	/* grep -c "dfn:", entries with one blank less, "rw$", "r-$" */
	static const struct {
		const char *file, *heading;
		unsigned int entries, small, large, rw, ro;
	} files[] = {
		{ "xen-4.17.7-key-o-amdvi.txt", "1 iommu d2 amd levels 4", 273, 271, 2, 269, 4 },
		{ "xen-4.17.7-key-o-vtd.txt", "1 iommu d2 levels 4", 273, 271, 2, 269, 4 },
		{ "xen-4.17.7-key-o-amdvi-pv-3-levels-trimmed.txt", "1 iommu d1 amd levels 3", 219, 210, 9, 219, 0 },
		{ "xen-4.17.7-key-o-amdvi-hvm-foreign-line.txt", "2 iommu d1 amd levels 4", 539, 510, 29, 535, 4 },
		{ "xen-4.17.7-key-o-vtd-shared.txt", "1 iommu d2 shared levels 0", 0, 0, 0, 0, 0 },
	};
	struct recorder r;

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(files); i++) {
		print_message("%s\n", files[i].file);
		rec_file(&r, files[i].file);
		assert_log(&r, files[i].heading);
		assert_int_equal(r.tables, 1);
		assert_int_equal(r.iommu_entries, files[i].entries);
		assert_int_equal(r.iommu_levels[1], files[i].small);
		assert_int_equal(r.iommu_levels[2], files[i].large);
		assert_int_equal(r.iommu_perms[3], files[i].rw);
		assert_int_equal(r.iommu_perms[1], files[i].ro);
		assert_int_equal(r.notes + r.iommu_bad + r.dumps, 0);
		assert_non_null(strstr(r.log, "domain_iommu d"));
		rec_free(&r);
	}
}

static void iommu_formats(void **state)
{
	static const struct {
		const char *text, *log[4];
	} forms[] = {
		/* 4.2 to 4.11 VT-d */
		{ "(XEN) \n(XEN) domain5 IOMMU p2m table: \n(XEN) p2m table has 3 levels\n"
		  "(XEN)   gfn: 00000010 mfn: 0012345a\n",
		  { "2 iommu d5 levels 3", "4 iommu 10 12345a ff 1", "domain_iommu d5 1 0", "iommu_shared d5 0 0" } },
		/* ... AMD, with a 2 MiB leaf */
		{ "(XEN) \n(XEN) domain5 IOMMU p2m table: \n(XEN) p2m table has 4 levels\n"
		  "(XEN)   gfn: 00000200  mfn: 00123400\n(XEN)    gfn: 00000400  mfn: 00123401\n",
		  { "2 iommu d5 amd levels 4", "4 iommu 200 123400 ff 2", "5 iommu 400 123401 ff 1", "5 iommu end" } },
		/* 4.12 to 4.14 */
		{ "(XEN) \n(XEN) domain5 IOMMU p2m table: \n(XEN) p2m table has 4 levels\n"
		  "(XEN)    dfn: 00000400 mfn: 00123401\n",
		  { "2 iommu d5 levels 4", "4 iommu 400 123401 ff 1", "4 iommu end", "domain_iommu d5 1 0" } },
		{ "(XEN) \n(XEN) domain5 IOMMU p2m table shared with MMU: \n",
		  { "2 iommu d5 shared levels 0", "2 iommu end", "iommu_shared d5 1 0", "domain_iommu d5 1 0" } },
		/* 4.15 */
		{ "(XEN) [VT-D] d5 table has 4 levels\n(XEN)    dfn: 00000400 mfn: 00123401\n",
		  { "1 iommu d5 levels 4", "2 iommu 400 123401 ff 1", "2 iommu end", "domain_iommu d5 1 0" } },
		{ "(XEN) AMD IOMMU d5 table has 4 levels\n(XEN)    dfn: 00000400  mfn: 00123401\n",
		  { "1 iommu d5 amd levels 4", "2 iommu 400 123401 ff 1", "2 iommu end", "iommu_shared d5 0 0" } },
		{ "(XEN) d5 sharing page tables\n",
		  { "1 iommu d5 shared levels 0", "1 iommu end", "iommu_shared d5 1 0", "domain_iommu d5 1 0" } },
		/* 4.16 and later */
		{ "(XEN) [VT-D]d5 table has 4 levels\n(XEN)    dfn: 00000400 mfn: 00123401 r-\n"
		  "(XEN)    dfn: 00000401 mfn: 00123402 -w\n(XEN)  dfn: 00040000 mfn: 00140000 rw\n",
		  { "1 iommu d5 levels 4", "2 iommu 400 123401 1 1", "3 iommu 401 123402 2 1",
		    "4 iommu 40000 140000 3 3" } },
	};
	struct recorder r;

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(forms); i++) {
		rec_text(&r, forms[i].text);
		for (int j = 0; j < 4; j++)
			assert_log(&r, forms[i].log[j]);
		assert_int_equal(r.notes + r.dumps, 0);
		rec_free(&r);
	}
}

static void iommu_damaged(void **state)
{
	static const char *const bad[] = {
		"(XEN)    dfn: 00000400 mfn: 0012\n", "(XEN)    dfn: 00000400 mfn: 00123401 rx\n",
		"(XEN)    dfn: 00000400 mfn: 00123401 r(XEN) x\n", "(XEN) dfn: 00000400 mfn: 00123401 rw\n",
		"(XEN)   dfn: 00000401 mfn: 00123401 rw\n", "(XEN)    dfn: 00000001 mfn: 00123401 rw\n",
		"(XEN)        dfn: 00000400 mfn: 00123401 rw\n", "(XEN)    dfn: 00000400\n",
	};
	struct recorder r;

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(bad); i++) {
		char text[512];

		snprintf(text, sizeof(text), "(XEN) [VT-D] d5 table has 4 levels\n(XEN)    dfn: 00000002 mfn: 00000002 rw\n"
			 "%s(XEN)    dfn: 00000800 mfn: 00000002 rw\n", bad[i]);
		rec_text(&r, text);
		if (r.iommu_bad != 1 || r.notes != 1 || r.iommu_entries != 2)
			fail_msg("%s gave\n%s", bad[i], r.log);
		rec_free(&r);
	}
	/* without heading; in the middle of other things */
	rec_text(&r, "(XEN)    dfn: 00000800 mfn: 00000002 rw\n(XEN) General information for domain 0:\n");
	assert_log(&r, "1 iommu d-1 levels 0");
	assert_int_equal(r.iommu_entries, 1);
	assert_int_equal(r.notes, 2);
	assert_null(strstr(r.log, "domain_iommu"));
	rec_free(&r);
	/* a table that is empty is one all the same */
	rec_text(&r, "(XEN) domain5 IOMMU p2m table: \n(XEN) p2m table has 4 levels\n"
		 "(XEN) domain6 IOMMU p2m table: \n(XEN) p2m table has 2 levels\n");
	assert_log(&r, "1 iommu d5 levels 4");
	assert_log(&r, "3 iommu d6 levels 2");
	assert_int_equal(rec_count(&r, "iommu end"), 2);
	rec_free(&r);
}

static void vmcs(void **state)
{
	struct recorder r;

	(void)state;
	rec_file(&r, "xen-4.17.7-key-v-vmcs-two-domains.txt");
	assert_log(&r, "vcpu_cr0 d1 11 0"); /* the shadow, all bits being masked */
	assert_log(&r, "vcpu_pat d1 7040100070406 0");
	assert_log(&r, "vcpu_pat d2 7040600070406 0");
	assert_log(&r, "eptp d1 4ed7601e -");
	assert_log(&r, "eptp d2 5d05901e -");
	assert_int_equal(rec_count(&r, "vcpu_pat"), 2); /* not the host's */
	rec_free(&r);
	rec_file(&r, "xen-4.17.7-key-v-vmcb.txt");
	assert_log(&r, "vcpu_pat d1 7040600070406 0");
	assert_int_equal(rec_count(&r, "vcpu_"), 1); /* CR0 in a VMCB is not the guest's own */
	rec_free(&r);
}

static void vmcs_forms(void **state)
{
	struct recorder r;

	(void)state;
	/* 4.2 to 4.5; caches off; unmasked bits come from the actual value */
	rec_text(&r, "(XEN) *********** VMCS Areas **************\n(XEN) \n(XEN) >>> Domain 4 <<<\n(XEN) \tVCPU 1\n"
		 "(XEN) *** Guest State ***\n"
		 "(XEN) CR0: actual=0x0000000080010039, shadow=0x0000000060000010, gh_mask=ffffffffe00fff30\n"
		 "(XEN) Guest PAT = 0x0007040600070406\n(XEN) *** Host State ***\n"
		 "(XEN) Host PAT = 0x0000050100070406\n(XEN) EPT pointer = 0x000000004ed7601e\n"
		 "(XEN) \tVCPU 2\n(XEN) *** Guest State ***\n"
		 "(XEN) CR0: actual=0x0000000080010039, shadow=0x00000000c0000011, gh_mask=ffffffffffffffff\n"
		 "(XEN) EFER(VMCS) = 0x0000000000000000  PAT = 0x0000000000000000\n"
		 "(XEN) EPT pointer = 0x000000004ed7601e\n(XEN) **************************************\n"
		 "(XEN) EFER(VMCS) = 0x0000000000000000  PAT = 0x0000000000000001\n");
	assert_log(&r, "vcpu_cr0 d4 60000019 1");
	assert_log(&r, "vcpu_pat d4 7040600070406 1");
	assert_log(&r, "vcpu_cr0 d4 c0000011 2");
	assert_int_equal(rec_count(&r, "vcpu_pat"), 1);
	assert_int_equal(rec_count(&r, "eptp"), 1);
	assert_int_equal(r.notes, 1);
	rec_free(&r);
	rec_text(&r, "(XEN) >>> Domain 2 <<<\n(XEN) \tVCPU 0: not initialized\n(XEN) *** Guest State ***\n"
		 "(XEN) EFER(VMCS) = 0x0000000000000000  PAT = 0x0000000(XEN) cut\n");
	assert_null(strstr(r.log, "vcpu_pat"));
	rec_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(q_special_frames), cmocka_unit_test(q_others), cmocka_unit_test(q_damaged),
		cmocka_unit_test(q_paging), cmocka_unit_test(q_old), cmocka_unit_test(pci),
		cmocka_unit_test(iommu_real), cmocka_unit_test(iommu_formats), cmocka_unit_test(iommu_damaged),
		cmocka_unit_test(vmcs), cmocka_unit_test(vmcs_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
