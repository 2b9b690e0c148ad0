/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * History: what is read back, and what goes.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "emtd.h"
#include "history_internal.h"
#include "output/format.h"

#define DAY 86400
#define SHARE 10 /* percent of the oldest that go at a time when the file is too large */

static const char *text(sqlite3_stmt *s, int col)
{
	const unsigned char *t = sqlite3_column_text(s, col);

	return t ? (const char *)t : "";
}

void history_load(struct history *h, const char *identity, const struct history_load *to)
{
	sqlite3_stmt *s = history_sql(h, SQL_LOAD_FINDINGS);

	if (!s)
		return;
	sqlite3_bind_text(s, 1, identity, -1, SQLITE_TRANSIENT);
	while (sqlite3_step(s) == SQLITE_ROW) {
		struct json_object *f = json_tokener_parse(text(s, 3));

		if (f)
			to->finding(to->arg, text(s, 0), sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2), f);
		json_object_put(f);
	}
	sqlite3_reset(s);
	s = history_sql(h, SQL_LOAD_FACTS);
	if (!s)
		return;
	sqlite3_bind_text(s, 1, identity, -1, SQLITE_TRANSIENT);
	while (sqlite3_step(s) == SQLITE_ROW)
		to->fact(to->arg, text(s, 0), text(s, 1), text(s, 2), (uint64_t)sqlite3_column_int64(s, 3));
	sqlite3_reset(s);
}

/* ---- retention ---- */

