/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What follows from stated facts. Nothing here is "known": a verdict that rests on
 * it and fails is a suspicion, not a mismatch.
 */
#include <string.h>

#include "policy/facts.h"
#include "policy/mtrr.h"
#include "policy/release.h"

/* mfn_valid() asks per group of 65,536 frames (256 MiB), policy a.1. */
#define PDX_GROUP 0x10000ull
#define LAST_FRAME ((1ull << 40) - 1) /* of the widest physical address, 52 bits */

static bool stated(const struct emt_facts *f, enum emt_fact_id id)
{
	return f->prov[id].held != EMT_UNKNOWN || f->prov[id].rest != EMT_UNKNOWN;
}

static void assume_flag(struct emt_facts *f, enum emt_fact_id id, uint8_t value, const char *why)
{
	if (f->prov[id].held != EMT_UNKNOWN)
		return;
	*emt_facts_flag(f, id) = value;
	emt_facts_set(f, id, EMT_ASSUMED, why);
}

void emt_facts_normalise(struct emt_facts *f)
{
	for (int id = 0; id < EMT_FACT_NR; id++) {
		struct emt_ranges *r = emt_facts_list(f, (enum emt_fact_id)id);

		if (r && id != EMT_FACT_PINS)
			emt_ranges_normalise(r);
	}
	f->pins_sorted = 1;
	for (size_t i = 1; i < f->pins.n; i++)
		f->pins_sorted &= f->pins.v[i].first > f->pins.v[i - 1].last;
}

static uint64_t end_of_ram(const struct emt_facts *f)
{
	uint64_t end = 0;

	for (size_t i = 0; i < f->host_e820.n; i++)
		if (f->host_e820.v[i].tag == 1 && f->host_e820.v[i].last + 1 > end)
			end = f->host_e820.v[i].last + 1;
	return end;
}

static int derive_valid(struct emt_facts *f)
{
	uint64_t max_page = f->max_page;

	if (stated(f, EMT_FACT_VALID))
		return 0;
	if (f->prov[EMT_FACT_HOST_E820].held == EMT_UNKNOWN) {
		if (f->prov[EMT_FACT_MAX_PAGE].held == EMT_UNKNOWN)
			return 0;
		/* nothing is valid from max_page on; below it is not known */
		emt_facts_set_list(f, EMT_FACT_VALID, EMT_ASSUMED, EMT_ASSUMED, "frames from max_page on are not valid");
		f->prov[EMT_FACT_VALID].first = max_page;
		return 0;
	}
	if (!max_page)
		max_page = end_of_ram(f);
	for (size_t i = 0; i < f->host_e820.n; i++) {
		const struct emt_range *r = &f->host_e820.v[i];
		uint64_t first = r->first & ~(PDX_GROUP - 1), last = r->last | (PDX_GROUP - 1);

		if (r->tag != 1 || first >= max_page)
			continue;
		if (last >= max_page)
			last = max_page - 1;
		if (emt_ranges_add(&f->valid, first, last, 0, EMT_ASSUMED))
			return EMT_E_NOMEM;
	}
	emt_ranges_normalise(&f->valid);
	emt_facts_set_list(f, EMT_FACT_VALID, EMT_ASSUMED, EMT_ASSUMED, "follows from host_e820 and max_page");
	return 0;
}

/* hvmloader tiles the PCI hole from its base with the largest naturally aligned
 * UC range that fits, up to this end (c22bd567ce, ea187c0b7a). */
static uint64_t hole_end(const struct emt_release *rel)
{
	bool full = rel->version >= EMT_VER(4, 5, 0) && rel->version < EMT_VER(4, 17, 0);

	return full ? 1ull << 32 : 0xfc000000ull;
}

