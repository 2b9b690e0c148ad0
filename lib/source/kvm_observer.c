/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The programs of bpf/kvm_events.bpf.c, loaded and attached one way or another.
 */
#include "source/kvm_observer.h"

#include "base/bpf.h"

#ifdef EMT_HAVE_BPF
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "kvm_events.h"
#include "kvm_events.skel.h"
#include "policy/rules.h"
#include "source/kernel.h"
#include "source/kvm.h"

struct emt_kvm_observer {
	struct kvm_events *skel;
	struct ring_buffer *ring;
	struct emt_kvm *k;
	struct emt_kvm_guest *guests;
	size_t nr_guests;
	int64_t listed;        /* when, CLOCK_MONOTONIC seconds */
	uint64_t type_bits;
	enum emt_kvm_mode mode;
	enum emt_observer_way way;
	char fallback[240];
	int64_t offset_ns;     /* of the clock of events to that of the day */
	int cpus;
	/* of a poll under way */
	emt_kvm_observer_cb cb;
	void *arg;
	int rc;
};

/* ---- records into events ---- */

static void list(struct emt_kvm_observer *o)
{
	struct emt_err ignored;

	emt_kvm_guests_free(o->guests, o->nr_guests);
	o->guests = NULL;
	o->nr_guests = 0;
	emt_kvm_guests(o->k, &o->guests, &o->nr_guests, &ignored);
	o->listed = emt_clock_monotonic() / 1000000000;
}

static uint32_t find_vm(const struct emt_kvm_observer *o, const struct emt_kvm_event_rec *r)
{
	for (size_t i = 0; i < o->nr_guests; i++)
		if (r->kvm ? o->guests[i].kvm == r->kvm : r->pid && o->guests[i].pid == r->pid)
			return o->guests[i].pid;
	return 0;
}

/* Whose it is. Lists of virtual machines age: once a second they are read anew. A memslot
 * of one that is just being made belongs to the process that adds it. */
static uint32_t vm_of(struct emt_kvm_observer *o, const struct emt_kvm_event_rec *r)
{
	uint32_t vm = find_vm(o, r);

	if (!vm && (r->kvm || r->pid) && emt_clock_monotonic() / 1000000000 > o->listed) {
		list(o);
		vm = find_vm(o, r);
	}
	return vm || r->kind < EMT_KE_SLOT ? vm : r->pid;
}

/* EPT: type and ipat. NPT: an index into the host's PAT, of which KVM uses the first, WB. */
static uint8_t type_of(const struct emt_kvm_observer *o, uint64_t spte)
{
	if (!(spte >> 11 & 1))
		return EMT_KVM_NO_TYPE;
	if (o->mode == EMT_KVM_MODE_EPT)
		return EMT_OUT(spte >> 3 & 7, spte >> 6 & 1);
	return spte & o->type_bits ? EMT_KVM_NO_TYPE : EMT_OUT(EMT_MT_WB, 0);
}

static void of_entries(const struct emt_kvm_observer *o, const struct emt_kvm_event_rec *r, struct emt_kvm_event *e)
{
	e->what = (enum emt_kvm_event_what)(r->kind - EMT_KE_MAP + EMT_KVM_EV_MAP);
	e->order = (uint8_t)(9 * (r->level - 1));
	e->last = r->gfn + (r->count << e->order) - 1;
	e->was = r->kind == EMT_KE_MAP || r->kind == EMT_KE_MERGE ? EMT_KVM_NO_TYPE : type_of(o, r->was);
	e->is = r->kind == EMT_KE_UNMAP || r->kind == EMT_KE_SPLIT ? EMT_KVM_NO_TYPE : type_of(o, r->is);
}

static int one_record(void *arg, void *data, size_t len)
{
	struct emt_kvm_observer *o = arg;
	const struct emt_kvm_event_rec *r = data;
	struct emt_kvm_event e = { .gfn = EMT_NO_FRAME, .last = EMT_NO_FRAME, .was = EMT_KVM_NO_TYPE,
				   .is = EMT_KVM_NO_TYPE };
	int64_t at;

	if (len < sizeof(*r) || !r->kind)
		return 0;
	at = (int64_t)r->time + o->offset_ns;
	e.time = at / 1000000000;
	e.usec = (uint32_t)(at % 1000000000 / 1000);
	e.pid = r->pid;
	e.as_id = r->as_id;
	memcpy(e.command, r->comm, sizeof(e.command) - 1);
	e.vm = vm_of(o, r);
	if (r->kind <= EMT_KE_SLOT) {
		e.gfn = r->gfn;
		e.count = r->count;
	}
	if (r->kind < EMT_KE_SLOT) {
		of_entries(o, r, &e);
	} else if (r->kind == EMT_KE_SLOT) {
		e.what = (enum emt_kvm_event_what)(EMT_KVM_EV_SLOT_ADD + (r->change & 3));
		e.last = r->gfn + (r->count ? r->count - 1 : 0);
		e.flags = (uint32_t)r->is & 0xffff;
	} else {
		e.what = r->kind == EMT_KE_NC_ON ? EMT_KVM_EV_DMA_ON : EMT_KVM_EV_DMA_OFF;
	}
	o->rc = o->cb(&e, o->arg);
	return o->rc ? -EINTR : 0;
}

