/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * effective: the type that the CPU really uses, for each run of linear addresses.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/guest_view.h"
#include "command/kind_effective.h"
#include "command/layout.h"

#define SHOWN EMT_COLF_SHOWN
#define NUL EMT_COLF_NULL

/* ---- the kind of sums ---- */

enum {
	VIEW_DOMAIN,
	VIEW_VCPUS,
	VIEW_MODE,
	VIEW_CR3,
	VIEW_PAT,
	VIEW_CACHES_OFF,
	VIEW_BYTES,
	VIEW_RAM_UNCACHED,
	VIEW_RAM_BY_EPT,
	VIEW_MMIO_CACHED,
	VIEW_TABLES,
	VIEW_UNREADABLE,
	VIEW_RESERVED,
	VIEW_COMPLETE,
	VIEW_NR
};

static const char *cd_word(unsigned int cd)
{
	static const char *const words[] = { "no", "yes", "unknown" };

	return cd < EMT_ARRAY_SIZE(words) ? words[cd] : "unknown";
}

static const struct emt_column view_columns[VIEW_NR] = {
	[VIEW_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, SHOWN, "domain id"),
	[VIEW_VCPUS] = EMT_COLUMN("vcpus", EMT_COL_STRING, SHOWN, "vCPUs that translate so"),
	[VIEW_MODE] = EMT_COLUMN("paging", EMT_COL_STRING, SHOWN, "kind of page tables; off: linear is physical",
				 .word = emt_guest_mode_name, .nr_words = EMT_GUEST_NR),
	[VIEW_CR3] = EMT_COLUMN("cr3", EMT_COL_HEX, SHOWN | NUL, "CR3; null while paging is off"),
	[VIEW_PAT] = EMT_COLUMN("pat", EMT_COL_HEX, SHOWN | NUL, "IA32_PAT of the guest; null: not known"),
	[VIEW_CACHES_OFF] = EMT_COLUMN("caches_off", EMT_COL_STRING, SHOWN,
				       "CR0.CD is set and Xen heeds it: a PAT of all UC is loaded",
				       .word = cd_word, .nr_words = 3),
	[VIEW_BYTES] = EMT_COLUMN("bytes", EMT_COL_BYTES, SHOWN, "linear addresses mapped", .unit = "bytes"),
	[VIEW_RAM_UNCACHED] = EMT_COLUMN("ram_uncached_bytes", EMT_COL_BYTES, SHOWN,
					 "RAM that ends UC or WC", .unit = "bytes"),
	[VIEW_RAM_BY_EPT] = EMT_COLUMN("ram_uncached_by_ept_bytes", EMT_COL_BYTES, SHOWN,
				       "of it, what the guest did not ask for", .unit = "bytes"),
	[VIEW_MMIO_CACHED] = EMT_COLUMN("mmio_cached_bytes", EMT_COL_BYTES, SHOWN,
					"device memory that ends cached", .unit = "bytes"),
	[VIEW_TABLES] = EMT_COLUMN("tables", EMT_COL_NUMBER, 0, "page tables read"),
	[VIEW_UNREADABLE] = EMT_COLUMN("tables_unreadable", EMT_COL_NUMBER, 0,
				       "page tables that memory did not give: what they map is missing"),
	[VIEW_RESERVED] = EMT_COLUMN("entries_reserved", EMT_COL_NUMBER, 0,
				     "entries with reserved bits set: their use faults"),
	[VIEW_COMPLETE] = EMT_COLUMN("complete", EMT_COL_BOOL, 0, "everything was read"),
};

static int layout_view(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	char text[96], a[32], b[32];
	const char *vcpus = emt_rec_get_str(rec, VIEW_VCPUS);
	uint64_t uncached = emt_rec_get_u64(rec, VIEW_RAM_UNCACHED), mmio = emt_rec_get_u64(rec, VIEW_MMIO_CACHED);

	(void)variant;
	emt_text_gap(t);
	snprintf(text, sizeof(text), "domain %llu, %s%s", (unsigned long long)emt_rec_get_u64(rec, VIEW_DOMAIN),
		 *vcpus == '-' ? "the tables named" : "vCPU ", *vcpus == '-' ? "" : vcpus);
	emt_text_puts(t, EMT_STYLE_STRONG, text);
	emt_text_printf(t, ": paging %s, %s mapped", emt_rec_get_str(rec, VIEW_MODE),
			emt_fmt_bytes(emt_rec_get_u64(rec, VIEW_BYTES), a, sizeof(a)));
	if (strcmp(emt_rec_get_str(rec, VIEW_CACHES_OFF), "no"))
		emt_text_printf(t, ", caches off (CR0.CD)%s",
				strcmp(emt_rec_get_str(rec, VIEW_CACHES_OFF), "yes") ? " if the domain has an IOMMU" :
										       "");
	emt_text_printf(t, "; ");
	if (uncached)
		emt_text_printf(t, "RAM that ends uncached: %s, of it %s not by the guest's wish",
				emt_fmt_bytes(uncached, a, sizeof(a)),
				emt_fmt_bytes(emt_rec_get_u64(rec, VIEW_RAM_BY_EPT), b, sizeof(b)));
	else
		emt_text_printf(t, "no RAM ends uncached");
	if (mmio)
		emt_text_printf(t, "; device memory that ends cached: %s", emt_fmt_bytes(mmio, a, sizeof(a)));
	emt_text_printf(t, "\n");
	if (!emt_rec_get_bool(rec, VIEW_COMPLETE))
		emt_text_para(t, "  ", 2, "Not everything could be read: there may be more.");
	return 0;
}

