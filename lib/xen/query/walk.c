/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries in gfn order. No lock is taken, as Xen's own key D takes none: a table's
 * entries count only if the way to it was the same before and after they were read.
 */
#include "payload.h"

#define FRAME 0x000ffffffffff000ull
#define SUPPRESS_VE (1ull << 63)
#define SUPER (1ull << 7)
#define RETRIES 16

bool present(const struct query *r, uint64_t e)
{
	return e & (r->ept ? 7 : 1);
}

uint64_t frame_of(uint64_t e)
{
	return (e & FRAME) >> 12;
}

unsigned int type_of(const struct query *r, uint64_t e)
{
	return (unsigned int)(e >> 52) & (r->ept ? 0x3f : 0x7f);
}

/* The first frame behind a leaf: the low bits of a large one's are others. */
static uint64_t first_frame(uint64_t e, unsigned int level)
{
	return frame_of(e) & ~((1ull << level * 9) - 1);
}

static bool is_table(const struct query *r, uint64_t e, int level)
{
	return level && present(r, e) && !(e & SUPER);
}

static bool is_pending(const struct query *r, uint64_t e)
{
	return r->ept && (e >> 3 & 7) == 7;
}

/* A table that can be read; NULL where there is no such frame. unmap_domain_page() ends it. */
static const uint8_t *map_table(uint64_t mfn)
{
	return mfn >> 40 || !__mfn_valid(mfn) ? NULL : map_domain_page(mfn);
}

static bool read_slot(uint64_t mfn, unsigned int slot, uint64_t *out)
{
	const uint8_t *t = map_table(mfn);
	bool ok = t && peek_raw(va(t) + slot * 8ull, out);

	if (t)
		unmap_domain_page(t);
	return ok;
}

int descend(const struct query *r, uint64_t gfn, struct place *p)
{
	uint64_t mfn = r->root;

	p->pending = false;
	for (int level = LEVELS - 1;; level--) {
		if (!read_slot(mfn, gfn >> level * 9 & 511, &p->entry))
			return -1;
		p->slot[level] = p->entry;
		if (!is_table(r, p->entry, level))
			return level;
		p->pending |= is_pending(r, p->entry);
		mfn = frame_of(p->entry);
	}
}

/* The same tables still lead to 'gfn' at this level. */
static bool same_way(const struct query *r, uint64_t gfn, int level, const struct place *p)
{
	uint64_t root, e, mfn = r->root;

	if (!peek(r->p2m + NUM(P2M_TABLE), &root) || root != r->root)
		return false;
	for (int l = LEVELS - 1; l > level; l--) {
		if (!read_slot(mfn, gfn >> l * 9 & 511, &e) || !is_table(r, e, l) ||
		    frame_of(e) != frame_of(p->slot[l]) || is_pending(r, e) != is_pending(r, p->slot[l]))
			return false;
		mfn = frame_of(e);
	}
	return true;
}

/* ---- the frames behind a leaf ---- */

#define SPECIAL (PGC_XEN_HEAP | PGC_EXTRA)
#define CHUNK 64 /* frames whose words are looked at together */

static unsigned int one_special(uint64_t mfn)
{
	uint64_t word;

	return __mfn_valid(mfn) && peek_raw(page_of(mfn) + NUM(PAGE_COUNT), &word) && word & SPECIAL;
}

/* CHUNK frames from 'mfn' on, which is aligned: their words stand side by side in one page of the
 * frame table, which is mapped or not as a whole. */
static unsigned int chunk_special(uint64_t mfn, uint64_t size, uint64_t at)
{
	uint64_t first, last, all = 0, p = page_of(mfn) + at;
	unsigned int n = 0;

	if (!__mfn_valid(mfn) || !__mfn_valid(mfn + CHUNK - 1) || !peek_raw(p, &first) ||
	    !peek_raw(p + size * (CHUNK - 1), &last)) {
		for (unsigned int i = 0; i < CHUNK; i++)
			n += one_special(mfn + i);
		return n;
	}
	/* hardly ever there is one */
#pragma GCC unroll 8
	for (unsigned int i = 0; i < CHUNK; i++)
		all |= *(const volatile uint64_t *)(p + i * size);
	for (unsigned int i = 0; all & SPECIAL && i < CHUNK; i++)
		n += (*(const volatile uint64_t *)(p + i * size) & SPECIAL) != 0;
	return n;
}

static unsigned int count_special(uint64_t mfn, unsigned int order)
{
	const uint64_t size = NUM(PAGE_SIZEOF), at = NUM(PAGE_COUNT);
	unsigned int n = 0;

	if (!order)
		return one_special(mfn);
	for (uint64_t i = 0; i < 1ull << order; i += CHUNK)
		n += chunk_special(mfn + i, size, at);
	return n;
}

/* The word of the frame that a slot further on maps is wanted soon: a guest's frames lie
 * anywhere, and each would be waited for. */
#define AHEAD 16
static void prefetch(const struct query *r, const uint8_t *table, unsigned int slot, int level)
{
	uint64_t e;

	if (!level && slot + AHEAD < 512 && peek_raw(va(table) + (slot + AHEAD) * 8ull, &e) && present(r, e))
		__builtin_prefetch((const void *)(page_of(frame_of(e)) + NUM(PAGE_COUNT)));
}

/* ---- entries ---- */

/* What one call has done so far, against its bounds. */
struct work {
	unsigned int slots, frames, asked;
};

static bool enough(const struct work *w)
{
	return w->slots >= EMT_QUERY_MAX_SLOTS || w->frames >= EMT_QUERY_MAX_FRAMES || w->asked >= EMT_QUERY_MAX_ASKED;
}

