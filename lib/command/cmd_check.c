/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy check: results of hypervisors' own functions against the rules here.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "capture/facts_json.h"
#include "command/ctx.h"
#include "command/kind_policy.h"
#include "command/lines.h"
#include "policy/atoms.h"
#include "policy/mtrr.h"
#include "table/epte.h"

#define LISTED 50     /* differences listed without --all */
#define ORIGIN "vector file"

enum format { FORMAT_XEN, FORMAT_KVM, FORMAT_EPTE, FORMAT_NONE };
static const char *const format_names[] = { "emt-xen", "emt-kvm", "epte-decode", "empty" };

struct check {
	struct emt_ctx *ctx;
	const char *file;
	unsigned long line;
	const char *id;
	enum format format;
	bool all;
	uint64_t results, differ;             /* of this file */
	uint64_t all_results, all_differ, listed;
};

/* ---- reading ---- */

static int malformed(struct check *c, const char *what)
{
	emt_err_set(c->ctx->err, EMT_E_FORMAT, c->file, NULL, "line %lu: %s", c->line, what);
	c->ctx->err->line = c->line;
	return EMT_E_FORMAT;
}

static struct json_object *member(struct json_object *obj, const char *key)
{
	struct json_object *v = NULL;

	return json_object_is_type(obj, json_type_object) && json_object_object_get_ex(obj, key, &v) ? v
												     : NULL;
}

/* A number or a hex string. */
static bool number(struct json_object *v, uint64_t *out)
{
	if (json_object_is_type(v, json_type_string))
		return !emt_parse_u64(json_object_get_string(v), out);
	if (!json_object_is_type(v, json_type_int) && !json_object_is_type(v, json_type_boolean))
		return false;
	*out = json_object_get_uint64(v);
	return true;
}

static bool member_number(struct json_object *obj, const char *key, uint64_t *out)
{
	return number(member(obj, key), out);
}

static const char *member_text(struct json_object *obj, const char *key)
{
	struct json_object *v = member(obj, key);

	return json_object_is_type(v, json_type_string) ? json_object_get_string(v) : NULL;
}

/* One result compared; 'query' says what was asked. */
static int result(struct check *c, const char *query, const char *release, const char *expected,
		  const char *got)
{
	struct emt_rec *rec;

	c->results++;
	if (!strcmp(expected, got))
		return 0;
	c->differ++;
	if (!c->all && c->listed >= LISTED)
		return 0;
	c->listed++;
	rec = emt_out_rec(c->ctx->out, &emt_kind_difference);
	if (rec) {
		emt_rec_str(rec, DIFF_FILE, c->file);
		emt_rec_u64(rec, DIFF_LINE, c->line);
		emt_rec_str(rec, DIFF_ID, c->id);
		emt_rec_str(rec, DIFF_QUERY, query);
		emt_rec_str(rec, DIFF_RELEASE, release);
		emt_rec_str(rec, DIFF_EXPECTED, expected);
		emt_rec_str(rec, DIFF_GOT, got);
	}
	return emt_out_put(c->ctx->out, rec, c->ctx->err);
}

/* Outcomes as vector files spell them. */
static const char *outcomes(emt_outcomes set, char *out, size_t room)
{
	size_t at = 0;

	out[0] = '\0';
	for (unsigned int i = 0; i < 16; i++)
		if (set & (1u << i) && at < room)
			at += (size_t)snprintf(out + at, room - at, "%s%s", at ? " or " : "",
					       emt_outcome_name(i));
	return out;
}

/* ---- Xen ---- */

static int xen_query(struct check *c, const struct emt_facts *f, struct json_object *query)
{
	struct json_object *expect = member(query, "expect");
	uint64_t gfn, mfn, order, type;
	char text[120];
	int rc = 0;

	if (!member_number(query, "gfn", &gfn) || !member_number(query, "mfn", &mfn) || !expect ||
	    !member_number(query, "order", &order) || !member_number(query, "type", &type) || order > 18 ||
	    type >= EMT_P2M_NR || !json_object_is_type(expect, json_type_object))
		return malformed(c, "a query needs gfn, mfn, order, type and expect");
	snprintf(text, sizeof(text), "gfn 0x%llx mfn 0x%llx order %u %s", (unsigned long long)gfn,
		 (unsigned long long)mfn, (unsigned int)order, emt_p2mt_name((unsigned int)type));
	json_object_object_foreach(expect, version, value) {
		char want[32], got[64];
		struct emt_release rel;
		struct emt_box box;

		if (!json_object_is_type(value, json_type_string))
			return malformed(c, "a result is text");
		/* What follows ~ is about a crash in that build, not about the result. */
		snprintf(want, sizeof(want), "%.*s", (int)strcspn(json_object_get_string(value), "~"),
			 json_object_get_string(value));
		rc = emt_release_parse(&rel, version, false, c->ctx->err);
		if (rc)
			return rc;
		emt_atoms_xen(f, &rel, gfn, mfn, (unsigned int)order, (uint16_t)(1u << type), EMT_KNOWN,
			      &box);
		outcomes(emt_box_eval(rel.era->rules, rel.era->nr_rules, &box), got, sizeof(got));
		rc = result(c, text, version, want, got);
		if (rc)
			break;
	}
	return rc;
}

