/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names are those of the vector format where it has them. */
const struct emt_fact_desc emt_fact_descs[EMT_FACT_NR] = {
	[EMT_FACT_RELEASE] = { "release", EMT_FK_TEXT, "", "hypervisor version",
		"xl info | grep xen_version, or --release" },
	[EMT_FACT_PAGING] = { "paging", EMT_FK_TEXT, "", "ept, npt, shadow or pv",
		"xl dmesg (key D prints EPT domains only)" },
	[EMT_FACT_IOMMU_ENABLED] = { "iommu_enabled", EMT_FK_BOOL, "", "the host's IOMMU is in use",
		"xl dmesg: 'I/O virtualisation enabled'" },
	[EMT_FACT_IOMMU_SNOOP] = { "iommu_snoop", EMT_FK_BOOL, "", "all IOMMUs enforce snooping",
		"xl dmesg: 'Intel VT-d Snoop Control'" },
	[EMT_FACT_DOMAIN_IOMMU] = { "domain_iommu", EMT_FK_BOOL, "", "the domain has IOMMU tables",
		"xl debug-keys o; xl dmesg, or passthrough= in the domain's configuration" },
	[EMT_FACT_IOMMU_SHARED] = { "iommu_shared", EMT_FK_BOOL, "", "IOMMU and EPT share their tables",
		"xl debug-keys o; xl dmesg" },
	[EMT_FACT_PCI_DEVICES] = { "pci_devices", EMT_FK_INT, "", "PCI devices assigned to the domain",
		"xl debug-keys Q; xl dmesg" },
	[EMT_FACT_IOMEM_CAPS] = { "iomem_caps", EMT_FK_LIST, "mfn", "I/O memory the domain may map",
		"xl debug-keys q; xl dmesg" },
	[EMT_FACT_IOPORT_CAPS] = { "ioport_caps", EMT_FK_LIST, "port", "I/O ports the domain may use",
		"xl debug-keys q; xl dmesg" },
	[EMT_FACT_CAPS_EVER_HELD] = { "caps_ever_held", EMT_FK_BOOL, "",
		"the domain held an I/O right at some time, even if all are revoked now",
		"the toolstack's log of iomem, ioports and pci changes of this domain" },
	[EMT_FACT_HOST_MTRR_CHANGED] = { "host_mtrr_changed", EMT_FK_BOOL, "",
		"dom0 changed a host MTRR after entries were computed",
		"compare dom0's /proc/mtrr with the boot log (mtrr.show)" },
	[EMT_FACT_MMIO_RO_CHANGED] = { "mmio_ro_changed", EMT_FK_BOOL, "",
		"read-only MMIO ranges changed after entries were computed",
		"MSI-X enabled or disabled on a device: xl debug-keys M; xl dmesg" },
	[EMT_FACT_RESTORED] = { "restored", EMT_FK_BOOL, "", "the guest was restored or migrated",
		"xl list -l, or the toolstack's log" },
	[EMT_FACT_IDENT_PT] = { "hvm_param_ident_pt", EMT_FK_BOOL, "", "HVM_PARAM_IDENT_PT is set (before 4.5)",
		"set by the domain builder for every HVM guest" },
	[EMT_FACT_UC_MODE] = { "uc_mode", EMT_FK_BOOL, "", "guest CR0.CD put the domain in UC mode (before 4.2.4)",
		"not readable from outside" },
	[EMT_FACT_CURRENT] = { "current", EMT_FK_INT, "", "vCPU whose MTRRs decided, -1 = dom0 (vCPU 0's)",
		"not recorded anywhere: each vCPU's answer is possible" },
	[EMT_FACT_VCPU_MTRR] = { "vcpu_mtrr", EMT_FK_MTRR, "", "MTRRs of each vCPU",
		"xen-hvmctx DOMID, or /proc/mtrr inside the guest" },
	[EMT_FACT_HOST_MTRR] = { "host_mtrr", EMT_FK_MTRR, "", "MTRRs of the host",
		"boot Xen with mtrr.show and read xl dmesg, or dom0's /proc/mtrr" },
	[EMT_FACT_HOST_MTRR_EARLIER] = { "host_mtrr_earlier", EMT_FK_MTRR, "",
		"host MTRRs that were in force when entries were computed",
		"the boot log (mtrr.show) beside dom0's /proc/mtrr" },
	[EMT_FACT_VALID] = { "valid", EMT_FK_LIST, "mfn", "frames for which mfn_valid() holds",
		"follows from the host E820 and max_page" },
	[EMT_FACT_SPECIAL] = { "special", EMT_FK_LIST, "mfn", "Xen-heap and extra pages of the domain",
		"xl debug-keys q; xl dmesg (XenPage, ExtraPage)" },
	[EMT_FACT_APIC_MFN] = { "apic_mfn", EMT_FK_INT, "mfn", "the APIC access page",
		"what gfn 0xfee00 maps" },
	[EMT_FACT_MMIO_RO] = { "mmio_ro", EMT_FK_LIST, "mfn", "read-only MMIO frames (mmio_ro_ranges)",
		"IO-APIC, MMCFG, HPET pages and MSI-X tables; the query interface lists them" },
	[EMT_FACT_PINS] = { "pins", EMT_FK_LIST, "gfn", "pinned cache attributes, in order of creation",
		"nothing reads them back but the query interface; qemu pins the frame buffer" },
	[EMT_FACT_P2M_TYPES] = { "types", EMT_FK_LIST, "gfn", "p2m types",
		"HVMOP_get_mem_type on a live host, or raw tables" },
	[EMT_FACT_MAX_PAGE] = { "max_page", EMT_FK_INT, "mfn", "first frame above all memory",
		"xl dmesg, XENMEM_maximum_ram_page" },
	[EMT_FACT_HOST_E820] = { "host_e820", EMT_FK_LIST, "mfn", "memory map of the host, tag 1 = RAM",
		"xl dmesg (RAM map), /sys/firmware/memmap in dom0" },
	[EMT_FACT_GUEST_E820] = { "guest_e820", EMT_FK_LIST, "gfn", "memory map of the guest, tag 1 = RAM",
		"the guest's own boot log" },
	[EMT_FACT_VCPU_PAT] = { "vcpu_pat", EMT_FK_INT, "", "IA32_PAT of each vCPU", "xen-hvmctx DOMID" },
	[EMT_FACT_VCPU_CR0] = { "vcpu_cr0", EMT_FK_INT, "", "CR0 of each vCPU", "xen-hvmctx DOMID" },
	[EMT_FACT_VCPU_CR3] = { "vcpu_cr3", EMT_FK_INT, "", "CR3 of each vCPU: where its page tables begin",
		"xen-hvmctx DOMID" },
	[EMT_FACT_VCPU_CR4] = { "vcpu_cr4", EMT_FK_INT, "", "CR4 of each vCPU", "xen-hvmctx DOMID" },
	[EMT_FACT_VCPU_EFER] = { "vcpu_efer", EMT_FK_INT, "", "EFER of each vCPU", "xen-hvmctx DOMID" },
	[EMT_FACT_KVM_NONCOHERENT] = { "noncoherent_dma", EMT_FK_BOOL, "", "KVM: non-coherent DMA is registered",
		"a VFIO device whose IOMMU cannot enforce snooping" },
	[EMT_FACT_KVM_QUIRK_CD] = { "quirk_cd_nw_cleared", EMT_FK_BOOL, "", "KVM_X86_QUIRK_CD_NW_CLEARED is on",
		"on unless the VMM disabled it" },
	[EMT_FACT_KVM_QUIRK_PAT] = { "quirk_ignore_guest_pat", EMT_FK_BOOL, "",
		"KVM_X86_QUIRK_IGNORE_GUEST_PAT is on", "on unless the VMM disabled it (6.16+)" },
	[EMT_FACT_KVM_SELF_SNOOP] = { "self_snoop", EMT_FK_BOOL, "", "the CPU has self-snoop",
		"grep -w ss /proc/cpuinfo" },
	[EMT_FACT_KVM_CPUID_MTRR] = { "cpuid_mtrr", EMT_FK_BOOL, "", "the guest's CPUID shows MTRRs",
		"CPUID.1:EDX[12] of the guest" },
	[EMT_FACT_KVM_MAXPHYADDR] = { "maxphyaddr", EMT_FK_INT, "bits", "physical address width of the guest",
		"CPUID.80000008h of the guest" },
	[EMT_FACT_KVM_MMIO] = { "kvm_mmio", EMT_FK_LIST, "mfn", "frames that KVM takes for MMIO", "/proc/iomem" },
	[EMT_FACT_KVM_SLOT_NC] = { "slot_noncoherent", EMT_FK_LIST, "gfn",
		"memslots with KVM_MEM_NON_COHERENT_DMA", "only on kernels that carry the patch" },
	[EMT_FACT_KVM_NC_EVER] = { "noncoherent_ever", EMT_FK_BOOL, "",
		"KVM: non-coherent DMA was registered at some time, even if it is not now",
		"the VMM's log of VFIO devices of this guest" },
	[EMT_FACT_KVM_MEMSLOTS] = { "memslots", EMT_FK_LIST, "gfn", "memslots, tag = their flags",
		"the VMM's memory map; a live source reads them" },
	[EMT_FACT_PV_KERNEL] = { "pv_kernel", EMT_FK_TEXT, "", "PV: release of the domain's Linux",
		"uname -r inside the domain" },
	[EMT_FACT_PV_M2P] = { "pv_m2p", EMT_FK_LIST, "gfn",
		"PV: frames that the M2P gives to another place (tag, low 32 bits of its gfn)",
		"compared by a live source, or out of a machine's memory" },
	[EMT_FACT_PCI_BARS] = { "pci_bars", EMT_FK_LIST, "mfn",
		"device memory, tag = segment << 19, bus << 11, device << 6, function << 3, BAR (6: ROM)",
		"lspci -v in the domain that has the devices" },
};

