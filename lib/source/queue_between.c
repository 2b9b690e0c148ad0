/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/queue_between.h"

#include <stdlib.h>
#include <string.h>

/* Commands of one image, in the order of their addresses. */
struct commands {
	struct slot {
		uint64_t maddr;
		bool amd, changed;
		struct emt_iommu_cmd cmd;
	} *v;
	size_t n, room;
	struct {
		uint64_t maddr, bytes;
	} queue[64];
	size_t queues;
	int rc;
};

struct emt_queue_between {
	struct commands after;
	struct emt_hw_domain *domains; /* of the newer image */
	size_t nr_domains;
	struct emt_queue_window window;
};

const char *emt_evidence_name(unsigned int evidence)
{
	static const char *const names[EMT_EVIDENCE_NR] = { "rule", "seen", "partly-seen", "not-seen", "may-have-been",
							    "no-device" };

	return evidence < EMT_EVIDENCE_NR ? names[evidence] : NULL;
}

static int keep(const struct emt_iommu_queue *q, const struct emt_iommu_cmd *c, void *arg)
{
	struct commands *all = arg;

	/* a domain's own queue is of an IOMMU that it was shown; a free page is of earlier */
	if (q->owner != EMT_QUEUE_OWNER_XEN)
		return 0;
	if (!all->queues || all->queue[all->queues - 1].maddr != q->maddr) {
		if (all->queues == EMT_ARRAY_SIZE(all->queue))
			return 0;
		all->queue[all->queues].maddr = q->maddr;
		all->queue[all->queues++].bytes = q->bytes;
	}
	if (!all->v || all->n == all->room) {
		size_t room = all->room ? 2 * all->room : 1024;
		struct slot *v = realloc(all->v, room * sizeof(*v));

		if (!v)
			return EMT_E_NOMEM;
		all->v = v;
		all->room = room;
	}
	all->v[all->n++] = (struct slot){ .maddr = q->maddr + c->index * 16, .amd = q->amd, .cmd = *c };
	return 0;
}

static int by_address(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	return x->maddr < y->maddr ? -1 : x->maddr > y->maddr;
}

static int read_one(struct commands *all, const struct emt_source_spec *spec, struct emt_err *err)
{
	struct emt_iommu_history h;
	int rc = emt_iommu_history(spec, keep, all, &h, err);

	if (rc == EMT_E_NOMEM)
		return emt_err_set(err, rc, spec->target, NULL, "not enough memory for its queues");
	if (!rc && !h.xen)
		rc = emt_err_set(err, EMT_E_MISSING, spec->target, NULL, "no Xen is found in it: %.200s", h.why_not.text);
	if (all->n)
		qsort(all->v, all->n, sizeof(*all->v), by_address);
	return rc;
}

static void compare(struct emt_queue_between *b, const struct commands *before)
{
	struct emt_queue_window *w = &b->window;

	w->queues = b->after.queues;
	for (size_t i = 0; i < b->after.n; i++) {
		struct slot *s = &b->after.v[i];
		const struct slot *was = before->n ? bsearch(s, before->v, before->n, sizeof(*s), by_address) : NULL;

		s->changed = !was || memcmp(was->cmd.raw, s->cmd.raw, sizeof(s->cmd.raw));
		w->changed += s->changed;
	}
	for (size_t q = 0; q < b->after.queues; q++) {
		uint64_t first = b->after.queue[q].maddr, end = first + b->after.queue[q].bytes;
		uint64_t slots = b->after.queue[q].bytes / 16, used = 0, changed = 0;

		for (size_t i = 0; i < b->after.n; i++)
			if (b->after.v[i].maddr >= first && b->after.v[i].maddr < end) {
				used++;
				changed += b->after.v[i].changed;
			}
		w->slots += slots;
		w->empty += slots - used;
		w->round |= changed == slots;
	}
}

int emt_queue_between_new(struct emt_queue_between **out, const struct emt_source_spec *before,
			  const struct emt_source_spec *after, struct emt_err *err)
{
	struct emt_queue_between *b = calloc(1, sizeof(*b));
	struct commands old = { 0 };
	int rc;

	*out = NULL;
	if (!b)
		return emt_err_set(err, EMT_E_NOMEM, "queues", NULL, "not enough memory");
	rc = read_one(&b->after, after, err);
	if (!rc && !b->after.n)
		rc = emt_err_set(err, EMT_E_MISSING, after->target, NULL, "no command queue of an IOMMU is found in it");
	if (!rc)
		rc = emt_iommu_hw_domains(after, &b->domains, &b->nr_domains, err);
	if (!rc)
		rc = read_one(&old, before, err);
	if (!rc)
		compare(b, &old);
	free(old.v);
	if (rc) {
		emt_queue_between_free(b);
		return rc;
	}
	*out = b;
	return 0;
}

void emt_queue_between_free(struct emt_queue_between *b)
{
	if (!b)
		return;
	free(b->after.v);
	free(b->domains);
	free(b);
}

const struct emt_queue_window *emt_queue_between_window(const struct emt_queue_between *b)
{
	return &b->window;
}

/* ---- one range ---- */

/* The last frame from 'dfn' on that the command flushes; 'dfn' itself is flushed. */
static uint64_t reaches(const struct emt_iommu_cmd *c)
{
	return c->scope == EMT_CMD_PAGES ? c->dfn + c->frames - 1 : UINT64_MAX;
}

/* Frames of a range that one kind of IOMMU was told to forget. */
static uint64_t flushed(const struct emt_queue_between *b, const struct emt_hw_domain *d, uint64_t first, uint64_t last,
			bool tables)
{
	uint64_t at = first, n = 0;

	while (at <= last) {
		uint64_t end = 0, next = UINT64_MAX;
		bool any = false;

		for (size_t i = 0; i < b->after.n; i++) {
			const struct emt_iommu_cmd *c = &b->after.v[i].cmd;

			if (!b->after.v[i].changed || b->after.v[i].amd != d->amd || c->reserved || (tables && c->leaf_only))
				continue;
			if (emt_iommu_cmd_flushes(c, d->did, at)) {
				any = true;
				if (reaches(c) > end)
					end = reaches(c);
			} else if (c->scope == EMT_CMD_PAGES && c->dfn > at && c->dfn < next &&
				   emt_iommu_cmd_flushes(c, d->did, c->dfn)) {
				next = c->dfn;
			}
		}
		if (any) {
			uint64_t to = end < last ? end : last;

			n += to - at + 1;
			if (to == UINT64_MAX)
				break;
			at = to + 1;
		} else if (next <= last) {
			at = next;
		} else {
			break;
		}
	}
	return n;
}

enum emt_flush_evidence emt_queue_between_look(const struct emt_queue_between *b, uint32_t domid, uint64_t first,
					       uint64_t last, bool tables)
{
	uint64_t want = last - first + 1, least = UINT64_MAX;
	bool any = false;

	/* each IOMMU that knows the domain has an id of its own for it: all must be told */
	for (size_t i = 0; i < b->nr_domains; i++)
		if (b->domains[i].domid == domid) {
			uint64_t n = flushed(b, &b->domains[i], first, last, tables);

			any = true;
			if (n < least)
				least = n;
		}
	if (!any)
		return EMT_EVIDENCE_NO_DEVICE;
	if (least == want)
		return EMT_EVIDENCE_SEEN;
	if (least)
		return EMT_EVIDENCE_PARTLY;
	return b->window.round ? EMT_EVIDENCE_MAY_BE : EMT_EVIDENCE_NOT_SEEN;
}
