/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xen/query.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "xen/internal.h"

static const char subject[] = "query payload";

#define REQUEST (DOMCTL_U + EMT_QUERY_AT)
#define RETRIES 8

/* ---- the payload ---- */

int emt_query_status(struct emt_xen *x, struct emt_query_status *out, struct emt_err *err)
{
	int rc;

	memset(out, 0, sizeof(*out));
	rc = emt_xen_build_id(x, out->build_id, err);
	if (rc)
		return rc;
	out->build = emt_query_build_find(out->build_id);
	return emt_livepatch_status(x, EMT_QUERY_NAME, &out->patch, err);
}

int emt_query_may_load(struct emt_xen *x, const struct emt_query_status *s, const struct emt_query_build *own,
		       const struct emt_query_build **build, struct emt_err *err)
{
	*build = own ? own : s->build;
	if (s->patch.state != EMT_LIVEPATCH_ABSENT)
		return emt_err_set(err, EMT_E_USAGE, subject, "emtctl query unload takes it away",
				   "it is there already: %s", emt_livepatch_state_name(s->patch.state));
	if (s->patch.applied)
		return emt_err_set(err, EMT_E_UNSUPPORTED, subject, "revert that one first, or use another way",
				   "another livepatch is in use (%s): this Xen is not the build that its id names",
				   s->patch.other);
	if (!x->iface || x->iface->minor != 17)
		return emt_err_set(err, EMT_E_UNSUPPORTED, subject, "emtctl domains lists the other ways",
				   "it calls Xen 4.17's functions; this is %s", x->release);
	if (!*build)
		return emt_err_set(err, EMT_E_UNSUPPORTED, subject,
				   "make its numbers from its xen-syms: emtctl query offsets XEN-SYMS --json > FILE, then "
				   "query load --offsets FILE",
				   "the structure offsets of build %s (Xen %s) are not known exactly",
				   *s->build_id ? s->build_id : "without an id", x->release);
	if (strcmp((*build)->build_id, s->build_id))
		return emt_err_set(err, EMT_E_UNSUPPORTED, subject, "give the file that was made from this build's xen-syms",
				   "the numbers are of build %s, this Xen is %s", (*build)->build_id, s->build_id);
	return 0;
}

static bool can_be_asked(const struct emt_xen_domain *d)
{
	return d->domid && d->type != EMT_XEN_PV && d->paging != EMT_PAGING_SHADOW && !d->dying && d->tot_pages &&
		d->nr_vcpus;
}

/* Each guest shows other numbers to be right: one has pins, another several vCPUs. */
static int check_all(struct emt_xen *x, uint32_t *checked, struct emt_err *err)
{
	struct emt_query_client *c;
	struct emt_xen_domain *v;
	size_t n;
	int rc = emt_xen_domains(x, &v, &n, err);

	for (size_t i = 0; !rc && i < n; i++) {
		struct emt_err why = { 0 };

		if (!can_be_asked(&v[i]))
			continue;
		rc = emt_query_open(&c, x, v[i].domid, &why);
		if (rc == EMT_E_GONE)
			rc = 0;
		else if (rc)
			emt_err_set(err, rc, why.subject, why.next, "%s", why.text);
		else
			++*checked;
		emt_query_close(c);
	}
	free(v);
	return rc;
}

int emt_query_load(struct emt_xen *x, const struct emt_query_build *build, uint32_t *checked, struct emt_err *err)
{
	uint8_t *file;
	size_t len;
	int rc = emt_query_payload(build, &file, &len, err);

	*checked = 0;
	if (rc)
		return rc;
	rc = emt_livepatch_upload(x, EMT_QUERY_NAME, file, len, err);
	free(file);
	if (rc)
		return rc;
	rc = emt_livepatch_apply(x, EMT_QUERY_NAME, err);
	if (rc) {
		emt_livepatch_unload(x, EMT_QUERY_NAME, NULL);
		return rc;
	}
	rc = check_all(x, checked, err);
	if (rc && !emt_livepatch_revert(x, EMT_QUERY_NAME, NULL))
		emt_livepatch_unload(x, EMT_QUERY_NAME, NULL);
	return rc;
}

