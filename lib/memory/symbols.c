/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "memory/symbols.h"

#include "memory/dwarf.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ID_MAX 32

struct symbol {
	const char *name; /* in 'strings' */
	uint64_t value;
};

struct emt_symbols {
	char *path;
	char *strings;       /* owned: the string table */
	struct symbol *v;    /* owned, by name */
	size_t n;
	uint64_t note_va;    /* of the build id note */
	uint8_t note[64];    /* its bytes */
	size_t note_len;
	char build_id[2 * ID_MAX + 1];
	struct emt_xen_layout own; /* by its debug information, for a build not in the table */
};

static const struct emt_xen_layout layouts[] = {
	{
		.build_id = "151b373fd64b321593bf987fd923cd10dabadac4",
		.release = "4.17.7 (Debian)",
		.domain_max_vcpus = 4,
		.domain_vcpu = 8,
		.domain_options = 316,
		.domain_next = 136,
		.domain_handle = 1928,
		.domain_iomem_caps = 504,
		.domain_ioport_caps = 656,
		.domain_p2m = 1208,
		.domain_pins = 840,
		.domain_vtd_pgd = 408,
		.domain_amd_root = 416,
		.domain_hap_pt_share = 456,
		.vcpu_mtrr = 2296,
		.vcpu_cr = 1024,
		.vcpu_efer = 1064,
		.p2m_domain = 48,
		.p2m_phys_table = 80,
		.p2m_eptp = 632,
		.pin_start = 16,
		.pin_end = 24,
		.pin_type = 32,
		.mtrr_fixed = 8,
		.mtrr_enabled = 96,
		.mtrr_fixed_enabled = 97,
		.mtrr_def_type = 99,
		.mtrr_cap = 104,
		.mtrr_size = 120,
		.rangeset_list = 24,
		.rangeset_name = 60,
		.range_start = 16,
		.range_end = 24,
	},
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct symbol *)a)->name, ((const struct symbol *)b)->name);
}

static int damaged(const struct emt_symbols *s, struct emt_err *err, const char *why)
{
	return emt_err_set(err, EMT_E_FORMAT, s->path, "give the xen-syms of that build (package "
			   "xen-hypervisor-...-dbg)", "%s", why);
}

static int read_table(struct emt_symbols *s, Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh, struct emt_err *err)
{
	Elf_Data *data = elf_getdata(scn, NULL), *str;
	Elf_Scn *names = elf_getscn(elf, sh->sh_link);
	size_t n;

	str = names ? elf_getdata(names, NULL) : NULL;
	if (!data || !str || !sh->sh_entsize || !str->d_size)
		return damaged(s, err, "its symbol table cannot be read");
	n = sh->sh_size / sh->sh_entsize;
	s->strings = malloc(str->d_size + 1);
	s->v = calloc(n ? n : 1, sizeof(*s->v));
	if (!s->strings || !s->v)
		return emt_err_set(err, EMT_E_NOMEM, s->path, NULL, "not enough memory for its symbols");
	memcpy(s->strings, str->d_buf, str->d_size);
	s->strings[str->d_size] = '\0';
	for (size_t i = 0; i < n; i++) {
		GElf_Sym sym;

		if (gelf_getsym(data, (int)i, &sym) && sym.st_name && sym.st_name < str->d_size &&
		    sym.st_value)
			s->v[s->n++] = (struct symbol){ s->strings + sym.st_name, sym.st_value };
	}
	qsort(s->v, s->n, sizeof(*s->v), by_name);
	return 0;
}

/* Elf64_Nhdr (namesz 4, descsz, type 3), "GNU", the id. */
static void read_note(struct emt_symbols *s, Elf_Scn *scn, const GElf_Shdr *sh)
{
	Elf_Data *data = elf_rawdata(scn, NULL);
	const uint8_t *p = data ? data->d_buf : NULL;
	uint32_t head[3];

	if (!p || data->d_size < 16 || data->d_size > sizeof(s->note))
		return;
	memcpy(head, p, sizeof(head));
	if (head[0] != 4 || head[2] != 3 || memcmp(p + 12, "GNU", 4) || !head[1] || head[1] > ID_MAX ||
	    16 + head[1] > data->d_size)
		return;
	s->note_va = sh->sh_addr;
	s->note_len = 16 + head[1];
	memcpy(s->note, p, s->note_len);
	for (uint32_t i = 0; i < head[1]; i++)
		snprintf(s->build_id + 2 * i, 3, "%02x", p[16 + i]);
}

