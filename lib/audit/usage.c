/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/usage.h"

#include <stdio.h>
#include <stdlib.h>

#include "audit/alias.h"
#include "policy/effective.h"

/* What a reason is about, in the order of the enum from EMT_WHY_RAM_FORCED on. */
static const struct {
	const char *kind;
	enum emt_severity severity;
	const char *before, *after; /* words around the types */
	const char *next;
} abouts[] = {
	{ "effective", EMT_SEV_WARNING, "RAM ends ", " whatever the guest's page tables ask for",
	  "emtctl effective SOURCE shows where, and what makes it so" },
	{ "effective", EMT_SEV_NOTICE, "RAM ends ", " by MTRRs or a pin, as the release's rules or a named gap of them have it",
	  "emtctl explain shows which; a guest that boots has its own MTRRs off" },
	{ "effective", EMT_SEV_INFO, "RAM ends ", ", as the guest's own page tables ask", "" },
	{ "effective", EMT_SEV_NOTICE, "RAM ends ", " while the guest has its caches off (CR0.CD)",
	  "later again: a guest has them off while it boots or writes MTRRs" },
	{ "effective", EMT_SEV_ERROR, "device memory ends ", ": reads may be old, writes late",
	  "emtctl effective SOURCE shows where" },
	{ "alias", EMT_SEV_WARNING, "RAM is reached as ", ", and not only because the guest's page tables ask so",
	  "emtctl alias SOURCE shows the addresses" },
	{ "alias", EMT_SEV_NOTICE, "RAM is reached as ", ", by the guest's own page tables",
	  "emtctl alias SOURCE shows the addresses" },
	{ "alias", EMT_SEV_INFO, "device memory is reached as ", "", "" },
};
#define NR EMT_ARRAY_SIZE(abouts)

struct place {
	uint64_t va;
	uint32_t view;
	unsigned int types; /* of all, a bit each */
};

struct emt_usage {
	struct emt_finding f[NR]; /* by reason */
	struct place first[NR];
	struct emt_aliases *aliases;
};

struct emt_usage *emt_usage_new(void)
{
	struct emt_usage *u = calloc(1, sizeof(*u));

	if (u)
		u->aliases = emt_aliases_new();
	if (u && !u->aliases) {
		free(u);
		return NULL;
	}
	return u;
}

void emt_usage_free(struct emt_usage *u)
{
	if (u)
		emt_aliases_free(u->aliases);
	free(u);
}

static void add(struct emt_usage *u, enum emt_reason why, uint64_t gfn, uint64_t frames, const struct place *p)
{
	unsigned int k = why - EMT_WHY_RAM_FORCED;
	struct emt_finding *f = &u->f[k];
	struct emt_gfn_range *last = f->nr_ranges && f->nr_ranges <= EMT_FINDING_RANGES ?
				     &f->ranges[f->nr_ranges - 1] : NULL;

	if (!f->entries)
		u->first[k] = *p;
	u->first[k].types |= p->types;
	f->entries++;
	f->frames += frames;
	if (last && last->last + 1 == gfn) {
		last->last += frames;
		last->entries++;
		return;
	}
	if (f->nr_ranges < EMT_FINDING_RANGES)
		f->ranges[f->nr_ranges] = (struct emt_gfn_range){ gfn, gfn + frames - 1, 1 };
	f->nr_ranges++;
}

int emt_usage_add(struct emt_usage *u, const struct emt_view *v, uint32_t view, const struct emt_eff *e)
{
	const struct place p = { e->va, view, e->types };
	enum emt_reason why = EMT_WHY_RAM_FORCED;

	(void)v;
	if (e->finding == EMT_EFF_MMIO_CACHED)
		why = EMT_WHY_MMIO_CACHED;
	else if (e->cause == EMT_BY_PAT)
		why = EMT_WHY_RAM_ASKED;
	else if (e->cause == EMT_BY_CD)
		why = EMT_WHY_CACHES_OFF;
	else if (e->at && e->at->verdict < EMT_V_SUSPECT)
		why = EMT_WHY_RAM_RULED; /* whoever is wrong, the entry is not, or its gap has a name */
	if (e->finding != EMT_EFF_FINE)
		add(u, why, e->gfn, e->frames, &p);
	return emt_aliases_add(u->aliases, e, view);
}

