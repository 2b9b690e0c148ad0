/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls of the toolstack to Xen, as they pass privcmd's ioctl: seen by fentry and fexit,
 * else by kprobes, else by uprobes on the C library's ioctl(). All three share what
 * follows. Arguments are copied at the beginning, while they are what the caller meant,
 * and given at the end, if the call succeeded.
 */
#define __TARGET_ARCH_x86 /* where registers carry arguments; Xen's p2m is x86's */
#include "kernel.h"

#include <asm/ptrace.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "privcmd.h"

char LICENSE[] SEC("license") = "GPL";

#define RING_BYTES (4 << 20)
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} ring SEC(".maps");

/* A call under way. */
struct pending {
	struct emt_call call;
	__u64 argument; /* of a domctl: its address */
	__u64 result;   /* of a multicall: where its entry's result will stand */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct pending);
} calls SEC(".maps");

/* The stack is too small for one. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pending);
} scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EMT_CALLS_NR);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

const volatile __s32 only_domain = -1; /* calls about this one, and those about none */
const volatile __u32 not_pid = 0;      /* the observer itself */

struct hypercall {
	__u64 op, arg[5];
};

/* libxencall wraps calls whose answer is a long (memory operations) in a multicall of one. */
struct multicall {
	__u64 op, result, arg[6];
};

struct dm_op {
	__u16 domid, nr, pad[2];
	__u64 buffers;
};

struct buffer {
	__u64 address, bytes;
};

struct domctl {
	__u32 cmd, iface;
	__u16 domid, pad[3];
};

static __always_inline void count(__u32 what)
{
	__u64 *n = bpf_map_lookup_elem(&counts, &what);

	if (n)
		++*n;
}

static __always_inline int read_user(void *to, __u32 bytes, __u64 from)
{
	return bpf_probe_read_user(to, bytes, (const void *)from);
}

/* The reader looks every tenth of a second by itself: waking it costs the caller more than
 * all the rest, and is left for when a quarter of the ring is full. */
