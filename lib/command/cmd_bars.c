/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bars: device memory that a guest maps, and whether it can have write-combining.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/bars.h"
#include "audit/explain.h"
#include "command/ctx.h"
#include "command/guest_view.h"
#include "command/kind_audit.h"
#include "command/layout.h"
#include "policy/effective.h"

#define SHOWN EMT_COLF_SHOWN
#define NUL EMT_COLF_NULL

/* ---- kinds ---- */

enum { EFT_PAT, EFT_TYPE, EFT_NR };
static const struct emt_column eft_columns[EFT_NR] = {
	[EFT_PAT] = EMT_COLUMN("pat", EMT_COL_STRING, SHOWN, "type that the guest requests through its PAT"),
	[EFT_TYPE] = EMT_COLUMN("type", EMT_COL_STRING, SHOWN, "type that the CPU uses"),
};
static const struct emt_record_kind kind_eft = {
	.name = "bar_effective",
	.schema = "emt.bar_effective",
	.help = "effective type for one requested type",
	.columns = eft_columns,
	.nr_columns = EFT_NR,
};

enum {
	BAR_DOMAIN,
	BAR_NAME,
	BAR_TEXT,
	BAR_GFN,
	BAR_LAST_GFN,
	BAR_MFN,
	BAR_BYTES,
	BAR_ENTRIES,
	BAR_PERM,
	BAR_TYPE,
	BAR_VERDICT,
	BAR_EXPECTED,
	BAR_CERTAIN,
	BAR_REQUESTED,
	BAR_USED,
	BAR_EFFECTIVE,
	BAR_WC,
	BAR_WC_BY_RULE,
	BAR_RULE,
	BAR_RULE_TEXT,
	BAR_COMMIT,
	BAR_DEFECTS,
	BAR_WHY,
	BAR_NR
};

static enum emt_style style_wc(const char *text)
{
	return *text == 'y' ? EMT_STYLE_GOOD : *text == 'n' ? EMT_STYLE_WARN : EMT_STYLE_INFO;
}

static const struct emt_column bar_columns[BAR_NR] = {
	[BAR_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, 0, "domain id"),
	[BAR_NAME] = EMT_COLUMN("name", EMT_COL_STRING, SHOWN, "what it is, as far as facts tell",
				.word = emt_bar_kind_name, .nr_words = EMT_BAR_NR),
	[BAR_TEXT] = EMT_COLUMN("text", EMT_COL_STRING, 0, "the same in words"),
	[BAR_GFN] = EMT_COLUMN("gfn", EMT_COL_FRAME, SHOWN, "first guest frame", .unit = "gfn"),
	[BAR_LAST_GFN] = EMT_COLUMN("last_gfn", EMT_COL_FRAME, SHOWN, "last guest frame", .unit = "gfn"),
	[BAR_MFN] = EMT_COLUMN("mfn", EMT_COL_FRAME, SHOWN, "first machine frame", .unit = "mfn"),
	[BAR_BYTES] = EMT_COLUMN("bytes", EMT_COL_BYTES, SHOWN, "size", .unit = "bytes"),
	[BAR_ENTRIES] = EMT_COLUMN("entries", EMT_COL_NUMBER, 0, "entries"),
	[BAR_PERM] = EMT_COLUMN("permissions", EMT_COL_STRING, 0, "r, w, x"),
	[BAR_TYPE] = EMT_COLUMN("type", EMT_COL_STRING, SHOWN, "EPT type as key D prints it"),
	[BAR_VERDICT] =
		EMT_COLUMN("verdict", EMT_COL_STRING, SHOWN, "is it what the release writes",
			   .word = emt_verdict_name, .nr_words = EMT_V_NR, .style = emt_style_verdict),
	[BAR_EXPECTED] =
		EMT_COLUMN("expected", EMT_COL_STRINGS, 0, "what the release writes", .join = " or "),
	[BAR_CERTAIN] = EMT_COLUMN("certain", EMT_COL_BOOL, 0, "it is device memory without doubt"),
	[BAR_REQUESTED] =
		EMT_COLUMN("requested", EMT_COL_STRING, NUL,
			   "types that the guest's page tables request: WC, UC-; none: they do not map it; null: "
			   "the source does not show them"),
	[BAR_USED] = EMT_COLUMN("used", EMT_COL_STRING, NUL,
				"types that the CPU uses for what is requested; null where that is null or none"),
	[BAR_EFFECTIVE] = EMT_COLUMN("effective", EMT_COL_LIST, 0,
				     "type that the CPU uses for each requested type", .sub = &kind_eft),
	[BAR_WC] =
		EMT_COLUMN("wc", EMT_COL_STRING, SHOWN, "can the guest have write-combining, as the entry is",
			   .word = emt_bar_wc_name, .nr_words = 4, .style = style_wc),
	[BAR_WC_BY_RULE] = EMT_COLUMN("wc_by_rule", EMT_COL_STRING, 0, "the same of what the release writes",
				      .word = emt_bar_wc_name, .nr_words = 4),
	[BAR_RULE] =
		EMT_COLUMN("rule", EMT_COL_STRING, SHOWN | NUL, "rule that decides; null if several can"),
	[BAR_RULE_TEXT] = EMT_COLUMN("rule_text", EMT_COL_STRING, NUL, "what it says"),
	[BAR_COMMIT] = EMT_COLUMN("commit", EMT_COL_STRING, NUL, "commit behind it"),
	[BAR_DEFECTS] = EMT_COLUMN("defects", EMT_COL_STRINGS, SHOWN, "known defects that concern it"),
	[BAR_WHY] = EMT_COLUMN("why", EMT_COL_STRING, NUL,
			       "what is in the way of write-combining; null if nothing is"),
};

