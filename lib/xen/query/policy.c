/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy's inputs as records. A call gives one page of them, counted from the first;
 * emt reads all of them twice, so that they are of one instant.
 */
#include "payload.h"

#define ROOM (4096 / sizeof(struct emt_query_rec))

struct sink {
	struct emt_query_rec *page;
	uint64_t skip;        /* records that the caller has */
	unsigned int n, max;
	bool full;
	uint32_t type;        /* of a rangeset's */
};

static void put(struct sink *s, uint32_t type, uint32_t idx, uint64_t a, uint64_t b, uint64_t c)
{
	struct emt_query_rec *o;

	if (s->skip) {
		s->skip--;
		return;
	}
	if (s->n == s->max) {
		s->full = true;
		return;
	}
	o = &s->page[s->n++];
	o->type = type;
	o->idx = idx;
	o->a = a;
	o->b = b;
	o->c = c;
}

/* Xen holds the rangeset's lock: only staged here. */
static int CALLED range(uint64_t first, uint64_t last, void *arg)
{
	struct sink *s = arg;

	put(s, s->type, 0, first, last, 0);
	return s->full ? -1 : 0;
}

static void put_ranges(struct sink *s, uint32_t type, uint64_t set, uint64_t owner)
{
	s->type = type;
	if (!s->full && check_rangeset(set, owner))
		rangeset_report_ranges(set, 0, ~0ull, range, s);
}

static uint64_t byte(uint64_t at)
{
	uint64_t w = 0;

	peek_raw(at & ~7ull, &w);
	return w >> (at & 7) * 8 & 0xff;
}

static void put_mtrr(struct sink *s, uint64_t at, uint32_t type, uint32_t var, uint32_t fixed, uint32_t idx)
{
	uint64_t cap = 0, array = 0, v[3];

	peek_raw(at + NUM(MTRR_CAP), &cap);
	peek_raw(at + NUM(MTRR_VAR), &array);
	put(s, type, idx, byte(at + NUM(MTRR_DEF)),
	    byte(at + NUM(MTRR_ENABLED)) | byte(at + NUM(MTRR_FE)) << 1 | byte(at + NUM(MTRR_HAVE_FIXED)) << 2, cap);
	for (unsigned int i = 0; i < (cap & 0xff); i++)
		if (peek(array + i * 16ull, &v[0]) && peek(array + i * 16ull + 8, &v[1]))
			put(s, var, idx << 8 | i, v[0], v[1], 0);
	for (unsigned int i = 0; i < 11; i += 3) {
		v[2] = 0;
		for (unsigned int k = 0; k < 3 && i + k < 11; k++)
			peek_raw(at + NUM(MTRR_FIXED) + (i + k) * 8ull, &v[k]);
		put(s, fixed, idx << 8 | i, v[0], v[1], v[2]);
	}
}

static void put_pins(struct query *r, struct sink *s)
{
	uint64_t head = va(r->d) + NUM(DOMAIN_PINS), at = 0, first, last, type;

	peek(head, &at);
	for (unsigned int n = 0; n < 4096 && at != head && is_heap(at); n++) {
		if (!peek(at + NUM(PIN_START), &first) || !peek(at + NUM(PIN_END), &last) ||
		    !peek_n(at + NUM(PIN_TYPE), 4, &type))
			break;
		put(s, EMT_QUERY_R_PIN, 0, first, last, type);
		if (!peek(at, &at))
			break;
	}
}

unsigned int policy(struct query *r)
{
	struct sink s = { .page = r->page, .skip = r->q->at, .max = r->q->max < ROOM ? r->q->max : ROOM };
	uint64_t v = 0, array = 0, cr0 = 0;

	if (!check_inputs(r))
		return EMT_QUERY_FIELD;
	peek_n(va(r->d) + NUM(DOMAIN_OPTIONS), 4, &v);
	put(&s, EMT_QUERY_R_DOMAIN, 0,
	    (v & OPTION_IOMMU ? EMT_QUERY_D_IOMMU : 0) | (r->ept ? EMT_QUERY_D_EPT : 0) |
		    (iommu_snoop ? EMT_QUERY_D_SNOOP : 0),
	    domain_get_maximum_gpfn(r->d), r->root << 12);
	put_pins(r, &s);
	put_ranges(&s, EMT_QUERY_R_MMIO_RO, mmio_ro_ranges, 0);
	v = 0;
	peek(va(r->d) + NUM(DOMAIN_IOMEM), &v);
	put_ranges(&s, EMT_QUERY_R_IOMEM, v, va(r->d));
	v = 0;
	peek(va(r->d) + NUM(DOMAIN_IOPORT), &v);
	put_ranges(&s, EMT_QUERY_R_IOPORT, v, va(r->d));
	put_mtrr(&s, va(mtrr_state), EMT_QUERY_R_HOST, EMT_QUERY_R_HOST_VAR, EMT_QUERY_R_HOST_FIXED, 0);
	peek(va(r->d) + NUM(DOMAIN_VCPU), &array);
	for (unsigned int i = 0; i <= r->info.max_vcpu_id && i < 8192 && !s.full; i++) {
		if (!peek(array + i * 8ull, &v) || !is_heap(v))
			continue;
		put_mtrr(&s, v + NUM(VCPU_MTRR), EMT_QUERY_R_VCPU, EMT_QUERY_R_VCPU_VAR, EMT_QUERY_R_VCPU_FIXED, i);
		if (peek(v + NUM(VCPU_CR), &cr0))
			put(&s, EMT_QUERY_R_VCPU_CR0, i, cr0, 0, 0);
	}
	if (s.n && !copy_out(r, 0, s.n * sizeof(*s.page)))
		return EMT_QUERY_BUFFER;
	r->q->at += s.n;
	r->q->max = s.n;
	r->q->more = s.full;
	return EMT_QUERY_OK;
}

/* Which frames are special: runs of one kind. */
unsigned int special(struct query *r)
{
	struct emt_query *q = r->q;
	struct emt_query_rec *out = r->page, *o = NULL;
	unsigned int n = 0, max = q->max < ROOM ? q->max : ROOM;
	uint64_t mfn = q->at, word;

	for (unsigned int i = 0; i < EMT_QUERY_MAX_FRAMES && mfn <= q->last && mfn < 1ull << 40; i++, mfn++) {
		uint64_t kind;

		if (!__mfn_valid(mfn) || !page_word(mfn, (unsigned int)NUM(PAGE_COUNT), 8, &word) ||
		    !(word & (PGC_XEN_HEAP | PGC_EXTRA)))
			continue;
		kind = !(word & PGC_XEN_HEAP);
		if (o && o->b == mfn - 1 && o->c == kind) {
			o->b = mfn;
			continue;
		}
		if (n == max)
			break;
		o = &out[n++];
		o->type = EMT_QUERY_R_SPECIAL;
		o->idx = 0;
		o->a = o->b = mfn;
		o->c = kind;
	}
	if (n && !copy_out(r, 0, n * sizeof(*out)))
		return EMT_QUERY_BUFFER;
	q->more = mfn <= q->last && mfn < 1ull << 40;
	q->at = mfn;
	q->max = n;
	return EMT_QUERY_OK;
}
