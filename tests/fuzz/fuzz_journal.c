/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A journal of any content: no crash; what it says of a domain can be written into a
 * capture and read back; its mappings ascend.
 */
#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/facts_json.h"
#include "source/journal_facts.h"
#include "source/journal_mappings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void facts(const char *path)
{
	struct emt_facts f, g;
	struct emt_err err = { 0 };
	struct json_object *obj;
	const char *text;

	emt_facts_init(&f);
	if (emt_journal_facts(path, 5, 1767268800, &f))
		abort();
	for (size_t i = 0; i < f.iomem_caps.n; i++)
		if (f.iomem_caps.v[i].first > f.iomem_caps.v[i].last)
			abort();
	obj = emt_facts_to_json(&f);
	if (!obj)
		abort();
	text = json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PLAIN);
	emt_facts_init(&g);
	if (emt_facts_from_text(&g, text, strlen(text), "fuzz", "text", &err)) {
		fprintf(stderr, "%s\n%s: %s\n", text, err.subject, err.text);
		abort();
	}
	if (emt_facts_derive(&g))
		abort();
	json_object_put(obj);
	emt_facts_free(&f);
	emt_facts_free(&g);
}

static void mappings(const char *path)
{
	struct emt_mappings m;
	struct emt_err err = { 0 };

	if (!emt_journal_mappings(path, 5, &m, &err))
		for (size_t i = 1; i < m.n; i++)
			if (m.v[i - 1].gfn >= m.v[i].gfn || m.v[i].by >= m.nr_by)
				abort();
	emt_mappings_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("journal", MFD_CLOEXEC);
	char path[64];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	facts(path);
	mappings(path);
	close(fd);
	return 0;
}
