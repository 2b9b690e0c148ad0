/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of captures share: scratch files, random runs and facts, and a
 * builder of files that the writer would never write.
 */
#ifndef EMT_TEST_CAPTURE_UTIL_H
#define EMT_TEST_CAPTURE_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include "capture/capture.h"
#include "capture/format.h"

#define UNUSED __attribute__((unused))

static char scratch_dir[256];

static UNUSED int scratch_setup(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(scratch_dir, sizeof(scratch_dir), "%s/emt-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	return mkdtemp(scratch_dir) ? 0 : -1;
}

/* Number of files in the scratch directory. */
static UNUSED int scratch_files(void)
{
	DIR *d = opendir(scratch_dir);
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d)))
		n += e->d_name[0] != '.' || (e->d_name[1] && e->d_name[1] != '.');
	if (d)
		closedir(d);
	return n;
}

static UNUSED int scratch_teardown(void **state)
{
	char path[600];
	DIR *d = opendir(scratch_dir);
	struct dirent *e;

	(void)state;
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", scratch_dir, e->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
	return rmdir(scratch_dir);
}

/* Four names at a time. */
static UNUSED const char *scratch(const char *name)
{
	static char path[4][600];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", scratch_dir, name);
	return path[turn];
}

static UNUSED void write_file(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static UNUSED uint8_t *read_whole(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	uint8_t *p;

	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	p = malloc((size_t)st.st_size + 1);
	assert_non_null(p);
	*len = fread(p, 1, (size_t)st.st_size, f);
	assert_int_equal(*len, st.st_size);
	fclose(f);
	return p;
}

/* ---- random runs ---- */

static UNUSED uint64_t rnd(uint64_t *s)
{
	*s ^= *s >> 12;
	*s ^= *s << 25;
	*s ^= *s >> 27;
	return *s * 0x2545f4914f6cdd1dull;
}

struct maker {
	uint64_t seed, gfn;
	bool nest;        /* intermediate entries too */
	unsigned int raws; /* how many different raw values, 0 = none */
};

static UNUSED void make_attrs(struct maker *m, struct emt_run *r)
{
	uint64_t x = rnd(&m->seed);

	r->perm = x & 7;
	r->emt = x >> 3 & 7;
	r->ipat = x >> 6 & 1;
	r->p2mt = x >> 7 & 1 ? EMT_P2M_UNKNOWN : x >> 8 & 15;
	r->access = x >> 12 & 1 ? 0xff : x >> 13 & 15;
	r->flags = (uint32_t)(x >> 20) & 0x7ff & ~(EMT_RUN_RAW | EMT_RUN_INTERMEDIATE);
	if (m->raws && (x >> 40 & 3)) {
		r->flags |= EMT_RUN_RAW;
		r->raw = (rnd(&m->seed) % m->raws) << 52 | (x & 0xfff);
	}
}

/* The next run in order. */
static UNUSED void make_run(struct maker *m, struct emt_run *r)
{
	static const uint8_t orders[] = { 0, 0, 0, 0, 9, 18 };
	uint64_t x = rnd(&m->seed);

	memset(r, 0, sizeof(*r));
	r->order = orders[x % 6];
	r->count = x >> 8 & 1 ? 1 : 1 + (x >> 16 & 0x3f);
	m->gfn += x >> 32 & 3 ? 0 : x >> 40 & 0x3ff;
	if (m->nest && !(x >> 50 & 7)) {
		r->flags = EMT_RUN_INTERMEDIATE;
		r->order = x >> 53 & 1 ? 9 : 18;
		r->count = 1;
		r->perm = 7;
		m->gfn = (m->gfn + (1ull << r->order) - 1) & ~((1ull << r->order) - 1);
		r->gfn = m->gfn;
		r->mfn = rnd(&m->seed) >> 12;
		if (r->order == 18)
			m->nest = true;
		return;
	}
	m->gfn = (m->gfn + (1ull << r->order) - 1) & ~((1ull << r->order) - 1);
	r->gfn = m->gfn;
	make_attrs(m, r);
	r->mfn = x >> 60 & 1 ? EMT_NO_FRAME : x >> 61 & 1 ? r->gfn + 0x1000 : rnd(&m->seed) >> 12;
	m->gfn = r->gfn + emt_run_frames(r);
}

/* 'n' runs as a reader gives them back: made, ordered, joined. Returns how many. */
static UNUSED size_t make_runs(struct maker *m, struct emt_run *runs, size_t n)
{
	size_t to = 0;

	for (size_t i = 0; i < n; i++) {
		struct emt_run r;

		make_run(m, &r);
		if (to && emt_run_intermediate(&r) && emt_run_intermediate(&runs[to - 1]) &&
		    runs[to - 1].gfn == r.gfn && r.order >= runs[to - 1].order)
			continue; /* an entry below itself */
		if (to && !emt_run_intermediate(&r) && emt_run_joins(&runs[to - 1], &r))
			runs[to - 1].count += r.count;
		else
			runs[to++] = r;
	}
	return to;
}

static UNUSED void same_run(const struct emt_run *a, const struct emt_run *b)
{
	assert_int_equal(a->gfn, b->gfn);
	assert_int_equal(a->mfn, b->mfn);
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->raw, b->raw);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->order, b->order);
	assert_int_equal(a->perm, b->perm);
	assert_int_equal(a->emt, b->emt);
	assert_int_equal(a->ipat, b->ipat);
	assert_int_equal(a->p2mt, b->p2mt);
	assert_int_equal(a->access, b->access);
}

