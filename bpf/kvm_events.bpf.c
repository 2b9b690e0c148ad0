/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happens to guests of KVM, as it happens: entries of two-dimensional page tables by
 * KVM's own tracepoint; memslots and non-coherent DMA at the functions that commit them
 * (fentry, else kprobes), or memslots at the C library's ioctl() where neither is allowed.
 *
 * Entries change at a high rate. Each CPU joins what follows in order and became alike, and
 * gives that as one record.
 */
#define __TARGET_ARCH_x86
#include "kernel.h"
#include <asm/ptrace.h>
#include <linux/kvm.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "kvm_events.h"

char LICENSE[] SEC("license") = "GPL";

#define SHADOW_PRESENT (1ull << 11) /* of an entry: it is one of KVM's (table/format_kvm.c) */
#define SUPERPAGE (1ull << 7)
#define FRAME_BITS 0x000ffffffffff000ull
#define KERNEL_THREAD 0x00200000u

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} ring SEC(".maps");

/* What a CPU joins at the moment. */
struct joined {
	struct emt_kvm_event_rec rec;
	__u32 busy;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct joined);
} joining SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EMT_KE_NR);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

/* An ioctl under way. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct emt_kvm_event_rec);
} calls SEC(".maps");

const volatile __u32 only_pid = 0;   /* 0: all */
const volatile __u64 only_kvm = 0;   /* its struct kvm */
const volatile __u64 type_bits = 0;  /* of a leaf: those that make its memory type */
const volatile __s32 slot_gfn = -1, slot_pages = -1, slot_flags = -1; /* where they lie in a memslot */

static __always_inline void count(__u32 what, __u64 n)
{
	__u64 *v = bpf_map_lookup_elem(&counts, &what);

	if (v)
		*v += n;
}

/* In whose name: 0 for the kernel's own threads. */
static __always_inline __u32 who(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return BPF_CORE_READ(task, flags) & KERNEL_THREAD ? 0 : (__u32)(bpf_get_current_pid_tgid() >> 32);
}

static __always_inline void give(struct emt_kvm_event_rec *rec)
{
	if (rec->count && bpf_ringbuf_output(&ring, rec, sizeof(*rec), 0))
		count(EMT_KE_LOST, rec->kind < EMT_KE_SLOT ? rec->count : 1);
	rec->count = 0;
}

/* ---- entries ---- */

static __always_inline int leaf(__u64 spte, __u32 level)
{
	return spte & SHADOW_PRESENT && (level == 1 || spte & SUPERPAGE);
}

static __always_inline __u8 kind_of(__u64 was, __u64 is, __u32 level)
{
	int before = leaf(was, level), after = leaf(is, level);

	if (before && after)
		return (was ^ is) & (FRAME_BITS | type_bits) ? EMT_KE_CHANGE : EMT_KE_NONE;
	if (before)
		return is & SHADOW_PRESENT ? EMT_KE_SPLIT : EMT_KE_UNMAP;
	if (after)
		return was & SHADOW_PRESENT ? EMT_KE_MERGE : EMT_KE_MAP;
	return EMT_KE_NONE;
}

static __always_inline __u64 frames(__u32 level)
{
	return 1ull << 9 * ((level - 1) & 3);
}

static __always_inline int follows(const struct emt_kvm_event_rec *r, __u32 pid, __u8 kind, __u8 as_id, __u64 gfn,
				   __u32 level, __u64 was, __u64 is)
{
	return r->count && r->kind == kind && r->pid == pid && r->level == level && r->as_id == as_id &&
		gfn == r->gfn + r->count * frames(level) && !((r->was ^ was) & type_bits) && !((r->is ^ is) & type_bits);
}

SEC("raw_tp/kvm_tdp_mmu_spte_changed")
int spte_changed(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 gfn = ctx->args[1], was = ctx->args[3], is = ctx->args[4];
	__u32 level = (__u32)ctx->args[2], pid = who(), zero = 0;
	__u8 kind = kind_of(was, is, level), as_id = (__u8)ctx->args[0];
	struct joined *j;

	if (only_pid && pid && pid != only_pid) {
		count(EMT_KE_OTHERS, 1);
		return 0;
	}
	count(EMT_KE_SEEN, 1);
	if (!kind) {
		count(EMT_KE_QUIET, 1);
		return 0;
	}
	j = bpf_map_lookup_elem(&joining, &zero);
	if (!j)
		return 0;
	j->busy = 1;
	if (!follows(&j->rec, pid, kind, as_id, gfn, level, was, is)) {
		give(&j->rec);
		j->rec.kind = kind;
		j->rec.pid = pid;
		j->rec.level = (__u8)level;
		j->rec.as_id = as_id;
		j->rec.gfn = gfn;
		j->rec.was = was;
		j->rec.is = is;
		bpf_get_current_comm(j->rec.comm, sizeof(j->rec.comm));
	}
	j->rec.time = bpf_ktime_get_ns();
	j->rec.count++;
	j->busy = 0;
	return 0;
}

/* Run on each CPU from time to time: what it has joined so far. An interrupt brings it
 * there, maybe in the midst of the program above. */
SEC("raw_tp")
int flush(void *ctx)
{
	__u32 zero = 0;
	struct joined *j = bpf_map_lookup_elem(&joining, &zero);

	if (j && !j->busy)
		give(&j->rec);
	return 0;
}

