/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Key Q: PCI devices and who has them.
 *   4.2-4.12  0000:00:1f.3 - dom 0   - node -1  - MSIs < 25 >   (node since 4.6)
 *   4.13+     0000:00:1f.3 - d0 - node -1  - MSIs < 25 >        (or d[IO], DomIO:1)
 */
#include "console/internal.h"

#include <stdlib.h>

static int begin(struct emt_console *c, bool headed, unsigned long line)
{
	int rc = con_enter(c, CON_PCI);

	if (!rc)
		rc = con_pci_close(c);
	if (rc < 0)
		return rc;
	c->pci.open = true;
	c->pci.headed = headed;
	c->pci.bad = false;
	c->pci.n = 0;
	c->pci.line = line;
	return 0;
}

int con_pci_close(struct emt_console *c)
{
	struct con_pci *q = &c->pci;
	int rc = 0;

	if (!q->open)
		return 0;
	q->open = false;
	c->origin = "key Q";
	for (size_t i = 0; i < q->n && !rc; i++)
		rc = con_fact(c, EMT_FACT_PCI_DEVICES, q->v[i].domid, q->v[i].count, 0, 0, q->line);
	if (!rc && q->headed && !q->bad)
		rc = con_list_whole(c, EMT_FACT_PCI_DEVICES, CON_NO_DOMAIN, q->line);
	else if (!rc)
		rc = con_note(c, EMT_NOTE_WARNING, q->line, "the list of PCI devices is not whole: "
			      "domains it does not name may have devices");
	return rc;
}

static int count(struct emt_console *c, uint32_t domid)
{
	struct con_pci *q = &c->pci;

	for (size_t i = 0; i < q->n; i++)
		if (q->v[i].domid == domid) {
			q->v[i].count++;
			return 0;
		}
	if (q->n == q->room) {
		size_t room = q->room ? q->room * 2 : 8;
		void *v = realloc(q->v, room * sizeof(*q->v));

		if (!v)
			return EMT_E_NOMEM;
		q->v = v;
		q->room = room;
	}
	q->v[q->n].domid = domid;
	q->v[q->n++].count = 1;
	return 0;
}

/* "ssss:bb:dd.f - " */
static bool address(const char **p)
{
	const char *s = *p;
	uint64_t v;

	if (!con_hex(&s, &v) || !con_lit(&s, ":") || !con_hex(&s, &v) || !con_lit(&s, ":") ||
	    !con_hex(&s, &v) || !con_lit(&s, ".") || !con_hex(&s, &v) || !con_lit(&s, " - "))
		return false;
	*p = s;
	return true;
}

int con_pci_line(struct emt_console *c, const struct con_line *l)
{
	const char *s = l->s;
	uint32_t domid;
	uint64_t pseudo;
	bool domain;
	int rc = 0;

	con_blanks(&s);
	if (con_lit(&s, "==== PCI devices ====")) {
		rc = begin(c, true, l->no);
		return rc < 0 ? rc : 1;
	}
	if (con_lit(&s, "==== segment "))
		return c->pci.open;
	if (!address(&s))
		return 0;
	domain = con_lit(&s, "dom ") ? (con_blanks(&s), true) : con_lit(&s, "d");
	if (domain && con_u32(&s, &domid)) {
		con_blanks(&s);
		if (!con_lit(&s, "- "))
			domain = false;
	} else if (domain || con_lit(&s, "DomIO:")) {
		/* Quarantined or the hypervisor's own. */
		bool special = domain ? *s == '[' : con_hex(&s, &pseudo);

		if (special)
			return c->pci.open;
		domain = false;
	}
	if (!c->pci.open && domain)
		rc = begin(c, false, l->no);
	else if (!c->pci.open)
		return 0;
	if (!rc && domain)
		rc = count(c, domid);
	else if (!rc) {
		c->pci.bad = true;
		c->origin = "key Q";
		rc = con_note(c, EMT_NOTE_WARNING, l->no,
			      "looks like a PCI device but cannot be read as one: "
			      "not counted");
	}
	return rc < 0 ? rc : 1;
}
