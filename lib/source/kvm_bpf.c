/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VMs by open files (bpf/kvm_read.bpf.c), and what kernel.h reads for them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bpf.h"
#include "source/kvm.h"

static bool first_line(const char *path, char *out, size_t room)
{
	FILE *f = fopen(path, "re");
	bool ok = f && fgets(out, (int)room, f);

	if (f)
		fclose(f);
	if (!ok)
		*out = '\0';
	out[strcspn(out, "\n")] = '\0';
	return ok;
}

enum emt_kvm_mode emt_kvm_mode(char *why, size_t room)
{
	char text[16], unused[1];

	if (!why) {
		why = unused;
		room = sizeof(unused);
	}
	if (first_line("/sys/module/kvm_intel/parameters/ept", text, sizeof(text))) {
		bool ept = *text == 'Y' || *text == '1';

		snprintf(why, room, "kvm_intel with ept=%s", text);
		return ept ? EMT_KVM_MODE_EPT : EMT_KVM_MODE_SHADOW;
	}
	if (first_line("/sys/module/kvm_amd/parameters/npt", text, sizeof(text))) {
		bool npt = *text == 'Y' || *text == '1';

		snprintf(why, room, "kvm_amd with npt=%s", text);
		return npt ? EMT_KVM_MODE_NPT : EMT_KVM_MODE_SHADOW;
	}
	if (access("/dev/kvm", F_OK)) {
		snprintf(why, room, "there is no /dev/kvm");
		return EMT_KVM_MODE_NONE;
	}
	snprintf(why, room, "%s", access("/sys/module/kvm_pvm", F_OK) ? "neither kvm_intel nor kvm_amd is loaded" :
		 "module kvm_pvm, which needs no virtualisation by the CPU");
	return EMT_KVM_MODE_SHADOW;
}

void emt_kvm_guests_free(struct emt_kvm_guest *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i].vcpus);
	free(v);
}

#ifdef EMT_HAVE_BPF
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "kvm_read.h"
#include "kvm_read.skel.h"

struct emt_kvm {
	struct kvm_read *skel;
	struct emt_kernel *kernel;
	struct emt_kvm_layout layout;
};

const struct emt_kvm_layout *emt_kvm_layout(const struct emt_kvm *k)
{
	return &k->layout;
}

/* KVM's types stand in the BTF of its module, where it is one. */
static int load_layout(struct emt_kvm *k, const char *subject, struct emt_err *err)
{
	struct btf *base = btf__load_vmlinux_btf(), *module = NULL;
	int rc;

	if (!base)
		return emt_err_set(err, EMT_E_UNSUPPORTED, subject,
				   "use a kernel with CONFIG_DEBUG_INFO_BTF=y; Debian's have it",
				   "the kernel has no BTF, which tells where KVM's structures lie");
	if (!access("/sys/kernel/btf/kvm", R_OK))
		module = btf__load_module_btf("kvm", base);
	rc = emt_kvm_layout_find(&k->layout, module ? module : base, subject, err);
	btf__free(module);
	btf__free(base);
	return rc;
}

static int load_programs(struct emt_kvm *k, const char *subject, struct emt_err *err)
{
	int rc = emt_kernel_open(&k->kernel, subject, err);

	if (rc)
		return rc;
	k->skel = kvm_read__open();
	if (!k->skel)
		return emt_err_set(err, EMT_E_IO, subject, NULL, "the BPF programs cannot be opened: %s",
				   strerror(errno));
	return emt_kernel_load_error(kvm_read__load(k->skel), subject, err);
}

int emt_kvm_open(struct emt_kvm **out, const char *subject, struct emt_err *err)
{
	struct emt_kvm *k = NULL;
	int rc;

	*out = NULL;
	if (emt_kvm_mode(NULL, 0) == EMT_KVM_MODE_NONE)
		return emt_err_set(err, EMT_E_UNSUPPORTED, subject, "open a capture (FILE.emt) instead",
				   "no KVM runs on this machine: there is no /dev/kvm");
	k = calloc(1, sizeof(*k));
	if (!k)
		return emt_err_set(err, EMT_E_NOMEM, subject, NULL, "not enough memory to open it");
	rc = load_layout(k, subject, err);
	if (!rc)
		rc = load_programs(k, subject, err);
	if (rc)
		emt_kvm_close(k);
	else
		*out = k;
	return rc;
}

void emt_kvm_close(struct emt_kvm *k)
{
	if (!k)
		return;
	emt_kernel_close(k->kernel);
	kvm_read__destroy(k->skel);
	free(k);
}

struct emt_kernel *emt_kvm_kernel(struct emt_kvm *k)
{
	return k->kernel;
}

/* ---- guests ---- */

struct files {
	struct emt_kvm_file *v;
	size_t n;
};

