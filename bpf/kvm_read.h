/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What bpf/kvm_read.bpf.c and its user say to each other. */
#ifndef EMT_BPF_KVM_READ_H
#define EMT_BPF_KVM_READ_H

#include <linux/types.h>

#define EMT_KVM_PAGES 2048 /* that one run copies at most */

/* An open file of KVM: one record of the iterator. */
enum { EMT_KVM_FILE_VM = 1, EMT_KVM_FILE_VCPU = 2 };
struct emt_kvm_file {
	__u64 object;   /* struct kvm, or struct kvm_vcpu */
	__u32 pid, fd;
	__u32 kind;
	char comm[16];
	__u32 pad;
};

/* What to copy: up to 4096 bytes of kernel memory. */
struct emt_kvm_want {
	__u64 address;
	__u32 bytes;
	__u32 failed;   /* set by the program: it could not be read */
};

struct emt_kvm_page {
	__u8 bytes[4096];
};

#endif
