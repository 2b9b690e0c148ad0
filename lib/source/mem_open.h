/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of an open memory source: shared by mem_*.c only. */
#ifndef EMT_SOURCE_MEM_OPEN_H
#define EMT_SOURCE_MEM_OPEN_H

#include "memory/discover.h"
#include "memory/inputs.h"
#include "source/ops.h"
#include "source/pages.h"

struct mem_walk {
	uint32_t domid;
	struct emt_mem *mem;     /* borrowed from the source, or (pages) owned */
	const struct emt_format *format;
	const struct emt_epte_layout *layout;
	uint64_t root;           /* frame */
	unsigned int levels;
	char label[64];          /* where the root comes from and what backs it */
	const struct emt_found_domain *dom; /* NULL: root given by the user */
	size_t capture_walk;     /* pages: its number in the capture */
};

struct mem_source {
	struct emt_mem *mem;
	struct emt_capture *c;   /* table pages of a capture; else NULL */
	struct emt_facts host;   /* of the boot log */
	struct emt_discovery d;
	bool found;              /* 'd' is filled */
	struct emt_symbols *syms; /* NULL: none given */
	const struct emt_xen_layout *xen; /* with symbols: of that build */
	struct mem_walk *walks;  /* owned */
	size_t nr;
};

/* Open a memory image: console text, E820, Xen, domains, and the walks that 'spec'
 * selects. */
int mem_open_image(struct emt_source *s, struct mem_source *ms, const struct emt_source_spec *spec,
		   struct emt_err *err);
/* Xen and its domains in ms->mem, with the host's facts: fills 'd' and sets 'found'. */
int mem_discover(struct emt_source *s, struct mem_source *ms, struct emt_err *err);
/* Room for one more walk, zeroed; NULL when memory is short. */
struct mem_walk *mem_add_walk(struct mem_source *ms);

#endif
