/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/atoms.h"

#include <string.h>

#include "policy/atoms_kvm.h"
#include "policy/mtrr.h"

#define ALL_COVER ((uint16_t)7)
#define ALL_PINS ((uint16_t)((1u << EMT_PIN_NR) - 1))

/* How many frames of a range are surely in, surely out, or free (2 = two or more). */
struct tally {
	unsigned int in, out, free;
};

static void count(unsigned int *what, uint64_t n)
{
	*what = n + *what > 2 ? 2 : (unsigned int)(n + *what);
}

/* A part of the range that the list does not mention. */
static void tally_rest(struct tally *t, const struct emt_prov *prov, uint64_t first, uint64_t last,
		       enum emt_held fix_held)
{
	uint64_t lo = first > prov->first ? first : prov->first, hi = last < prov->last ? last : prov->last;
	uint64_t inside = lo <= hi ? hi - lo + 1 : 0, all = last - first + 1;

	count(prov->rest >= fix_held ? &t->out : &t->free, inside);
	count(&t->free, all - inside);
}

static void tally(struct tally *t, const struct emt_ranges *list, const struct emt_prov *prov, uint64_t first,
		  uint64_t last, enum emt_held fix_held)
{
	uint64_t at = first;

	for (size_t i = emt_ranges_from(list, first); i < list->n && list->v[i].first <= last; i++) {
		const struct emt_range *r = &list->v[i];
		uint64_t lo = r->first > at ? r->first : at, hi = r->last < last ? r->last : last;

		if (lo > hi)
			continue;
		if (lo > at)
			tally_rest(t, prov, at, lo - 1, fix_held);
		count(r->held >= fix_held ? &t->in : &t->free, hi - lo + 1);
		if (hi == last)
			return;
		at = hi + 1;
	}
	tally_rest(t, prov, at, last, fix_held);
}

static uint16_t cover_of(const struct tally *t)
{
	uint16_t set = 0;

	if (!t->out)
		set |= EMT_SET(EMT_COVER_ALL);
	if (!t->in)
		set |= EMT_SET(EMT_COVER_NONE);
	if ((t->in && (t->out || t->free)) || (t->out && t->free) || t->free > 1)
		set |= EMT_SET(EMT_COVER_SOME);
	return set;
}

uint16_t emt_cover(const struct emt_ranges *list, const struct emt_prov *prov, uint64_t first, uint64_t last,
		   enum emt_held fix_held)
{
	struct tally t = { 0 };

	tally(&t, list, prov, first, last, fix_held);
	return cover_of(&t);
}

static uint64_t last_frame(uint64_t frame, unsigned int order)
{
	return frame | ((1ull << order) - 1);
}

uint16_t emt_host_ram(const struct emt_facts *f, uint64_t first, uint64_t last)
{
	uint64_t at = first;
	bool ram = false, other = false;

	if (f->prov[EMT_FACT_HOST_E820].held == EMT_UNKNOWN)
		return EMT_EITHER;
	for (size_t i = emt_ranges_from(&f->host_e820, first);
	     i < f->host_e820.n && f->host_e820.v[i].first <= last; i++) {
		const struct emt_range *r = &f->host_e820.v[i];

		if (r->first > at)
			other = true;
		if (r->tag == 1)
			ram = true;
		else
			other = true;
		at = r->last + 1;
		if (r->last >= last)
			break;
	}
	if (at <= last)
		other = true;
	return ram && other ? 0 : ram ? EMT_YES : EMT_NO;
}

uint16_t emt_atom_ro(const struct emt_facts *f, uint64_t mfn, unsigned int order, enum emt_held fix_held)
{
	uint64_t first = mfn & (~0ull << order), last = last_frame(mfn, order);
	uint16_t set = emt_cover(&f->mmio_ro, &f->prov[EMT_FACT_MMIO_RO], first, last, fix_held);

	/* RAM is never in mmio_ro_ranges */
	if (set != EMT_SET(EMT_COVER_NONE) && f->prov[EMT_FACT_HOST_E820].held >= fix_held &&
	    (set & EMT_SET(EMT_COVER_NONE)) && emt_host_ram(f, first, last) == EMT_YES)
		return EMT_SET(EMT_COVER_NONE);
	return set;
}

