/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Record kinds of `map`.
 */
#ifndef EMT_COMMAND_KIND_MAP_H
#define EMT_COMMAND_KIND_MAP_H

#include "audit/map.h"
#include "output/record.h"

enum { MCEL_FIRST_GFN, MCEL_LAST_GFN, MCEL_LETTER, MCEL_TYPE, MCEL_MIXED, MCEL_MAPPED_BYTES, MCEL_TYPES, MCEL_VERDICTS,
       MCEL_DEFECTS, MCEL_SEVERITY, MCEL_NR };
extern const struct emt_record_kind emt_kind_map_cell;

/* A row of cells. */
enum { MROW_DOMAIN, MROW_AREA, MROW_ROW, MROW_AREA_FIRST, MROW_AREA_LAST, MROW_FIRST_GFN, MROW_CELL_BYTES, MROW_CELLS,
       MROW_NR };
extern const struct emt_record_kind emt_kind_map_row;

enum { MTYP_TYPE, MTYP_BYTES, MTYP_NR };
extern const struct emt_record_kind emt_kind_map_type;

enum { MDOM_DOMAIN, MDOM_NAME, MDOM_RELEASE, MDOM_FIRST_GFN, MDOM_LAST_GFN, MDOM_BYTES, MDOM_TYPES, MDOM_FINDINGS,
       MDOM_FILE, MDOM_COMPLETE, MDOM_NR };
extern const struct emt_record_kind emt_kind_map_domain;

#endif
