/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file that is written in one go and appears under its name only when whole.
 */
#ifndef EMT_CAPTURE_OUTFILE_H
#define EMT_CAPTURE_OUTFILE_H

#include <limits.h>

#include "base/err.h"
#include "base/types.h"

struct emt_outfile {
	int fd;              /* -1 = closed */
	bool direct;         /* a device or pipe: written as it is, never renamed over */
	bool nameless;       /* the temporary file has no name (O_TMPFILE) */
	uint64_t size;       /* bytes written */
	char path[PATH_MAX]; /* as given, links resolved if it exists */
	char temp[PATH_MAX]; /* temporary name beside it; "" while there is none */
};

int emt_outfile_open(struct emt_outfile *o, const char *path, struct emt_err *err);
int emt_outfile_write(struct emt_outfile *o, const void *data, size_t len, struct emt_err *err);
/* To disk, then under its name. On an error nothing is left. */
int emt_outfile_commit(struct emt_outfile *o, struct emt_err *err);
void emt_outfile_abort(struct emt_outfile *o);

#endif
