/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Xen's livepatch interface, as far as emt's own payload needs it: 4.17 and later (its
 * list was another before). Uploading, applying and taking away need
 * emt_xen_allow_changes().
 */
#ifndef EMT_XEN_LIVEPATCH_H
#define EMT_XEN_LIVEPATCH_H

#include "xen/xen.h"

enum emt_livepatch_state {
	EMT_LIVEPATCH_ABSENT,
	EMT_LIVEPATCH_UPLOADED, /* in Xen's memory, not in use */
	EMT_LIVEPATCH_APPLIED,
};
const char *emt_livepatch_state_name(unsigned int state); /* "absent", "uploaded", "applied" */

struct emt_livepatch {
	enum emt_livepatch_state state;
	int error;           /* errno of the last action, 0 = none */
	uint32_t others;     /* payloads of other names */
	uint32_t applied;    /* those of them that are in use */
	char other[128];     /* name of one of these */
};

/* The payload 'name' and what else is there. EMT_E_UNSUPPORTED: this Xen has no
 * livepatch, or its interface is not known. */
int emt_livepatch_status(struct emt_xen *x, const char *name, struct emt_livepatch *out, struct emt_err *err);

/* EMT_E_UNSUPPORTED: Xen does not take this file (another build); EMT_E_USAGE: the name is
 * taken; EMT_E_PERM. */
int emt_livepatch_upload(struct emt_xen *x, const char *name, const void *file, size_t len, struct emt_err *err);

/* Each waits for its end. EMT_E_IO with errno's text when it failed. */
int emt_livepatch_apply(struct emt_xen *x, const char *name, struct emt_err *err);
int emt_livepatch_revert(struct emt_xen *x, const char *name, struct emt_err *err);
int emt_livepatch_unload(struct emt_xen *x, const char *name, struct emt_err *err);

#endif
