/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What bpf/kvm_answers.bpf.c and its user say to each other. */
#ifndef EMT_BPF_KVM_ANSWERS_H
#define EMT_BPF_KVM_ANSWERS_H

#include <linux/types.h>

/* One return of vmx_get_mt_mask(). */
struct emt_kvm_answer {
	__u64 vcpu;     /* address of struct kvm_vcpu */
	__u64 gfn;
	__u32 mmio;     /* KVM took the frame for MMIO */
	__u32 bits;     /* what it returned: bits 5:3 type, 6 ipat */
};

#endif
