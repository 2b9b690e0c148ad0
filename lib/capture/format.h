/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bytes of a capture file, as emt-capture(5) states them: the head, the
 * chunk, the walk record, the index, the trailer. Little endian.
 */
#ifndef EMT_CAPTURE_FORMAT_H
#define EMT_CAPTURE_FORMAT_H

#include <endian.h>
#include <string.h>

#include "capture/capture.h"

#define EMT_CAP_MAGIC "\x89" "EMT\r\n\x1a\n" /* a text-mode copy breaks it, as with PNG */
#define EMT_CAP_HEAD 16     /* magic, u16 major, u16 minor, u32 hash of the 12 bytes before */
#define EMT_CAP_CHUNK 48    /* bytes of a chunk's header */
#define EMT_CAP_SYNC "EMTc" /* first bytes of a chunk: where a search finds the next one */
#define EMT_CAP_TRAILER 32  /* magic, u64 offset of the index, u64 file size, u64 hash of the 24 before */
#define EMT_CAP_END "EMTindex"
#define EMT_CAP_WALK 320    /* bytes of a walk record */
#define EMT_CAP_REC 56      /* bytes of a chunk's record in the index */
#define EMT_CAP_NO_WALK UINT32_MAX

#define EMT_CAP_CRITICAL 1u /* flag: who does not know this kind must not read on */

/* Content bytes of a chunk at most; see emt_chunk_limit() for each kind. */
#define EMT_CAP_MAX (64u << 20)
#define EMT_CAP_MIN_FRAME 9 /* no zstd frame with content is shorter */

#define EMT_CAP_PAGES 64    /* table pages in a TABL or GTAB chunk at most */
#define EMT_CAP_PAGE 4096

#define EMT_CAP_SALVAGE "open with salvage: what is whole is read, what is missing is counted"

