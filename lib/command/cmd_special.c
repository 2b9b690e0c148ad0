/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * special: pages shared with Xen or other domains, and whether the guest's caches hold them.
 */
#include <stdio.h>
#include <string.h>

#include "audit/special.h"
#include "command/ctx.h"
#include "command/kind_audit.h"
#include "command/layout.h"

#define SHOWN EMT_COLF_SHOWN
#define NUL EMT_COLF_NULL

enum {
	SP_DOMAIN,
	SP_WHAT,
	SP_TEXT,
	SP_CERTAIN,
	SP_GFN,
	SP_LAST_GFN,
	SP_MFN,
	SP_FRAMES,
	SP_ORDER,
	SP_GUEST,
	SP_PLACE,
	SP_TYPE,
	SP_VERDICT,
	SP_EXPECTED,
	SP_CACHED,
	SP_CACHED_BY_RULE,
	SP_DEFECTS,
	SP_FIXED_IN,
	SP_NR
};

static const char *place_word(unsigned int i)
{
	static const char *const words[] = { "memory", "device-hole", "unknown" };

	return i < EMT_ARRAY_SIZE(words) ? words[i] : "unknown";
}

static enum emt_style style_cached(const char *text)
{
	return *text == 'y' ? EMT_STYLE_GOOD : *text == 'n' ? EMT_STYLE_WARN : EMT_STYLE_INFO;
}

static const struct emt_column columns[SP_NR] = {
	[SP_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, 0, "domain id"),
	[SP_WHAT] = EMT_COLUMN("what", EMT_COL_STRING, SHOWN, "kind of page", .word = emt_special_what_name,
			       .nr_words = EMT_SP_NR),
	[SP_TEXT] = EMT_COLUMN("text", EMT_COL_STRING, 0, "the same in words"),
	[SP_CERTAIN] = EMT_COLUMN("certain", EMT_COL_BOOL, 0, "its kind is not in doubt"),
	[SP_GFN] = EMT_COLUMN("gfn", EMT_COL_FRAME, SHOWN, "first guest frame", .unit = "gfn"),
	[SP_LAST_GFN] = EMT_COLUMN("last_gfn", EMT_COL_FRAME, SHOWN, "last guest frame", .unit = "gfn"),
	[SP_MFN] = EMT_COLUMN("mfn", EMT_COL_FRAME, 0, "machine frame of the first", .unit = "mfn"),
	[SP_FRAMES] = EMT_COLUMN("frames", EMT_COL_NUMBER, SHOWN | EMT_COLF_RIGHT, "how many", .unit = "frames"),
	[SP_ORDER] = EMT_COLUMN("order", EMT_COL_NUMBER, 0, "order of the entry that maps them"),
	[SP_GUEST] = EMT_COLUMN("guest_mtrr", EMT_COL_STRINGS, SHOWN, "types that the guest's MTRRs can give there",
				.join = " or "),
	[SP_PLACE] = EMT_COLUMN("place", EMT_COL_STRING, SHOWN,
				"device-hole: the guest's MTRRs say UC, it takes it for a device's; memory: they do "
				"not; unknown: they are not known", .word = place_word, .nr_words = 3),
	[SP_TYPE] = EMT_COLUMN("type", EMT_COL_STRING, SHOWN, "EPT type as key D prints it"),
	[SP_VERDICT] = EMT_COLUMN("verdict", EMT_COL_STRING, SHOWN, "is it what the release writes",
				  .word = emt_verdict_name, .nr_words = EMT_V_NR, .style = emt_style_verdict),
	[SP_EXPECTED] = EMT_COLUMN("expected", EMT_COL_STRINGS, 0, "what the release writes", .join = " or "),
	[SP_CACHED] = EMT_COLUMN("cached", EMT_COL_STRING, SHOWN,
				 "does the CPU cache it when the guest asks for WB, as the entry is",
				 .word = emt_special_cached_name, .nr_words = 4, .style = style_cached),
	[SP_CACHED_BY_RULE] = EMT_COLUMN("cached_by_rule", EMT_COL_STRING, 0, "the same of what the release writes",
					 .word = emt_special_cached_name, .nr_words = 4),
	[SP_DEFECTS] = EMT_COLUMN("defects", EMT_COL_STRINGS, SHOWN, "known defects of the release that concern it"),
	[SP_FIXED_IN] = EMT_COLUMN("fixed_in", EMT_COL_STRINGS, 0, "first releases without them"),
};
static const struct emt_record_kind kind_special = {
	.name = "special_page", .schema = "emt.special_page", .columns = columns, .nr_columns = SP_NR,
	.help = "pages that a guest shares with Xen or another domain",
};

