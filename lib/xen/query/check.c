/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Are the numbers this build's? Each is tried against something that cannot be so by
 * chance: pointers that lead back, what Xen's own functions say, what the processor says.
 */
#include "payload.h"

#define FAIL(r, name) ((r)->field = EMT_QF_##name, false)

#define MSR_CAP 0xfe
#define MSR_VAR0 0x200
#define MSR_DEF 0x2ff

bool page_word(uint64_t mfn, unsigned int at, unsigned int bytes, uint64_t *out)
{
	uint64_t p = page_of(mfn) + at, word;

	if ((p & (bytes - 1)) || !peek_raw(p & ~7ull, &word))
		return false;
	word >>= (p & 7) * 8;
	*out = bytes == 8 ? word : word & ((1ull << bytes * 8) - 1);
	return true;
}

/* struct domain itself lies in a page of Xen's heap. */
static bool check_frame_table(struct query *r)
{
	uint64_t pdx = va(r->d) - DIRECTMAP, word;

	if (!is_heap(va(r->d)) || va(r->d) & 0xfff)
		return FAIL(r, PAGE_SIZEOF);
	pdx >>= 12;
	if (!peek_raw(FRAMETABLE + pdx * NUM(PAGE_SIZEOF) + NUM(PAGE_COUNT), &word))
		return FAIL(r, PAGE_SIZEOF);
	if (!(word & PGC_XEN_HEAP) || word & PGC_EXTRA)
		return FAIL(r, PAGE_COUNT);
	return true;
}

static bool check_options(struct query *r, struct domain *d, const struct dominfo *info)
{
	uint64_t v, want = (info->flags & INFO_HVM ? OPTION_HVM : 0) | (info->flags & INFO_HAP ? OPTION_HAP : 0);

	if (!peek_n(va(d) + NUM(DOMAIN_ID), 2, &v) || v != info->domid)
		return FAIL(r, DOMAIN_ID);
	if (!peek_n(va(d) + NUM(DOMAIN_OPTIONS), 4, &v) || (v & (OPTION_HVM | OPTION_HAP)) != want ||
	    v & ~(uint64_t)OPTIONS_ALL)
		return FAIL(r, DOMAIN_OPTIONS);
	return true;
}

bool check_tables(struct query *r)
{
	uint64_t v, max;

	if (!check_options(r, r->d, &r->info))
		return false;
	if (!peek(va(r->d) + NUM(DOMAIN_P2M), &r->p2m) || !is_heap(r->p2m))
		return FAIL(r, DOMAIN_P2M);
	if (!peek(r->p2m + NUM(P2M_DOMAIN), &v) || v != va(r->d))
		return FAIL(r, P2M_DOMAIN);
	/* it may grow meanwhile */
	max = domain_get_maximum_gpfn(r->d);
	if (!peek(r->p2m + NUM(P2M_MAX), &v) || (v != max && v != domain_get_maximum_gpfn(r->d)))
		return FAIL(r, P2M_MAX);
	if (!peek(r->p2m + NUM(P2M_TABLE), &r->root) || !r->root || r->root >> 40 || !__mfn_valid(r->root))
		return FAIL(r, P2M_TABLE);
	if (r->ept && (!peek(r->p2m + NUM(P2M_EPTP), &v) || (v & 0xfbf) != 0x1e || frame_of(v) != r->root))
		return FAIL(r, P2M_EPTP);
	return true;
}

/* Leaves that are plain RAM belong to the domain. */
bool check_leaves(struct query *r)
{
	unsigned int good = 0, bad = 0, steps = 0;
	uint64_t gfn = 0, owner, want = (va(r->d) - DIRECTMAP) >> 12, count;
	struct place p;

	if (!check_frame_table(r))
		return false;
	while (gfn <= domain_get_maximum_gpfn(r->d) && steps++ < EMT_QUERY_MAX_SLOTS && good < 64) {
		int level = descend(r, gfn, &p);

		if (level < 0)
			return FAIL(r, P2M_TABLE);
		gfn = (gfn | ((1ull << level * 9) - 1)) + 1;
		if (!present(r, p.entry) || type_of(r, p.entry))
			continue;
		if (__mfn_valid(frame_of(p.entry)) &&
		    page_word(frame_of(p.entry), (unsigned int)NUM(PAGE_OWNER), 4, &owner) && owner == want)
			good++;
		else
			bad++;
		if (page_word(frame_of(p.entry), (unsigned int)NUM(PAGE_COUNT), 8, &count) &&
		    !(count & PGC_ALLOCATED))
			return FAIL(r, PAGE_COUNT);
	}
	/* a running guest may lose a page under our eyes */
	return (good && bad * 32 <= good) || FAIL(r, PAGE_OWNER);
}

