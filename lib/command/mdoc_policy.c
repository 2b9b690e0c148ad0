/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parts of emt-policy(7): releases with their rules, known defects, quirks.
 */
#include <stdio.h>
#include <string.h>

#include "audit/explain.h"
#include "command/kind_policy.h"
#include "command/mdoc.h"

static const char *hypervisor(const struct emt_era *era)
{
	return era->hv == EMT_HV_KVM ? "KVM" : "Xen";
}

static void conditions(struct emt_buffer *b, const struct emt_rec *rec)
{
	size_t n = emt_rec_count(rec, RULE_CONDITIONS), at;
	char text[1200];

	if (!n)
		return;
	at = (size_t)snprintf(text, sizeof(text), "When ");
	for (size_t i = 0; i < n && at < sizeof(text); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i ? "; and " : "",
				       emt_rec_str_at(rec, RULE_CONDITIONS, i));
	if (at < sizeof(text) - 1)
		snprintf(text + at, sizeof(text) - at, ".");
	emt_buffer_puts(b, ".br\n");
	emt_mdoc_prose(b, text);
}

static void rule(struct emt_buffer *b, const struct emt_rule *r, unsigned int number, struct emt_rec *rec)
{
	char text[400];

	emt_rec_reset(rec);
	emt_fill_rule(rec, r, number);
	emt_buffer_puts(b, ".It\n");
	snprintf(text, sizeof(text), "%s.", r->text);
	emt_mdoc_prose(b, text);
	conditions(b, rec);
	emt_buffer_puts(b, ".br\n");
	emt_mdoc_line(b, "Rule\n.Em", r->id);
	snprintf(text, sizeof(text), "gives: %s%s%s.", emt_rule_gives(r), r->cite ? "; commit " : "",
		 r->cite ? r->cite : "");
	emt_mdoc_prose(b, text);
}

/* What the words of the rules mean in these releases. */
static void meanings(struct emt_buffer *b, const struct emt_era *era)
{
	emt_mdoc_prose(b, era->order_aware ? "A superpage is judged as a whole, and split where its pages differ."
					   : "The first frame of a superpage decides for all of it.");
	if (era->hv == EMT_HV_KVM)
		return;
	emt_mdoc_prose(b, era->lazy ? "EMT 7 marks entries to be recomputed when next touched."
				    : "EMT 7 is a misconfiguration.");
	emt_mdoc_prose(b, era->iommu == EMT_IOMMU_DOMAIN ? "IOMMU in use: the domain has IOMMU tables."
							 : "IOMMU in use: the host has one.");
	emt_mdoc_prose(b, era->cfp_pci ? "I/O rights: I/O memory, ports, or an assigned PCI device."
				       : "I/O rights: I/O memory or ports.");
}

void emt_mdoc_releases(struct emt_buffer *b)
{
	struct emt_rec *rec = emt_rec_new(&emt_kind_rule);
	const struct emt_era *era;
	char title[240];

	for (int hv = EMT_HV_XEN; hv <= EMT_HV_KVM && rec; hv++)
		for (size_t i = 0; (era = emt_era_at((enum emt_hypervisor)hv, i)); i++) {
			bool kvm = hv == EMT_HV_KVM;

			snprintf(title, sizeof(title), "%s%s%s", kvm ? "KVM of " : hypervisor(era),
				 kvm ? "" : " ", era->releases);
			emt_mdoc_line(b, ".Ss", title);
			meanings(b, era);
			emt_buffer_puts(b, ".Bl -enum\n");
			for (size_t k = 0; k < era->nr_rules; k++)
				rule(b, era->rules[k], (unsigned int)k + 1, rec);
			emt_buffer_puts(b, ".El\n");
		}
	emt_rec_free(rec);
}

void emt_mdoc_defects(struct emt_buffer *b)
{
	char text[1000];

	emt_buffer_puts(b, ".Bl -tag -width KD99\n");
	for (size_t i = 0; i < emt_nr_defects; i++) {
		const struct emt_defect *d = &emt_defects[i];

		emt_mdoc_line(b, ".It", d->id);
		snprintf(text, sizeof(text), "%s (%s).", d->title, emt_defect_severity_name(d->severity));
		emt_mdoc_prose(b, text);
		emt_buffer_puts(b, ".br\n");
		snprintf(text, sizeof(text), "Entries: %s.", d->entries);
		emt_mdoc_prose(b, text);
		snprintf(text, sizeof(text), "Harm: %s.", d->harm);
		emt_mdoc_prose(b, text);
		snprintf(text, sizeof(text), "Releases: %s.", d->releases);
		emt_mdoc_prose(b, text);
		snprintf(text, sizeof(text), "Fixed: %s%s%s.", d->fixed_by && *d->fixed_by ? d->fixed_by : "open",
			 d->fixed_in && *d->fixed_in ? ", in " : "",
			 d->fixed_in && *d->fixed_in ? d->fixed_in : "");
		emt_mdoc_prose(b, text);
	}
	emt_buffer_puts(b, ".El\n");
}

void emt_mdoc_quirks(struct emt_buffer *b)
{
	const struct emt_quirk *q;
	char text[400];

	emt_buffer_puts(b, ".Bl -tag -width KD99\n");
	for (size_t i = 0; (q = emt_quirk_at(i)); i++) {
		emt_mdoc_line(b, ".It", q->id);
		snprintf(text, sizeof(text), "%s.", q->text);
		emt_mdoc_prose(b, text);
	}
	emt_buffer_puts(b, ".El\n");
}

void emt_mdoc_reasons(struct emt_buffer *b)
{
	emt_buffer_puts(b, ".Bl -tag -width Ds\n");
	for (unsigned int i = EMT_WHY_NONE + 1; i < EMT_WHY_NR; i++) {
		emt_mdoc_line(b, ".It Em", emt_reason_name(i));
		emt_mdoc_prose(b, emt_reason_text(i));
	}
	emt_buffer_puts(b, ".El\n");
}