static UNUSED bool equal_run(const struct emt_run *a, const struct emt_run *b)
{
	return a->gfn == b->gfn && a->mfn == b->mfn && a->count == b->count && a->raw == b->raw &&
	       a->flags == b->flags && a->order == b->order && a->perm == b->perm && a->emt == b->emt &&
	       a->ipat == b->ipat && a->p2mt == b->p2mt && a->access == b->access;
}

/* Success, or the error's own words in the test's output. */
#define must(call) must_be_ok(call, &err, #call, __FILE__, __LINE__)
static UNUSED void must_be_ok(int rc, const struct emt_err *err, const char *call, const char *file, int line)
{
	if (rc < 0) {
		print_error("%s:%d: %s: %s: %s\n", file, line, call, err->subject, err->text);
		_fail(file, line);
	}
}

/* ---- files by hand ---- */

struct build {
	uint8_t *p;
	size_t len, room;
	struct emt_chunk chunks[64];
	uint32_t nr;
	struct emt_walk_info walks[8];
	uint32_t nr_walks;
};

static UNUSED void build_raw(struct build *b, const void *data, size_t len)
{
	if (b->len + len > b->room) {
		b->room = (b->len + len) * 2;
		b->p = realloc(b->p, b->room);
		assert_non_null(b->p);
	}
	memcpy(b->p + b->len, data, len);
	b->len += len;
}

static UNUSED void build_start(struct build *b, uint16_t major, uint16_t minor)
{
	uint8_t head[EMT_CAP_HEAD];

	memset(b, 0, sizeof(*b));
	emt_head_put(head);
	emt_put16(head + 8, major);
	emt_put16(head + 10, minor);
	emt_put32(head + 12, (uint32_t)XXH3_64bits(head, 12));
	build_raw(b, head, sizeof(head));
}

/* A chunk with right hashes. Returns its record, to be bent before the index is built. */
static UNUSED struct emt_chunk *build_chunk(struct build *b, const char *kind, uint32_t flags, uint32_t walk,
					    const void *data, size_t len)
{
	struct emt_chunk *c = &b->chunks[b->nr];
	size_t bound = ZSTD_compressBound(len);
	uint8_t *frame = malloc(bound), head[EMT_CAP_CHUNK];

	assert_non_null(frame);
	assert_true(b->nr < 64);
	memset(c, 0, sizeof(*c));
	memcpy(c->kind, kind, 4);
	c->flags = flags;
	c->walk = walk;
	c->seq = b->nr++;
	c->ulen = (uint32_t)len;
	c->clen = (uint32_t)ZSTD_compress(frame, bound, data, len, 1);
	c->hash = XXH3_64bits(data, len);
	c->phash = XXH3_64bits(frame, c->clen);
	c->offset = b->len;
	emt_chunk_put(head, c);
	build_raw(b, head, sizeof(head));
	build_raw(b, frame, c->clen);
	free(frame);
	return c;
}

#define BUILD_HEAD "{\"tool\":\"test\",\"source\":\"by hand\",\"time\":1}"

static UNUSED void build_header(struct build *b)
{
	build_chunk(b, "HEAD", EMT_CAP_CRITICAL, EMT_CAP_NO_WALK, BUILD_HEAD, strlen(BUILD_HEAD));
}

static UNUSED void build_walk_record(struct build *b, const char *kind, uint32_t walk)
{
	uint8_t rec[EMT_CAP_WALK];

	emt_walk_put(rec, &b->walks[walk]);
	build_chunk(b, kind, EMT_CAP_CRITICAL, walk, rec, sizeof(rec));
}

static UNUSED void build_end(struct build *b, const char *path)
{
	uint8_t index[8 + 8 * EMT_CAP_WALK + 64 * EMT_CAP_REC], *p = index, trailer[EMT_CAP_TRAILER];
	uint64_t at = b->len;
	uint32_t nr = b->nr;

	emt_put32(p, b->nr_walks);
	emt_put32(p + 4, nr);
	p += 8;
	for (uint32_t i = 0; i < b->nr_walks; i++, p += EMT_CAP_WALK)
		emt_walk_put(p, &b->walks[i]);
	for (uint32_t i = 0; i < nr; i++, p += EMT_CAP_REC)
		emt_chunk_rec_put(p, &b->chunks[i]);
	build_chunk(b, "INDX", EMT_CAP_CRITICAL, EMT_CAP_NO_WALK, index, (size_t)(p - index));
	emt_trailer_put(trailer, at, b->len + sizeof(trailer));
	build_raw(b, trailer, sizeof(trailer));
	write_file(path, b->p, b->len);
	free(b->p);
	b->p = NULL;
}

/* A capture with one walk whose only chunk of runs has this content. */
static UNUSED void build_runs_file(const char *path, const void *content, size_t len,
				   const struct emt_chunk *says, const struct emt_walk_info *walk)
{
	struct build b;
	struct emt_chunk *c;

	build_start(&b, EMT_CAPTURE_MAJOR, EMT_CAPTURE_MINOR);
	b.nr_walks = 1;
	b.walks[0] = *walk;
	build_header(&b);
	build_walk_record(&b, "WALK", 0);
	build_chunk(&b, "FACT", EMT_CAP_CRITICAL, 0, "{\"domid\":1}", 11);
	c = build_chunk(&b, "RUNS", EMT_CAP_CRITICAL, 0, content, len);
	c->items = says->items;
	c->first = says->first;
	c->last = says->last;
	build_walk_record(&b, "WEND", 0);
	build_end(&b, path);
}

#endif
