/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/kind_map.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "command/kind_audit.h"
#include "command/layout.h"

#define SHOWN EMT_COLF_SHOWN
#define NUL EMT_COLF_NULL

static const struct emt_column cell_columns[MCEL_NR] = {
	[MCEL_FIRST_GFN] = EMT_COLUMN("first_gfn", EMT_COL_FRAME, 0, "first frame", .unit = "gfn"),
	[MCEL_LAST_GFN] = EMT_COLUMN("last_gfn", EMT_COL_FRAME, 0, "last frame", .unit = "gfn"),
	[MCEL_LETTER] =
		EMT_COLUMN("letter", EMT_COL_STRING, SHOWN, "letter of the type; . where nothing is mapped"),
	[MCEL_TYPE] = EMT_COLUMN("type", EMT_COL_STRING, 0, "type of most of its frames",
				 .word = emt_map_class_name, .nr_words = EMT_MAP_NR + 1),
	[MCEL_MIXED] = EMT_COLUMN("mixed", EMT_COL_BOOL, 0, "it holds several types"),
	[MCEL_MAPPED_BYTES] =
		EMT_COLUMN("mapped_bytes", EMT_COL_BYTES, 0, "memory mapped in it", .unit = "bytes"),
	[MCEL_TYPES] = EMT_COLUMN("types", EMT_COL_STRINGS, 0, "types in it", .word = emt_map_class_name,
				  .nr_words = EMT_MAP_NR),
	[MCEL_VERDICTS] = EMT_COLUMN("verdicts", EMT_COL_STRINGS, 0, "verdicts in it",
				     .word = emt_verdict_name, .nr_words = EMT_V_NR),
	[MCEL_DEFECTS] = EMT_COLUMN("defects", EMT_COL_STRINGS, 0, "known defects that concern it"),
	[MCEL_SEVERITY] = EMT_COLUMN("severity", EMT_COL_STRING, NUL, "gravest of verdicts and defects",
				     .word = emt_severity_name, .nr_words = EMT_SEV_NR),
};
const struct emt_record_kind emt_kind_map_cell = {
	.name = "map_cell", .schema = "emt.map_cell", .help = "a cell of the map", .columns = cell_columns,
	.nr_columns = MCEL_NR,
};

static const struct emt_column row_columns[MROW_NR] = {
	[MROW_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, 0, "domain id"),
	[MROW_AREA] = EMT_COLUMN("area", EMT_COL_NUMBER, SHOWN, "area of the address space, from 0"),
	[MROW_ROW] = EMT_COLUMN("row", EMT_COL_NUMBER, 0, "row in the area, from 0"),
	[MROW_AREA_FIRST] =
		EMT_COLUMN("area_first_gfn", EMT_COL_FRAME, 0, "first frame of the area", .unit = "gfn"),
	[MROW_AREA_LAST] =
		EMT_COLUMN("area_last_gfn", EMT_COL_FRAME, 0, "last mapped frame of the area", .unit = "gfn"),
	[MROW_FIRST_GFN] =
		EMT_COLUMN("first_gfn", EMT_COL_FRAME, SHOWN, "first frame of the row", .unit = "gfn"),
	[MROW_CELL_BYTES] =
		EMT_COLUMN("cell_bytes", EMT_COL_BYTES, SHOWN, "memory a cell stands for", .unit = "bytes"),
	[MROW_CELLS] =
		EMT_COLUMN("cells", EMT_COL_LIST, SHOWN, "the cells", .sub = &emt_kind_map_cell, .join = ""),
};

static enum emt_style style_of(char letter)
{
	switch (letter) {
	case 'B': return EMT_STYLE_GOOD;
	case 'U': return EMT_STYLE_WARN;
	case 'C': return EMT_STYLE_INFO;
	case 'T':
	case 'P': return EMT_STYLE_STRONG;
	case 'X': return EMT_STYLE_BAD;
	default: return EMT_STYLE_FAINT;
	}
}

