/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts as JSON: what is written reads back equal; what is wrong is named by key
 * and line; the vector format's names mean what they mean there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/facts_json.h"

static int read_text(struct emt_facts *f, const char *text, struct emt_err *err)
{
	memset(err, 0, sizeof(*err));
	emt_facts_init(f);
	return emt_facts_from_text(f, text, strlen(text), "facts file", "x.json", err);
}

/* Must be read without an error. */
static void good(struct emt_facts *f, const char *text)
{
	struct emt_err err;

	if (read_text(f, text, &err))
		fail_msg("%s: line %lu: %s", text, err.line, err.text);
}

/* Must be refused: at this line, with these words, and a next step. */
static void bad(const char *text, unsigned long line, const char *words)
{
	struct emt_facts f;
	struct emt_err err;

	if (read_text(&f, text, &err) != EMT_E_FORMAT)
		fail_msg("taken: %s", text);
	if (err.line != line || !strstr(err.text, words))
		fail_msg("%s: line %lu (want %lu): %s (want %s)", text, err.line, line, err.text, words);
	assert_string_equal(err.subject, "x.json");
	assert_true(err.next[0]);
	emt_facts_free(&f);
}

/* ---- equality ---- */

static void same_list(const struct emt_ranges *a, const struct emt_ranges *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		assert_int_equal(a->v[i].first, b->v[i].first);
		assert_int_equal(a->v[i].last, b->v[i].last);
		assert_int_equal(a->v[i].tag, b->v[i].tag);
		assert_int_equal(a->v[i].held, b->v[i].held);
	}
}

static void same_mtrr(const struct emt_mtrr *a, const struct emt_mtrr *b)
{
	assert_int_equal(a->def_type, b->def_type);
	assert_int_equal(a->e, b->e);
	assert_int_equal(a->fe, b->fe);
	assert_int_equal(a->vcnt, b->vcnt);
	assert_int_equal(a->def_held, b->def_held);
	assert_int_equal(a->fixed_held, b->fixed_held);
	assert_memory_equal(a->fixed, b->fixed, sizeof(a->fixed));
	assert_memory_equal(a->var_held, b->var_held, a->vcnt);
	assert_memory_equal(a->var, b->var, a->vcnt * sizeof(a->var[0]));
}

static void same_facts(const struct emt_facts *a, const struct emt_facts *b)
{
	for (int i = 0; i < EMT_FACT_NR; i++) {
		const struct emt_prov *p = &a->prov[i], *q = &b->prov[i];
		const struct emt_ranges *list = emt_facts_clist(a, (enum emt_fact_id)i);
		const uint8_t *flag = emt_facts_flag((struct emt_facts *)a, (enum emt_fact_id)i);

		assert_int_equal(p->held, q->held);
		assert_int_equal(p->rest, q->rest);
		assert_int_equal(p->time, q->time);
		assert_int_equal(p->since, q->since);
		assert_int_equal(p->first, q->first);
		assert_int_equal(p->last, q->last);
		assert_int_equal(!p->origin, !q->origin);
		if (p->origin)
			assert_string_equal(p->origin, q->origin);
		if (list)
			same_list(list, emt_facts_clist(b, (enum emt_fact_id)i));
		if (flag)
			assert_int_equal(*flag, *emt_facts_flag((struct emt_facts *)b, (enum emt_fact_id)i));
	}
	assert_string_equal(a->release, b->release);
	assert_int_equal(a->is_kvm, b->is_kvm);
	assert_int_equal(a->paging, b->paging);
	assert_int_equal(a->domid, b->domid);
	assert_string_equal(a->domain_name, b->domain_name);
	assert_string_equal(a->domain_uuid, b->domain_uuid);
	assert_int_equal(a->nr_pages, b->nr_pages);
	assert_int_equal(a->max_gfn, b->max_gfn);
	assert_int_equal(a->kvm_maxphyaddr, b->kvm_maxphyaddr);
	assert_int_equal(a->pci_devices, b->pci_devices);
	assert_int_equal(a->current, b->current);
	assert_int_equal(a->apic_mfn, b->apic_mfn);
	assert_int_equal(a->max_page, b->max_page);
	assert_int_equal(a->nr_vcpus, b->nr_vcpus);
	for (uint32_t i = 0; i < a->nr_vcpus; i++) {
		same_mtrr(&a->vcpu_mtrr[i], &b->vcpu_mtrr[i]);
		assert_int_equal(a->vcpu_pat[i], b->vcpu_pat[i]);
		assert_int_equal(a->vcpu_cr0[i], b->vcpu_cr0[i]);
		assert_int_equal(a->vcpu_cr3[i], b->vcpu_cr3[i]);
		assert_int_equal(a->vcpu_cr4[i], b->vcpu_cr4[i]);
		assert_int_equal(a->vcpu_efer[i], b->vcpu_efer[i]);
	}
	same_mtrr(&a->host_mtrr, &b->host_mtrr);
	assert_int_equal(a->nr_host_earlier, b->nr_host_earlier);
	for (uint32_t i = 0; i < a->nr_host_earlier; i++)
		same_mtrr(&a->host_earlier[i], &b->host_earlier[i]);
}

