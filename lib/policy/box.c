/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/box.h"

#include <stdio.h>
#include <string.h>

struct walk {
	const struct emt_rule *const *rules;
	size_t n;
	emt_outcomes out;
	uint32_t fires;  /* rules that can fire */
	uint32_t atoms;  /* atoms looked at */
};

unsigned int emt_mv_of_mt(unsigned int mt)
{
	switch (mt) {
	case EMT_MT_WC: return EMT_MV_WC;
	case EMT_MT_WT: return EMT_MV_WT;
	case EMT_MT_WP: return EMT_MV_WP;
	case EMT_MT_WB: return EMT_MV_WB;
	default: return EMT_MV_UC; /* reserved types cannot be written by WRMSR */
	}
}

unsigned int emt_mt_of_mv(unsigned int mv)
{
	static const uint8_t mt[EMT_MV_SPLIT] = { EMT_MT_UC, EMT_MT_WC, EMT_MT_WT, EMT_MT_WP, EMT_MT_WB };

	return mv < EMT_MV_SPLIT ? mt[mv] : EMT_MT_UC;
}

static unsigned int mt_of_pin(unsigned int pin)
{
	return pin == EMT_PIN_UCMINUS ? EMT_MT_7 : emt_mt_of_mv(pin - EMT_PIN_UC);
}

/* Guest and host type together (b99113b9d5): equal, or UC wins, or WB gives way,
 * or WT and WP make WP, else UC. */
static unsigned int merge(unsigned int g, unsigned int h)
{
	if (g == h)
		return g;
	if (g == EMT_MT_UC || h == EMT_MT_UC)
		return EMT_MT_UC;
	if (g == EMT_MT_WB)
		return h;
	if (h == EMT_MT_WB)
		return g;
	if (g != EMT_MT_WC && h != EMT_MT_WC)
		return EMT_MT_WP;
	return EMT_MT_UC;
}

static emt_outcomes pair_outcome(unsigned int g, unsigned int h, bool min)
{
	unsigned int a, b;

	if (g == EMT_MV_SPLIT || h == EMT_MV_SPLIT)
		return EMT_SPLIT_BIT;
	a = emt_mt_of_mv(g);
	b = emt_mt_of_mv(h);
	return EMT_OUT_BIT(min ? (a < b ? a : b) : merge(a, b), 0);
}

static emt_outcomes act(const struct emt_rule *rule, const struct emt_box *box)
{
	emt_outcomes out = 0;

	switch (rule->action) {
	case EMT_ACT_FIXED:
		return (emt_outcomes)(1u << rule->out);
	case EMT_ACT_PIN:
	case EMT_ACT_PIN_RAW:
		for (unsigned int p = EMT_PIN_UC; p < EMT_PIN_NR; p++) {
			if (!(box->a[EMT_ATOM_PIN] & EMT_SET(p)))
				continue;
			if (p == EMT_PIN_UCMINUS)
				out |= rule->action == EMT_ACT_PIN ? EMT_OUT_BIT(EMT_MT_UC, 1) : EMT_T7_BIT;
			else
				out |= EMT_OUT_BIT(mt_of_pin(p), rule->action == EMT_ACT_PIN);
		}
		return out;
	case EMT_ACT_GUEST:
		for (unsigned int g = 0; g < EMT_MV_NR; g++)
			if (box->a[EMT_ATOM_GUEST] & EMT_SET(g))
				out |= pair_outcome(g, g, false);
		return out;
	default:
		for (unsigned int g = 0; g < EMT_MV_NR; g++)
			for (unsigned int h = 0; h < EMT_MV_NR; h++)
				if ((box->a[EMT_ATOM_GUEST] & EMT_SET(g)) && (box->a[EMT_ATOM_HOST] & EMT_SET(h)))
					out |= pair_outcome(g, h, rule->action == EMT_ACT_MIN);
		return out;
	}
}

