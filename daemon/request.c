/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One request: may it be run here, and the process that runs it.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utlist.h>

#include "command/parse.h"
#include "emtd.h"
#include "feed.h"
#include "hook.h"
#include "watch.h"

#define PIECE 16384
#define HIGH_WATER (256u << 10)      /* bytes waiting for a client at which its worker is paused */
#define SLOW_GRACE 5000              /* milliseconds that a reader may do nothing when others need its place */
#define GRACE 2                      /* seconds between asking and killing */
#define WORKER_MEMORY (8ull << 30)   /* address space of a worker */

struct worker {
	struct server *s;
	struct client *c;        /* NULL: gone */
	struct emt_wire_request r;
	pid_t pid;               /* 0: waits for its turn; -1: ended */
	int status;              /* of waitpid() */
	int fd[2];               /* standard output and error; -1 = at its end */
	struct event *readable[2], *timer;
	struct feed *feed;       /* owned; NULL = none */
	bool paused, cancelled, late, slow;
	int64_t paused_at;       /* by watch_now_ms() */
	uint64_t bytes[2];
	struct worker *prev, *next;
};

static const char *const streams[2] = { "out", "err" };

/* ---- may it be run ---- */

/* Why not, or NULL. A client could have its own files read or written here with our
 * rights, so none may be named. */
static const char *forbidden(const struct client *c, const struct emt_parse *p)
{
	const struct emt_arg *a;

	if (!p->cmd)
		return "there is no command in it";
	if (p->cmd->right == EMT_RIGHT_CHANGE)
		return "changes the host: that is done by hand, on the host";
	if (p->cmd->right == EMT_RIGHT_HOST && !c->full)
		return "needs the full socket";
	for (unsigned int i = 0; (a = emt_command_arg(p->cmd, i)); i++)
		if (a->type == EMT_ARG_LINE)
			return "runs other commands: those are asked for one by one";
	for (size_t i = 0; i < p->nr; i++) {
		const struct emt_value *v = &p->values[i];

		if (v->arg->type == EMT_ARG_FILE || v->arg->type == EMT_ARG_OUTFILE)
			return "names a file: files are the client's own business";
		if (v->arg->type != EMT_ARG_SOURCE)
			continue;
		if (v->source->kind == EMT_SOURCE_P2M)
			return "is about the kernel that emtctl runs on: emtctl asks that itself";
		if (v->source->kind != EMT_SOURCE_XEN && v->source->kind != EMT_SOURCE_KVM)
			return "names a file as its source: emtctl opens that itself";
		if (v->source->costs && !(c->full && c->s->config.allow_costs))
			return "asks for calls that cost the host: allow_costs is off, or this is the read-only socket";
	}
	return NULL;
}

/* '*feed' is what a command that reads what emtd knows gets; NULL for others. */
static bool check(struct client *c, const struct emt_wire_request *r, struct feed **feed)
{
	const char *const *words = (const char *const *)r->words;
	struct emt_err err = { 0 };
	struct emt_parse p = { 0 };
	const char *why = NULL, *code = "refused";
	size_t len;
	char *line;

	if (words[0][0] == '-') {
		why = "begins with an option: name the command first";
	} else if (emt_parse_words(&p, words, r->nr, NULL, &err)) {
		why = err.text;
		code = "usage";
	} else {
		why = forbidden(c, &p);
		if (!why && p.cmd->feed && !(*feed = feed_new(c->s, &p)))
			why = "not enough memory";
	}
	log_line(LOG_LEVEL_INFO, "client %lu: %s %s%s%s", c->number, words[0], r->nr > 1 ? words[1] : "",
		 why ? ": refused: " : "", why ? why : "");
	if (why) {
		line = emt_wire_error(r->id, code, why, err.code ? err.next : "run emtctl as root on the host",
				      &len);
		client_send(c, line, len);
	}
	emt_parse_free(&p);
	return !why;
}

