/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is whole of a damaged capture. Each chunk carries its number: a gap tells
 * how many are gone. Where the index or the end of a walk survived, they tell how
 * many entries the walk had.
 */
#include <stdio.h>
#include <stdlib.h>

#include "capture/reader.h"

struct salvage {
	struct emt_capture *c;
	uint32_t seq;            /* number of the chunk that comes next */
	struct emt_run *attrs;   /* for the decoder */
};

/* The walk that a chunk belongs to, made if it is new; NULL = it makes no sense. */
static struct emt_cap_walk *walk_of(struct salvage *s, uint32_t number, bool *nomem)
{
	struct emt_capture *c = s->c;
	struct emt_cap_walk *last = c->nr_walks ? &c->walks[c->nr_walks - 1] : NULL;

	if (last && number == last->number)
		return last;
	if (number == EMT_CAP_NO_WALK || (last && number < last->number))
		return NULL;
	last = emt_cap_add_walk(c, number);
	*nomem = !last;
	return last;
}

/* 'n' chunks before this one are gone: whose were they? */
static void lose(struct salvage *s, uint32_t n, const struct emt_chunk *before)
{
	struct emt_capture *c = s->c;
	struct emt_cap_walk *w = c->nr_walks ? &c->walks[c->nr_walks - 1] : NULL;

	/* those of the walk that goes on; else of the one that had not ended */
	if (w && (before->walk == w->number || !w->ended))
		w->info.loss.chunks_bad += n;
}

/* The index: which walks there were, and how much they held. */
static bool merge_index(struct salvage *s, const uint8_t *content, size_t len)
{
	struct emt_capture *c = s->c;
	uint32_t nr_walks, nr_chunks, from = 0;
	const uint8_t *recs;
	struct emt_cap_walk *old = c->walks;
	uint32_t old_nr = c->nr_walks;
	bool nomem = false;

	if (emt_index_parse(content, len, &nr_walks, &nr_chunks, &recs))
		return true;
	c->walks = NULL;
	c->nr_walks = c->walk_room = 0;
	for (uint32_t i = 0; i < nr_walks; i++) {
		struct emt_cap_walk *w = walk_of(s, i, &nomem);

		if (!w)
			break;
		if (old && from < old_nr && old[from].number == i)
			*w = old[from++];
		if (!w->ended)
			w->ended = !emt_walk_get(content + 8 + (size_t)i * EMT_CAP_WALK, &w->stated);
	}
	free(old);
	return !nomem;
}

/* The content of a whole chunk. Returns what is wrong with it, "" for no memory. */
static const char *take(struct salvage *s, struct emt_chunk *k, struct emt_cap_walk *w)
{
	struct emt_capture *c = s->c;
	const uint8_t *content = c->content.p;
	struct emt_walk_info info;
	const char *why = NULL;
	uint32_t pages;

	if (!memcmp(k->kind, "INDX", 4))
		return merge_index(s, content, k->ulen) ? NULL : "";
	if (!memcmp(k->kind, "HEAD", 4))
		return emt_cap_header(c, content, k->ulen);
	if (!w && emt_chunk_known(k->kind))
		return "the chunk is of no walk";
	if (!w)
		return emt_cap_add_chunk(c, k) ? "" : NULL;
	if (!memcmp(k->kind, "RUNS", 4)) {
		uint64_t next = w->next;

		info = w->info;
		why = emt_runs_check(k, content, k->ulen, s->attrs, &info, &next);
		if (why)
			return why;
		w->info = info;
		w->next = next;
		if (!w->nr_runs)
			w->first_run = c->nr_runs;
		if (emt_cap_add_run(c, c->nr_chunks))
			return "";
		w->nr_runs++;
		w->info.chunks++;
	} else if (!memcmp(k->kind, "WALK", 4) || !memcmp(k->kind, "WEND", 4)) {
		bool end = k->kind[1] == 'E';

		if (k->ulen != EMT_CAP_WALK)
			return "the record of a walk has another length";
		why = emt_walk_get(content, &info);
		if (why)
			return why;
		if (end) {
			w->stated = info;
			w->ended = true;
		} else {
			w->begun = true;
			w->info.domid = info.domid;
			w->info.generation = info.generation;
			w->info.time = info.time;
			memcpy(w->info.label, info.label, sizeof(info.label));
		}
	} else if (!memcmp(k->kind, "FACT", 4)) {
		w->facts = c->nr_chunks;
	} else if (!memcmp(k->kind, "TABL", 4) || !memcmp(k->kind, "GTAB", 4)) {
		why = emt_pages_check(content, k->ulen, &pages);
	}
	return why ? why : emt_cap_add_chunk(c, k) ? "" : NULL;
}

