/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/xen_query.h"

#include <stdlib.h>
#include <string.h>

#include "policy/release.h"
#include "table/format.h"

#define ORIGIN "query payload"
#define TRIES 4

struct emt_xen_query {
	struct emt_xen *x;     /* borrowed */
	struct emt_query_client *c;
	struct emt_query_client *look; /* for single entries; NULL = not needed yet */
	struct emt_xen_domain d;
	const struct emt_epte_layout *layout; /* of EPT entries */
	/* the stream */
	const struct emt_query_run *answer; /* the last one */
	size_t n, next;
	uint64_t gfn;          /* to ask from */
	bool more;
	struct emt_run held;   /* count 0 = none */
};

bool emt_xen_query_loaded(struct emt_xen *x)
{
	struct emt_livepatch p;

	return !emt_livepatch_status(x, EMT_QUERY_NAME, &p, NULL) && p.state == EMT_LIVEPATCH_APPLIED;
}

int emt_xen_query_open(struct emt_xen_query **out, struct emt_xen *x, const struct emt_xen_domain *d,
		       struct emt_err *err)
{
	struct emt_xen_query *q = calloc(1, sizeof(*q));
	const struct emt_xen_iface *i = emt_xen_known(x);
	int rc;

	*out = NULL;
	if (!q)
		return emt_err_set(err, EMT_E_NOMEM, ORIGIN, NULL, "not enough memory");
	q->x = x;
	q->d = *d;
	q->layout = emt_epte_layout_of(4u << 24 | (i ? (uint32_t)i->minor : 17u) << 16);
	rc = emt_query_open(&q->c, x, d->domid, err);
	if (rc) {
		free(q);
		return rc;
	}
	emt_xen_query_seek(q, 0);
	*out = q;
	return 0;
}

void emt_xen_query_close(struct emt_xen_query *q)
{
	if (q) {
		emt_query_close(q->look);
		emt_query_close(q->c);
	}
	free(q);
}

/* ---- facts ---- */

static int no_memory(struct emt_err *err)
{
	return emt_err_set(err, EMT_E_NOMEM, ORIGIN, NULL, "not enough memory for its facts");
}

static void mtrr_head(struct emt_mtrr *m, const struct emt_query_rec *r)
{
	emt_mtrr_init(m);
	m->def_type = (uint8_t)r->a;
	m->e = (r->b & EMT_QUERY_M_ENABLED) != 0;
	m->fe = (r->b & EMT_QUERY_M_FIXED) != 0;
	m->vcnt = (uint8_t)((r->c & 0xff) < EMT_MTRR_VAR_MAX ? r->c & 0xff : EMT_MTRR_VAR_MAX);
	emt_mtrr_hold(m, EMT_KNOWN);
}

static void mtrr_var(struct emt_mtrr *m, const struct emt_query_rec *r)
{
	unsigned int i = r->idx & 0xff;

	if (i < EMT_MTRR_VAR_MAX) {
		m->var[i][0] = r->a;
		m->var[i][1] = r->b;
	}
}

static void mtrr_fixed(struct emt_mtrr *m, const struct emt_query_rec *r)
{
	const uint64_t v[] = { r->a, r->b, r->c };

	for (unsigned int i = r->idx & 0xff, k = 0; k < 3 && i < EMT_MTRR_FIXED_NR; i++, k++)
		m->fixed[i] = v[k];
}

/* The record of a vCPU that 'idx' names, NULL when it has none. */
static struct emt_mtrr *vcpu_of(struct emt_facts *f, uint32_t vcpu)
{
	return vcpu < f->nr_vcpus ? &f->vcpu_mtrr[vcpu] : NULL;
}

