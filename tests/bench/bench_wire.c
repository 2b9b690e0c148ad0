/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emtd under load: latency of requests with nobody else there and among clients of
 * every bad kind, records a second, and what the daemon holds meanwhile and after.
 * The guest is the tests' hypervisor, of BENCH_WIRE_ENTRIES entries (default 200000);
 * the load lasts BENCH_WIRE_SECONDS (default 10). BENCH_EMTD names words to put in
 * front of the daemon, as "valgrind --error-exitcode=9". A client that is not served,
 * or a daemon that does not leave with 0, fails.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "wire/client.h"

#define CLIENTS 200
#define SAMPLES 20000
#define WAIT_S 60          /* for what must happen at all */

void bench_wire(void);

static char dir[PATH_MAX], sock[100];
static pid_t daemon_pid;
static atomic_bool over;

/* ---- figures ---- */

struct samples {
	pthread_mutex_t lock;
	double ms[SAMPLES];
	size_t n;
};
static struct samples pings = { .lock = PTHREAD_MUTEX_INITIALIZER };
static struct samples facts = { .lock = PTHREAD_MUTEX_INITIALIZER };
static atomic_ulong served, refused, killed, garbage;

static void sample(struct samples *s, uint64_t start)
{
	double ms = (double)(bench_now_ns() - start) / 1e6;

	pthread_mutex_lock(&s->lock);
	if (s->n < SAMPLES)
		s->ms[s->n++] = ms;
	pthread_mutex_unlock(&s->lock);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void tell(const char *what, const char *when, struct samples *s)
{
	static const double part[] = { 0.5, 0.99 };
	static const char *const names[] = { "p50", "p99" };
	char name[80];

	if (!s->n)
		bench_fail("wire: no %s was answered, %s", what, when);
	qsort(s->ms, s->n, sizeof(*s->ms), by_value);
	for (int i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "wire_%s_%s_%s", what, when, names[i]);
		bench_report(name, s->ms[(size_t)((double)(s->n - 1) * part[i])], "ms");
	}
	s->n = 0;
}

static double resident_mib(void)
{
	char path[64], line[128];
	unsigned long kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)daemon_pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmRSS: %lu kB", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return (double)kib / 1024;
}

static unsigned int descriptors(void)
{
	struct dirent *e;
	unsigned int n = 0;
	char path[64];
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)daemon_pid);
	d = opendir(path);
	while (d && (e = readdir(d)))
		n += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

/* ---- the daemon and its guest ---- */

static FILE *create(const char *name, mode_t mode)
{
	char path[PATH_MAX + 20];
	int fd;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f)
		bench_fail("wire: cannot write %s: %s", path, strerror(errno));
	return f;
}

static unsigned long number(const char *variable, unsigned long fallback)
{
	const char *text = getenv(variable);
	unsigned long n = text ? strtoul(text, NULL, 0) : 0;

	return n ? n : fallback;
}

/* What key D says of a guest whose every page is a run of its own. */
static void make_guest(unsigned long entries)
{
	FILE *f = create("D.txt", 0600);

	fputs("(XEN) 'D' pressed -> dumping VT-x EPT tables\n(XEN) \n(XEN) domain5 EPT p2m table:\n", f);
	for (unsigned long i = 0; i < entries; i++)
		fprintf(f, "(XEN) gfn: %13lx order:  0 mfn: %13lx rwx %s\n", i, 0x100000 + 2 * i, i % 7 ? "WB!" : "UC!");
	if (fclose(f))
		bench_fail("wire: the disk is full");
}

static void make_files(const char *build)
{
	FILE *f;

	make_guest(number("BENCH_WIRE_ENTRIES", 200000));
	fclose(create("q.txt", 0600));
	f = create("emtctl", 0700);
	fprintf(f, "#!/bin/sh\nexport FAKEXEN_D=%s/D.txt FAKEXEN_Q=%s/q.txt FAKEXEN_CMDLINE=conring_size=64M\n"
		"export FAKEXEN_RING=67108864 LD_LIBRARY_PATH=%s/tests/tools ASAN_OPTIONS=verify_asan_link_order=0\n"
		"export LD_PRELOAD=%s/tests/tools/libxencall.so.1\nexec %s/emtctl \"$@\"\n", dir, dir, build, build, build);
	fclose(f);
	f = create("conf", 0600);
	fprintf(f, "socket = %s\nread_socket =\nemtctl = %s/emtctl\nallow_costs = yes\n", sock, dir);
	fclose(f);
}

