/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ELF cores of machines: QEMU's dump-guest-memory and Xen's kdump vmcore. libelf reads
 * headers and notes only; memory is read from the file where it stands.
 */
#include <gelf.h>
#include <string.h>

#include "memory/internal.h"

#define NT_XEN_CRASH_INFO 0x1000001 /* public/elfnote.h */
#define NT_XEN_CRASH_REGS 0x1000002

static uint64_t u64_at(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* QEMU's CPU state (target/i386/arch_dump.c documents it as ABI): u32 version = 1, u32
 * size, 18 registers of 8 bytes, ten segments of 24 (selector, limit, flags, pad, base),
 * then cr[0..4]. */
#define QEMU_CR (8 + 18 * 8 + 10 * 24)

static void note(struct emt_mem *m, const char *name, size_t name_len, const GElf_Nhdr *n,
		 const uint8_t *desc)
{
	struct emt_mem_notes *to = &m->notes;
	uint64_t cr3 = 0;

	if (name_len == 5 && !memcmp(name, "QEMU", 5) && n->n_descsz >= QEMU_CR + 5 * 8)
		cr3 = u64_at(desc + QEMU_CR + 3 * 8);
	else if (name_len == 4 && !memcmp(name, "Xen", 4) && n->n_type == NT_XEN_CRASH_REGS &&
		 n->n_descsz >= 32)
		cr3 = u64_at(desc + 16); /* cr0, cr2, cr3, cr4 */
	else if (name_len == 4 && !memcmp(name, "Xen", 4) && n->n_type == NT_XEN_CRASH_INFO &&
		 n->n_descsz >= 80) {
		/* crash_xen_info_t: major, minor, six words, start of Xen, dom0's list */
		to->xen_major = (uint32_t)u64_at(desc);
		to->xen_minor = (uint32_t)u64_at(desc + 8);
		to->xen_phys_start = u64_at(desc + 64);
	}
	if (cr3 && to->nr_cr3 < EMT_ARRAY_SIZE(to->cr3))
		to->cr3[to->nr_cr3++] = cr3 & EMT_EPTE_MFN_BITS;
}

static void notes(struct emt_mem *m, Elf *elf, const GElf_Phdr *ph)
{
	Elf_Data *data = elf_getdata_rawchunk(elf, (int64_t)ph->p_offset, ph->p_filesz, ELF_T_NHDR);
	size_t at = 0, next, name, desc;
	GElf_Nhdr n;

	while (data && (next = gelf_getnote(data, at, &n, &name, &desc)) > at) {
		if (n.n_namesz && name + n.n_namesz <= data->d_size && desc + n.n_descsz <= data->d_size)
			note(m, (const char *)data->d_buf + name, n.n_namesz, &n,
			     (const uint8_t *)data->d_buf + desc);
		at = next;
	}
}

static int segments(struct emt_mem *m, Elf *elf, struct emt_err *err)
{
	size_t n;

	if (elf_getphdrnum(elf, &n))
		return emt_err_set(err, EMT_E_DAMAGED, m->path, "take the dump again",
				   "has no program headers: %s", elf_errmsg(-1));
	for (size_t i = 0; i < n; i++) {
		uint64_t skip, frames;
		GElf_Phdr ph;

		if (!gelf_getphdr(elf, (int)i, &ph))
			return emt_err_set(err, EMT_E_DAMAGED, m->path, "take the dump again",
					   "program header %zu: %s", i, elf_errmsg(-1));
		if (ph.p_type == PT_NOTE && ph.p_filesz && ph.p_offset + ph.p_filesz <= m->size)
			notes(m, elf, &ph);
		if (ph.p_type != PT_LOAD || !ph.p_filesz || ph.p_offset >= m->size)
			continue;
		if (ph.p_filesz > m->size - ph.p_offset)
			ph.p_filesz = m->size - ph.p_offset; /* cut: the rest is not there */
		/* whole frames only */
		skip = -ph.p_paddr % EMT_FRAME_SIZE;
		if (ph.p_filesz <= skip)
			continue;
		frames = (ph.p_filesz - skip) / EMT_FRAME_SIZE;
		if (frames && ph.p_paddr >> 52 == 0) {
			uint64_t first = (ph.p_paddr + skip) / EMT_FRAME_SIZE;

			if (mem_add_segment(m, first, first + frames - 1, ph.p_offset + skip))
				return emt_err_set(err, EMT_E_NOMEM, m->path, NULL,
						   "not enough memory to open it");
		}
	}
	return mem_settle(m, err);
}

int mem_open_elf(struct emt_mem *m, struct emt_err *err)
{
	GElf_Ehdr eh;
	Elf *elf;
	int rc;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return emt_err_set(err, EMT_E_INTERNAL, m->path, NULL, "libelf: %s", elf_errmsg(-1));
	elf = elf_begin(m->fd, ELF_C_READ, NULL);
	if (!elf || !gelf_getehdr(elf, &eh))
		rc = emt_err_set(err, EMT_E_DAMAGED, m->path, "take the dump again",
				 "is no readable ELF file: %s", elf_errmsg(-1));
	else if (eh.e_type != ET_CORE)
		rc = emt_err_set(err, EMT_E_FORMAT, m->path, "give a core; a symbol file goes behind syms=",
				 "is an ELF file, but no core");
	else if (eh.e_machine != EM_X86_64)
		rc = emt_err_set(err, EMT_E_FORMAT, m->path, "dump the machine in long mode",
				 "is a core of another kind of CPU (machine %u), not of x86-64",
				 eh.e_machine);
	else
		rc = segments(m, elf, err);
	elf_end(elf);
	return rc;
}