static void walk_from(struct walk *w, size_t i, const struct emt_box *box)
{
	for (; i < w->n; i++) {
		const struct emt_rule *rule = w->rules[i];
		struct emt_box fire = *box, rest = *box;
		bool hit = true, always = true;
		unsigned int nc = 0;

		for (; nc < EMT_RULE_CONDS && rule->cond[nc].set; nc++) {
			const struct emt_cond *c = &rule->cond[nc];

			w->atoms |= 1u << c->atom;
			fire.a[c->atom] &= c->set;
			if (!fire.a[c->atom]) {
				hit = false;
				break;
			}
			if (fire.a[c->atom] != box->a[c->atom])
				always = false;
		}
		if (!hit)
			continue;
		if (rule->action == EMT_ACT_MERGE || rule->action == EMT_ACT_MIN)
			w->atoms |= 1u << EMT_ATOM_GUEST | 1u << EMT_ATOM_HOST;
		else if (rule->action == EMT_ACT_GUEST)
			w->atoms |= 1u << EMT_ATOM_GUEST;
		w->fires |= 1u << i;
		w->out |= act(rule, &fire);
		if (always)
			return;
		/* what falls through: one disjoint box per condition */
		for (unsigned int k = 0; k < nc; k++) {
			const struct emt_cond *c = &rule->cond[k];
			struct emt_box sub = rest;

			sub.a[c->atom] &= (uint16_t)~c->set;
			if (sub.a[c->atom])
				walk_from(w, i + 1, &sub);
			rest.a[c->atom] &= c->set;
		}
		return;
	}
}

emt_outcomes emt_box_eval(const struct emt_rule *const *rules, size_t n, const struct emt_box *box)
{
	struct walk w = { .rules = rules, .n = n };

	walk_from(&w, 0, box);
	return w.out;
}

void emt_box_trace(const struct emt_rule *const *rules, size_t n, const struct emt_box *box, uint32_t *fires,
		   uint32_t *atoms)
{
	struct walk w = { .rules = rules, .n = n };

	walk_from(&w, 0, box);
	if (fires)
		*fires = w.fires;
	if (atoms)
		*atoms = w.atoms;
}

emt_outcomes emt_box_rule_gives(const struct emt_rule *rule, const struct emt_box *box)
{
	return emt_box_eval(&rule, 1, box);
}

uint32_t emt_box_deciding(const struct emt_rule *const *rules, size_t n, const struct emt_box *box)
{
	emt_outcomes all = emt_box_eval(rules, n, box);
	uint32_t atoms, deciding = 0;

	emt_box_trace(rules, n, box, NULL, &atoms);
	for (unsigned int a = 0; a < EMT_ATOM_NR; a++) {
		uint16_t set = box->a[a];

		if (!(atoms & 1u << a) || !(set & (set - 1)))
			continue;
		for (uint16_t left = set; left; left &= (uint16_t)(left - 1)) {
			struct emt_box one = *box;

			one.a[a] = left & (uint16_t)-left;
			if (emt_box_eval(rules, n, &one) != all) {
				deciding |= 1u << a;
				break;
			}
		}
	}
	return deciding;
}

static const char *const atom_names[EMT_ATOM_NR] = {
	[EMT_ATOM_TYPE] = "p2m type", [EMT_ATOM_ORDER] = "order", [EMT_ATOM_RO] = "read-only MMIO frames",
	[EMT_ATOM_VALID] = "mfn_valid of the first frame", [EMT_ATOM_SPECIAL] = "special frames",
	[EMT_ATOM_APIC] = "APIC access page", [EMT_ATOM_PIN] = "pinned type",
	[EMT_ATOM_GUEST] = "guest MTRR type", [EMT_ATOM_HOST] = "host MTRR type",
	[EMT_ATOM_IOMMU] = "IOMMU in use", [EMT_ATOM_CFP] = "I/O rights held (cache_flush_permitted)",
	[EMT_ATOM_SNOOP] = "IOMMU snooping", [EMT_ATOM_IDENT_PT] = "HVM_PARAM_IDENT_PT set",
	[EMT_ATOM_UC_MODE] = "UC mode of the current vCPU", [EMT_ATOM_VCPU] = "a vCPU exists",
	[EMT_ATOM_MMIO] = "KVM takes the frame for MMIO", [EMT_ATOM_NONCOHERENT] = "non-coherent DMA",
	[EMT_ATOM_CD] = "guest CR0.CD", [EMT_ATOM_QUIRK_CD] = "quirk CD_NW_CLEARED",
	[EMT_ATOM_QUIRK_PAT] = "quirk IGNORE_GUEST_PAT", [EMT_ATOM_SELF_SNOOP] = "self-snoop",
};

