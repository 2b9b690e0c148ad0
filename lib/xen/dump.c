/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xen/dump.h"

#include <stdio.h>
#include <stdlib.h>

#include "xen/internal.h"

#define PIECE (256u << 10)
#define TURNS 4096 /* pieces at most: a console that never falls silent ends somewhere */
#define UNKNOWN_BAUD 9600 /* com1=auto and the like: the slowest that is usual */
#define AROUND 64  /* lines beside a domain's RAM: headings, MMIO, special pages */

/* ---- the command line ---- */

/* The value of the last word "name=", up to the next blank. */
static bool word(const char *line, const char *name, char *out, size_t room)
{
	size_t len = strlen(name);
	bool found = false;

	for (const char *p = line; (p = strstr(p, name)); p++)
		if ((p == line || p[-1] == ' ') && p[len] == '=') {
			snprintf(out, room, "%.*s", (int)strcspn(p + len + 1, " "), p + len + 1);
			found = true;
		}
	return found;
}

static uint64_t bytes_of(const char *text)
{
	char *end;
	uint64_t n = strtoull(text, &end, 0);

	switch (*end) {
	case 'k': case 'K': return n << 10;
	case 'm': case 'M': return n << 20;
	case 'g': case 'G': return n << 30;
	default: return n;
	}
}

void emt_xen_ring_of(const char *cmdline, struct emt_xen_ring *r)
{
	char text[128], console[128] = "com1,vga"; /* Xen's default */

	*r = (struct emt_xen_ring){ .bytes = EMT_XEN_RING_LEAST };
	if (word(cmdline, "conring_size", text, sizeof(text)) && bytes_of(text)) {
		r->stated = true;
		r->bytes = bytes_of(text);
	}
	word(cmdline, "console", console, sizeof(console));
	for (const char *p = console; (p = strstr(p, "com")); p++) {
		char name[8];
		uint32_t baud;

		/* a port without settings of its own is not there for Xen */
		snprintf(name, sizeof(name), "%.4s", p);
		if (!word(cmdline, name, text, sizeof(text)))
			continue;
		baud = (uint32_t)strtoul(text, NULL, 10);
		if (!baud)
			baud = UNKNOWN_BAUD;
		if (!r->baud || baud < r->baud)
			r->baud = baud;
	}
}

/* ---- what it will cost ---- */

int emt_xen_dump_plan(struct emt_xen *x, struct emt_xen_dump_plan *p, struct emt_err *err)
{
	struct emt_xen_domain *v = NULL;
	char cmdline[1025];
	size_t n = 0;
	int rc;

	memset(p, 0, sizeof(*p));
	rc = emt_xen_cmdline(x, cmdline, sizeof(cmdline), err);
	if (!rc)
		rc = emt_xen_domains(x, &v, &n, err);
	if (rc)
		return rc;
	emt_xen_ring_of(cmdline, &p->ring);
	for (size_t i = 0; i < n; i++) {
		uint64_t pages = v[i].tot_pages;

		if (v[i].type == EMT_XEN_PV || v[i].paging == EMT_PAGING_SHADOW || v[i].paging == EMT_PAGING_NPT)
			continue;
		p->domains++;
		p->bytes += (pages / 512 + pages % 512 + AROUND) * EMT_XEN_DUMP_LINE;
		p->bytes_most += (pages + AROUND) * EMT_XEN_DUMP_LINE;
	}
	free(v);
	if (p->ring.baud)
		p->seconds = p->bytes * 10 / p->ring.baud;
	return 0;
}

int emt_xen_dump_allowed(const struct emt_xen_dump_plan *p, const char *subject, struct emt_err *err)
{
	uint64_t mib = 1;

	if (p->bytes > p->ring.bytes) {
		while (mib << 20 < p->bytes * 2)
			mib *= 2;
		emt_err_set(err, EMT_E_UNSUPPORTED, subject, NULL,
			    "the dump of %u domain%s takes %llu KiB or more, and Xen's console ring holds %llu KiB%s",
			    p->domains, p->domains == 1 ? "" : "s", (unsigned long long)p->bytes >> 10,
			    (unsigned long long)p->ring.bytes >> 10, p->ring.stated ? "" : ", as far as is known");
		if (err)
			snprintf(err->next, sizeof(err->next), "boot Xen with conring_size=%lluM",
				 (unsigned long long)mib);
		return EMT_E_UNSUPPORTED;
	}
	if (p->seconds > EMT_XEN_STALL_MAX)
		return emt_err_set(err, EMT_E_UNSUPPORTED, subject, "boot Xen with console=vga",
				   "Xen prints to a serial line of %u baud too: the dump would hold every other "
				   "sysctl of the host for about %llu s", p->ring.baud,
				   (unsigned long long)p->seconds);
	return 0;
}

/* ---- keys ---- */

/* All text from '*index' on to 'text' (NULL: nobody wants it). */
static int drain(struct emt_xen *x, uint32_t *index, char *piece,
		 int (*text)(const char *data, size_t len, void *arg), void *arg, uint64_t *lost,
		 struct emt_err *err)
{
	for (unsigned int turn = 0; turn < TURNS; turn++) {
		uint64_t gone = 0;
		long n = emt_xen_console(x, index, piece, PIECE, &gone, err);
		int rc;

		if (n < 0)
			return (int)n;
		*lost += gone;
		if (!n)
			return 0;
		rc = text ? text(piece, (size_t)n, arg) : 0;
		if (rc)
			return rc;
	}
	return emt_err_set(err, EMT_E_IO, x->subject, "try again when less is printed",
			   "Xen's console does not fall silent");
}

int emt_xen_keys(struct emt_xen *x, const enum emt_xen_call *keys, size_t n,
		 int (*text)(const char *data, size_t len, void *arg), void *arg, uint64_t *lost,
		 struct emt_err *err)
{
	char *piece = malloc(PIECE);
	uint8_t *args = emt_xen_buffer(x, EMT_XEN_ARG);
	uint64_t before = 0;
	uint32_t index = 0;
	int rc = piece && args ? drain(x, &index, piece, NULL, NULL, &before, err) : xen_nomem(x, err);

	*lost = 0;
	for (size_t i = 0; i < n && !rc; i++) {
		memset(args, 0, EMT_XEN_ARG);
		rc = emt_xen_issue(x, keys[i], args, NULL, NULL, err);
		if (!rc)
			rc = drain(x, &index, piece, text, arg, lost, err);
	}
	emt_xen_buffer_free(x, args);
	free(piece);
	return rc;
}
