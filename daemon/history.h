/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What emtd remembers beyond its own life: audits, findings with when they were first and
 * last seen, facts that changed, events. One SQLite file (WAL) that only emtd writes.
 *
 * Nothing here ever stops the watching: what cannot be written is counted and told, and
 * every audit writes the whole state of its domain, so that the file is right again with
 * the first audit that can be written.
 */
#ifndef EMT_DAEMON_HISTORY_H
#define EMT_DAEMON_HISTORY_H

#include <json-c/json_types.h>
#include <stdbool.h>
#include <stdint.h>

struct history;

struct history_limits {
	unsigned int days; /* what ended longer ago goes; at least 1 */
	unsigned int mib;  /* the file grows no larger; at least 1 */
};

struct history_stats {
	bool on;            /* a file is open */
	uint64_t written;   /* audits since the start */
	uint64_t lost;      /* audits that could not be written since the start */
	uint64_t bytes;     /* of the file, its log included */
};

/* Open or make 'path' ("": keep nothing). Never fails but for lack of memory (NULL): a
 * file that is damaged is set aside under another name, one of a newer emtd is left alone
 * and nothing is kept; either is logged. */
struct history *history_open(const char *path, const struct history_limits *limits, int64_t now);
void history_close(struct history *h);
void history_stats(const struct history *h, struct history_stats *out);
void history_set_limits(struct history *h, const struct history_limits *limits);

/* An audit of one domain; the texts are borrowed. */
struct history_audit {
	const char *identity; /* what makes the domain the same over time */
	const char *source, *name, *uuid, *release;
	uint32_t domid;
	int64_t time;         /* seconds since 1970 */
	uint64_t milliseconds;
	bool complete;
	uint64_t entries;
	unsigned int findings;
	const char *worst;    /* severity; NULL = no finding */
	const char *summary;  /* the domain's record as JSON */
};

/* One transaction: begin, the findings and facts that the domain has now, events, end.
 * 'finding' is the record as JSON; it carries "key" and "first_seen" (seconds). End marks
 * open findings that were not named as cleared (of a complete audit only). False from
 * history_end(): nothing of it was written. */
void history_begin(struct history *h, const struct history_audit *a);
/* An open finding that was not named, and is not cleared either. */
void history_stays(struct history *h, const char *key, int64_t first_seen);
void history_finding(struct history *h, const char *key, int64_t first_seen, struct json_object *finding);
void history_fact(struct history *h, const char *fact, const char *held, const char *value, uint64_t digest);
void history_event(struct history *h, const char *event, struct json_object *obj);
bool history_end(struct history *h);

/* The domain is gone: its findings and facts end at 'time'. */
void history_gone(struct history *h, const char *identity, int64_t time);

/* What was open of a domain when the last emtd ended. */
struct history_load {
	void (*finding)(void *arg, const char *key, int64_t first_seen, int64_t last_seen, struct json_object *f);
	void (*fact)(void *arg, const char *fact, const char *held, const char *value, uint64_t digest);
	void *arg;
};
void history_load(struct history *h, const char *identity, const struct history_load *to);

/* ---- questions ---- */

enum history_what { HISTORY_FINDINGS, HISTORY_AUDITS, HISTORY_FACTS, HISTORY_EVENTS, HISTORY_NR };

struct history_query {
	enum history_what what;
	const char *domain;   /* identity, uuid, name, id or source; NULL = all */
	int64_t since, until; /* what was so at some time between; seconds */
	int64_t after;        /* id of the row before; 0 = from the first */
	unsigned int limit;   /* rows at most, so that no read lasts long */
};
/* Rows in the order of their ids, as objects whose names are those of the record kinds of
 * `history`; 'row' owns them. Returns the last id, 0 when there are no more, -1 on error. */
int64_t history_rows(struct history *h, const struct history_query *q, void (*row)(void *arg, struct json_object *o),
		     void *arg);

#endif