static int one(struct salvage *s, struct emt_chunk *k, struct emt_err *err)
{
	struct emt_capture *c = s->c;
	struct emt_cap_walk *w = NULL;
	const char *why = NULL;
	bool nomem = false;

	if (!emt_chunk_known(k->kind) && (k->flags & EMT_CAP_CRITICAL))
		return emt_cap_chunk_error(c, err, EMT_E_NEWER, k,
					   "this emt does not know the chunk, and must");
	if (k->seq < s->seq)
		return 0; /* a piece of some other place or file */
	if (k->walk != EMT_CAP_NO_WALK) {
		bool goes_on = c->nr_walks && k->walk == c->walks[c->nr_walks - 1].number;

		/* what is missing before a new walk's first chunk is the walk before's, or its beginning */
		if (!goes_on)
			lose(s, k->seq - s->seq, k);
		w = walk_of(s, k->walk, &nomem);
		if (nomem)
			return emt_cap_nomem(c, err);
		if (goes_on)
			lose(s, k->seq - s->seq, k);
		else if (w && memcmp(k->kind, "WALK", 4)) {
			w->info.loss.chunks_bad++;
			w->info.loss.cut_head = 1;
		}
		if (!w)
			why = "the chunk is of a walk before";
	} else {
		lose(s, k->seq - s->seq, k);
	}
	s->seq = k->seq + 1;
	if (!why)
		why = take(s, k, w);
	if (why && !*why)
		return emt_cap_nomem(c, err);
	if (why && w)
		w->info.loss.chunks_bad++;
	return 0;
}

/* All was read: what is known of each walk, and what is not there. */
static int finish(struct salvage *s, struct emt_err *err)
{
	struct emt_capture *c = s->c;

	for (uint32_t i = 0; i < c->nr_walks; i++) {
		struct emt_cap_walk *w = &c->walks[i];
		struct emt_loss *loss = &w->info.loss;
		uint64_t bad = loss->chunks_bad;
		uint8_t head = loss->cut_head;

		if (w->ended) {
			w->info.domid = w->stated.domid;
			w->info.generation = w->stated.generation;
			w->info.time = w->stated.time;
			memcpy(w->info.label, w->stated.label, sizeof(w->info.label));
			*loss = w->stated.loss;
			loss->chunks_bad += bad;
			loss->cut_head |= head && w->stated.first_gfn != w->info.first_gfn;
			if (w->stated.entries > w->info.entries)
				loss->entries_cut += w->stated.entries - w->info.entries;
			/* a walk that only the index still knows */
			if (w->stated.chunks > w->nr_runs && !loss->chunks_bad)
				loss->chunks_bad = w->stated.chunks - w->nr_runs;
		} else {
			loss->cut_tail = 1;
		}
		if (w->facts == EMT_CAP_NONE) {
			loss->chunks_bad += !loss->chunks_bad;
			snprintf(loss->note, sizeof(loss->note), "the facts of this walk are lost");
		} else if (!w->begun && !w->ended) {
			struct emt_facts f;
			int rc = emt_capture_facts(c, i, &f, err);

			if (rc)
				return rc;
			w->info.domid = f.domid;
			emt_facts_free(&f);
		}
		if (!emt_loss_none(loss) && !loss->note[0])
			snprintf(loss->note, sizeof(loss->note), "salvaged from a damaged file");
	}
	return 0;
}

int emt_cap_salvage(struct emt_capture *c, struct emt_err *err)
{
	struct salvage s = { .c = c };
	struct emt_scan scan = { .c = c, .pos = EMT_CAP_HEAD };
	enum emt_scan_what what = EMT_SCAN_CHUNK;
	int rc = 0;

	s.attrs = malloc(EMT_RUNS_DICT * sizeof(*s.attrs));
	if (!s.attrs)
		return emt_cap_nomem(c, err);
	while (!rc && what != EMT_SCAN_END && scan.pos <= c->size) {
		bool last = scan.pos == c->size;

		what = emt_scan_next(&scan, err);
		if (what == EMT_SCAN_CHUNK)
			rc = one(&s, &scan.chunk, err);
		else if (what == EMT_SCAN_FAIL)
			rc = err && err->code ? err->code : EMT_E_IO;
		if (last || what == EMT_SCAN_CUT)
			break;
	}
	if (!rc)
		rc = finish(&s, err);
	free(s.attrs);
	return rc;
}
