/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs to bytes and back. A chunk holds columns: what differs little from run to
 * run stands together, and compresses well. The decoder checks every number: a
 * right hash does not make a run sensible.
 */
#include <stdlib.h>

#include "capture/format.h"

#define SLOTS (2 * EMT_RUNS_DICT) /* of the hash table that finds attributes */
#define NOT_NESTED 255

/* What runs share: the three words of an attribute. */
struct attr {
	uint64_t raw, bits, more;
};

struct emt_runs_encoder {
	uint32_t n;             /* runs */
	uint32_t nr_attrs;
	uint32_t recent;        /* attribute of the run before: the next one's, most often */
	uint64_t first;         /* gfn of the first run */
	uint64_t next, bias, above, last; /* as in the decoder */
	size_t gaps_len, counts_len, mfns_len;
	struct attr attrs[EMT_RUNS_DICT];
	uint16_t slots[SLOTS];  /* number of the attribute + 1, 0 = free */
	uint16_t index[EMT_RUNS_MAX];
	uint8_t gaps[EMT_RUNS_MAX * EMT_RUNS_VARINT];
	uint8_t counts[EMT_RUNS_MAX * EMT_RUNS_VARINT];
	uint8_t mfns[EMT_RUNS_MAX * EMT_RUNS_VARINT];
};

const char *emt_run_wrong(const struct emt_run *r)
{
	if (r->order != 0 && r->order != 9 && r->order != 18 && r->order != 27)
		return "has an order other than 0, 9, 18, 27";
	if (!r->count)
		return "has no entries";
	if (r->gfn & ((1ull << r->order) - 1))
		return "has a gfn that is not aligned to its order";
	if (r->gfn >= EMT_RUNS_FRAMES || r->count > (EMT_RUNS_FRAMES - r->gfn) >> r->order)
		return "goes past 2^52 frames";
	if (r->mfn != EMT_NO_FRAME && r->mfn >= EMT_RUNS_FRAMES)
		return "has an mfn past 2^52";
	if (r->perm > 7 || r->emt > 7 || r->ipat > 1 || (r->flags & EMT_RUNS_NO_FRAME))
		return "has attributes that no entry has";
	return NULL;
}

void emt_walk_count(struct emt_walk_info *w, const struct emt_run *r)
{
	uint64_t last = emt_run_intermediate(r) ? r->gfn : emt_run_last(r);

	if (!w->runs++)
		w->first_gfn = r->gfn;
	if (last > w->last_gfn)
		w->last_gfn = last;
	if (emt_run_intermediate(r))
		return;
	w->entries += r->count;
	w->frames += emt_run_frames(r);
}

/* ---- encoder ---- */

struct emt_runs_encoder *emt_runs_encoder_new(void)
{
	return calloc(1, sizeof(struct emt_runs_encoder));
}

void emt_runs_encoder_free(struct emt_runs_encoder *e)
{
	free(e);
}

uint32_t emt_runs_encoded(const struct emt_runs_encoder *e)
{
	return e->n;
}

static inline size_t put_varint(uint8_t *p, uint64_t v)
{
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		p[n++] = (uint8_t)v | 0x80;
	p[n++] = (uint8_t)v;
	return n;
}

static inline uint64_t zigzag(uint64_t v)
{
	return v << 1 ^ (uint64_t)((int64_t)v >> 63);
}

static inline uint64_t unzigzag(uint64_t v)
{
	return v >> 1 ^ -(v & 1);
}

static inline struct attr attr_of(const struct emt_run *r)
{
	uint32_t flags = r->flags | (r->mfn == EMT_NO_FRAME ? EMT_RUNS_NO_FRAME : 0);

	return (struct attr){
		.raw = r->raw,
		.bits = flags | (uint64_t)r->order << 32 | (uint64_t)r->perm << 40 | (uint64_t)r->emt << 48 |
			(uint64_t)r->ipat << 56,
		.more = r->p2mt | (uint64_t)r->access << 8,
	};
}

static inline bool attr_same(const struct attr *a, const struct attr *b)
{
	return a->raw == b->raw && a->bits == b->bits && a->more == b->more;
}

/* Number of the attribute, added if new; -1 = the dictionary is full. */
static int attr_number(struct emt_runs_encoder *e, const struct attr *a)
{
	uint64_t h = (a->raw ^ (a->bits << 7 | a->bits >> 57) ^ a->more << 13) * 0x9e3779b97f4a7c15ull;
	size_t slot = (size_t)(h >> 40) % SLOTS;

	if (e->n && attr_same(a, &e->attrs[e->recent]))
		return (int)e->recent;
	for (; e->slots[slot]; slot = (slot + 1) % SLOTS)
		if (attr_same(a, &e->attrs[e->slots[slot] - 1]))
			return (int)(e->recent = e->slots[slot] - 1u);
	if (e->nr_attrs == EMT_RUNS_DICT)
		return -1;
	e->recent = e->nr_attrs++;
	e->attrs[e->recent] = *a;
	e->slots[slot] = (uint16_t)(e->recent + 1);
	return (int)e->recent;
}

