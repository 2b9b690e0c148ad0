/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Symbols of the very hypervisor in an image: xen-syms, matched by build id, and where
 * structure members stand in that build.
 */
#ifndef EMT_MEMORY_SYMBOLS_H
#define EMT_MEMORY_SYMBOLS_H

#include "memory/xenmap.h"

/* Offsets in bytes, of one build. Moving inside a series, so never guessed. */
struct emt_xen_layout {
	const char *build_id;    /* hex */
	const char *release;
	uint16_t domain_max_vcpus, domain_vcpu, domain_options, domain_next, domain_handle;
	uint16_t domain_iomem_caps, domain_ioport_caps, domain_p2m, domain_pins;
	uint16_t domain_vtd_pgd, domain_amd_root, domain_hap_pt_share;
	uint16_t vcpu_mtrr, vcpu_cr, vcpu_efer;
	uint16_t p2m_domain, p2m_phys_table, p2m_eptp;
	uint16_t pin_start, pin_end, pin_type;
	uint16_t mtrr_fixed, mtrr_enabled, mtrr_fixed_enabled, mtrr_def_type, mtrr_cap, mtrr_size;
	uint16_t rangeset_list, rangeset_name; /* the name is compared each time */
	uint16_t range_start, range_end;
};

struct emt_symbols;

/* Read the symbol table of 'path'. EMT_E_FORMAT when it has none or no build id. */
int emt_symbols_open(struct emt_symbols **out, const char *path, struct emt_err *err);
void emt_symbols_free(struct emt_symbols *s);

/* Value of a symbol, 0 when there is none. */
uint64_t emt_symbol(const struct emt_symbols *s, const char *name);
const char *emt_symbols_build_id(const struct emt_symbols *s);

/* The image must run this very build: its build id note is read at the place that the
 * symbols name. Gives the build's layout, valid as long as 's': from the table,
 * else by the file's debug information (dwarf.h). EMT_E_FORMAT when the ids differ,
 * EMT_E_UNSUPPORTED when the build's layout is not known exactly. */
int emt_symbols_match(struct emt_symbols *s, struct emt_xenmap *x, const struct emt_xen_layout **layout,
		      struct emt_err *err);

#endif