static int layout_bar(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	const char *wc = emt_rec_get_str(rec, BAR_WC), *verdict = emt_rec_get_str(rec, BAR_VERDICT);
	char range[64], bytes[32], text[300];
	size_t at = 0;

	(void)variant;
	emt_text_printf(t, "  ");
	emt_text_puts(t, EMT_STYLE_STRONG,
		      emt_fmt_range(emt_rec_get_u64(rec, BAR_GFN), emt_rec_get_u64(rec, BAR_LAST_GFN), range,
				    sizeof(range)));
	emt_text_printf(t, " %s, %s%s, frame 0x%llx: %s, ",
			emt_fmt_bytes(emt_rec_get_u64(rec, BAR_BYTES), bytes, sizeof(bytes)),
			emt_rec_get_str(rec, BAR_TEXT),
			emt_rec_get_bool(rec, BAR_CERTAIN) ? "" : " (probably)",
			(unsigned long long)emt_rec_get_u64(rec, BAR_MFN), emt_rec_get_str(rec, BAR_TYPE));
	emt_text_puts(t, emt_style_verdict(verdict), verdict);
	emt_text_printf(t, "\n      write-combining: ");
	emt_text_puts(t, style_wc(wc), wc);
	for (size_t i = 0; i < emt_rec_count(rec, BAR_EFFECTIVE); i++) {
		const struct emt_rec *e = emt_rec_at(rec, BAR_EFFECTIVE, i);

		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s %s", i ? ", " : "",
				       emt_rec_get_str(e, EFT_PAT), emt_rec_get_str(e, EFT_TYPE));
	}
	if (at)
		emt_text_printf(t, " (guest asks, CPU uses: %s)", text);
	emt_text_printf(t, "\n");
	if (emt_rec_has(rec, BAR_USED))
		emt_text_printf(t, "      the guest asks for %s: the CPU uses %s\n",
				emt_rec_get_str(rec, BAR_REQUESTED), emt_rec_get_str(rec, BAR_USED));
	else if (emt_rec_has(rec, BAR_REQUESTED))
		emt_text_printf(t, "      the page tables that the vCPUs had loaded do not map it\n");
	if (emt_rec_has(rec, BAR_WHY))
		emt_text_para(t, "      ", 6, emt_rec_get_str(rec, BAR_WHY));
	return 0;
}

static const struct emt_record_kind kind_bar = {
	.name = "bar", .schema = "emt.bar", .help = "a region of device memory that a guest maps",
	.columns = bar_columns, .nr_columns = BAR_NR, .layout = layout_bar,
};

enum {
	BDOM_DOMAIN,
	BDOM_NAME,
	BDOM_RELEASE,
	BDOM_PAT_WC,
	BDOM_REGIONS,
	BDOM_BYTES,
	BDOM_BLOCKED,
	BDOM_BLOCKED_BY_DEFECT,
	BDOM_COMPLETE,
	BDOM_NR
};

