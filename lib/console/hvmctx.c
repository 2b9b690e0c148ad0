/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What xen-hvmctx prints of a domain's save record: MTRRs, PAT and what its page
 * tables hang on (CR0, CR3, CR4, EFER) of each vCPU.
 * The values are as saved: Xen since 4.12 repeats variable range 0 in all slots, which
 * is for the reader of the events to judge.
 */
#include "console/internal.h"

#include <string.h>

#define ALL_FIXED ((1U << EMT_MTRR_FIXED_NR) - 1)

static int end_mtrr(struct emt_console *c)
{
	struct con_hvmctx *h = &c->hvmctx;
	int rc;

	if (!h->mtrr)
		return 0;
	h->mtrr = false;
	c->origin = "save record (xen-hvmctx)";
	if (!h->domain)
		return con_note(c, EMT_NOTE_WARNING, h->line, "MTRRs of a save record without its heading: "
				"the domain is not known, not used");
	h->m.fixed_held = h->fixed == ALL_FIXED ? EMT_KNOWN : EMT_UNKNOWN;
	if (h->fixed != ALL_FIXED) {
		rc = con_note(c, EMT_NOTE_WARNING, h->line, "the MTRRs of vCPU %u of domain %u are cut short",
			      h->instance, h->domid);
		if (rc < 0)
			return rc;
	}
	rc = con_mtrr(c, EMT_FACT_VCPU_MTRR, h->domid, h->instance, &h->m, h->line);
	if (!rc)
		rc = con_fact(c, EMT_FACT_VCPU_PAT, h->domid, h->pat, 0, h->instance, h->line);
	return rc;
}

int con_hvmctx_close(struct emt_console *c)
{
	int rc = end_mtrr(c);

	c->hvmctx.open = c->hvmctx.domain = false;
	return rc;
}

static bool begin_mtrr(struct con_hvmctx *h, const char *s, unsigned long line)
{
	uint64_t cap, def;

	con_blanks(&s);
	if (!con_lit(&s, "PAT ") || !con_hex0x(&s, &h->pat) || !con_lit(&s, ", cap ") ||
	    !con_hex0x(&s, &cap) || !con_lit(&s, ", default ") || !con_hex0x(&s, &def) ||
	    !con_blank_to_end(s))
		return false;
	emt_mtrr_init(&h->m);
	h->m.def_type = def & 0xff;
	h->m.fe = (def >> 10) & 1;
	h->m.e = (def >> 11) & 1;
	h->m.def_held = EMT_KNOWN;
	h->m.vcnt = (cap & 0xff) <= EMT_MTRR_VAR_MAX ? (uint8_t)(cap & 0xff) : EMT_MTRR_VAR_MAX;
	h->mtrr = true;
	h->fixed = 0;
	h->line = line;
	return true;
}

static bool mtrr_line(struct con_hvmctx *h, const char *s)
{
	uint64_t base, mask, i;
	bool var = con_lit(&s, "var ");

	if (!var && !con_lit(&s, "fixed "))
		return false;
	con_blanks(&s);
	if (!(var ? con_dec(&s, &i) : con_hex(&s, &i)))
		return false;
	con_blanks(&s);
	if (!con_hex0x(&s, &base))
		return false;
	con_blanks(&s);
	if (!var) {
		if (i >= EMT_MTRR_FIXED_NR || *s)
			return false;
		h->m.fixed[i] = base;
		h->fixed |= 1U << i;
		return true;
	}
	if (i >= EMT_MTRR_VAR_MAX || !con_hex0x(&s, &mask) || !con_blank_to_end(s))
		return false;
	h->m.var[i][0] = base;
	h->m.var[i][1] = mask;
	h->m.var_held[i] = EMT_KNOWN;
	return true;
}

/* "cr3 0x... cr4 0x...", "shadow gs ... efer ...": EFER comes without 0x. */
static int registers(struct emt_console *c, const char *s, unsigned long line)
{
	static const struct {
		const char *name;
		enum emt_fact_id id;
		bool plain;
	} regs[] = {
		{ "cr0 ", EMT_FACT_VCPU_CR0, false }, { "cr3 ", EMT_FACT_VCPU_CR3, false },
		{ "cr4 ", EMT_FACT_VCPU_CR4, false }, { "efer ", EMT_FACT_VCPU_EFER, true },
	};
	int rc = 0, found = 0;

	for (size_t i = 0; i < EMT_ARRAY_SIZE(regs) && rc >= 0; i++) {
		const char *at = strstr(s, regs[i].name);
		uint64_t v;

		if (!at || (at > s && at[-1] != ' '))
			continue;
		at += strlen(regs[i].name);
		con_blanks(&at);
		if (!(regs[i].plain ? con_hex(&at, &v) : con_hex0x(&at, &v)) || (*at && *at != ' '))
			continue;
		c->origin = "save record (xen-hvmctx)";
		rc = con_fact(c, regs[i].id, c->hvmctx.domid, v, 0, c->hvmctx.instance, line);
		found = 1;
	}
	return rc < 0 ? rc : found;
}

int con_hvmctx_line(struct emt_console *c, const struct con_line *l)
{
	struct con_hvmctx *h = &c->hvmctx;
	const char *s = l->s;
	uint32_t n, type, instance;
	int rc;

	if (l->xen)
		return 0;
	con_blanks(&s);
	if (con_lit(&s, "HVM save record for domain ") && con_u32(&s, &n)) {
		rc = con_hvmctx_close(c);
		if (!rc)
			rc = con_enter(c, CON_HVMCTX);
		*h = (struct con_hvmctx){ .open = true, .domain = true, .domid = n };
		return rc < 0 ? rc : 1;
	}
	if (con_lit(&s, "Entry ") && con_u32(&s, &n) && con_lit(&s, ": type ") && con_u32(&s, &type) &&
	    con_lit(&s, " instance ") && con_u32(&s, &instance)) {
		rc = end_mtrr(c);
		if (!rc)
			rc = con_enter(c, CON_HVMCTX);
		h->open = true;
		h->instance = instance;
		return rc < 0 ? rc : 1;
	}
	if (!h->open)
		return 0;
	if (con_lit(&s, "MTRR:"))
		return !l->cut && !l->open && begin_mtrr(h, s, l->no);
	if (h->mtrr)
		return !l->cut && !l->open && mtrr_line(h, s);
	return h->domain ? registers(c, s, l->no) : 0;
}
