/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/kind_metrics.h"

#define SHOWN EMT_COLF_SHOWN
#define NUL EMT_COLF_NULL

static const struct emt_column label_columns[MLAB_NR] = {
	[MLAB_NAME] = EMT_COLUMN("name", EMT_COL_STRING, SHOWN, "name of the label"),
	[MLAB_VALUE] = EMT_COLUMN("value", EMT_COL_STRING, SHOWN, "its value"),
};
static const struct emt_record_kind label = {
	.name = "metric_label", .schema = "emt.metric_label", .help = "a label of a sample",
	.columns = label_columns, .nr_columns = MLAB_NR,
};

static const struct emt_column sample_columns[MSAM_NR] = {
	[MSAM_LABELS] = EMT_COLUMN("labels", EMT_COL_LIST, SHOWN, "what it is about", .sub = &label),
	[MSAM_VALUE] =
		EMT_COLUMN("value", EMT_COL_STRING, SHOWN, "the number, in decimal, in the family's unit"),
};
static const struct emt_record_kind sample = {
	.name = "metric_sample", .schema = "emt.metric_sample", .help = "a sample of a metric family",
	.columns = sample_columns, .nr_columns = MSAM_NR,
};

static const struct emt_column family_columns[MFAM_NR] = {
	[MFAM_NAME] = EMT_COLUMN("name", EMT_COL_STRING, SHOWN, "name of the metric"),
	[MFAM_TYPE] = EMT_COLUMN("type", EMT_COL_STRING, SHOWN, "type of the metric: gauge"),
	[MFAM_UNIT] = EMT_COLUMN("unit", EMT_COL_STRING, NUL, "base unit; null for plain counts"),
	[MFAM_HELP] = EMT_COLUMN("help", EMT_COL_STRING, 0, "what it says"),
	[MFAM_SAMPLES] = EMT_COLUMN("samples", EMT_COL_LIST, SHOWN, "its samples", .sub = &sample),
};
const struct emt_record_kind emt_kind_metric_family = {
	.name = "metric_family", .schema = "emt.metric_family", .help = "a metric with its samples",
	.columns = family_columns, .nr_columns = MFAM_NR, .layout = emt_layout_metric_family,
};

static const struct emt_column result_columns[MRES_NR] = {
	[MRES_DOMAINS] = EMT_COLUMN("domains", EMT_COL_NUMBER, SHOWN, "domains audited"),
	[MRES_SAMPLES] = EMT_COLUMN("samples", EMT_COL_NUMBER, SHOWN, "samples in all families"),
	[MRES_FILE] = EMT_COLUMN("file", EMT_COL_STRING, NUL, "file they were written to; null for none"),
	[MRES_COMPLETE] = EMT_COLUMN("complete", EMT_COL_BOOL, SHOWN, "nothing was lost on the way"),
};
const struct emt_record_kind emt_kind_metrics_result = {
	.name = "metrics_result", .schema = "emt.metrics_result", .help = "the exposition as a whole",
	.columns = result_columns, .nr_columns = MRES_NR, .layout = emt_layout_metrics_result,
};

static void put_value(struct emt_text *t, const char *s)
{
	for (; *s; s++) {
		if (*s == '\n')
			emt_text_printf(t, "\\n");
		else
			emt_text_printf(t, "%s%c", *s == '\\' || *s == '"' ? "\\" : "", *s);
	}
}

int emt_layout_metric_family(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	const char *name = emt_rec_get_str(rec, MFAM_NAME);

	(void)variant;
	emt_text_printf(t, "# HELP %s %s\n", name, emt_rec_get_str(rec, MFAM_HELP));
	emt_text_printf(t, "# TYPE %s %s\n", name, emt_rec_get_str(rec, MFAM_TYPE));
	if (emt_rec_has(rec, MFAM_UNIT))
		emt_text_printf(t, "# UNIT %s %s\n", name, emt_rec_get_str(rec, MFAM_UNIT));
	for (size_t i = 0; i < emt_rec_count(rec, MFAM_SAMPLES); i++) {
		const struct emt_rec *s = emt_rec_at(rec, MFAM_SAMPLES, i);
		size_t n = emt_rec_count(s, MSAM_LABELS);

		emt_text_printf(t, "%s", name);
		for (size_t k = 0; k < n; k++) {
			const struct emt_rec *l = emt_rec_at(s, MSAM_LABELS, k);

			emt_text_printf(t, "%s%s=\"", k ? "," : "{", emt_rec_get_str(l, MLAB_NAME));
			put_value(t, emt_rec_get_str(l, MLAB_VALUE));
			emt_text_printf(t, "\"%s", k + 1 == n ? "}" : "");
		}
		emt_text_printf(t, " %s\n", emt_rec_get_str(s, MSAM_VALUE));
	}
	return 0;
}

int emt_layout_metrics_result(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	(void)rec;
	(void)variant;
	emt_text_printf(t, "# EOF\n");
	return 0;
}
