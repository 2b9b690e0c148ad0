/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A domain of a live Xen: what the control interfaces tell of it and of the host.
 * Where the query payload is loaded it tells the rest (xen_query.h). Else what they do not
 * tell (pins, read-only ranges) stays unknown; reading a vCPU's registers pauses it, and
 * entries, rights to I/O and special frames come by debug keys: both are done with
 * costs=yes only.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "source/journal.h"
#include "source/journal_facts.h"
#include "source/ops.h"
#include "source/pv_walk.h"
#include "source/xen_bootlog.h"
#include "source/xen_console.h"
#include "source/xen_query.h"

#define RECORD "HVM save record" /* emt_facts_derive() knows its defect by this */

struct xen_source {
	struct emt_xen *x;
	struct emt_xen_domain d;
	int64_t time;           /* when it was opened */
	struct emt_xen_query *query; /* NULL: the payload is not loaded, or not for this domain */
	struct emt_capture *walk; /* of the debug keys, once they were issued; NULL */
	struct emt_capture_cursor *lookup; /* in it, for the guest's memory; NULL */
	struct emt_ranges e820; /* of the host, the same */
	uint64_t page[512];     /* of the guest, the last one read */
	struct emt_source_spec spec;
	struct emt_pv_source *pv;  /* of a PV domain, once its p2m was asked for; NULL */
	struct emt_pv_walk *pv_walk;
};

static bool is_pv(const struct xen_source *xs)
{
	return xs->d.type == EMT_XEN_PV;
}

/* Its p2m lies in its own memory: reading that is asked for, as all foreign memory is. */
static int open_pv(struct xen_source *xs, struct emt_err *err)
{
	int rc;

	if (xs->pv_walk)
		return 0;
	rc = emt_xen_may(xs->x, EMT_XC_GUEST_PAGE, err);
	if (!rc && !xs->pv)
		rc = emt_pv_open(&xs->pv, &xs->spec, err);
	if (rc)
		return rc;
	xs->pv_walk = emt_pv_walk_new(xs->pv, 0);
	return xs->pv_walk ? 0 : emt_err_set(err, EMT_E_NOMEM, NULL, NULL, "not enough memory for its p2m");
}

/* The walk in it: the last, if somebody else pressed the key meanwhile. */
static size_t walk_of(const struct xen_source *xs)
{
	return emt_capture_walks(xs->walk) - 1;
}

static void xen_close(struct emt_source *s)
{
	struct xen_source *xs = s->priv;

	emt_pv_walk_free(xs->pv_walk);
	emt_pv_close(xs->pv);
	emt_capture_cursor_free(xs->lookup);
	emt_ranges_free(&xs->e820);
	emt_xen_query_close(xs->query);
	emt_capture_free(xs->walk);
	emt_xen_close(xs->x);
	free(xs);
}

static bool names(const struct emt_xen_domain *d, const char *target)
{
	return !strcmp(d->name, target) || !strcasecmp(d->uuid, target);
}

/* By name or UUID; several of one name are refused rather than one picked. */
static int find(const struct emt_source *s, struct xen_source *xs, const char *target, struct emt_err *err)
{
	struct emt_xen_domain *v;
	size_t n, hits = 0;
	int rc = emt_xen_domains(xs->x, &v, &n, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < n; i++)
		if (names(&v[i], target) && !hits++)
			xs->d = v[i];
	free(v);
	if (hits == 1)
		return 0;
	return emt_err_set(err, EMT_E_NOSOURCE, s->name,
			   hits ? "name it by its number or UUID" : "xl list shows those there are",
			   hits ? "%zu domains have this name" : "no domain has this name or UUID", hits);
}

/* The payload, where it is loaded; what is wrong with it is not passed over. */
static int open_query(struct xen_source *xs, struct emt_err *err)
{
	struct emt_err why = { 0 };
	int rc;

	if (xs->d.type == EMT_XEN_PV || !emt_xen_query_loaded(xs->x))
		return 0;
	rc = emt_xen_query_open(&xs->query, xs->x, &xs->d, &why);
	if (rc == EMT_E_UNSUPPORTED)
		return 0;
	return rc ? emt_err_set(err, rc, why.subject, why.next, "%s", why.text) : 0;
}