const char *emt_atom_name(unsigned int atom)
{
	return atom < EMT_ATOM_NR ? atom_names[atom] : "?";
}

static const char *value_name(unsigned int atom, unsigned int v)
{
	static const char *const cover[] = { "none", "some", "all" };
	static const char *const order[] = { "4 KiB", "superpage" };
	static const char *const apic[] = { "no", "contains it", "yes" };
	static const char *const mv[] = { "UC", "WC", "WT", "WP", "WB", "several (split)" };
	static const char *const pin[] = { "none", "part of the range", "UC", "WC", "WT", "WP", "WB", "UC-" };
	static const char *const flag[] = { "no", "yes" };

	switch (atom) {
	case EMT_ATOM_TYPE: return emt_p2mt_name(v);
	case EMT_ATOM_ORDER: return v < 2 ? order[v] : "?";
	case EMT_ATOM_RO:
	case EMT_ATOM_SPECIAL: return v < 3 ? cover[v] : "?";
	case EMT_ATOM_APIC: return v < 3 ? apic[v] : "?";
	case EMT_ATOM_PIN: return v < EMT_PIN_NR ? pin[v] : "?";
	case EMT_ATOM_GUEST:
	case EMT_ATOM_HOST: return v < EMT_MV_NR ? mv[v] : "?";
	default: return v < 2 ? flag[v] : "?";
	}
}

static const char *set_text(uint16_t set, char *out, size_t room, const char *(*name)(unsigned int, unsigned int),
			    unsigned int arg)
{
	size_t at = 0;

	out[0] = '\0';
	for (unsigned int v = 0; v < 16 && at < room; v++) {
		if (!(set & 1u << v))
			continue;
		at += (size_t)snprintf(out + at, room - at, "%s%s", at ? " or " : "", name(arg, v));
	}
	return out;
}

const char *emt_atom_set_text(unsigned int atom, uint16_t set, char *out, size_t room)
{
	bool all_types = atom == EMT_ATOM_TYPE && set == 0xffff;

	if (all_types || (atom != EMT_ATOM_TYPE && (set & (set - 1)) && atom != EMT_ATOM_ORDER &&
			  ((atom == EMT_ATOM_PIN && set == (1u << EMT_PIN_NR) - 1) ||
			   ((atom == EMT_ATOM_GUEST || atom == EMT_ATOM_HOST) && (set & 0x1f) == 0x1f)))) {
		snprintf(out, room, "any");
		return out;
	}
	if (atom == EMT_ATOM_TYPE && __builtin_popcount(set) > 12) {
		int n = snprintf(out, room, "all but ");

		set_text((uint16_t)~set, out + n, room - (size_t)n, value_name, atom);
		return out;
	}
	return set_text(set, out, room, value_name, atom);
}

static const char *outcome_names[16] = {
	"UC", "UC!", "WC", "WC!", "?2", "?2!", "?3", "?3!", "WT", "WT!", "WP", "WP!", "WB", "WB!", "SPLIT", "T7",
};

const char *emt_outcome_name(unsigned int outcome)
{
	return outcome < 16 ? outcome_names[outcome] : "?";
}

int emt_outcome_parse(const char *text)
{
	for (int i = 0; i < 16; i++)
		if (!strcmp(outcome_names[i], text))
			return i;
	return -1;
}

static const char *outcome_of(unsigned int arg, unsigned int v)
{
	(void)arg;
	return v == EMT_OUT_SPLIT ? "split" : v == EMT_OUT_T7 ? "7 (UC-)" : emt_outcome_name(v);
}

const char *emt_outcomes_text(emt_outcomes set, char *out, size_t room)
{
	return set_text(set, out, room, outcome_of, 0);
}
