/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's memory through BPF: pages of this process, whose frames the kernel tells,
 * are found again in its direct map. Skipped where BPF is refused.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common.h"
#include "base/kallsyms.h"
#include "source/kernel.h"

#define PAGES 8

static uint64_t frame_of(const void *p)
{
	uint64_t e = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (pread(fd, &e, sizeof(e), (off_t)((uintptr_t)p / 4096 * sizeof(e))) != sizeof(e) || !(e >> 63))
		e = 0;
	close(fd);
	return e & ((1ull << 55) - 1);
}

static void own_pages(void **state)
{
	struct emt_kernel *k;
	struct emt_err err;
	uint64_t *mine = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
	uint64_t base, address[PAGES + 1], seen[600];
	const uint64_t *copies;
	bool ok[PAGES + 1];

	(void)state;
	assert_ptr_not_equal(mine, MAP_FAILED);
	if (emt_kernel_open(&k, "kernel", &err)) {
		printf("skipped: %s\n", err.text);
		assert_null(k);
		skip();
	}
	base = emt_kernel_direct_map(k);
	if (!base || !frame_of(mine)) {
		emt_kernel_close(k);
		printf("skipped: nothing tells where the direct map lies\n");
		skip();
	}
	for (unsigned int i = 0; i < PAGES * 512; i++)
		mine[i] = 0x1234567890ull + i * 77;
	for (unsigned int i = 0; i < PAGES; i++)
		address[i] = base + (frame_of(mine + 512 * i) << 12);
	address[PAGES] = 0x1000; /* no kernel address */
	copies = emt_kernel_pages(k, address, PAGES + 1, ok);
	assert_non_null(copies);
	for (unsigned int i = 0; i < PAGES; i++) {
		assert_true(ok[i]);
		assert_memory_equal(copies + 512 * i, mine + 512 * i, 4096);
	}
	assert_false(ok[PAGES]);
	assert_int_equal(emt_kernel_read(k, address[3] + 8, seen, 80), 0);
	assert_memory_equal(seen, mine + 512 * 3 + 1, 80);
	assert_int_equal(emt_kernel_read(k, 0x1000, seen, 8), EMT_E_IO);
	assert_int_equal(emt_kallsyms_address("no_such_symbol_of_a_kernel"), 0);
	emt_kernel_close(k);
	munmap(mine, PAGES * 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(own_pages) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
