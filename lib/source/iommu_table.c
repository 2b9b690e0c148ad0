/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/iommu_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/iommu_blob.h"
#include "source/ops.h"

#define BATCH 512

void emt_iommu_table_free(struct emt_iommu_table *t)
{
	free(t->v);
	*t = (struct emt_iommu_table){ 0 };
}

static int no_memory(struct emt_err *err)
{
	return emt_err_set(err, EMT_E_NOMEM, "IOMMU table", NULL, "not enough memory to hold it");
}

/* Neighbours that advance alike are joined, whatever the size of their leaves. */
static int put(struct emt_iommu_table *t, uint64_t dfn, uint64_t mfn, uint64_t frames, uint8_t perm)
{
	struct emt_dfn_run *last = t->n ? &t->v[t->n - 1] : NULL;

	if (!frames)
		return 0;
	if (last && last->perm == perm && last->dfn + last->frames == dfn && last->mfn + last->frames == mfn) {
		last->frames += frames;
		return 0;
	}
	if (!t->v || t->n == t->room) {
		size_t room = t->room ? 2 * t->room : 256;
		struct emt_dfn_run *v = realloc(t->v, room * sizeof(*v));

		if (!v)
			return EMT_E_NOMEM;
		t->v = v;
		t->room = room;
	}
	t->v[t->n++] = (struct emt_dfn_run){ .dfn = dfn, .mfn = mfn, .frames = frames, .perm = perm };
	return 0;
}

/* ---- captures ---- */

/* Reading the parts of tables in the order of the file. */
struct parts {
	struct emt_iommu_table *t;
	uint32_t domid;
	int64_t wanted;      /* number of the table among those of the domain; -1 = count only */
	int64_t seen;        /* tables of the domain so far, less one */
	uint32_t *domids;    /* or: list domains */
	size_t nr, room;
	struct emt_err *err;
};

static int put_run(const struct emt_iommu_run *r, void *arg)
{
	return put(arg, r->dfn, r->mfn, r->count << (9 * (r->level - 1)), r->perm);
}

static int one_part(const void *data, size_t len, void *arg)
{
	struct parts *p = arg;
	struct emt_iommu_head head;
	int rc = emt_iommu_read(data, len, &head, NULL, NULL, p->err);

	if (rc)
		return rc;
	if (p->domids) {
		size_t i = 0;

		while (i < p->nr && p->domids[i] != head.domid)
			i++;
		if (i == p->nr && p->nr < p->room && head.domid != UINT32_MAX)
			p->domids[p->nr++] = head.domid;
		return 0;
	}
	if (head.domid != p->domid)
		return 0;
	if (!head.part)
		p->seen++;
	if (p->wanted < 0 || p->seen != p->wanted)
		return 0;
	p->t->shared = head.flags & EMT_IOMT_SHARED;
	p->t->amd = head.flags & EMT_IOMT_AMD;
	p->t->bad += head.bad;
	rc = emt_iommu_read(data, len, &head, put_run, p->t, p->err);
	return rc == EMT_E_NOMEM ? no_memory(p->err) : rc;
}

static int from_capture(struct emt_iommu_table *t, const struct emt_source_spec *spec, uint32_t domid,
			uint32_t generation, struct emt_err *err)
{
	struct parts p = { .t = t, .domid = domid, .wanted = -1, .seen = -1, .err = err };
	struct emt_capture *c;
	int rc = emt_capture_open(&c, spec->target, spec->salvage, err);

	if (rc)
		return rc;
	rc = emt_capture_blobs(c, EMT_IOMT_KIND, one_part, &p, err);
	if (!rc && p.seen < 0)
		rc = emt_err_set(err, EMT_E_MISSING, spec->target, "import the text of xl debug-keys o beside that of D",
				 "holds no IOMMU table of domain %u", domid);
	if (!rc) {
		p.wanted = (int64_t)generation <= p.seen ? (int64_t)generation : p.seen;
		p.seen = -1;
		rc = emt_capture_blobs(c, EMT_IOMT_KIND, one_part, &p, err);
		snprintf(t->label, sizeof(t->label), "key o%s", t->shared ? ", shared with the p2m" : "");
	}
	emt_capture_free(c);
	return rc;
}

