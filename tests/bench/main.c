/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench [NAME...]: run all groups of the default run, or those named.
 */
#include "bench.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Groups are weak: a tree that lacks a file still links, and says so when asked. */
#define GROUP(fn) void fn(void) __attribute__((weak))
GROUP(bench_capture);
GROUP(bench_capture_100m);
GROUP(bench_audit);
GROUP(bench_import);
GROUP(bench_policy);
GROUP(bench_table);
GROUP(bench_raw);
GROUP(bench_program);
GROUP(bench_wire);
GROUP(bench_kvm);
GROUP(bench_query_code);
GROUP(bench_query);
GROUP(bench_guest);
GROUP(bench_observer);

static const struct {
	const char *name;
	void (*run)(void);
	bool only_named; /* too long for the default run */
} groups[] = {
	{ "policy", bench_policy, false },
	{ "table", bench_table, false },
	{ "capture", bench_capture, false },
	{ "import", bench_import, false },
	{ "audit", bench_audit, false },
	{ "program", bench_program, false },
	{ "raw", bench_raw, false },
	{ "wire", bench_wire, false },
	{ "kvm", bench_kvm, false },
	{ "query-code", bench_query_code, false },
	{ "guest", bench_guest, false },
	{ "observer", bench_observer, false },
	{ "capture-100m", bench_capture_100m, true },
	{ "query", bench_query, true },
};
#define NR_GROUPS (sizeof(groups) / sizeof(groups[0]))

void bench_report(const char *name, double value, const char *unit)
{
	/* whole numbers where the fraction tells nothing */
	printf(value >= 1000 ? "bench: %s %.0f %s\n" : "bench: %s %.3f %s\n", name, value, unit);
	fflush(stdout);
}

void bench_fail(const char *fmt, ...)
{
	va_list ap;

	fputs("bench: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

uint64_t bench_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

double bench_peak_mib(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long kib = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmHWM: %lu kB", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return (double)kib / 1024;
}

int bench_peak_reset(void)
{
	FILE *f = fopen("/proc/self/clear_refs", "we");
	int ok;

	if (!f)
		return 0;
	ok = fputs("5", f) >= 0;
	return fclose(f) == 0 && ok;
}

const char *bench_path(const char *name)
{
	static char path[512];
	const char *dir = getenv("TMPDIR");

	snprintf(path, sizeof(path), "%s/emt-bench-%ld-%s", dir && *dir ? dir : "/tmp", (long)getpid(), name);
	return path;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		size_t g = 0;

		while (g < NR_GROUPS && strcmp(groups[g].name, argv[i]))
			g++;
		if (g == NR_GROUPS || !groups[g].run) {
			fprintf(stderr, "bench: no group \"%s\"; there are:", argv[i]);
			for (g = 0; g < NR_GROUPS; g++)
				if (groups[g].run)
					fprintf(stderr, " %s", groups[g].name);
			fputc('\n', stderr);
			return 2;
		}
		groups[g].run();
	}
	for (size_t g = 0; argc == 1 && g < NR_GROUPS; g++)
		if (groups[g].run && !groups[g].only_named)
			groups[g].run();
	return 0;
}
