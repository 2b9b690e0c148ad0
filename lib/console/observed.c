/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/observed.h"

#include <stdlib.h>
#include <string.h>

static void clear(struct emt_observation *o)
{
	free(o->text);
	free(o->mtrr);
	emt_ranges_free(&o->list);
}

void emt_observed_free(struct emt_observed *o)
{
	for (size_t i = 0; i < o->n; i++)
		clear(&o->v[i]);
	free(o->v);
	*o = (struct emt_observed){ 0 };
}

static bool same_key(const struct emt_observation *a, const struct emt_observation *b)
{
	return a->id == b->id && a->domid == b->domid && a->vcpu == b->vcpu && a->file == b->file &&
	       a->origin == b->origin;
}

static bool same_list(const struct emt_ranges *a, const struct emt_ranges *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].first != b->v[i].first || a->v[i].last != b->v[i].last ||
		    a->v[i].tag != b->v[i].tag)
			return false;
	return true;
}

static bool same_content(const struct emt_observation *a, const struct emt_observation *b)
{
	if (a->value != b->value || a->whole != b->whole || !a->text != !b->text || !a->mtrr != !b->mtrr)
		return false;
	if (a->text && strcmp(a->text, b->text))
		return false;
	if (a->mtrr && memcmp(a->mtrr, b->mtrr, sizeof(*a->mtrr)))
		return false;
	return same_list(&a->list, &b->list);
}

static struct emt_observation *before(struct emt_observed *o, size_t i)
{
	for (size_t j = i; j-- > 0;)
		if (same_key(&o->v[j], &o->v[i]))
			return &o->v[j];
	return NULL;
}

/* The last one is complete: if it repeats the one before, they become one. */
static void join_last(struct emt_observed *o)
{
	struct emt_observation *last = &o->v[o->n - 1], *prev;

	/* Counts of key Q go together with the dump they stand in. */
	if (last->id == EMT_FACT_PCI_DEVICES)
		return;
	prev = before(o, o->n - 1);
	if (!prev || !same_content(prev, last))
		return;
	prev->last = last->last;
	clear(last);
	o->n--;
}

static struct emt_observation *add(struct emt_observed *o, int id, uint32_t domid, uint32_t vcpu,
				   uint32_t file, unsigned long line, const char *origin)
{
	if (o->n == o->room) {
		size_t room = o->room ? o->room * 2 : 64;
		struct emt_observation *v = realloc(o->v, room * sizeof(*v));

		if (!v)
			return NULL;
		o->v = v;
		o->room = room;
	}
	o->v[o->n] = (struct emt_observation){ .id = id, .domid = domid, .vcpu = vcpu, .file = file,
					       .first = line, .last = line, .origin = origin };
	return &o->v[o->n++];
}

int emt_observed_value(struct emt_observed *o, int id, uint32_t domid, uint32_t vcpu, uint64_t value,
		       uint32_t file, unsigned long line, const char *origin)
{
	struct emt_observation *n = add(o, id, domid, vcpu, file, line, origin);

	if (!n)
		return EMT_E_NOMEM;
	n->value = value;
	join_last(o);
	return 0;
}

int emt_observed_text(struct emt_observed *o, int id, uint32_t domid, const char *text, uint32_t file,
		      unsigned long line, const char *origin)
{
	struct emt_observation *n = add(o, id, domid, 0, file, line, origin);

	if (!n)
		return EMT_E_NOMEM;
	n->text = strdup(text);
	if (!n->text)
		return EMT_E_NOMEM;
	join_last(o);
	return 0;
}

int emt_observed_mtrr(struct emt_observed *o, int id, uint32_t domid, uint32_t vcpu, const struct emt_mtrr *m,
		      uint32_t file, unsigned long line, const char *origin)
{
	struct emt_observation *n = add(o, id, domid, vcpu, file, line, origin);

	if (!n)
		return EMT_E_NOMEM;
	n->mtrr = malloc(sizeof(*m));
	if (!n->mtrr)
		return EMT_E_NOMEM;
	memcpy(n->mtrr, m, sizeof(*m));
	join_last(o);
	return 0;
}

int emt_observed_list(struct emt_observed *o, int id, uint32_t domid, uint32_t file, unsigned long line,
		      const char *origin)
{
	return add(o, id, domid, 0, file, line, origin) ? 0 : EMT_E_NOMEM;
}

static struct emt_observation *list_of(struct emt_observed *o, int id, uint32_t domid, uint32_t file)
{
	for (size_t i = o->n; i-- > 0;)
		if (o->v[i].id == id && o->v[i].domid == domid && o->v[i].file == file)
			return &o->v[i];
	return NULL;
}

int emt_observed_element(struct emt_observed *o, int id, uint32_t domid, uint32_t file, uint64_t first,
			 uint64_t last, uint32_t tag)
{
	struct emt_observation *n = list_of(o, id, domid, file);

	return n ? emt_ranges_add(&n->list, first, last, tag, EMT_KNOWN) : 0;
}

void emt_observed_whole(struct emt_observed *o, int id, uint32_t domid, uint32_t file)
{
	struct emt_observation *n = list_of(o, id, domid, file), *prev;

	if (!n)
		return;
	n->whole = true;
	emt_ranges_normalise(&n->list);
	prev = before(o, (size_t)(n - o->v));
	if (!prev || !same_content(prev, n))
		return;
	/* A repetition: its place is that of the first, from there to here. */
	prev->last = n->last;
	clear(n);
	memmove(n, n + 1, (size_t)(o->v + o->n - (n + 1)) * sizeof(*n));
	o->n--;
}