/* ---- the process ---- */

static pid_t spawn_worker(const struct worker *w, int in, int out, int err)
{
	const char *argv[EMT_WIRE_WORDS + 2] = { "emtctl" }, *env[5] = { "EMTCTL_DAEMON=no" };
	rlim_t cpu = w->feed ? 0 : w->s->config.request_timeout + 10;
	struct spawn how = { .path = w->s->config.emtctl, .argv = argv, .env = env, .fd = { in, out, err },
			     .journal = w->s->config.journal,
			     .cpu = cpu, .memory = WORKER_MEMORY };
	const struct config *c = &w->s->config;
	char terminal[64], past[sizeof(c->socket) + 32];

	for (size_t i = 0; i < w->r.nr; i++)
		argv[i + 1] = w->r.words[i];
	snprintf(terminal, sizeof(terminal), "EMTCTL_TERMINAL=%u%s", w->r.width, w->r.colour ? ",colour" : "");
	env[1] = terminal;
	/* a report has what is remembered of its domain */
	snprintf(past, sizeof(past), "EMTCTL_HISTORY=%s", *c->socket ? c->socket : c->read_socket);
	env[2] = past;
	if (w->feed)
		env[3] = "EMTCTL_FEED=yes";
	return spawn_start(&how);
}

static void finish(struct worker *w);

/* A process that waits for its reader takes no processor, and no place of max_workers. */
static void set_paused(struct worker *w, bool paused)
{
	if (w->paused == paused)
		return;
	w->paused = paused;
	w->paused_at = watch_now_ms();
	if (w->pid > 0 && !w->feed) {
		w->s->nr_workers += paused ? -1 : 1;
		w->s->nr_paused += paused ? 1 : -1;
	}
}

static void on_output(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	int i = fd == w->fd[1];
	char text[PIECE];
	ssize_t n = read(fd, text, sizeof(text));
	size_t len;
	char *line;

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		event_del(w->readable[i]);
		close(w->fd[i]);
		w->fd[i] = -1;
		finish(w);
		return;
	}
	w->bytes[i] += (uint64_t)n;
	if (!w->c)
		return;
	line = emt_wire_piece(w->r.id, streams[i], text, (size_t)n, &len);
	if (!client_send(w->c, line, len)) {
		worker_kill(w); /* the end will show that a piece is missing */
	} else if (evbuffer_get_length(bufferevent_get_output(w->c->bev)) > HIGH_WATER) {
		set_paused(w, true);
		for (int k = 0; k < 2; k++)
			if (w->fd[k] >= 0)
				event_del(w->readable[k]);
		workers_turn(w->s);
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct timeval grace = { .tv_sec = GRACE };
	struct worker *w = arg;

	(void)fd, (void)what;
	if (w->pid <= 0)
		return;
	if (w->late || w->cancelled) {
		kill(-w->pid, SIGKILL);
		return;
	}
	log_line(LOG_LEVEL_WARNING, "client %lu: its command takes more than %u s", w->c ? w->c->number : 0,
		 w->s->config.request_timeout);
	w->late = true;
	kill(-w->pid, SIGTERM);
	event_add(w->timer, &grace);
}

/* Those that wait for events hold no place that others need. */
static unsigned int *running(struct worker *w)
{
	return w->feed ? &w->s->nr_watchers : &w->s->nr_workers;
}

