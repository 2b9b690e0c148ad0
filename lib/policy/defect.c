/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The second axis. Facts from Xen's history; each row says where a release's own
 * rule does harm that a later release mended.
 */
#include "policy/defect.h"

#include <string.h>

enum kd {
	KD1, KD2, KD3, KD4, KD5, KD6, KD7, KD8, KD9, KD10, KD11, KD12, KD13, KD14, KD15, KD16, KD17, KD18, KD19,
	KV1,
	KD_NR,
};

#define C EMT_DEF_CORRUPTION
#define S EMT_DEF_SECURITY
#define P EMT_DEF_PERFORMANCE
#define I EMT_DEF_INFO
#define ENTRY EMT_DEFECT_ENTRY
#define VERDICT EMT_DEFECT_VERDICT
#define DOMAIN EMT_DEFECT_DOMAIN

const struct emt_defect emt_defects[] = {
	[KD1] = { "KD1", "superpage typed by its first frame", "superpages whose frames or gfns need different types",
		"the type of the first frame is used for all", "before 4.5.0", "3d90d6e69f", "4.5.0", C, ENTRY },
	[KD2] = { "KD2", "types computed once", "any entry written before a guest MTRR or I/O rights change",
		"EMT is never revisited", "before 4.5.0", "aa9114edd9", "4.5.0", C, VERDICT },
	[KD3] = { "KD3", "numeric minimum of two types", "entries whose guest and host MTRR types differ, neither UC nor WB",
		"the numerically smaller type instead of a legal merge", "4.1-4.2.4, 4.3.0-4.3.2, 4.4.0", "b99113b9d5",
		"4.2.5, 4.3.3, 4.4.1", C, ENTRY },
	[KD4] = { "KD4", "UC- pin written as EMT 7", "entries pinned UC-", "a real EPT misconfiguration", "4.1-4.4",
		"4d66f069d6, aaef67041b", "4.5.0", C, ENTRY },
	[KD5] = { "KD5", "guest PAT overrides a pin", "pinned entries", "ipat is 0, so the guest's PAT still applies",
		"4.1-4.4", "4d66f069d6", "4.5.0", I, ENTRY },
	[KD6] = { "KD6", "device memory mapped cacheable (XSA-154)", "read-only or non-RAM MMIO with a cacheable type",
		"inconsistent cachability can hang the host", "4.1-4.4, 4.5.0-4.5.2, 4.6.0-4.6.1",
		"XSA-154 (c61a6f74f8)", "4.5.3, 4.6.3, 4.7.0", S, ENTRY },
	[KD7] = { "KD7", "write-combining lost on MMIO above RAM", "mmio_direct frames that are not mfn_valid: UC!",
		"the guest cannot get write-combining through its PAT",
		"4.5.3-4.5.5, 4.6.3-4.6.4, 4.7.0-4.7.1, 4.8.0, 4.15.0-4.17.4, 4.18.0-4.18.2",
		"30921dc2df, 4fdd8d7556", "4.6.5, 4.7.2, 4.8.1, 4.9.0; 4.17.5, 4.18.3, 4.19.0", P, ENTRY },
	[KD8] = { "KD8", "special pages follow guest MTRRs", "shared info, grant and status frames not WB!",
		"PV I/O goes uncached", "before 4.12.4, 4.13.0-4.13.1, 4.14.0", "ca24b2ffdb",
		"4.12.4, 4.13.2, 4.14.1, 4.15.0", P, ENTRY },
	[KD9] = { "KD9", "grant and foreign mappings follow guest MTRRs", "grant_map and map_foreign entries not WB!",
		"granted memory is uncached where it is mapped over unpopulated gfns", "before 4.16.0", "8af4b47f06", "4.16.0",
		P, ENTRY },
	[KD10] = { "KD10", "superpages of special pages shattered", "superpages of special frames only",
		"mappings are split to 4 KiB", "4.12.4, 4.13.2-4.13.5, 4.14.1-4.16", "60d1adfa18", "4.17.0", P, ENTRY },
	[KD11] = { "KD11", "frame table read out of bounds", "superpages that hold invalid frames",
		"Xen looks at page_info that does not exist",
		"4.12.4, 4.13.2-4.13.5, 4.14.1-4.17.4, 4.18.0-4.18.2", "5540b94e81", "4.17.5, 4.18.3, 4.19.0", C, ENTRY },
	[KD12] = { "KD12", "a pin makes device memory cacheable", "mmio_direct under a pinned range",
		"the pin's type is used on device memory", "4.1-4.6", "0acc7010ac", "4.7.0", C, ENTRY },
	[KD13] = { "KD13", "guest types ignored with snooping", "RAM of passthrough guests on hosts with snoop control",
		"always WB!, whatever the guest asks for", "4.1-4.4", "6afff051a2", "4.5.0", P, ENTRY },
	[KD14] = { "KD14", "no recomputation without an IOMMU", "domains with I/O rights but no IOMMU, after MTRR writes",
		"stale types", "4.6-4.10.3, 4.11.0-4.11.1, 4.12.0", "f3d880bf2b", "4.10.4, 4.11.2, 4.12.1", C, VERDICT },
	[KD15] = { "KD15", "no recomputation when the last I/O right goes", "all, after the last I/O range was revoked",
		"stale types until something else invalidates them", "all", "open", "", I, VERDICT },
	[KD16] = { "KD16", "no recomputation when a host MTRR changes", "all, after dom0 changed a host MTRR",
		"stale types", "all", "open", "", C, VERDICT },
	[KD17] = { "KD17", "MTRR save record repeats range 0", "guests that were restored or migrated",
		"guest MTRRs are corrupted by save and restore", "4.12.0 and later", "open (e520d9e144)", "", C, DOMAIN },
	[KD18] = { "KD18", "no recomputation for IOMMU domains without devices",
		"domains with an IOMMU and no device at boot", "the firmware's MTRR set-up does not recompute types",
		"4.21 and later", "open (2d779cabdd), read, not reproduced", "", P, VERDICT },
	[KD19] = { "KD19", "superpage takes a sub-range's type", "superpages covered in part by one variable range",
		"the whole superpage gets the type of the sub-range", "4.5.0 and later", "open", "", I, ENTRY },
	[KV1] = { "KV1", "nothing zapped when non-coherent DMA starts or stops",
		"KVM: entries written before a device without snooping came or went",
		"stale types: the guest's own are not honoured, or still are", "Linux before 6.7", "362ff6dca541", "Linux 6.7",
		C, VERDICT },
};
const size_t emt_nr_defects = EMT_ARRAY_SIZE(emt_defects);