static __always_inline long put(void *record, __u64 bytes)
{
	__u64 full = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);

	return bpf_ringbuf_output(&ring, record, bytes, full > RING_BYTES / 4 ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

/* Operations that change what emt judges by. */
static __always_inline int wanted_domctl(__u32 cmd)
{
	switch (cmd) {
	case 1: case 2:            /* create, destroy */
	case 10:                   /* shadow_op */
	case 20: case 21:          /* iomem and ioport permission */
	case 37: case 47:          /* assign, deassign device */
	case 39: case 41:          /* memory_mapping, pins */
		return 1;
	default:
		return 0;
	}
}

static __always_inline int wanted_memory(__u32 cmd)
{
	/* reservations 0, 1, 6; physmap 7, 15, 23; exchange 11; PoD target 16; mem_access 21 */
	return cmd < 32 && (1u << cmd & (1u << 0 | 1u << 1 | 1u << 6 | 1u << 7 | 1u << 11 | 1u << 15 | 1u << 16 |
					 1u << 21 | 1u << 23));
}

static __always_inline int wanted_physdev(__u32 cmd)
{
	/* devices named to Xen 15, 20, 25 and taken away 16, 26; MSI-X prepared, released 30, 31 */
	return cmd < 32 && (1u << cmd & (1u << 15 | 1u << 16 | 1u << 20 | 1u << 25 | 1u << 26 | 1u << 30 | 1u << 31));
}

static __always_inline int begin_domctl(struct pending *p, __u64 address)
{
	struct domctl d;

	if (read_user(&d, sizeof(d), address))
		return -1;
	p->call.cmd = d.cmd;
	if (!wanted_domctl(d.cmd))
		return 0;
	p->argument = address;
	p->call.iface = d.iface;
	p->call.domid = d.domid;
	return read_user(p->call.data, EMT_CALL_DATA, address + sizeof(d)) ? -1 : 1;
}

static __always_inline int begin_memory(struct pending *p, __u32 cmd, __u64 address)
{
	__u64 extents = 0;
	__u16 domid = 0;

	p->call.cmd = cmd;
	if (!wanted_memory(cmd))
		return 0;
	if (read_user(p->call.data, 40, address))
		return -1;
	if (cmd == 0 || cmd == 1 || cmd == 6 || cmd == 11) { /* start with a reservation */
		__builtin_memcpy(&extents, p->call.data, 8);
		__builtin_memcpy(&domid, p->call.data + 24, 2);
		read_user(p->call.extent, sizeof(p->call.extent[0]), extents);
	} else if (cmd == 16) { /* two counts first */
		__builtin_memcpy(&domid, p->call.data + 32, 2);
	} else if (cmd == 21) {
		__builtin_memcpy(&domid, p->call.data + 2, 2);
	} else {
		__builtin_memcpy(&domid, p->call.data, 2);
		if (cmd == 23) { /* arrays */
			__builtin_memcpy(&extents, p->call.data + 16, 8);
			read_user(p->call.extent, sizeof(p->call.extent[0]), extents);
		}
	}
	p->call.domid = domid;
	return 1;
}

static __always_inline int begin_hypercall(struct pending *p, __u64 address)
{
	struct hypercall h;

	if (read_user(&h, sizeof(h), address))
		return -1;
	if (h.op == EMT_HC_MULTICALL) {
		struct multicall m;

		/* nobody makes several: they would have to be taken apart */
		if (h.arg[1] != 1 || read_user(&m, sizeof(m), h.arg[0]))
			return -1;
		p->result = h.arg[0] + 8;
		h.op = m.op;
		h.arg[0] = m.arg[0];
		h.arg[1] = m.arg[1];
	}
	p->call.op = (__u32)h.op;
	switch (h.op) {
	case EMT_HC_DOMCTL:
		return begin_domctl(p, h.arg[0]);
	case EMT_HC_MEMORY:
		return begin_memory(p, (__u32)h.arg[0], h.arg[1]);
	case EMT_HC_HVM: /* set_mem_type: until 4.8, a dm_op since */
		p->call.cmd = (__u32)h.arg[0];
		if (p->call.cmd != 8)
			return 0;
		if (read_user(p->call.data, 16, h.arg[1]))
			return -1;
		p->call.domid = p->call.data[0] | p->call.data[1] << 8;
		return 1;
	case EMT_HC_PHYSDEV:
		p->call.cmd = (__u32)h.arg[0];
		if (!wanted_physdev(p->call.cmd))
			return 0;
		return read_user(p->call.data, 8, h.arg[1]) ? -1 : 1;
	case EMT_HC_PLATFORM:
		if (read_user(&p->call.cmd, 4, h.arg[0]) || read_user(&p->call.iface, 4, h.arg[0] + 4))
			return -1;
		if (p->call.cmd != 31 && p->call.cmd != 32) /* add, delete an MTRR */
			return 0;
		return read_user(p->call.data, 32, h.arg[0] + 8) ? -1 : 1;
	default:
		return 0;
	}
}

static __always_inline int begin_dm_op(struct pending *p, __u64 address)
{
	struct buffer b;
	struct dm_op m;

	if (read_user(&m, sizeof(m), address))
		return -1;
	if (!m.nr) /* a probe of the library */
		return 0;
	if (read_user(&b, sizeof(b), m.buffers) || b.bytes < 4 || read_user(&p->call.cmd, 4, b.address))
		return -1;
	p->call.op = EMT_HC_DM_OP;
	p->call.iface = m.nr;
	p->call.domid = m.domid;
	if (p->call.cmd != 12 && p->call.cmd != 15 && p->call.cmd != 17 && p->call.cmd != 18)
		return 0;
	return read_user(p->call.data, 24, b.address + 8) ? -1 : 1;
}

static __always_inline int enter(__u32 request, __u64 address)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 zero = 0;
	struct pending *p;
	int wanted;

	if ((request != EMT_PRIVCMD_HYPERCALL && request != EMT_PRIVCMD_DM_OP) || (not_pid && id >> 32 == not_pid))
		return 0;
	p = bpf_map_lookup_elem(&scratch, &zero);
	if (!p)
		return 0;
	__builtin_memset(p, 0, sizeof(*p));
	p->call.domid = 0xffff;
	wanted = request == EMT_PRIVCMD_DM_OP ? begin_dm_op(p, address) : begin_hypercall(p, address);
	if (!wanted)
		return 0;
	count(EMT_CALLS_SEEN);
	if (wanted < 0) {
		count(EMT_CALLS_UNREADABLE);
		return 0;
	}
	p->call.pid = (__u32)(id >> 32);
	bpf_get_current_comm(p->call.comm, sizeof(p->call.comm));
	if (bpf_map_update_elem(&calls, &id, p, BPF_ANY))
		count(EMT_CALLS_UNPAIRED);
	return 0;
}

