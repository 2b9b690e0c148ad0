/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/seen.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "policy/mtrr.h"

bool emt_complete_from(const struct emt_prov *prov, char at[32])
{
	time_t t = (time_t)prov->since;
	struct tm tm;

	return t && gmtime_r(&t, &tm) && strftime(at, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static int first_bit(uint64_t mask)
{
	return mask ? __builtin_ctzll(mask) : -1;
}

/* The register that gives the type: in the same order as the look-up. */
static void mtrr_detail(const struct emt_mtrr *m, uint64_t frame, unsigned int order, char *out, size_t room)
{
	uint64_t mask = ~0ull << order;
	size_t at = 0;

	frame &= mask;
	if (m->def_held == EMT_UNKNOWN) {
		snprintf(out, room, "not known");
		return;
	}
	if (!m->e) {
		snprintf(out, room, "MTRRs are disabled: UC");
		return;
	}
	if (m->fe && frame < 0x100) {
		snprintf(out, room, order ? "a superpage over the fixed ranges below 1 MiB" : "a fixed range below 1 MiB");
		return;
	}
	for (unsigned int i = 0; i < m->vcnt && i < EMT_MTRR_VAR_MAX && at < room; i++) {
		uint64_t first, last;

		if (!emt_mtrr_var_range(m, i, &first, &last) || last < frame || first > (frame | ~mask))
			continue;
		at += (size_t)snprintf(out + at, room - at, "%svariable range %u: 0x%llx-0x%llx %s", at ? "; " : "", i,
				       (unsigned long long)(first << 12), (unsigned long long)(last << 12 | 0xfff),
				       emt_mt_name(m->var[i][0] & 7));
	}
	if (!at)
		snprintf(out, room, "no range: default type %s", emt_mt_name(m->def_type));
}

static void range_detail(const struct emt_range *r, char *out, size_t room, const char *(*name)(unsigned int))
{
	snprintf(out, room, "0x%llx-0x%llx%s%s", (unsigned long long)r->first, (unsigned long long)r->last,
		 name ? " " : "", name ? name(r->tag) : "");
}

static void list_detail(const struct emt_ranges *list, uint64_t first, uint64_t last, char *out, size_t room,
			const char *(*name)(unsigned int))
{
	size_t i = emt_ranges_from(list, first);

	if (i < list->n && list->v[i].first <= last)
		range_detail(&list->v[i], out, room, name);
}

/* Pins are kept in order of creation; the newest that touches counts. */
static void pin_detail(const struct emt_ranges *pins, uint64_t first, uint64_t last, char *out, size_t room,
		       const char *(*name)(unsigned int))
{
	for (size_t i = pins->n; i-- > 0;)
		if (pins->v[i].first <= last && pins->v[i].last >= first) {
			range_detail(&pins->v[i], out, room, name);
			return;
		}
}

static const char *pin_name(unsigned int tag)
{
	return tag == EMT_MT_7 ? "UC-" : emt_mt_name(tag);
}

static const char *special_name(unsigned int tag)
{
	return tag == EMT_SPECIAL_XENHEAP ? "Xen heap page" : "extra page";
}

static void detail(const struct emt_engine *e, const struct emt_piece *p, unsigned int atom, struct emt_seen *s)
{
	const struct emt_facts *f = &e->facts;
	const struct emt_run *r = &p->run;
	unsigned int order = e->rel.era->order_aware ? r->order : 0;
	uint64_t glast = r->gfn + (1ull << order) - 1, mlast = r->mfn + (1ull << order) - 1;

	switch (atom) {
	case EMT_ATOM_GUEST:
		if (f->nr_vcpus) {
			int n = e->ts.nr_classes > 1 ? snprintf(s->detail, sizeof(s->detail), "vCPU %u: ", e->ts.class_vcpu[0]) : 0;

			mtrr_detail(&f->vcpu_mtrr[e->ts.class_vcpu[0]], r->gfn, order, s->detail + n,
				    sizeof(s->detail) - (size_t)n);
		}
		break;
	case EMT_ATOM_HOST:
		mtrr_detail(&f->host_mtrr, r->mfn, order, s->detail, sizeof(s->detail));
		break;
	case EMT_ATOM_PIN:
		pin_detail(&f->pins, r->gfn, glast, s->detail, sizeof(s->detail), pin_name);
		break;
	case EMT_ATOM_SPECIAL:
		list_detail(&f->special, r->mfn, mlast, s->detail, sizeof(s->detail), special_name);
		break;
	case EMT_ATOM_RO:
		list_detail(&f->mmio_ro, r->mfn, mlast, s->detail, sizeof(s->detail), NULL);
		break;
	case EMT_ATOM_CFP:
		snprintf(s->detail, sizeof(s->detail), "I/O memory ranges: %zu, I/O port ranges: %zu", f->iomem_caps.n,
			 f->ioport_caps.n);
		break;
	case EMT_ATOM_TYPE:
		if (r->p2mt < EMT_P2M_NR)
			snprintf(s->detail, sizeof(s->detail), "the entry shows it");
		else if (!emt_ranges_find(&f->p2m_types, r->gfn))
			snprintf(s->detail, sizeof(s->detail), "from its permissions and the kind of frame");
		break;
	default:
		break;
	}
}

void emt_seen_fill(const struct emt_engine *e, const struct emt_cell *c, const struct emt_piece *p,
		   unsigned int atom, struct emt_seen *s)
{
	uint16_t held = c->held.a[atom], free = c->free.a[atom];
	int fact = first_bit(emt_atom_facts(e, atom));

	memset(s, 0, sizeof(*s));
	s->atom = emt_atom_name(atom);
	emt_atom_set_text(atom, held, s->value, sizeof(s->value));
	s->held = held & (held - 1) ? EMT_UNKNOWN : held == free ? EMT_KNOWN : EMT_ASSUMED;
	if (atom == EMT_ATOM_ORDER) {
		s->held = EMT_KNOWN;
		return;
	}
	/* several vCPUs with different MTRRs: all known, none chosen */
	if (atom == EMT_ATOM_GUEST && held == free && e->ts.nr_classes > 1)
		s->held = EMT_KNOWN;
	if (fact >= 0) {
		const struct emt_prov *prov = &e->facts.prov[fact];

		char at[32];

		s->fact = emt_fact_descs[fact].name;
		if (prov->origin && emt_complete_from(prov, at))
			snprintf(s->origin, sizeof(s->origin), "%s; complete from %s on", prov->origin, at);
		else if (prov->origin)
			snprintf(s->origin, sizeof(s->origin), "%s", prov->origin);
	}
	detail(e, p, atom, s);
	if (atom == EMT_ATOM_TYPE) {
		if (p->run.p2mt < EMT_P2M_NR)
			snprintf(s->origin, sizeof(s->origin), "the entry");
		else if (!emt_ranges_find(&e->facts.p2m_types, p->run.gfn))
			snprintf(s->origin, sizeof(s->origin), "inferred");
	}
}
