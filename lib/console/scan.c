/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scanning of fields, and telling the reader of the text.
 */
#include "console/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void con_blanks(const char **p)
{
	while (**p == ' ' || **p == '\t')
		(*p)++;
}

bool con_lit(const char **p, const char *text)
{
	size_t n = strlen(text);

	if (strncmp(*p, text, n))
		return false;
	*p += n;
	return true;
}

static int digit(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	if (ch >= 'a' && ch <= 'f')
		return ch - 'a' + 10;
	if (ch >= 'A' && ch <= 'F')
		return ch - 'A' + 10;
	return 99;
}

static bool number(const char **p, uint64_t *v, unsigned int base, int most)
{
	const char *s = *p;
	uint64_t n = 0;
	int digits = 0;

	for (; digit(*s) < (int)base; s++, digits++) {
		if (digits == most)
			return false;
		n = n * base + (unsigned int)digit(*s);
	}
	if (!digits)
		return false;
	*p = s;
	*v = n;
	return true;
}

bool con_hex(const char **p, uint64_t *v)
{
	return number(p, v, 16, 16);
}

bool con_dec(const char **p, uint64_t *v)
{
	return number(p, v, 10, 19);
}

bool con_hex0x(const char **p, uint64_t *v)
{
	const char *s = *p;

	if (s[0] == '0' && s[1] == 'x')
		s += 2;
	if (!con_hex(&s, v))
		return false;
	*p = s;
	return true;
}

bool con_u32(const char **p, uint32_t *v)
{
	const char *s = *p;
	uint64_t n;

	/* The largest value stands for "none" everywhere. */
	if (!con_dec(&s, &n) || n >= UINT32_MAX)
		return false;
	*p = s;
	*v = (uint32_t)n;
	return true;
}

bool con_blank_to_end(const char *p)
{
	con_blanks(&p);
	return !*p;
}

int con_note(struct emt_console *c, enum emt_note_level level, unsigned long line, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (!c->ops.note)
		return 0;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return c->ops.note(c->arg, level, line, text);
}

int con_fact(struct emt_console *c, enum emt_fact_id id, uint32_t domid, uint64_t first, uint64_t last,
	     uint32_t tag, unsigned long line)
{
	c->told = true;
	return c->ops.fact ? c->ops.fact(c->arg, id, domid, first, last, tag, line) : 0;
}

int con_fact_text(struct emt_console *c, enum emt_fact_id id, uint32_t domid, const char *text,
		  unsigned long line)
{
	c->told = true;
	return c->ops.fact_text ? c->ops.fact_text(c->arg, id, domid, text, line) : 0;
}

int con_list_begin(struct emt_console *c, enum emt_fact_id id, uint32_t domid, unsigned long line)
{
	c->told = true;
	return c->ops.list_begin ? c->ops.list_begin(c->arg, id, domid, line) : 0;
}

int con_list_whole(struct emt_console *c, enum emt_fact_id id, uint32_t domid, unsigned long line)
{
	return c->ops.list_whole ? c->ops.list_whole(c->arg, id, domid, line) : 0;
}

int con_mtrr(struct emt_console *c, enum emt_fact_id id, uint32_t domid, uint32_t vcpu,
	     const struct emt_mtrr *m, unsigned long line)
{
	c->told = true;
	return c->ops.mtrr ? c->ops.mtrr(c->arg, id, domid, vcpu, m, line) : 0;
}

int con_about(struct emt_console *c, enum emt_console_about what, uint32_t domid, uint64_t value,
	      const char *text, unsigned long line)
{
	c->told = true;
	return c->ops.about ? c->ops.about(c->arg, what, domid, value, text, line) : 0;
}
