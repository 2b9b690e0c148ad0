/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stands for the C library under a toolstack: its ioctl() answers privcmd's calls as a
 * hypervisor would. For tests of the observer, which probes this file's ioctl().
 * FAKEPRIVCMD_FAIL: calls whose domain this is are refused.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int ioctl(int fd, unsigned long request, ...);

#define HYPERCALL 0x00305000ul
#define DM_OP 0x00105005ul

/* The arguments stand in registers and in memory: nothing is to be optimised away. */
__attribute__((visibility("default"), noinline)) int ioctl(int fd, unsigned long request, ...)
{
	const char *refuse = getenv("FAKEPRIVCMD_FAIL");
	uint64_t h[6];
	uint16_t domid = 0xffff;
	va_list ap;
	void *arg;

	(void)fd;
	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request != HYPERCALL && request != DM_OP) {
		errno = ENOTTY;
		return -1;
	}
	memcpy(h, arg, request == DM_OP ? 16 : sizeof(h));
	if (request == DM_OP)
		domid = (uint16_t)h[0];
	else if (h[0] == 36)
		memcpy(&domid, (const char *)(uintptr_t)h[1] + 8, sizeof(domid));
	if (refuse && domid == atoi(refuse)) {
		errno = EPERM;
		return -1;
	}
	if (request == HYPERCALL && h[0] == 36 && *(const uint32_t *)(uintptr_t)h[1] == 1) {
		domid = 42; /* a new domain's number is an answer */
		memcpy((char *)(uintptr_t)h[1] + 8, &domid, sizeof(domid));
	}
	if (request == HYPERCALL && h[0] == 13) { /* a multicall of one: its result is an answer */
		uint64_t n = 1;

		memcpy((char *)(uintptr_t)h[1] + 8, &n, sizeof(n));
		return 0;
	}
	if (request == HYPERCALL && h[0] == 12 && (h[1] == 1 || h[1] == 6)) { /* extents done */
		uint64_t n;

		memcpy(&n, (const char *)(uintptr_t)h[2] + 8, sizeof(n));
		return (int)n;
	}
	return 0;
}
