/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/kind_events.h"

#include <stdio.h>

#include "command/layout.h"

#define SHOWN EMT_COLF_SHOWN
#define NUL EMT_COLF_NULL

static const struct emt_column event_columns[TSEV_NR] = {
	[TSEV_TIME] = EMT_COLUMN("time", EMT_COL_TIME, SHOWN, "when the call ended"),
	[TSEV_USEC] = EMT_COLUMN("microseconds", EMT_COL_NUMBER, 0, "of that second"),
	[TSEV_EVENT] = EMT_COLUMN("event", EMT_COL_STRING, SHOWN, "what was done", .word = emt_event_name,
				   .nr_words = EMT_EV_NR),
	[TSEV_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, SHOWN | NUL, "to which domain; null: to the host"),
	[TSEV_PID] = EMT_COLUMN("pid", EMT_COL_NUMBER, SHOWN, "process that did it"),
	[TSEV_COMMAND] = EMT_COLUMN("command", EMT_COL_STRING, SHOWN, "name of that process"),
	[TSEV_ON] = EMT_COLUMN("on", EMT_COL_BOOL, 0, "given, mapped or enabled, where that is a question"),
	[TSEV_GFN] = EMT_COLUMN("gfn", EMT_COL_FRAME, NUL, "first guest frame", .unit = "gfn"),
	[TSEV_MFN] = EMT_COLUMN("mfn", EMT_COL_FRAME, NUL, "first machine frame", .unit = "mfn"),
	[TSEV_TO_GFN] = EMT_COLUMN("to_gfn", EMT_COL_FRAME, NUL, "where it was moved to", .unit = "gfn"),
	[TSEV_PORT] = EMT_COLUMN("port", EMT_COL_NUMBER, NUL, "first I/O port"),
	[TSEV_COUNT] = EMT_COLUMN("count", EMT_COL_NUMBER, NUL, "frames or ports"),
	[TSEV_TYPE] = EMT_COLUMN("type", EMT_COL_NUMBER, NUL, "number of a type or operation, as Xen's headers have it"),
	[TSEV_DEVICE] = EMT_COLUMN("device", EMT_COL_STRING, NUL, "PCI device"),
	[TSEV_TEXT] = EMT_COLUMN("text", EMT_COL_STRING, SHOWN, "the same in words"),
};

static int layout_event(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	char at[64], domain[32] = "host";

	(void)variant;
	if (emt_rec_has(rec, TSEV_DOMAIN))
		snprintf(domain, sizeof(domain), "domain %llu", (unsigned long long)emt_rec_get_u64(rec, TSEV_DOMAIN));
	emt_text_printf(t, "%s  ", emt_fmt_time(emt_rec_get_time(rec, TSEV_TIME), at, sizeof(at)));
	emt_text_puts(t, EMT_STYLE_STRONG, domain);
	emt_text_printf(t, "  %s  (%s, pid %llu)\n", emt_rec_get_str(rec, TSEV_TEXT), emt_rec_get_str(rec, TSEV_COMMAND),
			(unsigned long long)emt_rec_get_u64(rec, TSEV_PID));
	return 0;
}

const struct emt_record_kind emt_kind_toolstack_event = {
	.name = "toolstack_event", .schema = "emt.toolstack_event", .help = "something that the toolstack did",
	.columns = event_columns, .nr_columns = TSEV_NR, .layout = layout_event,
};

static void frame(struct emt_rec *rec, unsigned int col, uint64_t v)
{
	if (v != EMT_NO_FRAME)
		emt_rec_u64(rec, col, v);
}

