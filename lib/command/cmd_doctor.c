/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor: which sources work on this host, what each costs, what is missing.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/ctx.h"
#include "command/doctor.h"
#include "command/layout.h"

enum { WAY_SOURCE, WAY_WAY, WAY_WORKS, WAY_COST, WAY_WHY, WAY_NEXT, WAY_NR };

static enum emt_style style_works(const char *text)
{
	return *text == 'y' ? EMT_STYLE_GOOD : *text == 'p' ? EMT_STYLE_WARN : EMT_STYLE_FAINT;
}

static const struct emt_column way_columns[WAY_NR] = {
	[WAY_SOURCE] = EMT_COLUMN("source", EMT_COL_STRING, EMT_COLF_SHOWN, "kind of source"),
	[WAY_WAY] = EMT_COLUMN("way", EMT_COL_STRING, EMT_COLF_SHOWN, "how it reads"),
	[WAY_WORKS] = EMT_COLUMN("works", EMT_COL_STRING, EMT_COLF_SHOWN, "does it work here",
				 .word = emt_works_name, .nr_words = 3, .style = style_works),
	[WAY_COST] = EMT_COLUMN("cost", EMT_COL_STRING, EMT_COLF_SHOWN, "what it costs the host"),
	[WAY_WHY] = EMT_COLUMN("why", EMT_COL_STRING, EMT_COLF_SHOWN, "what was found"),
	[WAY_NEXT] = EMT_COLUMN("next", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_NULL,
				"how to get it, or more of it; null if there is nothing to do"),
};

static int layout_way(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	const char *works = emt_rec_get_str(rec, WAY_WORKS);

	(void)variant;
	emt_text_puts(t, style_works(works), works);
	emt_text_printf(t, "%*s%-8s", (int)(8 - strlen(works)), "", emt_rec_get_str(rec, WAY_SOURCE));
	emt_text_puts(t, EMT_STYLE_STRONG, emt_rec_get_str(rec, WAY_WAY));
	emt_text_printf(t, "\n");
	emt_text_para(t, "        found: ", 15, emt_rec_get_str(rec, WAY_WHY));
	emt_text_para(t, "        cost:  ", 15, emt_rec_get_str(rec, WAY_COST));
	if (emt_rec_has(rec, WAY_NEXT))
		emt_text_para(t, "        next:  ", 15, emt_rec_get_str(rec, WAY_NEXT));
	return 0;
}

static const struct emt_record_kind kind_way = {
	.name = "way", .schema = "emt.way", .help = "a way into guests, and whether it works here",
	.columns = way_columns, .nr_columns = WAY_NR, .layout = layout_way,
};

enum {
	HOST_KERNEL,
	HOST_XEN,
	HOST_XEN_VERSION,
	HOST_DOM0,
	HOST_CONRING,
	HOST_KVM,
	HOST_EPT,
	HOST_BTF,
	HOST_PRIVILEGED,
	HOST_NR
};
static const struct emt_column host_columns[HOST_NR] = {
	[HOST_KERNEL] =
		EMT_COLUMN("kernel", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_NULL, "release of Linux"),
	[HOST_XEN] = EMT_COLUMN("xen", EMT_COL_BOOL, EMT_COLF_SHOWN, "Linux runs on Xen"),
	[HOST_XEN_VERSION] =
		EMT_COLUMN("xen_version", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_NULL, "its version"),
	[HOST_DOM0] = EMT_COLUMN("dom0", EMT_COL_BOOL, EMT_COLF_SHOWN, "this is dom0"),
	[HOST_CONRING] = EMT_COLUMN("console_ring_bytes", EMT_COL_BYTES, EMT_COLF_SHOWN | EMT_COLF_NULL,
				    "size of Xen's console ring, or the least it can be", .unit = "bytes"),
	[HOST_KVM] = EMT_COLUMN("kvm", EMT_COL_BOOL, EMT_COLF_SHOWN, "KVM is loaded"),
	[HOST_EPT] = EMT_COLUMN("ept", EMT_COL_BOOL, EMT_COLF_SHOWN, "KVM uses EPT"),
	[HOST_BTF] = EMT_COLUMN("btf", EMT_COL_BOOL, EMT_COLF_SHOWN, "the kernel has BTF"),
	[HOST_PRIVILEGED] = EMT_COLUMN("privileged", EMT_COL_BOOL, EMT_COLF_SHOWN, "asked as root"),
};

static int layout_host(const struct emt_rec *rec, struct emt_text *t, unsigned int variant)
{
	bool xen = emt_rec_get_bool(rec, HOST_XEN), kvm = emt_rec_get_bool(rec, HOST_KVM);

	(void)variant;
	emt_text_gap(t);
	emt_text_printf(t, "This host: Linux %s",
			emt_rec_has(rec, HOST_KERNEL) ? emt_rec_get_str(rec, HOST_KERNEL) : "?");
	if (xen)
		emt_text_printf(t, ", %s of Xen %s", emt_rec_get_bool(rec, HOST_DOM0) ? "dom0" : "a guest",
				emt_rec_get_str(rec, HOST_XEN_VERSION));
	if (kvm)
		emt_text_printf(t, ", KVM %s EPT", emt_rec_get_bool(rec, HOST_EPT) ? "with" : "without");
	emt_text_printf(t, "%s%s.\n", xen || kvm ? "" : ", no hypervisor that emt reads",
			emt_rec_get_bool(rec, HOST_PRIVILEGED) ? "" : "; you are not root");
	return 0;
}

