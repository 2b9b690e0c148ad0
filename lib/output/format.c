/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output/format.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/types.h"

char *emt_fmt_count(uint64_t n, char *out, size_t room)
{
	char digits[24];
	size_t len = (size_t)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n), at = 0;

	for (size_t i = 0; i < len && at + 2 < room; i++) {
		if (i && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	if (room)
		out[at < room ? at : room - 1] = '\0';
	return out;
}

char *emt_fmt_bytes(uint64_t n, char *out, size_t room)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	unsigned int u = 0;
	uint64_t whole = n, rest = 0;

	while (whole >= 1024 && u + 1 < EMT_ARRAY_SIZE(units)) {
		rest = whole % 1024;
		whole /= 1024;
		u++;
	}
	/* One digit behind the point while it says something. */
	if (u && whole < 100 && rest * 10 / 1024)
		snprintf(out, room, "%llu.%llu %s", (unsigned long long)whole,
			 (unsigned long long)(rest * 10 / 1024), units[u]);
	else
		snprintf(out, room, "%llu %s", (unsigned long long)whole, units[u]);
	return out;
}

char *emt_fmt_time(int64_t seconds, char *out, size_t room)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(out, room, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(out, room, "%lld", (long long)seconds);
	return out;
}

char *emt_fmt_range(uint64_t first, uint64_t last, char *out, size_t room)
{
	if (first == last)
		snprintf(out, room, "0x%llx", (unsigned long long)first);
	else
		snprintf(out, room, "0x%llx-0x%llx", (unsigned long long)first, (unsigned long long)last);
	return out;
}

/* Hours and minutes of an offset like "+02:00". */
static int offset(const char *s, int *seconds)
{
	unsigned int h, m;
	int n = 0;

	if (!strcmp(s, "Z") || !strcmp(s, "z")) {
		*seconds = 0;
		return 0;
	}
	if ((*s != '+' && *s != '-') || sscanf(s + 1, "%2u:%2u%n", &h, &m, &n) != 2 || s[1 + n] || h > 23 ||
	    m > 59)
		return -1;
	*seconds = (int)(h * 3600 + m * 60) * (*s == '-' ? -1 : 1);
	return 0;
}

int emt_parse_time(const char *text, int64_t *out)
{
	unsigned int y, mo, d, h = 0, mi = 0, s = 0;
	uint64_t plain;
	struct tm tm;
	int n = 0, off = 0;

	if (!emt_parse_u64(text, &plain) && plain < (1ull << 40)) {
		*out = (int64_t)plain;
		return 0;
	}
	if (sscanf(text, "%4u-%2u-%2u%n", &y, &mo, &d, &n) != 3 || y < 1970 || mo < 1 || mo > 12 || d < 1 ||
	    d > 31)
		return -1;
	text += n;
	if (*text == 'T' || *text == 't' || *text == ' ') {
		if (sscanf(text + 1, "%2u:%2u:%2u%n", &h, &mi, &s, &n) != 3 || h > 23 || mi > 59 || s > 60)
			return -1;
		text += 1 + n;
		if (*text == '.')
			for (text++; *text >= '0' && *text <= '9'; text++)
				;
		if (*text && offset(text, &off))
			return -1;
	} else if (*text) {
		return -1;
	}
	tm = (struct tm){ .tm_year = (int)y - 1900,
			  .tm_mon = (int)mo - 1,
			  .tm_mday = (int)d,
			  .tm_hour = (int)h,
			  .tm_min = (int)mi,
			  .tm_sec = (int)s };
	*out = (int64_t)timegm(&tm) - off;
	return 0;
}
