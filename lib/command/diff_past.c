/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * diff DOM@TIME DOM@TIME: what an emtd's history says of a domain at two times.
 */
#include "command/diff_past.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/kind_diff.h"
#include "output/format.h"

struct moment {
	char name[300];            /* of the domain */
	int64_t time;
	struct json_object *all;   /* owned: the reply */
	struct json_object *findings, *facts;
};

static const char *at_of(const char *text)
{
	const char *at = text ? strrchr(text, '@') : NULL;

	return at && at > text && at[1] ? at : NULL;
}

bool emt_diff_is_past(const struct emt_parse *p)
{
	return at_of(emt_parse_text(p, "source")) && at_of(emt_parse_text(p, "other"));
}

static int parse_time(const char *text, int64_t now, int64_t *out, struct emt_err *err)
{
	static const struct emt_arg ago = { .name = "TIME", .type = EMT_ARG_DURATION, .metavar = "TIME" };
	struct emt_value v = { .arg = &ago };

	if (!strcmp(text, "now")) {
		*out = now;
		return 0;
	}
	if (*text == '-' && !emt_value_parse(&v, &ago, text + 1, NULL)) {
		*out = now - (int64_t)(v.number / 1000);
		return 0;
	}
	if (*text != '-' && !emt_parse_time(text, out))
		return 0;
	return emt_err_set(err, EMT_E_USAGE, text, "write DOM@now, DOM@-1h, or DOM@2026-01-03T10:11:12Z",
			   "is no time after @");
}

static int ask(struct emt_ctx *ctx, const char *text, struct moment *m)
{
	const char *at = at_of(text);
	const struct emt_env *env = ctx->env;
	char time[32], *reply;
	const char *const words[] = { "history", m->name, "--since", time, "--until", time, "--facts", "--json" };
	struct json_object *data = NULL;
	int rc = parse_time(at + 1, env->now, &m->time, ctx->err);

	if (rc)
		return rc;
	snprintf(m->name, sizeof(m->name), "%.*s", (int)(at - text), text);
	snprintf(time, sizeof(time), "%lld", (long long)m->time);
	reply = env->ask ? env->ask(env->arg, words, EMT_ARRAY_SIZE(words)) : NULL;
	m->all = reply ? json_tokener_parse(reply) : NULL;
	free(reply);
	if (!json_object_object_get_ex(m->all, "data", &data) ||
	    !json_object_object_get_ex(data, "findings", &m->findings) ||
	    !json_object_object_get_ex(data, "facts", &m->facts))
		return emt_err_set(ctx->err, EMT_E_NOSOURCE, "emtd", "systemctl start emtd; history = FILE in emtd.conf",
				   "only the history of a running emtd knows the past, and none answers");
	return 0;
}

static const char *text_of(struct json_object *o, const char *name)
{
	struct json_object *v;

	return json_object_object_get_ex(o, name, &v) && v ? json_object_get_string(v) : NULL;
}

static uint64_t number_of(struct json_object *o, const char *name)
{
	struct json_object *v;

	return json_object_object_get_ex(o, name, &v) ? (uint64_t)json_object_get_int64(v) : 0;
}

/* The row of 'list' that is about the same as 'row', by 'name'. */
static struct json_object *same(struct json_object *list, struct json_object *row, const char *name)
{
	const char *want = text_of(row, name);

	for (size_t i = 0; want && i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *have = text_of(o, name);

		if (have && !strcmp(have, want) && number_of(o, "domain") == number_of(row, "domain"))
			return o;
	}
	return NULL;
}

