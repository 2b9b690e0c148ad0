/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts out of a journal: what is known, what is assumed, and from when on. */
#include "common.h"
#include "journal_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/box.h"
#include "policy/mtrr.h"
#include "source/journal_facts.h"

#define HEAD(t) "{\"record\":\"header\",\"time\":\"2026-01-01T" t "Z\"}\n"
#define EV(dom, ev, more) "{\"record\":\"toolstack_event\",\"domain\":" dom ",\"event\":\"" ev "\"" more "}\n"
#define PIN(dom, gfn, n, type) EV(dom, "pin", ",\"gfn\":" gfn ",\"count\":" n ",\"type\":" type)
#define END(lost) \
	"{\"record\":\"watching\",\"to\":\"2026-01-01T15:00:00Z\",\"lost\":" lost ",\"unpaired\":0,\"unreadable\":0}\n"
#define NOON 1767268800 /* 2026-01-01T12:00:00Z */
#define NOW (NOON + 7200)
#define RIGHT(what, unit, first, n, on) \
	EV("5", what, ",\"" unit "\":" first ",\"count\":" n ",\"on\":" on)
#define IOMEM(first, n, on) RIGHT("iomem-permission", "mfn", first, n, on)
#define IOPORT(first, n, on) RIGHT("ioport-permission", "port", first, n, on)
#define DEVICE(what, name) EV("5", what "-device", ",\"device\":\"" name "\"")

static struct emt_facts f;
static bool watched = true; /* somebody holds the lock */
static const struct emt_mtrr *host; /* MTRRs of now; NULL: not known */

static void replay(const char *journal)
{
	struct journal_file j;

	journal_file_make(&j, journal, watched);
	emt_facts_free(&f);
	if (host) {
		f.host_mtrr = *host;
		emt_facts_set(&f, EMT_FACT_HOST_MTRR, EMT_KNOWN, "test");
	}
	assert_int_equal(emt_journal_facts(j.path, 5, NOW, &f), 0);
	journal_file_remove(&j);
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
	assert_int_equal(f.prov[EMT_FACT_CAPS_EVER_HELD].held, EMT_ASSUMED);
	assert_false(f.caps_ever_held);
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
	/* it was there before; what was seen since is so */
	replay(HEAD("12:00:00") PIN("5", "256", "16", "1"));
	pins_are(1, EMT_ASSUMED, NOON);
	assert_int_equal(f.pins.v[0].held, EMT_KNOWN);
	/* a gap: the watch was cut off and began anew */
	replay(HEAD("11:00:00") EV("5", "create", "") PIN("5", "256", "16", "1") HEAD("12:00:00"));
	pins_are(1, EMT_ASSUMED, NOON);
	assert_int_equal(f.pins.v[0].held, EMT_ASSUMED); /* it may be gone */
	/* events were lost */
	replay(HEAD("11:00:00") EV("5", "create", "") END("3") HEAD("12:00:00"));
	pins_are(0, EMT_ASSUMED, NOON);
	/* nobody watches any more: nothing is complete but from now on */
	replay(HEAD("12:00:00") EV("5", "create", "") END("0"));
	pins_are(0, EMT_ASSUMED, NOW);
	/* its writer was killed */
	watched = false;
	replay(HEAD("12:00:00") EV("5", "create", "") PIN("5", "1", "1", "0"));
	watched = true;
	pins_are(1, EMT_ASSUMED, NOW);
	assert_int_equal(f.pins.v[0].held, EMT_ASSUMED);
	/* the next writer is about to begin: it holds the lock already */
	replay(HEAD("12:00:00") EV("5", "create", "") PIN("5", "1", "1", "0") "\n{\"record\":\"gap\"}\n");
	pins_are(1, EMT_ASSUMED, NOW);
	/* its probes were attached later than it began */
	replay(HEAD("11:00:00") "{\"record\":\"watch_begun\",\"time\":\"2026-01-01T12:00:00Z\"}\n" PIN("5", "1", "1", "0"));
	pins_are(1, EMT_ASSUMED, NOON);
	/* a line that was cut off, and the next writer's behind it */
	replay(HEAD("11:00:00") EV("5", "create", "") PIN("5", "1", "1", "0")
	       "{\"record\":\"toolstack_event\",\"domain\":7,\"ev" HEAD("12:00:00"));
	pins_are(1, EMT_ASSUMED, NOON);
	/* the end of a line is missing */
	replay(HEAD("12:00:00") EV("5", "create", "") PIN("5", "1", "1", "0") "{\"record\":\"tool");
	pins_are(1, EMT_KNOWN, 0);
}

