/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few kernel structures that the programs here look into, by name: where a member
 * really lies is told by the running kernel's BTF when a program is loaded (CO-RE). Only
 * members in use are declared, so that no kernel's headers are needed to build.
 */
#ifndef EMT_BPF_KERNEL_H
#define EMT_BPF_KERNEL_H

#include <linux/bpf.h>
#include <linux/types.h>

#define EMT_CORE __attribute__((preserve_access_index))

struct qstr {
	const unsigned char *name;
} EMT_CORE;

struct dentry {
	struct qstr d_name;
} EMT_CORE;

struct path {
	struct dentry *dentry;
} EMT_CORE;

struct file {
	struct path f_path;
	void *private_data;
} EMT_CORE;

struct mm_struct {
	void *pgd;
} EMT_CORE;

struct task_struct {
	unsigned int flags;
	int pid, tgid;
	char comm[16];
	struct mm_struct *mm;
} EMT_CORE;

struct seq_file {
} EMT_CORE;

struct bpf_iter_meta {
	struct seq_file *seq;
} EMT_CORE;

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
} EMT_CORE;

#endif
