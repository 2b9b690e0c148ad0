/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decision lists of KVM's vmx_get_mt_mask(), era by era. The golden file for
 * KVM is a retyping of the rule; what a live kernel does is proven in the lab.
 */
#include "policy/rules.h"

#define RULE(name, ident, words, commit, act, outcome, ...) \
	static const struct emt_rule name = { .id = ident, .text = words, .cond = { __VA_ARGS__ }, \
		.action = act, .out = outcome, .cite = commit }

#define UC EMT_OUT(EMT_MT_UC, 0)
#define UCI EMT_OUT(EMT_MT_UC, 1)
#define WB EMT_OUT(EMT_MT_WB, 0)
#define WBI EMT_OUT(EMT_MT_WB, 1)

RULE(mmio, "mmio", "KVM takes the frame for MMIO: UC, guest PAT may make it WC", NULL, EMT_ACT_FIXED, UC,
     { EMT_ATOM_MMIO, EMT_YES });
RULE(mtrr_split, "mtrr-split", "non-coherent DMA, and guest MTRRs differ over the range: smaller pages", NULL,
     EMT_ACT_FIXED, EMT_OUT_SPLIT, { EMT_ATOM_NONCOHERENT, EMT_YES }, { EMT_ATOM_GUEST, EMT_SET(EMT_MV_SPLIT) });
RULE(coherent, "coherent", "no non-coherent DMA is registered: WB, guest PAT ignored", NULL, EMT_ACT_FIXED, WBI,
     { EMT_ATOM_NONCOHERENT, EMT_NO });
RULE(coherent_no_ss, "coherent", "no non-coherent DMA and no self-snoop: WB, guest PAT ignored", "377b2f359d1f",
     EMT_ACT_FIXED, WBI, { EMT_ATOM_NONCOHERENT, EMT_NO }, { EMT_ATOM_SELF_SNOOP, EMT_NO });
RULE(coherent_quirk, "coherent", "no non-coherent DMA and the quirk IGNORE_GUEST_PAT is on: WB, guest PAT ignored",
     NULL, EMT_ACT_FIXED, WBI, { EMT_ATOM_NONCOHERENT, EMT_NO }, { EMT_ATOM_QUIRK_PAT, EMT_YES });
RULE(cd_quirk_ipat, "cd-quirk", "guest CR0.CD with quirk CD_NW_CLEARED: WB, guest PAT ignored", NULL, EMT_ACT_FIXED,
     WBI, { EMT_ATOM_CD, EMT_YES }, { EMT_ATOM_QUIRK_CD, EMT_YES });
RULE(cd_quirk, "cd-quirk", "guest CR0.CD with quirk CD_NW_CLEARED: WB, guest PAT applies", NULL, EMT_ACT_FIXED, WB,
     { EMT_ATOM_CD, EMT_YES }, { EMT_ATOM_QUIRK_CD, EMT_YES });
RULE(cd, "cd", "guest CR0.CD is set: UC, guest PAT ignored", NULL, EMT_ACT_FIXED, UCI, { EMT_ATOM_CD, EMT_YES });
RULE(guest_mtrr, "guest-mtrr", "the guest's MTRR type, guest PAT applies", NULL, EMT_ACT_GUEST, 0, { 0, 0 });
RULE(guest_pat, "guest-pat", "WB, guest PAT applies; guest MTRRs and CR0.CD play no part", "0a7b73559b39",
     EMT_ACT_FIXED, WB, { 0, 0 });
RULE(last_wbi, "wb", "WB, guest PAT ignored", NULL, EMT_ACT_FIXED, WBI, { 0, 0 });
RULE(guest_mtrr_nc, "guest-mtrr", "non-coherent DMA: the guest's MTRR type, guest PAT applies", NULL, EMT_ACT_GUEST,
     0, { EMT_ATOM_NONCOHERENT, EMT_YES });

RULE(npt, "npt", "AMD: KVM leaves the entry at the first type of the host's PAT, WB; the guest's PAT decides", NULL,
     EMT_ACT_FIXED, WB, { 0, 0 });

#define LIST(name, ...) static const struct emt_rule *const name[] = { __VA_ARGS__ }

LIST(k1, &mmio, &guest_mtrr_nc, &last_wbi);
LIST(k2, &mtrr_split, &mmio, &coherent, &cd_quirk_ipat, &cd, &guest_mtrr);
LIST(k3, &mtrr_split, &mmio, &coherent, &cd_quirk, &cd, &guest_mtrr);
LIST(k4, &mmio, &coherent_no_ss, &guest_pat);
LIST(k5, &mmio, &coherent, &guest_pat);
LIST(ka, &npt);
LIST(k6, &mmio, &coherent_quirk, &guest_pat);

#define RULES(list) .hv = EMT_HV_KVM, .order_aware = true, .rules = list, .nr_rules = EMT_ARRAY_SIZE(list)

const struct emt_era emt_eras_kvm[] = {
	{ .id = "K1", .name = "kvm-early", .releases = "Linux 3.x-4.1", RULES(k1) },
	{ .id = "K2", .name = "kvm-mtrr", .releases = "Linux 4.2-6.6", RULES(k2) },
	{ .id = "K3", .name = "kvm-mtrr-cd", .releases = "Linux 6.7-6.10", RULES(k3) },
	{ .id = "K4", .name = "kvm-self-snoop", .releases = "Linux 6.11-rc", RULES(k4) },
	{ .id = "K5", .name = "kvm-pat", .releases = "Linux 6.11-6.15", RULES(k5) },
	{ .id = "K5m", .name = "kvm-memslot", .releases = "Linux 6.11-6.15 with KVM_MEM_NON_COHERENT_DMA (unmerged)",
	  RULES(k5) },
	{ .id = "K6", .name = "kvm-pat-quirk", .releases = "Linux 6.16 and later", RULES(k6) },
	{ .id = "KA", .name = "kvm-amd", .releases = "Linux on AMD: nested page tables, which have no EMT", RULES(ka) },
};
const size_t emt_nr_eras_kvm = EMT_ARRAY_SIZE(emt_eras_kvm);
