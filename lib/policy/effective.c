/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/effective.h"

#define UC EMT_MT_UC
#define WC EMT_MT_WC
#define WT EMT_MT_WT
#define WP EMT_MT_WP
#define WB EMT_MT_WB
#define UNDEF 0x80 /* left open by older editions of the SDM */

/* [EMT][PAT], PAT in the order of its encodings 0..7; 2 and 3 are reserved. */
static const uint8_t table[8][8] = {
	/*       UC  WC  -  -  WT           WP           WB  UC- */
	[UC] = { UC, WC, 0, 0, UC,          UC,          UC, UC },
	[WC] = { UC, WC, 0, 0, UC | UNDEF,  UC | UNDEF,  WC, WC },
	[WT] = { UC, WC, 0, 0, WT,          WP | UNDEF,  WT, UC },
	[WP] = { UC, WC, 0, 0, WT | UNDEF,  WP,          WP, WC | UNDEF },
	[WB] = { UC, WC, 0, 0, WT,          WP,          WB, UC },
};

static bool usable(unsigned int mt)
{
	return mt == UC || mt == WC || mt == WT || mt == WP || mt == WB;
}

unsigned int emt_effective(unsigned int emt, bool ipat, unsigned int pat, bool all_uc)
{
	if (!usable(emt) || (!usable(pat) && pat != EMT_MT_7))
		return EMT_MT_7;
	if (ipat)
		return emt;
	return table[emt][all_uc ? EMT_MT_UC : pat] & 7;
}

bool emt_effective_undefined(unsigned int emt, bool ipat, unsigned int pat)
{
	return !ipat && usable(emt) && pat < 8 && (table[emt][pat] & UNDEF);
}

unsigned int emt_pat_entry(uint64_t pat, unsigned int i)
{
	return (unsigned int)(pat >> (i % 8 * 8)) & 7;
}
