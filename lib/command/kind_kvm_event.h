/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Record kinds of `events` on a host with KVM.
 */
#ifndef EMT_COMMAND_KIND_KVM_EVENT_H
#define EMT_COMMAND_KIND_KVM_EVENT_H

#include "output/record.h"
#include "source/kvm_observer.h"

enum {
	KVEV_TIME, KVEV_USEC, KVEV_EVENT, KVEV_VM, KVEV_PID, KVEV_COMMAND, KVEV_GFN, KVEV_LAST, KVEV_COUNT, KVEV_ORDER,
	KVEV_WAS, KVEV_TYPE, KVEV_FLAGS, KVEV_SMM, KVEV_TEXT, KVEV_NR
};
extern const struct emt_record_kind emt_kind_kvm_event;
void emt_fill_kvm_event(struct emt_rec *rec, const struct emt_kvm_event *e);

enum {
	KVW_WAY, KVW_FALLBACK, KVW_ONLY, KVW_FROM, KVW_TO, KVW_EVENTS, KVW_CHANGES, KVW_QUIET, KVW_OTHERS, KVW_LOST, KVW_LOST_ON, KVW_NR
};
extern const struct emt_record_kind emt_kind_kvm_watching;
/* One time of watching, from 'from' to 'to' (seconds since 1970); 'to' 0 = it begins. 'only': of
 * this virtual machine; 0 = all. */
void emt_fill_kvm_watching(struct emt_rec *rec, struct emt_kvm_observer *o, uint32_t only, int64_t from, int64_t to,
			   uint64_t events);

#endif
