/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "feed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "watch.h"

#define ROOM (256u << 10) /* bytes that wait for a command at which events are lost to it */
#define LOW (32u << 10)
#define ROWS 200          /* of the history at a time */

enum feed_kind { FEED_WATCH, FEED_WAIT, FEED_HISTORY };

struct feed {
	struct server *s;
	enum feed_kind kind;
	char domain[300];          /* "" = all */
	int64_t since, until;      /* history: seconds since 1970 */
	enum history_what what;    /* history: being sent */
	bool audits, facts, events; /* history: wanted beside findings */
	bool fresh;                /* wait: only what is audited from now on */
	int64_t after;
	bool ended;
	uint64_t lost;             /* events since the last that went through */
	struct bufferevent *bev;   /* NULL: its process has not started, or is gone */
	struct feed *prev, *next;
};

static struct feed *feeds; /* of the one server that there is */
static uint64_t lost_all;

/* ---- lines ---- */

static void send_object(struct feed *f, struct json_object *o)
{
	const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	if (f->bev && text) {
		bufferevent_write(f->bev, text, strlen(text));
		bufferevent_write(f->bev, "\n", 1);
	}
}

static size_t waiting(const struct feed *f)
{
	return evbuffer_get_length(bufferevent_get_output(f->bev));
}

/* {"NAME": o}; 'o' is borrowed. */
static void send_as(struct feed *f, const char *name, struct json_object *o)
{
	struct json_object *line = json_object_new_object();

	json_object_object_add(line, name, json_object_get(o));
	send_object(f, line);
	json_object_put(line);
}

static void send_number(struct feed *f, const char *name, uint64_t n)
{
	struct json_object *o = json_object_new_int64((int64_t)n);

	send_as(f, name, o);
	json_object_put(o);
}

static void refuse(struct feed *f, const char *text, const char *next)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "text", json_object_new_string(text));
	json_object_object_add(o, "next", json_object_new_string(next));
	send_as(f, "error", o);
	json_object_put(o);
}

/* A live line: it is lost when too much waits already. */
static void offer(struct feed *f, const char *name, struct json_object *o)
{
	if (waiting(f) > ROOM) {
		f->lost++;
		lost_all++;
		return;
	}
	if (f->lost)
		send_number(f, "lost", f->lost);
	f->lost = 0;
	send_as(f, name, o);
}

/* ---- what it is about ---- */

static bool is_text(struct json_object *o, const char *name, const char *text)
{
	struct json_object *v;

	return json_object_object_get_ex(o, name, &v) && v && !strcmp(json_object_get_string(v), text);
}

/* By id, name, UUID or source, as events and numbers of domains have them. */
static bool about(const struct feed *f, struct json_object *o)
{
	char live[310];

	if (!*f->domain)
		return true;
	snprintf(live, sizeof(live), "xen:%s", f->domain);
	return is_text(o, "domain", f->domain) || is_text(o, "name", f->domain) || is_text(o, "uuid", f->domain) ||
	       is_text(o, "source", f->domain) || is_text(o, "source", live);
}

static void begin_live(struct feed *f)
{
	struct watch *w = f->s->watch;
	struct watched *src;
	struct seen_domain *d;

	if (!w->s->config.nr_watch) {
		refuse(f, "emtd watches nothing", "watch = SOURCE in emtd.conf, then systemctl reload emtd");
		return;
	}
	DL_FOREACH(w->sources, src)
		DL_FOREACH(src->domains, d) {
			struct json_object *o;

			if (f->kind == FEED_WAIT && !f->fresh) {
				o = state_numbers(src, d);
				if (about(f, o))
					send_as(f, "state", o);
				json_object_put(o);
			}
			for (struct seen_finding *one = d->findings; one && f->kind == FEED_WATCH; one = one->hh.next) {
				o = state_open(src, d, one);
				if (about(f, o))
					send_as(f, "event", o);
				json_object_put(o);
			}
		}
	send_number(f, "live", 1);
}

/* ---- history ---- */

static void row(void *arg, struct json_object *o)
{
	static const char *const names[HISTORY_NR] = { "finding", "audit", "fact", "event" };
	struct feed *f = arg;

	send_as(f, names[f->what], o);
	json_object_put(o);
}