static const struct emt_record_kind kind_view = {
	.name = "view", .schema = "emt.view", .columns = view_columns, .nr_columns = VIEW_NR,
	.help = "how vCPUs see memory, in sums", .layout = layout_view,
};

/* ---- the command ---- */

struct sums {
	uint64_t frames, uncached, by_ept, mmio;
};

struct eff {
	struct emt_ctx *ctx;
	struct emt_ctx_guest g;
	uint32_t domid;
	uint64_t first_gfn, last_gfn;
	enum emt_severity fail_on;
	struct sums *sums; /* one a view */
};

/* The part of a piece that lies in the frames asked for; false: none of it. */
static bool clip(struct emt_eff *e, uint64_t first, uint64_t last)
{
	uint64_t end = e->gfn + e->frames - 1;

	if (end < first || e->gfn > last)
		return false;
	if (e->gfn < first) {
		e->va += (first - e->gfn) << 12;
		e->gfn = first;
	}
	e->frames = (end < last ? end : last) - e->gfn + 1;
	return true;
}

static int put(const struct emt_view *v, const struct emt_eff *piece, void *arg)
{
	struct eff *x = arg;
	struct sums *s = &x->sums[v - x->g.views];
	struct emt_eff e = *piece;
	struct emt_rec *rec;

	if (!clip(&e, x->first_gfn, x->last_gfn))
		return 0;
	s->frames += e.frames;
	if (e.finding == EMT_EFF_MMIO_CACHED)
		s->mmio += e.frames;
	else if (e.finding != EMT_EFF_FINE)
		s->uncached += e.frames;
	if (e.finding != EMT_EFF_FINE && e.finding != EMT_EFF_MMIO_CACHED && e.cause != EMT_BY_PAT && e.cause != EMT_BY_CD)
		s->by_ept += e.frames;
	x->ctx->findings |= e.finding != EMT_EFF_FINE && e.severity >= x->fail_on;
	rec = emt_out_rec(x->ctx->out, &emt_kind_effective);
	if (rec)
		emt_fill_effective(rec, v, &e, x->domid);
	return emt_out_put(x->ctx->out, rec, x->ctx->err);
}

static int put_view(struct eff *x, size_t k, bool complete)
{
	const struct emt_view *v = &x->g.views[k];
	const struct sums *s = &x->sums[k];
	struct emt_rec *rec = emt_out_rec(x->ctx->out, &kind_view);

	if (rec) {
		emt_rec_u64(rec, VIEW_DOMAIN, x->domid);
		emt_rec_str(rec, VIEW_VCPUS, v->vcpus);
		emt_rec_str(rec, VIEW_MODE, emt_guest_mode_name(v->mode));
		if (v->mode != EMT_GUEST_OFF)
			emt_rec_u64(rec, VIEW_CR3, v->regs.cr3);
		if (v->pat_known)
			emt_rec_u64(rec, VIEW_PAT, v->pat);
		emt_rec_str(rec, VIEW_CACHES_OFF, cd_word(v->cd));
		emt_rec_u64(rec, VIEW_BYTES, s->frames << 12);
		emt_rec_u64(rec, VIEW_RAM_UNCACHED, s->uncached << 12);
		emt_rec_u64(rec, VIEW_RAM_BY_EPT, s->by_ept << 12);
		emt_rec_u64(rec, VIEW_MMIO_CACHED, s->mmio << 12);
		emt_rec_u64(rec, VIEW_TABLES, x->g.total.tables);
		emt_rec_u64(rec, VIEW_UNREADABLE, x->g.total.unreadable);
		emt_rec_u64(rec, VIEW_RESERVED, x->g.total.reserved);
		emt_rec_bool(rec, VIEW_COMPLETE, complete);
	}
	return emt_out_put(x->ctx->out, rec, x->ctx->err);
}

