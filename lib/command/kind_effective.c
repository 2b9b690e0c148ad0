/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/kind_effective.h"

#include <string.h>

#include "command/guest_view.h"
#include "command/kind_audit.h"
#include "policy/effective.h"

#define SHOWN EMT_COLF_SHOWN
#define NUL EMT_COLF_NULL

static enum emt_style style_finding(const char *text)
{
	return !strcmp(text, "fine") ? EMT_STYLE_NONE : *text == 'm' ? EMT_STYLE_BAD : EMT_STYLE_WARN;
}

static const struct emt_column eff_columns[EFFECT_NR] = {
	[EFFECT_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, 0, "domain id"),
	[EFFECT_VCPUS] = EMT_COLUMN("vcpus", EMT_COL_STRING, SHOWN,
				 "vCPUs that see it so: 0-3,7; - for tables named by --cr3"),
	[EFFECT_VA] = EMT_COLUMN("va", EMT_COL_HEX, SHOWN, "first linear address", .width = 18),
	[EFFECT_LAST_VA] = EMT_COLUMN("last_va", EMT_COL_HEX, 0, "last linear address", .width = 18),
	[EFFECT_GFN] = EMT_COLUMN("gfn", EMT_COL_FRAME, SHOWN, "first guest frame", .unit = "gfn", .width = 9),
	[EFFECT_LAST_GFN] = EMT_COLUMN("last_gfn", EMT_COL_FRAME, 0, "last guest frame", .unit = "gfn", .width = 9),
	[EFFECT_MFN] = EMT_COLUMN("mfn", EMT_COL_FRAME, NUL, "first machine frame; null where the p2m maps nothing",
			       .unit = "mfn", .width = 9),
	[EFFECT_BYTES] = EMT_COLUMN("bytes", EMT_COL_BYTES, SHOWN | EMT_COLF_RIGHT, "size", .unit = "bytes"),
	[EFFECT_PAGE] = EMT_COLUMN("page", EMT_COL_STRING, SHOWN, "size of the guest's pages"),
	[EFFECT_RIGHTS] = EMT_COLUMN("rights", EMT_COL_STRING, SHOWN, "the guest's: u user or k kernel, r, w, x"),
	[EFFECT_MEMORY] = EMT_COLUMN("memory", EMT_COL_STRING, SHOWN,
				  "ram, mmio, apic (the APIC access page), unknown, or none: nothing is mapped",
				  .word = emt_gpa_kind_name, .nr_words = EMT_GPA_NR),
	[EFFECT_SLOT] = EMT_COLUMN("pat_slot", EMT_COL_NUMBER, 0, "slot of IA32_PAT that the guest selects"),
	[EFFECT_PAT] = EMT_COLUMN("pat", EMT_COL_STRING, SHOWN | NUL,
			       "type that it holds: what the guest requests; null: IA32_PAT is not known"),
	[EFFECT_TYPE] = EMT_COLUMN("type", EMT_COL_STRING, SHOWN | NUL, "EPT type as key D prints it; of AMD's nested tables the PAT type of the entry"),
	[EFFECT_HOST_MTRR] = EMT_COLUMN("host_mtrr", EMT_COL_STRING, NUL,
				     "AMD: type that the host's MTRRs give the frames, \"assumed\" where they are not "
				     "known; null on Intel"),
	[EFFECT_VERDICT] = EMT_COLUMN("verdict", EMT_COL_STRING, NUL,
				   "is the EPT type what the release writes; null on AMD",
				   .word = emt_verdict_name, .nr_words = EMT_V_NR, .style = emt_style_verdict),
	[EFFECT_EFFECTIVE] = EMT_COLUMN("effective", EMT_COL_STRINGS, SHOWN,
				     "type that the CPU uses; several: not all inputs are known; none: it faults. On "
				     "AMD CD is uncached but looks at the caches, WC+ combines writes and looks",
				     .join = " or "),
	[EFFECT_FINDING] = EMT_COLUMN("finding", EMT_COL_STRING, SHOWN,
				   "fine; ram-uc, ram-wc: memory that ends uncached; mmio-cached: a device that "
				   "ends cached", .word = emt_eff_finding_name, .nr_words = EMT_EFF_NR,
				   .style = style_finding),
	[EFFECT_CAUSE] = EMT_COLUMN("cause", EMT_COL_STRING, SHOWN | NUL,
				 "what makes it so: ept, npt (the nested table), guest-pat (the guest asks for it), "
				 "cr0-cd (caches off), host-mtrr",
				 .word = emt_eff_cause_name, .nr_words = EMT_BY_NR),
	[EFFECT_SEVERITY] = EMT_COLUMN("severity", EMT_COL_STRING, NUL, "of the finding",
				    .word = emt_severity_name, .nr_words = EMT_SEV_NR),
};
const struct emt_record_kind emt_kind_effective = {
	.name = "effective_run", .schema = "emt.effective_run", .columns = eff_columns, .nr_columns = EFFECT_NR,
	.help = "linear addresses that follow each other, with one type",
};

void emt_fill_effective(struct emt_rec *rec, const struct emt_view *v, const struct emt_eff *e, uint32_t domid)
{
	char text[8], types[64];

	emt_rec_u64(rec, EFFECT_DOMAIN, domid);
	emt_rec_str(rec, EFFECT_VCPUS, v->vcpus);
	emt_rec_u64(rec, EFFECT_VA, e->va);
	emt_rec_u64(rec, EFFECT_LAST_VA, e->va + (e->frames << 12) - 1);
	emt_rec_u64(rec, EFFECT_GFN, e->gfn);
	emt_rec_u64(rec, EFFECT_LAST_GFN, e->gfn + e->frames - 1);
	emt_rec_u64(rec, EFFECT_BYTES, e->frames << 12);
	emt_rec_str(rec, EFFECT_PAGE, emt_guest_page_text(e->order));
	emt_guest_rights_text(e->flags, text);
	emt_rec_str(rec, EFFECT_RIGHTS, text);
	emt_rec_u64(rec, EFFECT_SLOT, e->slot);
	if (e->pat != EMT_PAT_UNKNOWN)
		emt_rec_str(rec, EFFECT_PAT, emt_pat_text(e->pat));
	emt_rec_str(rec, EFFECT_MEMORY, emt_gpa_kind_name(e->at ? e->at->kind : EMT_GPA_NONE));
	emt_rec_list(rec, EFFECT_EFFECTIVE);
	for (unsigned int mt = 0; mt < EMT_MT_7; mt++)
		if (e->types & 1u << mt)
			emt_rec_add_str(rec, EFFECT_EFFECTIVE, emt_effective_name(mt));
	emt_rec_str(rec, EFFECT_FINDING, emt_eff_finding_name(e->finding));
	if (e->at) {
		emt_rec_u64(rec, EFFECT_MFN, e->at->mfn + (e->gfn - e->at->gfn));
		emt_rec_str(rec, EFFECT_TYPE, emt_gpa_type_text(e->at, text));
		if (e->at->nested == EMT_PAT_UNKNOWN)
			emt_rec_str(rec, EFFECT_VERDICT, emt_verdict_name(e->at->verdict));
		else
			emt_rec_fmt(rec, EFFECT_HOST_MTRR, "%s%s", emt_eff_types_text(e->at->mtrr, types, sizeof(types)),
				    e->at->mtrr_assumed ? ", assumed" : "");
	}
	if (e->finding != EMT_EFF_FINE) {
		emt_rec_str(rec, EFFECT_CAUSE, emt_eff_cause_name(e->cause));
		emt_rec_str(rec, EFFECT_SEVERITY, emt_severity_name(e->severity));
	}
}
