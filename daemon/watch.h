/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Watching: configured sources are audited on an interval and when something happened to
 * them, one at a time, within a budget of processor time. What an audit finds is compared
 * with what was there before; the difference is told as events to whoever listens: `watch`,
 * the log, the hook, the history.
 */
#ifndef EMT_DAEMON_WATCH_H
#define EMT_DAEMON_WATCH_H

#include <event2/buffer.h>
#include <json-c/json.h>
#include <limits.h>
#include <uthash.h>

#include "emtd.h"
#include "history.h"
#include "source/source.h"

/* ---- what is known of a domain; watch_state.c ---- */

struct seen_finding {
	char key[24];              /* the same finding has the same in every audit, on every host */
	struct json_object *rec;   /* owned: the record */
	int64_t first_seen, last_seen;
	bool named;                /* by the audit that is being taken in */
	UT_hash_handle hh;
};

struct seen_fact {
	char fact[40];
	char *held, *value;        /* owned */
	uint64_t digest;
	bool named;
	UT_hash_handle hh;
};

struct seen_domain {
	char identity[400];        /* its UUID, or source and id */
	uint32_t domid;
	char name[64], uuid[40], release[80];
	struct json_object *rec;   /* owned: the last audit's record */
	struct seen_finding *findings;
	struct seen_fact *facts;
	int64_t audited, complete; /* the last audit, the last complete one; seconds since 1970, 0 = none */
	uint64_t audits;           /* that took it in since emtd began */
	bool named;
	struct seen_domain *prev, *next;
};

/* ---- sources; watch.c ---- */

/* What told of a change. */
enum watch_by { WATCH_BY_FILE, WATCH_BY_LIST, WATCH_BY_JOURNAL, WATCH_BYS };

struct observing;
struct journal;

struct watched {
	struct watch *w;
	char text[300];            /* as configured */
	struct emt_source_spec spec;
	bool dynamic;              /* found by "all" */
	bool stays;                /* while the configuration is read again */
	int64_t due;               /* milliseconds, monotonic */
	bool asked;                /* by an event, since the last audit began */
	int64_t ended;             /* when the last audit did; 0 = none yet */
	int wd;                    /* of inotify; -1 = none */
	struct seen_domain *domains;
	struct json_object *families; /* owned: metrics of the last audit; NULL */
	bool walk_too_large;       /* its walk is not kept */
	char error[400];           /* of the last audit; "" = none */
	uint64_t audits, failures;
	double latency;            /* seconds from due to done, of the last audit */
	struct watched *prev, *next;
};

struct watch {
	struct server *s;
	struct history *history;   /* owned; not NULL once open */
	struct watched *sources;
	unsigned int nr_sources;
	struct observing *job;     /* the audit or listing that runs; NULL */
	struct journal *journal;   /* of toolstack calls, followed; NULL = cannot be */
	struct event *timer, *files, *retry;
	int inotify;               /* -1 = none */
	bool all, all_costs;       /* every domain is watched */
	int64_t list_due;          /* of the next listing of domains; INT64_MAX = never */
	struct json_object *listed; /* owned: domains by id, as last listed */
	int64_t credit;            /* microseconds of processor time that may be used; may be negative */
	int64_t credited;          /* when it was last added to */
	uint64_t cpu_us, spent_us, audits, failures, waits; /* waits: starts put off for the budget */
	uint64_t asked[WATCH_BYS]; /* audits that an event asked for, by what told it */
	uint64_t events, lost_log, lost_log_all; /* lost: lines that standard output did not take */
	bool textfile_failed;      /* told once */
	bool textfile_stale;       /* an audit ended since it was written */
	int64_t textfile_due;      /* when it may be written again */
};

