/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts from JSON: which names there are, and the plain and the full form.
 */
#include "capture/facts_json.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/facts_reader.h"

/* Names at the top that are no facts with a degree: they describe the domain, or
 * are the vector format's other way to say something. */
enum { X_DOMID, X_NAME, X_UUID, X_NR_PAGES, X_MAX_GFN, X_IS_KVM, X_GUEST_MTRR, X_FLAGS, X_NR };

static const char *const extra_keys[X_NR] = { "domid", "domain_name", "domain_uuid", "nr_pages", "max_gfn",
					      "is_kvm", "guest_mtrr", "flags" };

/* How the value of one fact is to be held while it is read. */
struct full {
	struct json_object *value;
	struct emt_prov prov;
};

static int read_seconds(struct emt_facts_reader *r, struct json_object *v, int64_t *out)
{
	if (!json_object_is_type(v, json_type_int))
		return emt_facts_fail(r, "must be a number of seconds since 1970");
	*out = json_object_get_int64(v);
	return 0;
}

static int read_scope(struct emt_facts_reader *r, struct json_object *v, struct emt_prov *p)
{
	int rc = 0;

	if (!json_object_is_type(v, json_type_array) || json_object_array_length(v) != 2)
		return emt_facts_fail(r, "must be [first, last]");
	for (size_t i = 0; i < 2 && !rc; i++) {
		emt_facts_enter(r, NULL, i);
		rc = emt_facts_number(r, json_object_array_get_idx(v, i), UINT64_MAX,
				      i ? &p->last : &p->first);
		emt_facts_leave(r);
	}
	if (!rc && p->first > p->last)
		return emt_facts_fail(r, "ends before it begins");
	return rc;
}

static int read_origin(struct emt_facts_reader *r, struct json_object *v, struct emt_prov *p)
{
	p->origin = NULL;
	if (!v)
		return 0;
	if (!json_object_is_type(v, json_type_string))
		return emt_facts_fail(r, "must be text or null");
	p->origin = emt_facts_intern(r->f, json_object_get_string(v));
	return p->origin ? 0 : emt_facts_nomem(r);
}

static int full_member(struct emt_facts_reader *r, const char *key, struct json_object *v, struct full *x,
		       bool *have_rest)
{
	if (!strcmp(key, "value")) {
		x->value = v;
		return 0;
	}
	if (!strcmp(key, "held"))
		return emt_facts_held(r, v, &x->prov.held);
	if (!strcmp(key, "rest")) {
		*have_rest = true;
		return emt_facts_held(r, v, &x->prov.rest);
	}
	if (!strcmp(key, "origin"))
		return read_origin(r, v, &x->prov);
	if (!strcmp(key, "time"))
		return read_seconds(r, v, &x->prov.time);
	if (!strcmp(key, "since"))
		return read_seconds(r, v, &x->prov.since);
	if (!strcmp(key, "scope"))
		return read_scope(r, v, &x->prov);
	return emt_facts_fail(r, "unknown name; a fact has value, held, origin, time, since, rest, scope");
}

/* Take a fact apart: null, a plain value, or an object that holds "value". */
static int read_full(struct emt_facts_reader *r, enum emt_fact_id id, struct json_object *v, struct full *x,
		     bool *is_full)
{
	bool have_rest = false;
	int rc = 0;

	*x = (struct full){ .value = v };
	x->prov.held = x->prov.rest = v ? EMT_KNOWN : EMT_UNKNOWN;
	x->prov.last = EMT_NO_FRAME;
	x->prov.origin = v ? r->origin : NULL;
	/* a set of MTRRs is an object too, without a "value" */
	*is_full = json_object_is_type(v, json_type_object) &&
		   (id != EMT_FACT_HOST_MTRR || json_object_object_get_ex(v, "value", NULL));
	if (!*is_full) {
		struct json_object *held;

		if (json_object_is_type(v, json_type_object) && json_object_object_get_ex(v, "held", &held)) {
			emt_facts_enter(r, "held", 0);
			rc = emt_facts_held(r, held, &x->prov.held);
			emt_facts_leave(r);
			x->prov.rest = x->prov.held;
		}
		return rc;
	}
	x->value = NULL;
	json_object_object_foreach(v, key, val) {
		emt_facts_enter(r, key, 0);
		rc = full_member(r, key, val, x, &have_rest);
		emt_facts_leave(r);
		if (rc)
			return rc;
	}
	if (!json_object_object_get_ex(v, "value", NULL))
		return emt_facts_fail(r, "an object needs a \"value\"");
	if (!x->value && !json_object_object_get_ex(v, "held", NULL))
		x->prov.held = EMT_UNKNOWN;
	if (!x->value && x->prov.held != EMT_UNKNOWN)
		return emt_facts_fail(r, "null is not known: leave \"held\" out or say \"unknown\"");
	if (!have_rest)
		x->prov.rest = x->prov.held;
	return 0;
}

