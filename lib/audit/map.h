/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's address space condensed: a list of stretches in gfn order that is made
 * coarser whenever it grows too long, so that memory is bounded whatever the guest.
 * Where it is still fine enough a stretch is exactly one type and verdict.
 */
#ifndef EMT_AUDIT_MAP_H
#define EMT_AUDIT_MAP_H

#include "audit/audit.h"

/* What a frame is drawn as. */
enum emt_map_class {
	EMT_MAP_WB, EMT_MAP_UC, EMT_MAP_WC, EMT_MAP_WT, EMT_MAP_WP,
	EMT_MAP_PENDING,  /* EMT 7 here or above */
	EMT_MAP_RESERVED, /* EMT 2, 3, or 7 where that is no mark */
	EMT_MAP_POD,      /* populate on demand */
	EMT_MAP_NONE,     /* an entry without permissions, or without a type shown */
	/* a PV domain's p2m, which has no types; what is missing is "no-type" */
	EMT_MAP_FRAME,
	EMT_MAP_IDENTITY,
	EMT_MAP_FOREIGN,
	EMT_MAP_NR,
};
const char *
emt_map_class_name(unsigned int c); /* "WB" ... "pending", "reserved", "populate-on-demand", "no-type", "frame" ... */
char emt_map_class_letter(unsigned int c);      /* B U C T P ? X d - M I F */
const char *emt_map_class_text(unsigned int c); /* a few words for legends */

struct emt_map_cell {
	uint64_t first, last;          /* gfns */
	uint64_t frames[EMT_MAP_NR];   /* mapped frames by class */
	uint64_t total;                /* sum of 'frames' */
	emt_defect_mask defects;
	uint16_t verdicts;             /* bit = enum emt_verdict */
	uint8_t severity;              /* gravest of verdicts and defects, enum emt_severity */
};
/* Class with most frames, EMT_MAP_NR when nothing is mapped. */
unsigned int emt_map_main_class(const struct emt_map_cell *c);
/* More than one class. */
bool emt_map_mixed(const struct emt_map_cell *c);

struct emt_map;

/* Frames first-last only; 'room' is how many stretches are kept (at least 16). */
int emt_map_new(struct emt_map **out, uint64_t first, uint64_t last, size_t room);
void emt_map_free(struct emt_map *m);
/* Add a piece; pieces come in gfn order. Shaped as an emt_piece_cb. Never fails. */
int emt_map_add(const struct emt_piece *piece, void *map);

size_t emt_map_count(const struct emt_map *m);
const struct emt_map_cell *emt_map_get(const struct emt_map *m, size_t i);
/* Stretches may have been joined inside units of this many frames; 1 = all is exact. */
uint64_t emt_map_grain(const struct emt_map *m);

/* What lies in first-last, put together. Of a stretch that reaches beyond its share
 * by size is counted. */
void emt_map_sum(const struct emt_map *m, uint64_t first, uint64_t last, struct emt_map_cell *out);

/* Parts of the address space that are worth drawing: mapped stretches with the large
 * holes between them left out. Returns how many, at most 'room'. */
struct emt_map_area {
	uint64_t first, last;  /* gfns */
	uint64_t cell;         /* frames a cell, a power of two; set by emt_map_scale() */
};
size_t emt_map_areas(const struct emt_map *m, struct emt_map_area *v, size_t room);
/* Choose cell sizes so that no area takes more than 'cells' cells; areas then begin at
 * a multiple of their cell size. */
void emt_map_scale(struct emt_map_area *v, size_t n, uint64_t cells);

#endif
