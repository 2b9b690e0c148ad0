/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Key q: each domain's state. Of it: I/O rights ("Rangesets belonging to domain %u:"),
 * Xen-heap and extra pages, size, UUID and paging mode. A list counts as whole only if
 * its domain's block was seen from its heading to the end.
 */
#include "console/internal.h"

#include <stdio.h>
#include <string.h>

/* 'seen_end': the line that follows the page lists was there. */
static int end_block(struct emt_console *c, bool seen_end)
{
	struct con_key_q *q = &c->q;
	int rc = 0;

	if (!q->open)
		return 0;
	q->open = false;
	c->origin = "key q";
	if (!seen_end || !q->headed)
		return con_note(c, EMT_NOTE_WARNING, q->line, "key q's text of domain %u is not whole: "
				"its lists may miss elements", q->domid);
	if (q->special && q->xenheap_known && q->xenheap != q->xenpages) {
		q->special_bad = true;
		rc = con_note(c, EMT_NOTE_WARNING, q->line, "domain %u has %llu Xen-heap pages, of which "
			      "%llu are listed", q->domid, (unsigned long long)q->xenheap,
			      (unsigned long long)q->xenpages);
	}
	if (!rc && q->iomem && !q->iomem_bad)
		rc = con_list_whole(c, EMT_FACT_IOMEM_CAPS, q->domid, q->line);
	if (!rc && q->ioport && !q->ioport_bad)
		rc = con_list_whole(c, EMT_FACT_IOPORT_CAPS, q->domid, q->line);
	if (!rc && q->special && !q->special_bad)
		rc = con_list_whole(c, EMT_FACT_SPECIAL, q->domid, q->line);
	if (!rc && !q->paging)
		rc = con_fact(c, EMT_FACT_PAGING, q->domid, EMT_PAGING_PV, 0, 0, q->line);
	if (!rc && q->vcpus)
		rc = con_about(c, EMT_ABOUT_VCPUS, q->domid, q->vcpus, NULL, q->line);
	return rc;
}

int con_key_q_close(struct emt_console *c)
{
	return end_block(c, c->q.phase == CON_Q_REST);
}

static int begin_block(struct emt_console *c, uint32_t domid, bool headed, unsigned long line)
{
	int rc = con_enter(c, CON_KEY_Q);

	if (!rc)
		rc = con_key_q_close(c);
	c->q = (struct con_key_q){ .open = true, .headed = headed, .domid = domid, .line = line };
	c->origin = "key q";
	return rc;
}

static int paging(struct emt_console *c, const char *s, unsigned long line)
{
	enum emt_paging mode = EMT_PAGING_UNKNOWN;

	if (c->q.paging)
		return 0; /* the vCPUs repeat it */
	c->q.paging = true;
	if (!strstr(s, "translate"))
		mode = EMT_PAGING_PV; /* shadow paging of a PV guest: log-dirty, L1TF */
	else if (strstr(s, "shadow"))
		mode = EMT_PAGING_SHADOW;
	else if (strstr(s, "hap"))
		mode = c->vendor == CON_VENDOR_VMX ? EMT_PAGING_EPT :
		       c->vendor == CON_VENDOR_SVM ? EMT_PAGING_NPT : EMT_PAGING_UNKNOWN;
	return mode == EMT_PAGING_UNKNOWN ? 0 :
	       con_fact(c, EMT_FACT_PAGING, c->q.domid, mode, 0, 0, line);
}

static int general(struct emt_console *c, const char *s, unsigned long line)
{
	const char *p = s, *at;
	uint64_t n;

	if (con_lit(&p, "nr_pages=") && con_dec(&p, &n)) {
		at = strstr(p, "xenheap_pages=");
		if (at) {
			at += strlen("xenheap_pages=");
			c->q.xenheap_known = con_dec(&at, &c->q.xenheap);
		}
		return con_about(c, EMT_ABOUT_NR_PAGES, c->q.domid, n, NULL, line);
	}
	p = s;
	if (con_lit(&p, "handle=")) {
		char uuid[37];

		if (strspn(p, "0123456789abcdef-") < 36)
			return 0;
		snprintf(uuid, sizeof(uuid), "%.36s", p);
		return con_about(c, EMT_ABOUT_UUID, c->q.domid, 0, uuid, line);
	}
	p = s;
	if (con_lit(&p, "paging assistance:"))
		return paging(c, p, line);
	return 0;
}

/* " s-e, s, ... }"; *bad when it does not end as it should. */
static int elements(struct emt_console *c, enum emt_fact_id id, const char *p, bool *bad, unsigned long line)
{
	int rc = con_list_begin(c, id, c->q.domid, line);

	while (!rc) {
		uint64_t first, last;

		con_blanks(&p);
		if (*p == '}')
			return 0;
		if (!con_hex(&p, &first))
			break;
		last = first;
		if (con_lit(&p, "-") && (!con_hex(&p, &last) || last < first))
			break;
		con_blanks(&p);
		/* Without what follows it the number itself may be cut. */
		if (*p != '}' && !con_lit(&p, ","))
			break;
		rc = con_fact(c, id, c->q.domid, first, last, 0, line);
	}
	if (rc)
		return rc;
	*bad = true;
	return con_note(c, EMT_NOTE_WARNING, line,
			"the list \"%s\" of domain %u is cut short or not readable",
			emt_fact_descs[id].name, c->q.domid);
}