/* ---- random facts ---- */

static uint64_t seed = 88172645463325252ull;

static uint64_t rnd(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 8) % below;
}

static void random_mtrr(struct emt_mtrr *m)
{
	emt_mtrr_init(m);
	if (!rnd(5))
		return; /* wholly unknown */
	m->vcnt = (uint8_t)rnd(EMT_MTRR_VAR_MAX + 1);
	m->def_type = (uint8_t)rnd(7);
	m->e = rnd(2);
	m->fe = rnd(2);
	for (int i = 0; i < EMT_MTRR_FIXED_NR; i++)
		m->fixed[i] = rnd(UINT64_MAX);
	for (int i = 0; i < m->vcnt; i++) {
		m->var[i][0] = rnd(UINT64_MAX);
		m->var[i][1] = rnd(UINT64_MAX);
	}
	emt_mtrr_hold(m, (enum emt_held)rnd(3));
	if (rnd(2)) {
		m->def_held = (uint8_t)rnd(3);
		m->fixed_held = (uint8_t)rnd(3);
		for (int i = 0; i < m->vcnt; i++)
			m->var_held[i] = (uint8_t)rnd(3);
	}
}

static void random_list(struct emt_facts *f, enum emt_fact_id id)
{
	static const uint8_t pat[] = { 0, 1, 4, 5, 6, 7 };
	struct emt_ranges *r = emt_facts_list(f, id);

	for (uint64_t n = rnd(6); n; n--) {
		uint64_t first = rnd(1ull << 52), last = rnd(4) ? first + rnd(1000) : EMT_NO_FRAME;
		uint32_t tag = 0;

		if (id == EMT_FACT_SPECIAL)
			tag = (uint32_t)rnd(2);
		else if (id == EMT_FACT_PINS)
			tag = pat[rnd(6)];
		else if (id == EMT_FACT_P2M_TYPES)
			tag = (uint32_t)rnd(EMT_P2M_NR);
		else if (id == EMT_FACT_HOST_E820 || id == EMT_FACT_GUEST_E820)
			tag = (uint32_t)rnd(1ull << 32);
		assert_int_equal(
			emt_ranges_add(r, first, last, tag, rnd(3) ? f->prov[id].held : (uint8_t)rnd(3)), 0);
	}
	if (id != EMT_FACT_PINS)
		emt_ranges_normalise(r);
}

