/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a file front to back without its index: each chunk says how long it
 * is; where that is lost, the next one is searched by its first bytes.
 */
#include "capture/reader.h"

#define WINDOW (64u << 10)

static enum emt_scan_what found(struct emt_scan *s, enum emt_scan_what what, const char *why, uint64_t to)
{
	s->why = why;
	s->offset = s->pos;
	s->chunk.offset = s->pos;
	s->pos = to;
	return what;
}

static enum emt_scan_what fail(struct emt_scan *s, struct emt_err *err)
{
	emt_cap_error(s->c, err, EMT_E_IO, "cannot be read");
	return EMT_SCAN_FAIL;
}

/* Offset of the next header behind 'from', or the file's size; -1 = cannot read. */
static int64_t search(struct emt_scan *s, uint64_t from)
{
	struct emt_capture *c = s->c;
	struct emt_chunk k;

	if (emt_buf_room(&c->frame, WINDOW))
		return -1;
	while (from + EMT_CAP_CHUNK <= c->size) {
		long n = emt_pread(c->fd, c->frame.p, WINDOW, from);
		uint8_t *p = c->frame.p;

		if (n < 0)
			return -1;
		if (n < EMT_CAP_CHUNK)
			break;
		while ((p = memmem(p, (size_t)(c->frame.p + n - p), EMT_CAP_SYNC, 4))) {
			if (c->frame.p + n - p < EMT_CAP_CHUNK)
				break;
			if (!emt_chunk_get(p, &k))
				return (int64_t)(from + (uint64_t)(p - c->frame.p));
			p++;
		}
		/* a header may lie across the end of the window */
		from += (uint64_t)n - EMT_CAP_CHUNK + 1;
	}
	return (int64_t)c->size;
}

/* At the end of the file, or at what should be it. */
static bool at_end(const struct emt_scan *s, const uint8_t *head, long n, const char **why)
{
	uint64_t index, size;

	if (n < EMT_CAP_TRAILER || s->pos + EMT_CAP_TRAILER != s->c->size)
		return false;
	if (emt_trailer_get(head, &index, &size, why))
		return false;
	*why = size == s->c->size ? NULL : "the end record tells another size";
	return true;
}

enum emt_scan_what emt_scan_next(struct emt_scan *s, struct emt_err *err)
{
	struct emt_capture *c = s->c;
	uint8_t head[EMT_CAP_CHUNK];
	const char *why = NULL;
	int64_t next;
	long n;
	int rc;

	s->chunk = (struct emt_chunk){ 0 };
	if (s->pos >= c->size)
		return found(s, EMT_SCAN_CUT, "the file ends without its end record", c->size);
	n = emt_pread(c->fd, head, sizeof(head), s->pos);
	if (n < 0)
		return fail(s, err);
	if (at_end(s, head, n, &why))
		return found(s, why ? EMT_SCAN_BAD : EMT_SCAN_END, why, c->size);
	if (n < EMT_CAP_CHUNK)
		return found(s, EMT_SCAN_CUT, why ? why : "the file ends within a header", c->size);
	why = emt_chunk_get(head, &s->chunk);
	if (why) {
		next = search(s, s->pos + 1);
		if (next < 0)
			return fail(s, err);
		memset(s->chunk.kind, 0, sizeof(s->chunk.kind));
		return found(s, EMT_SCAN_BAD, why, (uint64_t)next);
	}
	s->chunk.offset = s->pos;
	if (s->chunk.clen > c->size - s->pos - EMT_CAP_CHUNK) {
		/* a header that is right, but the chunk's end is gone: or bytes in between are */
		next = search(s, s->pos + EMT_CAP_CHUNK);
		if (next < 0)
			return fail(s, err);
		return found(s, (uint64_t)next == c->size ? EMT_SCAN_CUT : EMT_SCAN_BAD,
			     "the file ends within the chunk", (uint64_t)next);
	}
	rc = emt_chunk_read(c->fd, &s->chunk, c->dctx, &c->frame, &c->content, &why);
	if (rc == EMT_E_NOMEM) {
		emt_cap_nomem(c, err);
		return EMT_SCAN_FAIL;
	}
	if (rc == EMT_E_IO)
		return fail(s, err);
	if (rc) {
		/* Bytes may be missing, then the next chunk starts within this one. But headers
		 * that overlap without end would have us read the same bytes for ever: after
		 * a while their length is believed. */
		s->wasted += s->chunk.clen;
		next = (int64_t)(s->pos + EMT_CAP_CHUNK + s->chunk.clen);
		if (s->wasted <= 4 * c->size)
			next = search(s, s->pos + EMT_CAP_CHUNK);
		if (next < 0)
			return fail(s, err);
		return found(s, EMT_SCAN_BAD, why, (uint64_t)next);
	}
	return found(s, EMT_SCAN_CHUNK, NULL, s->pos + EMT_CAP_CHUNK + s->chunk.clen);
}
