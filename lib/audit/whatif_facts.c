/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts as they would be. Each changed one is known: it is stated by the question.
 */
#include "audit/whatif.h"

#include <string.h>

#define ORIGIN "what if"
#define ADDR_BITS ((1ull << 52) - 1)
#define MTRR_VALID (1ull << 11)
#define FREE_PORT 0xcfeull /* a port whose owner no rule looks at */

static int nomem(struct emt_err *err)
{
	return emt_err_set(err, EMT_E_NOMEM, ORIGIN, NULL, "not enough memory");
}

/* Add to a list, whose other parts stay as they are held. */
static int add(struct emt_facts *f, enum emt_fact_id id, uint64_t first, uint64_t last, uint32_t tag,
	       struct emt_err *err)
{
	struct emt_prov *prov = &f->prov[id];

	if (emt_ranges_add(emt_facts_list(f, id), first, last, tag, EMT_KNOWN))
		return nomem(err);
	if (prov->held == EMT_UNKNOWN) {
		prov->held = EMT_KNOWN;
		prov->origin = ORIGIN;
	}
	emt_facts_normalise(f);
	return 0;
}

/* Keep what of range 'r' lies outside first-last: up to two parts. */
static int keep_outside(struct emt_ranges *to, const struct emt_range *r, uint64_t first, uint64_t last)
{
	int rc = 0;

	if (r->last < first || r->first > last)
		return emt_ranges_add(to, r->first, r->last, r->tag, r->held);
	if (r->first < first)
		rc = emt_ranges_add(to, r->first, first - 1, r->tag, r->held);
	if (!rc && r->last > last)
		rc = emt_ranges_add(to, last + 1, r->last, r->tag, r->held);
	return rc;
}

static int take_out(struct emt_ranges *list, uint64_t first, uint64_t last, struct emt_err *err)
{
	struct emt_ranges kept = { 0 };

	for (size_t i = 0; i < list->n; i++)
		if (keep_outside(&kept, &list->v[i], first, last)) {
			emt_ranges_free(&kept);
			return nomem(err);
		}
	emt_ranges_free(list);
	*list = kept;
	return 0;
}

int emt_whatif_pin(struct emt_facts *f, uint64_t first, uint64_t last, unsigned int type, bool overlap_ok,
		   struct emt_err *err)
{
	for (size_t i = 0; i < f->pins.n; i++) {
		struct emt_range *p = &f->pins.v[i];

		if (p->first == first && p->last == last) {
			p->tag = type;
			p->held = EMT_KNOWN;
			return 0;
		}
		if (!overlap_ok && p->first <= last && p->last >= first)
			return emt_err_set(err, EMT_E_USAGE, "--pin", "unpin it first: --unpin",
					   "0x%llx-0x%llx overlaps the pin on 0x%llx-0x%llx: Xen refuses that",
					   (unsigned long long)first, (unsigned long long)last,
					   (unsigned long long)p->first, (unsigned long long)p->last);
	}
	return add(f, EMT_FACT_PINS, first, last, type, err);
}

int emt_whatif_unpin(struct emt_facts *f, uint64_t first, uint64_t last, struct emt_err *err)
{
	bool any = f->prov[EMT_FACT_PINS].rest != EMT_KNOWN;
	int rc;

	for (size_t i = 0; i < f->pins.n; i++)
		any |= f->pins.v[i].first <= last && f->pins.v[i].last >= first;
	if (!any)
		return emt_err_set(err, EMT_E_USAGE, "--unpin", "emtctl facts lists pins",
				   "nothing is pinned in 0x%llx-0x%llx", (unsigned long long)first,
				   (unsigned long long)last);
	rc = take_out(&f->pins, first, last, err);
	emt_facts_normalise(f);
	return rc;
}

void emt_whatif_iommu(struct emt_facts *f, bool on)
{
	f->domain_iommu = on;
	emt_facts_set(f, EMT_FACT_DOMAIN_IOMMU, EMT_KNOWN, ORIGIN);
	/* Off for this domain says nothing about the host, but where only the host's
	 * counts (before 4.2.5) off means off there. */
	f->iommu_enabled = on;
	emt_facts_set(f, EMT_FACT_IOMMU_ENABLED, EMT_KNOWN, ORIGIN);
}

