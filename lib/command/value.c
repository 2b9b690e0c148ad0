/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values of each argument type: what is wrong with them is said in terms of what
 * is valid.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "command/parse.h"
#include "output/format.h"
#include "policy/release.h"

/* 52 bits of physical address less the page offset, with room to spare. */
#define GFN_MAX ((1ull << 44) - 1)

/* How the argument is called in messages: "--fail-on" or "GFN". */
static const char *subject(const struct emt_arg *arg, char out[64])
{
	if (arg->flags & EMT_ARGF_POSITIONAL)
		snprintf(out, 64, "%s", arg->metavar);
	else
		snprintf(out, 64, "--%s", arg->name);
	return out;
}

static int wrong(const struct emt_arg *arg, struct emt_err *err, const char *next, const char *what,
		 const char *text)
{
	char name[64];

	return emt_err_set(err, EMT_E_USAGE, subject(arg, name), next, "\"%.100s\" %s", text, what);
}

static bool is_address(const struct emt_arg *arg)
{
	return arg->type == EMT_ARG_ADDRESS || arg->type == EMT_ARG_ADDRESS_RANGE;
}

/* A frame, or an address. */
static int frame(const struct emt_arg *arg, const char *text, uint64_t *out, struct emt_err *err)
{
	bool address = is_address(arg);
	char next[200];
	uint64_t hex;

	if (!emt_parse_u64(text, out)) {
		if (address || *out <= GFN_MAX)
			return 0;
		return wrong(arg, err, "a frame is an address divided by 4096",
			     "is no frame number: too large", text);
	}
	if (!emt_parse_hex(text, &hex)) {
		snprintf(next, sizeof(next), "hex starts with 0x: 0x%s", text);
		return wrong(arg, err, next, "is bare hex", text);
	}
	return wrong(arg, err, address ? "addresses are decimal, or hex with 0x in front" :
		     "frames are decimal, or hex with 0x in front", address ? "is no address" : "is no frame number",
		     text);
}

static int span(struct emt_value *v, const struct emt_arg *arg, const char *text, struct emt_err *err)
{
	const char *sep = strpbrk(text, "-+");
	char first[64];
	uint64_t b;
	int rc;

	if (!sep) {
		rc = frame(arg, text, &v->span.first, err);
		v->span.last = v->span.first;
		return rc;
	}
	if ((size_t)(sep - text) >= sizeof(first))
		return wrong(arg, err, NULL, is_address(arg) ? "is no range of addresses" : "is no range of frames",
			     text);
	snprintf(first, sizeof(first), "%.*s", (int)(sep - text), text);
	rc = frame(arg, first, &v->span.first, err);
	if (!rc)
		rc = frame(arg, sep + 1, &b, err);
	if (rc)
		return rc;
	if (*sep == '+' && !b)
		return wrong(arg, err, "FIRST+COUNT needs a count of 1 or more", "is an empty range", text);
	v->span.last = *sep == '+' ? v->span.first + b - 1 : b;
	if (v->span.last < v->span.first)
		return wrong(arg, err, "the first comes first: FIRST-LAST", "ends before it begins",
			     text);
	return 0;
}

static int duration(struct emt_value *v, const struct emt_arg *arg, const char *text, struct emt_err *err)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = { { "ms", 1 },	{ "s", 1000 },	  { "", 1000 },	    { "m", 60000 },
		      { "min", 60000 }, { "h", 3600000 }, { "d", 86400000 } };
	size_t n = strspn(text, "0123456789");
	char digits[24];
	uint64_t value;

	if (n && n < sizeof(digits)) {
		snprintf(digits, sizeof(digits), "%.*s", (int)n, text);
		for (size_t i = 0; i < EMT_ARRAY_SIZE(units); i++)
			if (!strcmp(text + n, units[i].unit) && !emt_parse_u64(digits, &value) &&
			    !__builtin_mul_overflow(value, units[i].ms, &v->number))
				return 0;
	}
	return wrong(arg, err, "durations are 250ms, 10s, 5m, 1h", "is no duration", text);
}

