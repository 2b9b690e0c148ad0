/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pins out of a journal: what is known, what is assumed, and from when on. */
#include "common.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "source/journal_facts.h"

#define HEAD(t) "{\"record\":\"header\",\"time\":\"2026-01-01T" t "Z\"}\n"
#define EV(dom, ev, more) "{\"record\":\"toolstack_event\",\"domain\":" dom ",\"event\":\"" ev "\"" more "}\n"
#define PIN(dom, gfn, n, type) EV(dom, "pin", ",\"gfn\":" gfn ",\"count\":" n ",\"type\":" type)
#define END(lost) \
	"{\"record\":\"watching\",\"to\":\"2026-01-01T15:00:00Z\",\"lost\":" lost ",\"unpaired\":0,\"unreadable\":0}\n"
#define NOON 1767268800 /* 2026-01-01T12:00:00Z */

static struct emt_facts f;
static bool watched = true; /* somebody holds the lock */

static void replay(const char *journal)
{
	char path[] = "/tmp/emt-journal-XXXXXX", lock[64];
	int fd = mkstemp(path), held;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, journal, strlen(journal)), (ssize_t)strlen(journal));
	close(fd);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	held = open(lock, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_true(held >= 0);
	if (watched)
		assert_int_equal(flock(held, LOCK_EX), 0);
	emt_facts_free(&f);
	assert_int_equal(emt_journal_facts(path, 5, &f), 0);
	close(held);
	unlink(lock);
	unlink(path);
}

static void pins_are(size_t n, unsigned int held, int64_t since)
{
	assert_int_equal(f.pins.n, n);
	assert_int_equal(f.prov[EMT_FACT_PINS].held, held);
	assert_int_equal(f.prov[EMT_FACT_PINS].since, since);
	assert_int_equal(f.prov[EMT_FACT_PINS].rest, held ? EMT_ASSUMED : EMT_UNKNOWN);
}

static void since_creation(void **state)
{
	(void)state;
	replay(HEAD("12:00:00") PIN("5", "1", "1", "0") EV("5", "create", "") PIN("5", "256", "16", "1")
	       PIN("6", "1", "1", "0") PIN("5", "16", "1", "7"));
	pins_are(2, EMT_KNOWN, 0); /* the first was an earlier domain's */
	assert_int_equal(f.pins.v[0].first, 256);
	assert_int_equal(f.pins.v[0].last, 271);
	assert_int_equal(f.pins.v[0].tag, 1);
	assert_int_equal(f.pins.v[1].tag, 7);
	assert_int_equal(f.prov[EMT_FACT_CAPS_EVER_HELD].held, EMT_UNKNOWN);
	/* replaced, deleted; a range that is not exactly one stays */
	replay(HEAD("12:00:00") EV("5", "create", "") PIN("5", "256", "16", "1") PIN("5", "256", "16", "4")
	       PIN("5", "64", "2", "0") EV("5", "unpin", ",\"gfn\":64,\"count\":1")
	       EV("5", "unpin", ",\"gfn\":64,\"count\":2") EV("5", "iomem-permission", ",\"on\":true"));
	pins_are(1, EMT_KNOWN, 0);
	assert_int_equal(f.pins.v[0].tag, 4);
	assert_true(f.caps_ever_held);
	assert_int_equal(f.prov[EMT_FACT_CAPS_EVER_HELD].held, EMT_KNOWN);
}

static void in_part(void **state)
{
	(void)state;
	/* it was there before */
	replay(HEAD("12:00:00") PIN("5", "256", "16", "1"));
	pins_are(1, EMT_ASSUMED, NOON);
	/* a gap: the watch was cut off and began anew */
	replay(HEAD("11:00:00") EV("5", "create", "") PIN("5", "256", "16", "1") HEAD("12:00:00"));
	pins_are(1, EMT_ASSUMED, NOON);
	/* events were lost */
	replay(HEAD("11:00:00") EV("5", "create", "") END("3") HEAD("12:00:00"));
	pins_are(0, EMT_ASSUMED, NOON);
	/* nobody watches any more */
	replay(HEAD("12:00:00") EV("5", "create", "") END("0"));
	pins_are(0, EMT_ASSUMED, NOON);
	/* its writer was killed */
	watched = false;
	replay(HEAD("12:00:00") EV("5", "create", "") PIN("5", "1", "1", "0"));
	watched = true;
	pins_are(1, EMT_ASSUMED, NOON);
	/* the end of a line is missing */
	replay(HEAD("12:00:00") EV("5", "create", "") PIN("5", "1", "1", "0") "{\"record\":\"tool");
	pins_are(1, EMT_KNOWN, 0);
}

static void nothing(void **state)
{
	(void)state;
	replay("");
	pins_are(0, EMT_UNKNOWN, 0);
	emt_facts_free(&f);
	assert_int_equal(emt_journal_facts("/nonexistent", 5, &f), 0);
	pins_are(0, EMT_UNKNOWN, 0);
	/* what is stated stays */
	emt_facts_set_list(&f, EMT_FACT_PINS, EMT_KNOWN, EMT_KNOWN, "query");
	assert_int_equal(emt_journal_facts("/dev/null", 5, &f), 0);
	assert_string_equal(f.prov[EMT_FACT_PINS].origin, "query");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(since_creation),
		cmocka_unit_test(in_part),
		cmocka_unit_test(nothing),
	};

	emt_facts_init(&f);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
