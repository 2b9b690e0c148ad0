/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What bpf/kernel_read.bpf.c and its user say to each other. */
#ifndef EMT_BPF_KERNEL_READ_H
#define EMT_BPF_KERNEL_READ_H

#include <linux/types.h>

#define EMT_KERNEL_PAGES 2048 /* that one run copies at most */

/* What to copy: up to 4096 bytes of kernel memory. */
struct emt_kernel_want {
	__u64 address;
	__u32 bytes;
	__u32 failed;   /* set by the program: it could not be read */
};

struct emt_kernel_page {
	__u8 bytes[4096];
};

#endif
