/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/source.h"

#include <stdio.h>
#include <stdlib.h>

#include "source/ops.h"

static const struct emt_source_ops *const kinds[] = {
	[EMT_SOURCE_CAPTURE] = &emt_source_capture_ops,
	[EMT_SOURCE_MEM] = &emt_source_mem_ops,
	[EMT_SOURCE_XEN] = &emt_source_xen_ops,
	[EMT_SOURCE_KVM] = &emt_source_kvm_ops,
	[EMT_SOURCE_P2M] = &emt_source_p2m_ops,
};

int emt_source_open(struct emt_source **out, const struct emt_source_spec *spec, struct emt_err *err)
{
	struct emt_source *s = calloc(1, sizeof(*s));
	int rc;

	*out = NULL;
	if (!s)
		return emt_err_set(err, EMT_E_NOMEM, spec->target, NULL,
				   "not enough memory to open a source");
	s->ops = kinds[spec->kind];
	snprintf(s->name, sizeof(s->name), "%s:%s", s->ops->scheme, spec->target);
	rc = s->ops->open(s, spec, err);
	if (rc)
		free(s);
	else
		*out = s;
	return rc;
}

void emt_source_close(struct emt_source *s)
{
	if (!s)
		return;
	s->ops->close(s);
	free(s);
}

bool emt_source_is_live(const struct emt_source *s)
{
	return s->ops == &emt_source_xen_ops || s->ops == &emt_source_kvm_ops;
}

const char *emt_source_name(const struct emt_source *s)
{
	return s->name;
}

size_t emt_source_walks(const struct emt_source *s)
{
	return s->ops->walks(s);
}

static int check_walk(const struct emt_source *s, size_t i, struct emt_err *err)
{
	if (i < emt_source_walks(s))
		return 0;
	return emt_err_set(err, EMT_E_INTERNAL, s->name, NULL, "there is no walk %zu", i);
}

int emt_source_walk(const struct emt_source *s, size_t i, struct emt_source_walk *info, struct emt_err *err)
{
	int rc = check_walk(s, i, err);

	*info = (struct emt_source_walk){ 0 };
	return rc ? rc : s->ops->walk(s, i, info, err);
}

int emt_source_stated(struct emt_source *s, size_t i, struct emt_facts *f, struct emt_err *err)
{
	int rc = check_walk(s, i, err);

	emt_facts_init(f);
	return rc ? rc : s->ops->facts(s, i, f, err);
}

int emt_source_facts(struct emt_source *s, size_t i, struct emt_facts *f, struct emt_err *err)
{
	int rc = emt_source_stated(s, i, f, err);

	if (rc)
		return rc;
	rc = emt_facts_derive(f);
	if (rc) {
		emt_facts_free(f);
		return emt_err_set(err, rc, s->name, NULL,
				   "not enough memory for what follows from its facts");
	}
	return 0;
}

int emt_source_stream(struct emt_source *s, size_t i, struct emt_stream **out, struct emt_err *err)
{
	struct emt_stream *st;
	int rc = check_walk(s, i, err);

	*out = NULL;
	if (rc)
		return rc;
	if (s->streaming)
		return emt_err_set(err, EMT_E_INTERNAL, s->name, NULL, "a stream is open already");
	st = calloc(1, sizeof(*st));
	if (!st)
		return emt_err_set(err, EMT_E_NOMEM, s->name, NULL, "not enough memory to read a source");
	st->source = s;
	st->walk = i;
	rc = s->ops->stream(st, i, err);
	if (rc) {
		free(st);
		return rc;
	}
	s->streaming = true;
	*out = st;
	return 0;
}

int emt_stream_seek(struct emt_stream *st, uint64_t gfn, struct emt_err *err)
{
	return st->source->ops->seek(st, gfn, err);
}

long emt_stream_read(struct emt_stream *st, struct emt_run *runs, size_t room, struct emt_err *err)
{
	return st->source->ops->read(st, runs, room, err);
}

#define EACH_BATCH 512

int emt_stream_each(struct emt_stream *st, const struct emt_stream_sink *sink, struct emt_err *err)
{
	struct emt_run runs[EACH_BATCH];
	long n;

	if (sink->page && st->source->ops->each)
		return st->source->ops->each(st, sink, err);
	while ((n = emt_stream_read(st, runs, EACH_BATCH, err)) > 0)
		for (long i = 0; i < n; i++) {
			int rc = sink->run(&runs[i], sink->arg);

			if (rc)
				return rc;
		}
	return (int)n;
}

void emt_stream_loss(const struct emt_stream *st, struct emt_loss *loss)
{
	*loss = (struct emt_loss){ 0 };
	st->source->ops->loss(st, loss);
}

void emt_stream_free(struct emt_stream *st)
{
	if (!st)
		return;
	st->source->ops->end(st);
	st->source->streaming = false;
	free(st);
}

int emt_source_tables(struct emt_source *s, size_t i, emt_table_cb cb, void *arg, struct emt_err *err)
{
	int rc = check_walk(s, i, err);

	if (rc)
		return rc;
	if (!s->ops->tables)
		return emt_err_set(err, EMT_E_MISSING, s->name, NULL, "shows no table pages");
	return s->ops->tables(s, i, cb, arg, err);
}

bool emt_source_can_ask(const struct emt_source *s)
{
	return s->ops->types != NULL;
}

int emt_source_types(struct emt_source *s, size_t i, uint64_t gfn, uint16_t *types, struct emt_err *err)
{
	int rc = check_walk(s, i, err);

	*types = 0;
	if (rc)
		return rc;
	if (!s->ops->types)
		return emt_err_set(err, EMT_E_MISSING, s->name, NULL, "has nobody to ask for a p2m type");
	return s->ops->types(s, i, gfn, types, err);
}

int emt_source_guest(struct emt_source *s, size_t i, struct emt_guest_memory *out, struct emt_err *err)
{
	int rc = check_walk(s, i, err);

	*out = (struct emt_guest_memory){ NULL, NULL };
	if (rc)
		return rc;
	if (!s->ops->guest)
		return emt_err_set(err, EMT_E_MISSING, s->name, NULL, "shows no memory of the guest");
	return s->ops->guest(s, i, out, err);
}

int emt_source_answers(struct emt_source *s, size_t i, emt_answer_cb cb, void *arg, struct emt_err *err)
{
	int rc = check_walk(s, i, err);

	if (rc)
		return rc;
	if (!s->ops->answers)
		return emt_err_set(err, EMT_E_UNSUPPORTED, s->name, "leave --check away",
				   "the hypervisor's own function can be asked of a live Xen only");
	return s->ops->answers(s, i, cb, arg, err);
}
