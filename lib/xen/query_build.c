/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xen/query_build.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory/dwarf.h"

const struct emt_query_field_desc emt_query_fields[EMT_QF_NR] = {
#define F(name, type, member, size) [EMT_QF_##name] = { type, member, size },
#define S(name, type) [EMT_QF_##name] = { type, "", 0 },
	EMT_QUERY_MEMBERS(F)
	EMT_QUERY_SIZES(S)
#undef F
#undef S
};

/* Only builds whose numbers were compared with the very hypervisor. */
static const struct emt_query_build builds[] = {
	{
		.build_id = "151b373fd64b321593bf987fd923cd10dabadac4",
		.release = "4.17.7 (Debian)",
		.numbers = {
			[EMT_QF_DOMAIN_ID] = 0,
			[EMT_QF_DOMAIN_VCPU] = 8,
			[EMT_QF_DOMAIN_OPTIONS] = 316,
			[EMT_QF_DOMAIN_IOMEM] = 504,
			[EMT_QF_DOMAIN_IOPORT] = 656,
			[EMT_QF_DOMAIN_P2M] = 1208,
			[EMT_QF_DOMAIN_PINS] = 840,
			[EMT_QF_VCPU_ID] = 0,
			[EMT_QF_VCPU_DOMAIN] = 16,
			[EMT_QF_VCPU_MTRR] = 2296,
			[EMT_QF_VCPU_CR] = 1024,
			[EMT_QF_P2M_DOMAIN] = 48,
			[EMT_QF_P2M_TABLE] = 80,
			[EMT_QF_P2M_MAX] = 216,
			[EMT_QF_P2M_EPTP] = 632,
			[EMT_QF_PAGE_COUNT] = 8,
			[EMT_QF_PAGE_OWNER] = 24,
			[EMT_QF_PIN_START] = 16,
			[EMT_QF_PIN_END] = 24,
			[EMT_QF_PIN_TYPE] = 32,
			[EMT_QF_MTRR_VAR] = 0,
			[EMT_QF_MTRR_FIXED] = 8,
			[EMT_QF_MTRR_ENABLED] = 96,
			[EMT_QF_MTRR_FE] = 97,
			[EMT_QF_MTRR_HAVE_FIXED] = 98,
			[EMT_QF_MTRR_DEF] = 99,
			[EMT_QF_MTRR_CAP] = 104,
			[EMT_QF_RANGESET_DOMAIN] = 16,
			[EMT_QF_RANGESET_NAME] = 60,
			[EMT_QF_CURRENT_VCPU] = 208,
			[EMT_QF_PAGE_SIZEOF] = 32,
			[EMT_QF_CPU_INFO_SIZEOF] = 264,
		},
	},
};

char *emt_query_field_name(unsigned int field, char *out, size_t room)
{
	const struct emt_query_field_desc *d = field < EMT_QF_NR ? &emt_query_fields[field] : NULL;

	if (!d)
		snprintf(out, room, "?");
	else
		snprintf(out, room, "%s%s%s%s", *d->member ? "" : "sizeof ", d->type, *d->member ? "." : "", d->member);
	return out;
}

size_t emt_query_builds(void)
{
	return EMT_ARRAY_SIZE(builds);
}

const struct emt_query_build *emt_query_build_at(size_t i)
{
	return i < EMT_ARRAY_SIZE(builds) ? &builds[i] : NULL;
}

const struct emt_query_build *emt_query_build_find(const char *build_id)
{
	for (size_t i = 0; i < EMT_ARRAY_SIZE(builds); i++)
		if (!strcmp(builds[i].build_id, build_id))
			return &builds[i];
	return NULL;
}

/* ---- of a xen-syms ---- */

static int check_symbols(const struct emt_symbols *s, const char *path, struct emt_err *err)
{
	static const char *const names[] = {
#define F(name) name,
		EMT_QUERY_SYMBOLS(F)
#undef F
	};
	char list[240] = "";
	size_t len = 0;

	if (emt_symbol(s, "xsm_ops") || emt_symbol(s, "flask_ops"))
		return emt_err_set(err, EMT_E_UNSUPPORTED, path, NULL,
				   "this Xen has a security module (XSM), whose checks the payload would pass by");
	for (size_t i = 0; i < EMT_ARRAY_SIZE(names); i++)
		if (!emt_symbol(s, names[i]) && len < sizeof(list))
			len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", len ? ", " : "", names[i]);
	return len ? emt_err_set(err, EMT_E_MISSING, path, "the payload serves Xen 4.17 builds that are like Debian's",
				 "lacks what the payload calls: %s", list) : 0;
}