void emt_fill_toolstack_event(struct emt_rec *rec, const struct emt_toolstack_event *e)
{
	char text[200];

	emt_rec_time(rec, TSEV_TIME, e->time);
	emt_rec_u64(rec, TSEV_USEC, e->usec);
	emt_rec_str(rec, TSEV_EVENT, emt_event_name(e->what));
	if (e->domid != EMT_EVENT_NO_DOMAIN)
		emt_rec_u64(rec, TSEV_DOMAIN, e->domid);
	emt_rec_u64(rec, TSEV_PID, e->pid);
	emt_rec_str(rec, TSEV_COMMAND, e->command);
	emt_rec_bool(rec, TSEV_ON, e->on);
	frame(rec, TSEV_GFN, e->gfn);
	frame(rec, TSEV_MFN, e->mfn);
	frame(rec, TSEV_TO_GFN, e->to);
	frame(rec, TSEV_PORT, e->port);
	if (e->count)
		emt_rec_u64(rec, TSEV_COUNT, e->count);
	if (e->type >= 0)
		emt_rec_u64(rec, TSEV_TYPE, (uint64_t)e->type);
	if (e->sbdf >= 0)
		emt_rec_fmt(rec, TSEV_DEVICE, "%04x:%02x:%02x.%x", (unsigned int)(e->sbdf >> 16),
			    (unsigned int)(e->sbdf >> 8 & 0xff), (unsigned int)(e->sbdf >> 3 & 0x1f),
			    (unsigned int)(e->sbdf & 7));
	emt_rec_str(rec, TSEV_TEXT, emt_event_text(e, text, sizeof(text)));
}

enum { BEGUN_TIME, BEGUN_WAY, BEGUN_FALLBACK, BEGUN_NR };
static const struct emt_column begun_columns[BEGUN_NR] = {
	[BEGUN_TIME] = EMT_COLUMN("time", EMT_COL_TIME, SHOWN, "calls are seen from here on"),
	[BEGUN_WAY] = EMT_COLUMN("way", EMT_COL_STRING, SHOWN, "how", .word = emt_observer_way_name, .nr_words = EMT_OBSERVE_WAYS),
	[BEGUN_FALLBACK] = EMT_COLUMN("fallback", EMT_COL_STRING, NUL, "why better ways were not taken"),
};

/* People are told on standard error, at once. */
static int layout_begun(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	(void)rec, (void)t, (void)variant;
	return 0;
}

const struct emt_record_kind emt_kind_watch_begun = {
	.name = "watch_begun", .schema = "emt.watch_begun", .help = "the beginning of a time of watching",
	.columns = begun_columns, .nr_columns = BEGUN_NR, .layout = layout_begun,
};

void emt_fill_watch_begun(struct emt_rec *rec, int64_t time, const char *way, const char *fallback)
{
	emt_rec_time(rec, BEGUN_TIME, time);
	emt_rec_str(rec, BEGUN_WAY, way);
	emt_rec_text(rec, BEGUN_FALLBACK, fallback);
}

static const struct emt_column watch_columns[WATCHING_NR] = {
	[WATCHING_WAY] = EMT_COLUMN("way", EMT_COL_STRING, SHOWN | NUL, "how calls were seen; null: it was cut off", .word = emt_observer_way_name,
				 .nr_words = EMT_OBSERVE_WAYS),
	[WATCHING_FALLBACK] = EMT_COLUMN("fallback", EMT_COL_STRING, NUL, "why better ways were not taken"),
	[WATCHING_FROM] = EMT_COLUMN("from", EMT_COL_TIME, SHOWN, "seen from here on"),
	[WATCHING_TO] = EMT_COLUMN("to", EMT_COL_TIME, SHOWN | NUL, "up to here; null: it ended without a word"),
	[WATCHING_EVENTS] = EMT_COLUMN("events", EMT_COL_NUMBER, SHOWN, "events given"),
	[WATCHING_SEEN] = EMT_COLUMN("calls", EMT_COL_NUMBER, SHOWN, "calls that were looked at"),
	[WATCHING_FAILED] = EMT_COLUMN("failed", EMT_COL_NUMBER, SHOWN, "of them refused by the hypervisor"),
	[WATCHING_LOST] = EMT_COLUMN("lost", EMT_COL_NUMBER, SHOWN, "of them lost: no room in the ring"),
	[WATCHING_UNPAIRED] = EMT_COLUMN("unpaired", EMT_COL_NUMBER, 0, "of them lost: too many at once"),
	[WATCHING_UNREADABLE] = EMT_COLUMN("unreadable", EMT_COL_NUMBER, 0, "of them lost: arguments not in memory"),
	[WATCHING_LOST_ON] = EMT_COLUMN("lost_on", EMT_COL_STRINGS, 0, "CPUs that lost calls, and how many each", .join = ", "),
	[WATCHING_FRAMES] = EMT_COLUMN("frames", EMT_COL_NUMBER, NUL, "frames that processes mapped; null: not watched"),
	[WATCHING_FRAMES_LOST] = EMT_COLUMN("frames_lost", EMT_COL_NUMBER, NUL, "of them lost; null: not watched"),
};

