/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A toolstack that makes one call of each kind (or N pins), by the layouts of Xen's
 * public headers, through libfakeprivcmd's ioctl(). Prints how many and how long.
 * usage: toolstack all | toolstack rest | toolstack pins N
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int ioctl(int fd, unsigned long request, ...);

#define HYPERCALL 0x00305000ul
#define DM_OP 0x00105005ul

static void put(void *p, size_t at, uint64_t v, size_t n)
{
	memcpy((char *)p + at, &v, n);
}

static int hypercall(uint64_t op, uint64_t a, uint64_t b)
{
	uint64_t h[6] = { op, a, b };

	return ioctl(3, HYPERCALL, h);
}

static int domctl(uint32_t cmd, uint32_t iface, uint16_t domid, const void *u, size_t len)
{
	char d[144] = { 0 };

	put(d, 0, cmd, 4);
	put(d, 4, iface, 4);
	put(d, 8, domid, 2);
	memcpy(d + 16, u, len);
	return hypercall(36, (uintptr_t)d, 0);
}

static int dm_op(uint16_t domid, uint32_t op, const void *u, size_t len, uint16_t nr)
{
	uint64_t buffer[2], m[2] = { domid | (uint64_t)nr << 16, (uintptr_t)buffer };
	char d[32] = { 0 };

	put(d, 0, op, 4);
	memcpy(d + 8, u, len);
	buffer[0] = (uintptr_t)d;
	buffer[1] = sizeof(d);
	return ioctl(3, DM_OP, m);
}

static int pin(uint16_t domid, uint64_t first, uint64_t last, uint32_t type)
{
	char u[24] = { 0 };

	put(u, 0, first, 8);
	put(u, 8, last, 8);
	put(u, 16, type, 4);
	return dm_op(domid, 18, u, sizeof(u), 1);
}

static void all(void)
{
	uint64_t u[5], frames[2] = { 0x1234, 0x1235 };
	char r[40] = { 0 };

	dm_op(0x7ff4, 0, u, 0, 0); /* the library's own probe: no buffers */
	domctl(1, 0x15, 0, memset(u, 0, sizeof(u)), sizeof(u));
	domctl(5, 0x15, 5, u, sizeof(u)); /* getdomaininfo: changes nothing */
	u[0] = 0xfea00, u[1] = 0x10, u[2] = 1;
	domctl(20, 0x15, 5, u, sizeof(u));
	u[0] = 0x3f8 | 8ull << 32, u[1] = 1;
	domctl(21, 0x15, 5, u, sizeof(u));
	u[0] = 0xe0000, u[1] = 0xfea00, u[2] = 0x10, u[3] = 1;
	domctl(39, 0x15, 5, u, sizeof(u));
	u[0] = 0, u[1] = 0x20; /* 4.10 and later: kind, flags, device */
	domctl(37, 0x15, 5, u, sizeof(u));
	u[0] = 0x21ull << 32; /* 4.6: kind, device */
	domctl(37, 0x0b, 5, u, sizeof(u));
	u[0] = 0x22; /* 4.5: device */
	domctl(47, 0x0a, 5, u, sizeof(u));
	u[0] = 0x100, u[1] = 0x1ff, u[2] = 1; /* 4.10 and before */
	domctl(41, 0x0e, 5, u, sizeof(u));
	pin(5, 0xf0000, 0xf07ff, 1);
	pin(5, 0xf0000, 0xf07ff, UINT32_MAX);
	pin(9, 0, 1, 0); /* refused, if the test says so */
	u[0] = 0x100000004ull, u[1] = 0x20, u[2] = 0; /* nr 4, type 1 */
	u[0] = 4 | 1ull << 32;
	dm_op(5, 12, u, 24, 1);
	put(r, 0, (uintptr_t)frames, 8); /* memory reservation */
	put(r, 8, 2, 8);
	put(r, 24, 5, 2);
	hypercall(12, 1, (uintptr_t)r);
	hypercall(12, 6, (uintptr_t)r);
	{ /* the same as newer libraries do it: a multicall of one */
		uint64_t m[8] = { 12, 0, 1, (uintptr_t)r };

		hypercall(13, (uintptr_t)m, 1);
	}
	u[0] = 31 | 3ull << 32, u[1] = 0xe0000, u[2] = 0x100, u[3] = 1;
	hypercall(7, (uintptr_t)u, 0);
	domctl(2, 0x15, 5, u, sizeof(u));
}