static int one_record(struct emt_facts *f, const struct emt_query_rec *r)
{
	static const struct { uint8_t type, fact; } lists[] = {
		{ EMT_QUERY_R_MMIO_RO, EMT_FACT_MMIO_RO }, { EMT_QUERY_R_IOMEM, EMT_FACT_IOMEM_CAPS },
		{ EMT_QUERY_R_IOPORT, EMT_FACT_IOPORT_CAPS }, { EMT_QUERY_R_PIN, EMT_FACT_PINS },
	};
	uint32_t cpu = r->type == EMT_QUERY_R_VCPU || r->type == EMT_QUERY_R_VCPU_CR0 ? r->idx : r->idx >> 8;
	struct emt_mtrr *m = vcpu_of(f, cpu);

	for (size_t i = 0; i < EMT_ARRAY_SIZE(lists); i++)
		if (r->type == lists[i].type)
			return emt_ranges_add(emt_facts_list(f, lists[i].fact), r->a, r->b,
					      r->type == EMT_QUERY_R_PIN ? (uint32_t)r->c : 0, EMT_KNOWN);
	switch (r->type) {
	case EMT_QUERY_R_DOMAIN:
		f->domain_iommu = (r->a & EMT_QUERY_D_IOMMU) != 0;
		f->iommu_snoop = (r->a & EMT_QUERY_D_SNOOP) != 0;
		f->max_gfn = r->b;
		break;
	case EMT_QUERY_R_HOST:
		mtrr_head(&f->host_mtrr, r);
		break;
	case EMT_QUERY_R_HOST_VAR:
		mtrr_var(&f->host_mtrr, r);
		break;
	case EMT_QUERY_R_HOST_FIXED:
		mtrr_fixed(&f->host_mtrr, r);
		break;
	case EMT_QUERY_R_VCPU:
		if (m)
			mtrr_head(m, r);
		break;
	case EMT_QUERY_R_VCPU_CR0:
		if (m)
			f->vcpu_cr0[cpu] = r->a;
		break;
	case EMT_QUERY_R_VCPU_VAR:
		if (m)
			mtrr_var(m, r);
		break;
	case EMT_QUERY_R_VCPU_FIXED:
		if (m)
			mtrr_fixed(m, r);
		break;
	}
	return 0;
}

/* The payload lists pins newest first; facts keep the order of creation. */
static void turn_pins(struct emt_ranges *list)
{
	for (size_t i = 0; i < list->n / 2; i++) {
		struct emt_range t = list->v[i];

		list->v[i] = list->v[list->n - 1 - i];
		list->v[list->n - 1 - i] = t;
	}
}

static int records(struct emt_xen_query *q, struct emt_facts *f, struct emt_err *err)
{
	static const enum emt_fact_id lists[] = { EMT_FACT_MMIO_RO, EMT_FACT_IOMEM_CAPS, EMT_FACT_IOPORT_CAPS,
						  EMT_FACT_PINS };
	static const enum emt_fact_id scalars[] = { EMT_FACT_DOMAIN_IOMMU, EMT_FACT_IOMMU_SNOOP, EMT_FACT_HOST_MTRR,
						    EMT_FACT_VCPU_MTRR, EMT_FACT_VCPU_CR0 };
	struct emt_query_rec *recs;
	uint32_t vcpus = 0, seen = 0;
	size_t n;
	int rc = emt_query_policy(q->c, &recs, &n, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(lists); i++)
		emt_facts_list(f, lists[i])->n = 0;
	for (size_t i = 0; i < n; i++)
		if (recs[i].type == EMT_QUERY_R_VCPU) {
			seen++;
			if (recs[i].idx >= vcpus)
				vcpus = recs[i].idx + 1;
		}
	if (vcpus > 8192 || emt_facts_vcpus(f, vcpus))
		rc = no_memory(err);
	for (size_t i = 0; i < n && !rc; i++)
		if (one_record(f, &recs[i]))
			rc = no_memory(err);
	free(recs);
	if (rc)
		return rc;
	turn_pins(&f->pins);
	for (size_t i = 0; i < EMT_ARRAY_SIZE(lists); i++)
		emt_facts_set_list(f, lists[i], EMT_KNOWN, EMT_KNOWN, ORIGIN);
	/* ids may have gaps: of a set with one missing nothing is said */
	for (size_t i = 0; i < EMT_ARRAY_SIZE(scalars); i++)
		if (seen == vcpus || (scalars[i] != EMT_FACT_VCPU_MTRR && scalars[i] != EMT_FACT_VCPU_CR0))
			emt_facts_set(f, scalars[i], EMT_KNOWN, ORIGIN);
	return 0;
}

