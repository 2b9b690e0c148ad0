/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/pv.h"

#include <stdlib.h>
#include <string.h>

#define VERSION(a, b, c) ((uint32_t)(a) << 16 | (uint32_t)(b) << 8 | (uint32_t)(c))
#define BIT(kind) (1u << (kind))

/* the tree of a 64-bit kernel: three levels of 512 */
#define TREE_FRAMES (1ull << 27)

const struct emt_pv_era emt_pv_eras[] = {
	{ "before 2.6.39", 0, .iomap = true },
	{ "2.6.39 - 3.15", VERSION(2, 6, 39), .holes = true, .iomap = true },
	{ "3.16 - 3.17", VERSION(3, 16, 0), .holes = true, .above = true, .iomap = true },
	{ "3.18", VERSION(3, 18, 0), .holes = true, .above = true },
	{ "3.19 - 4.2", VERSION(3, 19, 0), .holes = true, .above = true, .linear = true },
	{ "4.3 and later", VERSION(4, 3, 0), .holes = true, .above = true, .linear = true, .tree_optional = true },
};
const size_t emt_nr_pv_eras = EMT_ARRAY_SIZE(emt_pv_eras);

static const char *word(const char *const *words, size_t n, unsigned int i)
{
	return i < n ? words[i] : "?";
}

const char *emt_pv_kind_name(unsigned int kind)
{
	static const char *const words[EMT_PV_NR] = { "frame", "missing", "identity", "foreign" };

	return word(words, EMT_PV_NR, kind);
}

const char *emt_pv_place_name(unsigned int place)
{
	static const char *const words[EMT_PV_PLACES] = { "ram", "reserved", "gap", "above" };

	return word(words, EMT_PV_PLACES, place);
}

struct emt_pv_entry emt_pv_decode(uint64_t raw, unsigned int bits)
{
	uint64_t foreign = 1ull << (bits - 1), identity = 1ull << (bits - 2);
	uint64_t all = foreign | (foreign - 1), mfn = raw & all & ~(foreign | identity);

	raw &= all;
	if (raw == all) /* both marks are set in it: asked first */
		return (struct emt_pv_entry){ EMT_PV_MISSING, EMT_NO_FRAME };
	if (raw & foreign)
		return (struct emt_pv_entry){ EMT_PV_FOREIGN, mfn };
	return (struct emt_pv_entry){ raw & identity ? EMT_PV_IDENTITY : EMT_PV_FRAME, mfn };
}

const struct emt_pv_era *emt_pv_era_of(const char *release)
{
	const char *s = release + strcspn(release, "0123456789");
	const struct emt_pv_era *era = NULL;
	unsigned long v[3] = { 0, 0, 0 };
	unsigned int n = 0;
	char *end;

	while (n < 3 && *s >= '0' && *s <= '9') {
		v[n++] = strtoul(s, &end, 10);
		if (*end != '.')
			break;
		s = end + 1;
	}
	if (n < 2 || v[0] > 255 || v[1] > 255)
		return NULL;
	/* sublevels of 4.4, 4.9 and 4.14 passed 255: none of them matters */
	if (v[2] > 255)
		v[2] = 255;
	for (size_t i = 0; i < emt_nr_pv_eras; i++)
		if (VERSION(v[0], v[1], v[2]) >= emt_pv_eras[i].first)
			era = &emt_pv_eras[i];
	return era;
}

enum emt_pv_place emt_pv_place(const struct emt_ranges *e820, uint64_t pfn, uint64_t *last, uint32_t *tag)
{
	size_t i = emt_ranges_from(e820, pfn);

	*tag = 0;
	if (i == e820->n) {
		*last = UINT64_MAX;
		return EMT_PV_BEHIND;
	}
	if (e820->v[i].first > pfn) {
		*last = e820->v[i].first - 1;
		return EMT_PV_GAP;
	}
	*last = e820->v[i].last;
	*tag = e820->v[i].tag;
	return e820->v[i].tag == 1 ? EMT_PV_RAM : EMT_PV_LISTED;
}

static unsigned int by_era(const struct emt_pv_era *era, enum emt_pv_place place, uint64_t pfn, uint64_t size)
{
	/* behind the end of the domain's memory; RAM of the map may be added there later */
	if (era->linear && size && pfn >= size)
		return BIT(EMT_PV_IDENTITY) | (place == EMT_PV_RAM ? BIT(EMT_PV_FRAME) | BIT(EMT_PV_MISSING) : 0);
	if (!era->linear && pfn >= TREE_FRAMES)
		return era->above ? BIT(EMT_PV_IDENTITY) : BIT(EMT_PV_MISSING);
	switch (place) {
	case EMT_PV_RAM:
		return BIT(EMT_PV_FRAME) | BIT(EMT_PV_MISSING);
	case EMT_PV_BEHIND:
		return era->above ? BIT(EMT_PV_IDENTITY) : BIT(EMT_PV_MISSING);
	default:
		return era->holes ? BIT(EMT_PV_IDENTITY) : BIT(EMT_PV_MISSING);
	}
}

unsigned int emt_pv_expect(const struct emt_pv_era *era, enum emt_pv_place place, uint64_t pfn, uint64_t size)
{
	unsigned int set = 0;

	for (size_t i = 0; i < emt_nr_pv_eras; i++)
		if (era ? era == &emt_pv_eras[i] : emt_pv_eras[i].holes)
			set |= by_era(&emt_pv_eras[i], place, pfn, size);
	return set | BIT(EMT_PV_FOREIGN);
}
