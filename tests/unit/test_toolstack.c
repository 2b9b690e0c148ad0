/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls of a toolstack, decoded: layouts typed from Xen's public headers, by interface
 * version; what changes nothing and what failed is no event.
 */
#include "common.h"

#include <stdio.h>
#include <string.h>

#include "xen/toolstack.h"

static uint8_t data[64];

static void put(size_t at, uint64_t v, size_t n)
{
	memcpy(data + at, &v, n);
}

static bool decode(uint32_t op, uint32_t cmd, uint32_t iface, int32_t ret, struct emt_toolstack_event *e)
{
	struct emt_toolstack_call c = { .pid = 7, .op = op, .cmd = cmd, .iface = iface, .domid = 5, .ret = ret,
					.command = "xl", .data = data, .first_extent = 0x777 };
	bool is = emt_toolstack_decode(&c, e);

	memset(data, 0, sizeof(data));
	return is;
}

static void domctls(void **state)
{
	struct emt_toolstack_event e;
	char text[200];

	(void)state;
	/* xen_domctl_iomem_permission: u64 first_mfn, u64 nr_mfns, u8 allow_access */
	put(0, 0xfea00, 8);
	put(8, 16, 8);
	put(16, 1, 1);
	assert_true(decode(36, 20, 0x15, 0, &e));
	assert_int_equal(e.what, EMT_EV_IOMEM);
	assert_int_equal(e.mfn, 0xfea00);
	assert_int_equal(e.count, 16);
	assert_true(e.on);
	assert_int_equal(e.domid, 5);
	assert_string_equal(e.command, "xl");
	assert_string_equal(emt_event_text(&e, text, sizeof(text)), "gives I/O memory 0xfea00-0xfea0f");
	/* xen_domctl_ioport_permission: u32 first_port, u32 nr_ports, u8 allow_access */
	put(0, 0x3f8, 4);
	put(4, 8, 4);
	assert_true(decode(36, 21, 0x08, 0, &e));
	assert_int_equal(e.port, 0x3f8);
	assert_int_equal(e.count, 8);
	assert_false(e.on);
	/* xen_domctl_memory_mapping: first_gfn, first_mfn, nr_mfns, u32 add */
	put(0, 0xe0000, 8);
	put(8, 0xfea00, 8);
	put(16, 2, 8);
	put(24, 1, 4);
	assert_true(decode(36, 39, 0x15, 0, &e));
	assert_int_equal(e.gfn, 0xe0000);
	assert_int_equal(e.mfn, 0xfea00);
	assert_true(e.on);
	/* xen_domctl_pin_mem_cacheattr (until 4.10): start, end (inclusive), u32 type */
	put(0, 0x100, 8);
	put(8, 0x1ff, 8);
	put(16, 7, 4);
	assert_true(decode(36, 41, 0x0e, 0, &e));
	assert_int_equal(e.what, EMT_EV_PIN);
	assert_int_equal(e.count, 0x100);
	assert_string_equal(emt_event_text(&e, text, sizeof(text)), "pins 0x100-0x1ff as UC-");
	/* xen_domctl_shadow_op: u32 op; peek and the pool change nothing */
	for (unsigned int op = 0; op < 40; op++) {
		put(0, op, 4);
		assert_int_equal(decode(36, 10, 0x15, 0, &e), op == 0 || op == 2 || op == 11 || op == 32);
	}
	/* getdomaininfo, pausedomain, gethvmcontext ... */
	for (unsigned int cmd = 0; cmd < 100; cmd++) {
		bool of_interest = cmd == 1 || cmd == 2 || cmd == 10 || cmd == 20 || cmd == 21 || cmd == 37 ||
				   cmd == 39 || cmd == 41 || cmd == 47;

		assert_int_equal(decode(36, cmd, 0x15, 0, &e), of_interest);
		assert_false(decode(36, cmd, 0x15, -1, &e)); /* refused */
	}
}

/* xen_domctl_createdomain: u32 ssidref, 16 bytes of handle, u32 flags; bit 5 since 4.13: IOMMU */
static void created(void **state)
{
	struct emt_toolstack_event e;
	char text[200];

	(void)state;
	put(20, 0x23, 4);
	assert_true(decode(36, 1, 0x15, 0, &e));
	assert_int_equal(e.type, 0x23);
	assert_true(e.on);
	assert_string_equal(emt_event_text(&e, text, sizeof(text)), "creates the domain, with IOMMU tables");
	put(20, 0x03, 4);
	assert_true(decode(36, 1, 0x12, 0, &e));
	assert_int_equal(e.type, 3);
	assert_false(e.on);
	put(20, 0x23, 4); /* before 4.13 that bit meant nothing */
	assert_true(decode(36, 1, 0x11, 0, &e));
	assert_int_equal(e.type, -1);
	assert_false(e.on);
}