bool emt_runs_encode(struct emt_runs_encoder *e, const struct emt_run *r)
{
	struct attr a = attr_of(r);
	int number;

	if (e->n == EMT_RUNS_MAX)
		return false;
	number = attr_number(e, &a);
	if (number < 0)
		return false;
	if (!e->n)
		e->first = e->next = r->gfn;
	e->index[e->n] = (uint16_t)number;
	e->gaps_len += put_varint(e->gaps + e->gaps_len, r->gfn - e->next);
	e->counts_len += put_varint(e->counts + e->counts_len, r->count - 1);
	if (emt_run_intermediate(r)) {
		e->next = r->gfn;
		if (r->gfn > e->last || !e->n)
			e->last = r->gfn;
		if (r->mfn != EMT_NO_FRAME) {
			e->mfns_len += put_varint(e->mfns + e->mfns_len, zigzag(r->mfn - e->above));
			e->above = r->mfn;
		}
	} else {
		e->next = r->gfn + emt_run_frames(r);
		e->last = e->next - 1;
		if (r->mfn != EMT_NO_FRAME) {
			e->mfns_len += put_varint(e->mfns + e->mfns_len, zigzag(r->mfn - r->gfn - e->bias));
			e->bias = r->mfn - r->gfn;
		}
	}
	e->n++;
	return true;
}

static unsigned int index_width(uint32_t nr_attrs)
{
	return nr_attrs <= 1 ? 0 : nr_attrs <= 256 ? 1 : 2;
}

size_t emt_runs_finish(struct emt_runs_encoder *e, uint8_t *out, struct emt_chunk *c)
{
	unsigned int width = index_width(e->nr_attrs);
	uint8_t *p = out;

	emt_put32(p, e->n);
	emt_put32(p + 4, e->nr_attrs);
	emt_put64(p + 8, e->first);
	emt_put32(p + 16, (uint32_t)e->gaps_len);
	emt_put32(p + 20, (uint32_t)e->counts_len);
	emt_put32(p + 24, (uint32_t)e->mfns_len);
	emt_put32(p + 28, 0);
	p += EMT_RUNS_HEAD;
	for (uint32_t i = 0; i < e->nr_attrs; i++, p += EMT_RUNS_ATTR) {
		emt_put64(p, e->attrs[i].raw);
		emt_put64(p + 8, e->attrs[i].bits);
		emt_put64(p + 16, e->attrs[i].more);
	}
	memcpy(p, e->gaps, e->gaps_len);
	p += e->gaps_len;
	memcpy(p, e->counts, e->counts_len);
	p += e->counts_len;
	memcpy(p, e->mfns, e->mfns_len);
	p += e->mfns_len;
	for (uint32_t i = 0; i < e->n; i++, p += width)
		if (width == 1)
			*p = (uint8_t)e->index[i];
		else if (width == 2)
			emt_put16(p, e->index[i]);
	c->items = e->n;
	c->first = e->first;
	c->last = e->last;
	e->n = e->nr_attrs = e->recent = 0;
	e->first = e->next = e->bias = e->above = e->last = 0;
	e->gaps_len = e->counts_len = e->mfns_len = 0;
	memset(e->slots, 0, sizeof(e->slots));
	return (size_t)(p - out);
}

/* ---- decoder ---- */

/* Up to 8 bytes; UINT64_MAX, which no column may hold, when there are more. The
 * caller compares the position with the column's end afterwards. */
static inline uint64_t get_varint(const uint8_t **p)
{
	uint64_t w = emt_get64(*p), stop;

	if (!(w & 0x80)) {
		(*p)++;
		return w & 0x7f;
	}
	stop = ~w & 0x8080808080808080ull;
	if (!stop)
		return UINT64_MAX;
	*p += (__builtin_ctzll(stop) >> 3) + 1;
	/* keep the bytes up to the one that stops, then close the gaps of their top bits */
	w &= (stop ^ (stop - 1)) & 0x7f7f7f7f7f7f7f7full;
	w = (w & 0x007f007f007f007full) | (w & 0x7f007f007f007f00ull) >> 1;
	w = (w & 0x00003fff00003fffull) | (w & 0x3fff00003fff0000ull) >> 2;
	return (w & 0x0fffffffull) | (w & 0x0fffffff00000000ull) >> 4;
}

static const char *attr_get(const uint8_t *p, struct emt_run *r)
{
	uint64_t bits = emt_get64(p + 8), more = emt_get64(p + 16);

	*r = (struct emt_run){.raw = emt_get64(p),
			      .flags = (uint32_t)bits,
			      .order = (uint8_t)(bits >> 32),
			      .perm = (uint8_t)(bits >> 40),
			      .emt = (uint8_t)(bits >> 48),
			      .ipat = (uint8_t)(bits >> 56),
			      .p2mt = (uint8_t)more,
			      .access = (uint8_t)(more >> 8),
			      .count = 1};
	if (r->flags & EMT_RUNS_NO_FRAME) {
		r->flags &= ~EMT_RUNS_NO_FRAME;
		r->mfn = EMT_NO_FRAME;
	}
	return more >> 16 ? "an attribute has bits that mean nothing" : emt_run_wrong(r);
}

