/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM of KVM as its structures in kernel memory say: memslots, roots, vCPUs, what the
 * memory-type rule looks at. Over any reader of kernel memory.
 */
#ifndef EMT_SOURCE_KVM_VM_H
#define EMT_SOURCE_KVM_VM_H

#include "policy/facts.h"
#include "source/kvm_layout.h"

/* Copies kernel memory; 0 or EMT_E_IO. */
typedef int (*emt_kvm_read_fn)(void *arg, uint64_t address, void *to, size_t bytes);

struct emt_kvm_reader {
	emt_kvm_read_fn read;
	void *arg;
	const struct emt_kvm_layout *layout;
};

struct emt_kvm_slot {
	uint64_t gfn, pages;
	uint64_t hva;
	uint32_t flags;      /* as KVM_SET_USER_MEMORY_REGION takes them; bit 16 and up KVM's own */
	int16_t id;          /* negative or large: KVM's own */
};

/* A root of page tables that maps the guest's memory (address space 0, not a nested guest's). */
struct emt_kvm_root {
	uint64_t page;       /* address of its top table in kernel memory; 0 where only the frame is known */
	uint64_t frame;      /* machine frame of it, EMT_NO_FRAME where only the address is known */
	uint8_t level;
	bool direct;         /* two-dimensional paging: EPT or NPT; else shadow page tables */
};

struct emt_kvm_vcpu {
	int32_t id;
	uint64_t cr0, pat;
	uint64_t cr3, cr4, efer; /* if paging_told; of a vCPU that runs cr3 and cr4 may be older */
	bool paging_told;
	struct emt_mtrr mtrr;
	uint8_t width;       /* guest physical address bits, 0 = not read */
	bool cpuid_told, cpuid_mtrr;
};

struct emt_kvm_vm {
	struct emt_kvm_slot *slots;  /* owned */
	size_t nr_slots;
	bool slots_cut;              /* changed while being read: the list may lack some */
	struct emt_kvm_root *roots;  /* owned; TDP MMU's list first, then what vCPUs use beside */
	size_t nr_roots;
	uint32_t other_roots;        /* system management mode, nested guests, being freed */
	struct emt_kvm_vcpu *vcpus;  /* owned */
	uint32_t nr_vcpus;
	bool noncoherent_told, quirks_told, devices_told;
	int32_t noncoherent;         /* count of non-coherent DMA registered */
	int32_t devices;             /* assigned */
	uint64_t quirks;             /* those disabled */
};

/* Read it. 'vcpus' are addresses of its struct kvm_vcpu. EMT_E_GONE when the VM went away
 * meanwhile (its memory makes no sense or cannot be read). */
int emt_kvm_vm_read(struct emt_kvm_vm *vm, const struct emt_kvm_reader *r, uint64_t kvm, const uint64_t *vcpus,
		    uint32_t nr_vcpus, const char *subject, struct emt_err *err);
void emt_kvm_vm_free(struct emt_kvm_vm *vm);

/* Where frame 0 is mapped, by a root whose table's address and frame are both known; 0. */
uint64_t emt_kvm_vm_direct_map(const struct emt_kvm_vm *vm);

/* Give each root its frame, and keep those once that vCPUs and KVM's list both name. */
void emt_kvm_vm_join_roots(struct emt_kvm_vm *vm, uint64_t base);

/* What it says about the rules' inputs, into 'f': known, origin "KVM's structures". */
int emt_kvm_vm_facts(const struct emt_kvm_vm *vm, struct emt_facts *f);

#endif
