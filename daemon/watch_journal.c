/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal of what toolstacks do, as it grows: a call that changes a watched domain has
 * it audited soon. BPF programs see the calls in a service of its own; here a file is read.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "source/journal.h"
#include "watch.h"
#include "xen/toolstack.h"

#define PAUSE 100          /* milliseconds from one look to the next, however fast it grows */
#define LOOK (256 << 10)   /* bytes of one look */
#define BEHIND (2 << 20)   /* bytes beyond which they are not read, but all domains audited */
#define LINE 4096          /* bytes of a line that are kept */
#define MASK (IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM)

struct journal {
	struct watch *w;
	char path[256];
	int fd;                /* of the file; -1 = there is none */
	int inotify, wd;       /* of its folder; -1 = none */
	struct event *grows, *look;
	bool waiting;          /* for the next look */
	char line[LINE];
	size_t have;           /* bytes of the line that is not whole */
	bool too_long;
	struct journal_stats stats;
};

/* ---- what a line says ---- */

static void touch_all(struct watch *w)
{
	struct watched *src;

	DL_FOREACH(w->sources, src)
		if (src->spec.kind == EMT_SOURCE_XEN)
			watch_touch(src, WATCH_BY_JOURNAL);
}

static void call(struct journal *j, struct json_object *line)
{
	const char *event = emt_journal_text(line, "event");
	int what = event ? emt_event_by_name(event) : -1;
	struct watched *src;
	uint64_t domid;
	bool listed;

	if (what == EMT_EV_FOREIGN) /* changes nothing: our own audits look at guests too */
		return;
	j->stats.calls++;
	if (!emt_journal_number(line, "domain", &domid)) { /* the host's */
		touch_all(j->w);
		return;
	}
	src = live_source(j->w, (uint32_t)domid, &listed);
	if (src)
		watch_touch(src, WATCH_BY_JOURNAL);
	/* who that is, the list tells */
	if (!listed || what == EMT_EV_CREATE || what == EMT_EV_DESTROY)
		watch_list_soon(j->w);
}

static bool lost_calls(struct json_object *line)
{
	static const char *const names[] = { "lost", "unpaired", "unreadable" };
	uint64_t n;

	for (size_t i = 0; i < EMT_ARRAY_SIZE(names); i++)
		if (emt_journal_number(line, names[i], &n) && n)
			return true;
	return false;
}

static void one_line(struct journal *j)
{
	struct json_object *line;
	const char *record = NULL;

	j->line[j->have] = '\0';
	line = json_tokener_parse(j->line);
	if (json_object_is_type(line, json_type_object))
		record = emt_journal_text(line, "record");
	if (record && !strcmp(record, "toolstack_event"))
		call(j, line);
	else if (record && (!strcmp(record, "header") || (!strcmp(record, "watching") && lost_calls(line))))
		touch_all(j->w); /* what happened meanwhile is not known */
	json_object_put(line);
}

static void take(struct journal *j, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\n') {
			if (!j->too_long)
				one_line(j);
			j->have = 0;
			j->too_long = false;
		} else if (j->have + 1 < sizeof(j->line)) {
			j->line[j->have++] = text[i];
		} else {
			j->too_long = true;
		}
	}
}

/* ---- the file ---- */

static void leave(struct journal *j)
{
	if (j->fd >= 0)
		close(j->fd);
	j->fd = -1;
	j->have = 0;
	j->too_long = false;
}

