/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chunks of a capture: headers, records, and reading one with all checks. What
 * a file says is never trusted before it was compared or hashed.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include "capture/facts_reader.h"
#include "capture/format.h"

static const struct {
	const char *kind;
	uint32_t limit; /* content bytes */
} kinds[] = {
	{ "HEAD", 64 << 10 },
	{ "WALK", EMT_CAP_WALK },
	{ "FACT", EMT_FACTS_TEXT_MAX },
	{ "RUNS", EMT_RUNS_BYTES },
	{ "TABL", 8 + EMT_CAP_PAGES * (16 + EMT_CAP_PAGE) },
	{ "GTAB", 8 + EMT_CAP_PAGES * (16 + EMT_CAP_PAGE) },
	{ "WEND", EMT_CAP_WALK },
	{ "INDX", EMT_CAP_MAX },
};

/* without the NUL that a string would have */
static const char magic[8] = EMT_CAP_MAGIC;
static const char sync_mark[4] = EMT_CAP_SYNC;
static const char end_mark[8] = EMT_CAP_END;

bool emt_chunk_known(const char *kind)
{
	for (size_t i = 0; i < EMT_ARRAY_SIZE(kinds); i++)
		if (!memcmp(kinds[i].kind, kind, 4))
			return true;
	return false;
}

uint32_t emt_chunk_limit(const char *kind)
{
	for (size_t i = 0; i < EMT_ARRAY_SIZE(kinds); i++)
		if (!memcmp(kinds[i].kind, kind, 4))
			return kinds[i].limit;
	return EMT_CAP_MAX;
}

int emt_buf_room(struct emt_buf *b, size_t room)
{
	uint8_t *p;

	if (b->room >= room)
		return 0;
	/* what was there is not kept: a copy would only cost */
	p = malloc(room);
	if (!p)
		return EMT_E_NOMEM;
	free(b->p);
	b->p = p;
	b->room = room;
	return 0;
}

static bool kind_ok(const uint8_t *p)
{
	for (int i = 0; i < 4; i++)
		if (!((p[i] >= 'A' && p[i] <= 'Z') || (p[i] >= 'a' && p[i] <= 'z') ||
		      (p[i] >= '0' && p[i] <= '9')))
			return false;
	return true;
}

void emt_chunk_put(uint8_t out[EMT_CAP_CHUNK], const struct emt_chunk *c)
{
	memcpy(out, sync_mark, sizeof(sync_mark));
	memcpy(out + 4, c->kind, 4);
	emt_put32(out + 8, c->flags);
	emt_put32(out + 12, c->walk);
	emt_put32(out + 16, c->clen);
	emt_put32(out + 20, c->ulen);
	emt_put64(out + 24, c->hash);
	emt_put64(out + 32, c->phash);
	emt_put32(out + 40, c->seq);
	emt_put32(out + 44, (uint32_t)XXH3_64bits(out, 44));
}

const char *emt_chunk_get(const uint8_t in[EMT_CAP_CHUNK], struct emt_chunk *c)
{
	*c = (struct emt_chunk){ 0 };
	if (memcmp(in, EMT_CAP_SYNC, 4))
		return "no chunk starts here";
	if (emt_get32(in + 44) != (uint32_t)XXH3_64bits(in, 44))
		return "the header of the chunk is damaged";
	if (!kind_ok(in + 4))
		return "the kind of the chunk is not four letters";
	memcpy(c->kind, in + 4, 4);
	c->flags = emt_get32(in + 8);
	c->walk = emt_get32(in + 12);
	c->clen = emt_get32(in + 16);
	c->ulen = emt_get32(in + 20);
	c->hash = emt_get64(in + 24);
	c->phash = emt_get64(in + 32);
	c->seq = emt_get32(in + 40);
	if (c->ulen > emt_chunk_limit(c->kind))
		return "the chunk is longer than its kind may be";
	if (c->clen > ZSTD_compressBound(EMT_CAP_MAX))
		return "the chunk is longer than any may be";
	return NULL;
}

void emt_chunk_rec_put(uint8_t out[EMT_CAP_REC], const struct emt_chunk *c)
{
	memcpy(out, c->kind, 4);
	emt_put32(out + 4, c->flags);
	emt_put32(out + 8, c->walk);
	emt_put32(out + 12, c->items);
	emt_put64(out + 16, c->offset);
	emt_put32(out + 24, c->clen);
	emt_put32(out + 28, c->ulen);
	emt_put64(out + 32, c->hash);
	emt_put64(out + 40, c->first);
	emt_put64(out + 48, c->last);
}

