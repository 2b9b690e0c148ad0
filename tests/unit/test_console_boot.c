/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Boot log, xl info and save records. */
#include "console_recorder.h"

static void boot_real(void **state)
{
	struct recorder r;

	(void)state;
	rec_file(&r, "xen-4.17.7-boot-log-mtrr-show-vmx.txt");
	assert_log(&r, "release d-1 \"4.17.7 (Debian 4.17.7+13-g2445b30a44-0+deb12u1)\"");
	assert_log(&r, "host_e820 d-1 0-9e 1");
	assert_log(&r, "host_e820 d-1 9f-9f 2");
	assert_log(&r, "host_e820 d-1 f0-ff 2");
	assert_log(&r, "host_e820 d-1 100-5fffd 1");
	assert_log(&r, "host_e820 d-1 5fffe-5ffff 2");
	assert_log(&r, "host_e820 d-1 fffc0-fffff 2");
	assert_int_equal(rec_count(&r, "host_e820"), 6 + 2);
	assert_log(&r, "host_e820 d-1 whole");
	assert_log(&r, "iommu_enabled d-1 0 0");
	assert_log(&r, "paging d-1 1 0");
	assert_log(&r, "host_mtrr d-1 v0 def 6 e 1 fe 1 vcnt 8 held 2 2");
	assert_log(&r, "  var 0 80000000 ff80000800 held 2");
	assert_log(&r, "  var 7 0 0 held 2");
	/* 00000-9ffff WB, a0000-bffff UC, c0000-fffff WP */
	assert_log(&r, "  fixed 0 606060606060606");
	assert_log(&r, "  fixed 1 606060606060606");
	assert_log(&r, "  fixed 2 0");
	assert_log(&r, "  fixed 3 505050505050505");
	assert_log(&r, "  fixed 10 505050505050505");
	assert_non_null(strstr(r.log, "cmdline d-1 0 placeholder console=com1"));
	assert_int_equal(r.notes, 0);
	rec_free(&r);
}

static void banners(void **state)
{
	static const struct {
		const char *line, *release;
	} lines[] = {
		{ "Xen version 4.2.5 (root@build.example) (gcc (GCC) 4.4.7) Tue Oct  1 2014", "4.2.5" },
		{ " Xen version 4.5.1-rc1 (a@b) (gcc) debug=y Tue", "4.5.1-rc1" },
		{ "Xen version 4.14.5 (Ubuntu 4.14.5-1) (x@y) (gcc (Ubuntu 9) 9.4.0) debug=n x",
		  "4.14.5 (Ubuntu 4.14.5-1)" },
		{ "Xen version 4.13-unstable (x@y) (gcc) debug=n gcov=n d", "4.13-unstable" },
		{ "----[ Xen-4.17.7  x86_64  debug=n  Not tainted ]----", "4.17.7" },
		{ "----[ Xen-4.4.1  x86_64  debug=n  Tainted:    C ]----", "4.4.1" },
	};
	struct recorder r;

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(lines); i++) {
		char text[256], want[256];

		snprintf(text, sizeof(text), "(XEN) %s\n", lines[i].line);
		snprintf(want, sizeof(want), "release d-1 \"%s\"\n", lines[i].release);
		rec_text(&r, text);
		assert_string_equal(r.log, want);
		rec_free(&r);
	}
	rec_text(&r, "(XEN) Xen version unknown\n(XEN) Xen version \n(d1) Xen version 4.1.1 (a@b)\n");
	assert_string_equal(r.log, "");
	rec_free(&r);
	rec_file(&r, "xen-4.17.7-key-0-head.txt");
	assert_log(&r, "release d-1 \"4.17.7\"");
	rec_free(&r);
}

static void e820_old(void **state)
{
	struct recorder r;

	(void)state;
	rec_text(&r, "(XEN) Initial Xen-e820 RAM map:\n(XEN)  0000000000000000 - 0000000000009000 (usable)\n"
		 "(XEN) Xen-e820 RAM map:\n(XEN)  0000000000000000 - 000000000009fc00 (usable)\n"
		 "(XEN)  000000000009fc00 - 00000000000a0000 (reserved)\n"
		 "(XEN)  0000000000100000 - 00000000bff60000 (usable)\n"
		 "(XEN)  00000000bff60000 - 00000000bff70000 (ACPI data)\n"
		 "(XEN)  00000000bff70000 - 00000000bff80000 (ACPI NVS)\n"
		 "(XEN)  00000000bff80000 - 00000000c0000000 type 20\n"
		 "(XEN)  00000000f0000000 - 00000000f0000800 (usable)\n"
		 "(XEN)  0000000100000000 - 0000000440000000 (usable)\n(XEN) System RAM: 16382MB (16776064kB)\n");
	assert_log(&r, "host_e820 d-1 0-9e 1");
	assert_log(&r, "host_e820 d-1 9f-9f 2");
	assert_log(&r, "host_e820 d-1 100-bff5f 1");
	assert_log(&r, "host_e820 d-1 bff60-bff6f 3");
	assert_log(&r, "host_e820 d-1 bff70-bff7f 4");
	assert_log(&r, "host_e820 d-1 bff80-bffff 20");
	assert_log(&r, "host_e820 d-1 100000-43ffff 1");
	assert_log(&r, "host_e820 d-1 whole");
	assert_int_equal(rec_count(&r, "host_e820"), 7 + 2); /* no whole frame at f0000000 */
	rec_free(&r);
	/* cut short: not whole */
	rec_text(&r, "(XEN) Xen-e820 RAM map:\n(XEN)  [0000000000000000, 000000000009fbff] (usable)\n"
		 "(XEN)  [0000000000100000, 0000(XEN) x\n(XEN) System RAM: 1\n");
	assert_false(rec_has(&r, "host_e820 d-1 whole"));
	assert_int_equal(r.notes, 1);
	rec_free(&r);
	rec_text(&r, "(XEN) EFI RAM map:\n(XEN)  [0000000000000000, 000000000009fbff] (usable)\n");
	assert_false(rec_has(&r, "host_e820 d-1 whole"));
	rec_free(&r);
}

