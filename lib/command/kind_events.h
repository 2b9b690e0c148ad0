/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Record kinds of `events`.
 */
#ifndef EMT_COMMAND_KIND_EVENTS_H
#define EMT_COMMAND_KIND_EVENTS_H

#include "output/record.h"
#include "xen/observer.h"

enum {
	TSEV_TIME, TSEV_USEC, TSEV_EVENT, TSEV_DOMAIN, TSEV_PID, TSEV_COMMAND, TSEV_ON, TSEV_GFN, TSEV_MFN,
	TSEV_TO_GFN, TSEV_PORT, TSEV_COUNT, TSEV_TYPE, TSEV_DEVICE, TSEV_TEXT, TSEV_NR
};
extern const struct emt_record_kind emt_kind_toolstack_event;
void emt_fill_toolstack_event(struct emt_rec *rec, const struct emt_toolstack_event *e);

/* Calls are seen from here on. In a journal a gap ends here. */
extern const struct emt_record_kind emt_kind_watch_begun;
void emt_fill_watch_begun(struct emt_rec *rec, int64_t time, const char *way, const char *fallback);

/* One time of watching: how, from when to when, and what became of the calls. */
struct emt_watching {
	const char *way;       /* name of the way */
	const char *fallback;  /* why others were not taken; may be empty */
	int64_t from, to;      /* seconds since 1970; to 0 = it ended without a word */
	struct emt_observer_counts counts;
	const struct emt_observer *on; /* whose CPUs lost what; NULL = not known */
	bool mappings;         /* they were watched too */
};
enum {
	WATCHING_WAY, WATCHING_FALLBACK, WATCHING_FROM, WATCHING_TO, WATCHING_EVENTS, WATCHING_SEEN, WATCHING_FAILED, WATCHING_LOST,
	WATCHING_UNPAIRED, WATCHING_UNREADABLE, WATCHING_LOST_ON, WATCHING_FRAMES, WATCHING_FRAMES_LOST, WATCHING_NR
};
extern const struct emt_record_kind emt_kind_watching;
void emt_fill_watching(struct emt_rec *rec, const struct emt_watching *w, uint64_t events);

#endif