int emt_query_build_syms(struct emt_query_build *b, const char *path, struct emt_err *err)
{
	struct emt_dwarf_member m[EMT_QF_NR];
	struct emt_err why = { 0 };
	struct emt_symbols *s;
	int rc;

	memset(b, 0, sizeof(*b));
	rc = emt_symbols_open(&s, path, err);
	if (rc)
		return rc;
	if (strlen(emt_symbols_build_id(s)) != 2 * EMT_BUILD_ID_BYTES)
		rc = emt_err_set(err, EMT_E_FORMAT, path, NULL, "its build id is not one of %d bytes",
				 EMT_BUILD_ID_BYTES);
	else
		snprintf(b->build_id, sizeof(b->build_id), "%s", emt_symbols_build_id(s));
	for (size_t i = 0; i < EMT_QF_NR; i++)
		m[i] = (struct emt_dwarf_member){ .type = emt_query_fields[i].type, .path = emt_query_fields[i].member,
						  .size = emt_query_fields[i].size };
	if (!rc)
		rc = emt_dwarf_members(path, m, EMT_QF_NR, &why);
	if (why.code)
		emt_err_set(err, rc, why.subject, "give the xen-syms of that very build, linked with its debug information",
			    "%s", why.text);
	for (size_t i = 0; i < EMT_QF_NR && !rc; i++)
		b->numbers[i] = m[i].offset;
	if (!rc)
		rc = check_symbols(s, path, err);
	emt_symbols_free(s);
	return rc;
}

/* ---- of a file ---- */

static const char *text_of(struct json_object *obj, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(obj, key, &v) && json_object_is_type(v, json_type_string) ?
		json_object_get_string(v) : "";
}

static int find_field(const char *type, const char *member)
{
	for (int i = 0; i < EMT_QF_NR; i++)
		if (!strcmp(emt_query_fields[i].type, type) && !strcmp(emt_query_fields[i].member, member))
			return i;
	return -1;
}

static int wrong(const char *path, struct emt_err *err, const char *what, const char *detail)
{
	return emt_err_set(err, EMT_E_FORMAT, path, "make it with: emtctl query offsets XEN-SYMS --json", "%s%s%s", what,
			   detail ? " " : "", detail ? detail : "");
}

static int read_numbers(struct emt_query_build *b, struct json_object *list, const char *path, struct emt_err *err)
{
	bool have[EMT_QF_NR] = { false };
	char name[96];

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i), *v;
		int f = find_field(text_of(o, "struct"), text_of(o, "member"));

		if (f < 0 || have[f])
			return wrong(path, err, f < 0 ? "names what is not needed:" : "names twice:", text_of(o, "member"));
		if (!json_object_object_get_ex(o, "bytes", &v) || !json_object_is_type(v, json_type_int) ||
		    json_object_get_int64(v) < 0 || json_object_get_int64(v) > UINT16_MAX)
			return wrong(path, err, "no number of bytes for", emt_query_field_name((unsigned int)f, name, sizeof(name)));
		b->numbers[f] = (uint64_t)json_object_get_int64(v);
		have[f] = true;
	}
	for (unsigned int f = 0; f < EMT_QF_NR; f++)
		if (!have[f])
			return wrong(path, err, "lacks", emt_query_field_name(f, name, sizeof(name)));
	return 0;
}

int emt_query_build_read(struct emt_query_build *b, const char *path, struct emt_err *err)
{
	struct json_object *root, *data, *build, *list;
	const char *id;
	int rc = 0;

	memset(b, 0, sizeof(*b));
	root = json_object_from_file(path);
	if (!root)
		return emt_err_set(err, EMT_E_FORMAT, path, "make it with: emtctl query offsets XEN-SYMS --json",
				   "is not readable, or not JSON");
	if (strcmp(text_of(root, "schema"), "emt.query_offsets"))
		rc = wrong(path, err, "is not what query offsets prints", NULL);
	else if (!json_object_object_get_ex(root, "data", &data) || !json_object_object_get_ex(data, "build", &build) ||
		 !json_object_object_get_ex(data, "numbers", &list) || !json_object_is_type(list, json_type_array))
		rc = wrong(path, err, "has no build or no numbers", NULL);
	else {
		id = text_of(build, "build_id");
		if (strlen(id) != 2 * EMT_BUILD_ID_BYTES || id[strspn(id, "0123456789abcdef")])
			rc = wrong(path, err, "its build id is none:", id);
		snprintf(b->build_id, sizeof(b->build_id), "%s", rc ? "" : id);
		if (!rc)
			rc = read_numbers(b, list, path, err);
	}
	json_object_put(root);
	return rc;
}
