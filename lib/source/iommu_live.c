/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The programs of bpf/iommu_watch.bpf.c, loaded and attached.
 */
#include "source/iommu_live.h"

#include <stdio.h>
#include <string.h>

#include "base/bpf.h"

const char *emt_iommu_way_name(unsigned int way)
{
	static const char *const names[EMT_IOMMU_WAYS] = { "auto", "fentry", "kprobe" };

	return way < EMT_IOMMU_WAYS ? names[way] : "?";
}

const char *emt_iommu_domain_type_name(unsigned int type)
{
	static const char *const names[EMT_IOMMU_DOMAIN_TYPES] = { "unknown", "dma", "dma-fq", "unmanaged", "other" };

	return type < EMT_IOMMU_DOMAIN_TYPES ? names[type] : NULL;
}

enum emt_iommu_domain_type emt_iommu_domain_type(uint32_t bits)
{
	switch (bits) {
	case 0: return EMT_IOMMU_DOMAIN_UNKNOWN; /* blocked: it has no maps */
	case 1u << 0: return EMT_IOMMU_DOMAIN_UNMANAGED;
	case 1u << 0 | 1u << 1: return EMT_IOMMU_DOMAIN_DMA;
	case 1u << 0 | 1u << 1 | 1u << 3: return EMT_IOMMU_DOMAIN_DMA_FQ;
	default: return EMT_IOMMU_DOMAIN_OTHER;
	}
}

#ifdef EMT_HAVE_BPF
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "iommu_watch.h"
#include "iommu_watch.skel.h"

#define FUNCTIONS 11
#define DOMAINS 4096

struct emt_iommu_watch {
	struct iommu_watch *skel;
	struct ring_buffer *ring;
	enum emt_iommu_way way;
	char fallback[200];
	int cpus;
	const char *functions[FUNCTIONS + 1];
	size_t nr_functions;
	bool kvm;
	/* the kernel's addresses of domains are numbered as they come */
	uint64_t domains[DOMAINS];
	size_t nr_domains;
	/* of a poll under way */
	emt_iommu_event_cb cb;
	void *arg;
	int rc;
};

/* What the programs attach to: calls that unmap, calls that map, flushes, KVM. */
enum role { CALL, FLUSH, KVM };
struct target {
	const char *function;
	enum role role;
	struct bpf_program *fentry, *kprobe;
};

static size_t targets(struct iommu_watch *s, struct target *t)
{
#define TARGET(name, role) { #name, role, s->progs.fentry_##name, s->progs.kprobe_##name }
	const struct target all[FUNCTIONS] = {
		TARGET(iommu_unmap, CALL), TARGET(iommu_unmap_fast, CALL),
		TARGET(iommu_map, CALL), TARGET(iommu_map_atomic, CALL),
		TARGET(iommu_map_sg, CALL), TARGET(iommu_map_sg_atomic, CALL),
		TARGET(intel_iommu_tlb_sync, FLUSH), TARGET(intel_flush_iotlb_all, FLUSH),
		TARGET(amd_iommu_iotlb_sync, FLUSH), TARGET(amd_iommu_flush_iotlb_all, FLUSH),
		TARGET(kvm_flush_remote_tlbs, KVM),
	};
#undef TARGET
	memcpy(t, all, sizeof(all));
	return FUNCTIONS;
}

/* The kernel's functions, and those of kvm.ko where it is a module. */
struct names {
	struct btf *kernel, *kvm;
};

static bool has(const struct names *n, const char *function, enum role role)
{
	return btf__find_by_name_kind(n->kernel, function, BTF_KIND_FUNC) > 0 ||
	       (role == KVM && n->kvm && btf__find_by_name_kind(n->kvm, function, BTF_KIND_FUNC) > 0);
}

/* 0, or a negative errno; -ENOENT: no driver's flushes are there. */
static int try_way(struct emt_iommu_watch *w, const struct names *names, enum emt_iommu_way way)
{
	struct target t[FUNCTIONS];
	bool flushes = false;
	size_t n;
	int rc;

	w->way = way;
	w->nr_functions = 0;
	w->kvm = false;
	w->skel = iommu_watch__open();
	if (!w->skel)
		return -errno;
	n = targets(w->skel, t);
	for (size_t i = 0; i < n; i++) {
		bool there = has(names, t[i].function, t[i].role);

		bpf_program__set_autoload(t[i].fentry, there && way == EMT_IOMMU_FENTRY);
		bpf_program__set_autoload(t[i].kprobe, there && way == EMT_IOMMU_KPROBE);
		if (!there)
			continue;
		w->functions[w->nr_functions++] = t[i].function;
		flushes |= t[i].role == FLUSH;
		w->kvm |= t[i].role == KVM;
	}
	rc = flushes ? iommu_watch__load(w->skel) : -ENOENT;
	if (!rc)
		rc = iommu_watch__attach(w->skel);
	if (rc) {
		iommu_watch__destroy(w->skel);
		w->skel = NULL;
		return rc;
	}
	w->skel->bss->watching = 1; /* an unmap that is seen before its flush could be is none */
	return 0;
}

