/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Console text: any bytes, in uneven pieces, give the same events as in one piece, and
 * only well-formed ones.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "console/console.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	XXH3_state_t *hash;
	uint64_t next, dfn;     /* end of the last entry */
	bool in_dump, in_table;
	unsigned long line;     /* of the last entry: never goes back */
};

#define CHECK(cond) do { if (!(cond)) abort(); } while (0)

static void mix(struct seen *s, const void *p, size_t n)
{
	XXH3_64bits_update(s->hash, p, n);
}

static void mix64(struct seen *s, uint64_t v)
{
	mix(s, &v, sizeof(v));
}

static int ept_begin(void *arg, uint32_t domid, unsigned long line)
{
	struct seen *s = arg;

	CHECK(!s->in_dump);
	s->in_dump = true;
	s->next = 0;
	mix64(s, 1 + ((uint64_t)domid << 8));
	mix64(s, line);
	return 0;
}

static int ept_entry(void *arg, const struct emt_run *e, unsigned long line)
{
	struct seen *s = arg;
	uint64_t mask = (1ULL << e->order) - 1;

	CHECK(s->in_dump && line >= s->line && e->count == 1);
	CHECK(e->order == 0 || e->order == 9 || e->order == 18);
	CHECK(!(e->gfn & mask) && e->gfn >= s->next && e->gfn < 1ULL << 40);
	CHECK(e->mfn == EMT_NO_FRAME || (!(e->mfn & mask) && e->mfn < 1ULL << 40));
	CHECK(e->perm < 8 && e->emt < 8 && e->ipat < 2 && !e->raw);
	if (e->flags & EMT_RUN_POD)
		CHECK(e->mfn == EMT_NO_FRAME && !e->perm);
	if (e->flags & EMT_RUN_NO_TYPE)
		CHECK((e->perm != 0) == (e->mfn != EMT_NO_FRAME));
	if (e->flags & EMT_RUN_IPAT_HIDDEN)
		CHECK((e->flags & EMT_RUN_PENDING_ABOVE) && !e->ipat);
	s->next = e->gfn + mask + 1;
	s->line = line;
	mix(s, e, sizeof(*e));
	mix64(s, line);
	return 0;
}

static int ept_dropped(void *arg, enum emt_console_drop what, unsigned long line)
{
	struct seen *s = arg;

	CHECK(s->in_dump);
	mix64(s, 2 + what);
	mix64(s, line);
	return 0;
}

static int ept_end(void *arg, bool cut_head, bool cut_tail, unsigned long line)
{
	struct seen *s = arg;

	CHECK(s->in_dump);
	s->in_dump = false;
	mix64(s, 5 + (cut_head ? 16 : 0) + (cut_tail ? 32 : 0));
	mix64(s, line);
	return 0;
}

static int iommu_begin(void *arg, uint32_t domid, bool shared, bool amd, unsigned int levels,
		       unsigned long line)
{
	struct seen *s = arg;

	CHECK(!s->in_table && levels < 8);
	s->in_table = true;
	s->dfn = 0;
	mix64(s, 6 + ((uint64_t)domid << 8) + (shared ? 16 : 0) + (amd ? 32 : 0));
	mix64(s, line);
	return 0;
}

static int iommu_entry(void *arg, uint64_t dfn, uint64_t mfn, unsigned int perm, unsigned int level,
		       unsigned long line)
{
	struct seen *s = arg;

	CHECK(s->in_table && level >= 1 && level <= 3 && (perm < 4 || perm == 0xff));
	CHECK(dfn >= s->dfn && !((dfn | mfn) & ((1ULL << (9 * (level - 1))) - 1)));
	s->dfn = dfn + (1ULL << (9 * (level - 1)));
	mix64(s, dfn);
	mix64(s, mfn ^ ((uint64_t)perm << 56) ^ ((uint64_t)level << 48));
	mix64(s, line);
	return 0;
}

