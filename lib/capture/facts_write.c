/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts to JSON, in full form: what the reader makes equal facts of.
 */
#include "capture/facts_json.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

/* json-c takes NULL for null: shortage of memory must be noted apart. */
struct build {
	bool oom;
};

static void add(struct build *b, struct json_object *obj, const char *key, struct json_object *v)
{
	if (!obj || !v) {
		b->oom = true;
		json_object_put(v);
	} else if (json_object_object_add(obj, key, v)) {
		b->oom = true;
		json_object_put(v);
	}
}

static void push(struct build *b, struct json_object *array, struct json_object *v)
{
	if (!array || !v || json_object_array_add(array, v)) {
		b->oom = true;
		json_object_put(v);
	}
}

static struct json_object *text(const char *s)
{
	return json_object_new_string(s);
}

static struct json_object *hex(uint64_t n)
{
	char s[24];

	snprintf(s, sizeof(s), "0x%llx", (unsigned long long)n);
	return json_object_new_string(s);
}

static struct json_object *held_text(unsigned int held)
{
	return text(emt_held_name(held));
}

static struct json_object *range_tag(enum emt_fact_id id, uint32_t tag)
{
	if (id == EMT_FACT_SPECIAL && tag <= EMT_SPECIAL_EXTRA)
		return text(tag == EMT_SPECIAL_EXTRA ? "extra" : "xenheap");
	return json_object_new_int64(tag);
}

static struct json_object *ranges(struct build *b, enum emt_fact_id id, const struct emt_ranges *r,
				  uint8_t held)
{
	struct json_object *list = json_object_new_array(), *x;

	for (size_t i = 0; i < r->n && !b->oom; i++) {
		const struct emt_range *e = &r->v[i];

		if (e->held == held) {
			x = json_object_new_array();
			push(b, x, hex(e->first));
			push(b, x, hex(e->last));
			if (emt_fact_tagged(id))
				push(b, x, range_tag(id, e->tag));
		} else {
			x = json_object_new_object();
			add(b, x, "first", hex(e->first));
			add(b, x, "last", hex(e->last));
			if (emt_fact_tagged(id))
				add(b, x, "tag", range_tag(id, e->tag));
			add(b, x, "held", held_text(e->held));
		}
		push(b, list, x);
	}
	return list;
}

static bool mtrr_unknown(const struct emt_mtrr *m)
{
	struct emt_mtrr none;

	emt_mtrr_init(&none);
	return !memcmp(m, &none, sizeof(none));
}

static struct json_object *mtrr(struct build *b, const struct emt_mtrr *m)
{
	struct json_object *obj = json_object_new_object(), *fixed = json_object_new_array();
	struct json_object *var = json_object_new_array(), *held = json_object_new_array();
	bool same = m->def_held == m->fixed_held;
	unsigned int n = m->vcnt < EMT_MTRR_VAR_MAX ? m->vcnt : EMT_MTRR_VAR_MAX;

	add(b, obj, "def_type", json_object_new_int(m->def_type));
	add(b, obj, "e", json_object_new_int(m->e));
	add(b, obj, "fe", json_object_new_int(m->fe));
	add(b, obj, "vcnt", json_object_new_int((int)n));
	for (int i = 0; i < EMT_MTRR_FIXED_NR; i++)
		push(b, fixed, hex(m->fixed[i]));
	for (unsigned int i = 0; i < n; i++) {
		struct json_object *pair = json_object_new_array();

		push(b, pair, hex(m->var[i][0]));
		push(b, pair, hex(m->var[i][1]));
		push(b, var, pair);
		push(b, held, held_text(m->var_held[i]));
		same = same && m->var_held[i] == m->def_held;
	}
	add(b, obj, "fixed", fixed);
	add(b, obj, "var", var);
	if (same) {
		add(b, obj, "held", held_text(m->def_held));
		json_object_put(held);
	} else {
		add(b, obj, "def_held", held_text(m->def_held));
		add(b, obj, "fixed_held", held_text(m->fixed_held));
		add(b, obj, "var_held", held);
	}
	return obj;
}

static struct json_object *mtrrs(struct build *b, const struct emt_mtrr *m, uint32_t n)
{
	struct json_object *list = json_object_new_array();

	for (uint32_t i = 0; i < n && list; i++)
		if (!mtrr_unknown(&m[i]))
			push(b, list, mtrr(b, &m[i]));
		else if (json_object_array_add(list, NULL)) /* null: this one is not known */
			b->oom = true;
	return list;
}

static struct json_object *msrs(struct build *b, const uint64_t *v, uint32_t n)
{
	struct json_object *list = json_object_new_array();

	for (uint32_t i = 0; i < n; i++)
		push(b, list, hex(v[i]));
	return list;
}

