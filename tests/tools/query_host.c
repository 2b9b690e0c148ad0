/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query_hosted.h"
#include "query_host.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "xen/query/payload.h"

uint64_t hosted_direct_map, hosted_frame_table;
struct host_mood host_mood;

/* Places of Debian's 4.17.7 where they are what the walk costs. */
#define P2M_AT 64
const volatile uint64_t emt_query_numbers[EMT_QF_NR] = {
	[EMT_QF_PAGE_SIZEOF] = 32, [EMT_QF_PAGE_COUNT] = 8, [EMT_QF_P2M_TABLE] = P2M_AT,
};
#define PAGE_SIZE_OF 32
#define COUNT_AT 8

static struct host_size size;
static uint64_t next_table;
static bool ept;

/* The compiler's options have its returns go through a thunk, which Xen has. */
__asm__(".pushsection .text\n.globl __x86_return_thunk\n__x86_return_thunk: ret; int3\n.popsection");

static void *fresh(uint64_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Frame 0 holds what stands for struct p2m_domain, frame 1 is the root. */
int host_begin(struct host_size s, bool is_ept)
{
	void *memory = fresh(s.tables << 12), *frames = fresh(s.frames * PAGE_SIZE_OF);

	size = s;
	ept = is_ept;
	next_table = 2;
	memset(&host_mood, 0, sizeof(host_mood));
	hosted_direct_map = (uint64_t)(uintptr_t)memory;
	hosted_frame_table = (uint64_t)(uintptr_t)frames;
	if (!memory || !frames)
		return -1;
	*(uint64_t *)((char *)memory + P2M_AT) = HOST_ROOT;
	return 0;
}

void host_end(void)
{
	munmap((void *)(uintptr_t)hosted_direct_map, size.tables << 12);
	munmap((void *)(uintptr_t)hosted_frame_table, size.frames * PAGE_SIZE_OF);
}

uint64_t *host_table(uint64_t mfn)
{
	return (uint64_t *)(uintptr_t)(hosted_direct_map + (mfn << 12));
}

uint64_t host_leaf(uint64_t mfn, unsigned int order)
{
	return mfn << 12 | (ept ? 7 | 6 << 3 : 0x67) | (order ? 1 << 7 : 0);
}

uint64_t *host_map(uint64_t gfn, unsigned int order, uint64_t raw, bool pending)
{
	uint64_t *e = NULL;

	for (unsigned int level = 3, mfn = HOST_ROOT;; level--) {
		e = &host_table(mfn)[gfn >> level * 9 & 511];
		if (level * 9 == order)
			break;
		if (!*e) {
			if (next_table == size.tables)
				abort();
			*e = next_table++ << 12 | (ept ? 7 | (pending ? 7 << 3 : 0) : 0x67);
		}
		mfn = (unsigned int)(*e >> 12 & 0xffffffff);
	}
	*e = raw;
	return e;
}

uint64_t *host_frame(uint64_t mfn)
{
	return (uint64_t *)(uintptr_t)(hosted_frame_table + mfn * PAGE_SIZE_OF + COUNT_AT);
}

unsigned int host_walk(struct emt_query *q)
{
	static uint64_t page[512];
	struct query r = {
		.ept = ept, .p2m = hosted_direct_map, .root = HOST_ROOT, .q = q, .page = page,
	};

	return walk(&r);
}

void host_flush(void)
{
	for (uint64_t at = 0; at < next_table << 12; at += 64)
		__builtin_ia32_clflush((const void *)(uintptr_t)(hosted_direct_map + at));
	for (uint64_t at = 0; at < size.frames * PAGE_SIZE_OF; at += 64)
		__builtin_ia32_clflush((const void *)(uintptr_t)(hosted_frame_table + at));
	__builtin_ia32_mfence();
}

/* ---- Xen's functions ---- */

/* The direct map serves all memory where there is less than 5 TiB of it. */
void *map_domain_page(uint64_t mfn)
{
	host_mood.maps++;
	if (host_mood.on_map)
		host_mood.on_map();
	return host_table(mfn);
}

void unmap_domain_page(const void *p)
{
	(void)p;
}

bool __mfn_valid(uint64_t mfn)
{
	return mfn < size.frames && (!host_mood.hole_last || mfn < host_mood.hole_first || mfn > host_mood.hole_last);
}

uint64_t domain_get_maximum_gpfn(struct domain *d)
{
	(void)d;
	return host_mood.max_gfn;
}

uint64_t pfn_pdx_bottom_mask = ~0ull, pfn_top_mask;
unsigned int pfn_pdx_hole_shift;

bool copy_out(const struct query *r, uint64_t at, unsigned int n)
{
	if (host_mood.bad_buffer)
		return false;
	memcpy((char *)(uintptr_t)r->q->buf + at, r->page, n);
	return true;
}

int host_pin(uint64_t gfn)
{
	static const int says[] = { -6, -6, -6, 0, 0, 6, -28 /* partly */, -6 };

	return says[(gfn >> 5) * 2654435761u >> 7 & 7];
}

int host_emt(uint64_t gfn, unsigned int order, bool *ipat)
{
	*ipat = gfn >> 6 & 1;
	return order && gfn >> 9 & 1 ? -1 : (int)(gfn >> 7 & 1) * 6;
}

int hvm_get_mem_pinned_cacheattr(struct domain *d, uint64_t gfn, unsigned int order)
{
	(void)d, (void)order;
	host_mood.asked++;
	return host_pin(gfn);
}

int epte_get_entry_emt(struct domain *d, uint64_t gfn, uint64_t mfn, unsigned int order, bool *ipat,
		       unsigned int type)
{
	(void)d, (void)mfn, (void)type;
	host_mood.asked++;
	return host_emt(gfn, order, ipat);
}
