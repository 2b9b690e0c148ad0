/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Press one of Xen's debug keys and print how long the call took, in microseconds: as long
 * nobody else is served.
 *
 *   keytime KEY
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <xenctrl.h>

int main(int argc, char **argv)
{
	xc_interface *xch = xc_interface_open(NULL, NULL, 0);
	struct timespec a, b;

	if (argc != 2 || strlen(argv[1]) != 1 || !xch) {
		fprintf(stderr, "usage: keytime KEY   (in dom0)\n");
		return 2;
	}
	clock_gettime(CLOCK_MONOTONIC, &a);
	if (xc_send_debug_keys(xch, argv[1])) {
		perror("keytime");
		return 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("%.0f\n", (double)(b.tv_sec - a.tv_sec) * 1e6 + (double)(b.tv_nsec - a.tv_nsec) / 1e3);
	return 0;
}