enum { SD_DOMAIN, SD_NAME, SD_RELEASE, SD_FRAMES, SD_HOLE, SD_UNCACHED, SD_BY_DEFECT, SD_COMPLETE, SD_NR };
static const struct emt_column sum_columns[SD_NR] = {
	[SD_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, SHOWN, "domain id"),
	[SD_NAME] = EMT_COLUMN("name", EMT_COL_STRING, SHOWN | NUL, "name; null when not known"),
	[SD_RELEASE] = EMT_COLUMN("release", EMT_COL_STRING, SHOWN, "release whose rules were used"),
	[SD_FRAMES] = EMT_COLUMN("frames", EMT_COL_NUMBER, SHOWN, "such pages", .unit = "frames"),
	[SD_HOLE] = EMT_COLUMN("in_device_hole", EMT_COL_NUMBER, SHOWN, "of them where the guest expects devices",
			       .unit = "frames"),
	[SD_UNCACHED] = EMT_COLUMN("uncached", EMT_COL_NUMBER, SHOWN, "of them not cached, as they are or by the rule",
				   .unit = "frames"),
	[SD_BY_DEFECT] = EMT_COLUMN("by_defect", EMT_COL_NUMBER, SHOWN, "of these for a known defect",
				    .unit = "frames"),
	[SD_COMPLETE] = EMT_COLUMN("complete", EMT_COL_BOOL, 0, "all such pages are known, and all was read"),
};

static int layout_sum(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	unsigned long long n = emt_rec_get_u64(rec, SD_FRAMES), hole = emt_rec_get_u64(rec, SD_HOLE);
	unsigned long long un = emt_rec_get_u64(rec, SD_UNCACHED), by = emt_rec_get_u64(rec, SD_BY_DEFECT);
	char text[64];

	(void)variant;
	emt_text_gap(t);
	snprintf(text, sizeof(text), "domain %llu", (unsigned long long)emt_rec_get_u64(rec, SD_DOMAIN));
	emt_text_puts(t, EMT_STYLE_STRONG, text);
	if (emt_rec_has(rec, SD_NAME))
		emt_text_printf(t, " (%s)", emt_rec_get_str(rec, SD_NAME));
	emt_text_printf(t, ", %s: %llu special page%s, %llu in the device hole, %llu uncached",
			emt_rec_get_str(rec, SD_RELEASE), n, n == 1 ? "" : "s", hole, un);
	if (by)
		emt_text_printf(t, ", %llu for a known defect (emtctl upgrade-check says what another release does)", by);
	emt_text_printf(t, "\n");
	if (!emt_rec_get_bool(rec, SD_COMPLETE))
		emt_text_para(t, "  ", 2, "There may be more: the special frames are not all known, or the source is "
					  "incomplete.");
	return 0;
}

static const struct emt_record_kind kind_sum = {
	.name = "special_domain", .schema = "emt.special_domain", .columns = sum_columns, .nr_columns = SD_NR,
	.help = "a domain and its special pages", .layout = layout_sum,
};

struct special {
	struct emt_ctx *ctx;
	struct emt_engine *engine;
	uint32_t domid;
	struct emt_special_page held; /* frames 0 = none */
	uint64_t frames, hole, uncached, by_defect;
};

