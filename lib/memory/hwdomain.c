/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "memory/hwdomain.h"

#include <string.h>

#define ADDRESS 0x000ffffffffff000ull

struct search {
	const uint64_t *roots;
	size_t nr;
	int (*cb)(const struct emt_hw_entry *e, void *arg);
	void *arg;
};

/* Present, its translation by a table (types 0 and 1), a depth of tables, nothing reserved. */
static bool is_vtd(uint64_t low, uint64_t high)
{
	unsigned int type = low >> 2 & 3, depth = high & 7;

	return low & 1 && type < 2 && !(low & 0xff2) && depth >= 1 && depth <= 3 && !(high & ~0xffff7full);
}

/* Valid with translation, one to six levels, and something allowed. */
static bool is_amd(uint64_t low, uint64_t high)
{
	unsigned int levels = low >> 9 & 7;

	return (low & 3) == 3 && levels >= 1 && levels <= 6 && low >> 61 & 3 && !(high >> 16 & 0xf);
}

static int look(uint64_t mfn, const uint8_t *data, size_t frames, void *arg)
{
	const struct search *s = arg;
	const uint64_t *words = (const uint64_t *)(const void *)data;
	size_t n = frames * EMT_FRAME_SIZE / 8;
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i += 2) {
		struct emt_hw_entry e = { .maddr = (mfn << 12) + i * 8 };
		uint64_t frame = (words[i] & ADDRESS) >> 12;

		if (!(words[i] & 1))
			continue;
		for (e.which = 0; e.which < s->nr && s->roots[e.which] != frame;)
			e.which++;
		if (e.which == s->nr)
			continue;
		if (is_vtd(words[i], words[i + 1])) {
			e.did = (uint16_t)(words[i + 1] >> 8);
			rc = s->cb(&e, s->arg);
		} else if (!(i % 4) && is_amd(words[i], words[i + 1])) {
			e.amd = true;
			e.did = (uint16_t)words[i + 1];
			rc = s->cb(&e, s->arg);
		}
	}
	return rc;
}

int emt_mem_hw_entries(struct emt_mem *m, const uint64_t *roots, size_t nr,
		       int (*cb)(const struct emt_hw_entry *e, void *arg), void *arg, struct emt_err *err)
{
	struct search s = { roots, nr, cb, arg };

	return nr ? emt_mem_scan(m, look, &s, err) : 0;
}
