/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mappings: a walk compared with the frames that processes of a PV dom0 mapped, each of
 * which Xen looked up itself.
 */
#include <stdlib.h>
#include <string.h>

#include "command/ctx.h"
#include "output/text.h"
#include "source/journal.h"
#include "source/journal_mappings.h"

enum { SUM_DOMAIN, SUM_MAPPED, SUM_FRAMES, SUM_AGREE, SUM_DIFFER, SUM_ABSENT, SUM_COMPLETE, SUM_NR };
static const struct emt_column sum_columns[SUM_NR] = {
	[SUM_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, EMT_COLF_SHOWN, "domain id"),
	[SUM_MAPPED] = EMT_COLUMN("mapped", EMT_COL_NUMBER, EMT_COLF_SHOWN, "frames mapped, each as often as it was",
				  .unit = "frames"),
	[SUM_FRAMES] = EMT_COLUMN("frames", EMT_COL_NUMBER, EMT_COLF_SHOWN, "of them different ones that can be compared",
				  .unit = "frames"),
	[SUM_AGREE] = EMT_COLUMN("agree", EMT_COL_NUMBER, EMT_COLF_SHOWN, "the entry maps the same machine frame",
				 .unit = "frames"),
	[SUM_DIFFER] = EMT_COLUMN("differ", EMT_COL_NUMBER, EMT_COLF_SHOWN, "it maps another", .unit = "frames"),
	[SUM_ABSENT] = EMT_COLUMN("absent", EMT_COL_NUMBER, EMT_COLF_SHOWN, "the walk maps nothing there",
				  .unit = "frames"),
	[SUM_COMPLETE] = EMT_COLUMN("complete", EMT_COL_BOOL, 0, "no entry and no mapping was lost"),
};

static int layout_sum(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	(void)variant;
	emt_text_printf(t, "domain %llu: %llu of %llu frames that processes mapped lie where the walk has them; %llu differ, "
			"%llu are not in the walk.\n",
			(unsigned long long)emt_rec_get_u64(rec, SUM_DOMAIN), (unsigned long long)emt_rec_get_u64(rec, SUM_AGREE),
			(unsigned long long)emt_rec_get_u64(rec, SUM_FRAMES),
			(unsigned long long)emt_rec_get_u64(rec, SUM_DIFFER),
			(unsigned long long)emt_rec_get_u64(rec, SUM_ABSENT));
	return 0;
}

static const struct emt_record_kind kind_sum = {
	.name = "mappings_sum", .schema = "emt.mappings_sum", .help = "entries and mapped frames compared",
	.columns = sum_columns, .nr_columns = SUM_NR, .layout = layout_sum,
};

enum { DIF_DOMAIN, DIF_GFN, DIF_COUNT, DIF_ENTRY, DIF_SEEN, DIF_TIME, DIF_PID, DIF_COMMAND, DIF_NR };
static const struct emt_column dif_columns[DIF_NR] = {
	[DIF_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, 0, "domain id"),
	[DIF_GFN] = EMT_COLUMN("gfn", EMT_COL_FRAME, EMT_COLF_SHOWN, "first frame", .unit = "gfn"),
	[DIF_COUNT] = EMT_COLUMN("count", EMT_COL_NUMBER, EMT_COLF_SHOWN, "frames that follow one another", .unit = "frames"),
	[DIF_ENTRY] = EMT_COLUMN("entry_mfn", EMT_COL_FRAME, EMT_COLF_SHOWN | EMT_COLF_NULL,
				 "what the walk maps there; null: nothing", .unit = "mfn"),
	[DIF_SEEN] = EMT_COLUMN("seen_mfn", EMT_COL_FRAME, EMT_COLF_SHOWN, "where Xen found it", .unit = "mfn"),
	[DIF_TIME] = EMT_COLUMN("time", EMT_COL_TIME, EMT_COLF_SHOWN, "when it was mapped"),
	[DIF_PID] = EMT_COLUMN("pid", EMT_COL_NUMBER, 0, "process that mapped it"),
	[DIF_COMMAND] = EMT_COLUMN("command", EMT_COL_STRING, EMT_COLF_SHOWN, "name of that process"),
};
static const struct emt_record_kind kind_dif = {
	.name = "mapping_difference", .schema = "emt.mapping_difference", .help = "frames that lie elsewhere than the walk has them",
	.columns = dif_columns, .nr_columns = DIF_NR,
};

