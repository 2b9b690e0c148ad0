/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/kind_kvm_event.h"

#include <stdio.h>

#include "command/layout.h"
#include "policy/rules.h"

#define SHOWN EMT_COLF_SHOWN
#define NUL EMT_COLF_NULL

static const struct emt_column event_columns[KVEV_NR] = {
	[KVEV_TIME] = EMT_COLUMN("time", EMT_COL_TIME, SHOWN, "when it happened; of several the last"),
	[KVEV_USEC] = EMT_COLUMN("microseconds", EMT_COL_NUMBER, 0, "of that second"),
	[KVEV_EVENT] = EMT_COLUMN("event", EMT_COL_STRING, SHOWN, "what happened", .word = emt_kvm_event_name,
				   .nr_words = EMT_KVM_EV_NR),
	[KVEV_VM] = EMT_COLUMN("vm", EMT_COL_NUMBER, SHOWN | NUL, "process that holds the virtual machine; null: not told"),
	[KVEV_PID] = EMT_COLUMN("pid", EMT_COL_NUMBER, SHOWN, "process in whose name; 0: a thread of the kernel"),
	[KVEV_COMMAND] = EMT_COLUMN("command", EMT_COL_STRING, SHOWN, "name of that thread"),
	[KVEV_GFN] = EMT_COLUMN("gfn", EMT_COL_FRAME, NUL, "first guest frame", .unit = "gfn"),
	[KVEV_LAST] = EMT_COLUMN("last_gfn", EMT_COL_FRAME, NUL, "last; without --entries not all between need be meant",
				 .unit = "gfn"),
	[KVEV_COUNT] = EMT_COLUMN("count", EMT_COL_NUMBER, NUL, "entries, or pages of a memslot"),
	[KVEV_ORDER] = EMT_COLUMN("order", EMT_COL_NUMBER, NUL, "of the entries: 0, 9 or 18"),
	[KVEV_WAS] = EMT_COLUMN("was", EMT_COL_STRING, NUL, "type of the entries before, ! with ipat"),
	[KVEV_TYPE] = EMT_COLUMN("type", EMT_COL_STRING, NUL, "and after"),
	[KVEV_FLAGS] = EMT_COLUMN("flags", EMT_COL_NUMBER, NUL, "of the memslot, as KVM_SET_USER_MEMORY_REGION takes them"),
	[KVEV_SMM] = EMT_COLUMN("smm", EMT_COL_BOOL, 0, "the address space of system management mode"),
	[KVEV_TEXT] = EMT_COLUMN("text", EMT_COL_STRING, SHOWN, "the same in words"),
};

static int layout_event(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	char at[64], vm[32] = "a VM";

	(void)variant;
	if (emt_rec_has(rec, KVEV_VM))
		snprintf(vm, sizeof(vm), "VM %llu", (unsigned long long)emt_rec_get_u64(rec, KVEV_VM));
	emt_text_printf(t, "%s  ", emt_fmt_time(emt_rec_get_time(rec, KVEV_TIME), at, sizeof(at)));
	emt_text_puts(t, EMT_STYLE_STRONG, vm);
	emt_text_printf(t, "  %s  (%s, pid %llu)\n", emt_rec_get_str(rec, KVEV_TEXT), emt_rec_get_str(rec, KVEV_COMMAND),
			(unsigned long long)emt_rec_get_u64(rec, KVEV_PID));
	return 0;
}

const struct emt_record_kind emt_kind_kvm_event = {
	.name = "kvm_event", .schema = "emt.kvm_event", .help = "something that happened to a guest of KVM",
	.columns = event_columns, .nr_columns = KVEV_NR, .layout = layout_event,
};

void emt_fill_kvm_event(struct emt_rec *rec, const struct emt_kvm_event *e)
{
	bool entries = e->what < EMT_KVM_EV_SLOT_ADD, slot = !entries && e->what < EMT_KVM_EV_DMA_ON;
	char text[200];

	emt_rec_time(rec, KVEV_TIME, e->time);
	emt_rec_u64(rec, KVEV_USEC, e->usec);
	emt_rec_str(rec, KVEV_EVENT, emt_kvm_event_name(e->what));
	if (e->vm)
		emt_rec_u64(rec, KVEV_VM, e->vm);
	emt_rec_u64(rec, KVEV_PID, e->pid);
	emt_rec_str(rec, KVEV_COMMAND, e->command);
	if (e->count) {
		emt_rec_u64(rec, KVEV_GFN, e->gfn);
		emt_rec_u64(rec, KVEV_LAST, e->last);
		emt_rec_u64(rec, KVEV_COUNT, e->count);
	}
	if (entries)
		emt_rec_u64(rec, KVEV_ORDER, e->order);
	if (e->was != EMT_KVM_NO_TYPE)
		emt_rec_str(rec, KVEV_WAS, emt_outcome_name(e->was));
	if (e->is != EMT_KVM_NO_TYPE)
		emt_rec_str(rec, KVEV_TYPE, emt_outcome_name(e->is));
	if (slot)
		emt_rec_u64(rec, KVEV_FLAGS, e->flags);
	emt_rec_bool(rec, KVEV_SMM, e->as_id);
	emt_rec_str(rec, KVEV_TEXT, emt_kvm_event_text(e, text, sizeof(text)));
}

