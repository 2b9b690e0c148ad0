/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/types.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const mt_names[8] = { "UC", "WC", "?2", "?3", "WT", "WP", "WB", "??" };

static const char *const p2mt_names[EMT_P2M_NR] = {
	"ram_rw", "invalid", "ram_logdirty", "ram_ro", "mmio_dm", "mmio_direct",
	"populate_on_demand", "grant_map_rw", "grant_map_ro", "ram_paging_out",
	"ram_paged", "ram_paging_in", "ram_shared", "ram_broken", "map_foreign",
	"ioreq_server",
};

static const char *const paging_names[] = { "unknown", "ept", "npt", "shadow", "pv" };

static int name_index(const char *const *names, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(names[i], text))
			return (int)i;
	return -1;
}

const char *emt_mt_name(unsigned int mt)
{
	return mt < EMT_ARRAY_SIZE(mt_names) ? mt_names[mt] : "?";
}

int emt_mt_parse(const char *text)
{
	uint64_t v;
	int i = name_index(mt_names, EMT_ARRAY_SIZE(mt_names), text);

	if (i >= 0)
		return i;
	if (!strcmp(text, "UC-"))
		return EMT_MT_7;
	if (!emt_parse_u64(text, &v) && v < 8)
		return (int)v;
	return -1;
}

const char *emt_p2mt_name(unsigned int p2mt)
{
	return p2mt < EMT_P2M_NR ? p2mt_names[p2mt] : "unknown";
}

int emt_p2mt_parse(const char *text)
{
	uint64_t v;
	int i = name_index(p2mt_names, EMT_P2M_NR, text);

	if (i >= 0)
		return i;
	if (!emt_parse_u64(text, &v) && v < EMT_P2M_NR)
		return (int)v;
	return -1;
}

const char *emt_paging_name(unsigned int paging)
{
	return paging < EMT_ARRAY_SIZE(paging_names) ? paging_names[paging] : "unknown";
}

int emt_paging_parse(const char *text)
{
	return name_index(paging_names, EMT_ARRAY_SIZE(paging_names), text);
}

void emt_perm_text(unsigned int perm, char out[4])
{
	out[0] = perm & EMT_R ? 'r' : '-';
	out[1] = perm & EMT_W ? 'w' : '-';
	out[2] = perm & EMT_X ? 'x' : '-';
	out[3] = '\0';
}

static int parse_base(const char *text, int base, uint64_t *out)
{
	char *end;

	/* strtoull would take a sign and leading blanks */
	if (!((*text >= '0' && *text <= '9') || (base == 16 && ((*text >= 'a' && *text <= 'f') ||
							       (*text >= 'A' && *text <= 'F')))))
		return -1;
	errno = 0;
	*out = strtoull(text, &end, base);
	return errno || *end ? -1 : 0;
}

int emt_parse_u64(const char *text, uint64_t *out)
{
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		return text[2] ? parse_base(text + 2, 16, out) : -1;
	return parse_base(text, 10, out);
}

int emt_parse_hex(const char *text, uint64_t *out)
{
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		text += 2;
	return parse_base(text, 16, out);
}