static int read_sections(struct emt_symbols *s, Elf *elf, struct emt_err *err)
{
	Elf_Scn *scn = NULL;
	int rc = 0;

	while (!rc && (scn = elf_nextscn(elf, scn))) {
		GElf_Shdr sh;

		if (!gelf_getshdr(scn, &sh))
			continue;
		if (sh.sh_type == SHT_SYMTAB && !s->v)
			rc = read_table(s, elf, scn, &sh, err);
		else if (sh.sh_type == SHT_NOTE && !s->note_len)
			read_note(s, scn, &sh);
	}
	if (!rc && !s->n)
		rc = damaged(s, err, "has no symbols");
	if (!rc && !s->note_len)
		rc = damaged(s, err, "has no build id, so it cannot be matched with the image");
	return rc;
}

int emt_symbols_open(struct emt_symbols **out, const char *path, struct emt_err *err)
{
	struct emt_symbols *s = calloc(1, sizeof(*s));
	int fd, rc;
	Elf *elf;

	*out = NULL;
	if (!s || !(s->path = strdup(path))) {
		free(s);
		return emt_err_set(err, EMT_E_NOMEM, path, NULL, "not enough memory to open it");
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		rc = emt_err_errno(err, EMT_E_NOSOURCE, path, NULL, "cannot be opened");
		emt_symbols_free(s);
		return rc;
	}
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	rc = elf && elf_kind(elf) == ELF_K_ELF ? read_sections(s, elf, err)
					       : damaged(s, err, "is no ELF file");
	elf_end(elf);
	close(fd);
	if (rc)
		emt_symbols_free(s);
	else
		*out = s;
	return rc;
}

void emt_symbols_free(struct emt_symbols *s)
{
	if (!s)
		return;
	free(s->path);
	free(s->strings);
	free(s->v);
	free(s);
}

uint64_t emt_symbol(const struct emt_symbols *s, const char *name)
{
	struct symbol key = { name, 0 };
	const struct symbol *found = bsearch(&key, s->v, s->n, sizeof(*s->v), by_name);

	return found ? found->value : 0;
}

const char *emt_symbols_build_id(const struct emt_symbols *s)
{
	return s->build_id;
}

static int by_debug_information(struct emt_symbols *s, const struct emt_xen_layout **layout,
				struct emt_err *err)
{
	struct emt_err why = { 0 };
	int rc = emt_dwarf_layout(s->path, &s->own, &why);

	if (rc)
		return emt_err_set(err, rc == EMT_E_NOMEM ? rc : EMT_E_UNSUPPORTED, s->path,
				   "leave syms= away: what needs no symbols still works",
				   "the structure layout of build %s is not known exactly; of this file: %s",
				   s->build_id, why.text);
	s->own.build_id = s->build_id;
	s->own.release = "by debug information";
	*layout = &s->own;
	return 0;
}

int emt_symbols_match(struct emt_symbols *s, struct emt_xenmap *x, const struct emt_xen_layout **layout,
		      struct emt_err *err)
{
	uint8_t note[sizeof(s->note)];

	*layout = NULL;
	if (emt_xen_read(x, s->note_va, note, s->note_len) || memcmp(note, s->note, s->note_len))
		return emt_err_set(err, EMT_E_FORMAT, s->path,
				   "give the xen-syms of the build that the image runs",
				   "is of another build (%s) than the image", s->build_id);
	for (size_t i = 0; i < EMT_ARRAY_SIZE(layouts); i++)
		if (!strcmp(layouts[i].build_id, s->build_id))
			*layout = &layouts[i];
	return *layout ? 0 : by_debug_information(s, layout, err);
}