/* 0, or what could not be had. */
static const char *start(struct worker *w)
{
	struct timeval limit = { .tv_sec = w->s->config.request_timeout };
	int out[2] = { -1, -1 }, err[2] = { -1, -1 }, in = -1;

	if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC) || (w->feed && feed_open(w->feed, &in))) {
		for (int i = 0; i < 2; i++) {
			if (out[i] >= 0)
				close(out[i]);
			if (err[i] >= 0)
				close(err[i]);
		}
		return "no descriptors are left";
	}
	w->pid = spawn_worker(w, in, out[1], err[1]);
	close(out[1]);
	close(err[1]);
	if (in >= 0)
		close(in);
	w->fd[0] = out[0];
	w->fd[1] = err[0];
	if (w->pid < 0) {
		close(out[0]);
		close(err[0]);
		w->fd[0] = w->fd[1] = -1;
		w->pid = 0;
		return "no process can be had";
	}
	++*running(w);
	w->timer = evtimer_new(w->s->base, on_timer, w);
	for (int i = 0; i < 2; i++) {
		evutil_make_socket_nonblocking(w->fd[i]);
		w->readable[i] = event_new(w->s->base, w->fd[i], EV_READ | EV_PERSIST, on_output, w);
	}
	if (!w->timer || !w->readable[0] || !w->readable[1]) {
		kill(-w->pid, SIGKILL);
		return NULL; /* it ends, and is told of as killed */
	}
	if (!w->feed) /* that ends when its client does */
		event_add(w->timer, &limit);
	event_add(w->readable[0], NULL);
	event_add(w->readable[1], NULL);
	return NULL;
}

static void release(struct worker *w)
{
	for (int i = 0; i < 2; i++) {
		if (w->readable[i])
			event_free(w->readable[i]);
		if (w->fd[i] >= 0)
			close(w->fd[i]);
	}
	if (w->timer)
		event_free(w->timer);
	feed_free(w->feed);
	if (w->c)
		w->c->worker = NULL;
	DL_DELETE(w->s->workers, w);
	emt_wire_request_free(&w->r);
	free(w);
}

static void fail(struct worker *w, const char *code, const char *text)
{
	size_t len;
	char *line = emt_wire_error(w->r.id, code, text, "try again later", &len);

	if (w->c)
		client_send(w->c, line, len);
	else
		free(line);
	release(w);
}

/* All places are taken, some by commands whose readers do nothing: the one that did so
 * longest makes room, or soon will. */
static void make_room(struct server *s)
{
	struct timeval soon = { .tv_sec = 1 };
	struct worker *w, *longest = NULL;

	DL_FOREACH(s->workers, w)
		if (w->paused && w->pid > 0 && !w->slow && !w->feed && (!longest || w->paused_at < longest->paused_at))
			longest = w;
	if (longest && watch_now_ms() - longest->paused_at >= SLOW_GRACE) {
		log_line(LOG_LEVEL_WARNING, "client %lu: does not read, and others wait: its command is ended",
			 longest->c ? longest->c->number : 0);
		longest->slow = true;
		worker_kill(longest);
	} else if (longest) {
		event_add(s->turn, &soon);
	}
}

/* In the order in which they came. */
void workers_turn(struct server *s)
{
	struct worker *w, *next;
	bool full = false;

	DL_FOREACH_SAFE(s->workers, w, next) {
		const char *why;

		if (w->pid || *running(w) >= (w->feed ? s->config.max_watchers : s->config.max_workers))
			continue;
		if (!w->feed && s->nr_workers + s->nr_paused >= s->config.max_workers + s->config.max_slow) {
			if (!full)
				make_room(s);
			full = true;
			continue;
		}
		why = start(w);
		if (why)
			fail(w, "busy", why);
	}
}

/* Tell the end once the process is gone and all it said was sent on. */
static void finish(struct worker *w)
{
	size_t len;
	char *line;

	if (w->pid != -1 || (w->c && (w->fd[0] >= 0 || w->fd[1] >= 0)))
		return;
	if (!w->c) {
		release(w);
		return;
	}
	if (!WIFEXITED(w->status)) {
		fail(w, w->cancelled ? "cancelled" : w->late ? "timeout" : w->slow ? "too_slow" : "crashed",
		     w->cancelled ? "the command was cancelled" : w->late ? "the command took too long" :
		     w->slow ? "its output was not read, and others waited" :
		     "the command ended by a signal; the daemon's log has the number");
		return;
	}
	line = emt_wire_end(w->r.id, WEXITSTATUS(w->status), w->bytes[0], w->bytes[1], &len);
	client_send(w->c, line, len);
	release(w);
}

