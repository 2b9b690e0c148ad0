/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/page.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "audit/engine.h"
#include "audit/page_scan.h"

/* Bits of an entry that decide what it is: permissions, EMT, ipat, sp, recalc, type. */
#define ATTR_BITS (0xffull | 1ull << 10 | 0x3full << 52)
#define FILTER_BITS (1ull << 23) /* at most: 1 MiB, to stay in a core's cache */
#define KNOWN_SLOTS 1024
#define COUNTED_MAX 8
#define SHORT_SEGMENT 16 /* frames: longer segments are listed one by one */

/* What entries of the commonest frames with these attributes are, in one gfn profile. */
struct known {
	uint64_t attr;
	uint32_t profile;
	uint8_t used, pending_above, order;
	uint8_t plain_ok;    /* "ok", no defects, no remarks: only counted */
	uint32_t count;      /* such entries of this page not given yet */
	struct emt_piece piece; /* of a sample */
};

struct emt_page_judge {
	struct emt_engine *e;
	const struct emt_page_scans *scan;
	struct emt_frame_filter filter[EMT_NR_ORDERS];
	bool by_place;       /* a defect depends on where an entry lies: count nothing unseen */
	struct known known[KNOWN_SLOTS];
};

/* Zeroed; large ones on huge pages where the kernel has them: they are read at random. */
static uint64_t *bits_alloc(uint64_t bits)
{
	const size_t huge = 2u << 20;
	size_t size = (size_t)(bits / 8 + 16);
	void *p;

	if (size < huge / 4)
		return calloc(1, size);
	size = (size + huge - 1) & ~(huge - 1);
	if (posix_memalign(&p, huge, size))
		return NULL;
	madvise(p, size, MADV_HUGEPAGE);
	memset(p, 0, size);
	return p;
}

static bool add_longer(struct emt_frame_filter *f, uint64_t first, uint64_t last)
{
	struct emt_range *v = f->longer;

	if (!(f->nr_longer & (f->nr_longer - 1))) { /* full at powers of two */
		v = realloc(v, (f->nr_longer ? f->nr_longer * 2 : 1) * sizeof(*v));
		if (!v)
			return false;
		f->longer = v;
	}
	v[f->nr_longer++] = (struct emt_range){ .first = first, .last = last };
	return true;
}

static int filter_build(struct emt_frame_filter *f, const struct emt_timeline *t, uint64_t limit)
{
	uint64_t *size = calloc(t->nr_prof, sizeof(*size)), end = 0, best = 0;

	if (!size)
		return EMT_E_NOMEM;
	for (size_t i = 0; i + 1 < t->nr_seg; i++) {
		size[t->seg[i].profile] += t->seg[i + 1].first - t->seg[i].first;
		end = t->seg[i + 1].first;
	}
	for (uint32_t p = 0; p < t->nr_prof; p++)
		if (size[p] > best) {
			best = size[p];
			f->profile = p;
		}
	free(size);
	if (!end) { /* one segment: everything is alike */
		f->profile = t->seg[0].profile;
		end = limit;
	}
	f->frames = end < limit ? end : limit;
	while (f->frames >> f->shift > FILTER_BITS)
		f->shift++;
	f->bits = bits_alloc(f->frames >> f->shift);
	f->exact = bits_alloc(EMT_EXACT_BITS);
	if (!f->bits || !f->exact)
		return EMT_E_NOMEM;
	for (size_t i = 0; i < t->nr_seg; i++) {
		uint64_t first = t->seg[i].first, last = emt_segment_end(t, i) - 1;

		if (t->seg[i].profile == f->profile || first >= f->frames)
			continue;
		if (last >= f->frames)
			last = f->frames - 1;
		for (uint64_t g = first >> f->shift; g <= last >> f->shift; g++)
			f->bits[g >> 6] |= 1ull << (g & 63);
		if (last - first >= SHORT_SEGMENT) {
			if (!add_longer(f, first, last))
				return EMT_E_NOMEM;
			continue;
		}
		for (uint64_t m = first; m <= last; m++)
			f->exact[emt_exact_bit(m) >> 6] |= 1ull << (emt_exact_bit(m) & 63);
	}
	return 0;
}

