/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Key o: IOMMU page tables.
 *   4.2-4.14  "domain%d IOMMU p2m table: ", then "p2m table has %d levels";
 *             "domain%d IOMMU p2m table shared with MMU: "
 *   4.15+     "[VT-D] d%d table has %d levels", "AMD IOMMU d%d table has %u levels",
 *             "d%d sharing page tables"
 * and a line an entry, indented by the levels above it: "gfn: %08lx mfn: %08lx" (4.2 to
 * 4.11), "dfn: ..." later, two blanks between the numbers on AMD, "rw" at the end on
 * VT-d since 4.16 and on AMD since 4.17.
 */
#include "console/internal.h"

#include <string.h>

/* A heading without entries yet waits here: only entries tell VT-d from AMD. */
static int begin(struct emt_console *c)
{
	struct con_key_o *o = &c->o;

	if (o->begun)
		return 0;
	o->begun = true;
	c->origin = "key o";
	return c->ops.iommu_begin ?
	       c->ops.iommu_begin(c->arg, o->domid, false, o->amd, o->levels, o->line) : 0;
}

int con_key_o_close(struct emt_console *c)
{
	struct con_key_o *o = &c->o;
	int rc;

	if (!o->open)
		return 0;
	rc = begin(c);
	o->open = false;
	if (!rc && c->ops.iommu_end)
		rc = c->ops.iommu_end(c->arg, o->bad, o->last);
	return rc;
}

static int open_table(struct emt_console *c, uint32_t domid, unsigned int levels, unsigned long line)
{
	int rc = con_enter(c, CON_KEY_O);

	if (!rc)
		rc = con_key_o_close(c);
	if (rc < 0)
		return rc;
	c->o = (struct con_key_o){ .open = true, .domid = domid, .levels = levels, .line = line,
				   .last = line };
	c->origin = "key o";
	if (domid == CON_NO_DOMAIN)
		return con_note(c, EMT_NOTE_WARNING, line, "an IOMMU table without its heading begins here: "
				"its domain is not known");
	rc = con_fact(c, EMT_FACT_DOMAIN_IOMMU, domid, 1, 0, 0, line);
	if (!rc)
		rc = con_fact(c, EMT_FACT_IOMMU_SHARED, domid, 0, 0, 0, line);
	return rc;
}

static int shared_table(struct emt_console *c, uint32_t domid, unsigned long line)
{
	int rc = con_enter(c, CON_KEY_O);

	if (!rc)
		rc = con_key_o_close(c);
	if (rc < 0)
		return rc;
	c->origin = "key o";
	rc = con_fact(c, EMT_FACT_DOMAIN_IOMMU, domid, 1, 0, 0, line);
	if (!rc)
		rc = con_fact(c, EMT_FACT_IOMMU_SHARED, domid, 1, 0, 0, line);
	if (!rc && c->ops.iommu_begin)
		rc = c->ops.iommu_begin(c->arg, domid, true, false, 0, line);
	if (!rc && c->ops.iommu_end)
		rc = c->ops.iommu_end(c->arg, 0, line);
	return rc;
}

/* 1 = it was a heading. */
static int heading(struct emt_console *c, const char *s, unsigned long line)
{
	const char *p = s;
	uint32_t domid, levels;
	bool amd;
	int rc;

	if (con_lit(&p, "domain") && con_u32(&p, &domid) && con_lit(&p, " IOMMU p2m table")) {
		rc = con_lit(&p, " shared with MMU") ? shared_table(c, domid, line) :
		     open_table(c, domid, 0, line);
		return rc < 0 ? rc : 1;
	}
	p = s;
	if (con_lit(&p, "p2m table has ") && con_u32(&p, &levels) && con_lit(&p, " level")) {
		if (!c->o.open)
			return 0;
		if (!c->o.begun && levels < 8)
			c->o.levels = levels;
		return 1;
	}
	p = s;
	if (con_lit(&p, "d") && con_u32(&p, &domid) && con_lit(&p, " sharing page tables")) {
		rc = shared_table(c, domid, line);
		return rc < 0 ? rc : 1;
	}
	p = s;
	amd = con_lit(&p, "AMD IOMMU d");
	if (!amd && con_lit(&p, "[VT-D]")) {
		con_blanks(&p);
		if (!con_lit(&p, "d"))
			return 0;
	} else if (!amd) {
		return 0;
	}
	if (!con_u32(&p, &domid) || !con_lit(&p, " table has ") || !con_u32(&p, &levels) ||
	    !con_lit(&p, " level") || levels > 7)
		return 0;
	rc = open_table(c, domid, levels, line);
	c->o.amd = amd;
	c->o.amd_known = true;
	return rc < 0 ? rc : 1;
}

