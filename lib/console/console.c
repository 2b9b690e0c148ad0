/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines out of any pieces of text, messages out of lines, and each message to the
 * readers of the several texts.
 */
#include "console/internal.h"

#include <stdlib.h>
#include <string.h>

static int end_line(struct emt_console *c, bool open);

struct emt_console *emt_console_new(const struct emt_console_ops *ops, void *arg)
{
	struct emt_console *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->ops = *ops;
	c->arg = arg;
	c->origin = "";
	return c;
}

void emt_console_free(struct emt_console *c)
{
	if (!c)
		return;
	free(c->pci.v);
	free(c);
}

unsigned long emt_console_lines(const struct emt_console *c)
{
	return c->lines;
}

unsigned long emt_console_used(const struct emt_console *c)
{
	return c->used;
}

const char *emt_console_origin(const struct emt_console *c)
{
	return c->origin;
}

static int fail(struct emt_console *c, int rc, struct emt_err *err)
{
	c->failed = rc;
	return emt_err_set(err, rc, "console text", NULL,
			   rc == EMT_E_NOMEM ? "out of memory at line %lu" : "reading stopped at line %lu",
			   c->lines);
}

int emt_console_feed(struct emt_console *c, const char *text, size_t len, struct emt_err *err)
{
	const char *end = text + len;

	if (c->failed)
		return fail(c, c->failed, err);
	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((nl ? nl : end) - text);
		size_t room = EMT_CONSOLE_LINE_MAX - c->len;

		if (!c->len && !c->too_long)
			c->lines++;
		if (n > room) {
			c->too_long = true;
			n = room;
		}
		memcpy(c->buf + c->len, text, n);
		c->len += n;
		if (!nl)
			break;
		text = nl + 1;
		int rc = end_line(c, false);

		if (rc < 0)
			return fail(c, rc, err);
	}
	return 0;
}

int emt_console_finish(struct emt_console *c, struct emt_err *err)
{
	int rc = c->failed;

	if (!rc && (c->len || c->too_long))
		rc = end_line(c, true);
	if (rc >= 0)
		rc = con_enter(c, CON_NONE);
	if (rc >= 0)
		rc = con_boot_close(c);
	if (rc < 0)
		return fail(c, rc, err);
	c->failed = EMT_E_USAGE;
	return 0;
}

int con_enter(struct emt_console *c, enum con_section section)
{
	int rc = 0;

	if (c->section == section)
		return 0;
	switch (c->section) {
	case CON_KEY_D: rc = con_key_d_close(c, false); break;
	case CON_KEY_O: rc = con_key_o_close(c); break;
	case CON_KEY_Q: rc = con_key_q_close(c); break;
	case CON_PCI: rc = con_pci_close(c); break;
	case CON_KEY_V: con_key_v_close(c); break;
	case CON_HVMCTX: rc = con_hvmctx_close(c); break;
	case CON_NONE:
	case CON_BOOT: break;
	}
	c->section = section;
	return rc < 0 ? rc : 0;
}

/* What is behind a timestamp as console_timestamps= or a logger prints it, or NULL:
 * "[  123.456789] ", "[2026-11-04 16:52:28] ", "[...:28.123] ", "[16 hex digits] ". */
static char *timestamp(char *s)
{
	size_t n, hex;

	if (*s++ != '[')
		return NULL;
	n = strspn(s, " 0123456789.:-");
	hex = strspn(s, "0123456789abcdef");
	if (s[n] == ']' && (memchr(s, '.', n) || memchr(s, ':', n)) && strcspn(s, "0123456789") < n)
		s += n + 1;
	else if (hex == 16 && s[hex] == ']')
		s += hex + 1;
	else
		return NULL;
	return *s == ' ' ? s + 1 : *s ? NULL : s;
}

/* "(d1) ", "(d1v0) ": a guest's own output; what it says is not the hypervisor's. */
static bool guest_prefix(const char *s)
{
	uint32_t n;

	if (!con_lit(&s, "(d") || !con_u32(&s, &n))
		return false;
	if (*s == 'v') {
		s++;
		if (!con_u32(&s, &n))
			return false;
	}
	return *s == ')';
}

static char *strip_prefix(char *s, bool *xen)
{
	for (;;) {
		char *behind = timestamp(s);

		if (behind) {
			s = behind;
		} else if (!strncmp(s, "(XEN)", 5)) {
			*xen = true;
			s += 5;
			if (*s == ' ')
				s++;
		} else {
			return s;
		}
	}
}

static int message(struct emt_console *c, const struct con_line *l)
{
	static const struct {
		int (*line)(struct emt_console *c, const struct con_line *l);
		const char *origin;
	} readers[] = {
		{ con_key_d_line, "key D" }, { con_key_o_line, "key o" }, { con_key_q_line, "key q" },
		{ con_pci_line, "key Q" }, { con_key_v_line, "key v" },
		{ con_hvmctx_line, "save record (xen-hvmctx)" }, { con_boot_line, "boot log" },
		{ con_xlinfo_line, "xl info" },
	};
	int rc = 0;

	for (size_t i = 0; i < EMT_ARRAY_SIZE(readers) && !rc; i++) {
		c->origin = readers[i].origin;
		rc = readers[i].line(c, l);
	}
	c->told |= rc > 0;
	return rc;
}

/* One line in c->buf: clean it, split it at further prefixes, hand on the parts. */
static int split_line(struct emt_console *c, bool open)
{
	struct con_line l = { .no = c->lines };
	char *s = c->buf, *other;
	bool cut = c->too_long;

	for (size_t i = 0; i < c->len; i++)
		if ((unsigned char)s[i] < ' ' && s[i] != '\t')
			s[i] = ' ';
	s[c->len] = '\0';
	if (cut) {
		int rc = con_note(c, EMT_NOTE_WARNING, c->lines,
				  "line is longer than %d bytes, its end is cut",
				  EMT_CONSOLE_LINE_MAX);
		if (rc)
			return rc;
	}
	for (;;) {
		int rc;

		l.xen = false;
		l.s = s = strip_prefix(s, &l.xen);
		if (guest_prefix(s)) {
			/* All of it may be the guest's: look for no further prefix. */
			return con_key_d_guest(c, &l);
		}
		other = strstr(s, "(XEN)");
		if (other) {
			char save = *other;

			*other = '\0';
			l.cut = true;
			l.open = false;
			rc = con_blank_to_end(s) ? 0 : message(c, &l);
			*other = save;
			s = other;
		} else {
			l.cut = cut;
			l.open = open;
			return con_blank_to_end(s) ? 0 : message(c, &l);
		}
		if (rc < 0)
			return rc;
	}
}

static int end_line(struct emt_console *c, bool open)
{
	int rc;

	/* CRLF; any other control character becomes a blank. */
	if (c->len && !c->too_long && c->buf[c->len - 1] == '\r') {
		c->len--;
		open = false;
	}
	c->told = c->wasted = false;
	rc = split_line(c, open);
	c->used += c->told && !c->wasted;
	c->len = 0;
	c->too_long = false;
	return rc < 0 ? rc : 0;
}
