/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening by the index: one read at the end of the file. The index must account
 * for every byte from the head to itself, so that nothing can hide or be missing.
 */
#include "capture/reader.h"

const char *emt_index_parse(const uint8_t *content, size_t len, uint32_t *nr_walks, uint32_t *nr_chunks,
			    const uint8_t **recs)
{
	if (len < 8)
		return "the index is too short";
	*nr_walks = emt_get32(content);
	*nr_chunks = emt_get32(content + 4);
	if (8 + (uint64_t)*nr_walks * EMT_CAP_WALK + (uint64_t)*nr_chunks * EMT_CAP_REC != len)
		return "the index has another length than it says";
	*recs = content + 8 + (size_t)*nr_walks * EMT_CAP_WALK;
	return NULL;
}

/* Add a chunk of runs to its walk; they must follow each other. */
static const char *add_runs(struct emt_capture *c, struct emt_cap_walk *w, uint32_t i)
{
	const struct emt_chunk *k = &c->chunks[i];

	if (!k->items || k->items > EMT_RUNS_MAX || k->first > k->last || k->last >= EMT_RUNS_FRAMES)
		return "the index describes runs that cannot be";
	if (w->nr_runs && k->first < c->chunks[c->runs[c->nr_runs - 1]].last)
		return "the index lists runs out of order";
	if (emt_cap_add_run(c, i))
		return "";
	w->nr_runs++;
	return NULL;
}

/* NULL, "" for no memory, or what is wrong with chunk 'i'. */
static const char *place(struct emt_capture *c, uint32_t i, uint32_t *walk)
{
	const struct emt_chunk *k = &c->chunks[i];
	struct emt_cap_walk *w;

	if (k->walk == EMT_CAP_NO_WALK)
		return !memcmp(k->kind, "HEAD", 4) == !i && (!i || !emt_chunk_known(k->kind)) ? NULL :
			       "the index names a chunk out of place";
	if (k->walk >= c->nr_walks || (*walk != EMT_CAP_NO_WALK && k->walk < *walk))
		return "the index names a walk that is not there";
	if (k->walk != *walk)
		c->walks[k->walk].first_run = c->nr_runs;
	*walk = k->walk;
	w = &c->walks[k->walk];
	if (!memcmp(k->kind, "RUNS", 4))
		return add_runs(c, w, i);
	if (!memcmp(k->kind, "FACT", 4)) {
		if (w->facts != EMT_CAP_NONE)
			return "a walk has its facts twice";
		w->facts = i;
	} else if (!memcmp(k->kind, "WALK", 4) || !memcmp(k->kind, "WEND", 4)) {
		w->records++;
	} else if (!memcmp(k->kind, "HEAD", 4) || !memcmp(k->kind, "INDX", 4)) {
		return "the index names a chunk out of place";
	}
	return NULL;
}

/* What the index says of a walk must fit its chunks. */
static const char *check_walk(const struct emt_capture *c, const struct emt_cap_walk *w)
{
	const struct emt_walk_info *info = &w->info;
	uint64_t runs = 0;

	if (w->facts == EMT_CAP_NONE || w->records != 2)
		return "a walk lacks its facts, beginning or end";
	for (uint32_t i = 0; i < w->nr_runs; i++)
		runs += c->chunks[c->runs[w->first_run + i]].items;
	if (runs != info->runs || w->nr_runs != info->chunks)
		return "a walk has another number of runs than the index says";
	if (!w->nr_runs)
		return info->first_gfn || info->last_gfn || info->entries || info->frames ?
			       "a walk without runs has entries" : NULL;
	if (c->chunks[c->runs[w->first_run]].first != info->first_gfn ||
	    c->chunks[c->runs[w->first_run + w->nr_runs - 1]].last != info->last_gfn)
		return "a walk begins or ends elsewhere than the index says";
	return NULL;
}

