/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source/journal_facts.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/mtrr.h"
#include "source/journal.h"

#define HOST_ADDS 4 /* more of them: it is only said that there were changes */

struct host_add {
	uint64_t first, last; /* frames */
	uint8_t type;
};

/* What is known of one domain after a line. */
struct replay {
	uint32_t domid;
	struct emt_ranges pins; /* in order of creation */
	struct emt_ranges iomem, ioport, devices, types;
	bool open;              /* a watch began and did not end */
	bool whole;             /* from the domain's creation on, without a gap */
	bool watched;           /* at least once */
	bool rights;            /* it was given a right to I/O memory or ports */
	bool host_mtrr, mmio_ro; /* changed in the domain's life */
	struct host_add adds[HOST_ADDS]; /* host MTRRs that were added in it */
	unsigned int nr_adds, deletes;
	bool host_vague;        /* and others, of which it is not known where */
	int iommu;              /* it was created with IOMMU tables; -1 = not known */
	int64_t since;          /* of the watch, or the gap, that counts */
};

struct range {
	uint64_t first, last;
	bool is; /* the line has one */
};

static struct range range_at(struct json_object *line, const char *key)
{
	uint64_t first, count;
	bool is = emt_journal_number(line, key, &first) && emt_journal_number(line, "count", &count) && count &&
		count - 1 <= UINT64_MAX - first;

	return is ? (struct range){ first, first + count - 1, true } : (struct range){ 0 };
}

static void unpin(struct replay *r, struct range x)
{
	size_t n = 0;

	for (size_t i = 0; i < r->pins.n; i++)
		if (r->pins.v[i].first != x.first || r->pins.v[i].last != x.last)
			r->pins.v[n++] = r->pins.v[i];
	r->pins.n = n;
}

/* Xen deletes a pin of exactly this range, and replaces one by another. */
static int pin(struct replay *r, struct json_object *line, bool on)
{
	struct range x = range_at(line, "gfn");
	uint64_t type = 0;

	if (!x.is || (on && (!emt_journal_number(line, "type", &type) || type > EMT_MT_7 || type == EMT_MT_RSVD2 ||
			      type == EMT_MT_RSVD3)))
		return 0;
	unpin(r, x);
	return on ? emt_ranges_add(&r->pins, x.first, x.last, (uint32_t)type, EMT_KNOWN) : 0;
}

/* A set of frames, ports or devices: given, or taken. */
static int give(struct emt_ranges *list, struct range x, bool on)
{
	int rc = x.is ? emt_ranges_cut(list, x.first, x.last) : 0;

	return rc || !x.is || !on ? rc : emt_ranges_add(list, x.first, x.last, 0, EMT_KNOWN);
}

static int right(struct replay *r, struct emt_ranges *list, struct json_object *line, const char *key)
{
	bool on = emt_journal_flag(line, "on");

	r->rights |= on;
	return give(list, range_at(line, key), on);
}

static int device(struct replay *r, struct json_object *line, bool on)
{
	const char *name = emt_journal_text(line, "device");
	unsigned int seg, bus, dev, fn;
	uint64_t sbdf;

	if (!name || sscanf(name, "%x:%x:%x.%x", &seg, &bus, &dev, &fn) != 4)
		return 0;
	sbdf = (uint64_t)seg << 16 | bus << 8 | dev << 3 | fn;
	return give(&r->devices, (struct range){ sbdf, sbdf, true }, on);
}

/* A p2m type; EMT_P2M_UNKNOWN: it is another now. */
static int type(struct replay *r, struct range x, unsigned int p2mt)
{
	int rc = x.is ? emt_ranges_cut(&r->types, x.first, x.last) : 0;

	return rc || !x.is || p2mt >= EMT_P2M_NR ? rc : emt_ranges_add(&r->types, x.first, x.last, p2mt, EMT_ASSUMED);
}

