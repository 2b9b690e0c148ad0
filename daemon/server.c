/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sockets and clients: who may connect, how long they may be silent, how much may wait
 * for them.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include <utlist.h>

#include "emtd.h"
#include "hook.h"
#include "http.h"
#include "watch.h"

#define LOW_WATER (64u << 10)   /* bytes waiting for a client below which its worker goes on */
#define REPLIES_MAX (512u << 10) /* more than a worker is allowed: the client floods us and does not read */
#define PAUSE_ACCEPT 1          /* seconds, when descriptors are short */

static const char *const rights[2] = { "host", "read" };

/* ---- clients ---- */

static void drop(struct client *c)
{
	struct server *s = c->s;

	if (c->worker)
		worker_orphan(c->worker);
	bufferevent_free(c->bev);
	DL_DELETE(s->clients, c);
	s->nr_clients--;
	log_line(LOG_LEVEL_INFO, "client %lu: gone", c->number);
	free(c);
}

bool client_send(struct client *c, char *line, size_t len)
{
	int rc = line ? bufferevent_write(c->bev, line, len) : -1;

	free(line);
	return !rc;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct client *c = arg;
	size_t len;
	char *line;

	while (!c->leaving && (line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF))) {
		bool stay = request_begin(c, line, len);

		if (evbuffer_get_length(bufferevent_get_output(bev)) > REPLIES_MAX) {
			bufferevent_disable(bev, EV_READ);
			c->held = true;
			free(line);
			c->leaving = !stay;
			return;
		}

		free(line);
		if (!stay)
			c->leaving = true;
	}
	if (!c->leaving && evbuffer_get_length(in) >= EMT_WIRE_LINE) {
		line = emt_wire_error(0, "too_long", "the request is too long", NULL, &len);
		client_send(c, line, len);
		c->leaving = true;
	}
	if (c->leaving) {
		bufferevent_disable(bev, EV_READ);
		if (!evbuffer_get_length(bufferevent_get_output(bev)))
			drop(c);
	}
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;

	if (c->worker)
		worker_resume(c->worker);
	if (c->leaving && !evbuffer_get_length(bufferevent_get_output(bev))) {
		drop(c);
	} else if (c->held && !c->leaving) {
		c->held = false;
		bufferevent_enable(bev, EV_READ);
		on_read(bev, c); /* what came in before */
	}
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct client *c = arg;

	/* silence is no fault while its command runs, unless it does not read */
	if ((what & BEV_EVENT_TIMEOUT) && (what & BEV_EVENT_READING) && c->worker) {
		bufferevent_enable(bev, EV_READ);
		return;
	}
	if (what & BEV_EVENT_TIMEOUT)
		log_line(LOG_LEVEL_INFO, "client %lu: silent for %u s", c->number, c->s->config.idle_timeout);
	drop(c);
}

static void set_timeouts(struct client *c)
{
	struct timeval idle = { .tv_sec = c->s->config.idle_timeout };

	bufferevent_set_timeouts(c->bev, &idle, &idle);
}

static void refuse(evutil_socket_t fd, const char *code, const char *text)
{
	size_t len;
	char *line = emt_wire_error(0, code, text, "try again later", &len);

	/* its buffer is empty: one line always fits */
	if (line && send(fd, line, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_line(LOG_LEVEL_INFO, "a client was refused and could not be told: %s", strerror(errno));
	free(line);
	close(fd);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *a, int len, void *arg)
{
	struct server *s = arg;
	struct ucred who = { .pid = -1, .uid = (uid_t)-1 };
	socklen_t size = sizeof(who);
	struct client *c;
	size_t n;
	char *hello;

	(void)a, (void)len;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size)) {
		close(fd);
		return;
	}
	if (s->nr_clients >= s->config.max_clients) {
		log_line(LOG_LEVEL_WARNING, "pid %d uid %u: refused, there are %u clients", who.pid, who.uid,
			 s->nr_clients);
		refuse(fd, "busy", "there are too many clients");
		return;
	}
	c = calloc(1, sizeof(*c));
	if (c)
		c->bev = bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!c || !c->bev) {
		free(c);
		refuse(fd, "no_memory", "not enough memory");
		return;
	}
	c->s = s;
	c->number = ++s->next_number;
	c->full = l == s->listener[0];
	c->pid = who.pid;
	c->uid = who.uid;
	DL_PREPEND(s->clients, c);
	s->nr_clients++;
	log_line(LOG_LEVEL_INFO, "client %lu: pid %d uid %u gid %u, right %s", c->number, who.pid, who.uid, who.gid,
		 rights[!c->full]);
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, EMT_WIRE_LINE);
	bufferevent_setwatermark(c->bev, EV_WRITE, LOW_WATER, 0);
	set_timeouts(c);
	hello = emt_wire_hello("emtd " EMT_VERSION, rights[!c->full], &n);
	client_send(c, hello, n);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	(void)fd, (void)what;
	for (int i = 0; i < 2; i++)
		if (s->listener[i])
			evconnlistener_enable(s->listener[i]);
}