static int fill(struct emt_capture *c, const struct emt_chunk *index, struct emt_err *err)
{
	uint32_t nr_walks, nr_chunks, walk = EMT_CAP_NO_WALK;
	uint64_t at = EMT_CAP_HEAD;
	const uint8_t *p = c->content.p + 8, *recs;
	const char *why = emt_index_parse(c->content.p, index->ulen, &nr_walks, &nr_chunks, &recs);

	if (!why &&
	    (!nr_chunks || nr_chunks > c->size / (EMT_CAP_CHUNK + EMT_CAP_MIN_FRAME) || nr_walks > nr_chunks))
		why = "the index counts more than the file can hold";
	if (why)
		return emt_cap_chunk_error(c, err, EMT_E_DAMAGED, index, why);
	for (uint32_t i = 0; i < nr_walks && !why; i++, p += EMT_CAP_WALK) {
		struct emt_cap_walk *w = emt_cap_add_walk(c, i);

		if (!w)
			return emt_cap_nomem(c, err);
		why = emt_walk_get(p, &w->info);
	}
	for (uint32_t i = 0; i < nr_chunks && !why; i++, recs += EMT_CAP_REC) {
		struct emt_chunk k;

		why = emt_chunk_rec_get(recs, &k);
		if (!why && k.offset != at)
			why = "the index leaves out part of the file";
		if (why)
			break;
		if (!emt_chunk_known(k.kind) && (k.flags & EMT_CAP_CRITICAL))
			return emt_cap_chunk_error(c, err, EMT_E_NEWER, &k,
						   "this emt does not know the chunk, and must");
		k.seq = i;
		at += EMT_CAP_CHUNK + k.clen;
		if (emt_cap_add_chunk(c, &k))
			return emt_cap_nomem(c, err);
		why = place(c, i, &walk);
		if (why && !*why)
			return emt_cap_nomem(c, err);
	}
	if (!why && (at != index->offset || index->seq != nr_chunks))
		why = "the index leaves out part of the file";
	for (uint32_t i = 0; i < nr_walks && !why; i++)
		why = check_walk(c, &c->walks[i]);
	return why ? emt_cap_chunk_error(c, err, EMT_E_DAMAGED, index, why) : 0;
}

/* Find the index by the trailer and read it into the capture's buffer. */
static int load(struct emt_capture *c, struct emt_chunk *index, struct emt_err *err)
{
	uint8_t trailer[EMT_CAP_TRAILER], head[EMT_CAP_CHUNK];
	uint64_t at, size, room;
	const char *why;
	int rc;

	if (c->size < EMT_CAP_HEAD + EMT_CAP_CHUNK + EMT_CAP_TRAILER)
		return emt_cap_error(c, err, EMT_E_TRUNCATED, "ends before its index");
	if (emt_pread(c->fd, trailer, sizeof(trailer), c->size - EMT_CAP_TRAILER) != EMT_CAP_TRAILER)
		return emt_cap_error(c, err, EMT_E_IO, "the end cannot be read");
	rc = emt_trailer_get(trailer, &at, &size, &why);
	if (rc)
		return emt_cap_error(c, err, rc, why);
	room = c->size - EMT_CAP_CHUNK - EMT_CAP_TRAILER;
	if (size != c->size || at < EMT_CAP_HEAD || at > room)
		return emt_cap_error(c, err, EMT_E_DAMAGED, "is longer or shorter than its end says");
	if (emt_pread(c->fd, head, sizeof(head), at) != EMT_CAP_CHUNK)
		return emt_cap_error(c, err, EMT_E_IO, "the index cannot be read");
	why = emt_chunk_get(head, index);
	index->offset = at;
	if (!why && memcmp(index->kind, "INDX", 4))
		why = "the end does not lead to the index";
	if (!why && at + index->clen != room)
		why = "the index is longer or shorter than the file has room for";
	if (why)
		return emt_cap_chunk_error(c, err, EMT_E_DAMAGED, index, why);
	rc = emt_chunk_read(c->fd, index, c->dctx, &c->frame, &c->content, &why);
	return rc ? emt_cap_chunk_error(c, err, rc, index, why) : 0;
}

int emt_cap_index(struct emt_capture *c, struct emt_err *err)
{
	struct emt_chunk index = { 0 };
	const char *why;
	int rc = load(c, &index, err);

	if (!rc)
		rc = fill(c, &index, err);
	if (rc)
		return rc;
	rc = emt_chunk_read(c->fd, &c->chunks[0], c->dctx, &c->frame, &c->content, &why);
	if (!rc) {
		why = emt_cap_header(c, c->content.p, c->chunks[0].ulen);
		rc = why ? EMT_E_DAMAGED : 0;
	}
	return rc ? emt_cap_chunk_error(c, err, rc, &c->chunks[0], why) : 0;
}
