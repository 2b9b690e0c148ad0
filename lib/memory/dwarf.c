/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "memory/dwarf.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#ifdef EMT_HAVE_LIBDW

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <unistd.h>

#define DEPTH_MAX 16

/* What one struct says of a member. */
enum answer { ANSWER_NONE, ANSWER_SIZE, ANSWER_FOUND };

static bool is_struct(Dwarf_Die *die)
{
	int tag = dwarf_tag(die);

	return tag == DW_TAG_structure_type || tag == DW_TAG_union_type;
}

/* The type of 'die' without typedefs and qualifiers. */
static bool type_of(Dwarf_Die *die, Dwarf_Die *type)
{
	Dwarf_Attribute attr;

	return dwarf_attr_integrate(die, DW_AT_type, &attr) && dwarf_formref_die(&attr, type) &&
	       !dwarf_peel_type(type, type);
}

/* Offset in bytes; false for bit fields and what only a run of the program could tell. */
static bool place_of(Dwarf_Die *member, uint64_t *out)
{
	Dwarf_Attribute attr;
	Dwarf_Word word;
	Dwarf_Op *ops;
	size_t n;

	*out = 0;
	if (dwarf_hasattr(member, DW_AT_bit_size))
		return false;
	if (!dwarf_attr(member, DW_AT_data_member_location, &attr))
		return true; /* of a union */
	if (!dwarf_formudata(&attr, &word)) {
		*out = word;
		return true;
	}
	if (dwarf_getlocation(&attr, &ops, &n) || n != 1 || ops[0].atom != DW_OP_plus_uconst)
		return false;
	*out = ops[0].number;
	return true;
}

static bool named(Dwarf_Die *die, const char *name, size_t len)
{
	const char *have = dwarf_diename(die);

	return have && strlen(have) == len && !memcmp(have, name, len);
}

static enum answer find(Dwarf_Die *type, const char *path, size_t len, uint64_t at, unsigned int depth,
			struct emt_dwarf_member *m);

static enum answer settle(Dwarf_Die *type, uint64_t at, struct emt_dwarf_member *m)
{
	Dwarf_Word size;

	if (m->size && (dwarf_aggregate_size(type, &size) || size != m->size))
		return ANSWER_SIZE;
	if (at > UINT16_MAX)
		return ANSWER_NONE;
	m->offset = (uint16_t)at;
	return ANSWER_FOUND;
}

/* One member of a struct, for the first name of a path. */
static enum answer try_member(Dwarf_Die *member, const char *path, size_t len, uint64_t at,
			      unsigned int depth, struct emt_dwarf_member *m)
{
	const char *dot = memchr(path, '.', len);
	size_t head = dot ? (size_t)(dot - path) : len;
	Dwarf_Die type;
	uint64_t place;

	if (dwarf_tag(member) != DW_TAG_member || !place_of(member, &place) || !type_of(member, &type))
		return ANSWER_NONE;
	if (!dwarf_diename(member))
		return is_struct(&type) ? find(&type, path, len, at + place, depth + 1, m) : ANSWER_NONE;
	if (!named(member, path, head))
		return ANSWER_NONE;
	if (!dot)
		return settle(&type, at + place, m);
	return is_struct(&type) ? find(&type, dot + 1, len - head - 1, at + place, depth + 1, m) : ANSWER_NONE;
}

static enum answer find(Dwarf_Die *type, const char *path, size_t len, uint64_t at, unsigned int depth,
			struct emt_dwarf_member *m)
{
	enum answer a = ANSWER_NONE;
	Dwarf_Die child;

	if (depth > DEPTH_MAX || dwarf_child(type, &child))
		return ANSWER_NONE;
	do
		a = try_member(&child, path, len, at, depth, m);
	while (a == ANSWER_NONE && !dwarf_siblingof(&child, &child));
	return a;
}

static enum answer alternatives(Dwarf_Die *type, struct emt_dwarf_member *m)
{
	enum answer a = ANSWER_NONE;
	Dwarf_Word size;

	if (!*m->path)
		return dwarf_aggregate_size(type, &size) ? ANSWER_NONE : settle(type, size, m);
	for (const char *p = m->path; a == ANSWER_NONE && *p;) {
		size_t len = strcspn(p, "|");

		a = find(type, p, len, 0, 0, m);
		p += len + (p[len] == '|');
	}
	return a;
}

/* Names may be used twice in a program: structs without the member do not count, others
 * must agree. Returns false when they do not. */
