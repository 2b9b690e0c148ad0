/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/map.h"

#include <stdlib.h>
#include <string.h>

#define MIN_ROOM 16

struct emt_map {
	uint64_t first, last;       /* what is asked for */
	struct emt_map_cell *cell;  /* owned */
	size_t nr, room;
	unsigned int shift;         /* stretches inside one 2^shift unit are joined */
};

static const struct {
	const char *name, *text;
	char letter;
} classes[EMT_MAP_NR] = {
	[EMT_MAP_WB] = { "WB", "write-back", 'B' },
	[EMT_MAP_UC] = { "UC", "uncached", 'U' },
	[EMT_MAP_WC] = { "WC", "write-combining", 'C' },
	[EMT_MAP_WT] = { "WT", "write-through", 'T' },
	[EMT_MAP_WP] = { "WP", "write-protected", 'P' },
	[EMT_MAP_PENDING] = { "pending", "recomputed when next touched", '?' },
	[EMT_MAP_RESERVED] = { "reserved", "reserved type: a misconfiguration", 'X' },
	[EMT_MAP_POD] = { "populate-on-demand", "populate on demand", 'd' },
	[EMT_MAP_NONE] = { "no-type", "no permissions, or no type shown", '-' },
	[EMT_MAP_FRAME] = { "frame", "memory of a PV domain", 'M' },
	[EMT_MAP_IDENTITY] = { "identity", "identity: the machine frame of the same number", 'I' },
	[EMT_MAP_FOREIGN] = { "foreign", "another domain's frame", 'F' },
};

const char *emt_map_class_name(unsigned int c)
{
	return c < EMT_MAP_NR ? classes[c].name : "unmapped";
}

char emt_map_class_letter(unsigned int c)
{
	return c < EMT_MAP_NR ? classes[c].letter : '.';
}

const char *emt_map_class_text(unsigned int c)
{
	return c < EMT_MAP_NR ? classes[c].text : "nothing mapped";
}

unsigned int emt_map_main_class(const struct emt_map_cell *c)
{
	unsigned int best = EMT_MAP_NR;

	for (unsigned int i = 0; i < EMT_MAP_NR; i++)
		if (c->frames[i] && (best == EMT_MAP_NR || c->frames[i] > c->frames[best]))
			best = i;
	return best;
}

bool emt_map_mixed(const struct emt_map_cell *c)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < EMT_MAP_NR; i++)
		n += c->frames[i] != 0;
	return n > 1;
}

int emt_map_new(struct emt_map **out, uint64_t first, uint64_t last, size_t room)
{
	struct emt_map *m = calloc(1, sizeof(*m));

	*out = NULL;
	room = room < MIN_ROOM ? MIN_ROOM : room;
	if (m)
		m->cell = calloc(room, sizeof(*m->cell));
	if (!m || !m->cell) {
		free(m);
		return EMT_E_NOMEM;
	}
	m->first = first;
	m->last = last;
	m->room = room;
	*out = m;
	return 0;
}

void emt_map_free(struct emt_map *m)
{
	if (m)
		free(m->cell);
	free(m);
}

static unsigned int class_of(const struct emt_piece *p)
{
	static const uint8_t by_type[8] = {
		[EMT_MT_UC] = EMT_MAP_UC, [EMT_MT_WC] = EMT_MAP_WC, [EMT_MT_RSVD2] = EMT_MAP_RESERVED,
		[EMT_MT_RSVD3] = EMT_MAP_RESERVED, [EMT_MT_WT] = EMT_MAP_WT, [EMT_MT_WP] = EMT_MAP_WP,
		[EMT_MT_WB] = EMT_MAP_WB, [EMT_MT_7] = EMT_MAP_RESERVED,
	};

	if (p->run.flags & EMT_RUN_POD)
		return EMT_MAP_POD;
	if (p->pv && p->run.perm)
		return p->run.p2mt == EMT_P2M_RAM_RW ? EMT_MAP_FRAME :
		       p->run.p2mt == EMT_P2M_FOREIGN ? EMT_MAP_FOREIGN : EMT_MAP_IDENTITY;
	if (!p->run.perm || p->run.flags & EMT_RUN_NO_TYPE)
		return EMT_MAP_NONE;
	if (p->verdict == EMT_V_PENDING)
		return EMT_MAP_PENDING;
	return by_type[p->run.emt & 7];
}

static uint8_t severity_of(const struct emt_piece *p)
{
	unsigned int s = p->verdict == EMT_V_NOT_PRESENT ? EMT_SEV_INFO : emt_verdict_severity(p->verdict);

	for (size_t i = 0; i < emt_nr_defects; i++)
		if (p->defects & 1u << i && emt_defect_level(&emt_defects[i]) > s)
			s = emt_defect_level(&emt_defects[i]);
	return (uint8_t)s;
}

/* 'b' follows 'a'. */
static void join(struct emt_map_cell *a, const struct emt_map_cell *b)
{
	a->last = b->last > a->last ? b->last : a->last;
	a->total += b->total;
	for (unsigned int i = 0; i < EMT_MAP_NR; i++)
		a->frames[i] += b->frames[i];
	a->defects |= b->defects;
	a->verdicts |= b->verdicts;
	a->severity = b->severity > a->severity ? b->severity : a->severity;
}