static int xen_line(struct check *c, struct json_object *obj)
{
	struct json_object *queries = member(obj, "queries");
	struct emt_facts f;
	int rc;

	if (!json_object_is_type(queries, json_type_array))
		return malformed(c, "queries is missing");
	emt_facts_init(&f);
	rc = emt_facts_from_json(&f, member(obj, "env"), ORIGIN, c->file, c->ctx->err);
	for (size_t i = 0; i < json_object_array_length(queries) && !rc; i++)
		rc = xen_query(c, &f, json_object_array_get_idx(queries, i));
	emt_facts_free(&f);
	if (rc && c->ctx->err->code && !c->ctx->err->line)
		c->ctx->err->line = c->line;
	return rc;
}

/* ---- KVM ---- */

/* The scenario's facts: what the reader of facts knows by name. */
static struct json_object *kvm_facts(struct json_object *obj)
{
	struct json_object *facts = json_object_new_object();

	json_object_object_foreach(obj, key, value)
		if (emt_facts_known(key))
			json_object_object_add(facts, key, json_object_get(value));
	return facts;
}

static int kvm_query(struct check *c, const struct emt_facts *f, struct json_object *query)
{
	struct json_object *expect = member(query, "expect");
	uint64_t gfn, mmio;
	char text[80];
	int rc = 0;

	if (!member_number(query, "gfn", &gfn) || !member_number(query, "is_mmio", &mmio) ||
	    !json_object_is_type(expect, json_type_object))
		return malformed(c, "a query needs gfn, is_mmio and expect");
	snprintf(text, sizeof(text), "gfn 0x%llx%s", (unsigned long long)gfn, mmio ? " mmio" : "");
	json_object_object_foreach(expect, variant, value) {
		char want[48], got[80], types[64];
		unsigned int level = 3;
		struct emt_release rel;
		struct emt_box box;
		uint64_t max;

		if (!member_text(value, "v") || !member_number(value, "max_level", &max))
			return malformed(c, "a result needs v and max_level");
		rc = emt_release_parse(&rel, variant, true, c->ctx->err);
		if (rc)
			return rc;
		emt_atoms_kvm(f, &rel, gfn, mmio ? EMT_YES : EMT_NO, EMT_KNOWN, &box);
		outcomes(emt_box_eval(rel.era->rules, rel.era->nr_rules, &box), types, sizeof(types));
		/* MTRRs limit the level where they count: with non-coherent DMA, up to 6.10. */
		if ((!strcmp(rel.era->id, "K2") || !strcmp(rel.era->id, "K3")) && f->kvm_noncoherent)
			level = emt_mtrr_kvm_max_level(&f->vcpu_mtrr[0], gfn, f->kvm_maxphyaddr);
		snprintf(want, sizeof(want), "%s level %u", member_text(value, "v"), (unsigned int)max);
		snprintf(got, sizeof(got), "%s level %u", types, level);
		rc = result(c, text, variant, want, got);
		if (rc)
			break;
	}
	return rc;
}

static int kvm_line(struct check *c, struct json_object *obj)
{
	struct json_object *queries = member(obj, "queries"), *facts;
	struct emt_facts f;
	int rc;

	if (!json_object_is_type(queries, json_type_array))
		return malformed(c, "queries is missing");
	facts = kvm_facts(obj);
	emt_facts_init(&f);
	rc = emt_facts_from_json(&f, facts, ORIGIN, c->file, c->ctx->err);
	json_object_put(facts);
	if (!rc && !f.nr_vcpus)
		rc = malformed(c, "guest_mtrr is missing");
	for (size_t i = 0; i < json_object_array_length(queries) && !rc; i++)
		rc = kvm_query(c, &f, json_object_array_get_idx(queries, i));
	emt_facts_free(&f);
	return rc;
}