static int xen_open(struct emt_source *s, const struct emt_source_spec *spec, struct emt_err *err)
{
	struct xen_source *xs = calloc(1, sizeof(*xs));
	const char *t = spec->target;
	uint64_t id;
	int rc;

	if (!xs)
		return emt_err_set(err, EMT_E_NOMEM, s->name, NULL, "not enough memory to open a domain");
	s->priv = xs;
	xs->time = time(NULL);
	xs->spec = *spec;
	rc = emt_xen_open(&xs->x, NULL, spec->costs, s->name, err);
	if (!rc && t[strspn(t, "0123456789")])
		rc = find(s, xs, t, err);
	else if (!rc)
		rc = emt_xen_domain(xs->x, emt_parse_u64(t, &id) || id > UINT32_MAX ? UINT32_MAX : (uint32_t)id,
				    &xs->d, err);
	if (!rc)
		rc = open_query(xs, err);
	if (rc)
		xen_close(s);
	return rc;
}

static size_t xen_walks(const struct emt_source *s)
{
	(void)s;
	return 1;
}

static int xen_walk(const struct emt_source *s, size_t i, struct emt_source_walk *info, struct emt_err *err)
{
	const struct xen_source *xs = s->priv;

	(void)i, (void)err;
	info->domid = xs->d.domid;
	info->time = xs->time;
	memcpy(info->name, xs->d.name, sizeof(info->name));
	return 0;
}

/* ---- facts: a call that this Xen refuses leaves its fact unknown ---- */

static void host_facts(struct xen_source *xs, struct emt_facts *f)
{
	struct emt_xen_host host;

	if (!emt_xen_host(xs->x, &host, NULL)) {
		if (host.iommu_told) {
			f->iommu_enabled = host.iommu;
			emt_facts_set(f, EMT_FACT_IOMMU_ENABLED, EMT_KNOWN, "XEN_SYSCTL_physinfo");
		}
		if (host.share_told && !host.share) {
			f->iommu_shared = 0;
			emt_facts_set(f, EMT_FACT_IOMMU_SHARED, EMT_KNOWN, "XEN_SYSCTL_physinfo");
		}
	}
	if (!emt_xen_max_page(xs->x, &f->max_page, NULL))
		emt_facts_set(f, EMT_FACT_MAX_PAGE, EMT_KNOWN, "XENMEM_maximum_ram_page");
	if (!emt_xen_host_e820(xs->x, &f->host_e820, NULL))
		emt_facts_set_list(f, EMT_FACT_HOST_E820, EMT_KNOWN, EMT_KNOWN, "XENMEM_machine_memory_map");
	else
		emt_ranges_free(&f->host_e820);
}

/* The call tells variable ranges only. A write-back range says that the default is UC;
 * ranges of which none is write-back, that it is WB (policy h.7): assumed. */
static void host_mtrr(struct xen_source *xs, struct emt_facts *f)
{
	struct emt_mtrr *m = &f->host_mtrr;
	bool any = false, wb = false;

	if (emt_xen_host_mtrr(xs->x, m, NULL)) {
		emt_mtrr_init(m);
		return;
	}
	for (unsigned int i = 0; i < m->vcnt; i++) {
		bool valid = m->var[i][1] & 0x800;

		any |= valid;
		wb |= valid && (m->var[i][0] & 7) == EMT_MT_WB;
	}
	if (any) {
		m->def_type = wb ? EMT_MT_UC : EMT_MT_WB;
		m->e = m->fe = 1;
		m->def_held = EMT_ASSUMED;
	}
	emt_facts_set(f, EMT_FACT_HOST_MTRR, EMT_KNOWN,
		      "XENPF_read_memtype: variable ranges; the default follows from them");
}

