/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The unit tests' machine with a PV dom0 that has a p2m, for the programs' tests:
 * pvimage OUT [bad]. dom0 has RAM at pfn 0 to 0x9e and 0x100 to 0x160, the rest up to 0x3ff
 * ballooned out; 0x9f to 0xff is reserved in the memory map. 'bad': a missing entry at 0xb8,
 * a frame at 0xc0, identity at 0x10, and 0x20 with a frame that the M2P gives to 0x21.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/xen_image.c"

#define SHARED IMG_SPARE
#define TABLES (IMG_SPARE + 1) /* four levels, then two pages of the list */
#define LIST (IMG_SPARE + 5)
#define VADDR 0xffffc90000000000ull
#define ENTRIES 0x400
#define XEN_HEAP (1ull << 62)

static struct xen_image image;

static void own(uint64_t mfn, uint64_t pfn)
{
	xen_image_own(&image, mfn, IMG_DOM0, pfn);
	image.frame[LIST + pfn / 512][pfn % 512] = mfn;
}

static void build(void)
{
	const uint64_t shared[] = { ENTRIES, UINT64_MAX, 0, (uint64_t)TABLES << 12, VADDR, 2 };
	unsigned int shift = 39;

	xen_image_build(&image, true);
	memset(image.frame[LIST], 0xff, 2 * sizeof(image.frame[0]));
	for (unsigned int i = 0; i < 256; i++)
		own(IMG_DOM0_RAM + i, i < 0x9f ? i : 0x61 + i);
	for (uint64_t pfn = 0x9f; pfn < 0x100; pfn++)
		image.frame[LIST][pfn] = 1ull << 62 | pfn;
	xen_image_own(&image, SHARED, IMG_DOM0, UINT64_MAX);
	xen_image_info(&image, SHARED)[1] |= XEN_HEAP;
	memcpy((char *)image.frame[SHARED] + 3088, shared, sizeof(shared));
	for (unsigned int i = 0; i < 3; i++, shift -= 9)
		image.frame[TABLES + i][VADDR >> shift & 511] = (uint64_t)(TABLES + i + 1) << 12 | 3;
	image.frame[TABLES + 3][0] = (uint64_t)LIST << 12 | 3;
	image.frame[TABLES + 3][1] = (uint64_t)(LIST + 1) << 12 | 3;
}

int main(int argc, char **argv)
{
	char path[] = "/tmp/emt-pvimage-XXXXXX";
	char command[600];

	if (argc < 2)
		return 2;
	build();
	if (argc > 2) {
		image.frame[LIST][0xb8] = UINT64_MAX;
		image.frame[LIST][0xc0] = 0x700;
		image.frame[LIST][0x10] = 1ull << 62 | 0x10;
		*xen_image_m2p(&image, IMG_DOM0_RAM + 0x20) = 0x21;
	}
	if (xen_image_write(&image, path, false))
		return 1;
	snprintf(command, sizeof(command), "mv '%s' '%s'", path, argv[1]);
	return system(command) != 0;
}
