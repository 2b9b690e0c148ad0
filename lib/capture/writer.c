/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing a capture: strictly from front to back, one chunk of runs and one of
 * table pages in memory, so that its length does not matter.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>
#include <zstd.h>

#include "capture/facts_json.h"
#include "capture/facts_reader.h"
#include "capture/format.h"
#include "capture/outfile.h"

struct emt_capture_writer {
	struct emt_outfile file;
	char *name;                     /* path as given, for errors */
	bool redact;
	bool in_walk;
	int failed;                     /* code of the first error: nothing more is written */
	int level;                      /* of zstd */
	ZSTD_CCtx *cctx;
	struct emt_buf frame, content;
	struct emt_chunk *chunks;       /* all that were written; the index */
	size_t nr_chunks, chunk_room;
	struct emt_walk_info *walks;    /* the last one is in progress if in_walk */
	size_t nr_walks, walk_room;
	struct emt_runs_encoder *runs;
	struct emt_run cur;             /* may still grow; count 0 = none */
	struct emt_run prev;            /* the run put before 'cur'; count 0 = none */
	uint64_t next;                  /* gfn where the next run may start */
	uint8_t *pages;                 /* TABL or GTAB chunk in the making: heads, then pages */
	bool guest_pages;               /* it is a GTAB chunk */
	uint32_t nr_pages;
};

#define PAGE_HEADS (8 + EMT_CAP_PAGES * 16)

static int broken(struct emt_capture_writer *w, int rc)
{
	if (rc && !w->failed)
		w->failed = rc;
	return rc;
}

static int nomem(struct emt_capture_writer *w, struct emt_err *err)
{
	return broken(w,
		      emt_err_set(err, EMT_E_NOMEM, w->name, NULL, "not enough memory to write a capture"));
}

/* Every call that writes starts here. */
static int usable(struct emt_capture_writer *w, bool walk, struct emt_err *err)
{
	if (w->failed)
		return emt_err_set(err, w->failed, w->name, "start again", "an earlier write failed");
	if (walk && !w->in_walk)
		return emt_err_set(err, EMT_E_INTERNAL, w->name, NULL, "no walk has begun");
	return 0;
}

static void *grown(void *p, size_t n, size_t *room, size_t size)
{
	void *q;

	if (n < *room)
		return p;
	q = reallocarray(p, *room ? *room * 2 : 64, size);
	if (q)
		*room = *room ? *room * 2 : 64;
	return q;
}

/* Write one chunk; items, first and last of 'c' are filled, the rest is done here. */
static int put_chunk(struct emt_capture_writer *w, struct emt_chunk *c, const void *data, size_t len,
		     struct emt_err *err)
{
	struct emt_chunk *all;
	size_t n;

	if (len > emt_chunk_limit(c->kind))
		return broken(w, emt_err_set(err, EMT_E_UNSUPPORTED, w->name, NULL,
					     "%zu bytes of %s, a capture holds at most %u", len, c->kind,
					     emt_chunk_limit(c->kind)));
	all = grown(w->chunks, w->nr_chunks, &w->chunk_room, sizeof(*all));
	if (!all)
		return nomem(w, err);
	w->chunks = all;
	if (emt_buf_room(&w->frame, EMT_CAP_CHUNK + ZSTD_compressBound(len)))
		return nomem(w, err);
	n = ZSTD_compressCCtx(w->cctx, w->frame.p + EMT_CAP_CHUNK, w->frame.room - EMT_CAP_CHUNK, data, len,
			      w->level);
	if (ZSTD_isError(n))
		return broken(w, emt_err_set(err, EMT_E_INTERNAL, w->name, NULL, "compression failed: %s",
					     ZSTD_getErrorName(n)));
	c->clen = (uint32_t)n;
	c->ulen = (uint32_t)len;
	c->seq = (uint32_t)w->nr_chunks;
	c->hash = XXH3_64bits(data, len);
	c->phash = XXH3_64bits(w->frame.p + EMT_CAP_CHUNK, n);
	c->offset = w->file.size;
	emt_chunk_put(w->frame.p, c);
	w->chunks[w->nr_chunks++] = *c;
	return broken(w, emt_outfile_write(&w->file, w->frame.p, EMT_CAP_CHUNK + n, err));
}

static struct emt_chunk chunk(const struct emt_capture_writer *w, const char *kind, uint32_t flags)
{
	struct emt_chunk c = { .flags = flags, .walk = EMT_CAP_NO_WALK };

	memcpy(c.kind, kind, 4);
	if (w->in_walk)
		c.walk = (uint32_t)w->nr_walks - 1;
	return c;
}

