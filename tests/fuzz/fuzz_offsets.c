/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The query payload's numbers from a file (query load --offsets): no crash; an error names something;
 * what was read is of a build, and each number one that an offset can be.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "xen/query_build.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	static char path[32];
	struct emt_query_build b;
	struct emt_err err = { 0 };

	if (fd < 0) {
		fd = memfd_create("offsets", 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	if (emt_query_build_read(&b, path, &err)) {
		if (!err.code || !err.text[0] || !err.next[0])
			abort();
		return 0;
	}
	if (strspn(b.build_id, "0123456789abcdef") != 2 * EMT_BUILD_ID_BYTES || b.build_id[2 * EMT_BUILD_ID_BYTES])
		abort();
	for (unsigned int i = 0; i < EMT_QF_NR; i++)
		if (b.numbers[i] > UINT16_MAX)
			abort();
	return 0;
}
