/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xen/calls.h"

#define CALL(the_via, the_cmd, the_name, the_cost, the_effect, ...) \
	{ .name = (the_name), .via = (the_via), .cmd = (the_cmd), .cost = (the_cost), .effect = (the_effect), \
	  __VA_ARGS__ }
#define NEVER(the_name, why) CALL(EMT_XEN_VIA_NONE, 0, the_name, EMT_XEN_NEVER, why)

const struct emt_xen_call_desc emt_xen_calls[EMT_XC_NR] = {
	[EMT_XC_VERSION] = CALL(EMT_XEN_VIA_VERSION, 0, "XENVER_version", EMT_XEN_FREE, "reads a number"),
	[EMT_XC_EXTRAVERSION] =
		CALL(EMT_XEN_VIA_VERSION, 1, "XENVER_extraversion", EMT_XEN_FREE, "reads a text of 16 bytes"),
	[EMT_XC_COMMANDLINE] =
		CALL(EMT_XEN_VIA_VERSION, 9, "XENVER_commandline", EMT_XEN_FREE, "reads a text of 1 KiB"),
	[EMT_XC_PHYSINFO] = CALL(EMT_XEN_VIA_SYSCTL, 3, "XEN_SYSCTL_physinfo", EMT_XEN_FREE,
				 "reads counts and flags of the host", .versioned = true),
	[EMT_XC_DOMAIN_LIST] = CALL(EMT_XEN_VIA_SYSCTL, 6, "XEN_SYSCTL_getdomaininfolist", EMT_XEN_FREE,
				    "reads the state of the domains, as xl list does", .versioned = true),
	[EMT_XC_DOMAIN] = CALL(EMT_XEN_VIA_DOMCTL, 5, "XEN_DOMCTL_getdomaininfo", EMT_XEN_FREE,
			       "reads the state of a domain", .versioned = true),
	[EMT_XC_CONSOLE] = CALL(EMT_XEN_VIA_SYSCTL, 1, "XEN_SYSCTL_readconsole", EMT_XEN_FREE,
				"reads the console ring and leaves it as it is", .versioned = true),
	[EMT_XC_HOST_E820] = CALL(EMT_XEN_VIA_MEMORY, 10, "XENMEM_machine_memory_map", EMT_XEN_FREE,
				  "reads the host's memory map"),
	[EMT_XC_MAX_PAGE] =
		CALL(EMT_XEN_VIA_MEMORY, 2, "XENMEM_maximum_ram_page", EMT_XEN_FREE, "reads a number"),
	[EMT_XC_MAX_GFN] =
		CALL(EMT_XEN_VIA_MEMORY, 14, "XENMEM_maximum_gpfn", EMT_XEN_FREE, "reads a number"),
	[EMT_XC_HOST_MTRR] = CALL(EMT_XEN_VIA_PLATFORM, 33, "XENPF_read_memtype", EMT_XEN_FREE,
				  "reads one variable MTRR of the host"),
	[EMT_XC_HVM_RECORD] =
		CALL(EMT_XEN_VIA_DOMCTL, 55, "XEN_DOMCTL_gethvmcontext_partial", EMT_XEN_COSTS,
		     "pauses the vCPU while its record is copied; releases before 4.12 the whole domain",
		     .versioned = true),
	[EMT_XC_MEM_TYPE] = CALL(EMT_XEN_VIA_HVM, 15, "HVMOP_get_mem_type", EMT_XEN_FREE,
				 "looks one gfn up and changes nothing; asked only where it decides a verdict"),
	[EMT_XC_KEY_D] = CALL(EMT_XEN_VIA_SYSCTL, 7, "XEN_SYSCTL_debug_keys D", EMT_XEN_COSTS,
			      "prints the EPT of every HAP domain to the console ring and the serial line; no "
			      "other sysctl runs meanwhile", .versioned = true, .key = 'D'),
	[EMT_XC_KEY_Q] = CALL(EMT_XEN_VIA_SYSCTL, 7, "XEN_SYSCTL_debug_keys q", EMT_XEN_COSTS,
			      "prints what every domain holds to the console", .versioned = true, .key = 'q'),
	[EMT_XC_KEY_PCI] = CALL(EMT_XEN_VIA_SYSCTL, 7, "XEN_SYSCTL_debug_keys Q", EMT_XEN_COSTS,
				"prints the PCI devices to the console", .versioned = true, .key = 'Q'),
	[EMT_XC_KEY_O] = CALL(EMT_XEN_VIA_SYSCTL, 7, "XEN_SYSCTL_debug_keys o", EMT_XEN_COSTS,
			      "prints every IOMMU table to the console", .versioned = true, .key = 'o'),
	[EMT_XC_BUILD_ID] = CALL(EMT_XEN_VIA_VERSION, 10, "XENVER_build_id", EMT_XEN_FREE, "reads 20 bytes"),
	[EMT_XC_LIVEPATCH_LIST] =
		CALL(EMT_XEN_VIA_SYSCTL, 27, "XEN_SYSCTL_LIVEPATCH_LIST", EMT_XEN_FREE,
		     "reads the names and states of payloads", .versioned = true, .op = 2 + 1),
	[EMT_XC_LIVEPATCH_GET] = CALL(EMT_XEN_VIA_SYSCTL, 27, "XEN_SYSCTL_LIVEPATCH_GET", EMT_XEN_FREE,
				      "reads the state of a payload", .versioned = true, .op = 1 + 1),
	[EMT_XC_LIVEPATCH_UPLOAD] = CALL(EMT_XEN_VIA_SYSCTL, 27, "XEN_SYSCTL_LIVEPATCH_UPLOAD", EMT_XEN_CHANGES,
					 "gives Xen a payload", .versioned = true, .op = 0 + 1),
	[EMT_XC_LIVEPATCH_ACTION] =
		CALL(EMT_XEN_VIA_SYSCTL, 27, "XEN_SYSCTL_LIVEPATCH_ACTION", EMT_XEN_CHANGES,
		     "stops every processor for an instant and changes Xen's code", .versioned = true, .op = 3 + 1),
	[EMT_XC_QUERY] = CALL(EMT_XEN_VIA_DOMCTL, 50, "XEN_DOMCTL_get_device_group", EMT_XEN_FREE,
			      "with emt's payload: reads entries and the policy's inputs; without: does nothing",
			      .versioned = true),
	[EMT_XC_M2P_LIST] = CALL(EMT_XEN_VIA_MEMORY, 5, "XENMEM_machphys_mfn_list", EMT_XEN_FREE,
				 "reads which frames hold the machine-to-physical table"),
	[EMT_XC_GUEST_PAGE] =
		CALL(EMT_XEN_VIA_FOREIGN, 0, "foreign mapping of a populated frame, read only", EMT_XEN_COSTS,
		     "maps a page of guest RAM, copies it, unmaps it"),
	[EMT_XC_PAGEFRAMEINFO] =
		NEVER("XEN_DOMCTL_getpageframeinfo3", "populates PoD entries and pages memory in"),
	[EMT_XC_FOREIGN_MAP] = NEVER("foreign mapping of a frame not known to be populated, or writable",
				     "populates PoD, pages in, unshares"),
	[EMT_XC_GUESTMEMIO_WRITE] = NEVER("XEN_DOMCTL_gdbsx_guestmemio with gwr", "writes guest memory"),
	[EMT_XC_READ_MSR] = NEVER("XENPF_resource_op", "interrupts processors; allows no MTRR anyway"),
	[EMT_XC_CONSOLE_CLEAR] = NEVER("XEN_SYSCTL_readconsole with clear", "takes the text from others"),
	[EMT_XC_KEY_OTHER] = NEVER("XEN_SYSCTL_debug_keys, any other key", "some reboot or crash the host"),
};

