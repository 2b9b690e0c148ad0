/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process that audits a watched source, or lists domains, and its reply.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "watch.h"

#define REPLY_MAX (32u << 20)          /* bytes of a reply that are believed */
#define MEMORY (8ull << 30)            /* address space of the process */
#define NICE 10
#define SLACK 4                        /* an audit may wait: its wall time is so many times its CPU time */

struct observing {
	struct watch *w;
	struct watched *src;       /* NULL: the listing, or the source is gone */
	bool list;
	pid_t pid;
	int fd[2];                 /* its output and errors; -1 = at the end */
	struct event *readable[2], *timer;
	struct evbuffer *out;
	char errors[600];          /* the first of what it says there */
	size_t said;
	uint64_t bytes;
	bool too_much, late;
	int64_t began, due;        /* milliseconds, monotonic */
};

void observing_forget(struct observing *job, const struct watched *src)
{
	if (job->src == src)
		job->src = NULL;
}

static void release(struct observing *job)
{
	for (int i = 0; i < 2; i++) {
		if (job->readable[i])
			event_free(job->readable[i]);
		if (job->fd[i] >= 0)
			close(job->fd[i]);
	}
	if (job->timer)
		event_free(job->timer);
	if (job->out)
		evbuffer_free(job->out);
	free(job);
}

void observing_kill(struct observing *job)
{
	job->w->job = NULL;
	if (job->pid > 0)
		kill(-job->pid, SIGKILL);
	release(job);
}

/* ---- its reply ---- */

static const char *text_of(struct json_object *o, const char *name)
{
	struct json_object *v;

	return json_object_object_get_ex(o, name, &v) && v ? json_object_get_string(v) : "";
}

static void list_result(struct observing *job, struct json_object *lines, bool whole)
{
	if (whole)
		live_take(job->w, lines);
}

static void source_result(struct observing *job, struct json_object *lines, struct json_object *end)
{
	struct watched *src = job->src;
	struct json_object *complete, *last, *ms = NULL;
	size_t n = json_object_array_length(lines);
	char text[400];

	src->ended = watch_now_ms();
	src->latency = (double)(src->ended - job->due) / 1000;
	if (end && *text_of(end, "exit_status") != '2') {
		last = n ? json_object_array_get_idx(lines, n - 1) : NULL;
		if (last)
			json_object_object_get_ex(last, "milliseconds", &ms);
		json_object_object_get_ex(end, "complete", &complete);
		state_take(src, lines, json_object_get_boolean(complete), (uint64_t)json_object_get_int64(ms));
		walks_ended(src);
		return;
	}
	if (end) {
		struct json_object *error;

		json_object_object_get_ex(end, "error", &error);
		snprintf(text, sizeof(text), "%.150s: %.240s", text_of(error, "subject"), text_of(error, "text"));
	} else if (job->late) {
		snprintf(text, sizeof(text), "the audit took more than watch_timeout allows");
	} else if (job->too_much) {
		snprintf(text, sizeof(text), "the audit says more than is believed");
	} else {
		snprintf(text, sizeof(text), "the audit ended early: %.300s", *job->errors ? job->errors : "it says nothing");
	}
	state_failed(src, text);
}

/* The process is gone and both streams are at their end: the reply is whole, or never
 * will be. */
static void done(struct observing *job)
{
	struct json_object *lines = json_object_new_array(), *end = NULL;
	struct watch *w = job->w;
	struct watched *src = job->src;
	char *line;
	size_t len;

	while (!job->too_much && (line = evbuffer_readln(job->out, &len, EVBUFFER_EOL_LF))) {
		struct json_object *o = json_tokener_parse(line);

		free(line);
		if (!json_object_is_type(o, json_type_object)) {
			json_object_put(o);
			continue;
		}
		if (!strcmp(text_of(o, "record"), "end")) {
			json_object_put(end);
			end = o;
		} else {
			json_object_array_add(lines, o);
		}
	}
	w->job = NULL;
	if (job->list)
		list_result(job, lines, end && *text_of(end, "exit_status") == '0');
	else if (src)
		source_result(job, lines, end);
	json_object_put(lines);
	json_object_put(end);
	release(job);
	w->textfile_stale = true;
	watch_schedule(w);
}

