/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Structure offsets by debug information, of programs compiled here: structs of our
 * own, with members behind typedefs, anonymous unions and nested structs.
 */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory/dwarf.h"
#include "source/source.h"
#include "xen_image.h"

#ifdef EMT_HAVE_LIBDW

static struct xen_image image;
static char dir[] = "/tmp/emt-dwarf-XXXXXX";
static char elf[64];

/* Structs that place what the synthetic Xen holds where it holds it. */
static const char structs[] =
	"typedef unsigned char u8; typedef unsigned short domid_t; typedef u8 handle_t[16];\n"
	"struct list_head { struct list_head *next, *prev; };\n"
	"typedef struct list_head list_t;\n"
	"struct page_info { unsigned long l, count_info, type_info; };\n"
	"struct mtrr_var_range { unsigned long base, mask; };\n"
	"struct mtrr_state { struct mtrr_var_range *var_ranges; u8 fixed_ranges[88]; _Bool enabled,\n"
	"  fixed_enabled, have_fixed; u8 def_type; unsigned long mtrr_cap; };\n"
	"struct range { list_t list; unsigned long s, e; };\n"
	"struct rangeset { list_t a; long l; list_t range_list; int n[5]; char name[32]; };\n"
	"struct hvm_mem_pinned_cacheattr_range { list_t list; unsigned long start, end; int type; };\n"
	"struct domain;\n"
	"struct p2m_domain { long x[6]; struct domain *domain; long y[3]; unsigned long phys_table; char z[544];\n"
	"  struct { union { struct { unsigned long mt:3, mfn:52; }; unsigned long eptp; }; } ept; };\n"
	"struct hvm { long c; list_t pinned_cacheattr_ranges; };\n"
	"struct arch { const struct rangeset *volatile ioport_caps; union { struct { long pad; struct hvm hvm; };\n"
	"  long pv; }; struct p2m_domain *p2m; };\n"
	"typedef struct arch arch_t;\n"
	"struct domain { domid_t domain_id; unsigned max_vcpus; void **vcpu; long a[15]; struct domain\n"
	"  *next_in_list; long b[33]; struct { union { struct { unsigned long pgd_maddr; } vtd;\n"
	"  struct { unsigned mode; struct page_info *root_table; } amd; } iommu_arch; _Bool hap_pt_share; } old;\n"
	"  unsigned options; struct rangeset *iomem_caps; long c[90]; const arch_t arch; handle_t handle;\n"
	"  struct { struct { union { struct { unsigned long pgd_maddr; } vtd; struct { unsigned mode; struct\n"
	"  page_info *root_table; } amd; }; } arch; _Bool hap_pt_share; } iommu; };\n"
	"struct vcpu { long a; struct { union { struct { long pv[3]; } p; struct { unsigned long guest_cr[5];\n"
	"  struct mtrr_state mtrr; unsigned long guest_efer; } hvm; }; } arch; };\n"
	"struct domain d; struct vcpu v; struct p2m_domain p; struct hvm_mem_pinned_cacheattr_range h;\n"
	"struct range r; struct page_info i;\n";

/* Compile into 'elf'; the build id note is to lie at Xen's address of IMG_SPARE. */
static void compile(const char *more, const char *flags)
{
	char command[512], path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/x.c", dir);
	snprintf(elf, sizeof(elf), "%s/x.elf", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fprintf(f, "%s%s", structs, more) > 0);
	assert_int_equal(fclose(f), 0);
	snprintf(command, sizeof(command),
		 "gcc %s -nostdlib -static -no-pie -Wl,--build-id=sha1 -Wl,-e,0 "
		 "-Wl,--section-start=.note.gnu.build-id=0xffff830000170000 "
		 "-Wl,--defsym=domain_list=0xffff830000171000 %s -o %s", flags, path, elf);
	assert_int_equal(system(command), 0);
}

