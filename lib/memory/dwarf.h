/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where structure members stand in a build, by its debug information: exact for the
 * very file, never guessed. Needs libdw; a build without it says so.
 */
#ifndef EMT_MEMORY_DWARF_H
#define EMT_MEMORY_DWARF_H

#include "memory/symbols.h"

/* A member to look for: "arch.hvm.pinned_cacheattr_ranges" of struct domain. Members of
 * anonymous structs and unions are those of the struct around them. */
struct emt_dwarf_member {
	const char *type;    /* tag of a struct, or name of a typedef'd one */
	const char *path;    /* alternatives with '|' between: releases named it differently;
	                        "": the struct itself, whose size is then told as 'offset' */
	uint16_t size;       /* bytes that it must have; 0 = any */
	bool found;          /* out */
	uint16_t offset;     /* out: bytes from the start of 'type' */
};

/* Look up members in the ELF file 'path'. 0 when each was found; EMT_E_MISSING names those that
 * were not, or that have another size; EMT_E_FORMAT when the file contradicts itself (two
 * structs of one name that place it differently) or has no debug information;
 * EMT_E_UNSUPPORTED when this build has no libdw. */
int emt_dwarf_members(const char *path, struct emt_dwarf_member *m, size_t n, struct emt_err *err);

/* All that struct emt_xen_layout holds, of a xen-syms. build_id and release are left
 * NULL. The layouts that are taken for granted elsewhere (list heads first, size of
 * struct page_info and of a variable MTRR) are checked with it. */
int emt_dwarf_layout(const char *path, struct emt_xen_layout *out, struct emt_err *err);

#endif
