/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The programs of bpf/privcmd.bpf.c, loaded and attached one way or another.
 */
#include "xen/observer.h"

#include <stdio.h>
#include <string.h>

#include "base/bpf.h"

const char *emt_observer_way_name(unsigned int way)
{
	static const char *const names[EMT_OBSERVE_WAYS] = { "auto", "fentry", "kprobe", "uprobe" };

	return way < EMT_OBSERVE_WAYS ? names[way] : "?";
}

#ifdef EMT_HAVE_BPF
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/kallsyms.h"
#include "privcmd.h"
#include "privcmd.skel.h"

#define DOOR "/dev/xen/privcmd"

struct emt_observer {
	struct privcmd *skel;
	struct ring_buffer *ring;
	enum emt_observer_way way;
	char fallback[200];
	int64_t offset_ns;   /* of the clock of events to that of the day */
	int cpus;
	/* of a poll under way */
	emt_observer_cb cb;
	void *arg;
	int rc;
};

/* The C library's file. What this program itself calls by the name of ioctl may be somebody's wrapper. */
static const char *c_library(void)
{
	void *p = dlsym(RTLD_DEFAULT, "gnu_get_libc_version");
	Dl_info info;

	if (!p)
		p = dlsym(RTLD_DEFAULT, "ioctl");
	return p && dladdr(p, &info) ? info.dli_fname : NULL;
}

static int attach_uprobe(struct bpf_program *prog, bool ret, const char *library, struct bpf_link **link)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .func_name = "ioctl", .retprobe = ret);

	*link = bpf_program__attach_uprobe_opts(prog, -1, library, 0, &opts);
	return *link ? 0 : -errno;
}

static int attach(struct emt_observer *o, const char *library, bool mappings)
{
	struct privcmd *s = o->skel;
	int rc;

	if (o->way != EMT_OBSERVE_UPROBE)
		return privcmd__attach(s);
	/* the end first: an entry without it would be remembered for ever */
	rc = attach_uprobe(s->progs.uretprobe_ioctl, true, library, &s->links.uretprobe_ioctl);
	if (!rc)
		rc = attach_uprobe(s->progs.uprobe_ioctl, false, library, &s->links.uprobe_ioctl);
	if (!rc && mappings)
		rc = attach_uprobe(s->progs.uretprobe_map, true, library, &s->links.uretprobe_map);
	if (!rc && mappings)
		rc = attach_uprobe(s->progs.uprobe_map, false, library, &s->links.uprobe_map);
	return rc;
}

static void choose(struct emt_observer *o, bool mappings)
{
	struct privcmd *s = o->skel;
	const struct {
		struct bpf_program *prog;
		enum emt_observer_way way;
		bool of_mappings;
	} all[] = {
		{ s->progs.fentry_ioctl, EMT_OBSERVE_FENTRY, false }, { s->progs.fexit_ioctl, EMT_OBSERVE_FENTRY, false },
		{ s->progs.kprobe_ioctl, EMT_OBSERVE_KPROBE, false }, { s->progs.kretprobe_ioctl, EMT_OBSERVE_KPROBE, false },
		{ s->progs.uprobe_ioctl, EMT_OBSERVE_UPROBE, false }, { s->progs.uretprobe_ioctl, EMT_OBSERVE_UPROBE, false },
		{ s->progs.fentry_map, EMT_OBSERVE_FENTRY, true },    { s->progs.fexit_map, EMT_OBSERVE_FENTRY, true },
		{ s->progs.kprobe_map, EMT_OBSERVE_KPROBE, true },    { s->progs.kretprobe_map, EMT_OBSERVE_KPROBE, true },
		{ s->progs.uprobe_map, EMT_OBSERVE_UPROBE, true },    { s->progs.uretprobe_map, EMT_OBSERVE_UPROBE, true },
	};

	for (size_t i = 0; i < EMT_ARRAY_SIZE(all); i++)
		bpf_program__set_autoload(all[i].prog, all[i].way == o->way && (mappings || !all[i].of_mappings));
}

/* Only in a PV domain do page tables hold machine frames. */
static int may_see_mappings(uint64_t *page_offset_base, struct emt_err *err)
{
	char type[16] = "";
	FILE *f = fopen("/sys/hypervisor/guest_type", "re");

	if (!f || !fgets(type, sizeof(type), f))
		*type = '\0';
	if (f)
		fclose(f);
	if (strcmp(type, "PV\n"))
		return emt_err_set(err, EMT_E_UNSUPPORTED, "privcmd", "leave --mappings out",
				   "this is no PV domain: its page tables do not tell where foreign frames lie");
	*page_offset_base = emt_kallsyms_address("page_offset_base");
	if (!*page_offset_base)
		return emt_err_set(err, EMT_E_UNSUPPORTED, "privcmd", "run it as root; sysctl kernel.kptr_restrict tells more",
				   "where the kernel maps memory is not known: /proc/kallsyms shows no addresses");
	return 0;
}

