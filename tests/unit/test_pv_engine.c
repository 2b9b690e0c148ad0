/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine on a PV domain's p2m: each finding becomes a verdict and a reason, a map that
 * is assumed makes it suspect, kernels that need _PAGE_IOMAP are told, and facts of a PV
 * domain survive the facts file.
 */
#include <json-c/json.h>
#include <string.h>

#include "audit/explain.h"
#include "audit/findings.h"
#include "capture/facts_json.h"
#include "common.h"

#define BAR EMT_BAR(0, 3, 0x1f, 7, 5)

/* RAM 0 to 0x9f, reserved 0xa0 to 0xff, RAM 0x100 to 0x1ff; BARs at 0xb0 and, above RAM, 0x1000 */
static void facts_of(struct emt_facts *f, const char *kernel, enum emt_held map)
{
	emt_facts_init(f);
	strcpy(f->release, "4.17.7");
	emt_facts_set(f, EMT_FACT_RELEASE, EMT_KNOWN, "test");
	f->paging = EMT_PAGING_PV;
	emt_facts_set(f, EMT_FACT_PAGING, EMT_KNOWN, "test");
	if (kernel) {
		strcpy(f->pv_kernel, kernel);
		emt_facts_set(f, EMT_FACT_PV_KERNEL, EMT_KNOWN, "test");
	}
	f->max_gfn = 0x1ff;
	assert_int_equal(emt_ranges_add(&f->guest_e820, 0, 0x9f, 1, map), 0);
	assert_int_equal(emt_ranges_add(&f->guest_e820, 0xa0, 0xff, 2, map), 0);
	assert_int_equal(emt_ranges_add(&f->guest_e820, 0x100, 0x1ff, 1, map), 0);
	emt_facts_set_list(f, EMT_FACT_GUEST_E820, map, map, "test");
	assert_int_equal(emt_ranges_add(&f->pv_m2p, 0x21, 0x21, 0x99, EMT_KNOWN), 0);
	emt_facts_set_list(f, EMT_FACT_PV_M2P, EMT_KNOWN, EMT_KNOWN, "test");
	assert_int_equal(emt_ranges_add(&f->pci_bars, 0xb0, 0xb7, BAR, EMT_KNOWN), 0);
	assert_int_equal(emt_ranges_add(&f->pci_bars, 0x1000, 0x1001, EMT_BAR_NONE, EMT_KNOWN), 0);
	emt_facts_set_list(f, EMT_FACT_PCI_BARS, EMT_KNOWN, EMT_KNOWN, "test");
}

static struct emt_run run_of(uint64_t gfn, uint64_t count, uint8_t p2mt, uint64_t mfn)
{
	return (struct emt_run){ .gfn = gfn, .count = count, .mfn = mfn, .p2mt = p2mt, .flags = EMT_RUN_NO_TYPE,
				 .perm = p2mt == EMT_P2M_INVALID ? 0 : EMT_R | EMT_W, .access = 0xff };
}

#define FRAME(gfn, n) run_of(gfn, n, EMT_P2M_RAM_RW, 0x4000 + (gfn))
#define MISSING(gfn, n) run_of(gfn, n, EMT_P2M_INVALID, EMT_NO_FRAME)
#define IDENTITY(gfn, n) run_of(gfn, n, EMT_P2M_MMIO_DIRECT, gfn)

struct heard {
	struct emt_piece v[16];
	unsigned int n;
};

static int hear(const struct emt_piece *p, void *arg)
{
	struct heard *h = arg;

	assert_true(h->n < 16);
	h->v[h->n++] = *p;
	return 0;
}

static struct emt_piece one(struct emt_engine *e, struct emt_run run)
{
	struct heard h = { .n = 0 };

	assert_int_equal(emt_engine_run(e, &run, hear, &h), 0);
	assert_int_equal(h.n, 1);
	assert_int_equal(h.v[0].run.gfn, run.gfn);
	assert_int_equal(h.v[0].run.count, run.count);
	assert_int_equal(h.v[0].run.mfn, run.mfn);
	assert_true(h.v[0].pv);
	assert_int_equal(h.v[0].expected, 0);
	return h.v[0];
}

static void says(struct emt_engine *e, struct emt_run run, enum emt_verdict verdict, enum emt_reason why)
{
	struct emt_piece p = one(e, run);

	assert_int_equal(p.verdict, verdict);
	assert_int_equal(p.why, why);
}