static int raw_connect(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", sock);
	if (fd >= 0 && !connect(fd, (const struct sockaddr *)&a, sizeof(a)))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Also when a scene fails. */
static void kill_daemon(void)
{
	if (daemon_pid > 0)
		kill(daemon_pid, SIGKILL);
}

static void start_daemon(const char *build)
{
	const char *before = getenv("BENCH_EMTD");
	char command[5 * PATH_MAX];
	uint64_t begun = bench_now_ns();
	int fd;

	snprintf(command, sizeof(command), "exec %s %s/emtd -c %s/conf >%s/log 2>&1", before ? before : "", build, dir, dir);
	daemon_pid = fork();
	if (!daemon_pid) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	atexit(kill_daemon);
	while ((fd = raw_connect()) < 0) {
		usleep(10000);
		if (bench_now_ns() - begun > WAIT_S * 1000000000ull || waitpid(daemon_pid, NULL, WNOHANG))
			bench_fail("wire: emtd does not start; see %s/log", dir);
	}
	close(fd);
}

static void stop_daemon(void)
{
	int status = 0;

	kill(daemon_pid, SIGTERM);
	if (waitpid(daemon_pid, &status, 0) != daemon_pid || status)
		bench_fail("wire: emtd left with status %#x; see %s/log", status, dir);
	daemon_pid = 0;
}

/* ---- clients ---- */

struct reading {
	uint64_t bytes, lines;
	unsigned int pause_ms;  /* after each piece */
	uint64_t stop_at;       /* bytes after which it goes away */
};

static int take(const char *text, size_t len, void *arg)
{
	struct reading *r = arg;

	r->bytes += len;
	for (const char *p = text; (p = memchr(p, '\n', (size_t)(text + len - p))); p++)
		r->lines++;
	if (r->pause_ms)
		usleep(r->pause_ms * 1000);
	if (atomic_load(&over) && r->pause_ms)
		return EMT_E_CANCELLED;
	return r->stop_at && r->bytes > r->stop_at ? EMT_E_CANCELLED : 0;
}

static int ignore(const char *text, size_t len, void *arg)
{
	(void)text, (void)len, (void)arg;
	return 0;
}

/* One command on a connection of its own. */
static int ask(struct reading *r, const char *const *words, size_t n)
{
	const struct emt_wire_sink sink = { .out = take, .err = ignore, .arg = r };
	int fd, status = 0, rc = emt_wire_connect(sock, &fd, NULL);

	if (rc)
		return rc;
	rc = emt_wire_ask(fd, words, n, false, 0, &sink, &status, NULL);
	close(fd);
	return rc ? rc : status == 0 || status == 1 || status == 3 ? 0 : EMT_E_IO;
}

static const char *const show[] = { "show", "xen:5,costs=yes", "--split", "--ndjson" };
static const char *const domain_facts[] = { "facts", "5", "--json" };

/* Lines until one holds 'text'. */
static bool line_with(int fd, const char *text)
{
	char buf[4096] = "";
	size_t n = 0;

	while (n < sizeof(buf) - 1) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t got = poll(&p, 1, WAIT_S * 1000) > 0 ? read(fd, buf + n, sizeof(buf) - 1 - n) : -1;

		if (got <= 0)
			return false;
		n += (size_t)got;
		buf[n] = '\0';
		if (strstr(buf, text))
			return true;
	}
	return false;
}

static bool ping(int fd)
{
	static const char text[] = "{\"id\":7,\"verb\":\"ping\"}\n";

	return send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL) == sizeof(text) - 1 && line_with(fd, "\"end\"");
}

