/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What only the boot log tells: how the IOMMU was set up, and with mtrr.show the whole
 * of the host's MTRRs. The log stands in the console ring until later text overwrites
 * it; reading the ring costs nothing.
 */
#include "source/xen_bootlog.h"

#include <stdlib.h>
#include <string.h>

#include "console/console.h"

#define PIECE 65536
#define PIECES 4096         /* no ring is as large as that */

struct log {
	struct emt_console *c;
	struct emt_facts *f;
	struct emt_mtrr mtrr;   /* as it was at boot */
	bool has_mtrr;
};

static void flag(struct emt_facts *f, enum emt_fact_id id, uint64_t value, enum emt_held held, const char *origin)
{
	if (f->prov[id].held != EMT_UNKNOWN)
		return;
	*emt_facts_flag(f, id) = value != 0;
	emt_facts_set(f, id, held, origin);
}

static int on_fact(void *arg, enum emt_fact_id id, uint32_t domid, uint64_t first, uint64_t last, uint32_t tag,
		   unsigned long line)
{
	struct log *log = arg;
	const char *origin = emt_console_origin(log->c);

	(void)last, (void)tag, (void)line;
	/* Debug keys' text may stand behind it, of any age. */
	if (domid != UINT32_MAX || strcmp(origin, "boot log"))
		return 0;
	if (id == EMT_FACT_IOMMU_ENABLED || id == EMT_FACT_IOMMU_SNOOP)
		flag(log->f, id, first, EMT_KNOWN, origin);
	/* Where the host can share, one domain may still not. */
	if (id == EMT_FACT_IOMMU_SHARED)
		flag(log->f, id, first, first ? EMT_ASSUMED : EMT_KNOWN, origin);
	return 0;
}

static int on_mtrr(void *arg, enum emt_fact_id id, uint32_t domid, uint32_t vcpu, const struct emt_mtrr *m,
		   unsigned long line)
{
	struct log *log = arg;

	(void)vcpu, (void)line;
	if (id == EMT_FACT_HOST_MTRR && domid == UINT32_MAX) {
		log->mtrr = *m;
		log->has_mtrr = true;
	}
	return 0;
}

/* ---- the host's MTRRs, then and now ---- */

/* Ranges of one set that are in use and not in the other. The log and the call write
 * masks of different widths: the lowest bit of a mask says how long its range is. */
static bool within(const struct emt_mtrr *a, const struct emt_mtrr *b)
{
	for (unsigned int i = 0; i < a->vcnt; i++) {
		bool found = false;

		if (!(a->var[i][1] & 0x800))
			continue;
		for (unsigned int k = 0; k < b->vcnt && !found; k++)
			found = b->var[k][1] & 0x800 && a->var[i][0] == b->var[k][0] &&
				__builtin_ctzll(a->var[i][1] >> 12 | 1ull << 51) ==
					__builtin_ctzll(b->var[k][1] >> 12 | 1ull << 51);
		if (!found)
			return false;
	}
	return true;
}

static int earlier(struct emt_facts *f, const struct emt_mtrr *m)
{
	f->host_earlier = calloc(1, sizeof(*m));
	if (!f->host_earlier)
		return EMT_E_NOMEM;
	f->host_earlier[0] = *m;
	f->nr_host_earlier = 1;
	emt_facts_set(f, EMT_FACT_HOST_MTRR_EARLIER, EMT_KNOWN, "boot log (mtrr.show)");
	f->host_mtrr_changed = 1;
	emt_facts_set(f, EMT_FACT_HOST_MTRR_CHANGED, EMT_KNOWN, "XENPF_read_memtype differs from the boot log");
	return 0;
}

/* The call tells the ranges of now, the log the rest: default and fixed ranges, which
 * nothing in dom0 can change. */
static int host_mtrr(const struct log *log, struct emt_facts *f)
{
	struct emt_mtrr *m = &f->host_mtrr;

	if (f->prov[EMT_FACT_HOST_MTRR].held == EMT_UNKNOWN) {
		*m = log->mtrr;
		emt_facts_set(f, EMT_FACT_HOST_MTRR, EMT_ASSUMED, "boot log (mtrr.show); dom0 may have changed them");
		return 0;
	}
	m->def_type = log->mtrr.def_type;
	m->e = log->mtrr.e;
	m->fe = log->mtrr.fe;
	m->def_held = log->mtrr.def_held;
	memcpy(m->fixed, log->mtrr.fixed, sizeof(m->fixed));
	m->fixed_held = log->mtrr.fixed_held;
	emt_facts_set(f, EMT_FACT_HOST_MTRR, EMT_KNOWN, "XENPF_read_memtype, and the boot log (mtrr.show)");
	for (unsigned int i = 0; i < m->vcnt; i++)
		if (m->var_held[i] == EMT_UNKNOWN)
			return 0; /* a range that cannot be compared */
	if (within(m, &log->mtrr) && within(&log->mtrr, m))
		return 0;
	return earlier(f, &log->mtrr);
}

/* ---- the ring ---- */

static int feed(struct emt_xen *x, struct emt_console *c, struct emt_err *err)
{
	char *piece = malloc(PIECE);
	uint32_t index = 0;
	long n = piece ? 1 : EMT_E_NOMEM;

	for (unsigned int i = 0; i < PIECES && n > 0; i++) {
		uint64_t lost = 0;

		n = emt_xen_console(x, &index, piece, PIECE, &lost, err);
		if (n > 0 && emt_console_feed(c, piece, (size_t)n, err))
			n = EMT_E_NOMEM;
	}
	free(piece);
	return n < 0 ? (int)n : emt_console_finish(c, err);
}

int emt_xen_boot_log(struct emt_xen *x, struct emt_facts *f, struct emt_err *err)
{
	static const struct emt_console_ops ops = { .fact = on_fact, .mtrr = on_mtrr };
	struct log log = { .f = f };
	int rc;

	log.c = emt_console_new(&ops, &log);
	rc = log.c ? feed(x, log.c, err) : EMT_E_NOMEM;
	emt_console_free(log.c);
	if (!rc && log.has_mtrr)
		rc = host_mtrr(&log, f);
	return rc;
}