/* 0, or a negative errno. */
static int try_way(struct emt_observer *o, const struct emt_observer_opts *opts, enum emt_observer_way way,
		   uint64_t page_offset_base)
{
	const char *library = opts->library ? opts->library : c_library();
	int rc;

	if (way == EMT_OBSERVE_UPROBE && !library)
		return -ENOENT;
	o->way = way;
	o->skel = privcmd__open();
	if (!o->skel)
		return -errno;
	o->skel->rodata->only_domain = (int)opts->domid;
	o->skel->rodata->not_pid = (unsigned int)getpid();
	o->skel->rodata->page_offset_base_at = page_offset_base;
	choose(o, opts->mappings);
	rc = privcmd__load(o->skel);
	if (!rc)
		rc = attach(o, library, opts->mappings);
	if (rc) {
		privcmd__destroy(o->skel);
		o->skel = NULL;
	}
	return rc;
}

static int give(struct emt_observer *o, struct emt_toolstack_event *e, uint64_t time)
{
	int64_t at = (int64_t)time + o->offset_ns;

	e->time = at / 1000000000;
	e->usec = (uint32_t)(at % 1000000000 / 1000);
	o->rc = o->cb(e, o->arg);
	return o->rc ? -EINTR : 0;
}

static int one_mapping(struct emt_observer *o, const struct emt_foreign *m)
{
	struct emt_toolstack_event e;

	emt_toolstack_mapping(&e, m->domid, m->gfn, m->mfn, m->count);
	e.pid = m->pid;
	memcpy(e.command, m->comm, sizeof(e.command));
	e.command[sizeof(e.command) - 1] = '\0';
	return give(o, &e, m->time);
}

/* Name and process are the caller's own words: they go out as they are. */
static int one_record(void *arg, void *data, size_t len)
{
	struct emt_observer *o = arg;
	struct emt_toolstack_call c;
	struct emt_toolstack_event e;
	const struct emt_call *k = data;

	if (k && len == sizeof(struct emt_foreign))
		return one_mapping(o, data);
	if (!k || len < sizeof(*k))
		return 0;
	c = (struct emt_toolstack_call){ .pid = k->pid, .op = k->op, .cmd = k->cmd, .iface = k->iface,
					 .domid = k->domid, .ret = k->ret, .data = k->data,
					 .first_extent = k->extent[0] };
	memcpy(c.command, k->comm, sizeof(c.command));
	return emt_toolstack_decode(&c, &e) ? give(o, &e, k->time) : 0;
}

static int open_ways(struct emt_observer *o, const struct emt_observer_opts *opts, struct emt_err *err)
{
	uint64_t page_offset_base = 0;
	size_t at = 0;
	int rc = opts->mappings ? may_see_mappings(&page_offset_base, err) : 0;

	if (rc)
		return rc;
	rc = -EINVAL;
	emt_bpf_silence();
	for (unsigned int w = EMT_OBSERVE_FENTRY; w < EMT_OBSERVE_WAYS; w++) {
		if (opts->way != EMT_OBSERVE_AUTO && opts->way != w)
			continue;
		rc = try_way(o, opts, (enum emt_observer_way)w, page_offset_base);
		if (!rc)
			return 0;
		if (at < sizeof(o->fallback))
			at += (size_t)snprintf(o->fallback + at, sizeof(o->fallback) - at, "%s%s: %s", at ? "; " : "",
					       emt_observer_way_name(w), strerror(-rc));
	}
	return emt_err_set(err, rc == -EPERM || rc == -EACCES ? EMT_E_PERM : EMT_E_UNSUPPORTED, "privcmd",
			   "probes need root, and a kernel with BTF (fentry), kprobes or uprobes",
			   "no way to observe it works: %s", o->fallback);
}

int emt_observer_open(struct emt_observer **out, const struct emt_observer_opts *opts, struct emt_err *err)
{
	struct emt_observer *o = calloc(1, sizeof(*o));
	int rc;

	*out = NULL;
	if (!o)
		return emt_err_set(err, EMT_E_NOMEM, "privcmd", NULL, "not enough memory to observe it");
	if (!opts->library && access(DOOR, F_OK))
		rc = emt_err_set(err, EMT_E_NOSOURCE, DOOR, "run it in dom0", "this host does not run on Xen");
	else
		rc = open_ways(o, opts, err);
	if (!rc && !o->skel)
		rc = EMT_E_INTERNAL;
	if (!rc && o->skel) {
		o->ring = ring_buffer__new(bpf_map__fd(o->skel->maps.ring), one_record, o, NULL);
		o->cpus = libbpf_num_possible_cpus();
		o->offset_ns = emt_clock_to_realtime();
		if (!o->ring || o->cpus <= 0)
			rc = emt_err_errno(err, EMT_E_IO, "privcmd", NULL, "the ring of events cannot be read");
	}
	if (rc) {
		emt_observer_close(o);
		return rc;
	}
	*out = o;
	return 0;
}

