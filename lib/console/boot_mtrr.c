/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's MTRRs as mtrr.show prints them at boot (4.5+), or Xen itself when it had
 * to correct them:
 *   MTRR default type: write-back
 *   MTRR fixed ranges enabled:           first-last type, neighbours of one type joined
 *   MTRR variable ranges enabled:        "0 base ... mask ... type" or "1 disabled"
 */
#include "console/internal.h"

#include <string.h>

#define MTRR_VALID (1ULL << 11)
#define FIXED_END 0x100000
#define OTHERS_MAX 16 /* other lines in a row that end the block */

static int type_of(const char **s)
{
	static const struct {
		const char *name;
		int mt;
	} names[] = {
		{ "uncachable", EMT_MT_UC }, { "write-combining", EMT_MT_WC },
		{ "write-through", EMT_MT_WT }, { "write-protect", EMT_MT_WP },
		{ "write-back", EMT_MT_WB },
	};

	con_blanks(s);
	for (size_t i = 0; i < EMT_ARRAY_SIZE(names); i++)
		if (con_lit(s, names[i].name))
			return con_blank_to_end(*s) ? names[i].mt : -1;
	return -1;
}

int con_boot_mtrr_close(struct emt_console *c)
{
	struct con_boot *b = &c->boot;

	if (!b->mtrr)
		return 0;
	b->mtrr = false;
	c->origin = "boot log (mtrr.show)";
	/* Fixed ranges count only if all of them were there; without any, none exist. */
	if (b->fixed_next == FIXED_END || (!b->m.fe && !b->fixed_next))
		b->m.fixed_held = EMT_KNOWN;
	/* E and FE stand in later lines than the type: without them nothing is held. */
	if (b->part != CON_MTRR_VAR)
		return con_note(c, EMT_NOTE_WARNING, b->mtrr_line,
				"the host's MTRRs are cut short: not used");
	b->m.def_held = EMT_KNOWN;
	return con_mtrr(c, EMT_FACT_HOST_MTRR, CON_NO_DOMAIN, 0, &b->m, b->mtrr_line);
}

/* Type bytes of the 88 fixed ranges, by address. */
static void set_fixed(struct emt_mtrr *m, uint32_t first, uint32_t end, int mt)
{
	for (uint32_t a = first; a < end;) {
		uint32_t slot, size;

		if (a < 0x80000) {
			size = 0x10000;
			slot = a / size;
		} else if (a < 0xc0000) {
			size = 0x4000;
			slot = 8 + (a - 0x80000) / size;
		} else {
			size = 0x1000;
			slot = 24 + (a - 0xc0000) / size;
		}
		m->fixed[slot / 8] &= ~(0xffULL << (slot % 8 * 8));
		m->fixed[slot / 8] |= (uint64_t)mt << (slot % 8 * 8);
		a += size;
	}
}

static bool fixed_line(struct con_boot *b, const char *s)
{
	uint64_t first, last;
	int mt;

	con_blanks(&s);
	if (!con_hex(&s, &first) || !con_lit(&s, "-") || !con_hex(&s, &last))
		return false;
	mt = type_of(&s);
	if (mt < 0 || first != b->fixed_next || last >= FIXED_END || last <= first || ((last + 1) & 0xfff))
		return false;
	set_fixed(&b->m, (uint32_t)first, (uint32_t)last + 1, mt);
	b->fixed_next = (uint32_t)last + 1;
	return true;
}

static bool var_line(struct con_boot *b, const char *s)
{
	uint64_t base, mask;
	uint32_t i;
	int mt;

	con_blanks(&s);
	/* Ranges passed over are lines that were lost: they stay unknown. */
	if (!con_u32(&s, &i) || i >= EMT_MTRR_VAR_MAX || i < b->m.vcnt)
		return false;
	con_blanks(&s);
	if (con_lit(&s, "disabled")) {
		base = mask = 0;
	} else {
		if (!con_lit(&s, "base "))
			return false;
		con_blanks(&s);
		if (!con_hex(&s, &base) || !con_lit(&s, " mask "))
			return false;
		con_blanks(&s);
		if (!con_hex(&s, &mask))
			return false;
		mt = type_of(&s);
		if (mt < 0)
			return false;
		base |= (uint64_t)mt;
		mask |= MTRR_VALID;
	}
	b->m.var[i][0] = base;
	b->m.var[i][1] = mask;
	b->m.var_held[i] = EMT_KNOWN;
	b->m.vcnt = (uint8_t)(i + 1);
	return true;
}

int con_boot_mtrr_line(struct emt_console *c, const struct con_line *l)
{
	struct con_boot *b = &c->boot;
	const char *s = l->s;
	int rc, mt;

	con_blanks(&s);
	if (con_lit(&s, "MTRR default type: ")) {
		rc = con_boot_mtrr_close(c);
		mt = type_of(&s);
		if (rc || mt < 0)
			return rc;
		b->mtrr = true;
		b->part = CON_MTRR_NONE;
		b->fixed_next = b->others = 0;
		b->mtrr_line = l->no;
		emt_mtrr_init(&b->m);
		b->m.vcnt = 0;
		b->m.def_type = (uint8_t)mt;
		return 1;
	}
	if (!b->mtrr)
		return 0;
	if (con_lit(&s, "MTRR fixed ranges ")) {
		b->m.fe = con_lit(&s, "en");
		b->part = CON_MTRR_FIXED;
		return 1;
	}
	if (con_lit(&s, "MTRR variable ranges ")) {
		b->m.e = con_lit(&s, "en");
		b->part = CON_MTRR_VAR;
		return 1;
	}
	if (!l->cut && !l->open &&
	    ((b->part == CON_MTRR_FIXED && fixed_line(b, s)) ||
	     (b->part == CON_MTRR_VAR && var_line(b, s)))) {
		b->others = 0;
		return 1;
	}
	/* Messages of other CPUs may stand between. */
	if (++b->others < OTHERS_MAX)
		return 0;
	rc = con_boot_mtrr_close(c);
	return rc < 0 ? rc : 0;
}
