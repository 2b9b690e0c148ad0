/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "memory/inputs.h"

#include <stdio.h>
#include <string.h>

#define ORIGIN "hypervisor memory"
#define DOMAINS_MAX 32768
#define RANGES_MAX 65536
#define PINS_MAX 65536
#define VCPUS_MAX 8192
#define CDF_HAP 2u
#define CDF_IOMMU 32u
#define GROUP_FRAMES 65536ull /* of pdx_group_valid: one bit */

struct in {
	struct emt_discovery *d;
	const struct emt_symbols *s;
	const struct emt_xen_layout *l;
	struct emt_facts *f;
};

static bool get(struct in *in, uint64_t va, void *to, size_t len)
{
	return va && !emt_xen_read(&in->d->xen, va, to, len);
}

static uint64_t word(struct in *in, uint64_t va)
{
	uint64_t v;

	return get(in, va, &v, sizeof(v)) ? v : 0;
}

static uint64_t symbol_word(struct in *in, const char *name)
{
	return word(in, emt_symbol(in->s, name));
}

/* A rangeset: its name must be the one expected, and its list must come back. */
static bool rangeset(struct in *in, uint64_t va, const char *name, struct emt_ranges *to)
{
	uint64_t head = va + in->l->rangeset_list, at, last = 0;
	char got[32];

	if (!va || !get(in, va + in->l->rangeset_name, got, sizeof(got)) || strncmp(got, name, sizeof(got)))
		return false;
	to->n = 0;
	at = word(in, head);
	for (size_t i = 0; at != head; i++, at = word(in, at)) {
		uint64_t first = word(in, at + in->l->range_start), end = word(in, at + in->l->range_end);

		/* sorted, apart, and never so many */
		if (!at || i == RANGES_MAX || end < first || (i && first <= last) ||
		    emt_ranges_add(to, first, end, 0, EMT_KNOWN))
			return false;
		last = end;
	}
	return true;
}

static void list_fact(struct in *in, enum emt_fact_id id, uint64_t va, const char *name)
{
	struct emt_ranges *list = emt_facts_list(in->f, id);

	if (rangeset(in, va, name, list))
		emt_facts_set_list(in->f, id, EMT_KNOWN, EMT_KNOWN, ORIGIN);
	else
		list->n = 0;
}

static bool type_ok(unsigned int t)
{
	return t <= EMT_MT_WB && t != EMT_MT_RSVD2 && t != EMT_MT_RSVD3;
}

/* struct mtrr_state at 'va'; 'vcnt' by its capability word. */
static bool mtrrs(struct in *in, uint64_t va, struct emt_mtrr *m)
{
	uint8_t raw[256];
	uint64_t var, cap;
	unsigned int n;

	emt_mtrr_init(m);
	if (in->l->mtrr_size > sizeof(raw) || !get(in, va, raw, in->l->mtrr_size))
		return false;
	memcpy(&var, raw, 8);
	memcpy(&cap, raw + in->l->mtrr_cap, 8);
	memcpy(m->fixed, raw + in->l->mtrr_fixed, sizeof(m->fixed));
	m->e = raw[in->l->mtrr_enabled];
	m->fe = raw[in->l->mtrr_fixed_enabled];
	m->def_type = raw[in->l->mtrr_def_type];
	n = cap & 0xff;
	if (m->e > 1 || m->fe > 1 || !type_ok(m->def_type) || n > EMT_MTRR_VAR_MAX)
		return false;
	if (n && !get(in, var, m->var, n * sizeof(m->var[0])))
		return false;
	m->vcnt = (uint8_t)n;
	emt_mtrr_hold(m, EMT_KNOWN);
	return true;
}

static void vcpus(struct in *in, uint64_t dom)
{
	uint64_t array = word(in, dom + in->l->domain_vcpu);
	static const enum emt_fact_id ids[] = { EMT_FACT_VCPU_CR0, EMT_FACT_VCPU_CR3, EMT_FACT_VCPU_CR4,
						EMT_FACT_VCPU_EFER };
	uint32_t n = 0, got = 0;

	if (!get(in, dom + in->l->domain_max_vcpus, &n, sizeof(n)) || n > VCPUS_MAX ||
	    emt_facts_vcpus(in->f, n))
		return;
	for (uint32_t v = 0; v < n; v++) {
		uint64_t vcpu = word(in, array + 8ull * v);

		got += vcpu && mtrrs(in, vcpu + in->l->vcpu_mtrr, &in->f->vcpu_mtrr[v]);
		if (!vcpu)
			continue;
		/* guest_cr[5]: with HAP Xen notes CR3 at each exit */
		in->f->vcpu_cr0[v] = word(in, vcpu + in->l->vcpu_cr);
		in->f->vcpu_cr3[v] = word(in, vcpu + in->l->vcpu_cr + 24);
		in->f->vcpu_cr4[v] = word(in, vcpu + in->l->vcpu_cr + 32);
		in->f->vcpu_efer[v] = word(in, vcpu + in->l->vcpu_efer);
	}
	if (!n || got != n)
		return;
	emt_facts_set(in->f, EMT_FACT_VCPU_MTRR, EMT_KNOWN, ORIGIN);
	for (size_t i = 0; i < EMT_ARRAY_SIZE(ids); i++)
		emt_facts_set(in->f, ids[i], EMT_KNOWN, ORIGIN);
	/* arch.hvm.pat_cr does not follow the guest on VMX: the PAT stays unknown */
}

