/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading the values of facts: numbers, degrees, ranges, MTRRs.
 */
#include "capture/facts_reader.h"

#include <string.h>

int emt_facts_number(struct emt_facts_reader *r, struct json_object *v, uint64_t max, uint64_t *out)
{
	uint64_t n;

	if (json_object_is_type(v, json_type_int)) {
		if (json_object_get_int64(v) < 0)
			return emt_facts_fail(r, "must not be negative");
		n = json_object_get_uint64(v);
	} else if (json_object_is_type(v, json_type_string)) {
		const char *s = json_object_get_string(v);

		if (strncmp(s, "0x", 2) || emt_parse_u64(s, &n))
			return emt_facts_fail(r, "\"%.40s\" is no number; write decimal digits or \"0x...\"",
					      s);
	} else {
		return emt_facts_fail(r, "must be a number or \"0x...\"");
	}
	if (n > max)
		return emt_facts_fail(r, "%llu is out of range, the most is %llu", (unsigned long long)n,
				      (unsigned long long)max);
	*out = n;
	return 0;
}

int emt_facts_bool(struct emt_facts_reader *r, struct json_object *v, uint8_t *out)
{
	if (json_object_is_type(v, json_type_boolean)) {
		*out = json_object_get_boolean(v);
		return 0;
	}
	if (json_object_is_type(v, json_type_int)) {
		int64_t n = json_object_get_int64(v);

		if (n == 0 || n == 1) {
			*out = (uint8_t)n;
			return 0;
		}
	}
	return emt_facts_fail(r, "must be true, false, 0 or 1");
}

int emt_facts_held(struct emt_facts_reader *r, struct json_object *v, uint8_t *out)
{
	if (json_object_is_type(v, json_type_string))
		for (unsigned int i = EMT_UNKNOWN; i <= EMT_KNOWN; i++)
			if (!strcmp(json_object_get_string(v), emt_held_name(i))) {
				*out = (uint8_t)i;
				return 0;
			}
	return emt_facts_fail(r, "must be \"known\", \"assumed\" or \"unknown\"");
}

int emt_facts_string(struct emt_facts_reader *r, struct json_object *v, char *out, size_t room)
{
	size_t n;

	if (!json_object_is_type(v, json_type_string))
		return emt_facts_fail(r, "must be text");
	n = (size_t)json_object_get_string_len(v);
	if (n >= room)
		return emt_facts_fail(r, "is longer than %zu bytes", room - 1);
	if (strlen(json_object_get_string(v)) != n)
		return emt_facts_fail(r, "must not hold a NUL");
	memset(out, 0, room);
	memcpy(out, json_object_get_string(v), n);
	return 0;
}

static int tag(struct emt_facts_reader *r, enum emt_fact_id id, struct json_object *v, uint32_t *out)
{
	const char *s = json_object_is_type(v, json_type_string) ? json_object_get_string(v) : NULL;
	uint64_t n;
	int t = -1;

	if (!emt_fact_tagged(id))
		return emt_facts_fail(r, "these ranges have no tag");
	if (s && strncmp(s, "0x", 2)) {
		if (id == EMT_FACT_SPECIAL)
			t = !strcmp(s, "xenheap") ? EMT_SPECIAL_XENHEAP
			    : !strcmp(s, "extra") ? EMT_SPECIAL_EXTRA
						  : -1;
		else if (id == EMT_FACT_PINS)
			t = emt_mt_parse(s);
		else if (id == EMT_FACT_P2M_TYPES)
			t = emt_p2mt_parse(s);
		if (t < 0)
			return emt_facts_fail(r, "\"%.40s\" is no %s", s,
					      id == EMT_FACT_SPECIAL ? "kind of frame (xenheap, extra)" :
					      id == EMT_FACT_PINS ? "memory type (UC, WC, WT, WP, WB, UC-)" :
					      id == EMT_FACT_P2M_TYPES ? "p2m type" :
					      id == EMT_FACT_KVM_MEMSLOTS ? "set of flags (a number)" :
					      id >= EMT_FACT_PV_KERNEL ? "number" :
					      "E820 type (a number)");
		n = (uint64_t)t;
	} else if (emt_facts_number(r, v, UINT32_MAX, &n)) {
		return EMT_E_FORMAT;
	}
	if (id == EMT_FACT_SPECIAL && n > EMT_SPECIAL_EXTRA)
		return emt_facts_fail(r, "must be xenheap (0) or extra (1)");
	if (id == EMT_FACT_PINS && (n > EMT_MT_7 || n == EMT_MT_RSVD2 || n == EMT_MT_RSVD3))
		return emt_facts_fail(r, "must be a PAT type: 0, 1, 4, 5, 6 or 7");
	if (id == EMT_FACT_P2M_TYPES && n >= EMT_P2M_NR && n != EMT_P2M_UNKNOWN)
		return emt_facts_fail(r, "must be a p2m type, less than %d", EMT_P2M_NR);
	*out = (uint32_t)n;
	return 0;
}