static const char *pat_word(unsigned int i)
{
	static const char *const words[] = { "unknown", "no", "yes" };

	return i < EMT_ARRAY_SIZE(words) ? words[i] : "unknown";
}

static const struct emt_column bdom_columns[BDOM_NR] = {
	[BDOM_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, SHOWN, "domain id"),
	[BDOM_NAME] = EMT_COLUMN("name", EMT_COL_STRING, SHOWN | NUL, "name; null when not known"),
	[BDOM_RELEASE] = EMT_COLUMN("release", EMT_COL_STRING, SHOWN, "release whose rules were used"),
	[BDOM_PAT_WC] = EMT_COLUMN("guest_pat_offers_wc", EMT_COL_STRING, SHOWN,
				   "a PAT of the guest has a WC slot", .word = pat_word, .nr_words = 3),
	[BDOM_REGIONS] = EMT_COLUMN("regions", EMT_COL_NUMBER, SHOWN, "regions of device memory"),
	[BDOM_BYTES] = EMT_COLUMN("bytes", EMT_COL_BYTES, SHOWN, "their size together", .unit = "bytes"),
	[BDOM_BLOCKED] = EMT_COLUMN("blocked", EMT_COL_NUMBER, SHOWN,
				    "passthrough regions that cannot have write-combining"),
	[BDOM_BLOCKED_BY_DEFECT] = EMT_COLUMN("blocked_by_defect", EMT_COL_NUMBER, SHOWN,
					      "regions of any kind where a known defect is the reason"),
	[BDOM_COMPLETE] = EMT_COLUMN("complete", EMT_COL_BOOL, 0, "everything was read"),
};

static int layout_bdom(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	char text[64], bytes[32];
	uint64_t n = emt_rec_get_u64(rec, BDOM_REGIONS), blocked = emt_rec_get_u64(rec, BDOM_BLOCKED);

	(void)variant;
	emt_text_gap(t);
	snprintf(text, sizeof(text), "domain %llu", (unsigned long long)emt_rec_get_u64(rec, BDOM_DOMAIN));
	emt_text_puts(t, EMT_STYLE_STRONG, text);
	if (emt_rec_has(rec, BDOM_NAME))
		emt_text_printf(t, " (%s)", emt_rec_get_str(rec, BDOM_NAME));
	emt_text_printf(t, ", %s: %llu region%s of device memory, %s", emt_rec_get_str(rec, BDOM_RELEASE),
			(unsigned long long)n, n == 1 ? "" : "s",
			emt_fmt_bytes(emt_rec_get_u64(rec, BDOM_BYTES), bytes, sizeof(bytes)));
	if (blocked)
		emt_text_printf(t, "; write-combining is not to be had in %llu passthrough region%s",
				(unsigned long long)blocked, blocked == 1 ? "" : "s");
	emt_text_printf(t, "\n");
	if (!strcmp(emt_rec_get_str(rec, BDOM_PAT_WC), "no"))
		emt_text_para(t, "  ", 2,
			      "No PAT of the guest offers WC: it does not ask for write-combining anywhere.");
	if (!emt_rec_get_bool(rec, BDOM_COMPLETE))
		emt_text_para(t, "  ", 2, "The source is incomplete: there may be more.");
	return 0;
}

static const struct emt_record_kind kind_bdom = {
	.name = "bar_domain", .schema = "emt.bar_domain", .help = "a domain and its device memory",
	.columns = bdom_columns, .nr_columns = BDOM_NR, .layout = layout_bdom,
};

/* ---- the command ---- */

/* A region, and what the guest's tables say of it. */
struct region {
	struct emt_bar bar;
	unsigned int pats;  /* bit per PAT type requested */
	unsigned int types; /* bit per type that the CPU uses then */
};

struct bars {
	struct emt_ctx *ctx;
	struct emt_engine *engine;
	uint32_t domid;
	struct region *v;   /* owned, in gfn order */
	size_t n, room;
	bool asked;         /* the guest's tables were read */
	struct emt_ctx_guest g;
	uint64_t regions, frames, blocked, by_defect;
};

/* Why write-combining cannot be had: by the rule as it is, or by an entry that is not
 * what the rule says. */
