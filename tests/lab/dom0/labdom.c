/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Build a guest that never runs, through libxenctrl, so that every kind of
 * entry stands in its tables: pages of each size, holes, device memory, pins,
 * types, an assigned device; or populate-on-demand and log-dirty. (Access rights
 * of single pages need VMX.)
 *
 *   labdom full IOMEM_MADDR IOMEM_PAGES SBDF   (hexadecimal; SBDF 0: no device)
 *   labdom pod
 *   labdom dirty
 *   labdom huge SBDF                           (needs a free, aligned GiB)
 *   labdom pages MIB                           (4K pages alone)
 *
 * Prints the domain id; every step that fails ends the program with its name. And what
 * a toolstack does to one that is there:
 *
 *   labdom map ID FIRST COUNT [TIMES]          maps its frames; prints how many failed, ns a frame
 *   labdom move ID A B                         A gets another page, its own goes to B
 *   labdom rights ID IOMEM_MADDR               I/O ports and memory, of which parts are taken again
 *   labdom pins ID COUNT                       as many calls as fast as they come; ns a call
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define XC_WANT_COMPAT_DEVICEMODEL_API 1
#define XC_WANT_COMPAT_MAP_FOREIGN_API 1
#include <xenctrl.h>
#include <xendevicemodel.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/save.h>

static xc_interface *xch;
static xendevicemodel_handle *dm;

/* A step that must succeed. */
static void must(long rc, const char *what)
{
	if (rc < 0) {
		fprintf(stderr, "labdom: %s: %s\n", what, strerror(errno));
		exit(1);
	}
}
#define MUST(call) must((call), #call)

static uint32_t create(unsigned int flags, unsigned int max_kib, uint8_t mark)
{
	uint32_t id = 0;
	struct xen_domctl_createdomain c = {
		.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap | flags,
		.max_vcpus = 1,
		.max_evtchn_port = -1,
		.max_grant_frames = 32,
		.max_maptrack_frames = 32,
		.grant_opts = XEN_DOMCTL_GRANT_version(1),
		.arch.emulation_flags = XEN_X86_EMU_LAPIC,
		.handle = { 0x1a, 0xb0, mark },
	};

	MUST(xc_domain_create(xch, &id, &c));
	MUST(xc_domain_max_vcpus(xch, id, 1));
	MUST(xc_set_paging_mempool_size(xch, id, 8 << 20));
	MUST(xc_domain_setmaxmem(xch, id, max_kib));
	return id;
}

/* 'count' extents of 'order' from 'gfn'; the caller frees nothing. */
static void populate(uint32_t id, uint64_t gfn, unsigned int count, unsigned int order, unsigned int flags)
{
	xen_pfn_t list[1024];
	unsigned int i;

	if (count > 1024)
		must((errno = E2BIG, -1), "populate");
	for (i = 0; i < count; i++)
		list[i] = gfn + ((uint64_t)i << order);
	MUST(xc_domain_populate_physmap_exact(xch, id, count, order, flags, list));
}

/*
 * Give vCPU 0 a state, as a builder would: only an initialised vCPU shows its
 * control block, and with it the root of the tables. The domain stays paused.
 */
static void init_vcpu(uint32_t id)
{
	struct {
		struct hvm_save_descriptor header_d;
		HVM_SAVE_TYPE(HEADER) header;
		struct hvm_save_descriptor cpu_d;
		HVM_SAVE_TYPE(CPU) cpu;
		struct hvm_save_descriptor end_d;
		HVM_SAVE_TYPE(END) end;
	} c = { 0 };
	int size = xc_domain_hvm_getcontext(xch, id, NULL, 0);
	uint8_t *all;

	MUST(size);
	all = calloc(1, size);
	if (!all)
		must(-1, "calloc");
	MUST(xc_domain_hvm_getcontext(xch, id, all, size));
	memcpy(&c, all, sizeof(c.header_d) + sizeof(c.header)); /* the host's own header */
	free(all);
	c.cpu_d = (struct hvm_save_descriptor){ .typecode = HVM_SAVE_CODE(CPU), .length = HVM_SAVE_LENGTH(CPU) };
	c.end_d = (struct hvm_save_descriptor){ .typecode = HVM_SAVE_CODE(END), .length = HVM_SAVE_LENGTH(END) };
	c.cpu.cr0 = 0x11; /* flat 32-bit protected mode, no paging */
	c.cpu.cs_limit = c.cpu.ds_limit = c.cpu.es_limit = c.cpu.fs_limit = c.cpu.gs_limit = c.cpu.ss_limit = ~0U;
	c.cpu.cs_arbytes = 0xc9b;
	c.cpu.ds_arbytes = c.cpu.es_arbytes = c.cpu.ss_arbytes = 0xc93;
	c.cpu.tr_limit = 0x67;
	c.cpu.tr_arbytes = 0x8b;
	c.cpu.dr6 = 0xffff0ff0;
	c.cpu.dr7 = 0x400;
	MUST(xc_domain_hvm_setcontext(xch, id, (uint8_t *)&c, sizeof(c)));
}

