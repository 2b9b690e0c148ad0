/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What Xen tells of its domains.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/box.h"
#include "xen/backend.h"
#include "xen/internal.h"

/* flags of a domain's description */
#define INFO_DYING (1u << 0)
#define INFO_HVM (1u << 1)
#define INFO_SHUTDOWN (1u << 2)
#define INFO_PAUSED (1u << 3)
#define INFO_HAP (1u << 8)

/* emulated devices that no PVH guest has: HPET, PM timer, RTC, PIC, VGA, PIT */
#define EMU_OF_HVM (1u << 1 | 1u << 2 | 1u << 3 | 1u << 5 | 1u << 6 | 1u << 8)

#define RECORD_CPU 2
#define RECORD_MTRR 14
#define RECORD_ROOM 4096
#define CPU_CR0 656      /* in the record of a CPU */
#define CPU_CR3 672
#define CPU_CR4 680
#define CPU_EFER 992
#define MTRR_SIZE 240
#define MTRR_SAVED 8     /* variable ranges that a record has room for */

#define FIRST_RESERVED 0x7ff0u

const char *emt_xen_type_name(unsigned int type)
{
	static const char *const names[] = { "pv", "hvm", "pvh" };

	return type < EMT_ARRAY_SIZE(names) ? names[type] : "?";
}

/* What does not depend on the processor. */
static void decode(const struct emt_xen *x, const uint8_t *info, struct emt_xen_domain *d)
{
	const struct emt_xen_iface *i = x->iface;
	uint32_t flags = xen_get32(info, 4), highest = xen_get32(info, 68);
	const uint8_t *u = info + 76;

	memset(d, 0, sizeof(*d));
	d->domid = xen_get16(info, 0);
	d->dying = flags & INFO_DYING;
	d->shutdown = flags & INFO_SHUTDOWN;
	d->paused = flags & INFO_PAUSED;
	d->tot_pages = xen_get64(info, 8);
	d->max_pages = xen_get64(info, 16);
	d->shared_pages = xen_get64(info, 32);
	d->paged_pages = xen_get64(info, 40);
	d->shared_info = xen_get64(info, 48);
	d->online_vcpus = xen_get32(info, 64);
	d->nr_vcpus = highest < 8192 ? highest + 1 : 0;
	for (size_t k = 0, n = 0; k < 16; k++) /* 4-2-2-2-6 bytes */
		n += (size_t)snprintf(d->uuid + n, sizeof(d->uuid) - n, "%s%02x",
				      k >= 4 && k <= 10 && !(k & 1) ? "-" : "", u[k]);
	d->type = flags & INFO_HVM ? EMT_XEN_HVM : EMT_XEN_PV;
	d->type_sure = d->type == EMT_XEN_PV || i->emulation;
	if (d->type == EMT_XEN_HVM && i->emulation && !(xen_get32(info, i->emulation) & EMU_OF_HVM))
		d->type = EMT_XEN_PVH;
	if (d->type == EMT_XEN_PV)
		d->paging = EMT_PAGING_PV;
	else if (i->hap_flag && !(flags & INFO_HAP))
		d->paging = EMT_PAGING_SHADOW;
}

/* Whether a domain has IOMMU tables no call tells: not where the host has no IOMMU; where
 * devices were given to it, says the tool stack; and a PVH dom0 cannot be without. */
static enum emt_xen_iommu iommu_of(struct emt_xen *x, const struct emt_xen_host *host, const struct emt_xen_domain *d)
{
	char path[80], *devices;
	uint64_t n = 0;

	if (host->iommu_told && !host->iommu)
		return EMT_XEN_IOMMU_NO;
	if (!d->domid)
		return d->type == EMT_XEN_PVH ? EMT_XEN_IOMMU_YES : EMT_XEN_IOMMU_UNKNOWN;
	snprintf(path, sizeof(path), "/local/domain/0/backend/pci/%u/0/num_devs", d->domid);
	devices = x->be->store(x->handle, path);
	if (devices && emt_parse_u64(devices, &n))
		n = 0;
	free(devices);
	return n ? EMT_XEN_IOMMU_YES : EMT_XEN_IOMMU_UNKNOWN;
}