static void why(const struct emt_engine *e, const struct emt_bar *b, char *out, size_t room)
{
	const struct emt_release *rel = emt_engine_release(e);
	int kd7 = emt_defect_by_id("KD7");

	*out = '\0';
	if (b->wc == EMT_BAR_WC_PENDING)
		snprintf(out, room,
			 "Recomputed when next touched; by the rules it then %s have write-combining.",
			 b->wc_by_rule == EMT_BAR_WC_YES  ? "can"
			 : b->wc_by_rule == EMT_BAR_WC_NO ? "cannot"
							  : "may");
	if (b->wc_by_rule == EMT_BAR_WC_NO && b->defects & 1u << kd7)
		snprintf(out, room,
			 "Write-combining is blocked by a rule of %s: \"%s\" [%s%s%s]. It is known "
			 "defect %s, "
			 "%s; fixed by %s, first in %s.",
			 rel->full, b->rule ? b->rule->text : "", b->rule ? b->rule->id : "",
			 b->rule && b->rule->cite ? ", commit " : "",
			 b->rule && b->rule->cite ? b->rule->cite : "", emt_defects[kd7].id,
			 emt_defects[kd7].title, emt_defects[kd7].fixed_by, emt_defects[kd7].fixed_in);
	else if (b->wc == EMT_BAR_WC_NO && b->wc_by_rule == EMT_BAR_WC_NO && b->rule)
		snprintf(out, room, "Write-combining is blocked by a rule of %s: \"%s\" [%s%s%s].",
			 rel->full, b->rule->text, b->rule->id, b->rule->cite ? ", commit " : "",
			 b->rule->cite ? b->rule->cite : "");
	else if (b->wc == EMT_BAR_WC_NO && b->wc_by_rule == EMT_BAR_WC_YES)
		snprintf(out, room,
			 "The entry is in the way, not the rules of %s: they allow write-combining here.",
			 rel->full);
}

/* "WC" or "UC, UC-": in the order of the PAT's encodings. */
static void types_text(unsigned int types, char *out, size_t room)
{
	size_t at = 0;

	out[0] = '\0';
	for (unsigned int mt = 0; mt < 8; mt++)
		if (types & 1u << mt && at < room)
			at += (size_t)snprintf(out + at, room - at, "%s%s", at ? ", " : "", emt_pat_text(mt));
}

static void fill_requested(struct emt_rec *rec, const struct region *r)
{
	char text[64];

	types_text(r->pats, text, sizeof(text));
	emt_rec_str(rec, BAR_REQUESTED, *text ? text : "none");
	types_text(r->types, text, sizeof(text));
	emt_rec_text(rec, BAR_USED, text);
}

static void fill(struct emt_rec *rec, const struct bars *bars, const struct region *r)
{
	const struct emt_bar *b = &r->bar;
	char text[700], perm[4];

	emt_rec_u64(rec, BAR_DOMAIN, bars->domid);
	emt_rec_str(rec, BAR_NAME, emt_bar_kind_name(b->kind));
	emt_rec_str(rec, BAR_TEXT, emt_bar_kind_text(b->kind));
	emt_rec_u64(rec, BAR_GFN, b->run.gfn);
	emt_rec_u64(rec, BAR_LAST_GFN, b->run.gfn + b->frames - 1);
	emt_rec_u64(rec, BAR_MFN, b->run.mfn);
	emt_rec_u64(rec, BAR_BYTES, b->frames * 4096);
	emt_rec_u64(rec, BAR_ENTRIES, b->entries);
	emt_perm_text(b->run.perm, perm);
	emt_rec_str(rec, BAR_PERM, perm);
	emt_run_type_text(&b->run, text);
	emt_rec_str(rec, BAR_TYPE, text);
	emt_rec_str(rec, BAR_VERDICT, emt_verdict_name(b->verdict));
	emt_fill_outcomes(rec, BAR_EXPECTED, b->expected);
	emt_rec_bool(rec, BAR_CERTAIN, b->certain);
	if (bars->asked)
		fill_requested(rec, r);
	emt_rec_list(rec, BAR_EFFECTIVE);
	for (size_t i = 0; i < EMT_ARRAY_SIZE(emt_explain_pats) && b->wc < EMT_BAR_WC_PENDING; i++) {
		struct emt_rec *e = emt_rec_add(rec, BAR_EFFECTIVE);
		unsigned int pat = emt_explain_pats[i];

		emt_rec_str(e, EFT_PAT, pat == EMT_MT_7 ? "UC-" : emt_mt_name(pat));
		emt_rec_str(e, EFT_TYPE, emt_mt_name(emt_effective(b->run.emt, b->run.ipat, pat, false)));
	}
	emt_rec_str(rec, BAR_WC, emt_bar_wc_name(b->wc));
	emt_rec_str(rec, BAR_WC_BY_RULE, emt_bar_wc_name(b->wc_by_rule));
	if (b->rule) {
		emt_rec_str(rec, BAR_RULE, b->rule->id);
		emt_rec_str(rec, BAR_RULE_TEXT, b->rule->text);
		emt_rec_str(rec, BAR_COMMIT, b->rule->cite);
	}
	emt_fill_defects(rec, BAR_DEFECTS, b->defects);
	why(bars->engine, b, text, sizeof(text));
	emt_rec_text(rec, BAR_WHY, text);
}