/* ---- MTRRs ---- */

static bool is_type(uint64_t t)
{
	return t == 0 || t == 1 || (t >= 4 && t <= 6);
}

/* Its flags stand one behind the other, and every number in it can be one. */
static bool check_mtrr_shape(struct query *r, uint64_t at)
{
	static const uint8_t flags[] = { EMT_QF_MTRR_ENABLED, EMT_QF_MTRR_FE, EMT_QF_MTRR_HAVE_FIXED };
	uint64_t v, cap;

	for (unsigned int i = 0; i < sizeof(flags); i++) {
		uint64_t place = emt_query_numbers[flags[i]];

		r->field = flags[i];
		if (place != NUM(MTRR_ENABLED) + i || !peek_raw((at + place) & ~7ull, &v) ||
		    (v >> ((at + place) & 7) * 8 & 0xff) > 1)
			return false;
	}
	if (NUM(MTRR_DEF) != NUM(MTRR_ENABLED) + 3 || !peek_raw((at + NUM(MTRR_DEF)) & ~7ull, &v) ||
	    !is_type(v >> ((at + NUM(MTRR_DEF)) & 7) * 8 & 0xff))
		return FAIL(r, MTRR_DEF);
	/* the count, and flags for fixed ranges, write-combining and SMRR; nothing else */
	if ((at + NUM(MTRR_CAP)) & 7 || !peek_raw(at + NUM(MTRR_CAP), &cap) || cap & ~0xdffull ||
	    !(cap & 0xff) || (cap & 0xff) > 64)
		return FAIL(r, MTRR_CAP);
	if ((at + NUM(MTRR_VAR)) & 7 || !peek_raw(at + NUM(MTRR_VAR), &v) || !is_heap(v) || v & 7)
		return FAIL(r, MTRR_VAR);
	for (unsigned int i = 0; i < 11; i++) {
		if ((at + NUM(MTRR_FIXED)) & 7 || !peek_raw(at + NUM(MTRR_FIXED) + i * 8, &v))
			return FAIL(r, MTRR_FIXED);
		for (unsigned int k = 0; k < 8; k++)
			if (!is_type(v >> k * 8 & 0xff))
				return FAIL(r, MTRR_FIXED);
	}
	return true;
}

/* The host's are those of the processor that this runs on. */
static bool check_host_mtrr(struct query *r)
{
	static const uint16_t fixed[] = { 0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f };
	uint64_t at = va(mtrr_state), def, cap, v, array, word;

	if (!check_mtrr_shape(r, at))
		return false;
	if (!read_msr(MSR_CAP, &cap) || !read_msr(MSR_DEF, &def) || !peek_raw(at + NUM(MTRR_CAP), &v) || v != cap)
		return FAIL(r, MTRR_CAP);
	peek_raw((at + NUM(MTRR_ENABLED)) & ~7ull, &word);
	word >>= ((at + NUM(MTRR_ENABLED)) & 7) * 8;
	if ((word & 1) != (def >> 11 & 1) || (word >> 8 & 1) != (def >> 10 & 1) || (word >> 16 & 1) != (cap >> 8 & 1))
		return FAIL(r, MTRR_ENABLED);
	peek_raw((at + NUM(MTRR_DEF)) & ~7ull, &word);
	if ((word >> ((at + NUM(MTRR_DEF)) & 7) * 8 & 0xff) != (def & 0xff))
		return FAIL(r, MTRR_DEF);
	for (unsigned int i = 0; cap & 0x100 && i < sizeof(fixed) / sizeof(*fixed); i++)
		if (!read_msr(fixed[i], &v) || !peek_raw(at + NUM(MTRR_FIXED) + i * 8, &word) || v != word)
			return FAIL(r, MTRR_FIXED);
	if (!peek_raw(at + NUM(MTRR_VAR), &array) || !read_msr(MSR_VAR0, &v) || !peek(array, &word) || v != word ||
	    !read_msr(MSR_VAR0 + 1, &v) || !peek(array + 8, &word) || v != word)
		return FAIL(r, MTRR_VAR);
	return true;
}

/* ---- vCPUs, rangesets, pins ---- */

