/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/kvm_vm.h"

#include <stdlib.h>
#include <string.h>

#define ORIGIN "KVM's structures"
#define MAX_SLOTS 65536
#define MAX_ROOTS 64
#define MAX_CPUID 256
#define NODE_BYTES 16           /* struct hlist_node: two pointers */
#define CPUID_BYTES 40          /* struct kvm_cpuid_entry2: of KVM's API */
#define QUIRK_CD_NW_CLEARED 2u  /* KVM_X86_QUIRK_CD_NW_CLEARED */
#define QUIRK_GUEST_PAT 512u    /* KVM_X86_QUIRK_IGNORE_GUEST_PAT, 6.16 */

static uint64_t place(const struct emt_kvm_reader *r, uint64_t base, enum emt_kvm_member m)
{
	return base + (uint64_t)r->layout->at[m].offset;
}

/* A number of up to 8 bytes, little endian, 0 extended. */
static int get(const struct emt_kvm_reader *r, uint64_t base, enum emt_kvm_member m, uint64_t *out)
{
	uint32_t bytes = r->layout->at[m].bytes;

	*out = 0;
	return r->read(r->arg, place(r, base, m), out, bytes < 8 ? bytes : 8);
}

static uint64_t bits(const struct emt_kvm_reader *r, uint64_t word, enum emt_kvm_member m)
{
	const struct emt_kvm_place *p = &r->layout->at[m];
	unsigned int width = p->bits ? p->bits : p->bytes * 8;

	return word >> p->bit & (width >= 64 ? ~0ull : (1ull << width) - 1);
}

/* ---- memslots ---- */

static int add_slot(struct emt_kvm_vm *vm, const struct emt_kvm_slot *s)
{
	struct emt_kvm_slot *v;

	if (!(vm->nr_slots & (vm->nr_slots - 1))) { /* full at powers of two */
		v = realloc(vm->slots, (vm->nr_slots ? vm->nr_slots * 2 : 1) * sizeof(*v));
		if (!v)
			return EMT_E_NOMEM;
		vm->slots = v;
	}
	vm->slots[vm->nr_slots++] = *s;
	return 0;
}

static int read_slot(const struct emt_kvm_reader *r, uint64_t at, struct emt_kvm_slot *s)
{
	uint64_t flags, id;

	if (get(r, at, EMT_KM_SLOT_GFN, &s->gfn) || get(r, at, EMT_KM_SLOT_PAGES, &s->pages) ||
	    get(r, at, EMT_KM_SLOT_HVA, &s->hva) || get(r, at, EMT_KM_SLOT_FLAGS, &flags) ||
	    get(r, at, EMT_KM_SLOT_ID, &id))
		return EMT_E_IO;
	s->flags = (uint32_t)flags;
	s->id = (int16_t)id;
	return 0;
}

/* A set of memslots is never changed while it is active, but its slots may move to the next
 * set while they are read: each chain is bounded, and what cannot be read is said. */
static int read_slots(const struct emt_kvm_reader *r, uint64_t kvm, struct emt_kvm_vm *vm)
{
	uint64_t set, index, heads[1024], slot_node = (uint64_t)r->layout->at[EMT_KM_SLOT_NODE].offset;
	size_t nr = r->layout->at[EMT_KM_SET_HASH].bytes / sizeof(*heads);

	if (r->read(r->arg, place(r, kvm, EMT_KM_MEMSLOTS), &set, sizeof(set)) || !set ||
	    get(r, set, EMT_KM_SET_NODE, &index) || index > 1 || nr > EMT_ARRAY_SIZE(heads) ||
	    r->read(r->arg, place(r, set, EMT_KM_SET_HASH), heads, nr * sizeof(*heads)))
		return EMT_E_GONE;
	for (size_t i = 0; i < nr; i++)
		for (uint64_t node = heads[i]; node;) {
			struct emt_kvm_slot s;

			if (vm->nr_slots == MAX_SLOTS || read_slot(r, node - slot_node - index * NODE_BYTES, &s)) {
				vm->slots_cut = true;
				break;
			}
			if (add_slot(vm, &s))
				return EMT_E_NOMEM;
			if (r->read(r->arg, node, &node, sizeof(node))) {
				vm->slots_cut = true;
				break;
			}
		}
	return 0;
}

