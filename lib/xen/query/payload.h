/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside the payload: Xen's functions in declarations of our own (4.17), the numbers of
 * the build, and reads that cannot fault. Runs in the hypervisor; only reads.
 */
#ifndef EMT_XEN_QUERY_PAYLOAD_H
#define EMT_XEN_QUERY_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "abi.h"
#include "fields.h"

/* Xen's own symbols are reached relative to the instruction: no GOT in there. */
#pragma GCC visibility push(hidden)

/* Called by Xen through a pointer: needs a landing pad for CET. */
#define CALLED __attribute__((cf_check))
#define SECTION(name) __attribute__((section(name), used))

/* ---- Xen ---- */

struct domain;
void *map_domain_page(uint64_t mfn);
void unmap_domain_page(const void *p);
bool __mfn_valid(uint64_t mfn);
void *alloc_xenheap_pages(unsigned int order, unsigned int flags);
void free_xenheap_pages(void *p, unsigned int order);
int rangeset_report_ranges(uint64_t rangeset, uint64_t first, uint64_t last,
			   int (*cb)(uint64_t first, uint64_t last, void *arg), void *arg);
int epte_get_entry_emt(struct domain *d, uint64_t gfn, uint64_t mfn, unsigned int order, bool *ipat,
		       unsigned int type);
int hvm_get_mem_pinned_cacheattr(struct domain *d, uint64_t gfn, unsigned int order);
void getdomaininfo(struct domain *d, void *info);
uint64_t domain_get_maximum_gpfn(struct domain *d);
unsigned int copy_to_guest_pv(void *to, const void *from, unsigned int n);
unsigned int copy_to_user_hvm(void *to, const void *from, unsigned int n);
int iommu_do_pci_domctl(void *domctl, struct domain *d, void *u_domctl);
unsigned int xen_major_version(void);
unsigned int xen_minor_version(void);
const char *xen_extra_version(void);

extern struct domain *hardware_domain;
extern uint64_t mmio_ro_ranges; /* a pointer */
extern uint8_t mtrr_state[];
extern bool iommu_enabled, iommu_snoop;
extern uint64_t pfn_pdx_bottom_mask, pfn_top_mask;
extern unsigned int pfn_pdx_hole_shift;

#define XEN_EPERM 1
#define XEN_ESRCH 3
#define XEN_EAGAIN 11
#define XEN_ENOMEM 12
#define XEN_EACCES 13
#define XEN_EFAULT 14
#define XEN_EINVAL 22
#define XEN_ENOSYS 38
#define XEN_EOPNOTSUPP 95

/* XEN_DOMCTL_getdomaininfo's answer, of the public interface; more room than it takes. */
struct dominfo {
	uint16_t domid, pad;
	uint32_t flags;
	uint64_t tot_pages, other[6];
	uint32_t online, max_vcpu_id;
	uint64_t room[24];
};
#define INFO_DYING 1u
#define INFO_HVM 2u
#define INFO_HAP (1u << 8)
#define OPTION_HVM 1u
#define OPTION_HAP 2u
#define OPTION_IOMMU 32u
#define OPTIONS_ALL 0xffu

/* ---- the build's numbers: emt writes them into the file before Xen gets it ---- */

/* What no debug information tells: 4.17's memory map and page flags, without
 * CONFIG_BIGMEM (which makes struct page_info larger: check.c would notice). */
#define STACK_SIZE 0x8000ull
#ifndef EMT_QUERY_HOSTED /* the tests have a memory of their own */
#define DIRECTMAP 0xffff830000000000ull
#define FRAMETABLE 0xffff82e000000000ull
#endif
#define PGC_ALLOCATED (1ull << 63)
#define PGC_XEN_HEAP (1ull << 62)
#define PGC_EXTRA (1ull << 57)

extern const volatile uint64_t emt_query_numbers[EMT_QF_NR];
#define NUM(name) (emt_query_numbers[EMT_QF_##name])

/* ---- reads that cannot fault ---- */