int emt_page_judge_new(struct emt_page_judge **out, struct emt_engine *e, enum emt_page_code code,
		       struct emt_err *err)
{
	const struct emt_page_scans *vector = code == EMT_PAGE_PLAIN ? NULL : emt_page_vector();
	struct emt_page_judge *j;

	if (code == EMT_PAGE_VECTOR && !vector)
		return emt_err_set(err, EMT_E_UNSUPPORTED, "vector code", "use the plain code", "this CPU has no AVX2");
	j = calloc(1, sizeof(*j));
	if (!j)
		return emt_err_set(err, EMT_E_NOMEM, "audit", NULL, "out of memory");
	j->e = e;
	j->scan = vector ? vector : &emt_page_plain;
	for (unsigned int oi = 0; oi < EMT_NR_ORDERS; oi++)
		if (filter_build(&j->filter[oi], &e->ts.t[EMT_SPACE_MFN][oi], e->ts.limit[EMT_SPACE_MFN])) {
			emt_page_judge_free(j);
			return emt_err_set(err, EMT_E_NOMEM, "audit", NULL, "out of memory");
		}
	/* KD10 is seen by the frames around; only matters if special frames are the common ones */
	j->by_place = e->ts.t[EMT_SPACE_MFN][0].prof[j->filter[0].profile].special[0] == EMT_SET(EMT_COVER_ALL) &&
		emt_defects_of(&e->rel) & 1u << emt_defect_by_id("KD10");
	*out = j;
	return 0;
}

void emt_page_judge_free(struct emt_page_judge *j)
{
	if (!j)
		return;
	for (unsigned int oi = 0; oi < EMT_NR_ORDERS; oi++) {
		free(j->filter[oi].bits);
		free(j->filter[oi].exact);
		free(j->filter[oi].longer);
	}
	free(j);
}

const char *emt_page_judge_code(const struct emt_page_judge *j)
{
	return j->scan->name;
}

struct batch {
	struct emt_page_judge *j;
	const uint64_t *entries;
	uint64_t gfn;        /* of entries[0] */
	unsigned int order;
	const struct emt_epte_layout *layout;
	bool pending_above;
	emt_piece_cb cb;
	void *arg;
	/* kinds of plainly ok entries with a count: each is given as one piece */
	struct known *counted[COUNTED_MAX];
	unsigned int nr_counted;
};

static bool bit(const uint64_t *mask, unsigned int i)
{
	return mask[i >> 6] >> (i & 63) & 1;
}

/* One entry, the long way. */
static int judge_one(const struct batch *b, unsigned int i)
{
	struct emt_run run;

	if (!emt_epte_valid(b->entries[i], b->layout))
		return 0;
	emt_epte_to_run(b->entries[i], b->layout, b->gfn + ((uint64_t)i << b->order), b->order, true,
			b->pending_above, &run);
	return emt_engine_run(b->j->e, &run, b->cb, b->arg);
}

static int keep(const struct emt_piece *p, void *arg)
{
	*(struct emt_piece *)arg = *p;
	return 0;
}

static int flush(struct batch *b)
{
	int rc = 0;

	for (unsigned int i = 0; i < b->nr_counted; i++) {
		struct known *k = b->counted[i];

		if (!rc) {
			k->piece.run.count = k->count;
			rc = b->cb(&k->piece, b->arg);
		}
		k->count = 0;
	}
	b->nr_counted = 0;
	return rc;
}

static int count_plain(struct batch *b, struct known *k, unsigned int n)
{
	int rc = 0;

	if (!k->count) {
		if (b->nr_counted == COUNTED_MAX)
			rc = flush(b);
		b->counted[b->nr_counted++] = k;
	}
	k->count += n;
	return rc;
}

/* What the entries like entries[sample] are; computed once for each gfn profile. */
static struct known *known_of(struct batch *b, uint32_t profile, unsigned int sample, int *rc)
{
	uint64_t attr = b->entries[sample] & ATTR_BITS;
	uint64_t h = (attr ^ (uint64_t)profile << 20 ^ b->order ^ b->pending_above) * 0x9e3779b97f4a7c15ull;
	struct known *k = &b->j->known[h >> 54];
	struct emt_run run;

