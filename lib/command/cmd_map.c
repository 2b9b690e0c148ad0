/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * map: the guest's address space as a picture, in the terminal or as a page.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/ctx.h"
#include "command/kind_audit.h"
#include "command/kind_map.h"
#include "command/layout.h"
#include "output/map_html.h"

#define STRETCHES 65536
#define AREAS 24
#define LINES 32             /* of cells, for all areas together */
#define MARGIN 16            /* of a line: its gfn and blanks */
#define CELLS_MIN 16
#define CELLS_MAX 256
#define CELLS 64             /* a row, where there is no terminal */

/* Cells a row: a power of two, so that rows begin at round frames. */
static unsigned int cells_of_row(const struct emt_ctx *ctx)
{
	uint64_t wanted = emt_parse_number(ctx->args, "cells", 0);
	unsigned int n = CELLS_MIN, room;

	if (!wanted && !ctx->env->width)
		return CELLS;
	room = wanted ? (unsigned int)(wanted > CELLS_MAX ? CELLS_MAX : wanted) : ctx->env->width - 1;
	if (!wanted)
		room = room > MARGIN ? room - MARGIN : 0;
	while (n * 2 <= room && n < CELLS_MAX)
		n *= 2;
	return n;
}

static void fill_cell(struct emt_rec *rec, const struct emt_map_cell *c)
{
	unsigned int main = emt_map_main_class(c);
	char letter[2] = { emt_map_class_letter(main), '\0' };

	emt_rec_u64(rec, MCEL_FIRST_GFN, c->first);
	emt_rec_u64(rec, MCEL_LAST_GFN, c->last);
	emt_rec_str(rec, MCEL_LETTER, letter);
	emt_rec_str(rec, MCEL_TYPE, emt_map_class_name(main));
	emt_rec_bool(rec, MCEL_MIXED, emt_map_mixed(c));
	emt_rec_u64(rec, MCEL_MAPPED_BYTES, c->total * 4096);
	emt_rec_list(rec, MCEL_TYPES);
	for (unsigned int i = 0; i < EMT_MAP_NR; i++)
		if (c->frames[i])
			emt_rec_add_str(rec, MCEL_TYPES, emt_map_class_name(i));
	emt_rec_list(rec, MCEL_VERDICTS);
	for (unsigned int v = 0; v < EMT_V_NR; v++)
		if (c->verdicts & 1u << v)
			emt_rec_add_str(rec, MCEL_VERDICTS, emt_verdict_name(v));
	emt_fill_defects(rec, MCEL_DEFECTS, c->defects);
	emt_rec_str(rec, MCEL_SEVERITY, c->total ? emt_severity_name(c->severity) : NULL);
}

static int put_area(struct emt_ctx *ctx, const struct emt_map *m, const struct emt_map_area *area,
		    uint64_t number, uint32_t domid, unsigned int cells)
{
	uint64_t at = area->first, row = 0;
	int rc = 0;

	for (; at <= area->last && !rc; row++) {
		struct emt_rec *rec = emt_out_rec(ctx->out, &emt_kind_map_row);

		if (rec) {
			emt_rec_u64(rec, MROW_DOMAIN, domid);
			emt_rec_u64(rec, MROW_AREA, number);
			emt_rec_u64(rec, MROW_ROW, row);
			emt_rec_u64(rec, MROW_AREA_FIRST, area->first);
			emt_rec_u64(rec, MROW_AREA_LAST, area->last);
			emt_rec_u64(rec, MROW_FIRST_GFN, at);
			emt_rec_u64(rec, MROW_CELL_BYTES, area->cell * 4096);
			emt_rec_list(rec, MROW_CELLS);
		}
		for (unsigned int i = 0; i < cells && at <= area->last; i++, at += area->cell) {
			struct emt_map_cell c;

			emt_map_sum(m, at, at + area->cell - 1, &c);
			if (rec)
				fill_cell(emt_rec_add(rec, MROW_CELLS), &c);
		}
		rc = emt_out_put(ctx->out, rec, ctx->err);
	}
	return rc;
}

static int put_picture(struct emt_ctx *ctx, const struct emt_map *m, uint32_t domid)
{
	struct emt_map_area v[AREAS];
	unsigned int cells = cells_of_row(ctx);
	size_t n = emt_map_areas(m, v, AREAS);
	uint64_t lines = n ? LINES / n : 0;
	int rc = 0;

	emt_map_scale(v, n, cells * (lines ? lines : 1));
	for (size_t i = 0; i < n && !rc; i++)
		rc = put_area(ctx, m, &v[i], i, domid, cells);
	return rc;
}

static int put_domain(struct emt_ctx *ctx, const struct emt_source_walk *walk, const struct emt_engine *e,
		      const struct emt_map *m, const struct emt_findings *f, const struct emt_loss *loss)
{
	struct emt_rec *rec = emt_out_rec(ctx->out, &emt_kind_map_domain);
	struct emt_map_cell all;

	ctx->incomplete |= !emt_loss_none(loss);
	if (!rec)
		return emt_out_put(ctx->out, rec, ctx->err);
	emt_map_sum(m, 0, EMT_NO_FRAME - 1, &all);
	emt_rec_u64(rec, MDOM_DOMAIN, walk->domid);
	emt_rec_text(rec, MDOM_NAME, walk->name);
	emt_rec_text(rec, MDOM_RELEASE, emt_engine_release(e)->full);
	if (emt_map_count(m)) {
		emt_rec_u64(rec, MDOM_FIRST_GFN, emt_map_get(m, 0)->first);
		emt_rec_u64(rec, MDOM_LAST_GFN, emt_map_get(m, emt_map_count(m) - 1)->last);
	}
	emt_rec_u64(rec, MDOM_BYTES, all.total * 4096);
	emt_rec_list(rec, MDOM_TYPES);
	for (unsigned int i = 0; i < EMT_MAP_NR; i++) {
		struct emt_rec *t = all.frames[i] ? emt_rec_add(rec, MDOM_TYPES) : NULL;

		if (t) {
			emt_rec_str(t, MTYP_TYPE, emt_map_class_name(i));
			emt_rec_u64(t, MTYP_BYTES, all.frames[i] * 4096);
		}
	}
	emt_rec_u64(rec, MDOM_FINDINGS, emt_findings_at(f, EMT_SEV_WARNING));
	emt_rec_str(rec, MDOM_FILE, emt_parse_text(ctx->args, "html"));
	emt_rec_bool(rec, MDOM_COMPLETE, emt_loss_none(loss));
	return emt_out_put(ctx->out, rec, ctx->err);
}

