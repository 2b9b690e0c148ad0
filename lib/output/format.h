/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers and times as people read them. Independent of the locale.
 */
#ifndef EMT_OUTPUT_FORMAT_H
#define EMT_OUTPUT_FORMAT_H

#include <stddef.h>
#include <stdint.h>

/* "16,401". Each returns 'out'. 32 bytes are always enough. */
char *emt_fmt_count(uint64_t n, char *out, size_t room);
/* "64 MiB", "64.1 MiB", "512 B". */
char *emt_fmt_bytes(uint64_t n, char *out, size_t room);
/* "2026-01-03T10:11:12Z" */
char *emt_fmt_time(int64_t seconds, char *out, size_t room);
/* "0xf0000" or "0xf0000-0xf07ff" */
char *emt_fmt_range(uint64_t first, uint64_t last, char *out, size_t room);

/* Seconds since 1970 from RFC 3339 text in UTC or with an offset, a date alone
 * (midnight UTC), or a plain count of seconds. Returns 0 or -1. */
int emt_parse_time(const char *text, int64_t *out);

#endif