const char *emt_chunk_rec_get(const uint8_t in[EMT_CAP_REC], struct emt_chunk *c)
{
	*c = (struct emt_chunk){ 0 };
	if (!kind_ok(in))
		return "the index names a chunk by other than four letters";
	memcpy(c->kind, in, 4);
	c->flags = emt_get32(in + 4);
	c->walk = emt_get32(in + 8);
	c->items = emt_get32(in + 12);
	c->offset = emt_get64(in + 16);
	c->clen = emt_get32(in + 24);
	c->ulen = emt_get32(in + 28);
	c->hash = emt_get64(in + 32);
	c->first = emt_get64(in + 40);
	c->last = emt_get64(in + 48);
	if (c->ulen > emt_chunk_limit(c->kind))
		return "the index names a chunk longer than its kind may be";
	return NULL;
}

void emt_walk_put(uint8_t out[EMT_CAP_WALK], const struct emt_walk_info *w)
{
	memset(out, 0, EMT_CAP_WALK);
	emt_put32(out, w->domid);
	emt_put32(out + 4, w->generation);
	emt_put64(out + 8, (uint64_t)w->time);
	emt_put64(out + 16, w->runs);
	emt_put64(out + 24, w->entries);
	emt_put64(out + 32, w->frames);
	emt_put64(out + 40, w->first_gfn);
	emt_put64(out + 48, w->last_gfn);
	emt_put32(out + 56, w->chunks);
	emt_put32(out + 60, (w->loss.cut_head ? 1u : 0u) | (w->loss.cut_tail ? 2u : 0u));
	emt_put64(out + 64, w->loss.lines_unparsed);
	emt_put64(out + 72, w->loss.entries_cut);
	emt_put64(out + 80, w->loss.chunks_bad);
	emt_put64(out + 88, w->loss.changed);
	memcpy(out + 96, w->label, sizeof(w->label));
	memcpy(out + 160, w->loss.note, sizeof(w->loss.note));
}

const char *emt_walk_get(const uint8_t in[EMT_CAP_WALK], struct emt_walk_info *w)
{
	uint32_t cut = emt_get32(in + 60);

	*w = (struct emt_walk_info){ .domid = emt_get32(in), .generation = emt_get32(in + 4),
				     .time = (int64_t)emt_get64(in + 8), .runs = emt_get64(in + 16),
				     .entries = emt_get64(in + 24), .frames = emt_get64(in + 32),
				     .first_gfn = emt_get64(in + 40), .last_gfn = emt_get64(in + 48),
				     .chunks = emt_get32(in + 56) };
	w->loss = (struct emt_loss){ .lines_unparsed = emt_get64(in + 64), .entries_cut = emt_get64(in + 72),
				     .chunks_bad = emt_get64(in + 80), .changed = emt_get64(in + 88),
				     .cut_head = cut & 1, .cut_tail = cut >> 1 & 1 };
	memcpy(w->label, in + 96, sizeof(w->label));
	memcpy(w->loss.note, in + 160, sizeof(w->loss.note));
	if (cut > 3 || w->label[sizeof(w->label) - 1] || w->loss.note[sizeof(w->loss.note) - 1])
		return "the record of a walk makes no sense";
	return NULL;
}

void emt_head_put(uint8_t out[EMT_CAP_HEAD])
{
	memcpy(out, magic, sizeof(magic));
	emt_put16(out + 8, EMT_CAPTURE_MAJOR);
	emt_put16(out + 10, EMT_CAPTURE_MINOR);
	emt_put32(out + 12, (uint32_t)XXH3_64bits(out, 12));
}

int emt_head_get(const uint8_t *in, size_t len, uint16_t *minor, const char **why)
{
	if (memcmp(in, EMT_CAP_MAGIC, len < 8 ? len : 8)) {
		*why = "is no emt capture";
		return EMT_E_FORMAT;
	}
	if (len < EMT_CAP_HEAD) {
		*why = len ? "ends within its first 16 bytes" : "is empty";
		return EMT_E_TRUNCATED;
	}
	if (emt_get32(in + 12) != (uint32_t)XXH3_64bits(in, 12)) {
		*why = "the first 16 bytes are damaged";
		return EMT_E_DAMAGED;
	}
	if (emt_get16(in + 8) != EMT_CAPTURE_MAJOR) {
		*why = "was written in a newer format than this emt reads";
		return EMT_E_NEWER;
	}
	*minor = emt_get16(in + 10);
	return 0;
}