/* ---- roots ---- */

static int add_root(struct emt_kvm_vm *vm, const struct emt_kvm_reader *r, uint64_t role, uint64_t page,
		    uint64_t frame)
{
	struct emt_kvm_root *v;

	if (bits(r, role, EMT_KM_ROLE_INVALID) || bits(r, role, EMT_KM_ROLE_GUEST) || bits(r, role, EMT_KM_ROLE_SMM)) {
		vm->other_roots++;
		return 0;
	}
	v = realloc(vm->roots, (vm->nr_roots + 1) * sizeof(*v));
	if (!v)
		return EMT_E_NOMEM;
	vm->roots = v;
	v[vm->nr_roots++] = (struct emt_kvm_root){ .page = page, .frame = frame,
						   .level = (uint8_t)bits(r, role, EMT_KM_ROLE_LEVEL),
						   .direct = bits(r, role, EMT_KM_ROLE_DIRECT) };
	return 0;
}

static int read_tdp_roots(const struct emt_kvm_reader *r, uint64_t kvm, struct emt_kvm_vm *vm)
{
	uint64_t head = place(r, kvm, EMT_KM_TDP_ROOTS), node = 0;
	unsigned int n = 0;

	if (r->read(r->arg, head, &node, sizeof(node)))
		return EMT_E_GONE;
	while (node && node != head && n++ < MAX_ROOTS) {
		uint64_t page = node - (uint64_t)r->layout->at[EMT_KM_PAGE_LINK].offset, role, spt;

		/* freed while we read: what was found counts */
		if (get(r, page, EMT_KM_PAGE_ROLE, &role) || get(r, page, EMT_KM_PAGE_SPT, &spt))
			break;
		if (add_root(vm, r, role, spt, EMT_NO_FRAME))
			return EMT_E_NOMEM;
		if (r->read(r->arg, node, &node, sizeof(node)))
			break;
	}
	return 0;
}

/* The root that a vCPU uses: also of the MMU without the TDP list. */
static int vcpu_root(const struct emt_kvm_reader *r, uint64_t vcpu, struct emt_kvm_vm *vm)
{
	uint64_t hpa, role;

	if (get(r, vcpu, EMT_KM_VCPU_ROOT, &hpa) || get(r, vcpu, EMT_KM_VCPU_ROLE, &role))
		return EMT_E_GONE;
	if (hpa == UINT64_MAX || !hpa || hpa & 0xfff)
		return 0; /* none now */
	for (size_t i = 0; i < vm->nr_roots; i++)
		if (vm->roots[i].frame == hpa >> 12)
			return 0;
	return add_root(vm, r, role, 0, hpa >> 12);
}

/* ---- vCPUs ---- */