static void list_is(enum emt_fact_id id, size_t n, unsigned int held, unsigned int rest, int64_t since)
{
	assert_int_equal(emt_facts_clist(&f, id)->n, n);
	assert_int_equal(f.prov[id].held, held);
	assert_int_equal(f.prov[id].rest, rest);
	assert_int_equal(f.prov[id].since, since);
}

/* Rights and devices: a domain has none when it is created. */
static void rights(void **state)
{
	(void)state;
	replay(HEAD("12:00:00") EV("5", "create", "") IOMEM("4096", "256", "true") IOMEM("4112", "16", "false")
	       IOPORT("1016", "8", "true") DEVICE("assign", "0000:00:04.0") DEVICE("assign", "0001:0a:04.3")
	       DEVICE("deassign", "0000:00:04.0"));
	list_is(EMT_FACT_IOMEM_CAPS, 2, EMT_KNOWN, EMT_ASSUMED, 0);
	emt_facts_normalise(&f);
	assert_int_equal(f.iomem_caps.v[0].first, 4096);
	assert_int_equal(f.iomem_caps.v[0].last, 4111);
	assert_int_equal(f.iomem_caps.v[1].first, 4128);
	assert_int_equal(f.iomem_caps.v[1].last, 4351);
	assert_int_equal(f.iomem_caps.v[1].held, EMT_KNOWN);
	list_is(EMT_FACT_IOPORT_CAPS, 1, EMT_KNOWN, EMT_ASSUMED, 0);
	assert_int_equal(f.pci_devices, 1);
	assert_int_equal(f.prov[EMT_FACT_PCI_DEVICES].held, EMT_KNOWN);
	/* none seen from its creation on: there are none, as far as calls pass privcmd */
	replay(HEAD("12:00:00") EV("5", "create", ""));
	list_is(EMT_FACT_IOMEM_CAPS, 0, EMT_KNOWN, EMT_ASSUMED, 0);
	assert_int_equal(f.pci_devices, 0);
	assert_int_equal(f.prov[EMT_FACT_PCI_DEVICES].held, EMT_ASSUMED);
	assert_int_equal(f.prov[EMT_FACT_CAPS_EVER_HELD].held, EMT_ASSUMED);
	/* what was given before the watch nobody knows */
	replay(HEAD("12:00:00") IOPORT("1016", "8", "true"));
	list_is(EMT_FACT_IOMEM_CAPS, 0, EMT_UNKNOWN, EMT_UNKNOWN, NOON);
	list_is(EMT_FACT_IOPORT_CAPS, 1, EMT_ASSUMED, EMT_UNKNOWN, NOON);
	assert_int_equal(f.ioport_caps.v[0].held, EMT_KNOWN);
	assert_int_equal(f.prov[EMT_FACT_PCI_DEVICES].held, EMT_UNKNOWN);
	assert_int_equal(f.prov[EMT_FACT_CAPS_EVER_HELD].held, EMT_KNOWN);
	/* a restart in between: it may have been taken meanwhile */
	replay(HEAD("11:00:00") EV("5", "create", "") IOMEM("4096", "1", "true") DEVICE("assign", "0000:00:04.0") END("0")
	       HEAD("12:00:00"));
	list_is(EMT_FACT_IOMEM_CAPS, 1, EMT_ASSUMED, EMT_UNKNOWN, NOON);
	assert_int_equal(f.iomem_caps.v[0].held, EMT_ASSUMED);
	assert_int_equal(f.pci_devices, 1);
	assert_int_equal(f.prov[EMT_FACT_PCI_DEVICES].held, EMT_ASSUMED);
	/* a key has listed them: that stays */
	emt_facts_free(&f);
	emt_facts_set_list(&f, EMT_FACT_IOMEM_CAPS, EMT_KNOWN, EMT_KNOWN, "key q");
	assert_int_equal(emt_journal_facts("/dev/null", 5, NOW, &f), 0);
	list_is(EMT_FACT_IOMEM_CAPS, 0, EMT_KNOWN, EMT_KNOWN, 0);
}

static void types_are(size_t n, uint64_t first, uint64_t last, unsigned int tag)
{
	list_is(EMT_FACT_P2M_TYPES, n, n ? EMT_ASSUMED : EMT_UNKNOWN, EMT_UNKNOWN, n ? NOON : 0);
	if (!n)
		return;
	assert_int_equal(f.p2m_types.v[n - 1].first, first);
	assert_int_equal(f.p2m_types.v[n - 1].last, last);
	assert_int_equal(f.p2m_types.v[n - 1].tag, tag);
	assert_int_equal(f.p2m_types.v[n - 1].held, EMT_ASSUMED);
}

