/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decision lists over sets.
 *
 * A rule list looks at a small number of *atoms*: "is the range read-only: no,
 * partly, wholly", "what is the p2m type", "which MTRR type has the range". A box
 * gives, for each atom, the set of values that the facts allow. Evaluating a list
 * on a box gives the exact set of outcomes that some choice of values leads to:
 * each rule is a conjunction of conditions on atoms, so what falls through a rule
 * is a union of disjoint boxes, and the walk over them loses nothing. With one
 * value per atom it is the plain rule.
 */
#ifndef EMT_POLICY_BOX_H
#define EMT_POLICY_BOX_H

#include "base/types.h"

enum emt_atom {
	/* Xen */
	EMT_ATOM_TYPE,     /* p2m type, bit = enum emt_p2mt */
	EMT_ATOM_ORDER,    /* enum emt_order_value */
	EMT_ATOM_RO,       /* enum emt_cover: frames in mmio_ro_ranges */
	EMT_ATOM_VALID,    /* 0, 1: mfn_valid() of the first frame */
	EMT_ATOM_SPECIAL,  /* enum emt_cover: special frames */
	EMT_ATOM_APIC,     /* enum emt_apic_value: the APIC access page */
	EMT_ATOM_PIN,      /* enum emt_pin_value */
	EMT_ATOM_GUEST,    /* enum emt_mtrr_value: guest MTRR type of the range */
	EMT_ATOM_HOST,     /* the same of the host */
	EMT_ATOM_IOMMU,    /* 0, 1: the domain uses the IOMMU, as the release tests it */
	EMT_ATOM_CFP,      /* 0, 1: cache_flush_permitted(), as the release tests it */
	EMT_ATOM_SNOOP,    /* 0, 1: iommu_snoop */
	EMT_ATOM_IDENT_PT, /* 0, 1: HVM_PARAM_IDENT_PT set */
	EMT_ATOM_UC_MODE,  /* 0, 1: in UC mode, and the vCPU is current */
	EMT_ATOM_VCPU,     /* 0, 1: there is a vCPU whose MTRRs count */
	/* KVM */
	EMT_ATOM_MMIO,     /* 0, 1: kvm_is_mmio_pfn() */
	EMT_ATOM_NONCOHERENT, /* 0, 1: non-coherent DMA, or its memslot flag */
	EMT_ATOM_CD,       /* 0, 1: guest CR0.CD */
	EMT_ATOM_QUIRK_CD, /* 0, 1 */
	EMT_ATOM_QUIRK_PAT,/* 0, 1 */
	EMT_ATOM_SELF_SNOOP, /* 0, 1 */
	EMT_ATOM_NR,
};

enum emt_order_value { EMT_ORDER_IS_0, EMT_ORDER_ABOVE_0 };
enum emt_cover { EMT_COVER_NONE, EMT_COVER_SOME, EMT_COVER_ALL };
enum emt_apic_value { EMT_APIC_NO, EMT_APIC_CONTAINS, EMT_APIC_IS };
/* MTRR types in the order of enum emt_mt without the reserved ones. */
enum emt_mtrr_value { EMT_MV_UC, EMT_MV_WC, EMT_MV_WT, EMT_MV_WP, EMT_MV_WB, EMT_MV_SPLIT, EMT_MV_NR };
enum emt_pin_value {
	EMT_PIN_NONE, EMT_PIN_PART,
	EMT_PIN_UC, EMT_PIN_WC, EMT_PIN_WT, EMT_PIN_WP, EMT_PIN_WB, EMT_PIN_UCMINUS,
	EMT_PIN_NR,
};

/* One value of an atom as a set; the two values of a flag. */
#define EMT_SET(value) ((uint16_t)(1u << (value)))
#define EMT_NO EMT_SET(0)
#define EMT_YES EMT_SET(1)
#define EMT_EITHER ((uint16_t)3)

struct emt_box {
	uint16_t a[EMT_ATOM_NR]; /* sets of values; an empty set means "not looked at" */
};

/* Outcomes: emt * 2 + ipat for UC..WB, plus these. A set of them is a bit mask. */
enum emt_outcome {
	EMT_OUT_SPLIT = 14, /* the function returns -1: the superpage must be split */
	EMT_OUT_T7 = 15,    /* raw 7, ipat 0: a UC- pin before 4.5 */
};
typedef uint16_t emt_outcomes;

#define EMT_OUT(mt, ipat) ((unsigned int)((mt) * 2 + (ipat)))
#define EMT_OUT_BIT(mt, ipat) ((emt_outcomes)(1u << EMT_OUT(mt, ipat)))
#define EMT_SPLIT_BIT ((emt_outcomes)(1u << EMT_OUT_SPLIT))
#define EMT_T7_BIT ((emt_outcomes)(1u << EMT_OUT_T7))

/* What a rule that fires returns. */
enum emt_action {
	EMT_ACT_FIXED,     /* 'out' */
	EMT_ACT_PIN,       /* pinned type, UC- becomes UC, ipat 1 */
	EMT_ACT_PIN_RAW,   /* pinned type as it is (7 for UC-), ipat 0 */
	EMT_ACT_MERGE,     /* guest and host MTRR types merged, ipat 0 */
	EMT_ACT_MIN,       /* the numerically smaller of the two, ipat 0 */
	EMT_ACT_GUEST,     /* the guest MTRR type, ipat 0 (KVM) */
};

struct emt_cond {
	uint8_t atom;   /* enum emt_atom */
	uint16_t set;   /* fires for these values; 0 ends the list */
};

#define EMT_RULE_CONDS 4

/* One rule of a decision list; fires when all its conditions hold. */
struct emt_rule {
	const char *id;      /* short stable name, e.g. "ro-full" */
	const char *text;    /* what it says, for people */
	struct emt_cond cond[EMT_RULE_CONDS];
	uint8_t action;      /* enum emt_action */
	uint8_t out;         /* for EMT_ACT_FIXED: an outcome number */
	const char *cite;    /* commit that brought or last changed it; may be NULL */
};

/* The exact set of outcomes of 'rules' (n of them, the last must fire always) on
 * 'box'. Pure. */
emt_outcomes emt_box_eval(const struct emt_rule *const *rules, size_t n, const struct emt_box *box);

/* Which rules can fire on 'box' (bit i = rule i), and which atoms are looked at
 * on the way (bit = enum emt_atom). Either may be NULL. */
void emt_box_trace(const struct emt_rule *const *rules, size_t n, const struct emt_box *box, uint32_t *fires,
		   uint32_t *atoms);

/* What one rule gives where it fires on 'box'. */
emt_outcomes emt_box_rule_gives(const struct emt_rule *rule, const struct emt_box *box);

/* Atoms with more than one value that matter: for which some value leads to a set
 * of outcomes other than the whole. */
uint32_t emt_box_deciding(const struct emt_rule *const *rules, size_t n, const struct emt_box *box);

const char *emt_atom_name(unsigned int atom);
/* Words for a set of values of an atom, e.g. "none or some"; returns 'out'. */
const char *emt_atom_set_text(unsigned int atom, uint16_t set, char *out, size_t room);

/* "WB!", "UC", "SPLIT", "T7"; parse returns -1 if it is no outcome. */
const char *emt_outcome_name(unsigned int outcome);
int emt_outcome_parse(const char *text);
/* "WB! or UC"; returns 'out'. */
const char *emt_outcomes_text(emt_outcomes set, char *out, size_t room);

/* Value of enum emt_mtrr_value for a memory type and back. */
unsigned int emt_mv_of_mt(unsigned int mt);
unsigned int emt_mt_of_mv(unsigned int mv);

#endif
