/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the engine: shared by its files in lib/audit only. */
#ifndef EMT_AUDIT_ENGINE_H
#define EMT_AUDIT_ENGINE_H

#include "audit/audit.h"
#include "audit/timeline.h"

/* A judgement of one observed type under one cell. */
struct emt_judged {
	uint8_t done;       /* computed */
	uint8_t verdict;    /* enum emt_verdict */
	uint8_t why;        /* enum emt_reason */
	uint64_t facts;     /* as in struct emt_piece */
};

/* All entries that agree in profile on both sides, order, permissions and stated
 * type: the policy gives them one answer. */
struct emt_cell {
	uint64_t key;
	struct emt_box held;     /* sets with assumed facts held */
	struct emt_box free;     /* sets with assumed facts free too */
	uint16_t types;
	uint16_t host_earlier; /* host types under MTRRs in force earlier */
	emt_outcomes expected, possible;
	emt_outcomes by_class[EMT_GUEST_CLASSES];
	emt_defect_mask defects;
	bool neutral;       /* no pin changes 'expected' */
	struct emt_judged judged[16]; /* by outcome number of the entry's type */
};

struct emt_engine {
	struct emt_facts facts;
	struct emt_release rel;
	struct emt_timelines ts;
	struct emt_box domain[2];   /* atoms of the whole domain: assumed held / free */
	struct emt_cell **cells;    /* open addressing by key */
	size_t nr_cells, room_cells;
	struct emt_cell *last;
	struct emt_cell scratch;    /* for entries beyond the segments */
	struct emt_pv_engine *pv;   /* PV domains: instead of all the above; NULL */
};

struct emt_where {
	uint64_t gfn, mfn;
	unsigned int order, perm, p2mt;
};

/* The cell of an entry. NULL when memory is short. */
struct emt_cell *emt_engine_cell(struct emt_engine *e, const struct emt_where *w, uint64_t *gend, uint64_t *mend);

/* Judge an observed outcome (emt * 2 + ipat) without regard to position. */
void emt_judge(struct emt_engine *e, struct emt_cell *cell, unsigned int obs, unsigned int perm,
	       unsigned int order, struct emt_judged *out);

/* Is it the type of the superpage around that the entry may have been split from:
 * returns 9 or 18, or 0. */
unsigned int emt_inherited_from(struct emt_engine *e, const struct emt_where *w, unsigned int obs);

/* Facts behind an atom, as a mask of enum emt_fact_id. */
uint64_t emt_atom_facts(const struct emt_engine *e, unsigned int atom);

/* PV domains, engine_pv.c: by the kernel's rules, with the engine's facts. */
struct emt_pv_engine;
int emt_pv_engine_new(struct emt_pv_engine **out, const struct emt_facts *facts, struct emt_err *err);
void emt_pv_engine_free(struct emt_pv_engine *p);
int emt_pv_engine_run(struct emt_pv_engine *p, const struct emt_run *run, emt_piece_cb cb, void *arg);
/* A sentence or two on a piece of one entry: what it is, where, what the kernel puts there. */
void emt_pv_engine_explain(const struct emt_pv_engine *p, const struct emt_piece *piece, char *out, size_t room);

emt_outcomes emt_engine_eval(const struct emt_engine *e, const struct emt_box *box);

#endif
