/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text for people: what layouts of record kinds write with. Control characters in
 * what is printed become '?': names come from guests and files.
 */
#ifndef EMT_OUTPUT_TEXT_H
#define EMT_OUTPUT_TEXT_H

#include "output/buffer.h"
#include "output/record.h"

struct emt_text {
	struct emt_buffer *buf;
	bool colour;
	unsigned int width;   /* of the terminal, 0 = not a terminal */
	bool blank;           /* the last line written was empty, or nothing was written */
	unsigned int column;  /* where on the line, 0 = its beginning */
};

void emt_text_printf(struct emt_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void emt_text_puts(struct emt_text *t, enum emt_style style, const char *s);
/* Prose: wrapped at the width (80 if there is none, 100 at most), the first line
 * after 'first' as it stands, the others indented by 'indent' blanks. */
void emt_text_para(struct emt_text *t, const char *first, unsigned int indent, const char *prose);
/* The same at a width of one's own. */
void emt_text_wrap(struct emt_text *t, unsigned int width, const char *first, unsigned int indent,
		   const char *prose);
/* An empty line, unless there is one already or nothing before. */
void emt_text_gap(struct emt_text *t);

/* Columns that the first 'len' bytes of 's' take on a terminal, in the locale's
 * characters: two for a wide one, none for one that combines. */
size_t emt_text_columns(const char *s, size_t len);

/* Escape sequence that begins a style ("" for none). */
const char *emt_style_escape(enum emt_style style);

#endif