static void on_output(evutil_socket_t fd, short what, void *arg)
{
	struct observing *job = arg;
	int i = fd == job->fd[1];
	char text[16384];
	ssize_t n = read(fd, text, sizeof(text));

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && i) {
		size_t room = sizeof(job->errors) - 1 - job->said, take = (size_t)n < room ? (size_t)n : room;

		memcpy(job->errors + job->said, text, take);
		job->said += take;
		return;
	}
	if (n > 0) {
		job->bytes += (uint64_t)n;
		if (job->bytes > REPLY_MAX || evbuffer_add(job->out, text, (size_t)n)) {
			job->too_much = true;
			if (job->pid > 0)
				kill(-job->pid, SIGKILL);
		}
		return;
	}
	event_del(job->readable[i]);
	close(job->fd[i]);
	job->fd[i] = -1;
	if (job->pid < 0 && job->fd[0] < 0 && job->fd[1] < 0)
		done(job);
}

bool observing_is(const struct observing *job, pid_t pid)
{
	return job->pid == pid;
}

int64_t observing_used(const struct observing *job, int64_t cpu_us)
{
	int64_t took = (watch_now_ms() - job->began) * 1000;

	return job->src && job->src->spec.costs && took > cpu_us ? took : cpu_us;
}

void observing_ended(struct observing *job)
{
	kill(-job->pid, SIGKILL); /* what it started holds the streams open */
	job->pid = -1;
	if (job->fd[0] < 0 && job->fd[1] < 0)
		done(job);
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	struct observing *job = arg;

	(void)fd, (void)what;
	job->late = true;
	if (job->pid > 0)
		kill(-job->pid, SIGKILL);
}

/* ---- its start ---- */

static bool start(struct observing *job, const struct watched *src)
{
	char since[512];
	const char *argv[8] = { "emtctl", src ? "observe" : "domains", "--ndjson" };
	size_t n = 3;
	static const char *const env[] = { "EMTCTL_DAEMON=no", NULL };
	const struct config *c = &job->w->s->config;
	struct timeval limit = { .tv_sec = (time_t)c->watch_timeout * SLACK };
	int out[2] = { -1, -1 }, err[2] = { -1, -1 };
	struct spawn how = { .path = c->emtctl, .argv = argv, .env = env, .fd = { -1, -1, -1 },
			     .journal = c->journal,
			     .cpu = c->watch_timeout, .memory = MEMORY, .nice = NICE };

	if (src)
		argv[n++] = src->text;
	if (src && src->spec.kind == EMT_SOURCE_CAPTURE)
		argv[n++] = "--salvage";
	if (src && walks_path(src, since, sizeof(since))) {
		argv[n++] = "--since";
		argv[n++] = since;
	}
	if (pipe2(out, O_CLOEXEC))
		return false;
	job->fd[0] = out[0];
	if (pipe2(err, O_CLOEXEC)) {
		close(out[1]);
		return false;
	}
	job->fd[1] = err[0];
	how.fd[1] = out[1];
	how.fd[2] = err[1];
	for (int i = 0; i < 2; i++) {
		evutil_make_socket_nonblocking(job->fd[i]);
		job->readable[i] = event_new(job->w->s->base, job->fd[i], EV_READ | EV_PERSIST, on_output, job);
	}
	job->timer = evtimer_new(job->w->s->base, on_late, job);
	job->out = evbuffer_new();
	job->pid = job->readable[0] && job->readable[1] && job->timer && job->out ? spawn_start(&how) : -1;
	close(out[1]);
	close(err[1]);
	if (job->pid < 0)
		return false;
	event_add(job->readable[0], NULL);
	event_add(job->readable[1], NULL);
	event_add(job->timer, &limit);
	return true;
}

bool observing_start(struct watch *w, struct watched *src)
{
	struct observing *job = calloc(1, sizeof(*job));

	if (!job)
		return false;
	job->w = w;
	job->src = src;
	job->list = !src;
	job->fd[0] = job->fd[1] = -1;
	job->began = watch_now_ms();
	job->due = src ? src->due : job->began;
	if (!start(job, src)) {
		log_line(LOG_LEVEL_WARNING, "cannot start %s: %s", w->s->config.emtctl, strerror(errno));
		release(job);
		return false;
	}
	w->job = job;
	if (src) {
		src->asked = false;
		src->due = job->began + (int64_t)w->s->config.watch_interval * 1000;
	}
	return true;
}
