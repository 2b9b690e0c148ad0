/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is read of a live KVM guest, without one: structures laid out in a buffer by hand,
 * as two kernels have them, and entries of KVM's page tables.
 */
#include "common.h"

#include <string.h>

#include "source/kvm_host.h"
#include "source/kvm_vm.h"
#include "table/walk.h"

/* ---- a kernel in a buffer ---- */

#define BASE 0xffff888000000000ull
#define ROOM 0x20000u

static uint8_t mem[ROOM];
static unsigned int refused_from = ROOM; /* offsets from here on cannot be read */

static int reader(void *arg, uint64_t address, void *to, size_t bytes)
{
	uint64_t at = address - BASE;

	(void)arg;
	if (address < BASE || at + bytes > refused_from)
		return EMT_E_IO;
	memcpy(to, mem + at, bytes);
	return 0;
}

static void put(uint32_t at, uint64_t value, unsigned int bytes)
{
	assert_true(at + bytes <= ROOM);
	memcpy(mem + at, &value, bytes);
}

/* Offsets that no kernel has: only the layout tells. */
static void lay_out(struct emt_kvm_layout *l, bool old)
{
	static const struct {
		enum emt_kvm_member m;
		int32_t offset;
		uint32_t bytes;
		uint8_t bit, bits;
	} v[] = {
		{ EMT_KM_MEMSLOTS, 0x40, 16, 0, 0 }, { EMT_KM_NONCOHERENT, 0x60, 4, 0, 0 }, { EMT_KM_QUIRKS, 0x68, 8, 0, 0 },
		{ EMT_KM_DEVICES, 0x70, 4, 0, 0 }, { EMT_KM_TDP_ROOTS, 0x80, 16, 0, 0 }, { EMT_KM_USER_PID, 0x90, 4, 0, 0 },
		{ EMT_KM_SET_HASH, 0x20, 32, 0, 0 }, { EMT_KM_SET_NODE, 0x10, 4, 0, 0 }, { EMT_KM_SLOT_NODE, 0x8, 32, 0, 0 },
		{ EMT_KM_SLOT_GFN, 0x40, 8, 0, 0 }, { EMT_KM_SLOT_PAGES, 0x48, 8, 0, 0 }, { EMT_KM_SLOT_HVA, 0x50, 8, 0, 0 },
		{ EMT_KM_SLOT_FLAGS, 0x58, 4, 0, 0 }, { EMT_KM_SLOT_ID, 0x5c, 2, 0, 0 }, { EMT_KM_VCPU_KVM, 0, 8, 0, 0 },
		{ EMT_KM_VCPU_ID, 0x8, 4, 0, 0 }, { EMT_KM_VCPU_CR0, 0x10, 8, 0, 0 }, { EMT_KM_VCPU_PAT, 0x18, 8, 0, 0 },
		{ EMT_KM_VCPU_WIDTH, 0x20, 4, 0, 0 }, { EMT_KM_VCPU_CPUID_NR, 0x24, 4, 0, 0 },
		{ EMT_KM_VCPU_CPUID, 0x28, 8, 0, 0 }, { EMT_KM_VCPU_ROOT, 0x30, 8, 0, 0 }, { EMT_KM_VCPU_ROLE, 0x38, 4, 0, 0 },
		{ EMT_KM_VCPU_CR3, 0x40, 8, 0, 0 },
		{ EMT_KM_VCPU_CR4, 0x48, 8, 0, 0 }, { EMT_KM_VCPU_EFER, 0x50, 8, 0, 0 },
		{ EMT_KM_VCPU_MTRR, 0x100, 0, 0, 0 }, { EMT_KM_PAGE_LINK, 0x10, 16, 0, 0 }, { EMT_KM_PAGE_ROLE, 0x28, 4, 0, 0 },
		{ EMT_KM_PAGE_SPT, 0x30, 8, 0, 0 }, { EMT_KM_ROLE_LEVEL, 0, 4, 0, 4 }, { EMT_KM_ROLE_DIRECT, 0, 4, 7, 1 },
		{ EMT_KM_ROLE_INVALID, 0, 4, 11, 1 }, { EMT_KM_ROLE_GUEST, 0, 4, 17, 1 }, { EMT_KM_ROLE_SMM, 0, 4, 24, 8 },
	};

	memset(l, 0, sizeof(*l));
	for (int i = 0; i < EMT_KM_NR; i++)
		l->at[i].offset = -1;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(v); i++)
		l->at[v[i].m] = (struct emt_kvm_place){ v[i].offset, v[i].bytes, v[i].bit, v[i].bits };
	l->at[EMT_KM_MTRR_DEF] = (struct emt_kvm_place){ old ? 0x198 : 0xd8, 8, 0, 0 };
	if (old) {
		l->at[EMT_KM_MTRR_RANGES] = (struct emt_kvm_place){ 0, 8 * 32, 0, 0 };
		l->at[EMT_KM_MTRR_FIXED] = (struct emt_kvm_place){ 0x100, 88, 0, 0 };
		l->range_bytes = 32;
	} else {
		l->at[EMT_KM_MTRR_VAR] = (struct emt_kvm_place){ 0, 128, 0, 0 };
		l->at[EMT_KM_MTRR_FIXED_64K] = (struct emt_kvm_place){ 0x80, 8, 0, 0 };
	}
}