static int read_mtrr(const struct emt_kvm_reader *r, uint64_t base, struct emt_mtrr *m)
{
	const struct emt_kvm_layout *l = r->layout;
	bool old = !emt_kvm_has(l, EMT_KM_MTRR_VAR);
	uint32_t pair = old ? l->range_bytes : 16;
	enum emt_kvm_member ranges = old ? EMT_KM_MTRR_RANGES : EMT_KM_MTRR_VAR;
	uint64_t def;

	emt_mtrr_init(m);
	if (get(r, base, EMT_KM_MTRR_DEF, &def))
		return EMT_E_GONE;
	m->def_type = def & 0xff;
	m->fe = def >> 10 & 1;
	m->e = def >> 11 & 1;
	m->vcnt = (uint8_t)(l->at[ranges].bytes / pair);
	if (m->vcnt > EMT_MTRR_VAR_MAX)
		m->vcnt = EMT_MTRR_VAR_MAX;
	for (unsigned int i = 0; i < m->vcnt; i++)
		if (r->read(r->arg, place(r, base, ranges) + (uint64_t)i * pair, m->var[i], 16))
			return EMT_E_GONE;
	/* 88 bytes in the order of the MSRs, whatever they are called */
	if (r->read(r->arg, place(r, base, emt_kvm_has(l, EMT_KM_MTRR_FIXED) ? EMT_KM_MTRR_FIXED :
				  EMT_KM_MTRR_FIXED_64K), m->fixed, sizeof(m->fixed)))
		return EMT_E_GONE;
	emt_mtrr_hold(m, EMT_KNOWN);
	return 0;
}

static void read_cpuid(const struct emt_kvm_reader *r, uint64_t vcpu, struct emt_kvm_vcpu *v)
{
	uint64_t nr, entries;
	uint32_t e[CPUID_BYTES / 4];

	if (get(r, vcpu, EMT_KM_VCPU_CPUID_NR, &nr) || get(r, vcpu, EMT_KM_VCPU_CPUID, &entries) || !entries ||
	    nr > MAX_CPUID)
		return;
	for (uint64_t i = 0; i < nr; i++) {
		if (r->read(r->arg, entries + i * CPUID_BYTES, e, sizeof(e)))
			return;
		if (e[0] == 1) { /* function 1: edx bit 12 */
			v->cpuid_told = true;
			v->cpuid_mtrr = e[6] >> 12 & 1;
			return;
		}
	}
	v->cpuid_told = true; /* without that leaf there are no MTRRs */
}

static int read_vcpu(const struct emt_kvm_reader *r, uint64_t vcpu, struct emt_kvm_vcpu *v)
{
	uint64_t id, width;

	memset(v, 0, sizeof(*v));
	if (get(r, vcpu, EMT_KM_VCPU_ID, &id) || get(r, vcpu, EMT_KM_VCPU_CR0, &v->cr0) ||
	    get(r, vcpu, EMT_KM_VCPU_PAT, &v->pat) || get(r, vcpu, EMT_KM_VCPU_WIDTH, &width) ||
	    read_mtrr(r, place(r, vcpu, EMT_KM_VCPU_MTRR), &v->mtrr))
		return EMT_E_GONE;
	v->paging_told = emt_kvm_has(r->layout, EMT_KM_VCPU_CR3) && emt_kvm_has(r->layout, EMT_KM_VCPU_CR4) &&
		emt_kvm_has(r->layout, EMT_KM_VCPU_EFER) && !get(r, vcpu, EMT_KM_VCPU_CR3, &v->cr3) &&
		!get(r, vcpu, EMT_KM_VCPU_CR4, &v->cr4) && !get(r, vcpu, EMT_KM_VCPU_EFER, &v->efer);
	v->id = (int32_t)id;
	v->width = width <= 52 ? (uint8_t)width : 0;
	read_cpuid(r, vcpu, v);
	return 0;
}

/* ---- all of it ---- */

static void told(const struct emt_kvm_reader *r, uint64_t kvm, enum emt_kvm_member m, bool *is, uint64_t *value)
{
	*is = emt_kvm_has(r->layout, m) && !get(r, kvm, m, value);
}