static int layout_watch(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	uint64_t lost = emt_rec_get_u64(rec, WATCHING_LOST) + emt_rec_get_u64(rec, WATCHING_UNPAIRED) +
			emt_rec_get_u64(rec, WATCHING_UNREADABLE);
	char from[64], to[64] = "?", cpus[200];

	(void)variant;
	emt_text_gap(t);
	emt_fmt_time(emt_rec_get_time(rec, WATCHING_FROM), from, sizeof(from));
	if (emt_rec_has(rec, WATCHING_TO))
		emt_fmt_time(emt_rec_get_time(rec, WATCHING_TO), to, sizeof(to));
	if (!emt_rec_has(rec, WATCHING_TO)) {
		emt_text_printf(t, "%s on: %llu events, then it was cut off: what happened later is not known\n", from,
				(unsigned long long)emt_rec_get_u64(rec, WATCHING_EVENTS));
		return 0;
	}
	emt_text_printf(t, "%s to %s by %s: %llu events of %llu calls, %llu refused, ", from, to,
			emt_rec_get_str(rec, WATCHING_WAY), (unsigned long long)emt_rec_get_u64(rec, WATCHING_EVENTS),
			(unsigned long long)emt_rec_get_u64(rec, WATCHING_SEEN),
			(unsigned long long)emt_rec_get_u64(rec, WATCHING_FAILED));
	if (lost)
		emt_text_printf(t, "%llu LOST (%s)\n", (unsigned long long)lost,
				emt_rec_cell(rec, WATCHING_LOST_ON, true, cpus, sizeof(cpus)));
	else
		emt_text_printf(t, "none lost\n");
	if (emt_rec_has(rec, WATCHING_FRAMES))
		emt_text_printf(t, "%llu mapped frames, %llu lost\n", (unsigned long long)emt_rec_get_u64(rec, WATCHING_FRAMES),
				(unsigned long long)emt_rec_get_u64(rec, WATCHING_FRAMES_LOST));
	return 0;
}

const struct emt_record_kind emt_kind_watching = {
	.name = "watching", .schema = "emt.watching", .help = "one time of watching the toolstack",
	.columns = watch_columns, .nr_columns = WATCHING_NR, .layout = layout_watch,
};

void emt_fill_watching(struct emt_rec *rec, const struct emt_watching *w, uint64_t events)
{
	char on[48];

	emt_rec_str(rec, WATCHING_WAY, w->way);
	emt_rec_text(rec, WATCHING_FALLBACK, w->fallback);
	emt_rec_time(rec, WATCHING_FROM, w->from);
	emt_rec_time(rec, WATCHING_TO, w->to);
	emt_rec_u64(rec, WATCHING_EVENTS, events);
	emt_rec_u64(rec, WATCHING_SEEN, w->counts.seen);
	emt_rec_u64(rec, WATCHING_FAILED, w->counts.failed);
	emt_rec_u64(rec, WATCHING_LOST, w->counts.lost);
	emt_rec_u64(rec, WATCHING_UNPAIRED, w->counts.unpaired);
	emt_rec_u64(rec, WATCHING_UNREADABLE, w->counts.unreadable);
	emt_rec_list(rec, WATCHING_LOST_ON);
	for (unsigned int cpu = 0; w->on && cpu < emt_observer_cpus(w->on); cpu++) {
		uint64_t n = emt_observer_lost_on(w->on, cpu);

		snprintf(on, sizeof(on), "cpu %u: %llu", cpu, (unsigned long long)n);
		if (n)
			emt_rec_add_str(rec, WATCHING_LOST_ON, on);
	}
	if (w->mappings) {
		emt_rec_u64(rec, WATCHING_FRAMES, w->counts.frames);
		emt_rec_u64(rec, WATCHING_FRAMES_LOST, w->counts.frames_lost);
	}
}
