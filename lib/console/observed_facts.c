/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The facts of one dump out of all that was observed.
 */
#include "console/observed.h"

#include <stdio.h>
#include <string.h>

#include "policy/release.h"

#define HOST UINT32_MAX
#define OTHER_FILE (1ULL << 32) /* farther than any line of the same file */

struct pick {
	const struct emt_observed *o;
	const struct emt_dump_place *place;
	void (*note)(unsigned long line, const char *text, void *arg);
	void *arg;
};

/* Lines between an observation and the dump. */
static uint64_t distance(const struct emt_observation *o, const struct emt_dump_place *p)
{
	if (o->file < p->file)
		return (p->file - o->file) * OTHER_FILE + (OTHER_FILE - 1 - (o->last & (OTHER_FILE - 1)));
	if (o->file > p->file)
		return (o->file - p->file) * OTHER_FILE + (o->first & (OTHER_FILE - 1));
	if (o->last < p->first)
		return p->first - o->last;
	return o->first > p->last ? o->first - p->last : 0;
}

/* "4.17.7" and "4.17.7 (Debian ...)" are the same release, one told in full. */
static bool same_release(const char *a, const char *b)
{
	size_t x = strcspn(a, " "), y = strcspn(b, " ");

	return x == y && !strncmp(a, b, x) && (!a[x] || !b[y] || !strcmp(a, b));
}

static bool same(const struct emt_observation *a, const struct emt_observation *b)
{
	if (a->value != b->value || a->list.n != b->list.n)
		return false;
	if (a->text && b->text && !same_release(a->text, b->text))
		return false;
	if (a->mtrr && b->mtrr && memcmp(a->mtrr, b->mtrr, sizeof(*a->mtrr)))
		return false;
	for (size_t i = 0; i < a->list.n; i++)
		if (a->list.v[i].first != b->list.v[i].first || a->list.v[i].last != b->list.v[i].last ||
		    a->list.v[i].tag != b->list.v[i].tag)
			return false;
	return true;
}

/* Of two tellings of one thing the one to believe: the nearer; of equally near ones
 * the earlier; the full version string; the save record's PAT (key v shows the one
 * loaded, which may be Xen's). */
static bool better(const struct emt_observation *a, const struct emt_observation *b,
		   const struct emt_dump_place *p)
{
	if (a->id == EMT_FACT_RELEASE && same_release(a->text, b->text) && strlen(a->text) != strlen(b->text))
		return strlen(a->text) > strlen(b->text);
	if (a->id == EMT_FACT_VCPU_PAT && strcmp(a->origin, b->origin))
		return strcmp(a->origin, "key v") != 0;
	if (a->whole != b->whole && a->id != EMT_FACT_PCI_DEVICES)
		return a->whole;
	return distance(a, p) < distance(b, p);
}

static const struct emt_observation *nearest(const struct pick *k, int id, uint32_t domid, uint32_t vcpu)
{
	const struct emt_observation *best = NULL;
	const char *what;
	char text[200];
	bool differ = false;

	for (size_t i = 0; i < k->o->n; i++) {
		const struct emt_observation *o = &k->o->v[i];

		if (o->id != id || o->domid != domid || o->vcpu != vcpu)
			continue;
		if (!best) {
			best = o;
			continue;
		}
		differ |= !same(best, o);
		if (better(o, best, k->place))
			best = o;
	}
	/* A count of the dump says where it was read, not what is: never of note. */
	if (!differ || !k->note || id == EMT_OBSERVED_ABOUT(EMT_ABOUT_NR_PAGES))
		return best;
	what = id < EMT_FACT_NR ? emt_fact_descs[id].name : "description";
	snprintf(text, sizeof(text), "%s is told several times and differently: for the dump at line %lu "
		 "the one at line %lu (%s) counts", what, k->place->first, best->first, best->origin);
	k->note(best->first, text, k->arg);
	return best;
}

static void scalar(struct emt_facts *f, enum emt_fact_id id, const struct emt_observation *o,
		   enum emt_held held)
{
	uint8_t *flag = emt_facts_flag(f, id);

	if (!o)
		return;
	if (flag)
		*flag = o->value != 0;
	emt_facts_set(f, id, held, o->origin);
}