/* Hardware paging is the processor's; and the name is xenstore's. */
static void complete(struct emt_xen *x, const struct emt_xen_host *host, struct emt_xen_domain *d)
{
	char path[64], *name;

	if (d->paging == EMT_PAGING_UNKNOWN && x->iface->hap_flag && host->vmx != host->svm)
		d->paging = host->vmx ? EMT_PAGING_EPT : EMT_PAGING_NPT;
	snprintf(path, sizeof(path), "/local/domain/%u/name", d->domid);
	name = x->be->store(x->handle, path);
	snprintf(d->name, sizeof(d->name), "%s", name ? name : "");
	free(name);
	d->iommu = iommu_of(x, host, d);
}

/* One call's worth, from 'first' on. */
static int list_part(struct emt_xen *x, uint8_t *arg, uint8_t *infos, uint32_t room, uint32_t first,
		     uint32_t *n, struct emt_err *err)
{
	int rc;

	memset(arg, 0, EMT_XEN_ARG);
	xen_put16(arg, SYSCTL_U, (uint16_t)first);
	xen_put32(arg, SYSCTL_U + 4, room);
	xen_put64(arg, SYSCTL_U + 8, (uint64_t)(uintptr_t)infos);
	rc = emt_xen_issue(x, EMT_XC_DOMAIN_LIST, arg, NULL, NULL, err);
	*n = rc ? 0 : xen_get32(arg, SYSCTL_U + 16);
	if (*n > room)
		return emt_err_set(err, EMT_E_FORMAT, x->subject, NULL,
				   "Xen lists more domains than it was asked for");
	return rc;
}

int emt_xen_domains(struct emt_xen *x, struct emt_xen_domain **out, size_t *n, struct emt_err *err)
{
	enum { PART = 64 };
	uint8_t *arg = emt_xen_buffer(x, EMT_XEN_ARG), *infos = NULL;
	struct emt_xen_domain *v = NULL, *more;
	struct emt_xen_host host;
	uint32_t first = 0, got = PART;
	int rc = emt_xen_host(x, &host, err);

	*out = NULL;
	*n = 0;
	if (!rc)
		infos = emt_xen_buffer(x, (size_t)PART * x->iface->info_size);
	if (!rc && (!arg || !infos))
		rc = xen_nomem(x, err);
	while (!rc && arg && infos && got == PART && first < FIRST_RESERVED) {
		rc = list_part(x, arg, infos, PART, first, &got, err);
		more = rc || !got ? NULL : realloc(v, (*n + got) * sizeof(*v));
		if (!more) {
			if (!rc && got)
				rc = xen_nomem(x, err);
			break;
		}
		v = more;
		for (uint32_t i = 0; i < got; i++) {
			decode(x, infos + (size_t)i * x->iface->info_size, &v[*n]);
			complete(x, &host, &v[*n]);
			first = v[(*n)++].domid + 1;
		}
	}
	emt_xen_buffer_free(x, infos);
	emt_xen_buffer_free(x, arg);
	if (rc) {
		free(v);
		*n = 0;
	} else {
		*out = v;
	}
	return rc;
}

static const char *name_of(uint32_t domid, char out[24])
{
	snprintf(out, 24, "domain %u", domid);
	return out;
}