const char *emt_runs_decode_init(struct emt_runs_decoder *d, struct emt_run *attrs, const uint8_t *content,
				 size_t len)
{
	uint64_t want;
	uint32_t n, gaps, counts, mfns;

	*d = (struct emt_runs_decoder){ .attrs = attrs, .nest = NOT_NESTED };
	if (len < EMT_RUNS_HEAD)
		return "the chunk is too short for runs";
	n = emt_get32(content);
	d->nr_attrs = emt_get32(content + 4);
	d->first = d->next = emt_get64(content + 8);
	gaps = emt_get32(content + 16);
	counts = emt_get32(content + 20);
	mfns = emt_get32(content + 24);
	if (!n || n > EMT_RUNS_MAX || !d->nr_attrs || d->nr_attrs > EMT_RUNS_DICT || d->nr_attrs > n ||
	    d->first >= EMT_RUNS_FRAMES || emt_get32(content + 28))
		return "the head of the runs makes no sense";
	d->width = index_width(d->nr_attrs);
	want = EMT_RUNS_HEAD + (uint64_t)d->nr_attrs * EMT_RUNS_ATTR + gaps + counts + mfns +
	       (uint64_t)n * d->width;
	if (want != len)
		return "the columns of the runs do not fill the chunk";
	content += EMT_RUNS_HEAD;
	for (uint32_t i = 0; i < d->nr_attrs; i++, content += EMT_RUNS_ATTR) {
		const char *why = attr_get(content, &attrs[i]);

		if (why)
			return why;
	}
	d->gaps = content;
	d->gaps_end = d->counts = d->gaps + gaps;
	d->counts_end = d->mfns = d->counts + counts;
	d->mfns_end = d->index = d->mfns + mfns;
	if (!gaps || *d->gaps)
		return "the first run is elsewhere than the head of the runs says";
	d->left = d->total = n;
	return NULL;
}

static inline const char *decode_one(struct emt_runs_decoder *d, struct emt_run *r)
{
	uint32_t number = 0;
	uint64_t gap, count;

	if (d->width == 1)
		number = *d->index;
	else if (d->width == 2)
		number = emt_get16(d->index);
	if (number >= d->nr_attrs)
		return "a run has an attribute that is not there";
	d->index += d->width;
	if (d->gaps >= d->gaps_end || d->counts >= d->counts_end)
		return "a column of the runs is too short";
	*r = d->attrs[number];
	gap = get_varint(&d->gaps);
	count = get_varint(&d->counts);
	/* both are below 2^56 or the mark of a wrong one: no sum here wraps */
	if (gap >= EMT_RUNS_FRAMES || d->next + gap >= EMT_RUNS_FRAMES)
		return "a gfn is past 2^52";
	r->gfn = d->next + gap;
	if (r->order > 27 || (r->gfn & ((1ull << r->order) - 1)))
		return "a gfn is not aligned to its order";
	if (count >= (EMT_RUNS_FRAMES - r->gfn) >> r->order)
		return "a run goes past 2^52 frames";
	r->count = count + 1;
	if (r->mfn != EMT_NO_FRAME) {
		uint64_t delta;

		if (d->mfns >= d->mfns_end)
			return "a column of the runs is too short";
		delta = unzigzag(get_varint(&d->mfns));
		if (emt_run_intermediate(r)) {
			r->mfn = d->above + delta;
			d->above = r->mfn;
		} else {
			r->mfn = r->gfn + d->bias + delta;
			d->bias = r->mfn - r->gfn;
		}
		if (r->mfn >= EMT_RUNS_FRAMES)
			return "an mfn is past 2^52";
	}
	if (!emt_run_intermediate(r)) {
		d->next = r->gfn + emt_run_frames(r);
		d->last = d->next - 1;
		d->nest = NOT_NESTED;
		return NULL;
	}
	if (d->nest != NOT_NESTED && r->gfn == d->nest_gfn && r->order >= d->nest)
		return "an entry stands below one that it should be above";
	d->nest = r->order;
	d->nest_gfn = d->next = d->last = r->gfn;
	return NULL;
}

long emt_runs_decode(struct emt_runs_decoder *d, struct emt_run *out, size_t room, const char **why)
{
	size_t n = room < d->left ? room : d->left;

	for (size_t i = 0; i < n; i++) {
		*why = decode_one(d, &out[i]);
		if (*why)
			return -1;
	}
	d->left -= (uint32_t)n;
	if (n && !d->left &&
	    (d->gaps != d->gaps_end || d->counts != d->counts_end || d->mfns != d->mfns_end)) {
		*why = "a column of the runs has another length than it should";
		return -1;
	}
	return (long)n;
}