uint16_t emt_atom_valid(const struct emt_facts *f, uint64_t mfn, enum emt_held fix_held)
{
	uint16_t set = emt_cover(&f->valid, &f->prov[EMT_FACT_VALID], mfn, mfn, fix_held);

	return (uint16_t)((set & EMT_SET(EMT_COVER_NONE) ? EMT_NO : 0) | (set & EMT_SET(EMT_COVER_ALL) ? EMT_YES : 0));
}

uint16_t emt_atom_special(const struct emt_facts *f, const struct emt_release *rel, uint64_t mfn,
			  unsigned int order, enum emt_held fix_held)
{
	const struct emt_prov *prov = &f->prov[EMT_FACT_SPECIAL];
	uint64_t first = mfn & (~0ull << order), last = last_frame(mfn, order), at = first;
	struct tally t = { 0 };

	for (size_t i = emt_ranges_from(&f->special, first); i < f->special.n && f->special.v[i].first <= last; i++) {
		const struct emt_range *r = &f->special.v[i];
		uint64_t lo = r->first > at ? r->first : at, hi = r->last < last ? r->last : last;

		if (lo > hi)
			continue;
		if (lo > at)
			tally_rest(&t, prov, at, lo - 1, fix_held);
		if (rel->special_xenheap_only && r->tag != EMT_SPECIAL_XENHEAP)
			count(&t.out, hi - lo + 1);
		else if (r->held < fix_held)
			count(&t.free, hi - lo + 1);
		else if (!rel->era->special_valid)
			count(&t.in, hi - lo + 1);
		else
			for (uint64_t m = lo; m <= hi; m++) /* only valid frames are asked */
				count(emt_atom_valid(f, m, fix_held) == EMT_NO ? &t.out : &t.in, 1);
		at = hi + 1;
		if (hi == last)
			return cover_of(&t);
	}
	/* an invalid frame has no page_info: nothing that could be special */
	if (rel->era->special_valid && prov->rest < fix_held &&
	    emt_cover(&f->valid, &f->prov[EMT_FACT_VALID], at, last, fix_held) == EMT_SET(EMT_COVER_NONE))
		count(&t.out, last - at + 1);
	else
		tally_rest(&t, prov, at, last, fix_held);
	return cover_of(&t);
}

uint16_t emt_atom_apic(const struct emt_facts *f, uint64_t mfn, unsigned int order, enum emt_held fix_held)
{
	uint16_t yes = EMT_SET(order ? EMT_APIC_CONTAINS : EMT_APIC_IS);
	bool inside = f->apic_mfn >= (mfn & (~0ull << order)) && f->apic_mfn <= last_frame(mfn, order);

	if (f->prov[EMT_FACT_APIC_MFN].held < fix_held)
		return EMT_SET(EMT_APIC_NO) | yes;
	return inside && f->apic_mfn != EMT_NO_FRAME ? yes : EMT_SET(EMT_APIC_NO);
}

/* The newest pin that touches the range. Where pins are in order of gfns any will do:
 * if more than one touches, none holds the whole range. */
static const struct emt_range *pin_touching(const struct emt_facts *f, uint64_t first, uint64_t last)
{
	if (f->pins_sorted) {
		size_t i = emt_ranges_from(&f->pins, first);

		return i < f->pins.n && f->pins.v[i].first <= last ? &f->pins.v[i] : NULL;
	}
	for (size_t i = f->pins.n; i-- > 0;)
		if (f->pins.v[i].first <= last && f->pins.v[i].last >= first)
			return &f->pins.v[i];
	return NULL;
}

