/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is watched, when it is looked at, and what that may cost.
 */
#include "watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#include "feed.h"
#include "http.h"

#define SOON 100        /* milliseconds: a file is often written more than once */
#define SETTLE 1000     /* milliseconds: a toolstack makes many calls for one purpose */
#define CREDIT_MOST 10  /* seconds of processor time that can be saved up */
#define TEXTFILE 2000   /* milliseconds from one textfile to the next */
#define LATEST 60000    /* milliseconds that the timer sleeps at most */

int64_t watch_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- sources ---- */

static struct watched *find(struct watch *w, const char *text)
{
	struct watched *src;

	DL_FOREACH(w->sources, src)
		if (!strcmp(src->text, text))
			return src;
	return NULL;
}

struct watched *watch_add(struct watch *w, const char *text, bool dynamic)
{
	struct watched *src = find(w, text);
	struct emt_err err = { 0 };

	if (src) {
		src->stays = true;
		src->dynamic &= dynamic;
		return src;
	}
	src = calloc(1, sizeof(*src));
	if (!src || emt_source_parse(&src->spec, text, &err)) {
		log_line(LOG_LEVEL_WARNING, "%s: cannot be watched: %s", text, err.code ? err.text : "not enough memory");
		free(src);
		return NULL;
	}
	src->w = w;
	src->wd = -1;
	src->stays = true;
	src->dynamic = dynamic;
	src->due = watch_now_ms();
	snprintf(src->text, sizeof(src->text), "%s", text);
	if (src->spec.costs && !w->s->config.allow_costs)
		log_line(LOG_LEVEL_WARNING, "%s: is not audited: it asks for calls that cost the host, and allow_costs is off",
			 text);
	DL_APPEND(w->sources, src);
	w->nr_sources++;
	files_add(src);
	log_line(LOG_LEVEL_INFO, "watching %s", text);
	return src;
}

void watch_remove(struct watched *src)
{
	struct watch *w = src->w;

	log_line(LOG_LEVEL_INFO, "no longer watching %s", src->text);
	while (src->domains)
		state_gone(src, src->domains);
	files_remove(src);
	walks_forget(src);
	if (w->job)
		observing_forget(w->job, src);
	DL_DELETE(w->sources, src);
	w->nr_sources--;
	json_object_put(src->families);
	member_free(src);
}

void watch_touch(struct watched *src, enum watch_by by)
{
	int64_t soon = watch_now_ms() + (by == WATCH_BY_JOURNAL ? SETTLE : SOON);

	if (src->due <= soon)
		return;
	src->due = soon;
	src->asked = true;
	src->w->asked[by]++;
	watch_schedule(src->w);
}

void watch_list_soon(struct watch *w)
{
	int64_t soon = watch_now_ms() + SETTLE;

	if (w->list_due == INT64_MAX || w->list_due <= soon)
		return;
	w->list_due = soon;
	watch_schedule(w);
}

/* ---- the budget ---- */

static void credit(struct watch *w, int64_t now)
{
	w->credit += (now - w->credited) * 10 * w->s->config.watch_budget; /* percent of ms, in us */
	w->credited = now;
	if (w->credit > CREDIT_MOST * 1000000ll)
		w->credit = CREDIT_MOST * 1000000ll;
}

/* Milliseconds until there is credit again. */
static int64_t wait_for_credit(const struct watch *w)
{
	return w->credit > 0 ? 0 : -w->credit / (10 * w->s->config.watch_budget) + 1;
}

void watch_spent(struct watch *w, int64_t cpu_us, int64_t us)
{
	w->credit -= us;
	w->cpu_us += (uint64_t)cpu_us;
	w->spent_us += (uint64_t)us;
}

bool watch_may_spend(struct watch *w)
{
	credit(w, watch_now_ms());
	return w->credit > 0;
}

bool watch_ended(struct watch *w, pid_t pid, int status, const struct rusage *used)
{
	int64_t us = (used->ru_utime.tv_sec + used->ru_stime.tv_sec) * 1000000ll + used->ru_utime.tv_usec +
		     used->ru_stime.tv_usec;

	(void)status;
	if (!w || !w->job)
		return false;
	if (!observing_is(w->job, pid))
		return false;
	watch_spent(w, us, observing_used(w->job, us));
	observing_ended(w->job);
	return true;
}

/* ---- when ---- */

static bool may(const struct watch *w, const struct watched *src)
{
	return !src->spec.costs || w->s->config.allow_costs;
}

/* An event does not break the pause after an audit; the interval knows none. */
static int64_t due_of(const struct watched *src)
{
	bool live = src->spec.kind == EMT_SOURCE_XEN || src->spec.kind == EMT_SOURCE_KVM;
	int64_t rested = src->ended + (int64_t)src->w->s->config.watch_pause * 1000;

	return src->asked && live && src->ended && src->due < rested ? rested : src->due;
}

