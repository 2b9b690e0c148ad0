/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a user waits for: the program's start, and a completion on a capture of a
 * million runs. EMTCTL names the program (default: beside this one).
 */
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

#include "bench.h"
#include "capture/capture.h"

#define ROUNDS 30

void bench_program(void);

extern char **environ;

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double once(char *const argv[])
{
	posix_spawn_file_actions_t fa;
	uint64_t start = bench_now_ns();
	int status;
	pid_t pid;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY, 0);
	if (posix_spawn(&pid, argv[0], &fa, NULL, argv, environ) || waitpid(pid, &status, 0) != pid || status)
		bench_fail("%s %s does not run", argv[0], argv[1]);
	posix_spawn_file_actions_destroy(&fa);
	return (double)(bench_now_ns() - start) / 1e6;
}

static void report(const char *name, char *const argv[])
{
	double ms[ROUNDS];
	char max[64];

	for (int i = 0; i < ROUNDS; i++)
		ms[i] = once(argv);
	qsort(ms, ROUNDS, sizeof(*ms), by_value);
	bench_report(name, ms[ROUNDS / 2], "ms");
	snprintf(max, sizeof(max), "%s_max", name);
	bench_report(max, ms[ROUNDS - 1], "ms");
}

/* A million runs that no two join. */
static void make_capture(const char *path)
{
	struct emt_capture_opts opts = { .tool = "bench" };
	struct emt_capture_writer *w;
	struct emt_loss loss = { 0 };
	struct emt_facts f;
	int rc;

	emt_facts_init(&f);
	strcpy(f.release, "4.17.7");
	emt_facts_set(&f, EMT_FACT_RELEASE, EMT_KNOWN, "bench");
	f.domid = 1;
	rc = emt_capture_create(&w, path, &opts, NULL);
	rc = rc ? rc : emt_capture_walk_begin(w, &f, 0, NULL, NULL);
	for (uint64_t i = 0; !rc && i < 1000000; i++)
		rc = emt_capture_put(w, &(struct emt_run){ .gfn = i, .mfn = 0x100000 + (i * 7919 & 0x3fffff), .count = 1,
			.perm = EMT_R | EMT_W | EMT_X, .emt = i % 1000 ? EMT_MT_WB : EMT_MT_UC, .p2mt = EMT_P2M_UNKNOWN,
			.access = 0xff }, NULL);
	rc = rc ? rc : emt_capture_walk_end(w, &loss, NULL);
	rc = rc ? rc : emt_capture_close(w, NULL);
	if (rc)
		bench_fail("cannot write %s", path);
	emt_facts_free(&f);
}

void bench_program(void)
{
	static char program[PATH_MAX], path[PATH_MAX];
	const char *named = getenv("EMTCTL");
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
	char *at;

	if (named) {
		snprintf(program, sizeof(program), "%s", named);
	} else {
		/* build/tests/bench/bench -> build/emtctl */
		program[n > 0 ? n : 0] = '\0';
		at = strstr(program, "/tests/bench/bench");
		if (!at)
			bench_fail("set EMTCTL to the program");
		strcpy(at, "/emtctl");
	}
	snprintf(path, sizeof(path), "%s", bench_path("million.emt"));
	make_capture(path);
	report("program_version", (char *[]){ program, "version", NULL });
	report("program_complete_domain_1m_runs",
	       (char *[]){ program, "complete", "--", "audit", path, "--domain", "", NULL });
	report("program_complete_gfn_1m_runs", (char *[]){ program, "complete", "--", "explain", path, "", NULL });
	unlink(path);
}
