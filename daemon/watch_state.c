/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an audit found against what was there: events, and the history.
 */
#include "watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>
#include <xxhash.h>

#include "feed.h"
#include "hook.h"
#include "output/format.h"

/* ---- JSON ---- */

static struct json_object *member(struct json_object *o, const char *name)
{
	struct json_object *v = NULL;

	json_object_object_get_ex(o, name, &v);
	return v;
}

static const char *text_of(struct json_object *o, const char *name)
{
	struct json_object *v = member(o, name);

	return v ? json_object_get_string(v) : "";
}

static int64_t number_of(struct json_object *o, const char *name)
{
	return json_object_get_int64(member(o, name));
}

static void put_text(struct json_object *o, const char *name, const char *text)
{
	json_object_object_add(o, name, text && *text ? json_object_new_string(text) : NULL);
}

static void put_time(struct json_object *o, const char *name, int64_t t)
{
	char when[40];

	put_text(o, name, t ? emt_fmt_time(t, when, sizeof(when)) : NULL);
}

static void put_copy(struct json_object *o, struct json_object *from, const char *name)
{
	struct json_object *v = member(from, name);

	json_object_object_add(o, name, json_object_get(v));
}

/* ---- events ---- */

/* Every name that an event has, null where it says nothing: see kind_event in lib/command. */
static struct json_object *event(const struct watched *src, const struct seen_domain *d, const char *what)
{
	static const char *const rest[] = { "key", "severity", "kind", "defect", "title", "first_gfn", "entries", "bytes",
					    "type", "explanation", "was_entries", "first_seen", "fact", "value", "was_value",
					    "text" };
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "record", json_object_new_string("event"));
	put_time(o, "time", (int64_t)time(NULL));
	put_text(o, "event", what);
	put_text(o, "source", src->text);
	json_object_object_add(o, "domain", d ? json_object_new_int64(d->domid) : NULL);
	put_text(o, "name", d ? d->name : NULL);
	put_text(o, "uuid", d ? d->uuid : NULL);
	for (size_t i = 0; i < EMT_ARRAY_SIZE(rest); i++)
		json_object_object_add(o, rest[i], NULL);
	return o;
}

static struct json_object *finding_event(const struct watched *src, const struct seen_domain *d,
					 const struct seen_finding *f, const char *what)
{
	static const char *const copies[] = { "severity", "kind", "defect", "title", "first_gfn", "entries", "bytes",
					      "type", "explanation" };
	struct json_object *o = event(src, d, what);

	put_text(o, "key", f->key);
	for (size_t i = 0; i < EMT_ARRAY_SIZE(copies); i++)
		put_copy(o, f->rec, copies[i]);
	put_time(o, "first_seen", f->first_seen);
	return o;
}

struct json_object *state_open(const struct watched *src, const struct seen_domain *d, const struct seen_finding *f)
{
	return finding_event(src, d, f, "open");
}

/* To all who listen; the event is put. 'stored': in the transaction of an audit. */
static void tell(struct watched *src, const char *what, struct json_object *o, bool stored)
{
	struct watch *w = src->w;

	w->events++;
	if (stored)
		history_event(w->history, what, o);
	feeds_event(w->s, o);
	log_event(w, o);
	if (!strcmp(what, "new"))
		hooks_event(w->s->hooks, o);
	json_object_put(o);
}

/* ---- what is known ---- */

static void free_finding(struct seen_domain *d, struct seen_finding *f)
{
	HASH_DEL(d->findings, f);
	json_object_put(f->rec);
	member_free(f);
}

static void free_fact(struct seen_domain *d, struct seen_fact *f)
{
	HASH_DEL(d->facts, f);
	free(f->held);
	free(f->value);
	member_free(f);
}

void state_free(struct seen_domain *d)
{
	struct seen_finding *f, *fnext;
	struct seen_fact *t, *tnext;

	HASH_ITER(hh, d->findings, f, fnext)
		free_finding(d, f);
	HASH_ITER(hh, d->facts, t, tnext)
		free_fact(d, t);
	json_object_put(d->rec);
	member_free(d);
}

static struct seen_finding *new_finding(struct seen_domain *d, const char *key, int64_t first, struct json_object *rec)
{
	struct seen_finding *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	snprintf(f->key, sizeof(f->key), "%s", key);
	f->rec = json_object_get(rec);
	f->first_seen = f->last_seen = first;
	HASH_ADD_STR(d->findings, key, f);
	return f;
}