/* What is asked about a leaf beside itself. */
static void ask(const struct query *r, struct emt_query_run *o, struct work *w)
{
	uint64_t mfn = first_frame(o->raw, o->order / 9);
	bool ipat = false;
	int v;

	if (r->q->flags & EMT_QUERY_F_FRAMES) {
		if (__mfn_valid(mfn))
			o->flags |= EMT_QUERY_E_VALID;
		o->special = count_special(mfn, o->order);
		w->frames += 1u << o->order;
	}
	if (r->q->flags & EMT_QUERY_F_PINS) {
		v = hvm_get_mem_pinned_cacheattr(r->d, o->gfn, o->order);
		o->pin = v >= 0 && v < 8 ? (int8_t)v : v == -6 /* ENXIO */ ? -1 : -3;
		w->asked++;
	}
	if (r->q->flags & EMT_QUERY_F_XEN && r->ept) {
		v = epte_get_entry_emt(r->d, o->gfn, mfn, o->order, &ipat, type_of(r, o->raw));
		o->emt = v >= 0 && v < 8 ? (int8_t)v : -1;
		o->ipat = ipat;
		w->asked++;
		w->frames += 1u << o->order; /* it looks at them too */
	}
}

/* What must be the same for each of a run: from 'order' on. */
static uint64_t kind_of(const struct emt_query_run *o)
{
	uint64_t kind;

	_Static_assert(sizeof(*o) - offsetof(struct emt_query_run, order) == sizeof(kind), "order to pad");
	__builtin_memcpy(&kind, &o->order, sizeof(kind));
	return kind;
}

/* Does 'o' go on where 'run' ends? They are leaves of one table. */
static bool goes_on(const struct emt_query_run *run, const struct emt_query_run *o)
{
	uint64_t frames = (uint64_t)run->count << run->order;

	return o->raw == run->raw + (frames << 12) && o->gfn == run->gfn + frames && !run->special && !o->special &&
	       kind_of(o) == kind_of(run);
}

/* Entries of the table that '*gfn' leads to, from there on, as 'room' runs at most. Returns how
 * many and moves on, or -1 when the way there changed. */
static int one_table(const struct query *r, uint64_t *gfn, uint64_t last, struct emt_query_run *out,
		     unsigned int room, struct work *w)
{
	const uint64_t nothing = r->ept ? SUPPRESS_VE : 0;
	const unsigned int flags = r->q->flags;
	unsigned int n = 0, slot;
	uint64_t at, e, step, start = *gfn;
	struct emt_query_run o = { .count = 1, .emt = -2, .pin = -2 };
	struct place p;
	int level = descend(r, start, &p);
	const uint8_t *table;
	bool readable = true;

	if (level < 0)
		return -1;
	table = map_table(level == LEVELS - 1 ? r->root : frame_of(p.slot[level + 1]));
	if (!table)
		return -1;
	step = 1ull << level * 9;
	at = start & ~(step - 1);
	o.order = (uint8_t)(level * 9);
	for (slot = start >> level * 9 & 511; slot < 512 && at <= last && !enough(w); slot++, at += step) {
		readable = peek_raw(va(table) + slot * 8ull, &e);
		if (!readable || is_table(r, e, level))
			break;
		w->slots++;
		if (flags & EMT_QUERY_F_FRAMES)
			prefetch(r, table, slot, level);
		if (!(e & ~nothing))
			continue;
		o.gfn = at;
		o.raw = e;
		o.flags = (p.pending ? EMT_QUERY_E_PENDING : 0) | (r->ept ? 0 : EMT_QUERY_E_NPT);
		if (flags) {
			o.special = o.ipat = 0;
			o.emt = o.pin = -2;
			if (present(r, e))
				ask(r, &o, w);
		}
		if (n && goes_on(&out[n - 1], &o)) {
			out[n - 1].count++;
			continue;
		}
		if (n == room)
			break; /* it comes first the next time */
		out[n++] = o;
	}
	unmap_domain_page(table);
	if (!readable || !same_way(r, start, level, &p))
		return -1;
	*gfn = at;
	return (int)n;
}

unsigned int walk(struct query *r)
{
	const unsigned int room = 4096 / sizeof(struct emt_query_run);
	unsigned int max = r->q->max, done = 0, held = 0, again = 0;
	struct emt_query_run *page = r->page;
	uint64_t gfn = r->q->at, last = domain_get_maximum_gpfn(r->d);
	struct work w = { 0 };
	bool ended = false;

	if (last > r->q->last)
		last = r->q->last;
	if (max > EMT_QUERY_MAX_RUNS)
		max = EMT_QUERY_MAX_RUNS;
	while (!(ended = gfn > last) && done + held < max && !enough(&w)) {
		unsigned int want = room - held < max - done - held ? room - held : max - done - held;
		int n = one_table(r, &gfn, last, page + held, want, &w);

		w.slots += 4; /* the way down */
		if (n < 0) {
			if (++again > RETRIES)
				return EMT_QUERY_MOVED;
			continue;
		}
		held += (unsigned int)n;
		if (held == room) {
			if (!copy_out(r, done * sizeof(*page), held * sizeof(*page)))
				return EMT_QUERY_BUFFER;
			done += held;
			held = 0;
		}
	}
	if (held && !copy_out(r, done * sizeof(*page), held * sizeof(*page)))
		return EMT_QUERY_BUFFER;
	r->q->max = done + held;
	r->q->at = gfn;
	r->q->more = !ended;
	return EMT_QUERY_OK;
}
