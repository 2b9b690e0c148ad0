/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a Linux host does to its IOMMUs: the tracepoints iommu:map and iommu:unmap, and the
 * functions by which Intel's and AMD's drivers flush, by fentry or kprobe. The tracepoints
 * do not tell the domain: it is remembered where the call begins.
 */
#define __TARGET_ARCH_x86 /* where registers carry arguments; both drivers are x86's */
#include "kernel.h"

#include <asm/ptrace.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "iommu_watch.h"

char LICENSE[] SEC("license") = "GPL";

struct iommu_domain {
	unsigned int type;
} EMT_CORE;

struct iommu_iotlb_gather {
	unsigned long start, end; /* end: the last byte */
} EMT_CORE;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} ring SEC(".maps");

/* An interrupt may unmap in the middle of a task's unmapping, but never the same. */
struct call_key {
	__u64 task, iova;
};

struct call {
	__u64 domain, began;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct call_key);
	__type(value, struct call);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EMT_IOW_COUNTS);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

int watching; /* all is attached */

static __always_inline void count(__u32 what)
{
	__u64 *n = bpf_map_lookup_elem(&counts, &what);

	if (n && watching)
		++*n;
}

static __always_inline void give(struct emt_iow_event *e)
{
	struct iommu_domain *d = (struct iommu_domain *)e->domain;

	if (!watching)
		return;
	e->time = bpf_ktime_get_ns();
	e->pid = (__u32)(bpf_get_current_pid_tgid() >> 32);
	e->cpu = (__u16)bpf_get_smp_processor_id();
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	if (d)
		e->type = BPF_CORE_READ(d, type);
	if (bpf_ringbuf_output(&ring, e, sizeof(*e), 0))
		count(EMT_IOW_LOST);
}

/* ---- where calls begin ---- */

static __always_inline int begin(__u64 domain, __u64 iova)
{
	struct call_key key = { bpf_get_current_pid_tgid(), iova };
	struct call c = { domain, bpf_ktime_get_ns() };

	bpf_map_update_elem(&calls, &key, &c, BPF_ANY);
	return 0;
}

#define BEGINS(name)                                                                                                   \
	SEC("fentry/" #name) int fentry_##name(__u64 *ctx) { return begin(ctx[0], ctx[1]); }                               \
	SEC("kprobe/" #name) int kprobe_##name(struct pt_regs *ctx) { return begin(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx)); }

BEGINS(iommu_unmap)
BEGINS(iommu_unmap_fast)
BEGINS(iommu_map)
BEGINS(iommu_map_atomic)
BEGINS(iommu_map_sg)
BEGINS(iommu_map_sg_atomic)

/* ---- the tracepoints ---- */

static __always_inline int traced(__u16 what, __u64 iova, __u64 bytes)
{
	struct call_key key = { bpf_get_current_pid_tgid(), iova };
	struct emt_iow_event e = { .what = what, .iova = iova, .last = iova + bytes - 1 };
	struct call *c = bpf_map_lookup_elem(&calls, &key);

	count(what == EMT_IOW_MAP ? EMT_IOW_MAPS : EMT_IOW_UNMAPS);
	if (c) {
		e.domain = c->domain;
		e.began = c->began;
		/* a scattered map goes on behind what it mapped */
		if (what == EMT_IOW_MAP) {
			struct call_key next = { key.task, iova + bytes };
			struct call more = *c;

			bpf_map_update_elem(&calls, &next, &more, BPF_ANY);
		}
		bpf_map_delete_elem(&calls, &key);
	}
	if (bytes)
		give(&e);
	return 0;
}

SEC("raw_tp/map")
int trace_map(struct bpf_raw_tracepoint_args *ctx) /* iova, paddr, size */
{
	return traced(EMT_IOW_MAP, ctx->args[0], ctx->args[2]);
}

SEC("raw_tp/unmap")
int trace_unmap(struct bpf_raw_tracepoint_args *ctx) /* iova, size, unmapped */
{
	return traced(EMT_IOW_UNMAP, ctx->args[0], ctx->args[2]);
}

/* ---- flushes ---- */

static __always_inline int flush_range(__u64 domain, struct iommu_iotlb_gather *g)
{
	struct emt_iow_event e = { .what = EMT_IOW_FLUSH, .domain = domain };

	e.iova = BPF_CORE_READ(g, start);
	e.last = BPF_CORE_READ(g, end);
	count(EMT_IOW_FLUSHES);
	if (e.iova <= e.last) /* else nothing was gathered */
		give(&e);
	return 0;
}

static __always_inline int flush_all(__u64 domain)
{
	struct emt_iow_event e = { .what = EMT_IOW_FLUSH_ALL, .domain = domain, .last = ~0ull };

	count(EMT_IOW_FLUSHES_ALL);
	give(&e);
	return 0;
}

#define FLUSHES_RANGE(name)                                                                                            \
	SEC("fentry/" #name) int fentry_##name(__u64 *ctx)                                                                 \
	{                                                                                                                  \
		return flush_range(ctx[0], (struct iommu_iotlb_gather *)ctx[1]);                                               \
	}                                                                                                                  \
	SEC("kprobe/" #name) int kprobe_##name(struct pt_regs *ctx)                                                        \
	{                                                                                                                  \
		return flush_range(PT_REGS_PARM1(ctx), (struct iommu_iotlb_gather *)PT_REGS_PARM2(ctx));                       \
	}
#define FLUSHES_ALL(name)                                                                                              \
	SEC("fentry/" #name) int fentry_##name(__u64 *ctx) { return flush_all(ctx[0]); }                                   \
	SEC("kprobe/" #name) int kprobe_##name(struct pt_regs *ctx) { return flush_all(PT_REGS_PARM1(ctx)); }

FLUSHES_RANGE(intel_iommu_tlb_sync)
FLUSHES_ALL(intel_flush_iotlb_all)
FLUSHES_RANGE(amd_iommu_iotlb_sync)
FLUSHES_ALL(amd_iommu_flush_iotlb_all)

/* ---- KVM ---- */

SEC("fentry/kvm_flush_remote_tlbs")
int fentry_kvm_flush_remote_tlbs(__u64 *ctx)
{
	(void)ctx;
	count(EMT_IOW_KVM);
	return 0;
}

SEC("kprobe/kvm_flush_remote_tlbs")
int kprobe_kvm_flush_remote_tlbs(struct pt_regs *ctx)
{
	(void)ctx;
	count(EMT_IOW_KVM);
	return 0;
}
