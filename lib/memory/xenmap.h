/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Xen's own view of a machine's memory: its page tables, direct map, frame table and
 * M2P. Constants hold for Xen 4.14 and later in its usual configuration; each is
 * checked by emt_xenmap_check() before anything is believed.
 */
#ifndef EMT_MEMORY_XENMAP_H
#define EMT_MEMORY_XENMAP_H

#include "memory/memory.h"

#define EMT_XEN_RO_M2P 0xffff800000000000ull
#define EMT_XEN_RW_M2P 0xffff828000000000ull
#define EMT_XEN_TEXT 0xffff82d040000000ull
#define EMT_XEN_FRAMETABLE 0xffff82e000000000ull
#define EMT_XEN_DIRECTMAP 0xffff830000000000ull
#define EMT_XEN_PAGE_INFO 32u    /* bytes */
#define EMT_XEN_PAGE_COUNT 8u    /* offset of count_info */
#define EMT_XEN_PAGE_TYPE 16u    /* offset of type_info */
#define EMT_XEN_PAGE_OWNER 24u   /* offset of the owner's pdx, 32 bits */

#define EMT_PGC_ALLOCATED (1ull << 63)
#define EMT_PGC_XEN_HEAP (1ull << 62)
#define EMT_PGC_STATE (3ull << 58)
#define EMT_PGC_EXTRA (1ull << 57)
/* type_info of a root that p2m code took from the domain's pool: an L4, validated, held once */
#define EMT_PGT_P2M_ROOT 0x8400000000000001ull

/* What frame table and M2P say of one frame. */
struct emt_xen_page {
	uint64_t count_info, type_info;
	uint32_t owner;      /* pdx of the owner's struct domain; 0 = none */
	uint64_t m2p;        /* gfn, or one of Xen's marks (EMT_M2P_NONE, ...) */
};
#define EMT_M2P_MARKS 0xfffffffffffffff0ull /* from here on: invalid, shared, a debug pattern */
#define EMT_M2P_DEBUG 0x5555555555555555ull /* never set */

struct emt_xenmap {
	struct emt_mem *mem;
	uint64_t l4;         /* machine address of one of Xen's L4 tables */
	/* pages of the frame table and the M2P read last */
	uint64_t page_va[2];
	uint8_t page[2][EMT_FRAME_SIZE];
};

void emt_xenmap_init(struct emt_xenmap *x, struct emt_mem *mem, uint64_t l4);
/* Virtual to machine address by the page tables; EMT_NO_FRAME where nothing is mapped. */
uint64_t emt_xen_translate(struct emt_xenmap *x, uint64_t va);
/* 0 or EMT_E_IO. */
int emt_xen_read(struct emt_xenmap *x, uint64_t va, void *buf, size_t len);
/* 0 or EMT_E_IO: the frame has no page_info. */
int emt_xen_page(struct emt_xenmap *x, uint64_t mfn, struct emt_xen_page *out);

/* How far the constants above hold in this image. */
struct emt_xenmap_check {
	unsigned int direct_ok, direct_n; /* samples of RAM whose direct map leads back to them */
	unsigned int m2p_ok, m2p_n;       /* samples equal in both views of the M2P */
	unsigned int info_n;              /* samples that have a page_info */
};
bool emt_xenmap_check(struct emt_xenmap *x, struct emt_xenmap_check *c);

/* Is this page, at machine address 'maddr', an L4 with Xen's own slots? */
bool emt_xen_l4_like(const uint64_t *page, uint64_t maddr);

#endif
