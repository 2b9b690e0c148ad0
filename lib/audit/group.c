/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The smallest explanation of a group: of the facts that could explain all its
 * entries, the one of which the fewest things would have to be so.
 */
#include "audit/group.h"

#include <stdio.h>
#include <string.h>

#include "audit/seen.h"

#define HAS(mask, id) ((mask) & 1ull << (id))

/* 2048 -> "2,048". */
static const char *thousands(uint64_t n, char out[32])
{
	char digits[24];
	size_t len = (size_t)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n), to = 0;

	for (size_t i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			out[to++] = ',';
		out[to++] = digits[i];
	}
	out[to] = '\0';
	return out;
}

static void range_text(const struct emt_gfn_range *r, char out[48])
{
	if (r->first == r->last)
		snprintf(out, 48, "0x%llx", (unsigned long long)r->first);
	else
		snprintf(out, 48, "0x%llx-0x%llx", (unsigned long long)r->first, (unsigned long long)r->last);
}

/* Variable MTRRs that a span needs: naturally aligned powers of two. */
static uint64_t blocks_of(uint64_t first, uint64_t last)
{
	uint64_t n = 0;

	while (first <= last) {
		uint64_t size = first ? first & -first : 1ull << 40;

		while (size > last - first + 1)
			size >>= 1;
		first += size;
		n++;
		if (!first)
			break;
	}
	return n;
}

static uint64_t span_blocks(const struct emt_group *g)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < g->nr_spans && i < EMT_FINDING_RANGES; i++)
		n += blocks_of(g->span[i].first, g->span[i].last);
	return g->nr_spans > EMT_FINDING_RANGES ? n + g->nr_spans - EMT_FINDING_RANGES : n;
}

/* How many things would have to be so; 0 = this fact does not explain the group. */
static uint64_t cost(const struct emt_group *g, enum emt_fact_id id, uint64_t judged)
{
	const struct emt_finding *f = &g->f;

	if (!HAS(f->facts, id))
		return 0;
	switch (id) {
	case EMT_FACT_PINS: return f->ipat ? g->nr_spans : 0;
	case EMT_FACT_VCPU_MTRR: return f->ipat ? 0 : span_blocks(g);
	case EMT_FACT_HOST_MTRR: return f->ipat ? 0 : f->nr_ranges + 1;
	/* where its frames lie is not looked at: one thing more than the guest's would take */
	case EMT_FACT_HOST_MTRR_CHANGED: return f->ipat ? 0 : span_blocks(g) + 1;
	case EMT_FACT_MMIO_RO: return f->nr_ranges;
	case EMT_FACT_SPECIAL: return f->frames;
	case EMT_FACT_KVM_MMIO:
	case EMT_FACT_KVM_SLOT_NC: return f->nr_ranges;
	case EMT_FACT_P2M_TYPES: return f->nr_ranges + 1;
	case EMT_FACT_VALID:
	case EMT_FACT_APIC_MFN: return f->nr_ranges + 1;
	default: /* one fact about the whole domain: it must bear on most entries */
		return f->entries * 2 >= judged ? 1 : 0;
	}
}

static int cheapest(const struct emt_group *g, uint64_t judged, uint64_t *best_cost)
{
	/* at equal cost the likelier first */
	static const uint8_t order[] = {
		EMT_FACT_IOMEM_CAPS, EMT_FACT_IOPORT_CAPS, EMT_FACT_PCI_DEVICES, EMT_FACT_DOMAIN_IOMMU,
		EMT_FACT_IOMMU_ENABLED, EMT_FACT_IOMMU_SNOOP, EMT_FACT_PINS, EMT_FACT_VCPU_MTRR, EMT_FACT_MMIO_RO,
		EMT_FACT_SPECIAL, EMT_FACT_P2M_TYPES, EMT_FACT_HOST_MTRR, EMT_FACT_HOST_MTRR_CHANGED, EMT_FACT_VALID,
		EMT_FACT_APIC_MFN, EMT_FACT_IDENT_PT, EMT_FACT_UC_MODE,
		EMT_FACT_KVM_NONCOHERENT, EMT_FACT_VCPU_CR0, EMT_FACT_KVM_QUIRK_PAT, EMT_FACT_KVM_QUIRK_CD,
		EMT_FACT_KVM_MMIO, EMT_FACT_KVM_SLOT_NC, EMT_FACT_KVM_CPUID_MTRR,
	};
	int best = -1;

	*best_cost = 0;
	for (size_t i = 0; i < EMT_ARRAY_SIZE(order); i++) {
		uint64_t c = cost(g, (enum emt_fact_id)order[i], judged);

		if (c && (best < 0 || c < *best_cost)) {
			best = order[i];
			*best_cost = c;
		}
	}
	return best;
}