#define KVM 0x1000u
#define SET 0x2000u
#define VCPU 0x8000u

static void slot(uint32_t at, uint32_t next, uint64_t gfn, uint64_t pages, uint32_t flags, int16_t id)
{
	/* the second of its two nodes: the set's index is 1 */
	put(at + 0x8 + 16, next ? BASE + next + 0x8 + 16 : 0, 8);
	put(at + 0x40, gfn, 8);
	put(at + 0x48, pages, 8);
	put(at + 0x58, flags, 4);
	put(at + 0x5c, (uint16_t)id, 2);
}

static void page(uint32_t at, uint64_t next, uint32_t role, uint64_t spt)
{
	put(at + 0x10, next, 8);
	put(at + 0x28, role, 4);
	put(at + 0x30, spt, 8);
}

static void build(bool old)
{
	uint32_t mtrr = VCPU + 0x100;

	memset(mem, 0, sizeof(mem));
	refused_from = ROOM;
	put(KVM + 0x40, BASE + SET, 8);
	put(KVM + 0x60, 1, 4);
	put(KVM + 0x68, 1u << 1, 8); /* CD_NW_CLEARED is off */
	put(KVM + 0x70, 2, 4);
	put(SET + 0x10, 1, 4);
	put(SET + 0x20 + 8, BASE + 0x3000 + 0x8 + 16, 8);
	put(SET + 0x20 + 24, BASE + 0x3200 + 0x8 + 16, 8);
	slot(0x3000, 0x3100, 0xc0000, 0x100, 0, 2);
	slot(0x3100, 0, 0, 0x80, 0, 0);
	slot(0x3200, 0, 0xe0000, 0x10, 2, -3);
	/* roots: one of SMM, one being freed, one of ours whose frame is 0x12345 */
	put(KVM + 0x80, BASE + 0x4000 + 0x10, 8);
	page(0x4000, BASE + 0x4100 + 0x10, 4 | 1 << 7 | 1u << 24, BASE + 0x777000);
	page(0x4100, BASE + 0x4200 + 0x10, 4 | 1 << 7 | 1 << 11, BASE + 0x778000);
	page(0x4200, BASE + KVM + 0x80, 4 | 1 << 7, BASE + 0x12345000);
	/* a vCPU */
	put(VCPU, BASE + KVM, 8);
	put(VCPU + 0x8, 3, 4);
	put(VCPU + 0x10, 0x80000011, 8);
	put(VCPU + 0x18, 0x0007040600070406, 8);
	put(VCPU + 0x20, 40, 4);
	put(VCPU + 0x40, 0x1234000, 8);
	put(VCPU + 0x48, 0x20, 8);
	put(VCPU + 0x50, 0xd01, 8);
	put(VCPU + 0x24, 2, 4);
	put(VCPU + 0x28, BASE + 0x9000, 8);
	put(0x9000, 0, 4);
	put(0x9000 + 40, 1, 4);
	put(0x9000 + 40 + 24, 1u << 12, 4);
	put(VCPU + 0x30, 0x12345000, 8);
	put(VCPU + 0x38, 4 | 1 << 7, 4);
	for (unsigned int i = 0; i < 8; i++) {
		put(mtrr + i * (old ? 32 : 16), 0xc0000000ull + i, 8);
		put(mtrr + i * (old ? 32 : 16) + 8, 0xffffff0000ull | 0x800, 8);
	}
	for (unsigned int i = 0; i < 88; i++)
		put(mtrr + (old ? 0x100 : 0x80) + i, i % 8, 1);
	put(mtrr + (old ? 0x198 : 0xd8), 6 | 1 << 10 | 1 << 11, 8);
}

