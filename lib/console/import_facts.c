/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/import_facts.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture/facts_json.h"
#include "console/import_input.h"

#define ORIGIN "facts file"
#define FILE_MAX (64u << 20)

/* One domain's object of "domains"; the key must be a domain id. */
static int check_domain(const struct emt_facts_file *ff, const char *key, struct json_object *obj,
			struct emt_err *err)
{
	struct emt_facts f;
	char subject[128];
	uint64_t id;
	int rc;

	if (emt_parse_u64(key, &id) || id >= UINT32_MAX)
		return emt_err_set(err, EMT_E_FORMAT, ff->name, "name domains by their number: \"1\"",
				   "\"domains\" names \"%.40s\", which is no domain id", key);
	if (!json_object_is_type(obj, json_type_object))
		return emt_err_set(err, EMT_E_FORMAT, ff->name, NULL,
				   "\"domains\": the facts of domain %s are not an object", key);
	snprintf(subject, sizeof(subject), "%.80s, domain %s", ff->name, key);
	emt_facts_init(&f);
	rc = emt_facts_from_json(&f, obj, ORIGIN, subject, err);
	emt_facts_free(&f);
	return rc;
}

static int check(struct emt_facts_file *ff, struct emt_err *err)
{
	struct emt_facts f;
	int rc;

	emt_facts_init(&f);
	rc = ff->plain ? emt_facts_from_json(&f, ff->plain, ORIGIN, ff->name, err) :
	     emt_facts_from_text(&f, ff->text, ff->len, ORIGIN, ff->name, err);
	emt_facts_free(&f);
	if (rc || !ff->domains)
		return rc;
	json_object_object_foreach(ff->domains, key, val) {
		rc = check_domain(ff, key, val, err);
		if (rc)
			return rc;
	}
	return 0;
}

static int sort_out(struct emt_facts_file *ff, struct json_object *all, struct emt_err *err)
{
	struct json_object *domains, *domid;

	if (json_object_object_get_ex(all, "domid", &domid)) {
		ff->domid = json_object_get_int64(domid);
		if (!json_object_is_type(domid, json_type_int) || ff->domid < 0 || ff->domid >= UINT32_MAX)
			return emt_err_set(err, EMT_E_FORMAT, ff->name, NULL, "\"domid\" is no domain id");
	}
	if (!json_object_object_get_ex(all, "domains", &domains))
		return 0;
	if (!json_object_is_type(domains, json_type_object))
		return emt_err_set(err, EMT_E_FORMAT, ff->name, "write \"domains\": {\"1\": {...}}",
				   "\"domains\" is not an object");
	ff->domains = json_object_get(domains);
	json_object_object_del(all, "domains");
	ff->plain = json_object_get(all);
	return 0;
}

int emt_facts_file_read(struct emt_facts_file *ff, const char *path, struct emt_err *err)
{
	struct json_object *all = NULL;
	struct json_tokener *tok;
	int rc;

	*ff = (struct emt_facts_file){ .name = path, .domid = -1 };
	rc = emt_input_slurp(path, FILE_MAX, &ff->text, &ff->len, err);
	if (rc)
		return rc;
	tok = json_tokener_new();
	if (!tok)
		return emt_err_set(err, EMT_E_NOMEM, path, NULL, "out of memory");
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	all = json_tokener_parse_ex(tok, ff->text, (int)ff->len);
	/* What is no JSON is left to the reader of facts, who says where. */
	if (json_tokener_get_error(tok) == json_tokener_success && json_object_is_type(all, json_type_object))
		rc = sort_out(ff, all, err);
	json_object_put(all);
	json_tokener_free(tok);
	return rc ? rc : check(ff, err);
}

int emt_facts_file_apply(const struct emt_facts_file *ff, uint32_t domid, struct emt_facts *f,
			 struct emt_err *err)
{
	struct json_object *obj;
	char key[16];
	int rc = 0;

	if (ff->domid < 0 || ff->domid == (int64_t)domid)
		rc = ff->plain ? emt_facts_from_json(f, ff->plain, ORIGIN, ff->name, err) :
		     emt_facts_from_text(f, ff->text, ff->len, ORIGIN, ff->name, err);
	snprintf(key, sizeof(key), "%u", domid);
	if (!rc && ff->domains && json_object_object_get_ex(ff->domains, key, &obj))
		rc = emt_facts_from_json(f, obj, ORIGIN, ff->name, err);
	f->domid = domid;
	return rc;
}

void emt_facts_file_free(struct emt_facts_file *ff)
{
	free(ff->text);
	json_object_put(ff->plain);
	json_object_put(ff->domains);
	*ff = (struct emt_facts_file){ .domid = -1 };
}
