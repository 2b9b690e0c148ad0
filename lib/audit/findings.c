/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/findings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/group.h"

/* Groups kept apart; beyond, entries fall into one group per verdict. */
#define GROUPS_MAX 2048

struct emt_findings {
	struct emt_facts facts;
	struct emt_release rel;
	struct emt_summary sum;
	struct emt_group *groups;    /* uthash */
	struct emt_group **put;      /* of other passes, not among the groups */
	size_t nr_put;
	struct emt_group **sorted;   /* after _finish() */
	size_t nr;
	uint64_t solid;              /* entries so far that end a span of another group */
	uint64_t overflow;
};

int emt_findings_new(struct emt_findings **out, const struct emt_facts *facts, const struct emt_release *rel)
{
	struct emt_findings *f = calloc(1, sizeof(*f));

	if (!f || emt_facts_copy(&f->facts, facts)) {
		free(f);
		return EMT_E_NOMEM;
	}
	f->rel = *rel;
	*out = f;
	return 0;
}

void emt_findings_free(struct emt_findings *f)
{
	struct emt_group *g, *next;

	if (!f)
		return;
	HASH_ITER(hh, f->groups, g, next) { /* NOLINT(clang-analyzer-unix.Malloc): the macro frees its own table */
		HASH_DEL(f->groups, g); /* NOLINT(clang-analyzer-unix.Malloc) */
		free(g);
	}
	for (size_t i = 0; i < f->nr_put; i++)
		free(f->put[i]);
	free(f->put);
	free(f->sorted);
	emt_facts_free(&f->facts);
	free(f);
}

int emt_findings_put(struct emt_findings *f, const struct emt_finding *one)
{
	struct emt_group **v = reallocarray(f->put, f->nr_put + 1, sizeof(struct emt_group *));
	struct emt_group *g = calloc(1, sizeof(*g));

	if (v)
		f->put = v;
	if (!v || !g) {
		free(g);
		return EMT_E_NOMEM;
	}
	g->f = *one;
	f->put[f->nr_put++] = g;
	return 0;
}

static struct emt_group *group_of(struct emt_findings *f, const struct emt_group_key *key)
{
	struct emt_group *g;

	HASH_FIND(hh, f->groups, key, sizeof(*key), g);
	if (g)
		return g;
	if (HASH_COUNT(f->groups) >= GROUPS_MAX && key->emt != 0xff) {
		struct emt_group_key rest = { .verdict = key->verdict, .emt = 0xff, .defect = key->defect };

		f->overflow++;
		return group_of(f, &rest);
	}
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->key = *key;
	g->f.facts = ~0ull;
	g->f.order = g->f.perm = 0xfe; /* nothing seen yet */
	HASH_ADD(hh, f->groups, key, sizeof(g->key), g);
	if (!g->hh.tbl) {
		free(g);
		return NULL;
	}
	return g;
}

static void extend(struct emt_gfn_range *v, uint64_t *n, bool joined, uint64_t first, uint64_t last,
		   uint64_t entries)
{
	if (joined && *n) {
		if (*n <= EMT_FINDING_RANGES) {
			v[*n - 1].last = last;
			v[*n - 1].entries += entries;
		}
		return;
	}
	if (*n < EMT_FINDING_RANGES)
		v[*n] = (struct emt_gfn_range){ first, last, entries };
	++*n;
}

