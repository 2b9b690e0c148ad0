/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flush: what a change of a p2m entry asks of the IOMMU, and what releases do.
 */
#include <stdio.h>
#include <string.h>

#include "command/complete.h"
#include "command/ctx.h"
#include "command/kind_flush.h"

/* The frame of an entry that names none: the same on both sides. */
#define SOME_FRAME 0x1000u

static const char *const access_words[] = { "n", "r", "w", "rw", "x", "rx", "wx", "rwx", "rx2rw", "n2rwx", "r_pw" };
static const uint8_t pagings[] = { EMT_PAGING_EPT, EMT_PAGING_NPT, EMT_PAGING_SHADOW };

/* ---- entries ---- */

/* Types that have no frame of their own. */
static bool frameless(unsigned int p2mt)
{
	switch (p2mt) {
	case EMT_P2M_INVALID:
	case EMT_P2M_MMIO_DM:
	case EMT_P2M_POD:
	case EMT_P2M_PAGED:
	case EMT_P2M_PAGING_IN: return true;
	default: return false;
	}
}

static int wrong(struct emt_err *err, const char *which, const char *part)
{
	return emt_err_set(err, EMT_E_USAGE, which,
			   "none, table, or TYPE[:ACCESS][@FRAME][,ro][,part]: ram_rw@0x1000, mmio_direct:r@0xf0000",
			   "cannot read '%.60s' of an entry", part);
}

static int parse_access(const char *text)
{
	for (size_t i = 0; i < EMT_ARRAY_SIZE(access_words); i++)
		if (!strcmp(access_words[i], text))
			return (int)i;
	return -1;
}

/* TYPE[:ACCESS][@FRAME][,ro][,part] */
static int parse_entry(struct emt_fl_entry *e, const char *which, const char *given, struct emt_err *err)
{
	char text[128], *word, *save = NULL, *frame, *access;
	int p2mt, a;

	*e = (struct emt_fl_entry){ .kind = EMT_FL_NONE };
	if (!strcmp(given, "none"))
		return 0;
	if (!strcmp(given, "table")) {
		e->kind = EMT_FL_TABLE;
		return 0;
	}
	if ((size_t)snprintf(text, sizeof(text), "%s", given) >= sizeof(text) || !*text)
		return wrong(err, which, given);
	e->kind = EMT_FL_LEAF;
	e->access = EMT_ACCESS_RWX;
	word = strtok_r(text, ",", &save);
	if (!word)
		return wrong(err, which, given);
	frame = strchr(word, '@');
	if (frame)
		*frame++ = '\0';
	access = strchr(word, ':');
	if (access)
		*access++ = '\0';
	p2mt = emt_p2mt_parse(word);
	if (p2mt < 0)
		return wrong(err, which, word);
	e->p2mt = (uint8_t)p2mt;
	e->mfn = frameless(e->p2mt) ? EMT_NO_FRAME : SOME_FRAME;
	if (frame && emt_parse_u64(frame, &e->mfn))
		return wrong(err, which, frame);
	a = access ? parse_access(access) : EMT_ACCESS_RWX;
	if (a < 0)
		return wrong(err, which, access);
	e->access = (uint8_t)a;
	while ((word = strtok_r(NULL, ",", &save))) {
		if (!strcmp(word, "ro"))
			e->ro = true;
		else if (!strcmp(word, "part"))
			e->split = true;
		else
			return wrong(err, which, word);
	}
	return 0;
}

/* ---- judging ---- */

struct change {
	struct emt_ctx *ctx;
	struct emt_fl_entry before, after;
};

static int put(const struct change *c, const struct emt_fl_where *w, const char *releases, const struct emt_fl_result *r)
{
	struct emt_rec *rec = emt_out_rec(c->ctx->out, &emt_kind_flush);

	c->ctx->findings |= r->verdict >= EMT_FL_NOT_ADDED;
	if (rec)
		emt_fill_flush(rec, w, releases, r);
	return emt_out_put(c->ctx->out, rec, c->ctx->err);
}

static bool alike(const struct emt_fl_result *a, const struct emt_fl_result *b)
{
	return a->change == b->change && a->before == b->before && a->after == b->after &&
	       a->need_table == b->need_table && a->need_tlb == b->need_tlb && a->does_table == b->does_table &&
	       a->does_tlb == b->does_tlb && a->verdict == b->verdict && !strcmp(a->why, b->why);
}

/* One record for each span of releases that are alike. */
static int all_releases(const struct change *c, enum emt_paging paging, bool shared)
{
	struct emt_fl_result first = { .why = "" }, next;
	const char *from = NULL, *text;
	struct emt_release rel;
	char span[64];
	int rc = 0;

	for (size_t i = 0; !rc; i++) {
		struct emt_fl_where w = { &rel, paging, shared };

		text = emt_fl_release_list(i);
		if (text) {
			rc = emt_release_parse(&rel, text, false, c->ctx->err);
			if (rc)
				return rc;
			emt_fl_judge(&next, &w, &c->before, &c->after);
			if (!i)
				first = next;
			if (alike(&first, &next))
				continue;
		}
		if (text)
			snprintf(span, sizeof(span), "%s%sbefore %s", from ? from : "", from ? " to " : "", text);
		else
			snprintf(span, sizeof(span), "%s and later", from ? from : emt_fl_release_list(0));
		rc = put(c, &w, span, &first);
		if (!text)
			break;
		first = next;
		from = text;
	}
	return rc;
}

