/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of an open memory source: shared by mem_*.c only. */
#ifndef EMT_SOURCE_MEM_OPEN_H
#define EMT_SOURCE_MEM_OPEN_H

#include "memory/discover.h"
#include "memory/inputs.h"
#include "source/ops.h"
#include "source/pages.h"
#include "source/pv_walk.h"

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
	struct emt_pv_walk *pv;  /* owned: a PV domain, instead of all that describes tables; NULL */
	struct emt_mem *guest;   /* owned: the guest's own tables of a capture; NULL until asked for */
};

/* Guest-physical memory through the p2m of one walk. */
struct mem_guest {
	struct emt_walk_opts walk;
	struct emt_mem *mem;     /* borrowed */
};

struct mem_source {
	struct emt_mem *mem;
	struct emt_capture *c;   /* table pages of a capture; else NULL */
	struct emt_facts host;   /* of the boot log */
	struct emt_discovery d;
	bool found;              /* 'd' is filled */
	struct emt_symbols *syms; /* NULL: none given */
	const struct emt_xen_layout *xen; /* with symbols: of that build */
	struct emt_pv_source *pv; /* its PV domains, if they were asked for; NULL */
	struct mem_walk *walks;  /* owned */
	size_t nr;
	struct mem_guest guest;  /* of the walk asked for last */
};

/* Open a memory image: console text, E820, Xen, domains, and the walks that 'spec'
 * selects. */
int mem_open_image(struct emt_source *s, struct mem_source *ms, const struct emt_source_spec *spec,
		   struct emt_err *err);
/* Xen and its domains in ms->mem, with the host's facts: fills 'd' and sets 'found'. */
int mem_discover(struct emt_source *s, struct mem_source *ms, struct emt_err *err);
/* How the tables of a walk are to be walked. */
struct emt_walk_opts mem_walk_opts(const struct mem_walk *w);
/* The guest's memory; see emt_source_guest(). */
int mem_guest(struct emt_source *s, size_t i, struct emt_guest_memory *out, struct emt_err *err);
/* Whose a frame is; see struct emt_source_ops. */
enum emt_frame_owner mem_owner(struct emt_source *s, uint32_t domid, uint64_t mfn, uint32_t *whose);
/* PV domains of an open image, which 'ms' must outlive; domid -1 = all. See emt_pv_open(). */
int mem_open_pv(struct emt_pv_source **out, struct mem_source *ms, const char *name, int64_t domid,
		struct emt_err *err);
/* Room for one more walk, zeroed; NULL when memory is short. */
struct mem_walk *mem_add_walk(struct mem_source *ms);

#endif
