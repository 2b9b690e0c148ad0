/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Key D: the EPT of each domain with hardware assisted paging. One line an entry:
 *   4.5+     gfn: %13lx order: %2d mfn: %13lx rwx TTp    or    gfn: .. order: .. PoD
 *   4.2-4.4  gfn: %-16lx  mfn: %-16lx  order: %2d  is_pod: %d
 * TT is the type, p '?' (pending), '!' (ipat) or a blank.
 */
#include "console/internal.h"

#include <string.h>

/* INVALID_MFN in the 40 bits of an EPT entry. */
#define INVALID_MFN40 0xffffffffffULL
#define MAX_FRAME INVALID_MFN40

static int begin(struct emt_console *c, uint32_t domid, bool cut_head, unsigned long line)
{
	int rc = con_enter(c, CON_KEY_D);

	if (rc < 0)
		return rc;
	rc = con_key_d_close(c, false);
	if (rc < 0)
		return rc;
	c->d = (struct con_key_d){ .open = true, .cut_head = cut_head, .line = line,
				   .blank_lost = c->d.blank_lost };
	c->vendor = CON_VENDOR_VMX; /* the key exists on EPT hardware only */
	c->origin = "key D";
	if (cut_head)
		rc = con_note(c, EMT_NOTE_WARNING, line, "an EPT dump without its heading begins here: "
			      "its domain is not known and its first entries may be missing");
	if (!rc && c->ops.ept_begin)
		rc = c->ops.ept_begin(c->arg, domid, line);
	return rc;
}

int con_key_d_close(struct emt_console *c, bool cut_tail)
{
	if (!c->d.open)
		return 0;
	c->d.open = false;
	c->origin = "key D";
	return c->ops.ept_end ? c->ops.ept_end(c->arg, c->d.cut_head, cut_tail, c->d.line) : 0;
}

/* A line that should have been an entry; 'what' says why it is none. */
static int drop(struct emt_console *c, enum emt_console_drop kind, unsigned long line, const char *what)
{
	int rc = 0;

	c->origin = "key D";
	c->wasted = true;
	if (!c->d.open)
		rc = begin(c, CON_NO_DOMAIN, true, line);
	if (!rc)
		rc = con_note(c, EMT_NOTE_WARNING, line, "%s", what);
	if (!rc && c->ops.ept_dropped)
		rc = c->ops.ept_dropped(c->arg, kind, line);
	c->d.line = line;
	return rc;
}

static bool parse_old(const char *p, struct emt_run *e, const char **rest)
{
	uint64_t pod;

	con_blanks(&p);
	if (!con_lit(&p, "is_pod:"))
		return false;
	con_blanks(&p);
	if (!con_dec(&p, &pod) || pod > 1)
		return false;
	/* Slots never populated print as mfn 0. */
	if (!e->mfn)
		e->mfn = EMT_NO_FRAME;
	if (pod) {
		e->flags = EMT_RUN_POD;
		e->mfn = EMT_NO_FRAME;
	} else {
		e->flags = EMT_RUN_NO_TYPE;
		e->perm = e->mfn == EMT_NO_FRAME ? 0 : EMT_R | EMT_W | EMT_X;
	}
	*rest = p;
	return true;
}

/* "rwx UC!": letters may be blank, and runs of blanks may have been squeezed. */
static bool parse_type(const char *p, bool cut, bool *blank_lost, struct emt_run *e, const char **rest)
{
	static const char letters[] = "rwx";
	char name[3] = "";
	int mt;

	if (*p != ' ' && *p != '\t')
		return false;
	con_blanks(&p);
	for (int i = 0; i < 3; i++)
		if (*p == letters[i]) {
			e->perm |= (uint8_t)(1 << i);
			p++;
			con_blanks(&p);
		}
	if (!p[0] || !p[1])
		return false;
	memcpy(name, p, 2);
	if (*name != 'U' && *name != 'W' && *name != '?')
		return false;
	mt = emt_mt_parse(name);
	if (mt < 0)
		return false;
	e->emt = (uint8_t)mt;
	p += 2;
	switch (*p) {
	case '?':
		e->flags |= EMT_RUN_PENDING_ABOVE | EMT_RUN_IPAT_HIDDEN;
		p++;
		break;
	case '!':
		e->ipat = 1;
		p++;
		break;
	case ' ':
	case '\t':
		break;
	case '\0':
		/* Cut, or only a lost blank? */
		if (cut)
			return false;
		*blank_lost = true;
		break;
	default:
		return false;
	}
	*rest = p;
	return true;
}