static void iommu_lines(void **state)
{
	struct recorder r;

	(void)state;
	rec_text(&r, "(XEN) Intel VT-d Snoop Control not enabled.\n(XEN) Intel VT-d Shared EPT tables enabled.\n"
		 "(XEN) I/O virtualisation enabled\n");
	assert_string_equal(r.log, "iommu_snoop d-1 0 0\niommu_shared d-1 1 0\niommu_enabled d-1 1 0\n");
	rec_free(&r);
	rec_text(&r, "(XEN) Intel VT-d Snoop Control enabled.\n(XEN) Intel VT-d Shared EPT tables not enabled.\n"
		 "(XEN) AMD-Vi: Disabled HAP memory map sharing with IOMMU\n(XEN) SVM: Supported advanced features:\n"
		 "(XEN) HVM: Hardware Assisted Paging (HAP) detected\n");
	assert_string_equal(r.log,
			    "iommu_snoop d-1 1 0\niommu_shared d-1 0 0\niommu_shared d-1 0 0\npaging d-1 2 0\n");
	rec_free(&r);
	rec_text(&r, "(XEN) VMX: Supported advanced features:\n"
		 "(XEN) HVM: Hardware Assisted Paging (HAP) detected but disabled\n");
	assert_string_equal(r.log, "");
	rec_free(&r);
}

#define MTRR_HEAD "(XEN) MTRR default type: uncachable\n(XEN) MTRR fixed ranges disabled:\n" \
	"(XEN)   00000-9ffff write-back\n(XEN)   a0000-fffff uncachable\n(XEN) MTRR variable ranges enabled:\n"

static void mtrr_forms(void **state)
{
	struct recorder r;

	(void)state;
	/* messages of others between; the block ends with the text */
	rec_text(&r, MTRR_HEAD "(XEN)   0 base 000000000000 mask 3fff80000000 write-back\n(XEN) other\n"
		 "(XEN)   1 base 0000f0000000 mask 3ffff0000000 write-combining\n(XEN)   2 disabled\n");
	assert_log(&r, "host_mtrr d-1 v0 def 0 e 1 fe 0 vcnt 3 held 2 2");
	assert_log(&r, "  var 0 6 3fff80000800 held 2");
	assert_log(&r, "  var 1 f0000001 3ffff0000800 held 2");
	assert_log(&r, "  fixed 1 606060606060606");
	assert_log(&r, "  fixed 2 0");
	rec_free(&r);
	/* a line lost: that range is not known */
	rec_text(&r, MTRR_HEAD "(XEN)   0 disabled\n(XEN)   1 base 0000f000(XEN) x\n(XEN)   2 disabled\n");
	assert_log(&r, "  var 0 0 0 held 2");
	assert_log(&r, "  var 1 0 0 held 0");
	assert_log(&r, "  var 2 0 0 held 2");
	rec_free(&r);
	/* a fixed range lost: none is known */
	rec_text(&r, "(XEN) MTRR default type: write-back\n(XEN) MTRR fixed ranges enabled:\n"
		 "(XEN)   00000-9ffff write-back\n(XEN)   c0000-fffff write-protect\n"
		 "(XEN) MTRR variable ranges disabled:\n(XEN)   0 disabled\n");
	assert_log(&r, "host_mtrr d-1 v0 def 6 e 0 fe 1 vcnt 1 held 2 0");
	rec_free(&r);
	/* cut before it says whether they are enabled */
	rec_text(&r, "(XEN) MTRR default type: write-back\n(XEN) MTRR fixed ranges enabled:\n");
	assert_null(strstr(r.log, "host_mtrr"));
	assert_int_equal(r.notes, 1);
	rec_free(&r);
	/* twice: two sets */
	rec_text(&r, MTRR_HEAD "(XEN)   0 disabled\n" MTRR_HEAD "(XEN)   0 disabled\n(XEN)   1 disabled\n");
	assert_int_equal(rec_count(&r, "host_mtrr"), 2);
	assert_log(&r, "host_mtrr d-1 v0 def 0 e 1 fe 0 vcnt 2 held 2 2");
	rec_free(&r);
}

