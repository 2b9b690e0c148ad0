/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * version: what this build is and can do.
 */
#include <json-c/json_c_version.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <string.h>
#include <zstd.h>

#include "base/bpf.h"
#include "command/ctx.h"
#include "command/layout.h"

enum { FEAT_NAME, FEAT_PRESENT, FEAT_HELP, FEAT_NR };
static const struct emt_column feature_columns[FEAT_NR] = {
	[FEAT_NAME] = EMT_COLUMN("name", EMT_COL_STRING, EMT_COLF_SHOWN, "feature"),
	[FEAT_PRESENT] = EMT_COLUMN("present", EMT_COL_BOOL, EMT_COLF_SHOWN, "it is built in"),
	[FEAT_HELP] = EMT_COLUMN("help", EMT_COL_STRING, EMT_COLF_SHOWN, "what it is for"),
};
static const struct emt_record_kind kind_feature = {
	.name = "feature", .schema = "emt.feature", .help = "something a build may have",
	.columns = feature_columns, .nr_columns = FEAT_NR,
};

enum {
	VRS_TOOL,
	VRS_VERSION,
	VRS_CAPTURE_MAJOR,
	VRS_CAPTURE_MINOR,
	VRS_NEWEST_XEN,
	VRS_NEWEST_KVM,
	VRS_LIBRARIES,
	VRS_FEATURES,
	VRS_NR
};
static const struct emt_column version_columns[VRS_NR] = {
	[VRS_TOOL] = EMT_COLUMN("tool", EMT_COL_STRING, EMT_COLF_SHOWN, "program"),
	[VRS_VERSION] = EMT_COLUMN("version", EMT_COL_STRING, EMT_COLF_SHOWN, "its version"),
	[VRS_CAPTURE_MAJOR] =
		EMT_COLUMN("capture_major", EMT_COL_NUMBER, EMT_COLF_SHOWN, "capture format it writes"),
	[VRS_CAPTURE_MINOR] =
		EMT_COLUMN("capture_minor", EMT_COL_NUMBER, EMT_COLF_SHOWN, "minor number of it"),
	[VRS_NEWEST_XEN] = EMT_COLUMN("newest_xen", EMT_COL_STRING, EMT_COLF_SHOWN,
				      "newest release of Xen whose rules it knows"),
	[VRS_NEWEST_KVM] = EMT_COLUMN("newest_kvm", EMT_COL_STRING, EMT_COLF_SHOWN, "the same of KVM"),
	[VRS_LIBRARIES] = EMT_COLUMN("libraries", EMT_COL_STRINGS, EMT_COLF_SHOWN, "libraries in use"),
	[VRS_FEATURES] = EMT_COLUMN("features", EMT_COL_LIST, EMT_COLF_SHOWN, "features of this build",
				    .sub = &kind_feature),
};
static const struct emt_record_kind kind_version = {
	.name = "version", .schema = "emt.version", .help = "what this build is and can do",
	.columns = version_columns, .nr_columns = VRS_NR, .layout = emt_layout_version,
};

int emt_layout_version(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	char text[200];

	(void)variant;
	emt_text_printf(t, "%s %s\n", emt_rec_get_str(rec, VRS_TOOL), emt_rec_get_str(rec, VRS_VERSION));
	emt_text_printf(t, "captures   format %llu.%llu\n",
			(unsigned long long)emt_rec_get_u64(rec, VRS_CAPTURE_MAJOR),
			(unsigned long long)emt_rec_get_u64(rec, VRS_CAPTURE_MINOR));
	emt_text_printf(t, "rules      up to Xen %s and %s\n", emt_rec_get_str(rec, VRS_NEWEST_XEN),
			emt_rec_get_str(rec, VRS_NEWEST_KVM));
	emt_text_printf(t, "libraries  %s\n", emt_join_strings(rec, VRS_LIBRARIES, ", ", text, sizeof(text)));
	for (size_t i = 0; i < emt_rec_count(rec, VRS_FEATURES); i++) {
		const struct emt_rec *f = emt_rec_at(rec, VRS_FEATURES, i);

		emt_text_printf(t, "%-10s %c%-8s %s\n", i ? "" : "features",
				emt_rec_get_bool(f, FEAT_PRESENT) ? '+' : '-', emt_rec_get_str(f, FEAT_NAME),
				emt_rec_get_str(f, FEAT_HELP));
	}
	return 0;
}

