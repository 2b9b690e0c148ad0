/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IOMMU tables of key o as capture records "IOMT": runs of dfn -> mfn. A large table
 * is several records of one walk (same 'table' number, 'part' 0, 1, ..., the last one
 * with EMT_IOMT_LAST), so that neither writer nor reader holds all of it.
 *
 * Layout, little endian:
 *   0  "IOMT1\0"        6 bytes
 *   6  u16 flags        enum emt_iommu_flags
 *   8  u32 domid        UINT32_MAX = not known
 *  12  u32 table        counts the tables in the file, from 0
 *  16  u32 part         counts the parts of the table, from 0
 *  20  u8  levels       of the table, 0 = not known
 *  21  u8[3]            0
 *  24  u32 runs         in this part
 *  28  u32 bad          lines that could not be used (of the whole table, in its last part)
 *  32  runs, each in LEB128 (7 bits a byte, low first, bit 7 = more follow):
 *        gap in frames from the end of the run before (the first: from dfn 0)
 *        count of entries
 *        mfn, as zigzag of the difference to the end of the run before
 *        level << 3 | perm + 0 (0 ... 3), or | 4 where no permissions are printed
 */
#ifndef EMT_CONSOLE_IOMMU_BLOB_H
#define EMT_CONSOLE_IOMMU_BLOB_H

#include "base/err.h"
#include "base/types.h"

#define EMT_IOMT_KIND "IOMT"
#define EMT_IOMT_HEAD 32

enum emt_iommu_flags {
	EMT_IOMT_SHARED = 1 << 0, /* uses the EPT itself: no runs */
	EMT_IOMT_AMD = 1 << 1,    /* printed by AMD-Vi, else by VT-d */
	EMT_IOMT_LAST = 1 << 2,   /* last part of the table */
};

struct emt_iommu_head {
	uint32_t domid;
	uint32_t table, part;
	uint32_t runs;
	uint32_t bad;
	uint16_t flags;  /* enum emt_iommu_flags */
	uint8_t levels;
};

/* 'count' entries of 512^(level-1) frames each; dfn and mfn advance alike. */
struct emt_iommu_run {
	uint64_t dfn, mfn, count;
	uint8_t level;   /* 1 = 4 KiB, 2 = 2 MiB, 3 = 1 GiB */
	uint8_t perm;    /* EMT_R | EMT_W, 0xff = not printed */
};

/* Where a finished part goes. Returns 0 or a negative emt_errcode. */
typedef int emt_iommu_sink(const void *data, size_t len, void *arg);

struct emt_iommu_writer {
	struct emt_iommu_head head;
	struct emt_iommu_run run; /* being joined; count 0 = none */
	uint64_t end, mfn_end;    /* of the last run written in this part */
	size_t len, room;         /* of 'buf' in use; part is passed on at 'room' */
	uint8_t *buf;             /* owned */
	emt_iommu_sink *sink;
	void *arg;
};

/* 'part_size': bytes of a part, 0 = default (256 KiB). Returns 0 or EMT_E_NOMEM. */
int emt_iommu_writer_init(struct emt_iommu_writer *w, size_t part_size, emt_iommu_sink *sink, void *arg);
/* Begin the next table; 'flags' without EMT_IOMT_LAST. */
void emt_iommu_writer_begin(struct emt_iommu_writer *w, uint32_t domid, unsigned int flags,
			    unsigned int levels);
/* Entries come in dfn order. */
int emt_iommu_writer_put(struct emt_iommu_writer *w, uint64_t dfn, uint64_t mfn, unsigned int perm,
			 unsigned int level);
int emt_iommu_writer_end(struct emt_iommu_writer *w, uint32_t bad);
void emt_iommu_writer_free(struct emt_iommu_writer *w);

/* Read one part: its head, then each run. 'run' returns non-zero to stop, which is
 * passed on. EMT_E_DAMAGED for anything that a writer cannot have written. */
int emt_iommu_read(const void *data, size_t len, struct emt_iommu_head *head,
		   int (*run)(const struct emt_iommu_run *run, void *arg), void *arg, struct emt_err *err);

#endif