static void xl_info(void **state)
{
	struct recorder r;

	(void)state;
	rec_file(&r, "xl-info-4.17.7.txt");
	assert_log(&r, "release d-1 \"4.17.7\"");
	assert_log(&r, "iommu_enabled d-1 0 0");
	assert_non_null(strstr(r.log, "cmdline d-1 0 placeholder console=com1"));
	assert_int_equal(emt_console_used(r.c), 3);
	rec_free(&r);
	rec_text(&r, "virt_caps              : pv hvm hvm_directio pv_directio hap shadow iommu_hap_pt_share\n");
	assert_string_equal(r.log, "iommu_enabled d-1 1 0\niommu_shared d-1 1 0\n");
	rec_free(&r);
	rec_text(&r, "virt_caps              : pv\n");
	assert_string_equal(r.log, "");
	rec_free(&r);
}

static void hvmctx_real(void **state)
{
	struct recorder r;

	(void)state;
	rec_file(&r, "xen-hvmctx-4.17.7-one-vcpu.txt");
	assert_log(&r, "vcpu_cr0 d1 11 0");
	assert_log(&r, "vcpu_cr3 d1 0 0");
	assert_log(&r, "vcpu_cr4 d1 0 0");
	assert_log(&r, "vcpu_efer d1 0 0");
	assert_log(&r, "vcpu_pat d1 7040100070406 0");
	assert_log(&r, "vcpu_mtrr d1 v0 def 6 e 1 fe 1 vcnt 8 held 2 2");
	assert_int_equal(rec_count(&r, "  var "), 8);
	assert_log(&r, "  var 7 3000000 fffff00800 held 2");
	assert_log(&r, "  fixed 3 505050505050505");
	assert_log(&r, "  fixed 4 0");
	rec_free(&r);
	rec_file(&r, "xen-hvmctx-4.17.7-svm-trimmed.txt");
	assert_log(&r, "vcpu_mtrr d1 v0 def 6 e 1 fe 0 vcnt 8 held 2 2");
	assert_log(&r, "  var 0 e0000001 fff0000800 held 2");
	rec_free(&r);
}

/* Records of one kind follow each other, instance by instance. */
static void hvmctx_vcpus(void **state)
{
	struct recorder r;
	char text[8192];
	int n;

	(void)state;
	n = snprintf(text, sizeof(text), "HVM save record for domain 6\n");
	for (int v = 0; v < 3; v++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "Entry %d: type 2 instance %d, length 1032\n"
			      "            cr0 0x%016x     cr2 0x0000000000000000\n", v, v, 0x11 + v);
	for (int v = 0; v < 3; v++) {
		n += snprintf(text + n, sizeof(text) - (size_t)n, "Entry %d: type 14 instance %d, length 240\n"
			      "    MTRR: PAT 0x704060007040%d, cap 0x508, default 0xc0%d\n", 3 + v, v, v, v + 4);
		for (int i = 0; i < 8; i++)
			n += snprintf(text + n, sizeof(text) - (size_t)n,
				      "          var %d    0x00000%d000000    0x000fffff00800\n", i, i + v);
		for (int i = 0; i < 11 - (v == 2); i++)
			n += snprintf(text + n, sizeof(text) - (size_t)n, "          fixed %02x 0x060606060606060%d\n", i, v);
	}
	rec_text(&r, text);
	assert_log(&r, "vcpu_cr0 d6 13 2");
	assert_log(&r, "vcpu_mtrr d6 v0 def 4 e 1 fe 1 vcnt 8 held 2 2");
	assert_log(&r, "vcpu_mtrr d6 v1 def 5 e 1 fe 1 vcnt 8 held 2 2");
	assert_log(&r, "vcpu_mtrr d6 v2 def 6 e 1 fe 1 vcnt 8 held 2 0"); /* its last line is missing */
	assert_log(&r, "vcpu_pat d6 7040600070401 1");
	assert_log(&r, "  var 7 9000000 fffff00800 held 2");
	assert_int_equal(r.notes, 1);
	rec_free(&r);
	/* whose it is is not known */
	rec_text(&r, strchr(text, '\n') + 1);
	assert_null(strstr(r.log, "vcpu_"));
	assert_int_equal(r.notes, 3);
	rec_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boot_real), cmocka_unit_test(banners), cmocka_unit_test(e820_old),
		cmocka_unit_test(iommu_lines), cmocka_unit_test(mtrr_forms), cmocka_unit_test(xl_info),
		cmocka_unit_test(hvmctx_real), cmocka_unit_test(hvmctx_vcpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