/* The memory, physdev and platform operations that all() leaves out, and older forms. */
static void rest(void)
{
	uint64_t frames[2] = { 0x1234, 0x1235 };
	char r[64];

	memset(r, 0, sizeof(r)); /* xen_hvm_set_mem_type: before 4.9 */
	put(r, 0, 5 | 1 << 16 | 4ull << 32, 8);
	put(r, 8, 0x20, 8);
	hypercall(34, 8, (uintptr_t)r);
	hypercall(34, 0, (uintptr_t)r); /* set_param */
	memset(r, 0, sizeof(r)); /* xen_dm_op_map_mem_type_to_ioreq_server */
	put(r, 0, 1 | 4 << 16 | 2ull << 32, 8);
	dm_op(5, 15, r, 24, 1);
	memset(r, 0, sizeof(r)); /* xen_dm_op_relocate_memory */
	put(r, 0, 2, 4);
	put(r, 8, 0x100, 8);
	put(r, 16, 0x200, 8);
	dm_op(5, 17, r, 24, 1);
	memset(r, 0, sizeof(r)); /* xen_add_to_physmap */
	put(r, 0, 5, 2);
	put(r, 4, 1, 4);
	put(r, 16, 0xabc, 8);
	hypercall(12, 7, (uintptr_t)r);
	memset(r, 0, sizeof(r)); /* xen_add_to_physmap_batch */
	put(r, 0, 5 | 2 << 16 | 2ull << 32, 8);
	put(r, 16, (uintptr_t)frames, 8);
	hypercall(12, 23, (uintptr_t)r);
	memset(r, 0, sizeof(r)); /* xen_remove_from_physmap */
	put(r, 0, 5, 2);
	put(r, 8, 0xdef, 8);
	hypercall(12, 15, (uintptr_t)r);
	memset(r, 0, sizeof(r)); /* xen_memory_exchange begins with a reservation */
	put(r, 0, (uintptr_t)frames, 8);
	put(r, 8, 2, 8);
	put(r, 24, 5, 2);
	hypercall(12, 11, (uintptr_t)r);
	memset(r, 0, sizeof(r)); /* xen_pod_target */
	put(r, 0, 0x4000, 8);
	put(r, 32, 5, 2);
	hypercall(12, 16, (uintptr_t)r);
	memset(r, 0, sizeof(r)); /* xen_mem_access_op */
	put(r, 2, 5, 2);
	put(r, 4, 3, 4);
	put(r, 8, 0x10, 8);
	hypercall(12, 21, (uintptr_t)r);
	memset(r, 0, sizeof(r)); /* physdev_pci_device: 0001:03:04.1 */
	put(r, 0, 1 | 3 << 16 | 0x21 << 24, 4);
	hypercall(33, 25, (uintptr_t)r);
	hypercall(33, 30, (uintptr_t)r);
	hypercall(33, 31, (uintptr_t)r);
	hypercall(33, 26, (uintptr_t)r);
	hypercall(33, 13, (uintptr_t)r); /* map_pirq */
	memset(r, 0, sizeof(r)); /* xenpf_del_memtype */
	put(r, 0, 32 | 3ull << 32, 8);
	hypercall(7, (uintptr_t)r, 0);
	memset(r, 0, sizeof(r)); /* xen_domctl_shadow_op: enable log-dirty */
	put(r, 0, 32, 4);
	domctl(10, 0x15, 6, r, 32);
	{ /* two at once, which no library does: they are not taken apart, and that is counted */
		uint64_t m[16] = { 0 };

		hypercall(13, (uintptr_t)m, 2);
	}
}

int main(int argc, char **argv)
{
	struct timespec a, b;
	long n = argc > 2 ? atol(argv[2]) : 0;

	clock_gettime(CLOCK_MONOTONIC, &a);
	if (argc > 1 && !strcmp(argv[1], "all"))
		all();
	if (argc > 1 && !strcmp(argv[1], "rest"))
		rest();
	for (long i = 0; i < n; i++)
		if (pin(5, (uint64_t)i, (uint64_t)i, 6))
			return 1;
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("%ld calls %.0f ns\n", n, (double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec));
	return 0;
}