static int put_finding(struct emt_ctx *ctx, struct json_object *before, struct json_object *after)
{
	struct emt_rec *rec = emt_out_rec(ctx->out, &emt_kind_diff_finding);
	struct json_object *f = after ? after : before;

	if (rec) {
		emt_rec_u64(rec, DFND_DOMAIN, number_of(f, "domain"));
		emt_rec_str(rec, DFND_CHANGE, emt_finding_change_name(!before ? EMT_FINDING_NEW : !after ?
								      EMT_FINDING_CLEARED : EMT_FINDING_KEPT));
		emt_rec_str(rec, DFND_SEVERITY, text_of(f, "severity"));
		emt_rec_str(rec, DFND_KIND, text_of(f, "kind"));
		emt_rec_str(rec, DFND_DEFECT, text_of(f, "defect"));
		emt_rec_str(rec, DFND_TYPE, text_of(f, "type"));
		emt_rec_u64(rec, DFND_ENTRIES_BEFORE, before ? number_of(before, "entries") : 0);
		emt_rec_u64(rec, DFND_ENTRIES_AFTER, after ? number_of(after, "entries") : 0);
		if (text_of(f, "first_gfn"))
			emt_rec_u64(rec, DFND_FIRST_GFN, number_of(f, "first_gfn"));
		emt_rec_str(rec, DFND_EXPLANATION, text_of(f, "explanation"));
	}
	ctx->findings |= !before || !after;
	return emt_out_put(ctx->out, rec, ctx->err);
}

static int put_fact(struct emt_ctx *ctx, struct json_object *before, struct json_object *after)
{
	struct emt_rec *rec = emt_out_rec(ctx->out, &emt_kind_diff_fact);
	struct json_object *f = after ? after : before;

	if (rec) {
		emt_rec_u64(rec, DFCT_DOMAIN, number_of(f, "domain"));
		emt_rec_str(rec, DFCT_FACT, text_of(f, "fact"));
		emt_rec_str(rec, DFCT_CHANGE, emt_diff_fact_word(!before ? DFACT_ADDED : !after ? DFACT_REMOVED :
								 DFACT_CHANGED));
		emt_rec_str(rec, DFCT_BEFORE, before ? text_of(before, "value") : NULL);
		emt_rec_str(rec, DFCT_AFTER, after ? text_of(after, "value") : NULL);
	}
	ctx->findings = true;
	return emt_out_put(ctx->out, rec, ctx->err);
}

static bool fact_differs(struct json_object *a, struct json_object *b)
{
	const char *x = text_of(a, "first_seen"), *y = text_of(b, "first_seen");

	/* a row is one value over time: another row is another value */
	return !x || !y || strcmp(x, y);
}

static int put_all(struct emt_ctx *ctx, const struct moment *a, const struct moment *b)
{
	struct json_object *one, *other;
	int rc = 0;

	for (size_t i = 0; i < json_object_array_length(b->facts) && !rc; i++) {
		one = json_object_array_get_idx(b->facts, i);
		other = same(a->facts, one, "fact");
		if (!other || fact_differs(other, one))
			rc = put_fact(ctx, other, one);
	}
	for (size_t i = 0; i < json_object_array_length(a->facts) && !rc; i++) {
		one = json_object_array_get_idx(a->facts, i);
		if (!same(b->facts, one, "fact"))
			rc = put_fact(ctx, one, NULL);
	}
	for (size_t i = 0; i < json_object_array_length(b->findings) && !rc; i++) {
		one = json_object_array_get_idx(b->findings, i);
		rc = put_finding(ctx, same(a->findings, one, "key"), one);
	}
	for (size_t i = 0; i < json_object_array_length(a->findings) && !rc; i++) {
		one = json_object_array_get_idx(a->findings, i);
		if (!same(b->findings, one, "key"))
			rc = put_finding(ctx, one, NULL);
	}
	return rc;
}

int emt_diff_past(struct emt_ctx *ctx)
{
	struct moment m[2] = { { .all = NULL }, { .all = NULL } };
	int rc = ask(ctx, emt_parse_text(ctx->args, "source"), &m[0]);

	if (!rc)
		rc = ask(ctx, emt_parse_text(ctx->args, "other"), &m[1]);
	if (!rc)
		emt_out_source(ctx->out, "emtd's history");
	if (!rc)
		rc = put_all(ctx, &m[0], &m[1]);
	if (!rc && !json_object_array_length(m[0].facts) && !json_object_array_length(m[0].findings)) {
		emt_ctx_note(ctx, "the history holds nothing of %s at the first time", m[0].name);
		ctx->incomplete = true;
	}
	for (int i = 0; i < 2; i++)
		json_object_put(m[i].all);
	return rc;
}
