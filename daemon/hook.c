/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utlist.h>

#include "watch.h"

#define WAITING 256  /* findings that wait for the hook */
#define RUNNING 4    /* hooks that run at a time */
#define WORDS 32
#define MEMORY (1ull << 30)

/* ---- the log of findings ---- */

static bool writable(void)
{
	struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

void log_event(struct watch *w, struct json_object *event)
{
	const char *text;
	size_t len;

	if (!w->s->config.findings_log)
		return;
	if (!writable()) {
		w->lost_log++;
		w->lost_log_all++;
		return;
	}
	if (w->lost_log)
		dprintf(STDOUT_FILENO, "{\"record\":\"lost\",\"events\":%llu}\n", (unsigned long long)w->lost_log);
	w->lost_log = 0;
	text = json_object_to_json_string_ext(event, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	len = strlen(text);
	dprintf(STDOUT_FILENO, "%.*s\n", (int)len, text);
}

/* ---- the hook ---- */

struct hook {
	pid_t pid;                 /* 0: waits */
	char *text;                /* owned: what it reads */
	struct event *timer;
	struct hooks *all;
	struct hook *prev, *next;
};

struct hooks {
	struct server *s;
	struct hook *list;
	unsigned int waiting, running;
	uint64_t runs, failures, lost;
};

struct hooks *hooks_new(struct server *s)
{
	struct hooks *h = calloc(1, sizeof(*h));

	if (h)
		h->s = s;
	return h;
}

static void release(struct hook *one)
{
	DL_DELETE(one->all->list, one);
	if (one->timer)
		event_free(one->timer);
	free(one->text);
	member_free(one);
}

void hooks_free(struct hooks *h)
{
	struct hook *one, *next;

	if (!h)
		return;
	DL_FOREACH_SAFE(h->list, one, next) {
		if (one->pid > 0)
			kill(-one->pid, SIGKILL);
		release(one);
	}
	free(h);
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	struct hook *one = arg;

	(void)fd, (void)what;
	log_line(LOG_LEVEL_WARNING, "the hook takes more than %u s: ended", one->all->s->config.hook_timeout);
	kill(-one->pid, SIGKILL);
}

/* A file in memory that holds the text: the hook need not read it, and nobody waits. */
static int input(const char *text)
{
	int fd = memfd_create("emtd-hook", MFD_CLOEXEC);
	size_t len = strlen(text);

	if (fd >= 0 && (write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool start(struct hook *one)
{
	const struct config *c = &one->all->s->config;
	struct timeval limit = { .tv_sec = c->hook_timeout };
	char words[sizeof(c->hook)], *at = words, *word;
	const char *argv[WORDS + 1] = { NULL };
	struct spawn how = { .argv = argv, .fd = { -1, 2, 2 }, .memory = MEMORY, .cpu = c->hook_timeout };
	size_t n = 0;

	snprintf(words, sizeof(words), "%s", c->hook);
	while (n < WORDS && (word = strsep(&at, " \t")))
		if (*word)
			argv[n++] = word;
	how.path = argv[0];
	how.fd[0] = input(one->text);
	one->timer = evtimer_new(one->all->s->base, on_late, one);
	if (n && how.fd[0] >= 0 && one->timer)
		one->pid = spawn_start(&how);
	if (how.fd[0] >= 0)
		close(how.fd[0]);
	if (one->pid <= 0)
		return false;
	event_add(one->timer, &limit);
	return true;
}

static void start_waiting(struct hooks *h)
{
	struct hook *one, *next;

	DL_FOREACH_SAFE(h->list, one, next) {
		if (h->running >= RUNNING)
			return;
		if (one->pid)
			continue;
		h->waiting--;
		if (start(one)) {
			h->running++;
			h->runs++;
		} else {
			log_line(LOG_LEVEL_WARNING, "the hook cannot be started: %s", strerror(errno));
			h->failures++;
			release(one);
		}
	}
}

void hooks_event(struct hooks *h, struct json_object *event)
{
	const char *text = json_object_to_json_string_ext(event, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	struct json_object *severity = NULL;
	struct hook *one;

	json_object_object_get_ex(event, "severity", &severity);
	if (!h || !*h->s->config.hook || !severity ||
	    emt_severity_parse(json_object_get_string(severity)) < (int)h->s->config.hook_severity)
		return;
	one = h->waiting < WAITING ? calloc(1, sizeof(*one)) : NULL;
	if (one && asprintf(&one->text, "%s\n", text) < 0) {
		free(one);
		one = NULL;
	}
	if (!one) {
		h->lost++;
		log_line(LOG_LEVEL_WARNING, "the hook is not run for a finding: %u wait already", h->waiting);
		return;
	}
	one->all = h;
	h->waiting++;
	DL_APPEND(h->list, one);
	start_waiting(h);
}

void hooks_stats(const struct hooks *h, struct hook_stats *out)
{
	*out = (struct hook_stats){ h->runs, h->failures, h->lost };
}

bool hooks_ended(struct hooks *h, pid_t pid, int status)
{
	struct hook *one;

	if (!h)
		return false;
	DL_FOREACH(h->list, one)
		if (one->pid == pid)
			break;
	if (!one)
		return false;
	kill(-pid, SIGKILL);
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		h->failures++;
		log_line(LOG_LEVEL_WARNING, "the hook ended with %s %d", WIFEXITED(status) ? "status" : "signal",
			 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	}
	h->running--;
	release(one);
	start_waiting(h);
	return true;
}