static const struct emt_column watch_columns[KVW_NR] = {
	[KVW_WAY] = EMT_COLUMN("way", EMT_COL_STRING, SHOWN,
			       "how memslots were seen; auto: not at all", .word = emt_observer_way_name,
			       .nr_words = EMT_OBSERVE_WAYS),
	[KVW_FALLBACK] = EMT_COLUMN("fallback", EMT_COL_STRING, NUL, "why better ways were not taken, and what is not seen"),
	[KVW_ONLY] = EMT_COLUMN("only", EMT_COL_NUMBER, NUL, "the virtual machine that was watched; null: all"),
	[KVW_FROM] = EMT_COLUMN("from", EMT_COL_TIME, SHOWN, "seen from here on"),
	[KVW_TO] = EMT_COLUMN("to", EMT_COL_TIME, SHOWN | NUL, "up to here; null: the watch begins"),
	[KVW_EVENTS] = EMT_COLUMN("events", EMT_COL_NUMBER, SHOWN, "events given"),
	[KVW_CHANGES] = EMT_COLUMN("changes", EMT_COL_NUMBER, SHOWN, "changes that were looked at"),
	[KVW_QUIET] = EMT_COLUMN("quiet", EMT_COL_NUMBER, SHOWN,
				 "of them those that say nothing of types: marks of use, rights, tables, emulated MMIO"),
	[KVW_OTHERS] = EMT_COLUMN("others", EMT_COL_NUMBER, 0, "beside: changes of virtual machines that were not asked for"),
	[KVW_LOST] = EMT_COLUMN("lost", EMT_COL_NUMBER, SHOWN, "of them lost: no room in the ring"),
	[KVW_LOST_ON] = EMT_COLUMN("lost_on", EMT_COL_STRINGS, 0, "CPUs that lost some, and how many each", .join = ", "),
};

static int layout_watch(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	char from[64], to[64], cpus[200];

	(void)variant;
	emt_text_gap(t);
	if (!emt_rec_has(rec, KVW_TO)) {
		emt_text_printf(t, "%s: a watch begins, memslots by %s\n",
				emt_fmt_time(emt_rec_get_time(rec, KVW_FROM), from, sizeof(from)),
				emt_rec_get_str(rec, KVW_WAY));
		return 0;
	}
	emt_text_printf(t, "%s to %s: %llu events of %llu changes, %llu say nothing of types, ",
			emt_fmt_time(emt_rec_get_time(rec, KVW_FROM), from, sizeof(from)),
			emt_fmt_time(emt_rec_get_time(rec, KVW_TO), to, sizeof(to)),
			(unsigned long long)emt_rec_get_u64(rec, KVW_EVENTS),
			(unsigned long long)emt_rec_get_u64(rec, KVW_CHANGES),
			(unsigned long long)emt_rec_get_u64(rec, KVW_QUIET));
	if (emt_rec_get_u64(rec, KVW_LOST))
		emt_text_printf(t, "%llu LOST (%s)\n", (unsigned long long)emt_rec_get_u64(rec, KVW_LOST),
				emt_rec_cell(rec, KVW_LOST_ON, true, cpus, sizeof(cpus)));
	else
		emt_text_printf(t, "none lost\n");
	return 0;
}

const struct emt_record_kind emt_kind_kvm_watching = {
	.name = "kvm_watching", .schema = "emt.kvm_watching", .help = "one time of watching KVM",
	.columns = watch_columns, .nr_columns = KVW_NR, .layout = layout_watch,
};

void emt_fill_kvm_watching(struct emt_rec *rec, struct emt_kvm_observer *o, uint32_t only, int64_t from, int64_t to,
			   uint64_t events)
{
	struct emt_kvm_observer_counts c;
	char on[48];

	emt_kvm_observer_counts(o, &c);
	emt_rec_str(rec, KVW_WAY, emt_observer_way_name(emt_kvm_observer_way(o)));
	emt_rec_text(rec, KVW_FALLBACK, emt_kvm_observer_fallback(o));
	if (only)
		emt_rec_u64(rec, KVW_ONLY, only);
	emt_rec_time(rec, KVW_FROM, from);
	emt_rec_time(rec, KVW_TO, to);
	emt_rec_u64(rec, KVW_EVENTS, events);
	emt_rec_u64(rec, KVW_CHANGES, c.seen);
	emt_rec_u64(rec, KVW_QUIET, c.quiet);
	emt_rec_u64(rec, KVW_OTHERS, c.others);
	emt_rec_u64(rec, KVW_LOST, c.lost);
	emt_rec_list(rec, KVW_LOST_ON);
	for (unsigned int cpu = 0; cpu < emt_kvm_observer_cpus(o); cpu++) {
		uint64_t n = emt_kvm_observer_lost_on(o, cpu);

		snprintf(on, sizeof(on), "cpu %u: %llu", cpu, (unsigned long long)n);
		if (n)
			emt_rec_add_str(rec, KVW_LOST_ON, on);
	}
}
