/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/iommu_blob.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "IOMT1" /* with its NUL */
#define PART_SIZE (256 * 1024)
#define RUN_MAX 40    /* four numbers of ten bytes at most */
#define NO_PERM 4
#define FRAME_LIMIT (1ULL << 52)

static void put16(uint8_t *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
}

static void put32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static uint16_t get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static uint64_t zigzag(uint64_t d)
{
	return d << 1 ^ (uint64_t)-(int64_t)(d >> 63);
}

static uint64_t unzigzag(uint64_t z)
{
	return z >> 1 ^ (uint64_t)-(int64_t)(z & 1);
}

static uint64_t level_frames(unsigned int level)
{
	return 1ULL << (9 * (level - 1));
}

int emt_iommu_writer_init(struct emt_iommu_writer *w, size_t part_size, emt_iommu_sink *sink, void *arg)
{
	memset(w, 0, sizeof(*w));
	w->room = part_size ? part_size : PART_SIZE;
	if (w->room < EMT_IOMT_HEAD + RUN_MAX)
		w->room = EMT_IOMT_HEAD + RUN_MAX;
	w->buf = malloc(w->room);
	w->sink = sink;
	w->arg = arg;
	w->head.table = UINT32_MAX;
	return w->buf ? 0 : EMT_E_NOMEM;
}

void emt_iommu_writer_free(struct emt_iommu_writer *w)
{
	free(w->buf);
	w->buf = NULL;
}

static void new_part(struct emt_iommu_writer *w)
{
	w->len = EMT_IOMT_HEAD;
	w->head.runs = 0;
	w->end = w->mfn_end = 0;
}

void emt_iommu_writer_begin(struct emt_iommu_writer *w, uint32_t domid, unsigned int flags,
			    unsigned int levels)
{
	w->head = (struct emt_iommu_head){ .domid = domid, .table = w->head.table + 1,
					   .flags = (uint16_t)flags, .levels = (uint8_t)levels };
	w->run.count = 0;
	new_part(w);
}

static int flush(struct emt_iommu_writer *w)
{
	uint8_t *p = w->buf;
	int rc;

	memset(p, 0, EMT_IOMT_HEAD);
	memcpy(p, MAGIC, sizeof(MAGIC));
	put16(p + 6, w->head.flags);
	put32(p + 8, w->head.domid);
	put32(p + 12, w->head.table);
	put32(p + 16, w->head.part);
	p[20] = w->head.levels;
	put32(p + 24, w->head.runs);
	put32(p + 28, w->head.bad);
	rc = w->sink(p, w->len, w->arg);
	w->head.part++;
	new_part(w);
	return rc;
}

static void put_leb(struct emt_iommu_writer *w, uint64_t v)
{
	do {
		w->buf[w->len++] = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		v >>= 7;
	} while (v);
}

static int write_run(struct emt_iommu_writer *w)
{
	const struct emt_iommu_run *r = &w->run;
	uint64_t frames;

	if (!r->count)
		return 0;
	frames = r->count * level_frames(r->level);
	if (w->len + RUN_MAX > w->room) {
		int rc = flush(w);

		if (rc)
			return rc;
	}
	put_leb(w, r->dfn - w->end);
	put_leb(w, r->count);
	put_leb(w, zigzag(r->mfn - w->mfn_end));
	put_leb(w, (uint64_t)r->level << 3 | (r->perm == 0xff ? NO_PERM : r->perm));
	w->head.runs++;
	w->end = r->dfn + frames;
	w->mfn_end = r->mfn + frames;
	w->run.count = 0;
	return 0;
}

int emt_iommu_writer_put(struct emt_iommu_writer *w, uint64_t dfn, uint64_t mfn, unsigned int perm,
			 unsigned int level)
{
	struct emt_iommu_run *r = &w->run;
	uint64_t frames = r->count * (r->count ? level_frames(r->level) : 0);
	int rc;

	if (r->count && r->level == level && r->perm == perm && dfn == r->dfn + frames &&
	    mfn == r->mfn + frames) {
		r->count++;
		return 0;
	}
	rc = write_run(w);
	*r = (struct emt_iommu_run){ .dfn = dfn, .mfn = mfn, .count = 1, .level = (uint8_t)level,
				     .perm = (uint8_t)perm };
	return rc;
}

int emt_iommu_writer_end(struct emt_iommu_writer *w, uint32_t bad)
{
	int rc = write_run(w);

	if (rc)
		return rc;
	w->head.bad = bad;
	w->head.flags |= EMT_IOMT_LAST;
	return flush(w);
}

static bool get_leb(const uint8_t **p, const uint8_t *end, uint64_t *v)
{
	unsigned int shift = 0;

	*v = 0;
	while (*p < end) {
		uint8_t b = *(*p)++;

		if (shift == 63 && b > 1)
			return false;
		*v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return true;
		shift += 7;
		if (shift > 63)
			return false;
	}
	return false;
}

static bool get_run(const uint8_t **p, const uint8_t *end, uint64_t *at, uint64_t *mfn_at,
		    struct emt_iommu_run *r)
{
	uint64_t gap, mfn, tail, frames;

	if (!get_leb(p, end, &gap) || !get_leb(p, end, &r->count) || !get_leb(p, end, &mfn) ||
	    !get_leb(p, end, &tail))
		return false;
	if (tail >> 3 < 1 || tail >> 3 > 3 || (tail & 7) > NO_PERM)
		return false;
	r->level = (uint8_t)(tail >> 3);
	r->perm = (tail & 7) == NO_PERM ? 0xff : (uint8_t)(tail & 7);
	frames = level_frames(r->level);
	if (gap >= FRAME_LIMIT || !r->count || r->count > FRAME_LIMIT / frames)
		return false;
	r->dfn = *at + gap;
	r->mfn = *mfn_at + unzigzag(mfn);
	frames *= r->count;
	if (r->dfn > FRAME_LIMIT - frames || r->mfn >= FRAME_LIMIT ||
	    (r->dfn | r->mfn) & (level_frames(r->level) - 1))
		return false;
	*at = r->dfn + frames;
	*mfn_at = r->mfn + frames;
	return true;
}

int emt_iommu_read(const void *data, size_t len, struct emt_iommu_head *head,
		   int (*run)(const struct emt_iommu_run *run, void *arg), void *arg, struct emt_err *err)
{
	const uint8_t *p = data, *end = p + len;
	uint64_t at = 0, mfn_at = 0;

	memset(head, 0, sizeof(*head));
	if (len < EMT_IOMT_HEAD || memcmp(p, MAGIC, sizeof(MAGIC)))
		return emt_err_set(err, EMT_E_DAMAGED, "IOMMU table", "take the capture again",
				   "record has no valid head");
	head->flags = get16(p + 6);
	head->domid = get32(p + 8);
	head->table = get32(p + 12);
	head->part = get32(p + 16);
	head->levels = p[20];
	head->runs = get32(p + 24);
	head->bad = get32(p + 28);
	p += EMT_IOMT_HEAD;
	for (uint32_t i = 0; i < head->runs; i++) {
		struct emt_iommu_run r;
		int rc;

		if (!get_run(&p, end, &at, &mfn_at, &r))
			return emt_err_set(err, EMT_E_DAMAGED, "IOMMU table", "take the capture again",
					   "run %u of %u is damaged", i, head->runs);
		rc = run ? run(&r, arg) : 0;
		if (rc)
			return rc;
	}
	if (p != end)
		return emt_err_set(err, EMT_E_DAMAGED, "IOMMU table", "take the capture again",
				   "%zu bytes behind its runs", (size_t)(end - p));
	return 0;
}