static int iommu_end(void *arg, unsigned long bad, unsigned long line)
{
	struct seen *s = arg;

	CHECK(s->in_table);
	s->in_table = false;
	mix64(s, bad);
	mix64(s, line);
	return 0;
}

static int fact(void *arg, enum emt_fact_id id, uint32_t domid, uint64_t first, uint64_t last, uint32_t tag,
		unsigned long line)
{
	CHECK(id < EMT_FACT_NR && (emt_fact_descs[id].kind != EMT_FK_LIST || first <= last));
	mix64(arg, id + ((uint64_t)domid << 8));
	mix64(arg, first);
	mix64(arg, last);
	mix64(arg, tag);
	mix64(arg, line);
	return 0;
}

static int fact_text(void *arg, enum emt_fact_id id, uint32_t domid, const char *text, unsigned long line)
{
	CHECK(strlen(text) < 160);
	mix64(arg, id + ((uint64_t)domid << 8));
	mix(arg, text, strlen(text));
	mix64(arg, line);
	return 0;
}

static int list_begin(void *arg, enum emt_fact_id id, uint32_t domid, unsigned long line)
{
	mix64(arg, 100 + id + ((uint64_t)domid << 8));
	mix64(arg, line);
	return 0;
}

static int list_whole(void *arg, enum emt_fact_id id, uint32_t domid, unsigned long line)
{
	mix64(arg, 200 + id + ((uint64_t)domid << 8));
	mix64(arg, line);
	return 0;
}

static int mtrr(void *arg, enum emt_fact_id id, uint32_t domid, uint32_t vcpu, const struct emt_mtrr *m,
		unsigned long line)
{
	CHECK(m->vcnt <= EMT_MTRR_VAR_MAX && m->e < 2 && m->fe < 2);
	mix64(arg, id + ((uint64_t)domid << 8));
	mix64(arg, vcpu);
	mix(arg, m, sizeof(*m));
	mix64(arg, line);
	return 0;
}

static int about(void *arg, enum emt_console_about what, uint32_t domid, uint64_t value, const char *text,
		 unsigned long line)
{
	mix64(arg, what + ((uint64_t)domid << 8));
	mix64(arg, value);
	if (text)
		mix(arg, text, strlen(text));
	mix64(arg, line);
	return 0;
}

static int note(void *arg, enum emt_note_level level, unsigned long line, const char *text)
{
	CHECK(*text);
	mix64(arg, level);
	mix64(arg, line);
	mix(arg, text, strlen(text));
	return 0;
}

static const struct emt_console_ops ops = {
	ept_begin, ept_entry, ept_dropped, ept_end, iommu_begin, iommu_entry, iommu_end, fact, fact_text,
	list_begin, list_whole, mtrr, about, note,
};

/* Pieces of lengths that 'seed' gives; 0 = one piece. */
static uint64_t run(const uint8_t *data, size_t size, uint32_t seed)
{
	struct seen s = { .hash = XXH3_createState() };
	struct emt_console *c = emt_console_new(&ops, &s);
	uint64_t h;

	CHECK(s.hash && c);
	XXH3_64bits_reset(s.hash);
	for (size_t at = 0; at < size;) {
		size_t n = size - at;

		if (seed) {
			seed = seed * 1664525 + 1013904223;
			n = (seed >> 24) % 97 + 1;
			if (n > size - at)
				n = size - at;
		}
		CHECK(!emt_console_feed(c, (const char *)data + at, n, NULL));
		at += n;
	}
	CHECK(!emt_console_finish(c, NULL));
	CHECK(!s.in_dump && !s.in_table && emt_console_used(c) <= emt_console_lines(c));
	mix64(&s, emt_console_lines(c));
	h = XXH3_64bits_digest(s.hash);
	XXH3_freeState(s.hash);
	emt_console_free(c);
	return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t seed = 1 + (uint32_t)size;
	uint64_t whole = run(data, size, 0);

	CHECK(run(data, size, seed) == whole);
	CHECK(run(data, size, seed * 31 + 7) == whole);
	return 0;
}
