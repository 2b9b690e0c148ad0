/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page by which dom0 steers the guest: dom0 writes one step and raises 'asked',
 * the guest does it and makes 'done' equal.
 */
#ifndef LAB_MAILBOX_H
#define LAB_MAILBOX_H

#include <stdint.h>

#define MAILBOX_GFN 0x110 /* where guest/build places it */

enum step {
	STEP_READ = 1,   /* a byte of each page: first gfn, last gfn, gfns apart */
	STEP_WRITE,      /* the same, written as it was */
	STEP_EXECUTE,    /* a return instruction put into gfn's page */
	STEP_WRMSR,      /* msr, high half, low half */
	STEP_RDMSR,      /* msr; answers result[0] = low, result[1] = high */
	STEP_PAGING,     /* page tables of its own: 0 off, 1 32-bit, 2 PAE, 3 4-level,
	                  * 4 as it is, and CR0.CD set; see guest.c */
	STEP_HYPERCALL,  /* number, first argument; 'buffer' is the second; answers result[0] */
};

struct mailbox {
	volatile uint32_t asked, done;
	volatile uint32_t step, arg[4], result[2];
	uint32_t unused[7];
	uint32_t buffer[64];
};

#endif
