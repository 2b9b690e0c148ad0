/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "history.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emtd.h"
#include "history_internal.h"

#define APPLICATION 0x656d7464 /* "emtd" */
#define SCHEMA 1
#define PRUNE_EVERY 600        /* seconds */
#define LOOK_EVERY 50          /* audits, at the size of the file */
#define RETRY 300          /* seconds, where there is no file */

static const char schema[] =
	"CREATE TABLE domains (id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE, source TEXT NOT NULL,"
	" domid INTEGER NOT NULL, name TEXT NOT NULL, uuid TEXT NOT NULL, first_seen INTEGER NOT NULL,"
	" last_seen INTEGER NOT NULL);"
	"CREATE TABLE audits (id INTEGER PRIMARY KEY, domain INTEGER NOT NULL REFERENCES domains(id),"
	" time INTEGER NOT NULL, milliseconds INTEGER NOT NULL, complete INTEGER NOT NULL, release TEXT NOT NULL,"
	" entries INTEGER NOT NULL, findings INTEGER NOT NULL, worst TEXT, summary TEXT NOT NULL);"
	"CREATE INDEX audits_time ON audits (time);"
	"CREATE TABLE findings (id INTEGER PRIMARY KEY, domain INTEGER NOT NULL REFERENCES domains(id),"
	" key TEXT NOT NULL, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, cleared INTEGER,"
	" audits INTEGER NOT NULL, record TEXT NOT NULL, UNIQUE (domain, key, first_seen));"
	"CREATE INDEX findings_open ON findings (domain) WHERE cleared IS NULL;"
	"CREATE TABLE facts (id INTEGER PRIMARY KEY, domain INTEGER NOT NULL REFERENCES domains(id),"
	" fact TEXT NOT NULL, held TEXT NOT NULL, value TEXT NOT NULL, digest INTEGER NOT NULL,"
	" first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, ended INTEGER);"
	"CREATE INDEX facts_open ON facts (domain, fact) WHERE ended IS NULL;"
	"CREATE TABLE events (id INTEGER PRIMARY KEY, domain INTEGER NOT NULL REFERENCES domains(id),"
	" time INTEGER NOT NULL, event TEXT NOT NULL, record TEXT NOT NULL);"
	"CREATE INDEX events_time ON events (time);";

static const char *const texts[SQL_NR] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_DOMAIN_PUT] =
		"INSERT INTO domains (identity, source, domid, name, uuid, first_seen, last_seen)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT (identity) DO UPDATE SET"
		" source = ?2, domid = ?3, name = ?4, uuid = ?5, last_seen = ?6",
	[SQL_DOMAIN_GET] = "SELECT id FROM domains WHERE identity = ?1",
	[SQL_AUDIT] = "INSERT INTO audits (domain, time, milliseconds, complete, release, entries, findings, worst,"
		      " summary) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[SQL_FINDING_UPDATE] = "UPDATE findings SET last_seen = ?4, cleared = NULL, audits = audits + 1, record = ?5"
			       " WHERE domain = ?1 AND key = ?2 AND first_seen = ?3",
	[SQL_FINDING_INSERT] = "INSERT INTO findings (domain, key, first_seen, last_seen, audits, record)"
			       " VALUES (?1, ?2, ?3, ?4, 1, ?5)",
	[SQL_FINDINGS_CLEAR] = "UPDATE findings SET cleared = ?2 WHERE domain = ?1 AND cleared IS NULL AND"
			       " id NOT IN (SELECT id FROM named)",
	[SQL_FACT_GET] = "SELECT digest, held FROM facts WHERE domain = ?1 AND fact = ?2 AND ended IS NULL",
	[SQL_FACT_SAME] = "UPDATE facts SET last_seen = ?3 WHERE domain = ?1 AND fact = ?2 AND ended IS NULL",
	[SQL_FACT_END] = "UPDATE facts SET ended = ?3 WHERE domain = ?1 AND fact = ?2 AND ended IS NULL",
	[SQL_FACT_INSERT] = "INSERT INTO facts (domain, fact, held, value, digest, first_seen, last_seen)"
			    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
	[SQL_EVENT] = "INSERT INTO events (domain, time, event, record) VALUES (?1, ?2, ?3, ?4)",
	[SQL_LOAD_FINDINGS] = "SELECT key, f.first_seen, f.last_seen, record FROM findings f JOIN domains d ON"
			      " d.id = f.domain WHERE d.identity = ?1 AND cleared IS NULL",
	[SQL_LOAD_FACTS] = "SELECT fact, held, value, digest FROM facts f JOIN domains d ON d.id = f.domain"
			   " WHERE d.identity = ?1 AND ended IS NULL",
	[SQL_GONE_FINDINGS] = "UPDATE findings SET cleared = ?2 WHERE cleared IS NULL AND"
			      " domain = (SELECT id FROM domains WHERE identity = ?1)",
	[SQL_GONE_FACTS] = "UPDATE facts SET ended = ?2 WHERE ended IS NULL AND"
			   " domain = (SELECT id FROM domains WHERE identity = ?1)",
};

