/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REPLY_MAX (4u << 20) /* bytes of a line that are believed */
#define HELLO_MS 5000
#define TURN_MS 200          /* how soon a cancel is noticed */

/* Lines as they come in. */
struct reader {
	int fd;
	char *buf;
	size_t used, room;
	size_t taken;  /* of the line given out last */
};

static int gone(struct emt_err *err)
{
	return emt_err_set(err, EMT_E_IO, "emtd", "journalctl -u emtd tells more; --no-daemon asks Xen directly",
			   "the daemon closed the connection");
}

/* 1 = a line in *line, *len; 0 = none within 'ms'; negative: an error. */
static int read_line(struct reader *r, int ms, const char **line, size_t *len, struct emt_err *err)
{
	r->used -= r->taken;
	if (r->taken)
		memmove(r->buf, r->buf + r->taken, r->used);
	r->taken = 0;
	for (;;) {
		char *end = r->used ? memchr(r->buf, '\n', r->used) : NULL;
		struct pollfd p = { .fd = r->fd, .events = POLLIN };
		ssize_t n;

		if (end) {
			*line = r->buf;
			*len = r->taken = (size_t)(end - r->buf) + 1;
			return 1;
		}
		if (r->used == r->room) {
			size_t room = r->room ? r->room * 2 : 65536;
			char *more = room > REPLY_MAX ? NULL : realloc(r->buf, room);

			if (!more)
				return emt_err_set(err, EMT_E_FORMAT, "emtd", NULL, "says too much on one line");
			r->buf = more;
			r->room = room;
		}
		n = poll(&p, 1, ms);
		if (!n || (n < 0 && errno == EINTR))
			return 0;
		n = n < 0 ? n : read(r->fd, r->buf + r->used, r->room - r->used);
		if (n < 0 && errno == EINTR)
			return 0;
		if (n <= 0)
			return gone(err);
		r->used += (size_t)n;
	}
}

static int send_line(int fd, char *line, size_t len, struct emt_err *err)
{
	int rc = line ? 0 : emt_err_set(err, EMT_E_NOMEM, "emtd", NULL, "not enough memory");

	for (size_t at = 0; !rc && at < len;) {
		ssize_t n = send(fd, line + at, len - at, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			rc = gone(err);
		at += n > 0 ? (size_t)n : 0;
	}
	free(line);
	return rc;
}

static int check_hello(int fd, struct emt_err *err)
{
	struct reader r = { .fd = fd };
	struct emt_wire_reply hello = { 0 };
	const char *line;
	size_t len;
	int rc = read_line(&r, HELLO_MS, &line, &len, err);

	if (rc == 0)
		rc = emt_err_set(err, EMT_E_IO, "emtd", NULL, "does not answer");
	if (rc == 1) {
		rc = emt_wire_reply_parse(&hello, line, len, err);
		if (!rc && hello.kind == EMT_WIRE_ERROR)
			rc = emt_err_set(err, EMT_E_UNSUPPORTED, "emtd", hello.next, "%s", hello.why);
		else if (!rc && hello.kind != EMT_WIRE_HELLO)
			rc = emt_err_set(err, EMT_E_FORMAT, "emtd", NULL, "does not begin with a hello");
	}
	if (!rc && (hello.oldest > EMT_WIRE_PROTOCOL || hello.protocol < EMT_WIRE_OLDEST))
		rc = emt_err_set(err, EMT_E_UNSUPPORTED, "emtd", "install emtctl and emtd of one version",
				 "speaks protocol %u to %u, this program %u", hello.oldest, hello.protocol,
				 EMT_WIRE_PROTOCOL);
	emt_wire_reply_free(&hello);
	free(r.buf);
	return rc;
}

int emt_wire_connect(const char *path, int *fd, struct emt_err *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int rc;

	*fd = -1;
	if (strlen(path) >= sizeof(a.sun_path))
		return emt_err_set(err, EMT_E_USAGE, path, NULL, "the path of the socket is too long");
	memcpy(a.sun_path, path, strlen(path) + 1);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0 || connect(*fd, (const struct sockaddr *)&a, sizeof(a)))
		rc = emt_err_errno(err, errno == EACCES || errno == EPERM ? EMT_E_PERM : EMT_E_NOSOURCE, path,
				   "systemctl status emtd", "cannot connect");
	else
		rc = check_hello(*fd, err);
	if (rc && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	return rc;
}

struct asking {
	const struct emt_wire_sink *sink;
	uint64_t out_bytes, err_bytes;
	int *exit_status;
};

/* 1 = the end was reached. */
static int take(struct asking *a, const struct emt_wire_reply *r, struct emt_err *err)
{
	switch (r->kind) {
	case EMT_WIRE_OUT:
		a->out_bytes += r->len;
		return a->sink->out(r->text, r->len, a->sink->arg);
	case EMT_WIRE_ERR:
		a->err_bytes += r->len;
		return a->sink->err(r->text, r->len, a->sink->arg);
	case EMT_WIRE_END:
		*a->exit_status = r->exit_status;
		if (r->out_bytes != a->out_bytes || r->err_bytes != a->err_bytes)
			return emt_err_set(err, EMT_E_IO, "emtd", "ask again", "a part of the reply was lost");
		return 1;
	case EMT_WIRE_ERROR:
		return emt_err_set(err, strcmp(r->code, "cancelled") ? EMT_E_UNSUPPORTED : EMT_E_CANCELLED, "emtd", r->next,
				   "%s", r->why);
	default:
		return emt_err_set(err, EMT_E_FORMAT, "emtd", NULL, "says hello twice");
	}
}

int emt_wire_ask(int fd, const char *const *words, size_t n, bool colour, unsigned int width,
		 const struct emt_wire_sink *sink, int *exit_status, struct emt_err *err)
{
	struct asking a = { .sink = sink, .exit_status = exit_status };
	struct reader r = { .fd = fd };
	bool cancelled = false;
	size_t len = 0;
	char *line = emt_wire_run(1, words, n, colour, width, &len);
	int rc = send_line(fd, line, len, err);

	while (!rc) {
		struct emt_wire_reply reply;
		const char *text = "";
		size_t size = 0;

		if (sink->cancel && *sink->cancel && !cancelled) {
			cancelled = true;
			line = emt_wire_simple(1, "cancel", &len);
			rc = send_line(fd, line, len, err);
			continue;
		}
		rc = read_line(&r, TURN_MS, &text, &size, err);
		if (rc <= 0)
			continue;
		rc = emt_wire_reply_parse(&reply, text, size, err);
		if (!rc)
			rc = take(&a, &reply, err);
		emt_wire_reply_free(&reply);
	}
	free(r.buf);
	return rc == 1 ? 0 : rc;
}
