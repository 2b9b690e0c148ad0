/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/bars.h"

#include "audit/engine.h"
#include "policy/effective.h"
#include "policy/infer.h"

#define IOAPIC_FRAME 0xfec00ull
#define HPET_FRAME 0xfed00ull
#define VGA_FIRST 0xa0ull
#define VGA_LAST 0xbfull

static const struct {
	const char *name, *text;
} kinds[EMT_BAR_NR] = {
	[EMT_BAR_PASSTHROUGH] = { "passthrough", "device memory that the domain has rights on" },
	[EMT_BAR_ABOVE_RAM] = { "passthrough-above-ram",
				"device memory above all RAM that the domain has rights on" },
	[EMT_BAR_APIC] = { "apic-access", "the APIC access page" },
	[EMT_BAR_IOAPIC] = { "io-apic", "the host's I/O APIC" },
	[EMT_BAR_HPET] = { "hpet", "the host's HPET" },
	[EMT_BAR_VGA] = { "vga", "the legacy VGA window" },
	[EMT_BAR_READ_ONLY] = { "read-only", "device memory that the host keeps read-only" },
	[EMT_BAR_MMIO] = { "mmio", "device memory" },
};

const char *emt_bar_kind_name(unsigned int kind)
{
	return kind < EMT_BAR_NR ? kinds[kind].name : "?";
}

const char *emt_bar_kind_text(unsigned int kind)
{
	return kind < EMT_BAR_NR ? kinds[kind].text : "?";
}

const char *emt_bar_wc_name(unsigned int wc)
{
	static const char *const names[] = { "yes", "no", "pending", "undetermined" };

	return wc < EMT_ARRAY_SIZE(names) ? names[wc] : "?";
}

static bool above_ram(const struct emt_facts *f, uint64_t mfn)
{
	bool any = false;

	for (size_t i = 0; i < f->host_e820.n; i++) {
		if (f->host_e820.v[i].tag != 1)
			continue;
		any = true;
		if (f->host_e820.v[i].last >= mfn)
			return false;
	}
	return any || (f->max_page && mfn >= f->max_page);
}

static enum emt_bar_kind kind_of(const struct emt_facts *f, const struct emt_cell *c, const struct emt_run *r)
{
	bool in_caps = emt_ranges_find(&f->iomem_caps, r->mfn);

	if (r->gfn == EMT_APIC_GFN && !in_caps)
		return EMT_BAR_APIC;
	if (r->mfn == IOAPIC_FRAME)
		return EMT_BAR_IOAPIC;
	if (r->mfn == HPET_FRAME)
		return EMT_BAR_HPET;
	if (r->mfn >= VGA_FIRST && r->mfn <= VGA_LAST)
		return EMT_BAR_VGA;
	if (c->held.a[EMT_ATOM_RO] == EMT_SET(EMT_COVER_ALL))
		return EMT_BAR_READ_ONLY;
	if (!in_caps)
		return EMT_BAR_MMIO;
	return above_ram(f, r->mfn) ? EMT_BAR_ABOVE_RAM : EMT_BAR_PASSTHROUGH;
}

static bool gives_wc(unsigned int outcome)
{
	return emt_effective(outcome >> 1, outcome & 1, EMT_MT_WC, false) == EMT_MT_WC;
}

/* Outcomes of superpages that are split say nothing themselves. */
static enum emt_bar_wc wc_of_set(emt_outcomes set)
{
	unsigned int yes = 0, no = 0;

	for (unsigned int o = 0; o < EMT_OUT_SPLIT; o++) {
		if (!(set & 1u << o))
			continue;
		yes += gives_wc(o);
		no += !gives_wc(o);
	}
	return set & (EMT_SPLIT_BIT | EMT_T7_BIT) || (yes && no) || (!yes && !no) ? EMT_BAR_WC_OPEN :
	       yes ? EMT_BAR_WC_YES : EMT_BAR_WC_NO;
}

int emt_bar_of(struct emt_engine *e, const struct emt_piece *p, struct emt_bar *bar)
{
	const uint16_t mmio = EMT_SET(EMT_P2M_MMIO_DIRECT);
	const struct emt_era *era = e->rel.era;
	struct emt_where at = { p->run.gfn, p->run.mfn, p->run.order, p->run.perm, p->run.p2mt };
	const struct emt_cell *c;
	uint64_t gend, mend;
	uint32_t fires;

	if (p->verdict == EMT_V_NOT_PRESENT || p->run.flags & EMT_RUN_INTERMEDIATE || !(p->types & mmio))
		return 0;
	c = emt_engine_cell(e, &at, &gend, &mend);
	if (!c)
		return EMT_E_NOMEM;
	emt_box_trace(era->rules, era->nr_rules, &c->held, &fires, NULL);
	*bar = (struct emt_bar){
		.kind = kind_of(&e->facts, c, &p->run), .run = p->run, .frames = emt_run_frames(&p->run),
		.entries = p->run.count, .certain = p->types == mmio, .verdict = p->verdict,
		.expected = p->expected, .defects = p->defects, .wc_by_rule = wc_of_set(p->expected),
		.rule = fires && !(fires & (fires - 1)) ? era->rules[__builtin_ctz(fires)] : NULL,
	};
	if (p->run.flags & EMT_RUN_NO_TYPE)
		bar->wc = EMT_BAR_WC_OPEN;
	else if (p->verdict == EMT_V_PENDING)
		bar->wc = EMT_BAR_WC_PENDING;
	else
		bar->wc = gives_wc(EMT_OUT(p->run.emt, p->run.ipat)) ? EMT_BAR_WC_YES : EMT_BAR_WC_NO;
	return 1;
}

bool emt_bar_join(struct emt_bar *bar, const struct emt_bar *next)
{
	const struct emt_run *a = &bar->run, *b = &next->run;

	if (a->gfn + bar->frames != b->gfn || a->mfn + bar->frames != b->mfn || bar->kind != next->kind ||
	    bar->certain != next->certain || bar->verdict != next->verdict ||
	    bar->expected != next->expected || bar->defects != next->defects || bar->rule != next->rule ||
	    bar->wc != next->wc || a->emt != b->emt || a->ipat != b->ipat || a->perm != b->perm ||
	    a->flags != b->flags)
		return false;
	bar->frames += next->frames;
	bar->entries += next->entries;
	return true;
}

int emt_bar_pat_has_wc(const struct emt_facts *f)
{
	if (f->prov[EMT_FACT_VCPU_PAT].held == EMT_UNKNOWN || !f->nr_vcpus)
		return -1;
	for (uint32_t v = 0; v < f->nr_vcpus; v++)
		for (unsigned int i = 0; i < 8; i++)
			if (emt_pat_entry(f->vcpu_pat[v], i) == EMT_MT_WC)
				return 1;
	return 0;
}
