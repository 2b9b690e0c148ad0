/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From facts to atoms, for KVM: what vmx_get_mt_mask() looks at.
 */
#include <string.h>

#include "policy/atoms_kvm.h"
#include "policy/mtrr.h"

#define ALL_TYPES ((uint16_t)0x1f)
#define WIDEST 52 /* bits of an address, where the guest's width is not known */

static unsigned int width(const struct emt_facts *f)
{
	return f->kvm_maxphyaddr ? f->kvm_maxphyaddr : WIDEST;
}

static bool all_held(const struct emt_mtrr *m, enum emt_held fix_held)
{
	bool held = m->def_held >= fix_held && m->fixed_held >= fix_held;

	for (unsigned int i = 0; i < m->vcnt && i < EMT_MTRR_VAR_MAX; i++)
		held = held && m->var_held[i] >= fix_held;
	return held;
}

uint16_t emt_atom_kvm_guest(const struct emt_facts *f, uint32_t vcpu, uint64_t gfn, unsigned int order,
			    enum emt_held fix_held)
{
	uint16_t cpuid = emt_atom_flag(f, EMT_FACT_KVM_CPUID_MTRR, fix_held), set = 0;
	const uint16_t split = EMT_SET(EMT_MV_SPLIT);
	const struct emt_mtrr *m;

	if (vcpu >= f->nr_vcpus)
		return order ? ALL_TYPES | split : ALL_TYPES;
	m = &f->vcpu_mtrr[vcpu];
	if (order && !all_held(m, fix_held))
		return ALL_TYPES | split;
	if (order && emt_mtrr_kvm_max_level(m, gfn, width(f)) < order / 9 + 1)
		return split;
	if (cpuid & EMT_NO)
		set |= emt_mtrr_lookup_kvm(m, gfn, false, width(f), fix_held);
	if (cpuid & EMT_YES)
		set |= emt_mtrr_lookup_kvm(m, gfn, true, width(f), fix_held);
	return set;
}

uint16_t emt_atom_kvm_noncoherent(const struct emt_facts *f, const struct emt_release *rel, uint64_t gfn,
				  enum emt_held fix_held)
{
	uint16_t nc = emt_atom_flag(f, EMT_FACT_KVM_NONCOHERENT, fix_held), slot, in = 0;

	if (strcmp(rel->era->id, "K5m"))
		return nc;
	/* the unmerged per-memslot flag counts like registered DMA, for its gfns */
	slot = emt_cover(&f->kvm_slot_nc, &f->prov[EMT_FACT_KVM_SLOT_NC], gfn, gfn, fix_held);
	if (slot & EMT_SET(EMT_COVER_NONE))
		in |= EMT_NO;
	if (slot & EMT_SET(EMT_COVER_ALL))
		in |= EMT_YES;
	if (nc == EMT_YES || in == EMT_YES)
		return EMT_YES;
	return (uint16_t)(((nc | in) & EMT_YES) | (nc & in & EMT_NO));
}

uint16_t emt_atom_kvm_mmio(const struct emt_facts *f, uint64_t mfn, enum emt_held fix_held)
{
	uint16_t set = emt_cover(&f->kvm_mmio, &f->prov[EMT_FACT_KVM_MMIO], mfn, mfn, fix_held);

	return (uint16_t)((set & EMT_SET(EMT_COVER_NONE) ? EMT_NO : 0) | (set & EMT_SET(EMT_COVER_ALL) ? EMT_YES : 0));
}

void emt_atoms_kvm_domain(const struct emt_facts *f, enum emt_held fix_held, struct emt_box *box)
{
	box->a[EMT_ATOM_QUIRK_CD] = emt_atom_flag(f, EMT_FACT_KVM_QUIRK_CD, fix_held);
	box->a[EMT_ATOM_QUIRK_PAT] = emt_atom_flag(f, EMT_FACT_KVM_QUIRK_PAT, fix_held);
	box->a[EMT_ATOM_SELF_SNOOP] = emt_atom_flag(f, EMT_FACT_KVM_SELF_SNOOP, fix_held);
	box->a[EMT_ATOM_CD] = EMT_EITHER;
	if (f->prov[EMT_FACT_VCPU_CR0].held < fix_held || !f->nr_vcpus)
		return;
	box->a[EMT_ATOM_CD] = 0;
	for (uint32_t i = 0; i < f->nr_vcpus; i++)
		box->a[EMT_ATOM_CD] |= f->vcpu_cr0[i] & EMT_CR0_CD ? EMT_YES : EMT_NO;
}

void emt_atoms_kvm(const struct emt_facts *f, const struct emt_release *rel, uint64_t gfn, uint16_t mmio,
		   enum emt_held fix_held, struct emt_box *box)
{
	emt_atoms_domain(f, rel, fix_held, box);
	box->a[EMT_ATOM_MMIO] = mmio;
	box->a[EMT_ATOM_NONCOHERENT] = emt_atom_kvm_noncoherent(f, rel, gfn, fix_held);
	box->a[EMT_ATOM_ORDER] = EMT_SET(EMT_ORDER_IS_0);
	for (uint32_t i = 0; i < f->nr_vcpus; i++)
		box->a[EMT_ATOM_GUEST] |= emt_atom_kvm_guest(f, i, gfn, 0, fix_held);
	if (!f->nr_vcpus)
		box->a[EMT_ATOM_GUEST] = ALL_TYPES;
}