static void random_facts(struct emt_facts *f)
{
	static const char *const origins[] = {NULL, "key q", "facts file", "\"quotes\" \\ and\nlines",
					      "Gr\xc3\xbc\xc3\x9f"
					      "e"};
	static const char *const releases[] = { "4.17.7 (Debian)", "kvm 6.1.0", "", "4.2.0" };

	emt_facts_init(f);
	for (int i = 0; i < EMT_FACT_NR; i++) {
		struct emt_prov *p = &f->prov[i];

		if (!rnd(3))
			continue;
		p->held = (uint8_t)rnd(3);
		p->rest = rnd(2) ? p->held : (uint8_t)rnd(3);
		p->origin = origins[rnd(5)];
		p->time = rnd(2) ? (int64_t)rnd(1ull << 40) : 0;
		p->since = rnd(4) ? 0 : (int64_t)rnd(1ull << 40);
		if (!rnd(3)) {
			p->first = rnd(1000);
			p->last = p->first + rnd(UINT64_MAX - 2000);
		}
		if (emt_facts_flag(f, (enum emt_fact_id)i))
			*emt_facts_flag(f, (enum emt_fact_id)i) = (uint8_t)rnd(2);
		if (emt_facts_list(f, (enum emt_fact_id)i))
			random_list(f, (enum emt_fact_id)i);
	}
	strcpy(f->release, releases[rnd(4)]);
	f->is_kvm = rnd(5) ? !strncmp(f->release, "kvm", 3) : (uint8_t)rnd(2);
	f->paging = (uint8_t)rnd(5);
	f->domid = (uint32_t)rnd(1ull << 32);
	strcpy(f->domain_name, rnd(2) ? "guest \"5\"" : "");
	strcpy(f->domain_uuid, rnd(2) ? "9af6ca3e-0000-4000-8000-000000000001" : "");
	f->nr_pages = rnd(2) ? rnd(UINT64_MAX) : 0;
	f->max_gfn = rnd(2) ? rnd(UINT64_MAX) : 0;
	f->kvm_maxphyaddr = rnd(2) ? (uint8_t)(32 + rnd(21)) : 0;
	f->pci_devices = (uint32_t)rnd(5);
	f->current = (int32_t)rnd(5) - 1;
	f->apic_mfn = rnd(2) ? rnd(1ull << 52) : EMT_NO_FRAME;
	f->max_page = rnd(2) ? rnd(UINT64_MAX) : 0;
	assert_int_equal(emt_facts_vcpus(f, (uint32_t)rnd(5)), 0);
	for (uint32_t i = 0; i < f->nr_vcpus; i++) {
		random_mtrr(&f->vcpu_mtrr[i]);
		f->vcpu_pat[i] = rnd(2) ? rnd(UINT64_MAX) : 0;
		f->vcpu_cr0[i] = rnd(2) ? rnd(UINT64_MAX) : 0;
		f->vcpu_cr3[i] = rnd(2) ? rnd(UINT64_MAX) : 0;
		f->vcpu_cr4[i] = rnd(2) ? rnd(UINT64_MAX) : 0;
		f->vcpu_efer[i] = rnd(2) ? rnd(UINT64_MAX) : 0;
	}
	random_mtrr(&f->host_mtrr);
	f->nr_host_earlier = (uint32_t)rnd(3);
	if (f->nr_host_earlier)
		f->host_earlier = calloc(f->nr_host_earlier, sizeof(*f->host_earlier));
	for (uint32_t i = 0; i < f->nr_host_earlier; i++)
		random_mtrr(&f->host_earlier[i]);
}

static void round_trip(const struct emt_facts *f)
{
	struct emt_facts back;
	struct emt_err err = { 0 };
	struct json_object *obj = emt_facts_to_json(f);
	const char *text;

	assert_non_null(obj);
	text = json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PRETTY);
	emt_facts_init(&back);
	if (emt_facts_from_text(&back, text, strlen(text), "another origin", "back", &err))
		fail_msg("line %lu: %s\n%s", err.line, err.text, text);
	same_facts(f, &back);
	emt_facts_free(&back);
	/* the same without the text in between, over facts that held something else */
	random_facts(&back);
	emt_facts_free(&back);
	if (emt_facts_from_json(&back, obj, NULL, "back", &err))
		fail_msg("%s", err.text);
	same_facts(f, &back);
	emt_facts_free(&back);
	json_object_put(obj);
}

static void test_round_trip(void **state)
{
	struct emt_facts f;

	(void)state;
	emt_facts_init(&f);
	round_trip(&f);
	for (int i = 0; i < 3000; i++) {
		random_facts(&f);
		round_trip(&f);
		emt_facts_free(&f);
	}
}

/* Nothing known: nothing written but the domain. */
static void test_empty(void **state)
{
	struct emt_facts f;
	struct json_object *obj;

	(void)state;
	emt_facts_init(&f);
	obj = emt_facts_to_json(&f);
	assert_string_equal(json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PLAIN), "{\"domid\":0}");
	json_object_put(obj);
	good(&f, "{}");
	emt_facts_free(&f);
}

/* ---- forms ---- */

