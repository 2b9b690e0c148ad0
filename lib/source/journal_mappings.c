/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/journal_mappings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/journal.h"

#define FRAMES_MAX (8u << 20) /* of one domain: 32 GiB of its memory, 200 MB here */

struct reading {
	struct emt_mappings *m;
	uint32_t domid;
	bool open; /* a watch began and did not end */
	const char *path;
	struct emt_err *err;
};

static int grow(void **v, size_t *room, size_t n, size_t size)
{
	size_t more = *room ? *room : 1024;
	void *p;

	while (more < n)
		more *= 2;
	if (more == *room)
		return 0;
	p = realloc(*v, more * size);
	if (!p)
		return EMT_E_NOMEM;
	*v = p;
	*room = more;
	return 0;
}

static int nomem(struct reading *r)
{
	return emt_err_set(r->err, EMT_E_NOMEM, r->path, NULL, "not enough memory for the frames that were mapped");
}

static int add(struct reading *r, struct json_object *line)
{
	struct emt_mappings *m = r->m;
	struct emt_mapper *by;
	uint64_t gfn, mfn, count, pid = 0;
	const char *command = emt_journal_text(line, "command");

	if (!emt_journal_number(line, "gfn", &gfn) || !emt_journal_number(line, "mfn", &mfn) ||
	    !emt_journal_number(line, "count", &count))
		return 0;
	if (count > FRAMES_MAX || m->n + count > FRAMES_MAX)
		return emt_err_set(r->err, EMT_E_UNSUPPORTED, r->path, "watch for a shorter time",
				   "more than %u frames were mapped", FRAMES_MAX);
	if (grow((void **)&m->by, &m->room_by, m->nr_by + 1, sizeof(*m->by)) ||
	    grow((void **)&m->v, &m->room, m->n + count, sizeof(*m->v)))
		return nomem(r);
	by = &m->by[m->nr_by++];
	emt_journal_number(line, "pid", &pid);
	*by = (struct emt_mapper){ .time = emt_journal_time(line, "time"), .pid = (uint32_t)pid };
	snprintf(by->command, sizeof(by->command), "%s", command ? command : "");
	for (uint64_t i = 0; i < count; i++)
		m->v[m->n++] = (struct emt_mapped){ gfn + i, mfn + i, (uint32_t)(m->nr_by - 1) };
	m->mapped += count;
	return 0;
}

/* What was mapped of these frames before tells nothing any more; of several only the first
 * is in the journal: then of none. */
static void changed(struct reading *r, struct json_object *line)
{
	uint64_t gfn, count;
	size_t n = 0;

	if (!emt_journal_number(line, "gfn", &gfn) || !emt_journal_number(line, "count", &count) || count != 1)
		gfn = EMT_NO_FRAME;
	for (size_t i = 0; i < r->m->n && gfn != EMT_NO_FRAME; i++)
		if (r->m->v[i].gfn != gfn)
			r->m->v[n++] = r->m->v[i];
	r->m->n = n;
}

static bool changes_frames(const char *what)
{
	return strstr(what, "reservation") || strstr(what, "physmap") || !strcmp(what, "exchange") ||
	       !strcmp(what, "relocate-memory") || !strcmp(what, "memory-mapping");
}

static void began(struct reading *r)
{
	r->m->n = r->m->nr_by = 0;
	r->m->mapped = 0;
	r->m->lost = false;
}

static int one_line(struct json_object *line, void *arg)
{
	struct reading *r = arg;
	const char *record = emt_journal_text(line, "record"), *what = emt_journal_text(line, "event");
	uint64_t domid, lost = 0;

	if (!record)
		return 0;
	if (!strcmp(record, "header")) {
		r->m->lost |= r->open;
		r->open = true;
	} else if (!strcmp(record, "gap")) {
		r->m->lost |= r->open;
		r->open = false;
	} else if (!strcmp(record, "watching")) {
		r->open = false;
		emt_journal_number(line, "frames_lost", &lost);
		r->m->lost |= lost > 0;
	} else if (what && emt_journal_number(line, "domain", &domid) && domid == r->domid) {
		if (!strcmp(what, "foreign-mapping"))
			return add(r, line);
		if (!strcmp(what, "create") || !strcmp(what, "destroy"))
			began(r);
		else if (changes_frames(what))
			changed(r, line);
	}
	return 0;
}

/* By gfn, the last mapping of each first. */
static int by_gfn(const void *a, const void *b)
{
	const struct emt_mapped *x = a, *y = b;

	if (x->gfn != y->gfn)
		return x->gfn < y->gfn ? -1 : 1;
	return x->by > y->by ? -1 : x->by < y->by;
}

int emt_journal_mappings(const char *path, uint32_t domid, struct emt_mappings *m, struct emt_err *err)
{
	struct reading r = { .m = m, .domid = domid, .path = path, .err = err };
	size_t n = 0;
	int rc;

	memset(m, 0, sizeof(*m));
	rc = emt_journal_of(path, domid, one_line, &r, err);
	if (rc || !m->n)
		return rc;
	qsort(m->v, m->n, sizeof(*m->v), by_gfn);
	for (size_t i = 0; i < m->n; i++)
		if (!n || m->v[n - 1].gfn != m->v[i].gfn)
			m->v[n++] = m->v[i];
	m->n = n;
	return 0;
}

void emt_mappings_free(struct emt_mappings *m)
{
	free(m->v);
	free(m->by);
	memset(m, 0, sizeof(*m));
}
