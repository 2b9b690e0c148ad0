/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/kvm_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int emt_kvm_ram_line(struct emt_ranges *ram, const char *line)
{
	unsigned long long first, last;
	int at = 0;

	/* top level only: what lies inside RAM (the kernel) is RAM as well */
	if (sscanf(line, "%llx-%llx : %n", &first, &last, &at) != 2 || !at || *line == ' ')
		return 0;
	if (strncmp(line + at, "System RAM", 10) || !last)
		return 0;
	first = (first + 0xfff) >> 12;
	last = (last + 1) >> 12; /* whole pages */
	return last > first ? emt_ranges_add(ram, first, last - 1, 1, 2) : 0;
}

int emt_kvm_host_ram(struct emt_ranges *ram, const char *subject, struct emt_err *err)
{
	FILE *f = fopen("/proc/iomem", "re");
	char line[200];
	int rc = 0;

	while (!rc && f && fgets(line, sizeof(line), f))
		rc = emt_kvm_ram_line(ram, line);
	if (f)
		fclose(f);
	emt_ranges_normalise(ram);
	return rc ? emt_err_set(err, rc, subject, NULL, "not enough memory for the host's memory map") : 0;
}

bool emt_kvm_host_self_snoop(void)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[8192];
	bool ss = false;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "flags", 5)) {
			ss = strstr(line, " ss ") || strstr(line, " ss\n");
			break;
		}
	if (f)
		fclose(f);
	return ss;
}

void emt_kvm_release(const char *uname, bool pat_quirk, char *out, size_t room)
{
	unsigned int major = 0, minor = 0;

	if (pat_quirk && sscanf(uname, "%u.%u", &major, &minor) == 2 && major == 6 && minor >= 11 && minor < 16)
		snprintf(out, room, "kvm 6.16.0 (its rule, in %s)", uname);
	else
		snprintf(out, room, "kvm %s", uname);
}