static bool ask(Dwarf_Die *type, const char *name, struct emt_dwarf_member *m, size_t n, size_t *bad)
{
	for (size_t i = 0; i < n; i++) {
		struct emt_dwarf_member try = m[i];

		if (strcmp(m[i].type, name) || alternatives(type, &try) != ANSWER_FOUND)
			continue;
		*bad = i;
		if (m[i].found && m[i].offset != try.offset)
			return false;
		m[i].found = true;
		m[i].offset = try.offset;
	}
	return true;
}

static bool walk_unit(Dwarf_Die *unit, struct emt_dwarf_member *m, size_t n, size_t *bad)
{
	Dwarf_Die die, type;

	if (dwarf_child(unit, &die))
		return true;
	do {
		const char *name = dwarf_diename(&die);

		if (!name || dwarf_hasattr(&die, DW_AT_declaration))
			continue;
		if (dwarf_tag(&die) == DW_TAG_typedef) {
			/* of a struct without a tag: else that has its own turn */
			if (!type_of(&die, &type) || !is_struct(&type) || dwarf_diename(&type))
				continue;
		} else if (is_struct(&die)) {
			type = die;
		} else {
			continue;
		}
		if (!ask(&type, name, m, n, bad))
			return false;
	} while (!dwarf_siblingof(&die, &die));
	return true;
}

static int walk_units(Dwarf *dw, const char *path, struct emt_dwarf_member *m, size_t n, struct emt_err *err)
{
	static const char next[] = "give a xen-syms that was linked with its debug information";
	Dwarf_Off at = 0, behind;
	size_t units = 0, bad = 0, head;

	while (!dwarf_nextcu(dw, at, &behind, &head, NULL, NULL, NULL)) {
		Dwarf_Die unit;

		if (dwarf_offdie(dw, at + head, &unit)) {
			units++;
			if (!walk_unit(&unit, m, n, &bad))
				return emt_err_set(err, EMT_E_FORMAT, path, next,
						   "places %s.%s differently in two of its structs",
						   m[bad].type, m[bad].path);
		}
		at = behind;
	}
	return units ? 0 : emt_err_set(err, EMT_E_FORMAT, path, next, "has no debug information");
}

static int missing(const char *path, const struct emt_dwarf_member *m, size_t n, struct emt_err *err)
{
	char list[240] = "";
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		if (!m[i].found && len < sizeof(list))
			len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s%s%s", len ? ", " : "",
						m[i].type, *m[i].path ? "." : "", m[i].path);
	return len ? emt_err_set(err, EMT_E_MISSING, path, "leave syms= away: what needs no symbols still works",
				 "its debug information lacks, or has in another size: %s", list)
		   : 0;
}

int emt_dwarf_members(const char *path, struct emt_dwarf_member *m, size_t n, struct emt_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;
	Dwarf *dw;

	for (size_t i = 0; i < n; i++)
		m[i].found = false;
	if (fd < 0)
		return emt_err_errno(err, EMT_E_NOSOURCE, path, NULL, "cannot be opened");
	dw = dwarf_begin(fd, DWARF_C_READ);
	if (dw)
		rc = walk_units(dw, path, m, n, err);
	else
		rc = emt_err_set(err, EMT_E_FORMAT, path,
				 "give a xen-syms that was linked with its debug information",
				 "has no debug information");
	dwarf_end(dw);
	close(fd);
	return rc ? rc : missing(path, m, n, err);
}

#else

int emt_dwarf_members(const char *path, struct emt_dwarf_member *m, size_t n, struct emt_err *err)
{
	for (size_t i = 0; i < n; i++)
		m[i].found = false;
	return emt_err_set(err, EMT_E_UNSUPPORTED, path, "build emt with libdw (package libdw-dev)",
			   "its debug information cannot be read: this build has no libdw");
}

#endif

/* ---- the layout of a Xen ---- */

/* Member of the layout that gets the offset; CHECK: only its place is checked. */
#define CHECK UINT16_MAX
#define TO(member) offsetof(struct emt_xen_layout, member)