/* The list is newest first; facts keep the order of creation. */
static void pins(struct in *in, uint64_t dom)
{
	uint64_t head = dom + in->l->domain_pins, at = word(in, head);
	struct emt_ranges *list = &in->f->pins;

	list->n = 0;
	for (size_t i = 0; at != head; i++, at = word(in, at)) {
		uint64_t first = word(in, at + in->l->pin_start), last = word(in, at + in->l->pin_end);
		uint32_t type = 0;

		if (!at || i == PINS_MAX || last < first ||
		    !get(in, at + in->l->pin_type, &type, sizeof(type)) || type > EMT_MT_7 ||
		    emt_ranges_add(list, first, last, type, EMT_KNOWN)) {
			list->n = 0;
			return;
		}
	}
	for (size_t i = 0; i < list->n / 2; i++) {
		struct emt_range t = list->v[i];

		list->v[i] = list->v[list->n - 1 - i];
		list->v[list->n - 1 - i] = t;
	}
	emt_facts_set_list(in->f, EMT_FACT_PINS, EMT_KNOWN, EMT_KNOWN, ORIGIN);
}

/* mfn_valid(): below max_page, and the bit of its group is set. */
static void valid_frames(struct in *in)
{
	uint64_t max = symbol_word(in, "max_page"), bits = emt_symbol(in->s, "pdx_group_valid");
	uint32_t hole = 1;

	if (!max || !bits || max >> 40 || !get(in, emt_symbol(in->s, "pfn_pdx_hole_shift"), &hole, 4) || hole)
		return;
	in->f->max_page = max;
	emt_facts_set(in->f, EMT_FACT_MAX_PAGE, EMT_KNOWN, ORIGIN);
	in->f->valid.n = 0;
	for (uint64_t first = 0; first < max; first += GROUP_FRAMES) {
		uint64_t group = first / GROUP_FRAMES, last = first + GROUP_FRAMES - 1;
		uint8_t byte;

		if (!get(in, bits + group / 8, &byte, 1))
			return;
		if (byte >> group % 8 & 1 &&
		    emt_ranges_add(&in->f->valid, first, last < max ? last : max - 1, 0, EMT_KNOWN))
			return;
	}
	emt_facts_set_list(in->f, EMT_FACT_VALID, EMT_KNOWN, EMT_KNOWN, ORIGIN);
}

static void flag(struct in *in, enum emt_fact_id id, uint64_t va)
{
	uint8_t v;

	if (!get(in, va, &v, 1) || v > 1)
		return;
	*emt_facts_flag(in->f, id) = v;
	emt_facts_set(in->f, id, EMT_KNOWN, ORIGIN);
}

int emt_inputs_facts(struct emt_discovery *d, const struct emt_symbols *s, const struct emt_xen_layout *l,
		     const struct emt_found_domain *dom, struct emt_facts *f, struct emt_err *err)
{
	struct in in = { d, s, l, f };
	uint64_t va = EMT_XEN_DIRECTMAP + (dom->struct_mfn << 12);
	uint8_t u[16];
	uint32_t options;

	if (!get(&in, va + l->domain_options, &options, sizeof(options)) ||
	    !get(&in, va + l->domain_handle, u, 16))
		return emt_err_set(err, EMT_E_IO, ORIGIN, NULL, "struct domain of domain %u cannot be read",
				   dom->domid);
	f->domain_iommu = options & CDF_IOMMU ? 1 : 0;
	emt_facts_set(f, EMT_FACT_DOMAIN_IOMMU, EMT_KNOWN, ORIGIN);
	snprintf(f->domain_uuid, sizeof(f->domain_uuid),
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1], u[2],
		 u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
	flag(&in, EMT_FACT_IOMMU_ENABLED, emt_symbol(s, "iommu_enabled"));
	flag(&in, EMT_FACT_IOMMU_SNOOP, emt_symbol(s, "iommu_snoop"));
	flag(&in, EMT_FACT_IOMMU_SHARED, va + l->domain_hap_pt_share);
	list_fact(&in, EMT_FACT_MMIO_RO, symbol_word(&in, "mmio_ro_ranges"), "r/o mmio ranges");
	list_fact(&in, EMT_FACT_IOMEM_CAPS, word(&in, va + l->domain_iomem_caps), "I/O Memory");
	list_fact(&in, EMT_FACT_IOPORT_CAPS, word(&in, va + l->domain_ioport_caps), "I/O Ports");
	if (mtrrs(&in, emt_symbol(s, "mtrr_state"), &f->host_mtrr))
		emt_facts_set(f, EMT_FACT_HOST_MTRR, EMT_KNOWN, ORIGIN);
	vcpus(&in, va);
	pins(&in, va);
	valid_frames(&in);
	return 0;
}

