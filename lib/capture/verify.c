/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checking a whole capture: each chunk by its hashes and to its last run, each
 * walk's counts, and the index against what is there.
 */
#include <stdio.h>
#include <stdlib.h>

#include "capture/reader.h"

struct verify {
	struct emt_capture *c;
	struct emt_capture *indexed; /* the same, opened by its index; NULL = it has none */
	struct emt_verify_calls calls;
	struct emt_run *attrs;      /* for the decoder */
	uint64_t problems;
	struct emt_capture_problem first; /* the first one, for the error */
	uint64_t chunks;            /* seen, good or bad */
	uint32_t seq;               /* number of the chunk that comes next */
	uint32_t walk;              /* in progress; EMT_CAP_NO_WALK = none */
	uint32_t next_walk;         /* number of the walk that comes next */
	bool facts;                 /* of the walk in progress were seen */
	struct emt_walk_info count; /* what it really holds */
	uint64_t next;              /* where its next chunk of runs may start */
};

static void problem(struct verify *v, uint64_t offset, const char *kind, const char *text)
{
	struct emt_capture_problem p = { .offset = offset };

	snprintf(p.kind, sizeof(p.kind), "%s", kind);
	snprintf(p.text, sizeof(p.text), "%s", text);
	if (!v->problems++)
		v->first = p;
	if (v->calls.report)
		v->calls.report(&p, v->calls.arg);
}

/* At the end of a walk: is it what was counted? */
static const char *check_end(struct verify *v, const struct emt_walk_info *said)
{
	const struct emt_walk_info *n = &v->count;

	if (said->runs != n->runs || said->entries != n->entries || said->frames != n->frames)
		return "the walk holds other than it says: runs, entries or frames";
	if (said->chunks != n->chunks || said->first_gfn != n->first_gfn || said->last_gfn != n->last_gfn)
		return "the walk holds other than it says: chunks, first or last gfn";
	return v->facts ? NULL : "the walk has no facts";
}

static const char *check_walk_chunk(struct verify *v, struct emt_chunk *k)
{
	const uint8_t *content = v->c->content.p;
	struct emt_walk_info info;
	struct emt_facts f;
	struct emt_err err = { 0 };
	const char *why;
	uint32_t pages;

	if (!memcmp(k->kind, "WALK", 4) || !memcmp(k->kind, "WEND", 4)) {
		bool end = k->kind[1] == 'E';

		why = k->ulen == EMT_CAP_WALK ? emt_walk_get(content, &info)
					      : "the record of a walk has another length";
		if (why)
			return why;
		if (end) {
			v->walk = EMT_CAP_NO_WALK;
			return check_end(v, &info);
		}
		return NULL;
	}
	if (!memcmp(k->kind, "RUNS", 4)) {
		v->count.chunks++;
		return emt_runs_check(k, content, k->ulen, v->attrs, &v->count, &v->next);
	}
	if (!memcmp(k->kind, "TABL", 4) || !memcmp(k->kind, "GTAB", 4))
		return emt_pages_check(content, k->ulen, &pages);
	if (!memcmp(k->kind, "FACT", 4)) {
		v->facts = true;
		if (emt_cap_facts(v->c, content, k->ulen, &f, &err))
			return "the facts cannot be read";
		emt_facts_free(&f);
	}
	return NULL;
}

static const char *check(struct verify *v, struct emt_chunk *k)
{
	bool starts = !memcmp(k->kind, "WALK", 4);

	if (k->seq != v->seq)
		return k->seq > v->seq ? "chunks are missing before this one"
				       : "the chunk stands here once more";
	if (!emt_chunk_known(k->kind) && (k->flags & EMT_CAP_CRITICAL))
		return "this emt does not know the chunk, and must";
	if (!memcmp(k->kind, "HEAD", 4))
		return k->seq ? "the file's own description is out of place" :
				emt_cap_header(v->c, v->c->content.p, k->ulen);
	if (!memcmp(k->kind, "INDX", 4))
		return NULL; /* compared as a whole when the file was opened */
	if (k->walk == EMT_CAP_NO_WALK)
		return emt_chunk_known(k->kind) ? "the chunk is of no walk" : NULL;
	if (starts) {
		const char *why = v->walk != EMT_CAP_NO_WALK ? "the walk before has no end" :
				  k->walk != v->next_walk ? "a walk is missing before this one" : NULL;

		v->walk = k->walk;
		v->next_walk = k->walk + 1;
		v->facts = false;
		v->count = (struct emt_walk_info){ 0 };
		v->next = 0;
		if (why)
			return why;
	} else if (k->walk != v->walk) {
		return "the chunk is of a walk that has not begun";
	}
	return check_walk_chunk(v, k);
}