static int vcpu_facts(struct xen_source *xs, struct emt_facts *f, struct emt_err *err)
{
	uint32_t got = 0;
	int rc;

	if (xs->d.type == EMT_XEN_PV || !emt_xen_consent(xs->x) || !xs->d.nr_vcpus)
		return 0;
	if (emt_facts_vcpus(f, xs->d.nr_vcpus))
		return emt_err_set(err, EMT_E_NOMEM, NULL, NULL, "not enough memory for its vCPUs");
	for (uint32_t v = 0; v < f->nr_vcpus; v++) {
		struct emt_xen_regs regs = { 0 };
		struct emt_err why = { 0 };

		rc = emt_xen_vcpu(xs->x, xs->d.domid, v, &f->vcpu_mtrr[v], &regs, &why);
		if (rc == EMT_E_GONE)
			return emt_err_set(err, rc, why.subject, why.next, "%s", why.text);
		f->vcpu_pat[v] = regs.pat;
		f->vcpu_cr0[v] = regs.cr0;
		f->vcpu_cr3[v] = regs.cr3;
		f->vcpu_cr4[v] = regs.cr4;
		f->vcpu_efer[v] = regs.efer;
		if (rc) /* of a set with one missing nothing can be said for all */
			emt_mtrr_init(&f->vcpu_mtrr[v]);
		else
			got++;
	}
	if (got != f->nr_vcpus)
		return 0;
	emt_facts_set(f, EMT_FACT_VCPU_MTRR, EMT_KNOWN, RECORD);
	for (int id = EMT_FACT_VCPU_PAT; id <= EMT_FACT_VCPU_EFER; id++)
		emt_facts_set(f, (enum emt_fact_id)id, EMT_KNOWN, RECORD);
	return 0;
}

/* Xen's copy of a guest's PAT is what it was at the start: with HAP hardware keeps it, and only the save
 * record asks hardware, for which it pauses the vCPU. */
static void pat_is_not_told(const struct xen_source *xs, struct emt_facts *f)
{
	if (f->prov[EMT_FACT_VCPU_PAT].held == EMT_UNKNOWN)
		emt_facts_set(f, EMT_FACT_VCPU_PAT, EMT_UNKNOWN,
			      emt_xen_consent(xs->x) ? RECORD ": not all vCPUs" :
						       "query payload: hardware keeps it; " RECORD " with costs=yes");
}

/* It must be the same domain still, or what was read is of none. */
static int still_there(const struct emt_source *s, struct xen_source *xs, struct emt_err *err)
{
	struct emt_xen_domain now;
	int rc = emt_xen_domain(xs->x, xs->d.domid, &now, err);

	if (!rc && strcmp(now.uuid, xs->d.uuid))
		rc = emt_err_set(err, EMT_E_GONE, s->name, "xl list shows those there are",
				 "the domain vanished, another one has its number");
	return rc;
}

/* What the calls tell. */
static int call_facts(struct emt_source *s, struct emt_facts *f, struct emt_err *err)
{
	struct xen_source *xs = s->priv;
	int rc;

	f->domid = xs->d.domid;
	memcpy(f->domain_name, xs->d.name, sizeof(f->domain_name));
	memcpy(f->domain_uuid, xs->d.uuid, sizeof(f->domain_uuid));
	f->nr_pages = xs->d.tot_pages;
	snprintf(f->release, sizeof(f->release), "%s", emt_xen_release(xs->x));
	emt_facts_set(f, EMT_FACT_RELEASE, EMT_KNOWN, "XENVER_version");
	if (xs->d.paging != EMT_PAGING_UNKNOWN) {
		f->paging = xs->d.paging;
		emt_facts_set(f, EMT_FACT_PAGING, EMT_KNOWN, "XEN_DOMCTL_getdomaininfo and the processor");
	}
	host_facts(xs, f);
	host_mtrr(xs, f);
	emt_xen_boot_log(xs->x, f, NULL);
	if (xs->d.type != EMT_XEN_PV && emt_xen_max_gfn(xs->x, xs->d.domid, &f->max_gfn, NULL))
		f->max_gfn = 0;
	rc = vcpu_facts(xs, f, err);
	if (!rc && xs->query)
		rc = emt_xen_query_facts(xs->query, f, err);
	if (!rc && is_pv(xs) && emt_xen_consent(xs->x)) {
		rc = open_pv(xs, err);
		if (!rc)
			rc = emt_pv_walk_facts(xs->pv_walk, f, err);
	}
	if (!rc && xs->query)
		pat_is_not_told(xs, f);
	if (!rc)
		rc = still_there(s, xs, err);
	for (int id = 0; id < EMT_FACT_NR; id++)
		if (f->prov[id].held != EMT_UNKNOWN)
			f->prov[id].time = xs->time;
	if (rc)
		emt_facts_free(f);
	return rc;
}

/* ---- entries: by the payload; else only key D shows them, and nothing shows NPT ---- */