static int put_region(struct bars *b, const struct region *r)
{
	const struct emt_bar *bar = &r->bar;
	bool mine = bar->kind == EMT_BAR_PASSTHROUGH || bar->kind == EMT_BAR_ABOVE_RAM;
	bool no = bar->wc == EMT_BAR_WC_NO || bar->wc_by_rule == EMT_BAR_WC_NO;
	struct emt_rec *rec;

	b->regions++;
	b->frames += bar->frames;
	b->blocked += mine && no;
	b->by_defect += (bar->defects & 1u << emt_defect_by_id("KD7")) != 0;
	rec = emt_out_rec(b->ctx->out, &kind_bar);
	if (rec)
		fill(rec, b, r);
	return emt_out_put(b->ctx->out, rec, b->ctx->err);
}

static int take(const struct emt_piece *p, void *arg)
{
	struct bars *b = arg;
	struct emt_bar bar;
	int rc = emt_bar_of(b->engine, p, &bar);

	if (rc <= 0)
		return rc;
	rc = emt_gpas_add(&b->g.gpas, p, emt_engine_facts(b->engine));
	if (rc || (b->n && emt_bar_join(&b->v[b->n - 1].bar, &bar)))
		return rc;
	if (b->n == b->room) {
		size_t room = b->room ? b->room * 2 : 32;
		struct region *v = realloc(b->v, room * sizeof(*v));

		if (!v)
			return EMT_E_NOMEM;
		b->v = v;
		b->room = room;
	}
	b->v[b->n++] = (struct region){ .bar = bar };
	return 0;
}

static int take_run(const struct emt_run *run, void *arg)
{
	struct bars *b = arg;

	return emt_engine_run(b->engine, run, take, b);
}

/* A piece of the guest's view that leads to device memory. */
static int requested(const struct emt_view *v, const struct emt_eff *e, void *arg)
{
	struct bars *b = arg;

	(void)v;
	for (size_t i = 0; e->at && i < b->n; i++) {
		const struct emt_bar *bar = &b->v[i].bar;

		if (e->gfn >= bar->run.gfn + bar->frames || e->gfn + e->frames <= bar->run.gfn)
			continue;
		b->v[i].pats |= e->pat == EMT_PAT_UNKNOWN ? 0 : 1u << e->pat;
		b->v[i].types |= e->types;
	}
	return 0;
}

/* What the guest's page tables request, where the source shows them. */
static int ask_guest(struct bars *b, struct emt_source *s, size_t i)
{
	struct emt_err why = { 0 };
	int rc = emt_ctx_guest_views(b->ctx, s, i, emt_engine_facts(b->engine), &b->g, &why);

	if (rc && rc != EMT_E_MISSING && rc != EMT_E_UNSUPPORTED)
		return emt_err_set(b->ctx->err, rc, why.subject, why.next, "%s", why.text);
	for (size_t k = 0; !rc && k < b->g.nr; k++)
		if (!b->g.views[k].pat_known && b->g.views[k].mode != EMT_GUEST_OFF)
			rc = EMT_E_MISSING;
	if (rc)
		return 0;
	b->asked = true;
	rc = emt_ctx_guest_each(b->ctx, &b->g, 0, UINT64_MAX, requested, b);
	b->ctx->incomplete |= b->g.total.unreadable || b->g.total.too_many;
	return rc;
}

static int read_all(struct bars *b, struct emt_source *s, size_t i, struct emt_loss *loss)
{
	int rc = emt_ctx_runs(b->ctx, s, i, take_run, b, loss);

	if (!rc && b->n)
		rc = ask_guest(b, s, i);
	if (rc == EMT_E_NOMEM)
		emt_err_set(b->ctx->err, rc, "bars", NULL, "not enough memory");
	for (size_t k = 0; k < b->n && !rc; k++)
		rc = put_region(b, &b->v[k]);
	return rc;
}

