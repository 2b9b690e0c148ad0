/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define PROSE_WIDTH 80
#define PROSE_MAX 100

const char *emt_style_escape(enum emt_style style)
{
	static const char *const codes[] = {
		[EMT_STYLE_NONE] = "", [EMT_STYLE_GOOD] = "\033[32m", [EMT_STYLE_INFO] = "\033[36m",
		[EMT_STYLE_WARN] = "\033[33m", [EMT_STYLE_BAD] = "\033[1;31m", [EMT_STYLE_STRONG] = "\033[1m",
		[EMT_STYLE_FAINT] = "\033[2m",
	};

	return (size_t)style < EMT_ARRAY_SIZE(codes) ? codes[style] : "";
}

size_t emt_text_columns(const char *s, size_t len)
{
	mbstate_t state = { 0 };
	size_t n = 0;

	for (size_t i = 0, used; i < len; i += used) {
		wchar_t wide;
		int width;

		/* Most text is ASCII. What the locale has no characters for counts as UTF-8. */
		used = 1;
		if ((unsigned char)s[i] < 0x80) {
			n++;
			continue;
		}
		used = mbrtowc(&wide, s + i, len - i, &state);
		if (used == 0 || used > len - i) {
			memset(&state, 0, sizeof(state));
			n += ((unsigned char)s[i] & 0xc0) != 0x80;
			used = 1;
			continue;
		}
		width = wcwidth(wide);
		n += width < 0 ? 1 : (size_t)width;
	}
	return n;
}

/* Everything printed passes here. */
static void put(struct emt_text *t, const char *s, size_t len)
{
	const char *end;

	for (size_t i = 0; i < len; i++) {
		size_t n = i;

		while (n < len && ((unsigned char)s[n] >= 0x20 || s[n] == '\n') && s[n] != 0x7f)
			n++;
		emt_buffer_put(t->buf, s + i, n - i);
		if (n < len)
			emt_buffer_put(t->buf, "?", 1);
		i = n;
	}
	if (!len)
		return;
	end = memrchr(s, '\n', len);
	t->blank = s[len - 1] == '\n' && (len > 1 ? s[len - 2] == '\n' : !t->column);
	t->column = (end ? 0 : t->column) +
		    (unsigned int)emt_text_columns(end ? end + 1 : s, len - (end ? (size_t)(end - s) + 1 : 0));
}

void emt_text_printf(struct emt_text *t, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	put(t, text, (size_t)n);
	free(text);
}

void emt_text_puts(struct emt_text *t, enum emt_style style, const char *s)
{
	bool coloured = t->colour && style != EMT_STYLE_NONE && *s;

	if (coloured)
		emt_buffer_puts(t->buf, emt_style_escape(style));
	put(t, s, strlen(s));
	if (coloured)
		emt_buffer_puts(t->buf, "\033[0m");
}

void emt_text_gap(struct emt_text *t)
{
	if (t->column)
		put(t, "\n", 1);
	if (!t->blank)
		put(t, "\n", 1);
}

void emt_text_wrap(struct emt_text *t, unsigned int width, const char *first, unsigned int indent,
		   const char *prose)
{
	bool begin = true;
	size_t at;

	put(t, first, strlen(first));
	at = t->column;
	while (*prose) {
		size_t len, cols;

		if (*prose == ' ') {
			prose++;
			continue;
		}
		if (*prose == '\n') {
			prose++;
			put(t, "\n", 1);
			for (unsigned int i = 0; i < indent && *prose; i++)
				put(t, " ", 1);
			at = indent;
			begin = true;
			continue;
		}
		len = strcspn(prose, " \n");
		cols = emt_text_columns(prose, len);
		if (!begin && at + 1 + cols > width) {
			put(t, "\n", 1);
			for (unsigned int i = 0; i < indent; i++)
				put(t, " ", 1);
			at = indent;
		} else if (!begin) {
			put(t, " ", 1);
			at++;
		}
		put(t, prose, len);
		at += cols;
		prose += len;
		begin = false;
	}
	put(t, "\n", 1);
}

void emt_text_para(struct emt_text *t, const char *first, unsigned int indent, const char *prose)
{
	unsigned int width = t->width ? t->width : PROSE_WIDTH;

	emt_text_wrap(t, width > PROSE_MAX ? PROSE_MAX : width, first, indent, prose);
}