static void spans_text(const struct emt_group *g, char *out, size_t room)
{
	size_t at = 0;

	out[0] = '\0';
	for (uint64_t i = 0; i < g->nr_spans && i < 3 && at < room; i++) {
		char r[48];

		range_text(&g->span[i], r);
		at += (size_t)snprintf(out + at, room - at, "%s%s", i ? ", " : "", r);
	}
	if (g->nr_spans > 3 && at < room)
		snprintf(out + at, room - at, " and %llu more", (unsigned long long)(g->nr_spans - 3));
}

/* A pin that nobody listed must be older than the list, and than the last right. */
static const char *pin_time(const struct emt_finding *f, const struct emt_prov *pins, char *out, size_t room)
{
	const char *revoked = f->why == EMT_WHY_REVOKED ? ", and an I/O right revoked since," : "";
	char at[32];

	if (emt_complete_from(pins, at))
		snprintf(out, room, ", set before %s%s", at, *revoked ? revoked : ",");
	else
		snprintf(out, room, "%s", revoked);
	return out;
}

static void hypothesis(const struct emt_group *g, int fact, const struct emt_facts *facts, uint64_t n, char *out,
		       size_t room)
{
	const struct emt_finding *f = &g->f;
	const char *s = f->entries == 1 ? "y" : "ies", *mt = emt_mt_name(f->emt);
	char where[128], entries[32], and[100];

	pin_time(f, &facts->prov[EMT_FACT_PINS], and, sizeof(and));
	spans_text(g, where, sizeof(where));
	thousands(f->entries, entries);
	switch (fact) {
	case EMT_FACT_PINS:
		if (n == 1)
			snprintf(out, room, "one %s pin on %s%s would explain %s entr%s", mt, where, and, entries, s);
		else
			snprintf(out, room, "%llu %s pins on %s%s would explain %s entr%s", (unsigned long long)n, mt, where,
				 and, entries, s);
		break;
	case EMT_FACT_VCPU_MTRR:
		snprintf(out, room, "%s %s guest MTRR range%s over %s would explain %s entr%s",
			 n == 1 ? "one" : "a few", mt, n == 1 ? "" : "s", where, entries, s);
		break;
	case EMT_FACT_HOST_MTRR:
		snprintf(out, room, "host MTRRs of type %s over their frames would explain %s entr%s", mt, entries, s);
		break;
	case EMT_FACT_HOST_MTRR_CHANGED:
		snprintf(out, room, "a host MTRR that dom0 changed after they were computed would explain %s entr%s",
			 entries, s);
		break;
	case EMT_FACT_MMIO_RO:
		snprintf(out, room, "frames of %s in Xen's read-only MMIO ranges would explain %s entr%s", where, entries, s);
		break;
	case EMT_FACT_SPECIAL:
		snprintf(out, room, "special pages (shared info, grant frames ...) at %s would explain %s entr%s", where,
			 entries, s);
		break;
	case EMT_FACT_P2M_TYPES:
		snprintf(out, room, "other p2m types than assumed at %s would explain %s entr%s", where, entries, s);
		break;
	default:
		snprintf(out, room, "%s (%s), if other than assumed, would explain %s entr%s",
			 emt_fact_descs[fact].help, emt_fact_descs[fact].name, entries, s);
	}
}

/* Of a list that is complete from a time on, what is older than that. */
static void fact_names(uint64_t facts, const struct emt_facts *f, char *out, size_t room)
{
	size_t at = 0;
	char time[32];

	out[0] = '\0';
	for (int i = 0; i < EMT_FACT_NR && at < room; i++) {
		bool since = emt_complete_from(&f->prov[i], time);

		if (HAS(facts, i))
			at += (size_t)snprintf(out + at, room - at, "%s%s%s%s", at ? ", " : "", emt_fact_descs[i].name,
					       since ? " before " : "", since ? time : "");
	}
}

static int first_fact(uint64_t facts)
{
	for (int i = 0; i < EMT_FACT_NR; i++)
		if (HAS(facts, i))
			return i;
	return -1;
}

static void explain_defect(struct emt_finding *f)
{
	const struct emt_defect *d = &emt_defects[f->defect];

	snprintf(f->explanation, sizeof(f->explanation), "%s, %s: %s (%s)", d->id, d->title, d->harm, d->fixed_by);
	if (d->fixed_in[0])
		snprintf(f->next, sizeof(f->next), "fixed in %s", d->fixed_in);
}

