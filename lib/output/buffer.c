/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output/buffer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLUSH_AT (64 * 1024)

void emt_buffer_init(struct emt_buffer *b, emt_write_fn write, void *arg)
{
	memset(b, 0, sizeof(*b));
	b->write = write;
	b->arg = arg;
}

void emt_buffer_free(struct emt_buffer *b)
{
	free(b->data);
	b->data = NULL;
	b->used = b->room = 0;
}

static int make_room(struct emt_buffer *b, size_t len)
{
	size_t room = b->room ? b->room : 4096;
	char *data;

	if (b->error)
		return -1;
	while (room - b->used < len)
		room *= 2;
	if (room == b->room)
		return 0;
	data = realloc(b->data, room);
	if (!data) {
		b->error = ENOMEM;
		return -1;
	}
	b->data = data;
	b->room = room;
	return 0;
}

int emt_buffer_flush(struct emt_buffer *b)
{
	if (!b->error && b->write && b->used) {
		b->error = b->write(b->arg, b->data, b->used);
		b->used = 0;
	}
	return b->error ? -1 : 0;
}

int emt_buffer_put(struct emt_buffer *b, const char *data, size_t len)
{
	if (make_room(b, len + 1))
		return -1;
	memcpy(b->data + b->used, data, len);
	b->used += len;
	b->data[b->used] = '\0';
	return b->write && b->used >= FLUSH_AT ? emt_buffer_flush(b) : 0;
}

int emt_buffer_puts(struct emt_buffer *b, const char *s)
{
	return emt_buffer_put(b, s, strlen(s));
}

int emt_buffer_printf(struct emt_buffer *b, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		if (!b->error)
			b->error = ENOMEM;
		return -1;
	}
	n = emt_buffer_put(b, text, (size_t)n);
	free(text);
	return n;
}