static const struct emt_record_kind kind_host = {
	.name = "host", .schema = "emt.host", .help = "the host as a whole", .columns = host_columns,
	.nr_columns = HOST_NR, .layout = layout_host,
};

static bool built_in(const char *probe)
{
	struct emt_source_spec spec;
	struct emt_source *s = NULL;
	struct emt_err err = { 0 };

	if (emt_source_parse(&spec, probe, &err) || emt_source_open(&s, &spec, &err))
		return err.code != EMT_E_UNSUPPORTED;
	emt_source_close(s);
	return true;
}

static int put_host(struct emt_ctx *ctx, const struct emt_host *h)
{
	struct emt_rec *rec = emt_out_rec(ctx->out, &kind_host);

	if (rec) {
		emt_rec_text(rec, HOST_KERNEL, h->kernel);
		emt_rec_bool(rec, HOST_XEN, h->xen);
		emt_rec_text(rec, HOST_XEN_VERSION, h->xen_version);
		emt_rec_bool(rec, HOST_DOM0, h->dom0);
		if (h->conring)
			emt_rec_u64(rec, HOST_CONRING, h->conring);
		emt_rec_bool(rec, HOST_KVM, h->kvm);
		emt_rec_bool(rec, HOST_EPT, h->ept);
		emt_rec_bool(rec, HOST_BTF, h->btf);
		emt_rec_bool(rec, HOST_PRIVILEGED, h->root);
	}
	return emt_out_put(ctx->out, rec, ctx->err);
}

static int run_doctor(struct emt_ctx *ctx)
{
	const char *root = emt_parse_text(ctx->args, "sysroot");
	unsigned int built = (built_in("xen:4294967295") ? 1 : 0) | (built_in("kvm:4294967295") ? 2 : 0) |
			     (built_in("mem:/nonexistent/x") ? 4 : 0);
	struct emt_way ways[EMT_DOCTOR_WAYS];
	struct emt_host host;
	struct stat st;
	size_t n;
	int rc = 0;

	if (root && (stat(root, &st) || !S_ISDIR(st.st_mode)))
		return emt_err_set(ctx->err, EMT_E_NOSOURCE, root,
				   "name a directory that holds proc, sys and dev", "is no directory");
	/* A tree is another host's: what its root could do is asked. */
	emt_doctor_look(root ? root : "", root || !geteuid(), &host);
	n = emt_doctor_ways(&host, built, ways);
	for (size_t i = 0; i < n && !rc; i++) {
		struct emt_rec *rec = emt_out_rec(ctx->out, &kind_way);

		if (rec) {
			emt_rec_str(rec, WAY_SOURCE, ways[i].source);
			emt_rec_str(rec, WAY_WAY, ways[i].way);
			emt_rec_str(rec, WAY_WORKS, emt_works_name(ways[i].works));
			emt_rec_str(rec, WAY_COST, ways[i].cost);
			emt_rec_str(rec, WAY_WHY, ways[i].why);
			emt_rec_text(rec, WAY_NEXT, ways[i].next);
		}
		rc = emt_out_put(ctx->out, rec, ctx->err);
	}
	return rc ? rc : put_host(ctx, &host);
}

static const struct emt_arg args[] = {
	{ .name = "sysroot", .type = EMT_ARG_FILE, .metavar = "DIR",
	  .help = "look at a copied tree of another host: proc, sys and dev under DIR" },
};
static const struct emt_section sections[] = {
	{ "ways", &kind_way, EMT_SECTION_MAIN, NULL },
	{ "host", &kind_host, EMT_SECTION_ONE, NULL },
};
static const struct emt_reply reply = { "emt.doctor", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "doctor", "what can be read on this host?" },
	{ "doctor --where 'works != \"yes\"'", "what is missing, and how to get it" },
};

const struct emt_command emt_cmd_doctor = {
	.name = "doctor",
	.group = "emt itself",
	.summary = "show which sources work on this host and what is missing",
	.description = "Looks at the host and says for each way into guests whether it works here, what it "
		       "costs, what was "
		       "found, and how to get what is missing: a boot option, a package, a privilege. It "
		       "only reads files "
		       "of /proc and /sys and looks whether devices are there: it opens none, asks the "
		       "hypervisor nothing "
		       "and changes nothing.\n\n"
		       "Exit status: 0, whatever was found; 2 error.",
	.args = args,
	.nr_args = EMT_ARRAY_SIZE(args),
	.groups = { &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_doctor,
};