/* "a b c" from a list, as far as it fits. */
static void list_words(char *out, size_t room, const char *head,
		       const char *(*word)(unsigned int, const void *), const void *arg)
{
	size_t at = (size_t)snprintf(out, room, "%s", head);

	for (unsigned int i = 0; word(i, arg); i++) {
		if (at + strlen(word(i, arg)) + 6 > room) {
			snprintf(out + at, room - at, " ...");
			return;
		}
		at += (size_t)snprintf(out + at, room - at, " %s", word(i, arg));
	}
}

static const char *enum_word(unsigned int i, const void *arg)
{
	return ((const char *const *)arg)[i];
}

static const char *level_word(unsigned int i, const void *arg)
{
	(void)arg;
	return i < EMT_SEV_NR ? emt_severity_name(i) : NULL;
}

static int domain(struct emt_value *v, const struct emt_arg *arg, const char *text, struct emt_err *err)
{
	if (!emt_parse_u64(text, &v->number) && v->number < 0x7ff4)
		return 0;
	return wrong(arg, err, "domains are given by their number: xl list", "is no domain id", text);
}

static int source(struct emt_value *v, const char *text, struct emt_err *err)
{
	v->source = calloc(1, sizeof(*v->source));
	if (!v->source)
		return emt_err_set(err, EMT_E_NOMEM, text, NULL, "not enough memory");
	return emt_source_parse(v->source, text, err);
}

int emt_value_parse(struct emt_value *v, const struct emt_arg *arg, const char *text, struct emt_err *err)
{
	struct emt_release rel;
	char next[200];
	int i;

	memset(v, 0, sizeof(*v));
	v->arg = arg;
	v->text = text;
	if (!*text && arg->type != EMT_ARG_TEXT && arg->type != EMT_ARG_FLAG)
		return wrong(arg, err, emt_argtype_help(arg->type), "is empty", text);
	switch (arg->type) {
	case EMT_ARG_SOURCE:
		return source(v, text, err);
	case EMT_ARG_DOMAIN:
		return domain(v, arg, text, err);
	case EMT_ARG_GFN:
	case EMT_ARG_ADDRESS:
		return frame(arg, text, &v->number, err);
	case EMT_ARG_GFN_RANGE:
	case EMT_ARG_ADDRESS_RANGE:
		return span(v, arg, text, err);
	case EMT_ARG_RELEASE:
		return emt_release_parse(&rel, text, false, err);
	case EMT_ARG_DURATION:
		return duration(v, arg, text, err);
	case EMT_ARG_TIME:
		if (!emt_parse_time(text, &v->time))
			return 0;
		return wrong(arg, err, emt_argtype_help(arg->type), "is no time", text);
	case EMT_ARG_ENUM:
		for (i = 0; arg->words[i]; i++)
			if (!strcmp(arg->words[i], text)) {
				v->number = (uint64_t)i;
				return 0;
			}
		list_words(next, sizeof(next), "valid here:", enum_word, arg->words);
		return wrong(arg, err, next, "is not one of its words", text);
	case EMT_ARG_LEVEL:
		i = emt_severity_parse(text);
		v->number = (uint64_t)i;
		if (i >= 0)
			return 0;
		list_words(next, sizeof(next), "valid here:", level_word, NULL);
		return wrong(arg, err, next, "is no level", text);
	case EMT_ARG_NUMBER:
		if (!emt_parse_u64(text, &v->number))
			return 0;
		return wrong(arg, err, emt_argtype_help(arg->type), "is no number", text);
	default:
		return 0; /* checked where their meaning is known */
	}
}

void emt_value_free(struct emt_value *v)
{
	if (v->arg && v->arg->type == EMT_ARG_SOURCE)
		free(v->source);
	free(v->copy);
	v->copy = NULL;
	v->arg = NULL;
}
