/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the history of the REPL is kept: EMTCTL_HISTFILE, else emtctl/history under
 * $XDG_STATE_HOME (~/.local/state).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

#define DEFAULT_SIZE 1000
#define MAX_SIZE 1000000

bool history_path(char *out, size_t room)
{
	const char *file = getenv("EMTCTL_HISTFILE"), *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	struct stat st;
	int n;

	if (file)
		n = snprintf(out, room, "%s", file);
	else if (state && *state == '/')
		n = snprintf(out, room, "%s/emtctl/history", state);
	else if (home && *home)
		n = snprintf(out, room, "%s/.local/state/emtctl/history", home);
	else
		return false;
	if (n <= 0 || (size_t)n >= room)
		return false;
	/* /dev/null and the like: no history, and their mode is nobody's to change. */
	return stat(out, &st) || S_ISREG(st.st_mode);
}

int history_size(void)
{
	const char *text = getenv("EMTCTL_HISTSIZE");
	uint64_t n;

	return text && !emt_parse_u64(text, &n) && n <= MAX_SIZE ? (int)n : DEFAULT_SIZE;
}

void history_prepare(const char *path)
{
	char dir[PATH_MAX];
	int fd;

	snprintf(dir, sizeof(dir), "%s", path);
	for (char *p = strchr(dir + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		/* 0700, as the base directory specification asks. */
		if (mkdir(dir, 0700) && errno != EEXIST)
			return;
		*p = '/';
	}
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0) {
		if (fchmod(fd, 0600))
			errno = 0; /* not ours: it stays as it is */
		close(fd);
	}
}
