/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A cursor over the runs of a walk: the content of one chunk in memory, decoded
 * straight into the caller's runs.
 */
#include <stdlib.h>

#include "capture/reader.h"

struct emt_capture_cursor {
	struct emt_capture *c;
	const struct emt_cap_walk *walk;
	uint32_t chunk;              /* of the walk: the next one to open */
	uint64_t next;               /* where the next chunk may start */
	const struct emt_chunk *open; /* the one being read; NULL = none */
	struct emt_runs_decoder d;
	struct emt_buf content;      /* of the open chunk */
	struct emt_run attrs[EMT_RUNS_DICT];
};

const char *emt_runs_check(struct emt_chunk *k, const uint8_t *content, size_t len, struct emt_run *attrs,
			   struct emt_walk_info *count, uint64_t *next)
{
	struct emt_runs_decoder d;
	struct emt_run runs[256];
	const char *why = emt_runs_decode_init(&d, attrs, content, len);
	long n = 0;

	if (why)
		return why;
	if (d.first < *next)
		return "the runs begin before the chunk before ends";
	k->first = d.first;
	k->items = 0;
	while ((n = emt_runs_decode(&d, runs, EMT_ARRAY_SIZE(runs), &why)) > 0) {
		k->items += (uint32_t)n;
		for (long i = 0; i < n; i++)
			emt_walk_count(count, &runs[i]);
	}
	k->last = d.last;
	*next = d.next;
	return n < 0 ? why : NULL;
}

int emt_capture_cursor(struct emt_capture *c, size_t walk, struct emt_capture_cursor **out,
		       struct emt_err *err)
{
	struct emt_capture_cursor *cur;

	*out = NULL;
	if (walk >= c->nr_walks)
		return emt_err_set(err, EMT_E_INTERNAL, c->path, NULL, "there is no walk %zu", walk);
	cur = malloc(sizeof(*cur));
	if (!cur)
		return emt_cap_nomem(c, err);
	cur->c = c;
	cur->walk = &c->walks[walk];
	cur->chunk = 0;
	cur->next = 0;
	cur->open = NULL;
	cur->content = (struct emt_buf){ 0 };
	*out = cur;
	return 0;
}

void emt_capture_cursor_free(struct emt_capture_cursor *cur)
{
	if (!cur)
		return;
	free(cur->content.p);
	free(cur);
}

static int wrong(struct emt_capture_cursor *cur, const struct emt_chunk *k, const char *why,
		 struct emt_err *err)
{
	cur->open = NULL;
	cur->chunk = cur->walk->nr_runs; /* nothing follows an error */
	return emt_cap_chunk_error(cur->c, err, EMT_E_DAMAGED, k, why);
}

/* Open chunk 'i' of the walk. */
static int open_chunk(struct emt_capture_cursor *cur, uint32_t i, struct emt_err *err)
{
	struct emt_capture *c = cur->c;
	const struct emt_chunk *k = &c->chunks[c->runs[cur->walk->first_run + i]];
	const char *why;
	int rc = emt_chunk_read(c->fd, k, c->dctx, &c->frame, &cur->content, &why);

	cur->open = NULL;
	cur->chunk = cur->walk->nr_runs;
	if (rc)
		return emt_cap_chunk_error(c, err, rc, k, why);
	why = emt_runs_decode_init(&cur->d, cur->attrs, cur->content.p, k->ulen);
	if (!why && (cur->d.total != k->items || cur->d.first != k->first))
		why = "the runs are other than the index says";
	if (!why && cur->d.first < cur->next)
		why = "the runs begin before the chunk before ends";
	if (why)
		return wrong(cur, k, why, err);
	cur->open = k;
	cur->chunk = i + 1;
	return 0;
}

static long decode(struct emt_capture_cursor *cur, struct emt_run *runs, size_t room, struct emt_err *err)
{
	const char *why = NULL;
	long n = emt_runs_decode(&cur->d, runs, room, &why);

	if (n > 0 && !cur->d.left && cur->d.last != cur->open->last) {
		why = "the runs end elsewhere than the index says";
		n = -1;
	}
	return n < 0 ? wrong(cur, cur->open, why, err) : n;
}

long emt_capture_read(struct emt_capture_cursor *cur, struct emt_run *runs, size_t room, struct emt_err *err)
{
	size_t done = 0;

	while (done < room) {
		long n;

		if (!cur->open || !cur->d.left) {
			int rc;

			if (cur->open)
				cur->next = cur->d.next;
			if (cur->chunk >= cur->walk->nr_runs)
				break;
			/* what was read is given before the next chunk turns out damaged */
			if (done)
				break;
			rc = open_chunk(cur, cur->chunk, err);
			if (rc)
				return rc;
		}
		n = decode(cur, runs + done, room - done, err);
		if (n < 0)
			return n;
		done += (size_t)n;
	}
	return (long)done;
}

int emt_capture_next(struct emt_capture_cursor *cur, struct emt_run *run, struct emt_err *err)
{
	return (int)emt_capture_read(cur, run, 1, err);
}

/* In the open chunk: to the first leaf that ends at or behind 'gfn', or to the first
 * intermediate entry since the leaf before that does. */
static int settle(struct emt_capture_cursor *cur, uint64_t gfn, struct emt_err *err)
{
	struct emt_runs_decoder before = cur->d;
	bool above = false; /* 'before' stands at such an intermediate entry */
	struct emt_run r;
	long n;

	for (;;) {
		struct emt_runs_decoder here = cur->d;

		n = decode(cur, &r, 1, err);
		if (n < 0)
			return (int)n;
		if (!n) /* only intermediate entries are left: they stay before the next chunk's leaf */
			break;
		if (emt_run_intermediate(&r)) {
			if (!above && emt_run_last(&r) >= gfn) {
				above = true;
				before = here;
			}
			continue;
		}
		if (emt_run_last(&r) >= gfn) {
			if (!above)
				before = here;
			break;
		}
		above = false;
		before = cur->d;
	}
	cur->d = before;
	return 0;
}

int emt_capture_seek(struct emt_capture_cursor *cur, uint64_t gfn, struct emt_err *err)
{
	const struct emt_capture *c = cur->c;
	uint32_t lo = 0, hi = cur->walk->nr_runs;
	int rc;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (c->chunks[c->runs[cur->walk->first_run + mid]].last < gfn)
			lo = mid + 1;
		else
			hi = mid;
	}
	cur->next = 0;
	if (lo == cur->walk->nr_runs) {
		cur->open = NULL;
		cur->chunk = lo;
		return 0;
	}
	rc = open_chunk(cur, lo, err);
	return rc ? rc : settle(cur, gfn, err);
}