static uint32_t full(unsigned long mfn, unsigned int pages, uint32_t sbdf)
{
	uint32_t id = create(sbdf ? XEN_DOMCTL_CDF_iommu : 0, 96 << 10, 0xf0);
	xen_pfn_t hole[] = { 0x51, 0x53, 0x7f0 }, late = 0x60;

	populate(id, 0, 256, 0, 0);         /* 4K pages below 1 MiB */
	populate(id, 0x200, 6, 9, 0);       /* 2M pages 0x200..0xdff */
	populate(id, 0x1000, 600, 0, 0);    /* 4K pages across a table boundary */
	populate(id, 0x40000, 1, 0, 0);     /* one page at 1 GiB */
	populate(id, 0x8000000, 2, 0, 0);   /* two at 512 GiB: another top entry */
	if (mfn) {
		MUST(xc_domain_iomem_permission(xch, id, mfn, pages, 1));
		MUST(xc_domain_memory_mapping(xch, id, 0xe0000, mfn, pages, DPCI_ADD_MAPPING));
	}
	MUST(xc_domain_pin_memory_cacheattr(xch, id, 0x10, 0x1f, XEN_DMOP_MEM_CACHEATTR_UC));
	MUST(xc_domain_pin_memory_cacheattr(xch, id, 0x200, 0x3ff, XEN_DMOP_MEM_CACHEATTR_WC));
	MUST(xendevicemodel_set_mem_type(dm, id, HVMMEM_ram_ro, 0x20, 4));
	MUST(xendevicemodel_set_mem_type(dm, id, HVMMEM_ram_ro, 0x433, 1)); /* splits a 2M page */
	MUST(xendevicemodel_set_mem_type(dm, id, HVMMEM_mmio_dm, 0x30, 2));
	MUST(xc_domain_decrease_reservation_exact(xch, id, 3, 0, hole));
	if (sbdf) {
		MUST(xc_test_assign_device(xch, id, sbdf));
		MUST(xc_assign_device(xch, id, sbdf, 0));
	}
	/* taken away while the device may use it: the IOMMU must be told */
	MUST(xc_domain_decrease_reservation_exact(xch, id, 1, 0, &late));
	return id;
}

/* To a guest that "full" built: pages go and come, one becomes read-only, device memory is
 * mapped, a page of a superpage goes. */
static void change(uint32_t id, unsigned long mfn)
{
	xen_pfn_t gone[] = { 0x90, 0x91, 0x92, 0x93, 0x1010 }, part = 0x605;

	MUST(xc_domain_decrease_reservation_exact(xch, id, 5, 0, gone));
	MUST(xc_domain_decrease_reservation_exact(xch, id, 1, 0, &part));
	MUST(xendevicemodel_set_mem_type(dm, id, HVMMEM_ram_ro, 0xa0, 4));
	populate(id, 0x2000, 16, 0, 0);
	MUST(xc_domain_memory_mapping(xch, id, 0xe8000, mfn, 4, DPCI_ADD_MAPPING));
}

static uint32_t pod(void)
{
	uint32_t id = create(0, 64 << 10, 0xd0);
	uint64_t tot, cache, entries;

	populate(id, 0, 128, 0, 0);
	populate(id, 0x400, 8, 9, XENMEMF_populate_on_demand);
	MUST(xc_domain_set_pod_target(xch, id, 128 + 2 * 512, &tot, &cache, &entries));
	return id;
}

static uint32_t dirty(void)
{
	uint32_t id = create(0, 64 << 10, 0xd1);

	populate(id, 0, 200, 0, 0);
	populate(id, 0x200, 4, 9, 0);
	MUST(xc_shadow_control(xch, id, XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY, NULL, 0));
	return id;
}

static uint32_t huge(uint32_t sbdf)
{
	uint32_t id = create(sbdf ? XEN_DOMCTL_CDF_iommu : 0, 1200 << 10, 0x60);

	populate(id, 0, 32, 0, 0);
	populate(id, 0x200, 3, 9, 0);
	populate(id, 0x40000, 1, 18, 0);
	if (sbdf)
		MUST(xc_assign_device(xch, id, sbdf, 0));
	return id;
}

static uint32_t pages(unsigned int mib)
{
	uint32_t id = create(0, (mib + 1) << 10, 0x4c);

	for (unsigned int i = 0; i < mib; i++)
		populate(id, (uint64_t)i << 8, 256, 0, 0);
	return id;
}