/* ---- entries ---- */

static int epte_layout(struct check *c, struct json_object *obj, uint64_t raw, const char *name,
		       struct json_object *fields)
{
	const struct emt_epte_layout *l = emt_epte_layout_by_name(name);
	bool from46 = strcmp(name, "4.4") && strcmp(name, "4.5");
	char want[900] = "", got[900] = "";
	size_t w = 0, g = 0;

	if (!l)
		return malformed(c, "a layout that no release has");
	if (!json_object_is_type(fields, json_type_object))
		return malformed(c, "a layout holds fields");
	json_object_object_foreach(fields, field, value) {
		const struct emt_epte_field *f = emt_epte_field(l, field);
		uint64_t v;

		if (!number(value, &v))
			return malformed(c, "a field is a number");
		w += (size_t)snprintf(want + w, w < sizeof(want) ? sizeof(want) - w : 0, "%s=0x%llx ", field,
				      (unsigned long long)v);
		g += (size_t)snprintf(got + g, g < sizeof(got) ? sizeof(got) - g : 0, "%s=0x%llx ",
				      f ? field : "?", f ? (unsigned long long)emt_epte_get(raw, f) : 0ull);
		if (w >= sizeof(want) || g >= sizeof(got))
			return malformed(c, "too many fields");
	}
	if (from46)
		snprintf(want + w, sizeof(want) - w, "valid=%d present=%d",
			 json_object_get_boolean(member(obj, "is_valid_46plus")),
			 json_object_get_boolean(member(obj, "is_present")));
	else
		snprintf(want + w, sizeof(want) - w, "present=%d",
			 json_object_get_boolean(member(obj, "is_present")));
	if (from46)
		snprintf(got + g, sizeof(got) - g, "valid=%d present=%d", emt_epte_valid(raw, l),
			 emt_epte_present(raw));
	else
		snprintf(got + g, sizeof(got) - g, "present=%d", emt_epte_present(raw));
	return result(c, "fields", name, want, got);
}

static int epte_d_line(struct check *c, struct json_object *d, uint64_t raw)
{
	const char *want = member_text(d, "line_45plus");
	struct emt_run run;
	uint64_t gfn, order;
	char got[160];

	if (!want || !member_number(d, "gfn", &gfn) || !member_number(d, "order", &order) || order > 18)
		return malformed(c, "D needs gfn, order and line_45plus");
	emt_epte_to_run(raw, emt_epte_layout_by_name("master"), gfn, (unsigned int)order, true,
			json_object_get_boolean(member(d, "ancestor_pending")), &run);
	emt_epte_d_line(&run, got, sizeof(got));
	return result(c, "line of key D", "4.5+", want, got);
}

static int epte_line(struct check *c, struct json_object *obj)
{
	struct json_object *decode = member(obj, "decode"), *d = member(obj, "D");
	uint64_t raw;
	int rc = 0;

	if (!member_number(obj, "epte", &raw) || !json_object_is_type(decode, json_type_object))
		return malformed(c, "epte or decode is missing");
	c->id = member_text(obj, "epte");
	json_object_object_foreach(decode, name, fields)
		if (!rc)
			rc = epte_layout(c, obj, raw, name, fields);
	if (!rc && d)
		rc = epte_d_line(c, d, raw);
	return rc;
}

/* ---- files ---- */

static int one_line(struct check *c, const char *text, size_t len)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *obj;
	int rc;

	if (!tok)
		return emt_err_set(c->ctx->err, EMT_E_NOMEM, c->file, NULL, "not enough memory");
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	obj = len > INT32_MAX ? NULL : json_tokener_parse_ex(tok, text, (int)len);
	/* Numbers end only at something that is no digit; objects end by themselves. */
	if (!obj || json_tokener_get_error(tok) != json_tokener_success) {
		rc = malformed(c, json_tokener_error_desc(json_tokener_get_error(tok)));
		json_object_put(obj);
		json_tokener_free(tok);
		return rc;
	}
	json_tokener_free(tok);
	c->id = member_text(obj, "id");
	c->id = c->id ? c->id : "";
	if (member(obj, "env")) {
		c->format = FORMAT_XEN;
		rc = xen_line(c, obj);
	} else if (member(obj, "guest_mtrr")) {
		c->format = FORMAT_KVM;
		rc = kvm_line(c, obj);
	} else if (member(obj, "epte")) {
		c->format = FORMAT_EPTE;
		rc = epte_line(c, obj);
	} else {
		rc = malformed(c, "no scenario of Xen, of KVM, nor an entry");
	}
	json_object_put(obj);
	return rc;
}

