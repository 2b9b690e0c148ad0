/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What Xen tells of the host.
 */
#include <errno.h>
#include <stdio.h>

#include "xen/internal.h"

/* capabilities in physinfo; their meaning was settled in 4.12 and 4.13 */
#define CAP_DIRECTIO (1u << 2)
#define CAP_SHARE (1u << 5)

#define E820_ENTRY 20 /* bytes: address, size, type */
#define E820_MAX 2048

int emt_xen_host(struct emt_xen *x, struct emt_xen_host *host, struct emt_err *err)
{
	const struct emt_xen_iface *i = x->iface;
	uint8_t *arg = emt_xen_buffer(x, EMT_XEN_ARG);
	uint32_t caps;
	int rc = arg ? emt_xen_issue(x, EMT_XC_PHYSINFO, arg, NULL, NULL, err) : xen_nomem(x, err);

	memset(host, 0, sizeof(*host));
	if (!rc) {
		host->nr_cpus = xen_get32(arg, SYSCTL_U + 8);
		caps = xen_get32(arg, SYSCTL_U + i->caps);
		if (i->max_mfn)
			host->max_mfn = xen_get64(arg, SYSCTL_U + i->max_mfn);
		host->iommu_told = i->minor >= 12;
		host->iommu = host->iommu_told && (caps & CAP_DIRECTIO);
		host->share_told = i->minor >= 13;
		host->share = host->share_told && (caps & CAP_SHARE);
		/* words of CPUID: 1.ecx and 80000001.ecx; in this order since 4.7 */
		host->vmx = i->minor >= 7 && (xen_get32(arg, SYSCTL_U + i->hw_cap + 4) & 1u << 5);
		host->svm = i->minor >= 7 && (xen_get32(arg, SYSCTL_U + i->hw_cap + 12) & 1u << 2);
	}
	emt_xen_buffer_free(x, arg);
	return rc;
}

int emt_xen_build_id(struct emt_xen *x, char out[EMT_XEN_BUILD_ID_ROOM], struct emt_err *err)
{
	enum { LONGEST = (EMT_XEN_BUILD_ID_ROOM - 1) / 2 };
	uint8_t *id = emt_xen_buffer(x, 4 + LONGEST); /* its length, then its bytes */
	struct emt_err why = { 0 };
	long n = 0;
	int rc;

	out[0] = '\0';
	if (!id)
		return xen_nomem(x, err);
	xen_put32(id, 0, LONGEST);
	rc = emt_xen_issue(x, EMT_XC_BUILD_ID, id, NULL, &n, &why);
	if (rc && x->last_errno == ENODATA)
		rc = 0;
	for (long i = 0; !rc && i < n && i < LONGEST; i++)
		snprintf(out + 2 * i, 3, "%02x", id[4 + i]);
	if (rc)
		emt_err_set(err, rc, why.subject, why.next, "%s", why.text);
	emt_xen_buffer_free(x, id);
	return rc;
}

int emt_xen_cmdline(struct emt_xen *x, char *out, size_t room, struct emt_err *err)
{
	char *text = emt_xen_buffer(x, 1024);
	int rc = text ? emt_xen_issue(x, EMT_XC_COMMANDLINE, text, NULL, NULL, err) : xen_nomem(x, err);

	snprintf(out, room, "%.*s", rc ? 0 : 1024, rc ? "" : text);
	emt_xen_buffer_free(x, text);
	return rc;
}

/* Whole frames of RAM; of all else also those partly covered. */
static int add_range(struct emt_ranges *frames, const uint8_t *entry)
{
	uint64_t addr = xen_get64(entry, 0), size = xen_get64(entry, 8), first, end;
	uint32_t type = xen_get32(entry, 16);

	if (!size || addr + size < addr)
		return 0;
	first = type == 1 ? (addr + 0xfff) >> 12 : addr >> 12;
	end = type == 1 ? (addr + size) >> 12 : (addr + size + 0xfff) >> 12;
	return end > first ? emt_ranges_add(frames, first, end - 1, type, EMT_KNOWN) : 0;
}

int emt_xen_host_e820(struct emt_xen *x, struct emt_ranges *frames, struct emt_err *err)
{
	uint8_t *arg = emt_xen_buffer(x, EMT_XEN_ARG), *map = emt_xen_buffer(x, E820_MAX * E820_ENTRY);
	int rc = arg && map ? 0 : xen_nomem(x, err);
	uint32_t n = 0;

	if (!rc) {
		xen_put32(arg, 0, E820_MAX);
		xen_put64(arg, 8, (uint64_t)(uintptr_t)map);
		rc = emt_xen_issue(x, EMT_XC_HOST_E820, arg, NULL, NULL, err);
	}
	if (!rc)
		n = xen_get32(arg, 0);
	for (uint32_t i = 0; !rc && i < n && i < E820_MAX; i++)
		if (add_range(frames, map + (size_t)i * E820_ENTRY))
			rc = xen_nomem(x, err);
	emt_xen_buffer_free(x, map);
	emt_xen_buffer_free(x, arg);
	return rc;
}

int emt_xen_max_page(struct emt_xen *x, uint64_t *max_page, struct emt_err *err)
{
	long v = 0;
	int rc = emt_xen_issue(x, EMT_XC_MAX_PAGE, NULL, NULL, &v, err);

	*max_page = rc ? 0 : (uint64_t)v;
	return rc;
}

int emt_xen_host_mtrr(struct emt_xen *x, struct emt_mtrr *m, struct emt_err *err)
{
	uint8_t *arg = emt_xen_buffer(x, EMT_XEN_ARG);
	int rc = arg ? 0 : xen_nomem(x, err);

	emt_mtrr_init(m);
	for (uint32_t reg = 0; !rc && reg < EMT_MTRR_VAR_MAX; reg++) {
		struct emt_err why = { 0 };
		uint64_t mfn, nr;

		xen_put32(arg, PLATFORM_U, reg);
		rc = emt_xen_issue(x, EMT_XC_HOST_MTRR, arg, NULL, NULL, &why);
		if (rc && x->last_errno == EINVAL && reg) { /* past the last one */
			rc = 0;
			break;
		}
		if (rc) {
			emt_err_set(err, rc, why.subject, why.next, "%s", why.text);
			break;
		}
		mfn = xen_get64(arg, PLATFORM_U + 8);
		nr = xen_get64(arg, PLATFORM_U + 16);
		m->var_held[reg] = EMT_KNOWN;
		m->vcnt = (uint8_t)(reg + 1);
		/* only ranges of a power of two can be told as base and mask */
		if (nr & (nr - 1))
			m->var_held[reg] = EMT_UNKNOWN;
		else if (nr) {
			m->var[reg][0] = mfn << 12 | (xen_get32(arg, PLATFORM_U + 24) & 7);
			m->var[reg][1] = (~(nr - 1) << 12 & 0x000ffffffffff000ull) | 0x800;
		}
	}
	emt_xen_buffer_free(x, arg);
	return rc;
}
