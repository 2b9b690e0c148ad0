/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From facts to atoms: what the rules of a release look at, for one entry.
 */
#ifndef EMT_POLICY_ATOMS_H
#define EMT_POLICY_ATOMS_H

#include "policy/box.h"
#include "policy/facts.h"
#include "policy/release.h"

/* Atoms that depend on the gfn alone: PIN, and GUEST of one vCPU. */
uint16_t emt_atom_pin(const struct emt_facts *f, uint64_t gfn, unsigned int order, enum emt_held fix_held);
/* 'vcpu' >= nr_vcpus: none exists. */
uint16_t emt_atom_guest(const struct emt_facts *f, const struct emt_release *rel, uint32_t vcpu, uint64_t gfn,
			unsigned int order, enum emt_held fix_held);
/* Atoms that depend on the frame alone. */
uint16_t emt_atom_ro(const struct emt_facts *f, uint64_t mfn, unsigned int order, enum emt_held fix_held);
uint16_t emt_atom_valid(const struct emt_facts *f, uint64_t mfn, enum emt_held fix_held);
uint16_t emt_atom_special(const struct emt_facts *f, const struct emt_release *rel, uint64_t mfn,
			  unsigned int order, enum emt_held fix_held);
uint16_t emt_atom_apic(const struct emt_facts *f, uint64_t mfn, unsigned int order, enum emt_held fix_held);
uint16_t emt_atom_host(const struct emt_facts *f, uint64_t mfn, unsigned int order, enum emt_held fix_held);
/* Atoms that are the same for the whole domain: IOMMU, CFP, SNOOP, IDENT_PT,
 * UC_MODE, VCPU of Xen; CD, quirks and self-snoop of KVM. */
void emt_atoms_domain(const struct emt_facts *f, const struct emt_release *rel, enum emt_held fix_held,
		      struct emt_box *box);

/* All atoms of a Xen entry. 'types' is the set of p2m types. GUEST is that of the
 * deciding vCPU where facts say which, else the union over all vCPUs. Before 4.5
 * the first frame counts whatever the order. */
void emt_atoms_xen(const struct emt_facts *f, const struct emt_release *rel, uint64_t gfn, uint64_t mfn,
		   unsigned int order, uint16_t types, enum emt_held fix_held, struct emt_box *box);

/* KVM. Guest MTRR type of 2^order frames for one vCPU ('vcpu' >= nr_vcpus: any);
 * EMT_MV_SPLIT where KVM finds the MTRRs inconsistent over the range and maps
 * smaller pages (with non-coherent DMA, until 6.10). */
uint16_t emt_atom_kvm_guest(const struct emt_facts *f, uint32_t vcpu, uint64_t gfn, unsigned int order,
			    enum emt_held fix_held);
/* Is non-coherent DMA in force for this gfn: registered, or, where the release has
 * the flag, by its memslot. */
uint16_t emt_atom_kvm_noncoherent(const struct emt_facts *f, const struct emt_release *rel, uint64_t gfn,
				  enum emt_held fix_held);
/* Does KVM take this frame for MMIO; the first of a superpage counts. */
uint16_t emt_atom_kvm_mmio(const struct emt_facts *f, uint64_t mfn, enum emt_held fix_held);
/* A flag as a set: EMT_NO, EMT_YES, EMT_EITHER. */
uint16_t emt_atom_flag(const struct emt_facts *f, enum emt_fact_id id, enum emt_held fix_held);

/* All atoms of a KVM page. 'mmio' is EMT_NO, EMT_YES or EMT_EITHER. */
void emt_atoms_kvm(const struct emt_facts *f, const struct emt_release *rel, uint64_t gfn, uint16_t mmio,
		   enum emt_held fix_held, struct emt_box *box);

/* Frames covered by a list, as a set of enum emt_cover. */
uint16_t emt_cover(const struct emt_ranges *list, const struct emt_prov *prov, uint64_t first, uint64_t last,
		   enum emt_held fix_held);

/* Does the host E820 say RAM for all of the range: EMT_YES, EMT_NO (for none of
 * it), 0 for a mix, EMT_EITHER when not known. */
uint16_t emt_host_ram(const struct emt_facts *f, uint64_t first, uint64_t last);

#endif