/* 'old': what it has already happened before anything was audited. */
static void enter(struct journal *j, bool old)
{
	j->fd = open(j->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (j->fd >= 0 && old)
		lseek(j->fd, 0, SEEK_END);
}

/* Another file under the same name, or the same with less in it. */
static bool replaced(const struct journal *j, const struct stat *now)
{
	struct stat by_name;

	return stat(j->path, &by_name) || by_name.st_ino != now->st_ino || by_name.st_dev != now->st_dev ||
	       now->st_size < lseek(j->fd, 0, SEEK_CUR);
}

static int64_t cpu_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void later(struct journal *j)
{
	const struct timeval tv = { .tv_usec = PAUSE * 1000 };

	if (!j->waiting)
		event_add(j->look, &tv);
	j->waiting = true;
}

static void skip(struct journal *j, off_t at, off_t size)
{
	char last = 0;

	j->stats.skipped += (uint64_t)(size - at);
	lseek(j->fd, size, SEEK_SET);
	j->have = 0;
	j->too_long = pread(j->fd, &last, 1, size - 1) != 1 || last != '\n'; /* the rest of a line */
	touch_all(j->w);
	watch_list_soon(j->w);
}

static void look(struct journal *j)
{
	static char text[16384];
	struct stat st;
	size_t all = 0;
	ssize_t n = 1;
	off_t at;

	if (j->fd >= 0 && (fstat(j->fd, &st) || replaced(j, &st)))
		leave(j);
	if (j->fd < 0)
		enter(j, false);
	if (j->fd < 0 || fstat(j->fd, &st))
		return;
	at = lseek(j->fd, 0, SEEK_CUR);
	if (st.st_size - at > BEHIND) {
		skip(j, at, st.st_size);
		return;
	}
	while (all < LOOK && (n = read(j->fd, text, sizeof(text))) > 0) {
		take(j, text, (size_t)n);
		all += (size_t)n;
	}
	if (n > 0)
		later(j);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct journal *j = arg;
	int64_t began = cpu_now_us(), used;

	(void)fd, (void)what;
	j->waiting = false;
	if (watch_may_spend(j->w))
		look(j);
	else
		later(j);
	used = cpu_now_us() - began;
	watch_spent(j->w, used, used);
}

static void on_growth(evutil_socket_t fd, short what, void *arg)
{
	char text[8192] __attribute__((aligned(__alignof__(struct inotify_event))));
	struct journal *j = arg;
	ssize_t n;

	(void)what;
	while ((n = read(fd, text, sizeof(text))) > 0)
		for (char *at = text; at < text + n;) {
			const struct inotify_event *e = (const struct inotify_event *)(const void *)at;

			at += sizeof(*e) + e->len;
			if (e->mask & IN_IGNORED)
				j->wd = -1; /* the folder is gone */
			if ((e->mask & IN_Q_OVERFLOW) || (e->len && !strcmp(e->name, strrchr(j->path, '/') + 1)))
				later(j);
		}
}

/* ---- from outside ---- */

static void attach(struct journal *j, bool old)
{
	char folder[sizeof(j->path)];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", j->path);
	slash = strrchr(folder, '/');
	slash[slash == folder] = '\0';
	j->wd = inotify_add_watch(j->inotify, folder, MASK | IN_ONLYDIR);
	if (j->wd < 0)
		return; /* the service makes it */
	leave(j);
	enter(j, old);
	log_line(LOG_LEVEL_INFO, "following the journal of toolstack calls, %s%s", j->path,
		 j->fd < 0 ? ", which does not exist yet" : "");
	later(j);
}

/* A folder that was not there before: all that is in it is new. */
void journal_attach(struct journal *j)
{
	if (j && j->wd < 0 && *j->path)
		attach(j, false);
}

void journal_configure(struct journal *j)
{
	const char *path = j->w->s->config.journal;

	if (!strcmp(j->path, path))
		return;
	leave(j);
	if (j->wd >= 0)
		inotify_rm_watch(j->inotify, j->wd);
	j->wd = -1;
	snprintf(j->path, sizeof(j->path), "%s", path);
	if (!*path)
		return;
	attach(j, true);
	if (j->wd < 0)
		log_line(LOG_LEVEL_INFO, "%s: no such folder yet: calls of the toolstack begin no audit", j->path);
}

void journal_stats(const struct journal *j, struct journal_stats *out)
{
	*out = j ? j->stats : (struct journal_stats){ 0 };
	out->followed = j && j->fd >= 0;
}

struct journal *journal_new(struct watch *w)
{
	struct journal *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->w = w;
	j->fd = j->wd = -1;
	j->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	j->look = evtimer_new(w->s->base, on_look, j);
	j->grows = j->inotify >= 0 ? event_new(w->s->base, j->inotify, EV_READ | EV_PERSIST, on_growth, j) : NULL;
	if (!j->look || !j->grows || event_add(j->grows, NULL)) {
		log_line(LOG_LEVEL_WARNING, "the journal cannot be followed: %s", strerror(errno));
		journal_free(j);
		return NULL;
	}
	return j;
}

void journal_free(struct journal *j)
{
	if (!j)
		return;
	leave(j);
	if (j->grows)
		event_free(j->grows);
	if (j->look)
		event_free(j->look);
	if (j->inotify >= 0)
		close(j->inotify);
	free(j);
}