static int one_mode(const struct change *c, enum emt_paging paging, bool shared)
{
	const char *text = emt_parse_text(c->ctx->args, "release");
	struct emt_fl_result r;
	struct emt_release rel;
	struct emt_fl_where w = { &rel, paging, shared };
	int rc;

	if (!text)
		return all_releases(c, paging, shared);
	rc = emt_release_parse(&rel, text, false, c->ctx->err);
	if (!rc && rel.era->hv != EMT_HV_XEN)
		rc = emt_err_set(c->ctx->err, EMT_E_USAGE, text, "name a release of Xen",
				 "these rules are Xen's; KVM's host kernel keeps the IOMMU");
	if (rc)
		return rc;
	emt_fl_judge(&r, &w, &c->before, &c->after);
	return put(c, &w, rel.text, &r);
}

/* Misses of the release named, whatever changes. */
static int put_defects(struct emt_ctx *ctx, uint32_t mask)
{
	int rc = 0;

	for (size_t i = 0; i < emt_nr_fl_defects && !rc; i++) {
		struct emt_rec *rec;

		if (!(mask >> i & 1))
			continue;
		rec = emt_out_rec(ctx->out, &emt_kind_flush_defect);
		if (rec)
			emt_fill_flush_defect(rec, &emt_fl_defects[i]);
		rc = emt_out_put(ctx->out, rec, ctx->err);
	}
	return rc;
}

static int run_flush(struct emt_ctx *ctx)
{
	struct change c = { .ctx = ctx };
	const struct emt_value *paging = emt_parse_get(ctx->args, "paging"), *shared = emt_parse_get(ctx->args, "shared");
	const char *release = emt_parse_text(ctx->args, "release");
	uint32_t defects = 0;
	struct emt_release rel;
	int rc = parse_entry(&c.before, "old", emt_parse_text(ctx->args, "old"), ctx->err);

	if (!rc)
		rc = parse_entry(&c.after, "new", emt_parse_text(ctx->args, "new"), ctx->err);
	for (size_t i = 0; i < EMT_ARRAY_SIZE(pagings) && !rc; i++) {
		if (paging && paging->number != i)
			continue;
		for (unsigned int s = 0; s < 2 && !rc; s++) {
			if (shared && (shared->number == 0) != s)
				continue;
			rc = one_mode(&c, (enum emt_paging)pagings[i], s);
			if (rc || !release || emt_release_parse(&rel, release, false, NULL))
				continue;
			defects |= emt_fl_defects_of(&(struct emt_fl_where){ &rel, (enum emt_paging)pagings[i], s });
		}
	}
	return rc ? rc : put_defects(ctx, defects);
}

/* ---- declaration ---- */

static void complete_entry(struct emt_completion *c)
{
	emt_complete_word(c, "none", "nothing there");
	emt_complete_word(c, "table", "an intermediate entry");
	for (unsigned int t = 0; t < EMT_P2M_NR; t++)
		emt_complete_word(c, emt_p2mt_name(t), "a leaf of this type");
}

static const char *const paging_words[] = { "ept", "npt", "shadow", NULL };
static const char *const shared_words[] = { "yes", "no", NULL };
static const struct emt_arg args[] = {
	{ .name = "old", .type = EMT_ARG_TEXT, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED, .metavar = "OLD",
	  .help = "the entry before: none, table, or TYPE[:ACCESS][@FRAME][,ro][,part]", .complete = complete_entry },
	{ .name = "new", .type = EMT_ARG_TEXT, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED, .metavar = "NEW",
	  .help = "the entry after, written the same way", .complete = complete_entry },
	{ .name = "release", .type = EMT_ARG_RELEASE, .letter = 'r', .metavar = "RELEASE",
	  .help = "what this release of Xen does", .fallback = "all, those alike together" },
	{ .name = "paging", .type = EMT_ARG_ENUM, .metavar = "MODE", .words = paging_words,
	  .help = "how the guest's memory is translated", .fallback = "all" },
	{ .name = "shared", .type = EMT_ARG_ENUM, .metavar = "WHETHER", .words = shared_words,
	  .help = "whether the IOMMU uses the p2m's own tables", .fallback = "both" },
};
static const struct emt_section sections[] = {
	{ "changes", &emt_kind_flush, EMT_SECTION_MAIN, NULL },
	{ "defects", &emt_kind_flush_defect, 0, "Known misses of this release, whatever changes" },
};
static const struct emt_reply reply = { "emt.flush", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "flush table none --paging npt", "an intermediate table is replaced by an empty entry, in all releases" },
	{ "flush ram_rw ram_ro --release 4.5.1 --paging ept", "a page becomes read-only in 4.5.1" },
	{ "flush ram_rw@0x1000 ram_rw@0x2000 -r 4.17.7 --shared yes", "a page gets another frame, tables shared" },
};

const struct emt_command emt_cmd_flush = {
	.name = "flush",
	.group = "Rules",
	.summary = "explain what a change of an entry asks of the IOMMU, and what releases do",
	.description =
		"For a change of a p2m entry from OLD to NEW: what must become of the IOMMU's tables and of its "
		"cached translations (IOTLB), what releases of Xen do about it, and whether something is missed. "
		"Where the IOMMU has tables of its own they must follow; where it shares the p2m's, only the flush "
		"remains. Releases that do the same are one record.\n\n"
		"An entry is none, table (smaller entries below), or a leaf: a p2m type, with :ACCESS (n, r, rw, "
		"rwx ...; default rwx), @FRAME (two leaves without are of one frame), ,ro (the frame is in "
		"mmio_ro_ranges) and ,part (part of a superpage, which is split first).\n\n"
		"missed: devices keep access, or keep reaching the old frame. not-added: devices lack what they "
		"should have, and fault. by-design: left undone on purpose. spurious: more than needed. not-used: "
		"this cannot happen there. The verdict comes from the rules; `iommu commands` shows flushes that "
		"were really asked for.\n\n"
		"Exit status: 0 nothing is missed; 1 something is; 2 error.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_flush,
};