static bool wanted(const struct feed *f)
{
	return f->what == HISTORY_FINDINGS || (f->what == HISTORY_AUDITS && f->audits) ||
	       (f->what == HISTORY_FACTS && f->facts) || (f->what == HISTORY_EVENTS && f->events);
}

/* As much as there is room for. */
static void more_rows(struct feed *f)
{
	while (!f->ended && waiting(f) < ROOM) {
		struct history_query q = { .what = f->what, .domain = *f->domain ? f->domain : NULL, .since = f->since,
					   .until = f->until, .after = f->after, .limit = ROWS };
		int64_t last = wanted(f) ? history_rows(f->s->watch->history, &q, row, f) : 0;

		if (last < 0) {
			refuse(f, "the history cannot be read", "journalctl -u emtd tells more");
			f->ended = true;
		} else if (last > 0) {
			f->after = last;
		} else if (++f->what == HISTORY_NR) {
			send_number(f, "end", 1);
			f->ended = true;
		} else {
			f->after = 0;
		}
	}
}

static void begin_history(struct feed *f)
{
	struct history_stats stats;

	history_stats(f->s->watch->history, &stats);
	if (stats.on)
		more_rows(f);
	else
		refuse(f, "emtd keeps no history", "history = FILE in emtd.conf; journalctl -u emtd tells if it cannot be used");
}

/* ---- connection ---- */

static void on_written(struct bufferevent *bev, void *arg)
{
	struct feed *f = arg;

	(void)bev;
	if (f->kind == FEED_HISTORY)
		more_rows(f);
}

static void on_gone(struct bufferevent *bev, short what, void *arg)
{
	struct feed *f = arg;

	(void)what;
	bufferevent_free(bev);
	f->bev = NULL;
}

struct feed *feed_new(struct server *s, const struct emt_parse *p)
{
	struct feed *f = calloc(1, sizeof(*f));
	const char *domain = emt_parse_text(p, "domain");
	const struct emt_value *since = emt_parse_get(p, "since"), *until = emt_parse_get(p, "until");

	if (!f)
		return NULL;
	f->s = s;
	f->kind = !strcmp(p->cmd->name, "watch") ? FEED_WATCH : !strcmp(p->cmd->name, "wait") ? FEED_WAIT : FEED_HISTORY;
	snprintf(f->domain, sizeof(f->domain), "%s", domain ? domain : "");
	f->until = until ? until->time : INT64_MAX;
	f->since = since ? since->time : 0;
	f->audits = emt_parse_flag(p, "audits");
	f->facts = emt_parse_flag(p, "facts");
	f->events = emt_parse_flag(p, "events");
	f->fresh = emt_parse_flag(p, "fresh");
	DL_APPEND(feeds, f);
	return f;
}

int feed_open(struct feed *f, int *in)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd))
		return -1;
	evutil_make_socket_nonblocking(fd[0]);
	f->bev = bufferevent_socket_new(f->s->base, fd[0], BEV_OPT_CLOSE_ON_FREE);
	if (!f->bev) {
		close(fd[0]);
		close(fd[1]);
		return -1;
	}
	*in = fd[1];
	bufferevent_setcb(f->bev, NULL, on_written, on_gone, f);
	bufferevent_setwatermark(f->bev, EV_WRITE, LOW, 0);
	bufferevent_enable(f->bev, EV_READ | EV_WRITE);
	if (f->kind == FEED_HISTORY)
		begin_history(f);
	else
		begin_live(f);
	return 0;
}

void feed_free(struct feed *f)
{
	if (!f)
		return;
	if (f->bev)
		bufferevent_free(f->bev);
	DL_DELETE(feeds, f);
	member_free(f);
}

void feeds_event(struct server *s, struct json_object *event)
{
	struct feed *f;

	(void)s;
	DL_FOREACH(feeds, f)
		if (f->kind == FEED_WATCH && f->bev && about(f, event))
			offer(f, "event", event);
}

uint64_t feeds_lost(void)
{
	return lost_all;
}

void feeds_state(struct server *s, const struct watched *src, const struct seen_domain *d)
{
	struct json_object *o = NULL;
	struct feed *f;

	(void)s;
	DL_FOREACH(feeds, f) {
		if (f->kind != FEED_WAIT || !f->bev)
			continue;
		if (!o)
			o = state_numbers(src, d);
		if (about(f, o))
			offer(f, "state", o);
	}
	json_object_put(o);
}
