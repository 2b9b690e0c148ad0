/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/pv_walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TRIES 3
#define RUNS_MAX (1u << 24) /* 1 GiB: the list is the domain's to write, and may be in any number of pieces */
#define M2P_MAX 65536 /* places where it differs: more are one fault, not many */

struct emt_pv_walk {
	struct emt_pv_source *s;
	size_t domain;
	bool read;              /* all below is filled */
	struct emt_run *v;      /* owned */
	size_t n, room;
	size_t at;              /* of the stream */
	struct emt_ranges m2p;  /* gfns where it differs */
	bool m2p_cut;
	struct emt_pv_read result;
	bool changed;
	int64_t time;
};

struct emt_pv_walk *emt_pv_walk_new(struct emt_pv_source *s, size_t i)
{
	struct emt_pv_walk *w = calloc(1, sizeof(*w));

	if (w) {
		w->s = s;
		w->domain = i;
	}
	return w;
}

void emt_pv_walk_free(struct emt_pv_walk *w)
{
	if (!w)
		return;
	emt_ranges_free(&w->m2p);
	free(w->v);
	free(w);
}

/* ---- reading ---- */

static int put(struct emt_pv_walk *w, uint64_t pfn, uint64_t count, enum emt_pv_kind kind, uint64_t mfn)
{
	static const struct { uint8_t p2mt, perm; } as[EMT_PV_NR] = {
		[EMT_PV_FRAME] = { EMT_P2M_RAM_RW, EMT_R | EMT_W | EMT_X },
		[EMT_PV_MISSING] = { EMT_P2M_INVALID, 0 },
		[EMT_PV_IDENTITY] = { EMT_P2M_MMIO_DIRECT, EMT_R | EMT_W },
		[EMT_PV_FOREIGN] = { EMT_P2M_FOREIGN, EMT_R | EMT_W },
	};
	struct emt_run run = { .gfn = pfn, .mfn = mfn, .count = count, .flags = EMT_RUN_NO_TYPE,
			       .perm = as[kind].perm, .p2mt = as[kind].p2mt, .access = 0xff };

	if (w->n && emt_run_joins(&w->v[w->n - 1], &run)) {
		w->v[w->n - 1].count += count;
		return 0;
	}
	if (w->n == w->room) {
		size_t room = w->room ? w->room * 2 : 1024;
		struct emt_run *v = room > RUNS_MAX ? NULL : realloc(w->v, room * sizeof(*v));

		if (!v)
			return EMT_E_NOMEM;
		w->v = v;
		w->room = room;
	}
	w->v[w->n++] = run;
	return 0;
}

static int entry(uint64_t pfn, struct emt_pv_entry e, void *arg)
{
	struct emt_pv_walk *w = arg;
	uint64_t place;
	int rc = 0;

	if (e.kind == EMT_PV_FRAME && !emt_pv_m2p(w->s, e.mfn, &place) && place != pfn) {
		w->m2p_cut |= w->m2p.n >= M2P_MAX;
		if (!w->m2p_cut)
			rc = emt_ranges_add(&w->m2p, pfn, pfn, (uint32_t)place, EMT_KNOWN);
	}
	return rc ? rc : put(w, pfn, 1, e.kind, e.mfn);
}

static int fill(uint64_t pfn, uint64_t count, enum emt_pv_kind kind, void *arg)
{
	return put(arg, pfn, count, kind, kind == EMT_PV_IDENTITY ? pfn : EMT_NO_FRAME);
}

/* A list that the domain altered meanwhile is read again, a few times. */
static int read_all(struct emt_pv_walk *w, struct emt_err *err)
{
	struct emt_pv_reader r = { .entry = entry, .fill = fill, .arg = w };
	unsigned int tries = 0;
	int rc = 0;

	if (w->read)
		return 0;
	do {
		w->n = 0;
		emt_ranges_free(&w->m2p);
		w->m2p_cut = false;
		w->time = time(NULL);
		rc = emt_pv_read(w->s, w->domain, &r, &w->result, &w->changed, err);
	} while (!rc && w->changed && ++tries < TRIES);
	if (rc == EMT_E_NOMEM)
		emt_err_set(err, rc, emt_pv_name(w->s), NULL, "not enough memory for its p2m, which is in more than %zu pieces; emtctl pv needs none", w->n);
	w->read = !rc;
	return rc;
}