/* No descriptor is left: those who wait are served when some are given back. */
static void on_accept_error(struct evconnlistener *l, void *arg)
{
	struct timeval pause = { .tv_sec = PAUSE_ACCEPT };
	struct server *s = arg;

	log_line(LOG_LEVEL_WARNING, "cannot accept: %s; pausing", strerror(EVUTIL_SOCKET_ERROR()));
	evconnlistener_disable(l);
	event_add(s->resume, &pause);
}

/* ---- sockets ---- */

/* A socket file that nobody listens on any more is in the way; a live one is not ours. */
static int clear_path(const char *path, struct emt_err *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct stat st;
	int fd, rc = 0;

	if (lstat(path, &st))
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return emt_err_set(err, EMT_E_USAGE, path, "remove it, or name another path", "is no socket");
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !connect(fd, (const struct sockaddr *)&a, sizeof(a)))
		rc = emt_err_set(err, EMT_E_USAGE, path, "systemctl stop emtd", "another daemon listens there");
	else
		unlink(path);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int set_rights(const char *path, const char *group, bool full, struct emt_err *err)
{
	struct group *g = *group && !full ? getgrnam(group) : NULL;

	if (*group && !full && !g)
		return emt_err_set(err, EMT_E_USAGE, group, "name another read_group", "there is no such group");
	if ((g && chown(path, (uid_t)-1, g->gr_gid)) || chmod(path, full ? 0600 : g ? 0660 : 0666))
		return emt_err_errno(err, EMT_E_IO, path, NULL, "cannot set its rights");
	return 0;
}

static int bind_path(const char *path, const char *group, bool full, int *fd, struct emt_err *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	mode_t before;
	int rc = clear_path(path, err);

	if (rc)
		return rc;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	before = umask(0177);
	if (*fd < 0 || bind(*fd, (const struct sockaddr *)&a, sizeof(a)))
		rc = emt_err_errno(err, EMT_E_IO, path, "is there the folder, and may this user write to it?",
				   "cannot listen");
	umask(before);
	return rc ? rc : set_rights(path, group, full, err);
}

/* One socket: systemd's by that name, or our own. */
static int listen_on(struct server *s, int i, const int *given, struct emt_err *err)
{
	const char *path = i ? s->config.read_socket : s->config.socket;
	int fd = given[i], rc;

	s->inherited[i] = fd >= 0;
	if (fd < 0 && !*path)
		return 0;
	if (fd < 0) {
		rc = bind_path(path, s->config.read_group, !i, &fd, err);
		if (rc) {
			if (fd >= 0)
				close(fd);
			return rc;
		}
	}
	evutil_make_socket_nonblocking(fd);
	s->listener[i] = evconnlistener_new(s->base, on_accept, s, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
					    128, fd);
	if (!s->listener[i]) {
		close(fd);
		return emt_err_set(err, EMT_E_NOMEM, path, NULL, "cannot listen");
	}
	evconnlistener_set_error_cb(s->listener[i], on_accept_error);
	log_line(LOG_LEVEL_INFO, "listening on %s, right %s", s->inherited[i] ? "a socket of systemd" : path, rights[i]);
	return 0;
}

static void sockets_given(int given[2])
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);

	given[0] = given[1] = -1;
	for (int i = 0; i < n; i++) {
		int which = !strcmp(names[i], "read");

		if (given[which] < 0)
			given[which] = SD_LISTEN_FDS_START + i;
		free(names[i]);
	}
	free(names);
}

/* ---- signals ---- */

