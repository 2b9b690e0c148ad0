/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where KVM's structures have their members, by BTF: of shapes as several kernels have
 * them (made here: member names and order of types only, no kernel's offsets), and of the
 * kernel that runs, if it tells.
 */
#include "common.h"

#include <stdio.h>
#include <string.h>

#include "source/kvm_layout.h"

#ifdef EMT_HAVE_BPF
#include <bpf/btf.h>

enum shape {
	LINUX_6_1,  /* and 6.6: pairs of MTRRs with links, fixed ones in one array */
	LINUX_6_12, /* MTRRs as MSRs in a row */
	LINUX_6_18, /* and devices are not counted any more */
};

struct field {
	const char *name;
	int type;
};

static struct btf *btf;
static const char *without; /* leave this member out */
static int u8_, u16_, u32_, u64_, array16, pair_array;

/* Members behind one another, eight bytes apart beyond a first of 'skew'. */
static int make(const char *name, const struct field *f, size_t n, uint32_t skew)
{
	uint32_t at = skew;
	int id = btf__add_struct(btf, name, 0);

	assert_true(id > 0);
	for (size_t i = 0; i < n; i++) {
		int64_t bytes = btf__resolve_size(btf, (uint32_t)f[i].type);

		if (without && !strcmp(f[i].name, without))
			continue;
		assert_int_equal(btf__add_field(btf, f[i].name, f[i].type, at * 8, 0), 0);
		at += ((uint32_t)bytes + 7) & ~7u;
	}
	/* its size is given when it is begun: patch it */
	((struct btf_type *)btf__type_by_id(btf, (uint32_t)id))->size = at;
	return id;
}
#define MAKE(name, skew, ...) \
	make(name, (const struct field[]){ __VA_ARGS__ }, \
	     sizeof((const struct field[]){ __VA_ARGS__ }) / sizeof(struct field), skew)

static int role(void)
{
	static const char *const bits[] = { "level", "has_4_byte_gpte", "quadrant", "direct", "access", "invalid",
					    "guest_mode", "smm" };
	static const uint8_t width[] = { 4, 1, 2, 1, 3, 1, 1, 1 };
	uint32_t at = 0;
	int in = btf__add_struct(btf, "", 4), id;

	for (size_t i = 0; i < 8; i++) {
		if (!without || strcmp(bits[i], without))
			assert_int_equal(btf__add_field(btf, bits[i], u32_, at, width[i]), 0);
		at += width[i];
	}
	id = btf__add_union(btf, "kvm_mmu_page_role", 4);
	assert_int_equal(btf__add_field(btf, "word", u32_, 0, 0), 0);
	assert_int_equal(btf__add_field(btf, "", in, 0, 0), 0);
	return id;
}

static void build(enum shape shape, const char *missing)
{
	int list, set, mtrr, root, mmu, vcpu_arch, kvm_arch, r, fixed64;

	btf__free(btf);
	btf = btf__new_empty();
	without = missing;
	assert_non_null(btf);
	u8_ = btf__add_int(btf, "u8", 1, 0);
	u16_ = btf__add_int(btf, "u16", 2, 0);
	u32_ = btf__add_int(btf, "u32", 4, 0);
	u64_ = btf__add_int(btf, "u64", 8, 0);
	list = MAKE("list_head", 0, { "next", u64_ }, { "prev", u64_ });
	array16 = btf__add_array(btf, (int)u32_, u64_, 16);
	fixed64 = btf__add_array(btf, (int)u32_, u8_, 88);
	if (shape == LINUX_6_1) {
		pair_array = btf__add_array(btf, (int)u32_, MAKE("kvm_mtrr_range", 0, { "base", u64_ }, { "mask", u64_ },
								 { "node", list }), 8);
		mtrr = MAKE("kvm_mtrr", 0, { "var_ranges", pair_array }, { "fixed_ranges", fixed64 }, { "deftype", u64_ },
			    { "head", list });
	} else {
		mtrr = MAKE("kvm_mtrr", 0, { "var", array16 }, { "fixed_64k", u64_ }, { "fixed_16k", u64_ },
			    { "fixed_4k", u64_ }, { "deftype", u64_ });
	}
	r = role();
	root = MAKE("kvm_mmu_root_info", 0, { "pgd", u64_ }, { "hpa", u64_ });
	mmu = MAKE("kvm_mmu", 24, { "root", root }, { "root_role", r });
	vcpu_arch = MAKE("kvm_vcpu_arch", 128, { "cr0", u64_ }, { "cr3", u64_ }, { "cr4", u64_ }, { "efer", u64_ },
			 { "root_mmu", mmu }, { "cpuid_nent", u32_ }, { "cpuid_entries", u64_ }, { "maxphyaddr", u32_ },
			 { "mtrr_state", mtrr }, { "pat", u64_ });
	MAKE("kvm_vcpu", 0, { "kvm", u64_ }, { "vcpu_id", u32_ }, { "arch", vcpu_arch });
	MAKE("kvm_memory_slot", 0, { "id_node", btf__add_array(btf, (int)u32_, list, 2) }, { "base_gfn", u64_ },
	     { "npages", u64_ }, { "userspace_addr", u64_ }, { "flags", u32_ }, { "id", u16_ });
	set = btf__add_array(btf, (int)u32_, u64_, 128);
	MAKE("kvm_memslots", 40, { "id_hash", set }, { "node_idx", u32_ });
	MAKE("kvm_mmu_page", 0, { "link", list }, { "role", r }, { "spt", u64_ });
	if (shape == LINUX_6_18)
		kvm_arch = MAKE("kvm_arch", 8, { "noncoherent_dma_count", u32_ }, { "disabled_quirks", u64_ },
				{ "tdp_mmu_roots", list });
	else
		kvm_arch = MAKE("kvm_arch", 8, { "noncoherent_dma_count", u32_ }, { "assigned_device_count", u32_ },
				{ "disabled_quirks", u64_ }, { "tdp_mmu_roots", list });
	MAKE("kvm", 16, { "memslots", btf__add_array(btf, (int)u32_, u64_, 2) }, { "userspace_pid", u32_ },
	     { "arch", kvm_arch });
}

static void shapes(void **state)
{
	struct emt_kvm_layout l;

	(void)state;
	build(LINUX_6_1, NULL);
	assert_int_equal(emt_kvm_layout_find(&l, btf, "kvm", NULL), 0);
	assert_int_equal(l.range_bytes, 32);
	assert_true(emt_kvm_has(&l, EMT_KM_MTRR_RANGES) && !emt_kvm_has(&l, EMT_KM_MTRR_VAR));
	assert_int_equal(l.at[EMT_KM_MTRR_RANGES].bytes, 8 * 32);
	assert_int_equal(l.at[EMT_KM_MTRR_FIXED].offset, 8 * 32);
	assert_int_equal(l.at[EMT_KM_VCPU_CR0].offset, 16 + 128);
	assert_int_equal(l.at[EMT_KM_VCPU_ROOT].offset, 16 + 128 + 32 + 24 + 8);
	assert_int_equal(l.at[EMT_KM_SET_HASH].bytes, 1024);
	assert_int_equal(l.at[EMT_KM_DEVICES].offset, 16 + 16 + 8 + 8 + 8);
	assert_true(l.at[EMT_KM_ROLE_DIRECT].bit == 7 && l.at[EMT_KM_ROLE_DIRECT].bits == 1);
	assert_true(l.at[EMT_KM_ROLE_LEVEL].bit == 0 && l.at[EMT_KM_ROLE_LEVEL].bits == 4);
	assert_false(emt_kvm_has(&l, EMT_KM_CAPS_QUIRKS));

	build(LINUX_6_12, NULL);
	assert_int_equal(emt_kvm_layout_find(&l, btf, "kvm", NULL), 0);
	assert_true(!l.range_bytes && emt_kvm_has(&l, EMT_KM_MTRR_VAR) && emt_kvm_has(&l, EMT_KM_MTRR_FIXED_64K));
	assert_int_equal(l.at[EMT_KM_MTRR_VAR].bytes, 128);

	build(LINUX_6_18, NULL);
	MAKE("kvm_caps", 0, { "inapplicable_quirks", u64_ });
	assert_int_equal(emt_kvm_layout_find(&l, btf, "kvm", NULL), 0);
	assert_true(!emt_kvm_has(&l, EMT_KM_DEVICES) && emt_kvm_has(&l, EMT_KM_NONCOHERENT));
	assert_true(emt_kvm_has(&l, EMT_KM_CAPS_QUIRKS));
	btf__free(btf);
	btf = NULL;
}

/* Another layout is refused, and the member is named. */
static void unknown_layouts(void **state)
{
	static const char *const needed[] = { "memslots", "id_hash", "base_gfn", "kvm", "cr0", "pat", "maxphyaddr",
					      "root_role", "mtrr_state", "deftype", "spt", "role", "smm", "direct" };
	static const char *const spared[] = { "noncoherent_dma_count", "disabled_quirks", "tdp_mmu_roots", "cr3" };
	struct emt_kvm_layout l;

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(needed); i++) {
		struct emt_err err = { 0 };

		build(LINUX_6_12, needed[i]);
		assert_int_equal(emt_kvm_layout_find(&l, btf, "kvm", &err), EMT_E_UNSUPPORTED);
		assert_non_null(strstr(err.text, needed[i]));
	}
	for (size_t i = 0; i < EMT_ARRAY_SIZE(spared); i++) {
		build(LINUX_6_12, spared[i]);
		assert_int_equal(emt_kvm_layout_find(&l, btf, "kvm", NULL), 0);
	}
	build(LINUX_6_12, "var");
	assert_int_equal(emt_kvm_layout_find(&l, btf, "kvm", NULL), EMT_E_UNSUPPORTED);
	build(LINUX_6_1, "fixed_ranges");
	assert_int_equal(emt_kvm_layout_find(&l, btf, "kvm", NULL), EMT_E_UNSUPPORTED);
	btf__free(btf);
	btf = btf__new_empty();
	assert_int_equal(emt_kvm_layout_find(&l, btf, "kvm", NULL), EMT_E_UNSUPPORTED);
	btf__free(btf);
	btf = NULL;
}

static void this_kernel(void **state)
{
	struct btf *base = btf__load_vmlinux_btf(), *module = base ? btf__load_module_btf("kvm", base) : NULL;
	struct emt_kvm_layout l;

	(void)state;
	if (!base || (!module && btf__find_by_name_kind(base, "kvm_mmu_page", BTF_KIND_STRUCT) < 0)) {
		btf__free(base);
		skip(); /* no BTF, or no KVM */
	}
	assert_int_equal(emt_kvm_layout_find(&l, module ? module : base, "kvm", NULL), 0);
	print_message("this kernel: struct kvm_vcpu has arch.pat at %d, MTRRs %s\n", l.at[EMT_KM_VCPU_PAT].offset,
		      emt_kvm_has(&l, EMT_KM_MTRR_VAR) ? "in a row" : "with links");
	btf__free(module);
	btf__free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(shapes), cmocka_unit_test(unknown_layouts),
					    cmocka_unit_test(this_kernel) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
	puts("built without a BTF reader");
	return 0;
}
#endif