static int64_t number(struct history *h, const char *sql)
{
	sqlite3_stmt *s = NULL;
	int64_t n = 0;

	if (sqlite3_prepare_v2(h->db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return n;
}

/* Bytes in use: pages that are free are given back or used again. */
static int64_t used(struct history *h)
{
	return (number(h, "PRAGMA page_count") - number(h, "PRAGMA freelist_count")) * number(h, "PRAGMA page_size");
}

bool history_full(struct history *h)
{
	return used(h) > (int64_t)h->limits.mib << 20;
}

/* What ended before 'limit' goes. The last audit of a domain stays, and what is open. */
static void drop_before(struct history *h, int64_t limit)
{
	static const char *const sql[] = {
		"DELETE FROM audits WHERE time < %lld AND id NOT IN (SELECT max(id) FROM audits GROUP BY domain)",
		"DELETE FROM events WHERE time < %lld",
		"DELETE FROM findings WHERE cleared IS NOT NULL AND cleared < %lld",
		"DELETE FROM facts WHERE ended IS NOT NULL AND ended < %lld",
		"DELETE FROM audits WHERE domain IN (SELECT id FROM domains WHERE last_seen < %lld)",
		"DELETE FROM findings WHERE domain IN (SELECT id FROM domains WHERE last_seen < %lld)",
		"DELETE FROM facts WHERE domain IN (SELECT id FROM domains WHERE last_seen < %lld)",
		"DELETE FROM events WHERE domain IN (SELECT id FROM domains WHERE last_seen < %lld)",
		"DELETE FROM domains WHERE last_seen < %lld",
	};
	char line[300];

	for (size_t i = 0; i < EMT_ARRAY_SIZE(sql); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(line, sizeof(line), sql[i], (long long)limit);
#pragma GCC diagnostic pop
		sqlite3_exec(h->db, line, NULL, NULL, NULL);
	}
}

void history_prune(struct history *h, int64_t now)
{
	int64_t most = (int64_t)h->limits.mib << 20;

	h->pruned = now;
	if (!h->db)
		return;
	drop_before(h, now - (int64_t)h->limits.days * DAY);
	/* room is left for the log */
	for (int i = 0; i < 40 && used(h) > most * 3 / 4; i++) {
		int64_t first = number(h, "SELECT min(t) FROM (SELECT min(time) t FROM audits UNION SELECT min(time)"
				       " FROM events UNION SELECT min(cleared) FROM findings)");
		int64_t step = (now - first) * SHARE / 100;

		if (first <= 0 || first >= now)
			break;
		drop_before(h, first + (step ? step : 1));
	}
	sqlite3_exec(h->db, "PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
}

/* ---- questions ---- */

static void add_text(struct json_object *o, const char *name, const char *value)
{
	json_object_object_add(o, name, *value ? json_object_new_string(value) : NULL);
}

static void add_time(struct json_object *o, const char *name, sqlite3_stmt *s, int col)
{
	char when[40];

	json_object_object_add(o, name, sqlite3_column_type(s, col) == SQLITE_NULL ? NULL :
			       json_object_new_string(emt_fmt_time(sqlite3_column_int64(s, col), when, sizeof(when))));
}

static void add_number(struct json_object *o, const char *name, sqlite3_stmt *s, int col)
{
	json_object_object_add(o, name, json_object_new_int64(sqlite3_column_int64(s, col)));
}

/* The record, with what stands in columns over it. */
static struct json_object *record(sqlite3_stmt *s, int col)
{
	struct json_object *o = json_tokener_parse(text(s, col));

	return json_object_is_type(o, json_type_object) ? o : NULL;
}

/* id, source, domid, name, uuid of all */
static void add_domain(struct json_object *o, sqlite3_stmt *s)
{
	add_text(o, "source", text(s, 1));
	add_number(o, "domain", s, 2);
	add_text(o, "name", text(s, 3));
	add_text(o, "uuid", text(s, 4));
}

static struct json_object *finding_row(sqlite3_stmt *s)
{
	struct json_object *o = record(s, 9);

	if (!o)
		return NULL;
	add_domain(o, s);
	add_text(o, "key", text(s, 5));
	add_time(o, "first_seen", s, 6);
	add_time(o, "last_seen", s, 7);
	add_time(o, "cleared", s, 8);
	add_number(o, "audits", s, 10);
	return o;
}

static struct json_object *audit_row(sqlite3_stmt *s)
{
	struct json_object *o = json_object_new_object();

	add_domain(o, s);
	add_time(o, "time", s, 5);
	add_number(o, "milliseconds", s, 6);
	json_object_object_add(o, "complete", json_object_new_boolean(sqlite3_column_int(s, 7)));
	add_text(o, "release", text(s, 8));
	add_number(o, "entries", s, 9);
	add_number(o, "findings", s, 10);
	add_text(o, "worst", text(s, 11));
	return o;
}

static struct json_object *fact_row(sqlite3_stmt *s)
{
	struct json_object *o = json_object_new_object();

	add_domain(o, s);
	add_text(o, "fact", text(s, 5));
	add_text(o, "held", text(s, 6));
	add_text(o, "value", text(s, 7));
	add_time(o, "first_seen", s, 8);
	add_time(o, "last_seen", s, 9);
	add_time(o, "ended", s, 10);
	return o;
}

static struct json_object *event_row(sqlite3_stmt *s)
{
	return record(s, 5);
}

#define DOMAIN "SELECT t.id, d.source, d.domid, d.name, d.uuid, "
#define FROM(table) " FROM " table " t JOIN domains d ON d.id = t.domain WHERE t.id > ?1 AND (?2 IS NULL OR" \
	" d.identity = ?2 OR d.name = ?2 OR d.uuid = ?2 OR d.source = ?2 OR d.source = 'xen:' || ?2 OR" \
	" CAST(d.domid AS TEXT) = ?2) AND "
#define ORDER " ORDER BY t.id LIMIT ?5"

int64_t history_rows(struct history *h, const struct history_query *q, void (*row)(void *arg, struct json_object *o),
		     void *arg)
{
	static const struct {
		const char *sql;
		struct json_object *(*row)(sqlite3_stmt *s);
	} kinds[HISTORY_NR] = {
		[HISTORY_FINDINGS] = { DOMAIN "t.key, t.first_seen, t.last_seen, t.cleared, t.record, t.audits"
			FROM("findings") "t.first_seen <= ?4 AND (t.cleared IS NULL OR t.cleared > ?3)" ORDER,
			finding_row },
		[HISTORY_AUDITS] = { DOMAIN "t.time, t.milliseconds, t.complete, t.release, t.entries, t.findings,"
			" t.worst" FROM("audits") "t.time BETWEEN ?3 AND ?4" ORDER, audit_row },
		[HISTORY_FACTS] = { DOMAIN "t.fact, t.held, t.value, t.first_seen, t.last_seen, t.ended"
			FROM("facts") "t.first_seen <= ?4 AND (t.ended IS NULL OR t.ended > ?3)" ORDER, fact_row },
		[HISTORY_EVENTS] = { DOMAIN "t.record" FROM("events") "t.time BETWEEN ?3 AND ?4" ORDER, event_row },
	};
	sqlite3_stmt *s = NULL;
	int64_t last = 0;
	int rc = h->db ? sqlite3_prepare_v2(h->db, kinds[q->what].sql, -1, &s, NULL) : SQLITE_ERROR;

	if (rc != SQLITE_OK)
		return -1;
	sqlite3_bind_int64(s, 1, q->after);
	if (q->domain)
		sqlite3_bind_text(s, 2, q->domain, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(s, 3, q->since);
	sqlite3_bind_int64(s, 4, q->until);
	sqlite3_bind_int64(s, 5, q->limit);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct json_object *o = kinds[q->what].row(s);

		last = sqlite3_column_int64(s, 0);
		if (o)
			row(arg, o);
	}
	sqlite3_finalize(s);
	return rc == SQLITE_DONE ? last : -1;
}