static const struct {
	const char *type, *path;
	uint16_t size;
	uint16_t to;      /* in struct emt_xen_layout */
	uint16_t must_be; /* CHECK: its offset */
} wanted[] = {
	{ "domain", "max_vcpus", 4, TO(domain_max_vcpus), 0 },
	{ "domain", "vcpu", 8, TO(domain_vcpu), 0 },
	{ "domain", "options", 4, TO(domain_options), 0 },
	{ "domain", "next_in_list", 8, TO(domain_next), 0 },
	{ "domain", "handle", 16, TO(domain_handle), 0 },
	{ "domain", "iomem_caps", 8, TO(domain_iomem_caps), 0 },
	{ "domain", "arch.ioport_caps", 8, TO(domain_ioport_caps), 0 },
	{ "domain", "arch.p2m", 8, TO(domain_p2m), 0 },
	{ "domain", "arch.hvm.pinned_cacheattr_ranges", 16, TO(domain_pins), 0 },
	{ "domain", "iommu.arch.vtd.pgd_maddr|iommu.arch.pgd_maddr", 8, TO(domain_vtd_pgd), 0 },
	{ "domain", "iommu.arch.amd.root_table|iommu.arch.root_table", 8, TO(domain_amd_root), 0 },
	{ "domain", "iommu.hap_pt_share", 1, TO(domain_hap_pt_share), 0 },
	{ "vcpu", "arch.hvm.mtrr", 0, TO(vcpu_mtrr), 0 },
	{ "vcpu", "arch.hvm.guest_cr", 40, TO(vcpu_cr), 0 },
	{ "vcpu", "arch.hvm.guest_efer", 8, TO(vcpu_efer), 0 },
	{ "p2m_domain", "domain", 8, TO(p2m_domain), 0 },
	{ "p2m_domain", "phys_table", 8, TO(p2m_phys_table), 0 },
	{ "p2m_domain", "ept.eptp", 8, TO(p2m_eptp), 0 },
	{ "hvm_mem_pinned_cacheattr_range", "start", 8, TO(pin_start), 0 },
	{ "hvm_mem_pinned_cacheattr_range", "end", 8, TO(pin_end), 0 },
	{ "hvm_mem_pinned_cacheattr_range", "type", 4, TO(pin_type), 0 },
	{ "mtrr_state", "fixed_ranges", 88, TO(mtrr_fixed), 0 },
	{ "mtrr_state", "enabled", 1, TO(mtrr_enabled), 0 },
	{ "mtrr_state", "fixed_enabled", 1, TO(mtrr_fixed_enabled), 0 },
	{ "mtrr_state", "def_type", 1, TO(mtrr_def_type), 0 },
	{ "mtrr_state", "mtrr_cap", 8, TO(mtrr_cap), 0 },
	{ "rangeset", "range_list", 16, TO(rangeset_list), 0 },
	{ "rangeset", "name", 32, TO(rangeset_name), 0 },
	{ "range", "s", 8, TO(range_start), 0 },
	{ "range", "e", 8, TO(range_end), 0 },
	/* taken for granted by those who follow the lists */
	{ "hvm_mem_pinned_cacheattr_range", "list", 16, CHECK, 0 },
	{ "range", "list", 16, CHECK, 0 },
	{ "list_head", "next", 8, CHECK, 0 },
	{ "domain", "domain_id", 2, CHECK, 0 },
	{ "mtrr_state", "var_ranges", 8, CHECK, 0 },
	{ "mtrr_var_range", "base", 8, CHECK, 0 },
	{ "mtrr_var_range", "mask", 8, CHECK, 8 },
	{ "page_info", "count_info", 8, CHECK, EMT_XEN_PAGE_COUNT },
};

int emt_dwarf_layout(const char *path, struct emt_xen_layout *out, struct emt_err *err)
{
	struct emt_dwarf_member m[EMT_ARRAY_SIZE(wanted)];
	int rc;

	*out = (struct emt_xen_layout){ .build_id = NULL };
	for (size_t i = 0; i < EMT_ARRAY_SIZE(wanted); i++)
		m[i] = (struct emt_dwarf_member){ wanted[i].type, wanted[i].path, wanted[i].size, false, 0 };
	rc = emt_dwarf_members(path, m, EMT_ARRAY_SIZE(m), err);
	for (size_t i = 0; i < EMT_ARRAY_SIZE(wanted) && !rc; i++) {
		if (wanted[i].to != CHECK)
			*(uint16_t *)((uint8_t *)out + wanted[i].to) = m[i].offset;
		else if (m[i].offset != wanted[i].must_be)
			rc = emt_err_set(err, EMT_E_UNSUPPORTED, path,
					 "leave syms= away: what needs no symbols still works",
					 "%s.%s stands at %u, only %u is understood", m[i].type, m[i].path,
					 m[i].offset, wanted[i].must_be);
	}
	/* as far as it is read: the capability word is the last of it */
	out->mtrr_size = (uint16_t)(out->mtrr_cap + 8);
	return rc;
}