static int take_alias(const struct emt_alias *a, void *arg)
{
	struct emt_usage *u = arg;
	struct place p = { a->way[0].va, a->way[0].view, 0 };
	enum emt_reason why = EMT_WHY_ALIAS_DEVICE;
	bool forced = false;

	for (unsigned int k = 0; k < a->nr; k++) {
		p.types |= 1u << a->way[k].type;
		forced |= a->way[k].forced;
	}
	/* two kinds of cached, or of uncached, do no harm to RAM */
	if (a->kind == EMT_GPA_RAM && (!(p.types & EMT_EFFECTIVE_CACHED) || !(p.types & EMT_EFFECTIVE_UNCACHED)))
		return 0;
	if (a->kind == EMT_GPA_RAM)
		why = forced ? EMT_WHY_ALIAS_FORCED : EMT_WHY_ALIAS_ASKED;
	add(u, why, a->way[0].gfn, a->frames, &p);
	return 0;
}

/* "UC and WB" */
static void types_text(unsigned int types, const char *between, char *out, size_t room)
{
	size_t at = 0;

	out[0] = '\0';
	for (unsigned int mt = 0; mt < EMT_MT_7; mt++)
		if (types & 1u << mt && at < room)
			at += (size_t)snprintf(out + at, room - at, "%s%s", at ? between : "", emt_effective_name(mt));
}

static int put(struct emt_usage *u, unsigned int k, const struct emt_view *views, struct emt_findings *to)
{
	struct emt_finding *f = &u->f[k];
	const struct place *p = &u->first[k];
	char types[48], who[64] = "";

	types_text(p->types, abouts[k].kind[0] == 'a' ? " and " : " or ", types, sizeof(types));
	if (views[p->view].vcpu != EMT_VIEW_STATED)
		snprintf(who, sizeof(who), " of vCPU %s", views[p->view].vcpus);
	snprintf(f->explanation, sizeof(f->explanation), "%s%s%s; first at linear 0x%llx%s",
		 abouts[k].before, types, abouts[k].after, (unsigned long long)p->va, who);
	snprintf(f->next, sizeof(f->next), "%s", abouts[k].next);
	f->kind = abouts[k].kind;
	f->severity = abouts[k].severity;
	f->verdict = EMT_V_NR;
	f->why = EMT_WHY_RAM_FORCED + k;
	f->defect = -1;
	f->emt = f->ipat = f->perm = f->order = 0xff;
	return emt_findings_put(to, f);
}

int emt_usage_put(struct emt_usage *u, const struct emt_view *views, uint64_t unread, struct emt_findings *f)
{
	int rc = emt_aliases_each(u->aliases, take_alias, u);

	for (unsigned int k = 0; k < NR && !rc; k++)
		if (u->f[k].entries)
			rc = put(u, k, views, f);
	if (!rc && unread) {
		struct emt_finding one = { .kind = "effective", .severity = EMT_SEV_NOTICE, .verdict = EMT_V_NR,
					   .why = EMT_WHY_TABLES_UNREAD, .defect = -1, .emt = 0xff, .ipat = 0xff,
					   .perm = 0xff, .order = 0xff };

		snprintf(one.explanation, sizeof(one.explanation),
			 "%llu page table%s of the guest could not be read: what %s not looked at",
			 (unsigned long long)unread, unread == 1 ? "" : "s", unread == 1 ? "it maps is" : "they map is");
		rc = emt_findings_put(f, &one);
	}
	return rc;
}
