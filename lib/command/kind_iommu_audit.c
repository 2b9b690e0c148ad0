/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/kind_iommu_audit.h"

#include <stdio.h>
#include <string.h>

#include "command/kind_audit.h"
#include "command/kind_change.h"
#include "command/kind_flush.h"
#include "command/layout.h"

#define SHOWN EMT_COLF_SHOWN
#define NUL EMT_COLF_NULL

static const char *iommu_word(unsigned int i)
{
	return i ? "amd-vi" : "vt-d";
}

static const char *owners_word(unsigned int i)
{
	return i ? "frame-table" : "mappings";
}

/* ---- domain ---- */

static const struct emt_column domain_columns[IDOM_NR] = {
	[IDOM_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, SHOWN, "domain id"),
	[IDOM_NAME] = EMT_COLUMN("name", EMT_COL_STRING, SHOWN | NUL, "name; null when not known"),
	[IDOM_RELEASE] = EMT_COLUMN("release", EMT_COL_STRING, SHOWN, "release whose rules were used"),
	[IDOM_IOMMU] = EMT_COLUMN("iommu", EMT_COL_STRING, SHOWN, "whose tables", .word = iommu_word, .nr_words = 2),
	[IDOM_TABLE] = EMT_COLUMN("table", EMT_COL_STRING, 0, "where the table comes from"),
	[IDOM_SHARED] = EMT_COLUMN("shared", EMT_COL_BOOL, 0, "the IOMMU uses the p2m: there is nothing to compare"),
	[IDOM_OWNERS] = EMT_COLUMN("owners", EMT_COL_STRING, 0,
				   "what tells whose a frame is: Xen's frame table, or the domains' mappings",
				   .word = owners_word, .nr_words = 2),
	[IDOM_BYTES_P2M] = EMT_COLUMN("p2m_bytes", EMT_COL_BYTES, SHOWN, "that devices should reach, or may",
				      .unit = "bytes"),
	[IDOM_BYTES_IOMMU] = EMT_COLUMN("iommu_bytes", EMT_COL_BYTES, SHOWN, "that devices reach", .unit = "bytes"),
	[IDOM_BYTES_OK] = EMT_COLUMN("ok_bytes", EMT_COL_BYTES, SHOWN, "of both, what agrees", .unit = "bytes"),
	[IDOM_BYTES_UNDETERMINED] =
		EMT_COLUMN("undetermined_bytes", EMT_COL_BYTES, 0,
			   "of it, what agrees only with a p2m type that is possible, not likely", .unit = "bytes"),
	[IDOM_BYTES_STALE] = EMT_COLUMN("stale_bytes", EMT_COL_BYTES, SHOWN, "reached without right",
					.unit = "bytes"),
	[IDOM_BYTES_MISSING] = EMT_COLUMN("missing_bytes", EMT_COL_BYTES, SHOWN, "not reached", .unit = "bytes"),
	[IDOM_BYTES_PERMISSION] = EMT_COLUMN("permission_bytes", EMT_COL_BYTES, SHOWN,
					     "reached with other permissions", .unit = "bytes"),
	[IDOM_BYTES_NOT_LISTED] = EMT_COLUMN("not_listed_bytes", EMT_COL_BYTES, 0,
					     "of findings there was no room for", .unit = "bytes"),
	[IDOM_UNREAD] = EMT_COLUMN("unread", EMT_COL_NUMBER, 0, "entries of the table that could not be read"),
	[IDOM_COMPLETE] = EMT_COLUMN("complete", EMT_COL_BOOL, 0, "both sides were read to their ends"),
};