/* "I/O Memory { ... }", if 's' is one of the lists wanted. */
static int rangeset(struct emt_console *c, const char *s, unsigned long line)
{
	struct con_key_q *q = &c->q;
	const char *p = s;
	bool mem;

	if (con_lit(&p, "None")) {
		int rc = con_list_begin(c, EMT_FACT_IOMEM_CAPS, q->domid, line);

		q->iomem = q->ioport = true;
		return rc ? rc : con_list_begin(c, EMT_FACT_IOPORT_CAPS, q->domid, line);
	}
	mem = con_lit(&p, "I/O Memory");
	if (!mem && !con_lit(&p, "I/O Ports"))
		return 0;
	con_blanks(&p);
	if (!con_lit(&p, "{"))
		return 0;
	if (mem) {
		q->iomem = true;
		q->iomem_bad = false;
		return elements(c, EMT_FACT_IOMEM_CAPS, p, &q->iomem_bad, line);
	}
	q->ioport = true;
	q->ioport_bad = false;
	return elements(c, EMT_FACT_IOPORT_CAPS, p, &q->ioport_bad, line);
}

static int page(struct emt_console *c, const char *s, const struct con_line *l)
{
	struct con_key_q *q = &c->q;
	bool heap = con_lit(&s, "XenPage");
	uint64_t mfn;

	if (!heap && !con_lit(&s, "ExtraPage"))
		return 0;
	con_blanks(&s);
	if (!con_hex0x(&s, &mfn) || *s != ':' || mfn >= 1ULL << 40) {
		q->special_bad = true;
		return con_note(c, EMT_NOTE_WARNING, l->no, "a special page of domain %u cannot be read: "
				"not used", q->domid);
	}
	q->xenpages += heap;
	return con_fact(c, EMT_FACT_SPECIAL, q->domid, mfn, mfn,
			heap ? EMT_SPECIAL_XENHEAP : EMT_SPECIAL_EXTRA, l->no);
}

/* Headings; 1 = it was one. */
static int heading(struct emt_console *c, const char *s, unsigned long line)
{
	struct con_key_q *q = &c->q;
	const char *p = s;
	uint32_t domid;
	int rc;

	if (con_lit(&p, "General information for domain ") && con_u32(&p, &domid)) {
		rc = begin_block(c, domid, true, line);
		return rc ? rc : 1;
	}
	p = s;
	if (con_lit(&p, "Rangesets belonging to domain ") && con_u32(&p, &domid)) {
		rc = 0;
		if (!q->open || q->domid != domid)
			rc = begin_block(c, domid, false, line);
		q->phase = CON_Q_RANGES;
		return rc ? rc : 1;
	}
	p = s;
	if (con_lit(&p, "Memory pages belonging to domain ") && con_u32(&p, &domid)) {
		rc = 0;
		if (!q->open || q->domid != domid)
			rc = begin_block(c, domid, false, line);
		q->phase = CON_Q_PAGES;
		q->special = true;
		q->special_bad = false;
		q->xenpages = 0;
		if (!rc)
			rc = con_list_begin(c, EMT_FACT_SPECIAL, domid, line);
		return rc ? rc : 1;
	}
	p = s;
	if ((con_lit(&p, "NODE affinity for domain ") ||
	     con_lit(&p, "VCPU information and callbacks for domain ")) && con_u32(&p, &domid)) {
		if (q->open && q->domid == domid)
			q->phase = CON_Q_REST;
		return q->open;
	}
	return 0;
}

int con_key_q_line(struct emt_console *c, const struct con_line *l)
{
	const char *s = l->s, *p;
	uint32_t n;
	int rc;

	con_blanks(&s);
	rc = heading(c, s, l->no);
	if (rc)
		return rc < 0 ? rc : 1;
	p = s;
	if (!c->q.open) {
		if (c->section == CON_NONE && (con_lit(&p, "I/O Memory {") || con_lit(&p, "I/O Ports  {") ||
					       con_lit(&p, "XenPage ") || con_lit(&p, "ExtraPage "))) {
			c->origin = "key q";
			rc = con_note(c, EMT_NOTE_WARNING, l->no, "part of key q's text without its heading: "
				      "its domain is not known, not used");
			return rc < 0 ? rc : 1;
		}
		return 0;
	}
	c->origin = "key q";
	switch (c->q.phase) {
	case CON_Q_RANGES:
		rc = rangeset(c, s, l->no);
		break;
	case CON_Q_PAGES:
		rc = page(c, s, l);
		break;
	case CON_Q_GENERAL:
		rc = general(c, s, l->no);
		break;
	case CON_Q_REST:
		if (con_lit(&p, "VCPU") && con_u32(&p, &n) && *p == ':') {
			if (n >= c->q.vcpus)
				c->q.vcpus = n + 1;
			return 1;
		}
		if (con_lit(&p, "Notifying guest ") || con_lit(&p, "Shared frames ")) {
			/* Behind the last domain. */
			rc = con_enter(c, CON_NONE);
			return rc < 0 ? rc : 1;
		}
		break;
	}
	/* Other messages land between: leave lines not used to other readers. */
	return rc < 0 ? rc : 0;
}
