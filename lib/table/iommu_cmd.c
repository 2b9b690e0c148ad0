/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table/iommu_cmd.h"

#include <stdio.h>
#include <string.h>

static uint64_t field(uint64_t word, unsigned int low, unsigned int high)
{
	return word >> low & (high - low == 63 ? UINT64_MAX : (1ull << (high - low + 1)) - 1);
}

/* ---- VT-d ---- */

enum {
	VTD_CONTEXT = 1,
	VTD_IOTLB,
	VTD_DEV_IOTLB,
	VTD_IEC,
	VTD_WAIT,
	VTD_PASID_IOTLB,
	VTD_PASID,
	VTD_PASID_DEV,
	VTD_PAGE_GROUP
};

/* Pages: address and log2 of their number; the address's low bits do not count. */
static void pages(struct emt_iommu_cmd *c, uint64_t addr, unsigned int order)
{
	c->scope = EMT_CMD_PAGES;
	c->frames = order < 52 ? 1ull << order : 1ull << 52;
	c->dfn = addr >> 12 & ~(c->frames - 1);
}

static void vtd_iotlb(struct emt_iommu_cmd *c)
{
	unsigned int granularity = (unsigned int)field(c->raw[0], 4, 5);

	c->what = EMT_CMD_IOTLB;
	c->reserved = field(c->raw[0], 8, 8) || field(c->raw[0], 32, 63) ||
		(granularity == 3 && field(c->raw[1], 7, 11));
	if (granularity == 1) {
		c->scope = EMT_CMD_GLOBAL;
		return;
	}
	c->did = (int32_t)field(c->raw[0], 16, 31);
	c->scope = EMT_CMD_DOMAIN;
	if (granularity == 3) {
		pages(c, c->raw[1] & ~0xfffull, (unsigned int)field(c->raw[1], 0, 5));
		c->leaf_only = field(c->raw[1], 6, 6);
	}
	c->reserved |= granularity == 0;
}

static void vtd_context(struct emt_iommu_cmd *c)
{
	unsigned int granularity = (unsigned int)field(c->raw[0], 4, 5);

	c->what = EMT_CMD_CONTEXT;
	c->scope = granularity == 1 ? EMT_CMD_GLOBAL : granularity == 2 ? EMT_CMD_DOMAIN : EMT_CMD_DEVICE;
	if (granularity >= 2)
		c->did = (int32_t)field(c->raw[0], 16, 31);
	if (granularity == 3)
		c->device = (int32_t)field(c->raw[0], 32, 47);
	c->reserved = granularity == 0 || field(c->raw[0], 50, 63) || c->raw[1];
}

/* The number of pages stands in the address: ones from bit 12 up to the first zero. */
static void sized_pages(struct emt_iommu_cmd *c, uint64_t addr, bool sized)
{
	uint64_t pfn = addr >> 12;

	pages(c, addr, sized ? 1 + (unsigned int)__builtin_ctzll(~pfn) : 0);
}

static void vtd(struct emt_iommu_cmd *c)
{
	unsigned int type = (unsigned int)(field(c->raw[0], 0, 3) | field(c->raw[0], 9, 11) << 4);

	switch (type) {
	case VTD_CONTEXT:
		vtd_context(c);
		break;
	case VTD_IOTLB:
		vtd_iotlb(c);
		break;
	case VTD_DEV_IOTLB:
		c->what = EMT_CMD_DEV_IOTLB;
		c->device = (int32_t)field(c->raw[0], 32, 47);
		sized_pages(c, c->raw[1] & ~0xfffull, c->raw[1] & 1);
		break;
	case VTD_IEC:
		c->what = EMT_CMD_INTERRUPTS;
		c->reserved = field(c->raw[0], 5, 26) || field(c->raw[0], 48, 63) || c->raw[1];
		break;
	case VTD_WAIT:
		c->what = EMT_CMD_WAIT;
		c->reserved = field(c->raw[0], 8, 31) || c->raw[1] & 3;
		break;
	case VTD_PASID_IOTLB:
	case VTD_PASID:
	case VTD_PASID_DEV:
	case VTD_PAGE_GROUP:
		c->what = EMT_CMD_OTHER;
		break;
	default:
		c->what = EMT_CMD_UNKNOWN;
		c->reserved = true;
	}
}

/* ---- AMD-Vi ---- */

enum { AMD_WAIT = 1, AMD_DEVICE, AMD_PAGES, AMD_IOTLB, AMD_INTERRUPTS, AMD_PREFETCH, AMD_PPR, AMD_ALL };

