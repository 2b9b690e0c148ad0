/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/since.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/side.h"
#include "command/use.h"

#define NEXT ".next" /* this run's file, until it takes the place of the other */

static int no_memory(struct emt_since *s)
{
	return emt_err_set(s->ctx->err, EMT_E_NOMEM, s->path, NULL, "not enough memory to compare walks");
}

static char *next_path(struct emt_since *s)
{
	char *next = NULL;

	if (asprintf(&next, "%s" NEXT, s->path) < 0)
		next = NULL;
	return next;
}

int emt_since_begin(struct emt_since *s)
{
	struct emt_capture_opts o = { .tool = "emtctl " EMT_VERSION, .source = emt_ctx_source_text(s->ctx),
				      .time = s->ctx->env->now, .level = 1 };
	char *next;
	int rc;

	if (!s->path)
		return 0;
	next = next_path(s);
	rc = next ? emt_capture_create(&s->w, next, &o, s->ctx->err) : no_memory(s);
	free(next);
	return rc;
}

void emt_since_abort(struct emt_since *s)
{
	emt_capture_abort(s->w);
	s->w = NULL;
}

/* ---- keeping a walk ---- */

struct keeping {
	struct emt_since *s;
	struct emt_engine *e;
	struct emt_findings *f;
	struct emt_ctx_use use;
	struct emt_read *read;
};

/* Types that were asked for are kept too, as a capture keeps them. */
static int stated_facts(struct emt_facts *out, struct emt_source *source, size_t i, const struct emt_facts *judged,
			struct emt_err *err)
{
	int rc = emt_source_stated(source, i, out, err);

	if (rc || out->p2m_types.n || !judged->p2m_types.n)
		return rc;
	if (emt_ranges_copy(&out->p2m_types, &judged->p2m_types))
		return emt_err_set(err, EMT_E_NOMEM, "p2m types", NULL, "not enough memory to keep them");
	out->prov[EMT_FACT_P2M_TYPES] = judged->prov[EMT_FACT_P2M_TYPES];
	return 0;
}

static int keep_run(const struct emt_run *run, void *arg)
{
	struct keeping *k = arg;
	int rc = emt_capture_put(k->s->w, run, k->s->ctx->err);

	return rc ? rc : emt_engine_run(k->e, run, emt_ctx_use_piece, &k->use);
}

static int keep_begin(struct emt_since *s, struct emt_source *source, size_t i, const struct emt_facts *judged)
{
	struct emt_source_walk walk;
	struct emt_facts stated;
	int rc = emt_source_walk(source, i, &walk, s->ctx->err);

	if (rc)
		return rc;
	rc = stated_facts(&stated, source, i, judged, s->ctx->err);
	if (!rc)
		rc = emt_capture_walk_begin(s->w, &stated, walk.time ? walk.time : s->ctx->env->now, walk.label,
					    s->ctx->err);
	emt_facts_free(&stated);
	return rc;
}

static int keep_end(struct emt_since *s, const struct emt_loss *loss)
{
	int rc = emt_capture_walk_end(s->w, loss, s->ctx->err);

	s->walks += !rc;
	s->lost |= !rc && !emt_loss_none(loss);
	return rc;
}

int emt_since_walk(struct emt_since *s, struct emt_source *source, size_t i, struct emt_engine *e,
		   struct emt_findings **f, struct emt_loss *loss)
{
	struct keeping k = { .s = s, .e = e };
	int rc;

	*f = NULL;
	/* nobody can tell yet whether an IOMMU uses it: a later walk may */
	if (!s->path || emt_flush_not_judged(emt_engine_facts(e), emt_engine_release(e)) != EMT_FLUSH_JUDGED)
		return emt_ctx_findings(s->ctx, source, i, e, f, loss);
	rc = keep_begin(s, source, i, emt_engine_facts(e));
	if (!rc && emt_findings_new(&k.f, emt_engine_facts(e), emt_engine_release(e)))
		rc = no_memory(s);
	if (!rc)
		rc = emt_ctx_use_begin(&k.use, s->ctx, source, i, e, k.f);
	if (!rc)
		rc = emt_ctx_runs(s->ctx, source, i, keep_run, &k, loss);
	rc = emt_ctx_use_end(&k.use, source, i, rc);
	if (!rc)
		rc = keep_end(s, loss);
	if (!rc && emt_findings_finish(k.f))
		rc = no_memory(s);
	if (rc) {
		emt_findings_free(k.f);
		return rc;
	}
	*f = k.f;
	return 0;
}

static int keep_only(const struct emt_run *run, void *arg)
{
	struct keeping *k = arg;

	k->read->runs++;
	if (run->perm) {
		k->read->entries += run->count;
		k->read->frames += run->count << run->order;
	}
	return emt_capture_put(k->s->w, run, k->s->ctx->err);
}

int emt_since_changes(struct emt_since *s, struct emt_source *source, size_t i, const struct emt_facts *facts,
		      struct emt_read *read, struct emt_loss *loss)
{
	struct keeping k = { .s = s, .read = read };
	int rc = keep_begin(s, source, i, facts);