bool emt_fact_tagged(enum emt_fact_id id)
{
	return id == EMT_FACT_SPECIAL || id == EMT_FACT_PINS || id == EMT_FACT_P2M_TYPES || id == EMT_FACT_HOST_E820 ||
	       id == EMT_FACT_GUEST_E820 || id == EMT_FACT_KVM_MEMSLOTS || id == EMT_FACT_PV_M2P || id == EMT_FACT_PCI_BARS;
}

char *emt_bar_name(uint32_t tag, char out[EMT_BAR_ROOM])
{
	unsigned int bar = tag & 7, n = (unsigned int)snprintf(out, EMT_BAR_ROOM, "%04x:%02x:%02x.%x ", tag >> 19,
							      tag >> 11 & 0xff, tag >> 6 & 31, tag >> 3 & 7);

	if (tag == EMT_BAR_NONE)
		snprintf(out, EMT_BAR_ROOM, "device memory");
	else if (bar < 6)
		snprintf(out + n, EMT_BAR_ROOM - n, "BAR %u", bar);
	else
		snprintf(out + n, EMT_BAR_ROOM - n, "ROM");
	return out;
}

int emt_fact_by_name(const char *name)
{
	for (int i = 0; i < EMT_FACT_NR; i++)
		if (!strcmp(emt_fact_descs[i].name, name))
			return i;
	return -1;
}

