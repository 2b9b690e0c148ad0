/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the query payload must know of the build that it runs in: one row for each
 * number. Shared by the payload and by emt, which fills them in when it loads it. Each is
 * checked by the payload before it answers (check.c).
 */
#ifndef EMT_XEN_QUERY_FIELDS_H
#define EMT_XEN_QUERY_FIELDS_H

/* F(NAME, struct, member, bytes that it must have (0 = any)): places of members. */
#define EMT_QUERY_MEMBERS(F) \
	F(DOMAIN_ID, "domain", "domain_id", 2) \
	F(DOMAIN_VCPU, "domain", "vcpu", 8) \
	F(DOMAIN_OPTIONS, "domain", "options", 4) \
	F(DOMAIN_IOMEM, "domain", "iomem_caps", 8) \
	F(DOMAIN_IOPORT, "domain", "arch.ioport_caps", 8) \
	F(DOMAIN_P2M, "domain", "arch.p2m", 8) \
	F(DOMAIN_PINS, "domain", "arch.hvm.pinned_cacheattr_ranges", 16) \
	F(VCPU_ID, "vcpu", "vcpu_id", 4) \
	F(VCPU_DOMAIN, "vcpu", "domain", 8) \
	F(VCPU_MTRR, "vcpu", "arch.hvm.mtrr", 120) \
	F(VCPU_CR, "vcpu", "arch.hvm.guest_cr", 0) \
	F(P2M_DOMAIN, "p2m_domain", "domain", 8) \
	F(P2M_TABLE, "p2m_domain", "phys_table", 8) \
	F(P2M_MAX, "p2m_domain", "max_mapped_pfn", 8) \
	F(P2M_EPTP, "p2m_domain", "ept.eptp", 8) \
	F(PAGE_COUNT, "page_info", "count_info", 8) \
	F(PAGE_OWNER, "page_info", "v.inuse._domain", 4) \
	F(PIN_START, "hvm_mem_pinned_cacheattr_range", "start", 8) \
	F(PIN_END, "hvm_mem_pinned_cacheattr_range", "end", 8) \
	F(PIN_TYPE, "hvm_mem_pinned_cacheattr_range", "type", 4) \
	F(MTRR_VAR, "mtrr_state", "var_ranges", 8) \
	F(MTRR_FIXED, "mtrr_state", "fixed_ranges", 88) \
	F(MTRR_ENABLED, "mtrr_state", "enabled", 1) \
	F(MTRR_FE, "mtrr_state", "fixed_enabled", 1) \
	F(MTRR_HAVE_FIXED, "mtrr_state", "have_fixed", 1) \
	F(MTRR_DEF, "mtrr_state", "def_type", 1) \
	F(MTRR_CAP, "mtrr_state", "mtrr_cap", 8) \
	F(RANGESET_DOMAIN, "rangeset", "domain", 8) \
	F(RANGESET_NAME, "rangeset", "name", 32) \
	F(CURRENT_VCPU, "cpu_info", "current_vcpu", 8)

/* S(NAME, struct): sizes. */
#define EMT_QUERY_SIZES(S) \
	S(PAGE_SIZEOF, "page_info") \
	S(CPU_INFO_SIZEOF, "cpu_info")

enum emt_query_field {
#define F(name, type, member, size) EMT_QF_##name,
#define S(name, type) EMT_QF_##name,
	EMT_QUERY_MEMBERS(F)
	EMT_QUERY_SIZES(S)
#undef F
#undef S
	EMT_QF_NR
};

/* Symbols of Xen that the payload uses: Xen resolves them from its own table. */
#define EMT_QUERY_SYMBOLS(F) \
	F("iommu_do_domctl") F("iommu_do_pci_domctl") F("map_domain_page") F("unmap_domain_page") F("__mfn_valid") \
	F("alloc_xenheap_pages") F("free_xenheap_pages") F("rangeset_report_ranges") F("epte_get_entry_emt") \
	F("hvm_get_mem_pinned_cacheattr") F("getdomaininfo") F("domain_get_maximum_gpfn") F("copy_to_guest_pv") \
	F("copy_to_user_hvm") F("xen_major_version") F("xen_minor_version") F("xen_extra_version") \
	F("hardware_domain") F("mmio_ro_ranges") F("mtrr_state") F("iommu_enabled") F("iommu_snoop") \
	F("pfn_pdx_bottom_mask") F("pfn_top_mask") F("pfn_pdx_hole_shift") F("__x86_return_thunk")

#endif
