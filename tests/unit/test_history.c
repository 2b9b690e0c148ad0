/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's history: what is written is there again, whatever happens to the process
 * or to the file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../daemon/history.h"

#define KILLS 500
#define FINDINGS 20

static char dir[64], path[128];
static char summary[20000] = "{}"; /* of an audit; long where the file is to be larger than SQLite's cache */
static const struct history_limits limits = { .days = 30, .mib = 16 };

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/emt-history-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/h.db", dir);
	return 0;
}

static int teardown(void **state)
{
	char command[200];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command); /* NOLINT: our own folder */
}

/* An audit numbered by its entries, with findings 'from' to 'to'. */
static bool write_audit(struct history *h, uint64_t number, int64_t time, unsigned int from, unsigned int to)
{
	struct history_audit a = { .identity = "uuid-1", .source = "xen:1", .name = "web1", .uuid = "uuid-1",
				   .release = "Xen 4.17.7", .domid = 1, .time = time, .milliseconds = 1, .complete = true,
				   .entries = number, .findings = to - from, .worst = "error", .summary = summary };

	history_begin(h, &a);
	for (unsigned int i = from; i < to; i++) {
		struct json_object *o = json_object_new_object();
		char key[24];

		snprintf(key, sizeof(key), "%016x", i);
		json_object_object_add(o, "severity", json_object_new_string("error"));
		json_object_object_add(o, "entries", json_object_new_int64((int64_t)number));
		history_finding(h, key, 1000, o);
		json_object_put(o);
	}
	history_fact(h, "pins", "known", number % 2 ? "[]" : "[1]", number % 2);
	return history_end(h);
}

struct rows {
	uint64_t n, open, most;
	bool whole; /* every row has the names it should */
};

static void count(void *arg, struct json_object *o)
{
	struct json_object *v, *cleared = NULL;
	struct rows *r = arg;

	r->n++;
	r->whole &= json_object_object_get_ex(o, "domain", NULL) && json_object_object_get_ex(o, "entries", &v);
	if (json_object_object_get_ex(o, "entries", &v) && (uint64_t)json_object_get_int64(v) > r->most)
		r->most = (uint64_t)json_object_get_int64(v);
	json_object_object_get_ex(o, "cleared", &cleared);
	r->open += !cleared;
	json_object_put(o);
}

static struct rows ask(struct history *h, enum history_what what, int64_t since, int64_t until)
{
	struct history_query q = { .what = what, .since = since, .until = until, .limit = 7 };
	struct rows r = { .whole = true };

	while ((q.after = history_rows(h, &q, count, &r)) > 0)
		;
	assert_int_equal(q.after, 0);
	return r;
}

static void findings_come_go_and_come_back(void **state)
{
	struct history *h = history_open(path, &limits, 1000);
	struct rows r;

	(void)state;
	assert_true(write_audit(h, 1, 1000, 0, 3));
	assert_true(write_audit(h, 2, 1010, 1, 3)); /* 0 is cleared */
	r = ask(h, HISTORY_FINDINGS, 0, INT64_MAX);
	assert_int_equal(r.n, 3);
	assert_int_equal(r.open, 2);
	r = ask(h, HISTORY_FINDINGS, 1011, INT64_MAX); /* what was open then */
	assert_int_equal(r.n, 2);
	r = ask(h, HISTORY_FINDINGS, 0, 999);
	assert_int_equal(r.n, 0);
	assert_true(write_audit(h, 3, 1020, 0, 3)); /* 0 again, as known since 1000 */
	r = ask(h, HISTORY_FINDINGS, 0, INT64_MAX);
	assert_int_equal(r.open, 3);
	/* an audit that did not see everything clears nothing */
	history_begin(h, &(struct history_audit){ .identity = "uuid-1", .source = "xen:1", .name = "", .uuid = "",
						   .release = "", .domid = 1, .time = 1030, .summary = "{}" });
	assert_true(history_end(h));
	assert_int_equal(ask(h, HISTORY_FINDINGS, 0, INT64_MAX).open, 3);
	history_gone(h, "uuid-1", 1040);
	assert_int_equal(ask(h, HISTORY_FINDINGS, 0, INT64_MAX).open, 0);
	assert_int_equal(ask(h, HISTORY_AUDITS, 0, INT64_MAX).n, 4);
	history_close(h);
}

