/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The .emt capture file: one or more walks (a walk = one domain at one instant),
 * each with its facts and its runs in chunks by gfn, an index, counts and hashes
 * of the uncompressed content. emt-capture(5) describes the bytes.
 */
#ifndef EMT_CAPTURE_CAPTURE_H
#define EMT_CAPTURE_CAPTURE_H

#include "base/run.h"
#include "policy/facts.h"

#define EMT_CAPTURE_MAJOR 1
#define EMT_CAPTURE_MINOR 0

/* What was lost on the way into a walk; all 0 = complete. */
struct emt_loss {
	uint64_t lines_unparsed;  /* console lines of the dump that made no sense */
	uint64_t entries_cut;     /* entries known to be missing (ring wrapped ...) */
	uint64_t chunks_bad;      /* damaged chunks of a capture */
	uint64_t changed;         /* entries that changed during the walk */
	uint8_t cut_head;         /* the walk's beginning is missing */
	uint8_t cut_tail;         /* its end is missing */
	char note[160];           /* one line for people; may be empty */
};
bool emt_loss_none(const struct emt_loss *loss);

/* One walk as the index lists it. */
struct emt_walk_info {
	uint32_t domid;
	uint32_t generation;  /* counts the walks of this domain in the file, from 0 */
	int64_t time;         /* of the walk, seconds since 1970, 0 = not stated */
	uint64_t runs;        /* intermediate entries are runs too */
	uint64_t entries, frames; /* of leaves only */
	uint64_t first_gfn, last_gfn; /* 0, 0 when there are no runs */
	uint32_t chunks;      /* of runs */
	struct emt_loss loss;
	char label[64];       /* "D03-iomem-touched", may be empty */
};

/* ---- writing ---- */

struct emt_capture_writer;

struct emt_capture_opts {
	int level;            /* zstd level, 0 = default (3) */
	bool redact;          /* drop names, UUIDs, the source, blobs and the origins of frames */
	const char *tool;     /* recorded: program and version; may be NULL */
	const char *source;   /* recorded: where it came from; may be NULL */
	int64_t time;         /* recorded: when it was taken */
};

/* Writes to 'path' under a temporary name, renamed by _close(): an interrupted
 * writer leaves nothing behind under 'path'. A device or a pipe is written into. */
int emt_capture_create(struct emt_capture_writer **out, const char *path, const struct emt_capture_opts *opts,
		       struct emt_err *err);
/* Begin a walk. 'facts' are stored as they are; 'label' may be NULL. */
int emt_capture_walk_begin(struct emt_capture_writer *w, const struct emt_facts *facts, int64_t time,
			   const char *label, struct emt_err *err);
/* Runs must come in gfn order without overlap. Adjacent joinable leaves are joined.
 * Intermediate entries (EMT_RUN_INTERMEDIATE) sort before the leaves below. A run
 * out of order or that makes no sense is EMT_E_FORMAT and is left out: the writer
 * goes on. After any other error only _close() and _abort() are of use. */
int emt_capture_put(struct emt_capture_writer *w, const struct emt_run *run, struct emt_err *err);
int emt_capture_walk_end(struct emt_capture_writer *w, const struct emt_loss *loss, struct emt_err *err);
/* A table page (4 KiB) of the walk in progress, 'level' 4 (root) .. 1. */
int emt_capture_put_table(struct emt_capture_writer *w, uint64_t mfn, unsigned int level, const void *page,
			  struct emt_err *err);
/* A page of the guest's own page tables, by its gfn; 'level' 5 .. 1. */
int emt_capture_put_guest_table(struct emt_capture_writer *w, uint64_t gfn, unsigned int level,
				const void *page, struct emt_err *err);
/* Any other skippable record, e.g. "notes" text. 'kind' is four letters. */
int emt_capture_put_blob(struct emt_capture_writer *w, const char kind[5], const void *data, size_t len,
			 struct emt_err *err);
/* Write index and trailer, fsync, rename. Frees 'w' in any case. */
int emt_capture_close(struct emt_capture_writer *w, struct emt_err *err);
/* Give up: remove the temporary file, free 'w' (may be NULL). */
void emt_capture_abort(struct emt_capture_writer *w);

/* ---- reading ---- */