static void test_plain(void **state)
{
	struct emt_facts f;

	(void)state;
	good(&f,
	     "{\"release\": \"4.17.7\", \"paging\": \"ept\", \"domain_iommu\": true, \"iommu_snoop\": 0,"
	     "\"pci_devices\": [\"0000:01:00.0\", {\"sbdf\": 1}], \"current\": -1, \"apic_mfn\": \"none\","
	     "\"max_page\": 1048576, \"max_gfn\": \"0xfffff\", \"domid\": 5, \"domain_name\": \"g\","
		 "\"restored\": null,"
	     "\"iomem_caps\": [[\"0xf0000\", 983295]], \"pins\": [[2, 3, \"UC-\"], [0, 1, 6]],"
	     "\"special\": [[9, 9, \"extra\"], [7, 7, 0]], \"types\": [[1, 2, \"mmio_direct\"], [5, 6, 7]],"
	     "\"vcpu_pat\": [\"0x0007040600070406\", \"0x1\"]}");
	assert_int_equal(f.prov[EMT_FACT_RELEASE].held, EMT_KNOWN);
	assert_string_equal(f.prov[EMT_FACT_RELEASE].origin, "facts file");
	assert_int_equal(f.paging, EMT_PAGING_EPT);
	assert_int_equal(f.domain_iommu, 1);
	assert_int_equal(f.iommu_snoop, 0);
	assert_int_equal(f.prov[EMT_FACT_IOMMU_SNOOP].held, EMT_KNOWN);
	assert_int_equal(f.pci_devices, 2);
	assert_int_equal(f.prov[EMT_FACT_RESTORED].held, EMT_UNKNOWN);
	assert_null(f.prov[EMT_FACT_RESTORED].origin);
	assert_int_equal(f.apic_mfn, EMT_NO_FRAME);
	assert_int_equal(f.prov[EMT_FACT_APIC_MFN].held, EMT_KNOWN);
	assert_int_equal(f.max_page, 0x100000);
	assert_int_equal(f.max_gfn, 0xfffff);
	assert_int_equal(f.iomem_caps.v[0].last, 0xf00ff);
	assert_int_equal(f.prov[EMT_FACT_IOMEM_CAPS].rest, EMT_KNOWN);
	/* pins keep their order, which tells their age; frames are sorted */
	assert_int_equal(f.pins.v[0].tag, EMT_MT_7);
	assert_int_equal(f.pins.v[1].first, 0);
	assert_int_equal(f.special.v[0].first, 7);
	assert_int_equal(f.special.v[1].tag, EMT_SPECIAL_EXTRA);
	assert_int_equal(f.p2m_types.v[0].tag, EMT_P2M_MMIO_DIRECT);
	assert_int_equal(f.p2m_types.v[1].tag, EMT_P2M_GRANT_RW);
	assert_int_equal(f.nr_vcpus, 2);
	assert_int_equal(f.vcpu_pat[0], 0x0007040600070406ull);
	assert_int_equal(f.prov[EMT_FACT_VCPU_MTRR].held, EMT_UNKNOWN);
	emt_facts_free(&f);
}

static void test_full(void **state)
{
	struct emt_facts f;

	(void)state;
	good(&f,
	     "{\"domain_iommu\": {\"value\": 1, \"held\": \"assumed\", \"origin\": \"guess\", \"time\": 17},"
	     "\"mmio_ro\": {\"value\": [[5, 6], {\"first\": 8, \"last\": 9, \"held\": \"known\"}],"
		 "\"held\": \"assumed\","
	     "\"rest\": \"unknown\", \"since\": 99, \"scope\": [0, \"0xff\"]},"
	     "\"iommu_enabled\": {\"value\": null}, \"pins\": {\"value\": []},"
	     "\"uc_mode\": {\"value\": false, \"origin\": null}}");
	assert_int_equal(f.prov[EMT_FACT_DOMAIN_IOMMU].held, EMT_ASSUMED);
	assert_string_equal(f.prov[EMT_FACT_DOMAIN_IOMMU].origin, "guess");
	assert_int_equal(f.prov[EMT_FACT_DOMAIN_IOMMU].time, 17);
	assert_int_equal(f.mmio_ro.v[0].held, EMT_ASSUMED);
	assert_int_equal(f.mmio_ro.v[1].held, EMT_KNOWN);
	assert_int_equal(f.prov[EMT_FACT_MMIO_RO].rest, EMT_UNKNOWN);
	assert_int_equal(f.prov[EMT_FACT_MMIO_RO].since, 99);
	assert_int_equal(f.prov[EMT_FACT_MMIO_RO].last, 255);
	assert_int_equal(f.prov[EMT_FACT_IOMMU_ENABLED].held, EMT_UNKNOWN);
	assert_int_equal(f.prov[EMT_FACT_PINS].held, EMT_KNOWN);
	assert_int_equal(f.prov[EMT_FACT_PINS].rest, EMT_KNOWN);
	assert_null(f.prov[EMT_FACT_UC_MODE].origin);
	emt_facts_free(&f);
}