static int put_json(struct emt_capture_writer *w, const char *kind, struct json_object *obj,
		    struct emt_err *err)
{
	struct emt_chunk c = chunk(w, kind, EMT_CAP_CRITICAL);
	const char *text;
	size_t len;

	if (!obj)
		return nomem(w, err);
	text = json_object_to_json_string_length(obj, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE,
						 &len);
	return text ? put_chunk(w, &c, text, len, err) : nomem(w, err);
}

static int put_header(struct emt_capture_writer *w, const struct emt_capture_opts *o, struct emt_err *err)
{
	struct json_object *obj = json_object_new_object();
	int rc;

	if (!obj)
		return nomem(w, err);
	/* a source's name may be a domain's */
	json_object_object_add(obj, "tool", json_object_new_string(o->tool ? o->tool : ""));
	json_object_object_add(obj, "source",
			       json_object_new_string(o->source && !o->redact ? o->source : ""));
	json_object_object_add(obj, "time", json_object_new_int64(o->time));
	json_object_object_add(obj, "redacted", json_object_new_boolean(o->redact));
	rc = put_json(w, "HEAD", obj, err);
	json_object_put(obj);
	return rc;
}

static void release(struct emt_capture_writer *w)
{
	emt_outfile_abort(&w->file);
	ZSTD_freeCCtx(w->cctx);
	emt_runs_encoder_free(w->runs);
	free(w->frame.p);
	free(w->content.p);
	free(w->chunks);
	free(w->walks);
	free(w->pages);
	free(w->name);
	free(w);
}

int emt_capture_create(struct emt_capture_writer **out, const char *path, const struct emt_capture_opts *opts,
		       struct emt_err *err)
{
	static const struct emt_capture_opts none;
	struct emt_capture_writer *w = calloc(1, sizeof(*w));
	uint8_t head[EMT_CAP_HEAD];
	int rc;

	*out = NULL;
	if (!w)
		return emt_err_set(err, EMT_E_NOMEM, path, NULL, "not enough memory to write a capture");
	w->file.fd = -1;
	opts = opts ? opts : &none;
	w->level = opts->level ? opts->level : 3;
	w->redact = opts->redact;
	w->name = strdup(path);
	w->cctx = ZSTD_createCCtx();
	w->runs = emt_runs_encoder_new();
	if (!w->name || !w->cctx || !w->runs || emt_buf_room(&w->content, EMT_RUNS_BYTES))
		rc = emt_err_set(err, EMT_E_NOMEM, path, NULL, "not enough memory to write a capture");
	else
		rc = emt_outfile_open(&w->file, path, err);
	if (!rc) {
		emt_head_put(head);
		rc = emt_outfile_write(&w->file, head, sizeof(head), err);
	}
	if (!rc)
		rc = put_header(w, opts, err);
	if (rc)
		release(w);
	else
		*out = w;
	return rc;
}

static int put_facts(struct emt_capture_writer *w, const struct emt_facts *facts, struct emt_err *err)
{
	struct emt_facts lean;
	struct json_object *obj;
	int rc;

	if (w->redact) {
		/* a shallow copy: nothing that is owned is touched or freed */
		lean = *facts;
		memset(lean.domain_name, 0, sizeof(lean.domain_name));
		memset(lean.domain_uuid, 0, sizeof(lean.domain_uuid));
		lean.prov[EMT_FACT_SPECIAL].origin = NULL;
		lean.prov[EMT_FACT_VALID].origin = NULL;
		facts = &lean;
	}
	obj = emt_facts_to_json(facts);
	rc = put_json(w, "FACT", obj, err);
	json_object_put(obj);
	return rc;
}

static int put_walk(struct emt_capture_writer *w, const char *kind, struct emt_err *err)
{
	struct emt_chunk c = chunk(w, kind, EMT_CAP_CRITICAL);
	uint8_t rec[EMT_CAP_WALK];

	emt_walk_put(rec, &w->walks[w->nr_walks - 1]);
	return put_chunk(w, &c, rec, sizeof(rec), err);
}

int emt_capture_walk_begin(struct emt_capture_writer *w, const struct emt_facts *facts, int64_t time,
			   const char *label, struct emt_err *err)
{
	struct emt_walk_info *all, *info;
	int rc = usable(w, false, err);

	if (rc)
		return rc;
	if (w->in_walk)
		return emt_err_set(err, EMT_E_INTERNAL, w->name, NULL, "a walk is in progress already");
	all = grown(w->walks, w->nr_walks, &w->walk_room, sizeof(*all));
	if (!all)
		return nomem(w, err);
	w->walks = all;
	info = &all[w->nr_walks];
	*info = (struct emt_walk_info){ .domid = facts->domid, .time = time };
	snprintf(info->label, sizeof(info->label), "%s", label ? label : "");
	for (size_t i = 0; i < w->nr_walks; i++)
		info->generation += all[i].domid == info->domid;
	w->nr_walks++;
	w->in_walk = true;
	w->cur.count = w->prev.count = 0;
	w->next = 0;
	rc = put_walk(w, "WALK", err);
	return rc ? rc : put_facts(w, facts, err);
}