	*rc = 0;
	if (k->used && k->attr == attr && k->profile == profile && k->order == b->order &&
	    k->pending_above == b->pending_above)
		return k;
	if (k->count) { /* the slot is taken over: give what was counted first */
		*rc = flush(b);
		if (*rc)
			return k;
	}
	emt_epte_to_run(b->entries[sample], b->layout, b->gfn + ((uint64_t)sample << b->order), b->order, true,
			b->pending_above, &run);
	*rc = emt_engine_run(b->j->e, &run, keep, &k->piece);
	k->used = *rc == 0;
	k->attr = attr;
	k->profile = profile;
	k->order = (uint8_t)b->order;
	k->pending_above = b->pending_above;
	k->plain_ok = k->piece.verdict == EMT_V_OK && !k->piece.defects && k->piece.why == EMT_WHY_NONE &&
		!b->j->by_place;
	return k;
}

static bool is_odd(const struct batch *b, unsigned int i, unsigned int sample, const uint64_t *odd_frames)
{
	return ((b->entries[i] ^ b->entries[sample]) & ATTR_BITS) || (odd_frames && bit(odd_frames, i));
}

/* Each entry by itself, in order: what is counted comes before. */
static int judge_each(struct batch *b, unsigned int from, unsigned int to)
{
	int rc = flush(b);

	for (unsigned int i = from; !rc && i < to; i++)
		rc = judge_one(b, i);
	return rc;
}

/* Plainly ok entries but for the odd ones among them. */
static int judge_mixed(struct batch *b, unsigned int from, unsigned int to, unsigned int sample,
		       const uint64_t *odd_frames, struct known *k)
{
	unsigned int alike = 0;
	int rc = 0;

	for (unsigned int i = from; !rc && i < to; i++) {
		if (!is_odd(b, i, sample, odd_frames)) {
			alike++;
			continue;
		}
		if (alike)
			rc = count_plain(b, k, alike);
		alike = 0;
		if (!rc)
			rc = judge_each(b, i, i + 1);
	}
	return rc || !alike ? rc : count_plain(b, k, alike);
}

/* Entries [from, to), which lie in one gfn segment: 'odd_frames' marks those of uncommon
 * frames, or is NULL if there are none. */
static int judge_stretch(struct batch *b, unsigned int from, unsigned int to, const uint64_t *odd_frames,
			 uint32_t profile)
{
	unsigned int sample = from;
	struct known *k;
	int rc;

	while (odd_frames && sample < to && bit(odd_frames, sample))
		sample++;
	if (sample == to || !(b->entries[sample] & 7) || !emt_epte_valid(b->entries[sample], b->layout))
		return judge_each(b, from, to);
	k = known_of(b, profile, sample, &rc);
	if (rc)
		return rc;
	if (!k->plain_ok)
		return judge_each(b, from, to);
	if (odd_frames || (to - from > 1 && b->j->scan->differ(b->entries, from, to, b->entries[sample], ATTR_BITS)))
		return judge_mixed(b, from, to, sample, odd_frames, k);
	return count_plain(b, k, to - from);
}

/* Can the frame be of another kind: the closer look at what the filter marks. */
static bool perhaps(const struct emt_frame_filter *f, uint64_t mfn)
{
	struct emt_ranges longer = { .v = f->longer, .n = f->nr_longer };
	uint32_t e = emt_exact_bit(mfn);

	return mfn >= f->frames || (f->exact[e >> 6] >> (e & 63) & 1) || emt_ranges_find(&longer, mfn);
}

/* The filter is coarse: of the marked entries keep those whose frame really is of
 * another kind. Look-ups miss the cache: all are begun before the first is used. */