int emt_defect_by_id(const char *id)
{
	for (size_t i = 0; i < emt_nr_defects; i++)
		if (!strcmp(emt_defects[i].id, id))
			return (int)i;
	return -1;
}

const char *emt_defect_severity_name(unsigned int severity)
{
	static const char *const names[] = { "info", "performance", "corruption", "security" };

	return severity < EMT_ARRAY_SIZE(names) ? names[severity] : "?";
}

static bool era_is(const struct emt_release *rel, const char *ids)
{
	const char *at = strstr(ids, rel->era->id);
	size_t n = strlen(rel->era->id);

	/* ids are separated by blanks; "P1" must not match "P13" */
	while (at && ((at != ids && at[-1] != ' ') || (at[n] && at[n] != ' ')))
		at = strstr(at + 1, rel->era->id);
	return at;
}

static bool within(uint32_t v, uint32_t from, uint32_t below)
{
	return v >= from && v < below;
}

emt_defect_mask emt_defects_of(const struct emt_release *rel)
{
	uint32_t v = rel->version;
	emt_defect_mask m = 0;

	if (rel->era->hv != EMT_HV_XEN)
		return emt_kvm_keeps_types(rel) ? 1u << KV1 : 0;
	if (!rel->era->lazy)
		m |= 1u << KD1 | 1u << KD2 | 1u << KD4 | 1u << KD5 | 1u << KD13;
	if (era_is(rel, "P1 P2"))
		m |= 1u << KD3;
	if (era_is(rel, "P1 P2 P3 P4"))
		m |= 1u << KD6;
	if (era_is(rel, "P5 P7 P10 P11 P12"))
		m |= 1u << KD7;
	if (era_is(rel, "P1 P2 P3 P3x P4 P5 P6 P7 P8"))
		m |= 1u << KD8;
	if (v < EMT_VER(4, 16, 0))
		m |= 1u << KD9;
	if (era_is(rel, "P9 P10 P11"))
		m |= 1u << KD10;
	if (era_is(rel, "P9 P10 P11 P12"))
		m |= 1u << KD11;
	if (v < EMT_VER(4, 7, 0))
		m |= 1u << KD12;
	if (within(v, EMT_VER(4, 6, 0), EMT_VER(4, 10, 4)) || within(v, EMT_VER(4, 11, 0), EMT_VER(4, 11, 2)) ||
	    within(v, EMT_VER(4, 12, 0), EMT_VER(4, 12, 1)))
		m |= 1u << KD14;
	m |= 1u << KD15 | 1u << KD16;
	if (v >= EMT_VER(4, 12, 0))
		m |= 1u << KD17;
	if (v >= EMT_VER(4, 21, 0))
		m |= 1u << KD18;
	if (rel->era->order_aware)
		m |= 1u << KD19;
	return m;
}

/* All that the facts allow lies in 'set', and there is something. */
static bool only(const struct emt_box *box, enum emt_atom atom, uint16_t set)
{
	return box->a[atom] && !(box->a[atom] & (uint16_t)~set);
}

static bool can_be(emt_outcomes out, emt_outcomes wanted)
{
	return out & wanted;
}

