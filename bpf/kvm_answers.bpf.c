/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * KVM's own answers: every return of the function that gives an entry its type. Only for
 * a cross-check; where trampolines are not allowed the program is not loaded.
 */
#include "kernel.h"

#include <bpf/bpf_helpers.h>

#include "kvm_answers.h"

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 23);
} answers SEC(".maps");

__u64 dropped = 0;

/* Arguments vcpu, gfn, is_mmio, then what was returned. */
SEC("fexit/vmx_get_mt_mask")
int log_answer(unsigned long long *ctx)
{
	struct emt_kvm_answer *a = bpf_ringbuf_reserve(&answers, sizeof(*a), 0);

	if (!a) {
		__sync_fetch_and_add(&dropped, 1);
		return 0;
	}
	a->vcpu = ctx[0];
	a->gfn = ctx[1];
	a->mmio = ctx[2] & 1;
	a->bits = ctx[3] & 0xff;
	bpf_ringbuf_submit(a, 0);
	return 0;
}