static void on_quit(evutil_socket_t sig, short what, void *arg)
{
	struct server *s = arg;

	(void)what;
	log_line(LOG_LEVEL_INFO, "signal %d: leaving", (int)sig);
	sd_notify(0, "STOPPING=1");
	event_base_loopbreak(s->base);
}

/* Limits and timeouts change; sockets stay as they are. */
static void on_reload(evutil_socket_t sig, short what, void *arg)
{
	struct server *s = arg;
	struct config c;
	struct emt_err err = { 0 };

	(void)sig, (void)what;
	sd_notify(0, "RELOADING=1");
	config_defaults(&c);
	if (!s->config_path || config_read(&c, s->config_path, &err)) {
		if (err.code)
			log_err(&err);
		log_line(LOG_LEVEL_WARNING, "the configuration stays as it was");
	} else {
		if (strcmp(c.socket, s->config.socket) || strcmp(c.read_socket, s->config.read_socket))
			log_line(LOG_LEVEL_WARNING, "sockets change with a restart only");
		memcpy(c.socket, s->config.socket, sizeof(c.socket));
		memcpy(c.read_socket, s->config.read_socket, sizeof(c.read_socket));
		c.http_port = s->config.http_port;
		memcpy(c.history, s->config.history, sizeof(c.history));
		s->config = c;
		watch_configure(s->watch);
		for (struct client *one = s->clients; one; one = one->next)
			set_timeouts(one);
		log_line(LOG_LEVEL_INFO, "read %s again", s->config_path);
	}
	sd_notify(0, "READY=1");
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	workers_turn(arg);
}

static void on_child(evutil_socket_t sig, short what, void *arg)
{
	(void)sig, (void)what;
	workers_reap(arg);
}

int server_start(struct server *s, struct emt_err *err)
{
	static const struct {
		int sig;
		event_callback_fn fn;
	} signals[] = { { SIGTERM, on_quit }, { SIGINT, on_quit }, { SIGHUP, on_reload }, { SIGCHLD, on_child } };
	int given[2], rc = 0;

	s->base = event_base_new();
	s->resume = s->base ? evtimer_new(s->base, on_resume, s) : NULL;
	s->turn = s->base ? evtimer_new(s->base, on_turn, s) : NULL;
	if (!s->resume || !s->turn)
		return emt_err_set(err, EMT_E_NOMEM, "emtd", NULL, "not enough memory");
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < EMT_ARRAY_SIZE(signals); i++) {
		s->signals[i] = evsignal_new(s->base, signals[i].sig, signals[i].fn, s);
		if (!s->signals[i] || event_add(s->signals[i], NULL))
			return emt_err_set(err, EMT_E_NOMEM, "emtd", NULL, "not enough memory");
	}
	s->hooks = hooks_new(s);
	s->watch = s->hooks ? watch_new(s) : NULL;
	if (!s->watch)
		return emt_err_set(err, EMT_E_NOMEM, "emtd", NULL, "not enough memory");
	sockets_given(given);
	for (int i = 0; i < 2 && !rc; i++)
		rc = listen_on(s, i, given, err);
	if (!rc)
		rc = http_start(s, &s->http, err);
	if (!rc && !watch_open(s->watch)) /* only now: no other emtd runs with this configuration */
		rc = emt_err_set(err, EMT_E_NOMEM, "emtd", NULL, "not enough memory");
	return rc;
}

void server_stop(struct server *s)
{
	struct client *c, *next;

	DL_FOREACH_SAFE(s->clients, c, next)
		drop(c);
	for (int i = 0; i < 2; i++) {
		const char *path = i ? s->config.read_socket : s->config.socket;

		if (!s->listener[i])
			continue;
		evconnlistener_free(s->listener[i]);
		if (!s->inherited[i])
			unlink(path);
	}
	http_stop(s->http);
	s->http = NULL;
	watch_free(s->watch);
	s->watch = NULL;
	hooks_free(s->hooks);
	s->hooks = NULL;
	while (s->workers) { /* killed above: they end at once */
		usleep(1000);
		workers_reap(s);
	}
	for (size_t i = 0; i < EMT_ARRAY_SIZE(s->signals); i++)
		if (s->signals[i])
			event_free(s->signals[i]);
	if (s->resume)
		event_free(s->resume);
	if (s->turn)
		event_free(s->turn);
	if (s->base)
		event_base_free(s->base);
}