static void rebuild_ranges(struct emt_mtrr *m, const struct emt_release *rel)
{
	uint64_t first, last, at, end = hole_end(rel);
	uint64_t phys = m->var[0][1] & 0x000ffffffffff000ull, top = phys;
	unsigned int n = 1;
	bool tiles = emt_mtrr_var_range(m, 0, &first, &last) && (m->var[0][0] & 7) == EMT_MT_UC &&
		m->def_type == EMT_MT_WB && m->e && m->fe;

	for (unsigned int s = 1; s < 64; s <<= 1)
		top |= top >> s;
	if (tiles) {
		at = (last + 1) << 12;
		tiles = first << 12 >= 0x80000000ull && at <= end;
	}
	for (; tiles && at < end && n < m->vcnt; n++) {
		uint64_t size = at & -at;

		while (size > end - at)
			size >>= 1;
		m->var[n][0] = at | EMT_MT_UC;
		m->var[n][1] = (top & ~(size - 1) & 0x000ffffffffff000ull) | 0x800;
		at += size;
	}
	for (; n < m->vcnt && n < EMT_MTRR_VAR_MAX; n++)
		m->var[n][0] = m->var[n][1] = 0;
	for (unsigned int i = 1; i < m->vcnt && i < EMT_MTRR_VAR_MAX; i++)
		m->var_held[i] = EMT_ASSUMED;
}

/* The save record of Xen 4.12 and later holds range 0 in every slot (e520d9e144):
 * only range 0 says anything. */
static void derive_save_record(struct emt_facts *f)
{
	struct emt_prov *prov = &f->prov[EMT_FACT_VCPU_MTRR];
	struct emt_release rel;

	if (f->is_kvm || !prov->origin || !strstr(prov->origin, "save record") || strstr(prov->origin, "rebuilt"))
		return;
	if (emt_release_parse(&rel, f->release, false, NULL) || rel.version < EMT_VER(4, 12, 0))
		return;
	for (uint32_t i = 0; i < f->nr_vcpus; i++) {
		struct emt_mtrr *m = &f->vcpu_mtrr[i];

		if (!(m->var[0][1] & 0x800) || emt_mtrr_repeats(m))
			rebuild_ranges(m, &rel);
	}
	prov->origin = "HVM save record; ranges above 0 rebuilt by hvmloader's rule";
}

static void derive_iommu(struct emt_facts *f)
{
	if (f->prov[EMT_FACT_DOMAIN_IOMMU].held != EMT_UNKNOWN)
		return;
	if (f->prov[EMT_FACT_IOMMU_ENABLED].held != EMT_UNKNOWN && !f->iommu_enabled) {
		f->domain_iommu = 0;
		emt_facts_set(f, EMT_FACT_DOMAIN_IOMMU, (enum emt_held)f->prov[EMT_FACT_IOMMU_ENABLED].held,
			      "the host has no IOMMU in use");
	} else if (f->prov[EMT_FACT_PCI_DEVICES].held != EMT_UNKNOWN && f->pci_devices) {
		f->domain_iommu = 1;
		emt_facts_set(f, EMT_FACT_DOMAIN_IOMMU, EMT_ASSUMED, "PCI devices are assigned");
	}
}

/* What KVM takes for MMIO: frames without a struct page, that is not RAM. Reserved RAM
 * with a memtype other than WB is MMIO too, hence assumed. */
static int derive_kvm_mmio(struct emt_facts *f)
{
	uint64_t at = 0;

	if (stated(f, EMT_FACT_KVM_MMIO) || f->prov[EMT_FACT_HOST_E820].held == EMT_UNKNOWN)
		return 0;
	for (size_t i = 0; i < f->host_e820.n; i++) {
		const struct emt_range *r = &f->host_e820.v[i];

		if (r->tag != 1)
			continue;
		if (r->first > at && emt_ranges_add(&f->kvm_mmio, at, r->first - 1, 0, EMT_ASSUMED))
			return EMT_E_NOMEM;
		at = r->last + 1;
	}
	if (emt_ranges_add(&f->kvm_mmio, at, LAST_FRAME, 0, EMT_ASSUMED))
		return EMT_E_NOMEM;
	emt_facts_set_list(f, EMT_FACT_KVM_MMIO, EMT_ASSUMED, EMT_ASSUMED, "frames that are not RAM by host_e820");
	return 0;
}