static void second_file(const char *text)
{
	char path[64], flags[80];
	FILE *f;

	snprintf(path, sizeof(path), "%s/y.c", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	snprintf(flags, sizeof(flags), "-g %s", path);
	compile("", flags);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static void members_are_found(void **state)
{
	static const char *const formats[] = { "-g", "-gdwarf-4", "-gdwarf-2 -gstrict-dwarf", "-g -O2" };
	struct emt_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(formats); i++) {
		struct emt_xen_layout l;
		int rc;

		compile("", formats[i]);
		rc = emt_dwarf_layout(elf, &l, &err);
		assert_string_equal(err.text, "");
		assert_int_equal(rc, 0);
		assert_int_equal(l.domain_max_vcpus, 4);
		assert_int_equal(l.domain_vcpu, 8);
		assert_int_equal(l.domain_next, 136);
		assert_int_equal(l.domain_options, 432);
		assert_int_equal(l.domain_iomem_caps, 440);
		assert_int_equal(l.domain_ioport_caps, 1168);
		assert_int_equal(l.domain_pins, 1192);
		assert_int_equal(l.domain_p2m, 1208);
		assert_int_equal(l.domain_handle, 1216);
		assert_int_equal(l.domain_vtd_pgd, 1232);
		assert_int_equal(l.domain_amd_root, 1240);
		assert_int_equal(l.domain_hap_pt_share, 1248);
		assert_int_equal(l.vcpu_cr, 8);
		assert_int_equal(l.vcpu_mtrr, 48);
		assert_int_equal(l.vcpu_efer, 160);
		assert_int_equal(l.p2m_domain, 48);
		assert_int_equal(l.p2m_phys_table, 80);
		assert_int_equal(l.p2m_eptp, 632);
		assert_int_equal(l.pin_type, 32);
		assert_int_equal(l.mtrr_def_type, 99);
		assert_int_equal(l.mtrr_cap, 104);
		assert_int_equal(l.rangeset_name, 60);
		assert_int_equal(l.range_end, 24);
	}
}

static void refused(struct emt_dwarf_member m, int code, const char *says)
{
	struct emt_err err = { 0 };

	assert_int_equal(emt_dwarf_members(elf, &m, 1, &err), code);
	assert_non_null(strstr(err.text, says));
	assert_true(err.next[0]);
}

static void what_is_not_exact_is_refused(void **state)
{
	struct emt_xen_layout l;
	struct emt_err err = { 0 };

	(void)state;
	compile("typedef struct { long a; int b; } bare_t; bare_t b;", "-g");
	refused((struct emt_dwarf_member){ .type = "domain", .path = "arch.none" }, EMT_E_MISSING,
		"domain.arch.none");
	refused((struct emt_dwarf_member){ .type = "domain", .path = "options", .size = 8 }, EMT_E_MISSING,
		"domain.options");
	refused((struct emt_dwarf_member){ .type = "domain", .path = "vcpu.arch" }, EMT_E_MISSING, "domain.vcpu");
	refused((struct emt_dwarf_member){ .type = "p2m_domain", .path = "ept.mfn" }, EMT_E_MISSING, "ept.mfn");
	refused((struct emt_dwarf_member){ .type = "nothing", .path = "x" }, EMT_E_MISSING, "nothing.x");
	{
		struct emt_dwarf_member m = { .type = "bare_t", .path = "other|b", .size = 4 };

		assert_int_equal(emt_dwarf_members(elf, &m, 1, &err), 0);
		assert_true(m.found);
		assert_int_equal(m.offset, 8);
	}
	/* one inside a function is another */
	compile("long f(void *q) { struct range { long x; } *r = q; return r->x; }\n", "-g");
	refused((struct emt_dwarf_member){ .type = "range", .path = "x" }, EMT_E_MISSING, "range.x");
	/* in another file: one that lacks the member, then one that places it differently */
	second_file("struct range { long other; }; struct range o;\n");
	assert_int_equal(emt_dwarf_layout(elf, &l, &err), 0);
	second_file("struct range { char s[8]; }; struct range o;\n");
	refused((struct emt_dwarf_member){ .type = "range", .path = "s" }, EMT_E_FORMAT, "differently");
	assert_int_equal(emt_dwarf_layout(elf, &l, &err), EMT_E_FORMAT);
	err = (struct emt_err){ 0 };
	compile("", "-g0");
	assert_int_equal(emt_dwarf_layout(elf, &l, &err), EMT_E_FORMAT);
	assert_non_null(strstr(err.text, "no debug information"));
	err = (struct emt_err){ 0 };
	assert_int_equal(emt_dwarf_layout("/nonexistent", &l, &err), EMT_E_NOSOURCE);
}

/* A build of no table: its debug information leads to roots and facts. */
static void an_image_is_read_with_it(void **state)
{
	char path[] = "/tmp/emt-dwarf-image-XXXXXX", text[160];
	uint64_t *dom1 = image.frame[IMG_DOM1];
	struct emt_source_spec spec;
	struct emt_symbols *syms;
	struct emt_source *s = NULL;
	struct emt_facts f;
	struct emt_err err = { 0 };
	uint32_t head[4] = { 4, 20, 3, 0x554e47 };

	(void)state;
	compile("", "-g");
	assert_int_equal(emt_symbols_open(&syms, elf, &err), 0);
	xen_image_build(&image, true);
	memcpy(image.frame[IMG_SPARE], head, sizeof(head));
	for (unsigned int i = 0; i < 20; i++) {
		unsigned int byte;

		assert_int_equal(sscanf(emt_symbols_build_id(syms) + 2 * i, "%2x", &byte), 1);
		((uint8_t *)image.frame[IMG_SPARE])[16 + i] = (uint8_t)byte;
	}
	emt_symbols_free(syms);
	image.frame[IMG_SPARE + 1][0] = 0xffff830000000000ull + ((uint64_t)IMG_DOM0 << 12);
	image.frame[IMG_DOM0][136 / 8] = 0xffff830000000000ull + ((uint64_t)IMG_DOM1 << 12);
	dom1[1232 / 8] = (uint64_t)IMG_VTD << 12;
	((uint8_t *)dom1)[1216] = 0xab;
	((uint32_t *)dom1)[432 / 4] = 32 | 2;
	/* one pin, in the spare frame behind the list of domains */
	dom1[1192 / 8] = 0xffff830000000000ull + ((uint64_t)(IMG_SPARE + 2) << 12);
	image.frame[IMG_SPARE + 2][0] = 0xffff830000000000ull + ((uint64_t)IMG_DOM1 << 12) + 1192;
	image.frame[IMG_SPARE + 2][2] = 0x10;
	image.frame[IMG_SPARE + 2][3] = 0x1f;
	image.frame[IMG_SPARE + 2][4] = 1;
	assert_int_equal(xen_image_write(&image, path, false), 0);
	snprintf(text, sizeof(text), "mem:%s,domid=1,syms=%s", path, elf);
	assert_int_equal(emt_source_parse(&spec, text, &err), 0);
	emt_source_open(&s, &spec, &err);
	unlink(path);
	assert_string_equal(err.text, "");
	assert_int_equal(emt_source_facts(s, 0, &f, &err), 0);
	assert_int_equal(f.domain_iommu, 1);
	assert_memory_equal(f.domain_uuid, "ab000000-", 9);
	assert_int_equal(f.pins.n, 1);
	assert_int_equal(f.pins.v[0].first, 0x10);
	assert_int_equal(f.pins.v[0].last, 0x1f);
	assert_int_equal(f.pins.v[0].tag, 1);
	emt_facts_free(&f);
	emt_source_close(s);
	/* the same image with a file that says nothing of structs */
	assert_int_equal(xen_image_write(&image, strcpy(path, "/tmp/emt-dwarf-image-XXXXXX"), false), 0);
	snprintf(text, sizeof(text), "objcopy --strip-debug %s", elf);
	assert_int_equal(system(text), 0);
	snprintf(text, sizeof(text), "mem:%s,domid=1,syms=%s", path, elf);
	assert_int_equal(emt_source_parse(&spec, text, &err), 0);
	assert_int_equal(emt_source_open(&s, &spec, &err), EMT_E_UNSUPPORTED);
	unlink(path);
	assert_non_null(strstr(err.text, "not known exactly"));
	assert_non_null(strstr(err.text, "no debug information"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_found),
		cmocka_unit_test(what_is_not_exact_is_refused),
		cmocka_unit_test(an_image_is_read_with_it),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

#else

static void says_what_is_missing(void **state)
{
	struct emt_xen_layout l;
	struct emt_err err = { 0 };

	(void)state;
	assert_int_equal(emt_dwarf_layout("/proc/self/exe", &l, &err), EMT_E_UNSUPPORTED);
	assert_non_null(strstr(err.next, "libdw"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(says_what_is_missing) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
