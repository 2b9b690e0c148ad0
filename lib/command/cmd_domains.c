/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * domains: what runs on this Xen, and which of it can be read how.
 */
#include <stdio.h>
#include <stdlib.h>

#include "command/ctx.h"
#include "command/kind_vm.h"
#include "source/xen_query.h"
#include "xen/dump.h"

/* How the entries of a domain can be had. */
enum route { ROUTE_NONE, ROUTE_KEY_D, ROUTE_QUERY, ROUTE_P2M, ROUTE_NR };

static const char *route_word(unsigned int i)
{
	static const char *const words[ROUTE_NR] = { "none", "key-d", "query", "p2m" };

	return i < ROUTE_NR ? words[i] : NULL;
}

enum {
	LIST_DOMAIN,
	LIST_NAME,
	LIST_UUID,
	LIST_TYPE,
	LIST_TYPE_SURE,
	LIST_PAGING,
	LIST_STATE,
	LIST_BYTES,
	LIST_MAX_BYTES,
	LIST_VCPUS,
	LIST_IOMMU,
	LIST_ROUTE,
	LIST_WHY,
	LIST_NR
};

static const char *state_word(unsigned int i)
{
	static const char *const words[] = { "running", "paused", "shutdown", "dying" };

	return i < EMT_ARRAY_SIZE(words) ? words[i] : NULL;
}

static const struct emt_column columns[LIST_NR] = {
	[LIST_DOMAIN] = EMT_COLUMN("domain", EMT_COL_NUMBER, EMT_COLF_SHOWN | EMT_COLF_RIGHT, "domain id"),
	[LIST_NAME] = EMT_COLUMN("name", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_NULL,
				 "its name in xenstore; null when it has none or xenstore does not answer"),
	[LIST_UUID] = EMT_COLUMN("uuid", EMT_COL_STRING, 0, "its UUID"),
	[LIST_TYPE] = EMT_COLUMN("type", EMT_COL_STRING, EMT_COLF_SHOWN, "pv, hvm or pvh",
				 .word = emt_xen_type_name, .nr_words = EMT_XEN_PVH + 1),
	[LIST_TYPE_SURE] = EMT_COLUMN("type_sure", EMT_COL_BOOL, 0,
				      "this release tells hvm from pvh; else hvm stands for both"),
	[LIST_PAGING] = EMT_COLUMN("paging", EMT_COL_STRING, EMT_COLF_SHOWN, "how its memory is mapped",
				   .word = emt_paging_name, .nr_words = EMT_PAGING_PV + 1),
	[LIST_STATE] = EMT_COLUMN("state", EMT_COL_STRING, EMT_COLF_SHOWN, "what it does",
				  .word = state_word, .nr_words = 4),
	[LIST_BYTES] = EMT_COLUMN("bytes", EMT_COL_BYTES, EMT_COLF_SHOWN | EMT_COLF_RIGHT, "memory it has",
				  .unit = "bytes"),
	[LIST_MAX_BYTES] = EMT_COLUMN("max_bytes", EMT_COL_BYTES, 0, "memory it may have", .unit = "bytes"),
	[LIST_VCPUS] = EMT_COLUMN("vcpus", EMT_COL_NUMBER, EMT_COLF_SHOWN | EMT_COLF_RIGHT, "vCPUs online"),
	[LIST_IOMMU] = EMT_COLUMN("iommu", EMT_COL_BOOL, EMT_COLF_SHOWN | EMT_COLF_NULL,
				  "it has IOMMU tables; null: no call tells, and no device of its own shows"),
	[LIST_ROUTE] = EMT_COLUMN("route", EMT_COL_STRING, EMT_COLF_SHOWN, "how its entries can be read",
				  .word = route_word, .nr_words = ROUTE_NR),
	[LIST_WHY] = EMT_COLUMN("why", EMT_COL_STRING, EMT_COLF_SHOWN | EMT_COLF_WRAP,
				"what the route costs, or why there is none"),
};
static const struct emt_record_kind kind_live = {
	.name = "live_domain", .schema = "emt.live_domain", .help = "a domain of the Xen that runs here",
	.columns = columns, .nr_columns = LIST_NR,
};

