/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands about live domains go to emtd where one listens; it runs them with this same
 * program, so that the output is the same. Without a daemon they run here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "command/diff_past.h"
#include "wire/client.h"

#define LATE_MS 1500u /* the command that emtd runs has the same --timeout, and ends by it */
#define ANSWER_MAX (16u << 20) /* bytes of a reply to this program itself */

struct remote {
	int (*out)(void *arg, const char *data, size_t len);
	void *arg;
	int write_errno;
};

static int take_out(const char *text, size_t len, void *arg)
{
	struct remote *r = arg;

	r->write_errno = r->out(r->arg, text, len);
	return r->write_errno ? EMT_E_IO : 0;
}

static int take_err(const char *text, size_t len, void *arg)
{
	(void)arg;
	while (len) {
		ssize_t n = write(STDERR_FILENO, text, len);

		if (n < 0 && errno != EINTR)
			return 0; /* nobody reads it: the command goes on */
		text += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* About live domains, and without files: those are opened here. */
static bool is_for_daemon(const struct emt_parse *p, const struct emt_session *session)
{
	bool live = p->cmd->feed || !strcmp(p->cmd->name, "domains");

	if (p->help || p->version)
		return false;
	if (p->cmd->feed) /* nobody else can */
		return true;
	if (emt_diff_is_past(p)) /* it asks by itself */
		return false;
	if (p->from_session || session->source || session->nr_vars)
		return false;
	for (size_t i = 0; i < p->nr; i++) {
		const struct emt_value *v = &p->values[i];

		if (v->arg->type == EMT_ARG_FILE || v->arg->type == EMT_ARG_OUTFILE || v->arg->type == EMT_ARG_LINE)
			return false;
		if (v->arg->type == EMT_ARG_SOURCE) {
			if (v->source->kind != EMT_SOURCE_XEN && v->source->kind != EMT_SOURCE_KVM)
				return false;
			live = true;
		}
	}
	return live;
}

/* The socket that was named, or the first of the usual ones that can be used. */
static int connect_any(int *fd, bool *named, struct emt_err *err)
{
	const char *path = getenv("EMTD_SOCKET");
	static const char *const usual[] = { EMT_WIRE_SOCKET, EMT_WIRE_READ_SOCKET };
	int rc = EMT_E_NOSOURCE;

	*named = path && *path;
	if (*named)
		return emt_wire_connect(path, fd, err);
	for (size_t i = 0; i < EMT_ARRAY_SIZE(usual) && rc; i++)
		if (!access(usual[i], R_OK | W_OK))
			rc = emt_wire_connect(usual[i], fd, err);
	return rc;
}

static bool has_own_time(const struct cli *c, const struct emt_parse *p)
{
	return emt_parse_flag(p, "timeout") &&
	       (!c->deadline || c->deadline > cli_now_ms() + emt_parse_number(p, "timeout", 0));
}

/* Its --timeout is that of the command there too, which then says how far it came. */
static void leave_time_to_it(const struct cli *c, const struct emt_parse *p)
{
	uint64_t limit = emt_parse_number(p, "timeout", 0);

	if (!has_own_time(c, p))
		return;
	if (cli_cancel == EMT_CANCEL_TIMEOUT)
		cli_cancel = EMT_CANCEL_NONE;
	cli_signals_timeout(limit + LATE_MS);
}

/* No daemon does it. */
static int run_here(const struct cli *c, const struct emt_parse *p)
{
	uint64_t limit = emt_parse_number(p, "timeout", 0);

	if (has_own_time(c, p)) {
		cli_signals_timeout(limit);
		cli_cancel = limit ? cli_cancel : EMT_CANCEL_TIMEOUT;
	}
	return 0;
}

int cli_delegate(struct cli *c, int (*out)(void *arg, const char *data, size_t len), const struct emt_parse *p,
		 const char *const *words, size_t n, int *exit_status, struct emt_err *err)
{
	const char *off = getenv("EMTCTL_DAEMON");
	struct remote r = { .out = out, .arg = c };
	struct emt_wire_sink sink = { .out = take_out, .err = take_err, .arg = &r, .cancel = &cli_cancel };
	struct emt_err why = { 0 };
	bool named;
	int fd, rc;

	if ((off && !strcmp(off, "no")) || !n || *words[0] == '-' || !is_for_daemon(p, &c->session))
		return 0;
	leave_time_to_it(c, p);
	rc = connect_any(&fd, &named, &why);
	if (rc && !named)
		return run_here(c, p);
	if (!rc) {
		rc = emt_wire_ask(fd, words, n, outlet_colour(&c->out), outlet_width(&c->out), &sink, exit_status,
				  &why);
		close(fd);
	}
	if (r.write_errno == EPIPE) /* a reader that had enough */
		return 1;
	if (r.write_errno)
		return emt_err_set(err, EMT_E_IO, "standard output", NULL, "%s", strerror(r.write_errno));
	/* what the daemon may not do, who may talk to Xen does here */
	if (rc == EMT_E_UNSUPPORTED && !named && !access("/dev/xen/privcmd", R_OK | W_OK))
		return run_here(c, p);
	return rc ? emt_err_set(err, rc, why.subject, why.next, "%s", why.text) : 1;
}

struct answer {
	char *text;
	size_t len;
};

static int take_answer(const char *text, size_t len, void *arg)
{
	struct answer *a = arg;
	char *more = a->len + len < ANSWER_MAX ? realloc(a->text, a->len + len + 1) : NULL;

	if (!more)
		return EMT_E_NOMEM;
	memcpy(more + a->len, text, len);
	a->text = more;
	a->len += len;
	more[a->len] = '\0';
	return 0;
}

static int drop_answer(const char *text, size_t len, void *arg)
{
	(void)text, (void)len, (void)arg;
	return 0;
}

char *cli_ask(void *arg, const char *const *words, size_t n)
{
	const char *off = getenv("EMTCTL_DAEMON"), *own = getenv("EMTCTL_HISTORY");
	struct answer a = { NULL, 0 };
	struct emt_wire_sink sink = { .out = take_answer, .err = drop_answer, .arg = &a, .cancel = &cli_cancel };
	struct emt_err why = { 0 };
	int fd = -1, status = 0, rc;
	bool named;

	(void)arg;
	/* run by emtd: it still tells what it remembers */
	if (own && *own ? emt_wire_connect(own, &fd, &why) != 0 :
			  (off && !strcmp(off, "no")) || connect_any(&fd, &named, &why))
		return NULL;
	rc = emt_wire_ask(fd, words, n, false, 0, &sink, &status, &why);
	close(fd);
	if (!rc && !status)
		return a.text;
	free(a.text);
	return NULL;
}
