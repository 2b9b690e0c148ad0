/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding VMs among open files.
 */
#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "kvm_read.h"

char LICENSE[] SEC("license") = "GPL";

/* Is it "kvm-vm" (1), "kvm-vcpu..." (2), or another file (0). */
static int kind_of(const char *name)
{
	if (name[0] != 'k' || name[1] != 'v' || name[2] != 'm' || name[3] != '-' || name[4] != 'v')
		return 0;
	if (name[5] == 'm' && !name[6])
		return EMT_KVM_FILE_VM;
	return name[5] == 'c' && name[6] == 'p' && name[7] == 'u' ? EMT_KVM_FILE_VCPU : 0;
}

SEC("iter/task_file")
int find(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct emt_kvm_file rec = {};
	char name[16] = {};

	/* once for a process, not for each of its threads */
	if (!file || !task || task->pid != task->tgid)
		return 0;
	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
	rec.kind = kind_of(name);
	if (!rec.kind)
		return 0;
	rec.object = (__u64)file->private_data;
	rec.pid = task->tgid;
	rec.fd = ctx->fd;
	bpf_probe_read_kernel_str(rec.comm, sizeof(rec.comm), task->comm);
	bpf_seq_write(ctx->meta->seq, &rec, sizeof(rec));
	return 0;
}