struct watch *watch_new(struct server *s);
/* Open the history. False: not enough memory. */
bool watch_open(struct watch *w);
/* Take the sources that the configuration names; those that stay keep what is known. */
void watch_configure(struct watch *w);
void watch_free(struct watch *w);
/* A child ended; true: it was a watcher's. */
bool watch_ended(struct watch *w, pid_t pid, int status, const struct rusage *used);
/* Something happened to a source: audit it soon. A live one is left alone for watch_pause
 * after its last audit: what happens meanwhile is seen together. */
void watch_touch(struct watched *src, enum watch_by by);
/* Look at the list of domains soon, if that is done at all. */
void watch_list_soon(struct watch *w);
/* 'cpu_us' microseconds of processor time were used, and 'us' count against the budget; and
 * whether any of it is left. */
void watch_spent(struct watch *w, int64_t cpu_us, int64_t us);
bool watch_may_spend(struct watch *w);
/* Look what is due, and start it. */
void watch_schedule(struct watch *w);
int64_t watch_now_ms(void);
struct watched *watch_add(struct watch *w, const char *text, bool dynamic);
void watch_remove(struct watched *src);

/* ---- the process; watch_run.c ---- */

/* Run `observe` of a source, or list domains (NULL). False: it could not be started. */
bool observing_start(struct watch *w, struct watched *src);
void observing_kill(struct observing *job);
bool observing_is(const struct observing *job, pid_t pid);
/* Its process ended: its reply is taken in. */
void observing_ended(struct observing *job);
/* What it used, of which 'cpu_us' is processor time: a source with costs=yes has the
 * hypervisor work for it, so the time that it took counts whole. */
int64_t observing_used(const struct observing *job, int64_t cpu_us);
/* The source is removed: what comes is thrown away. */
void observing_forget(struct observing *job, const struct watched *src);

/* ---- taking an audit in; watch_state.c ---- */

/* 'lines' are the records of a reply of `observe` that has its end. */
void state_take(struct watched *src, struct json_object *lines, bool complete, uint64_t milliseconds);
void state_failed(struct watched *src, const char *text);
void state_free(struct seen_domain *d);
/* Domains of the source are gone: tell it and forget them. */
void state_gone(struct watched *src, struct seen_domain *d);
/* An event about a finding that is there now: what `watch` begins with. Owned by the caller. */
struct json_object *state_open(const struct watched *src, const struct seen_domain *d, const struct seen_finding *f);
/* Numbers of a domain: what `wait` looks at. Owned by the caller. */
struct json_object *state_numbers(const struct watched *src, const struct seen_domain *d);

/* ---- the walks that audits compare with; walks.c ---- */

/* The folder, and what no source of now left there. */
void walks_start(struct watch *w);
/* The file of a source. False: its walks are not kept. */
bool walks_path(const struct watched *src, char *out, size_t room);
/* An audit ended: look how much is kept. */
void walks_ended(struct watched *src);
void walks_forget(const struct watched *src);

/* ---- files and domains; watch_files.c ---- */

void files_start(struct watch *w);
void files_stop(struct watch *w);
void files_add(struct watched *src);
void files_remove(struct watched *src);
/* The listing of domains came. */
void live_take(struct watch *w, struct json_object *lines);
/* The source that is this domain, NULL if none is; '*listed': the last listing has it. */
struct watched *live_source(struct watch *w, uint32_t domid, bool *listed);

/* ---- calls of the toolstack; watch_journal.c ---- */

/* Follow the journal that the configuration names; NULL: it cannot be done. */
struct journal *journal_new(struct watch *w);
void journal_configure(struct journal *j);
void journal_free(struct journal *j); /* may be NULL */
/* Its folder may exist by now. 'j' may be NULL. */
void journal_attach(struct journal *j);
struct journal_stats {
	bool followed;             /* the file is open */
	uint64_t calls;            /* lines read that tell of one */
	uint64_t skipped;          /* bytes that came too fast to be read: all domains were audited */
};
void journal_stats(const struct journal *j, struct journal_stats *out); /* 'j' may be NULL */

#endif