static int read_text(struct emt_facts_reader *r, enum emt_fact_id id, struct json_object *v)
{
	struct emt_facts *f = r->f;
	char word[16];
	int rc, paging;

	if (id == EMT_FACT_RELEASE) {
		memset(f->release, 0, sizeof(f->release));
		f->is_kvm = 0;
		if (!v)
			return 0;
		rc = emt_facts_string(r, v, f->release, sizeof(f->release));
		f->is_kvm = !strncmp(f->release, "kvm", 3);
		return rc;
	}
	if (id == EMT_FACT_PV_KERNEL) {
		memset(f->pv_kernel, 0, sizeof(f->pv_kernel));
		return v ? emt_facts_string(r, v, f->pv_kernel, sizeof(f->pv_kernel)) : 0;
	}
	f->paging = EMT_PAGING_UNKNOWN;
	if (!v)
		return 0;
	rc = emt_facts_string(r, v, word, sizeof(word));
	if (rc)
		return rc;
	paging = emt_paging_parse(word);
	if (paging < 0)
		return emt_facts_fail(r, "must be ept, npt, shadow or pv");
	f->paging = (uint8_t)paging;
	return 0;
}

/* A register of each vCPU. */
static int read_registers(struct emt_facts_reader *r, struct json_object *v, enum emt_fact_id id)
{
	uint64_t *to = *emt_facts_registers(r->f, id);
	size_t n;
	int rc = 0;

	for (uint32_t i = 0; i < r->f->nr_vcpus; i++)
		to[i] = 0;
	if (!v)
		return 0;
	if (!json_object_is_type(v, json_type_array))
		return emt_facts_fail(r, "must be an array with one value for each vCPU");
	n = json_object_array_length(v);
	if (n > EMT_FACTS_VCPUS_MAX)
		return emt_facts_fail(r, "more than %d vCPUs", EMT_FACTS_VCPUS_MAX);
	if (emt_facts_vcpus(r->f, (uint32_t)n))
		return emt_facts_nomem(r);
	to = *emt_facts_registers(r->f, id);
	for (size_t i = 0; i < n && !rc; i++) {
		emt_facts_enter(r, NULL, i);
		rc = emt_facts_number(r, json_object_array_get_idx(v, i), UINT64_MAX, &to[i]);
		emt_facts_leave(r);
	}
	return rc;
}

static int read_int(struct emt_facts_reader *r, enum emt_fact_id id, struct json_object *v)
{
	struct emt_facts *f = r->f;
	uint64_t n = 0;
	int rc = 0;

	switch (id) {
	case EMT_FACT_VCPU_PAT:
	case EMT_FACT_VCPU_CR0:
	case EMT_FACT_VCPU_CR3:
	case EMT_FACT_VCPU_CR4:
	case EMT_FACT_VCPU_EFER:
		return read_registers(r, v, id);
	case EMT_FACT_PCI_DEVICES:
		if (json_object_is_type(v, json_type_array)) /* one item a device: the number counts */
			n = json_object_array_length(v);
		else if (v)
			rc = emt_facts_number(r, v, UINT32_MAX, &n);
		f->pci_devices = (uint32_t)n;
		return rc;
	case EMT_FACT_CURRENT:
		f->current = -1;
		if (!v || (json_object_is_type(v, json_type_int) && json_object_get_int64(v) == -1))
			return 0;
		rc = emt_facts_number(r, v, INT32_MAX, &n);
		if (!rc)
			f->current = (int32_t)n;
		return rc;
	case EMT_FACT_APIC_MFN:
		f->apic_mfn = EMT_NO_FRAME;
		if (!v ||
		    (json_object_is_type(v, json_type_string) && !strcmp(json_object_get_string(v), "none")))
			return 0;
		return emt_facts_number(r, v, UINT64_MAX, &f->apic_mfn);
	case EMT_FACT_MAX_PAGE:
		f->max_page = 0;
		return v ? emt_facts_number(r, v, UINT64_MAX, &f->max_page) : 0;
	case EMT_FACT_KVM_MAXPHYADDR:
		f->kvm_maxphyaddr = 0;
		if (v)
			rc = emt_facts_number(r, v, 52, &n);
		if (!rc && n && n < 32)
			return emt_facts_fail(r, "must be 32 to 52 bits");
		f->kvm_maxphyaddr = (uint8_t)n;
		return rc;
	default:
		return emt_facts_fail(r, "no reader for this fact");
	}
}

