/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/use.h"

#include <string.h>

#include "audit/usage.h"

enum { USE_AUTO, USE_YES, USE_NO };
static const char *const words[] = { "auto", "yes", "no", NULL };

static const struct emt_arg use_args[] = {
	{ .name = "effective", .type = EMT_ARG_ENUM, .metavar = "WHEN", .words = words, .fallback = "auto",
	  .help = "look at what the CPU really uses, by the guest's own page tables: yes, no; auto: where "
		  "that costs nobody anything, in captures and in a machine's memory" },
};
const struct emt_arg_group emt_args_use = { "Guest page tables", use_args, EMT_ARRAY_SIZE(use_args) };

/* Commands without the option do not look. */
static bool offered(const struct emt_ctx *ctx)
{
	for (size_t i = 0; i < EMT_ARRAY_SIZE(ctx->args->cmd->groups); i++)
		if (ctx->args->cmd->groups[i] == &emt_args_use)
			return true;
	return false;
}

int emt_ctx_use_begin(struct emt_ctx_use *u, struct emt_ctx *ctx, struct emt_source *s, size_t walk,
		      struct emt_engine *e, struct emt_findings *f)
{
	uint64_t when = emt_parse_number(ctx->args, "effective", USE_AUTO);
	struct emt_err why = { 0 };
	int rc;

	*u = (struct emt_ctx_use){ .ctx = ctx, .engine = e, .findings = f };
	if (!offered(ctx) || when == USE_NO || (when == USE_AUTO && emt_source_is_live(s)))
		return 0;
	u->g.once = true;
	rc = emt_ctx_guest_views(ctx, s, walk, emt_engine_facts(e), &u->g, &why);
	u->on = !rc;
	if (!rc || (when == USE_AUTO && (rc == EMT_E_MISSING || rc == EMT_E_UNSUPPORTED)))
		return 0;
	return emt_err_set(ctx->err, rc, why.subject, why.next, "%s", why.text);
}

int emt_ctx_use_piece(const struct emt_piece *p, void *use)
{
	struct emt_ctx_use *u = use;
	int rc = emt_findings_add(p, u->findings);

	return rc || !u->on ? rc : emt_gpas_add(&u->g.gpas, p, emt_engine_facts(u->engine));
}

struct adding {
	struct emt_usage *usage;
	const struct emt_view *views;
};

static int add(const struct emt_view *v, const struct emt_eff *e, void *arg)
{
	struct adding *a = arg;

	return emt_usage_add(a->usage, v, (uint32_t)(v - a->views), e);
}

static int look(struct emt_ctx_use *u, struct emt_source *s, size_t walk)
{
	struct adding a = { emt_usage_new(), u->g.views };
	bool tables = false;
	int rc = a.usage ? 0 : EMT_E_NOMEM;

	for (size_t k = 0; k < u->g.nr; k++)
		tables |= u->g.views[k].mode != EMT_GUEST_OFF;
	if (!rc && tables) /* anew: the source was read since */
		rc = emt_source_guest(s, walk, &u->g.mem, u->ctx->err);
	if (!rc)
		rc = emt_ctx_guest_each(u->ctx, &u->g, 0, UINT64_MAX, add, &a);
	if (!rc)
		rc = emt_usage_put(a.usage, u->g.views, u->g.total.unreadable + u->g.total.too_many, u->findings);
	emt_usage_free(a.usage);
	return rc;
}

int emt_ctx_use_end(struct emt_ctx_use *u, struct emt_source *s, size_t walk, int rc)
{
	if (!rc && u->on)
		rc = look(u, s, walk);
	emt_ctx_guest_close(&u->g);
	return rc;
}
