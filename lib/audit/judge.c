/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the set of what the release may write to a verdict, and, where an entry
 * differs, which named gap or which assumption explains it (policy b, h.9).
 */
#include "audit/engine.h"

#include <string.h>

#define FACT(id) (1ull << (id))
#define ALL_MV ((uint16_t)0x1f)

uint64_t emt_atom_facts(const struct emt_engine *e, unsigned int atom)
{
	const struct emt_prov *prov = e->facts.prov;
	uint64_t m = 0;

	switch (atom) {
	case EMT_ATOM_TYPE: return FACT(EMT_FACT_P2M_TYPES);
	case EMT_ATOM_RO: return FACT(EMT_FACT_MMIO_RO);
	case EMT_ATOM_VALID: return FACT(EMT_FACT_VALID);
	case EMT_ATOM_SPECIAL: return FACT(EMT_FACT_SPECIAL);
	case EMT_ATOM_APIC: return FACT(EMT_FACT_APIC_MFN);
	case EMT_ATOM_PIN: return FACT(EMT_FACT_PINS);
	case EMT_ATOM_GUEST: return FACT(EMT_FACT_VCPU_MTRR);
	case EMT_ATOM_HOST: return FACT(EMT_FACT_HOST_MTRR);
	case EMT_ATOM_IOMMU:
		return FACT(e->rel.era->iommu == EMT_IOMMU_DOMAIN ? EMT_FACT_DOMAIN_IOMMU : EMT_FACT_IOMMU_ENABLED);
	case EMT_ATOM_CFP:
		if (prov[EMT_FACT_IOMEM_CAPS].rest != EMT_KNOWN)
			m |= FACT(EMT_FACT_IOMEM_CAPS);
		if (prov[EMT_FACT_IOPORT_CAPS].rest != EMT_KNOWN)
			m |= FACT(EMT_FACT_IOPORT_CAPS);
		if (e->rel.era->cfp_pci && prov[EMT_FACT_PCI_DEVICES].held != EMT_KNOWN)
			m |= FACT(EMT_FACT_PCI_DEVICES);
		return m ? m : FACT(EMT_FACT_IOMEM_CAPS);
	case EMT_ATOM_SNOOP: return FACT(EMT_FACT_IOMMU_SNOOP);
	case EMT_ATOM_IDENT_PT: return FACT(EMT_FACT_IDENT_PT);
	case EMT_ATOM_UC_MODE: return FACT(EMT_FACT_UC_MODE);
	case EMT_ATOM_VCPU: return FACT(EMT_FACT_VCPU_MTRR);
	case EMT_ATOM_MMIO: return FACT(EMT_FACT_KVM_MMIO);
	case EMT_ATOM_NONCOHERENT:
		return FACT(EMT_FACT_KVM_NONCOHERENT) |
			(strcmp(e->rel.era->id, "K5m") ? 0 : FACT(EMT_FACT_KVM_SLOT_NC));
	case EMT_ATOM_CD: return FACT(EMT_FACT_VCPU_CR0);
	case EMT_ATOM_QUIRK_CD: return FACT(EMT_FACT_KVM_QUIRK_CD);
	case EMT_ATOM_QUIRK_PAT: return FACT(EMT_FACT_KVM_QUIRK_PAT);
	case EMT_ATOM_SELF_SNOOP: return FACT(EMT_FACT_KVM_SELF_SNOOP);
	default: return 0;
	}
}

static uint64_t facts_of_atoms(const struct emt_engine *e, uint32_t atoms)
{
	uint64_t m = 0;

	for (unsigned int a = 0; a < EMT_ATOM_NR; a++)
		if (atoms & 1u << a)
			m |= emt_atom_facts(e, a);
	return m;
}

static bool gives(const struct emt_engine *e, const struct emt_box *box, unsigned int obs)
{
	return emt_engine_eval(e, box) & 1u << obs;
}

/* The box with one atom set to something else. */
static bool gives_with(const struct emt_engine *e, const struct emt_box *box, unsigned int atom, uint16_t set,
		       unsigned int obs)
{
	struct emt_box b = *box;

	b.a[atom] = set;
	return gives(e, &b, obs);
}

/* Not known to be false. */
static bool may_be(const struct emt_engine *e, enum emt_fact_id id)
{
	const uint8_t *flag = emt_facts_flag((struct emt_facts *)&e->facts, id);

	return e->facts.prov[id].held != EMT_KNOWN || *flag;
}

