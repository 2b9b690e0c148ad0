/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an audit says of a domain as a whole, as a record.
 */
#include "command/kind_audit.h"
#include "source/source.h"

void emt_fill_verdicts(struct emt_rec *rec, unsigned int col, const struct emt_summary *s, uint64_t *entries,
		       uint64_t *frames)
{
	*entries = *frames = 0;
	emt_rec_list(rec, col);
	for (unsigned int v = 0; v < EMT_V_NR; v++) {
		struct emt_rec *c;

		*entries += s->entries[v];
		*frames += s->frames[v];
		if (!s->entries[v])
			continue;
		c = emt_rec_add(rec, col);
		emt_rec_str(c, VCOUNT_VERDICT, emt_verdict_name(v));
		emt_rec_u64(c, VCOUNT_ENTRIES, s->entries[v]);
		emt_rec_u64(c, VCOUNT_BYTES, s->frames[v] * 4096);
	}
}

void emt_fill_types(struct emt_rec *rec, unsigned int col, const struct emt_summary *s)
{
	emt_rec_list(rec, col);
	/* WB first: it is what most memory should be. */
	for (int mt = 7; mt >= 0; mt--) {
		struct emt_rec *c;

		if (!s->bytes_by_type[mt])
			continue;
		c = emt_rec_add(rec, col);
		emt_rec_str(c, TBYTES_TYPE, emt_mt_name((unsigned int)mt));
		emt_rec_u64(c, TBYTES_BYTES, s->bytes_by_type[mt]);
	}
}

static void fill_identity(struct emt_rec *rec, const struct emt_source_walk *walk, const struct emt_facts *facts,
			  const struct emt_release *rel, const struct emt_loss *loss, bool forced)
{
	emt_rec_u64(rec, DOM_DOMAIN, walk->domid);
	emt_rec_text(rec, DOM_NAME, walk->name);
	emt_rec_text(rec, DOM_UUID, facts->domain_uuid);
	emt_rec_u64(rec, DOM_GENERATION, walk->generation);
	emt_rec_text(rec, DOM_LABEL, walk->label);
	emt_rec_time(rec, DOM_TIME, walk->time);
	emt_rec_text(rec, DOM_RELEASE, rel->full);
	emt_rec_bool(rec, DOM_RELEASE_EXACT, rel->exact);
	emt_rec_bool(rec, DOM_RELEASE_FORCED, forced);
	emt_rec_str(rec, DOM_PAGING, emt_paging_name(facts->paging));
	emt_rec_bool(rec, DOM_COMPLETE, emt_loss_none(loss));
	emt_fill_loss(emt_rec_add(rec, DOM_LOSS), loss);
}

void emt_fill_domain_unjudged(struct emt_rec *rec, const struct emt_source_walk *walk, const struct emt_facts *facts,
			      const struct emt_release *rel, const struct emt_read *read, const struct emt_loss *loss,
			      bool forced)
{
	fill_identity(rec, walk, facts, rel, loss, forced);
	emt_rec_list(rec, DOM_VERDICTS);
	emt_rec_list(rec, DOM_TYPES);
	emt_rec_list(rec, DOM_RELEASE_DEFECTS);
	emt_rec_u64(rec, DOM_RUNS, read->runs);
	emt_rec_u64(rec, DOM_ENTRIES, read->entries);
	emt_rec_u64(rec, DOM_BYTES, read->frames * 4096);
	emt_rec_u64(rec, DOM_INTERMEDIATE, 0);
	emt_rec_u64(rec, DOM_POD_ENTRIES, 0);
	emt_rec_u64(rec, DOM_FINDINGS, 0);
	emt_rec_u64(rec, DOM_FINDINGS_MERGED, 0);
	emt_rec_bool(rec, DOM_DECIDED, true);
}

void emt_fill_domain(struct emt_rec *rec, const struct emt_source_walk *walk, const struct emt_engine *e,
		     const struct emt_findings *f, const struct emt_loss *loss, bool forced)
{
	const struct emt_release *rel = emt_engine_release(e);
	const struct emt_summary *s = emt_findings_summary(f);
	uint64_t entries, frames;

	fill_identity(rec, walk, emt_engine_facts(e), rel, loss, forced);
	emt_fill_verdicts(rec, DOM_VERDICTS, s, &entries, &frames);
	emt_fill_types(rec, DOM_TYPES, s);
	emt_rec_u64(rec, DOM_RUNS, s->runs);
	emt_rec_u64(rec, DOM_ENTRIES, entries);
	emt_rec_u64(rec, DOM_BYTES, frames * 4096);
	emt_rec_u64(rec, DOM_INTERMEDIATE, s->intermediate);
	emt_rec_u64(rec, DOM_POD_ENTRIES, s->pod_entries);
	emt_fill_defects(rec, DOM_RELEASE_DEFECTS, emt_defects_of(rel));
	emt_rec_u64(rec, DOM_FINDINGS, emt_findings_count(f));
	emt_rec_u64(rec, DOM_FINDINGS_MERGED, emt_findings_overflow(f));
	emt_rec_bool(rec, DOM_DECIDED, !s->entries[EMT_V_UNDETERMINED]);
}