static void fill(struct emt_rec *rec, const struct special *x, const struct emt_special_page *s)
{
	static const uint8_t values[][2] = { { EMT_MV_UC, EMT_MT_UC }, { EMT_MV_WC, EMT_MT_WC },
					     { EMT_MV_WT, EMT_MT_WT }, { EMT_MV_WP, EMT_MT_WP },
					     { EMT_MV_WB, EMT_MT_WB } };
	char text[8];

	emt_rec_u64(rec, SP_DOMAIN, x->domid);
	emt_rec_str(rec, SP_WHAT, emt_special_what_name(s->what));
	emt_rec_str(rec, SP_TEXT, emt_special_what_text(s->what));
	emt_rec_bool(rec, SP_CERTAIN, s->certain);
	emt_rec_u64(rec, SP_GFN, s->gfn);
	emt_rec_u64(rec, SP_LAST_GFN, s->gfn + s->frames - 1);
	emt_rec_u64(rec, SP_MFN, s->mfn);
	emt_rec_u64(rec, SP_FRAMES, s->frames);
	emt_rec_u64(rec, SP_ORDER, s->run.order);
	emt_rec_list(rec, SP_GUEST);
	for (size_t i = 0; i < EMT_ARRAY_SIZE(values); i++)
		if (s->guest & EMT_SET(values[i][0]))
			emt_rec_add_str(rec, SP_GUEST, emt_mt_name(values[i][1]));
	emt_rec_str(rec, SP_PLACE, place_word(s->hole ? 1 : s->guest & EMT_SET(EMT_MV_UC) ? 2 : 0));
	emt_run_type_text(&s->run, text);
	emt_rec_str(rec, SP_TYPE, text);
	emt_rec_str(rec, SP_VERDICT, emt_verdict_name(s->verdict));
	emt_fill_outcomes(rec, SP_EXPECTED, s->expected);
	emt_rec_str(rec, SP_CACHED, emt_special_cached_name(s->cached));
	emt_rec_str(rec, SP_CACHED_BY_RULE, emt_special_cached_name(s->by_rule));
	emt_fill_defects(rec, SP_DEFECTS, s->defects);
	emt_rec_list(rec, SP_FIXED_IN);
	for (size_t i = 0; i < emt_nr_defects; i++)
		if (s->defects & 1u << i && *emt_defects[i].fixed_in)
			emt_rec_add_str(rec, SP_FIXED_IN, emt_defects[i].fixed_in);
}

static int flush(struct special *x)
{
	const struct emt_special_page *s = &x->held;
	bool slow = s->cached == EMT_SPC_NO || s->by_rule == EMT_SPC_NO;
	emt_defect_mask known = 1u << emt_defect_by_id("KD8") | 1u << emt_defect_by_id("KD9");
	struct emt_rec *rec;

	if (!s->frames)
		return 0;
	x->frames += s->frames;
	x->hole += s->hole ? s->frames : 0;
	x->uncached += slow ? s->frames : 0;
	x->by_defect += slow && s->defects & known ? s->frames : 0;
	rec = emt_out_rec(x->ctx->out, &kind_special);
	if (rec)
		fill(rec, x, s);
	x->held.frames = 0;
	return emt_out_put(x->ctx->out, rec, x->ctx->err);
}

static int take(const struct emt_special_page *s, void *arg)
{
	struct special *x = arg;
	int rc;

	if (x->held.frames && emt_special_join(&x->held, s))
		return 0;
	rc = flush(x);
	x->held = *s;
	return rc;
}

static int take_piece(const struct emt_piece *p, void *arg)
{
	struct special *x = arg;

	return emt_special_of(x->engine, p, take, x);
}

static int take_run(const struct emt_run *run, void *arg)
{
	struct special *x = arg;

	return emt_engine_run(x->engine, run, take_piece, x);
}