static bool is_true(const struct emt_engine *e, enum emt_fact_id id)
{
	const uint8_t *flag = emt_facts_flag((struct emt_facts *)&e->facts, id);

	return e->facts.prov[id].held >= EMT_ASSUMED && *flag;
}

/* Host types under MTRRs that dom0 has changed since (KD16): those of the records,
 * or any where it is only known that there was a change. */
static uint16_t earlier_host(const struct emt_engine *e, const struct emt_cell *c)
{
	if (c->host_earlier)
		return c->host_earlier;
	return is_true(e, EMT_FACT_HOST_MTRR_CHANGED) ? ALL_MV : 0;
}

/* This release recomputes only under a condition that does not hold here: guest
 * MTRR writes left the entry as it was (KD14, KD18). */
static bool guarded(const struct emt_engine *e, const struct emt_box *b)
{
	emt_defect_mask here = emt_defects_of(&e->rel);
	bool rights_only = (b->a[EMT_ATOM_IOMMU] & EMT_NO) && (b->a[EMT_ATOM_CFP] & EMT_YES);
	bool iommu_only = (b->a[EMT_ATOM_IOMMU] & EMT_YES) && (b->a[EMT_ATOM_CFP] & EMT_NO);

	return (here & 1u << emt_defect_by_id("KD14") && rights_only) ||
		(here & 1u << emt_defect_by_id("KD18") && iommu_only);
}

static enum emt_reason stale(const struct emt_engine *e, const struct emt_cell *c, unsigned int obs, unsigned int perm)
{
	const struct emt_box *held = &c->held;
	uint16_t host = earlier_host(e, c), any = ALL_MV;
	struct emt_box b = *held;
	bool revoked;

	if (host && gives_with(e, held, EMT_ATOM_HOST, host, obs))
		return EMT_WHY_HOST_MTRR;
	revoked = (held->a[EMT_ATOM_CFP] & EMT_NO) && (held->a[EMT_ATOM_IOMMU] & EMT_NO) &&
		may_be(e, EMT_FACT_CAPS_EVER_HELD);
	if (revoked && gives_with(e, held, EMT_ATOM_CFP, EMT_YES, obs))
		return EMT_WHY_REVOKED;
	if (guarded(e, held) && gives_with(e, held, EMT_ATOM_GUEST, any, obs))
		return EMT_WHY_GUARD;
	if (may_be(e, EMT_FACT_MMIO_RO_CHANGED) && held->a[EMT_ATOM_TYPE] == EMT_SET(EMT_P2M_MMIO_DIRECT) &&
	    gives_with(e, held, EMT_ATOM_RO, EMT_SET(perm & EMT_W ? EMT_COVER_NONE : EMT_COVER_ALL), obs))
		return EMT_WHY_MMIO_RO;
	if (!e->rel.era->lazy) {
		b.a[EMT_ATOM_GUEST] = b.a[EMT_ATOM_HOST] = any;
		b.a[EMT_ATOM_CFP] = b.a[EMT_ATOM_IOMMU] = b.a[EMT_ATOM_IDENT_PT] = EMT_EITHER;
		b.a[EMT_ATOM_PIN] |= EMT_SET(EMT_PIN_NONE);
		if (gives(e, &b, obs))
			return EMT_WHY_ONCE;
	}
	b = *held;
	b.a[EMT_ATOM_CFP] = EMT_YES;
	b.a[EMT_ATOM_GUEST] = any;
	if (revoked && gives(e, &b, obs))
		return EMT_WHY_REVOKED_MTRR;
	return EMT_WHY_NONE;
}

/* Before 6.7 KVM zaps nothing when non-coherent DMA is registered or goes: entries keep
 * the type of before (seen on 6.1). A change of CR0.CD zaps only where the quirk is off
 * (seen on 6.1; the rule looks at it until 6.10). */
static enum emt_reason stale_kvm(const struct emt_engine *e, const struct emt_cell *c, unsigned int obs)
{
	const uint16_t nc = c->held.a[EMT_ATOM_NONCOHERENT];
	struct emt_box b = c->held;