/* Is the chunk, checked to its end, the one that the index describes? */
static const char *check_index(const struct verify *v, const struct emt_chunk *k)
{
	const struct emt_chunk *r;

	if (!v->indexed || !memcmp(k->kind, "INDX", 4))
		return NULL;
	if (k->seq >= v->indexed->nr_chunks)
		return "the index does not list the chunk";
	r = &v->indexed->chunks[k->seq];
	if (memcmp(r->kind, k->kind, 4) || r->flags != k->flags || r->walk != k->walk ||
	    r->offset != k->offset || r->clen != k->clen || r->ulen != k->ulen || r->hash != k->hash)
		return "the chunk is not the one that the index names";
	if (!memcmp(k->kind, "RUNS", 4) &&
	    (r->items != k->items || r->first != k->first || r->last != k->last))
		return "the runs are other than the index says";
	return NULL;
}

/* The index as emt_capture_open() sees it: an error there is one problem here. */
static int try_index(struct verify *v, const char *path, struct emt_err *err)
{
	struct emt_err why = { 0 };
	int rc = emt_capture_open(&v->indexed, path, false, &why);

	if (!rc)
		return 0;
	if (rc != EMT_E_DAMAGED && rc != EMT_E_TRUNCATED) {
		emt_err_set(err, rc, why.subject, why.next, "%s", why.text);
		return rc;
	}
	problem(v, v->c->size, "INDX", why.text);
	return rc;
}

static int scan(struct verify *v, struct emt_err *err)
{
	struct emt_scan s = { .c = v->c, .pos = EMT_CAP_HEAD };

	for (;;) {
		const char *why;

		switch (emt_scan_next(&s, err)) {
		case EMT_SCAN_CHUNK:
			v->chunks++;
			why = check(v, &s.chunk);
			if (!why)
				why = check_index(v, &s.chunk);
			if (why)
				problem(v, s.offset, s.chunk.kind, why);
			v->seq = s.chunk.seq + 1;
			break;
		case EMT_SCAN_BAD:
			v->chunks++;
			problem(v, s.offset, s.chunk.kind, s.why);
			v->seq += s.chunk.kind[0] ? 1 : 0;
			break;
		case EMT_SCAN_CUT:
			problem(v, s.offset, s.chunk.kind, s.why);
			return EMT_E_TRUNCATED;
		case EMT_SCAN_END:
			return 0;
		case EMT_SCAN_FAIL:
			return err && err->code ? err->code : EMT_E_IO;
		}
		if (v->calls.step) {
			int rc = v->calls.step(s.pos, v->c->size, v->calls.arg);

			if (rc)
				return rc;
		}
		if (s.pos >= v->c->size)
			return 0;
	}
}

int emt_capture_verify(const char *path, const struct emt_verify_calls *calls, uint64_t *chunks,
		       struct emt_err *err)
{
	struct verify v = { .walk = EMT_CAP_NO_WALK };
	int rc = emt_cap_begin(&v.c, path, err), end = 0;

	if (chunks)
		*chunks = 0;
	if (rc)
		return rc;
	if (calls)
		v.calls = *calls;
	v.attrs = malloc(EMT_RUNS_DICT * sizeof(*v.attrs));
	if (!v.attrs) {
		rc = emt_cap_nomem(v.c, err);
	} else {
		rc = try_index(&v, path, err);
		if (!rc || rc == EMT_E_DAMAGED || rc == EMT_E_TRUNCATED) {
			end = scan(&v, err);
			if (end && end != EMT_E_TRUNCATED)
				rc = end;
			else if (v.problems)
				rc = end || rc == EMT_E_TRUNCATED ? EMT_E_TRUNCATED : EMT_E_DAMAGED;
		}
	}
	if (chunks)
		*chunks = v.chunks;
	if ((rc == EMT_E_DAMAGED || rc == EMT_E_TRUNCATED) && v.problems)
		emt_err_set(err, rc, path, EMT_CAP_SALVAGE, "%llu problem%s, first at offset %llu%s%s: %s",
			    (unsigned long long)v.problems, v.problems == 1 ? "" : "s",
			    (unsigned long long)v.first.offset, v.first.kind[0] ? " in " : "", v.first.kind,
			    v.first.text);
	emt_capture_free(v.indexed);
	emt_capture_free(v.c);
	free(v.attrs);
	return rc;
}