static int derive_kvm_slots(struct emt_facts *f)
{
	const struct emt_prov *slots = &f->prov[EMT_FACT_KVM_MEMSLOTS];

	if (stated(f, EMT_FACT_KVM_SLOT_NC))
		return 0;
	if (slots->held == EMT_UNKNOWN) {
		emt_facts_set_list(f, EMT_FACT_KVM_SLOT_NC, EMT_ASSUMED, EMT_ASSUMED,
				   "the memslot flag is of patches that were not merged");
		return 0;
	}
	for (size_t i = 0; i < f->kvm_memslots.n; i++) {
		const struct emt_range *r = &f->kvm_memslots.v[i];

		if (r->tag & EMT_SLOT_NONCOHERENT && emt_ranges_add(&f->kvm_slot_nc, r->first, r->last, 0, r->held))
			return EMT_E_NOMEM;
	}
	emt_facts_set_list(f, EMT_FACT_KVM_SLOT_NC, (enum emt_held)slots->held, (enum emt_held)slots->rest,
			   "flags of the memslots");
	return 0;
}

/* The guest's masks reach to its address width. */
static void derive_kvm_width(struct emt_facts *f)
{
	uint64_t all = 0;

	if (f->kvm_maxphyaddr)
		return;
	for (uint32_t v = 0; v < f->nr_vcpus; v++)
		for (unsigned int i = 0; i < f->vcpu_mtrr[v].vcnt && i < EMT_MTRR_VAR_MAX; i++)
			if (f->vcpu_mtrr[v].var[i][1] & 0x800)
				all |= f->vcpu_mtrr[v].var[i][1];
	if (all >> 32) {
		f->kvm_maxphyaddr = (uint8_t)(64 - __builtin_clzll(all));
		emt_facts_set(f, EMT_FACT_KVM_MAXPHYADDR, EMT_ASSUMED, "width of the guest's MTRR masks");
	}
}

static int derive_kvm(struct emt_facts *f)
{
	int rc = derive_kvm_mmio(f);

	if (!rc)
		rc = derive_kvm_slots(f);
	derive_kvm_width(f);
	if (f->prov[EMT_FACT_PCI_DEVICES].held != EMT_UNKNOWN && !f->pci_devices)
		assume_flag(f, EMT_FACT_KVM_NONCOHERENT, 0, "no device is assigned");
	if (f->kvm_noncoherent && f->prov[EMT_FACT_KVM_NONCOHERENT].held != EMT_UNKNOWN &&
	    f->prov[EMT_FACT_KVM_NC_EVER].held == EMT_UNKNOWN) {
		f->kvm_nc_ever = 1;
		emt_facts_set(f, EMT_FACT_KVM_NC_EVER, (enum emt_held)f->prov[EMT_FACT_KVM_NONCOHERENT].held,
			      "it is registered now");
	}
	assume_flag(f, EMT_FACT_KVM_QUIRK_CD, 1, "on unless the VMM disables it");
	assume_flag(f, EMT_FACT_KVM_QUIRK_PAT, 1, "on unless the VMM disables it");
	assume_flag(f, EMT_FACT_KVM_CPUID_MTRR, 1, "usual for guests");
	return rc;
}

int emt_facts_derive(struct emt_facts *f)
{
	emt_facts_normalise(f);
	if (f->is_kvm)
		return derive_kvm(f);
	derive_iommu(f);
	assume_flag(f, EMT_FACT_IDENT_PT, 1, "set by the domain builder of every HVM guest");
	assume_flag(f, EMT_FACT_UC_MODE, 0, "rare: guest CR0.CD with passthrough");
	assume_flag(f, EMT_FACT_HOST_MTRR_CHANGED, 0, "dom0 seldom changes host MTRRs");
	if ((f->iomem_caps.n && f->prov[EMT_FACT_IOMEM_CAPS].held) ||
	    (f->ioport_caps.n && f->prov[EMT_FACT_IOPORT_CAPS].held)) {
		if (f->prov[EMT_FACT_CAPS_EVER_HELD].held == EMT_UNKNOWN) {
			f->caps_ever_held = 1;
			emt_facts_set(f, EMT_FACT_CAPS_EVER_HELD, EMT_KNOWN, "rights are held now");
		}
	}
	if (!stated(f, EMT_FACT_PINS))
		emt_facts_set_list(f, EMT_FACT_PINS, EMT_ASSUMED, EMT_ASSUMED, "nothing lists pins; none assumed");
	if (!stated(f, EMT_FACT_SPECIAL))
		emt_facts_set_list(f, EMT_FACT_SPECIAL, EMT_ASSUMED, EMT_ASSUMED,
				   "not listed; frames assumed ordinary");
	derive_save_record(f);
	return derive_valid(f);
}