static void killed_at_any_time_nothing_that_was_acknowledged_is_lost(void **state)
{
	uint64_t *done = mmap(NULL, sizeof(*done), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t mid = 0;

	(void)state;
	assert_ptr_not_equal(done, MAP_FAILED);
	srand(1);
	for (int i = 0; i < KILLS; i++) {
		uint64_t before = *done;
		struct history_stats stats;
		struct history *h;
		struct rows r;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (!pid) {
			h = history_open(path, &limits, 1000);
			for (uint64_t n = before + 1;; n++)
				if (write_audit(h, n, 1000 + (int64_t)n, n % 3, n % 3 + FINDINGS))
					__atomic_store_n(done, n, __ATOMIC_SEQ_CST);
		}
		while (__atomic_load_n(done, __ATOMIC_SEQ_CST) == before && !waitpid(pid, NULL, WNOHANG))
			usleep(50);
		usleep((useconds_t)(rand() % 3000));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		mid += *done - before;
		if (i % 10) /* the next writer opens it as it is */
			continue;
		h = history_open(path, &limits, 1000);
		history_stats(h, &stats);
		assert_true(stats.on);
		r = ask(h, HISTORY_AUDITS, 0, INT64_MAX);
		assert_true(r.whole);
		assert_true(r.most == *done || r.most == *done + 1); /* one may have been killed before it said so */
		*done = r.most;
		r = ask(h, HISTORY_FINDINGS, 0, INT64_MAX);
		assert_int_equal(r.open, FINDINGS); /* never a half-written audit */
		assert_int_equal(r.most, *done);
		history_close(h);
	}
	printf("killed %d times, %llu audits written\n", KILLS, (unsigned long long)mid);
	assert_true(mid >= KILLS);
	munmap(done, sizeof(*done));
}

static unsigned int others(void)
{
	char command[200], text[32] = "";
	FILE *f;

	snprintf(command, sizeof(command), "ls %s | grep -c damaged", dir);
	f = popen(command, "r"); /* NOLINT: our own folder */
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	pclose(f);
	return (unsigned int)strtoul(text, NULL, 10);
}

static void scribble(long at, size_t len)
{
	char junk[4096];
	int fd = open(path, O_WRONLY);

	memset(junk, 0xa5, sizeof(junk));
	assert_true(fd >= 0);
	for (size_t n = 0; n < len; n += sizeof(junk))
		assert_true(pwrite(fd, junk, len - n < sizeof(junk) ? len - n : sizeof(junk), at + (long)n) > 0);
	close(fd);
}

static void a_damaged_file_is_set_aside(void **state)
{
	static const struct { long at; size_t len; } wounds[] = { { 0, 100 }, { 4096, 40000 }, { 20, 4 } };

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		struct history *h = history_open(path, &limits, 1000);
		struct history_stats stats;

		for (uint64_t n = 1; n < 100; n++)
			assert_true(write_audit(h, n, 1000, 0, FINDINGS));
		history_close(h);
		scribble(wounds[i].at, wounds[i].len);
		h = history_open(path, &limits, 2000);
		history_stats(h, &stats);
		assert_true(stats.on);
		assert_int_equal(others(), i + 1);
		assert_int_equal(ask(h, HISTORY_AUDITS, 0, INT64_MAX).n, 0);
		assert_true(write_audit(h, 1, 2000, 0, 3));
		history_close(h);
	}
}

static void damage_while_it_is_open_is_survived(void **state)
{
	struct history *h = history_open(path, &limits, 1000);
	struct history_stats stats;
	unsigned int written = 0;

	(void)state;
	memset(summary, ' ', sizeof(summary) - 1);
	for (uint64_t n = 1; n < 400; n++)
		assert_true(write_audit(h, n, 1000, 0, FINDINGS));
	history_close(h);
	strcpy(summary, "{}");
	h = history_open(path, &limits, 1000);
	scribble(4096, 7 << 20);
	for (uint64_t n = 100; n < 120; n++)
		written += write_audit(h, n, 2000, 0, FINDINGS);
	history_stats(h, &stats);
	assert_true(stats.on);
	assert_true(stats.lost >= 1);
	assert_true(written >= 10);
	assert_int_equal(others(), 1);
	history_close(h);
}