int emt_xen_domain(struct emt_xen *x, uint32_t domid, struct emt_xen_domain *d, struct emt_err *err)
{
	uint8_t *arg = emt_xen_buffer(x, EMT_XEN_ARG);
	struct emt_xen_host host;
	char about[24];
	int rc = arg ? emt_xen_host(x, &host, err) : xen_nomem(x, err);

	if (!rc) {
		xen_put16(arg, 8, (uint16_t)domid);
		rc = domid < FIRST_RESERVED ?
			emt_xen_issue(x, EMT_XC_DOMAIN, arg, name_of(domid, about), NULL, err) :
			emt_err_set(err, EMT_E_NOSOURCE, name_of(domid, about), "xl list shows them",
				    "domain ids end at %u", FIRST_RESERVED - 1);
	}
	/* before 4.18 the call answers with the next domain where there is none */
	if (!rc && xen_get16(arg, DOMCTL_U) != domid)
		rc = emt_err_set(err, EMT_E_GONE, name_of(domid, about), "xl list shows those there are",
				 "no such domain, or it vanished");
	if (!rc) {
		decode(x, arg + DOMCTL_U, d);
		complete(x, &host, d);
	}
	emt_xen_buffer_free(x, arg);
	return rc;
}

int emt_xen_max_gfn(struct emt_xen *x, uint32_t domid, uint64_t *gfn, struct emt_err *err)
{
	uint8_t *arg = emt_xen_buffer(x, EMT_XEN_ARG);
	char about[24];
	long v = 0;
	int rc;

	if (!arg)
		return xen_nomem(x, err);
	xen_put16(arg, 0, (uint16_t)domid);
	rc = emt_xen_issue(x, EMT_XC_MAX_GFN, arg, name_of(domid, about), &v, err);
	*gfn = (uint64_t)v;
	emt_xen_buffer_free(x, arg);
	return rc;
}

/* A record of a vCPU into 'body', which is zeroed; '*len' bytes of it were filled. */
static int record(struct emt_xen *x, uint32_t domid, uint32_t type, uint32_t vcpu, uint8_t *arg, uint8_t *body,
		  uint64_t *len, struct emt_err *err)
{
	struct emt_err why = { 0 };
	char about[24];
	int rc;

	memset(arg, 0, EMT_XEN_ARG);
	memset(body, 0, RECORD_ROOM);
	xen_put16(arg, 8, (uint16_t)domid);
	xen_put32(arg, DOMCTL_U, type);
	xen_put32(arg, DOMCTL_U + 4, vcpu);
	xen_put64(arg, DOMCTL_U + 8, RECORD_ROOM);
	xen_put64(arg, DOMCTL_U + 16, (uint64_t)(uintptr_t)body);
	rc = emt_xen_issue(x, EMT_XC_HVM_RECORD, arg, name_of(domid, about), NULL, &why);
	*len = rc ? 0 : xen_get64(arg, DOMCTL_U + 8);
	if (rc == EMT_E_IO && (x->last_errno == ENODATA || x->last_errno == ENOENT))
		return emt_err_set(err, EMT_E_MISSING, about, "a vCPU has records once it was brought up",
				   "vCPU %u has no save record", vcpu);
	if (rc == EMT_E_IO && x->last_errno == EINVAL)
		return emt_err_set(err, EMT_E_MISSING, about, NULL,
				   "Xen gives no record of vCPU %u: more MTRRs than it holds, or the domain is dying",
				   vcpu);
	return rc ? emt_err_set(err, rc, why.subject, why.next, "%s", why.text) : 0;
}

static void decode_mtrr(const uint8_t *p, struct emt_mtrr *m, uint64_t *pat)
{
	uint64_t cap = xen_get64(p, 224), def = xen_get64(p, 232);

	emt_mtrr_init(m);
	*pat = xen_get64(p, 0);
	m->vcnt = (cap & 0xff) < MTRR_SAVED ? (uint8_t)(cap & 0xff) : MTRR_SAVED;
	for (unsigned int i = 0; i < MTRR_SAVED; i++) {
		m->var[i][0] = xen_get64(p, 8 + i * 16);
		m->var[i][1] = xen_get64(p, 16 + i * 16);
		m->var_held[i] = EMT_KNOWN;
	}
	for (unsigned int i = 0; i < EMT_MTRR_FIXED_NR; i++)
		m->fixed[i] = xen_get64(p, 136 + i * 8);
	m->fixed_held = EMT_KNOWN;
	m->def_type = def & 0xff;
	m->fe = (def >> 10) & 1;
	m->e = (def >> 11) & 1;
	m->def_held = EMT_KNOWN;
}

