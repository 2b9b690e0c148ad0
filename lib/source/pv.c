/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/kvm_host.h"
#include "source/pv.h"

#include <stdio.h>
#include <stdlib.h>

int emt_pv_open(struct emt_pv_source **out, const struct emt_source_spec *spec, struct emt_err *err)
{
	struct emt_pv_source *s = calloc(1, sizeof(*s));
	int rc;

	*out = NULL;
	if (!s)
		return emt_err_set(err, EMT_E_NOMEM, spec->target, NULL, "not enough memory to open a source");
	snprintf(s->name, sizeof(s->name), "%s:%s", emt_source_scheme(spec->kind), spec->target);
	switch (spec->kind) {
	case EMT_SOURCE_MEM:
		rc = emt_pv_open_mem(s, spec, err);
		break;
	case EMT_SOURCE_XEN:
		rc = emt_pv_open_xen(s, spec, err);
		break;
	case EMT_SOURCE_P2M:
		rc = emt_pv_open_self(s, err);
		break;
	case EMT_SOURCE_CAPTURE:
		rc = emt_pv_open_capture(s, spec, err);
		break;
	default:
		rc = emt_err_set(err, EMT_E_UNSUPPORTED, spec->target,
				 "give a machine's memory (mem:FILE), a domain (xen:DOMID,costs=yes) or p2m:self",
				 "shows no PV domain's p2m");
	}
	if (rc)
		emt_pv_close(s);
	else
		*out = s;
	return rc;
}

void emt_pv_close(struct emt_pv_source *s)
{
	if (!s)
		return;
	if (s->priv)
		s->ops->close(s->priv);
	for (size_t i = 0; i < s->n; i++) {
		emt_ranges_free(&s->v[i].e820);
		emt_ranges_free(&s->v[i].bars);
	}
	free(s->v);
	free(s);
}

const char *emt_pv_name(const struct emt_pv_source *s)
{
	return s->name;
}

size_t emt_pv_domains(const struct emt_pv_source *s)
{
	return s->n;
}

const struct emt_pv_domain *emt_pv_domain(const struct emt_pv_source *s, size_t i)
{
	return &s->v[i];
}

struct emt_pv_domain *emt_pv_add(struct emt_pv_source *s)
{
	struct emt_pv_domain *v = realloc(s->v, (s->n + 1) * sizeof(*v));

	if (!v)
		return NULL;
	s->v = v;
	v[s->n] = (struct emt_pv_domain){ .domid = 0 };
	return &v[s->n++];
}

int emt_pv_map_of_host(struct emt_xen *x, struct emt_pv_domain *d, struct emt_err *err)
{
	int rc = emt_xen_host_e820(x, &d->e820, err);

	emt_ranges_normalise(&d->e820);
	d->e820_held = EMT_KNOWN;
	d->e820_origin = "dom0 has the host's memory map";
	return rc;
}

int emt_pv_map_of_guest(struct emt_pv_domain *d, uint64_t frames)
{
	d->e820_held = EMT_ASSUMED;
	d->e820_origin = "a guest without the host's map (e820_host) has RAM only";
	return emt_ranges_add(&d->e820, 0, frames ? frames - 1 : 0, 1, EMT_ASSUMED);
}

int emt_pv_state_ram(struct emt_pv_source *s, size_t i, const struct emt_ranges *ram)
{
	struct emt_pv_domain *d = &s->v[i];

	emt_ranges_free(&d->e820);
	d->e820_held = EMT_KNOWN;
	d->e820_origin = "stated by the user";
	return emt_ranges_copy(&d->e820, ram);
}

uint64_t emt_pv_own_end(void)
{
	struct emt_ranges ram = { NULL, 0, 0 };
	uint64_t end = 0;

	if (!emt_kvm_host_ram(&ram, "/proc/iomem", NULL))
		for (size_t i = 0; i < ram.n; i++)
			if (ram.v[i].tag == 1 && ram.v[i].last >= end)
				end = ram.v[i].last + 1;
	emt_ranges_free(&ram);
	return end;
}

static const void *frame(void *arg, uint64_t mfn)
{
	struct emt_pv_source *s = arg;

	return s->ops->frame(s->priv, s->v[s->reading].domid, mfn);
}

/* What shared info says now; one that cannot be read counts as "changes". */
static uint64_t generation(struct emt_pv_source *s, const struct emt_pv_domain *d)
{
	const void *page = frame(s, d->shared_mfn);
	struct emt_pv_shared now;

	if (!page)
		return UINT64_MAX;
	emt_pv_shared_of(page, &now);
	return now.generation;
}

int emt_pv_read(struct emt_pv_source *s, size_t i, struct emt_pv_reader *r, struct emt_pv_read *out, bool *changed,
		struct emt_err *err)
{
	const struct emt_pv_domain *d = &s->v[i];
	uint64_t before, after;
	int rc;

	s->reading = i;
	if (s->ops->read)
		return s->ops->read(s->priv, i, r, out, changed, err);
	before = generation(s, d);
	r->mem = (struct emt_guest_memory){ frame, s };
	r->shared = d->shared;
	r->list = d->list;
	r->missing = d->missing;
	r->identity = d->identity;
	r->e820 = &d->e820;
	r->end = d->end;
	rc = emt_pv_list_read(r, out, err);
	after = generation(s, d);
	/* odd: a change is under way (Xen's public header) */
	*changed = before != after || after & 1;
	return rc;
}

int emt_pv_m2p(void *source, uint64_t mfn, uint64_t *pfn)
{
	struct emt_pv_source *s = source;

	return s->ops->m2p(s->priv, mfn, pfn);
}
