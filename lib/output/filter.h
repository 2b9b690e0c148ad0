/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filter expressions, with the syntax of scols-filter(5):
 *
 *   expr:  operand | operand OP operand | ( expr ) | !expr | expr && expr | expr || expr
 *   OP:    == != < <= > >= =~ !~   or   eq ne lt le gt ge
 *   words: and, or, not for &&, ||, !
 *   operand: a column's name, a number (decimal or 0x hex, with K M G T P E for
 *          powers of 1024, KiB too; KB for powers of 1000), "text" or 'text',
 *          true, false
 *
 * A column alone is true when it has a value that is not 0, empty or false. No
 * comparison with a missing value is true. On a list of words == and =~ ask
 * whether any element matches, != and !~ whether none does. =~ takes an extended
 * regular expression. Times are compared with "2026-01-03" or "2026-01-03T10:11Z".
 */
#ifndef EMT_OUTPUT_FILTER_H
#define EMT_OUTPUT_FILTER_H

#include "output/record.h"

struct emt_filter;

/* Compile 'text' against the columns of 'kind'. Errors are EMT_E_USAGE about
 * 'subject' with the column (in characters) where it went wrong. */
int emt_filter_new(struct emt_filter **out, const struct emt_record_kind *kind, const char *text,
		   const char *subject, struct emt_err *err);
bool emt_filter_match(const struct emt_filter *f, const struct emt_rec *rec);
void emt_filter_free(struct emt_filter *f);

#endif
