/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What history.c and history_query.c share. */
#ifndef EMT_DAEMON_HISTORY_INTERNAL_H
#define EMT_DAEMON_HISTORY_INTERNAL_H

#include <limits.h>
#include <sqlite3.h>

#include "history.h"

enum {
	SQL_BEGIN, SQL_COMMIT, SQL_ROLLBACK, SQL_DOMAIN_PUT, SQL_DOMAIN_GET, SQL_AUDIT, SQL_FINDING_UPDATE,
	SQL_FINDING_INSERT, SQL_FINDINGS_CLEAR, SQL_FACT_GET, SQL_FACT_SAME, SQL_FACT_END, SQL_FACT_INSERT, SQL_EVENT,
	SQL_LOAD_FINDINGS, SQL_LOAD_FACTS, SQL_GONE_FINDINGS, SQL_GONE_FACTS, SQL_NR
};

struct history {
	char path[PATH_MAX];
	struct history_limits limits;
	sqlite3 *db;                 /* NULL: nothing is kept */
	sqlite3_stmt *sql[SQL_NR];
	struct history_audit audit;  /* of the transaction */
	int64_t domain;              /* id of its domain */
	bool open;                   /* a transaction is */
	int failed;                  /* SQLite's code of what failed first in it */
	bool told;                   /* that writing fails; once until it works again */
	uint64_t written, lost, lost_since;
	int64_t pruned;              /* when, seconds since 1970 */
	bool foreign;                /* the file is not ours: it is not tried again */
	int64_t next_try;            /* when there is no file */
};

/* A statement ready to be bound, or NULL when nothing is kept or it failed. */
sqlite3_stmt *history_sql(struct history *h, int which);
/* Run it to its end; a failure is remembered for the transaction. True: done. */
bool history_run(struct history *h, sqlite3_stmt *s);
/* Keep 'limits': what is old goes, and more while the file is too large. */
void history_prune(struct history *h, int64_t now);
/* The file is as large as it may be. */
bool history_full(struct history *h);
/* SQLite says that the file is no database, or a damaged one: it is set aside, and a new
 * one begun. */
void history_damaged(struct history *h, int code);

#endif
