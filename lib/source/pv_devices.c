/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device memory of this machine, as the kernel lists it for each PCI device.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/pv.h"

#define DEVICES "/sys/bus/pci/devices"
#define RESOURCES 7     /* six BARs and the ROM; bridges' windows come behind */
#define IORESOURCE_MEM 0x200u

static int add(struct emt_pv_device **v, size_t *n, const char *device, unsigned int bar, uint64_t start, uint64_t end)
{
	struct emt_pv_device *more = realloc(*v, (*n + 1) * sizeof(*more)), *d;
	unsigned int segment, bus, dev, fn;

	if (!more)
		return EMT_E_NOMEM;
	*v = more;
	d = &more[(*n)++];
	d->first = start >> 12;
	d->last = end >> 12;
	d->bar = EMT_BAR_NONE;
	if (sscanf(device, "%x:%x:%x.%x", &segment, &bus, &dev, &fn) == 4)
		d->bar = EMT_BAR(segment, bus, dev, fn, bar);
	return 0;
}

static int resources(struct emt_pv_device **v, size_t *n, const char *root, const char *device)
{
	unsigned long long start, end, flags;
	char path[512];
	FILE *f;
	int rc = 0;

	snprintf(path, sizeof(path), "%s/%s/resource", root, device);
	f = fopen(path, "re");
	for (unsigned int bar = 0; f && !rc && bar < RESOURCES; bar++) {
		if (fscanf(f, "%llx %llx %llx", &start, &end, &flags) != 3)
			break;
		if (flags & IORESOURCE_MEM && end > start)
			rc = add(v, n, device, bar, start, end);
	}
	if (f)
		fclose(f);
	return rc;
}

int emt_pv_devices(struct emt_pv_device **out, size_t *n)
{
	DIR *dir = opendir(DEVICES);
	struct dirent *e;
	int rc = 0;

	*out = NULL;
	*n = 0;
	while (dir && !rc && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			rc = resources(out, n, DEVICES, e->d_name);
	if (dir)
		closedir(dir);
	return rc;
}