int emt_query_unload(struct emt_xen *x, const struct emt_query_status *s, struct emt_err *err)
{
	int rc = 0;

	if (s->patch.state == EMT_LIVEPATCH_ABSENT)
		return emt_err_set(err, EMT_E_USAGE, subject, NULL, "it is not loaded");
	if (s->patch.state == EMT_LIVEPATCH_APPLIED)
		rc = emt_livepatch_revert(x, EMT_QUERY_NAME, err);
	return rc ? rc : emt_livepatch_unload(x, EMT_QUERY_NAME, err);
}

/* ---- questions ---- */

struct emt_query_client {
	struct emt_xen *x;       /* borrowed */
	uint32_t domid;
	char about[24];          /* subject of errors */
	uint8_t *arg;            /* of the domctl */
	void *data;              /* that Xen fills */
	struct emt_query_cost cost;
};

#define DATA_BYTES (EMT_QUERY_MAX_RUNS * sizeof(struct emt_query_run))

/* What a refusal means; 'q' is the reply, or has no reply's mark. */
static int refused(const struct emt_query_client *c, const struct emt_query *q, int rc, const struct emt_err *why,
		   struct emt_err *err)
{
	static const char *const facts[] = { "?", "domain id", "number of vCPUs", "page count", "highest gfn",
					     "version" };
	static const char next[] = "emtctl query unload; the numbers it was loaded with are not this Xen's";
	struct emt_livepatch there;
	char name[64];

	if (q->magic != EMT_QUERY_REPLY) {
		if (c->x->last_errno == EPERM)
			return emt_err_set(err, EMT_E_PERM, c->about, "run it as root in dom0",
					   "Xen does not permit the query, or the payload does not see dom0 in its caller");
		if (rc == EMT_E_GONE)
			return emt_err_set(err, rc, c->about, why->next, "%s", why->text);
		if (!emt_livepatch_status(c->x, EMT_QUERY_NAME, &there, NULL) && there.state == EMT_LIVEPATCH_APPLIED)
			return emt_err_set(err, EMT_E_UNSUPPORTED, subject, "emtctl query unload, then query load",
					   "the one that is loaded is of another version of emt");
		return emt_err_set(err, EMT_E_UNSUPPORTED, subject, "emtctl query load loads it", "it is not loaded");
	}
	switch (q->why) {
	case EMT_QUERY_NOT_IT:
		return emt_err_set(err, EMT_E_UNSUPPORTED, c->about, "emtctl domains lists what can be read",
				   "it cannot be asked about: dom0 itself, a PV guest, or one with shadow paging");
	case EMT_QUERY_DYING:
		return emt_err_set(err, EMT_E_GONE, c->about, NULL, "it is dying");
	case EMT_QUERY_UNCHECKED:
		return emt_err_set(err, EMT_E_INTERNAL, subject, NULL, "it was loaded again and not checked");
	case EMT_QUERY_FACT:
		return emt_err_set(err, EMT_E_FORMAT, c->about, "try again; if it stays, emtctl query unload",
				   "the %s that Xen's calls tell is not what the payload sees",
				   facts[q->field < EMT_ARRAY_SIZE(facts) ? q->field : 0]);
	case EMT_QUERY_FIELD:
		return emt_err_set(err, EMT_E_FORMAT, subject, next, "it refuses to answer: %s is not where it should be",
				   emt_query_field_name(q->field, name, sizeof(name)));
	case EMT_QUERY_MOVED:
		return emt_err_set(err, EMT_E_IO, c->about, "try again, or pause the guest",
				   "its tables change faster than they can be read");
	case EMT_QUERY_MEMORY:
		return emt_err_set(err, EMT_E_NOMEM, c->about, NULL, "Xen has no page for the answer");
	}
	return emt_err_set(err, rc, why->subject, why->next, "%s", why->text);
}

static int check(struct emt_query_client *c, struct emt_err *err);

/* One call; 'q' is request and reply. Tables that moved are asked for again, and a payload that was
 * loaded anew under a client is checked anew. */
