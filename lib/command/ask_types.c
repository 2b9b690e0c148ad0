/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * p2m types that a dump does not show, asked of the hypervisor where they decide a
 * verdict: each is a call of its own.
 */
#include <stdlib.h>

#include "command/ctx.h"
#include "policy/atoms.h"
#include "policy/infer.h"

#define MAX_ASKED 5000 /* entries: 0.2 s of calls on a slow host */

struct asking {
	struct emt_ctx *ctx;
	struct emt_source *source;
	size_t walk;
	struct emt_engine *engine;
	struct emt_ranges told;
	uint64_t asked, left;
	int rc;
};

/* Of all that its permissions allow, the one type that the answer leaves. */
static bool decided(const struct asking *a, const struct emt_run *run, uint64_t mfn, uint16_t types,
		    unsigned int *type)
{
	const struct emt_type_evidence ev = {
		.perm = run->perm, .order = run->order,
		.ram = emt_host_ram(emt_engine_facts(a->engine), mfn, mfn + (1ull << run->order) - 1),
	};
	uint16_t likely, possible;

	emt_infer_types(emt_engine_release(a->engine), &ev, &likely, &possible);
	possible &= types;
	if (!possible || possible & (possible - 1))
		return false;
	*type = (unsigned int)__builtin_ctz(possible);
	return true;
}

static int ask(const struct emt_piece *p, void *arg)
{
	struct asking *a = arg;
	uint64_t gfn = p->run.gfn, size = 1ull << p->run.order;

	if (!(p->facts & 1ull << EMT_FACT_P2M_TYPES) || p->run.p2mt < EMT_P2M_NR)
		return 0;
	for (uint64_t i = 0; i < p->run.count; i++, gfn += size) {
		struct emt_err why = { 0 };
		unsigned int type;
		uint16_t types;
		int rc;

		if (a->asked == MAX_ASKED) {
			a->left += p->run.count - i;
			return 0;
		}
		rc = emt_ctx_cancelled(a->ctx);
		if (rc)
			return rc;
		a->asked++;
		rc = emt_source_types(a->source, a->walk, gfn, &types, &why);
		if (rc == EMT_E_GONE)
			return emt_err_set(a->ctx->err, rc, why.subject, why.next, "%s", why.text);
		if (!rc && decided(a, &p->run, p->run.mfn + i * size, types, &type) &&
		    emt_ranges_add(&a->told, gfn, gfn + size - 1, type, EMT_KNOWN))
			return EMT_E_NOMEM;
	}
	return 0;
}

static int judge(const struct emt_run *run, void *arg)
{
	struct asking *a = arg;

	return emt_engine_run(a->engine, run, ask, a);
}

static int keep(struct asking *a, struct emt_facts *f)
{
	if (!a->told.n)
		return 0;
	for (size_t i = 0; i < a->told.n; i++)
		if (emt_ranges_cut(&f->p2m_types, a->told.v[i].first, a->told.v[i].last) ||
		    emt_ranges_add(&f->p2m_types, a->told.v[i].first, a->told.v[i].last, a->told.v[i].tag,
				   EMT_KNOWN))
			return EMT_E_NOMEM;
	emt_ranges_normalise(&f->p2m_types);
	emt_facts_set_list(f, EMT_FACT_P2M_TYPES, EMT_KNOWN, f->prov[EMT_FACT_P2M_TYPES].rest, "HVMOP_get_mem_type");
	return 0;
}

int emt_ctx_ask_types(struct emt_ctx *ctx, struct emt_source *s, size_t walk, struct emt_facts *f)
{
	struct asking a = { .ctx = ctx, .source = s, .walk = walk };
	struct emt_loss loss;
	struct emt_err why = { 0 };
	uint16_t types;
	int rc;

	if (!emt_source_can_ask(s) || f->prov[EMT_FACT_P2M_TYPES].held == EMT_KNOWN ||
	    emt_source_types(s, walk, 0, &types, &why) == EMT_E_MISSING)
		return 0;
	/* By the release that wrote the entries, whatever another would make of them: a capture
	 * keeps the same. One that nobody can judge is told where it is judged. */
	if (emt_engine_new(&a.engine, f, NULL, &why))
		return 0;
	rc = emt_ctx_runs(ctx, s, walk, judge, &a, &loss);
	if (!rc)
		rc = keep(&a, f);
	if (rc == EMT_E_NOMEM)
		emt_err_set(ctx->err, rc, ctx->args->cmd->name, NULL, "out of memory");
	if (!rc && a.left)
		emt_ctx_note(ctx, "%llu more entries would be decided by their p2m types: only %d were asked for",
			     (unsigned long long)a.left, MAX_ASKED);
	emt_ranges_free(&a.told);
	emt_engine_free(a.engine);
	return rc;
}