static int layout_domain(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	static const struct {
		unsigned int col;
		const char *word;
	} parts[] = { { IDOM_BYTES_OK, "agree" }, { IDOM_BYTES_STALE, "stale" }, { IDOM_BYTES_MISSING, "missing" },
		      { IDOM_BYTES_PERMISSION, "with other permissions" } };
	char n[32], text[96];

	(void)variant;
	emt_text_gap(t);
	snprintf(text, sizeof(text), "domain %llu", (unsigned long long)emt_rec_get_u64(rec, IDOM_DOMAIN));
	emt_text_puts(t, EMT_STYLE_STRONG, text);
	if (emt_rec_has(rec, IDOM_NAME))
		emt_text_printf(t, " (%s)", emt_rec_get_str(rec, IDOM_NAME));
	emt_text_printf(t, ", Xen %s, %s: %s\n", emt_rec_get_str(rec, IDOM_RELEASE), emt_rec_get_str(rec, IDOM_IOMMU),
			emt_rec_get_str(rec, IDOM_TABLE));
	if (emt_rec_get_bool(rec, IDOM_SHARED)) {
		emt_text_para(t, "  ", 2, "The IOMMU uses the p2m itself: devices reach what its entries allow, and "
					  "there is no second table to compare.");
		return 0;
	}
	emt_text_printf(t, "  devices reach %s", emt_fmt_bytes(emt_rec_get_u64(rec, IDOM_BYTES_IOMMU), n, sizeof(n)));
	for (size_t i = 0; i < EMT_ARRAY_SIZE(parts); i++)
		if (!i || emt_rec_get_u64(rec, parts[i].col))
			emt_text_printf(t, "%s%s %s", i ? ", " : ": ",
					emt_fmt_bytes(emt_rec_get_u64(rec, parts[i].col), n, sizeof(n)),
					parts[i].word);
	emt_text_printf(t, "\n");
	if (!emt_rec_get_bool(rec, IDOM_COMPLETE))
		emt_text_para(t, "  ", 2, "Something could not be read: what is missing on one side shows as stale or "
					  "missing.");
	return 0;
}

const struct emt_record_kind emt_kind_iommu_domain = {
	.name = "iommu_domain", .schema = "emt.iommu_domain", .help = "a domain's IOMMU table against its p2m",
	.columns = domain_columns, .nr_columns = IDOM_NR, .layout = layout_domain,
};

/* ---- findings ---- */

static const struct emt_column finding_columns[IFND_NR] = {
	[IFND_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, 0, "domain id"),
	[IFND_SEVERITY] =
		EMT_COLUMN("severity", EMT_COL_STRING, SHOWN, "how grave", .word = emt_severity_name,
			   .nr_words = EMT_SEV_NR, .style = emt_style_severity),
	[IFND_KIND] = EMT_COLUMN("kind", EMT_COL_STRING, SHOWN,
				 "iommu-stale: reached without right; iommu-missing: not reached; iommu-permission",
				 .word = emt_iommu_kind_name, .nr_words = EMT_IOMMU_KIND_NR),
	[IFND_CERTAIN] = EMT_COLUMN("certain", EMT_COL_BOOL, 0, "no p2m type that the entries can have explains it"),
	[IFND_ACTUAL] = EMT_COLUMN("actual", EMT_COL_STRING, SHOWN | NUL,
				   "what devices can do; null when the source does not tell", .word = emt_flush_perm_word,
				   .nr_words = 4),
	[IFND_EXPECTED] = EMT_COLUMN("expected", EMT_COL_STRINGS, SHOWN, "what they should be able to do",
				     .word = emt_flush_perm_word, .nr_words = 4, .join = " or "),
	[IFND_OTHER_FRAME] = EMT_COLUMN("other_frame", EMT_COL_BOOL, 0, "stale: the p2m has another frame there"),
	[IFND_P2M_TYPES] = EMT_COLUMN("p2m_types", EMT_COL_STRINGS, 0,
				      "p2m types that the entries can have; none: nothing is mapped",
				      .word = emt_p2mt_name, .nr_words = EMT_P2M_NR),
	[IFND_OWNER] = EMT_COLUMN("owner", EMT_COL_STRING, SHOWN | NUL, "stale: whose the frames are now",
				  .word = emt_frame_owner_name, .nr_words = EMT_FRAME_OWNER_NR),
	[IFND_OWNER_DOMAIN] = EMT_COLUMN("owner_domain", EMT_COL_NUMBER, NUL, "its domain id, where that is known"),
	[IFND_PAGES] = EMT_COLUMN("pages", EMT_COL_NUMBER, SHOWN, "4 KiB pages"),
	[IFND_BYTES] = EMT_COLUMN("bytes", EMT_COL_BYTES, 0, "memory", .unit = "bytes"),
	[IFND_FIRST_DFN] = EMT_COLUMN("first_dfn", EMT_COL_FRAME, SHOWN, "first device frame", .unit = "dfn"),
	[IFND_FIRST_MFN] = EMT_COLUMN("first_mfn", EMT_COL_FRAME, SHOWN,
				      "machine frame of the first: the one reached, or the one that is missing",
				      .unit = "mfn"),
	[IFND_RANGES] = EMT_COLUMN("ranges", EMT_COL_LIST, 0, "where; at most 16", .sub = &emt_kind_gfn_range),
	[IFND_RANGES_TOTAL] = EMT_COLUMN("ranges_total", EMT_COL_NUMBER, 0, "how many ranges there are"),
	[IFND_TEXT] = EMT_COLUMN("text", EMT_COL_STRING, 0, "what it means, in words"),
};