/* {"start", "size", "type"} in bytes. RAM that fills a page only in part is not RAM
 * to a frame; what is not RAM counts for every frame that it touches. */
static int e820_bytes(struct emt_facts_reader *r, enum emt_fact_id id, struct json_object *v,
		      struct emt_range *out, bool *empty)
{
	uint64_t start = 0, size = 0, end;
	bool have_start = false, have_size = false, have_type = false;
	int rc = 0;

	json_object_object_foreach(v, key, val) {
		emt_facts_enter(r, key, 0);
		if (!strcmp(key, "start")) {
			rc = emt_facts_number(r, val, UINT64_MAX, &start);
			have_start = true;
		} else if (!strcmp(key, "size")) {
			rc = emt_facts_number(r, val, UINT64_MAX, &size);
			have_size = true;
		} else if (!strcmp(key, "type")) {
			rc = tag(r, id, val, &out->tag);
			have_type = true;
		} else if (!strcmp(key, "held")) {
			rc = emt_facts_held(r, val, &out->held);
		} else {
			rc = emt_facts_fail(r, "unknown name; a range in bytes has start, size, type, held");
		}
		emt_facts_leave(r);
		if (rc)
			return rc;
	}
	if (!have_start || !have_size || !have_type)
		return emt_facts_fail(r, "a range in bytes needs start, size and type");
	*empty = !size;
	if (!size)
		return 0;
	if (__builtin_add_overflow(start, size - 1, &end))
		return emt_facts_fail(r, "start and size go past 64 bits");
	out->first = start >> 12;
	out->last = end >> 12;
	if (out->tag == 1) {
		out->first += !!(start & 0xfff);
		if ((end & 0xfff) != 0xfff) {
			*empty = !out->last;
			out->last--;
		}
		*empty = *empty || out->first > out->last;
	}
	return 0;
}

static int range_object(struct emt_facts_reader *r, enum emt_fact_id id, struct json_object *v,
			struct emt_range *out)
{
	bool have_first = false, have_last = false, have_tag = false;
	int rc = 0;

	json_object_object_foreach(v, key, val) {
		emt_facts_enter(r, key, 0);
		if (!strcmp(key, "first")) {
			rc = emt_facts_number(r, val, UINT64_MAX, &out->first);
			have_first = true;
		} else if (!strcmp(key, "last")) {
			rc = emt_facts_number(r, val, UINT64_MAX, &out->last);
			have_last = true;
		} else if (!strcmp(key, "tag")) {
			rc = tag(r, id, val, &out->tag);
			have_tag = true;
		} else if (!strcmp(key, "held")) {
			rc = emt_facts_held(r, val, &out->held);
		} else {
			rc = emt_facts_fail(r, "unknown name; a range has first, last, tag, held");
		}
		emt_facts_leave(r);
		if (rc)
			return rc;
	}
	if (!have_first || !have_last)
		return emt_facts_fail(r, "a range needs first and last");
	if (emt_fact_tagged(id) && !have_tag)
		return emt_facts_fail(r, "a range of this list needs a tag");
	return 0;
}