static int list(const struct pick *k, struct emt_facts *f, enum emt_fact_id id, uint32_t domid)
{
	const struct emt_observation *o = nearest(k, (int)id, domid, 0);
	struct emt_ranges *r = emt_facts_list(f, id);

	if (!o)
		return 0;
	if (emt_ranges_copy(r, &o->list))
		return EMT_E_NOMEM;
	emt_ranges_normalise(r);
	emt_facts_set_list(f, id, EMT_KNOWN, o->whole ? EMT_KNOWN : EMT_UNKNOWN, o->origin);
	return 0;
}

/* Key Q names who has devices; whoever a whole dump does not name has none. */
static void pci(const struct pick *k, struct emt_facts *f)
{
	const struct emt_observation *best = NULL;
	uint64_t near = UINT64_MAX;

	for (size_t i = 0; i < k->o->n; i++) {
		const struct emt_observation *o = &k->o->v[i];
		uint64_t d = distance(o, k->place);

		if (o->id != EMT_FACT_PCI_DEVICES || (o->domid != HOST && o->domid != k->place->domid))
			continue;
		/* A dump's own count comes before its end in the same place. */
		if (d < near) {
			best = o;
			near = d;
		}
	}
	if (!best)
		return;
	f->pci_devices = (uint32_t)best->value;
	emt_facts_set(f, EMT_FACT_PCI_DEVICES, EMT_KNOWN, best->origin);
}

static uint32_t vcpus(const struct pick *k)
{
	uint32_t n = 0;

	for (size_t i = 0; i < k->o->n; i++) {
		const struct emt_observation *o = &k->o->v[i];
		uint32_t have = 0;

		if (o->domid != k->place->domid)
			continue;
		if (o->id == EMT_OBSERVED_ABOUT(EMT_ABOUT_VCPUS))
			have = (uint32_t)o->value;
		else if (o->id == EMT_FACT_VCPU_MTRR ||
			 (o->id >= EMT_FACT_VCPU_PAT && o->id <= EMT_FACT_VCPU_EFER))
			have = o->vcpu + 1;
		if (have > n && have <= EMT_OBSERVED_VCPU_MAX)
			n = have;
	}
	return n;
}

/* A register holds for all vCPUs or not at all. */
static void registers(const struct pick *k, struct emt_facts *f, enum emt_fact_id id, uint32_t n)
{
	const char *origin = NULL;
	uint32_t got = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct emt_observation *o = nearest(k, (int)id, k->place->domid, i);

		if (!o)
			continue;
		(*emt_facts_registers(f, id))[i] = o->value;
		origin = o->origin;
		got++;
	}
	if (n && got == n)
		emt_facts_set(f, id, EMT_KNOWN, origin);
}

static int vcpu_facts(const struct pick *k, struct emt_facts *f)
{
	uint32_t n = vcpus(k);

	if (emt_facts_vcpus(f, n))
		return EMT_E_NOMEM;
	for (uint32_t i = 0; i < n; i++) {
		const struct emt_observation *o = nearest(k, EMT_FACT_VCPU_MTRR, k->place->domid, i);

		if (o) {
			f->vcpu_mtrr[i] = *o->mtrr;
			emt_facts_set(f, EMT_FACT_VCPU_MTRR, EMT_KNOWN, o->origin);
		}
	}
	for (int id = EMT_FACT_VCPU_PAT; id <= EMT_FACT_VCPU_EFER; id++)
		registers(k, f, (enum emt_fact_id)id, n);
	return 0;
}

static void domain(const struct pick *k, struct emt_facts *f)
{
	uint32_t domid = k->place->domid;
	const struct emt_observation *o, *host;

	scalar(f, EMT_FACT_DOMAIN_IOMMU, nearest(k, EMT_FACT_DOMAIN_IOMMU, domid, 0), EMT_KNOWN);
	o = nearest(k, EMT_FACT_IOMMU_SHARED, domid, 0);
	host = nearest(k, EMT_FACT_IOMMU_SHARED, HOST, 0);
	/* Where the host can share, one domain may still not. */
	if (o)
		scalar(f, EMT_FACT_IOMMU_SHARED, o, EMT_KNOWN);
	else if (host)
		scalar(f, EMT_FACT_IOMMU_SHARED, host, host->value ? EMT_ASSUMED : EMT_KNOWN);
	o = nearest(k, EMT_OBSERVED_ABOUT(EMT_ABOUT_UUID), domid, 0);
	if (o)
		snprintf(f->domain_uuid, sizeof(f->domain_uuid), "%s", o->text);
	o = nearest(k, EMT_OBSERVED_ABOUT(EMT_ABOUT_NR_PAGES), domid, 0);
	if (o)
		f->nr_pages = o->value;
	pci(k, f);
}