/* Views one by one, so that each has counts of its own. */
static int each_view(struct eff *x, uint64_t first, uint64_t last)
{
	struct emt_view *all = x->g.views;
	size_t nr = x->g.nr;
	int rc = 0;

	for (size_t k = 0; k < nr && !rc; k++) {
		struct emt_ctx_guest one = x->g;
		bool complete;

		one.views = &all[k];
		one.nr = 1;
		one.total = (struct emt_guest_result){ 0 };
		rc = emt_ctx_guest_each(x->ctx, &one, first, last, put, x);
		x->g.total = one.total;
		complete = emt_loss_none(&x->g.loss) && !one.total.unreadable && !one.total.too_many;
		x->ctx->incomplete |= !complete;
		if (!rc)
			rc = put_view(x, k, complete);
	}
	return rc;
}

static int effective_walk(void *arg, struct emt_source *s, size_t i, bool *any)
{
	struct eff *x = arg;
	const struct emt_value *va = emt_parse_get(x->ctx->args, "va");
	struct emt_source_walk walk;
	int rc = emt_source_walk(s, i, &walk, x->ctx->err);

	if (rc)
		return rc;
	x->domid = walk.domid;
	rc = emt_ctx_guest(x->ctx, s, i, &x->g);
	if (rc && emt_ctx_skip(x->ctx, &walk, emt_source_walks(s))) {
		rc = 0;
	} else if (!rc) {
		*any = true;
		x->sums = calloc(x->g.nr, sizeof(*x->sums));
		rc = x->sums ? each_view(x, va ? va->span.first : 0, va ? va->span.last : UINT64_MAX) :
			       emt_err_set(x->ctx->err, EMT_E_NOMEM, "effective", NULL, "not enough memory");
		free(x->sums);
	}
	emt_ctx_guest_close(&x->g);
	return rc;
}

static int run_effective(struct emt_ctx *ctx)
{
	const struct emt_value *gfn = emt_parse_get(ctx->args, "gfn");
	struct eff x = { .ctx = ctx, .first_gfn = gfn ? gfn->span.first : 0,
			 .last_gfn = gfn ? gfn->span.last : UINT64_MAX,
			 .fail_on = (enum emt_severity)emt_parse_number(ctx->args, "fail-on", EMT_SEV_WARNING) };

	return emt_ctx_each_walk(ctx, &(struct emt_each_walk){ .one = effective_walk, .arg = &x, EMT_NO_GUEST_TABLES });
}

static const struct emt_arg args[] = {
	{ .name = "source", .type = EMT_ARG_SOURCE, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "SOURCE", .help = "whose memory: a capture with guest tables, a machine's memory, or a domain" },
	{ .name = "va", .type = EMT_ARG_ADDRESS_RANGE, .metavar = "RANGE", .fallback = "all",
	  .help = "only these linear addresses; pages that reach in come whole" },
	{ .name = "gfn", .type = EMT_ARG_GFN_RANGE, .metavar = "RANGE", .fallback = "all",
	  .help = "only what leads to these guest frames" },
};
static const struct emt_section sections[] = {
	{ "runs", &emt_kind_effective, EMT_SECTION_MAIN, NULL },
	{ "views", &kind_view, 0, NULL },
};
static const struct emt_reply reply = { "emt.effective", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "effective tables.emt", "which type does the CPU use, address by address?" },
	{ "effective tables.emt --gfn 0xf0000-0xf07ff", "who maps this BAR, and as what?" },
	{ "effective tables.emt --where 'finding != \"fine\"'", "RAM that ends uncached, devices that end cached" },
};

const struct emt_command emt_cmd_effective = {
	.name = "effective",
	.group = "Look at a guest",
	.summary = "show the type that the CPU really uses",
	.description =
		"Walks the guest's own page tables (32-bit, PAE, 4- and 5-level) of each vCPU, takes the type "
		"that they request through its PAT, and combines it with the EPT's type and ipat as the "
		"processor does. Entries that wait for recomputation count as what they will become. Where an "
		"input is not known all types that are possible are listed.\n\n"
		"A vCPU shows the address space that it had loaded, of one process, and the kernel; with "
		"--cr3 others can be looked at. RAM that ends UC or WC is a warning when the EPT makes it so, and "
		"information when the guest asks for it; a device that ends cached is an error. Guest CR0.CD is "
		"taken into account as Xen does: for a domain with a device or I/O rights and an IOMMU a PAT of all UC "
		"is loaded, and ipat still wins.\n\n"
		"On AMD the nested entry's own PAT type (Xen writes WB for RAM, UC- for devices, UC for read-only "
		"ones) stands in the EPT's place, the host's MTRRs are combined as well (APM vol. 2, 15.25.8), and the "
		"processor itself heeds CR0.CD. Of a live domain such entries come by the query payload. Where the "
		"host's MTRRs are not known they are assumed to be as firmware sets them up.\n\n"
		"Exit status: 0 no finding at or above --fail-on; 1 some; 2 error, or no page tables to read; 3 "
		"not everything could be read, and no finding.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_guest, &emt_args_level, &emt_args_source, &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.types = true,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_effective,
};