static int range_array(struct emt_facts_reader *r, enum emt_fact_id id, struct json_object *v,
		       struct emt_range *out)
{
	size_t n = json_object_array_length(v), want = emt_fact_tagged(id) ? 3 : 2;
	int rc = 0;

	if (n != want)
		return emt_facts_fail(r, "must be [first, last%s]", emt_fact_tagged(id) ? ", tag" : "");
	for (size_t i = 0; i < n && !rc; i++) {
		struct json_object *item = json_object_array_get_idx(v, i);

		emt_facts_enter(r, NULL, i);
		rc = i == 2 ? tag(r, id, item, &out->tag) :
			      emt_facts_number(r, item, UINT64_MAX, i ? &out->last : &out->first);
		emt_facts_leave(r);
	}
	return rc;
}

static int range(struct emt_facts_reader *r, enum emt_fact_id id, struct json_object *v, uint8_t held,
		 struct emt_ranges *list)
{
	struct emt_range x = { .held = held };
	bool bytes = false, empty = false;
	int rc;

	if (json_object_is_type(v, json_type_array)) {
		rc = range_array(r, id, v, &x);
	} else if (json_object_is_type(v, json_type_object)) {
		bytes = (id == EMT_FACT_HOST_E820 || id == EMT_FACT_GUEST_E820) &&
			json_object_object_get_ex(v, "start", NULL);
		rc = bytes ? e820_bytes(r, id, v, &x, &empty) : range_object(r, id, v, &x);
	} else {
		rc = emt_facts_fail(r, "must be a range: [first, last%s] or an object",
				    emt_fact_tagged(id) ? ", tag" : "");
	}
	if (rc || empty)
		return rc;
	if (x.first > x.last)
		return emt_facts_fail(r, "the range ends (0x%llx) before it begins (0x%llx)",
				      (unsigned long long)x.last, (unsigned long long)x.first);
	return emt_ranges_add(list, x.first, x.last, x.tag, x.held) ? emt_facts_nomem(r) : 0;
}

int emt_facts_ranges(struct emt_facts_reader *r, enum emt_fact_id id, struct json_object *v, uint8_t held,
		     struct emt_ranges *out)
{
	size_t n;
	int rc = 0;

	if (!json_object_is_type(v, json_type_array))
		return emt_facts_fail(r, "must be an array of ranges");
	n = json_object_array_length(v);
	for (size_t i = 0; i < n && !rc; i++) {
		emt_facts_enter(r, NULL, i);
		rc = range(r, id, json_object_array_get_idx(v, i), held, out);
		emt_facts_leave(r);
	}
	/* the order of pins tells their age; all others are looked up by frame */
	if (!rc && id != EMT_FACT_PINS)
		emt_ranges_normalise(out);
	return rc;
}

static int msrs(struct emt_facts_reader *r, struct json_object *v, uint64_t *out, size_t want)
{
	int rc = 0;

	if (!json_object_is_type(v, json_type_array) || json_object_array_length(v) != want)
		return emt_facts_fail(r, "must be an array of %zu register values", want);
	for (size_t i = 0; i < want && !rc; i++) {
		emt_facts_enter(r, NULL, i);
		rc = emt_facts_number(r, json_object_array_get_idx(v, i), UINT64_MAX, &out[i]);
		emt_facts_leave(r);
	}
	return rc;
}

/* Each item [base, mask], or null for a range that is not known. */
static int variable(struct emt_facts_reader *r, struct json_object *v, struct emt_mtrr *m, uint8_t held)
{
	int rc = 0;

	if (!json_object_is_type(v, json_type_array) || json_object_array_length(v) != m->vcnt)
		return emt_facts_fail(r, "must be an array of %u ranges [base, mask] (vcnt)", m->vcnt);
	for (size_t i = 0; i < m->vcnt && !rc; i++) {
		struct json_object *item = json_object_array_get_idx(v, i);

		m->var_held[i] = item ? held : EMT_UNKNOWN;
		emt_facts_enter(r, NULL, i);
		if (item)
			rc = msrs(r, item, m->var[i], 2);
		emt_facts_leave(r);
	}
	return rc;
}