static int bad(struct emt_console *c, unsigned long line, const char *what)
{
	c->origin = "key o";
	c->wasted = true;
	c->o.bad++;
	c->o.last = line;
	return con_note(c, EMT_NOTE_WARNING, line, "%s", what);
}

static bool parse(const char *p, bool cut, uint64_t *dfn, uint64_t *mfn, unsigned int *perm, bool *amd)
{
	const char *gap;

	con_blanks(&p);
	if (!con_hex(&p, dfn))
		return false;
	gap = p;
	con_blanks(&p);
	*amd = p - gap > 1;
	if (!con_lit(&p, "mfn:"))
		return false;
	con_blanks(&p);
	gap = p;
	if (!con_hex(&p, mfn) || p - gap < 8)
		return false; /* always at least eight digits: fewer are cut */
	con_blanks(&p);
	*perm = 0xff;
	if (!*p)
		return !cut;
	if ((p[0] != 'r' && p[0] != '-') || (p[1] != 'w' && p[1] != '-'))
		return false;
	*perm = (p[0] == 'r' ? EMT_R : 0) | (p[1] == 'w' ? EMT_W : 0);
	return con_blank_to_end(p + 2);
}

static int entry(struct emt_console *c, const struct con_line *l, const char *s, unsigned int indent)
{
	struct con_key_o *o = &c->o;
	uint64_t dfn, mfn, frames;
	unsigned int perm, level;
	bool amd;
	int rc = 0;

	if (!o->open)
		rc = open_table(c, CON_NO_DOMAIN, 0, l->no);
	if (rc < 0)
		return rc;
	if (!parse(s, l->cut || l->open, &dfn, &mfn, &perm, &amd))
		return bad(c, l->no, "looks like an IOMMU entry but cannot be read as one: not used");
	if (!o->amd_known) {
		o->amd = amd;
		o->amd_known = true;
	}
	/* Without levels the indent says nothing; leaves are then taken for 4 KiB. */
	level = o->levels ? o->levels - indent : 1;
	if (o->levels && (indent >= o->levels || level > 3))
		return bad(c, l->no,
			   "the indent of an IOMMU entry does not fit the levels of the table: not used");
	frames = 1ULL << (9 * (level - 1));
	if (dfn >= 1ULL << 52 || mfn >= 1ULL << 52 || (dfn | mfn) & (frames - 1))
		return bad(c, l->no, "an IOMMU entry is not aligned to its level: not used");
	if (dfn < o->next)
		return bad(c, l->no, "an IOMMU entry is out of order or overlaps the one before: not used");
	rc = begin(c);
	if (rc < 0)
		return rc;
	o->next = dfn + frames;
	o->last = l->no;
	c->origin = "key o";
	return c->ops.iommu_entry ? c->ops.iommu_entry(c->arg, dfn, mfn, perm, level, l->no) : 0;
}

int con_key_o_line(struct emt_console *c, const struct con_line *l)
{
	const char *s = l->s;
	int rc;

	con_blanks(&s);
	rc = heading(c, s, l->no);
	if (rc)
		return rc;
	if (con_lit(&s, "dfn:") || con_lit(&s, "gfn:")) {
		unsigned int indent = (unsigned int)(s - l->s - 4);

		/* A table without heading is believed only if its line is whole. */
		if (!c->o.open && (l->cut || l->open || !strstr(s, "mfn:")))
			return 0;
		rc = entry(c, l, s, indent);
		return rc < 0 ? rc : 1;
	}
	return 0;
}