static int read_vm(struct emt_kvm_vm *vm, bool old)
{
	static struct emt_kvm_layout l;
	const struct emt_kvm_reader r = { reader, NULL, &l };
	const uint64_t vcpus[] = { BASE + VCPU };

	lay_out(&l, old);
	return emt_kvm_vm_read(vm, &r, BASE + KVM, vcpus, 1, "test", NULL);
}

static void structures_of_two_kernels(void **state)
{
	(void)state;
	for (int old = 0; old < 2; old++) {
		struct emt_kvm_vm vm;
		struct emt_facts f;

		build(old);
		assert_int_equal(read_vm(&vm, old), 0);
		assert_int_equal(vm.nr_slots, 3);
		assert_false(vm.slots_cut);
		assert_int_equal(vm.slots[1].gfn, 0xc0000);
		assert_int_equal(vm.slots[2].flags, 2);
		assert_int_equal(vm.slots[2].id, -3);
		assert_int_equal(vm.other_roots, 2);
		assert_int_equal(vm.nr_roots, 2); /* by the list and by the vCPU: one once the map is known */
		assert_int_equal(emt_kvm_vm_direct_map(&vm), BASE);
		emt_kvm_vm_join_roots(&vm, BASE);
		assert_int_equal(vm.nr_roots, 1);
		assert_int_equal(vm.roots[0].frame, 0x12345);
		assert_int_equal(vm.roots[0].level, 4);
		assert_true(vm.roots[0].direct);
		emt_facts_init(&f);
		assert_int_equal(emt_kvm_vm_facts(&vm, &f), 0);
		assert_int_equal(f.kvm_noncoherent, 1);
		assert_int_equal(f.kvm_quirk_cd, 0);
		assert_int_equal(f.kvm_quirk_pat, 1);
		assert_int_equal(f.pci_devices, 2);
		assert_int_equal(f.kvm_cpuid_mtrr, 1);
		assert_int_equal(f.prov[EMT_FACT_KVM_CPUID_MTRR].held, EMT_KNOWN);
		assert_int_equal(f.kvm_maxphyaddr, 40);
		assert_int_equal(f.vcpu_cr3[0], 0x1234000);
		assert_int_equal(f.prov[EMT_FACT_VCPU_CR3].held, EMT_ASSUMED); /* as of the last exit */
		assert_int_equal(f.vcpu_efer[0], 0xd01);
		assert_int_equal(f.nr_vcpus, 1);
		assert_int_equal(f.vcpu_mtrr[0].def_type, 6);
		assert_true(f.vcpu_mtrr[0].e && f.vcpu_mtrr[0].fe);
		assert_int_equal(f.vcpu_mtrr[0].vcnt, 8);
		assert_int_equal(f.vcpu_mtrr[0].var[5][0], 0xc0000005ull);
		assert_int_equal(f.vcpu_mtrr[0].var[5][1], 0xffffff0800ull);
		assert_int_equal(f.vcpu_mtrr[0].fixed[10], 0x0706050403020100ull);
		assert_int_equal(f.kvm_memslots.n, 3);
		assert_int_equal(f.prov[EMT_FACT_KVM_MEMSLOTS].rest, EMT_KNOWN);
		emt_facts_free(&f);
		emt_kvm_vm_free(&vm);
	}
}