static int open_ways(struct emt_iommu_watch *w, enum emt_iommu_way way, struct emt_err *err)
{
	struct names names = { .kernel = btf__load_vmlinux_btf() };
	size_t at = 0;
	int rc = -EINVAL;

	emt_bpf_silence();
	if (!names.kernel)
		return emt_err_set(err, EMT_E_UNSUPPORTED, "iommu", "use a kernel with CONFIG_DEBUG_INFO_BTF=y; Debian's have it",
				   "the kernel has no BTF, which tells what functions it has");
	if (!access("/sys/kernel/btf/kvm", R_OK))
		names.kvm = btf__load_module_btf("kvm", names.kernel);
	for (unsigned int i = EMT_IOMMU_FENTRY; i < EMT_IOMMU_WAYS && rc; i++) {
		if (way != EMT_IOMMU_AUTO && way != i)
			continue;
		rc = try_way(w, &names, (enum emt_iommu_way)i);
		if (rc && at < sizeof(w->fallback))
			at += (size_t)snprintf(w->fallback + at, sizeof(w->fallback) - at, "%s%s: %s", at ? "; " : "",
					       emt_iommu_way_name(i), strerror(-rc));
		if (rc == -ENOENT)
			break;
	}
	btf__free(names.kvm);
	btf__free(names.kernel);
	if (!rc)
		return 0;
	if (rc == -ENOENT)
		return emt_err_set(err, EMT_E_UNSUPPORTED, "iommu", "Intel's and AMD's of Linux 6.1 to 6.12 are known",
				   "this kernel has no IOMMU driver whose flushes are known by name, or no tracepoint iommu:unmap");
	return emt_err_set(err, rc == -EPERM || rc == -EACCES ? EMT_E_PERM : EMT_E_UNSUPPORTED, "iommu",
			   "probes need root, and a kernel that allows fentry or kprobes",
			   "its driver's flushes cannot be watched: %s", w->fallback);
}

int emt_iommu_watch_open(struct emt_iommu_watch **out, enum emt_iommu_way way, struct emt_err *err)
{
	struct emt_iommu_watch *w = calloc(1, sizeof(*w));
	int rc;

	*out = NULL;
	if (!w)
		return emt_err_set(err, EMT_E_NOMEM, "iommu", NULL, "not enough memory to watch it");
	rc = open_ways(w, way, err);
	if (!rc && !w->skel)
		rc = EMT_E_INTERNAL;
	if (rc) {
		emt_iommu_watch_close(w);
		return rc;
	}
	w->cpus = libbpf_num_possible_cpus();
	*out = w;
	return 0;
}

void emt_iommu_watch_close(struct emt_iommu_watch *w)
{
	if (!w)
		return;
	ring_buffer__free(w->ring);
	iommu_watch__destroy(w->skel);
	free(w);
}

enum emt_iommu_way emt_iommu_watch_way(const struct emt_iommu_watch *w)
{
	return w->way;
}

const char *emt_iommu_watch_fallback(const struct emt_iommu_watch *w)
{
	return w->fallback;
}

const char *emt_iommu_watch_function(const struct emt_iommu_watch *w, size_t i)
{
	return i < w->nr_functions ? w->functions[i] : NULL;
}

bool emt_iommu_watch_has_kvm(const struct emt_iommu_watch *w)
{
	return w->kvm;
}

/* Numbers from 1; what comes when all are given is not told apart, and not judged. */
static uint64_t number_of(struct emt_iommu_watch *w, uint64_t address)
{
	size_t i = 0;

	if (!address)
		return 0;
	while (i < w->nr_domains && w->domains[i] != address)
		i++;
	if (i == DOMAINS)
		return 0;
	if (i == w->nr_domains)
		w->domains[w->nr_domains++] = address;
	return i + 1;
}