static __always_inline int leave(long ret)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct pending *p = bpf_map_lookup_elem(&calls, &id);
	struct domctl d;
	long answer;

	if (!p)
		return 0;
	if (ret >= 0 && p->result && !read_user(&answer, sizeof(answer), p->result))
		ret = answer;
	p->call.ret = (__s32)ret;
	p->call.time = bpf_ktime_get_ns();
	if (ret < 0) {
		count(EMT_CALLS_FAILED);
	} else {
		/* the number of a new domain is an answer */
		if (p->call.op == EMT_HC_DOMCTL && p->call.cmd == 1 && !read_user(&d, sizeof(d), p->argument))
			p->call.domid = d.domid;
		if (only_domain >= 0 && p->call.domid != 0xffff && p->call.domid != (__u32)only_domain)
			count(EMT_CALLS_NR); /* another domain's: no counter has this number */
		else if (put(&p->call, sizeof(p->call)))
			count(EMT_CALLS_LOST);
	}
	bpf_map_delete_elem(&calls, &id);
	return 0;
}

/* ---- frames of domains that processes map ---- */

/* In a PV domain page tables hold machine frames: once a foreign frame is mapped, the
 * process's entry tells where the hypervisor found it. Tables are reached through the
 * M2P and the kernel's direct map. */
#define M2P 0xffff800000000000ull

const volatile __u64 page_offset_base_at = 0; /* where the kernel keeps that variable */

struct mmapbatch {
	__u32 nr;
	__u16 domid, pad;
	__u64 address;
	__u64 gfns, errors; /* arrays of u64, of int */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct mmapbatch);
} maps_begun SEC(".maps");

struct look {
	struct mmapbatch m;
	__u64 direct_map;
	__u64 table;    /* of last-level entries, in the direct map; 0 = none */
	__u64 table_of; /* the 2 MiB that it maps */
	struct emt_foreign run; /* count 0 = none */
};

/* Not on the stack: kernels before 6.7 take what a loop's first round finds there for what
 * each finds, and leave out the rest of its code. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct look);
} looks SEC(".maps");

static __always_inline void count_more(__u32 what, __u64 more)
{
	__u64 *n = bpf_map_lookup_elem(&counts, &what);

	if (n)
		*n += more;
}

static __always_inline __u64 entry_at(__u64 table, __u64 va, __u32 shift)
{
	__u64 e = 0;

	if (!table || bpf_probe_read_kernel(&e, sizeof(e), (void *)(table + ((va >> shift & 511) << 3))))
		return 0;
	return e;
}

static __always_inline __u64 mfn_of(__u64 entry)
{
	return entry >> 12 & 0xffffffffffull;
}

/* The table that an entry leads to. */
static __always_inline __u64 table_at(const struct look *l, __u64 entry)
{
	__u64 pfn = 0;

	if (!(entry & 1) || entry & 0x80 || bpf_probe_read_kernel(&pfn, sizeof(pfn), (void *)(M2P + (mfn_of(entry) << 3))))
		return 0;
	return l->direct_map + (pfn << 12);
}

static __always_inline void find_table(struct look *l, __u64 va)
{
	struct task_struct *t = (struct task_struct *)bpf_get_current_task();
	__u64 table = (__u64)BPF_CORE_READ(t, mm, pgd);

	table = table_at(l, entry_at(table, va, 39));
	table = table_at(l, entry_at(table, va, 30));
	l->table = table_at(l, entry_at(table, va, 21));
	l->table_of = va >> 21;
}

static __always_inline void give_run(struct look *l)
{
	if (!l->run.count)
		return;
	count_more(put(&l->run, sizeof(l->run)) ? EMT_CALLS_FRAMES_LOST : EMT_CALLS_FRAMES, l->run.count);
	l->run.count = 0;
}