/* ---- the file ---- */

static void shut(struct history *h)
{
	for (int i = 0; i < SQL_NR; i++) {
		sqlite3_finalize(h->sql[i]);
		h->sql[i] = NULL;
	}
	sqlite3_close(h->db);
	h->db = NULL;
	h->open = false;
}

static int64_t number(struct history *h, const char *sql)
{
	sqlite3_stmt *s = NULL;
	int64_t n = -1;

	if (sqlite3_prepare_v2(h->db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return n;
}

static bool sound(struct history *h)
{
	sqlite3_stmt *s = NULL;
	bool ok = false;

	if (sqlite3_prepare_v2(h->db, "PRAGMA quick_check(1)", -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		ok = !strcmp((const char *)sqlite3_column_text(s, 0), "ok");
	sqlite3_finalize(s);
	return ok;
}

/* SQLite's code; SQLITE_OK: ready. */
static int make(struct history *h)
{
	char head[200];
	int rc;

	rc = sqlite3_exec(h->db, "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(h->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return rc;
	snprintf(head, sizeof(head), "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION, SCHEMA);
	rc = sqlite3_exec(h->db, schema, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(h->db, head, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(h->db, "COMMIT", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		sqlite3_exec(h->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

enum state { STATE_READY, STATE_DAMAGED, STATE_FOREIGN, STATE_FAILED };

static enum state look(struct history *h)
{
	int64_t version, application, tables;
	struct stat st;
	bool empty = stat(h->path, &st) || !st.st_size;
	int rc = sqlite3_open_v2(h->path, &h->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW, NULL);

	if (rc != SQLITE_OK)
		return rc == SQLITE_NOTADB || rc == SQLITE_CORRUPT ? STATE_DAMAGED : STATE_FAILED;
	sqlite3_busy_timeout(h->db, 1000);
	if (empty) {
		rc = make(h);
		return rc == SQLITE_OK ? STATE_READY : rc == SQLITE_NOTADB || rc == SQLITE_CORRUPT ? STATE_DAMAGED :
		       STATE_FAILED;
	}
	version = number(h, "PRAGMA user_version");
	application = number(h, "PRAGMA application_id");
	tables = number(h, "SELECT count(*) FROM sqlite_master");
	rc = sqlite3_errcode(h->db);
	if (version < 0 || application < 0 || tables < 0)
		return rc == SQLITE_NOTADB || rc == SQLITE_CORRUPT ? STATE_DAMAGED : STATE_FAILED;
	if (!tables && !application) /* made, and ended before the first commit */
		return make(h) == SQLITE_OK ? STATE_READY : STATE_FAILED;
	if (application != APPLICATION || version != SCHEMA)
		return STATE_FOREIGN;
	return sound(h) ? STATE_READY : STATE_DAMAGED;
}

/* Under another name, with its log; true when it is out of the way. */
static bool set_aside(struct history *h, int64_t now)
{
	char to[PATH_MAX], from[PATH_MAX + 8], tail[PATH_MAX + 8];

	for (unsigned int i = 1; i < 100; i++) {
		if (snprintf(to, sizeof(to), "%s.damaged-%lld.%u", h->path, (long long)now, i) >= (int)sizeof(to))
			return false;
		if (access(to, F_OK))
			break;
	}
	if (rename(h->path, to)) {
		log_line(LOG_LEVEL_WARNING, "%s: cannot be set aside: %s; no history is kept", h->path, strerror(errno));
		return false;
	}
	snprintf(from, sizeof(from), "%s-wal", h->path);
	snprintf(tail, sizeof(tail), "%s-wal", to);
	if (rename(from, tail) && errno != ENOENT)
		unlink(from);
	snprintf(from, sizeof(from), "%s-shm", h->path);
	unlink(from);
	log_line(LOG_LEVEL_WARNING, "%s: damaged; set aside as %s, a new history begins: what it held is lost to "
		 "`history`, sqlite3's .recover may save it", h->path, to);
	return true;
}

static void begin_file(struct history *h, int64_t now)
{
	enum state state = look(h);

	if (state == STATE_DAMAGED) {
		shut(h);
		state = set_aside(h, now) ? look(h) : STATE_FAILED;
	}
	if (state == STATE_READY) {
		sqlite3_exec(h->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
			     " PRAGMA wal_autocheckpoint = 256; PRAGMA journal_size_limit = 1048576; PRAGMA foreign_keys = ON;"
			     " CREATE TEMP TABLE named (id INTEGER PRIMARY KEY)", NULL, NULL, NULL);
		return;
	}
	if (state == STATE_FOREIGN)
		log_line(LOG_LEVEL_WARNING, "%s: of a newer emtd, or of another program: left alone, no history is "
			 "kept; name another file with history =", h->path);
	else
		log_line(LOG_LEVEL_WARNING, "%s: %s; no history is kept", h->path,
			 h->db ? sqlite3_errmsg(h->db) : "cannot be opened");
	h->foreign = state == STATE_FOREIGN;
	h->next_try = now + RETRY;
	shut(h);
}

void history_damaged(struct history *h, int code)
{
	log_line(LOG_LEVEL_WARNING, "%s: %s", h->path, sqlite3_errstr(code));
	shut(h);
	if (set_aside(h, h->audit.time))
		begin_file(h, h->audit.time);
}

struct history *history_open(const char *path, const struct history_limits *limits, int64_t now)
{
	struct history *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->limits = *limits;
	if (*path) {
		snprintf(h->path, sizeof(h->path), "%s", path);
		begin_file(h, now);
	}
	history_prune(h, now);
	return h;
}

void history_close(struct history *h)
{
	if (!h)
		return;
	if (h->open)
		history_run(h, history_sql(h, SQL_ROLLBACK));
	shut(h);
	free(h);
}

void history_set_limits(struct history *h, const struct history_limits *limits)
{
	h->limits = *limits;
	h->pruned = 0;
}

void history_stats(const struct history *h, struct history_stats *out)
{
	char log[PATH_MAX + 8];
	struct stat st;

	*out = (struct history_stats){ .on = h->db != NULL, .written = h->written, .lost = h->lost };
	if (!h->db)
		return;
	snprintf(log, sizeof(log), "%s-wal", h->path);
	if (!stat(h->path, &st))
		out->bytes += (uint64_t)st.st_size;
	if (!stat(log, &st))
		out->bytes += (uint64_t)st.st_size;
}

/* ---- statements ---- */

static void fail(struct history *h, int code)
{
	if (h->failed == SQLITE_OK)
		h->failed = code;
}

sqlite3_stmt *history_sql(struct history *h, int which)
{
	if (!h->db)
		return NULL;
	if (!h->sql[which]) {
		int rc = sqlite3_prepare_v3(h->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, &h->sql[which], NULL);

		if (rc != SQLITE_OK)
			fail(h, rc);
	}
	if (h->sql[which])
		sqlite3_reset(h->sql[which]);
	return h->sql[which];
}

bool history_run(struct history *h, sqlite3_stmt *s)
{
	int rc;

	if (!s)
		return false;
	do
		rc = sqlite3_step(s);
	while (rc == SQLITE_ROW);
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	if (rc != SQLITE_DONE)
		fail(h, rc);
	return rc == SQLITE_DONE;
}

static void bind_text(sqlite3_stmt *s, int at, const char *text)
{
	if (text)
		sqlite3_bind_text(s, at, text, -1, SQLITE_TRANSIENT);
	else
		sqlite3_bind_null(s, at);
}

/* ---- writing an audit ---- */

static bool put_domain(struct history *h)
{
	const struct history_audit *a = &h->audit;
	sqlite3_stmt *s = history_sql(h, SQL_DOMAIN_PUT);

	if (!s)
		return false;
	bind_text(s, 1, a->identity);
	bind_text(s, 2, a->source);
	sqlite3_bind_int64(s, 3, a->domid);
	bind_text(s, 4, a->name);
	bind_text(s, 5, a->uuid);
	sqlite3_bind_int64(s, 6, a->time);
	if (!history_run(h, s))
		return false;
	s = history_sql(h, SQL_DOMAIN_GET);
	if (!s)
		return false;
	bind_text(s, 1, a->identity);
	if (sqlite3_step(s) == SQLITE_ROW)
		h->domain = sqlite3_column_int64(s, 0);
	else
		fail(h, SQLITE_ERROR);
	sqlite3_reset(s);
	return h->failed == SQLITE_OK;
}

void history_begin(struct history *h, const struct history_audit *a)
{
	sqlite3_stmt *s;

	if (!h->db && *h->path && !h->foreign && a->time >= h->next_try)
		begin_file(h, a->time);
	h->failed = SQLITE_OK;
	h->audit = *a;
	h->open = h->db && history_run(h, history_sql(h, SQL_BEGIN));
	if (!h->open || !put_domain(h))
		return;
	if (sqlite3_exec(h->db, "DELETE FROM named", NULL, NULL, NULL) != SQLITE_OK)
		fail(h, sqlite3_errcode(h->db));
	s = history_sql(h, SQL_AUDIT);
	if (!s)
		return;
	sqlite3_bind_int64(s, 1, h->domain);
	sqlite3_bind_int64(s, 2, a->time);
	sqlite3_bind_int64(s, 3, (int64_t)a->milliseconds);
	sqlite3_bind_int(s, 4, a->complete);
	bind_text(s, 5, a->release);
	sqlite3_bind_int64(s, 6, (int64_t)a->entries);
	sqlite3_bind_int64(s, 7, a->findings);
	bind_text(s, 8, a->worst);
	bind_text(s, 9, a->summary);
	history_run(h, s);
}

static bool going(const struct history *h)
{
	return h->open && h->failed == SQLITE_OK;
}

static void finding_values(struct history *h, sqlite3_stmt *s, const char *key, int64_t first_seen,
			   struct json_object *finding)
{
	sqlite3_bind_int64(s, 1, h->domain);
	bind_text(s, 2, key);
	sqlite3_bind_int64(s, 3, first_seen);
	sqlite3_bind_int64(s, 4, h->audit.time);
	bind_text(s, 5, json_object_to_json_string_ext(finding, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

void history_stays(struct history *h, const char *key, int64_t first_seen)
{
	char sql[300];

	if (!going(h))
		return;
	/* keys are our own hex digits */
	snprintf(sql, sizeof(sql), "INSERT OR IGNORE INTO named SELECT id FROM findings WHERE domain = %lld AND"
		 " key = '%.60s' AND first_seen = %lld", (long long)h->domain, key, (long long)first_seen);
	if (sqlite3_exec(h->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail(h, sqlite3_errcode(h->db));
}

void history_finding(struct history *h, const char *key, int64_t first_seen, struct json_object *finding)
{
	sqlite3_stmt *s = going(h) ? history_sql(h, SQL_FINDING_UPDATE) : NULL;

	if (!s)
		return;
	finding_values(h, s, key, first_seen, finding);
	if (!history_run(h, s))
		return;
	if (!sqlite3_changes(h->db)) {
		s = history_sql(h, SQL_FINDING_INSERT);
		if (!s)
			return;
		finding_values(h, s, key, first_seen, finding);
		history_run(h, s);
	}
	history_stays(h, key, first_seen);
}

static bool fact_step(struct history *h, int which, const char *fact)
{
	sqlite3_stmt *s = history_sql(h, which);

	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, h->domain);
	bind_text(s, 2, fact);
	sqlite3_bind_int64(s, 3, h->audit.time);
	return history_run(h, s);
}

void history_fact(struct history *h, const char *fact, const char *held, const char *value, uint64_t digest)
{
	sqlite3_stmt *s = going(h) ? history_sql(h, SQL_FACT_GET) : NULL;
	bool same = false;

	if (!s)
		return;
	sqlite3_bind_int64(s, 1, h->domain);
	bind_text(s, 2, fact);
	if (sqlite3_step(s) == SQLITE_ROW)
		same = (uint64_t)sqlite3_column_int64(s, 0) == digest &&
		       !strcmp((const char *)sqlite3_column_text(s, 1), held);
	sqlite3_reset(s);
	if (same) {
		fact_step(h, SQL_FACT_SAME, fact);
		return;
	}
	if (!fact_step(h, SQL_FACT_END, fact))
		return;
	s = history_sql(h, SQL_FACT_INSERT);
	if (!s)
		return;
	sqlite3_bind_int64(s, 1, h->domain);
	bind_text(s, 2, fact);
	bind_text(s, 3, held);
	bind_text(s, 4, value);
	sqlite3_bind_int64(s, 5, (int64_t)digest);
	sqlite3_bind_int64(s, 6, h->audit.time);
	history_run(h, s);
}

void history_event(struct history *h, const char *event, struct json_object *obj)
{
	sqlite3_stmt *s = going(h) ? history_sql(h, SQL_EVENT) : NULL;

	if (!s)
		return;
	sqlite3_bind_int64(s, 1, h->domain);
	sqlite3_bind_int64(s, 2, h->audit.time);
	bind_text(s, 3, event);
	bind_text(s, 4, json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	history_run(h, s);
}

static void tell_lost(struct history *h)
{
	h->lost++;
	h->lost_since++;
	if (!h->told)
		log_line(LOG_LEVEL_WARNING, "%s: %s; audits go on, their history is lost until it can be written again",
			 h->path, sqlite3_errstr(h->failed));
	h->told = true;
}

bool history_end(struct history *h)
{
	sqlite3_stmt *s;

	if (!h->db) {
		h->lost += *h->path != '\0';
		return false;
	}
	if (going(h) && h->audit.complete && (s = history_sql(h, SQL_FINDINGS_CLEAR))) {
		sqlite3_bind_int64(s, 1, h->domain);
		sqlite3_bind_int64(s, 2, h->audit.time);
		history_run(h, s);
	}
	if (going(h))
		history_run(h, history_sql(h, SQL_COMMIT));
	if (h->failed != SQLITE_OK) {
		int code = h->failed;

		/* SQLite may have rolled back by itself */
		if (h->open && !sqlite3_get_autocommit(h->db))
			history_run(h, history_sql(h, SQL_ROLLBACK));
		h->open = false;
		h->failed = code;
		tell_lost(h);
		if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB)
			history_damaged(h, code);
		return false;
	}
	h->open = false;
	h->written++;
	if (h->told)
		log_line(LOG_LEVEL_WARNING, "%s: written again; %llu audits are missing", h->path,
			 (unsigned long long)h->lost_since);
	h->told = false;
	h->lost_since = 0;
	if (h->audit.time >= h->pruned + PRUNE_EVERY || h->audit.time < h->pruned ||
	    (h->written % LOOK_EVERY == 0 && history_full(h)))
		history_prune(h, h->audit.time);
	return true;
}

void history_gone(struct history *h, const char *identity, int64_t time)
{
	static const int which[] = { SQL_GONE_FINDINGS, SQL_GONE_FACTS };

	for (size_t i = 0; i < EMT_ARRAY_SIZE(which); i++) {
		sqlite3_stmt *s = history_sql(h, which[i]);

		if (!s)
			return;
		bind_text(s, 1, identity);
		sqlite3_bind_int64(s, 2, time);
		history_run(h, s);
	}
}
