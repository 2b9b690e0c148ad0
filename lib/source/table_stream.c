/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/table_stream.h"

#include <stdio.h>
#include <stdlib.h>

int emt_table_stream(struct emt_stream *st, const struct emt_walk_opts *o, struct emt_err *err)
{
	struct emt_table_stream *m = calloc(1, sizeof(*m));
	int rc;

	if (!m)
		return emt_err_set(err, EMT_E_NOMEM, st->source->name, NULL, "not enough memory to walk it");
	rc = emt_walker_new(&m->walker, o, err);
	if (rc)
		free(m);
	else
		st->priv = m;
	return rc;
}

int emt_table_seek(struct emt_stream *st, uint64_t gfn, struct emt_err *err)
{
	struct emt_table_stream *m = st->priv;

	(void)err;
	emt_walker_seek(m->walker, gfn);
	m->held.count = 0;
	m->end = false;
	return 0;
}

/* Leaves of one table come joined; here across tables. */
long emt_table_read(struct emt_stream *st, struct emt_run *runs, size_t room, struct emt_err *err)
{
	struct emt_table_stream *m = st->priv;
	struct emt_run run;
	size_t n = 0;

	while (n < room && !m->end) {
		if (!emt_walker_next(m->walker, &run)) {
			m->end = true;
			if (m->held.count)
				runs[n++] = m->held;
			m->held.count = 0;
		} else if (m->held.count && !(run.flags & EMT_RUN_INTERMEDIATE) &&
			   emt_run_joins(&m->held, &run)) {
			m->held.count += run.count;
		} else {
			if (m->held.count)
				runs[n++] = m->held;
			m->held = run;
		}
	}
	if (m->end && emt_walker_result(m->walker)->no_memory)
		return emt_err_set(err, EMT_E_NOMEM, st->source->name, NULL,
				   "not enough memory to walk it to its end");
	return (long)n;
}

void emt_table_loss(const struct emt_stream *st, struct emt_loss *loss)
{
	const struct emt_table_stream *m = st->priv;
	const struct emt_walk_result *r = emt_walker_result(m->walker);
	const struct {
		uint64_t n;
		const char *what;
	} parts[] = {
		{ r->outside, "point outside RAM" },       { r->unreadable, "lead to unreadable tables" },
		{ r->bad_level, "are of a wrong level" },  { r->loops, "loop" },
		{ r->twice, "lead to a table again" },     { r->torn, "lead to tables that kept changing" },
		{ r->reserved, "have reserved bits set" }, { r->too_many, "is one table too many" },
	};
	size_t at = 0;

	loss->changed = r->changed;
	loss->entries_cut = r->outside + r->unreadable + r->bad_level + r->loops + r->twice + r->too_many;
	loss->cut_tail = r->too_many;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(parts) && at < sizeof(loss->note); i++)
		if (parts[i].n)
			at += (size_t)snprintf(loss->note + at, sizeof(loss->note) - at, "%s%llu %s",
					       at ? ", " : "table entries: ", (unsigned long long)parts[i].n,
					       parts[i].what);
}

void emt_table_end(struct emt_stream *st)
{
	struct emt_table_stream *m = st->priv;

	emt_walker_free(m->walker);
	free(m);
}