void emt_trailer_put(uint8_t out[EMT_CAP_TRAILER], uint64_t index, uint64_t size)
{
	memcpy(out, end_mark, sizeof(end_mark));
	emt_put64(out + 8, index);
	emt_put64(out + 16, size);
	emt_put64(out + 24, XXH3_64bits(out, 24));
}

int emt_trailer_get(const uint8_t in[EMT_CAP_TRAILER], uint64_t *index, uint64_t *size, const char **why)
{
	if (memcmp(in, EMT_CAP_END, 8)) {
		*why = "the end record is missing: the file is cut off, or was never finished";
		return EMT_E_TRUNCATED;
	}
	if (emt_get64(in + 24) != XXH3_64bits(in, 24)) {
		*why = "the end record is damaged";
		return EMT_E_DAMAGED;
	}
	*index = emt_get64(in + 8);
	*size = emt_get64(in + 16);
	return 0;
}

long emt_pread(int fd, void *to, size_t len, uint64_t offset)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, (uint8_t *)to + done, len - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (!n)
			break;
		done += (size_t)n;
	}
	return (long)done;
}

static int bad(const char **why, int code, const char *text)
{
	*why = text;
	return code;
}

/* The frame is in 'frame' and its hash is right: get the content out. */
static int unpack(const struct emt_chunk *c, const uint8_t *frame, ZSTD_DCtx *dctx, struct emt_buf *out,
		  const char **why)
{
	/* a right hash only says that the writer meant it: look at the frame before any memory is given */
	if (ZSTD_getFrameContentSize(frame, c->clen) != c->ulen)
		return bad(why, EMT_E_DAMAGED, "the compressed frame has another length than the chunk says");
	if (ZSTD_findFrameCompressedSize(frame, c->clen) != c->clen)
		return bad(why, EMT_E_DAMAGED, "the chunk holds other than one compressed frame");
	if (emt_buf_room(out, (size_t)c->ulen + 16))
		return bad(why, EMT_E_NOMEM, "not enough memory for a chunk");
	if (ZSTD_decompressDCtx(dctx, out->p, c->ulen, frame, c->clen) != c->ulen)
		return bad(why, EMT_E_DAMAGED, "the compressed frame is damaged");
	if (XXH3_64bits(out->p, c->ulen) != c->hash)
		return bad(why, EMT_E_DAMAGED, "the content has another hash than the chunk says");
	memset(out->p + c->ulen, 0, 16);
	return 0;
}

int emt_chunk_read(int fd, const struct emt_chunk *c, struct ZSTD_DCtx_s *dctx, struct emt_buf *frame,
		   struct emt_buf *out, const char **why)
{
	struct emt_chunk h;
	long n;

	if (emt_buf_room(frame, (size_t)EMT_CAP_CHUNK + c->clen))
		return bad(why, EMT_E_NOMEM, "not enough memory for a chunk");
	n = emt_pread(fd, frame->p, (size_t)EMT_CAP_CHUNK + c->clen, c->offset);
	if (n < 0)
		return bad(why, EMT_E_IO, "cannot be read");
	if (n < EMT_CAP_CHUNK + (long)c->clen)
		return bad(why, EMT_E_TRUNCATED, "the file ends within the chunk");
	*why = emt_chunk_get(frame->p, &h);
	if (*why)
		return EMT_E_DAMAGED;
	if (memcmp(h.kind, c->kind, 4) || h.flags != c->flags || h.walk != c->walk || h.clen != c->clen ||
	    h.ulen != c->ulen || h.seq != c->seq || h.hash != c->hash)
		return bad(why, EMT_E_DAMAGED, "the chunk is not the one that the index names");
	if (XXH3_64bits(frame->p + EMT_CAP_CHUNK, c->clen) != h.phash)
		return bad(why, EMT_E_DAMAGED, "the chunk is damaged");
	return unpack(c, frame->p + EMT_CAP_CHUNK, dctx, out, why);
}
