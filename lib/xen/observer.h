/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The toolstack's calls to Xen, as they are made: BPF programs on privcmd, or on the C
 * library's ioctl(). Reads only; seen are calls of this host's processes. Calls of a
 * stub domain, of dom0's kernel and of guests never pass there.
 */
#ifndef EMT_XEN_OBSERVER_H
#define EMT_XEN_OBSERVER_H

#include "base/err.h"
#include "xen/toolstack.h"

enum emt_observer_way {
	EMT_OBSERVE_AUTO,   /* the first of these that the kernel allows */
	EMT_OBSERVE_FENTRY, /* fentry and fexit of privcmd_ioctl */
	EMT_OBSERVE_KPROBE, /* kprobe and kretprobe of it */
	EMT_OBSERVE_UPROBE, /* the C library's ioctl(): dynamically linked programs only */
	EMT_OBSERVE_WAYS,
};
const char *emt_observer_way_name(unsigned int way); /* "auto", "fentry" ... */

struct emt_observer_opts {
	enum emt_observer_way way;
	const char *library; /* uprobe: file whose ioctl() is probed; NULL = the C library */
	int64_t domid;       /* only this domain's calls and the host's; -1 = all */
	bool mappings;       /* frames that processes map too (EMT_EV_FOREIGN): a PV dom0 only */
};

/* What became of calls that are looked at. */
struct emt_observer_counts {
	uint64_t seen;
	uint64_t failed;     /* refused by the hypervisor: not given */
	uint64_t lost;       /* no room in the ring */
	uint64_t unpaired;   /* too many at once, or made while the program was at work on that CPU */
	uint64_t unreadable; /* arguments that could not be read */
	uint64_t frames;     /* mapped ones that were given */
	uint64_t frames_lost; /* mapped ones that were not */
};

struct emt_observer;

/* Attach. EMT_E_UNSUPPORTED or EMT_E_PERM when no way works, with each one's reason.
 * EMT_OBSERVE_AUTO needs a host that runs on Xen (EMT_E_NOSOURCE). */
int emt_observer_open(struct emt_observer **out, const struct emt_observer_opts *opts, struct emt_err *err);
void emt_observer_close(struct emt_observer *o);
enum emt_observer_way emt_observer_way(const struct emt_observer *o);
/* Why the ways before were not taken; "" if it is the first. */
const char *emt_observer_fallback(const struct emt_observer *o);

/* Wait 'timeout_ms', or until there are many events, and give each to 'cb' in the order of
 * the ring, that is of their ends. A callback that returns non-zero ends it; that is passed on. */
typedef int (*emt_observer_cb)(const struct emt_toolstack_event *e, void *arg);
int emt_observer_poll(struct emt_observer *o, int timeout_ms, emt_observer_cb cb, void *arg, struct emt_err *err);
void emt_observer_counts(struct emt_observer *o, struct emt_observer_counts *c);
/* The same of lost calls (lost, unpaired and unreadable) for one CPU. */
unsigned int emt_observer_cpus(const struct emt_observer *o);
uint64_t emt_observer_lost_on(const struct emt_observer *o, unsigned int cpu);

#endif