enum {
	HOST_RELEASE,
	HOST_IOMMU,
	HOST_SHARED,
	HOST_RING_BYTES,
	HOST_RING_STATED,
	HOST_SERIAL_BAUD,
	HOST_DUMP_BYTES,
	HOST_NR
};
static const struct emt_column host_columns[HOST_NR] = {
	[HOST_RELEASE] = EMT_COLUMN("release", EMT_COL_STRING, EMT_COLF_SHOWN, "release of Xen"),
	[HOST_IOMMU] = EMT_COLUMN("iommu", EMT_COL_BOOL, EMT_COLF_SHOWN | EMT_COLF_NULL,
				  "the IOMMU is in use; null: not told before 4.12"),
	[HOST_SHARED] = EMT_COLUMN("iommu_may_share", EMT_COL_BOOL, EMT_COLF_SHOWN | EMT_COLF_NULL,
				   "IOMMU and EPT may share tables; null: not told before 4.13"),
	[HOST_RING_BYTES] = EMT_COLUMN("console_ring_bytes", EMT_COL_BYTES, EMT_COLF_SHOWN,
				       "what Xen's console ring holds, at least", .unit = "bytes"),
	[HOST_RING_STATED] = EMT_COLUMN("console_ring_stated", EMT_COL_BOOL, 0, "conring_size= says so"),
	[HOST_SERIAL_BAUD] = EMT_COLUMN("serial_baud", EMT_COL_NUMBER, EMT_COLF_SHOWN | EMT_COLF_NULL,
					"speed of the serial line that Xen prints to; null: none", .unit = "baud"),
	[HOST_DUMP_BYTES] = EMT_COLUMN("dump_bytes", EMT_COL_BYTES, EMT_COLF_SHOWN,
				       "what key D would print, with 2 MiB pages where possible",
				       .unit = "bytes"),
};
static const struct emt_record_kind kind_host = {
	.name = "live_host", .schema = "emt.live_host", .help = "the host that the domains run on",
	.columns = host_columns, .nr_columns = HOST_NR,
};

static void fill_route(struct emt_rec *rec, const struct emt_xen_domain *d, const struct emt_xen_dump_plan *plan,
		       bool query)
{
	struct emt_err err = { 0 };

	emt_rec_str(rec, LIST_ROUTE, route_word(ROUTE_NONE));
	if (query && !d->dying && (d->paging == EMT_PAGING_EPT || d->paging == EMT_PAGING_NPT) && d->domid) {
		emt_rec_str(rec, LIST_ROUTE, route_word(ROUTE_QUERY));
		emt_rec_str(rec, LIST_WHY, "the query payload is loaded: exact, and free");
	} else if (d->type == EMT_XEN_PV && !d->dying) {
		emt_rec_str(rec, LIST_ROUTE, route_word(ROUTE_P2M));
		emt_rec_str(rec, LIST_WHY, d->domid ? "its p2m lies in its own memory; costs=yes allows to read that" :
			    "p2m:self is free; costs=yes reads its p2m as Xen sees it");
	} else if (d->paging != EMT_PAGING_EPT && d->paging != EMT_PAGING_UNKNOWN)
		emt_rec_fmt(rec, LIST_WHY, "its paging is %s: it has no EPT", emt_paging_name(d->paging));
	else if (d->dying)
		emt_rec_str(rec, LIST_WHY, "it is dying");
	else if (emt_xen_dump_allowed(plan, "key D", &err))
		emt_rec_fmt(rec, LIST_WHY, "%s; %s", err.text, err.next);
	else {
		emt_rec_str(rec, LIST_ROUTE, route_word(ROUTE_KEY_D));
		emt_rec_fmt(rec, LIST_WHY, "costs: prints %llu KiB or more to the console%s; costs=yes allows it",
			    (unsigned long long)plan->bytes >> 10,
			    plan->ring.baud ? ", and to a serial line" : "");
	}
}

static int put_domain(struct emt_ctx *ctx, const struct emt_xen_domain *d, const struct emt_xen_dump_plan *plan,
		      bool query)
{
	struct emt_rec *rec = emt_out_rec(ctx->out, &kind_live);
	unsigned int state = d->dying ? 3 : d->shutdown ? 2 : d->paused ? 1 : 0;

	if (rec) {
		emt_rec_u64(rec, LIST_DOMAIN, d->domid);
		emt_rec_text(rec, LIST_NAME, d->name);
		emt_rec_str(rec, LIST_UUID, d->uuid);
		emt_rec_str(rec, LIST_TYPE, emt_xen_type_name(d->type));
		emt_rec_bool(rec, LIST_TYPE_SURE, d->type_sure);
		emt_rec_str(rec, LIST_PAGING, emt_paging_name(d->paging));
		emt_rec_str(rec, LIST_STATE, state_word(state));
		emt_rec_u64(rec, LIST_BYTES, d->tot_pages * 4096);
		/* no limit is a number of all ones */
		emt_rec_u64(rec, LIST_MAX_BYTES, d->max_pages >> 52 ? UINT64_MAX : d->max_pages * 4096);
		emt_rec_u64(rec, LIST_VCPUS, d->online_vcpus);
		if (d->iommu != EMT_XEN_IOMMU_UNKNOWN)
			emt_rec_bool(rec, LIST_IOMMU, d->iommu == EMT_XEN_IOMMU_YES);
		fill_route(rec, d, plan, query);
	}
	return emt_out_put(ctx->out, rec, ctx->err);
}