/* ---- facts ---- */

static int bars(const struct emt_pv_domain *d, struct emt_facts *f)
{
	struct emt_pv_device *v;
	size_t n;
	int rc;

	if (!d->host_devices)
		return 0;
	rc = emt_pv_devices(&v, &n);
	for (size_t i = 0; i < n && !rc; i++)
		rc = emt_ranges_add(&f->pci_bars, v[i].first, v[i].last, v[i].bar, EMT_KNOWN);
	free(v);
	emt_facts_set_list(f, EMT_FACT_PCI_BARS, EMT_KNOWN, EMT_KNOWN, "/sys/bus/pci/devices");
	return rc;
}

int emt_pv_walk_facts(struct emt_pv_walk *w, struct emt_facts *f, struct emt_err *err)
{
	const struct emt_pv_domain *d = emt_pv_domain(w->s, w->domain);
	int rc = read_all(w, err);

	if (rc)
		return rc;
	f->domid = d->domid;
	f->paging = EMT_PAGING_PV;
	emt_facts_set(f, EMT_FACT_PAGING, EMT_KNOWN, "the domain has a p2m of its own");
	f->max_gfn = d->end ? d->end - 1 : 0;
	if (*d->kernel) {
		snprintf(f->pv_kernel, sizeof(f->pv_kernel), "%s", d->kernel);
		emt_facts_set(f, EMT_FACT_PV_KERNEL, EMT_KNOWN, "uname");
	}
	emt_ranges_free(&f->guest_e820);
	if (emt_ranges_copy(&f->guest_e820, &d->e820) || emt_ranges_copy(&f->pv_m2p, &w->m2p) || bars(d, f))
		return emt_err_set(err, EMT_E_NOMEM, emt_pv_name(w->s), NULL, "not enough memory for its facts");
	emt_facts_set_list(f, EMT_FACT_GUEST_E820, d->e820_held, d->e820_held, d->e820_origin);
	emt_facts_set_list(f, EMT_FACT_PV_M2P, EMT_KNOWN, w->m2p_cut ? EMT_UNKNOWN : EMT_KNOWN, "Xen's M2P");
	for (int id = 0; id < EMT_FACT_NR; id++)
		if (emt_fact_concerns(f, (enum emt_fact_id)id) && f->prov[id].held != EMT_UNKNOWN && !f->prov[id].time)
			f->prov[id].time = w->time;
	return 0;
}

/* ---- the stream ---- */

int emt_pv_walk_stream(struct emt_pv_walk *w, struct emt_err *err)
{
	w->at = 0;
	return read_all(w, err);
}

int emt_pv_walk_seek(struct emt_stream *st, uint64_t gfn, struct emt_err *err)
{
	struct emt_pv_walk *w = st->priv;
	size_t lo = 0, hi = w->n;

	(void)err;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (emt_run_last(&w->v[mid]) < gfn)
			lo = mid + 1;
		else
			hi = mid;
	}
	w->at = lo;
	return 0;
}

long emt_pv_walk_read(struct emt_stream *st, struct emt_run *runs, size_t room, struct emt_err *err)
{
	struct emt_pv_walk *w = st->priv;
	size_t n = w->n - w->at < room ? w->n - w->at : room;

	(void)err;
	if (n)
		memcpy(runs, w->v + w->at, n * sizeof(*runs));
	w->at += n;
	return (long)n;
}

void emt_pv_walk_loss(const struct emt_stream *st, struct emt_loss *loss)
{
	const struct emt_pv_walk *w = st->priv;

	loss->entries_cut += w->result.unreadable + w->result.untold;
	loss->changed += w->changed;
	if (w->result.untold)
		snprintf(loss->note, sizeof(loss->note), "%llu entries of the tree may be missing or identity",
			 (unsigned long long)w->result.untold);
	else if (w->result.assumed)
		snprintf(loss->note, sizeof(loss->note),
			 "%llu entries are taken for missing or identity by where they lie; p2m:self knows",
			 (unsigned long long)w->result.assumed);
}