static int by_id(const void *a, const void *b)
{
	const struct emt_kvm_vcpu *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static int by_gfn(const void *a, const void *b)
{
	const struct emt_kvm_slot *x = a, *y = b;

	return x->gfn < y->gfn ? -1 : x->gfn > y->gfn;
}

static int read_all(struct emt_kvm_vm *vm, const struct emt_kvm_reader *r, uint64_t kvm, const uint64_t *vcpus,
		    uint32_t nr_vcpus)
{
	uint64_t n = 0;
	int rc;

	told(r, kvm, EMT_KM_NONCOHERENT, &vm->noncoherent_told, &n);
	vm->noncoherent = (int32_t)n;
	told(r, kvm, EMT_KM_DEVICES, &vm->devices_told, &n);
	vm->devices = vm->devices_told ? (int32_t)n : 0;
	told(r, kvm, EMT_KM_QUIRKS, &vm->quirks_told, &vm->quirks);
	rc = read_slots(r, kvm, vm);
	if (!rc && emt_kvm_has(r->layout, EMT_KM_TDP_ROOTS))
		rc = read_tdp_roots(r, kvm, vm);
	vm->vcpus = calloc(nr_vcpus + 1, sizeof(*vm->vcpus));
	if (!vm->vcpus)
		return EMT_E_NOMEM;
	for (uint32_t i = 0; i < nr_vcpus && !rc; i++) {
		rc = read_vcpu(r, vcpus[i], &vm->vcpus[vm->nr_vcpus]);
		if (!rc) {
			vm->nr_vcpus++;
			rc = vcpu_root(r, vcpus[i], vm);
		}
	}
	return rc;
}

int emt_kvm_vm_read(struct emt_kvm_vm *vm, const struct emt_kvm_reader *r, uint64_t kvm, const uint64_t *vcpus,
		    uint32_t nr_vcpus, const char *subject, struct emt_err *err)
{
	int rc;

	memset(vm, 0, sizeof(*vm));
	rc = read_all(vm, r, kvm, vcpus, nr_vcpus);
	if (rc) {
		emt_kvm_vm_free(vm);
		if (rc == EMT_E_NOMEM)
			return emt_err_set(err, rc, subject, NULL, "not enough memory to read its structures");
		return emt_err_set(err, EMT_E_GONE, subject, "emtctl domains lists those there are",
				   "its structures cannot be read: it may have ended meanwhile");
	}
	qsort(vm->slots, vm->nr_slots, sizeof(*vm->slots), by_gfn);
	qsort(vm->vcpus, vm->nr_vcpus, sizeof(*vm->vcpus), by_id);
	return 0;
}

void emt_kvm_vm_free(struct emt_kvm_vm *vm)
{
	free(vm->slots);
	free(vm->roots);
	free(vm->vcpus);
	memset(vm, 0, sizeof(*vm));
}

uint64_t emt_kvm_vm_direct_map(const struct emt_kvm_vm *vm)
{
	const uint64_t aligned = (1ull << 30) - 1;

	for (size_t i = 0; i < vm->nr_roots; i++)
		for (size_t j = 0; j < vm->nr_roots; j++) {
			uint64_t base = vm->roots[i].page - (vm->roots[j].frame << 12);

			/* a page's own frame: then the distance is that of the whole map */
			if (vm->roots[i].page && vm->roots[j].frame != EMT_NO_FRAME && base >> 63 && !(base & aligned))
				return base;
		}
	return 0;
}

void emt_kvm_vm_join_roots(struct emt_kvm_vm *vm, uint64_t base)
{
	size_t to = 0;

	for (size_t i = 0; base && i < vm->nr_roots; i++) {
		struct emt_kvm_root r = vm->roots[i];
		size_t seen = 0;

		if (r.frame == EMT_NO_FRAME)
			r.frame = (r.page - base) >> 12;
		while (seen < to && vm->roots[seen].frame != r.frame)
			seen++;
		if (seen == to)
			vm->roots[to++] = r;
	}
	if (base)
		vm->nr_roots = to;
}

static int vcpu_facts(const struct emt_kvm_vm *vm, struct emt_facts *f)
{
	bool told = vm->nr_vcpus > 0, mtrr = false, paging = true;

	if (!vm->nr_vcpus)
		return 0;
	if (emt_facts_vcpus(f, vm->nr_vcpus))
		return EMT_E_NOMEM;
	for (uint32_t i = 0; i < vm->nr_vcpus; i++) {
		const struct emt_kvm_vcpu *v = &vm->vcpus[i];

		f->vcpu_mtrr[i] = v->mtrr;
		f->vcpu_pat[i] = v->pat;
		f->vcpu_cr0[i] = v->cr0;
		f->vcpu_cr3[i] = v->cr3;
		f->vcpu_cr4[i] = v->cr4;
		f->vcpu_efer[i] = v->efer;
		paging = paging && v->paging_told;
		told = told && v->cpuid_told && v->cpuid_mtrr == vm->vcpus[0].cpuid_mtrr;
		mtrr = v->cpuid_mtrr;
	}
	emt_facts_set(f, EMT_FACT_VCPU_MTRR, EMT_KNOWN, ORIGIN);
	emt_facts_set(f, EMT_FACT_VCPU_PAT, EMT_KNOWN, ORIGIN);
	emt_facts_set(f, EMT_FACT_VCPU_CR0, EMT_KNOWN, ORIGIN);
	if (paging) {
		emt_facts_set(f, EMT_FACT_VCPU_CR3, EMT_ASSUMED, ORIGIN ", as of the last exit");
		emt_facts_set(f, EMT_FACT_VCPU_CR4, EMT_ASSUMED, ORIGIN ", as of the last exit");
		emt_facts_set(f, EMT_FACT_VCPU_EFER, EMT_KNOWN, ORIGIN);
	}
	if (told) {
		f->kvm_cpuid_mtrr = mtrr;
		emt_facts_set(f, EMT_FACT_KVM_CPUID_MTRR, EMT_KNOWN, ORIGIN);
	}
	if (vm->vcpus[0].width >= 32) {
		f->kvm_maxphyaddr = vm->vcpus[0].width;
		emt_facts_set(f, EMT_FACT_KVM_MAXPHYADDR, EMT_KNOWN, ORIGIN);
	}
	return 0;
}

int emt_kvm_vm_facts(const struct emt_kvm_vm *vm, struct emt_facts *f)
{
	if (vm->noncoherent_told) {
		f->kvm_noncoherent = vm->noncoherent != 0;
		emt_facts_set(f, EMT_FACT_KVM_NONCOHERENT, EMT_KNOWN, ORIGIN);
	}
	if (vm->devices_told) {
		f->pci_devices = vm->devices > 0 ? (uint32_t)vm->devices : 0;
		emt_facts_set(f, EMT_FACT_PCI_DEVICES, EMT_KNOWN, ORIGIN);
	}
	if (vm->quirks_told) {
		f->kvm_quirk_cd = !(vm->quirks & QUIRK_CD_NW_CLEARED);
		emt_facts_set(f, EMT_FACT_KVM_QUIRK_CD, EMT_KNOWN, ORIGIN);
		f->kvm_quirk_pat = !(vm->quirks & QUIRK_GUEST_PAT);
		emt_facts_set(f, EMT_FACT_KVM_QUIRK_PAT, EMT_KNOWN, ORIGIN);
	}
	for (size_t i = 0; i < vm->nr_slots; i++) {
		const struct emt_kvm_slot *s = &vm->slots[i];

		if (s->pages && emt_ranges_add(&f->kvm_memslots, s->gfn, s->gfn + s->pages - 1, s->flags & 0xffff, EMT_KNOWN))
			return EMT_E_NOMEM;
		f->nr_pages += s->pages;
		if (s->pages && s->gfn + s->pages - 1 > f->max_gfn)
			f->max_gfn = s->gfn + s->pages - 1;
	}
	emt_facts_set_list(f, EMT_FACT_KVM_MEMSLOTS, EMT_KNOWN, vm->slots_cut ? EMT_UNKNOWN : EMT_KNOWN, ORIGIN);
	return vcpu_facts(vm, f);
}