/* What the list says of an entry, as Xen's lookup tells it: type, -1 none, -3 partly. */
static int pin_of(const struct emt_ranges *pins, uint64_t gfn, unsigned int order)
{
	uint64_t last = gfn | ((1ull << order) - 1);

	for (size_t i = pins->n; i-- > 0;) { /* newest first */
		if (gfn >= pins->v[i].first && last <= pins->v[i].last)
			return (int)pins->v[i].tag;
		if (last >= pins->v[i].first && gfn <= pins->v[i].last)
			return -3;
	}
	return -1;
}

static int add_special(uint64_t first, uint64_t last, bool extra, void *arg)
{
	struct emt_facts *f = arg;

	return emt_ranges_add(&f->special, first, last, extra ? EMT_SPECIAL_EXTRA : EMT_SPECIAL_XENHEAP, EMT_KNOWN);
}

/* Frames behind the entries of one answer that have special ones, which the next call overwrites. */
struct some {
	uint64_t first[EMT_QUERY_MAX_RUNS];
	uint8_t order[EMT_QUERY_MAX_RUNS];
	size_t n;
};

/* Does Xen's lookup find for each entry of a run what the list says? */
static bool same_pins(const struct emt_ranges *pins, const struct emt_query_run *e)
{
	if (e->pin == -2) /* nobody was asked */
		return true;
	for (uint64_t i = 0; i < e->count; i++)
		if (e->pin != pin_of(pins, e->gfn + (i << e->order), e->order))
			return false;
	return true;
}

static int pass(struct emt_xen_query *q, struct emt_facts *f, struct some *s, bool *differs, struct emt_err *err)
{
	const struct emt_query_run *e;
	uint64_t gfn = 0;
	bool more = true;
	size_t n;
	int rc = 0;

	f->special.n = 0;
	*differs = false;
	while (more && !rc) {
		rc = emt_query_walk(q->c, &gfn, UINT64_MAX, EMT_QUERY_F_PINS | EMT_QUERY_F_FRAMES, &e, &n, &more, err);
		s->n = 0;
		for (size_t i = 0; i < n && !rc; i++) {
			if (!same_pins(&f->pins, &e[i]))
				*differs = true;
			if (!e[i].special)
				continue;
			s->first[s->n] = (e[i].raw & EMT_EPTE_MFN_BITS) >> 12 & ~((1ull << e[i].order) - 1);
			s->order[s->n++] = e[i].order;
		}
		for (size_t i = 0; i < s->n && !rc; i++)
			if (emt_query_special(q->c, s->first[i], s->first[i] | ((1ull << s->order[i]) - 1), add_special, f,
					      err))
				rc = err && err->code ? err->code : no_memory(err);
	}
	return rc;
}

int emt_xen_query_facts(struct emt_xen_query *q, struct emt_facts *f, struct emt_err *err)
{
	struct some *s = malloc(sizeof(*s));
	bool differs = true;
	int rc = 0;

	if (!s)
		return no_memory(err);
	/* somebody may pin between the two */
	for (int i = 0; i < TRIES && differs && !rc; i++) {
		rc = records(q, f, err);
		if (!rc)
			rc = pass(q, f, s, &differs, err);
	}
	free(s);
	if (!rc && differs)
		rc = emt_err_set(err, EMT_E_FORMAT, ORIGIN, "emtctl query unload",
				 "the pins that it lists are not those that Xen's own lookup finds");
	if (!rc)
		emt_facts_set_list(f, EMT_FACT_SPECIAL, EMT_KNOWN, EMT_KNOWN, ORIGIN);
	return rc;
}