int emt_observed_facts(const struct emt_observed *obs, const struct emt_dump_place *place, int64_t time,
		       struct emt_facts *f, void (*note)(unsigned long line, const char *text, void *arg),
		       void *arg)
{
	const struct pick k = { .o = obs, .place = place, .note = note, .arg = arg };
	const struct emt_observation *o;
	int rc = 0;

	f->domid = place->domid;
	f->paging = EMT_PAGING_EPT;
	emt_facts_set(f, EMT_FACT_PAGING, EMT_KNOWN, "key D");
	o = nearest(&k, EMT_FACT_RELEASE, HOST, 0);
	if (o) {
		snprintf(f->release, sizeof(f->release), "%s", o->text);
		emt_facts_set(f, EMT_FACT_RELEASE, EMT_KNOWN, o->origin);
	}
	scalar(f, EMT_FACT_IOMMU_ENABLED, nearest(&k, EMT_FACT_IOMMU_ENABLED, HOST, 0), EMT_KNOWN);
	scalar(f, EMT_FACT_IOMMU_SNOOP, nearest(&k, EMT_FACT_IOMMU_SNOOP, HOST, 0), EMT_KNOWN);
	o = nearest(&k, EMT_FACT_HOST_MTRR, HOST, 0);
	if (o) {
		f->host_mtrr = *o->mtrr;
		emt_facts_set(f, EMT_FACT_HOST_MTRR, EMT_KNOWN, o->origin);
	}
	rc = list(&k, f, EMT_FACT_HOST_E820, HOST);
	/* A dump whose heading is lost could be any domain's. */
	if (!rc && place->domid != HOST) {
		domain(&k, f);
		rc = list(&k, f, EMT_FACT_IOMEM_CAPS, place->domid);
		if (!rc)
			rc = list(&k, f, EMT_FACT_IOPORT_CAPS, place->domid);
		if (!rc)
			rc = list(&k, f, EMT_FACT_SPECIAL, place->domid);
		if (!rc)
			rc = vcpu_facts(&k, f);
	}
	for (int i = 0; i < EMT_FACT_NR; i++)
		if (f->prov[i].held != EMT_UNKNOWN || f->prov[i].rest != EMT_UNKNOWN)
			f->prov[i].time = time;
	return rc;
}

static bool all_ranges_alike(const struct emt_mtrr *m)
{
	for (unsigned int i = 1; i < m->vcnt; i++)
		if (m->var[i][0] != m->var[0][0] || m->var[i][1] != m->var[0][1])
			return false;
	return m->vcnt > 1;
}

void emt_observed_settle(struct emt_facts *f)
{
	const char *origin = f->prov[EMT_FACT_VCPU_MTRR].origin;
	struct emt_release rel;
	bool parsed = f->prov[EMT_FACT_RELEASE].held != EMT_UNKNOWN && !f->is_kvm &&
		      !emt_release_parse(&rel, f->release, false, NULL);

	/* Xen 4.12 and later save variable range 0 into every slot. */
	if (origin && !strcmp(origin, "save record (xen-hvmctx)") &&
	    !(parsed && rel.version < EMT_VER(4, 12, 0)))
		for (uint32_t i = 0; i < f->nr_vcpus; i++)
			if (all_ranges_alike(&f->vcpu_mtrr[i]))
				memset(f->vcpu_mtrr[i].var_held + 1, EMT_UNKNOWN,
				       sizeof(f->vcpu_mtrr[i].var_held) - 1);
	/* Before 4.6 the key printed domains whose tables are not in use, too. */
	origin = f->prov[EMT_FACT_DOMAIN_IOMMU].origin;
	if (origin && !strcmp(origin, "key o") && !(parsed && rel.version >= EMT_VER(4, 6, 0)))
		emt_facts_set(f, EMT_FACT_DOMAIN_IOMMU, parsed ? EMT_UNKNOWN : EMT_ASSUMED, origin);
}
