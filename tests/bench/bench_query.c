/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries a second by the query payload against key D, of one guest on a real Xen: boots the lab's
 * machine with EPT, which takes minutes (tests/lab/bochs/bench.py prints the figures).
 */
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

extern char **environ;

void bench_query(void);

void bench_query(void)
{
	static char own[PATH_MAX], script[PATH_MAX + 32];
	ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char *at, *argv[] = { script, NULL };
	int status;
	pid_t pid;

	/* build/tests/bench/bench -> build, beside which the sources are */
	own[n > 0 ? n : 0] = '\0';
	at = strstr(own, "/tests/bench/bench");
	if (!at)
		bench_fail("query: run it from the build's folder");
	*at = '\0';
	setenv("BUILD", own, 0);
	snprintf(script, sizeof(script), "%s/../tests/lab/bochs/bench.py", own);
	if (access(script, X_OK))
		bench_fail("query needs the sources: %s is not there", script);
	if (posix_spawn(&pid, script, NULL, NULL, argv, environ) || waitpid(pid, &status, 0) != pid)
		bench_fail("query: %s does not run", script);
	if (status)
		bench_fail("query: no figures");
}