static int add_to(struct emt_findings *f, const struct emt_group_key *key, const struct emt_piece *p, bool solid)
{
	struct emt_group *g = group_of(f, key);
	uint64_t first = p->run.gfn, last = emt_run_last(&p->run);
	struct emt_finding *d;
	bool next;

	if (!g)
		return EMT_E_NOMEM;
	d = &g->f;
	next = d->nr_ranges && d->nr_ranges <= EMT_FINDING_RANGES && d->ranges[d->nr_ranges - 1].last + 1 == first;
	extend(g->span, &g->nr_spans, g->last_solid == f->solid, first, last, p->run.count);
	extend(d->ranges, &d->nr_ranges, next, first, last, p->run.count);
	g->last_solid = f->solid + (solid ? p->run.count : 0);
	d->verdict = p->verdict;
	d->why = p->why;
	if (p->run.flags & EMT_RUN_NO_TYPE || (d->entries && (d->emt != p->run.emt || d->ipat != p->run.ipat))) {
		d->emt = 0xff;
	} else {
		d->emt = p->run.emt;
		d->ipat = p->run.ipat;
	}
	d->ipat_hidden |= (p->run.flags & EMT_RUN_IPAT_HIDDEN) != 0;
	d->perm = d->perm == 0xfe || d->perm == p->run.perm ? p->run.perm : 0xff;
	d->order = d->order == 0xfe || d->order == p->run.order ? p->run.order : 0xff;
	d->types |= p->types;
	d->expected |= p->expected;
	d->possible |= p->possible;
	d->facts &= p->facts;
	g->facts_any |= p->facts;
	d->entries += p->run.count;
	d->frames += emt_run_frames(&p->run);
	return 0;
}

static int reason_defect(enum emt_reason why, const struct emt_release *rel)
{
	switch (why) {
	case EMT_WHY_REVOKED:
	case EMT_WHY_REVOKED_MTRR: return emt_defect_by_id("KD15");
	case EMT_WHY_HOST_MTRR: return emt_defect_by_id("KD16");
	case EMT_WHY_ONCE: return emt_defect_by_id("KD2");
	case EMT_WHY_NONCOHERENT: return emt_defect_by_id("KV1");
	case EMT_WHY_EMT7_OLD: return emt_defect_by_id("KD4");
	case EMT_WHY_GUARD: return emt_defect_by_id(rel->version >= EMT_VER(4, 21, 0) ? "KD18" : "KD14");
	default: return -1;
	}
}

static void count(struct emt_summary *s, const struct emt_piece *p)
{
	s->runs++;
	if (p->run.flags & EMT_RUN_INTERMEDIATE) {
		s->intermediate += p->run.count;
		return;
	}
	if (p->run.flags & EMT_RUN_POD) {
		s->pod_entries += p->run.count;
		return;
	}
	s->entries[p->verdict] += p->run.count;
	s->frames[p->verdict] += emt_run_frames(&p->run);
	if (p->verdict != EMT_V_NOT_PRESENT && !(p->run.flags & EMT_RUN_NO_TYPE))
		s->bytes_by_type[p->verdict == EMT_V_PENDING ? EMT_MT_7 : p->run.emt & 7] += emt_run_frames(&p->run) << 12;
}

int emt_findings_add(const struct emt_piece *p, void *findings)
{
	struct emt_findings *f = findings;
	bool solid = !p->neutral && p->verdict != EMT_V_PENDING, first_axis = p->verdict > EMT_V_PENDING;
	emt_defect_mask defects = p->defects;
	int rc = 0;

	count(&f->sum, p);
	if (p->verdict == EMT_V_NOT_PRESENT || (p->run.flags & EMT_RUN_INTERMEDIATE && !first_axis))
		return 0;
	if (first_axis || p->verdict == EMT_V_PENDING || p->why != EMT_WHY_NONE) {
		struct emt_group_key key = {
			.verdict = (uint8_t)p->verdict, .why = (uint8_t)p->why, .emt = p->run.emt, .ipat = p->run.ipat,
			.expected = p->expected, .defect = -1,
		};

		if (p->verdict == EMT_V_PENDING || p->verdict == EMT_V_UNDETERMINED)
			key.emt = key.ipat = 0, key.expected = 0;
		if (p->verdict == EMT_V_UNDETERMINED)
			key.facts = p->facts; /* one line for what one fact would decide */
		if (p->verdict == EMT_V_SUSPECT || p->verdict == EMT_V_MISMATCH)
			key.expected = 0; /* one cause may lie over ranges of several types */
		rc = add_to(f, &key, p, solid);
	}
	if (p->verdict == EMT_V_MISMATCH || p->verdict == EMT_V_SUSPECT)
		defects = 0;
	for (size_t i = 0; !rc && defects && i < emt_nr_defects; i++) {
		struct emt_group_key key = { .defect = (int16_t)i };

		if (!(defects & 1u << i))
			continue;
		key.emt = p->run.emt;
		key.ipat = p->run.ipat;
		if (p->run.flags & EMT_RUN_PENDING_ABOVE || p->run.emt == EMT_MT_7)
			key.emt = key.ipat = 0;
		rc = add_to(f, &key, p, solid);
	}
	if (solid)
		f->solid += p->run.count;
	return rc;
}