int emt_xen_vcpu(struct emt_xen *x, uint32_t domid, uint32_t vcpu, struct emt_mtrr *m,
		 struct emt_xen_regs *regs, struct emt_err *err)
{
	uint8_t *arg = emt_xen_buffer(x, EMT_XEN_ARG), *body = emt_xen_buffer(x, RECORD_ROOM);
	uint64_t len = 0;
	char about[24];
	int rc = arg && body ? record(x, domid, RECORD_MTRR, vcpu, arg, body, &len, err) : xen_nomem(x, err);

	if (!rc && len < MTRR_SIZE)
		rc = emt_err_set(err, EMT_E_FORMAT, name_of(domid, about), NULL,
				 "its MTRR record has %llu bytes, not %u", (unsigned long long)len, MTRR_SIZE);
	if (!rc) {
		decode_mtrr(body, m, &regs->pat);
		rc = record(x, domid, RECORD_CPU, vcpu, arg, body, &len, err);
	}
	if (!rc && len < CPU_EFER + 8)
		rc = emt_err_set(err, EMT_E_FORMAT, name_of(domid, about), NULL,
				 "its CPU record has only %llu bytes", (unsigned long long)len);
	if (!rc)
		*regs = (struct emt_xen_regs){ regs->pat, xen_get64(body, CPU_CR0), xen_get64(body, CPU_CR3),
					       xen_get64(body, CPU_CR4), xen_get64(body, CPU_EFER) };
	emt_xen_buffer_free(x, body);
	emt_xen_buffer_free(x, arg);
	return rc;
}

/* What HVMOP_get_mem_type makes of each type (policy h.8). */
static uint16_t types_of_class(unsigned int class)
{
#define T(name) EMT_SET(EMT_P2M_##name)
	switch (class) {
	case 0: /* HVMMEM_ram_rw */
		return T(RAM_RW) | T(PAGING_OUT) | T(PAGED) | T(PAGING_IN) | T(POD) | T(GRANT_RW);
	case 1: /* HVMMEM_ram_ro */
		return T(RAM_RO) | T(RAM_LOGDIRTY) | T(GRANT_RO) | T(SHARED);
	case 2: /* HVMMEM_mmio_dm */
		return T(MMIO_DM) | T(MMIO_DIRECT) | T(INVALID) | T(BROKEN) | T(FOREIGN);
	case 3: /* HVMMEM_mmio_write_dm until 4.7; later HVMMEM_unused */
	case 4: /* HVMMEM_ioreq_server */
		return T(IOREQ_SERVER);
	}
	return 0;
#undef T
}

int emt_xen_mem_type(struct emt_xen *x, uint32_t domid, uint64_t gfn, uint16_t *types, struct emt_err *err)
{
	uint8_t *arg = emt_xen_buffer(x, EMT_XEN_ARG);
	char about[40];
	int rc;

	*types = 0;
	if (!arg)
		return xen_nomem(x, err);
	snprintf(about, sizeof(about), "xen:%u", domid);
	xen_put16(arg, 0, (uint16_t)domid);
	xen_put64(arg, 8, gfn);
	rc = emt_xen_issue(x, EMT_XC_MEM_TYPE, arg, about, NULL, err);
	if (!rc)
		*types = types_of_class(xen_get16(arg, 2));
	emt_xen_buffer_free(x, arg);
	if (!rc && !*types)
		rc = emt_err_set(err, EMT_E_UNSUPPORTED, about, NULL, "a class of p2m types that is not known");
	return rc;
}
