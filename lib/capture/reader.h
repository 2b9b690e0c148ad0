/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside of an open capture: shared by index, salvage, cursor and verify.
 */
#ifndef EMT_CAPTURE_READER_H
#define EMT_CAPTURE_READER_H

#include <zstd.h>

#include "capture/format.h"

#define EMT_CAP_NONE UINT32_MAX

/* One walk of an open capture. */
struct emt_cap_walk {
	struct emt_walk_info info;
	uint32_t number;     /* as chunks name it; also its place unless walks are lost */
	uint32_t facts;      /* its FACT chunk, EMT_CAP_NONE = lost */
	uint32_t first_run;  /* its RUNS chunks in 'runs' of the capture ... */
	uint32_t nr_runs;    /* ... and how many */
	uint32_t records;    /* WALK and WEND chunks */

	/* used by salvage only */
	struct emt_walk_info stated; /* by the WEND record or the index; if 'ended' */
	bool begun;          /* the WALK record is there */
	bool ended;          /* 'stated' is filled */
	uint64_t next;       /* where the next chunk of runs may start */
};

struct emt_capture {
	char *path;
	int fd;
	uint64_t size;             /* of the file */
	uint16_t minor;            /* of the format */
	bool salvage;
	ZSTD_DCtx *dctx;
	struct emt_buf frame, content; /* of the chunk read last */
	char *tool, *origin;       /* owned, never NULL once open */
	int64_t time;
	struct emt_chunk *chunks;  /* in file order; the index itself is not among them */
	uint32_t nr_chunks, chunk_room;
	uint32_t *runs;            /* numbers in 'chunks' of the RUNS chunks, by walk and gfn */
	uint32_t nr_runs, run_room;
	struct emt_cap_walk *walks;
	uint32_t nr_walks, walk_room;
};

/* State an error about this file. */
int emt_cap_error(const struct emt_capture *c, struct emt_err *err, int code, const char *why);
/* ... about a chunk of it. */
int emt_cap_chunk_error(const struct emt_capture *c, struct emt_err *err, int code, const struct emt_chunk *k,
			const char *why);
int emt_cap_nomem(const struct emt_capture *c, struct emt_err *err);

/* Open the file and read its first bytes; no index yet. */
int emt_cap_begin(struct emt_capture **out, const char *path, struct emt_err *err);
/* Fill chunks, runs and walks from the index, or from what is whole. */
int emt_cap_index(struct emt_capture *c, struct emt_err *err);
int emt_cap_salvage(struct emt_capture *c, struct emt_err *err);

/* Append; NULL or -1 when memory is short. */
int emt_cap_add_chunk(struct emt_capture *c, const struct emt_chunk *k);
int emt_cap_add_run(struct emt_capture *c, uint32_t chunk);
struct emt_cap_walk *emt_cap_add_walk(struct emt_capture *c, uint32_t number);

/* Take apart the content of an INDX chunk: walks, then chunk records at '*recs'. */
const char *emt_index_parse(const uint8_t *content, size_t len, uint32_t *nr_walks, uint32_t *nr_chunks,
			    const uint8_t **recs);
/* HEAD content into tool, origin and time. */
const char *emt_cap_header(struct emt_capture *c, const uint8_t *content, size_t len);
/* FACT content; 'f' is initialised. */
int emt_cap_facts(struct emt_capture *c, const uint8_t *content, size_t len, struct emt_facts *f,
		  struct emt_err *err);
/* TABL and GTAB content: number of pages in '*n', or what is wrong. */
const char *emt_pages_check(const uint8_t *content, size_t len, uint32_t *n);

/* Check a chunk of runs to its last run. Fills items, first and last of 'k', adds
 * to 'count', and keeps in '*next' where the walk's next chunk may start. */
const char *emt_runs_check(struct emt_chunk *k, const uint8_t *content, size_t len, struct emt_run *attrs,
			   struct emt_walk_info *count, uint64_t *next);

/* ---- reading a file front to back, whatever its state ---- */

enum emt_scan_what {
	EMT_SCAN_CHUNK,  /* 'chunk' is whole, its content in the capture's buffer */
	EMT_SCAN_BAD,    /* 'why' from 'offset' on; 'chunk.kind' if its header was whole */
	EMT_SCAN_CUT,    /* the file ends too early */
	EMT_SCAN_END,    /* the end record, and it is right */
	EMT_SCAN_FAIL,   /* reading failed; err is stated */
};

struct emt_scan {
	struct emt_capture *c;
	uint64_t pos;         /* where the next chunk should start */
	uint64_t offset;      /* of what is reported */
	struct emt_chunk chunk;
	const char *why;
	uint64_t wasted;      /* bytes read for chunks that turned out damaged */
};

enum emt_scan_what emt_scan_next(struct emt_scan *s, struct emt_err *err);

#endif