static int mem_type(struct replay *r, struct json_object *line)
{
	/* HVMMEM_ram_rw, ram_ro, mmio_dm, one that means nothing, ioreq_server */
	static const uint8_t types[] = { EMT_P2M_RAM_RW, EMT_P2M_RAM_RO, EMT_P2M_MMIO_DM, EMT_P2M_UNKNOWN,
					 EMT_P2M_IOREQ_SERVER };
	uint64_t t;

	if (!emt_journal_number(line, "type", &t))
		return 0;
	return type(r, range_at(line, "gfn"), t < EMT_ARRAY_SIZE(types) ? types[t] : EMT_P2M_UNKNOWN);
}

/* Pages come and go. Of several only the first is in the journal: then any may be another. */
static int pages(struct replay *r, struct json_object *line)
{
	struct range x = range_at(line, "gfn");

	if (x.is && x.first == x.last)
		return type(r, x, EMT_P2M_UNKNOWN);
	r->types.n = 0;
	return 0;
}

static void forget(struct replay *r, bool created)
{
	r->pins.n = r->iomem.n = r->ioport.n = r->devices.n = r->types.n = 0;
	r->rights = r->host_mtrr = r->mmio_ro = r->host_vague = false;
	r->nr_adds = r->deletes = 0;
	r->iommu = -1;
	r->whole = created;
}

static void host_added(struct replay *r, struct json_object *line)
{
	struct range x = range_at(line, "mfn");
	uint64_t type;

	if (!x.is || !emt_journal_number(line, "type", &type) || type >= EMT_MT_7 || type == EMT_MT_RSVD2 ||
	    type == EMT_MT_RSVD3 || r->nr_adds == HOST_ADDS)
		r->host_vague = true;
	else
		r->adds[r->nr_adds++] = (struct host_add){ x.first, x.last, (uint8_t)type };
}

static int about_host(struct replay *r, struct json_object *line, const char *what)
{
	bool add = !strcmp(what, "host-mtrr-add"), gone = !strcmp(what, "host-mtrr-delete");

	r->host_mtrr |= add || gone;
	r->deletes += gone;
	if (add)
		host_added(r, line);
	else if (!strcmp(what, "prepare-msix") || !strcmp(what, "release-msix"))
		r->mmio_ro = true;
	return 0;
}

static int about_domain(struct replay *r, const char *what, struct json_object *line)
{
	bool on = emt_journal_flag(line, "on");
	uint64_t flags;

	if (!strcmp(what, "create")) {
		forget(r, true);
		if (emt_journal_number(line, "type", &flags)) /* Xen 4.13 and later have one for it */
			r->iommu = on;
		return 0;
	}
	if (!strcmp(what, "destroy")) {
		forget(r, false);
		return 0;
	}
	if (!strcmp(what, "pin") || !strcmp(what, "unpin"))
		return pin(r, line, *what == 'p');
	if (!strcmp(what, "iomem-permission"))
		return right(r, &r->iomem, line, "mfn");
	if (!strcmp(what, "ioport-permission"))
		return right(r, &r->ioport, line, "port");
	if (!strcmp(what, "assign-device") || !strcmp(what, "deassign-device"))
		return device(r, line, *what == 'a');
	if (!strcmp(what, "memory-mapping"))
		return type(r, range_at(line, "gfn"), on ? EMT_P2M_MMIO_DIRECT : EMT_P2M_UNKNOWN);
	if (!strcmp(what, "set-mem-type"))
		return mem_type(r, line);
	if (strstr(what, "reservation") || strstr(what, "physmap") || !strcmp(what, "exchange") ||
	    !strcmp(what, "relocate-memory"))
		return pages(r, line);
	return 0;
}

static int event(struct replay *r, struct json_object *line)
{
	const char *what = emt_journal_text(line, "event");
	uint64_t domid;

	if (!what)
		return 0;
	if (!emt_journal_number(line, "domain", &domid))
		return about_host(r, line, what);
	return domid == r->domid ? about_domain(r, what, line) : 0;
}

static void assume(struct emt_ranges *list)
{
	for (size_t i = 0; i < list->n; i++)
		list->v[i].held = EMT_ASSUMED;
}

/* What happened until then is not known: what was seen before may have changed. */
static void gap(struct replay *r, int64_t until)
{
	assume(&r->pins);
	assume(&r->iomem);
	assume(&r->ioport);
	assume(&r->devices);
	r->whole = false;
	r->since = until;
}