#define FIXED "\"fixed\": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, \"0x606060606060606\"]"

static void test_mtrrs(void **state)
{
	struct emt_facts f;

	(void)state;
	good(&f, "{\"host_mtrr\": {\"def_type\": 6, \"e\": 1, \"fe\": 0, " FIXED
		 ", \"var\": [[\"0x6\", \"0x800\"], null],"
		 "\"held\": \"assumed\"},"
		 "\"vcpu_mtrr\": [null, {\"vcnt\": 3, \"var\": [[1, 2], [3, 4], [5, 6]],"
		 "\"var_held\": [\"known\", \"assumed\", \"unknown\"]}],"
		 "\"host_mtrr_earlier\": [{\"def_type\": 0, \"e\": 0, \"fe\": 0}]}");
	assert_int_equal(f.prov[EMT_FACT_HOST_MTRR].held, EMT_ASSUMED);
	assert_int_equal(f.host_mtrr.vcnt, 2);
	assert_int_equal(f.host_mtrr.def_held, EMT_ASSUMED);
	assert_int_equal(f.host_mtrr.fixed[10], 0x606060606060606ull);
	assert_int_equal(f.host_mtrr.var_held[0], EMT_ASSUMED);
	assert_int_equal(f.host_mtrr.var_held[1], EMT_UNKNOWN);
	assert_int_equal(f.nr_vcpus, 2);
	assert_int_equal(f.vcpu_mtrr[0].def_held, EMT_UNKNOWN);
	assert_int_equal(f.vcpu_mtrr[1].def_held, EMT_UNKNOWN);
	assert_int_equal(f.vcpu_mtrr[1].fixed_held, EMT_UNKNOWN);
	assert_int_equal(f.vcpu_mtrr[1].var_held[1], EMT_ASSUMED);
	assert_int_equal(f.vcpu_mtrr[1].var[2][1], 6);
	assert_int_equal(f.nr_host_earlier, 1);
	assert_int_equal(f.host_earlier[0].def_held, EMT_KNOWN);
	assert_int_equal(f.host_earlier[0].var_held[0], EMT_UNKNOWN);
	emt_facts_free(&f);
}

static void test_e820(void **state)
{
	struct emt_facts f;

	(void)state;
	good(&f,
	     "{\"host_e820\": [[0, \"0x9e\", 1], {\"start\": \"0x9fc00\", \"size\": \"0x400\", \"type\": 2},"
	     "{\"start\": \"0x100800\", \"size\": \"0x2900\", \"type\": 1},"
		 "{\"start\": 4096000, \"size\": 100, \"type\": 1},"
	     "{\"start\": 0, \"size\": 0, \"type\": 2}]}");
	/* RAM loses its broken pages, a whole one at 0x101..0x102 stays; what is not RAM gains them */
	assert_int_equal(f.host_e820.n, 3);
	assert_int_equal(f.host_e820.v[1].first, 0x9f);
	assert_int_equal(f.host_e820.v[1].last, 0x9f);
	assert_int_equal(f.host_e820.v[1].tag, 2);
	assert_int_equal(f.host_e820.v[2].first, 0x101);
	assert_int_equal(f.host_e820.v[2].last, 0x102);
	emt_facts_free(&f);
	good(&f, "{\"guest_e820\": [{\"start\": \"0xfffffffffffff000\", \"size\": 4096, \"type\": 1}]}");
	assert_int_equal(f.guest_e820.v[0].last, 0xfffffffffffffull);
	emt_facts_free(&f);
	bad("{\"host_e820\": [{\"start\": \"0xfffffffffffff000\",\n\"size\": 4097, \"type\": 1}]}", 1,
	    "64 bits");
}