/* ---- attaching ---- */

static void __attribute__((format(printf, 2, 3))) note(struct emt_kvm_observer *o, const char *format, ...)
{
	size_t at = strlen(o->fallback);
	va_list args;

	if (at && at + 2 < sizeof(o->fallback)) {
		memcpy(o->fallback + at, "; ", 3);
		at += 2;
	}
	va_start(args, format);
	vsnprintf(o->fallback + at, sizeof(o->fallback) - at, format, args);
	va_end(args);
}

static int attach_uprobe(struct bpf_program *prog, bool ret, const char *library, struct bpf_link **link)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .func_name = "ioctl", .retprobe = ret);

	*link = bpf_program__attach_uprobe_opts(prog, -1, library, 0, &opts);
	return *link ? 0 : -errno;
}

static int attach_slots(struct kvm_events *s, enum emt_observer_way way, const char *library)
{
	struct {
		struct bpf_program *prog;
		struct bpf_link **link;
	} all[] = {
		{ s->progs.fentry_slot, &s->links.fentry_slot }, { s->progs.fentry_dma_on, &s->links.fentry_dma_on },
		{ s->progs.fentry_dma_off, &s->links.fentry_dma_off }, { s->progs.kprobe_slot, &s->links.kprobe_slot },
		{ s->progs.kprobe_dma_on, &s->links.kprobe_dma_on }, { s->progs.kprobe_dma_off, &s->links.kprobe_dma_off },
	};
	size_t first = way == EMT_OBSERVE_FENTRY ? 0 : 3;
	int rc;

	if (way == EMT_OBSERVE_UPROBE) {
		rc = attach_uprobe(s->progs.uretprobe_ioctl, true, library, &s->links.uretprobe_ioctl);
		return rc ? rc : attach_uprobe(s->progs.uprobe_ioctl, false, library, &s->links.uprobe_ioctl);
	}
	for (size_t i = first; i < first + 3; i++) {
		*all[i].link = bpf_program__attach(all[i].prog);
		if (!*all[i].link)
			return -errno;
	}
	return 0;
}

static void choose(struct kvm_events *s, enum emt_observer_way way, bool entries)
{
	const struct {
		struct bpf_program *prog;
		enum emt_observer_way way;
	} all[] = {
		{ s->progs.fentry_slot, EMT_OBSERVE_FENTRY },	 { s->progs.fentry_dma_on, EMT_OBSERVE_FENTRY },
		{ s->progs.fentry_dma_off, EMT_OBSERVE_FENTRY }, { s->progs.kprobe_slot, EMT_OBSERVE_KPROBE },
		{ s->progs.kprobe_dma_on, EMT_OBSERVE_KPROBE },	 { s->progs.kprobe_dma_off, EMT_OBSERVE_KPROBE },
		{ s->progs.uprobe_ioctl, EMT_OBSERVE_UPROBE },	 { s->progs.uretprobe_ioctl, EMT_OBSERVE_UPROBE },
	};

	for (size_t i = 0; i < EMT_ARRAY_SIZE(all); i++)
		bpf_program__set_autoload(all[i].prog, all[i].way == way);
	bpf_program__set_autoload(s->progs.spte_changed, entries);
	bpf_program__set_autoload(s->progs.flush, entries);
}

/* The file that this program's own ioctl() comes from. */
static const char *c_library(void)
{
	void *p = dlsym(RTLD_DEFAULT, "ioctl");
	Dl_info info;

	return p && dladdr(p, &info) ? info.dli_fname : NULL;
}