uint16_t emt_atom_pin(const struct emt_facts *f, uint64_t gfn, unsigned int order, enum emt_held fix_held)
{
	const struct emt_prov *prov = &f->prov[EMT_FACT_PINS];
	uint64_t first = gfn & (~0ull << order), last = last_frame(gfn, order);
	uint16_t any = order ? ALL_PINS : ALL_PINS & (uint16_t)~EMT_SET(EMT_PIN_PART);
	const struct emt_range *p = pin_touching(f, first, last);

	if (!p)
		return prov->rest >= fix_held && first >= prov->first && last <= prov->last ? EMT_SET(EMT_PIN_NONE) : any;
	if (p->held < fix_held)
		return any;
	if (p->first > first || p->last < last)
		return EMT_SET(EMT_PIN_PART);
	return EMT_SET(p->tag == EMT_MT_7 ? EMT_PIN_UCMINUS : EMT_PIN_UC + emt_mv_of_mt(p->tag));
}

uint16_t emt_atom_guest(const struct emt_facts *f, const struct emt_release *rel, uint32_t vcpu, uint64_t gfn,
			unsigned int order, enum emt_held fix_held)
{
	const struct emt_prov *ident = &f->prov[EMT_FACT_IDENT_PT];
	uint16_t set = 0, all = order ? (1u << EMT_MV_NR) - 1 : (1u << EMT_MV_SPLIT) - 1;

	if (rel->era->guest_ident_pt) {
		if (ident->held < fix_held || !f->ident_pt)
			set |= EMT_SET(EMT_MV_WB);
		if (ident->held >= fix_held && !f->ident_pt)
			return set;
	}
	if (vcpu < f->nr_vcpus)
		return set | emt_mtrr_lookup(&f->vcpu_mtrr[vcpu], gfn, order, fix_held);
	if (f->prov[EMT_FACT_VCPU_MTRR].held < fix_held)
		return set | all;
	return set | EMT_SET(EMT_MV_WB);
}

uint16_t emt_atom_host(const struct emt_facts *f, uint64_t mfn, unsigned int order, enum emt_held fix_held)
{
	uint64_t first = mfn & (~0ull << order);

	/* firmware maps all RAM WB; assumed where nothing states the host's MTRRs */
	if (fix_held <= EMT_ASSUMED && f->prov[EMT_FACT_HOST_MTRR].held == EMT_UNKNOWN &&
	    emt_host_ram(f, first, last_frame(mfn, order)) == EMT_YES)
		return EMT_SET(EMT_MV_WB);
	return emt_mtrr_lookup(&f->host_mtrr, mfn, order, fix_held);
}

uint16_t emt_atom_flag(const struct emt_facts *f, enum emt_fact_id id, enum emt_held fix_held)
{
	const uint8_t *flag = emt_facts_flag((struct emt_facts *)f, id);

	if (f->prov[id].held < fix_held)
		return EMT_EITHER;
	return *flag ? EMT_YES : EMT_NO;
}

/* Is a list non-empty: only emptiness counts. */
static uint16_t list_set(const struct emt_facts *f, enum emt_fact_id id, enum emt_held fix_held)
{
	const struct emt_ranges *list = emt_facts_clist(f, id);

	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].held >= fix_held)
			return EMT_YES;
	return f->prov[id].rest >= fix_held && !list->n ? EMT_NO : EMT_EITHER;
}

static uint16_t either_of(uint16_t a, uint16_t b)
{
	uint16_t yes = (a | b) & EMT_YES, no = a & b & EMT_NO;

	return (a == EMT_YES || b == EMT_YES) ? EMT_YES : (uint16_t)(yes | no);
}

void emt_atoms_domain(const struct emt_facts *f, const struct emt_release *rel, enum emt_held fix_held,
		      struct emt_box *box)
{
	const struct emt_era *era = rel->era;
	const struct emt_prov *current = &f->prov[EMT_FACT_CURRENT];

