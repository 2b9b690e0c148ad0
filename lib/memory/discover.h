/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding a Xen, its domains and their tables in a machine's memory without symbols.
 * Each step is checked against something independent of it; when a check fails the
 * search is refused and says which. What is found carries the counts that back it.
 */
#ifndef EMT_MEMORY_DISCOVER_H
#define EMT_MEMORY_DISCOVER_H

#include "memory/xenmap.h"

#define EMT_DOMID_FIRST_RESERVED 0x7ff0u
#define EMT_DOMID_IO 0x7ff1u
#define EMT_DOMID_XEN 0x7ff2u

/* First look: Xen's console text and pages that look like its L4. Done before the
 * E820 is known: that stands in the text. */
struct emt_mem_look {
	uint64_t *l4;        /* owned: machine addresses */
	size_t nr_l4, room_l4;
	uint64_t *texts;     /* owned: machine addresses of "Xen version " behind "(XEN) " */
	size_t nr_texts, room_texts;
	uint8_t tail[32];    /* end of the piece before */
	uint64_t tail_next;  /* frame that would continue it */
	bool full;           /* more than anyone has: stopped collecting */
};

int emt_mem_look(struct emt_mem *m, struct emt_mem_look *look, struct emt_err *err);
void emt_mem_look_free(struct emt_mem_look *look);
/* The console text around a hit: from the first to the last byte of text, 16 MiB at
 * most. '*text' is the caller's to free. */
int emt_mem_text(struct emt_mem *m, uint64_t maddr, char **text, size_t *len, struct emt_err *err);

/* How well a table's leaves fit the domain: of sampled frames of ordinary RAM. */
struct emt_root_check {
	uint64_t frames;     /* looked at */
	uint64_t match;      /* owner is the domain and the M2P leads back to the gfn */
	uint64_t no_m2p;     /* owner is the domain; its M2P entry says nothing */
	uint64_t other;      /* the M2P names another gfn, or the owner is another */
	uint64_t odd;        /* odd entries met on the way */
	uint64_t tables;
};

struct emt_found_root {
	const struct emt_format *format; /* NULL = none found */
	uint64_t root;       /* frame */
	unsigned int levels;
	struct emt_root_check check;
	unsigned int candidates; /* places that were tried */
};

struct emt_found_domain {
	uint32_t domid;
	uint64_t struct_mfn;   /* frame of struct domain */
	uint64_t owned;        /* frames that it owns */
	struct emt_found_root p2m, iommu;
};

struct emt_discovery {
	struct emt_xenmap xen;
	struct emt_xenmap_check check;
	size_t l4_candidates, l4_agree; /* like an L4 / passed every check and agree */
	struct emt_found_domain *domains; /* owned; by domid, reserved ones left out */
	size_t nr_domains;
	uint64_t max_page;     /* highest frame with a page_info, plus 1 */
};

/* All steps. The memory's E820 must be set. 'layout' of the release's EPT entries. */
int emt_discover(struct emt_discovery *d, struct emt_mem *m, const struct emt_mem_look *look,
		 const struct emt_epte_layout *layout, struct emt_err *err);
void emt_discovery_free(struct emt_discovery *d);

/* Walk a table and compare its leaves with owner and M2P. 'pdx': the domain's. */
void emt_root_check(struct emt_xenmap *x, const struct emt_format *format,
		    const struct emt_epte_layout *layout, uint64_t root, unsigned int levels, uint32_t pdx,
		    struct emt_root_check *out);
/* Do the counts back this root? */
bool emt_root_sound(const struct emt_root_check *c);

#endif