static bool may_have_ept(const struct xen_source *xs)
{
	return xs->d.paging == EMT_PAGING_EPT || xs->d.paging == EMT_PAGING_UNKNOWN;
}

static const char *npt_next(const struct xen_source *xs)
{
	return xs->d.paging == EMT_PAGING_NPT ? "emtctl query load: with the payload nested tables can be read" : NULL;
}

/* Issue the debug keys, once for each time the source is opened. */
static int console_walk(struct emt_source *s, struct emt_err *err)
{
	struct xen_source *xs = s->priv;
	struct emt_facts f;
	int rc;

	if (xs->walk)
		return 0;
	emt_facts_init(&f);
	rc = call_facts(s, &f, err);
	if (!rc)
		rc = emt_xen_console_walk(xs->x, &xs->d, &f, s->name, &xs->walk, err);
	if (!rc)
		rc = still_there(s, xs, err);
	if (rc) {
		emt_capture_free(xs->walk);
		xs->walk = NULL;
	}
	emt_facts_free(&f);
	return rc;
}

/* With consent what the keys tell too: entries and facts are then of one instant. Where
 * they cannot be issued the calls' facts are told all the same, and the stream says why. */
static int asked_facts(struct emt_source *s, size_t i, struct emt_facts *f, struct emt_err *err)
{
	struct xen_source *xs = s->priv;
	struct emt_err why = { 0 };

	(void)i;
	if (!xs->query && emt_xen_consent(xs->x) && may_have_ept(xs)) {
		int rc = console_walk(s, &why);

		if (!rc) {
			rc = still_there(s, xs, err);
			return rc ? rc : emt_capture_facts(xs->walk, walk_of(xs), f, err);
		}
	}
	return call_facts(s, f, err);
}

/* What was asked for goes before what the journal remembers. */
static int xen_facts(struct emt_source *s, size_t i, struct emt_facts *f, struct emt_err *err)
{
	struct xen_source *xs = s->priv;
	int rc = asked_facts(s, i, f, err);

	if (!rc && emt_journal_facts(emt_journal_file(), xs->d.domid, xs->time, f)) {
		emt_facts_free(f);
		rc = emt_err_set(err, EMT_E_NOMEM, s->name, NULL, "not enough memory for the journal's facts");
	}
	for (int id = 0; id < EMT_FACT_NR && !rc; id++)
		if (f->prov[id].held != EMT_UNKNOWN && !f->prov[id].time)
			f->prov[id].time = xs->time;
	return rc;
}

static int xen_stream(struct emt_stream *st, size_t i, struct emt_err *err)
{
	struct xen_source *xs = st->source->priv;
	struct emt_capture_cursor *cur;
	int rc;

	(void)i;
	if (is_pv(xs)) {
		rc = open_pv(xs, err);
		st->priv = xs->pv_walk;
		return rc ? rc : emt_pv_walk_stream(xs->pv_walk, err);
	}
	if (xs->query) {
		emt_xen_query_seek(xs->query, 0);
		return 0;
	}
	if (!may_have_ept(xs))
		return emt_err_set(err, EMT_E_UNSUPPORTED, st->source->name, npt_next(xs),
				   "its paging is %s: there are no EPT entries to read",
				   emt_paging_name(xs->d.paging));
	rc = console_walk(st->source, err);
	if (!rc)
		rc = emt_capture_cursor(xs->walk, walk_of(xs), &cur, err);
	if (!rc)
		st->priv = cur;
	return rc;
}

/* Only about entries that were read. */
static int xen_types(struct emt_source *s, size_t i, uint64_t gfn, uint16_t *types, struct emt_err *err)
{
	struct xen_source *xs = s->priv;

	(void)i;
	if (!xs->walk)
		return emt_err_set(err, EMT_E_MISSING, s->name, NULL, "no entries were read");
	return emt_xen_mem_type(xs->x, xs->d.domid, gfn, types, err);
}

static int xen_answers(struct emt_source *s, size_t i, emt_answer_cb cb, void *arg, struct emt_err *err)
{
	struct xen_source *xs = s->priv;

	(void)i;
	if (!xs->query)
		return emt_err_set(err, EMT_E_UNSUPPORTED, s->name, "emtctl query load",
				   "Xen's own function can be asked through the query payload only, which is not loaded");
	return cb ? emt_xen_query_answers(xs->query, cb, arg, err) : 0;
}