/* Lists that change under us end: a loop, a pointer into nowhere, a VM that is gone. */
static void structures_that_change(void **state)
{
	struct emt_kvm_vm vm;
	struct emt_facts f;

	(void)state;
	build(false);
	slot(0x3100, 0x3000, 0, 0x80, 0, 0); /* back to the first */
	page(0x4200, BASE + 0x4000 + 0x10, 4 | 1 << 7, BASE + 0x12345000);
	assert_int_equal(read_vm(&vm, false), 0);
	assert_true(vm.slots_cut);
	emt_facts_init(&f);
	assert_int_equal(emt_kvm_vm_facts(&vm, &f), 0);
	assert_int_equal(f.prov[EMT_FACT_KVM_MEMSLOTS].rest, EMT_UNKNOWN);
	emt_facts_free(&f);
	emt_kvm_vm_free(&vm);
	build(false);
	put(0x3000 + 0x8 + 16, 0x1234, 8);
	assert_int_equal(read_vm(&vm, false), 0);
	assert_true(vm.slots_cut);
	emt_kvm_vm_free(&vm);
	build(false);
	put(SET + 0x10, 7, 4); /* an index that no set has */
	assert_int_equal(read_vm(&vm, false), EMT_E_GONE);
	build(false);
	refused_from = VCPU;
	assert_int_equal(read_vm(&vm, false), EMT_E_GONE);
	build(false);
	put(VCPU + 0x30, UINT64_MAX, 8); /* no root now */
	put(VCPU + 0x24, 100000, 4);     /* no such number of CPUID leaves */
	assert_int_equal(read_vm(&vm, false), 0);
	assert_false(vm.vcpus[0].cpuid_told);
	assert_int_equal(vm.nr_roots, 1);
	emt_kvm_vm_free(&vm);
}

/* ---- entries ---- */

static uint64_t tables[4][512];

static const uint64_t *frame(void *arg, uint64_t mfn)
{
	(void)arg;
	return mfn >= 0x100 && mfn < 0x104 ? tables[mfn - 0x100] : NULL;
}

static void entries(void **state)
{
	struct emt_walk_opts o = { .mem = { .frame = frame }, .format = &emt_format_kvm, .root = 0x100, .join = true };
	const uint64_t present = 1ull << 11, table = present | 7;
	struct emt_walker *w;
	struct emt_run r;

	(void)state;
	memset(tables, 0, sizeof(tables));
	tables[0][0] = 0x101000 | table;
	tables[1][0] = 0x102000 | table | 1ull << 8;
	tables[2][0] = 0x103000 | table;
	tables[2][1] = 0x400000 | present | 0x80 | 6 << 3 | 0x40 | 7; /* 2 MiB, WB! */
	tables[2][2] = 0x5a0;                                         /* being removed */
	tables[3][0] = 0x9000 | present | 6 << 3 | 0x40 | 7;
	tables[3][1] = 0xa000 | present | 6 << 3 | 0x40 | 7;
	tables[3][2] = 0xb000 | present | 1 << 3 | 5 | 1ull << 9;     /* r-x, WC, dirty */
	tables[3][3] = 0xfec00000ull | 6;                             /* emulated MMIO */
	tables[3][4] = 0xd000 | 6 << 3 | 7;                           /* not KVM's: no bit 11 */
	tables[3][5] = 0x5a0;
	assert_int_equal(emt_walker_new(&w, &o, NULL), 0);
	assert_int_equal(emt_walker_next(w, &r), 1);
	assert_true(r.gfn == 0 && r.mfn == 9 && r.count == 2 && r.emt == EMT_MT_WB && r.ipat && r.perm == 7);
	assert_int_equal(emt_walker_next(w, &r), 1);
	assert_true(r.gfn == 2 && r.mfn == 0xb && r.count == 1 && r.emt == EMT_MT_WC && !r.ipat && r.perm == 5);
	assert_true(r.flags & EMT_RUN_DIRTY);
	assert_int_equal(emt_walker_next(w, &r), 1);
	assert_true(r.gfn == 3 && r.mfn == EMT_NO_FRAME && r.perm == (EMT_W | EMT_X) && r.flags & EMT_RUN_NO_TYPE);
	assert_int_equal(emt_walker_next(w, &r), 1);
	assert_true(r.gfn == 0x200 && r.order == 9 && r.mfn == 0x400 && r.emt == EMT_MT_WB && r.ipat);
	assert_int_equal(emt_walker_next(w, &r), 0);
	assert_int_equal(emt_walker_result(w)->tables, 4);
	emt_walker_free(w);
	/* five levels */
	o.levels = 5;
	assert_int_equal(emt_walker_new(&w, &o, NULL), 0);
	emt_walker_free(w);
}

