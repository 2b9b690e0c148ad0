/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compiled with -g -Wl,--build-id=sha1 this has the debug information and the symbols by which
 * the query payload's numbers are found: structs of our own, placed as no Xen places them.
 */
typedef unsigned char u8; typedef unsigned short domid_t; typedef unsigned int u32; typedef unsigned long ul;
struct list_head { struct list_head *next, *prev; };
struct mtrr_var_range { ul base, mask; };
struct mtrr_state { struct mtrr_var_range *var_ranges; u8 fixed_ranges[88]; _Bool enabled,
  fixed_enabled, have_fixed; u8 def_type; ul mtrr_cap; _Bool overlapped; };
struct page_info { union { struct list_head l; ul up; }; ul count_info; union { ul x; } u;
  union { struct { u32 _domain; } inuse; struct { u32 order; } free; } v; ul more[2]; };
struct rangeset { struct list_head a; struct domain *domain; char name[32]; };
struct hvm_mem_pinned_cacheattr_range { struct list_head list; ul start, end; u32 type; };
struct p2m_domain { ul lock[5]; struct domain *domain; struct { ul pfn; } phys_table; ul max_mapped_pfn;
  union { struct { union { struct { ul mt : 3, wl : 3; }; ul eptp; }; } ept; ul npt; }; };
struct vcpu { int vcpu_id, processor; ul pad; struct domain *domain;
  struct { ul other; union { struct { ul a[3]; ul guest_cr[5]; struct mtrr_state mtrr; } hvm; ul pv; }; } arch; };
struct domain { domid_t domain_id; u32 max_vcpus; struct vcpu **vcpu; u32 options; struct rangeset *iomem_caps;
  struct { struct rangeset *ioport_caps; struct p2m_domain *p2m;
    union { struct { ul q; struct list_head pinned_cacheattr_ranges; } hvm; ul pv; }; } arch; };
struct cpu_info { ul regs[7]; struct vcpu *current_vcpu; ul o; };
struct domain d; struct vcpu v; struct page_info p; struct rangeset r; struct p2m_domain m;
struct hvm_mem_pinned_cacheattr_range h; struct cpu_info c; struct mtrr_state mtrr_state;
int iommu_do_domctl;
int iommu_do_pci_domctl;
int map_domain_page;
int unmap_domain_page;
int __mfn_valid;
int alloc_xenheap_pages;
int free_xenheap_pages;
int rangeset_report_ranges;
int epte_get_entry_emt;
int hvm_get_mem_pinned_cacheattr;
int getdomaininfo;
int domain_get_maximum_gpfn;
int copy_to_guest_pv;
int copy_to_user_hvm;
int xen_major_version;
int xen_minor_version;
int xen_extra_version;
int hardware_domain;
int mmio_ro_ranges;
int iommu_enabled;
int iommu_snoop;
int pfn_pdx_bottom_mask;
int pfn_top_mask;
int pfn_pdx_hole_shift;
int __x86_return_thunk;
#ifdef MORE
int MORE;
#endif
int main(void)
{
	return 0;
}