struct emt_capture;

/* Reads header and index only. A file without its end (truncated) or with a
 * damaged index is an error; with 'salvage' the chunks that are whole are offered
 * and what is missing is counted in each walk's loss. */
int emt_capture_open(struct emt_capture **out, const char *path, bool salvage, struct emt_err *err);
void emt_capture_free(struct emt_capture *c);

size_t emt_capture_walks(const struct emt_capture *c);
const struct emt_walk_info *emt_capture_walk(const struct emt_capture *c, size_t i);
/* Tool, source and time as recorded (never NULL; may be empty / 0). */
const char *emt_capture_tool(const struct emt_capture *c);
const char *emt_capture_origin(const struct emt_capture *c);
int64_t emt_capture_time(const struct emt_capture *c);

/* Facts of walk 'i' as stored; 'f' is initialised by the call. When salvage lost
 * them, all are unknown and the walk's loss says so. */
int emt_capture_facts(struct emt_capture *c, size_t i, struct emt_facts *f, struct emt_err *err);

/* A cursor over the runs of one walk; holds one chunk in memory at a time. */
struct emt_capture_cursor;
int emt_capture_cursor(struct emt_capture *c, size_t walk, struct emt_capture_cursor **out,
		       struct emt_err *err);
/* Go to the first leaf that covers or follows 'gfn'; if intermediate entries stand
 * between it and the leaf before, to the first of these in its chunk that covers or
 * follows 'gfn'. Opens one chunk. Backwards too. */
int emt_capture_seek(struct emt_capture_cursor *cur, uint64_t gfn, struct emt_err *err);
/* 1 = a run in *run, 0 = end, <0 error. */
int emt_capture_next(struct emt_capture_cursor *cur, struct emt_run *run, struct emt_err *err);
/* The same in bulk: up to 'room' runs, returns how many (fewer than 'room' does not
 * mean the end), 0 = end, <0 error. */
long emt_capture_read(struct emt_capture_cursor *cur, struct emt_run *runs, size_t room, struct emt_err *err);
void emt_capture_cursor_free(struct emt_capture_cursor *cur);

/* Table pages of a walk. cb returns non-zero to stop, which is passed on. */
int emt_capture_tables(struct emt_capture *c, size_t walk,
		       int (*cb)(uint64_t mfn, unsigned int level, const void *page, void *arg), void *arg,
		       struct emt_err *err);

/* The same of the guest's own page tables, by gfn. */
int emt_capture_guest_tables(struct emt_capture *c, size_t walk,
			     int (*cb)(uint64_t gfn, unsigned int level, const void *page, void *arg), void *arg,
			     struct emt_err *err);

/* A record written by emt_capture_put_blob(): the first of this kind in walk 'walk',
 * or outside of all walks for SIZE_MAX. '*data' is the caller's to free. Returns 0,
 * EMT_E_MISSING when there is none, or an error of reading it. */
int emt_capture_blob(struct emt_capture *c, size_t walk, const char kind[5], void **data, size_t *len,
		     struct emt_err *err);

/* Every record of this kind, in the order of the file. cb returns non-zero to stop, which
 * is passed on. */
int emt_capture_blobs(struct emt_capture *c, const char kind[5], int (*cb)(const void *data, size_t len, void *arg),
		      void *arg, struct emt_err *err);

struct emt_capture_problem {
	uint64_t offset;      /* of the chunk in the file */
	char kind[5];         /* its kind */
	char text[160];
};

/* What a check tells on its way; each may be NULL. */
struct emt_verify_calls {
	void (*report)(const struct emt_capture_problem *p, void *arg);
	/* After each chunk: bytes of the file done and in all. Non-zero stops the check
	 * and is what emt_capture_verify() returns. */
	int (*step)(uint64_t done, uint64_t total, void *arg);
	void *arg;
};

/* Check every chunk's hash and count. 'calls' may be NULL. Returns 0 if all is well,
 * EMT_E_DAMAGED or EMT_E_TRUNCATED if not, or the error that ended the check. '*chunks'
 * (may be NULL): those seen, good or bad. */
int emt_capture_verify(const char *path, const struct emt_verify_calls *calls, uint64_t *chunks,
		       struct emt_err *err);

#endif
