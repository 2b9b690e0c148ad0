/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table/frameset.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static size_t slot(const struct emt_frameset *s, uint64_t frame)
{
	size_t i = (size_t)((frame + 1) * 0x9e3779b97f4a7c15ull >> 32) & (s->room - 1);

	while (s->v[i] && s->v[i] != frame + 1)
		i = (i + 1) & (s->room - 1);
	return i;
}

static int grow(struct emt_frameset *s)
{
	struct emt_frameset to = { .room = s->room ? s->room * 2 : 64 };

	to.v = calloc(to.room, sizeof(*to.v));
	if (!to.v)
		return EMT_E_NOMEM;
	for (size_t i = 0; i < s->room; i++)
		if (s->v[i])
			to.v[slot(&to, s->v[i] - 1)] = s->v[i];
	to.n = s->n;
	free(s->v);
	*s = to;
	return 0;
}

int emt_frameset_add(struct emt_frameset *s, uint64_t frame)
{
	size_t i;

	if (s->n * 2 >= s->room && grow(s))
		return EMT_E_NOMEM;
	i = slot(s, frame);
	if (s->v[i])
		return 0;
	s->v[i] = frame + 1;
	s->n++;
	return 1;
}

void emt_frameset_clear(struct emt_frameset *s)
{
	if (s->v)
		memset(s->v, 0, s->room * sizeof(*s->v));
	s->n = 0;
}

void emt_frameset_free(struct emt_frameset *s)
{
	free(s->v);
	*s = (struct emt_frameset){ 0 };
}
