/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Record kinds of `metrics`: families of samples, with the text of OpenMetrics.
 */
#ifndef EMT_COMMAND_KIND_METRICS_H
#define EMT_COMMAND_KIND_METRICS_H

#include "output/record.h"
#include "output/text.h"

enum { MLAB_NAME, MLAB_VALUE, MLAB_NR };
enum { MSAM_LABELS, MSAM_VALUE, MSAM_NR };
enum { MFAM_NAME, MFAM_TYPE, MFAM_UNIT, MFAM_HELP, MFAM_SAMPLES, MFAM_NR };
extern const struct emt_record_kind emt_kind_metric_family;

enum { MRES_DOMAINS, MRES_SAMPLES, MRES_FILE, MRES_COMPLETE, MRES_NR };
extern const struct emt_record_kind emt_kind_metrics_result;

/* A family as OpenMetrics text 1.0.0 has it, which readers of Prometheus text 0.0.4
 * take as well: only gauges, and UNIT is a comment to them. */
int emt_layout_metric_family(const struct emt_rec *rec, struct emt_text *t, unsigned int variant);
/* The line that ends an exposition. */
int emt_layout_metrics_result(const struct emt_rec *rec, struct emt_text *t, unsigned int variant);

#endif