static int one_line(struct json_object *line, void *arg)
{
	struct replay *r = arg;
	const char *record = emt_journal_text(line, "record");
	uint64_t lost = 0, unpaired = 0, unreadable = 0;

	if (!record)
		return 0;
	if (!strcmp(record, "header")) {
		gap(r, emt_journal_time(line, "time"));
		r->open = r->watched = true;
	} else if (!strcmp(record, "watch_begun")) { /* its probes were attached later than it began */
		gap(r, emt_journal_time(line, "time"));
	} else if (!strcmp(record, "gap")) { /* the next one is about to begin */
		r->open = false;
	} else if (!strcmp(record, "toolstack_event")) {
		return event(r, line);
	} else if (!strcmp(record, "watching")) {
		emt_journal_number(line, "lost", &lost);
		emt_journal_number(line, "unpaired", &unpaired);
		emt_journal_number(line, "unreadable", &unreadable);
		if (lost + unpaired + unreadable)
			gap(r, emt_journal_time(line, "to"));
		r->open = false;
	}
	return 0;
}

/* ---- what it says ---- */

#define JOURNAL "journal of toolstack calls"

static bool unstated(const struct emt_facts *f, enum emt_fact_id id)
{
	const struct emt_ranges *list = emt_facts_clist(f, id);

	return f->prov[id].held == EMT_UNKNOWN && f->prov[id].rest == EMT_UNKNOWN && (!list || !list->n);
}

static int state_list(const struct replay *r, struct emt_facts *f, enum emt_fact_id id, const struct emt_ranges *list,
		      enum emt_held before, const char *origin)
{
	struct emt_ranges *to = emt_facts_list(f, id);

	if (!unstated(f, id))
		return 0;
	if (emt_ranges_copy(to, list))
		return EMT_E_NOMEM;
	emt_facts_set_list(f, id, r->whole ? EMT_KNOWN : list->n || before ? EMT_ASSUMED : EMT_UNKNOWN,
			   r->whole ? EMT_ASSUMED : before, origin);
	f->prov[id].since = r->whole ? 0 : r->since;
	return 0;
}

/* One that was seen is so whenever it was; that none was tells only of a whole watch. */
static void state_flag(const struct replay *r, struct emt_facts *f, enum emt_fact_id id, bool seen, const char *origin)
{
	if (!unstated(f, id) || (!seen && !r->whole))
		return;
	*emt_facts_flag(f, id) = seen;
	emt_facts_set(f, id, seen ? EMT_KNOWN : EMT_ASSUMED, origin);
}

static bool host_without(struct emt_mtrr *m, const struct host_add *a)
{
	uint64_t first, last;

	for (unsigned int i = 0; i < m->vcnt; i++) {
		if (!emt_mtrr_var_range(m, i, &first, &last) || first != a->first || last != a->last ||
		    (m->var[i][0] & 7) != a->type)
			continue;
		m->var[i][0] = m->var[i][1] = 0;
		return true;
	}
	return false;
}

static bool host_with(struct emt_mtrr *m, const struct host_add *a)
{
	uint64_t frames = a->last - a->first + 1;
	unsigned int i = 0;

	while (i < m->vcnt && m->var[i][1])
		i++;
	if (i == EMT_MTRR_VAR_MAX || frames & (frames - 1) || a->first & (frames - 1))
		return false;
	m->var[i][0] = a->first << 12 | a->type;
	m->var[i][1] = (~(frames - 1) << 12 & 0x000ffffffffff000ull) | 0x800;
	m->var_held[i] = EMT_KNOWN;
	m->vcnt += i == m->vcnt;
	return true;
}

/* Host MTRRs as they may have been in the domain's life: those of now without what was added
 * in it, and with any of that. Only where each deletion accounts for one of the additions,
 * so that no range of before is gone; else it is only known that there was a change. */