static int put_sum(struct special *x, const struct emt_source_walk *walk, const struct emt_loss *loss)
{
	const struct emt_prov *p = &emt_engine_facts(x->engine)->prov[EMT_FACT_SPECIAL];
	/* every domain has some: a list that is only assumed is none */
	bool complete = emt_loss_none(loss) && p->held == EMT_KNOWN && p->rest == EMT_KNOWN;
	struct emt_rec *rec = emt_out_rec(x->ctx->out, &kind_sum);

	x->ctx->incomplete |= !complete;
	x->ctx->findings |= x->uncached != 0;
	if (rec) {
		emt_rec_u64(rec, SD_DOMAIN, walk->domid);
		emt_rec_text(rec, SD_NAME, walk->name);
		emt_rec_fmt(rec, SD_RELEASE, "Xen %s", emt_engine_release(x->engine)->text);
		emt_rec_u64(rec, SD_FRAMES, x->frames);
		emt_rec_u64(rec, SD_HOLE, x->hole);
		emt_rec_u64(rec, SD_UNCACHED, x->uncached);
		emt_rec_u64(rec, SD_BY_DEFECT, x->by_defect);
		emt_rec_bool(rec, SD_COMPLETE, complete);
	}
	return emt_out_put(x->ctx->out, rec, x->ctx->err);
}

static int special_walk(void *arg, struct emt_source *s, size_t i, bool *any)
{
	struct emt_ctx *ctx = arg;
	struct special x = { .ctx = ctx };
	struct emt_source_walk walk;
	struct emt_facts facts;
	struct emt_loss loss;
	int rc = emt_source_walk(s, i, &walk, ctx->err);

	if (rc)
		return rc;
	x.domid = walk.domid;
	rc = emt_ctx_engine(ctx, s, i, &facts, &x.engine);
	if (!rc && emt_engine_release(x.engine)->era->hv == EMT_HV_KVM)
		rc = emt_err_set(ctx->err, EMT_E_UNSUPPORTED, emt_source_name(s), NULL,
				 "KVM shares no such pages with its guests");
	if (rc) {
		emt_engine_free(x.engine);
		emt_facts_free(&facts);
		return emt_ctx_skip(ctx, &walk, emt_source_walks(s)) ? 0 : rc;
	}
	*any = true;
	rc = emt_ctx_runs(ctx, s, i, take_run, &x, &loss);
	if (!rc)
		rc = flush(&x);
	if (!rc)
		rc = put_sum(&x, &walk, &loss);
	emt_engine_free(x.engine);
	emt_facts_free(&facts);
	return rc;
}

static int run_special(struct emt_ctx *ctx)
{
	return emt_ctx_each_walk(ctx, &(struct emt_each_walk){ .one = special_walk, .arg = ctx, EMT_NO_RELEASE });
}

static const struct emt_arg args[] = {
	{ .name = "source", .type = EMT_ARG_SOURCE, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "SOURCE", .help = "whose pages: a capture file, or a domain" },
};
static const struct emt_section sections[] = {
	{ "pages", &kind_special, EMT_SECTION_MAIN, NULL },
	{ "domains", &kind_sum, 0, NULL },
};
static const struct emt_reply reply = { "emt.special", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "special guest.emt", "where are shared info and grant frames, and are they cached?" },
	{ "special guest.emt --release 4.14.0 -o +fixed_in", "and under a release before the fix?" },
};

const struct emt_command emt_cmd_special = {
	.name = "special",
	.group = "Look at a guest",
	.summary = "show pages shared with Xen or other domains, and whether they are cached",
	.description =
		"Lists the pages that a guest shares: shared info, grant table and status frames (in Xen's heap), "
		"pages that Xen keeps for it, the APIC access page, and, where the source shows p2m types, "
		"grant and foreign mappings. Toolstacks and guests place them in the hole that the guest's MTRRs "
		"make UC, where it expects devices: in the BAR of the Xen platform device, for example. "
		"Releases before 4.12.4, 4.13.2, 4.14.1 and 4.15.0 then follow the MTRRs for domains with IOMMU or "
		"I/O rights, and paravirtual I/O runs uncached (known defects KD8 and KD9).\n\n"
		"Whether a page is cached is said for a guest that asks for WB, as Linux and Windows do.\n\n"
		"Exit status: 0 all are cached; 1 some are not, as they are or by the release's rule; 2 error; 3 "
		"not all special pages are known, and none was found uncached.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_source, &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.types = true,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_special,
};
