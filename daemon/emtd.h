/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emtd: commands about live domains, run for those who may not touch the hypervisor
 * themselves. Each request runs in a process of its own (emtctl): a crash, a leak or a
 * hang of one never reaches another, and its output is the same by construction.
 */
#ifndef EMT_DAEMON_EMTD_H
#define EMT_DAEMON_EMTD_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <sys/types.h>

#include "base/err.h"
#include "wire/message.h"

/* ---- config.c ---- */

struct config {
	char socket[108];       /* all that a command may do but changes; "" = none */
	char read_socket[108];  /* commands that read, nothing that costs; "" = none */
	char read_group[64];    /* group that may use it; "" = all users */
	char emtctl[256];       /* the program that answers */
	unsigned int max_clients, max_workers;
	unsigned int max_slow;  /* commands beside max_workers that wait for their reader */
	unsigned int request_timeout, idle_timeout; /* seconds */
	bool allow_costs;       /* on the full socket */
};
extern const char config_default_path[];
void config_defaults(struct config *c);
/* "key = value" lines over what 'c' has. Errors name the line. */
int config_read(struct config *c, const char *path, struct emt_err *err);

/* ---- server.c ---- */

struct server;
struct worker;

struct client {
	struct server *s;
	struct bufferevent *bev;
	unsigned long number;   /* in the log */
	bool full;              /* came by the full socket */
	bool leaving;           /* closed once all is sent */
	bool held;              /* not read from until it has read its replies */
	pid_t pid;
	uid_t uid;
	struct worker *worker;  /* of its request; NULL = none */
	struct client *prev, *next;
};

struct server {
	struct event_base *base;
	struct config config;
	const char *config_path;
	struct evconnlistener *listener[2]; /* full, read-only */
	bool inherited[2];      /* systemd's: their files are not ours to remove */
	struct event *signals[4], *resume, *turn;
	struct client *clients;
	struct worker *workers;
	unsigned int nr_clients;
	unsigned int nr_workers, nr_paused; /* processes that run, and that wait for their reader */
	unsigned long next_number;
	int status;
};

int server_start(struct server *s, struct emt_err *err);
void server_stop(struct server *s);
/* Queue a line to a client and free it; false when it is gone for lack of memory. */
bool client_send(struct client *c, char *line, size_t len);

/* ---- request.c ---- */

/* Begin what a line asks for; the answer follows. False: the client is to leave. */
bool request_begin(struct client *c, const char *line, size_t len);
/* Its client is leaving, or cancels. */
void worker_kill(struct worker *w);
/* The client's queue is short again: read on. */
void worker_resume(struct worker *w);
/* Its client is gone: nobody wants the rest. */
void worker_orphan(struct worker *w);
/* Children that ended. */
void workers_reap(struct server *s);
/* Begin what waits, as far as there is room. */
void workers_turn(struct server *s);

/* ---- log.c ---- */

/* One line to standard error, with the syslog level in front as systemd reads it. */
enum { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_INFO = 6 };
void log_line(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_err(const struct emt_err *err);

#endif