/* Eight bytes at 'at', which is mapped or not. */
static inline bool peek_raw(uint64_t at, uint64_t *out)
{
	uint64_t v = 0;
	int bad = 1;

	__asm__ volatile("1:	movq (%[at]), %[v]\n"
			 "	xorl %[bad], %[bad]\n"
			 "2:\n"
			 "	.pushsection .ex_table, \"a\"\n"
			 "	.balign 4\n"
			 "	.long 1b - ., 2b - .\n"
			 "	.popsection"
			 : [v] "+r"(v), [bad] "+r"(bad)
			 : [at] "r"(at)
			 : "memory", "cc");
	*out = v;
	return !bad;
}

static inline bool read_msr(uint32_t msr, uint64_t *out)
{
	uint32_t lo = 0, hi = 0;
	int bad = 1;

	__asm__ volatile("1:	rdmsr\n"
			 "	xorl %[bad], %[bad]\n"
			 "2:\n"
			 "	.pushsection .ex_table, \"a\"\n"
			 "	.balign 4\n"
			 "	.long 1b - ., 2b - .\n"
			 "	.popsection"
			 : "+a"(lo), "+d"(hi), [bad] "+r"(bad)
			 : "c"(msr)
			 : "cc");
	*out = (uint64_t)hi << 32 | lo;
	return !bad;
}

/* 5 TiB of direct map; with less memory its end is a hole, which peek_raw() survives. */
#define DIRECTMAP_BYTES (5ull << 40)

/* Could 'p' point to something of Xen's heap? */
static inline bool is_heap(uint64_t p)
{
	return p >= DIRECTMAP && p - DIRECTMAP < DIRECTMAP_BYTES - 4096;
}

static inline bool peek(uint64_t at, uint64_t *out)
{
	return is_heap(at) && !(at & 7) && peek_raw(at, out);
}

/* A number of 1, 2, 4 or 8 bytes, naturally aligned. */
static inline bool peek_n(uint64_t at, unsigned int bytes, uint64_t *out)
{
	uint64_t word;

	if ((at & (bytes - 1)) || !peek(at & ~7ull, &word))
		return false;
	word >>= (at & 7) * 8;
	*out = bytes == 8 ? word : word & ((1ull << bytes * 8) - 1);
	return true;
}

static inline uint64_t va(const void *p)
{
	return (uint64_t)p;
}

static inline uint64_t page_of(uint64_t mfn)
{
	uint64_t pdx = (mfn & pfn_pdx_bottom_mask) | (mfn & pfn_top_mask) >> pfn_pdx_hole_shift;

	return FRAMETABLE + pdx * NUM(PAGE_SIZEOF);
}

/* A word of the struct page_info of a frame that is known to have one. */
bool page_word(uint64_t mfn, unsigned int at, unsigned int bytes, uint64_t *out);

/* ---- one request ---- */

struct query {
	struct domain *d;
	struct dominfo info;
	bool ept;
	bool hvm_caller;      /* whose buffer it is */
	uint64_t p2m, root;   /* struct p2m_domain; frame of the root */
	uint32_t field;       /* that a check failed at */
	struct emt_query *q;
	void *page;           /* staging: one page */
};

/* check.c: true when the numbers suit this domain; else ->field says which does not. */
bool check_tables(struct query *r);  /* what a walk uses */
bool check_inputs(struct query *r);  /* what POLICY uses */
bool check_leaves(struct query *r);  /* tables, frame table and owners belong together */
bool check_rangeset(uint64_t set, uint64_t owner);

/* walk.c, policy.c: emt_query_why. They fill ->q. */
unsigned int walk(struct query *r);
unsigned int special(struct query *r);
unsigned int policy(struct query *r);

/* walk.c: the entry that maps 'gfn'. Returns its level, or -1 when a table is unreadable. */
struct place {
	uint64_t entry;
	uint64_t slot[4];     /* entries on the way down, by level */
	bool pending;
};
#define LEVELS 4
int descend(const struct query *r, uint64_t gfn, struct place *p);
bool present(const struct query *r, uint64_t e);
uint64_t frame_of(uint64_t e);
unsigned int type_of(const struct query *r, uint64_t e);

/* Give the caller n bytes of the staging page, at 'at' of its buffer. */
bool copy_out(const struct query *r, uint64_t at, unsigned int n);

#pragma GCC visibility pop
#endif
