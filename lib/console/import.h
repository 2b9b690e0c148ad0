/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * import: console text and facts files in, a capture out.
 */
#ifndef EMT_CONSOLE_IMPORT_H
#define EMT_CONSOLE_IMPORT_H

#include "capture/capture.h"
#include "console/console.h"

/* A remark about the input, for people. */
struct emt_import_note {
	const char *file;
	unsigned long line; /* 0 = the file as a whole */
	enum emt_note_level level;
	const char *text;
};

struct emt_import_opts {
	const char *const *files; /* console text; "-" = standard input (fd 0) */
	size_t nr_files;
	const char *const *facts_files; /* JSON facts; override what the text says */
	size_t nr_facts_files;
	const char *release;      /* override, may be NULL */
	int64_t domid;            /* only this domain; -1 = all */
	const char *output;       /* path of the capture */
	const char *label;        /* of the walks, may be NULL */
	int64_t time;             /* when the text was taken; 0 = not stated */
	struct emt_capture_opts capture;
	void (*note)(const struct emt_import_note *note, void *arg);
	/* Called now and then with the bytes read so far (the text is read twice); non-zero
	 * stops and is passed on. May be NULL. */
	int (*step)(uint64_t bytes, void *arg);
	void *arg;
};

struct emt_import_result {
	uint64_t lines;        /* lines read */
	uint64_t lines_used;   /* that told something */
	uint64_t lines_bad;    /* inside a dump, not understood */
	uint64_t entries;
	uint64_t runs;
	uint32_t walks;        /* dumps found */
	uint32_t domains;
	uint32_t iommu_tables;
};

/* Returns 0 or a negative emt_errcode; EMT_E_FORMAT when no dump was found. */
int emt_import(const struct emt_import_opts *opts, struct emt_import_result *result, struct emt_err *err);

#endif