	memset(box, 0, sizeof(*box));
	if (era->hv == EMT_HV_KVM) {
		emt_atoms_kvm_domain(f, fix_held, box);
		return;
	}
	box->a[EMT_ATOM_IOMMU] = emt_atom_flag(f, era->iommu == EMT_IOMMU_DOMAIN ? EMT_FACT_DOMAIN_IOMMU :
					  EMT_FACT_IOMMU_ENABLED, fix_held);
	box->a[EMT_ATOM_CFP] = either_of(list_set(f, EMT_FACT_IOMEM_CAPS, fix_held),
					 list_set(f, EMT_FACT_IOPORT_CAPS, fix_held));
	if (era->cfp_pci)
		box->a[EMT_ATOM_CFP] = either_of(box->a[EMT_ATOM_CFP],
			f->prov[EMT_FACT_PCI_DEVICES].held < fix_held ? EMT_EITHER : f->pci_devices ? EMT_YES : EMT_NO);
	box->a[EMT_ATOM_SNOOP] = emt_atom_flag(f, EMT_FACT_IOMMU_SNOOP, fix_held);
	box->a[EMT_ATOM_IDENT_PT] = emt_atom_flag(f, EMT_FACT_IDENT_PT, fix_held);
	box->a[EMT_ATOM_UC_MODE] = emt_atom_flag(f, EMT_FACT_UC_MODE, fix_held);
	if (current->held < fix_held)
		box->a[EMT_ATOM_UC_MODE] |= EMT_NO;
	else if (f->current < 0)
		box->a[EMT_ATOM_UC_MODE] = EMT_NO;
	box->a[EMT_ATOM_VCPU] = f->prov[EMT_FACT_VCPU_MTRR].held >= fix_held && !f->nr_vcpus ? EMT_NO : EMT_YES;
}

/* GUEST for the vCPU that decided, or for all where that is not known. */
static uint16_t guest_any(const struct emt_facts *f, const struct emt_release *rel, uint64_t gfn,
			  unsigned int order, enum emt_held fix_held)
{
	uint16_t set = 0;

	if (f->prov[EMT_FACT_CURRENT].held >= fix_held && f->prov[EMT_FACT_CURRENT].held != EMT_UNKNOWN)
		return emt_atom_guest(f, rel, f->current < 0 ? 0 : (uint32_t)f->current, gfn, order, fix_held);
	for (uint32_t i = 0; i < f->nr_vcpus; i++)
		set |= emt_atom_guest(f, rel, i, gfn, order, fix_held);
	return f->nr_vcpus ? set : emt_atom_guest(f, rel, 0, gfn, order, fix_held);
}

void emt_atoms_xen(const struct emt_facts *f, const struct emt_release *rel, uint64_t gfn, uint64_t mfn,
		   unsigned int order, uint16_t types, enum emt_held fix_held, struct emt_box *box)
{
	gfn &= ~0ull << order;
	mfn &= ~0ull << order;
	emt_atoms_domain(f, rel, fix_held, box);
	box->a[EMT_ATOM_ORDER] = EMT_SET(order ? EMT_ORDER_ABOVE_0 : EMT_ORDER_IS_0);
	if (!rel->era->order_aware)
		order = 0;
	box->a[EMT_ATOM_TYPE] = types;
	box->a[EMT_ATOM_RO] = emt_atom_ro(f, mfn, order, fix_held);
	box->a[EMT_ATOM_VALID] = emt_atom_valid(f, mfn, fix_held);
	box->a[EMT_ATOM_SPECIAL] = emt_atom_special(f, rel, mfn, order, fix_held);
	box->a[EMT_ATOM_APIC] = emt_atom_apic(f, mfn, order, fix_held);
	box->a[EMT_ATOM_PIN] = emt_atom_pin(f, gfn, order, fix_held);
	box->a[EMT_ATOM_HOST] = emt_atom_host(f, mfn, order, fix_held);
	box->a[EMT_ATOM_GUEST] = guest_any(f, rel, gfn, order, fix_held);
}
