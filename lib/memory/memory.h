/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machine memory as a file: a raw image (QEMU's RAM file), an ELF core (QEMU's
 * dump-guest-memory, Xen's kdump vmcore), or single pages. One question: "give me
 * the 4 KiB frame N". Frames outside the RAM of the host E820, once that is known,
 * are refused, never read.
 */
#ifndef EMT_MEMORY_MEMORY_H
#define EMT_MEMORY_MEMORY_H

#include "base/err.h"
#include "base/range.h"
#include "table/walk.h"

enum emt_mem_kind { EMT_MEM_RAW, EMT_MEM_ELF, EMT_MEM_PAGES };

#define EMT_FRAME_SIZE 4096u

/* Hears of every frame that was read (and of none that was refused). */
typedef void emt_mem_log(uint64_t mfn, void *arg);

/* What notes of an ELF core tell. */
struct emt_mem_notes {
	uint32_t xen_major, xen_minor;  /* crash note of a Xen vmcore, 0 = none */
	uint64_t xen_phys_start;        /* the same; EMT_NO_FRAME = not told */
	uint64_t cr3[64];               /* of the CPUs, as QEMU's or Xen's notes give them */
	unsigned int nr_cr3;
};

struct emt_mem;

/* Open a file; looks at its first bytes for the kind. EMT_E_FORMAT for files that are
 * none (a capture, a compressed dump), with what to do. */
int emt_mem_open(struct emt_mem **out, const char *path, struct emt_err *err);
/* No file: pages put in one by one (copied). */
int emt_mem_pages(struct emt_mem **out, const char *name, struct emt_err *err);
int emt_mem_put(struct emt_mem *m, uint64_t mfn, const void *page);
void emt_mem_close(struct emt_mem *m);

enum emt_mem_kind emt_mem_kind(const struct emt_mem *m);
const char *emt_mem_kind_name(const struct emt_mem *m); /* "raw image" ... */
const char *emt_mem_path(const struct emt_mem *m);
const struct emt_mem_notes *emt_mem_notes(const struct emt_mem *m);

/* Frames that can be read now: of the file, cut to the E820's RAM once given. Empty for
 * single pages: ask emt_mem_is_ram(). */
const struct emt_ranges *emt_mem_ram(const struct emt_mem *m);
bool emt_mem_is_ram(const struct emt_mem *m, uint64_t mfn);
/* The host's E820 (tag 1 = RAM, as in facts). A raw image larger than the hole below
 * 4 GiB is laid out by it. EMT_E_FORMAT when the file cannot hold that RAM. */
int emt_mem_set_e820(struct emt_mem *m, const struct emt_ranges *e820, struct emt_err *err);

/* One frame; valid until eight more were asked for. NULL = not RAM, or not readable. */
const void *emt_mem_frame(struct emt_mem *m, uint64_t mfn);
/* Bytes at a machine address, across frames. 0 or EMT_E_IO. */
int emt_mem_read(struct emt_mem *m, uint64_t maddr, void *buf, size_t len);
void emt_mem_set_log(struct emt_mem *m, emt_mem_log *log, void *arg);
uint64_t emt_mem_reads(const struct emt_mem *m); /* frames read so far */

/* For the table walker. Valid as long as 'm'. */
struct emt_memory emt_mem_memory(struct emt_mem *m);

/* All frames that can be read, in order, in pieces of up to 1 MiB, each of whole
 * frames that follow each other; holes of a sparse file are left out. cb returns
 * non-zero to stop, which is passed on. */
int emt_mem_scan(struct emt_mem *m, int (*cb)(uint64_t mfn, const uint8_t *data, size_t frames, void *arg),
		 void *arg, struct emt_err *err);

#endif
