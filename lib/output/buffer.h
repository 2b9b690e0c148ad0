/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Output on its way to the caller's write function. Errors stick: after the first
 * one nothing more is written and every call says so.
 */
#ifndef EMT_OUTPUT_BUFFER_H
#define EMT_OUTPUT_BUFFER_H

#include <stddef.h>

/* Writes all of 'data' or returns the errno that stopped it; 0 = written. */
typedef int (*emt_write_fn)(void *arg, const char *data, size_t len);

struct emt_buffer {
	emt_write_fn write; /* NULL: keep everything in memory */
	void *arg;
	char *data;         /* owned */
	size_t used, room;
	int error;          /* errno of the first failure */
};

void emt_buffer_init(struct emt_buffer *b, emt_write_fn write, void *arg);
void emt_buffer_free(struct emt_buffer *b);
/* 0, or -1 once there was an error. */
int emt_buffer_put(struct emt_buffer *b, const char *data, size_t len);
int emt_buffer_puts(struct emt_buffer *b, const char *s);
int emt_buffer_printf(struct emt_buffer *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int emt_buffer_flush(struct emt_buffer *b);

#endif