static void amd(struct emt_iommu_cmd *c)
{
	uint64_t addr = c->raw[1] & ~0xfffull;

	switch (field(c->raw[0], 60, 63)) {
	case AMD_WAIT:
		c->what = EMT_CMD_WAIT;
		c->reserved = field(c->raw[0], 52, 59);
		break;
	case AMD_DEVICE:
		c->what = EMT_CMD_CONTEXT;
		c->scope = EMT_CMD_DEVICE;
		c->device = (int32_t)field(c->raw[0], 0, 15);
		c->reserved = field(c->raw[0], 16, 59) || c->raw[1];
		break;
	case AMD_PAGES:
		c->what = EMT_CMD_IOTLB;
		c->did = (int32_t)field(c->raw[0], 32, 47);
		c->leaf_only = !field(c->raw[1], 1, 1);
		c->reserved = field(c->raw[0], 20, 31) || field(c->raw[0], 48, 59) || field(c->raw[1], 3, 11);
		/* all ones below bit 63 is everything the domain has */
		if (c->raw[1] & 1 && addr >> 12 >= 0x7ffffffffffffull)
			c->scope = EMT_CMD_DOMAIN;
		else
			sized_pages(c, addr, c->raw[1] & 1);
		break;
	case AMD_IOTLB:
		c->what = EMT_CMD_DEV_IOTLB;
		c->device = (int32_t)field(c->raw[0], 0, 15);
		if (c->raw[1] & 1 && addr >> 12 >= 0x7ffffffffffffull)
			c->scope = EMT_CMD_DEVICE;
		else
			sized_pages(c, addr, c->raw[1] & 1);
		break;
	case AMD_INTERRUPTS:
		c->what = EMT_CMD_INTERRUPTS;
		c->scope = EMT_CMD_DEVICE;
		c->device = (int32_t)field(c->raw[0], 0, 15);
		break;
	case AMD_ALL:
		c->what = EMT_CMD_ALL;
		c->reserved = field(c->raw[0], 0, 59) || c->raw[1];
		break;
	case AMD_PREFETCH:
	case AMD_PPR:
		c->what = EMT_CMD_OTHER;
		break;
	default:
		c->what = EMT_CMD_UNKNOWN;
		c->reserved = true;
	}
}

/* ---- both ---- */

static int each(const void *queue, size_t len, size_t slot, void (*decode)(struct emt_iommu_cmd *c),
		int (*cb)(const struct emt_iommu_cmd *c, void *arg), void *arg)
{
	int rc = 0;

	for (size_t at = 0; at + slot <= len && !rc; at += slot) {
		struct emt_iommu_cmd c = { .index = at / slot, .did = -1, .device = -1 };

		memcpy(c.raw, (const uint8_t *)queue + at, sizeof(c.raw));
		if (!c.raw[0] && !c.raw[1])
			continue;
		decode(&c);
		rc = cb(&c, arg);
	}
	return rc;
}

int emt_iommu_cmds_vtd(const void *queue, size_t len, bool wide,
		       int (*cb)(const struct emt_iommu_cmd *c, void *arg), void *arg)
{
	return each(queue, len, wide ? 32 : 16, vtd, cb, arg);
}

int emt_iommu_cmds_amd(const void *queue, size_t len, int (*cb)(const struct emt_iommu_cmd *c, void *arg),
		       void *arg)
{
	return each(queue, len, 16, amd, cb, arg);
}

bool emt_iommu_cmd_flushes(const struct emt_iommu_cmd *c, uint32_t did, uint64_t dfn)
{
	if (c->reserved)
		return false;
	if (c->what == EMT_CMD_ALL)
		return true;
	if (c->what != EMT_CMD_IOTLB)
		return false;
	if (c->scope == EMT_CMD_GLOBAL)
		return true;
	if (c->did < 0 || (uint32_t)c->did != did)
		return false;
	return c->scope == EMT_CMD_DOMAIN || (dfn >= c->dfn && dfn - c->dfn < c->frames);
}

const char *emt_iommu_cmd_name(unsigned int what)
{
	static const char *const names[EMT_CMD_NR] = {
		"context", "iotlb", "device-iotlb", "interrupts", "all", "wait", "other", "unknown",
	};

	return what < EMT_CMD_NR ? names[what] : NULL;
}

int emt_iommu_cmd_text(const struct emt_iommu_cmd *c, char *out, size_t room)
{
	char who[64] = "", where[64] = "";

	if (c->device >= 0)
		snprintf(who, sizeof(who), " device %02x:%02x.%x", (unsigned int)c->device >> 8,
			 (unsigned int)c->device >> 3 & 31, (unsigned int)c->device & 7);
	else if (c->did >= 0)
		snprintf(who, sizeof(who), " domain %d", c->did);
	else if (c->what == EMT_CMD_IOTLB || c->what == EMT_CMD_CONTEXT)
		snprintf(who, sizeof(who), " of all domains");
	if (c->scope == EMT_CMD_PAGES)
		snprintf(where, sizeof(where), ", %#llx frames from dfn %#llx", (unsigned long long)c->frames,
			 (unsigned long long)c->dfn);
	return snprintf(out, room, "%s%s%s%s%s", emt_iommu_cmd_name(c->what), who, where,
			c->scope == EMT_CMD_PAGES && c->leaf_only ? ", leaves only" : "",
			c->reserved ? ", reserved bits set" : "");
}