/* Frames one behind the other with the same difference. */
struct held {
	uint64_t gfn, count; /* count 0 = none */
	uint64_t entry, seen;
	uint32_t by;
};

struct compare {
	struct emt_ctx *ctx;
	struct emt_mappings m;
	size_t at;           /* the next mapped frame */
	uint32_t domid;
	struct held held;
	uint64_t agree, differ, absent;
};

static int give(struct compare *c)
{
	const struct held *h = &c->held;
	struct emt_rec *rec;

	if (!h->count)
		return 0;
	rec = emt_out_rec(c->ctx->out, &kind_dif);
	if (rec) {
		const struct emt_mapper *by = &c->m.by[h->by];

		emt_rec_u64(rec, DIF_DOMAIN, c->domid);
		emt_rec_u64(rec, DIF_GFN, h->gfn);
		emt_rec_u64(rec, DIF_COUNT, h->count);
		if (h->entry != EMT_NO_FRAME)
			emt_rec_u64(rec, DIF_ENTRY, h->entry);
		emt_rec_u64(rec, DIF_SEEN, h->seen);
		emt_rec_time(rec, DIF_TIME, by->time);
		emt_rec_u64(rec, DIF_PID, by->pid);
		emt_rec_str(rec, DIF_COMMAND, by->command);
	}
	c->held.count = 0;
	return emt_out_put(c->ctx->out, rec, c->ctx->err);
}

/* 'entry' is what the walk maps at this frame, EMT_NO_FRAME for nothing. */
static int one(struct compare *c, const struct emt_mapped *s, uint64_t entry)
{
	struct held *h = &c->held;
	int rc;

	if (entry == s->mfn) {
		c->agree++;
		return 0;
	}
	if (entry == EMT_NO_FRAME)
		c->absent++;
	else
		c->differ++;
	if (h->count && s->gfn == h->gfn + h->count && s->mfn == h->seen + h->count && s->by == h->by &&
	    entry == (h->entry == EMT_NO_FRAME ? EMT_NO_FRAME : h->entry + h->count)) {
		h->count++;
		return 0;
	}
	rc = give(c);
	*h = (struct held){ s->gfn, 1, entry, s->mfn, s->by };
	return rc;
}

/* Mapped frames below 'gfn' that no entry held. */
static int skipped(struct compare *c, uint64_t gfn)
{
	int rc = 0;

	while (!rc && c->at < c->m.n && c->m.v[c->at].gfn < gfn)
		rc = one(c, &c->m.v[c->at++], EMT_NO_FRAME);
	return rc;
}

static int take_run(const struct emt_run *run, void *arg)
{
	struct compare *c = arg;
	int rc;

	if (run->flags & EMT_RUN_INTERMEDIATE)
		return 0;
	rc = skipped(c, run->gfn);
	while (!rc && c->at < c->m.n && c->m.v[c->at].gfn <= emt_run_last(run)) {
		const struct emt_mapped *s = &c->m.v[c->at++];
		bool maps = run->mfn != EMT_NO_FRAME && run->perm;

		rc = one(c, s, maps ? run->mfn + (s->gfn - run->gfn) : EMT_NO_FRAME);
	}
	return rc;
}