static int domain_defects(struct emt_findings *f)
{
	struct emt_group_key key = { .defect = (int16_t)emt_defect_by_id("KD17") };
	struct emt_group *g;

	if (f->facts.prov[EMT_FACT_RESTORED].held == EMT_UNKNOWN || !f->facts.restored ||
	    !(emt_defects_of(&f->rel) & 1u << key.defect))
		return 0;
	g = group_of(f, &key);
	return g ? 0 : EMT_E_NOMEM;
}

static int by_weight(const void *a, const void *b)
{
	const struct emt_finding *x = &(*(struct emt_group *const *)a)->f, *y = &(*(struct emt_group *const *)b)->f;

	if (x->severity != y->severity)
		return x->severity > y->severity ? -1 : 1;
	/* causes before what comes of them */
	if ((x->verdict == EMT_V_NR) != (y->verdict == EMT_V_NR))
		return y->verdict == EMT_V_NR ? -1 : 1;
	if (x->frames != y->frames)
		return x->frames > y->frames ? -1 : 1;
	if (x->ranges[0].first != y->ranges[0].first)
		return x->ranges[0].first < y->ranges[0].first ? -1 : 1;
	return x->defect - y->defect;
}

int emt_findings_finish(struct emt_findings *f)
{
	uint64_t judged = 0;
	struct emt_group *g, *next;
	size_t n = 0;

	if (domain_defects(f))
		return EMT_E_NOMEM;
	for (int v = EMT_V_OK; v < EMT_V_NR; v++)
		judged += f->sum.entries[v];
	free(f->sorted);
	f->sorted = calloc(HASH_COUNT(f->groups) + f->nr_put + 1, sizeof(struct emt_group *));
	if (!f->sorted)
		return EMT_E_NOMEM;
	HASH_ITER(hh, f->groups, g, next) {
		struct emt_finding *d = &g->f;

		if (!d->facts || d->facts == ~0ull)
			d->facts = g->facts_any;
		d->defect = g->key.defect;
		if (d->defect >= 0) {
			d->kind = "known-defect";
			d->severity = emt_defect_level(&emt_defects[d->defect]);
		} else {
			d->kind = d->verdict == EMT_V_OK ? "note" : emt_verdict_name(d->verdict);
			d->severity = emt_verdict_severity(d->verdict);
			d->defect = reason_defect(d->why, &f->rel);
		}
		emt_group_explain(g, &f->rel, &f->facts, judged);
		f->sorted[n++] = g;
	}
	for (size_t i = 0; i < f->nr_put; i++)
		f->sorted[n++] = f->put[i];
	qsort(f->sorted, n, sizeof(struct emt_group *), by_weight);
	for (size_t i = 0; i < n; i++)
		f->sorted[i]->f.id = (unsigned int)i + 1;
	f->nr = n;
	return 0;
}

const char *emt_findings_advice(const char *next, const char *source, char *out, size_t room)
{
	const char *at = strstr(next, " SOURCE");

	if (!at)
		return next;
	snprintf(out, room, "%.*s %s%s", (int)(at - next), next, source, at + strlen(" SOURCE"));
	return out;
}

size_t emt_findings_count(const struct emt_findings *f)
{
	return f->nr;
}

const struct emt_finding *emt_findings_get(const struct emt_findings *f, size_t i)
{
	return i < f->nr ? &f->sorted[i]->f : NULL;
}

const struct emt_summary *emt_findings_summary(const struct emt_findings *f)
{
	return &f->sum;
}

size_t emt_findings_at(const struct emt_findings *f, enum emt_severity level)
{
	size_t n = 0;

	for (size_t i = 0; i < f->nr; i++)
		n += f->sorted[i]->f.severity >= level;
	return n;
}

uint64_t emt_findings_overflow(const struct emt_findings *f)
{
	return f->overflow;
}