static void entries_of_amd(void **state)
{
	struct emt_walk_opts o = { .mem = { .frame = frame }, .format = &emt_format_kvm_npt, .root = 0x100, .join = true };
	const uint64_t present = 1ull << 11, table = present | 7, nx = 1ull << 63;
	struct emt_walker *w;
	struct emt_run r;

	(void)state;
	memset(tables, 0, sizeof(tables));
	tables[0][0] = 0x101000 | table;
	tables[1][0] = 0x102000 | table | 1 << 5;
	tables[2][0] = 0x103000 | table;
	tables[2][1] = 0x400000 | present | 0x80 | 7 | 1ull << 12; /* 2 MiB with the PAT bit: slot 4, WB too */
	tables[2][2] = 0x5a0;                                      /* being removed */
	tables[3][0] = 0x9000 | present | 7;
	tables[3][1] = 0xa000 | present | 7;
	tables[3][2] = 0xb000 | present | 5 | nx | 1 << 6;         /* r--, dirty */
	tables[3][3] = 0xfec00000ull | 1ull << 51 | 7;             /* emulated MMIO */
	tables[3][4] = 0xc000 | present | 7 | 1 << 4;              /* PCD: slot 2, UC- */
	tables[3][5] = 0xd000 | present | 7 | 1 << 3 | 1 << 7;     /* PAT and PWT: slot 5, WP */
	assert_int_equal(emt_walker_new(&w, &o, NULL), 0);
	assert_int_equal(emt_walker_next(w, &r), 1);
	assert_true(r.gfn == 0 && r.mfn == 9 && r.count == 2 && r.emt == EMT_MT_WB && !r.ipat && r.perm == 7);
	assert_int_equal(emt_walker_next(w, &r), 1);
	assert_true(r.gfn == 2 && r.mfn == 0xb && r.perm == EMT_R && r.flags & EMT_RUN_DIRTY && r.emt == EMT_MT_WB);
	assert_int_equal(emt_walker_next(w, &r), 1);
	assert_true(r.gfn == 3 && r.mfn == EMT_NO_FRAME && r.perm == (EMT_W | EMT_X) && r.flags & EMT_RUN_NO_TYPE);
	assert_int_equal(emt_walker_next(w, &r), 1);
	assert_true(r.gfn == 4 && r.mfn == 0xc && r.emt == EMT_MT_UC);
	assert_int_equal(emt_walker_next(w, &r), 1);
	assert_true(r.gfn == 5 && r.emt == EMT_MT_WP);
	assert_int_equal(emt_walker_next(w, &r), 1);
	assert_true(r.gfn == 0x200 && r.order == 9 && r.mfn == 0x400 && r.emt == EMT_MT_WB);
	assert_int_equal(emt_walker_next(w, &r), 0);
	emt_walker_free(w);
}

/* ---- the host ---- */

static void host(void **state)
{
	struct emt_ranges ram = { 0 };
	char text[160];

	(void)state;
	assert_int_equal(emt_kvm_ram_line(&ram, "00001000-0009fbff : System RAM\n"), 0);
	assert_int_equal(emt_kvm_ram_line(&ram, "  02000000-02dfffff : Kernel code\n"), 0);
	assert_int_equal(emt_kvm_ram_line(&ram, "000a0000-000fffff : Reserved\n"), 0);
	assert_int_equal(emt_kvm_ram_line(&ram, "100000000-13fffffff : System RAM\n"), 0);
	assert_int_equal(emt_kvm_ram_line(&ram, "00000000-00000000 : System RAM\n"), 0); /* hidden */
	assert_int_equal(emt_kvm_ram_line(&ram, "nonsense\n"), 0);
	assert_int_equal(ram.n, 2);
	assert_int_equal(ram.v[0].first, 1);
	assert_int_equal(ram.v[0].last, 0x9e); /* the last page is not whole */
	assert_int_equal(ram.v[1].last, 0x13ffff);
	emt_ranges_free(&ram);
	emt_kvm_release("6.1.0-56-amd64", false, text, sizeof(text));
	assert_string_equal(text, "kvm 6.1.0-56-amd64");
	emt_kvm_release("6.12.117+deb12-amd64", true, text, sizeof(text));
	assert_string_equal(text, "kvm 6.16.0 (its rule, in 6.12.117+deb12-amd64)");
	emt_kvm_release("6.12.20-amd64", false, text, sizeof(text));
	assert_string_equal(text, "kvm 6.12.20-amd64");
	emt_kvm_release("6.18.4", true, text, sizeof(text));
	assert_string_equal(text, "kvm 6.18.4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(structures_of_two_kernels), cmocka_unit_test(structures_that_change),
		cmocka_unit_test(entries), cmocka_unit_test(entries_of_amd), cmocka_unit_test(host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