/* ---- roots ---- */

static int root_is(struct in *in, struct emt_found_domain *dom, struct emt_found_root *r,
		   const struct emt_format *format, const struct emt_epte_layout *epte, uint64_t root,
		   const char *what, struct emt_err *err)
{
	const char *path = emt_mem_path(in->d->xen.mem);

	if (!root && !r->format)
		return 0;
	if (r->format && r->root != root)
		return emt_err_set(err, EMT_E_FORMAT, path, "leave syms= away, or give root=MADDR",
				   "%s of domain %u: found at %#llx, but its structures say %#llx", what,
				   dom->domid, (unsigned long long)r->root << 12,
				   (unsigned long long)root << 12);
	if (r->format)
		return 0;
	r->format = format;
	r->root = root;
	r->levels = 4;
	emt_root_check(&in->d->xen, format, epte, root, 4, (uint32_t)dom->struct_mfn, &r->check);
	/* exact, so an empty or torn tree is taken too; its counts say what it is worth */
	return 0;
}

static int domain_roots(struct in *in, struct emt_found_domain *dom, const struct emt_epte_layout *epte,
			struct emt_err *err)
{
	uint64_t va = EMT_XEN_DIRECTMAP + (dom->struct_mfn << 12), p2m = word(in, va + in->l->domain_p2m);
	uint64_t root = word(in, p2m + in->l->p2m_phys_table), eptp = word(in, p2m + in->l->p2m_eptp);
	uint64_t vtd = word(in, va + in->l->domain_vtd_pgd), amd = word(in, va + in->l->domain_amd_root);
	bool ept = (eptp & 0xfbf) == 0x1e && (eptp & EMT_EPTE_MFN_BITS) >> 12 == root;
	uint32_t options = 0;
	int rc = 0;

	get(in, va + in->l->domain_options, &options, sizeof(options));
	if (options & CDF_HAP) {
		if (!p2m || word(in, p2m + in->l->p2m_domain) != va)
			return emt_err_set(err, EMT_E_FORMAT, emt_mem_path(in->d->xen.mem), NULL,
					   "the p2m of domain %u does not point back to it", dom->domid);
		rc = root_is(in, dom, &dom->p2m, ept ? &emt_format_ept : &emt_format_npt, epte, root, "p2m",
			     err);
	}
	/* both kinds share a place: one holds an address, the other a pointer into the frame table */
	if (!rc && dom->iommu.format == &emt_format_amdvi)
		rc = root_is(in, dom, &dom->iommu, NULL, NULL,
			     amd > EMT_XEN_FRAMETABLE ? (amd - EMT_XEN_FRAMETABLE) / EMT_XEN_PAGE_INFO : 0,
			     "IOMMU table", err);
	else if (!rc && dom->iommu.format == &emt_format_vtd)
		rc = root_is(in, dom, &dom->iommu, NULL, NULL, vtd >> 12, "IOMMU table", err);
	return rc;
}

int emt_inputs_roots(struct emt_discovery *d, const struct emt_symbols *s, const struct emt_xen_layout *l,
		     const struct emt_epte_layout *epte, struct emt_err *err)
{
	struct in in = { d, s, l, NULL };
	uint64_t at = symbol_word(&in, "domain_list");
	size_t seen = 0;
	int rc = 0;

	for (size_t hops = 0; at && hops < DOMAINS_MAX && !rc; hops++, at = word(&in, at + l->domain_next)) {
		uint64_t mfn = (at - EMT_XEN_DIRECTMAP) >> 12;

		for (size_t i = 0; i < d->nr_domains; i++)
			if (d->domains[i].struct_mfn == mfn) {
				seen++;
				rc = domain_roots(&in, &d->domains[i], epte, err);
			}
	}
	if (!rc && seen != d->nr_domains)
		rc = emt_err_set(err, EMT_E_FORMAT, emt_mem_path(d->xen.mem), "leave syms= away",
				 "owners of frames name %zu domains, Xen's list holds %zu of them",
				 d->nr_domains, seen);
	return rc;
}