static int xen_seek(struct emt_stream *st, uint64_t gfn, struct emt_err *err)
{
	struct xen_source *xs = st->source->priv;

	if (is_pv(xs))
		return emt_pv_walk_seek(st, gfn, err);
	if (!xs->query)
		return emt_capture_seek(st->priv, gfn, err);
	emt_xen_query_seek(xs->query, gfn);
	return 0;
}

static long xen_read(struct emt_stream *st, struct emt_run *runs, size_t room, struct emt_err *err)
{
	struct xen_source *xs = st->source->priv;

	if (is_pv(xs))
		return emt_pv_walk_read(st, runs, room, err);
	return xs->query ? emt_xen_query_read(xs->query, runs, room, err) :
			   emt_capture_read(st->priv, runs, room, err);
}

static void xen_loss(const struct emt_stream *st, struct emt_loss *loss)
{
	const struct xen_source *xs = st->source->priv;

	if (is_pv(xs))
		emt_pv_walk_loss(st, loss);
	else if (!xs->query)
		*loss = emt_capture_walk(xs->walk, walk_of(xs))->loss;
}

static void xen_end(struct emt_stream *st)
{
	if (st->priv && !is_pv(st->source->priv))
		emt_capture_cursor_free(st->priv);
}

/* ---- the guest's memory ---- */

/* Is 'gfn' mapped to RAM, as the payload or the dump has it? PoD entries and holes would be populated
 * by looking, device registers would hear of it. */
static bool populated(struct xen_source *xs, uint64_t gfn)
{
	struct emt_run run;

	if (xs->query ? emt_xen_query_at(xs->query, gfn, &run, NULL) != 1 : emt_capture_seek(xs->lookup, gfn, NULL))
		return false;
	while (!xs->query) {
		if (emt_capture_next(xs->lookup, &run, NULL) != 1 || run.gfn > gfn)
			return false;
		if (!(run.flags & EMT_RUN_INTERMEDIATE) && emt_run_last(&run) >= gfn)
			break;
	}
	if (run.flags & EMT_RUN_POD || run.mfn == EMT_NO_FRAME || !(run.perm & EMT_R))
		return false;
	for (size_t i = 0; i < xs->e820.n; i++)
		if (xs->e820.v[i].tag == 1 && xs->e820.v[i].first <= run.mfn + (gfn - run.gfn) &&
		    xs->e820.v[i].last >= run.mfn + (gfn - run.gfn))
			return true;
	return false;
}

static const void *guest_frame(void *arg, uint64_t gfn)
{
	struct xen_source *xs = arg;

	if (!populated(xs, gfn) || emt_xen_guest_page(xs->x, xs->d.domid, gfn, xs->page, NULL))
		return NULL;
	return xs->page;
}

/* Only with the payload or the dump at hand: nothing else tells what is populated. */
static int xen_guest(struct emt_source *s, size_t i, struct emt_guest_memory *out, struct emt_err *err)
{
	struct xen_source *xs = s->priv;
	int rc = emt_xen_may(xs->x, EMT_XC_GUEST_PAGE, err);

	(void)i;
	if (rc)
		return rc;
	if (!xs->query && !may_have_ept(xs))
		return emt_err_set(err, EMT_E_UNSUPPORTED, s->name, npt_next(xs),
				   "its paging is %s: nothing shows which of its frames are populated",
				   emt_paging_name(xs->d.paging));
	if (!xs->query)
		rc = console_walk(s, err);
	if (!rc && !xs->e820.n)
		rc = emt_xen_host_e820(xs->x, &xs->e820, err);
	if (!rc && !xs->query && !xs->lookup)
		rc = emt_capture_cursor(xs->walk, walk_of(xs), &xs->lookup, err);
	if (!rc)
		*out = (struct emt_guest_memory){ guest_frame, xs };
	return rc;
}

const struct emt_source_ops emt_source_xen_ops = {
	.scheme = "xen",
	.open = xen_open,
	.close = xen_close,
	.walks = xen_walks,
	.walk = xen_walk,
	.facts = xen_facts,
	.stream = xen_stream,
	.types = xen_types,
	.answers = xen_answers,
	.seek = xen_seek,
	.read = xen_read,
	.loss = xen_loss,
	.guest = xen_guest,
	.end = xen_end,
};