static int ask(struct emt_query_client *c, struct emt_query *q, struct emt_err *err)
{
	const struct emt_query request = *q;
	struct emt_err why = { 0 };
	uint64_t began, took;
	int rc;

	for (int i = 0; i < RETRIES; i++) {
		why = (struct emt_err){ 0 };
		*q = request;
		q->magic = EMT_QUERY_MAGIC;
		q->buf = (uint64_t)(uintptr_t)c->data;
		memset(c->arg, 0, EMT_XEN_ARG);
		xen_put16(c->arg, 8, (uint16_t)c->domid);
		xen_put32(c->arg, DOMCTL_U, 0xffffffff); /* no such device, for a Xen without the payload */
		memcpy(c->arg + REQUEST, q, sizeof(*q));
		began = (uint64_t)emt_clock_monotonic();
		rc = emt_xen_issue(c->x, EMT_XC_QUERY, c->arg, c->about, NULL, &why);
		took = (uint64_t)emt_clock_monotonic() - began;
		c->cost.calls++;
		c->cost.ns += took;
		if (took > c->cost.worst_ns)
			c->cost.worst_ns = took;
		memcpy(q, c->arg + REQUEST, sizeof(*q));
		if (!rc && q->magic == EMT_QUERY_REPLY)
			return 0;
		if (q->magic == EMT_QUERY_REPLY && q->why == EMT_QUERY_UNCHECKED && request.cmd != EMT_QUERY_CHECK) {
			rc = check(c, err);
			if (rc)
				return rc;
		} else if (q->magic != EMT_QUERY_REPLY || q->why != EMT_QUERY_MOVED) {
			break;
		}
	}
	return refused(c, q, rc ? rc : EMT_E_UNSUPPORTED, &why, err);
}

/* Facts of public calls, read anew each time: a running guest's may move meanwhile. */
static int check(struct emt_query_client *c, struct emt_err *err)
{
	struct emt_err why = { 0 };
	int rc = 0;

	for (int i = 0; i < RETRIES; i++) {
		struct emt_query q = { .cmd = EMT_QUERY_CHECK, .domid = c->domid };
		struct emt_xen_domain d;

		why = (struct emt_err){ 0 };
		rc = emt_xen_domain(c->x, c->domid, &d, &why);
		if (!rc)
			rc = emt_xen_max_gfn(c->x, c->domid, &q.max_gfn, &why);
		if (rc)
			break;
		q.nr_vcpus = d.nr_vcpus;
		q.tot_pages = d.tot_pages;
		snprintf(q.version, sizeof(q.version), "%.15s", emt_xen_release(c->x));
		rc = ask(c, &q, &why);
		if (!rc || q.magic != EMT_QUERY_REPLY || (q.why != EMT_QUERY_FACT && q.why != EMT_QUERY_FIELD))
			break;
	}
	return rc ? emt_err_set(err, rc, why.subject, why.next, "%s", why.text) : 0;
}

int emt_query_open(struct emt_query_client **out, struct emt_xen *x, uint32_t domid, struct emt_err *err)
{
	struct emt_query_client *c = calloc(1, sizeof(*c));
	int rc;

	*out = NULL;
	if (!c)
		return xen_nomem(x, err);
	c->x = x;
	c->domid = domid;
	snprintf(c->about, sizeof(c->about), "domain %u", domid);
	c->arg = emt_xen_buffer(x, EMT_XEN_ARG);
	c->data = emt_xen_buffer(x, DATA_BYTES);
	rc = c->arg && c->data ? check(c, err) : xen_nomem(x, err);
	if (rc)
		emt_query_close(c);
	else
		*out = c;
	return rc;
}

void emt_query_close(struct emt_query_client *c)
{
	if (!c)
		return;
	emt_xen_buffer_free(c->x, c->data);
	emt_xen_buffer_free(c->x, c->arg);
	free(c);
}

/* One behind the other, each of an order and within one table. */
static bool runs_are_sound(const struct emt_query_run *v, size_t n)
{
	uint64_t next = 0;

	for (size_t i = 0; i < n; i++) {
		if (v[i].order > 27 || v[i].order % 9 || !v[i].count || v[i].count > 512 || v[i].gfn < next ||
		    v[i].gfn >> 40)
			return false;
		next = v[i].gfn + ((uint64_t)v[i].count << v[i].order);
	}
	return true;
}

