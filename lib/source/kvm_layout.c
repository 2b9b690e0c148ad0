/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/kvm_layout.h"

#ifdef EMT_HAVE_BPF
#include <bpf/btf.h>
#include <string.h>

static const struct {
	const char *type, *path;
	bool needed;
} members[EMT_KM_NR] = {
	[EMT_KM_MEMSLOTS] = { "kvm", "memslots", true },
	[EMT_KM_NONCOHERENT] = { "kvm", "arch.noncoherent_dma_count", false },
	[EMT_KM_QUIRKS] = { "kvm", "arch.disabled_quirks", false },
	[EMT_KM_DEVICES] = { "kvm", "arch.assigned_device_count", false },
	[EMT_KM_TDP_ROOTS] = { "kvm", "arch.tdp_mmu_roots", false },
	[EMT_KM_USER_PID] = { "kvm", "userspace_pid", false },
	[EMT_KM_SET_HASH] = { "kvm_memslots", "id_hash", true },
	[EMT_KM_SET_NODE] = { "kvm_memslots", "node_idx", true },
	[EMT_KM_SLOT_NODE] = { "kvm_memory_slot", "id_node", true },
	[EMT_KM_SLOT_GFN] = { "kvm_memory_slot", "base_gfn", true },
	[EMT_KM_SLOT_PAGES] = { "kvm_memory_slot", "npages", true },
	[EMT_KM_SLOT_HVA] = { "kvm_memory_slot", "userspace_addr", true },
	[EMT_KM_SLOT_FLAGS] = { "kvm_memory_slot", "flags", true },
	[EMT_KM_SLOT_ID] = { "kvm_memory_slot", "id", true },
	[EMT_KM_VCPU_KVM] = { "kvm_vcpu", "kvm", true },
	[EMT_KM_VCPU_ID] = { "kvm_vcpu", "vcpu_id", true },
	[EMT_KM_VCPU_CR0] = { "kvm_vcpu", "arch.cr0", true },
	[EMT_KM_VCPU_PAT] = { "kvm_vcpu", "arch.pat", true },
	[EMT_KM_VCPU_CR3] = { "kvm_vcpu", "arch.cr3", false },
	[EMT_KM_VCPU_CR4] = { "kvm_vcpu", "arch.cr4", false },
	[EMT_KM_VCPU_EFER] = { "kvm_vcpu", "arch.efer", false },
	[EMT_KM_VCPU_WIDTH] = { "kvm_vcpu", "arch.maxphyaddr", true },
	[EMT_KM_VCPU_CPUID_NR] = { "kvm_vcpu", "arch.cpuid_nent", true },
	[EMT_KM_VCPU_CPUID] = { "kvm_vcpu", "arch.cpuid_entries", true },
	[EMT_KM_VCPU_ROOT] = { "kvm_vcpu", "arch.root_mmu.root.hpa", true },
	[EMT_KM_VCPU_ROLE] = { "kvm_vcpu", "arch.root_mmu.root_role", true },
	[EMT_KM_VCPU_MTRR] = { "kvm_vcpu", "arch.mtrr_state", true },
	[EMT_KM_MTRR_DEF] = { "kvm_mtrr", "deftype", true },
	[EMT_KM_MTRR_RANGES] = { "kvm_mtrr", "var_ranges", false },
	[EMT_KM_MTRR_VAR] = { "kvm_mtrr", "var", false },
	[EMT_KM_MTRR_FIXED] = { "kvm_mtrr", "fixed_ranges", false },
	[EMT_KM_MTRR_FIXED_64K] = { "kvm_mtrr", "fixed_64k", false },
	[EMT_KM_PAGE_LINK] = { "kvm_mmu_page", "link", true },
	[EMT_KM_PAGE_ROLE] = { "kvm_mmu_page", "role", true },
	[EMT_KM_PAGE_SPT] = { "kvm_mmu_page", "spt", true },
	[EMT_KM_ROLE_LEVEL] = { "kvm_mmu_page_role", "level", true },
	[EMT_KM_ROLE_DIRECT] = { "kvm_mmu_page_role", "direct", true },
	[EMT_KM_ROLE_INVALID] = { "kvm_mmu_page_role", "invalid", true },
	[EMT_KM_ROLE_GUEST] = { "kvm_mmu_page_role", "guest_mode", true },
	[EMT_KM_ROLE_SMM] = { "kvm_mmu_page_role", "smm", true },
	[EMT_KM_CAPS_QUIRKS] = { "kvm_caps", "inapplicable_quirks", false },
};

static const struct btf_type *strip(const struct btf *btf, const struct btf_type *t)
{
	while (t && (btf_is_mod(t) || btf_is_typedef(t)))
		t = btf__type_by_id(btf, t->type);
	return t;
}

