/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happens to guests of KVM, as it happens: entries of their EPT or NPT, memslots,
 * non-coherent DMA. Through BPF, which only looks.
 *
 * Entries: KVM's tracepoint kvm_tdp_mmu_spte_changed (its TDP MMU, the usual one since
 * 5.15). It does not say whose they are: they count for the virtual machine whose process
 * the change happened in; what the kernel's own threads do (reclaim, compaction) is given
 * without one. Memslots and DMA: where KVM commits them, by fentry or else kprobes; where
 * the kernel allows neither, memslots by uprobes on the C library's ioctl(), and DMA not.
 */
#ifndef EMT_SOURCE_KVM_OBSERVER_H
#define EMT_SOURCE_KVM_OBSERVER_H

#include "base/err.h"
#include "source/kvm_event.h"
#include "xen/observer.h"

struct emt_kvm_observer_opts {
	enum emt_observer_way way;
	const char *library;   /* uprobe: file whose ioctl() is probed; NULL = the C library */
	uint32_t pid;          /* only this virtual machine's, and the kernel's; 0 = all */
};

struct emt_kvm_observer_counts {
	uint64_t seen;         /* changes that were looked at */
	uint64_t quiet;        /* of them those that say nothing of types: not given */
	uint64_t lost;         /* no room: entries and memslots */
	uint64_t others;       /* of virtual machines that were not asked for */
};

struct emt_kvm_observer;

/* Attach. EMT_E_NOSOURCE: no KVM here; EMT_E_UNSUPPORTED, EMT_E_PERM: nothing can be seen,
 * with each way's reason. */
int emt_kvm_observer_open(struct emt_kvm_observer **out, const struct emt_kvm_observer_opts *opts, struct emt_err *err);
void emt_kvm_observer_close(struct emt_kvm_observer *o);
/* How memslots are seen; EMT_OBSERVE_AUTO: not at all. */
enum emt_observer_way emt_kvm_observer_way(const struct emt_kvm_observer *o);
/* What is not seen, and why; "" if all is. */
const char *emt_kvm_observer_fallback(const struct emt_kvm_observer *o);

/* Wait up to 'timeout_ms' for events, in the order of each CPU. A callback that returns
 * non-zero ends it; that is passed on. */
typedef int (*emt_kvm_observer_cb)(const struct emt_kvm_event *e, void *arg);
int emt_kvm_observer_poll(struct emt_kvm_observer *o, int timeout_ms, emt_kvm_observer_cb cb, void *arg,
			  struct emt_err *err);
void emt_kvm_observer_counts(struct emt_kvm_observer *o, struct emt_kvm_observer_counts *c);
/* What each CPU lost. */
unsigned int emt_kvm_observer_cpus(const struct emt_kvm_observer *o);
uint64_t emt_kvm_observer_lost_on(const struct emt_kvm_observer *o, unsigned int cpu);

#endif