static void a_newer_file_is_left_alone(void **state)
{
	struct history *h = history_open(path, &limits, 1000);
	struct history_stats stats;
	char command[300], before[64] = "", after[64] = "";
	FILE *f;

	(void)state;
	assert_true(write_audit(h, 1, 1000, 0, 3));
	history_close(h);
	/* user_version, at byte 60 */
	int fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "\0\0\0\2", 4, 60), 4);
	close(fd);
	snprintf(command, sizeof(command), "sha256sum <%s", path);
	f = popen(command, "r"); /* NOLINT */
	assert_non_null(fgets(before, sizeof(before), f));
	pclose(f);
	h = history_open(path, &limits, 1000);
	history_stats(h, &stats);
	assert_false(stats.on);
	assert_false(write_audit(h, 2, 5000, 0, 3));
	history_stats(h, &stats);
	assert_int_equal(stats.lost, 1);
	history_close(h);
	f = popen(command, "r"); /* NOLINT */
	assert_non_null(fgets(after, sizeof(after), f));
	pclose(f);
	assert_string_equal(before, after);
	assert_int_equal(others(), 0);
}

static void what_is_old_goes_and_the_file_stays_small(void **state)
{
	const struct history_limits small = { .days = 10, .mib = 1 };
	struct history *h = history_open(path, &small, 1000000);
	struct history_stats stats;
	uint64_t most = 0;

	(void)state;
	for (uint64_t n = 0; n < 6000; n++) {
		assert_true(write_audit(h, n, 1000000 + (int64_t)n * 120, (unsigned int)n, (unsigned int)n + 5));
		history_stats(h, &stats);
		most = stats.bytes > most ? stats.bytes : most;
	}
	printf("6000 audits: at most %llu bytes, %llu audits kept\n", (unsigned long long)most,
	       (unsigned long long)ask(h, HISTORY_AUDITS, 0, INT64_MAX).n);
	assert_true(most < (2u << 20));
	assert_true(ask(h, HISTORY_AUDITS, 0, INT64_MAX).n > 100);
	assert_int_equal(ask(h, HISTORY_FINDINGS, 0, INT64_MAX).open, 5);
	/* by age: all that ended more than ten days before */
	assert_true(write_audit(h, 9999, 1000000 + 6000 * 120 + 11 * 86400, 0, 1));
	assert_int_equal(ask(h, HISTORY_AUDITS, 0, INT64_MAX).n, 1);
	history_close(h);
}

static void loaded(void *arg, const char *key, int64_t first, int64_t last, struct json_object *f)
{
	(void)key, (void)last;
	assert_int_equal(first, 1000);
	assert_non_null(f);
	++*(unsigned int *)arg;
}

static void loaded_fact(void *arg, const char *fact, const char *held, const char *value, uint64_t digest)
{
	(void)arg;
	assert_string_equal(fact, "pins");
	assert_string_equal(held, "known");
	assert_string_equal(value, "[]");
	assert_int_equal(digest, 1);
}

static void a_new_daemon_goes_on_where_the_last_ended(void **state)
{
	struct history *h = history_open(path, &limits, 1000);
	unsigned int n = 0;
	struct history_load to = { loaded, loaded_fact, &n };

	(void)state;
	assert_true(write_audit(h, 1, 1000, 0, 5));
	history_close(h);
	h = history_open(path, &limits, 1100);
	history_load(h, "uuid-1", &to);
	assert_int_equal(n, 5);
	history_close(h);
}

static void without_a_file_nothing_fails(void **state)
{
	struct history *h = history_open("", &limits, 1000);

	(void)state;
	assert_false(write_audit(h, 1, 1000, 0, 5));
	history_close(h);
	h = history_open("/nonexistent/folder/h.db", &limits, 1000);
	assert_false(write_audit(h, 1, 1000, 0, 5));
	history_close(h);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(findings_come_go_and_come_back),
		TEST(killed_at_any_time_nothing_that_was_acknowledged_is_lost),
		TEST(a_damaged_file_is_set_aside),
		TEST(damage_while_it_is_open_is_survived),
		TEST(a_newer_file_is_left_alone),
		TEST(what_is_old_goes_and_the_file_stays_small),
		TEST(a_new_daemon_goes_on_where_the_last_ended),
		TEST(without_a_file_nothing_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
