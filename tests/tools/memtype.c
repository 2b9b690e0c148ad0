/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usage: memtype DOMID GFNS
 * Ask the Xen that runs here for the p2m type of each gfn below GFNS, as emt does where it
 * decides a verdict; print how many answers there were of each set of types.
 */
#include <stdio.h>
#include <stdlib.h>

#include "xen/xen.h"

int main(int argc, char **argv)
{
	struct emt_err err = { 0 };
	struct emt_xen *x;
	uint64_t count[1 << 16] = { 0 };
	uint16_t types;

	if (argc != 3)
		return 2;
	if (emt_xen_open(&x, NULL, false, "memtype", &err)) {
		fprintf(stderr, "%s: %s\n", err.subject, err.text);
		return 1;
	}
	for (uint64_t gfn = 0; gfn < strtoull(argv[2], NULL, 0); gfn++) {
		if (emt_xen_mem_type(x, (uint32_t)strtoul(argv[1], NULL, 0), gfn, &types, &err)) {
			fprintf(stderr, "gfn %#llx: %s\n", (unsigned long long)gfn, err.text);
			return 1;
		}
		count[types]++;
	}
	emt_xen_close(x);
	for (unsigned int t = 0; t < 1u << 16; t++)
		if (count[t])
			printf("%u %u %llu\n", t >> EMT_P2M_RAM_RW & 1, t >> EMT_P2M_RAM_RO & 1, (unsigned long long)count[t]);
	return 0;
}