static int layout_finding(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	const char *severity = emt_rec_get_str(rec, IFND_SEVERITY);
	char at[300];

	(void)variant;
	emt_spans_text(rec, IFND_RANGES, IFND_RANGES_TOTAL, emt_rec_get_u64(rec, IFND_PAGES), "page", "pages", at,
		       sizeof(at));
	emt_text_printf(t, "  ");
	emt_text_puts(t, emt_style_severity(severity), severity);
	emt_text_printf(t, " %s: %s\n", emt_rec_get_str(rec, IFND_KIND), at);
	emt_text_para(t, "      ", 6, emt_rec_get_str(rec, IFND_TEXT));
	return 0;
}

const struct emt_record_kind emt_kind_iommu_finding = {
	.name = "iommu_finding", .schema = "emt.iommu_finding", .help = "device frames that differ alike",
	.columns = finding_columns, .nr_columns = IFND_NR, .layout = layout_finding,
};

static void fill_text(struct emt_rec *rec, const struct emt_iommu_finding *f)
{
	char whose[64], perm[24];

	if (f->actual == 0xff)
		snprintf(perm, sizeof(perm), "reach");
	else
		snprintf(perm, sizeof(perm), "%s", f->actual == EMT_R ? "read" : f->actual == EMT_W ? "write" :
			 "read and write");
	if (f->kind == EMT_IOMMU_MISSING) {
		emt_rec_fmt(rec, IFND_TEXT, "Devices do not reach frame 0x%llx on, which the p2m gives them%s: their "
			    "accesses fault.", (unsigned long long)f->first_mfn,
			    f->certain ? "" : ", if its type is one that devices may use");
		return;
	}
	if (f->kind == EMT_IOMMU_PERMISSION) {
		emt_rec_fmt(rec, IFND_TEXT, "Devices can %s frame 0x%llx on; the p2m type gives them other permissions.",
			    perm, (unsigned long long)f->first_mfn);
		return;
	}
	switch (f->owner) {
	case EMT_FRAME_THIS: snprintf(whose, sizeof(whose), "still the domain's own, in another place"); break;
	case EMT_FRAME_OTHER:
		if (f->owner_known)
			snprintf(whose, sizeof(whose), "domain %u's now", f->owner_domid);
		else
			snprintf(whose, sizeof(whose), "another domain's now");
		break;
	case EMT_FRAME_XEN: snprintf(whose, sizeof(whose), "Xen's now"); break;
	case EMT_FRAME_FREE: snprintf(whose, sizeof(whose), "free now: anyone's next"); break;
	case EMT_FRAME_DEVICE: snprintf(whose, sizeof(whose), "no RAM but device memory"); break;
	default: snprintf(whose, sizeof(whose), "whose it is now is not known"); break;
	}
	emt_rec_fmt(rec, IFND_TEXT, "Devices can still %s frame 0x%llx on, %s; the p2m %s.", perm,
		    (unsigned long long)f->first_mfn, whose,
		    f->other_frame ? "has another frame there" :
		    f->types ? "has a type there that devices may not use" : "has nothing there");
}