int emt_whatif_caps(struct emt_facts *f, bool on, struct emt_err *err)
{
	if (on)
		return add(f, EMT_FACT_IOPORT_CAPS, FREE_PORT, FREE_PORT, 0, err);
	emt_ranges_free(&f->iomem_caps);
	emt_ranges_free(&f->ioport_caps);
	emt_facts_set_list(f, EMT_FACT_IOMEM_CAPS, EMT_KNOWN, EMT_KNOWN, ORIGIN);
	emt_facts_set_list(f, EMT_FACT_IOPORT_CAPS, EMT_KNOWN, EMT_KNOWN, ORIGIN);
	f->pci_devices = 0;
	emt_facts_set(f, EMT_FACT_PCI_DEVICES, EMT_KNOWN, ORIGIN);
	return 0;
}

int emt_whatif_mmio_ro(struct emt_facts *f, uint64_t first, uint64_t last, struct emt_err *err)
{
	int rc = take_out(&f->mmio_ro, first, last, err);

	return rc ? rc : add(f, EMT_FACT_MMIO_RO, first, last, 0, err);
}

int emt_whatif_special(struct emt_facts *f, uint64_t first, uint64_t last, struct emt_err *err)
{
	int rc = take_out(&f->special, first, last, err);

	return rc ? rc : add(f, EMT_FACT_SPECIAL, first, last, EMT_SPECIAL_XENHEAP, err);
}

void emt_whatif_noncoherent(struct emt_facts *f, bool on)
{
	f->kvm_noncoherent = on;
	emt_facts_set(f, EMT_FACT_KVM_NONCOHERENT, EMT_KNOWN, ORIGIN);
}

int emt_whatif_slot_noncoherent(struct emt_facts *f, uint64_t first, uint64_t last, struct emt_err *err)
{
	int rc = take_out(&f->kvm_slot_nc, first, last, err);

	return rc ? rc : add(f, EMT_FACT_KVM_SLOT_NC, first, last, 0, err);
}

static int one_vcpu(struct emt_mtrr *to, uint64_t vcpu, const struct emt_whatif_mtrr *m, struct emt_err *err)
{
	uint64_t frames = m->last - m->first + 1;

	if (m->index < 0) {
		to->def_type = (uint8_t)m->type;
		return 0;
	}
	if (m->index >= to->vcnt)
		return emt_err_set(err, to->vcnt ? EMT_E_USAGE : EMT_E_MISSING, "--mtrr",
				   "emtctl facts shows the registers", to->vcnt ?
				   "vCPU %llu has %u variable ranges, counted from 0" :
				   "the MTRRs of vCPU %llu are not known (%u variable ranges)",
				   (unsigned long long)vcpu, to->vcnt);
	if (!m->off && (frames & (frames - 1) || m->first & (frames - 1)))
		return emt_err_set(err, EMT_E_USAGE, "--mtrr", "use two or more ranges",
				   "no variable range can hold 0x%llx-0x%llx: a power of two, aligned to its size",
				   (unsigned long long)m->first, (unsigned long long)m->last);
	to->var[m->index][0] = m->off ? 0 : m->first << 12 | m->type;
	to->var[m->index][1] = m->off ? 0 : (~((frames << 12) - 1) & ADDR_BITS) | MTRR_VALID;
	to->var_held[m->index] = EMT_KNOWN;
	return 0;
}

int emt_whatif_mtrr(struct emt_facts *f, const struct emt_whatif_mtrr *m, struct emt_err *err)
{
	uint64_t from = m->vcpu < 0 ? 0 : (uint64_t)m->vcpu, to = m->vcpu < 0 ? f->nr_vcpus : from + 1;
	int rc = 0;

	if (!f->nr_vcpus || from >= f->nr_vcpus)
		return emt_err_set(err, f->nr_vcpus ? EMT_E_USAGE : EMT_E_MISSING, "--mtrr",
				   "emtctl facts shows what is known", f->nr_vcpus ?
				   "there is no vCPU %llu" : "no vCPU's MTRRs are known (vCPU %llu)",
				   (unsigned long long)from);
	for (uint64_t i = from; i < to && !rc; i++)
		rc = one_vcpu(&f->vcpu_mtrr[i], i, m, err);
	return rc;
}