/* xen_domctl_assign_device: the device alone; kind in front from 4.6; flags from 4.10. */
static void devices(void **state)
{
	static const struct {
		uint32_t iface;
		size_t at;
	} where[] = { { 0x08, 0 }, { 0x09, 0 }, { 0x0a, 0 }, { 0x0b, 4 }, { 0x0c, 4 }, { 0x0e, 8 }, { 0x10, 8 },
		      { 0x11, 8 }, { 0x15, 8 }, { 0x17, 8 } };
	struct emt_toolstack_event e;
	char text[200];

	(void)state;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(where); i++)
		for (unsigned int cmd = 37; cmd <= 47; cmd += 10) {
			put(where[i].at, 0x00010a23, 4);
			assert_true(decode(36, cmd, where[i].iface, 0, &e));
			assert_int_equal(e.sbdf, 0x00010a23);
			assert_int_equal(e.what, cmd == 37 ? EMT_EV_ASSIGN : EMT_EV_DEASSIGN);
		}
	assert_string_equal(emt_event_text(&e, text, sizeof(text)), "takes device 0001:0a:04.3");
}

static void dm_ops(void **state)
{
	struct emt_toolstack_event e;

	(void)state;
	/* xen_dm_op_pin_memory_cacheattr: start, end, u32 type (~0: delete) */
	put(0, 0xf0000, 8);
	put(8, 0xf07ff, 8);
	put(16, 1, 4);
	assert_true(decode(41, 18, 1, 0, &e));
	assert_int_equal(e.what, EMT_EV_PIN);
	assert_int_equal(e.gfn, 0xf0000);
	assert_int_equal(e.count, 0x800);
	assert_int_equal(e.type, 1);
	put(0, 0xf0000, 8);
	put(8, 0xf07ff, 8);
	put(16, UINT32_MAX, 4);
	assert_true(decode(41, 18, 1, 0, &e));
	assert_int_equal(e.what, EMT_EV_UNPIN);
	/* xen_dm_op_set_mem_type: u32 nr, u16 mem_type, u16 pad, u64 first_pfn */
	put(0, 4, 4);
	put(4, 2, 2);
	put(8, 0x20, 8);
	assert_true(decode(41, 12, 1, 0, &e));
	assert_int_equal(e.count, 4);
	assert_int_equal(e.type, 2);
	assert_int_equal(e.gfn, 0x20);
	/* xen_dm_op_map_mem_type_to_ioreq_server: u16 id, u16 type, u32 flags */
	put(0, 1, 2);
	put(2, 3, 2);
	put(4, 2, 4);
	assert_true(decode(41, 15, 1, 0, &e));
	assert_int_equal(e.type, 3);
	assert_true(e.on);
	for (unsigned int op = 0; op < 30; op++)
		assert_int_equal(decode(41, op, 1, 0, &e), op == 12 || op == 15 || op == 17 || op == 18);
	/* before 4.9, xen_hvm_set_mem_type: u16 domid, u16 type, u32 nr, u64 first_pfn */
	put(2, 1, 2);
	put(4, 4, 4);
	put(8, 0x20, 8);
	assert_true(decode(34, 8, 0, 0, &e));
	assert_int_equal(e.what, EMT_EV_MEM_TYPE);
	assert_int_equal(e.type, 1);
	assert_int_equal(e.count, 4);
	assert_int_equal(e.gfn, 0x20);
	for (unsigned int op = 0; op < 30; op++)
		assert_int_equal(decode(34, op, 0, 0, &e), op == 8);
}