const char *emt_held_name(unsigned int held)
{
	static const char *const names[] = { "unknown", "assumed", "known" };

	return held < EMT_ARRAY_SIZE(names) ? names[held] : "unknown";
}

void emt_mtrr_hold(struct emt_mtrr *m, enum emt_held held)
{
	m->def_held = m->fixed_held = (uint8_t)held;
	memset(m->var_held, held, sizeof(m->var_held));
}

void emt_mtrr_init(struct emt_mtrr *m)
{
	memset(m, 0, sizeof(*m));
	m->vcnt = 8;
}

void emt_facts_init(struct emt_facts *f)
{
	memset(f, 0, sizeof(*f));
	for (int i = 0; i < EMT_FACT_NR; i++)
		f->prov[i].last = EMT_NO_FRAME;
	f->apic_mfn = EMT_NO_FRAME;
	f->current = -1;
	emt_mtrr_init(&f->host_mtrr);
}

struct emt_ranges *emt_facts_list(struct emt_facts *f, enum emt_fact_id id)
{
	switch (id) {
	case EMT_FACT_IOMEM_CAPS: return &f->iomem_caps;
	case EMT_FACT_IOPORT_CAPS: return &f->ioport_caps;
	case EMT_FACT_VALID: return &f->valid;
	case EMT_FACT_SPECIAL: return &f->special;
	case EMT_FACT_MMIO_RO: return &f->mmio_ro;
	case EMT_FACT_PINS: return &f->pins;
	case EMT_FACT_P2M_TYPES: return &f->p2m_types;
	case EMT_FACT_HOST_E820: return &f->host_e820;
	case EMT_FACT_GUEST_E820: return &f->guest_e820;
	case EMT_FACT_KVM_MMIO: return &f->kvm_mmio;
	case EMT_FACT_KVM_SLOT_NC: return &f->kvm_slot_nc;
	case EMT_FACT_KVM_MEMSLOTS: return &f->kvm_memslots;
	case EMT_FACT_PV_M2P: return &f->pv_m2p;
	case EMT_FACT_PCI_BARS: return &f->pci_bars;
	default: return NULL;
	}
}