static void pinging(void)
{
	int fd = raw_connect();

	if (fd < 0 || !line_with(fd, "hello"))
		bench_fail("wire: no connection for pings");
	while (!atomic_load(&over)) {
		uint64_t start = bench_now_ns();

		if (!ping(fd))
			bench_fail("wire: a ping was not answered");
		sample(&pings, start);
		usleep(2000);
	}
	close(fd);
}

static void honest(void)
{
	while (!atomic_load(&over)) {
		struct reading r = { 0 };
		uint64_t start = bench_now_ns();

		if (ask(&r, domain_facts, 3) || !r.bytes) {
			atomic_fetch_add(&refused, 1);
			continue;
		}
		sample(&facts, start);
		atomic_fetch_add(&served, 1);
	}
}

/* Read little by little; ends early by itself or by the daemon. */
static void slow(void)
{
	while (!atomic_load(&over)) {
		struct reading r = { .pause_ms = 300 };

		ask(&r, show, 4);
	}
}

static void vanishing(void)
{
	while (!atomic_load(&over)) {
		struct reading r = { .stop_at = 1 };

		ask(&r, show, 4);
		atomic_fetch_add(&killed, 1);
	}
}

static void half_open(void)
{
	static const char part[] = "{\"id\":1,\"verb\":\"ru";
	int fd = raw_connect();

	if (fd >= 0 && send(fd, part, sizeof(part) - 1, MSG_NOSIGNAL) < 0)
		bench_fail("wire: nothing can be sent");
	while (!atomic_load(&over))
		usleep(50000);
	if (fd >= 0)
		close(fd);
}