#define TYPE(gfn, n, t) EV("5", "set-mem-type", ",\"gfn\":" gfn ",\"count\":" n ",\"type\":" t)
#define MAP(gfn, n, on) EV("5", "memory-mapping", ",\"gfn\":" gfn ",\"mfn\":4096,\"count\":" n ",\"on\":" on)
#define PAGES(what, gfn, n) EV("5", what, ",\"gfn\":" gfn ",\"count\":" n)

static void types(void **state)
{
	(void)state;
	replay(HEAD("12:00:00") TYPE("32", "4", "1"));
	types_are(1, 32, 35, EMT_P2M_RAM_RO);
	replay(HEAD("12:00:00") TYPE("32", "4", "1") TYPE("32", "4", "2"));
	types_are(1, 32, 35, EMT_P2M_MMIO_DM);
	replay(HEAD("12:00:00") TYPE("32", "4", "4"));
	types_are(1, 32, 35, EMT_P2M_IOREQ_SERVER);
	replay(HEAD("12:00:00") TYPE("32", "4", "3")); /* means nothing */
	types_are(0, 0, 0, 0);
	replay(HEAD("12:00:00") MAP("64", "16", "true"));
	types_are(1, 64, 79, EMT_P2M_MMIO_DIRECT);
	replay(HEAD("12:00:00") MAP("64", "16", "true") MAP("72", "8", "false"));
	types_are(1, 64, 71, EMT_P2M_MMIO_DIRECT);
	/* pages that come or go; of several only the first is known */
	replay(HEAD("12:00:00") TYPE("32", "4", "1") PAGES("decrease-reservation", "33", "1"));
	types_are(2, 34, 35, EMT_P2M_RAM_RO);
	replay(HEAD("12:00:00") TYPE("32", "4", "1") PAGES("populate-physmap", "9999", "2"));
	types_are(0, 0, 0, 0);
}

static void once(void **state)
{
	(void)state;
	/* created with IOMMU tables, or without; older releases say nothing */
	replay(HEAD("12:00:00") EV("5", "create", ",\"type\":35,\"on\":true"));
	assert_true(f.domain_iommu);
	assert_int_equal(f.prov[EMT_FACT_DOMAIN_IOMMU].held, EMT_KNOWN);
	replay(HEAD("12:00:00") EV("5", "create", ",\"type\":3,\"on\":false"));
	assert_false(f.domain_iommu);
	assert_int_equal(f.prov[EMT_FACT_DOMAIN_IOMMU].held, EMT_KNOWN);
	replay(HEAD("12:00:00") EV("5", "create", ",\"type\":null,\"on\":false"));
	assert_int_equal(f.prov[EMT_FACT_DOMAIN_IOMMU].held, EMT_UNKNOWN);
	assert_int_equal(f.prov[EMT_FACT_HOST_MTRR_CHANGED].held, EMT_ASSUMED);
	assert_false(f.host_mtrr_changed);
	/* host MTRRs and MSI-X tables: in the domain's life */
	replay(HEAD("12:00:00") EV("null", "host-mtrr-add", "") EV("5", "create", ""));
	assert_false(f.host_mtrr_changed);
	replay(HEAD("12:00:00") EV("5", "create", "") EV("null", "host-mtrr-add", "") EV("null", "prepare-msix", ""));
	assert_true(f.host_mtrr_changed);
	assert_int_equal(f.prov[EMT_FACT_HOST_MTRR_CHANGED].held, EMT_KNOWN);
	assert_true(f.mmio_ro_changed);
}

/* Types that a frame of the host had in some state of before, as a set of emt_mv. */
static unsigned int earlier(uint64_t mfn)
{
	unsigned int types = 0;

	for (uint32_t i = 0; i < f.nr_host_earlier; i++)
		types |= emt_mtrr_lookup(&f.host_earlier[i], mfn, 0, EMT_KNOWN);
	return types;
}

#define MV(mt) (1u << emt_mv_of_mt(mt))
#define ADD(mfn, n, type) EV("null", "host-mtrr-add", ",\"mfn\":" mfn ",\"count\":" n ",\"type\":" type)
#define DELETE EV("null", "host-mtrr-delete", "")