static bool check_vcpu(struct query *r, uint64_t array, unsigned int i)
{
	uint64_t v, x;

	/* ids that were never used have none */
	if (!peek(array + i * 8ull, &v) || (v && !is_heap(v)) || (!v && !i))
		return FAIL(r, DOMAIN_VCPU);
	if (!v)
		return true;
	if (!peek(v + NUM(VCPU_DOMAIN), &x) || x != va(r->d))
		return FAIL(r, VCPU_DOMAIN);
	if (!peek_n(v + NUM(VCPU_ID), 4, &x) || x != i)
		return FAIL(r, VCPU_ID);
	if ((v + NUM(VCPU_MTRR)) & 7)
		return FAIL(r, VCPU_MTRR);
	if (!check_mtrr_shape(r, v + NUM(VCPU_MTRR)))
		return false;
	/* ET is always set once a vCPU has a state; others may still have none */
	if (!peek(v + NUM(VCPU_CR), &x) || x & ~0xe005003full || !(x & 0x10 || (i && !x)))
		return FAIL(r, VCPU_CR);
	return true;
}

bool check_rangeset(uint64_t set, uint64_t owner)
{
	uint64_t v;

	return is_heap(set) && peek(set + NUM(RANGESET_DOMAIN), &v) && v == owner;
}

/* One of a domain's rangesets is known by its owner and its name. */
static bool named(uint64_t set, uint64_t owner, const char *name)
{
	uint64_t c;

	if (!check_rangeset(set, owner))
		return false;
	for (unsigned int i = 0;; i++) {
		if (!peek_n(set + NUM(RANGESET_NAME) + i, 1, &c) || c != (uint8_t)name[i])
			return false;
		if (!c)
			return true;
	}
}

/* Does one of the ranges begin, or end, there? */
static bool borders(uint64_t head, uint64_t at, uint64_t number, uint64_t gfn)
{
	uint64_t v;

	for (unsigned int n = 0; n < 4096 && is_heap(at) && at != head; n++) {
		if (!peek(at + number, &v))
			return false;
		if (v == gfn)
			return true;
		if (!peek(at, &at))
			return false;
	}
	return false;
}

/* The list is closed, and Xen's own lookup finds what stands in it. */
static bool check_pins(struct query *r)
{
	uint64_t head = va(r->d) + NUM(DOMAIN_PINS), at, begin, back, first, last, type;

	if (!peek(head, &at))
		return FAIL(r, DOMAIN_PINS);
	begin = at;
	if (!is_heap(at) || !peek(at + 8, &back) || back != head)
		return FAIL(r, DOMAIN_PINS);
	for (unsigned int n = 0; at != head; n++) {
		if (n > 4096 || !is_heap(at))
			return FAIL(r, DOMAIN_PINS);
		/* it ends where another begins, or the next gfn is of another type; the same before it */
		if (!peek(at + NUM(PIN_START), &first) || !peek_n(at + NUM(PIN_TYPE), 4, &type) ||
		    hvm_get_mem_pinned_cacheattr(r->d, first, 0) != (int)type ||
		    (first && hvm_get_mem_pinned_cacheattr(r->d, first - 1, 0) == (int)type &&
		     !borders(head, begin, NUM(PIN_END), first - 1)))
			return FAIL(r, PIN_START);
		if (!peek(at + NUM(PIN_END), &last) || last < first ||
		    hvm_get_mem_pinned_cacheattr(r->d, last, 0) != (int)type ||
		    (hvm_get_mem_pinned_cacheattr(r->d, last + 1, 0) == (int)type && !borders(head, begin, NUM(PIN_START), last + 1)))
			return FAIL(r, PIN_END);
		if (!peek(at, &at))
			return FAIL(r, DOMAIN_PINS);
	}
	return true;
}

bool check_inputs(struct query *r)
{
	uint64_t v, set;

	if (!peek(va(r->d) + NUM(DOMAIN_VCPU), &v) || !is_heap(v))
		return FAIL(r, DOMAIN_VCPU);
	for (unsigned int i = 0; i <= r->info.max_vcpu_id && i < 8192; i++)
		if (!check_vcpu(r, v, i))
			return false;
	if (!peek(va(r->d) + NUM(DOMAIN_IOMEM), &set) || !named(set, va(r->d), "I/O Memory"))
		return FAIL(r, DOMAIN_IOMEM);
	if (!peek(va(r->d) + NUM(DOMAIN_IOPORT), &set) || !named(set, va(r->d), "I/O Ports"))
		return FAIL(r, DOMAIN_IOPORT);
	if (!named(mmio_ro_ranges, 0, "r/o mmio ranges"))
		return FAIL(r, RANGESET_NAME);
	return check_host_mtrr(r) && check_pins(r);
}
