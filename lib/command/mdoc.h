/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parts of the manual pages that come from the tables, as mdoc(7). A page in man/
 * names a part on a line of its own, @part@; man/gendoc.c puts it there.
 */
#ifndef EMT_COMMAND_MDOC_H
#define EMT_COMMAND_MDOC_H

#include "command/command.h"

/* Write the part of that name. 0, or -1 when there is none. */
int emt_mdoc_part(struct emt_buffer *b, const char *name);

/* ---- for the files that write parts ---- */

/* Text, filled: each sentence on a line of its own, lines of at most 80 columns. */
void emt_mdoc_prose(struct emt_buffer *b, const char *text);
/* ".It Fl \-x", ".Ss A title": a macro line whose last argument is 'text' in quotes. */
void emt_mdoc_line(struct emt_buffer *b, const char *macro, const char *text);

/* emt-policy(7) */
void emt_mdoc_releases(struct emt_buffer *b);
void emt_mdoc_defects(struct emt_buffer *b);
void emt_mdoc_quirks(struct emt_buffer *b);
void emt_mdoc_reasons(struct emt_buffer *b);
/* emt-json(5) */
void emt_mdoc_replies(struct emt_buffer *b);
void emt_mdoc_records(struct emt_buffer *b);
void emt_mdoc_errors(struct emt_buffer *b);

#endif
