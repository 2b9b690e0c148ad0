/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decision lists of Xen's epte_get_entry_emt(), era by era. Facts from Xen's
 * history; the golden vectors prove the lists against the functions themselves.
 */
#include "policy/release.h"
#include "policy/rules.h"

#define MMIO EMT_SET(EMT_P2M_MMIO_DIRECT)
#define NOT_MMIO ((uint16_t)~MMIO)
#define SHARED_TYPES ((uint16_t)(EMT_SET(EMT_P2M_GRANT_RW) | EMT_SET(EMT_P2M_GRANT_RO) | EMT_SET(EMT_P2M_FOREIGN)))
#define PIN_TYPES ((uint16_t)0xfc)
#define SOME_OR_ALL ((uint16_t)(EMT_SET(EMT_COVER_SOME) | EMT_SET(EMT_COVER_ALL)))
#define ALL EMT_SET(EMT_COVER_ALL)
#define SOME EMT_SET(EMT_COVER_SOME)

#define RULE(name, ident, words, commit, act, outcome, ...) \
	static const struct emt_rule name = { .id = ident, .text = words, .cond = { __VA_ARGS__ }, \
		.action = act, .out = outcome, .cite = commit }
#define FIXED(name, ident, words, commit, outcome, ...) \
	RULE(name, ident, words, commit, EMT_ACT_FIXED, outcome, __VA_ARGS__)

#define UC EMT_OUT(EMT_MT_UC, 0)
#define UCI EMT_OUT(EMT_MT_UC, 1)
#define WB EMT_OUT(EMT_MT_WB, 0)
#define WBI EMT_OUT(EMT_MT_WB, 1)

FIXED(no_vcpu, "no-vcpu", "no vCPU of the domain is at hand: WB", NULL, WB, { EMT_ATOM_VCPU, EMT_NO });
FIXED(no_ident_pt, "no-ident-pt", "HVM_PARAM_IDENT_PT is not set: WB", NULL, WB, { EMT_ATOM_IDENT_PT, EMT_NO });
FIXED(uc_mode, "uc-mode", "the current vCPU put the domain in UC mode: UC", NULL, UC, { EMT_ATOM_UC_MODE, EMT_YES });
FIXED(invalid_uc, "invalid", "the first frame is not valid (mfn_valid): UC", NULL, UC, { EMT_ATOM_VALID, EMT_NO });
FIXED(invalid_uci, "invalid-ipat", "the first frame is not valid (mfn_valid): UC, guest PAT ignored", "c61a6f74f8",
      UCI, { EMT_ATOM_VALID, EMT_NO });
RULE(pin_raw, "pin-raw", "a pinned range: its type as it is, guest PAT still applies", NULL, EMT_ACT_PIN_RAW, 0,
     { EMT_ATOM_PIN, PIN_TYPES });
FIXED(no_iommu, "no-iommu", "the host has no IOMMU in use: WB, guest PAT ignored", NULL, WBI,
      { EMT_ATOM_IOMMU, EMT_NO });
FIXED(no_caps, "no-io-rights", "the domain has no I/O rights and no devices: WB, guest PAT ignored", "3089a6d82b",
      WBI, { EMT_ATOM_CFP, EMT_NO });
FIXED(mmio_uc, "mmio", "p2m type mmio_direct: UC, guest PAT may make it WC", NULL, UC, { EMT_ATOM_TYPE, MMIO });
FIXED(mmio_no_apic, "mmio", "p2m type mmio_direct, not the APIC access page: UC, guest PAT may make it WC", NULL, UC,
      { EMT_ATOM_TYPE, MMIO }, { EMT_ATOM_APIC, EMT_SET(EMT_APIC_NO) });
FIXED(mmio_apic_in, "mmio-around-apic", "p2m type mmio_direct around the APIC access page: split", "126018f2ac",
      EMT_OUT_SPLIT, { EMT_ATOM_TYPE, MMIO }, { EMT_ATOM_APIC, EMT_SET(EMT_APIC_CONTAINS) });
FIXED(mmio_apic, "apic", "the APIC access page: WB, guest PAT ignored", "1f8b577797", WBI,
      { EMT_ATOM_TYPE, MMIO }, { EMT_ATOM_APIC, EMT_SET(EMT_APIC_IS) });