/* ---- memslots and non-coherent DMA, where KVM commits them ---- */

static __always_inline void read_slot(__u64 slot, struct emt_kvm_event_rec *rec, __u64 *pages, __u64 *flags)
{
	__u32 f = 0;

	if (!slot || slot_gfn < 0)
		return;
	bpf_probe_read_kernel(&rec->gfn, 8, (void *)(slot + slot_gfn));
	bpf_probe_read_kernel(pages, 8, (void *)(slot + slot_pages));
	bpf_probe_read_kernel(&f, 4, (void *)(slot + slot_flags));
	*flags = f;
}

static __always_inline int wanted(__u64 kvm)
{
	if (only_kvm && kvm != only_kvm) {
		count(EMT_KE_OTHERS, 1);
		return 0;
	}
	count(EMT_KE_SEEN, 1);
	return 1;
}

static __always_inline void head(struct emt_kvm_event_rec *rec, __u8 kind, __u64 kvm)
{
	rec->kind = kind;
	rec->kvm = kvm;
	rec->pid = who();
	rec->time = bpf_ktime_get_ns();
	rec->count = 1;
	bpf_get_current_comm(rec->comm, sizeof(rec->comm));
}

/* kvm_arch_commit_memory_region(kvm, old, new, change) */
static __always_inline int slot_event(__u64 kvm, __u64 old, __u64 new, __u64 change)
{
	struct emt_kvm_event_rec rec = {};

	if (!wanted(kvm))
		return 0;
	head(&rec, EMT_KE_SLOT, kvm);
	rec.change = (__u8)change;
	read_slot(old, &rec, &rec.pages, &rec.was);
	rec.count = 0;
	read_slot(new, &rec, &rec.count, &rec.is);
	if (!rec.count) { /* deleted */
		rec.count = rec.pages;
		rec.change = 1;
	}
	give(&rec);
	return 0;
}

static __always_inline int dma_event(__u64 kvm, __u8 kind)
{
	struct emt_kvm_event_rec rec = {};

	if (!wanted(kvm))
		return 0;
	head(&rec, kind, kvm);
	give(&rec);
	return 0;
}

SEC("fentry/kvm_arch_commit_memory_region")
int fentry_slot(__u64 *ctx)
{
	return slot_event(ctx[0], ctx[1], ctx[2], ctx[3] & 0xffffffff);
}

SEC("fentry/kvm_arch_register_noncoherent_dma")
int fentry_dma_on(__u64 *ctx)
{
	return dma_event(ctx[0], EMT_KE_NC_ON);
}

SEC("fentry/kvm_arch_unregister_noncoherent_dma")
int fentry_dma_off(__u64 *ctx)
{
	return dma_event(ctx[0], EMT_KE_NC_OFF);
}

SEC("kprobe/kvm_arch_commit_memory_region")
int kprobe_slot(struct pt_regs *ctx)
{
	return slot_event(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx), PT_REGS_PARM4(ctx) & 0xffffffff);
}

SEC("kprobe/kvm_arch_register_noncoherent_dma")
int kprobe_dma_on(struct pt_regs *ctx)
{
	return dma_event(PT_REGS_PARM1(ctx), EMT_KE_NC_ON);
}

SEC("kprobe/kvm_arch_unregister_noncoherent_dma")
int kprobe_dma_off(struct pt_regs *ctx)
{
	return dma_event(PT_REGS_PARM1(ctx), EMT_KE_NC_OFF);
}

/* ---- KVM_SET_USER_MEMORY_REGION and its second form, at the C library's ioctl() ---- */

struct region {
	__u32 slot, flags;
	__u64 gpa, bytes, hva;
};
#define SET_REGION 0x4020ae46u
#define SET_REGION2 0x40a0ae49u

SEC("uprobe")
int uprobe_ioctl(struct pt_regs *ctx)
{
	__u32 request = (__u32)PT_REGS_PARM2(ctx), pid = who();
	__u64 id = bpf_get_current_pid_tgid();
	struct emt_kvm_event_rec rec = {};
	struct region r;

	if ((request != SET_REGION && request != SET_REGION2) || (only_pid && pid != only_pid))
		return 0;
	count(EMT_KE_SEEN, 1);
	if (bpf_probe_read_user(&r, sizeof(r), (void *)PT_REGS_PARM3(ctx))) {
		count(EMT_KE_LOST, 1);
		return 0;
	}
	head(&rec, EMT_KE_SLOT, 0);
	rec.gfn = r.gpa >> 12;
	rec.count = r.bytes >> 12;
	rec.is = r.flags;
	rec.change = !r.bytes;
	if (bpf_map_update_elem(&calls, &id, &rec, BPF_ANY))
		count(EMT_KE_LOST, 1);
	return 0;
}

SEC("uretprobe")
int uretprobe_ioctl(struct pt_regs *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct emt_kvm_event_rec *rec = bpf_map_lookup_elem(&calls, &id);

	if (!rec)
		return 0;
	/* what is deleted is named by its number only: how much it was is not told */
	if (!(int)PT_REGS_RC(ctx) && bpf_ringbuf_output(&ring, rec, sizeof(*rec), 0))
		count(EMT_KE_LOST, 1);
	bpf_map_delete_elem(&calls, &id);
	return 0;
}