static void memory_ops(void **state)
{
	struct emt_toolstack_event e;

	(void)state;
	/* xen_memory_reservation: extents, u64 nr, u32 order; the answer is how many were done */
	put(8, 8, 8);
	put(16, 9, 4);
	assert_true(decode(12, 6, 0, 3, &e));
	assert_int_equal(e.what, EMT_EV_POPULATE);
	assert_int_equal(e.count, 3 * 512);
	assert_int_equal(e.gfn, 0x777);
	assert_false(decode(12, 1, 0, 0, &e)); /* none done */
	/* xen_add_to_physmap: u16 domid, u16 size, u32 space, u64 idx, u64 gpfn */
	put(0, 5, 2);
	put(4, 1, 4);
	put(16, 0xabc, 8);
	assert_true(decode(12, 7, 0, 0, &e));
	assert_int_equal(e.gfn, 0xabc);
	assert_int_equal(e.type, 1);
	assert_int_equal(e.count, 1);
	put(2, 77, 2);
	put(4, 3, 4); /* gmfn_range: 'size' pages */
	assert_true(decode(12, 7, 0, 0, &e));
	assert_int_equal(e.count, 77);
	/* xen_add_to_physmap_batch: u16 domid, u16 space, u16 size ... and arrays */
	put(2, 2, 2);
	put(4, 12, 2);
	assert_true(decode(12, 23, 0, 0, &e));
	assert_int_equal(e.what, EMT_EV_ADD_BATCH);
	assert_int_equal(e.type, 2);
	assert_int_equal(e.count, 12);
	assert_int_equal(e.gfn, 0x777);
	/* xen_memory_exchange begins with a reservation; xen_pod_target with u64 target_pages */
	put(8, 3, 8);
	put(16, 1, 4);
	assert_true(decode(12, 11, 0, 0, &e));
	assert_int_equal(e.what, EMT_EV_EXCHANGE);
	assert_int_equal(e.count, 6);
	put(0, 0x4000, 8);
	assert_true(decode(12, 16, 0, 0, &e));
	assert_int_equal(e.what, EMT_EV_POD_TARGET);
	assert_int_equal(e.count, 0x4000);
	/* xen_remove_from_physmap: u16 domid, u64 gpfn */
	put(8, 0xdef, 8);
	assert_true(decode(12, 15, 0, 0, &e));
	assert_int_equal(e.gfn, 0xdef);
	/* xen_mem_access_op: u8 op, u8 access, u16 domid, u32 nr, u64 pfn; 1 asks only */
	put(0, 1, 1);
	assert_false(decode(12, 21, 0, 0, &e));
	put(4, 3, 4);
	put(8, 0x10, 8);
	assert_true(decode(12, 21, 0, 0, &e));
	assert_int_equal(e.count, 3);
	assert_false(decode(12, 9, 0, 0, &e)); /* memory_map */
}

static void host(void **state)
{
	struct emt_toolstack_event e;
	struct emt_toolstack_call c = { .op = 7, .cmd = 31, .domid = 0xffff, .data = data };

	(void)state;
	/* xenpf_add_memtype: u64 mfn, u64 nr_mfns, u32 type */
	put(0, 0xe0000, 8);
	put(8, 0x100, 8);
	put(16, 1, 4);
	assert_true(emt_toolstack_decode(&c, &e));
	assert_int_equal(e.domid, EMT_EVENT_NO_DOMAIN);
	assert_int_equal(e.mfn, 0xe0000);
	assert_int_equal(e.type, 1);
	c.cmd = 33; /* read_memtype */
	assert_false(emt_toolstack_decode(&c, &e));
	/* physdev_pci_device: u16 seg, u8 bus, u8 devfn */
	memset(data, 0, sizeof(data));
	put(0, 1, 2);
	put(2, 3, 1);
	put(3, 0x21, 1);
	c.op = 33;
	c.cmd = 30;
	assert_true(emt_toolstack_decode(&c, &e));
	assert_int_equal(e.what, EMT_EV_MSIX_PREPARE);
	assert_int_equal(e.sbdf, 0x10321);
	for (c.cmd = 0; c.cmd < 40; c.cmd++) {
		bool add = c.cmd == 15 || c.cmd == 20 || c.cmd == 25, away = c.cmd == 16 || c.cmd == 26;

		assert_int_equal(emt_toolstack_decode(&c, &e), add || away || c.cmd == 30 || c.cmd == 31);
		if (add || away)
			assert_int_equal(e.what, add ? EMT_EV_PCI_ADD : EMT_EV_PCI_REMOVE);
		/* manage_pci: u8 bus, u8 devfn */
		if (add || away)
			assert_int_equal(e.sbdf, c.cmd < 25 ? 0x100 : 0x10321);
	}
	c.op = 7;
	c.cmd = 32;
	assert_true(emt_toolstack_decode(&c, &e));
	assert_int_equal(e.what, EMT_EV_HOST_MTRR_DEL);
}

static void mappings(void **state)
{
	struct emt_toolstack_event e;
	char text[200];

	(void)state;
	emt_toolstack_mapping(&e, 5, 0x100, 0x12345, 2);
	assert_int_equal(e.what, EMT_EV_FOREIGN);
	assert_int_equal(e.domid, 5);
	assert_string_equal(emt_event_text(&e, text, sizeof(text)),
			    "mapped into a process: 0x100-0x101, found at 0x12345-0x12346");
}

static void names(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < EMT_EV_NR; i++) {
		assert_non_null(emt_event_name(i));
		assert_int_equal(emt_event_by_name(emt_event_name(i)), i);
	}
	assert_int_equal(emt_event_by_name("frob"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(domctls),    cmocka_unit_test(devices), cmocka_unit_test(dm_ops),
		cmocka_unit_test(memory_ops), cmocka_unit_test(host),    cmocka_unit_test(names),
		cmocka_unit_test(created),    cmocka_unit_test(mappings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