/* Not a request, a line without an end, or pings whose answers nobody reads. */
static void nonsense(void)
{
	static const char flood[] = "{\"id\":1,\"verb\":\"ping\"}\n";
	char block[16384];

	while (!atomic_load(&over)) {
		unsigned long turn = atomic_fetch_add(&garbage, 1) % 3;
		int fd = raw_connect();

		for (size_t i = 0; i < sizeof(block); i++)
			block[i] = turn == 2 ? flood[i % (sizeof(flood) - 1)] : turn ? 'x' : (char)(i * 7 + (i >> 8));
		for (int i = 0; fd >= 0 && i < 200 && !atomic_load(&over); i++) {
			struct pollfd p = { .fd = fd, .events = POLLOUT };

			/* The end of its patience shows as a socket that takes nothing. */
			if (poll(&p, 1, 200) <= 0 || send(fd, block, sizeof(block), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
				break;
		}
		usleep(20000);
		if (fd >= 0)
			close(fd);
	}
}

static const struct {
	void (*run)(void);
	unsigned int share;     /* of 200 */
} kinds[] = { { pinging, 1 }, { honest, 129 }, { slow, 30 }, { vanishing, 10 }, { half_open, 20 }, { nonsense, 10 } };

static void *client(void *arg)
{
	void (*run)(void);

	memcpy(&run, arg, sizeof(run));
	run();
	return NULL;
}

/* ---- the scenes ---- */

static void idle(void)
{
	int fd = raw_connect();

	if (fd < 0 || !line_with(fd, "hello"))
		bench_fail("wire: no connection");
	for (int i = 0; i < 1000; i++) {
		uint64_t start = bench_now_ns();

		if (!ping(fd))
			bench_fail("wire: a ping was not answered");
		sample(&pings, start);
	}
	close(fd);
	for (int i = 0; i < 100; i++) {
		struct reading r = { 0 };
		uint64_t start = bench_now_ns();

		if (ask(&r, domain_facts, 3))
			bench_fail("wire: facts was not answered; see %s/log", dir);
		sample(&facts, start);
	}
	tell("ping", "idle", &pings);
	tell("facts", "idle", &facts);
}

static void records(void)
{
	struct reading r = { 0 };
	uint64_t start = bench_now_ns();

	if (ask(&r, show, 4) || r.lines < 100)
		bench_fail("wire: show was not answered; see %s/log", dir);
	bench_report("wire_records", (double)r.lines * 1e9 / (double)(bench_now_ns() - start), "records/s");
	bench_report("wire_bytes", (double)r.bytes / 1048576 * 1e9 / (double)(bench_now_ns() - start), "MiB/s");
}

static void load(void)
{
	static pthread_t threads[CLIENTS];
	uint64_t start = bench_now_ns();
	double peak = 0;
	unsigned int fds = 0, n = 0;
	unsigned long seconds = number("BENCH_WIRE_SECONDS", 10);

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		for (unsigned int i = 0; i < kinds[k].share; i++, n++)
			if (pthread_create(&threads[n], NULL, client, (void *)&kinds[k].run))
				bench_fail("wire: no more threads than %u", n);
	while (bench_now_ns() - start < seconds * 1000000000ull) {
		double rss = resident_mib();
		unsigned int have = descriptors();

		peak = rss > peak ? rss : peak;
		fds = have > fds ? have : fds;
		usleep(50000);
	}
	atomic_store(&over, true);
	for (unsigned int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	bench_report("wire_load_clients", n, "clients");
	bench_report("wire_load_served", (double)served * 1e9 / (double)(bench_now_ns() - start), "requests/s");
	bench_report("wire_load_not_served", (double)refused, "requests");
	bench_report("wire_load_vanished", (double)killed, "clients");
	bench_report("wire_load_nonsense", (double)garbage, "connections");
	bench_report("wire_load_peak", peak, "MiB");
	bench_report("wire_load_descriptors", fds, "descriptors");
	tell("ping", "loaded", &pings);
	tell("facts", "loaded", &facts);
}

/* Without descriptors those who are there are served, and later ones once there are some. */
static void exhaust(void)
{
	struct rlimit few = { descriptors() + 8, descriptors() + 8 }, before;
	int there = raw_connect(), more[40];
	uint64_t start;

	if (there < 0 || !line_with(there, "hello"))
		bench_fail("wire: no connection");
	if (prlimit(daemon_pid, RLIMIT_NOFILE, NULL, &before))
		bench_fail("wire: prlimit: %s", strerror(errno));
	few.rlim_max = before.rlim_max;
	prlimit(daemon_pid, RLIMIT_NOFILE, &few, NULL);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		more[i] = raw_connect();
	usleep(200000);
	if (!ping(there))
		bench_fail("wire: who was there is not served while descriptors are short");
	prlimit(daemon_pid, RLIMIT_NOFILE, &before, NULL);
	start = bench_now_ns();
	if (more[39] >= 0 && !line_with(more[39], "hello"))
		bench_fail("wire: who waited is never served");
	bench_report("wire_after_exhaustion", (double)(bench_now_ns() - start) / 1e6, "ms");
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		if (more[i] >= 0)
			close(more[i]);
	close(there);
}

/* All is given back once the clients are gone. */
static void after(unsigned int fds_before)
{
	uint64_t start = bench_now_ns();

	while (descriptors() > fds_before) {
		if (bench_now_ns() - start > WAIT_S * 1000000000ull)
			bench_fail("wire: %u descriptors are left, %u before", descriptors(), fds_before);
		usleep(10000);
	}
	bench_report("wire_after_resident", resident_mib(), "MiB");
}

static int unlink_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

void bench_wire(void)
{
	static char build[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", build, sizeof(build) - 1);
	unsigned int fds;
	char *at;

	build[n > 0 ? n : 0] = '\0';
	at = strstr(build, "/tests/bench/bench");
	if (!at)
		bench_fail("wire: runs in the build folder only");
	*at = '\0';
	signal(SIGPIPE, SIG_IGN);
	snprintf(dir, sizeof(dir), "%s", bench_path("wire"));
	snprintf(sock, sizeof(sock), "%.90s/s", dir);
	if (mkdir(dir, 0700))
		bench_fail("wire: %s: %s", dir, strerror(errno));
	make_files(build);
	start_daemon(build);
	bench_report("wire_before_resident", resident_mib(), "MiB");
	fds = descriptors();
	idle();
	records();
	load();
	exhaust();
	after(fds);
	stop_daemon();
	nftw(dir, unlink_one, 8, FTW_DEPTH | FTW_PHYS);
}
