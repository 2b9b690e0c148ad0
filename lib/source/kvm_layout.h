/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the members of KVM's structures lie in the running kernel. Kernels differ: what
 * must be there is refused by name when it is not, what may be missing is left out.
 */
#ifndef EMT_SOURCE_KVM_LAYOUT_H
#define EMT_SOURCE_KVM_LAYOUT_H

#include "base/err.h"
#include "base/types.h"

enum emt_kvm_member {
	EMT_KM_MEMSLOTS,        /* struct kvm: pointers to the active sets, one an address space */
	EMT_KM_NONCOHERENT,     /* struct kvm: arch.noncoherent_dma_count */
	EMT_KM_QUIRKS,          /* struct kvm: arch.disabled_quirks */
	EMT_KM_DEVICES,         /* struct kvm: arch.assigned_device_count; gone in 6.17 */
	EMT_KM_TDP_ROOTS,       /* struct kvm: arch.tdp_mmu_roots */
	EMT_KM_USER_PID,        /* struct kvm: userspace_pid */
	EMT_KM_SET_HASH,        /* struct kvm_memslots: id_hash */
	EMT_KM_SET_NODE,        /* struct kvm_memslots: node_idx */
	EMT_KM_SLOT_NODE,       /* struct kvm_memory_slot: id_node */
	EMT_KM_SLOT_GFN, EMT_KM_SLOT_PAGES, EMT_KM_SLOT_HVA, EMT_KM_SLOT_FLAGS, EMT_KM_SLOT_ID,
	EMT_KM_VCPU_KVM,        /* struct kvm_vcpu: kvm */
	EMT_KM_VCPU_ID,         /* struct kvm_vcpu: vcpu_id */
	EMT_KM_VCPU_CR0,        /* struct kvm_vcpu: arch.cr0 */
	EMT_KM_VCPU_PAT,
	EMT_KM_VCPU_CR3, EMT_KM_VCPU_CR4, EMT_KM_VCPU_EFER, /* as KVM keeps them: CR3 of a running vCPU may be older */
	EMT_KM_VCPU_WIDTH,      /* struct kvm_vcpu: arch.maxphyaddr */
	EMT_KM_VCPU_CPUID_NR, EMT_KM_VCPU_CPUID,
	EMT_KM_VCPU_ROOT,       /* struct kvm_vcpu: arch.root_mmu.root.hpa */
	EMT_KM_VCPU_ROLE,       /* struct kvm_vcpu: arch.root_mmu.root_role */
	EMT_KM_VCPU_MTRR,       /* struct kvm_vcpu: arch.mtrr_state */
	EMT_KM_MTRR_DEF,        /* struct kvm_mtrr: deftype */
	EMT_KM_MTRR_RANGES,     /* struct kvm_mtrr: var_ranges, pairs apart (until 6.10) */
	EMT_KM_MTRR_VAR,        /* struct kvm_mtrr: var, pairs in a row (from 6.11) */
	EMT_KM_MTRR_FIXED,      /* struct kvm_mtrr: fixed_ranges (until 6.10) */
	EMT_KM_MTRR_FIXED_64K,  /* struct kvm_mtrr: fixed_64k, and 16k, 4k behind it (from 6.11) */
	EMT_KM_PAGE_LINK,       /* struct kvm_mmu_page: link */
	EMT_KM_PAGE_ROLE, EMT_KM_PAGE_SPT,
	EMT_KM_ROLE_LEVEL,      /* union kvm_mmu_page_role: bits */
	EMT_KM_ROLE_DIRECT, EMT_KM_ROLE_INVALID, EMT_KM_ROLE_GUEST, EMT_KM_ROLE_SMM,
	EMT_KM_CAPS_QUIRKS,     /* struct kvm_caps: inapplicable_quirks, with the rule of 6.16 (backported too) */
	EMT_KM_NR,
};

struct emt_kvm_place {
	int32_t offset;      /* bytes from the structure's begin; -1 = there is none */
	uint32_t bytes;      /* size of the member (of its whole array) */
	uint8_t bit, bits;   /* bit-fields: first bit from the structure's begin, and width */
};

struct emt_kvm_layout {
	struct emt_kvm_place at[EMT_KM_NR];
	uint32_t range_bytes;  /* of one of var_ranges; 0 = there are none */
};

struct btf;

/* Look all members up. EMT_E_UNSUPPORTED names the first that is missing. */
int emt_kvm_layout_find(struct emt_kvm_layout *l, const struct btf *btf, const char *subject,
			struct emt_err *err);

static inline bool emt_kvm_has(const struct emt_kvm_layout *l, enum emt_kvm_member m)
{
	return l->at[m].offset >= 0;
}

#endif