const struct emt_ranges *emt_facts_clist(const struct emt_facts *f, enum emt_fact_id id)
{
	return emt_facts_list((struct emt_facts *)f, id);
}

uint64_t **emt_facts_registers(struct emt_facts *f, enum emt_fact_id id)
{
	switch (id) {
	case EMT_FACT_VCPU_PAT: return &f->vcpu_pat;
	case EMT_FACT_VCPU_CR0: return &f->vcpu_cr0;
	case EMT_FACT_VCPU_CR3: return &f->vcpu_cr3;
	case EMT_FACT_VCPU_CR4: return &f->vcpu_cr4;
	case EMT_FACT_VCPU_EFER: return &f->vcpu_efer;
	default: return NULL;
	}
}

const uint64_t *emt_facts_cregisters(const struct emt_facts *f, enum emt_fact_id id)
{
	uint64_t **v = emt_facts_registers((struct emt_facts *)f, id);

	return v ? *v : NULL;
}

uint8_t *emt_facts_flag(struct emt_facts *f, enum emt_fact_id id)
{
	switch (id) {
	case EMT_FACT_IOMMU_ENABLED: return &f->iommu_enabled;
	case EMT_FACT_IOMMU_SNOOP: return &f->iommu_snoop;
	case EMT_FACT_DOMAIN_IOMMU: return &f->domain_iommu;
	case EMT_FACT_IOMMU_SHARED: return &f->iommu_shared;
	case EMT_FACT_CAPS_EVER_HELD: return &f->caps_ever_held;
	case EMT_FACT_HOST_MTRR_CHANGED: return &f->host_mtrr_changed;
	case EMT_FACT_MMIO_RO_CHANGED: return &f->mmio_ro_changed;
	case EMT_FACT_RESTORED: return &f->restored;
	case EMT_FACT_IDENT_PT: return &f->ident_pt;
	case EMT_FACT_UC_MODE: return &f->uc_mode;
	case EMT_FACT_KVM_NONCOHERENT: return &f->kvm_noncoherent;
	case EMT_FACT_KVM_QUIRK_CD: return &f->kvm_quirk_cd;
	case EMT_FACT_KVM_QUIRK_PAT: return &f->kvm_quirk_pat;
	case EMT_FACT_KVM_SELF_SNOOP: return &f->kvm_self_snoop;
	case EMT_FACT_KVM_CPUID_MTRR: return &f->kvm_cpuid_mtrr;
	case EMT_FACT_KVM_NC_EVER: return &f->kvm_nc_ever;
	default: return NULL;
	}
}

void emt_facts_free(struct emt_facts *f)
{
	for (int i = 0; i < EMT_FACT_NR; i++) {
		struct emt_ranges *r = emt_facts_list(f, (enum emt_fact_id)i);

		if (r)
			emt_ranges_free(r);
	}
	for (int i = 0; i < EMT_FACT_NR; i++) {
		uint64_t **v = emt_facts_registers(f, (enum emt_fact_id)i);

		if (v)
			free(*v);
	}
	free(f->vcpu_mtrr);
	free(f->host_earlier);
	for (size_t i = 0; i < f->nr_interned; i++)
		free(f->interned[i]);
	free(f->interned);
	emt_facts_init(f);
}

static void *dup_array(const void *from, size_t n, size_t size)
{
	void *to = n ? malloc(n * size) : NULL;

	if (to)
		memcpy(to, from, n * size);
	return to;
}

