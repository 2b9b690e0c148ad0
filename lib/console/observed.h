/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a text told of hosts and domains, each with where it stood; and the facts of
 * one dump out of it. A text is one instant, so what stands behind a dump counts for
 * it too; where the same is told several times and differently, the nearest counts.
 */
#ifndef EMT_CONSOLE_OBSERVED_H
#define EMT_CONSOLE_OBSERVED_H

#include "console/console.h"

/* Beside the facts, with numbers of their own behind EMT_FACT_NR. */
#define EMT_OBSERVED_ABOUT(what) (EMT_FACT_NR + (int)(what))

struct emt_observation {
	int id;               /* enum emt_fact_id or EMT_OBSERVED_ABOUT() */
	uint32_t domid;       /* UINT32_MAX = the host */
	uint32_t vcpu;
	uint32_t file;        /* index of the text */
	unsigned long first, last; /* lines between which it was told and stayed so */
	const char *origin;   /* constant */
	bool whole;           /* lists: complete */
	uint64_t value;       /* scalars */
	char *text;           /* owned */
	struct emt_ranges list; /* owned */
	struct emt_mtrr *mtrr;/* owned */
};

struct emt_observed {
	struct emt_observation *v; /* owned */
	size_t n, room;
};

/* Where a dump stands. */
struct emt_dump_place {
	uint32_t domid;
	uint32_t file;
	unsigned long first, last;
};

/* More vCPUs than any release has are damage, not vCPUs. */
#define EMT_OBSERVED_VCPU_MAX 8192

void emt_observed_free(struct emt_observed *o);

/* One for each event of a console reader. Return 0 or EMT_E_NOMEM. */
int emt_observed_value(struct emt_observed *o, int id, uint32_t domid, uint32_t vcpu, uint64_t value,
		       uint32_t file, unsigned long line, const char *origin);
int emt_observed_text(struct emt_observed *o, int id, uint32_t domid, const char *text, uint32_t file,
		      unsigned long line, const char *origin);
int emt_observed_mtrr(struct emt_observed *o, int id, uint32_t domid, uint32_t vcpu, const struct emt_mtrr *m,
		      uint32_t file, unsigned long line, const char *origin);
int emt_observed_list(struct emt_observed *o, int id, uint32_t domid, uint32_t file, unsigned long line,
		      const char *origin);
/* To the list of 'id' and 'domid' begun last in that file. */
int emt_observed_element(struct emt_observed *o, int id, uint32_t domid, uint32_t file, uint64_t first,
			 uint64_t last, uint32_t tag);
void emt_observed_whole(struct emt_observed *o, int id, uint32_t domid, uint32_t file);

/* Facts of the dump at 'place'; 'f' must be initialised. 'time' of the observation,
 * 0 = not stated. 'note' (may be NULL) hears of what was told differently. */
int emt_observed_facts(const struct emt_observed *o, const struct emt_dump_place *place, int64_t time,
		       struct emt_facts *f, void (*note)(unsigned long line, const char *text, void *arg),
		       void *arg);

/* What depends on the release, once that is final: how far save records of MTRRs and
 * tables of key o can be trusted. */
void emt_observed_settle(struct emt_facts *f);

#endif
