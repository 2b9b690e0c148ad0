/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/kvm_event.h"

#include <stdio.h>
#include <string.h>

#include "policy/rules.h"

static const char *const names[EMT_KVM_EV_NR] = {
	"map", "unmap", "change", "split", "merge", "memslot-add", "memslot-delete", "memslot-move", "memslot-flags",
	"noncoherent-on", "noncoherent-off",
};

const char *emt_kvm_event_name(unsigned int what)
{
	return what < EMT_KVM_EV_NR ? names[what] : "?";
}

static const char *type_name(uint8_t type)
{
	return type == EMT_KVM_NO_TYPE ? "?" : emt_outcome_name(type);
}

static const char *size_name(unsigned int order)
{
	return order == 18 ? "1 GiB" : order == 9 ? "2 MiB" : "4 KiB";
}

static void entries_text(const struct emt_kvm_event *e, const char *range, char *out, size_t room)
{
	unsigned long long n = (unsigned long long)e->count;

	switch (e->what) {
	case EMT_KVM_EV_MAP:
		snprintf(out, room, "maps %s as %s (%llu of %s)", range, type_name(e->is), n, size_name(e->order));
		break;
	case EMT_KVM_EV_UNMAP:
		snprintf(out, room, "drops %s, which was %s (%llu of %s)", range, type_name(e->was), n, size_name(e->order));
		break;
	case EMT_KVM_EV_CHANGE:
		if (e->was == e->is)
			snprintf(out, room, "maps other memory at %s, %s as before (%llu of %s)", range, type_name(e->is), n,
				 size_name(e->order));
		else
			snprintf(out, room, "makes %s %s, which was %s (%llu of %s)", range, type_name(e->is),
				 type_name(e->was), n, size_name(e->order));
		break;
	case EMT_KVM_EV_SPLIT:
		snprintf(out, room, "splits %s, which was %s (%llu of %s)", range, type_name(e->was), n, size_name(e->order));
		break;
	default:
		snprintf(out, room, "joins %s as %s (%llu of %s)", range, type_name(e->is), n, size_name(e->order));
		break;
	}
}

char *emt_kvm_event_text(const struct emt_kvm_event *e, char *out, size_t room)
{
	static const char *const verbs[] = { "adds", "deletes", "moves", "changes the flags of" };
	char range[48];

	if (e->what >= EMT_KVM_EV_DMA_ON) {
		snprintf(out, room, "%s non-coherent DMA", e->what == EMT_KVM_EV_DMA_ON ? "registers" : "takes back");
		return out;
	}
	if (e->last > e->gfn)
		snprintf(range, sizeof(range), "0x%llx-0x%llx", (unsigned long long)e->gfn, (unsigned long long)e->last);
	else
		snprintf(range, sizeof(range), "0x%llx", (unsigned long long)e->gfn);
	if (e->what < EMT_KVM_EV_SLOT_ADD)
		entries_text(e, range, out, room);
	else
		snprintf(out, room, "%s the memslot %s%s%s%s", verbs[e->what - EMT_KVM_EV_SLOT_ADD],
			 e->count ? range : "(which is not told)", e->flags & 2 ? ", read-only" : "",
			 e->flags & 1 ? ", dirty pages logged" : "", e->flags & 8 ? ", flag 8" : "");
	return out;
}