int emt_facts_copy(struct emt_facts *to, const struct emt_facts *from)
{
	int rc = 0;

	*to = *from;
	to->interned = NULL;
	to->nr_interned = 0;
	for (int i = 0; i < EMT_FACT_NR; i++) {
		struct emt_ranges *r = emt_facts_list(to, (enum emt_fact_id)i);

		if (r && emt_ranges_copy(r, emt_facts_clist(from, (enum emt_fact_id)i)))
			rc = EMT_E_NOMEM;
		if (from->prov[i].origin) {
			to->prov[i].origin = emt_facts_intern(to, from->prov[i].origin);
			if (!to->prov[i].origin)
				rc = EMT_E_NOMEM;
		}
	}
	to->vcpu_mtrr = dup_array(from->vcpu_mtrr, from->nr_vcpus, sizeof(*to->vcpu_mtrr));
	for (int i = 0; i < EMT_FACT_NR; i++) {
		uint64_t **v = emt_facts_registers(to, (enum emt_fact_id)i);

		if (!v)
			continue;
		*v = dup_array(*v, from->nr_vcpus, sizeof(**v));
		if (from->nr_vcpus && !*v)
			rc = EMT_E_NOMEM;
	}
	to->host_earlier = dup_array(from->host_earlier, from->nr_host_earlier, sizeof(*to->host_earlier));
	if (from->nr_vcpus && !to->vcpu_mtrr)
		rc = EMT_E_NOMEM;
	if (from->nr_host_earlier && !to->host_earlier)
		rc = EMT_E_NOMEM;
	if (rc)
		emt_facts_free(to);
	return rc;
}

const char *emt_facts_intern(struct emt_facts *f, const char *s)
{
	char **v, *copy;

	for (size_t i = 0; i < f->nr_interned; i++)
		if (!strcmp(f->interned[i], s))
			return f->interned[i];
	v = realloc(f->interned, (f->nr_interned + 1) * sizeof(*v));
	if (!v)
		return NULL;
	f->interned = v;
	copy = strdup(s);
	if (copy)
		v[f->nr_interned++] = copy;
	return copy;
}

void emt_facts_set(struct emt_facts *f, enum emt_fact_id id, enum emt_held held, const char *origin)
{
	f->prov[id].held = (uint8_t)held;
	f->prov[id].rest = (uint8_t)held;
	f->prov[id].origin = origin;
}

void emt_facts_set_list(struct emt_facts *f, enum emt_fact_id id, enum emt_held held, enum emt_held rest,
			const char *origin)
{
	emt_facts_set(f, id, held, origin);
	f->prov[id].rest = (uint8_t)rest;
}

int emt_facts_vcpus(struct emt_facts *f, uint32_t n)
{
	struct emt_mtrr *m;

	if (n <= f->nr_vcpus)
		return 0;
	m = realloc(f->vcpu_mtrr, n * sizeof(*m));
	if (!m)
		return EMT_E_NOMEM;
	f->vcpu_mtrr = m;
	for (int id = 0; id < EMT_FACT_NR; id++) {
		uint64_t **slot = emt_facts_registers(f, (enum emt_fact_id)id);
		uint64_t *v = slot ? realloc(*slot, n * sizeof(*v)) : NULL;

		if (slot && !v)
			return EMT_E_NOMEM;
		if (!slot)
			continue;
		*slot = v;
		memset(v + f->nr_vcpus, 0, (n - f->nr_vcpus) * sizeof(*v));
	}
	for (uint32_t i = f->nr_vcpus; i < n; i++)
		emt_mtrr_init(&m[i]);
	f->nr_vcpus = n;
	return 0;
}

bool emt_fact_concerns(const struct emt_facts *f, enum emt_fact_id id)
{
	bool kvm = id >= EMT_FACT_KVM_NONCOHERENT && id <= EMT_FACT_KVM_MEMSLOTS;
	bool both = id <= EMT_FACT_PAGING || id == EMT_FACT_VCPU_MTRR ||
		    (id >= EMT_FACT_VCPU_PAT && id <= EMT_FACT_VCPU_EFER) || id == EMT_FACT_GUEST_E820 || id == EMT_FACT_HOST_E820;

	if (id >= EMT_FACT_PV_KERNEL)
		return f->paging == EMT_PAGING_PV;
	/* its entries have no type: nothing that decides one matters */
	if (f->paging == EMT_PAGING_PV)
		return id <= EMT_FACT_PAGING || id == EMT_FACT_GUEST_E820;
	return both || kvm == (f->is_kvm != 0);
}
