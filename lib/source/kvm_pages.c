/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/kvm_pages.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES 512
#define READINGS 2
#define LEVELS 5
#define USED (3ull << 8) /* accessed, dirty: hardware sets them at any time */
#define POINTS (EMT_EPTE_MFN_BITS | 1ull << 11 | 1ull << 7 | 7) /* what says where an entry leads */

/* The tables that one table points to. */
struct batch {
	uint64_t frame[ENTRIES];
	unsigned int n, cursor;
	uint8_t given[ENTRIES];        /* readings given out */
	bool ok[READINGS][ENTRIES];
	uint64_t (*copy)[ENTRIES][ENTRIES]; /* [reading][table][entry]; owned */
};

/* A table above the last level, as it was followed. */
struct kept {
	uint64_t frame;
	uint64_t entries[ENTRIES];
};

struct emt_kvm_pages {
	struct emt_kernel *k;
	uint64_t base;
	const struct emt_ranges *ram;
	struct batch batch[LEVELS];    /* by level of the tables in it */
	uint64_t single[ENTRIES];      /* read by itself, and which */
	uint64_t single_frame;
	struct kept *kept;
	size_t nr_kept, room_kept;
	bool lost;                     /* memory was short: not all are kept */
	uint64_t copied;
};

struct emt_kvm_pages *emt_kvm_pages_new(struct emt_kernel *k, uint64_t base, const struct emt_ranges *ram)
{
	struct emt_kvm_pages *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->k = k;
	p->base = base;
	p->ram = ram;
	p->single_frame = EMT_NO_FRAME;
	return p;
}

void emt_kvm_pages_free(struct emt_kvm_pages *p)
{
	if (!p)
		return;
	for (unsigned int i = 0; i < LEVELS; i++)
		free(p->batch[i].copy);
	free(p->kept);
	free(p);
}

static bool may_read(void *arg, uint64_t mfn)
{
	const struct emt_kvm_pages *p = arg;

	return emt_ranges_find(p->ram, mfn) != NULL;
}

/* Are two readings of a table the same but for marks that hardware sets. */
static bool only_used(const uint64_t *a, const uint64_t *b)
{
	uint64_t differ = 0;

	for (unsigned int i = 0; i < ENTRIES; i++)
		differ |= a[i] ^ b[i];
	return !(differ & ~USED);
}

static const uint64_t *read_single(struct emt_kvm_pages *p, uint64_t mfn)
{
	uint64_t now[ENTRIES];

	if (emt_kernel_read(p->k, p->base + (mfn << 12), now, sizeof(now)))
		return NULL;
	p->copied++;
	if (p->single_frame != mfn || !only_used(p->single, now))
		memcpy(p->single, now, sizeof(now));
	p->single_frame = mfn;
	return p->single;
}

static const uint64_t *give_frame(void *arg, uint64_t mfn)
{
	struct emt_kvm_pages *p = arg;

	for (unsigned int level = 0; level < LEVELS; level++) {
		struct batch *b = &p->batch[level];

		for (unsigned int n = 0; n < 2 && b->cursor + n < b->n; n++) {
			unsigned int i = b->cursor + n;

			if (b->frame[i] != mfn || b->given[i] >= READINGS)
				continue;
			b->cursor = i;
			if (!b->ok[b->given[i]][i])
				return NULL;
			return b->copy[b->given[i]++][i];
		}
	}
	return read_single(p, mfn);
}

static bool points_on(uint64_t raw, unsigned int level)
{
	return raw >> 11 & 1 && raw & 7 && level > 1 && !(raw >> 7 & 1);
}

static void keep(struct emt_kvm_pages *p, uint64_t mfn, const uint64_t *entries)
{
	struct kept *v;

	if (p->nr_kept == p->room_kept) {
		size_t room = p->room_kept ? p->room_kept * 2 : 64;

		v = realloc(p->kept, room * sizeof(*v));
		if (!v) {
			p->lost = true;
			return;
		}
		p->kept = v;
		p->room_kept = room;
	}
	p->kept[p->nr_kept].frame = mfn;
	memcpy(p->kept[p->nr_kept++].entries, entries, sizeof(p->kept->entries));
}

static void copy_batch(struct emt_kvm_pages *p, struct batch *b)
{
	uint64_t address[ENTRIES];

	for (unsigned int i = 0; i < b->n; i++)
		address[i] = p->base + (b->frame[i] << 12);
	for (unsigned int k = 0; k < READINGS; k++) {
		const uint64_t *from = emt_kernel_pages(p->k, address, b->n, b->ok[k]);

		if (!from) {
			b->n = 0; /* one by one then */
			return;
		}
		p->copied += b->n;
		for (unsigned int i = 0; i < b->n; i++)
			memcpy(b->copy[k][i], k && only_used(b->copy[0][i], from + (size_t)i * ENTRIES) ?
			       b->copy[0][i] : from + (size_t)i * ENTRIES, sizeof(b->copy[k][i]));
	}
}

/* A table was read: copy those it points to. */
static void on_table(uint64_t mfn, unsigned int level, const uint64_t *entries, void *arg)
{
	struct emt_kvm_pages *p = arg;
	struct batch *b;

	if (level < 2 || level > LEVELS)
		return;
	keep(p, mfn, entries);
	b = &p->batch[level - 2];
	if (!b->copy)
		b->copy = malloc(READINGS * sizeof(*b->copy));
	b->n = b->cursor = 0;
	if (!b->copy)
		return;
	memset(b->given, 0, sizeof(b->given));
	for (unsigned int i = 0; i < ENTRIES; i++) {
		uint64_t frame = (entries[i] & EMT_EPTE_MFN_BITS) >> 12;

		if (points_on(entries[i], level) && may_read(p, frame))
			b->frame[b->n++] = frame;
	}
	if (b->n)
		copy_batch(p, b);
}

void emt_kvm_pages_walk(struct emt_kvm_pages *p, struct emt_walk_opts *o)
{
	o->mem = (struct emt_memory){ .frame = give_frame, .arg = p, .ram = may_read, .live = true };
	o->table = on_table;
	o->table_arg = p;
	p->nr_kept = 0;
	p->lost = false;
}

uint64_t emt_kvm_pages_changed(struct emt_kvm_pages *p)
{
	uint64_t changed = p->lost;

	for (size_t i = 0; i < p->nr_kept; i++) {
		const uint64_t *now = read_single(p, p->kept[i].frame);

		for (unsigned int k = 0; k < ENTRIES; k++) {
			uint64_t was = p->kept[i].entries[k];

			if (points_on(was, 2) && (!now || (now[k] ^ was) & POINTS))
				changed++;
		}
	}
	return changed;
}

uint64_t emt_kvm_pages_copied(const struct emt_kvm_pages *p)
{
	return p->copied;
}
