/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Data goes to standard output, a file, a shell command or a pager.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"

static bool in_path(const char *name)
{
	const char *path = getenv("PATH");
	char file[PATH_MAX];

	while (path && *path) {
		size_t len = strcspn(path, ":");

		snprintf(file, sizeof(file), "%.*s/%s", (int)len, path, name);
		if (!access(file, X_OK))
			return true;
		path += len + (path[len] == ':');
	}
	return false;
}

/* Text for the shell, or NULL for none. */
static const char *pager(void)
{
	const char *p = getenv("EMTCTL_PAGER");

	if (!p)
		p = getenv("PAGER");
	if (!p)
		p = in_path("less") ? "less -FRX" : "";
	return *p && strcmp(p, "cat") ? p : NULL;
}

/* Run 'command' by the shell; what is written to o->fd is its input. */
static int spawn(struct outlet *o, const char *command)
{
	int fd[2];
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC))
		return errno;
	pid = fork();
	if (pid < 0) {
		int e = errno;

		close(fd[0]);
		close(fd[1]);
		return e;
	}
	if (!pid) {
		signal(SIGPIPE, SIG_DFL);
		if (dup2(fd[0], STDIN_FILENO) < 0)
			_exit(127);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(fd[0]);
	o->fd = fd[1];
	o->child = pid;
	return 0;
}

int outlet_open(struct outlet *o, const struct emt_line *line, struct emt_err *err)
{
	enum emt_redirect redirect = line ? line->redirect : EMT_REDIRECT_NONE;
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC, e;

	*o = (struct outlet){ .fd = STDOUT_FILENO };
	if (redirect == EMT_REDIRECT_NONE) {
		o->terminal = isatty(STDOUT_FILENO);
		return 0;
	}
	if (redirect == EMT_REDIRECT_PIPE) {
		e = spawn(o, line->target);
		errno = e;
		return e ? emt_err_errno(err, EMT_E_IO, line->target, NULL, "cannot start it") : 0;
	}
	o->fd = open(line->target, flags | (redirect == EMT_REDIRECT_APPEND ? O_APPEND : O_TRUNC), 0666);
	if (o->fd < 0) {
		emt_err_errno(err, EMT_E_IO, line->target, NULL, "cannot be written");
		o->fd = STDOUT_FILENO;
		return EMT_E_IO;
	}
	return 0;
}

int outlet_write(struct outlet *o, const char *data, size_t len)
{
	if (o->wants_pager && len) {
		const char *command = pager();

		o->wants_pager = false;
		if (command)
			spawn(o, command);
	}
	while (len) {
		ssize_t n = write(o->fd, data, len);

		/* A reader that is slow does not keep a command that was stopped. */
		if (n < 0 && errno == EINTR && !cli_cancel)
			continue;
		if (n < 0)
			return errno;
		o->written = true;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

void outlet_close(struct outlet *o)
{
	if (o->fd != STDOUT_FILENO)
		close(o->fd);
	while (o->child && waitpid(o->child, NULL, 0) < 0 && errno == EINTR)
		;
	o->fd = STDOUT_FILENO;
	o->child = 0;
	o->wants_pager = false;
}

/* What a daemon says of its client's terminal: "80,colour". */
static const char *told(void)
{
	const char *t = getenv("EMTCTL_TERMINAL");

	return t && *t ? t : NULL;
}

bool outlet_colour(const struct outlet *o)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (told())
		return strstr(told(), ",colour") != NULL;
	return o->terminal && !(no && *no) && term && strcmp(term, "dumb");
}

unsigned int outlet_width(const struct outlet *o)
{
	const char *columns = getenv("COLUMNS");
	struct winsize ws;
	uint64_t n;

	if (told())
		return (unsigned int)strtoul(told(), NULL, 10);
	if (!o->terminal)
		return 0;
	if (columns && !emt_parse_u64(columns, &n) && n >= 20 && n < 10000)
		return (unsigned int)n;
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) && ws.ws_col >= 20)
		return ws.ws_col;
	return 80;
}