/* 0, or a negative errno: memslots cannot be seen so. */
static int try_way(struct emt_kvm_observer *o, const struct emt_kvm_observer_opts *opts, enum emt_observer_way way,
		   bool entries)
{
	const struct emt_kvm_layout *l = emt_kvm_layout(o->k);
	const char *library = opts->library ? opts->library : c_library();
	struct kvm_events *s;
	int rc;

	if (way == EMT_OBSERVE_UPROBE && !library)
		return -ENOENT;
	s = o->skel = kvm_events__open();
	if (!s)
		return -errno;
	s->rodata->only_pid = opts->pid;
	for (size_t i = 0; opts->pid && i < o->nr_guests; i++)
		if (o->guests[i].pid == opts->pid)
			s->rodata->only_kvm = o->guests[i].kvm;
	s->rodata->type_bits = o->type_bits;
	s->rodata->slot_gfn = l->at[EMT_KM_SLOT_GFN].offset;
	s->rodata->slot_pages = l->at[EMT_KM_SLOT_PAGES].offset;
	s->rodata->slot_flags = l->at[EMT_KM_SLOT_FLAGS].offset;
	choose(s, way, entries);
	rc = kvm_events__load(s);
	if (!rc && way != EMT_OBSERVE_AUTO)
		rc = attach_slots(s, way, library);
	if (!rc && entries) {
		s->links.spte_changed = bpf_program__attach(s->progs.spte_changed);
		if (!s->links.spte_changed)
			rc = -errno;
	}
	if (rc) {
		kvm_events__destroy(s);
		o->skel = NULL;
		return rc;
	}
	o->way = way;
	return 0;
}

/* Why no entries will be seen; NULL. */
static const char *no_entries(const struct emt_kvm_observer *o)
{
	char word[8] = "";
	FILE *f;

	if (o->mode != EMT_KVM_MODE_EPT && o->mode != EMT_KVM_MODE_NPT)
		return "entries: KVM uses shadow page tables here, of which nothing tells";
	f = fopen("/sys/module/kvm/parameters/tdp_mmu", "re");
	if (f && !fgets(word, sizeof(word), f))
		*word = '\0';
	if (f)
		fclose(f);
	return *word == 'N' || *word == '0' ? "entries: kvm.tdp_mmu is off, and only that MMU tells of them" : NULL;
}

static int open_ways(struct emt_kvm_observer *o, const struct emt_kvm_observer_opts *opts, struct emt_err *err)
{
	const char *why = no_entries(o);
	int rc = -EINVAL;

	for (unsigned int w = EMT_OBSERVE_FENTRY; w < EMT_OBSERVE_WAYS; w++) {
		if (opts->way != EMT_OBSERVE_AUTO && opts->way != w)
			continue;
		rc = try_way(o, opts, (enum emt_observer_way)w, !why);
		if (!rc)
			break;
		note(o, "%s: %s", emt_observer_way_name(w), strerror(-rc));
	}
	if (rc && !why)
		rc = try_way(o, opts, EMT_OBSERVE_AUTO, true);
	if (rc)
		return emt_err_set(err, rc == -EPERM || rc == -EACCES ? EMT_E_PERM : EMT_E_UNSUPPORTED, "kvm",
				   "run as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN (entries alone: without the last)",
				   "no way to observe it works: %s", o->fallback);
	if (o->way == EMT_OBSERVE_UPROBE)
		note(o, "non-coherent DMA is not seen, and memslots of programs linked statically are not");
	if (o->way == EMT_OBSERVE_AUTO)
		note(o, "memslots and non-coherent DMA are not seen");
	if (why)
		note(o, "%s", why);
	return 0;
}

int emt_kvm_observer_open(struct emt_kvm_observer **out, const struct emt_kvm_observer_opts *opts, struct emt_err *err)
{
	struct emt_kvm_observer *o = calloc(1, sizeof(*o));
	int rc;

	*out = NULL;
	if (!o)
		return emt_err_set(err, EMT_E_NOMEM, "kvm", NULL, "not enough memory to observe it");
	rc = emt_kvm_open(&o->k, "kvm", err);
	if (!rc) {
		o->mode = emt_kvm_mode(NULL, 0);
		o->type_bits = o->mode == EMT_KVM_MODE_EPT ? 0x78 : 0x18;
		o->cpus = libbpf_num_possible_cpus();
		o->offset_ns = emt_clock_to_realtime();
		list(o);
		rc = open_ways(o, opts, err);
	}
	if (!rc) {
		o->ring = ring_buffer__new(bpf_map__fd(o->skel->maps.ring), one_record, o, NULL);
		if (!o->ring || o->cpus <= 0)
			rc = emt_err_errno(err, EMT_E_IO, "kvm", NULL, "the ring of events cannot be read");
	}
	if (rc) {
		emt_kvm_observer_close(o);
		return rc;
	}
	*out = o;
	return 0;
}

