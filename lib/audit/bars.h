/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device memory that a guest maps: passthrough BARs and other MMIO. What type the CPU
 * uses there for each type the guest may request through its PAT, whether
 * write-combining can be had, and which rule is in the way if not.
 */
#ifndef EMT_AUDIT_BARS_H
#define EMT_AUDIT_BARS_H

#include "audit/audit.h"

/* What a region is, as far as facts tell. */
enum emt_bar_kind {
	EMT_BAR_PASSTHROUGH, /* frames in the domain's I/O memory rights */
	EMT_BAR_ABOVE_RAM,   /* the same, above all RAM of the host */
	EMT_BAR_APIC,        /* the APIC access page */
	EMT_BAR_IOAPIC,
	EMT_BAR_HPET,
	EMT_BAR_VGA,
	EMT_BAR_READ_ONLY,   /* in the host's read-only ranges: MSI-X tables, MMCFG ... */
	EMT_BAR_MMIO,        /* device memory, nothing more is known */
	EMT_BAR_NR,
};
const char *emt_bar_kind_name(unsigned int kind);
const char *emt_bar_kind_text(unsigned int kind);

enum emt_bar_wc { EMT_BAR_WC_YES, EMT_BAR_WC_NO, EMT_BAR_WC_PENDING, EMT_BAR_WC_OPEN };
const char *emt_bar_wc_name(unsigned int wc); /* "yes", "no", "pending", "undetermined" */

struct emt_bar {
	enum emt_bar_kind kind;
	struct emt_run run;        /* first entry; count covers the region where orders agree */
	uint64_t frames, entries;
	bool certain;              /* its p2m type is not in doubt */
	enum emt_verdict verdict;
	emt_outcomes expected;     /* what the release writes */
	emt_defect_mask defects;
	const struct emt_rule *rule; /* that decides; NULL = several could */
	enum emt_bar_wc wc;          /* with the entry as it is */
	enum emt_bar_wc wc_by_rule;  /* with what the release writes */
};

/* Look at one piece; if it is device memory, 1 and *bar. */
int emt_bar_of(struct emt_engine *e, const struct emt_piece *piece, struct emt_bar *bar);
/* 'next' continues 'bar' (frames follow, all else equal): joined, true. */
bool emt_bar_join(struct emt_bar *bar, const struct emt_bar *next);

/* Does some vCPU's PAT offer write-combining: 1 yes, 0 no, -1 not known. */
int emt_bar_pat_has_wc(const struct emt_facts *f);

#endif
