/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copying kernel memory in bulk. It only reads; which addresses are read is decided
 * outside (lib/source/kvm_vm.c, lib/source/pv_self.c).
 */
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

#include "kernel_read.h"

char LICENSE[] SEC("license") = "GPL";

/* Both are mapped into emt: what to copy, and what was. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, EMT_KERNEL_PAGES);
	__type(key, __u32);
	__type(value, struct emt_kernel_want);
} wants SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, EMT_KERNEL_PAGES);
	__type(key, __u32);
	__type(value, struct emt_kernel_page);
} pages SEC(".maps");

__u32 nr_wants = 0;

static long copy_one(__u32 i, void *unused)
{
	struct emt_kernel_want *w = bpf_map_lookup_elem(&wants, &i);
	struct emt_kernel_page *p = bpf_map_lookup_elem(&pages, &i);
	__u32 bytes;

	if (!w || !p)
		return 1;
	bytes = w->bytes;
	if (bytes > sizeof(*p))
		bytes = sizeof(*p);
	w->failed = bpf_probe_read_kernel(p, bytes, (void *)w->address) != 0;
	return 0;
}

SEC("syscall")
int copy(void *ctx)
{
	bpf_loop(nr_wants, copy_one, 0, 0);
	return 0;
}
