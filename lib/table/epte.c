/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table/epte.h"

#include <stdio.h>
#include <string.h>

#define HEAD { "r", 0, 1 }, { "w", 1, 1 }, { "x", 2, 1 }, { "emt", 3, 3 }, { "ipat", 6, 1 }, { "sp", 7, 1 }
#define FRAME { "mfn", 12, 40 }, { "sa_p2mt", 52, 6 }
#define AD { "a", 8, 1 }, { "d", 9, 1 }, { "recalc", 10, 1 }, { "snp", 11, 1 }

static const struct emt_epte_field f44[] = {
	HEAD, { "rsvd1", 8, 2 }, { "avail1", 10, 1 }, { "rsvd2_snp", 11, 1 }, FRAME, { "access", 58, 4 },
	{ "rsvd3_tm", 62, 1 }, { "avail3", 63, 1 },
};
static const struct emt_epte_field f45[] = {
	HEAD, { "rsvd1", 8, 2 }, { "recalc", 10, 1 }, { "snp", 11, 1 }, FRAME, { "access", 58, 4 }, { "tm", 62, 1 },
	{ "avail3", 63, 1 },
};
static const struct emt_epte_field f46[] = {
	HEAD, AD, FRAME, { "access", 58, 4 }, { "tm", 62, 1 }, { "suppress_ve", 63, 1 },
};
static const struct emt_epte_field f416[] = {
	HEAD, AD, FRAME, { "access", 58, 4 }, { "_rsvd", 62, 1 }, { "suppress_ve", 63, 1 },
};
static const struct emt_epte_field f420[] = {
	HEAD, AD, FRAME, { "pw", 58, 1 }, { "access", 59, 4 }, { "suppress_ve", 63, 1 },
};

#define V(maj, min) ((uint32_t)(maj) << 24 | (uint32_t)(min) << 16)
static const struct emt_epte_layout layouts[] = {
	{ "4.4", "4.1-4.4", V(4, 1), f44, EMT_ARRAY_SIZE(f44) },
	{ "4.5", "4.5", V(4, 5), f45, EMT_ARRAY_SIZE(f45) },
	{ "4.6", "4.6-4.15", V(4, 6), f46, EMT_ARRAY_SIZE(f46) },
	{ "4.16", "4.16-4.19", V(4, 16), f416, EMT_ARRAY_SIZE(f416) },
	{ "4.20", "4.20 and later", V(4, 20), f420, EMT_ARRAY_SIZE(f420) },
};

const struct emt_epte_layout *emt_epte_layout_at(size_t i)
{
	return i < EMT_ARRAY_SIZE(layouts) ? &layouts[i] : NULL;
}

const struct emt_epte_layout *emt_epte_layout_by_name(const char *name)
{
	if (!strcmp(name, "master"))
		return &layouts[EMT_ARRAY_SIZE(layouts) - 1];
	for (size_t i = 0; i < EMT_ARRAY_SIZE(layouts); i++)
		if (!strcmp(layouts[i].name, name))
			return &layouts[i];
	return NULL;
}

const struct emt_epte_layout *emt_epte_layout_of(uint32_t version)
{
	const struct emt_epte_layout *best = &layouts[0];

	for (size_t i = 0; i < EMT_ARRAY_SIZE(layouts); i++)
		if (version >= layouts[i].from)
			best = &layouts[i];
	return best;
}

uint64_t emt_epte_get(uint64_t raw, const struct emt_epte_field *field)
{
	return raw >> field->shift & ((1ull << field->width) - 1);
}

const struct emt_epte_field *emt_epte_field(const struct emt_epte_layout *layout, const char *name)
{
	for (size_t i = 0; i < layout->nr_fields; i++)
		if (!strcmp(layout->fields[i].name, name))
			return &layout->fields[i];
	return NULL;
}

void emt_epte_decode(uint64_t raw, const struct emt_epte_layout *layout, struct emt_epte *e)
{
	bool ad = layout->from >= V(4, 6), pw = layout->from >= V(4, 20);

	e->mfn = (raw & EMT_EPTE_MFN_BITS) >> 12;
	e->perm = raw & 7;
	e->emt = raw >> 3 & 7;
	e->ipat = raw >> 6 & 1;
	e->sp = raw >> 7 & 1;
	e->a = ad && (raw >> 8 & 1);
	e->d = ad && (raw >> 9 & 1);
	e->recalc = layout->from >= V(4, 5) && (raw >> 10 & 1);
	e->snp = raw >> 11 & 1;
	e->p2mt = raw >> 52 & 0x3f;
	e->access = (raw >> (pw ? 59 : 58)) & 0xf;
	e->pw = pw && (raw >> 58 & 1);
	e->suppress_ve = ad && (raw >> 63);
}

bool emt_epte_present(uint64_t raw)
{
	return raw & 7;
}

bool emt_epte_valid(uint64_t raw, const struct emt_epte_layout *layout)
{
	if (layout->from >= V(4, 6) && !(raw & ~(1ull << 63)))
		return false;
	return (raw >> 52 & 0x3f) != EMT_P2M_INVALID;
}

void emt_epte_to_run(uint64_t raw, const struct emt_epte_layout *layout, uint64_t gfn, unsigned int order,
		     bool leaf, bool pending_above, struct emt_run *run)
{
	struct emt_epte e;

	emt_epte_decode(raw, layout, &e);
	memset(run, 0, sizeof(*run));
	run->gfn = gfn;
	run->count = 1;
	run->order = (uint8_t)order;
	run->mfn = e.mfn;
	run->raw = raw & ~EMT_EPTE_MFN_BITS;
	run->perm = e.perm;
	run->emt = e.emt;
	run->ipat = e.ipat;
	run->p2mt = e.p2mt < EMT_P2M_NR ? e.p2mt : EMT_P2M_UNKNOWN;
	run->access = e.access;
	run->flags = EMT_RUN_RAW | (pending_above ? EMT_RUN_PENDING_ABOVE : 0) |
		(leaf ? 0 : EMT_RUN_INTERMEDIATE) | (e.recalc ? EMT_RUN_RECALC : 0) |
		(e.a ? EMT_RUN_ACCESSED : 0) | (e.d ? EMT_RUN_DIRTY : 0) | (e.snp ? EMT_RUN_SNP : 0) |
		(e.suppress_ve ? EMT_RUN_SUPPRESS_VE : 0);
	if (leaf && e.p2mt == EMT_P2M_POD) {
		run->flags |= EMT_RUN_POD;
		run->mfn = EMT_NO_FRAME;
	} else if (leaf && !e.perm && e.mfn == 0xffffffffffull) {
		run->mfn = EMT_NO_FRAME; /* INVALID_MFN cut to 40 bits */
	}
}

int emt_epte_d_line(const struct emt_run *run, char *out, size_t room)
{
	bool pending = run->flags & EMT_RUN_PENDING_ABOVE || (run->order && run->emt == EMT_MT_7);

	if (run->flags & EMT_RUN_POD)
		return snprintf(out, room, "gfn: %13llx order: %2u PoD", (unsigned long long)run->gfn, run->order);
	return snprintf(out, room, "gfn: %13llx order: %2u mfn: %13llx %c%c%c %s%c", (unsigned long long)run->gfn,
			run->order, (unsigned long long)(run->mfn == EMT_NO_FRAME ? 0xffffffffffull : run->mfn),
			run->perm & EMT_R ? 'r' : ' ', run->perm & EMT_W ? 'w' : ' ', run->perm & EMT_X ? 'x' : ' ',
			emt_mt_name(run->emt), pending ? '?' : run->ipat ? '!' : ' ');
}