static void host_mtrrs(void **state)
{
	struct emt_mtrr m = { .def_type = EMT_MT_WB, .e = 1, .vcnt = 4, .def_held = EMT_KNOWN, .fixed_held = EMT_KNOWN,
			      .var = { { 0xc0000000, 0xfffffc0000800ull }, { 0x100000000 | EMT_MT_WC, 0xffffffff00800ull } } };

	(void)state;
	memset(m.var_held, EMT_KNOWN, sizeof(m.var_held));
	host = &m;
	/* the second is there now, and was not: the frames beside it never changed */
	replay(HEAD("12:00:00") EV("5", "create", "") ADD("1048576", "256", "1"));
	assert_int_equal(f.nr_host_earlier, 1);
	assert_int_equal(earlier(0x100000), MV(EMT_MT_WB));
	assert_int_equal(earlier(0xc0000), MV(EMT_MT_UC));
	assert_int_equal(earlier(0x100100), MV(EMT_MT_WB));
	/* one that came and went */
	replay(HEAD("12:00:00") EV("5", "create", "") ADD("2097152", "512", "4") DELETE);
	assert_int_equal(f.nr_host_earlier, 1);
	assert_int_equal(earlier(0x2001ff), MV(EMT_MT_WT));
	assert_int_equal(earlier(0x200200), MV(EMT_MT_WB));
	assert_int_equal(earlier(0x100000), MV(EMT_MT_WC));
	/* both: what is now is no state of before, the three others may be */
	replay(HEAD("12:00:00") EV("5", "create", "") ADD("2097152", "512", "4") ADD("1048576", "256", "1") DELETE);
	assert_int_equal(f.nr_host_earlier, 3);
	assert_int_equal(earlier(0x100000), MV(EMT_MT_WC) | MV(EMT_MT_WB));
	assert_int_equal(earlier(0x200000), MV(EMT_MT_WT) | MV(EMT_MT_WB));
	/* what went may be one of before; where is not told; another type; too many; a gap; before its life */
	replay(HEAD("12:00:00") EV("5", "create", "") ADD("1048576", "256", "1") DELETE);
	assert_int_equal(f.nr_host_earlier, 0);
	assert_true(f.host_mtrr_changed);
	replay(HEAD("12:00:00") EV("5", "create", "") EV("null", "host-mtrr-add", ""));
	assert_int_equal(f.nr_host_earlier, 0);
	replay(HEAD("12:00:00") EV("5", "create", "") ADD("1048576", "256", "0"));
	assert_int_equal(f.nr_host_earlier, 0);
	replay(HEAD("12:00:00") EV("5", "create", "") ADD("1048576", "255", "1") DELETE);
	assert_int_equal(f.nr_host_earlier, 0);
	replay(HEAD("12:00:00") EV("5", "create", "") ADD("1", "1", "0") ADD("2", "1", "0") ADD("3", "1", "0")
	       ADD("4", "1", "0") ADD("5", "1", "0") DELETE DELETE DELETE DELETE DELETE);
	assert_int_equal(f.nr_host_earlier, 0);
	assert_true(f.host_mtrr_changed);
	replay(HEAD("12:00:00") EV("5", "create", "") ADD("1048576", "256", "1") END("1"));
	assert_int_equal(f.nr_host_earlier, 0);
	replay(HEAD("12:00:00") ADD("1048576", "256", "1") EV("5", "create", ""));
	assert_int_equal(f.nr_host_earlier, 0);
	assert_false(f.host_mtrr_changed);
	/* MTRRs of now that are not known */
	host = NULL;
	replay(HEAD("12:00:00") EV("5", "create", "") ADD("2097152", "512", "4") DELETE);
	assert_int_equal(f.nr_host_earlier, 0);
}

static void nothing(void **state)
{
	(void)state;
	replay("");
	pins_are(0, EMT_UNKNOWN, 0);
	emt_facts_free(&f);
	assert_int_equal(emt_journal_facts("/nonexistent", 5, NOW, &f), 0);
	pins_are(0, EMT_UNKNOWN, 0);
	/* what is stated stays */
	emt_facts_set_list(&f, EMT_FACT_PINS, EMT_KNOWN, EMT_KNOWN, "query");
	assert_int_equal(emt_journal_facts("/dev/null", 5, NOW, &f), 0);
	assert_string_equal(f.prov[EMT_FACT_PINS].origin, "query");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(since_creation),
		cmocka_unit_test(in_part),
		cmocka_unit_test(rights),
		cmocka_unit_test(types),
		cmocka_unit_test(once),
		cmocka_unit_test(host_mtrrs),
		cmocka_unit_test(nothing),
	};

	emt_facts_init(&f);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
