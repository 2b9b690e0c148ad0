/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/iommu_pair.h"

#include <stdlib.h>
#include <string.h>

#define RECENT 16        /* flushes of a domain that are remembered, for unmaps that come after them */
#define WAITING 65536    /* unmaps that wait for their flush, of all domains */

/* What is left of an unmapped range; the oldest first. */
struct waiting {
	struct emt_iommu_event e;
	uint64_t from, to;  /* not flushed yet, both included */
	bool doubt;         /* its flush may have been lost */
	struct waiting *next;
};

struct domain {
	uint64_t number;
	struct waiting *list, **tail;
	struct {
		uint64_t time, from, to;
	} recent[RECENT];   /* a ring */
	unsigned int flushes;
	struct domain *next;
};

struct emt_iommu_pair {
	struct emt_pair_opts o;
	struct domain *domains;
	struct emt_pair_sum sum;
	size_t waiting;
	bool lossy;
};

const char *emt_unmap_status_name(unsigned int status)
{
	static const char *const names[EMT_UNMAP_NR] = { "flushed", "deferred", "late", "missed", "reused", "open",
							 "unknown" };

	return status < EMT_UNMAP_NR ? names[status] : NULL;
}

enum emt_severity emt_unmap_severity(enum emt_unmap_status status)
{
	switch (status) {
	case EMT_UNMAP_REUSED: return EMT_SEV_CRITICAL;
	case EMT_UNMAP_MISSED: return EMT_SEV_ERROR;
	case EMT_UNMAP_LATE: return EMT_SEV_WARNING;
	default: return EMT_SEV_INFO;
	}
}

uint64_t emt_pair_quantile(const struct emt_pair_sum *s, unsigned int percent)
{
	uint64_t all = 0, so_far = 0;

	for (unsigned int i = 0; i < EMT_PAIR_BUCKETS; i++)
		all += s->by_time[i];
	for (unsigned int i = 0; i < EMT_PAIR_BUCKETS && all; i++) {
		so_far += s->by_time[i];
		if (so_far * 100 >= all * percent) {
			uint64_t bound = i < 63 ? 1ull << i : UINT64_MAX;

			return bound < s->longest_ns ? bound : s->longest_ns;
		}
	}
	return 0;
}

int emt_iommu_pair_new(struct emt_iommu_pair **out, const struct emt_pair_opts *opts)
{
	struct emt_iommu_pair *p = calloc(1, sizeof(*p));

	*out = p;
	if (!p)
		return EMT_E_NOMEM;
	p->o = *opts;
	if (p->o.give_up_ns < p->o.window_ns)
		p->o.give_up_ns = p->o.window_ns;
	return 0;
}

void emt_iommu_pair_free(struct emt_iommu_pair *p)
{
	struct domain *d, *dn;

	for (d = p ? p->domains : NULL; d; d = dn) {
		for (struct waiting *w = d->list, *wn; w; w = wn) {
			wn = w->next;
			free(w);
		}
		dn = d->next;
		free(d);
	}
	free(p);
}

const struct emt_pair_sum *emt_iommu_pair_sum(const struct emt_iommu_pair *p)
{
	return &p->sum;
}

/* There are few: one for a device, or a guest. */
static struct domain *domain_of(struct emt_iommu_pair *p, uint64_t number)
{
	struct domain *d = p->domains;

	while (d && d->number != number)
		d = d->next;
	if (d)
		return d;
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->number = number;
	d->tail = &d->list;
	d->next = p->domains;
	p->domains = d;
	return d;
}

/* ---- verdicts ---- */

static int tell(struct emt_iommu_pair *p, const struct emt_iommu_event *e, enum emt_unmap_status status, uint64_t after,
		bool no_flush, bool doubt)
{
	struct emt_unmap u = { .event = *e, .status = status, .after_ns = after, .no_flush = no_flush };

	/* an earlier flush may be what was lost */
	if (doubt && status != EMT_UNMAP_FLUSHED && status != EMT_UNMAP_OPEN)
		u.status = status = EMT_UNMAP_UNKNOWN;
	p->sum.unmaps[status]++;
	p->sum.bytes[status] += e->last - e->iova + 1;
	return p->o.cb(&u, p->o.arg);
}

static int flushed(struct emt_iommu_pair *p, const struct emt_iommu_event *e, uint64_t at, bool doubt)
{
	uint64_t after = at > e->time ? at - e->time : 0;
	enum emt_unmap_status status = after <= p->o.window_ns		  ? EMT_UNMAP_FLUSHED :
				       e->type == EMT_IOMMU_DOMAIN_DMA_FQ ? EMT_UNMAP_DEFERRED :
									    EMT_UNMAP_LATE;
	unsigned int bucket = after ? 64 - (unsigned int)__builtin_clzll(after) : 0;

	p->sum.by_time[bucket < EMT_PAIR_BUCKETS ? bucket : EMT_PAIR_BUCKETS - 1]++;
	if (after > p->sum.longest_ns)
		p->sum.longest_ns = after;
	return tell(p, e, status, after, false, doubt);
}

/* Take the one at '*at' out of the list. */
static void forget(struct emt_iommu_pair *p, struct domain *d, struct waiting **at)
{
	struct waiting *w = *at;

	*at = w->next;
	if (d->tail == &w->next)
		d->tail = at;
	p->waiting--;
	free(w);
}

