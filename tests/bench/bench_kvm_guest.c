/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What reading costs a guest that runs: a guest of KVM (tests/tools/kvmguest) does the same
 * work alone, and while another CPU copies table pages through BPF as fast as it can, which
 * is far more than any audit does. Counted is the time of its vCPU's thread, so that what
 * other programs take of the CPU does not; the best of several is given.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "bench_kvm.h"

#define ACCESSES (40ull * 1024)
#define TIMES 7

struct guest {
	pid_t pid;
	int to, from;
	FILE *answers;
};

static bool start(struct guest *g)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);
	int in[2], out[2];

	if (n <= 0 || pipe(in) || pipe(out))
		return false;
	path[n] = '\0';
	strcpy(strrchr(path, '/'), "/../tools/kvmguest");
	g->pid = fork();
	if (!g->pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		execl(path, "kvmguest", (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	g->to = in[1];
	g->from = out[0];
	g->answers = fdopen(out[0], "r");
	return g->pid > 0 && g->answers;
}

static bool say(const struct guest *g, const char *command)
{
	return write(g->to, command, strlen(command)) == (ssize_t)strlen(command);
}

/* Nanoseconds of CPU in its answer; 0: it refused, or has ended. */
static uint64_t answer(const struct guest *g)
{
	unsigned long long ns = 0;
	char line[200];

	if (!fgets(line, sizeof(line), g->answers) || strncmp(line, "OK", 2))
		return 0;
	return sscanf(line, "OK %*u %llu", &ns) == 1 ? ns : 1;
}

/* Nanoseconds of the guest's work; with 'k' pages are copied meanwhile. */
static uint64_t work(const struct guest *g, struct emt_kernel *k, const uint64_t *address, uint64_t *pages)
{
	struct pollfd ready = { .fd = g->from, .events = POLLIN };
	bool ok[EMT_KERNEL_BULK];

	if (!say(g, "rounds 40 0x20000000 1024 4096\n"))
		return 0;
	while (k && !poll(&ready, 1, 0)) {
		if (!emt_kernel_pages(k, address, EMT_KERNEL_BULK, ok))
			bench_fail("kvm: pages cannot be copied");
		*pages += EMT_KERNEL_BULK;
	}
	return answer(g);
}

void bench_kvm_guest(struct emt_kernel *k, const uint64_t *address)
{
	uint64_t best[2] = { UINT64_MAX, UINT64_MAX }, pages = 0;
	struct guest g = { 0 };
	char line[64];

	signal(SIGPIPE, SIG_IGN);
	if (!start(&g) || !fgets(line, sizeof(line), g.answers) || !say(&g, "touch 0x20000000 1024\n") || !answer(&g)) {
		fprintf(stderr, "bench: kvm: no figures of a guest here: KVM does not run one\n");
	} else {
		for (int i = 0; i < 2 * TIMES; i++) {
			uint64_t ns = work(&g, i & 1 ? k : NULL, address, &pages);

			if (!ns)
				bench_fail("kvm: the guest ended");
			if (ns < best[i & 1])
				best[i & 1] = ns;
		}
		bench_report("kvm-guest-alone", (double)ACCESSES * 1e9 / (double)best[0], "accesses/s");
		bench_report("kvm-guest-copied", (double)ACCESSES * 1e9 / (double)best[1], "accesses/s");
	}
	if (g.pid > 0) {
		kill(g.pid, SIGKILL);
		waitpid(g.pid, NULL, 0);
	}
}