static bool set_fact(struct seen_fact *f, const char *held, const char *value, uint64_t digest)
{
	char *h = strdup(held), *v = strdup(value);

	if (!h || !v) {
		free(h);
		free(v);
		return false;
	}
	free(f->held);
	free(f->value);
	f->held = h;
	f->value = v;
	f->digest = digest;
	return true;
}

static struct seen_fact *new_fact(struct seen_domain *d, const char *fact, const char *held, const char *value,
				  uint64_t digest)
{
	struct seen_fact *f = calloc(1, sizeof(*f));

	if (!f || !set_fact(f, held, value, digest)) {
		free(f);
		return NULL;
	}
	snprintf(f->fact, sizeof(f->fact), "%s", fact);
	HASH_ADD_STR(d->facts, fact, f);
	return f;
}

static void load_finding(void *arg, const char *key, int64_t first, int64_t last, struct json_object *rec)
{
	struct seen_finding *f = new_finding(arg, key, first, rec);

	if (f)
		f->last_seen = last;
}

static void load_fact(void *arg, const char *fact, const char *held, const char *value, uint64_t digest)
{
	new_fact(arg, fact, held, value, digest);
}

static struct seen_domain *domain_of(struct watched *src, struct json_object *rec)
{
	const char *uuid = text_of(rec, "uuid");
	struct history_load load = { load_finding, load_fact, NULL };
	char identity[400];
	struct seen_domain *d;

	if (*uuid)
		snprintf(identity, sizeof(identity), "%s", uuid);
	else
		snprintf(identity, sizeof(identity), "%s#%lld", src->text, (long long)number_of(rec, "domain"));
	DL_FOREACH(src->domains, d)
		if (!strcmp(d->identity, identity))
			break;
	if (!d) {
		d = calloc(1, sizeof(*d));
		if (!d)
			return NULL;
		snprintf(d->identity, sizeof(d->identity), "%s", identity);
		load.arg = d;
		history_load(src->w->history, identity, &load);
		DL_APPEND(src->domains, d);
	}
	d->domid = (uint32_t)number_of(rec, "domain");
	snprintf(d->name, sizeof(d->name), "%s", text_of(rec, "name"));
	snprintf(d->uuid, sizeof(d->uuid), "%s", uuid);
	snprintf(d->release, sizeof(d->release), "%s", text_of(rec, "release"));
	json_object_put(d->rec);
	d->rec = json_object_get(rec);
	return d;
}

/* ---- an audit ---- */

/* Of what makes a finding the one that it is: not where it is, nor how much of it. */
static void key_of(struct seen_domain *d, struct json_object *rec, char *out, size_t room)
{
	static const char *const parts[] = { "kind", "defect", "verdict", "reason", "type", "perm", "order", "p2m_types",
					     "expected", "possible", "facts" };
	char text[2048];
	size_t at = 0;
	struct seen_finding *f;

	for (size_t i = 0; i < EMT_ARRAY_SIZE(parts) && at < sizeof(text); i++) {
		struct json_object *v = member(rec, parts[i]);

		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s|", v ?
				       json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN) : "");
	}
	/* what a missed flush was about */
	if (*text_of(rec, "change") && at < sizeof(text))
		snprintf(text + at, sizeof(text) - at, "%s|", text_of(rec, "change"));
	snprintf(out, room, "%016llx", (unsigned long long)XXH64(text, strlen(text), 0));
	/* two in one audit: told apart by their order */
	for (unsigned int n = 2; n < 100; n++) {
		HASH_FIND_STR(d->findings, out, f);
		if (!f || !f->named)
			return;
		snprintf(out + 16, room - 16, "-%u", n);
	}
}

static bool differs(struct json_object *a, struct json_object *b)
{
	static const char *const parts[] = { "severity", "first_gfn", "entries", "bytes", "ranges_total", "explanation" };

	for (size_t i = 0; i < EMT_ARRAY_SIZE(parts); i++)
		if (!json_object_equal(member(a, parts[i]), member(b, parts[i])))
			return true;
	return false;
}