/* Take a flush off what is left of a range. True: nothing is left. One in the middle is
 * taken for none: what lies below it is not flushed. */
static bool take_off(uint64_t *from, uint64_t *to, uint64_t first, uint64_t last)
{
	if (first > *to || last < *from)
		return false;
	if (first <= *from && last >= *to)
		return true;
	if (first <= *from)
		*from = last + 1;
	else if (last >= *to)
		*to = first - 1;
	return false;
}

static int flush(struct emt_iommu_pair *p, const struct emt_iommu_event *e)
{
	struct domain *d = domain_of(p, e->domain);
	struct waiting **at, *w;
	unsigned int slot;
	int rc = 0;

	if (!d)
		return EMT_E_NOMEM;
	slot = d->flushes++ % RECENT;
	d->recent[slot].time = e->time;
	d->recent[slot].from = e->iova;
	d->recent[slot].to = e->last;
	for (at = &d->list; (w = *at) && !rc;) {
		struct emt_iommu_event u = w->e;
		bool doubt = w->doubt;

		if (e->time < u.time || !take_off(&w->from, &w->to, e->iova, e->last)) {
			at = &w->next;
			continue;
		}
		forget(p, d, at);
		rc = flushed(p, &u, e->time, doubt);
	}
	return rc;
}

static int unmap(struct emt_iommu_pair *p, const struct emt_iommu_event *e)
{
	uint64_t from = e->iova, to = e->last, since = e->began ? e->began : e->time;
	struct domain *d;
	struct waiting *w;
	unsigned int n;

	if (!e->domain)
		return tell(p, e, EMT_UNMAP_UNKNOWN, 0, true, false);
	d = domain_of(p, e->domain);
	if (!d)
		return EMT_E_NOMEM;
	/* drivers flush in the middle of an unmap, where its parts are far apart */
	n = d->flushes < RECENT ? d->flushes : RECENT;
	for (unsigned int i = d->flushes - n; i != d->flushes; i++)
		if (d->recent[i % RECENT].time >= since &&
		    take_off(&from, &to, d->recent[i % RECENT].from, d->recent[i % RECENT].to))
			return flushed(p, e, d->recent[i % RECENT].time, p->lossy);
	if (p->waiting == WAITING) {
		p->sum.forgotten++;
		return 0;
	}
	w = calloc(1, sizeof(*w));
	if (!w)
		return EMT_E_NOMEM;
	*w = (struct waiting){ .e = *e, .from = from, .to = to, .doubt = p->lossy };
	*d->tail = w;
	d->tail = &w->next;
	p->waiting++;
	return 0;
}

/* Addresses that wait for their flush are given out again. */
static int map(struct emt_iommu_pair *p, const struct emt_iommu_event *e)
{
	struct domain *d = e->domain ? domain_of(p, e->domain) : NULL;
	struct waiting **at, *w;
	int rc = 0;

	if (!d)
		return e->domain ? EMT_E_NOMEM : 0;
	for (at = &d->list; (w = *at) && !rc;) {
		struct emt_iommu_event u = w->e;
		bool doubt = w->doubt;

		if (e->time < u.time || e->iova > w->to || e->last < w->from) {
			at = &w->next;
			continue;
		}
		forget(p, d, at);
		rc = tell(p, &u, EMT_UNMAP_REUSED, e->time - u.time, true, doubt);
	}
	return rc;
}

int emt_iommu_pair_event(struct emt_iommu_pair *p, const struct emt_iommu_event *e)
{
	switch (e->kind) {
	case EMT_IOMMU_MAP: return map(p, e);
	case EMT_IOMMU_UNMAP: return unmap(p, e);
	default: return flush(p, e);
	}
}

static int give_up(struct emt_iommu_pair *p, uint64_t now, bool all)
{
	struct waiting **at, *w;
	int rc = 0;

	for (struct domain *d = p->domains; d && !rc; d = d->next)
		for (at = &d->list; (w = *at) && !rc;) {
			struct emt_iommu_event u = w->e;
			uint64_t waited = now > u.time ? now - u.time : 0;
			bool doubt = w->doubt;

			if (!all && waited < p->o.give_up_ns) {
				at = &w->next;
				continue;
			}
			forget(p, d, at);
			rc = tell(p, &u, waited <= p->o.window_ns ? EMT_UNMAP_OPEN :
				  u.type == EMT_IOMMU_DOMAIN_DMA_FQ && waited < p->o.give_up_ns ? EMT_UNMAP_DEFERRED :
				  EMT_UNMAP_MISSED, 0, true, doubt);
		}
	return rc;
}

void emt_iommu_pair_lossy(struct emt_iommu_pair *p, bool lossy)
{
	p->lossy = lossy;
	for (struct domain *d = lossy ? p->domains : NULL; d; d = d->next)
		for (struct waiting *w = d->list; w; w = w->next)
			w->doubt = true;
}

int emt_iommu_pair_clock(struct emt_iommu_pair *p, uint64_t now)
{
	return give_up(p, now, false);
}

int emt_iommu_pair_finish(struct emt_iommu_pair *p, uint64_t now)
{
	return give_up(p, now, true);
}
