/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static const char next_space[] = "free some space there, or write to another file system";

static int fail(struct emt_outfile *o, struct emt_err *err, const char *what)
{
	bool space = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;

	return emt_err_errno(err, errno == EACCES || errno == EPERM || errno == EROFS ? EMT_E_PERM : EMT_E_IO,
			     o->path, space ? next_space : "check the path and the rights on its directory",
			     "%s", what);
}

/* The directory of 'path' in 'dir' (PATH_MAX). */
static void dir_of(const char *path, char *dir)
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	snprintf(dir, PATH_MAX, "%s", dirname(copy));
}

static int temp_name(struct emt_outfile *o)
{
	unsigned int salt;
	int n;

	if (getrandom(&salt, sizeof(salt), 0) != sizeof(salt))
		salt = (unsigned int)getpid();
	n = snprintf(o->temp, sizeof(o->temp), "%s.%08x.tmp", o->path, salt);
	if (n >= (int)sizeof(o->temp)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

/* Without a name where the file system can: then not even a kill leaves it behind. */
static int open_temp(struct emt_outfile *o)
{
	char dir[PATH_MAX];

	dir_of(o->path, dir);
	o->fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
	if (o->fd >= 0) {
		o->nameless = true;
		return 0;
	}
	for (int tries = 0; tries < 16; tries++) {
		if (temp_name(o))
			break;
		o->fd = open(o->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (o->fd >= 0)
			return 0;
		if (errno != EEXIST)
			break;
	}
	o->temp[0] = '\0';
	return -1;
}

int emt_outfile_open(struct emt_outfile *o, const char *path, struct emt_err *err)
{
	struct stat st;
	char real[PATH_MAX];

	*o = (struct emt_outfile){ .fd = -1 };
	if (strlen(path) >= sizeof(o->path))
		return emt_err_set(err, EMT_E_USAGE, path, NULL, "the path is too long");
	strcpy(o->path, path);
	if (!*path)
		return emt_err_set(err, EMT_E_USAGE, path, "name a file", "the path is empty");
	/* a link stays a link: what it leads to is replaced */
	if (realpath(path, real))
		strcpy(o->path, real);
	if (!stat(o->path, &st) && !S_ISREG(st.st_mode)) {
		if (S_ISDIR(st.st_mode))
			return emt_err_set(err, EMT_E_USAGE, path, "name a file in it", "is a directory");
		/* renaming over /dev/null or a pipe would do harm: write into it */
		o->direct = true;
		o->fd = open(o->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	} else {
		open_temp(o);
	}
	return o->fd < 0 ? fail(o, err, "cannot be created") : 0;
}

int emt_outfile_write(struct emt_outfile *o, const void *data, size_t len, struct emt_err *err)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(o->fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail(o, err, "cannot be written");
		p += n;
		len -= (size_t)n;
		o->size += (uint64_t)n;
	}
	return 0;
}

/* Give the nameless file a name beside the one that it shall have. */
static int name_it(struct emt_outfile *o)
{
	char proc[40];

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", o->fd);
	for (int tries = 0; tries < 16; tries++) {
		if (temp_name(o))
			break;
		if (!linkat(AT_FDCWD, proc, AT_FDCWD, o->temp, AT_SYMLINK_FOLLOW))
			return 0;
		if (errno != EEXIST)
			break;
	}
	o->temp[0] = '\0';
	return -1;
}

/* So that the new name survives a crash too. Not all file systems can. */
static void sync_dir(const char *path)
{
	char dir[PATH_MAX];
	int fd;

	dir_of(path, dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)fsync(fd);
	close(fd);
}

int emt_outfile_commit(struct emt_outfile *o, struct emt_err *err)
{
	int rc = 0, fd;

	if (fsync(o->fd) && !(o->direct && (errno == EINVAL || errno == ENOTSUP || errno == EROFS)))
		rc = fail(o, err, "cannot be written to disk");
	if (!rc && o->nameless && name_it(o))
		rc = fail(o, err, "cannot be given its name");
	fd = o->fd;
	o->fd = -1;
	if (close(fd) && !rc)
		rc = fail(o, err, "cannot be closed");
	if (!rc && !o->direct && rename(o->temp, o->path))
		rc = fail(o, err, "cannot be given its name");
	if (!rc && !o->direct) {
		o->temp[0] = '\0';
		sync_dir(o->path);
	}
	emt_outfile_abort(o);
	return rc;
}

void emt_outfile_abort(struct emt_outfile *o)
{
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
	if (o->temp[0])
		unlink(o->temp);
	o->temp[0] = '\0';
}