/* A fact's value. '*plain' = it is what emt_facts_init() left. */
static struct json_object *int_value(struct build *b, const struct emt_facts *f, enum emt_fact_id id,
				     bool *plain)
{
	*plain = true;
	switch (id) {
	case EMT_FACT_PCI_DEVICES:
		*plain = !f->pci_devices;
		return json_object_new_int64(f->pci_devices);
	case EMT_FACT_CURRENT:
		*plain = f->current == -1;
		return json_object_new_int(f->current);
	case EMT_FACT_APIC_MFN:
		*plain = f->apic_mfn == EMT_NO_FRAME;
		return *plain ? text("none") : hex(f->apic_mfn);
	case EMT_FACT_MAX_PAGE:
		*plain = !f->max_page;
		return hex(f->max_page);
	case EMT_FACT_KVM_MAXPHYADDR:
		*plain = !f->kvm_maxphyaddr;
		return json_object_new_int(f->kvm_maxphyaddr);
	case EMT_FACT_VCPU_PAT:
	case EMT_FACT_VCPU_CR0:
	case EMT_FACT_VCPU_CR3:
	case EMT_FACT_VCPU_CR4:
	case EMT_FACT_VCPU_EFER: {
		const uint64_t *v = emt_facts_cregisters(f, id);

		for (uint32_t i = 0; i < f->nr_vcpus; i++)
			*plain = *plain && !v[i];
		return msrs(b, v, f->nr_vcpus);
	}
	default:
		return NULL;
	}
}

static struct json_object *value(struct build *b, const struct emt_facts *f, enum emt_fact_id id, bool *plain)
{
	const struct emt_ranges *list = emt_facts_clist(f, id);
	const uint8_t *flag = emt_facts_flag((struct emt_facts *)f, id);

	switch (emt_fact_descs[id].kind) {
	case EMT_FK_BOOL:
		*plain = !*flag;
		return json_object_new_boolean(*flag);
	case EMT_FK_LIST:
		*plain = !list->n;
		return ranges(b, id, list, f->prov[id].held);
	case EMT_FK_INT:
		return int_value(b, f, id, plain);
	case EMT_FK_TEXT:
		if (id == EMT_FACT_PAGING) {
			*plain = f->paging == EMT_PAGING_UNKNOWN;
			return text(emt_paging_name(f->paging));
		}
		*plain = id == EMT_FACT_RELEASE ? !f->release[0] : !f->pv_kernel[0];
		return text(id == EMT_FACT_RELEASE ? f->release : f->pv_kernel);
	case EMT_FK_MTRR:
		if (id == EMT_FACT_HOST_MTRR) {
			*plain = mtrr_unknown(&f->host_mtrr);
			return mtrr(b, &f->host_mtrr);
		}
		if (id == EMT_FACT_VCPU_MTRR) {
			*plain = !f->nr_vcpus;
			return mtrrs(b, f->vcpu_mtrr, f->nr_vcpus);
		}
		*plain = !f->nr_host_earlier;
		return mtrrs(b, f->host_earlier, f->nr_host_earlier);
	}
	return NULL;
}

static struct json_object *fact(struct build *b, const struct emt_prov *p, struct json_object *v)
{
	struct json_object *obj = json_object_new_object();

	add(b, obj, "value", v);
	add(b, obj, "held", held_text(p->held));
	if (p->rest != p->held)
		add(b, obj, "rest", held_text(p->rest));
	if (p->origin)
		add(b, obj, "origin", text(p->origin));
	else if (obj && json_object_object_add(obj, "origin", NULL))
		b->oom = true;
	if (p->time)
		add(b, obj, "time", json_object_new_int64(p->time));
	if (p->since)
		add(b, obj, "since", json_object_new_int64(p->since));
	if (p->first || p->last != EMT_NO_FRAME) {
		struct json_object *scope = json_object_new_array();

		push(b, scope, hex(p->first));
		push(b, scope, hex(p->last));
		add(b, obj, "scope", scope);
	}
	return obj;
}

struct json_object *emt_facts_to_json(const struct emt_facts *f)
{
	struct json_object *obj = json_object_new_object();
	struct build b = { 0 };

	add(&b, obj, "domid", json_object_new_int64(f->domid));
	if (f->domain_name[0])
		add(&b, obj, "domain_name", text(f->domain_name));
	if (f->domain_uuid[0])
		add(&b, obj, "domain_uuid", text(f->domain_uuid));
	if (f->nr_pages)
		add(&b, obj, "nr_pages", json_object_new_uint64(f->nr_pages));
	if (f->max_gfn)
		add(&b, obj, "max_gfn", hex(f->max_gfn));
	if (f->is_kvm != !strncmp(f->release, "kvm", 3))
		add(&b, obj, "is_kvm", json_object_new_boolean(f->is_kvm));
	for (int i = 0; i < EMT_FACT_NR && !b.oom; i++) {
		const struct emt_prov *p = &f->prov[i];
		bool plain = true;
		struct json_object *v = value(&b, f, (enum emt_fact_id)i, &plain);

		if (plain && !p->held && !p->rest && !p->origin && !p->time && !p->since && !p->first &&
		    p->last == EMT_NO_FRAME)
			json_object_put(v);
		else
			add(&b, obj, emt_fact_descs[i].name, fact(&b, p, v));
	}
	if (b.oom) {
		json_object_put(obj);
		return NULL;
	}
	return obj;
}