/* ---- memory ---- */

static int from_stream(struct emt_iommu_table *t, struct emt_source *s, size_t walk, struct emt_err *err)
{
	struct emt_run runs[BATCH];
	struct emt_stream *st;
	struct emt_loss loss;
	long n = 0;
	int rc = emt_source_stream(s, walk, &st, err);

	if (rc)
		return rc;
	while (!rc && (n = emt_stream_read(st, runs, BATCH, err)) > 0)
		for (long i = 0; i < n && !rc; i++)
			if (!(runs[i].flags & EMT_RUN_INTERMEDIATE) && runs[i].mfn != EMT_NO_FRAME)
				rc = put(t, runs[i].gfn, runs[i].mfn, emt_run_frames(&runs[i]),
					 runs[i].perm & (EMT_R | EMT_W));
	emt_stream_loss(st, &loss);
	t->bad = loss.entries_cut + loss.changed;
	emt_stream_free(st);
	return rc ? no_memory(err) : (int)n;
}

/* The IOMMU tables of an image. */
static int open_tables(struct emt_source **s, const struct emt_source_spec *spec, uint32_t domid, struct emt_err *err)
{
	struct emt_source_spec of = *spec;

	of.domid = domid == UINT32_MAX ? -1 : (int64_t)domid;
	of.root = EMT_NO_FRAME;
	snprintf(of.table, sizeof(of.table), "iommu");
	return emt_source_open(s, &of, err);
}

static int from_memory(struct emt_iommu_table *t, const struct emt_source_spec *spec, uint32_t domid,
		       struct emt_err *err)
{
	struct emt_source_walk info;
	struct emt_source *s;
	int rc = open_tables(&s, spec, domid, err);

	if (rc == EMT_E_NOSOURCE && err)
		err->code = EMT_E_MISSING; /* the domain has none */
	if (rc)
		return rc == EMT_E_NOSOURCE ? EMT_E_MISSING : rc;
	rc = emt_source_walk(s, 0, &info, err);
	if (!rc) {
		t->amd = !strncmp(info.label, "amdvi", 5);
		snprintf(t->label, sizeof(t->label), "%s", info.label);
		rc = from_stream(t, s, 0, err);
	}
	emt_source_close(s);
	return rc;
}

int emt_iommu_table_read(struct emt_iommu_table *t, const struct emt_source_spec *spec, uint32_t domid,
			 uint32_t generation, struct emt_err *err)
{
	*t = (struct emt_iommu_table){ .domid = domid };
	switch (spec->kind) {
	case EMT_SOURCE_CAPTURE: return from_capture(t, spec, domid, generation, err);
	case EMT_SOURCE_MEM: return from_memory(t, spec, domid, err);
	default:
		return emt_err_set(err, EMT_E_MISSING, spec->target,
				   "import the text of xl debug-keys o and name that capture as TABLE",
				   "an IOMMU's tables cannot be read from a live domain");
	}
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

long emt_iommu_table_domains(const struct emt_source_spec *spec, uint32_t *domids, size_t room, struct emt_err *err)
{
	struct parts p = { .domids = domids, .room = room, .err = err };
	struct emt_source_walk info;
	struct emt_capture *c;
	struct emt_source *s;
	int rc;

	if (spec->kind == EMT_SOURCE_CAPTURE) {
		rc = emt_capture_open(&c, spec->target, spec->salvage, err);
		if (rc)
			return rc;
		rc = emt_capture_blobs(c, EMT_IOMT_KIND, one_part, &p, err);
		emt_capture_free(c);
	} else if (spec->kind == EMT_SOURCE_MEM) {
		rc = open_tables(&s, spec, UINT32_MAX, err);
		for (size_t i = 0; !rc && i < emt_source_walks(s) && p.nr < room; i++)
			if (!emt_source_walk(s, i, &info, NULL))
				domids[p.nr++] = info.domid;
		if (!rc)
			emt_source_close(s);
	} else {
		return 0;
	}
	qsort(domids, p.nr, sizeof(*domids), by_number);
	return rc ? rc : (long)p.nr;
}
