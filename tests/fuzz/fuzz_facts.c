/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts from a text: no crash; an error names something; what was read is written
 * and read back to the same text.
 */
#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "capture/facts_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *text_of(const struct emt_facts *f)
{
	struct json_object *obj = emt_facts_to_json(f);
	char *text;

	if (!obj)
		abort();
	text = strdup(json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PLAIN));
	json_object_put(obj);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct emt_facts f, g;
	struct emt_err err = { 0 };
	char *first, *second;
	int rc;

	emt_facts_init(&f);
	rc = emt_facts_from_text(&f, (const char *)data, size, "fuzz", "text", &err);
	if (rc) {
		if (err.code != rc || !err.text[0] || !err.next[0])
			abort();
		emt_facts_free(&f);
		return 0;
	}
	first = text_of(&f);
	emt_facts_init(&g);
	if (emt_facts_from_text(&g, first, strlen(first), "other", "text", &err))
		abort();
	second = text_of(&g);
	if (strcmp(first, second))
		abort();
	if (emt_facts_derive(&g))
		abort();
	free(first);
	free(second);
	emt_facts_free(&f);
	emt_facts_free(&g);
	return 0;
}