void emt_fill_iommu_finding(struct emt_rec *rec, const struct emt_iommu_finding *f, uint32_t domid)
{
	emt_rec_u64(rec, IFND_DOMAIN, domid);
	emt_rec_str(rec, IFND_SEVERITY, emt_severity_name(f->severity));
	emt_rec_str(rec, IFND_KIND, emt_iommu_kind_name(f->kind));
	emt_rec_bool(rec, IFND_CERTAIN, f->certain);
	if (f->actual != 0xff)
		emt_rec_str(rec, IFND_ACTUAL, emt_flush_perm_word(f->actual & 3));
	emt_rec_list(rec, IFND_EXPECTED);
	for (unsigned int p = 0; p < 4; p++)
		if (f->expected >> p & 1)
			emt_rec_add_str(rec, IFND_EXPECTED, emt_flush_perm_word(p));
	emt_rec_bool(rec, IFND_OTHER_FRAME, f->other_frame);
	emt_rec_list(rec, IFND_P2M_TYPES);
	for (unsigned int p = 0; p < EMT_P2M_NR; p++)
		if (f->types >> p & 1)
			emt_rec_add_str(rec, IFND_P2M_TYPES, emt_p2mt_name(p));
	if (f->kind == EMT_IOMMU_STALE)
		emt_rec_str(rec, IFND_OWNER, emt_frame_owner_name(f->owner));
	if (f->owner_known)
		emt_rec_u64(rec, IFND_OWNER_DOMAIN, f->owner_domid);
	emt_rec_u64(rec, IFND_PAGES, f->at.frames);
	emt_rec_u64(rec, IFND_BYTES, f->at.frames * 4096);
	emt_fill_spans(rec, &f->at, IFND_RANGES, IFND_RANGES_TOTAL, IFND_FIRST_DFN);
	emt_rec_u64(rec, IFND_FIRST_MFN, f->first_mfn);
	fill_text(rec, f);
}

/* ---- runs ---- */

static const struct emt_column run_columns[IRUN_NR] = {
	[IRUN_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, SHOWN, "domain id"),
	[IRUN_DFN] = EMT_COLUMN("dfn", EMT_COL_FRAME, SHOWN, "first device frame", .unit = "dfn"),
	[IRUN_LAST_DFN] = EMT_COLUMN("last_dfn", EMT_COL_FRAME, SHOWN, "last device frame", .unit = "dfn"),
	[IRUN_MFN] = EMT_COLUMN("mfn", EMT_COL_FRAME, SHOWN, "machine frame of the first", .unit = "mfn"),
	[IRUN_FRAMES] = EMT_COLUMN("frames", EMT_COL_NUMBER, SHOWN | EMT_COLF_RIGHT, "4 KiB frames", .unit = "frames"),
	[IRUN_BYTES] = EMT_COLUMN("bytes", EMT_COL_BYTES, 0, "memory", .unit = "bytes"),
	[IRUN_PERM] = EMT_COLUMN("permissions", EMT_COL_STRING, SHOWN | NUL,
				 "what devices can do; null when the source does not tell", .word = emt_flush_perm_word,
				 .nr_words = 4),
};
const struct emt_record_kind emt_kind_iommu_run = {
	.name = "iommu_run", .schema = "emt.iommu_run", .help = "device frames that lead to consecutive machine frames",
	.columns = run_columns, .nr_columns = IRUN_NR,
};

void emt_fill_iommu_run(struct emt_rec *rec, const struct emt_dfn_run *r, uint32_t domid)
{
	emt_rec_u64(rec, IRUN_DOMAIN, domid);
	emt_rec_u64(rec, IRUN_DFN, r->dfn);
	emt_rec_u64(rec, IRUN_LAST_DFN, r->dfn + r->frames - 1);
	emt_rec_u64(rec, IRUN_MFN, r->mfn);
	emt_rec_u64(rec, IRUN_FRAMES, r->frames);
	emt_rec_u64(rec, IRUN_BYTES, r->frames * 4096);
	if (r->perm != 0xff)
		emt_rec_str(rec, IRUN_PERM, emt_flush_perm_word(r->perm & 3));
}
