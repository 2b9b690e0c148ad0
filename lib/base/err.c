/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/types.h"

static const char *const code_names[] = {
	"ok", "usage", "no_source", "io", "format", "damaged", "truncated", "newer",
	"no_memory", "unsupported", "permission", "gone", "missing_fact", "cancelled", "internal",
};

const char *emt_errcode_name(int code)
{
	size_t i = (size_t)-code;

	return code <= 0 && i < EMT_ARRAY_SIZE(code_names) ? code_names[i] : "internal";
}

static void put(char *to, size_t room, const char *from)
{
	snprintf(to, room, "%s", from ? from : "");
}

__attribute__((format(printf, 6, 0)))
static int set(struct emt_err *err, int code, const char *subject, const char *next, const char *tail,
	       const char *fmt, va_list ap)
{
	size_t n;

	if (!err || err->code)
		return code;
	err->code = code;
	put(err->subject, sizeof(err->subject), subject);
	put(err->next, sizeof(err->next), next);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	n = strlen(err->text);
	if (tail && n + 3 < sizeof(err->text))
		snprintf(err->text + n, sizeof(err->text) - n, ": %s", tail);
	return code;
}

int emt_err_set(struct emt_err *err, int code, const char *subject, const char *next, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set(err, code, subject, next, NULL, fmt, ap);
	va_end(ap);
	return code;
}

int emt_err_errno(struct emt_err *err, int code, const char *subject, const char *next, const char *fmt, ...)
{
	const char *why = strerror(errno);
	va_list ap;

	va_start(ap, fmt);
	set(err, code, subject, next, why, fmt, ap);
	va_end(ap);
	return code;
}