/* An array of MTRR sets into '*out' (owned by the caller), '*nr' of them. */
static int read_mtrrs(struct emt_facts_reader *r, struct json_object *v, uint8_t held, struct emt_mtrr **out,
		      uint32_t *nr)
{
	struct emt_mtrr *m = NULL;
	size_t n;
	int rc = 0;

	*out = NULL;
	*nr = 0;
	if (!v)
		return 0;
	if (!json_object_is_type(v, json_type_array))
		return emt_facts_fail(r, "must be an array of MTRR sets");
	n = json_object_array_length(v);
	if (n > EMT_FACTS_VCPUS_MAX)
		return emt_facts_fail(r, "more than %d sets of MTRRs", EMT_FACTS_VCPUS_MAX);
	if (n) {
		m = calloc(n, sizeof(*m));
		if (!m)
			return emt_facts_nomem(r);
	}
	for (size_t i = 0; i < n && !rc; i++) {
		emt_facts_enter(r, NULL, i);
		rc = emt_facts_mtrr(r, json_object_array_get_idx(v, i), held, &m[i]);
		emt_facts_leave(r);
	}
	if (rc) {
		free(m);
		return rc;
	}
	*out = m;
	*nr = (uint32_t)n;
	return 0;
}

static int read_vcpu_mtrr(struct emt_facts_reader *r, struct json_object *v, uint8_t held)
{
	struct emt_facts *f = r->f;
	struct emt_mtrr *m;
	uint32_t n;
	int rc = read_mtrrs(r, v, held, &m, &n);

	if (rc)
		return rc;
	/* the array says how many vCPUs there are, fewer than before too */
	if (emt_facts_vcpus(f, n)) {
		free(m);
		return emt_facts_nomem(r);
	}
	if (v)
		f->nr_vcpus = n;
	for (uint32_t i = 0; i < f->nr_vcpus; i++)
		if (i < n)
			f->vcpu_mtrr[i] = m[i];
		else
			emt_mtrr_init(&f->vcpu_mtrr[i]);
	free(m);
	return 0;
}

static int read_mtrr_fact(struct emt_facts_reader *r, enum emt_fact_id id, struct json_object *v,
			  uint8_t held)
{
	struct emt_facts *f = r->f;
	struct emt_mtrr *m;
	uint32_t n;
	int rc;

	if (id == EMT_FACT_HOST_MTRR)
		return emt_facts_mtrr(r, v, held, &f->host_mtrr);
	if (id == EMT_FACT_VCPU_MTRR)
		return read_vcpu_mtrr(r, v, held);
	rc = read_mtrrs(r, v, held, &m, &n);
	if (rc)
		return rc;
	free(f->host_earlier);
	f->host_earlier = m;
	f->nr_host_earlier = n;
	return 0;
}

static int read_list(struct emt_facts_reader *r, enum emt_fact_id id, struct json_object *v, uint8_t held)
{
	struct emt_ranges *list = emt_facts_list(r->f, id);

	emt_ranges_free(list);
	return v ? emt_facts_ranges(r, id, v, held, list) : 0;
}

static int read_fact(struct emt_facts_reader *r, enum emt_fact_id id, struct json_object *v)
{
	struct full x;
	bool is_full;
	uint8_t *flag = emt_facts_flag(r->f, id);
	int rc = read_full(r, id, v, &x, &is_full);

	if (rc)
		return rc;
	if (is_full)
		emt_facts_enter(r, "value", 0);
	switch (emt_fact_descs[id].kind) {
	case EMT_FK_BOOL:
		*flag = 0;
		rc = x.value ? emt_facts_bool(r, x.value, flag) : 0;
		break;
	case EMT_FK_INT:
		rc = read_int(r, id, x.value);
		break;
	case EMT_FK_TEXT:
		rc = read_text(r, id, x.value);
		break;
	case EMT_FK_LIST:
		rc = read_list(r, id, x.value, x.prov.held);
		break;
	case EMT_FK_MTRR:
		rc = read_mtrr_fact(r, id, x.value, x.prov.held);
		break;
	}
	if (is_full)
		emt_facts_leave(r);
	if (!rc)
		r->f->prov[id] = x.prov;
	return rc;
}