/* ---- the page ---- */

static int write_page(struct emt_ctx *ctx, const struct emt_source_walk *walk, const struct emt_engine *e,
		      const struct emt_map *m, const struct emt_findings *f, const struct emt_loss *loss)
{
	char title[200];
	struct emt_map_page page = {
		.title = title,
		.map = m,
		.findings = f,
		.facts = emt_engine_facts(e),
		.release = emt_engine_release(e),
		.source = emt_ctx_source_text(ctx),
		.time = walk->time,
		.complete = emt_loss_none(loss),
	};

	snprintf(title, sizeof(title), "domain %u%s%s%s", walk->domid, *walk->name ? " (" : "", walk->name,
		 *walk->name ? ")" : "");
	return emt_map_html_file(emt_parse_text(ctx->args, "html"), &page, ctx->err);
}

/* ---- the command ---- */

static int map_walk(void *arg, struct emt_source *s, size_t i, bool *any)
{
	struct emt_ctx *ctx = arg;
	const struct emt_value *range = emt_parse_get(ctx->args, "range");
	bool html = emt_parse_get(ctx->args, "html");
	struct emt_findings *f = NULL;
	struct emt_engine *e = NULL;
	struct emt_map *m = NULL;
	struct emt_source_walk walk;
	struct emt_facts facts;
	struct emt_loss loss;
	int rc = emt_source_walk(s, i, &walk, ctx->err);

	if (rc)
		return rc;
	rc = emt_ctx_engine(ctx, s, i, &facts, &e);
	if (rc) {
		emt_facts_free(&facts);
		return emt_ctx_skip(ctx, &walk, emt_source_walks(s)) ? 0 : rc;
	}
	*any = true;
	if (emt_map_new(&m, range ? range->span.first : 0, range ? range->span.last : EMT_NO_FRAME,
			html ? EMT_MAP_PAGE_STRETCHES : STRETCHES))
		rc = emt_err_set(ctx->err, EMT_E_NOMEM, "map", NULL, "not enough memory");
	if (!rc)
		rc = emt_ctx_map(ctx, s, i, e, m, &f, &loss);
	if (!rc && html)
		rc = write_page(ctx, &walk, e, m, f, &loss);
	if (!rc && !html)
		rc = put_picture(ctx, m, walk.domid);
	if (!rc)
		rc = put_domain(ctx, &walk, e, m, f, &loss);
	emt_map_free(m);
	emt_findings_free(f);
	emt_engine_free(e);
	emt_facts_free(&facts);
	return rc;
}

static int run_map(struct emt_ctx *ctx)
{
	return emt_ctx_each_walk(ctx, &(struct emt_each_walk){ .one = map_walk, .arg = ctx, EMT_NO_RELEASE,
		.page = emt_parse_get(ctx->args, "html") ? "--html" : NULL });
}

static const struct emt_arg args[] = {
	{ .name = "source", .type = EMT_ARG_SOURCE, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "SOURCE", .help = "what to draw: a capture file, or a domain" },
	{ .name = "range", .type = EMT_ARG_GFN_RANGE, .flags = EMT_ARGF_POSITIONAL, .metavar = "RANGE",
	  .help = "only these frames, in more detail" },
	{ .name = "html", .type = EMT_ARG_OUTFILE, .metavar = "FILE",
	  .help = "write a page with the map, findings and facts" },
	{ .name = "cells", .type = EMT_ARG_NUMBER, .metavar = "N", .help = "cells a row, 16 to 256",
	  .fallback = "as many as fit the terminal, or 64" },
};
static const struct emt_section sections[] = {
	{ "rows", &emt_kind_map_row, EMT_SECTION_MAIN, NULL },
	{ "domains", &emt_kind_map_domain, 0, NULL },
};
static const struct emt_reply reply = { "emt.map", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "map guest.emt", "the guest's memory at a glance" },
	{ "map guest.emt 0xf0000-0xfffff", "a part of it, closer" },
	{ "map guest.emt --html guest.html", "as a page to be mailed or put on a ticket" },
};

const struct emt_command emt_cmd_map = {
	.name = "map",
	.group = "Look at a guest",
	.summary = "draw the guest's address space",
	.description = "Draws a guest's address space in cells. The letter of a cell is the type of most of "
		       "its frames (B "
		       "write-back, U uncached, C write-combining, T write-through, P write-protected, ? to "
		       "be recomputed, X "
		       "reserved, d populate on demand, - no type, . nothing mapped); it is small where "
		       "types are mixed. Marks "
		       "below a row show findings: ^ error or worse, ' warning. Large holes are left out; "
		       "each area says "
		       "how much a cell stands for. A range shows that part in more detail.\n\n"
		       "With --html the same goes into one page that needs no network: the map with zoom and "
		       "filters, "
		       "findings with their explanation, facts.\n\n"
		       "Exit status: 0 drawn, whatever there is to see; 2 error; 3 the source is incomplete.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_source, &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_map,
};