static int read_files(struct emt_kvm *k, struct files *files, struct emt_err *err)
{
	struct bpf_link *link = bpf_program__attach_iter(k->skel->progs.find, NULL);
	int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1, rc = 0;
	size_t bytes = 0, room = 0;
	ssize_t got = fd < 0 ? -1 : 1;

	while (got > 0) {
		char *v = files->v ? (char *)files->v : NULL;

		if (room - bytes < 4096) {
			room = room ? room * 2 : 65536;
			v = realloc(files->v, room);
			if (!v) {
				rc = emt_err_set(err, EMT_E_NOMEM, "kvm", NULL, "not enough memory to list VMs");
				break;
			}
			files->v = (void *)v;
		}
		got = read(fd, v + bytes, room - bytes);
		if (got > 0)
			bytes += (size_t)got;
	}
	if (!rc && got < 0)
		rc = emt_err_set(err, EMT_E_IO, "kvm", NULL, "open files cannot be listed through BPF: %s",
				 strerror(errno));
	files->n = bytes / sizeof(*files->v);
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	return rc;
}

/* What follows "guest=", or all, of the argument behind -name. */
static void guest_name(struct emt_kvm_guest *g)
{
	char path[64], text[65536];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/cmdline", g->pid);
	f = fopen(path, "re");
	if (!f)
		return;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	for (size_t at = 0; at < n; at += strlen(text + at) + 1) {
		const char *value = text + at + strlen(text + at) + 1;

		if (strcmp(text + at, "-name") || value >= text + n)
			continue;
		if (!strncmp(value, "guest=", 6))
			value += 6;
		snprintf(g->name, sizeof(g->name), "%.*s", (int)strcspn(value, ","), value);
		return;
	}
}

static struct emt_kvm_guest *guest_of(struct emt_kvm_guest *v, size_t n, uint64_t kvm)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].kvm == kvm)
			return &v[i];
	return NULL;
}

static int add_vcpu(struct emt_kvm_guest *g, uint64_t vcpu)
{
	uint64_t *v;

	for (uint32_t i = 0; i < g->nr_vcpus; i++)
		if (g->vcpus[i] == vcpu)
			return 0;
	v = realloc(g->vcpus, (g->nr_vcpus + 1) * sizeof(*v));
	if (!v)
		return EMT_E_NOMEM;
	g->vcpus = v;
	g->vcpus[g->nr_vcpus++] = vcpu;
	return 0;
}

static int by_pid(const void *a, const void *b)
{
	const struct emt_kvm_guest *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

int emt_kvm_guests(struct emt_kvm *k, struct emt_kvm_guest **out, size_t *n, struct emt_err *err)
{
	struct files files = { 0 };
	int rc = read_files(k, &files, err);
	struct emt_kvm_guest *v = calloc(files.n + 1, sizeof(*v)), *g;

	*out = NULL;
	*n = 0;
	if (!v) {
		free(files.v);
		return rc ? rc : emt_err_set(err, EMT_E_NOMEM, "kvm", NULL, "not enough memory to list VMs");
	}
	for (size_t i = 0; i < files.n && !rc; i++) {
		const struct emt_kvm_file *f = &files.v[i];

		if (f->kind != EMT_KVM_FILE_VM || guest_of(v, *n, f->object))
			continue;
		g = &v[(*n)++];
		g->kvm = f->object;
		g->pid = f->pid;
		memcpy(g->comm, f->comm, sizeof(g->comm) - 1);
		guest_name(g);
	}
	for (size_t i = 0; i < files.n && !rc; i++) {
		const struct emt_kvm_file *f = &files.v[i];
		uint64_t kvm;

		if (f->kind != EMT_KVM_FILE_VCPU ||
		    emt_kernel_read(k->kernel, f->object + (uint64_t)k->layout.at[EMT_KM_VCPU_KVM].offset, &kvm, sizeof(kvm)))
			continue;
		g = guest_of(v, *n, kvm);
		if (g && add_vcpu(g, f->object))
			rc = emt_err_set(err, EMT_E_NOMEM, "kvm", NULL, "not enough memory to list vCPUs");
	}
	free(files.v);
	if (rc) {
		emt_kvm_guests_free(v, *n);
		*n = 0;
		return rc;
	}
	qsort(v, *n, sizeof(*v), by_pid);
	*out = v;
	return 0;
}

#else
int emt_kvm_open(struct emt_kvm **out, const char *subject, struct emt_err *err)
{
	*out = NULL;
	return emt_err_set(err, EMT_E_UNSUPPORTED, subject, "open a capture (FILE.emt) instead",
			   "this build reads no live KVM guests: it was made without %s", emt_bpf_missing());
}

void emt_kvm_close(struct emt_kvm *k)
{
	(void)k;
}

const struct emt_kvm_layout *emt_kvm_layout(const struct emt_kvm *k)
{
	(void)k;
	return NULL;
}

int emt_kvm_guests(struct emt_kvm *k, struct emt_kvm_guest **out, size_t *n, struct emt_err *err)
{
	(void)k;
	*out = NULL;
	*n = 0;
	return emt_err_set(err, EMT_E_UNSUPPORTED, "kvm", NULL, "this build was made without %s", emt_bpf_missing());
}

struct emt_kernel *emt_kvm_kernel(struct emt_kvm *k)
{
	(void)k;
	return NULL;
}
#endif