static int check_file(struct check *c, const char *path)
{
	struct emt_lines *l;
	struct emt_rec *rec;
	size_t len;
	char *text;
	int rc, got = 0;

	c->file = path;
	c->format = FORMAT_NONE;
	c->results = c->differ = 0;
	rc = emt_lines_open(&l, path, c->ctx->err);
	if (rc)
		return rc;
	while (!rc && (got = emt_lines_next(l, &text, &len, c->ctx->err)) > 0) {
		c->line = emt_lines_number(l);
		if (text[strspn(text, " \t")])
			rc = one_line(c, text, len);
		if (!rc)
			rc = emt_ctx_cancelled(c->ctx);
	}
	emt_lines_close(l);
	if (!rc && got < 0)
		rc = got;
	if (rc)
		return rc;
	c->all_results += c->results;
	c->all_differ += c->differ;
	rec = emt_out_rec(c->ctx->out, &emt_kind_check_file);
	if (rec) {
		emt_rec_str(rec, CFILE_FILE, path);
		emt_rec_str(rec, CFILE_FORMAT, format_names[c->format]);
		emt_rec_u64(rec, CFILE_LINES, c->line);
		emt_rec_u64(rec, CFILE_RESULTS, c->results);
		emt_rec_u64(rec, CFILE_DIFFER, c->differ);
	}
	return emt_out_put(c->ctx->out, rec, c->ctx->err);
}

static int run_check(struct emt_ctx *ctx)
{
	struct check c = { .ctx = ctx, .all = emt_parse_flag(ctx->args, "all") };
	struct emt_rec *rec;
	int rc = 0;

	for (const struct emt_value *v = emt_parse_get(ctx->args, "file"); v && !rc;
	     v = emt_parse_next(ctx->args, v)) {
		c.line = 0;
		rc = check_file(&c, v->text);
	}
	if (rc)
		return rc;
	if (!c.all_results)
		return emt_err_set(ctx->err, EMT_E_FORMAT, c.file, NULL, "holds no results to compare");
	rec = emt_out_rec(ctx->out, &emt_kind_check_total);
	if (rec) {
		emt_rec_u64(rec, CTOTAL_RESULTS, c.all_results);
		emt_rec_u64(rec, CTOTAL_DIFFER, c.all_differ);
		emt_rec_u64(rec, CTOTAL_LISTED, c.listed);
	}
	ctx->findings = c.all_differ > 0;
	return emt_out_put(ctx->out, rec, ctx->err);
}

static const struct emt_arg args[] = {
	{ .name = "file", .type = EMT_ARG_FILE, .metavar = "FILE",
	  .flags = EMT_ARGF_POSITIONAL | EMT_ARGF_REQUIRED | EMT_ARGF_REPEAT,
	  .help = "vector file: one JSON object a line, plain or zstd" },
	{ .name = "all", .type = EMT_ARG_FLAG, .letter = 'a', .help = "list every difference" },
};
static const struct emt_section sections[] = {
	{ "differences", &emt_kind_difference, EMT_SECTION_MAIN, NULL },
	{ "files", &emt_kind_check_file, 0, NULL },
	{ "total", &emt_kind_check_total, EMT_SECTION_ONE, NULL },
};
static const struct emt_reply reply = { "emt.policy.check", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "policy check tests/data/vectors/emt-xen.jsonl.zst",
	  "do the rules here agree with Xen's own functions?" },
};

const struct emt_command emt_cmd_policy_check = {
	.name = "policy check",
	.group = "Rules",
	.summary = "compare the rules with recorded results of real hypervisors",
	.description =
		"Reads files of inputs and of what hypervisors' own functions returned for them, "
		"evaluates the rules here on the same inputs and lists each difference. A result is one "
		"query under one release of Xen, one query under one variant of KVM (type and mapping "
		"level together), one raw entry decoded in one layout, or one line of key D. The last "
		"line says how many there were and how many differ.\n\n"
		"Exit status: 0 all agree; 1 some differ; 2 a file cannot be read.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_check,
};