static long look_at(__u32 i, void *unused)
{
	__u64 va, gfn, entry;
	__u32 zero = 0;
	struct look *l = bpf_map_lookup_elem(&looks, &zero);
	__s32 error;

	if (!l)
		return 1;
	va = l->m.address + ((__u64)i << 12);
	if (read_user(&gfn, sizeof(gfn), l->m.gfns + ((__u64)i << 3)) ||
	    read_user(&error, sizeof(error), l->m.errors + ((__u64)i << 2))) {
		count(EMT_CALLS_FRAMES_LOST);
		return 0;
	}
	if (error) /* not mapped */
		return 0;
	if (va >> 21 != l->table_of)
		find_table(l, va);
	entry = entry_at(l->table, va, 12);
	if (!(entry & 1)) {
		count(EMT_CALLS_FRAMES_LOST);
		return 0;
	}
	if (!l->run.count || gfn != l->run.gfn + l->run.count || mfn_of(entry) != l->run.mfn + l->run.count) {
		give_run(l);
		l->run.gfn = gfn;
		l->run.mfn = mfn_of(entry);
	}
	l->run.count++;
	return 0;
}

static __always_inline int enter_map(__u32 request, __u64 address)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct mmapbatch m;

	if (request != EMT_PRIVCMD_MMAPBATCH_V2 || (not_pid && id >> 32 == not_pid) || read_user(&m, sizeof(m), address))
		return 0;
	/* Xen's own memory and that of devices is no domain's */
	if (m.domid >= 0x7ff0 || (only_domain >= 0 && m.domid != (__u32)only_domain))
		return 0;
	if (bpf_map_update_elem(&maps_begun, &id, &m, BPF_ANY))
		count_more(EMT_CALLS_FRAMES_LOST, m.nr);
	return 0;
}

/* A batch of which single frames failed has an error of its own: each says for itself. */
static __always_inline int leave_map(long ret)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct mmapbatch *m = bpf_map_lookup_elem(&maps_begun, &id);
	__u32 zero = 0, nr;
	struct look *l = bpf_map_lookup_elem(&looks, &zero);

	if (!m || !l)
		return 0;
	l->m = *m;
	bpf_map_delete_elem(&maps_begun, &id);
	if (ret < 0 && ret != -2 /* ENOENT */)
		return 0;
	nr = l->m.nr < EMT_FOREIGN_MAX ? l->m.nr : EMT_FOREIGN_MAX;
	if (bpf_probe_read_kernel(&l->direct_map, sizeof(l->direct_map), (void *)page_offset_base_at)) {
		count_more(EMT_CALLS_FRAMES_LOST, l->m.nr);
		return 0;
	}
	l->table_of = ~0ull;
	l->run.time = bpf_ktime_get_ns();
	l->run.pid = (__u32)(id >> 32);
	l->run.domid = l->m.domid;
	l->run.count = 0;
	bpf_get_current_comm(l->run.comm, sizeof(l->run.comm));
	bpf_loop(nr, look_at, 0, 0);
	give_run(l);
	if (l->m.nr > nr)
		count_more(EMT_CALLS_FRAMES_LOST, l->m.nr - nr);
	return 0;
}

/* ---- each way in and out: of calls, and of mappings, whose programs are loaded on request ---- */

/* privcmd_ioctl(file, request, address), and ioctl(fd, request, address) of the C library */
#define HOOKS(of, enter, leave) \
	SEC("fentry/privcmd_ioctl") int fentry_##of(__u64 *ctx) { return enter((__u32)ctx[1], ctx[2]); } \
	SEC("fexit/privcmd_ioctl") int fexit_##of(__u64 *ctx) { return leave((long)ctx[3]); } \
	SEC("kprobe/privcmd_ioctl") int kprobe_##of(struct pt_regs *ctx) \
	{ \
		return enter((__u32)PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx)); \
	} \
	SEC("kretprobe/privcmd_ioctl") int kretprobe_##of(struct pt_regs *ctx) \
	{ \
		return leave((long)PT_REGS_RC(ctx)); \
	} \
	SEC("uprobe") int uprobe_##of(struct pt_regs *ctx) \
	{ \
		return enter((__u32)PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx)); \
	} \
	SEC("uretprobe") int uretprobe_##of(struct pt_regs *ctx) { return leave((int)PT_REGS_RC(ctx)); }

HOOKS(ioctl, enter, leave)
HOOKS(map, enter_map, leave_map)