static void take_finding(struct watched *src, struct seen_domain *d, struct json_object *rec, int64_t now)
{
	struct seen_finding *f;
	struct json_object *o;
	char key[24];

	key_of(d, rec, key, sizeof(key));
	HASH_FIND_STR(d->findings, key, f);
	if (!f) {
		f = new_finding(d, key, now, rec);
		if (!f)
			return;
		f->named = true;
		tell(src, "new", finding_event(src, d, f, "new"), true);
	} else {
		bool other = differs(f->rec, rec);
		int64_t was = number_of(f->rec, "entries");

		json_object_get(rec);
		json_object_put(f->rec);
		f->rec = rec;
		f->named = true;
		f->last_seen = now;
		if (other) {
			o = finding_event(src, d, f, "changed");
			json_object_object_add(o, "was_entries", json_object_new_int64(was));
			tell(src, "changed", o, true);
		}
	}
	history_finding(src->w->history, key, f->first_seen, rec);
}

static void take_fact(struct watched *src, struct seen_domain *d, struct json_object *rec)
{
	const char *name = text_of(rec, "fact"), *held = text_of(rec, "held"), *value = text_of(rec, "value");
	uint64_t digest = strtoull(text_of(rec, "digest"), NULL, 16);
	struct json_object *o;
	struct seen_fact *f;

	HASH_FIND_STR(d->facts, name, f);
	if (!f) {
		f = new_fact(d, name, held, value, digest);
		if (!f)
			return;
		if (d->audits) {
			o = event(src, d, "fact");
			put_text(o, "fact", name);
			put_text(o, "value", value);
			tell(src, "fact", o, true);
		}
	} else if (f->digest != digest || strcmp(f->held, held)) {
		o = event(src, d, "fact");
		put_text(o, "fact", name);
		put_text(o, "value", value);
		put_text(o, "was_value", f->value);
		if (strcmp(f->held, held))
			json_object_object_add(o, "text", json_object_new_string(held));
		set_fact(f, held, value, digest);
		tell(src, "fact", o, true);
	}
	f->named = true;
	history_fact(src->w->history, name, held, value, digest);
}

static const char *worst_of(const struct seen_domain *d)
{
	const char *worst = NULL;
	int most = -1;

	for (struct seen_finding *f = d->findings; f; f = f->hh.next) {
		const char *text = text_of(f->rec, "severity");

		if (emt_severity_parse(text) > most) {
			most = emt_severity_parse(text);
			worst = text;
		}
	}
	return worst;
}

/* A missed flush happened once, between two audits; nothing tells when hardware forgets
 * what it was not told. */
static bool stays_open(const struct watched *src, const struct seen_finding *f, int64_t now)
{
	return *text_of(f->rec, "change") && now - f->last_seen < (int64_t)src->w->s->config.flush_open;
}

static void clear_unnamed(struct watched *src, struct seen_domain *d, bool complete, int64_t now)
{
	struct seen_finding *f, *next;
	struct seen_fact *t, *tnext;

	HASH_ITER(hh, d->findings, f, next) {
		/* an audit that did not see everything says nothing of what it did not see */
		if (!f->named && stays_open(src, f, now)) {
			history_stays(src->w->history, f->key, f->first_seen);
		} else if (!f->named && complete) {
			tell(src, "cleared", finding_event(src, d, f, "cleared"), true);
			free_finding(d, f);
		}
	}
	HASH_ITER(hh, d->facts, t, tnext)
		if (!t->named && complete)
			free_fact(d, t);
	for (f = d->findings; f; f = f->hh.next)
		f->named = false;
	for (t = d->facts; t; t = t->hh.next)
		t->named = false;
}