FIXED(snoop, "snoop", "all IOMMUs enforce snooping: WB, guest PAT ignored", NULL, WBI, { EMT_ATOM_SNOOP, EMT_YES });
RULE(min_types, "mtrr-min", "the smaller of guest and host MTRR type", NULL, EMT_ACT_MIN, 0, { 0, 0 });
RULE(merge_types, "mtrr-merge", "guest and host MTRR types merged (a superpage with several types is split)",
     "b99113b9d5", EMT_ACT_MERGE, 0, { 0, 0 });
RULE(pin_full, "pin", "wholly inside one pinned range: its type, guest PAT ignored", "4d66f069d6", EMT_ACT_PIN, 0,
     { EMT_ATOM_PIN, PIN_TYPES });
FIXED(pin_part, "pin-part", "partly inside a pinned range: split", "aaef67041b", EMT_OUT_SPLIT,
      { EMT_ATOM_PIN, EMT_SET(EMT_PIN_PART) });
FIXED(plain, "no-io", "no IOMMU in use and no I/O rights: WB, guest PAT ignored", "c5004d3469", WBI,
      { EMT_ATOM_IOMMU, EMT_NO }, { EMT_ATOM_CFP, EMT_NO });
FIXED(plain_ram, "no-io", "not MMIO, no IOMMU in use and no I/O rights: WB, guest PAT ignored", "81fd0d3ca4", WBI,
      { EMT_ATOM_TYPE, NOT_MMIO }, { EMT_ATOM_IOMMU, EMT_NO }, { EMT_ATOM_CFP, EMT_NO });
FIXED(ro_full, "ro", "read-only MMIO frames: UC, guest PAT ignored", "c61a6f74f8", UCI, { EMT_ATOM_RO, ALL });
FIXED(ro_part, "ro-part", "some frames are read-only MMIO: split", "c61a6f74f8", EMT_OUT_SPLIT, { EMT_ATOM_RO, SOME });
FIXED(special_page, "special", "a special page (Xen heap or extra): WB, guest PAT ignored", "ca24b2ffdb", WBI,
      { EMT_ATOM_ORDER, EMT_SET(EMT_ORDER_IS_0) }, { EMT_ATOM_SPECIAL, SOME_OR_ALL });
FIXED(special_in, "special-in", "a superpage that holds a special page: split", "ca24b2ffdb", EMT_OUT_SPLIT,
      { EMT_ATOM_ORDER, EMT_SET(EMT_ORDER_ABOVE_0) }, { EMT_ATOM_SPECIAL, SOME_OR_ALL });
FIXED(special_all, "special", "special pages only (Xen heap or extra): WB, guest PAT ignored", "60d1adfa18", WBI,
      { EMT_ATOM_SPECIAL, ALL });
FIXED(special_some, "special-some", "some, not all, frames are special pages: split", "60d1adfa18", EMT_OUT_SPLIT,
      { EMT_ATOM_SPECIAL, SOME });
FIXED(shared_types, "shared", "a grant or foreign mapping: WB, guest PAT ignored", "8af4b47f06", WBI,
      { EMT_ATOM_TYPE, SHARED_TYPES });

#define LIST(name, ...) static const struct emt_rule *const name[] = { __VA_ARGS__ }

LIST(p1, &no_vcpu, &no_ident_pt, &uc_mode, &invalid_uc, &pin_raw, &no_iommu, &mmio_uc, &snoop, &min_types);
LIST(p2, &no_vcpu, &no_ident_pt, &invalid_uc, &pin_raw, &no_iommu, &mmio_uc, &snoop, &min_types);
LIST(p3, &invalid_uc, &pin_raw, &no_iommu, &no_caps, &mmio_no_apic, &mmio_apic, &snoop, &merge_types);
LIST(p3x, &invalid_uci, &ro_full, &pin_raw, &no_iommu, &no_caps, &mmio_no_apic, &mmio_apic, &snoop, &merge_types);
LIST(p4, &invalid_uc, &pin_full, &pin_part, &plain, &mmio_no_apic, &mmio_apic_in, &mmio_apic, &merge_types);
LIST(p5, &invalid_uci, &ro_full, &ro_part, &pin_full, &pin_part, &plain, &mmio_no_apic, &mmio_apic_in, &mmio_apic,
     &merge_types);
LIST(p6, &ro_full, &ro_part, &pin_full, &pin_part, &mmio_no_apic, &mmio_apic_in, &mmio_apic, &invalid_uci, &plain,
     &merge_types);