/* ---- entries ---- */

void emt_xen_query_seek(struct emt_xen_query *q, uint64_t gfn)
{
	q->gfn = gfn;
	q->n = q->next = 0;
	q->more = true;
	q->held.count = 0;
}

/* As a run; false when it says nothing. */
static bool to_run(const struct emt_xen_query *q, const struct emt_query_run *e, struct emt_run *run)
{
	const struct emt_format *format = e->flags & EMT_QUERY_E_NPT ? &emt_format_npt : &emt_format_ept;
	const struct emt_entry_at at = {
		.gfn = e->gfn, .level = e->order / 9u + 1, .pending = e->flags & EMT_QUERY_E_PENDING, .layout = q->layout,
	};
	struct emt_entry out;

	format->decode(e->raw, &at, &out);
	if (out.is != EMT_ENTRY_LEAF)
		return false;
	*run = out.run;
	run->count = e->count;
	return true;
}

long emt_xen_query_read(struct emt_xen_query *q, struct emt_run *runs, size_t room, struct emt_err *err)
{
	struct emt_run run;
	size_t n = 0;

	while (n < room) {
		if (q->next == q->n) {
			int rc;

			if (!q->more)
				break;
			q->next = 0;
			rc = emt_query_walk(q->c, &q->gfn, UINT64_MAX, 0, &q->answer, &q->n, &q->more, err);
			if (rc)
				return rc;
			continue;
		}
		if (!to_run(q, &q->answer[q->next++], &run))
			continue;
		if (q->held.count && emt_run_joins(&q->held, &run)) {
			q->held.count += run.count;
			continue;
		}
		if (q->held.count)
			runs[n++] = q->held;
		q->held = run;
	}
	if (n < room && q->held.count) {
		runs[n++] = q->held;
		q->held.count = 0;
	}
	return (long)n;
}

int emt_xen_query_at(struct emt_xen_query *q, uint64_t gfn, struct emt_run *run, struct emt_err *err)
{
	const struct emt_query_run *e;
	uint64_t at = gfn;
	bool more = true;
	size_t n = 0;
	int rc = q->look ? 0 : emt_query_open(&q->look, q->x, q->d.domid, err);

	while (!rc && more && !n)
		rc = emt_query_walk(q->look, &at, gfn, 0, &e, &n, &more, err);
	if (rc)
		return rc;
	return n && to_run(q, &e[0], run) && run->gfn <= gfn && emt_run_last(run) >= gfn;
}

/* What Xen said of each entry of a run. */
static int each_answer(const struct emt_query_run *e, struct emt_run run, emt_answer_cb cb, void *arg)
{
	const uint64_t count = run.count, step = 1ull << run.order;
	int rc = 0;

	run.count = 1;
	for (uint64_t i = 0; i < count && !rc; i++, run.gfn += step, run.mfn += step)
		rc = cb(&run, e->emt < 0, e->emt < 0 ? 0 : (unsigned int)e->emt, e->ipat, arg);
	return rc;
}

int emt_xen_query_answers(struct emt_xen_query *q, emt_answer_cb cb, void *arg, struct emt_err *err)
{
	const struct emt_query_run *e;
	struct emt_run run;
	uint64_t at = 0;
	bool more = true;
	size_t n = 0;
	int rc = q->look ? 0 : emt_query_open(&q->look, q->x, q->d.domid, err);

	while (!rc && more) {
		rc = emt_query_walk(q->look, &at, UINT64_MAX, EMT_QUERY_F_XEN, &e, &n, &more, err);
		for (size_t i = 0; i < n && !rc; i++)
			/* of what is not present, and of NPT, nobody is asked */
			if (e[i].emt != -2 && to_run(q, &e[i], &run))
				rc = each_answer(&e[i], run, cb, arg);
	}
	return rc;
}