/* The KVM vectors' names. */
static void test_kvm_names(void **state)
{
	struct emt_facts f;

	(void)state;
	good(&f,
	     "{\"release\": \"kvm 6.1\", \"guest_mtrr\": {\"def_type\": 4, \"e\": 1, \"fe\": 1, " FIXED
	     ", \"var\": []},"
	     "\"maxphyaddr\": 39, \"flags\": {\"noncoherent_dma\": 1, \"cr0_cd\": 1,"
		 "\"quirk_cd_nw_cleared\": 0,"
	     "\"quirk_ignore_guest_pat\": true, \"self_snoop\": 1, \"cpuid_mtrr\": 1}}");
	assert_int_equal(f.is_kvm, 1);
	assert_int_equal(f.nr_vcpus, 1);
	assert_int_equal(f.vcpu_mtrr[0].def_type, EMT_MT_WT);
	assert_int_equal(f.vcpu_mtrr[0].vcnt, 0);
	assert_int_equal(f.prov[EMT_FACT_VCPU_MTRR].held, EMT_KNOWN);
	assert_int_equal(f.kvm_maxphyaddr, 39);
	assert_int_equal(f.kvm_noncoherent, 1);
	assert_int_equal(f.kvm_quirk_cd, 0);
	assert_int_equal(f.prov[EMT_FACT_KVM_QUIRK_CD].held, EMT_KNOWN);
	assert_int_equal(f.kvm_quirk_pat, 1);
	assert_int_equal(f.vcpu_cr0[0], 1ull << 30);
	assert_int_equal(f.prov[EMT_FACT_VCPU_CR0].held, EMT_KNOWN);
	emt_facts_free(&f);
	/* cr0_cd changes that bit alone */
	good(&f, "{\"vcpu_cr0\": [\"0xc0000011\"], \"flags\": {\"cr0_cd\": 0}}");
	assert_int_equal(f.vcpu_cr0[0], 0x80000011ull);
	emt_facts_free(&f);
}

/* What is read replaces what was there, and nothing else. */
static void test_merge(void **state)
{
	static const char more[] = "{\"pins\": [[7, 8, 6]], \"vcpu_mtrr\": [null], \"max_page\": null}";
	struct emt_facts f;
	struct emt_err err = { 0 };

	(void)state;
	good(&f,
	     "{\"release\": \"4.14.0\", \"pins\": [[1, 2, 0]], \"max_page\": 5, \"vcpu_pat\": [1, 2, 3]}");
	assert_int_equal(emt_facts_from_text(&f, more, strlen(more), NULL, "more", &err), 0);
	assert_string_equal(f.release, "4.14.0");
	assert_string_equal(f.prov[EMT_FACT_RELEASE].origin, "facts file");
	assert_int_equal(f.pins.n, 1);
	assert_int_equal(f.pins.v[0].first, 7);
	assert_null(f.prov[EMT_FACT_PINS].origin);
	assert_int_equal(f.max_page, 0);
	assert_int_equal(f.prov[EMT_FACT_MAX_PAGE].held, EMT_UNKNOWN);
	assert_int_equal(f.nr_vcpus, 1);
	assert_int_equal(f.vcpu_pat[0], 1);
	emt_facts_free(&f);
	/* a domain without vCPUs is known to have none */
	good(&f, "{\"vcpu_mtrr\": []}");
	assert_int_equal(f.nr_vcpus, 0);
	assert_int_equal(f.prov[EMT_FACT_VCPU_MTRR].held, EMT_KNOWN);
	emt_facts_free(&f);
}

/* ---- errors ---- */

