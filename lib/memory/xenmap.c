/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "memory/xenmap.h"

#include <string.h>

#define SAMPLES 64
#define SLOT(va) ((va) >> 39 & 511)
#define SLOT_LINEAR 258 /* an L4 finds itself here */

void emt_xenmap_init(struct emt_xenmap *x, struct emt_mem *mem, uint64_t l4)
{
	x->mem = mem;
	x->l4 = l4;
	x->page_va[0] = x->page_va[1] = EMT_NO_FRAME;
}

uint64_t emt_xen_translate(struct emt_xenmap *x, uint64_t va)
{
	uint64_t table = x->l4;

	for (int level = 4; level; level--) {
		unsigned int shift = 12 + 9 * ((unsigned int)level - 1);
		uint64_t e, low = (1ull << shift) - 1;

		if (emt_mem_read(x->mem, table + (va >> shift & 511) * 8, &e, sizeof(e)) || !(e & 1))
			return EMT_NO_FRAME;
		if (level == 1 || (level < 4 && e & 0x80))
			return (e & EMT_EPTE_MFN_BITS & ~low) | (va & low);
		table = e & EMT_EPTE_MFN_BITS;
	}
	return EMT_NO_FRAME;
}

int emt_xen_read(struct emt_xenmap *x, uint64_t va, void *buf, size_t len)
{
	uint8_t *to = buf;

	while (len) {
		size_t at = va % EMT_FRAME_SIZE, n = EMT_FRAME_SIZE - at < len ? EMT_FRAME_SIZE - at : len;
		uint64_t maddr = emt_xen_translate(x, va);

		if (maddr == EMT_NO_FRAME || emt_mem_read(x->mem, maddr, to, n))
			return EMT_E_IO;
		to += n;
		va += n;
		len -= n;
	}
	return 0;
}

/* The page of 'va', from the last one read of its kind. */
static const uint8_t *cached(struct emt_xenmap *x, unsigned int kind, uint64_t va)
{
	uint64_t page = va & ~(uint64_t)(EMT_FRAME_SIZE - 1);

	if (x->page_va[kind] != page) {
		x->page_va[kind] = EMT_NO_FRAME;
		if (emt_xen_read(x, page, x->page[kind], EMT_FRAME_SIZE))
			return NULL;
		x->page_va[kind] = page;
	}
	return x->page[kind] + va % EMT_FRAME_SIZE;
}

int emt_xen_page(struct emt_xenmap *x, uint64_t mfn, struct emt_xen_page *out)
{
	const uint8_t *info, *m2p;

	if (mfn >> 36) /* beyond the frame table's span */
		return EMT_E_IO;
	info = cached(x, 0, EMT_XEN_FRAMETABLE + mfn * EMT_XEN_PAGE_INFO);
	if (!info)
		return EMT_E_IO;
	memcpy(&out->count_info, info + EMT_XEN_PAGE_COUNT, 8);
	memcpy(&out->type_info, info + EMT_XEN_PAGE_TYPE, 8);
	memcpy(&out->owner, info + EMT_XEN_PAGE_OWNER, 4);
	m2p = cached(x, 1, EMT_XEN_RW_M2P + mfn * 8);
	if (!m2p)
		return EMT_E_IO;
	memcpy(&out->m2p, m2p, 8);
	return 0;
}

bool emt_xenmap_check(struct emt_xenmap *x, struct emt_xenmap_check *c)
{
	const struct emt_ranges *ram = emt_mem_ram(x->mem);
	uint64_t total = 0, step, seen = 0, next = 0;
	uint8_t buf[EMT_XEN_PAGE_INFO];

	*c = (struct emt_xenmap_check){ 0 };
	for (size_t i = 0; i < ram->n; i++)
		total += ram->v[i].last - ram->v[i].first + 1;
	step = total / SAMPLES + 1;
	for (size_t i = 0; i < ram->n; i++) {
		uint64_t n = ram->v[i].last - ram->v[i].first + 1;

		for (; next < seen + n; next += step) {
			uint64_t mfn = ram->v[i].first + (next - seen), rw, ro;

			c->direct_n++;
			c->direct_ok += emt_xen_translate(x, EMT_XEN_DIRECTMAP + (mfn << 12)) == mfn << 12;
			c->info_n += !emt_xen_read(x, EMT_XEN_FRAMETABLE + mfn * EMT_XEN_PAGE_INFO, buf,
						   sizeof(buf));
			if (emt_xen_read(x, EMT_XEN_RW_M2P + mfn * 8, &rw, 8) ||
			    emt_xen_read(x, EMT_XEN_RO_M2P + mfn * 8, &ro, 8))
				continue;
			c->m2p_n++;
			c->m2p_ok += rw == ro;
		}
		seen += n;
	}
	/* the view for guests is missing in some of Xen's own L4s: only what is there must agree */
	return c->direct_n && c->direct_ok == c->direct_n && c->info_n == c->direct_n &&
		c->m2p_ok == c->m2p_n && emt_xen_translate(x, EMT_XEN_DIRECTMAP + x->l4) == x->l4;
}

bool emt_xen_l4_like(const uint64_t *page, uint64_t maddr)
{
	return page[SLOT_LINEAR] & 1 && (page[SLOT_LINEAR] & EMT_EPTE_MFN_BITS) == maddr &&
		page[SLOT(EMT_XEN_RW_M2P)] & 1 && page[SLOT(EMT_XEN_DIRECTMAP)] & 1 &&
		(page[SLOT(EMT_XEN_DIRECTMAP)] & EMT_EPTE_MFN_BITS) != maddr;
}
