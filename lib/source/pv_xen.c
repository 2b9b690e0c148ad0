/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PV domain of a live Xen. Its frames are its own machine frames: mapping them looks
 * nothing up and changes nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "source/pv.h"
#include "xen/xen.h"

struct pv_xen {
	struct emt_xen *x;
	uint64_t page[512];
};

static void pv_close(void *priv)
{
	struct pv_xen *p = priv;

	emt_xen_close(p->x);
	free(p);
}

static const void *pv_frame(void *priv, uint32_t domid, uint64_t mfn)
{
	struct pv_xen *p = priv;

	return emt_xen_pv_page(p->x, domid, mfn, p->page, NULL) ? NULL : p->page;
}

static int pv_m2p(void *priv, uint64_t mfn, uint64_t *pfn)
{
	struct pv_xen *p = priv;

	return emt_xen_m2p(p->x, mfn, pfn);
}

static const struct emt_pv_ops ops = { .close = pv_close, .frame = pv_frame, .m2p = pv_m2p };

static int find(struct emt_pv_source *s, struct emt_xen *x, const char *target, struct emt_xen_domain *d,
		struct emt_err *err)
{
	struct emt_xen_domain *v;
	uint64_t id;
	size_t n, hits = 0;
	int rc;

	if (!emt_parse_u64(target, &id))
		return emt_xen_domain(x, id > UINT32_MAX ? UINT32_MAX : (uint32_t)id, d, err);
	rc = emt_xen_domains(x, &v, &n, err);
	for (size_t i = 0; !rc && i < n; i++)
		if (!strcmp(v[i].name, target) && !hits++)
			*d = v[i];
	if (!rc)
		free(v);
	if (!rc && hits != 1)
		rc = emt_err_set(err, EMT_E_NOSOURCE, s->name, "xl list shows those there are",
				 hits ? "several domains have this name" : "no domain has this name");
	return rc;
}

int emt_pv_open_xen(struct emt_pv_source *s, const struct emt_source_spec *spec, struct emt_err *err)
{
	struct pv_xen *p = calloc(1, sizeof(*p));
	struct emt_xen_domain dom = { .domid = 0 };
	struct emt_pv_domain *d;
	struct utsname u;
	int rc;

	if (!p)
		return emt_err_set(err, EMT_E_NOMEM, s->name, NULL, "not enough memory to open a domain");
	rc = emt_xen_open(&p->x, NULL, spec->costs, s->name, err);
	if (rc) {
		free(p);
		return rc;
	}
	s->priv = p;
	s->ops = &ops;
	rc = find(s, p->x, spec->target, &dom, err);
	if (!rc && dom.type != EMT_XEN_PV)
		rc = emt_err_set(err, EMT_E_UNSUPPORTED, s->name, "emtctl audit looks at its p2m",
				 "is no PV domain: Xen translates for it");
	if (!rc)
		rc = emt_xen_may(p->x, EMT_XC_GUEST_PAGE, err);
	if (rc)
		return rc;
	d = emt_pv_add(s);
	if (!d)
		return emt_err_set(err, EMT_E_NOMEM, s->name, NULL, "not enough memory to open a domain");
	d->domid = dom.domid;
	memcpy(d->name, dom.name, sizeof(d->name));
	d->shared_mfn = dom.shared_info;
	rc = emt_xen_pv_page(p->x, d->domid, d->shared_mfn, p->page, err);
	if (rc)
		return rc;
	emt_pv_shared_of(p->page, &d->shared);
	d->list = emt_pv_list_of(&d->shared);
	d->end = d->domid ? 0 : emt_pv_own_end();
	d->end = d->end ? d->end : d->shared.max_pfn;
	d->host_devices = !d->domid;
	/* dom0 is the Linux that runs this */
	if (!d->domid && !uname(&u))
		snprintf(d->kernel, sizeof(d->kernel), "%.100s", u.release);
	return d->domid ? emt_pv_map_of_guest(d, d->shared.max_pfn) : emt_pv_map_of_host(p->x, d, err);
}