static int flush_runs(struct emt_capture_writer *w, struct emt_err *err)
{
	struct emt_chunk c = chunk(w, "RUNS", EMT_CAP_CRITICAL);
	size_t len;

	if (!emt_runs_encoded(w->runs))
		return 0;
	len = emt_runs_finish(w->runs, w->content.p, &c);
	w->walks[w->nr_walks - 1].chunks++;
	return put_chunk(w, &c, w->content.p, len, err);
}

/* 'cur' grows no more: into the chunk with it. */
static int settle(struct emt_capture_writer *w, struct emt_err *err)
{
	int rc = 0;

	if (!w->cur.count)
		return 0;
	/* ancestors stay in the chunk of the leaves right below them if they can */
	if (emt_runs_encoded(w->runs) >= EMT_RUNS_SOFT && (!w->prev.count || !emt_run_intermediate(&w->prev)))
		rc = flush_runs(w, err);
	if (!rc && !emt_runs_encode(w->runs, &w->cur)) {
		rc = flush_runs(w, err);
		if (!rc && !emt_runs_encode(w->runs, &w->cur))
			rc = broken(w, emt_err_set(err, EMT_E_INTERNAL, w->name, NULL,
						   "an empty chunk takes no run"));
	}
	emt_walk_count(&w->walks[w->nr_walks - 1], &w->cur);
	w->prev = w->cur;
	w->cur.count = 0;
	return rc;
}

static int bad_run(struct emt_capture_writer *w, const struct emt_run *r, const char *why,
		   struct emt_err *err)
{
	return emt_err_set(err, EMT_E_FORMAT, w->name, NULL, "the run at gfn 0x%llx %s",
			   (unsigned long long)r->gfn, why);
}

int emt_capture_put(struct emt_capture_writer *w, const struct emt_run *run, struct emt_err *err)
{
	const struct emt_run *before = w->cur.count ? &w->cur : &w->prev;
	const char *why;
	int rc;

	if (w->failed || !w->in_walk)
		return usable(w, true, err);
	why = emt_run_wrong(run);
	if (why)
		return bad_run(w, run, why, err);
	if (run->gfn < w->next)
		return bad_run(w, run, "begins before the run before it ends", err);
	if (before->count && emt_run_intermediate(before) && emt_run_intermediate(run) &&
	    run->gfn == before->gfn && run->order >= before->order)
		return bad_run(w, run, "stands below an entry that it should be above", err);
	/* two tables side by side are two entries: no frame of a table continues another's */
	if (w->cur.count && !emt_run_intermediate(run) && emt_run_joins(&w->cur, run)) {
		w->cur.count += run->count;
	} else {
		rc = settle(w, err);
		if (rc)
			return rc;
		w->cur = *run;
	}
	w->next = emt_run_intermediate(run) ? run->gfn : run->gfn + emt_run_frames(run);
	return 0;
}

static int flush_pages(struct emt_capture_writer *w, struct emt_err *err)
{
	struct emt_chunk c = chunk(w, w->guest_pages ? "GTAB" : "TABL", 0);
	size_t heads = 8 + (size_t)w->nr_pages * 16;

	if (!w->nr_pages)
		return 0;
	/* the heads have room for the most pages: close up */
	emt_put32(w->pages, w->nr_pages);
	emt_put32(w->pages + 4, 0);
	memmove(w->pages + heads, w->pages + PAGE_HEADS, (size_t)w->nr_pages * EMT_CAP_PAGE);
	c.items = w->nr_pages;
	w->nr_pages = 0;
	return put_chunk(w, &c, w->pages, heads + (size_t)c.items * EMT_CAP_PAGE, err);
}

static int put_page(struct emt_capture_writer *w, bool guest, uint64_t frame, unsigned int level,
		    const void *page, struct emt_err *err)
{
	uint8_t *head;
	int rc = usable(w, true, err);

	if (rc)
		return rc;
	if (level < 1 || level > 5)
		return emt_err_set(err, EMT_E_FORMAT, w->name, NULL, "a table of level %u", level);
	if (guest != w->guest_pages) {
		rc = flush_pages(w, err);
		if (rc)
			return rc;
		w->guest_pages = guest;
	}
	if (!w->pages)
		w->pages = malloc(PAGE_HEADS + EMT_CAP_PAGES * EMT_CAP_PAGE);
	if (!w->pages)
		return nomem(w, err);
	head = w->pages + 8 + (size_t)w->nr_pages * 16;
	emt_put64(head, frame);
	emt_put32(head + 8, level);
	emt_put32(head + 12, 0);
	memcpy(w->pages + PAGE_HEADS + (size_t)w->nr_pages * EMT_CAP_PAGE, page, EMT_CAP_PAGE);
	return ++w->nr_pages == EMT_CAP_PAGES ? flush_pages(w, err) : 0;
}