void emt_observer_close(struct emt_observer *o)
{
	if (!o)
		return;
	ring_buffer__free(o->ring);
	privcmd__destroy(o->skel);
	free(o);
}

enum emt_observer_way emt_observer_way(const struct emt_observer *o)
{
	return o->way;
}

const char *emt_observer_fallback(const struct emt_observer *o)
{
	return o->fallback;
}

int emt_observer_poll(struct emt_observer *o, int timeout_ms, emt_observer_cb cb, void *arg, struct emt_err *err)
{
	int n;

	o->cb = cb;
	o->arg = arg;
	o->rc = 0;
	n = ring_buffer__poll(o->ring, timeout_ms);
	if (!o->rc && (n >= 0 || n == -EINTR)) /* few of them wake nobody */
		n = ring_buffer__consume(o->ring);
	return emt_ring_result(n, o->rc, "privcmd", err);
}

static uint64_t count(const struct emt_observer *o, uint32_t which, int cpu)
{
	return emt_percpu_count(bpf_map__fd(o->skel->maps.counts), o->cpus, which, cpu);
}

/* Times that programs were passed over: their CPU was in one already. */
static uint64_t misses(const struct emt_observer *o)
{
	struct bpf_program *prog;
	uint64_t n = 0;

	bpf_object__for_each_program(prog, o->skel->obj) {
		struct bpf_prog_info info = { 0 };
		uint32_t bytes = sizeof(info);

		if (bpf_program__fd(prog) >= 0 && !bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &bytes))
			n += info.recursion_misses;
	}
	return n;
}

void emt_observer_counts(struct emt_observer *o, struct emt_observer_counts *c)
{
	uint64_t *to[EMT_CALLS_NR] = { &c->seen,       &c->failed, &c->lost,	   &c->unpaired,
				       &c->unreadable, &c->frames, &c->frames_lost };

	*c = (struct emt_observer_counts){ 0 };
	for (uint32_t i = 0; i < EMT_CALLS_NR; i++)
		*to[i] = count(o, i, EMT_ALL_CPUS);
	c->unpaired += misses(o);
}

unsigned int emt_observer_cpus(const struct emt_observer *o)
{
	return (unsigned int)o->cpus;
}

uint64_t emt_observer_lost_on(const struct emt_observer *o, unsigned int cpu)
{
	static const uint32_t lost[] = { EMT_CALLS_LOST, EMT_CALLS_UNPAIRED, EMT_CALLS_UNREADABLE };
	uint64_t n = 0;

	for (size_t i = 0; i < EMT_ARRAY_SIZE(lost); i++)
		n += count(o, lost[i], (int)cpu);
	return n;
}

#else

int emt_observer_open(struct emt_observer **out, const struct emt_observer_opts *opts, struct emt_err *err)
{
	(void)opts;
	*out = NULL;
	return emt_err_set(err, EMT_E_UNSUPPORTED, "privcmd", "build it with clang, bpftool and libbpf",
			   "this build observes no calls: it was made without %s", emt_bpf_missing());
}

void emt_observer_close(struct emt_observer *o)
{
	(void)o;
}

enum emt_observer_way emt_observer_way(const struct emt_observer *o)
{
	(void)o;
	return EMT_OBSERVE_AUTO;
}

const char *emt_observer_fallback(const struct emt_observer *o)
{
	(void)o;
	return "";
}

int emt_observer_poll(struct emt_observer *o, int timeout_ms, emt_observer_cb cb, void *arg, struct emt_err *err)
{
	(void)o, (void)timeout_ms, (void)cb, (void)arg;
	return emt_err_set(err, EMT_E_UNSUPPORTED, "privcmd", NULL, "this build observes no calls");
}

void emt_observer_counts(struct emt_observer *o, struct emt_observer_counts *c)
{
	(void)o;
	*c = (struct emt_observer_counts){ 0 };
}

unsigned int emt_observer_cpus(const struct emt_observer *o)
{
	(void)o;
	return 0;
}

uint64_t emt_observer_lost_on(const struct emt_observer *o, unsigned int cpu)
{
	(void)o, (void)cpu;
	return 0;
}

#endif
