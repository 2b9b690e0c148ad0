/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far a long command is: one line that is drawn over, after the first second,
 * on a terminal only.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

#define FIRST_MS 1000
#define EVERY_MS 200

void progress_begin(struct progress *p)
{
	const char *term = getenv("TERM");

	*p = (struct progress){ .began = cli_now_ms(), .on = isatty(STDERR_FILENO) };
	p->on &= term && strcmp(term, "dumb");
}

void progress_update(struct progress *p, const char *what, uint64_t done, uint64_t total)
{
	uint64_t now;

	if (!p->on)
		return;
	now = cli_now_ms();
	if (now - p->began < FIRST_MS || now - p->drawn < EVERY_MS)
		return;
	p->drawn = now;
	p->shown = true;
	if (total)
		fprintf(stderr, "\r%s: %.0f %% after %" PRIu64 " s\033[K", what,
			done < total ? 100.0 * (double)done / (double)total : 100.0, (now - p->began) / 1000);
	else
		fprintf(stderr, "\r%s: %" PRIu64 " after %" PRIu64 " s\033[K", what, done,
			(now - p->began) / 1000);
	fflush(stderr);
}

void progress_clear(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