/* 'p' is behind "gfn:". */
static bool parse(const char *p, bool cut, bool *blank_lost, struct emt_run *e, const char **rest)
{
	uint64_t gfn, mfn = EMT_NO_FRAME, order;
	bool old;

	*e = (struct emt_run){ .count = 1, .mfn = EMT_NO_FRAME, .p2mt = EMT_P2M_UNKNOWN, .access = 0xff };
	con_blanks(&p);
	if (!con_hex(&p, &gfn) || (*p != ' ' && *p != '\t'))
		return false;
	con_blanks(&p);
	old = con_lit(&p, "mfn:");
	if (old) {
		con_blanks(&p);
		if (!con_hex(&p, &mfn))
			return false;
		con_blanks(&p);
	}
	if (!con_lit(&p, "order:"))
		return false;
	con_blanks(&p);
	if (!con_dec(&p, &order) ||
	    (order != EMT_ORDER_4K && order != EMT_ORDER_2M && order != EMT_ORDER_1G))
		return false;
	e->order = (uint8_t)order;
	e->gfn = gfn;
	con_blanks(&p);
	if (!old && con_lit(&p, "PoD")) {
		e->flags = EMT_RUN_POD;
		*rest = p;
		return !*p || *p == ' ' || *p == '\t';
	}
	if (!old) {
		if (!con_lit(&p, "mfn:"))
			return false;
		con_blanks(&p);
		if (!con_hex(&p, &mfn))
			return false;
	}
	if (mfn == INVALID_MFN40)
		mfn = EMT_NO_FRAME;
	if (gfn >= MAX_FRAME || (mfn > MAX_FRAME && mfn != EMT_NO_FRAME))
		return false;
	e->mfn = mfn;
	return old ? parse_old(p, e, rest) : parse_type(p, cut, blank_lost, e, rest);
}

static int take(struct emt_console *c, const struct emt_run *e, unsigned long line)
{
	struct con_key_d *d = &c->d;
	uint64_t mask = (1ULL << e->order) - 1;
	int rc;

	if ((e->gfn & mask) || (e->mfn != EMT_NO_FRAME && (e->mfn & mask)))
		return drop(c, EMT_DROP_ENTRY, line, "entry is not aligned to its order: left out");
	/* Back to the start: another dump, whose heading is lost. */
	if (d->open && d->entries > 1 && e->gfn <= d->first) {
		rc = begin(c, CON_NO_DOMAIN, true, line);
		if (rc < 0)
			return rc;
	}
	if (!d->open) {
		rc = begin(c, CON_NO_DOMAIN, true, line);
		if (rc < 0)
			return rc;
	}
	if (d->entries && e->gfn < d->next)
		return drop(c, EMT_DROP_ENTRY, line, e->gfn + mask < d->next - 1 ?
			    "entry is out of gfn order: left out" :
			    "entry overlaps the one before: left out");
	if (!d->entries)
		d->first = e->gfn;
	d->entries++;
	d->next = e->gfn + mask + 1;
	d->line = line;
	c->origin = "key D";
	return c->ops.ept_entry ? c->ops.ept_entry(c->arg, e, line) : 0;
}

/* "domain%d EPT p2m table:", here or behind other text. */
static const char *heading(const char *s, uint32_t *domid)
{
	const char *at = s;

	while ((at = strstr(at, "domain"))) {
		const char *p = at + strlen("domain");

		if (con_u32(&p, domid) && con_lit(&p, " EPT"))
			return at;
		at++;
	}
	return NULL;
}

/* Pieces of an entry, as an interleaved or cut line leaves them. */
static bool looks_like_entry(const char *s)
{
	return strstr(s, "order:") && (strstr(s, "gfn:") || strstr(s, "mfn:") || strstr(s, "PoD"));
}

int con_key_d_guest(struct emt_console *c, const struct con_line *l)
{
	if (!c->d.open || !strstr(l->s, "gfn:") || !looks_like_entry(l->s))
		return 0;
	return drop(c, EMT_DROP_LINE, l->no, "what looks like an entry is in a guest's own output: not used");
}

int con_key_d_line(struct emt_console *c, const struct con_line *l)
{
	const char *s = l->s, *at, *rest = NULL;
	struct emt_run e;
	uint32_t domid;
	bool cut;
	int rc;

	con_blanks(&s);
	at = heading(s, &domid);
	if (at) {
		rc = begin(c, domid, false, l->no);
		if (!rc && at != s)
			rc = con_note(c, EMT_NOTE_INFO, l->no,
				      "other text before the heading of domain %u's dump",
				      domid);
		return rc < 0 ? rc : 1;
	}
	at = strstr(s, "gfn:");
	if (!at || (at != s && !looks_like_entry(s))) {
		/* The rest of an entry whose beginning is gone: the ring has wrapped. */
		if (!looks_like_entry(s) || (!c->d.open && l->no > 1))
			return 0;
		rc = drop(c, EMT_DROP_LINE, l->no, c->d.open ? "an entry without its beginning: not used" :
			  "the text begins inside an entry: the console ring has wrapped");
		return rc < 0 ? rc : 1;
	}
	if (!c->d.open && !strstr(at, "order:"))
		return 0; /* key o of old releases, or nothing */
	/* Lines before tell whether this text loses trailing blanks. */
	cut = l->cut || (l->open && !c->d.blank_lost);
	if (!parse(at + strlen("gfn:"), cut, &c->d.blank_lost, &e, &rest)) {
		bool tail = l->open && c->d.open;

		rc = drop(c, EMT_DROP_LINE, l->no, l->open ? "the text ends inside an entry: not used" :
			  l->cut ? "an entry is cut short by another message: not used" :
			  "looks like an entry but cannot be read as one: not used");
		if (!rc && tail)
			rc = con_key_d_close(c, true);
		return rc < 0 ? rc : 1;
	}
	rc = take(c, &e, l->no);
	if (!rc && strstr(rest, "gfn:")) {
		struct con_line next = *l;

		next.s = rest;
		return con_key_d_line(c, &next);
	}
	if (!rc && (at != s || !con_blank_to_end(rest)))
		rc = con_note(c, EMT_NOTE_INFO, l->no, "other text %s the entry",
			      at != s ? "before" : "behind");
	return rc < 0 ? rc : 1;
}