	if (!rc)
		rc = emt_ctx_runs(s->ctx, source, i, keep_only, &k, loss);
	return rc ? rc : keep_end(s, loss);
}

/* ---- comparing ---- */

/* The domain's walk in what was kept, and its facts; a domain that was made anew is another. */
static bool find(struct emt_side *old, const struct emt_source_walk *walk, const struct emt_facts *facts,
		 struct emt_source_walk *was, struct emt_facts *before)
{
	for (size_t i = 0; i < emt_source_walks(old->source); i++) {
		if (emt_source_walk(old->source, i, was, NULL) || was->domid != walk->domid ||
		    emt_source_stated(old->source, i, before, NULL))
			continue;
		if (strcmp(before->domain_uuid, facts->domain_uuid)) {
			emt_facts_free(before);
			continue;
		}
		old->index = i;
		return true;
	}
	return false;
}

static int judge(struct emt_since *s, struct emt_side *a, struct emt_side *b, const struct emt_facts *before,
		 const struct emt_facts *facts, const struct emt_source_walk *was, const struct emt_source_walk *walk)
{
	struct emt_flush_group *v = calloc(EMT_FLUSH_GROUPS, sizeof(*v));
	struct emt_diff *d = NULL;
	struct emt_release rel;
	size_t n = 0;
	int rc = v && !emt_diff_new(&d) ? 0 : no_memory(s);

	if (!rc)
		rc = emt_ctx_release(s->ctx, facts, &rel);
	if (!rc)
		rc = emt_side_compare(d, a, NULL, b, NULL);
	/* what a damaged file lost would look removed */
	if (!rc && emt_loss_none(&a->loss) && emt_loss_none(&b->loss))
		emt_flush_between(before, facts, &rel, d, v, &n);
	for (size_t i = 0; i < n && !rc; i++)
		if (emt_flush_finding_name(&v[i]))
			rc = s->put(s->arg, &v[i], walk->domid, was->time, walk->time);
	emt_diff_free(d);
	free(v);
	return rc;
}

static int judge_walks(struct emt_since *s, struct emt_side *a, struct emt_side *b)
{
	struct emt_source_walk walk, was;
	struct emt_facts facts, before;
	int rc = 0;

	for (b->index = 0; b->index < emt_source_walks(b->source) && !rc; b->index++) {
		rc = emt_source_walk(b->source, b->index, &walk, s->ctx->err);
		if (rc)
			break;
		rc = emt_source_facts(b->source, b->index, &facts, s->ctx->err);
		if (!rc && find(a, &walk, &facts, &was, &before)) {
			rc = judge(s, a, b, &before, &facts, &was, &walk);
			emt_facts_free(&before);
		}
		emt_facts_free(&facts);
	}
	return rc;
}

static int open_kept(struct emt_side *side, const char *path, struct emt_err *err)
{
	struct emt_source_spec spec = { .kind = EMT_SOURCE_CAPTURE, .domid = -1, .generation = -1, .root = EMT_NO_FRAME };

	if (strlen(path) >= sizeof(spec.target))
		return emt_err_set(err, EMT_E_USAGE, path, NULL, "is too long a name");
	memcpy(spec.target, path, strlen(path) + 1);
	return emt_source_open(&side->source, &spec, err);
}

static int compare(struct emt_since *s, const char *next)
{
	struct emt_side *sides = calloc(2, sizeof(*sides));
	struct emt_err why = { 0 };
	int rc = 0;

	if (!sides)
		return no_memory(s);
	sides[0].ctx = sides[1].ctx = s->ctx;
	/* one that cannot be read is begun anew, which is said */
	if (access(s->path, F_OK) && errno == ENOENT)
		emt_ctx_note(s->ctx, "%s: begun: changes are judged from the next time on", s->path);
	else if (open_kept(&sides[0], s->path, &why))
		emt_ctx_note(s->ctx, "%s: %s: begun anew, and what changed since is not judged", why.subject, why.text);
	else
		rc = open_kept(&sides[1], next, s->ctx->err);
	if (!rc && sides[1].source)
		rc = judge_walks(s, &sides[0], &sides[1]);
	emt_source_close(sides[0].source);
	emt_source_close(sides[1].source);
	free(sides);
	return rc;
}

int emt_since_end(struct emt_since *s)
{
	struct emt_capture_writer *w = s->w;
	char *next;
	int rc;

	if (!s->path)
		return 0;
	if (s->lost || !s->walks) {
		emt_since_abort(s);
		if (s->lost)
			emt_ctx_note(s->ctx, "%s: a walk is not whole: the last whole one is kept", s->path);
		else if (unlink(s->path) && errno != ENOENT)
			return emt_err_errno(s->ctx->err, EMT_E_IO, s->path, NULL, "cannot remove");
		return 0;
	}
	next = next_path(s);
	s->w = NULL;
	if (!next) {
		emt_capture_abort(w);
		return no_memory(s);
	}
	rc = emt_capture_close(w, s->ctx->err);
	if (!rc)
		rc = compare(s, next);
	if (!rc && rename(next, s->path))
		rc = emt_err_errno(s->ctx->err, EMT_E_IO, s->path, NULL, "cannot write");
	if (rc)
		unlink(next);
	free(next);
	return rc;
}
