/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/effective.h"

#include "policy/atoms.h"

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

/* ---- AMD ---- */

#define XEN_PAT 0x050100070406ull
#define LINUX_PAT 0x0407050600070106ull /* its pat_bp_init(): WB WC UC- UC WB WP UC- WT */
#define CD EMT_MT_CD
#define WC_PLUS EMT_MT_WC_PLUS
#define BIT(mt) (1u << (mt))
#define ANY (EMT_EFFECTIVE_CACHED | EMT_EFFECTIVE_UNCACHED)

const char *emt_effective_name(unsigned int type)
{
	return type == CD ? "CD" : type == WC_PLUS ? "WC+" : emt_mt_name(type);
}

unsigned int emt_npt_pat(uint64_t raw, unsigned int order, bool kvm)
{
	unsigned int pat = raw >> (order ? 12 : 7) & 1;

	return emt_pat_entry(kvm ? LINUX_PAT : XEN_PAT, pat << 2 | (unsigned int)(raw >> 3 & 3));
}

/* Both PATs combined: a set of PAT types (7 = UC-) and WC+. */
static unsigned int both_pats(unsigned int pat, unsigned int nested)
{
	if (nested == WB)
		return BIT(pat == WC ? WC_PLUS : pat == EMT_MT_7 ? UC : pat);
	if (pat == WC) /* looked up in the caches or not: not told apart where the nested type is UC */
		return nested == UC ? BIT(WC) | BIT(WC_PLUS) : BIT(WC);
	if (nested == UC)
		return BIT(UC);
	/* UC- stays UC- where the guest has no wish that is stronger */
	return pat == EMT_MT_7 ? BIT(EMT_MT_7) : pat == WB ? BIT(UC) | BIT(EMT_MT_7) : BIT(UC);
}

/* [combined PAT type][MTRR type]; of the MTRR types UC WC WT WP WB. */
static const uint8_t with_mtrr[8][8] = {
	/*              UC         WC                      WT                WP                WB */
	[UC] =       { [UC] = UC, [WC] = CD,      [WT] = CD,      [WP] = CD,      [WB] = CD },
	[EMT_MT_7] = { [UC] = UC, [WC] = WC,      [WT] = CD,      [WP] = CD,      [WB] = CD },
	[WC] =       { [UC] = WC, [WC] = WC,      [WT] = WC,      [WP] = WC,      [WB] = WC },
	[WC_PLUS] =  { [UC] = WC, [WC] = WC,      [WT] = WC_PLUS, [WP] = WC_PLUS, [WB] = WC_PLUS },
	[WP] =       { [UC] = UC, [WC] = CD,      [WT] = CD,      [WP] = WP,      [WB] = WP },
	[WT] =       { [UC] = UC, [WC] = CD,      [WT] = WT,      [WP] = CD,      [WB] = WT },
	[WB] =       { [UC] = UC, [WC] = WC,      [WT] = WT,      [WP] = WP,      [WB] = WB },
};

unsigned int emt_effective_npt(unsigned int pat, unsigned int nested, unsigned int mtrr)
{
	unsigned int combined, types = 0;

	if ((!usable(pat) && pat != EMT_MT_7) || !usable(mtrr) || (nested != WB && nested != UC && nested != EMT_MT_7))
		return ANY;
	combined = both_pats(pat, nested);
	for (unsigned int mt = 0; mt < 8; mt++)
		if (combined & BIT(mt))
			types |= BIT(with_mtrr[mt][mtrr]);
	return types;
}

/* ---- CR0.CD ---- */

/* Is a list, as far as it is known, of anything. */
static uint16_t any_of(const struct emt_facts *f, enum emt_fact_id id)
{
	if (emt_facts_clist(f, id)->n)
		return EMT_YES;
	return f->prov[id].held == EMT_UNKNOWN || f->prov[id].rest == EMT_UNKNOWN ? EMT_EITHER : EMT_NO;
}

static uint16_t both(uint16_t a, uint16_t b)
{
	return (uint16_t)((a & b & EMT_YES) | ((a | b) & EMT_NO));
}

static uint16_t either(uint16_t a, uint16_t b)
{
	return (uint16_t)(((a | b) & EMT_YES) | (a & b & EMT_NO));
}

uint16_t emt_xen_heeds_cd(const struct emt_facts *f, const struct emt_release *rel)
{
	uint16_t global = emt_atom_flag(f, EMT_FACT_IOMMU_ENABLED, EMT_ASSUMED);
	uint16_t own = emt_atom_flag(f, EMT_FACT_DOMAIN_IOMMU, EMT_ASSUMED);
	uint16_t devices = f->prov[EMT_FACT_PCI_DEVICES].held == EMT_UNKNOWN ? EMT_EITHER :
			   f->pci_devices ? EMT_YES : EMT_NO;
	uint16_t snoop, rights = either(devices, either(any_of(f, EMT_FACT_IOMEM_CAPS), any_of(f, EMT_FACT_IOPORT_CAPS)));

	if (!rel)
		return either(own, global) == EMT_NO || rights == EMT_NO ? EMT_NO : EMT_EITHER;
	if (rel->version >= EMT_VER(4, 13, 0))
		return both(own, rights);
	if (rel->version >= EMT_VER(4, 5, 0))
		return both(global, rights);
	if (rel->version < EMT_VER(4, 2, 4) || (rel->version >= EMT_VER(4, 3, 0) && rel->version < EMT_VER(4, 3, 2)))
		return EMT_NO; /* the EPT's types say it: UC mode */
	snoop = emt_atom_flag(f, EMT_FACT_IOMMU_SNOOP, EMT_ASSUMED);
	return both(both(global, devices), snoop == EMT_EITHER ? snoop : (uint16_t)(snoop ^ EMT_EITHER));
}
