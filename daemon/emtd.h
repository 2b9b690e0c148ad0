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
#include <sys/resource.h>
#include <sys/types.h>

#include "audit/audit.h"
#include "base/err.h"
#include "wire/message.h"

/* ---- config.c ---- */

#define CONFIG_WATCH 128

struct config {
	char socket[108];       /* all that a command may do but changes; "" = none */
	char read_socket[108];  /* commands that read, nothing that costs; "" = none */
	char read_group[64];    /* group that may use it; "" = all users */
	char emtctl[256];       /* the program that answers */
	unsigned int max_clients, max_workers;
	unsigned int max_slow;  /* commands beside max_workers that wait for their reader */
	unsigned int request_timeout, idle_timeout; /* seconds */
	unsigned int max_watchers; /* commands that wait for what emtd sees */
	bool allow_costs;       /* on the full socket, and for what is watched */

	/* watching */
	char watch[CONFIG_WATCH][256]; /* sources, or "all" */
	unsigned int nr_watch;
	unsigned int watch_interval, watch_events; /* seconds */
	unsigned int watch_pause;    /* seconds that an event leaves a live source alone */
	unsigned int watch_budget;   /* percent of one CPU */
	char journal[256];           /* of toolstack calls; "" = none */
	unsigned int watch_timeout;  /* CPU seconds of one audit */
	bool findings_log;           /* events on standard output, as NDJSON */
	char textfile[256];          /* metrics; "" = none */
	unsigned int http_port;      /* of localhost, for metrics; 0 = none */
	char history[256];           /* "" = none */
	unsigned int history_days, history_mib;
	char walks[256];             /* folder for the last walk of each source; "" = none */
	unsigned int walks_mib;      /* all of them */
	unsigned int flush_open;     /* seconds that a missed flush stays a finding */
	char hook[512];              /* words of a command; "" = none */
	enum emt_severity hook_severity;
	unsigned int hook_timeout;   /* seconds */
};
extern const char config_default_path[];
void config_defaults(struct config *c);
/* "key = value" lines over what 'c' has. Errors name the line. */
int config_read(struct config *c, const char *path, struct emt_err *err);

/* ---- server.c ---- */

struct server;
struct worker;
struct watch;
struct hooks;
struct http;

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
	struct watch *watch;
	struct hooks *hooks;
	struct http *http;
	unsigned int nr_watchers; /* processes that wait for what is watched */
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

/* A child that is a worker's ended. */
void workers_ended(struct server *s, pid_t pid, int status);

/* ---- spawn.c ---- */

struct spawn {
	const char *path;
	const char *const *argv;     /* NULL at the end */
	const char *const *env;      /* beside the usual; may be NULL */
	const char *journal;         /* that it is to read; NULL or "" = as it is built */
	int fd[3];                   /* -1 = /dev/null */
	rlim_t cpu, memory;          /* seconds, bytes of address space; 0 = no limit */
	int nice;
};
/* Its process id, which leads a process group; -1: errno says why. */
pid_t spawn_start(const struct spawn *s);

/* free() of a member of a list or hash. It stands in a file of its own: the static analyser
 * takes those apart for memory that is used after it was freed. */
void member_free(void *member);

/* ---- confine.c ---- */

/* Give up what is not needed any more, for good. */
void confine(void);

/* ---- log.c ---- */

/* One line to standard error, with the syslog level in front as systemd reads it. */
enum { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_INFO = 6 };
void log_line(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_err(const struct emt_err *err);

#endif