static int put_domain(struct bars *b, const struct emt_source_walk *walk, const struct emt_loss *loss)
{
	struct emt_rec *rec = emt_out_rec(b->ctx->out, &kind_bdom);

	b->ctx->incomplete |= !emt_loss_none(loss);
	if (rec) {
		emt_rec_u64(rec, BDOM_DOMAIN, walk->domid);
		emt_rec_text(rec, BDOM_NAME, walk->name);
		emt_rec_text(rec, BDOM_RELEASE, emt_engine_release(b->engine)->full);
		emt_rec_str(rec, BDOM_PAT_WC,
			    pat_word((unsigned int)(emt_bar_pat_has_wc(emt_engine_facts(b->engine)) + 1)));
		emt_rec_u64(rec, BDOM_REGIONS, b->regions);
		emt_rec_u64(rec, BDOM_BYTES, b->frames * 4096);
		emt_rec_u64(rec, BDOM_BLOCKED, b->blocked);
		emt_rec_u64(rec, BDOM_BLOCKED_BY_DEFECT, b->by_defect);
		emt_rec_bool(rec, BDOM_COMPLETE, emt_loss_none(loss));
	}
	return emt_out_put(b->ctx->out, rec, b->ctx->err);
}

static int bars_walk(void *arg, struct emt_source *s, size_t i, bool *any)
{
	struct emt_ctx *ctx = arg;
	struct bars b = { .ctx = ctx };
	struct emt_source_walk walk;
	struct emt_facts facts;
	struct emt_loss loss;
	int rc = emt_source_walk(s, i, &walk, ctx->err);

	if (rc)
		return rc;
	b.domid = walk.domid;
	rc = emt_ctx_engine(ctx, s, i, &facts, &b.engine);
	if (rc) {
		emt_facts_free(&facts);
		return emt_ctx_skip(ctx, &walk, emt_source_walks(s)) ? 0 : rc;
	}
	*any = true;
	rc = read_all(&b, s, i, &loss);
	if (!rc)
		rc = put_domain(&b, &walk, &loss);
	ctx->findings |= b.blocked || b.by_defect;
	emt_ctx_guest_close(&b.g);
	free(b.v);
	emt_engine_free(b.engine);
	emt_facts_free(&facts);
	return rc;
}

static int run_bars(struct emt_ctx *ctx)
{
	return emt_ctx_each_walk(ctx, &(struct emt_each_walk){ .one = bars_walk, .arg = ctx, EMT_NO_RELEASE });
}

static const struct emt_arg args[] = {
	{ .name = "source", .type = EMT_ARG_SOURCE, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "SOURCE", .help = "whose device memory: a capture file, or a domain" },
};
static const struct emt_section sections[] = {
	{ "regions", &kind_bar, EMT_SECTION_MAIN, NULL },
	{ "domains", &kind_bdom, 0, NULL },
};
static const struct emt_reply reply = { "emt.bars", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "bars guest.emt", "can the guest have write-combining on its devices?" },
	{ "bars guest.emt --release 4.15.0", "and under another release?" },
	{ "bars guest.emt --where 'wc == \"no\"' -o +why", "only where it cannot" },
};

const struct emt_command emt_cmd_bars = {
	.name = "bars",
	.group = "Look at a guest",
	.summary = "show device memory and whether write-combining is possible",
	.description =
		"Lists each region of device memory that a guest maps (p2m type mmio_direct): what it is as "
		"far "
		"as facts tell, its EPT type, the type that the CPU uses for each type that the guest may "
		"request through its PAT, whether write-combining can be had, and if not the rule, its "
		"commit, and the known defect that blocks it. What the guest's own page tables request, and the "
		"type that the CPU uses for it, is told where the source shows these tables: a capture taken with "
		"--guest-tables, a machine's memory, a live domain. Otherwise whether its PAT offers WC at all is, "
		"where the PAT is known.\n\n"
		"Exit status: 0 write-combining can be had in all passthrough regions; 1 in some it cannot, "
		"or a "
		"known defect is in the way elsewhere; 2 error; 3 the source is incomplete.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_guest, &emt_args_source, &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.types = true,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_bars,
};
