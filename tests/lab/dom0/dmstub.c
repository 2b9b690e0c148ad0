/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In the place of a device model: tells the toolstack that it runs, and waits. An HVM guest
 * that is not unpaused needs no more.
 *
 *   dmstub -xen-domid DOMID [what a device model is told]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xenstore.h>

int main(int argc, char **argv)
{
	struct xs_handle *xs = xs_open(0);
	char path[64] = "";

	for (int i = 1; i + 1 < argc; i++)
		if (!strcmp(argv[i], "-xen-domid") || !strcmp(argv[i], "-d"))
			snprintf(path, sizeof(path), "/local/domain/0/device-model/%u/state",
				 (unsigned int)strtoul(argv[i + 1], NULL, 10));
	if (!xs || !*path || !xs_write(xs, XBT_NULL, path, "running", strlen("running"))) {
		fprintf(stderr, "dmstub: cannot write %s\n", *path ? path : "for no domain");
		return 1;
	}
	for (;;)
		pause();
}
