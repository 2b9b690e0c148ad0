/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What devices reach: runs of an IOMMU table, and whose the frames are.
 */
#ifndef EMT_BASE_DFN_H
#define EMT_BASE_DFN_H

#include "base/types.h"

/* What a device reaches: 'frames' that advance alike. */
struct emt_dfn_run {
	uint64_t dfn, mfn, frames;
	uint8_t perm;    /* EMT_R | EMT_W; 0xff = the source does not tell */
};

/* Whose a frame is now. */
enum emt_frame_owner {
	EMT_FRAME_UNKNOWN,
	EMT_FRAME_THIS,   /* the domain's own */
	EMT_FRAME_OTHER,  /* another domain's */
	EMT_FRAME_XEN,
	EMT_FRAME_FREE,
	EMT_FRAME_DEVICE, /* no RAM */
	EMT_FRAME_OWNER_NR,
};
const char *emt_frame_owner_name(unsigned int owner); /* "unknown", "this-domain" ... */

/* Whose 'mfn' is; sets '*domid' (UINT32_MAX = not known) for EMT_FRAME_OTHER. */
typedef enum emt_frame_owner (*emt_frame_owner_fn)(void *arg, uint64_t mfn, uint32_t *domid);

#endif