static bool refine(const struct batch *b, const struct emt_frame_filter *f, unsigned int nr, uint64_t *odd)
{
	const struct emt_timeline *mt = &b->j->e->ts.t[EMT_SPACE_MFN][emt_order_index(b->order)];
	uint16_t hit[EMT_PAGE_ENTRIES];
	unsigned int n = 0, left = nr;

	for (unsigned int w = 0; n < nr; w++)
		for (uint64_t m = odd[w]; m; m &= m - 1) {
			hit[n] = (uint16_t)(w * 64 + (unsigned int)__builtin_ctzll(m));
			__builtin_prefetch(&f->exact[emt_exact_bit((b->entries[hit[n]] & EMT_EPTE_MFN_BITS) >> 12) >> 6]);
			n++;
		}
	for (unsigned int i = 0; i < n; i++) {
		uint64_t mfn = (b->entries[hit[i]] & EMT_EPTE_MFN_BITS) >> 12;

		if (!perhaps(f, mfn) ||
		    (mfn < f->frames && mt->seg[emt_timeline_at(mt, mfn)].profile == f->profile)) {
			odd[hit[i] >> 6] &= ~(1ull << (hit[i] & 63));
			left--;
		}
	}
	return left;
}

/* The stretch of common frames around 'mfn', if it is one: [lo, hi). */
static void find_stretch(const struct emt_timeline *mt, struct emt_frame_filter *f, uint64_t mfn)
{
	size_t s = emt_timeline_at(mt, mfn);

	if (mt->seg[s].profile != f->profile)
		return;
	f->lo = mt->seg[s].first;
	f->hi = emt_segment_end(mt, s) < f->frames ? emt_segment_end(mt, s) : f->frames;
}

/* Is any frame of another kind than the common one: pages of frames in a row by the
 * stretch they lie in, others by the filter. Sets 'odd' if so. */
static bool uncommon(struct batch *b, unsigned int n, struct emt_frame_filter *f, uint64_t *odd)
{
	uint64_t mfn = (b->entries[0] & EMT_EPTE_MFN_BITS) >> 12, last = (b->entries[n - 1] & EMT_EPTE_MFN_BITS) >> 12;
	unsigned int nr;

	if (last - mfn < 2ull * EMT_PAGE_ENTRIES << b->order && mfn < f->frames) {
		if (mfn < f->lo || mfn >= f->hi)
			find_stretch(&b->j->e->ts.t[EMT_SPACE_MFN][emt_order_index(b->order)], f, mfn);
		if (mfn >= f->lo && mfn < f->hi && b->j->scan->within(b->entries, n, f->lo, f->hi))
			return false;
	}
	nr = b->j->scan->frames(b->entries, n, f, odd);
	return nr && refine(b, f, nr, odd);
}

int emt_page_judge(struct emt_page_judge *j, const uint64_t *entries, unsigned int n, uint64_t gfn,
		   unsigned int order, const struct emt_epte_layout *layout, bool pending_above, emt_piece_cb cb,
		   void *arg)
{
	struct batch b = { j, entries, gfn, order, layout, pending_above, cb, arg, { NULL }, 0 };
	struct emt_timeline *gt = &j->e->ts.t[EMT_SPACE_GFN][emt_order_index(order)];
	struct emt_frame_filter *f = &j->filter[emt_order_index(order)];
	uint64_t odd[EMT_PAGE_WORDS];
	unsigned int from = 0;
	bool some_odd;
	int rc;

	if (!n || n > EMT_PAGE_ENTRIES)
		return 0;
	if (gfn + ((uint64_t)n << order) > j->e->ts.limit[EMT_SPACE_GFN] || !f->frames) {
		for (; from < n; from++) {
			rc = judge_one(&b, from);
			if (rc)
				return rc;
		}
		return 0;
	}
	some_odd = uncommon(&b, n, f, odd);
	while (from < n) {
		uint64_t at = gfn + ((uint64_t)from << order), end;
		size_t s = emt_timeline_find(gt, at);
		unsigned int to = n;

		end = emt_segment_end(gt, s);
		if (end - at < (uint64_t)(n - from) << order)
			to = from + (unsigned int)((end - at) >> order);
		rc = judge_stretch(&b, from, to, some_odd ? odd : NULL, gt->seg[s].profile);
		if (rc)
			return rc;
		from = to;
	}
	return flush(&b);
}