int emt_query_walk(struct emt_query_client *c, uint64_t *gfn, uint64_t last, uint32_t what,
		   const struct emt_query_run **runs, size_t *n, bool *more, struct emt_err *err)
{
	struct emt_query q = { .cmd = EMT_QUERY_WALK, .flags = what, .max = EMT_QUERY_MAX_RUNS, .at = *gfn,
			       .last = last };
	const struct emt_query_run *v = c->data;
	int rc = ask(c, &q, err);

	*runs = v;
	*n = 0;
	*more = false;
	if (rc)
		return rc;
	if (q.max > EMT_QUERY_MAX_RUNS || (q.more && q.at <= *gfn) || !runs_are_sound(v, q.max))
		return emt_err_set(err, EMT_E_DAMAGED, subject, NULL, "its answer makes no sense");
	*n = q.max;
	*gfn = q.at;
	*more = q.more;
	c->cost.runs += q.max;
	for (uint32_t i = 0; i < q.max; i++)
		c->cost.entries += v[i].count;
	return 0;
}

/* Once through; '*recs' is the caller's to free whatever comes. */
static int read_policy(struct emt_query_client *c, struct emt_query_rec **recs, size_t *n, struct emt_err *err)
{
	uint64_t at = 0;
	bool more = true;

	*recs = NULL;
	*n = 0;
	while (more) {
		struct emt_query q = { .cmd = EMT_QUERY_POLICY, .max = EMT_QUERY_MAX_RUNS, .at = at };
		struct emt_query_rec *v;
		int rc = ask(c, &q, err);

		if (rc)
			return rc;
		if (q.max > EMT_QUERY_MAX_RUNS || q.at != at + q.max || (q.more && !q.max) || *n > 1u << 20)
			return emt_err_set(err, EMT_E_DAMAGED, subject, NULL, "its answer makes no sense");
		v = realloc(*recs, (*n + q.max + 1) * sizeof(*v));
		if (!v)
			return xen_nomem(c->x, err);
		*recs = v;
		memcpy(v + *n, c->data, q.max * sizeof(*v));
		*n += q.max;
		at = q.at;
		more = q.more;
	}
	return 0;
}

int emt_query_policy(struct emt_query_client *c, struct emt_query_rec **recs, size_t *n, struct emt_err *err)
{
	struct emt_query_rec *again = NULL;
	size_t m;
	int rc = read_policy(c, recs, n, err);

	for (int i = 0; !rc && i < RETRIES; i++) {
		rc = read_policy(c, &again, &m, err);
		if (!rc && again && *recs && m == *n && !memcmp(again, *recs, m * sizeof(*again))) {
			free(again);
			return 0;
		}
		free(*recs);
		*recs = again;
		*n = m;
		again = NULL;
	}
	free(*recs);
	*recs = NULL;
	*n = 0;
	return rc ? rc : emt_err_set(err, EMT_E_IO, c->about, "try again", "its facts change faster than they can be read");
}

int emt_query_special(struct emt_query_client *c, uint64_t first, uint64_t last,
		      int (*cb)(uint64_t first, uint64_t last, bool extra, void *arg), void *arg, struct emt_err *err)
{
	const struct emt_query_rec *recs = c->data;
	bool more = true;
	int rc = 0;

	while (more && !rc) {
		struct emt_query q = { .cmd = EMT_QUERY_SPECIAL, .max = EMT_QUERY_MAX_RUNS, .at = first, .last = last };

		rc = ask(c, &q, err);
		if (!rc && (q.max > EMT_QUERY_MAX_RUNS || (q.more && q.at <= first)))
			rc = emt_err_set(err, EMT_E_DAMAGED, subject, NULL, "its answer makes no sense");
		for (uint32_t i = 0; !rc && i < q.max; i++)
			rc = cb(recs[i].a, recs[i].b, recs[i].c, arg);
		first = q.at;
		more = q.more;
	}
	return rc;
}

void emt_query_cost(const struct emt_query_client *c, struct emt_query_cost *out)
{
	*out = c->cost;
}

void emt_query_cost_reset(struct emt_query_client *c)
{
	c->cost = (struct emt_query_cost){ 0 };
}
