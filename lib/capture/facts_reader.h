/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside of the facts reader: where it is in the JSON, and the values it reads.
 */
#ifndef EMT_CAPTURE_FACTS_READER_H
#define EMT_CAPTURE_FACTS_READER_H

#include <json-c/json.h>

#include "capture/facts_json.h"

/* One step from the top of the JSON down: a key of an object or an item of an array. */
struct emt_facts_step {
	const char *key; /* NULL = an item */
	size_t index;    /* of the item */
};

#define EMT_FACTS_VCPUS_MAX 8192          /* more than any Xen or KVM allows */
#define EMT_FACTS_TEXT_MAX (16 << 20)     /* bytes of JSON: bounds the parser's memory */

#define EMT_FACTS_DEPTH 8 /* steps; fact, value, vCPU, var, range, base is the longest */

struct emt_facts_reader {
	struct emt_facts *f;
	const char *origin;   /* interned in f, or NULL */
	const char *subject;  /* names the input in errors */
	const char *text;     /* what was parsed, NULL when only the object is at hand */
	size_t len;           /* of text */
	struct emt_err *err;
	struct emt_facts_step path[EMT_FACTS_DEPTH];
	unsigned int depth;   /* steps in use */
};

static inline void emt_facts_enter(struct emt_facts_reader *r, const char *key, size_t index)
{
	if (r->depth < EMT_FACTS_DEPTH)
		r->path[r->depth] = (struct emt_facts_step){ key, index };
	r->depth++;
}

static inline void emt_facts_leave(struct emt_facts_reader *r)
{
	r->depth--;
}

/* An error about where the reader is: names the path, finds line and column. */
int emt_facts_fail(struct emt_facts_reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int emt_facts_nomem(struct emt_facts_reader *r);

/* Offset in the text of the value that the path leads to, or -1. */
long emt_facts_locate(const char *text, size_t len, const struct emt_facts_step *path, unsigned int depth);
/* A key that stands twice in the object at the top, or NULL; 'room' bytes of it go to 'key'. */
bool emt_facts_twice(const char *text, size_t len, char *key, size_t room, size_t *where);
/* Offset of a ' outside of strings, which json-c takes for a quote, or -1. */
long emt_facts_odd_quote(const char *text, size_t len);
void emt_facts_line(const char *text, size_t offset, unsigned long *line, unsigned int *column);

/* Values. Each returns 0 or an error that was already stated. */
int emt_facts_number(struct emt_facts_reader *r, struct json_object *v, uint64_t max, uint64_t *out);
int emt_facts_bool(struct emt_facts_reader *r, struct json_object *v, uint8_t *out);
int emt_facts_held(struct emt_facts_reader *r, struct json_object *v, uint8_t *out);
int emt_facts_string(struct emt_facts_reader *r, struct json_object *v, char *out, size_t room);
/* The list 'id' from an array; 'held' is that of items that do not state theirs. */
int emt_facts_ranges(struct emt_facts_reader *r, enum emt_fact_id id, struct json_object *v, uint8_t held,
		     struct emt_ranges *out);
/* One set of MTRRs; null = unknown. '*held' is the degree of what it does not state itself. */
int emt_facts_mtrr(struct emt_facts_reader *r, struct json_object *v, uint8_t held, struct emt_mtrr *out);

#endif
