/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PART ".part"

static int copy = -1;  /* the file of the reply under way; -1 none */
static char *path;     /* its name while it is written, PART at its end */

void record_data(const char *data, size_t len)
{
	while (copy >= 0 && len) {
		ssize_t n = write(copy, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

void record_begin(const struct emt_env *env, const char *const *words, size_t n)
{
	const char *dir = getenv("EMTCTL_RECORD_REPLIES");
	static unsigned int number;

	if (!dir || !*dir || (emt_parse_format(words, n) == EMT_FORMAT_TEXT &&
			      emt_session_format(env->session) == EMT_FORMAT_TEXT))
		return;
	if (asprintf(&path, "%s/%ld-%u" PART, dir, (long)getpid(), number++) < 0) {
		path = NULL;
		return;
	}
	copy = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	/* Words end in 0x1f, so that a line end in a word does no harm. */
	for (size_t i = 0; i < n; i++)
		for (const char *p = words[i];; p++) {
			record_data(!*p ? "\x1f" : *p == '\n' ? " " : p, 1);
			if (!*p)
				break;
		}
	/* What `set columns` chose is as good as a word. */
	if (emt_session_get(env->session, "columns"))
		record_data("--columns\x1f", strlen("--columns\x1f"));
	record_data("\n", 1);
}

void record_end(const struct emt_result *res)
{
	char *whole;

	if (copy >= 0) {
		close(copy);
		copy = -1;
		whole = strndup(path, strlen(path) - strlen(PART));
		if (!whole || res->write_errno || rename(path, whole))
			unlink(path);
		free(whole);
	}
	free(path);
	path = NULL;
}