int emt_capture_put_table(struct emt_capture_writer *w, uint64_t mfn, unsigned int level, const void *page,
			  struct emt_err *err)
{
	return put_page(w, false, mfn, level, page, err);
}

int emt_capture_put_guest_table(struct emt_capture_writer *w, uint64_t gfn, unsigned int level,
				const void *page, struct emt_err *err)
{
	return put_page(w, true, gfn, level, page, err);
}

int emt_capture_put_blob(struct emt_capture_writer *w, const char kind[5], const void *data, size_t len,
			 struct emt_err *err)
{
	struct emt_chunk c = chunk(w, "none", 0);
	int rc = usable(w, false, err);

	if (rc)
		return rc;
	for (int i = 0; i < 4; i++)
		if (!((kind[i] >= 'a' && kind[i] <= 'z') || (kind[i] >= 'A' && kind[i] <= 'Z') ||
		      (kind[i] >= '0' && kind[i] <= '9')))
			return emt_err_set(err, EMT_E_INTERNAL, w->name, NULL,
					   "a kind of record is four letters");
	if (kind[4] || emt_chunk_known(kind))
		return emt_err_set(err, EMT_E_INTERNAL, w->name, NULL, "\"%.8s\" is no free kind of record",
				   kind);
	/* nobody can tell which names it holds */
	if (w->redact)
		return 0;
	memcpy(c.kind, kind, 4);
	return put_chunk(w, &c, data, len, err);
}

int emt_capture_walk_end(struct emt_capture_writer *w, const struct emt_loss *loss, struct emt_err *err)
{
	struct emt_walk_info *info;
	int rc = usable(w, true, err);

	if (!rc)
		rc = settle(w, err);
	if (!rc)
		rc = flush_runs(w, err);
	if (!rc)
		rc = flush_pages(w, err);
	if (rc)
		return rc;
	info = &w->walks[w->nr_walks - 1];
	if (loss) {
		info->loss = *loss;
		info->loss.cut_head = !!loss->cut_head;
		info->loss.cut_tail = !!loss->cut_tail;
		memset(info->loss.note, 0, sizeof(info->loss.note));
		memcpy(info->loss.note, loss->note, strnlen(loss->note, sizeof(loss->note) - 1));
	}
	rc = put_walk(w, "WEND", err);
	w->in_walk = false;
	return rc;
}

static int put_index(struct emt_capture_writer *w, struct emt_err *err)
{
	struct emt_chunk c = chunk(w, "INDX", EMT_CAP_CRITICAL);
	size_t len = 8 + w->nr_walks * EMT_CAP_WALK + w->nr_chunks * EMT_CAP_REC;
	uint8_t *p, trailer[EMT_CAP_TRAILER];
	uint64_t at;
	int rc;

	if (emt_buf_room(&w->content, len))
		return nomem(w, err);
	p = w->content.p;
	emt_put32(p, (uint32_t)w->nr_walks);
	emt_put32(p + 4, (uint32_t)w->nr_chunks);
	p += 8;
	for (size_t i = 0; i < w->nr_walks; i++, p += EMT_CAP_WALK)
		emt_walk_put(p, &w->walks[i]);
	for (size_t i = 0; i < w->nr_chunks; i++, p += EMT_CAP_REC)
		emt_chunk_rec_put(p, &w->chunks[i]);
	at = w->file.size;
	rc = put_chunk(w, &c, w->content.p, len, err);
	if (rc)
		return rc;
	emt_trailer_put(trailer, at, w->file.size + sizeof(trailer));
	return broken(w, emt_outfile_write(&w->file, trailer, sizeof(trailer), err));
}

int emt_capture_close(struct emt_capture_writer *w, struct emt_err *err)
{
	int rc = usable(w, false, err);

	if (!rc && w->in_walk)
		rc = emt_err_set(err, EMT_E_INTERNAL, w->name, NULL, "a walk was not ended");
	if (!rc)
		rc = put_index(w, err);
	if (!rc)
		rc = emt_outfile_commit(&w->file, err);
	release(w);
	return rc;
}

void emt_capture_abort(struct emt_capture_writer *w)
{
	if (w)
		release(w);
}