	if (emt_kvm_keeps_types(&e->rel)) {
		if (nc & EMT_YES && gives_with(e, &c->held, EMT_ATOM_NONCOHERENT, EMT_NO, obs))
			return EMT_WHY_NONCOHERENT;
		if (nc & EMT_NO && may_be(e, EMT_FACT_KVM_NC_EVER) &&
		    gives_with(e, &c->held, EMT_ATOM_NONCOHERENT, EMT_YES, obs))
			return EMT_WHY_NONCOHERENT;
	}
	b.a[EMT_ATOM_CD] = EMT_EITHER;
	b.a[EMT_ATOM_QUIRK_CD] = c->free.a[EMT_ATOM_QUIRK_CD] & EMT_YES;
	return b.a[EMT_ATOM_QUIRK_CD] && gives(e, &b, obs) ? EMT_WHY_CR0_CD : EMT_WHY_NONE;
}

/* The last I/O right is gone, and with it what a pin that nobody lists decided while
 * there was one: nothing recomputed the entry. */
static bool pinned_before_revoked(const struct emt_engine *e, const struct emt_cell *c, unsigned int obs)
{
	struct emt_box b = c->held;

	if (e->facts.is_kvm || !(b.a[EMT_ATOM_CFP] & EMT_NO) || !(b.a[EMT_ATOM_IOMMU] & EMT_NO) ||
	    !may_be(e, EMT_FACT_CAPS_EVER_HELD))
		return false;
	b.a[EMT_ATOM_CFP] = EMT_YES;
	b.a[EMT_ATOM_PIN] = c->free.a[EMT_ATOM_PIN];
	return gives(e, &b, obs);
}

/* Some host type explains it, and dom0 is not known to have left the host's alone. */
static bool host_may_have_changed(const struct emt_engine *e, const struct emt_cell *c, unsigned int obs)
{
	return !e->facts.is_kvm && e->facts.prov[EMT_FACT_HOST_MTRR_CHANGED].held != EMT_KNOWN &&
		gives_with(e, &c->held, EMT_ATOM_HOST, ALL_MV, obs);
}

/* Assumptions each of which alone, if false, explains the entry; all that differ
 * where none does alone. */
static uint64_t false_assumptions(const struct emt_engine *e, const struct emt_cell *c, unsigned int obs)
{
	uint32_t alone = 0, all = 0;

	for (unsigned int a = 0; a < EMT_ATOM_NR; a++) {
		if (c->free.a[a] == c->held.a[a])
			continue;
		all |= 1u << a;
		if (gives_with(e, &c->held, a, c->free.a[a], obs))
			alone |= 1u << a;
	}
	return facts_of_atoms(e, alone ? alone : all);
}

void emt_judge(struct emt_engine *e, struct emt_cell *c, unsigned int obs, unsigned int perm, unsigned int order,
	       struct emt_judged *j)
{
	emt_outcomes bit = (emt_outcomes)(1u << obs);
	bool one_sure = false, others = false;

	j->done = 1;
	j->why = EMT_WHY_NONE;
	j->facts = 0;
	if (c->expected & bit) {
		for (uint32_t i = 0; i < e->ts.nr_classes; i++) {
			one_sure |= c->by_class[i] == bit;
			others |= c->by_class[i] != bit;
		}
		j->verdict = one_sure ? EMT_V_OK : EMT_V_UNDETERMINED;
		if (one_sure && others)
			j->why = EMT_WHY_VCPUS;
		if (!one_sure)
			j->facts = facts_of_atoms(e, emt_box_deciding(e->rel.era->rules, e->rel.era->nr_rules, &c->held));
		return;
	}
	j->why = (uint8_t)(e->facts.is_kvm ? stale_kvm(e, c, obs) : stale(e, c, obs, perm));
	if (j->why != EMT_WHY_NONE) {
		j->verdict = EMT_V_STALE;
	} else if (c->possible & bit) {
		j->verdict = EMT_V_SUSPECT;
		j->facts = false_assumptions(e, c, obs);
		if (host_may_have_changed(e, c, obs))
			j->facts |= FACT(EMT_FACT_HOST_MTRR_CHANGED);
	} else if (host_may_have_changed(e, c, obs)) {
		j->verdict = EMT_V_SUSPECT;
		j->facts = FACT(EMT_FACT_HOST_MTRR_CHANGED);
	} else if (pinned_before_revoked(e, c, obs)) {
		j->verdict = EMT_V_SUSPECT;
		j->why = EMT_WHY_REVOKED;
		j->facts = FACT(EMT_FACT_PINS);
	} else {
		j->verdict = order && c->expected & EMT_SPLIT_BIT ? EMT_V_UNSPLIT : EMT_V_MISMATCH;
	}
}