/* What would tell; a guest's MTRR and one of the host that was changed look alike. */
static void check_text(struct emt_finding *f, int fact)
{
	const struct emt_fact_desc *d = &emt_fact_descs[fact], *host = &emt_fact_descs[EMT_FACT_HOST_MTRR_CHANGED];
	bool both = fact == EMT_FACT_VCPU_MTRR && HAS(f->facts, EMT_FACT_HOST_MTRR_CHANGED);

	snprintf(f->next, sizeof(f->next), "check %s: %s%s%s%s%s", d->name, d->how, both ? "; or " : "",
		 both ? host->name : "", both ? ": " : "", both ? host->how : "");
}

/* A PV domain's p2m: the finding itself says what is wrong, and whose memory it is. */
static void explain_pv(struct emt_finding *f, const struct emt_facts *facts)
{
	char name[EMT_BAR_ROOM], device[EMT_BAR_ROOM + 4] = "";
	size_t i = emt_ranges_from(&facts->pci_bars, f->ranges[0].first);

	if (i < facts->pci_bars.n && facts->pci_bars.v[i].first <= f->ranges[0].first)
		snprintf(device, sizeof(device), ", %s", emt_bar_name(facts->pci_bars.v[i].tag, name));
	snprintf(f->explanation, sizeof(f->explanation), "%s%s: %s%s", emt_reason_name(f->why), device,
		 emt_reason_text(f->why), f->verdict == EMT_V_SUSPECT ? "; unless its memory map is another than assumed" : "");
	if (f->verdict == EMT_V_SUSPECT)
		snprintf(f->next, sizeof(f->next), "check guest_e820: %s", emt_fact_descs[EMT_FACT_GUEST_E820].how);
	else
		snprintf(f->next, sizeof(f->next), "emtctl explain SOURCE 0x%llx", (unsigned long long)f->ranges[0].first);
}

void emt_group_explain(struct emt_group *g, const struct emt_release *rel, const struct emt_facts *facts,
		       uint64_t judged)
{
	struct emt_finding *f = &g->f;
	char names[180], want[96];
	uint64_t n;
	int fact;

	if (g->key.defect >= 0) {
		explain_defect(f);
		return;
	}
	if (f->why >= EMT_WHY_PV_IDENTITY_MISSING && f->why <= EMT_WHY_PV_IOMAP) {
		explain_pv(f, facts);
		return;
	}
	emt_outcomes_text(f->expected, want, sizeof(want));
	switch (f->verdict) {
	case EMT_V_PENDING:
		snprintf(f->explanation, sizeof(f->explanation),
			 "EMT 7 here or above: Xen recomputes the type when the gfn is next touched");
		break;
	case EMT_V_UNDETERMINED:
		fact_names(f->facts, facts, names, sizeof(names));
		if (f->why == EMT_WHY_NO_TYPE)
			snprintf(f->explanation, sizeof(f->explanation), "%s", emt_reason_text(f->why));
		else
			snprintf(f->explanation, sizeof(f->explanation), "possible: %s; would be decided by %s", want, names);
		fact = first_fact(f->facts);
		if (fact >= 0)
			snprintf(f->next, sizeof(f->next), "%s", emt_fact_descs[fact].how);
		break;
	case EMT_V_SUSPECT:
		fact = cheapest(g, judged, &n);
		if (fact >= 0) {
			hypothesis(g, fact, facts, n, f->explanation, sizeof(f->explanation));
			check_text(f, fact);
		} else {
			fact_names(f->facts, facts, names, sizeof(names));
			snprintf(f->explanation, sizeof(f->explanation), "explained only if %s differ from what is assumed", names);
		}
		break;
	case EMT_V_UNSPLIT:
		snprintf(f->explanation, sizeof(f->explanation),
			 "%s splits these superpages: their pages need different types", rel->full);
		snprintf(f->next, sizeof(f->next), "emtctl explain SOURCE 0x%llx", (unsigned long long)f->ranges[0].first);
		break;
	case EMT_V_MISMATCH:
		snprintf(f->explanation, sizeof(f->explanation),
			 "%s would write %s; nothing unknown or assumed explains the difference", rel->full, want);
		snprintf(f->next, sizeof(f->next), "emtctl explain SOURCE 0x%llx --mail",
			 (unsigned long long)f->ranges[0].first);
		break;
	default:
		snprintf(f->explanation, sizeof(f->explanation), "%s", emt_reason_text(f->why));
		if (f->why == EMT_WHY_NONCOHERENT || f->why == EMT_WHY_CR0_CD)
			snprintf(f->next, sizeof(f->next),
				 "entries are written anew once the guest changes an MTRR that covers them, or their memory is unmapped");
		else if (f->verdict == EMT_V_STALE)
			snprintf(f->next, sizeof(f->next),
				 "a pin set or deleted, or a guest MTRR write while I/O rights are held, recomputes all entries");
	}
}