const char *emt_xen_cost_name(unsigned int cost)
{
	static const char *const names[] = { "free", "costs", "changes", "never" };

	return cost < EMT_ARRAY_SIZE(names) ? names[cost] : "?";
}

static const struct emt_xen_iface ifaces[] = {
	/* 4.x  domctl sysctl  info emu  caps mfn hw   hap */
	{ 5, 0x0a, 0x0b, 96, 0, 96, 0, 64, false },
	{ 6, 0x0b, 0x0c, 96, 0, 96, 0, 64, false },
	{ 7, 0x0b, 0x0d, 96, 0, 96, 0, 64, false },
	{ 8, 0x0c, 0x0e, 96, 0, 96, 0, 64, true },
	{ 9, 0x0d, 0x0f, 96, 0, 96, 0, 64, true },
	{ 10, 0x0f, 0x10, 104, 0, 28, 64, 72, true },
	{ 11, 0x10, 0x11, 104, 96, 28, 64, 72, true },
	{ 12, 0x11, 0x12, 104, 96, 28, 64, 72, true },
	{ 13, 0x12, 0x12, 104, 96, 28, 64, 72, true },
	{ 14, 0x12, 0x13, 104, 96, 28, 64, 72, true },
	{ 15, 0x13, 0x13, 104, 96, 28, 64, 72, true },
	{ 16, 0x14, 0x14, 112, 104, 28, 64, 72, true },
	{ 17, 0x15, 0x15, 112, 104, 28, 72, 80, true },
	{ 18, 0x16, 0x15, 112, 104, 28, 72, 80, true },
	{ 19, 0x17, 0x15, 112, 104, 28, 72, 80, true },
	{ 20, 0x17, 0x15, 112, 104, 28, 72, 80, true },
	{ 21, 0x17, 0x16, 112, 104, 28, 72, 80, true },
	{ 22, 0x18, 0x16, 112, 104, 28, 72, 80, true },
};

const struct emt_xen_iface *emt_xen_iface(unsigned int major, unsigned int minor)
{
	for (size_t i = 0; major == 4 && i < EMT_ARRAY_SIZE(ifaces); i++)
		if (ifaces[i].minor == minor)
			return &ifaces[i];
	return NULL;
}

const char *emt_xen_iface_range(void)
{
	return "4.5 to 4.22";
}