static void verdicts(void **state)
{
	struct emt_engine *e;
	struct heard h = { .n = 0 };
	struct emt_facts f;
	struct emt_run run;

	(void)state;
	facts_of(&f, "6.1.0-42-amd64", EMT_KNOWN);
	assert_int_equal(emt_engine_new(&e, &f, NULL, NULL), 0);
	assert_true(emt_engine_pv(e));
	says(e, FRAME(0, 0x20), EMT_V_OK, EMT_WHY_NONE);
	says(e, MISSING(0x22, 5), EMT_V_NOT_PRESENT, EMT_WHY_NONE);
	says(e, IDENTITY(0xa0, 0x10), EMT_V_OK, EMT_WHY_NONE);
	says(e, IDENTITY(0xb0, 8), EMT_V_OK, EMT_WHY_NONE);
	says(e, run_of(0x30, 1, EMT_P2M_FOREIGN, 0x777), EMT_V_OK, EMT_WHY_NONE);
	says(e, run_of(0xb1, 1, EMT_P2M_FOREIGN, 0x777), EMT_V_OK, EMT_WHY_NONE);
	says(e, MISSING(0xb1, 2), EMT_V_MISMATCH, EMT_WHY_PV_IDENTITY_MISSING);
	says(e, MISSING(0xc0, 2), EMT_V_MISMATCH, EMT_WHY_PV_IDENTITY_MISSING);
	says(e, MISSING(0x300, 2), EMT_V_MISMATCH, EMT_WHY_PV_MISSING_IN_HOLE);
	says(e, MISSING(0x1000, 1), EMT_V_MISMATCH, EMT_WHY_PV_IDENTITY_MISSING);
	says(e, IDENTITY(0x10, 2), EMT_V_MISMATCH, EMT_WHY_PV_IDENTITY_ON_RAM);
	says(e, FRAME(0xc0, 2), EMT_V_MISMATCH, EMT_WHY_PV_FRAME_IN_HOLE);
	says(e, FRAME(0x21, 1), EMT_V_MISMATCH, EMT_WHY_PV_M2P);
	says(e, run_of(0xc1, 1, EMT_P2M_MMIO_DIRECT, 0xc2), EMT_V_MISMATCH, EMT_WHY_PV_WRONG_IDENTITY);
	/* a run is cut where its verdict changes, and nowhere else */
	run = FRAME(0x1e, 8);
	assert_int_equal(emt_engine_run(e, &run, hear, &h), 0);
	assert_int_equal(h.n, 3);
	assert_int_equal(h.v[1].run.gfn, 0x21);
	assert_int_equal(h.v[1].run.mfn, 0x4021);
	assert_int_equal(h.v[2].run.gfn, 0x22);
	assert_int_equal(h.v[2].run.count, 4);
	emt_engine_free(e);
	emt_facts_free(&f);
}

static void by_kernel(void **state)
{
	struct emt_engine *e;
	struct emt_facts f;

	(void)state;
	/* needs _PAGE_IOMAP; above RAM nothing is identity, which faults where a device is */
	facts_of(&f, "3.2.0-4-amd64", EMT_KNOWN);
	assert_int_equal(emt_engine_new(&e, &f, NULL, NULL), 0);
	says(e, MISSING(0xb1, 1), EMT_V_MISMATCH, EMT_WHY_PV_IOMAP);
	says(e, MISSING(0x1000, 2), EMT_V_MISMATCH, EMT_WHY_PV_IOMAP);
	says(e, MISSING(0x300, 2), EMT_V_NOT_PRESENT, EMT_WHY_NONE);
	assert_non_null(strstr(emt_reason_text(EMT_WHY_PV_IOMAP), "without _PAGE_IOMAP is not present and will fault"));
	emt_engine_free(e);
	emt_facts_free(&f);
	/* a map that is assumed: what hangs on it is suspect, the rest is not */
	facts_of(&f, NULL, EMT_ASSUMED);
	assert_int_equal(emt_engine_new(&e, &f, NULL, NULL), 0);
	says(e, MISSING(0xb1, 1), EMT_V_SUSPECT, EMT_WHY_PV_IDENTITY_MISSING);
	assert_true(one(e, MISSING(0xb1, 1)).facts == 1ull << EMT_FACT_GUEST_E820);
	says(e, FRAME(0x21, 1), EMT_V_MISMATCH, EMT_WHY_PV_M2P);
	emt_engine_free(e);
	/* without a map, or with a release of KVM, nothing can be judged */
	f.prov[EMT_FACT_GUEST_E820].held = EMT_UNKNOWN;
	assert_int_equal(emt_engine_new(&e, &f, NULL, NULL), EMT_E_MISSING);
	emt_facts_free(&f);
}