static void test_not_json(void **state)
{
	struct emt_facts f;
	struct emt_err err;

	(void)state;
	bad("", 1, "not JSON");
	bad("{", 1, "not JSON");
	bad("{\"release\": \"4.17\",\n\n}", 3, "not JSON");
	bad("{\"release\": \"4.17\"\n \"paging\": 1}", 2, "not JSON");
	bad("{\"max_page\": 1} x", 1, "not JSON");
	bad("{\"max_page\": 1}\n{}", 2, "not JSON");
	bad("{'max_page': 1}", 1, "not JSON");
	bad("{\"max_page\": 01x}", 1, "not JSON");
	bad("{\"release\": \"\xff\xfe\"}", 1, "not JSON");
	bad("[]", 0, "one JSON object");
	bad("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 1, "not JSON");
	/* not NUL-terminated: what follows is not read */
	emt_facts_init(&f);
	memset(&err, 0, sizeof(err));
	assert_int_equal(emt_facts_from_text(&f, "{}garbage", 2, NULL, "x", &err), 0);
	emt_facts_free(&f);
}

static void test_wrong(void **state)
{
	(void)state;
	bad("{\n \"relase\": \"4.17\"}", 2, "relase: unknown name");
	bad("{\"pins\": [],\n \"release\": 4.17}", 2, "release: must be text");
	bad("{\"release\": \"1\",\n\"paging\": \"x\",\n\"release\": \"2\"}", 3, "release: stands here twice");
	bad("{\n\n\"paging\": \"nested\"}", 3, "paging");
	bad("{\"domain_iommu\": 2}", 1, "true, false, 0 or 1");
	bad("{\"domain_iommu\": \"yes\"}", 1, "domain_iommu");
	bad("{\"domain_iommu\": {\"held\": \"known\"}}", 1, "\"value\"");
	bad("{\"domain_iommu\": {\n\"value\": 1,\n\"held\": \"sure\"}}", 3, "domain_iommu.held");
	bad("{\"domain_iommu\": {\"value\": null, \"held\": \"known\"}}", 1, "null is not known");
	bad("{\"domain_iommu\": {\"value\": 1,\n\"hold\": 1}}", 2, "domain_iommu.hold: unknown name");
	bad("{\"domain_iommu\": {\"value\": 1, \"time\": \"now\"}}", 1, "seconds");
	bad("{\"domain_iommu\": {\"value\": 1, \"origin\": 5}}", 1, "origin");
	bad("{\"max_page\": -1}", 1, "negative");
	bad("{\"max_page\": 1.5}", 1, "max_page");
	bad("{\"max_page\": \"12\"}", 1, "no number");
	bad("{\"max_page\": \"0xfffffffffffffffff\"}", 1, "no number");
	bad("{\"maxphyaddr\": 60}", 1, "out of range");
	bad("{\"maxphyaddr\": 16}", 1, "32 to 52");
	bad("{\"current\": -2}", 1, "negative");
	bad("{\"domid\": 4294967296}", 1, "out of range");
	bad("{\"domain_name\": \"0123456789012345678901234567890123456789012345678901234567890123\"}", 1,
	    "longer than 63");
	bad("{\"domain_name\": \"a\\u0000b\"}", 1, "NUL");
	bad("{\"vcpu_pat\": 5}", 1, "vcpu_pat");
	bad("{\"vcpu_pat\": [1,\n 2,\n null]}", 3, "vcpu_pat[2]");
	bad("{\"guest_mtrr\": null, \"vcpu_mtrr\": []}", 1, "give one");
	bad("{\"flags\": {\"cr0_cd\": 1,\n\"release\": \"x\"}}", 2, "flags.release");
	bad("{\"flags\": [1]}", 1, "flags");
	bad("{\"is_kvm\": 5}", 1, "is_kvm");
}

static void test_wrong_lists(void **state)
{
	(void)state;
	bad("{\"pins\": {}}", 1, "\"value\"");
	bad("{\"pins\": 5}", 1, "array");
	bad("{\"pins\": [\n[1, 2, 6],\n[3, 4]]}", 3, "pins[1]: must be [first, last, tag]");
	bad("{\"pins\": [[1, 2, 2]]}", 1, "pins[0][2]: must be a PAT type");
	bad("{\"pins\": [[1, 2, \"XX\"]]}", 1, "memory type");
	bad("{\"pins\": [[2, 1, 6]]}", 1, "ends (0x1) before it begins (0x2)");
	bad("{\"pins\": [{\"first\": 1, \"last\": 2}]}", 1, "needs a tag");
	bad("{\"pins\": [{\"first\": 1, \"tag\": 0}]}", 1, "first and last");
	bad("{\"pins\": [{\"first\": 1, \"last\": 2, \"tag\": 6,\n\"type\": 5}]}", 2, "pins[0].type");
	bad("{\"iomem_caps\": [[1, 2, 3]]}", 1, "[first, last]");
	bad("{\"iomem_caps\": [{\"first\": 1, \"last\": 2, \"tag\": 6}]}", 1, "no tag");
	bad("{\"iomem_caps\": [\"0x1-0x2\"]}", 1, "must be a range");
	bad("{\"iomem_caps\": [[1, -2]]}", 1, "iomem_caps[0][1]");
	bad("{\"special\": [[1, 2, \"page\"]]}", 1, "xenheap");
	bad("{\"special\": [[1, 2, 2]]}", 1, "xenheap");
	bad("{\"types\": [[1, 2, 16]]}", 1, "p2m type");
	bad("{\"host_e820\": [[1, 2, \"ram\"]]}", 1, "a number");
	bad("{\"host_e820\": [{\"start\": 1, \"size\": 2}]}", 1, "start, size and type");
	bad("{\"mmio_ro\": {\"value\": [], \"scope\": [2, 1]}}", 1, "mmio_ro.scope");
	bad("{\"mmio_ro\": {\"value\": [], \"scope\": [2]}}", 1, "mmio_ro.scope");
}

static void test_wrong_mtrrs(void **state)
{
	(void)state;
	bad("{\"host_mtrr\": [1]}", 1, "host_mtrr");
	bad("{\"host_mtrr\": {\"def_type\": 7, \"e\": 1, \"fe\": 1}}", 1, "host_mtrr.def_type");
	bad("{\"host_mtrr\": {\"def_type\": 6}}", 1, "e and fe");
	bad("{\"host_mtrr\": {\"e\": 1,\n\"fee\": 1}}", 2, "host_mtrr.fee: unknown name");
	bad("{\"host_mtrr\": {\"fixed\": [1, 2]}}", 1, "11 register values");
	bad("{\"host_mtrr\": {\"vcnt\": 49}}", 1, "host_mtrr.vcnt");
	bad("{\"host_mtrr\": {\"vcnt\": 2, \"var\": [[1, 2]]}}", 1, "array of 2");
	bad("{\"vcpu_mtrr\": [null,\n{\"var\": [[1, 2],\n[1]]}]}", 3, "vcpu_mtrr[1].var[1]");
	bad("{\"vcpu_mtrr\": {\"value\": [{\"var\": [[1,\n\"2\"]]}]}}", 2, "vcpu_mtrr.value[0].var[0][1]");
	bad("{\"host_mtrr\": {\"vcnt\": 1, \"var_held\": [\"so\"]}}", 1, "var_held[0]");
	bad("{\"vcpu_mtrr\": {\"def_type\": 6}}", 1, "vcpu_mtrr.def_type: unknown name");
}

/* The manual lists every name, and its example is read. Run from the top of the tree. */
static void test_manual(void **state)
{
	static char page[65536], line[128];
	FILE *file = fopen("man/emt-capture.5", "r");
	const char *from, *to;
	struct emt_facts f;
	struct emt_err err = { 0 };

	(void)state;
	if (!file)
		skip();
	page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
	fclose(file);
	for (int i = 0; i < EMT_FACT_NR; i++) {
		snprintf(line, sizeof(line), ".It Va %s\n", emt_fact_descs[i].name);
		if (!strstr(page, line))
			fail_msg("emt-capture(5) does not list %s", emt_fact_descs[i].name);
	}
	from = strstr(strstr(page, ".Sh EXAMPLES"), "\n{");
	assert_non_null(from);
	to = strstr(from, ".Ed");
	emt_facts_init(&f);
	if (emt_facts_from_text(&f, from, (size_t)(to - from), NULL, "the manual's example", &err))
		fail_msg("%s", err.text);
	assert_int_equal(f.pins.v[0].tag, EMT_MT_WC);
	assert_int_equal(f.prov[EMT_FACT_MMIO_RO].rest, EMT_UNKNOWN);
	emt_facts_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_empty),
		cmocka_unit_test(test_plain),	    cmocka_unit_test(test_full),
		cmocka_unit_test(test_mtrrs),	    cmocka_unit_test(test_e820),
		cmocka_unit_test(test_kvm_names),   cmocka_unit_test(test_merge),
		cmocka_unit_test(test_not_json),    cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_wrong_lists), cmocka_unit_test(test_wrong_mtrrs),
		cmocka_unit_test(test_manual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
