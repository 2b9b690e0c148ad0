/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Words that every layer shares: frame numbers, memory types, p2m types and
 * permissions, with Xen's names and numbers.
 */
#ifndef EMT_BASE_TYPES_H
#define EMT_BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EMT_VERSION "0.1.0"

/* "No frame": what Xen calls INVALID_MFN. Also "to the end" in ranges. */
#define EMT_NO_FRAME UINT64_MAX

#define EMT_ORDER_4K 0
#define EMT_ORDER_2M 9
#define EMT_ORDER_1G 18

#define EMT_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Memory types as the EPT entry's bits 5:3, the MTRRs and the PAT encode them
 * (SDM vol. 3, 12.11.2.1 and 29.3.7). 2 and 3 are reserved; 7 is UC- in the PAT
 * and, in an EPT entry, Xen's mark for "recompute me" since 4.5. */
enum emt_mt {
	EMT_MT_UC = 0,
	EMT_MT_WC = 1,
	EMT_MT_RSVD2 = 2,
	EMT_MT_RSVD3 = 3,
	EMT_MT_WT = 4,
	EMT_MT_WP = 5,
	EMT_MT_WB = 6,
	EMT_MT_7 = 7,
};

/* p2m_type_t of Xen on x86; the numbers have been stable since 4.2. */
enum emt_p2mt {
	EMT_P2M_RAM_RW = 0,
	EMT_P2M_INVALID = 1,
	EMT_P2M_RAM_LOGDIRTY = 2,
	EMT_P2M_RAM_RO = 3,
	EMT_P2M_MMIO_DM = 4,
	EMT_P2M_MMIO_DIRECT = 5,
	EMT_P2M_POD = 6,
	EMT_P2M_GRANT_RW = 7,
	EMT_P2M_GRANT_RO = 8,
	EMT_P2M_PAGING_OUT = 9,
	EMT_P2M_PAGED = 10,
	EMT_P2M_PAGING_IN = 11,
	EMT_P2M_SHARED = 12,
	EMT_P2M_BROKEN = 13,
	EMT_P2M_FOREIGN = 14,
	EMT_P2M_IOREQ_SERVER = 15,
	EMT_P2M_NR = 16,
	EMT_P2M_UNKNOWN = 0xff, /* the source does not show it */
};

/* Permission bits as in the EPT entry. */
enum emt_perm { EMT_R = 1, EMT_W = 2, EMT_X = 4 };

/* How domain memory is translated. */
enum emt_paging {
	EMT_PAGING_UNKNOWN,
	EMT_PAGING_EPT,
	EMT_PAGING_NPT,
	EMT_PAGING_SHADOW,
	EMT_PAGING_PV,
};

/* Names of the above. emt_mt_name() gives "UC", "WC", "?2", "?3", "WT", "WP",
 * "WB", "??" (7). The parsers return -1 when the text is no such name; they
 * take "UC-" as 7 and, for types, the numbers too. */
const char *emt_mt_name(unsigned int mt);
int emt_mt_parse(const char *text);
const char *emt_p2mt_name(unsigned int p2mt);
int emt_p2mt_parse(const char *text);
const char *emt_paging_name(unsigned int paging);
int emt_paging_parse(const char *text);

/* Write "rwx" with '-' for what is missing into 'out' (4 bytes). */
void emt_perm_text(unsigned int perm, char out[4]);

/* Parse a number: decimal, or hex with 0x; nothing else (never bare hex).
 * Returns 0, or -1 if 'text' is not wholly such a number or exceeds 64 bits. */
int emt_parse_u64(const char *text, uint64_t *out);

/* Parse a hex number with or without 0x (raw console fields). */
int emt_parse_hex(const char *text, uint64_t *out);

#endif
