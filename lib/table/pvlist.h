/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The p2m of a 64-bit Linux PV domain as Xen and its toolstack see it: what shared info
 * says of it, the linear list behind the domain's own page tables, the tree of frames.
 * Memory is the machine's, by mfn, and the domain's to change: nothing in it is trusted.
 */
#ifndef EMT_TABLE_PVLIST_H
#define EMT_TABLE_PVLIST_H

#include "policy/pv.h"
#include "table/guest.h"

/* Where a whole page of the list is missing, or identity, a kernel since 2.6.39 has one of
 * two pages that all such places share, mapped read-only in a linear list. All entries of
 * both are invalid: only the kernel knows which is which (arch/x86/xen/p2m.c). */

/* From the shared info page (public header, arch_shared_info; p2m_* since Xen 4.6). */
struct emt_pv_shared {
	uint64_t max_pfn;    /* entries of the list */
	uint64_t tree;       /* frame of the tree's top; 0 = not set, ~0 = there is none */
	uint64_t cr3;        /* page tables that map the linear list; 0 = there is none */
	uint64_t vaddr;      /* of its first entry */
	uint64_t generation; /* odd while it changes */
};
void emt_pv_shared_of(const void *page, struct emt_pv_shared *out);

enum emt_pv_list { EMT_PV_LIST_NONE, EMT_PV_LIST_LINEAR, EMT_PV_LIST_TREE };
/* The better of those there are. */
enum emt_pv_list emt_pv_list_of(const struct emt_pv_shared *s);
const char *emt_pv_list_name(unsigned int list); /* "none", "linear", "tree" */

struct emt_pv_reader {
	struct emt_guest_memory mem; /* by machine frame */
	struct emt_pv_shared shared;
	enum emt_pv_list list;
	/* The two shared pages, 0 where the kernel was not asked. Then one that is
	 * mapped where the map has nothing but RAM below 'end' is taken for "missing" (the
	 * kernel shares identity only outside the RAM it was given), any other for identity. */
	uint64_t missing, identity;
	const struct emt_ranges *e820; /* sorted, tag 1 = RAM; borrowed, may be NULL: none of it is RAM */
	uint64_t end;                  /* of the memory that the domain was given, in frames */
	/* Entries in order of pfn; non-zero stops and is passed on. */
	int (*entry)(uint64_t pfn, struct emt_pv_entry e, void *arg);
	/* Many at once: all missing, or each identity. */
	int (*fill)(uint64_t pfn, uint64_t count, enum emt_pv_kind kind, void *arg);
	void *arg;
};

struct emt_pv_read {
	uint64_t pages;      /* of the list */
	uint64_t entries;    /* given */
	uint64_t unreadable; /* entries that could not be read */
	uint64_t assumed;    /* entries of shared pages, taken for what they are by where they lie */
	uint64_t untold;     /* tree: entries that are missing or identity, and nothing tells which */
};
/* 0, EMT_E_NOMEM, EMT_E_UNSUPPORTED without a list, or what a callback said. */
int emt_pv_list_read(const struct emt_pv_reader *r, struct emt_pv_read *out, struct emt_err *err);

#endif