static int variable_held(struct emt_facts_reader *r, struct json_object *v, struct emt_mtrr *m)
{
	int rc = 0;

	if (!json_object_is_type(v, json_type_array) || json_object_array_length(v) != m->vcnt)
		return emt_facts_fail(r, "must be an array of %u degrees (vcnt)", m->vcnt);
	for (size_t i = 0; i < m->vcnt && !rc; i++) {
		emt_facts_enter(r, NULL, i);
		rc = emt_facts_held(r, json_object_array_get_idx(v, i), &m->var_held[i]);
		emt_facts_leave(r);
	}
	return rc;
}

enum { M_HELD, M_VCNT, M_DEF_TYPE, M_E, M_FE, M_FIXED, M_VAR, M_DEF_HELD, M_FIXED_HELD, M_VAR_HELD, M_NR };

/* In this order: each needs those before it. */
static const char *const mtrr_keys[M_NR] = {"held",  "vcnt", "def_type", "e",	       "fe",
					    "fixed", "var",  "def_held", "fixed_held", "var_held"};

static int mtrr_part(struct emt_facts_reader *r, int part, struct json_object *v, uint8_t *held,
		     struct emt_mtrr *m)
{
	uint64_t n = 0;
	int rc = 0;

	switch (part) {
	case M_HELD:
		return emt_facts_held(r, v, held);
	case M_VCNT:
		rc = emt_facts_number(r, v, EMT_MTRR_VAR_MAX, &n);
		m->vcnt = (uint8_t)n;
		return rc;
	case M_DEF_TYPE:
		rc = emt_facts_number(r, v, EMT_MT_WB, &n);
		m->def_type = (uint8_t)n;
		return rc;
	case M_E:
		return emt_facts_bool(r, v, &m->e);
	case M_FE:
		return emt_facts_bool(r, v, &m->fe);
	case M_FIXED:
		m->fixed_held = *held;
		return msrs(r, v, m->fixed, EMT_MTRR_FIXED_NR);
	case M_VAR:
		memset(m->var_held, *held, sizeof(m->var_held));
		return variable(r, v, m, *held);
	case M_DEF_HELD:
		return emt_facts_held(r, v, &m->def_held);
	case M_FIXED_HELD:
		return emt_facts_held(r, v, &m->fixed_held);
	default:
		return variable_held(r, v, m);
	}
}

int emt_facts_mtrr(struct emt_facts_reader *r, struct json_object *v, uint8_t held, struct emt_mtrr *out)
{
	struct json_object *part[M_NR] = { NULL };
	int rc = 0, i;

	emt_mtrr_init(out);
	if (!v)
		return 0;
	if (!json_object_is_type(v, json_type_object))
		return emt_facts_fail(r, "must be an object with def_type, e, fe, fixed, var");
	json_object_object_foreach(v, key, val) {
		for (i = 0; i < M_NR && strcmp(key, mtrr_keys[i]); i++)
			;
		if (i == M_NR) {
			emt_facts_enter(r, key, 0);
			return emt_facts_fail(r, "unknown name in a set of MTRRs");
		}
		part[i] = val;
	}
	/* a set without vcnt has as many ranges as it lists */
	if (!part[M_VCNT] && json_object_is_type(part[M_VAR], json_type_array)) {
		size_t n = json_object_array_length(part[M_VAR]);

		if (n > EMT_MTRR_VAR_MAX)
			return emt_facts_fail(r, "more than %d variable ranges", EMT_MTRR_VAR_MAX);
		out->vcnt = (uint8_t)n;
	}
	if (part[M_DEF_TYPE] && (!part[M_E] || !part[M_FE]))
		return emt_facts_fail(r, "def_type needs e and fe beside it");
	for (i = 0; i < M_NR && !rc; i++) {
		if (!part[i])
			continue;
		emt_facts_enter(r, mtrr_keys[i], 0);
		rc = mtrr_part(r, i, part[i], &held, out);
		emt_facts_leave(r);
		if (i == M_DEF_TYPE)
			out->def_held = held;
	}
	return rc;
}
