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

static bool is_special(uint64_t mfn, uint64_t count_at)
{
	uint64_t word;

	return peek_raw(page_of(mfn) + count_at, &word) && word & (PGC_XEN_HEAP | PGC_EXTRA);
}

/* Behind a leaf whose first frame is valid, or not. */
static unsigned int count_special(uint64_t mfn, unsigned int order, bool valid)
{
	const uint64_t count_at = NUM(PAGE_COUNT);
	unsigned int n = valid && is_special(mfn, count_at);

	for (uint64_t i = 1; i < 1ull << order; i++)
		n += __mfn_valid(mfn + i) && is_special(mfn + i, count_at);
	return n;
}

/* What is asked of Xen for a leaf; '*cost' counts frames that were looked at. */
static void fill(const struct query *r, struct emt_query_entry *o, unsigned int *cost)
{
	uint64_t mfn = first_frame(o->raw, o->order / 9);
	bool ipat = false, valid;
	int v;

	o->emt = o->pin = -2;
	if (!present(r, o->raw))
		return;
	valid = __mfn_valid(mfn);
	if (valid)
		o->flags |= EMT_QUERY_E_VALID;
	o->special = count_special(mfn, o->order, valid);
	*cost += 1u << o->order;
	/* Xen's own answers cost more: its functions are called */
	if (!(r->q->flags & EMT_QUERY_F_XEN))
		return;
	v = hvm_get_mem_pinned_cacheattr(r->d, o->gfn, o->order);
	o->pin = v >= 0 && v < 8 ? (int8_t)v : v == -6 /* ENXIO */ ? -1 : -3;
	if (!r->ept)
		return;
	v = epte_get_entry_emt(r->d, o->gfn, mfn, o->order, &ipat, type_of(r, o->raw));
	o->emt = v >= 0 && v < 8 ? (int8_t)v : -1;
	o->ipat = ipat;
	*cost += 1u << o->order;
}

static void empty(struct emt_query_entry *o)
{
	uint64_t *w = (uint64_t *)o;

	for (unsigned int i = 0; i < sizeof(*o) / 8; i++)
		w[i] = 0;
}

/* Entries of the table that '*gfn' leads to, from there on; at most 'room' of them. Returns how
 * many and moves on, or -1 when the way there changed. */
static int one_table(const struct query *r, uint64_t *gfn, uint64_t last, struct emt_query_entry *out,
		     unsigned int room, unsigned int *slots, unsigned int *cost)
{
	unsigned int n = 0, slot;
	uint64_t at, start = *gfn;
	struct place p;
	int level = descend(r, start, &p);
	const uint8_t *table;
	bool readable = true;
	uint64_t e;

	if (level < 0)
		return -1;
	table = map_table(level == LEVELS - 1 ? r->root : frame_of(p.slot[level + 1]));
	if (!table)
		return -1;
	at = start & ~((1ull << level * 9) - 1);
	for (slot = start >> level * 9 & 511; slot < 512 && at <= last && n < room; slot++) {
		(*slots)++;
		readable = peek_raw(va(table) + slot * 8ull, &e);
		if (!readable)
			break;
		if (is_table(r, e, level))
			break;
		if (e & ~(r->ept ? SUPPRESS_VE : 0)) {
			struct emt_query_entry *o = &out[n++];

			empty(o);
			o->gfn = at;
			o->raw = e;
			o->order = (uint8_t)(level * 9);
			o->flags = (p.pending ? EMT_QUERY_E_PENDING : 0) | (r->ept ? 0 : EMT_QUERY_E_NPT);
			fill(r, o, cost);
		}
		at += 1ull << level * 9;
		if (*cost > EMT_QUERY_MAX_SPECIAL)
			break;
	}
	unmap_domain_page(table);
	if (!readable || !same_way(r, start, level, &p))
		return -1;
	*gfn = at;
	return (int)n;
}

unsigned int walk(struct query *r)
{
	const unsigned int room = 4096 / sizeof(struct emt_query_entry);
	unsigned int max = r->q->max, done = 0, held = 0, slots = 0, cost = 0, again = 0;
	struct emt_query_entry *page = r->page;
	uint64_t gfn = r->q->at, last = domain_get_maximum_gpfn(r->d);
	bool ended = false;

	if (last > r->q->last)
		last = r->q->last;
	if (max > EMT_QUERY_MAX_ENTRIES)
		max = EMT_QUERY_MAX_ENTRIES;
	while (!(ended = gfn > last) && done + held < max && slots < EMT_QUERY_MAX_SLOTS &&
	       cost <= EMT_QUERY_MAX_SPECIAL) {
		unsigned int want = room - held < max - done - held ? room - held : max - done - held;
		int n = one_table(r, &gfn, last, page + held, want, &slots, &cost);

		slots += 4; /* the way down */
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