/* ---- what the rest of the daemon calls ---- */

void worker_kill(struct worker *w)
{
	if (w->pid > 0)
		kill(-w->pid, SIGKILL);
}

void worker_resume(struct worker *w)
{
	if (!w->paused)
		return;
	set_paused(w, false);
	for (int i = 0; i < 2; i++)
		if (w->fd[i] >= 0)
			event_add(w->readable[i], NULL);
}

void worker_orphan(struct worker *w)
{
	w->c->worker = NULL;
	w->c = NULL;
	if (!w->pid) {
		release(w);
		return;
	}
	worker_kill(w);
	if (w->pid == -1)
		release(w);
}

void workers_ended(struct server *s, pid_t pid, int status)
{
	struct worker *w, *next;

	DL_FOREACH_SAFE(s->workers, w, next) {
		if (w->pid != pid)
			continue;
		if (w->paused && !w->feed)
			s->nr_paused--;
		else
			--*running(w);
		kill(-pid, SIGKILL);
		w->pid = -1;
		w->status = status;
		if (WIFSIGNALED(status))
			log_line(LOG_LEVEL_WARNING, "process %d ended by signal %d", (int)pid, WTERMSIG(status));
		finish(w);
	}
}

void workers_reap(struct server *s)
{
	struct rusage used;
	int status;
	pid_t pid;

	while ((pid = wait4(-1, &status, WNOHANG, &used)) > 0)
		if (!watch_ended(s->watch, pid, status, &used) && !hooks_ended(s->hooks, pid, status))
			workers_ended(s, pid, status);
	workers_turn(s);
}

static void cancel(struct client *c, uint64_t id)
{
	struct timeval grace = { .tv_sec = GRACE };
	struct worker *w = c->worker;

	if (!w || w->r.id != id)
		return; /* it ended meanwhile */
	w->cancelled = true;
	if (!w->pid) {
		fail(w, "cancelled", "the command was cancelled");
		return;
	}
	if (w->pid > 0)
		kill(-w->pid, SIGINT);
	if (w->timer)
		event_add(w->timer, &grace);
}

static bool run(struct client *c, struct emt_wire_request *r)
{
	struct feed *feed = NULL;
	struct worker *w;
	size_t len;
	char *line;

	if (c->worker) {
		line = emt_wire_error(r->id, "busy", "one command at a time on a connection", "open another", &len);
		return client_send(c, line, len);
	}
	if (!check(c, r, &feed))
		return true;
	w = calloc(1, sizeof(*w));
	if (!w) {
		feed_free(feed);
		return false;
	}
	w->feed = feed;
	w->s = c->s;
	w->c = c;
	w->r = *r;
	w->fd[0] = w->fd[1] = -1;
	memset(r, 0, sizeof(*r));
	c->worker = w;
	DL_APPEND(c->s->workers, w);
	workers_turn(c->s);
	return true;
}

bool request_begin(struct client *c, const char *line, size_t len)
{
	struct emt_wire_request r;
	struct emt_err err = { 0 };
	bool stay = true;
	size_t n;
	char *text;

	if (emt_wire_request_parse(&r, line, len, &err)) {
		text = emt_wire_error(r.id, "bad_request", err.text, err.next, &n);
		client_send(c, text, n);
		stay = false;
	} else if (r.verb == EMT_WIRE_CANCEL) {
		cancel(c, r.id);
	} else if (r.verb == EMT_WIRE_PING) {
		text = emt_wire_end(r.id, 0, 0, 0, &n);
		stay = client_send(c, text, n);
	} else {
		stay = run(c, &r);
	}
	emt_wire_request_free(&r);
	return stay;
}
