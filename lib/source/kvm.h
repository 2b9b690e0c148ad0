/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Live guests of KVM, through BPF. Nothing is ever written; no guest is paused.
 *
 * A program walks over open files (bpf/kvm_read.bpf.c), kernel memory is copied by
 * kernel.h. Where a member of a structure lies is told by the BTF of the
 * kernel that runs, and of its kvm module.
 */
#ifndef EMT_SOURCE_KVM_H
#define EMT_SOURCE_KVM_H

#include "base/err.h"
#include "base/types.h"
#include "source/kernel.h"
#include "source/kvm_layout.h"

struct emt_kvm;

/* What KVM runs guests with on this host. */
enum emt_kvm_mode { EMT_KVM_MODE_NONE, EMT_KVM_MODE_EPT, EMT_KVM_MODE_NPT, EMT_KVM_MODE_SHADOW };

/* Load the programs. EMT_E_UNSUPPORTED: not in this build, no KVM here, no BTF, or a kernel
 * whose structures are not understood (the text names the member); EMT_E_PERM: root, or
 * CAP_BPF and CAP_PERFMON (and CAP_SYSLOG for kernel addresses) are needed. 'subject' is
 * what errors name. */
int emt_kvm_open(struct emt_kvm **out, const char *subject, struct emt_err *err);
void emt_kvm_close(struct emt_kvm *k);

/* Where members lie. */
const struct emt_kvm_layout *emt_kvm_layout(const struct emt_kvm *k);

/* EPT, NPT, or neither; 'why' (may be NULL) gets words on it, e.g. "module kvm_pvm". */
enum emt_kvm_mode emt_kvm_mode(char *why, size_t room);

/* A virtual machine, by the process that holds it. */
struct emt_kvm_guest {
	uint32_t pid;
	char name[64];      /* what the VMM calls it (-name guest=...); may be empty */
	char comm[16];      /* the process's */
	uint64_t kvm;       /* address of its struct kvm */
	uint64_t *vcpus;    /* owned: addresses of struct kvm_vcpu */
	uint32_t nr_vcpus;
};

/* All of them, by process; free with emt_kvm_guests_free(). */
int emt_kvm_guests(struct emt_kvm *k, struct emt_kvm_guest **out, size_t *n, struct emt_err *err);
void emt_kvm_guests_free(struct emt_kvm_guest *v, size_t n);

/* Kernel memory, for as long as 'k' is open. */
struct emt_kernel *emt_kvm_kernel(struct emt_kvm *k);

#endif