static const char *newest(enum emt_hypervisor hv)
{
	const char *last = "", *text;

	for (size_t i = 0; (text = emt_release_list(i, hv)); i++)
		if (strcmp(text, "master"))
			last = text;
	return last;
}

/* A source kind is there if its spelling opens, or fails for another reason. */
static bool source_present(const char *text)
{
	struct emt_source_spec spec;
	struct emt_source *s = NULL;
	struct emt_err err = { 0 };

	if (emt_source_parse(&spec, text, &err) || emt_source_open(&s, &spec, &err))
		return err.code != EMT_E_UNSUPPORTED;
	emt_source_close(s);
	return true;
}

static int run_version(struct emt_ctx *ctx)
{
	static const struct {
		const char *name, *probe, *help;
		bool bpf;
	} features[] = {
		{ "capture", "capture:/nonexistent/x.emt", "captures of any host, read and written", false },
		{ "xen", "xen:4294967295", "live domains of Xen", false },
		{ "kvm", NULL, "live guests of KVM", true },
		{ "mem", "mem:/nonexistent/x", "memory images and cores", false },
		{ "events", NULL, "calls and changes on a host, as they are made", true },
		{ "p2m", NULL, "the p2m of the kernel that emt runs on, as a PV domain", true },
		{ "iommu", NULL, "a Linux host's IOMMU unmaps and their flushes", true },
	};
	struct emt_rec *rec = emt_out_rec(ctx->out, &kind_version);
	const char *smartcols = NULL;
	char text[64];

	if (!rec)
		return emt_err_set(ctx->err, EMT_E_NOMEM, "version", NULL, "not enough memory");
	scols_get_library_version(&smartcols);
	emt_rec_str(rec, VRS_TOOL, ctx->env->tool);
	emt_rec_str(rec, VRS_VERSION, EMT_VERSION);
	emt_rec_u64(rec, VRS_CAPTURE_MAJOR, EMT_CAPTURE_MAJOR);
	emt_rec_u64(rec, VRS_CAPTURE_MINOR, EMT_CAPTURE_MINOR);
	emt_rec_str(rec, VRS_NEWEST_XEN, newest(EMT_HV_XEN));
	emt_rec_str(rec, VRS_NEWEST_KVM, newest(EMT_HV_KVM));
	snprintf(text, sizeof(text), "json-c %s", json_c_version());
	emt_rec_add_str(rec, VRS_LIBRARIES, text);
	snprintf(text, sizeof(text), "zstd %s", ZSTD_versionString());
	emt_rec_add_str(rec, VRS_LIBRARIES, text);
	snprintf(text, sizeof(text), "smartcols %s", smartcols ? smartcols : "?");
	emt_rec_add_str(rec, VRS_LIBRARIES, text);
	for (size_t i = 0; i < EMT_ARRAY_SIZE(features); i++) {
		struct emt_rec *f = emt_rec_add(rec, VRS_FEATURES);
		const char *lacks = features[i].bpf ? emt_bpf_missing() : NULL;

		emt_rec_str(f, FEAT_NAME, features[i].name);
		emt_rec_bool(f, FEAT_PRESENT, features[i].probe ? source_present(features[i].probe) : !lacks);
		if (lacks)
			emt_rec_fmt(f, FEAT_HELP, "%s (built without %s)", features[i].help, lacks);
		else
			emt_rec_str(f, FEAT_HELP, features[i].help);
	}
	return emt_out_put(ctx->out, rec, ctx->err);
}

static const struct emt_section sections[] = {
	{ "version", &kind_version, EMT_SECTION_ONE | EMT_SECTION_MAIN, NULL },
};
static const struct emt_reply reply = { "emt.version", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = { { "version", "version, newest rules, features built in" } };

const struct emt_command emt_cmd_version = {
	.name = "version",
	.group = "emt itself",
	.summary = "show the version and what is built in",
	.description =
		"Shows the version, the capture format, the newest releases whose rules are known, the "
		"libraries in use, and which kinds of sources this build can open.",
	.groups = { &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_version,
};
