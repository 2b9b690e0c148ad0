/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "emtd.h"

void log_line(int level, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* words of clients may be in it */
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	dprintf(STDERR_FILENO, "<%d>emtd: %s\n", level, text);
}

void log_err(const struct emt_err *err)
{
	log_line(LOG_LEVEL_ERROR, "%s%s%s%s%s", err->subject, *err->subject ? ": " : "", err->text,
		 *err->next ? "; " : "", err->next);
}