static inline uint16_t emt_get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static inline uint32_t emt_get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static inline uint64_t emt_get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static inline void emt_put16(uint8_t *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void emt_put32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void emt_put64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

/* A chunk: its header's fields, and what only the index says. */
struct emt_chunk {
	char kind[5];
	uint32_t flags;     /* EMT_CAP_CRITICAL */
	uint32_t walk;      /* number of the walk, EMT_CAP_NO_WALK = the file's */
	uint32_t clen;      /* bytes of the zstd frame */
	uint32_t ulen;      /* bytes of the content */
	uint32_t seq;       /* number of the chunk in the file, from 0 */
	uint64_t hash;      /* XXH3-64 of the content */
	uint64_t phash;     /* XXH3-64 of the frame; not in the index */
	uint64_t offset;    /* of the header in the file */
	uint32_t items;     /* runs or pages; index only */
	uint64_t first, last; /* gfns, RUNS only; index only */
};

/* A buffer that grows; reused from chunk to chunk. */
struct emt_buf {
	uint8_t *p;         /* owned */
	size_t room;
};
int emt_buf_room(struct emt_buf *b, size_t room);

/* Kinds that this version knows. */
bool emt_chunk_known(const char *kind);
/* Content bytes that a chunk of this kind may have at most. */
uint32_t emt_chunk_limit(const char *kind);

void emt_chunk_put(uint8_t out[EMT_CAP_CHUNK], const struct emt_chunk *c);
/* NULL, or why these bytes are no chunk's header. 'offset' is not set. */
const char *emt_chunk_get(const uint8_t in[EMT_CAP_CHUNK], struct emt_chunk *c);

/* Index records and walk records. The getters return NULL or what is wrong. */
void emt_chunk_rec_put(uint8_t out[EMT_CAP_REC], const struct emt_chunk *c);
const char *emt_chunk_rec_get(const uint8_t in[EMT_CAP_REC], struct emt_chunk *c);
void emt_walk_put(uint8_t out[EMT_CAP_WALK], const struct emt_walk_info *w);
const char *emt_walk_get(const uint8_t in[EMT_CAP_WALK], struct emt_walk_info *w);

/* Head and trailer. emt_head_get() gives a negative emt_errcode and why. */
void emt_head_put(uint8_t out[EMT_CAP_HEAD]);
int emt_head_get(const uint8_t *in, size_t len, uint16_t *minor, const char **why);
void emt_trailer_put(uint8_t out[EMT_CAP_TRAILER], uint64_t index, uint64_t size);
int emt_trailer_get(const uint8_t in[EMT_CAP_TRAILER], uint64_t *index, uint64_t *size, const char **why);

/* Read up to 'len' bytes; fewer only at the end of the file. <0: errno is set. */
long emt_pread(int fd, void *to, size_t len, uint64_t offset);

struct ZSTD_DCtx_s;
/* Read chunk 'c' (its offset set), compare the header in the file, check both
 * hashes. Content goes to 'out' with 16 zero bytes behind it. Returns 0 or a
 * negative emt_errcode with '*why' set; EMT_E_IO has errno. */
int emt_chunk_read(int fd, const struct emt_chunk *c, struct ZSTD_DCtx_s *dctx, struct emt_buf *frame,
		   struct emt_buf *out, const char **why);

/* ---- runs ---- */

#define EMT_RUNS_MAX 65536u    /* runs in a chunk */
#define EMT_RUNS_SOFT (EMT_RUNS_MAX - 64) /* cut here if that does not part ancestors from their leaves */
#define EMT_RUNS_DICT 4096u    /* attributes in a chunk's dictionary */
#define EMT_RUNS_HEAD 32
#define EMT_RUNS_ATTR 24       /* bytes of an attribute */
#define EMT_RUNS_VARINT 8      /* bytes of a number at most: 56 bits */
#define EMT_RUNS_BYTES                                                                                       \
	(EMT_RUNS_HEAD + EMT_RUNS_DICT * EMT_RUNS_ATTR + EMT_RUNS_MAX * (3 * EMT_RUNS_VARINT + 2))
#define EMT_RUNS_NO_FRAME (1u << 31) /* in the flags of an attribute: the runs have no frame */
#define EMT_RUNS_FRAMES (1ull << 52) /* gfns and mfns stay below */

static inline bool emt_run_intermediate(const struct emt_run *r)
{
	return r->flags & EMT_RUN_INTERMEDIATE;
}

/* NULL, or what is wrong with a run on its own. */
const char *emt_run_wrong(const struct emt_run *r);

struct emt_runs_encoder;
struct emt_runs_encoder *emt_runs_encoder_new(void);
void emt_runs_encoder_free(struct emt_runs_encoder *e);
/* Add a valid run in order. False: this chunk is full, finish it first. */
bool emt_runs_encode(struct emt_runs_encoder *e, const struct emt_run *r);
uint32_t emt_runs_encoded(const struct emt_runs_encoder *e);
/* The content of the chunk in 'out' (EMT_RUNS_BYTES); fills items, first and last
 * of 'c'; the encoder is empty again. Returns the length. */
size_t emt_runs_finish(struct emt_runs_encoder *e, uint8_t *out, struct emt_chunk *c);

/* Decoder over the content of one chunk, which it borrows. */
struct emt_runs_decoder {
	const uint8_t *gaps, *gaps_end, *counts, *counts_end, *mfns, *mfns_end; /* columns */
	const uint8_t *index;     /* column of attribute numbers */
	unsigned int width;       /* bytes of an attribute number: 0, 1 or 2 */
	struct emt_run *attrs;    /* owned by the caller: EMT_RUNS_DICT of them */
	uint32_t nr_attrs;
	uint32_t left;            /* runs not yet read */
	uint64_t next;            /* gfn that the next gap counts from */
	uint64_t last;            /* what the index calls last: of leaves the end, else the start */
	uint64_t bias;            /* mfn - gfn of the last leaf */
	uint64_t above;           /* mfn of the last intermediate entry */
	uint8_t nest;             /* order of an intermediate entry right before, else 255 */
	uint64_t nest_gfn;        /* its gfn */
	uint32_t total;           /* runs in the chunk */
	uint64_t first;           /* gfn of the first run */
};
/* 'content' has 16 readable bytes behind 'len'. NULL or what is wrong. */
const char *emt_runs_decode_init(struct emt_runs_decoder *d, struct emt_run *attrs, const uint8_t *content,
				 size_t len);
/* Up to 'room' runs; 0 = end, -1 = wrong, '*why' says what. */
long emt_runs_decode(struct emt_runs_decoder *d, struct emt_run *out, size_t room, const char **why);

/* Add a run to the counts of a walk. */
void emt_walk_count(struct emt_walk_info *w, const struct emt_run *r);

#endif