/* The letters, with one escape sequence for neighbours of one colour. */
static void put_cells(const struct emt_rec *rec, struct emt_text *t)
{
	size_t n = emt_rec_count(rec, MROW_CELLS);

	for (size_t i = 0; i < n;) {
		enum emt_style style =
			style_of(*emt_rec_get_str(emt_rec_at(rec, MROW_CELLS, i), MCEL_LETTER));
		char text[80];
		size_t k = 0;

		for (; i < n && k + 1 < sizeof(text); i++, k++) {
			const struct emt_rec *c = emt_rec_at(rec, MROW_CELLS, i);
			char letter = *emt_rec_get_str(c, MCEL_LETTER);

			if (style_of(letter) != style)
				break;
			text[k] = emt_rec_get_bool(c, MCEL_MIXED) ? (char)tolower((unsigned char)letter)
								  : letter;
		}
		text[k] = '\0';
		emt_text_puts(t, style, text);
	}
	emt_text_printf(t, "\n");
}

static void put_marks(const struct emt_rec *rec, struct emt_text *t)
{
	size_t n = emt_rec_count(rec, MROW_CELLS), end = 0;
	char marks[300];

	for (size_t i = 0; i < n && i + 1 < sizeof(marks); i++) {
		int s = emt_severity_parse(emt_rec_get_str(emt_rec_at(rec, MROW_CELLS, i), MCEL_SEVERITY));

		marks[i] = s >= EMT_SEV_ERROR ? '^' : s == EMT_SEV_WARNING ? '\'' : ' ';
		end = marks[i] != ' ' ? i + 1 : end;
	}
	if (!end)
		return;
	marks[end] = '\0';
	emt_text_printf(t, "%14s", "");
	emt_text_puts(t, EMT_STYLE_BAD, marks);
	emt_text_printf(t, "\n");
}

static int layout_row(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	char range[64], cell[32], size[32];
	uint64_t first = emt_rec_get_u64(rec, MROW_AREA_FIRST), last = emt_rec_get_u64(rec, MROW_AREA_LAST);

	(void)variant;
	if (!emt_rec_get_u64(rec, MROW_ROW)) {
		emt_text_gap(t);
		emt_text_puts(t, EMT_STYLE_STRONG, emt_fmt_range(first, last, range, sizeof(range)));
		emt_text_printf(t, "  %s, a cell is %s\n",
				emt_fmt_bytes((last - first + 1) * 4096, size, sizeof(size)),
				emt_fmt_bytes(emt_rec_get_u64(rec, MROW_CELL_BYTES), cell, sizeof(cell)));
	}
	snprintf(cell, sizeof(cell), "0x%llx", (unsigned long long)emt_rec_get_u64(rec, MROW_FIRST_GFN));
	emt_text_printf(t, "  %11s ", cell);
	put_cells(rec, t);
	put_marks(rec, t);
	return 0;
}

const struct emt_record_kind emt_kind_map_row = {
	.name = "map_row", .schema = "emt.map_row", .help = "a row of the map", .columns = row_columns,
	.nr_columns = MROW_NR, .layout = layout_row,
};

static const struct emt_column type_columns[MTYP_NR] = {
	[MTYP_TYPE] = EMT_COLUMN("type", EMT_COL_STRING, SHOWN, "type", .word = emt_map_class_name,
				 .nr_words = EMT_MAP_NR),
	[MTYP_BYTES] = EMT_COLUMN("bytes", EMT_COL_BYTES, SHOWN, "memory mapped with it", .unit = "bytes"),
};
const struct emt_record_kind emt_kind_map_type = {
	.name = "map_type",
	.schema = "emt.map_type",
	.help = "memory by what it is drawn as",
	.columns = type_columns,
	.nr_columns = MTYP_NR,
};