LIST(p7, &invalid_uci, &ro_full, &ro_part, &mmio_no_apic, &mmio_apic_in, &mmio_apic, &plain, &pin_full, &pin_part,
     &merge_types);
LIST(p8, &ro_full, &ro_part, &mmio_no_apic, &mmio_apic_in, &mmio_apic, &invalid_uci, &plain, &pin_full, &pin_part,
     &merge_types);
LIST(p9, &ro_full, &ro_part, &mmio_no_apic, &mmio_apic_in, &mmio_apic, &invalid_uci, &plain, &special_page,
     &special_in, &pin_full, &pin_part, &merge_types);
LIST(p10, &ro_full, &ro_part, &invalid_uci, &plain_ram, &special_page, &special_in, &mmio_uc, &pin_full, &pin_part,
     &merge_types);
LIST(p11, &ro_full, &ro_part, &invalid_uci, &plain_ram, &special_page, &special_in, &mmio_uc, &shared_types,
     &pin_full, &pin_part, &merge_types);
LIST(p12, &ro_full, &ro_part, &invalid_uci, &plain_ram, &special_all, &special_some, &mmio_uc, &shared_types,
     &pin_full, &pin_part, &merge_types);
LIST(p13, &ro_full, &ro_part, &plain_ram, &special_all, &special_some, &mmio_uc, &shared_types, &pin_full,
     &pin_part, &merge_types);

#define RULES(list) .rules = list, .nr_rules = EMT_ARRAY_SIZE(list)
#define LAZY .order_aware = true, .lazy = true, .iommu = EMT_IOMMU_DOMAIN

const struct emt_era emt_eras_xen[] = {
	{ .id = "P1", .name = "ucmode", .releases = "4.1, 4.2.0-4.2.3, 4.3.0-4.3.1", RULES(p1) },
	{ .id = "P2", .name = "minmerge", .releases = "4.2.4, 4.3.2, 4.4.0", RULES(p2) },
	{ .id = "P3", .name = "legacy", .releases = "4.2.5, 4.3.3-4.3.4, 4.4.1-4.4.4", .cfp_pci = true,
	  .guest_ident_pt = true, .iommu = EMT_IOMMU_GLOBAL_CFP, RULES(p3) },
	{ .id = "P3x", .name = "legacy+xsa154", .releases = "tips of staging-4.3 and staging-4.4", .cfp_pci = true,
	  .guest_ident_pt = true, .iommu = EMT_IOMMU_GLOBAL_CFP, RULES(p3x) },
	{ .id = "P4", .name = "order", .releases = "4.5.0-4.5.2, 4.6.0-4.6.1", LAZY, RULES(p4) },
	{ .id = "P5", .name = "xsa154", .releases = "4.5.3-4.5.5, 4.6.3-4.6.4", LAZY, RULES(p5) },
	{ .id = "P6", .name = "xsa154-wc", .releases = "4.6.5-4.6.6", LAZY, RULES(p6) },
	{ .id = "P7", .name = "ram-pin", .releases = "4.7.0-4.7.1, 4.8.0", LAZY, RULES(p7) },
	{ .id = "P8", .name = "wc-mmio",
	  .releases = "4.7.2-4.7.6, 4.8.1-4.8.5, 4.9-4.11, 4.12.0-4.12.3, 4.13.0-4.13.1, 4.14.0", LAZY, RULES(p8) },
	{ .id = "P9", .name = "special-any", .releases = "4.12.4, 4.13.2-4.13.5, 4.14.1-4.14.6", LAZY, RULES(p9) },
	{ .id = "P10", .name = "special-first", .releases = "4.15.0-4.15.7", LAZY, RULES(p10) },
	{ .id = "P11", .name = "typed", .releases = "4.16.0-4.16.7", LAZY, RULES(p11) },
	{ .id = "P12", .name = "special-all", .releases = "4.17.0-4.17.4, 4.18.0-4.18.2", LAZY, RULES(p12) },
	{ .id = "P13", .name = "no-mfn-valid", .releases = "4.17.5-4.17.7, 4.18.3-4.18.6, 4.19, 4.20", LAZY,
	  .special_valid = true, RULES(p13) },
	{ .id = "P14", .name = "no-mfn-valid-pci", .releases = "4.21, 4.22, master", LAZY, .special_valid = true,
	  .cfp_pci = true, RULES(p13) },
};
const size_t emt_nr_eras_xen = EMT_ARRAY_SIZE(emt_eras_xen);