#define CACHEABLE (EMT_OUT_BIT(EMT_MT_WB, 0) | EMT_OUT_BIT(EMT_MT_WB, 1) | EMT_OUT_BIT(EMT_MT_WT, 0) | \
		   EMT_OUT_BIT(EMT_MT_WT, 1) | EMT_OUT_BIT(EMT_MT_WP, 0) | EMT_OUT_BIT(EMT_MT_WP, 1))
#define MMIO EMT_SET(EMT_P2M_MMIO_DIRECT)
#define SHARED_TYPES ((uint16_t)(EMT_SET(EMT_P2M_GRANT_RW) | EMT_SET(EMT_P2M_GRANT_RO) | EMT_SET(EMT_P2M_FOREIGN)))
#define PINNED ((uint16_t)0xfc)
#define NEITHER_UC_NOR_WB ((uint16_t)(EMT_SET(EMT_MV_WC) | EMT_SET(EMT_MV_WT) | EMT_SET(EMT_MV_WP)))

/* The MTRR merge is what decides, and nothing before it. */
static bool merge_decides(const struct emt_defect_query *q)
{
	uint32_t fires;

	emt_box_trace(q->rel->era->rules, q->rel->era->nr_rules, q->box, &fires, NULL);
	return fires == 1u << (q->rel->era->nr_rules - 1);
}

static bool sub_types_differ(const struct emt_defect_query *q)
{
	return (q->sub_guest & (uint16_t)~q->box->a[EMT_ATOM_GUEST]) ||
		(q->sub_host & (uint16_t)~q->box->a[EMT_ATOM_HOST]);
}

emt_defect_mask emt_defects_entry(const struct emt_defect_query *q)
{
	emt_defect_mask here = emt_defects_of(q->rel), m = 0;
	const struct emt_box *b = q->box;
	const emt_outcomes wb_ipat = EMT_OUT_BIT(EMT_MT_WB, 1);
	bool mmio = only(b, EMT_ATOM_TYPE, MMIO), apic = only(b, EMT_ATOM_APIC, EMT_SET(EMT_APIC_IS));

	if (q->order && (q->sub_out & (q->sub_out - 1)))
		m |= 1u << KD1;
	if (only(b, EMT_ATOM_GUEST, NEITHER_UC_NOR_WB) && only(b, EMT_ATOM_HOST, NEITHER_UC_NOR_WB) &&
	    !(b->a[EMT_ATOM_GUEST] & b->a[EMT_ATOM_HOST]) && merge_decides(q))
		m |= 1u << KD3;
	if (q->out == EMT_T7_BIT)
		m |= 1u << KD4;
	if (only(b, EMT_ATOM_PIN, PINNED) && only(b, EMT_ATOM_VALID, EMT_YES))
		m |= 1u << KD5;
	if ((only(b, EMT_ATOM_RO, EMT_SET(EMT_COVER_ALL)) || (mmio && !apic)) && !can_be(q->out, (emt_outcomes)~CACHEABLE))
		m |= 1u << KD6;
	if (mmio && !apic && only(b, EMT_ATOM_VALID, EMT_NO) && only(b, EMT_ATOM_RO, EMT_SET(EMT_COVER_NONE)) &&
	    q->out == EMT_OUT_BIT(EMT_MT_UC, 1))
		m |= 1u << KD7;
	if (only(b, EMT_ATOM_SPECIAL, EMT_SET(EMT_COVER_ALL)) && !apic && !can_be(q->out, wb_ipat))
		m |= 1u << KD8;
	if (only(b, EMT_ATOM_TYPE, SHARED_TYPES) && !can_be(q->out, wb_ipat))
		m |= 1u << KD9;
	if ((q->order && only(b, EMT_ATOM_SPECIAL, EMT_SET(EMT_COVER_ALL)) && q->out == EMT_SPLIT_BIT) ||
	    q->around_all_special)
		m |= 1u << KD10;
	if (q->order && q->some_invalid && only(b, EMT_ATOM_VALID, EMT_YES) &&
	    !(only(b, EMT_ATOM_IOMMU, EMT_NO) && only(b, EMT_ATOM_CFP, EMT_NO)))
		m |= 1u << KD11;
	if (mmio && only(b, EMT_ATOM_PIN, PINNED) && can_be(q->out, CACHEABLE) && !apic)
		m |= 1u << KD12;
	if (!mmio && only(b, EMT_ATOM_SNOOP, EMT_YES) && q->out == wb_ipat && only(b, EMT_ATOM_IOMMU, EMT_YES) &&
	    only(b, EMT_ATOM_CFP, EMT_YES) &&
	    !only(b, EMT_ATOM_GUEST, EMT_SET(EMT_MV_WB)))
		m |= 1u << KD13;
	if (q->order && q->sub_guest && merge_decides(q) && !can_be(q->out, EMT_SPLIT_BIT) && sub_types_differ(q))
		m |= 1u << KD19;
	return m & here;
}
