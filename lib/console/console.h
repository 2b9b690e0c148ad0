/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text of Xen's console as `xl dmesg` gives it: the boot log and the output of
 * debug keys D, q, Q, o and v, of any release, in any mix, with foreign lines
 * between, lines cut by a wrapped ring, CRLF, lost trailing blanks, several dumps.
 * A push parser: feed lines, get events. It keeps no more than one line.
 */
#ifndef EMT_CONSOLE_CONSOLE_H
#define EMT_CONSOLE_CONSOLE_H

#include "base/err.h"
#include "base/run.h"
#include "policy/facts.h"

enum emt_note_level { EMT_NOTE_INFO, EMT_NOTE_WARNING };

/* Why something inside an EPT dump was not passed on as an entry. */
enum emt_console_drop {
	EMT_DROP_LINE,  /* looks like an entry and cannot be read as one */
	EMT_DROP_ENTRY, /* an entry out of gfn order, overlapping or misaligned */
};

/* What is told of a domain that no rule looks at. */
enum emt_console_about {
	EMT_ABOUT_UUID,     /* text */
	EMT_ABOUT_NR_PAGES, /* value: tot_pages */
	EMT_ABOUT_EPTP,     /* value: the EPT pointer of its first vCPU */
	EMT_ABOUT_VCPUS,    /* value: vCPUs that key q shows */
	EMT_ABOUT_CMDLINE,  /* text: of the hypervisor (domid UINT32_MAX) */
};

/* Called as things are recognised; any may be NULL. Each returns 0 to go on or a
 * negative emt_errcode that emt_console_feed() passes on. */
struct emt_console_ops {
	/* Key D: a domain's EPT dump begins / one entry / the dump ended. A dump whose
	 * heading was lost begins with domid UINT32_MAX and cut_head set in _end.
	 * Entries come in gfn order without overlap, aligned, count 1. Dumps of Xen
	 * before 4.5 show neither type nor permissions: EMT_RUN_NO_TYPE is set and perm
	 * only says whether there is a frame (rwx) or not (0; also for mfn 0, which
	 * those releases print for slots never populated). PoD entries and non-present
	 * ones have perm 0; ffffffffff as mfn is EMT_NO_FRAME. */
	int (*ept_begin)(void *arg, uint32_t domid, unsigned long line);
	int (*ept_entry)(void *arg, const struct emt_run *entry, unsigned long line);
	/* Between _begin and _end: this line gave no entry (a note says why). */
	int (*ept_dropped)(void *arg, enum emt_console_drop what, unsigned long line);
	/* 'line' is the last one of the dump. */
	int (*ept_end)(void *arg, bool cut_head, bool cut_tail, unsigned long line);
	/* Key o: IOMMU table of a domain. 'shared' dumps have no entries. 'perm' is
	 * EMT_R | EMT_W as far as printed, 0xff where the release prints none. 'level'
	 * is levels - depth by the indent (1 = 4 KiB). Entries come in dfn order. A
	 * table whose heading was lost has domid UINT32_MAX and levels 0. */
	int (*iommu_begin)(void *arg, uint32_t domid, bool shared, bool amd, unsigned int levels,
			   unsigned long line);
	int (*iommu_entry)(void *arg, uint64_t dfn, uint64_t mfn, unsigned int perm, unsigned int level,
			   unsigned long line);
	/* 'bad': lines of the table that could not be used; each had its note. */
	int (*iommu_end)(void *arg, unsigned long bad, unsigned long line);
	/* Keys q, Q, v and the boot log: a fact about 'domid' (UINT32_MAX = the host).
	 * Scalars in 'first' (vCPU facts: the vCPU in 'tag'); list elements first..last
	 * with 'tag'. PCI_DEVICES is the count of one domain in one dump of key Q. */
	int (*fact)(void *arg, enum emt_fact_id id, uint32_t domid, uint64_t first, uint64_t last,
		    uint32_t tag, unsigned long line);
	int (*fact_text)(void *arg, enum emt_fact_id id, uint32_t domid, const char *text,
			 unsigned long line);
	/* A list of a domain begins anew; its elements follow. */
	int (*list_begin)(void *arg, enum emt_fact_id id, uint32_t domid, unsigned long line);
	/* The list begun last is complete (its block was seen whole). PCI_DEVICES with
	 * domid UINT32_MAX: a dump of key Q is complete; domains not named have none. */
	int (*list_whole)(void *arg, enum emt_fact_id id, uint32_t domid, unsigned long line);
	/* Host MTRRs of the boot log (mtrr.show), vCPU MTRR records, PAT, CR0. */
	int (*mtrr)(void *arg, enum emt_fact_id id, uint32_t domid, uint32_t vcpu, const struct emt_mtrr *m,
		    unsigned long line);
	int (*about)(void *arg, enum emt_console_about what, uint32_t domid, uint64_t value, const char *text,
		     unsigned long line);
	/* Something in or near a dump that could not be used; never silently skipped. */
	int (*note)(void *arg, enum emt_note_level level, unsigned long line, const char *text);
};

struct emt_console;

struct emt_console *emt_console_new(const struct emt_console_ops *ops, void *arg);
void emt_console_free(struct emt_console *c);

/* Feed any amount of text; lines may be split between calls. */
int emt_console_feed(struct emt_console *c, const char *text, size_t len, struct emt_err *err);
/* End of input: ends what is open. 'c' can only be freed afterwards. */
int emt_console_finish(struct emt_console *c, struct emt_err *err);

/* Lines begun so far. */
unsigned long emt_console_lines(const struct emt_console *c);
/* Of them, those that told something. */
unsigned long emt_console_used(const struct emt_console *c);
/* In a callback: what the event was read from: "key q", "boot log" ... A constant. */
const char *emt_console_origin(const struct emt_console *c);

/* A line longer than this is cut, with a note. */
#define EMT_CONSOLE_LINE_MAX 4096

#endif