static int put_host(struct emt_ctx *ctx, struct emt_xen *x, const struct emt_xen_dump_plan *plan)
{
	struct emt_rec *rec = emt_out_rec(ctx->out, &kind_host);
	struct emt_xen_host host;
	int rc = emt_xen_host(x, &host, ctx->err);

	if (rc)
		return rc;
	if (rec) {
		emt_rec_str(rec, HOST_RELEASE, emt_xen_release(x));
		if (host.iommu_told)
			emt_rec_bool(rec, HOST_IOMMU, host.iommu);
		if (host.share_told)
			emt_rec_bool(rec, HOST_SHARED, host.share);
		emt_rec_u64(rec, HOST_RING_BYTES, plan->ring.bytes);
		emt_rec_bool(rec, HOST_RING_STATED, plan->ring.stated);
		if (plan->ring.baud)
			emt_rec_u64(rec, HOST_SERIAL_BAUD, plan->ring.baud);
		emt_rec_u64(rec, HOST_DUMP_BYTES, plan->bytes);
	}
	return emt_out_put(ctx->out, rec, ctx->err);
}

static int run_domains(struct emt_ctx *ctx)
{
	struct emt_xen_domain *v = NULL;
	struct emt_xen_dump_plan plan;
	struct emt_xen *x;
	size_t n = 0;
	bool query;
	int rc = emt_xen_open(&x, NULL, false, "xen", ctx->err);

	/* no Xen: then KVM, if that is here */
	if (rc == EMT_E_UNSUPPORTED && emt_kvm_mode(NULL, 0) != EMT_KVM_MODE_NONE) {
		*ctx->err = (struct emt_err){ 0 };
		return emt_put_guests(ctx);
	}
	if (rc)
		return rc;
	query = emt_xen_query_loaded(x);
	emt_out_source(ctx->out, "xen");
	rc = emt_xen_dump_plan(x, &plan, ctx->err);
	if (!rc)
		rc = emt_xen_domains(x, &v, &n, ctx->err);
	for (size_t i = 0; i < n && !rc; i++)
		rc = put_domain(ctx, &v[i], &plan, query);
	if (!rc)
		rc = put_host(ctx, x, &plan);
	free(v);
	emt_xen_close(x);
	return rc;
}

static const struct emt_section sections[] = {
	{ "domains", &kind_live, EMT_SECTION_MAIN, NULL },
	{ "host", &kind_host, EMT_SECTION_ONE, NULL },
	{ "virtual_machines", &emt_kind_vm, 0, NULL },
};
static const struct emt_reply reply = { "emt.domains", 1, 0, sections, EMT_ARRAY_SIZE(sections) };
static const struct emt_example examples[] = {
	{ "domains", "what runs here, and what can be read of it" },
	{ "domains --where 'route != \"none\"' -o domain,name", "domains whose entries can be read" },
};

const struct emt_command emt_cmd_domains = {
	.name = "domains",
	.group = "Look at a guest",
	.summary = "list what runs on this host and how each can be read",
	.description =
		"Lists every domain of the Xen that runs on this machine, with its type, paging and memory, "
		"and the way by which its entries can be read, if there is one. Nothing that costs is done: "
		"only the state of domains, the host's capabilities and the hypervisor's command line are "
		"read.\n\n"
		"Where the query payload is loaded (query load), it answers for every guest with hardware paging, "
		"exactly and at no cost worth asking for. "
		"Key D prints the EPT of all domains at once into the console ring, which nobody can empty "
		"meanwhile: it is no way where the ring is too small, or where a serial line would hold the "
		"host for long.\n\n"
		"Without Xen, on a host with KVM: lists its virtual machines by the processes that hold them, "
		"with what KVM's structures tell of each, read through BPF. No guest is paused.\n\n"
		"Exit status: 0 listed; 2 neither Xen nor KVM here, or it cannot be asked.",
	.groups = { &emt_args_output },
	.reply = &reply,
	.right = EMT_RIGHT_READ,
	.cost = EMT_COST_FREE,
	.examples = examples,
	.nr_examples = EMT_ARRAY_SIZE(examples),
	.since = "0.1",
	.run = run_domains,
};