/* The vector format's "flags": KVM's switches by their usual names, and CR0.CD. */
static int read_flags(struct emt_facts_reader *r, struct json_object *v)
{
	int rc = 0;

	if (!json_object_is_type(v, json_type_object))
		return emt_facts_fail(r, "must be an object of KVM's switches");
	json_object_object_foreach(v, key, val) {
		int id = emt_fact_by_name(key);
		uint8_t cd = 0;

		emt_facts_enter(r, key, 0);
		if (!strcmp(key, "cr0_cd")) {
			rc = emt_facts_bool(r, val, &cd);
			if (!rc && emt_facts_vcpus(r->f, 1))
				rc = emt_facts_nomem(r);
			if (!rc) {
				r->f->vcpu_cr0[0] = (r->f->vcpu_cr0[0] & ~(1ull << 30)) | (uint64_t)cd << 30;
				emt_facts_set(r->f, EMT_FACT_VCPU_CR0, EMT_KNOWN, r->origin);
			}
		} else if (id >= EMT_FACT_KVM_NONCOHERENT && id <= EMT_FACT_KVM_CPUID_MTRR) {
			rc = read_fact(r, (enum emt_fact_id)id, val);
		} else {
			rc = emt_facts_fail(r, "unknown name among KVM's switches");
		}
		emt_facts_leave(r);
		if (rc)
			return rc;
	}
	return rc;
}

static int read_guest_mtrr(struct emt_facts_reader *r, struct json_object *v)
{
	struct emt_mtrr m;
	int rc = emt_facts_mtrr(r, v, EMT_KNOWN, &m);

	if (rc)
		return rc;
	if (emt_facts_vcpus(r->f, 1))
		return emt_facts_nomem(r);
	r->f->nr_vcpus = 1;
	r->f->vcpu_mtrr[0] = m;
	emt_facts_set(r->f, EMT_FACT_VCPU_MTRR, v ? EMT_KNOWN : EMT_UNKNOWN, v ? r->origin : NULL);
	return 0;
}

static int read_extra(struct emt_facts_reader *r, int which, struct json_object *v)
{
	struct emt_facts *f = r->f;
	uint64_t n = 0;
	int rc = 0;

	switch (which) {
	case X_DOMID:
		rc = v ? emt_facts_number(r, v, UINT32_MAX, &n) : 0;
		f->domid = (uint32_t)n;
		return rc;
	case X_NAME:
		memset(f->domain_name, 0, sizeof(f->domain_name));
		return v ? emt_facts_string(r, v, f->domain_name, sizeof(f->domain_name)) : 0;
	case X_UUID:
		memset(f->domain_uuid, 0, sizeof(f->domain_uuid));
		return v ? emt_facts_string(r, v, f->domain_uuid, sizeof(f->domain_uuid)) : 0;
	case X_NR_PAGES:
		f->nr_pages = 0;
		return v ? emt_facts_number(r, v, UINT64_MAX, &f->nr_pages) : 0;
	case X_MAX_GFN:
		f->max_gfn = 0;
		return v ? emt_facts_number(r, v, UINT64_MAX, &f->max_gfn) : 0;
	case X_IS_KVM:
		return emt_facts_bool(r, v, &f->is_kvm);
	case X_GUEST_MTRR:
		return read_guest_mtrr(r, v);
	default:
		return read_flags(r, v);
	}
}

static int extra_by_name(const char *key)
{
	for (int i = 0; i < X_NR; i++)
		if (!strcmp(extra_keys[i], key))
			return i;
	return -1;
}

bool emt_facts_known(const char *key)
{
	return emt_fact_by_name(key) >= 0 || extra_by_name(key) >= 0;
}

