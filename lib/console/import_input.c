/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/import_input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE (64 * 1024)

static int cannot_open(const char *path, const char *next, struct emt_err *err)
{
	int code = errno == EACCES || errno == EPERM ? EMT_E_PERM : EMT_E_NOSOURCE;

	return emt_err_errno(err, code, path, next, "cannot open");
}

static int unnamed_file(struct emt_err *err)
{
	const char *dir = getenv("TMPDIR");
	char path[512];
	int fd;

	if (!dir || !*dir)
		dir = "/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	/* Not every file system has O_TMPFILE. */
	if (snprintf(path, sizeof(path), "%s/emt-XXXXXX", dir) >= (int)sizeof(path))
		errno = ENAMETOOLONG;
	else
		fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return emt_err_errno(err, EMT_E_IO, dir, "set TMPDIR to a directory with room",
				     "cannot create a temporary file");
	unlink(path);
	return fd;
}

static ssize_t read_some(int fd, char *buf, size_t n)
{
	ssize_t got;

	do
		got = read(fd, buf, n);
	while (got < 0 && errno == EINTR);
	return got;
}

static int write_all(int fd, const char *buf, size_t n)
{
	while (n) {
		ssize_t put = write(fd, buf, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		buf += put;
		n -= (size_t)put;
	}
	return 0;
}

/* A pipe can be read once: keep what it gives. */
static int spool(struct emt_input *in, struct emt_err *err)
{
	int to = unnamed_file(err), rc = 0;
	char *buf;
	ssize_t n;

	if (to < 0)
		return to;
	buf = malloc(PIECE);
	if (!buf)
		rc = emt_err_set(err, EMT_E_NOMEM, in->name, NULL, "out of memory");
	while (!rc && (n = read_some(in->fd, buf, PIECE)) != 0) {
		if (n < 0)
			rc = emt_err_errno(err, EMT_E_IO, in->name, NULL, "cannot read");
		else if (write_all(to, buf, (size_t)n))
			rc = emt_err_errno(err, EMT_E_IO, in->name, "set TMPDIR to a directory with room",
					   "cannot copy to a temporary file");
	}
	free(buf);
	if (rc) {
		close(to);
		return rc;
	}
	emt_input_close(in);
	in->fd = to;
	in->own = true;
	in->start = 0;
	return 0;
}

int emt_input_open(struct emt_input *in, const char *path, struct emt_err *err)
{
	bool standard = !strcmp(path, "-");
	struct stat st;
	int rc = 0;

	*in = (struct emt_input){ .name = standard ? "standard input" : path, .fd = 0, .own = !standard };
	if (!standard) {
		in->fd = open(path, O_RDONLY | O_CLOEXEC);
		if (in->fd < 0)
			return cannot_open(path,
					   "name a file with the output of xl dmesg, or - for standard input", err);
	}
	if (fstat(in->fd, &st))
		rc = emt_err_errno(err, EMT_E_IO, in->name, NULL, "cannot look at it");
	else if (S_ISDIR(st.st_mode))
		rc = emt_err_set(err, EMT_E_NOSOURCE, in->name, "name the files in it", "is a directory");
	else if (S_ISREG(st.st_mode) && (in->start = lseek(in->fd, 0, SEEK_CUR)) >= 0)
		return 0;
	else
		rc = spool(in, err);
	if (rc)
		emt_input_close(in);
	return rc;
}

int emt_input_parse(const struct emt_input *in, struct emt_console *c, int (*step)(uint64_t bytes, void *arg),
		    void *arg, struct emt_err *err)
{
	char *buf = malloc(PIECE);
	off_t at = in->start;
	int rc = 0;

	if (!buf)
		return emt_err_set(err, EMT_E_NOMEM, in->name, NULL, "out of memory");
	while (!rc) {
		ssize_t n = pread(in->fd, buf, PIECE, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = emt_err_errno(err, EMT_E_IO, in->name, NULL, "cannot read");
		if (n <= 0)
			break;
		at += n;
		rc = emt_console_feed(c, buf, (size_t)n, err);
		if (!rc && step)
			rc = step((uint64_t)n, arg);
	}
	free(buf);
	return rc ? rc : emt_console_finish(c, err);
}

void emt_input_close(struct emt_input *in)
{
	if (in->own && in->fd >= 0)
		close(in->fd);
	in->fd = -1;
}

int emt_input_slurp(const char *path, size_t most, char **text, size_t *len, struct emt_err *err)
{
	size_t room = 0, n = 0;
	char *buf = NULL;
	int fd, rc = 0;

	*text = NULL;
	*len = 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cannot_open(path, "name a JSON file with facts", err);
	for (;;) {
		ssize_t got;

		if (n == room) {
			char *more = realloc(buf, room += PIECE);

			if (!more) {
				rc = emt_err_set(err, EMT_E_NOMEM, path, NULL, "out of memory");
				break;
			}
			buf = more;
		}
		got = read_some(fd, buf + n, room - n);
		if (got < 0)
			rc = emt_err_errno(err, EMT_E_IO, path, NULL, "cannot read");
		if (got <= 0)
			break;
		n += (size_t)got;
		if (n > most) {
			rc = emt_err_set(err, EMT_E_FORMAT, path, "name a JSON file with facts",
					 "is longer than any facts file (%zu bytes)", most);
			break;
		}
	}
	close(fd);
	if (rc) {
		free(buf);
		return rc;
	}
	*text = buf;
	*len = n;
	return 0;
}
