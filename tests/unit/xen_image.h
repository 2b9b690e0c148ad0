/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine of 8 MiB with the structures of a Xen 4.17 in it, as the search sees them:
 * page tables, direct map, frame table, M2P, boot log, dom0 and one guest with p2m and
 * VT-d tables. Tests break one thing at a time.
 */
#ifndef EMT_TESTS_XEN_IMAGE_H
#define EMT_TESTS_XEN_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMG_FRAMES 2048
#define IMG_L4 0x100u
#define IMG_DIRECT_L2 0x104u
#define IMG_TEXT 0x130u
#define IMG_DOM0 0x140u
#define IMG_DOMIO 0x141u
#define IMG_DOMXEN 0x142u
#define IMG_DOM1 0x143u
#define IMG_P2M 0x144u       /* struct p2m_domain */
#define IMG_ROOT 0x150u      /* p2m tables: root, L3, L2, L1 */
#define IMG_VTD 0x158u       /* VT-d tables: root, L3, L2, L1 */
#define IMG_SPARE 0x170u     /* for what a test adds */
#define IMG_GUEST 0x200u     /* 256 frames of gfn 0.. */
#define IMG_GUEST_2M 0x600u  /* a superpage at gfn 0x200 */
#define IMG_DOM0_RAM 0x400u

struct xen_image {
	uint64_t frame[IMG_FRAMES][512];
};

/* 'ept': the guest is on EPT, else on NPT. */
void xen_image_build(struct xen_image *x, bool ept);
/* page_info words of a frame: 0 list, 1 count_info, 2 type_info, 3 owner. */
uint64_t *xen_image_info(struct xen_image *x, uint64_t mfn);
uint64_t *xen_image_m2p(struct xen_image *x, uint64_t mfn);
/* A frame in use by the domain whose struct lies in frame 'dom'. */
void xen_image_own(struct xen_image *x, uint64_t mfn, uint64_t dom, uint64_t gfn);
/* Write it to a new file: raw, or as an ELF core. 'path' ends in XXXXXX. */
int xen_image_write(const struct xen_image *x, char *path, bool elf);

#endif
