/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One page that shows a guest's address space with its findings and facts. It holds
 * all it needs: no network, no other file. Every text from captures is data to it,
 * never markup.
 */
#ifndef EMT_OUTPUT_MAP_HTML_H
#define EMT_OUTPUT_MAP_HTML_H

#include <json-c/json_types.h>

#include "audit/findings.h"
#include "audit/map.h"
#include "output/buffer.h"

/* Stretches of a map for a page: what keeps it under 2 MB. */
#define EMT_MAP_PAGE_STRETCHES 16384

struct emt_map_page_row {
	const char *name, *text;
};

struct emt_map_page {
	const char *title;    /* "domain 5 (web)" */
	const char *source;
	const struct emt_map *map;
	const struct emt_findings *findings;
	const struct emt_facts *facts;
	const struct emt_release *release;
	int64_t time;         /* of the walk; 0 = not stated */
	bool complete;
	const struct emt_map_page_row *rows; /* a table before the map; 'nr_rows' of them */
	size_t nr_rows;
	/* What happened to its findings: a JSON array of objects of texts "first_seen",
	 * "last_seen", "state", "severity", "what"; NULL = no history is known. */
	struct json_object *history;
};

/* Write the page into 'b'. 0, EMT_E_NOMEM or EMT_E_IO. */
int emt_map_html(struct emt_buffer *b, const struct emt_map_page *page, struct emt_err *err);

/* The same to a file; one that could not be written whole is removed. */
int emt_map_html_file(const char *path, const struct emt_map_page *page, struct emt_err *err);

/* The fixed parts: before the data, and behind it. */
extern const char emt_map_page_head[];
extern const char emt_map_page_tail[];

#endif
