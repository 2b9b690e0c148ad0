/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The observer at work: a toolstack makes calls as fast as it can through a C library of
 * the tests' own, which answers them at once; emtctl watches by uprobes and writes a
 * journal. What a call takes, watched and not, and what was lost.
 */
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

#include "bench.h"

#define CALLS 100000

void bench_observer(void);

extern char **environ;

static char build[PATH_MAX]; /* the folder */

/* build/tests/bench/bench -> build */
static void find_build(void)
{
	ssize_t n = readlink("/proc/self/exe", build, sizeof(build) - 1);
	char *at;

	build[n > 0 ? n : 0] = '\0';
	at = strstr(build, "/tests/bench/bench");
	if (!at)
		bench_fail("observer: it must lie in the folder of the build");
	*at = '\0';
}

static pid_t start(char *const argv[], const char *out, const char *err)
{
	posix_spawn_file_actions_t fa;
	pid_t pid;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	posix_spawn_file_actions_addopen(&fa, 2, err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (posix_spawn(&pid, argv[0], &fa, NULL, argv, environ))
		bench_fail("observer: %s does not run", argv[0]);
	posix_spawn_file_actions_destroy(&fa);
	return pid;
}

/* The last line with 'what' in it; false: there is none. */
static bool line_with(const char *path, const char *what, char *line, size_t room)
{
	char this[4096];
	bool any = false;
	FILE *f = fopen(path, "re");

	while (f && fgets(this, sizeof(this), f))
		if (strstr(this, what)) {
			snprintf(line, room, "%s", this);
			any = true;
		}
	if (f)
		fclose(f);
	return any;
}

/* Nanoseconds of a call. */
static double toolstack(const char *out)
{
	char program[PATH_MAX + 32], calls[16], line[256];
	char *argv[] = { program, "pins", calls, NULL };
	double ns;
	int status;
	pid_t pid;

	snprintf(program, sizeof(program), "%s/tests/tools/toolstack", build);
	snprintf(calls, sizeof(calls), "%d", CALLS);
	pid = start(argv, out, "/dev/null");
	if (waitpid(pid, &status, 0) != pid || status || !line_with(out, "calls", line, sizeof(line)) ||
	    sscanf(line, "%*d calls %lf", &ns) != 1)
		bench_fail("observer: %s does not do its work", program);
	return ns / CALLS;
}

static double member(const char *line, const char *name)
{
	const char *at = strstr(line, name);

	return at ? strtod(at + strlen(name), NULL) : -1;
}

static void watched(const char *journal, const char *notes, const char *out)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	char program[PATH_MAX + 32], library[PATH_MAX + 48], line[4096] = "";
	char *argv[] = { program, "events", "--follow", "--library", library, "--ndjson", NULL };
	int status;
	double ns;
	pid_t pid;

	snprintf(program, sizeof(program), "%s/emtctl", build);
	snprintf(library, sizeof(library), "%s/tests/tools/libfakeprivcmd.so", build);
	pid = start(argv, journal, notes);
	while (!line_with(notes, "watching by", line, sizeof(line))) {
		if (waitpid(pid, &status, WNOHANG) == pid) {
			line_with(notes, "emtctl", line, sizeof(line));
			fprintf(stderr, "bench: observer: no figures here: %s", line);
			return;
		}
		nanosleep(&pause, NULL);
	}
	ns = toolstack(out);
	kill(pid, SIGINT);
	waitpid(pid, &status, 0);
	if (!line_with(journal, "\"record\":\"watching\"", line, sizeof(line)))
		bench_fail("observer: the journal has no end");
	if (member(line, "\"events\":") + member(line, "\"lost\":") != CALLS)
		bench_fail("observer: calls are missing: %s", line);
	bench_report("observer-call-watched", ns, "ns");
	bench_report("observer-calls", 1e9 / ns, "calls/s");
	bench_report("observer-lost", member(line, "\"lost\":"), "calls");
}

void bench_observer(void)
{
	char journal[PATH_MAX], notes[PATH_MAX], out[PATH_MAX];

	find_build();
	snprintf(journal, sizeof(journal), "%s", bench_path("journal"));
	snprintf(notes, sizeof(notes), "%s", bench_path("notes"));
	snprintf(out, sizeof(out), "%s", bench_path("calls"));
	bench_report("observer-call-alone", toolstack(out), "ns");
	watched(journal, notes, out);
	unlink(journal);
	unlink(notes);
	unlink(out);
}