/* The source that waits longest; '*next' becomes the earliest time at which any is due. */
static struct watched *first_due(struct watch *w, int64_t now, int64_t *next)
{
	struct watched *src, *first = NULL;

	DL_FOREACH(w->sources, src) {
		int64_t due = due_of(src);

		if (!may(w, src))
			continue;
		if (due < *next)
			*next = due;
		if (due <= now && (!first || src->due < first->due))
			first = src;
	}
	return first;
}

void watch_schedule(struct watch *w)
{
	int64_t now = watch_now_ms(), next = now + LATEST, wait;
	struct watched *src = first_due(w, now, &next);
	bool list = w->list_due <= now;
	struct timeval tv;

	credit(w, now);
	journal_attach(w->journal);
	/* it goes to the disk, which takes time: not for each audit */
	if (w->textfile_stale && w->textfile_due <= now) {
		w->textfile_stale = false;
		w->textfile_due = now + TEXTFILE;
		exposition_file(w);
	}
	if (w->job)
		return; /* its end calls here again */
	wait = wait_for_credit(w);
	if ((src || list) && wait) {
		w->waits++;
		next = now + wait;
	} else if (list) {
		w->list_due = now + (int64_t)w->s->config.watch_events * 1000;
		if (observing_start(w, NULL))
			return;
	} else if (src) {
		if (observing_start(w, src))
			return;
		src->due = now + (int64_t)w->s->config.watch_interval * 1000;
	}
	if (w->list_due < next && !wait)
		next = w->list_due;
	if (w->textfile_stale && w->textfile_due < next)
		next = w->textfile_due;
	wait = next > now ? next - now : 1;
	tv = (struct timeval){ .tv_sec = wait / 1000, .tv_usec = wait % 1000 * 1000 };
	event_add(w->timer, &tv);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	watch_schedule(arg);
}

/* ---- configuration ---- */

static void spread(struct watch *w)
{
	int64_t now = watch_now_ms();
	unsigned int i = 0;
	struct watched *src;

	/* those that are new begin one after the other over the interval, the first at once */
	DL_FOREACH(w->sources, src)
		if (!src->audits && !src->failures && w->nr_sources > 8)
			src->due = now + (int64_t)w->s->config.watch_interval * 1000 * i++ / w->nr_sources / 4;
}

void watch_configure(struct watch *w)
{
	const struct config *c = &w->s->config;
	struct history_limits limits = { c->history_days, c->history_mib };
	struct watched *src, *next;
	bool live = false;

	history_set_limits(w->history, &limits);
	if (w->journal)
		journal_configure(w->journal);
	DL_FOREACH(w->sources, src)
		src->stays = src->dynamic;
	w->all = w->all_costs = false;
	for (unsigned int i = 0; i < c->nr_watch; i++) {
		if (!strncmp(c->watch[i], "all", 3) && (!c->watch[i][3] || c->watch[i][3] == ',')) {
			w->all = live = true;
			w->all_costs = c->watch[i][3] == ',';
			continue;
		}
		src = watch_add(w, c->watch[i], false);
		live |= src && src->spec.kind == EMT_SOURCE_XEN;
	}
	DL_FOREACH_SAFE(w->sources, src, next)
		if (!src->stays || (src->dynamic && !w->all))
			watch_remove(src);
	w->list_due = live && c->watch_events ? watch_now_ms() : INT64_MAX;
	walks_start(w);
	spread(w);
	watch_schedule(w);
}

struct watch *watch_new(struct server *s)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->s = s;
	w->list_due = INT64_MAX;
	w->credited = watch_now_ms();
	w->credit = CREDIT_MOST * 1000000ll / 10;
	w->timer = evtimer_new(s->base, on_timer, w);
	files_start(w);
	w->journal = journal_new(w);
	if (!w->timer) {
		watch_free(w);
		return NULL;
	}
	return w;
}

bool watch_open(struct watch *w)
{
	struct history_limits limits = { w->s->config.history_days, w->s->config.history_mib };

	w->history = history_open(w->s->config.history, &limits, (int64_t)time(NULL));
	return w->history != NULL;
}

void watch_free(struct watch *w)
{
	struct watched *src, *next;

	if (!w)
		return;
	if (w->job)
		observing_kill(w->job);
	DL_FOREACH_SAFE(w->sources, src, next) {
		while (src->domains) {
			struct seen_domain *d = src->domains;

			DL_DELETE(src->domains, d);
			state_free(d);
		}
		DL_DELETE(w->sources, src);
		json_object_put(src->families);
		member_free(src);
	}
	files_stop(w);
	journal_free(w->journal);
	if (w->timer)
		event_free(w->timer);
	history_close(w->history);
	json_object_put(w->listed);
	free(w);
}
