/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts as JSON: the facts file that users write, the facts chunk of a capture,
 * and the "env" of a vector file, all by one reader. Names are those of
 * emt_fact_descs (which are those of the vector format).
 *
 * A fact is a plain value (known), null (unknown), or an object
 *   {"value": V, "held": "known|assumed|unknown", "origin": TEXT,
 *    "time": SECONDS, "since": SECONDS, "rest": HELD, "scope": [FIRST, LAST]}
 * For lists V is an array of [first, last], [first, last, tag] or
 * {"first","last","tag","held"}; a plain array means: complete and known.
 * Frames are "0x" hex strings or decimal numbers. The reader is strict: an
 * unknown name, a wrong type, a number out of range is an error that names key
 * and line.
 */
#ifndef EMT_CAPTURE_FACTS_JSON_H
#define EMT_CAPTURE_FACTS_JSON_H

#include <json-c/json_object.h>

#include "policy/facts.h"

/* Merge 'obj' into 'f' (initialised). What 'obj' states replaces what 'f' had.
 * 'origin' is the default origin of each fact ("facts file"); it is interned.
 * 'subject' names the input in errors. Returns 0 or a negative emt_errcode; after
 * an error 'f' may hold a part of what 'obj' states. */
int emt_facts_from_json(struct emt_facts *f, struct json_object *obj, const char *origin, const char *subject,
			struct emt_err *err);

/* The same from text of 'len' bytes (need not end in NUL). */
int emt_facts_from_text(struct emt_facts *f, const char *text, size_t len, const char *origin,
			const char *subject, struct emt_err *err);

/* True if the reader takes 'key' at the top. */
bool emt_facts_known(const char *key);

/* All facts but the wholly unknown ones, in full form; caller puts it. Reading it
 * back gives equal facts. NULL when memory is short. */
struct json_object *emt_facts_to_json(const struct emt_facts *f);

#endif