static int one_event(void *arg, void *data, size_t len)
{
	static const enum emt_iommu_event_kind kinds[] = {
		[EMT_IOW_MAP] = EMT_IOMMU_MAP, [EMT_IOW_UNMAP] = EMT_IOMMU_UNMAP,
		[EMT_IOW_FLUSH] = EMT_IOMMU_FLUSH, [EMT_IOW_FLUSH_ALL] = EMT_IOMMU_FLUSH_ALL,
	};
	struct emt_iommu_watch *w = arg;
	const struct emt_iow_event *e = data;
	struct emt_iommu_event out;

	if (!e || len < sizeof(*e) || e->what >= EMT_ARRAY_SIZE(kinds))
		return 0;
	out = (struct emt_iommu_event){
		.kind = kinds[e->what], .type = e->domain ? emt_iommu_domain_type(e->type) : EMT_IOMMU_DOMAIN_UNKNOWN,
		.time = e->time, .began = e->began, .domain = number_of(w, e->domain),
		.iova = e->iova, .last = e->last, .pid = e->pid, .cpu = e->cpu,
	};
	memcpy(out.command, e->comm, sizeof(out.command));
	out.command[sizeof(out.command) - 1] = '\0';
	w->rc = w->cb(&out, w->arg);
	return w->rc ? -EINTR : 0;
}

int emt_iommu_watch_poll(struct emt_iommu_watch *w, int timeout_ms, emt_iommu_event_cb cb, void *arg,
			 struct emt_err *err)
{
	int n;

	if (!w->ring)
		w->ring = ring_buffer__new(bpf_map__fd(w->skel->maps.ring), one_event, w, NULL);
	w->cb = cb;
	w->arg = arg;
	w->rc = 0;
	n = w->ring ? ring_buffer__poll(w->ring, timeout_ms) : -errno;
	return emt_ring_result(n, w->rc, "iommu", err);
}

static uint64_t count(const struct emt_iommu_watch *w, uint32_t which, int cpu)
{
	return emt_percpu_count(bpf_map__fd(w->skel->maps.counts), w->cpus, which, cpu);
}

void emt_iommu_watch_counts(const struct emt_iommu_watch *w, struct emt_iommu_counts *c)
{
	uint64_t *to[EMT_IOW_COUNTS] = { &c->maps, &c->unmaps, &c->flushes, &c->flushes_all, &c->kvm, &c->lost };

	*c = (struct emt_iommu_counts){ 0 };
	for (uint32_t i = 0; i < EMT_IOW_COUNTS; i++)
		*to[i] = count(w, i, EMT_ALL_CPUS);
}

bool emt_iommu_watch_lost(const struct emt_iommu_watch *w, unsigned int cpu, uint64_t *lost)
{
	*lost = count(w, EMT_IOW_LOST, (int)cpu);
	return (int)cpu < w->cpus;
}

uint64_t emt_iommu_watch_now(const struct emt_iommu_watch *w, int64_t *to_realtime)
{
	(void)w;
	if (to_realtime)
		*to_realtime = emt_clock_to_realtime();
	return (uint64_t)emt_clock_monotonic();
}

#else

int emt_iommu_watch_open(struct emt_iommu_watch **out, enum emt_iommu_way way, struct emt_err *err)
{
	(void)way;
	*out = NULL;
	return emt_err_set(err, EMT_E_UNSUPPORTED, "iommu", "build it with clang, bpftool and libbpf",
			   "this build watches nothing: it was made without %s", emt_bpf_missing());
}

void emt_iommu_watch_close(struct emt_iommu_watch *w)
{
	(void)w;
}

enum emt_iommu_way emt_iommu_watch_way(const struct emt_iommu_watch *w)
{
	(void)w;
	return EMT_IOMMU_AUTO;
}

const char *emt_iommu_watch_fallback(const struct emt_iommu_watch *w)
{
	(void)w;
	return "";
}

const char *emt_iommu_watch_function(const struct emt_iommu_watch *w, size_t i)
{
	(void)w, (void)i;
	return NULL;
}

bool emt_iommu_watch_has_kvm(const struct emt_iommu_watch *w)
{
	(void)w;
	return false;
}

int emt_iommu_watch_poll(struct emt_iommu_watch *w, int timeout_ms, emt_iommu_event_cb cb, void *arg,
			 struct emt_err *err)
{
	(void)w, (void)timeout_ms, (void)cb, (void)arg;
	return emt_err_set(err, EMT_E_UNSUPPORTED, "iommu", NULL, "this build watches nothing");
}

void emt_iommu_watch_counts(const struct emt_iommu_watch *w, struct emt_iommu_counts *c)
{
	(void)w;
	*c = (struct emt_iommu_counts){ 0 };
}

bool emt_iommu_watch_lost(const struct emt_iommu_watch *w, unsigned int cpu, uint64_t *lost)
{
	(void)w, (void)cpu;
	*lost = 0;
	return false;
}

uint64_t emt_iommu_watch_now(const struct emt_iommu_watch *w, int64_t *to_realtime)
{
	(void)w;
	*to_realtime = 0;
	return 0;
}

#endif