static int state_earlier(const struct replay *r, struct emt_facts *f)
{
	unsigned int present = 0, missing = 0, n = 0;
	struct emt_mtrr base = f->host_mtrr, *v;

	if (!r->host_mtrr || !r->whole || r->host_vague || f->prov[EMT_FACT_HOST_MTRR].held != EMT_KNOWN ||
	    !unstated(f, EMT_FACT_HOST_MTRR_EARLIER))
		return 0;
	for (unsigned int i = 0; i < r->nr_adds; i++) {
		if (host_without(&base, &r->adds[i]))
			present |= 1u << i;
		else
			missing++;
	}
	if (!r->nr_adds || missing != r->deletes)
		return 0;
	v = calloc(1u << r->nr_adds, sizeof(*v));
	if (!v)
		return EMT_E_NOMEM;
	for (unsigned int some = 0; some < 1u << r->nr_adds; some++) {
		struct emt_mtrr m = base;
		bool fits = true;

		for (unsigned int i = 0; i < r->nr_adds; i++)
			fits &= !(some & 1u << i) || host_with(&m, &r->adds[i]);
		if (!fits) {
			free(v);
			return 0;
		}
		if (some != present)
			v[n++] = m;
	}
	f->host_earlier = v;
	f->nr_host_earlier = n;
	emt_facts_set(f, EMT_FACT_HOST_MTRR_EARLIER, EMT_KNOWN, JOURNAL ", since the domain's creation");
	return 0;
}

/* The number counts only as none or some. */
static void state_devices(const struct replay *r, struct emt_facts *f, const char *origin)
{
	if (!unstated(f, EMT_FACT_PCI_DEVICES) || (!r->whole && !r->devices.n))
		return;
	f->pci_devices = (uint32_t)r->devices.n;
	emt_facts_set(f, EMT_FACT_PCI_DEVICES, r->whole && r->devices.n ? EMT_KNOWN : EMT_ASSUMED, origin);
}

static int state(const struct replay *r, struct emt_facts *f)
{
	const char *origin = r->whole ? JOURNAL ", since the domain's creation" : JOURNAL ", in part";
	int rc = state_list(r, f, EMT_FACT_PINS, &r->pins, EMT_ASSUMED, origin);

	if (!rc)
		rc = state_list(r, f, EMT_FACT_IOMEM_CAPS, &r->iomem, EMT_UNKNOWN, origin);
	if (!rc)
		rc = state_list(r, f, EMT_FACT_IOPORT_CAPS, &r->ioport, EMT_UNKNOWN, origin);
	if (!rc && r->types.n && unstated(f, EMT_FACT_P2M_TYPES)) {
		rc = emt_ranges_copy(&f->p2m_types, &r->types);
		emt_facts_set_list(f, EMT_FACT_P2M_TYPES, EMT_ASSUMED, EMT_UNKNOWN, origin);
		f->prov[EMT_FACT_P2M_TYPES].since = r->since;
	}
	if (!rc)
		rc = state_earlier(r, f);
	if (rc)
		return EMT_E_NOMEM;
	state_devices(r, f, origin);
	state_flag(r, f, EMT_FACT_CAPS_EVER_HELD, r->rights, origin);
	state_flag(r, f, EMT_FACT_HOST_MTRR_CHANGED, r->host_mtrr, origin);
	state_flag(r, f, EMT_FACT_MMIO_RO_CHANGED, r->mmio_ro, origin);
	if (r->iommu >= 0 && unstated(f, EMT_FACT_DOMAIN_IOMMU)) {
		f->domain_iommu = r->iommu;
		emt_facts_set(f, EMT_FACT_DOMAIN_IOMMU, EMT_KNOWN, JOURNAL ": created so");
	}
	return 0;
}

int emt_journal_facts(const char *path, uint32_t domid, int64_t now, struct emt_facts *f)
{
	struct replay r = { .domid = domid, .iommu = -1 };
	struct emt_err why = { 0 };
	int rc = emt_journal_of(path, domid, one_line, &r, &why);

	/* no journal, or none that can be read: nothing is said */
	if (rc != EMT_E_NOMEM)
		rc = 0;
	if (!r.open || !emt_journal_is_watched(path)) /* nobody watches */
		gap(&r, now);
	if (!rc && r.watched)
		rc = state(&r, f);
	emt_ranges_free(&r.pins);
	emt_ranges_free(&r.iomem);
	emt_ranges_free(&r.ioport);
	emt_ranges_free(&r.devices);
	emt_ranges_free(&r.types);
	return rc;
}