static void take_domain(struct watched *src, struct seen_domain *d, struct json_object *lines, bool complete,
			uint64_t ms)
{
	int64_t now = (int64_t)time(NULL);
	unsigned int findings = 0;
	const char *worst = NULL;
	int most = -1;
	struct history_audit a = {
		.identity = d->identity, .source = src->text, .name = d->name, .uuid = d->uuid, .release = d->release,
		.domid = d->domid, .time = now, .milliseconds = ms, .complete = complete,
		.entries = (uint64_t)number_of(d->rec, "entries"),
		.summary = json_object_to_json_string_ext(d->rec, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
	};

	for (size_t i = 0; i < json_object_array_length(lines); i++) {
		struct json_object *o = json_object_array_get_idx(lines, i);

		if (strcmp(text_of(o, "record"), "finding") || number_of(o, "domain") != d->domid)
			continue;
		findings++;
		if (emt_severity_parse(text_of(o, "severity")) > most) {
			most = emt_severity_parse(text_of(o, "severity"));
			worst = text_of(o, "severity");
		}
	}
	a.findings = findings;
	a.worst = worst;
	history_begin(src->w->history, &a);
	for (size_t i = 0; i < json_object_array_length(lines); i++) {
		struct json_object *o = json_object_array_get_idx(lines, i);
		const char *record = text_of(o, "record");

		if (number_of(o, "domain") != d->domid)
			continue;
		if (!strcmp(record, "finding"))
			take_finding(src, d, o, now);
		else if (!strcmp(record, "observed_fact"))
			take_fact(src, d, o);
	}
	clear_unnamed(src, d, complete, now);
	history_end(src->w->history);
	d->audited = now;
	d->complete = complete ? now : d->complete;
	d->audits++;
	feeds_state(src->w->s, src, d);
}

void state_gone(struct watched *src, struct seen_domain *d)
{
	struct json_object *o = event(src, d, "gone");

	put_text(o, "text", "the domain is gone, and what was found in it");
	tell(src, "gone", o, false);
	history_gone(src->w->history, d->identity, (int64_t)time(NULL));
	DL_DELETE(src->domains, d);
	state_free(d);
}

void state_take(struct watched *src, struct json_object *lines, bool complete, uint64_t milliseconds)
{
	struct json_object *families = json_object_new_array();
	struct seen_domain *d, *next;

	src->audits++;
	src->w->audits++;
	if (*src->error) {
		struct json_object *o = event(src, NULL, "recovered");

		put_text(o, "text", "it can be audited again");
		*src->error = '\0';
		tell(src, "recovered", o, false);
	}
	DL_FOREACH(src->domains, d)
		d->named = false;
	for (size_t i = 0; i < json_object_array_length(lines); i++) {
		struct json_object *o = json_object_array_get_idx(lines, i);

		if (!strcmp(text_of(o, "record"), "metric_family"))
			json_object_array_add(families, json_object_get(o));
		if (strcmp(text_of(o, "record"), "domain"))
			continue;
		d = domain_of(src, o);
		if (!d)
			continue;
		d->named = true;
		take_domain(src, d, lines, complete && json_object_get_boolean(member(o, "complete")), milliseconds);
	}
	DL_FOREACH_SAFE(src->domains, d, next)
		if (!d->named && complete)
			state_gone(src, d);
	json_object_put(src->families);
	src->families = families;
}

void state_failed(struct watched *src, const char *text)
{
	struct json_object *o;

	src->failures++;
	src->w->failures++;
	if (!strcmp(src->error, text))
		return;
	snprintf(src->error, sizeof(src->error), "%s", text);
	log_line(LOG_LEVEL_WARNING, "%s: %s", src->text, text);
	o = event(src, NULL, "failed");
	put_text(o, "text", text);
	tell(src, "failed", o, false);
}

/* ---- numbers ---- */

struct json_object *state_numbers(const struct watched *src, const struct seen_domain *d)
{
	static const char *const verdicts[] = { "ok", "pending", "mismatch", "undetermined" };
	struct json_object *o = json_object_new_object(), *list = member(d->rec, "verdicts");
	int64_t counts[EMT_SEV_NR] = { 0 };
	char name[40];

	put_time(o, "time", d->audited);
	put_text(o, "source", src->text);
	json_object_object_add(o, "domain", json_object_new_int64(d->domid));
	put_text(o, "name", d->name);
	put_text(o, "uuid", d->uuid);
	json_object_object_add(o, "audits", json_object_new_int64((int64_t)d->audits));
	json_object_object_add(o, "complete", json_object_new_boolean(d->complete == d->audited));
	json_object_object_add(o, "findings", json_object_new_int64(HASH_COUNT(d->findings)));
	for (struct seen_finding *f = d->findings; f; f = f->hh.next) {
		int s = emt_severity_parse(text_of(f->rec, "severity"));

		if (s >= 0)
			counts[s]++;
	}
	for (unsigned int s = 0; s < EMT_SEV_NR; s++)
		json_object_object_add(o, emt_severity_name(s), json_object_new_int64(counts[s]));
	put_text(o, "worst", worst_of(d));
	json_object_object_add(o, "entries", json_object_new_int64(number_of(d->rec, "entries")));
	for (size_t i = 0; i < EMT_ARRAY_SIZE(verdicts); i++) {
		int64_t n = 0;

		for (size_t k = 0; list && k < json_object_array_length(list); k++) {
			struct json_object *v = json_object_array_get_idx(list, k);

			if (!strcmp(text_of(v, "verdict"), verdicts[i]))
				n = number_of(v, "entries");
		}
		snprintf(name, sizeof(name), "%s_entries", verdicts[i]);
		json_object_object_add(o, name, json_object_new_int64(n));
	}
	return o;
}