static void words(void **state)
{
	struct emt_run bar = MISSING(0xb0, 8);
	struct emt_findings *found;
	struct emt_explanation x;
	struct emt_engine *e;
	struct emt_facts f;
	const struct emt_finding *g;

	(void)state;
	facts_of(&f, "6.1.0", EMT_KNOWN);
	assert_int_equal(emt_engine_new(&e, &f, NULL, NULL), 0);
	assert_int_equal(emt_engine_explain(e, &bar, 0xb3, &x), 0);
	assert_int_equal(x.piece.run.gfn, 0xb3);
	assert_non_null(strstr(x.verdict_text, "0000:03:1f.7 BAR 5"));
	assert_non_null(strstr(x.verdict_text, "4.3 and later has identity there"));
	assert_non_null(strstr(x.verdict_text, "will fault"));
	assert_int_equal(emt_findings_new(&found, emt_engine_facts(e), emt_engine_release(e)), 0);
	assert_int_equal(emt_engine_run(e, &bar, emt_findings_add, found), 0);
	assert_int_equal(emt_findings_finish(found), 0);
	assert_int_equal(emt_findings_count(found), 1);
	g = emt_findings_get(found, 0);
	assert_int_equal(g->severity, EMT_SEV_ERROR);
	assert_int_equal(g->entries, 8);
	assert_int_equal(g->emt, 0xff);
	assert_non_null(strstr(g->explanation, "identity-missing, 0000:03:1f.7 BAR 5: "));
	emt_findings_free(found);
	emt_engine_free(e);
	emt_facts_free(&f);
}

static void names(void **state)
{
	char out[EMT_BAR_ROOM];

	(void)state;
	assert_string_equal(emt_bar_name(EMT_BAR(0, 0, 2, 0, 0), out), "0000:00:02.0 BAR 0");
	assert_string_equal(emt_bar_name(EMT_BAR(0x1234, 0xff, 31, 7, 6), out), "1234:ff:1f.7 ROM");
	assert_string_equal(emt_bar_name(EMT_BAR_NONE, out), "device memory");
}

static void facts_file(void **state)
{
	struct json_object *obj;
	struct emt_facts f, back;
	const char *text;

	(void)state;
	facts_of(&f, "6.1.0-42-amd64", EMT_KNOWN);
	obj = emt_facts_to_json(&f);
	text = json_object_to_json_string(obj);
	assert_non_null(strstr(text, "pci_bars"));
	emt_facts_init(&back);
	assert_int_equal(emt_facts_from_text(&back, text, strlen(text), "facts file", "facts", NULL), 0);
	assert_string_equal(back.pv_kernel, f.pv_kernel);
	assert_int_equal(back.pci_bars.n, 2);
	assert_int_equal(back.pci_bars.v[0].tag, BAR);
	assert_int_equal(back.pci_bars.v[1].tag, EMT_BAR_NONE);
	assert_int_equal(back.pv_m2p.v[0].tag, 0x99);
	assert_int_equal(back.paging, EMT_PAGING_PV);
	/* facts of types say nothing of such a domain, and these nothing of others */
	assert_true(emt_fact_concerns(&f, EMT_FACT_PCI_BARS));
	assert_false(emt_fact_concerns(&f, EMT_FACT_PINS));
	back.paging = EMT_PAGING_EPT;
	assert_false(emt_fact_concerns(&back, EMT_FACT_PV_KERNEL));
	assert_true(emt_fact_concerns(&back, EMT_FACT_PINS));
	json_object_put(obj);
	emt_facts_free(&f);
	emt_facts_free(&back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts), cmocka_unit_test(by_kernel), cmocka_unit_test(words),
		cmocka_unit_test(names), cmocka_unit_test(facts_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
