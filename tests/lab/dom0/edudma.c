/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Let an edu device write its buffer to (or fill it from) device addresses.
 * usage: edudma DEVICE in|out ADDRESS...     DEVICE: 0000:00:04.0
 * Prints "ADDRESS done" or "ADDRESS busy" for each.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BAR (1u << 20)
#define BUFFER 0x40000u
#define SRC 0x80
#define DST 0x88
#define COUNT 0x90
#define CMD 0x98
#define BYTES 64

static int fail(const char *what)
{
	perror(what);
	return 2;
}

static int open_of(const char *device, const char *file)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", device, file);
	return open(path, O_RDWR);
}

int main(int argc, char **argv)
{
	int config = argc > 3 ? open_of(argv[1], "config") : -1, res = argc > 3 ? open_of(argv[1], "resource0") : -1;
	uint16_t command;
	char *bar;
	int in;

	if (argc < 4)
		return 2;
	if (config < 0 || res < 0)
		return fail(argv[1]);
	/* memory decoding, and bus mastering, which DMA needs */
	if (pread(config, &command, 2, 4) != 2)
		return fail("config");
	command |= 6;
	if (pwrite(config, &command, 2, 4) != 2)
		return fail("config");
	bar = mmap(NULL, BAR, PROT_READ | PROT_WRITE, MAP_SHARED, res, 0);
	if (bar == MAP_FAILED)
		return fail("mmap");
	in = !strcmp(argv[2], "in");
	for (int i = 3; i < argc; i++) {
		uint64_t address = strtoull(argv[i], NULL, 0);
		volatile uint64_t *cmd = (volatile uint64_t *)(bar + CMD);
		int n = 0;

		*(volatile uint64_t *)(bar + SRC) = in ? address : BUFFER;
		*(volatile uint64_t *)(bar + DST) = in ? BUFFER : address;
		*(volatile uint64_t *)(bar + COUNT) = BYTES;
		*cmd = in ? 1 : 3;
		while (*cmd & 1 && ++n < 100)
			usleep(20000);
		printf("%#llx %s\n", (unsigned long long)address, *cmd & 1 ? "busy" : "done");
	}
	return 0;
}