static const struct emt_column domain_columns[MDOM_NR] = {
	[MDOM_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, SHOWN, "domain id"),
	[MDOM_NAME] = EMT_COLUMN("name", EMT_COL_STRING, SHOWN | NUL, "name; null when not known"),
	[MDOM_RELEASE] = EMT_COLUMN("release", EMT_COL_STRING, SHOWN, "release whose rules were used"),
	[MDOM_FIRST_GFN] =
		EMT_COLUMN("first_gfn", EMT_COL_FRAME, SHOWN | NUL, "first mapped frame", .unit = "gfn"),
	[MDOM_LAST_GFN] =
		EMT_COLUMN("last_gfn", EMT_COL_FRAME, SHOWN | NUL, "last mapped frame", .unit = "gfn"),
	[MDOM_BYTES] = EMT_COLUMN("bytes", EMT_COL_BYTES, SHOWN, "memory drawn", .unit = "bytes"),
	[MDOM_TYPES] = EMT_COLUMN("types", EMT_COL_LIST, SHOWN, "the same by type", .sub = &emt_kind_map_type,
				  .join = ", "),
	[MDOM_FINDINGS] = EMT_COLUMN("findings", EMT_COL_NUMBER, SHOWN,
				     "findings of the whole domain, level warning or worse"),
	[MDOM_FILE] = EMT_COLUMN("file", EMT_COL_STRING, NUL, "page that was written"),
	[MDOM_COMPLETE] = EMT_COLUMN("complete", EMT_COL_BOOL, 0, "everything was read"),
};

static int layout_domain(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	uint64_t findings = emt_rec_get_u64(rec, MDOM_FINDINGS);
	char text[64], n[32];

	(void)variant;
	emt_text_gap(t);
	snprintf(text, sizeof(text), "domain %llu", (unsigned long long)emt_rec_get_u64(rec, MDOM_DOMAIN));
	emt_text_puts(t, EMT_STYLE_STRONG, text);
	if (emt_rec_has(rec, MDOM_NAME))
		emt_text_printf(t, " (%s)", emt_rec_get_str(rec, MDOM_NAME));
	emt_text_printf(t, ", %s: %s, %llu finding%s\n", emt_rec_get_str(rec, MDOM_RELEASE),
			emt_fmt_bytes(emt_rec_get_u64(rec, MDOM_BYTES), n, sizeof(n)),
			(unsigned long long)findings, findings == 1 ? "" : "s");
	for (size_t i = 0; i < emt_rec_count(rec, MDOM_TYPES); i++) {
		const struct emt_rec *one = emt_rec_at(rec, MDOM_TYPES, i);
		const char *name = emt_rec_get_str(one, MTYP_TYPE);
		unsigned int c = 0;

		while (c < EMT_MAP_NR && strcmp(emt_map_class_name(c), name))
			c++;
		snprintf(text, sizeof(text), "%c", emt_map_class_letter(c));
		emt_text_printf(t, "  ");
		emt_text_puts(t, style_of(*text), text);
		emt_text_printf(t, "  %-10s %s\n",
				emt_fmt_bytes(emt_rec_get_u64(one, MTYP_BYTES), n, sizeof(n)),
				emt_map_class_text(c));
	}
	emt_text_printf(t, "  small letters: mixed; .: nothing mapped; below: ^ error, ' warning\n");
	if (!emt_rec_get_bool(rec, MDOM_COMPLETE))
		emt_text_para(t, "  ", 2,
			      "The source is incomplete: what is missing is drawn as not mapped.");
	if (emt_rec_has(rec, MDOM_FILE))
		emt_text_printf(t, "  page written: %s\n", emt_rec_get_str(rec, MDOM_FILE));
	return 0;
}

const struct emt_record_kind emt_kind_map_domain = {
	.name = "map_domain", .schema = "emt.map_domain", .help = "the domain drawn, and the legend",
	.columns = domain_columns, .nr_columns = MDOM_NR, .layout = layout_domain,
};