/* Nothing is lost by putting them together. */
static bool alike(const struct emt_map_cell *a, const struct emt_map_cell *b)
{
	return a->last + 1 == b->first && !emt_map_mixed(a) && !emt_map_mixed(b) &&
	       emt_map_main_class(a) == emt_map_main_class(b) && a->verdicts == b->verdicts &&
	       a->defects == b->defects && a->total == a->last - a->first + 1 &&
	       b->total == b->last - b->first + 1;
}

static bool one_unit(const struct emt_map *m, const struct emt_map_cell *a, const struct emt_map_cell *b)
{
	return a->first >> m->shift == b->last >> m->shift;
}

static void coarsen(struct emt_map *m)
{
	while (m->cell && m->nr > m->room / 2 && m->shift < 63) {
		size_t n = 0;

		m->shift++;
		for (size_t i = 0; i < m->nr; i++) {
			if (n && one_unit(m, &m->cell[n - 1], &m->cell[i]))
				join(&m->cell[n - 1], &m->cell[i]);
			else
				m->cell[n++] = m->cell[i];
		}
		m->nr = n;
	}
}

int emt_map_add(const struct emt_piece *p, void *map)
{
	struct emt_map *m = map;
	struct emt_map_cell c = { .first = p->run.gfn, .last = emt_run_last(&p->run) }, *last;

	if (!m->cell || p->run.flags & EMT_RUN_INTERMEDIATE || !p->run.count || c.last < m->first ||
	    c.first > m->last)
		return 0;
	c.first = c.first < m->first ? m->first : c.first;
	c.last = c.last > m->last ? m->last : c.last;
	c.total = c.last - c.first + 1;
	c.frames[class_of(p)] = c.total;
	c.verdicts = (uint16_t)(1u << p->verdict);
	c.defects = p->defects;
	c.severity = severity_of(p);
	last = m->nr ? &m->cell[m->nr - 1] : NULL;
	if (last && (alike(last, &c) || (m->shift && one_unit(m, last, &c)))) {
		join(last, &c);
		return 0;
	}
	if (m->nr == m->room)
		coarsen(m);
	m->cell[m->nr++] = c;
	return 0;
}

size_t emt_map_count(const struct emt_map *m)
{
	return m->nr;
}

const struct emt_map_cell *emt_map_get(const struct emt_map *m, size_t i)
{
	return i < m->nr ? &m->cell[i] : NULL;
}

uint64_t emt_map_grain(const struct emt_map *m)
{
	return 1ull << m->shift;
}

/* Index of the first stretch that ends at or after 'gfn'. */
static size_t from(const struct emt_map *m, uint64_t gfn)
{
	size_t lo = 0, hi = m->nr;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->cell[mid].last < gfn)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void emt_map_sum(const struct emt_map *m, uint64_t first, uint64_t last, struct emt_map_cell *out)
{
	*out = (struct emt_map_cell){ .first = first, .last = last };
	for (size_t i = from(m, first); i < m->nr && m->cell[i].first <= last; i++) {
		struct emt_map_cell c = m->cell[i];
		uint64_t size = c.last - c.first + 1, a = c.first < first ? first : c.first;
		uint64_t b = c.last > last ? last : c.last, inside = b - a + 1;

		if (inside < size) {
			c.total = 0;
			for (unsigned int k = 0; k < EMT_MAP_NR; k++) {
				uint64_t share = (uint64_t)((unsigned __int128)c.frames[k] * inside / size);

				c.frames[k] = c.frames[k] && !share ? 1 : share;
				c.total += c.frames[k];
			}
		}
		c.last = last;
		join(out, &c);
	}
}

/* Areas with holes larger than 'hole' between them; counts on beyond 'room'. */
static size_t find_areas(const struct emt_map *m, uint64_t hole, struct emt_map_area *v, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < m->nr; i++) {
		const struct emt_map_cell *c = &m->cell[i];

		if (!i || c->first - m->cell[i - 1].last - 1 > hole)
			if (n++ < room)
				v[n - 1].first = c->first;
		if (n <= room)
			v[n - 1].last = c->last;
	}
	return n;
}

size_t emt_map_areas(const struct emt_map *m, struct emt_map_area *v, size_t room)
{
	uint64_t mapped = 0, hole;
	size_t n;

	for (size_t i = 0; i < m->nr; i++)
		mapped += m->cell[i].total;
	hole = mapped / 64 < 64 ? 64 : mapped / 64;
	while ((n = find_areas(m, hole, v, room)) > room)
		hole *= 2;
	for (size_t i = 0; i < n; i++)
		v[i].cell = 1;
	return n;
}

void emt_map_scale(struct emt_map_area *v, size_t n, uint64_t cells)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t last = v[i].last;

		for (v[i].cell = 1; (last / v[i].cell) - (v[i].first / v[i].cell) + 1 > cells;)
			v[i].cell *= 2;
		v[i].first -= v[i].first % v[i].cell;
	}
}
