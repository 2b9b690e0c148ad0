/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/journal_facts.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

/* Whoever writes the journal holds PATH.lock: a writer that was killed holds nothing. */
static bool is_watched(const char *path)
{
	char lock[4096];
	int fd, rc;

	if ((size_t)snprintf(lock, sizeof(lock), "%s.lock", path) >= sizeof(lock))
		return false;
	fd = open(lock, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	rc = flock(fd, LOCK_SH | LOCK_NB);
	close(fd);
	return rc != 0;
}

/* What is known of one domain after a line. */
struct replay {
	uint32_t domid;
	struct emt_ranges pins; /* in order of creation */
	bool open;              /* a watch began and did not end */
	bool whole;             /* from the domain's creation on, without a gap */
	bool watched;           /* at least once */
	bool rights;            /* it was given a right to I/O memory or ports */
	int64_t since;          /* of the watch, or the gap, that counts */
};

const char *emt_journal_file(void)
{
	const char *path = getenv("EMTCTL_JOURNAL");

	return path && *path ? path : EMT_JOURNAL_FILE;
}

static const char *text(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) && v ? json_object_get_string(v) : NULL;
}

static bool number(struct json_object *o, const char *key, uint64_t *n)
{
	struct json_object *v;

	if (!json_object_object_get_ex(o, key, &v) || !v)
		return false;
	*n = json_object_get_uint64(v);
	return true;
}

static int64_t time_at(struct json_object *o, const char *key)
{
	const char *t = text(o, key);
	struct tm tm = { .tm_isdst = 0 };

	return t && strptime(t, "%Y-%m-%dT%H:%M:%S", &tm) ? (int64_t)timegm(&tm) : 0;
}

static void unpin(struct replay *r, uint64_t first, uint64_t last)
{
	size_t n = 0;

	for (size_t i = 0; i < r->pins.n; i++)
		if (r->pins.v[i].first != first || r->pins.v[i].last != last)
			r->pins.v[n++] = r->pins.v[i];
	r->pins.n = n;
}

/* Xen deletes a pin of exactly this range, and replaces one by another. */
static int pin(struct replay *r, struct json_object *line, bool on)
{
	uint64_t gfn, count, type = 0;

	if (!number(line, "gfn", &gfn) || !number(line, "count", &count) || !count || (on && !number(line, "type", &type)))
		return 0;
	unpin(r, gfn, gfn + count - 1);
	return on ? emt_ranges_add(&r->pins, gfn, gfn + count - 1, (uint32_t)type, EMT_KNOWN) : 0;
}

static int event(struct replay *r, struct json_object *line)
{
	const char *what = text(line, "event");
	struct json_object *on;
	uint64_t domid;

	if (!what || !number(line, "domain", &domid) || domid != r->domid)
		return 0;
	if (!strcmp(what, "create") || !strcmp(what, "destroy")) {
		emt_ranges_free(&r->pins);
		r->rights = false;
		r->whole = *what == 'c';
		return 0;
	}
	if (!strcmp(what, "pin") || !strcmp(what, "unpin"))
		return pin(r, line, *what == 'p');
	if ((!strcmp(what, "iomem-permission") || !strcmp(what, "ioport-permission")) &&
	    json_object_object_get_ex(line, "on", &on) && json_object_get_boolean(on))
		r->rights = true;
	return 0;
}

/* What happened between two watches is not known. */
static void gap(struct replay *r, int64_t until)
{
	r->whole = false;
	r->since = until;
}

static int one_line(struct replay *r, struct json_object *line)
{
	const char *record = text(line, "record");
	uint64_t lost = 0, unpaired = 0, unreadable = 0;

	if (!record)
		return 0;
	if (!strcmp(record, "header")) {
		gap(r, time_at(line, "time"));
		r->open = r->watched = true;
	} else if (!strcmp(record, "toolstack_event")) {
		return event(r, line);
	} else if (!strcmp(record, "watching")) {
		number(line, "lost", &lost);
		number(line, "unpaired", &unpaired);
		number(line, "unreadable", &unreadable);
		if (lost + unpaired + unreadable)
			gap(r, time_at(line, "to"));
		r->open = false;
	}
	return 0;
}

static int read_all(struct replay *r, FILE *f)
{
	char *line = NULL;
	size_t room = 0;
	int rc = 0;

	while (!rc && getline(&line, &room, f) > 0) {
		struct json_object *o = json_tokener_parse(line);

		if (o && json_object_is_type(o, json_type_object))
			rc = one_line(r, o);
		json_object_put(o);
	}
	free(line);
	return rc;
}

static int state(struct replay *r, struct emt_facts *f)
{
	const char *origin = r->whole ? "journal of toolstack calls, since the domain's creation" :
			     "journal of toolstack calls, in part";

	if (f->prov[EMT_FACT_PINS].held == EMT_UNKNOWN) {
		if (emt_ranges_copy(&f->pins, &r->pins))
			return EMT_E_NOMEM;
		emt_facts_set_list(f, EMT_FACT_PINS, r->whole ? EMT_KNOWN : EMT_ASSUMED, EMT_ASSUMED, origin);
		f->prov[EMT_FACT_PINS].since = r->whole ? 0 : r->since;
	}
	if (f->prov[EMT_FACT_CAPS_EVER_HELD].held == EMT_UNKNOWN && r->rights) {
		f->caps_ever_held = 1;
		emt_facts_set(f, EMT_FACT_CAPS_EVER_HELD, EMT_KNOWN, origin);
	}
	return 0;
}

int emt_journal_facts(const char *path, uint32_t domid, struct emt_facts *f)
{
	struct replay r = { .domid = domid };
	FILE *file = fopen(path, "re");
	int rc;

	if (!file)
		return 0;
	rc = read_all(&r, file);
	fclose(file);
	/* nobody watches now: what the last watch saw may have changed since */
	if (!r.open || !is_watched(path))
		r.whole = false;
	if (!rc && r.watched)
		rc = state(&r, f);
	emt_ranges_free(&r.pins);
	return rc;
}