static int read_all(struct emt_facts_reader *r, struct json_object *obj)
{
	struct json_object *v;
	int rc = 0;

	if (!json_object_is_type(obj, json_type_object))
		return emt_facts_fail(r, "facts must be one JSON object");
	json_object_object_foreach(obj, key, val) {
		(void)val;
		if (!emt_facts_known(key)) {
			emt_facts_enter(r, key, 0);
			return emt_facts_fail(r, "unknown name of a fact");
		}
	}
	if (json_object_object_get_ex(obj, "guest_mtrr", NULL) &&
	    json_object_object_get_ex(obj, "vcpu_mtrr", NULL)) {
		emt_facts_enter(r, "guest_mtrr", 0);
		return emt_facts_fail(r, "says the same as vcpu_mtrr: give one of them");
	}
	/* In a fixed order, whatever the text's: how many vCPUs there are comes first,
	 * and "is_kvm" and "flags" correct what "release" and "vcpu_cr0" say. */
	if (json_object_object_get_ex(obj, "guest_mtrr", &v)) {
		emt_facts_enter(r, "guest_mtrr", 0);
		rc = read_extra(r, X_GUEST_MTRR, v);
		emt_facts_leave(r);
	}
	for (int i = 0; i < EMT_FACT_NR && !rc; i++) {
		if (!json_object_object_get_ex(obj, emt_fact_descs[i].name, &v))
			continue;
		emt_facts_enter(r, emt_fact_descs[i].name, 0);
		rc = read_fact(r, (enum emt_fact_id)i, v);
		emt_facts_leave(r);
	}
	for (int i = 0; i < X_NR && !rc; i++) {
		if (i == X_GUEST_MTRR || !json_object_object_get_ex(obj, extra_keys[i], &v))
			continue;
		emt_facts_enter(r, extra_keys[i], 0);
		rc = read_extra(r, i, v);
		emt_facts_leave(r);
	}
	return rc;
}

static int reader_init(struct emt_facts_reader *r, struct emt_facts *f, const char *origin,
		       const char *subject, struct emt_err *err)
{
	*r = (struct emt_facts_reader){ .f = f, .subject = subject ? subject : "facts", .err = err };
	if (origin) {
		r->origin = emt_facts_intern(f, origin);
		if (!r->origin)
			return emt_facts_nomem(r);
	}
	return 0;
}

int emt_facts_from_json(struct emt_facts *f, struct json_object *obj, const char *origin, const char *subject,
			struct emt_err *err)
{
	struct emt_facts_reader r;
	int rc = reader_init(&r, f, origin, subject, err);

	return rc ? rc : read_all(&r, obj);
}

/* The parser stopped at 'at': say why and where. */
static int bad_json(struct emt_facts_reader *r, enum json_tokener_error why, size_t at)
{
	const char *what = why == json_tokener_continue ? "ends in the middle" : json_tokener_error_desc(why);

	if (!r->err || r->err->code)
		return EMT_E_FORMAT;
	emt_err_set(r->err, EMT_E_FORMAT, r->subject,
		    "facts are one JSON object, see emt-capture(5), section FACTS", "not JSON: %s", what);
	emt_facts_line(r->text, at < r->len ? at : r->len, &r->err->line, &r->err->column);
	return EMT_E_FORMAT;
}

int emt_facts_from_text(struct emt_facts *f, const char *text, size_t len, const char *origin,
			const char *subject, struct emt_err *err)
{
	struct emt_facts_reader r;
	struct json_tokener *tok;
	struct json_object *obj;
	enum json_tokener_error why;
	size_t end, where;
	char key[64];
	int rc = reader_init(&r, f, origin, subject, err);

	if (rc)
		return rc;
	if (len > EMT_FACTS_TEXT_MAX)
		return emt_facts_fail(&r, "more than %d MiB of facts", EMT_FACTS_TEXT_MAX >> 20);
	r.text = text;
	r.len = len;
	tok = json_tokener_new();
	if (!tok)
		return emt_facts_nomem(&r);
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	obj = json_tokener_parse_ex(tok, text, (int)len);
	why = json_tokener_get_error(tok);
	end = json_tokener_get_parse_end(tok);
	json_tokener_free(tok);
	while (why == json_tokener_success && end < len && strchr(" \t\r\n", text[end]) && text[end])
		end++;
	if (why == json_tokener_success && end < len)
		why = json_tokener_error_parse_unexpected;
	if (why == json_tokener_success && emt_facts_odd_quote(text, len) >= 0) {
		why = json_tokener_error_parse_string;
		end = (size_t)emt_facts_odd_quote(text, len);
	}
	if (why == json_tokener_success && !obj) /* "null" is JSON, but no facts */
		rc = emt_facts_fail(&r, "facts must be one JSON object");
	else if (why != json_tokener_success)
		rc = bad_json(&r, why, end);
	else if (emt_facts_twice(text, len, key, sizeof(key), &where)) {
		emt_facts_enter(&r, key, 0);
		rc = emt_facts_fail(&r, "stands here twice");
		if (err)
			emt_facts_line(text, where, &err->line, &err->column);
	} else {
		rc = read_all(&r, obj);
	}
	json_object_put(obj);
	return rc;
}
