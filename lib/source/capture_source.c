/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The capture as a source: which of its walks are meant, and their runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/ops.h"
#include "source/pages.h"

struct capture_source {
	struct emt_capture *c;
	size_t *walks;   /* those selected, as numbers in the capture */
	size_t nr;
	struct emt_mem *guest; /* the guest's tables of walk 'guest_walk'; NULL = none asked for */
	size_t guest_walk;
};

struct pick {
	uint32_t domid, generation;
	size_t walk;
};

static int by_age(const void *a, const void *b)
{
	const struct pick *x = a, *y = b;

	if (x->domid != y->domid)
		return x->domid < y->domid ? -1 : 1;
	if (x->generation != y->generation)
		return x->generation < y->generation ? -1 : 1;
	return x->walk < y->walk ? -1 : x->walk > y->walk;
}

static int by_walk(const void *a, const void *b)
{
	const size_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* "1, 2, 5 and 3 more" of the domains that a capture holds. */
static void list_domains(const struct pick *picks, size_t n, char *out, size_t room)
{
	size_t len = 0, shown = 0, domains = 0;

	out[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		if (i && picks[i].domid == picks[i - 1].domid)
			continue;
		if (domains++ >= 12)
			continue;
		len += (size_t)snprintf(out + len, room - len, "%s%u", shown++ ? ", " : "", picks[i].domid);
	}
	if (domains > shown)
		snprintf(out + len, room - len, " and %zu more", domains - shown);
}

static int nothing(const struct emt_source *s, const struct emt_source_spec *spec, const struct pick *picks,
		   size_t n, struct emt_err *err)
{
	char domains[200], next[240];

	if (!n)
		return emt_err_set(err, EMT_E_NOSOURCE, s->name, "take the capture again",
				   "holds no walk of any domain");
	list_domains(picks, n, domains, sizeof(domains));
	snprintf(next, sizeof(next), "it holds: domain %s", domains);
	if (spec->domid >= 0 && spec->generation >= 0)
		return emt_err_set(err, EMT_E_NOSOURCE, s->name, next,
				   "holds no walk of domain %lld, generation %lld", (long long)spec->domid,
				   (long long)spec->generation);
	if (spec->domid >= 0)
		return emt_err_set(err, EMT_E_NOSOURCE, s->name, next, "holds no walk of domain %lld",
				   (long long)spec->domid);
	return emt_err_set(err, EMT_E_NOSOURCE, s->name, next, "holds no walk of generation %lld",
			   (long long)spec->generation);
}

static int select_walks(const struct emt_source *s, struct capture_source *cs,
			const struct emt_source_spec *spec, struct emt_err *err)
{
	size_t n = emt_capture_walks(cs->c);
	struct pick *picks = calloc(n ? n : 1, sizeof(*picks));
	int rc = 0;

	cs->walks = calloc(n ? n : 1, sizeof(*cs->walks));
	if (!picks || !cs->walks) {
		free(picks);
		return emt_err_set(err, EMT_E_NOMEM, s->name, NULL, "not enough memory to open a capture");
	}
	for (size_t i = 0; i < n; i++) {
		const struct emt_walk_info *w = emt_capture_walk(cs->c, i);

		picks[i] = (struct pick){ w->domid, w->generation, i };
	}
	qsort(picks, n, sizeof(*picks), by_age);
	for (size_t i = 0; i < n; i++) {
		bool newest = i + 1 == n || picks[i + 1].domid != picks[i].domid;

		if (spec->domid >= 0 && picks[i].domid != (uint64_t)spec->domid)
			continue;
		if (spec->generation >= 0 ? picks[i].generation == (uint64_t)spec->generation
					  : spec->all || newest)
			cs->walks[cs->nr++] = picks[i].walk;
	}
	/* in the order in which they were taken */
	qsort(cs->walks, cs->nr, sizeof(*cs->walks), by_walk);
	if (!cs->nr)
		rc = nothing(s, spec, picks, n, err);
	free(picks);
	return rc;
}

static void capture_close(struct emt_source *s)
{
	struct capture_source *cs = s->priv;

	emt_mem_close(cs->guest);
	emt_capture_free(cs->c);
	free(cs->walks);
	free(cs);
}

static int capture_open(struct emt_source *s, const struct emt_source_spec *spec, struct emt_err *err)
{
	struct capture_source *cs = calloc(1, sizeof(*cs));
	int rc;

	if (!cs)
		return emt_err_set(err, EMT_E_NOMEM, s->name, NULL, "not enough memory to open a capture");
	s->priv = cs;
	rc = emt_capture_open(&cs->c, spec->target, spec->salvage, err);
	if (!rc)
		rc = select_walks(s, cs, spec, err);
	if (rc)
		capture_close(s);
	return rc;
}

static size_t capture_walks(const struct emt_source *s)
{
	const struct capture_source *cs = s->priv;

	return cs->nr;
}

static int capture_walk(const struct emt_source *s, size_t i, struct emt_source_walk *info,
			struct emt_err *err)
{
	struct capture_source *cs = s->priv;
	const struct emt_walk_info *w = emt_capture_walk(cs->c, cs->walks[i]);
	struct emt_facts f;
	int rc;

	info->domid = w->domid;
	info->generation = w->generation;
	info->time = w->time;
	info->runs = w->runs;
	info->entries = w->entries;
	info->frames = w->frames;
	info->loss = w->loss;
	memcpy(info->label, w->label, sizeof(info->label));
	rc = emt_capture_facts(cs->c, cs->walks[i], &f, err);
	if (rc)
		return rc;
	memcpy(info->name, f.domain_name, sizeof(info->name));
	emt_facts_free(&f);
	return 0;
}

static int capture_facts(struct emt_source *s, size_t i, struct emt_facts *f, struct emt_err *err)
{
	struct capture_source *cs = s->priv;

	return emt_capture_facts(cs->c, cs->walks[i], f, err);
}

static int capture_stream(struct emt_stream *st, size_t i, struct emt_err *err)
{
	struct capture_source *cs = st->source->priv;
	struct emt_capture_cursor *cur;
	int rc = emt_capture_cursor(cs->c, cs->walks[i], &cur, err);

	st->priv = cur;
	return rc;
}

static int capture_seek(struct emt_stream *st, uint64_t gfn, struct emt_err *err)
{
	return emt_capture_seek(st->priv, gfn, err);
}

static long capture_read(struct emt_stream *st, struct emt_run *runs, size_t room, struct emt_err *err)
{
	return emt_capture_read(st->priv, runs, room, err);
}

static void capture_loss(const struct emt_stream *st, struct emt_loss *loss)
{
	const struct capture_source *cs = st->source->priv;

	*loss = emt_capture_walk(cs->c, cs->walks[st->walk])->loss;
}

static void capture_end(struct emt_stream *st)
{
	emt_capture_cursor_free(st->priv);
}

struct counted {
	emt_table_cb cb;
	void *arg;
	size_t n;
};

static int count_table(uint64_t mfn, unsigned int level, const void *page, void *arg)
{
	struct counted *c = arg;

	c->n++;
	return c->cb(mfn, level, page, c->arg);
}

static int capture_tables(struct emt_source *s, size_t i, emt_table_cb cb, void *arg, struct emt_err *err)
{
	struct capture_source *cs = s->priv;
	struct counted c = { cb, arg, 0 };
	int rc = emt_capture_tables(cs->c, cs->walks[i], count_table, &c, err);

	if (rc || c.n)
		return rc;
	return emt_err_set(err, EMT_E_MISSING, s->name, "take the capture with table pages",
			   "holds no table pages of this walk");
}

static const void *guest_page(void *arg, uint64_t gfn)
{
	return emt_mem_frame(arg, gfn);
}

static int capture_guest(struct emt_source *s, size_t i, struct emt_guest_memory *out, struct emt_err *err)
{
	struct capture_source *cs = s->priv;
	int rc = 0;

	if (!cs->guest || cs->guest_walk != i) {
		emt_mem_close(cs->guest);
		rc = emt_pages_guest(&cs->guest, cs->c, cs->walks[i], err);
		cs->guest_walk = i;
	}
	if (!rc)
		*out = (struct emt_guest_memory){ guest_page, cs->guest };
	return rc;
}

const struct emt_source_ops emt_source_capture_ops = {
	.scheme = "capture",
	.open = capture_open,
	.close = capture_close,
	.walks = capture_walks,
	.walk = capture_walk,
	.facts = capture_facts,
	.stream = capture_stream,
	.seek = capture_seek,
	.read = capture_read,
	.loss = capture_loss,
	.tables = capture_tables,
	.guest = capture_guest,
	.end = capture_end,
};
