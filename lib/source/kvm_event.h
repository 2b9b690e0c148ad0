/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Something that happened to a guest of KVM. Pure.
 */
#ifndef EMT_SOURCE_KVM_EVENT_H
#define EMT_SOURCE_KVM_EVENT_H

#include "base/types.h"

enum emt_kvm_event_what {
	EMT_KVM_EV_MAP,      /* entries that mapped nothing map memory now */
	EMT_KVM_EV_UNMAP,
	EMT_KVM_EV_CHANGE,   /* entries have another frame, type or ipat */
	EMT_KVM_EV_SPLIT,    /* superpages became tables */
	EMT_KVM_EV_MERGE,    /* tables became superpages */
	EMT_KVM_EV_SLOT_ADD,
	EMT_KVM_EV_SLOT_DELETE,
	EMT_KVM_EV_SLOT_MOVE,
	EMT_KVM_EV_SLOT_FLAGS,
	EMT_KVM_EV_DMA_ON,   /* non-coherent DMA registered: once more */
	EMT_KVM_EV_DMA_OFF,
	EMT_KVM_EV_NR,
};
const char *emt_kvm_event_name(unsigned int what); /* "map" ... "noncoherent-on" */

#define EMT_KVM_NO_TYPE 0xff

struct emt_kvm_event {
	int64_t time;          /* seconds since 1970 */
	uint32_t usec;
	enum emt_kvm_event_what what;
	uint32_t vm;           /* process that holds the virtual machine; 0 = not told */
	uint32_t pid;          /* in whose name it happened; 0 = a thread of the kernel */
	char command[16];
	uint64_t gfn, last;    /* first and last frame; EMT_NO_FRAME = does not apply */
	uint64_t count;        /* entries, or pages of a memslot; 0 = not told */
	uint8_t order;         /* of the entries */
	uint8_t was, is;       /* type and ipat before and after, as EMT_OUT(); EMT_KVM_NO_TYPE */
	uint32_t flags;        /* of a memslot, after */
	uint8_t as_id;         /* address space: 1 = system management mode */
};

/* In words: "maps 0x20000-0x207ff as WB!, in 2048 pages of 4 KiB"; returns 'out'. */
char *emt_kvm_event_text(const struct emt_kvm_event *e, char *out, size_t room);

#endif