/* The structure or union of this name that has members. */
static const struct btf_type *find_type(const struct btf *btf, const char *name)
{
	for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (btf_is_composite(t) && btf_vlen(t) && !strcmp(btf__name_by_offset(btf, t->name_off), name))
			return t;
	}
	return NULL;
}

/* Member 'name' (up to a '.') of 't', those without a name searched too. */
static const struct btf_type *find_member(const struct btf *btf, const struct btf_type *t, const char *name,
					  size_t len, uint32_t *bit, uint32_t *width, uint32_t *type_id)
{
	const struct btf_member *m = btf_members(t);

	for (uint16_t i = 0; i < btf_vlen(t); i++) {
		const char *this = btf__name_by_offset(btf, m[i].name_off);
		const struct btf_type *of = strip(btf, btf__type_by_id(btf, m[i].type)), *found;
		uint32_t at = btf_member_bit_offset(t, i), inner = 0;

		if (strlen(this) == len && !strncmp(this, name, len)) {
			*bit = at;
			*width = btf_member_bitfield_size(t, i);
			*type_id = m[i].type;
			return of;
		}
		if (*this || !of || !btf_is_composite(of))
			continue;
		found = find_member(btf, of, name, len, &inner, width, type_id);
		if (found) {
			*bit = at + inner;
			return found;
		}
	}
	return NULL;
}

static bool find_path(const struct btf *btf, const struct btf_type *t, const char *path,
		      struct emt_kvm_place *p)
{
	uint32_t total = 0, bit = 0, width = 0, id = 0;
	int64_t bytes;

	for (;;) {
		size_t len = strcspn(path, ".");

		if (!t || !btf_is_composite(t))
			return false;
		t = find_member(btf, t, path, len, &bit, &width, &id);
		if (!t)
			return false;
		total += bit;
		if (!path[len])
			break;
		path += len + 1;
	}
	bytes = btf__resolve_size(btf, id);
	if (bytes < 0 || total / 8 > INT32_MAX)
		return false;
	p->offset = (int32_t)(total / 8);
	p->bytes = (uint32_t)bytes;
	p->bit = (uint8_t)total;
	p->bits = (uint8_t)width;
	return true;
}

static uint32_t element_bytes(const struct btf *btf, const char *type, const char *member)
{
	const struct btf_type *t = find_type(btf, type);
	uint32_t bit, width, id;
	int64_t bytes;

	t = t ? find_member(btf, t, member, strlen(member), &bit, &width, &id) : NULL;
	if (!t || !btf_is_array(t))
		return 0;
	bytes = btf__resolve_size(btf, btf_array(t)->type);
	return bytes > 0 ? (uint32_t)bytes : 0;
}

static int missing(const char *subject, struct emt_err *err, const char *type, const char *path)
{
	return emt_err_set(err, EMT_E_UNSUPPORTED, subject,
			   "kernels from 5.17 on are understood; report this one with its version",
			   "this kernel's KVM is laid out in another way: no %s in struct %s", path, type);
}

int emt_kvm_layout_find(struct emt_kvm_layout *l, const struct btf *btf, const char *subject,
			struct emt_err *err)
{
	const struct btf_type *t = NULL;
	const char *of = NULL;

	memset(l, 0, sizeof(*l));
	for (int i = 0; i < EMT_KM_NR; i++) {
		l->at[i].offset = -1;
		if (!of || strcmp(of, members[i].type)) {
			of = members[i].type;
			t = find_type(btf, of);
		}
		if (!find_path(btf, t, members[i].path, &l->at[i])) {
			l->at[i].offset = -1;
			if (members[i].needed)
				return missing(subject, err, of, members[i].path);
		}
	}
	l->range_bytes = emt_kvm_has(l, EMT_KM_MTRR_RANGES) ? element_bytes(btf, "kvm_mtrr", "var_ranges") : 0;
	if (!l->range_bytes && !emt_kvm_has(l, EMT_KM_MTRR_VAR))
		return missing(subject, err, "kvm_mtrr", "var or var_ranges");
	if (!emt_kvm_has(l, EMT_KM_MTRR_FIXED) && !emt_kvm_has(l, EMT_KM_MTRR_FIXED_64K))
		return missing(subject, err, "kvm_mtrr", "fixed_64k or fixed_ranges");
	return 0;
}

#else

int emt_kvm_layout_find(struct emt_kvm_layout *l, const struct btf *btf, const char *subject,
			struct emt_err *err)
{
	(void)l, (void)btf;
	return emt_err_set(err, EMT_E_UNSUPPORTED, subject, NULL, "this build has no BTF reader");
}
#endif
