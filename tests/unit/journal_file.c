/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "journal_file.h"

#include "common.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

void journal_file_make(struct journal_file *j, const char *text, bool watched)
{
	int fd;

	strcpy(j->path, "/tmp/emt-journal-XXXXXX");
	fd = mkstemp(j->path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	snprintf(j->lock, sizeof(j->lock), "%s.lock", j->path);
	j->held = open(j->lock, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_true(j->held >= 0);
	if (watched)
		assert_int_equal(flock(j->held, LOCK_EX), 0);
}

void journal_file_remove(struct journal_file *j)
{
	close(j->held);
	unlink(j->lock);
	unlink(j->path);
}
