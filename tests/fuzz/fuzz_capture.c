/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A capture file from an enemy: whatever the bytes are, opening, salvaging,
 * verifying and reading them neither crashes nor gives runs out of order.
 *
 * Random bytes would not get past the hashes. The first byte of the input chooses:
 * even = the input is the file; odd = it is taken apart into contents of chunks,
 * and a file is built around them with every hash right.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include "capture/capture.h"
#include "capture/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];
static int fd = -1;

static void put(const void *data, size_t len)
{
	if (write(fd, data, len) != (ssize_t)len)
		abort();
}

static void chunk(struct emt_chunk *c, uint64_t *at, const void *data, size_t len)
{
	static uint8_t frame[1 << 17];
	uint8_t head[EMT_CAP_CHUNK];

	c->ulen = (uint32_t)len;
	c->clen = (uint32_t)ZSTD_compress(frame, sizeof(frame), data, len, 1);
	c->hash = XXH3_64bits(data, len);
	c->phash = XXH3_64bits(frame, c->clen);
	c->offset = *at;
	emt_chunk_put(head, c);
	put(head, sizeof(head));
	put(frame, c->clen);
	*at += sizeof(head) + c->clen;
}

/* Contents of the input, each with a kind and a length before it, become chunks. */
static void build(const uint8_t *p, size_t left)
{
	static const char *const kinds[] = { "RUNS", "FACT", "TABL", "WALK", "WEND", "note", "GTAB", "INDX" };
	static const char header[] = "{\"tool\":\"t\",\"source\":\"s\",\"time\":0}";
	struct emt_chunk all[32] = { 0 };
	struct emt_walk_info walk = { .domid = 1 };
	uint8_t rec[EMT_CAP_WALK], head[EMT_CAP_HEAD], trailer[EMT_CAP_TRAILER];
	uint8_t index[8 + EMT_CAP_WALK + 32 * EMT_CAP_REC], *q = index;
	uint32_t n = 0;
	uint64_t at = EMT_CAP_HEAD;

	emt_head_put(head);
	put(head, sizeof(head));
	memcpy(all[n].kind, "HEAD", 4);
	all[n].walk = EMT_CAP_NO_WALK;
	chunk(&all[n++], &at, header, strlen(header));
	memcpy(all[n].kind, "WALK", 4);
	all[n].seq = n;
	emt_walk_put(rec, &walk);
	chunk(&all[n++], &at, rec, sizeof(rec));
	while (left >= 16 && n < 29) {
		const char *kind = kinds[p[0] & 7];
		size_t len = (size_t)p[1] | (size_t)p[2] << 8;
		struct emt_chunk *c = &all[n];

		memcpy(c->kind, kind, 4);
		c->flags = p[3] & 1;
		c->walk = p[3] >> 4;
		c->seq = n + (p[3] >> 1 & 1);
		c->items = emt_get32(p + 4);
		c->first = emt_get32(p + 8);
		c->last = emt_get32(p + 12);
		if (!memcmp(kind, "RUNS", 4)) {
			walk.runs += c->items;
			if (!walk.chunks++)
				walk.first_gfn = c->first;
			walk.last_gfn = c->last;
		}
		p += 16;
		left -= 16;
		len = len < left ? len : left;
		chunk(c, &at, p, len);
		p += len;
		left -= len;
		n++;
	}
	memcpy(all[n].kind, "WEND", 4);
	all[n].seq = n;
	emt_walk_put(rec, &walk);
	chunk(&all[n++], &at, rec, sizeof(rec));
	emt_put32(q, 1);
	emt_put32(q + 4, n);
	emt_walk_put(q + 8, &walk);
	q += 8 + EMT_CAP_WALK;
	for (uint32_t i = 0; i < n; i++, q += EMT_CAP_REC)
		emt_chunk_rec_put(q, &all[i]);
	memcpy(all[n].kind, "INDX", 4);
	all[n].walk = EMT_CAP_NO_WALK;
	all[n].seq = n;
	emt_trailer_put(trailer, at, 0);
	chunk(&all[n], &at, index, (size_t)(q - index));
	emt_trailer_put(trailer, all[n].offset, at + sizeof(trailer));
	put(trailer, sizeof(trailer));
}

static int page(uint64_t mfn, unsigned int level, const void *data, void *arg)
{
	volatile uint8_t sum = 0;

	(void)mfn;
	(void)arg;
	for (int i = 0; i < EMT_CAP_PAGE; i++)
		sum ^= ((const uint8_t *)data)[i];
	return level > 5;
}

/* Runs must be sane and in order; so much every reader relies on. */
static void read_runs(struct emt_capture *c, size_t walk)
{
	struct emt_capture_cursor *cur;
	struct emt_run runs[100];
	uint64_t next = 0, middle = 0;
	struct emt_err err = { 0 };
	long n;

	if (emt_capture_cursor(c, walk, &cur, &err))
		return;
	while ((n = emt_capture_read(cur, runs, 100, &err)) > 0) {
		for (long i = 0; i < n; i++) {
			if (emt_run_wrong(&runs[i]) || runs[i].gfn < next)
				abort();
			next = emt_run_intermediate(&runs[i]) ? runs[i].gfn : emt_run_last(&runs[i]) + 1;
		}
		middle = runs[n / 2].gfn;
	}
	if (n < 0 && !err.code)
		abort();
	memset(&err, 0, sizeof(err));
	if (!emt_capture_seek(cur, middle, &err) && emt_capture_next(cur, runs, &err) == 1 && !runs[0].count)
		abort();
	emt_capture_cursor_free(cur);
}

static void use(bool salvage)
{
	struct emt_capture *c;
	struct emt_err err = { 0 };
	int rc = emt_capture_open(&c, path, salvage, &err);

	if (rc && err.code != rc)
		abort();
	if (rc)
		return;
	for (size_t i = 0; i < emt_capture_walks(c); i++) {
		struct emt_facts f;
		void *data;
		size_t len;

		memset(&err, 0, sizeof(err));
		if (!emt_capture_facts(c, i, &f, &err))
			emt_facts_free(&f);
		read_runs(c, i);
		emt_capture_tables(c, i, page, NULL, NULL);
		emt_capture_guest_tables(c, i, page, NULL, NULL);
		if (!emt_capture_blob(c, i, "note", &data, &len, NULL))
			free(data);
	}
	emt_capture_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (fd < 0) {
		fd = memfd_create("capture", MFD_CLOEXEC);
		if (fd < 0)
			abort();
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (!size || ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET))
		return 0;
	if (data[0] & 1)
		build(data + 1, size - 1 < 60000 ? size - 1 : 60000);
	else
		put(data + 1, size - 1);
	use(false);
	use(true);
	emt_capture_verify(path, NULL, NULL, NULL);
	return 0;
}
