/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xen_image.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIRECTMAP 0xffff830000000000ull
#define PTE 0x63ull
#define ALLOCATED (1ull << 63)

static const char boot_log[] = "(XEN) Xen version 4.17.7 (Debian 4.17.7+1) (builder@example.org) (gcc "
			       "12.2.0) debug=n Wed Nov  4 16:52:28 UTC 2026\n"
			       "(XEN) Command line: console=com1\n"
			       "(XEN) Xen-e820 RAM map:\n"
			       "(XEN)  [0000000000000000, 000000000009efff] (usable)\n"
			       "(XEN)  [000000000009f000, 00000000000fffff] (reserved)\n"
			       "(XEN)  [0000000000100000, 00000000007fffff] (usable)\n"
			       "(XEN) System RAM: 7MB (7868kB)\n";

static uint64_t to(uint64_t mfn)
{
	return mfn << 12 | PTE;
}

uint64_t *xen_image_info(struct xen_image *x, uint64_t mfn)
{
	return &x->frame[0x120][0] + mfn * 4;
}

uint64_t *xen_image_m2p(struct xen_image *x, uint64_t mfn)
{
	return &x->frame[0x110][0] + mfn;
}

void xen_image_own(struct xen_image *x, uint64_t mfn, uint64_t dom, uint64_t gfn)
{
	xen_image_info(x, mfn)[1] = ALLOCATED | 1;
	xen_image_info(x, mfn)[3] = dom;
	*xen_image_m2p(x, mfn) = gfn;
}

static void xens_tables(struct xen_image *x)
{
	x->frame[IMG_L4][256] = to(0x103);
	x->frame[IMG_L4][258] = to(IMG_L4);
	x->frame[IMG_L4][261] = to(0x101);
	x->frame[IMG_L4][262] = to(0x102);
	x->frame[0x101][0] = x->frame[0x103][0] = to(0x105);      /* M2P, both views */
	x->frame[0x105][0] = to(0x106);
	x->frame[0x101][384] = to(0x107);                         /* frame table */
	x->frame[0x107][0] = to(0x108);
	x->frame[0x102][0] = to(IMG_DIRECT_L2);
	for (unsigned int i = 0; i < 4; i++) {
		x->frame[0x106][i] = to(0x110 + i);
		x->frame[IMG_DIRECT_L2][i] = (uint64_t)i << 21 | PTE | 0x80;
	}
	for (unsigned int i = 0; i < 16; i++)
		x->frame[0x108][i] = to(0x120 + i);
}

void xen_image_build(struct xen_image *x, bool ept)
{
	uint64_t leaf = ept ? 0x37 : 0x67, table = ept ? 0x7 : 0x67;
	uint64_t *dom1 = x->frame[IMG_DOM1], *p2m = x->frame[IMG_P2M];

	memset(x, 0, sizeof(*x));
	xens_tables(x);
	for (unsigned int i = 0; i < IMG_FRAMES; i++)
		*xen_image_m2p(x, i) = UINT64_MAX;
	memcpy((char *)x->frame[IMG_TEXT] + 16, boot_log, sizeof(boot_log) - 1);
	x->frame[IMG_DOM0][0] = 0;
	x->frame[IMG_DOMIO][0] = 0x7ff1;
	x->frame[IMG_DOMXEN][0] = 0x7ff2;
	dom1[0] = 1;
	for (unsigned int i = 0; i < 256; i++) {
		xen_image_own(x, IMG_DOM0_RAM + i, IMG_DOM0, i); /* the same numbers as the guest's */
		xen_image_own(x, IMG_GUEST + i, IMG_DOM1, i);
		x->frame[IMG_ROOT + 3][i] = (uint64_t)(IMG_GUEST + i) << 12 | leaf;
		x->frame[IMG_VTD + 3][i] = (uint64_t)(IMG_GUEST + i) << 12 | 3;
	}
	for (unsigned int i = 0; i < 512; i++)
		xen_image_own(x, IMG_GUEST_2M + i, IMG_DOM1, 0x200 + i);
	x->frame[IMG_ROOT + 2][1] = (uint64_t)IMG_GUEST_2M << 12 | leaf | 0x80;
	xen_image_own(x, 0x180, IMG_DOMIO, UINT64_MAX);
	xen_image_own(x, 0x181, IMG_DOMXEN, UINT64_MAX);
	/* free pages whose bit 63 means something else, with an owner left over */
	for (unsigned int i = 0; i < 16; i++) {
		xen_image_info(x, 0x190 + i)[1] = ALLOCATED | 3ull << 58;
		xen_image_info(x, 0x190 + i)[3] = 0x1a0;
	}
	for (unsigned int l = 0; l < 3; l++) {
		x->frame[IMG_ROOT + l][0] = (uint64_t)(IMG_ROOT + l + 1) << 12 | table;
		x->frame[IMG_VTD + l][0] = (uint64_t)(IMG_VTD + l + 1) << 12 | 3;
	}
	/* struct domain: p2m, VT-d root; struct p2m_domain: back pointer, phys_table, EPTP */
	dom1[151] = DIRECTMAP + (IMG_P2M << 12) + 0x100;
	dom1[51] = (uint64_t)IMG_VTD << 12;
	p2m[32 + 6] = DIRECTMAP + (IMG_DOM1 << 12);
	p2m[32 + 10] = IMG_ROOT;
	p2m[32 + 79] = ept ? (uint64_t)IMG_ROOT << 12 | 0x5e : 0;
	xen_image_info(x, IMG_ROOT)[2] = 0x8400000000000001ull;
}

static int put(int fd, const void *p, size_t len)
{
	return write(fd, p, len) == (ssize_t)len ? 0 : -1;
}

int xen_image_write(const struct xen_image *x, char *path, bool elf)
{
	Elf64_Ehdr eh = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT }, .e_type = ET_CORE,
		.e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr), .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 2,
	};
	/* two pieces, not in order, from an odd offset */
	Elf64_Phdr ph[2] = {
		{ .p_type = PT_LOAD,
		  .p_offset = 0x1001 + 0xa0000,
		  .p_paddr = 0x100000,
		  .p_filesz = sizeof(*x) - 0x100000,
		  .p_memsz = sizeof(*x) - 0x100000 },
		{ .p_type = PT_LOAD,
		  .p_offset = 0x1001,
		  .p_paddr = 0,
		  .p_filesz = 0xa0000,
		  .p_memsz = 0xa0000 },
	};
	int fd = mkstemp(path), rc;

	if (fd < 0)
		return -1;
	if (!elf)
		rc = put(fd, x, sizeof(*x));
	else
		rc = put(fd, &eh, sizeof(eh)) || put(fd, ph, sizeof(ph)) || lseek(fd, 0x1001, SEEK_SET) < 0 ||
			put(fd, x, 0xa0000) || put(fd, (const char *)x + 0x100000, sizeof(*x) - 0x100000);
	return close(fd) || rc ? -1 : 0;
}