/* ---- what is done to a domain that is there ---- */

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void map(uint32_t id, uint64_t first, unsigned int count, unsigned int times)
{
	xen_pfn_t *list = calloc(count, sizeof(*list));
	int *errors = calloc(count, sizeof(*errors));
	unsigned int failed = 0;
	double spent = 0;

	if (!list || !errors)
		must(-1, "calloc");
	while (times--) {
		double began;
		void *p;

		for (unsigned int i = 0; i < count; i++)
			list[i] = first + i;
		began = now_ns();
		p = xc_map_foreign_bulk(xch, id, PROT_READ, list, errors, count);
		spent += now_ns() - began;
		must(p ? 0 : -1, "xc_map_foreign_bulk");
		failed = 0;
		for (unsigned int i = 0; i < count; i++)
			failed += errors[i] != 0;
		munmap(p, (size_t)count << 12);
	}
	printf("%u %u %.0f\n", count, failed, spent);
}

static void move(uint32_t id, xen_pfn_t a, xen_pfn_t b)
{
	MUST(xc_domain_decrease_reservation_exact(xch, id, 1, 0, &a));
	MUST(xc_domain_populate_physmap_exact(xch, id, 1, 0, 0, &b));
	MUST(xc_domain_populate_physmap_exact(xch, id, 1, 0, 0, &a));
}

static void rights(uint32_t id, unsigned long mfn)
{
	MUST(xc_domain_ioport_permission(xch, id, 0x300, 8, 1));
	MUST(xc_domain_ioport_permission(xch, id, 0x302, 2, 0));
	MUST(xc_domain_iomem_permission(xch, id, mfn + 0x20, 0x10, 1));
	MUST(xc_domain_iomem_permission(xch, id, mfn + 0x24, 4, 0));
	MUST(xendevicemodel_set_mem_type(dm, id, HVMMEM_ram_ro, 0x24, 4));
	MUST(xc_domain_pin_memory_cacheattr(xch, id, 0x600, 0x7ff, XEN_DMOP_MEM_CACHEATTR_WB));
	MUST(xc_domain_pin_memory_cacheattr(xch, id, 0x10, 0x1f, XEN_DMOP_DELETE_MEM_CACHEATTR));
}

static void pins(uint32_t id, unsigned int count)
{
	double began = now_ns();

	for (unsigned int i = 0; i < count; i++)
		MUST(xc_domain_pin_memory_cacheattr(xch, id, 0x900, 0x9ff,
						    i & 1 ? XEN_DMOP_DELETE_MEM_CACHEATTR : XEN_DMOP_MEM_CACHEATTR_WC));
	printf("%u %.0f\n", count, (now_ns() - began) / count);
}

/* False: none of these. */
static bool work(int argc, char **argv)
{
	uint32_t id = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;

	if ((argc == 5 || argc == 6) && !strcmp(argv[1], "map"))
		map(id, strtoul(argv[3], NULL, 16), (unsigned int)strtoul(argv[4], NULL, 0),
		    argc == 6 ? (unsigned int)strtoul(argv[5], NULL, 0) : 1);
	else if (argc == 5 && !strcmp(argv[1], "move"))
		move(id, strtoul(argv[3], NULL, 16), strtoul(argv[4], NULL, 16));
	else if (argc == 4 && !strcmp(argv[1], "rights"))
		rights(id, strtoul(argv[3], NULL, 16) >> 12);
	else if (argc == 4 && !strcmp(argv[1], "pins"))
		pins(id, (unsigned int)strtoul(argv[3], NULL, 0));
	else if (argc == 4 && !strcmp(argv[1], "change"))
		change(id, strtoul(argv[3], NULL, 16) >> 12);
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	uint32_t id;

	xch = xc_interface_open(NULL, NULL, 0);
	dm = xendevicemodel_open(NULL, 0);
	if (!xch || !dm) {
		perror("labdom: no Xen");
		return 1;
	}
	if (work(argc, argv))
		return 0;
	if (argc == 5 && !strcmp(argv[1], "full"))
		id = full(strtoul(argv[2], NULL, 16) >> 12, strtoul(argv[3], NULL, 16), strtoul(argv[4], NULL, 16));
	else if (argc == 2 && !strcmp(argv[1], "pod"))
		id = pod();
	else if (argc == 2 && !strcmp(argv[1], "dirty"))
		id = dirty();
	else if (argc == 3 && !strcmp(argv[1], "huge"))
		id = huge(strtoul(argv[2], NULL, 16));
	else if (argc == 3 && !strcmp(argv[1], "pages"))
		id = pages((unsigned int)strtoul(argv[2], NULL, 10));
	else {
		fprintf(stderr, "usage: labdom full MADDR PAGES SBDF | pod | dirty | huge SBDF | pages MIB | change ID MADDR | "
			"map ID FIRST COUNT [TIMES] | move ID A B | rights ID MADDR | pins ID COUNT\n");
		return 2;
	}
	init_vcpu(id);
	printf("%" PRIu32 "\n", id);
	return 0;
}