static int put_sum(struct compare *c, bool complete)
{
	struct emt_rec *rec = emt_out_rec(c->ctx->out, &kind_sum);

	if (rec) {
		emt_rec_u64(rec, SUM_DOMAIN, c->domid);
		emt_rec_u64(rec, SUM_MAPPED, c->m.mapped);
		emt_rec_u64(rec, SUM_FRAMES, c->m.n);
		emt_rec_u64(rec, SUM_AGREE, c->agree);
		emt_rec_u64(rec, SUM_DIFFER, c->differ);
		emt_rec_u64(rec, SUM_ABSENT, c->absent);
		emt_rec_bool(rec, SUM_COMPLETE, complete);
	}
	return emt_out_put(c->ctx->out, rec, c->ctx->err);
}

static int compare_walk(void *arg, struct emt_source *s, size_t i, bool *any)
{
	struct compare *c = arg;
	const char *path = emt_parse_text(c->ctx->args, "journal");
	struct emt_source_walk walk;
	struct emt_loss loss = { 0 };
	int rc = emt_source_walk(s, i, &walk, c->ctx->err);

	if (rc)
		return rc;
	*c = (struct compare){ .ctx = c->ctx, .domid = walk.domid };
	rc = emt_journal_mappings(path ? path : emt_journal_file(), walk.domid, &c->m, c->ctx->err);
	if (!rc && c->m.n) {
		*any = true;
		rc = emt_ctx_runs(c->ctx, s, i, take_run, c, &loss);
		if (!rc)
			rc = skipped(c, EMT_NO_FRAME);
		if (!rc)
			rc = give(c);
		if (!rc)
			rc = put_sum(c, emt_loss_none(&loss) && !c->m.lost);
		c->ctx->incomplete |= !emt_loss_none(&loss) || c->m.lost;
		c->ctx->findings |= c->differ || c->absent;
	}
	emt_mappings_free(&c->m);
	return rc;
}

static int run_mappings(struct emt_ctx *ctx)
{
	struct compare c = { .ctx = ctx };
	const struct emt_each_walk each = {
		.one = compare_walk, .arg = &c, .none = "the journal has no mapped frame of this domain",
		.next = "events --follow --mappings --ndjson, while something maps the guest's frames",
	};

	return emt_ctx_each_walk(ctx, &each);
}

static const struct emt_arg args[] = {
	{ .name = "source", .type = EMT_ARG_SOURCE, .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED,
	  .metavar = "SOURCE", .help = "the walk: a live domain, or a capture of one" },
	{ .name = "journal", .type = EMT_ARG_FILE, .metavar = "FILE", .help = "the journal with the mapped frames",
	  .fallback = "that of EMTCTL_JOURNAL, else /var/lib/emt/journal.ndjson" },
};
static const struct emt_section sections[] = {
	{ "domains", &kind_sum, EMT_SECTION_MAIN, NULL },
	{ "differences", &kind_dif, 0, "Frames that lie elsewhere" },
};
static const struct emt_reply reply = { "emt.mappings", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "mappings guest.emt --journal mapped.ndjson", "entries against frames that were mapped" },
};

const struct emt_command emt_cmd_mappings = {
	.name = "mappings",
	.group = "Look at a guest",
	.summary = "compare a walk with the frames that dom0's processes mapped",
	.description =
		"When a process of a PV dom0 maps a frame of a guest, Xen looks the frame up itself and puts the machine frame "
		"that it found into the process's page table. `emtctl events --follow --mappings --ndjson` writes these down, "
		"whoever maps: the toolstack, a console, a device model. Here each is compared with the entry that the walk has "
		"there: one more witness of where a guest's memory lies, which costs the guest nothing.\n\n"
		"Of a frame mapped several times the last time counts; frames that the toolstack changed after they were "
		"mapped are left out. What the guest changed itself (ballooning, grants) passes no toolstack: a difference may be "
		"such a change between the mapping and the walk, whose times are shown.\n\n"
		"Exit status: 0 all agree; 1 some do not; 2 error, or no frame of it was mapped; 3 mappings or entries were "
		"lost, or a watch was cut off, and the rest agrees.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_source, &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_HOST,
	.cost = EMT_COST_FREE,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_mappings,
};
