/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PV domain's p2m, run by run: is each entry what its kernel should have there, does
 * the M2P agree, and is device memory to be had?
 */
#ifndef EMT_AUDIT_PV_H
#define EMT_AUDIT_PV_H

#include "audit/audit.h"
#include "policy/pv.h"

enum emt_pv_finding {
	EMT_PVF_OK,
	EMT_PVF_IDENTITY_MISSING, /* device memory, by a BAR or a listed region, is not identity */
	EMT_PVF_IDENTITY_ON_RAM,  /* RAM whose entry says identity */
	EMT_PVF_MISSING_IN_HOLE,  /* a gap, or what is above RAM, is missing */
	EMT_PVF_FRAME_IN_HOLE,    /* where no RAM is stands a machine frame */
	EMT_PVF_M2P_MISMATCH,     /* Xen's M2P gives the frame another place */
	EMT_PVF_WRONG_IDENTITY,   /* identity of another frame */
	EMT_PVF_NR,
};
const char *emt_pv_finding_name(unsigned int finding); /* "ok", "identity-missing" ... */

/* Device memory in the address space of the machine. */
struct emt_pv_bar {
	uint64_t first, last; /* frames */
	char name[64];        /* "0000:03:00.0 BAR 2" */
};

struct emt_pv_opts {
	const struct emt_pv_era *era; /* NULL = not known */
	const struct emt_ranges *e820; /* that the domain has; sorted */
	uint64_t size;                /* end of the memory that it was given, 0 = not known */
	const struct emt_pv_bar *bars; /* sorted by first frame; may be NULL */
	size_t nr_bars;
	/* Xen's M2P of a frame: 0 and the pfn, or not 0 where it is not known. May be NULL. */
	int (*m2p)(void *arg, uint64_t mfn, uint64_t *pfn);
	void *arg;
};

/* Entries that follow each other, of one kind, in one place, with one verdict. */
struct emt_pv_run {
	uint64_t pfn, count;
	struct emt_pv_entry entry;   /* of the first; frames that follow it but when missing */
	enum emt_pv_place place;
	uint32_t tag;                /* of the region of the map, 0 = none */
	const struct emt_pv_bar *bar; /* NULL = none */
	unsigned int expected;       /* set of enum emt_pv_kind */
	enum emt_pv_finding finding;
	bool by_rule;                /* the kernel does it everywhere: no accident */
	enum emt_severity severity;
	uint64_t m2p;                /* m2p-mismatch: what the M2P says of the first */
};

struct emt_pv_audit;
typedef int (*emt_pv_cb)(const struct emt_pv_run *run, void *arg);

/* 'o' is borrowed. NULL when memory is short. */
struct emt_pv_audit *emt_pv_audit_new(const struct emt_pv_opts *o, emt_pv_cb cb, void *arg);
/* Entries in order of pfn; gaps between them mean nothing was read there. Returns what
 * 'cb' returned to stop, else 0. */
int emt_pv_audit_add(struct emt_pv_audit *a, uint64_t pfn, struct emt_pv_entry e);
/* The same entry for many pfns: missing, or identity of each. */
int emt_pv_audit_fill(struct emt_pv_audit *a, uint64_t pfn, uint64_t count, enum emt_pv_kind kind);
/* Give the run that is held back, since the next may continue it. */
int emt_pv_audit_flush(struct emt_pv_audit *a);
/* The last run, and the end: frees 'a'. */
int emt_pv_audit_end(struct emt_pv_audit *a);

/* A sentence for people on a run. */
char *emt_pv_run_text(const struct emt_pv_run *r, const struct emt_pv_era *era, char *out, size_t room);

#endif
