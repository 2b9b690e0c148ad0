/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * p2m:self: the PV domain that this runs in, as its own kernel has it (pv_self.c).
 */
#include <stdlib.h>
#include <string.h>

#include "source/ops.h"
#include "source/pv_walk.h"

struct p2m_source {
	struct emt_pv_source *pv;
	struct emt_pv_walk *walk;
};

static void p2m_close(struct emt_source *s)
{
	struct p2m_source *p = s->priv;

	emt_pv_walk_free(p->walk);
	emt_pv_close(p->pv);
	free(p);
}

static int p2m_open(struct emt_source *s, const struct emt_source_spec *spec, struct emt_err *err)
{
	struct p2m_source *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return emt_err_set(err, EMT_E_NOMEM, s->name, NULL, "not enough memory to open it");
	s->priv = p;
	rc = emt_pv_open(&p->pv, spec, err);
	if (!rc) {
		p->walk = emt_pv_walk_new(p->pv, 0);
		if (!p->walk)
			rc = emt_err_set(err, EMT_E_NOMEM, s->name, NULL, "not enough memory to open it");
	}
	if (rc)
		p2m_close(s);
	return rc;
}

static size_t p2m_walks(const struct emt_source *s)
{
	(void)s;
	return 1;
}

static int p2m_walk(const struct emt_source *s, size_t i, struct emt_source_walk *info, struct emt_err *err)
{
	const struct p2m_source *p = s->priv;
	const struct emt_pv_domain *d = emt_pv_domain(p->pv, 0);

	(void)i, (void)err;
	info->domid = d->domid;
	memcpy(info->name, d->name, sizeof(info->name));
	return 0;
}

static int p2m_facts(struct emt_source *s, size_t i, struct emt_facts *f, struct emt_err *err)
{
	struct p2m_source *p = s->priv;
	int rc;

	(void)i;
	rc = emt_pv_host_facts(f, err);
	if (!rc)
		rc = emt_pv_walk_facts(p->walk, f, err);
	if (rc)
		emt_facts_free(f);
	return rc;
}

static int p2m_stream(struct emt_stream *st, size_t i, struct emt_err *err)
{
	struct p2m_source *p = st->source->priv;

	(void)i;
	st->priv = p->walk;
	return emt_pv_walk_stream(p->walk, err);
}

static void p2m_end(struct emt_stream *st)
{
	(void)st; /* the walk is the source's */
}

const struct emt_source_ops emt_source_p2m_ops = {
	.scheme = "p2m",
	.open = p2m_open,
	.close = p2m_close,
	.walks = p2m_walks,
	.walk = p2m_walk,
	.facts = p2m_facts,
	.stream = p2m_stream,
	.seek = emt_pv_walk_seek,
	.read = emt_pv_walk_read,
	.loss = emt_pv_walk_loss,
	.end = p2m_end,
};
