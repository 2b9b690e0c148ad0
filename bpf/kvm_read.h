/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What bpf/kvm_read.bpf.c and its user say to each other. */
#ifndef EMT_BPF_KVM_READ_H
#define EMT_BPF_KVM_READ_H

#include <linux/types.h>

/* An open file of KVM: one record of the iterator. */
enum { EMT_KVM_FILE_VM = 1, EMT_KVM_FILE_VCPU = 2 };
struct emt_kvm_file {
	__u64 object;   /* struct kvm, or struct kvm_vcpu */
	__u32 pid, fd;
	__u32 kind;
	char comm[16];
	__u32 pad;
};

#endif