void emt_kvm_observer_close(struct emt_kvm_observer *o)
{
	if (!o)
		return;
	ring_buffer__free(o->ring);
	kvm_events__destroy(o->skel);
	emt_kvm_guests_free(o->guests, o->nr_guests);
	emt_kvm_close(o->k);
	free(o);
}

enum emt_observer_way emt_kvm_observer_way(const struct emt_kvm_observer *o)
{
	return o->way;
}

const char *emt_kvm_observer_fallback(const struct emt_kvm_observer *o)
{
	return o->fallback;
}

/* Let each CPU give what it has joined; those that are off say so, which is no error. */
static void flush(struct emt_kvm_observer *o)
{
	if (!o->skel->links.spte_changed)
		return;
	for (int cpu = 0; cpu < o->cpus; cpu++) {
		LIBBPF_OPTS(bpf_test_run_opts, opts, .flags = BPF_F_TEST_RUN_ON_CPU, .cpu = (unsigned int)cpu);

		bpf_prog_test_run_opts(bpf_program__fd(o->skel->progs.flush), &opts);
	}
}

int emt_kvm_observer_poll(struct emt_kvm_observer *o, int timeout_ms, emt_kvm_observer_cb cb, void *arg,
			  struct emt_err *err)
{
	int n;

	o->cb = cb;
	o->arg = arg;
	o->rc = 0;
	flush(o);
	n = ring_buffer__poll(o->ring, timeout_ms);
	return emt_ring_result(n, o->rc, "kvm", err);
}

unsigned int emt_kvm_observer_cpus(const struct emt_kvm_observer *o)
{
	return (unsigned int)o->cpus;
}

static uint64_t count(const struct emt_kvm_observer *o, uint32_t which, int cpu)
{
	return emt_percpu_count(bpf_map__fd(o->skel->maps.counts), o->cpus, which, cpu);
}

uint64_t emt_kvm_observer_lost_on(const struct emt_kvm_observer *o, unsigned int cpu)
{
	return count(o, EMT_KE_LOST, (int)cpu);
}

void emt_kvm_observer_counts(struct emt_kvm_observer *o, struct emt_kvm_observer_counts *c)
{
	c->seen = count(o, EMT_KE_SEEN, EMT_ALL_CPUS);
	c->quiet = count(o, EMT_KE_QUIET, EMT_ALL_CPUS);
	c->lost = count(o, EMT_KE_LOST, EMT_ALL_CPUS);
	c->others = count(o, EMT_KE_OTHERS, EMT_ALL_CPUS);
}

#else

int emt_kvm_observer_open(struct emt_kvm_observer **out, const struct emt_kvm_observer_opts *opts, struct emt_err *err)
{
	(void)opts;
	*out = NULL;
	return emt_err_set(err, EMT_E_UNSUPPORTED, "kvm", "build it with clang, bpftool and libbpf",
			   "this build observes nothing: it was made without %s", emt_bpf_missing());
}

void emt_kvm_observer_close(struct emt_kvm_observer *o)
{
	(void)o;
}

enum emt_observer_way emt_kvm_observer_way(const struct emt_kvm_observer *o)
{
	(void)o;
	return EMT_OBSERVE_AUTO;
}

const char *emt_kvm_observer_fallback(const struct emt_kvm_observer *o)
{
	(void)o;
	return "";
}

int emt_kvm_observer_poll(struct emt_kvm_observer *o, int timeout_ms, emt_kvm_observer_cb cb, void *arg,
			  struct emt_err *err)
{
	(void)o, (void)timeout_ms, (void)cb, (void)arg;
	return emt_err_set(err, EMT_E_UNSUPPORTED, "kvm", NULL, "this build observes nothing");
}

void emt_kvm_observer_counts(struct emt_kvm_observer *o, struct emt_kvm_observer_counts *c)
{
	(void)o;
	*c = (struct emt_kvm_observer_counts){ 0 };
}

unsigned int emt_kvm_observer_cpus(const struct emt_kvm_observer *o)
{
	(void)o;
	return 0;
}

uint64_t emt_kvm_observer_lost_on(const struct emt_kvm_observer *o, unsigned int cpu)
{
	(void)o, (void)cpu;
	return 0;
}
#endif
